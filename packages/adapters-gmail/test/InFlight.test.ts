import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Cause, Deferred, Effect, Exit, Fiber, Schema } from "effect"

import * as InFlight from "../src/InFlight.ts"

const Case = Schema.Struct({
  budget: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100 })),
  mails: Schema.Array(
    Schema.Struct({
      sizes: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 150 }))).check(
        Schema.isMaxLength(3),
      ),
      steps: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 5 })),
      isInterrupted: Schema.Boolean,
    }),
  ).check(Schema.isMaxLength(20)),
})

/** Everything can be had again. */
const isFree = (inFlight: InFlight.InFlight, budget: number) =>
  inFlight.using(({ take }) => Effect.as(take(budget), true))

describe("Mail that is in flight", () => {
  it.effect("never has more bytes than there are, is all let through, and leaves nothing taken", () =>
    Effect.gen(function* () {
      for (const { budget, mails } of yield* Arbitrary.sampleEffect(Arbitrary.schema(Case), { count: 300 })) {
        const inFlight = InFlight.make(budget)
        let held = 0
        let passed = 0
        const fetch = ({ sizes, steps }: (typeof mails)[number]) =>
          inFlight.using(({ take }) =>
            Effect.gen(function* () {
              // One attempt after the other, each with what it is told.
              for (const size of sizes) {
                const weight = Math.min(size, budget)
                yield* take(size)
                held += weight
                assert.isAtMost(held, budget)
                yield* Effect.ensuring(
                  Effect.forEach(Array.from({ length: steps }), () => Effect.yieldNow),
                  Effect.sync(() => (held -= weight)),
                )
              }
              passed++
            }),
          )
        const fibers = yield* Effect.forEach(mails, (mail) => Effect.forkChild(fetch(mail)))
        yield* Effect.yieldNow
        const stopped = fibers.filter((_, index) => mails[index]?.isInterrupted)
        yield* Effect.forEach(stopped, Fiber.interrupt, { concurrency: "unbounded" })
        yield* Effect.forEach(fibers, Fiber.await)
        assert.isAtLeast(passed, fibers.length - stopped.length)
        assert.strictEqual(held, 0)
        assert.isTrue(yield* isFree(inFlight, budget))
      }
    }),
  )

  it.effect("passes alone where it is larger than all that there is", () =>
    Effect.gen(function* () {
      const inFlight = InFlight.make(10)
      const isThere = yield* Deferred.make<void>()
      const isRead = yield* Deferred.make<void>()
      const seen: Array<string> = []
      const large = yield* Effect.forkChild(
        inFlight.using(({ take }) =>
          take(1_000).pipe(
            Effect.andThen(Deferred.succeed(isThere, undefined)),
            Effect.andThen(Deferred.await(isRead)),
            Effect.andThen(Effect.sync(() => seen.push("large"))),
          ),
        ),
      )
      yield* Deferred.await(isThere)
      const small = yield* Effect.forkChild(
        inFlight.using(({ take }) =>
          Effect.andThen(
            take(1),
            Effect.sync(() => seen.push("small")),
          ),
        ),
      )
      yield* Effect.yieldNow
      yield* Deferred.succeed(isRead, undefined)
      yield* Fiber.joinAll([large, small])
      assert.deepStrictEqual(seen, ["large", "small"])
    }),
  )

  it.effect("is let through in its turn, so that small ones do not pass a large one by for ever", () =>
    Effect.gen(function* () {
      const inFlight = InFlight.make(10)
      const isRead = yield* Deferred.make<void>()
      const seen: Array<number> = []
      const fetch = (size: number, until: Effect.Effect<void>) =>
        Effect.forkChild(
          inFlight.using(({ take }) =>
            take(size).pipe(Effect.andThen(Effect.sync(() => seen.push(size))), Effect.andThen(until)),
          ),
        )
      const first = yield* fetch(6, Deferred.await(isRead))
      yield* Effect.yieldNow
      const later: Array<Fiber.Fiber<void>> = []
      for (const size of [9, 3, 4]) {
        later.push(yield* fetch(size, Effect.void))
        yield* Effect.yieldNow
      }
      assert.deepStrictEqual(seen, [6])
      yield* Deferred.succeed(isRead, undefined)
      yield* Fiber.joinAll([first, ...later])
      assert.deepStrictEqual(seen, [6, 9, 3, 4])
    }),
  )

  it.effect("holds nothing between two attempts", () =>
    Effect.gen(function* () {
      const inFlight = InFlight.make(10)
      yield* inFlight.using(({ giveBack, take }) =>
        Effect.gen(function* () {
          yield* take(10)
          yield* giveBack
          assert.isTrue(yield* isFree(inFlight, 10))
          yield* take(10)
        }),
      )
      assert.isTrue(yield* isFree(inFlight, 10))
    }),
  )

  for (const bytes of [NaN, -1, Infinity, -Infinity]) {
    for (const budget of [10, Infinity]) {
      it.effect(`of ${bytes} bytes is a defect, and in nobody's way, where there are ${budget}`, () =>
        Effect.gen(function* () {
          const inFlight = InFlight.make(budget)
          const exit = yield* Effect.exit(inFlight.using(({ take }) => Effect.andThen(take(3), take(bytes))))
          assert.isTrue(Exit.isFailure(exit) && Cause.squash(exit.cause) instanceof RangeError)
          assert.isTrue(yield* isFree(inFlight, 10))
        }),
      )
    }
  }

  it("cannot be allowed no bytes, or what is no number", () => {
    for (const budget of [NaN, -1, 0]) assert.throws(() => InFlight.make(budget), RangeError)
  })
})
