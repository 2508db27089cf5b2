/**
 * The pages of a source, each recorded in one append: the items, what they are in
 * the account, and the cursor before and after.
 */
import { DateTime, Duration, Effect, HashSet, Result, Schema } from "effect"

import * as Account from "./Account.ts"
import * as Aggregate from "./Aggregate.ts"
import * as Connection from "./Connection.ts"
import * as Coverage from "./Coverage.ts"
import * as Feed from "./Feed.ts"
import { type FeedId } from "./Ids.ts"
import * as Ledger from "./Ledger.ts"
import { type Balance } from "./matching/Profile.ts"
import * as Personal from "./Personal.ts"
import { type Page, type Provider, type ProviderError } from "./Provider.ts"
import { type Ask } from "./SyncAsking.ts"
import { cursorOf, ensureSyncable, metadata, type OpenFeed, reload, type Streams } from "./SyncSources.ts"
import { type Told } from "./TransactionsView.ts"

/** A look that finds nothing is worth an event only this often. */
const quietInterval = Duration.hours(1)

export interface SourceReport {
  readonly pages: number
  readonly added: number
  readonly known: number
}

/** Page after page, until the provider has nothing more. */
export const syncSource = Effect.fnUntraced(function* (provider: Provider, ask: Ask, feed: OpenFeed, run: string) {
  const { connectionId, heldBefore, resumeFrom, source } = feed
  const recording: Recording = {
    provider,
    feed,
    run,
    tell: Ledger.readingOf(provider),
    ledger: undefined,
    bringsNews: false,
  }
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
        if (failure !== undefined) return Effect.fail(failure)
        return provider.page(secret, source, cursor, isHeld, cursor === null ? resumeFrom : undefined)
      })
    const page = yield* pageAfter(cursor).pipe(
      // The provider forgot what changed since: everything it lists is compared with what is held.
      Effect.catchReason("ProviderError", "CursorExpired", () => pageAfter(null)),
    )
    const recorded = yield* record(recording, streams, page)
    streams = recorded.streams
    report = { pages: report.pages + 1, added: report.added + recorded.added, known: report.known + recorded.known }
    if (page.complete) return report
    yield* ensureSyncable(connectionId, streams.connection.state)
    cursor = page.cursor
    stoppedBy = page.stoppedBy
  }
})

/** A source that is being recorded. */
interface Recording {
  readonly provider: Provider
  readonly feed: OpenFeed
  readonly run: string
  /** Reads items as transactions. */
  readonly tell: ReturnType<typeof Ledger.readingOf>
  /** The account as it is after the last page, where it has several feeds. Loaded when it is needed first. */
  ledger: Ledger.Ledger | undefined
  /** Whether any page of the run so far has told anything. */
  bringsNews: boolean
}

/**
 * Appends a page to its streams, or nothing when there is nothing to tell. When another writer was first to one of
 * them, it is decided again on what they are now; the cursor tells whether the page is still the next one.
 */
const record = Effect.fnUntraced(function* (recording: Recording, streams: Streams, page: Page) {
  const { feed } = recording
  const at = yield* DateTime.now
  return yield* attempt(recording, streams, page, at).pipe(
    Effect.catchTag("VersionConflict", () =>
      Aggregate.decidingAgain(
        Effect.flatMap(reload(feed), (current) => {
          recording.ledger = undefined
          // The page follows the cursor that this worker read; if that moved, the page is another worker's.
          return cursorOf(current, feed) === cursorOf(streams, feed)
            ? attempt(recording, current, page, at)
            : Effect.fail(new Connection.StalePage({ feedId: feed.feedId }))
        }),
      ),
    ),
  )
})

const attempt = Effect.fnUntraced(function* (recording: Recording, streams: Streams, page: Page, at: DateTime.Utc) {
  const { feed, run } = recording
  const { feedId } = feed
  // What a bank's account covers after news is told with the last page, even if that one is empty.
  recording.bringsNews = bringsNews(page) || (feed.isMatched && recording.bringsNews)
  const isQuiet = !recording.bringsNews && isOld(streams.connection.state, feedId, page, at)
  if (isQuiet) return { streams, added: 0, known: page.known }

  const ledger = recording.bringsNews ? yield* ledgerOf(recording, streams) : undefined
  const items = yield* Effect.fromResult(decideFeed(streams.feed, ...tape(recording, streams, ledger, page, at)))
  const { added, commands, delivered, known } = reconciliation(recording, streams, ledger, items, page, at)
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
    }),
  )
  const reconciled =
    streams.account === undefined ? undefined : yield* Effect.fromResult(decideAccount(streams.account, ...commands))
  yield* Aggregate.append(reconciled === undefined ? [items, synced] : [items, reconciled, synced], { metadata })
  return {
    streams: {
      feed: Aggregate.after(items),
      connection: Aggregate.after(synced),
      account: reconciled && Aggregate.after(reconciled),
    },
    added,
    known,
  }
})

