/**
 * What a reader of an html mail sees, line by line, with its links and with what it says to machines.
 *
 * One pass over a stream of tags, without a tree: the work is linear in the length, whatever is nested in whatever.
 * What nobody sees is not read, because whoever hides text hides it from the person who would have objected.
 */
import { Parser } from "htmlparser2"

import * as Lines from "./Lines.ts"
import * as Selectors from "./Selectors.ts"
import * as Tables from "./Tables.ts"
import * as Tags from "./Tags.ts"

export interface Page {
  /**
   * Visible text: blocks and cells on lines of their own, spaces normalised. A line of a quoted mail begins with `> `,
   * as it would in a text mail.
   */
  readonly lines: ReadonlyArray<string>
  /** Of each line where in a table it stands; null if in none. */
  readonly cells: ReadonlyArray<Tables.Cell | null>
  /** The visible links, in order of appearance. */
  readonly links: ReadonlyArray<Link>
  /** JSON-LD nodes, and microdata of reservations in the same shape. What any of it claims is unchecked. */
  readonly structured: ReadonlyArray<unknown>
  /** Something legible was hidden from the reader. Most mails hide a preview text. */
  readonly hiddenText: boolean
  /** The mail is too long or too deep to be read to its end. */
  readonly truncated: boolean
}

export interface Link {
  /** As the mail has it, entities decoded. */
  readonly href: string
  readonly text: string
  /** The line on which it begins: an index into `lines`, or its length at the end of the page. */
  readonly line: number
  /** It stands in a quoted mail. */
  readonly quoted: boolean
}

/** Beyond these a mail is bait: it is read up to there. */
export const limits = { length: 2_000_000, depth: 500 } as const

export const read = (html: string): Page => {
  const page = html.slice(0, limits.length)
  const reader = new Reader()
  return (Tags.tell(page, reader) ? reader : readWhole(page)).page(html.length > limits.length)
}

/** As any page can be read. */
const readWhole = (page: string): Reader => {
  const reader = new Reader()
  const parser: Parser = new Parser({
    onopentag: (name, attributes) => {
      reader.open(reader.element(name, attributes))
      if (reader.isFull) parser.pause()
    },
    ontext: (text) => reader.text(text),
    onclosetag: () => reader.close(),
  })
  parser.end(page)
  return reader
}

/** An opening tag, and what can be said of it wherever it stands. */
interface Element {
  readonly name: string
  readonly attributes: Attributes
  readonly declared: ReadonlyMap<string, string>
  readonly classes: ReadonlyArray<string>
  /** Shared by those that look alike inside the same; null where that is not known. */
  readonly likeness: string | null
  readonly hasLook: boolean
  readonly isBlock: boolean
  readonly isQuote: boolean
  readonly isQuoteHead: boolean
  readonly isSilent: boolean
  readonly isLink: boolean
  /** What it is to a table. */
  readonly part: "table" | "row" | "cell" | null
}

interface Open {
  readonly element: Element
  readonly look: Look
  readonly standing: Selectors.Standing
  readonly quoted: boolean
  /** The text within is none of the page's. */
  readonly silent: boolean
  readonly link: OpenLink | null
  readonly item: Item | null
  readonly property: OpenProperty | null
  readonly table: Tables.Table | null
  readonly cell: Tables.Cell | null
}

interface Look {
  /** Gone with everything within. */
  readonly gone: boolean
  /** Not shown, unless something within is set to be visible. */
  readonly veiled: boolean
  /** Too small to be read, unless something within has a size of its own. */
  readonly tiny: boolean
  /** Null where it cannot be known. */
  readonly ink: string | null
  readonly paper: string | null
  /** The one cannot be told from the other. */
  readonly faint: boolean
}

interface OpenLink {
  readonly href: string
  readonly line: number
  readonly quoted: boolean
  text: string
}

type Item = Map<string, unknown>

interface OpenProperty {
  readonly names: ReadonlyArray<string>
  readonly of: Item
  text: string
}

