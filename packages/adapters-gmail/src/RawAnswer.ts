/**
 * A message as Gmail's `format=raw` answers it, read as it arrives: the mail is one JSON string that may be as long as
 * everything else that this process holds, so it never stands in memory as text, and what is not kept of it not at all.
 */
import * as Attachments from "./Attachments.ts"
import * as Base64 from "./Base64.ts"

/** An answer up to where its mail begins; the rest is still on its way. */
export class Begun {
  /** About how many bytes the mail has, if the answer says so. */
  readonly size: number | undefined
  /**
   * The answer's JSON with `raw` as bytes, and what was left out of it as `omission`. Text that is no such JSON, or ends
   * too soon, comes back as text.
   */
  readonly rest: (limits: Attachments.Limits) => Promise<unknown>

  constructor(size: number | undefined, rest: (limits: Attachments.Limits) => Promise<unknown>) {
    this.size = size
    this.rest = rest
  }
}

/** Reads an answer, of so many bytes where it says so and is not compressed, until its mail begins; all of it if none does. */
export const begin = async (body: AsyncIterable<Uint8Array | string>, length: number | undefined): Promise<unknown> => {
  const pieces = piecesOf(body)
  let before: Buffer = Buffer.alloc(0)
  for (;;) {
    const next = await pieces.next()
    if (next.done === true) return parsed(before.toString("utf8"))
    const piece = next.value
    before = before.length === 0 ? piece : Buffer.concat([before, piece])
    const start = startOf(before)
    if (start === undefined) {
      if (before.length > beginningAtMost) throw new RangeError("An answer that does not come to a mail")
      continue
    }
    const [head, first] = [before.subarray(0, start), before.subarray(start)]
    const size = sizeOf(head, first, length)
    return new Begun(size, (limits) => rest(head, first, pieces, limits, size))
  }
}

/** An answer that is there, as one that has begun; or itself where it is about no mail. */
export const whole = (answer: unknown): unknown =>
  typeof answer === "object" && answer !== null && "raw" in answer && typeof answer.raw === "string"
    ? new Begun(Math.floor((answer.raw.length * 3) / 4), () => Promise.resolve(answer))
    : answer

const rest = async (
  head: Buffer,
  first: Buffer,
  pieces: AsyncIterator<Buffer, void>,
  limits: Attachments.Limits,
  size: number | undefined,
): Promise<unknown> => {
  const mail = decoding(Attachments.arriving(limits, size))
  let after: string | undefined
  for (let piece = first; ;) {
    if (after !== undefined) after += piece.toString("latin1")
    else {
      const end = piece.indexOf(quote)
      mail.write(end === -1 ? piece : piece.subarray(0, end))
      if (end !== -1) after = piece.toString("latin1", end)
    }
    const next = await pieces.next()
    if (next.done === true) break
    piece = next.value
  }
  const kept = mail.end()
  if (after === undefined) return ""
  const answer = parsed(Buffer.from(head.toString("latin1") + after, "latin1").toString("utf8"))
  if (typeof answer !== "object" || answer === null) return answer
  return { ...answer, raw: kept?.raw, ...(kept?.omission !== undefined && { omission: kept.omission }) }
}

/** Bytes of an answer: more than the 50 MB of mail that Gmail takes in are as Base64, with what is said of it. */
const answerAtMost = 100_000_000

/** Bytes of an answer before its mail: ids, labels and a few words. */
const beginningAtMost = 1_000_000

async function* piecesOf(body: AsyncIterable<Uint8Array | string>): AsyncGenerator<Buffer, void> {
  let size = 0
  for await (const piece of body) {
    size += piece.length
    if (size > answerAtMost) throw new RangeError("An answer without an end")
    yield bufferOf(piece)
  }
}

const bufferOf = (piece: Uint8Array | string): Buffer =>
  typeof piece === "string" ? Buffer.from(piece) : Buffer.from(piece.buffer, piece.byteOffset, piece.length)

/** Where the characters of `raw` begin. A quote inside a JSON string has a backslash before it. */
const startOf = (head: Buffer): number | undefined => {
  const found = /(?<!\\)"raw"\s*:\s*"/.exec(head.toString("latin1"))
  return found === null ? undefined : found.index + found[0].length
}

/** By what is there already, by what Google estimates, or by the length of the answer. */
const sizeOf = (head: Buffer, first: Buffer, length: number | undefined): number | undefined => {
  const end = first.indexOf(quote)
  if (end !== -1) return Math.floor((end * 3) / 4)
  const estimate = /(?<!\\)"sizeEstimate"\s*:\s*(\d{1,9})\b/.exec(head.toString("latin1"))?.[1]
  if (estimate !== undefined) return Number(estimate)
  return length === undefined ? undefined : Math.max(0, Math.floor(((length - head.length) * 3) / 4))
}

const [quote, backslash, padding] = [0x22, 0x5c, 0x3d]

/** Decodes what arrives. A tape that skips bytes is worthless: the mail is none where something was not of the alphabet. */
const decoding = (mail: Attachments.Arriving) => {
  const decoder = Base64.decoder(Base64.ofAnswers)
  /** From the padding or an escape on: Google writes padding as `=`, which JSON would let it escape. */
  let ending = ""
  let isLost = false
  const decode = (characters: Buffer) => {
    for (let at = 0; at < characters.length; at += scratch.length) {
      mail.write(scratch.subarray(0, decoder.decode(characters.subarray(at, at + scratch.length), scratch)))
    }
  }
  return {
    write: (characters: Buffer) => {
      const end = ending === "" ? endingOf(characters) : 0
      decode(characters.subarray(0, end))
      if (ending.length < longestEnding) ending += characters.toString("latin1", end)
      else isLost ||= characters.length > 0
    },
    end: (): Attachments.Kept | undefined => {
      const last = /^([^=]*)={0,2}$/.exec(unescaped(ending))?.[1]
      if (last === undefined || isLost) return undefined
      decode(Buffer.from(last))
      if (decoder.foreign() > 0 || decoder.left() === 1) return undefined
      mail.write(scratch.subarray(0, decoder.end(scratch)))
      return mail.end()
    },
  }
}

/** Used and done with before anything else happens. */
const scratch = Buffer.allocUnsafeSlow(1 << 16)

/** More than can be meant. */
const longestEnding = 64

const endingOf = (characters: Buffer): number => {
  const ends = [characters.indexOf(padding), characters.indexOf(backslash)].filter((at) => at !== -1)
  return Math.min(characters.length, ...ends)
}

const unescaped = (text: string): string => String(parsed(`"${text}"`))

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
