/**
 * What Plaid's error codes mean for a connection.
 *
 * Codes are Plaid's, the reasons are the domain's. A code that is not listed is
 * judged by the HTTP status, so that a new one neither ends a connection nor is
 * asked for without end.
 *
 * @see https://plaid.com/docs/errors/
 */
import { Provider } from "@holdfast/domain"
import { type Duration, Schema } from "effect"

/** The body of an error answer, as far as it is read. The messages are for people, and may quote what they typed. */
export const Answer = Schema.Struct({
  error_type: Schema.String,
  error_code: Schema.String,
  error_code_reason: Schema.optionalKey(Schema.NullOr(Schema.String)),
})
export type Answer = typeof Answer.Type

export type Reason = Provider.ProviderError["reason"]

/**
 * A request to Plaid failed. It carries no `cause`: the stock client's errors hold the request with the host's secret
 * and the access token, and none of them leaves this package. Handle a reason with `Effect.catchReason`.
 */
export class PlaidError extends Schema.TaggedError<PlaidError>()("PlaidError", {
  /** What was asked, as Plaid names it: `transactions/sync`. */
  endpoint: Schema.String,
  /** Plaid's own code, or this adapter's word where Plaid gave none: `timeout`. */
  code: Schema.String,
  reason: Provider.ProviderError.fields.reason,
}) {
  override get message() {
    return `${this.endpoint}: ${this.code} (${this.reason._tag})`
  }

  /** Whether the same request may succeed later without anything else being done. */
  get retryable() {
    return this.reason._tag === "RateLimited" || this.reason._tag === "Unavailable"
  }
}

/** The code of an answer that is no error and not as documented either. */
export const unexpectedAnswer = "unexpected answer"

export const reasonOf = (
  status: number,
  { error_code, error_code_reason, error_type }: Answer,
  retryAfter?: Duration.Duration,
): Reason => {
  if (error_code === "ITEM_LOGIN_REQUIRED" && error_code_reason === "OAUTH_USER_REVOKED") {
    return new Provider.AuthorizationEnded({ reason: "revoked" })
  }
  if (status === 429 || error_type === "RATE_LIMIT_EXCEEDED") {
    return new Provider.RateLimited(retryAfter === undefined ? {} : { retryAfter })
  }
  const known = reasons.get(error_code)
  if (known !== undefined) return known()
  return status >= 500 ? new Provider.Unavailable() : new Provider.UnexpectedAnswer({ problem: word(error_code) })
}

/** Plaid's codes are upper-case words. Anything else could quote the request. */
export const word = (code: string) => (/^[A-Z][A-Z0-9_]{0,63}$/.test(code) ? code : "an unknown code")

const expired = () => new Provider.AuthorizationEnded({ reason: "expired" })
const revoked = () => new Provider.AuthorizationEnded({ reason: "revoked" })
const notShared = () => new Provider.AuthorizationEnded({ reason: "missing_scope" })
const unavailable = () => new Provider.Unavailable()

const reasons = new Map<string, () => Reason>(
  Object.entries({
    // Only the owner can mend these, by logging in again.
    ITEM_LOGIN_REQUIRED: expired,
    ITEM_LOCKED: expired,
    INVALID_CREDENTIALS: expired,
    INVALID_MFA: expired,
    INVALID_UPDATED_USERNAME: expired,
    PASSWORD_RESET_REQUIRED: expired,
    USER_SETUP_REQUIRED: expired,
    // The owner shares too little, or an account that was shared is gone: they choose again.
    ACCESS_NOT_GRANTED: notShared,
    NO_ACCOUNTS: notShared,
    ADDITIONAL_CONSENT_REQUIRED: notShared,
    // The Item is gone: connecting again makes a new one.
    ITEM_NOT_FOUND: revoked,
    ITEM_CONCURRENTLY_DELETED: revoked,
    INVALID_ACCESS_TOKEN: revoked,
    USER_PERMISSION_REVOKED: revoked,
    // Passing, whatever the status says.
    PRODUCT_NOT_READY: unavailable,
    INSTITUTION_DOWN: unavailable,
    INSTITUTION_NOT_AVAILABLE: unavailable,
    INSTITUTION_NOT_RESPONDING: unavailable,
    INTERNAL_SERVER_ERROR: unavailable,
    PLANNED_MAINTENANCE: unavailable,
    TRANSACTIONS_SYNC_MUTATION_DURING_PAGINATION: unavailable,
    // The source is not, or no longer, an account of the Item.
    INVALID_ACCOUNT_ID: () => new Provider.SourceNotFound({ setting: "account" }),
  }),
)
