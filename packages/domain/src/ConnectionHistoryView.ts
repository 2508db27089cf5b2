/**
 * The view `connection_history`: what happened to connections, one row for each
 * event, for people who ask who did what, when and why.
 *
 * It holds no personal data. The history of a connection stays when the
 * connection is forgotten; that it was forgotten is its last row.
 */
import { DateTime, Effect, type Schema } from "effect"

import * as Connection from "./Connection.ts"
import { type Recorded } from "./EventStore.ts"
import { type Actor, type ConnectionId, type TenantId } from "./Ids.ts"
import { type Columns } from "./Projection.ts"
import { type Query, Views } from "./ViewStore.ts"

export type Row = {
  readonly connection_id: ConnectionId
  /** Of the event in the connection's stream, from 1. */
  readonly version: number
  readonly event_type: Connection.Event["_tag"]
  /** When it happened, by the clock of whoever reported it. */
  readonly at: string
  /** When it was stored, by the store's clock. */
  readonly recorded_at: string
  readonly actor_kind: Actor["kind"]
  /** The host's own id of the actor. */
  readonly actor_id: string | null
  /** With `reconnected`: the connection it goes on from. */
  readonly previous_connection_id: ConnectionId | null
  readonly confidence: Connection.Confidence | null
  /** With `connected`: where the news came in. */
  readonly door: Connection.Door | null
  /** What else is worth telling of this event, a few short values. */
  readonly detail: { readonly [name: string]: Schema.Json }
  readonly position: number
}

export const name = "connection_history"
export const version = 2
export const personal = false

export const columns: Columns<Row> = {
  connection_id: "uuid",
  version: "bigint",
  event_type: "text",
  at: "timestamptz",
  recorded_at: "timestamptz",
  actor_kind: "text",
  actor_id: "text",
  previous_connection_id: "uuid",
  confidence: "text",
  door: "text",
  detail: "jsonb",
  position: "bigint",
}

export const key = ["connection_id", "version"] as const

export const indexes = [["position"]] as const

export const codecs = { [Connection.name]: Connection }

export const touches = ({ streamId, version }: Recorded<Connection.Event>): ReadonlyArray<Partial<Row>> => [
  { connection_id: Connection.idOf(streamId), version },
]

export const evolve = (_: Row | undefined, recorded: Recorded<Connection.Event>): Row => {
  const { event, metadata, position, recordedAt, streamId, version } = recorded
  const isSuccession = event._tag === "reconnected"
  return {
    connection_id: Connection.idOf(streamId),
    version,
    event_type: event._tag,
    at: DateTime.formatIso(event.at),
    recorded_at: DateTime.formatIso(recordedAt),
    actor_kind: metadata.actor.kind,
    actor_id: metadata.actor.id ?? null,
    previous_connection_id: isSuccession ? event.previous : null,
    confidence: isSuccession ? event.confidence : null,
    door: event._tag === "connected" ? event.door : null,
    detail: detailOf(event),
    position: Number(position),
  }
}

/** The history of one connection, oldest first. */
export const of = Effect.fn("ConnectionHistoryView.of")(function* (tenantId: TenantId, connectionId: ConnectionId) {
  return yield* select(tenantId, { where: { connection_id: connectionId }, orderBy: [["version", "asc"]] })
})

/** The last things that happened in a tenant, newest first. */
export const recent = Effect.fn("ConnectionHistoryView.recent")(function* (tenantId: TenantId, limit: number) {
  return yield* select(tenantId, { orderBy: [["position", "desc"]], limit })
})

const select = (tenantId: TenantId, query: Query<Row>) =>
  Effect.flatMap(Views, (views) => views.query<Row>({ name, version, columns, key, indexes }, tenantId, query))

const detailOf = (event: Connection.Event): Row["detail"] => {
  switch (event._tag) {
    case "configured":
      return { provider: event.provider, pollIntervalSeconds: event.pollIntervalSeconds }
    case "connected":
      return {
        provider: event.provider,
        pollIntervalSeconds: event.pollIntervalSeconds,
        credentialVersion: event.credentialVersion,
        scopes: event.scopes,
      }
    case "reconnected":
      return {
        evidence: event.evidence,
        ...(event.accounts !== undefined && { accounts: event.accounts }),
        ...(event.callsSaved !== undefined && { callsSaved: event.callsSaved }),
      }
    case "accounts_matched":
      return { policy: event.policy, decisions: event.decisions, notShared: event.notShared }
    case "review_opened":
      return {
        reviewId: event.reviewId,
        source: event.source,
        level: event.level,
        candidates: event.candidates.map(({ accountId }) => accountId),
      }
    case "review_resolved":
      return { reviewId: event.reviewId, outcome: event.outcome, accountId: event.accountId }
    case "token_refreshed":
      return { credentialVersion: event.credentialVersion }
    case "synced":
      return {
        feedId: event.feedId,
        run: event.run,
        items: event.items,
        complete: event.complete,
        ...(event.drift !== undefined && { drift: event.drift }),
      }
    case "sync_failed":
      return {
        reason: event.reason,
        retryable: event.retryable,
        ...(event.retryAt !== undefined && { retryAt: DateTime.formatIso(event.retryAt) }),
      }
    case "authorization_failed":
    case "disconnected":
      return { reason: event.reason }
    case "superseded":
      return { by: event.by }
    case "paused":
    case "resumed":
      return event.reason === undefined ? {} : { reason: event.reason }
    case "expiry_noticed":
      return { expiresAt: DateTime.formatIso(event.expiresAt) }
    case "expiry_withdrawn":
    case "forgotten":
      return {}
  }
}
