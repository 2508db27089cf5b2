/**
 * What is known after PostgreSQL failed.
 *
 * PostgreSQL quotes rows in its errors, so only the class of failure passes.
 */
import { EventStore } from "@holdfast/domain"
import { Effect, Predicate } from "effect"
import { SqlError } from "effect/sql"

/** Lets a failure of PostgreSQL reach the caller of a port as one that it knows. */
export const ported = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.mapError(effect, (error) => (SqlError.isSqlError(error) ? unavailable(error) : error)) as Effect.Effect<
    A,
    Exclude<E, SqlError.SqlError> | EventStore.EventStoreUnavailable,
    R
  >

export const unavailable = (error: SqlError.SqlError): EventStore.EventStoreUnavailable => {
  const state = sqlState(error)
  return new EventStore.EventStoreUnavailable({
    reason: state === undefined ? error.reason._tag : `${error.reason._tag} ${state}`,
    outcome: isWithoutEffect(error) ? "nothing-written" : "unknown",
  })
}

/** The SQLSTATE, where the server itself answered. */
export const sqlState = ({ reason }: SqlError.SqlError): string | undefined => {
  const { cause } = reason
  const answered = Predicate.hasProperty(cause, "severity") && Predicate.hasProperty(cause, "code")
  return answered && typeof cause.code === "string" ? cause.code : undefined
}

/**
 * An answer means that the transaction was rolled back, unless the server was going down (57P): then the commit may
 * have come first. Without an answer it is only sure where no connection was made.
 */
const isWithoutEffect = (error: SqlError.SqlError) => {
  const state = sqlState(error)
  if (error.reason.operation === "connect") return true
  return state !== undefined && !["08", "57P", "58", "XX"].some((kind) => state.startsWith(kind))
}
