/** What can go wrong between a client and Google, and which requests came. */
import { DateTime, Schema } from "effect"

import { apiError, failedPrecondition, quotaExceeded, type Reply } from "./GoogleReply.ts"

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
  "watch",
  "stop",
  "certs",
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

/** Of the requests that are meant, the next `times` fail in this way; with a `ratio`, that part of them. */
export const Fault = Schema.Struct({
  failure: Failure,
  /** Any kind if absent. */
  kind: Schema.optionalKey(RequestKind),
  /** Only requests for this message or label. */
  id: Schema.optionalKey(Schema.String),
  /** How many of the requests that are meant are served before; none if absent. */
  after: Schema.optionalKey(Schema.Natural),
  /** Once if absent; with a `ratio` for ever. */
  times: Schema.optionalKey(Schema.Natural),
  /** The part of the requests that fail, 0 to 1; the same ones for the same `seed`. All if absent. */
  ratio: Schema.optionalKey(Schema.Finite),
  seed: Schema.optionalKey(Schema.Natural),
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
    // Whoever is called back may wait for the next one before this returns.
    const { waiting } = this
    this.waiting = []
    const still = waiting.filter((isDone) => !isDone())
    this.waiting = [...still, ...this.waiting]
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
  private waiting: ReadonlyArray<{
    readonly fault: Fault
    readonly after: number
    readonly left: number
    readonly dice: () => number
  }> = []

  add(fault: Fault) {
    const left = fault.times ?? (fault.ratio === undefined ? 1 : Infinity)
    const entry = { fault, after: fault.after ?? 0, left, dice: diceOf(fault.seed ?? 1) }
    this.waiting = [...this.waiting, entry].filter(({ left }) => left > 0)
  }

  clear() {
    this.waiting = []
  }

  take({ id, kind }: Pick<Request, "id" | "kind">): Fault | undefined {
    const means = ({ fault }: (typeof this.waiting)[number]) =>
      (fault.kind === undefined || fault.kind === kind) && (fault.id === undefined || fault.id === id)
    const found = this.waiting.find(
      (entry) =>
        entry.after === 0 && means(entry) && (entry.fault.ratio === undefined || entry.dice() < entry.fault.ratio),
    )
    this.waiting = this.waiting
      .map((entry) => {
        if (entry === found) return { ...entry, left: entry.left - 1 }
        return entry.after > 0 && means(entry) ? { ...entry, after: entry.after - 1 } : entry
      })
      .filter(({ left }) => left > 0)
    return found?.fault
  }
}

/** Numbers between 0 and 1, the same for the same seed (mulberry32). */
const diceOf = (seed: number) => {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
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
      return { ...quotaExceeded, headers }
    case "failedPrecondition":
      return failedPrecondition
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
