/**
 * The last check of a reconciled batch: what the bank says was in the account at both ends must follow from the
 * rows between them, to the cent. When it does not, the likeliest correction becomes a question, so that an error
 * that nobody would have noticed is one that somebody decides.
 */
import type { TransactionPolicy } from "./TransactionPolicy.ts"
import { dayOf, type Decision, type Held, isBooked, isPending, type Row } from "./TransactionRow.ts"

/** What the bank says, in minor units of one currency, at the end of a day; positive is money in the account. */
export interface Balances {
  readonly currency: string
  readonly opening: { readonly date: string; readonly amount: number }
  readonly closing: { readonly date: string; readonly amount: number }
}

export interface Verdict {
  readonly outcome: "unchecked" | "balanced" | "unbalanced"
  /** Money out by the bank's balances less money out by the rows, in minor units. */
  readonly difference: number
  /** The fewest and likeliest delivered rows that, decided the other way, make it balance. Empty when none do. */
  readonly repair: ReadonlyArray<string>
}

export const unchecked: Verdict = { outcome: "unchecked", difference: 0, repair: [] }

export interface Batch {
  readonly balances: Balances
  readonly held: ReadonlyArray<Held>
  readonly delivered: ReadonlyArray<Row>
  readonly decisions: ReadonlyArray<Decision>
  /** The account's rows once the decisions are carried out, questions left open. */
  readonly result: ReadonlyArray<Held>
  readonly policy: TransactionPolicy
}

export const check = (batch: Batch): { readonly verdict: Verdict; readonly decisions: ReadonlyArray<Decision> } => {
  const difference = differenceOf(batch)
  const corrections = correctionsOf(batch)
  if (difference === 0) {
    const asked = corrections.filter(({ decision }) => decision.action === "review")
    return { verdict: { ...unchecked, outcome: "balanced" }, decisions: questioned(batch.decisions, asked, "same") }
  }
  const repair = repairOf(corrections, difference, batch.policy) ?? []
  const decisions =
    repair.length > 0
      ? questioned(batch.decisions, repair)
      : questioned(batch.decisions, corrections.slice(0, batch.policy.limits.suspects), null)
  return {
    verdict: { outcome: "unbalanced", difference, repair: repair.map(({ decision }) => decision.row) },
    decisions,
  }
}

const differenceOf = (batch: Batch): number => {
  const { balances, decisions, delivered, result } = batch
  const byId = new Map(result.map((row) => [row.id, row]))
  const rows = new Map(delivered.map((row) => [row.id, row]))
  // Whatever is answered to these, the delivered row stands in the books: its candidates do not.
  const settled = decisions.flatMap((decision) => {
    if (decision.action !== "review") return []
    const row = rows.get(decision.row)
    const isBookedAlready = decision.candidates.some((id) => isBooked(byId.get(id) ?? nothing))
    return row === undefined || isPending(row) || isBookedAlready ? [] : [row]
  })
  const booked = [...result.filter(isBooked), ...settled].filter((row) => isCounted(balances, row))
  const out = booked.reduce((sum, row) => sum + BigInt(row.amount), 0n)
  return Number(BigInt(balances.opening.amount) - BigInt(balances.closing.amount) - out)
}

const nothing = { pending: true, deleted: true, status: null }

const isCounted = ({ closing, currency, opening }: Balances, row: Row) =>
  row.currency === currency && row.date > opening.date && row.date <= closing.date

/** A decision that could be the other way round. */
interface Correction {
  readonly decision: Decision
  /** What it adds to the money out. */
  readonly effect: number
  /** How much likelier the decision is than its opposite, in milli-bits. */
  readonly weight: number
  readonly candidates: ReadonlyArray<string>
  /** What the row is, if the decision is wrong. */
  readonly suggestion: "same" | "new"
}

