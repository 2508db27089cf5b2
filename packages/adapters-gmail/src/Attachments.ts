/**
 * Leaves the large attachments out of a mail while it arrives, so that nothing has to hold them: they are told apart,
 * digested and let go of. Where the rest is still more than the tape takes, whatever else is large goes the same way.
 */
import { createHash } from "node:crypto"

import { Schema } from "effect"

import * as Base64 from "./Base64.ts"
import * as Parts from "./Parts.ts"

/** An attachment that was too large to be kept, or anything else of a mail that had no room. */
export const Omitted = Schema.Struct({
  /** Of its content, decoded if it was sent as Base64, in lower-case hexadecimal; and the bytes that this has. */
  sha256: Schema.String,
  size: Schema.Natural,
  /**
   * As the mail says, in lower case. What is no part is `text/rfc822-headers` where it has headers or boundaries, and
   * `text/plain` where it stood between parts.
   */
  contentType: Schema.String,
  /** As the mail says, where it does in plain letters. */
  filename: Schema.optionalKey(Schema.String),
  /** Where in `raw` it stood, and the bytes that it had there. */
  at: Schema.Natural,
  length: Schema.Natural,
})
export type Omitted = typeof Omitted.Type

/** What was left out of a mail, and of which mail. */
export const Omission = Schema.Struct({
  /** Of the mail as it arrived, in lower-case hexadecimal, and its bytes. */
  sha256: Schema.String,
  size: Schema.Natural,
  /** In order of appearance. */
  omitted: Schema.Array(Omitted),
})
export type Omission = typeof Omission.Type

/** How much is kept. */
export interface Limits {
  /** Bytes of the content of attachments. */
  readonly attachmentBytes: number
  /** Bytes of everything that is kept, as {@link bytesOnTape}; the headers of the mail itself stay in any case. */
  readonly mailBytes: number
}

/** A mail, and what was left out of it if anything was. */
export interface Kept {
  readonly raw: Uint8Array
  readonly omission?: Omission
}

export interface Arriving {
  /** The next bytes; they are copied. */
  readonly write: (bytes: Buffer) => void
  readonly end: () => Kept
}

/**
 * A mail that arrives, without its largest attachments in the end: as many of them as it takes for the others to have
 * `attachmentBytes` at most; and then without what is largest in it, until the rest has `mailBytes` on the tape. Of
 * `expected` bytes, if somebody has said so.
 */
export const arriving = (limits: Limits, expected: number | undefined): Arriving => {
  const isSmall = expected !== undefined && expected <= limits.attachmentBytes
  const beginning = holding(isSmall ? expected : firstBlock)
  let sorting: Sorting | undefined
  return {
    write: (bytes) => {
      if (sorting !== undefined) return sorting.write(bytes)
      beginning.copy(bytes)
      // The parts of a mail have no more bytes than the mail.
      if (beginning.size() <= limits.attachmentBytes) return
      sorting = sortingOut(limits)
      // These are nobody else's.
      for (const piece of beginning.take()) sorting.write(piece, "refer")
    },
    end: () => sorting?.end() ?? omitLargest(joined(beginning.take()), limits),
  }
}

/** The same of a mail that is there whole. Where nothing is left out, it is the mail itself. */
export const omitLargest = (raw: Uint8Array, limits: Limits): Kept => {
  if (raw.length <= limits.attachmentBytes && fits([raw], limits.mailBytes)) return { raw }
  const sorting = sortingOut(limits)
  const mail = Buffer.from(raw.buffer, raw.byteOffset, raw.length)
  for (let at = 0; at < mail.length; at += blockAtMost) {
    sorting.write(mail.subarray(at, at + blockAtMost), "refer")
  }
  const { omission, raw: kept } = sorting.end()
  return omission === undefined ? { raw } : { raw: kept, omission }
}

/** Bytes that bytes of a mail take on the tape, where each is a character of JSON: one, two, or six for a control. */
export const bytesOnTape = (bytes: Uint8Array): number => {
  let size = 0
  for (let at = 0; at < bytes.length; at++) size += onTape[bytes[at] ?? 0] ?? 0
  return size
}

const onTape = Uint8Array.from(
  { length: 256 },
  (_, byte) => Buffer.from(JSON.stringify(String.fromCharCode(byte))).length - 2,
)

/** The most that one byte takes. */
const onTapeAtMost = 6

/** Counts only where it is not clear. */
const fits = (pieces: ReadonlyArray<Uint8Array>, room: number): boolean =>
  onTapeAtMost * pieces.reduce((sum, { length }) => sum + length, 0) <= room ||
  pieces.reduce((sum, piece) => sum + bytesOnTape(piece), 0) <= room

