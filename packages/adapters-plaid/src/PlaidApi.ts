/**
 * The part of the Plaid API that keeping a bank connected needs, one request per call and every answer decoded.
 *
 * Nothing is repeated here: whether to ask again is the caller's policy. How often may be asked is kept by
 * {@link PlaidLimits}. The host's credentials travel in headers, access tokens in bodies; no span, error or log line
 * carries one.
 *
 * @see https://plaid.com/docs/api/
 */
import { type Connection } from "@holdfast/domain"
import { Context, type DateTime, Duration, Effect, Layer, Redacted, Schema } from "effect"
import type * as Plaid from "plaid"

import { ask, decode, type Response } from "./PlaidAnswer.ts"
import { Answer, type PlaidError } from "./PlaidError.ts"
import * as PlaidLimits from "./PlaidLimits.ts"

/** The host's registration at Plaid, and where Plaid is. */
export interface Settings {
  readonly clientId: string
  readonly secret: Redacted.Redacted
  readonly link: Link
  /** Plaid's production by default; its Sandbox, or a simulator's in tests. */
  readonly baseUrl?: string | undefined
  /** How long one answer may take; 30 seconds by default. */
  readonly timeout?: Duration.Input | undefined
  /** {@link PlaidLimits.production} by default. */
  readonly limits?: PlaidLimits.Limits | undefined
  /** How long a call may wait for its turn; 5 seconds by default. */
  readonly patience?: Duration.Input | undefined
}

/** What the person is asked for, and how. */
export interface Link {
  /** The host's name, as the person reads it. At most 30 characters. */
  readonly clientName: string
  /** ISO 3166-1 alpha-2. */
  readonly countryCodes: ReadonlyArray<`${Plaid.CountryCode}`>
  /** `en` by default. */
  readonly language?: string | undefined
  /** Asked for where the bank has it and the person agrees: `auth` gives account numbers, `identity` their holders. */
  readonly optionalProducts?: ReadonlyArray<"auth" | "identity"> | undefined
  /** How much history Plaid reads, for good: at most 730 days, which is the default. */
  readonly daysRequested?: number | undefined
  /** Registered at Plaid letter by letter; needed for banks with OAuth. */
  readonly redirectUri?: string | undefined
  /** Where a tenant's webhooks are to arrive. A webhook names an Item and nobody else. */
  readonly webhook?: ((tenantId: string) => string) | undefined
}

/** Opens Link in the person's browser. */
export interface LinkToken {
  readonly token: Redacted.Redacted
  readonly expiresAt: DateTime.Utc
}

export interface LinkRequest {
  readonly tenantId: string
  /** Whose consent it is, opaque to Plaid. */
  readonly clientUserId: string
  /** The Item to mend (update mode). None: a new one is asked for. */
  readonly mends?: { readonly accessToken: Redacted.Redacted; readonly accountSelection: boolean } | undefined
}

/** What a public token was exchanged for. */
export interface Exchanged {
  /** Good until the Item is removed or revoked; it never expires by itself. */
  readonly accessToken: Redacted.Redacted
  readonly itemId: string
}

const optional = <S extends Schema.Constraint>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

/** What Plaid says of an Item. */
export const ItemStatus = Schema.Struct({
  item_id: Schema.NonEmptyString,
  institution_id: optional(Schema.String),
  institution_name: optional(Schema.String),
  /** Why the Item cannot be used now; none when it can. */
  error: optional(Answer),
  products: optional(Schema.Array(Schema.String)),
  billed_products: optional(Schema.Array(Schema.String)),
  consent_expiration_time: optional(Schema.DateTimeUtcFromString),
})
export type ItemStatus = typeof ItemStatus.Type

/** An account, as Plaid describes it. Amounts are in major units. */
export const Account = Schema.Struct({
  account_id: Schema.NonEmptyString,
  persistent_account_id: optional(Schema.String),
  name: optional(Schema.String),
  official_name: optional(Schema.String),
  mask: optional(Schema.String),
  type: optional(Schema.String),
  subtype: optional(Schema.String),
  balances: Schema.Struct({
    current: optional(Schema.Finite),
    iso_currency_code: optional(Schema.String),
    last_updated_datetime: optional(Schema.String),
  }),
})
export type Account = typeof Account.Type

