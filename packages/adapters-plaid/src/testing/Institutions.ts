/** Banks as Plaid knows them, with the habits that matter to whoever connects twice. */

import { Schema } from "effect"

export const Institution = Schema.Struct({
  /** `ins_…`, case sensitive. */
  id: Schema.String,
  name: Schema.String,
  /** ISO 3166-1 alpha-2; in Britain and the EU consent ends after 180 days and update mode adds no accounts. */
  country: Schema.String,
  oauth: Schema.Boolean,
  /** Account numbers are tokens, other ones for every Item; a `persistent_account_id` tells which accounts are the same. */
  tokenizesNumbers: Schema.Boolean,
  /** Whether `/auth/get` works here. */
  givesNumbers: Schema.Boolean,
  /** Whether transactions are told before they are posted. */
  givesPending: Schema.Boolean,
  /** Whether the host is told which account a person withdrew. */
  tellsRevokedAccounts: Schema.Boolean,
  /** What becomes of an Item when the same login is connected a second time. */
  secondItem: Schema.Literals(["keeps the first", "ends the first", "ends the first if other accounts are shared"]),
  /** Days until the person must consent anew; `null` where consent does not end. */
  consentDays: Schema.NullOr(Schema.Finite),
})
export type Institution = typeof Institution.Type

/** A quiet bank: each further argument is a habit it has. */
export const institution = (
  id: string,
  name: string,
  habits: Partial<Omit<Institution, "id" | "name">> = {},
): Institution => ({
  id,
  name,
  country: "US",
  oauth: false,
  tokenizesNumbers: false,
  givesNumbers: true,
  givesPending: true,
  tellsRevokedAccounts: false,
  secondItem: "keeps the first",
  consentDays: europe.has(habits.country ?? "US") ? 180 : null,
  ...habits,
})

export const isEuropean = ({ country }: Pick<Institution, "country">) => europe.has(country)

const europe: ReadonlySet<string> = new Set("AT BE DE DK EE ES FI FR GB IE IT LT LV NL NO PL PT SE".split(" "))

/**
 * Plaid's test banks, and those real ones whose habits its documentation tells.
 *
 * @see https://plaid.com/docs/sandbox/institutions/
 * @see https://plaid.com/docs/link/duplicate-items/
 */
export const institutions: ReadonlyArray<Institution> = [
  institution("ins_109508", "First Platypus Bank"),
  institution("ins_109509", "First Gingham Credit Union"),
  institution("ins_127287", "Platypus OAuth Bank", { oauth: true, tokenizesNumbers: true }),
  institution("ins_117650", "Royal Bank of Plaid", { country: "GB", oauth: true }),
  institution("ins_43", "Tartan-Dominion Bank of Canada", { country: "CA" }),
  institution("ins_56", "Chase", {
    oauth: true,
    tokenizesNumbers: true,
    secondItem: "ends the first if other accounts are shared",
  }),
  institution("ins_13", "PNC", {
    oauth: true,
    tokenizesNumbers: true,
    secondItem: "ends the first",
    consentDays: 365,
    tellsRevokedAccounts: true,
  }),
  institution("ins_127990", "U.S. Bank", { oauth: true, tokenizesNumbers: true }),
  institution("ins_127989", "Bank of America", { oauth: true, consentDays: 365 }),
  institution("ins_15", "Navy Federal Credit Union", { oauth: true, secondItem: "ends the first", consentDays: 365 }),
  institution("ins_11", "Charles Schwab", { oauth: true, secondItem: "ends the first" }),
  institution("ins_5", "Citibank Online", { oauth: true, consentDays: 365 }),
  institution("ins_128026", "Capital One", { oauth: true, givesPending: false, consentDays: 365 }),
  institution("ins_7", "USAA", { oauth: true, givesPending: false, consentDays: 548 }),
]