/** A stretch of a mail: a part, or what stands around parts. */
interface Stretch {
  readonly index: number
  readonly part: Parts.Head | undefined
  readonly kind: "part" | "frame" | "between"
  /** What is kept of it: nothing once it was left out. */
  readonly bytes: Holding
  /** Bytes in the mail, and how many of them are characters of Base64. */
  length: number
  characters: number
  /** Of its content, once it was left out. */
  digest: Digest | undefined
}

interface Sorting extends Arriving {
  /** Bytes that nobody changes need not be copied to be kept. */
  readonly write: (bytes: Buffer, keeping?: "copy" | "refer") => void
}

const sortingOut = ({ attachmentBytes: limit, mailBytes }: Limits): Sorting => {
  let keeping: "copy" | "refer" = "copy"
  const whole = createHash("sha256")
  const stretches: Array<Stretch> = []
  /** Parts that are at their end, may have to go, and have not. */
  let complete: Array<Stretch> = []
  let weight = 0
  let size = 0

  const begin = (kind: Stretch["kind"], part?: Parts.Head): Stretch => {
    const { length: index } = stretches
    const stretch = { index, part, kind, bytes: holding(0), length: 0, characters: 0, digest: undefined }
    stretches.push(stretch)
    return stretch
  }
  const around = (kind: "frame" | "between") => (bytes: Buffer) => {
    const last = stretches.at(-1)
    keep(last?.kind === kind ? last : begin(kind), bytes, keeping)
  }
  /** What is read of a mail is not what makes it large. */
  const weightOf = (stretch: Stretch) => {
    const size = sizeOf(stretch)
    return stretch.part?.contentType.startsWith("text/") === true && size <= limit ? 0 : size
  }
  /** The largest first, among equals the earlier. What has to go for these goes whatever else comes. */
  const leaveOutLargest = () => {
    complete.sort((a, b) => weightOf(a) - weightOf(b) || b.index - a.index)
    while (weight > limit) {
      const largest = complete.pop()
      if (largest === undefined) return
      weight -= weightOf(largest)
      leaveOut(largest)
    }
  }
  const split = Parts.splitter({
    frame: around("frame"),
    between: around("between"),
    begin: (part) => begin("part", part),
    content: (bytes) => {
      const stretch = stretches.at(-1)
      if (stretch?.part === undefined) return
      keep(stretch, bytes, keeping)
      // A multipart may turn out to have parts.
      if (!stretch.part.isMultipart && stretch.digest === undefined && sizeOf(stretch) > limit) leaveOut(stretch)
    },
    retract: () => {
      const stretch = stretches.pop()
      if (stretch !== undefined) stretches.push({ ...stretch, part: undefined, kind: "between" })
    },
    end: () => {
      const stretch = stretches.at(-1)
      if (stretch?.part === undefined || stretch.digest !== undefined || weightOf(stretch) === 0) return
      complete.push(stretch)
      weight += weightOf(stretch)
      // Not for each of very many.
      if (weight > limit + Math.max(limit / 4, blockAtMost)) leaveOutLargest()
    },
  })
  return {
    write: (bytes, keep = "copy") => {
      keeping = keep
      size += bytes.length
      whole.update(bytes)
      split.write(bytes)
    },
    end: () => {
      split.end()
      leaveOutLargest()
      complete = []
      leaveOutUntilFits(stretches, mailBytes)
      const kept: Array<Buffer> = []
      const omitted: Array<Omitted> = []
      let at = 0
      for (const { bytes, digest, kind, length, part } of stretches) {
        if (digest !== undefined) omitted.push({ ...digest.end(), ...saidOf(kind, part), at, length })
        at += bytes.size()
        kept.push(...bytes.take())
      }
      const raw = joined(kept)
      return omitted.length === 0 ? { raw } : { raw, omission: { sha256: whole.digest("hex"), size, omitted } }
    },
  }
}

const keep = (stretch: Stretch, bytes: Buffer, keeping: "copy" | "refer") => {
  stretch.length += bytes.length
  if (stretch.digest !== undefined) return stretch.digest.update(bytes)
  stretch.bytes[keeping](bytes)
  if (stretch.part?.isBase64 !== true) return
  for (let at = 0; at < bytes.length; at++) if (Base64.ofMail[bytes[at] ?? 0] !== Base64.outside) stretch.characters++
}

