/** Rows of headings with rows of values below them, and parties: whose each value is. */
import { airbnb, type Case, confirmedHeader, details, engine } from "./Case.ts"

const subject = "New booking #B00000001"

const table = (...rows: ReadonlyArray<ReadonlyArray<string>>) =>
  `<table>${rows.map((row, index) => `<tr>${row.map((cell) => (index === 0 ? `<th>${cell}</th>` : `<td>${cell}</td>`)).join("")}</tr>`).join("")}</table>`

const days = { checkIn: "2026-12-05", checkOut: "2026-12-08" }

const stay = ["2026-12-05", "2026-12-08"] as const
const arriving = [
  ["Check-in", "2026-12-05"],
  ["Check-out", "2026-12-08"],
] as const

/** Labels, with their values beside them. */
const pairs = (...rows: ReadonlyArray<readonly [string, string]>) =>
  `<table>${rows.map(([label, value]) => `<tr><td>${label}</td><td>${value}</td></tr>`).join("")}</table>`

const booked = [
  ["Booked on", "Check-in", "Check-out"],
  ["2026-11-20", "2026-12-05", "2026-12-08"],
] as const
const rooms = [
  ["Room", "Guests", "Check-out"],
  ["7", "3", "2026-12-08"],
] as const
const houses = [
  ["Property", "Guest", "Arrival", "Departure"],
  ["Villa Rosa", "Ada Testwell", "2026-12-05", "2026-12-08"],
] as const

const inTables: ReadonlyArray<readonly [string, ReadonlyArray<ReadonlyArray<string>>, Case["says"]]> = [
  ["a day that is no arrival", booked, days],
  [
    "a room",
    [
      ["Guest", "Room", "Check-out"],
      ["Ada Testwell", "7", "2026-12-08"],
    ],
    { guestName: "Ada Testwell" },
  ],
  ["a room and a party", rooms, { guestCount: 3 }],
  ["a house", houses, { guestName: "Ada Testwell", ...days }],
  [
    "adults and children",
    [
      ["Adults", "Children", "Arrival", "Departure"],
      ["2", "1", "2026-12-05", "2026-12-08"],
    ],
    { guestCount: 3, ...days },
  ],
]

const engineCase = (name: string, mail: Parameters<typeof engine>[0], rest: Partial<Case>): Case => ({
  name,
  mail: engine(mail),
  trusted: ["example.org"],
  kind: "confirmed",
  decision: "auto",
  says: {},
  ...rest,
})

const confirmed = (...lines: ReadonlyArray<string>) =>
  airbnb({
    subject: "Reservation confirmed - Ada Testwell arrives Dec 5",
    headers: confirmedHeader,
    text: [...lines, "Check-in", "Sat, Dec 5", "Checkout", "Tue, Dec 8", details("HMTEST0001")].join("\r\n"),
  })

