/**
 * The bodies of a mail, set aside while its parser reads the rest. The parser goes line by line and joins what it has
 * read through a `Blob`, which is most of the time that a mail takes; it decodes attachments that nobody reads; and some
 * texts take it the square of their length, so that it is given short ones alone.
 *
 * It gets a mark in the place of each, and what becomes of the marks tells whether both read the mail alike: each comes
 * out once, in the sort of text that its part says, and once more where that stands between texts of the other sort.
 * Where one does not, what is set aside here is not what the parser has read. What is written plainly is set aside:
 * without comments, and with no line that might end the part; only where that leaves too much, what is written oddly, too.
 */
import { isUtf8 } from "node:buffer"

import { isCharset } from "./Charsets.ts"
import * as HtmlText from "./HtmlText.ts"
import * as Parts from "./Parts.ts"
import { storable } from "./Storable.ts"

export interface SetAside {
  /** The mail, with marks for its bodies. */
  readonly mail: Buffer
  readonly bodies: ReadonlyArray<Body>
  /** How the marks begin, as nothing else in the mail does: it is made from the digest of the whole mail. */
  readonly stem: string
  /** How many of the bytes after the headers are of the mail itself: the rest is marks, and heads made for them. */
  readonly left: number
}

export interface Texts {
  readonly text: string
  readonly html: string
}

interface Body {
  /** Read as a line of its own. */
  readonly mark: string
  /** As what its part is read; null where it is no text that is read. */
  readonly as: keyof Texts | null
  /** As text that can be stored. */
  readonly read: () => string
}

export interface Manner {
  /** Bytes from which on a body is set aside. */
  readonly long: number
  /** Whether mails that are attached are read, or are attachments like others. */
  readonly attachedMails: "read" | "left"
  /** Whether a part is set aside whose head leaves doubt how it is written. The parser then gets a head without. */
  readonly heads: "plain" | "any"
}

/** What is fastest: a shorter body takes the parser less time than a mark. */
const usual: Manner = { long: 4_000, attachedMails: "read", heads: "plain" }

/** Sets bodies of the mail with this digest aside. There is a character for each of its bytes. */
export const setAside = (mail: Buffer, digest: string, characters: () => string, manner: Manner = usual): SetAside => {
  const stem = `${digest.slice(0, 40)}-`
  const bodies: Array<Body> = []
  const room = { flowed: 1_000_000 }
  const made = { length: 0 }
  const marked = withMarks({ mail, characters, manner, stem, bodies, room, made }, 0)
  return { mail: marked, bodies, stem, left: marked.length - made.length }
}

/** A mail, or one that is attached to it. */
interface Level {
  readonly mail: Buffer
  readonly characters: () => string
  readonly manner: Manner
  readonly stem: string
  /** All that is set aside, in order of appearance. */
  readonly bodies: Array<Body>
  /** Bytes of text whose lines go on that may still be put together; what is longer stays in its lines. */
  readonly room: { flowed: number }
  /** What is written in the place of bodies. */
  readonly made: { length: number }
}

