/**
 * How one mailbox is asked again: as patiently as Google wants, and not at all where it does not help.
 *
 * What Google says to one request holds for all requests about the mailbox. Throttled, none is sent before the time that
 * it names, or a while; and fewer are sent at once, until they succeed again. Ten failures in a row open a circuit: one
 * request at a time then finds out whether Google answers again.
 */
import { Duration, Effect, Random, Semaphore } from "effect"

import { elapsed } from "./Elapsed.ts"
import { GoogleError, RateLimited, Refused } from "./GoogleError.ts"

export interface Retries {
  /**
   * A request, repeated where that helps. Fails with the last failure; with `RateLimited` where Google wants more time
   * than anybody should sit and wait; with `Refused` where the mailbox is refused again and again.
   */
  readonly ask: <A, R>(request: Effect.Effect<A, GoogleError, R>) => Effect.Effect<A, GoogleError, R>
  /** The same for a message by its id: one that was just announced may take seconds to be readable. */
  readonly askForMessage: <A, R>(request: Effect.Effect<A, GoogleError, R>) => Effect.Effect<A, GoogleError, R>
  /** Whether Google has failed so often in a row that it makes no sense to go on. */
  readonly isOpen: () => boolean
}

/** How many requests about one mailbox are sent at once, when Google lets us. */
export const make = (atOnce: number): Retries => {
  const turns = Semaphore.makeUnsafe(atOnce)
  let limit = atOnce
  /** Of {@link elapsed}, like all times here. */
  let notBefore = 0
  let throttledInRow = 0
  let failedInRow = 0
  let succeeded = 0
  let lastSlowed = -Infinity

  /** Once for all requests that were on their way when Google said so. */
  const slowDown = Effect.fnUntraced(function* (sent: number, retryAfter: Duration.Duration | undefined) {
    const now = yield* elapsed
    if (sent > lastSlowed) {
      lastSlowed = now
      throttledInRow++
      succeeded = 0
      limit = Math.max(1, Math.floor(limit / 2))
      yield* turns.resize(limit)
      notBefore = Math.max(notBefore, now + (yield* jittered(500 * 2 ** Math.min(throttledInRow, 6))))
    }
    if (retryAfter !== undefined) notBefore = Math.max(notBefore, now + Duration.toMillis(retryAfter))
  })

  const speedUp = Effect.suspend(() => {
    throttledInRow = 0
    failedInRow = 0
    succeeded++
    if (limit === atOnce || succeeded < limit) return Effect.void
    succeeded = 0
    limit++
    return turns.resize(limit)
  })

  const told = (error: GoogleError, sent: number) => {
    switch (error.reason._tag) {
      case "RateLimited":
        return slowDown(sent, error.reason.retryAfter)
      case "Unavailable":
      case "UnexpectedAnswer":
        return Effect.sync(() => {
          failedInRow++
        })
      default:
        return Effect.void
    }
  }

  /** One request in its turn, not before Google wants it; fails at once where that is too far away. */
  const once = <A, R>(request: Effect.Effect<A, GoogleError, R>): Effect.Effect<A, GoogleError, R> =>
    Effect.gen(function* () {
      for (;;) {
        const wait = notBefore - (yield* elapsed)
        if (wait <= 0) break
        if (wait > longestWait) return yield* tooMuchTime(wait)
        yield* Effect.sleep(wait)
      }
      const sent = yield* elapsed
      return yield* Effect.tapError(request, (error) => told(error, sent))
    }).pipe(Effect.tap(speedUp), (turn) => turns.withPermit(turn))

  const repeated = <A, R>(
    request: Effect.Effect<A, GoogleError, R>,
    patience: (error: GoogleError) => ReadonlyArray<number | Effect.Effect<number>>,
  ): Effect.Effect<A, GoogleError, R> =>
    Effect.gen(function* () {
      for (let attempt = 0; ;) {
        const answer = yield* Effect.result(once(request))
        if (answer._tag === "Success") return answer.success
        const error = answer.failure
        if (error.reason._tag === "RateLimited") {
          // How often Google throttles says nothing about this request: it is not counted against it.
          if (throttledInRow >= throttledAtMost) return yield* tooMuchTime(Duration.toMillis(leftAlone))
          if (notBefore - (yield* elapsed) > longestWait) return yield* error
          continue
        }
        if (failedInRow >= failuresInRow) return yield* isPrecondition(error) ? refusedAgain(error.method) : error
        const wait = patience(error)[attempt++]
        if (wait === undefined) return yield* error
        yield* Effect.sleep(typeof wait === "number" ? wait : yield* wait)
      }
    })

  return {
    ask: (request) => repeated(request, (error) => (isPassing(error) ? passing : [])),
    askForMessage: (request) =>
      repeated(request, (error) => (isPassing(error) ? passing : error.reason._tag === "NotFound" ? readableBy : [])),
    isOpen: () => failedInRow >= failuresInRow,
  }
}

/** Milliseconds that a request waits for Google's leave; beyond that the run ends, and the next one begins no sooner. */
const longestWait = 30_000

/** Times in a row that Google may throttle before the mailbox is left alone, and for how long. */
const throttledAtMost = 8
const leftAlone = Duration.minutes(1)

/** Failures in a row, of whatever requests, that open the circuit. */
const failuresInRow = 10

/** Any time up to this many milliseconds, so that those who failed together do not come back together. */
const jittered = (millis: number) => Effect.map(Random.next, (part) => part * millis)

const passing = [1_000, 2_000, 4_000].map(jittered)

/** Milliseconds after which a message that was just announced is looked for again. */
const readableBy = [2_000, 5_000]

const isPassing = ({ reason }: GoogleError) => reason._tag === "Unavailable" || reason._tag === "UnexpectedAnswer"

const isPrecondition = ({ reason }: GoogleError) => reason._tag === "Unavailable" && reason.problem === "precondition"

/** A mailbox without a licence is answered so for ever, whatever is asked. */
const refusedAgain = (method: string) =>
  new GoogleError({ method, reason: new Refused({ code: "failedPrecondition" }) })

const tooMuchTime = (millis: number) =>
  new GoogleError({ method: "wait", reason: new RateLimited({ retryAfter: Duration.millis(Math.ceil(millis)) }) })
