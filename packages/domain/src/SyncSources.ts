/**
 * The sources of a connection, opened: each with the feed that it is delivered
 * into, the account that the feed is linked to, and where to go on.
 *
 * Where the connection is for one account that is known by its identity, items have
 * the same ids under every connection: a later feed goes on where an earlier one
 * stands. Where it is for several accounts, each was matched with those that are
 * held, and items are recognised by what they say.
 */
import { DateTime, Effect, Equal, HashSet, Schema } from "effect"

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
import * as SyncTurns from "./SyncTurns.ts"

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

/**
 * What other feeds of the account held is theirs no more: one of them was forgotten, or linked to another account, while
 * this one was synced. The page is not recorded: what was passed over because they held it has to be fetched. The next run
 * does.
 */
export class HoldingsChanged extends Schema.TaggedError<HoldingsChanged>()("HoldingsChanged", {}) {}

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
  /** The account as it is now, by whom it is held. None while a person is asked which it is. */
  readonly account: (known: Streams["account"]) => Effect.Effect<Streams["account"], LoadError, LoadServices>
  /** Where the feed of the connection before this one stands. */
  readonly goesOnFrom: string | null
  /** When everything that is listed was last compared by the connection before this one; none where it never was. */
  readonly comparedAt: DateTime.Utc | undefined
  /** Whether its items are bank transactions, recognised by what they say. */
  readonly isMatched: boolean
  /** The day from which on a matched feed is fetched, where an earlier one had covered what was before. */
  readonly resumeFrom: Connection.Day | undefined
}

export interface Streams {
  readonly connection: Aggregate.Loaded<Connection.State>
  readonly feed: Aggregate.Loaded<Feed.State>
  readonly account: Aggregate.Loaded<Account.State> | undefined
  /** The account's other feeds whose items have the same ids, read no later than the account. */
  readonly others: Others
}

/** Feeds of earlier connections for the same source, and where sources share ids, of any connection for the others. */
interface Others {
  /** What they hold, and what they left open. */
  readonly holdings: Holdings.Holdings
  /** How far each was read. What was forgotten is not held any more. */
  readonly read: ReadonlyMap<FeedId, { readonly version: number; readonly forgotten: boolean }>
}

const noOthers: Others = { holdings: Holdings.none, read: new Map() }

/**
 * The others as they were read, for a page that passes over what they hold. Of hundreds those that came last, for an append
 * names a thousand streams at most: what the rest held is missed by the provider's count.
 */
export const unchangedOthers = ({ feed: { tenantId }, others }: Streams): ReadonlyArray<Aggregate.Change> =>
  Array.from(others.read)
    .filter(([, { forgotten }]) => !forgotten)
    .slice(-othersAtMost)
    .map(([feedId, { version }]) =>
      Aggregate.unchanged({ tenantId, streamId: Feed.streamId(feedId), state: Feed.initial, version }),
    )

const othersAtMost = 200

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
  const feedId = yield* feedIdOf(connectionId, source.key)
  const connection = yield* loadAsked(tenantId, connectionId, settings)
  const accountId = yield* accountOf(tenantId, provider, connection.state.identity, feedId)
  const opened = openLinked(provider, connection, accountId, { connectionId, feedId, source, settings })
  return yield* SyncTurns.taking(tenantId, Account.streamId(accountId))(({ semaphore }) => semaphore.withPermit(opened))
}, Aggregate.decidingAgain)

const openLinked = Effect.fnUntraced(function* (
  provider: ProviderId,
  connection: Streams["connection"],
  accountId: AccountId,
  { connectionId, feedId, settings, source }: Pick<OpenFeed, "connectionId" | "feedId" | "settings" | "source">,
) {
  const at = yield* DateTime.now
  const { tenantId } = connection
  const { identity, ownerId } = connection.state
  const feed = yield* loadFeed(tenantId, feedId)
  const account = yield* loadAccount(tenantId, accountId)

  const others = yield* readOthers(account, { feedId, source }, noOthers)
  // What was forgotten is not held any more: it is fetched again for whoever connects again.
  const last = sharing(account.state, { feedId, source }).findLast(
    (other) => other.source === source.key && others.read.get(other.feedId)?.forgotten === false,
  )
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
    streams: { connection: Aggregate.after(followed), feed, account: Aggregate.after(linked), others },
    account: (known = account) => catchUpAccount(known),
    goesOnFrom,
    comparedAt: last && previous?.comparedAt[last.feedId],
    isMatched: false,
    resumeFrom: undefined,
  } satisfies OpenFeed
})

