/**
 * How often Plaid may be asked: per Item and per client, for each endpoint.
 *
 * A call that would go over a limit waits for its turn, if that comes soon, and
 * fails with the time to wait otherwise, without Plaid being asked. What Plaid
 * refuses all the same (another process may share the client) is an ordinary
 * `RateLimited`.
 *
 * @see https://plaid.com/docs/errors/rate-limit-exceeded/
 */
import { Provider } from "@holdfast/domain"
import { Duration, Effect, Layer } from "effect"
import { RateLimiter } from "effect/persistence"

import { PlaidError } from "./PlaidError.ts"

/** Calls in a minute. */
export interface Limit {
  readonly perItem?: number | undefined
  readonly perClient?: number | undefined
}

/** By endpoint, as Plaid names it. One that is not named has no limit. */
export type Limits = Readonly<Record<string, Limit>>

/** Plaid's own, as documented in 2026. A client may have others: ask Plaid. */
export const production: Limits = {
  "transactions/sync": { perItem: 50, perClient: 2_500 },
  "transactions/get": { perItem: 30, perClient: 20_000 },
  "accounts/get": { perItem: 15, perClient: 15_000 },
  "auth/get": { perItem: 15, perClient: 12_000 },
  "identity/get": { perItem: 15, perClient: 2_000 },
  "item/get": { perItem: 15, perClient: 5_000 },
  "item/remove": { perItem: 30, perClient: 2_000 },
  "institutions/get_by_id": { perClient: 400 },
}

/** The Sandbox serves an Item more, and a client less. */
export const sandbox: Limits = {
  "transactions/sync": { perItem: 50, perClient: 1_000 },
  "transactions/get": { perItem: 80, perClient: 1_000 },
  "accounts/get": { perItem: 100, perClient: 5_000 },
  "auth/get": { perItem: 100, perClient: 500 },
  "identity/get": { perItem: 100, perClient: 1_000 },
  "item/get": { perItem: 40, perClient: 5_000 },
  "item/remove": { perItem: 100, perClient: 500 },
  "institutions/get_by_id": { perClient: 400 },
}

export interface Settings {
  readonly limits: Limits
  /** The longest that one call waits for its turn. */
  readonly patience: Duration.Duration
  /** Whose calls are counted. */
  readonly clientId: string
}

/** Calls are counted in this process. */
export const layerMemory = Layer.provide(RateLimiter.layer, RateLimiter.layerStoreMemory)

/** Waits for the turn of a call. */
export const make = ({ clientId, limits, patience }: Settings) =>
  Effect.map(RateLimiter.RateLimiter, (limiter) => {
    const take = (
      endpoint: string,
      key: string,
      limit: number,
      left: Duration.Duration,
    ): Effect.Effect<void, PlaidError> =>
      limiter.consume({ key: `plaid:${endpoint}:${key}`, limit, window: Duration.minutes(1), onExceeded: "fail" }).pipe(
        Effect.asVoid,
        Effect.catch(({ reason }) => {
          // A counter that cannot be reached stops nobody: Plaid counts too.
          if (reason._tag !== "RateLimitExceeded") return Effect.void
          const wait = Duration.max(reason.retryAfter, Duration.millis(1))
          return Duration.isLessThanOrEqualTo(wait, left)
            ? Effect.andThen(Effect.sleep(wait), take(endpoint, key, limit, Duration.subtract(left, wait)))
            : Effect.fail(overLimit(endpoint, wait))
        }),
      )

    return Effect.fnUntraced(function* (endpoint: string, itemId?: string) {
      const { perClient, perItem } = limits[endpoint] ?? {}
      if (perItem !== undefined && itemId !== undefined) yield* take(endpoint, `item:${itemId}`, perItem, patience)
      if (perClient !== undefined) yield* take(endpoint, `client:${clientId}`, perClient, patience)
    })
  })

const overLimit = (endpoint: string, retryAfter: Duration.Duration) =>
  new PlaidError({ endpoint, code: "over the limit", reason: new Provider.RateLimited({ retryAfter }) })
