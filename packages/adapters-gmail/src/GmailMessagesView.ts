/**
 * The view `gmail_messages`: the tape of every mailbox, one row per message.
 *
 * It holds personal data in the clear, for those whom the host lets read it; the
 * rows of a feed go when the feed is forgotten.
 */
import { type EventStore, Feed, Personal, type Projection } from "@holdfast/domain"
import { DateTime, Option } from "effect"

import type * as Attachments from "./Attachments.ts"
import * as GmailProvider from "./GmailProvider.ts"
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
  /** Bytes of the mail as it arrived. */
  readonly size: number
  /** What is not on the tape because it is too large, known by its digest. Empty where the mail is there whole. */
  readonly omitted: ReadonlyArray<Attachments.Omitted>
  /** Whether its text could be read when it was recorded. Where not, its bytes are what there is. */
  readonly readable: boolean
  /** The watched labels under which the message was seen last, by their ids. */
  readonly seen_under: ReadonlyArray<string>
  /** Where the message was seen last: under one of them, without any, in the trash, among spam, or deleted for good. */
  readonly standing: "there" | "removed" | "trashed" | "spam" | "deleted"
  /** When Google accepted the mail, by Google's clock. */
  readonly received_at: string
  /** When it was recorded, by the sync engine's clock. */
  readonly processed_at: string
  /** Of the event that recorded it. */
  readonly position: number
}

export const name = "gmail_messages"
export const version = 3
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
  omitted: "jsonb",
  readable: "boolean",
  seen_under: "jsonb",
  standing: "text",
  received_at: "timestamptz",
  processed_at: "timestamptz",
  position: "bigint",
}

export const key = ["account_id", "message_id"] as const

export const indexes = [["connection_id"], ["received_at"]] as const

export const codecs = { [Feed.name]: Feed }

/** Messages only: what other providers deliver is in feeds too. */
export const touches = ({ event }: Recorded): ReadonlyArray<Partial<Row>> => {
  const account_id = "accountId" in event ? event.accountId : undefined
  if (account_id === undefined) return []
  switch (event._tag) {
    case "items_recorded":
      if (event.provider !== GmailProvider.id) return []
      return event.personal._tag === "Revealed" ? event.itemIds.map((message_id) => ({ account_id, message_id })) : []
    case "items_observed":
      return event.observed.map(({ item }) => ({ account_id, message_id: item }))
    default:
      return []
  }
}

/** A message never changes: whoever delivers it again, the row stays as it was first recorded. Where it is, may. */
export const evolve = (row: Row | undefined, recorded: Recorded, { message_id }: Partial<Row>): Row | undefined => {
  const { event, position, streamId } = recorded
  if (event._tag === "items_observed") {
    const as = event.observed.findLast(({ item }) => item === message_id)?.as
    return row === undefined || as === undefined ? row : { ...row, ...whereabouts(row, event.source, as) }
  }
  if (row !== undefined || event._tag !== "items_recorded" || event.accountId === undefined) return row
  const items = Option.map(Personal.value(event.personal), (personal) => personal.items)
  const item = Option.getOrUndefined(items)?.[event.itemIds.findIndex((id) => id === message_id)]
  if (item === undefined) return undefined
  const message = Tape.decode(item)
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
    size: message.size ?? message.raw.length,
    omitted: message.omitted ?? [],
    readable: message.mail !== null,
    seen_under: [event.source],
    standing: "there",
    received_at: DateTime.formatIso(message.internalDate),
    processed_at: DateTime.formatIso(event.at),
    position: Number(position),
  }
}

/** What is seen under one label says nothing about another one, but for the trash and what is like it. */
const whereabouts = (
  { seen_under, standing }: Row,
  label: string,
  as: Feed.Observation["as"],
): Pick<Row, "seen_under" | "standing"> => {
  const others = seen_under.filter((id) => id !== label)
  if (as === "returned") return { seen_under: [...others, label].toSorted(), standing: "there" }
  if (as === "removed") return { seen_under: others, standing: others.length === 0 ? "removed" : standing }
  return { seen_under, standing: as }
}

export const patches = ({ event, streamId }: Recorded): ReadonlyArray<Projection.Patch<Row>> =>
  event._tag === "forgotten" ? [{ where: { feed_id: streamId.slice(`${Feed.name}-`.length) }, set: undefined }] : []

type Recorded = EventStore.Recorded<Feed.Event>
