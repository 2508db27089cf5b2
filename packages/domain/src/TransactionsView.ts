/**
 * The view `transactions`: every bank transaction that any connection ever
 * delivered, one row for each item of a feed, and what it is in its account.
 *
 * A transaction of the account is a row that is the same as no other and is held:
 * `account_id = … and same_as_feed is null and status = 'held'`. The others say
 * what became of them, so nothing that a host has referred to is ever gone.
 *
 * What a link or a merge made of rows goes with it: each such value names the feed
 * on its other side, and is taken back when the two are parted. That is how
 * undoing a link restores both histories exactly.
 *
 * It holds personal data in the clear, for those whom the host lets read it; the
 * rows of a feed go when the feed is forgotten. Nobody can read then what it had,
 * so what two later feeds both had from it, and not from each other, stands twice.
 * Where that matters, undo the link first: what is left is compared then.
 */
import { DateTime, Effect, Option, Result, type Schema } from "effect"

import * as Account from "./Account.ts"
import { categoryOf, type Recorded } from "./EventStore.ts"
import * as Feed from "./Feed.ts"
import { type AccountId, type ConnectionId, FeedId, type ProviderId, type TenantId } from "./Ids.ts"
import { dateOf, dayOf, isIgnored, type Row as Transaction } from "./matching/TransactionRow.ts"
import * as Personal from "./Personal.ts"
import { type Columns, type Patch, type Projection } from "./Projection.ts"
import { type Where, Views } from "./ViewStore.ts"

export type Row = {
  readonly feed_id: FeedId
  /** As the provider calls it; unique within the feed. */
  readonly item_id: Feed.ItemId
  /** The account that the feed is linked to; null while a person is asked which it is. */
  readonly account_id: AccountId | null
  readonly connection_id: ConnectionId
  readonly provider: ProviderId
  /** Booked on, as the provider dates it; null where the item could not be read. */
  readonly date: string | null
  /** The day of the purchase, where the provider tells it apart. */
  readonly authorized_date: string | null
  /** Minor units of the currency; positive is money out. */
  readonly amount: number | null
  /** ISO 4217. */
  readonly currency: string | null
  /** As the provider words it. */
  readonly description: string | null
  readonly merchant: string | null
  readonly pending: boolean | null
  /** The item that this one is, directly; null: it stands for itself. That one may be another one in its turn. */
  readonly same_as_feed: FeedId | null
  readonly same_as_item: Feed.ItemId | null
  /** `posted`: it was pending, and became that one. */
  readonly how: "same" | "posted" | null
  /**
   * `withdrawn`: the provider took it back. `lapsed`: it was pending and came to nothing, or a later feed took back
   * what it stands for. `void`: scheduled, rejected or cancelled, so never in the books.
   */
  readonly status: "held" | "withdrawn" | "lapsed" | "void"
  /** The feed whose delivery made it lapse. */
  readonly lapsed_by: FeedId | null
  /** The likeliest of the items that it may be: a person is asked, as long as it stands for itself. */
  readonly may_be_feed: FeedId | null
  readonly may_be_item: Feed.ItemId | null
  /** From before anything was covered when it arrived: history, not news. */
  readonly is_backfill: boolean
  /** Why the item could not be read; its content is on the tape all the same. */
  readonly reading_problem: string | null
  /** When it was first recorded, and when the provider last said something of it; by the sync engine's clock. */
  readonly first_seen_at: string
  readonly changed_at: string
  /** Of the event with which the provider last said something of it. */
  readonly position: number
}

export const name = "transactions"
export const version = 2
export const personal = true

export const columns: Columns<Row> = {
  feed_id: "uuid",
  item_id: "text",
  account_id: "uuid",
  connection_id: "uuid",
  provider: "text",
  date: "date",
  authorized_date: "date",
  amount: "bigint",
  currency: "text",
  description: "text",
  merchant: "text",
  pending: "boolean",
  same_as_feed: "uuid",
  same_as_item: "text",
  how: "text",
  status: "text",
  lapsed_by: "uuid",
  may_be_feed: "uuid",
  may_be_item: "text",
  is_backfill: "boolean",
  reading_problem: "text",
  first_seen_at: "timestamptz",
  changed_at: "timestamptz",
  position: "bigint",
}

export const key = ["feed_id", "item_id"] as const

export const indexes = [["account_id", "date"], ["same_as_feed"], ["lapsed_by"], ["may_be_feed"]] as const

export const codecs = { [Feed.name]: Feed, [Account.name]: Account }

export type Event = Feed.Event | Account.Event

/** How the items of a provider are read as transactions: its `transaction`. */
export type Reader = (content: Schema.Json) => Result.Result<Transaction, string>