/** The least certain first. */
const correctionsOf = ({ balances, decisions, delivered, held, policy }: Batch): ReadonlyArray<Correction> => {
  const rows = new Map(delivered.map((row) => [row.id, row]))
  const heldById = new Map(held.map((row) => [row.id, row]))
  const merged = new Set(decisions.flatMap((decision) => (decision.action === "merge" ? [decision.into] : [])))
  const keyOf = (row: Row) => `${row.currency} ${row.amount}`
  const unseen = Map.groupBy(
    held.filter((row) => isBooked(row) && !merged.has(row.id)),
    keyOf,
  )
  const nearby = (row: Row) =>
    (unseen.get(keyOf(row)) ?? [])
      .map((held) => ({ id: held.id, days: Math.abs(dayOf(held.date) - dayOf(row.date)) }))
      .filter(({ days }) => days <= policy.days.suspect)
      .toSorted((a, b) => a.days - b.days || (a.id < b.id ? -1 : 1))

  return decisions
    .flatMap((decision): ReadonlyArray<Correction> => {
      const row = rows.get(decision.row)
      if (row === undefined || isPending(row) || !isCounted(balances, row)) return []
      switch (decision.action) {
        case "merge": {
          const into = heldById.get(decision.into)
          if (decision.weight === null || into === undefined || into.pending) return []
          const { into: id, weight } = decision
          return [{ decision, effect: row.amount, weight, candidates: [id], suggestion: "new" }]
        }
        case "insert": {
          const [twin] = nearby(row)
          if (twin === undefined) return []
          const weight = decision.where === "inside" ? 0 : policy.bits.missedByOld
          return [{ decision, effect: -row.amount, weight, candidates: [twin.id], suggestion: "same" }]
        }
        case "review": {
          const isBookedAlready = decision.candidates.some((id) => isBooked(heldById.get(id) ?? nothing))
          const { candidates } = decision
          return isBookedAlready ? [{ decision, effect: row.amount, weight: 0, candidates, suggestion: "new" }] : []
        }
        default:
          return []
      }
    })
    .toSorted((a, b) => a.weight - b.weight || (a.decision.row < b.decision.row ? -1 : 1))
}

/** One, two or three corrections that make up the difference: the fewest, and of those the least certain. */
const repairOf = (
  corrections: ReadonlyArray<Correction>,
  difference: number,
  { limits }: TransactionPolicy,
): ReadonlyArray<Correction> | undefined => {
  const single = corrections.find(({ effect }) => effect === difference)
  if (single !== undefined) return [single]
  const pair = pairOf(corrections.slice(0, limits.correctionPairs), difference)
  if (pair !== undefined) return pair
  const few = corrections.slice(0, limits.correctionTriples)
  const triples = few.flatMap((first, index) => {
    const rest = pairOf(few.slice(index + 1), difference - first.effect)
    return rest === undefined ? [] : [[first, ...rest]]
  })
  return lightest(triples)
}

const pairOf = (corrections: ReadonlyArray<Correction>, sum: number) => {
  const earlier = new Map<number, Correction>()
  const pairs = corrections.flatMap((correction) => {
    const other = earlier.get(sum - correction.effect)
    if (!earlier.has(correction.effect)) earlier.set(correction.effect, correction)
    return other === undefined ? [] : [[other, correction]]
  })
  return lightest(pairs)
}

const lightest = (sets: ReadonlyArray<ReadonlyArray<Correction>>) => {
  const weightOf = (set: ReadonlyArray<Correction>) => set.reduce((sum, { weight }) => sum + weight, 0)
  return sets.reduce<ReadonlyArray<Correction> | undefined>(
    (best, set) => (best === undefined || weightOf(set) < weightOf(best) ? set : best),
    undefined,
  )
}

/** The decisions, with those in doubt turned into questions; with the suggestion to correct them, or another one. */
const questioned = (
  decisions: ReadonlyArray<Decision>,
  doubtful: ReadonlyArray<Correction>,
  instead?: "same" | null,
): ReadonlyArray<Decision> => {
  const byRow = new Map(doubtful.map((correction) => [correction.decision.row, correction]))
  return decisions.map((decision): Decision => {
    const correction = byRow.get(decision.row)
    if (correction === undefined) return decision
    const { row } = decision
    const doubt = decision.action === "review" ? decision.doubt : "out_of_balance"
    const suggestion = instead === undefined ? correction.suggestion : instead
    return { action: "review", row, candidates: correction.candidates, doubt, suggestion }
  })
}
