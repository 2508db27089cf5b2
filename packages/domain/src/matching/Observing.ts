/**
 * Looks at incoming and held accounts pair by pair.
 *
 * There are many pairs, and hardly one of them is one account: at first only what
 * agrees and what contradicts is told, and of pairs that anything speaks for it is
 * then counted how many others carry their values.
 */
import {
  type Grounds,
  type Held,
  type Incoming,
  Label,
  type Missing,
  nameKeys,
  type Observation,
  type Pair,
  type Question,
  type Shared,
  type SharedValues,
  typeKeys,
} from "./Evidence.ts"
import * as Overlap from "./Overlap.ts"
import type { Profile, Token } from "./Profile.ts"

/** Looks at every pair that could be one account, and keeps those that anything speaks for. Total and pure. */
export const observe = (question: Question): Grounds => {
  const { reconnecting, shared } = question
  const sides = sidesOf(question)
  const { held, incoming } = sides
  const candidates = incoming.map((fresh) => candidatesOf(fresh, held))
  const isCompared = new Uint8Array(held.length)
  for (const found of candidates) for (const at of found) isCompared[at] = 1
  const overlaps = Overlap.between(
    incoming.map(({ account }) => account.bookings),
    held.map(({ account }, at) => (isCompared[at] === 1 ? account.bookings : undefined)),
  )
  const population = Math.max(question.population ?? 0, new Set(held.map(({ group }) => group)).size)
  const census = censusOf(sides, population, question.crowds)

  const kept: Array<Side<Held>> = []
  const places = new Map<Side<Held>, number>()
  const placeOf = (side: Side<Held>) => {
    const place = places.get(side)
    if (place !== undefined) return place
    places.set(side, kept.length)
    return kept.push(side) - 1
  }
  const pairs: Array<Pair> = []
  const labels: Array<Label> = []
  for (const [at, fresh] of incoming.entries()) {
    const movedSince = movementsOf(fresh.account)
    const observationOf = observing(census, fresh)
    const ofInstitution = shared?.get(fresh.profile.institutionId ?? "")
    for (const candidate of candidates[at] ?? []) {
      const other = held[candidate]
      if (other === undefined || !areOneEnvironment(fresh.account, other.account)) continue
      compare(labels, fresh, other, movedSince)
      const isAsked = reconnecting !== undefined && other.account.connectionId === reconnecting
      if (!isAsked && !overlaps.isAny(at, candidate) && !isWorthKeeping(labels)) continue
      const sharing = ofInstitution ?? shared?.get(other.profile.institutionId ?? "")
      const overlap = overlaps.of(at, candidate)
      const observed = labels.map((label) => observationOf(label, other, sharing))
      const [account, among] = [placeOf(other), amongOf(census, fresh, other)]
      const missing = missingOf(fresh.account, other.account, overlap)
      pairs.push(
        overlap === undefined
          ? { incoming: at, account, among, observed, missing }
          : { incoming: at, account, among, observed, bookings: overlap, missing },
      )
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
    accounts: kept.map(accountOf),
    pairs,
  }
}

/** Whether a held profile has a key among its `blockingKeys` that the other is looked up by, told without making them. */
export const canBeOne = (one: Comparable, other: Comparable): boolean =>
  one.externalId === other.externalId ||
  isSame(one.persistentId, other.persistentId) ||
  isSame(one.iban, other.iban) ||
  isSame(one.number?.token, other.number?.token) ||
  isSame(one.email, other.email) ||
  areMasksSame(one.mask, other.mask) ||
  (areNeighbours(one, other) &&
    (areEndsSame(one.mask, other.mask) ||
      isSame(one.name?.whole, other.name?.whole) ||
      (one.type ?? "") === (other.type ?? "")))

/** The same three or four characters, all that either shows. */
const areMasksSame = (one: Profile["mask"], other: Profile["mask"]) =>
  one?.[1] !== undefined && one.length === other?.length && one.at(-1) === other.at(-1)

/** Of four characters all that the other shows, of fewer the last two. */
const areEndsSame = (one: Profile["mask"], other: Profile["mask"]) => {
  if (one === undefined || other === undefined) return false
  const end = one.length < masks.length ? 0 : other.length - 1
  return one[end] === other[end]
}

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
  isMaskPlaceholder: profile.isMaskPlaceholder,
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
  /** Digests of its values, as far as they were asked for. */
  readonly digests: Array<string | undefined>
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
      digests: [],
    })),
    incoming: incoming.map((account) => ({
      account,
      profile: comparable(account.profile),
      scope: scopeOf(account.profile),
      group: bindingKey(account),
      digests: [],
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

/** What agrees and what contradicts, in the place of what was there: one list serves all pairs. */
const compare = (labels: Array<Label>, fresh: Side<Incoming>, held: Side<Held>, movedSince: MovedSince): void => {
  labels.length = 0
  compareIds(labels, fresh, held)
  compareNumbers(labels, fresh.profile, held.profile)
  compareInstitutions(labels, fresh.profile, held.profile)
  compareNatures(labels, fresh.profile, held.profile)
  compareOwners(labels, fresh, held)
  compareBalances(labels, fresh.account, held.account, movedSince)
  if (held.account.closed === true) labels.push("account.closed")
  if (fresh.profile.isSelfAsserted === true || held.profile.isSelfAsserted === true) labels.push("source.selfAsserted")
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
  "mask.placeholder",
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
    labels.push(maskLabel(one, other))
  }
}

const maskLabel = (one: Comparable, other: Comparable): Label => {
  const tail = tailOf(one, other)
  const isCard = one.type === "credit" && other.type === "credit"
  if (one.mask?.[tail] !== other.mask?.[tail]) return isCard ? "mask.differsOnCard" : "mask.differs"
  const isPlaceholder = one.isMaskPlaceholder === true || other.isMaskPlaceholder === true
  return isPlaceholder && !isDeposit(one) && !isDeposit(other) ? "mask.placeholder" : (masks[tail] ?? "mask.two")
}

/** Whose number is its own and may well end in zeros. What is of no known type is taken for one. */
const isDeposit = ({ type = "depository" }: Comparable) => type === "depository"

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
  readonly carriersOf: (kind: Kind, fresh: Side<Incoming>, currency: string | undefined) => number
  /** How many held accounts are at its institution, in its currency or in none. */
  readonly neighboursOf: (fresh: Side<Incoming>) => number
}

const censusOf = ({ held, incoming }: Sides, population: number, crowds: Question["crowds"]): Census => {
  /** At least so many have one of the keys, though they are not here. */
  const crowd = (keys: ReadonlyArray<string>) => Math.max(0, ...keys.map((key) => crowds?.get(key) ?? 0))
  const counted = new Map<string, number>()
  const count = (key: string, isCounted: (side: Side) => boolean, ...sides: ReadonlyArray<ReadonlyArray<Side>>) => {
    const before = counted.get(key)
    if (before !== undefined) return before
    const now = Math.max(1, ...sides.map((side) => groupsAmong(side, isCounted)))
    counted.set(key, now)
    return now
  }
  const neighbours = new Map<Side, number>()
  return {
    population,
    carriersOf: (kind, fresh, currency) => {
      const token = tokenOf(kind, fresh.profile)
      const scope = scoped.has(kind) ? fresh.scope : undefined
      const isCarrier = (side: Side) =>
        tokenOf(kind, side.profile) === token &&
        (scope === undefined || side.scope === scope) &&
        areOneCurrency(side.profile.currency, currency)
      const here = count(`${kind} ${scope ?? ""} ${currency ?? ""} ${token}`, isCarrier, held, incoming)
      return kind === "name" && crowds !== undefined ? Math.max(here, crowd(nameKeys(fresh.account.profile))) : here
    },
    neighboursOf: (fresh) => {
      const before = neighbours.get(fresh)
      if (before !== undefined) return before
      const { currency } = fresh.profile
      const isNeighbour = (side: Side) => side.scope === fresh.scope && areOneCurrency(side.profile.currency, currency)
      const here = count(`scope ${fresh.scope} ${currency ?? ""}`, isNeighbour, held)
      const now = crowds === undefined ? here : Math.max(here, crowd(typeKeys(fresh.account.profile)))
      neighbours.set(fresh, now)
      return now
    },
  }
}

/** Permanent accounts among those that are counted. */
const groupsAmong = (sides: ReadonlyArray<Side>, isCounted: (side: Side) => boolean): number => {
  const groups = new Set<string>()
  for (const side of sides) if (isCounted(side)) groups.add(side.group)
  return groups.size
}

/** How many accounts it could have been as well: those at its institution, or all. */
const amongOf = (census: Census, fresh: Side<Incoming>, held: Side<Held>): number =>
  fresh.scope !== "" && fresh.scope === held.scope ? census.neighboursOf(fresh) : Math.max(1, census.population)

/** What is compared by value, and can be on several accounts. */
const kinds = ["externalId", "iban", "name", "number", "persistentId", "mask.two", "mask.three", "mask.four"] as const
type Kind = (typeof kinds)[number]

/** What says something within one institution only. */
const scoped: ReadonlySet<Kind> = new Set(["name", "mask.two", "mask.three", "mask.four"])

const tokenOf = (kind: Kind, profile: Comparable): Token | undefined => {
  switch (kind) {
    case "mask.two":
      return profile.mask?.[0]
    case "mask.three":
      return profile.mask?.[1]
    case "mask.four":
      return profile.mask?.[2]
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

type Observe = (label: Label, held: Side<Held>, shared: SharedValues | undefined) => Observation

/**
 * What is to be told of an incoming account: a level of agreement, with how exclusive the value is, here and at its
 * institution, and digests to see it by. What is equal is the same whoever the other one is, and told once.
 */
const observing = (census: Census, fresh: Side<Incoming>): Observe => {
  const told = new Map<Label, Observation>()
  const equal = (label: Label, kind: Kind, currency: string | undefined, seen?: Shared): Observation => {
    const before = told.get(label)
    if (before !== undefined && before.seen === seen) return before
    const carriers = census.carriersOf(kind, fresh, currency)
    const values = [digestOf(fresh, kind), digestOf(fresh, kind)] as const
    const observation = seen === undefined ? { label, carriers, values } : { label, carriers, seen, values }
    told.set(label, observation)
    return observation
  }
  const apart = (label: Label, kind: Kind, held: Side<Held>): Observation => ({
    label,
    values: [digestOf(fresh, kind), digestOf(held, kind)],
  })
  const { currency } = fresh.profile
  return (label, held, shared) => {
    switch (label) {
      case "externalId.again":
        return { label, carriers: census.carriersOf("externalId", fresh, undefined) }
      case "persistentId.same":
        return equal(label, "persistentId", currency)
      case "iban.same":
        return equal(label, "iban", currency, shared?.iban)
      case "number.same":
        return equal(label, "number", currency, shared?.number)
      case "mask.four":
      case "mask.three":
      case "mask.two":
        return equal(label, label, currency, shared?.mask)
      case "name.same":
        return equal(label, "name", currency)
      case "persistentId.differs":
        return apart(label, "persistentId", held)
      case "iban.differs":
        return apart(label, "iban", held)
      case "number.differs":
        return apart(label, "number", held)
      case "mask.differs":
      case "mask.differsOnCard":
        return apart(label, masks[tailOf(fresh.profile, held.profile)] ?? "mask.two", held)
      case "name.differs":
      case "name.similar":
        return apart(label, "name", held)
      default:
        return bare[label]
    }
  }
}

/** Most observations say no more than what they are called. */
const bare = Object.fromEntries(Label.literals.map((label) => [label, { label }])) as Readonly<
  Record<Label, Observation>
>

const digestOf = (side: Side, kind: Kind): string => {
  const slot = kinds.indexOf(kind)
  return (side.digests[slot] ??= digest(tokenOf(kind, side.profile) ?? ""))
}

/** Only what there is something to compare with: the held side is as it was recorded. */
const missingOf = (
  { bookings, profile }: Incoming,
  held: Held,
  overlap: Overlap.Overlap | undefined,
): ReadonlyArray<Missing> => {
  const missing: Array<Missing> = []
  const isHistoryHeld = held.bookings !== undefined && held.bookings.rows.length > 0
  if (isHistoryHeld && (overlap === undefined || bookings === undefined || held.bookings.from < bookings.from)) {
    missing.push("history")
  }
  const areNumbersHeld = held.profile.iban !== undefined || held.profile.number !== undefined
  const isNumberKnown = profile.iban !== undefined || profile.number !== undefined || profile.isTokenized === true
  if (areNumbersHeld && !isNumberKnown) missing.push("numbers")
  if (held.profile.holders !== undefined && profile.holders === undefined) missing.push("identity")
  return missing.length === 0 ? nothing : missing
}

/** One list for all the pairs of which nothing is missing: they are most. */
const nothing: ReadonlyArray<never> = []

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
const digest = (token: Token): string => {
  let hash = 0x811c9dc5
  for (let at = 0; at < token.length; at++) hash = Math.imul(hash ^ token.charCodeAt(at), 0x01000193)
  return ((hash >>> 8) & 0xffffff).toString(16).padStart(6, "0")
}

const textOrder = (one: string, other: string) => (one < other ? -1 : one > other ? 1 : 0)

const bySource = (one: Incoming, other: Incoming) =>
  textOrder(one.connectionId, other.connectionId) || textOrder(one.source, other.source)

const byAccount = (one: Held, other: Held) =>
  textOrder(one.accountId, other.accountId) || textOrder(one.connectionId, other.connectionId)