/** The view, for the providers whose items are bank transactions. Items of others are passed over. */
export const make = (readers: Readonly<Record<string, Reader>>): Projection<Row, Event> => {
  const toldBy = reading(readers)
  const tell = (recorded: Recorded<Event>) => ({ ...recorded, event: toldBy(recorded) })
  return {
    name,
    version,
    personal,
    columns,
    key,
    indexes,
    codecs,
    types: [
      "items_recorded",
      "items_revised",
      "items_withdrawn",
      "forgotten",
      "account_linked",
      "account_unlinked",
      "accounts_merged",
      "accounts_unmerged",
      "items_reconciled",
    ],
    touches: (recorded) => touches(tell(recorded)),
    evolve: (row, recorded, key) => evolve(row, tell(recorded), key),
    patches: (recorded) => patches(tell(recorded)),
  }
}

/** The transactions of an account, newest first. */
export const ofAccount = Effect.fn("TransactionsView.ofAccount")(function* (
  tenantId: TenantId,
  accountId: AccountId,
  options: {
    /** Both days within; ten years at most. All days, and what could not be read, without it. */
    readonly days?: Account.Days | undefined
    /** Those that are the same as others, or are held no more, as well. */
    readonly all?: boolean | undefined
    readonly limit?: number | undefined
  } = {},
) {
  const { all = false, days, limit } = options
  return yield* select(
    tenantId,
    {
      account_id: accountId,
      ...(!all && { same_as_feed: null, status: "held" }),
      ...(days !== undefined && { date: daysOf(days) }),
    },
    limit,
  )
})

/** What a feed delivered, newest first: as long as a person is asked which account it is, too. */
export const ofFeed = Effect.fn("TransactionsView.ofFeed")(function* (
  tenantId: TenantId,
  feedId: FeedId,
  options: { readonly limit?: number | undefined } = {},
) {
  return yield* select(tenantId, { feed_id: feedId }, options.limit)
})

/** Transactions of an account about which a person is asked whether they are others that it holds, newest first. */
export const asked = Effect.fn("TransactionsView.asked")(function* (tenantId: TenantId, accountId: AccountId) {
  const rows = yield* select(tenantId, { account_id: accountId, same_as_feed: null, status: "held" })
  return rows.filter(({ may_be_feed }) => may_be_feed !== null)
})

const select = (tenantId: TenantId, where: Where<Row>, limit?: number) =>
  Effect.flatMap(Views, (views) =>
    views.query<Row>({ name, version, columns, key, indexes }, tenantId, {
      where,
      orderBy: [
        ["date", "desc"],
        ["feed_id", "asc"],
        ["item_id", "asc"],
      ],
      limit,
    }),
  )

const daysOf = ({ from, to }: Account.Days): ReadonlyArray<string> => {
  const first = dayOf(from)
  const count = Math.min(Math.max(dayOf(to) - first + 1, 0), 3_660)
  return Array.from({ length: count }, (_, index) => dateOf(first + index))
}

/** What an event tells of transactions, its items read. Nothing where it does not concern them. */
export type Told =
  | {
      readonly _tag: "delivered"
      readonly at: string
      readonly connectionId: ConnectionId
      readonly provider: ProviderId
      readonly accountId: AccountId | undefined
      /** Whether the items were in the feed before. */
      readonly isRevision: boolean
      readonly items: ReadonlyMap<Feed.ItemId, Result.Result<Transaction, string>>
    }
  | Extract<Feed.Event, { readonly _tag: "items_withdrawn" | "balance_recorded" | "forgotten" }>
  | Extract<
      Account.Event,
      {
        readonly _tag:
          | "account_linked"
          | "account_unlinked"
          | "accounts_merged"
          | "accounts_unmerged"
          | "items_reconciled"
      }
    >
  | undefined

/** Reads each event once, however often it is asked about. */
export const reading = (readers: Readonly<Record<string, Reader>>) => {
  const known = new WeakMap<Event, { readonly told: Told }>()
  return (recorded: Pick<Recorded<Event>, "event" | "streamId">): Told => {
    const before = known.get(recorded.event)
    if (before !== undefined) return before.told
    const told = read(readers, recorded)
    known.set(recorded.event, { told })
    return told
  }
}

const read = (
  readers: Readonly<Record<string, Reader>>,
  { event, streamId }: Pick<Recorded<Event>, "event" | "streamId">,
): Told => {
  switch (event._tag) {
    case "items_recorded":
    case "items_revised": {
      const { accountId, at, connectionId, itemIds, personal, provider } = event
      const content = Option.getOrUndefined(Personal.value(personal))
      const reader = provider === undefined ? undefined : readers[provider]
      if (provider === undefined || reader === undefined || content === undefined) return undefined
      return {
        _tag: "delivered",
        at: DateTime.formatIso(at),
        connectionId,
        provider,
        accountId,
        isRevision: event._tag === "items_revised",
        items: new Map(
          itemIds.map((id, index) => {
            const item = content.items[index]
            return [id, item === undefined ? Result.fail("the item is missing") : Result.flatMap(reader(item), sound)]
          }),
        ),
      }
    }
    case "forgotten":
      return categoryOf(streamId) === Feed.name ? event : undefined
    case "items_deferred":
    case "items_gone":
    case "items_observed":
    case "account_opened":
      return undefined
    default:
      return event
  }
}

