/**
 * Looks at incoming and held accounts pair by pair.
 *
 * There are many pairs, and hardly one of them is one account: at first only what
 * agrees and what contradicts is told, and of pairs that anything speaks for it is
 * then counted how many others carry their values.
 */
import type {
  Grounds,
  Held,
  Incoming,
  Label,
  Missing,
  Observation,
  Pair,
  Question,
  Shared,
  SharedValues,
} from "./Evidence.ts"
import * as Overlap from "./Overlap.ts"
import type { Profile, Token } from "./Profile.ts"

/** Looks at every pair that could be one account, and keeps those that anything speaks for. Total and pure. */
export const observe = (question: Question): Grounds => {
  const { reconnecting, shared } = question
  const sides = sidesOf(question)
  const { held, incoming } = sides
  const candidates = incoming.map((fresh) => candidatesOf(fresh, held))
  const compared = new Set(candidates.flat())
  const overlaps = Overlap.between(
    incoming.map(({ account }) => account.bookings),
    held.map(({ account }, at) => (compared.has(at) ? account.bookings : undefined)),
  )
  const population = Math.max(question.population ?? 0, new Set(held.map(({ group }) => group)).size)
  const census = censusOf(sides, population)

  const kept = new Map<Side<Held>, number>()
  const placeOf = (side: Side<Held>) => {
    const place = kept.get(side) ?? kept.size
    kept.set(side, place)
    return place
  }
  const pairs: Array<Pair> = []
  for (const [at, fresh] of incoming.entries()) {
    const movedSince = movementsOf(fresh.account)
    for (const candidate of candidates[at] ?? []) {
      const other = held[candidate]
      if (other === undefined || !areOneEnvironment(fresh.account, other.account)) continue
      const labels = compare(fresh, other, movedSince)
      const isAsked = reconnecting !== undefined && other.account.connectionId === reconnecting
      if (!isAsked && !overlaps.isAny(at, candidate) && !isWorthKeeping(labels)) continue
      const place: Place = {
        incoming: at,
        account: placeOf(other),
        overlap: overlaps.of(at, candidate),
        shared: shared?.get(fresh.profile.institutionId ?? "") ?? shared?.get(other.profile.institutionId ?? ""),
      }
      pairs.push(pairOf(census, labels, fresh, other, place))
    }
  }
  const facts = factsOf(question, incoming)
  const known = new Set(facts.map(({ known }) => known))
  for (const side of held) {
    if (side.account.connectionId === reconnecting || known.has(side.account.accountId)) placeOf(side)
  }
  return {
    form: 1,
    population,
    ...(reconnecting !== undefined && { reconnecting }),
    incoming: facts,
    accounts: [...kept.keys()].map(accountOf),
    pairs,
  }
}

/** Whether two profiles have one of their `blockingKeys` in common, told without making them. */
export const canBeOne = (one: Comparable, other: Comparable): boolean =>
  one.externalId === other.externalId ||
  isSame(one.persistentId, other.persistentId) ||
  isSame(one.iban, other.iban) ||
  isSame(one.number?.token, other.number?.token) ||
  isSame(one.email, other.email) ||
  isSame(one.mask?.[1], other.mask?.[1]) ||
  (areNeighbours(one, other) &&
    (isSame(one.mask?.[0], other.mask?.[0]) ||
      isSame(one.name?.whole, other.name?.whole) ||
      (one.type ?? "") === (other.type ?? "")))

/** At one institution, or neither is known to be at any. */
const areNeighbours = (one: Comparable, other: Comparable) =>
  isSame(one.brand, other.brand) ||
  isSame(one.institutionId, other.institutionId) ||
  (one.brand ?? one.institutionId ?? other.brand ?? other.institutionId) === undefined

const isSame = (one: string | undefined, other: string | undefined) => one !== undefined && one === other

/** A profile in which every field is present, known or not: objects of one form are compared several times faster. */
export type Comparable = { readonly [K in keyof Profile]: Profile[K] | undefined }

const comparable = (profile: Profile): Comparable => ({
  externalId: profile.externalId,
  persistentId: profile.persistentId,
  institutionId: profile.institutionId,
  brand: profile.brand,
  iban: profile.iban,
  number: profile.number,
  isTokenized: profile.isTokenized,
  mask: profile.mask,
  name: profile.name,
  officialName: profile.officialName,
  email: profile.email,
  holders: profile.holders,
  type: profile.type,
  subtype: profile.subtype,
  currency: profile.currency,
  isSelfAsserted: profile.isSelfAsserted,
})

