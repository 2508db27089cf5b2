/** Airbnb's mails to hosts: `automated@` tells of reservations, `express@` relays threads. */
import * as Evidence from "./Evidence.ts"
import * as Labels from "./Labels.ts"
import type * as Links from "./Links.ts"
import * as LocalDates from "./LocalDates.ts"
import * as PersonName from "./PersonName.ts"
import { type Reading } from "./Reading.ts"
import * as Text from "./Text.ts"
import { type Witness, worth } from "./Witness.ts"

export const read = (reading: Reading, links: Links.Named): Evidence.Evidence => {
  const found = LocalDates.find(reading.subject.slice(0, 400), reading.languages)
  const guest = guestIn(reading, found)
  const body = Evidence.ofBody(reading, code)
  return Evidence.merge(
    ofSubject(reading, found, guest),
    {
      ...Evidence.none,
      codes: links.codes.map((value) => ({ value, source: "link" })),
      listings: links.listings.map((value) => ({ value, source: "link" })),
    },
    { ...body, names: body.names.flatMap((name) => (mayName(name.value, guest) ? [asked(name)] : [])) },
  )
}

/** Whether the subject names somebody who arrives: the receipt of a journey of the host's own names a place. */
export const namesGuest = (reading: Reading): boolean => {
  const guest = guestIn(reading, LocalDates.find(reading.subject.slice(0, 400), reading.languages))
  return guest !== null && (guest.isArriving || isBorneOut(guest.text, reading))
}

/** Airbnb labels no guest's name in a confirmation: where the label stands, the guest may have written it. */
const asked = (name: Witness<string>): Witness<string> => ({ ...name, atMost: worth.question })

/** Where the subject names the guest in a way that is no name here, nobody else is the guest. */
const mayName = (name: string, guest: Guest | null): boolean =>
  guest === null || PersonName.clean(guest.text) !== null || Text.fold(guest.text).includes(Text.fold(name))

