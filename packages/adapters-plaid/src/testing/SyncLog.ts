/**
 * What an Item has said about transactions, in order, and the pages in which `/transactions/sync` says it.
 *
 * A cursor names a place in this log. Between a cursor and now only the difference counts: what came and went in between
 * is not told. A cursor from the middle of an update also names the end that the update had when it began; when the log
 * has grown since, the update must be begun again.
 */
import type { RealTransaction } from "./Bank.ts"

/** A transaction as one Item knows it. */
export interface Delivered {
  readonly transactionId: string
  readonly accountId: string
  readonly pendingTransactionId: string | null
  readonly real: RealTransaction
}

export interface Entry {
  readonly kind: "added" | "modified" | "removed"
  readonly delivered: Delivered
}

export interface Page {
  readonly entries: ReadonlyArray<Entry>
  readonly nextCursor: string
  readonly hasMore: boolean
}

interface Place {
  /** Everything before it has been told. */
  readonly base: number
  /** Where the update that is being paged ends; equal to `base` between updates. */
  readonly head: number
  /** How many entries of the update have been told. */
  readonly offset: number
  /** How many accounts were hidden when the update began. */
  readonly hidden: number
}

export class SyncLog {
  private readonly entries: Array<Entry> = []
  private readonly byId = new Map<string, Delivered>()
  private readonly pending = new Set<string>()
  private readonly hidden = new Set<string>()
  private readonly itemId: string
  /** How often all cursors were forgotten; those from before name another one. */
  private age: number
  private cached: { readonly key: string; readonly update: ReadonlyArray<Entry> } | undefined
  private listed: { readonly length: number; readonly rows: ReadonlyArray<Delivered> } | undefined

  constructor(itemId: string, age = 0) {
    this.itemId = itemId
    this.age = age
  }

  get cursorAge() {
    return this.age
  }

  /** No cursor from before is good any more. */
  forgetCursors() {
    this.age++
  }

  get length() {
    return this.entries.length
  }

  /** All that it said, in order. */
  get said(): ReadonlyArray<Entry> {
    return this.entries
  }

  get hiddenAccounts(): ReadonlyArray<string> {
    return [...this.hidden]
  }

  /** Whether it was told of, and with this content. */
  told({ real, transactionId }: Delivered): "never" | "so" | "otherwise" {
    const told = this.byId.get(transactionId)
    return told === undefined ? "never" : told.real === real ? "so" : "otherwise"
  }

  /** Whether this id was ever told of as pending. */
  toldPending(transactionId: string) {
    return this.pending.has(transactionId)
  }

  say(kind: Entry["kind"], delivered: Delivered) {
    this.entries.push({ kind, delivered })
    if (kind === "removed") this.byId.delete(delivered.transactionId)
    else this.byId.set(delivered.transactionId, delivered)
    if (delivered.real.pending) this.pending.add(delivered.transactionId)
  }

  /** An account that is shared no longer: its rows are told no more, and not as removed either. */
  hide(accountId: string) {
    this.hidden.add(accountId)
    this.cached = undefined
    this.listed = undefined
    for (const [id, row] of this.byId) if (row.accountId === accountId) this.byId.delete(id)
  }

  /** All that is there, the newest first. */
  get current(): ReadonlyArray<Delivered> {
    if (this.listed?.length !== this.entries.length) {
      const rows = [...this.byId.values()].toSorted((a, b) =>
        a.real.date < b.real.date ? 1 : a.real.date > b.real.date ? -1 : 0,
      )
      this.listed = { length: this.entries.length, rows }
    }
    return this.listed.rows
  }

  /** The cursor that has told everything, for one account or for all. */
  end(accountId: string | undefined) {
    const { length } = this.entries
    return this.write({ base: length, head: length, offset: 0, hidden: 0 }, accountId)
  }

  page(cursor: string, count: number, accountId: string | undefined): Page | "invalid" | "mutated" {
    const place = cursor === "" ? { base: 0, head: 0, offset: 0, hidden: 0 } : this.read(cursor, accountId)
    const head = this.entries.length
    const hidden = this.hidden.size
    if (place === undefined || place.head > head || place.hidden > hidden) return "invalid"
    const isMidway = place.base < place.head
    if (isMidway && (place.head < head || place.hidden < hidden)) return "mutated"
    const update = this.update(place.base, head, accountId)
    const entries = update.slice(place.offset, place.offset + count)
    const offset = place.offset + entries.length
    const hasMore = offset < update.length
    return {
      entries,
      hasMore,
      nextCursor: hasMore ? this.write({ base: place.base, head, offset, hidden }, accountId) : this.end(accountId),
    }
  }

  private update(base: number, head: number, accountId = ""): ReadonlyArray<Entry> {
    const key = `${base}.${head}.${accountId}`
    if (this.cached?.key !== key) this.cached = { key, update: difference(this.shown(base, head, accountId)) }
    return this.cached.update
  }

  private shown(base: number, head: number, accountId: string) {
    return this.entries
      .slice(base, head)
      .filter(
        ({ delivered }) =>
          (accountId === "" || delivered.accountId === accountId) && !this.hidden.has(delivered.accountId),
      )
  }

  private write({ base, head, hidden, offset }: Place, accountId = "") {
    const parts = [this.itemId, accountId, base, head, offset, hidden, ...(this.age > 0 ? [this.age] : [])]
    return Buffer.from(parts.join(".")).toString("base64")
  }

  /** Only what could have been written is read: a cursor is good if writing it again gives the same. */
  private read(cursor: string, accountId = ""): Place | undefined {
    const parts = Buffer.from(cursor, "base64").toString().split(".")
    const [base = 0, head = 0, offset = 0, hidden = 0] = parts.slice(2).map(Number)
    const place = { base, head, offset, hidden }
    return isPlace(place) && this.write(place, accountId) === cursor ? place : undefined
  }
}

const isPlace = ({ base, head, hidden, offset }: Place) =>
  [base, head, offset, hidden].every((count) => Number.isSafeInteger(count) && count >= 0) &&
  (base < head || (base === head && offset === 0 && hidden === 0))

/** What happened, told by its outcome: in the order in which each transaction was last spoken of. */
const difference = (entries: ReadonlyArray<Entry>): ReadonlyArray<Entry> => {
  // A first sync: nothing is added twice unless it was removed in between.
  if (entries.every(({ kind }) => kind === "added")) return entries
  const byId = new Map<string, { readonly wasThere: boolean; readonly last: Entry }>()
  for (const entry of entries) {
    const { transactionId } = entry.delivered
    const wasThere = byId.get(transactionId)?.wasThere ?? entry.kind !== "added"
    byId.delete(transactionId)
    byId.set(transactionId, { wasThere, last: entry })
  }
  const told: Array<Entry> = []
  for (const { last, wasThere } of byId.values()) {
    const isThere = last.kind !== "removed"
    if (!wasThere && !isThere) continue
    told.push({ kind: !wasThere ? "added" : isThere ? "modified" : "removed", delivered: last.delivered })
  }
  return told
}
