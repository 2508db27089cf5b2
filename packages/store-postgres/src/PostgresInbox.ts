/**
 * The inbox in PostgreSQL.
 *
 * Deliveries are the runner's business: for most of them nobody knows yet whose
 * they are. Attempts are a tenant's.
 */
import { PgClient } from "@effect/sql-pg"
import { type Ids, Inbox } from "@holdfast/domain"
import { DateTime, Duration, Effect, Layer, type Schema } from "effect"

import { RunnerSql } from "./RunnerSql.ts"
import { ported } from "./Unavailable.ts"

export const layer: Layer.Layer<Inbox.Inbox, never, PgClient.PgClient | RunnerSql> = Layer.effect(
  Inbox.Inbox,
  Effect.gen(function* () {
    const sql = (yield* PgClient.PgClient).withoutTransforms()
    const runner = (yield* RunnerSql).withoutTransforms()

    return Inbox.Inbox.of({
      park: Effect.fn("PostgresInbox.park")(function* (delivery) {
        const { authorization, body, dedupeKey, door, kind, provider, receivedAt, tenantId } = delivery
        const inserted = yield* runner`
          INSERT INTO holdfast.inbox (tenant_id, provider, authorization_ref, door, dedupe_key, kind, body, received_at)
          VALUES (${tenantId ?? null}, ${provider}, ${authorization}, ${door}, ${dedupeKey}, ${kind},
            ${JSON.stringify(body)}::text::jsonb, ${DateTime.formatIso(receivedAt)}::timestamptz)
          ON CONFLICT DO NOTHING RETURNING id`
        return { repeated: inserted.length === 0 }
      }, ported),

      claim: Effect.fn("PostgresInbox.claim")(function* (tenantId, provider, authorization) {
        const rows = yield* runner<Row>`
          WITH claimed AS (
            UPDATE holdfast.inbox SET claims = claims + 1
            WHERE provider = ${provider} AND authorization_ref = ${authorization}
              AND (tenant_id IS NULL OR tenant_id = ${tenantId}) AND outcome IS NULL
            RETURNING *)
          SELECT * FROM claimed ORDER BY id`
        return rows.map((row): Inbox.Parked => Object.assign(clear(row), { body: row.body }))
      }, ported),

      settle: Effect.fn("PostgresInbox.settle")(function* (id, outcome) {
        const rows = yield* runner`
          UPDATE holdfast.inbox SET outcome = ${outcome}, settled_at = clock_timestamp(), body = NULL
          WHERE id = ${id} AND outcome IS NULL RETURNING id`
        return rows.length > 0
      }, ported),

      expire: Effect.fn("PostgresInbox.expire")(function* (after) {
        const rows = yield* runner<SettledRow>`
          WITH expired AS (
            UPDATE holdfast.inbox SET outcome = 'expired', settled_at = clock_timestamp(), body = NULL
            WHERE outcome IS NULL
              AND parked_at <= clock_timestamp() - ${toMillis(after)}::double precision * interval '1 millisecond'
            RETURNING *)
          SELECT * FROM expired ORDER BY id`
        return rows.map(settled)
      }, ported),

      waiting: Effect.gen(function* () {
        const rows = yield* runner<
          Pick<Row, "authorization_ref" | "provider" | "tenant_id"> & { count: number; since: Date }
        >`
          SELECT tenant_id, provider, authorization_ref, count(*)::int AS count, min(received_at) AS since
          FROM holdfast.inbox WHERE outcome IS NULL
          GROUP BY tenant_id, provider, authorization_ref ORDER BY since`
        return rows.map(({ authorization_ref, count, provider, since, tenant_id }) => ({
          tenantId: tenant_id ?? undefined,
          provider,
          authorization: authorization_ref,
          count,
          since: DateTime.fromDateUnsafe(since),
        }))
      }).pipe(Effect.withSpan("PostgresInbox.waiting"), ported),

      settled: Effect.fn("PostgresInbox.settled")(function* (provider, authorization) {
        const rows = yield* runner<SettledRow>`
          SELECT * FROM holdfast.inbox
          WHERE provider = ${provider} AND authorization_ref = ${authorization} AND outcome IS NOT NULL ORDER BY id`
        return rows.map(settled)
      }, ported),

      record: Effect.fn("PostgresInbox.record")(function* (attempt) {
        const { authorization, connectionId = null, door, outcome, provider, tenantId } = attempt
        yield* sql`
          SELECT holdfast.record_attempt(${tenantId}::text, ${provider}::text, ${authorization}::text, ${door}::text,
            ${outcome}::text, ${connectionId}::uuid)`
      }, ported),

      attempts: Effect.fn("PostgresInbox.attempts")(function* (tenantId, about = {}) {
        const rows = yield* sql<AttemptsRow>`
          SELECT * FROM holdfast.attempts_of(
            ${tenantId}::text, ${about.provider ?? null}::text, ${about.authorization ?? null}::text)`
        return rows.map(({ authorization_ref, connection_id, count, first_at, last_at, outcome, door, provider }) => ({
          tenantId,
          provider,
          authorization: authorization_ref,
          door,
          outcome,
          connectionId: connection_id ?? undefined,
          count: Number(count),
          firstAt: DateTime.fromDateUnsafe(first_at),
          lastAt: DateTime.fromDateUnsafe(last_at),
        }))
      }, ported),
    })
  }),
)

interface Row {
  readonly id: bigint
  readonly tenant_id: Ids.TenantId | null
  readonly provider: Ids.ProviderId
  readonly authorization_ref: Ids.AuthorizationRef
  readonly door: string
  readonly dedupe_key: string
  readonly kind: string
  readonly body: Schema.Json
  readonly received_at: Date
  readonly claims: number
}

interface SettledRow extends Row {
  readonly outcome: Inbox.Outcome
  readonly settled_at: Date
}

interface AttemptsRow extends Pick<Row, "authorization_ref" | "door" | "provider"> {
  readonly count: bigint
  readonly first_at: Date
  readonly last_at: Date
  readonly outcome: string
  readonly connection_id: Ids.ConnectionId | null
}

const clear = ({ authorization_ref, claims, dedupe_key, door, id, kind, provider, received_at, tenant_id }: Row) => ({
  id: Number(id),
  tenantId: tenant_id ?? undefined,
  provider,
  authorization: authorization_ref,
  door,
  dedupeKey: dedupe_key,
  kind,
  receivedAt: DateTime.fromDateUnsafe(received_at),
  claims,
})

const settled = (row: SettledRow): Inbox.Settled => ({
  ...clear(row),
  outcome: row.outcome,
  settledAt: DateTime.fromDateUnsafe(row.settled_at),
})

const toMillis = (after: Duration.Input) => Duration.toMillis(Duration.fromInputUnsafe(after))
