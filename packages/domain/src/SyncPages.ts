/**
 * The pages of a source, each recorded in one append: the items, what they are in
 * the account, and the cursor before and after.
 */
import { Clock, DateTime, Duration, Effect, HashMap, HashSet, Result, Schema } from "effect"

import * as Account from "./Account.ts"
import * as Aggregate from "./Aggregate.ts"
import * as Connection from "./Connection.ts"
import * as Controls from "./Controls.ts"
import { type InvalidAppend } from "./EventStore.ts"
import * as Feed from "./Feed.ts"
import * as Holdings from "./Holdings.ts"
import { type FeedId } from "./Ids.ts"
import * as Ledger from "./Ledger.ts"
import { type Page, type Provider, ProviderError, UnexpectedAnswer } from "./Provider.ts"
import { type Ask } from "./SyncAsking.ts"
import * as SyncComparison from "./SyncComparison.ts"
import * as SyncDrift from "./SyncDrift.ts"
import * as SyncLog from "./SyncLog.ts"
import * as SyncReconciliation from "./SyncReconciliation.ts"
import * as SyncReport from "./SyncReport.ts"
import {
  cursorOf,
  ensureSyncable,
  metadata,
  type OpenFeed,
  readOn,
  type Streams,
  unchangedOthers,
} from "./SyncSources.ts"
import * as SyncTape from "./SyncTape.ts"
import * as SyncTurns from "./SyncTurns.ts"

/** Page after page, until the provider has nothing more. Before that, what earlier runs could not have. */
export const syncSource = (provider: Provider, ask: Ask, feed: OpenFeed, run: string) =>
  SyncTurns.taking(
    feed.tenantId,
    (feed.streams.account ?? feed.streams.feed).streamId,
  )((turn) => syncInTurn(provider, ask, feed, run, turn))

const syncInTurn = Effect.fnUntraced(function* (
  provider: Provider,
  ask: Ask,
  feed: OpenFeed,
  run: string,
  turn: SyncTurns.Turn,
) {
  const began = yield* Clock.currentTimeMillis
  const recording: Recording = {
    provider,
    feed,
    run,
    turn,
    tell: Ledger.readingOf(provider),
    ledger: undefined,
    bringsNews: false,
    listed: undefined,
    isCompared: false,
    report: { ...SyncReport.nothing, units: feed.source.cost ?? 0 },
  }
  const outcome = yield* Effect.result(
    Effect.flatMap(askAgain(recording, ask, feed.streams), (then) => follow(recording, ask, then)),
  )
  yield* SyncLog.ingested(provider.id, feed, run, recording.report, {
    outcome: Result.isSuccess(outcome) ? "success" : "failure",
    duration: Duration.millis((yield* Clock.currentTimeMillis) - began),
  })
  return yield* Effect.as(Effect.fromResult(outcome), recording.report)
})

/** The items that are due again, by their ids. What becomes of them moves no cursor. */
const askAgain = Effect.fnUntraced(function* (recording: Recording, ask: Ask, streams: Streams) {
  const { feed, provider } = recording
  const { items } = provider
  const cursor = cursorOf(streams, feed)
  if (items === undefined || cursor === null) return { streams, stoppedBy: undefined }
  const now = yield* DateTime.now
  const due = Array.from(HashMap.values(Holdings.deferred(streams.others.holdings, streams.feed.state))).filter(
    (deferred) => isDueAgain(deferred, now),
  )
  if (due.length === 0) return { streams, stoppedBy: undefined }
  const ids = due.slice(0, askedAgainAtOnce).map(({ item }) => item)
  const fetched = yield* ask((secret) => items(secret, feed.source, ids))
  const recorded = yield* record(recording, streams, { ...fetched, known: 0, cursor, complete: false })
  if (fetched.stoppedBy !== undefined && fetched.items.length === 0) return yield* fetched.stoppedBy
  return { streams: recorded.streams, stoppedBy: fetched.stoppedBy }
})

/** An item that could not be had is asked for by the next run, and from then on more and more seldom. */
const isDueAgain = ({ at, attempts }: Feed.Deferred, now: DateTime.Utc) =>
  attempts < 2 || SyncDrift.isDue(at, now, Duration.min(Duration.minutes(2 ** (attempts - 2)), Duration.hours(6)))

