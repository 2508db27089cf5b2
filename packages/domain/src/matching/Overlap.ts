/**
 * The bookings that two accounts have in common, in the days that both cover.
 *
 * Banks date a booking a little differently each time they are asked, so amounts
 * are matched within some days, each booking once: as many as can be. An amount
 * says the more the rarer it is; how rare is left to the policy, which gets the
 * kind of amount and on how many other accounts it stands in those days as well.
 */
import { Schema } from "effect"

import type { Bookings } from "./Profile.ts"

/** Most common first: interest of some cents, hundreds, whole units, prices ending in 99, everything else. */
export const AmountKind = Schema.Literals(["tiny", "hundreds", "round", "price", "odd"])
export type AmountKind = typeof AmountKind.Type

const Amounts = Schema.Struct({ kind: AmountKind, others: Schema.Natural, count: Schema.Natural })
type Amounts = typeof Amounts.Type

export const Overlap = Schema.Struct({
  /** Amounts that both have, each counted once, by kind and by how many other accounts of one side have them too. */
  amounts: Schema.Array(Amounts),
  /** Bookings well within the days that both cover, incoming and held, and how many of them have no counterpart. */
  rows: Schema.Tuple([Schema.Natural, Schema.Natural]),
  unmatched: Schema.Tuple([Schema.Natural, Schema.Natural]),
})
export type Overlap = typeof Overlap.Type

/** Days by which two records of one booking may be apart. */
export const tolerance = 3

export interface Overlaps {
  /** Whether they have an amount in common, on days that go together. Costs next to nothing. */
  readonly isAny: (incoming: number, held: number) => boolean
  /** None where one of them has no bookings, or the days that both cover have none. */
  readonly of: (incoming: number, held: number) => Overlap | undefined
}

/** The overlaps of every incoming account with every held one, by their places in the lists. */
export const between = (
  incoming: ReadonlyArray<Bookings | undefined>,
  held: ReadonlyArray<Bookings | undefined>,
): Overlaps => {
  const amounts = new Map<number, Carriers>()
  const fresh = incoming.map((bookings, account) =>
    coverOf(bookings, (amount, day) => {
      const carriers = amounts.get(amount) ?? { incoming: [], held: [] }
      amounts.set(amount, carriers)
      note(carriers.incoming, account, day)
    }),
  )
  const old = held.map((bookings, account) =>
    coverOf(bookings, (amount, day) => {
      // Amounts that nothing incoming has are of no interest.
      const carriers = amounts.get(amount)
      if (carriers !== undefined) note(carriers.held, account, day)
    }),
  )
  const found: Array<Array<Found | undefined>> = incoming.map(() => [])
  const common = { candidates: [], inside: [], otherInside: [] }
  const amountsOf = telling()
  for (const [amount, { held, incoming }] of amounts) {
    if (held.length === 0) continue
    const rank = ranks.indexOf(kindOf(amount))
    for (const run of incoming) {
      match(run.days, held, fresh[run.account], old, common)
      share(rank, incoming.length, common, (found[run.account] ??= []))
    }
  }
  return {
    isAny: (at, candidate) => found[at]?.[candidate] !== undefined,
    of: (at, candidate) => overlapOf(fresh[at], old[candidate], found[at]?.[candidate], amountsOf),
  }
}

/** What was booked after one day up to another, in minor units; none where the bookings do not cover those days. */
export const sumBetween = ({ from, rows, to }: Bookings, after: string, until: string): number | undefined => {
  if (dayOf(from) > dayOf(after) + 1 || to < until) return undefined
  let sum = 0
  for (const { amount, on } of rows) if (on > after && on <= until) sum += amount
  return sum
}

/** The days that an account covers, and those on which something was booked, in order. */
interface Cover extends Window {
  readonly days: ReadonlyArray<number>
}

interface Window {
  readonly from: number
  readonly to: number
}

/** Who has an amount, account by account. */
interface Carriers {
  readonly incoming: Array<Run>
  readonly held: Array<Run>
}

/** The days on which an account has an amount, in order. */
interface Run {
  readonly account: number
  readonly days: Array<number>
}

/** Held accounts with which at least one day goes together; of the days matched, how many are well inside, on either side. */
interface Common {
  readonly candidates: Array<number>
  readonly inside: Array<number>
  readonly otherInside: Array<number>
}

interface Found {
  /** By turns a sort of amount, that is its kind and how many others have it, and how many there are of it. */
  readonly sorts: Array<number>
  inside: number
  otherInside: number
}

const coverOf = (bookings: Bookings | undefined, visit: (amount: number, day: number) => void): Cover | undefined => {
  if (bookings === undefined) return undefined
  const days: Array<number> = []
  let isOrdered = true
  for (const { amount, on } of bookings.rows) {
    const day = dayOf(on)
    if (day < (days[days.length - 1] ?? day)) isOrdered = false
    days.push(day)
    visit(amount, day)
  }
  return { from: dayOf(bookings.from), to: dayOf(bookings.to), days: isOrdered ? days : days.toSorted(ascending) }
}

/** Accounts come one after another; the days of one come as its provider lists them. */
const note = (runs: Array<Run>, account: number, day: number) => {
  const last = runs[runs.length - 1]
  if (last?.account !== account) {
    runs.push({ account, days: [day] })
    return
  }
  let place = last.days.length
  for (; place > 0 && (last.days[place - 1] ?? day) > day; place--) last.days[place] = last.days[place - 1] ?? day
  last.days[place] = day
}