/** An account of either side, with what is asked about it for every pair. */
interface Side<Account extends Held | Incoming = Held | Incoming> {
  readonly account: Account
  readonly profile: Comparable
  /** The institution, as well as it is known: within it names and masks are compared. Empty where it is not known. */
  readonly scope: string
  /** The permanent account. */
  readonly group: string
}

interface Sides {
  readonly held: ReadonlyArray<Side<Held>>
  readonly incoming: ReadonlyArray<Side<Incoming>>
}

/** In an order that does not depend on how the question was put. */
const sidesOf = (question: Question): Sides => {
  const held = question.held.filter(isOf(question.tenantId)).toSorted(byAccount)
  const incoming = question.incoming.toSorted(bySource)
  const brands = brandsOf([...held, ...incoming])
  const scopeOf = ({ brand, institutionId }: Profile) =>
    (institutionId === undefined ? brand : (brands.get(institutionId) ?? brand ?? institutionId)) ?? ""
  return {
    held: held.map((account) => ({
      account,
      profile: comparable(account.profile),
      scope: scopeOf(account.profile),
      group: account.accountGroup ?? account.accountId,
    })),
    incoming: incoming.map((account) => ({
      account,
      profile: comparable(account.profile),
      scope: scopeOf(account.profile),
      group: bindingKey(account),
    })),
  }
}

/** The brand by which an institution's id goes. Where it goes by several it is always the same one. */
const brandsOf = (accounts: ReadonlyArray<Held | Incoming>): ReadonlyMap<string, Token> => {
  const brands = new Map<string, Token>()
  for (const { profile } of accounts) {
    const { brand, institutionId } = profile
    if (brand === undefined || institutionId === undefined) continue
    const other = brands.get(institutionId)
    if (other === undefined || brand < other) brands.set(institutionId, brand)
  }
  return brands
}

const candidatesOf = ({ profile }: Side, held: ReadonlyArray<Side>): ReadonlyArray<number> => {
  const found: Array<number> = []
  for (const [at, other] of held.entries()) if (canBeOne(profile, other.profile)) found.push(at)
  return found
}

/** What agrees and what contradicts. */
const compare = (fresh: Side<Incoming>, held: Side<Held>, movedSince: MovedSince): ReadonlyArray<Label> => {
  const labels: Array<Label> = []
  compareIds(labels, fresh, held)
  compareNumbers(labels, fresh.profile, held.profile)
  compareInstitutions(labels, fresh.profile, held.profile)
  compareNatures(labels, fresh.profile, held.profile)
  compareOwners(labels, fresh, held)
  compareBalances(labels, fresh.account, held.account, movedSince)
  if (held.account.closed === true) labels.push("account.closed")
  if (fresh.profile.isSelfAsserted === true || held.profile.isSelfAsserted === true) labels.push("source.selfAsserted")
  return labels
}

/** Something agrees that most accounts of the bank do not have in common, or nothing that tells accounts apart differs. */
const isWorthKeeping = (labels: ReadonlyArray<Label>) =>
  labels.some((label) => telling.has(label)) || !labels.some((label) => separating.has(label))

const telling: ReadonlySet<Label> = new Set<Label>([
  "balance.rolls",
  "balance.unmoved",
  "email.same",
  "externalId.again",
  "externalId.same",
  "iban.same",
  "mask.four",
  "mask.three",
  "mask.two",
  "name.same",
  "name.similar",
  "number.same",
  "persistentId.same",
])

const separating: ReadonlySet<Label> = new Set<Label>([
  "currency.differs",
  "iban.differs",
  "institution.differs",
  "kind.typeDiffers",
  "mask.differs",
  "mask.differsOnCard",
  "number.differs",
  "persistentId.differs",
])

const compareIds = (labels: Array<Label>, fresh: Side<Incoming>, held: Side<Held>) => {
  const [one, other] = [fresh.profile, held.profile]
  if (fresh.account.provider === held.account.provider) {
    const isEqual = one.externalId === other.externalId
    if (fresh.account.connectionId === held.account.connectionId) {
      labels.push(isEqual ? "externalId.same" : "externalId.changed")
    } else if (isEqual && isSame(one.institutionId, other.institutionId)) labels.push("externalId.again")
    if (one.persistentId !== undefined && other.persistentId !== undefined) {
      labels.push(one.persistentId === other.persistentId ? "persistentId.same" : "persistentId.differs")
    }
  }
  if (isSame(one.email, other.email)) labels.push("email.same")
}

