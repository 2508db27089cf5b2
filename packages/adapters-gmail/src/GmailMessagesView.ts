/**
 * The view `gmail_messages`: the tape of every mailbox, one row per message.
 *
 * It holds personal data in the clear, for those whom the host lets read it; the
 * rows of a feed go when the feed is forgotten.
 */
import { type EventStore, Feed, Personal, type Projection } from "@holdfast/domain"
import { DateTime, Option, Schema } from "effect"

import * as Tape from "./Tape.ts"

export type Row = {
  /** With the message's id, the key: a message stands once in an account, whoever delivered it. */
  readonly account_id: string
  readonly message_id: string
  readonly feed_id: string
  readonly connection_id: string
  readonly thread_id: string
  readonly label_ids: ReadonlyArray<string>
  /** The sender's own name for the mail, from its headers. */
  readonly message_id_header: string | null
  readonly sender: string | null
  readonly recipients: ReadonlyArray<string>
  readonly subject: string | null
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>
  readonly full_text: string | null
  readonly full_html: string | null
  /** Of the bytes as they arrived. */
  readonly sha256: string
  /** Bytes. */
  readonly size: number
  /** When Google accepted the mail, by Google's clock. */
  readonly received_at: string
  /** When it was recorded, by the sync engine's clock. */
  readonly processed_at: string
  /** Of the event that recorded it. */
  readonly position: number
}

export const name = "gmail_messages"
export const version = 1
export const personal = true

export const columns: Projection.Columns<Row> = {
  account_id: "uuid",
  message_id: "text",
  feed_id: "uuid",
  connection_id: "uuid",
  thread_id: "text",
  label_ids: "jsonb",
  message_id_header: "text",
  sender: "text",
  recipients: "jsonb",
  subject: "text",
  headers: "jsonb",
  full_text: "text",
  full_html: "text",
  sha256: "text",
  size: "bigint",
  received_at: "timestamptz",
  processed_at: "timestamptz",
  position: "bigint",
}

export const key = ["account_id", "message_id"] as const

export const indexes = [["connection_id"], ["received_at"]] as const

export const codecs = { [Feed.name]: Feed }

export const touches = ({ event }: Recorded): ReadonlyArray<Partial<Row>> => {
  if (event._tag !== "items_recorded" || event.personal._tag !== "Revealed") return []
  const { accountId: account_id } = event
  return account_id === undefined ? [] : event.itemIds.map((message_id) => ({ account_id, message_id }))
}

/** A message never changes: whoever delivers it again, the row stays as it was first recorded. */
export const evolve = (row: Row | undefined, recorded: Recorded, { message_id }: Partial<Row>): Row | undefined => {
  const { event, position, streamId } = recorded
  if (row !== undefined || event._tag !== "items_recorded" || event.accountId === undefined) return row
  const items = Option.map(Personal.value(event.personal), (personal) => personal.items)
  const item = Option.getOrUndefined(items)?.[event.itemIds.findIndex((id) => id === message_id)]
  if (item === undefined) return undefined
  const message = decode(item)
  return {
    account_id: event.accountId,
    message_id: message.id,
    feed_id: streamId.slice(`${Feed.name}-`.length),
    connection_id: event.connectionId,
    thread_id: message.threadId,
    label_ids: message.labelIds,
    message_id_header: message.mail?.messageId ?? null,
    sender: message.mail?.from?.address ?? null,
    recipients: message.mail?.to.map(({ address }) => address) ?? [],
    subject: message.mail?.subject ?? null,
    headers: message.mail?.headers ?? [],
    full_text: message.mail?.fullText ?? null,
    full_html: message.mail?.fullHtml ?? null,
    sha256: message.sha256,
    size: message.raw.length,
    received_at: DateTime.formatIso(message.internalDate),
    processed_at: DateTime.formatIso(event.at),
    position: Number(position),
  }
}

export const patches = ({ event, streamId }: Recorded): ReadonlyArray<Projection.Patch<Row>> =>
  event._tag === "forgotten" ? [{ where: { feed_id: streamId.slice(`${Feed.name}-`.length) }, set: undefined }] : []

type Recorded = EventStore.Recorded<Feed.Event>

const decode = Schema.decodeUnknownSync(Tape.Message)
