import { assert, describe, it } from "@effect/vitest"
import { type ReservationFacts } from "@holdfast/domain/reservations/ReservationFacts"
import * as Random from "@holdfast/domain/testing/population/Random"
import { DateTime, Schema } from "effect"

import * as Html from "../../src/extraction/Html.ts"
import { extract } from "../../src/extraction/ReservationMail.ts"
import { MessageId } from "../../src/GmailApi.ts"
import type * as Tape from "../../src/Tape.ts"
import { passed, receivedAt } from "./cases/Case.ts"

type Field = "guestName" | "checkIn" | "checkOut" | "confirmationCode" | "guestCount"

interface Column {
  readonly heading: string
  readonly field: Field | null
  /** In the first row, and in another one. */
  readonly values: readonly [string, string]
}

/** What a booking says under headings that are known. */
const told: ReadonlyArray<Column> = [
  { heading: "Guest name", field: "guestName", values: ["Ada Testwell", "Bruno Beispiel"] },
  { heading: "Arrival", field: "checkIn", values: ["2026-12-05", "2026-12-10"] },
  { heading: "Departure", field: "checkOut", values: ["2026-12-08", "2026-12-12"] },
  { heading: "Booking number", field: "confirmationCode", values: ["LC-7781", "LC-7782"] },
  { heading: "Guests", field: "guestCount", values: ["3", "5"] },
]

/** Headings that are known to say something else, and such as nobody knows. */
const others: readonly [Column, ...Array<Column>] = [
  { heading: "Booked on", field: null, values: ["2026-11-20", "2026-11-19"] },
  { heading: "Room", field: null, values: ["7", "8"] },
  { heading: "Channel", field: null, values: ["Website", "Website"] },
  { heading: "Invoice", field: null, values: ["7777777", "7777778"] },
  { heading: "Foretold on", field: null, values: ["2026-11-21", "2026-11-22"] },
  { heading: "Berths", field: null, values: ["9", "4"] },
  { heading: "Wing", field: null, values: ["Sea View", "Garden View"] },
  { heading: "Ledger", field: null, values: ["LX-1000", "LX-1001"] },
]

const unknown = new Set(["Foretold on", "Berths", "Wing", "Ledger"])

/** Some columns of both sorts, in any order, each once. */
const columnsOf = (seed: number): ReadonlyArray<Column> => {
  const random = Random.make(seed)
  const shuffled = [...told, ...others].map((column) => ({ column, at: random() })).toSorted((a, b) => a.at - b.at)
  return shuffled.slice(0, Random.between(random, 2, 7)).map(({ column }) => column)
}

const valuesOf = (columns: ReadonlyArray<Column>, row: 0 | 1) => columns.map(({ values }) => values[row])

const htmlOf = (columns: ReadonlyArray<Column>, rows: ReadonlyArray<0 | 1>, tag: "td" | "th") => {
  const row = (cells: ReadonlyArray<string>, name: string) =>
    `<tr>${cells.map((cell) => `<${name}><b>${cell}</b></${name}>`).join("\n")}</tr>`
  const headings = columns.map(({ heading }) => heading)
  return `<table><tr><td><table>${row(headings, tag)}${rows.map((one) => row(valuesOf(columns, one), "td")).join("")}</table></td></tr></table><p>See you soon</p>`
}

const linesOf = (columns: ReadonlyArray<Column>, rows: ReadonlyArray<0 | 1>, between: string) =>
  [columns.map(({ heading }) => heading), ...rows.map((row) => valuesOf(columns, row))]
    .map((cells) => cells.join(between))
    .join("\n")

const factsOf = (body: { readonly text?: string; readonly html?: string }): ReservationFacts =>
  extract(
    {
      id: MessageId.make("18c0ffee00000001"),
      threadId: "18c0ffee00000001",
      labelIds: [],
      internalDate: DateTime.makeUnsafe(receivedAt),
      raw: "",
      sha256: "",
      mail: {
        messageId: null,
        from: { name: "Lakeside Cottages", address: "stay@example.org" },
        to: [],
        subject: "New booking",
        date: null,
        headers: [
          ["from", "Lakeside Cottages <stay@example.org>"],
          ["authentication-results", passed("example.org")],
        ],
        fullText: body.text ?? "",
        fullHtml: body.html ?? "",
      },
    } satisfies Tape.Message,
    { trusted: ["example.org"] },
  )

