/** A mail taken apart, as the readers of the platforms get it. */
import type * as Html from "./Html.ts"
import * as Kinds from "./Kinds.ts"
import * as Labels from "./Labels.ts"
import * as Lines from "./Lines.ts"
import * as Links from "./Links.ts"
import * as Tables from "./Tables.ts"
import * as Zones from "./Zones.ts"

/** One of the forms in which the body says the same: as HTML or as text. */
export interface Part {
  /** The lines of the mail itself, or of the one that it passes on; nothing of what it quotes. */
  readonly lines: ReadonlyArray<string>
  readonly entries: ReadonlyArray<Labels.Entry>
}

export interface Reading {
  /** Without `Re:` and the like; that of the mail which is passed on, if one is. */
  readonly subject: string
  readonly phrase: Kinds.Phrase | undefined
  readonly isReply: boolean
  /** It passes another mail on, which is what is read. */
  readonly isForward: boolean
  readonly parts: ReadonlyArray<Part>
  /** The links of the mail itself. */
  readonly links: ReadonlyArray<Links.Link>
  readonly structured: ReadonlyArray<unknown>
  /** Whoever sent the mail that is passed on, as its header block says. */
  readonly innerSender: string | null
  /** In which languages it may be written; empty if nothing tells. */
  readonly languages: ReadonlyArray<string>
}

/** Takes apart a subject and a body. A platform's own mail passes nothing on. */
export const of = (mail: {
  readonly subject: string
  readonly text: string
  readonly page: Html.Page
  readonly mayForward: boolean
}): Reading => {
  const { mayForward, page } = mail
  const text = textOf(mail.text.slice(0, 1_000_000))
  const outer = Lines.normalised(mail.subject)
  const passesOn = mayForward && Kinds.isForward(outer)
  const bodies = [page, { ...text, lines: markedText(text.lines) }].filter(({ lines }) => lines.length > 0)
  const mayPassOn = mayForward && Kinds.mayForward(outer) && !(/^vs ?:/i.test(outer) && bodies.some(isFinnish))
  const zones = bodies.map(({ lines }) => Zones.zonesOf(lines, mayPassOn))
  const forwards = mayForward ? zones.flatMap(({ forwarded }) => (forwarded === null ? [] : [forwarded])) : []
  const innerSubject = forwards.find(({ subject }) => subject !== null)?.subject
  const subject = Kinds.withoutPrefixes(innerSubject ?? outer)
  const parts = zones.map((zone, index) => {
    const forwarded = mayForward ? zone.forwarded?.lines : undefined
    const kept = (forwarded ?? zone.own).slice(0, maxLines)
    const body = bodies[index] ?? text
    return {
      lines: kept,
      entries: Labels.read(kept, forwarded === undefined ? cellsOf(kept, body) : cellsOf(kept, body, zone.own.length)),
    }
  })
  const isForward = passesOn || forwards.length > 0
  const phrase = phraseOf(subject, parts)
  const languages = languagesOf(phrase, parts)
  return {
    subject,
    phrase,
    isReply: Kinds.isReply(innerSubject ?? outer),
    isForward,
    parts: parts.map((part) => {
      const isSaid = isOf(languages, phrase !== undefined && phrase.kind !== "guest_message" ? part.entries : [])
      return part.entries.every(isSaid) ? part : { ...part, entries: part.entries.filter(isSaid) }
    }),
    links: [
      ...page.links.filter(isForward ? () => true : ownLink(page.lines, zones[0]?.own ?? [])),
      ...Links.inText(parts.flatMap(({ lines }) => lines)),
    ],
    structured: page.structured,
    innerSender: forwards.find(({ from }) => from !== null)?.from ?? null,
    languages,
  }
}

const maxLines = 5_000

/** `VS:` is an answer in Finnish, and what is passed on in Danish and Norwegian. */
const isFinnish = ({ lines }: Pick<Body, "lines">): boolean =>
  lines.some((line) => /^[> *]*lähettäjä(?!\p{L})/iu.test(line))

/**
 * What a subject says, in which words of a name take nothing back: that of the home, as the body labels it, or the
 * guest's, where it is the first that follows. Further on it may be a state, whatever somebody is called.
 */
const phraseOf = (subject: string, parts: ReadonlyArray<Part>): Kinds.Phrase | undefined => {
  const phrase = Kinds.phraseOf(subject)
  if (phrase?.isQualified !== true) return phrase
  let rest = subject.slice(phrase.end, phrase.end + 400)
  for (const { entries } of parts) {
    for (const { field, values } of entries) {
      if (!named.has(field)) continue
      for (const value of values) {
        if (!fullName.test(value)) continue
        const at = field === "listing" ? rest.indexOf(value) : (beforeName.exec(rest)?.[0].length ?? 0)
        if (rest.startsWith(value, at))
          rest = rest.slice(0, at) + "X".repeat(value.length) + rest.slice(at + value.length)
      }
    }
  }
  const unnamed = Kinds.phraseOf(subject.slice(0, phrase.end) + rest)
  return unnamed?.kind === phrase.kind && unnamed.end === phrase.end ? unnamed : phrase
}

