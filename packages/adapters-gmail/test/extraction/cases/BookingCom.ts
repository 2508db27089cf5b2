import { booking, type Case, extranet, page, passed } from "./Case.ts"

const told = {
  guestName: null,
  checkIn: "2027-06-02",
  checkOut: null,
  confirmationCode: "5550000001",
  guestCount: null,
}

const relay = (body: string) =>
  booking({
    from: "Ada Testwell via Booking.com <5550000001-abcd.ef12.gh34.ij56@guest.booking.com>",
    verdict: passed("guest.booking.com"),
    subject: "We received this message from Ada Testwell",
    text: [
      "Guest name:",
      "Ada Testwell",
      "Check-in:",
      "Wed 2 Jun 2027",
      "Check-out:",
      "Sat 5 Jun 2027",
      "Booking number:",
      body,
      "Hello! We will be 7 guests.",
    ].join("\r\n"),
  })

const relayed = (name: string, lines: ReadonlyArray<string>) =>
  booking({
    from: `"${name}" <5550000001-abcd.ef12.gh34.ij56@guest.booking.com>`,
    verdict: passed("guest.booking.com"),
    subject: "We received this message",
    text: lines.join("\r\n"),
  })

export const cases: ReadonlyArray<Case> = [
  ...[
    ["C01: a new booking is a number and a day", "Booking.com - New booking! (5550000001, Wednesday, 2 June 2027)"],
    ["C02: in the order of the United States", "Booking.com - New booking! (5550000001, Wednesday, June 2, 2027)"],
    ["C04: in Czech", "Booking.com - Nová rezervace! (5550000001, středa 2. června 2027)"],
    ["C04: in Vietnamese", "Booking.com - Đặt phòng mới! (5550000001, 2 tháng 6, 2027)"],
    ["C04: in German", "Booking.com - Neue Buchung! (5550000001, Mittwoch, 2. Juni 2027)"],
    ["C04: in Italian", "Booking.com - Nuova prenotazione! (5550000001, mercoledì 2 giugno 2027)"],
    ["C04: in Japanese", "Booking.com - 新しい予約 (5550000001, 2027年6月2日水曜日)"],
  ].map(([name = "", subject = ""]): Case => ({
    name,
    mail: booking({ subject, html: page(`<a href="${extranet("5550000001").replaceAll("&", "&amp;")}">Open</a>`) }),
    kind: "confirmed",
    platform: "booking",
    decision: "auto",
    says: { ...told, listing: "12345" },
    sure: ["checkIn", "confirmationCode"],
  })),
  {
    name: "C05: a cancellation applies nothing",
    mail: booking({
      subject: "Booking.com - Cancelled booking! (5550000001, Wednesday, 2 June 2027)",
      text: extranet("5550000001"),
    }),
    kind: "cancelled",
    decision: "none",
    says: { confirmationCode: "5550000001" },
  },
  {
    name: "C05: a modification is a question",
    mail: booking({
      subject: "Booking.com - Modified booking! (5550000001, Wednesday, 2 June 2027)",
      text: extranet("5550000001"),
    }),
    kind: "modified",
    decision: "review",
    says: { confirmationCode: "5550000001" },
  },
  {
    name: "C06: the day until which to answer is no arrival",
    mail: booking({
      subject: "Booking.com - New booking request - accept or decline by 10:45 AM on Apr 13, 2027",
      text: "Check-in Dec 21 2027",
    }),
    kind: "request_pending",
    decision: "none",
    says: { checkIn: "2027-12-21" },
  },
  {
    name: "C08: a link that names two bookings names none",
    mail: booking({
      subject: "Booking.com - New booking! (5550000001, Wednesday, 2 June 2027)",
      text: "https://admin.booking.com/manage/booking.html?res_id=5550000002&res_id=5550000003",
    }),
    kind: "confirmed",
    decision: "auto",
    says: told,
  },
  {
    name: "C09: links that are not the platform's own are no evidence",
    mail: booking({
      subject: "Booking.com - New booking! (5550000001, Wednesday, 2 June 2027)",
      text: [
        "http://admin.booking.com/manage/booking.html?res_id=5550000009",
        "https://admin.booking.com.evil.test/manage/booking.html?res_id=5550000009",
        "https://user:pass@admin.booking.com/manage/booking.html?res_id=5550000009",
        "https://admin.booking.com:444/manage/booking.html?res_id=5550000009",
      ].join("\r\n"),
    }),
    kind: "confirmed",
    decision: "auto",
    says: told,
  },
  {
    name: "C10: a relayed message has the guest and both days",
    mail: relay("5550000001"),
    kind: "guest_message",
    decision: "auto",
    says: {
      guestName: "Ada Testwell",
      checkIn: "2027-06-02",
      checkOut: "2027-06-05",
      confirmationCode: "5550000001",
      guestCount: null,
    },
  },
  {
    name: "C10: unless its number is another one's",
    mail: relay("5550000002"),
    kind: "guest_message",
    decision: "review",
    says: { confirmationCode: null },
    reasons: ["CODE_CONFLICT"],
  },
  ...(
    [
      ["Booking.com - Your monthly statement", "invoice"],
      ["Booking.com - Invoice 5550000001", "invoice"],
      ["Booking.com - Your payout is on its way", "payout"],
      ["Booking.com - You have a new guest review", "review_received"],
      ["Booking.com - Newsletter: tips for the season", "marketing"],
    ] as const
  ).map(([subject, kind]): Case => ({
    name: `C12: ${subject}: about no reservation`,
    mail: booking({ subject, text: "5550000001" }),
    kind,
    decision: "none",
    says: { confirmationCode: null, checkIn: null },
  })),
  {
    name: "C13: a number with dots is the number, and a PIN is nothing",
    mail: booking({
      subject: "Booking confirmed",
      text: [
        "Confirmation number: 5550.000.001",
        "PIN code: 9932",
        "Check-in: Wed 2 Jun 2027",
        "Check-out: Sat 5 Jun 2027",
      ].join("\r\n"),
    }),
    kind: "confirmed",
    decision: "auto",
    says: { confirmationCode: "5550000001", checkIn: "2027-06-02" },
  },
  {
    name: "C14: structured data is a witness for days and none for names",
    mail: booking({
      subject: "Booking confirmed",
      text: "",
      html: `<script type="application/ld+json">{"@type":"LodgingReservation","reservationNumber":"5550000001","underName":{"name":"noreply@booking.com"},"reservationFor":{"name":"noreply@booking.com"},"checkinDate":"2027-06-02T15:00:00-08:00","checkoutDate":"2027-06-05T11:00:00-08:00"}</script>${page("Thank you")}`,
    }),
    kind: "confirmed",
    decision: "auto",
    says: { guestName: null, checkIn: "2027-06-02", checkOut: "2027-06-05", confirmationCode: "5550000001" },
  },
  {
    name: "C16: other numbers of ten digits are nothing",
    mail: booking({
      subject: "Booking.com - New booking! (5550000001, Wednesday, 2 June 2027)",
      text: ["Phone: 5550000777", "VAT 5550000888", "Hotel ID: 5550000999"].join("\r\n"),
    }),
    kind: "confirmed",
    decision: "auto",
    says: told,
  },
  ...[
    ["in the words that German hosts get", "Eine neue Buchung! (5550000001, Mittwoch, 2. Juni 2027)"],
    ["at the last minute, in Dutch", "Nieuwe last-minutereservering (5550000001, woensdag 2 juni 2027)"],
    ["in Indonesian", "Pesanan baru! (5550000001, Rabu, 2 Juni 2027)"],
    ["in Lithuanian", "Naujas užsakymas! (5550000001, 2027 m. birželio 2 d., trečiadienis)"],
    ["in Latvian", "Jauna rezervācija! (5550000001, trešdiena, 2027. gada 2. jūnijs)"],
    ["in Estonian", "Uus broneering! (5550000001, kolmapäev, 2. juuni 2027)"],
    ["in Icelandic", "Ný bókun! (5550000001, miðvikudagur, 2. júní 2027)"],
  ].map(([how = "", subject = ""]): Case => ({
    name: `a new booking, ${how}`,
    mail: booking({ subject: `Booking.com - ${subject}`, text: extranet("5550000001") }),
    kind: "confirmed",
    decision: "auto",
    says: told,
    sure: ["checkIn", "confirmationCode"],
    reasons: [],
  })),
  {
    name: "a subject with two numbers is about neither",
    mail: booking({
      subject: "New booking! (5550000001, Wednesday, 2 June 2027) (5550000002, Thursday, 3 June 2027)",
      text: "Hello",
    }),
    kind: "confirmed",
    decision: "review",
    says: { confirmationCode: null, checkIn: null },
    reasons: ["CODE_CONFLICT"],
  },
  {
    name: "a relayed message names the guest above, and the house below",
    mail: relayed("Ada Testwell tramite Booking.com", [
      "Booking number:",
      "5550000001",
      "Property name:",
      "Sea View",
      "Hello! We will be 7 guests.",
    ]),
    kind: "guest_message",
    decision: "auto",
    says: { guestName: "Ada Testwell", confirmationCode: "5550000001" },
    sure: ["guestName", "confirmationCode"],
  },
  {
    name: "a guest who writes another name than the relay's leaves none",
    mail: relayed("Ada Testwell via Booking.com", [
      "Booking number:",
      "5550000001",
      "Guest name: Mallory Sample",
      "Check-in: Tue 1 Jun 2027",
      "Check-out: Thu 3 Jun 2027",
    ]),
    kind: "guest_message",
    decision: "review",
    says: { guestName: null, confirmationCode: "5550000001" },
    reasons: ["FIELD_CONFLICT"],
  },
  ...(
    [
      [
        "what a guest asks for below labels",
        "We received this message",
        ["Check-in: Thu 10 Dec 2026", "Check-out: Wed 30 Dec 2026", "Total guests: 9", "Booking number: 5550000001"],
        { checkIn: "2026-12-10", checkOut: "2026-12-30", guestCount: 9 },
      ],
      [
        "the subject of a relayed mail",
        "New booking! (5550000001, Thursday, 10 December 2026)",
        ["Check-in: Thu 10 Dec 2026"],
        { checkIn: "2026-12-10" },
      ],
      ["a labelled flight", "We received this message", ["Arrival: 4 Dec 2026 14:30, flight LH123"], {}],
    ] as const
  ).map(([what, subject, lines, says]): Case => ({
    name: `${what} is what the guest says: only the number and the name of the relay are sure`,
    mail: booking({
      from: '"Ada Testwell via Booking.com" <5550000001-abcd.ef12.gh34.ij56@guest.booking.com>',
      verdict: passed("guest.booking.com"),
      subject,
      text: lines.join("\r\n"),
    }),
    kind: "guest_message",
    // A number that the guest writes as well makes no value surer.
    decision: [subject, ...lines].join().includes("5550000001") ? "auto" : "review",
    says: { guestName: "Ada Testwell", confirmationCode: "5550000001", ...says },
    sure: ["guestName", "confirmationCode"],
  })),
  ...(["A guest", "Ada via Booking.com"] as const).map((name): Case => ({
    name: `a name that the guest writes is no surer for the relay's, which is: ${name}`,
    mail: relayed(name, ["Guest name: Ada Testwell", "Booking number: 5550000001"]),
    kind: "guest_message",
    decision: "auto",
    says: { guestName: "Ada Testwell", confirmationCode: "5550000001" },
    sure: ["confirmationCode"],
  })),
  {
    name: "a relay without a number is a guest's, who may write any number",
    mail: booking({
      from: "Mallory Sample <mallory.123456@guest.booking.com>",
      verdict: passed("guest.booking.com"),
      subject: "Booking.com - New booking! (5550000001, Wednesday, 2 June 2027)",
      text: extranet("5550000001"),
    }),
    kind: "guest_message",
    decision: "review",
    says: { guestName: null },
  },
  {
    name: "of two numbers in the subject neither is believed",
    mail: booking({ subject: "Booking.com - New booking! (5550000001, 5550000002, Wednesday, 2 June 2027)" }),
    kind: "confirmed",
    decision: "review",
    says: { confirmationCode: null, checkIn: "2027-06-02" },
    reasons: ["CODE_CONFLICT"],
  },
  {
    name: "C01: what goes on is something else than a new booking",
    mail: booking({ subject: "Booking.com - New booking opportunities (5550000001, Wednesday, 2 June 2027)" }),
    kind: "confirmed",
    decision: "review",
    says: {},
    sure: [],
    reasons: ["SUBJECT_UNCLEAR"],
  },
]
