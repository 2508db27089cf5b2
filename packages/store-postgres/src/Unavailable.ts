/**
 * What is known after PostgreSQL failed.
 *
 * PostgreSQL quotes rows in its errors, so only the class of failure passes.
 */
import { EventStore } from "@holdfast/domain"
import { Predicate } from "effect"
import { type SqlError } from "effect/sql"

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