const named: ReadonlySet<string> = new Set(["guest", "guestName", "listing"])

const beforeName = /^(?:[\s:,!-]|\p{Ll}+ )*/u

/** Of more than one word, each with a capital or a figure. */
const fullName = /^\p{Lu}[\p{L}\p{M}'’-]*(?: [\p{Lu}\p{N}&][\p{L}\p{M}\p{N}'’-]*){1,5}$/u

/** The html, in which the head of an attached mail, as the parser of mails writes it, begins a mail that is passed on. */
export const markedHtml = (html: string): string =>
  html.replaceAll(attachedHead, `<div>${passedOn}</div>${attachedHead}`)

/** The same of text, where that head stands between two rules. */
const markedText = (lines: ReadonlyArray<string>): ReadonlyArray<string> =>
  lines.map((line, index) =>
    line.length >= 20 && /^-+$/.test(line) && (lines[index + 1] ?? "").startsWith("From:") ? passedOn : line,
  )

const passedOn = "---------- Forwarded message ---------"
const attachedHead = '<div class="postal-email-header">'

interface Body {
  readonly lines: ReadonlyArray<string>
  readonly cells: ReadonlyArray<Tables.Cell | null>
}

/** Where in a table the lines stand that are kept of a body; those of a mail that is passed on have lost their `>`. */
const cellsOf = (
  kept: ReadonlyArray<string>,
  { cells, lines }: Body,
  ownLines?: number,
): ReadonlyArray<Tables.Cell | null> => {
  if (cells.every((cell) => cell === null)) return []
  const plain = ownLines === undefined ? lines : lines.map((line) => line.replace(quoting, ""))
  let at = ownLines ?? 0
  return kept.map((line) => {
    at = plain.indexOf(line, at) + 1
    return at > 0 ? (cells[at - 1] ?? null) : null
  })
}

const quoting = /^[ >]*/

/** Text in columns has lines of their own for them, as the html does. */
const textOf = (text: string): Body => {
  if (!/\t| {3}/.test(text)) return { lines: Lines.ofText(text), cells: [] }
  const lines: Array<string> = []
  const cells: Array<Tables.Cell | null> = []
  let table = Tables.tableWithin(null, true)
  for (const line of text.split("\n")) {
    const told = Lines.ofText(inColumns(line))
    if (told.length === 0) continue
    if (told.length === 1) table = Tables.tableWithin(null, true)
    else Tables.nextRow(table)
    for (const one of told) {
      lines.push(one)
      cells.push(told.length === 1 ? null : Tables.nextCell(table))
    }
  }
  return { lines, cells }
}

const inColumns = (line: string): string => {
  if (!columns.test(line)) return line
  const quoting = /^[ >]*>/.exec(line)?.[0] ?? ""
  const separator = `\n${quoting}`
  return quoting + line.slice(quoting.length).trim().split(columns).join(separator)
}

const columns = /(?<=\S) {0,200}\t[ \t]{0,200}|(?<=\S) {3,200}/

/** Whether a link stands before the first line that is not the mail's own. */
const ownLink = (lines: ReadonlyArray<string>, own: ReadonlyArray<string>) => {
  const foreign = lines.findIndex((line, index) => line !== own[index])
  return ({ line, quoted }: Html.Link) => !quoted && (foreign < 0 || line < foreign)
}

/**
 * `Host` is a guest in Czech alone. Of the days, other languages say nothing where the mail's own says it among these:
 * somebody called Von stands in a line alone, too.
 */
const isOf = (languages: ReadonlyArray<string>, entries: ReadonlyArray<Labels.Entry>) => {
  const isOwn = (entry: Labels.Entry) => entry.languages.some((one) => languages.includes(one))
  const days = new Set(entries.flatMap((entry) => (isDay(entry) && isOwn(entry) ? [entry.field] : [])))
  return (entry: Labels.Entry): boolean =>
    languages.length === 0 || (entry.field !== "guest" && !days.has(entry.field)) || isOwn(entry)
}

const isDay = ({ field, isLoose }: Labels.Entry): boolean => !isLoose && (field === "checkIn" || field === "checkOut")

/** The languages that explain most of what is written in a known language: the subject's phrase, and the labels. */
const languagesOf = (phrase: Kinds.Phrase | undefined, parts: ReadonlyArray<Part>): ReadonlyArray<string> => {
  const votes = new Map<string, number>()
  const vote = (languages: ReadonlyArray<string>, weight: number) => {
    for (const language of languages) votes.set(language, (votes.get(language) ?? 0) + weight)
  }
  if (phrase !== undefined) vote(phrase.languages, 3)
  for (const { entries } of parts) for (const { isLoose, languages } of entries) if (!isLoose) vote(languages, 1)
  const most = Math.max(0, ...votes.values())
  return [...votes].flatMap(([language, count]) => (count === most ? [language] : []))
}
