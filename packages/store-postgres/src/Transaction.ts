/**
 * Transactions that fail when the connection breaks, instead of dying.
 */
import { type PgClient } from "@effect/sql-pg"
import { Cause, Effect } from "effect"
import { SqlError } from "effect/sql"

/**
 * `sql.withTransaction`, with an error that can be caught and retried whatever happens to the connection.
 *
 * When the server ends a session inside a transaction, the client's own `ROLLBACK` fails as well, and `withTransaction`
 * then turns both into defects. What was written is rolled back, or, if it broke at the commit, may have happened.
 */
export const atomically =
  (sql: PgClient.PgClient) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | SqlError.SqlError, R> =>
    Effect.catchCause(sql.withTransaction(effect), (cause) => {
      const broken = cause.reasons.flatMap((reason) =>
        Cause.isDieReason(reason) && SqlError.isSqlError(reason.defect) ? [reason.defect] : [],
      )
      const [error] = broken
      return error === undefined || Cause.hasInterrupts(cause) ? Effect.failCause(cause) : Effect.fail(error)
    })
