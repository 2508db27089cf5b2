/**
 * Finds the large parts of a mail in its bytes and cuts them out, so that nothing else has to hold them: no part is
 * copied, and none is decoded but to be digested.
 *
 * The structure is read as loosely as mail is written. What cannot be told apart is one part.
 */
import { createHash } from "node:crypto"

import { Schema } from "effect"

/** An attachment that was too large to be kept. */
export const Omitted = Schema.Struct({
  /** Of its content, decoded if it was sent as Base64, in lower-case hexadecimal; and the bytes that this has. */
  sha256: Schema.String,
  size: Schema.Natural,
  /** As the mail says, in lower case. */
  contentType: Schema.String,
  /** As the mail says, where it does in plain letters. */
  filename: Schema.optionalKey(Schema.String),
  /** Where in `raw` it stood, and the bytes that it had there. */
  at: Schema.Natural,
  length: Schema.Natural,
})
export type Omitted = typeof Omitted.Type

/** The mail without its largest parts: as many of them as it takes for the others to have `limit` bytes at most. */
export const omitLargest = (
  raw: Uint8Array,
  limit: number,
): { readonly kept: Uint8Array; readonly omitted: ReadonlyArray<Omitted> } => {
  // The parts of a mail have no more bytes than the mail.
  if (raw.length <= limit) return { kept: raw, omitted: [] }
  const mail = Buffer.from(raw.buffer, raw.byteOffset, raw.length)
  const parts = partsOf(mail, 0, mail.length, 0)
  const sizes = new Map(parts.map((part) => [part, weightOf(mail, part, limit)]))
  const weigh = (part: Part) => sizes.get(part) ?? 0
  const bySize = parts.toSorted((a, b) => weigh(b) - weigh(a))
  let total = parts.reduce((sum, part) => sum + weigh(part), 0)
  const cut = new Set<Part>()
  for (const part of bySize) {
    if (total <= limit) break
    cut.add(part)
    total -= weigh(part)
  }
  if (cut.size === 0) return { kept: raw, omitted: [] }

  const pieces: Array<Buffer> = []
  const omitted: Array<Omitted> = []
  let from = 0
  let at = 0
  for (const part of parts) {
    if (!cut.has(part)) continue
    pieces.push(mail.subarray(from, part.start))
    at += part.start - from
    from = part.end
    omitted.push({ ...digestOf(mail, part), ...part.says, at, length: part.end - part.start })
  }
  pieces.push(mail.subarray(from))
  return { kept: Buffer.concat(pieces), omitted }
}

/** The parts of a mail that have no parts, in order of appearance. */
export const parts = (mail: Buffer): ReadonlyArray<Part> => partsOf(mail, 0, mail.length, 0)

/** A part that has no parts. */
export interface Part {
  /** Where its headers begin. */
  readonly head: number
  /** Each on one line. */
  readonly headers: string
  /** Its body, in the bytes of the mail. */
  readonly start: number
  readonly end: number
  readonly isBase64: boolean
  readonly says: Pick<Omitted, "contentType" | "filename">
}

/** Multiparts that are looked into, one inside the other; what is deeper is one part. */
const depthAtMost = 16

const partsOf = (mail: Buffer, start: number, end: number, depth: number): ReadonlyArray<Part> => {
  const { body, headers } = headOf(mail, start, end)
  const contentType = header(headers, "content-type")
  const boundary =
    depth < depthAtMost && /^multipart\//i.test(contentType) ? parameter(contentType, "boundary") : undefined
  const inner = boundary === undefined || boundary === "" ? [] : sectionsOf(mail, body, end, boundary)
  if (inner.length > 0) return inner.flatMap(([from, to]) => partsOf(mail, from, to, depth + 1))
  const filename = parameter(header(headers, "content-disposition"), "filename") ?? parameter(contentType, "name")
  return [
    {
      head: start,
      headers,
      start: body,
      end,
      isBase64: /^base64\b/i.test(header(headers, "content-transfer-encoding")),
      says: {
        contentType: (/^[\w.+-]+\/[\w.+-]+/.exec(contentType)?.[0] ?? "text/plain").toLowerCase(),
        ...(filename !== undefined && filename !== "" && { filename: filename.slice(0, 200) }),
      },
    },
  ]
}

/** Bytes of headers that are read; what comes after is body. */
const headAtMost = 100_000

