/**
 * The persons that Plaid's sandbox lets anyone log in as: `user_good`, and `user_custom` whose password is the JSON of
 * its accounts.
 *
 * @see https://plaid.com/docs/sandbox/user-custom/
 */
import { Schema } from "effect"

import type { NewAccount, NewTransaction, Numbers } from "./Bank.ts"

/** As the sandbox has them. */
export const userGood: ReadonlyArray<NewAccount> = [
  account(
    "Plaid Checking",
    "0000",
    "checking",
    { current: 110, available: 100 },
    "Plaid Gold Standard 0% Interest Checking",
  ),
  account(
    "Plaid Saving",
    "1111",
    "savings",
    { current: 210, available: 200 },
    "Plaid Silver Standard 0.1% Interest Saving",
  ),
  account("Plaid CD", "2222", "cd", { current: 1000 }, "Plaid Bronze Standard 0.2% Interest CD"),
  {
    ...account("Plaid Credit Card", "3333", "credit card", { current: 410, available: null, limit: 2000 }),
    officialName: "Plaid Diamond 12.5% APR Interest Credit Card",
    type: "credit",
  },
  account(
    "Plaid Money Market",
    "4444",
    "money market",
    { current: 43_200, available: 43_200 },
    "Plaid Platinum Standard 1.85% Interest Money Market",
  ),
  { ...account("Plaid IRA", "5555", "ira", { current: 320.76, available: null }), type: "investment" },
  { ...account("Plaid 401k", "6666", "401k", { current: 23_631.98, available: null }), type: "investment" },
  { ...account("Plaid Student Loan", "7777", "student", { current: 65_262, available: null }), type: "loan" },
  { ...account("Plaid Mortgage", "8888", "mortgage", { current: 56_302.06, available: null }), type: "loan" },
]

/** What of a custom user's password is understood; the rest is ignored. */
export const CustomUser = Schema.fromJsonString(
  Schema.Struct({
    seed: Schema.optionalKey(Schema.String),
    override_accounts: Schema.optionalKey(
      Schema.Array(
        Schema.Struct({
          type: Schema.Literals(["depository", "credit", "loan", "investment"]),
          subtype: Schema.String,
          starting_balance: Schema.optionalKey(Schema.Finite),
          force_available_balance: Schema.optionalKey(Schema.Finite),
          currency: Schema.optionalKey(Schema.String),
          meta: Schema.optionalKey(
            Schema.Struct({
              name: Schema.optionalKey(Schema.String),
              official_name: Schema.optionalKey(Schema.String),
              limit: Schema.optionalKey(Schema.Finite),
              mask: Schema.optionalKey(Schema.String.check(Schema.isPattern(/^$|^[A-Za-z0-9]{2,4}$/))),
            }),
          ),
          numbers: Schema.optionalKey(
            Schema.Struct({
              account: Schema.optionalKey(Schema.String),
              ach_routing: Schema.optionalKey(Schema.String),
              ach_wire_routing: Schema.optionalKey(Schema.String),
              eft_institution: Schema.optionalKey(Schema.String),
              eft_branch: Schema.optionalKey(Schema.String),
              international_bic: Schema.optionalKey(Schema.String),
              international_iban: Schema.optionalKey(Schema.String),
              bacs_sort_code: Schema.optionalKey(Schema.String),
            }),
          ),
          transactions: Schema.optionalKey(
            Schema.Array(
              Schema.Struct({
                date_transacted: Schema.String,
                date_posted: Schema.String,
                amount: Schema.Finite,
                description: Schema.String,
                currency: Schema.optionalKey(Schema.String),
              }),
            ),
          ),
        }),
      ),
    ),
  }),
)
type CustomAccount = NonNullable<(typeof CustomUser.Type)["override_accounts"]>[number]

export const customAccount = (custom: CustomAccount): NewAccount => {
  const { currency, force_available_balance, meta = {}, starting_balance = 0, subtype, type } = custom
  const numbers = custom.numbers && customNumbers(custom.numbers)
  return {
    name: meta.name ?? `Plaid ${subtype}`,
    ...(meta.official_name === undefined ? {} : { officialName: meta.official_name }),
    ...(meta.mask === undefined ? {} : { mask: meta.mask === "" ? null : meta.mask }),
    type,
    subtype,
    balance: {
      current: starting_balance,
      available: force_available_balance ?? starting_balance,
      limit: meta.limit ?? null,
    },
    ...(currency === undefined ? {} : { currency }),
    ...(numbers === undefined ? {} : { numbers }),
  }
}

/** Pending while the day of posting is still to come. */
export const customTransaction = (
  custom: {
    readonly date_transacted: string
    readonly date_posted: string
    readonly amount: number
    readonly description: string
  },
  today: string,
): NewTransaction => {
  const pending = custom.date_posted > today
  return {
    amount: custom.amount,
    name: custom.description,
    date: pending ? custom.date_transacted : custom.date_posted,
    authorizedDate: custom.date_transacted,
    pending,
  }
}

const customNumbers = (custom: NonNullable<CustomAccount["numbers"]>): Numbers => {
  const { international_bic: bic, international_iban: iban } = custom
  const account = custom.account ?? iban ?? ""
  const { ach_routing, ach_wire_routing, bacs_sort_code, eft_branch, eft_institution } = custom
  return {
    ...(ach_routing === undefined
      ? {}
      : { ach: { account, routing: ach_routing, wireRouting: ach_wire_routing ?? null } }),
    ...(eft_branch === undefined || eft_institution === undefined
      ? {}
      : { eft: { account, branch: eft_branch, institution: eft_institution } }),
    ...(iban === undefined || bic === undefined ? {} : { international: { iban, bic } }),
    ...(bacs_sort_code === undefined ? {} : { bacs: { account, sortCode: bacs_sort_code } }),
  }
}

function account(
  name: string,
  mask: string,
  subtype: string,
  balance: NonNullable<NewAccount["balance"]>,
  officialName: string | null = null,
): NewAccount {
  return { name, officialName, mask, type: "depository", subtype, balance }
}
