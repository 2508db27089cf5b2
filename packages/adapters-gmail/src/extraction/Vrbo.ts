/** The mails of Vrbo and its sisters (HomeAway, FeWo-direkt, Abritel): headers say the most, in no language. */
import * as Evidence from "./Evidence.ts"
import { type Phrase } from "./Kinds.ts"
import * as Lines from "./Lines.ts"
import * as Links from "./Links.ts"
import * as LocalDates from "./LocalDates.ts"
import * as PersonName from "./PersonName.ts"
import { type Reading } from "./Reading.ts"
import * as Text from "./Text.ts"
import { type Witness } from "./Witness.ts"

export const read = (
  reading: Reading,
  header: (name: string) => string | undefined,
  senderName: string,
): Evidence.Evidence => {
  const links = Links.named(reading.links, "vrbo")
  return Evidence.merge(
    ofHeaders(header, isContradicted(senderName, reading) ? "" : senderName),
    ofSubject(reading),
    {
      ...Evidence.none,
      codes: links.codes.map((value) => ({ value, source: "link" })),
      listings: links.listings.map((value) => ({ value, source: "link" })),
    },
    Evidence.ofBody(reading, code),
  )
}

/** `HA-` and six more; older ones are long numbers, which only a label tells from a listing's or a telephone's. */
export const code: Evidence.CodeShape = {
  anywhere: /(?<![\p{Script=Latin}\p{N}_/=-])(HA-[A-Z0-9]{6})(?![\p{Script=Latin}\p{N}_-])/gu,
  labelled: /^[\s#:(]*(HA-[A-Z0-9]{6}|\d{7,12})(?![\p{L}\p{N}_-])/u,
}

const ofHeaders = (header: (name: string) => string | undefined, senderName: string): Evidence.Evidence => {
  const names = [header("x-inquiry-name"), senderName].flatMap((text) => {
    const name =
      text === undefined || /vrbo|homeaway|fewo|abritel|stayz|bookabach/i.test(text) ? null : PersonName.clean(text)
    return name === null ? [] : [name]
  })
  const from = dayOf(header("x-inquiry-arrival") ?? header("x-inquiry-arrival-date"))
  const to = dayOf(header("x-inquiry-departure") ?? header("x-inquiry-departure-date"))
  const adults = countOf(header("x-inquiry-adults"))
  const listing = /(\d{4,12})$/.exec(header("x-inquiry-listing")?.trim() ?? "")?.[1]
  return {
    ...Evidence.none,
    names: names.map(said),
    stays: from === undefined || to === undefined ? [] : [said({ from, to })],
    arrivals: from === undefined || to !== undefined ? [] : [said(from)],
    guests:
      adults === null || adults === 0
        ? []
        : [said({ adults, children: countOf(header("x-inquiry-children")), infants: null, guests: null })],
    listings: listing === undefined ? [] : [said(listing)],
  }
}

const said = <A>(value: A): Witness<A> => ({ value, source: "header" })

/**
 * Whether a header or the subject names who comes, or the number under which the host lets the home: the receipt of a
 * journey of the host's own has neither.
 */
export const namesGuest = (
  { phrase, subject }: Reading,
  header: (name: string) => string | undefined,
  senderName: string,
): boolean =>
  header("x-inquiry-name") !== undefined ||
  senderName !== "" ||
  listingIn(subject) !== undefined ||
  (phrase !== undefined && PersonName.clean(guestAfter(subject, phrase) ?? "") !== null)

/** `Instant Booking from Ada Testwell: Apr 10 - Apr 17, 2027 - Vrbo #1234567`. */
const ofSubject = ({ languages, phrase, subject }: Reading): Evidence.Evidence => {
  const found = LocalDates.find(subject.slice(0, 400), languages)
  const range = found.find((one) => one._tag === "Range")
  const listing = listingIn(subject)
  const codes = [...new Set([...subject.matchAll(code.anywhere ?? /(?!)/g)].map(([, code = ""]) => code))]
  const guest = phrase === undefined ? null : guestAfter(subject, phrase, range?.start)
  const name = guest === null ? null : PersonName.clean(guest)
  return {
    ...Evidence.none,
    codes: codes.map((value) => ({ value, source: "subject" })),
    names: name === null ? [] : [{ value: name, source: "subject" }],
    stays: range === undefined ? [] : [{ value: { from: range.from, to: range.to }, source: "subject" }],
    listings: listing === undefined ? [] : [{ value: listing, source: "subject" }],
  }
}

/** Where the subject writes of the guest what is no name, the sender's is right only if it is a part of that. */
const isContradicted = (senderName: string, { phrase, subject }: Reading): boolean => {
  const guest = phrase === undefined ? null : guestAfter(subject, phrase)
  return guest !== null && strange.test(guest) && !Text.fold(guest).includes(Text.fold(senderName))
}

/** In a name that is none. */
const strange = /[^\p{L}\p{M}\s'’ʼ`´.\-‐‑·・&]/u

const listingIn = (subject: string): string | undefined => /#\s?(\d{4,12})(?!\d)/.exec(subject)?.[1]

/** The name ends at the last colon before the days. It may begin like the word before it: `Reservation from Di Sample`. */
const guestAfter = (subject: string, { end, start }: Phrase, days = subject.length): string | null => {
  const isSaid = by.test(`${/\S+$/u.exec(subject.slice(start, end))?.[0] ?? ""} `)
  const text = Lines.normalised(subject.slice(end, Math.max(end, days)).replace(/^[\s:：-]+/u, ""))
  const named = isSaid ? text : text.replace(by, "")
  const colon = days < subject.length ? named.search(/[:：][^:：]*$/) : named.search(/[:：]/)
  return colon < 0 ? null : named.slice(0, colon)
}

/** `from`, as a word before the name. */
const by =
  /^(?:d['’](?=\p{Lu})|(?:from|by|von|de la part de|de la|de|da parte di|di|da|van|från|fra|od gosta|od|από τον|από την|από|от|від|จาก|từ|bởi|dari|vieraalta|matkustajalta|henkilöltä|käyttäjältä|door|av|af)(?:\s?[:：]\s?|\s+))/iu

const dayOf = (text: string | undefined): LocalDates.DateFound | undefined => {
  const [found] = /^\d{4}-\d{2}-\d{2}/.test(text?.trim() ?? "") ? LocalDates.find(text?.trim().slice(0, 10) ?? "") : []
  return found?._tag === "Date" ? found : undefined
}

const countOf = (text: string | undefined): number | null =>
  /^\d{1,2}$/.test(text?.trim() ?? "") ? Number(text) : null
