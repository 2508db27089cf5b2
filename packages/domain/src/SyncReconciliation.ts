/**
 * What the items of a page are in the account: new, the same as one that is held, pending that posted, or a question;
 * and which days the account covers with them.
 *
 * Where an account has a single feed, that is what the feed says of itself. Where it has several, what is delivered is
 * compared with what all of them hold.
 */
import { DateTime, Effect, HashSet, Result } from "effect"

import type * as Account from "./Account.ts"
import type * as Aggregate from "./Aggregate.ts"
import * as Coverage from "./Coverage.ts"
import * as Feed from "./Feed.ts"
import { type FeedId } from "./Ids.ts"
import * as Ledger from "./Ledger.ts"
import { type Page } from "./Provider.ts"
import { type OpenFeed, type Streams } from "./SyncSources.ts"
import { type Told } from "./TransactionsView.ts"

/** A source whose pages are reconciled, one after the other. */
export interface Reconciling {
  readonly feed: OpenFeed
  readonly run: string
  /** Reads items as transactions. */
  readonly tell: ReturnType<typeof Ledger.readingOf>
  /** The account as it is after the last page, where it has several feeds. Loaded when it is needed first. */
  ledger: Ledger.Ledger | undefined
}

/** An account with a single feed is what that one says: nothing has to be looked up. */
export const ledgerOf = Effect.fnUntraced(function* (reconciling: Reconciling, { account }: Streams) {
  if (!reconciling.feed.isMatched || account === undefined || account.state.feeds.length < 2) return undefined
  reconciling.ledger ??= yield* Ledger.load(account.tenantId, account, reconciling.tell)
  return reconciling.ledger
})

/** What the items of a page are in the account, and how many of them are new to it. */
export const reconcile = (
  { feed, run, tell }: Reconciling,
  { account, feed: before }: Streams,
  ledger: Ledger.Ledger | undefined,
  { events, state }: Aggregate.Change<Feed.State, Feed.Event>,
  page: Page,
  at: DateTime.Utc,
) => {
  const { feedId, isMatched } = feed
  const recorded = events.flatMap((event) => (event._tag === "items_recorded" ? event.itemIds : []))
  const again = page.known + page.items.length + (page.revised ?? []).length - recorded.length
  const counts = { delivered: recorded.length, added: recorded.length, known: again }
  if (account === undefined) return { ...counts, commands: [] }
  const base = { at, feedId, run, added: recorded.length, known: again }
  if (!isMatched) return { ...counts, commands: Ledger.commandsOf(base, Ledger.nothing) }

  const coverage = page.complete ? coverageOf(feed, account.state, ledger, page, at) : {}
  if (ledger === undefined) {
    const findings = withinFeed(feedId, account.state.covered[feedId], before.state, tellAll(feed, tell, events))
    const posted = findings.same.filter(({ item }) => HashSet.has(state.itemIds, item)).length
    const isAll = page.complete && account.state.feeds.length < 2
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

const tellAll = ({ feedId }: OpenFeed, tell: Reconciling["tell"], events: ReadonlyArray<Feed.Event>) => {
  const streamId = Feed.streamId(feedId)
  return events.map((event) => tell({ event, streamId }))
}

/** What can be said of items without any other feed: pending ones that posted, and what is from before the beginning. */
const withinFeed = (
  feedId: FeedId,
  covered: Account.Days | undefined,
  { itemIds, withdrawnIds }: Feed.State,
  tellings: ReadonlyArray<Told>,
): Ledger.Findings => {
  const same: Array<Ledger.Findings["same"][number]> = []
  const backfill: Array<Feed.ItemId> = []
  const deliveries = tellings.flatMap((told) => (told?._tag === "delivered" && !told.isRevision ? [told.items] : []))
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
