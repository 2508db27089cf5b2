/**
 * What a mail says, read from its bytes without any network: the same bytes give the same value everywhere.
 *
 * Senders are hostile by default. Headers are kept in a `Map`, so that one called `__proto__` is only a header; a date
 * without a zone is no instant; text holds neither NUL nor half characters, which PostgreSQL would refuse. The bytes
 * themselves stay the truth: nothing here replaces them.
 */
import { isUtf8 } from "node:buffer"
import { createHash } from "node:crypto"

import { DateTime, Effect, Option, Schema } from "effect"
import PostalMime, { type Address as PostalAddress, type Email } from "postal-mime"

import * as Bodies from "./Bodies.ts"
import { isCharset } from "./Charsets.ts"
import { once } from "./extraction/Once.ts"
import * as Parts from "./Parts.ts"
import { storable } from "./Storable.ts"

export const Address = Schema.Struct({
  /** The display name, decoded; empty if there is none. Whatever the sender likes to claim. */
  name: Schema.String,
  address: Schema.String,
})
export type Address = typeof Address.Type

/** A mail as it reads. All of it is personal data. */
export const Mail = Schema.Struct({
  /** The `Message-ID` with its angle brackets: the sender's name for the mail, neither unique nor to be trusted. */
  messageIdHeader: Schema.Option(Schema.String),
  from: Schema.Option(Address),
  to: Schema.Array(Address),
  subject: Schema.Option(Schema.String),
  /** The sender's clock, where the `Date` header names a zone. */
  date: Schema.Option(Schema.DateTimeUtc),
  /** By lower-case name, in order of appearance; unfolded, otherwise as sent. */
  headers: Schema.ReadonlyMap(Schema.String, Schema.Array(Schema.String)),
  /** The text parts, with what stands between them only in html as text; empty if there is no text part at all. */
  fullText: Schema.String,
  /** The html parts, with what stands between them only in text as html; empty if there is no html part at all. */
  fullHtml: Schema.String,
  /** Of the whole mail as it arrived, in lower-case hexadecimal. */
  sha256: Schema.String,
})
export type Mail = typeof Mail.Type

/** The mail defies its parser: in pieces, nested or headed beyond reason. Reading it again gives the same. */
export class Unreadable extends Schema.TaggedError<Unreadable>()("Unreadable", {
  sha256: Schema.String,
}) {
  override get message() {
    return "The mail is in pieces, nested or headed beyond what is read; its bytes are what there is to keep."
  }
}

/** A mail in what other forms it is needed in. */
export interface Forms {
  /** Of the whole mail as it arrived, in lower-case hexadecimal. */
  readonly sha256: string
  /** One (U+0000 to U+00FF) for each byte, made when they are first asked for. */
  readonly characters: () => string
}

export const formsOf = (raw: Uint8Array): Forms => ({
  sha256: sha256(raw),
  characters: once(() => bufferOf(raw).toString("latin1")),
})

/**
 * Reads a mail, of which there may be other forms already. Bytes that are no mail at all still give one, with nothing in
 * it.
 */
export const parse = Effect.fn("Mail.parse")(function* (
  raw: Uint8Array,
  forms = formsOf(raw),
): Effect.fn.Return<Mail, Unreadable> {
  const { email, html, text } = yield* Effect.tryPromise({
    try: () => read(bufferOf(raw), forms),
    catch: () => new Unreadable({ sha256: forms.sha256 }),
  })
  const headers = headersOf(email)
  return {
    messageIdHeader: textOf(email.messageId),
    from: Option.fromNullishOr(mailboxesOf(email.from)[0]),
    to: (email.to ?? []).flatMap(mailboxesOf),
    subject: textOf(email.subject),
    date: dateOf(headers.get("date")?.[0]),
    headers,
    fullText: text,
    fullHtml: html,
    sha256: forms.sha256,
  }
})

/** Whatever there is to mend is outside of the bodies that are set aside, so that these are not searched for it. */
const read = async (raw: Buffer, { characters, sha256 }: Forms) => {
  const setAside = (mail: Buffer, manner?: Bodies.Manner) =>
    Bodies.setAside(mail, sha256, mail === raw ? characters : once(() => mail.toString("latin1")), manner)
  const written = withLineFeeds(raw)
  const first = setAside(written)
  const mail = hasOddCharset(first.mail) ? withKnownCharsets(written) : written
  const aside = mail === written ? first : setAside(mail)
  const ways: ReadonlyArray<() => Bodies.SetAside> = [
    () => aside,
    () => setAside(mail, { long: 100, attachedMails: "read", heads: "plain" }),
    () => ({ ...aside, mail, bodies: [], left: mail.length }),
    () => setAside(withSingleReturns(mail), { long: 1, attachedMails: "read", heads: "any" }),
    () => setAside(withSingleReturns(mail), { long: 1, attachedMails: "left", heads: "any" }),
  ]
  for (const [at, way] of ways.entries()) {
    const aside = way()
    if (!isBounded(aside)) continue
    const forceRfc822Attachments = at === ways.length - 1
    const email = await PostalMime.parse(mended(aside.mail), { ...limits, forceRfc822Attachments })
    const texts = await Bodies.putBack(aside, textsOf(email))
    if (texts !== null) return { email, ...texts }
  }
  throw new Error("beyond what is read")
}

