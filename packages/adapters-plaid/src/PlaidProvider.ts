/**
 * Plaid as a provider: one feed for each bank account of an Item.
 *
 * A feed's cursor is that of `/transactions/sync` for the one account, a stream
 * of its own. Plaid tells what changed since a cursor as an *update* of several
 * pages, which are good only together: when anything goes wrong before the last
 * one, or the data changes meanwhile, the update is read again from its first
 * cursor. So an update is delivered as one page of ours.
 *
 * What is too long to be held at once (a first look at many years, or at what was
 * booked since a day) is delivered in parts, and for that the cursor **now** is
 * taken first:
 *
 * ```text
 * take "now" ──▶ deliver what is there, part by part ──▶ follow the updates since "now"
 * ```
 *
 * Whatever changes while the parts are read is in the updates since, changed and
 * withdrawn rows included; what both deliver is known by its id. So the parts
 * need not agree with each other, and a crash between them costs nothing. One
 * thing no update tells of: a row that was booked after "now", delivered in a
 * part, and taken back before the last one. What fits into one part is therefore
 * read once more where anything may have changed; in more parts, such a row stays.
 *
 * @see https://plaid.com/docs/api/products/transactions/#transactionssync
 */
import { Connection, Feed, Ids, Provider } from "@holdfast/domain"
import { Context, DateTime, Effect, Schema } from "effect"

import * as PlaidAccounts from "./PlaidAccounts.ts"
import { type Item, PlaidApi, type Transaction, type TransactionsPage } from "./PlaidApi.ts"
import { type PlaidError } from "./PlaidError.ts"
import * as PlaidSecret from "./PlaidSecret.ts"

export const id = Ids.ProviderId.make("plaid")

/** What matching goes by: one call brings at most 500 transactions. */
export const supplier = { id, itemsPerCall: 500 }

/** How a feed's cursor is written. */
const Place = Schema.Union([
  /** Plaid has no transactions yet, or not all that a resumption needs. */
  Schema.Struct({ wait: Schema.Struct({ from: Schema.optionalKey(Connection.Day) }) }),
  /** Everything up to this cursor is delivered. */
  Schema.Struct({
    follow: Schema.Struct({
      cursor: Schema.String,
      /** The first day that was asked for. */
      from: Connection.Day,
      /** What is added since may have been delivered in other words by the parts before. */
      overlaps: Schema.optionalKey(Schema.Literal(true)),
    }),
  }),
  /** A long update, in parts: where it began, where its next part starts, and since when to follow what changed. */
  Schema.Struct({
    update: Schema.Struct({
      began: Schema.NullOr(Schema.String),
      next: Schema.String,
      since: Schema.String,
      from: Connection.Day,
    }),
  }),
  /** The transactions booked in a span of days, in parts: how many were read, which one last, and since when to follow. */
  Schema.Struct({
    list: Schema.Struct({
      from: Connection.Day,
      to: Connection.Day,
      offset: Schema.Natural,
      last: Schema.optionalKey(Schema.String),
      since: Schema.String,
    }),
  }),
])
type Place = typeof Place.Type
const PlaceJson = Schema.fromJsonString(Place)

/** Rows in one answer of Plaid's; 500 is the most. */
export const PageSize = Context.Reference("@holdfast/adapters-plaid/PageSize", { defaultValue: () => 500 })

/** Rows after which an update is delivered in parts: some megabytes. */
export const PartSize = Context.Reference("@holdfast/adapters-plaid/PartSize", { defaultValue: () => 10_000 })

/** How often an update is read again because the data changed under it, before the run gives up for now. */
export const Restarts = Context.Reference("@holdfast/adapters-plaid/Restarts", { defaultValue: () => 5 })

