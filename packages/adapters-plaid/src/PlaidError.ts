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
import { Schema } from "effect"

/** The body of an error answer, as far as it is read. The messages are for people, and may quote what they typed. */
export const Answer = Schema.Struct({
  error_type: Schema.String,
  error_code: Schema.String,
  error_code_reason: Schema.optionalKey(Schema.NullOr(Schema.String)),
})
export type Answer = typeof Answer.Type

export const reasonOf = (
  status: number,
  { error_code, error_code_reason }: Answer,
): Provider.ProviderError["reason"] => {
  const known = reasons.get(error_code)
  if (error_code === "ITEM_LOGIN_REQUIRED" && error_code_reason === "OAUTH_USER_REVOKED") {
    return new Provider.AuthorizationEnded({ reason: "revoked" })
  }
  if (known !== undefined) return known()
  if (status === 429) return new Provider.RateLimited({})
  return status >= 500 ? new Provider.Unavailable() : new Provider.UnexpectedAnswer({ problem: error_code })
}

const expired = () => new Provider.AuthorizationEnded({ reason: "expired" })
const revoked = () => new Provider.AuthorizationEnded({ reason: "revoked" })
const unavailable = () => new Provider.Unavailable()
const rateLimited = () => new Provider.RateLimited({})

const reasons = new Map<string, () => Provider.ProviderError["reason"]>(
  Object.entries({
    // Only the owner can mend these, by logging in again.
    ITEM_LOGIN_REQUIRED: expired,
    ITEM_LOCKED: expired,
    INVALID_CREDENTIALS: expired,
    INVALID_MFA: expired,
    ACCESS_NOT_GRANTED: () => new Provider.AuthorizationEnded({ reason: "missing_scope" }),
    INVALID_UPDATED_USERNAME: expired,
    // The Item is gone: connecting again makes a new one.
    ITEM_NOT_FOUND: revoked,
    INVALID_ACCESS_TOKEN: revoked,
    // Passing, whatever the status says.
    PRODUCT_NOT_READY: unavailable,
    INSTITUTION_DOWN: unavailable,
    INSTITUTION_NOT_RESPONDING: unavailable,
    INTERNAL_SERVER_ERROR: unavailable,
    RATE_LIMIT_EXCEEDED: rateLimited,
    ACCOUNTS_LIMIT: rateLimited,
  }),
)
