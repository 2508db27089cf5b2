import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Bookings, Ids } from "@holdfast/domain"
import { Store } from "@holdfast/store-postgres"
import { Clock, DateTime, Effect, Layer, Redacted } from "effect"
import { SqlClient } from "effect/sql"

import { type Feed, HostBookings } from "../src/HostBookings.ts"

const store = HostBookings.layer.pipe(
  Layer.provide(Layer.effect(SqlClient.SqlClient, PgClient.PgClient)),
  Layer.provide(
    Store.layerPglite({ masterKeys: { current: "test", keys: { test: Redacted.make(new Uint8Array(32).fill(5)) } } }),
  ),
)

layer(store, { excludeTestServices: true, timeout: "2 minutes" })("A calendar feed", (it) => {
  it.effect("makes the bookings that it shows, and changes nothing when it is imported again", () =>
    Effect.gen(function* () {
      const { importFeed, rows } = yield* world("made")
      assert.include(yield* importFeed(stay("a", "1205", "1208", "HMTEST0001"), blocked("b", "1210", "1212")), {
        added: 2,
      })
      assert.include(yield* importFeed(stay("a", "1205", "1208", "HMTEST0001"), blocked("b", "1210", "1212")), {
        added: 0,
        unchanged: 2,
      })
      assert.deepStrictEqual(
        (yield* rows).map((row) => [row.check_in, row.check_out, row.status, row.confirmation_code, row.guest_name]),
        [
          ["2026-12-05", "2026-12-08", "live", "HMTEST0001", null],
          ["2026-12-10", "2026-12-12", "blocked", null, null],
        ],
      )
    }),
  )

  it.effect("moves a stay that has other days, and keeps what is known of it", () =>
    Effect.gen(function* () {
      const { bookings, importFeed, rows, tenant } = yield* world("moved")
      yield* importFeed(stay("a", "1205", "1208", "HMTEST0001"))
      const [before] = yield* rows
      assert.isDefined(before)
      yield* bookings.correct(tenant, before.id, { guest_name: "Ada Testwell" })
      assert.include(yield* importFeed(stay("a", "1205", "1209", "HMTEST0001")), { added: 0, moved: 1 })
      const [after] = yield* rows
      assert.deepInclude(after, { id: before.id, check_out: "2026-12-09", guest_name: "Ada Testwell" })
    }),
  )

  it.effect("cancels what it shows no more, unless it is over, and restores what it shows again", () =>
    Effect.gen(function* () {
      const { bookings, feed, importFeed, statuses, tenant } = yield* world("cancelled")
      const [past, next, later] = [stay("p", "1119", "1122"), stay("n", "1205", "1208"), stay("l", "1220", "1224")]
      yield* importFeed(past, next, later)
      assert.include(yield* onDay(25, bookings.importFeed(tenant, feed, calendar(next))), { cancelled: 1 })
      assert.deepStrictEqual(yield* statuses, ["live", "live", "cancelled"])
      assert.include(yield* onDay(25, bookings.importFeed(tenant, feed, calendar(next, later))), { restored: 1 })
      assert.deepStrictEqual(yield* statuses, ["live", "live", "live"])
    }),
  )

  it.effect("M13 makes another booking of days that were cancelled and booked again", () =>
    Effect.gen(function* () {
      const { importFeed, rows } = yield* world("again")
      yield* importFeed(stay("a", "1205", "1208", "HMTEST0001"))
      yield* importFeed(stay("a", "1205", "1208", "HMTEST0002"))
      assert.sameDeepMembers(
        (yield* rows).map(({ confirmation_code, status }) => [confirmation_code, status]),
        [
          ["HMTEST0001", "cancelled"],
          ["HMTEST0002", "live"],
        ],
      )
    }),
  )

  it.effect("that has shrunk to almost nothing is not believed, until somebody says so", () =>
    Effect.gen(function* () {
      const { bookings, feed, importFeed, statuses, tenant } = yield* world("emptied")
      const stays = Array.from({ length: 6 }, (_, index) => stay(`s${index}`, `12${10 + index}`, `12${11 + index}`))
      yield* importFeed(...stays)
      assert.deepInclude(yield* Effect.flip(importFeed()), { _tag: "CalendarEmptied", cancelled: 6, upcoming: 6 })
      assert.deepStrictEqual(yield* statuses, Array(6).fill("live"))
      yield* bookings.importFeed(tenant, feed, calendar(), { evenIfEmptied: true })
      assert.deepStrictEqual(yield* statuses, Array(6).fill("cancelled"))
    }),
  )

  it.effect("M17 ends on the day of departure, and has its times at the property", () =>
    Effect.gen(function* () {
      const { importFeed, rows } = yield* world("zone")
      yield* importFeed("BEGIN:VEVENT\r\nUID:t\r\nDTSTART:20261205T233000Z\r\nDTEND:20261208T090000Z\r\nEND:VEVENT\r\n")
      const [row] = yield* rows
      assert.deepInclude(row, { check_in: "2026-12-06", check_out: "2026-12-08" })
    }),
  )

  for (const [what, text] of [
    ["a login page", "<html><body>Please log in</body></html>"],
    ["half a calendar", calendar(stay("a", "1205", "1208")).slice(0, 120)],
    ["an event that names no day", calendar("BEGIN:VEVENT\r\nUID:x\r\nSUMMARY:Reserved\r\nEND:VEVENT\r\n")],
    ["a day that there is not", calendar(stay("a", "0231", "0305"))],
    ["a stay that ends before it begins", calendar(stay("a", "1208", "1205"))],
  ] as const) {
    it.effect(`that is ${what} is refused, and changes nothing`, () =>
      Effect.gen(function* () {
        const { bookings, feed, importFeed, statuses, tenant } = yield* world(what.replaceAll(" ", "-"))
        yield* importFeed(stay("a", "1205", "1208"))
        assert.strictEqual((yield* Effect.flip(bookings.importFeed(tenant, feed, text)))._tag, "CalendarUnreadable")
        assert.deepStrictEqual(yield* statuses, ["live"])
      }),
    )
  }

  it.effect("is found and updated through the port, as long as nobody was first", () =>
    Effect.gen(function* () {
      const { bookings, importFeed, rows, tenant } = yield* world("port")
      const port = yield* Bookings.Bookings
      yield* importFeed(stay("a", "1205", "1208", "HMTEST0001"))
      const [found] = yield* port.find(tenant, { by: "codes", platform: "airbnb", codes: ["HMTEST0001"] })
      assert.isDefined(found)
      assert.lengthOf(yield* port.find(tenant, { by: "arrival", platform: "airbnb", days: ["2026-12-05"] }), 1)
      assert.lengthOf(yield* port.find(tenant, { by: "arrival", platform: "vrbo", days: ["2026-12-05"] }), 0)
      assert.lengthOf(yield* port.find(Ids.TenantId.make("other"), { by: "ids", ids: [found.id] }), 0)
      const update = { expects: Bookings.groundOf(found), set: { guestName: "Ada Testwell" }, reason: "Code Match" }
      assert.deepStrictEqual(yield* port.update(tenant, found.id, update), { outcome: "updated" })
      assert.strictEqual((yield* port.update(tenant, found.id, update)).outcome, "changed")
      assert.strictEqual((yield* port.update(Ids.TenantId.make("other"), found.id, update)).outcome, "gone")
      yield* bookings.correct(tenant, found.id, { guest_name: null })
      assert.deepInclude((yield* rows)[0], { guest_name: null, edited: ["guestName"] })
    }),
  )
})

