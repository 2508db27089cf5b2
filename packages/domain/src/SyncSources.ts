/**
 * The sources of a connection, opened: each with the feed that it is delivered
 * into, the account that the feed is linked to, and where to go on.
 *
 * Where the connection is for one account that is known by its identity, items have
 * the same ids under every connection: a later feed goes on where an earlier one
 * stands. Where it is for several accounts, each was matched with those that are
 * held, and items are recognised by what they say.
 */
import { DateTime, Effect, Equal, Schema } from "effect"

import * as Account from "./Account.ts"
import * as Aggregate from "./Aggregate.ts"
import * as Connection from "./Connection.ts"
import { derivedUuid, feedIdOf } from "./DerivedId.ts"
import { EventStore } from "./EventStore.ts"
import * as Feed from "./Feed.ts"
import * as Holdings from "./Holdings.ts"
import { AccountId, ConnectionId, type FeedId, type ProviderId, system, type TenantId } from "./Ids.ts"
import * as Personal from "./Personal.ts"
import { type Source } from "./Provider.ts"

/**
 * The connection is not, or no longer, in a state to be synced: the owner has to consent, or somebody has to resume it.
 * What was recorded before stands.
 */
export class NotSyncable extends Schema.TaggedError<NotSyncable>()("NotSyncable", {
  connectionId: ConnectionId,
  /** Of the connection; `identity_mismatch` and `no_credentials` where that is what keeps it from being synced. */
  status: Schema.String,
}) {}

/**
 * The connection was asked for something else while it was synced. What was fetched by the old settings is not recorded:
 * what they name may be somebody else's by now.
 */
export class SettingsChanged extends Schema.TaggedError<SettingsChanged>()("SettingsChanged", {}) {}

/** A source of a connection, and the streams that its pages go to. */
export interface OpenFeed {
  readonly tenantId: TenantId
  readonly connectionId: ConnectionId
  readonly feedId: FeedId
  readonly source: Source
  /** What the connection was asked for when the source was named. */
  readonly settings: Connection.Settings
  /** As they were when it was opened. */
  readonly streams: Streams
  /** The account, by whom it is held. None while a person is asked which it is. */
  readonly account: Effect.Effect<Streams["account"], LoadError, LoadServices>
  /** What earlier feeds of the account hold under the same ids, of this source and of this connection's other ones; and what they left open. */
  readonly before: Holdings.Holdings
  /** Where the feed of the connection before this one stands. */
  readonly goesOnFrom: string | null
  /** Whether its items are bank transactions, recognised by what they say. */
  readonly isMatched: boolean
  /** The day from which on a matched feed is fetched, where an earlier one had covered what was before. */
  readonly resumeFrom: Connection.Day | undefined
}

export interface Streams {
  readonly connection: Aggregate.Loaded<Connection.State>
  readonly feed: Aggregate.Loaded<Feed.State>
  readonly account: Aggregate.Loaded<Account.State> | undefined
}

type LoadError = Effect.Error<ReturnType<typeof loadAccount>>
type LoadServices = Effect.Services<ReturnType<typeof loadAccount>>

/**
 * Links the source to the account of the connection's identity before anything is fetched. When the account was fed by
 * another connection before, this one goes on where that one stopped, and says so (`reconnected`).
 */
export const openByIdentity = Effect.fnUntraced(function* (
  provider: ProviderId,
  tenantId: TenantId,
  connectionId: ConnectionId,
  source: Source,
  settings: Connection.Settings,
) {
  const at = yield* DateTime.now
  const feedId = yield* feedIdOf(connectionId, source.key)
  const connection = yield* loadAsked(tenantId, connectionId, settings)
  const { identity, ownerId } = connection.state
  const accountId = yield* accountOf(tenantId, provider, identity, feedId)
  const feed = yield* loadFeed(tenantId, feedId)
  const account = yield* loadAccount(tenantId, accountId)

  const others = account.state.feeds.filter(
    (other) => other.feedId !== feedId && (other.source === source.key || source.sharesIds === true),
  )
  const loaded = yield* Effect.forEach(others, (other) =>
    Effect.map(loadFeed(tenantId, other.feedId), ({ state }) => ({ ...other, ...state })),
  )
  // What was forgotten is not held any more: it is fetched again for whoever connects again.
  const earlier = loaded.filter(({ forgotten }) => !forgotten)
  const last = earlier.findLast((other) => other.source === source.key)
  const previous = last && (yield* loadConnection(tenantId, last.connectionId)).state
  const goesOnFrom = (last && previous?.cursors[last.feedId]) ?? null

  const linked = yield* Effect.orDie(
    Effect.fromResult(
      decideAccount(
        account,
        { _tag: "Open", at, provider, ...(identity !== undefined && { identity }) },
        {
          _tag: "Link",
          at,
          feedId,
          connectionId,
          source: source.key,
          confidence: "exact",
          evidence: [identity === undefined ? "same authorization" : "identity"],
          ...(ownerId !== undefined && { ownerId }),
          personal: Personal.withheld,
        },
      ),
    ),
  )
  const isSuccessor = previous !== undefined && !isAtWork(previous) && connection.state.previous === undefined
  const followed = yield* Effect.fromResult(
    decideConnection(
      connection,
      ...(last !== undefined && isSuccessor
        ? [
            Connection.Command.cases.FollowOn.make({
              at,
              previous: last.connectionId,
              confidence: "exact",
              evidence: ["identity"],
              resume: goesOnFrom === null ? [] : [{ feed: last.feedId, cursor: goesOnFrom }],
            }),
          ]
        : []),
    ),
  )
  if (linked.events.length + followed.events.length > 0) yield* Aggregate.append([linked, followed], { metadata })
  return {
    tenantId,
    connectionId,
    feedId,
    source,
    settings,
    streams: { connection: Aggregate.after(followed), feed, account: Aggregate.after(linked) },
    account: Effect.suspend(() => loadAccount(tenantId, accountId)),
    before: earlier.reduce(
      (before, state) => (state.source === source.key ? Holdings.and(before, state) : Holdings.beside(before, state)),
      Holdings.none,
    ),
    goesOnFrom,
    isMatched: false,
    resumeFrom: undefined,
  } satisfies OpenFeed
}, Aggregate.decidingAgain)

