/**
 * What a mail says, read from its bytes without any network: the same bytes give the same value everywhere.
 *
 * Senders are hostile by default. Headers are kept in a `Map`, so that one called `__proto__` is only a header; a date
 * without a zone is no instant; text holds neither NUL nor half characters, which PostgreSQL would refuse. The bytes
 * themselves stay the truth: nothing here replaces them.
 */
import { DateTime, Effect, Option, Schema } from "effect"
import { Hex } from "effect/encoding"
import PostalMime, { type Address as PostalAddress, type Email } from "postal-mime"

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

/** The mail defies its parser: nested or headed beyond reason. Reading it again gives the same. */
export class Unreadable extends Schema.TaggedError<Unreadable>()("Unreadable", {
  sha256: Schema.String,
}) {
  override get message() {
    return "The mail is nested or headed beyond what is read; its bytes are what there is to keep."
  }
}

/** Reads a mail. Bytes that are no mail at all still give one, with nothing in it. */
export const parse = Effect.fn("Mail.parse")(function* (raw: Uint8Array): Effect.fn.Return<Mail, Unreadable> {
  const digest = yield* sha256(raw)
  const email = yield* Effect.tryPromise({
    try: () => PostalMime.parse(raw, limits),
    catch: () => new Unreadable({ sha256: digest }),
  })
  const headers = headersOf(email)
  return {
    messageIdHeader: textOf(email.messageId),
    from: Option.fromNullishOr(mailboxesOf(email.from)[0]),
    to: (email.to ?? []).flatMap(mailboxesOf),
    subject: textOf(email.subject),
    date: dateOf(headers.get("date")?.[0]),
    headers,
    fullText: storable(email.text ?? ""),
    fullHtml: storable(email.html ?? ""),
    sha256: digest,
  }
})

/** The digest by which a mail is recognised, whatever Gmail calls it. */
export const sha256 = (raw: Uint8Array): Effect.Effect<string> =>
  Effect.map(
    Effect.promise(() => crypto.subtle.digest("SHA-256", new Uint8Array(raw))),
    (digest) => Hex.encode(new Uint8Array(digest)),
  )

const limits = { maxNestingDepth: 64, maxHeadersSize: 1024 * 1024, maxRfc822NestingDepth: 4 }

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

/** PostgreSQL keeps no NUL in text. Lone surrogates, which it refuses too, the parser itself replaces. */
const storable = (text: string) => text.replaceAll("\0", "\uFFFD")
