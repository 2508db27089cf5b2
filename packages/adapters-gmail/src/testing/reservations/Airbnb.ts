/** Airbnb's mail to hosts: every kind, in every language, with the template's name in a header and in the links. */
import { type Kind } from "@holdfast/domain/reservations/ReservationFacts"
import * as Random from "@holdfast/domain/testing/population/Random"

import { type Language } from "./Calendars.ts"
import { type Block, type Draft, field, filled, link, text, title } from "./Draft.ts"
import { codeOf, counted, moneyOf, nightsOf, partyOf, plural, type Scene, stayed } from "./Scene.ts"
import { nothing, silent, type Truth } from "./Truth.ts"

export const kinds = {
  confirmed: 46,
  request_pending: 4,
  request_reminder: 2,
  inquiry: 4,
  pre_approval: 2,
  alteration_requested: 3,
  alteration_accepted: 4,
  alteration_declined: 2,
  cancelled: 6,
  cancellation_request: 2,
  reminder: 4,
  guest_message: 4,
  payout: 3,
  review_received: 3,
  review_request: 2,
  claim: 2,
  invoice: 2,
  marketing: 3,
  security: 2,
} as const satisfies Partial<Record<Kind, number>>
export type AirbnbKind = keyof typeof kinds

/** The parts of a mail that tricks take hold of. */
export interface Parts {
  readonly code: string
  readonly listing: string
  /** The template's name, in the header and in the links. */
  readonly template: string | undefined
  readonly linked: string | undefined
}

export const partsOf = (scene: Scene, kind: AirbnbKind): Parts => {
  const { random } = scene
  // Rare kinds have no subject that a stranger could know: their template is always named.
  const named = !spoken.has(kind) || Random.chance(random, 0.9)
  return {
    code: `HM${codeOf(random, 8)}`,
    listing: Random.chance(random, 0.5)
      ? `90071992547${Random.digits(random, 8)}`
      : `${Random.between(random, 100_000, 2_000_000)}`,
    template: named && Random.chance(random, 0.9) ? templates[kind] : undefined,
    linked: named ? linkedTemplates[kind] : undefined,
  }
}

export const draft = (scene: Scene, kind: AirbnbKind, parts: Parts = partsOf(scene, kind)): Draft => {
  const { guest, print, random, words } = scene
  const mail = bodies[kind](scene, parts)
  const holes = {
    name: guest.name,
    first: guest.first,
    date: print.plain(scene.checkIn),
    range: print.range(scene.checkIn, scene.checkOut),
    title: scene.title,
    code: parts.code,
    money: moneyOf(scene),
  }
  return {
    language: scene.language,
    from: [Random.chance(random, 0.9) ? "Airbnb" : "", senderOf(random, kind)],
    signedBy: Random.pick(random, ["airbnb.com", "email.airbnb.com", "airbnb.com"]),
    subject: filled(mail.subject ?? subjectOf(words, kind), { ...holes, ...mail.holes }),
    headers: [
      ...(parts.template === undefined ? [] : [["X-Template", parts.template] as const]),
      ...(kind === "marketing" ? [["List-Unsubscribe", "<https://www.airbnb.com/unsubscribe>"] as const] : []),
    ],
    blocks: mail.blocks,
    truth: mail.truth,
  }
}

/** A link of Airbnb's own, which says in `c=` by which template it was written. */
export const url = (language: Language, path: string, template: string | undefined): string => {
  const said = template === undefined ? "" : `?c=.pi80.pk${Buffer.from(template).toString("base64").replace(/=+$/, "")}`
  return `https://${sites[language] ?? "www.airbnb.com"}${path}${said}${said === "" ? "?" : "&"}euid=5f1c0000-0000-4000-8000-000000000000`
}

interface Mail {
  readonly subject?: string
  readonly holes?: Readonly<Record<string, string>>
  readonly blocks: ReadonlyArray<Block>
  readonly truth: Truth
}

const senderOf = (random: Random.Random, kind: AirbnbKind): string => {
  if (kind === "guest_message" || kind === "inquiry") return "express@airbnb.com"
  return Random.weighted(random, {
    "automated@airbnb.com": 8,
    "noreply@airbnb.com": 1,
    "automated@guest.airbnb.com": 1,
  })
}

const subjectOf = (words: Scene["words"], kind: AirbnbKind): string =>
  kind === "claim" ? "Airbnb Reimbursement Request [{claim}] [{code}]" : words[kind]

