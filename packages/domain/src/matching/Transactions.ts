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
import * as Descriptions from "./Descriptions.ts"
import * as RunMatching from "./RunMatching.ts"
import { current, type TransactionPolicy } from "./TransactionPolicy.ts"
import {
  dateOf,
  dayOf,
  type Decision,
  type Doubt,
  type Held,
  type Interval,
  isIgnored,
  isPending,
  type Row,
  type Tier,
} from "./TransactionRow.ts"

export {
  dateOf,
  dayOf,
  type Decision,
  type Doubt,
  type Held,
  type Interval,
  isBooked,
  isPending,
  type Row,
  type Tier,
} from "./TransactionRow.ts"

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
  readonly balances?: BalanceGate.Balances
  readonly policy?: TransactionPolicy
}

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
  const context: Context = { request, policy, describe: describer(), compare: comparer() }
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
  return balances === undefined ? decided : gated(request, policy, decided, balances, pairs.alternatives)
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
  alternatives: ReadonlyArray<BalanceGate.Alternative>,
): Reconciliation => {
  const { decisions, verdict } = BalanceGate.check({
    balances,
    held: request.held,
    delivered: request.delivered,
    decisions: decided.decisions,
    alternatives,
    result: apply(request, decided, (row) => `new ${row.id}`),
    policy,
  })
  return { ...decided, decisions, balance: verdict }
}

interface Context {
  readonly request: Request
  readonly policy: TransactionPolicy
  readonly describe: (row: Row) => Described
  readonly compare: typeof Descriptions.compare
}

// ---------------------------------------------------------------------------------------------- rows and their text

interface Described {
  readonly description: Descriptions.Description
  readonly merchant: Descriptions.Description | null
}

const describer = () => {
  const known = new Map<string, Descriptions.Description>()
  const read = (text: string, date: string) => {
    const key = /\d[./-]\d/u.test(text) ? `${date} ${text}` : text
    const found = known.get(key) ?? Descriptions.read(text, dayOf(date))
    known.set(key, found)
    return found
  }
  return (row: Row): Described => ({
    description: read(row.description, row.date),
    merchant: row.merchant === null || row.merchant.trim() === "" ? null : read(row.merchant, row.date),
  })
}

/** Compares the same two texts once. */
const comparer = (): typeof Descriptions.compare => {
  const known = new Map<Descriptions.Description, Map<Descriptions.Description, Descriptions.Likeness>>()
  return (a, b) => {
    const ofA = known.get(a) ?? new Map<Descriptions.Description, Descriptions.Likeness>()
    known.set(a, ofA)
    const likeness = ofA.get(b) ?? Descriptions.compare(a, b)
    ofA.set(b, likeness)
    return likeness
  }
}

/** What descriptions, merchants and counterparties together say of two rows. */
const likenessOf = ({ compare, describe }: Context, a: Row, b: Row): Descriptions.Likeness => {
  const [x, y] = [describe(a), describe(b)]
  const said = compare(x.description, y.description)
  if (said === "other_instalment" || said === "same" || said === "equal" || said === "alike") return said
  if (a.counterparty !== null && a.counterparty === b.counterparty) return "alike"
  if (said === "renumbered" || said === "rereferenced") return said
  const sides = [
    [x.merchant, y.merchant],
    [x.merchant, y.description],
    [x.description, y.merchant],
  ] as const
  const others = sides.flatMap(([a, b]) => (a === null || b === null ? [] : [compare(a, b)]))
  if (others.some((likeness) => likeness === "same" || likeness === "equal" || likeness === "alike")) return "alike"
  return others.includes("different") ? "different" : said
}

/** Two payments, whatever else agrees. */
const areApart = (a: Row, b: Row) =>
  differ(a.owner, b.owner) || differ(a.counterparty, b.counterparty) || differ(a.check, b.check)

const differ = (a: string | null, b: string | null) => a !== null && b !== null && a !== b

