/**
 * The elements of a page, just as `htmlparser2` tells of them, in less than half of its time: a mail writes the same
 * hundred tags thousands of times over, and here each is read once. A page that is more than plain, with drawings or
 * formulas in it or broken off within a tag, is left to the original.
 */
import { decodeHTML, decodeHTMLAttribute } from "entities/decode"

/** What is told of a page, in order. */
export interface Elements<A> {
  /** What an opening tag means wherever it stands: of tags that are written alike one is asked for. */
  element(name: string, attributes: Attributes): A
  open(element: A): void
  text(text: string): void
  /** Closes what was opened last and is not closed yet. */
  close(): void
  /** Nothing more need be told. */
  readonly isFull: boolean
}

/** By lower-case name, each as it was given first. */
export type Attributes = Readonly<Record<string, string | undefined>>

/** Tells of a page; false if that is more than plain, when any part of it may have been told. */
export const tell = <A>(page: string, to: Elements<A>): boolean => {
  const tags = new Tags(page, to)
  const nesting = new Nesting(to)
  let told = 0
  let tag: Tag<A> | null = null
  for (let at = page.indexOf("<"); at !== -1;) {
    if (!startsTag(page.charCodeAt(at + 1))) {
      if (at + 1 === page.length) return false
      at = page.indexOf("<", at + 1)
      continue
    }
    const text = at > told ? textIn(tag, page.slice(told, at)) : ""
    tag = tags.at(at)
    if (tag === null) return false
    if (text !== "") to.text(text)
    nesting.take(tag)
    if (to.isFull) return true
    told = at + tag.length
    at = tag.isText ? endTagOf(page, tag.name, told) : page.indexOf("<", told)
    if (at === -1 && tag.isText) return false
  }
  if (told < page.length) to.text(decoded(page.slice(told)))
  nesting.end()
  return true
}

const textIn = (tag: Tag<unknown> | null, written: string): string =>
  tag?.isText === true && !hasEntities.has(tag.name) ? written : decoded(written)

const decoded = (written: string): string => (written.includes("&") ? decodeHTML(written) : written)

/** An opening tag, an end tag, or a comment and the like, which has no name. */
interface Tag<A> {
  readonly name: string
  /** As it is written, from `<` to `>`. */
  readonly length: number
  /** Null unless it is an opening tag. */
  readonly opens: { readonly element: A; readonly closes: ReadonlySet<string> } | null
  readonly isVoid: boolean
  /** What stands in it is text, whatever it looks like, up to its end tag. */
  readonly isText: boolean
}

/** The tags of a page, each read once. */
class Tags<A> {
  private readonly known = new Map<string, Tag<A>>()
  private readonly page: string
  private readonly to: Elements<A>

  constructor(page: string, to: Elements<A>) {
    this.page = page
    this.to = to
  }

  /** The tag that starts here; null if it is not plain. */
  at(start: number): Tag<A> | null {
    const { known, page } = this
    const end = page.indexOf(">", start) + 1
    if (end === 0) return null
    const written = page.slice(start, end)
    const before = known.get(written)
    if (before !== undefined) return before
    const tag = this.read(start, end)
    // A `>` in quotes or in a comment ends no tag: what follows may differ.
    if (tag?.length === written.length && known.size < maxKnown) known.set(written, tag)
    return tag
  }

  private read(start: number, end: number): Tag<A> | null {
    const { page, to } = this
    const mark = page.charCodeAt(start + 1)
    if (mark === exclamationMark) return nothing(endOfComment(page, start) - start)
    const nameStart = mark === slash ? start + 2 : start + 1
    if (!isLetter(page.charCodeAt(nameStart))) return nothing(end - start)
    const nameEnd = endOfName(page, nameStart)
    const written = page.slice(nameStart, nameEnd).toLowerCase()
    const name = written === "image" ? "img" : written
    const isVoid = voids.has(name)
    if (mark === slash) return { name, length: end - start, opens: null, isVoid, isText: false }
    if (unplain.has(name)) return null
    const found = attributesFrom(page, nameEnd)
    return found === null
      ? null
      : {
          name,
          length: found.end - start,
          opens: { element: to.element(name, found.attributes), closes: implied.get(name) ?? none },
          isVoid,
          isText: texts.has(name),
        }
  }
}

/** Which elements are open, and what that means for the tags that follow. */
class Nesting<A> {
  private readonly names: Array<string> = []
  private readonly to: Elements<A>

  constructor(to: Elements<A>) {
    this.to = to
  }

  take({ isVoid, name, opens }: Tag<A>): void {
    if (opens !== null) this.open(name, opens, isVoid)
    else if (!isVoid && name !== "") this.close(name)
    else if (name === "br") this.openAndClose(name)
  }

  end(): void {
    while (this.names.length > 0) this.closeLast()
  }

  private open(name: string, { closes, element }: NonNullable<Tag<A>["opens"]>, isVoid: boolean): void {
    if (name === "form" && this.names.includes(name)) return
    while (closes.has(this.names.at(-1) ?? "")) this.closeLast()
    this.to.open(element)
    if (isVoid) this.to.close()
    else this.names.push(name)
  }

  private close(name: string): void {
    if (!this.names.includes(name)) return name === "p" ? this.openAndClose(name) : undefined
    while (this.names.at(-1) !== name) this.closeLast()
    this.closeLast()
  }

