/**
 * What a page adds to the tape of its feed: the items, in events that the log takes, and what is said of items that were
 * not delivered or are there already.
 */
import { type DateTime, HashMap, HashSet, Option, Schema } from "effect"

import * as Account from "./Account.ts"
import * as Connection from "./Connection.ts"
import * as Feed from "./Feed.ts"
import * as Holdings from "./Holdings.ts"
import * as Ledger from "./Ledger.ts"
import { type Balance } from "./matching/Profile.ts"
import * as Personal from "./Personal.ts"
import { type Page, type Provider } from "./Provider.ts"
import { type OpenFeed, type Streams } from "./SyncSources.ts"

/** A source whose pages are put on the tape, one after the other. */
export interface Taping {
  readonly provider: Pick<Provider, "id">
  readonly feed: OpenFeed
  readonly run: string
  /** Whether any page of the run so far has told anything. */
  readonly bringsNews: boolean
  /** What a listing of all there is has shown so far; none where this run did not begin one, or it is over. */
  readonly listed: ReadonlySet<Feed.ItemId> | undefined
}

/** The items that a page delivers, revises and takes back, and the balance with the last one. */
export const deliveries = (
  taping: Taping,
  streams: Streams,
  ledger: Ledger.Ledger | undefined,
  page: Page,
  at: DateTime.Utc,
): ReadonlyArray<Feed.Command> => {
  const { feedId, source } = taping.feed
  const { itemIds: held } = streams.feed.state
  const delivery = deliveryOf(taping, streams, at)
  const batch = (items: Items) => ({
    ...delivery,
    itemIds: items.map(({ id }) => id),
    personal: Personal.reveal({ items: items.map(({ content }) => content) }),
  })
  const alsoKnown = (ids: ReadonlyArray<Feed.ItemId>) => {
    const knownAs = ledger === undefined ? [] : Ledger.knownAs(ledger, feedId, ids)
    return knownAs.length === 0 ? {} : { knownAs }
  }
  const { revised = [], withdrawn = [] } = page
  const balance = page.complete && taping.bringsNews ? soundBalance(source.account?.balance) : undefined
  const isHeld = ({ id }: Items[number]) => HashSet.has(held, id)
  // Changed before it was ever delivered: outside the days that were asked for, say.
  const unheld = revised.filter((item) => !isHeld(item))
  return [
    ...batchesOf([...page.items, ...unheld]).map((items) => Feed.Command.cases.RecordItems.make(batch(items))),
    ...batchesOf(revised.filter(isHeld)).map((items) =>
      Feed.Command.cases.ReviseItems.make({ ...batch(items), ...alsoKnown(items.map(({ id }) => id)) }),
    ),
    ...chunksOf(withdrawn).map((itemIds) =>
      Feed.Command.cases.WithdrawItems.make({ ...delivery, ...alsoKnown(itemIds), itemIds }),
    ),
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

/** What is to be said of items that were not delivered, and of those that are there already. */
export const standings = (
  taping: Taping,
  streams: Streams,
  held: Feed.State,
  page: Page,
  at: DateTime.Utc,
): ReadonlyArray<Feed.Command> => {
  const before = streams.others.holdings
  const delivery = deliveryOf(taping, streams, at)
  // What others recorded while it was listed may have come behind the pages that were read.
  const missed =
    !taping.feed.isMatched && page.listing?.isLast === true && taping.listed !== undefined
      ? Holdings.unlisted(taping.feed.streams.others.holdings, held, taping.listed)
      : []
  // Whatever is listed is there, whatever was observed of it before.
  const listed = (page.listing?.ids ?? []).map((item): Feed.Observation => ({ item, as: "returned" }))
  // What was listed here and could not be had is not waited for any more where another feed has it.
  const hadElsewhere = Array.from(HashMap.keys(held.deferred))
    .filter((item) => HashSet.has(before.itemIds, item))
    .map((item): Feed.Observation => ({ item, as: "returned" }))
  const observed = Holdings.news(before, held, [...hadElsewhere, ...listed, ...missed, ...(page.observed ?? [])])
  const open = Holdings.deferred(before, held)
  const deferred = (page.deferred ?? []).map(({ item, reason }) => ({
    item,
    reason,
    attempts: 1 + Option.match(HashMap.get(open, item), { onNone: () => 0, onSome: ({ attempts }) => attempts }),
  }))
  return [
    ...chunksOf(deferred).map((some) => Feed.Command.cases.DeferItems.make({ ...delivery, deferred: some })),
    ...chunksOf(page.gone ?? []).map((some) => Feed.Command.cases.RecordGone.make({ ...delivery, gone: some })),
    ...chunksOf(observed).map((some) => Feed.Command.cases.ObserveItems.make({ ...delivery, observed: some })),
  ]
}

const deliveryOf = (
  { feed: { connectionId, source }, provider, run }: Taping,
  { account }: Pick<Streams, "account">,
  at: DateTime.Utc,
) => ({
  at,
  connectionId,
  provider: provider.id,
  ...(account !== undefined && { accountId: Account.idOf(account.streamId) }),
  source: source.key,
  run,
})

/** What could not be recorded is left out: a balance is no reason to stop. */
const soundBalance = (balance: Balance | undefined) =>
  balance !== undefined && Number.isSafeInteger(balance.amount) && isDay(balance.on) ? balance : undefined

const isDay = Schema.is(Connection.Day)

type Items = Page["items"]

/** Characters of items that one event holds, unless a single one has more; and of ids, which stand in its clear part. */
const batchSize = 2_000_000
const idsSize = 200_000

/** Items that one event names without delivering them. */
const namedAtOnce = 500

const chunksOf = <A>(all: ReadonlyArray<A>): ReadonlyArray<ReadonlyArray<A>> =>
  Array.from({ length: Math.ceil(all.length / namedAtOnce) }, (_, index) =>
    all.slice(index * namedAtOnce, (index + 1) * namedAtOnce),
  )

/** The items of a page in their order, a few megabytes in each batch. */
const batchesOf = (items: Items): ReadonlyArray<Items> => {
  const batches: Array<Array<Items[number]>> = []
  let size = Infinity
  let ids = 0
  for (const item of items) {
    const length = charactersOf(item.content)
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

/** About as many as its JSON has, which as a string would be as long as the item once more. */
const charactersOf = (json: Schema.Json): number => {
  if (typeof json === "string") return json.length
  if (typeof json !== "object" || json === null) return 8
  return Object.entries(json).reduce((sum, [key, value]) => sum + key.length + charactersOf(value), 0)
}
