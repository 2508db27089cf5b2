import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, Fiber, Logger, Stream } from "effect"
import { TestClock } from "effect/testing"

import * as EventStore from "../src/EventStore.ts"
import * as EventStoreMemory from "../src/EventStoreMemory.ts"
import * as Ids from "../src/Ids.ts"
import { eventStoreContract } from "../src/testing/index.ts"

eventStoreContract("EventStoreMemory", EventStoreMemory.layer)

describe("following a log that cannot be read at times", () => {
  it.effect("goes on behind what was delivered, and says once in each outage that it cannot", () =>
    Effect.gen(function* () {
      const told: Array<unknown> = []
      const logger = Logger.make(({ message }) => void told.push(message))
      const outages = new Map([
        [0n, 3],
        [2n, 2],
      ])
      const read: EventStore.EventLog["Service"]["read"] = (after) =>
        Stream.suspend(() => {
          const left = outages.get(after) ?? 0
          outages.set(after, left - 1)
          if (left > 0) {
            return Stream.fail(new EventStore.EventStoreUnavailable({ reason: "away", outcome: "nothing-written" }))
          }
          return Stream.make(recorded(after + 1n))
        })
      const follow = EventStore.following({
        read,
        awaitBeyond: (position) => Effect.succeed(EventStore.Position.make(position + 1n)),
      })
      const following = yield* follow(EventStore.beginning).pipe(
        Stream.take(4),
        Stream.runCollect,
        Effect.provide(Logger.layer([logger])),
        Effect.forkChild,
      )
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(
        (yield* Fiber.join(following)).map(({ position }) => position),
        [1n, 2n, 3n, 4n].map((position) => EventStore.Position.make(position)),
      )
      const complaint = ["The log cannot be followed; trying again until it can", "away"]
      assert.deepStrictEqual(told, [complaint, complaint])
    }),
  )
})

const recorded = (position: bigint): EventStore.Recorded<EventStore.EncodedEvent> => ({
  event: {
    id: Ids.EventId.make("00000000-0000-4000-8000-000000000001"),
    type: "happened",
    schemaVersion: 1,
    data: {},
  },
  tenantId: Ids.TenantId.make("acme"),
  streamId: EventStore.StreamId.make("account-1"),
  version: Number(position),
  position: EventStore.Position.make(position),
  metadata: { actor: Ids.system },
  recordedAt: DateTime.makeUnsafe(0),
})
