/**
 * Compares ways of doing the same work on a machine that is never quiet.
 *
 * All contestants of a measure take turns (A B C, B C A, …) on one server, so that
 * a slow minute is slow for everybody. What counts is the ratio within a
 * repetition; reported are its median and how far it spread.
 */
import { Effect } from "effect"

/** One way of doing the work. */
export interface Contestant<R = never> {
  readonly name: string
  /** One repetition: its rate, in units per second. */
  readonly run: Effect.Effect<number, unknown, R>
}

/** One figure for each repetition. */
export type Samples = ReadonlyArray<number>

/** The rates of each contestant, after one repetition each that does not count. */
export const contest = Effect.fn("Contest.contest")(function* <R>(
  contestants: ReadonlyArray<Contestant<R>>,
  repetitions: number,
) {
  const rates = new Map<string, Array<number>>(contestants.map(({ name }) => [name, []]))
  for (let repetition = -1; repetition < repetitions; repetition++) {
    for (let turn = 0; turn < contestants.length; turn++) {
      const contestant = contestants[(repetition + 1 + turn) % contestants.length]
      if (contestant === undefined) continue
      yield* collectGarbage
      const rate = yield* contestant.run
      if (repetition >= 0) rates.get(contestant.name)?.push(rate)
    }
  }
  return (name: string): Samples => rates.get(name) ?? []
})

/** Ours through theirs, repetition by repetition. */
export const ratios = (ours: Samples, theirs: Samples): Samples =>
  ours.flatMap((rate, repetition) => {
    const other = theirs[repetition]
    return other === undefined ? [] : [rate / other]
  })

/** The value that the given part of the samples does not exceed. */
export const quantile = (samples: Samples, part: number): number => {
  const sorted = samples.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN
}

export const median = (samples: Samples): number => (quantile(samples, 0.5) + quantile(samples, 0.499_999)) / 2

export interface Load {
  /** How many do it at once, each one time after another. */
  readonly callers: number
  readonly seconds: number
}

/** Units per second under load; `caller` makes what one caller does over and over. */
export const throughput = <E, R>(
  caller: (index: number) => Effect.Effect<unknown, E, R>,
  { callers, seconds }: Load,
  unitsPerCall = 1,
): Effect.Effect<number, E, R> =>
  Effect.suspend(() => {
    const window = openWindow(seconds)
    return Effect.forEach(
      Array.from({ length: callers }, (_, index) => caller(index)),
      (call) => Effect.whileLoop({ while: window.isOpen, body: () => call, step: window.count }),
      { concurrency: "unbounded", discard: true },
    ).pipe(Effect.map(() => window.rate() * unitsPerCall))
  })

/** The same for libraries that speak in promises, without an effect in between. */
export const promisedThroughput = (
  caller: (index: number) => () => Promise<unknown>,
  { callers, seconds }: Load,
  unitsPerCall = 1,
): Effect.Effect<number> =>
  Effect.promise(async () => {
    const window = openWindow(seconds)
    await Promise.all(
      Array.from({ length: callers }, async (_, index) => {
        const call = caller(index)
        while (window.isOpen()) {
          await call()
          window.count()
        }
      }),
    )
    return window.rate() * unitsPerCall
  })

/** Units per second of a piece of work that says how many units it was. */
export const pace = <E, R>(work: Effect.Effect<number, E, R>): Effect.Effect<number, E, R> =>
  Effect.suspend(() => {
    const start = performance.now()
    return Effect.map(work, (units) => (units / (performance.now() - start)) * 1000)
  })

/** A piece of work with its milliseconds, and those of the processors that this process used meanwhile. */
export const spent = <A, E, R>(work: Effect.Effect<A, E, R>) => Effect.andThen(collectGarbage, timed(work))

/** The same for work that is short: what was collected before it, code included, would have to be warmed up again. */
export const timed = <A, E, R>(work: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const [start, before] = [performance.now(), process.cpuUsage()]
    return Effect.map(work, (result) => {
      const { system, user } = process.cpuUsage(before)
      return { result, millis: performance.now() - start, cpu: (system + user) / 1_000 }
    })
  })

const openWindow = (seconds: number) => {
  const start = performance.now()
  const end = start + seconds * 1000
  let calls = 0
  return {
    isOpen: () => performance.now() < end,
    count: () => {
      calls += 1
    },
    rate: () => (calls / (performance.now() - start)) * 1000,
  }
}

/** So that nobody pays for what the one before left behind. */
const collectGarbage = Effect.sync(() => globalThis.gc?.())
