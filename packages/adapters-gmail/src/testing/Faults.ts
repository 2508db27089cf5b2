/** What can go wrong between a client and Google, and which requests came. */
import { DateTime, Schema } from "effect"

import { apiError, type Reply } from "./GoogleReply.ts"

export const RequestKind = Schema.Literals([
  "authorize",
  "token.exchange",
  "token.refresh",
  "revoke",
  "profile",
  "labels.list",
  "labels.get",
  "messages.list",
  "messages.get",
  "history.list",
])
export type RequestKind = typeof RequestKind.Type

export const Failure = Schema.Literals([
  /** 429. */
  "tooManyRequests",
  /** 403 with the reason `rateLimitExceeded`, as Gmail usually says it. */
  "rateLimitExceeded",
  /** 400 `failedPrecondition`, which passes. */
  "failedPrecondition",
  /** 500. */
  "internalError",
  /** 503. */
  "unavailable",
  /** 404 for a message that was announced too early. */
  "notFound",
  /** The work is done, and half of the answer arrives under status 200. */
  "truncatedBody",
  /** The work is done, and nothing of the answer arrives under status 200. */
  "emptyBody",
  /** Nothing is done and nothing is answered. */
  "hang",
  /** The connection drops before anything is done. */
  "dropBeforeWork",
  /** The work is done, then the connection drops. */
  "dropAfterWork",
])
export type Failure = typeof Failure.Type

/** The next `times` requests of a kind fail in this way. */
export const Fault = Schema.Struct({
  failure: Failure,
  /** Any kind if absent. */
  kind: Schema.optionalKey(RequestKind),
  /** Once if absent. */
  times: Schema.optionalKey(Schema.Natural),
  /** The `Retry-After` header of a refusal. */
  retryAfterSeconds: Schema.optionalKey(Schema.Natural),
  /** The time that a 429 names in its message instead, as Gmail does when a mailbox is locked for longer. */
  retryAt: Schema.optionalKey(Schema.DateTimeUtcFromString),
})
export type Fault = typeof Fault.Type

/** A request as it was met. */
export interface Request {
  readonly kind: RequestKind
  /** Whose token it bore; absent where it bore none that is good. */
  readonly mailbox?: string
  /** The message or label asked for. */
  readonly id?: string
  /** Of `messages.get`. */
  readonly format?: string
  /** What became of it: a status as it was answered whole, or the failure that met it instead. */
  readonly outcome: number | Failure
}

/** The requests of this process, for those who count them and those who wait for one. */
export class Journal {
  private readonly entries: Array<Request> = []
  private waiting: ReadonlyArray<() => boolean> = []

  get requests(): ReadonlyArray<Request> {
    return [...this.entries]
  }

  count(kind: RequestKind) {
    return this.entries.filter((request) => request.kind === kind).length
  }

  add(request: Request) {
    this.entries.push(request)
    this.waiting = this.waiting.filter((isDone) => !isDone())
  }

  clear() {
    this.entries.length = 0
  }

  /** Calls back when that many requests of a kind have been met, which may be at once. */
  whenMet(kind: RequestKind, times: number, callback: () => void) {
    const isDone = () => {
      const enough = this.count(kind) >= times
      if (enough) callback()
      return enough
    }
    if (!isDone()) this.waiting = [...this.waiting, isDone]
  }
}

/** Faults that wait for their requests, in order. */
export class FaultQueue {
  private waiting: ReadonlyArray<{ readonly fault: Fault; readonly left: number }> = []

  add(fault: Fault) {
    this.waiting = [...this.waiting, { fault, left: fault.times ?? 1 }].filter(({ left }) => left > 0)
  }

  clear() {
    this.waiting = []
  }

  take(kind: RequestKind): Fault | undefined {
    const found = this.waiting.find(({ fault }) => fault.kind === undefined || fault.kind === kind)
    this.waiting = this.waiting
      .map((entry) => (entry === found ? { ...entry, left: entry.left - 1 } : entry))
      .filter(({ left }) => left > 0)
    return found?.fault
  }
}

/** The failures that are answers, given without doing any work. */
export const refusalOf = ({ failure, retryAfterSeconds, retryAt }: Fault): Reply | undefined => {
  const headers: Record<string, string> =
    retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) }
  switch (failure) {
    case "tooManyRequests":
      return apiError(
        429,
        "RESOURCE_EXHAUSTED",
        "rateLimitExceeded",
        retryAt === undefined
          ? "Too many concurrent requests for user."
          : `User-rate limit exceeded. Retry after ${DateTime.formatIso(retryAt)}`,
        headers,
      )
    case "rateLimitExceeded":
      return apiError(
        403,
        "PERMISSION_DENIED",
        "rateLimitExceeded",
        "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute per user' of service 'gmail.googleapis.com'.",
        headers,
      )
    case "failedPrecondition":
      return apiError(400, "FAILED_PRECONDITION", "failedPrecondition", "Precondition check failed.")
    case "internalError":
      return apiError(500, "INTERNAL", "backendError", "Internal error encountered.", headers)
    case "unavailable":
      return apiError(503, "UNAVAILABLE", "backendError", "The service is currently unavailable.", headers)
    case "notFound":
      return apiError(404, "NOT_FOUND", "notFound", "Requested entity was not found.")
    default:
      return undefined
  }
}
