/**
 * Rows that are named exactly: by an id, a retired id, the pending row that they post, a bank reference or a check
 * number. Names decide before anything else does.
 */
import { compareText, type Context, daysApart, differ, likenessOf } from "./TransactionLikelihood.ts"
import { type Decision, type Doubt, type Held, isPending, merged, type Row, type Tier } from "./TransactionRow.ts"

/**
 * Rows that one batch holds twice: under one id; with the pending row that it posts; and, where references name
 * nothing, rows without an id that agree in everything.
 */
export const twins = (
  context: Context,
  rows: ReadonlyArray<Row>,
): ReadonlyArray<{ readonly row: Row; readonly into: Row }> => {
  const found: Array<{ readonly row: Row; readonly into: Row }> = []
  const byId = new Map<string, Row>()
  for (const row of rows.toSorted(lastWordFirst)) {
    if (row.transactionId === null) continue
    const into = byId.get(row.transactionId)
    if (into === undefined) byId.set(row.transactionId, row)
    else if (isOneRow(context, row, into)) found.push({ row, into })
  }
  for (const row of rows) {
    const posted = row.pendingId === null || isPending(row) ? undefined : byId.get(row.pendingId)
    if (posted !== undefined && posted !== row && isPending(posted)) found.push({ row: posted, into: row })
  }
  if (context.request.unstableReferences) {
    const byContent = new Map<string, Row>()
    for (const row of rows) {
      if (row.transactionId !== null) continue
      const { id: _, references: __, ...content } = row
      const key = JSON.stringify(content)
      const into = byContent.get(key)
      if (into === undefined) byContent.set(key, row)
      else found.push({ row, into })
    }
  }
  return found
}

/** Of two versions of a row the posted one stands, then the later one. */
const lastWordFirst = (a: Row, b: Row) =>
  Number(isPending(a)) - Number(isPending(b)) || compareText(b.date, a.date) || compareText(a.id, b.id)

/** An id that stands on two rows names neither. */
const several = Symbol("several")

export const linkByName = (context: Context, rows: ReadonlyArray<Row>) => {
  const { request, policy } = context
  const decisions: Array<Decision> = []
  const claimed = new Set<string>()
  const open = new Set(rows)
  const link = (
    tier: Tier,
    names: Names<Row>,
    heldNames: Names<Held>,
    judge: (row: Row, held: Held) => "merge" | Doubt | undefined,
  ) => {
    const sought = new Map<string, Row | typeof several>()
    for (const row of open) names(row, (name) => enter(sought, name, row))
    if (sought.size === 0) return
    const found = new Map<string, Held | typeof several>()
    const seek = (name: string, row: Held) => {
      if (sought.has(name)) enter(found, name, row)
    }
    request.held.forEach((row) => {
      if (!isExclusive(tier) || !claimed.has(row.id)) heldNames(row, seek)
    })
    const taken = new Set<string>()
    for (const [name, row] of sought) {
      const held = found.get(name)
      if (row === several || held === undefined || held === several || !open.has(row)) continue
      if (isExclusive(tier) && taken.has(held.id)) continue
      const judged = judge(row, held)
      if (judged === undefined) continue
      open.delete(row)
      taken.add(held.id)
      claimed.add(held.id)
      if (judged === "merge") decisions.push(merged(row, held, tier, null))
      else decisions.push({ action: "review", row: row.id, candidates: [held.id], doubt: judged, suggestion: null })
    }
  }
  const near = (row: Row, held: Held) => daysApart(context, row, held) <= policy.days.reference
  const named = (row: Row, held: Held) => {
    if (row.currency !== held.currency || !near(row, held)) return undefined
    return row.amount === held.amount ? "merge" : "contradicted_reference"
  }

  link("id", ownId, everyId, (row, held) => {
    if (row.currency !== held.currency) return undefined
    return isOneRow(context, row, held) || isPending(held) ? "merge" : "contradicted_reference"
  })
  link("pending_id", pendingId, everyId, (row, held) => (row.currency === held.currency ? "merge" : undefined))
  if (!request.unstableReferences) link("reference", references, references, named)
  link("check", check, check, (row, held) =>
    differ(row.owner, held.owner) || differ(row.counterparty, held.counterparty) ? undefined : named(row, held),
  )
  return { decisions, claimed }
}

/** Goes through the names of a row, without a list of them: tens of thousands of rows are asked for theirs. */
type Names<R extends Row> = (row: R, use: (name: string, row: R) => void) => void

const ownId: Names<Row> = (row, use) => {
  if (row.transactionId !== null) use(row.transactionId, row)
}

const everyId: Names<Held> = (row, use) => {
  if (row.transactionId !== null) use(row.transactionId, row)
  if (row.aliases.length > 0) for (const alias of row.aliases) use(alias, row)
}

const pendingId: Names<Row> = (row, use) => {
  if (row.pendingId !== null) use(row.pendingId, row)
}

const references = <R extends Row>(row: R, use: (name: string, row: R) => void) => {
  for (const reference of row.references) use(reference, row)
}

const check = <R extends Row>(row: R, use: (name: string, row: R) => void) => {
  if (row.check !== null) use(row.check, row)
}

/** Several ids can name one row, since it keeps every id it ever had; a reference or a check number is one payment. */
const isExclusive = (tier: Tier) => tier === "reference" || tier === "check"

/** An id holds through a change of the amount, of the date or of the text, but not of all of them at once. */
const isOneRow = (context: Context, a: Row, b: Row) =>
  a.amount === b.amount ||
  likenessOf(context, a, b) !== "different" ||
  daysApart(context, a, b) < context.policy.bits.shift.length

const enter = <R extends Row>(found: Map<string, R | typeof several>, name: string, row: R) => {
  const before = found.get(name)
  found.set(name, before === undefined || before === row ? row : several)
}
