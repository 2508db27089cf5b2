/**
 * How an account's transactions are read: as an update of many pages, by days, and either of them as it was at one
 * moment.
 */
import { Connection, Provider } from "@holdfast/domain"
import { Context, Effect, Schema } from "effect"

import { type Item, type Transaction } from "./PlaidApi.ts"
import { PlaidError, unexpectedAnswer } from "./PlaidError.ts"

/** Rows in one answer of Plaid's; 500 is the most. */
export const PageSize = Context.Reference("@holdfast/adapters-plaid/PageSize", { defaultValue: () => 500 })

/** How often an update is read again because the data changed under it, before the run gives up for now. */
export const Restarts = Context.Reference("@holdfast/adapters-plaid/Restarts", { defaultValue: () => 5 })

/** One account of an Item. */
export interface Source {
  readonly item: Item
  readonly accountId: string
}

/** What Plaid said of rows, by their ids: of each the last word. */
export interface Told {
  readonly added: ReadonlyMap<string, Transaction>
  readonly modified: ReadonlyMap<string, Transaction>
  readonly removed: ReadonlySet<string>
}

export interface Update {
  readonly told: Told
  /** Where the update ends, or its next page starts. */
  readonly cursor: string
  readonly hasMore: boolean
  readonly status?: string | undefined
}

/** Plaid has nothing yet. */
export const nothingTold: Told = { added: new Map(), modified: new Map(), removed: new Set() }

/**
 * Pages of an update until there are no more, or so many rows are read.
 *
 * @param began the cursor of the update's first page
 * @param next the cursor of the page to start with
 */
export const readUpdate = Effect.fnUntraced(function* (
  { accountId, item }: Source,
  began: string | null,
  next: string | null,
  most: number,
) {
  const count = yield* PageSize
  const tape = telling()
  const asked = new Set([next])
  let cursor = next
  for (;;) {
    const page = yield* item.sync({ accountId, cursor, count })
    tape.tell({ ...page, removed: page.removed.map(({ transaction_id }) => transaction_id) })
    cursor = page.next_cursor
    if (page.has_more && asked.has(cursor)) return yield* endless
    asked.add(cursor)
    if (page.has_more && sizeOf(tape.told) < most) continue
    return {
      told: tape.told,
      cursor: cursor === "" ? (began ?? "") : cursor,
      hasMore: page.has_more,
      status: page.transactions_update_status,
    } satisfies Update
  }
})

/** There is more where it was read before: it would be read for ever. */
const endless = new PlaidError({
  endpoint: "transactions/sync",
  code: unexpectedAnswer,
  reason: new Provider.UnexpectedAnswer({ problem: "an update without an end" }),
})

/** Reads an update again from its first cursor while the data changes under it. */
export const restarting = <A>(update: Effect.Effect<A, PlaidError>) =>
  Effect.flatMap(Restarts, (times) => Effect.retry(update, { while: isChanging, times }))

/** Whether the data changed between two pages of an update. */
export const isChanging = ({ code }: PlaidError) => code === "TRANSACTIONS_SYNC_MUTATION_DURING_PAGINATION"

/** What was booked in a span of days, and the last day that is not read whole yet. */
export interface Days {
  readonly told: Told
  readonly left: Connection.Day | undefined
}

/**
 * What was booked in a span of days, the last days first, until there is no more or so many rows are read. The days that
 * one answer shows whole are a picture of one moment: nothing shifts from one page to the next. Where an answer does not
 * hold a day, or is not in the order of days, it ends there: the last day is left.
 */
export const readDays = Effect.fnUntraced(function* (
  { accountId, item }: Source,
  from: Connection.Day,
  last: Connection.Day,
  most: number,
) {
  const count = yield* PageSize
  const tape = telling()
  let to = last
  do {
    const { total_transactions, transactions } = yield* item.transactions({ accountId, from, to, offset: 0, count })
    tape.tell({ added: transactions })
    if (transactions.length >= total_transactions) return { told: tape.told, left: undefined } satisfies Days
    const broken = brokenDay(transactions)
    if (broken === undefined || broken >= to || broken < from) break
    to = broken
  } while (sizeOf(tape.told) < most)
  return { told: tape.told, left: to } satisfies Days
})

/** The day that an answer breaks off in: it shows the later ones whole. None where it is not in the order of days. */
const brokenDay = (rows: ReadonlyArray<Transaction>) => {
  let oldest: Connection.Day | undefined
  for (const row of rows) {
    const day = row["date"]
    if (!isDay(day) || (oldest !== undefined && day > oldest)) return undefined
    oldest = day
  }
  return oldest
}

const isDay = Schema.is(Connection.Day)

/**
 * A part of what an account has, as it was when the update since a cursor ended: what two readings before and after
 * have in common, and what the update says. Without a second reading where the cursor did not move.
 *
 * The update is read whole, however long: its end is the cursor that the part is good for.
 */
export const settled = Effect.fnUntraced(function* <A extends { readonly told: Told }>(
  source: Source,
  since: string,
  reading: Effect.Effect<A, PlaidError>,
) {
  const first = yield* reading
  const update = yield* restarting(readUpdate(source, since, since, Infinity))
  const again = update.cursor === since ? first : yield* reading
  const { added, modified, removed } = update.told
  const tape = telling()
  tape.tell({
    // Of what the update says to be modified it has the last word, and the only one: it may be held already.
    added: [...first.told.added.values()].filter(
      ({ transaction_id: id }) => again.told.added.has(id) && !modified.has(id),
    ),
    // What was modified or removed was there before, so that the update tells what became of it.
    modified: first.told.modified.values(),
    removed: first.told.removed,
  })
  tape.tell({ added: added.values(), modified: modified.values(), removed })
  return { first, again, part: { ...update, told: tape.told } }
})

/** Whether two readings tell of the same rows. */
export const isSame = (one: Told, other: Told) =>
  (["added", "modified", "removed"] as const).every(
    (kind) => one[kind].size === other[kind].size && Array.from(one[kind].keys()).every((id) => other[kind].has(id)),
  )

const sizeOf = ({ added, modified, removed }: Told) => added.size + modified.size + removed.size

/** What is said one after the other, as it is in the end. */
const telling = () => {
  const added = new Map<string, Transaction>()
  const modified = new Map<string, Transaction>()
  const removed = new Set<string>()
  const tell = (said: {
    readonly added: Iterable<Transaction>
    readonly modified?: Iterable<Transaction>
    readonly removed?: Iterable<string>
  }) => {
    for (const row of said.added) {
      removed.delete(row.transaction_id)
      added.set(row.transaction_id, row)
    }
    for (const row of said.modified ?? []) {
      const rows = added.has(row.transaction_id) ? added : modified
      rows.set(row.transaction_id, row)
    }
    for (const id of said.removed ?? []) {
      added.delete(id)
      modified.delete(id)
      removed.add(id)
    }
  }
  return { tell, told: { added, modified, removed } satisfies Told }
}
