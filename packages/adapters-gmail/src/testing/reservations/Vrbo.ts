/** Mail of the Vrbo family to owners: headers that name the message, labels with their values below. */
import { type Kind } from "@holdfast/domain/reservations/ReservationFacts"
import * as Random from "@holdfast/domain/testing/population/Random"

import { iso, type Language } from "./Calendars.ts"
import { type Block, type Draft, field, filled, link, text, title } from "./Draft.ts"
import { codeOf, counted, moneyOf, nightsOf, partyOf, plural, type Scene, stayed } from "./Scene.ts"
import { nothing, silent, type Truth } from "./Truth.ts"
import { vrboWords } from "./VrboWords.ts"

export const kinds = {
  confirmed: 52,
  request_pending: 9,
  inquiry: 9,
  guest_message: 9,
  cancelled: 8,
  payout: 5,
  review_received: 4,
  review_request: 4,
} as const satisfies Partial<Record<Kind, number>>
export type VrboKind = keyof typeof kinds

export const draft = (scene: Scene, kind: VrboKind): Draft => {
  const { guest, language, random } = scene
  const words = vrboWords[language]
  const code = `HA-${codeOf(random, 6)}`
  const listing = `${Random.between(random, 100_000, 9_999_999)}`
  const brand = brandOf(random, language)
  const range = rangeOf(scene)
  const holes = { name: guest.name, first: guest.first, range, brand, listing, money: moneyOf(scene) }
  const pattern = kind === "guest_message" ? words.reserved : words[kind]
  const about = idle.has(kind)
    ? [title(filled(pattern, holes)), text(`#${listing}`), text(`RES-${Random.digits(random, 5)}`)]
    : [title(filled(pattern, holes)), ...body(scene, kind, { code, listing, range })]
  const from = senderOf(scene, kind)
  return {
    language,
    from,
    signedBy: signerOf(random, from[1]),
    subject: filled(pattern, holes),
    headers: headersOf(scene, kind, listing),
    blocks: [...about, link(brand, `https://www.${siteOf(brand)}/supply/inbox?unit=unit_${listing}`)],
    truth: truthOf(scene, kind, code, listing),
  }
}

const idle: ReadonlySet<VrboKind> = new Set(["payout", "review_received", "review_request"])

const body = (
  scene: Scene,
  kind: VrboKind,
  { code, listing, range }: { readonly code: string; readonly listing: string; readonly range: string },
): ReadonlyArray<Block> => {
  const { guest, language, random } = scene
  const words = vrboWords[language]
  const nights = plural(scene.words.nights, nightsOf(scene), language)
  const values = Random.shuffled(random, [
    ...(kind === "confirmed" || kind === "cancelled" ? [field(words.reservationId, code)] : []),
    field(words.dates, Random.chance(random, 0.7) ? `${range}, ${nights}` : range),
    field(scene.words.guests, partyOf({ ...scene, pets: 0 })),
    field(words.traveler, guest.name),
  ])
  return [
    ...values,
    text(`${scene.title} #${listing}`),
    text(Random.chance(random, 0.5) ? words.placeholder : "+1 555 0100"),
    text(moneyOf(scene)),
    ...(kind === "guest_message" || kind === "inquiry" ? [text("Hello, is the house close to the beach?")] : []),
  ]
}

const truthOf = (scene: Scene, kind: VrboKind, code: string, listing: string): Truth => {
  if (idle.has(kind)) return nothing("vrbo", kind)
  const said = { ...stayed(scene), ...counted(scene), guestName: scene.guest.name, listing }
  if (kind === "confirmed")
    return {
      ...silent,
      ...said,
      confirmationCode: code,
      platform: "vrbo",
      kind,
      required: new Set(["guestName", "checkIn", "checkOut", "confirmationCode", "guestCount", "listing"]),
      autoAllowed: true,
    }
  if (kind === "cancelled")
    return {
      ...nothing("vrbo", kind),
      ...said,
      confirmationCode: code,
      required: new Set(["checkIn", "checkOut", "confirmationCode"]),
    }
  return { ...nothing("vrbo", kind), ...said }
}

const senderOf = ({ guest, random }: Scene, kind: VrboKind): readonly [string, string] => {
  if (kind === "review_received" || kind === "review_request") return ["Vrbo", "noreply@reviews.homeaway.com"]
  if (kind === "payout") return ["Vrbo", "vrbo@partners.expediagroup.com"]
  return Random.chance(random, 0.7)
    ? [guest.name, "sender@messages.homeaway.com"]
    : [Random.chance(random, 0.5) ? "Vrbo" : guest.name, "messaging@messages.vrbo.com"]
}

const signerOf = (random: Random.Random, address: string): string => {
  const domain = address.slice(address.indexOf("@") + 1)
  return Random.chance(random, 0.5) ? domain : domain.split(".").slice(-2).join(".")
}

/** The message's type is missing at times; the same one stands on several sorts of mail about reservations. */
const headersOf = (scene: Scene, kind: VrboKind, listing: string): Draft["headers"] => {
  const { random } = scene
  const types: Partial<Readonly<Record<VrboKind, readonly [string, ...Array<string>]>>> = {
    inquiry: ["INQUIRY", "NEW_INQUIRY"],
    request_pending: ["NEW_BOOKING_REQUEST"],
    guest_message: ["REPLIED"],
  }
  const always = types[kind]
  const type =
    always === undefined
      ? Random.chance(random, 0.3) && !idle.has(kind)
        ? "RESERVATION_ACTION_EMAIL_BLANK"
        : undefined
      : Random.pick(random, always)
  if (type === undefined) return []
  return [
    ["X-Mediated-Site", "homeaway_us"],
    ["X-Mediated-Message-Type", type],
    ...(Random.chance(random, 0.6)
      ? [
          ["X-Inquiry-Arrival", iso(scene.checkIn)] as const,
          ["X-Inquiry-Departure", iso(scene.checkOut)] as const,
          ["X-Inquiry-Adults", `${scene.adults}`] as const,
          ["X-Inquiry-Children", `${scene.children}`] as const,
          ["X-Inquiry-Listing", listing] as const,
        ]
      : []),
  ]
}

/** One year for a range, both across New Year; within a month the month is said twice or once. */
const rangeOf = ({ checkIn, checkOut, language, print, random }: Scene): string => {
  const withinYear = iso(checkIn).slice(0, 4) === iso(checkOut).slice(0, 4)
  const yearLast = !["hu", "ja", "ko", "zh"].includes(language)
  if (Random.chance(random, 0.4)) return print.range(checkIn, checkOut)
  return withinYear && yearLast
    ? `${print.plain(checkIn)} - ${print.dated(checkOut)}`
    : `${print.dated(checkIn)} - ${print.dated(checkOut)}`
}

const brandOf = (random: Random.Random, language: Language): string => {
  if (language === "de") return "FeWo-direkt.de"
  if (language === "fr") return "Abritel.fr"
  return Random.weighted(random, { Vrbo: 8, HomeAway: 2 })
}

const siteOf = (brand: string): string => {
  if (brand === "FeWo-direkt.de") return "fewo-direkt.de"
  return brand === "Abritel.fr" ? "abritel.fr" : brand === "HomeAway" ? "homeaway.com" : "vrbo.com"
}
