/**
 * The forms in which mails write dates, over tokens: each looks at a bounded number of them, so that reading a text
 * takes time in proportion to its length.
 */
import * as DateReading from "./DateReading.ts"
import type * as Tokens from "./DateTokens.ts"

/** The date or the range that begins at a token. */
export const at = (
  tokens: TokenList,
  index: number,
  languages: ReadonlyArray<string>,
): Match<DateReading.Found> | null => {
  if (!mayBegin(tokens[index])) return null
  const read = dateAt(tokens, index, languages)
  const range = rangeAt(tokens, index, languages, read)
  if (range !== null || read === null) return range
  return { found: foundOf(tokens, index, read, languages), next: read.next }
}

/** Every form begins with a figure, with a name, or with an era. */
const mayBegin = (token: Tokens.Token | undefined): boolean =>
  token !== undefined &&
  (token.kind === "number" || token.months.length > 0 || token.weekdays.length > 0 || eras.has(token.text))

export interface Match<A> {
  readonly found: A
  /** The token after it. */
  readonly next: number
}

interface Read {
  readonly readings: ReadonlyArray<DateReading.Reading>
  readonly next: number
  /** Whether a day alone may stand before it (`15 - 18 Oct`) or after it (`Oct 15 - 18`). */
  readonly shape: "day-first" | "day-last"
}

type TokenList = ReadonlyArray<Tokens.Token>

const rangeAt = (
  tokens: TokenList,
  index: number,
  languages: ReadonlyArray<string>,
  dated: Read | null,
): Match<DateReading.RangeFound> | null => {
  const both = bothAt(tokens, index, languages, dated)
  // `mar 9 - dom 14 dic 2027`: what is a month in one language is a day of the week in that of the other side.
  const read = both !== null && areAlike(both) ? both : (dayAndDateAt(tokens, index, languages) ?? both)
  if (read === null) return null
  const [from, to] = withYears(read.from.readings, read.to.readings)
  if (from.length === 0) return null
  const first = foundOf(tokens, index, { ...read.from, readings: from }, languages)
  const second = foundOf(tokens, read.toIndex, { ...read.to, readings: to }, languages)
  return {
    found: { _tag: "Range", start: first.start, end: second.end, from: first, to: second },
    next: read.to.next,
  }
}

const foundOf = (
  tokens: TokenList,
  index: number,
  read: Read,
  languages: ReadonlyArray<string>,
): DateReading.DateFound => ({
  _tag: "Date",
  start: tokens[index]?.start ?? 0,
  end: tokens[read.next - 1]?.end ?? 0,
  readings: DateReading.fitting(read.readings, languages),
})

const areAlike = ({ from, to }: Both) =>
  from.readings.some((one) => to.readings.some((other) => DateReading.speakAlike(one, other)))

interface Both {
  readonly from: Read
  readonly to: Read
  readonly toIndex: number
}

/** `Dec 30 - Jan 2, 2027`, `Aug 20 - 22, 2027`, `2027年8月20日～22日`. */
const bothAt = (
  tokens: TokenList,
  index: number,
  languages: ReadonlyArray<string>,
  dated: Read | null,
): Both | null => {
  const from = dated ?? figuresBefore(tokens, index, languages)
  if (from === null) return null
  const toIndex = afterSeparator(tokens, from.next)
  if (toIndex === null) return null
  const to = dateAt(tokens, toIndex, languages) ?? (dated === null ? yearlessFiguresAt(tokens, toIndex) : null)
  if (to !== null) return { from, to, toIndex }
  return from.shape === "day-last" ? dateAndDayAt(tokens, from, toIndex) : null
}

const dateAndDayAt = (tokens: TokenList, from: Read, toIndex: number): Both | null => {
  const named = tokens[toIndex]?.weekdays.length ? skip(tokens, toIndex + 1, afterWeekday) : toIndex
  const token = tokens[named]
  if (token === undefined || !isDay(token)) return null
  const unit = tokens[named + 1]
  const afterUnit = unit !== undefined && dayUnits.has(unit.text) ? named + 2 : skipOrdinal(tokens, named + 1)
  const year = from.readings.some((reading) => reading.year !== null) ? null : yearAt(tokens, afterUnit)
  const after = weekdaysAfter(tokens, year?.next ?? afterUnit)
  const days = named > toIndex ? (tokens[toIndex]?.weekdays ?? []) : after.weekdays
  const readings = from.readings
    .filter((reading) => reading.day < token.value)
    .flatMap((reading) =>
      withWeekdays([{ ...reading, day: token.value, weekday: null, ...yearOf(reading, year?.years[0]) }], days),
    )
  if (readings.length === 0) return null
  const next = named > toIndex ? (year?.next ?? afterUnit) : after.next
  return { from, to: { readings, next, shape: "day-last" }, toIndex }
}

