/**
 * What can be seen of a pair of accounts, before anybody weighs it.
 *
 * ```text
 * Question ── observe ──▶ Grounds ── decide(policy) ──▶ decisions
 * profiles, bookings      levels and counts             the same for ever
 * ```
 *
 * {@link Grounds} are what a decision is made from, and all that it is made from:
 * recorded with it, they can be decided again under another policy. They hold
 * levels of agreement and how many accounts carry a value, never the value.
 */
import { Schema } from "effect"

import * as Canonical from "./Canonical.ts"
import * as Overlap from "./Overlap.ts"
import type { Balance, Bookings, Profile, Token } from "./Profile.ts"

/** A held account as it was last seen. */
export interface Held {
  readonly accountId: string
  /** The connection that delivered it last. */
  readonly connectionId: string
  readonly ownerId: string
  readonly provider: string
  /** `sandbox`, `production`: accounts of two environments never meet. */
  readonly environment?: string | undefined
  readonly tenantId?: string | undefined
  readonly profile: Profile
  /** Its connection works. */
  readonly isLive: boolean
  /** The bank closed it. */
  readonly closed?: boolean | undefined
  /** Days since anything happened on it. */
  readonly dormantDays?: number | undefined
  /** Where an account stands here once for each generation: what they have in common. The account itself by default. */
  readonly accountGroup?: string | undefined
  /** Of several in one group, the highest is the newest. */
  readonly generation?: number | undefined
  readonly bookings?: Bookings | undefined
  readonly balance?: Balance | undefined
}

/** An account that a connection delivers now. */
export interface Incoming {
  /** What of the connection it is: unique within it. */
  readonly source: string
  readonly connectionId: string
  readonly ownerId: string
  readonly provider: string
  readonly environment?: string | undefined
  readonly profile: Profile
  readonly bookings?: Bookings | undefined
  readonly balance?: Balance | undefined
}

/** A link that was recorded: a fact, which is looked up and not guessed. */
export interface Binding {
  readonly connectionId: string
  readonly source: string
  readonly accountId: string
}

/** Of so many pairs of accounts that one login has at an institution, so many showed the same value. */
export interface Shared {
  readonly pairs: number
  readonly equal: number
}

export interface SharedValues {
  readonly iban: Shared
  readonly number: Shared
  readonly mask: Shared
}

export interface Question {
  /** Held accounts of any other tenant change nothing. Where it is left out, all are taken to be of one tenant. */
  readonly tenantId?: string | undefined
  readonly held: ReadonlyArray<Held>
  readonly incoming: ReadonlyArray<Incoming>
  /** The connection that its owner asked to reconnect. */
  readonly reconnecting?: string | undefined
  readonly known?: ReadonlyArray<Binding> | undefined
  /** By institution id, counted over everybody: bare numbers, nobody's data. */
  readonly shared?: ReadonlyMap<string, SharedValues> | undefined
  /** How many accounts the tenant has, where `held` are only those that were looked up. */
  readonly population?: number | undefined
}

/** What an agreement or a contradiction is called, in policies, decisions and explanations. */
export const Label = Schema.Literals([
  "account.closed",
  "balance.broken",
  "balance.rolls",
  "balance.unmoved",
  "currency.differs",
  "currency.unknown",
  "email.same",
  "externalId.again",
  "externalId.changed",
  "externalId.same",
  "holders.disjoint",
  "holders.overlap",
  "iban.differs",
  "iban.same",
  "iban.shared",
  "iban.unproven",
  "institution.brand",
  "institution.differs",
  "institution.same",
  "kind.same",
  "kind.subtypeDiffers",
  "kind.type",
  "kind.typeDiffers",
  "mask.differs",
  "mask.differsOnCard",
  "mask.four",
  "mask.shared",
  "mask.three",
  "mask.two",
  "name.differs",
  "name.same",
  "name.similar",
  "number.differs",
  "number.same",
  "number.shared",
  "number.unproven",
  "owner.differs",
  "owner.same",
  "persistentId.differs",
  "persistentId.same",
  "persistentId.shared",
  "source.selfAsserted",
])
export type Label = typeof Label.Type

