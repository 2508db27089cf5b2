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

import * as Overlap from "./Overlap.ts"
import type { Balance, Bookings, Profile } from "./Profile.ts"

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
  /** By institution id as profiles have it, counted over everybody: bare numbers, nobody's data. */
  readonly shared?: ReadonlyMap<string, SharedValues> | undefined
  /** How many accounts the tenant has, where `held` are only those that were looked up. */
  readonly population?: number | undefined
  /** By name and type keys, how many held accounts have one, where they were too many to be looked up by it. */
  readonly crowds?: ReadonlyMap<string, number> | undefined
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
  "mask.placeholder",
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

/** Keys to index held accounts by: one that can be the same has one of its {@link lookupKeys} among them. */
export const blockingKeys = (profile: Profile): ReadonlyArray<string> => [
  ...idKeys(profile),
  ...scopesOf(profile).flatMap((scope) => wholeMask(profile).map((mask) => `${scope} mask ${mask}`)),
  ...scopesOf(profile).flatMap((scope) => lastTwo(profile).map((tail) => `${scope} tail ${tail}`)),
  ...nameKeys(profile),
  ...typeKeys(profile),
]

/**
 * Keys to look up held accounts by. Narrow ones are of ids and digits: few accounts of a tenant share one. Of broad ones
 * a crowd may.
 */
export const lookupKeys = (
  profile: Profile,
): { readonly narrow: ReadonlyArray<string>; readonly broad: ReadonlyArray<string> } => ({
  narrow: [...idKeys(profile), ...scopesOf(profile).flatMap((scope) => maskKeys(scope, profile))],
  broad: [...nameKeys(profile), ...typeKeys(profile)],
})

/**
 * Of two masks the shorter is the end of the longer. Four digits are looked up whole, and by their ends as far as anybody
 * shows no more: a hundredth of a bank's accounts end in the same two. Fewer are looked up by the last two.
 */
const maskKeys = (scope: string, profile: Profile): ReadonlyArray<string> =>
  profile.mask?.[2] === undefined
    ? lastTwo(profile).map((tail) => `${scope} tail ${tail}`)
    : profile.mask.map((end) => `${scope} mask ${end}`)

const wholeMask = ({ mask }: Profile) => mask?.slice(-1) ?? []

const lastTwo = ({ mask }: Profile) => mask?.slice(0, 1) ?? []

const idKeys = (profile: Profile): ReadonlyArray<string> => {
  const { email, externalId, iban, mask, number, persistentId } = profile
  const keys = [`external ${externalId}`]
  if (persistentId !== undefined) keys.push(`persistent ${persistentId}`)
  if (iban !== undefined) keys.push(`iban ${iban}`)
  if (number !== undefined) keys.push(`number ${number.token}`)
  if (email !== undefined) keys.push(`email ${email}`)
  if (mask?.[1] !== undefined) keys.push(`mask ${mask.at(-1) ?? ""}`)
  return keys
}

/** Keys of a name at an institution: a crowd may share one where names are a template's. */
export const nameKeys = (profile: Profile): ReadonlyArray<string> =>
  profile.name === undefined ? [] : scopesOf(profile).map((scope) => `${scope} name ${profile.name?.whole ?? ""}`)

/** Keys of a type at an institution: most accounts that a tenant has there share one. */
export const typeKeys = (profile: Profile): ReadonlyArray<string> =>
  scopesOf(profile).map((scope) => `${scope} type ${profile.type ?? ""}`)

const scopesOf = ({ brand, institutionId }: Profile): ReadonlyArray<string> => {
  const scopes = [
    ...(brand === undefined ? [] : [`brand ${brand}`]),
    ...(institutionId === undefined ? [] : [`id ${institutionId}`]),
  ]
  return scopes.length > 0 ? scopes : ["nowhere"]
}
