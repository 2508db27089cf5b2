/**
 * What a provider says of an account: one connection's view of it, with what the provider knows, misspells and loses.
 */
import { type Bookings, type Description } from "../../matching/Profile.ts"
import { type Parameters } from "./Parameters.ts"
import * as Random from "./Random.ts"
import * as Tape from "./Tape.ts"
import { type OutsideAccount } from "./Tenants.ts"

/** What one connection delivers. Days are counted from today and negative. */
export interface View {
  readonly connectionId: string
  readonly provider: string
  readonly institution: { readonly id: string; readonly name: string }
  /** Numbers, IBANs and holders' names are delivered. */
  readonly numbers: boolean
  readonly ibans: boolean
  readonly holders: boolean
  /** First and last day of the bookings. */
  readonly from: number
  readonly to: number
}

export const describe = (
  parameters: Parameters,
  account: OutsideAccount,
  externalId: string,
  view: View,
  random: Random.Random,
): Description => {
  const { balanceMissing, currencyMissing } = parameters.identifiers
  // Drawn in any case, so that a view that shows more says the same of what both show.
  const token = `${account.institution.routing}:${Random.digits(random, 12)}`
  const hasCurrency = !Random.chance(random, currencyMissing)
  const hasBalance = !Random.chance(random, balanceMissing)
  const tokenized = account.hazards.includes("tokenized")
  // A window that ends in the past says the balance of then: what moved since is taken back.
  const known = Tape.rows(account.tape, Tape.blockOf(view.from - longestShift), 0)
  return {
    externalId,
    persistentId: account.persistentId,
    institution: view.institution,
    iban: view.ibans ? account.iban : undefined,
    number:
      view.numbers && account.institution.region === "US" && account.type === "depository"
        ? { value: tokenized ? token : account.number, tokenized }
        : undefined,
    mask: account.mask,
    name: account.name,
    officialName: account.officialName,
    type: account.type,
    subtype: account.subtype,
    currency: hasCurrency ? account.currency : undefined,
    holders: view.holders ? account.holders : undefined,
    balance: hasBalance ? { amount: balanceOn(account, view.to, known), on: Tape.dateOf(view.to) } : undefined,
    bookings: bookingsOf(known, view, random, parameters),
  }
}

/** The same words as another bank's computer would write them. */
export const misspelt = (account: OutsideAccount, random: Random.Random): string => {
  const { institution, mask, name } = account
  switch (Random.below(random, 4)) {
    case 0:
      return name.toUpperCase() === name ? name.toLowerCase() : name.toUpperCase()
    case 1:
      return `${name}®`
    case 2:
      return `${name} ${mask === undefined ? "Account" : `...${mask}`}`
    default:
      return `${institution.name.split(" ")[0]} ${name}`
  }
}

/** Taken back from today's balance by what was booked after the day. */
export const balanceOn = (account: OutsideAccount, day: number, known: ReadonlyArray<Tape.Row>): number => {
  const owed = account.type === "credit" || account.type === "loan" ? -1 : 1
  return known.reduce((balance, row) => (row.day > day ? balance + owed * row.amount : balance), account.balance)
}

/** Each side of a pair has half of the faults: together they have the rates of the parameters. */
const bookingsOf = (
  known: ReadonlyArray<Tape.Row>,
  { from, to }: View,
  random: Random.Random,
  { bookings }: Parameters,
): Bookings => {
  const rows: Array<{ readonly on: string; readonly amount: number }> = []
  for (const { amount, day } of known) {
    const isLost = Random.chance(random, bookings.lost / 2)
    const shifted = Random.chance(random, bookings.shifted / 2) ? day + Random.pick(random, [-2, -1, 1, 2]) : day
    const corrected = Random.chance(random, bookings.corrected / 2)
      ? amount + Random.pick(random, [-100, -10, 10, 250])
      : amount
    if (isLost || shifted < from || shifted > to) continue
    rows.push({ on: Tape.dateOf(shifted), amount: corrected })
  }
  return { from: Tape.dateOf(from), to: Tape.dateOf(to), rows }
}

const longestShift = 2
