/**
 * Rows that no name decided, paired one to one: in each run of rows of one currency and signed amount that lie close
 * together, the pairing of the greatest total weight.
 */
import * as RunMatching from "./RunMatching.ts"
import {
  compareText,
  type Context,
  inOrder,
  isTyped,
  isWithin,
  type Judged,
  judge,
  reachOf,
  spanOf,
  weigh,
} from "./TransactionLikelihood.ts"
import { dateOf, dayOf, type Held, type Interval, isIgnored, isPending, type Row, type Tier } from "./TransactionRow.ts"

interface Pair {
  readonly delivered: Row
  readonly held: Held
  readonly weight: number
  readonly tier: Tier
}

/** Rows of one currency and signed amount that no name decided, with the held rows they can be. */
export interface Bucket {
  readonly delivered: ReadonlyArray<Row>
  readonly held: ReadonlyArray<Held>
  /** Nothing else about these days has the amount: a second payment of it would be a coincidence. */
  readonly isSole: boolean
}

export const pairRuns = (context: Context, rows: ReadonlyArray<Row>, claimed: ReadonlySet<string>) => {
  const merges: Array<Pair> = []
  const leftover: Array<Bucket> = []
  const pairings: Array<Pairing> = []
  for (const bucket of bucketsOf(context, rows, claimed)) {
    for (const run of runsOf(context, bucket)) {
      const pairing = pairRun(context, run)
      const pairs = pairing.pairs.flat()
      merges.push(...pairs)
      if (context.request.balances !== undefined) pairings.push(pairing)
      if (pairs.length === run.delivered.length || pairs.length === run.held.length) continue
      const isTaken = new Set<Row>(pairs.flatMap(({ delivered, held }) => [delivered, held]))
      const delivered = run.delivered.filter((row) => !isTaken.has(row))
      const held = run.held.filter((row) => !isTaken.has(row))
      leftover.push({ delivered, held, isSole: run.isSole })
    }
  }
  return { merges, leftover, pairings }
}

/** Rows of one amount and currency, and the dates that a held row must be of to be one of them. */
interface Opened {
  readonly currency: string
  readonly delivered: Array<Row>
  readonly held: Array<Held>
  readonly dates: Interval
}

const bucketsOf = (
  context: Context,
  rows: ReadonlyArray<Row>,
  claimed: ReadonlySet<string>,
): ReadonlyArray<Omit<Bucket, "isSole">> => {
  const all: Array<Opened> = []
  const byAmount = new Map<number, Array<Opened>>()
  for (const delivered of Map.groupBy(rows, ({ amount, currency }) => `${currency} ${amount}`).values()) {
    const [{ amount, currency } = { amount: 0, currency: "" }] = delivered
    const opened = { currency, delivered, held: [], dates: datesAbout(context, delivered) }
    all.push(opened)
    const ofAmount = byAmount.get(amount)
    if (ofAmount === undefined) byAmount.set(amount, [opened])
    else ofAmount.push(opened)
  }
  context.request.held.forEach((row) => {
    for (const { currency, dates, held } of byAmount.get(row.amount) ?? none) {
      const isNear = row.currency === currency && row.date >= dates.from && row.date <= dates.to
      if (isNear && !claimed.has(row.id) && !isIgnored(row)) held.push(row)
    }
  })
  return all.filter(({ held }) => held.length > 0)
}

const none: ReadonlyArray<Opened> = []

/** A row is never dated further from one that it is than this. */
const datesAbout = ({ policy }: Context, rows: ReadonlyArray<Row>): Interval => {
  const margin = policy.days.authorization + reachOf(policy)
  let [first, last] = [Infinity, -Infinity]
  for (const { authorized, date } of rows) {
    const [posted, bought] = [dayOf(date), dayOf(authorized ?? date)]
    first = Math.min(first, posted, bought)
    last = Math.max(last, posted, bought)
  }
  return { from: dateOf(first - margin), to: dateOf(last + margin) }
}

