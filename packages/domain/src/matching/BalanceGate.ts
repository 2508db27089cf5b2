/**
 * The last check of a reconciled batch: what the bank says was in the account at both ends must follow from the
 * rows between them, to the cent. When it does not, the likeliest correction becomes a question, so that an error
 * that nobody would have noticed is one that somebody decides.
 */
import type { TransactionPolicy } from "./TransactionPolicy.ts"
import { type Balances, dayOf, type Decision, type Held, isBooked, isPending, type Row } from "./TransactionRow.ts"

export { type Balances } from "./TransactionRow.ts"

export interface Verdict {
  readonly outcome: "unchecked" | "balanced" | "unbalanced"
  /** Money out by the bank's balances less money out by the rows, in minor units. */
  readonly difference: number
  /** The likeliest rows that, decided the other way, make it balance. Empty when none do, or others are as likely. */
  readonly repair: ReadonlyArray<string>
}

export const unchecked: Verdict = { outcome: "unchecked", difference: 0, repair: [] }

/** Another way to pair a run of equal amounts. */
export interface Alternative {
  /** One row fewer is recognised, one more, or one instead of another. */
  readonly change: "fewer" | "more" | "instead"
  /** How much less likely it is, in milli-bits. */
  readonly weight: number
  /** The delivered rows that it decides otherwise, and the held ones that they may be. The first one is the reason. */
  readonly rows: ReadonlyArray<Ask>
}

interface Ask {
  readonly row: string
  readonly candidates: ReadonlyArray<string>
}

export interface Batch {
  readonly balances: Balances
  readonly held: ReadonlyArray<Held>
  readonly delivered: ReadonlyArray<Row>
  readonly decisions: ReadonlyArray<Decision>
  readonly alternatives: ReadonlyArray<Alternative>
  /** The held rows that a delivered one can be, likeliest first. */
  readonly partnersOf: (row: string) => ReadonlyArray<string>
  /** The account's rows once the decisions are carried out, questions left open. */
  readonly result: ReadonlyArray<Held>
  readonly policy: TransactionPolicy
}

export const check = (batch: Batch): { readonly verdict: Verdict; readonly decisions: ReadonlyArray<Decision> } => {
  const { bits, limits } = batch.policy
  const difference = differenceOf(batch)
  const corrections = correctionsOf(batch)
  const open = corrections.filter(({ isAsked }) => isAsked)
  const silent = corrections.filter(({ isAsked }) => !isAsked)
  const hidden = asking(hiddenIn(silent, bits), () => null)
  if (difference === 0) {
    const decisions = questioned(batch, [...hidden, ...asking(open, () => "same")])
    return { verdict: { ...unchecked, outcome: "balanced" }, decisions }
  }
  const best = lightest(corrections, difference, limits.correctionTriples)
  if (best === undefined) {
    const suspects = asking(corrections.slice(0, limits.suspects), () => null)
    return {
      verdict: { outcome: "unbalanced", difference, repair: [] },
      decisions: questioned(batch, [...hidden, ...suspects]),
    }
  }
  const rivals = rivalsOf(best, corrections, difference, bits)
  const isClear = rivals.length === 0
  const repair = isClear ? best.flatMap(({ rows }) => rows.slice(0, 1).map(({ row }) => row)) : []
  const questions = [
    ...hidden,
    ...asking(rivals, () => null),
    ...asking(best, (correction, place) => (isClear && place === 0 ? correction.suggestion : null)),
  ]
  return { verdict: { outcome: "unbalanced", difference, repair }, decisions: questioned(batch, questions) }
}

