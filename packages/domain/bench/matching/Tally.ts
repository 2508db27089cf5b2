/**
 * Counts verdicts against the truth, in constant memory.
 */
import { type Reconnection } from "../../src/testing/population.ts"
import { type Verdict } from "./Baselines.ts"

export interface Tally {
  incoming: number
  known: number
  connections: number
  auto: number
  wrong: number
  /** Links that were right, and after missing evidence was fetched: links, wrong ones, right ones. */
  right: number
  autoFetched: number
  wrongFetched: number
  rightFetched: number
  /** After fetching, too: questions, and known accounts that became new ones. */
  reviewFetched: number
  missedFetched: number
  review: number
  reviewKnown: number
  rightFirst: number
  missed: number
  connectionsToReview: number
  seconds: number
  /** By whole bits of margin: first choices, and wrong ones among them. */
  readonly margins: Map<number, { chosen: number; wrong: number }>
}

export const empty = (): Tally => ({
  incoming: 0,
  known: 0,
  connections: 0,
  auto: 0,
  wrong: 0,
  right: 0,
  autoFetched: 0,
  wrongFetched: 0,
  rightFetched: 0,
  reviewFetched: 0,
  missedFetched: 0,
  review: 0,
  reviewKnown: 0,
  rightFirst: 0,
  missed: 0,
  connectionsToReview: 0,
  seconds: 0,
  margins: new Map(),
})

/** What is wrong about a verdict, for a list to look into. */
export interface Wrong {
  readonly index: number
  readonly to: string
  readonly stage: "asIs" | "fetched"
}

export const count = (
  tally: Tally,
  reconnection: Reconnection,
  verdicts: ReadonlyArray<Verdict>,
  fetched: ReadonlyArray<Verdict>,
): ReadonlyArray<Wrong> => {
  const wrong: Array<Wrong> = []
  tally.connections++
  if (verdicts.some(({ action }) => action === "review")) tally.connectionsToReview++
  for (const [index, { source }] of reconnection.incoming.entries()) {
    const truth = reconnection.truth.get(source)
    tally.incoming++
    if (truth !== undefined) tally.known++
    const verdict = verdicts[index]
    const after = fetched[index]
    if (verdict !== undefined) wrong.push(...countOne(tally, truth, verdict, index))
    if (after !== undefined) wrong.push(...countFetched(tally, truth, after, index))
  }
  return wrong
}

/**
 * Upper end of the one-sided 95 % interval of Clopper and Pearson: the probability at which so few or fewer of so many are
 * still seen once in twenty times.
 */
export const upperBound = (events: number, trials: number): number => {
  if (trials === 0 || events >= trials) return 1
  if (events === 0) return 1 - 0.05 ** (1 / trials)
  let [low, high] = [events / trials, 1]
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2
    if (atMost(events, trials, middle) > 0.05) low = middle
    else high = middle
  }
  return high
}

const countOne = (
  tally: Tally,
  truth: ReadonlyArray<string> | undefined,
  verdict: Verdict,
  index: number,
): ReadonlyArray<Wrong> => {
  if (verdict.action === "create") {
    if (truth !== undefined) tally.missed++
    return []
  }
  const choice = verdict.action === "auto" ? verdict.to : verdict.candidates[0]
  const isRight = choice !== undefined && (truth ?? []).includes(choice)
  if (verdict.bits !== undefined && choice !== undefined) {
    const bucket = Math.min(40, Math.floor(verdict.bits / 2) * 2)
    const found = tally.margins.get(bucket) ?? { chosen: 0, wrong: 0 }
    tally.margins.set(bucket, { chosen: found.chosen + 1, wrong: found.wrong + (isRight ? 0 : 1) })
  }
  if (verdict.action === "review") {
    tally.review++
    if (truth === undefined) return []
    tally.reviewKnown++
    if (isRight) tally.rightFirst++
    return []
  }
  tally.auto++
  if (isRight) tally.right++
  else tally.wrong++
  return isRight ? [] : [{ index, to: verdict.to, stage: "asIs" }]
}

const countFetched = (
  tally: Tally,
  truth: ReadonlyArray<string> | undefined,
  verdict: Verdict,
  index: number,
): ReadonlyArray<Wrong> => {
  if (verdict.action === "review") tally.reviewFetched++
  if (verdict.action === "create" && truth !== undefined) tally.missedFetched++
  if (verdict.action !== "auto") return []
  tally.autoFetched++
  if ((truth ?? []).includes(verdict.to)) {
    tally.rightFetched++
    return []
  }
  tally.wrongFetched++
  return [{ index, to: verdict.to, stage: "fetched" }]
}

/** Σ of the binomial probabilities from 0 to `events`, by logarithms so that nothing underflows. */
const atMost = (events: number, trials: number, probability: number): number => {
  const odds = Math.log(probability) - Math.log1p(-probability)
  let term = trials * Math.log1p(-probability)
  let sum = Math.exp(term)
  for (let k = 1; k <= events; k++) {
    term += Math.log((trials - k + 1) / k) + odds
    sum += Math.exp(term)
  }
  return sum
}