const right = (columns: ReadonlyArray<Column>, field: Field): string | number | null => {
  const value = columns.find((column) => column.field === field)?.values[0] ?? null
  return value !== null && field === "guestCount" ? Number(value) : value
}

const fields: ReadonlyArray<Field> = ["guestName", "checkIn", "checkOut", "confirmationCode", "guestCount"]

describe("A row of headings", () => {
  it.prop(
    "gives each heading what stands in its column, whatever stands beside it",
    [Schema.Int],
    ([seed]) => {
      const columns = columnsOf(seed)
      const html = htmlOf(columns, [0], "th")
      const facts = factsOf({ html })
      for (const field of fields)
        assert.strictEqual(facts[field]?.value ?? null, right(columns, field), `${field} of ${html}`)
    },
    { arbitrary: { runs: 200 } },
  )

  it.prop(
    "gives nobody what stands in another column, where nothing marks it as one or no cells are known",
    [Schema.Int],
    ([seed]) => {
      const columns = columnsOf(seed)
      // In lines alone, several headings that nobody knows cannot be told from values, nor can a house from a guest.
      const strange = columns.find(({ heading }) => unknown.has(heading) && heading !== "Wing")
      const spoken = columns.filter((column) => !unknown.has(column.heading) || column === strange)
      const bodies = [
        // Two cells beside each other may as well be a label and its value.
        { html: columns.length > 2 ? htmlOf(columns, [0], "td") : "" },
        { text: linesOf(spoken, [0], "\n") },
        { text: `${linesOf(spoken, [0], "\n")}\nSee you soon` },
        { text: `Dear host\n${linesOf(spoken, [0], "\t")}\nSee you soon` },
        { text: linesOf(spoken, [0], "     ") },
      ]
      for (const body of spoken.length > 2 ? bodies : bodies.slice(0, 1)) {
        const facts = factsOf(body)
        for (const field of fields) {
          const value = facts[field]?.value ?? null
          if (value !== null) assert.strictEqual(value, right(columns, field), `${field} of ${JSON.stringify(body)}`)
        }
      }
    },
    { arbitrary: { runs: 300 } },
  )

  it.prop(
    "says nothing of which the rows below it say different things",
    [Schema.Int],
    ([seed]) => {
      const columns = columnsOf(seed)
      for (const rows of [[0, 1] as const, [1, 0] as const]) {
        const bodies = [
          { html: htmlOf(columns, rows, "th") },
          { html: columns.length > 2 ? htmlOf(columns, rows, "td") : "" },
          { text: columns.length > 2 ? linesOf(columns, rows, "\t") : "" },
        ]
        for (const body of bodies) {
          const facts = factsOf(body)
          for (const field of fields) assert.isNull(facts[field], `${field} of ${JSON.stringify(body)}`)
        }
      }
    },
    { arbitrary: { runs: 200 } },
  )
})

describe("A line of a page", () => {
  const placesOf = (html: string) =>
    Html.read(html).cells.map((cell) => (cell === null ? null : [cell.row, cell.column, cell.isHead]))

  it("stands in a row and a column of its table, or in none", () => {
    assert.deepStrictEqual(
      placesOf(
        "<p>x</p><table><tr><th>a</th><th colspan=2>b</th><th>c</th></tr><tr><td>d<br>e</td><td></td><td>f</td></tr></table>y",
      ),
      [null, [1, 0, true], [1, 1, true], [1, 3, true], [2, 0, false], [2, 0, false], [2, 2, false], null],
    )
  })

  it("stands in the cell that holds its table, where that is a mere frame", () => {
    assert.deepStrictEqual(
      placesOf(
        "<table><tr><td><table><tr><td>a</td></tr></table></td><td><table><tr><td>b</td></tr></table></td></tr></table>",
      ),
      [
        [1, 0, false],
        [1, 1, false],
      ],
    )
  })

  it("stands nowhere that is known, where cells span rows", () => {
    assert.deepStrictEqual(placesOf("<table><tr><td rowspan=2>a</td><td>b</td></tr><tr><td>c</td></tr></table>"), [
      null,
      null,
      null,
    ])
  })
})