const yearOf = (reading: DateReading.Reading, year: Year | undefined) =>
  year === undefined || reading.year !== null ? {} : { year: year.value, shortYear: year.isShort }

/** `15 - 18 Oct`, `du 5 au 8 décembre 2026`, `5.-8.12.2026`. */
const dayAndDateAt = (tokens: TokenList, index: number, languages: ReadonlyArray<string>): Both | null => {
  const weekdays = tokens[index]?.weekdays ?? []
  const named = weekdays.length > 0 ? skip(tokens, index + 1, afterWeekday) : index
  const token = tokens[named]
  if (token === undefined || !isDay(token)) return null
  const next = skipOrdinal(tokens, named + 1)
  const toIndex = afterSeparator(tokens, next)
  if (toIndex === null) return null
  const to = dateAt(tokens, toIndex, languages)
  if (to === null || to.shape !== "day-first") return null
  const earlier = to.readings.filter((reading) => token.value < reading.day && reading.order !== "mdy")
  const readings = withWeekdays(
    earlier.flatMap((reading) => [{ ...reading, day: token.value, weekday: null }]),
    weekdays,
    homonym(tokens[index]),
  )
  return readings.length === 0 ? null : { from: { readings, next, shape: "day-first" }, to, toIndex }
}

/** `05.12. - 08.12.2026`: figures without a year are a day where one with a year follows, or where the order is known. */
const figuresBefore = (tokens: TokenList, index: number, languages: ReadonlyArray<string>): Read | null => {
  const figures = yearlessFiguresAt(tokens, index)
  if (figures === null) return null
  const toIndex = afterSeparator(tokens, figures.next)
  if (toIndex === null) return null
  const isDated = figuresAt(tokens, toIndex) !== null
  return isDated || (languages.length > 0 && yearlessFiguresAt(tokens, toIndex) !== null) ? figures : null
}

/** What one side leaves out it has from the other; New Year lies between where it must. */
const withYears = (
  from: ReadonlyArray<DateReading.Reading>,
  to: ReadonlyArray<DateReading.Reading>,
): readonly [ReadonlyArray<DateReading.Reading>, ReadonlyArray<DateReading.Reading>] => {
  const lend = (
    reading: DateReading.Reading,
    others: ReadonlyArray<DateReading.Reading>,
    isFirst: boolean,
  ): DateReading.Reading => {
    if (reading.year !== null) return reading
    const other = others.find((one) => one.year !== null && DateReading.speakAlike(reading, one))
    if (other === undefined || other.year === null) return reading
    const isBefore = reading.month * 31 + reading.day <= other.month * 31 + other.day
    const shift = isFirst ? (isBefore ? 0 : -1) : isBefore ? 1 : 0
    return { ...reading, year: other.year + shift, shortYear: other.shortYear }
  }
  return [from.map((reading) => lend(reading, to, true)), to.map((reading) => lend(reading, from, false))]
}

/** A date with the day of the week before or after it. */
const dateAt = (tokens: TokenList, index: number, languages: ReadonlyArray<string>): Read | null => {
  const weekdays = tokens[index]?.weekdays ?? []
  if (weekdays.length > 0) {
    const at = skip(tokens, index + 1, afterWeekday)
    const read = undatedWeekday(tokens, at)
    const isMarked = tokens[index + 1]?.kind === "mark"
    const word = isMarked ? homonym(tokens[index]) : tokens[index]?.text
    const readings = read === null ? [] : withWeekdays(read.readings, weekdays, word)
    if (read !== null && readings.length > 0) return { ...read, readings }
  }
  const read = coreAt(tokens, index)
  if (read === null) {
    const figures = yearlessFiguresAt(tokens, index)
    if (figures === null) return null
    const after = weekdaysAfter(tokens, figures.next)
    const readings = after.weekdays.length === 0 ? [] : withWeekdays(figures.readings, after.weekdays)
    if (readings.length > 0) return { ...figures, readings, next: after.next }
    return tokens[figures.next - 1]?.text === "." && languages.some(writesDots) ? figures : null
  }
  const after = weekdaysAfter(tokens, read.next)
  const readings = after.weekdays.length === 0 ? [] : withWeekdays(read.readings, after.weekdays)
  return readings.length === 0 ? read : { ...read, readings, next: after.next }
}