export const cases: ReadonlyArray<Case> = [
  ...inTables.flatMap(([what, rows, says]): ReadonlyArray<Case> => [
    engineCase(`a table gives each heading its column: ${what}`, { subject, html: table(...rows) }, { says }),
    engineCase(
      `text in columns gives each heading its column: ${what}`,
      { subject, text: rows.map((row) => row.join("\t")).join("\r\n") },
      { says },
    ),
    engineCase(
      `lines that stand for the cells of a table are as many as its headings: ${what}`,
      { subject, text: rows.flat().join("\r\n") },
      { says },
    ),
  ]),
  engineCase(
    "lines below headings are nobody's where a heading is not known",
    { subject, text: ["Foretold on", "Check-in", "Check-out", "2026-11-20", "2026-12-05", "2026-12-08"].join("\r\n") },
    { says: { checkIn: null, checkOut: null } },
  ),
  engineCase(
    "a table with two bookings says neither",
    {
      subject: "New booking B00000002",
      html: table(
        ["Booking number", "Guest name", "Check-in", "Check-out"],
        ["B00000001", "Ada Testwell", "2026-12-05", "2026-12-08"],
        ["B00000002", "Bruno Beispiel", "2026-12-10", "2026-12-12"],
      ),
    },
    {
      decision: "review",
      says: { confirmationCode: null, guestName: null, checkIn: null, checkOut: null },
      reasons: ["CODE_CONFLICT", "FIELD_CONFLICT"],
    },
  ),
  engineCase(
    "a table with two rooms says what both rows say",
    {
      subject,
      html: table(
        ["Room", "Guest", "Arrival", "Departure"],
        ["1", "Ada Testwell", "2026-12-05", "2026-12-08"],
        ["2", "Ada Testwell", "2026-12-05", "2026-12-08"],
      ),
    },
    { says: { guestName: "Ada Testwell", ...days, guestCount: null }, reasons: [] },
  ),
  engineCase(
    "a label beside its value is no heading, in two columns or in four",
    {
      subject,
      html: `<table><tr><td>Guest</td><td>Ada Testwell</td><td>Room</td><td>Sea View</td></tr><tr><td>Arrival</td><td>2026-12-05</td><td>Departure</td><td>2026-12-08</td></tr></table><table><tr><td>Guests</td><td>3</td></tr></table>`,
    },
    { says: { guestName: "Ada Testwell", ...days, guestCount: 3 } },
  ),
  ...(
    [
      ["Adults: 2", "Children: 1"],
      ["Erwachsene: 2", "Kinder: 1"],
      ["Adultes : 2", "Enfants : 1"],
      ["Adultos: 2", "Niños: 1"],
      ["Adulti: 2", "Bambini: 1"],
      ["Adults", "2", "Children", "1"],
      ["Guests", "Adults", "2", "Children", "1"],
      ["Number of adults: 2", "Number of children: 1"],
      ["Gäste insgesamt: 3"],
      ["Nombre total de personnes : 3"],
      ["Numero totale di ospiti: 3"],
      ["Número total de huéspedes: 3"],
      ["Número total de hóspedes: 3"],
      ["Łączna liczba gości: 3"],
      ["Celkový počet hostů: 3"],
      ["Ukupan broj gostiju: 3"],
      ["No. of guests: 3"],
      ["Pax: 3"],
      ["Total guests", "3", "Total rooms", "1"],
    ] as const
  ).map((lines) =>
    engineCase(
      `a party is counted: ${lines.join(" / ")}`,
      { subject, text: ["Arrival: 2026-12-05", "Departure: 2026-12-08", ...lines, "Phone: 555"].join("\r\n") },
      { says: { guestCount: 3, ...days }, sure: ["checkIn", "checkOut", "confirmationCode", "guestCount"] },
    ),
  ),
  ...(
    [
      ["Loft, 2 adults only, 4 bedrooms"],
      ["Bilocale 25 Aprile · 4 ospiti"],
      ["Hi! We are 7 adults and a dog."],
      ["Ada has a reservation at Queen Suite 2 adults only."],
    ] as const
  ).map((lines): Case => ({
    name: `neither a house's name nor what somebody tells is a party: ${lines.join(" / ")}`,
    mail: confirmed(...lines),
    kind: "confirmed",
    decision: "auto",
    says: { guestCount: null, confirmationCode: "HMTEST0001", ...days },
  })),
  ...([" | ", " · ", " - "] as const).flatMap((bar): ReadonlyArray<Case> => {
    const rows = [
      ["Booking", "Guest", "Arrival", "Departure"],
      ["B00000001", "Ada Testwell", "2026-12-05", "2026-12-08"],
      ["B00000002", "Bruno Beispiel", "2026-12-10", "2026-12-12"],
    ].map((row) => row.join(bar))
    const uneven = [...rows.slice(0, 2), ["B00000002", "2026-12-10", "2026-12-12"].join(bar)]
    const nobodys = { confirmationCode: null, checkIn: null, checkOut: null }
    return [
      engineCase(
        `two bookings in lines parted by "${bar}" say neither`,
        { subject: "New booking B00000002", text: rows.join("\r\n") },
        {
          decision: "review",
          says: { ...nobodys, guestName: null },
          reasons: ["CODE_CONFLICT", "FIELD_CONFLICT"],
        },
      ),
      engineCase(
        `a booking in a line parted by "${bar}" is read by its headings`,
        { subject: "New booking", text: rows.slice(0, 2).join("\r\n") },
        { says: { confirmationCode: "B00000001", guestName: "Ada Testwell", ...days } },
      ),
      engineCase(
        `lines parted by "${bar}" that have other than as many cells are nobody's`,
        { subject: "New booking", text: uneven.join("\r\n") },
        { decision: "review", says: nobodys },
      ),
    ]
  }),
  engineCase(
    "lines of a drawn table are read as its rows, an empty cell among them",
    {
      subject: "New booking",
      text: [
        "| Booking | Phone | Guest | Arrival | Departure |",
        "|---|---|---|---|---|",
        "| B00000001 | | Ada Testwell | 2026-12-05 | 2026-12-08 |",
      ].join("\r\n"),
    },
    { says: { confirmationCode: "B00000001", guestName: "Ada Testwell", ...days } },
  ),
  ...(
    [
      [
        "a row for each",
        table(["Room", "Guests", "Check-in", "Check-out"], ["Rose", "2", ...stay], ["Tulip", "2", ...stay]),
      ],
      [
        "adults and children of each",
        table(["Room", "Adults", "Children"], ["Rose", "2", "1"], ["Tulip", "2", "1"]) + pairs(...arriving),
      ],
      [
        "a table for each",
        pairs(["Room", "Rose"], ["Guests", "2"]) + pairs(["Room", "Tulip"], ["Guests", "2"]) + pairs(...arriving),
      ],
    ] as const
  ).map(([how, html]) =>
    engineCase(
      `the party of one room is not that of two: ${how}`,
      { subject, html },
      { says: { ...days, guestCount: null }, sure: ["confirmationCode", "checkIn", "checkOut"] },
    ),
  ),
  ...(
    [
      [
        "what nights cost",
        table(["From", "To", "Price"], ["2026-12-05", "2026-12-06", "100"], ["2026-12-06", "2026-12-08", "200"]),
      ],
      ["who comes, and how old", pairs(["Guest", "Age"], ["Ada Testwell", "33"], ["Cy Testwell", "4"])],
      ["a column of a state that stands", table(["Room", "Channel", "Status"], ["Rose", "Web", "Confirmed"])],
      ["a label of a state with nothing beside it", pairs(["Status", ""], ["Phone", "555"])],
    ] as const
  ).map(([what, html]) =>
    engineCase(
      `a table changes nothing of what labels say: ${what}`,
      { subject, html: pairs(["Guest name", "Ada Testwell"], ...arriving, ["Guests", "3"]) + html },
      { says: { ...days, guestName: "Ada Testwell", guestCount: 3 }, reasons: [] },
    ),
  ),
  engineCase(
    "a column of a state that does not stand makes a confirmation a question",
    { subject, html: table(["Guest name", "Check-in", "Status"], ["Ada Testwell", "2026-12-05", "Cancelled"]) },
    { kind: "cancelled", decision: "review", reasons: ["KIND_CONFLICT"] },
  ),
  ...["Message from guest:", "Notes:", "Message from Ada:", "Ada says:"].map((heading) =>
    engineCase(
      `what a guest writes is no party: ${heading}`,
      {
        subject,
        text: ["Arrival: 2026-12-05", "Departure: 2026-12-08", heading, "Guests: 9 adults"].join("\r\n"),
      },
      { says: days, sure: ["confirmationCode", "checkIn", "checkOut"] },
    ),
  ),
  ...["2 adults, 1 child", "Dec 5 – 8, 3 guests", "👥 2 adults & 1 child"].map((line): Case => ({
    name: `a line that says how many come, and at most when, is a question: ${line}`,
    mail: confirmed("Casa Sole", line),
    kind: "confirmed",
    decision: "auto",
    says: { guestCount: 3 },
    sure: ["guestName", "checkIn", "checkOut", "confirmationCode"],
  })),
]
