import { type Case, passed, vrbo } from "./Case.ts"

const body = [
  "Reservation ID:",
  "HA-TST123",
  "Dates:",
  "Apr 10 - Apr 17, 2027, 7 nights",
  "Guests:",
  "2 adults, 1 child",
]
const subject = "Instant Booking from Ada Testwell: Apr 10 - Apr 17, 2027 - Vrbo #1234567"

export const cases: ReadonlyArray<Case> = [
  {
    name: "B01: an instant booking says everything",
    mail: vrbo({ subject, text: body.join("\r\n") }),
    kind: "confirmed",
    platform: "vrbo",
    decision: "auto",
    sender: "authentic",
    says: {
      guestName: "Ada Testwell",
      checkIn: "2027-04-10",
      checkOut: "2027-04-17",
      confirmationCode: "HA-TST123",
      guestCount: 3,
      listing: "1234567",
    },
    sure: ["guestName", "checkIn", "checkOut", "confirmationCode", "guestCount"],
    reasons: [],
  },
  {
    name: "B02: a request over New Year, in German, is no reservation",
    mail: vrbo({
      from: "FeWo-direkt <messaging@messages.vrbo.com>",
      verdict: "mx.google.com; dkim=pass header.d=messages.vrbo.com",
      subject: "Reservierungsanfrage von Bruno Beispiel: 27. Dez. 2027 - 3. Jan. 2028 - FeWo-direkt.de #1234567",
      text: "Reservierungsnr.: HA-TST123",
    }),
    kind: "request_pending",
    decision: "none",
    says: { checkIn: "2027-12-27", checkOut: "2028-01-03" },
  },
  {
    name: "B04: headers say what an inquiry is",
    mail: vrbo({
      subject: "Inquiry from Ada Testwell",
      text: "Hello",
      headers: { "X-Mediated-Message-Type": "INQUIRY", "X-Inquiry-Arrival": "2027-05-01" },
    }),
    kind: "inquiry",
    decision: "none",
    says: { checkIn: "2027-05-01", confirmationCode: null },
  },
  {
    name: "B04: what somebody asks who was here before names no reservation",
    mail: vrbo({
      subject: "Inquiry from Ada Testwell",
      text: "Reservation ID HA-TST009 was our last one\r\nReservation ID: HA-TST009",
      headers: { "X-Mediated-Message-Type": "INQUIRY" },
    }),
    kind: "inquiry",
    decision: "none",
    says: { confirmationCode: null },
  },
  {
    name: "B05: a header that nobody knows is told, and the subject is a question",
    mail: vrbo({ subject, text: body.join("\r\n"), headers: { "X-Mediated-Message-Type": "SOMETHING_NEW" } }),
    kind: "confirmed",
    decision: "review",
    says: { guestName: "Ada Testwell", confirmationCode: "HA-TST123" },
    sure: [],
    reasons: ["UNKNOWN_HEADER"],
  },
  {
    name: "B06: an answer bears the subject of what it answers",
    mail: vrbo({
      subject: "Reservation from Ada Testwell: May 1 - May 8, 2027 - Vrbo #1234567",
      text: "See you!",
      headers: { "X-Mediated-Message-Type": "REPLIED" },
    }),
    kind: "guest_message",
    decision: "review",
    says: { guestName: "Ada Testwell", checkIn: "2027-05-01", checkOut: "2027-05-08" },
    sure: ["guestName"],
  },
  {
    name: "B08: a review's number is no reservation's",
    mail: vrbo({
      from: "Vrbo <noreply@reviews.homeaway.com>",
      verdict: "mx.google.com; dkim=pass header.i=@reviews.homeaway.com",
      subject: "Stay feedback RES-00001",
      text: "RES-00001",
    }),
    kind: "review_received",
    decision: "none",
    says: { confirmationCode: null },
  },
  {
    name: "B09: a listing, a unit and a telephone are no numbers of reservations",
    mail: vrbo({
      subject,
      text: ["Property #1234567", "unit_7654321", "+1 555 0100", "Dates:", "Apr 10 - Apr 17, 2027"].join("\r\n"),
    }),
    kind: "confirmed",
    decision: "auto",
    says: { confirmationCode: null, listing: "1234567" },
  },
  {
    name: "B10: what stands for a name that is kept back is no name",
    mail: vrbo({
      from: "Vrbo <messaging@messages.vrbo.com>",
      verdict: "mx.google.com; dkim=pass header.d=messages.vrbo.com",
      subject: "Instant booking: Apr 10 - Apr 17, 2027 - Vrbo #1234567",
      text: [...body, "Traveler Name:", "Available after booking"].join("\r\n"),
    }),
    kind: "confirmed",
    decision: "auto",
    says: { guestName: null },
  },
  {
    name: "B12: a couple's name stays whole",
    mail: vrbo({
      from: '"Ada and Bruno Testwell" <sender@messages.homeaway.com>',
      subject: "Reservation from Ada and Bruno Testwell: Apr 10 - Apr 17, 2027 - Vrbo #1234567",
      text: body.join("\r\n"),
    }),
    kind: "confirmed",
    decision: "auto",
    says: { guestName: "Ada and Bruno Testwell" },
  },
  ...(
    [
      ["in English", subject, ["Traveler Name:", "Ada Testwell", "Traveler Phone:", "+1 555 0100"]],
      [
        "in German",
        "Sofortbuchung von Ada Testwell: 10. Apr. - 17. Apr. 2027 - FeWo-direkt.de #1234567",
        ["Name Urlauber", "Ada Testwell", "Telefonnummer Urlauber", "+1 555 0100"],
      ],
      [
        "in Norwegian",
        "Direktebestilling fra Ada Testwell: 10. apr. - 17. apr. 2027 - Vrbo #1234567",
        ["Navn på reisende", "Ada Testwell", "Telefon", "+1 555 0100"],
      ],
      [
        "in Polish",
        "Natychmiastowa rezerwacja od: Ada Testwell: 10 kwi - 17 kwi 2027 - Vrbo #1234567",
        ["Imię i nazwisko podróżnego", "Ada Testwell", "Telefon", "+1 555 0100"],
      ],
    ] as const
  ).map(([language, subject, lines]): Case => ({
    name: `a label that begins like a name's is none, ${language}`,
    mail: vrbo({ subject, text: lines.join("\r\n") }),
    kind: "confirmed",
    decision: "auto",
    says: { guestName: "Ada Testwell", checkIn: "2027-04-10", checkOut: "2027-04-17" },
    sure: ["guestName", "checkIn", "checkOut"],
    reasons: [],
  })),
  ...[
    ["Traveler Name:", "Traveler Phone:", "+1 555 0100"],
    ["Traveler Name", "Payment Method", "Visa"],
    ["Name Urlauber", "Objekt", "#1234567"],
  ].map((lines): Case => ({
    name: `where a name is left out, what follows is none: ${lines.join(" / ")}`,
    mail: vrbo({
      from: "Vrbo <messaging@messages.vrbo.com>",
      verdict: "mx.google.com; dkim=pass header.d=messages.vrbo.com",
      subject: "Instant booking: Apr 10 - Apr 17, 2027 - Vrbo #1234567",
      text: [...lines, ...body].join("\r\n"),
    }),
    kind: "confirmed",
    decision: "auto",
    says: { guestName: null, confirmationCode: "HA-TST123" },
  })),
  {
    name: "what a guest answers below an older mail, in French, is the older mail's",
    mail: vrbo({
      subject: "Reservation from Ada Testwell",
      text: ["À bientôt !", "-----Message d’origine-----", ...body].join("\r\n"),
    }),
    kind: "confirmed",
    decision: "review",
    says: { confirmationCode: null, checkIn: null, guestCount: null },
  },
  {
    name: "a link between a label and what it labels is passed over",
    mail: vrbo({ subject, text: ["Reservation ID:", "<https://www.vrbo.com/supply?x=1>", "HA-TST123"].join("\r\n") }),
    kind: "confirmed",
    decision: "auto",
    says: { confirmationCode: "HA-TST123" },
    sure: ["guestName", "checkIn", "checkOut", "confirmationCode"],
  },
  ...["Reservation from Di Sample", "Instant Booking from Van Sample", "Réservation instantanée d'Ada Sample"].map(
    (begins): Case => ({
      name: `a name that begins like the word before it stays whole: ${begins}`,
      mail: vrbo({
        from: "Vrbo <messaging@messages.vrbo.com>",
        verdict: "mx.google.com; dkim=pass header.d=messages.vrbo.com",
        subject: `${begins}: 10 Apr 2027 - 17 Apr 2027 - Vrbo #1234567`,
        text: body.join("\r\n"),
      }),
      kind: "confirmed",
      decision: "auto",
      says: { guestName: /\w+ Sample/.exec(begins)?.[0] ?? null, confirmationCode: "HA-TST123" },
      sure: ["guestName", "checkIn", "checkOut", "confirmationCode", "guestCount"],
    }),
  ),
  ...(
    [
      ["en", "Mar 6 - Mar 9, 2027", "2027-03-06", "2027-03-09"],
      ["en", "Mar 6, 2027 - Mar 9, 2027", "2027-03-06", "2027-03-09"],
      ["en", "Mar 26 - Apr 4, 2027", "2027-03-26", "2027-04-04"],
      ["en", "Mar 6 - Mon 8, 2027", "2027-03-06", "2027-03-08"],
      ["es", "mar 9 - dom 14 mar 2027", "2027-03-09", "2027-03-14"],
      ["es", "mar 7 - dom 12 dic 2027", "2027-12-07", "2027-12-12"],
      ["tr", "27 Kas 2026 Cum - 28 Kas 2026 Cmt", "2026-11-27", "2026-11-28"],
    ] as const
  ).map(([language, dates, checkIn, checkOut]): Case => ({
    name: `a word for a month or for a day of the week is what fits the other side: ${dates}`,
    mail: vrbo({
      subject: "Instant Booking from Ada Testwell",
      text: [`${{ en: "Dates", es: "Fechas", tr: "Tarihler" }[language]}: ${dates}`, "Reservation ID: HA-TST123"].join(
        "\r\n",
      ),
    }),
    kind: "confirmed",
    decision: "auto",
    says: { checkIn, checkOut, confirmationCode: "HA-TST123" },
    sure: ["guestName", "checkIn", "checkOut", "confirmationCode"],
  })),
  {
    name: "a number above the words that begin a quoted mail is not among them",
    mail: vrbo({
      subject,
      text: [
        "Reservation ID",
        "HA-TST123",
        "Guests",
        "3 adults",
        "",
        "El lun, 2 nov 2026 a las 9:14, Vrbo (<sender@example.test>) escribió:",
        "",
        "> Guests: 9 adults",
      ].join("\r\n"),
    }),
    kind: "confirmed",
    decision: "auto",
    says: { guestCount: 3 },
    sure: ["guestName", "checkIn", "checkOut", "confirmationCode", "guestCount"],
  },
  {
    name: "B12: two people with one family's name",
    mail: vrbo({
      from: '"Ada & Bruno Testwell" <sender@messages.homeaway.com>',
      subject: subject.replace("Ada", "Ada & Bruno"),
      text: body.join("\r\n"),
    }),
    kind: "confirmed",
    decision: "auto",
    says: { guestName: "Ada & Bruno Testwell" },
    sure: ["guestName", "checkIn", "checkOut", "confirmationCode", "guestCount"],
  },
  ...["Your booking is confirmed!", "Booking confirmed: Beach house, Dec 5 - Dec 8, 2026 - HA-TST123"].map(
    (subject): Case => ({
      name: `the receipt of the host's own journey is only a question: ${subject}`,
      mail: vrbo({
        from: "Vrbo <vrbo@messages.vrbo.com>",
        verdict: passed("messages.vrbo.com"),
        subject,
        text: ["Reservation ID:", "HA-TST123", "Check in: Sat, Dec 5, 2026", "Check out: Tue, Dec 8, 2026"].join(
          "\r\n",
        ),
      }),
      kind: "confirmed",
      decision: "review",
      says: { confirmationCode: "HA-TST123", checkIn: "2026-12-05" },
      sure: [],
      reasons: ["OWN_TRIP"],
    }),
  ),
  ...(
    [
      ["Ada: Testwell", '"Ada: Testwell" <sender@messages.homeaway.com>'],
      ['Ada "Addie" Testwell', '"Ada "Addie" Testwell" <sender@messages.homeaway.com>'],
    ] as const
  ).map(([guest, from]): Case => ({
    name: `a guest whose name is none in the subject is nobody: ${guest}`,
    mail: vrbo({ from, subject: subject.replace("Ada Testwell", guest), text: body.join("\r\n") }),
    kind: "confirmed",
    decision: "auto",
    says: { guestName: null, checkIn: "2027-04-10" },
  })),
]