/** A tenant of its own. */
const world = Effect.fnUntraced(function* (name: string) {
  const bookings = yield* HostBookings
  const tenant = Ids.TenantId.make(name)
  const feed: Feed = {
    feed: "sea-view",
    platform: "airbnb",
    listing: "9007199254740993001",
    zone: DateTime.zoneMakeNamedUnsafe("Europe/Zagreb"),
  }
  const rows = bookings.list(tenant)
  return {
    bookings,
    tenant,
    feed,
    rows,
    statuses: Effect.map(rows, (rows) => rows.map(({ status }) => status)),
    importFeed: (...events: ReadonlyArray<string>) => onDay(20, bookings.importFeed(tenant, feed, calendar(...events))),
  }
})

/** On a day of November 2026. Nothing but the time of day is another one: the database's client waits as ever. */
const onDay = <A, E, R>(day: number, effect: Effect.Effect<A, E, R>) =>
  Effect.flatMap(Clock.Clock, (clock) => {
    const now = Date.UTC(2026, 10, day)
    const still: Clock.Clock = Object.assign(Object.create(clock), {
      currentTimeMillisUnsafe: () => now,
      currentTimeMillis: Effect.succeed(now),
    })
    return Effect.provideService(effect, Clock.Clock, still)
  })

function calendar(...events: ReadonlyArray<string>) {
  return `BEGIN:VCALENDAR\r\nPRODID:-//Example//EN\r\nVERSION:2.0\r\n${events.join("")}END:VCALENDAR\r\n`
}

/** In 2026, from a day to the day of departure: `MMDD`. */
function stay(uid: string, from: string, to: string, code?: string, summary = "Reserved") {
  const link = `DESCRIPTION:Reservation URL: https://www.airbnb.com/hosting/reservations/details/${code}\r\n`
  return `BEGIN:VEVENT\r\nUID:${uid}\r\nDTSTART;VALUE=DATE:2026${from}\r\nDTEND;VALUE=DATE:2026${to}\r\nSUMMARY:${summary}\r\n${code === undefined ? "" : link}END:VEVENT\r\n`
}

function blocked(uid: string, from: string, to: string) {
  return stay(uid, from, to, undefined, "Airbnb (Not available)")
}