/** Items that were deferred and are asked for with one append. */
const askedAgainAtOnce = 100

const follow = Effect.fnUntraced(function* (
  recording: Recording,
  ask: Ask,
  then: { readonly streams: Streams; readonly stoppedBy: ProviderError | undefined },
) {
  const { feed, provider } = recording
  const { connectionId, resumeFrom, tenantId } = feed
  let { stoppedBy, streams } = then
  let cursor = cursorOf(streams, feed)
  let timesExpired = 0
  for (;;) {
    const { state } = streams.feed
    const { holdings } = streams.others
    const isHeld = (id: Feed.ItemId) =>
      Holdings.has(holdings, state, id) ||
      HashMap.has(state.deferred, id) ||
      (HashMap.has(holdings.deferred, id) && !HashSet.has(state.goneIds, id))
    const pageAfter = (after: string | null) => {
      if (after === null) recording.listed = new Set()
      return ask((secret) => {
        // What stopped the page before is met like any other failure of the provider, now that its items are recorded.
        const failure = stoppedBy
        stoppedBy = undefined
        if (failure !== undefined) return Effect.fail(failure)
        // What was counted before the run is old once the run has brought something.
        const { total: _, ...uncounted } = feed.source
        const source = recording.report.pages === 0 ? feed.source : uncounted
        return provider.page(secret, source, after, isHeld, after === null ? resumeFrom : undefined)
      })
    }
    const { page, recorded } = yield* pageAfter(cursor).pipe(
      // The provider forgot what changed since: everything it lists is compared with what is held.
      Effect.catchReason("ProviderError", "CursorExpired", (_, error) =>
        ++timesExpired > expiredAtMost ? Effect.fail(error) : pageAfter(null),
      ),
      Effect.flatMap((page) => recordWhole(recording, streams, page)),
    )
    streams = recorded.streams
    if (page.complete && !recorded.isToCompare) return
    yield* ensureSyncable(connectionId, streams.connection.state)
    yield* Controls.ensureEnabled(tenantId, { provider: provider.id, connectionId })
    if (page.bringsNothing && page.cursor === cursor && !page.complete) return yield* endless(provider)
    cursor = page.complete ? null : page.cursor
    stoppedBy = page.stoppedBy
    // Where nothing could be had, nothing is to be had for now.
    if (stoppedBy !== undefined && page.isEmpty) return yield* stoppedBy
  }
})

/** Records a page and lets go of it: its items are not held while the next one is fetched. */
const recordWhole = (recording: Recording, streams: Streams, page: Page) =>
  Effect.map(record(recording, streams, page), (recorded) => {
    const { complete, cursor, items, stoppedBy } = page
    const bringsNothing = stoppedBy === undefined && page.known === 0 && !bringsNews(page) && !tellsOfItems(page)
    return { recorded, page: { complete, cursor, stoppedBy, isEmpty: items.length === 0, bringsNothing } }
  })

/** There would be more, where there is nothing: it would be asked for again for ever. */
const endless = ({ id }: Provider) =>
  new ProviderError({ provider: id, reason: new UnexpectedAnswer({ problem: "a page that leads to itself" }) })

/** How often a run begins anew because its cursor expired. More often, the next run does. */
const expiredAtMost = 5

/** A source that is being recorded. */
interface Recording extends SyncReconciliation.Reconciling, SyncTape.Taping {
  readonly provider: Provider
  readonly turn: SyncTurns.Turn
  bringsNews: boolean
  listed: Set<Feed.ItemId> | undefined
  /** Whether this run has compared all that is listed with what is held. */
  isCompared: boolean
  report: SyncReport.SyncReport
}

/**
 * Appends a page to its streams, or nothing when there is nothing to tell. When another writer was first to one of
 * them, it is decided again on what they are now; the cursor tells whether the page is still the next one.
 */
