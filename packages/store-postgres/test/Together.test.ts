import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Queue } from "effect"

import * as Together from "../src/Together.ts"

describe("Together", () => {
  it.effect("lets whoever comes alone leave at once, and gathers those who come meanwhile", () =>
    Effect.gen(function* () {
      const { arrive, departed, go, groups } = yield* station
      const alone = yield* Effect.forkChild(go(1), { startImmediately: true })
      const first = yield* Queue.take(departed)
      const others = yield* Effect.forkChild(Effect.forEach([2, 3, 4, 5], go, { concurrency: "unbounded" }), {
        startImmediately: true,
      })
      yield* Effect.yieldNow
      assert.deepStrictEqual(groups, [[1]])
      yield* Deferred.succeed(first, undefined)
      assert.strictEqual(yield* Fiber.join(alone), "1")
      yield* arrive
      yield* arrive
      assert.deepStrictEqual(yield* Fiber.join(others), ["2", "3", "4", "5"])
      assert.deepStrictEqual(groups, [[1], [2, 3, 4], [5]])
    }),
  )

  it.effect("fails those of a group together, and goes on", () =>
    Effect.gen(function* () {
      const go = Together.make({
        lanes: 1,
        most: 10,
        send: (items: ReadonlyArray<number>) => (items.includes(13) ? Effect.fail("unlucky") : Effect.succeed(items)),
      })
      const exits = yield* Effect.forEach([12, 13], (item) => Effect.exit(go(item)), { concurrency: "unbounded" })
      assert.deepStrictEqual(exits, [Exit.fail("unlucky"), Exit.fail("unlucky")])
      assert.strictEqual(yield* go(14), 14)
    }),
  )

  it.effect("tells those of a group for which nothing could be sent, and goes on", () =>
    Effect.gen(function* () {
      const mistake = new Error("unlucky")
      const go = Together.make({
        lanes: 1,
        most: 10,
        send: (items: ReadonlyArray<number>) => {
          if (items.includes(13)) throw mistake
          return Effect.succeed(items)
        },
      })
      const exits = yield* Effect.forEach([12, 13], (item) => Effect.exit(go(item)), { concurrency: "unbounded" })
      assert.deepStrictEqual(exits, [Exit.die(mistake), Exit.die(mistake)])
      assert.strictEqual(yield* go(14), 14)
    }),
  )

  it.effect("takes back what an interrupted caller has not sent, and finishes what was", () =>
    Effect.gen(function* () {
      const { arrive, departed, go, groups } = yield* station
      const sent = yield* Effect.forkChild(go(1), { startImmediately: true })
      const first = yield* Queue.take(departed)
      const waiting = yield* Effect.forkChild(go(2), { startImmediately: true })
      yield* Fiber.interrupt(waiting)
      yield* Fiber.interrupt(sent)
      const last = yield* Effect.forkChild(go(3), { startImmediately: true })
      yield* Deferred.succeed(first, undefined)
      yield* arrive
      assert.strictEqual(yield* Fiber.join(last), "3")
      assert.deepStrictEqual(groups, [[1], [3]])
    }),
  )
})

/** One lane for at most three, whose groups arrive when the test says so. */
const station = Effect.gen(function* () {
  const groups: Array<ReadonlyArray<number>> = []
  const departed = yield* Queue.unbounded<Deferred.Deferred<void>>()
  const go = Together.make({
    lanes: 1,
    most: 3,
    send: (items: ReadonlyArray<number>) =>
      Effect.gen(function* () {
        const arrived = yield* Deferred.make<void>()
        groups.push(items)
        yield* Queue.offer(departed, arrived)
        yield* Deferred.await(arrived)
        return items.map(String)
      }),
  })
  return {
    arrive: Effect.flatMap(Queue.take(departed), (arrived) => Deferred.succeed(arrived, undefined)),
    departed,
    go,
    groups,
  }
})
