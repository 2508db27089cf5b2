/**
 * Adds up what was observed of a pair under a policy.
 *
 * Evidence of one family is of one sort: of what agrees in it only the strongest
 * counts, what contradicts always does. The sum of what counts is the score.
 *
 * All pairs are weighed and few are shown: the sum is made without its parts, which
 * are told of those that are.
 */
import * as Decision from "./Decision.ts"
import { Label, type Observation, type Pair, type Shared } from "./Evidence.ts"
import type * as Overlap from "./Overlap.ts"
import { log2Ratio, type Policy } from "./Policy.ts"

export interface Weighed {
  readonly pair: Pair
  /** Places of the incoming account, and of the permanent one among whatever it is weighed with. */
  readonly row: number
  readonly group: number
  /** Milli-bits. */
  readonly score: number
  readonly isVetoed: boolean
  /** What keeps it from being linked by itself, however much agrees. */
  readonly caps: ReadonlyArray<Decision.Obstacle>
  /** An identifier that nobody else carries agrees, and nothing raises a doubt. */
  readonly isIdentified: boolean
  /** Independent sorts of evidence agree. */
  readonly isCorroborated: boolean
  /** Which values agree, of those that several accounts may carry: a set of bits. */
  readonly values: number
  /** What it could claim beyond: if no other account carried them, and its history were whole. None where it is nothing. */
  readonly forgone: Forgone | undefined
}

/** Milli-bits by family. */
interface Forgone {
  readonly bookings: number
  readonly id: number
  readonly name: number
  readonly number: number
}

/** A policy, made ready to weigh many pairs. */
export interface Scale {
  readonly weigh: (pair: Pair, group?: number) => Weighed
  /**
   * The most that a rival of a link weighs, whoever else is held. Where it shows the very values that the link rests on,
   * both count them alike; any other value is taken to be its own. An account that comes to share such a value takes
   * nothing from the rival, and so makes the link no more certain.
   */
  readonly claimOf: (rival: Weighed, link: Weighed) => number
  /** The bars of the waterfall: they add up to the score. */
  readonly evidenceOf: (pair: Pair) => ReadonlyArray<Decision.Evidence>
}

export const scaleOf = (policy: Policy): Scale => {
  const kit: Kit = {
    policy,
    natures: naturesIn(policy),
    log2: remembered(log2Ratio),
    sums: { agreed: families.map(() => 0), against: 0, values: 0, roles: 0, identified: 0, isExclusive: true },
    alone: families.map(() => 0),
  }
  return {
    weigh: (pair, group = pair.account) => weigh(kit, pair, group),
    claimOf: (rival, link) => claimOf(kit, rival, link),
    evidenceOf: (pair) => evidenceOf(kit, pair),
  }
}

interface Kit {
  readonly policy: Policy
  readonly natures: Natures
  readonly log2: typeof log2Ratio
  /** Of the pair that is being weighed: one place for all of them, so that weighing leaves little behind. */
  readonly sums: Sums
  /** By family, were every value this account's alone. */
  readonly alone: Array<number>
}

interface Sums {
  /** The most that agrees in each family. */
  readonly agreed: Array<number>
  /** All that contradicts. */
  against: number
  /** Bits of the values that agree, and of the roles of all labels. */
  values: number
  roles: number
  /** Bits of the families in which an identifier is what agrees most. */
  identified: number
  /** No other account carries a value of it. */
  isExclusive: boolean
}

/** Whether evidence of independent families agrees, one of them an identifier or the bookings. */
export const agreesEnough = (
  policy: Policy,
  evidence: ReadonlyArray<Decision.Evidence>,
  rareAmounts: number,
): boolean => {
  const most = (...families: ReadonlyArray<Decision.Family>) =>
    evidence.reduce((most, { family, milliBits }) => (families.includes(family) ? Math.max(most, milliBits) : most), 0)
  return isEnough(policy, {
    identifier: most("id", "number"),
    bookings: most("bookings"),
    rareAmounts,
    isNamed: evidence.some(({ label, milliBits }) => label === "name.same" && milliBits > 0),
    isThere: (label) => evidence.some((bar) => bar.label === label),
  })
}

/** What agrees, as far as corroboration goes. */
interface Agreement {
  /** Milli-bits of the strongest identifier, and of the bookings. */
  readonly identifier: number
  readonly bookings: number
  readonly rareAmounts: number
  readonly isNamed: boolean
  readonly isThere: (label: Label) => boolean
}

const isEnough = (
  { corroboration }: Policy,
  { bookings, identifier, isNamed, isThere, rareAmounts }: Agreement,
): boolean => {
  const { bookingsUnless, families } = corroboration
  const isIdentified = identifier >= corroboration.identifier
  const isBooked =
    bookings >= corroboration.bookings &&
    rareAmounts >= corroboration.amounts &&
    !(bookingsUnless.length > 0 && bookingsUnless.every(isThere))
  const count = Number(isIdentified) + Number(isBooked) + Number(isNamed) + Number(isThere("balance.rolls"))
  return count >= families && (isIdentified || isBooked || families === 0)
}

