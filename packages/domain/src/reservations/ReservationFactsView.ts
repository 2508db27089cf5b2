/**
 * The view `reservation_facts`: what each archived message says of a reservation,
 * one row for each message of an account.
 *
 * A row is what the extractors of this version make of the tape, and nothing
 * else: another version of an extractor is another version of the view, which is
 * built anew beside the live one. A message that an extractor cannot read keeps
 * nobody waiting: its row says so in `problem`, until a later version reads it.
 *
 * It holds personal data in the clear, for those whom the host lets read it; the
 * rows of a feed go when the feed is forgotten.
 */
import { DateTime, Effect, Option, Schema } from "effect"

import { type Recorded } from "../EventStore.ts"
import * as Feed from "../Feed.ts"
import { type AccountId, type ConnectionId, FeedId, type ProviderId, type TenantId } from "../Ids.ts"
import * as Personal from "../Personal.ts"
import { type Columns, type Projection } from "../Projection.ts"
import { classOf } from "../ProjectionEvents.ts"
import * as Storable from "../Storable.ts"
import { type Query, Views } from "../ViewStore.ts"
import { canonicalCode } from "./Bookings.ts"
import { type Extractor, type Kind, type Platform, ReservationFacts, type Sender } from "./ReservationFacts.ts"

export type Row = {
  /** With the message's id, the key: a message stands once in an account, whoever delivered it. */
  readonly account_id: AccountId
  readonly message_id: Feed.ItemId
  readonly feed_id: FeedId
  readonly connection_id: ConnectionId
  readonly provider: ProviderId
  readonly platform: Platform | null
  readonly kind: Kind
  readonly sender: Sender
  readonly guest_name: string | null
  readonly check_in: string | null
  readonly check_out: string | null
  /** As `Bookings.canonicalCode` writes it. */
  readonly confirmation_code: string | null
  readonly guest_count: number | null
  readonly infants: number | null
  readonly rooms: number | null
  readonly listing: string | null
  /** Of what the message says as a whole, from 0 to 1. */
  readonly confidence: number
  /** Of each value that is known, by its column. */
  readonly confidences: Readonly<Record<string, number>>
  /** Where in the message each value was found, by its column. */
  readonly provenance: Readonly<Record<string, ReadonlyArray<string>>>
  readonly decision: ReservationFacts["decision"]
  readonly reasons: ReadonlyArray<string>
  /** The version of the extractor. */
  readonly extractor: number
  /** When the message was received, by the provider's clock. */
  readonly received_at: string
  /** Why the message could not be read, by class; what it says is on the tape all the same. */
  readonly problem: string | null
  /** Of the event that recorded the message. */
  readonly position: number
}

export const name = "reservation_facts"

/** Of the rows' shape. A view's version is a thousand times this, and the versions of its extractors. */
const structure = 1

export const columns: Columns<Row> = {
  account_id: "uuid",
  message_id: "text",
  feed_id: "uuid",
  connection_id: "uuid",
  provider: "text",
  platform: "text",
  kind: "text",
  sender: "text",
  guest_name: "text",
  check_in: "date",
  check_out: "date",
  confirmation_code: "text",
  guest_count: "bigint",
  infants: "bigint",
  rooms: "bigint",
  listing: "text",
  confidence: "double precision",
  confidences: "jsonb",
  provenance: "jsonb",
  decision: "text",
  reasons: "jsonb",
  extractor: "bigint",
  received_at: "timestamptz",
  problem: "text",
  position: "bigint",
}

export const key = ["account_id", "message_id"] as const

export const indexes = [["confirmation_code"], ["check_in", "platform"], ["connection_id"], ["feed_id"]] as const

/** The view, read by these extractors, by provider. Items of other providers are passed over. */
export const make = (extractors: Readonly<Record<string, Extractor>>): Projection<Row, Feed.Event> => ({
  name,
  version: Object.values(extractors).reduce((sum, { version }) => sum + version, structure * 1_000),
  columns,
  key,
  indexes,
  personal: true,
  codecs: { [Feed.name]: Feed },
  types: ["items_recorded", "forgotten"],
  touches: ({ event }) => {
    if (event._tag !== "items_recorded" || event.personal._tag !== "Revealed") return []
    const { accountId: account_id, provider } = event
    if (account_id === undefined || provider === undefined || !Object.hasOwn(extractors, provider)) return []
    return event.itemIds.map((message_id) => ({ account_id, message_id }))
  },
  /** A message never changes: whoever delivers it again, the row stays as it was first recorded. */
  evolve: (row, recorded, key) => row ?? rowOf(extractors, recorded, key),
  patches: ({ event, streamId }) =>
    event._tag === "forgotten" ? [{ where: { feed_id: feedOf(streamId) }, set: undefined }] : [],
})

/** The messages with these ids, whatever their accounts. */
export const ofMessages = Effect.fn("ReservationFactsView.ofMessages")(function* (
  tenantId: TenantId,
  messages: ReadonlyArray<Pick<Row, "account_id" | "message_id">>,
) {
  if (messages.length === 0) return []
  const rows = yield* select(tenantId, {
    where: {
      account_id: [...new Set(messages.map(({ account_id }) => account_id))],
      message_id: [...new Set(messages.map(({ message_id }) => message_id))],
    },
  })
  const isAsked = new Set(messages.map(addressOf))
  return rows.filter((row) => isAsked.has(addressOf(row)))
})

