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

/**
 * The overlaps of every incoming account with every held one. Ask for an incoming account, then for held ones: what
 * no amount is shared with costs next to nothing.
 */
export const between = (
  incoming: ReadonlyArray<Bookings | undefined>,
  held: ReadonlyMap<number, Bookings>,
): ((at: number) => (candidate: number) => Overlap | undefined) => {
  const fresh = incoming.map(tapeOf)
  const amounts = new Map<number, Carried>()
  for (const tape of fresh) {
    for (const amount of tape?.days.keys() ?? []) {
      const carried = amounts.get(amount)
      if (carried === undefined) amounts.set(amount, { incoming: 1, held: [], days: [] })
      else carried.incoming++
    }
  }
  const old = new Map([...held].map(([at, bookings]) => [at, coverOf(bookings, at, amounts)]))

  return (at) => {
    const tape = fresh[at]
    if (tape === undefined) return () => undefined
    const found = new Map<number, Found>()
    for (const [amount, days] of tape.days) {
      const carried = amounts.get(amount)
      if (carried !== undefined && carried.held.length > 0) share(tape, amount, days, carried, old, found)
    }
    return (candidate) => overlapOf(tape, old.get(candidate), found.get(candidate))
  }
}

/** What was booked after one day up to another, in minor units; none where the bookings do not cover those days. */
export const sumBetween = ({ from, rows, to }: Bookings, after: string, until: string): number | undefined => {
  if (dayOf(from) > dayOf(after) + 1 || to < until) return undefined
  let sum = 0
  for (const { amount, on } of rows) if (on > after && on <= until) sum += amount
  return sum
}

/** The days that are covered, and on which of them something was booked, in order. */
interface Cover {
  readonly from: number
  readonly to: number
  readonly booked: ReadonlyArray<number>
}

interface Tape extends Cover {
  /** Of each amount, ascending. */
  readonly days: ReadonlyMap<number, ReadonlyArray<number>>
}

/** Who has an amount: how many incoming accounts, and which held ones on which days, account by account. */
interface Carried {
  incoming: number
  readonly held: Array<number>
  readonly days: Array<number>
}

interface Window {
  readonly from: number
  readonly to: number
}

interface Matched {
  readonly count: number
  /** Of those matched, how many are inside the window, on either side. */
  readonly inside: readonly [number, number]
}

interface Found {
  readonly amounts: Map<string, Amounts>
  readonly inside: [number, number]
}

const tapeOf = (bookings: Bookings | undefined): Tape | undefined => {
  if (bookings === undefined) return undefined
  const days = new Map<number, Array<number>>()
  const booked: Array<number> = []
  for (const { amount, on } of inOrder(bookings.rows)) {
    const day = dayOf(on)
    booked.push(day)
    const own = days.get(amount)
    if (own === undefined) days.set(amount, [day])
    else own.push(day)
  }
  return { from: dayOf(bookings.from), to: dayOf(bookings.to), booked, days }
}

/** Notes who has an amount; amounts that nothing incoming has are of no interest. */
const coverOf = (bookings: Bookings, at: number, amounts: ReadonlyMap<number, Carried>): Cover => {
  const booked: Array<number> = []
  for (const { amount, on } of inOrder(bookings.rows)) {
    const day = dayOf(on)
    booked.push(day)
    const carried = amounts.get(amount)
    carried?.held.push(at)
    carried?.days.push(day)
  }
  return { from: dayOf(bookings.from), to: dayOf(bookings.to), booked }
}

const inOrder = (rows: Bookings["rows"]) =>
  rows.every((row, at) => at === 0 || (rows[at - 1]?.on ?? "") <= row.on)
    ? rows
    : rows.toSorted((one, other) => (one.on < other.on ? -1 : one.on > other.on ? 1 : 0))

/** Compares the days of one amount with those of every held account that has it. */
const share = (
  tape: Tape,
  amount: number,
  days: ReadonlyArray<number>,
  carried: Carried,
  old: ReadonlyMap<number, Cover>,
  found: Map<number, Found>,
) => {
  const shares: Array<readonly [number, Matched]> = []
  for (let start = 0; start < carried.held.length;) {
    const candidate = carried.held[start] ?? 0
    let end = start + 1
    while (carried.held[end] === candidate) end++
    const other = old.get(candidate)
    const matched = other && matchDays(days, carried.days.slice(start, end), windowOf(tape, other))
    if (matched !== undefined && matched.count > 0) shares.push([candidate, matched])
    start = end
  }
  const kind = kindOf(amount)
  const others = Math.max(shares.length, carried.incoming) - 1
  const key = `${kind} ${others}`
  for (const [candidate, { inside }] of shares) {
    const sum = found.get(candidate) ?? { amounts: new Map<string, Amounts>(), inside: [0, 0] }
    found.set(candidate, sum)
    sum.amounts.set(key, { kind, others, count: (sum.amounts.get(key)?.count ?? 0) + 1 })
    sum.inside[0] += inside[0]
    sum.inside[1] += inside[1]
  }
}

/** Days in which a booking of one side must have its counterpart on the other, however it is dated there. */
const windowOf = (one: Cover, other: Cover): Window => ({
  from: Math.max(one.from, other.from) + tolerance,
  to: Math.min(one.to, other.to) - tolerance,
})

/** Taking the earliest that fits is the most that can be matched, and the same from either side. */
const matchDays = (days: ReadonlyArray<number>, others: ReadonlyArray<number>, { from, to }: Window): Matched => {
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
  return { count, inside: [inside, otherInside] }
}

const overlapOf = (tape: Cover, other: Cover | undefined, found: Found | undefined): Overlap | undefined => {
  if (other === undefined) return undefined
  const window = windowOf(tape, other)
  const rows = [countWithin(tape.booked, window), countWithin(other.booked, window)] as const
  if (found === undefined && rows[0] === 0 && rows[1] === 0) return undefined
  const amounts = [...(found?.amounts ?? [])].toSorted(([one], [two]) => (one < two ? -1 : 1))
  return {
    amounts: amounts.map(([, found]) => found),
    rows,
    unmatched: [rows[0] - (found?.inside[0] ?? 0), rows[1] - (found?.inside[1] ?? 0)],
  }
}

const countWithin = (days: ReadonlyArray<number>, { from, to }: Window) =>
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