/** What a reader may get wrong and no view can hold. */
const sound = (row: Transaction): Result.Result<Transaction, string> => {
  if (!isDay(row.date)) return Result.fail("the date is no day")
  if (row.authorized !== null && !isDay(row.authorized)) return Result.fail("the authorized date is no day")
  if (!Number.isSafeInteger(row.amount)) return Result.fail("the amount is no safe integer")
  return Result.succeed(row)
}

const isDay = (text: string) => {
  const [, year, month, day] = /^([1-9]\d{3})-(\d\d)-(\d\d)$/.exec(text) ?? []
  return day !== undefined && day >= "01" && Number(day) <= daysOfMonth(Number(year), Number(month))
}

const daysOfMonth = (year: number, month: number) => {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
  return month < 1 || month > 12 ? 0 : month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

export const feedOf = ({ streamId }: Pick<Recorded<unknown>, "streamId">): FeedId =>
  FeedId.make(streamId.slice(Feed.name.length + 1))

/** The keys of the rows that what is told touches. */
export const touches = (recorded: Recorded<Told>): ReadonlyArray<Partial<Row>> => {
  const { event } = recorded
  switch (event?._tag) {
    case "delivered": {
      const feed_id = feedOf(recorded)
      return Array.from(event.items.keys(), (item_id) => ({ feed_id, item_id }))
    }
    case "items_withdrawn": {
      const feed_id = feedOf(recorded)
      return event.itemIds.map((item_id) => ({ feed_id, item_id }))
    }
    case "items_reconciled":
      return Array.from(rulingsOf(event).values(), ({ key }) => key)
    default:
      return []
  }
}

export const evolve = (
  row: Row | undefined,
  recorded: Recorded<Told>,
  { feed_id, item_id }: Partial<Row>,
): Row | undefined => {
  const { event, position } = recorded
  if (event === undefined || feed_id === undefined || item_id === undefined) return row
  switch (event._tag) {
    case "delivered": {
      const item = event.items.get(item_id)
      if (item === undefined) return row
      const { at } = event
      return {
        feed_id,
        item_id,
        account_id: row === undefined || !event.isRevision ? (event.accountId ?? null) : row.account_id,
        connection_id: event.connectionId,
        provider: event.provider,
        ...contentOf(item),
        // Delivered anew, it has to be recognised anew.
        ...(row === undefined || !event.isRevision ? { ...alone, ...unasked } : rulingOf(row)),
        status: Result.isSuccess(item) && isIgnored(item.success) ? "void" : "held",
        lapsed_by: null,
        is_backfill: row?.is_backfill ?? false,
        first_seen_at: row?.first_seen_at ?? at,
        changed_at: at,
        position: Number(position),
      }
    }
    case "items_withdrawn":
      return (
        row && { ...row, status: "withdrawn", changed_at: DateTime.formatIso(event.at), position: Number(position) }
      )
    case "items_reconciled": {
      const ruling = rulingsOf(event).get(addressOf(feed_id, item_id))
      return row === undefined || ruling === undefined ? row : ruled(row, ruling, event.feedId)
    }
    default:
      return row
  }
}

/** What links, merges and their ends do to whole feeds. */
export const patches = (recorded: Recorded<Told>): ReadonlyArray<Patch<Row>> => {
  const { event, streamId } = recorded
  switch (event?._tag) {
    case "account_linked":
      return [{ where: { feed_id: event.feedId }, set: { account_id: Account.idOf(streamId) } }]
    case "account_unlinked":
      return [...freed(event.feedId), { where: { feed_id: event.feedId }, set: { account_id: null } }]
    case "accounts_merged":
      return event.role === "kept" ? moved(event, Account.idOf(streamId)) : []
    case "accounts_unmerged":
      return event.role === "kept" ? [...moved(event, event.other), ...parted(event)] : []
    case "forgotten": {
      const feed_id = feedOf(recorded)
      return [{ where: { feed_id }, set: undefined }, ...released(feed_id)]
    }
    default:
      return []
  }
}

const contentOf = (item: Result.Result<Transaction, string>) =>
  Result.match(item, {
    onFailure: (problem) => ({ ...unread, reading_problem: storable(problem) }),
    onSuccess: ({ amount, authorized, currency, date, description, merchant, pending }) => ({
      date,
      authorized_date: authorized,
      amount,
      currency: storable(currency),
      description: storable(description),
      merchant: merchant === null ? null : storable(merchant),
      pending,
      reading_problem: null,
    }),
  })

const unread = {
  date: null,
  authorized_date: null,
  amount: null,
  currency: null,
  description: null,
  merchant: null,
  pending: null,
}

/** Without the characters that no database keeps. */
const storable = (text: string) => (text.includes("\0") ? text.replaceAll("\0", "") : text).toWellFormed()

const alone = { same_as_feed: null, same_as_item: null, how: null } as const
const unasked = { may_be_feed: null, may_be_item: null } as const

const rulingOf = ({ how, may_be_feed, may_be_item, same_as_feed, same_as_item }: Row) => ({
  how,
  may_be_feed,
  may_be_item,
  same_as_feed,
  same_as_item,
})

type Reconciled = Extract<Account.Event, { readonly _tag: "items_reconciled" }>

/** What a reconciliation says of one item. */
interface Ruling {
  readonly key: Pick<Row, "feed_id" | "item_id">
  same?: NonNullable<Reconciled["same"]>[number]
  /** Others are this one. */
  stands?: true
  mayBe?: Feed.ItemRef
  isAnswered?: true
  lapses?: true
  isBackfill?: true
}

export const addressOf = (feedId: FeedId, item: Feed.ItemId): string => `${feedId} ${item}`

const knownRulings = new WeakMap<Reconciled, ReadonlyMap<string, Ruling>>()

const rulingsOf = (event: Reconciled): ReadonlyMap<string, Ruling> => {
  const before = knownRulings.get(event)
  if (before !== undefined) return before
  const rulings = new Map<string, Ruling>()
  const of = (feed_id: FeedId, item_id: Feed.ItemId) => {
    const address = addressOf(feed_id, item_id)
    const ruling = rulings.get(address) ?? { key: { feed_id, item_id } }
    rulings.set(address, ruling)
    return ruling
  }
  for (const same of event.same ?? []) {
    of(same.feedId, same.item).same = same
    of(same.as.feedId, same.as.item).stands = true
  }
  for (const { candidates, item } of event.asked ?? []) {
    if (candidates[0] !== undefined) of(event.feedId, item).mayBe = candidates[0]
  }
  for (const { item } of event.answered ?? []) of(event.feedId, item).isAnswered = true
  for (const { feedId, item } of event.lapsed ?? []) of(feedId, item).lapses = true
  for (const item of event.backfill ?? []) of(event.feedId, item).isBackfill = true
  knownRulings.set(event, rulings)
  return rulings
}

const ruled = (row: Row, { isAnswered, isBackfill, lapses, mayBe, same, stands }: Ruling, by: FeedId): Row => ({
  ...row,
  ...(stands && alone),
  ...(same && { same_as_feed: same.as.feedId, same_as_item: same.as.item, how: same.how }),
  // Until it is answered it stands, whatever it was taken for.
  ...(mayBe && row.may_be_feed === null && { ...alone, may_be_feed: mayBe.feedId, may_be_item: mayBe.item }),
  ...(isAnswered && unasked),
  ...(lapses && row.lapsed_by === null && { lapsed_by: by, status: row.status === "held" ? "lapsed" : row.status }),
  ...(isBackfill && { is_backfill: true }),
})

/** A feed by itself: nothing of it is anything elsewhere, and nothing elsewhere is anything of it. */
const freed = (feed_id: FeedId): ReadonlyArray<Patch<Row>> => [
  { where: { feed_id, status: "lapsed" }, set: { status: "held" } },
  { where: { feed_id }, set: { ...alone, ...unasked, lapsed_by: null, is_backfill: false } },
  ...released(feed_id),
]

/** What other feeds' rows owe to this one is taken back. */
const released = (feedId: FeedId, where: Partial<Row> = {}): ReadonlyArray<Patch<Row>> => [
  { where: { ...where, same_as_feed: feedId }, set: alone },
  { where: { ...where, may_be_feed: feedId }, set: unasked },
  { where: { ...where, lapsed_by: feedId, status: "lapsed" }, set: { status: "held" } },
  { where: { ...where, lapsed_by: feedId }, set: { lapsed_by: null } },
]

type Merger = Pick<Extract<Account.Event, { readonly _tag: "accounts_unmerged" }>, "beside" | "feeds">

const moved = ({ feeds }: Merger, account_id: AccountId): ReadonlyArray<Patch<Row>> =>
  feeds.map(({ feedId }) => ({ where: { feed_id: feedId }, set: { account_id } }))

/** What the feeds of two accounts owe to each other is taken back; what each has within itself stays. */
const parted = ({ beside, feeds }: Merger): ReadonlyArray<Patch<Row>> =>
  feeds.flatMap(({ feedId }) =>
    beside.flatMap((other) => [...released(other, { feed_id: feedId }), ...released(feedId, { feed_id: other })]),
  )