/** `20. 11.` is a day where months are written so. */
const writesDots = (tag: string) => dotted.has(tag.toLowerCase().split(/[-_]/u, 1)[0] ?? "")

const dotted = new Set(["cs", "sk", "fi", "de", "da", "nb", "no", "et", "lv", "is", "hr", "sl", "sr", "bs"])

const undatedWeekday = (tokens: TokenList, at: number): Read | null =>
  coreAt(tokens, at) ?? yearlessFiguresAt(tokens, at)

/** `(土)`, `, szombat`, ` Cumartesi`: but in `Dec 5 Tue, Dec 8` the day of the week is the next date's. */
const weekdaysAfter = (tokens: TokenList, index: number): { weekdays: Tokens.Meanings; next: number } => {
  const none = { weekdays: [], next: index }
  const at = skip(tokens, index, beforeWeekday)
  const token = tokens[at]
  if (token === undefined || token.weekdays.length === 0) return none
  const closes = closing.has(tokens[at + 1]?.text ?? "")
  const opens = opening.has(tokens[at - 1]?.text ?? "")
  if (opens && closes) return { weekdays: token.weekdays, next: at + 2 }
  const following = skip(tokens, at + 1, afterWeekday)
  const follower = tokens[following]
  // `Mar 6 - Tue 9`, and `Mar 6 - Mar 9`, where the second word is a month; but `27 Kas Cum - 28 Kas Cmt`.
  const isNext =
    undatedWeekday(tokens, following) !== null ||
    monthFirstAt(tokens, at) !== null ||
    (isSpacedDash(tokens[at - 1]) && follower !== undefined && isDay(follower))
  return isNext && !isSpacedDash(tokens[at + 1]) ? none : { weekdays: token.weekdays, next: at + 1 }
}

/**
 * The readings with the day of the week in their languages. Where the word is only a small word in some of them
 * (`do` is until in Czech and Thursday in Dutch), they also read without it.
 */
const withWeekdays = (
  readings: ReadonlyArray<DateReading.Reading>,
  weekdays: Tokens.Meanings,
  word = "",
): ReadonlyArray<DateReading.Reading> => {
  if (weekdays.length === 0) return readings
  const small = smallWords.get(word) ?? homonyms.get(word)
  return readings.flatMap((reading) => {
    const named = weekdays.flatMap((weekday) => {
      const languages = DateReading.common(reading.languages, weekday.languages)?.filter((one) =>
        DateReading.isOrderOf(reading.order, one, one),
      )
      return languages === undefined || languages.length === 0
        ? []
        : [{ ...reading, weekday: weekday.value, languages }]
    })
    const unnamed = small === undefined ? null : DateReading.common(reading.languages, small)
    return unnamed === null ? named : [...named, { ...reading, languages: unnamed }]
  })
}

const smallWords: ReadonlyMap<string, ReadonlyArray<string>> = new Map([
  ["do", ["cs", "sk", "pl", "hr", "sl", "sr", "pt"]],
  ["to", ["en"]],
  ["so", ["en"]],
  ["la", ["es", "it", "fr", "ro", "ca"]],
  ["di", ["it", "id", "ms"]],
  ["ma", ["it", "hu", "fr"]],
  ["me", ["it", "pt"]],
  ["ne", ["fr", "tr"]],
  ["po", ["pl", "hr", "sl", "sr"]],
  ["za", ["cs", "sk", "pl", "hr", "sl", "sr"]],
  ["an", ["de"]],
  ["su", ["it", "es"]],
])

/** A word that is another one elsewhere, whatever stands after it: `2 nights min, 9 Feb` names no Indonesian Sunday. */
const homonym = (token: Tokens.Token | undefined): string =>
  token !== undefined && homonyms.has(token.text) ? token.text : ""