/** Stretches that lie further apart than any two rows that can be one. */
const runsOf = (context: Context, { delivered, held }: Omit<Bucket, "isSole">): ReadonlyArray<Bucket> => {
  const reach = reachOf(context.policy)
  const [row] = delivered
  const [into] = held
  // Most amounts are delivered once, and held once about that day.
  if (delivered.length === 1 && held.length === 1 && row !== undefined && into !== undefined) {
    const a = spanOf(context, row)
    const b = spanOf(context, into)
    const isNear = Math.max(a.from, b.from) <= Math.min(a.to, b.to) + reach
    return isNear ? [{ delivered, held, isSole: true }] : []
  }
  const all = [
    ...delivered.map((row) => placed(context, row, undefined)),
    ...held.map((row) => placed(context, row, row)),
  ]
  all.sort((a, b) => a.span.from - b.span.from || compareText(a.row.id, b.row.id))
  const runs: Array<{ readonly delivered: Array<Row>; readonly held: Array<Held> }> = []
  let end = -Infinity
  for (const { held, row, span } of all) {
    if (span.from > end + reach) runs.push({ delivered: [], held: [] })
    end = Math.max(end, span.to)
    if (held === undefined) runs.at(-1)?.delivered.push(row)
    else runs.at(-1)?.held.push(held)
  }
  return runs
    .filter(({ delivered, held }) => delivered.length > 0 && held.length > 0)
    .map(({ delivered, held }) => ({ delivered, held, isSole: delivered.length === 1 && held.length === 1 }))
}

const placed = (context: Context, row: Row, held: Held | undefined) => ({ row, held, span: spanOf(context, row) })

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
    const edges: Array<KindEdge> = []
    for (const { from, judged, to } of candidates) {
      const weight = weigh(context, judged, moved)
      if (weight > 0 && judged.doubt === null) edges.push({ from, to, weight, tier: judged.tier })
    }
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
export interface Pairing {
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

/** Whether enough of a run has a row at that distance for all of it to have moved. */
const hasMoved = (
  { policy }: Context,
  run: Bucket,
  kinds: ReadonlyArray<Kind<Row>>,
  candidates: ReadonlyArray<Candidate>,
  moved: number,
) => {
  const isThere = ({ judged: { days, doubt, mixedDays } }: Candidate) =>
    doubt === null && (days === moved || mixedDays === moved)
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
  const nextDelivered = delivered.map(() => 0)
  const nextHeld = held.map(() => 0)
  return edges.map(({ from, tier, to, weight }, id) => {
    const pairs: Array<Pair> = []
    for (let count = flow[id] ?? 0; count > 0; count--) {
      const row = delivered[from]?.rows[nextDelivered[from] ?? 0]
      const into = held[to]?.rows[nextHeld[to] ?? 0]
      nextDelivered[from] = (nextDelivered[from] ?? 0) + 1
      nextHeld[to] = (nextHeld[to] ?? 0) + 1
      if (row !== undefined && into !== undefined) pairs.push({ delivered: row, held: into, weight, tier })
    }
    return pairs
  })
}

const kindsOf = <R extends Row>(context: Context, rows: ReadonlyArray<R>): ReadonlyArray<Kind<R>> => {
  const [only] = rows
  // Most runs are one row and one row.
  if (rows.length === 1 && only !== undefined) return [{ rows, one: only, key: "", span: spanOf(context, only) }]
  const kinds = new Map<string, Kind<R> & { readonly rows: Array<R> }>()
  for (const row of rows.toSorted(inOrder)) {
    const key = kindKey(row)
    const kind = kinds.get(key)
    if (kind === undefined) kinds.set(key, { rows: [row], one: row, key, span: spanOf(context, row) })
    else kind.rows.push(row)
  }
  return Array.from(kinds.values()).toSorted(inKindOrder)
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
  // Only the balance says anything about pairs in doubt.
  const isGated = context.request.balances !== undefined
  const found: Array<Candidate> = []
  const compare = (from: number, to: number) => {
    const one = delivered[from]?.one
    const other = held[to]?.one
    const judged = one === undefined || other === undefined ? undefined : judge(context, one, other, isSole)
    if (judged !== undefined && (judged.doubt === null || isGated)) found.push({ from, to, judged })
  }
  if (count > context.policy.limits.pairsPerRun) {
    const alike = neighbours(context, delivered, held)
    for (let from = 0; from < delivered.length; from++) for (const to of alike(from)) compare(from, to)
  } else {
    near.forEach(({ end, first }, from) => {
      for (let to = first; to < end; to++) compare(from, to)
    })
  }
  return found
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
  const placesByText = new Map(Array.from(byText, ([text, alike]) => [text, alike.map((to) => placeOf(held[to]))]))
  return (from: number): ReadonlyArray<number> => {
    const kind = delivered[from]
    const text = kind === undefined ? "" : textOf(kind.one)
    const middle = firstAtLeast(placesByText.get(text) ?? [], placeOf(kind))
    return byText.get(text)?.slice(Math.max(0, middle - 16), middle + 16) ?? []
  }
}

export const range = (from: number, end: number) =>
  Array.from({ length: Math.max(0, end - from) }, (_, index) => from + index)

const firstAtLeast = (sorted: ReadonlyArray<number>, least: number) => {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sorted[middle] ?? Infinity) < least) low = middle + 1
    else high = middle
  }
  return low
}