const weigh = (kit: Kit, pair: Pair, group: number): Weighed => {
  const { among, bookings, observed } = pair
  const { agreed } = kit.sums
  const isCurrencyKnown = !isObserved(observed, "currency.unknown")
  sumUp(kit, observed, isCurrencyKnown)
  const ofBookings = bookings === undefined ? 0 : addBookings(kit, bookings)
  const { against, identified, isExclusive, roles, values } = kit.sums
  let score = priorOf(kit, among) + against
  for (const milliBits of agreed) score += milliBits
  return {
    pair,
    row: pair.incoming,
    group,
    score,
    isVetoed: (roles & veto) !== 0,
    caps: capsOn(kit, pair),
    isIdentified: identified !== 0 && (roles & doubt) === 0,
    isCorroborated: identified !== 0 || isAgreed(kit, pair, ofBookings),
    values,
    forgone: isExclusive ? undefined : forgoneIn(kit, pair, isCurrencyKnown, ofBookings),
  }
}

/** Of what agrees in a family only the strongest counts, what contradicts always does. */
const sumUp = (kit: Kit, observed: ReadonlyArray<Observation>, isCurrencyKnown: boolean): void => {
  const { natures, policy, sums } = kit
  const { agreed } = sums
  agreed.fill(0)
  let [against, values, roles, identified, isExclusive] = [0, 0, 0, 0, true]
  for (const { carriers = 1, label, seen } of observed) {
    const { bit, family, fixed, roles: more } = natures[label]
    values |= bit
    roles |= more
    if (carriers > 1) isExclusive = false
    const counted = fixed === undefined ? countedAs(policy, label, carriers, seen, isCurrencyKnown) : label
    const milliBits = fixed ?? milliBitsOf(kit, counted, carriers, seen)
    if (milliBits <= 0) against += milliBits
    else if (milliBits > (agreed[family] ?? 0)) {
      agreed[family] = milliBits
      const isIdentifier = counted === label && (more & identifier) !== 0
      identified = isIdentifier ? identified | (1 << family) : identified & ~(1 << family)
    }
  }
  sums.against = against
  sums.values = values
  sums.roles = roles
  sums.identified = identified
  sums.isExclusive = isExclusive
}

/** What the histories say, for or against. */
const addBookings = (kit: Kit, bookings: Overlap.Overlap): number => {
  const { sums } = kit
  const milliBits = bookingsBits(kit, bookings, false)
  if (milliBits > 0) sums.agreed[place.bookings] = milliBits
  else sums.against += milliBits
  if (milliBits < 0) sums.isExclusive = false
  for (const { others } of bookings.amounts) if (others > 0) sums.isExclusive = false
  return milliBits
}

const capsOn = ({ policy, sums: { roles } }: Kit, { bookings, observed }: Pair): ReadonlyArray<Decision.Obstacle> => {
  const caps: ReadonlyArray<Decision.Obstacle> =
    (roles & cap) === 0 ? none : policy.caps.filter((label) => isObserved(observed, label))
  if (bookings === undefined || !doBookingsDisagree(policy, bookings)) return caps
  return caps.length === 0 ? disagreement : [...caps, ...disagreement]
}

const disagreement: ReadonlyArray<Decision.Obstacle> = ["bookings.disagree"]

const isAgreed = ({ policy, sums: { agreed } }: Kit, { bookings, observed }: Pair, ofBookings: number): boolean =>
  isEnough(policy, {
    identifier: Math.max(agreed[place.id] ?? 0, agreed[place.number] ?? 0),
    bookings: ofBookings,
    rareAmounts: bookings === undefined ? 0 : rareAmountsIn(bookings),
    isNamed: (agreed[place.name] ?? 0) > 0 && isObserved(observed, "name.same"),
    isThere: (label) => isObserved(observed, label),
  })

/** By how much each family would agree more, were every value this account's alone, and no booking lost. */
const forgoneIn = (kit: Kit, { bookings, observed }: Pair, isCurrencyKnown: boolean, ofBookings: number): Forgone => {
  const { natures, policy, sums } = kit
  const alone = kit.alone.fill(0)
  for (const { label, seen } of observed) {
    const { family, fixed } = natures[label]
    const milliBits = fixed ?? milliBitsOf(kit, countedAs(policy, label, 1, seen, isCurrencyKnown), 1, seen)
    if (milliBits > (alone[family] ?? 0)) alone[family] = milliBits
  }
  const more = (family: number) => (alone[family] ?? 0) - (sums.agreed[family] ?? 0)
  return {
    bookings: bookings === undefined ? 0 : bookingsClaim(kit, bookings) - ofBookings,
    id: more(place.id),
    name: more(place.name),
    number: more(place.number),
  }
}