const Counted = Schema.Struct({ pairs: Schema.Natural, equal: Schema.Natural })

export const Observation = Schema.Struct({
  label: Label,
  /** How many accounts of one side carry the value; 1 where it is exclusive. */
  carriers: Schema.optionalKey(Schema.Natural),
  /** How often two accounts of one login share such a value at this institution. */
  seen: Schema.optionalKey(Counted),
  /** Short digests of both tokens: enough to see that they are equal, not enough to find them. */
  values: Schema.optionalKey(Schema.Tuple([Schema.String, Schema.String])),
})
export type Observation = typeof Observation.Type

/** What the provider could still be asked for, and the held side has to compare it with. */
export const Missing = Schema.Literals(["history", "identity", "numbers"])
export type Missing = typeof Missing.Type

export const Pair = Schema.Struct({
  /** Index among the incoming. */
  incoming: Schema.Natural,
  /** Index among the accounts. */
  account: Schema.Natural,
  /** How many accounts it could have been as well, this one counted. */
  among: Schema.Natural,
  observed: Schema.Array(Observation),
  bookings: Schema.optionalKey(Overlap.Overlap),
  missing: Schema.Array(Missing),
})
export type Pair = typeof Pair.Type

/** Everything that a decision rests on, in an order that does not depend on how the question was put. */
export const Grounds = Schema.Struct({
  form: Schema.Literal(1),
  /** Accounts of the tenant. */
  population: Schema.Natural,
  reconnecting: Schema.optionalKey(Schema.String),
  incoming: Schema.Array(
    Schema.Struct({
      source: Schema.String,
      connectionId: Schema.String,
      ownerId: Schema.String,
      /** The account that it is already linked to. */
      known: Schema.optionalKey(Schema.String),
    }),
  ),
  accounts: Schema.Array(
    Schema.Struct({
      accountId: Schema.String,
      group: Schema.String,
      generation: Schema.Int,
      connectionId: Schema.String,
      ownerId: Schema.String,
      isLive: Schema.Boolean,
      dormantDays: Schema.optionalKey(Schema.Natural),
    }),
  ),
  pairs: Schema.Array(Pair),
})
export type Grounds = typeof Grounds.Type

/** Looks at every pair that could be one account, and keeps those that anything speaks for. Total and pure. */
export const observe = (question: Question): Grounds => {
  const { reconnecting } = question
  const incoming = question.incoming.toSorted(bySource)
  const all = question.held.filter(isOf(question.tenantId)).toSorted(byAccount)
  const tables = tablesOf(question, all, incoming)
  const known = bindingsOf(question.known ?? [])
  const candidates = incoming.map((_, at) => tables.candidatesFor(at))
  const compared = new Map<number, Bookings>()
  for (const at of new Set(candidates.flat())) {
    const bookings = all[at]?.bookings
    if (bookings !== undefined) compared.set(at, bookings)
  }
  const overlapsOf = Overlap.between(
    incoming.map(({ bookings }) => bookings),
    compared,
  )

  const indexes = new Map<number, number>()
  const indexOf = (held: number) => {
    const index = indexes.get(held) ?? indexes.size
    indexes.set(held, index)
    return index
  }
  const pairs: Array<Pair> = []
  const facts = incoming.map(({ connectionId, ownerId, source }, at) => {
    const bound = known.get(bindingKey({ connectionId, source }))
    const overlapWith = overlapsOf(at)
    for (const candidate of candidates[at] ?? []) {
      const pair = look(tables, at, candidate, overlapWith(candidate), reconnecting)
      if (pair !== undefined) pairs.push({ ...pair, account: indexOf(candidate) })
    }
    return factOf({ source, connectionId, ownerId }, bound)
  })
  for (const [at, held] of all.entries()) {
    const isNamed = held.connectionId === reconnecting || facts.some(({ known }) => known === held.accountId)
    if (isNamed) indexOf(at)
  }
  return {
    form: 1,
    population: Math.max(question.population ?? 0, tables.groups),
    ...(reconnecting !== undefined && { reconnecting }),
    incoming: facts,
    accounts: [...indexes.keys()].map((at) => accountOf(all[at])).filter((account) => account !== undefined),
    pairs,
  }
}