const compareNumbers = (labels: Array<Label>, one: Comparable, other: Comparable) => {
  if (one.iban !== undefined && other.iban !== undefined) {
    labels.push(one.iban === other.iban ? "iban.same" : "iban.differs")
  }
  const [number, otherNumber] = [one.number, other.number]
  const isComparable =
    number?.hasRouting === otherNumber?.hasRouting &&
    (number?.hasRouting === true || isSame(one.institutionId, other.institutionId))
  if (number !== undefined && otherNumber !== undefined && isComparable) {
    labels.push(number.token === otherNumber.token ? "number.same" : "number.differs")
  }
  if (one.mask !== undefined && other.mask !== undefined) {
    const tail = tailOf(one, other)
    const isCard = one.type === "credit" && other.type === "credit"
    labels.push(
      one.mask[tail] === other.mask[tail]
        ? (masks[tail] ?? "mask.two")
        : isCard
          ? "mask.differsOnCard"
          : "mask.differs",
    )
  }
}

/** Of the tails of a mask, the longest that both have. */
const tailOf = (one: Comparable, other: Comparable) => Math.min(one.mask?.length ?? 0, other.mask?.length ?? 0) - 1

const masks = ["mask.two", "mask.three", "mask.four"] as const

const compareInstitutions = (labels: Array<Label>, one: Comparable, other: Comparable) => {
  if (isSame(one.institutionId, other.institutionId)) labels.push("institution.same")
  else if (isSame(one.brand, other.brand)) labels.push("institution.brand")
  else if (
    (one.brand !== undefined && other.brand !== undefined) ||
    (one.institutionId !== undefined && other.institutionId !== undefined)
  ) {
    labels.push("institution.differs")
  }
}

const compareNatures = (labels: Array<Label>, one: Comparable, other: Comparable) => {
  if (one.currency !== other.currency) {
    const isKnown = one.currency !== undefined && other.currency !== undefined
    labels.push(isKnown ? "currency.differs" : "currency.unknown")
  }
  if (one.type !== undefined && other.type !== undefined) {
    if (one.type !== other.type) labels.push("kind.typeDiffers")
    else if (one.subtype === undefined || other.subtype === undefined) labels.push("kind.type")
    else labels.push(one.subtype === other.subtype ? "kind.same" : "kind.subtypeDiffers")
  }
  if (one.name !== undefined && other.name !== undefined) {
    if (one.name.whole === other.name.whole) labels.push("name.same")
    else labels.push(areSimilar(one.name.words, other.name.words, one, other) ? "name.similar" : "name.differs")
  }
}

/** One name is in the other, they have half of their words in common, or the product is the same. */
const areSimilar = (
  words: ReadonlyArray<Token>,
  others: ReadonlyArray<Token>,
  one: Comparable,
  other: Comparable,
): boolean => {
  let common = 0
  for (const word of words) if (others.includes(word)) common++
  const all = words.length + others.length - common
  const isWithin = common === Math.min(words.length, others.length)
  return isWithin || common * 2 >= all || isSame(one.officialName, other.officialName)
}

const compareOwners = (labels: Array<Label>, fresh: Side<Incoming>, held: Side<Held>) => {
  labels.push(fresh.account.ownerId === held.account.ownerId ? "owner.same" : "owner.differs")
  const [holders, others] = [fresh.profile.holders, held.profile.holders]
  if (holders === undefined || others === undefined) return
  labels.push(holders.some((holder) => others.includes(holder)) ? "holders.overlap" : "holders.disjoint")
}

/**
 * Whether the balance held and what moved since give the balance now. Providers differ in the sign of what is owed, so
 * that both directions count. A balance of zero says nothing.
 */
const compareBalances = (labels: Array<Label>, fresh: Incoming, held: Held, movedSince: MovedSince) => {
  const [now, then] = [fresh.balance, held.balance]
  if (now === undefined || then === undefined || now.on < then.on) return
  const change = now.amount - then.amount
  const moved = movedSince(then.on)
  if (moved !== undefined && moved !== 0) {
    labels.push(change === -moved || change === moved ? "balance.rolls" : "balance.broken")
  } else if (change !== 0) {
    if (moved === 0) labels.push("balance.broken")
  } else if (now.amount !== 0) labels.push("balance.unmoved")
}

type MovedSince = (day: string) => number | undefined