const withMarks = (level: Level, depth: number): Buffer => {
  const { characters, mail, manner } = level
  const { around, boundaries, parts } = Parts.structureOf(mail)
  const isUsual = boundaries.size <= boundariesAtMost
  if (isUsual && [...boundaries].some((boundary) => isDoubtful(mail, boundary))) return mail
  const isLeft = manner.attachedMails === "left" || parts.some(({ contentType }) => reports.has(contentType))
  const pieces: Array<Buffer> = []
  let from = 0
  const place = (start: number, written: string, end: number) => {
    pieces.push(mail.subarray(from, start), Buffer.from(written, "latin1"))
    level.made.length += written.length
    from = end
  }
  for (const part of around.length === 0 ? parts : inOrder(parts, around)) {
    if (part.head === undefined) {
      const isLong = part.end - part.start >= manner.long
      if (!isLong || mayEnd(mail.subarray(part.start, part.end), unread, boundaries)) continue
      // Where its mark is read, the parser has read the mail in another way.
      const mark = markFor(level, null, () => "")
      place(part.start, mark, part.end)
      continue
    }
    // The parser ends the last line of an attached mail itself.
    const end = depth === 0 && part.end === mail.length ? beforeLastBreak(mail, part) : part.end
    const body = mail.subarray(part.start, end)
    const form = body.length < manner.long ? null : formOf(level, part, isLeft, depth)
    if (form === null || (manner.heads === "plain" && mayEnd(body, form, boundaries))) continue
    if (form.as === "mail") {
      const isCoded = form.encoding === "base64"
      const attached = isCoded ? fromBase64(characters().slice(part.start, end)) : body
      if (isCoded && mayEnd(attached, unread, boundaries)) continue
      const written = isCoded ? () => attached.toString("latin1") : () => characters().slice(part.start, end)
      const shown = withShownHeaders(withMarks({ ...level, mail: attached, characters: written }, depth + 1))
      if (isCoded) place(part.head, `Content-Type: ${part.contentType}\r\n\r\n`, part.start)
      pieces.push(mail.subarray(from, part.start), shown)
      from = end
      continue
    }
    const { as } = form
    const isFlowed = form.flow !== null && (level.room.flowed -= end - part.start) >= 0
    const read = isFlowed ? form : { ...form, flow: null }
    const mark = markFor(level, as, () => textOf(level, part, end, read))
    // The line of its boundary is no more than a line.
    if (part.head - from < lineAtMost) level.made.length += part.head - from
    if (part.head > 0) place(part.head, `${headAs(part, as)}${mark}`, end)
    else if (depth === 0) place(part.start, marked(mark, form.encoding, body), end)
    else place(0, `${shownHeaders(mail.toString("latin1", 0, part.start))}${headAs(part, as)}${mark}`, end)
  }
  return pieces.length === 0 ? mail : Buffer.concat([...pieces, mail.subarray(from)])
}

const inOrder = (parts: ReadonlyArray<Parts.Part>, around: ReadonlyArray<Parts.Between>) =>
  [...parts, ...around].toSorted((one, other) => one.start - other.start || one.end - other.end)

const markFor = ({ bodies, stem }: Level, as: Body["as"], read: Body["read"]): string => {
  const mark = `${stem}${bodies.length}-`
  bodies.push({ mark, as, read })
  return mark
}

/** The head of a part of which only this is to be known: the mark is written as it is read. */
const headAs = ({ contentType, headers }: Parts.Part, as: keyof Texts | null): string => {
  if (as === null) return `Content-Type: ${contentType}\r\nContent-Disposition: attachment\r\n\r\n`
  return Parts.header(headers, "content-type") === "" ? "\r\n" : `Content-Type: ${contentType}\r\n\r\n`
}

/** An attached mail with those of its headers that are shown before its text, and those that say how it is written. */
const withShownHeaders = (mail: Buffer): Buffer => {
  const head = /^[^]*?\n\r?\n/.exec(mail.toString("latin1", 0, attachedHeadAtMost))?.[0] ?? ""
  if (!plainHead.test(head)) return mail
  const shown = shownHeaders(head, /^(?:from|to|cc|bcc|subject|date|content-[\w-]+):/i)
  return Buffer.concat([Buffer.from(`${shown}\r\n`, "latin1"), mail.subarray(head.length)])
}

const shownHeaders = (head: string, shown = /^(?:from|to|cc|bcc|subject|date):/i): string =>
  (head.match(/^[^ \t\r\n][^\n]*\n(?:[ \t][^\n]*\n)*/gm) ?? []).filter((header) => shown.test(header)).join("")

const attachedHeadAtMost = 64 * 1024

const textOf = ({ characters, mail }: Level, part: Parts.Part, end: number, form: Form): string => {
  const body = mail.subarray(part.start, end)
  const text = decoded(
    form.encoding === "base64"
      ? fromBase64(characters().slice(part.start, end))
      : form.encoding === "quoted"
        ? quotedLinesOf(body)
        : linesOf(body),
    form.charset,
  )
  return form.flow === null ? text : unfolded(text, form.flow)
}