/** A person typed it, or imported it from where rows have no names. */
const isTyped = (row: Held) => namesOf(row).length === 0 && row.references.length === 0

const namesOf = (row: Held) => (row.transactionId === null ? row.aliases : [row.transactionId, ...row.aliases])

const inOrder = (a: Row, b: Row) => compareText(a.date, b.date) || compareText(a.id, b.id)

const compareText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

const ids = (rows: ReadonlyArray<Row>) => rows.map((row) => row.id)

const merged = (delivered: Row, held: Held, tier: Tier, weight: number | null): Decision => ({
  action: "merge",
  row: delivered.id,
  into: held.id,
  tier,
  weight,
  days: dayOf(delivered.date) - dayOf(held.date),
  tombstone: held.deleted,
})

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

// --------------------------------------------------------------------------------------------------- within one batch

/**
 * Rows that one batch holds twice: under one id; with the pending row that it posts; and, where references name
 * nothing, rows without an id that agree in everything.
 */
const twins = (
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

// ------------------------------------------------------------------------------------------------------------- names

/** An id that stands on two rows names neither. */
const several = Symbol("several")

const linkByName = (context: Context, rows: ReadonlyArray<Row>) => {
  const { request, policy } = context
  const decisions: Array<Decision> = []
  const claimed = new Set<string>()
  const open = new Set(rows)
  const link = (
    tier: Tier,
    names: (row: Row) => ReadonlyArray<string>,
    heldNames: (row: Held) => ReadonlyArray<string>,
    judge: (row: Row, held: Held) => "merge" | Doubt | undefined,
  ) => {
    const sought = index([...open], names)
    const found = index(
      request.held.filter((row) => isExclusive(tier) === false || !claimed.has(row.id)),
      (row) => heldNames(row).filter((name) => sought.has(name)),
    )
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

  link(
    "id",
    (row) => (row.transactionId === null ? [] : [row.transactionId]),
    namesOf,
    (row, held) => {
      if (row.currency !== held.currency) return undefined
      return isOneRow(context, row, held) || isPending(held) ? "merge" : "contradicted_reference"
    },
  )
  link(
    "pending_id",
    (row) => (row.pendingId === null ? [] : [row.pendingId]),
    namesOf,
    (row, held) => (row.currency === held.currency ? "merge" : undefined),
  )
  if (!request.unstableReferences) {
    const references = (row: Row) => row.references
    link("reference", references, references, named)
  }
  const checks = (row: Row) => (row.check === null ? [] : [row.check])
  link("check", checks, checks, (row, held) =>
    differ(row.owner, held.owner) || differ(row.counterparty, held.counterparty) ? undefined : named(row, held),
  )
  return { decisions, claimed }
}

/** Several ids can name one row, since it keeps every id it ever had; a reference or a check number is one payment. */
const isExclusive = (tier: Tier) => tier === "reference" || tier === "check"

/** An id holds through a change of the amount, of the date or of the text, but not of all of them at once. */
const isOneRow = (context: Context, a: Row, b: Row) =>
  a.amount === b.amount ||
  likenessOf(context, a, b) !== "different" ||
  daysApart(context, a, b) < context.policy.bits.shift.length

const index = <R extends Row>(rows: ReadonlyArray<R>, names: (row: R) => ReadonlyArray<string>) => {
  const found = new Map<string, R | typeof several>()
  for (const row of rows) {
    for (const name of new Set(names(row))) found.set(name, found.has(name) ? several : row)
  }
  return found
}

// -------------------------------------------------------------------------------------------------------------- runs

interface Pair {
  readonly delivered: Row
  readonly held: Held
  readonly weight: number
  readonly tier: Tier
}

/** Rows of one currency and signed amount that no name decided, with the held rows they can be. */
interface Bucket {
  readonly delivered: ReadonlyArray<Row>
  readonly held: ReadonlyArray<Held>
  /** Nothing else about these days has the amount: a second payment of it would be a coincidence. */
  readonly isSole: boolean
}

const pairRuns = (context: Context, rows: ReadonlyArray<Row>, claimed: ReadonlySet<string>) => {
  const merges: Array<Pair> = []
  const leftover: Array<Bucket> = []
  const alternatives: Array<BalanceGate.Alternative> = []
  for (const bucket of bucketsOf(context, rows, claimed)) {
    for (const run of runsOf(context, bucket)) {
      const pairing = pairRun(context, run)
      const pairs = pairing.pairs.flat()
      merges.push(...pairs)
      if (context.request.balances !== undefined) alternatives.push(...alternativesOf(context, pairing))
      const isTaken = new Set<Row>(pairs.flatMap(({ delivered, held }) => [delivered, held]))
      const delivered = run.delivered.filter((row) => !isTaken.has(row))
      const held = run.held.filter((row) => !isTaken.has(row))
      if (delivered.length > 0 && held.length > 0) leftover.push({ delivered, held, isSole: run.isSole })
    }
  }
  return { merges, leftover, alternatives }
}

const bucketsOf = (
  { policy, request }: Context,
  rows: ReadonlyArray<Row>,
  claimed: ReadonlySet<string>,
): ReadonlyArray<Omit<Bucket, "isSole">> => {
  const keyOf = (row: Row) => `${row.currency} ${row.amount}`
  const buckets = new Map<string, { readonly delivered: Array<Row>; readonly held: Array<Held> }>()
  for (const row of rows) {
    const bucket = buckets.get(keyOf(row)) ?? { delivered: [], held: [] }
    bucket.delivered.push(row)
    buckets.set(keyOf(row), bucket)
  }
  // A row is never dated further from one that it is than this.
  const margin = policy.days.authorization + reachOf(policy)
  const spans = new Map([...buckets].map(([key, { delivered }]) => [key, datesAbout(delivered, margin)]))
  for (const row of request.held) {
    const key = keyOf(row)
    const span = spans.get(key)
    if (span === undefined || row.date < span.from || row.date > span.to) continue
    if (!claimed.has(row.id) && !isIgnored(row)) buckets.get(key)?.held.push(row)
  }
  return [...buckets.values()].filter(({ held }) => held.length > 0)
}

const datesAbout = (rows: ReadonlyArray<Row>, margin: number): Interval => {
  const days = rows.flatMap(({ authorized, date }) => [
    dayOf(date),
    ...(authorized === null ? [] : [dayOf(authorized)]),
  ])
  const first = days.reduce((least, day) => Math.min(least, day), Infinity)
  const last = days.reduce((most, day) => Math.max(most, day), -Infinity)
  return { from: dateOf(first - margin), to: dateOf(last + margin) }
}

/** Stretches that lie further apart than any two rows that can be one. */
const runsOf = (context: Context, { delivered, held }: Omit<Bucket, "isSole">): ReadonlyArray<Bucket> => {
  const reach = reachOf(context.policy)
  const all = [
    ...delivered.map((row) => ({ row, span: spanOf(context, row), isHeld: false as const })),
    ...held.map((row) => ({ row, span: spanOf(context, row), isHeld: true as const })),
  ].toSorted((a, b) => a.span.from - b.span.from || compareText(a.row.id, b.row.id))
  const runs: Array<{ readonly delivered: Array<Row>; readonly held: Array<Held> }> = []
  let end = -Infinity
  for (const one of all) {
    if (one.span.from > end + reach) runs.push({ delivered: [], held: [] })
    end = Math.max(end, one.span.to)
    if (one.isHeld) runs.at(-1)?.held.push(one.row)
    else runs.at(-1)?.delivered.push(one.row)
  }
  return runs
    .filter(({ delivered, held }) => delivered.length > 0 && held.length > 0)
    .map(({ delivered, held }) => ({ delivered, held, isSole: delivered.length === 1 && held.length === 1 }))
}

const reachOf = ({ bits, days }: TransactionPolicy) =>
  Math.max(bits.shift.length - 1, bits.posting.length - 1 - days.postsEarly)

const spanOf = ({ policy }: Context, row: Row) => {
  const posted = dayOf(row.date)
  const authorized = authorizedDay(policy, row) ?? posted
  return { from: Math.min(posted, authorized), to: Math.max(posted, authorized) }
}

const authorizedDay = (policy: TransactionPolicy, row: Row) => {
  if (row.authorized === null) return undefined
  const day = dayOf(row.authorized)
  return Math.abs(dayOf(row.date) - day) <= policy.days.authorization ? day : undefined
}

/** Days from the held row to the delivered one. */
interface Distance {
  /** By the day of the purchase where both tell it, otherwise by the dates of the rows. */
  readonly days: number
  /** By the day of the purchase that one tells, and the date of the other. */
  readonly mixed: number | null
}

const distance = ({ policy }: Context, delivered: Row, held: Row): Distance => {
  const [a, b] = [authorizedDay(policy, delivered), authorizedDay(policy, held)]
  const [x, y] = [dayOf(delivered.date), dayOf(held.date)]
  if (a !== undefined && b !== undefined) return { days: a - b, mixed: null }
  return { days: x - y, mixed: a !== undefined ? a - y : b !== undefined ? x - b : null }
}

const daysApart = (context: Context, delivered: Row, held: Row): number => {
  const { days, mixed } = distance(context, delivered, held)
  return Math.min(Math.abs(days), Math.abs(mixed ?? days))
}

/** Interchangeable rows: whatever is said of one holds of the others. */
interface Kind<R extends Row> {
  readonly rows: ReadonlyArray<R>
  readonly one: R
  /** Equal for rows of one kind; orders kinds of one day. */
  readonly key: string
  readonly span: { readonly from: number; readonly to: number }
}

interface KindEdge extends RunMatching.Edge {
  readonly tier: Tier
}

/**
 * The likeliest pairing of a run. Where it leaves rows of both sides alone, although the old generation was complete
 * there, the hypothesis that the whole run was dated some days off is tried too.
 */
const pairRun = (context: Context, run: Bucket): Pairing => {
  const { bits } = context.policy
  const delivered = kindsOf(context, run.delivered)
  const held = kindsOf(context, run.held)
  const candidates = candidatesOf(context, delivered, held, run.isSole)
  const solve = (moved: number) => {
    const edges = candidates.flatMap(({ from, judged, to }): ReadonlyArray<KindEdge> => {
      const weight = weigh(context, judged, moved)
      return weight > 0 && judged.doubt === null ? [{ from, to, weight, tier: judged.tier }] : []
    })
    const graph = {
      delivered: delivered.map(({ rows }) => rows.length),
      held: held.map(({ rows }) => rows.length),
      edges,
    }
    const flow = RunMatching.match(graph)
    const total = edges.reduce((sum, { weight }, id) => sum + weight * (flow[id] ?? 0), 0)
    const size = flow.reduce((sum, count) => sum + count, 0)
    return { moved, graph, flow, size, total: moved === 0 ? total : total - bits.movedRun }
  }
  let best = solve(0)
  const covered = run.delivered.filter((row) => isWithin(context.request.coverage.held, row)).length
  if (best.size < covered && best.size < run.held.length) {
    for (let days = 1; days < bits.shift.length; days++) {
      for (const moved of [days, -days]) {
        const other = hasMoved(context, run, delivered, candidates, moved) ? solve(moved) : best
        if (other.total > best.total) best = other
      }
    }
  }
  const { flow, graph, moved } = best
  return { delivered, held, candidates, moved, graph, flow, pairs: paired(delivered, held, graph.edges, flow) }
}

/** How a run was paired, and what it was chosen from. */
interface Pairing {
  readonly delivered: ReadonlyArray<Kind<Row>>
  readonly held: ReadonlyArray<Kind<Held>>
  readonly candidates: ReadonlyArray<Candidate>
  /** The days by which the whole run was dated off. */
  readonly moved: number
  readonly graph: RunMatching.Graph
  readonly flow: ReadonlyArray<number>
  /** By edge of the graph. */
  readonly pairs: ReadonlyArray<ReadonlyArray<Pair>>
}

/** The other ways to pair a run: with a row fewer, with a row more, with another row. */
const alternativesOf = (context: Context, pairing: Pairing): ReadonlyArray<BalanceGate.Alternative> => {
  const { candidates, delivered, flow, graph, held, moved, pairs } = pairing
  const { rewired } = context.policy.limits
  // A pending row is not in the books: left over, or found, it makes no difference to them.
  const mayEnd = (kind: number) => held[kind]?.one.pending === false
  const losses = RunMatching.lossesOfFewer(graph, flow, mayEnd, rewired)
  const fewer = pairs.flatMap((onEdge, id) =>
    onEdge.map(({ delivered, held }): BalanceGate.Alternative => ({
      change: "fewer",
      weight: losses[id] ?? Infinity,
      rows: [{ row: delivered.id, candidates: [held.id] }],
    })),
  )
  const isPaired = new Set(pairs.flatMap((onEdge) => onEdge.map(({ delivered }) => delivered)))
  const more = RunMatching.rewirings(graph, flow, { ends: "more", mayEnd, steps: rewired })
  const instead = RunMatching.rewirings(graph, flow, { ends: "instead", mayEnd, steps: rewired })
  const others = candidates.flatMap(({ from, judged, to }) => {
    const alone = (delivered[from]?.rows ?? []).filter((row) => !isPaired.has(row))
    if (alone.length === 0) return []
    const edge = { from, to, weight: weigh(context, judged, moved) }
    // Rows of one text that take each other's places leave the same books behind.
    const ways = [
      { change: "more" as const, way: more(edge) },
      { change: "instead" as const, way: judged.doubt === null ? undefined : instead(edge) },
    ]
    return ways.flatMap(({ change, way }) => {
      if (way === undefined) return []
      const candidates = way.held.flatMap((kind) => held[kind]?.rows.map(({ id }) => id) ?? [])
      const moved = way.leaves.flatMap((id) => (pairs[id] ?? []).map(({ delivered }) => delivered))
      return alone.map((row): BalanceGate.Alternative => ({
        change,
        weight: way.loss,
        rows: [row, ...moved].map(({ id }) => ({ row: id, candidates })),
      }))
    })
  })
  return [...fewer, ...others]
}

/** Whether enough of a run has a row at that distance for all of it to have moved. */
const hasMoved = (
  { policy }: Context,
  run: Bucket,
  kinds: ReadonlyArray<Kind<Row>>,
  candidates: ReadonlyArray<Candidate>,
  moved: number,
) => {
  const isThere = ({ judged: { distance, doubt } }: Candidate) =>
    doubt === null && (distance.days === moved || distance.mixed === moved)
  const found = new Set(candidates.filter(isThere).map(({ from }) => from))
  const rows = [...found].reduce((sum, from) => sum + (kinds[from]?.rows.length ?? 0), 0)
  return rows * 1_000 >= Math.min(run.delivered.length, run.held.length) * policy.limits.movedRunPermille
}

const paired = (
  delivered: ReadonlyArray<Kind<Row>>,
  held: ReadonlyArray<Kind<Held>>,
  edges: ReadonlyArray<KindEdge>,
  flow: ReadonlyArray<number>,
): ReadonlyArray<ReadonlyArray<Pair>> => {
  const [nextDelivered, nextHeld] = [delivered.map(() => 0), held.map(() => 0)]
  return edges.map(({ from, tier, to, weight }, id) =>
    Array.from({ length: flow[id] ?? 0 }, () => {
      const row = delivered[from]?.rows[nextDelivered[from] ?? 0]
      const into = held[to]?.rows[nextHeld[to] ?? 0]
      nextDelivered[from] = (nextDelivered[from] ?? 0) + 1
      nextHeld[to] = (nextHeld[to] ?? 0) + 1
      return row === undefined || into === undefined ? [] : [{ delivered: row, held: into, weight, tier }]
    }).flat(),
  )
}

const kindsOf = <R extends Row>(context: Context, rows: ReadonlyArray<R>): ReadonlyArray<Kind<R>> => {
  const kinds = new Map<string, Array<R>>()
  for (const row of rows.toSorted(inOrder)) {
    const key = kindKey(row)
    const kind = kinds.get(key)
    if (kind === undefined) kinds.set(key, [row])
    else kind.push(row)
  }
  return [...kinds]
    .flatMap(([key, rows]) => rows.slice(0, 1).map((one) => ({ rows, one, key, span: spanOf(context, one) })))
    .toSorted(inKindOrder)
}

const inKindOrder = (a: Kind<Row>, b: Kind<Row>) => a.span.from - b.span.from || compareText(a.key, b.key)

const kindKey = (row: Row | Held) =>
  JSON.stringify([
    row.date,
    row.authorized,
    row.description,
    row.merchant,
    isPending(row),
    row.counterparty,
    row.check,
    row.owner,
    "deleted" in row && [row.deleted, isTyped(row)],
    row.transactionId === null,
    row.pendingId === null,
  ])

interface Candidate {
  readonly from: number
  readonly to: number
  readonly judged: Judged
}

/** The kinds that are near enough and can be one; in a crowded run, only neighbours of the same text. */
const candidatesOf = (
  context: Context,
  delivered: ReadonlyArray<Kind<Row>>,
  held: ReadonlyArray<Kind<Held>>,
  isSole: boolean,
): ReadonlyArray<Candidate> => {
  const reach = reachOf(context.policy)
  const starts = held.map(({ span }) => span.from)
  const longest = held.reduce((most, { span }) => Math.max(most, span.to - span.from), 0)
  const near = delivered.map(({ span }) => {
    const first = firstAtLeast(starts, span.from - reach - longest)
    return { first, end: firstAtLeast(starts, span.to + reach + 1) }
  })
  const count = near.reduce((sum, { end, first }) => sum + end - first, 0)
  const chosen =
    count <= context.policy.limits.pairsPerRun
      ? (from: number) => range(near[from]?.first ?? 0, near[from]?.end ?? 0)
      : neighbours(context, delivered, held)
  return delivered.flatMap(({ one }, from) =>
    chosen(from).flatMap((to) => {
      const other = held[to]
      const judged = other === undefined ? undefined : judge(context, one, other.one, isSole)
      return judged === undefined ? [] : [{ from, to, judged }]
    }),
  )
}

/** Of each kind, the held kinds of the same text that stand next to it in the order of days and texts. */
const neighbours = (context: Context, delivered: ReadonlyArray<Kind<Row>>, held: ReadonlyArray<Kind<Held>>) => {
  const textOf = (row: Row) => {
    const { description, merchant } = context.describe(row)
    return merchant?.normal ?? description.normal
  }
  const byText = Map.groupBy(held.keys(), (to) => (held[to] === undefined ? "" : textOf(held[to].one)))
  const order = new Map(
    [...delivered, ...held].toSorted(inKindOrder).map((kind, place): readonly [unknown, number] => [kind, place]),
  )
  const placeOf = (kind: Kind<Row> | undefined) => order.get(kind) ?? 0
  return (from: number): ReadonlyArray<number> => {
    const kind = delivered[from]
    const alike = kind === undefined ? [] : (byText.get(textOf(kind.one)) ?? [])
    const places = alike.map((to) => placeOf(held[to]))
    const middle = firstAtLeast(places, placeOf(kind))
    return alike.slice(Math.max(0, middle - 16), middle + 16)
  }
}

const range = (from: number, end: number) => Array.from({ length: Math.max(0, end - from) }, (_, index) => from + index)

const firstAtLeast = (sorted: ReadonlyArray<number>, least: number) => {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sorted[middle] ?? Infinity) < least) low = middle + 1
    else high = middle
  }
  return low
}

