/**
 * Plaid's endpoints: what each asks for, and what the world answers.
 *
 * @see https://plaid.com/docs/api/
 */
import { Result, Schema, SchemaIssue } from "effect"

import type { Numbers } from "./Bank.ts"
import { dayOf, isoOf } from "./Day.ts"
import { error, ok, type Reply } from "./PlaidReply.ts"
import {
  accountResource,
  institutionResource,
  itemDetails,
  itemResource,
  itemStatus,
  ownersResource,
  transactionResource,
} from "./Resources.ts"
import { customTransaction } from "./SandboxUsers.ts"
import type { SharedAccount, SimulatedItem } from "./SimulatedItem.ts"
import type { LinkSession, SimulatedPlaid } from "./SimulatedPlaid.ts"
import type { Delivered } from "./SyncLog.ts"

/** Answers a request that bears good credentials. */
export type Endpoint = (plaid: SimulatedPlaid, body: unknown, context: Context) => Reply

export interface Context {
  readonly now: number
  /** Where the simulator listens. */
  readonly url: string
}

const endpoint =
  <A>(schema: Schema.Decoder<A>, answer: (plaid: SimulatedPlaid, request: A, context: Context) => Reply): Endpoint =>
  (plaid, body, context) => {
    const request = Schema.decodeUnknownResult(schema)(body, { errors: "all" })
    return Result.isFailure(request) ? refusal(request.failure.issue) : answer(plaid, request.success, context)
  }

/** On behalf of the Item of the access token, which must be there but need not work. */
const ofItem = <A extends typeof Access.Type>(
  schema: Schema.Decoder<A>,
  answer: (plaid: SimulatedPlaid, item: SimulatedItem, request: A, context: Context) => Reply,
) =>
  endpoint(schema, (plaid, request, context) => {
    const item = plaid.itemOf(request.access_token)
    if (item === undefined) return error("INVALID_ACCESS_TOKEN")
    return item.ended === null ? answer(plaid, item, request, context) : error("ITEM_NOT_FOUND")
  })

/** Data of an Item that works; its accounts come along. */
const dataOf = <A extends typeof Access.Type>(
  schema: Schema.Decoder<A>,
  answer: (
    plaid: SimulatedPlaid,
    item: SimulatedItem,
    accounts: ReadonlyArray<SharedAccount>,
    request: A,
    context: Context,
  ) => Reply,
) =>
  ofItem(schema, (plaid, item, request, context) => {
    if (item.error !== null) return error(item.error.code, undefined, item.error.reason)
    const accounts = item.accounts(plaid.bank)
    return accounts.length === 0 ? error("NO_ACCOUNTS") : answer(plaid, item, accounts, request, context)
  })

const Access = Schema.Struct({ access_token: Schema.NonEmptyString })
const Products = Schema.Array(Schema.String)
const Day = Schema.String.check(Schema.isPattern(/^\d{4}-\d{2}-\d{2}$/))
const DaysRequested = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 730 }))
const PageSize = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 500 }))
const Webhook = Schema.String.check(Schema.makeFilter((url) => url === "" || URL.canParse(url)))
const nullable = <A>(schema: Schema.Codec<A, unknown>) => Schema.optionalKey(Schema.NullOr(schema))

const AccountsRequest = Schema.Struct({
  ...Access.fields,
  options: Schema.optionalKey(Schema.Struct({ account_ids: nullable(Schema.Array(Schema.String)) })),
})

