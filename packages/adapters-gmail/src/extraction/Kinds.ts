/**
 * What a mail is for. What needs no language is asked first: headers, the names of templates in links, what a page says
 * to machines. The subject is asked second, and where the two disagree nobody is believed.
 */
import { enriching, Kind } from "@holdfast/domain/reservations/ReservationFacts"

import { once } from "./Once.ts"
import { leadsOn, phrases, turns } from "./SubjectPhrases.ts"
import * as Text from "./Text.ts"

/** What a subject says, and where. */
export interface Phrase {
  readonly kind: Kind
  /** Every language in which it says so. */
  readonly languages: ReadonlyArray<string>
  readonly start: number
  readonly end: number
  /**
   * Words before it may turn its meaning (`Payment received for`, `Dispute about`), words after it take it back
   * (`… canceled`), or it is a question.
   */
  readonly isQualified: boolean
}

export interface Signals {
  /** What each header that declares a kind declares; nothing where its value is not known. */
  readonly declared: ReadonlyArray<Kind | undefined>
  /** The templates that links name. */
  readonly linked: ReadonlyArray<string>
  /** What structured data says of the reservation's state. */
  readonly status: Kind | undefined
  /** What a sentence of the body says became of it: it may contradict, and says nothing by itself. */
  readonly stated: Kind | undefined
  /** The address it comes from is that of a guest, relayed. */
  readonly isRelayed: boolean
  /** The subject answers an earlier mail. */
  readonly isReply: boolean
  readonly phrase: Phrase | undefined
}

export interface Decided {
  readonly kind: Kind
  readonly reasons: ReadonlyArray<string>
}

export const decide = (signals: Signals): Decided => {
  const { declared, isRelayed, isReply, linked, phrase, stated, status } = signals
  const fromLinks = new Set(linked.flatMap((name) => ofTemplate(name) ?? []))
  const fromHeader = declared.find((kind) => kind !== undefined)
  // What only the platform writes, no sentence contradicts: a guest may have written it.
  const fromPlatform = fromHeader ?? (fromLinks.size === 1 ? [...fromLinks][0] : undefined)
  const unknown = declared.length > 0 && fromHeader === undefined ? ["UNKNOWN_HEADER"] : []
  const free = (isRelayed ? "guest_message" : undefined) ?? fromPlatform ?? status
  // An answer bears the subject of what it answers.
  if (free === "guest_message") return { kind: free, reasons: unknown }
  if (free === undefined) {
    const said = isReply && (phrase === undefined || phrase.kind !== "guest_message") ? "guest_message" : phrase?.kind
    if (said === undefined) return { kind: "unknown", reasons: [...unknown, "KIND_UNKNOWN"] }
    if (stated !== undefined && said === phrase?.kind && contradict(stated, said)) {
      return { kind: said, reasons: ["KIND_CONFLICT", ...unknown] }
    }
    const isUnclear = said === phrase?.kind && phrase.isQualified && enriching.has(said)
    return { kind: said, reasons: isUnclear ? [...unknown, "SUBJECT_UNCLEAR"] : unknown }
  }
  const contradicts =
    [phrase?.kind, ...declared, ...fromLinks, status].some((kind) => kind !== undefined && contradict(kind, free)) ||
    (stated !== undefined && fromPlatform === undefined && enriching.has(free) && contradict(stated, free))
  if (contradicts) return { kind: free, reasons: ["KIND_CONFLICT", ...unknown] }
  return { kind: free, reasons: phrase === undefined ? [...unknown, "SUBJECT_UNKNOWN"] : unknown }
}

/** One of them may change a booking, and the other may not. An alteration has a subject that names it, whatever became of it. */
const contradict = (one: Kind, other: Kind): boolean =>
  enriching.has(one) !== enriching.has(other) && !(one.startsWith("alteration") && other.startsWith("alteration"))

/** What the subject says: its first known phrase, and of those that begin together the longest. */
export const phraseOf = (subject: string): Phrase | undefined => {
  const whole = subject.slice(0, 400)
  const folded = Text.fold(whole)
  for (let start = 0; start < folded.length; start++) {
    const said = knownAt(folded, start)
    if (said === undefined) continue
    const end = endOf(folded, start, said.fragments) ?? start
    const isLed = !nameFirst.test(folded) && hasWords.test(folded.slice(0, start).replace(brand, ""))
    const isQualified =
      isLed || folded.includes("?", end) || isTakenBack(folded, end, said) || goesOn(whole.slice(end), said)
    return { kind: said.kind, languages: said.languages, start, end, isQualified }
  }
  return undefined
}

/**
 * `New booking fees`: another thing, unless the word in small letters leads to the guest, the home or the day. `New
 * bookings`: none in particular.
 */
