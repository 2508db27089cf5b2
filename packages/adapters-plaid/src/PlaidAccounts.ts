/** Plaid's accounts and transactions in the domain's words. What cannot be said exactly is left out or refused, not guessed. */
import { Connection, type Provider } from "@holdfast/domain"
import { DateTime, Effect, Option, Result, Schema, SchemaIssue } from "effect"

import * as Money from "./Money.ts"
import { type Account, type Holders, type Item, type ItemStatus, type Numbers } from "./PlaidApi.ts"
import { type PlaidError } from "./PlaidError.ts"
import type * as PlaidSecret from "./PlaidSecret.ts"

/** What a provider says of an outside account. */
export type Description = NonNullable<Provider.Source["account"]>
type Institution = Description["institution"]

/** What is known of an account beside what it says of itself. */
export interface Known {
  readonly institution: Institution
  readonly numbers?: Numbers | undefined
  readonly holders?: ReadonlyArray<Holders> | undefined
  readonly today: Connection.Day
}

/** Whether `/transactions/sync` serves the account: not those of investments, nor loans but a student's. */
export const hasTransactions = ({ subtype, type }: Account): boolean =>
  type === "depository" || type === "credit" || (type === "loan" && subtype === "student")

export const descriptionOf = (account: Account, known: Known): Description => {
  const { account_id, balances, mask, name, official_name, persistent_account_id, subtype, type } = account
  const { institution, numbers, today } = known
  const isOurs = (other: { readonly account_id: string }) => other.account_id === account_id
  const holders = known.holders?.filter(isOurs).flatMap(({ owners }) => owners.flatMap(({ names }) => names))
  const currency = given(balances.iso_currency_code)
  return {
    externalId: account_id,
    persistentId: given(persistent_account_id),
    institution,
    iban: numbers?.international?.find(isOurs)?.iban,
    number: numbers && numberOf(account_id, numbers),
    mask: given(mask),
    name: given(name),
    officialName: given(official_name),
    type: given(type),
    subtype: given(subtype),
    currency,
    holders: holders === undefined || holders.length === 0 ? undefined : holders,
    balance: balanceOf(account, today),
  }
}

/** The institution as Link named it, or as the Item does. */
export const institutionOf = (metadata: PlaidSecret.Metadata, status?: ItemStatus): Institution => {
  const id = given(status?.institution_id) ?? given(metadata.institution?.institution_id)
  const name = given(status?.institution_name) ?? given(metadata.institution?.name)
  return id === undefined && name === undefined ? undefined : { id, name }
}

/**
 * The accounts of an Item that have transactions, with their numbers and holders where the Item has those products: asking for others would
 * be billed. Numbers that are not to be had are evidence that is missing, not a failure.
 */
export const sources = Effect.fn("PlaidAccounts.sources")(function* (
  item: Item,
  status: ItemStatus,
  institution: Institution,
) {
  const today = Connection.Day.make(DateTime.formatIsoDateUtc(yield* DateTime.now))
  const products = new Set([...(status.products ?? []), ...(status.billed_products ?? [])])
  const where = <A>(product: string, evidence: Effect.Effect<A, PlaidError>) =>
    products.has(product)
      ? Effect.catch(evidence, (error) => (isPassing(error) ? Effect.fail(error) : Effect.undefined))
      : Effect.undefined
  const accounts = yield* item.accounts
  const numbers = yield* where("auth", item.numbers)
  const holders = yield* where("identity", item.holders)
  return accounts.filter(hasTransactions).map((account): Provider.Source => ({
    key: account.account_id,
    account: descriptionOf(account, { institution, numbers, holders, today }),
  }))
})

/** Days of bookings that tell whether two accounts are one. */
const bookedDays = 90

/** Bookings in one answer of Plaid's, and how many answers are asked for at most. */
const [bookingsAtOnce, askings] = [500, 4]

/** The same accounts with what was booked in them lately, as far as Plaid has it; what cannot be had is left out. */
export const withBookings = Effect.fn("PlaidAccounts.withBookings")(function* (
  item: Item,
  sources: ReadonlyArray<Provider.Source>,
  historyFrom: Connection.Day,
) {
  const now = yield* DateTime.now
  const to = Connection.Day.make(DateTime.formatIsoDateUtc(now))
  const since = DateTime.formatIsoDateUtc(DateTime.subtract(now, { days: bookedDays }))
  const from = Connection.Day.make(since < historyFrom ? historyFrom : since)
  return yield* Effect.forEach(sources, ({ account, key }) =>
    bookingsOf(item, key, from, to).pipe(
      Effect.map((bookings): Provider.Source => ({ key, account: account && { ...account, bookings } })),
      Effect.catch(() => Effect.succeed<Provider.Source>({ key, account })),
    ),
  )
})

const bookingsOf = Effect.fnUntraced(function* (
  item: Item,
  accountId: string,
  from: Connection.Day,
  to: Connection.Day,
) {
  const rows: Array<{ readonly on: Connection.Day; readonly amount: number }> = []
  let oldest = to
  for (let offset = 0; offset < bookingsAtOnce * askings; offset += bookingsAtOnce) {
    const page = yield* item.transactions({ accountId, from, to, offset, count: bookingsAtOnce })
    for (const row of page.transactions.flatMap((content) => Result.getOrElse(transactionOf(content), () => []))) {
      oldest = Connection.Day.make(row.date)
      if (!row.pending) rows.push({ on: oldest, amount: row.amount })
    }
    if (offset + page.transactions.length >= page.total_transactions) return { from, to, rows }
  }
  // Of the oldest day that was read there may be more.
  const whole = DateTime.formatIsoDateUtc(DateTime.add(DateTime.makeUnsafe(oldest), { days: 1 }))
  return { from: whole, to, rows: rows.filter(({ on }) => on >= whole) }
})

