/**
 * The banks of a population: 40 in the United States, 25 in the European Union, none of them real.
 * The r-th largest of each has a share in proportion to 1/r of the logins there.
 */
import { type Parameters } from "./Parameters.ts"
import type * as Random from "./Random.ts"

export interface Institution {
  readonly id: string
  readonly name: string
  readonly region: "US" | "EU"
  /** Country of its IBANs; none in the United States. */
  readonly country: string | undefined
  readonly currency: "USD" | "EUR"
  readonly routing: string
  readonly creditUnion: boolean
  /** Its numbers are made anew for every connection, and its deposit accounts have a persistent id. */
  readonly tokenizes: boolean
  readonly memberMask: boolean
  readonly memberNumber: boolean
  readonly sharedIban: boolean
  readonly sharedIbanMask: boolean
  /** It writes the mask into the account's name. */
  readonly namesShowMask: boolean
  /** The most history that it hands out, in days. */
  readonly longestHistory: number
}

export interface Institutions {
  readonly us: readonly [Institution, ...Array<Institution>]
  readonly eu: readonly [Institution, ...Array<Institution>]
}

/** The parameters say which of them have a hazard; no chance is involved, so that a seed cannot be lucky. */
export const institutionsOf = (parameters: Parameters): Institutions => {
  const { memberMask, memberNumber, sharedIban, sharedIbanMask } = parameters.institutions
  let unions = 0
  const us = Array.from({ length: 40 }, (_, rank): Institution => {
    const creditUnion = rank % 3 === 2 && rank > 8
    const union = creditUnion ? unions++ : -1
    return {
      id: `ins_${100 + rank}`,
      name: creditUnion ? `${place(rank)} Credit Union` : `${place(rank)} ${["Bank", "National", "Trust"][rank % 3]}`,
      region: "US",
      country: undefined,
      currency: "USD",
      routing: `${121_000_000 + rank * 7919}`,
      creditUnion,
      tokenizes: rank === 0 || rank === 5 || rank === 7,
      memberMask: creditUnion && isOneOf(union, memberMask),
      memberNumber: creditUnion && isOneOf(union + 4, memberNumber),
      sharedIban: false,
      sharedIbanMask: false,
      namesShowMask: rank % 10 === 3,
      longestHistory: historyOf(rank),
    }
  })
  let sharing = 0
  const eu = Array.from({ length: 25 }, (_, rank): Institution => {
    const shares = isOneOf(rank, sharedIban)
    return {
      id: `ins_${500 + rank}`,
      name: `${place(rank + 40)} ${["Banka", "Sparbank", "Kredit"][rank % 3]}`,
      region: "EU",
      country: countries[rank % countries.length],
      currency: "EUR",
      routing: "",
      creditUnion: false,
      tokenizes: false,
      memberMask: false,
      memberNumber: false,
      sharedIban: shares,
      sharedIbanMask: shares && isOneOf(sharing++, sharedIbanMask),
      namesShowMask: false,
      longestHistory: historyOf(rank),
    }
  })
  return { us: nonEmpty(us), eu: nonEmpty(eu) }
}

/** Zipf's law with exponent 1. */
export const institutionFor = (institutions: Institutions, european: boolean, random: Random.Random): Institution => {
  const list = european ? institutions.eu : institutions.us
  let total = 0
  for (let rank = 1; rank <= list.length; rank++) total += 1 / rank
  let left = (random() / 0x1_0000_0000) * total
  for (const [index, institution] of list.entries()) {
    left -= 1 / (index + 1)
    if (left < 0) return institution
  }
  return list[0]
}

/** The countries whose account numbers inside the IBAN are digits only, and how many. */
export const ibanDigits: Readonly<Record<string, number>> = {
  DE: 18,
  AT: 16,
  BE: 12,
  ES: 20,
  LT: 16,
  PT: 21,
  FI: 14,
  EE: 16,
}

const countries: readonly [string, ...Array<string>] = ["DE", "LT", "ES", "BE", "AT", "FI", "PT", "EE"]

/** Spreads a share evenly: of any run of places, that share is chosen. */
const isOneOf = (place: number, share: number): boolean => Math.floor((place + 1) * share) > Math.floor(place * share)

const historyOf = (rank: number): number => (rank % 7 === 6 ? 180 : rank % 5 === 4 ? 365 : 730)

const nonEmpty = (list: ReadonlyArray<Institution>): readonly [Institution, ...Array<Institution>] => {
  const [first, ...rest] = list
  if (first === undefined) throw new RangeError("no institution")
  return [first, ...rest]
}

const place = (index: number): string =>
  `${beginnings[index % beginnings.length]}${endings[Math.floor(index / beginnings.length) % endings.length]}`

const beginnings = [
  "Alder",
  "Birch",
  "Cedar",
  "Dove",
  "Elm",
  "Fern",
  "Gold",
  "Hazel",
  "Iron",
  "Juniper",
  "Kestrel",
  "Lark",
  "Maple",
]
const endings = ["ford", "bridge", "haven", "field", "mouth"]