const plainLook: Look = { gone: false, veiled: false, tiny: false, ink: "#000000", paper: "#ffffff", faint: false }

class Reader implements Tags.Elements<Element> {
  /** The page is deeper than it is read. */
  isFull = false
  private readonly stack: Array<Open> = []
  private readonly lines: Array<string> = []
  private readonly cells: Array<Tables.Cell | null> = []
  private readonly links: Array<Link> = []
  private readonly structured: Array<unknown> = []
  private readonly styles = new Known(declarations)
  private readonly classes = new Known(classesOf)
  private readonly sheet = new StyleSheet(this.styles)
  private readonly looks = new Looks()
  private hidden = false
  private line = ""
  private lineQuoted = false
  private lineCell: Tables.Cell | null = null
  /** Nothing as deep as this is the mail's own, because it follows the head of a quoted one. */
  private quotedFrom = Number.POSITIVE_INFINITY
  private raw: { readonly kind: "json" | "style"; text: string } | null = null

  element(name: string, attributes: Attributes): Element {
    const style = this.styles.of(attributes["style"] ?? "")
    const classes = this.classes.of(attributes["class"] ?? "")
    const id = attributes["id"]
    const isOwn = hasLook(attributes)
    const isKnown = !isOwn && id === undefined && style.number >= 0 && classes.number >= 0
    return {
      name,
      attributes,
      declared: style.value,
      classes: classes.value,
      likeness: isKnown ? `${name} ${style.number} ${classes.number}` : null,
      hasLook: isOwn,
      isBlock: blocks.has(name) || blockDisplays.has(style.value.get("display") ?? ""),
      isQuote: isQuote(name, id, classes.value),
      isQuoteHead: id !== undefined && isQuoteHead(id),
      isSilent: silent.has(name),
      isLink: (name === "a" || name === "area") && attributes["href"] !== undefined,
      part: tableParts.get(name) ?? null,
    }
  }

  open(element: Element): void {
    if (this.isFull) return
    if (this.stack.length >= limits.depth) {
      this.isFull = true
      return
    }
    const above = this.stack.at(-1)
    const standing = this.sheet.standing(element, above?.standing ?? Selectors.nowhere)
    const look = this.lookOf(above?.look ?? plainLook, element, standing)
    const wasQuoted = above?.quoted === true
    const quoted = wasQuoted || element.isQuote || this.stack.length >= this.quotedFrom
    if (element.isQuoteHead) this.quotedFrom = Math.min(this.quotedFrom, this.stack.length)
    if (element.isBlock || quoted !== wasQuoted) this.endLine()
    if (element.name === "script") this.raw = isJsonLd(element.attributes) ? { kind: "json", text: "" } : null
    if (element.name === "style") this.raw = { kind: "style", text: "" }
    const link =
      element.isLink && !this.isUnseen(look)
        ? { href: (element.attributes["href"] ?? "").trim(), line: this.lines.length, quoted, text: "" }
        : (above?.link ?? null)
    if (element.isBlock && link !== null) link.text += " "
    const { item, property } = this.microdata(element, above)
    const isSilent = element.isSilent || above?.silent === true
    const { cell, table } = placeOf(element, above)
    this.stack.push({ element, look, standing, quoted, silent: isSilent, link, item, property, table, cell })
  }

  text(text: string): void {
    if (this.isFull) return
    if (this.raw !== null) {
      if (this.raw.text.length < maxRaw) this.raw.text += text
      return
    }
    const top = this.stack.at(-1)
    if (top?.property != null && top.property.text.length < maxProperty) top.property.text += text
    if (top?.silent === true) return
    if (top !== undefined && this.isUnseen(top.look)) {
      this.hidden ||= legible.test(text)
      return
    }
    if (this.line.length === 0) {
      this.lineQuoted = top?.quoted === true
      this.lineCell = top?.cell ?? null
    }
    this.line += text
    if (top?.link != null && top.link.text.length < maxProperty) top.link.text += text
  }