/** Account numbers by account; one account may have several kinds. */
export const Numbers = Schema.Struct({
  ach: optional(
    Schema.Array(
      Schema.Struct({
        account_id: Schema.String,
        account: Schema.String,
        routing: Schema.String,
        is_tokenized_account_number: Schema.optionalKey(Schema.Boolean),
      }),
    ),
  ),
  eft: optional(
    Schema.Array(
      Schema.Struct({
        account_id: Schema.String,
        account: Schema.String,
        institution: Schema.String,
        branch: Schema.String,
      }),
    ),
  ),
  international: optional(Schema.Array(Schema.Struct({ account_id: Schema.String, iban: Schema.String }))),
  bacs: optional(
    Schema.Array(Schema.Struct({ account_id: Schema.String, account: Schema.String, sort_code: Schema.String })),
  ),
})
export type Numbers = typeof Numbers.Type

/** An account's holders, as the bank has their names. */
export const Holders = Schema.Struct({
  account_id: Schema.String,
  owners: Schema.Array(Schema.Struct({ names: Schema.Array(Schema.String) })),
})
export type Holders = typeof Holders.Type

/** A transaction, whole. Its body was JSON, so it is: only what it is known by is checked. */
export type Transaction = Readonly<Record<string, Schema.Json>> & { readonly transaction_id: string }
export const Transaction = Schema.declare(
  (input): input is Transaction =>
    typeof input === "object" &&
    input !== null &&
    "transaction_id" in input &&
    typeof input.transaction_id === "string" &&
    input.transaction_id.length > 0 &&
    input.transaction_id.length <= 500,
  { expected: "a transaction with its id" },
)

export const SyncPage = Schema.Struct({
  added: Schema.Array(Transaction),
  modified: Schema.Array(Transaction),
  removed: Schema.Array(Schema.Struct({ transaction_id: Schema.NonEmptyString })),
  /** Empty when Plaid has no transactions yet. */
  next_cursor: Schema.String,
  has_more: Schema.Boolean,
  transactions_update_status: Schema.optionalKey(Schema.String),
})
export type SyncPage = typeof SyncPage.Type

export const TransactionsPage = Schema.Struct({
  /** The newest first. */
  transactions: Schema.Array(Transaction),
  total_transactions: Schema.Natural,
})
export type TransactionsPage = typeof TransactionsPage.Type

/** A key that Plaid signs webhooks with. */
export const VerificationKey = Schema.Struct({
  alg: Schema.String,
  kid: Schema.String,
  kty: Schema.String,
  crv: Schema.String,
  x: Schema.String,
  y: Schema.String,
  /** Seconds since 1970, once it is no longer used. */
  expired_at: optional(Schema.Finite),
})
export type VerificationKey = typeof VerificationKey.Type

/** Names an Item, and opens it. */
export interface Access {
  readonly itemId: string
  readonly accessToken: Redacted.Redacted
}

/** One Item. All calls but `remove` only read: after any error nothing has changed. */
export interface Item {
  readonly get: Effect.Effect<ItemStatus, PlaidError>
  /** Ends the Item, and what is billed for it. After `Unavailable` it may be gone. */
  readonly remove: Effect.Effect<void, PlaidError>
  readonly accounts: Effect.Effect<ReadonlyArray<Account>, PlaidError>
  /** Billed where it was not asked for in Link: ask only where the Item has `auth`. */
  readonly numbers: Effect.Effect<Numbers, PlaidError>
  /** Billed where it was not asked for in Link: ask only where the Item has `identity`. */
  readonly holders: Effect.Effect<ReadonlyArray<Holders>, PlaidError>
  /** What changed in an account after a cursor; from the beginning without one. `now` gives the cursor alone. */
  sync(options: {
    readonly accountId: string
    readonly cursor: string | null
    /** At most 500. */
    readonly count: number
  }): Effect.Effect<SyncPage, PlaidError>
  /** A page of an account's transactions in a span of days, both included. */
  transactions(options: {
    readonly accountId: string
    readonly from: Connection.Day
    readonly to: Connection.Day
    readonly offset: number
    /** At most 500. */
    readonly count: number
  }): Effect.Effect<TransactionsPage, PlaidError>
}

