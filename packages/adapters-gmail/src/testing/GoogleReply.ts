/** Answers as Google words them. */

export interface Reply {
  readonly status: number
  /** JSON, unless it is a string: then HTML. */
  readonly body: unknown
  readonly headers?: Record<string, string>
}

export const ok = (body: unknown): Reply => ({ status: 200, body })

export const redirect = (location: string): Reply => ({ status: 302, body: "", headers: { location } })

/** An error of the Gmail API. */
export const apiError = (
  code: number,
  status: string,
  reason: string,
  message: string,
  headers: Record<string, string> = {},
): Reply => ({
  status: code,
  body: { error: { code, message, errors: [{ message, domain: domainOf(reason), reason }], status } },
  headers,
})

export const notFound = apiError(404, "NOT_FOUND", "notFound", "Requested entity was not found.")

export const invalidArgument = (message: string): Reply => apiError(400, "INVALID_ARGUMENT", "invalidArgument", message)

export const unauthenticated = apiError(
  401,
  "UNAUTHENTICATED",
  "authError",
  "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
)

export const insufficientScopes = apiError(
  403,
  "PERMISSION_DENIED",
  "insufficientPermissions",
  "Request had insufficient authentication scopes.",
)

/** As Gmail usually says that somebody asks too often. */
export const quotaExceeded = apiError(
  403,
  "PERMISSION_DENIED",
  "rateLimitExceeded",
  "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute per user' of service 'gmail.googleapis.com'.",
)

/** Passes mostly; a mailbox without a licence is answered so for ever. */
export const failedPrecondition = apiError(
  400,
  "FAILED_PRECONDITION",
  "failedPrecondition",
  "Precondition check failed.",
)

/** An error of the token endpoint. */
export const oauthError = (status: number, error: string, description: string): Reply => ({
  status,
  body: { error, error_description: description },
})

function domainOf(reason: string): string {
  return /limit|quota/i.test(reason) ? "usageLimits" : "global"
}
