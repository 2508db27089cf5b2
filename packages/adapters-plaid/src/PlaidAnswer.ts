/** From what came over the wire to what it means: the only place that sees the stock client's responses and errors. */
import { Provider } from "@holdfast/domain"
import { DateTime, Duration, Effect, Option, Schema } from "effect"

import { Answer, PlaidError, type Reason, reasonOf, unexpectedAnswer, word } from "./PlaidError.ts"

/** What a request to Plaid brought back, whatever its status. `data` is the text itself where it is not JSON. */
interface PlaidAnswer {
  readonly status: number
  readonly retryAfter: string | undefined
  readonly data: unknown
}

/** The part of the stock client's responses that is read. */
export interface Response {
  readonly status: number
  readonly headers: object
  readonly data: unknown
}

/** Asks Plaid once. Interruption and the timeout abort the request; what the stock client throws stays here. */
export const ask = (
  endpoint: string,
  timeout: Duration.Duration,
  request: (signal: AbortSignal) => Promise<Response>,
): Effect.Effect<PlaidAnswer, PlaidError> =>
  Effect.tryPromise({ try: request, catch: () => unavailable(endpoint, "no answer") }).pipe(
    Effect.map(({ data, headers, status }) => ({ status, retryAfter: retryAfterOf(headers), data })),
    Effect.timeoutOrElse({ duration: timeout, orElse: () => Effect.fail(unavailable(endpoint, "timeout")) }),
  )

/** Decodes an answer: an error status fails, and so does a body that was cut off or lost. */
export const decode = <A, I>(schema: Schema.Codec<A, I>, endpoint: string) => {
  const decodeBody = Schema.decodeUnknownEffect(schema)
  return Effect.fnUntraced(function* (answer: PlaidAnswer) {
    if (answer.status >= 300) return yield* refused(endpoint, answer, yield* DateTime.now)
    if (typeof answer.data !== "object" || answer.data === null)
      return yield* unavailable(endpoint, "incomplete answer")
    return yield* Effect.mapError(decodeBody(answer.data), ({ message }) =>
      failed(endpoint, unexpectedAnswer, new Provider.UnexpectedAnswer({ problem: message })),
    )
  })
}

const refused = (endpoint: string, { data, retryAfter, status }: PlaidAnswer, now: DateTime.Utc) => {
  if (status < 429 && isBroken(data)) return unavailable(endpoint, "incomplete answer")
  const answer = Option.getOrElse(decodeAnswer(data), () => ({ error_type: "", error_code: `status ${status}` }))
  const reason = reasonOf(status, answer, waitOf(retryAfter, now))
  return failed(endpoint, Option.isSome(decodeAnswer(data)) ? word(answer.error_code) : `status ${status}`, reason)
}

/** Of what Plaid refuses it says why, as an object; proxies in front of it may say anything else. */
const isBroken = (data: unknown) => typeof data === "string" && /^\s*(\{|$)/.test(data)

const decodeAnswer = Schema.decodeUnknownOption(Answer)

const failed = (endpoint: string, code: string, reason: Reason) => new PlaidError({ endpoint, code, reason })

const unavailable = (endpoint: string, code: string) => failed(endpoint, code, new Provider.Unavailable())

const retryAfterOf = (headers: object) => {
  const value: unknown = "retry-after" in headers ? headers["retry-after"] : undefined
  return typeof value === "string" ? value : undefined
}

/** Plaid documents none; proxies in front of it may send one. */
const waitOf = (header: string | undefined, now: DateTime.Utc): Duration.Duration | undefined => {
  if (header === undefined) return undefined
  if (/^\d{1,9}$/.test(header)) return Duration.seconds(Number(header))
  return Option.getOrUndefined(
    Option.map(DateTime.make(header), (until) =>
      Duration.millis(Math.max(0, DateTime.toEpochMillis(until) - DateTime.toEpochMillis(now))),
    ),
  )
}