// ------------------------------------------------------------------------------------------------------- two rows

/** What speaks for two rows being one, but for the days between them. */
interface Judged {
  readonly tier: "content" | "posting"
  readonly distance: Distance
  readonly weight: number
  /** Only a person can say. */
  readonly doubt: Doubt | null
}

const judge = (context: Context, row: Row, held: Held, isSole: boolean): Judged | undefined => {
  const { policy, request } = context
  const isPosting = held.pending && !isPending(row)
  const isReversed = isPending(row) && !held.pending
  const tier = isPosting || isReversed ? "posting" : "content"
  const days = isReversed ? distance(context, held, row) : distance(context, row, held)
  if (!isReachable(policy, tier, days)) return undefined
  const haveIds = row.transactionId !== null && held.transactionId !== null
  if (request.sameGeneration && haveIds && !(isPosting && row.pendingId === null)) return undefined
  if (areApart(row, held)) return undefined
  const likeness = likenessOf(context, row, held)
  if (likeness === "other_instalment") return undefined
  const isUnlike = likeness === "different" || likeness === "renumbered"
  const doubt = !isUnlike
    ? null
    : isTyped(held)
      ? "typed"
      : likeness === "different"
        ? "other_merchant"
        : "other_number"
  const bonus = row.counterparty !== null && row.counterparty === held.counterparty ? policy.bits.counterparty : 0
  return {
    tier,
    distance: days,
    weight:
      surprise(context, row, held) +
      bonus +
      (isSole && doubt === null ? policy.bits.sole : 0) -
      (doubt === "typed" ? 0 : policy.bits.likeness[likeness]) -
      (held.deleted ? policy.bits.tombstone : 0),
    doubt,
  }
}