/**
 * Keys of which two profiles that can be one account share at least one: what to index held accounts by, to look up
 * those that a question needs. The last is broad (accounts of a type at an institution), all others are narrow.
 */
export const blockingKeys = (profile: Profile): ReadonlyArray<string> => {
  const { brand, email, externalId, iban, institutionId, mask, name, number, persistentId, type } = profile
  const scopes = [
    ...(brand === undefined ? [] : [`brand ${brand}`]),
    ...(institutionId === undefined ? [] : [`id ${institutionId}`]),
  ]
  const keys = [`external ${externalId}`]
  if (persistentId !== undefined) keys.push(`persistent ${persistentId}`)
  if (iban !== undefined) keys.push(`iban ${iban}`)
  if (number !== undefined) keys.push(`number ${number.token}`)
  if (email !== undefined) keys.push(`email ${email}`)
  if (mask?.[1] !== undefined) keys.push(`mask ${mask[1]}`)
  for (const scope of scopes.length > 0 ? scopes : ["nowhere"]) {
    if (mask?.[0] !== undefined) keys.push(`${scope} mask ${mask[0]}`)
    if (name !== undefined) keys.push(`${scope} name ${name.whole}`)
    keys.push(`${scope} type ${type ?? ""}`)
  }
  return keys
}

type Side = Held | Incoming

/** What is looked up for every pair, made once. */
interface Tables {
  readonly held: ReadonlyArray<Held>
  readonly incoming: ReadonlyArray<Incoming>
  /** Permanent accounts among the held. */
  readonly groups: number
  readonly candidatesFor: (incoming: number) => ReadonlyArray<number>
  /** On how many accounts of the side that has more of them a value stands, in this currency or in none. */
  readonly carriers: (key: string, currency: string | undefined) => number
  readonly among: (scope: string | undefined, currency: string | undefined) => number
  readonly scopeOf: (profile: Profile) => string | undefined
  readonly shared: (profile: Profile) => SharedValues | undefined
}

const tablesOf = (question: Question, held: ReadonlyArray<Held>, incoming: ReadonlyArray<Incoming>): Tables => {
  const brands = new Map<string, Token>()
  for (const { profile } of [...held, ...incoming]) {
    const { brand, institutionId } = profile
    if (brand !== undefined && institutionId !== undefined) {
      const other = brands.get(institutionId)
      if (other === undefined || brand < other) brands.set(institutionId, brand)
    }
  }
  const scopeOf = ({ brand, institutionId }: Profile) =>
    institutionId === undefined ? brand : (brands.get(institutionId) ?? brand ?? institutionId)

  const onHeld = carriersOf(held, scopeOf)
  const onIncoming = carriersOf(incoming, scopeOf)
  const byKey = new Map<string, Array<number>>()
  for (const [at, { profile }] of held.entries()) {
    for (const key of blockingKeys(profile)) push(byKey, key, at)
  }
  const shared = new Map([...(question.shared ?? [])].map(([id, counts]) => [Canonical.institutionId(id), counts]))
  const groups = new Set(held.map(groupOf)).size

  return {
    held,
    incoming,
    groups,
    candidatesFor: (at) => {
      const profile = incoming[at]?.profile
      const found = new Set<number>()
      for (const key of profile === undefined ? [] : blockingKeys(profile)) {
        for (const candidate of byKey.get(key) ?? []) found.add(candidate)
      }
      return [...found].toSorted((one, other) => one - other)
    },
    carriers: (key, currency) => Math.max(1, onHeld(key, currency), onIncoming(key, currency)),
    among: (scope, currency) =>
      scope === undefined
        ? Math.max(1, question.population ?? 0, groups)
        : Math.max(1, onHeld(`scope ${scope}`, currency)),
    scopeOf,
    shared: ({ institutionId }) => (institutionId === undefined ? undefined : shared.get(institutionId)),
  }
}

