/**
 * Adds up what was observed of a pair under a policy.
 *
 * Evidence of one family is of one sort: of what agrees in it only the strongest
 * counts, what contradicts always does. The sum of what counts is the score.
 */
import type * as Decision from "./Decision.ts"
import { Label, type Observation, type Pair, type Shared } from "./Evidence.ts"
import type * as Overlap from "./Overlap.ts"
import { log2Ratio, type Policy } from "./Policy.ts"

export interface Weighed {
  /** Milli-bits. */
  readonly score: number
  readonly evidence: ReadonlyArray<Decision.Evidence>
  readonly isVetoed: boolean
  /** What keeps it from being linked by itself, however much agrees. */
  readonly caps: ReadonlyArray<Decision.Obstacle>
  /** An identifier that nobody else carries agrees, and nothing raises a doubt. */
  readonly isIdentified: boolean
  /** Independent sorts of evidence agree. */
  readonly isCorroborated: boolean
}

export const weigh = (policy: Policy, pair: Pair): Weighed => {
  const { among, bookings, observed } = pair
  const isObserved = (label: Label) => observed.some((observation) => observation.label === label)
  const bars = [priorOf(policy, among)]
  for (const observation of observed) bars.push(barOf(policy, observation, isObserved))
  const history = bookings === undefined ? undefined : compareBookings(policy, bookings)
  if (history !== undefined) bars.push(history.bar)
  const evidence = countOnce(bars)

  const isIdentified = evidence.some(({ isOutdone, label }) => isOutdone === undefined && identifiers.has(label))
  const caps: Array<Decision.Obstacle> = policy.caps.filter(isObserved)
  if (history?.isContradiction === true) caps.push("bookings.disagree")
  return {
    score: evidence.reduce((sum, { milliBits }) => sum + milliBits, 0),
    evidence,
    isVetoed: policy.vetoes.some(isObserved),
    caps,
    isIdentified: isIdentified && !policy.doubts.some(isObserved),
    isCorroborated: isIdentified || agreesEnough(policy, evidence, history === undefined ? 0 : history.rareAmounts),
  }
}

/** Whether two independent families agree, one of them an identifier or the bookings. */
export const agreesEnough = (
  { corroboration }: Policy,
  evidence: ReadonlyArray<Decision.Evidence>,
  rareAmounts: number,
): boolean => {
  let [ofNumbers, ofBookings, isNamed, isRolled] = [0, 0, false, false]
  for (const { family, label, milliBits } of evidence) {
    if (family === "number" || family === "id") ofNumbers = Math.max(ofNumbers, milliBits)
    else if (family === "bookings") ofBookings = milliBits
    else if (label === "name.same") isNamed = milliBits > 0
    else if (label === "balance.rolls") isRolled = true
  }
  const { bookingsUnless } = corroboration
  const isIdentified = ofNumbers >= corroboration.identifier
  const isBooked =
    ofBookings >= corroboration.bookings &&
    rareAmounts >= corroboration.amounts &&
    !(bookingsUnless.length > 0 && bookingsUnless.every((label) => evidence.some((bar) => bar.label === label)))
  const families = Number(isIdentified) + Number(isBooked) + Number(isNamed) + Number(isRolled)
  return families >= corroboration.families && (isIdentified || isBooked || corroboration.families === 0)
}

const priorOf = ({ prior }: Policy, among: number): Decision.Evidence => ({
  family: "prior",
  label: "prior",
  milliBits: prior - log2Ratio(Math.max(1, among), 1),
  count: among,
})

const barOf = (policy: Policy, observation: Observation, isObserved: (label: Label) => boolean): Decision.Evidence => {
  const { label, milliBits } = countedAs(policy, observation, isObserved)
  const { carriers, values } = observation
  const family = familyOf.get(label) ?? "state"
  if (carriers === undefined)
    return values === undefined ? { family, label, milliBits } : { family, label, milliBits, values }
  return { family, label, milliBits, count: carriers, ...(values !== undefined && { values }) }
}