/** Whether two rows can be one at all, by their days. */
const isReachable = ({ bits, days }: TransactionPolicy, tier: Judged["tier"], { days: direct, mixed }: Distance) => {
  const isShift = (by: number) => Math.abs(by) < bits.shift.length
  const isDirect = tier === "posting" ? bits.posting[direct + days.postsEarly] !== undefined : isShift(direct)
  return isDirect || (mixed !== null && isShift(mixed))
}

/** How unlikely it is that neither generation had the other one's row, if they are two. */
const surprise = ({ policy: { bits }, request: { coverage } }: Context, row: Row, held: Held) => {
  const isMissedByOld = isWithin(coverage.held, row)
  const isMissedByNew = coverage.delivered === undefined || isWithin(coverage.delivered, held)
  const missedByNew = isTyped(held) ? bits.typedMissing : held.pending ? bits.pendingGone : bits.missedByNew
  return (isMissedByOld ? bits.missedByOld : 0) + (isMissedByNew ? missedByNew : 0)
}

const isWithin = (interval: Interval | null, { date }: Row) =>
  interval !== null && interval.from <= date && date <= interval.to

/** The whole weight, if the run moved by so many days; endlessly unlikely when the rows are too far apart. */
const weigh = ({ policy: { bits, days } }: Context, { distance, tier, weight }: Judged, moved: number): number => {
  const shifted = (by: number) => (Math.abs(by) < bits.shift.length ? (bits.shift[Math.abs(by - moved)] ?? far) : far)
  const isPosting = tier === "posting"
  const direct = isPosting ? (bits.posting[distance.days + days.postsEarly] ?? far) : shifted(distance.days)
  const mixed = distance.mixed === null ? far : shifted(distance.mixed) + (isPosting ? 0 : bits.mixedDates)
  return weight - Math.min(direct, mixed)
}

