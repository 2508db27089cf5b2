/**
 * What a provider says of an outside account, and the form in which it is kept
 * and compared.
 *
 * A {@link Description} is what an adapter reads: plain, personal, held in memory
 * only. A {@link Profile} is what is recorded of it: whatever identifies somebody
 * stands in it as an opaque token (a keyed hash of the canonical form), so that
 * two profiles can be compared and nobody can be read from either.
 */
import { Effect, Schema } from "effect"

import * as Canonical from "./Canonical.ts"

/** One outside account as its provider describes it. What is absent is not known; it never counts against anything. */
export interface Description {
  /** The provider's id of the account. Case sensitive; good within one connection only. */
  readonly externalId: string
  /** The provider's id of the account across connections, where it has one: Google's `sub`, Plaid's persistent id. */
  readonly persistentId?: string | undefined
  readonly institution?: { readonly id?: string | undefined; readonly name?: string | undefined } | undefined
  readonly iban?: string | undefined
  /** Routing and account number. A tokenized number is made for each connection: it can prove nothing. */
  readonly number?: { readonly value: string; readonly tokenized: boolean } | undefined
  /** The last two to four characters that the bank shows. */
  readonly mask?: string | undefined
  readonly name?: string | undefined
  readonly officialName?: string | undefined
  /** The address of a mailbox. An attribute, not an identity: addresses are given to others. */
  readonly email?: string | undefined
  /** `depository`, `credit`, `loan`, `investment`, `mailbox`, … */
  readonly type?: string | undefined
  readonly subtype?: string | undefined
  /** ISO 4217. */
  readonly currency?: string | undefined
  /** The names of those it belongs to, as the bank has them. */
  readonly holders?: ReadonlyArray<string> | undefined
  /** Booked balance in minor units, and the day it is of. */
  readonly balance?: Balance | undefined
  /** What was booked, as far as it is at hand: the window that it covers whole, and every booking in it. */
  readonly bookings?: Bookings | undefined
  /** Said by a person or a file, not by the bank: such a description never links by itself. */
  readonly selfAsserted?: boolean | undefined
}

export interface Bookings {
  /** First and last day, both covered: `YYYY-MM-DD`. */
  readonly from: string
  readonly to: string
  /** Day and amount in minor units, positive is money out. */
  readonly rows: ReadonlyArray<{ readonly on: string; readonly amount: number }>
}

export interface Balance {
  /** Minor units. */
  readonly amount: number
  /** `YYYY-MM-DD` */
  readonly on: string
}

/** An identifier that can be compared and not read. */
export const Token = Schema.String
export type Token = typeof Token.Type

/** What is recorded of a description. Plain are only words of a provider's vocabulary, which many accounts share. */
export const Profile = Schema.Struct({
  externalId: Token,
  persistentId: Schema.optionalKey(Token),
  /** Plain: a bank has many customers. */
  institutionId: Schema.optionalKey(Schema.String),
  brand: Schema.optionalKey(Token),
  iban: Schema.optionalKey(Token),
  /** Never a tokenized number. */
  number: Schema.optionalKey(Schema.Struct({ token: Token, hasRouting: Schema.Boolean })),
  /** The number that the provider has is made for each connection: there is nothing to fetch. */
  isTokenized: Schema.optionalKey(Schema.Literal(true)),
  /** How much of the number is shown, and its last two, three and four characters, as far as they are. */
  mask: Schema.optionalKey(Schema.Array(Token).check(Schema.isMinLength(1), Schema.isMaxLength(3))),
  /** The mask may stand for digits that are not shown. */
  isMaskPlaceholder: Schema.optionalKey(Schema.Literal(true)),
  name: Schema.optionalKey(Schema.Struct({ whole: Token, words: Schema.Array(Token) })),
  officialName: Schema.optionalKey(Token),
  email: Schema.optionalKey(Token),
  holders: Schema.optionalKey(Schema.Array(Token)),
  type: Schema.optionalKey(Schema.String),
  subtype: Schema.optionalKey(Schema.String),
  currency: Schema.optionalKey(Schema.String),
  isSelfAsserted: Schema.optionalKey(Schema.Literal(true)),
})
export type Profile = typeof Profile.Type

/** Makes the token of a canonical form. `kind` keeps equal texts of different meaning apart. */
export type Hash = (kind: string, canonical: string) => Token

export interface Identifier {
  readonly kind: string
  readonly canonical: string
}