/** Whether the log says already, or has said within the hour, that there is nothing more. */
const isOld = ({ cursors, syncedAt, syncFailure }: Connection.State, feedId: FeedId, page: Page, at: DateTime.Utc) => {
  const last = syncedAt[feedId]
  return (
    page.complete &&
    syncFailure === undefined &&
    last !== undefined &&
    (cursors[feedId] === page.cursor || DateTime.isLessThan(at, DateTime.addDuration(last, quietInterval)))
  )
}

const bringsNews = ({ items, revised = [], withdrawn = [] }: Page) =>
  items.length + revised.length + withdrawn.length > 0

/** An account with a single feed is what that one says: nothing has to be looked up. */
const ledgerOf = Effect.fnUntraced(function* (recording: Recording, { account }: Streams) {
  if (!recording.feed.isMatched || account === undefined || account.state.feeds.length < 2) return undefined
  recording.ledger ??= yield* Ledger.load(account.tenantId, account, recording.tell)
  return recording.ledger
})

/** What a page adds to the tape. */
const tape = (
  { bringsNews, feed: { connectionId, feedId, source }, provider, run }: Recording,
  { account, feed }: Streams,
  ledger: Ledger.Ledger | undefined,
  page: Page,
  at: DateTime.Utc,
): ReadonlyArray<Feed.Command> => {
  const delivery = {
    at,
    connectionId,
    provider: provider.id,
    ...(account !== undefined && { accountId: Account.idOf(account.streamId) }),
    source: source.key,
    run,
  }
  const batch = (items: Items) => ({
    ...delivery,
    itemIds: items.map(({ id }) => id),
    personal: Personal.reveal({ items: items.map(({ content }) => content) }),
  })
  const known = (ids: ReadonlyArray<Feed.ItemId>) => {
    const knownAs = ledger === undefined ? [] : Ledger.knownAs(ledger, feedId, ids)
    return knownAs.length === 0 ? {} : { knownAs }
  }
  const { revised = [], withdrawn = [] } = page
  const balance = page.complete && bringsNews ? soundBalance(source.account?.balance) : undefined
  const isHeld = ({ id }: Items[number]) => HashSet.has(feed.state.itemIds, id)
  // Changed before it was ever delivered: outside the days that were asked for, say.
  const unheld = revised.filter((item) => !isHeld(item))
  return [
    ...batchesOf([...page.items, ...unheld]).map((items) => Feed.Command.cases.RecordItems.make(batch(items))),
    ...batchesOf(revised.filter(isHeld)).map((items) =>
      Feed.Command.cases.ReviseItems.make({ ...batch(items), ...known(items.map(({ id }) => id)) }),
    ),
    ...Array.from({ length: Math.ceil(withdrawn.length / withdrawnAtOnce) }, (_, index) => {
      const itemIds = withdrawn.slice(index * withdrawnAtOnce, (index + 1) * withdrawnAtOnce)
      return Feed.Command.cases.WithdrawItems.make({ ...delivery, ...known(itemIds), itemIds })
    }),
    ...(balance === undefined
      ? []
      : [
          Feed.Command.cases.RecordBalance.make({
            ...delivery,
            on: balance.on,
            personal: Personal.reveal({ amount: balance.amount }),
          }),
        ]),
  ]
}

