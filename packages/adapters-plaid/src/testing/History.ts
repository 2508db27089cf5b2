/** Years of banking of invented people: the same for the same seed, and quick to make. */
import { createHash } from "node:crypto"

import type { NewTransaction } from "./Bank.ts"
import { dayMillis, dayOf, millisOf } from "./Day.ts"

export interface HistoryOptions {
  readonly count: number
  /** The first and the last day, `YYYY-MM-DD`. */
  readonly from: string
  readonly to: string
  readonly seed?: string
}

/** Transactions spread evenly over the days, in order: card payments, bills each month, a salary. */
export function* history({ count, from, seed = "history", to }: HistoryOptions): Generator<NewTransaction> {
  const random = randomOf(seed)
  const start = millisOf(from)
  const days = Math.floor((millisOf(to) - start) / dayMillis) + 1
  let date = start
  let [today, yesterday] = [dayOf(start), dayOf(start - dayMillis)]
  for (let index = 0; index < count; index++) {
    const next = start + Math.floor((index * days) / count) * dayMillis
    // One text for all transactions of a day: they are kept by the hundred thousand.
    if (next !== date) [date, today, yesterday] = [next, dayOf(next), dayOf(next - dayMillis)]
    const kind = kinds[Math.floor(random() * kinds.length)] ?? kinds[0]
    const cents = Math.round(kind.low + random() * (kind.high - kind.low))
    const number = Math.floor(random() * 10_000)
    yield {
      amount: cents / 100,
      date: today,
      authorizedDate: kind.channel === "in store" ? yesterday : null,
      name: kind.numbered ? `${kind.name} #${String(number).padStart(4, "0")}` : kind.name,
      merchantName: kind.merchant,
      originalDescription: kind.numbered ? `${kind.name.toUpperCase()} ${number} POS` : kind.name.toUpperCase(),
      channel: kind.channel,
    }
  }
}

interface Kind {
  readonly name: string
  readonly merchant: string | null
  readonly channel: "online" | "in store" | "other"
  /** Cents. */
  readonly low: number
  readonly high: number
  readonly numbered: boolean
}

const kinds: readonly [Kind, ...ReadonlyArray<Kind>] = [
  { name: "Tea House", merchant: "Tea House", channel: "in store", low: 250, high: 900, numbered: true },
  { name: "Corner Grocer", merchant: "Corner Grocer", channel: "in store", low: 800, high: 14_000, numbered: true },
  { name: "City Transit", merchant: "City Transit", channel: "in store", low: 275, high: 275, numbered: false },
  { name: "Book Shop Online", merchant: "Book Shop", channel: "online", low: 900, high: 6_000, numbered: true },
  { name: "Power And Light", merchant: "Power And Light", channel: "other", low: 4_000, high: 16_000, numbered: false },
  { name: "Monthly Rent", merchant: null, channel: "other", low: 125_000, high: 125_000, numbered: false },
  { name: "Payroll Deposit", merchant: null, channel: "other", low: -310_000, high: -290_000, numbered: false },
  { name: "Transfer To Savings", merchant: null, channel: "other", low: 5_000, high: 50_000, numbered: false },
]

/** Mulberry32: small, quick and the same everywhere. */
const randomOf = (seed: string) => {
  let state = createHash("sha256").update(seed).digest().readUInt32LE(0)
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
