/** A reservation and the mail's circumstances, drawn at random: who comes, when, to whom it is written and how. */
import * as Random from "@holdfast/domain/testing/population/Random"

import { type AirbnbWords, airbnbWords } from "./AirbnbWords.ts"
import { type DayNumber, dayNumber, iso, type Language, type Printer, printer } from "./Calendars.ts"
import { filled } from "./Draft.ts"
import { type Person, personOf } from "./People.ts"

export interface Scene {
  readonly random: Random.Random
  readonly language: Language
  readonly words: AirbnbWords
  readonly print: Printer
  /** By the calendar of the host, milliseconds since 1970. */
  readonly receivedAt: number
  readonly checkIn: DayNumber
  readonly checkOut: DayNumber
  readonly guest: Person
  readonly adults: number
  readonly children: number
  readonly infants: number
  readonly pets: number
  readonly title: string
}

export const sceneOf = (random: Random.Random, language: Language): Scene => {
  const { checkIn, checkOut, received } = stayOf(random)
  const minute = Random.below(random, 24 * 60)
  return {
    random,
    language,
    words: airbnbWords[language],
    print: printer(language, Random.below(random, 12)),
    receivedAt: received * 86_400_000 + minute * 60_000 + Random.below(random, 60) * 1_000,
    checkIn,
    checkOut,
    guest: personOf(random, language),
    adults: Random.between(random, 1, 8),
    children: Random.chance(random, 0.3) ? Random.between(random, 1, 4) : 0,
    infants: Random.chance(random, 0.15) ? Random.between(random, 1, 2) : 0,
    pets: Random.chance(random, 0.1) ? 1 : 0,
    title: Random.pick(random, titles),
  }
}

export const nightsOf = ({ checkIn, checkOut }: Scene): number => checkOut - checkIn

/** The values that mails of a stay share. */
export const stayed = (scene: Scene) => ({
  checkIn: iso(scene.checkIn),
  checkOut: iso(scene.checkOut),
})

export const counted = (scene: Scene) => ({
  guestCount: scene.adults + scene.children,
  infants: scene.infants === 0 ? null : scene.infants,
})

/** `4 adults, 2 children, 1 infant`, as the language has it. */
export const partyOf = (scene: Scene): string => {
  const { adults, children, infants, language, pets, words } = scene
  return [
    plural(words.adults, adults, language),
    ...(children === 0 ? [] : [plural(words.children, children, language)]),
    ...(infants === 0 ? [] : [plural(words.infants, infants, language)]),
    ...(pets === 0 ? [] : [plural(words.pets, pets, language)]),
  ].join(language === "ja" || language === "zh" ? "、" : ", ")
}

/** Picks among forms for one, (few,) many. */
export const plural = (forms: string, count: number, language: Language): string => {
  const all = forms.split("|")
  const few = language === "ro" ? count % 100 < 20 : isFew(count)
  const index = count === 1 ? 0 : all.length === 3 && few ? 1 : all.length - 1
  return filled(all[index] ?? forms, { n: `${count}` })
}

const isFew = (count: number): boolean =>
  count % 10 >= 2 && count % 10 <= 4 && !(count % 100 >= 12 && count % 100 <= 14)

export const moneyOf = ({ language, random }: Scene): string => {
  const whole = Random.pick(random, [Random.between(random, 80, 999), Random.between(random, 1_000, 4_999), 2_027])
  const cents = Random.digits(random, 2)
  const thousands = (separator: string) => `${whole}`.replace(/(\d)(?=(\d{3})$)/, `$1${separator}`)
  switch (language) {
    case "en-US":
      return `$${thousands(",")}.${cents} USD`
    case "en-GB":
      return `£${thousands(",")}.${cents}`
    case "fr":
      return `${thousands("\u202F")},${cents}\u00A0€`
    case "ja":
      return `¥${thousands(",")}00`
    case "ko":
      return `₩${thousands(",")},000`
    case "zh":
      return `¥${thousands(",")}.${cents}`
    case "th":
      return `฿${thousands(",")}.${cents}`
    case "vi":
      return `${thousands(".")}.000\u00A0₫`
    case "pl":
      return `${thousands("\u00A0")},${cents}\u00A0zł`
    case "cs":
      return `${thousands("\u00A0")},${cents}\u00A0Kč`
    case "hu":
      return `${thousands("\u00A0")}\u00A0Ft`
    case "sv":
    case "da":
      return `${thousands("\u00A0")},${cents}\u00A0kr`
    case "tr":
      return `₺${thousands(".")},${cents}`
    default:
      return `${thousands(".")},${cents}\u00A0€`
  }
}

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
const alphabet = `${letters}0123456789`

/** That many of A to Z and 0 to 9, with a digit among them: a code is no word. */
export const codeOf = (random: Random.Random, length: number): string => {
  const characters = Array.from({ length }, () => alphabet[Random.below(random, alphabet.length)] ?? "A")
  characters[Random.below(random, length)] = Random.digits(random, 1)
  return characters.join("")
}

/** Milliseconds of a day, at noon of UTC. */
export const noonOf = (day: DayNumber): number => day * 86_400_000 + 43_200_000

const stayOf = (random: Random.Random) => {
  const sort = Random.weighted(random, { ordinary: 88, newYear: 7, leapDay: 5 })
  if (sort === "newYear") {
    const checkIn = dayNumber(Random.between(random, 2025, 2029), 12, Random.between(random, 24, 31))
    const newYear = dayNumber(new Date(checkIn * 86_400_000).getUTCFullYear() + 1, 1, 1)
    return {
      checkIn,
      checkOut: newYear + Random.between(random, 0, 6),
      received: checkIn - Random.between(random, 1, 300),
    }
  }
  if (sort === "leapDay") {
    const leapDay = dayNumber(2028, 2, 29)
    const nights = Random.between(random, 1, 7)
    const checkIn = Random.chance(random, 0.5) ? leapDay : leapDay - nights
    return { checkIn, checkOut: checkIn + nights, received: checkIn - Random.between(random, 1, 400) }
  }
  const received = Random.between(random, dayNumber(2025, 1, 1), dayNumber(2029, 12, 31))
  const lead = Random.weighted(random, { today: 3, soon: 27, season: 45, year: 21, far: 4 })
  const checkIn =
    received +
    {
      today: () => Random.between(random, -1, 0),
      soon: () => Random.between(random, 1, 14),
      season: () => Random.between(random, 15, 120),
      year: () => Random.between(random, 121, 400),
      far: () => Random.between(random, 401, 700),
    }[lead]()
  const nights = Random.chance(random, 0.9) ? Random.between(random, 1, 14) : Random.between(random, 15, 120)
  return { checkIn, checkOut: checkIn + nights, received }
}

const titles: readonly [string, ...Array<string>] = [
  "Sea View · 2 Bedrooms",
  "Loft im Hinterhof, 2. Etage",
  "Cabane près du lac n° 3",
  "Casa azul (4 pers.)",
  "Villa 2027 - pool & garden",
  "Studio “Nord” 24m²",
  "The Boathouse",
  "海辺の家 5名まで",
  "HARBOUR HOUSE",
  "Chalet Exemple, 1.500 m",
]
