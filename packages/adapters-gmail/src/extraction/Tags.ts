/**
 * Finds the tags of a page for `htmlparser2`, in a fraction of the time that its own tokenizer takes, which looks at every
 * character of a mail once for each state that it may be in. Half of a mail's markup is `cellpadding` and the like: of
 * attributes that nobody reads nothing is told.
 *
 * Tags, comments, style sheets and the text between them are found here. Whatever is more than that, such as a script, is
 * handed to the original: piece by piece where a piece leaves nothing open, else with all that follows. Both find the same
 * in any page. Entities are left as they are written.
 */
import { QuoteType, Tokenizer, type TokenizerCallbacks } from "htmlparser2"

/** Tells of the attributes of these names, if not only of them. */
export const finder = (names: Iterable<string>): typeof Tokenizer => {
  const initials: Array<Set<number>> = []
  for (const name of names) (initials[name.length] ??= new Set()).add(name.charCodeAt(0))
  return class extends TagFinder {
    constructor(options: ConstructorParameters<typeof Tokenizer>[0], found: TokenizerCallbacks) {
      super(options, found, initials)
    }
  }
}

/** By the length of a name, the first letters of those that are read: what begins alike is told of, too. */
type Initials = ReadonlyArray<ReadonlySet<number> | undefined>

class TagFinder extends Tokenizer {
  private readonly found: TokenizerCallbacks
  private readonly shifted: Shifted
  /** How many characters the original has read. */
  private handed = 0
  private readonly tag: OpenTag
  /** Where the end tag of the last element without tags begins. */
  private closing = -1

  constructor(options: ConstructorParameters<typeof Tokenizer>[0], found: TokenizerCallbacks, initials: Initials) {
    const shifted = new Shifted(found)
    super({ ...options, decodeEntities: false }, shifted)
    this.tag = new OpenTag(initials)
    this.found = found
    this.shifted = shifted
  }

  /** The page, whole. */
  override write(page: string): void {
    for (let at = 0; at < page.length && this.running;) {
      const tag = page.indexOf("<", at)
      const end = tag === -1 ? -1 : this.endOf(page, tag)
      if (end === -1) return this.hand(page, at, page.length)
      if (!this.find(page, at, tag, end)) this.hand(page, at, end)
      at = end
    }
  }

  /** Where text follows again after what begins here: after a tag, or after what a tag makes no text; -1 if that is not plain. */
  private endOf(page: string, tag: number): number {
    const code = page.charCodeAt(tag + 1)
    if (isLetter(code)) {
      if (!this.tag.read(page, tag)) return -1
      const close = closings.get(page.slice(tag + 1, this.tag.nameEnd).toLowerCase())
      if (close === undefined) return this.tag.end
      if (this.found.isInForeignContext?.() === true || this.tag.isSelfClosing || close === null) return -1
      close.lastIndex = this.tag.end
      this.closing = close.exec(page)?.index ?? -1
      return this.closing === -1 ? -1 : afterOrNowhere(page, ">", this.closing)
    }
    if (code === slash) return isLetter(page.charCodeAt(tag + 2)) ? afterOrNowhere(page, ">", tag) : -1
    if (code !== exclamationMark || page.startsWith("<![CDATA[", tag)) return -1
    if (!page.startsWith("<!--", tag)) return afterOrNowhere(page, ">", tag)
    const end = page.indexOf("-->", tag + 4)
    const first = page.charCodeAt(tag + 4)
    if (end === -1 || first === greaterThan || page.startsWith("->", tag + 4)) return -1
    return page.slice(tag + 4, end).includes("--!>") ? -1 : end + 3
  }

  /** Tells of text, and of the tag after it; false, and nothing told, if that is more than a tag. */
  private find(page: string, from: number, tag: number, end: number): boolean {
    const code = page.charCodeAt(tag + 1)
    const isOpening = isLetter(code)
    const isStyle = isOpening && this.tag.end !== end && /^style[\s/>]/i.test(page.slice(tag + 1, tag + 7))
    const isComment = code === exclamationMark && page.startsWith("<!--", tag)
    if (isOpening ? this.tag.end !== end && !isStyle : code !== slash && !isComment) return false
    if (tag > from) this.found.ontext(from, tag)
    if (isComment) this.found.oncomment(tag + 4, end - 1, 2)
    else if (!isOpening) this.found.onclosetag(tag + 2, nameEnd(page, tag + 2))
    else {
      this.tag.tell(tag, this.found)
      if (isStyle && this.running) {
        if (this.closing > this.tag.end) this.found.ontext(this.tag.end, this.closing)
        this.found.onclosetag(this.closing + 2, nameEnd(page, this.closing + 2))
      }
    }
    return true
  }

  private hand(page: string, from: number, to: number): void {
    this.shifted.by = from - this.handed
    this.handed += to - from
    super.write(page.slice(from, to))
  }
}

/** An opening tag, as it was read last. */
class OpenTag {
  nameEnd = 0
  /** After its `>`. */
  end = 0
  isSelfClosing = false
  /** For each attribute where its name begins and ends, and its value, and how it is quoted. */
  private readonly marks: Array<number> = []
  private readonly initials: Initials

  constructor(initials: Initials) {
    this.initials = initials
  }

