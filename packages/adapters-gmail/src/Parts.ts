/**
 * Tells the parts of a mail apart as its bytes arrive, in pieces of any length: nothing is held but the headers that are
 * being read, and what may turn out to be a boundary.
 *
 * The structure is read as loosely as mail is written. What cannot be told apart is one part.
 */

/** What the headers of a part say. */
export interface Head {
  /** Where its headers begin, in the bytes of the mail. */
  readonly head: number
  /** Each on one line. */
  readonly headers: string
  readonly isBase64: boolean
  readonly isMultipart: boolean
  /** As the mail says, in lower case. */
  readonly contentType: string
  /** As the mail says, where it does. */
  readonly filename: string | undefined
  /** Of its parts, if it is a multipart that has one. */
  readonly boundary: string | undefined
}

/** Who is told of the parts, in their order. Bytes are lent: what is kept of them is copied, if the mail is not to stay. */
export interface Listener {
  /** Headers and the lines of boundaries. */
  readonly frame: (bytes: Buffer) => void
  /** What stands between parts and after the last one, and is none of them. */
  readonly between: (bytes: Buffer) => void
  /** A part without parts begins. A multipart is one until its boundary is found: then its content stood between parts. */
  readonly begin: (part: Head, start: number) => void
  readonly content: (bytes: Buffer) => void
  readonly retract: () => void
  readonly end: (end: number) => void
}

/** Multiparts that are looked into, one inside the other; what is deeper is one part. */
const depthAtMost = 16

/** Parts that are told apart; the last one has all the rest. */
const partsAtMost = 10_000

/** Bytes of headers that are read; what comes after is content. */
const headAtMost = 262_144

/** Lines that begin as boundaries do, for each of which all that are open are tried; what comes after is one part. */
const dashesAtMost = 50_000

export interface Splitter {
  readonly write: (bytes: Buffer) => void
  readonly end: () => void
}

