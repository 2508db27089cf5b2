/** A host of holiday homes: mail on one side, calendars on the other, and bookings that learn. */
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"

import { Browser, eventually, idOf, rowsOf, Where } from "./host.ts"

layer(Where.layer, { excludeTestServices: true, timeout: "2 minutes" })("A host of holiday homes", (it) => {
  it.effect("has bookings from its calendars, and what mails say of them, whichever comes first", () =>
    Effect.gen(function* () {
      const first = yield* hostess("calendar-first")
      yield* first.importAll
      yield* first.connect
      const second = yield* hostess("mail-first")
      yield* second.connect
      yield* eventually(second.reviews, (items) => items.length === 4)
      yield* second.importAll
      for (const { bookings, reviews } of [first, second]) {
        assert.deepStrictEqual(yield* bookings, [
          ["Marta Lindqvist", 2, "HMA7K2X9QF", "Code Match"],
          [null, null, null, null],
          ["Zoë Müller-Okafor", 4, "HA-4JX9QP", "Exact Date"],
          [null, null, "4127730985", "Arrival Date"],
          [null, null, null, null],
        ])
        assert.deepStrictEqual(
          (yield* reviews).map(({ reason }) => reason),
          ["NO_BOOKING"],
        )
      }
    }),
  )

  it.effect("keeps what a person wrote, whatever mails say, also when what they said is taken back", () =>
    Effect.gen(function* () {
      const { bookings, browser, connect, importAll, rows } = yield* hostess("person")
      yield* importAll
      yield* connect
      const [booking] = yield* rows
      assert.isDefined(booking)
      const corrected = yield* browser.patch(`/api/bookings/${String(booking["id"])}`, { guest_name: "Marta & Nils" })
      assert.strictEqual(corrected.status, 200)
      yield* browser.post(`/api/connections/${yield* connect}/sync`)
      assert.deepStrictEqual((yield* bookings)[0], ["Marta & Nils", 2, "HMA7K2X9QF", "Code Match"])

      const undo = (body: object) => browser.post("/api/enrichments/undo", { since: "2026-01-01T00:00:00Z", ...body })
      const meant = yield* undo({ dryRun: true })
      assert.lengthOf((meant.body as { enrichments: ReadonlyArray<unknown> }).enrichments, 3)
      assert.deepStrictEqual((yield* bookings)[2], ["Zoë Müller-Okafor", 4, "HA-4JX9QP", "Exact Date"])
      assert.deepStrictEqual((yield* undo({})).body, meant.body)
      assert.deepStrictEqual(yield* bookings, [
        ["Marta & Nils", null, "HMA7K2X9QF", null],
        [null, null, null, null],
        [null, null, null, null],
        [null, null, null, null],
        [null, null, null, null],
      ])
      yield* browser.post(`/api/connections/${yield* connect}/sync`)
      assert.deepStrictEqual((yield* bookings)[2], [null, null, null, null], "the same reading is not applied again")
    }),
  )

  it.effect("is asked which booking a mail is about, and may say that it is none", () =>
    Effect.gen(function* () {
      const { bookings, browser, connect, importAll, reviews, rows } = yield* hostess("asked")
      yield* importAll
      yield* connect
      const [review] = yield* reviews
      const answer = (booking: unknown) =>
        browser.post(`/api/enrichment-reviews/${String(review?.["review_id"])}`, { booking })
      assert.strictEqual((yield* answer("no-such-booking")).status, 422)
      const blocked = (yield* rows).find(({ status }) => status === "blocked")
      assert.strictEqual((yield* answer(blocked?.["id"])).status, 422)
      assert.strictEqual((yield* answer("none")).status, 200)
      assert.deepStrictEqual(yield* reviews, [])
      assert.deepInclude((yield* answer("none")).body, { error: "ALREADY_ANSWERED" })
      assert.lengthOf(yield* bookings, 5)
    }),
  )

  it.effect("refuses a calendar that is none, and one that has lost most of its stays", () =>
    Effect.gen(function* () {
      const { browser, importCalendar } = yield* hostess("calendars")
      assert.deepInclude((yield* importCalendar("sea-view", "airbnb", "<html>Log in</html>")).body, {
        error: "CALENDAR_UNREADABLE",
      })
      const stays = Array.from(
        { length: 6 },
        (_, index) =>
          `BEGIN:VEVENT\r\nUID:${index}\r\nDTSTART;VALUE=DATE:209912${10 + index}\r\nDTEND;VALUE=DATE:209912${11 + index}\r\nEND:VEVENT\r\n`,
      ).join("")
      const calendar = (events: string) => `BEGIN:VCALENDAR\r\nVERSION:2.0\r\n${events}END:VCALENDAR\r\n`
      assert.deepInclude((yield* importCalendar("sea-view", "airbnb", calendar(stays))).body, { added: 6 })
      assert.deepInclude((yield* importCalendar("sea-view", "airbnb", calendar(""))).body, {
        error: "CALENDAR_EMPTIED",
      })
      assert.deepInclude((yield* importCalendar("sea-view", "agoda", calendar(""))).body, {
        error: "INVALID_REQUEST",
        at: "platform",
      })
      assert.lengthOf(rowsOf(yield* browser.get("/api/bookings")), 6)
    }),
  )

  it.effect("is shown its bookings, what the mails say, and what it is asked", () =>
    Effect.gen(function* () {
      const { browser, connect } = yield* hostess("demo")
      yield* connect
      yield* browser.post("/demo/calendars")
      const { text } = yield* browser.get("/")
      for (const shown of ["Marta Lindqvist", "Code Match", "Which stay is it?", "SPOOF", "CLOSED - Not available"]) {
        assert.include(text, shown)
      }
    }),
  )
})

const calendars = { "sea-view": "airbnb", boathouse: "vrbo", lodge: "booking" }
const listings: Readonly<Record<string, string>> = {
  "sea-view": "9007199254740993001",
  boathouse: "1234567",
  lodge: "12345",
}

/** A workspace of its own, and what is done and seen there. */
const hostess = Effect.fnUntraced(function* (tenant: string) {
  const { server } = yield* Where
  const browser = new Browser(server, { tenant })
  const importCalendar = (feed: string, platform: string, text: string) =>
    browser.put(`/api/calendars/${feed}?platform=${platform}&listing=${listings[feed] ?? ""}`, text, "text/calendar")
  const rows = Effect.map(browser.get("/api/bookings"), rowsOf)
  const reviews = Effect.map(browser.get("/api/enrichment-reviews"), rowsOf)
  return {
    browser,
    importCalendar,
    rows,
    reviews,
    importAll: Effect.forEach(
      Object.entries(calendars),
      ([feed, platform]) =>
        Effect.gen(function* () {
          const { text } = yield* browser.get(`/demo/${feed}.ics`)
          assert.strictEqual((yield* importCalendar(feed, platform, text)).status, 200)
        }),
      { discard: true },
    ),
    /** Connects the mailbox, or finds it connected, and waits until its mail was read and learnt from. */
    connect: Effect.gen(function* () {
      const id = idOf(yield* browser.connect())
      yield* eventually(browser.get(`/api/connections/${id}/facts`), (answer) => rowsOf(answer).length === 7)
      yield* eventually(reviews, (items) => items.length > 0)
      return id
    }),
    bookings: Effect.map(rows, (rows) =>
      rows.map(({ confirmation_code, guest_count, guest_name, raw_data }) => [
        guest_name,
        guest_count,
        confirmation_code,
        (raw_data as { readonly enrichment_reason: unknown }).enrichment_reason,
      ]),
    ),
  }
})
