/**
 * The words, figures and marks of a text, with what each may name in a date. Scripts without spaces are cut at the
 * longest name that stands there; everything else at what is no letter.
 */
import { months, weekdays } from "./MonthNames.ts"
import { once } from "./Once.ts"

export interface Token {
  readonly kind: "word" | "number" | "mark"
  /** Normalised: NFKC, lower case, no dots within. */
  readonly text: string
  /** Where it stands in the text: UTF-16 units, the end is exclusive. */
  readonly start: number
  readonly end: number
  /** There is a space before it. */
  readonly spaced: boolean
  /** Of a number; 0 of anything else. */
  readonly value: number
  /** How many figures a number has; 0 of anything else. */
  readonly digits: number
  /** A number that names no day: a price, a part of a decimal or of a time, a count. */
  readonly inert: boolean
  /** A number that continues a figure or a word before it. */
  readonly glued: boolean
  readonly months: Meanings
  readonly weekdays: Meanings
}

/** What a name means, and in which languages. */
export type Meanings = ReadonlyArray<{ readonly value: number; readonly languages: ReadonlyArray<string> }>

export const of = (text: string): ReadonlyArray<Token> => {
  if (!/\p{Nd}/u.test(text)) return []
  const tokens = merged(cut(text))
  return tokens.map((token, index) => {
    if (token.kind === "number") return weighed(tokens, token, index)
    if (isWithinCode(tokens, token, index)) return nameless(token)
    if (isEnding(tokens, token, index)) return dayless(token)
    return isLetter(token) ? lettered(tokens, token, index) : token
  })
}

const nameless = (token: Token): Token => ({ ...token, months: none, weekdays: none })
const dayless = (token: Token): Token => ({ ...token, weekdays: none })

/** `HM41X7SO` ends with no Saturday. */
const isWithinCode = (tokens: ReadonlyArray<Token>, token: Token, index: number): boolean => {
  const [word, number] = [tokens[index - 2], tokens[index - 1]]
  const isGlued = !token.spaced && number?.kind === "number" && !number.spaced && word?.kind === "word"
  return isGlued && ![token, word].some(({ text }) => isUnspaced(text.codePointAt(0) ?? 0))
}

/** `도착일`, `到着日`: a day of arrival, and no Sunday. */
const isEnding = (tokens: ReadonlyArray<Token>, { spaced, text, weekdays }: Token, index: number): boolean => {
  if (weekdays.length === 0 || spaced || text.length !== 1 || !isUnspaced(text.charCodeAt(0))) return false
  const before = tokens[index - 1]
  return before?.kind === "word" && isUnspaced(before.text.charCodeAt(0)) && tokens[index - 2]?.kind !== "number"
}

const noFigures = { value: 0, digits: 0 }

const cut = (text: string): Array<Token> => {
  const tokens: Array<Token> = []
  let spaced = false
  const push = (
    kind: Token["kind"],
    text: string,
    start: number,
    end: number,
    figures = noFigures,
    named = nothing,
  ) => {
    const { digits, value } = figures
    const { months, weekdays } = named
    tokens.push({ kind, text, start, end, spaced, value, digits, inert: false, glued: false, months, weekdays })
    spaced = false
  }
  for (let at = 0; at < text.length;) {
    const code = text.codePointAt(at) ?? 0
    const length = code > 0xff_ff ? 2 : 1
    const kind = kindOf(code)
    if (kind === "space") {
      if (code === 10 || code === 13) push("mark", "\n", at, at + 1)
      spaced = true
      at += length
    } else if (kind === "nothing") at += length
    else if (kind === "number") {
      const number = numberAt(text, at)
      push("number", "", at, number.end, number)
      at = number.end
    } else if (kind === "letter") {
      const word = isUnspaced(code) ? unspacedAt(text, at) : wordAt(text, at)
      push("word", word.text, at, word.end, noFigures, names().get(word.text))
      at = word.end
    } else {
      const mark = text.slice(at, at + length).normalize("NFKC")
      push("mark", mark, at, at + length)
      at += length
    }
  }
  return tokens
}

const sorts = ["space", "nothing", "number", "letter", "mark"] as const

