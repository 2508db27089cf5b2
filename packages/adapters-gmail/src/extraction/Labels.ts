/**
 * The labels under which mails put their values, by language, and what stands under them: after the label, in the lines
 * below it, or in a row of values below a row of labels.
 */
import * as Words from "./LabelWords.ts"
import { once } from "./Once.ts"
import * as PartySize from "./PartySize.ts"
import * as Tables from "./Tables.ts"
import * as Text from "./Text.ts"

type Field = Words.Field

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
    if (Words.statuses.has(Text.fold(heading.text)))
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
      Words.others
        .split("|")
        .concat(PartySize.countedNouns, ...Words.statuses)
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
  for (const [language, byField] of Object.entries(Words.labels)) {
    for (const field of Words.fields) {
      for (const word of byField[field]?.split("|") ?? []) {
        let node = root
        for (const char of Text.fold(word)) {
          if (isIgnored(char)) continue
          let next = node.next.get(char)
          if (next === undefined) node.next.set(char, (next = { next: new Map(), labels: [] }))
          node = next
        }
        const held = node.labels.find((label) => label.field === field)
        const isVague =
          (field === "guestName" && Words.vague.has(word)) || (isOfDay({ field }) && Words.prepositions.has(word))
        if (held === undefined) node.labels.push({ field, languages: [language], isVague })
        else if (!held.languages.includes(language)) held.languages.push(language)
      }
    }
  }
  return root
})
