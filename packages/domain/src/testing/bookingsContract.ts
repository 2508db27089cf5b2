/**
 * What a host's bookings must do for Holdfast, as tests that the host can run.
 *
 * Beside the port it needs a {@link BookingDesk}: the host's own ways to import, edit and list.
 */
import { assert, layer } from "@effect/vitest"
import { DateTime, Duration, Effect, Layer, Schema } from "effect"
import { SecureRandom } from "effect/crypto"

import { ConnectionId, type TenantId } from "../Ids.ts"
import { type Booking, BookingId, Bookings, type Field, groundOf, type Query } from "../reservations/Bookings.ts"
import { BookingDesk } from "./bookingsMemory.ts"
import { freshTenant } from "./keyring.ts"

/** Registers the contract as a suite. The host may hold bookings of earlier runs. */
export const bookingsContract = <E>(name: string, host: Layer.Layer<Bookings | BookingDesk, E>) =>
  layer(Layer.merge(host, SecureRandom.layerWebCrypto), { timeout: Duration.seconds(60), excludeTestServices: true })(
    name,
    (it) => {
      it.effect("finds bookings by id, by code and by arrival, whatever their status, and no others", () =>
        Effect.gen(function* () {
          const { find, ids, tenantId } = yield* furnished
          const found = (query: Query) =>
            Effect.map(find(tenantId, query), (bookings) => bookings.map(({ id }) => id).toSorted())
          assert.deepStrictEqual(yield* found({ by: "ids", ids: [ids.coded, ids.blocked, ids.stranger] }), [
            ids.blocked,
            ids.coded,
          ])
          assert.deepStrictEqual(
            yield* found({ by: "codes", platform: "airbnb", codes: ["HMTEST0001", "HMTEST0009"] }),
            [ids.coded],
          )
          assert.deepStrictEqual(yield* found({ by: "codes", platform: "vrbo", codes: ["HMTEST0001"] }), [])
          assert.deepStrictEqual(yield* found({ by: "arrival", platform: "airbnb", days: ["2026-12-05"] }), [
            ids.cancelled,
            ids.coded,
          ])
          assert.deepStrictEqual(
            yield* found({ by: "arrival", platform: "airbnb", days: ["2026-12-05", "2026-12-20", "2027-01-01"] }),
            [ids.blocked, ids.cancelled, ids.coded],
          )
          for (const nothing of [
            { by: "ids", ids: [] },
            { by: "codes", platform: "airbnb", codes: [] },
            { by: "arrival", platform: "airbnb", days: [] },
          ] as const) {
            assert.deepStrictEqual(yield* found(nothing), [])
          }
        }),
      )

      it.effect("finds a booking as it was imported", () =>
        Effect.gen(function* () {
          const { find, ids, tenantId } = yield* furnished
          const [found] = yield* find(tenantId, { by: "ids", ids: [ids.coded] })
          assert.deepStrictEqual(found && { ...groundOf(found), since: DateTime.formatIso(found.since) }, {
            ...groundOf(booking(ids.coded)),
            since: "2026-11-01T00:00:00.000Z",
          })
        }),
      )

      it.effect.prop(
        "updates the fields that are named and nothing else, and takes them back",
        [Told],
        ([told]) =>
          Effect.gen(function* () {
            const { ids, one, tenantId, update } = yield* furnished
            const before = yield* one(ids.coded)
            const updated = yield* update(tenantId, ids.coded, {
              expects: groundOf(before),
              set: told,
              reason: "Code Match",
            })
            assert.deepStrictEqual(updated, { outcome: "updated" })
            const after = yield* one(ids.coded)
            assert.deepStrictEqual(groundOf(after), { ...groundOf(before), ...told })
            const { code, guestCount, guestName } = before
            const back = { expects: groundOf(after), set: { code, guestCount, guestName }, reason: null }
            assert.deepStrictEqual(yield* update(tenantId, ids.coded, back), { outcome: "updated" })
            assert.deepStrictEqual(groundOf(yield* one(ids.coded)), groundOf(before))
          }),
        { arbitrary: { runs: 20 } },
      )

      it.effect("refuses an update of a booking that is not what is expected, and says what it is", () =>
        Effect.gen(function* () {
          const { all, ids, one, tenantId, update } = yield* furnished
          const stands = yield* one(ids.coded)
          for (const other of [
            { listing: null },
            { feed: "another" },
            { platform: "vrbo" },
            { checkIn: "2026-12-04" },
            { checkOut: "2026-12-09" },
            { status: "cancelled" },
            { code: null },
            { guestName: "Bruno Beispiel" },
            { guestCount: 2 },
            { editedByPerson: ["guestName"] },
          ] as const) {
            const expects = { ...groundOf(stands), ...other }
            const updated = yield* update(tenantId, ids.coded, { expects, set: { guestName: "Ada" }, reason: "x" })
            assert.strictEqual(updated.outcome, "changed")
            if (updated.outcome === "changed") assert.deepStrictEqual(groundOf(updated.booking), groundOf(stands))
            assert.deepStrictEqual(groundOf(yield* one(ids.coded)), groundOf(stands))
          }
          assert.strictEqual((yield* all).length, 3)
        }),
      )

      it.effect("lets one of many updates through that expect the same", () =>
        Effect.gen(function* () {
          const { ids, one, tenantId, update } = yield* furnished
          const expects = groundOf(yield* one(ids.coded))
          const outcomes = yield* Effect.all(
            Array.from({ length: 8 }, (_, n) =>
              update(tenantId, ids.coded, { expects, set: { guestName: `Guest ${n}` }, reason: "Code Match" }),
            ),
            { concurrency: "unbounded" },
          )
          assert.strictEqual(outcomes.filter(({ outcome }) => outcome === "updated").length, 1)
          assert.strictEqual(outcomes.filter(({ outcome }) => outcome === "changed").length, 7)
        }),
      )

      it.effect("knows what a person wrote from what an update wrote", () =>
        Effect.gen(function* () {
          const { edit, ids, one, tenantId, update } = yield* furnished
          const told = {
            expects: groundOf(yield* one(ids.coded)),
            set: { guestName: "Ada", guestCount: 2 },
            reason: "x",
          }
          yield* update(tenantId, ids.coded, told)
          assert.deepStrictEqual((yield* one(ids.coded)).editedByPerson, [])
          yield* edit(tenantId, ids.coded, { guestName: "Ada T.", guestCount: null })
          const edited = yield* one(ids.coded)
          assert.sameMembers<Field>([...edited.editedByPerson], ["guestName", "guestCount"])
          assert.deepInclude(edited, { guestName: "Ada T.", guestCount: null, code: "HMTEST0001" })
          assert.strictEqual((yield* update(tenantId, ids.coded, told)).outcome, "changed")
        }),
      )

      it.effect("makes no booking, removes none, and reaches into no other tenant", () =>
        Effect.gen(function* () {
          const [one, other] = [yield* furnished, yield* furnished]
          const before = yield* one.all
          const expects = groundOf(booking(one.ids.coded))
          for (const [tenantId, id] of [
            [one.tenantId, one.ids.stranger],
            [one.tenantId, other.ids.coded],
            [other.tenantId, one.ids.coded],
          ] as const) {
            const updated = yield* one.update(tenantId, id, { expects, set: { guestName: "Ada" }, reason: "x" })
            assert.deepStrictEqual(updated, { outcome: "gone" })
          }
          assert.deepStrictEqual((yield* one.all).map(groundOf), before.map(groundOf))
          assert.deepStrictEqual(yield* one.find(one.tenantId, { by: "ids", ids: [other.ids.coded] }), [])
        }),
      )

      it.effect("says which calendars the mail of a connection is about", () =>
        Effect.gen(function* () {
          const { assign, calendarsOf, tenantId } = yield* furnished
          const random = yield* SecureRandom.SecureRandom
          const connectionId = ConnectionId.make(yield* random.uuidV4())
          const calendars = [{ feed: "sea-view", platform: "airbnb", listing } as const]
          yield* assign(tenantId, connectionId, calendars)
          assert.deepStrictEqual(yield* calendarsOf(tenantId, connectionId), calendars)
        }),
      )
    },
  )