/** Corrections that explain the difference too, or may stand in for one of the best set, and are not much less likely. */
const rivalsOf = (
  best: ReadonlyArray<Correction>,
  corrections: ReadonlyArray<Correction>,
  difference: number,
  { doubtful }: TransactionPolicy["bits"],
): ReadonlyArray<Correction> => {
  const others = new Set(amountingTo(corrections, difference, weightOf(best) + doubtful))
  const standsIn = (one: Correction) =>
    best.some(({ effect, weight }) => one.effect === effect && one.weight <= weight + doubtful)
  return corrections.filter((one) => !best.includes(one) && (others.has(one) || standsIn(one)))
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

/** Decisions that could be the other way round. */
interface Correction {
  /** What it adds to the money out. */
  readonly effect: number
  /** How much likelier the decision is than its opposite, in milli-bits. */
  readonly weight: number
  readonly rows: ReadonlyArray<Ask>
  /** What the first row is, if it is so. */
  readonly suggestion: "same" | "new"
  /** It is a question already. */
  readonly isAsked: boolean
}

/** The least certain first. */
const correctionsOf = (batch: Batch): ReadonlyArray<Correction> => {
  const { alternatives, balances, decisions, delivered } = batch
  const rows = new Map(delivered.map((row) => [row.id, row]))
  const byRow = new Map(decisions.map((decision) => [decision.row, decision]))
  const counted = (id: string) => {
    const row = rows.get(id)
    return row !== undefined && !isPending(row) && isCounted(balances, row) ? row : undefined
  }
  const rewired = alternatives.flatMap((alternative): ReadonlyArray<Correction> => {
    const { change, rows, weight } = alternative
    const row = counted(rows[0]?.row ?? "")
    const isStanding = rows.every(({ row }, place) => {
      const isAlone = place === 0 && change !== "fewer"
      return byRow.get(row)?.action === (isAlone ? "insert" : "merge")
    })
    if (row === undefined || !isStanding) return []
    const effect = change === "instead" ? 0 : change === "fewer" ? row.amount : -row.amount
    return [{ effect, weight, rows, suggestion: change === "fewer" ? "new" : "same", isAsked: false }]
  })
  return [...rewired, ...farTwins(batch, counted), ...openOnes(batch, counted)]
    .filter(({ weight }) => weight < Infinity)
    .toSorted((a, b) => a.weight - b.weight || compareRows(a, b))
}

const compareRows = (a: Correction, b: Correction) => {
  const [x = "", y = ""] = [a, b].map(({ rows, suggestion }) => JSON.stringify([rows, suggestion]))
  return x < y ? -1 : x > y ? 1 : 0
}

/** New rows with an equal one that was not delivered, but further off than a date moves. */
const farTwins = (
  { decisions, held, policy }: Batch,
  counted: (id: string) => Row | undefined,
): ReadonlyArray<Correction> => {
  const merged = new Set(decisions.flatMap((decision) => (decision.action === "merge" ? [decision.into] : [])))
  const keyOf = (row: Row) => `${row.currency} ${row.amount}`
  const unseen = Map.groupBy(
    held.filter((row) => isBooked(row) && !merged.has(row.id)),
    keyOf,
  )
  return decisions.flatMap((decision): ReadonlyArray<Correction> => {
    const row = decision.action === "insert" ? counted(decision.row) : undefined
    if (row === undefined || decision.action !== "insert") return []
    const [twin] = (unseen.get(keyOf(row)) ?? [])
      .map((held) => ({ id: held.id, days: Math.abs(dayOf(held.date) - dayOf(row.date)) }))
      .filter(({ days }) => days >= policy.bits.shift.length && days <= policy.days.suspect)
      .toSorted((a, b) => a.days - b.days || (a.id < b.id ? -1 : 1))
    if (twin === undefined) return []
    const weight = policy.bits.far + (decision.where === "inside" ? 0 : policy.bits.missedByOld)
    const rows = [{ row: row.id, candidates: [twin.id] }]
    return [{ effect: -row.amount, weight, rows, suggestion: "same", isAsked: false }]
  })
}

/** Questions whose answer can be that the row is new, beside one that stands in the books. */
const openOnes = ({ decisions, held }: Batch, counted: (id: string) => Row | undefined): ReadonlyArray<Correction> => {
  const heldById = new Map(held.map((row) => [row.id, row]))
  return decisions.flatMap((decision): ReadonlyArray<Correction> => {
    const row = decision.action === "review" ? counted(decision.row) : undefined
    if (row === undefined || decision.action !== "review") return []
    const { candidates } = decision
    if (!candidates.some((id) => isBooked(heldById.get(id) ?? nothing))) return []
    return [{ effect: row.amount, weight: 0, rows: [{ row: row.id, candidates }], suggestion: "new", isAsked: true }]
  })
}

/**
 * Corrections that leave the balance as it is, so that no balance will ever show them: one row instead of another; one
 * more and one fewer of an amount. Of the latter, it is enough to ask about one side: once it is answered, an error on
 * the other shows.
 */
const hiddenIn = (
  corrections: ReadonlyArray<Correction>,
  { exchanged, offset }: TransactionPolicy["bits"],
): ReadonlyArray<Correction> => {
  const exchanges = corrections.filter(({ effect, weight }) => effect === 0 && weight <= exchanged)
  const inPairs = amountingTo(
    corrections.filter(({ effect }) => effect !== 0),
    0,
    offset,
  )
  const bySide = Map.groupBy(inPairs, ({ effect }) => effect)
  const countOf = (effect: number) => bySide.get(effect)?.length ?? 0
  const oneSides = inPairs.filter(({ effect }) => {
    const [here, there] = [countOf(effect), countOf(-effect)]
    return here < there || (here === there && effect < 0)
  })
  return [...exchanges, ...oneSides]
}

/** Every correction that alone, or with one other, adds up to a sum and is at most so unlikely. */
const amountingTo = (
  corrections: ReadonlyArray<Correction>,
  sum: number,
  weight: number,
): ReadonlyArray<Correction> => {
  const lightest = lightestByEffect(corrections)
  return corrections.filter((correction) => {
    if (correction.effect === sum && correction.weight <= weight) return true
    const other = partnerOf(lightest, correction, sum)
    return other !== undefined && correction.weight + other.weight <= weight
  })
}

/** The first correction that makes up a sum; or the lightest two, or three of those that are the least certain. */
const lightest = (
  corrections: ReadonlyArray<Correction>,
  sum: number,
  triples: number,
): ReadonlyArray<Correction> | undefined => {
  const single = corrections.find(({ effect }) => effect === sum)
  if (single !== undefined) return [single]
  const pair = lightestPair(corrections, sum)
  if (pair !== undefined) return pair
  const few = corrections.slice(0, triples)
  return lighter(
    few.flatMap((first, index) => {
      const rest = lightestPair(few.slice(index + 1), sum - first.effect)
      return rest === undefined ? [] : [[first, ...rest]]
    }),
  )
}

const lightestPair = (corrections: ReadonlyArray<Correction>, sum: number) => {
  const byEffect = lightestByEffect(corrections)
  return lighter(
    corrections.flatMap((correction) => {
      const other = partnerOf(byEffect, correction, sum)
      return other === undefined ? [] : [[correction, other]]
    }),
  )
}

/** The two lightest of each effect: one of them is not the correction that looks for a partner. */
const lightestByEffect = (corrections: ReadonlyArray<Correction>) => {
  const found = new Map<number, ReadonlyArray<Correction>>()
  for (const correction of corrections) {
    const before = found.get(correction.effect) ?? []
    if (before.length < 2) found.set(correction.effect, [...before, correction])
  }
  return found
}

const partnerOf = (
  lightest: ReadonlyMap<number, ReadonlyArray<Correction>>,
  correction: Correction,
  sum: number,
): Correction | undefined =>
  lightest.get(sum - correction.effect)?.find(({ rows }) => rows[0]?.row !== correction.rows[0]?.row)

const lighter = (sets: ReadonlyArray<ReadonlyArray<Correction>>) =>
  sets.reduce<ReadonlyArray<Correction> | undefined>(
    (best, set) => (best === undefined || weightOf(set) < weightOf(best) ? set : best),
    undefined,
  )

const weightOf = (set: ReadonlyArray<Correction>) => set.reduce((sum, { weight }) => sum + weight, 0)

/** A row to be asked about. */
interface Question extends Ask {
  readonly suggestion: "same" | "new" | null
}

const asking = (
  corrections: ReadonlyArray<Correction>,
  suggest: (correction: Correction, place: number) => Question["suggestion"],
): ReadonlyArray<Question> =>
  corrections.flatMap((correction) =>
    correction.rows.map((ask, place) => ({ ...ask, suggestion: suggest(correction, place) })),
  )

/**
 * The decisions, with those in doubt turned into questions; of two about one row the later one makes the suggestion. What
 * one question sets free is a candidate of the others: whatever is answered to one, the right answer to the next is there.
 */
const questioned = (
  { decisions, partnersOf, policy }: Batch,
  questions: ReadonlyArray<Question>,
): ReadonlyArray<Decision> => {
  const asked = Map.groupBy(questions, ({ row }) => row)
  const taken = new Set(
    decisions.flatMap((decision) => (decision.action === "merge" && !asked.has(decision.row) ? [decision.into] : [])),
  )
  return decisions.map((decision): Decision => {
    const { row } = decision
    const isReview = decision.action === "review"
    const ofRow = asked.get(row) ?? (isReview ? [] : undefined)
    if (ofRow === undefined) return decision
    const before = isReview ? decision.candidates : decision.action === "merge" ? [decision.into] : []
    const free = [...ofRow.flatMap(({ candidates }) => candidates), ...partnersOf(row)].filter((id) => !taken.has(id))
    const candidates = [...new Set([...before, ...free])].slice(0, Math.max(policy.limits.candidates, before.length))
    const doubt = isReview ? decision.doubt : "out_of_balance"
    return { action: "review", row, candidates, doubt, suggestion: ofRow.at(-1)?.suggestion ?? null }
  })
}
