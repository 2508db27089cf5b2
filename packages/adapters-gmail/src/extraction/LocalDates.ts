import * as Grammar from "./DateGrammar.ts"
import { type DateFound, fitsAny, fitting, type Found, type Reading, speakAlike } from "./DateReading.ts"
import * as Tokens from "./DateTokens.ts"

export type { DateFound, Found, RangeFound, Reading } from "./DateReading.ts"
/**
 * Days as mails write them, in 38 languages: a closed grammar over tokens, which reads what it knows and nothing else.
 *
 * Reading and deciding are apart. `find` says where a date stands and all that it may mean: `03/04/2027` means two
 * days, `20. srp` two months, `Sat, Dec 5` one day of each year. `resolve` says which day that is, given when the mail
 * was received and in which language it is, or why nobody can know. Nothing is guessed in between, and every token is
 * looked at a bounded number of times.
 */
import * as Days from "./Days.ts"

/** When and in what language a mail speaks. */
export interface Context {
  /** The day on which the mail was received. */
  readonly received: Days.Day
  /** Language tags (`de`, `en-US`); empty if unknown. A region decides the order of figures in English. */
  readonly languages?: ReadonlyArray<string>
  /** How many days before its mail a check-in may be; 2 unless told. */
  readonly before?: number
  /** How many days after its mail a check-in may be; 730 unless told. */
  readonly after?: number
}

export type Problem =
  /** The calendar has no such day. */
  | "NO_SUCH_DAY"
  /** It may be several days, and nothing decides. */
  | "AMBIGUOUS_DATE"
  /** The day is not on that day of the week in any year in question. */
  | "WEEKDAY_MISMATCH"
  | "OUT_OF_WINDOW"
  /** The check-out is not after the check-in. */
  | "NO_NIGHTS"
  /** More than 365. */
  | "TOO_MANY_NIGHTS"
  /** Not as many as the mail says. */
  | "NIGHTS_MISMATCH"

export type Resolved =
  | {
      readonly day: Days.Day
      /** The year, or the century, is not in the text, and no day of the week confirms it. */
      readonly inferred: boolean
      /** The text names the day of the week, and it is that day's. */
      readonly weekday: boolean
      readonly problem?: undefined
    }
  | { readonly day?: undefined; readonly problem: Problem }

export type ResolvedStay =
  | {
      readonly checkIn: Days.Day
      readonly checkOut: Days.Day
      /** Of neither day are the year or the day of the week in the text. */
      readonly inferred: boolean
      /** The text names a day of the week for one of them at least, and all that it names are right. */
      readonly weekday: boolean
      readonly problem?: undefined
    }
  | { readonly checkIn?: undefined; readonly checkOut?: undefined; readonly problem: Problem }

/** The longest stay, in nights. */
export const maxNights = 365

/**
 * The dates and ranges of a text, in order; none overlaps another. Readings that do not fit the languages are left out
 * where others do.
 */
export const find = (text: string, languages: ReadonlyArray<string> = []): ReadonlyArray<Found> => {
  const tokens = Tokens.of(text)
  const found: Array<Found> = []
  for (let index = 0; index < tokens.length;) {
    const match = Grammar.at(tokens, index, languages)
    if (match === null || !isCredible(match.found, languages)) index++
    else {
      found.push(match.found)
      index = match.next
    }
  }
  return found
}

/** `2 des chambres` is no second of December in French: what fits none of the languages has a year or a day of the week. */
const isCredible = (found: Found, languages: ReadonlyArray<string>): boolean =>
  languages.length === 0 ||
  dates([found]).some(({ readings }) =>
    readings.some(
      (reading) =>
        reading.weekday !== null || (reading.year !== null && !reading.shortYear) || fitsAny(reading, languages),
    ),
  )

/** The single days among what was found: those of ranges too, the earlier first. */
export const dates = (found: ReadonlyArray<Found>): ReadonlyArray<DateFound> =>
  found.flatMap((one) => (one._tag === "Date" ? [one] : [one.from, one.to]))

/** Which day a date is, if the text and the time of the mail decide it. */
export const resolve = (found: DateFound, context: Context): Resolved => {
  const window = windowOf(context)
  const readings = fitting(found.readings, context.languages ?? [])
  const candidates = readings.flatMap((reading) => candidatesOf(reading, window))
  const right = candidates.filter(({ isRightWeekday }) => isRightWeekday)
  const inside = right.filter(({ number }) => number >= window.first && number <= window.last)
  const chosen = nearest(inside)
  if (chosen === "AMBIGUOUS_DATE") return { problem: chosen }
  if (chosen !== null) {
    return {
      day: chosen.day,
      inferred: !isConfirmed(chosen) || (readings.length > 1 && !isDecided(chosen, right)),
      weekday: chosen.reading.weekday !== null,
    }
  }
  if (candidates.length === 0) return { problem: "NO_SUCH_DAY" }
  const misses = candidates.some(({ number }) => number >= window.first && number <= window.last)
  return { problem: misses || right.length === 0 ? "WEEKDAY_MISMATCH" : "OUT_OF_WINDOW" }
}

/**
 * Which days a stay is from and to. Each side helps the other: a check-out is after its check-in and at most a year
 * later, so that over New Year one year is enough, and a known number of nights decides between readings.
 */