  close(): void {
    const open = this.stack.pop()
    if (open === undefined || this.isFull) return
    if (this.stack.length < this.quotedFrom) this.quotedFrom = Number.POSITIVE_INFINITY
    if (this.raw !== null && (open.element.name === "script" || open.element.name === "style")) {
      if (this.raw.kind === "style") this.addStyle(this.raw.text)
      else if (!open.quoted) this.structured.push(...jsonLd(this.raw.text))
      this.raw = null
    }
    if (open.link !== null && open.link !== this.stack.at(-1)?.link) {
      this.links.push({ ...open.link, text: Lines.normalised(open.link.text) })
    }
    if (open.property !== null) {
      const outer = this.stack.at(-1)?.property
      if (outer !== open.property) {
        for (const name of open.property.names) addTo(open.property.of, name, Lines.normalised(open.property.text))
        if (outer != null && outer.text.length < maxProperty) outer.text += open.property.text
      }
    }
    if (open.element.isBlock || open.quoted !== (this.stack.at(-1)?.quoted ?? false)) this.endLine()
  }

  page(cut: boolean): Page {
    this.endLine()
    return {
      lines: this.lines,
      cells: this.cells.map(Tables.tellingCell),
      links: this.links.toSorted((one, other) => one.line - other.line),
      structured: this.structured.map((node) => (node instanceof Map ? plain(node, maxNodeDepth) : node)),
      hiddenText: this.hidden,
      truncated: this.isFull || cut,
    }
  }

  private isUnseen(look: Look): boolean {
    return isHidden(look) || (!this.sheet.paintsElsewhere && look.faint)
  }

  private addStyle(css: string): void {
    this.sheet.add(css)
    this.looks.forget()
  }

  /** What is alike inside the same looks alike. */
  private lookOf(outer: Look, element: Element, standing: Selectors.Standing): Look {
    const placed = this.sheet.rulesAt(standing)
    if (placed.length > 0) return this.looks.once(within(outer, element, [...this.sheet.rulesFor(element), ...placed]))
    if (element.declared.size === 0 && this.sheet.isEmpty && !element.hasLook) return outer
    const make = () => within(outer, element, this.sheet.rulesFor(element))
    return element.likeness === null ? this.looks.once(make()) : this.looks.within(outer, element.likeness, make)
  }

  private endLine(): void {
    if (this.line.length === 0) return
    const line = Lines.normalised(this.line)
    if (line.length > 0) {
      this.lines.push(this.lineQuoted ? `> ${line}` : line)
      this.cells.push(this.lineCell)
    }
    this.line = ""
  }

  private microdata({ attributes, name }: Element, above: Open | undefined): Pick<Open, "item" | "property"> {
    const outer = above?.item ?? null
    const property = above?.property ?? null
    if (outer === null && attributes["itemscope"] === undefined) return { item: null, property }
    const names = outer === null ? [] : (attributes["itemprop"] ?? "").split(/\s+/u).filter((prop) => prop.length > 0)
    if (attributes["itemscope"] !== undefined) {
      const item: Item = new Map()
      const type = typeName(attributes["itemtype"] ?? "")
      if (type.length > 0) item.set("@type", type)
      if (outer !== null) for (const prop of names) addTo(outer, prop, item)
      else if (type.endsWith("Reservation") && above?.quoted !== true) this.structured.push(item)
      return { item, property }
    }
    if (outer === null || names.length === 0) return { item: outer, property }
    const given = valueAttribute(name, attributes)
    if (given === undefined) return { item: outer, property: { names, of: outer, text: "" } }
    for (const prop of names) addTo(outer, prop, given.trim())
    return { item: outer, property }
  }
}

const tableParts: ReadonlyMap<string, "table" | "row" | "cell"> = new Map([
  ["table", "table"],
  ["tr", "row"],
  ["td", "cell"],
  ["th", "cell"],
])

type Place = Pick<Open, "table" | "cell">

const nowhere: Place = { table: null, cell: null }

