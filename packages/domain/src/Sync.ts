/**
 * The sync engine: brings what a provider has into feeds, page by page.
 *
 * A page is one append. The items, how they compare with what the account held,
 * and the connection's `synced` with the cursor before and after stand in three
 * streams and commit together: there is no moment when items are recorded and
 * the cursor is not. The version of the feed fences off a worker that lost its
 * lease without noticing.
 */
import { DateTime, Duration, Effect, HashSet, Schedule, Schema } from "effect"
import { Digest, SecureRandom } from "effect/crypto"

import * as Account from "./Account.ts"
import * as Aggregate from "./Aggregate.ts"
import * as Connection from "./Connection.ts"
import * as Credentials from "./Credentials.ts"
import { EventStore } from "./EventStore.ts"
import * as Feed from "./Feed.ts"
import { AccountId, ConnectionId, FeedId, type ProviderId, system, type TenantId } from "./Ids.ts"
import { Leases } from "./Leases.ts"
import * as Personal from "./Personal.ts"
import { type Page, type Provider, ProviderError, type Secret, type Source } from "./Provider.ts"
import * as Utf8 from "./Utf8.ts"

/** What a run did. */
export interface Report {
  readonly run: string
  readonly connectionId: ConnectionId
  readonly pages: number
  /** New to the account, and recorded. */
  readonly added: number
  /** Delivered again, and passed over. */
  readonly known: number
}

/** Another worker is syncing this connection. Nothing was done; its run will do. */
export class SyncInProgress extends Schema.TaggedError<SyncInProgress>()("SyncInProgress", {
  connectionId: ConnectionId,
}) {}

/** The connection is not in a state to be synced: the owner has to consent, or somebody has to resume it. */
export class NotSyncable extends Schema.TaggedError<NotSyncable>()("NotSyncable", {
  connectionId: ConnectionId,
  status: Schema.String,
}) {}

/**
 * The provider could not go on. Every page before that is recorded, and the next
 * run goes on from there. Whether asking again helps is in `retryable`.
 */
export class SyncFailed extends Schema.TaggedError<SyncFailed>()("SyncFailed", {
  connectionId: ConnectionId,
  reason: Schema.String,
  retryable: Schema.Boolean,
}) {}

/** A lease is renewed while the run lives; this is how long a dead worker blocks the next one. */
const leaseTime = Duration.minutes(1)

/** A look that finds nothing is worth an event only this often. */
const quietInterval = Duration.hours(1)

/** Brings a connection up to date, all of its sources one after the other. */
export const run = Effect.fn("Sync.run")(function* (provider: Provider, tenantId: TenantId, connectionId: ConnectionId) {
  const leases = yield* Leases
  return yield* leases
    .using(
      tenantId,
      `sync:${connectionId}`,
      leaseTime,
    )(syncAll(provider, tenantId, connectionId))
    .pipe(
      Effect.catchTag("LeaseHeld", () => Effect.fail(new SyncInProgress({ connectionId }))),
      Effect.catchTag("ProviderError", (error) => stop(tenantId, connectionId, error)),
    )
})

const syncAll = Effect.fnUntraced(function* (provider: Provider, tenantId: TenantId, connectionId: ConnectionId) {
  const random = yield* SecureRandom.SecureRandom
  const run = yield* random.uuidV7()
  yield* Credentials.recordVersion(tenantId, connectionId)
  const { state } = yield* loadConnection(tenantId, connectionId)
  if (state.status !== "active") return yield* new NotSyncable({ connectionId, status: state.status })

  const ask = asking(provider, tenantId, connectionId)
  const sources = yield* ask((secret) => provider.sources(secret, state.settings ?? {}))
  const reports = yield* Effect.forEach(sources, (source) =>
    Effect.flatMap(open(provider.id, tenantId, connectionId, source), (feed) => syncSource(provider, ask, feed, run)),
  )
  const sum = (count: (report: SourceReport) => number) => reports.reduce((total, report) => total + count(report), 0)
  return {
    run,
    connectionId,
    pages: sum(({ pages }) => pages),
    added: sum(({ added }) => added),
    known: sum(({ known }) => known),
  } satisfies Report
})

/** A source of a connection, and the streams that its pages go to. */
interface OpenFeed {
  readonly tenantId: TenantId
  readonly connectionId: ConnectionId
  readonly feedId: FeedId
  readonly accountId: AccountId
  readonly source: Source
  readonly streams: Streams
  /** What earlier feeds of the account hold. */
  readonly heldBefore: HashSet.HashSet<Feed.ItemId>
  /** Where the feed of the connection before this one stands. */
  readonly resumeFrom: string | null
}

interface Streams {
  readonly connection: Aggregate.Loaded<Connection.State>
  readonly feed: Aggregate.Loaded<Feed.State>
  readonly account: Aggregate.Loaded<Account.State>
}

/**
 * Links the source to its account before anything is fetched. When the account
 * was fed by another connection before, this one goes on where that one stopped,
 * and says so (`reconnected`).
 */
