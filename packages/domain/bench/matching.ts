/**
 * `npm run bench:matching -- [--accounts N] [--population NAME[,NAME…]|all] [--seed N] [--only RULE[,…]] [--wrong] [--json FILE]`
 *
 * Measures how accounts are matched after a reconnection: our policy beside the rules that others use, on a population
 * whose truth is known (`src/testing/population.ts`). Streams: memory does not grow with the number of accounts.
 * Exits with 0 whatever the figures are.
 */
import { appendFileSync, writeFileSync } from "node:fs"
import { parseArgs } from "node:util"

import { recon1 } from "../src/matching/Policy.ts"
import * as Population from "../src/testing/population.ts"
import { fourTiers, plaidsRule, type Rule, tiered, type Verdict } from "./matching/Baselines.ts"
import { bareWeights, ours } from "./matching/Ours.ts"
import * as Tally from "./matching/Tally.ts"

const { values: options } = parseArgs({
  options: {
    accounts: { type: "string", default: "100000" },
    population: { type: "string", default: "defaults" },
    seed: { type: "string", default: "31" },
    only: { type: "string" },
    wrong: { type: "boolean", default: false },
    json: { type: "string" },
  },
})

const populations: Readonly<Record<string, Population.Parameters>> = {
  defaults: Population.defaults,
  conservative: Population.conservative,
  usOnly: Population.usOnly,
  euOnly: Population.euOnly,
  propertyManagers: Population.propertyManagers,
  noNumbers: Population.noNumbers,
  noOverlap: Population.noOverlap,
  stress: Population.stress,
}

const rulesOf = (shared: ReadonlyMap<string, Population.SharedValues>): Readonly<Record<string, Rule>> => ({
  "four tiers, numbers": fourTiers({ maskForNumber: false }),
  "four tiers, masks": fourTiers({ maskForNumber: true }),
  "Plaid's written rule": plaidsRule,
  "tiered, to the type": tiered,
  "bare weights, greedy": bareWeights(recon1, shared),
  ours: ours(recon1, shared),
})

const measure = (name: string, parameters: Population.Parameters, seed: number, accounts: number): void => {
  // What a host has counted over its other tenants, who are not among those measured.
  const others = Population.reconnections(parameters, { seed, from: 100_000_000, tenants: 3_000 })
  const rules = Object.entries(rulesOf(Population.sharedValues(others))).filter(([rule]) => isChosen(rule))
  const tallies = rules.map(([rule, decide]) => ({ rule, decide, tally: Tally.empty() }))

  let seen = 0
  for (const reconnection of Population.reconnections(parameters, { seed, tenants: Number.MAX_SAFE_INTEGER })) {
    if (seen >= accounts) break
    seen += reconnection.incoming.length
    let more: ReturnType<typeof reconnection.fetched> | undefined
    for (const { decide, rule, tally } of tallies) {
      const started = performance.now()
      const verdicts = decide(reconnection)
      tally.seconds += (performance.now() - started) / 1_000
      const fetched = isSettled(verdicts) ? verdicts : decide({ ...reconnection, ...(more ??= reconnection.fetched()) })
      const wrong = Tally.count(tally, reconnection, verdicts, fetched)
      if (options.wrong) for (const one of wrong) console.log(portrait(name, rule, reconnection, one))
    }
  }

  console.log(`\n${name}, seed ${seed}`)
  console.log(row(headings))
  for (const { rule, tally } of tallies) {
    console.log(row(figures(rule, tally)))
    if (tally.margins.size > 0) console.log(calibration(tally))
    if (options.json !== undefined) {
      const margins = [...tally.margins].toSorted(([a], [b]) => a - b)
      appendFileSync(options.json, `${JSON.stringify({ population: name, seed, rule, ...tally, margins })}\n`)
    }
  }
}

/** Nothing is left that more evidence could decide. */
const isSettled = (verdicts: ReadonlyArray<Verdict>): boolean => verdicts.every(({ action }) => action === "auto")