export const endpoints: Readonly<Record<`/${string}`, Endpoint>> = {
  "/link/token/create": endpoint(
    Schema.Struct({
      client_name: Schema.NonEmptyString,
      language: Schema.NonEmptyString,
      country_codes: Schema.NonEmptyArray(Schema.String),
      user: Schema.optionalKey(Schema.Struct({ client_user_id: Schema.NonEmptyString })),
      products: nullable(Products),
      optional_products: nullable(Products),
      required_if_supported_products: nullable(Products),
      webhook: nullable(Webhook),
      access_token: nullable(Schema.NonEmptyString),
      redirect_uri: nullable(Schema.String),
      institution_id: nullable(Schema.String),
      transactions: nullable(Schema.Struct({ days_requested: Schema.optionalKey(DaysRequested) })),
      update: nullable(Schema.Struct({ account_selection_enabled: Schema.optionalKey(Schema.Boolean) })),
      hosted_link: nullable(
        Schema.Struct({
          completion_redirect_uri: nullable(Schema.String),
          url_lifetime_seconds: nullable(Schema.Natural),
        }),
      ),
    }),
    (plaid, request, { now, url }) => {
      const updates = request.access_token == null ? null : plaid.itemOf(request.access_token)
      if (updates === undefined) return error("INVALID_ACCESS_TOKEN")
      if (updates !== null && updates.ended !== null) return error("ITEM_NOT_FOUND")
      const products = [
        ...(request.products ?? []),
        ...(request.optional_products ?? []),
        ...(request.required_if_supported_products ?? []),
      ]
      if (updates === null && products.length === 0) return missing("products")
      if (updates === null && request.user === undefined) return missing("user")
      const lifetime = request.hosted_link?.url_lifetime_seconds
      const { expiresAt, token } = plaid.addLinkToken(
        {
          clientName: request.client_name,
          clientUserId: request.user?.client_user_id ?? null,
          products,
          countries: request.country_codes,
          language: request.language,
          webhook: request.webhook ?? null,
          redirectUri: request.redirect_uri ?? null,
          isHosted: request.hosted_link != null,
          completionRedirectUri: request.hosted_link?.completion_redirect_uri ?? null,
          daysRequested: request.transactions?.days_requested ?? 90,
          updates,
          selectsAccounts: request.update?.account_selection_enabled ?? false,
          institutionId: request.institution_id ?? null,
          ...(lifetime == null ? {} : { lifetime: lifetime * 1000 }),
        },
        now,
      )
      return ok({
        link_token: token,
        expiration: isoOf(expiresAt),
        ...(request.hosted_link == null ? {} : { hosted_link_url: `${url}/hl/${token}` }),
      })
    },
  ),

  "/link/token/get": endpoint(Schema.Struct({ link_token: Schema.NonEmptyString }), (plaid, request) => {
    const token = plaid.linkToken(request.link_token)
    if (token === undefined) return error("INVALID_LINK_TOKEN")
    return ok({
      link_token: token.token,
      created_at: isoOf(token.createdAt),
      expiration: isoOf(token.expiresAt),
      link_sessions: plaid.sessions(token.token).map(sessionResource),
      metadata: {
        initial_products: token.products,
        webhook: token.webhook,
        country_codes: token.countries,
        language: token.language,
        redirect_uri: token.redirectUri,
        client_name: token.clientName,
      },
    })
  }),

  "/sandbox/public_token/create": endpoint(
    Schema.Struct({
      institution_id: Schema.NonEmptyString,
      initial_products: Schema.NonEmptyArray(Schema.String),
      options: Schema.optionalKey(
        Schema.Struct({
          webhook: Schema.optionalKey(Webhook),
          override_username: nullable(Schema.String),
          override_password: nullable(Schema.String),
          transactions: nullable(Schema.Struct({ days_requested: Schema.optionalKey(DaysRequested) })),
        }),
      ),
    }),
    (plaid, { initial_products, institution_id, options = {} }, { now }) => {
      const institution = plaid.bank.institution(institution_id)
      if (institution === undefined) return error("INVALID_INSTITUTION")
      const { override_password: password, override_username: username } = options
      const login = plaid.sandboxLogin(institution, username ?? "user_good", password ?? "pass_good", now)
      if (typeof login === "string") return error(login)
      const item = plaid.addItem(
        login,
        {
          accounts: login.accounts.filter((id) => plaid.bank.account(id)?.isOpen === true),
          products: initial_products,
          webhook: options.webhook ?? null,
          daysRequested: options.transactions?.days_requested ?? 90,
        },
        now,
      )
      return typeof item === "string" ? error(item) : ok({ public_token: plaid.addPublicToken(item, now) })
    },
  ),

  "/item/public_token/exchange": endpoint(
    Schema.Struct({ public_token: Schema.NonEmptyString }),
    (plaid, { public_token }, { now }) => {
      const item = plaid.exchange(public_token, now)
      return item === undefined
        ? error("INVALID_PUBLIC_TOKEN")
        : ok({ access_token: item.accessToken, item_id: item.id })
    },
  ),

  "/item/get": ofItem(Access, (_, item) => ok({ item: itemDetails(item), status: itemStatus(item) })),

  "/item/remove": ofItem(Access, (plaid, item, _, { now }) => {
    plaid.end(item, "application", now)
    return ok()
  }),

  "/item/webhook/update": ofItem(
    Schema.Struct({ ...Access.fields, webhook: nullable(Webhook) }),
    (plaid, item, { webhook }, { now }) => {
      item.webhook = webhook == null || webhook === "" ? null : webhook
      plaid.announce(item, "ITEM", "WEBHOOK_UPDATE_ACKNOWLEDGED", { new_webhook_url: item.webhook, error: null }, now)
      return ok({ item: itemResource(item) })
    },
  ),

  "/item/access_token/invalidate": ofItem(Access, (plaid, item) =>
    ok({ new_access_token: plaid.rotateAccessToken(item) }),
  ),

  "/accounts/get": dataOf(AccountsRequest, (_, item, accounts, { options }) =>
    withAccounts(accounts, options?.account_ids, (chosen) =>
      ok({ accounts: chosen.map(accountResource), item: itemResource(item) }),
    ),
  ),

  "/accounts/balance/get": dataOf(AccountsRequest, (_, item, accounts, { options }, { now }) =>
    withAccounts(accounts, options?.account_ids, (chosen) =>
      ok({
        accounts: chosen.map((account) => {
          const resource = accountResource(account)
          return { ...resource, balances: { ...resource.balances, last_updated_datetime: isoOf(now) } }
        }),
        item: itemResource(item),
      }),
    ),
  ),

  "/auth/get": dataOf(AccountsRequest, (plaid, item, accounts, { options }) => {
    if (!item.institution.givesNumbers) return error("PRODUCTS_NOT_SUPPORTED")
    return withAccounts(accounts, options?.account_ids, (chosen) => {
      const numbered = chosen.filter(({ real }) => withNumbers.has(real.subtype))
      if (numbered.length === 0) return error("NO_AUTH_ACCOUNTS")
      item.products = new Set([...item.products, "auth"])
      return ok({
        accounts: numbered.map(accountResource),
        numbers: numbersOf(plaid, item, numbered),
        item: itemResource(item),
      })
    })
  }),

  "/identity/get": dataOf(AccountsRequest, (_, item, accounts, { options }) =>
    withAccounts(accounts, options?.account_ids, (chosen) => {
      item.products = new Set([...item.products, "identity"])
      return ok({
        accounts: chosen.map((account) => ({ ...accountResource(account), owners: ownersResource(account.real) })),
        item: itemResource(item),
      })
    }),
  ),

  "/transactions/sync": dataOf(
    Schema.Struct({
      ...Access.fields,
      cursor: nullable(Schema.String.check(Schema.isMaxLength(256))),
      count: Schema.optionalKey(PageSize),
      options: Schema.optionalKey(
        Schema.Struct({
          include_original_description: nullable(Schema.Boolean),
          days_requested: Schema.optionalKey(DaysRequested),
          account_id: nullable(Schema.String),
        }),
      ),
    }),
    (_, item, accounts, { count = 100, options = {}, ...request }, { now }) => {
      const accountId = options.account_id ?? undefined
      if (accountId !== undefined && !accounts.some((account) => account.accountId === accountId)) {
        return error("INVALID_ACCOUNT_ID")
      }
      if (item.since === undefined) item.wantTransactions(now, options.days_requested ?? 90)
      item.hasSynced = true
      const cursor = request.cursor ?? ""
      const page =
        cursor === "now"
          ? { entries: [], hasMore: false, nextCursor: item.log.end(accountId) }
          : item.log.page(cursor, count, accountId)
      if (page === "invalid") return error("INVALID_FIELD", "cursor not associated with access_token")
      if (page === "mutated") return error("TRANSACTIONS_SYNC_MUTATION_DURING_PAGINATION")
      const living = page.entries.filter(({ kind }) => kind !== "removed")
      const told = new Set(living.map(({ delivered }) => delivered.accountId))
      const saidAs = (kind: string) => page.entries.flatMap((entry) => (entry.kind === kind ? entry.delivered : []))
      const describe = options.include_original_description === true
      return ok({
        transactions_update_status: item.status,
        accounts: accounts.filter((account) => told.has(account.accountId)).map(accountResource),
        added: saidAs("added").map((transaction) => transactionResource(transaction, describe)),
        modified: saidAs("modified").map((transaction) => transactionResource(transaction, describe)),
        removed: saidAs("removed").map(removedResource),
        next_cursor: item.status === "NOT_READY" ? "" : page.nextCursor,
        has_more: page.hasMore,
      })
    },
  ),

  "/transactions/get": dataOf(
    Schema.Struct({
      ...Access.fields,
      start_date: Day,
      end_date: Day,
      options: Schema.optionalKey(
        Schema.Struct({
          account_ids: nullable(Schema.Array(Schema.String)),
          count: Schema.optionalKey(PageSize),
          offset: Schema.optionalKey(Schema.Natural),
          include_original_description: nullable(Schema.Boolean),
          days_requested: Schema.optionalKey(DaysRequested),
        }),
      ),
    }),
    (_, item, accounts, { end_date, options = {}, start_date }, { now }) => {
      if (start_date > end_date) return error("INVALID_FIELD", "start_date must not be after end_date")
      if (item.since === undefined) item.wantTransactions(now, options.days_requested ?? 90)
      if (item.status === "NOT_READY") return error("PRODUCT_NOT_READY")
      const { account_ids, count = 100, include_original_description, offset = 0 } = options
      return withAccounts(accounts, account_ids, (chosen) => {
        const ids = account_ids == null ? undefined : new Set(account_ids)
        const found = item.log.current.filter(
          ({ accountId, real }) => ids?.has(accountId) !== false && real.date >= start_date && real.date <= end_date,
        )
        return ok({
          accounts: chosen.map(accountResource),
          transactions: found
            .slice(offset, offset + count)
            .map((transaction) => transactionResource(transaction, include_original_description === true)),
          total_transactions: found.length,
          item: itemResource(item),
        })
      })
    },
  ),

  "/transactions/refresh": dataOf(Access, (plaid, item, _, __, { now }) => {
    plaid.pull(item, now)
    return ok()
  }),

  "/institutions/get_by_id": endpoint(
    Schema.Struct({ institution_id: Schema.NonEmptyString, country_codes: Schema.NonEmptyArray(Schema.String) }),
    (plaid, { country_codes, institution_id }) => {
      const institution = plaid.bank.institution(institution_id)
      return institution !== undefined && country_codes.includes(institution.country)
        ? ok({ institution: institutionResource(institution) })
        : error("INVALID_INSTITUTION")
    },
  ),

  "/webhook_verification_key/get": endpoint(Schema.Struct({ key_id: Schema.NonEmptyString }), (plaid, { key_id }) => {
    const key = plaid.keys.jwk(key_id)
    return key === undefined ? error("INVALID_WEBHOOK_VERIFICATION_KEY_ID") : ok({ key })
  }),

  "/sandbox/item/reset_login": ofItem(Access, (plaid, item, _, { now }) => {
    plaid.fail(item, "ITEM_LOGIN_REQUIRED", null, now)
    return ok({ reset_login: true })
  }),

  "/sandbox/item/fire_webhook": ofItem(
    Schema.Struct({
      ...Access.fields,
      webhook_code: Schema.Literals([
        "DEFAULT_UPDATE",
        "NEW_ACCOUNTS_AVAILABLE",
        "USER_PERMISSION_REVOKED",
        "USER_ACCOUNT_REVOKED",
        "PENDING_DISCONNECT",
        "LOGIN_REPAIRED",
        "SYNC_UPDATES_AVAILABLE",
        "ERROR",
      ]),
    }),
    (plaid, item, { webhook_code: code }, { now }) => {
      if (item.webhook === null) return error("SANDBOX_WEBHOOK_INVALID")
      switch (code) {
        case "SYNC_UPDATES_AVAILABLE":
          plaid.announceUpdates(item, now)
          break
        case "DEFAULT_UPDATE":
          plaid.announce(item, "TRANSACTIONS", code, { error: null, new_transactions: 0 }, now)
          break
        default:
          plaid.announce(item, "ITEM", code, firedContent(plaid, item, code, now), now)
      }
      return ok({ webhook_fired: true })
    },
  ),

  "/sandbox/transactions/create": dataOf(
    Schema.Struct({
      ...Access.fields,
      transactions: Schema.NonEmptyArray(
        Schema.Struct({
          date_transacted: Day,
          date_posted: Day,
          amount: Schema.Finite,
          description: Schema.String,
          iso_currency_code: Schema.optionalKey(Schema.String),
        }),
      ),
    }),
    (plaid, _, accounts, { transactions }, { now }) => {
      const account = accounts.find(({ real }) => real.type === "depository")
      if (account === undefined) return error("NO_ACCOUNTS")
      const today = dayOf(now)
      if (transactions.some(({ date_transacted }) => date_transacted > today)) {
        return error("INVALID_FIELD", "date_transacted must not be in the future")
      }
      for (const transaction of transactions) plaid.bank.add(account.real, customTransaction(transaction, today))
      plaid.bankChanged(now)
      return ok()
    },
  ),
}

