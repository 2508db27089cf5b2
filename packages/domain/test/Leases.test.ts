import { assert, describe, it } from "@effect/vitest"
import { Clock, DateTime, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"

import { EventStoreUnavailable } from "../src/EventStore.ts"
import { TenantId } from "../src/Ids.ts"
import * as Leases from "../src/Leases.ts"

const lease: Leases.Lease = {
  tenantId: TenantId.make("acme"),
  name: "sync",
  epoch: 1,
  holder: "worker",
  until: DateTime.makeUnsafe(0),
}

const away = Effect.fail(new EventStoreUnavailable({ reason: "away", outcome: "unknown" }))

/** Gives the lease, and is away ever after. */
const vanishing = Leases.make({
  acquire: () => Effect.succeed(lease),
  renew: () => away,
  release: () => away,
  check: () => away,
})

describe("work under a lease that cannot be renewed", () => {
  for (const [what, minutes] of [
    ["put back", -60],
    ["put forward", 60],
    ["left alone", 0],
  ] as const) {
    it.effect(`ends when the lease does, with the clock of the machine ${what}`, () =>
      Effect.gen(function* () {
        const clock = yield* Clock.Clock
        let moved = 0
        const wall = () => clock.currentTimeMillisUnsafe() + moved * 60_000
        const settable: Clock.Clock = Object.assign(Object.create(clock), {
          currentTimeMillisUnsafe: wall,
          currentTimeMillis: Effect.sync(wall),
        })
        const working = yield* vanishing
          .using(
            lease.tenantId,
            lease.name,
            "30 seconds",
          )(Effect.never)
          .pipe(Effect.flip, Effect.provideService(Clock.Clock, settable), Effect.forkChild)
        yield* TestClock.adjust("1 second")
        moved = minutes
        yield* TestClock.adjust("28 seconds")
        assert.isUndefined(working.pollUnsafe())
        yield* TestClock.adjust("2 seconds")
        assert.isDefined(working.pollUnsafe())
        assert.strictEqual((yield* Fiber.join(working))._tag, "LeaseLost")
      }),
    )
  }
})
