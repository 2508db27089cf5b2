/** Puts a mail into bytes: the structures, transfer encodings, charsets and faults that real mail has. */
import * as Random from "@holdfast/domain/testing/population/Random"

import { type Language } from "./Calendars.ts"

export interface Wire {
  readonly structure: "text" | "html" | "alternative" | "mixed" | "related"
  /** Used for every part and header that it can write; UTF-8 for the others. */
  readonly charset: string
  /** How the parts call the charset, where that is not its name. */
  readonly charsetCalled?: string
  readonly textEncoding: Encoding
  readonly htmlEncoding: Encoding
  readonly words: "B" | "Q"
  /** Encoded words end in the middle of a character. */
  readonly splitCharacters: boolean
  readonly lineEnd: "\r\n" | "\n" | "\r"
  readonly finalBoundary: boolean
  /** Base64 with blanks and characters that are not of its alphabet. */
  readonly dirty: boolean
  readonly lowerHex: boolean
}

type Encoding = "8bit" | "quoted-printable" | "base64"

export const wireOf = (random: Random.Random, language: Language): Wire => ({
  structure: Random.weighted(random, { text: 10, html: 22, alternative: 56, mixed: 6, related: 6 }),
  charset: Random.chance(random, 0.15) ? Random.pick(random, legacy[language] ?? ["utf-8"]) : "utf-8",
  textEncoding: Random.pick(random, encodings),
  htmlEncoding: Random.pick(random, encodings),
  words: Random.chance(random, 0.6) ? "B" : "Q",
  splitCharacters: false,
  lineEnd: "\r\n",
  finalBoundary: true,
  dirty: false,
  lowerHex: false,
})

/** A message in bytes. Either part may be missing. */
export const write = (
  wire: Wire,
  headers: ReadonlyArray<readonly [string, string]>,
  text: string,
  html: string,
): Uint8Array => {
  const textPart = partOf(wire, "plain", text, wire.textEncoding)
  const htmlPart = partOf(wire, "html", html, wire.htmlEncoding)
  const body = bodyOf(wire, textPart, htmlPart)
  const lines = [...headers.map(([name, value]) => `${name}: ${value}`), "MIME-Version: 1.0", body].join("\n")
  return new Uint8Array(Buffer.from(lines.replaceAll("\n", wire.lineEnd), "latin1"))
}

/** A header's value: in ASCII, as encoded words where it is not. */
export const worded = (wire: Wire, text: string): string => {
  if (/^[ -~]*$/.test(text)) return text
  const charset = encode(text, wire.charset) === undefined ? "utf-8" : wire.charset
  const word = (bytes: Uint8Array) =>
    wire.words === "B"
      ? `=?${charset}?B?${Buffer.from(bytes).toString("base64")}?=`
      : `=?${charset}?Q?${[...bytes].map(quotedInWord).join("")}?=`
  if (wire.splitCharacters) {
    const bytes = encode(text, charset) ?? new Uint8Array()
    return chunked(bytes, 11).map(word).join("\n ")
  }
  const words: Array<string> = []
  let piece = ""
  for (const character of text) {
    piece += character
    if (piece.length >= 9) {
      words.push(piece)
      piece = ""
    }
  }
  if (piece !== "") words.push(piece)
  return words.map((part) => word(encode(part, charset) ?? new Uint8Array())).join("\n ")
}

/** A display name and its address. */
export const mailbox = (wire: Wire, [name, address]: readonly [string, string]): string => {
  if (name === "") return address
  return /^[ -~]*$/.test(name)
    ? `"${name.replace(/["\\]/g, "\\$&")}" <${address}>`
    : `${worded(wire, name)}\n <${address}>`
}

const encodings: readonly [Encoding, ...Array<Encoding>] = ["quoted-printable", "base64", "8bit"]

const western: readonly [string, ...Array<string>] = ["iso-8859-1", "windows-1252", "iso-8859-15"]
const central: readonly [string, ...Array<string>] = ["windows-1250", "iso-8859-2"]

const legacy: Partial<Readonly<Record<Language, readonly [string, ...Array<string>]>>> = {
  "en-US": ["us-ascii", "windows-1252"],
  "en-GB": ["windows-1252"],
  fr: western,
  de: western,
  es: western,
  it: western,
  pt: western,
  nl: western,
  sv: western,
  da: western,
  fi: western,
  pl: central,
  cs: central,
  hr: central,
  hu: central,
  el: ["windows-1253", "iso-8859-7"],
  tr: ["windows-1254", "iso-8859-9"],
  ja: ["shift_jis"],
  ko: ["euc-kr"],
  zh: ["gb18030", "gbk"],
  th: ["windows-874"],
}