/** Nor do more accounts to choose from take anything from a rival that they do not take from the link. */
const claimOf = (kit: Kit, rival: Weighed, link: Weighed): number => {
  const [among, amongOfLink] = [rival.pair.among, link.pair.among]
  const { forgone } = rival
  let claim = rival.score
  if (among !== amongOfLink) claim += priorOf(kit, among < amongOfLink ? 1 : amongOfLink) - priorOf(kit, among)
  if (forgone === undefined) return claim
  const differing = rival.values ^ link.values
  claim += forgone.bookings
  if ((differing & bitsOf.id) !== 0) claim += forgone.id
  if ((differing & bitsOf.name) !== 0) claim += forgone.name
  if ((differing & bitsOf.number) !== 0) claim += forgone.number
  return claim
}

const evidenceOf = (kit: Kit, { among, bookings, observed }: Pair): ReadonlyArray<Decision.Evidence> => {
  const isCurrencyKnown = !isObserved(observed, "currency.unknown")
  const bars: Array<Decision.Evidence> = [
    { family: "prior", label: "prior", milliBits: priorOf(kit, among), count: among },
    ...observed.map((observation) => barOf(kit, observation, isCurrencyKnown)),
  ]
  if (bookings !== undefined) {
    const count = bookings.amounts.reduce((sum, { count }) => sum + count, 0)
    bars.push({ family: "bookings", label: "bookings", milliBits: bookingsBits(kit, bookings, false), count })
  }
  return countOnce(bars)
}

const barOf = (kit: Kit, observation: Observation, isCurrencyKnown: boolean): Decision.Evidence => {
  const { carriers, label: observed, seen, values } = observation
  const label = countedAs(kit.policy, observed, carriers ?? 1, seen, isCurrencyKnown)
  const milliBits = milliBitsOf(kit, label, carriers ?? 1, seen)
  const family = familyOf(label)
  if (carriers === undefined)
    return values === undefined ? { family, label, milliBits } : { family, label, milliBits, values }
  return { family, label, milliBits, count: carriers, ...(values !== undefined && { values }) }
}

const priorOf = ({ log2, policy: { prior } }: Kit, among: number): number =>
  among > 1 ? prior - log2(among, 1) : prior

/** What is carried by several accounts, here or by the habit of the institution, is another observation in the policy. */
const countedAs = (
  policy: Policy,
  label: Label,
  carriers: number,
  seen: Shared | undefined,
  isCurrencyKnown: boolean,
): Label => {
  switch (label) {
    case "iban.same":
      if (carriers > 1) return "iban.shared"
      return isCurrencyKnown && sharingOf(policy, seen) <= policy.exclusive ? label : "iban.unproven"
    case "number.same":
      if (carriers > 1) return "number.shared"
      return sharingOf(policy, seen) <= policy.exclusive ? label : "number.unproven"
    case "persistentId.same":
      return carriers > 1 ? "persistentId.shared" : label
    case "mask.four":
    case "mask.three":
    case "mask.two":
      return carriers > 1 ? "mask.shared" : label
    default:
      return label
  }
}

/** Less than the policy's weight where others carry such a value. */
const milliBitsOf = (kit: Kit, label: Label, carriers: number, seen: Shared | undefined): number => {
  const { log2, policy } = kit
  const { m, milliBits, u } = policy.weights[label]
  switch (label) {
    case "iban.unproven":
    case "number.unproven":
    case "mask.four":
    case "mask.three":
    case "mask.two":
      return bounded(log2(m, u + sharingOf(policy, seen)), 0, milliBits)
    case "mask.shared":
    case "name.same":
      return bounded(log2(m, u * carriers), 0, milliBits)
    case "externalId.again":
      return carriers > 1 ? 0 : milliBits
    default:
      return milliBits
  }
}

/** Of a million pairs of accounts that a login has at the institution, how many are taken to share such a value. */
const sharingOf = ({ sharing }: Pick<Policy, "sharing">, { equal, pairs }: Shared = { pairs: 0, equal: 0 }) =>
  Math.floor((equal * 1_000_000 + sharing.equalMillis * 1000) / (pairs + sharing.pairs))

const bookingsBits = (
  { log2, policy: { amounts: policy } }: Kit,
  { amounts, rows, unmatched }: Overlap.Overlap,
  isAlone: boolean,
) => {
  let agreed = 0
  for (const { count, kind, others } of amounts) {
    const chance = Math.min(900_000, policy.u[kind] + (isAlone ? 0 : others * policy.perCarrier))
    agreed += count * bounded(log2(policy.m, chance), 0, policy.most)
  }
  const lost = Math.floor((Math.max(rows[0], rows[1]) * policy.loss) / 1_000_000)
  const excess = Math.max(0, unmatched[0] - lost) + Math.max(0, unmatched[1] - lost)
  return Math.max(policy.least, Math.min(policy.mostTogether, agreed) + excess * policy.unmatched)
}