/** The provider on a Plaid to talk to. */
export const make = Effect.gen(function* () {
  const api = yield* PlaidApi

  return {
    ...supplier,

    // Access tokens do not expire. What does is the consent, which only the owner can renew.
    expiresAt: () => undefined,
    refresh: Effect.succeed,

    sources: Effect.fn("PlaidProvider.sources")(function* (secret) {
      const granted = PlaidSecret.granted(secret)
      const institution = PlaidAccounts.institutionOf(granted.metadata)
      const today = yield* dayOf(0)
      const accounts = yield* Effect.mapError(api.item(PlaidSecret.access(granted)).accounts, providerError)
      return accounts.filter(PlaidAccounts.hasTransactions).map((account) => ({
        key: account.account_id,
        account: PlaidAccounts.descriptionOf(account, { institution, today }),
      }))
    }),

    page: Effect.fn("PlaidProvider.page")(function* (secret, source, cursor, isHeld, resumeFrom) {
      const granted = PlaidSecret.granted(secret)
      const feed: OpenFeed = {
        item: api.item(PlaidSecret.access(granted)),
        accountId: source.key,
        historyFrom: granted.historyFrom,
        isHeld: (id) => isHeld(Feed.ItemId.make(id)),
      }
      const place = yield* placeOf(cursor, resumeFrom)
      const delivered = yield* Effect.mapError(deliver(feed, place), (error) =>
        "follow" in place && error.endpoint === "transactions/sync" && isCursorRefused(error)
          ? providerErrorOf(new Provider.CursorExpired())
          : providerError(error),
      )
      return {
        items: recordsOf(delivered.added),
        revised: recordsOf(delivered.revised),
        withdrawn: delivered.withdrawn.map((id) => Feed.ItemId.make(id)),
        known: delivered.known,
        cursor: Schema.encodeSync(PlaceJson)(delivered.next),
        complete: delivered.complete,
        ...(delivered.coversFrom !== undefined && { coversFrom: delivered.coversFrom }),
      } satisfies Provider.Page
    }),

    transaction: PlaidAccounts.transactionOf,

    remove: (secret) =>
      api.item(PlaidSecret.access(PlaidSecret.granted(secret))).remove.pipe(
        Effect.catchReason("PlaidError", "AuthorizationEnded", () => Effect.void),
        Effect.mapError(providerError),
      ),
  } satisfies Provider.Provider
})

interface OpenFeed {
  readonly item: Item
  readonly accountId: string
  readonly historyFrom: Connection.Day
  readonly isHeld: (id: string) => boolean
}

interface Delivered {
  readonly added: ReadonlyArray<Transaction>
  readonly revised: ReadonlyArray<Transaction>
  readonly withdrawn: ReadonlyArray<string>
  readonly known: number
  readonly next: Place
  readonly complete: boolean
  readonly coversFrom?: Connection.Day | undefined
}

const deliver = (feed: OpenFeed, place: Place): Effect.Effect<Delivered, PlaidError> => {
  if ("follow" in place) {
    return follow(feed, place.follow.cursor, place.follow.from, place.follow.overlaps === true)
  }
  if ("update" in place) return goOn(feed, place.update)
  if ("list" in place) return list(feed, place.list)
  const { from } = place.wait
  return from === undefined || from <= feed.historyFrom
    ? follow(feed, null, feed.historyFrom, false)
    : resume(feed, from)
}

/** The update since a cursor, whole; or its first part, where it is long. */
const follow = Effect.fnUntraced(function* (
  feed: OpenFeed,
  began: string | null,
  from: Connection.Day,
  overlaps: boolean,
) {
  const whole = yield* restarting(readUpdate(feed, began, began), Effect.fail)
  if (whole.hasMore) {
    // Too long to be held. What is read from here on may change before it is recorded.
    const taken = yield* now(feed)
    const part = yield* restarting(readUpdate(feed, began, began), Effect.fail)
    return partOf(feed, { began, since: taken.next_cursor, from }, part)
  }
  if (whole.cursor === "") return nothing({ wait: {} })
  return {
    ...sortedOut(feed, whole, overlaps),
    next: { follow: { cursor: whole.cursor, from } },
    complete: true,
    coversFrom: whole.status === historyIsRead ? from : undefined,
  } satisfies Delivered
})

/** The next part of a long update; from its beginning, if the next one cannot be had. */
const goOn = Effect.fnUntraced(function* (
  feed: OpenFeed,
  { next, ...update }: Extract<Place, { readonly update: unknown }>["update"],
) {
  const fromBeginning = readUpdate(feed, update.began, update.began)
  const part = yield* restarting(readUpdate(feed, update.began, next), (error) =>
    isEnded(error) ? Effect.fail(error) : restarting(fromBeginning, Effect.fail),
  )
  return partOf(feed, update, part)
})

