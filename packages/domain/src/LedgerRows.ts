/** An account as its tapes and its own stream make it, event by event. */
import { DateTime, Result } from "effect"

import type * as Account from "./Account.ts"
import { beginning, type Recorded, type StreamId } from "./EventStore.ts"
import * as Feed from "./Feed.ts"
import { type FeedId, system, type TenantId } from "./Ids.ts"
import { type Row as Transaction } from "./matching/TransactionRow.ts"
import * as Projection from "./Projection.ts"
import * as TransactionsView from "./TransactionsView.ts"
import { type Row, type Told } from "./TransactionsView.ts"

/** Changed in place by what is {@link apply applied} to it. */
export interface Ledger {
  readonly tenantId: TenantId
  /** Those that are linked to the account, oldest link first. */
  readonly feeds: ReadonlyArray<FeedId>
  readonly rows: Projection.Held<Row>
  /** As they were last delivered, by the addresses of their rows. */
  readonly transactions: Map<string, Transaction>
  /** The items of each feed, and those that were ever booked on a day, by address. */
  readonly byFeed: Map<FeedId, Map<string, Feed.ItemId>>
  readonly byDay: Map<string, Set<string>>
  /** What each feed has covered whole. */
  readonly covered: Map<FeedId, Account.Days>
}

export const empty = (tenantId: TenantId, feeds: ReadonlyArray<FeedId>): Ledger => ({
  tenantId,
  feeds,
  rows: Projection.holdAll(),
  transactions: new Map(),
  byFeed: new Map(),
  byDay: new Map(),
  covered: new Map(),
})

/** Applies what was recorded, or is about to be. */
export const apply = (ledger: Ledger, recorded: Recorded<Told>): void => {
  const { event } = recorded
  if (event === undefined) return
  // The links of a feed that has no items yet change none.
  const isLink = event._tag === "account_linked" || event._tag === "account_unlinked"
  if (isLink && !ledger.byFeed.has(event.feedId)) return
  if (event._tag === "items_reconciled" && event.covered !== undefined) ledger.covered.set(event.feedId, event.covered)
  Projection.apply(fold, ledger.rows, { ...recorded, event })
  if (event._tag === "delivered") enter(ledger, TransactionsView.feedOf(recorded), event.items)
}

const enter = (
  { byDay, byFeed, tenantId, transactions }: Ledger,
  feedId: FeedId,
  items: ReadonlyMap<Feed.ItemId, Result.Result<Transaction, string>>,
) => {
  const ofFeed = byFeed.get(feedId) ?? new Map<string, Feed.ItemId>()
  byFeed.set(feedId, ofFeed)
  for (const [item, reading] of items) {
    const address = addressOf(tenantId, { feedId, item })
    ofFeed.set(address, item)
    if (Result.isFailure(reading)) transactions.delete(address)
    else {
      transactions.set(address, reading.success)
      const ofDay = byDay.get(reading.success.date)
      if (ofDay === undefined) byDay.set(reading.success.date, new Set([address]))
      else ofDay.add(address)
    }
  }
}

const fold: Projection.Projection<Row, NonNullable<Told>> = { ...TransactionsView, codecs: {} }

export const addressOf = (tenantId: TenantId, { feedId, item }: Feed.ItemRef) =>
  Projection.rowKey(TransactionsView, tenantId, { feed_id: feedId, item_id: item })

/** The transaction of the account that an item is: itself, unless it was recognised as another one. */
export const rootOf = (ledger: Ledger, item: Feed.ItemRef): Feed.ItemRef => pathOf(ledger, item).at(-1) ?? item

