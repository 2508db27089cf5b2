/**
 * Databases of one test each, on a server that is given.
 */
import { randomUUID } from "node:crypto"

import { PgClient } from "@effect/sql-pg"
import { Effect, Redacted, type Scope } from "effect"
import { type SqlError } from "effect/sql"

/**
 * Creates an empty database (UTF8, C locale) of a new name, and drops it with whoever is still connected when the scope closes.
 *
 * `adminUrl` names a user who may create databases; the result is the same address with the new database in it.
 */
export const freshDatabase = Effect.fn("TestDatabase.freshDatabase")(function* (
  adminUrl: Redacted.Redacted,
): Effect.fn.Return<Redacted.Redacted, SqlError.SqlError, Scope.Scope> {
  const name = `holdfast_${randomUUID().replaceAll("-", "")}`
  const asAdmin = <A>(f: (sql: PgClient.PgClient) => Effect.Effect<A, SqlError.SqlError>) =>
    Effect.provide(Effect.flatMap(PgClient.PgClient, f), PgClient.layer({ url: adminUrl, maxConnections: 1 }))

  yield* Effect.acquireRelease(
    // template1 may be in use, and copying what an operator put into it would make servers differ.
    asAdmin((sql) => sql`CREATE DATABASE ${sql(name)} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'`),
    () => Effect.orDie(asAdmin((sql) => sql`DROP DATABASE IF EXISTS ${sql(name)} WITH (FORCE)`)),
  )
  const url = new URL(Redacted.value(adminUrl))
  url.pathname = name
  return Redacted.make(url.href)
})
