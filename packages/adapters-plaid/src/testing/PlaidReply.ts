/** Answers as Plaid words them. */

export interface Reply {
  readonly status: number
  /** JSON, unless it is a string: then HTML. */
  readonly body: object | string
  readonly headers?: Record<string, string>
}

export const ok = (body: object = {}): Reply => ({ status: 200, body })

export const html = (status: number, body: string): Reply => ({ status, body })

/** An error as it stands in an answer, in an Item and in a webhook. */
export interface PlaidErrorBody {
  readonly error_type: string
  readonly error_code: string
  readonly error_code_reason?: string | null
  readonly error_message: string
  readonly display_message: string | null
  readonly documentation_url: string
  readonly suggested_action: string | null
}

export const errorBody = (code: string, message?: string, reason?: string | null): PlaidErrorBody => {
  const [type, , text, display = null] = errors[code] ?? ["API_ERROR", 400, code]
  return {
    error_type: type,
    error_code: code,
    ...(reason === undefined ? {} : { error_code_reason: reason }),
    error_message: message ?? text,
    display_message: display,
    documentation_url: `https://plaid.com/docs/?ref=error#${code}`,
    suggested_action: null,
  }
}

export const error = (code: string, message?: string, reason?: string | null): Reply => ({
  status: errors[code]?.[1] ?? 400,
  body: errorBody(code, message, reason),
})

