/**
 * What happens in the simulated mailboxes and calendars: three stays that were booked on three platforms, one that no
 * calendar shows yet, and mail that is none of it. All people, places and codes are invented.
 */
import { Mails } from "@holdfast/adapters-gmail/testing"
import { type ReservationFacts } from "@holdfast/domain"
import { DateTime } from "effect"

/** The mails and calendars of somebody whose first mail came on this day. */
export const of = (first: DateTime.Utc) => {
  const day = (offset: number) => DateTime.add(first, { days: offset })
  return { mails: mailsOf(day), calendars: calendarsOf(day) }
}

/** A calendar as the platform serves it. */
export interface Calendar {
  readonly platform: ReservationFacts.Platform
  readonly listing: string
  readonly text: string
}

type Day = (offset: number) => DateTime.Utc

const listings = { airbnb: "9007199254740993001", vrbo: "1234567", booking: "12345" }

const authentic = (domain: string) => ({
  "Authentication-Results": `mx.google.com; dkim=pass header.i=@${domain} header.d=${domain}; spf=pass smtp.mailfrom=${domain}; dmarc=pass header.from=${domain}`,
})

const mailsOf = (day: Day) => {
  const date = DateTime.toDateUtc(day(0))
  const airbnb = (name: string, code: string, arrival: number, nights: number, guests: string) =>
    Mails.mailOf({
      from: "Airbnb <automated@airbnb.com>",
      subject: `Reservation confirmed - ${name} arrives ${short(day(arrival))}`,
      text: [
        `New booking confirmed! ${name} arrives ${short(day(arrival))}.`,
        `https://www.airbnb.com/rooms/${listings.airbnb}`,
        "Check-in",
        weekday(day(arrival)),
        "Checkout",
        weekday(day(arrival + nights)),
        `${nights} nights`,
        "Guests",
        guests,
        "Confirmation code",
        code,
        `https://www.airbnb.com/hosting/reservations/details/${code}`,
        "",
      ].join("\r\n"),
      date,
      messageId: `${code.toLowerCase()}@mail.example.com`,
      headers: { ...authentic("airbnb.com"), "X-Template": "reservation/host_confirmation" },
    })
  return [
    airbnb("Marta Lindqvist", "HMA7K2X9QF", 24, 3, "2 adults"),
    Mails.mailOf({
      from: '"Zoë Müller-Okafor" <sender@messages.homeaway.com>',
      subject: `Instant Booking from Zoë Müller-Okafor: ${short(day(38))} - ${short(day(45))}, ${year(day(45))} - Vrbo #${listings.vrbo}`,
      text: [
        "Zoë Müller-Okafor has booked your property.",
        "Reservation ID:",
        "HA-4JX9QP",
        "Dates:",
        `${dated(day(38))} - ${dated(day(45))}, 7 nights`,
        "Guests:",
        "3 adults, 1 child",
        "",
      ].join("\r\n"),
      date,
      messageId: "v1.booking@mail.example.com",
      headers: authentic("messages.homeaway.com"),
    }),
    Mails.mailOf({
      from: "Booking.com <noreply@booking.com>",
      subject: `Booking.com - New booking! (4127730985, ${full(day(47))})`,
      text: [
        "You have a new booking.",
        `https://admin.booking.com/hotel/hoteladmin/extranet_ng/manage/booking.html?res_id=4127730985&hotel_id=${listings.booking}`,
        "",
      ].join("\r\n"),
      date,
      messageId: "b1.new@mail.example.com",
      headers: authentic("booking.com"),
    }),
    airbnb("Bruno Beispiel", "HMB3T5Y8WN", 60, 4, "4 adults, 1 infant"),
    // It pretends: the address is another one.
    Mails.mailOf({
      from: '"automated@airbnb.com" <host-support@example.net>',
      subject: `Reservation confirmed - Mallory arrives ${short(day(24))}`,
      text: `Confirmation code\r\nHMA7K2X9QF\r\nGuests\r\n9 adults\r\n`,
      date,
      messageId: "e1.pretends@mail.example.net",
      headers: { "Authentication-Results": "mx.google.com; dkim=pass header.d=example.net" },
    }),
    Mails.mailOf({
      from: "Airbnb <automated@airbnb.com>",
      subject: "We sent a payout of $952.00 USD",
      text: "Reservations\r\nHMA7K2X9QF\r\nHMB3T5Y8WN\r\n",
      date,
      messageId: "a2.payout@mail.example.com",
      headers: { ...authentic("airbnb.com"), "X-Template": "payout/sent" },
    }),
    Mails.mailOf({
      from: "Harbour Linen <news@example.org>",
      subject: "Winter sheets are here",
      text: "Nothing here is a reservation.\r\n",
      date,
      messageId: "n1.news@mail.example.org",
    }),
  ]
}

/** Without names, as platforms serve them; that of Vrbo without its codes too. */
const calendarsOf = (day: Day): ReadonlyMap<string, Calendar> =>
  new Map<string, Calendar>([
    [
      "sea-view",
      {
        platform: "airbnb",
        listing: listings.airbnb,
        text: calendar(
          event(
            "1f2e-a7@airbnb.com",
            day(24),
            day(27),
            "Reserved",
            "Reservation URL: https://www.airbnb.com/hosting/reservations/details/HMA7K2X9QF\\nPhone Number (Last 4 Digits): 0100",
          ),
          event("1f2e-b8@airbnb.com", day(28), day(30), "Airbnb (Not available)"),
        ),
      },
    ],
    [
      "boathouse",
      {
        platform: "vrbo",
        listing: listings.vrbo,
        text: calendar(
          event("vr-31@example.com", day(38), day(45), "Reserved"),
          event("vr-32@example.com", day(50), day(52), "Blocked"),
        ),
      },
    ],
    [
      "lodge",
      {
        platform: "booking",
        listing: listings.booking,
        text: calendar(event("bk-77@booking.com", day(47), day(49), "CLOSED - Not available")),
      },
    ],
  ])

const calendar = (...events: ReadonlyArray<string>) =>
  ["BEGIN:VCALENDAR", "PRODID:-//Simulated//EN", "VERSION:2.0", ...events, "END:VCALENDAR", ""].join("\r\n")

const event = (uid: string, from: DateTime.Utc, to: DateTime.Utc, summary: string, description?: string) =>
  [
    "BEGIN:VEVENT",
    `UID:${uid}`,
    `DTSTART;VALUE=DATE:${basic(from)}`,
    `DTEND;VALUE=DATE:${basic(to)}`,
    `SUMMARY:${summary}`,
    ...(description === undefined ? [] : [`DESCRIPTION:${description}`]),
    "END:VEVENT",
  ].join("\r\n")

const basic = (day: DateTime.Utc) => DateTime.formatIsoDateUtc(day).replaceAll("-", "")

const formatted =
  (locale: string, options: Intl.DateTimeFormatOptions) =>
  (day: DateTime.Utc): string =>
    DateTime.formatUtc(day, { locale, ...options })

/** `Dec 5` */
const short = formatted("en-US", { month: "short", day: "numeric" })
/** `Sat, Dec 5` */
const weekday = formatted("en-US", { weekday: "short", month: "short", day: "numeric" })
/** `Dec 5, 2026` */
const dated = formatted("en-US", { month: "short", day: "numeric", year: "numeric" })
const year = formatted("en-US", { year: "numeric" })
/** `Saturday 5 December 2026` */
const full = formatted("en-GB", { weekday: "long", day: "numeric", month: "long", year: "numeric" })