export class PlaidApi extends Context.Service<
  PlaidApi,
  {
    /** How many days of history Plaid was asked for. */
    readonly daysRequested: number

    linkToken(request: LinkRequest): Effect.Effect<LinkToken, PlaidError>

    /** A public token works once, for 30 minutes. After `Unavailable` it may be spent, and an Item be there. */
    exchange(publicToken: Redacted.Redacted): Effect.Effect<Exchanged, PlaidError>

    item(access: Access): Item

    /** What an institution is called. */
    institution(id: string): Effect.Effect<{ readonly institution_id: string; readonly name: string }, PlaidError>

    /** A key that webhooks are signed with; `INVALID_WEBHOOK_VERIFICATION_KEY_ID` where there is none. */
    verificationKey(kid: string): Effect.Effect<VerificationKey, PlaidError>
  }
>()("@holdfast/adapters-plaid/PlaidApi") {
  /** Calls are counted in this process. */
  static readonly layer = (settings: Settings) => Layer.provide(PlaidApi.layerShared(settings), PlaidLimits.layerMemory)

  /** Calls are counted wherever the host's rate limiter keeps its counters. */
  static readonly layerShared = (settings: Settings) =>
    Layer.effect(
      PlaidApi,
      Effect.gen(function* () {
        const plaid = yield* Effect.promise(() => import("plaid"))
        const { clientId, link, secret } = settings
        const baseUrl = settings.baseUrl ?? plaid.PlaidEnvironments["production"]
        const client = new plaid.PlaidApi(
          new plaid.Configuration({
            ...(baseUrl !== undefined && { basePath: baseUrl }),
            baseOptions: {
              headers: { "PLAID-CLIENT-ID": clientId, "PLAID-SECRET": Redacted.value(secret) },
              // Errors are answers, and an answer is not looked for elsewhere with the secrets in hand.
              validateStatus: () => true,
              maxRedirects: 0,
              // A proxy of the environment is for Plaid, not for a simulator on this machine.
              ...(/^http:\/\/(127\.0\.0\.1|localhost|\[::1\])[:/]/.test(`${baseUrl}/`) && { proxy: false }),
            },
          }),
        )
        const timeout = Duration.fromInputUnsafe(settings.timeout ?? "30 seconds")
        const turn = yield* PlaidLimits.make({
          clientId,
          limits: settings.limits ?? PlaidLimits.production,
          patience: Duration.fromInputUnsafe(settings.patience ?? "5 seconds"),
        })
        const daysRequested = link.daysRequested ?? 730

        const call = <A, I>(
          endpoint: string,
          schema: Schema.Codec<A, I>,
          request: (options: { readonly signal: AbortSignal }) => Promise<Response>,
          itemId?: string,
        ) =>
          turn(endpoint, itemId).pipe(
            Effect.andThen(ask(endpoint, timeout, (signal) => request({ signal }))),
            Effect.flatMap(decode(schema, endpoint)),
            Effect.withSpan(`PlaidApi.${endpoint}`),
          )

        return PlaidApi.of({
          daysRequested,

          linkToken: ({ clientUserId, mends, tenantId }) => {
            const asked =
              mends === undefined
                ? {
                    products: [plaid.Products.Transactions],
                    optional_products: amongst(plaid.Products, link.optionalProducts ?? []),
                    transactions: { days_requested: daysRequested },
                  }
                : {
                    access_token: Redacted.value(mends.accessToken),
                    update: { account_selection_enabled: mends.accountSelection },
                  }
            return Effect.map(
              call("link/token/create", LinkTokenAnswer, (options) =>
                client.linkTokenCreate(
                  {
                    client_name: link.clientName,
                    language: link.language ?? "en",
                    country_codes: amongst(plaid.CountryCode, link.countryCodes),
                    user: { client_user_id: clientUserId },
                    ...(link.webhook !== undefined && { webhook: link.webhook(tenantId) }),
                    ...(link.redirectUri !== undefined && { redirect_uri: link.redirectUri }),
                    ...asked,
                  },
                  options,
                ),
              ),
              ({ expiration, link_token }) => ({ token: link_token, expiresAt: expiration }),
            )
          },

          exchange: (publicToken) =>
            Effect.map(
              call("item/public_token/exchange", ExchangeAnswer, (options) =>
                client.itemPublicTokenExchange({ public_token: Redacted.value(publicToken) }, options),
              ),
              ({ access_token, item_id }) => ({ accessToken: access_token, itemId: item_id }),
            ),

          item: ({ accessToken, itemId }) => {
            const access = { access_token: Redacted.value(accessToken) }
            return {
              get: Effect.map(
                call(
                  "item/get",
                  Schema.Struct({ item: ItemStatus }),
                  (options) => client.itemGet(access, options),
                  itemId,
                ),
                ({ item }) => item,
              ),
              remove: Effect.asVoid(
                call("item/remove", Schema.Struct({}), (options) => client.itemRemove(access, options), itemId),
              ),
              accounts: Effect.map(
                call("accounts/get", AccountsAnswer, (options) => client.accountsGet(access, options), itemId),
                ({ accounts }) => accounts,
              ),
              numbers: Effect.map(
                call(
                  "auth/get",
                  Schema.Struct({ numbers: Numbers }),
                  (options) => client.authGet(access, options),
                  itemId,
                ),
                ({ numbers }) => numbers,
              ),
              holders: Effect.map(
                call("identity/get", HoldersAnswer, (options) => client.identityGet(access, options), itemId),
                ({ accounts }) => accounts,
              ),
              sync: ({ accountId, count, cursor }) =>
                call(
                  "transactions/sync",
                  SyncPage,
                  (options) =>
                    client.transactionsSync(
                      {
                        ...access,
                        ...(cursor !== null && { cursor }),
                        count,
                        options: { account_id: accountId, include_original_description: true },
                      },
                      options,
                    ),
                  itemId,
                ),
              transactions: ({ accountId, count, from, offset, to }) =>
                call(
                  "transactions/get",
                  TransactionsPage,
                  (options) =>
                    client.transactionsGet(
                      {
                        ...access,
                        start_date: from,
                        end_date: to,
                        options: { account_ids: [accountId], count, offset, include_original_description: true },
                      },
                      options,
                    ),
                  itemId,
                ),
            }
          },

          institution: (id) =>
            Effect.map(
              call("institutions/get_by_id", InstitutionAnswer, (options) =>
                client.institutionsGetById(
                  { institution_id: id, country_codes: amongst(plaid.CountryCode, link.countryCodes) },
                  options,
                ),
              ),
              ({ institution }) => institution,
            ),

          verificationKey: (kid) =>
            Effect.map(
              call("webhook_verification_key/get", Schema.Struct({ key: VerificationKey }), (options) =>
                client.webhookVerificationKeyGet({ key_id: kid }, options),
              ),
              ({ key }) => key,
            ),
        })
      }),
    )
}

/** The stock client's own names for these values. */
const amongst = <E extends string>(names: Readonly<Record<string, E>>, values: ReadonlyArray<string>): Array<E> =>
  Object.values(names).filter((name) => values.includes(name))

const Secret = Schema.RedactedFromValue(Schema.NonEmptyString)

const LinkTokenAnswer = Schema.Struct({ link_token: Secret, expiration: Schema.DateTimeUtcFromString })
const ExchangeAnswer = Schema.Struct({ access_token: Secret, item_id: Schema.NonEmptyString })
const AccountsAnswer = Schema.Struct({ accounts: Schema.Array(Account) })
const HoldersAnswer = Schema.Struct({ accounts: Schema.Array(Holders) })
const InstitutionAnswer = Schema.Struct({
  institution: Schema.Struct({ institution_id: Schema.String, name: Schema.String }),
})
