import { airbnb, type Case, confirmedHeader, engine, page } from "./Case.ts"

const lodgify = {
  subject: "New Confirmed Booking: Bruno Beispiel #B00000001",
  text: ["Arrival: March 12, 2027", "Departure: March 15, 2027", "Guests: 4"].join("\r\n"),
}
const all = {
  guestName: "Bruno Beispiel",
  checkIn: "2027-03-12",
  checkOut: "2027-03-15",
  confirmationCode: "B00000001",
  guestCount: 4,
}

const structured = {
  subject: "Booking confirmation",
  html: `<script type="application/ld+json">{"@context":"http://schema.org","@type":"LodgingReservation","reservationStatus":"http://schema.org/Confirmed","reservationNumber":"LC-7781","underName":{"@type":"Person","name":"Ada Testwell"},"checkinDate":"2027-03-12","checkoutDate":"2027-03-15"}</script>${page("Thank you for your booking.")}`,
}

const numeric = (...lines: ReadonlyArray<string>) =>
  engine({ subject: "New booking", text: [...lines, "Booking number: LC-7781"].join("\r\n") })

const inner = ["Check-in", "Sat, Dec 5", "Checkout", "Tue, Dec 8", "Confirmation code", "HMTEST0001"]

/** A mail to which another one is attached, whole. */
const attached = (disposition: string, isHtml: boolean) =>
  new TextEncoder().encode(
    [
      "From: A Friend <friend@example.net>",
      "Subject: A stay",
      "Authentication-Results: mx.google.com; dkim=pass header.i=@example.net",
      "MIME-Version: 1.0",
      "Content-Type: multipart/mixed; boundary=outer",
      "",
      "--outer",
      "Content-Type: text/plain",
      "",
      "See below.",
      "--outer",
      `Content-Type: message/rfc822\r\n${disposition}`,
      "From: Airbnb <automated@airbnb.com>",
      "Subject: Reservation confirmed - Ada Testwell arrives Dec 5",
      "Date: Thu, 19 Nov 2026 10:00:00 +0000",
      `Content-Type: text/${isHtml ? "html" : "plain"}; charset=utf-8`,
      "",
      isHtml ? page(...inner) : inner.join("\r\n"),
      "--outer--",
      "",
    ].join("\r\n"),
  )