/** Text whose lines go on after a space at their end, as one line; a line that begins with a space has one too many. */
const unfolded = (text: string, flow: "keeps" | "drops"): string => {
  const pieces: Array<string> = []
  /** Where the line begins that is being put together, and its length. */
  let [start, length] = [0, 0]
  for (const [index, written] of text.split(/\r?\n/).entries()) {
    const piece = written.startsWith(" ") ? written.slice(1) : written
    const last = pieces.at(-1) ?? ""
    const isSignature = length === signature.length && pieces.slice(start).join("") === signature
    if (index > 0 && (!last.endsWith(" ") || isSignature)) {
      start = pieces.push("\n")
      length = 0
    } else if (index > 0 && flow === "drops") {
      pieces[pieces.length - 1] = last.slice(0, -1)
      if (last === " ") pieces.pop()
      length--
    }
    if (piece !== "") pieces.push(piece)
    length += piece.length
  }
  return pieces.join("")
}

const signature = "-- "

/** What the parser has read, with the bodies in their places; null where it read the mail in another way. */
export const putBack = async ({ bodies, stem }: SetAside, read: Texts): Promise<Texts | null> => {
  const mark = new RegExp(`${stem}(\\d+)-\\n?`)
  const pieces = { text: read.text.split(mark), html: read.html.split(mark) }
  if (!hasEachOnce(pieces.text, bodies, "text") || !hasEachOnce(pieces.html, bodies, "html")) return null
  return { text: await whole(pieces.text, bodies, "text"), html: await whole(pieces.html, bodies, "html") }
}

/** Of pieces that are by turns what is between marks, and the number of a mark. */
const hasEachOnce = (pieces: ReadonlyArray<string>, bodies: ReadonlyArray<Body>, sort: keyof Texts): boolean => {
  const numbers = pieces.filter((_, at) => at % 2 === 1)
  const found = new Set(numbers)
  return (
    found.size === numbers.length &&
    numbers.every((number) => (bodies[Number(number)]?.as ?? null) !== null) &&
    bodies.every(({ as }, number) => as !== sort || found.has(`${number}`))
  )
}

/** A page is many times what else a mail has: where it stands alone it is not copied. */
const whole = async (
  pieces: ReadonlyArray<string>,
  bodies: ReadonlyArray<Body>,
  sort: keyof Texts,
): Promise<string> => {
  let text = ""
  let room = othersAtMost
  for (const [at, piece] of pieces.entries()) {
    const body = at % 2 === 0 ? undefined : bodies[Number(piece)]
    if (body === undefined) {
      text += piece
      continue
    }
    const said = body.read()
    if (body.as === sort) {
      text += said
      continue
    }
    room -= said.length
    if (room >= 0) text += sort === "html" ? HtmlText.escaped(said) : storable(await HtmlText.textOf(said))
  }
  return text
}

/** Characters of html that are read as text, and of text as html: nobody reads more. */
const othersAtMost = 2_000_000

interface Form {
  readonly as: keyof Texts | "mail" | null
  readonly encoding: "base64" | "quoted" | "plain"
  readonly charset: string
  /** Whether its lines go on, and what becomes of the space before they do. */
  readonly flow: "keeps" | "drops" | null
}

const unread: Form = { as: null, encoding: "plain", charset: "", flow: null }

/** Parts by which a mail is a report: it shows what mail it is about, and does not say it. */
const reports: ReadonlySet<string> = new Set(["message/delivery-status", "message/feedback-report"])

/** Attached mails that are read, one inside the other. */
export const attachedMailsAtMost = 4