/** What moved on an account from a day on until its balance. Many held accounts are of one day. */
const movementsOf = ({ balance, bookings }: Incoming): MovedSince => {
  const moved = new Map<string, number | undefined>()
  return (day) => {
    if (balance === undefined || bookings === undefined) return undefined
    if (!moved.has(day)) moved.set(day, Overlap.sumBetween(bookings, day, balance.on))
    return moved.get(day)
  }
}

/** What is counted over all accounts of a question, when it is first asked for. */
interface Census {
  /** Permanent accounts that are held. */
  readonly population: number
  /** On how many accounts of the side that has more of them the value stands, in this currency or in none. */
  readonly carriersOf: (kind: Kind, fresh: Side<Incoming>, tail: number, currency: string | undefined) => number
  /** How many held accounts are at the institution, in this currency or in none. */
  readonly neighboursOf: (scope: string, currency: string | undefined) => number
  readonly digestOf: (token: Token) => string
}

const censusOf = ({ held, incoming }: Sides, population: number): Census => {
  const counted = new Map<string, number>()
  const count = (key: string, isCounted: (side: Side) => boolean, ...sides: ReadonlyArray<ReadonlyArray<Side>>) => {
    const before = counted.get(key)
    if (before !== undefined) return before
    const now = Math.max(1, ...sides.map((side) => new Set(side.filter(isCounted).map(({ group }) => group)).size))
    counted.set(key, now)
    return now
  }
  const digests = new Map<Token, string>()
  return {
    population,
    carriersOf: (kind, fresh, tail, currency) => {
      const token = tokenOf(kind, fresh.profile, tail)
      const scope = kind === "mask" || kind === "name" ? fresh.scope : undefined
      const isCarrier = (side: Side) =>
        tokenOf(kind, side.profile, tail) === token &&
        (scope === undefined || side.scope === scope) &&
        areOneCurrency(side.profile.currency, currency)
      return count(`${kind} ${scope ?? ""} ${currency ?? ""} ${token}`, isCarrier, held, incoming)
    },
    neighboursOf: (scope, currency) => {
      const isNeighbour = (side: Side) => side.scope === scope && areOneCurrency(side.profile.currency, currency)
      return count(`scope ${scope} ${currency ?? ""}`, isNeighbour, held)
    },
    digestOf: (token) => {
      const digest = digests.get(token) ?? digestOf(token)
      digests.set(token, digest)
      return digest
    },
  }
}

/** What is compared by value, and can be on several accounts. */
type Kind = "externalId" | "iban" | "mask" | "name" | "number" | "persistentId"

const tokenOf = (kind: Kind, profile: Comparable, tail: number): Token | undefined => {
  switch (kind) {
    case "mask":
      return profile.mask?.[tail]
    case "name":
      return profile.name?.whole
    case "number":
      return profile.number?.token
    default:
      return profile[kind]
  }
}

const areOneCurrency = (one: string | undefined, other: string | undefined) =>
  one === undefined || other === undefined || one === other

interface Place {
  /** Index among the incoming, and among the accounts of the grounds. */
  readonly incoming: number
  readonly account: number
  readonly overlap: Overlap.Overlap | undefined
  /** How often values are shared at the institution. */
  readonly shared: SharedValues | undefined
}

/** Of a pair that is kept, everything that its weight depends on. */
const pairOf = (
  census: Census,
  labels: ReadonlyArray<Label>,
  fresh: Side<Incoming>,
  held: Side<Held>,
  { account, incoming, overlap, shared }: Place,
): Pair => ({
  incoming,
  account,
  among:
    fresh.scope !== "" && fresh.scope === held.scope
      ? census.neighboursOf(fresh.scope, fresh.profile.currency ?? held.profile.currency)
      : Math.max(1, census.population),
  observed: labels.map((label) => observationOf(census, label, fresh, held, shared)),
  ...(overlap !== undefined && { bookings: overlap }),
  missing: missingOf(fresh.account, held.account, overlap),
})