/** By code: type, HTTP status, what developers read and what the person reads. */
const errors: Record<string, readonly [type: string, status: number, message: string, display?: string]> = {
  MISSING_FIELDS: ["INVALID_REQUEST", 400, "the following required fields are missing"],
  INVALID_FIELD: ["INVALID_REQUEST", 400, "a field is invalid"],
  UNKNOWN_FIELDS: ["INVALID_REQUEST", 400, "the following fields are not recognized by this endpoint"],
  INVALID_BODY: ["INVALID_REQUEST", 400, "request body must be valid JSON"],
  NOT_FOUND: ["INVALID_REQUEST", 404, "requested route cannot be found"],
  INVALID_API_KEYS: ["INVALID_INPUT", 400, "invalid client_id or secret provided"],
  INVALID_ACCESS_TOKEN: ["INVALID_INPUT", 400, "could not find matching access token"],
  INVALID_PUBLIC_TOKEN: ["INVALID_INPUT", 400, "could not find matching public token"],
  INVALID_LINK_TOKEN: ["INVALID_INPUT", 400, "could not find matching link token"],
  INVALID_ACCOUNT_ID: ["INVALID_INPUT", 400, "failed to find requested account ID for requested item"],
  INVALID_INSTITUTION: ["INVALID_INPUT", 400, "invalid institution_id provided"],
  INVALID_WEBHOOK_VERIFICATION_KEY_ID: ["INVALID_INPUT", 400, "invalid key_id provided. key_ids are case-sensitive"],
  ITEM_NOT_FOUND: [
    "ITEM_ERROR",
    400,
    "The Item you requested cannot be found. This Item does not exist, has been previously removed via /item/remove, or has had access removed by the user.",
  ],
  ITEM_LOGIN_REQUIRED: [
    "ITEM_ERROR",
    400,
    "the login details of this item have changed (credentials, MFA, or required user action) and a user login is required to update this information. use Link's update mode to restore the item to a good state",
  ],
  ITEM_LOCKED: [
    "ITEM_ERROR",
    400,
    "the account is locked. please ask the user to visit the institution's website and unlock their account",
    "The given account has been locked by your financial institution. Please visit its website and unlock your account.",
  ],
  INVALID_CREDENTIALS: [
    "ITEM_ERROR",
    400,
    "the provided credentials were not correct",
    "The provided credentials were not correct. Please try again.",
  ],
  INVALID_MFA: ["ITEM_ERROR", 400, "the provided MFA response(s) were not correct", "The code was not correct."],
  INVALID_UPDATED_USERNAME: [
    "ITEM_ERROR",
    400,
    "the username entered during update mode did not match the original username",
    "Try entering your bank account username again. If you recently changed it, you may need to un-link your account and then re-link.",
  ],
  ACCESS_NOT_GRANTED: ["ITEM_ERROR", 400, "the user did not grant access to the data that was requested"],
  USER_PERMISSION_REVOKED: [
    "ITEM_ERROR",
    400,
    "the holder of this account has revoked their permission for your application to access it",
  ],
  NO_ACCOUNTS: ["ITEM_ERROR", 400, "no valid accounts were found for this item"],
  NO_AUTH_ACCOUNTS: ["ITEM_ERROR", 400, "There are no valid checking or savings account(s) associated with this Item."],
  ITEM_CONCURRENTLY_DELETED: ["ITEM_ERROR", 400, "this item was deleted while the operation was in flight"],
  SANDBOX_WEBHOOK_INVALID: ["SANDBOX_ERROR", 400, "webhook is not valid: the Item has none"],
  PRODUCTS_NOT_SUPPORTED: ["ITEM_ERROR", 400, "the requested product is not supported by this institution"],
  PRODUCT_NOT_READY: [
    "ITEM_ERROR",
    400,
    "the requested product is not yet ready. please provide a webhook or try the request again later",
  ],
  INSTITUTION_DOWN: [
    "INSTITUTION_ERROR",
    400,
    "this institution is not currently responding to this request. please try again soon",
    "This financial institution is not currently responding to requests. We apologize for the inconvenience.",
  ],
  INSTITUTION_NOT_RESPONDING: [
    "INSTITUTION_ERROR",
    400,
    "this institution is not currently responding to this request. please try again soon",
    "This financial institution is not currently responding to requests. We apologize for the inconvenience.",
  ],
  TRANSACTIONS_SYNC_MUTATION_DURING_PAGINATION: [
    "TRANSACTIONS_ERROR",
    400,
    "Underlying transaction data changed since last page was fetched. Please restart pagination from last update.",
  ],
  INTERNAL_SERVER_ERROR: ["API_ERROR", 500, "an unexpected error occurred"],
  PLANNED_MAINTENANCE: ["API_ERROR", 503, "the Plaid API is temporarily unavailable due to planned maintenance"],
  RATE_LIMIT: ["RATE_LIMIT_EXCEEDED", 429, "rate limit exceeded. please try again later"],
  ACCOUNTS_LIMIT: ["RATE_LIMIT_EXCEEDED", 429, rateLimit("/accounts/get")],
  ACCOUNTS_BALANCE_GET_LIMIT: ["RATE_LIMIT_EXCEEDED", 429, rateLimit("/accounts/balance/get")],
  AUTH_LIMIT: ["RATE_LIMIT_EXCEEDED", 429, rateLimit("/auth/get")],
  BALANCE_LIMIT: ["RATE_LIMIT_EXCEEDED", 429, rateLimit("/accounts/balance/get")],
  IDENTITY_LIMIT: ["RATE_LIMIT_EXCEEDED", 429, rateLimit("/identity/get")],
  INSTITUTIONS_GET_BY_ID_LIMIT: ["RATE_LIMIT_EXCEEDED", 429, rateLimit("/institutions/get_by_id")],
  ITEM_GET_LIMIT: ["RATE_LIMIT_EXCEEDED", 429, rateLimit("/item/get")],
  TRANSACTIONS_LIMIT: ["RATE_LIMIT_EXCEEDED", 429, rateLimit("/transactions/get")],
  TRANSACTIONS_REFRESH_LIMIT: ["RATE_LIMIT_EXCEEDED", 429, rateLimit("/transactions/refresh")],
  TRANSACTIONS_SYNC_LIMIT: ["RATE_LIMIT_EXCEEDED", 429, rateLimit("/transactions/sync")],
}

function rateLimit(endpoint: string) {
  return `rate limit exceeded for attempts to access "${endpoint}". please try again later`
}
