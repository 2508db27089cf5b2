/** The log lines that tell operators what syncs did and met: counts and durations, nothing personal. */
import { Duration, Effect } from "effect"

import type * as Connection from "./Connection.ts"
import { type ConnectionId, type FeedId, type ProviderId } from "./Ids.ts"
import { type SyncReport } from "./SyncReport.ts"

interface Ending {
  readonly outcome: "success" | "failure"
  readonly duration: Duration.Duration
}

/** `gmail_ingest_run`, for each provider by its name: what a run did for one source, up to where it came. */
export const ingested = (
  provider: ProviderId,
  { connectionId, feedId }: { readonly connectionId: ConnectionId; readonly feedId: FeedId },
  run: string,
  report: SyncReport,
  ending: Ending,
): Effect.Effect<void> => {
  const event = `${provider}_ingest_run`
  return Effect.annotateLogs(Effect.logInfo(event), { event, connectionId, feedId, run, ...report, ...told(ending) })
}

/** `sync_run_end`: how a run ended. */
export const ended = (
  provider: ProviderId,
  connectionId: ConnectionId,
  report: SyncReport | undefined,
  ending: Ending & { readonly reason: string | undefined },
): Effect.Effect<void> =>
  Effect.annotateLogs(Effect.logInfo("sync_run_end"), {
    event: "sync_run_end",
    provider,
    connectionId,
    ...report,
    ...told(ending),
    ...(ending.reason !== undefined && { reason: ending.reason }),
  })

/** `sync_items_deferred`: the cursor stands behind items that could not be had. */
export const deferred = (
  connectionId: ConnectionId,
  feedId: FeedId,
  items: ReadonlyArray<{ readonly attempts: number; readonly reason: string }>,
): Effect.Effect<void> =>
  Effect.annotateLogs(Effect.logWarning("sync_items_deferred"), {
    event: "sync_items_deferred",
    connectionId,
    feedId,
    items: items.length,
    attempts: Math.max(...items.map(({ attempts }) => attempts)),
    reasons: [...new Set(items.map(({ reason }) => reason))],
  })

/** `sync_drift`: the provider's count and what is known do not agree. */
export const drifted = (
  connectionId: ConnectionId,
  feedId: FeedId,
  { items, verdict }: Pick<Connection.Drift, "items" | "verdict">,
): Effect.Effect<void> =>
  Effect.annotateLogs(verdict === "none" ? Effect.logInfo("sync_drift") : Effect.logWarning("sync_drift"), {
    event: "sync_drift",
    connectionId,
    feedId,
    items,
    verdict,
  })

const told = ({ duration, outcome }: Ending) => ({ outcome, durationMs: Duration.toMillis(duration) })