/** Short names of a few languages that are words of others. */
const homonyms: ReadonlyMap<string, ReadonlyArray<string>> = new Map([
  ["per", ["it", "en", "de", "fr", "nl", "sv", "da", "nb", "ca"]],
  ["min", ["en", "de", "fr", "es", "it", "pt", "nl", "sv", "da", "nb", "pl", "cs"]],
  ["man", ["en", "de"]],
  ["pet", ["en"]],
  ["car", ["en", "fr"]],
  ["sel", ["fr"]],
  ["sal", ["es", "pt", "it"]],
  ["vin", ["fr"]],
  ["tor", ["de"]],
  ["sub", ["en"]],
  ["fim", ["pt"]],
])

/** The longest of the forms that begin here. */
const coreAt = (tokens: TokenList, index: number): Read | null => {
  const first = tokens[index]
  if (first === undefined) return null
  if (first.kind === "word") return eraAt(tokens, index) ?? monthFirstAt(tokens, index)
  if (first.kind !== "number") return null
  let longest: Read | null = null
  for (const form of [figuresAt, unitsAt, vietnameseAt, dayFirstAt, yearFirstAt]) {
    const read = form(tokens, index)
    if (read !== null && (longest === null || read.next > longest.next)) longest = read
  }
  return longest
}

/** `5 Dec 2026`, `5. Dez.`, `5 de diciembre de 2026`, `5th of December`. */
const dayFirstAt = (tokens: TokenList, index: number): Read | null => {
  const day = tokens[index]
  if (day === undefined || !isDay(day)) return null
  const at = skip(tokens, index + 1, afterDay)
  const month = tokens[at]
  if (month === undefined || month.months.length === 0 || isSpacedDash(tokens[index + 1])) return null
  const year = yearAt(tokens, at + 1) ?? shortYearAt(tokens, index, at)
  if (year === null && isMistyped(tokens, at + 1)) return null
  return {
    readings: readingsOf(month.months, day.value, year),
    next: year?.next ?? skipDot(tokens, at + 1),
    shape: "day-first",
  }
}

/** `5-Dec` is a day; in `Mar 5 - Apr 9` the dash stands between two. */
const isSpacedDash = (token: Tokens.Token | undefined) => token?.text === "-" && token.spaced

/** `Dec 5, 2026`, `dec. 5.`. */
const monthFirstAt = (tokens: TokenList, index: number, yearBefore?: Year): Read | null => {
  const month = tokens[index]
  if (month === undefined || month.months.length === 0) return null
  const at = skip(tokens, index + 1, afterMonthName)
  const day = tokens[at]
  if (day === undefined || !isDay(day) || tokens[at + 1]?.text === ":") return null
  const after = skipOrdinal(tokens, at + 1)
  const year = yearBefore === undefined ? yearAt(tokens, after) : null
  if (yearBefore === undefined && year === null && isMistyped(tokens, after)) return null
  // Programs that translate the names of months alone write `ott 24 2027`.
  const isWhole = yearBefore !== undefined || year?.years.some(({ isShort }) => !isShort) === true
  const meanings = month.months.flatMap((meaning) => {
    const languages = meaning.languages.filter((language) => isWhole || monthFirst.has(language))
    return languages.length === 0 ? [] : [{ ...meaning, languages }]
  })
  if (meanings.length === 0) return null
  return {
    readings: readingsOf(meanings, day.value, yearBefore === undefined ? year : { years: [yearBefore], next: after }),
    next: year?.next ?? after,
    shape: "day-last",
  }
}

const monthFirst = new Set(["en", "hu", "lt"])

/** `2026. december 5.`, `2026 m. gruodžio 5 d.`, `2026. gada 5. decembris`. */
const yearFirstAt = (tokens: TokenList, index: number): Read | null => {
  const [year] = yearsOf(tokens[index])
  if (year === undefined || year.isShort) return null
  const at = skip(tokens, index + 1, afterFirstYear)
  const read = monthFirstAt(tokens, at, year)
  if (read !== null) return read
  const inLatvian = tokens.slice(index + 1, at).some(({ text }) => text === "gada" || text === "g")
  const dated = inLatvian ? dayFirstAt(tokens, at) : null
  if (dated === null) return null
  return { ...dated, readings: dated.readings.flatMap((reading) => [{ ...reading, year: year.value }]) }
}

