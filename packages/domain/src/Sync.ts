/**
 * The sync engine: brings what a provider has into feeds, page by page.
 *
 * A page is one append. The items, how they compare with what the account held,
 * and the connection's `synced` with the cursor before and after stand in three
 * streams and commit together: there is no moment when items are recorded and
 * the cursor is not. The version of the feed fences off a worker that lost its
 * lease without noticing.
 */
import { Cause, Clock, DateTime, Duration, Effect, Exit, Predicate, Schema } from "effect"
import { SecureRandom } from "effect/crypto"

import * as Aggregate from "./Aggregate.ts"
import * as Connection from "./Connection.ts"
import * as Controls from "./Controls.ts"
import * as Credentials from "./Credentials.ts"
import { ConnectionId, type TenantId } from "./Ids.ts"
import { Leases } from "./Leases.ts"
import { type Provider, type ProviderError, type Source } from "./Provider.ts"
import * as Reconnection from "./Reconnection.ts"
import { type Ask, asking, isPassing } from "./SyncAsking.ts"
import * as SyncLog from "./SyncLog.ts"
import { syncSource } from "./SyncPages.ts"
import * as SyncReport from "./SyncReport.ts"
import * as SyncSettings from "./SyncSettings.ts"
import { ensureSyncable, metadata, NotSyncable, openByIdentity, openMatched } from "./SyncSources.ts"

export { NotSyncable } from "./SyncSources.ts"

/** What a run did. */
export interface Report extends SyncReport.SyncReport {
  readonly run: string
  readonly connectionId: ConnectionId
}

/** Another worker is syncing this connection, or took over. What this one recorded stands; the other one's run will do. */
export class SyncInProgress extends Schema.TaggedError<SyncInProgress>()("SyncInProgress", {
  connectionId: ConnectionId,
}) {}

/**
 * The provider could not go on. Every page before that is recorded, and the next
 * run goes on from there. Whether asking again helps is in `retryable`.
 */
export class SyncFailed extends Schema.TaggedError<SyncFailed>()("SyncFailed", {
  connectionId: ConnectionId,
  reason: Schema.String,
  retryable: Schema.Boolean,
  /** The provider wants to be left alone until then. Runs before that ask it nothing, and fail with this again. */
  retryAt: Schema.optionalKey(Schema.DateTimeUtc),
}) {}

/** A lease is renewed while the run lives; this is how long a dead worker blocks the next one. */
export const leaseTime = Duration.minutes(1)

/**
 * Brings a connection up to date, all of its sources one after the other.
 *
 * Where an operator's switch is off it asks the provider nothing, and fails with `SyncDisabled`: at once, or behind the
 * page that was on its way. Nothing is recorded about that, and nothing is lost by it.
 */
export const run = Effect.fn("Sync.run")(function* (
  provider: Provider,
  tenantId: TenantId,
  connectionId: ConnectionId,
) {
  const leases = yield* Leases
  const turn = leases.using(tenantId, `sync:${connectionId}`, leaseTime)
  return yield* Controls.ensureEnabled(tenantId, { provider: provider.id, connectionId }).pipe(
    Effect.andThen(turn(syncAll(provider, tenantId, connectionId))),
    Effect.catchTag(impossible, Effect.die),
    Effect.catchTag(passing, ({ _tag }) => new SyncFailed({ connectionId, reason: _tag, retryable: true })),
    Effect.catchTag(overtaken, () => new SyncInProgress({ connectionId })),
    Effect.catchTags({
      ConnectionNotReady: ({ status }) => new NotSyncable({ connectionId, status }),
      FeedForgotten: () => new NotSyncable({ connectionId, status: "forgotten" }),
      CredentialsNotFound: () => withoutCredentials(tenantId, connectionId),
      SealingError: (error) =>
        error.reason === "forgotten" ? new NotSyncable({ connectionId, status: "forgotten" }) : error,
      ProviderError: (error) => stop(tenantId, connectionId, error),
    }),
    logged(provider, connectionId),
  )
})

/** Another worker is syncing the connection, or took over. */
const overtaken = ["LeaseHeld", "LeaseLost", "StalePage"] as const

/** What the accounts are, or what is asked of them, could not be decided for now, or others were always first; the next run will try. */
const passing = [
  "MatchingDelayed",
  "StaleGround",
  "AccountMerged",
  "SettingsChanged",
  "HoldingsChanged",
  "VersionConflict",
  "ClaimConflict",
] as const

/** Refusals of commands that a run does not give. */
const impossible = [
  "AccountNotOpen",
  "AnotherLogin",
  "IdentityMismatch",
  "NotACandidate",
  "NotMerged",
  "ReviewNotOpen",
] as const

