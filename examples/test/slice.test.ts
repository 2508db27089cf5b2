import { assert, describe, it, layer } from "@effect/vitest"
import { GmailConnect, GmailProvider } from "@holdfast/adapters-gmail"
import { GmailSimulator } from "@holdfast/adapters-gmail/testing"
import { Connection, type EventStore, type Ids, type MasterKeys, Memory } from "@holdfast/domain"
import { Store } from "@holdfast/store-postgres"
import { TestDatabase } from "@holdfast/store-postgres/testing"
import { Effect, Layer, Redacted, Result } from "effect"
import { inject } from "vitest"

import { type CrashPoint, crashing, untilThrough } from "./crashes.ts"
import { complete, connect, deliver, google, mailbox, sync, told } from "./slice.ts"

const masterKeys: MasterKeys.Options = { current: "test", keys: { test: Redacted.make(new Uint8Array(32).fill(1)) } }

const postgres = Layer.unwrap(
  Effect.map(TestDatabase.freshDatabase(Redacted.make(inject("adminUrl"))), (url) =>
    Store.layerPostgres({ url, masterKeys }),
  ),
)

const stores = {
  memory: Memory.layer,
  PGlite: Store.layerPglite({ masterKeys }),
  PostgreSQL: postgres,
}

describe.each(Object.entries(stores))("the slice on %s", (_, store) => {
  layer(Layer.provideMerge(google, store), { excludeTestServices: true, timeout: "2 minutes" })((it) => {
    it.effect("connects, syncs, refreshes, reconnects and goes on, and fetches nothing twice", () =>
      Effect.gen(function* () {
        const simulator = yield* GmailSimulator
        yield* deliver(0, 250)

        const first = yield* complete((yield* connect()).query)
        assert.strictEqual(first.outcome, "created")
        assert.strictEqual((yield* sync(first.connectionId)).added, 250)

        yield* deliver(250, 20)
        yield* simulator.expireAccessTokens(mailbox)
        assert.strictEqual((yield* sync(first.connectionId)).added, 20)
        assert.strictEqual((yield* sync(first.connectionId)).added, 0)

        yield* simulator.revoke(mailbox)
        yield* deliver(270, 10)
        assert.strictEqual((yield* Effect.flip(sync(first.connectionId)))._tag, "SyncFailed")
        assert.strictEqual((yield* Effect.flip(sync(first.connectionId)))._tag, "NotSyncable")

        const second = yield* complete((yield* connect()).query)
        assert.strictEqual(second.superseded, first.connectionId)
        assert.strictEqual((yield* sync(second.connectionId)).added, 10)

        const { connections, events, history, messages } = yield* told
        assert.deepStrictEqual(lifecycle(events, first.connectionId), [
          "configured",
          "connected",
          "synced",
          "synced",
          "synced",
          "token_refreshed",
          "synced",
          "authorization_failed",
          "superseded",
        ])
        assert.deepStrictEqual(lifecycle(events, second.connectionId), [
          "configured",
          "connected",
          "reconnected",
          "synced",
        ])
        assert.strictEqual(history.length, 13)
        assert.deepStrictEqual(
          connections.map(({ connection_id, reconnected_from, status }) => [connection_id, status, reconnected_from]),
          [
            [first.connectionId, "superseded", null],
            [second.connectionId, "active", first.connectionId],
          ],
        )
        assert.strictEqual(messages.length, 280)
        const fetches = yield* simulator.rawFetches
        assert.deepStrictEqual(
          [...fetches.values()],
          Array.from({ length: 280 }, () => 1),
        )
      }),
    )
  })
})

const lifecycle = (
  events: ReadonlyArray<EventStore.Recorded<EventStore.EncodedEvent>>,
  connectionId: Ids.ConnectionId,
) => events.filter(({ streamId }) => streamId === Connection.streamId(connectionId)).map(({ event }) => event.type)

const asked = untilThrough(GmailConnect.recover())

/** A person who wants the mailbox connected: reloads the page after an error, and begins anew when that is refused. */
const connectAtLast = Effect.gen(function* () {
  for (;;) {
    const { query } = yield* asked(connect())
    const answer = yield* Effect.result(asked(complete(query)))
    if (Result.isSuccess(answer)) return answer.success.connectionId
    assert.strictEqual(answer.failure._tag, "ConsentRefused")
  }
})

const story = Effect.gen(function* () {
  const simulator = yield* GmailSimulator
  yield* deliver(0, 25)
  const first = yield* connectAtLast
  yield* asked(sync(first))
  yield* deliver(25, 5)
  yield* simulator.expireAccessTokens(mailbox)
  yield* asked(sync(first))
  yield* simulator.revoke(mailbox)
  yield* asked(Effect.ignore(sync(first)))
  yield* deliver(30, 5)
  const second = yield* connectAtLast
  yield* asked(sync(second))
  return { first, second }
})

const run = (point: CrashPoint | undefined) => {
  const { count, layer } = crashing(point)
  return story.pipe(
    Effect.flatMap((ids) => Effect.map(told, (told) => ({ ...told, ...ids, steps: count.steps }))),
    Effect.provideService(GmailProvider.PageSize, 10),
    Effect.provide(layer.pipe(Layer.provideMerge(google), Layer.provideMerge(Memory.layer))),
  )
}

describe("a crash at any write of the slice", () => {
  it.live(
    "loses nothing and doubles nothing",
    () =>
      Effect.gen(function* () {
        const untroubled = yield* run(undefined)
        for (const moment of ["before", "after"] as const) {
          for (let step = 1; step <= untroubled.steps; step++) {
            const at = `crashed ${moment} write ${step}`
            const { connections, events, first, messages, second } = yield* run({ step, moment })

            const contents = (rows: typeof messages) => rows.map(({ sha256 }) => sha256).toSorted()
            assert.deepStrictEqual(contents(messages), contents(untroubled.messages), at)
            const items = events.flatMap(({ event }) =>
              event.type === "items_recorded" ? [event.data["itemIds"]] : [],
            )
            assert.strictEqual(new Set(items.flat()).size, items.flat().length, at)

            const active = connections.filter(({ status }) => status === "active")
            assert.deepStrictEqual(
              active.map(({ connection_id }) => connection_id),
              [second],
              at,
            )
            assert.strictEqual(active[0]?.reconnected_from, first, at)
            const refreshed = lifecycle(events, first).filter((type) => type === "token_refreshed")
            assert.strictEqual(refreshed.length, 1, at)
          }
        }
      }),
    300_000,
  )
})
