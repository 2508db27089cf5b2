/** How a connection stands: whether it works, and if not, who has to do what. */
import { GmailProvider, GmailSecret, Labels } from "@holdfast/adapters-gmail"
import { Aggregate, Connection, type ConnectionsView, Controls, Feed, Ids, Vault } from "@holdfast/domain"
import { DateTime, Effect, HashMap, Schema } from "effect"

import { nameOf } from "./ControlsApi.ts"

export const Standing = Schema.Struct({
  connection_id: Ids.ConnectionId,
  provider: Ids.ProviderId,
  status: Schema.String,
  /**
   * What keeps it from working, and only a person can mend: `consent` by its owner, the choice of a `label`, or the
   * choice what a `mailbox` is that was not the one to be mended.
   */
  waits_for: Schema.NullOr(Schema.Literals(["consent", "label", "mailbox"])),
  /** The switch that keeps it from being synced. */
  disabled: Schema.NullOr(Schema.String),
  /** When a look was last recorded: of those that find nothing, one an hour is. */
  last_synced_at: Schema.NullOr(Schema.String),
  /** Why the last sync gave up, and until when the provider wants to be left alone. */
  sync_failure: Schema.NullOr(Schema.String),
  retry_at: Schema.NullOr(Schema.String),
  /** Why the provider does not honour the authorization. */
  failure: Schema.NullOr(Schema.String),
  error_count: Schema.Natural,
  items_synced: Schema.Natural,
  /** Items that are listed and could not be had so far. Each look asks for them again. */
  deferred: Schema.Natural,
  /** By how many items the provider counts more than are known, and what that is taken for. */
  drift: Schema.NullOr(Schema.Struct({ items: Schema.Int, verdict: Schema.Literals(["suspected", "unexplained"]) })),
  /** Of a mailbox: the label that it watches, or is to watch. */
  label: Schema.NullOr(Schema.String),
})
export type Standing = typeof Standing.Type

export const of = Effect.fn("Standing.of")(function* (tenantId: Ids.TenantId, row: ConnectionsView.Row) {
  const { connection_id, provider, status } = row
  const { state } = yield* loadConnection(tenantId, connection_id)
  const feeds = yield* Effect.forEach(Object.keys(state.cursors), (feedId) =>
    loadFeed(tenantId, Ids.FeedId.make(feedId)),
  )
  const switchedOff = Controls.hindrance(yield* Controls.standing(tenantId), {
    provider,
    connectionId: connection_id,
  })
  const retryAt = Connection.heldUntil(state, yield* DateTime.now)
  return {
    connection_id,
    provider,
    status,
    waits_for: yield* waitsFor(tenantId, row),
    disabled: switchedOff === undefined ? null : nameOf(switchedOff),
    last_synced_at: row.last_synced_at,
    sync_failure: row.sync_failure,
    retry_at: retryAt === undefined ? null : DateTime.formatIso(retryAt),
    failure: row.failure,
    error_count: row.error_count,
    items_synced: row.items_synced,
    deferred: feeds.reduce((sum, feed) => sum + HashMap.size(feed.state.deferred), 0),
    drift: driftOf(state),
    label: provider === GmailProvider.id ? (Labels.wantedOf(row.settings).name ?? null) : null,
  } satisfies Standing
})

/** Only the vault knows whether somebody who was sent to Google came back. */
const waitsFor = Effect.fnUntraced(function* (tenantId: Ids.TenantId, row: ConnectionsView.Row) {
  if (row.status === "needs_reauth") return "consent"
  if (row.status === "active") return lackOfLabel.has(row.sync_failure ?? "") ? "label" : null
  if (row.status !== "pending") return null
  if (row.provider !== GmailProvider.id) return "consent"
  const consent = yield* (yield* Vault.Vault).get(tenantId, row.connection_id).pipe(
    Effect.map(({ secret }) => GmailSecret.read(secret)),
    Effect.catchTags({ CredentialsNotFound: () => Effect.undefined, CredentialsUnreadable: () => Effect.undefined }),
  )
  if (consent?._tag === "Granted") return "label"
  return consent?._tag === "Offered" && DateTime.isLessThan(yield* DateTime.now, consent.until) ? "mailbox" : "consent"
})

/** What a sync gives up with where the label is the reason. */
const lackOfLabel: ReadonlySet<string> = new Set(["SourceNotConfigured", "SourceNotFound", "SourceReplaced"])

const driftOf = ({ drifts }: Connection.State): Standing["drift"] => {
  for (const { items, verdict } of Object.values(drifts)) if (verdict !== "none") return { items, verdict }
  return null
}

const loadConnection = Aggregate.load(Connection)
const loadFeed = Aggregate.load(Feed)
