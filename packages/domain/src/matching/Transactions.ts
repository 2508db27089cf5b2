/**
 * What the transactions that a new generation delivers are in an account that already holds some: the same, new,
 * pending that posted, or a question.
 *
 * Rows are matched by count, never as a set: two equal coffees on one day stay two. What names a row exactly (its id,
 * a retired id, the pending row that it posts, a bank reference, a check number) decides first. The rest is paired one
 * to one among rows of the same currency and signed amount, by the greatest total weight. A row is never dropped:
 * absence from a new generation deletes nothing, and what was deleted stays as a tombstone that takes up its row when it
 * comes back.
 *
 * Pure, and independent of the order of its inputs. Every decision follows from the rows and a versioned policy of
 * integers, so it can be replayed to the byte.
 */
import * as BalanceGate from "./BalanceGate.ts"
import { type Alternatives, alternativesOf } from "./TransactionAlternatives.ts"
import { contextOf, type Context, inOrder, namesOf } from "./TransactionLikelihood.ts"
import { linkByName, twins } from "./TransactionNames.ts"
import { current, type TransactionPolicy } from "./TransactionPolicy.ts"
import { changedPostings, questionsOf } from "./TransactionQuestions.ts"
import {
  dateOf,
  dayOf,
  type Decision,
  type Held,
  type Interval,
  isIgnored,
  isPending,
  merged,
  type Request,
  type Row,
  type Tier,
} from "./TransactionRow.ts"
import { pairRuns } from "./TransactionRuns.ts"

export {
  dateOf,
  dayOf,
  type Decision,
  type Doubt,
  type Held,
  type Interval,
  isBooked,
  isPending,
  type Request,
  type Row,
  type Tier,
} from "./TransactionRow.ts"

export interface Reconciliation {
  readonly policy: string
  /** One for each delivered row, in the order of delivery. */
  readonly decisions: ReadonlyArray<Decision>
  /** Held pending rows that lapse. */
  readonly expire: ReadonlyArray<{
    readonly held: string
    readonly why: "amount_replaced" | "never_posted" | "cancelled"
  }>
  /** Days that neither generation covered; `declared` when the new fetch says what it covers. */
  readonly gap: (Interval & { readonly declared: boolean }) | null
  readonly balance: BalanceGate.Verdict
}

/** Decides every delivered row. */
export const reconcile = (request: Request): Reconciliation => {
  const policy = request.policy ?? current
  const context = contextOf(request, policy)
  const decisions = new Map<string, Decision>()
  const decide = (decision: Decision) => decisions.set(decision.row, decision)

  const ordered = request.delivered.toSorted(inOrder)
  for (const row of ordered) if (isIgnored(row)) decide({ action: "ignore", row: row.id, status: row.status ?? "" })
  const alone = (rows: ReadonlyArray<Row>) => rows.filter((row) => !decisions.has(row.id))
  for (const { into, row } of twins(context, alone(ordered))) decide({ action: "collapse", row: row.id, into: into.id })
  const named = linkByName(context, alone(ordered))
  for (const decision of named.decisions) decide(decision)

  const claimed = new Set(named.claimed)
  const asked = new Set<string>()
  const pairs = pairRuns(context, alone(ordered), claimed)
  for (const { delivered, held, tier, weight } of pairs.merges) {
    claimed.add(held.id)
    decide(merged(delivered, held, tier, weight))
  }
  const questions = questionsOf(context, pairs.leftover)
  for (const { candidates, delivered, doubt } of questions) {
    for (const held of candidates) asked.add(held.id)
    decide({ action: "review", row: delivered.id, candidates: ids(candidates), doubt, suggestion: null })
  }
  const tips = changedPostings(context, alone(ordered), claimed, asked)
  for (const { candidates, delivered } of tips.questions) {
    for (const held of candidates) asked.add(held.id)
    decide({
      action: "review",
      row: delivered.id,
      candidates: ids(candidates),
      doubt: "amount_changed",
      suggestion: null,
    })
  }
  for (const row of alone(ordered)) decide(inserted(request.coverage.held, row))

  const decided = {
    policy: policy.version,
    decisions: request.delivered.flatMap((row) => decisions.get(row.id) ?? []),
    expire: expired(context, tips.replaced, claimed, asked),
    gap: gapOf(context),
    balance: BalanceGate.unchecked,
  }
  const { balances } = request
  return balances === undefined
    ? decided
    : gated(request, policy, decided, balances, alternativesOf(context, pairs.pairings))
}

/**
 * The account's rows once the decisions are carried out. Questions change nothing until they are answered. A merged
 * row keeps its id, and knows the delivered one as an alias; what a person edited stays.
 *
 * @param newId our id of an inserted row
 */