  /** False if the page ends before it does. */
  read(page: string, tag: number): boolean {
    const { marks } = this
    marks.length = 0
    this.isSelfClosing = false
    let at = (this.nameEnd = nameEnd(page, tag + 1))
    for (;;) {
      at = afterSpaces(page, at)
      const code = page.charCodeAt(at)
      if (Number.isNaN(code)) return false
      if (code === greaterThan) {
        this.end = at + 1
        return true
      }
      if (code === slash) {
        at = afterSpaces(page, at + 1)
        if (page.charCodeAt(at) === greaterThan) this.isSelfClosing = true
        continue
      }
      const name = at
      while (!endsName(page.charCodeAt(++at)));
      const end = at
      const isRead = this.initials[end - name]?.has(page.charCodeAt(name) | lowerCase) === true
      at = afterSpaces(page, at)
      if (page.charCodeAt(at) !== equals) {
        if (isRead) marks.push(name, end, 0, 0, QuoteType.NoValue)
        continue
      }
      at = afterSpaces(page, at + 1)
      const quote = page.charCodeAt(at)
      if (quote === doubleQuote || quote === singleQuote) {
        const close = page.indexOf(quote === doubleQuote ? '"' : "'", at + 1)
        if (close === -1) return false
        if (isRead) marks.push(name, end, at + 1, close, quote === doubleQuote ? QuoteType.Double : QuoteType.Single)
        at = close + 1
        continue
      }
      const value = at
      while (!endsValue(page.charCodeAt(at))) at++
      if (isRead) marks.push(name, end, value, at, QuoteType.Unquoted)
    }
  }

  tell(tag: number, found: TokenizerCallbacks): void {
    const { marks } = this
    found.onopentagname(tag + 1, this.nameEnd)
    for (let index = 0; index < marks.length; index += 5) {
      const end = marks[index + 1] ?? 0
      const valueEnd = marks[index + 3] ?? 0
      const quote = marks[index + 4] ?? QuoteType.NoValue
      found.onattribname(marks[index] ?? 0, end)
      if (quote !== QuoteType.NoValue) found.onattribdata(marks[index + 2] ?? 0, valueEnd)
      found.onattribend(quote, quote === QuoteType.NoValue ? end : valueEnd)
    }
    if (this.isSelfClosing) found.onselfclosingtag(this.end - 1)
    else found.onopentagend(this.end - 1)
  }
}

/** Tells of what the original finds in a piece by where it stands in the page. */
class Shifted implements TokenizerCallbacks {
  by = 0
  private readonly found: TokenizerCallbacks

  constructor(found: TokenizerCallbacks) {
    this.found = found
  }

  onattribdata(start: number, end: number): void {
    this.found.onattribdata(start + this.by, end + this.by)
  }
  onattribentity(code: number): void {
    this.found.onattribentity(code)
  }
  onattribend(quote: QuoteType, end: number): void {
    this.found.onattribend(quote, end + this.by)
  }
  onattribname(start: number, end: number): void {
    this.found.onattribname(start + this.by, end + this.by)
  }
  oncdata(start: number, end: number, offset: number): void {
    this.found.oncdata(start + this.by, end + this.by, offset)
  }
  onclosetag(start: number, end: number): void {
    this.found.onclosetag(start + this.by, end + this.by)
  }
  oncomment(start: number, end: number, offset: number): void {
    this.found.oncomment(start + this.by, end + this.by, offset)
  }
  ondeclaration(start: number, end: number): void {
    this.found.ondeclaration(start + this.by, end + this.by)
  }
  onend(): void {
    this.found.onend()
  }
  onopentagend(end: number): void {
    this.found.onopentagend(end + this.by)
  }
  onopentagname(start: number, end: number): void {
    this.found.onopentagname(start + this.by, end + this.by)
  }
  onprocessinginstruction(start: number, end: number): void {
    this.found.onprocessinginstruction(start + this.by, end + this.by)
  }
  onselfclosingtag(end: number): void {
    this.found.onselfclosingtag(end + this.by)
  }
  /** Of a tag that the page breaks off the original says that its text begins at -1. */
  ontext(start: number, end: number): void {
    this.found.ontext(start < 0 ? start : start + this.by, end + this.by)
  }
  ontextentity(code: number, end: number): void {
    this.found.ontextentity(code, end + this.by)
  }
  isInForeignContext(): boolean {
    return this.found.isInForeignContext?.() === true
  }
}

/** What ends the elements in which tags are text; nothing ends `plaintext`. */
const closings: ReadonlyMap<string, RegExp | null> = new Map([
  ...["iframe", "noembed", "noframes", "script", "style", "textarea", "title", "xmp"].map(
    (name) => [name, new RegExp(`</${name}(?=[ \\n\\t\\f\\r/>])`, "gi")] as const,
  ),
  ["plaintext", null] as const,
])

const lowerCase = 0x20
const [space, newLine, tab, formFeed, carriageReturn] = [0x20, 0x0a, 0x09, 0x0c, 0x0d]
const [exclamationMark, doubleQuote, singleQuote, slash, equals, greaterThan] = [0x21, 0x22, 0x27, 0x2f, 0x3d, 0x3e]

const isSpace = (code: number) =>
  code === space || code === newLine || code === tab || code === formFeed || code === carriageReturn

const isLetter = (code: number) => (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a)

const endsTagName = (code: number) => code === greaterThan || code === slash || isSpace(code) || Number.isNaN(code)
const endsName = (code: number) => code === equals || endsTagName(code)
const endsValue = (code: number) => code === greaterThan || isSpace(code) || Number.isNaN(code)

const nameEnd = (page: string, start: number): number => {
  let end = start
  while (!endsTagName(page.charCodeAt(end))) end++
  return end
}

const afterSpaces = (page: string, from: number): number => {
  let at = from
  while (isSpace(page.charCodeAt(at))) at++
  return at
}

const afterOrNowhere = (page: string, text: string, from: number): number => page.indexOf(text, from) + 1 || -1