export const cases: ReadonlyArray<Case> = [
  {
    name: "D01: a booking engine that the host trusts",
    mail: engine(lodgify),
    trusted: ["example.org"],
    kind: "confirmed",
    platform: "pms",
    decision: "auto",
    sender: "authentic",
    says: all,
    sure: ["guestName", "checkIn", "checkOut", "confirmationCode", "guestCount"],
  },
  {
    name: "D01: and one that it does not",
    mail: engine(lodgify),
    kind: "confirmed",
    platform: "pms",
    decision: "review",
    sender: "unproven",
    says: all,
    sure: [],
    reasons: ["UNKNOWN_DOMAIN"],
  },
  {
    name: "D02: structured data alone, with the old names of its fields",
    mail: engine(structured),
    trusted: ["example.org"],
    kind: "confirmed",
    platform: "pms",
    decision: "auto",
    says: { guestName: "Ada Testwell", checkIn: "2027-03-12", checkOut: "2027-03-15", confirmationCode: "LC-7781" },
  },
  {
    name: "D02: of a stranger",
    mail: engine(structured),
    kind: "confirmed",
    decision: "review",
    says: { checkIn: "2027-03-12" },
    sure: [],
  },
  {
    name: "D04: figures that may be two days are none",
    mail: numeric("Arrival: 03/04/2027"),
    trusted: ["example.org"],
    kind: "confirmed",
    decision: "review",
    says: { checkIn: null },
    reasons: ["AMBIGUOUS_DATE"],
  },
  {
    name: "D04: unless the day of the week decides",
    mail: numeric("Arrival: Sat 03/04/2027", "Departure: Mon 05/04/2027"),
    trusted: ["example.org"],
    kind: "confirmed",
    decision: "auto",
    says: { checkIn: "2027-04-03", checkOut: "2027-04-05" },
  },
  {
    name: "D05: a year of two digits, with the day of the week",
    mail: engine({
      subject: "Neue Buchung",
      text: ["Anreise: Sa 5.12.26", "Abreise: Di 8.12.26", "Buchungsnummer: LC-7781"].join("\r\n"),
    }),
    trusted: ["example.org"],
    kind: "confirmed",
    decision: "auto",
    says: { checkIn: "2026-12-05", checkOut: "2026-12-08" },
  },
  {
    name: "D06: a Thai year",
    mail: engine({
      subject: "การจองใหม่",
      text: ["เช็คอิน: 5 ธันวาคม 2569", "เช็คเอาท์: 8 ธันวาคม 2569", "หมายเลขการจอง: LC-7781"].join("\r\n"),
    }),
    trusted: ["example.org"],
    kind: "confirmed",
    decision: "auto",
    says: { checkIn: "2026-12-05", checkOut: "2026-12-08" },
  },
  {
    name: "D06: a Japanese era",
    mail: engine({
      subject: "新しい予約",
      text: ["チェックイン: 令和8年12月5日", "チェックアウト: 令和8年12月8日", "予約番号: LC-7781"].join("\r\n"),
    }),
    trusted: ["example.org"],
    kind: "confirmed",
    decision: "auto",
    says: { checkIn: "2026-12-05", checkOut: "2026-12-08" },
  },
  {
    name: "D08: a mail that somebody passes on is read, and is a question",
    mail: engine({
      from: "A Friend <friend@example.net>",
      verdict: "mx.google.com; dkim=pass header.i=@example.net",
      subject: "Fwd: Reservation confirmed - Ada Testwell arrives Dec 5",
      text: [
        "---------- Forwarded message ---------",
        "From: Airbnb <automated@airbnb.com>",
        "Date: Thu, Nov 19, 2026 at 9:00 AM",
        "Subject: Reservation confirmed - Ada Testwell arrives Dec 5",
        "To: <friend@example.net>",
        "",
        "Check-in",
        "Sat, Dec 5",
        "Checkout",
        "Tue, Dec 8",
        "Confirmation code",
        "HMTEST0001",
      ].join("\r\n"),
    }),
    kind: "confirmed",
    platform: "airbnb",
    decision: "review",
    sender: "unproven",
    says: { guestName: "Ada Testwell", checkIn: "2026-12-05", checkOut: "2026-12-08", confirmationCode: "HMTEST0001" },
    sure: [],
    reasons: ["FORWARDED"],
  },
  ...(
    [
      ["in text", "", false],
      ["as a page", "", true],
      ["shown within", "Content-Disposition: inline\r\n", true],
    ] as const
  ).map(([how, disposition, isHtml]): Case => ({
    name: `D08: an attached mail, ${how}, is read, and is a question`,
    mail: attached(disposition, isHtml),
    kind: "confirmed",
    platform: "airbnb",
    decision: "review",
    sender: "unproven",
    says: { guestName: "Ada Testwell", checkIn: "2026-12-05", checkOut: "2026-12-08", confirmationCode: "HMTEST0001" },
    sure: [],
    reasons: ["FORWARDED"],
  })),
  {
    name: "D09: a newsletter that mentions a number",
    mail: airbnb({ subject: "Tips for your next guests", text: "Do you remember HMTEST0001?" }),
    kind: "marketing",
    decision: "none",
    says: { confirmationCode: null },
  },
  {
    name: "D10: a confirmation that is one picture is a question",
    mail: airbnb({
      subject: "Your reservation is confirmed",
      html: '<img src="https://example.test/x.png">',
      headers: confirmedHeader,
    }),
    kind: "confirmed",
    decision: "review",
    says: { confirmationCode: null },
    reasons: ["NO_TEXT"],
  },
  {
    name: "D10: any other that is one picture says nothing",
    mail: airbnb({ subject: "Zzyx", html: '<img src="https://example.test/x.png">' }),
    kind: "unknown",
    decision: "none",
    says: { confirmationCode: null },
    reasons: ["NO_TEXT"],
  },
]
