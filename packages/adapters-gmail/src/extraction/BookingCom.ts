/**
 * Booking.com's mails. Those about a reservation bear its number and the day of arrival and nothing else; the guest is
 * named only in what the guest writes, which comes through a relay.
 */
import * as Authenticity from "./Authenticity.ts"
import * as Evidence from "./Evidence.ts"
import * as Links from "./Links.ts"
import * as LocalDates from "./LocalDates.ts"
import { type Reading } from "./Reading.ts"

export const read = (reading: Reading, address: string): Evidence.Evidence => {
  const links = Links.named(reading.links, "booking")
  const relayed = Authenticity.relayNumber(address)
  const body = Evidence.ofBody(reading, code)
  return Evidence.merge(
    { ...Evidence.none, codes: relayed === undefined ? [] : [{ value: relayed, source: "header" }] },
    ofSubject(reading),
    {
      ...Evidence.none,
      codes: links.codes.map((value) => ({ value, source: "link" })),
      listings: links.listings.map((value) => ({ value, source: "link" })),
    },
    { ...body, codes: body.codes.map(({ source, value }) => ({ value: value.replaceAll(".", ""), source })) },
  )
}

/** Ten digits, which guests see with dots. Alone they may be anything, a telephone above all. */
const code: Evidence.CodeShape = {
  anywhere: null,
  labelled: /^[\s#:(]*(\d{10}|\d{4}\.\d{3}\.\d{3})(?![\p{L}\p{N}_.-])/u,
}

/** `Booking.com - New booking! (5550000001, Wednesday, 2 June 2027)`. */
const ofSubject = ({ languages, subject }: Reading): Evidence.Evidence => {
  const found = /[(（]\s?(\d{10})(?!\d)([^)）]{0,120})[)）]?/.exec(subject)
  if (found === null) return Evidence.none
  const [, number = "", rest = ""] = found
  const [day] = LocalDates.dates(LocalDates.find(rest, languages))
  return {
    ...Evidence.none,
    codes: [{ value: number, source: "subject" }],
    arrivals: day === undefined ? [] : [{ value: day, source: "subject" }],
  }
}