export const splitter = (listener: Listener): Splitter => {
  /** The multiparts that are open, outermost first. */
  let open: Array<Open> = []
  let state: "head" | "content" | "unopened" | "around" | "delimiter" = "head"
  /** What the line of a boundary is followed by. */
  let after: "head" | "around" = "around"
  let count = 0
  let dashes = 0
  /** Whether what comes next begins a line. Where a line break is held back it is seen there. */
  let isLineStart = true
  /** Bytes that are not passed on yet, and where they are in the mail. */
  let held: Buffer = empty
  let position = 0

  const isInPart = () => state === "content" || state === "unopened"

  const pass = (bytes: Buffer) => {
    if (bytes.length === 0) return
    if (isInPart()) listener.content(bytes)
    else if (state === "around") listener.between(bytes)
    else listener.frame(bytes)
    isLineStart = false
  }

  /** Which open multipart has its boundary on the line that begins here; more bytes may be needed to tell. */
  const boundaryAt = (bytes: Buffer, line: number, isLast: boolean): number | "unknown" => {
    if (++dashes > dashesAtMost) return -1
    for (const [level, { boundary }] of open.entries()) {
      const end = line + boundary.length
      const available = Math.min(end, bytes.length)
      if (bytes.compare(boundary, 0, available - line, line, available) !== 0) continue
      if (end < bytes.length ? endsLine.has(bytes[end] ?? 0) : end === bytes.length && isLast) return level
      if (end >= bytes.length && !isLast) return "unknown"
    }
    return -1
  }

  const endOf = (line: number, level: number) => line + (open[level]?.boundary.length ?? 0)

  /** Where the next boundary is, or how far there surely is none. */
  const search = (bytes: Buffer, from: number, isLast: boolean): Found => {
    const none = (upTo: number): Found => ({ upTo, end: upTo, level: -1 })
    if (open.length === 0 || dashes > dashesAtMost) return none(bytes.length)
    if (isLineStart && bytes[from] !== undefined) {
      const level = bytes[from] === dash ? boundaryAt(bytes, from, isLast) : -1
      if (level === "unknown") return none(from)
      if (level !== -1) return { upTo: from, end: endOf(from, level), level }
    }
    for (
      let feed = bytes.indexOf(newLineOfDashes, from);
      feed !== -1;
      feed = bytes.indexOf(newLineOfDashes, feed + 1)
    ) {
      const level = boundaryAt(bytes, feed + 1, isLast)
      const upTo = Math.max(from, bytes[feed - 1] === carriageReturn ? feed - 1 : feed)
      if (level === "unknown") return none(upTo)
      if (level !== -1) return { upTo, end: endOf(feed + 1, level), level }
    }
    return none(isLast ? bytes.length : Math.max(from, beforeLineBreak(bytes)))
  }

  const endPart = (end: number) => {
    if (isInPart()) listener.end(end)
    state = "around"
  }

  /** A boundary ends what is inside its multipart, and begins a part or ends the multipart. */
  const cross = (bytes: Buffer, from: number, { end, level, upTo }: Found) => {
    pass(bytes.subarray(from, upTo))
    if (state === "unopened" && level === open.length - 1) listener.retract()
    else endPart(position + upTo)
    const isClose = bytes[end] === dash
    open = open.slice(0, isClose ? level : level + 1)
    after = isClose ? "around" : "head"
    state = "delimiter"
    pass(bytes.subarray(upTo, end))
    return end
  }

  /** Reads the headers of a part, if they are there to their end. */
  const readHead = (bytes: Buffer, from: number, isLast: boolean): number => {
    const limit = Math.min(bytes.length, from + headAtMost)
    const isAll = isLast || limit < bytes.length || limit === from + headAtMost
    for (let line = from; line < limit;) {
      const level = bytes[line] === dash ? boundaryAt(bytes, line, isLast) : -1
      if (level === "unknown") return from
      if (level !== -1) {
        const upTo = Math.max(from, beforeLineBreak(bytes, line))
        const end = endOf(line, level)
        begin(bytes, from, upTo)
        return cross(bytes, upTo, { upTo, end, level })
      }
      const feed = bytes.indexOf(lineFeed, line)
      if (feed === -1 || feed >= limit) break
      if (feed === line || (feed === line + 1 && bytes[line] === carriageReturn)) {
        begin(bytes, from, feed + 1)
        return feed + 1
      }
      line = feed + 1
    }
    if (!isAll) return from
    begin(bytes, from, limit)
    return limit
  }

  const begin = (bytes: Buffer, from: number, to: number) => {
    pass(bytes.subarray(from, to))
    const head = headOf(bytes.toString("latin1", from, to), position + from, open.at(-1)?.partsAre ?? "text/plain")
    const boundary = open.length < depthAtMost ? head.boundary : undefined
    if (++count >= partsAtMost) open = []
    else if (boundary !== undefined) {
      const partsAre = head.contentType === "multipart/digest" ? "message/rfc822" : "text/plain"
      open.push({ boundary: Buffer.from(`--${boundary}`, "latin1"), partsAre })
    }
    state = count < partsAtMost && boundary !== undefined ? "unopened" : "content"
    isLineStart = true
    listener.begin(head, position + to)
  }

  /** Reads on, and says how far. */
  const step = (bytes: Buffer, from: number, isLast: boolean): number => {
    if (state === "head") return readHead(bytes, from, isLast)
    if (state === "delimiter") {
      const feed = bytes.indexOf(lineFeed, from)
      const to = feed === -1 ? bytes.length : feed + 1
      pass(bytes.subarray(from, to))
      if (feed !== -1) {
        state = after
        isLineStart = true
      }
      return to
    }
    const found = search(bytes, from, isLast)
    if (found.level !== -1) return cross(bytes, from, found)
    pass(bytes.subarray(from, found.upTo))
    return found.upTo
  }

  const read = (bytes: Buffer, isLast: boolean) => {
    let at = 0
    while (at < bytes.length) {
      const before = state
      const next = step(bytes, at, isLast)
      if (next === at && state === before) break
      at = next
    }
    held = at === bytes.length ? empty : Buffer.from(bytes.subarray(at))
    position += at
  }

  return {
    write: (bytes) => read(held.length === 0 ? bytes : Buffer.concat([held, bytes]), false),
    end: () => {
      read(held, true)
      endPart(position)
    },
  }
}

