/**
 * Statements on behalf of one tenant.
 */
import { PgClient } from "@effect/sql-pg"
import { type Ids } from "@holdfast/domain"
import { Effect, Option } from "effect"
import { type SqlError } from "effect/sql"

import { atomically } from "./Transaction.ts"

/**
 * Runs an effect in a transaction that is bound to a tenant: row-level security shows and takes nothing else.
 *
 * Inside the host's transaction it joins it, and leaves it as unbound as it was. A transaction that is bound to another
 * tenant is refused with SQLSTATE HF001.
 */
export const scoped =
  (tenantId: Ids.TenantId) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | SqlError.SqlError, R | PgClient.PgClient> =>
    Effect.gen(function* () {
      const sql = (yield* PgClient.PgClient).withoutTransforms()
      const joined = Option.isSome(yield* Effect.serviceOption(sql.transactionService))
      const bound = Effect.gen(function* () {
        const [before] = yield* sql<{ tenant: string }>`
          SELECT coalesce(current_setting('holdfast.tenant', true), '') AS tenant, holdfast.bind_tenant(${tenantId})`
        const result = yield* effect
        if (joined) yield* sql`SELECT set_config('holdfast.tenant', ${before?.tenant ?? ""}, true)`
        return result
      })
      return yield* atomically(sql)(bound)
    })
