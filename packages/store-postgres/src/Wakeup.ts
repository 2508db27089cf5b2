/**
 * Tells readers that something was committed, soon after it was.
 *
 * A hint, never the truth: readers look for themselves, and also look without one
 * from time to time. So a hint may be lost or come twice, and none is ever sent
 * inside a transaction: PostgreSQL would let all notifying commits wait for each other.
 */
import { randomUUID } from "node:crypto"

import { Context, Deferred, Effect, Latch, Layer, Queue, Schedule } from "effect"

import { RunnerSql } from "./RunnerSql.ts"

export class Wakeup extends Context.Service<
  Wakeup,
  {
    /** Something was committed. Returns at once; many rings soon after each other may be heard as one. */
    readonly ring: Effect.Effect<void>
    /** How often it was heard ringing: to be taken before looking, so that no ring is missed between. */
    readonly heard: Effect.Effect<number>
    /** Waits for a ring after the first `heard`. */
    after(heard: number): Effect.Effect<void>
  }
>()("@holdfast/store-postgres/Wakeup") {
  /** For readers in this process only. */
  static readonly layerLocal = Layer.sync(Wakeup, () => makeBell())

  /** For readers in all processes on the database, through `LISTEN` on a connection of its own. */
  static readonly layerListen: Layer.Layer<Wakeup, never, RunnerSql> = Layer.effect(
    Wakeup,
    Effect.gen(function* () {
      const sql = yield* RunnerSql
      const bell = makeBell()
      const due = Latch.makeUnsafe(false)
      const self = randomUUID()

      yield* due.await.pipe(
        Effect.andThen(due.close),
        Effect.andThen(Effect.ignore(sql.notify(channel, self))),
        Effect.andThen(Effect.sleep(notifyEvery)),
        Effect.forever,
        Effect.forkScoped,
      )

      yield* Effect.scoped(
        Effect.gen(function* () {
          const notifications = yield* sql.listen(channel)
          yield* bell.ring // for whatever was not heard until now
          yield* Queue.takeAll(notifications).pipe(
            // Readers here were rung at once: the echo would make each of them look again for nothing.
            Effect.tap((all) => (all.some(({ payload }) => payload !== self) ? bell.ring : Effect.void)),
            Effect.forever,
          )
        }),
      ).pipe(Effect.sandbox, Effect.retry(reconnect), Effect.ignore, Effect.forkScoped)

      return { ...bell, ring: Effect.andThen(bell.ring, due.open) }
    }),
  )
}

const channel = "holdfast"

const notifyEvery = "5 millis"

const reconnect = Schedule.jittered(Schedule.min([Schedule.exponential("100 millis"), Schedule.spaced("5 seconds")]))

const makeBell = (): Wakeup["Service"] => {
  let heard = 0
  let next = Deferred.makeUnsafe<void>()
  return {
    ring: Effect.sync(() => {
      heard++
      Deferred.doneUnsafe(next, Effect.void)
      next = Deferred.makeUnsafe()
    }),
    heard: Effect.sync(() => heard),
    after: (before) => Effect.suspend(() => (heard > before ? Effect.void : Deferred.await(next))),
  }
}
