/**
 * What is booked on an account: drawn from the account's own seed a block of days at a time, so that any window of it can be
 * had without the rest, and a longer one contains the shorter.
 */
import { DateTime } from "effect"

import * as Random from "./Random.ts"

export interface Tape {
  readonly seed: readonly [number, number, number]
  readonly flow: Flow
  /** Mean number of bookings in a block. */
  readonly density: number
  /** Amounts that return on this account: a rent, a salary. */
  readonly usual: readonly [number, ...Array<number>]
  /** Amounts that return on any account of the tenant: transfers, rents of like flats. */
  readonly common: readonly [number, ...Array<number>]
  /** No booking before. */
  readonly openedOn: number
  /** Tapes whose bookings stand on this one too, and what share of them. */
  readonly repeats: ReadonlyArray<{ readonly tape: Tape; readonly share: number }>
}

export type Flow = "everyday" | "savings" | "instalments" | "rents"

export interface Row {
  /** Days from {@link today}; negative. */
  readonly day: number
  /** Minor units; positive is money out. */
  readonly amount: number
}

/**
 * Every booking from one day to another, both included. A longer window begins with the bookings of a shorter one that
 * ends on the same day and starts with a block: what is drawn along with them stays the same.
 */
export const rows = (tape: Tape, from: number, to: number): Array<Row> => {
  const found: Array<Row> = []
  const since = Math.max(from, tape.openedOn)
  for (let block = Math.floor(to / blockDays); (block + 1) * blockDays > since; block--) {
    if (tape.density > 0) addBlock(found, tape, block, since, to)
    for (const repeat of tape.repeats) addRepeats(found, tape, repeat, block, since, to)
  }
  return found
}

/** The first day of the block that a day is in. */
export const blockOf = (day: number): number => Math.floor(day / blockDays) * blockDays

const blockDays = 28

const addBlock = (found: Array<Row>, tape: Tape, block: number, since: number, to: number): void => {
  const chance = Random.make(...tape.seed, block)
  const count = Random.below(chance, 2 * tape.density + 1)
  for (let n = 0; n < count; n++) {
    const day = block * blockDays + Random.below(chance, blockDays)
    const amount = amountOf(tape, chance)
    if (day >= since && day <= to) found.push({ day, amount })
  }
}

const addRepeats = (
  found: Array<Row>,
  tape: Tape,
  { share, tape: source }: Tape["repeats"][number],
  block: number,
  since: number,
  to: number,
): void => {
  const chance = Random.make(...tape.seed, block, source.seed[2])
  const first = block * blockDays
  for (const row of rows(source, first, first + blockDays - 1)) {
    if (Random.chance(chance, share) && row.day >= since && row.day <= to) found.push(row)
  }
}

const amountOf = (tape: Tape, chance: Random.Random): number => {
  const kind = Random.below(chance, 100)
  switch (tape.flow) {
    case "everyday":
      if (kind < 5) return Random.between(chance, 1, 20) * 10_000
      if (kind < 18) return Random.between(chance, 1, 60) * 500
      if (kind < 32) return Random.pick(chance, prices)
      if (kind < 48) return Random.pick(chance, tape.usual)
      if (kind < 56) return Random.pick(chance, tape.common)
      if (kind < 62) return -Random.between(chance, 1_000, 400_000)
      return Random.between(chance, 150, 25_000)
    case "savings":
      if (kind < 50) return -Random.between(chance, 1, 10)
      if (kind < 75) return Random.between(chance, -20, 5) * 10_000
      if (kind < 85) return Random.pick(chance, tape.common)
      return Random.between(chance, -50_000, 50_000)
    case "instalments":
      return kind < 90 ? Random.pick(chance, tape.usual) : Random.between(chance, 1_000, 90_000)
    case "rents":
      if (kind < 50) return -Random.pick(chance, tape.common)
      if (kind < 60) return Random.pick(chance, tape.usual)
      if (kind < 75) return Random.between(chance, 1, 40) * 5_000
      return Random.between(chance, 2_000, 150_000)
  }
}

const prices: readonly [number, ...Array<number>] = [
  99, 299, 499, 799, 999, 1099, 1199, 1299, 1499, 1599, 1999, 2499, 4999,
]

/** The day of a number of days from {@link today}, as `YYYY-MM-DD`. */
export const dateOf = (day: number): string => {
  const date = dates[-day]
  if (date !== undefined) return date
  for (let past = dates.length; past <= -day; past++) {
    dates.push(DateTime.formatIsoDateUtc(DateTime.subtract(today, { days: past })))
  }
  return dates[-day] ?? dateOf(day)
}

/** Day 0 of every population: the day on which the connection is made. */
const today = DateTime.makeUnsafe("2026-06-30T00:00:00Z")

/** By days before today; grows as it is asked. */
const dates: Array<string> = []
