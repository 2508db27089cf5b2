/**
 * How much every agreement and contradiction says, and what it takes to act on it.
 *
 * A policy is data with a version: a decision names the one it was made under and
 * can be made again under another. Weights are Fellegi and Sunter's, `log2(m/u)`:
 * `m` is how often an account agrees with itself so, `u` how often another account
 * of the same tenant does, both in parts per million, the weight in thousandths of
 * a bit. They are whole numbers, and all that is computed with them is: the same
 * grounds give the same decision on every machine.
 */
import { Schema } from "effect"

import { Label } from "./Evidence.ts"
import { AmountKind } from "./Overlap.ts"

const Ppm = Schema.Natural.check(Schema.isLessThanOrEqualTo(1_000_000))

export const Weight = Schema.Struct({
  m: Ppm,
  u: Ppm,
  /** The most that it counts; less where other accounts are seen to carry such a value. */
  milliBits: Schema.Int,
  reason: Schema.String,
})
export type Weight = typeof Weight.Type

export const Policy = Schema.Struct({
  version: Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(64)),
  /** That an incoming account is held at all, before anything is known; the number of those it could be comes off. */
  prior: Schema.Int,
  weights: Schema.Record(Label, Weight),
  /** How often another account has a booking of such an amount by chance. */
  amounts: Schema.Struct({
    m: Ppm,
    u: Schema.Record(AmountKind, Ppm),
    /** Comes to `u` for every other account that has the amount in those days. */
    perCarrier: Ppm,
    /** The most for one amount, for all, and against, in milli-bits. */
    most: Schema.Int,
    mostTogether: Schema.Int,
    least: Schema.Int,
    /** For every booking without a counterpart beyond what is lost on the way. */
    unmatched: Schema.Int,
    /** How many are lost on the way, of a million. */
    loss: Ppm,
    /** Of so many bookings, when less than this share (of a million) is matched, the histories disagree. */
    disagreeFrom: Schema.Natural,
    disagreeBelow: Ppm,
  }),
  /** What is thought of an institution before its own figures are in: of so many pairs, so many thousandths were equal. */
  sharing: Schema.Struct({ pairs: Schema.Natural, equalMillis: Schema.Natural }),
  /** A value that more than this many (of a million) pairs share at an institution does not identify there. */
  exclusive: Ppm,
  /** With these, two accounts are never the same, whatever else agrees. */
  vetoes: Schema.Array(Label),
  /** With these, an account is never linked by itself. */
  caps: Schema.Array(Label),
  /** With these, an identifier alone is not enough. */
  doubts: Schema.Array(Label),
  thresholds: Schema.Struct({
    /** Milli-bits of score, and of margin over the best other explanation. */
    high: Schema.Struct({ score: Schema.Int, margin: Schema.Int }),
    exact: Schema.Struct({ margin: Schema.Int }),
    medium: Schema.Struct({ score: Schema.Int }),
    low: Schema.Struct({ score: Schema.Int }),
    /** Candidates that are this much behind the first one are not shown. */
    rivals: Schema.Int,
  }),
  /** What has to come together for `high`: so many of the families, and one identifier or these bookings. */
  corroboration: Schema.Struct({
    families: Schema.Natural,
    identifier: Schema.Int,
    bookings: Schema.Int,
    /** Different amounts that only this one of the held accounts has. */
    amounts: Schema.Natural,
    /** With all of these, bookings are no anchor: a statement that covers another account has its bookings as well. */
    bookingsUnless: Schema.Array(Label),
  }),
  /** A card of which nothing was heard for so many days may have been replaced by one that looks like it. */
  dormantDays: Schema.Natural,
})
export type Policy = typeof Policy.Type

/** Reads a policy from a file. What is not known in it is refused by name and place. */
export const decode = Schema.decodeUnknownEffect(Policy, { onExcessProperty: "error" })

/**
 * log2 of a ratio in milli-bits, rounded down, by repeated squaring of a whole
 * number: `Math.log2` may differ in its last digit from one engine to the next.
 * Both are positive and below 2^31.
 */
export const log2Ratio = (numerator: number, denominator: number): number => {
  let bits = 0
  let [over, under] = [numerator, denominator]
  while (over >= 2 * under) {
    under *= 2
    bits++
  }
  while (over < under) {
    over *= 2
    bits--
  }
  // The mantissa, between 1 and 2, as a whole number of 2^-24: its square is below 2^50 and exact. By long division, twelve
  // digits at a time, for the same reason.
  const upper = Math.floor((over * 4096) / under)
  const lower = Math.floor(((over * 4096 - upper * under) * 4096) / under)
  let mantissa = upper * 4096 + lower
  let fraction = 0
  for (let digit = 0; digit < 16; digit++) {
    mantissa = Math.floor((mantissa * mantissa) / one)
    fraction *= 2
    if (mantissa >= 2 * one) {
      mantissa = Math.floor(mantissa / 2)
      fraction++
    }
  }
  return bits * 1000 + Math.floor((fraction * 1000) / 65_536)
}

const one = 2 ** 24

const weight = (m: number, u: number, milliBits: number, reason: string): Weight => ({ m, u, milliBits, reason })

/** An observation that counts nothing by itself; caps and vetoes may rest on it. */
const mute = (reason: string): Weight => weight(1_000_000, 1_000_000, 0, reason)

