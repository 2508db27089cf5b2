/** From what came over the wire to what it means: the only place that sees the stock client's responses and errors. */
import type { IncomingHttpHeaders } from "node:http"

import { DateTime, Duration, Effect, Option, Schema } from "effect"
import type { gaxios } from "google-auth-library"

import {
  GoogleError,
  InvalidGrant,
  MissingScope,
  NotFound,
  RateLimited,
  type Reason,
  Refused,
  Unauthorized,
  Unavailable,
  UnexpectedAnswer,
} from "./GoogleError.ts"

/** What a request to Google brought back, whatever its status. `data` is the text itself where it is not JSON. */
interface GoogleAnswer {
  readonly status: number
  readonly retryAfter: string | null
  readonly data: unknown
}

/** The part of the stock client's responses that is read. What it calls headers is often neither of its two types. */
export interface Response {
  readonly status: number
  readonly headers: Headers | IncomingHttpHeaders
  readonly data: unknown
}

/** What every request of this package asks of the stock client: no hidden retries, and errors as answers. */
export const requestOptions = {
  retry: false,
  responseType: "json" as const,
  validateStatus: () => true,
  // A proxy of the environment is for Google, not for a simulator on this machine.
  noProxy: ["127.0.0.1", "localhost", "[::1]"] as Array<string>,
} satisfies gaxios.GaxiosOptions

/** Asks Google once. Interruption and the timeout abort the request; what the stock client throws stays here. */
export const ask = (
  method: string,
  timeout: Duration.Duration,
  request: (signal: AbortSignal) => Promise<Response>,
): Effect.Effect<GoogleAnswer, GoogleError> =>
  Effect.tryPromise({ try: request, catch: () => failed(method, new Unavailable({ problem: "no answer" })) }).pipe(
    Effect.map(({ data, headers, status }) => ({
      status,
      retryAfter: (isHeaders(headers) ? headers.get("retry-after") : headers["retry-after"]) ?? null,
      data,
    })),
    Effect.timeoutOrElse({
      duration: timeout,
      orElse: () => Effect.fail(failed(method, new Unavailable({ problem: "timeout" }))),
    }),
  )

/** Decodes an answer: an error status fails, and so does a body that is no object, since it was cut off or lost. */
export const decode = <A, I>(schema: Schema.Codec<A, I>, method: string) => {
  const decodeBody = Schema.decodeUnknownEffect(schema)
  return Effect.fnUntraced(function* (answer: GoogleAnswer) {
    if (answer.status >= 300) return yield* failed(method, reasonOf(answer, yield* DateTime.now))
    if (typeof answer.data !== "object" || answer.data === null) {
      return yield* failed(method, new Unavailable({ problem: "incomplete answer" }))
    }
    return yield* Effect.mapError(decodeBody(answer.data), ({ message }) =>
      failed(method, new UnexpectedAnswer({ problem: message })),
    )
  })
}

/** Its default transport brings headers of its own make, which are no global `Headers`. */
export const isHeaders = (headers: Response["headers"]): headers is Headers => typeof headers["get"] === "function"

const failed = (method: string, reason: Reason) => new GoogleError({ method, reason })

/** Google counts by the day at most. Who names more time than that is asked after a day whether it is meant. */
const longestWait = Duration.hours(25)

/** 403 is how Gmail usually says that it is asked too often. */
const throttles = new Set(["rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "dailyLimitExceeded"])

const reasonOf = (answer: GoogleAnswer, now: DateTime.Utc): Reason => {
  const { code, message } = errorOf(answer.data)
  if (answer.status >= 500 || answer.status === 408) return new Unavailable({ problem: "server error" })
  if (answer.status === 429 || throttles.has(code)) {
    const retryAfter = waitOfHeader(answer.retryAfter, now).pipe(
      Option.orElse(() => waitUntil(/retry after (\S+)/i.exec(message)?.[1], now)),
      Option.orElse(() => (code === "dailyLimitExceeded" ? Option.some(untilReset(now)) : Option.none())),
    )
    return new RateLimited(Option.isSome(retryAfter) ? { retryAfter: Duration.min(retryAfter.value, longestWait) } : {})
  }
  if (answer.status === 401) return code === "invalid_client" ? new Refused({ code }) : new Unauthorized()
  if (answer.status === 404) return new NotFound()
  if (isBroken(answer.data)) return new Unavailable({ problem: "incomplete answer" })
  switch (code) {
    case "invalid_grant":
      return new InvalidGrant()
    case "insufficientPermissions":
      return new MissingScope({ missing: [] })
    case "failedPrecondition":
      return new Unavailable({ problem: "precondition" })
    case "":
      return new UnexpectedAnswer({ problem: `status ${answer.status} without a reason` })
    default:
      return new Refused({ code })
  }
}

/** Of what Google refuses it says why, as an object; proxies in front of it may say anything else. */
const isBroken = (data: unknown) => typeof data === "string" && /^\s*(\{|$)/.test(data)

/** Google counts days by its own clock. */
const untilReset = (now: DateTime.Utc) => {
  const there = DateTime.setZone(now, DateTime.zoneMakeNamedUnsafe("America/Los_Angeles"))
  return DateTime.distance(there, DateTime.startOf(DateTime.add(there, { days: 1 }), "day"))
}

/** The token endpoint's `{ error }` and the APIs' `{ error: { errors: [{ reason }] } }`. */
const ErrorBody = Schema.Struct({
  error: Schema.Union([
    Schema.String,
    Schema.Struct({
      message: Schema.optionalKey(Schema.String),
      errors: Schema.optionalKey(Schema.Array(Schema.Struct({ reason: Schema.optionalKey(Schema.String) }))),
    }),
  ]),
})
const decodeErrorBody = Schema.decodeUnknownOption(ErrorBody)

const errorOf = (data: unknown): { readonly code: string; readonly message: string } => {
  const body = decodeErrorBody(data)
  if (Option.isNone(body)) return { code: "", message: "" }
  const { error } = body.value
  if (typeof error === "string") return { code: word(error), message: "" }
  return { code: word(error.errors?.[0]?.reason), message: error.message ?? "" }
}

/** Google's reasons are single words. Anything longer could quote the request. */
const word = (text = "") => (/^[A-Za-z_]{1,48}$/.test(text) ? text : "")

const waitOfHeader = (header: string | null, now: DateTime.Utc): Option.Option<Duration.Duration> =>
  header !== null && /^\d{1,9}$/.test(header) ? Option.some(Duration.seconds(Number(header))) : waitUntil(header, now)

const waitUntil = (instant: string | null | undefined, now: DateTime.Utc): Option.Option<Duration.Duration> =>
  Option.map(DateTime.make(instant ?? ""), (until) =>
    Duration.millis(Math.max(0, DateTime.toEpochMillis(until) - DateTime.toEpochMillis(now))),
  )