const isChosen = (rule: string): boolean => options.only === undefined || options.only.split(",").includes(rule)

const headings = [
  "rule",
  "auto",
  "wrong",
  "wrong/auto ≤95%",
  "recall",
  "review",
  "first ok",
  "missed",
  "conns",
  "fetched: wrong",
  "recall",
  "review",
  "missed",
  "accounts/s",
]

const figures = (rule: string, tally: Tally.Tally): ReadonlyArray<string> => [
  rule,
  `${tally.auto}`,
  `${tally.wrong}`,
  `${rate(tally.wrong / tally.auto)} ${rate(Tally.upperBound(tally.wrong, tally.auto))}`,
  percent(tally.right, tally.known),
  percent(tally.review, tally.incoming),
  percent(tally.rightFirst, tally.reviewKnown),
  percent(tally.missed, tally.known),
  percent(tally.connectionsToReview, tally.connections),
  `${tally.wrongFetched}`,
  percent(tally.rightFetched, tally.known),
  percent(tally.reviewFetched, tally.incoming),
  percent(tally.missedFetched, tally.known),
  `${Math.round(tally.incoming / tally.seconds)}`,
]

/** The error that was seen beside the one that the margin promises: at most one in 2^bits. */
const calibration = ({ margins }: Tally.Tally): string =>
  [...margins]
    .toSorted(([a], [b]) => a - b)
    .map(([bits, { chosen, wrong }]) => {
      const isKept = wrong / chosen <= 2 ** -bits
      return `    margin ${`${bits}`.padStart(2)} bits: ${wrong}/${chosen}  ${rate(wrong / chosen)}  promised ${rate(2 ** -bits)}${isKept ? "" : "  EXCEEDED"}`
    })
    .join("\n")

/** A wrong link with everything that spoke for it. All of it is invented. */
const portrait = (name: string, rule: string, reconnection: Population.Reconnection, wrong: Tally.Wrong): string => {
  const sides = wrong.stage === "fetched" ? reconnection.fetched() : reconnection
  const incoming = sides.incoming[wrong.index]
  const truth = incoming === undefined ? undefined : reconnection.truth.get(incoming.source)
  const brief = (one: Population.Incoming | Population.Held | undefined) => {
    if (one === undefined) return one
    const { bookings, ...description } = one.description
    const { description: _, ...rest } = one
    return { ...rest, ...description, bookings: bookings && `${bookings.from}…${bookings.to}: ${bookings.rows.length}` }
  }
  return JSON.stringify(
    {
      population: name,
      rule,
      tenant: reconnection.tenantId,
      happening: reconnection.happening,
      intent: reconnection.intent,
      stage: wrong.stage,
      incoming: brief(incoming),
      linkedTo: brief(sides.held.find(({ accountId }) => accountId === wrong.to)),
      truth: truth?.map((accountId) => brief(sides.held.find((held) => held.accountId === accountId))),
    },
    undefined,
    1,
  )
}

const rate = (value: number): string => (Number.isFinite(value) ? value.toExponential(1) : "–")

const percent = (part: number, whole: number): string => (whole === 0 ? "–" : `${((100 * part) / whole).toFixed(2)} %`)

const row = (cells: ReadonlyArray<string>): string =>
  cells
    .map((cell, index) => (index === 0 ? cell.padEnd(24) : cell.padStart(index === 3 ? 17 : index === 9 ? 15 : 10)))
    .join(" ")

if (options.json !== undefined) writeFileSync(options.json, "")
const chosen = options.population === "all" ? Object.keys(populations) : options.population.split(",")
for (const name of chosen) {
  const parameters = populations[name]
  if (parameters === undefined) throw new RangeError(`no population "${name}": ${Object.keys(populations).join(", ")}`)
  measure(name, parameters, Number(options.seed), Number(options.accounts))
}
