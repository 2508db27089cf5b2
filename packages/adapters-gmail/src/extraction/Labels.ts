/**
 * The labels under which mails put their values, by language, and what stands under them: after the label, in the lines
 * below it, or in a row of values below a row of labels.
 */
import { once } from "./Once.ts"
import * as PartySize from "./PartySize.ts"
import * as Tables from "./Tables.ts"
import * as Text from "./Text.ts"

export const fields = [
  "checkIn",
  "checkOut",
  "dates",
  "guests",
  "code",
  "guestName",
  "guest",
  "rooms",
  "listing",
  "status",
] as const
/** `guest` may be followed by who comes or by how many. */
export type Field = (typeof fields)[number]

/** What stands under one label. */
export interface Entry {
  readonly field: Field
  readonly languages: ReadonlyArray<string>
  /** Its texts in order, the nearest first. */
  readonly values: ReadonlyArray<string>
  /** How many labels of dates stand before it in the same row of labels. */
  readonly column: number
  /** How many days belong below that row: with fewer of them, nobody knows whose they are. */
  readonly columns: number
  /** It is the text after the label, in the label's own line and without a colon: prose begins so, too. */
  readonly isLoose: boolean
  /** `Name` alone may be anything's: a house's as well as a guest's. */
  readonly isVague: boolean
  /** Other labels stand beside it, and nothing says which of the texts is whose. */
  readonly isShared: boolean
}

/** The labelled texts of lines, of each of which may be known where in a table it stands. */
export const read = (
  lines: ReadonlyArray<string>,
  cells: ReadonlyArray<Tables.Cell | null> = [],
): ReadonlyArray<Entry> => {
  const laid = Tables.withoutBars({ lines, cells }, isLabelOrCount, isFigured)
  return readLaid(laid.lines, laid.cells)
}

const readLaid = (lines: ReadonlyArray<string>, cells: ReadonlyArray<Tables.Cell | null>): ReadonlyArray<Entry> => {
  const entries: Array<Entry> = []
  const counts: Array<string> = []
  /** Labels here belong to others above, between which stands one that is not known. */
  let headingsFrom = -1
  const rows = lines.map(labelsAt)
  for (let index = 0; index < lines.length; index++) {
    const table = tableAt(lines, rows, cells, index)
    if (table !== null) {
      entries.push(...table.entries)
      index = table.end - 1
      continue
    }
    const row = rows[index] ?? none
    if (row.labels.length === 0) {
      const count = countedIn(lines[index] ?? "")
      if (count !== null && !isOfGuest(lines, rows, cells, index)) counts.push(count)
      continue
    }
    if (row.rest !== "") {
      const values = [row.rest]
      for (const { field, isVague, languages } of row.labels) {
        // `Guest paid` is no name: without a colon only a number follows.
        if (field === "guest" && !row.hasColon && !/\p{N}/u.test(row.rest)) continue
        // `Name Urlauber`, `Navn på reisende`: without a colon it may be the beginning of a longer label.
        if (field === "guestName" && !row.hasColon && (isVague || /^\p{Ll}/u.test(row.rest))) continue
        if (field === "other" || (field === "guests" && isOfGuest(lines, rows, cells, index))) continue
        const isLoose = !row.hasColon
        entries.push({ ...alone, field, languages, values, isLoose, isVague })
        if (field === "checkIn") entries.push(...checkOutIn(row.rest, !row.hasColon))
      }
      continue
    }
    const start = index
    const labels = [...row.labels]
    const headings = [headingOf(lines, rows, index)]
    while (index + 1 < lines.length && labels.length < 12) {
      const next = rows[index + 1] ?? none
      if (next.labels.length === 0 || next.rest !== "" || hasValueBeside(rows, cells, index)) break
      const heading = headingOf(lines, rows, index + 1)
      // `Guests`, and how many of which sort below it.
      if (heading.counts && labels.some(({ field }) => field === "guests")) break
      labels.push(...next.labels)
      headings.push(heading)
      index++
    }
    const values: Array<string> = []
    for (let below = index + 1; below < lines.length && values.length < 3 * labels.length + 1; below++) {
      const line = lines[below] ?? ""
      const further = rows[below] ?? none
      if (further.labels.length > 0 && (further.rest === "" || further.hasColon)) break
      if (line.length > 1 && (line.endsWith(":") || line.endsWith("："))) break
      if (line.length > 3 ? !linkAlone.test(line) : /[\p{L}\p{N}]/u.test(line)) values.push(line)
    }
    const [first] = headings
    if (headings.length === 1 && first?.counts === true) {
      if (isNumber(values[0]) && !isNumber(values[1])) counts.push(`${first.text}: ${values[0]}`)
      continue
    }
    const told = inColumns(headings, values)
    if (told !== null) {
      entries.push(...told)
      continue
    }
    const isShared = headings.length > 1 && headings.some(({ labels }) => wantedBy(labels) !== "day")
    const isBelowHeading = start === headingsFrom
    const next = index + values.length + 1
    const isInRow = isLabelAlone(rows[next]) && hasHeadingBelow(headings, values, lines, rows, next)
    if (isInRow) headingsFrom = next
    if (isInRow || isBelowHeading) continue
    const columns = new Set(labels.flatMap(({ field }) => (field === "checkIn" || field === "checkOut" ? field : [])))
      .size
    let column = 0
    let seen: Field | undefined
    for (const { field, isVague, languages } of labels) {
      const isDate = field === "checkIn" || field === "checkOut"
      if (field === "other" || (!isDate && isUnfilled(headings, values))) continue
      if (field === "guests" && isOfGuest(lines, rows, cells, start)) continue
      if (isDate && seen !== undefined && seen !== field) column++
      if (isDate) seen = field
      const isNext = labels.length === 1 && (field === "guestName" || field === "code")
      const below =
        isNext && field === "code" && values.slice(1, 3).some(isNumbered) ? [] : isNext ? values.slice(0, 1) : values
      entries.push({ field, languages, values: below, column, columns, isLoose: false, isVague, isShared })
    }
  }
  // `Adults: 2` more than once may be those of more than one room.
  const isOneParty = new Set(counts.map((count) => count.split(":", 1)[0])).size === counts.length
  if (counts.length > 1 && isOneParty && !entries.some(({ field, values }) => field === "guests" && values.length > 0))
    entries.push({ ...alone, field: "guests", values: [counts.join(", ")] })
  const isSaid = !entries.every(isNoProse) && isDated(entries, "checkIn") && isDated(entries, "checkOut")
  const said = isSaid ? entries.filter(isNoProse) : entries
  return said.filter(isParty).length > 1 && roomsIn(lines).size > 1 ? said.filter((entry) => !isParty(entry)) : said
}

const isLabelOrCount = (text: string): boolean => isLabel(text) || PartySize.isCounted(text)

/** How many come, as a number. */
const isParty = ({ field, values }: Entry): boolean => (field === "guests" || field === "guest") && isFigured(values[0])

/** The rooms that a mail tells one by one, each perhaps with a party of its own. */
const roomsIn = (lines: ReadonlyArray<string>): ReadonlySet<string> =>
  new Set(
    lines.flatMap((line, index) => {
      const found = line.length > 100 ? null : roomLabel.exec(line)
      return found === null ? [] : [found[0].length < line.length ? line : `${line} ${lines[index + 1] ?? ""}`]
    }),
  )

