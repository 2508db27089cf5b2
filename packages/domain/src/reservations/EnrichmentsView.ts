/**
 * The view `enrichments`: everything that mails told bookings, one row each, and
 * what became of it.
 *
 * It holds personal data in the clear, for those whom the host lets read it: the
 * values go when the connection that they came from, or the booking's own history,
 * is forgotten.
 */
import { DateTime, Effect, Option } from "effect"

import * as Connection from "../Connection.ts"
import { categoryOf, type Recorded } from "../EventStore.ts"
import { type AccountId, type ConnectionId, type TenantId } from "../Ids.ts"
import * as Personal from "../Personal.ts"
import { type Columns, type Patch } from "../Projection.ts"
import { type Query, Views } from "../ViewStore.ts"
import { type BookingId, type Field, type Values } from "./Bookings.ts"
import * as EnrichedBooking from "./EnrichedBooking.ts"

export type Row = {
  readonly booking_id: BookingId
  /** Which of the booking's enrichments, from 1. */
  readonly number: number
  readonly account_id: AccountId
  readonly message_id: string
  readonly connection_id: ConnectionId
  /** The version of the extractor that read the message. */
  readonly extractor: number
  /** What the booking was recognised by. */
  readonly match: EnrichedBooking.Enrichment["match"]
  readonly confidence: number
  readonly fields: ReadonlyArray<Field>
  /** The values without mails, and with this one; null once they are forgotten. */
  readonly before: Values | null
  readonly after: Values | null
  /** `intended` and `undone`: the host's booking may not show it yet. */
  readonly status: "intended" | "applied" | "undone" | "taken_back"
  readonly why: EnrichedBooking.Why | null
  /** When it was decided, by the clock of the run. */
  readonly enriched_at: string
  readonly changed_at: string
  /** Of the last of its events. */
  readonly position: number
}

export const name = "enrichments"
export const version = 1
export const personal = true

export const columns: Columns<Row> = {
  booking_id: "text",
  number: "bigint",
  account_id: "uuid",
  message_id: "text",
  connection_id: "uuid",
  extractor: "bigint",
  match: "text",
  confidence: "double precision",
  fields: "jsonb",
  before: "jsonb",
  after: "jsonb",
  status: "text",
  why: "text",
  enriched_at: "timestamptz",
  changed_at: "timestamptz",
  position: "bigint",
}

export const key = ["booking_id", "number"] as const

export const indexes = [["status"], ["message_id"], ["connection_id"]] as const

export const codecs = { [EnrichedBooking.name]: EnrichedBooking, [Connection.name]: Connection }

export type Event = EnrichedBooking.Event | Connection.Event

export const types = [
  "booking_enriched",
  "enrichment_applied",
  "enrichment_undone",
  "enrichment_taken_back",
  "forgotten",
] as const

export const touches = ({ event, streamId }: Recorded<Event>): ReadonlyArray<Partial<Row>> =>
  "number" in event ? [{ booking_id: EnrichedBooking.idOf(streamId), number: event.number }] : []

export const evolve = (row: Row | undefined, { event, position, streamId }: Recorded<Event>): Row | undefined => {
  const last = { changed_at: DateTime.formatIso(event.at), position: Number(position) }
  switch (event._tag) {
    case "booking_enriched": {
      const change = Option.getOrUndefined(Personal.value(event.personal))
      return {
        booking_id: EnrichedBooking.idOf(streamId),
        number: event.number,
        account_id: event.fact.accountId,
        message_id: event.fact.messageId,
        connection_id: event.connectionId,
        extractor: event.extractor,
        match: event.match,
        confidence: event.confidence,
        fields: event.fields,
        before: change?.before ?? null,
        after: change?.after ?? null,
        status: "intended",
        why: null,
        enriched_at: last.changed_at,
        ...last,
      }
    }
    case "enrichment_applied":
      return row && { ...row, status: "applied", ...last }
    case "enrichment_undone":
      return row && { ...row, status: "undone", why: event.why, ...last }
    case "enrichment_taken_back":
      return row && { ...row, status: "taken_back", ...last }
    default:
      return row
  }
}

export const patches = ({ event, streamId }: Recorded<Event>): ReadonlyArray<Patch<Row>> => {
  if (event._tag !== "forgotten") return []
  return categoryOf(streamId) === Connection.name
    ? [{ where: { connection_id: Connection.idOf(streamId) }, set: { before: null, after: null } }]
    : [{ where: { booking_id: EnrichedBooking.idOf(streamId) }, set: undefined }]
}

/** What mails told a booking, oldest first. */
export const ofBooking = Effect.fn("EnrichmentsView.ofBooking")(function* (tenantId: TenantId, bookingId: BookingId) {
  return yield* select(tenantId, { where: { booking_id: bookingId } })
})

/** What these messages told bookings, and was not taken back. */
export const ofMessages = Effect.fn("EnrichmentsView.ofMessages")(function* (
  tenantId: TenantId,
  messages: ReadonlyArray<string>,
) {
  if (messages.length === 0) return []
  return yield* select(tenantId, { where: { message_id: messages, status: ["intended", "applied", "undone"] } })
})

/** What was told and not taken back. */
export const standing = Effect.fn("EnrichmentsView.standing")(function* (tenantId: TenantId) {
  return yield* select(tenantId, { where: { status: ["intended", "applied", "undone"] } })
})

/** What the host's bookings may not show yet. */
export const unsettled = Effect.fn("EnrichmentsView.unsettled")(function* (tenantId: TenantId) {
  return yield* select(tenantId, { where: { status: ["intended", "undone"] } })
})

const select = (tenantId: TenantId, query: Query<Row>) =>
  Effect.flatMap(Views, (views) => views.query<Row>({ name, version, columns, key, indexes }, tenantId, query))