/** Bytes of the content so far, counted without decoding it. */
const sizeOf = ({ characters, length, part }: Stretch) =>
  part?.isBase64 === true ? Math.floor((characters * 3) / 4) : length

const leaveOut = (stretch: Stretch) => {
  const digest = digesting(stretch.part?.isBase64 === true)
  for (const bytes of stretch.bytes.take()) digest.update(bytes)
  stretch.digest = digest
}

/** The largest first, among equals the earlier; never what the mail says of itself. */
const leaveOutUntilFits = (stretches: ReadonlyArray<Stretch>, room: number) => {
  const kept = stretches.filter(({ digest }) => digest === undefined)
  const pieces = kept.flatMap(({ bytes }) => bytes.pieces())
  if (fits(pieces, room)) return
  const sized = kept.map((stretch) => ({
    stretch,
    size: stretch.bytes.pieces().reduce((sum, piece) => sum + bytesOnTape(piece), 0),
  }))
  let total = sized.reduce((sum, { size }) => sum + size, 0)
  for (const { size, stretch } of sized.toSorted((a, b) => b.size - a.size || a.stretch.index - b.stretch.index)) {
    if (total <= room) return
    if (stretch.index === 0) continue
    total -= size
    leaveOut(stretch)
  }
}

const saidOf = (kind: Stretch["kind"], part: Parts.Head | undefined): Pick<Omitted, "contentType" | "filename"> => {
  if (part === undefined) return { contentType: kind === "frame" ? "text/rfc822-headers" : "text/plain" }
  const { contentType, filename } = part
  return {
    contentType: contentType.slice(0, 100),
    ...(filename !== undefined && { filename: filename.replace(/[^ -~\u0080-\u00ff]/g, "").slice(0, 200) }),
  }
}

interface Digest {
  readonly update: (bytes: Buffer) => void
  readonly end: () => Pick<Omitted, "sha256" | "size">
}

const digesting = (isBase64: boolean): Digest => {
  const hash = createHash("sha256")
  const decoder = Base64.decoder(Base64.ofMail)
  let size = 0
  const add = (content: Buffer) => {
    size += content.length
    hash.update(content)
  }
  return {
    update: (bytes) => {
      if (!isBase64) return add(bytes)
      for (let at = 0; at < bytes.length; at += scratch.length) {
        add(scratch.subarray(0, decoder.decode(bytes.subarray(at, at + scratch.length), scratch)))
      }
    },
    end: () => {
      if (isBase64) add(scratch.subarray(0, decoder.end(scratch)))
      return { sha256: hash.digest("hex"), size }
    },
  }
}

/** Used and done with before anything else happens. */
const scratch = Buffer.allocUnsafeSlow(1 << 16)

/** Bytes that are kept, in blocks that nobody has to copy as they become more. */
interface Holding {
  readonly copy: (bytes: Buffer) => void
  readonly refer: (bytes: Buffer) => void
  readonly size: () => number
  readonly pieces: () => ReadonlyArray<Buffer>
  /** All of it, which is not held any more. */
  readonly take: () => ReadonlyArray<Buffer>
}

const holding = (first: number): Holding => {
  let blocks: Array<Buffer> = []
  let block = empty
  let filled = 0
  let size = 0
  const pieces = () => (filled > 0 ? [...blocks, block.subarray(0, filled)] : blocks)
  const endBlock = (least: number) => {
    if (filled > 0) blocks.push(block.subarray(0, filled))
    const length = block === empty ? first : Math.min(block.length * 2, blockAtMost)
    block = Buffer.allocUnsafe(Math.max(least, length))
    filled = 0
  }
  return {
    copy: (bytes) => {
      size += bytes.length
      const fits = Math.min(bytes.length, block.length - filled)
      bytes.copy(block, filled, 0, fits)
      filled += fits
      if (fits === bytes.length) return
      endBlock(bytes.length - fits)
      filled = bytes.copy(block, 0, fits)
    },
    refer: (bytes) => {
      size += bytes.length
      blocks.push(bytes)
    },
    size: () => size,
    pieces,
    take: () => {
      const all = pieces()
      blocks = []
      block = empty
      filled = size = 0
      return all
    },
  }
}

const empty = Buffer.alloc(0)

/** Bytes that are set aside for a mail of unknown size, and the most that are at once. */
const firstBlock = 1 << 16
const blockAtMost = 1 << 18

const joined = (pieces: ReadonlyArray<Buffer>): Buffer => {
  const [first = empty, ...others] = pieces
  return others.length === 0 ? first : Buffer.concat(pieces)
}