const goesOn = (rest: string, { kind, languages }: Known): boolean => {
  if (kind === "guest_message" || !enriching.has(kind)) return false
  if (plural.test(rest) && languages.every((language) => leadsOnOf().has(language))) return true
  const word = /^ (\p{Ll}[\p{L}\p{M}]*)(?![\p{L}\p{M}'’])/u.exec(rest)?.[1]
  return word !== undefined && languages.every((language) => leadsOnOf().get(language)?.has(word) === false)
}

const plural = /^(?:e?s|en)(?![\p{L}\p{M}'’])/u

const leadsOnOf = once(
  (): ReadonlyMap<string, ReadonlySet<string>> =>
    new Map(Object.entries(leadsOn).map(([language, words]) => [language, new Set(words.split(" "))])),
)

const isTakenBack = (folded: string, from: number, { kind, languages }: Known): boolean => {
  if (kind === "guest_message" || !enriching.has(kind)) return false
  return languages.some(
    (language) =>
      turnsOf()
        .get(language)
        ?.some((word) => beginsIn(folded, from, word)) === true,
  )
}

const beginsIn = (folded: string, from: number, word: string): boolean => {
  if (word.endsWith("$")) return folded.length - word.length + 1 >= from && folded.endsWith(word.slice(0, -1))
  for (let at = folded.indexOf(word, from); at >= 0; at = folded.indexOf(word, at + 1)) {
    if (Text.startsWord(folded, at)) return true
  }
  return false
}

const turnsOf = once(
  (): ReadonlyMap<string, ReadonlyArray<string>> =>
    new Map(Object.entries(turns).map(([language, words]) => [language, words.split("|").map(Text.fold)])),
)

const brand = /^(?:booking\.com|airbnb|vrbo|homeaway|abritel|fewo-direkt(?:\.de)?)\b/

const hasWords = /\p{L}{3}/u

/** Whether a text begins with a small word that leads on to something, and begins no name, as `van der Berg` does. */
export const isLedOn = (text: string): boolean => {
  const word = /^\p{Ll}[\p{L}\p{M}]*(?![\p{L}\p{M}'’])/u.exec(text)?.[0]
  return word !== undefined && !ofNames.has(word) && [...leadsOnOf().values()].some((words) => words.has(word))
}

const ofNames: ReadonlySet<string> = new Set("d da das de del della den der des di do dos du la le van von".split(" "))

/** In these the guest may stand before what was done. */
const nameFirst = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u

/** Whether a subject begins with what mail programs put before the subject of an answer. */
export const isReply = (subject: string): boolean => replies.test(subject)

/** The subject without what mail programs put before it. */
export const withoutPrefixes = (subject: string): string => {
  let rest = subject
  for (let round = 0; round < 5; round++) {
    const next = rest.replace(replies, "").replace(forwards, "").trimStart()
    if (next === rest) break
    rest = next
  }
  return rest
}

export const isForward = (subject: string): boolean => forwards.test(subject)

/** Whether it may be passed on: an answer to what was, or in Danish and Norwegian what is an answer in Finnish. */
export const mayForward = (subject: string): boolean => {
  let rest = subject
  for (let round = 0; round < 5; round++) {
    if (isForward(rest) || /^vs ?:/i.test(rest)) return true
    const next = rest.replace(replies, "").trimStart()
    if (next === rest) return false
    rest = next
  }
  return false
}

const replies =
  /^(?:re|aw|sv|vs|antw|odp|odg|ynt|rif|res|απ|vá|回复|回覆|返信|답장|trả lời|ตอบกลับ)(?:\[\d{1,3}\])? ?[:：] ?/iu
const forwards =
  /^(?:fwd?|wg|tr|rv|enc|doorst|i|vb|vl|pd|prev|přep|továbbítás|ilt|i̇lt|προωθ|转发|轉寄|転送|전달|chuyển tiếp|ส่งต่อ)(?:\[\d{1,3}\])? ?[:：] ?/iu

/** What Airbnb's names of templates say, most particular first. */
export const ofTemplate = (name: string): Kind | undefined => {
  const words = name
    .slice(0, 200)
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "_")
  return templates.find(([, shape]) => shape.test(words))?.[0]
}

const templates: ReadonlyArray<readonly [Kind, RegExp]> = [
  // A host's own journey is none of the host's bookings.
  ["unknown", /^(?!.*host).*(?:guest_(?:[a-z]+_)*(?:confirm|receipt)|itinerar)/],
  ["cancellation_request", /cancell?ation_request|request_(?:to_)?cancel|cancel_request/],
  ["cancelled", /cancel/],
  ["alteration_declined", /(?:alter|change|modif)[a-z]*(?:_request)?_(?:declin|reject|denied)/],
  [
    "alteration_accepted",
    /(?:alter|change|modif)[a-z]*(?:_request)?_(?:accept|approv|confirm)|reservation_(?:updated|altered)/,
  ],
  ["alteration_requested", /alteration|change_request|trip_change/],
  ["pre_approval", /pre_?approv|special_offer/],
  [
    "review_request",
    /review_(?:request|remind|prompt|nudge)|(?:write|leave|request)_(?:a_)?review|remind[a-z]*_[a-z_]*review/,
  ],
  ["review_received", /review/],
  ["request_reminder", /(?:request|rtb|inquiry|pending)_(?:[a-z]+_)?(?:remind|expir)|remind[a-z]*_(?:[a-z]+_)?request/],
  ["inquiry", /inquir|enquir/],
  ["reminder", /remind|upcoming|coming_soon/],
  ["payout", /payout/],
  ["claim", /claim|resolution|reimburse|damage|aircover/],
  ["confirmed", /confirm(?:ation|ed)|instant_book/],
  ["request_pending", /request|pending/],
  ["guest_message", /message|thread|inbox/],
  ["invoice", /invoice|receipt|statement|report|tax_/],
  ["security", /login|security|password|verif|account/],
  ["marketing", /market|promo|newsletter|tips|campaign/],
]

/** What Vrbo's header says; nothing at all where it only says that something was done. */
export const ofMessageType = (value: string): ReadonlyArray<Kind | undefined> => {
  const type = value.trim().toUpperCase()
  if (type === "" || type.startsWith("RESERVATION_ACTION_EMAIL")) return []
  return [Object.hasOwn(messageTypes, type) ? messageTypes[type] : undefined]
}

const messageTypes: Readonly<Record<string, Kind | undefined>> = {
  INQUIRY: "inquiry",
  NEW_INQUIRY: "inquiry",
  INQUIRY_REMINDER: "inquiry",
  NEW_BOOKING_REQUEST: "request_pending",
  BOOKING_REQUEST: "request_pending",
  RESERVATION_REQUEST: "request_pending",
  BOOKING_REQUEST_REMINDER: "request_reminder",
  REPLIED: "guest_message",
  REPLY: "guest_message",
  NEW_MESSAGE: "guest_message",
  MESSAGE: "guest_message",
  NEW_BOOKING: "confirmed",
  INSTANT_BOOKING: "confirmed",
  NEW_INSTANT_BOOKING: "confirmed",
  NEW_RESERVATION: "confirmed",
  RESERVATION_CONFIRMED: "confirmed",
  BOOKING_CONFIRMED: "confirmed",
  RESERVATION_CANCELLED: "cancelled",
  RESERVATION_CANCELED: "cancelled",
  BOOKING_CANCELLED: "cancelled",
  BOOKING_CANCELED: "cancelled",
}

interface Known {
  readonly kind: Kind
  readonly languages: ReadonlyArray<string>
  readonly fragments: ReadonlyArray<string>
  /** Its place among all, the longest first. */
  readonly rank: number
}

const known = (): ReadonlyArray<Known> => {
  const byText = new Map<string, { readonly kind: Kind; readonly languages: Array<string>; readonly text: string }>()
  for (const [language, kinds] of Object.entries(phrases)) {
    for (const kind of Kind.literals) {
      for (const text of kinds[kind] ?? []) {
        const key = `${kind}/${text}`
        const held = byText.get(key)
        if (held === undefined) byText.set(key, { kind, languages: [language], text })
        else if (!held.languages.includes(language)) held.languages.push(language)
      }
    }
  }
  return [...byText.values()]
    .map(({ kind, languages, text }) => {
      const fragments = text
        .split("…")
        .flatMap((fragment) => (fragment.trim() === "" ? [] : [Text.fold(fragment.trim())]))
      return { kind, languages, fragments, length: fragments.reduce((sum, { length }) => sum + length, 0) }
    })
    .toSorted((one, other) => other.length - one.length)
    .map(({ fragments, kind, languages }, rank) => ({ kind, languages, fragments, rank }))
}

/** By as many of their first characters as they have of these. */
const byBeginning = once((): ReadonlyMap<string, ReadonlyArray<Known>> =>
  Map.groupBy(known(), ({ fragments: [first = ""] }) =>
    first.slice(
      0,
      beginnings.find((length) => length <= first.length),
    ),
  ),
)

const beginnings = [8, 4, 2, 1]

/** The longest that begins here. */
const knownAt = (folded: string, start: number): Known | undefined => {
  if (!Text.startsWord(folded, start)) return undefined
  let longest: Known | undefined
  for (const length of beginnings) {
    const found = byBeginning()
      .get(folded.slice(start, start + length))
      ?.find(({ fragments }) => endOf(folded, start, fragments) !== undefined)
    if (found !== undefined && (longest === undefined || found.rank < longest.rank)) longest = found
  }
  return longest
}

/** Where the fragments end, one after the other, if the first begins here. */
const endOf = (text: string, start: number, fragments: ReadonlyArray<string>): number | undefined => {
  let end = start
  for (const fragment of fragments) {
    const at = end === start ? (text.startsWith(fragment, start) ? start : -1) : text.indexOf(fragment, end)
    if (at < 0) return undefined
    end = at + fragment.length
  }
  return end
}