/** The policy in use. */
export const recon1: Policy = {
  version: "recon-1",
  prior: -300,
  weights: {
    "externalId.same": weight(970_000, 0, 30_000, "One id within one connection is one account"),
    "externalId.again": weight(
      970_000,
      20,
      15_565,
      "Some providers keep an id across connections, some count from one",
    ),
    "externalId.changed": weight(30_000, 960_000, -5000, "Within a connection an id seldom changes"),
    "persistentId.same": weight(995_000, 0, 26_000, "Made by the provider to outlive connections"),
    "persistentId.shared": weight(995_000, 250_000, 1992, "Held twice: it does not say which"),
    "persistentId.differs": mute("Veto: it never changes"),
    "iban.same": weight(980_000, 1, 19_902, "With its currency, where no two accounts share one"),
    "iban.unproven": weight(980_000, 1900, 9010, "Where accounts share one, or the currency is not known"),
    "iban.shared": weight(980_000, 345_000, 1506, "On several accounts here: pockets, pots"),
    "iban.differs": weight(10_000, 990_000, -6629, "Only a merger or a migration changes it"),
    "number.same": weight(980_000, 1, 19_902, "With its routing, where members do not share one"),
    "number.unproven": weight(980_000, 1000, 9936, "Where members share one"),
    "number.shared": weight(980_000, 490_000, 1000, "On several accounts here: a member's number"),
    "number.differs": weight(10_000, 990_000, -6629, "Only a merger or a renumbering changes it"),
    "mask.four": weight(985_000, 100, 13_265, "One in ten thousand, and those that share one by habit"),
    "mask.three": weight(985_000, 1900, 9017, "One in a thousand"),
    "mask.two": weight(985_000, 20_000, 5622, "One in a hundred"),
    "mask.shared": weight(985_000, 250_000, 1978, "On several accounts here"),
    "mask.placeholder": weight(985_000, 250_000, 1978, "On every card or loan whose digits a bank does not show"),
    "mask.differs": weight(15_000, 1_000_000, -6058, "Accounts are seldom renumbered"),
    "mask.differsOnCard": weight(80_000, 1_000_000, -3643, "Cards are replaced"),
    "email.same": weight(950_000, 4000, 7891, "An address may be given to somebody else"),
    "institution.same": weight(940_000, 1_000_000, -89, "Nearly always; how many are there is counted"),
    "institution.brand": weight(55_000, 380_000, -2789, "A bank gets a new id when it migrates"),
    "institution.differs": weight(5000, 690_000, -7108, "Only a merger"),
    "kind.same": weight(970_000, 350_000, 1470, "Kinds of accounts are few"),
    "kind.type": weight(990_000, 700_000, 500, "Types are fewer"),
    "kind.subtypeDiffers": weight(25_000, 250_000, -3321, "Accounts are seldom converted"),
    "kind.typeDiffers": weight(5000, 400_000, -6321, "Next to never"),
    "name.same": weight(800_000, 100_000, 3000, "Names of products repeat"),
    "name.similar": weight(120_000, 97_000, 306, "Spelt or named another way"),
    "name.differs": weight(80_000, 600_000, -2906, "Owners rename accounts"),
    "owner.same": weight(970_000, 700_000, 470, "Within a tenant owners hardly tell accounts apart"),
    "owner.differs": weight(50_000, 300_000, -2584, "Joint accounts come by way of either"),
    "holders.overlap": weight(970_000, 700_000, 470, "Within a tenant holders hardly tell accounts apart"),
    "holders.disjoint": weight(10_000, 250_000, -4643, "Two people"),
    "balance.rolls": weight(
      750_000,
      94_000,
      2996,
      "Where accounts are mistaken, one has often replaced the other, balance and all",
    ),
    "balance.unmoved": weight(750_000, 375_000, 1000, "The same, and nothing moved that could tell"),
    "balance.broken": weight(250_000, 1_000_000, -2000, "Pending bookings and late ones disturb it"),
    "account.closed": weight(50_000, 300_000, -2584, "What is closed seldom comes back"),
    "currency.differs": mute("Veto: pockets of one account are accounts of their own"),
    "currency.unknown": mute("Not known is not different"),
    "source.selfAsserted": mute("Anybody can say so"),
  },
  amounts: {
    m: 970_000,
    u: { tiny: 150_000, hundreds: 30_000, round: 20_000, price: 12_000, odd: 4000 },
    perCarrier: 120_000,
    most: 7000,
    mostTogether: 24_000,
    least: -8000,
    unmatched: -4000,
    loss: 60_000,
    disagreeFrom: 5,
    disagreeBelow: 200_000,
  },
  sharing: { pairs: 1000, equalMillis: 200 },
  exclusive: 1000,
  vetoes: ["currency.differs", "persistentId.differs"],
  caps: ["email.same", "holders.disjoint", "iban.differs", "kind.typeDiffers", "number.differs", "source.selfAsserted"],
  doubts: ["kind.subtypeDiffers"],
  thresholds: {
    high: { score: 14_000, margin: 14_000 },
    exact: { margin: 5000 },
    medium: { score: 6600 },
    low: { score: -6000 },
    rivals: 5000,
  },
  corroboration: {
    families: 2,
    identifier: 5000,
    bookings: 14_000,
    amounts: 3,
    bookingsUnless: ["balance.broken", "owner.differs"],
  },
  dormantDays: 30,
}
