/**
 * How a message stands on the tape: whole, byte for byte, beside what was read
 * from it when it arrived.
 */
import { Effect, Option, Result, Schema } from "effect"

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
  /** The mail as it arrived, one character (U+0000 to U+00FF) for each byte: it compresses better than Base64. */
  raw: Schema.String,
  sha256: Schema.String,
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

/** Reads a message and writes it down, whatever is in it. */
export const record = Effect.fn("Tape.record")(function* (message: RawMessage) {
  const { id, internalDate, labelIds, raw, threadId } = message
  const read = yield* Effect.result(Mail.parse(raw))
  return encode({
    id,
    threadId,
    labelIds,
    internalDate,
    raw: Buffer.from(raw).toString("latin1"),
    sha256: Result.match(read, { onFailure: ({ sha256 }) => sha256, onSuccess: ({ sha256 }) => sha256 }),
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
})

/** The bytes of a recorded message, as they arrived. */
export const bytes = ({ raw }: Message): Uint8Array => Buffer.from(raw, "latin1")

const encode = Schema.encodeSync(Message)
