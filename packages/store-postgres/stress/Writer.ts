/**
 * Appends without pause, in every way that a host may, and gives up nothing that may have happened.
 */
import { PgClient } from "@effect/sql-pg"
import { EventStore } from "@holdfast/domain"
import { Effect, Option, Stream } from "effect"

import * as Ledger from "./Ledger.ts"
import * as Plan from "./Plan.ts"
import * as Random from "./Random.ts"

export interface Options {
  readonly ledger: string
  readonly seed: string
  /** Which writer, and for the how manieth time started. */
  readonly name: string
  readonly incarnation: number
  readonly isStopping: () => boolean
}

/** How many appends it has going at once. */
const concurrency = 8

/** First settles what an earlier incarnation left open, then writes until it is told to stop, and settles what is open. */
export const run = Effect.fn("Writer.run")(function* ({ incarnation, isStopping, ledger: path, name, seed }: Options) {
  const store = yield* EventStore.EventStore
  const sql = yield* PgClient.PgClient
  const unsettled = [...Ledger.read([path]).values()].filter((account) => !Ledger.isSettled(account))
  const ledger = Ledger.open(path)

  const append = Effect.fnUntraced(function* (plan: Plan.Plan, attempt: number) {
    ledger.tried(plan, attempt)
    const outcome = Ledger.outcomeOf(yield* Effect.result(store.append(Plan.request(plan, attempt))))
    ledger.ended(plan, attempt, outcome)
    return outcome
  })

  /** The same request again and again, until the store has said what became of it. */
  const pursue = Effect.fnUntraced(function* (plan: Plan.Plan, from: number, random: Random.Random) {
    let uncertain = from > 1
    for (let attempt = from; ; attempt++) {
      const { _tag } = yield* append(plan, attempt)
      uncertain ||= _tag === "Unknown"
      if (_tag !== "Unknown" && _tag !== "NothingWritten") return
      if (!plan.keyed) return
      if (!uncertain && random.chance(0.5)) return
      yield* Effect.sleep(`${random.between(5, 200)} millis`)
    }
  })

  /** Several appends in the host's own transaction, which it keeps open for a while and may roll back. */
  const together = Effect.fnUntraced(function* (plans: ReadonlyArray<Plan.Plan>, random: Random.Random) {
    const rollBack = random.chance(0.3)
    const appended: Array<EventStore.Appended> = []
    let committing = false
    for (const plan of plans) ledger.tried(plan, 1)
    // When the connection breaks, the client's own ROLLBACK fails too, as a defect beside the error.
    const exit = yield* Effect.exit(
      sql.withTransaction(
        Effect.gen(function* () {
          for (const plan of plans) {
            appended.push(yield* store.append(Plan.request(plan, 1)))
            yield* Effect.sleep(`${random.chance(0.1) ? random.between(100, 600) : random.between(0, 20)} millis`)
          }
          if (rollBack) return yield* Effect.fail("the host changed its mind" as const)
          committing = true
        }),
      ),
    )
    for (const [index, plan] of plans.entries()) {
      const answer = appended[index]
      const outcome: Ledger.Outcome =
        exit._tag === "Failure"
          ? committing
            ? { _tag: "Unknown", reason: "commit" }
            : { _tag: "RolledBack" }
          : answer === undefined
            ? { _tag: "Impossible", problem: "no answer" }
            : { _tag: "Acknowledged", ...answer }
      ledger.ended(plan, 1, outcome)
      const again = outcome._tag === "Unknown" || (outcome._tag === "RolledBack" && random.chance(0.3))
      if (plan.keyed && again) yield* pursue(plan, 2, random)
    }
  })

  /** The version that an exact expectation names, read as a host reads it. */
  const exactly = Effect.fnUntraced(function* (plan: Plan.Plan) {
    const streams = yield* Effect.forEach(plan.streams, (stream) =>
      store.readStream(plan.tenantId, stream.streamId, { direction: "backwards", limit: 1 }).pipe(
        Stream.runHead,
        Effect.map((last) => ({
          ...stream,
          expected: Option.match(last, { onNone: () => 0, onSome: ({ version }) => version }),
        })),
      ),
    )
    return { ...plan, streams }
  }, Effect.option)

  const caller = Effect.fnUntraced(function* (index: number) {
    const random = Random.make(seed, name, incarnation, index)
    const invent = Plan.inventor(random, `${name}.${incarnation}.${index}`)
    while (!isStopping()) {
      const plan = invent()
      const dice = random.next()
      if (dice < 0.1) yield* together(random.chance(0.4) ? [plan, invent()] : [plan], random)
      else if (dice < 0.3)
        yield* Effect.flatMap(
          exactly(plan),
          Option.match({ onNone: () => Effect.void, onSome: (exact) => pursue(exact, 1, random) }),
        )
      // The same request twice at once, as from two processes: the tries of the second one are numbered apart.
      else if (dice < 0.34 && plan.keyed) {
        yield* Effect.all([pursue(plan, 1, random), pursue(plan, 1_000, random)], { concurrency: 2, discard: true })
      } else yield* pursue(plan, 1, random)
      if (random.chance(0.3)) yield* Effect.sleep(`${random.between(0, 15)} millis`)
    }
  })

  yield* Effect.forEach(
    unsettled,
    ({ plan, tries }) => pursue(plan, Math.max(...tries.keys()) + 1, Random.make(seed, plan.key)),
    { concurrency, discard: true },
  )
  yield* Effect.forEach(
    Array.from({ length: concurrency }, (_, index) => index),
    caller,
    { concurrency, discard: true },
  )
  ledger.close()
})