/** Check-in beside check-out, with the hours. */
const days = (scene: Scene): Block => ({
  type: "columns",
  columns: [
    { label: scene.words.checkIn, value: scene.print.weekday(scene.checkIn), below: hourOf(scene, 15) },
    { label: scene.words.checkOut, value: scene.print.weekday(scene.checkOut), below: hourOf(scene, 11) },
  ],
})

const hourOf = ({ language }: Scene, hour: number): string => {
  if (language === "en-US") return hour > 12 ? `${hour - 12}:00 PM` : `${hour}:00 AM`
  return language === "fi" || language === "da" ? `${hour}.00` : `${hour}:00`
}

const details = (scene: Scene, { code, linked }: Parts): Block =>
  link(scene.words.open, url(scene.language, `/hosting/reservations/details/${code}`, linked))

const room = (scene: Scene, { linked, listing }: Parts): Block =>
  link(scene.title, url(scene.language, `/rooms/${listing}`, linked))

const help = (scene: Scene, { linked }: Parts): Block => link("Airbnb", url(scene.language, "/help", linked))

/** What stands in a confirmation and is none of its values. */
const small = (scene: Scene): ReadonlyArray<Block> => {
  const { language, print, random, words } = scene
  const all = [
    text(`${moneyOf(scene)} x ${plural(words.nights, nightsOf(scene), language)}`),
    text(filled(words.payoutOn, { date: print.plain(scene.checkIn + 1) })),
    text("+1 (555) 010-0199"),
    text("★ 4.96 · 27"),
    text(moneyOf(scene)),
  ]
  return Random.shuffled(random, all).slice(0, Random.between(random, 1, all.length))
}

const confirmed = (scene: Scene, parts: Parts): Mail => {
  const { guest, print, random, words } = scene
  const onlyFirst = Random.chance(random, 0.1)
  const heading = filled(words.heading, { first: guest.first, date: print.plain(scene.checkIn) })
  const middle = Random.shuffled(random, [
    [days(scene)],
    [field(words.guests, partyOf(scene))],
    [field(words.code, parts.code), details(scene, parts)],
  ]).flat()
  return {
    ...(onlyFirst ? { holes: { name: guest.first } } : {}),
    blocks: [title(heading), text(guest.name), room(scene, parts), ...middle, ...small(scene)],
    truth: {
      ...silent,
      ...stayed(scene),
      ...counted(scene),
      guestName: guest.name,
      confirmationCode: parts.code,
      listing: parts.listing,
      platform: "airbnb",
      kind: "confirmed",
      required: new Set(["guestName", "checkIn", "checkOut", "confirmationCode", "guestCount", "listing"]),
      autoAllowed: true,
    },
  }
}

/** Says a stay that is none, or is not yet one: hints at most. */
const hinted =
  (kind: AirbnbKind) =>
  (scene: Scene, parts: Parts): Mail => {
    const { guest, words } = scene
    return {
      blocks: [
        title(filled(words[kind === "claim" ? "heading" : kind], hints(scene, parts))),
        text(guest.first),
        days(scene),
        field(words.guests, partyOf(scene)),
        room(scene, parts),
        help(scene, parts),
      ],
      truth: {
        ...nothing("airbnb", kind),
        ...stayed(scene),
        ...counted(scene),
        guestName: guest.first,
        listing: parts.listing,
      },
    }
  }

const hints = (scene: Scene, parts: Parts): Readonly<Record<string, string>> => ({
  first: scene.guest.first,
  title: scene.title,
  range: scene.print.range(scene.checkIn, scene.checkOut),
  code: parts.code,
})

/** Has no reservation to tell of. */
const idle =
  (kind: AirbnbKind, blocks: (scene: Scene, parts: Parts) => ReadonlyArray<Block>) =>
  (scene: Scene, parts: Parts): Mail => ({
    holes: { claim: `CLSF-${Random.digits(scene.random, 8)}` },
    blocks: [...blocks(scene, parts), help(scene, parts)],
    truth: nothing("airbnb", kind),
  })