type Kind = (typeof sorts)[number]

/** Asking Unicode is slow, and texts are of few characters. */
const kindOf = (code: number): Kind => {
  const known = sorts[(kinds[code] ?? 0) - 1]
  if (known !== undefined) return known
  const kind = kindOfCharacter(code)
  if (code < kinds.length) kinds[code] = sorts.indexOf(kind) + 1
  return kind
}

/** Of each character met before, one more than the place among the sorts. */
const kinds = new Uint8Array(0x1_00_00)

const kindOfCharacter = (code: number): Kind => {
  if (code <= 32) return "space"
  if (digitOf(code) !== null) return "number"
  const character = String.fromCodePoint(code)
  if (/\p{Default_Ignorable_Code_Point}/u.test(character)) return "nothing"
  if (/\p{L}|\p{M}/u.test(character)) return "letter"
  return /[\s\u0085]/u.test(character) ? "space" : "mark"
}

/** Latin, Arabic-Indic, Persian, Devanagari, Bengali, Thai and full-width figures. */
const digitOf = (code: number): number | null => {
  for (const zero of zeros) if (code >= zero && code <= zero + 9) return code - zero
  return null
}

const zeros = [0x30, 0x06_60, 0x06_f0, 0x09_66, 0x09_e6, 0x0e_50, 0xff_10]

/** Figures beyond any day or year have no value that matters. */
const numberAt = (text: string, start: number): Pick<Token, "value" | "digits" | "end"> => {
  let value = 0
  let end = start
  for (; end < text.length; end++) {
    const digit = digitOf(text.charCodeAt(end))
    if (digit === null) break
    if (end < start + 6) value = value * 10 + digit
  }
  return { value, digits: end - start, end }
}

const maxWord = 40

/** A longer run of letters is no name of anything here, and none of its text is kept. */
const wordAt = (text: string, start: number): Pick<Token, "text" | "end"> => {
  let end = start
  while (end < text.length) {
    const code = text.codePointAt(end) ?? 0
    if (kindOf(code) !== "letter" || isUnspaced(code)) {
      const isInner =
        innerMarks.has(text[end] ?? "") && end > start && kindOf(text.codePointAt(end + 1) ?? 0) === "letter"
      if (!isInner || !names().has(normalised(text.slice(start, Math.min(wordEnd(text, end + 1), start + maxWord)))))
        break
    }
    end += code > 0xff_ff ? 2 : 1
  }
  if (text[end] !== undefined && innerMarks.has(text[end] ?? "") && end - start < maxWord) {
    const closed = normalised(text.slice(start, end + 1))
    if (names().has(closed)) return { text: closed, end: end + 1 }
  }
  return { text: end - start > maxWord ? "" : normalised(text.slice(start, end)), end }
}

const wordEnd = (text: string, start: number): number => {
  let end = start
  while (end < text.length && end < start + maxWord && kindOf(text.charCodeAt(end)) === "letter") end++
  return end
}

/** `п'ятниця`, `ינו׳`. */
const innerMarks = new Set(["'", "’", "ʼ", "׳"])

/** Han, kana, Hangul and Thai are written without spaces. */
const isUnspaced = (code: number): boolean =>
  (code >= 0x0e_00 && code <= 0x0e_7f) ||
  (code >= 0x11_00 && code <= 0x11_ff) ||
  (code >= 0x30_05 && code <= 0x30_ff) ||
  (code >= 0x34_00 && code <= 0x9f_ff) ||
  (code >= 0xac_00 && code <= 0xd7_ff) ||
  (code >= 0x2_00_00 && code <= 0x3_ff_ff)

/** The longest known word that begins here, or one character. Thai abbreviations have dots within. */
const unspacedAt = (text: string, start: number): Pick<Token, "text" | "end"> => {
  let known = ""
  let longest = { text: "", end: start + ((text.codePointAt(start) ?? 0) > 0xff_ff ? 2 : 1) }
  longest.text = text.slice(start, longest.end).normalize("NFKC")
  const beginsWord = start === 0 || !isUnspaced(text.charCodeAt(start - 1))
  for (let end = start; end < text.length && end < start + longestName; end++) {
    const character = text[end] ?? ""
    if (character !== "." && !isUnspaced(character.charCodeAt(0))) break
    if (character !== ".") known += character
    if (names().has(known) && character !== ".") longest = { text: known, end }
    if (names().has(known)) longest = { text: known, end: end + 1 }
    // A letter or two are a day of the week only with a dot, and at the beginning of a word.
    else if (character === "." && beginsWord && names().has(`${known}.`)) longest = { text: `${known}.`, end: end + 1 }
  }
  return longest
}

