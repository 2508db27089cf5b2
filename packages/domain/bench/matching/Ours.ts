/**
 * Our policy, and its bare weights: what the guards are worth shows between the two.
 */
import * as AccountMatching from "../../src/matching/AccountMatching.ts"
import type * as Decision from "../../src/matching/Decision.ts"
import { type Policy } from "../../src/matching/Policy.ts"
import * as Profile from "../../src/matching/Profile.ts"
import * as Weighing from "../../src/matching/Weighing.ts"
import { type SharedValues } from "../../src/testing/population.ts"
import { type Rule, type Verdict } from "./Baselines.ts"

type Shared = ReadonlyMap<string, SharedValues>

export const ours =
  (policy: Policy, shared: Shared): Rule =>
  (reconnection) => {
    const decisions = decisionsOf(policy, shared, reconnection)
    return reconnection.incoming.map(({ source }) => verdictOf(decisions.get(source)))
  }

const decisionsOf = (
  policy: Policy,
  shared: Shared,
  reconnection: Parameters<Rule>[0],
): ReadonlyMap<string, Decision.Decision> =>
  new Map(
    AccountMatching.decide(policy, groundsOf(reconnection, shared)).map((decision) => [decision.source, decision]),
  )

/** The same weights, each pair for itself, the best first: no veto, no margin, no corroboration, no cap. */
export const bareWeights =
  (policy: Policy, shared: Shared): Rule =>
  (reconnection) => {
    const grounds = groundsOf(reconnection, shared)
    const { weigh } = Weighing.scaleOf({ ...policy, vetoes: [], caps: [], doubts: [] })
    const pairs = grounds.pairs
      .map((pair) => ({
        source: grounds.incoming[pair.incoming]?.source,
        accountId: grounds.accounts[pair.account]?.accountId ?? "",
        score: weigh(pair).score,
      }))
      .toSorted((one, other) => other.score - one.score)
    const linked = new Map<string | undefined, string>()
    const given = new Set<string>()
    for (const { accountId, score, source } of pairs) {
      if (score < 17_000 || linked.has(source) || given.has(accountId)) continue
      linked.set(source, accountId)
      given.add(accountId)
    }
    return reconnection.incoming.map(({ source }): Verdict => {
      const to = linked.get(source)
      if (to !== undefined) return { action: "auto", to }
      const candidates = pairs
        .filter(
          (pair) => pair.source === source && pair.score >= policy.thresholds.low.score && !given.has(pair.accountId),
        )
        .map(({ accountId }) => accountId)
      return candidates.length === 0 ? { action: "create" } : { action: "review", candidates }
    })
  }

const groundsOf = ({ held, incoming, intent }: Parameters<Rule>[0], shared: Shared): AccountMatching.Grounds =>
  AccountMatching.observe({
    held: held.map((one) => ({ ...one, ...seenOf(one.description) })),
    incoming: incoming.map((one) => ({ ...one, ...seenOf(one.description) })),
    reconnecting: intent?.reconnect,
    shared,
  })

/** Nobody real is in a population: the canonical form itself can stand for its keyed hash. */
const seenOf = (description: Profile.Description) => ({
  profile: Profile.profileOf(description, (_, canonical) => canonical),
  bookings: description.bookings,
  balance: description.balance,
})

const verdictOf = (decision: Decision.Decision | undefined): Verdict => {
  if (decision === undefined || decision.action === "create") return { action: "create" }
  const bits = decision.margin / 1000
  if (decision.action === "review" || decision.action === "reject") {
    return { action: "review", candidates: decision.candidates.map(({ accountId }) => accountId), bits }
  }
  return { action: "auto", to: decision.target ?? "", bits }
}
