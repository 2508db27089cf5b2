/** A mailbox that is connected and synced on stores in memory, and what can be asked about it. */
import { NodeCrypto } from "@effect/platform-node"
import {
  Aggregate,
  Compression,
  Connection,
  DataKeys,
  EventCodec,
  EventStore,
  EventStoreMemory,
  Feed,
  Ids,
  KeyedHash,
  Leases,
  MasterKeys,
  Personal,
  Sealer,
  SubjectKeys,
  Sync,
  Vault,
  ViewStoreMemory,
} from "@holdfast/domain"
import { DateTime, Effect, HashMap, Layer, Logger, Option, Redacted, Stream } from "effect"
import { Aead, Kdf, Mac, SecureRandom } from "effect/crypto"

import { GmailApi, GmailProvider, GmailSecret, Labels, Tape } from "../src/index.ts"
import { GmailSimulator, InProcess } from "../src/testing/index.ts"
import { ada } from "./support.ts"

/**
 * All stores, without a trip through the thread pool: there is no telling how long one takes, and time that passes only
 * when nothing is at work would pass meanwhile. What is sealed here is as good as open.
 */
export const stores = Layer.mergeAll(
  EventStoreMemory.layer,
  ViewStoreMemory.layer,
  KeyedHash.KeyedHash.layer,
  Leases.Leases.layerMemory,
  Layer.provide(Vault.Vault.layer, Vault.CredentialRows.layerMemory),
).pipe(
  Layer.provideMerge(Sealer.Sealer.layer),
  Layer.provideMerge(DataKeys.DataKeys.layer),
  Layer.provideMerge(SubjectKeys.SubjectKeys.layerMemory),
  Layer.provideMerge(
    Layer.orDie(
      MasterKeys.MasterKeys.layer({
        current: "test",
        keys: { test: Redacted.make(new Uint8Array(32).fill(1)) },
      }),
    ),
  ),
  Layer.provideMerge(
    Layer.mergeAll(
      NodeCrypto.layer,
      Layer.provide(Mac.layerWebCrypto, NodeCrypto.layer),
      Kdf.layerWebCrypto,
      Layer.provide(
        Aead.layerWebCryptoWith({
          implementations: {
            aes256Gcm: {
              encrypt: (_, __, plain) => Buffer.concat([plain, new Uint8Array(16)]),
              decrypt: (_, __, sealed) => sealed.subarray(0, -16),
            },
          },
        }),
        NodeCrypto.layer,
      ),
      Layer.succeed(Compression.Compression, { deflate: Effect.succeed, inflate: Effect.succeed }),
    ),
  ),
)

/** A simulated Google and all stores, in this process. */
export const world = (options: InProcess.Options = {}) =>
  Layer.mergeAll(
    Layer.provideMerge(InProcess.layer({ mailboxes: [ada], ...options }), stores),
    // What runs say of themselves is asked for where it matters.
    Logger.layer([]),
  )

export const label = "Reservations"
const identity = Ids.IdentityHash.make("a".repeat(64))

/** Connects a mailbox and pins its label, as registration does. */
export const connected = Effect.fnUntraced(function* (
  options: {
    readonly address?: string
    readonly tenantId?: Ids.TenantId
    readonly provider?: Effect.Success<typeof GmailProvider.make>
    readonly identity?: Ids.IdentityHash
    readonly watches?: string
  } = {},
) {
  const { address = ada, tenantId = Ids.TenantId.make("harbour"), watches = label } = options
  const simulator = yield* GmailSimulator
  const provider = options.provider ?? (yield* GmailProvider.make)
  const labelId = yield* simulator.label(address, watches)
  const id = Ids.ConnectionId.make(yield* (yield* SecureRandom.SecureRandom).uuidV4())
  const grant = yield* InProcess.consented(address)
  const secret = GmailSecret.write({
    _tag: "Granted",
    state: "state",
    session: "browser",
    accessToken: Redacted.value(grant.accessToken),
    refreshToken: Redacted.value(yield* Effect.fromOption(grant.refreshToken)),
    expiresAt: grant.expiresAt,
    scopes: grant.scopes,
    identity: options.identity ?? identity,
    address,
  })
  yield* (yield* Vault.Vault).put(tenantId, id, secret, { replaces: 0 })
  const told = (command: Connection.Command) =>
    Aggregate.handle(Connection)(tenantId, id, command, { metadata: { actor: Ids.system } })
  yield* told({
    _tag: "Connect",
    at: yield* DateTime.now,
    provider: GmailProvider.id,
    ownerId: Ids.OwnerId.make("ada"),
    pollIntervalSeconds: 60,
    settings: { [Labels.nameSetting]: watches, [Labels.idSetting]: labelId },
    authorization: Ids.AuthorizationRef.make(id),
    door: "callback",
    identity: options.identity ?? identity,
    scopes: [],
    credentialVersion: 1,
    personal: Personal.withheld,
  })

  const state = Effect.map(
    Effect.suspend(() => Aggregate.load(Connection)(tenantId, id)),
    ({ state }) => state,
  )
  const feedIds = Effect.map(state, ({ cursors }) => Object.keys(cursors).map((feed) => Ids.FeedId.make(feed)))
  const feed = Effect.gen(function* () {
    const store = yield* EventStore.EventStore
    const [feedId] = yield* feedIds
    if (feedId === undefined) return []
    const recorded = yield* Stream.runCollect(store.readStream(tenantId, Feed.streamId(feedId)))
    return yield* Effect.forEach(recorded, (one) => Effect.map(EventCodec.decode(Feed)(one), ({ event }) => event))
  })
  const feedState = Effect.map(feed, (events) => events.reduce(Feed.evolve, Feed.initial))
  return {
    id,
    tenantId,
    provider,
    /** The name of its label. */
    watches,
    labelId: GmailApi.LabelId.make(labelId),
    told,
    sync: Sync.run(provider, tenantId, id),
    state,
    /** What the feed recorded, in order. */
    feed,
    feedState,
    /** The messages on the tape, in order, as often as they are there. */
    tape: Effect.map(feed, (events) =>
      events.flatMap((event) =>
        event._tag === "items_recorded"
          ? Option.match(Personal.value(event.personal), {
              onNone: () => [],
              onSome: ({ items }) => items.map((item) => Tape.decode(item)),
            })
          : [],
      ),
    ),
    ids: Effect.map(feed, (events) =>
      events.flatMap((event) => (event._tag === "items_recorded" ? event.itemIds : [])),
    ),
    deferred: Effect.map(feedState, ({ deferred }) => Object.fromEntries(HashMap.toEntries(deferred))),
    gone: Effect.map(feed, (events) => events.flatMap((event) => (event._tag === "items_gone" ? event.gone : []))),
    observed: Effect.map(feedState, ({ observed }) => Object.fromEntries(HashMap.toEntries(observed))),
    drift: Effect.map(state, ({ drifts }) => Object.values(drifts)[0]),
  }
})