const longestName = 16

/** Names of two words: `thứ bảy`, `th 7`, `كانون الثاني`. */
const merged = (tokens: ReadonlyArray<Token>): ReadonlyArray<Token> => {
  const whole: Array<Token> = []
  for (let index = 0; index < tokens.length; index++) {
    const token = tokens[index]
    const next = tokens[index + 1]
    if (token === undefined) break
    const joined = next === undefined || !firstWords().has(token.text) ? undefined : joinedWith(token, next)
    whole.push(joined ?? token)
    if (joined !== undefined) index++
  }
  return whole
}

const joinedWith = (token: Token, next: Token): Token | undefined => {
  const text = `${token.text} ${next.text || next.value}`
  const named = names().get(text) ?? (next.kind === "number" ? names().get(`${token.text}${next.value}`) : undefined)
  if (named === undefined || (next.kind === "number" && next.digits !== 1)) return undefined
  return { ...token, text, end: next.end, months: named.months, weekdays: named.weekdays }
}

const isLetter = (token: Token) =>
  token.weekdays.length > 0 && /^\p{L}$/u.test(token.text) && !isUnspaced(token.text.charCodeAt(0))

/** One letter of an alphabet names a day of the week only beside a comma: `nov. 20., P`. */
const lettered = (tokens: ReadonlyArray<Token>, token: Token, index: number): Token =>
  tokens[index - 1]?.text === "," || tokens[index + 1]?.text === "," ? token : dayless(token)

/** Whether a number can be a day at all, from what stands right beside it. */
const weighed = (tokens: ReadonlyArray<Token>, token: Token, index: number): Token => {
  const before = tokens[index - 1]
  const beforeThat = tokens[index - 2]
  const next = tokens[index + 1]
  const afterNext = tokens[index + 2]
  const touchesBefore = before !== undefined && !token.spaced
  const continues =
    touchesBefore &&
    ((before.kind === "mark" &&
      !before.spaced &&
      beforeThat?.kind === "number" &&
      figureGlue.has(before.text) &&
      !(before.text === "," && token.digits === 4)) ||
      (before.kind === "word" && !isUnspaced(before.text.codePointAt(0) ?? 0)) ||
      (before.kind === "mark" && refused.has(before.text)))
  const goesOn =
    next?.kind === "mark" &&
    !next.spaced &&
    figureGlue.has(next.text) &&
    afterNext?.kind === "number" &&
    !afterNext.spaced &&
    !(next.text === "," && afterNext.digits === 4)
  const glued =
    touchesBefore &&
    ((before.kind === "mark" &&
      !before.spaced &&
      // After a word, a colon ends a label.
      (beforeThat?.kind === "number" || (beforeThat?.kind === "word" && before.text !== ":")) &&
      (before.text === "/" || before.text === "-" || before.text === "_" || figureGlue.has(before.text))) ||
      (before.kind === "word" && !isUnspaced(before.text.codePointAt(0) ?? 0)) ||
      refused.has(before.text))
  return { ...token, inert: continues || goesOn || isPrice(tokens, index) || isCount(next), glued }
}

const figureGlue = new Set([".", ",", ":", "'", "’"])
const refused = new Set(["#", "№", "+", "@", "_", "=", "&", "*"])

const isPrice = (tokens: ReadonlyArray<Token>, index: number): boolean => {
  const before = tokens[index - 1]
  const after = tokens[index + 1]
  if (before !== undefined && isCurrency(before.text)) return true
  if (after === undefined) return false
  if (after.text === "%" || after.text === "°") return true
  return isCurrency(after.text) && !(tokens[index + 2]?.kind === "number" && tokens[index + 2]?.spaced === false)
}

