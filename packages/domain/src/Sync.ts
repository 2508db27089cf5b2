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
import type * as Vault from "./Vault.ts"

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

/** Another worker is syncing this connection, or took over. What this one recorded stands; the other one's run will do. */
export class SyncInProgress extends Schema.TaggedError<SyncInProgress>()("SyncInProgress", {
  connectionId: ConnectionId,
}) {}

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
 * The provider could not go on. Every page before that is recorded, and the next
 * run goes on from there. Whether asking again helps is in `retryable`.
 */
export class SyncFailed extends Schema.TaggedError<SyncFailed>()("SyncFailed", {
  connectionId: ConnectionId,
  reason: Schema.String,
  retryable: Schema.Boolean,
}) {}

/** A lease is renewed while the run lives; this is how long a dead worker blocks the next one. */
export const leaseTime = Duration.minutes(1)

/** A look that finds nothing is worth an event only this often. */
const quietInterval = Duration.hours(1)

/** Brings a connection up to date, all of its sources one after the other. */
export const run = Effect.fn("Sync.run")(function* (
  provider: Provider,
  tenantId: TenantId,
  connectionId: ConnectionId,
) {
  const leases = yield* Leases
  return yield* leases
    .using(
      tenantId,
      `sync:${connectionId}`,
      leaseTime,
    )(syncAll(provider, tenantId, connectionId))
    .pipe(
      Effect.catchTags({
        LeaseHeld: () => Effect.fail(new SyncInProgress({ connectionId })),
        LeaseLost: () => Effect.fail(new SyncInProgress({ connectionId })),
        StalePage: () => Effect.fail(new SyncInProgress({ connectionId })),
        ConnectionNotReady: ({ status }) => Effect.fail(new NotSyncable({ connectionId, status })),
        FeedForgotten: () => Effect.fail(new NotSyncable({ connectionId, status: "forgotten" })),
        CredentialsNotFound: () => withoutCredentials(tenantId, connectionId),
        SealingError: (error) =>
          Effect.fail(error.reason === "forgotten" ? new NotSyncable({ connectionId, status: "forgotten" }) : error),
        ProviderError: (error) => stop(tenantId, connectionId, error),
        AccountNotOpen: Effect.die,
        IdentityMismatch: Effect.die,
      }),
    )
})

