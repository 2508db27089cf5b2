/**
 * Small worlds in which nearly everything collides: few masks, few names, few IBANs, so that ties, shared values and
 * contradictions are the rule.
 */
import { Arbitrary, Schema } from "effect"

import * as AccountMatching from "../src/matching/AccountMatching.ts"
import type * as Decision from "../src/matching/Decision.ts"
import { type Policy, recon1 } from "../src/matching/Policy.ts"
import { type Description, profileOf } from "../src/matching/Profile.ts"

const one = (count: number) => Schema.Literals(Array.from({ length: count }, (_, at) => at))

/** 0 is always: not known. */
export const Traits = Schema.Struct({
  connection: one(2),
  owner: one(2),
  institution: one(3),
  externalId: one(4),
  persistentId: one(4),
  iban: one(4),
  number: one(4),
  isTokenized: Schema.Boolean,
  mask: one(6),
  name: one(5),
  kind: one(4),
  currency: one(3),
  holder: one(3),
  bookings: one(4),
  balance: one(3),
})
export type Traits = typeof Traits.Type

/** Which traits are taken over from another account. */
const Taken = Schema.Record(Schema.Literals(Object.keys(Traits.fields) as Array<keyof Traits>), Schema.Boolean)

const HeldTraits = Schema.Struct({ ...Traits.fields, isLive: Schema.Boolean, isClosed: Schema.Boolean })
export type HeldTraits = typeof HeldTraits.Type

export const traits = Arbitrary.schema(Traits)
export const heldTraits = Arbitrary.schema(HeldTraits)

/** An account, the place of one that is held, and what of the held one it shows instead of its own. */
const Likeness = Schema.Struct({ own: HeldTraits, of: one(6), taken: Taken })
export const likeness = Arbitrary.schema(Likeness)

export const alike = ({ held }: World, { of, own, taken }: typeof Likeness.Type): HeldTraits => {
  const other = held[of % held.length]
  if (other === undefined) return own
  const shown = Object.entries(other).filter(([trait]) => taken[trait as keyof Traits] === true)
  return { ...own, ...Object.fromEntries(shown) }
}

/** Held and incoming accounts of one tenant. */
const World = Schema.Struct({
  held: Schema.Array(HeldTraits).check(Schema.isMaxLength(6)),
  incoming: Schema.Array(Traits).check(Schema.isMaxLength(5)),
  isReconnecting: Schema.Boolean,
})
export type World = typeof World.Type
export const world = Arbitrary.schema(World)

export const questionOf = ({ held, incoming, isReconnecting }: World): AccountMatching.Question => ({
  tenantId: "here",
  ...(isReconnecting && { reconnecting: "c0" }),
  held: held.map((traits, at) => heldOf(traits, `a${at}`)),
  incoming: incoming.map((traits, at) => incomingOf(traits, `x${at}`)),
})

export const heldOf = (traits: HeldTraits, accountId: string): AccountMatching.Held => ({
  ...sideOf(traits),
  accountId,
  tenantId: "here",
  connectionId: `c${traits.connection}`,
  isLive: traits.isLive,
  closed: traits.isClosed,
})

export const incomingOf = (traits: Traits, source: string): AccountMatching.Incoming => ({
  ...sideOf(traits),
  source,
  connectionId: traits.connection === 0 ? "new" : "c1",
})

/** A token that would be found if it ever came out. */
export const secretly = (kind: string, canonical: string) => `<<${kind}:${canonical}>>`

export const describe = (traits: Traits): Description => ({
  externalId: `ext-${traits.externalId}`,
  persistentId: [undefined, "p1", "p2", "p3"][traits.persistentId],
  institution: [undefined, { id: "ins_1", name: "First Bank" }, { id: "ins_2", name: "Second Bank" }][
    traits.institution
  ],
  iban: [undefined, "DE89370400440532013000", "LT121000011101001000", "GB29NWBK60161331926819"][traits.iban],
  number: [undefined, "021000021:11112222", "021000021:33334444", "026009593:55556666"]
    .slice(traits.number, traits.number + 1)
    .filter((value) => value !== undefined)
    .map((value) => ({ value, tokenized: traits.isTokenized }))[0],
  mask: [undefined, "8234", "5678", "34", "678", "0000"][traits.mask],
  name: [undefined, "Total Checking", "Total Savings", "Café Épargne", "Checking"][traits.name],
  type: [undefined, "depository", "depository", "credit"][traits.kind],
  subtype: [undefined, "checking", "savings", "credit card"][traits.kind],
  currency: [undefined, "EUR", "USD"][traits.currency],
  holders: [undefined, ["Ada Example"], ["Bob Example"]][traits.holder],
})

const sideOf = (traits: Traits) => ({
  ownerId: `u${traits.owner}`,
  provider: "plaid",
  profile: profileOf(describe(traits), secretly),
  bookings: bookings[traits.bookings],
  balance: [undefined, { amount: 0, on: "2026-02-01" }, { amount: 123_456, on: "2026-02-01" }][traits.balance],
})

const bookingsFrom = (first: number, count: number) => ({
  from: "2026-01-01",
  to: "2026-01-31",
  rows: Array.from({ length: count }, (_, at) => ({
    on: `2026-01-${String(5 + at).padStart(2, "0")}`,
    amount: first + at * 137,
  })),
})

const bookings = [undefined, bookingsFrom(1_111, 8), bookingsFrom(40_001, 8), bookingsFrom(1_111, 3)]

export const decide = (question: AccountMatching.Question, policy: Policy = recon1) =>
  AccountMatching.decide(policy, AccountMatching.observe(question))

export const isLinked = ({ action }: Decision.Decision) => action === "auto" || action === "shared"

/** Decision by incoming account. */
export const bySource = (decisions: ReadonlyArray<Decision.Decision>) =>
  new Map(decisions.map((decision) => [`${decision.connectionId} ${decision.source}`, decision]))

export const rankOf = ({ level }: Decision.Decision) => ["none", "low", "medium", "high", "exact"].indexOf(level)