const isCurrency = (text: string) => currencies.has(text) || (text.length === 1 && /\p{Sc}/u.test(text))

const currencies = new Set(
  (
    "usd eur gbp chf cad aud nzd sek nok dkk isk czk pln huf ron bgn hrk rsd try rub uah ils jpy cny twd hkd sgd krw thb vnd " +
    "idr myr php inr brl mxn ars clp cop zar aed sar mad kr kč zł ft lei kn din rp rm руб грн лв 円 元 원 บาท"
  ).split(" "),
)

/** `4 guests`, `3 nights`, `2 pm`: whatever is counted is no day. */
const isCount = (next: Token | undefined): boolean => next?.kind === "word" && counted.has(next.text)

const counted = new Set(
  (
    "night nights nuit nuits nacht nächte noche noches notte notti noite noites nachten noc noce noci nocy nocí noći noč nätter natt " +
    "nat nætter netter yö yötä éjszaka éj nopți noapte διανυκτερεύσεις διανυκτέρευση gece ночь ночи ночей ніч ночі ночей нощувки нощувка " +
    "guest guests adult adults child children infant infants adulte adultes voyageur voyageurs gast gäste gasten erwachsene erwachsener " +
    "kind kinder huésped huéspedes adulto adultos adulti adulta ospite ospiti hóspede hóspedes volwassene volwassenen gość gości " +
    "dorosły dorosłych dorosłe host hosté hostů dospělý dospělí dospělých gost gosta gosti gostiju odrasla odraslih odrasli gäst gäster " +
    "vuxen vuxna gæst gæster voksen voksne vieras vierasta aikuinen aikuista vendég felnőtt oaspete oaspeți επισκέπτες ενήλικες misafir yetişkin " +
    "гость гостя гостей взрослый взрослых гості гостей дорослих khách tamu dewasa dagen days giorni jours días dias am pm uhr h bedroom bedrooms " +
    "rooms room star stars stelle étoiles"
  ).split(" "),
)

// ---- names ----

interface Named {
  readonly months: Meanings
  readonly weekdays: Meanings
}

const none: Meanings = []
const nothing: Named = { months: none, weekdays: none }

const normalised = (word: string) =>
  /^[a-z]+$/u.test(word)
    ? word
    : word.normalize("NFKC").toLowerCase().replaceAll("\u0307", "").replace(/[’ʼ׳]/gu, "'").normalize("NFC")

/** Built when the first text is read: an application that reads none does not wait for it. */
const names = once((): ReadonlyMap<string, Named> => {
  const found = new Map<string, { months: Map<number, Array<string>>; weekdays: Map<number, Array<string>> }>()
  const add = (type: keyof Named, table: Readonly<Record<string, string>>) => {
    for (const [language, slots] of Object.entries(table)) {
      slots.split("|").forEach((slot, index) => {
        for (const name of slot.split(",")) {
          if (name.length === 0) continue
          const named = found.get(name) ?? { months: new Map(), weekdays: new Map() }
          const languages = named[type].get(index + 1) ?? []
          named[type].set(index + 1, [...languages, language])
          found.set(name, named)
        }
      })
    }
  }
  add("months", months)
  add("weekdays", weekdays)
  for (const word of unspacedWords) if (!found.has(word)) found.set(word, { months: new Map(), weekdays: new Map() })
  const meanings = (values: ReadonlyMap<number, ReadonlyArray<string>>): Meanings =>
    [...values].map(([value, languages]) => ({ value, languages }))
  return new Map(
    [...found].map(([name, named]) => [name, { months: meanings(named.months), weekdays: meanings(named.weekdays) }]),
  )
})

const firstWords = once(
  (): ReadonlySet<string> =>
    new Set(
      [...names().keys()].flatMap((name) =>
        name.includes(" ") ? [name.split(" ")[0] ?? ""] : /^t\d$/u.test(name) ? ["t"] : [],
      ),
    ),
)

/** Words of the scripts without spaces that stand between the parts of a date. */
const unspacedWords = ["令和", "平成", "民國", "民国", "西暦", "から", "부터", "ที่", "ถึง", "พศ", "คศ", "พุทธศักราช", "บาท"]