const bodies: Readonly<Record<AirbnbKind, (scene: Scene, parts: Parts) => Mail>> = {
  confirmed,
  request_pending: hinted("request_pending"),
  request_reminder: hinted("request_reminder"),
  inquiry: hinted("inquiry"),
  pre_approval: hinted("pre_approval"),
  alteration_requested: (scene, parts) => {
    const { guest, print, words } = scene
    // The old days first, then those that are only proposed.
    const shifted = { ...scene, checkIn: scene.checkIn + 3, checkOut: scene.checkOut + 4 }
    return {
      blocks: [
        title(filled(words.alteration_requested, { first: guest.first })),
        days(scene),
        days(shifted),
        text(print.range(shifted.checkIn, shifted.checkOut)),
        field(words.guests, partyOf(scene)),
        details(scene, parts),
      ],
      truth: {
        ...nothing("airbnb", "alteration_requested"),
        ...stayed(scene),
        ...counted(scene),
        guestName: guest.first,
        confirmationCode: parts.code,
      },
    }
  },
  alteration_accepted: (scene, parts) => ({
    blocks: [
      title(scene.words.alteration_accepted),
      ...(Random.chance(scene.random, 0.7) ? [field(scene.words.code, parts.code)] : []),
      details(scene, parts),
    ],
    truth: {
      ...nothing("airbnb", "alteration_accepted"),
      confirmationCode: parts.code,
      required: new Set(["confirmationCode"]),
      autoAllowed: true,
    },
  }),
  alteration_declined: (scene, parts) => ({
    blocks: [title(scene.words.alteration_declined), days(scene), details(scene, parts)],
    truth: {
      ...nothing("airbnb", "alteration_declined"),
      ...stayed(scene),
      confirmationCode: parts.code,
    },
  }),
  cancelled: (scene, parts) => {
    const { guest, language, print, random, words } = scene
    const guests = scene.adults + scene.children
    const inBody = filled(words.cancelled, { code: parts.code, range: print.range(scene.checkIn, scene.checkOut) })
    return {
      blocks: [
        title(inBody),
        text(guest.first),
        text(plural(words.guestCount, guests, language)),
        ...(Random.chance(random, 0.5) ? [details(scene, parts)] : [help(scene, parts)]),
      ],
      truth: {
        ...nothing("airbnb", "cancelled"),
        ...stayed(scene),
        guestName: guest.first,
        guestCount: guests,
        confirmationCode: parts.code,
        required: new Set(["confirmationCode", "checkIn", "checkOut"]),
      },
    }
  },
  cancellation_request: (scene, parts) => ({
    blocks: [
      title(filled(scene.words.cancellation_request, hints(scene, parts))),
      text(scene.print.range(scene.checkIn, scene.checkOut)),
      details(scene, parts),
    ],
    truth: {
      ...nothing("airbnb", "cancellation_request"),
      ...stayed(scene),
      guestName: scene.guest.first,
      confirmationCode: parts.code,
    },
  }),
  reminder: (scene, parts) => {
    // It comes days before the guest.
    const { guest, words } = scene
    return {
      blocks: [
        title(filled(words.reminder, { first: guest.first })),
        text(guest.name),
        days(scene),
        field(words.guests, partyOf(scene)),
        field(words.code, parts.code),
        details(scene, parts),
      ],
      truth: {
        ...nothing("airbnb", "reminder"),
        ...stayed(scene),
        ...counted(scene),
        guestName: guest.name,
        confirmationCode: parts.code,
        required: new Set(["checkIn", "checkOut", "confirmationCode", "guestCount"]),
        autoAllowed: true,
      },
    }
  },
  guest_message: (scene, parts) => ({
    holes: { range: scene.print.plainRange(scene.checkIn, scene.checkOut) },
    blocks: [
      title(scene.guest.first),
      text(Random.pick(scene.random, messages)),
      link("Airbnb", url(scene.language, `/hosting/thread/${Random.digits(scene.random, 9)}`, parts.linked)),
    ],
    truth: { ...nothing("airbnb", "guest_message"), ...stayed(scene), guestName: scene.guest.first },
  }),
  payout: idle("payout", (scene, parts) => [
    title(filled(scene.words.payout, { money: moneyOf(scene) })),
    text(`${parts.code} · ${scene.guest.name} · ${scene.print.range(scene.checkIn, scene.checkOut)}`),
    ...Array.from({ length: Random.between(scene.random, 1, 4) }, () =>
      text(`HM${codeOf(scene.random, 8)} · ${moneyOf(scene)}`),
    ),
  ]),
  review_received: idle("review_received", (scene) => [
    title(filled(scene.words.review_received, { first: scene.guest.first })),
    text(`${scene.title} · ${scene.print.range(scene.checkIn - 30, scene.checkOut - 30)}`),
  ]),
  review_request: idle("review_request", (scene) => [
    title(filled(scene.words.review_request, { first: scene.guest.first })),
    text(scene.print.range(scene.checkIn - 30, scene.checkOut - 30)),
  ]),
  claim: idle("claim", (scene, parts) => [
    title("Reimbursement Request"),
    text(`${parts.code} · CLA-${Random.digits(scene.random, 6)}`),
    text(moneyOf(scene)),
  ]),
  invoice: idle("invoice", (scene, parts) => [
    title(scene.words.invoice),
    text(`${parts.code} · ${scene.print.dated(scene.checkIn)} · ${moneyOf(scene)}`),
  ]),
  marketing: idle("marketing", (scene) => [title(scene.words.marketing), text(scene.print.dated(scene.checkIn))]),
  security: idle("security", (scene) => [
    title(scene.words.security),
    text(Random.digits(scene.random, 6)),
    text(scene.print.dated(scene.checkIn)),
  ]),
}