/** Histories that are the same for the most part do not speak against a rival, whatever one of them lost. */
const bookingsClaim = (kit: Kit, bookings: Overlap.Overlap): number => {
  const [longer, matched] = matchedIn(bookings)
  const alone = bookingsBits(kit, bookings, true)
  return 2 * matched >= longer ? Math.max(0, alone) : alone
}

/** Amounts that no other account has in those days. */
const rareAmountsIn = ({ amounts }: Overlap.Overlap) => {
  let rare = 0
  for (const { count, kind, others } of amounts) if (others === 0 && kind !== "tiny") rare += count
  return rare
}

const doBookingsDisagree = ({ amounts: policy }: Policy, bookings: Overlap.Overlap) => {
  const [longer, matched] = matchedIn(bookings)
  return longer >= policy.disagreeFrom && matched * 1_000_000 < longer * policy.disagreeBelow
}

/** Of the longer history, how many bookings there are, and how many the other one has. */
const matchedIn = ({ rows: [one, other], unmatched }: Overlap.Overlap): readonly [longer: number, matched: number] =>
  one >= other ? [one, one - unmatched[0]] : [other, other - unmatched[1]]

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

const isObserved = (observed: ReadonlyArray<Observation>, label: Label) => {
  for (const observation of observed) if (observation.label === label) return true
  return false
}

const families = Decision.Family.literals

/** By what comes before the dot. */
const familyOf = (label: Label): Decision.Family => familyNames[label.slice(0, label.indexOf("."))] ?? "state"

const familyNames: Readonly<Record<string, Decision.Family>> = {
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

/** Places of families in their order. */
const place = {
  bookings: families.indexOf("bookings"),
  id: families.indexOf("id"),
  name: families.indexOf("name"),
  number: families.indexOf("number"),
}

/** What of a label is asked for every pair. */
interface Nature {
  readonly family: number
  readonly bit: number
  readonly roles: number
  /** Its milli-bits, where they are the same whoever else carries the value. */
  readonly fixed: number | undefined
}
type Natures = Readonly<Record<Label, Nature>>

const [veto, cap, doubt, identifier] = [1, 2, 4, 8]

const naturesIn = ({ caps, doubts, vetoes, weights }: Policy): Natures => {
  const natureOf = (label: Label): Nature => ({
    family: families.indexOf(familyOf(label)),
    bit: valueLabels.includes(label) ? 1 << valueLabels.indexOf(label) : 0,
    roles:
      (vetoes.includes(label) ? veto : 0) |
      (caps.includes(label) ? cap : 0) |
      (doubts.includes(label) ? doubt : 0) |
      (identifiers.includes(label) ? identifier : 0),
    fixed: depending.has(label) ? undefined : weights[label].milliBits,
  })
  return Object.fromEntries(Label.literals.map((label) => [label, natureOf(label)])) as Natures
}

/** Labels whose weight depends on who else carries the value. */
const depending: ReadonlySet<Label> = new Set<Label>([
  "externalId.again",
  "iban.same",
  "iban.unproven",
  "mask.four",
  "mask.shared",
  "mask.three",
  "mask.two",
  "name.same",
  "number.same",
  "number.unproven",
  "persistentId.same",
])

const identifiers: ReadonlyArray<Label> = ["externalId.same", "iban.same", "number.same", "persistentId.same"]

/** Agreements of families in which accounts may share a value. */
const valueLabels: ReadonlyArray<Label> = [
  ...identifiers,
  "email.same",
  "externalId.again",
  "mask.four",
  "mask.placeholder",
  "mask.three",
  "mask.two",
  "name.same",
  "name.similar",
]

const bitsIn = (family: Decision.Family) =>
  valueLabels.reduce((bits, label, at) => (familyOf(label) === family ? bits | (1 << at) : bits), 0)

const bitsOf = { id: bitsIn("id"), name: bitsIn("name"), number: bitsIn("number") }

/** The logarithms that one policy needs are few, and needed again and again. */
const remembered = (log2: typeof log2Ratio): typeof log2Ratio => {
  const known = new Map<number, Map<number, number>>()
  return (numerator, denominator) => {
    let ofNumerator = known.get(numerator)
    if (ofNumerator === undefined) known.set(numerator, (ofNumerator = new Map()))
    let value = ofNumerator.get(denominator)
    if (value === undefined) ofNumerator.set(denominator, (value = log2(numerator, denominator)))
    return value
  }
}

const none: ReadonlyArray<never> = []

const bounded = (value: number, least: number, most: number) => Math.max(least, Math.min(most, value))
