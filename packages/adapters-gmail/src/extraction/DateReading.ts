/** What a date in a text may mean, and in which languages it means that. */

/** One of the things that a date may mean. */
export interface Reading {
  /** Null where the text has none. */
  readonly year: number | null
  /** The century is not in the text. */
  readonly shortYear: boolean
  readonly month: number
  readonly day: number
  /** Monday is 1; null where the text has none. */
  readonly weekday: number | null
  /** The languages in which it reads so; empty if any. */
  readonly languages: ReadonlyArray<string>
  /** Of figures alone: the order in which they stand. */
  readonly order: "dmy" | "mdy" | "ymd" | null
}

export interface DateFound {
  readonly _tag: "Date"
  /** Where it stands in the text: UTF-16 units, the end is exclusive. */
  readonly start: number
  readonly end: number
  readonly readings: ReadonlyArray<Reading>
}

/** `Aug 20 - 22, 2027`. What one side leaves out is already taken from the other. */
export interface RangeFound {
  readonly _tag: "Range"
  readonly start: number
  readonly end: number
  readonly from: DateFound
  readonly to: DateFound
}

export type Found = DateFound | RangeFound

/** Both sides of a stay are in one language and in one order. */
export const speakAlike = (one: Reading, other: Reading): boolean =>
  (one.order === null || other.order === null || one.order === other.order) &&
  (one.languages.length === 0 ||
    other.languages.length === 0 ||
    one.languages.some((language) => other.languages.includes(language)))

/** The readings in one of the languages, or all where none is. */
export const fitting = (readings: ReadonlyArray<Reading>, languages: ReadonlyArray<string>): ReadonlyArray<Reading> => {
  if (languages.length === 0 || readings.length < 2) return readings
  const fit = readings.filter((reading) => fitsAny(reading, languages))
  return fit.length === 0 ? readings : fit
}

export const fitsAny = (reading: Reading, languages: ReadonlyArray<string>) =>
  languages.some((language) => fits(reading, language.toLowerCase()))

const fits = (reading: Reading, tag: string): boolean => {
  const [base = tag] = tag.split(/[-_]/u, 1)
  const language = sameLanguage.get(base) ?? base
  if (reading.languages.length > 0 && !reading.languages.includes(language)) return false
  return isOrderOf(reading.order, language, tag.replace("_", "-"))
}

/** In which order a language writes figures; English in its regions differs, and without one says nothing. */
export const isOrderOf = (order: Reading["order"], language: string, tag: string): boolean => {
  switch (order) {
    case null:
      return true
    case "ymd":
      return yearFirst.has(language)
    case "mdy":
      return tag === "en" || monthFirstRegions.has(tag)
    case "dmy":
      return !yearFirst.has(language) && !monthFirstRegions.has(tag)
  }
}

const sameLanguage = new Map([
  ["no", "nb"],
  ["nn", "nb"],
  ["bs", "hr"],
  ["iw", "he"],
  ["in", "id"],
])

const yearFirst = new Set(["ja", "ko", "zh", "hu", "lt"])

const monthFirstRegions = new Set(["en-us", "en-ph"])

/** The languages of both; null if there is none. */
export const common = (one: ReadonlyArray<string>, other: ReadonlyArray<string>): ReadonlyArray<string> | null => {
  if (one.length === 0) return other
  if (other.length === 0) return one
  const both = one.filter((language) => other.includes(language))
  return both.length === 0 ? null : both
}
