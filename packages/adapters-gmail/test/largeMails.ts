/** Mails that are as large as Gmail lets them be, where nobody expects it. */
import { randomBytes } from "node:crypto"

/** In the head of each. */
export const subject = "a large mail"

const head = (contentType: string) =>
  `From: a@example.com\r\nSubject: ${subject}\r\nContent-Type: ${contentType}\r\n\r\n`

const mixed = head("multipart/mixed; boundary=x")

const part = (headers: string, content: Uint8Array | string) => ["--x\r\n", headers, "\r\n\r\n", content, "\r\n"]

const mailOf = (...pieces: ReadonlyArray<Uint8Array | string>): Uint8Array =>
  new Uint8Array(
    Buffer.concat(pieces.map((piece) => (typeof piece === "string" ? Buffer.from(piece, "latin1") : piece))),
  )

/** Bytes of the largest mail that Gmail takes, and some more. */
const most = 70_000_000

/** Bytes that the log does not take, where each is two on the tape; and where each is six. */
const [much, muchOfControls] = [26_000_000, 9_000_000]

/** Bytes that end no line, in which no character is text in UTF-8. */
const noise = (length: number) => randomBytes(length).map((byte) => byte | 0x80)

/** Of which each takes six on the tape. */
const controls = (length: number) => randomBytes(length).map((byte) => (byte & 0x07) | 0x10)

const plain = "Content-Type: text/plain"
const text = part(plain, "Hello")

/** By what it has. */
export const hostile: Readonly<Record<string, () => Uint8Array>> = {
  "five long texts": () =>
    mailOf(mixed, ...Array.from({ length: 5 }, () => part(plain, randomBytes(9_900_000))).flat(), "--x--\r\n"),
  "a long text that grows as it is read": () => mailOf(mixed, ...part(plain, "&".repeat(9_900_000)), "--x--\r\n"),
  "much after its end": () => mailOf(mixed, ...text, "--x--\r\n", noise(most)),
  "much before its beginning": () => mailOf(mixed, noise(much), "\r\n", ...text, "--x--\r\n"),
  "parts with long headers": () =>
    mailOf(mixed, ...Array.from({ length: 9_000 }, () => part("X: ".padEnd(much / 9_000, "é"), "")).flat()),
  "a boundary that goes on and on": () => mailOf(mixed, "--x ", controls(muchOfControls), "\r\n", ...text),
  "an attachment of what is no Base64": () =>
    mailOf(
      mixed,
      ...part("Content-Type: image/gif\r\nContent-Transfer-Encoding: base64", controls(muchOfControls)),
      ...text,
    ),
  "many attachments of long names": () =>
    mailOf(
      mixed,
      ...Array.from({ length: 9_000 }, () =>
        part(`Content-Type: ${"a".repeat(500)}/a; name="${"é".repeat(400)}"`, "ab"),
      ).flat(),
    ),
  "a head that is all": () => mailOf(`Subject: ${subject}\r\nX: `, noise(much)),
}
