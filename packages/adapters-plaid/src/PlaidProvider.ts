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
 * booked since a day) is delivered in parts. For that the cursor **now** is taken
 * first, and moved on with every part:
 *
 * ```text
 * take "now" ──▶ read a part ──▶ read the update since ──▶ read the part again, if the cursor moved
 *                    ▲                                                  │
 *                    └──────────── deliver, and go on ◀─────────────────┘
 * ```
 *
 * No update tells of a row that came after its first cursor and went before its last.
 * So of a part only what was there before **and** after the update is delivered, and
 * the update with it. All of that was there when the update ended, and the next update
 * tells if it goes; what only the second reading shows, the next update tells as well.
 * So whatever happens at the bank meanwhile, what is delivered is what Plaid has at the
 * cursor that is kept. It costs a call for each part, and a second reading of those
 * parts during which Plaid's cursor moved.
 *
 * What was booked since a day is read by days and not by offsets, which shift with
 * every row that comes or goes. Where one answer does not hold a day, or comes in
 * another order, the history is read from its beginning instead, as a long update.
 *
 * A cursor that Plaid forgot (it is good for a year at least) leaves nobody to tell what
 * changed since: everything is read anew, and what is held already is delivered as it is
 * now, to be compared. Without a cursor Plaid tells "the entire history of updates", so
 * what it does not tell of is gone, unless that is most of what is held. A feed that was
 * resumed from a day is read from that day: of what is gone since, and of rows from before
 * that day, it learns nothing; and so it is where the run that began to read anew does not
 * come to the end, which takes more than ten thousand rows and a failure.
 *
 * This rests on Plaid's two endpoints showing the same at any moment, and on no id
 * being given twice.
 *
 * @see https://plaid.com/docs/api/products/transactions/#transactionssync
 */
import { Connection, Feed, Ids, Provider } from "@holdfast/domain"
import { Context, DateTime, Effect, Schema } from "effect"

import * as PlaidAccounts from "./PlaidAccounts.ts"
import { PlaidApi, type Transaction } from "./PlaidApi.ts"
import { type PlaidError } from "./PlaidError.ts"
import * as PlaidReading from "./PlaidReading.ts"
import * as PlaidSecret from "./PlaidSecret.ts"

export { PageSize, Restarts } from "./PlaidReading.ts"

export const id = Ids.ProviderId.make("plaid")

/** What matching goes by: one call brings at most 500 transactions. */
export const supplier = { id, itemsPerCall: 500 }

/** How a feed's cursor is written. */
const Place = Schema.Union([
  /** Plaid has no transactions yet, or not all that a resumption needs. */
  Schema.Struct({ wait: Schema.Struct({ from: Schema.optionalKey(Connection.Day) }) }),
  /** Everything up to this cursor is delivered, from that day on. */
  Schema.Struct({ follow: Schema.Struct({ cursor: Schema.String, from: Connection.Day }) }),
  /**
   * A long update, in parts: where it began, where its next part starts, and since when to follow what changed; and how
   * often it was begun again because it was not there any more, or not the same twice.
   */
  Schema.Struct({
    update: Schema.Struct({
      began: Schema.NullOr(Schema.String),
      next: Schema.NullOr(Schema.String),
      since: Schema.String,
      from: Connection.Day,
      restarted: Schema.optionalKey(Schema.Natural),
    }),
  }),
  /** What was booked in a span of days, in parts, the last days first; and since when to follow what changed. */
  Schema.Struct({
    list: Schema.Struct({ from: Connection.Day, to: Connection.Day, since: Schema.String }),
  }),
])
type Place = typeof Place.Type
type LongUpdate = Extract<Place, { readonly update: unknown }>["update"]
type Span = Extract<Place, { readonly list: unknown }>["list"]
const PlaceJson = Schema.fromJsonString(Place)

