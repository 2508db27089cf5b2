/**
 * How a message stands on the tape: whole, byte for byte, beside what was read
 * from it when it arrived.
 */
import { Context, Effect, Option, Result, Schema } from "effect"

import * as Attachments from "./Attachments.ts"
import { LabelId, MessageId, type RawMessage } from "./GmailApi.ts"
import * as Mail from "./Mail.ts"

/**
 * An item of a Gmail feed. All of it is personal data.
 *
 * This is the storage format: fields are added, never renamed or repurposed.
 */
export const Message = Schema.Struct({
  id: MessageId,
  threadId: Schema.String,
  labelIds: Schema.Array(LabelId),
  /** When Google accepted the mail, by Google's clock. */
  internalDate: Schema.DateTimeUtcFromString,
  /**
   * The mail as it arrived, one character (U+0000 to U+00FF) for each byte: it compresses better than Base64. Without
   * what was `omitted`.
   */
  raw: Schema.String,
  /** Of the mail as it arrived, nothing omitted. */
  sha256: Schema.String,
  /** Bytes of the mail as it arrived, where something was omitted. */
  size: Schema.optionalKey(Schema.Natural),
  /** Attachments that are too large to be kept, in order of appearance. Each is known by its digest. */
  omitted: Schema.optionalKey(Schema.Array(Attachments.Omitted)),
  /** What it said to the parser of the day; null when it defied it. */
  mail: Schema.NullOr(
    Schema.Struct({
      messageId: Schema.NullOr(Schema.String),
      from: Schema.NullOr(Mail.Address),
      to: Schema.Array(Mail.Address),
      subject: Schema.NullOr(Schema.String),
      date: Schema.NullOr(Schema.DateTimeUtcFromString),
      /** Name and value, in order of appearance. */
      headers: Schema.Array(Schema.Tuple([Schema.String, Schema.String])),
      fullText: Schema.String,
      fullHtml: Schema.String,
    }),
  ),
})
export type Message = typeof Message.Type

/**
 * Bytes of attachments that are kept with a mail; `Infinity` keeps all of them. Where a mail has more, the largest are
 * recorded by digest and size until the others fit.
 */
export const AttachmentBytes = Context.Reference("@holdfast/adapters-gmail/AttachmentBytes", {
  defaultValue: () => 10_000_000,
})

/** Reads a message and writes it down, whatever is in it; with the bytes that this takes. */
export const record = Effect.fn("Tape.record")(function* (message: RawMessage) {
  const { id, internalDate, labelIds, threadId } = message
  const limit = yield* AttachmentBytes
  const { omission, raw }: Attachments.Kept =
    message.omission === undefined ? Attachments.omitLargest(message.raw, limit) : message
  const digest = Mail.sha256(raw)
  const read = yield* Effect.result(Mail.parse(raw, digest))
  const content = encode({
    id,
    threadId,
    labelIds,
    internalDate,
    raw: Buffer.from(raw.buffer, raw.byteOffset, raw.length).toString("latin1"),
    sha256: digest,
    ...omission,
    mail: Result.match(read, {
      onFailure: () => null,
      onSuccess: (mail) => ({
        messageId: Option.getOrNull(mail.messageIdHeader),
        from: Option.getOrNull(mail.from),
        to: mail.to,
        subject: Option.getOrNull(mail.subject),
        date: Option.getOrNull(mail.date),
        headers: [...mail.headers].flatMap(([name, values]) => values.map((value) => [name, value] as const)),
        fullText: mail.fullText,
        fullHtml: mail.fullHtml,
      }),
    }),
  })
  return { content, size: raw.length }
})

/** The bytes of a recorded message, as they arrived, but for attachments that were omitted. */
export const bytes = ({ raw }: Message): Uint8Array => Buffer.from(raw, "latin1")

/** An item of a feed as the message that it is. That it is none is a defect: only this adapter writes them. */
export const decode = Schema.decodeUnknownSync(Message)

const encode = Schema.encodeSync(Message)