/** The profile of a description, where hashing is a plain function. */
export const profileOf = (description: Description, hash: Hash): Profile => {
  const token = (kind: Kind, text: string | undefined) => {
    const canonical = text === undefined ? undefined : canonicalOf[kind](text)
    return canonical === undefined ? undefined : hash(`account.${kind}`, canonical)
  }
  const { externalId, institution, number: said } = description
  const institutionId = plain(Canonical.institutionId, institution?.id)
  const number = said === undefined || said.tokenized ? undefined : Canonical.accountNumber(said.value)
  const mask = plain(Canonical.mask, description.mask)
  const name = plain(Canonical.name, description.name)
  const holders = unique((description.holders ?? []).map((holder) => token("holder", holder)).filter(isDefined))
  return {
    externalId: hash("account.externalId", externalId),
    ...present("persistentId", token("persistentId", description.persistentId)),
    ...present("institutionId", institutionId),
    ...present("brand", token("brand", institution?.name)),
    ...present("iban", token("iban", description.iban)),
    ...(number !== undefined && {
      number: { token: hash("account.number", number.text), hasRouting: number.hasRouting },
    }),
    ...(said?.tokenized === true && { isTokenized: true }),
    ...(mask !== undefined && { mask: tailsOf(mask).map((tail) => hash("account.mask", tail)) }),
    ...(mask !== undefined && isPlaceholder(mask) && { isMaskPlaceholder: true }),
    ...(name !== undefined && {
      name: {
        whole: hash("account.name", name),
        words: unique(name.split(" ")).map((word) => hash("account.word", word)),
      },
    }),
    ...present("officialName", token("name", description.officialName)),
    ...present("email", token("email", description.email)),
    ...(holders.length > 0 && { holders }),
    ...present("type", plain(Canonical.word, description.type)),
    ...present("subtype", plain(Canonical.word, description.subtype)),
    ...present("currency", plain(Canonical.currency, description.currency)),
    ...(description.selfAsserted === true && { isSelfAsserted: true }),
  }
}

/** What of a description is to be hashed: each once. */
export const identifiersOf = (description: Description): ReadonlyArray<Identifier> => {
  const found = new Map<string, Identifier>()
  profileOf(description, (kind, canonical) => {
    found.set(JSON.stringify([kind, canonical]), { kind, canonical })
    return ""
  })
  return [...found.values()]
}

/** The profile of a description, where hashing needs a key that has to be fetched. Fails as the hashing fails. */
export const make = <E, R>(description: Description, hash: Hashing<E, R>): Effect.Effect<Profile, E, R> =>
  maker(hash)(description)

/** Makes one profile after another, and hashes once what they have in common. */
export const maker = <E, R>(hash: Hashing<E, R>): ((description: Description) => Effect.Effect<Profile, E, R>) => {
  const tokens = new Map<string, Token>()
  return (description) =>
    Effect.gen(function* () {
      for (const { canonical, kind } of identifiersOf(description)) {
        const key = JSON.stringify([kind, canonical])
        if (!tokens.has(key)) tokens.set(key, yield* hash(kind, canonical))
      }
      return profileOf(description, (kind, canonical) => tokens.get(JSON.stringify([kind, canonical])) ?? "")
    })
}

type Hashing<E, R> = (kind: string, canonical: string) => Effect.Effect<Token, E, R>

/** Whether two profiles describe the same, apart from the id that every connection gives anew. */
export const isAlike = (one: Profile, other: Profile): boolean => {
  const lasting = (profile: Profile) => ({ ...profile, externalId: "" })
  return one.externalId === other.externalId || areEqual(lasting(one), lasting(other))
}

const areEqual = Schema.toEquivalence(Profile)

const canonicalOf = {
  persistentId: Canonical.opaque,
  brand: Canonical.brand,
  iban: Canonical.iban,
  name: Canonical.name,
  email: Canonical.email,
  holder: Canonical.name,
}
type Kind = keyof typeof canonicalOf

/** What a bank may print where it shows no digits. */
const isPlaceholder = (mask: string) => /^(?:0+|1234)$/u.test(mask)

const tailsOf = (mask: string) =>
  [2, 3, 4].filter((length) => length <= mask.length).map((length) => mask.slice(-length))

const plain = (canonical: (text: string) => string | undefined, text: string | undefined) =>
  text === undefined ? undefined : canonical(text)

const present = <K extends string, A>(key: K, value: A | undefined) =>
  (value === undefined ? {} : { [key]: value }) as { readonly [P in K]?: A }

const isDefined = <A>(value: A | undefined): value is A => value !== undefined

const unique = <A>(values: ReadonlyArray<A>) => [...new Set(values)]
