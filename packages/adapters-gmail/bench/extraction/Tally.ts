/** Counts what an extractor said against what the mails say. */
import {
  type Kind,
  type Platform,
  type ReservationFacts,
  threshold,
} from "@holdfast/domain/reservations/ReservationFacts"

import { type ReservationMails } from "../../src/testing/index.ts"
import * as Calibration from "./Calibration.ts"

type Field = ReservationMails.Field
export const fields: ReadonlyArray<Field> = [
  "guestName",
  "checkIn",
  "checkOut",
  "confirmationCode",
  "guestCount",
  "infants",
  "rooms",
  "listing",
]

export interface Found {
  said: number
  right: number
  /** Said with the confidence from which on values are applied. */
  sure: number
  sureRight: number
  required: number
  found: number
}

export interface Tally {
  mails: number
  hostile: number
  /** Mails whose facts were to be applied by themselves, and those of them that were wrong. */
  autos: number
  wrongAutos: number
  /** Confirmations that are genuine, and those that were read wholly and applied by themselves. */
  confirmations: number
  applied: number
  hostileAutos: number
  hostileWrongAutos: number
  readonly byField: Map<Field, Found>
  readonly hostileByField: Map<Field, Found>
  /** `platform language` → of the values that confirmations say. */
  readonly confirmed: Map<string, Found>
  readonly kinds: Map<Kind, { right: number; said: number; is: number }>
  readonly claims: Array<Calibration.Claim>
  /** The weightiest reason, or else the kind → mails that a person is asked about. */
  readonly asked: Map<string, { genuine: number; tricks: number }>
  /** Of each mail as a whole: whether what it is for and what tells the reservation apart are right. */
  readonly wholes: Array<Calibration.Claim>
  readonly platforms: { right: number; all: number }
  /** Trick → mails, autos, wrong autos. */
  readonly tricks: Map<string, { mails: number; autos: number; wrong: number }>
}

export const empty = (): Tally => ({
  mails: 0,
  hostile: 0,
  autos: 0,
  wrongAutos: 0,
  confirmations: 0,
  applied: 0,
  hostileAutos: 0,
  hostileWrongAutos: 0,
  byField: new Map(),
  hostileByField: new Map(),
  confirmed: new Map(),
  kinds: new Map(),
  claims: [],
  asked: new Map(),
  wholes: [],
  platforms: { right: 0, all: 0 },
  tricks: new Map(),
})

/** Counts one mail, and says what was wrong with what was said of it. */
export const count = (
  tally: Tally,
  mail: ReservationMails.Generated,
  facts: ReservationFacts,
): ReadonlyArray<string> => {
  const { hostile, language, truth } = mail
  const mistakes: Array<string> = []
  const auto = facts.decision === "auto"
  let wrong = auto && (!truth.autoAllowed || facts.kind !== truth.kind)
  if (wrong) mistakes.push(`AUTO not allowed: kind ${facts.kind}`)
  let whole = auto

  for (const field of fields) {
    const value = facts[field]
    const expected = truth[field]
    const isRight = value !== null && same(value.value, expected)
    const isSure = value !== null && value.confidence >= threshold.auto
    const isRequired = truth.required.has(field)
    const counts = entry(hostile === undefined ? tally.byField : tally.hostileByField, field, nothingFound)
    const here = entry(
      hostile === undefined && truth.kind === "confirmed" ? tally.confirmed : new Map<string, Found>(),
      `${truth.platform} ${language}`,
      nothingFound,
    )
    for (const found of [counts, here]) {
      if (isRequired) found.required++
      if (isRequired && isRight) found.found++
      if (value !== null) found.said++
      if (isRight) found.right++
      if (isSure) found.sure++
      if (isSure && isRight) found.sureRight++
    }
    if (isRequired && !isRight) whole = false
    const isApplied = auto && isSure
    if (isApplied && !isRight) wrong = true
    if ((value !== null && !isRight) || (isRequired && !isRight)) {
      const said = value === null ? "null" : `${value.value} (${value.confidence}, ${value.sources.join("+")})`
      mistakes.push(`${isApplied ? "AUTO " : ""}${field}: ${said}, is ${expected}`)
    }
  }

  tally.claims.push(...claimsOf(mail, facts, tally.mails))
  if (facts.confidence > 0) tally.wholes.push(wholeOf(mail, facts, tally.mails))
  if (facts.decision === "review") {
    const asked = entry(tally.asked, facts.reasons[0] ?? facts.kind, () => ({ genuine: 0, tricks: 0 }))
    asked[hostile === undefined ? "genuine" : "tricks"]++
  }
  tally.mails++
  if (auto) tally.autos++
  if (wrong) tally.wrongAutos++
  if (hostile === undefined) {
    if (truth.kind === "confirmed") tally.confirmations++
    if (truth.kind === "confirmed" && whole) tally.applied++
    if (truth.platform !== null) {
      entry(tally.kinds, truth.kind, noKind).is++
      entry(tally.kinds, facts.kind, noKind).said++
      if (facts.kind === truth.kind) entry(tally.kinds, truth.kind, noKind).right++
      else mistakes.push(`kind: ${facts.kind}`)
    }
    tally.platforms.all++
    if (facts.platform === truth.platform) tally.platforms.right++
    else mistakes.push(`platform: ${facts.platform}, is ${truth.platform}`)
  } else {
    tally.hostile++
    if (auto) tally.hostileAutos++
    if (wrong) tally.hostileWrongAutos++
    const trick = entry(tally.tricks, hostile, () => ({ mails: 0, autos: 0, wrong: 0 }))
    trick.mails++
    if (auto) trick.autos++
    if (wrong) trick.wrong++
  }
  return mistakes.length === 0 ? [] : [...mistakes, `${facts.decision} ${facts.confidence} ${facts.reasons.join(" ")}`]
}

