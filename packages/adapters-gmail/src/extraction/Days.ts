/**
 * Civil days as text, `YYYY-MM-DD`, in the proleptic Gregorian calendar. A day has no zone and no hour, so nothing here
 * can shift it: whoever reads the same text on another continent gets the same day.
 */

/** `YYYY-MM-DD`. */
export type Day = string

/** The day of a year, month (1 to 12) and day of the month; null where the calendar has none. Years 1 to 9999. */
export const of = (year: number, month: number, day: number): Day | null => {
  if (!Number.isInteger(year) || year < 1 || year > 9999) return null
  if (!Number.isInteger(day) || day < 1 || day > lengthOfMonth(year, month)) return null
  return `${padded(year, 4)}-${padded(month, 2)}-${padded(day, 2)}`
}

/** Days since 1970-01-01. */
export const dayNumber = (day: Day): number =>
  numberOf(Number(day.slice(0, 4)), Number(day.slice(5, 7)), Number(day.slice(8, 10)))

/** The day that many days after 1970-01-01. */
export const ofNumber = (dayNumber: number): Day => {
  const shifted = dayNumber + 719_468
  const era = Math.floor(shifted / 146_097)
  const dayOfEra = shifted - era * 146_097
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  )
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const fromMarch = Math.floor((5 * dayOfYear + 2) / 153)
  const month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  return `${padded(year, 4)}-${padded(month, 2)}-${padded(dayOfYear - Math.floor((153 * fromMarch + 2) / 5) + 1, 2)}`
}

export const add = (day: Day, days: number): Day => ofNumber(dayNumber(day) + days)

/** Monday is 1, Sunday is 7. */
export const weekday = (day: Day): number => ((((dayNumber(day) + 3) % 7) + 7) % 7) + 1

/** The nights of a stay from one day to another; negative where the other is earlier. */
export const nights = (checkIn: Day, checkOut: Day): number => dayNumber(checkOut) - dayNumber(checkIn)

export const year = (day: Day): number => Number(day.slice(0, 4))

const lengthOfMonth = (year: number, month: number): number =>
  month === 2 ? (isLeap(year) ? 29 : 28) : ([31, 0, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] ?? 0)

const isLeap = (year: number) => (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0

const padded = (value: number, length: number) => String(value).padStart(length, "0")

/** Years counted from March, so that a leap day is the last of its year. */
const numberOf = (year: number, month: number, day: number): number => {
  const shiftedYear = month <= 2 ? year - 1 : year
  const era = Math.floor(shiftedYear / 400)
  const yearOfEra = shiftedYear - era * 400
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1
  return era * 146_097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear - 719_468
}