const roomLabel =
  /^(?:room|unit|apartment|cabin|zimmer|wohnung|einheit|chambre|logement|habitación|apartamento|camera|appartamento|quarto|kamer|pokój|pokoj|izba|rum|værelse|rom|soba|huone|szoba|cameră|δωμάτιο|oda|номер|кімната|стая|部屋|객실|房间)(?: ?(?:type|no|number|nr|n°|nº|#)?\.? ?\d{0,3})? ?(?:[:：]|$)/iu

/**
 * Whether what is counted stands in what the guest writes: below a heading of a message or of notes, with no label of the
 * mail's own between.
 */
const isOfGuest = (
  lines: ReadonlyArray<string>,
  rows: ReadonlyArray<Row>,
  cells: ReadonlyArray<Tables.Cell | null>,
  at: number,
): boolean => {
  for (let index = at - 1; index >= 0 && index >= at - 40; index--) {
    const line = lines[index] ?? ""
    if (line.length <= 80 && messageHeading.test(line)) {
      const cell = cells[index]
      return cell == null || !Tables.isSameRow(cell, cells[index + 1])
    }
    const row = rows[index] ?? none
    const isOwn = row.labels.some(({ field }) => field !== "guests") && (row.rest === "" || row.hasColon)
    if (isOwn && !PartySize.isCounted(line)) return false
  }
  return false
}

const messageHeading =
  /^(?:\p{L}+(?:['’]s)? ){0,3}(?:message|nachricht|mensaje|messaggio|mensagem|bericht|wiadomość|zpráva|správa|poruka|meddelande|besked|melding|viesti|üzenet|mesaj|μήνυμα|сообщение|повідомлення)(?: (?:from|by|von|vom|de|du|da|do|del|dal|van|od|från|fra|от|від) [^:：]{1,40}(?:[:：]|$)| ?[:：]$)|^(?:\p{L}+(?:['’]s)? ){0,2}(?:notes?|comments?|remarks?|requests?|bemerkung(?:en)?|anmerkung(?:en)?|kommentare?|wünsche|hinweise?|commentaires?|remarques?|demandes?|notas?|comentarios?|observaciones|peticiones|richieste|commenti|observações|comentários|pedidos|opmerkingen|verzoeken|uwagi|poznámk[ay]|napomen[ae])(?: (?:from|by|of|von|vom|des|de|du|da|do|del|dell|van|od|spéciales|especiales|speciali|especiais)[^:：]{0,40})? ?[:：]$|(?:wrote|writes|says|schreibt|schrieb|écrit|escribe|escribió|scrive|scritto|escreveu|schrijft|schreef) ?[:：]$/iu

/** Whether the next line is a label with its value beside it in a row of its own: what stands before it is no heading. */
const hasValueBeside = (rows: ReadonlyArray<Row>, cells: ReadonlyArray<Tables.Cell | null>, index: number): boolean => {
  const next = cells[index + 1]
  return (
    next != null &&
    cells[index]?.table === next.table &&
    cells[index]?.row !== next.row &&
    cells[index]?.column === next.column &&
    Tables.isSameRow(next, cells[index + 2]) &&
    cells[index + 2]?.column !== next.column &&
    !isLabelAlone(rows[index + 2])
  )
}

/** A row of headings, each in a cell of its own, and what the rows below it say. */
const tableAt = (
  lines: ReadonlyArray<string>,
  rows: ReadonlyArray<Row>,
  cells: ReadonlyArray<Tables.Cell | null>,
  start: number,
): { readonly entries: ReadonlyArray<Entry>; readonly end: number } | null => {
  if (cells.length === 0 || !isHeaded(rows, cells, start)) return null
  const head = Tables.rowAt(cells, start)
  if (head === null || head.cells.length < 2) return null
  const headings = head.cells.map((cell) => (cell.end - cell.start === 1 ? headingAt(lines, rows, cell.start) : null))
  if (!headings.some((heading) => heading !== null && (heading.labels.length > 0 || heading.counts))) return null
  if (head.cells.some((cell, at) => headings[at] == null && hasDigit(lines, cell))) return null
  const isBeside = headings.some((heading, at) => heading !== null && headings[at + 1] != null)
  const isSure = isBeside || head.cells.every(({ isHead }) => isHead)
  // `Guests`, with something beside it that is no number, and a number below it.
  if (!isSure && head.cells.length < 3 && !isNumberBelow(lines, cells, head, headings)) return null
  const texts = head.cells.map((cell) => Text.fold(lines[cell.start] ?? ""))
  const isOfAges = texts.some((text) => ages.has(text))
  const isOfPrices = texts.some((text) => prices.test(text))
  const told: Array<ReadonlyArray<Entry>> = []
  let end = head.end
  for (let next = Tables.rowAt(cells, end); next !== null; next = Tables.rowAt(cells, end)) {
    const values = next.cells.some((cell) => hasLabel(rows, cell)) ? null : Tables.below(head, next)
    if (values === null) break
    const below = values.map((cell) => (cell === undefined ? undefined : lines.slice(cell.start, cell.end)))
    told.push(underHeadings(headings, below, isSure))
    end = next.end
  }
  if (end === head.end) return null
  // Who comes, one by one, is not who booked.
  const kept = withoutParts(told).filter(({ field }) => !isOfAges || !ofGuests.has(field))
  return { entries: isOfPrices ? kept.map(ofNights) : kept, end }
}

/** Where several rows have a party, each may be that of a room: nobody's is the whole. */
const withoutParts = (rows: ReadonlyArray<ReadonlyArray<Entry>>): ReadonlyArray<Entry> =>
  rows.filter((row) => row.some(isParty)).length > 1 ? rows.flat().filter((entry) => !isParty(entry)) : rows.flat()

/** `From`, `To`, and what those nights cost, are not the stay where labels of their own say it. */
const ofNights = (entry: Entry): Entry => (entry.isVague && isOfDay(entry) ? { ...entry, isLoose: true } : entry)

const ofGuests: ReadonlySet<Field> = new Set<Field>(["guest", "guestName", "guests"])

const ages: ReadonlySet<string> = new Set(
  "age|ages|alter|âge|edad|età|idade|leeftijd|wiek|věk|vek|ålder|alder|ikä|date of birth|geburtsdatum"
    .split("|")
    .map(Text.fold),
)

const prices =
  /^(?:price|amount|rate|cost|total|preis|betrag|summe|gesamt|prix|montant|tarif|precio|importe|tarifa|prezzo|importo|tariffa|totale|preço|valor|prijs|bedrag|totaal|cena|kwota|částka|pris|belopp|beløb|cijena|iznos|hinta)(?!\p{L})/u

/** Whether a row of several lines begins here, with a label alone in one of them. */
const isHeaded = (rows: ReadonlyArray<Row>, cells: ReadonlyArray<Tables.Cell | null>, start: number): boolean => {
  const first = cells[start]
  if (first == null || !Tables.isSameRow(first, cells[start + 1]) || Tables.isSameRow(first, cells[start - 1]))
    return false
  for (let index = start; Tables.isSameRow(first, cells[index]); index++) if (isLabelAlone(rows[index])) return true
  return false
}

const isNumberBelow = (
  lines: ReadonlyArray<string>,
  cells: ReadonlyArray<Tables.Cell | null>,
  head: Tables.Row,
  headings: ReadonlyArray<Heading | null>,
): boolean => {
  const next = Tables.rowAt(cells, head.end)
  const at = headings.findIndex((heading) => heading !== null)
  const cell = next === null ? undefined : Tables.below(head, next)?.[at]
  return cell !== undefined && hasDigit(lines, cell)
}

interface Heading {
  readonly text: string
  readonly labels: ReadonlyArray<Label>
  /** `Adults`: what is below it is a number of them. */
  readonly counts: boolean
}

const headingOf = (lines: ReadonlyArray<string>, rows: ReadonlyArray<Row>, index: number): Heading => {
  const text = (lines[index] ?? "").replace(/[\s:：]+$/, "")
  return { text, labels: rows[index]?.labels ?? [], counts: PartySize.isCounted(text) }
}

const headingAt = (lines: ReadonlyArray<string>, rows: ReadonlyArray<Row>, index: number): Heading | null => {
  const heading = headingOf(lines, rows, index)
  return heading.counts || (heading.labels.length > 0 && rows[index]?.rest === "") ? heading : null
}

/** `Adults: 2`. */
const countedIn = (line: string): string | null => {
  const last = line.charCodeAt(line.length - 1)
  if (line.length > 50 || last < 0x30 || last > 0x39) return null
  const [, label, number] = /^([^:：]{2,40}?)\s?[:：]\s?(\d{1,2})$/.exec(line) ?? []
  return label !== undefined && PartySize.isCounted(label) ? `${label}: ${number}` : null
}

const isNumber = (text: string | undefined) => text !== undefined && /^\d{1,2}$/.test(text)

const hasDigit = (lines: ReadonlyArray<string>, { end, start }: Tables.Lines): boolean =>
  lines.slice(start, end).some(isFigured)

/** Whether a label stands in it that says what is in it, or beside it. */
const hasLabel = (rows: ReadonlyArray<Row>, { end, start }: Tables.Lines): boolean =>
  rows.slice(start, end).some(({ hasColon, labels, rest }) => labels.length > 0 && (rest === "" || hasColon))

/** What the texts below headings say. */
const underHeadings = (
  headings: ReadonlyArray<Heading | null>,
  texts: ReadonlyArray<ReadonlyArray<string> | undefined>,
  isSure: boolean,
): ReadonlyArray<Entry> => {
  const counts: Array<string> = []
  const entries = headings.flatMap((heading, at): ReadonlyArray<Entry> => {
    const values = texts[at]
    if (heading === null || values === undefined) return []
    if (statusLabels.has(Text.fold(heading.text)))
      return [{ ...alone, field: "status", values: [`${heading.text}: ${values[0] ?? ""}`] }]
    if (heading.counts && values.length === 1 && isNumber(values[0])) counts.push(`${heading.text}: ${values[0]}`)
    return heading.labels.flatMap(({ field, isVague, languages }): ReadonlyArray<Entry> => {
      // `Guest`, a name, and something else may as well be a label, its value, and something else.
      const isDoubtful = !isSure && (field === "guest" || field === "guestName")
      return field === "other" || isDoubtful ? [] : [{ ...alone, field, languages, values, isVague }]
    })
  })
  const isCounted = counts.length > 1 && !entries.some(({ field }) => field === "guests")
  return isCounted ? [...entries, { ...alone, field: "guests", values: [counts.join(", ")] }] : entries
}

const alone = { languages: [], column: 0, columns: 1, isLoose: false, isVague: false, isShared: false }

/**
 * Lines that stand for rows of a table, below a line for each of its headings: as many as there are headings, or twice as
 * many, and each of them such as its heading wants. With other lines below them, the headings must want different things:
 * beside a heading that is not known, such lines would not fit.
 */
const inColumns = (headings: ReadonlyArray<Heading>, values: ReadonlyArray<string>): ReadonlyArray<Entry> | null => {
  const width = headings.length
  if (width < 2 || values.length < width) return null
  const wanted = headings.map(({ counts, labels }) => (counts ? "number" : wantedBy(labels)))
  const isDays = wanted.every((want) => want === "day")
  if (isDays || wanted.includes("both")) return null
  const fits = (from: number) => wanted.every((want, at) => isWanted(want, values[from + at] ?? ""))
  let end = 0
  while (end + width <= values.length && fits(end)) end += width
  const isMixed = wanted.includes("name") && (wanted.includes("day") || wanted.includes("number"))
  if (end === 0 || (end < values.length && !isMixed)) return null
  const rows = Array.from({ length: end / width }, (_, row) => values.slice(row * width, (row + 1) * width))
  return withoutParts(
    rows.map((row) =>
      underHeadings(
        headings,
        row.map((value) => [value]),
        true,
      ),
    ),
  )
}

type Wanted = "day" | "number" | "name" | "text" | "both"

const wantedBy = (labels: ReadonlyArray<Label>): Wanted => {
  const fields = new Set(labels.map(({ field }) => field))
  if (fields.has("checkIn") && fields.has("checkOut")) return "both"
  if (fields.has("checkIn") || fields.has("checkOut") || fields.has("dates")) return "day"
  if (fields.has("guests") || fields.has("code") || fields.has("rooms")) return "number"
  return fields.has("guest") || fields.has("guestName") ? "name" : "text"
}

const isWanted = (want: Wanted, value: string): boolean => {
  if (want === "text") return true
  if (want === "name") return !isFigured(value)
  return want === "day"
    ? isFigured(value.replace(timeOfDay, "")) && !/^#?[A-Z\d-]*[A-Z][A-Z\d-]*$/.test(value) && value.length > 3
    : isFigured(value)
}

/** Such as a number of a reservation: where two of them stand below a label, one may be what the line above the label wants. */
const isNumbered = (text: string): boolean =>
  /^#?(?=[A-Za-z-]*\d)(?!\d{1,4}([-./])\d{1,2}\1\d{1,4}$)[A-Za-z0-9-]{5,32}$/.test(text)

/** With a label among them of which nothing is read, and fewer values than labels: nobody knows whose are missing. */
const isUnfilled = (headings: ReadonlyArray<Heading>, values: ReadonlyArray<string>): boolean =>
  values.length < headings.length &&
  headings.some(({ labels }) =>
    labels.some(
      (label) => label.field === "other" || ((isOfDay(label) || label.field === "guests") && !values.some(isFigured)),
    ),
  )

/** A label of a day, and below it nothing but a line or two without any: the next of a row of headings. */
const isDayless = (headings: ReadonlyArray<Heading>, values: ReadonlyArray<string>): boolean =>
  values.length > 0 &&
  values.length <= 2 &&
  headings.some(({ labels }) => labels.some(isOfDay)) &&
  !values.some(isFigured)

/**
 * Whether what stands below labels is another heading, and no value of theirs: no day where a day is wanted, or one line
 * between labels, of which the next have no value below them where they want one.
 */
const hasHeadingBelow = (
  headings: ReadonlyArray<Heading>,
  values: ReadonlyArray<string>,
  lines: ReadonlyArray<string>,
  rows: ReadonlyArray<Row>,
  next: number,
): boolean => {
  if (isDayless(headings, values)) return true
  if (headings.length > 1 || values.length !== 1 || isFigured(values[0])) return false
  let end = next
  while (isLabelAlone(rows[end])) end++
  const isWanting = end - next > 1 || rows[next]?.labels.some(isOfDay) === true
  return isWanting && !isFigured(lines[end])
}

const isLabelAlone = (row: Row | undefined): boolean => row !== undefined && row.labels.length > 0 && row.rest === ""

const isOfDay = ({ field }: { readonly field: Field | "other" }): boolean => field === "checkIn" || field === "checkOut"

const isFigured = (text: string | undefined): boolean => text !== undefined && /\p{Nd}/u.test(text)

/** Where labels of their own say both days, `Until Nov 30` is what may be cancelled until then. */
const isNoProse = ({ field, isLoose }: Entry): boolean => !isLoose || (field !== "checkIn" && field !== "checkOut")

const isDated = (entries: ReadonlyArray<Entry>, wanted: Field): boolean =>
  entries.some(
    ({ field, isLoose, values }) =>
      field === wanted && !isLoose && values.some((text) => /\p{Nd}/u.test(text.replace(timeOfDay, ""))),
  )

const timeOfDay = /\p{Nd}{1,2} ?(?:[:.h] ?\p{Nd}{2}|[ap]\.?m)/giu

/** `Sat, Dec 5 Checkout Tue, Dec 8`: the second label of a line. */
const checkOutIn = (rest: string, isLoose: boolean): ReadonlyArray<Entry> => {
  const folded = Text.fold(rest.slice(0, 120))
  for (let at = 4; at < folded.length; at++) {
    if (!Text.startsWord(folded, at)) continue
    const found = longestAt(folded, at)
    if (found === undefined || found.end - at < 3) continue
    return found.labels.flatMap(({ field, languages }) =>
      field === "checkOut"
        ? [
            {
              field,
              languages,
              values: [rest.slice(found.end).replace(/^[\s:：]+/, "")],
              column: 0,
              columns: 1,
              isLoose,
              isVague: false,
              isShared: false,
            },
          ]
        : [],
    )
  }
  return []
}

/** Whether a line is nothing but labels. */
export const isLabel = (line: string): boolean => {
  const { labels, rest } = labelsAt(line)
  return labels.length > 0 && rest === ""
}

/** How many nights a short line names, in any language. */
export const nightsIn = (line: string): number | undefined => {
  if (line.length > 120) return undefined
  const found = nightsShape.exec(Text.fold(line))
  const digits = found?.[1] ?? found?.[2]
  return digits === undefined ? undefined : Number(digits)
}

/** What stands between a guest's name and the day of arrival, longest first. */
export const arrivalsOf = (languages: ReadonlyArray<string>): ReadonlyArray<string> =>
  [...new Set(languages.flatMap((language) => arrivals[language] ?? []))].toSorted(
    (one, other) => other.length - one.length,
  )

/** Whether the verb comes last, so that the day follows the name at once. */
export const isVerbFinal = (languages: ReadonlyArray<string>): boolean =>
  languages.some((language) => verbFinal.has(language))

const verbFinal = new Set(["hu", "tr", "ja", "ko", "zh"])

const arrivals: Readonly<Record<string, ReadonlyArray<string>>> = {
  en: [
    "arrives on",
    "arrives",
    "is arriving on",
    "is arriving",
    "arriving",
    "will arrive on",
    "will arrive",
    "checks in on",
    "checks in",
  ],
  fr: ["arrive le", "arrive", "arrivera le", "arrivera"],
  de: ["kommt am", "kommt", "reist am", "reist", "trifft am", "trifft", "checkt am"],
  es: ["llega el", "llegará el", "llega"],
  it: ["arriva il", "arriva l'", "arriverà il", "arriverà l'", "arriva"],
  pt: [
    "chega a",
    "chega em",
    "chega no dia",
    "chega dia",
    "chega",
    "chegará a",
    "chegará em",
    "chegará no dia",
    "chegará",
  ],
  nl: ["arriveert op", "arriveert", "komt op", "komt aan op", "komt"],
  pl: ["przyjeżdża", "przyjedzie", "przybywa", "przybędzie"],
  cs: ["přijede", "přijíždí", "dorazí"],
  sk: ["príde", "prichádza", "dorazí"],
  hr: ["dolazi", "stiže", "dolazak"],
  sl: ["prispe", "pride", "prihaja"],
  sv: ["anländer den", "anländer", "ankommer", "kommer den", "kommer"],
  da: ["ankommer den", "ankommer d.", "ankommer", "kommer den", "kommer d.", "kommer"],
  nb: ["ankommer den", "ankommer", "kommer den", "kommer"],
  fi: ["saapuu", "tulee"],
  hu: ["érkezik", "érkezése", "megérkezik", "érkezési napja"],
  ro: ["sosește pe", "sosește în", "sosește", "ajunge pe", "ajunge în", "ajunge", "vine pe"],
  bg: ["пристига на", "пристига"],
  el: [
    "στις",
    "φτάνει στις",
    "φτάνει την",
    "φτάνει",
    "φθάνει στις",
    "φθάνει",
    "έρχεται στις",
    "αφικνείται στις",
    "καταφθάνει στις",
  ],
  tr: ["geliyor", "varış"],
  ru: ["приедет", "прибывает", "прибудет", "приезжает", "заезжает", "заедет"],
  uk: ["приїде", "прибуває", "прибуде", "приїжджає", "заїжджає"],
  ja: ["さんが", "様が", "さんは", "様は", "さん", "様"],
  ko: ["님이", "님은", "님께서", "님"],
  zh: ["将于", "将在", "預計", "预计", "將於", "会在", "于", "於", "在"],
  th: [
    "จะมาถึงวันที่",
    "มาถึงวันที่",
    "จะมาถึงใน",
    "จะมาถึง",
    "มาถึง",
    "จะเช็คอินวันที่",
    "เช็คอินวันที่",
    "จะเข้าพักวันที่",
    "เข้าพักวันที่",
    "เดินทางถึงวันที่",
    "จะเดินทางมาถึงวันที่",
    "เดินทางถึง",
  ],
  vi: [
    "sẽ đến vào ngày",
    "đến vào ngày",
    "sẽ đến vào",
    "đến vào",
    "sẽ đến ngày",
    "đến ngày",
    "sẽ đến",
    "đến",
    "nhận phòng ngày",
    "nhận phòng vào ngày",
  ],
  id: ["tiba pada tanggal", "tiba pada", "tiba tanggal", "tiba"],
  he: ["מגיע/ה ב", "מגיעה ב", "מגיע ב", "יגיע ב", "תגיע ב", "מגיעה", "מגיע", "יגיע", "תגיע"],
  ar: ["يصل في", "تصل في", "سيصل في", "ستصل في", "يصل", "تصل", "في", "بتاريخ", "يوم"],
}

const nightsShape =
  /(?<![\d.,])(\d{1,3}) ?(?:de )?(?:nights?|nuits?|nächte?|naecht|nacht(?:en)?|noches?|notti|notte|noites?|noc[ei]?|nocy|nocí|noci|noćenj[ea]|noći|noć|nočit[ev]|nätter|natt|nætter|nat|netter|yötä|yö|éjszaka|éj|nopți|nopti|noapte|нощувк|ночей|ночи|ночь|ноч|ноче|ніч|νύχτες|νύχτα|διανυκτερεύσεις|διανυκτέρευση|βράδια|gece|泊|박|晚|คืน|đêm|malam|לילות|ليال|ليلة)(?![\p{Ll}])|(?:จำนวนคืน|số đêm|泊数|nights|nächte|nuits|noches|notti|noites|nachten)\s?:\s?(\d{1,3})(?!\d)/u

type Words = Readonly<Partial<Record<Field, string>>>

/** Separated by `|`; spaces, hyphens, dots and apostrophes do not matter. */
const words: Readonly<Record<string, Words>> = {
  en: {
    checkIn:
      "check-in|check in date|check-in date|checkin|arrival|arrival date|arrive|arrives|arriving|from|start date|check-in day",
    checkOut:
      "check-out|checkout|check-out date|checkout date|check out date|departure|departure date|depart|departs|departing|until|end date|leaving|leaves",
    dates: "dates|your dates|stay dates|stay|dates of stay|reservation dates|booking dates|trip dates|travel dates",
    guests:
      "guests|number of guests|guest count|party size|occupancy|travelers|travellers|total guests|party|group size|total number of guests|no of guests|guest total|number of people|number of persons|no of people|no of persons|persons|pax",
    guest: "guest|traveler|traveller",
    guestName:
      "guest name|traveler name|traveller name|name|guest's name|booker name|booked by|guest details|name of guest|primary guest|lead guest|customer name|main guest|booker",
    code: "confirmation code|confirmation number|reservation id|reservation number|reservation code|booking number|booking id|booking code|booking reference|reference|reference number|reservation|booking no|booking|reservation no|confirmation no|reservation ref|confirmation|booking ref|reservation reference",
    rooms: "rooms|number of rooms|units|number of units|room count",
    listing: "property id|listing id|property|listing",
  },
  fr: {
    checkIn: "arrivée|date d'arrivée|date arrivée|arrivée le|du",
    checkOut: "départ|date de départ|départ le|au",
    dates: "dates|dates du séjour|séjour|dates de séjour|dates de la réservation",
    guests:
      "voyageurs|nombre de voyageurs|nombre total de voyageurs|nombre total de personnes|nombre total de clients|total clients|total des clients|nombre d'invités|total voyageurs|total des voyageurs|personnes|nombre de personnes|nombre de clients|clients|hôtes|occupants|invités",
    guest: "voyageur|client|vacancier|invité",
    guestName:
      "nom du voyageur|nom du client|nom|nom de l'hôte|nom du vacancier|réservé par|nom du voyageur principal|nom de l'invité|nom du titulaire",
    code: "code de confirmation|numéro de confirmation|numéro de réservation|n° de réservation|code de réservation|référence|réservation n°|référence de réservation|id de réservation|n° de confirmation|identifiant de réservation|réf. de réservation|code de confirmation de la réservation",
    rooms: "chambres|nombre de chambres|hébergements|nombre d'hébergements",
    listing: "annonce|numéro de l'annonce|hébergement|propriété",
  },
  de: {
    checkIn: "check-in|anreise|anreisedatum|ankunft|ankunftsdatum|anreisetag|check-in-datum|von",
    checkOut: "check-out|checkout|abreise|abreisedatum|abreisetag|check-out-datum|bis",
    dates:
      "reisedaten|daten|zeitraum|aufenthalt|reisezeitraum|termine|datum|buchungszeitraum|aufenthaltsdaten|aufenthaltszeitraum",
    guests:
      "gäste|anzahl der gäste|gästeanzahl|personen|anzahl personen|reisende|anzahl gäste|gästezahl|anzahl der personen|personenzahl|gäste insgesamt|gesamtzahl der gäste|gesamtzahl gäste|gäste gesamt|personen insgesamt|gesamtzahl der personen",
    guest: "gast|reisender",
    guestName:
      "name des gastes|gastname|name|name des reisenden|gebucht von|name des hauptgastes|reisender name|name des buchers|name urlauber|name des urlaubers",
    code: "bestätigungscode|bestätigungs-code|buchungscode|buchungsnummer|reservierungsnummer|reservierungsnr|reservierungs-nr|reservierungs-id|buchungsnr|buchungs-nr|reservierungscode|bestätigungsnummer|referenz|buchungsreferenz|buchungs-id",
    rooms: "zimmer|anzahl zimmer|anzahl der zimmer|einheiten|zimmeranzahl|zimmerzahl",
    listing: "unterkunft|inserat|objektnummer|objekt|inseratsnummer",
  },
  es: {
    checkIn: "llegada|fecha de llegada|entrada|fecha de entrada|check-in|desde|día de llegada",
    checkOut: "salida|fecha de salida|check-out|checkout|hasta|día de salida",
    dates: "fechas|fechas de la estancia|fechas de estancia|estancia|fechas de la reserva",
    guests:
      "huéspedes|número de huéspedes|viajeros|personas|número de personas|n.º de huéspedes|número de viajeros|ocupantes|total de huéspedes|número total de huéspedes|número total de personas|cantidad de huéspedes|número de ocupantes",
    guest: "huésped|viajero|cliente",
    guestName:
      "nombre del huésped|nombre del viajero|nombre|nombre del cliente|reservado por|huésped principal|nombre y apellidos",
    code: "código de confirmación|número de confirmación|número de reserva|nº de reserva|n.º de reserva|código de reserva|referencia|referencia de la reserva|id de reserva|id de la reserva|código de la reserva|número de la reserva|localizador|número de reservación",
    rooms: "habitaciones|número de habitaciones|unidades",
    listing: "alojamiento|anuncio|propiedad",
  },
  it: {
    checkIn: "check-in|arrivo|data di arrivo|data arrivo|dal|data del check-in|data di check-in",
    checkOut: "check-out|checkout|partenza|data di partenza|data partenza|al|data del check-out|data di check-out",
    dates: "date|date del soggiorno|soggiorno|periodo|date di soggiorno|date della prenotazione|date di viaggio",
    guests:
      "ospiti|numero di ospiti|persone|numero di persone|viaggiatori|numero ospiti|numero di viaggiatori|numero degli ospiti|totale ospiti|ospiti totali|totale persone|totale degli ospiti|numero totale di ospiti|numero totale degli ospiti|numero persone",
    guest: "ospite|viaggiatore|cliente",
    guestName:
      "nome dell'ospite|nome ospite|nome del viaggiatore|nome viaggiatore|nome|nome del cliente|prenotato da|ospite principale|nome e cognome",
    code: "codice di conferma|numero di conferma|numero di prenotazione|codice di prenotazione|codice prenotazione|numero prenotazione|n. prenotazione|riferimento|id prenotazione|id della prenotazione|n. di prenotazione|numero della prenotazione|id di prenotazione|codice della prenotazione|riferimento prenotazione",
    rooms: "camere|numero di camere|unità|stanze",
    listing: "annuncio|alloggio|struttura",
  },
  pt: {
    checkIn: "check-in|chegada|data de chegada|data de check-in|entrada|data de entrada|data do check-in",
    checkOut: "check-out|checkout|saída|partida|data de saída|data de partida|data de check-out|data do check-out",
    dates: "datas|datas da estadia|estadia|período|datas da reserva|datas de estadia",
    guests:
      "hóspedes|número de hóspedes|viajantes|pessoas|número de pessoas|total de hóspedes|nº de hóspedes|n.º de hóspedes|número total de hóspedes|total de pessoas|quantidade de hóspedes",
    guest: "hóspede|viajante|cliente",
    guestName: "nome do hóspede|nome do viajante|nome|nome do cliente|reservado por|hóspede principal|nome completo",
    code: "código de confirmação|número de confirmação|número da reserva|número de reserva|código da reserva|código de reserva|referência|id da reserva|id de reserva|n.º da reserva|nº da reserva|referência da reserva",
    rooms: "quartos|número de quartos|unidades",
    listing: "anúncio|alojamento|propriedade|acomodação",
  },
  nl: {
    checkIn: "inchecken|check-in|aankomst|aankomstdatum|incheckdatum|van|datum van aankomst|inchecken op",
    checkOut: "uitchecken|check-out|checkout|vertrek|vertrekdatum|uitcheckdatum|tot|datum van vertrek|uitchecken op",
    dates: "data|datums|verblijf|verblijfsdata|periode|verblijfsperiode|reisdata|reisdatums",
    guests:
      "gasten|aantal gasten|reizigers|aantal reizigers|personen|aantal personen|totaal aantal gasten|totaal aantal personen",
    guest: "gast|reiziger",
    guestName:
      "naam van gast|naam gast|naam van de gast|naam|naam reiziger|naam van reiziger|naam van de reiziger|geboekt door|gastnaam|hoofdgast",
    code: "bevestigingscode|bevestigingsnummer|reserveringsnummer|boekingsnummer|reserveringscode|boekingscode|referentie|reserverings-id|reserveringsnr|boekingsnr|boekingsreferentie|reservering-id|boekings-id|referentienummer|reserverings id",
    rooms: "kamers|aantal kamers|eenheden",
    listing: "advertentie|accommodatie|woning",
  },
  pl: {
    checkIn: "zameldowanie|przyjazd|data przyjazdu|check-in|data zameldowania|od|dzień przyjazdu|początek pobytu",
    checkOut: "wymeldowanie|wyjazd|data wyjazdu|check-out|data wymeldowania|do|dzień wyjazdu|koniec pobytu",
    dates: "daty|termin|daty pobytu|pobyt|termin pobytu|okres pobytu|terminy",
    guests:
      "goście|liczba gości|osoby|liczba osób|podróżni|liczba podróżnych|gości|łączna liczba gości|łączna liczba osób|ilość osób|ilość gości",
    guest: "gość|podróżny",
    guestName:
      "imię i nazwisko|imię i nazwisko gościa|nazwisko gościa|imię gościa|nazwa gościa|zarezerwowane przez|rezerwujący|dane gościa|imię i nazwisko podróżnego",
    code: "kod potwierdzenia|numer potwierdzenia|numer rezerwacji|nr rezerwacji|kod rezerwacji|identyfikator rezerwacji|id rezerwacji|kod potwierdzający",
    rooms: "pokoje|liczba pokoi|liczba pokojów",
    listing: "oferta|obiekt|nieruchomość",
  },
  cs: {
    checkIn: "příjezd|datum příjezdu|check-in|přihlášení|nástup|ubytování od|den příjezdu|od|příchod",
    checkOut: "odjezd|datum odjezdu|check-out|odhlášení|ubytování do|den odjezdu|do|odchod",
    dates: "termín|termín pobytu|data|data pobytu|datum pobytu|pobyt|termíny",
    guests:
      "hosté|počet hostů|celkový počet hostů|celkem hostů|celkový počet osob|osoby|počet osob|cestující|počet cestujících",
    guest: "host|cestující|cestovatel",
    guestName:
      "jméno hosta|jméno|jméno cestujícího|jméno a příjmení|rezervoval|rezervoval(a)|hlavní host|jméno cestovatele",
    code: "potvrzovací kód|kód potvrzení|číslo rezervace|č. rezervace|kód rezervace|rezervační kód|id rezervace|číslo potvrzení|rezervace č",
    rooms: "pokoje|počet pokojů|jednotky",
    listing: "inzerát|nabídka|ubytování|nemovitost",
  },
  sk: {
    checkIn: "príchod|dátum príchodu|check-in|prihlásenie|nástup",
    checkOut: "odchod|dátum odchodu|check-out|odhlásenie",
    dates: "termín|termín pobytu|dátumy|pobyt",
    guests: "hostia|počet hostí|celkový počet hostí|osoby|počet osôb|celkový počet osôb",
    guest: "hosť",
    guestName: "meno hosťa|meno|meno a priezvisko",
    code: "potvrdzovací kód|číslo rezervácie|kód rezervácie|id rezervácie",
    rooms: "izby|počet izieb",
  },
  hr: {
    checkIn: "prijava|dolazak|datum dolaska|check-in|datum prijave|dan dolaska|od",
    checkOut: "odjava|odlazak|datum odlaska|check-out|datum odjave|dan odlaska|do",
    dates: "datumi|termin|datumi boravka|boravak|datum boravka|razdoblje|razdoblje boravka",
    guests:
      "gosti|broj gostiju|osobe|broj osoba|putnici|broj putnika|ukupan broj gostiju|ukupno gostiju|ukupan broj osoba",
    guest: "gost|putnik",
    guestName:
      "ime gosta|ime i prezime|ime|ime putnika|rezervirao|rezervirao/la|ime i prezime gosta|nositelj rezervacije",
    code: "potvrdni kod|potvrdni kôd|kôd potvrde|kod potvrde|broj rezervacije|kod rezervacije|šifra rezervacije|id rezervacije|br rezervacije|broj potvrde|kôd rezervacije|kôd za potvrdu|kod za potvrdu|šifra potvrde",
    rooms: "sobe|broj soba|jedinice|broj jedinica",
    listing: "oglas|smještaj|objekt",
  },
  sl: {
    checkIn: "prijava|prihod|datum prihoda",
    checkOut: "odjava|odhod|datum odhoda",
    dates: "datumi|termin|bivanje",
    guests: "gostje|število gostov|skupno število gostov|osebe|število oseb",
    guest: "gost",
    guestName: "ime gosta|ime in priimek|ime",
    code: "potrditvena koda|številka rezervacije|koda rezervacije",
    rooms: "sobe|število sob",
  },
  sv: {
    checkIn: "incheckning|ankomst|ankomstdatum|check-in|incheckningsdatum|ankomstdag|från",
    checkOut: "utcheckning|avresa|avresedatum|check-out|utcheckningsdatum|avresedag|till",
    dates: "datum|vistelse|datum för vistelsen|vistelsedatum|resdatum|period|vistelseperiod",
    guests: "gäster|antal gäster|personer|antal personer|resenärer|antal resenärer|totalt antal gäster",
    guest: "gäst|resenär",
    guestName:
      "gästens namn|gästnamn|namn|resenärens namn|namn på gäst|bokat av|bokad av|namn på gästen|namn på resenären",
    code: "bekräftelsekod|bokningskod|bokningsnummer|bekräftelsenummer|reservationsnummer|boknings-id|reservations-id|bokningsreferens|referens|bokningsnr",
    rooms: "rum|antal rum|enheter",
    listing: "annons|boende|objekt",
  },
  da: {
    checkIn: "indtjekning|ankomst|ankomstdato|check-in|indtjekningsdato|ankomstdag|tjek ind|fra",
    checkOut: "udtjekning|afrejse|afrejsedato|check-out|udtjekningsdato|udrejse|afrejsedag|tjek ud|til",
    dates: "datoer|ophold|opholdsdatoer|dato|datoer for ophold|periode|opholdsperiode|rejsedatoer",
    guests: "gæster|antal gæster|personer|antal personer|rejsende|antal rejsende|samlet antal gæster|gæster i alt",
    guest: "gæst|rejsende",
    guestName:
      "gæstens navn|gæstenavn|navn|den rejsendes navn|rejsendes navn|navn på gæst|booket af|navn på gæsten|navn på rejsende",
    code: "bekræftelseskode|bookingnummer|reservationsnummer|bekræftelsesnummer|reservationskode|bookingkode|reservations-id|bookingreference|reference|reservationsnr|booking-id|bookingnr",
    rooms: "værelser|antal værelser|enheder",
    listing: "opslag|bolig|ejendom",
  },
  nb: {
    checkIn: "innsjekking|ankomst|ankomstdato|check-in|innsjekk|innsjekkingsdato",
    checkOut: "utsjekking|avreise|avreisedato|check-out|utsjekk|utsjekkingsdato",
    dates: "datoer|opphold|datoer for oppholdet|oppholdsdatoer",
    guests: "gjester|antall gjester|personer|antall personer|reisende|antall reisende|totalt antall gjester",
    guest: "gjest|reisende",
    guestName: "gjestens navn|navn|navn på gjest|gjestenavn|bestilt av|navn på reisende|den reisendes navn",
    code: "bekreftelseskode|bekreftelsesnummer|bestillingsnummer|reservasjonsnummer|reservasjonskode|bestillingskode|bookingnummer|reservasjons-id",
    rooms: "rom|antall rom",
  },
  fi: {
    checkIn:
      "sisäänkirjautuminen|saapuminen|tulopäivä|saapumispäivä|check-in|tulo|sisäänkirjautumispäivä|sisäänkirjaus",
    checkOut: "uloskirjautuminen|lähtö|lähtöpäivä|check-out|uloskirjautumispäivä|uloskirjaus",
    dates:
      "päivämäärät|ajankohta|oleskelu|majoituspäivät|päivät|oleskelun ajankohta|oleskelun päivämäärät|ajanjakso|matkapäivät",
    guests:
      "vieraat|vieraiden määrä|henkilöt|henkilömäärä|vieraita|matkustajat|matkustajien määrä|vierasmäärä|henkilöitä|vieraita yhteensä|vieraiden kokonaismäärä",
    guest: "vieras|matkustaja|majoittuja",
    guestName: "vieraan nimi|nimi|matkustajan nimi|varaajan nimi|varaaja|majoittujan nimi|asiakkaan nimi",
    code: "vahvistuskoodi|varausnumero|varauskoodi|varaustunnus|vahvistusnumero|varaustunniste|varausviite|varauksen numero|varauksen tunnus",
    rooms: "huoneet|huoneiden määrä|huonemäärä",
    listing: "ilmoitus|majoituspaikka|kohde",
  },
  hu: {
    checkIn: "bejelentkezés|érkezés|érkezés napja|érkezés dátuma|check-in|bejelentkezés napja|bejelentkezés dátuma",
    checkOut:
      "kijelentkezés|távozás|távozás napja|távozás dátuma|elutazás|utazás napja|check-out|elutazás napja|elutazás dátuma|kijelentkezés napja|kijelentkezés dátuma",
    dates:
      "dátumok|időpont|időpontok|tartózkodás|tartózkodás ideje|időszak|tartózkodás dátumai|dátum|foglalás dátumai|tartózkodás időtartama",
    guests:
      "vendégek|vendégek száma|személyek|személyek száma|vendégszám|fő|létszám|utazók|utazók száma|vendégek teljes száma|összes vendég",
    guest: "vendég|utazó",
    guestName: "vendég neve|név|a vendég neve|utazó neve|foglaló neve|az utazó neve|foglaló|foglalta",
    code: "visszaigazoló kód|megerősítő kód|foglalási szám|foglalás száma|foglalási kód|foglalási azonosító|visszaigazolási kód|visszaigazoló szám|megerősítő szám|foglalás azonosítója|megerősítési kód|foglalásazonosító|visszaigazolási szám|foglalási hivatkozás",
    rooms: "szobák|szobák száma",
    listing: "hirdetés|szállás|ingatlan",
  },
  ro: {
    checkIn: "check-in|sosire|data sosirii|data de sosire|data check-in|intrare|data check-in-ului|data de check-in",
    checkOut:
      "check-out|checkout|plecare|data plecării|data de plecare|data check-out|ieșire|data check-out-ului|data de check-out",
    dates:
      "date|datele sejurului|sejur|perioadă|perioada|datele șederii|perioada sejurului|datele rezervării|datele călătoriei",
    guests:
      "oaspeți|număr de oaspeți|numărul de oaspeți|persoane|număr de persoane|călători|numărul oaspeților|numărul de persoane|număr oaspeți|numărul călătorilor|numărul total de oaspeți|total oaspeți",
    guest: "oaspete|călător|turist",
    guestName:
      "numele oaspetelui|nume oaspete|nume|numele călătorului|rezervat de|nume și prenume|numele clientului|nume călător|oaspete principal",
    code: "cod de confirmare|codul de confirmare|număr de confirmare|număr de rezervare|numărul rezervării|numărul de rezervare|codul rezervării|cod de rezervare|cod rezervare|id rezervare|id-ul rezervării|număr rezervare|nr rezervare|nr de rezervare|referința rezervării|cod confirmare|referință|numărul de confirmare",
    rooms: "camere|număr de camere|numărul de camere|unități",
    listing: "anunț|proprietate|cazare",
  },
  bg: {
    checkIn: "настаняване|пристигане|дата на пристигане|дата на настаняване",
    checkOut: "напускане|заминаване|дата на напускане|дата на заминаване|освобождаване",
    dates: "дати|престой|период",
    guests: "гости|брой гости|общ брой гости|хора|брой хора",
    guest: "гост",
    guestName: "име на госта|име|име на гост",
    code: "код за потвърждение|номер на резервация|номер на резервацията|код на резервацията|номер за потвърждение",
    rooms: "стаи|брой стаи",
  },
  el: {
    checkIn: "άφιξη|check-in|ημερομηνία άφιξης|ημέρα άφιξης|ημερομηνία check-in",
    checkOut: "αναχώρηση|check-out|checkout|ημερομηνία αναχώρησης|ημέρα αναχώρησης|ημερομηνία check-out",
    dates:
      "ημερομηνίες|διαμονή|ημερομηνίες διαμονής|διάστημα|περίοδος|περίοδος διαμονής|ημερομηνίες κράτησης|ημερομηνίες ταξιδιού",
    guests:
      "επισκέπτες|αριθμός επισκεπτών|άτομα|αριθμός ατόμων|ταξιδιώτες|αριθμός ταξιδιωτών|πελάτες|συνολικός αριθμός επισκεπτών|σύνολο επισκεπτών",
    guest: "επισκέπτης|ταξιδιώτης|πελάτης",
    guestName:
      "όνομα επισκέπτη|όνομα|ονοματεπώνυμο|όνομα ταξιδιώτη|κράτηση από|όνομα πελάτη|ονοματεπώνυμο επισκέπτη|κύριος επισκέπτης",
    code: "κωδικός επιβεβαίωσης|αριθμός επιβεβαίωσης|αριθμός κράτησης|κωδικός κράτησης|αναγνωριστικό κράτησης|id κράτησης|αρ κράτησης",
    rooms: "δωμάτια|αριθμός δωματίων",
    listing: "καταχώριση|κατάλυμα|ακίνητο",
  },
  tr: {
    checkIn: "giriş|giriş tarihi|check-in|varış|varış tarihi|geliş|geliş tarihi",
    checkOut: "çıkış|çıkış tarihi|check-out|ayrılış|ayrılış tarihi|gidiş|gidiş tarihi",
    dates: "tarihler|konaklama|konaklama tarihleri|tarih|rezervasyon tarihleri|seyahat tarihleri|tarih aralığı",
    guests:
      "misafirler|misafir sayısı|konuklar|kişi sayısı|kişiler|konuk sayısı|misafir|yolcular|seyahat edenler|gezginler|gezgin sayısı|yolcu sayısı|toplam misafir sayısı|toplam konuk sayısı",
    guest: "misafir|konuk|gezgin|yolcu",
    guestName:
      "misafir adı|misafirin adı|konuk adı|ad|ad soyad|adı soyadı|misafir adı soyadı|gezgin adı|seyahat edenin adı|rezervasyonu yapan|i̇sim|isim|konuğun adı|yolcu adı|müşteri adı|gezginin adı",
    code: "onay kodu|onay numarası|rezervasyon numarası|rezervasyon kodu|rezervasyon no|rezervasyon kimliği|rezervasyon id|rezervasyon referansı",
    rooms: "odalar|oda sayısı",
    listing: "ilan|konut|tesis",
  },
  ru: {
    checkIn: "заезд|прибытие|дата заезда|дата прибытия|приезд|регистрация заезда",
    checkOut: "отъезд|выезд|дата отъезда|дата выезда",
    dates: "даты|даты проживания|период|проживание",
    guests: "гости|количество гостей|число гостей|общее количество гостей|всего гостей|люди|путешественники",
    guest: "гость|путешественник",
    guestName: "имя гостя|имя|фио|забронировал|имя путешественника",
    code: "код подтверждения|номер подтверждения|номер бронирования|код бронирования|идентификатор бронирования",
    rooms: "номера|количество номеров|комнаты",
  },
  uk: {
    checkIn: "заїзд|прибуття|дата заїзду|дата прибуття|приїзд",
    checkOut: "виїзд|від'їзд|дата виїзду|дата від'їзду",
    dates: "дати|дати проживання|період|проживання",
    guests: "гості|кількість гостей|загальна кількість гостей|усього гостей|особи|мандрівники",
    guest: "гість|мандрівник",
    guestName: "ім'я гостя|ім'я|прізвище гостя",
    code: "код підтвердження|номер підтвердження|номер бронювання|код бронювання",
    rooms: "номери|кількість номерів",
  },
  ja: {
    checkIn: "チェックイン|チェックイン日|到着|到着日|チェックイン日時|ご到着日|ご到着|宿泊開始日",
    checkOut: "チェックアウト|チェックアウト日|出発|出発日|チェックアウト日時|ご出発日|ご出発|宿泊終了日",
    dates: "日程|宿泊日程|滞在期間|宿泊日|滞在日程|期間|宿泊期間|ご宿泊日|予約日程|ご宿泊期間|日付",
    guests: "ゲスト|ゲスト数|人数|宿泊人数|ゲスト人数|宿泊者数|ご利用人数|旅行者数|旅行者|宿泊者|ご宿泊人数",
    guest: "ゲスト|旅行者|宿泊者",
    guestName:
      "ゲスト名|お名前|名前|氏名|宿泊者名|予約者|予約者名|旅行者名|ゲストの名前|ゲスト氏名|ゲストのお名前|旅行者の名前|ご予約者名|旅行者氏名|宿泊者氏名|お客様名",
    code: "確認コード|予約番号|予約コード|確認番号|予約id|コンファメーションコード|予約確認コード|予約確認番号|ご予約番号",
    rooms: "部屋数|室数|客室数",
    listing: "リスティング|物件|施設",
  },
  ko: {
    checkIn: "체크인|체크인 날짜|도착|도착일|입실|입실일|체크인 일자|도착 날짜|체크인 날짜|체크인일",
    checkOut: "체크아웃|체크아웃 날짜|출발|출발일|퇴실|퇴실일|체크아웃 일자|출발 날짜|체크아웃일",
    dates: "날짜|숙박 기간|일정|숙박 일정|기간|숙박일|여행 날짜|숙박 날짜|예약 날짜|투숙 기간",
    guests:
      "게스트|게스트 수|인원|인원수|투숙객|투숙객 수|숙박 인원|게스트 인원|여행자 수|여행자|투숙 인원|숙박객|숙박객 수|여행객 수|여행객",
    guest: "게스트|투숙객|여행자|여행객|숙박객",
    guestName:
      "게스트 이름|고객 이름|고객명|이름|성명|예약자|예약자명|투숙객 이름|예약자 이름|여행자 이름|게스트명|투숙객명|숙박객 이름|여행객 이름|투숙객 성명",
    code: "확인 코드|예약 번호|예약번호|예약 코드|확인코드|확정 코드|예약 확인 번호|예약 id|예약 확인 코드|확인 번호|예약 확정 코드",
    rooms: "객실 수|객실|방 개수",
    listing: "숙소|리스팅",
  },
  zh: {
    checkIn: "入住|入住日期|抵达|到达|入住时间|抵达日期|到店日期|到达日期|入住登记|到店|入住日|抵達|抵達日期|入住時間",
    checkOut: "退房|退房日期|离开|离店日期|离开日期|离店|退房时间|退房日|離開|離開日期|退房時間|離店日期",
    dates: "日期|住宿日期|行程|入住和退房|住宿时间|预订日期|行程日期|住宿期間|住宿期间|入住期间|旅行日期",
    guests:
      "房客|人数|房客人数|客人|旅客|旅客人数|客人数量|住客|入住人数|房客数|房客数量|住客人数|客人人数|人數|房客人數|旅客人數|宾客",
    guest: "房客|旅客|客人|住客",
    guestName:
      "房客姓名|客人姓名|姓名|旅客姓名|预订人|住客姓名|房客名字|客人姓名|预订人姓名|訂房人|預訂人|房客名称|旅客名字|入住人",
    code: "确认码|确认号|预订号|预订编号|订单号|订单编号|预订代码|确认代码|预定号|确认编号|確認碼|預訂編號|訂單編號|預訂代碼|预订id|预订确认码|预订码|確認代碼|預訂號碼|预订号码|确认号码|预订参考号|预订编码|訂房編號",
    rooms: "房间数|客房数|房间数量|间数",
    listing: "房源|物业",
  },
  th: {
    checkIn: "เช็คอิน|เช็กอิน|วันที่เช็คอิน|วันเช็คอิน|วันที่เข้าพัก|วันที่มาถึง|วันเช็กอิน|วันที่เช็กอิน|เดินทางถึง|วันเข้าพัก|มาถึง|วันที่เดินทางถึง",
    checkOut:
      "เช็คเอาท์|เช็กเอาต์|เช็คเอาต์|วันที่เช็คเอาท์|วันเช็คเอาท์|วันที่ออก|วันเช็กเอาต์|วันที่เช็กเอาต์|วันที่เช็คเอาต์|วันเช็คเอาต์|ออกเดินทาง|วันที่เดินทางกลับ|เช็กเอาท์|วันที่เช็กเอาท์|ออก|วันเดินทางกลับ",
    dates: "วันที่|วันที่เข้าพัก|ระยะเวลาเข้าพัก|การเข้าพัก|ช่วงวันที่|ช่วงเวลา|วันเข้าพัก|วันที่พัก",
    guests: "ผู้เข้าพัก|จำนวนผู้เข้าพัก|จำนวนคน|จำนวนผู้เดินทาง|แขก|จำนวนแขก|ผู้เดินทาง|จำนวนผู้พัก",
    guest: "ผู้เข้าพัก|แขก|ผู้เดินทาง",
    guestName: "ชื่อผู้เข้าพัก|ชื่อ|ชื่อแขก|ชื่อผู้จอง|ชื่อผู้เดินทาง|จองโดย|ชื่อ-นามสกุล|ผู้จอง",
    code: "รหัสยืนยัน|หมายเลขการจอง|รหัสการจอง|หมายเลขยืนยัน|รหัสยืนยันการจอง|หมายเลขยืนยันการจอง|เลขที่การจอง|เลขที่จอง",
    rooms: "จำนวนห้อง|ห้องพัก",
    listing: "ที่พัก|รายการที่พัก",
  },
  vi: {
    checkIn: "nhận phòng|ngày nhận phòng|check-in|ngày đến|đến|ngày check-in|thời gian nhận phòng",
    checkOut: "trả phòng|ngày trả phòng|check-out|ngày đi|đi|ngày check-out|thời gian trả phòng|rời đi|ngày rời đi",
    dates:
      "ngày|ngày ở|thời gian lưu trú|kỳ nghỉ|ngày lưu trú|thời gian|thời gian ở|khoảng thời gian|ngày tháng|ngày đi du lịch",
    guests: "khách|số khách|số lượng khách|số người|lượng khách|số lượng người|tổng số khách|du khách|số du khách",
    guest: "khách|du khách|khách hàng",
    guestName:
      "tên khách|tên khách hàng|họ tên|tên|họ và tên|người đặt|tên người đặt|tên du khách|tên của khách|khách chính|đặt bởi|khách đặt phòng",
    code: "mã xác nhận|mã đặt phòng|số đặt phòng|mã đặt chỗ|số xác nhận|mã số đặt phòng|mã xác nhận đặt phòng|số xác nhận đặt phòng|số hiệu đặt phòng",
    rooms: "số phòng|số lượng phòng",
    listing: "nhà/phòng cho thuê|chỗ ở|chỗ nghỉ",
  },
  id: {
    checkIn: "check-in|kedatangan|tanggal kedatangan|tanggal check-in",
    checkOut: "check-out|keberangkatan|tanggal keberangkatan|tanggal check-out",
    dates: "tanggal|tanggal menginap|masa inap",
    guests: "tamu|jumlah tamu|jumlah orang",
    guest: "tamu",
    guestName: "nama tamu|nama|dipesan oleh",
    code: "kode konfirmasi|nomor reservasi|nomor pemesanan|kode reservasi|kode pemesanan",
    rooms: "kamar|jumlah kamar",
  },
  he: {
    checkIn: "צ'ק-אין|הגעה|תאריך הגעה|כניסה",
    checkOut: "צ'ק-אאוט|עזיבה|תאריך עזיבה|יציאה",
    dates: "תאריכים|תאריכי השהייה",
    guests: "אורחים|מספר אורחים",
    guest: "אורח",
    guestName: "שם האורח|שם",
    code: "קוד אישור|מספר הזמנה|מספר אישור",
  },
  ar: {
    checkIn: "تسجيل الوصول|الوصول|تاريخ الوصول",
    checkOut: "تسجيل المغادرة|المغادرة|تاريخ المغادرة",
    dates: "التواريخ|تواريخ الإقامة",
    guests: "الضيوف|عدد الضيوف",
    guest: "الضيف",
    guestName: "اسم الضيف|الاسم",
    code: "رمز التأكيد|رقم الحجز|رقم التأكيد",
  },
}

/** Words for a name, whosever it is. */
const vague: ReadonlySet<string> = new Set(
  "name|nom|nombre|nome|naam|namn|navn|nimi|név|jméno|meno|ime|nume|όνομα|ad|i̇sim|isim|имя|име|ім'я|名前|이름|姓名|ชื่อ|tên|nama|שם|الاسم".split(
    "|",
  ),
)

/** Words for the days of anything that lasts. */
const prepositions: ReadonlySet<string> = new Set(
  "from|until|von|bis|du|au|desde|hasta|dal|al|van|tot|od|do".split("|"),
)

/** Words for the state of a booking. */
export const statusLabels: ReadonlySet<string> = new Set(
  (
    "status|booking status|reservation status|state|buchungsstatus|reservierungsstatus|status der buchung|statut|état|statut de la réservation|" +
    "estado|estado de la reserva|estado da reserva|stato|stato della prenotazione|stato prenotazione|boekingsstatus|status rezerwacji|" +
    "stav|stav rezervace|stav rezervácie|varauksen tila|állapot|foglalás állapota|κατάσταση|durum|rezervasyon durumu|статус|" +
    "статус бронирования|ステータス|予約状況|状态|預訂狀態|预订状态|狀態|상태|예약 상태|สถานะ|สถานะการจอง|trạng thái"
  ).split("|"),
)

interface Label {
  /** Of `other` nothing is read. */
  readonly field: Field | "other"
  readonly languages: ReadonlyArray<string>
  readonly isVague: boolean
}

interface Row {
  readonly labels: ReadonlyArray<Label>
  /** What follows them; empty if nothing does. */
  readonly rest: string
  readonly hasColon: boolean
}

const none: Row = { labels: [], rest: "", hasColon: false }
const other: Row = { labels: [{ field: "other", languages: [], isVague: false }], rest: "", hasColon: false }

/** Without what may follow a label. */
const plain = (label: string): string => {
  let end = label.length
  while (end > 0 && " :*.".includes(label.charAt(end - 1))) end--
  return label.slice(0, end)
}

const isOther = (label: string): boolean =>
  others().has(label) || (PartySize.isNumberOf(label) && PartySize.isCounted(label))

const others = once(
  (): ReadonlySet<string> =>
    new Set(
      (
        "booked on|booked|booking date|booked at|reserved on|created|created on|date|date booked|ordered|order date|" +
        "room|room type|room no|room number|unit|unit type|accommodation|apartment|cabin|house|villa|property name|" +
        "channel|source|platform|portal|agent|agency|status|state|type|rate|rate plan|plan|" +
        "total|total price|price|amount|paid|balance|payout|deposit|payment|payment due|due|due date|currency|fee|tax|taxes|commission|" +
        "nights|number of nights|length of stay|duration|phone|guest phone|telephone|mobile|email|e-mail|guest email|country|language|" +
        "invoice|invoice number|invoice no|order|order number|no|nr|id|#|notes|comments|cancel until|cancellation deadline|" +
        "pets|age|ages|alter|âge|edad|età|idade|leeftijd|wiek|" +
        "gebucht am|buchungsdatum|zimmer nr|zimmernummer|zimmertyp|wohnung|kanal|quelle|portal|preis|gesamt|gesamtpreis|betrag|" +
        "summe|bezahlt|anzahlung|zahlung|nächte|anzahl nächte|telefon|handy|land|sprache|rechnung|rechnungsnummer|bemerkungen|" +
        "réservé le|chambre|logement|canal|prix|prix total|montant|payé|acompte|paiement|nuits|téléphone|pays|langue|facture|statut|" +
        "reservado el|habitación|canal|precio|importe|pagado|pago|noches|teléfono|país|idioma|factura|estado|" +
        "prenotato il|camera|canale|prezzo|totale|importo|pagato|pagamento|notti|telefono|paese|lingua|fattura|stato|" +
        "reservado em|quarto|preço|valor|pagamento|noites|telefone|fatura|geboekt op|kamer|kanaal|prijs|totaal|bedrag|nachten|telefoon|" +
        "factuur|pokój|kanał|cena|kwota|razem|noce|pokoj|kanál|částka|celkem|noci|rum|kanal|pris|summa|belopp|nätter|værelse|beløb|nætter|" +
        "soba|cijena|iznos|ukupno|noćenja|huone|kanava|hinta|summa|yöt|szoba|csatorna|ár|összesen|éjszakák|cameră|preț|nopți|" +
        "δωμάτιο|τιμή|σύνολο|oda|kanal|fiyat|toplam|номер|цена|сумма|итого|ночей|кімната|ціна|部屋|料金|合計|泊数|객실|요금|합계|房间|价格|总价|晚数"
      )
        .split("|")
        .concat(PartySize.countedNouns, ...statusLabels)
        .map((label) => plain(Text.fold(label))),
    ),
)

/** The labels with which a line begins. */
const labelsAt = (line: string): Row => {
  if (line.length > 400) return none
  const folded = Text.fold(line)
  const row = rowAt(line, folded)
  if ((row.rest !== "" || row.labels.length === 0) && line.length <= 30 && isOther(plain(folded))) return other
  return row.rest !== "" && !row.hasColon && furtherLabel.test(row.rest) ? none : row
}

/** What a program that makes text of a page puts beside what is linked. */
const linkAlone = /^[<[(]?https?:\/\/\S+$/

/** `Traveler Phone:` is another label than `Traveler`. */
const furtherLabel = /^[^\p{N}:：(（][^\p{N}:：]{0,39}[:：](?!\d)/u

const rowAt = (line: string, folded: string): Row => {
  let at = /^[a-z\d]/.test(folded) ? 0 : (bullet.exec(folded)?.[0].length ?? 0)
  let labels: ReadonlyArray<Label> = []
  for (let count = 0; count < 6; count++) {
    const found = longestAt(folded, at)
    if (found === undefined) break
    // `Guest from: Lisbon` says where somebody lives.
    if (labels.some(({ field }) => field === "guest") && origins.has(folded.slice(at, found.end))) break
    const end = found.end + (hours.exec(folded.slice(found.end, found.end + 48))?.[0].length ?? 0)
    const after = end + (separator.exec(folded.slice(end))?.[0].length ?? 0)
    const between = folded.slice(end, after)
    // `Arrival - Departure` are two labels.
    const hasColon = /[:：=]/.test(between) || (/[-→·]/.test(between) && longestAt(folded, after) === undefined)
    // Words as short as `do` and `au` are words of other languages, too.
    if (!hasColon && /^\p{Script=Latin}{1,2}$/u.test(folded.slice(at, found.end).replace(/[^\p{L}]/gu, ""))) break
    // `Property name`, `Naam accommodatie`, `Gast Zimmer` name no guest.
    labels =
      count === 0
        ? found.labels
        : [...labels, ...found.labels].filter(
            ({ field, isVague }) => (!isVague || isOfDay({ field })) && field !== "guest",
          )
    at = after
    if (hasColon && at < line.length)
      return labels.length === 0 ? none : { labels, rest: line.slice(at).trim(), hasColon }
  }
  return labels.length === 0 ? none : { labels, rest: line.slice(at).trim(), hasColon: false }
}

const origins = new Set(["from", "von", "desde", "dal", "van", "från", "fra", "od"])

const separator = /^[\s*]*[:：=][\s*]*|^\s+[-→·]\s+|^[\s*|\t]+/

/** `Checkout (before 11:00 AM)`: part of the label, and no day. */
const hours = /^ ?\([^()\d]{0,12}\d{1,2}(?:[:.h]\d{2}| ?[ap]\.?m)[^()]{0,20}\)(?=\s*(?:[:：]|$))/

/** What lists put before an item, a picture among it. */
const bullet = /^(?:[•·●▪■◦‣►▶➤✔✓|-]|\p{Extended_Pictographic}\uFE0F?){1,3} ?/u

const longestAt = (
  folded: string,
  from: number,
): { readonly labels: ReadonlyArray<Label>; readonly end: number } | undefined => {
  let node = root()
  let best: { readonly labels: ReadonlyArray<Label>; readonly end: number } | undefined
  for (let at = from; at < folded.length && at < from + 80; at++) {
    const char = folded.charAt(at)
    if (isIgnored(char)) {
      if (at === from && char !== "*") return undefined
      continue
    }
    const next = node.next.get(char)
    if (next === undefined) break
    node = next
    if (node.labels.length > 0 && Text.endsWord(folded, at + 1)) best = { labels: node.labels, end: at + 1 }
  }
  if (best === undefined) return undefined
  const closing = /^[.)]+/.exec(folded.slice(best.end))?.[0].length ?? 0
  return { labels: best.labels, end: best.end + closing }
}

const isIgnored = (char: string) => " -'.*()".includes(char)

interface Node {
  readonly next: Map<string, Node>
  labels: Array<{ readonly field: Field; readonly languages: Array<string>; readonly isVague: boolean }>
}

const root = once((): Node => {
  const root: Node = { next: new Map(), labels: [] }
  for (const [language, byField] of Object.entries(words)) {
    for (const field of fields) {
      for (const word of byField[field]?.split("|") ?? []) {
        let node = root
        for (const char of Text.fold(word)) {
          if (isIgnored(char)) continue
          let next = node.next.get(char)
          if (next === undefined) node.next.set(char, (next = { next: new Map(), labels: [] }))
          node = next
        }
        const held = node.labels.find((label) => label.field === field)
        const isVague = (field === "guestName" && vague.has(word)) || (isOfDay({ field }) && prepositions.has(word))
        if (held === undefined) node.labels.push({ field, languages: [language], isVague })
        else if (!held.languages.includes(language)) held.languages.push(language)
      }
    }
  }
  return root
})
