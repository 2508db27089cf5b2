/**
 * What balances say of the books: the last check of what a feed's items were taken for. Pure.
 *
 * Two things make a balance and the books disagree: rows that were matched wrongly, and a bank that says yesterday's
 * balance, or one with pending payments in it. They differ in what becomes of them: an error stays, a stale balance
 * does not. So a balance counts when another one vouches for it: both are of different days, differ, and differ by
 * what was booked between them. Where vouched balances before and after the items contradict the books, and few
 * decisions the other way round would explain that to the cent, those become questions. Anything else asks nobody.
 */
import type * as Account from "./Account.ts"
import type * as Feed from "./Feed.ts"
import { type FeedId } from "./Ids.ts"
import { type Findings } from "./LedgerFindings.ts"
import { addressOf, type Ledger, rootOf, sameAsOf, type Standing, standingOf } from "./LedgerRows.ts"
import { current } from "./matching/TransactionPolicy.ts"
import { dateOf, dayOf, type Decision, type Held, isPending } from "./matching/TransactionRow.ts"
import * as Transactions from "./matching/Transactions.ts"

/** Days, up to the last one that feeds have in common, whose items are in question. */
const lately = 45

/** Days beyond which two rows are never one. */
const apart = 10

/** Balances that are looked through for one that vouches for another; after so many more, nothing new is learnt. */
const vouchers = 10

/** Where the books are off and nothing explains it, nobody is asked. */
const policy = { ...current, limits: { ...current.limits, suspects: 0 } }

/** Items of a feed whose matching the balances put in doubt, to be asked about. */
export const doubted = (ledger: Ledger, feedId: FeedId): Findings["asked"] => {
  const since = inQuestionSince(ledger, feedId)
  const balances = since === undefined ? undefined : endsOf(ledger, since)
  if (balances === undefined) return []
  const { balance, decisions } = Transactions.reconcile({
    ...asDelivered(ledger, feedId, balances.opening.date),
    sameGeneration: false,
    unstableReferences: false,
    balances,
    policy,
  })
  const delivered = new Map(standingOf(ledger, feedId).map((entry) => [entry.address, entry]))
  return decisions.flatMap((decision) => {
    const entry = delivered.get(decision.row)
    if (entry === undefined || ledger.questions.has(entry.address)) return []
    const candidates = doubtsOf(ledger, entry, decision, balance.outcome === "balanced")
    return candidates.length === 0 ? [] : [{ item: entry.item.item, candidates, reason: "out_of_balance" }]
  })
}

/** The first day of a feed's items that other feeds may have delivered too, unless all was looked at long since. */
const inQuestionSince = (ledger: Ledger, feedId: FeedId): string | undefined => {
  const { balances, covered, feeds } = ledger
  if (balances.length < 3) return undefined
  const ends = feeds.flatMap((other) => (other === feedId ? [] : (covered.get(other)?.to ?? [])))
  const [last] = ends.toSorted().toReversed()
  if (last === undefined) return undefined
  const end = dateOf(dayOf(last) + apart)
  const after = new Set(
    balances.flatMap((balance) => (balance.feedId === feedId && balance.on > end ? balance.on : [])),
  )
  if (after.size > vouchers) return undefined
  const dates = standingOf(ledger, feedId).map(({ transaction }) => transaction.date)
  const first = dates.reduce((a, b) => (a < b ? a : b), end)
  const earliest = dateOf(dayOf(end) - lately)
  return first > earliest ? first : earliest
}

/** A balance, in the sign of money in the account, and what it says was in it before everything that is looked at. */
interface Level {
  readonly on: string
  readonly amount: number
  readonly before: bigint
}

/** The last balance before a day, and the newest one, that others vouch for. */
const endsOf = (ledger: Ledger, since: string): Transactions.Request["balances"] => {
  const balances = balancesOf(ledger)
  const first = balances.findLastIndex(({ on }) => on < since)
  const looked = balances.slice(Math.max(0, first + 1 - vouchers))
  const [oldest] = looked
  if (first < 1 || oldest === undefined) return undefined
  const booked = bookedAfter(ledger, oldest.on)
  const [currency, ...currencies] = new Set(booked.map(({ currency }) => currency))
  if (currency === undefined || currencies.length > 0) return undefined
  for (const sign of [1, -1]) {
    const levels = looked.map(({ amount, on }): Level => {
      const out = booked.reduce((sum, row) => (row.date <= on ? sum + BigInt(row.amount) : sum), 0n)
      return { on, amount: sign * amount, before: BigInt(sign * amount) + out }
    })
    const opening = lastVouched(levels.filter(({ on }) => on < since))
    if (opening === undefined) continue
    const closing = lastVouched(levels.filter(({ on }) => on >= opening.on))
    if (closing === undefined || closing.on !== levels.at(-1)?.on) return undefined
    return {
      currency,
      opening: { date: opening.on, amount: opening.amount },
      closing: { date: closing.on, amount: closing.amount },
    }
  }
  return undefined
}

