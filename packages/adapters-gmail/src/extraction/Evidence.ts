/** Everything that a mail says of a reservation, before it is weighed: who says it, not who is right. */
import { type Kind } from "@holdfast/domain/reservations/ReservationFacts"

import * as Labels from "./Labels.ts"
import { nightsIn } from "./Labels.ts"
import { type Field } from "./LabelWords.ts"
import * as LocalDates from "./LocalDates.ts"
import * as PartySize from "./PartySize.ts"
import * as PersonName from "./PersonName.ts"
import { type Part, type Reading } from "./Reading.ts"
import * as Text from "./Text.ts"
import { type Witness } from "./Witness.ts"

export interface Stay {
  readonly from: LocalDates.DateFound
  readonly to: LocalDates.DateFound
}

export interface Evidence {
  readonly codes: ReadonlyArray<Witness<string>>
  readonly names: ReadonlyArray<Witness<string>>
  /** Both days, said together. */
  readonly stays: ReadonlyArray<Witness<Stay>>
  /** An arrival alone. */
  readonly arrivals: ReadonlyArray<Witness<LocalDates.DateFound>>
  readonly departures: ReadonlyArray<Witness<LocalDates.DateFound>>
  readonly nights: ReadonlyArray<number>
  readonly guests: ReadonlyArray<Witness<PartySize.PartySize>>
  readonly rooms: ReadonlyArray<Witness<number>>
  readonly listings: ReadonlyArray<Witness<string>>
  /** What structured data says of the reservation's state. */
  readonly status?: Kind | undefined
}

export const none: Evidence = {
  codes: [],
  names: [],
  stays: [],
  arrivals: [],
  departures: [],
  nights: [],
  guests: [],
  rooms: [],
  listings: [],
}

export const merge = (...all: ReadonlyArray<Evidence>): Evidence => ({
  codes: all.flatMap(({ codes }) => codes),
  names: all.flatMap(({ names }) => names),
  stays: all.flatMap(({ stays }) => stays),
  arrivals: all.flatMap(({ arrivals }) => arrivals),
  departures: all.flatMap(({ departures }) => departures),
  nights: all.flatMap(({ nights }) => nights),
  guests: all.flatMap(({ guests }) => guests),
  rooms: all.flatMap(({ rooms }) => rooms),
  listings: all.flatMap(({ listings }) => listings),
  status: all.find(({ status }) => status !== undefined)?.status,
})

/** How a platform's codes look: alone, and where they must be labelled to be believed. */
export interface CodeShape {
  /** Global, with the code as its first group. Null where codes look like anything. */
  readonly anywhere: RegExp | null
  /** With the code as its first group, at the beginning of what is labelled. */
  readonly labelled: RegExp
}

/** What the body says. */
export const ofBody = ({ languages, parts }: Reading, shape: CodeShape): Evidence => {
  // Both forms of a body say the same, and labels that stand side by side share what is below them.
  const dates = remembered((text) => LocalDates.find(text.slice(0, 200), languages))
  const party = remembered(PartySize.find)
  return merge(...parts.flatMap((part) => [ofLabels(part, dates, party, shape), ofProse(part, dates, party, shape)]))
}

const remembered = <A>(read: (text: string) => A): ((text: string) => A) => {
  const known = new Map<string, A>()
  return (text) => {
    const before = known.get(text)
    if (before !== undefined) return before
    const found = read(text)
    known.set(text, found)
    return found
  }
}

type FindDates = (text: string) => ReturnType<typeof LocalDates.find>
type FindParty = typeof PartySize.find