const partOf = (
  feed: OpenFeed,
  update: Omit<Extract<Place, { readonly update: unknown }>["update"], "next">,
  part: Update,
): Delivered => ({
  ...sortedOut(feed, part, false),
  next: part.hasMore
    ? { update: { ...update, next: part.cursor } }
    : { follow: { cursor: update.since, from: update.from, overlaps: true } },
  complete: false,
})

/** The first look of a resumption: takes the cursor, then reads what was booked since the day. */
const resume = Effect.fnUntraced(function* (feed: OpenFeed, from: Connection.Day) {
  const { next_cursor, transactions_update_status: status } = yield* now(feed)
  // Until Plaid has read the whole history, all of it would come as news.
  if (next_cursor === "" || (status !== undefined && unfinished.has(status))) return nothing({ wait: { from } })
  // A bank may book days ahead.
  const to = yield* dayOf(31)
  const listed = yield* list(feed, { from, to, offset: 0, since: next_cursor })
  if (!("follow" in listed.next)) return listed
  // What was booked after the cursor was taken, listed, and taken back at once, no update tells of. So where something
  // may have changed meanwhile, a list that fits into one part is read once more. Once: no document says that Plaid's
  // cursor stays the same where nothing changed.
  const { settled, since } = yield* settledOn(feed, listed, next_cursor, from)
  return settled ?? (yield* list(feed, { from, to, offset: 0, since }))
})

/** What a list and the update after it say together, if nothing changed between them; nothing otherwise. */
const settledOn = Effect.fnUntraced(function* (feed: OpenFeed, listed: Delivered, since: string, from: Connection.Day) {
  const update = yield* restarting(readUpdate(feed, since, since), Effect.fail)
  if (update.cursor !== since || update.hasMore) return { settled: undefined, since: update.cursor }
  const coversFrom = update.status === historyIsRead ? from : undefined
  const next: Place = { follow: { cursor: since, from } }
  return { settled: { ...listed, next, complete: true, coversFrom } satisfies Delivered, since }
})

/** The next part of the transactions since a day. */
const list = Effect.fnUntraced(function* (feed: OpenFeed, place: Extract<Place, { readonly list: unknown }>["list"]) {
  const count = yield* PageSize
  const partSize = yield* PartSize
  const rows: Array<Transaction> = []
  let { last, offset } = place
  let restarts = 0
  for (;;) {
    // The last row that was read must be there again: if a row before it is gone, others moved up behind our back.
    const page: TransactionsPage = yield* feed.item.transactions({
      accountId: feed.accountId,
      from: place.from,
      to: place.to,
      offset: last === undefined ? 0 : offset - 1,
      count,
    })
    const overlap = page.transactions.findIndex(({ transaction_id }) => transaction_id === last)
    if (last !== undefined && overlap === -1 && restarts < (yield* Restarts)) {
      restarts += 1
      last = undefined
      continue
    }
    if (last === undefined) offset = 0
    const fresh = page.transactions.slice(overlap + 1)
    rows.push(...fresh)
    offset = (last === undefined ? 0 : offset) + fresh.length
    last = page.transactions.at(-1)?.transaction_id ?? last
    const isWhole = fresh.length === 0 || offset >= page.total_transactions
    if (!isWhole && rows.length < partSize) continue
    const { from, since, to } = place
    return {
      ...sortedOut(feed, { added: rows, modified: [], removed: [] }, false),
      next: isWhole
        ? { follow: { cursor: since, from, overlaps: true } }
        : { list: { from, to, offset, since, ...(last !== undefined && { last }) } },
      complete: false,
    } satisfies Delivered
  }
})

interface Update {
  readonly added: ReadonlyArray<Transaction>
  readonly modified: ReadonlyArray<Transaction>
  readonly removed: ReadonlyArray<string>
  readonly cursor: string
  readonly hasMore: boolean
  readonly status?: string | undefined
}