/** What the items of a page are in the account, and how many of them are new to it. */
const reconciliation = (
  recording: Recording,
  { account, feed: before }: Streams,
  ledger: Ledger.Ledger | undefined,
  { events, state }: Aggregate.Change<Feed.State, Feed.Event>,
  page: Page,
  at: DateTime.Utc,
) => {
  const { feed, run, tell } = recording
  const { feedId, isMatched } = feed
  const recorded = events.flatMap((event) => (event._tag === "items_recorded" ? event.itemIds : []))
  const again = page.known + page.items.length + (page.revised ?? []).length - recorded.length
  const counts = { delivered: recorded.length, added: recorded.length, known: again }
  if (account === undefined) return { ...counts, commands: [] }
  const base = { at, feedId, run, added: recorded.length, known: again }
  if (!isMatched) return { ...counts, commands: Ledger.commandsOf(base, Ledger.nothing) }

  const coverage = page.complete ? coverageOf(feed, account.state, ledger, page, at) : {}
  if (ledger === undefined) {
    const findings = withinFeed(feedId, account.state.covered[feedId], before.state, tellAll(recording, events))
    const posted = findings.same.filter(({ item }) => HashSet.has(state.itemIds, item)).length
    const isAll = page.complete && (!isMatched || account.state.feeds.length < 2)
    const items = isAll ? { items: HashSet.size(state.itemIds) - posted } : {}
    return { ...counts, commands: Ledger.commandsOf({ ...base, ...coverage, ...items }, findings) }
  }

  const found = Ledger.reconcile(ledger, feedId, Ledger.receive(ledger, feedId, events, tell), coverage)
  Ledger.applyFindings(ledger, account.streamId, { ...base, ...coverage }, found)
  const doubted = page.complete ? Ledger.doubted(ledger, feedId) : []
  Ledger.applyFindings(ledger, account.streamId, base, { ...Ledger.nothing, asked: doubted })
  const findings = { ...found, asked: [...found.asked, ...doubted] }
  const recognised = new Set(
    findings.same.flatMap(({ as, feedId: of, item }) =>
      of === as.feedId ? [] : of === feedId ? [item] : as.feedId === feedId ? [as.item] : [],
    ),
  )
  for (const { item } of doubted) recognised.delete(item)
  const known = again + recorded.filter((id) => recognised.has(id)).length
  const added = recorded.length + again - known
  const items = page.complete ? { items: Ledger.size(ledger) } : {}
  return {
    delivered: recorded.length,
    added,
    known,
    commands: Ledger.commandsOf({ ...base, ...coverage, ...items, added, known }, findings),
  }
}

const tellAll = ({ feed: { feedId }, tell }: Recording, events: ReadonlyArray<Feed.Event>) => {
  const streamId = Feed.streamId(feedId)
  return events.map((event) => tell({ event, streamId }))
}

/** What can be said of items without any other feed: pending ones that posted, and what is from before the beginning. */
const withinFeed = (
  feedId: FeedId,
  covered: Account.Days | undefined,
  { itemIds, withdrawnIds }: Feed.State,
  told: ReadonlyArray<Told>,
): Ledger.Findings => {
  const same: Array<Ledger.Findings["same"][number]> = []
  const backfill: Array<Feed.ItemId> = []
  const deliveries = told.flatMap((told) => (told?._tag === "delivered" && !told.isRevision ? [told.items] : []))
  const isKnown = (id: Feed.ItemId) =>
    HashSet.has(itemIds, id) || HashSet.has(withdrawnIds, id) || deliveries.some((items) => items.has(id))
  for (const items of deliveries) {
    for (const [item, reading] of items) {
      if (Result.isFailure(reading)) continue
      const { date, pending, pendingId } = reading.success
      if (covered !== undefined && date < covered.from) backfill.push(item)
      if (!pending && pendingId !== null && pendingId !== item && isKnown(pendingId)) {
        same.push({ feedId, item: pendingId, as: { feedId, item }, how: "posted" })
      }
    }
  }
  return { ...Ledger.nothing, same, backfill }
}

/** What is covered once a source is complete, and what is not. */
const coverageOf = (
  { feedId, resumeFrom }: OpenFeed,
  account: Account.State,
  ledger: Ledger.Ledger | undefined,
  page: Page,
  at: DateTime.Utc,
) => {
  const coveredBy = (feed: FeedId) => ledger?.covered.get(feed) ?? account.covered[feed]
  return Coverage.extend({
    own: coveredBy(feedId),
    others: account.feeds.flatMap((other) => (other.feedId === feedId ? [] : (coveredBy(other.feedId) ?? []))),
    from: page.coversFrom ?? (coveredBy(feedId) === undefined ? resumeFrom : undefined),
    to: DateTime.formatIsoDateUtc(at),
  })
}

/** What could not be recorded is left out: a balance is no reason to stop. */
const soundBalance = (balance: Balance | undefined) =>
  balance !== undefined && Number.isSafeInteger(balance.amount) && isDay(balance.on) ? balance : undefined

const isDay = Schema.is(Connection.Day)

type Items = Page["items"]

/** Characters of JSON that one event holds, unless a single item has more; and of ids, which stand in its clear part. */
const batchSize = 2_000_000
const idsSize = 200_000

/** Items that are taken back with one event. */
const withdrawnAtOnce = 500

/** The items of a page in their order, a few megabytes in each batch. */
const batchesOf = (items: Items): ReadonlyArray<Items> => {
  const batches: Array<Array<Items[number]>> = []
  let size = Infinity
  let ids = 0
  for (const item of items) {
    const length = JSON.stringify(item.content).length
    size += length
    ids += item.id.length
    if (size > batchSize || ids > idsSize) {
      batches.push([])
      size = length
      ids = item.id.length
    }
    batches.at(-1)?.push(item)
  }
  return batches
}

const decideConnection = Aggregate.decide(Connection)
const decideFeed = Aggregate.decide(Feed)
const decideAccount = Aggregate.decide(Account)
