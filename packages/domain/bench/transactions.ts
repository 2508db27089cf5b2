/**
 * How the reconciliation of transactions compares with what others do, on generated statements. The rules named
 * after a project re-implement its idea, not its code. How long it takes and how much memory, `npm run bench` says.
 *
 *   node --conditions=@holdfast/source packages/domain/bench/transactions.ts [--batches n] [--from seed] [--only ours]
 */
import { parseArgs } from "node:util"

import * as Transactions from "../src/matching/Transactions.ts"
import { hazards, type Measured, measure, type Rule, statement, total } from "../src/testing/statements.ts"

type Decision = Transactions.Decision
type Row = Transactions.Row
type Held = Transactions.Held

const insert = (row: Row): Decision => ({ action: "insert", row: row.id, where: "uncovered", backfill: false })

const merge = (row: Row, held: Held): Decision => ({
  action: "merge",
  row: row.id,
  into: held.id,
  tier: "content",
  weight: 0,
  days: 0,
  tombstone: false,
})

const byDate = (rows: ReadonlyArray<Row>) =>
  rows.toSorted((a, b) => (a.date < b.date ? -1 : a.date > b.date ? 1 : a.id < b.id ? -1 : 1))

const daysBetween = (a: Row, b: Row) => Math.abs(Transactions.dayOf(a.date) - Transactions.dayOf(b.date))

/** Each delivered row takes the best held row that no other took. */
const greedy =
  (score: (row: Row, held: Held) => number | undefined): Rule =>
  ({ delivered, held }) => {
    const taken = new Set<string>()
    const byAmount = Map.groupBy(held, (row) => row.amount)
    return byDate(delivered).map((row) => {
      const [best] = (byAmount.get(row.amount) ?? [])
        .filter((held) => !taken.has(held.id))
        .flatMap((held) => {
          const points = score(row, held)
          return points === undefined ? [] : [{ held, points }]
        })
        .toSorted((a, b) => b.points - a.points || daysBetween(row, a.held) - daysBetween(row, b.held))
      if (best === undefined) return insert(row)
      taken.add(best.held.id)
      return merge(row, best.held)
    })
  }

const peers: Record<string, Rule> = {
  "append all": ({ delivered }) => delivered.map(insert),
  "exact multiset (day, amount)": greedy((row, held) => (row.date === held.date ? 1 : undefined)),
  "hash as a set (Firefly-like)": ({ delivered, held }) => {
    const hash = (row: Row) => `${row.date} ${row.amount} ${row.description}`
    const known = new Map(held.map((row): [string, Held | Row] => [hash(row), row]))
    return delivered.map((row) => {
      const found = known.get(hash(row))
      if (found !== undefined)
        return { ...merge(row, { ...found, aliases: [], edited: false, deleted: false, lapsed: false }) }
      known.set(hash(row), row)
      return insert(row)
    })
  },
  "date skip (hledger-like)": ({ delivered, held }) => {
    const latest = held.map((row) => row.date).reduce((a, b) => (a > b ? a : b), "")
    let skip = held.filter((row) => row.date === latest).length
    return byDate(delivered).flatMap((row): ReadonlyArray<Decision> => {
      if (row.date > latest) return [insert(row)]
      if (row.date === latest) skip -= 1
      return row.date === latest && skip < 0 ? [insert(row)] : []
    })
  },
  "points (GnuCash-like)": greedy((row, held) => {
    const days = daysBetween(row, held)
    const points = 3 + (days === 0 ? 3 : days <= 4 ? 2 : -5)
    const text = row.description === held.description ? 2 : half(row) === half(held) ? 1 : 0
    return points + text >= 4 ? points + text : undefined
  }),
  "payee, then any, 7 days (Actual-like)": ({ delivered, held, ...request }) => {
    const payee = (row: Row) => row.description.toLowerCase().replaceAll(/[^a-z]/g, "")
    const isNear = (row: Row, held: Held) => daysBetween(row, held) <= 7
    const first = greedy((row, held) =>
      isNear(row, held) && payee(row) === payee(held) ? 7 - daysBetween(row, held) : undefined,
    )({ delivered, held, ...request })
    const taken = new Set(first.flatMap((decision) => (decision.action === "merge" ? [decision.into] : [])))
    const open = new Set(first.flatMap((decision) => (decision.action === "insert" ? [decision.row] : [])))
    const second = greedy((row, held) => (isNear(row, held) ? 7 - daysBetween(row, held) : undefined))({
      delivered: delivered.filter((row) => open.has(row.id)),
      held: held.filter((row) => !taken.has(row.id)),
      ...request,
    })
    return [...first.filter((decision) => decision.action === "merge"), ...second]
  },
}

const half = (row: Row) => row.description.slice(0, Math.ceil(row.description.length / 2))

const withoutBalances = ({ balances: _balances, ...request }: Transactions.Request) => request

const ours: Rule = (request) => Transactions.reconcile(withoutBalances(request)).decisions

const print = (scenario: string, rule: string, measured: Measured) => {
  const per1000 = (count: number) => (count * 1_000) / measured.payments
  const figures = {
    duplicated: per1000(measured.duplicated),
    vanished: per1000(measured.vanished),
    wrong: per1000(measured.wrong),
    undetected: per1000(measured.undetected),
    asked: per1000(measured.asked),
    exact: (measured.exact * 100) / measured.statements,
  }
  const columns = Object.values(figures).map((figure) => figure.toFixed(2).padStart(11))
  console.log(`${rule.padEnd(40)}${columns.join("")}`)
  lines.push(JSON.stringify({ bench: "transactions", scenario, rule, ...figures }))
}

const lines: Array<string> = []
const { values } = parseArgs({
  options: {
    batches: { type: "string", default: "300" },
    from: { type: "string", default: "0" },
    only: { type: "string" },
  },
})
const batches = Number(values.batches)
const compared = values.only === "ours" ? [] : Object.entries(peers)

for (const [scenario, rates] of Object.entries(hazards)) {
  const seeds = Array.from({ length: batches }, (_, n) => Number(values.from) + n)
  console.log(`\n${scenario}: ${batches} statements, per 1,000 payments`)
  console.log(
    `${"".padEnd(40)}${["duplicated", "vanished", "wrong", "undetected", "asked", "exact %"].map((name) => name.padStart(11)).join("")}`,
  )
  const sums = new Map<string, Measured>()
  const add = (rule: string, measured: Measured) => {
    const before = sums.get(rule)
    sums.set(rule, before === undefined ? measured : total([before, measured]))
  }
  let alarms = 0
  for (const seed of seeds) {
    const one = statement(seed, rates)
    for (const [rule, decide] of compared) add(rule, measure(one, decide))
    const before = measure(one, ours)
    add("holdfast, before the gate", before)
    const gated = Transactions.reconcile(one.request)
    const after = measure(one, () => gated.decisions)
    add("holdfast, after the gate's questions", after)
    if (after.undetected > 0) console.log(`an error that no balance shows: statement ${seed}`)
    if (gated.balance.outcome === "unbalanced" && before.exact === 1) alarms += 1
  }
  for (const [rule, measured] of sums) print(scenario, rule, measured)
  console.log(`out of balance, although every row was decided rightly: ${alarms} statements`)
  lines.push(JSON.stringify({ bench: "transactions", scenario, alarms, batches }))
}

console.log("")
for (const line of lines) console.log(line)
