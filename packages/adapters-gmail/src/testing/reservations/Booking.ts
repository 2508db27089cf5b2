/** Booking.com's mail to properties: a number and a day, hardly more; the guest only where a message is relayed. */
import { type Kind } from "@holdfast/domain/reservations/ReservationFacts"
import * as Random from "@holdfast/domain/testing/population/Random"

import { bookingWords } from "./BookingWords.ts"
import { iso, type Language } from "./Calendars.ts"
import { type Block, type Draft, field, filled, link, text, title } from "./Draft.ts"
import { moneyOf, partyOf, counted, type Scene, stayed } from "./Scene.ts"
import { nothing, silent, type Truth } from "./Truth.ts"

export const kinds = {
  confirmed: 46,
  modified: 8,
  cancelled: 8,
  request_pending: 7,
  guest_message: 12,
  payout: 4,
  invoice: 4,
  review_received: 4,
  marketing: 4,
  security: 3,
} as const satisfies Partial<Record<Kind, number>>
export type BookingKind = keyof typeof kinds

export const draft = (scene: Scene, kind: BookingKind): Draft => {
  const { language, random } = scene
  const code = `${Random.between(random, 1_000, 6_999)}${Random.digits(random, 6)}`
  const hotel = Random.digits(random, 7).replace(/^0/, "1")
  return {
    language,
    from:
      kind === "guest_message"
        ? [
            scene.guest.name,
            `${code}-${tail(random)}.${tail(random)}.${tail(random)}.${tail(random)}@guest.booking.com`,
          ]
        : ["Booking.com", "noreply@booking.com"],
    signedBy: kind === "guest_message" ? Random.pick(random, ["guest.booking.com", "booking.com"]) : "booking.com",
    subject: subjectOf(scene, kind, code),
    headers: kind === "marketing" ? [["List-Unsubscribe", "<https://www.booking.com/unsubscribe>"]] : [],
    blocks: bodyOf(scene, kind, code, hotel),
    truth: truthOf(scene, kind, code, hotel),
  }
}

export const manage = (code: string, hotel: string, language: Language, session: string): string =>
  `https://admin.booking.com/hotel/hoteladmin/extranet_ng/manage/booking.html?res_id=${code}&hotel_id=${hotel}&lang=${language.slice(0, 2)}&from_confirmation_email=1&ses=${session}`

const subjectOf = (scene: Scene, kind: BookingKind, code: string): string => {
  const { language, print, random } = scene
  const words = bookingWords[language]
  if (kind === "guest_message") return filled(words.guest_message, { name: scene.guest.name })
  if (kind === "request_pending") {
    const deadline = print.dated(Math.floor(scene.receivedAt / 86_400_000) + 1)
    return `Booking.com - ${filled(words.request_pending, { date: language === "en-US" ? `10:45 AM on ${deadline}` : deadline })}`
  }
  if (kind === "payout") return `Booking.com - ${filled(scene.words.payout, { money: moneyOf(scene) })}`
  if (kind !== "confirmed" && kind !== "modified" && kind !== "cancelled") return `Booking.com - ${words[kind]}`
  const what = kind === "confirmed" && Random.chance(random, 0.2) ? words.lastMinute : words[kind]
  const wide = (language === "ja" || language === "zh") && Random.chance(random, 0.5)
  return wide
    ? `Booking.com - ${what}（${code}、${print.full(scene.checkIn)}）`
    : `Booking.com - ${what} (${code}, ${print.full(scene.checkIn)})`
}

const bodyOf = (scene: Scene, kind: BookingKind, code: string, hotel: string): ReadonlyArray<Block> => {
  const { guest, language, print, random } = scene
  const words = bookingWords[language]
  const hotelLine = text(`${scene.title} (${hotel})`)
  const phone = text(`+${Random.digits(random, 10).replace(/^0/, "4")} · VAT ${Random.digits(random, 10)}`)
  const open = link(words.number, manage(code, hotel, language, Random.digits(random, 16)))
  switch (kind) {
    case "confirmed":
    case "modified":
    case "cancelled":
      return [
        title(kind === "confirmed" ? words.newBooking : kind === "modified" ? words.wasChanged : words.wasCancelled),
        hotelLine,
        ...(Random.chance(random, 0.4) ? [field(words.number, code)] : []),
        open,
        ...(Random.chance(random, 0.5) ? [phone] : []),
      ]
    case "request_pending":
      return [
        title(words.newBooking),
        field(words.arrival, print.dated(scene.checkIn)),
        field(words.departure, print.dated(scene.checkOut)),
        field(scene.words.guests, partyOf({ ...scene, pets: 0 })),
        hotelLine,
      ]
    case "guest_message":
      return [
        title(filled(words.guest_message, { name: guest.name })),
        text("Hello, can we leave our bags before noon? Our train is 10:05."),
        field(words.guestName, guest.name),
        field(words.arrival, print.full(scene.checkIn)),
        field(words.departure, print.full(scene.checkOut)),
        field(words.number, code),
        hotelLine,
      ]
    default:
      return [
        title(subjectOf(scene, kind, code)),
        hotelLine,
        text(`${moneyOf(scene)} · ${print.dated(scene.checkIn)}`),
        phone,
      ]
  }
}

const truthOf = (scene: Scene, kind: BookingKind, code: string, hotel: string): Truth => {
  switch (kind) {
    case "confirmed":
      return {
        ...silent,
        checkIn: iso(scene.checkIn),
        confirmationCode: code,
        listing: hotel,
        platform: "booking",
        kind,
        required: new Set(["checkIn", "confirmationCode"]),
        autoAllowed: true,
      }
    case "modified":
    case "cancelled":
      return {
        ...nothing("booking", kind),
        checkIn: iso(scene.checkIn),
        confirmationCode: code,
        listing: hotel,
        required: new Set(["confirmationCode"]),
      }
    case "request_pending":
      return { ...nothing("booking", kind), ...stayed(scene), ...counted(scene) }
    case "guest_message":
      return {
        ...nothing("booking", kind),
        ...stayed(scene),
        guestName: scene.guest.name,
        confirmationCode: code,
        required: new Set(["guestName", "checkIn", "checkOut", "confirmationCode"]),
        autoAllowed: true,
      }
    default:
      return nothing("booking", kind)
  }
}

const tail = (random: Random.Random): string => {
  const letters = "abcdefghijklmnopqrstuvwxyz"
  const letter = () => letters[Random.below(random, letters.length)] ?? "a"
  return `${letter()}${letter()}${Random.digits(random, 2)}`
}