/** The messages about reservations with one of these codes, or an arrival on one of these days. */
export const about = Effect.fn("ReservationFactsView.about")(function* (
  tenantId: TenantId,
  platform: Platform,
  { codes = [], days = [] }: { readonly codes?: ReadonlyArray<string>; readonly days?: ReadonlyArray<string> },
) {
  const coded = codes.length === 0 ? [] : yield* select(tenantId, { where: { platform, confirmation_code: codes } })
  const dated = days.length === 0 ? [] : yield* select(tenantId, { where: { platform, check_in: days } })
  return [...new Map([...coded, ...dated].map((row) => [addressOf(row), row])).values()]
})

/** What a connection brought, newest first. */
export const ofConnection = Effect.fn("ReservationFactsView.ofConnection")(function* (
  tenantId: TenantId,
  connectionId: ConnectionId,
  options: { readonly limit?: number | undefined } = {},
) {
  return yield* select(tenantId, {
    where: { connection_id: connectionId },
    orderBy: [["received_at", "desc"]],
    limit: options.limit,
  })
})

/** What an extractor could not read, oldest first. */
export const quarantined = Effect.fn("ReservationFactsView.quarantined")(function* (tenantId: TenantId) {
  const rows = yield* select(tenantId, { where: { kind: "unknown" }, orderBy: [["position", "asc"]] })
  return rows.filter(({ problem }) => problem !== null)
})

const select = (tenantId: TenantId, query: Query<Row>) =>
  Effect.flatMap(Views, (views) =>
    views.query<Row>({ name, version: structure * 1_000, columns, key, indexes }, tenantId, query),
  )

/** None of the parts contains a space. */
const addressOf = ({ account_id, message_id }: Pick<Row, "account_id" | "message_id">) => `${account_id} ${message_id}`

const feedOf = (streamId: string): FeedId => FeedId.make(streamId.slice(Feed.name.length + 1))

const rowOf = (
  extractors: Readonly<Record<string, Extractor>>,
  { event, position, streamId }: Recorded<Feed.Event>,
  { message_id }: Partial<Row>,
): Row | undefined => {
  if (event._tag !== "items_recorded" || event.accountId === undefined || event.provider === undefined) return undefined
  const items = Option.map(Personal.value(event.personal), ({ items }) => items)
  const item = Option.getOrUndefined(items)?.[event.itemIds.findIndex((id) => id === message_id)]
  const extractor = extractors[event.provider]
  if (item === undefined || extractor === undefined || message_id === undefined) return undefined
  const unread: Row = {
    ...nothing,
    account_id: event.accountId,
    message_id,
    feed_id: feedOf(streamId),
    connection_id: event.connectionId,
    provider: event.provider,
    extractor: extractor.version,
    received_at: DateTime.formatIso(event.at),
    position: Number(position),
  }
  try {
    const received_at = DateTime.formatIso(extractor.receivedAt?.(item) ?? event.at)
    const row = { ...unread, received_at, ...told(extractor.extract(item)) }
    return isSound(row) ? row : { ...unread, problem: "UnstorableFacts" }
  } catch (defect) {
    return { ...unread, problem: classOf(defect) }
  }
}

const nothing = {
  platform: null,
  kind: "unknown",
  sender: "unproven",
  guest_name: null,
  check_in: null,
  check_out: null,
  confirmation_code: null,
  guest_count: null,
  infants: null,
  rooms: null,
  listing: null,
  confidence: 0,
  confidences: {},
  provenance: {},
  decision: "none",
  reasons: [],
  problem: null,
} as const satisfies Partial<Row>

const told = (facts: ReservationFacts) => {
  const { confidence, confirmationCode, decision, kind, platform, reasons, sender } = facts
  const values = {
    guest_name: facts.guestName,
    check_in: facts.checkIn,
    check_out: facts.checkOut,
    confirmation_code: confirmationCode && { ...confirmationCode, value: canonicalCode(confirmationCode.value) },
    guest_count: facts.guestCount,
    infants: facts.infants,
    rooms: facts.rooms,
    listing: facts.listing,
  }
  const confidences: Record<string, number> = {}
  const provenance: Record<string, ReadonlyArray<string>> = {}
  for (const [column, value] of Object.entries(values)) {
    if (value === null) continue
    confidences[column] = value.confidence
    provenance[column] = value.sources
  }
  return {
    platform,
    kind,
    sender,
    guest_name: values.guest_name?.value ?? null,
    check_in: values.check_in?.value ?? null,
    check_out: values.check_out?.value ?? null,
    confirmation_code: values.confirmation_code?.value ?? null,
    guest_count: values.guest_count?.value ?? null,
    infants: values.infants?.value ?? null,
    rooms: values.rooms?.value ?? null,
    listing: values.listing?.value ?? null,
    confidence,
    confidences,
    provenance,
    decision,
    reasons,
  }
}

/** What an extractor may get wrong and no view can hold; an index takes no long text. */
const isSound = (row: Row) =>
  isTold(row.kind) &&
  (row.confirmation_code ?? "").length <= 200 &&
  row.reasons.every((reason) => typeof reason === "string") &&
  Storable.canHold({ columns }, row)

const isTold = Schema.is(ReservationFacts.fields.kind)