/** A source that was matched. It is linked already, or a person is asked what to. */
export const openMatched = Effect.fnUntraced(function* (
  tenantId: TenantId,
  connectionId: ConnectionId,
  source: Source,
  settings: Connection.Settings,
  { feedId, resumeFrom }: Connection.MatchedSource,
) {
  const account = (known: Streams["account"]) => holderOf(tenantId, feedId, known)
  const streams = yield* Effect.all({
    connection: loadAsked(tenantId, connectionId, settings),
    feed: loadFeed(tenantId, feedId),
    account: account(undefined),
    others: Effect.succeed(noOthers),
  })
  return {
    tenantId,
    connectionId,
    feedId,
    source,
    settings,
    streams,
    account,
    goesOnFrom: null,
    comparedAt: undefined,
    isMatched: true,
    resumeFrom,
  } satisfies OpenFeed
})

/** The streams as they are now, if the connection is still asked for the same. */
export const readOn = Effect.fnUntraced(function* (open: OpenFeed, known: Streams) {
  const connection = yield* asked(yield* catchUpConnection(known.connection), open.settings)
  const feed = yield* catchUpFeed(known.feed)
  const account = yield* open.account(known.account)
  // After the account: whatever they record from here on conflicts with what is decided on it.
  const others = account === undefined || open.isMatched ? noOthers : yield* readOthers(account, open, known.others)
  return { connection, feed, account, others } satisfies Streams
})

/** What is new in the others, where nothing of what they held before was taken back. */
const readOthers = Effect.fnUntraced(function* (
  account: Aggregate.Loaded<Account.State>,
  feed: Pick<OpenFeed, "feedId" | "source">,
  known: Others,
) {
  const { state, tenantId } = account
  const linked = sharing(state, feed)
  const isUnlinked = Array.from(known.read.keys()).some((id) => !linked.some(({ feedId }) => feedId === id))
  if (isUnlinked) return yield* new HoldingsChanged()
  const read = new Map(known.read)
  let holdings = known.holdings
  for (const { feedId, source } of linked) {
    const before = known.read.get(feedId)
    const { state: news, version } = yield* catchUpFeed({
      tenantId,
      streamId: Feed.streamId(feedId),
      state: Feed.initial,
      version: before?.version ?? 0,
    })
    if (before !== undefined && (news.forgotten || !HashSet.isEmpty(news.withdrawnIds))) {
      return yield* new HoldingsChanged()
    }
    const forgotten = news.forgotten || before?.forgotten === true
    read.set(feedId, { version, forgotten })
    if (!forgotten)
      holdings = source === feed.source.key ? Holdings.and(holdings, news) : Holdings.beside(holdings, news)
  }
  return { holdings, read } satisfies Others
})

/** Feeds of the account whose items have the same ids. */
const sharing = ({ feeds }: Account.State, { feedId, source }: Pick<OpenFeed, "feedId" | "source">) =>
  feeds.filter((other) => other.feedId !== feedId && (other.source === source.key || source.sharesIds === true))

/** The connection, if it is asked for what it was asked for when its sources were named. */
const loadAsked = (tenantId: TenantId, connectionId: ConnectionId, settings: Connection.Settings) =>
  Effect.flatMap(loadConnection(tenantId, connectionId), (connection) => asked(connection, settings))

const asked = (connection: Streams["connection"], settings: Connection.Settings) =>
  Equal.equals(connection.state.settings ?? {}, settings)
    ? Effect.succeed(connection)
    : Effect.fail(new SettingsChanged())

/** Where a feed stands: before its first page, where the feed before it stands. */
export const cursorOf = ({ connection }: Streams, { feedId, goesOnFrom }: OpenFeed) =>
  connection.state.cursors[feedId] ?? goesOnFrom

export const ensureSyncable = (connectionId: ConnectionId, state: Connection.State) => {
  if (Connection.isSyncable(state)) return Effect.void
  const status = state.status === "active" ? "identity_mismatch" : state.status
  return Effect.fail(new NotSyncable({ connectionId, status }))
}

/** The account that a feed is linked to now: links move. */
const holderOf = Effect.fnUntraced(function* (tenantId: TenantId, feedId: FeedId, known: Streams["account"]) {
  const store = yield* EventStore
  const holder = yield* store.holderOf(tenantId, Account.feedClaim(feedId))
  if (holder === undefined) return undefined
  return yield* known?.streamId === holder ? catchUpAccount(known) : loadAccount(tenantId, Account.idOf(holder))
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
const catchUpConnection = Aggregate.catchUp(Connection)
const catchUpFeed = Aggregate.catchUp(Feed)
const catchUpAccount = Aggregate.catchUp(Account)
const decideConnection = Aggregate.decide(Connection)
const decideAccount = Aggregate.decide(Account)
