/**
 * The long bodies of a mail, set aside while its parser reads the rest. The parser goes line by line and joins what it
 * has read through a `Blob`, which is most of the time that a mail takes, and it decodes attachments that nobody reads.
 *
 * It gets a mark in the place of each, and what becomes of the marks tells whether both read the mail alike: each comes
 * out once, in the sort of text that its part says. Where one does not, the parser reads the mail as it is. And only what
 * is written plainly is set aside: without comments, in a charset without states, with no line that might end the part.
 */
import * as Parts from "./Parts.ts"
import { storable } from "./Storable.ts"

export interface SetAside {
  /** The mail, with marks for its long bodies. */
  readonly mail: Buffer
  readonly bodies: ReadonlyArray<Body>
  /** How the marks begin, as nothing else in the mail does: it is made from the digest of the whole mail. */
  readonly stem: string
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

/** Sets the long bodies of the mail with this digest aside. There is a character for each of its bytes. */
export const setAside = (mail: Buffer, digest: string, characters: () => string): SetAside => {
  const pieces: Array<Buffer> = []
  const bodies: Array<Body> = []
  const stem = `${digest.slice(0, 40)}-`
  let from = 0
  for (const part of Parts.partsOf(mail)) {
    const end = part.end === mail.length ? beforeLastBreak(mail, part) : part.end
    const body = mail.subarray(part.start, end)
    const form = body.length < long ? null : formOf(mail, part)
    if (form === null || mayEnd(body, form.encoding)) continue
    const bytesOf = () => {
      if (form.encoding === "base64") return Buffer.from(characters().slice(part.start, end), "base64")
      return form.encoding === "quoted" ? quotedLinesOf(body) : linesOf(body)
    }
    const mark = `${stem}${bodies.length}-`
    bodies.push({ mark, as: form.as, read: () => decoded(bytesOf(), form.charset) })
    pieces.push(mail.subarray(from, part.start), Buffer.from(marked(mark, form.encoding, body), "latin1"))
    from = end
  }
  return { mail: pieces.length === 0 ? mail : Buffer.concat([...pieces, mail.subarray(from)]), bodies, stem }
}

/** What the parser has read, with the bodies in their places; null where it read the mail in another way. */
export const putBack = ({ bodies, stem }: SetAside, read: Texts): Texts | null => {
  const mark = new RegExp(`${stem}(\\d+)-\\n?`)
  const [text, html] = [read.text.split(mark), read.html.split(mark)]
  if (!hasEachOnce(text, bodies, "text") || !hasEachOnce(html, bodies, "html")) return null
  return { text: whole(text, bodies), html: whole(html, bodies) }
}

/** Of pieces that are by turns what is between marks, and the number of a mark. */
const hasEachOnce = (pieces: ReadonlyArray<string>, bodies: ReadonlyArray<Body>, sort: keyof Texts): boolean => {
  const found = new Set(pieces.filter((_, at) => at % 2 === 1))
  const expected = bodies.flatMap(({ as }, number) => (as === sort ? [`${number}`] : []))
  return pieces.length === 2 * expected.length + 1 && expected.every((number) => found.has(number))
}

/** A page is many times what else a mail has: where it stands alone it is not copied. */
const whole = (pieces: ReadonlyArray<string>, bodies: ReadonlyArray<Body>): string =>
  pieces.reduce((text, piece, at) => text + (at % 2 === 0 ? piece : (bodies[Number(piece)]?.read() ?? "")), "")

/** Bytes from which on it pays. */
const long = 4_000

interface Form {
  readonly as: keyof Texts | null
  readonly encoding: "base64" | "quoted" | "plain"
  readonly charset: string
}

/** How a body is written, if its head leaves no doubt. */
const formOf = (mail: Buffer, { contentType: type, head, headers, start }: Parts.Part): Form | null => {
  if (/^(?:multipart|message)\//.test(type)) return null
  if (!plainHead.test(mail.toString("latin1", head, start))) return null
  const encoding = encodings.get(Parts.header(headers, "content-transfer-encoding").toLowerCase())
  const contentType = Parts.header(headers, "content-type")
  if (encoding === undefined || !plainType.test(contentType)) return null
  const isText = type === "text/plain" || type === "text/html"
  if (!isText || /^attachment\b/i.test(Parts.header(headers, "content-disposition"))) {
    return { as: null, encoding, charset: "" }
  }
  const charset = (Parts.parameter(contentType, "charset") ?? "utf-8").toLowerCase()
  if (!stateless.has(charset) || Parts.parameter(contentType, "format") !== undefined) return null
  return { as: type === "text/html" ? "html" : "text", encoding, charset }
}

/** Headers and their continuations, up to an empty line. */
const plainHead = /^(?:[!-9;-~]+:[^\r\n]*\r?\n(?:[ \t][^\r\n]*\r?\n)*)+\r?\n$/

const plainType = /^[\w.+-]+\/[\w.+-]+(?: *; *[\w-]+=(?:"[^"\\()]*"|[\w.:+/-]+))*;?$/

const encodings: ReadonlyMap<string, Form["encoding"]> = new Map([
  ["base64", "base64"],
  ["quoted-printable", "quoted"],
  ["7bit", "plain"],
  ["8bit", "plain"],
  ["binary", "plain"],
  ["", "plain"],
])

const stateless: ReadonlySet<string> = new Set([
  "utf-8",
  "utf8",
  "us-ascii",
  "iso-8859-1",
  "iso-8859-2",
  "iso-8859-15",
  "windows-1250",
  "windows-1251",
  "windows-1252",
  "windows-1254",
])

/** Whether a body has what its parser might take for the end of it, or for several bodies. */
const mayEnd = (body: Buffer, encoding: Form["encoding"]): boolean => {
  if (encoding === "base64") {
    const padding = body.indexOf(equals)
    const isPaddedWithin = padding !== -1 && /[^=\s]/.test(body.toString("latin1", padding))
    return isPaddedWithin || body.includes(dash) || body.includes(underscore)
  }
  if (body[0] === dash) return true
  for (let at = body.indexOf(newLineOfDashes); at !== -1; at = body.indexOf(newLineOfDashes, at + 1)) {
    // The end of a comment in html ends nothing else.
    if (body[at + newLineOfDashes.length] !== greaterThan) return true
  }
  return false
}

const newLineOfDashes = "\n--"

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

const [lineFeed, carriageReturn, dash, equals, greaterThan, underscore] = [0x0a, 0x0d, 0x2d, 0x3d, 0x3e, 0x5f]
