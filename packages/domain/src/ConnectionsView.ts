/**
 * The view `connections`: every connection as it stands, one row each.
 *
 * It holds no personal data; what an owner calls an account is in the log, sealed.
 * The row of a connection goes when the connection is forgotten.
 */
import { DateTime, Effect } from "effect"

import * as Connection from "./Connection.ts"
import { type Recorded } from "./EventStore.ts"
import { type ConnectionId, type OwnerId, type ProviderId, type TenantId } from "./Ids.ts"
import { type Columns } from "./Projection.ts"
import { type Query, Views } from "./ViewStore.ts"

export type Row = {
  readonly connection_id: ConnectionId
  readonly status: Exclude<Connection.Status, "absent">
  readonly provider: ProviderId
  readonly owner_id: OwnerId
  readonly slot: string | null
  readonly authorization: string | null
  /** A keyed hash. */
  readonly identity: string | null
  readonly credential_version: number
  readonly poll_interval_seconds: number
  readonly settings: Connection.Settings
  /** What the connection is for, as the host or the adapter named it in its settings: a bank, a label. */
  readonly name: string | null
  readonly is_reconnection: boolean
  /** The connection that this one goes on from. */
  readonly reconnected_from: ConnectionId | null
  readonly reconnection_confidence: Connection.Confidence | null
  readonly superseded_by: ConnectionId | null
  /** Why the provider does not honour the authorization, until it does again. */
  readonly failure: Connection.AuthorizationFailure | null
  /** Why the last sync gave up, until one does not. */
  readonly sync_failure: string | null
  /** What went wrong since it last went right. */
  readonly error_count: number
  /** When the provider announced that the authorization ends. */
  readonly expires_at: string | null
  /** When the owner consented last. */
  readonly connected_at: string | null
  readonly last_synced_at: string | null
  /** Items that were new when they were fetched, over the connection's whole life. */
  readonly items_synced: number
  /** Outside accounts that it delivers, where they are told apart. */
  readonly total_accounts: number
  /** Items that its accounts hold through it: those that were held when it took over, and those it brought. */
  readonly total_transactions: number
  /** When the last of its events happened, by the clock of whoever reported it. */
  readonly changed_at: string
  /** Of the last of its events. */
  readonly position: number
}

export const name = "connections"
export const version = 2
export const personal = false

export const columns: Columns<Row> = {
  connection_id: "uuid",
  status: "text",
  provider: "text",
  owner_id: "text",
  slot: "text",
  authorization: "text",
  identity: "text",
  credential_version: "bigint",
  poll_interval_seconds: "bigint",
  settings: "jsonb",
  name: "text",
  is_reconnection: "boolean",
  reconnected_from: "uuid",
  reconnection_confidence: "text",
  superseded_by: "uuid",
  failure: "text",
  sync_failure: "text",
  error_count: "bigint",
  expires_at: "timestamptz",
  connected_at: "timestamptz",
  last_synced_at: "timestamptz",
  items_synced: "bigint",
  total_accounts: "bigint",
  total_transactions: "bigint",
  changed_at: "timestamptz",
  position: "bigint",
}

export const key = ["connection_id"] as const

export const indexes = [["owner_id", "provider"], ["slot"], ["status"]] as const

export const codecs = { [Connection.name]: Connection }

export const touches = ({ streamId }: Recorded<Connection.Event>): ReadonlyArray<Partial<Row>> => [
  { connection_id: Connection.idOf(streamId) },
]