/** `令和8年12月5日`: the era, and the rest as ever. */
const eraAt = (tokens: TokenList, index: number): Read | null => {
  const before = eras.get(tokens[index]?.text ?? "")
  if (before === undefined) return null
  const token = tokens[index + 1]
  if (token === undefined || (token.kind !== "number" && token.text !== "元")) return null
  const read = unitsAt(tokens, index + 1, before)
  return read
}

const eras: ReadonlyMap<string, number> = new Map([
  ["令和", 2018],
  ["平成", 1988],
  ["民國", 1911],
  ["民国", 1911],
  ["西暦", 0],
])

/** `2026年12月5日`, `12월 5일`, `12月5号`. Of an era, the years before its first. */
const unitsAt = (tokens: TokenList, index: number, era?: number): Read | null => {
  let at = index
  let year: Year | null = null
  if (yearUnits.has(tokens[at + 1]?.text ?? "")) {
    const token = tokens[at]
    if (token === undefined) return null
    const known = era === undefined ? yearsOf(token)[0] : undefined
    year =
      known ??
      (era === undefined
        ? null
        : { value: era + (token.text === "元" ? 1 : token.value), isShort: false, languages: [] })
    if (year === null) return null
    at += 2
  } else if (era !== undefined) return null
  const month = tokens[at]
  const day = tokens[at + 2]
  if (month === undefined || !isMonth(month) || !monthUnits.has(tokens[at + 1]?.text ?? "")) return null
  if (day === undefined || !isDay(day) || !dayUnits.has(tokens[at + 3]?.text ?? "")) return null
  const languages = tokens[at + 1]?.text === "월" ? ["ko"] : ["ja", "zh"]
  return {
    readings: readingsOf(
      [{ value: month.value, languages }],
      day.value,
      year === null ? null : { years: [year], next: at },
    ),
    next: at + 4,
    shape: "day-last",
  }
}

const yearUnits = new Set(["年", "년"])
const monthUnits = new Set(["月", "월"])
const dayUnits = new Set(["日", "일", "号", "號"])

/** `5 tháng 12, 2026`, `5 thg 12`. */
const vietnameseAt = (tokens: TokenList, index: number): Read | null => {
  const day = tokens[index]
  const month = tokens[index + 2]
  if (day === undefined || !isDay(day) || month === undefined || !isMonth(month)) return null
  const word = tokens[index + 1]?.text ?? ""
  if (word !== "tháng" && word !== "thg" && word !== "thang") return null
  const year = yearAt(tokens, index + 3)
  return {
    readings: readingsOf([{ value: month.value, languages: ["vi"] }], day.value, year),
    next: year?.next ?? index + 3,
    shape: "day-first",
  }
}

/** `2026-12-05`, `05.12.2026`, `12/5/26`, `2026. 12. 5.`: figures alone, in all the orders that they may be in. */
const figuresAt = (tokens: TokenList, index: number): Read | null => {
  const [first, mark, second, otherMark, third] = tokens.slice(index, index + 5)
  if (first?.kind !== "number" || second?.kind !== "number" || third?.kind !== "number") return null
  if (mark === undefined || mark.text !== otherMark?.text || !figureMarks.has(mark.text)) return null
  if (mark.spaced || otherMark.spaced || (mark.text !== "." && (second.spaced || third.spaced))) return null
  if (first.glued || isGluedFigure(tokens[index + 5], tokens[index + 6])) return null
  const readings: Array<DateReading.Reading> = []
  const add = (
    years: ReadonlyArray<Year>,
    month: Tokens.Token,
    day: Tokens.Token,
    order: DateReading.Reading["order"],
  ) => {
    if (!isMonthFigure(month) || !isDayFigure(day)) return
    for (const year of years)
      readings.push(
        ...readingsOf([{ value: month.value, languages: [] }], day.value, { years: [year], next: 0 }, order),
      )
  }
  if (first.digits === 4) add(yearsOf(first), second, third, null)
  else {
    const years = yearsOf(third)
    const isEqual = first.value === second.value
    add(years, second, first, isEqual ? null : "dmy")
    if (mark.text !== "." && !isEqual) add(years, first, second, "mdy")
    if (first.digits === 2 && third.digits <= 2) add(yearsOf(first), second, third, "ymd")
  }
  if (readings.length === 0) return null
  const isDayFirst = first.digits !== 4
  return { readings, next: skipDot(tokens, index + 5), shape: isDayFirst ? "day-first" : "day-last" }
}

