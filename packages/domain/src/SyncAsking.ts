/** Asking a provider: with credentials that work, and with patience. */
import { Duration, Effect, Schedule } from "effect"

import * as Credentials from "./Credentials.ts"
import { type ConnectionId, type TenantId } from "./Ids.ts"
import { type Provider, ProviderError, type Secret } from "./Provider.ts"
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
          Effect.flatMap(credentials(held.version), requestWith),
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

/** Some seconds, and as long as the provider asks. What does not pass by then is left to the next run. */
const patience = Schedule.exponential("200 millis").pipe(
  Schedule.jittered,
  Schedule.upTo({ times: 5 }),
  Schedule.setInputType<unknown>(),
  Schedule.modifyDelay(({ duration, input }) =>
    Effect.succeed(input instanceof ProviderError ? Duration.max(duration, waitOf(input)) : duration),
  ),
)

const waitOf = ({ reason }: ProviderError) =>
  (reason._tag === "RateLimited" ? reason.retryAfter : undefined) ?? Duration.zero
