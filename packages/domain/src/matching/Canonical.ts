/**
 * The one form that equal identifiers have in common.
 *
 * Every function here is total and idempotent: whatever text comes in, the answer
 * is the canonical form or `undefined`, and the canonical form is its own. What is
 * not valid is missing: it is never evidence, neither for nor against.
 */

/** ISO 13616, of an IBAN whose length and check digits are right. */
export const iban = (text: string): string | undefined => {
  const bare = compact(text).replace(/^IBAN/u, "")
  const length = ibanLengths[bare.slice(0, 2)]
  return bare.length === length && /^[A-Z]{2}\d{2}[A-Z0-9]+$/u.test(bare) && remainderOf97(bare) === 1
    ? bare
    : undefined
}

/** An account number and, before a colon, where it is routed to. Padding and separators are the bank's taste. */
export const accountNumber = (text: string): AccountNumber | undefined => {
  const cut = text.indexOf(":")
  const routing = cut < 0 ? "" : compact(text.slice(0, cut))
  const account = compact(text.slice(cut + 1)).replace(/^0+/u, "")
  return account.length < 3
    ? undefined
    : { text: routing === "" ? account : `${routing}:${account}`, hasRouting: routing !== "" }
}

export interface AccountNumber {
  readonly text: string
  /** A number without its routing is good within one institution only. */
  readonly hasRouting: boolean
}

/**
 * The last two to four characters of a number, as the bank shows them. Longer ones are cut; shorter ones say nothing, nor
 * do those without a digit: `XXXX`, `NONE`.
 */
export const mask = (text: string): string | undefined => {
  const shown = compact(text).slice(-4)
  return shown.length < 2 || !/\d/u.test(shown) ? undefined : shown
}

/** The words of a name: no case, no diacritics, no trade marks, no punctuation. */
export const name = (text: string): string | undefined => {
  const words = fold(fold(text))
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== "")
  return words.length === 0 ? undefined : words.join(" ")
}

/** An institution's name without its legal form. A name that is nothing else stays whole. */
export const brand = (text: string): string | undefined => {
  const whole = name(text)
  const words = whole?.split(" ").filter((word) => !legalForms.has(word)) ?? []
  return words.length === 0 ? whole : words.join(" ")
}

/**
 * A mailbox address. Dots, tags and the second domain mean nothing at consumer
 * Gmail; in every other domain they may tell two people apart.
 */
export const email = (text: string): string | undefined => {
  const address = stripInvisible(text).toLowerCase()
  const at = address.lastIndexOf("@")
  const [local, domain] = [address.slice(0, at), address.slice(at + 1)]
  if (at < 1 || domain === "" || local.includes("@")) return undefined
  if (domain !== "gmail.com" && domain !== "googlemail.com") return address
  const user = local.replace(/\+.*$/u, "").replaceAll(".", "")
  return user === "" ? undefined : `${user}@gmail.com`
}

/** ISO 4217. `XXX`, no currency, is missing. */
export const currency = (text: string): string | undefined => {
  const code = compact(text)
  return /^[A-Z]{3}$/u.test(code) && code !== "XXX" ? code : undefined
}

/** The id of an institution. Providers agree on its letters and not on their case. */
export const institutionId = (text: string): string | undefined => {
  const id = text.normalize("NFKC").toLowerCase().normalize("NFKC").trim()
  return id === "" ? undefined : id
}

/** A word of a provider's vocabulary: a type, a subtype. */
export const word = (text: string): string | undefined => {
  const folded = text
    .normalize("NFKC")
    .toLowerCase()
    .normalize("NFKC")
    .replace(/[\s_]+/gu, " ")
    .trim()
  return folded === "" ? undefined : folded
}

/** Ids are compared as they are, case and all. */
export const opaque = (text: string): string | undefined => (text === "" ? undefined : text)

const stripInvisible = (text: string) => text.replace(/[\s\p{Cf}\p{Cc}]+/gu, "")

const compact = (text: string) =>
  text
    .normalize("NFKC")
    .toUpperCase()
    .replace(/[^A-Z0-9]+/gu, "")

const fold = (text: string) => (isPlain(text) ? text.replaceAll("'", "").toLowerCase() : foldAll(text))

/** Most names are: there is nothing to decompose in them. */
const isPlain = (text: string) => /^[\x20-\x7e]*$/u.test(text)

/** Upper case first: it knows that ß is SS. The marks that it lays bare go in a second round. */
const foldAll = (text: string) =>
  text
    .replace(/[®™©℠]/gu, " ")
    .normalize("NFKD")
    .replace(/[\p{M}\p{Cf}'’]/gu, "")
    .toUpperCase()
    .toLowerCase()
    .replaceAll("ς", "σ")
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")

const remainderOf97 = (iban: string) => {
  let remainder = 0
  for (const character of iban.slice(4) + iban.slice(0, 4)) {
    const value = Number.parseInt(character, 36)
    remainder = (remainder * (value > 9 ? 100 : 10) + value) % 97
  }
  return remainder
}

const legalForms = new Set(
  "ab ag as asa bv co corp corporation gmbh inc incorporated limited llc ltd na nv oyj plc sa se spa the".split(" "),
)

/** Length by country, from the IBAN registry. */
const ibanLengths: Readonly<Record<string, number>> = Object.fromEntries(
  [
    "NO15 BE16 BI27 DK18 FI18 FK18 FO18 GL18 NL18 MK19 SI19 AT20 BA20 EE20 KZ20 LT20 LU20 MN20 XK20 CH21 HR21 LI21 LV21",
    "BG22 BH22 CR22 DE22 GB22 GE22 IE22 ME22 RS22 VA22 AE23 GI23 IL23 IQ23 OM23 SO23 TL23 AD24 CZ24 ES24 MD24 PK24 RO24",
    "SA24 SE24 SK24 TN24 VG24 LY25 PT25 ST25 IS26 TR26 DJ27 FR27 GR27 IT27 MC27 MR27 SM27 AL28 AZ28 BY28 CY28 DO28 GT28",
    "HN28 HU28 LB28 NI28 PL28 SD18 SV28 BR29 EG29 PS29 QA29 UA29 JO30 KW30 MU30 YE30 MT31 SC31 LC32 RU33",
  ].flatMap((line) => line.split(" ").map((entry) => [entry.slice(0, 2), Number(entry.slice(2))])),
)
