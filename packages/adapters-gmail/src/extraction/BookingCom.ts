/**
 * Booking.com's mails. Those about a reservation bear its number and the day of arrival and nothing else; the guest is
 * named only in what the guest writes, which comes through a relay.
 */
import * as Authenticity from "./Authenticity.ts"
import * as Evidence from "./Evidence.ts"
import * as Lines from "./Lines.ts"
import * as Links from "./Links.ts"
import * as LocalDates from "./LocalDates.ts"
import * as PersonName from "./PersonName.ts"
import { type Reading } from "./Reading.ts"
import * as Text from "./Text.ts"

export const read = (
  reading: Reading,
  sender: { readonly address: string; readonly name: string } | null,
): Evidence.Evidence => {
  const links = Links.named(reading.links, "booking")
  const body = Evidence.ofBody(reading, code)
  return Evidence.merge(
    sender === null ? Evidence.none : ofRelay(sender, body),
    ofSubject(reading),
    {
      ...Evidence.none,
      codes: links.codes.map((value) => ({ value, source: "link" })),
      listings: links.listings.map((value) => ({ value, source: "link" })),
    },
    { ...body, codes: body.codes.map(({ source, value }) => ({ value: value.replace(/[.-]/g, ""), source })) },
  )
}

/** Ten digits, which guests see with dots. Alone they may be anything, a telephone above all. */
const code: Evidence.CodeShape = {
  anywhere: null,
  labelled: /^[\s#:(]*(\d{10}|\d{4}([.-])\d{3}\2\d{3})(?![\p{L}\p{N}_.-])/u,
}

/** The relay's address has the number, and its name is the guest's: what stands below it is what the guest likes to write. */
const ofRelay = (
  { address, name }: { readonly address: string; readonly name: string },
  { names }: Evidence.Evidence,
): Evidence.Evidence => {
  const number = Authenticity.relayNumber(address)
  const guest = number === undefined ? null : relayedName(name)
  // A fuller name than the relay's is not one that the relay says.
  const isOutdone =
    guest !== null && names.some(({ value }) => Evidence.isFullerName(Text.fold(value), Text.fold(guest)))
  return {
    ...Evidence.none,
    codes: number === undefined ? [] : [{ value: number, source: "header" }],
    names: guest === null || isOutdone ? [] : [{ value: guest, source: "header" }],
  }
}

/** `Ada Testwell via Booking.com`. */
const relayedName = (name: string): string | null => {
  const guest = by.exec(Lines.normalised(name))?.[1]
  return guest === undefined ? null : PersonName.clean(guest)
}

const by =
  /^(.{2,120}?) (?:(?:via|über|a través de|através d[aeo]|pel[ao]|por|par|tramite|door|prostřednictvím|přes|prostredníctvom|przez|za pośrednictwem|genom|gennem|gjennom|putem|preko|prin|prin intermediul|чрез|через|μέσω|qua|melalui|a|通过|透過|ผ่าน) )?Booking\.com(?:(?::?in)? kautta| aracılığıyla| üzerinden|-on keresztül|経由| 경유|(?:을|를) 통해)?$/iu

/** `Booking.com - New booking! (5550000001, Wednesday, 2 June 2027)`. */
const ofSubject = ({ languages, subject }: Reading): Evidence.Evidence => {
  const found = [...subject.matchAll(/[(（]\s?(\d{10})(?!\d)([^)）]{0,120})[)）]?/g)]
  return {
    ...Evidence.none,
    codes: found.flatMap(([, value = "", rest = ""]) =>
      [value, ...(rest.match(/(?<!\d)\d{10}(?!\d)/g) ?? [])].map((value) => ({ value, source: "subject" })),
    ),
    arrivals: found.flatMap(([, , rest = ""]) => {
      const [value] = LocalDates.dates(LocalDates.find(rest, languages))
      return value === undefined ? [] : [{ value, source: "subject" }]
    }),
  }
}
