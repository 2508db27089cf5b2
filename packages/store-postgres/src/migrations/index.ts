/**
 * The history of the schema, in order. What was released is never changed: a mistake is corrected by a later number.
 */
import * as RolesAndSchema from "./0000_roles_and_schema.ts"
import * as Log from "./0001_log.ts"
import * as Projections from "./0002_projections.ts"
import * as Vault from "./0003_vault.ts"
import * as Head from "./0004_head.ts"
import * as Next from "./0005_next.ts"

export interface Migration {
  readonly number: number
  readonly name: string
  /** One SQL statement each. */
  readonly statements: ReadonlyArray<string>
}

export const all: ReadonlyArray<Migration> = [
  { number: 0, name: "roles_and_schema", statements: RolesAndSchema.statements },
  { number: 1, name: "log", statements: Log.statements },
  { number: 2, name: "projections", statements: Projections.statements },
  { number: 3, name: "vault", statements: Vault.statements },
  { number: 4, name: "head", statements: Head.statements },
  { number: 5, name: "next", statements: Next.statements },
]