export const evolve = (
  row: Row | undefined,
  { event, position, streamId }: Recorded<Connection.Event>,
): Row | undefined => {
  const last = { changed_at: DateTime.formatIso(event.at), position: Number(position) }
  switch (event._tag) {
    case "configured":
      return {
        ...(row ?? { ...unconnected, connection_id: Connection.idOf(streamId) }),
        ...planOf(event),
        ...last,
      }
    case "connected":
      return {
        ...(row ?? { ...unconnected, connection_id: Connection.idOf(streamId) }),
        ...planOf(event),
        ...healed,
        status: "active",
        authorization: event.authorization,
        identity: event.identity ?? row?.identity ?? null,
        credential_version: event.credentialVersion,
        superseded_by: null,
        connected_at: last.changed_at,
        ...last,
      }
    case "forgotten":
      return undefined
  }
  if (row === undefined) return undefined
  switch (event._tag) {
    case "reconnected":
      return {
        ...row,
        is_reconnection: true,
        reconnected_from: event.previous,
        reconnection_confidence: event.confidence,
        total_transactions: row.total_transactions + (event.accounts ?? []).reduce((sum, { kept }) => sum + kept, 0),
        ...last,
      }
    case "accounts_matched": {
      const linked = event.decisions.filter(({ accountId }) => accountId !== undefined).length
      return { ...row, total_accounts: row.total_accounts + linked, ...last }
    }
    case "review_opened":
      return { ...row, ...last }
    case "review_resolved":
      return {
        ...row,
        total_accounts: row.total_accounts + 1,
        total_transactions: row.total_transactions + (event.kept ?? 0),
        ...last,
      }
    case "token_refreshed": {
      const credential_version = Math.max(row.credential_version, event.credentialVersion)
      return row.status === "needs_reauth"
        ? { ...row, ...healed, status: "active", credential_version, ...last }
        : { ...row, credential_version, ...last }
    }
    case "synced":
      return {
        ...row,
        sync_failure: null,
        error_count: 0,
        last_synced_at: last.changed_at,
        items_synced: row.items_synced + event.items,
        total_transactions: row.total_transactions + event.items,
        ...last,
      }
    case "sync_failed":
      return { ...row, sync_failure: event.reason, error_count: row.error_count + 1, ...last }
    case "authorization_failed":
      if (event.reason === "identity_mismatch") return { ...row, ...last }
      return {
        ...row,
        status: row.status === "active" ? "needs_reauth" : row.status,
        failure: event.reason,
        error_count: row.error_count + 1,
        ...last,
      }
    case "superseded":
      return { ...row, status: "superseded", superseded_by: event.by, ...last }
    case "paused":
      return { ...row, status: "paused", ...last }
    case "resumed":
      return { ...row, ...healed, status: "active", superseded_by: null, ...last }
    case "expiry_noticed":
      return { ...row, expires_at: DateTime.formatIso(event.expiresAt), ...last }
    case "expiry_withdrawn":
      return { ...row, expires_at: null, ...last }
    case "disconnected":
      return { ...row, status: "disconnected", ...last }
  }
}

/** One connection. */
export const get = Effect.fn("ConnectionsView.get")(function* (tenantId: TenantId, connectionId: ConnectionId) {
  const rows = yield* select(tenantId, { where: { connection_id: connectionId }, limit: 1 })
  return rows[0]
})

/** The connections that are in use at a provider for an owner: active, or waiting for the owner. Newest consent first. */
export const active = Effect.fn("ConnectionsView.active")(function* (
  tenantId: TenantId,
  ownerId: OwnerId,
  provider: ProviderId,
) {
  const rows = yield* select(tenantId, {
    where: { owner_id: ownerId, provider },
    orderBy: [
      ["connected_at", "desc"],
      ["connection_id", "asc"],
    ],
  })
  return rows.filter(({ status }) => status === "active")
})

/**
 * The live connection in a slot. For what must not be a moment old, ask the store who holds
 * {@link Connection.slotClaim}: views follow the log, claims are part of the append.
 */
export const bySlot = Effect.fn("ConnectionsView.bySlot")(function* (tenantId: TenantId, slot: string) {
  const rows = yield* select(tenantId, { where: { slot } })
  return rows.find(({ status }) => status === "active" || status === "needs_reauth" || status === "paused")
})

/** How these connections stand. Those that are not known are not in it. */
export const statuses = Effect.fn("ConnectionsView.statuses")(function* (
  tenantId: TenantId,
  connectionIds: ReadonlyArray<ConnectionId>,
) {
  const rows = yield* select(tenantId, { where: { connection_id: [...new Set(connectionIds)] } })
  return new Map(rows.map(({ connection_id, status }) => [connection_id, status]))
})

/** A tenant's connections, of one owner, provider or status where these are given. */
export const list = Effect.fn("ConnectionsView.list")(function* (
  tenantId: TenantId,
  where: Partial<Pick<Row, "owner_id" | "provider" | "status">> = {},
) {
  return yield* select(tenantId, { where, orderBy: [["connection_id", "asc"]] })
})

const select = (tenantId: TenantId, query: Query<Row>) =>
  Effect.flatMap(Views, (views) => views.query<Row>({ name, version, columns, key, indexes }, tenantId, query))

type Plan = Extract<Connection.Event, { readonly _tag: "configured" | "connected" }>

const planOf = ({ ownerId, pollIntervalSeconds, provider, settings, slot }: Plan) => ({
  provider,
  owner_id: ownerId,
  poll_interval_seconds: pollIntervalSeconds,
  settings,
  name: typeof settings["name"] === "string" ? settings["name"] : null,
  ...(slot !== undefined && { slot }),
})

/** Nothing is wrong, as far as anybody knows. */
const healed = { failure: null, sync_failure: null, error_count: 0, expires_at: null }

const unconnected = {
  status: "pending",
  slot: null,
  authorization: null,
  identity: null,
  credential_version: 0,
  is_reconnection: false,
  reconnected_from: null,
  reconnection_confidence: null,
  superseded_by: null,
  connected_at: null,
  last_synced_at: null,
  items_synced: 0,
  total_accounts: 0,
  total_transactions: 0,
  ...healed,
} as const