const look = (
  tables: Tables,
  at: number,
  candidate: number,
  overlap: Overlap.Overlap | undefined,
  reconnecting: string | undefined,
): Omit<Pair, "account"> | undefined => {
  const fresh = tables.incoming[at]
  const held = tables.held[candidate]
  if (fresh === undefined || held === undefined || !isOneEnvironment(fresh, held)) return undefined
  const scope = tables.scopeOf(fresh.profile)
  const isAtHome = scope !== undefined && scope === tables.scopeOf(held.profile)
  const observed = [
    ...sameIds(tables, fresh, held),
    ...sameNumbers(tables, fresh, held),
    ...sameInstitution(fresh.profile, held.profile),
    ...sameNature(tables, fresh.profile, held.profile, scope),
    ...sameOwner(fresh, held),
    ...sameBalance(fresh, held),
    ...(held.closed === true ? [observation("account.closed")] : []),
    ...(fresh.profile.isSelfAsserted === true || held.profile.isSelfAsserted === true
      ? [observation("source.selfAsserted")]
      : []),
  ]
  if (!isWorthKeeping(observed, overlap) && held.connectionId !== reconnecting) return undefined
  const currency = fresh.profile.currency ?? held.profile.currency
  return {
    incoming: at,
    among: tables.among(isAtHome ? scope : undefined, currency),
    observed,
    ...(overlap !== undefined && { bookings: overlap }),
    missing: missingOf(fresh, held, overlap),
  }
}

/** Something agrees that most accounts of the bank do not have in common, or nothing that tells accounts apart differs. */
const isWorthKeeping = (observed: ReadonlyArray<Observation>, overlap: Overlap.Overlap | undefined) =>
  (overlap !== undefined && overlap.amounts.length > 0) ||
  observed.some(({ label }) => telling.has(label)) ||
  !observed.some(({ label }) => separating.has(label))

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

const sameIds = (tables: Tables, fresh: Incoming, held: Held): ReadonlyArray<Observation> => {
  const found: Array<Observation> = []
  const [one, other] = [fresh.profile, held.profile]
  const isOneProvider = fresh.provider === held.provider
  if (isOneProvider && fresh.connectionId === held.connectionId) {
    found.push(observation(one.externalId === other.externalId ? "externalId.same" : "externalId.changed"))
  } else if (isOneProvider && one.externalId === other.externalId && isAtOneInstitution(one, other)) {
    found.push(observation("externalId.again", { carriers: tables.carriers(`external ${one.externalId}`, undefined) }))
  }
  if (isOneProvider && one.persistentId !== undefined && other.persistentId !== undefined) {
    const isSame = one.persistentId === other.persistentId
    found.push(
      observation(isSame ? "persistentId.same" : "persistentId.differs", {
        ...(isSame && { carriers: tables.carriers(`persistent ${one.persistentId}`, one.currency) }),
        values: digests(one.persistentId, other.persistentId),
      }),
    )
  }
  if (one.email !== undefined && one.email === other.email) found.push(observation("email.same"))
  return found
}

const isAtOneInstitution = (one: Profile, other: Profile) =>
  one.institutionId !== undefined && one.institutionId === other.institutionId

const sameNumbers = (tables: Tables, fresh: Incoming, held: Held): ReadonlyArray<Observation> => {
  const found: Array<Observation> = []
  const [one, other] = [fresh.profile, held.profile]
  const currency = one.currency ?? other.currency
  const shared = tables.shared(one) ?? tables.shared(other)
  const equal = (label: Label, key: string, seen: Shared | undefined, values: readonly [string, string]) =>
    observation(label, { carriers: tables.carriers(key, currency), ...(seen !== undefined && { seen }), values })

  if (one.iban !== undefined && other.iban !== undefined) {
    const values = digests(one.iban, other.iban)
    found.push(
      one.iban === other.iban
        ? equal("iban.same", `iban ${one.iban}`, shared?.iban, values)
        : observation("iban.differs", { values }),
    )
  }
  const [number, otherNumber] = [one.number, other.number]
  const isComparable =
    number?.hasRouting === otherNumber?.hasRouting && (number?.hasRouting === true || isAtOneInstitution(one, other))
  if (number !== undefined && otherNumber !== undefined && isComparable) {
    const values = digests(number.token, otherNumber.token)
    found.push(
      number.token === otherNumber.token
        ? equal("number.same", `number ${number.token}`, shared?.number, values)
        : observation("number.differs", { values }),
    )
  }
  if (one.mask !== undefined && other.mask !== undefined) {
    const shown = Math.min(one.mask.length, other.mask.length) - 1
    const [tail = "", otherTail = ""] = [one.mask[shown], other.mask[shown]]
    const values = digests(tail, otherTail)
    const isCard = one.type === "credit" && other.type === "credit"
    found.push(
      tail === otherTail
        ? equal(maskLabels[shown] ?? "mask.two", `${tables.scopeOf(one) ?? ""} mask ${tail}`, shared?.mask, values)
        : observation(isCard ? "mask.differsOnCard" : "mask.differs", { values }),
    )
  }
  return found
}