/** Which held accounts have an amount of an incoming one as well. */
const match = (
  days: ReadonlyArray<number>,
  held: ReadonlyArray<Run>,
  cover: Cover | undefined,
  old: ReadonlyArray<Cover | undefined>,
  common: Common,
) => {
  common.candidates.length = common.inside.length = common.otherInside.length = 0
  if (cover === undefined) return
  const [first = 0, last = 0] = [days[0], days[days.length - 1]]
  for (const run of held) {
    const other = old[run.account]
    if (other === undefined) continue
    const isApart = (run.days[0] ?? 0) - last > tolerance || first - (run.days[run.days.length - 1] ?? 0) > tolerance
    if (!isApart) matchDays(days, run, fromOf(cover, other), toOf(cover, other), common)
  }
}

/** Notes the amount with each of them. */
const share = (rank: number, ofIncoming: number, common: Common, found: Array<Found | undefined>) => {
  const { candidates, inside, otherInside } = common
  const sort = rank * mostOthers + Math.max(candidates.length, ofIncoming) - 1
  for (let at = 0; at < candidates.length; at++) {
    const sum = (found[candidates[at] ?? 0] ??= { sorts: [], inside: 0, otherInside: 0 })
    addTo(sum.sorts, sort)
    sum.inside += inside[at] ?? 0
    sum.otherInside += otherInside[at] ?? 0
  }
}

const addTo = (sorts: Array<number>, sort: number) => {
  for (let at = 0; at < sorts.length; at += 2) {
    if (sorts[at] !== sort) continue
    sorts[at + 1] = (sorts[at + 1] ?? 0) + 1
    return
  }
  sorts.push(sort, 1)
}

type Tell = (sorts: ReadonlyArray<number>) => ReadonlyArray<Amounts>

/** What is the same for many pairs is told once: of sixty accounts with sixty bookings there are thousands of pairs. */
const telling = (): Tell => {
  const told = new Map<number, Map<number, Amounts>>()
  const amountsOf = (sort: number, count: number): Amounts => {
    let counts = told.get(sort)
    if (counts === undefined) told.set(sort, (counts = new Map()))
    let amounts = counts.get(count)
    if (amounts === undefined) {
      const [kind = "odd", others] = [ranks[Math.floor(sort / mostOthers)], sort % mostOthers]
      counts.set(count, (amounts = { kind, others, count }))
    }
    return amounts
  }
  return (sorts) => {
    const amounts: Array<Amounts> = []
    for (let at = 0; at < sorts.length; at += 2) amounts.push(amountsOf(sorts[at] ?? 0, sorts[at + 1] ?? 0))
    return amounts.length > 1 ? amounts.toSorted(byKind) : amounts
  }
}

/** First and last of the days in which a booking of one side must have its counterpart on the other, however it is dated there. */
const fromOf = (one: Window, other: Window) => Math.max(one.from, other.from) + tolerance
const toOf = (one: Window, other: Window) => Math.min(one.to, other.to) - tolerance

/** Taking the earliest that fits is the most that can be matched, and the same from either side. */
const matchDays = (days: ReadonlyArray<number>, run: Run, from: number, to: number, common: Common) => {
  const others = run.days
  let [at, other, count, inside, otherInside] = [0, 0, 0, 0, 0]
  while (at < days.length && other < others.length) {
    const [day = 0, otherDay = 0] = [days[at], others[other]]
    if (day - otherDay > tolerance) other++
    else if (otherDay - day > tolerance) at++
    else {
      count++
      if (day >= from && day <= to) inside++
      if (otherDay >= from && otherDay <= to) otherInside++
      at++
      other++
    }
  }
  if (count === 0) return
  common.candidates.push(run.account)
  common.inside.push(inside)
  common.otherInside.push(otherInside)
}

const overlapOf = (
  cover: Cover | undefined,
  other: Cover | undefined,
  { inside, otherInside, sorts }: Found = nothing,
  amountsOf: Tell,
): Overlap | undefined => {
  if (cover === undefined || other === undefined) return undefined
  const [from, to] = [fromOf(cover, other), toOf(cover, other)]
  const [rows, otherRows] = [countWithin(cover.days, from, to), countWithin(other.days, from, to)]
  if (sorts.length === 0 && rows === 0 && otherRows === 0) return undefined
  return { amounts: amountsOf(sorts), rows: [rows, otherRows], unmatched: [rows - inside, otherRows - otherInside] }
}

const nothing: Found = { sorts: [], inside: 0, otherInside: 0 }

const ranks = AmountKind.literals

/** More than there are accounts to compare. */
const mostOthers = 2 ** 20

const byKind = (one: Amounts, other: Amounts) =>
  one.kind === other.kind ? one.others - other.others : one.kind < other.kind ? -1 : 1

const countWithin = (days: ReadonlyArray<number>, from: number, to: number) =>
  to < from ? 0 : firstAtLeast(days, to + 1) - firstAtLeast(days, from)

const firstAtLeast = (days: ReadonlyArray<number>, day: number) => {
  let [low, high] = [0, days.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((days[middle] ?? 0) < day) low = middle + 1
    else high = middle
  }
  return low
}

const ascending = (one: number, other: number) => one - other

const kindOf = (amount: number): AmountKind => {
  const size = Math.abs(amount)
  if (size <= 10) return "tiny"
  if (size % 10_000 === 0) return "hundreds"
  if (size % 100 === 0) return "round"
  return size % 100 === 99 ? "price" : "odd"
}

/** Days since 1970-01-01 of `YYYY-MM-DD`. */
const dayOf = (date: string): number => {
  const digit = (at: number) => date.charCodeAt(at) - 48
  const month = digit(5) * 10 + digit(6)
  const year = digit(0) * 1000 + digit(1) * 100 + digit(2) * 10 + digit(3) - (month <= 2 ? 1 : 0)
  const day = digit(8) * 10 + digit(9)
  const era = Math.floor(year / 400)
  const yearOfEra = year - era * 400
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1
  return era * 146_097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear - 719_468
}