/**
 * Whether there is little enough of a mail for its parser, whatever it may be: ten microseconds go by for a line, more
 * for a part and an attached mail, and the square of the length for html that is read as text. A text that is all of the
 * mail is not read as anything else, and may be longer.
 */
const isBounded = ({ left, mail }: Bodies.SetAside): boolean => {
  const head = mail.toString("latin1", 0, headersAtMost)
  const end = /^\r*\n|\n\r*\n/.exec(head)
  if (end === null) return mail.length <= headersAtMost
  const start = end.index + end[0].length
  if (mail.length - start <= severalAtMost) return true
  if (mail.length - start > oneAtMost) return false
  return isOne(head.slice(0, start))
    ? hasFewLines(mail, linesAtMost.one)
    : left - start <= severalAtMost && hasFewLines(mail, linesAtMost.several)
}

const [severalAtMost, oneAtMost] = [16 * 1024, 1024 * 1024]
const linesAtMost = { several: 10_000, one: 30_000 }

/** Whether a mail with these headers is one text or one file, and surely neither parts nor another mail. */
const isOne = (head: string): boolean =>
  (head.match(/^.*content-type.*$/gim) ?? []).every((header) => isPlainLeaf.test(header))

const isPlainLeaf = /^content-type:[ \t]*(?!multipart|message)[\w.+-]+\/[\w.+-]+[ \t]*(?:[;(]|\r?$)/i

const hasFewLines = (mail: Buffer, atMost: number): boolean => {
  let lines = 0
  for (let at = mail.indexOf(lineFeed); at !== -1 && lines <= atMost; at = mail.indexOf(lineFeed, at + 1)) lines++
  return lines <= atMost
}

const textsOf = ({ html = "", text = "" }: Email): Bodies.Texts => ({ html: storable(html), text: storable(text) })

const bufferOf = (raw: Uint8Array) => Buffer.from(raw.buffer, raw.byteOffset, raw.length)

/** The digest by which a mail is recognised, whatever Gmail calls it. */
export const sha256 = (raw: Uint8Array): string => createHash("sha256").update(raw).digest("hex")

/** Dies on a runtime that reads windows-1252 as Latin-1, as some do: every euro sign would be lost without a word. */
export const ensureDecoder: Effect.Effect<void> = Effect.suspend(() =>
  new TextDecoder("windows-1252").decode(Uint8Array.of(0x80)) === "€"
    ? Effect.void
    : Effect.die(new Error("This runtime does not read windows-1252: use Node 22.19 or later")),
)

/** With line feeds for the line ends of a bygone system. */
const withLineFeeds = (mail: Buffer): Buffer =>
  mail.includes(lineFeed) || !mail.includes(carriageReturn)
    ? mail
    : Buffer.from(mail.map((byte) => (byte === carriageReturn ? lineFeed : byte)))

/** With one carriage return at most before each line feed: broken gateways write several. */
const withSingleReturns = (mail: Buffer): Buffer =>
  mail.includes("\r\r\n") ? Buffer.from(mail.toString("latin1").replace(/\r+\n/g, "\r\n"), "latin1") : mail

const withKnownCharsets = (mail: Buffer): Buffer => {
  const mend = isUtf8(mail) ? (header: string) => known(unquoted(header)) : unquoted
  const text = mail.toString("latin1")
  let count = 0
  const mended = text.replace(contentTypes, (header) => (count++ < charsetsAtMost ? mend(header) : header))
  return mended === text ? mail : Buffer.from(mended, "latin1")
}

/** The mail with what else its parser does not forgive put right. Mostly the mail itself. */
const mended = (mail: Buffer): Buffer => {
  const end = headEnd(mail, headersAtMost)
  const head = mail.subarray(0, end)
  const joined = withJoinedWords(head)
  return shown(joined === head ? mail : Buffer.concat([joined, mail.subarray(end)]))
}

/** Headers, no character of which is split over two words. */
const withJoinedWords = (head: Buffer): Buffer => {
  if (!head.includes("?=")) return head
  const text = head.toString("latin1")
  const joined = text.replace(splitWords, joinedWords)
  return joined === text ? head : Buffer.from(joined, "latin1")
}

/** Mails that are attached are what is passed on: they are read as if they stood in this one. */
const shown = (mail: Buffer): Buffer => {
  if (!mail.includes("rfc822")) return mail
  const pieces: Array<Buffer> = []
  let from = 0
  for (const { contentType, head, start } of Parts.partsOf(mail)) {
    if (contentType !== "message/rfc822" || head < from) continue
    const headers = mail.toString("latin1", head, start).replace(attached, "Content-Disposition: inline")
    const end = start + headEnd(mail.subarray(start), attachedHeadersAtMost)
    pieces.push(mail.subarray(from, head), Buffer.from(headers, "latin1"), withJoinedWords(mail.subarray(start, end)))
    from = end
  }
  return pieces.length === 0 ? mail : Buffer.concat([...pieces, mail.subarray(from)])
}

const attached = /^content-disposition:[ \t]*(?:\r?\n[ \t]+)?"?attachment\b"?/im

/** Where the headers end, before the empty line. */
const headEnd = (mail: Buffer, atMost: number): number => {
  const start = mail.subarray(0, atMost)
  const blanks = [start.indexOf("\r\n\r\n"), start.indexOf("\n\n"), start.indexOf("\n\r\n")]
  return Math.min(start.length, ...blanks.filter((at) => at !== -1))
}

const [lineFeed, carriageReturn] = [0x0a, 0x0d]
const headersAtMost = 256 * 1024
/** There may be thousands of attached mails. */
const attachedHeadersAtMost = 16 * 1024

const contentTypes = /^content-type:[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*/gim

/** In single quotes, which are no quotes here. */
const unquoted = (header: string) => header.replace(/charset='([^'\s;]*)'/i, 'charset="$1"')

/** A charset that nobody has heard of is the one that nearly everybody writes. */
const known = (header: string) =>
  header.replace(/charset="?([\w.:+-]+)"?/i, (written, charset: string) =>
    isCharset(charset) ? written : "charset=utf-8",
  )

const hasOddCharset = (mail: Buffer): boolean => {
  let at = mail.indexOf("charset=")
  for (let count = 0; at !== -1 && count < charsetsAtMost; count++) {
    const [, quote, charset = ""] = /^(["']?)([\w.:+-]*)/.exec(mail.toString("latin1", at + 8, at + 40)) ?? []
    if (quote === "'" || (charset !== "" && !isCharset(charset))) return true
    at = mail.indexOf("charset=", at + 1)
  }
  return false
}

const charsetsAtMost = 1_000

/** Encoded words one after the other, in one charset and encoding. */
const splitWords = /=\?([^?\s]+)\?([bq])\?[^?\s]*\?=(?:\s+=\?\1\?\2\?[^?\s]*\?=)+/gi

/** As one word, where one of them ends within a character; as they are where none does. */
const joinedWords = (words: string, charset: string, encoding: string): string => {
  const isBase64 = encoding.toLowerCase() === "b"
  const payloads = Array.from(words.matchAll(/\?[bq]\?([^?\s]*)\?=/gi), ([, payload = ""]) => payload)
  const contents = payloads.map((payload) =>
    isBase64
      ? Buffer.from(payload, "base64")
      : Buffer.from(
          payload.replace(/=([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))),
          "latin1",
        ),
  )
  if (contents.every((content) => isWhole(charset, content))) return words
  const payload = isBase64 ? Buffer.concat(contents).toString("base64") : payloads.join("")
  return `=?${charset}?${encoding}?${payload}?=`
}

const isWhole = (charset: string, content: Uint8Array) => {
  if (/^utf-?8$/i.test(charset)) return isUtf8(content)
  try {
    new TextDecoder(charset, { fatal: true }).decode(content)
    return true
  } catch {
    return false
  }
}

const limits = {
  maxNestingDepth: 64,
  maxHeadersSize: headersAtMost,
  maxRfc822NestingDepth: Bodies.attachedMailsAtMost,
}

const headersOf = (email: Email): ReadonlyMap<string, ReadonlyArray<string>> => {
  const headers = new Map<string, Array<string>>()
  for (const { key, value } of email.headers) {
    const name = storable(key)
    const values = headers.get(name)
    if (values === undefined) headers.set(name, [storable(value)])
    else values.push(storable(value))
  }
  return headers
}

const mailboxesOf = (address: PostalAddress | undefined): ReadonlyArray<Address> =>
  (address?.group ?? (address === undefined ? [] : [address])).map((mailbox) => ({
    name: storable(mailbox.name),
    address: storable(mailbox.address ?? ""),
  }))

const textOf = (text: string | undefined) => Option.map(Option.fromNullishOr(text), storable)

const dateOf = (header = ""): Option.Option<DateTime.Utc> => {
  const date = header.replace(/\([^()]*\)/g, "").trim()
  const namesZone = /(?:[+-]\d{4}|\b(?:UTC?|GMT|Z|[ECMP][SD]T))$/i.test(date)
  return namesZone ? DateTime.make(date) : Option.none()
}