const messages: readonly [string, ...Array<string>] = [
  "Hello! Is there a parking place nearby? We would come at about 16:00.",
  "Bonjour, à quelle heure pouvons-nous arriver ?",
  "Hallo, können wir am 3. später kommen?",
  "Thanks a lot, see you on Friday",
  "ありがとうございます。",
]

/** Kinds whose subjects are so common that programs know them in many languages. */
const spoken: ReadonlySet<AirbnbKind> = new Set([
  "confirmed",
  "request_pending",
  "inquiry",
  "cancelled",
  "reminder",
  "payout",
  "review_received",
])

const templates: Readonly<Record<AirbnbKind, string>> = {
  confirmed: "reservation/host_confirmation",
  request_pending: "reservation/host_request",
  request_reminder: "reservation/host_request_reminder",
  inquiry: "inquiry/host_inquiry",
  pre_approval: "inquiry/host_preapproval_sent",
  alteration_requested: "reservation/host_alteration_requested",
  alteration_accepted: "reservation/host_alteration_accepted",
  alteration_declined: "reservation/host_alteration_declined",
  cancelled: "reservation/host_cancellation_by_guest",
  cancellation_request: "reservation/host_cancellation_request",
  reminder: "reservation/host_reservation_reminder",
  guest_message: "messaging/host_new_message",
  payout: "payments/host_payout_sent",
  review_received: "reviews/host_review_received",
  review_request: "reviews/host_review_request",
  claim: "resolution/host_claim_update",
  invoice: "payments/host_vat_invoice",
  marketing: "marketing/host_newsletter",
  security: "account/security_new_login",
}

const linkedTemplates: Readonly<Record<AirbnbKind, string>> = {
  confirmed: "booking/v2_migration/reservation_host_confirmation",
  request_pending: "booking/v2_migration/reservation_host_request",
  request_reminder: "booking/v2_migration/reservation_host_request_reminder",
  inquiry: "booking/v2_migration/inquiry_host_inquiry",
  pre_approval: "booking/v2_migration/inquiry_host_preapproval",
  alteration_requested: "booking/v2_migration/reservation_host_alteration_requested",
  alteration_accepted: "booking/v2_migration/reservation_host_alteration_accepted",
  alteration_declined: "booking/v2_migration/reservation_host_alteration_declined",
  cancelled: "booking/v2_migration/reservation_host_cancellation",
  cancellation_request: "booking/v2_migration/reservation_host_cancellation_request",
  reminder: "booking/v2_migration/reservation_host_reminder",
  guest_message: "messaging/v2_migration/host_new_message",
  payout: "payments/v2_migration/host_payout_sent",
  review_received: "reviews/v2_migration/host_review_received",
  review_request: "reviews/v2_migration/host_review_request",
  claim: "resolution/v2_migration/host_claim_update",
  invoice: "payments/v2_migration/host_vat_invoice",
  marketing: "marketing/v2_migration/host_newsletter",
  security: "account/v2_migration/security_new_login",
}

const sites: Partial<Readonly<Record<Language, string>>> = {
  "en-GB": "www.airbnb.co.uk",
  fr: "www.airbnb.fr",
  de: "www.airbnb.de",
  es: "www.airbnb.es",
  it: "www.airbnb.it",
  pt: "www.airbnb.pt",
  nl: "www.airbnb.nl",
  pl: "www.airbnb.pl",
  cs: "www.airbnb.cz",
  sv: "www.airbnb.se",
  da: "www.airbnb.dk",
  fi: "www.airbnb.fi",
  hu: "www.airbnb.hu",
  el: "www.airbnb.gr",
  tr: "www.airbnb.com.tr",
  ja: "www.airbnb.jp",
  ko: "www.airbnb.co.kr",
  vi: "www.airbnb.com.vn",
}
