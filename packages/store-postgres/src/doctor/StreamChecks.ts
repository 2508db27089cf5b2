/**
 * Whether streams are whole, and whether claims, views and the vault are as they say.
 */
import { DateTime, Effect } from "effect"

import { RunnerSql } from "../RunnerSql.ts"
import * as StreamAudit from "../StreamAudit.ts"
import { count, duration, finding, patience, sampled, type Severity } from "./Finding.ts"

export const logGaps = Effect.gen(function* () {
  const sql = (yield* RunnerSql).withoutTransforms()
  const rows = yield* sql<{ tenant: string; stream: string; events: number; version: number; total: number }>`
    SELECT tenant_id AS tenant, stream_id AS stream, count(*)::int AS events, max(version) AS version,
      count(*) OVER ()::int AS total
    FROM holdfast.events GROUP BY tenant_id, stream_id HAVING max(version) <> count(*) LIMIT ${sampled}`
  return rows.length === 0
    ? [finding("log", "ok", "Every stream is whole")]
    : [
        finding("log.gaps", "error", `${count(rows[0]?.total ?? 0, "stream")} with versions missing`, {
          numbers: { streams: rows[0]?.total ?? 0 },
          samples: rows.map(({ events, stream, tenant, version }) => ({ tenant, stream, events, version })),
          advice: "Events were deleted. Restore the database from a backup.",
        }),
      ]
})

export const streams = (onProgress: (events: number) => Effect.Effect<void>) =>
  Effect.map(scan(onProgress), ({ claims, connections, numbers, pending, unreadable }) => {
    const problems = (kind: StreamAudit.Problem["kind"]) => connections.filter((problem) => problem.kind === kind)
    const wrong = (kind: StreamAudit.WrongClaim["kind"]) => claims.filter((claim) => claim.kind === kind)
    const aboutClaims = (kind: StreamAudit.WrongClaim["kind"], what: string, advice: string) => {
      const found = wrong(kind)
      return found.length === 0
        ? []
        : [
            finding(`claims.${kind}`, "error", `${count(found.length, "claim")} ${what}`, {
              numbers: { claims: found.length },
              samples: found.map(({ held, key, should, tenantId }) => ({
                tenant: tenantId,
                key,
                holder: held ?? null,
                expected: should ?? null,
              })),
              advice,
            }),
          ]
    }
    const aboutConnections = (kind: StreamAudit.Problem["kind"], severity: Severity, what: string, advice: string) => {
      const found = problems(kind)
      return found.length === 0
        ? []
        : [
            finding(kind, severity, `${count(found.length, "connection")} ${what}`, {
              numbers: { connections: found.length },
              samples: found.map(({ connectionId, detail, tenantId }) =>
                Object.assign({ tenant: tenantId, connection: connectionId }, detail),
              ),
              advice,
            }),
          ]
    }
    const mend = "Run: holdfast doctor --fix"
    return [
      ...(claims.length === 0
        ? [finding("claims", "ok", `${count(numbers.claims, "claim")} as the events say`, { numbers })]
        : []),
      ...aboutClaims("missing", "that the events say are held, and are not: the rule they guard is open", mend),
      ...aboutClaims("misheld", "held by another stream than the events say", mend),
      ...aboutClaims("orphaned", "held by streams that the events give no right to: nobody else can take them", mend),
      ...aboutClaims(
        "contested",
        "that two streams have a right to",
        "Decide which is right, and disconnect the other connection or run: holdfast connections activate <id>",
      ),
      ...aboutConnections(
        "views.disagree",
        "error",
        "that the view connections shows otherwise than their events",
        "Run: holdfast verify connections, then: holdfast rebuild connections",
      ),
      ...aboutConnections(
        "credentials.gone",
        "error",
        "at work whose credentials are not, or not as new, as their events say",
        "The vault was restored or emptied. The owner has to consent again.",
      ),
      ...aboutConnections(
        "credentials.kept",
        "warning",
        "that ended, whose credentials are still there",
        "Revoke the credentials at the provider and remove them from the vault.",
      ),
      ...(pending.total === 0
        ? []
        : [
            finding(
              "connections.pending",
              "warning",
              `${count(pending.total, "connection")} without a consent for more than ${duration(patience.pending)}`,
              {
                numbers: { connections: pending.total },
                samples: pending.samples,
                advice: "Ask the owners again, or disconnect them.",
              },
            ),
          ]),
      ...(unreadable.total === 0
        ? []
        : [
            finding("log.unreadable", "error", `${count(unreadable.total, "stream")} that this version cannot read`, {
              numbers: { streams: unreadable.total },
              samples: unreadable.samples,
              advice: "Run the version of the program that wrote them, or a later one.",
            }),
          ]),
    ]
  })

/** Reads all streams that can have claims. */
export const scan = (onProgress: (events: number) => Effect.Effect<void>) =>
  Effect.flatMap(DateTime.now, (now) =>
    StreamAudit.scan({
      pendingBefore: DateTime.subtract(now, { seconds: patience.pending }),
      samples: sampled,
      onProgress,
    }),
  )