/** Says how a run ended, by class where it failed: what a provider or a store said stays out of the logs. */
const logged =
  ({ id }: Provider, connectionId: ConnectionId) =>
  <E, R>(syncing: Effect.Effect<Report, E, R>) =>
    Effect.gen(function* () {
      const began = yield* Clock.currentTimeMillis
      return yield* Effect.onExit(syncing, (exit) =>
        Effect.flatMap(Clock.currentTimeMillis, (ended) =>
          SyncLog.ended(id, connectionId, Exit.isSuccess(exit) ? exit.value : undefined, {
            outcome: Exit.isSuccess(exit) ? "success" : "failure",
            duration: Duration.millis(ended - began),
            reason: Exit.isFailure(exit) ? classOf(exit.cause) : undefined,
          }),
        ),
      )
    })

const classOf = (cause: Cause.Cause<unknown>) => {
  if (Cause.hasInterruptsOnly(cause)) return "interrupted"
  const failure = Cause.squash(cause)
  if (failure instanceof SyncFailed) return failure.reason
  return Predicate.hasProperty(failure, "_tag") ? String(failure._tag) : "a defect"
}

const syncAll = Effect.fnUntraced(function* (provider: Provider, tenantId: TenantId, connectionId: ConnectionId) {
  const random = yield* SecureRandom.SecureRandom
  const runId = yield* random.uuidV7()
  const { state } = yield* Credentials.recordVersion(tenantId, connectionId)
  yield* ensureSyncable(connectionId, state)
  const retryAt = Connection.heldUntil(state, yield* DateTime.now)
  if (retryAt !== undefined) {
    return yield* new SyncFailed({ connectionId, reason: "RateLimited", retryable: true, retryAt })
  }

  const ask = asking(provider, tenantId, connectionId)
  const sources = yield* ask((secret) => provider.sources(secret, state.settings ?? {}))
  const settings = yield* SyncSettings.follow(tenantId, connectionId, state.settings ?? {}, sources)
  const adopted = yield* Effect.result(adoptNew(provider, tenantId, connectionId, sources, state))
  const reports = yield* Effect.forEach(sources, (source) =>
    syncOne(provider, ask, tenantId, connectionId, source, settings, runId),
  )
  // What could not be matched does not keep the others waiting.
  yield* Effect.fromResult(adopted)
  return { run: runId, connectionId, ...reports.reduce(SyncReport.together, SyncReport.nothing) } satisfies Report
})

/** Has the accounts matched that the connection delivers for the first time. */
const adoptNew = Effect.fnUntraced(function* (
  provider: Provider,
  tenantId: TenantId,
  connectionId: ConnectionId,
  sources: ReadonlyArray<Source>,
  state: Connection.State,
) {
  const accounts = sources.filter(({ account }) => account !== undefined)
  const isNew = accounts.some(({ key }) => !Object.hasOwn(state.sources, key))
  // With those that are known already: what one of them is linked to is no other one's.
  if (isNew) yield* Reconnection.adopt(provider, tenantId, connectionId, accounts)
})

const syncOne = Effect.fnUntraced(function* (
  provider: Provider,
  ask: Ask,
  tenantId: TenantId,
  connectionId: ConnectionId,
  source: Source,
  settings: Connection.Settings,
  runId: string,
) {
  if (source.account === undefined) {
    const feed = yield* openByIdentity(provider.id, tenantId, connectionId, source, settings)
    return yield* syncSource(provider, ask, feed, runId)
  }
  const { sources } = (yield* loadConnection(tenantId, connectionId)).state
  const matched = sources[source.key]
  // What was not matched, for whatever reason, is not fetched either: the next run tries again.
  if (matched === undefined) return SyncReport.nothing
  return yield* syncSource(provider, ask, yield* openMatched(tenantId, connectionId, source, settings, matched), runId)
})

/** Records why a run could not go on. That an authorization ended is recorded where it is learnt. */
const stop = Effect.fnUntraced(function* (tenantId: TenantId, connectionId: ConnectionId, error: ProviderError) {
  const at = yield* DateTime.now
  const { reason } = error
  const retryable = isPassing(error)
  const wait = reason._tag === "RateLimited" ? reason.retryAfter : undefined
  const hold = wait === undefined ? {} : { retryAt: DateTime.addDuration(at, wait) }
  if (reason._tag !== "AuthorizationEnded") {
    const problem = "problem" in reason ? reason.problem : undefined
    const told = problem === undefined ? reason._tag : `${reason._tag}: ${problem}`
    const command = Connection.Command.make({ _tag: "ReportSyncFailure", at, reason: told, retryable, ...hold })
    yield* handleConnection(tenantId, connectionId, command, { metadata })
  }
  return yield* new SyncFailed({ connectionId, reason: reason._tag, retryable, ...hold })
})

/** The credentials went while they were needed, or are not ours. */
const withoutCredentials = Effect.fnUntraced(function* (tenantId: TenantId, connectionId: ConnectionId) {
  const { state } = yield* loadConnection(tenantId, connectionId)
  yield* ensureSyncable(connectionId, state)
  return yield* new NotSyncable({ connectionId, status: "no_credentials" })
})

const loadConnection = Aggregate.load(Connection)
const handleConnection = Aggregate.handle(Connection)