/** `HM` and eight more; what only begins or ends like it, such as a claim's number, is another thing. */
export const code: Evidence.CodeShape = {
  anywhere: /(?<![\p{Script=Latin}\p{N}_/=-])(HM(?=[A-Z0-9]*\d)[A-Z0-9]{8})(?![\p{Script=Latin}\p{N}_-])/gu,
  labelled: /^[\s#:(]*(HM[A-Z0-9]{8})(?![\p{L}\p{N}_-])/u,
}

/** `Reservation confirmed - Ada Testwell arrives Dec 5`; `Canceled: Reservation HMTEST0001 for Aug 20 - 22, 2027`. */
const ofSubject = (
  reading: Reading,
  found: ReadonlyArray<LocalDates.Found>,
  guest: Guest | null,
): Evidence.Evidence => {
  const { isReply, phrase, subject } = reading
  const codes = [
    ...new Set(
      [...subject.matchAll(/(?<![\p{Script=Latin}\p{N}_-])(HM[A-Z0-9]{8})(?![\p{Script=Latin}\p{N}_-])/gu)].map(
        ([, code = ""]) => code,
      ),
    ),
  ]
  const range = rangeOf(subject, found)
  const [first] = found
  const name =
    guest !== null && (guest.isArriving || isBorneOut(guest.text, reading)) ? PersonName.clean(guest.text) : null
  // The subject of a thread has the home's name and both days.
  const mayConfirm = (phrase === undefined && range === undefined && !isReply) || phrase?.kind === "confirmed"
  const written = mayConfirm ? Evidence.namesInBody(reading, name, guest?.text) : []
  return {
    ...Evidence.none,
    codes: codes.map((value) => ({ value, source: "subject" })),
    stays: range === undefined ? [] : [{ value: { from: range.from, to: range.to }, source: "subject" }],
    arrivals:
      range === undefined && first?._tag === "Date" && phrase?.kind === "confirmed"
        ? [{ value: first, source: "subject" }]
        : [],
    names: name === null ? written : [named(name, written.length > 0 || guest?.isArriving === false), ...written],
  }
}

/** The days of the stay; where a home's name has others (`Loft, 3 - 6 Nov Street, Dec 27 – Jan 2`), those at the end. */
const rangeOf = (subject: string, found: ReadonlyArray<LocalDates.Found>): LocalDates.RangeFound | undefined => {
  const ranges = found.filter((one) => one._tag === "Range")
  const last = ranges.at(-1)
  return ranges.length < 2 || /^\P{L}{0,3}$/u.test(subject.slice(last?.end)) ? last : undefined
}

/**
 * A single word may be a name, or the beginning of one, and a last word in small letters may belong to the verb: it is
 * sure only where the body has it, or has more.
 */
const named = (name: string, isConfirmed: boolean): Witness<string> =>
  isConfirmed || (name.includes(" ") && !/^\p{Lu}.* \p{Ll}[^ ]*$/u.test(name))
    ? { value: name, source: "subject" }
    : { value: name, source: "subject", atMost: worth.even }

/** `Άφιξη Ada Testwell στις 5 Δεκ`: the arrival comes before the name. */
const arrivalFirst =
  /^(?:άφιξη|ankunft(?: von)?|arrival of|arrivée de|llegada de|arrivo di|chegada de|aankomst van|sosirea lui|يصل|تصل|وصول)\s+/iu

/** What stands before the day where the arrival comes first: `Llegada de Ada Testwell el 5 dic`. */
const beforeDay = / (?:on|le|am|el|il|em|a|op|på|pe|la|den|dia|στις|στην|в|на|في)$/u

/** `Ada Testwell will be`, `Budi Contoh akan`: in small letters, for somebody may be called Will. */
const withoutAuxiliary = (text: string): string => text.replace(auxiliary, "")

const auxiliary =
  /(?<=\S)(?: (?:will|be|is|are|has|due|to|going|now|wird|va|sta|está|vai|zal|zullen|kommer|att|at|å|bude|będzie|će|bo|fog|θα|буде|будет|ще|akan|sẽ) ?)+$|(?<=\S)\s?(?:จะ|กำลังจะ|预计|預計|将|將|会|會|即将|即將|سوف)$/u

/** Where the subject of a confirmation has the guest's name, whatever is written there. */
interface Guest {
  readonly text: string
  /** It is said to arrive, or stands before the day on which it does. */
  readonly isArriving: boolean
}

/**
 * What stands between the phrase and the last verb of arriving before the day. Names may hold such words themselves.
 * Around 2017 there was nothing else: `Reservation Confirmed - Ada Testwell`.
 */
const guestIn = ({ phrase, subject }: Reading, found: ReadonlyArray<LocalDates.Found>): Guest | null => {
  if (phrase?.kind !== "confirmed") return null
  const day = found.findLast(({ start }) => start > phrase.end)
  const text = subject.slice(phrase.end, day?.start ?? subject.length)
  // The phrase may go on a little before the dash.
  const separator =
    /^(?:[\p{L}\p{M} ]{1,12} [-–:] |[\p{L}\p{M} ]{1,16}[!！] ?|[^\p{L}\p{N}]{0,6})/u.exec(text)?.[0].length ?? 0
  const said = text.slice(separator)
  const between = said.replace(arrivalFirst, "")
  const folded = Text.fold(between)
  for (const verb of Labels.arrivalsOf(phrase.languages)) {
    for (let at = folded.lastIndexOf(verb); at > 0; at = folded.lastIndexOf(verb, at - 1)) {
      if (!Text.startsWord(folded, at) || !Text.endsWord(folded, at + verb.length)) continue
      // Little more than an article may stand between the verb and the day.
      if (folded.length - at - verb.length > 8) break
      return arriving(withoutAuxiliary(between.slice(0, at).trimEnd()))
    }
  }
  if (day === undefined)
    return / [-–—] $|[:：] ?$/.test(text.slice(0, separator)) ? { text: said, isArriving: false } : null
  if (between !== said) return arriving(between.replace(/[\s,:]+$/u, "").replace(beforeDay, ""))
  return Labels.isVerbFinal(phrase.languages) ? arriving(between.replace(/[\s,:-]+$/u, "")) : null
}

const arriving = (text: string): Guest | null => (/\p{L}/u.test(text) ? { text, isArriving: true } : null)

/** A line of the body has the first name alone, which no home's name does; or the only name that the subject has. */
const isBorneOut = (text: string, { parts }: Reading): boolean => {
  const words = Text.fold(text.trim()).split(" ")
  const given = new Set([...words.slice(0, 1), ...(Evidence.isFamilyFirst.test(text) ? words.slice(-1) : [])])
  return parts.some(({ lines }) => lines.slice(0, 60).some((line) => line.length <= 80 && given.has(Text.fold(line))))
}