/** A transaction as Plaid gives it, as a row of the domain's; or what is wrong with it, by the name of the field. */
export const transactionOf: NonNullable<Provider.Provider["transaction"]> = (content) =>
  Result.gen(function* () {
    const row = yield* Result.mapError(decodeTransaction(content), problemOf)
    const currency = row.iso_currency_code
    if (currency === null) return yield* Result.fail("iso_currency_code: not a currency of ISO 4217")
    if (Money.minorDigits(currency) === undefined) return yield* Result.fail("iso_currency_code: unknown")
    const amount = Option.getOrUndefined(Money.minorUnits(row.amount, currency))
    if (amount === undefined) return yield* Result.fail("amount: more digits than can be told exactly")
    const reference = given(row.payment_meta?.reference_number)
    return {
      id: row.transaction_id,
      date: row.date,
      authorized: row.authorized_date ?? null,
      amount,
      currency,
      description: given(row.original_description) ?? given(row.name) ?? "",
      merchant: given(row.merchant_name) ?? null,
      pending: row.pending,
      transactionId: row.transaction_id,
      pendingId: given(row.pending_transaction_id) ?? null,
      counterparty: counterpartyOf(row) ?? null,
      check: given(row.check_number) ?? null,
      references: reference === undefined ? [] : [reference],
      owner: given(row.account_owner) ?? null,
      status: null,
    }
  })

const optional = <S extends Schema.Constraint>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))
const text = optional(Schema.String)

const PlaidTransaction = Schema.Struct({
  transaction_id: Schema.NonEmptyString,
  amount: Schema.Finite,
  iso_currency_code: Schema.NullOr(Schema.String),
  date: Connection.Day,
  authorized_date: optional(Connection.Day),
  name: text,
  original_description: text,
  merchant_name: text,
  pending: Schema.Boolean,
  pending_transaction_id: text,
  check_number: text,
  account_owner: text,
  payment_meta: optional(Schema.Struct({ payee: text, payer: text, reference_number: text })),
  counterparties: optional(
    Schema.Array(
      Schema.Struct({
        account_numbers: optional(Schema.Struct({ international: optional(Schema.Struct({ iban: text })) })),
      }),
    ),
  ),
})
type PlaidTransaction = typeof PlaidTransaction.Type

const decodeTransaction = Schema.decodeUnknownResult(PlaidTransaction)

/** The account on the other side, where the bank tells it; who it belongs to, otherwise. A merchant is said elsewhere. */
const counterpartyOf = ({ amount, counterparties, payment_meta }: PlaidTransaction) =>
  counterparties
    ?.map(({ account_numbers }) => given(account_numbers?.international?.iban))
    .find((iban) => iban !== undefined) ?? given(amount > 0 ? payment_meta?.payee : payment_meta?.payer)

/** Routing and account number, in the order of how much they are used. */
const numberOf = (accountId: string, { ach, bacs, eft }: Numbers): Description["number"] => {
  const isOurs = (other: { readonly account_id: string }) => other.account_id === accountId
  const american = ach?.find(isOurs)
  if (american !== undefined) {
    const { account, is_tokenized_account_number: tokenized = false, routing } = american
    return { value: `${routing}:${account}`, tokenized }
  }
  const canadian = eft?.find(isOurs)
  if (canadian !== undefined) {
    const { account, branch, institution } = canadian
    return { value: `${institution}${branch}:${account}`, tokenized: false }
  }
  const british = bacs?.find(isOurs)
  return british && { value: `${british.sort_code}:${british.account}`, tokenized: false }
}

const balanceOf = ({ balances }: Account, today: Connection.Day): Description["balance"] => {
  const { current, iso_currency_code: currency, last_updated_datetime: updated } = balances
  if (typeof current !== "number" || typeof currency !== "string") return undefined
  const day = Option.getOrElse(decodeDay(updated?.slice(0, 10)), () => today)
  return Option.getOrUndefined(Option.map(Money.minorUnits(current, currency), (amount) => ({ amount, on: day })))
}

const decodeDay = Schema.decodeUnknownOption(Connection.Day)

/** Passes by itself; numbers of an account that is still being verified are a matter of days. */
const isPassing = (error: PlaidError) =>
  (error.retryable && error.code !== "PRODUCT_NOT_READY") || error.code === "ITEM_LOGIN_REQUIRED"

/** Plaid says nothing by leaving out, by null, and by an empty text. */
const given = (value: string | null | undefined) =>
  value === undefined || value === null || value.trim() === "" ? undefined : value

const formatIssue = SchemaIssue.makeFormatterStandardSchemaV1()

const problemOf = ({ issue }: Schema.SchemaError) => {
  const [first] = formatIssue(issue).issues
  return `${first?.path?.map(String).join(".") || "transaction"}: not as documented`
}
