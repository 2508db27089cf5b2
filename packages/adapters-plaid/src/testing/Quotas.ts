/** How many requests a minute Plaid serves, per Item and per client. */

export interface Limit {
  readonly perItem?: number
  readonly perClient?: number
}

export type Limits = Readonly<Record<string, Limit>>

/** The documented ones of both environments. @see https://plaid.com/docs/errors/rate-limit-exceeded/ */
export const productionLimits: Limits = {
  "/transactions/sync": { perItem: 50, perClient: 2_500 },
  "/transactions/refresh": { perItem: 2, perClient: 100 },
  "/transactions/get": { perItem: 30, perClient: 20_000 },
  "/accounts/get": { perItem: 15, perClient: 15_000 },
  "/accounts/balance/get": { perItem: 5, perClient: 1_200 },
  "/auth/get": { perItem: 15, perClient: 12_000 },
  "/identity/get": { perItem: 15, perClient: 2_000 },
  "/item/get": { perItem: 15, perClient: 5_000 },
  "/item/remove": { perItem: 30, perClient: 2_000 },
  "/institutions/get_by_id": { perClient: 400 },
}

export const sandboxLimits: Limits = {
  "/transactions/sync": { perItem: 50, perClient: 1_000 },
  "/transactions/refresh": { perItem: 2, perClient: 100 },
  "/transactions/get": { perItem: 80, perClient: 1_000 },
  "/accounts/get": { perItem: 100, perClient: 5_000 },
  "/accounts/balance/get": { perItem: 25, perClient: 100 },
  "/auth/get": { perItem: 100, perClient: 500 },
  "/identity/get": { perItem: 100, perClient: 1_000 },
  "/item/get": { perItem: 40, perClient: 5_000 },
  "/item/remove": { perItem: 100, perClient: 500 },
  "/institutions/get_by_id": { perClient: 400 },
  "/sandbox/transactions/create": { perItem: 2, perClient: 50 },
}

export class Quotas {
  limits: Limits
  private readonly served = new Map<string, Array<number>>()

  constructor(limits: Limits) {
    this.limits = limits
  }

  /** Counts a request that came at this time; the code of its refusal if there are too many in its minute. */
  take(endpoint: string, itemId: string | undefined, now: number): string | undefined {
    const { perClient, perItem } = this.limits[endpoint] ?? {}
    const mine = itemId === undefined || perItem === undefined ? undefined : this.minute(`${endpoint} ${itemId}`, now)
    const all = perClient === undefined ? undefined : this.minute(endpoint, now)
    if ((mine?.length ?? 0) >= (perItem ?? Infinity)) return codes[endpoint] ?? "RATE_LIMIT"
    if ((all?.length ?? 0) >= (perClient ?? Infinity)) return clientCodes[endpoint] ?? codes[endpoint] ?? "RATE_LIMIT"
    mine?.push(now)
    all?.push(now)
    return undefined
  }

  private minute(key: string, now: number) {
    const recent = (this.served.get(key) ?? []).filter((at) => at > now - 60_000)
    this.served.set(key, recent)
    return recent
  }
}

const codes: Readonly<Record<string, string>> = {
  "/transactions/sync": "TRANSACTIONS_SYNC_LIMIT",
  "/transactions/get": "TRANSACTIONS_LIMIT",
  "/transactions/refresh": "TRANSACTIONS_REFRESH_LIMIT",
  "/accounts/get": "ACCOUNTS_LIMIT",
  "/accounts/balance/get": "BALANCE_LIMIT",
  "/auth/get": "AUTH_LIMIT",
  "/identity/get": "IDENTITY_LIMIT",
  "/item/get": "ITEM_GET_LIMIT",
  "/institutions/get_by_id": "INSTITUTIONS_GET_BY_ID_LIMIT",
}

/** Where going over the client's limit is told in another word than going over the Item's. */
const clientCodes: Readonly<Record<string, string>> = { "/accounts/balance/get": "ACCOUNTS_BALANCE_GET_LIMIT" }