const listing = "9007199254740993001"

const Told = Schema.Struct({
  guestName: Schema.Literals(["Ada Testwell", "Zoë Muster-Exemple", "例子 山田", "O'Neil Sample"]),
  guestCount: Schema.NullOr(Schema.Literals([1, 2, 16])),
})

const booking = (id: BookingId, differing: Partial<Booking> = {}): Booking => ({
  id,
  platform: "airbnb",
  listing,
  feed: "sea-view",
  code: "HMTEST0001",
  checkIn: "2026-12-05",
  checkOut: "2026-12-08",
  status: "live",
  guestName: null,
  guestCount: null,
  editedByPerson: [],
  since: DateTime.makeUnsafe("2026-11-01T00:00:00Z"),
  ...differing,
})

/** A tenant of its own with three bookings. */
const furnished = Effect.gen(function* () {
  const bookings = yield* Bookings
  const desk = yield* BookingDesk
  const random = yield* SecureRandom.SecureRandom
  const tenantId: TenantId = yield* freshTenant
  const id = Effect.map(random.uuidV4(), (uuid) => BookingId.make(uuid))
  const sorted = (yield* Effect.all([id, id, id])).toSorted()
  const [blocked, cancelled, coded] = sorted as [BookingId, BookingId, BookingId]
  const ids = { blocked, cancelled, coded, stranger: yield* id }
  yield* desk.import(tenantId, [
    booking(coded),
    booking(cancelled, { code: null, status: "cancelled" }),
    booking(blocked, { code: null, status: "blocked", checkIn: "2026-12-20", checkOut: "2026-12-22" }),
  ])
  return {
    ...bookings,
    ...desk,
    tenantId,
    ids,
    all: desk.all(tenantId),
    one: (id: BookingId) =>
      Effect.flatMap(bookings.find(tenantId, { by: "ids", ids: [id] }), ([one]) =>
        one === undefined ? Effect.die("the booking is gone") : Effect.succeed(one),
      ),
  }
})
