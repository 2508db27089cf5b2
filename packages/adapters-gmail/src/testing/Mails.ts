/**
 * Reservation mails to deliver: a few in the manner of the platforms, in the charsets that hosts really get, and a way
 * to make thousands. All people, places and codes are invented.
 */

/** What a plain mail says. */
export interface MailText {
  readonly from: string
  readonly to?: string
  readonly subject: string
  readonly text: string
  readonly html?: string
  readonly date: Date
  /** Without it the mail has none. */
  readonly messageId?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** A mail in UTF-8, as text or as text and HTML. */
export const mailOf = (mail: MailText): Uint8Array => {
  const headers = [
    `From: ${mail.from.replace(/^[^<]*[^<\s]/, wordsOf)}`,
    `To: ${mail.to ?? "host@example.com"}`,
    `Subject: ${wordsOf(mail.subject)}`,
    `Date: ${mail.date.toUTCString().replace("GMT", "+0000")}`,
    ...(mail.messageId === undefined ? [] : [`Message-ID: <${mail.messageId}>`]),
    ...Object.entries(mail.headers ?? {}).map(([name, value]) => `${name}: ${value}`),
    "MIME-Version: 1.0",
  ]
  const text = part("plain", mail.text)
  if (mail.html === undefined) return new TextEncoder().encode([...headers, text].join("\r\n"))
  const boundary = "=_part_6f1c"
  return new TextEncoder().encode(
    [
      ...headers,
      `Content-Type: multipart/alternative; boundary="${boundary}"`,
      "",
      `--${boundary}`,
      text,
      `--${boundary}`,
      part("html", mail.html),
      `--${boundary}--`,
      "",
    ].join("\r\n"),
  )
}

/** A mail of which any number are alike and no two the same. */
export const numbered = (index: number): Uint8Array => {
  const code = `HM${index.toString(36).toUpperCase().padStart(8, "0")}`
  return mailOf({
    from: "Airbnb <automated@airbnb.com>",
    subject: `Reservation confirmed - Guest ${index} arrives`,
    text: `Your reservation is confirmed.\r\nGuest ${index}\r\nConfirmation code\r\n${code}\r\n`,
    html: `<html><body><h1>Reservation confirmed</h1><p>Guest ${index}</p><p>Confirmation code<br>${code}</p></body></html>`,
    date: new Date(Date.UTC(2026, 0, 1) + index * 60_000),
    messageId: `reservation-${index}@mail.example.com`,
    headers: { "X-Template": "reservation/host_confirmation" },
  })
}

/** One of each kind, by name. */
export const samples: ReadonlyMap<string, Uint8Array> = new Map([
  [
    "airbnb-confirmation",
    mailOf({
      from: "Airbnb <automated@airbnb.com>",
      subject: "Reservation confirmed - Marta Lindqvist arrives Dec 5",
      text: "New booking confirmed! Marta arrives Dec 5.\r\n\r\nCheck-in\r\nSat, Dec 5\r\n3:00 PM\r\n\r\nCheckout\r\nTue, Dec 8\r\n11:00 AM\r\n\r\nGuests\r\n2 adults\r\n\r\nConfirmation code\r\nHMA7K2X9QF\r\n",
      html: "<html><body><h1>New booking confirmed! Marta arrives Dec 5.</h1><table><tr><td>Check-in<br>Sat, Dec 5</td><td>Checkout<br>Tue, Dec 8</td></tr></table><p>Guests<br>2 adults</p><p>Confirmation code<br>HMA7K2X9QF</p></body></html>",
      date: new Date("2026-11-20T09:12:44Z"),
      messageId: "a1.confirmation@mail.example.com",
      headers: { "X-Template": "reservation/host_confirmation" },
    }),
  ],
  [
    "airbnb-cancellation",
    mailOf({
      from: "Airbnb <automated@airbnb.com>",
      subject: "Canceled: Reservation HMA7K2X9QF for Dec 5 – 8, 2026",
      text: "We're sorry to let you know that Marta canceled reservation HMA7K2X9QF for Dec 5 – 8, 2026.\r\n",
      date: new Date("2026-11-22T17:40:02Z"),
      messageId: "a2.cancellation@mail.example.com",
      headers: { "X-Template": "reservation/host_cancellation_by_guest" },
    }),
  ],
  [
    "airbnb-japanese-iso-2022-jp",
    base64Mail(
      [
        "From: Airbnb <automated@airbnb.com>",
        "To: host@example.com",
        "Subject: =?ISO-2022-JP?B?GyRCTT1MczNORGobKEIgLSAbJEJFRENmGyhCIBskQjJWO1IbKEIgGyRCTU0bKEI=?=",
        "Date: Fri, 20 Nov 2026 18:12:44 +0900",
        "Message-ID: <a3.confirmation@mail.example.com>",
        "X-Template: reservation/host_confirmation",
        "Content-Type: text/plain; charset=ISO-2022-JP",
      ],
      "GyRCRURDZhsoQiAbJEIyVjtSGyhCIBskQk1NJE4kNE09THMkLDNORGokNyReJDckPyEjGyhCDQobJEIlQSUnJUMlLyUkJXMbKEI6IDIwMjYbJEJHLxsoQjEyGyRCN24bKEI1GyRCRnwbKEINChskQiVBJSclQyUvJSIlJiVIGyhCOiAyMDI2GyRCRy8bKEIxMhskQjduGyhCOBskQkZ8GyhCDQobJEIzTkcnJTMhPCVJGyhCOiBITVE0WDdUMktCDQo=",
    ),
  ],
  [
    "vrbo-confirmation-windows-1252",
    new Uint8Array(
      Buffer.from(
        [
          "From: Vrbo <sender@messages.homeaway.com>",
          "To: host@example.com",
          "Subject: =?windows-1252?Q?Instant_Booking_from_Zo=EB_M=FCller=96Okafor:_12_Dec_2026?=",
          "Date: Fri, 20 Nov 2026 06:01:10 -0600",
          "Message-ID: <v1.booking@mail.example.com>",
          "X-Inquiry-Arrival-Date: 2026-12-12",
          "X-Inquiry-Departure-Date: 2026-12-19",
          "MIME-Version: 1.0",
          "Content-Type: text/plain; charset=windows-1252",
          "Content-Transfer-Encoding: 8bit",
          "",
          "Zo\xEB M\xFCller\x96Okafor has booked \x93The Boathouse\x94.",
          "Reservation ID: HA-4JX9QP",
          "Arrive: Dec 12, 2026",
          "Depart: Dec 19, 2026",
          "Guests: 3 adults, 1 child",
          "Your payout: \x801,240.00",
          "",
        ].join("\r\n"),
        "latin1",
      ),
    ),
  ],
  [
    "booking-new-reservation-german-latin1",
    new Uint8Array(
      Buffer.from(
        [
          "From: Booking.com <noreply@booking.com>",
          "To: host@example.com",
          "Subject: Booking.com - Neue Buchung! (4127730985, Samstag, 5. Dezember 2026)",
          "Date: Fri, 20 Nov 2026 10:30:00 +0100",
          "Message-ID: <b1.new@mail.example.com>",
          "MIME-Version: 1.0",
          "Content-Type: text/plain; charset=iso-8859-1",
          "Content-Transfer-Encoding: quoted-printable",
          "",
          "Sie haben eine neue Buchung f=FCr Ihre Unterkunft =ABSeeh=E4uschen=BB.",
          "Buchungsnummer: 4127730985",
          "https://admin.booking.com/hotel/hoteladmin/extranet_ng/manage/booking.html?r=",
          "es_id=3D4127730985",
          "",
        ].join("\r\n"),
        "latin1",
      ),
    ),
  ],
  [
    "booking-modified-french",
    mailOf({
      from: "Booking.com <noreply@booking.com>",
      subject: "Booking.com - Réservation modifiée (4127730985, samedi 5 décembre 2026)",
      text: "Une réservation a été modifiée dans votre établissement « La Remise ».\r\nNuméro : 4127730985\r\n",
      date: new Date("2026-11-23T08:00:00Z"),
      messageId: "b2.modified@mail.example.com",
    }),
  ],
  [
    "newsletter",
    mailOf({
      from: "Harbour Linen <news@example.org>",
      subject: "Winter sheets are here",
      text: "Nothing here is a reservation.\r\n",
      date: new Date("2026-11-21T07:00:00Z"),
      messageId: "n1.news@mail.example.org",
    }),
  ],
])

/** RFC 2047: few enough characters per word that none grows beyond 75. */
function wordsOf(text: string): string {
  if (/^[ -~]*$/.test(text)) return text
  const words = text.match(/.{1,10}/gsu) ?? []
  return words.map((word) => `=?utf-8?B?${Buffer.from(word, "utf8").toString("base64")}?=`).join("\r\n ")
}

function part(subtype: "plain" | "html", text: string): string {
  return [
    `Content-Type: text/${subtype}; charset=utf-8`,
    "Content-Transfer-Encoding: base64",
    "",
    folded(Buffer.from(text, "utf8").toString("base64")),
  ].join("\r\n")
}

function base64Mail(headers: ReadonlyArray<string>, body: string): Uint8Array {
  return new TextEncoder().encode(
    [...headers, "MIME-Version: 1.0", "Content-Transfer-Encoding: base64", "", folded(body), ""].join("\r\n"),
  )
}

function folded(base64: string): string {
  return base64.replace(/(.{76})/g, "$1\r\n")
}