const headOf = (mail: Buffer, start: number, end: number) => {
  const body = bodyAt(mail, start, Math.min(end, start + headAtMost))
  return { headers: mail.toString("latin1", start, body).replace(/\r?\n[ \t]+/g, " "), body }
}

/** Where the first empty line ends, or everything. */
const bodyAt = (mail: Buffer, start: number, end: number): number => {
  for (let line = start; line < end;) {
    const feed = mail.indexOf(lineFeed, line)
    if (feed === -1 || feed >= end) return end
    if (feed === line || (feed === line + 1 && mail[line] === carriageReturn)) return feed + 1
    line = feed + 1
  }
  return end
}

/** The first header of a name, without the spaces around it; empty if there is none. */
export const header = (headers: string, name: string): string =>
  new RegExp(`^${name}[ \\t]*:[ \\t]*(.*?)[ \\t]*\\r?$`, "im").exec(headers)?.[1] ?? ""

export const parameter = (value: string, name: string): string | undefined => {
  const found = new RegExp(`;\\s*${name}\\s*=\\s*(?:"([^"]*)"|([^\\s;"]+))`, "i").exec(value)
  return found === null ? undefined : (found[1] ?? found[2])
}

/** What stands between the lines of a boundary. */
const sectionsOf = (mail: Buffer, start: number, end: number, boundary: string) => {
  const line = Buffer.from(`--${boundary}`, "latin1")
  const sections: Array<readonly [from: number, to: number]> = []
  let from: number | undefined
  for (let at = mail.indexOf(line, start); at !== -1 && at < end; at = mail.indexOf(line, at + line.length)) {
    const isLine = at === start || mail[at - 1] === lineFeed
    const isOther = !isLine || !endsLine.has(mail[at + line.length] ?? lineFeed)
    if (isOther) continue
    if (from !== undefined) sections.push([from, beforeLine(mail, at, from)])
    const next = mail.indexOf(lineFeed, at)
    from = next === -1 ? end : next + 1
    if (mail[at + line.length] === dash) return sections
  }
  // Cut off on its way: what is there counts.
  if (from !== undefined && from < end) sections.push([from, end])
  return sections
}

const [lineFeed, carriageReturn, dash] = [0x0a, 0x0d, 0x2d]
const endsLine = new Set([lineFeed, carriageReturn, dash, 0x20, 0x09])

/** The line break before a boundary belongs to the boundary. */
const beforeLine = (mail: Buffer, at: number, from: number) => {
  const end = mail[at - 2] === carriageReturn ? at - 2 : at - 1
  return Math.max(from, end)
}

/** What is read of a mail is not what makes it large. */
const weightOf = (mail: Buffer, part: Part, limit: number) => {
  const size = sizeOf(mail, part)
  return part.says.contentType.startsWith("text/") && size <= limit ? 0 : size
}

/** Bytes of the content, counted without decoding it. */
const sizeOf = (mail: Buffer, { end, isBase64, start }: Part) => {
  if (!isBase64) return end - start
  let characters = 0
  for (let at = start; at < end; at++) if (isOfBase64[mail[at] ?? 0] === 1) characters++
  return Math.floor((characters * 3) / 4)
}

const isOfBase64 = Uint8Array.from({ length: 256 }, (_, code) =>
  /[A-Za-z0-9+/]/.test(String.fromCharCode(code)) ? 1 : 0,
)

/** Characters of Base64 that are decoded at once; a multiple of four. */
const slice = 1 << 16

const digestOf = (mail: Buffer, { end, isBase64, start }: Part): Pick<Omitted, "sha256" | "size"> => {
  const hash = createHash("sha256")
  if (!isBase64) return { sha256: hash.update(mail.subarray(start, end)).digest("hex"), size: end - start }
  // One buffer for all of it: buffers that are left behind outgrow the mail before they are collected.
  const content = Buffer.allocUnsafe(slice)
  let size = 0
  let rest = ""
  for (let at = start; at < end; at += slice) {
    const text = rest + mail.toString("latin1", at, Math.min(end, at + slice)).replace(/[^A-Za-z0-9+/]/g, "")
    const whole = at + slice >= end ? text.length : text.length - (text.length % 4)
    rest = text.slice(whole)
    const length = content.write(text.slice(0, whole), "base64")
    size += length
    hash.update(content.subarray(0, length))
  }
  return { sha256: hash.digest("hex"), size }
}
