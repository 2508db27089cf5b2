/**
 * What two descriptions of a bank transaction say of each other.
 *
 * Banks and aggregators decorate the same text differently each time it is fetched: case, dates, card processors,
 * references. That is noise, and dropped. Digits that count are not: the number of a store, of a check, an
 * instalment "3/12". Descriptions are personal data; nothing here keeps, logs or reports one.
 */

/** A description, taken apart. */
export interface Description {
  /** As delivered, but for case and white space. */
  readonly text: string
  /** Without the noise. */
  readonly normal: string
  readonly words: ReadonlyArray<string>
  /** Short numbers, without leading zeros. */
  readonly numbers: ReadonlyArray<string>
  /** Instalments: `3/12`. */
  readonly counters: ReadonlyArray<string>
  /** Codes and long numbers, which are not in `normal` when there are words. */
  readonly references: ReadonlyArray<string>
  /** The letters of all words in one, without the vowels that abbreviations leave out. */
  readonly skeleton: string
}

/**
 * From the same text to unlike ones. `rereferenced`: the words agree, the long references do not. `renumbered`: the
 * words agree, the short numbers do not. `other_instalment`: two payments, whatever else agrees.
 */
export type Likeness =
  | "same"
  | "equal"
  | "alike"
  | "unknown"
  | "rereferenced"
  | "renumbered"
  | "different"
  | "other_instalment"

/**
 * The text without case, accents, punctuation, dates about `day`, card processors and references. Total, and idempotent
 * for the same day.
 *
 * @param day days since 1970-01-01 of the row
 */
export const normalise = (text: string, day: number): string => read(text, day).normal

export const read = (text: string, day: number): Description => {
  const folded = fold(text)
  const tokens = (folded.match(token) ?? []).flatMap((found) => parts(found, day))
  const isKept = tokens.some(isWord) ? (token: string) => !isReference(token) : () => true
  const kept = trimmed(tokens.filter(isKept), day)
  const words = [...new Set(kept.filter((token) => isWord(token)))]
  return {
    text: folded.trim().replaceAll(/\s+/gu, " "),
    normal: kept.join(" "),
    words,
    numbers: kept.filter((token) => /^\d+$/u.test(token)),
    counters: kept.filter((token) => token.includes("/")),
    references: tokens.filter(isReference),
    skeleton: skeletonOf(words.join("")),
  }
}

/** Symmetric. */
export const compare = (a: Description, b: Description): Likeness => {
  if (disagree(a.counters, b.counters)) return "other_instalment"
  if (a.normal === "" || b.normal === "") return "unknown"
  if (a.text === b.text) return "same"
  if (a.words.length === 0 || b.words.length === 0) return a.normal === b.normal ? "equal" : "unknown"
  if (!areAlike(a, b)) return "different"
  if (disagree(a.numbers, b.numbers)) return "renumbered"
  if (disagree(a.references, b.references)) return "rereferenced"
  return a.normal === b.normal ? "equal" : "alike"
}