/** Whose number `/auth/get` gives. */
const withNumbers: ReadonlySet<string> = new Set(["checking", "savings", "cash management"])

const withAccounts = (
  accounts: ReadonlyArray<SharedAccount>,
  ids: ReadonlyArray<string> | null | undefined,
  answer: (chosen: ReadonlyArray<SharedAccount>) => Reply,
): Reply => {
  if (ids == null) return answer(accounts)
  const chosen = accounts.filter(({ accountId }) => ids.includes(accountId))
  return chosen.length < new Set(ids).size ? error("INVALID_ACCOUNT_ID") : answer(chosen)
}

const numbersOf = (plaid: SimulatedPlaid, item: SimulatedItem, accounts: ReadonlyArray<SharedAccount>) => {
  const all = <A extends object>(read: (numbers: Numbers, account: SharedAccount) => A | undefined) =>
    accounts.flatMap((account) => {
      const numbers = read(account.real.numbers, account)
      return numbers === undefined ? [] : [{ account_id: account.accountId, ...numbers }]
    })
  const { tokenizesNumbers } = item.institution
  return {
    ach: all(
      ({ ach }, { accountId }) =>
        ach && {
          account: tokenizesNumbers ? plaid.ids.digitsOf(17, "account number", accountId) : ach.account,
          routing: ach.routing,
          wire_routing: ach.wireRouting ?? null,
          is_tokenized_account_number: tokenizesNumbers,
        },
    ),
    eft: all(({ eft }) => eft),
    international: all(({ international }) => international),
    bacs: all(({ bacs }) => bacs && { account: bacs.account, sort_code: bacs.sortCode }),
  }
}

