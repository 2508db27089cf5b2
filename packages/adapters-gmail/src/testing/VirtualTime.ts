/**
 * Time that passes when there is nothing else to do: hours of waiting take no time, and nothing that is at work is
 * overtaken. For whole systems that wait by Effect's clock in one process; nothing in them may wait for the real one,
 * unless it takes less than they are given.
 */
import { Clock, Duration, Effect } from "effect"

/**
 * Runs an effect in a time of its own, which begins at `from` (epoch milliseconds). Whoever waits for a socket is at
 * work for `patience` real milliseconds; what takes longer is overtaken, as by a clock that runs ahead.
 */
export const provide =
  ({ from = Date.UTC(2026, 10, 20, 10), patience = 0 }: { readonly from?: number; readonly patience?: number } = {}) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.suspend(() => Effect.provideService(effect, Clock.Clock, make(from, patience)))

/** Turns of the event loop in which nothing falls asleep or is woken: then nobody is at work. */
const quietTurns = 8

const make = (from: number, patience: number): Clock.Clock => {
  let now = from
  let activity = 0
  let isWatching = false
  const asleep = new Queue()

  const watch = () => {
    if (isWatching) return
    isWatching = true
    let seen = activity
    let quiet = 0
    let since = performance.now()
    const turn = () => {
      if (seen === activity) quiet++
      else {
        seen = activity
        quiet = 0
        since = performance.now()
      }
      if (quiet < quietTurns) return void setImmediate(turn)
      if (performance.now() - since < patience) return void setTimeout(turn, 1)
      isWatching = false
      const next = asleep.pop()
      if (next === undefined) return
      now = Math.max(now, next.at)
      activity++
      next.wake()
      if (!asleep.isEmpty) watch()
    }
    setImmediate(turn)
  }

  const nanos = () => BigInt(Math.floor(now * 1_000)) * 1_000n
  return {
    currentTimeMillisUnsafe: () => Math.floor(now),
    currentTimeMillis: Effect.sync(() => Math.floor(now)),
    currentTimeNanosUnsafe: nanos,
    currentTimeNanos: Effect.sync(nanos),
    monotonicTimeNanosUnsafe: nanos,
    monotonicTimeNanos: Effect.sync(nanos),
    sleep: (duration) =>
      Effect.callback<void>((resume) => {
        const sleeper = { at: now + Duration.toMillis(duration), wake: () => resume(Effect.void), isGone: false }
        activity++
        asleep.push(sleeper)
        watch()
        return Effect.sync(() => {
          sleeper.isGone = true
          activity++
        })
      }),
  }
}

interface Sleeper {
  readonly at: number
  readonly wake: () => void
  isGone: boolean
}

/** Sleepers by the time at which they wake; those that wake together in the order in which they fell asleep. */
class Queue {
  private readonly sleepers: Array<Sleeper> = []

  get isEmpty() {
    return this.sleepers.length === 0
  }

  push(sleeper: Sleeper) {
    let [low, high] = [0, this.sleepers.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.sleepers[middle]?.at ?? 0) > sleeper.at) low = middle + 1
      else high = middle
    }
    this.sleepers.splice(low, 0, sleeper)
  }

  pop(): Sleeper | undefined {
    for (;;) {
      const next = this.sleepers.pop()
      if (next === undefined || !next.isGone) return next
    }
  }
}