const fold = (text: string) =>
  text
    .toUpperCase()
    .normalize("NFKD")
    .replaceAll(/[\p{M}'’`]/gu, "")
    .toUpperCase()

const token = /(?<![\p{L}\p{N}])\d{1,4}(?:[./-]\d{1,4}){1,2}(?![\p{L}\p{N}])|[\p{L}\p{N}]+/gu

/** What card processors and banks put before the name of the merchant. */
const prefixes = [
  ["SQ"],
  ["TST"],
  ["SP"],
  ["PP"],
  ["IZ"],
  ["ZTL"],
  ["SUMUP"],
  ["PAYPAL"],
  ["POS"],
  ["VISA"],
  ["MASTERCARD"],
  ["CHECKCARD"],
  ["KARTENZAHLUNG"],
  ["LASTSCHRIFT"],
  ["CARTE"],
  ["ACHAT", "CB"],
  ["COMPRA"],
  ["VAREKJOP"],
  ["CARD", "PURCHASE"],
  ["DEBIT", "CARD", "PURCHASE"],
  ["POS", "PURCHASE"],
  ["PURCHASE", "AUTHORIZED", "ON"],
  ["RECURRING", "PAYMENT", "AUTHORIZED", "ON"],
]

/** Dates, processors and separators go from both ends until neither end has one. */
const trimmed = (all: ReadonlyArray<string>, day: number): ReadonlyArray<string> => {
  let tokens = all
  for (;;) {
    const first = tokens[0]
    const last = tokens.at(-1)
    if (first !== undefined && first.includes("/") && isDate(first, day)) tokens = tokens.slice(1)
    else if (last !== undefined && last.includes("/") && isDate(last, day)) tokens = tokens.slice(0, -1)
    else {
      const length = prefixLength(tokens)
      if (length === 0) return tokens
      tokens = tokens.slice(length)
    }
  }
}

/** A prefix is one only before a name. */
const prefixLength = (tokens: ReadonlyArray<string>) => {
  const lengths = prefixes
    .filter((prefix) => prefix.every((word, index) => tokens[index] === word))
    .map((prefix) => prefix.length)
    .filter((length) => tokens.slice(length).some((token) => isWord(token) || token.includes("/")))
  return Math.max(0, ...lengths)
}

/** A token with separators is a date, an instalment, or several numbers. */
const parts = (token: string, day: number): ReadonlyArray<string> => {
  if (/^\d+$/u.test(token)) return [withoutZeros(token)]
  if (!/^[\d./-]+$/u.test(token)) return [token]
  const numbers = token.split(/[./-]/u).map(withoutZeros)
  if (numbers.length === 2 && token.includes("/")) return [numbers.join("/")]
  return isDate(token, day) ? [] : numbers
}

/** Whether it names a day on which what was posted on `day` can have happened, in any order of its parts. */
const isDate = (token: string, day: number): boolean => {
  const numbers = token.split(/[./-]/u).map(Number)
  const year = new Date(day * 86_400_000).getUTCFullYear()
  const [a = 0, b = 0, c] = numbers
  const orders =
    c === undefined
      ? [year, year - 1].flatMap((year) => [
          [year, a, b],
          [year, b, a],
        ])
      : [
          [full(a), b, c],
          [full(c), a, b],
          [full(c), b, a],
        ]
  return orders.some(([year = 0, month = 0, date = 0]) => {
    if (month < 1 || month > 12 || date < 1 || date > 31) return false
    const named = Date.UTC(year, month - 1, date) / 86_400_000
    return named >= day - 7 && named <= day + 1
  })
}

const full = (year: number) => (year < 100 ? 2_000 + year : year)

const withoutZeros = (digits: string) => digits.replace(/^0+(?=\d)/u, "")

const isReference = (token: string) =>
  /^\d{6,}$/u.test(token) || (/^[\dA-Z]{5,}$/u.test(token) && /\d.*\d/u.test(token) && /[A-Z]/u.test(token))

const isWord = (token: string) => !/^[\d/]+$/u.test(token) && !isReference(token)

const skeletonOf = (letters: string) => letters.slice(0, 1) + letters.slice(1).replaceAll(/[AEIOU]/gu, "")

const disagree = (a: ReadonlyArray<string>, b: ReadonlyArray<string>) =>
  a.length > 0 && b.length > 0 && !a.some((one) => b.includes(one))

/** Two thirds of the letters of the shorter one agree, or half of them with the first word. */
const areAlike = (a: Description, b: Description): boolean => {
  if (startsLike(a.skeleton, b.skeleton, 5)) return true
  const least = Math.min(sharedLetters(a, b), sharedLetters(b, a))
  const shorter = Math.min(lettersOf(a.words), lettersOf(b.words))
  const haveFirst = a.words[0] !== undefined && b.words[0] !== undefined && isSameWord(a.words[0], b.words[0])
  return 3 * least >= 2 * shorter || (haveFirst && 2 * least >= shorter)
}

const sharedLetters = (of: Description, within: Description) =>
  lettersOf(of.words.filter((word) => within.words.some((other) => isSameWord(word, other))))

const lettersOf = (words: ReadonlyArray<string>) => words.reduce((sum, word) => sum + word.length, 0)

/** The same, cut short, or abbreviated. */
const isSameWord = (a: string, b: string): boolean => {
  if (a === b || startsLike(a, b, 4)) return true
  const [x, y] = [skeletonOf(a), skeletonOf(b)]
  return x.length > 2 && x === y
}

const startsLike = (a: string, b: string, atLeast: number) =>
  Math.min(a.length, b.length) >= atLeast && (a.startsWith(b) || b.startsWith(a))
