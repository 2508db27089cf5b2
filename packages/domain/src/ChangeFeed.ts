/**
 * Tells whoever keeps something about a connection that it changed, so that
 * caches can be dropped.
 *
 * What is promised:
 * - Every change is told at least once, in the order of the log, from the position after the one that was asked for.
 *   Keep the position of the last message that was dealt with, and go on from there after a restart.
 * - `active` is read from the claims once the change is recorded, in which the slot changes hands together with the
 *   event: it is never older than the change, and may be newer. Then a later message tells of that too.
 * - A message comes after the view `connections` contains the change, so that the next read of the view finds it.
 *   When the view does not come that far in time, because it is paused, the message comes all the same, and says so in
 *   `inView`: then read what must be right from the log, by {@link holder} or the aggregate.
 *
 * Pages that are synced are not told: they change nothing about which connection is to be used. Neither is what became
 * of the accounts of a connection (`accounts_matched`, `review_opened`, `review_resolved`): which feed is linked to which
 * account also changes when nothing happens to any connection, by an undone link or a merge. Whoever caches accounts
 * follows the events of accounts, or reads the views `accounts` and `reviews`.
 */
import { type Duration, Effect, Schedule, Schema, Stream } from "effect"

import * as Aggregate from "./Aggregate.ts"
import * as Connection from "./Connection.ts"
import * as ConnectionsView from "./ConnectionsView.ts"
import { type EncodedEvent, EventLog, EventStore, type Position, type Recorded } from "./EventStore.ts"
import { ConnectionId, TenantId } from "./Ids.ts"
import { Views } from "./ViewStore.ts"

/** What can happen to a connection that somebody may have to know of. */
export const Kind = Schema.Literals([
  "configured",
  "connected",
  "reconnected",
  "token_refreshed",
  "sync_failed",
  "authorization_failed",
  "superseded",
  "paused",
  "resumed",
  "expiry_noticed",
  "expiry_withdrawn",
  "disconnected",
  "forgotten",
])
export type Kind = typeof Kind.Type

/** One connection changed. No personal data. */
export const Change = Schema.Struct({
  tenantId: TenantId,
  connectionId: ConnectionId,
  /** Of the event; a follower goes on after it. */
  position: Schema.BigIntFromString,
  change: Kind,
  /** What the connection is now; absent when it is forgotten. */
  status: Schema.optionalKey(
    Schema.Literals(["pending", "active", "needs_reauth", "paused", "superseded", "disconnected"]),
  ),
  /** The slot that the connection is for, where there is one. */
  slot: Schema.optionalKey(Schema.String),
  /** The live connection in the slot now. */
  active: Schema.optionalKey(ConnectionId),
  /** With `superseded` and `reconnected`: the connection that was in use before. */
  previous: Schema.optionalKey(ConnectionId),
  /** Whether the view `connections` contains the change. */
  inView: Schema.Boolean,
})
export type Change = typeof Change.Type

export interface Options {
  /** The changes of one tenant only. */
  readonly tenantId?: TenantId | undefined
  /** How long a message waits for the view. 5 seconds by default. */
  readonly patience?: Duration.Input | undefined
}

/** The changes after a position, then those that come. Never ends, and survives every outage. */
export const follow = (after: Position, options: Options = {}) =>
  Stream.unwrap(
    Effect.map(EventLog, (log) =>
      log.follow(after, {
        categories: [Connection.name],
        types: Kind.literals,
        sealed: false,
        ...(options.tenantId !== undefined && { tenantId: options.tenantId }),
      }),
    ),
  ).pipe(
    Stream.mapEffect((recorded) =>
      Effect.retry(describe(recorded, options.patience ?? "5 seconds"), {
        while: (error) => error._tag === "EventStoreUnavailable",
        schedule: Schedule.jittered(Schedule.min([Schedule.exponential("50 millis"), Schedule.spaced("1 second")])),
      }),
    ),
  )

/** The live connection in a slot, as of the last append: never outdated, whatever views and caches say. */
export const holder = Effect.fn("ChangeFeed.holder")(function* (tenantId: TenantId, slot: string) {
  const store = yield* EventStore
  const streamId = yield* store.holderOf(tenantId, Connection.slotClaim(slot))
  return streamId === undefined ? undefined : Connection.idOf(streamId)
})

const describe = Effect.fnUntraced(function* (recorded: Recorded<EncodedEvent>, patience: Duration.Input) {
  const { event, position, streamId, tenantId } = recorded
  const views = yield* Views
  const connectionId = Connection.idOf(streamId)
  const change = Kind.make(event.type as Kind)
  const inView = yield* views.awaitPosition(ConnectionsView, position, patience)
  const standing = yield* inView ? fromView(tenantId, connectionId) : fromLog(tenantId, connectionId)
  const { previous, slot, status } = standing
  const active = slot === undefined ? undefined : yield* holder(tenantId, slot)
  const before = change === "superseded" ? connectionId : change === "reconnected" ? previous : undefined
  return {
    tenantId,
    connectionId,
    position,
    change,
    inView,
    ...(status !== undefined && { status }),
    ...(slot !== undefined && { slot }),
    ...(active !== undefined && { active }),
    ...(before !== undefined && { previous: before }),
  } satisfies Change
})

interface Standing {
  readonly status?: ConnectionsView.Row["status"] | undefined
  readonly slot?: string | undefined
  readonly previous?: ConnectionId | undefined
}

const fromView = (tenantId: TenantId, connectionId: ConnectionId) =>
  Effect.map(ConnectionsView.get(tenantId, connectionId), (row): Standing => ({
    status: row?.status,
    slot: row?.slot ?? undefined,
    previous: row?.reconnected_from ?? undefined,
  }))

/** What cannot be read here is told without details: whoever hears it must drop what it holds all the same. */
const fromLog = (tenantId: TenantId, connectionId: ConnectionId) =>
  loadConnection(tenantId, connectionId).pipe(
    Effect.map(({ state }): Standing => {
      const { forgotten, previous, slot, status } = state
      return { status: forgotten || status === "absent" ? undefined : status, slot, previous }
    }),
    Effect.catchTags({
      UnreadableEvent: () => Effect.succeed<Standing>({}),
      SealingError: () => Effect.succeed<Standing>({}),
    }),
  )

const loadConnection = Aggregate.load(Connection)