/** Rows after which what is read is delivered, and the rest in further parts: some megabytes. */
export const PartSize = Context.Reference("@holdfast/adapters-plaid/PartSize", { defaultValue: () => 10_000 })

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
        !("wait" in place) && error.endpoint === "transactions/sync" && isCursorRefused(error)
          ? providerErrorOf(new Provider.CursorExpired())
          : providerError(error),
      )
      return {
        items: recordsOf(delivered.added),
        revised: recordsOf(delivered.revised),
        withdrawn: delivered.withdrawn.map((id) => Feed.ItemId.make(id)),
        known: delivered.present.length,
        present: recordsOf(delivered.present),
        cursor: Schema.encodeSync(PlaceJson)(delivered.next),
        complete: delivered.complete,
        ...(delivered.coversFrom !== undefined && { coversFrom: delivered.coversFrom }),
        ...(delivered.listing !== undefined && {
          listing: { ...delivered.listing, ids: delivered.listing.ids.map((id) => Feed.ItemId.make(id)) },
        }),
        ...(delivered.stoppedBy !== undefined && { stoppedBy: providerErrorOf(delivered.stoppedBy) }),
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

interface OpenFeed extends PlaidReading.Source {
  readonly historyFrom: Connection.Day
  readonly isHeld: (id: string) => boolean
}

interface Delivered {
  readonly added: ReadonlyArray<Transaction>
  readonly revised: ReadonlyArray<Transaction>
  readonly withdrawn: ReadonlyArray<string>
  /** Held already. */
  readonly present: ReadonlyArray<Transaction>
  readonly listing?: { readonly ids: ReadonlyArray<string>; readonly isLast: boolean } | undefined
  readonly next: Place
  readonly complete: boolean
  readonly coversFrom?: Connection.Day | undefined
  readonly stoppedBy?: Provider.Unavailable | undefined
}

const deliver = (feed: OpenFeed, place: Place): Effect.Effect<Delivered, PlaidError> => {
  if ("follow" in place) return follow(feed, place.follow.cursor, place.follow.from)
  if ("update" in place) return goOn(feed, place.update)
  if ("list" in place) return list(feed, place.list)
  const { from } = place.wait
  return from === undefined || from <= feed.historyFrom ? follow(feed, null, feed.historyFrom) : resume(feed, from)
}

/** The update since a cursor, whole; where it is too long to be held, only how to read it in parts. */
const follow = Effect.fnUntraced(function* (feed: OpenFeed, began: string | null, from: Connection.Day) {
  const update = yield* PlaidReading.restarting(PlaidReading.readUpdate(feed, began, began, yield* PartSize))
  if (update.hasMore) {
    const { next_cursor: since } = yield* now(feed)
    return { ...nothing({ update: { began, next: began, since, from } }), complete: false }
  }
  return update.cursor === ""
    ? nothing({ wait: {} })
    : partOf(feed, update, { follow: { cursor: update.cursor, from } }, began)
})

/**
 * The next part of a long update. Where it is not there any more, or not the same twice, the update begins again; after
 * so many times with the next run.
 */
const goOn = Effect.fnUntraced(function* (feed: OpenFeed, update: LongUpdate) {
  const { began, from, next, restarted = 0, since } = update
  const pages = PlaidReading.readUpdate(feed, began, next, yield* PartSize)
  const reading =
    next === began
      ? PlaidReading.restarting(pages)
      : Effect.catchIf(
          pages,
          (error) => PlaidReading.isChanging(error) || isCursorRefused(error),
          () => Effect.succeed({ told: PlaidReading.nothingTold, cursor: began, hasMore: true }),
        )
  const { again, first, part } = yield* PlaidReading.settled(feed, since, reading)
  const isOne = PlaidReading.isSame(first.told, again.told)
  if (isOne && !again.hasMore) return partOf(feed, part, { follow: { cursor: part.cursor, from } }, began)
  if (isOne && again.cursor !== began) {
    return partOf(feed, part, { update: { ...update, next: again.cursor, since: part.cursor } }, began)
  }
  if (restarted >= (yield* PlaidReading.Restarts)) {
    return { ...nothing({ update: { began, next: began, since, from } }), complete: false, stoppedBy: changing }
  }
  const place = { update: { began, next: began, since: part.cursor, from, restarted: restarted + 1 } }
  return partOf(feed, part, place, began)
})

/** What was delivered of it is held; it is read from its beginning when it is asked for again. */
const changing = new Provider.Unavailable({ problem: "a long update that changes whenever it is read" })

/** The first look of a resumption: takes the cursor, then reads what was booked since the day. */
const resume = Effect.fnUntraced(function* (feed: OpenFeed, from: Connection.Day) {
  const { next_cursor: since, transactions_update_status: status } = yield* now(feed)
  // Until Plaid has read the whole history, all of it would come as news.
  if (since === "" || (status !== undefined && unfinished.has(status))) return nothing({ wait: { from } })
  // A bank may book days ahead.
  return yield* list(feed, { from, to: yield* dayOf(31), since })
})

/** The next part of what was booked in a span of days; where it cannot be read by days, all of it as an update. */
const list = Effect.fnUntraced(function* (feed: OpenFeed, { from, since, to }: Span) {
  const reading = PlaidReading.readDays(feed, from, to, yield* PartSize)
  const { again, first, part } = yield* PlaidReading.settled(feed, since, reading)
  const left = laterOf(first.left, again.left)
  if (left === undefined) return partOf(feed, part, { follow: { cursor: part.cursor, from } })
  return partOf(
    feed,
    part,
    left < to
      ? { list: { from, to: left, since: part.cursor } }
      : { update: { began: null, next: null, since: part.cursor, from: feed.historyFrom } },
  )
})

const laterOf = (one: Connection.Day | undefined, other: Connection.Day | undefined) =>
  one === undefined || (other !== undefined && other > one) ? other : one

/**
 * A part that is good for a cursor, and whether it is the last one. The whole history of an update that began without a
 * cursor is all there is: what is held and not in it is not at Plaid any more.
 */
const partOf = (
  feed: OpenFeed,
  { status, told }: Pick<PlaidReading.Update, "status" | "told">,
  next: Place,
  began?: string | null,
): Delivered => {
  const isWhole = "follow" in next && status === historyIsRead
  return {
    ...sortedOut(feed, told),
    next,
    complete: "follow" in next,
    coversFrom: isWhole ? next.follow.from : undefined,
    listing: began === null ? { ids: [...told.added.keys(), ...told.modified.keys()], isLast: isWhole } : undefined,
  }
}

/** What a feed makes of what is told, by what it holds. */
const sortedOut = ({ isHeld }: OpenFeed, told: PlaidReading.Told) => {
  const isKnown = ({ transaction_id }: Transaction) => isHeld(transaction_id)
  const added = [...told.added.values()]
  const modified = [...told.modified.values()]
  return {
    added: [...added, ...modified].filter((row) => !isKnown(row)),
    revised: modified.filter(isKnown),
    withdrawn: [...told.removed].filter(isHeld),
    present: added.filter(isKnown),
  }
}

const now = ({ accountId, item }: OpenFeed) => item.sync({ accountId, cursor: "now", count: 1 })

const nothing = (next: Place): Delivered => ({
  added: [],
  revised: [],
  withdrawn: [],
  present: [],
  next,
  complete: true,
})

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

const providerErrorOf = (reason: Provider.ProviderError["reason"]) =>
  new Provider.ProviderError({ provider: id, reason })

const providerError = ({ reason }: PlaidError) => providerErrorOf(reason)
