/**
 * Which connections watch the mailbox of an address.
 *
 * Google names a mailbox by its address and knows no tenants, so the address is looked for in every tenant: by the keyed
 * hash that stands in the settings of its connections. No address is kept here, and one tenant learns nothing of another.
 */
import { createHash, randomBytes } from "node:crypto"

import { Connection, EventCodec, EventStore, type Ids, KeyedHash } from "@holdfast/domain"
import { Context, Effect, Layer, Result, Semaphore, Stream } from "effect"

import { type LabelId } from "./GmailApi.ts"
import * as GmailProvider from "./GmailProvider.ts"
import * as Labels from "./Labels.ts"

/** The setting that holds the keyed hash of the mailbox's address. */
export const setting = "mailbox"

/** The hash under which a mailbox is known in a tenant. */
export const hashOf = Effect.fn("GmailMailboxes.hashOf")(function* (tenantId: Ids.TenantId, address: string) {
  return yield* (yield* KeyedHash.KeyedHash).hash(tenantId, "gmail.address", address.trim().toLowerCase())
})

/** A connection that is at work, and what it watches. */
export interface Watcher {
  readonly tenantId: Ids.TenantId
  readonly connectionId: Ids.ConnectionId
  readonly labelId: LabelId | undefined
  /** The version of the connection's stream with which it came to work, or to this label. */
  readonly since: number
}

export class GmailMailboxes extends Context.Service<
  GmailMailboxes,
  {
    /** The connections at work whose mailbox has this address, in whatever tenant, as the log has them now. */
    of(address: string): Effect.Effect<ReadonlyArray<Watcher>, EventStore.EventStoreUnavailable>
    /** All connections at work. */
    readonly all: Effect.Effect<ReadonlyArray<Watcher>, EventStore.EventStoreUnavailable>
  }
>()("@holdfast/adapters-gmail/GmailMailboxes") {
  /** Reads on in the log, of all tenants, whenever it is asked. */
  static readonly layer = Layer.effect(
    GmailMailboxes,
    Effect.gen(function* () {
      const log = yield* EventStore.EventLog
      const hashes = yield* KeyedHash.KeyedHash
      const turn = yield* Semaphore.make(1)
      const salt = randomBytes(32)
      const connections = new Map<string, Entry>()
      const found = new Map<string, ReadonlyArray<Watcher>>()
      let reached = EventStore.beginning
      /** How often `found` was outdated: who began to search before knows nothing of it. */
      let changes = 0

      const readOn = turn.withPermit(
        Effect.gen(function* () {
          const head = yield* log.head
          if (head <= reached) return
          yield* Stream.runForEach(log.read(reached, { ...news, until: head }), (recorded) =>
            Effect.sync(() => {
              const read = decode(recorded)
              // A newer version of this software wrote it: that one looks after the connection.
              if (Result.isFailure(read)) return
              const { event, streamId, tenantId, version } = read.success
              const key = JSON.stringify([tenantId, streamId])
              const before = connections.get(key)
              const state = Connection.evolve(before?.state ?? Connection.initial, event)
              const entry = { tenantId, connectionId: Connection.idOf(streamId), state, since: version }
              const since = before !== undefined && isAsBefore(before, entry) ? before.since : version
              connections.set(key, { ...entry, since })
              if (state.provider === GmailProvider.id) {
                found.clear()
                changes++
              }
            }),
          )
          reached = head
        }),
      )
      const all = Effect.map(readOn, () => [...connections.values()].filter(isAtWork))

      /** In tenants whose keys cannot be had nobody is found: their connections are looked at by the schedule. */
      const search = Effect.fnUntraced(
        function* (entries: ReadonlyArray<Entry>, address: string) {
          const tenants = [...new Set(entries.map(({ tenantId }) => tenantId))]
          const matches = yield* Effect.forEach(tenants, (tenantId) =>
            hashOf(tenantId, address).pipe(
              Effect.map((hash) =>
                entries.filter((entry) => entry.tenantId === tenantId && entry.state.settings?.[setting] === hash),
              ),
              Effect.catchTags({
                SealingError: ({ reason }) => Effect.succeed(reason === "forgotten" ? [] : undefined),
                EventStoreUnavailable: () => Effect.undefined,
              }),
            ),
          )
          const watchers = matches.flatMap((entries) => entries ?? []).map(watcherOf)
          return { watchers, isWhole: !matches.includes(undefined) }
        },
        Effect.provideService(KeyedHash.KeyedHash, hashes),
      )

      return GmailMailboxes.of({
        of: Effect.fn("GmailMailboxes.of")(function* (address) {
          const entries = yield* all
          // Pushes of a mailbox come again and again; who asks for it is kept without the address.
          const key = createHash("sha256").update(salt).update(address.trim().toLowerCase()).digest("base64url")
          const known = found.get(key)
          if (known !== undefined) return known
          const asOf = changes
          const { isWhole, watchers } = yield* search(entries, address)
          if (!isWhole || asOf !== changes) return watchers
          if (found.size >= remembered) found.clear()
          found.set(key, watchers)
          return watchers
        }),
        all: Effect.map(all, (entries) => entries.map(watcherOf)),
      })
    }),
  )
}

interface Entry {
  readonly tenantId: Ids.TenantId
  readonly connectionId: Ids.ConnectionId
  readonly state: Connection.State
  readonly since: number
}

const isAsBefore = (before: Entry, entry: Entry) =>
  isAtWork(before) === isAtWork(entry) && labelOf(before) === labelOf(entry)

const isAtWork = ({ state }: Entry) => state.provider === GmailProvider.id && state.status === "active"

const labelOf = ({ state }: Entry) => Labels.wantedOf(state.settings ?? {}).id

const watcherOf = (entry: Entry): Watcher => ({
  tenantId: entry.tenantId,
  connectionId: entry.connectionId,
  labelId: labelOf(entry),
  since: entry.since,
})

const remembered = 10_000

const decode = EventCodec.decodeClear(Connection)

/** The events that say whether a connection is at work, and for which mailbox. */
const news = {
  categories: [Connection.name],
  types: Connection.turningPoints,
  sealed: false,
} satisfies EventStore.LogFilter