/** `05.12.`, `12/5`: a day only beside the day of its week, or before one with a year. */
const yearlessFiguresAt = (tokens: TokenList, index: number): Read | null => {
  const [first, mark, second, after] = tokens.slice(index, index + 4)
  if (first?.kind !== "number" || second?.kind !== "number" || first.glued || first.digits > 2 || second.digits > 2)
    return null
  if (mark === undefined || mark.spaced || (mark.text !== "." && mark.text !== "/")) return null
  if (mark.text === "/" && second.spaced) return null
  if (isGluedFigure(after, tokens[index + 4])) return null
  const reading = (month: Tokens.Token, day: Tokens.Token, order: DateReading.Reading["order"]) =>
    isMonthFigure(month) && isDayFigure(day)
      ? readingsOf([{ value: month.value, languages: [] }], day.value, null, order)
      : []
  const readings = [
    ...reading(second, first, first.value === second.value ? null : "dmy"),
    ...(mark.text === "/" && first.value !== second.value
      ? [...reading(first, second, "mdy"), ...reading(first, second, "ymd")]
      : []),
  ]
  return readings.length === 0
    ? null
    : { readings, next: skipDot(tokens, index + 3), shape: mark.text === "." ? "day-first" : "day-last" }
}

const figureMarks = new Set([".", "/", "-"])

/** A figure goes on: `1.2.2026.4`, `10-12-2026-7`. */
const isGluedFigure = (mark: Tokens.Token | undefined, next: Tokens.Token | undefined) =>
  mark !== undefined &&
  !mark.spaced &&
  (mark.kind === "number" || (mark.kind === "mark" && glue.has(mark.text) && next?.kind === "number" && !next.spaced))

const glue = new Set([".", "/", "-", ",", ":", "_"])

const isMonthFigure = (token: Tokens.Token) => token.digits <= 2 && token.value >= 1 && token.value <= 12
const isDayFigure = (token: Tokens.Token) => token.digits <= 2 && token.value >= 1 && token.value <= 31
const isMonth = (token: Tokens.Token) => token.kind === "number" && !token.inert && isMonthFigure(token)
const isDay = (token: Tokens.Token) => token.kind === "number" && !token.inert && isDayFigure(token)

// ---- years ----

interface Year {
  readonly value: number
  readonly isShort: boolean
  /** The languages that count so; empty if any. */
  readonly languages: ReadonlyArray<string>
}

interface Years {
  readonly years: ReadonlyArray<Year>
  readonly next: number
}

/** Thailand counts from 543 years before. */
const yearsOf = (token: Tokens.Token | undefined): ReadonlyArray<Year> => {
  if (token?.kind !== "number") return []
  const { value, digits } = token
  if (digits === 4 && value >= 1970 && value <= 2199) return [{ value, isShort: false, languages: [] }]
  if (digits === 4 && value >= 2500 && value <= 2742) return [{ value: value - 543, isShort: false, languages: [] }]
  if (digits !== 2) return []
  return [
    { value: 2000 + value, isShort: true, languages: [] },
    { value: 1957 + value, isShort: true, languages: ["th"] },
  ]
}

/** A year after the month or after the day: four figures, or two after an apostrophe. */
const yearAt = (tokens: TokenList, index: number): Years | null => {
  const at = skip(tokens, index, beforeYear)
  const token = tokens[at]
  const isFull = token?.digits === 4
  const isShort = token?.digits === 2 && !token.spaced && apostrophes.has(tokens[at - 1]?.text ?? "")
  if (token === undefined || token.inert || (!isFull && !isShort)) return null
  const years = yearsOf(token)
  if (years.length === 0 || isUnit(tokens[at + 1])) return null
  return { years, next: at + 1 }
}

/** `20266`: a year and more figures, of which nobody knows which one is too many. */
const isMistyped = (tokens: TokenList, index: number): boolean => {
  const token = tokens[skip(tokens, index, beforeYear)]
  if (token === undefined || token.digits < 5) return false
  const begins = Math.floor(token.value / (token.digits === 5 ? 10 : 100))
  return begins >= 1970 && begins <= 2199
}