/** Where in which table what is within an element stands. */
const placeOf = ({ attributes, name, part }: Element, outer: Place = nowhere): Place => {
  if (part === null) return outer
  if (part === "table") return { table: Tables.tableWithin(outer.cell), cell: null }
  if (outer.table === null) return outer
  if (part === "row") {
    Tables.nextRow(outer.table)
    return outer
  }
  if (Number(attributes["rowspan"] ?? 1) > 1) outer.table.isUneven = true
  const span = Math.min(Math.max(Math.trunc(Number(attributes["colspan"] ?? 1)) || 1, 1), 1000)
  return { table: outer.table, cell: Tables.nextCell(outer.table, { isHead: name === "th", span }) }
}

/** What an attribute says, and which of those it is that were read before; -1 if it is one too many. */
interface Read<A> {
  readonly value: A
  readonly number: number
}

/** Mails repeat the same few styles and classes in every cell: each is read once. */
class Known<A> {
  private readonly known = new Map<string, Read<A>>()
  private readonly read: (text: string) => A

  constructor(read: (text: string) => A) {
    this.read = read
  }

  of(text: string): Read<A> {
    const known = this.known.get(text)
    if (known !== undefined) return known
    const number = this.known.size < maxKnown ? this.known.size : -1
    const read = { value: this.read(text), number }
    if (number >= 0) this.known.set(text, read)
    return read
  }
}

const maxKnown = 1_000

/** The looks that were made out, each once. */
class Looks {
  private readonly known = new Map<string, Look>()
  private readonly inner = new Map<Look, Map<string, Look>>()

  /** How what has this likeness looks inside another: as it was made out before, or is now. */
  within(outer: Look, likeness: string, make: () => Look): Look {
    let looks = this.inner.get(outer)
    if (looks === undefined) this.inner.set(outer, (looks = new Map()))
    let look = looks.get(likeness)
    if (look === undefined) looks.set(likeness, (look = this.once(make())))
    return look
  }

  /** Names and attributes mean something else from now on. */
  forget(): void {
    this.inner.clear()
  }

  once(look: Look): Look {
    const { faint, gone, ink, paper, tiny, veiled } = look
    const key = `${gone} ${veiled} ${tiny} ${faint} ${ink} ${paper}`
    const known = this.known.get(key)
    if (known === undefined) this.known.set(key, look)
    return known ?? look
  }
}

type Attributes = Tags.Attributes

const maxRaw = 262_144
const maxProperty = 1000
const maxNodeDepth = 32

const legible = /[\p{L}\p{N}]/u

const words = (text: string): ReadonlySet<string> => new Set(text.split(" "))

const blocks = words(
  "address article aside blockquote body br caption center dd details dialog dir div dl dt fieldset figcaption figure footer " +
    "form h1 h2 h3 h4 h5 h6 header hr html legend li main menu nav ol option p pre section summary table tbody td tfoot th " +
    "thead tr ul",
)

const blockDisplays = words("block flex grid table table-row table-cell list-item")

const silent = words(
  "head title script style template noframes noembed iframe object embed applet audio video canvas svg math textarea select " +
    "datalist map " +
    // What is struck out is taken back.
    "del s strike",
)

// ---- what is seen ----

const within = (
  outer: Look,
  { attributes, declared, hasLook, name }: Pick<Element, "attributes" | "declared" | "hasLook" | "name">,
  rules: ReadonlyArray<ReadonlyMap<string, string>>,
): Look => {
  if (declared.size === 0 && rules.length === 0 && !hasLook) return outer
  const get = (property: string): string | undefined => {
    const own = declared.get(property)
    if (own !== undefined) return own
    for (let index = rules.length - 1; index >= 0; index--) {
      const value = rules[index]?.get(property)
      if (value !== undefined) return value
    }
    return undefined
  }
  const visibility = get("visibility")
  const size = get("font-size") ?? sizeOfFont(get("font"))
  const background = get("background-color") ?? get("background") ?? attributes["bgcolor"]
  const ink = get("color") ?? (name === "font" ? attributes["color"] : undefined)
  const hasPicture = get("background-image") !== undefined || attributes["background"] !== undefined
  const inkOf = ink === undefined ? outer.ink : colour(ink, outer.ink)
  const paper = hasPicture ? null : background === undefined ? outer.paper : paperOf(background, outer.paper)
  return {
    gone: outer.gone || attributes["hidden"] !== undefined || isGone(get),
    veiled: visibility === undefined ? outer.veiled : visibility === "hidden" || visibility === "collapse",
    tiny: size === undefined ? outer.tiny : isTiny(size, outer.tiny),
    ink: inkOf,
    paper,
    faint: isAlike(inkOf, paper),
  }
}

