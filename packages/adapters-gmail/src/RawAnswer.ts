/**
 * A message as Gmail's `format=raw` answers it, read as it arrives: the mail is one JSON string that may be as long as
 * everything else that this process holds, so it never stands in memory as text, only as the bytes that it says.
 */

/** The answer's JSON with `raw` as bytes. Text that is no such JSON, or ends too soon, comes back as text. */
export const read = async (body: AsyncIterable<Uint8Array | string>, length: number | undefined): Promise<unknown> => {
  const raw = new Base64Url(length)
  let before: Buffer = Buffer.alloc(0)
  let isInside = false
  let after: string | undefined
  for await (const piece of body) {
    let chunk =
      typeof piece === "string" ? Buffer.from(piece) : Buffer.from(piece.buffer, piece.byteOffset, piece.length)
    if (after !== undefined) {
      after += chunk.toString("latin1")
      continue
    }
    if (!isInside) {
      before = before.length === 0 ? chunk : Buffer.concat([before, chunk])
      const start = startOf(before)
      if (start === undefined) continue
      isInside = true
      chunk = before.subarray(start)
      before = before.subarray(0, start)
    }
    const end = chunk.indexOf(quote)
    raw.write(end === -1 ? chunk : chunk.subarray(0, end))
    if (end !== -1) after = chunk.toString("latin1", end)
  }
  if (!isInside) return parsed(before.toString("utf8"))
  const answer =
    after === undefined ? "" : parsed(Buffer.from(before.toString("latin1") + after, "latin1").toString("utf8"))
  return typeof answer === "object" && answer !== null ? { ...answer, raw: raw.bytes() } : answer
}

/** Where the characters of `raw` begin. A quote inside a JSON string has a backslash before it. */
const startOf = (head: Buffer): number | undefined => {
  const found = /(?<!\\)"raw"\s*:\s*"/.exec(head.toString("latin1"))
  return found === null ? undefined : found.index + found[0].length
}

const quote = 0x22
const backslash = 0x5c

/** Decodes piece by piece. `Buffer` skips what is not of the alphabet, and a tape that skips bytes is worthless. */
class Base64Url {
  private target: Buffer
  private size = 0
  /** Characters that wait for those that complete their group of four. */
  private rest = ""
  /** From an escape on: Google writes padding as `=`, which JSON would let it escape. */
  private escaped = ""
  private isSound = true
  private isEnded = false

  /** Of the whole answer, where it says so and is not compressed: the mail is no longer. */
  constructor(length: number | undefined) {
    this.target = Buffer.allocUnsafe(Math.ceil(((length ?? 64_000) * 3) / 4))
  }

  write(chunk: Buffer) {
    const escape = this.escaped === "" ? chunk.indexOf(backslash) : 0
    if (escape !== -1) this.escaped += chunk.toString("latin1", escape)
    const text = this.rest + chunk.toString("latin1", 0, escape === -1 ? chunk.length : escape)
    const whole = text.length - (text.length % 4)
    this.rest = text.slice(whole)
    this.decode(text.slice(0, whole))
  }

  /** Undefined where something was not of the alphabet. */
  bytes(): Uint8Array | undefined {
    this.decode(this.rest + unescaped(this.escaped))
    this.rest = this.escaped = ""
    return this.isSound ? this.target.subarray(0, this.size) : undefined
  }

  private decode(text: string) {
    if (text === "") return
    const characters = text.replace(/={1,2}$/, "")
    if (this.isEnded) this.isSound = false
    if (characters.length !== text.length) this.isEnded = true
    const expected = Math.floor((characters.length * 3) / 4)
    this.reserve(expected)
    const written = this.target.write(characters, this.size, expected, "base64url")
    this.isSound &&= written === expected && characters.length % 4 !== 1
    this.size += written
  }

  private reserve(more: number) {
    if (this.size + more <= this.target.length) return
    const grown = Buffer.allocUnsafe(Math.max(this.size + more, this.target.length * 2))
    this.target.copy(grown, 0, 0, this.size)
    this.target = grown
  }
}

const unescaped = (text: string): string => String(parsed(`"${text}"`))

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
