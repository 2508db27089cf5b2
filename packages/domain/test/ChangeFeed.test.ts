import { assert, layer } from "@effect/vitest"
import { DateTime, Effect, Fiber, Layer, Result, Stream } from "effect"

import * as Aggregate from "../src/Aggregate.ts"
import * as ChangeFeed from "../src/ChangeFeed.ts"
import * as Connection from "../src/Connection.ts"
import * as ConnectionsView from "../src/ConnectionsView.ts"
import { EventLog } from "../src/EventStore.ts"
import * as EventStoreMemory from "../src/EventStoreMemory.ts"
import { AuthorizationRef, ConnectionId, OwnerId, ProviderId, system, TenantId } from "../src/Ids.ts"
import * as Personal from "../src/Personal.ts"
import * as ProjectionRunner from "../src/ProjectionRunner.ts"
import { Sealer } from "../src/Sealer.ts"
import * as ViewStoreMemory from "../src/ViewStoreMemory.ts"

const memory = Layer.mergeAll(EventStoreMemory.layer, ViewStoreMemory.layer, Sealer.layerMemory)

const [first, second] = [
  ConnectionId.make("7f1c2f6e-5a0e-4a5a-9b1e-3d9b8f9d2a11"),
  ConnectionId.make("7f1c2f6e-5a0e-4a5a-9b1e-3d9b8f9d2a12"),
]
const at = DateTime.makeUnsafe("2026-11-20T09:00:00Z")

const connect = (n: number): Connection.Command => ({
  _tag: "Connect",
  at,
  provider: ProviderId.make("gmail"),
  ownerId: OwnerId.make("owner"),
  slot: "mailbox",
  pollIntervalSeconds: 60,
  settings: {},
  authorization: AuthorizationRef.make(`grant ${n}`),
  door: "callback",
  scopes: [],
  credentialVersion: 1,
  personal: Personal.reveal({ label: "ada@example.com" }),
})

/** Tells connections of a tenant something, all in one append. */
const told = Effect.fnUntraced(function* (
  tenantId: TenantId,
  ...orders: ReadonlyArray<readonly [ConnectionId, ...ReadonlyArray<Connection.Command>]>
) {
  const [change, ...changes] = yield* Effect.forEach(orders, ([id, ...commands]) =>
    Effect.map(Aggregate.load(Connection)(tenantId, id), (loaded) =>
      Result.getOrThrow(Aggregate.decide(Connection)(loaded, ...commands)),
    ),
  )
  if (change === undefined) return
  yield* Aggregate.append([change, ...changes], { metadata: { actor: system } })
})

const summary = ({ active, change, connectionId, inView, previous, status }: ChangeFeed.Change) => ({
  connectionId,
  change,
  status,
  active,
  previous,
  inView,
})

layer(memory, { excludeTestServices: true })("the change feed", (it) => {
  it.effect("tells of a takeover after the view and the slot show it", () =>
    Effect.gen(function* () {
      const tenantId = TenantId.make("takeover")
      const { head } = yield* EventLog
      const start = yield* head
      const runner = yield* Effect.forkChild(ProjectionRunner.run(ConnectionsView))
      const seen = yield* ChangeFeed.follow(start, { tenantId }).pipe(
        Stream.mapEffect((change) =>
          Effect.all([
            Effect.succeed(summary(change)),
            Effect.map(ConnectionsView.active(tenantId, OwnerId.make("owner"), ProviderId.make("gmail")), (rows) =>
              rows.map(({ connection_id }) => connection_id),
            ),
          ]),
        ),
        Stream.take(5),
        Stream.runCollect,
        Effect.forkChild,
      )
      yield* told(tenantId, [first, connect(1)])
      yield* told(TenantId.make("neighbour"), [first, connect(1)])
      yield* told(
        tenantId,
        [second, connect(2), { _tag: "FollowOn", at, previous: first, confidence: "exact", evidence: [], resume: [] }],
        [first, { _tag: "Supersede", at, by: second }],
      )
      yield* told(tenantId, [second, { _tag: "ReportAuthorizationFailure", at, reason: "revoked" }])

      const messages = yield* Fiber.join(seen)
      assert.deepStrictEqual(
        messages.map(([{ change, connectionId }]) => [connectionId, change]),
        [
          [first, "connected"],
          [second, "connected"],
          [second, "reconnected"],
          [first, "superseded"],
          [second, "authorization_failed"],
        ],
      )
      const [connected, , reconnected, superseded, failed] = messages.map(([message]) => message)
      assert.deepInclude(connected, { inView: true })
      assert.deepInclude(reconnected, { previous: first, active: second, inView: true })
      assert.deepInclude(superseded, { status: "superseded", previous: first, active: second, inView: true })
      assert.deepInclude(failed, { status: "needs_reauth", active: second, inView: true })
      assert.isFalse(messages.slice(3).some(([, active]) => active.includes(first)))
      assert.strictEqual(yield* ChangeFeed.holder(tenantId, "mailbox"), second)
      yield* Fiber.interrupt(runner)
    }),
  )

  it.effect(
    "goes on after the position that was dealt with, and does not wait for ever for a view that stands still",
    () =>
      Effect.gen(function* () {
        const tenantId = TenantId.make("resumed")
        const { head } = yield* EventLog
        const start = yield* head
        yield* told(tenantId, [first, connect(1)])
        const dealtWith = yield* head
        yield* told(
          tenantId,
          [first, { _tag: "Pause", at }],
          [second, { _tag: "Configure", at, ...planOf(connect(2)) }],
        )
        yield* told(tenantId, [first, { _tag: "Forget", at }])

        const follow = (after: typeof start, count: number) =>
          Stream.runCollect(Stream.take(ChangeFeed.follow(after, { tenantId, patience: 0 }), count))
        const all = (yield* follow(start, 5)).map(summary)
        assert.deepStrictEqual((yield* follow(dealtWith, 4)).map(summary), all.slice(1))
        assert.deepStrictEqual(
          all.map(({ change, inView }) => [change, inView]),
          [
            ["connected", false],
            ["paused", false],
            ["configured", false],
            ["disconnected", false],
            ["forgotten", false],
          ],
        )
        assert.deepInclude(all[2], { connectionId: second, status: "pending" })
        assert.strictEqual(all[4]?.connectionId, first)
        assert.isUndefined(all[4]?.status)
      }),
  )
})

const planOf = (command: Connection.Command) => {
  if (command._tag !== "Connect") return assert.fail("not a consent")
  const { ownerId, pollIntervalSeconds, provider, settings } = command
  return { ownerId, pollIntervalSeconds, provider, settings, slot: "mailbox" }
}
