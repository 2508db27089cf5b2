/**
 * Why Google could not be asked, in this adapter's words.
 *
 * The stock client's errors carry the request they failed on, and with it refresh tokens, addresses and searches. None
 * of them leaves this package: what is known is said here again, in a fixed vocabulary, without a `cause`.
 *
 * @see https://developers.google.com/workspace/gmail/api/guides/handle-errors
 */
import { Schema } from "effect"

/**
 * The refresh token or the code is not, or no longer, honoured. Read the stored credentials again before believing it:
 * another process may have replaced them. Asking again with the same grant does not help.
 */
export class InvalidGrant extends Schema.TaggedError<InvalidGrant>()("InvalidGrant", {}) {}

/** The access token is not honoured: it expired or its grant was revoked. One refresh tells which. */
export class Unauthorized extends Schema.TaggedError<Unauthorized>()("Unauthorized", {}) {}

/** Google asked for patience. Nothing is wrong with the request: the same one succeeds later. */
export class RateLimited extends Schema.TaggedError<RateLimited>()("RateLimited", {
  /** How long Google asked to wait, by its header or its message; absent if it named no time. */
  retryAfter: Schema.optionalKey(Schema.DurationFromMillis),
}) {}

/** Google could not be reached, failed, or its answer arrived incomplete. Asking again may help. */
export class Unavailable extends Schema.TaggedError<Unavailable>()("Unavailable", {
  problem: Schema.Literals(["no answer", "timeout", "incomplete answer", "server error", "precondition"]),
}) {}

/** The person declined on the consent page. */
export class Denied extends Schema.TaggedError<Denied>()("Denied", {}) {}

/** The person consented to less than what is needed; asking for consent again may help. */
export class MissingScope extends Schema.TaggedError<MissingScope>()("MissingScope", {
  /** The scopes as Google names them; empty if Google did not name them. */
  missing: Schema.Array(Schema.String),
}) {}

/** The history before this cursor is gone: list the label again and compare. */
export class HistoryExpired extends Schema.TaggedError<HistoryExpired>()("HistoryExpired", {}) {}

/** There is no such message or label, or it cannot be read yet: a new message may take seconds to appear. */
export class NotFound extends Schema.TaggedError<NotFound>()("NotFound", {}) {}

/** Google refuses for a reason that only an operator or administrator can remove. Asking again does not help. */
export class Refused extends Schema.TaggedError<Refused>()("Refused", {
  /** Google's own word for it, such as `accessNotConfigured`, `domainPolicy` or `invalid_client`. */
  code: Schema.String,
}) {}

/** Google answered, but not as documented. Asking again does not help. */
export class UnexpectedAnswer extends Schema.TaggedError<UnexpectedAnswer>()("UnexpectedAnswer", {
  /** What was wrong with its shape; never what it contained. */
  problem: Schema.String,
}) {}

/** A request to Google failed. Handle a reason with `Effect.catchReason`. */
export class GoogleError extends Schema.TaggedError<GoogleError>()("GoogleError", {
  /** What was asked, as Google names the method: `messages.get`, `token`. */
  method: Schema.String,
  reason: Schema.Union([
    InvalidGrant,
    Unauthorized,
    RateLimited,
    Unavailable,
    Denied,
    MissingScope,
    HistoryExpired,
    NotFound,
    Refused,
    UnexpectedAnswer,
  ]),
}) {
  override get message() {
    return `${this.method}: ${describe(this.reason)}`
  }

  /** Whether the same request may succeed later without anything else being done. */
  get retryable() {
    return this.reason._tag === "RateLimited" || this.reason._tag === "Unavailable"
  }
}
export type Reason = GoogleError["reason"]

const describe = (reason: Reason): string => {
  switch (reason._tag) {
    case "InvalidGrant":
      return "the grant is not honoured; asking again with it does not help"
    case "Unauthorized":
      return "the access token is not honoured; refresh it once"
    case "RateLimited":
      return "Google asks for patience; the same request succeeds later"
    case "Unavailable":
      return `Google could not be asked (${reason.problem}); asking again may help`
    case "Denied":
      return "the person declined"
    case "MissingScope":
      return `consent is missing for ${reason.missing.join(", ") || "a scope that this needs"}`
    case "HistoryExpired":
      return "the history before this cursor is gone; list and compare"
    case "NotFound":
      return "not there, or not readable yet"
    case "Refused":
      return `refused (${reason.code}); asking again does not help`
    case "UnexpectedAnswer":
      return `an answer that is not as documented: ${reason.problem}`
  }
}