export const f1 = ({
  is,
  right,
  said,
}: {
  readonly right: number
  readonly said: number
  readonly is: number
}): number => (right === 0 ? 0 : (2 * right) / (said + is))

/** Over the kinds that were met. */
export const macroF1 = ({ kinds }: Tally): number => {
  const met = [...kinds.values()].filter(({ is }) => is > 0)
  return met.reduce((sum, kind) => sum + f1(kind), 0) / met.length
}

/** What was said, each value with its confidence. */
const claimsOf = (
  { hostile, truth }: ReservationMails.Generated,
  facts: ReservationFacts,
  mail: number,
): ReadonlyArray<Calibration.Claim> =>
  fields.flatMap((field) => {
    const value = facts[field]
    if (value === null) return []
    return {
      mail,
      confidence: value.confidence,
      right: chance(truth, (one) => same(value.value, one[field])),
      groups: [
        hostile === undefined ? "genuine" : "tricks",
        facts.sender === "authentic" ? "proved senders" : "unproven senders",
        `platform ${facts.platform}`,
        `field ${field}`,
        ...facts.reasons.map((reason) => `reason ${reason}`),
      ],
    }
  })

const wholeOf = ({ truth }: ReservationMails.Generated, facts: ReservationFacts, mail: number): Calibration.Claim => {
  const apart: ReadonlyArray<Field> = facts.confirmationCode === null ? ["checkIn", "checkOut"] : ["confirmationCode"]
  const isRight = (one: ReservationMails.Truth) =>
    facts.kind === one.kind &&
    apart.every((field) => {
      const value = facts[field]
      return value === null || same(value.value, one[field])
    })
  return { mail, confidence: facts.confidence, right: chance(truth, isRight), groups: [`decision ${facts.decision}`] }
}

/** Where chance decided between two truths, each counts by half. */
const chance = (truth: ReservationMails.Truth, isRight: (truth: ReservationMails.Truth) => boolean): number =>
  truth.otherwise === undefined
    ? Number(isRight(truth))
    : (Number(isRight(truth)) + Number(isRight(truth.otherwise))) / 2

export interface Bar {
  readonly name: string
  readonly value: string
  readonly holds: boolean
}

export const bars = (tally: Tally): ReadonlyArray<Bar> => [
  { name: "wrong values applied by themselves: none", value: `${tally.wrongAutos}`, holds: tally.wrongAutos === 0 },
  ...(["airbnb", "vrbo"] as const).flatMap((platform) => recallBars(tally, platform)),
  recallBar("Booking.com number and day: 100 %", sum(tally, "booking"), 1),
  { name: "macro F1 of kinds ≥ 0.995", value: macroF1(tally).toFixed(4), holds: macroF1(tally) >= 0.995 },
  calibrationBar(tally),
]

const calibrationBar = ({ claims }: Tally): Bar => {
  const { error } = Calibration.of(claims)
  const [low, high] = Calibration.interval(claims)
  return {
    name: "expected calibration error ≤ 0.02",
    value: `${error.toFixed(4)} (95 %: ${low.toFixed(4)} to ${high.toFixed(4)})`,
    holds: error <= 0.02,
  }
}

const frequent: ReadonlySet<string> = new Set(["en-US", "en-GB", "fr", "de", "es", "it"])

const recallBars = (tally: Tally, platform: Platform): ReadonlyArray<Bar> => [
  ...[...tally.confirmed]
    .filter(([name]) => name.startsWith(`${platform} `))
    .map(([name, found]) => ({ name, found, least: frequent.has(name.split(" ")[1] ?? "") ? 0.99 : 0.97 }))
    .filter(({ found, least }) => found.found / found.required < least)
    .map(({ found, least, name }) => recallBar(`recall, ${name} ≥ ${least * 100} %`, found, least)),
  recallBar(`recall, ${platform}, all languages ≥ 97 %`, sum(tally, platform), 0.97),
]

const recallBar = (name: string, { found, required }: Found, least: number): Bar => ({
  name,
  value: `${((100 * found) / Math.max(1, required)).toFixed(2)} %`,
  holds: required > 0 && found / required >= least,
})

const sum = (tally: Tally, platform: Platform): Found => {
  const total = nothingFound()
  for (const [name, found] of tally.confirmed) {
    if (!name.startsWith(`${platform} `)) continue
    total.said += found.said
    total.right += found.right
    total.sure += found.sure
    total.sureRight += found.sureRight
    total.required += found.required
    total.found += found.found
  }
  return total
}

/** No infants, and infants that are not spoken of, are the same. */
const same = (said: string | number, expected: string | number | null): boolean => said === (expected ?? 0)

const nothingFound = (): Found => ({ said: 0, right: 0, sure: 0, sureRight: 0, required: 0, found: 0 })

const noKind = () => ({ right: 0, said: 0, is: 0 })

const entry = <K, V>(map: Map<K, V>, key: K, make: () => V): V => {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = make()
  map.set(key, made)
  return made
}