const record = Effect.fnUntraced(function* (recording: Recording, streams: Streams, asked: Page) {
  const { feed } = recording
  const at = yield* DateTime.now
  for (const id of asked.listing?.ids ?? []) recording.listed?.add(id)
  const page = feed.isMatched ? yield* SyncComparison.compared(streams.feed, asked, recording.listed) : asked
  const again = Aggregate.decidingAgain(
    Effect.flatMap(readOn(feed, streams), (current) => {
      recording.ledger = undefined
      // The page follows the cursor that this worker read; if that moved, the page is another worker's.
      return cursorOf(current, feed) === cursorOf(streams, feed)
        ? attempt(recording, current, page, at)
        : Effect.fail(new Connection.StalePage({ feedId: feed.feedId }))
    }),
  )
  const { turn } = recording
  const recorded = yield* turn.semaphore.withPermit(
    Effect.suspend(() =>
      turn.last === undefined || turn.last === feed.feedId
        ? Effect.catchTag(attempt(recording, streams, page, at), "VersionConflict", () => again)
        : again,
    ),
  )
  if (endsComparison(recording, page)) {
    recording.isCompared = true
    recording.listed = undefined
  }
  const { added, deferred, gone, known } = recorded
  const scanned = added + known + deferred + gone
  const units = page.cost ?? 0
  recording.report = SyncReport.together(recording.report, { pages: 1, scanned, added, known, deferred, gone, units })
  return recorded
})

/** What the log does not take of it is deferred, and keeps nothing else of the page from being recorded. */
const attempt = Effect.fnUntraced(function* (recording: Recording, streams: Streams, asked: Page, at: DateTime.Utc) {
  for (let page = asked; ;) {
    const recorded = yield* Effect.result(attemptWhole(recording, streams, page, at))
    if (Result.isSuccess(recorded)) return recorded.success
    const { failure } = recorded
    if (failure._tag !== "ItemRefused") return yield* Effect.fail(failure)
    // It has taken in what was not recorded.
    recording.ledger = undefined
    page = deferring(page, failure.item)
  }
})

/** The log does not take an item, as large as it is. Nothing was written. */
class ItemRefused extends Schema.TaggedError<ItemRefused>()("ItemRefused", { item: Feed.ItemId }) {}

const deferring = (page: Page, item: Feed.ItemId): Page => ({
  ...page,
  items: page.items.filter(({ id }) => id !== item),
  revised: (page.revised ?? []).filter(({ id }) => id !== item),
  deferred: [...(page.deferred ?? []), { item, reason: "larger than the log takes" }],
})

/** Which item it was, where an append of a feed's events was refused for one: whoever is as large is alone in its event. */
const refusedOf = (events: ReadonlyArray<Feed.Event>, { at }: InvalidAppend): Feed.ItemId | undefined => {
  const event = events[Number(/^streams\[0\]\.events\[(\d+)\]\.sealed$/.exec(at)?.[1])]
  const [item, ...others] = event !== undefined && "itemIds" in event ? event.itemIds : []
  return others.length === 0 ? item : undefined
}

const attemptWhole = Effect.fnUntraced(function* (
  recording: Recording,
  streams: Streams,
  asked: Page,
  at: DateTime.Utc,
) {
  const { feed, run } = recording
  const { feedId } = feed
  const page = withoutHeld(asked, streams.others.holdings)
  // What a bank's account covers after news is told with the last page, even if that one is empty.
  recording.bringsNews = bringsNews(page) || (feed.isMatched && recording.bringsNews)
  const ledger = recording.bringsNews ? yield* SyncReconciliation.ledgerOf(recording, streams) : undefined
  const deliveries = SyncTape.deliveries(recording, streams, ledger, page, at)
  const { state: held } = yield* Effect.fromResult(decideFeed(streams.feed, ...deliveries))
  const items = yield* Effect.fromResult(
    decideFeed(streams.feed, ...deliveries, ...SyncTape.standings(recording, streams, held, page, at)),
  )
  const { drift, isToCompare } = yield* driftOf(recording, streams, items.state, page, at)
  const isQuiet =
    !recording.bringsNews &&
    items.events.length === 0 &&
    drift === undefined &&
    // A listing begun anew has a cursor that is good, whatever it brought.
    recording.listed === undefined &&
    isOld(streams.connection.state, feedId, page, at)
  const deferred = page.deferred?.length ?? 0
  if (isQuiet) return { streams, added: 0, known: page.known, deferred, gone: 0, isToCompare }

  const { added, commands, delivered, known } = SyncReconciliation.reconcile(
    recording,
    streams,
    ledger,
    items,
    page,
    at,
  )
  const synced = yield* Effect.fromResult(
    decideConnection(streams.connection, {
      _tag: "RecordPage",
      at,
      feedId,
      run,
      cursorBefore: cursorOf(streams, feed),
      cursorAfter: page.cursor,
      items: delivered,
      complete: page.complete,
      ...(drift !== undefined && { drift }),
      ...(endsComparison(recording, page) && { compared: true }),
    }),
  )
  const reconciled =
    streams.account === undefined ? undefined : yield* Effect.fromResult(decideAccount(streams.account, ...commands))
  // What others hold was not fetched: it has to be there still.
  const changes = [...(reconciled === undefined ? [] : [reconciled]), synced, ...unchangedOthers(streams)]
  yield* Effect.catchTag(Aggregate.append([items, ...changes], { metadata }), "InvalidAppend", (error) => {
    const item = refusedOf(items.events, error)
    return Effect.fail(item === undefined ? error : new ItemRefused({ item }))
  })
  recording.turn.last = feedId
  for (const event of items.events) {
    if (event._tag === "items_deferred") yield* SyncLog.deferred(feed.connectionId, feedId, event.deferred)
  }
  if (drift !== undefined) yield* SyncLog.drifted(feed.connectionId, feedId, drift)
  return {
    streams: {
      feed: Aggregate.after(items),
      connection: Aggregate.after(synced),
      account: reconciled && Aggregate.after(reconciled),
      others: streams.others,
    },
    added,
    known,
    deferred,
    gone: items.events.reduce((sum, event) => sum + (event._tag === "items_gone" ? event.gone.length : 0), 0),
    isToCompare,
  }
})

