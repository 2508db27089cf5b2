/**
 * The view `enrichment_review_items`: what people are asked about messages that no
 * booking could be told from, and what came of it.
 *
 * It holds no personal data: what a message says is in `reservation_facts`. The
 * rows of a connection go when it is forgotten.
 */
import { DateTime, Effect } from "effect"

import * as Connection from "../Connection.ts"
import { categoryOf, type Recorded } from "../EventStore.ts"
import { type AccountId, type ConnectionId, type ReviewId, type TenantId } from "../Ids.ts"
import { type Columns, type Patch } from "../Projection.ts"
import { type Query, Views } from "../ViewStore.ts"
import { type Doubt } from "./BookingMatching.ts"
import { type BookingId } from "./Bookings.ts"
import * as EnrichmentReview from "./EnrichmentReview.ts"

export type Row = {
  readonly review_id: ReviewId
  readonly connection_id: ConnectionId
  readonly account_id: AccountId
  readonly message_id: string
  readonly reason: Doubt
  /** The bookings that it may be about; none where none is known. */
  readonly candidates: ReadonlyArray<BookingId>
  /** `applied` and `lapsed`: it closed by itself. `chosen` and `dismissed`: a person answered. */
  readonly status: "open" | "applied" | "lapsed" | "chosen" | "dismissed"
  /** What it was about in the end. */
  readonly booking_id: BookingId | null
  /** How often it was asked, the candidates having changed: what an answer says it has `seen`. */
  readonly asked: number
  readonly opened_at: string
  readonly resolved_at: string | null
  /** The host's own id of whoever answered. */
  readonly resolved_by: string | null
  /** Of the last of its events. */
  readonly position: number
}

export const name = "enrichment_review_items"
export const version = 1
export const personal = false

export const columns: Columns<Row> = {
  review_id: "uuid",
  connection_id: "uuid",
  account_id: "uuid",
  message_id: "text",
  reason: "text",
  candidates: "jsonb",
  status: "text",
  booking_id: "text",
  asked: "bigint",
  opened_at: "timestamptz",
  resolved_at: "timestamptz",
  resolved_by: "text",
  position: "bigint",
}

export const key = ["review_id"] as const

export const indexes = [["status"], ["message_id"], ["connection_id"]] as const

export const codecs = { [EnrichmentReview.name]: EnrichmentReview, [Connection.name]: Connection }

export type Event = EnrichmentReview.Event | Connection.Event

export const types = ["enrichment_review_opened", "enrichment_review_resolved", "forgotten"] as const

export const touches = ({ event }: Recorded<Event>): ReadonlyArray<Partial<Row>> =>
  event._tag === "enrichment_review_opened" || event._tag === "enrichment_review_resolved"
    ? [{ review_id: event.reviewId }]
    : []

export const evolve = (row: Row | undefined, { event, metadata, position }: Recorded<Event>): Row | undefined => {
  switch (event._tag) {
    case "enrichment_review_opened": {
      const at = DateTime.formatIso(event.at)
      return {
        review_id: event.reviewId,
        connection_id: event.connectionId,
        account_id: event.fact.accountId,
        message_id: event.fact.messageId,
        reason: event.doubt,
        candidates: event.candidates,
        status: "open",
        booking_id: null,
        asked: 1 + (row?.asked ?? 0),
        opened_at: row?.status === "open" ? row.opened_at : at,
        resolved_at: null,
        resolved_by: null,
        position: Number(position),
      }
    }
    case "enrichment_review_resolved":
      return (
        row && {
          ...row,
          status: event.outcome,
          booking_id: event.bookingId ?? null,
          resolved_at: DateTime.formatIso(event.at),
          resolved_by: metadata.actor.id ?? null,
          position: Number(position),
        }
      )
    default:
      return row
  }
}

export const patches = ({ event, streamId }: Recorded<Event>): ReadonlyArray<Patch<Row>> =>
  event._tag === "forgotten" && categoryOf(streamId) === Connection.name
    ? [{ where: { connection_id: Connection.idOf(streamId) }, set: undefined }]
    : []

/** What is not answered yet, oldest first. */
export const open = Effect.fn("EnrichmentReviewsView.open")(function* (tenantId: TenantId) {
  return yield* select(tenantId, { where: { status: "open" }, orderBy: [["opened_at", "asc"]] })
})

/** What was ever asked about the messages of a connection, oldest first. */
export const ofConnection = Effect.fn("EnrichmentReviewsView.ofConnection")(function* (
  tenantId: TenantId,
  connectionId: ConnectionId,
) {
  return yield* select(tenantId, { where: { connection_id: connectionId }, orderBy: [["opened_at", "asc"]] })
})

/** One question. */
export const get = Effect.fn("EnrichmentReviewsView.get")(function* (tenantId: TenantId, reviewId: ReviewId) {
  return (yield* select(tenantId, { where: { review_id: reviewId }, limit: 1 }))[0]
})

/** What is asked about these messages. */
export const openAbout = Effect.fn("EnrichmentReviewsView.openAbout")(function* (
  tenantId: TenantId,
  messages: ReadonlyArray<string>,
) {
  return messages.length === 0 ? [] : yield* select(tenantId, { where: { status: "open", message_id: messages } })
})

const select = (tenantId: TenantId, query: Query<Row>) =>
  Effect.flatMap(Views, (views) => views.query<Row>({ name, version, columns, key, indexes }, tenantId, query))
