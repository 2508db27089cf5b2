/** A connection of a world's consent, the engine that looks at it, and what can happen between two looks. */
import { assert } from "@effect/vitest"
import { DateTime, Effect, Schema, Stream } from "effect"
import { SecureRandom } from "effect/crypto"

import * as Aggregate from "../../Aggregate.ts"
import * as Connection from "../../Connection.ts"
import * as EventCodec from "../../EventCodec.ts"
import { EventStore, type StreamId } from "../../EventStore.ts"
import * as Feed from "../../Feed.ts"
import { AuthorizationRef, ConnectionId, FeedId, OwnerId, system } from "../../Ids.ts"
import * as Personal from "../../Personal.ts"
import * as Sync from "../../Sync.ts"
import { Vault } from "../../Vault.ts"
import { freshTenant } from "../keyring.ts"
import { type Scene } from "./Scene.ts"
import { mishaps } from "./World.ts"

/** A connection of the world's consent, and the engine that looks at it. */
export const connected = Effect.fnUntraced(function* ({ delivered, provider, world }: Scene) {
  const tenantId = yield* freshTenant
  const id = ConnectionId.make(yield* (yield* SecureRandom.SecureRandom).uuidV4())
  yield* (yield* Vault).put(tenantId, id, world.secret, { replaces: 0 })
  const { identity, settings } = world
  yield* handle(
    tenantId,
    id,
    {
      _tag: "Connect",
      at: yield* DateTime.now,
      provider: provider.id,
      ownerId: OwnerId.make("ada"),
      pollIntervalSeconds: 60,
      settings,
      authorization: AuthorizationRef.make(id),
      door: "callback",
      ...(identity !== undefined && { identity }),
      scopes: [],
      credentialVersion: 1,
      personal: Personal.withheld,
    },
    { metadata: { actor: system } },
  )
  const state = Effect.map(
    Effect.suspend(() => load(tenantId, id)),
    ({ state }) => state,
  )
  const read = Effect.fnUntraced(function* <Event extends { readonly _tag: string }>(
    codec: EventCodec.EventCodec<Event>,
    streamId: StreamId,
  ) {
    const recorded = yield* Stream.runCollect((yield* EventStore).readStream(tenantId, streamId))
    return yield* Effect.forEach(recorded, (one) => Effect.map(EventCodec.decode(codec)(one), ({ event }) => event))
  })
  const tapes = Effect.flatMap(state, ({ cursors }) =>
    Effect.forEach(Object.keys(cursors), (feed) => read(Feed, Feed.streamId(FeedId.make(feed)))),
  )
  const recorded = Effect.map(tapes, (tapes) =>
    tapes.flat().flatMap((event) => (event._tag === "items_recorded" ? event.itemIds : [])),
  )
  return {
    state,
    look: Effect.suspend(() => Sync.run(provider, tenantId, id)),
    recorded,
    /** Every item is on the tapes once, and each page goes on where the one before it ended. */
    recordsAllOnce: Effect.gen(function* () {
      assert.deepStrictEqual((yield* recorded).toSorted(), [...delivered()].toSorted())
      const cursors = new Map<FeedId, string | null>()
      for (const event of yield* read(Connection, Connection.streamId(id))) {
        if (event._tag !== "synced") continue
        assert.strictEqual(event.cursorBefore, cursors.get(event.feedId) ?? null)
        cursors.set(event.feedId, event.cursorAfter)
      }
    }),
  }
})

/** A whole number of these. */
export const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/** What happens to a world, one after the other. What it cannot do, and what there is nothing for, does not. */
export const Happening = Schema.TaggedUnion({
  Delivered: { items: between(0, 4) },
  Befallen: { kind: Schema.Literals(mishaps), after: between(0, 7), times: between(1, 7) },
  Looked: {},
  Expired: {},
  Forgotten: {},
  Revised: { item: between(0, 30) },
  Withdrawn: { item: between(0, 30) },
})
export type Happening = typeof Happening.Type

/** A connection that is looked at while things happen: after the last of them, all is well again. */
export const lived = Effect.fnUntraced(function* (scene: Scene, happenings: ReadonlyArray<Happening>) {
  const { advance, deliver, world } = scene
  const { look, recorded, recordsAllOnce } = yield* connected(scene)
  const standing = new Set<Feed.ItemId>()
  const looked = Effect.gen(function* () {
    yield* advance("10 minutes")
    const exit = yield* Effect.result(look)
    if (exit._tag === "Failure") {
      assert(exit.failure._tag === "SyncFailed", exit.failure._tag)
      assert.isTrue(exit.failure.retryable, exit.failure.reason)
    }
    for (const id of yield* recorded) standing.add(id)
  })
  const withdrawn = new Set<Feed.ItemId>()
  const one = (of: number) => {
    const there = [...standing].filter((id) => !withdrawn.has(id))
    return there[of % there.length]
  }
  for (const happening of happenings) {
    switch (happening._tag) {
      case "Delivered":
        yield* deliver(happening.items)
        yield* looked
        break
      case "Befallen":
        yield* world.befall(happening)
        break
      case "Looked":
        yield* looked
        break
      case "Expired":
        yield* world.expireCredentials ?? Effect.void
        break
      case "Forgotten":
        yield* world.forgetCursors ?? Effect.void
        break
      case "Revised": {
        const item = one(happening.item)
        if (item !== undefined) yield* world.revise?.(item) ?? Effect.void
        break
      }
      case "Withdrawn": {
        const item = one(happening.item)
        if (item === undefined || world.withdraw === undefined) break
        withdrawn.add(item)
        yield* world.withdraw(item)
        break
      }
    }
  }
  yield* world.recover
  // What was deferred often is asked for again hours later.
  for (const _ of [1, 2]) {
    yield* advance("7 hours")
    yield* look
  }
  yield* recordsAllOnce
})

const load = Aggregate.load(Connection)
const handle = Aggregate.handle(Connection)
