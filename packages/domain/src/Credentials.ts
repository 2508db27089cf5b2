/**
 * Credentials that work: read from the vault, renewed when they are about to
 * stop working, by one worker at a time however many ask.
 *
 * The vault's version is the fence. A renewal that comes back late, after the
 * owner has connected again, replaces nothing.
 */
import { Context, DateTime, Duration, Effect, Schedule } from "effect"

import * as Aggregate from "./Aggregate.ts"
import * as Connection from "./Connection.ts"
import { type ConnectionId, system, type TenantId } from "./Ids.ts"
import { Leases } from "./Leases.ts"
import { type AuthorizationEnded, type Provider } from "./Provider.ts"
import { type Credentials, Vault } from "./Vault.ts"

/** What is needed of a provider to renew its credentials. */
type Renewable = Pick<Provider, "expiresAt" | "refresh">

/** Credentials are renewed this long before they stop working. */
const margin = Duration.minutes(2)

/** How long a renewal may keep others waiting before they look for themselves. */
const leaseTime = Duration.seconds(30)

/** How long after a provider has said that an authorization ended it is asked again: it has to say so twice. */
export const ConfirmAfter = Context.Reference("@holdfast/domain/Credentials/ConfirmAfter", {
  defaultValue: () => Duration.seconds(2),
})

/**
 * The credentials of a connection. `stale` names a version that the provider has
 * just refused: it is renewed even if it should still work.
 */
export const fresh = Effect.fn("Credentials.fresh")(function* (
  provider: Renewable,
  tenantId: TenantId,
  connectionId: ConnectionId,
  stale?: number,
) {
  const vault = yield* Vault
  const leases = yield* Leases
  const first = yield* vault.get(tenantId, connectionId)
  const isUsable = (held: Credentials, now: DateTime.Utc) => {
    // What somebody has renewed meanwhile is the best there is, however short its time.
    if (held.version !== first.version) return true
    const end = provider.expiresAt(held.secret)
    return held.version !== stale && (end === undefined || DateTime.isLessThan(DateTime.addDuration(now, margin), end))
  }
  const unlessUsable = <A, E, R>(renewed: (held: Credentials) => Effect.Effect<A, E, R>) =>
    Effect.gen(function* () {
      const held = yield* vault.get(tenantId, connectionId)
      return isUsable(held, yield* DateTime.now) ? held : yield* renewed(held)
    })

  if (isUsable(first, yield* DateTime.now)) return first
  return yield* unlessUsable(() =>
    leases.using(
      tenantId,
      `credentials:${connectionId}`,
      leaseTime,
    )(unlessUsable((held) => renew(provider, tenantId, connectionId, held))),
  ).pipe(Effect.retry({ while: (error) => error._tag === "LeaseHeld", schedule: turn }))
})

/**
 * Renews credentials, and returns those that are there afterwards: somebody else's, if they were first.
 *
 * An end is believed when it is confirmed: by the vault, in which nobody has put newer credentials before or after a
 * pause, and by the provider, which says it again.
 */
const renew = Effect.fnUntraced(function* (
  provider: Renewable,
  tenantId: TenantId,
  connectionId: ConnectionId,
  held: Credentials,
) {
  const vault = yield* Vault
  const pause = yield* ConfirmAfter
  const attempt = provider.refresh(held.secret).pipe(
    Effect.flatMap((renewed) =>
      Effect.retry(vault.put(tenantId, connectionId, renewed, { replaces: held.version }), {
        while: ({ _tag }) => _tag === "EventStoreUnavailable",
        schedule: keeping,
      }),
    ),
    // Between the answer and the vault the new credentials exist nowhere else, and the old ones may be dead.
    Effect.uninterruptible,
    // Whoever wrote meanwhile knows better: the owner has connected again, or our own write was not answered.
    Effect.catchTag("CredentialsConflict", () => Effect.void),
  )
  const unlessReplaced = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.flatMap(vault.get(tenantId, connectionId), ({ version }) =>
      version === held.version ? Effect.asVoid(effect) : Effect.void,
    )
  yield* attempt.pipe(
    Effect.catchReason("ProviderError", "AuthorizationEnded", () =>
      unlessReplaced(Effect.andThen(Effect.sleep(pause), unlessReplaced(attempt))),
    ),
    Effect.catchReason("ProviderError", "AuthorizationEnded", ({ reason }, error) =>
      unlessReplaced(Effect.andThen(reportEnd(tenantId, connectionId, held.version, reason), error)),
    ),
  )
  yield* recordVersion(tenantId, connectionId)
  return yield* vault.get(tenantId, connectionId)
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

/** Records that the provider honours credentials no longer, unless there are newer ones by now. */
export const reportEnd = Effect.fn("Credentials.reportEnd")(function* (
  tenantId: TenantId,
  connectionId: ConnectionId,
  credentialVersion: number,
  reason: AuthorizationEnded["reason"],
) {
  const at = yield* DateTime.now
  const command = Connection.Command.make({ _tag: "ReportAuthorizationFailure", at, reason, credentialVersion })
  yield* handle(tenantId, connectionId, command, { metadata: { actor: system } })
})

/** About a minute, looking more and more seldom. */
const turn = Schedule.exponential("50 millis", 1.5).pipe(
  Schedule.modifyDelay(({ duration }) => Effect.succeed(Duration.min(duration, Duration.seconds(1)))),
  Schedule.jittered,
  Schedule.upTo({ times: 65 }),
)

/** Some seconds. */
const keeping = Schedule.exponential("100 millis").pipe(Schedule.jittered, Schedule.upTo({ times: 6 }))

const handle = Aggregate.handle(Connection)