/** `5-Dec-26`, and `5 ธ.ค. 69`. */
const shortYearAt = (tokens: TokenList, dayIndex: number, monthIndex: number): Years | null => {
  const month = tokens[monthIndex]
  const at = skipDot(tokens, monthIndex + 1)
  const joined = tokens[dayIndex + 1]?.text === "-" && tokens[monthIndex + 1]?.text === "-"
  const token = tokens[joined ? monthIndex + 2 : at]
  if (token?.digits !== 2 || token.inert) return null
  const inThai = month?.months.every(({ languages }) => languages.includes("th")) === true
  if (!inThai && (!joined || token.spaced)) return null
  return { years: yearsOf(token), next: (joined ? monthIndex + 2 : at) + 1 }
}

const isUnit = (token: Tokens.Token | undefined) =>
  token !== undefined && (yearUnits.has(token.text) || token.text === ":")

const apostrophes = new Set(["'", "’", "‘"])

const readingsOf = (
  months: Tokens.Meanings,
  day: number,
  year: Years | null,
  order: DateReading.Reading["order"] = null,
): ReadonlyArray<DateReading.Reading> =>
  months.flatMap(({ value: month, languages }): ReadonlyArray<DateReading.Reading> => {
    const plain = { month, day, weekday: null, order }
    if (year === null) return [{ ...plain, year: null, shortYear: false, languages }]
    return year.years.flatMap((one) => {
      const both = DateReading.common(languages, one.languages)
      return both === null ? [] : [{ ...plain, year: one.value, shortYear: one.isShort, languages: both }]
    })
  })

// ---- what stands between ----

const maxBetween = 4

/** The token after at most a few of those words and marks, on the same line. */
const skip = (tokens: TokenList, index: number, words: ReadonlySet<string>): number => {
  let at = index
  while (at < index + maxBetween && words.has(tokens[at]?.text ?? "")) at++
  return at
}

const skipDot = (tokens: TokenList, index: number) => (tokens[index]?.text === "." ? index + 1 : index)

const skipOrdinal = (tokens: TokenList, index: number): number => {
  const token = tokens[index]
  return token !== undefined && ordinals.has(token.text) && !(token.text === "d" && !token.spaced) ? index + 1 : index
}

const set = (words: string): ReadonlySet<string> => new Set(words.split(" "))

const ordinals = set(". st nd rd th er re o º ª ° d")
const afterDay = set(". , st nd rd th er re º ª ° o a e - / of de del d di den ' ’ ที่ го е на")
const afterMonthName = set(". , the - d")
const afterFirstYear = set(". , m g gada metų г - /")
const beforeYear = set(". , de del d ' ’ ‘ năm พศ คศ พุทธศักราช anno of st nd rd th")
const afterWeekday = set(
  ". , ، 、 ; den der dem the on am de del le el il il la lo d dia día dg ngày ที่ - feira ) （ ( en op",
)
const beforeWeekday = set(". , ، 、 ( （ [ г р m d rok an év 年 - ・")
const opening = set("( （ [")
const closing = set(") ） ]")

/** The token after what stands between two dates; null if they are not the two ends of one stay. */
const afterSeparator = (tokens: TokenList, index: number): number | null => {
  const first = skip(tokens, index, afterYear)
  let isSeparated = false
  let at = first
  for (; at < first + maxBetween && betweenDates.has(tokens[at]?.text ?? ""); at++) {
    const token = tokens[at]
    if (token === undefined || (isSeparated && token.weekdays.length > 0)) break
    isSeparated ||= separators.has(token.text)
  }
  if (isSeparated) return at
  const isUpTo = tokens[first]?.text === "t" && (tokens[first + 1]?.text === "/" || tokens[first + 1]?.text === "m")
  return isUpTo ? skip(tokens, first + 1, upTo) : null
}

const separators = set(
  "- – — ‒ ― − ~ 〜 ～ ∼ → ⟶ ➔ ➙ ➛ ➜ ➝ ➞ ➡ ⇒ ⮕ ▸ ▶ ► › » to through until till bis au à al a do tot til till até ate zu по до έως ως μέχρι να から 부터 ถึง đến tới 至 到 и hingga sampai alla și și-până até-a عد إلى עד kuni līdz iki fins",
)
const betweenDates: ReadonlySet<string> = new Set([
  ...separators,
  ...set("> , le the el den der dem יום يوم ) zum el w ve la ngày od fino fins și pana până la"),
])
const upTo = set("/ m")
const afterYear = set(". г р m d")