/** How a body is written, if its head leaves no doubt. */
const formOf = ({ mail, manner }: Level, part: Parts.Part, isLeft: boolean, depth: number): Form | null => {
  const { contentType: type, head, headers, start } = part
  const contentType = Parts.header(headers, "content-type")
  if (manner.heads === "any") return likelyFormOf(mail, part, contentType, isLeft || depth >= attachedMailsAtMost)
  if (!plainHead.test(mail.toString("latin1", head, start))) return null
  if (contentType !== "" && !plainType.test(contentType)) return null
  const encoding = encodings.get(Parts.header(headers, "content-transfer-encoding").toLowerCase())
  const disposition = Parts.header(headers, "content-disposition")
  const isAttachment = /^attachment[ \t]*(?:;|$)/i.test(disposition)
  if (type === "message/rfc822") {
    if (isLeft || (isAttachment && depth > 0)) return unread
    return encoding === "plain" && depth < attachedMailsAtMost ? { ...unread, as: "mail" } : null
  }
  if (/^(?:multipart|message)\//.test(type)) return null
  if (isAttachment || (type !== "text/plain" && type !== "text/html")) return unread
  if (encoding === undefined || !(disposition === "" || /^inline[ \t]*(?:;|$)/i.test(disposition))) return null
  if (contentType !== "" && !plainParameters.test(contentType)) return null
  const charset = (Parts.parameter(contentType, "charset") ?? "utf-8").toLowerCase()
  if (!isCharset(charset)) return null
  return { as: type === "text/html" ? "html" : "text", encoding, charset, flow: flowOf(contentType) }
}

const flowOf = (contentType: string): Form["flow"] => {
  if (!/^flowed$/i.test(Parts.parameter(contentType, "format") ?? "")) return null
  return /^yes$/i.test(Parts.parameter(contentType, "delsp") ?? "") ? "drops" : "keeps"
}

/** How a body is most likely written, whatever else its head says. */
const likelyFormOf = (
  mail: Buffer,
  { boundary, contentType: type, end, headers, start }: Parts.Part,
  contentType: string,
  isLeft: boolean,
): Form | null => {
  const [, named = ""] = /^"?([\w-]*)/.exec(Parts.header(headers, "content-transfer-encoding")) ?? []
  const encoding = encodings.get(named.toLowerCase()) ?? "plain"
  if (type === "message/rfc822") return isLeft ? unread : { ...unread, as: "mail", encoding }
  // Multiparts inside one another beyond reason: nobody knows what is in them.
  if (boundary !== undefined && mail.subarray(start, end).includes(`\n--${boundary}`, 0, "latin1")) return null
  const isAttachment = /^attachment\b/i.test(Parts.header(headers, "content-disposition"))
  if (isAttachment || (type !== "text/plain" && type !== "text/html")) return unread
  const charset = (Parts.parameter(contentType, "charset") ?? "utf-8").toLowerCase()
  return {
    as: type === "text/html" ? "html" : "text",
    encoding,
    charset: isCharset(charset) ? charset : isUtf8(mail.subarray(start, end)) ? "utf-8" : "windows-1252",
    flow: flowOf(contentType),
  }
}

/** Headers and their continuations, up to an empty line. */
const plainHead = /^(?:[!-9;-~]+:[^\r\n]*\r?\n(?:[ \t][^\r\n]*\r?\n)*)*\r?\n$/

const plainType = /^[\w.+-]+\/[\w.+-]+[ \t]*(?:;|$)/

const plainParameters = /^[^;]*(?:[ \t]*;[ \t]*[\w-]+=(?:"[^"\\()]*"|[\w.:+/-]+))*[ \t]*;?$/

const encodings: ReadonlyMap<string, Form["encoding"]> = new Map([
  ["base64", "base64"],
  ["quoted-printable", "quoted"],
  ["7bit", "plain"],
  ["8bit", "plain"],
  ["binary", "plain"],
  ["", "plain"],
])

/** Whether a body has what its parser might take for the end of it, or for several bodies. */
const mayEnd = (body: Buffer, { as, encoding }: Form, boundaries: ReadonlySet<string>): boolean => {
  if (encoding === "base64" && as !== null) {
    const padding = body.indexOf(equals)
    const isPaddedWithin = padding !== -1 && /[^=\s]/.test(body.toString("latin1", padding))
    if (isPaddedWithin || body.includes(dash) || body.includes(underscore)) return true
  }
  // What is said of boundaries here takes time for each of them, and more for long ones.
  const lines = [...boundaries].every(({ length }) => length <= boundaryAtMost)
    ? Array.from(boundaries, (boundary) => `--${boundary}`)
    : ["--"]
  return (lines.length <= boundariesAtMost ? lines : ["--"]).some(
    (line) => body.includes(`\n${line}`, 0, "latin1") || body.indexOf(line, 0, "latin1") === 0,
  )
}

/** The line of a boundary, and the break before it. */
const lineAtMost = 100

/** Whether some line begins as a boundary does and goes on as none: the parser may read on there as if it were text. */
const isDoubtful = (mail: Buffer, boundary: string): boolean => {
  const line = `\n--${boundary}`
  for (let at = mail.indexOf(line, 0, "latin1"); at !== -1; at = mail.indexOf(line, at + 1, "latin1")) {
    const rest = at + line.length
    if (/^(?!(?:--)?\r*(?:\n|$))[- \t]/.test(mail.toString("latin1", rest, rest + 8))) return true
  }
  return false
}

/** As long as one may be; and as many as mails have. */
const [boundaryAtMost, boundariesAtMost] = [70, 8]

/** The mark as the body was written, a line in any case; what continues on the next line does so still. */
const marked = (mark: string, encoding: Form["encoding"], body: Buffer): string => {
  if (encoding === "base64") return Buffer.from(`${mark}\n`, "latin1").toString("base64")
  return encoding === "quoted" && continues(body) ? `${mark}=0A=` : mark
}

const continues = (body: Buffer) => body[withoutReturns(body, body.length) - 1] === equals

/** The last line break of a mail ends its last line, as elsewhere the one before a boundary does. */
const beforeLastBreak = (mail: Buffer, { end, start }: Parts.Part): number =>
  Math.max(start, withoutReturns(mail, mail[end - 1] === lineFeed ? end - 1 : end))

const withoutReturns = (bytes: Buffer, end: number): number => {
  let at = end
  while (bytes[at - 1] === carriageReturn) at--
  return at
}

/** What follows padding is written on its own; as often as there are lines, but not endlessly. */
const fromBase64 = (written: string): Buffer =>
  Buffer.concat(written.split(/=+/, 100_000).map((piece) => Buffer.from(piece, "base64")))

/** A NUL is quickly found among bytes, and slowly among wide characters. */
const decoded = (bytes: Uint8Array, charset: string): string => {
  const text = new TextDecoder(charset).decode(bytes)
  return bytes.includes(0) ? storable(text) : text
}

/** The bytes of lines, each ended by a line feed. */
const linesOf = (body: Buffer): Buffer => {
  const bytes = Buffer.allocUnsafe(body.length + 1)
  bytes[body.copy(bytes)] = lineFeed
  let length = bytes.indexOf(carriageReturn)
  if (length === -1) return bytes
  for (let at = length; at !== -1;) {
    const next = afterReturns(body, at)
    const from = isLineEnd(body, next) ? next : at
    at = body.indexOf(carriageReturn, next)
    const end = at === -1 ? bytes.length : at
    bytes.copyWithin(length, from, end)
    length += end - from
  }
  return bytes.subarray(0, length)
}

/** The same of lines that are quoted. */
const quotedLinesOf = (body: Buffer): Buffer => {
  const bytes = Buffer.allocUnsafe(body.length + 1)
  let length = 0
  for (let at = 0, byte = 0; at < body.length;) {
    for (; at < body.length; at++) {
      byte = body[at] ?? 0
      if (byte === equals || byte === carriageReturn) break
      bytes[length++] = byte
    }
    const isEscape = byte === equals
    const code = isEscape ? codeAt(body, at + 1) : none
    const next = afterReturns(body, isEscape ? at + 1 : at)
    if (code < none) {
      bytes[length++] = code
      at += 3
    } else if (isLineEnd(body, next)) {
      at = isEscape ? next + 1 : next
    } else {
      while (at < next) bytes[length++] = body[at++] ?? 0
    }
  }
  if (!continues(body)) bytes[length++] = lineFeed
  return bytes.subarray(0, length)
}

const codeAt = (body: Buffer, at: number) =>
  ((hexadecimal[body[at] ?? 0] ?? none) << 4) | (hexadecimal[body[at + 1] ?? 0] ?? none)

const afterReturns = (body: Buffer, from: number): number => {
  let at = from
  while (body[at] === carriageReturn) at++
  return at
}

const isLineEnd = (body: Buffer, at: number) => at >= body.length || body[at] === lineFeed

const none = 256
const hexadecimal = Uint16Array.from({ length: 256 }, (_, code) => {
  const figure = String.fromCharCode(code)
  return /[0-9a-f]/i.test(figure) ? Number.parseInt(figure, 16) : none
})

const [lineFeed, carriageReturn, dash, equals, underscore] = [0x0a, 0x0d, 0x2d, 0x3d, 0x5f]
