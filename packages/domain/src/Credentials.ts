/**
 * Credentials that work: read from the vault, renewed when they are about to
 * stop working, by one worker at a time however many ask.
 *
 * The vault's version is the fence. A renewal that comes back late, after the
 * owner has connected again, replaces nothing.
 */
import { DateTime, Duration, Effect, Schedule } from "effect"

import * as Aggregate from "./Aggregate.ts"
import * as Connection from "./Connection.ts"
import { type ConnectionId, system, type TenantId } from "./Ids.ts"
import { Leases } from "./Leases.ts"
import { type Provider } from "./Provider.ts"
import { Vault } from "./Vault.ts"

/** Credentials are renewed this long before they stop working. */
const margin = Duration.minutes(2)

/** How long a renewal may keep others waiting before they look for themselves. */
const leaseTime = Duration.seconds(30)

/**
 * The credentials of a connection. `stale` names a version that the provider has
 * just refused: it is renewed even if it should still work.
 */
export const fresh = Effect.fn("Credentials.fresh")(function* (
  provider: Provider,
  tenantId: TenantId,
  connectionId: ConnectionId,
  stale?: number,
) {
  const vault = yield* Vault
  const leases = yield* Leases
  const usable = Effect.gen(function* () {
    const held = yield* vault.get(tenantId, connectionId)
    const now = yield* DateTime.now
    const end = provider.expiresAt(held.secret)
    const isUsable =
      held.version !== stale && (end === undefined || DateTime.isLessThan(DateTime.addDuration(now, margin), end))
    return { held, isUsable }
  })

  const first = yield* usable
  if (first.isUsable) return first.held
  return yield* leases
    .using(
      tenantId,
      `credentials:${connectionId}`,
      leaseTime,
    )(
      Effect.gen(function* () {
        const { held, isUsable } = yield* usable
        if (isUsable) return held
        yield* provider.refresh(held.secret).pipe(
          Effect.flatMap((renewed) => vault.put(tenantId, connectionId, renewed, { replaces: held.version })),
          // Whoever wrote meanwhile knows better: the owner has connected again.
          Effect.catchTag("CredentialsConflict", () => Effect.void),
          Effect.catchReason("ProviderError", "AuthorizationEnded", (_, error) =>
            Effect.flatMap(vault.get(tenantId, connectionId), ({ version }) =>
              version === held.version ? Effect.fail(error) : Effect.void,
            ),
          ),
        )
        yield* recordVersion(tenantId, connectionId)
        return yield* vault.get(tenantId, connectionId)
      }),
    )
    .pipe(Effect.retry({ while: (error) => error._tag === "LeaseHeld", schedule: Schedule.spaced("50 millis"), times: 1_200 }))
})

/**
 * Records the version that the vault holds, if the log does not know of it: a
 * worker may have died between storing renewed credentials and saying so.
 */
export const recordVersion = Effect.fn("Credentials.recordVersion")(function* (
  tenantId: TenantId,
  connectionId: ConnectionId,
) {
  const { version } = yield* (yield* Vault).get(tenantId, connectionId)
  const at = yield* DateTime.now
  const command = Connection.Command.make({ _tag: "RecordRefresh", at, credentialVersion: version })
  return yield* handle(tenantId, connectionId, command, { metadata: { actor: system } })
})

const handle = Aggregate.handle(Connection)