const bodyOf = (wire: Wire, text: string, html: string): string => {
  const close = (boundary: string) => (wire.finalBoundary ? `--${boundary}--\n` : "")
  const alternative = `Content-Type: multipart/alternative; boundary="=_alt"\n\n--=_alt\n${text}\n--=_alt\n${html}\n${close("=_alt")}`
  switch (wire.structure) {
    case "text":
      return text
    case "html":
      return html
    case "alternative":
      return alternative
    case "mixed":
      return `Content-Type: multipart/mixed; boundary="=_mix"\n\n--=_mix\n${alternative}\n--=_mix\nContent-Type: application/pdf; name="guide.pdf"\nContent-Disposition: attachment; filename="guide.pdf"\nContent-Transfer-Encoding: base64\n\nJVBERi0xLjQK\n${close("=_mix")}`
    case "related":
      return `Content-Type: multipart/related; boundary="=_rel"; type="multipart/alternative"\n\n--=_rel\n${alternative}\n--=_rel\nContent-Type: image/gif\nContent-ID: <logo@example>\nContent-Transfer-Encoding: base64\n\nR0lGODlhAQABAAAAACw=\n${close("=_rel")}`
  }
}

const partOf = (wire: Wire, subtype: "plain" | "html", content: string, encoding: Encoding): string => {
  const chosen = encode(content, wire.charset)
  const bytes = chosen ?? new Uint8Array(Buffer.from(content, "utf8"))
  const called = chosen === undefined ? "utf-8" : (wire.charsetCalled ?? wire.charset)
  const head = `Content-Type: text/${subtype}; charset=${called}\nContent-Transfer-Encoding: ${encoding}\n\n`
  if (encoding === "base64") return head + base64(bytes, wire.dirty)
  return head + (encoding === "8bit" ? Buffer.from(bytes).toString("latin1") : quoted(bytes, wire.lowerHex))
}

const base64 = (bytes: Uint8Array, dirty: boolean): string => {
  const lines = Buffer.from(bytes)
    .toString("base64")
    .replace(/(.{76})/g, "$1\n")
  return dirty ? lines.replaceAll("\n", " \n*\t\n") : lines
}

/** RFC 2045: soft breaks before the 76th character, none within an escape. */
const quoted = (bytes: Uint8Array, lowerHex: boolean): string => {
  const out: Array<string> = []
  let column = 0
  for (const byte of bytes) {
    if (byte === 10) {
      out.push("\n")
      column = 0
      continue
    }
    const plain = byte >= 32 && byte < 127 && byte !== 61
    const hex = byte.toString(16).padStart(2, "0")
    const written = plain ? String.fromCharCode(byte) : `=${lowerHex ? hex : hex.toUpperCase()}`
    if (column + written.length > 75) {
      out.push("=\n")
      column = 0
    }
    out.push(written)
    column += written.length
  }
  return out.join("").replaceAll(" \n", "=20\n")
}

const quotedInWord = (byte: number): string => {
  if (byte === 32) return "_"
  const character = String.fromCharCode(byte)
  return /[A-Za-z0-9]/.test(character) ? character : `=${byte.toString(16).toUpperCase().padStart(2, "0")}`
}

const chunked = (bytes: Uint8Array, size: number): ReadonlyArray<Uint8Array> =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) => bytes.subarray(index * size, (index + 1) * size))

/** The bytes of a text in a charset; undefined if it has not all the characters. */
const encode = (text: string, charset: string): Uint8Array | undefined => {
  if (charset === "utf-8") return new Uint8Array(Buffer.from(text, "utf8"))
  const table = tableOf(charset)
  const bytes: Array<number> = []
  for (const character of text) {
    const code = table.get(character)
    if (code === undefined) return undefined
    if (code > 0xff) bytes.push(code >> 8)
    bytes.push(code & 0xff)
  }
  return new Uint8Array(bytes)
}

const tables = new Map<string, ReadonlyMap<string, number>>()

/** What the platform decodes, the other way round: of one byte and of two. */
const tableOf = (charset: string): ReadonlyMap<string, number> => {
  const known = tables.get(charset)
  if (known !== undefined) return known
  const decoder = new TextDecoder(charset)
  const table = new Map<string, number>()
  const learn = (code: number, ...bytes: ReadonlyArray<number>) => {
    const character = decoder.decode(new Uint8Array(bytes))
    if ([...character].length === 1 && character !== "\uFFFD" && !table.has(character)) table.set(character, code)
  }
  const most = charset === "us-ascii" ? 0x80 : 0x100
  for (let byte = 0; byte < most; byte++) learn(byte, byte)
  if (["shift_jis", "euc-kr", "gbk", "gb18030"].includes(charset)) {
    for (let lead = 0x81; lead < 0xff; lead++) {
      for (let trail = 0x40; trail < 0xff; trail++) learn((lead << 8) | trail, lead, trail)
    }
  }
  tables.set(charset, table)
  return table
}