/** Without what other feeds of the account have come to hold since it was asked for: an account holds an item once. */
const withoutHeld = (page: Page, { itemIds }: Holdings.Holdings): Page => {
  const isHeld = (id: Feed.ItemId) => HashSet.has(itemIds, id)
  const again = page.items.filter(({ id }) => isHeld(id))
  return {
    ...page,
    items: again.length === 0 ? page.items : page.items.filter(({ id }) => !isHeld(id)),
    known: page.known + again.length,
    // It was fetched from this source: it is there, too.
    observed: [...again.map(({ id }): Feed.Observation => ({ item: id, as: "returned" })), ...(page.observed ?? [])],
  }
}

/** What the provider's own count says about the page that completes a source. */
const driftOf = Effect.fnUntraced(function* (
  recording: Recording,
  { connection, others }: Streams,
  state: Feed.State,
  page: Page,
  at: DateTime.Utc,
) {
  const { feed, isCompared } = recording
  const { complete, total } = page
  if (!complete || total === undefined) return SyncDrift.unchanged
  const { comparedAt, drifts } = connection.state
  const { there, ...elsewhere } = Holdings.count(others.holdings, state)
  return SyncDrift.judge(drifts[feed.feedId], {
    items: total - there,
    ...elsewhere,
    isCompared: isCompared || endsComparison(recording, page),
    isDue: SyncDrift.isDue(comparedAt[feed.feedId] ?? feed.comparedAt, at, yield* SyncDrift.CompareAfter),
  })
})

/**
 * Whether a listing of all there is, which this run began, ends with the page. Who counts without naming a listing has
 * said all they can with the page that completes the source.
 */
const endsComparison = ({ listed }: Recording, { complete, listing, total }: Page) =>
  listed !== undefined && (listing?.isLast === true || (complete && total !== undefined))

/** Whether the log says already, or has said within the hour, that there is nothing more. */
const isOld = ({ cursors, syncedAt, syncFailure }: Connection.State, feedId: FeedId, page: Page, at: DateTime.Utc) => {
  const last = syncedAt[feedId]
  return (
    page.complete &&
    syncFailure === undefined &&
    last !== undefined &&
    (cursors[feedId] === page.cursor || !SyncDrift.isDue(last, at, quietInterval))
  )
}

/** A look that finds nothing is worth an event only this often. */
const quietInterval = Duration.hours(1)

const tellsOfItems = ({ deferred = [], gone = [], observed = [] }: Page) =>
  deferred.length + gone.length + observed.length > 0

const bringsNews = ({ items, revised = [], withdrawn = [] }: Page) =>
  items.length + revised.length + withdrawn.length > 0

const decideConnection = Aggregate.decide(Connection)
const decideFeed = Aggregate.decide(Feed)
const decideAccount = Aggregate.decide(Account)