const ofLabels = ({ entries }: Part, findDates: FindDates, findParty: FindParty, { labelled }: CodeShape): Evidence => {
  const pick = <A>(field: Field, read: (text: string, entry: Labels.Entry) => A | null | undefined) =>
    entries.flatMap((entry): ReadonlyArray<Witness<A>> => {
      if (entry.field !== field) return []
      for (const text of entry.values) {
        const value = read(text, entry)
        if (value !== null && value !== undefined) return [{ value, source: "label" }]
      }
      return []
    })
  const day = (field: "checkIn" | "checkOut") =>
    entries.flatMap((entry): ReadonlyArray<Witness<LocalDates.DateFound>> => {
      if (entry.field !== field) return []
      const dates = datesOf(entry, findDates)
      // Below two labels, one day alone may be either's.
      const value = dates.length < entry.columns ? undefined : dates[entry.column]
      return value === undefined ? [] : [{ value, source: "label" }]
    })
  const arrivals = day("checkIn")
  const departures = day("checkOut")
  const paired = arrivals.length > 0 && arrivals.length === departures.length
  const range = (text: string) => {
    const found = findDates(text).find(({ _tag }) => _tag === "Range")
    return found?._tag === "Range" ? { from: found.from, to: found.to } : undefined
  }
  // Where one word stands for those who come and for how many they are, it is the number.
  const counted = new Set(entries.flatMap(({ field, values }) => (field === "guests" ? [values] : [])))
  const name = (text: string) => (text.length > 120 ? null : PersonName.clean(text))
  // Of several that could be meant nobody knows which.
  const only = <A>(values: ReadonlyArray<string>, read: (text: string) => A | null | undefined): boolean =>
    new Set(values.flatMap((text) => read(text) ?? [])).size === 1
  return {
    ...none,
    codes: pick("code", (text, { isShared, values }) => {
      const code = (one: string) => labelled.exec(one)?.[1]
      return isShared && !only(values, code) ? null : code(text)
    }),
    names: [
      ...pick("guestName", (text, { isShared, values }) => (isShared && !only(values, name) ? null : name(text))),
      ...pick("guest", (text, { values }) =>
        text === values[0] && partyOf(text, findParty) === null && !counted.has(values) ? name(text) : null,
      ),
    ],
    stays: [
      ...(paired
        ? arrivals.flatMap(({ value }, index): ReadonlyArray<Witness<Stay>> => {
            const to = departures[index]?.value
            return to === undefined ? [] : [{ value: { from: value, to }, source: "label" }]
          })
        : []),
      ...pick("dates", range),
    ],
    arrivals: paired ? [] : arrivals,
    departures: paired ? [] : departures,
    nights: entries.flatMap(({ field, values }) =>
      field === "dates" ? values.slice(0, 2).flatMap((text) => nightsIn(text) ?? []) : [],
    ),
    guests: entries.flatMap(({ field, isShared, values }): ReadonlyArray<Witness<PartySize.PartySize>> => {
      if (field !== "guests" && field !== "guest") return []
      // Of several numbers below each other nobody knows whose is whose.
      const numbers = values.map((text, at) => /^\d+$/.test(text) || (at === 0 && countOf(text) !== null))
      const isUnsure = isShared
        ? numbers.filter((is) => is).length > 1
        : numbers.some((is, at) => is && numbers[at + 1] === true)
      // A number below other figures is another label's.
      const isOthers = (below: number) => isUnsure || (!isShared && values.slice(0, below).some(isFigured))
      // Adults and children may stand in lines of their own, and what is not this party's below them.
      const whole = partyOf(values.slice(0, 3).join(", "), findParty)
      const value = [
        // Below a number alone, `8 guests` may be how many there could be.
        whole?.adults == null && /^\d+$/.test(values[0] ?? "") ? null : whole,
        ...values.map((text, below) => (isOthers(below) ? findParty(text) : partyOf(text, findParty, below === 0))),
      ].find((party) => party !== null && PartySize.count(party) !== null)
      return value == null ? [] : [{ value, source: "label" }]
    }),
    rooms: pick("rooms", (text) => countOf(text)),
  }
}

const ofProse = ({ lines }: Part, findDates: FindDates, findParty: FindParty, { anywhere }: CodeShape): Evidence => {
  const codes = anywhere === null ? new Set<string>() : codesIn(lines, anywhere)
  const nights: Array<number> = []
  const guests: Array<Witness<PartySize.PartySize>> = []
  for (const [index, line] of lines.entries()) {
    if (line.length > 80 || !/\p{N}/u.test(line)) continue
    const told = line.replace(speech, " ")
    const count = nightsIn(told)
    if (count !== undefined && !otherNights.test(line) && !otherNights.test(lines[index - 1] ?? "")) nights.push(count)
    const party = guests.length < 20 ? findParty(told) : null
    if (party !== null && PartySize.isAll(withoutStay(told, findDates))) guests.push({ value: party, source: "prose" })
  }
  return {
    ...none,
    codes: codes.size === 1 ? [...codes].map((value) => ({ value, source: "prose" })) : [],
    nights,
    guests: new Set(guests.map(({ value }) => PartySize.count(value))).size === 1 ? guests : [],
  }
}

/** `Aug 20 – 22, 2 guests` without the days. */
const withoutStay = (text: string, find: FindDates): string => {
  const stay = find(text).find(({ _tag }) => _tag === "Range")
  return stay === undefined ? text : `${text.slice(0, stay.start)},${text.slice(stay.end)}`
}

const codesIn = (lines: ReadonlyArray<string>, shape: RegExp): ReadonlySet<string> => {
  const text = lines.map((line) => line.slice(0, 2_000)).join("\n")
  return new Set(Array.from(text.matchAll(shape), ([, code = ""]) => code))
}