/** What is carried by several accounts, here or by the habit of the institution, says less than its policy's weight. */
const countedAs = (
  policy: Policy,
  { carriers = 1, label, seen }: Observation,
  isObserved: (label: Label) => boolean,
): { readonly label: Label; readonly milliBits: number } => {
  const { exclusive, weights } = policy
  const plain = { label, milliBits: weights[label].milliBits }
  switch (label) {
    case "iban.same":
    case "number.same": {
      const [shared, unproven] =
        label === "iban.same"
          ? (["iban.shared", "iban.unproven"] as const)
          : (["number.shared", "number.unproven"] as const)
      if (carriers > 1) return { label: shared, milliBits: weights[shared].milliBits }
      const isPocketPossible = label === "iban.same" && isObserved("currency.unknown")
      return !isPocketPossible && sharingOf(policy, seen) <= exclusive
        ? plain
        : { label: unproven, milliBits: atMost(policy, unproven, sharingOf(policy, seen)) }
    }
    case "persistentId.same":
      return carriers > 1
        ? { label: "persistentId.shared", milliBits: weights["persistentId.shared"].milliBits }
        : plain
    case "externalId.again":
      return carriers > 1 ? { label, milliBits: 0 } : plain
    case "mask.four":
    case "mask.three":
    case "mask.two": {
      if (carriers <= 1) return { label, milliBits: atMost(policy, label, sharingOf(policy, seen)) }
      const { m, milliBits, u } = weights["mask.shared"]
      return { label: "mask.shared", milliBits: bounded(log2Ratio(m, u * carriers), 0, milliBits) }
    }
    case "name.same": {
      const { m, milliBits, u } = weights[label]
      return { label, milliBits: bounded(log2Ratio(m, u * carriers), 0, milliBits) }
    }
    default:
      return plain
  }
}

const atMost = ({ weights }: Policy, label: Label, sharing: number) => {
  const { m, milliBits, u } = weights[label]
  return bounded(log2Ratio(m, u + sharing), 0, milliBits)
}

/** Of a million pairs of accounts that a login has at the institution, how many are taken to share such a value. */
const sharingOf = ({ sharing }: Policy, { equal, pairs }: Shared = { pairs: 0, equal: 0 }) =>
  Math.floor((equal * 1_000_000 + sharing.equalMillis * 1000) / (pairs + sharing.pairs))

const compareBookings = ({ amounts: policy }: Policy, { amounts, rows, unmatched }: Overlap.Overlap) => {
  let [positive, rareAmounts, count] = [0, 0, 0]
  for (const amount of amounts) {
    const chance = Math.min(900_000, policy.u[amount.kind] + amount.others * policy.perCarrier)
    const each = bounded(log2Ratio(policy.m, chance), 0, policy.most)
    positive += each * amount.count
    count += amount.count
    if (amount.others === 0 && amount.kind !== "tiny") rareAmounts += amount.count
  }
  const longer = Math.max(rows[0], rows[1])
  const lost = Math.floor((longer * policy.loss) / 1_000_000)
  const excess = unmatched.reduce((sum, rows) => sum + Math.max(0, rows - lost), 0)
  const milliBits = Math.max(policy.least, Math.min(policy.mostTogether, positive) + excess * policy.unmatched)
  const matched = longer - (rows[0] >= rows[1] ? unmatched[0] : unmatched[1])
  const isContradiction = longer >= policy.disagreeFrom && matched * 1_000_000 < longer * policy.disagreeBelow
  const bar: Decision.Evidence = { family: "bookings", label: "bookings", milliBits, count }
  return { bar, rareAmounts, isContradiction }
}

/** Of what agrees in a family only the strongest counts. */
const countOnce = (bars: ReadonlyArray<Decision.Evidence>): ReadonlyArray<Decision.Evidence> =>
  bars.map((bar, at) =>
    bar.milliBits > 0 && isOutdone(bars, bar, at) ? { ...bar, milliBits: 0, isOutdone: true } : bar,
  )

const isOutdone = (bars: ReadonlyArray<Decision.Evidence>, { family, milliBits }: Decision.Evidence, at: number) =>
  bars.some(
    (other, place) =>
      other.family === family && (other.milliBits > milliBits || (other.milliBits === milliBits && place < at)),
  )

const identifiers: ReadonlySet<string> = new Set<Label>([
  "externalId.same",
  "iban.same",
  "number.same",
  "persistentId.same",
])

/** By what comes before the dot. */
const families: Readonly<Record<string, Decision.Family>> = {
  account: "state",
  balance: "balance",
  currency: "state",
  email: "id",
  externalId: "id",
  holders: "owner",
  iban: "number",
  institution: "institution",
  kind: "kind",
  mask: "number",
  name: "name",
  number: "number",
  owner: "owner",
  persistentId: "id",
  source: "state",
}

const familyOf: ReadonlyMap<Label, Decision.Family> = new Map(
  Label.literals.map((label) => [label, families[label.slice(0, label.indexOf("."))] ?? "state"]),
)

const bounded = (value: number, least: number, most: number) => Math.max(least, Math.min(most, value))