export const resolveStay = (
  checkIn: DateFound,
  checkOut: DateFound,
  context: Context & { readonly nights?: number | undefined },
): ResolvedStay => {
  const window = windowOf(context)
  const languages = context.languages ?? []
  const ins = fitting(checkIn.readings, languages).flatMap((reading) => candidatesOf(reading, window))
  const outs = fitting(checkOut.readings, languages).flatMap((reading) => candidatesOf(reading, window))
  if (ins.length === 0 || outs.length === 0) return { problem: "NO_SUCH_DAY" }
  const rightIns = ins.filter(({ isRightWeekday }) => isRightWeekday)
  const rightOuts = outs.filter(({ isRightWeekday }) => isRightWeekday)
  if (rightIns.length === 0 || rightOuts.length === 0) return { problem: "WEEKDAY_MISMATCH" }
  const insideIns = rightIns.filter(({ number }) => number >= window.first && number <= window.last)
  if (insideIns.length === 0) {
    const misses = ins.some(({ number }) => number >= window.first && number <= window.last)
    return { problem: misses ? "WEEKDAY_MISMATCH" : "OUT_OF_WINDOW" }
  }
  const pairs = pairsOf(insideIns, rightOuts)
  const stays = pairs.filter(isStay)
  if (stays.length === 0) {
    if (pairs.length === 0) return { problem: "AMBIGUOUS_DATE" }
    if (pairsOf(insideIns, outs).some(isStay)) return { problem: "WEEKDAY_MISMATCH" }
    return { problem: pairs.some(({ nights }) => nights > maxNights) ? "TOO_MANY_NIGHTS" : "NO_NIGHTS" }
  }
  const agreed = context.nights === undefined ? stays : stays.filter(({ nights }) => nights === context.nights)
  if (agreed.length === 0) return { problem: "NIGHTS_MISMATCH" }
  const from = nearest(agreed.map((pair) => pair.from))
  if (from === null || from === "AMBIGUOUS_DATE") return { problem: "AMBIGUOUS_DATE" }
  const to = nearest(agreed.filter((pair) => pair.from.number === from.number).map((pair) => pair.to))
  if (to === null || to === "AMBIGUOUS_DATE") return { problem: "AMBIGUOUS_DATE" }
  return {
    checkIn: from.day,
    checkOut: to.day,
    inferred: !isConfirmed(from) && !isConfirmed(to),
    weekday: from.reading.weekday !== null || to.reading.weekday !== null,
  }
}

// ---- deciding ----

interface Window {
  readonly first: number
  readonly last: number
}

interface Candidate {
  readonly reading: Reading
  readonly day: Days.Day
  readonly number: number
  readonly isRightWeekday: boolean
}

const windowOf = ({ received, before = 2, after = 730 }: Context): Window => {
  const number = Days.dayNumber(received)
  return { first: number - before, last: number + after }
}

/** The days that a reading may be: one if it has a year, else one of each year in question. */
const candidatesOf = (reading: Reading, window: Window): ReadonlyArray<Candidate> => {
  const candidates: Array<Candidate> = []
  const first = reading.year ?? Days.year(Days.ofNumber(window.first))
  const last = reading.year ?? Days.year(Days.ofNumber(window.last + maxNights))
  for (let year = first; year <= last; year++) {
    const day = Days.of(year, reading.month, reading.day)
    if (day === null) continue
    const isRightWeekday = reading.weekday === null || Days.weekday(day) === reading.weekday
    candidates.push({ reading, day, number: Days.dayNumber(day), isRightWeekday })
  }
  return candidates
}

interface Pair {
  readonly from: Candidate
  readonly to: Candidate
  readonly nights: number
}

const pairsOf = (ins: ReadonlyArray<Candidate>, outs: ReadonlyArray<Candidate>): ReadonlyArray<Pair> =>
  ins.flatMap((from) =>
    outs
      .filter((to) => speakAlike(from.reading, to.reading))
      .map((to) => ({ from, to, nights: to.number - from.number })),
  )

const isStay = ({ nights }: Pair) => nights >= 1 && nights <= maxNights

/** Of the years in question the first, but never one of several meanings. */
const nearest = (candidates: ReadonlyArray<Candidate>): Candidate | "AMBIGUOUS_DATE" | null => {
  let chosen: Candidate | null = null
  for (const candidate of candidates) {
    if (chosen === null) chosen = candidate
    else if (!meansTheSame(chosen.reading, candidate.reading)) return "AMBIGUOUS_DATE"
    else if (candidate.number < chosen.number) chosen = candidate
    else if (candidate.number === chosen.number && isConfirmed(candidate)) chosen = candidate
  }
  return chosen
}

/** `So., 16. Jan.` is a Sunday in German and a Saturday in Slovak. */
const meansTheSame = (one: Reading, other: Reading) =>
  one.month === other.month &&
  one.day === other.day &&
  (one.weekday === other.weekday || one.weekday === null || other.weekday === null)

const isConfirmed = ({ reading }: Candidate) =>
  reading.weekday !== null || (reading.year !== null && !reading.shortYear)

/** Whether the text itself, and not only the time of the mail, rules the other readings out. */
const isDecided = (chosen: Candidate, right: ReadonlyArray<Candidate>) =>
  right.every(({ reading }) => meansTheSame(chosen.reading, reading) && chosen.reading.year === reading.year)
