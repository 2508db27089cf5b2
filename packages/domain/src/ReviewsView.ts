/**
 * The view `reviews`: what people are asked, and what they answered. One row for
 * each account that may be one that is held.
 *
 * It holds no personal data: what the accounts are called is in `accounts`. What is asked stays asked when the
 * connection ends, for what it delivered is still nobody's; it goes when the connection is forgotten.
 */
import { DateTime, Effect, type Schema } from "effect"

import * as Connection from "./Connection.ts"
import { type Recorded } from "./EventStore.ts"
import { type AccountId, type ConnectionId, type FeedId, type ReviewId, type TenantId } from "./Ids.ts"
import { type Columns } from "./Projection.ts"
import { type Query, Views } from "./ViewStore.ts"

export type Row = {
  readonly review_id: ReviewId
  readonly connection_id: ConnectionId
  readonly feed_id: FeedId
  /** What the provider calls the account in question. */
  readonly source: string
  readonly level: Connection.Confidence
  /** The likeliest first: `accountId`, `evidence`. */
  readonly candidates: ReadonlyArray<{ readonly [name: string]: Schema.Json }>
  readonly status: "open" | "linked" | "opened"
  /** The answer. */
  readonly account_id: AccountId | null
  readonly opened_at: string
  readonly resolved_at: string | null
  /** The host's own id of whoever answered. */
  readonly resolved_by: string | null
  /** Of the last of its events. */
  readonly position: number
}

export const name = "reviews"
export const version = 2
export const personal = false

export const columns: Columns<Row> = {
  review_id: "uuid",
  connection_id: "uuid",
  feed_id: "uuid",
  source: "text",
  level: "text",
  candidates: "jsonb",
  status: "text",
  account_id: "uuid",
  opened_at: "timestamptz",
  resolved_at: "timestamptz",
  resolved_by: "text",
  position: "bigint",
}

export const key = ["review_id"] as const

export const indexes = [["status"], ["connection_id"]] as const

export const codecs = { [Connection.name]: Connection }

export const types = ["review_opened", "review_resolved", "forgotten"] as const

export const touches = ({ event }: Recorded<Connection.Event>): ReadonlyArray<Partial<Row>> =>
  event._tag === "review_opened" || event._tag === "review_resolved" ? [{ review_id: event.reviewId }] : []

export const evolve = (
  row: Row | undefined,
  { event, metadata, position, streamId }: Recorded<Connection.Event>,
): Row | undefined => {
  switch (event._tag) {
    case "review_opened":
      return {
        review_id: event.reviewId,
        connection_id: Connection.idOf(streamId),
        feed_id: event.feedId,
        source: event.source,
        level: event.level,
        candidates: event.candidates,
        status: "open",
        account_id: null,
        opened_at: DateTime.formatIso(event.at),
        resolved_at: null,
        resolved_by: null,
        position: Number(position),
      }
    case "review_resolved":
      return (
        row && {
          ...row,
          status: event.outcome,
          account_id: event.accountId,
          resolved_at: DateTime.formatIso(event.at),
          resolved_by: metadata.actor.id ?? null,
          position: Number(position),
        }
      )
    default:
      return row
  }
}

export const patches = ({ event, streamId }: Recorded<Connection.Event>) =>
  event._tag === "forgotten" ? [{ where: { connection_id: Connection.idOf(streamId) }, set: undefined }] : []

/** What is not answered yet, oldest first. */
export const open = Effect.fn("ReviewsView.open")(function* (tenantId: TenantId) {
  return yield* select(tenantId, { where: { status: "open" }, orderBy: [["opened_at", "asc"]] })
})

/** One question. */
export const get = Effect.fn("ReviewsView.get")(function* (tenantId: TenantId, reviewId: ReviewId) {
  return (yield* select(tenantId, { where: { review_id: reviewId }, limit: 1 }))[0]
})

const select = (tenantId: TenantId, query: Query<Row>) =>
  Effect.flatMap(Views, (views) => views.query<Row>({ name, version, columns, key, indexes }, tenantId, query))