/** Pages of an update until there are no more, or a part is full. What its pages say of one row is told once. */
const readUpdate = Effect.fnUntraced(function* (feed: OpenFeed, began: string | null, next: string | null) {
  const count = yield* PageSize
  const partSize = yield* PartSize
  const added = new Map<string, Transaction>()
  const modified = new Map<string, Transaction>()
  const removed = new Set<string>()
  let cursor = next
  for (;;) {
    const page = yield* feed.item.sync({ accountId: feed.accountId, cursor, count })
    for (const row of page.added) {
      removed.delete(row.transaction_id)
      added.set(row.transaction_id, row)
    }
    for (const row of page.modified) (added.has(row.transaction_id) ? added : modified).set(row.transaction_id, row)
    for (const { transaction_id } of page.removed) {
      added.delete(transaction_id)
      modified.delete(transaction_id)
      removed.add(transaction_id)
    }
    cursor = page.next_cursor
    if (page.has_more && added.size + modified.size + removed.size < partSize) continue
    return {
      added: [...added.values()],
      modified: [...modified.values()],
      removed: [...removed],
      cursor: cursor === "" ? (began ?? "") : cursor,
      hasMore: page.has_more,
      status: page.transactions_update_status,
    } satisfies Update
  }
})

/** Reads an update again from its first cursor while the data changes under it. */
const restarting = <A>(
  update: Effect.Effect<A, PlaidError>,
  otherwise: (error: PlaidError) => Effect.Effect<A, PlaidError>,
) =>
  Effect.flatMap(Restarts, (times) =>
    Effect.retry(update, { while: ({ code }) => code === "TRANSACTIONS_SYNC_MUTATION_DURING_PAGINATION", times }),
  ).pipe(Effect.catch(otherwise))

/** What a feed makes of an update, by what it holds. */
const sortedOut = (
  { isHeld }: OpenFeed,
  { added, modified, removed }: Pick<Update, "added" | "modified" | "removed">,
  overlaps: boolean,
) => {
  const isKnown = ({ transaction_id }: Transaction) => isHeld(transaction_id)
  const again = added.filter(isKnown)
  return {
    added: [...added, ...modified].filter((row) => !isKnown(row)),
    revised: [...(overlaps ? again : []), ...modified.filter(isKnown)],
    withdrawn: removed.filter(isHeld),
    known: overlaps ? 0 : again.length,
  }
}

const now = ({ accountId, item }: OpenFeed) => item.sync({ accountId, cursor: "now", count: 1 })

const nothing = (next: Place): Delivered => ({ added: [], revised: [], withdrawn: [], known: 0, next, complete: true })

const placeOf = (cursor: string | null, resumeFrom: string | undefined) =>
  cursor === null
    ? Effect.map(
        Effect.orDie(Schema.decodeUnknownEffect(Schema.UndefinedOr(Connection.Day))(resumeFrom)),
        (from): Place => ({ wait: from === undefined ? {} : { from } }),
      )
    : Effect.mapError(Schema.decodeEffect(PlaceJson)(cursor), () =>
        providerErrorOf(new Provider.UnexpectedAnswer({ problem: "a cursor that is not ours" })),
      )

const recordsOf = (rows: ReadonlyArray<Transaction>) =>
  rows.map((row) => ({ id: Feed.ItemId.make(row.transaction_id), content: row }))

/** The day that is so many days from now, in UTC. */
const dayOf = (days: number) =>
  Effect.map(DateTime.now, (now) => Connection.Day.make(DateTime.formatIsoDateUtc(DateTime.add(now, { days }))))

const historyIsRead = "HISTORICAL_UPDATE_COMPLETE"

const unfinished: ReadonlySet<string> = new Set(["NOT_READY", "INITIAL_UPDATE_COMPLETE"])

/** A cursor that Plaid does not know, or not any more, is a bad argument to it; the others are always the same. */
const isCursorRefused = ({ code }: PlaidError) => code === "INVALID_FIELD" || code === "INVALID_CURSOR"

/** No part can be had, from wherever. */
const isEnded = ({ reason }: PlaidError) => reason._tag === "AuthorizationEnded" || reason._tag === "RateLimited"

const providerErrorOf = (reason: Provider.ProviderError["reason"]) =>
  new Provider.ProviderError({ provider: id, reason })

const providerError = ({ reason }: PlaidError) => providerErrorOf(reason)