const open = Effect.fnUntraced(function* (
  provider: ProviderId,
  tenantId: TenantId,
  connectionId: ConnectionId,
  source: Source,
) {
  const at = yield* DateTime.now
  const feedId = FeedId.make(yield* derivedUuid("feed", connectionId, source.key))
  const connection = yield* loadConnection(tenantId, connectionId)
  const { identity } = connection.state
  const accountId = yield* accountOf(tenantId, provider, identity, feedId)
  const feed = yield* loadFeed(tenantId, feedId)
  const account = yield* loadAccount(tenantId, accountId)

  const earlier = account.state.feeds.filter((other) => other.source === source.key && other.feedId !== feedId)
  const heldBefore = yield* Effect.reduce(earlier, HashSet.empty<Feed.ItemId>, (held, other) =>
    Effect.map(loadFeed(tenantId, other.feedId), ({ state }) => HashSet.union(held, state.itemIds)),
  )
  const last = earlier.at(-1)
  const resumeFrom =
    last === undefined
      ? null
      : ((yield* loadConnection(tenantId, last.connectionId)).state.cursors[last.feedId] ?? null)

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
        },
      ),
    ),
  )
  const isFirst = last === undefined || connection.state.previous !== undefined
  const followed = yield* Effect.fromResult(
    decideConnection(
      connection,
      ...(isFirst
        ? []
        : [
            Connection.Command.cases.FollowOn.make({
              at,
              previous: last.connectionId,
              confidence: "exact",
              evidence: ["identity"],
              resume: resumeFrom === null ? [] : [{ feed: last.feedId, cursor: resumeFrom }],
            }),
          ]),
    ),
  )
  if (linked.events.length + followed.events.length > 0) yield* Aggregate.append([linked, followed], { metadata })
  return {
    tenantId,
    connectionId,
    feedId,
    accountId,
    source,
    streams: { connection: Aggregate.after(followed), feed, account: Aggregate.after(linked) },
    heldBefore,
    resumeFrom,
  } satisfies OpenFeed
}, Aggregate.decidingAgain)

interface SourceReport {
  readonly pages: number
  readonly added: number
  readonly known: number
}

/** Page after page, until the provider has nothing more. */
const syncSource = Effect.fnUntraced(function* (provider: Provider, ask: Ask, feed: OpenFeed, run: string) {
  const { connectionId, feedId, heldBefore, source } = feed
  let streams: Streams = feed.streams
  let report: SourceReport = { pages: 0, added: 0, known: 0 }
  let cursor = streams.connection.state.cursors[feedId] ?? feed.resumeFrom
  for (;;) {
    const held = streams.feed.state.itemIds
    const isHeld = (id: Feed.ItemId) => HashSet.has(held, id) || HashSet.has(heldBefore, id)
    const pageAfter = (cursor: string | null) => ask((secret) => provider.page(secret, source, cursor, isHeld))
    const page = yield* pageAfter(cursor).pipe(
      // The provider forgot what changed since: everything it lists is compared with what is held.
      Effect.catchReason("ProviderError", "CursorExpired", () => pageAfter(null)),
    )
    streams = yield* record(feed, streams, run, page).pipe(
      Effect.catchTags({
        StalePage: () => Effect.fail(new SyncInProgress({ connectionId })),
        ConnectionNotReady: ({ status }) => Effect.fail(new NotSyncable({ connectionId, status })),
        FeedForgotten: () => Effect.fail(new NotSyncable({ connectionId, status: "forgotten" })),
        AccountNotOpen: Effect.die,
      }),
    )
    report = { pages: report.pages + 1, added: report.added + page.items.length, known: report.known + page.known }
    if (page.complete) return report
    cursor = page.cursor
  }
})

/**
 * Appends a page to its three streams, or nothing when there is nothing to tell.
 * When another writer was first to one of them, it is decided again on what they
 * are now; the cursor tells whether the page is still the next one.
 */
