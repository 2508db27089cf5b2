/** What can go wrong between a client and Plaid, and which requests came. */
import { Schema } from "effect"

import { error, type Reply } from "./PlaidReply.ts"

export const Failure = Schema.Literals([
  /** 429; `errorCode` names the limit. */
  "tooManyRequests",
  /** 500 `INTERNAL_SERVER_ERROR`. */
  "internalError",
  /** 503, and a page for people instead of JSON. */
  "unavailable",
  /** The error of `errorCode`, as Plaid words it: `INSTITUTION_DOWN`, `ITEM_LOCKED` … */
  "error",
  /** The work is done, and half of the answer arrives under status 200. */
  "truncatedBody",
  /** The work is done, and nothing of the answer arrives under status 200. */
  "emptyBody",
  /** The work is done and answered `delayMillis` later. */
  "slow",
  /** Nothing is done and nothing is answered. */
  "hangBeforeWork",
  /** The work is done and nothing is answered. */
  "hangAfterWork",
  /** The connection drops before anything is done. */
  "dropBeforeWork",
  /** The work is done, then the connection drops. */
  "dropAfterWork",
])
export type Failure = typeof Failure.Type

/** The next `times` requests to an endpoint fail in this way. */
export const Fault = Schema.Struct({
  failure: Failure,
  /** `/transactions/sync` …; any if absent. */
  endpoint: Schema.optionalKey(Schema.NonEmptyString),
  /** Of this Item only. */
  itemId: Schema.optionalKey(Schema.NonEmptyString),
  /** How many requests are served before; none if absent. */
  after: Schema.optionalKey(Schema.Natural),
  /** Once if absent. */
  times: Schema.optionalKey(Schema.Natural),
  /** Of `error` and `tooManyRequests`. */
  errorCode: Schema.optionalKey(Schema.NonEmptyString),
  /** The `Retry-After` header of a refusal; Plaid documents none. */
  retryAfterSeconds: Schema.optionalKey(Schema.Natural),
  /** Of `slow`; by the clock of the program. */
  delayMillis: Schema.optionalKey(Schema.Natural),
})
export type Fault = typeof Fault.Type

/** A request as it was met. */
export interface Request {
  readonly endpoint: string
  /** Milliseconds since 1970, in the world's time. */
  readonly at: number
  /** Whose access token it bore; absent where it bore none that is good. */
  readonly itemId?: string
  readonly requestId: string
  /** What became of it: a status as it was answered whole, or the failure that met it instead. */
  readonly outcome: number | Failure
  /** Plaid's code, where it answered an error. */
  readonly errorCode?: string
}

/** The requests since the start, for those who count them and those who wait for one. */
export class Journal {
  private readonly entries: Array<Request> = []
  private waiting: ReadonlyArray<() => boolean> = []

  get requests(): ReadonlyArray<Request> {
    return [...this.entries]
  }

  count(endpoint: string, itemId?: string) {
    return this.entries.filter(
      (request) => request.endpoint === endpoint && (itemId === undefined || request.itemId === itemId),
    ).length
  }

  add(request: Request) {
    this.entries.push(request)
    this.waiting = this.waiting.filter((isDone) => !isDone())
  }

  clear() {
    this.entries.length = 0
  }

  /** Calls back when that many requests to an endpoint have been met, which may be at once. */
  whenMet(endpoint: string, times: number, callback: () => void) {
    const isDone = () => {
      const enough = this.count(endpoint) >= times
      if (enough) callback()
      return enough
    }
    if (!isDone()) this.waiting = [...this.waiting, isDone]
  }
}

interface Waiting<A> {
  readonly what: A
  readonly endpoint?: string
  readonly itemId?: string
  readonly after: number
  readonly left: number
}

/** Things that wait for their requests, in order; each request meets one at most. */
export class Ambush<A> {
  private waiting: ReadonlyArray<Waiting<A>> = []

  add(what: A, { after = 0, endpoint, itemId, times = 1 }: Pick<Fault, "after" | "endpoint" | "itemId" | "times">) {
    const where = { ...(endpoint === undefined ? {} : { endpoint }), ...(itemId === undefined ? {} : { itemId }) }
    this.waiting = [...this.waiting, { what, ...where, after, left: times }].filter(({ left }) => left > 0)
  }

  clear() {
    this.waiting = []
  }

  take(endpoint: string, itemId: string | undefined): A | undefined {
    const meets = (entry: Waiting<A>) =>
      (entry.endpoint ?? endpoint) === endpoint && (entry.itemId === undefined || entry.itemId === itemId)
    const found = this.waiting.find((entry) => entry.after === 0 && meets(entry))
    this.waiting = this.waiting
      .map((entry) => {
        if (entry === found) return { ...entry, left: entry.left - 1 }
        return entry.after > 0 && meets(entry) ? { ...entry, after: entry.after - 1 } : entry
      })
      .filter(({ left }) => left > 0)
    return found?.what
  }
}

/** The failures that are answers, given without doing any work. */
export const refusalOf = ({ errorCode, failure, retryAfterSeconds }: Fault): Reply | undefined => {
  const headers: Record<string, string> =
    retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) }
  switch (failure) {
    case "tooManyRequests":
      return { ...error(errorCode ?? "RATE_LIMIT"), status: 429, headers }
    case "internalError":
      return { ...error("INTERNAL_SERVER_ERROR"), headers }
    case "unavailable":
      return { status: 503, body: "<html><body><h1>503 Service Temporarily Unavailable</h1></body></html>", headers }
    case "error":
      return { ...error(errorCode ?? "INTERNAL_SERVER_ERROR"), headers }
    default:
      return undefined
  }
}
