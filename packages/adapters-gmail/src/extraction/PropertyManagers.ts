/** The mails of property managers' own booking engines: everything is labelled, or said to machines. */
import * as Evidence from "./Evidence.ts"
import * as PersonName from "./PersonName.ts"
import { type Reading } from "./Reading.ts"

export const read = (reading: Reading): Evidence.Evidence =>
  Evidence.merge(ofSubject(reading), Evidence.ofBody(reading, code))

/** Whether a mail of nobody in particular tells of a reservation: a known phrase, an arrival, and a code. */
export const isOne = (reading: Reading, evidence: Evidence.Evidence): boolean =>
  reading.phrase !== undefined &&
  evidence.codes.length > 0 &&
  (evidence.arrivals.length > 0 || evidence.stays.length > 0 || reading.phrase.kind === "cancelled")

const code: Evidence.CodeShape = {
  anywhere: null,
  labelled: /^[\s#:(]*((?=[A-Za-z-]*\d)[A-Za-z0-9][A-Za-z0-9-]{3,31})(?![\p{L}\p{N}_.-])/u,
}

/** `New Confirmed Booking: Bruno Beispiel #B00000001`. */
const ofSubject = ({ phrase, subject }: Reading): Evidence.Evidence => {
  const code = /#\s?(B\d{6,10})(?![\p{L}\p{N}_-])/u.exec(subject)
  const between =
    phrase === undefined || code === null || code.index < phrase.end ? "" : subject.slice(phrase.end, code.index)
  const name = PersonName.clean(between.replace(/^[\s:,!-]+|[\s(,-]+$/gu, ""))
  return {
    ...Evidence.none,
    codes: code?.[1] === undefined ? [] : [{ value: code[1], source: "subject" }],
    names: name === null ? [] : [{ value: name, source: "subject" }],
  }
}