const record = Effect.fnUntraced(function* (feed: OpenFeed, streams: Streams, run: string, page: Page) {
  const { accountId, connectionId, feedId, source, tenantId } = feed
  const at = yield* DateTime.now
  const attempt = (streams: Streams) =>
    Effect.gen(function* () {
      const { cursors, syncedAt } = streams.connection.state
      const cursorBefore = cursors[feedId] ?? null
      const isQuiet =
        page.items.length === 0 &&
        page.complete &&
        syncedAt !== undefined &&
        cursorBefore !== null &&
        (cursorBefore === page.cursor ||
          DateTime.isLessThan(at, DateTime.addDuration(syncedAt, quietInterval)))
      if (isQuiet) return streams

      const items = yield* Effect.fromResult(
        decideFeed(
          streams.feed,
          ...batchesOf(page.items).map((batch) =>
            Feed.Command.cases.RecordItems.make({
              at,
              connectionId,
              accountId,
              source: source.key,
              run,
              itemIds: batch.map(({ id }) => id),
              personal: Personal.reveal({ items: batch.map(({ content }) => content) }),
            }),
          ),
        ),
      )
      const compared = yield* Effect.fromResult(
        decideAccount(streams.account, {
          _tag: "Reconcile",
          at,
          feedId,
          run,
          added: page.items.length,
          known: page.known,
        }),
      )
      const synced = yield* Effect.fromResult(
        decideConnection(streams.connection, {
          _tag: "RecordPage",
          at,
          feedId,
          run,
          cursorBefore,
          cursorAfter: page.cursor,
          items: page.items.length,
          complete: page.complete,
        }),
      )
      yield* Aggregate.append([items, compared, synced], { metadata })
      return {
        feed: Aggregate.after(items),
        account: Aggregate.after(compared),
        connection: Aggregate.after(synced),
      } satisfies Streams
    })

  return yield* attempt(streams).pipe(
    Effect.catchTag("VersionConflict", () =>
      Aggregate.decidingAgain(
        Effect.flatMap(
          Effect.all({
            connection: loadConnection(tenantId, connectionId),
            feed: loadFeed(tenantId, feedId),
            account: loadAccount(tenantId, accountId),
          }),
          (current) =>
            // The page follows the cursor that this worker read; if that moved, the page is another worker's.
            cursorOf(current, feedId) === cursorOf(streams, feedId)
              ? attempt(current)
              : Effect.fail(new Connection.StalePage({ feedId })),
        ),
      ),
    ),
  )
})

type Items = Page["items"]

/** Characters of JSON that one event holds, unless a single item has more. */
const batchSize = 2_000_000

/** The items of a page in their order, a few megabytes in each batch. */
const batchesOf = (items: Items): ReadonlyArray<Items> => {
  const batches: Array<Array<Items[number]>> = []
  let size = Infinity
  for (const item of items) {
    const length = JSON.stringify(item.content).length
    size += length
    if (size > batchSize) {
      batches.push([])
      size = length
    }
    batches.at(-1)?.push(item)
  }
  return batches
}

/** Asks the provider with credentials that work, patiently. */
const asking = (provider: Provider, tenantId: TenantId, connectionId: ConnectionId) => {
  const credentials = (stale?: number) => Credentials.fresh(provider, tenantId, connectionId, stale)

  return <A>(request: (secret: Secret) => Effect.Effect<A, ProviderError>) =>
    Effect.gen(function* () {
      const held = yield* credentials()
      return yield* request(held.secret).pipe(
        Effect.catchReason("ProviderError", "Unauthorized", () =>
          Effect.flatMap(credentials(held.version), ({ secret }) => request(secret)),
        ),
      )
    }).pipe(Effect.tapErrorTag("ProviderError", heed), Effect.retry({ while: isPassing, schedule: patience }))
}

type Ask = ReturnType<typeof asking>

const isPassing = (error: { readonly _tag: string }) =>
  error instanceof ProviderError && (error.reason._tag === "Unavailable" || error.reason._tag === "RateLimited")

/** Some seconds. What does not pass by then is left to the next run. */
const patience = Schedule.exponential("200 millis").pipe(Schedule.jittered, Schedule.upTo({ times: 5 }))

/** Waits as long as the provider asks, within reason. */
const heed = ({ reason }: ProviderError) =>
  reason._tag === "RateLimited" && reason.retryAfter !== undefined
    ? Effect.sleep(Duration.min(reason.retryAfter, Duration.seconds(30)))
    : Effect.void

/** Records why a run could not go on. */
const stop = Effect.fnUntraced(function* (tenantId: TenantId, connectionId: ConnectionId, error: ProviderError) {
  const at = yield* DateTime.now
  const { reason } = error
  const retryable = isPassing(error)
  yield* handleConnection(
    tenantId,
    connectionId,
    reason._tag === "AuthorizationEnded"
      ? { _tag: "ReportAuthorizationFailure", at, reason: reason.reason }
      : { _tag: "ReportSyncFailure", at, reason: reason._tag, retryable },
    { metadata },
  )
  return yield* new SyncFailed({ connectionId, reason: reason._tag, retryable })
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
    if (holder !== undefined) return AccountId.make(holder.slice(`${Account.name}-`.length))
  }
  return AccountId.make(yield* derivedUuid("account", tenantId, identity ?? feedId))
})

/** The same UUID for the same parts, so that two workers that begin at once begin the same thing. */
const derivedUuid = Effect.fnUntraced(function* (...parts: ReadonlyArray<string>) {
  const digest = yield* Digest.Digest
  const hex = yield* digest.digestHex(Digest.sha256, Utf8.encode(JSON.stringify(parts)))
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`
})

const cursorOf = ({ connection }: Streams, feedId: FeedId) => connection.state.cursors[feedId] ?? null

const metadata = { actor: system }

const loadConnection = Aggregate.load(Connection)
const loadFeed = Aggregate.load(Feed)
const loadAccount = Aggregate.load(Account)
const decideConnection = Aggregate.decide(Connection)
const decideFeed = Aggregate.decide(Feed)
const decideAccount = Aggregate.decide(Account)
const handleConnection = Aggregate.handle(Connection)
