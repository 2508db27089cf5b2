/**
 * The rows that the reconciliation of transactions works on, and what can become of one.
 */
import { type TransactionPolicy } from "./TransactionPolicy.ts"

/** A bank transaction as a generation delivers it. Personal data, but for dates, amounts and flags. */
export interface Row {
  /** Unique among the rows delivered together. */
  readonly id: string
  /** The day of the row as the provider dates it, `YYYY-MM-DD`; of a posted row the day of posting. */
  readonly date: string
  /** The day of the purchase, where the provider tells it apart. */
  readonly authorized: string | null
  /** Minor units of the currency, a safe integer; positive is money out. */
  readonly amount: number
  /** ISO 4217. */
  readonly currency: string
  /** As the provider gives it; never what a person made of it. */
  readonly description: string
  readonly merchant: string | null
  readonly pending: boolean
  /** The provider's id of the row, where it is one that stays: stable and unique within the generation. */
  readonly transactionId: string | null
  /** The provider's id of the pending row that this one posts. */
  readonly pendingId: string | null
  /** The other side of a transfer: opaque, only compared. */
  readonly counterparty: string | null
  readonly check: string | null
  /** Names that the bank gives it (end-to-end id, servicer reference, entry reference). */
  readonly references: ReadonlyArray<string>
  /** The card holder or sub-account. */
  readonly owner: string | null
  /** As the provider says it: `BOOK`, `PDNG`, `SCHD`, `rejected`, … */
  readonly status: string | null
}

/** A transaction of the account. Its `id` is ours. */
export interface Held extends Row {
  /** Every other id that it was ever delivered under. */
  readonly aliases: ReadonlyArray<string>
  /** A person changed something about it: no feed overwrites what it says. */
  readonly edited: boolean
  /** A tombstone. */
  readonly deleted: boolean
  /** A pending row that lapsed without being posted; it can still post late. */
  readonly lapsed: boolean
}

/** Both days belong to it. */
export interface Interval {
  readonly from: string
  readonly to: string
}

/** What the bank says, in minor units of one currency, at the end of a day; positive is money in the account. */
export interface Balances {
  readonly currency: string
  readonly opening: { readonly date: string; readonly amount: number }
  readonly closing: { readonly date: string; readonly amount: number }
}

/** What is to be decided. */
export interface Request {
  readonly held: ReadonlyArray<Held>
  readonly delivered: ReadonlyArray<Row>
  readonly coverage: {
    /** What the old generations covered completely; none when the rows held are not a bank's. */
    readonly held: Interval | null
    /** What the new fetch covers completely, where that is known. */
    readonly delivered?: Interval
  }
  /** Both sides come from one generation: ids that differ are different rows. */
  readonly sameGeneration: boolean
  /** References of this provider change between calls and name nothing. */
  readonly unstableReferences: boolean
  /** What the bank says was in the account, for the gate. */
  readonly balances?: Balances
  readonly policy?: TransactionPolicy
}

/** How a row was recognised, from the most certain to the least. */
export type Tier = "id" | "pending_id" | "reference" | "check" | "content" | "posting"

/** Why a person is asked. */
export type Doubt =
  | "other_merchant"
  | "other_number"
  | "typed"
  | "amount_changed"
  | "contradicted_reference"
  | "out_of_balance"

/** What became of one delivered row. */
export type Decision =
  | {
      readonly action: "merge"
      readonly row: string
      readonly into: string
      readonly tier: Tier
      /** Milli-bits by which being one row is likelier than being two; none where a name decided. */
      readonly weight: number | null
      readonly days: number
      /** The row it is was deleted, and stays deleted. */
      readonly tombstone: boolean
    }
  | {
      readonly action: "insert"
      readonly row: string
      /** Where it lies with respect to what the old generations covered. */
      readonly where: "before" | "inside" | "after" | "uncovered"
      /** From before anything was covered: history, not news. */
      readonly backfill: boolean
    }
  | {
      readonly action: "review"
      readonly row: string
      /** The held rows that it may be, likeliest first. */
      readonly candidates: ReadonlyArray<string>
      readonly doubt: Doubt
      /** What the balance says of it, where the gate can tell. */
      readonly suggestion: "same" | "new" | null
    }
  /** Not a row of the ledger: scheduled, rejected, cancelled. */
  | { readonly action: "ignore"; readonly row: string; readonly status: string }
  /** Delivered twice in one batch, or posted in the same batch; `into` is the delivered row that stands for both. */
  | { readonly action: "collapse"; readonly row: string; readonly into: string }

export const merged = (delivered: Row, held: Held, tier: Tier, weight: number | null): Decision => ({
  action: "merge",
  row: delivered.id,
  into: held.id,
  tier,
  weight,
  days: dayOf(delivered.date) - dayOf(held.date),
  tombstone: held.deleted,
})

/** Days since 1970-01-01. */
export const dayOf = (date: string): number =>
  Date.UTC(twoDigits(date, 0) * 100 + twoDigits(date, 2), twoDigits(date, 5) - 1, twoDigits(date, 8)) / 86_400_000

const twoDigits = (date: string, at: number) => (date.charCodeAt(at) - 48) * 10 + date.charCodeAt(at + 1) - 48

export const dateOf = (day: number): string => new Date(day * 86_400_000).toISOString().slice(0, 10)

/** Whether it stands in the books: posted, and neither deleted nor on its way. */
export const isBooked = (row: Pick<Held, "pending" | "deleted" | "status">): boolean =>
  !row.pending && !row.deleted && !isIgnored(row)

/** Never a row of the ledger: scheduled, rejected, cancelled. */
export const isIgnored = (row: Pick<Row, "status">): boolean =>
  row.status !== null && ignored.has(row.status.toUpperCase())

export const isPending = (row: Row): boolean => row.pending || row.status === "PDNG" || row.status === "HOLD"

const ignored = new Set([
  "SCHD",
  "SCHEDULED",
  "FUTR",
  "FUTURE",
  "INFO",
  "INFORMATION",
  "RJCT",
  "REJECTED",
  "DECLINED",
  "FAILED",
  "CNCL",
  "CANC",
  "CANCELLED",
  "CANCELED",
  "VOID",
  "VOIDED",
])