const far = Infinity

// --------------------------------------------------------------------------------------------------------- questions

interface Question {
  readonly delivered: Row
  readonly candidates: ReadonlyArray<Held>
}

/** What the runs left alone on both sides, and only a person can tell: equal amounts about one day, unlike texts. */
const questionsOf = (
  context: Context,
  leftover: ReadonlyArray<Bucket>,
): ReadonlyArray<Question & { readonly doubt: Doubt }> =>
  leftover.flatMap(({ delivered, held, isSole }) => {
    if (delivered.length * held.length > context.policy.limits.pairsPerRun) return []
    return delivered.flatMap((row) => {
      const likely = held
        .flatMap((held) => {
          const judged = judge(context, row, held, isSole)
          const weight = judged === undefined ? 0 : weigh(context, judged, 0)
          return judged?.doubt && weight > 0 ? [{ held, weight, doubt: judged.doubt }] : []
        })
        .toSorted((a, b) => b.weight - a.weight || inOrder(a.held, b.held))
      const [best] = likely
      if (best === undefined) return []
      const rivals = likely.filter(({ weight }) => best.weight - weight <= context.policy.bits.rivals)
      return [{ delivered: row, candidates: rivals.map(({ held }) => held), doubt: best.doubt }]
    })
  })

/**
 * Pending rows of the same merchant that a new row may have posted with another amount: a tip or a rate is a question;
 * an amount further off replaced a hold, which lapses.
 */