const removedResource = ({ accountId, transactionId }: Delivered) => ({
  transaction_id: transactionId,
  account_id: accountId,
})

/** What the sandbox puts into a webhook that nothing gave cause for. */
const firedContent = (plaid: SimulatedPlaid, item: SimulatedItem, code: string, now: number) => {
  switch (code) {
    case "ERROR":
      return { error: error("ITEM_LOGIN_REQUIRED").body }
    case "USER_PERMISSION_REVOKED":
      return { error: error("USER_PERMISSION_REVOKED").body }
    case "USER_ACCOUNT_REVOKED":
      return { account_id: item.accounts(plaid.bank)[0]?.accountId ?? "" }
    case "PENDING_DISCONNECT":
      return { reason: "INSTITUTION_TOKEN_EXPIRATION", disconnect_time: isoOf(now + 7 * 86_400_000) }
    case "NEW_ACCOUNTS_AVAILABLE":
      return { error: null }
    default:
      return {}
  }
}

const sessionResource = ({ at, id, success }: LinkSession) => ({
  link_session_id: id,
  started_at: isoOf(at),
  finished_at: isoOf(at),
  ...(success === null
    ? {}
    : {
        on_success: { public_token: success.publicToken, metadata: success.metadata },
        results: {
          item_add_results: [
            {
              public_token: success.publicToken,
              institution: success.metadata.institution,
              accounts: success.metadata.accounts,
            },
          ],
          cra_item_add_results: [],
          cra_update_results: [],
          bank_income_results: [],
          payroll_income_results: [],
          document_income_results: null,
        },
      }),
})

const missing = (fields: string) => error("MISSING_FIELDS", `the following required fields are missing: ${fields}`)

/** What is missing is told before what is wrong. */
const refusal = (issue: SchemaIssue.Issue): Reply => {
  const { issues } = SchemaIssue.makeFormatterStandardSchemaV1()(issue)
  const fieldsOf = (found: typeof issues) => found.map(({ path = [] }) => path.map(String).join(".")).join(", ")
  const absent = issues.filter(({ message }) => message === "Missing key")
  return absent.length > 0
    ? missing(fieldsOf(absent))
    : error("INVALID_FIELD", `the following fields are invalid: ${fieldsOf(issues)}`)
}