/** From an item over those that it is the same as to the one that stands for all of them. */
export const pathOf = (
  ledger: Ledger,
  item: Feed.ItemRef,
  sameAs: (row: Row | undefined, address: string) => Feed.ItemRef | undefined = sameAsOf,
): ReadonlyArray<Feed.ItemRef> => {
  const path = [item]
  const seen = new Set<string>()
  for (let at: Feed.ItemRef | undefined = item; at !== undefined;) {
    const address = addressOf(ledger.tenantId, at)
    if (seen.has(address)) break
    seen.add(address)
    const next = sameAs(ledger.rows.rows.get(address)?.row, address)
    at = next !== undefined && ledger.rows.rows.has(addressOf(ledger.tenantId, next)) ? next : undefined
    if (at !== undefined) path.push(at)
  }
  return path
}

export const sameAsOf = (row: Row | undefined): Feed.ItemRef | undefined =>
  row === undefined || row.same_as_feed === null || row.same_as_item === null
    ? undefined
    : { feedId: row.same_as_feed, item: row.same_as_item }

/** Which of a feed's items the account knows under another feed, and as what. */
export const knownAs = (
  ledger: Ledger,
  feedId: FeedId,
  items: ReadonlyArray<Feed.ItemId>,
): ReadonlyArray<{ readonly item: Feed.ItemId; readonly as: Feed.ItemRef }> =>
  items.flatMap((item) => {
    const as = rootOf(ledger, { feedId, item })
    return as.feedId === feedId ? [] : [{ item, as }]
  })

/** What a feed tells, after it was applied to the ledger and before it is reconciled. */
export interface Received {
  /** To be compared for the first time. */
  readonly recorded: ReadonlyArray<Feed.ItemId>
  /** Delivered before, on another day or with another amount. */
  readonly corrected: ReadonlyArray<Feed.ItemId>
  readonly withdrawn: ReadonlyArray<Feed.ItemId>
}

/** Applies a feed's new events. */
export const receive = (
  ledger: Ledger,
  feedId: FeedId,
  events: ReadonlyArray<Feed.Event>,
  tell: (recorded: Pick<Recorded<Feed.Event>, "event" | "streamId">) => Told,
): Received => {
  const received = {
    recorded: new Set<Feed.ItemId>(),
    corrected: new Set<Feed.ItemId>(),
    withdrawn: new Set<Feed.ItemId>(),
  }
  const streamId = Feed.streamId(feedId)
  for (const event of events) {
    const told = tell({ event, streamId })
    if (told?._tag === "items_withdrawn") for (const item of told.itemIds) received.withdrawn.add(item)
    if (told?._tag === "delivered") {
      for (const [item, reading] of told.items) {
        const address = addressOf(ledger.tenantId, { feedId, item })
        const before = ledger.transactions.get(address)
        // What could not be compared when it came is compared once it can.
        const wasCompared = before !== undefined && ledger.rows.rows.get(address)?.row.status !== "void"
        if (!told.isRevision || !wasCompared) received.recorded.add(item)
        else if (Result.isSuccess(reading) && isCorrection(before, reading.success)) received.corrected.add(item)
      }
    }
    apply(ledger, unrecorded(ledger.tenantId, streamId, told))
  }
  return {
    recorded: [...received.recorded],
    corrected: [...received.corrected],
    withdrawn: [...received.withdrawn],
  }
}

/** What matters to whoever keeps books; wording does not. */
const isCorrection = (before: Transaction, { amount, currency, date, pending }: Transaction) =>
  before.amount !== amount || before.currency !== currency || before.date !== date || before.pending !== pending

/** For the fold an event is what it tells: where it stands is known once it is recorded. */
export const unrecorded = <A>(tenantId: TenantId, streamId: StreamId, event: A): Recorded<A> => ({
  event,
  tenantId,
  streamId,
  version: 0,
  position: beginning,
  metadata: { actor: system },
  recordedAt: DateTime.makeUnsafe(0),
})

/** How many transactions the account has. */
export const size = ({ feeds, rows }: Ledger): number => {
  const linked = new Set(feeds)
  let count = 0
  for (const { row } of rows.rows.values()) {
    if (row.status === "held" && row.same_as_feed === null && linked.has(row.feed_id)) count++
  }
  return count
}
