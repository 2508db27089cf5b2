/**
 * Looks a store over and says what is wrong with it, and what to do about each thing.
 *
 * Everything that the store keeps twice is compared: claims with the events that they follow from, views with streams,
 * keys and credentials with what they belong to. Nothing is changed, except by {@link repairClaims}. Appends may go on
 * meanwhile: whatever looks wrong is looked at again in one snapshot before it is said to be. Memory stays at a page.
 *
 * ```text
 * doctor/Finding       what a check says
 * doctor/SchemaChecks  server, migrations             doctor/WorkChecks    leases, inbox
 * doctor/RightsChecks  identity, roles, row security  doctor/SecretChecks  keys, credentials
 * doctor/HeadChecks    the fence and who holds it     doctor/StreamChecks  streams, claims, connections
 * doctor/ViewChecks    builds, lag, dead letters
 * ```
 */
import { PgClient } from "@effect/sql-pg"
import { type Projection } from "@holdfast/domain"
import { Effect } from "effect"
import { SqlError } from "effect/sql"

import { head } from "./doctor/HeadChecks.ts"
import { identity, rights } from "./doctor/RightsChecks.ts"
import { schema } from "./doctor/SchemaChecks.ts"
import { credentials, keys } from "./doctor/SecretChecks.ts"
import { logGaps, scan, streams } from "./doctor/StreamChecks.ts"
import { deadLetters, orphanedRows, views } from "./doctor/ViewChecks.ts"
import { inbox, leases } from "./doctor/WorkChecks.ts"
import { RunnerSql } from "./RunnerSql.ts"
import * as StoreIdentity from "./StoreIdentity.ts"
import * as StreamAudit from "./StreamAudit.ts"
import { unavailable } from "./Unavailable.ts"

export { type Finding, patience, type Severity, worst } from "./doctor/Finding.ts"
export { headFinding, type Holder, holders } from "./doctor/HeadChecks.ts"

export interface Options {
  /** The views that should be there. */
  readonly projections: ReadonlyArray<Projection.View>
  /** Called now and then, with the number of events that were read. */
  readonly onProgress?: ((events: number) => Effect.Effect<void>) | undefined
}

/**
 * The schema and the server. The other checks need a schema that is as this version of the program knows it.
 *
 * The client is a login of its own.
 */
export const examineSchema = Effect.fn("Doctor.examineSchema")(() => schema, mapUnavailable)

/**
 * Everything else, on a store whose schema is all right. The client of the context is a login of its own, which sees
 * what its other sessions are doing.
 */
export const examine = Effect.fn("Doctor.examine")(function* ({
  onProgress = () => Effect.void,
  projections,
}: Options) {
  const checks = [
    identity,
    rights,
    head,
    views(projections),
    orphanedRows(projections),
    deadLetters,
    leases,
    inbox,
    logGaps,
    keys,
    credentials,
    streams(onProgress),
  ]
  const findings = yield* Effect.forEach(checks, (check) => check)
  return findings.flat()
}, mapUnavailable)

/** What {@link repairClaims} did. */
export interface Repaired {
  readonly added: number
  readonly moved: number
  readonly removed: number
}

/**
 * Makes the claims what the events say they are. Each is put right under the locks that appends take, after another
 * look at the streams; a key that two streams have a right to is left to its holder, and streams that are not whole
 * decide nothing.
 */
export const repairClaims = Effect.fn("Doctor.repairClaims")(function* ({
  onProgress = () => Effect.void,
}: Pick<Options, "onProgress">) {
  const loss = yield* Effect.provideService(StoreIdentity.findLoss, PgClient.PgClient, yield* RunnerSql)
  // Claims that outlived their events are what is left of them.
  if (loss !== "none") return { added: 0, moved: 0, removed: 0 }
  const { claims } = yield* scan(onProgress)
  const repaired = { added: 0, moved: 0, removed: 0 }
  for (const wrong of claims) {
    const what = yield* StreamAudit.repair(wrong)
    if (what !== undefined) repaired[what]++
  }
  return repaired satisfies Repaired
}, mapUnavailable)

function mapUnavailable<A, E, R>(effect: Effect.Effect<A, E | SqlError.SqlError, R>) {
  return Effect.catchIf(effect, SqlError.isSqlError, (error) => Effect.fail(unavailable(error)))
}