/** A level of agreement with how exclusive the value is, here and at its institution, and digests to see it by. */
const observationOf = (
  census: Census,
  label: Label,
  fresh: Side<Incoming>,
  held: Side<Held>,
  shared: SharedValues | undefined,
): Observation => {
  const currency = fresh.profile.currency ?? held.profile.currency
  switch (label) {
    case "externalId.again":
      return { label, carriers: census.carriersOf("externalId", fresh, 0, undefined) }
    case "persistentId.same":
      return equal(census, label, "persistentId", fresh, held, fresh.profile.currency, undefined)
    case "iban.same":
      return equal(census, label, "iban", fresh, held, currency, shared?.iban)
    case "number.same":
      return equal(census, label, "number", fresh, held, currency, shared?.number)
    case "mask.four":
    case "mask.three":
    case "mask.two":
      return equal(census, label, "mask", fresh, held, currency, shared?.mask)
    case "name.same":
      return equal(census, label, "name", fresh, held, currency, undefined)
    case "persistentId.differs":
      return { label, values: valuesOf(census, "persistentId", fresh, held) }
    case "iban.differs":
      return { label, values: valuesOf(census, "iban", fresh, held) }
    case "number.differs":
      return { label, values: valuesOf(census, "number", fresh, held) }
    case "mask.differs":
    case "mask.differsOnCard":
      return { label, values: valuesOf(census, "mask", fresh, held) }
    case "name.differs":
    case "name.similar":
      return { label, values: valuesOf(census, "name", fresh, held) }
    default:
      return { label }
  }
}

const equal = (
  census: Census,
  label: Label,
  kind: Kind,
  fresh: Side<Incoming>,
  held: Side<Held>,
  currency: string | undefined,
  seen: Shared | undefined,
): Observation => {
  const carriers = census.carriersOf(kind, fresh, tailOf(fresh.profile, held.profile), currency)
  const values = valuesOf(census, kind, fresh, held)
  return seen === undefined ? { label, carriers, values } : { label, carriers, seen, values }
}

const valuesOf = ({ digestOf }: Census, kind: Kind, { profile }: Side, held: Side): readonly [string, string] => {
  const tail = tailOf(profile, held.profile)
  return [digestOf(tokenOf(kind, profile, tail) ?? ""), digestOf(tokenOf(kind, held.profile, tail) ?? "")]
}

/** Only what there is something to compare with: the held side is as it was recorded. */
const missingOf = ({ bookings, profile }: Incoming, held: Held, overlap: Overlap.Overlap | undefined) => {
  const missing: Array<Missing> = []
  const isHistoryHeld = held.bookings !== undefined && held.bookings.rows.length > 0
  if (isHistoryHeld && (overlap === undefined || bookings === undefined || held.bookings.from < bookings.from)) {
    missing.push("history")
  }
  const areNumbersHeld = held.profile.iban !== undefined || held.profile.number !== undefined
  const isNumberKnown = profile.iban !== undefined || profile.number !== undefined || profile.isTokenized === true
  if (areNumbersHeld && !isNumberKnown) missing.push("numbers")
  if (held.profile.holders !== undefined && profile.holders === undefined) missing.push("identity")
  return missing
}

/** What was linked before is a fact about an incoming account. */
const factsOf = ({ known = [] }: Question, incoming: Sides["incoming"]): Grounds["incoming"] => {
  const bindings = new Map(known.map((binding) => [bindingKey(binding), binding.accountId]))
  return incoming.map(({ account: { connectionId, ownerId, source }, group }) => {
    const bound = bindings.get(group)
    return { source, connectionId, ownerId, ...(bound !== undefined && { known: bound }) }
  })
}

const accountOf = ({ account, group }: Side<Held>): Grounds["accounts"][number] => ({
  accountId: account.accountId,
  group,
  generation: account.generation ?? 0,
  connectionId: account.connectionId,
  ownerId: account.ownerId,
  isLive: account.isLive,
  ...(account.dormantDays !== undefined && { dormantDays: account.dormantDays }),
})

const bindingKey = ({ connectionId, source }: { readonly connectionId: string; readonly source: string }) =>
  JSON.stringify([connectionId, source])

const isOf = (tenantId: string | undefined) => (held: Held) =>
  tenantId === undefined || held.tenantId === undefined || held.tenantId === tenantId

const areOneEnvironment = ({ environment: one }: Incoming, { environment: other }: Held) =>
  one === undefined || other === undefined || one === other

/** FNV-1a (Fowler, Noll, Vo; public domain) over a token, 24 bits of it. */
const digestOf = (token: Token): string => {
  let hash = 0x811c9dc5
  for (let at = 0; at < token.length; at++) hash = Math.imul(hash ^ token.charCodeAt(at), 0x01000193)
  return ((hash >>> 8) & 0xffffff).toString(16).padStart(6, "0")
}

const textOrder = (one: string, other: string) => (one < other ? -1 : one > other ? 1 : 0)

const bySource = (one: Incoming, other: Incoming) =>
  textOrder(one.connectionId, other.connectionId) || textOrder(one.source, other.source)

const byAccount = (one: Held, other: Held) =>
  textOrder(one.accountId, other.accountId) || textOrder(one.connectionId, other.connectionId)