const hasLook = (attributes: Attributes) =>
  attributes["hidden"] !== undefined ||
  attributes["bgcolor"] !== undefined ||
  attributes["color"] !== undefined ||
  attributes["background"] !== undefined

const isHidden = (look: Look) => look.gone || look.veiled || look.tiny || look.ink === "none"

const isGone = (get: (property: string) => string | undefined): boolean => {
  if (get("display") === "none" || get("mso-hide") === "all") return true
  if ((get("text-decoration") ?? get("text-decoration-line"))?.includes("line-through") === true) return true
  const opacity = get("opacity")
  if (opacity !== undefined && Number.parseFloat(opacity) <= (opacity.endsWith("%") ? 1 : 0.01)) return true
  const clips = get("overflow")?.startsWith("hidden") === true
  if (clips && [get("max-height"), get("height"), get("max-width"), get("width")].some(isNothing)) return true
  if (isNothing(get("max-height"))) return true
  if (isFarOff(get("text-indent"))) return true
  const position = get("position")
  if (position !== "absolute" && position !== "fixed") return false
  if (/^rect\(0(?:px)?[, ]+0/u.test(get("clip") ?? "")) return true
  return [get("left"), get("top"), get("right"), get("bottom")].some(isFarOff)
}

const isNothing = (value: string | undefined) =>
  value !== undefined && /^[01](?:\.0+)?(?:px|pt|em|rem|%)?$/u.test(value) && !/^1(?:em|rem|%)/u.test(value)

const isFarOff = (value: string | undefined) => value !== undefined && Number.parseFloat(value) <= -500

const isTiny = (size: string, outer: boolean): boolean => {
  const value = Number.parseFloat(size)
  if (Number.isNaN(value)) return (size === "inherit" || size === "smaller" || size === "larger") && outer
  if (/(?:^|[\d.])(?:em|%)$/u.test(size)) return outer || value <= (size.endsWith("%") ? 8 : 0.08)
  return value <= (size.endsWith("rem") ? 0.08 : 1)
}

/** A transparent ground shows what is below. */
const paperOf = (value: string, outer: string | null) => {
  const paper = colour(value, outer)
  return paper === "none" ? outer : paper
}

/** Two colours that no eye tells apart. */
const isAlike = (one: string | null, other: string | null): boolean => {
  if (one === null || other === null) return false
  if (one === other) return true
  return [1, 3, 5].every(
    (at) => Math.abs(Number.parseInt(one.slice(at, at + 2), 16) - Number.parseInt(other.slice(at, at + 2), 16)) <= 12,
  )
}

/** `font: 700 0/0 a`: the size is what may be followed by a line height. */
const sizeOfFont = (font: string | undefined): string | undefined =>
  font === undefined ? undefined : /(?:^| )([\d.]+(?:px|pt|em|rem|%)?)(?=\/|\s+[a-z"'])/u.exec(font)?.[1]

/** One spelling for the colours with which text is hidden; null for those that are not known. */
const colour = (value: string, outer: string | null): string | null => {
  const lower = value.trim().toLowerCase()
  const named = namedColours.get(lower) ?? lower
  if (named === "inherit" || named === "currentcolor" || named === "initial") return outer
  if (named === "transparent") return "none"
  if (/^#[\da-f]{6}$/u.test(named)) return named
  if (/^#[\da-f]{3}$/u.test(named)) return named.replaceAll(/[\da-f]/gu, "$&$&")
  const channels = /^rgba?\(\s*(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})(?:[\s,/]+([\d.]+%?))?\s*\)$/u.exec(named)
  if (channels === null) return null
  if (channels[4] !== undefined && Number.parseFloat(channels[4]) === 0) return "none"
  return `#${channels
    .slice(1, 4)
    .map((channel) => Number(channel).toString(16).padStart(2, "0"))
    .join("")}`
}

const namedColours = new Map([
  ["white", "#ffffff"],
  ["black", "#000000"],
])

/** Of a style attribute or of a rule: the last of each name, in lower case. */
const declarations = (style: string): ReadonlyMap<string, string> => {
  if (style.length > maxStyle) return nothing
  const found = new Map<string, string>()
  for (const declaration of withoutComments(style).split(";")) {
    const colon = declaration.indexOf(":")
    if (colon < 1) continue
    const name = declaration.slice(0, colon).trim().toLowerCase()
    const value = declaration
      .slice(colon + 1)
      .replace("!important", "")
      .trim()
      .toLowerCase()
    if (name.length > 0 && value.length > 0) found.set(name, value)
  }
  return found
}

const nothing: ReadonlyMap<string, string> = new Map()
const maxStyle = 10_000

const withoutComments = (css: string): string => {
  if (!css.includes("/*")) return css
  let rest = ""
  for (let from = 0; from < css.length;) {
    const start = css.indexOf("/*", from)
    if (start < 0) return rest + css.slice(from)
    rest += css.slice(from, start)
    const end = css.indexOf("*/", start + 2)
    if (end < 0) return rest
    from = end + 2
  }
  return rest
}

/**
 * The rules of style sheets that name one tag, class or id; where they say what is shown and what is not, those that say
 * within what it stands, too. Rules for some screens only (`@media (max-width: …)`) say nothing of what is seen here, and
 * neither do selectors that ask for more, such as `u + .body .inner`, which is for one mail program alone.
 */
class StyleSheet {
  /** Some rule that is not read paints a ground: what stands on it cannot be known. */
  paintsElsewhere = false
  /** Most rules are for nothing in the mail: what one declares is read when something has its name. */
  private readonly rules = new Map<string, string | Repeated>()
  private readonly placed = new Selectors.Selectors<ReadonlyMap<string, string>>()
  private readonly styles: Known<ReadonlyMap<string, string>>
  private length = 0

  constructor(styles: Known<ReadonlyMap<string, string>>) {
    this.styles = styles
  }

  get isEmpty(): boolean {
    return this.rules.size === 0
  }

  add(css: string): void {
    this.length += css.length
    if (this.length > maxRaw) return
    this.addRules(withoutComments(css), 3)
  }

  private addRules(text: string, depth: number): void {
    for (let from = 0; from < text.length;) {
      const open = text.indexOf("{", from)
      if (open < 0) return
      const before = text.slice(from, open)
      const selector = before.slice(before.lastIndexOf(";") + 1).trim()
      const isConditional = selector.startsWith("@")
      const close = isConditional ? endOfBlock(text, open) : text.indexOf("}", open)
      if (close < 0) return
      if (!isConditional) this.addRule(selector.toLowerCase(), text.slice(open + 1, close))
      else if (depth > 0 && isEveryScreen(selector)) this.addRules(text.slice(open + 1, close), depth - 1)
      from = close + 1
    }
  }

  standing(element: Element, above: Selectors.Standing): Selectors.Standing {
    return this.placed.isEmpty ? Selectors.nowhere : this.placed.standing(element, above)
  }

  rulesAt(standing: Selectors.Standing): ReadonlyArray<ReadonlyMap<string, string>> {
    return standing.own === 0 ? noRules : this.placed.rulesAt(standing)
  }

  rulesFor({ attributes, classes, name }: Element): ReadonlyArray<ReadonlyMap<string, string>> {
    if (this.rules.size === 0) return noRules
    const found: Array<ReadonlyMap<string, string>> = []
    const lookUp = (selector: string) => {
      const rule = this.rules.get(selector)
      if (rule !== undefined) found.push(this.declaredBy(rule))
    }
    lookUp(name)
    for (const one of classes) {
      lookUp(`.${one}`)
      lookUp(`${name}.${one}`)
    }
    const id = attributes["id"]
    if (id !== undefined) {
      lookUp(`#${id.toLowerCase()}`)
      lookUp(`${name}#${id.toLowerCase()}`)
    }
    return found
  }

  private addRule(selectors: string, body: string): void {
    if (!selectors.includes(",")) return this.addSimple(selectors, body)
    for (const selector of selectors.split(",", 50)) this.addSimple(selector.trim(), body)
  }

  private addSimple(selector: string, body: string): void {
    if (!/^(?:[a-z][a-z\d]*)?(?:[.#][\w-]+)?$/.test(selector) || selector.length === 0) {
      this.paintsElsewhere ||= /background/i.test(body) && paints(this.styles.of(body).value)
      if (mayHide.test(body) && isAboutSight(this.styles.of(body).value)) {
        this.placed.add(selector, this.styles.of(body).value)
      }
      return
    }
    const rule = this.rules.get(selector)
    if (rule === undefined) this.rules.set(selector, body)
    else if (typeof rule === "string") this.rules.set(selector, { bodies: [rule, body], declared: null })
    else rule.bodies.push(body)
  }

  private declaredBy(rule: string | Repeated): ReadonlyMap<string, string> {
    if (typeof rule === "string") return this.styles.of(rule).value
    return (rule.declared ??= new Map(rule.bodies.flatMap((body) => [...this.styles.of(body).value])))
  }
}

/** What style sheets say of one name in several places. */
interface Repeated {
  readonly bodies: Array<string>
  /** The last of each property; null until something asks. */
  declared: ReadonlyMap<string, string> | null
}

const noRules: ReadonlyArray<ReadonlyMap<string, string>> = []

/** `@media screen` and the like, with no condition but that. */
const isEveryScreen = (rule: string): boolean =>
  rule.length < 100 &&
  !rule.includes("(") &&
  /^@media\s+(?:\w+\s*,\s*)*(?:only\s+)?(?:screen|all)\s*(?:,|$)/i.test(rule)

/** Words without which nothing is hidden, or shown again; with most of them, nothing is. */
const mayHide = /display|visibility|transparent|:\s*(?:rect|\.?0|1(?:px)?\b|-)|\s0|hide/i

/** It hides what it is said of, or says whether that is shown. */
const isAboutSight = (declared: ReadonlyMap<string, string>): boolean =>
  declared.has("display") ||
  declared.has("visibility") ||
  isHidden(within(plainLook, { name: "", attributes: {}, declared, hasLook: false }, noRules))

const paints = (declared: ReadonlyMap<string, string>) =>
  [...declared.keys()].some((property) => property.startsWith("background"))

const endOfBlock = (text: string, open: number): number => {
  let opening = open
  let depth = 0
  for (let closing = text.indexOf("}", open); closing >= 0; closing = text.indexOf("}", closing + 1)) {
    for (; opening >= 0 && opening < closing; opening = text.indexOf("{", opening + 1)) depth++
    if (--depth === 0) return closing
  }
  return -1
}

/** In lower case, as they are compared. */
const classesOf = (attribute: string): ReadonlyArray<string> =>
  attribute === "" ? [] : attribute.toLowerCase().split(/\s+/u, 20)

// ---- what is another's ----

const isQuote = (name: string, id: string | undefined, classes: ReadonlyArray<string>): boolean =>
  name === "blockquote" ||
  classes.some((one) => quoteClasses.has(one.replace(/^x_/u, ""))) ||
  (id !== undefined && quoteIds.has(id.toLowerCase().replace(/^x_/u, "")))

const quoteClasses = words(
  "gmail_quote gmail_quote_container yahoo_quoted moz-cite-prefix moz-forward-container protonmail_quote tutanota_quote " +
    "zmail_extra hubspot_quote front-blockquote",
)

const quoteIds = words("divrplyfwdmsg olk_src_body_section isforwardcontent isreplycontent replysplit")

/** Outlook puts the head of the quoted mail into one block, and the mail beside it. */
const isQuoteHead = (id: string) => /^(?:x_)*divrplyfwdmsg$/iu.test(id)

// ---- what is said to machines ----

const isJsonLd = (attributes: Attributes) => /^\s*application\/ld\+json\b/iu.test(attributes["type"] ?? "")

const typeName = (type: string): string => type.trim().split(/\s+/u, 1)[0]?.split(/[/#]/u).at(-1) ?? ""

const valueAttribute = (name: string, attributes: Attributes): string | undefined => {
  if (name === "meta" || attributes["content"] !== undefined) return attributes["content"] ?? ""
  if (name === "a" || name === "link" || name === "area") return attributes["href"]
  if (name === "time") return attributes["datetime"]
  if (name === "img") return attributes["src"]
  return name === "data" ? attributes["value"] : undefined
}

const addTo = (item: Item, name: string, value: unknown): void => {
  if (unsafe.has(name) || item.size > 100) return
  const present = item.get(name)
  if (present === undefined) item.set(name, value)
  else if (!Array.isArray(present)) item.set(name, [present, value])
  else if (present.length < 100) present.push(value)
}

const unsafe = words("__proto__ constructor prototype")

/** The nodes of a JSON-LD block, each on its own; none if it is no JSON even after the usual slips are mended. */
const jsonLd = (text: string): ReadonlyArray<unknown> => {
  const json = text
    .replace(/^\s*(?:<!--|\/\/\s*<!\[CDATA\[|<!\[CDATA\[)/u, "")
    .replace(/(?:\/\/\s*)?(?:-->|\]\]>)\s*$/u, "")
    .trim()
  const parsed = parse(json) ?? parse(withoutTrailingCommas(json.replaceAll("&quot;", '"').replaceAll("&amp;", "&")))
  return parsed === undefined ? [] : nodesOf(plain(parsed, maxNodeDepth))
}

const parse = (json: string): unknown => {
  try {
    return JSON.parse(json) as unknown
  } catch {
    return undefined
  }
}

/** Commas before a closing bracket, outside strings. */
const withoutTrailingCommas = (json: string): string => {
  let mended = ""
  let from = 0
  let comma = -1
  for (let index = 0, inString = false; index < json.length; index++) {
    const character = json[index] ?? ""
    if (inString) {
      if (character === "\\") index++
      else if (character === '"') inString = false
    } else if (character === '"') {
      inString = true
      comma = -1
    } else if (character === ",") comma = index
    else if ((character === "}" || character === "]") && comma >= 0) {
      mended += json.slice(from, comma)
      from = comma + 1
      comma = -1
    } else if (character.trim().length > 0) comma = -1
  }
  return mended + json.slice(from)
}

const nodesOf = (parsed: unknown): ReadonlyArray<unknown> => {
  if (Array.isArray(parsed)) return parsed.slice(0, 100).flatMap((one) => (Array.isArray(one) ? [] : nodesOf(one)))
  if (typeof parsed !== "object" || parsed === null) return []
  const graph: unknown = "@graph" in parsed ? parsed["@graph"] : undefined
  return Array.isArray(graph) ? graph.slice(0, 100).filter((one) => typeof one === "object" && one !== null) : [parsed]
}

/** Of objects and maps alike: plain objects of own properties, none of which is a prototype's, and not too deep. */
const plain = (value: unknown, depth: number): unknown => {
  if (typeof value !== "object" || value === null) return value
  if (depth === 0) return null
  if (Array.isArray(value)) return value.slice(0, 1000).map((one) => plain(one, depth - 1))
  const entries = value instanceof Map ? [...value] : Object.entries(value)
  return Object.fromEntries(
    entries
      .filter(([name]) => typeof name === "string" && !unsafe.has(name))
      .map(([name, one]) => [String(name), plain(one, depth - 1)]),
  )
}