const maskLabels = ["mask.two", "mask.three", "mask.four"] as const

const sameInstitution = (one: Profile, other: Profile): ReadonlyArray<Observation> => {
  if (isAtOneInstitution(one, other)) return [observation("institution.same")]
  if (one.brand !== undefined && one.brand === other.brand) return [observation("institution.brand")]
  const areKnown =
    (one.brand !== undefined && other.brand !== undefined) ||
    (one.institutionId !== undefined && other.institutionId !== undefined)
  return areKnown ? [observation("institution.differs")] : []
}

const sameNature = (
  tables: Tables,
  one: Profile,
  other: Profile,
  scope: string | undefined,
): ReadonlyArray<Observation> => {
  const found: Array<Observation> = []
  if (one.currency === undefined || other.currency === undefined) {
    if (one.currency !== other.currency) found.push(observation("currency.unknown"))
  } else if (one.currency !== other.currency) found.push(observation("currency.differs"))

  if (one.type !== undefined && other.type !== undefined) {
    if (one.type !== other.type) found.push(observation("kind.typeDiffers"))
    else if (one.subtype === undefined || other.subtype === undefined) found.push(observation("kind.type"))
    else found.push(observation(one.subtype === other.subtype ? "kind.same" : "kind.subtypeDiffers"))
  }

  if (one.name !== undefined && other.name !== undefined) {
    const values = digests(one.name.whole, other.name.whole)
    if (one.name.whole === other.name.whole) {
      const carriers = tables.carriers(`${scope ?? ""} name ${one.name.whole}`, one.currency ?? other.currency)
      found.push(observation("name.same", { carriers, values }))
    } else found.push(observation(areSimilar(one, other) ? "name.similar" : "name.differs", { values }))
  }
  return found
}

/** One name is in the other, they have half of their words in common, or the product is the same. */
const areSimilar = (one: Profile, other: Profile) => {
  const [words, others] = [one.name?.words ?? [], other.name?.words ?? []]
  const common = words.filter((word) => others.includes(word)).length
  const all = words.length + others.length - common
  const isWithin = common === Math.min(words.length, others.length)
  return isWithin || common * 2 >= all || (one.officialName !== undefined && one.officialName === other.officialName)
}

const sameOwner = (fresh: Incoming, held: Held): ReadonlyArray<Observation> => {
  const [holders, others] = [fresh.profile.holders, held.profile.holders]
  const owner = observation(fresh.ownerId === held.ownerId ? "owner.same" : "owner.differs")
  if (holders === undefined || others === undefined) return [owner]
  const isOverlap = holders.some((holder) => others.includes(holder))
  return [owner, observation(isOverlap ? "holders.overlap" : "holders.disjoint")]
}

/**
 * Whether the balance held and what moved since give the balance now. Providers differ in the sign of what is owed, so
 * that both directions count. A balance of zero says nothing.
 */
