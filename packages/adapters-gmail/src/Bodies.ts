/**
 * The long bodies of a mail, set aside while its parser reads the rest. The parser goes line by line and joins what it
 * has read through a `Blob`, which is most of the time that a mail takes, and it decodes attachments that nobody reads.
 *
 * It gets a mark in the place of each, and what becomes of the marks tells whether both read the mail alike: each comes
 * out once, in the sort of text that its part says. Where one does not, the parser reads the mail as it is. And only what
 * is written plainly is set aside: without comments, in a charset without states, with no line that might end the part.
 */
import * as Parts from "./Parts.ts"

export interface SetAside {
  /** The mail, with marks for its long bodies. */
  readonly mail: Uint8Array
  readonly bodies: ReadonlyArray<Body>
}

export interface Texts {
  readonly text: string
  readonly html: string
}

interface Body {
  /** Which nothing else in the mail contains, for it is made from the digest of the whole mail. */
  readonly mark: string
  /** As what its part is read; null where it is no text that is read. */
  readonly as: keyof Texts | null
  readonly read: () => string
}

/** Sets the long bodies of the mail with this digest aside. */
export const setAside = (mail: Buffer, digest: string): SetAside => {
  const pieces: Array<Buffer> = []
  const bodies: Array<Body> = []
  let from = 0
  for (const part of Parts.partsOf(mail)) {
    const end = part.end === mail.length ? beforeLastBreak(mail, part) : part.end
    const body = mail.subarray(part.start, end)
    const form = body.length < long ? null : formOf(mail, part)
    if (form === null || mayEnd(body, form.encoding)) continue
    const mark = `${digest.slice(0, 40)}-${bodies.length}-`
    bodies.push({ mark, as: form.as, read: () => decoders[form.encoding](body, form.charset) })
    pieces.push(mail.subarray(from, part.start), Buffer.from(marked(mark, form.encoding, body), "latin1"))
    from = end
  }
  return { mail: pieces.length === 0 ? mail : Buffer.concat([...pieces, mail.subarray(from)]), bodies }
}

/** What the parser has read, with the bodies in their places; null where it read the mail in another way. */
export const putBack = (bodies: ReadonlyArray<Body>, read: Texts): Texts | null => {
  const isAlike = bodies.every(({ as, mark }) =>
    sorts.every((sort) => read[sort].split(mark, 3).length === (as === sort ? 2 : 1)),
  )
  if (!isAlike) return null
  const whole = { ...read }
  for (const { as, mark, read: content } of bodies) if (as !== null) whole[as] = whole[as].split(mark).join(content())
  return whole
}

const sorts = ["text", "html"] as const

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

/** The mark as the body was written; what continues on the next line does so still. */
const marked = (mark: string, encoding: Form["encoding"], body: Buffer): string => {
  if (encoding === "base64") return Buffer.from(mark, "latin1").toString("base64")
  return encoding === "quoted" && body[withoutReturns(body, body.length) - 1] === equals ? `${mark}=` : mark
}

/** The last line break of a mail ends its last line, as elsewhere the one before a boundary does. */
const beforeLastBreak = (mail: Buffer, { end, start }: Parts.Part): number =>
  Math.max(start, withoutReturns(mail, mail[end - 1] === lineFeed ? end - 1 : end))

const withoutReturns = (bytes: Buffer, end: number): number => {
  let at = end
  while (bytes[at - 1] === carriageReturn) at--
  return at
}

const decoders: Readonly<Record<Form["encoding"], (body: Buffer, charset: string) => string>> = {
  base64: (body, charset) => new TextDecoder(charset).decode(Buffer.from(body.toString("latin1"), "base64")),
  quoted: (body, charset) => new TextDecoder(charset).decode(bytesOf(body, true)),
  plain: (body, charset) => {
    const text = new TextDecoder(charset).decode(body)
    return loneReturn.test(text) ? new TextDecoder(charset).decode(bytesOf(body, false)) : text.replaceAll("\r\n", "\n")
  },
}

const loneReturn = /\r(?!\n)/

/** The bytes that lines stand for, each ended by a line feed. */
const bytesOf = (body: Buffer, isQuoted: boolean): Uint8Array => {
  const bytes = Buffer.allocUnsafe(body.length)
  let length = 0
  const escape = isQuoted ? equals : carriageReturn
  for (let at = 0; at < body.length; at++) {
    const byte = body[at] ?? 0
    if (byte !== escape && byte !== carriageReturn) {
      bytes[length++] = byte
      continue
    }
    if (byte === carriageReturn) {
      const next = afterReturns(body, at)
      if (!isLineEnd(body, next)) {
        bytes.fill(carriageReturn, length, length + next - at)
        length += next - at
      }
      at = next - 1
      continue
    }
    const code = ((hexadecimal[body[at + 1] ?? 0] ?? none) << 4) | (hexadecimal[body[at + 2] ?? 0] ?? none)
    if (code < 256) {
      bytes[length++] = code
      at += 2
      continue
    }
    const next = afterReturns(body, at + 1)
    if (isLineEnd(body, next)) at = next
    else bytes[length++] = byte
  }
  return bytes.subarray(0, length)
}

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