/** A balance that has not moved vouches for nothing: it may never have been looked at. */
const lastVouched = (levels: ReadonlyArray<Level>) =>
  levels.findLast(({ amount, before, on }) =>
    levels.some((other) => other.on < on && other.amount !== amount && other.before === before),
  )

/** What the feeds of the account said last of each day, oldest first. */
const balancesOf = ({ balances, feeds }: Ledger): ReadonlyArray<{ readonly on: string; readonly amount: number }> => {
  const byDay = new Map<string, number>()
  for (const { amount, feedId, on } of balances) if (feeds.includes(feedId)) byDay.set(on, amount)
  return Array.from(byDay, ([on, amount]) => ({ on, amount })).toSorted((a, b) => (a.on < b.on ? -1 : 1))
}

/** What stands in the books after a day. What a person is asked about does not count beside what it may be. */
const bookedAfter = (ledger: Ledger, day: string) =>
  ledger.feeds.flatMap((feedId) =>
    standingOf(ledger, feedId).flatMap(({ row, transaction }) => {
      const isBooked = row.status === "held" && row.same_as_feed === null && !isPending(transaction)
      return isBooked && transaction.date > day && !mayBeBooked(ledger, row) ? [transaction] : []
    }),
  )

const mayBeBooked = (ledger: Ledger, { may_be_feed, may_be_item }: Standing["row"]) => {
  if (may_be_feed === null || may_be_item === null) return false
  const root = addressOf(ledger.tenantId, rootOf(ledger, { feedId: may_be_feed, item: may_be_item }))
  const transaction = ledger.items.get(root)?.transaction
  return ledger.rows.rows.get(root)?.row.status === "held" && transaction !== undefined && !isPending(transaction)
}

/** What the feed delivered after a day, and what was held beside it, as if it were all delivered now. */
const asDelivered = (ledger: Ledger, feedId: FeedId, day: string) => {
  const near = dateOf(dayOf(day) - apart)
  const others = ledger.feeds.filter((other) => other !== feedId)
  const held = others.flatMap((other) =>
    standingOf(ledger, other).flatMap(({ address, row, transaction }): ReadonlyArray<Held> => {
      const isItself = row.same_as_feed === null || row.same_as_feed === feedId
      if (row.status !== "held" || !isItself || transaction.date <= near) return []
      return [{ ...transaction, id: address, aliases: [], edited: false, deleted: false, lapsed: false }]
    }),
  )
  const delivered = standingOf(ledger, feedId).flatMap(({ address, row, transaction }) =>
    row.status === "held" && row.same_as_feed !== feedId && transaction.date > day
      ? [{ ...transaction, id: address }]
      : [],
  )
  const spans = others.flatMap((other) => ledger.covered.get(other) ?? [])
  const own = ledger.covered.get(feedId)
  const coverage = {
    held: spans.length === 0 ? null : spans.reduce(spanning),
    ...(own !== undefined && { delivered: own }),
  }
  return { held, delivered, coverage }
}

const spanning = (a: Account.Days, b: Account.Days): Account.Days => ({
  from: a.from < b.from ? a.from : b.from,
  to: a.to > b.to ? a.to : b.to,
})

/** What the item may be, if it is not what it was taken for. */
const doubtsOf = (
  ledger: Ledger,
  { item, row }: Standing,
  decision: Decision,
  isBalanced: boolean,
): ReadonlyArray<Feed.ItemRef> => {
  const itemOf = (address: string): ReadonlyArray<Feed.ItemRef> => {
    const found = ledger.rows.rows.get(address)?.row
    const isTaken = found === undefined || (found.same_as_feed === item.feedId && found.same_as_item === item.item)
    return isTaken ? [] : [{ feedId: found.feed_id, item: found.item_id }]
  }
  if (decision.action === "review") {
    return decision.doubt === "out_of_balance" ? decision.candidates.flatMap(itemOf) : []
  }
  // Where all pages together add up, they say what each by itself could not.
  const taken = sameAsOf(row)
  if (!isBalanced) return []
  if (decision.action === "insert" && taken !== undefined && taken.feedId !== item.feedId) return [taken]
  return decision.action === "merge" && taken === undefined ? itemOf(decision.into) : []
}