const sameBalance = (fresh: Incoming, held: Held): ReadonlyArray<Observation> => {
  const [now, then] = [fresh.balance, held.balance]
  if (now === undefined || then === undefined || now.on < then.on) return []
  const change = now.amount - then.amount
  const moved = fresh.bookings === undefined ? undefined : Overlap.sumBetween(fresh.bookings, then.on, now.on)
  if (moved !== undefined && moved !== 0) {
    return [observation(change === -moved || change === moved ? "balance.rolls" : "balance.broken")]
  }
  if (change === 0) return now.amount === 0 ? [] : [observation("balance.unmoved")]
  return moved === 0 ? [observation("balance.broken")] : []
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

/** Everything that can be exclusive or not, by what {@link Tables.carriers} is asked for. */
const carriersOf = (sides: ReadonlyArray<Side>, scopeOf: (profile: Profile) => string | undefined) => {
  const byKey = new Map<string, Array<number>>()
  for (const [at, { profile }] of sides.entries()) {
    const scope = scopeOf(profile) ?? ""
    push(byKey, `external ${profile.externalId}`, at)
    push(byKey, `scope ${scope}`, at)
    if (profile.persistentId !== undefined) push(byKey, `persistent ${profile.persistentId}`, at)
    if (profile.iban !== undefined) push(byKey, `iban ${profile.iban}`, at)
    if (profile.number !== undefined) push(byKey, `number ${profile.number.token}`, at)
    if (profile.name !== undefined) push(byKey, `${scope} name ${profile.name.whole}`, at)
    for (const tail of profile.mask ?? []) push(byKey, `${scope} mask ${tail}`, at)
  }
  const counted = new Map<string, number>()
  return (key: string, currency: string | undefined): number => {
    const asked = `${currency ?? ""} ${key}`
    const before = counted.get(asked)
    if (before !== undefined) return before
    const carriers = new Set<string>()
    for (const at of byKey.get(key) ?? []) {
      const side = sides[at]
      const other = side?.profile.currency
      if (side !== undefined && (other === undefined || currency === undefined || other === currency))
        carriers.add(groupOf(side))
    }
    counted.set(asked, carriers.size)
    return carriers.size
  }
}

const groupOf = (side: Side): string => ("accountId" in side ? (side.accountGroup ?? side.accountId) : bindingKey(side))

const accountOf = (held: Held | undefined) =>
  held === undefined
    ? undefined
    : {
        accountId: held.accountId,
        group: groupOf(held),
        generation: held.generation ?? 0,
        connectionId: held.connectionId,
        ownerId: held.ownerId,
        isLive: held.isLive,
        ...(held.dormantDays !== undefined && { dormantDays: held.dormantDays }),
      }

const factOf = (
  incoming: Pick<Incoming, "connectionId" | "ownerId" | "source">,
  known: string | undefined,
): Grounds["incoming"][number] => (known === undefined ? incoming : { ...incoming, known })

const bindingsOf = (known: ReadonlyArray<Binding>) =>
  new Map(known.map((binding) => [bindingKey(binding), binding.accountId]))

const bindingKey = ({ connectionId, source }: { readonly connectionId: string; readonly source: string }) =>
  JSON.stringify([connectionId, source])

const isOf = (tenantId: string | undefined) => (held: Held) =>
  tenantId === undefined || held.tenantId === undefined || held.tenantId === tenantId

const isOneEnvironment = (fresh: Incoming, held: Held) =>
  fresh.environment === undefined || held.environment === undefined || fresh.environment === held.environment

const observation = (label: Label, more: Omit<Observation, "label"> = {}): Observation => ({ label, ...more })

/** FNV-1a over a token, 24 bits of it. */
const digest = (token: string): string => {
  let hash = 0x811c9dc5
  for (let at = 0; at < token.length; at++) hash = Math.imul(hash ^ token.charCodeAt(at), 0x01000193)
  return ((hash >>> 8) & 0xffffff).toString(16).padStart(6, "0")
}

const digests = (one: string, other: string) => [digest(one), digest(other)] as const

const push = <K, A>(lists: Map<K, Array<A>>, key: K, value: A) => {
  const list = lists.get(key)
  if (list === undefined) lists.set(key, [value])
  else list.push(value)
}

const compare = (one: string, other: string) => (one < other ? -1 : one > other ? 1 : 0)

const bySource = (one: Incoming, other: Incoming) =>
  compare(one.connectionId, other.connectionId) || compare(one.source, other.source)

const byAccount = (one: Held, other: Held) =>
  compare(one.accountId, other.accountId) || compare(one.connectionId, other.connectionId)
