/**
 * How a message stands on the tape: whole, byte for byte, beside what was read
 * from it when it arrived.
 */
import { AppendRequest } from "@holdfast/domain"
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
  /** Attachments and whatever else is too large to be kept, in order of appearance. Each is known by its digest. */
  omitted: Schema.optionalKey(Schema.Array(Attachments.Omitted)),
  /** What it said to the parser of the day; null when it defied it, or said more than there was room for. */
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
 * Bytes of attachments that are kept with a mail; `Infinity` keeps all that {@link MailBytes} have room for. Where a mail
 * has more, the largest are recorded by digest and size until the others fit.
 */
export const AttachmentBytes = Context.Reference("@holdfast/adapters-gmail/AttachmentBytes", {
  defaultValue: () => 10_000_000,
})

/**
 * Bytes that a mail takes on the tape without what it says, as JSON before it is compressed: two for a byte that is no
 * ASCII, and up to six for a control. Where a mail has more, the largest of whatever is in it (attachments, texts,
 * headers of parts, what stands between them) is recorded by digest and size until the rest fits. At most 36 MiB are
 * kept, whatever is set: the log takes no event of more than 48.
 */
export const MailBytes = Context.Reference("@holdfast/adapters-gmail/MailBytes", { defaultValue: () => 20_000_000 })

/** The log takes this for one event with all that is in it, so that no mail can make one that it refuses. */
const eventAtMost = AppendRequest.limits.sealed - 64 * 1024

/** Leaves room for what the mail says, and for what was left out of it: there are some 20,000 stretches at most. */
const mailAtMost = 36 * 1024 * 1024

/** How much of a mail is kept. */
export const limits: Effect.Effect<Attachments.Limits> = Effect.gen(function* () {
  return { attachmentBytes: yield* AttachmentBytes, mailBytes: Math.min(yield* MailBytes, mailAtMost) }
})

/** Reads a message and writes it down, whatever is in it; with the bytes that this takes. */
export const record = Effect.fn("Tape.record")(function* (message: RawMessage) {
  const { id, internalDate, labelIds, threadId } = message
  const { omission, raw }: Attachments.Kept =
    message.omission === undefined ? Attachments.omitLargest(message.raw, yield* limits) : message
  const forms = Mail.formsOf(raw)
  const read = yield* Effect.result(Mail.parse(raw, forms))
  const said = Result.match(read, { onFailure: () => null, onSuccess: saidIn })
  const content = encode({
    id,
    threadId,
    labelIds,
    internalDate,
    raw: forms.characters(),
    sha256: forms.sha256,
    ...omission,
    mail: said !== null && hasRoom(raw, omission, said) ? said : null,
  })
  return { content, size: raw.length }
})

/** The bytes of a recorded message, as they arrived, but for attachments that were omitted. */
export const bytes = ({ raw }: Message): Uint8Array => Buffer.from(raw, "latin1")

/** An item of a feed as the message that it is. That it is none is a defect: only this adapter writes them. */
export const decode = Schema.decodeUnknownSync(Message)

const encode = Schema.encodeSync(Message)

const saidIn = (mail: Mail.Mail): NonNullable<Message["mail"]> => ({
  messageId: Option.getOrNull(mail.messageIdHeader),
  from: Option.getOrNull(mail.from),
  to: mail.to,
  subject: Option.getOrNull(mail.subject),
  date: Option.getOrNull(mail.date),
  headers: [...mail.headers].flatMap(([name, values]) => values.map((value) => [name, value] as const)),
  fullText: mail.fullText,
  fullHtml: mail.fullHtml,
})

/** Whether what a mail says fits beside it: a text can be several times as long as the bytes that it was read from. */
const hasRoom = (raw: Uint8Array, omission: Attachments.Omission | undefined, said: NonNullable<Message["mail"]>) => {
  const { fullHtml, fullText, ...rest } = said
  const characters = raw.length + fullHtml.length + fullText.length
  if (characters <= surelyFit && omission === undefined) return true
  const room = eventAtMost - Attachments.bytesOnTape(raw) - Buffer.byteLength(JSON.stringify([rest, omission ?? null]))
  return jsonBytes(fullText, room) + jsonBytes(fullHtml, room) <= room
}

/** Characters of a mail and its texts that leave room for all headers that are read, whatever they are. */
const surelyFit = 4_000_000

/** Bytes of a text as JSON; `Infinity` where it has more characters than there is room for. */
const jsonBytes = (text: string, room: number): number => {
  if (text.length > room) return Infinity
  let escapes = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code < 0x20) escapes += 5
    else if (code === quote || code === backslash) escapes++
  }
  return Buffer.byteLength(text) + escapes
}

const [quote, backslash] = [0x22, 0x5c]
