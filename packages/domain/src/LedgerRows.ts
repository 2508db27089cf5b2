/** An account as its tapes and its own stream make it, event by event. */
import { DateTime, Option, Result } from "effect"

import type * as Account from "./Account.ts"
import { beginning, type Recorded, type StreamId } from "./EventStore.ts"
import * as Feed from "./Feed.ts"
import { type FeedId, system, type TenantId } from "./Ids.ts"
import { type Row as Transaction } from "./matching/TransactionRow.ts"
import * as Personal from "./Personal.ts"
import * as Projection from "./Projection.ts"
import * as TransactionsView from "./TransactionsView.ts"
import { type Row, type Told } from "./TransactionsView.ts"

/** Changed in place by what is {@link apply applied} to it. */
export interface Ledger {
  readonly tenantId: TenantId
  /** Those that are linked to the account, oldest link first. */
  readonly feeds: ReadonlyArray<FeedId>
  readonly rows: Projection.Held<Row>
  /** All items, by the addresses of their rows. */
  readonly items: Map<string, Entry>
  /** Those of each feed, those that were ever booked on a day, and those that are pending. */
  readonly byFeed: Map<FeedId, Array<Entry>>
  readonly byDay: Map<string, Array<Entry>>
  readonly pending: Set<Entry>
  /** What each feed has covered whole. */
  readonly covered: Map<FeedId, Account.Days>
  /** What the feeds said was in the account, in the order in which they said it. */
  readonly balances: Array<{ readonly feedId: FeedId; readonly on: string; readonly amount: number }>
  /** What people are asked, and were, about items, by address: each item once. */
  readonly questions: Map<string, Question>
}

/** A question about an item, and the answer once it is there: another one, where it names none. */
export interface Question {
  readonly feedId: FeedId
  readonly candidates: ReadonlyArray<Feed.ItemRef>
  readonly answer?: { readonly as?: Feed.ItemRef }
}

/** An item as it was last delivered. */
export interface Entry {
  readonly address: string
  readonly item: Feed.ItemRef
  /** None where it cannot be read. */
  transaction: Transaction | undefined
}

/** An item that can be read, and what it is in the account. */
export interface Standing {
  readonly address: string
  readonly item: Feed.ItemRef
  readonly transaction: Transaction
  readonly row: Row
}

export const empty = (tenantId: TenantId, feeds: ReadonlyArray<FeedId>): Ledger => ({
  tenantId,
  feeds,
  rows: Projection.holdAll(),
  items: new Map(),
  byFeed: new Map(),
  byDay: new Map(),
  pending: new Set(),
  covered: new Map(),
  balances: [],
  questions: new Map(),
})

/** Applies what was recorded, or is about to be. */
export const apply = (ledger: Ledger, recorded: Recorded<Told>): void => {
  const { event } = recorded
  if (event === undefined) return
  // The links of a feed that has no items yet change none.
  const isLink = event._tag === "account_linked" || event._tag === "account_unlinked"
  if (isLink && !ledger.byFeed.has(event.feedId)) return
  if (event._tag === "balance_recorded") return hear(ledger, TransactionsView.feedOf(recorded), event)
  Projection.apply(fold, ledger.rows, { ...recorded, event })
  if (event._tag === "delivered") enter(ledger, TransactionsView.feedOf(recorded), event.items)
  if (event._tag === "items_reconciled") note(ledger, event)
  if (event._tag === "account_unlinked") part(ledger, [event.feedId], () => true)
  if (event._tag === "accounts_unmerged") {
    const { beside, feeds } = event
    const gone = feeds.map(({ feedId }) => feedId)
    part(ledger, gone, (feedId) => beside.includes(feedId))
  }
}

const hear = (
  { balances }: Ledger,
  feedId: FeedId,
  { on, personal }: Extract<Told, { readonly _tag: "balance_recorded" }>,
) => {
  const said = Option.getOrUndefined(Personal.value(personal))
  if (said !== undefined) balances.push({ feedId, on, amount: said.amount })
}

const note = (
  { covered, questions, tenantId }: Ledger,
  event: Extract<Told, { readonly _tag: "items_reconciled" }>,
) => {
  const { feedId } = event
  if (event.covered !== undefined) covered.set(feedId, event.covered)
  for (const { candidates, item } of event.asked ?? []) {
    const address = addressOf(tenantId, { feedId, item })
    if (!questions.has(address)) questions.set(address, { feedId, candidates })
  }
  for (const { item, ...answer } of event.answered ?? []) {
    const address = addressOf(tenantId, { feedId, item })
    const question = questions.get(address)
    if (question !== undefined) questions.set(address, { ...question, answer })
  }
}

/** Questions between feeds that are parted are none any more, answered or not. */
const part = ({ questions }: Ledger, feeds: ReadonlyArray<FeedId>, isOther: (feedId: FeedId) => boolean) => {
  for (const [address, { candidates, feedId }] of questions) {
    const isAcross = candidates.some(
      (candidate) =>
        (feeds.includes(feedId) && isOther(candidate.feedId)) || (feeds.includes(candidate.feedId) && isOther(feedId)),
    )
    if (isAcross) questions.delete(address)
  }
}

const enter = (
  { byDay, byFeed, items, pending, tenantId }: Ledger,
  feedId: FeedId,
  delivered: ReadonlyMap<Feed.ItemId, Result.Result<Transaction, string>>,
) => {
  const ofFeed = byFeed.get(feedId) ?? []
  byFeed.set(feedId, ofFeed)
  for (const [item, reading] of delivered) {
    const address = addressOf(tenantId, { feedId, item })
    let entry = items.get(address)
    if (entry === undefined) {
      entry = { address, item: { feedId, item }, transaction: undefined }
      items.set(address, entry)
      ofFeed.push(entry)
    }
    const before = entry.transaction
    const now = Result.getOrUndefined(reading)
    entry.transaction = now
    if (now?.pending === true) pending.add(entry)
    else pending.delete(entry)
    if (now === undefined || now.date === before?.date) continue
    const ofDay = byDay.get(now.date)
    if (ofDay === undefined) byDay.set(now.date, [entry])
    else ofDay.push(entry)
  }
}

const fold: Projection.Projection<Row, NonNullable<Told>> = { ...TransactionsView, codecs: {} }

export const addressOf = (tenantId: TenantId, { feedId, item }: Feed.ItemRef) =>
  Projection.rowKey(TransactionsView, tenantId, { feed_id: feedId, item_id: item })

/** What a feed has delivered that can be read. */
export const standingOf = ({ byFeed, rows }: Ledger, feedId: FeedId): ReadonlyArray<Standing> =>
  (byFeed.get(feedId) ?? []).flatMap(({ address, item, transaction }) => {
    const row = rows.rows.get(address)?.row
    return row === undefined || transaction === undefined ? [] : [{ address, item, row, transaction }]
  })

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
        const before = ledger.items.get(address)?.transaction
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

/** What a person is or was asked about an item that is held. */
export const questionOf = ({ questions, rows, tenantId }: Ledger, item: Feed.ItemRef): Question | undefined => {
  const address = addressOf(tenantId, item)
  return rows.rows.get(address)?.row.status === "held" ? questions.get(address) : undefined
}

/** How many transactions the account has. */
export const size = ({ feeds, rows }: Ledger): number => {
  const linked = new Set(feeds)
  let count = 0
  for (const { row } of rows.rows.values()) {
    if (row.status === "held" && row.same_as_feed === null && linked.has(row.feed_id)) count++
  }
  return count
}