/** `Minimum stay: 2 nights`, `10 % off 7 nights`, `Previous stays`: the nights of any stay, or of another one. */
const otherNights =
  /%|(?<!\p{L})(?:min(?:imum|imal|ima|imo|st)?|mín(?:imo|ima)|mindest\p{L}*|max(?:imum|imal|imo|ima)?|máx(?:imo|ima)|at least|discount|previous|earlier|past|rabatt|remise|précédent\p{L}*|frühere\p{L}*|descuento|anterior\p{L}*|sconto|precedent\p{L}*)(?!\p{L})/iu

/** What somebody else is cited with: `“We were 8 adults!”` in a review of another stay. */
const speech = /“[^“”]*”|„[^„“”]*[“”]|«[^«»]*»|»[^«»]*«|「[^「」]*」/gu

/** The days below a label; those of the labels beside it are among them. */
const datesOf = ({ columns, isLoose, isShared, values }: Labels.Entry, find: FindDates) => {
  const found: Array<LocalDates.DateFound> = []
  // One of them belongs to a label that is not known.
  const days = values.map((text) => isDay(text, find))
  if (values.length > columns && days.slice(0, columns + 1).every((is) => is)) return []
  if (isShared && days.filter((is) => is).length > columns) return []
  for (const text of values) {
    const dates = LocalDates.dates(find(text))
    // What belongs to another label stands before it.
    if (dates.length === 0 && found.length === 0 && values.length > 1 && /^#?[A-Z-]*\d[A-Z\d-]*$/.test(text)) return []
    if (isLoose && (dates[0]?.start ?? 9) > 3) return []
    found.push(...dates)
    if (found.length >= 4) break
  }
  return found
}

/** Whether a text is a day, and nothing else. */
const isDay = (text: string, find: FindDates): boolean => {
  const found = find(text)
  const [first] = found
  return found.length === 1 && first?._tag === "Date" && text.length - (first.end - first.start) <= 4
}

/** `4 adults`, or the bare number that stands under a label. */
const partyOf = (text: string, find: FindParty, isNearest = true): PartySize.PartySize | null => {
  if (text.length > 120) return null
  // Further below, `30 nov` and `8 Hanover Quay` count nobody.
  const number = isNearest || /^\d+$/.test(text) ? countOf(text) : null
  return find(text) ?? (number === null ? null : { adults: null, children: null, infants: null, guests: number })
}

const isFigured = (text: string) => /\p{Nd}/u.test(text)

const countOf = (text: string): number | null => {
  const digits = /^(\d{1,2})(?![\d+])\s?(?:\D{0,12})$/.exec(text)?.[1]
  const number = digits === undefined ? 0 : Number(digits)
  return number >= 1 && number <= 50 ? number : null
}

/**
 * The name as a line of the body has it: longer than the subject's, which is often the first name alone; or, where the
 * subject could not be read, one that stands in it.
 */
export const namesInBody = (
  { parts, phrase, subject }: Reading,
  inSubject: string | null,
  place?: string,
): ReadonlyArray<Witness<string>> => {
  const folded = Text.fold(inSubject ?? place ?? subject)
  const from = inSubject === null && place === undefined ? (phrase?.end ?? 0) : 0
  let longest = ""
  for (const { lines } of parts) {
    for (const line of lines.slice(0, 60)) {
      if (line.length > 80 || line.length <= longest.length) continue
      const candidate = Text.fold(line)
      const isHere =
        inSubject === null
          ? (place !== undefined || candidate !== folded) &&
            standsIn(folded, candidate, from) &&
            isFullName(line, place) &&
            !Labels.isLabel(line)
          : candidate === folded || isFullerName(candidate, folded)
      const name = isHere ? PersonName.clean(line) : null
      if (name !== null) longest = name
    }
  }
  return longest === "" ? [] : [{ value: longest, source: "prose" }]
}

/** The fuller name begins with the other one, or ends with it where the family comes first. */
export const isFullerName = (fuller: string, other: string): boolean =>
  fuller.startsWith(`${other} `) || (isFamilyFirst.test(fuller) && fuller.endsWith(` ${other}`))

/** In Chinese, Japanese, Korean and Vietnamese letters. */
export const isFamilyFirst =
  /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul} ]+$|[\u1EA0-\u1EF9\u0111\u01A1\u01B0]/u

/** A family's name may be all that a line has of a name in two words. */
const isFullName = (line: string, place?: string) =>
  line.includes(" ") ||
  (/\p{Script=Han}|\p{Script=Hangul}/u.test(line) && (place === undefined || place.trim() === line))

const standsIn = (text: string, part: string, from: number): boolean => {
  const at = text.indexOf(part, from)
  return at >= 0 && Text.startsWord(text, at) && Text.endsWord(text, at + part.length)
}
