/** Items, accounts and transactions as Plaid's answers show them. */
import { Schema } from "effect"

import { AccountType, type RealAccount } from "./Bank.ts"
import { isoOf } from "./Day.ts"
import type { Institution } from "./Institutions.ts"
import { errorBody } from "./PlaidReply.ts"
import type { SharedAccount, SimulatedItem } from "./SimulatedItem.ts"
import type { Delivered } from "./SyncLog.ts"

export const itemResource = (item: SimulatedItem) => ({
  item_id: item.id,
  institution_id: item.institution.id,
  institution_name: item.institution.name,
  webhook: item.webhook,
  auth_method: item.institution.givesNumbers ? "INSTANT_AUTH" : null,
  error: item.error === null ? null : { ...errorBody(item.error.code, undefined, item.error.reason), status: 400 },
  available_products: supportedProducts(item.institution).filter((product) => !item.products.has(product)),
  billed_products: [...item.products],
  products: [...item.products],
  consented_products: supportedProducts(item.institution),
  consent_expiration_time: item.consentExpiresAt === null ? null : isoOf(item.consentExpiresAt),
  update_type: item.institution.consentDays === null ? "background" : "user_present_required",
})

/** As `/item/get` shows it. */
export const itemDetails = (item: SimulatedItem) => ({
  ...itemResource(item),
  created_at: isoOf(item.createdAt),
  consented_use_cases: [],
  consented_data_scopes: [],
})

export const itemStatus = ({ lastFailureAt, lastUpdateAt, lastWebhook }: SimulatedItem) => ({
  investments: null,
  transactions: {
    last_successful_update: lastUpdateAt === null ? null : isoOf(lastUpdateAt),
    last_failed_update: lastFailureAt === null ? null : isoOf(lastFailureAt),
  },
  last_webhook: lastWebhook === null ? null : { sent_at: isoOf(lastWebhook.at), code_sent: lastWebhook.code },
})

export const accountResource = ({ accountId, persistentAccountId, real }: SharedAccount) => ({
  account_id: accountId,
  balances: {
    available: real.balance.available ?? null,
    current: real.balance.current,
    limit: real.balance.limit ?? null,
    iso_currency_code: real.currency,
    unofficial_currency_code: null,
  },
  mask: real.mask,
  name: real.name,
  official_name: real.officialName,
  type: real.type,
  subtype: real.subtype,
  holder_category: real.holder,
  ...(persistentAccountId === undefined ? {} : { persistent_account_id: persistentAccountId }),
})

export const ownersResource = ({ owners }: RealAccount) =>
  owners.map(({ emails = [], name, phoneNumbers = [] }) => ({
    names: [name],
    emails: emails.map((data, index) => ({ data, primary: index === 0, type: index === 0 ? "primary" : "secondary" })),
    phone_numbers: phoneNumbers.map((data, index) => ({ data, primary: index === 0, type: "mobile" })),
    addresses: [],
  }))

export const LinkedAccount = Schema.Struct({
  id: Schema.String,
  name: Schema.String,
  mask: Schema.NullOr(Schema.String),
  type: AccountType,
  subtype: Schema.String,
  verification_status: Schema.Null,
  class_type: Schema.Null,
})

/** As `onSuccess` shows it. */
export const linkedAccount = ({ accountId, real }: SharedAccount): typeof LinkedAccount.Type => ({
  id: accountId,
  name: real.name,
  mask: real.mask,
  type: real.type,
  subtype: real.subtype,
  verification_status: null,
  class_type: null,
})

export const institutionResource = (institution: Institution) => ({
  institution_id: institution.id,
  name: institution.name,
  products: supportedProducts(institution),
  country_codes: [institution.country],
  url: null,
  primary_color: null,
  logo: null,
  routing_numbers: institution.country === "US" ? ["011401533"] : [],
  oauth: institution.oauth,
})

export const transactionResource = (
  { accountId, pendingTransactionId, real, transactionId }: Delivered,
  withOriginalDescription: boolean,
) => ({
  transaction_id: transactionId,
  account_id: accountId,
  amount: real.amount,
  iso_currency_code: real.currency,
  unofficial_currency_code: null,
  category: null,
  category_id: null,
  check_number: real.checkNumber,
  date: real.date,
  datetime: null,
  authorized_date: real.authorizedDate,
  authorized_datetime: null,
  location: noLocation,
  name: real.name,
  merchant_name: real.merchantName,
  merchant_entity_id: null,
  ...(withOriginalDescription ? { original_description: real.originalDescription } : {}),
  payment_meta: noPaymentMeta,
  payment_channel: real.channel,
  pending: real.pending,
  pending_transaction_id: pendingTransactionId,
  account_owner: null,
  transaction_code: null,
  transaction_type: real.channel === "online" ? "digital" : real.channel === "in store" ? "place" : "unresolved",
  logo_url: null,
  website: null,
  counterparties: [],
  personal_finance_category: real.amount < 0 ? income : spending,
  personal_finance_category_icon_url: "https://plaid-category-icons.plaid.com/PFC_OTHER.png",
})

const income = { primary: "INCOME", detailed: "INCOME_OTHER_INCOME", confidence_level: "LOW" }
const spending = {
  primary: "GENERAL_MERCHANDISE",
  detailed: "GENERAL_MERCHANDISE_OTHER_GENERAL_MERCHANDISE",
  confidence_level: "LOW",
}

const noLocation = {
  address: null,
  city: null,
  region: null,
  postal_code: null,
  country: null,
  lat: null,
  lon: null,
  store_number: null,
}

const noPaymentMeta = {
  reference_number: null,
  ppd_id: null,
  payee: null,
  by_order_of: null,
  payer: null,
  payment_method: null,
  payment_processor: null,
  reason: null,
}

const supportedProducts = ({ givesNumbers }: Institution) => [
  "balance",
  "identity",
  "transactions",
  ...(givesNumbers ? ["auth"] : []),
]