const changedPostings = (
  context: Context,
  rows: ReadonlyArray<Row>,
  claimed: ReadonlySet<string>,
  asked: ReadonlySet<string>,
) => {
  const { policy, request } = context
  const isOpen = (held: Held) =>
    held.pending && !held.deleted && !held.lapsed && !claimed.has(held.id) && !asked.has(held.id)
  const dayKey = (row: Row, day: number) => `${row.currency} ${Math.sign(row.amount)} ${day}`
  const byDay = Map.groupBy(request.held.filter(isOpen).toSorted(inOrder), (held) => dayKey(held, dayOf(held.date)))
  const questions: Array<Question> = []
  const replaced: Array<{ readonly delivered: Row; readonly held: Held }> = []
  if (byDay.size === 0) return { questions, replaced: [] }

  let compared = 0
  for (const row of rows) {
    if (isPending(row) || (request.sameGeneration && row.pendingId !== null)) continue
    const near = range(dayOf(row.date) - policy.tip.days, dayOf(row.date) + policy.days.postsEarly + 1)
      .toReversed()
      .flatMap((day) => byDay.get(dayKey(row, day)) ?? [])
    compared += near.length
    if (compared > policy.limits.pairsPerRun) break
    const ofMerchant = near.filter(
      (held) => held.amount !== row.amount && !areApart(row, held) && isAlike(likenessOf(context, row, held)),
    )
    const candidates = ofMerchant.filter((held) => isTip(policy, row, held))
    const [nearest] = ofMerchant
    if (candidates.length > 0) questions.push({ delivered: row, candidates })
    else if (nearest !== undefined) replaced.push({ delivered: row, held: nearest })
  }
  return { questions, replaced: replaced.map(({ held }) => held) }
}

const isAlike = (likeness: Descriptions.Likeness) =>
  likeness === "same" || likeness === "equal" || likeness === "alike" || likeness === "rereferenced"

const isTip = ({ tip }: TransactionPolicy, row: Row, held: Held) => {
  const [posted, pending] = [BigInt(Math.abs(row.amount)), BigInt(Math.abs(held.amount))]
  const change = (posted - pending) * 1_000n
  return change <= pending * BigInt(tip.abovePermille) && -change <= pending * BigInt(tip.belowPermille)
}

// ------------------------------------------------------------------------------------------------------ what is left

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
  return request.held.flatMap((held): Reconciliation["expire"] => {
    if (!held.pending || held.deleted || held.lapsed || claimed.has(held.id) || asked.has(held.id)) return []
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
