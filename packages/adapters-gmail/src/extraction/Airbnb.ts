/** Airbnb's mails to hosts: `automated@` tells of reservations, `express@` relays threads. */
import * as Evidence from "./Evidence.ts"
import * as Labels from "./Labels.ts"
import type * as Links from "./Links.ts"
import * as LocalDates from "./LocalDates.ts"
import * as PersonName from "./PersonName.ts"
import { type Reading } from "./Reading.ts"
import * as Text from "./Text.ts"
import { type Witness, worth } from "./Witness.ts"

export const read = (reading: Reading, links: Links.Named): Evidence.Evidence =>
  Evidence.merge(
    ofSubject(reading),
    {
      ...Evidence.none,
      codes: links.codes.map((value) => ({ value, source: "link" })),
      listings: links.listings.map((value) => ({ value, source: "link" })),
    },
    Evidence.ofBody(reading, code),
  )

/** `HM` and eight more; what only begins or ends like it, such as a claim's number, is another thing. */
export const code: Evidence.CodeShape = {
  anywhere: /(?<![\p{Script=Latin}\p{N}_/=-])(HM(?=[A-Z0-9]*\d)[A-Z0-9]{8})(?![\p{Script=Latin}\p{N}_-])/gu,
  labelled: /^[\s#:(]*(HM[A-Z0-9]{8})(?![\p{L}\p{N}_-])/u,
}

/** `Reservation confirmed - Ada Testwell arrives Dec 5`; `Canceled: Reservation HMTEST0001 for Aug 20 - 22, 2027`. */
const ofSubject = (reading: Reading): Evidence.Evidence => {
  const { languages, phrase, subject } = reading
  const codes = [
    ...new Set(
      [...subject.matchAll(/(?<![\p{Script=Latin}\p{N}_-])(HM[A-Z0-9]{8})(?![\p{Script=Latin}\p{N}_-])/gu)].map(
        ([, code = ""]) => code,
      ),
    ),
  ]
  const found = LocalDates.find(subject.slice(0, 400), languages)
  const range = found.find((one) => one._tag === "Range")
  const [first] = found
  const name = phrase?.kind === "confirmed" ? arrivingName(reading, found) : null
  const isConfirmed = phrase === undefined || phrase.kind === "confirmed"
  const written = isConfirmed ? Evidence.namesInBody(reading, name) : []
  return {
    ...Evidence.none,
    codes: codes.map((value) => ({ value, source: "subject" })),
    stays: range === undefined ? [] : [{ value: { from: range.from, to: range.to }, source: "subject" }],
    arrivals:
      range === undefined && first?._tag === "Date" && phrase?.kind === "confirmed"
        ? [{ value: first, source: "subject" }]
        : [],
    names: name === null ? written : [named(name, written.length > 0), ...written],
  }
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

/** What stands between the phrase and the last verb of arriving before the day. Names may hold such words themselves. */
const arrivingName = ({ phrase, subject }: Reading, found: ReadonlyArray<LocalDates.Found>): string | null => {
  if (phrase === undefined) return null
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
      return PersonName.clean(withoutAuxiliary(between.slice(0, at).trimEnd()))
    }
  }
  if (day === undefined) return null
  if (between !== said) return PersonName.clean(between.replace(/[\s,:]+$/u, "").replace(beforeDay, ""))
  return Labels.isVerbFinal(phrase.languages) ? PersonName.clean(between.replace(/[\s,:-]+$/u, "")) : null
}