export const apply = (
  { delivered, held }: Pick<Request, "delivered" | "held">,
  { decisions, expire }: Reconciliation,
  newId: (row: Row) => string,
): ReadonlyArray<Held> => {
  const rows = new Map(held.map((row) => [row.id, row]))
  const byId = new Map(delivered.map((row) => [row.id, row]))
  for (const { held: id } of expire) {
    const row = rows.get(id)
    if (row !== undefined) rows.set(id, { ...row, lapsed: true })
  }
  for (const decision of decisions) {
    const row = byId.get(decision.row)
    if (row === undefined) continue
    if (decision.action === "insert") rows.set(newId(row), entered(row, newId(row)))
    if (decision.action === "merge") {
      const into = rows.get(decision.into)
      if (into !== undefined) rows.set(into.id, confirmed(into, row, decision.tier))
    }
  }
  return [...rows.values()]
}

const gated = (
  request: Request,
  policy: TransactionPolicy,
  decided: Reconciliation,
  balances: BalanceGate.Balances,
  alternatives: Alternatives,
): Reconciliation => {
  const { decisions, verdict } = BalanceGate.check({
    balances,
    held: request.held,
    delivered: request.delivered,
    decisions: decided.decisions,
    alternatives: alternatives.all,
    partnersOf: alternatives.partnersOf,
    result: apply(request, decided, (row) => `new ${row.id}`),
    policy,
  })
  return { ...decided, decisions, balance: verdict }
}

const ids = (rows: ReadonlyArray<Row>) => rows.map((row) => row.id)

const inserted = (covered: Interval | null, row: Row): Decision => {
  const where =
    covered === null ? "uncovered" : row.date < covered.from ? "before" : row.date > covered.to ? "after" : "inside"
  return { action: "insert", row: row.id, where, backfill: where === "before" }
}

const entered = (row: Row, id: string): Held => ({
  ...row,
  id,
  pending: isPending(row),
  aliases: [],
  edited: false,
  deleted: false,
  lapsed: false,
})

const confirmed = (held: Held, row: Row, tier: Tier): Held => {
  const learned = [row.transactionId].filter((id) => id !== null && !namesOf(held).includes(id))
  const aliases = [...held.aliases, ...learned.filter((id) => id !== null)]
  const isUpdate = tier === "id" || ((tier === "posting" || tier === "pending_id") && !isPending(row))
  if (held.deleted || !isUpdate) return { ...held, aliases }
  const state = { amount: row.amount, pending: held.pending && isPending(row), lapsed: false, status: row.status }
  const said = { date: row.date, authorized: row.authorized, description: row.description, merchant: row.merchant }
  return { ...held, aliases, ...state, ...(!held.edited && said) }
}

const expired = (
  context: Context,
  replaced: ReadonlyArray<Held>,
  claimed: ReadonlySet<string>,
  asked: ReadonlySet<string>,
): Reconciliation["expire"] => {
  const { policy, request } = context
  const cancelled = new Set(request.delivered.flatMap((row) => (isIgnored(row) ? (row.transactionId ?? []) : [])))
  const isReplaced = new Set(replaced)
  const rows = request.delivered.filter((row) => !isIgnored(row)).map((row) => row.date)
  const reached = [request.coverage.delivered?.to ?? [], ...rows].flat().reduce(later, "0000-00-00")
  const isUnseen = gapOf(context) !== null
  const pending = request.held.filter(({ deleted, lapsed, pending }) => pending && !deleted && !lapsed)
  return pending.flatMap((held): Reconciliation["expire"] => {
    if (claimed.has(held.id) || asked.has(held.id)) return []
    const isOld = rows.length > 0 && dayOf(reached) - dayOf(held.date) > policy.days.pendingLives
    if (namesOf(held).some((name) => cancelled.has(name))) return [{ held: held.id, why: "cancelled" }]
    if (isReplaced.has(held)) return [{ held: held.id, why: "amount_replaced" }]
    return isOld && !isUnseen ? [{ held: held.id, why: "never_posted" }] : []
  })
}

const later = (a: string, b: string) => (a > b ? a : b)

/** What neither generation covered. Without a declared interval, a silence of more than a week is reported. */
const gapOf = ({ policy, request: { coverage, delivered } }: Context): Reconciliation["gap"] => {
  if (coverage.held === null) return null
  const end = dayOf(coverage.held.to)
  const from = dateOf(end + 1)
  if (coverage.delivered !== undefined) {
    const to = dateOf(dayOf(coverage.delivered.from) - 1)
    return to < from ? null : { from, to, declared: true }
  }
  const days = delivered.filter((row) => !isIgnored(row)).map((row) => dayOf(row.date))
  const first = days.reduce((least, day) => Math.min(least, day), Infinity)
  if (days.length === 0 || first - end <= policy.days.silence) return null
  return { from, to: dateOf(first - 1), declared: false }
}