  /** `</br>` and a stray `</p>` are seen, too. */
  private openAndClose(name: string): void {
    this.to.open(this.to.element(name, {}))
    this.to.close()
  }

  private closeLast(): void {
    this.names.pop()
    this.to.close()
  }
}

const nothing = (length: number) => (length > 0 ? { name: "", length, opens: null, isVoid: true, isText: false } : null)

/** After what begins with `<!`; -1 if it has no end. */
const endOfComment = (page: string, start: number): number => {
  if (page.startsWith("<![CDATA[", start)) return after(page, "]]>", start)
  if (!page.startsWith("<!--", start)) return after(page, ">", start)
  if (page.startsWith(">", start + 4)) return start + 5
  if (page.startsWith("->", start + 4)) return start + 6
  commentEnd.lastIndex = start + 4
  return commentEnd.test(page) ? commentEnd.lastIndex : -1
}

const after = (page: string, text: string, from: number): number => {
  const at = page.indexOf(text, from)
  return at === -1 ? -1 : at + text.length
}

const commentEnd = /--!?>/g

/** Where the end tag begins of an element whose tags are text. */
const endTagOf = (page: string, name: string, from: number): number => {
  for (let at = page.indexOf("</", from); at !== -1; at = page.indexOf("</", at + 2)) {
    const end = at + 2 + name.length
    if (endsTagName(page.charCodeAt(end)) && page.slice(at + 2, end).toLowerCase() === name) return at
  }
  return -1
}

/** The attributes that follow the name of a tag, and where it ends; null if the page ends before it does. */
const attributesFrom = (page: string, nameEnd: number): { attributes: Attributes; end: number } | null => {
  const attributes: Record<string, string> = {}
  let at = nameEnd
  for (;;) {
    while (isSpace(page.charCodeAt(at)) || page.charCodeAt(at) === slash) at++
    const start = at
    const code = page.charCodeAt(at)
    if (Number.isNaN(code)) return null
    if (code === greaterThan) return { attributes, end: at + 1 }
    while (!endsName(page.charCodeAt(++at)));
    const name = page.slice(start, at).toLowerCase()
    at = afterSpaces(page, at)
    if (page.charCodeAt(at) !== equals) {
      attributes[name] ??= ""
      continue
    }
    at = afterSpaces(page, at + 1)
    const quote = page.charCodeAt(at)
    const isQuoted = quote === doubleQuote || quote === singleQuote
    const valueStart = isQuoted ? at + 1 : at
    if (isQuoted) at = page.indexOf(quote === doubleQuote ? '"' : "'", valueStart)
    else while (!endsValue(page.charCodeAt(at))) at++
    if (at === -1) return null
    const value = page.slice(valueStart, at)
    attributes[name] ??= value.includes("&") ? decodeHTMLAttribute(value) : value
    if (isQuoted) at++
  }
}

const words = (text: string): ReadonlySet<string> => new Set(text.split(" "))

/** With them the same tags mean something else, or nothing is a tag any more. */
const unplain = words("svg math plaintext")

const texts = words("iframe noembed noframes script style textarea title xmp")
const hasEntities = words("textarea title")

const voids = words(
  "area base basefont br col command embed frame hr img input isindex keygen link meta param source track wbr",
)

const none: ReadonlySet<string> = new Set()

/** By the names of those that open, what they close. */
const implied: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.entries({
    tr: "tr th td",
    th: "th",
    td: "thead th td",
    "tbody tfoot": "thead tbody",
    body: "head link script",
    a: "a",
    li: "li",
    "dd dt": "dd dt",
    "rt rp": "rt rp",
    "h1 h2 h3 h4 h5 h6": "h1 h2 h3 h4 h5 h6 p",
    "p address article aside blockquote details div dl fieldset figcaption figure footer form header hr main nav ol pre section table ul":
      "p",
    "select input output button datalist textarea": "input option optgroup select button datalist textarea",
    option: "option",
    optgroup: "optgroup option",
  }).flatMap(([opening, closed]) => opening.split(" ").map((name) => [name, words(closed)] as const)),
)

/** A mail has hundreds; whoever writes more of them has each read when it comes. */
const maxKnown = 4_000

const [space, newLine, tab, formFeed, carriageReturn] = [0x20, 0x0a, 0x09, 0x0c, 0x0d]
const [exclamationMark, doubleQuote, singleQuote, slash, equals, greaterThan, questionMark] = [
  0x21, 0x22, 0x27, 0x2f, 0x3d, 0x3e, 0x3f,
]

const isSpace = (code: number) =>
  code === space || code === newLine || code === tab || code === formFeed || code === carriageReturn

const isLetter = (code: number) => (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a)

const startsTag = (code: number) =>
  isLetter(code) || code === slash || code === exclamationMark || code === questionMark

const endsTagName = (code: number) => code === greaterThan || code === slash || isSpace(code) || Number.isNaN(code)
const endsName = (code: number) => code === equals || endsTagName(code)
const endsValue = (code: number) => code === greaterThan || isSpace(code) || Number.isNaN(code)

const endOfName = (page: string, start: number): number => {
  let end = start
  while (!endsTagName(page.charCodeAt(end))) end++
  return end
}

const afterSpaces = (page: string, from: number): number => {
  let at = from
  while (isSpace(page.charCodeAt(at))) at++
  return at
}
