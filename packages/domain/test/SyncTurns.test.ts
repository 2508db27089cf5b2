import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber } from "effect"

import { EventStore, Ids } from "../src/index.ts"
import * as SyncTurns from "../src/SyncTurns.ts"

const tenantId = Ids.TenantId.make("harbour")
const account = EventStore.StreamId.make("account-1")

/** Records in its turn, as long as it takes; what it was part of is listed. */
const recording = <E>(name: string, done: Array<string>, work: Effect.Effect<void, E> = Effect.void) =>
  SyncTurns.taking(
    tenantId,
    account,
  )(({ semaphore }) =>
    Effect.gen(function* () {
      yield* Effect.yieldNow
      yield* semaphore.withPermit(
        Effect.andThen(
          work,
          Effect.sync(() => done.push(name)),
        ),
      )
    }),
  )

const turns = () => {
  const all: (typeof SyncTurns.Turns)["Service"] = new Map()
  return { all, among: Effect.provideService(SyncTurns.Turns, all) }
}

const settle = Effect.repeat(Effect.yieldNow, { times: 20 })

describe("Turns", () => {
  for (const [how, end] of [
    ["is interrupted", (fiber: Fiber.Fiber<void, string>) => Effect.asVoid(Fiber.interrupt(fiber))],
    ["fails", (_: unknown, gate: Deferred.Deferred<void, string>) => Effect.asVoid(Deferred.fail(gate, "no"))],
    ["dies", (_: unknown, gate: Deferred.Deferred<void, string>) => Effect.asVoid(Deferred.die(gate, "dead"))],
  ] as const) {
    it.effect(`go on when who has one ${how}, and nothing is left of them in the end`, () =>
      Effect.gen(function* () {
        const { all, among } = turns()
        const done: Array<string> = []
        const gate = yield* Deferred.make<void, string>()
        const first = yield* Effect.forkChild(among(recording("first", done, Deferred.await(gate))))
        yield* settle
        const others = yield* Effect.forEach(["a", "b", "c"], (name) => Effect.forkChild(among(recording(name, done))))
        yield* settle
        assert.deepStrictEqual(done, [])
        // Who waits may go, and keeps nobody else from their turn.
        const [, waiting] = others
        if (waiting !== undefined) yield* Fiber.interrupt(waiting)
        yield* end(first, gate)
        assert.isTrue(Exit.isFailure(yield* Fiber.await(first)))
        yield* Effect.forEach(others, Fiber.await)
        assert.deepStrictEqual(done, ["a", "c"])
        assert.strictEqual(all.size, 0)
      }),
    )
  }

  it.effect("are taken in the order of asking, and each account has its own", () =>
    Effect.gen(function* () {
      const { all, among } = turns()
      const done: Array<string> = []
      const gate = yield* Deferred.make<void>()
      const first = yield* Effect.forkChild(among(recording("first", done, Deferred.await(gate))))
      yield* settle
      const others = yield* Effect.forEach(["a", "b", "c"], (name) => Effect.forkChild(among(recording(name, done))))
      yield* settle
      const elsewhere = SyncTurns.taking(
        Ids.TenantId.make("elsewhere"),
        account,
      )(({ semaphore }) => semaphore.withPermit(Effect.sync(() => done.push("elsewhere"))))
      yield* among(elsewhere)
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.joinAll([first, ...others])
      assert.deepStrictEqual(done, ["elsewhere", "first", "a", "b", "c"])
      assert.strictEqual(all.size, 0)
    }),
  )
})