interface Open {
  /** As it begins a line. */
  readonly boundary: Buffer
  /** The content type of its parts that do not say theirs. */
  readonly partsAre: string
}

interface Found {
  /** Where what comes before it ends: its line break is its own. */
  readonly upTo: number
  /** Where the boundary itself ends. */
  readonly end: number
  /** Of the multipart whose boundary it is; -1 for none. */
  readonly level: number
}

/** Where the line break at the end begins, or what may become one. */
const beforeLineBreak = (bytes: Buffer, end = bytes.length): number => {
  let at = end
  if (end === bytes.length && bytes[at - 1] === dash && bytes[at - 2] === lineFeed) at--
  if (bytes[at - 1] === lineFeed) at--
  return bytes[at - 1] === carriageReturn ? at - 1 : at
}

const headOf = (text: string, head: number, unless: string): Head => {
  const headers = text.replace(/\r?\n[ \t]+/g, " ")
  const contentType = header(headers, "content-type")
  const isMultipart = /^multipart\//i.test(contentType)
  const boundary = isMultipart
    ? (parameter(contentType, "boundary") ?? parameter(contentType, "boundary\\*0"))
    : undefined
  const filename = parameter(header(headers, "content-disposition"), "filename") ?? parameter(contentType, "name")
  return {
    head,
    headers,
    isMultipart,
    isBase64: /^base64\b/i.test(header(headers, "content-transfer-encoding")),
    contentType: (
      /^[\w.+-]+\/[\w.+-]+/.exec(contentType)?.[0] ?? (contentType === "" ? unless : "text/plain")
    ).toLowerCase(),
    filename: filename === "" ? undefined : filename,
    boundary: boundary === "" ? undefined : boundary,
  }
}

/** A part without parts, and where its content is in the bytes of the mail. */
export interface Part extends Head {
  readonly start: number
  readonly end: number
}

/** The parts of a whole mail, in order of appearance. */
export const partsOf = (mail: Buffer): ReadonlyArray<Part> => structureOf(mail).parts

/** A stretch of a mail that is no part. */
export interface Between {
  readonly head: undefined
  readonly start: number
  readonly end: number
}

/** The same, with what stands between parts and after the last one, and the boundaries of all multiparts. */
export const structureOf = (mail: Buffer) => {
  const parts: Array<Part> = []
  const around: Array<Between> = []
  const boundaries = new Set<string>()
  let position = 0
  const pass = ({ length }: Buffer) => (position += length)
  let begun: { readonly head: Head; readonly start: number } | undefined
  const split = splitter({
    frame: pass,
    between: (bytes) => around.push({ head: undefined, start: position, end: pass(bytes) }),
    content: pass,
    begin: (head, start) => {
      begun = { head, start }
      if (head.boundary !== undefined) boundaries.add(head.boundary)
    },
    retract: () => {
      if (begun !== undefined) around.push({ head: undefined, start: begun.start, end: position })
      begun = undefined
    },
    end: (end) => {
      if (begun !== undefined) parts.push({ ...begun.head, start: begun.start, end })
    },
  })
  split.write(mail)
  split.end()
  return { parts, around, boundaries }
}

/** The first header of a name, without the spaces around it; empty if there is none. */
export const header = (headers: string, name: string): string =>
  new RegExp(`^${name}[ \\t]*:(.*)`, "im").exec(headers)?.[1]?.trim() ?? ""

export const parameter = (value: string, name: string): string | undefined => {
  const found = new RegExp(`;\\s*${name}\\s*=\\s*(?:"([^"]*)"|([^\\s;"]+))`, "i").exec(value)
  return found === null ? undefined : (found[1] ?? found[2])
}

const empty = Buffer.alloc(0)
const newLineOfDashes = "\n--"
const [lineFeed, carriageReturn, dash] = [0x0a, 0x0d, 0x2d]
const endsLine = new Set([lineFeed, carriageReturn, dash, 0x20, 0x09])
