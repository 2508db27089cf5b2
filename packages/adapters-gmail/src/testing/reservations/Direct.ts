/** Mail of property managers' own engines: one that many use, and sites that say it in structured data too. */
import { type Kind } from "@holdfast/domain/reservations/ReservationFacts"
import * as Random from "@holdfast/domain/testing/population/Random"

import { iso } from "./Calendars.ts"
import { type Draft, field, filled, link, text, title } from "./Draft.ts"
import { codeOf, counted, moneyOf, nightsOf, partyOf, plural, type Scene, stayed } from "./Scene.ts"
import { nothing, silent, type Truth } from "./Truth.ts"
import { vrboWords } from "./VrboWords.ts"

export const lodgifyKinds = {
  confirmed: 60,
  request_pending: 15,
  inquiry: 15,
  cancelled: 10,
} as const satisfies Partial<Record<Kind, number>>
export type LodgifyKind = keyof typeof lodgifyKinds

export const engineKinds = { confirmed: 85, cancelled: 15 } as const satisfies Partial<Record<Kind, number>>
export type EngineKind = keyof typeof engineKinds

/** In English only. */
export const lodgify = (scene: Scene, kind: LodgifyKind): Draft => {
  const { guest, print, random } = scene
  const code = `B${Random.digits(random, 8)}`
  const heading = {
    confirmed: "New Confirmed Booking",
    request_pending: "New Booking Request",
    inquiry: "New Inquiry",
    cancelled: "Booking Cancelled",
  }[kind]
  return {
    language: scene.language,
    from: ["Lodgify", "noreply@lodgify.com"],
    signedBy: "lodgify.com",
    subject: `${heading}: ${guest.name} #${code}`,
    headers: [],
    blocks: [
      title(heading),
      ...Random.shuffled(random, [
        field("Name", guest.name),
        field("Arrival", print.dated(scene.checkIn)),
        field("Departure", print.dated(scene.checkOut)),
        field("Guests", `${scene.adults + scene.children}`),
        field("Nights", `${nightsOf(scene)}`),
        field("Booking ID", code),
        field("Property", scene.title),
      ]),
      text(moneyOf(scene)),
      link("View booking", `https://app.lodgify.com/#/reservation/inbox/${code}`),
    ],
    truth: {
      ...silent,
      ...stayed(scene),
      guestName: guest.name,
      guestCount: scene.adults + scene.children,
      confirmationCode: code,
      platform: "pms",
      kind,
      required: new Set(
        kind === "confirmed" ? ["guestName", "checkIn", "checkOut", "confirmationCode", "guestCount"] : [],
      ),
      autoAllowed: kind === "confirmed",
    },
  }
}

export const domain = "reservations.seehaus-muster.test"

/**
 * A booking engine that nobody knows: a person looks at what it says. Every other such mail is about a journey of the
 * host's own, who is a guest there: nothing in the mail tells them apart, and no booking can learn anything from it.
 */
export const engine = (scene: Scene, kind: EngineKind): Draft => {
  const { guest, language, print, random, words } = scene
  const words2 = vrboWords[language]
  const code = Random.pick(random, [
    `SH-${Random.between(random, 2025, 2029)}-${Random.digits(random, 4)}`,
    codeOf(random, 7),
    `${Random.between(random, 10_000, 99_999)}`,
  ])
  const rooms = Random.chance(random, 0.2) ? Random.between(random, 2, 4) : null
  const told = truthOf(scene, kind, code, language.startsWith("en") ? rooms : null)
  return {
    language,
    from: ["Seehaus Muster", `booking@${domain}`],
    signedBy: domain,
    subject:
      kind === "confirmed"
        ? filled(words.confirmed, { name: guest.name, date: print.plain(scene.checkIn) })
        : filled(words.cancelled, { code, range: print.range(scene.checkIn, scene.checkOut) }),
    headers: [],
    blocks: [
      title(scene.title),
      field(words2.reservationId, code),
      field(words2.traveler, guest.name),
      field(words.checkIn, print.dated(scene.checkIn)),
      field(words.checkOut, print.dated(scene.checkOut)),
      field(words.guests, partyOf({ ...scene, pets: 0 })),
      text(plural(words.nights, nightsOf(scene), language)),
      ...(rooms === null || !language.startsWith("en") ? [] : [field("Rooms", `${rooms}`)]),
    ],
    structured: JSON.stringify(reservation(scene, kind, code)),
    truth: Random.chance(random, 0.5)
      ? { ...nothing("pms", kind), otherwise: told }
      : { ...told, otherwise: nothing("pms", kind) },
  }
}

const truthOf = (scene: Scene, kind: EngineKind, code: string, rooms: number | null): Truth => {
  const said = { ...stayed(scene), ...counted(scene), guestName: scene.guest.name, confirmationCode: code, rooms }
  return kind === "confirmed"
    ? {
        ...silent,
        ...said,
        platform: "pms",
        kind,
        required: new Set(["guestName", "checkIn", "checkOut", "confirmationCode"]),
        autoAllowed: false,
      }
    : { ...nothing("pms", kind), ...said }
}

/** A `LodgingReservation` as engines write it: by the names of Google's guide or of schema.org. */
export const reservation = (scene: Scene, kind: EngineKind, code: string): Readonly<Record<string, unknown>> => {
  const { random } = scene
  const google = Random.chance(random, 0.5)
  const zone = Random.pick(random, ["+01:00", "-08:00", "Z", "+09:00"])
  const moment = (day: number, hour: string) =>
    Random.chance(random, 0.4) ? iso(day) : `${iso(day)}T${hour}:00${zone}`
  const status = { confirmed: "Confirmed", cancelled: "Cancelled" }[kind]
  return {
    "@context": "http://schema.org",
    "@type": "LodgingReservation",
    reservationNumber: code,
    reservationStatus: Random.chance(random, 0.5)
      ? `http://schema.org/${status}`
      : `https://schema.org/Reservation${status}`,
    underName: { "@type": "Person", name: scene.guest.name },
    reservationFor: {
      "@type": Random.pick(random, ["LodgingBusiness", "Hotel", "BedAndBreakfast"]),
      name: scene.title,
      address: { "@type": "PostalAddress", addressLocality: "Exampleton" },
    },
    [google ? "checkinDate" : "checkinTime"]: moment(scene.checkIn, "15:00"),
    [google ? "checkoutDate" : "checkoutTime"]: moment(scene.checkOut, "11:00"),
    ...(Random.chance(random, 0.5) ? { numAdults: scene.adults, numChildren: scene.children } : {}),
  }
}
