/**
 * Whether keys and credentials are those of what they belong to.
 */
import { Effect } from "effect"

import { RunnerSql } from "../RunnerSql.ts"
import { count, finding, patience, sampled } from "./Finding.ts"

export const keys = Effect.gen(function* () {
  const sql = (yield* RunnerSql).withoutTransforms()
  interface Found {
    readonly tenant: string
    readonly stream: string
    readonly total: number
  }
  const orphaned = yield* sql<Found>`
    SELECT k.tenant_id AS tenant, k.subject AS stream, count(*) OVER ()::int AS total FROM holdfast.subject_keys k
    WHERE k.wrapped IS NOT NULL AND left(k.subject, 1) <> '@' AND NOT EXISTS (
      SELECT FROM holdfast.events e WHERE e.tenant_id = k.tenant_id AND e.stream_id = k.subject)
    ORDER BY 1, 2 LIMIT ${sampled}`
  const undestroyed = yield* sql<Found>`
    SELECT k.tenant_id AS tenant, k.subject AS stream, count(*) OVER ()::int AS total
    FROM holdfast.subject_keys k JOIN holdfast.events e ON e.tenant_id = k.tenant_id AND e.stream_id = k.subject
    WHERE e.type = 'forgotten' AND k.wrapped IS NOT NULL ORDER BY 1, 2 LIMIT ${sampled}`
  const unsaid = yield* sql<Found>`
    SELECT k.tenant_id AS tenant, k.subject AS stream, count(*) OVER ()::int AS total FROM holdfast.subject_keys k
    WHERE k.wrapped IS NULL AND NOT EXISTS (
      SELECT FROM holdfast.events e
      WHERE e.tenant_id = k.tenant_id AND e.stream_id = k.subject AND e.type = 'forgotten')
    ORDER BY 1, 2 LIMIT ${sampled}`
  const [total] = yield* sql<{ kept: number; destroyed: number }>`
    SELECT count(wrapped)::int AS kept, count(*) FILTER (WHERE wrapped IS NULL)::int AS destroyed FROM holdfast.subject_keys`
  const about = (found: ReadonlyArray<Found>) => ({
    numbers: { keys: found[0]?.total ?? 0 },
    samples: found.map(({ stream, tenant }) => ({ tenant, stream })),
  })
  return [
    finding("keys", "ok", `${count(total?.kept ?? 0, "data key")} kept, ${total?.destroyed ?? 0} destroyed`, {
      numbers: { kept: total?.kept ?? 0, destroyed: total?.destroyed ?? 0 },
    }),
    ...(orphaned.length === 0
      ? []
      : [
          // A key is made before the append that needs it: whoever loses a race leaves one behind.
          finding(
            "keys.orphaned",
            "ok",
            `${count(orphaned[0]?.total ?? 0, "data key")} of streams that never came to be`,
            {
              ...about(orphaned),
              advice:
                "Harmless: appends that were refused leave them. Many of them may mean that streams were deleted.",
            },
          ),
        ]),
    ...(undestroyed.length === 0
      ? []
      : [
          finding(
            "keys.undestroyed",
            "error",
            `${count(undestroyed[0]?.total ?? 0, "stream")} forgotten, and still readable`,
            {
              ...about(undestroyed),
              advice: "Run: holdfast forget <stream>. It destroys the key.",
            },
          ),
        ]),
    ...(unsaid.length === 0
      ? []
      : [
          finding(
            "keys.unsaid",
            "warning",
            `${count(unsaid[0]?.total ?? 0, "data key")} destroyed, and no event says so`,
            {
              ...about(unsaid),
              advice: "Views still hold what was forgotten. Run: holdfast forget <stream>",
            },
          ),
        ]),
  ]
})

export const credentials = Effect.gen(function* () {
  const sql = (yield* RunnerSql).withoutTransforms()
  const rows = yield* sql<{ tenant: string; connection: string; total: number }>`
    SELECT tenant_id AS tenant, connection_id::text AS connection, count(*) OVER ()::int AS total FROM holdfast.credentials c
    WHERE wrapped IS NOT NULL AND updated_at < clock_timestamp() - ${patience.credentials} * interval '1 second'
      AND NOT EXISTS (
        SELECT FROM holdfast.events e WHERE e.tenant_id = c.tenant_id AND e.stream_id = 'connection-' || c.connection_id)
    ORDER BY 1, 2 LIMIT ${sampled}`
  return rows.length === 0
    ? []
    : [
        finding(
          "credentials.orphaned",
          "warning",
          `${count(rows[0]?.total ?? 0, "credential")} of connections that do not exist`,
          {
            numbers: { credentials: rows[0]?.total ?? 0 },
            samples: rows.map(({ connection, tenant }) => ({ tenant, connection })),
            advice:
              "Start the host: it finishes registrations that broke off. What stays is to be revoked and removed.",
          },
        ),
      ]
})
