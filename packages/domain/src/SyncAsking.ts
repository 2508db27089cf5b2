/** Asking a provider: with credentials that work, and with patience. */
import { Duration, Effect, Random, Schedule } from "effect"

import * as Credentials from "./Credentials.ts"
import { type ConnectionId, type TenantId } from "./Ids.ts"
import { AuthorizationEnded, type Provider, ProviderError, type Secret } from "./Provider.ts"
import type * as Vault from "./Vault.ts"

/** Requests are repeated with new credentials where these are refused, and later where the provider wants time. */
export const asking = (provider: Provider, tenantId: TenantId, connectionId: ConnectionId) => {
  const credentials = (stale?: number) => Credentials.fresh(provider, tenantId, connectionId, stale)

  return <A>(request: (secret: Secret) => Effect.Effect<A, ProviderError>) => {
    const requestWith = ({ secret, version }: Vault.Credentials) =>
      request(secret).pipe(
        Effect.catchReason("ProviderError", "AuthorizationEnded", ({ reason }, error) =>
          Effect.andThen(Credentials.reportEnd(tenantId, connectionId, version, reason), error),
        ),
      )
    return Effect.gen(function* () {
      const held = yield* credentials()
      return yield* requestWith(held).pipe(
        Effect.catchReason("ProviderError", "Unauthorized", () =>
          Effect.flatMap(credentials(held.version), (renewed) =>
            requestWith(renewed).pipe(
              // What was renewed just now does not expire: the authorization itself is not honoured any more.
              Effect.catchReason("ProviderError", "Unauthorized", () =>
                Effect.andThen(
                  Credentials.reportEnd(tenantId, connectionId, renewed.version, "revoked"),
                  new ProviderError({ provider: provider.id, reason: new AuthorizationEnded({ reason: "revoked" }) }),
                ),
              ),
            ),
          ),
        ),
      )
    }).pipe(Effect.retry({ while: isWorthWaiting, schedule: patience }))
  }
}

export type Ask = ReturnType<typeof asking>

/** Whether asking again helps. */
export const isPassing = ({ reason }: ProviderError) => reason._tag === "Unavailable" || reason._tag === "RateLimited"

/** Not for a provider that asks for more time than a run should sit and wait: the next run asks again. */
const isWorthWaiting = (error: { readonly _tag: string }) =>
  error instanceof ProviderError &&
  isPassing(error) &&
  Duration.isLessThanOrEqualTo(waitOf(error), Duration.seconds(30))

/**
 * Some seconds, any part of them so that many do not ask at once, and as long as the provider asks. What does not pass
 * by then is left to the next run.
 */
const patience = Schedule.exponential("400 millis").pipe(
  Schedule.upTo({ times: 5 }),
  Schedule.setInputType<unknown>(),
  Schedule.modifyDelay(({ duration, input }) =>
    Effect.map(Random.next, (part) => {
      const jittered = Duration.times(duration, part)
      return input instanceof ProviderError ? Duration.max(jittered, waitOf(input)) : jittered
    }),
  ),
)

const waitOf = ({ reason }: ProviderError) =>
  (reason._tag === "RateLimited" ? reason.retryAfter : undefined) ?? Duration.zero