/** A source that was matched. It is linked already, or a person is asked what to. */
export const openMatched = Effect.fnUntraced(function* (
  tenantId: TenantId,
  connectionId: ConnectionId,
  source: Source,
  settings: Connection.Settings,
  { feedId, resumeFrom }: Connection.MatchedSource,
) {
  const account = holderOf(tenantId, feedId)
  const streams = yield* Effect.all({
    connection: loadAsked(tenantId, connectionId, settings),
    feed: loadFeed(tenantId, feedId),
    account,
  })
  return {
    tenantId,
    connectionId,
    feedId,
    source,
    settings,
    streams,
    account,
    before: Holdings.none,
    goesOnFrom: null,
    isMatched: true,
    resumeFrom,
  } satisfies OpenFeed
})

/** The streams as they are now, if the connection is still asked for the same. */
export const reload = Effect.fnUntraced(function* ({ account, connectionId, feedId, settings, tenantId }: OpenFeed) {
  const connection = yield* loadAsked(tenantId, connectionId, settings)
  return { connection, ...(yield* Effect.all({ feed: loadFeed(tenantId, feedId), account })) } satisfies Streams
})

/** The connection, if it is asked for what it was asked for when its sources were named. */
const loadAsked = Effect.fnUntraced(function* (
  tenantId: TenantId,
  connectionId: ConnectionId,
  settings: Connection.Settings,
) {
  const connection = yield* loadConnection(tenantId, connectionId)
  return Equal.equals(connection.state.settings ?? {}, settings) ? connection : yield* new SettingsChanged()
})

/** Where a feed stands: before its first page, where the feed before it stands. */
export const cursorOf = ({ connection }: Streams, { feedId, goesOnFrom }: OpenFeed) =>
  connection.state.cursors[feedId] ?? goesOnFrom

export const ensureSyncable = (connectionId: ConnectionId, state: Connection.State) => {
  if (Connection.isSyncable(state)) return Effect.void
  const status = state.status === "active" ? "identity_mismatch" : state.status
  return Effect.fail(new NotSyncable({ connectionId, status }))
}

/** The account that a feed is linked to now: links move. */
const holderOf = Effect.fnUntraced(function* (tenantId: TenantId, feedId: FeedId) {
  const store = yield* EventStore
  const holder = yield* store.holderOf(tenantId, Account.feedClaim(feedId))
  return holder === undefined ? undefined : yield* loadAccount(tenantId, Account.idOf(holder))
})

/** Where the account is known by its identity it is found by it; otherwise it is the feed's own. */
const accountOf = Effect.fnUntraced(function* (
  tenantId: TenantId,
  provider: ProviderId,
  identity: Connection.State["identity"],
  feedId: FeedId,
) {
  if (identity !== undefined) {
    const store = yield* EventStore
    const holder = yield* store.holderOf(tenantId, Account.identityClaim(provider, identity))
    if (holder !== undefined) return Account.idOf(holder)
  }
  return AccountId.make(yield* derivedUuid("account", tenantId, identity ?? feedId))
})

/** A connection that another one does not go on from: it goes on itself. */
const isAtWork = ({ status }: Connection.State) => status === "active" || status === "paused"

export const metadata = { actor: system }

const loadConnection = Aggregate.load(Connection)
const loadFeed = Aggregate.load(Feed)
const loadAccount = Aggregate.load(Account)
const decideConnection = Aggregate.decide(Connection)
const decideAccount = Aggregate.decide(Account)