const syncAll = Effect.fnUntraced(function* (provider: Provider, tenantId: TenantId, connectionId: ConnectionId) {
  const random = yield* SecureRandom.SecureRandom
  const run = yield* random.uuidV7()
  const { state } = yield* Credentials.recordVersion(tenantId, connectionId)
  yield* ensureSyncable(connectionId, state)

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

  const others = account.state.feeds.filter((other) => other.source === source.key && other.feedId !== feedId)
  const loaded = yield* Effect.forEach(others, (other) =>
    Effect.map(loadFeed(tenantId, other.feedId), ({ state }) => ({ ...other, ...state })),
  )
  // What was forgotten is not held any more: it is fetched again for whoever connects again.
  const earlier = loaded.filter(({ forgotten }) => !forgotten)
  const heldBefore = earlier.reduce((held, { itemIds }) => HashSet.union(held, itemIds), HashSet.empty<Feed.ItemId>())
  const last = earlier.at(-1)
  const before = last && (yield* loadConnection(tenantId, last.connectionId)).state
  const resumeFrom = (last && before?.cursors[last.feedId]) ?? null

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
  const goesOn = before !== undefined && !isAtWork(before) && connection.state.previous === undefined
  const followed = yield* Effect.fromResult(
    decideConnection(
      connection,
      ...(last !== undefined && goesOn
        ? [
            Connection.Command.cases.FollowOn.make({
              at,
              previous: last.connectionId,
              confidence: "exact",
              evidence: ["identity"],
              resume: resumeFrom === null ? [] : [{ feed: last.feedId, cursor: resumeFrom }],
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
  const { connectionId, heldBefore, source } = feed
  let streams: Streams = feed.streams
  let report: SourceReport = { pages: 0, added: 0, known: 0 }
  let cursor = cursorOf(streams, feed)
  let stoppedBy: ProviderError | undefined
  for (;;) {
    const held = streams.feed.state.itemIds
    const isHeld = (id: Feed.ItemId) => HashSet.has(held, id) || HashSet.has(heldBefore, id)
    const pageAfter = (cursor: string | null) =>
      ask((secret) => {
        // What stopped the page before is met like any other failure of the provider, now that its items are recorded.
        const failure = stoppedBy
        stoppedBy = undefined
        return failure === undefined ? provider.page(secret, source, cursor, isHeld) : Effect.fail(failure)
      })
    const page = yield* pageAfter(cursor).pipe(
      // The provider forgot what changed since: everything it lists is compared with what is held.
      Effect.catchReason("ProviderError", "CursorExpired", () => pageAfter(null)),
    )
    const recorded = yield* record(feed, streams, run, page)
    streams = recorded.streams
    report = { pages: report.pages + 1, added: report.added + recorded.added, known: report.known + recorded.known }
    if (page.complete) return report
    yield* ensureSyncable(connectionId, streams.connection.state)
    cursor = page.cursor
    stoppedBy = page.stoppedBy
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
      const cursorBefore = cursorOf(streams, feed)
      if (isQuiet(streams.connection.state, feedId, page, at)) return { streams, added: 0, known: page.known }

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
      const added = items.events.reduce(
        (sum, event) => sum + (event._tag === "items_recorded" ? event.itemIds.length : 0),
        0,
      )
      const known = page.known + page.items.length - added
      const compared = yield* Effect.fromResult(
        decideAccount(streams.account, {
          _tag: "Reconcile",
          at,
          feedId,
          run,
          added,
          known,
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
          items: added,
          complete: page.complete,
        }),
      )
      yield* Aggregate.append([items, compared, synced], { metadata })
      const recorded: Streams = {
        feed: Aggregate.after(items),
        account: Aggregate.after(compared),
        connection: Aggregate.after(synced),
      }
      return { streams: recorded, added, known }
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
            cursorOf(current, feed) === cursorOf(streams, feed)
              ? attempt(current)
              : Effect.fail(new Connection.StalePage({ feedId })),
        ),
      ),
    ),
  )
})

/** Whether a page tells nothing that the log does not say already, or has said within the hour. */
const isQuiet = (
  { cursors, syncedAt, syncFailure }: Connection.State,
  feedId: FeedId,
  page: Page,
  at: DateTime.Utc,
) => {
  const last = syncedAt[feedId]
  return (
    page.items.length === 0 &&
    page.complete &&
    syncFailure === undefined &&
    last !== undefined &&
    (cursors[feedId] === page.cursor || DateTime.isLessThan(at, DateTime.addDuration(last, quietInterval)))
  )
}

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

  return <A>(request: (secret: Secret) => Effect.Effect<A, ProviderError>) => {
    const requestWith = ({ secret, version }: Vault.Credentials) =>
      request(secret).pipe(
        Effect.catchReason("ProviderError", "AuthorizationEnded", ({ reason }, error) =>
          Effect.andThen(Credentials.reportEnd(tenantId, connectionId, version, reason), error),
        ),
      )
    return Effect.gen(function* () {
      const held = yield* credentials()
      return yield* requestWith(held).pipe(
        Effect.catchReason("ProviderError", "Unauthorized", () =>
          Effect.flatMap(credentials(held.version), requestWith),
        ),
      )
    }).pipe(Effect.retry({ while: isWorthWaiting, schedule: patience }))
  }
}

type Ask = ReturnType<typeof asking>

const isPassing = ({ reason }: ProviderError) => reason._tag === "Unavailable" || reason._tag === "RateLimited"

/** Not for a provider that asks for more time than a run should sit and wait: the next run asks again. */
const isWorthWaiting = (error: { readonly _tag: string }) =>
  error instanceof ProviderError &&
  isPassing(error) &&
  Duration.isLessThanOrEqualTo(waitOf(error), Duration.seconds(30))

/** Some seconds, and as long as the provider asks. What does not pass by then is left to the next run. */
const patience = Schedule.exponential("200 millis").pipe(
  Schedule.jittered,
  Schedule.upTo({ times: 5 }),
  Schedule.setInputType<unknown>(),
  Schedule.modifyDelay(({ duration, input }) =>
    Effect.succeed(input instanceof ProviderError ? Duration.max(duration, waitOf(input)) : duration),
  ),
)

const waitOf = ({ reason }: ProviderError) =>
  (reason._tag === "RateLimited" ? reason.retryAfter : undefined) ?? Duration.zero

/** Records why a run could not go on. That an authorization ended is recorded where it is learnt. */
const stop = Effect.fnUntraced(function* (tenantId: TenantId, connectionId: ConnectionId, error: ProviderError) {
  const at = yield* DateTime.now
  const { reason } = error
  const retryable = isPassing(error)
  if (reason._tag !== "AuthorizationEnded") {
    const told = reason._tag === "UnexpectedAnswer" ? `${reason._tag}: ${reason.problem}` : reason._tag
    const command = Connection.Command.make({ _tag: "ReportSyncFailure", at, reason: told, retryable })
    yield* handleConnection(tenantId, connectionId, command, { metadata })
  }
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

/** Where a feed stands: before its first page, where the feed before it stands. */
const cursorOf = ({ connection }: Streams, { feedId, resumeFrom }: OpenFeed) =>
  connection.state.cursors[feedId] ?? resumeFrom

/** A connection that another one does not go on from: it goes on itself. */
const isAtWork = ({ status }: Connection.State) => status === "active" || status === "paused"

const ensureSyncable = (connectionId: ConnectionId, state: Connection.State) => {
  if (Connection.isSyncable(state)) return Effect.void
  const status = state.status === "active" ? "identity_mismatch" : state.status
  return Effect.fail(new NotSyncable({ connectionId, status }))
}

/** The credentials went while they were needed, or are not ours. */
const withoutCredentials = Effect.fnUntraced(function* (tenantId: TenantId, connectionId: ConnectionId) {
  const { state } = yield* loadConnection(tenantId, connectionId)
  yield* ensureSyncable(connectionId, state)
  return yield* new NotSyncable({ connectionId, status: "no_credentials" })
})

const metadata = { actor: system }

const loadConnection = Aggregate.load(Connection)
const loadFeed = Aggregate.load(Feed)
const loadAccount = Aggregate.load(Account)
const decideConnection = Aggregate.decide(Connection)
const decideFeed = Aggregate.decide(Feed)
const decideAccount = Aggregate.decide(Account)
const handleConnection = Aggregate.handle(Connection)
