/**
 * What enrichment must do on every store, with every host's bookings.
 *
 * The cases M01 to M18 are named by their numbers: messages and calendars that meet in all the ways that were seen.
 */
import { assert, describe, layer } from "@effect/vitest"
import { DateTime, Duration, Effect, Exit, Layer, Logger, Option, Schema } from "effect"
import { Digest, SecureRandom } from "effect/crypto"

import * as Aggregate from "../Aggregate.ts"
import * as Controls from "../Controls.ts"
import { DataKeys } from "../DataKeys.ts"
import { categoryOf, EventLog, EventStore } from "../EventStore.ts"
import * as Forgetting from "../Forgetting.ts"
import { type Leases } from "../Leases.ts"
import * as Rebuild from "../Rebuild.ts"
import { type Bookings } from "../reservations/Bookings.ts"
import * as EnrichedBooking from "../reservations/EnrichedBooking.ts"
import * as Enrichment from "../reservations/Enrichment.ts"
import * as EnrichmentReviewsView from "../reservations/EnrichmentReviewsView.ts"
import * as EnrichmentRuns from "../reservations/EnrichmentRuns.ts"
import * as EnrichmentsView from "../reservations/EnrichmentsView.ts"
import { type Sealer } from "../Sealer.ts"
import * as Verify from "../Verify.ts"
import { type Views, type ViewStore } from "../ViewStore.ts"
import { type BookingDesk, layerMemory } from "./bookingsMemory.ts"
import * as Storm from "./enrichmentStorm.ts"
import {
  asked,
  at,
  beforeFirstUpdate,
  by,
  type Crash,
  crashing,
  Drawn,
  DrawnStay,
  fixed,
  mailOf,
  Shuffle,
  shuffled,
  still,
  stayOf,
  told,
} from "./enrichmentWorlds.ts"
import { bookingMail, caughtUp, closed, factsView, hosting, hostingIn, mail, seaView, stay, today } from "./hosting.ts"

type Stores = DataKeys | EventLog | EventStore | Leases | Sealer | Views | ViewStore

/** Registers the cases as a suite. The store may hold events of earlier runs. */
export const enrichmentContract = <E>(
  name: string,
  stores: Layer.Layer<Stores, E>,
  options: { readonly runs?: number; readonly host?: Layer.Layer<Bookings | BookingDesk> } = {},
) =>
  layer(
    Layer.mergeAll(
      options.host ?? layerMemory,
      SecureRandom.layerWebCrypto,
      Digest.layerWebCrypto,
      still,
      Logger.layer([]),
    ).pipe(Layer.provideMerge(stores)),
    { timeout: Duration.seconds(60), excludeTestServices: true },
  )(name, (it) => {
    const property = { timeout: 120_000, arbitrary: { runs: options.runs ?? 30, size: 12, maxShrinks: 60 } }

    describe("a message", () => {
      it.effect("M01 with the code of the calendar's link tells the booking who comes, and says whence it knows", () =>
        Effect.gen(function* () {
          const { accountId, booking, connectionId, deliver, enrichments, have, open, run } = yield* hosting
          yield* have(stay("b", { code: "HMTEST0001" }))
          yield* deliver(mail("m"))
          assert.deepStrictEqual(yield* run, {
            factsConsidered: 1,
            bookingsEnriched: 1,
            reviewsOpened: 0,
            reviewsClosed: 0,
          })
          assert.deepStrictEqual(told(yield* booking("b")), ["Ada Testwell", 4, "HMTEST0001"])
          const [row, ...more] = yield* enrichments("b")
          assert.deepStrictEqual(more, [])
          assert.deepInclude(row, {
            account_id: accountId,
            message_id: "m",
            connection_id: connectionId,
            extractor: 1,
            match: "code",
            confidence: 0.97,
            status: "applied",
            before: { guestName: null, guestCount: null },
            after: { guestName: "Ada Testwell", guestCount: 4 },
          })
          assert.deepStrictEqual(yield* open, [])
        }),
      )

      it.effect("M02 with other dates tells who comes, asks about the dates, and leaves them to the calendar", () =>
        Effect.gen(function* () {
          const { booking, deliver, have, open, run } = yield* hosting
          yield* have(stay("b", { code: "HMTEST0001", checkOut: "2026-12-09" }))
          yield* deliver(mail("m"))
          yield* run
          const after = yield* booking("b")
          assert.deepStrictEqual(told(after), ["Ada Testwell", 4, "HMTEST0001"])
          assert.deepStrictEqual([after.checkIn, after.checkOut], ["2026-12-05", "2026-12-09"])
          assert.deepStrictEqual(asked(yield* open), [["DATE_MISMATCH", ["b"]]])
        }),
      )

      it.effect("M03 of the listing's only stay on these dates tells the code too", () =>
        Effect.gen(function* () {
          const { booking, deliver, enrichments, have, run } = yield* hosting
          yield* have(stay("b"), stay("other", { checkIn: "2026-12-08", checkOut: "2026-12-10" }))
          yield* deliver(mail("m"))
          yield* run
          assert.deepStrictEqual(told(yield* booking("b")), ["Ada Testwell", 4, "HMTEST0001"])
          assert.deepStrictEqual(told(yield* booking("other")), [null, null, null])
          assert.strictEqual((yield* enrichments("b"))[0]?.match, "dates")
        }),
      )

      it.effect("M04 that names no listing is a question between two stays on its dates", () =>
        Effect.gen(function* () {
          const { bookings, deliver, have, open, run } = yield* hosting
          yield* have(stay("b1"), stay("b2", { listing: "77", feed: "garden" }))
          const before = yield* bookings
          yield* deliver(mail("m", { listing: null }))
          yield* run
          assert.deepStrictEqual(yield* bookings, before)
          assert.deepStrictEqual(asked(yield* open), [["AMBIGUOUS", ["b1", "b2"]]])
        }),
      )

      it.effect("that names no listing is about the only calendar's stay, and a question where there are two", () =>
        Effect.gen(function* () {
          const { assign, booking, deliver, have, open, reconsider, run } = yield* hosting
          yield* have(stay("b"), stay("other", { listing: "77", feed: "garden", checkIn: "2027-01-02" }))
          yield* deliver(mail("m", { listing: null }))
          yield* run
          assert.deepStrictEqual(asked(yield* open), [["LISTING_UNKNOWN", ["b"]]])
          yield* assign([{ feed: "sea view", platform: "airbnb", listing: seaView }])
          yield* reconsider
          assert.deepStrictEqual(asked(yield* open), [])
          assert.deepStrictEqual(told(yield* booking("b")), ["Ada Testwell", 4, "HMTEST0001"])
        }),
      )

      it.effect("M05 that is earlier than the calendar waits as a question, and closes it by itself, once", () =>
        Effect.gen(function* () {
          const { booking, deliver, enrichments, feed, open, reviews, run } = yield* hosting
          yield* deliver(mail("m"))
          assert.deepInclude(yield* run, { bookingsEnriched: 0, reviewsOpened: 1 })
          assert.deepInclude(yield* run, { factsConsidered: 0, reviewsOpened: 0 })
          assert.deepStrictEqual(asked(yield* open), [["NO_BOOKING", []]])
          assert.deepInclude(yield* feed(stay("b")), { bookingsEnriched: 1, reviewsClosed: 1 })
          assert.deepInclude(yield* feed(yield* booking("b")), { bookingsEnriched: 0, reviewsClosed: 0 })
          yield* run
          assert.deepStrictEqual(told(yield* booking("b")), ["Ada Testwell", 4, "HMTEST0001"])
          assert.strictEqual((yield* enrichments("b")).length, 1)
          const [review, ...more] = yield* reviews
          assert.deepStrictEqual(more, [])
          assert.deepInclude<object>(review ?? {}, { status: "applied", booking_id: "b", message_id: "m" })
        }),
      )

      it.effect("M06 never overwrites another code", () =>
        Effect.gen(function* () {
          const { bookings, deliver, have, open, run } = yield* hosting
          yield* have(stay("b", { code: "HMTEST0009" }))
          const before = yield* bookings
          yield* deliver(mail("m"))
          yield* run
          assert.deepStrictEqual(yield* bookings, before)
          assert.deepStrictEqual(asked(yield* open), [["OTHER_CODE", ["b"]]])
        }),
      )

      it.effect("M07 of Booking.com finds the one closed stay that begins on its day", () =>
        Effect.gen(function* () {
          const { booking, deliver, enrichments, have, run } = yield* hosting
          yield* have(closed("b"), closed("next", { checkIn: "2027-06-05", checkOut: "2027-06-07" }))
          yield* deliver(bookingMail("m"))
          yield* run
          assert.deepStrictEqual(told(yield* booking("b")), [null, null, "5550000001"])
          assert.deepStrictEqual(told(yield* booking("next")), [null, null, null])
          assert.strictEqual((yield* enrichments("b"))[0]?.match, "arrival")
        }),
      )

      it.effect("M08 and another one are not paired with two stays by their order", () =>
        Effect.gen(function* () {
          const { bookings, deliver, have, open, run } = yield* hosting
          yield* have(closed("b1"), closed("b2"))
          const before = yield* bookings
          yield* deliver(bookingMail("m1"), bookingMail("m2", { code: "5550000002" }))
          yield* run
          assert.deepStrictEqual(yield* bookings, before)
          assert.deepStrictEqual(asked(yield* open), [
            ["AMBIGUOUS", ["b1", "b2"]],
            ["AMBIGUOUS", ["b1", "b2"]],
          ])
        }),
      )

      it.effect("M09 about three rooms tells three equal stays, and none of two", () =>
        Effect.gen(function* () {
          const { booking, bookings, deliver, feed, have, open, run } = yield* hosting
          yield* have(closed("b1"), closed("b2"))
          const before = yield* bookings
          yield* deliver(bookingMail("m", { rooms: 3, guestCount: 6 }))
          yield* run
          assert.deepStrictEqual(yield* bookings, before)
          assert.deepStrictEqual(asked(yield* open), [["AMBIGUOUS", ["b1", "b2"]]])
          yield* feed(closed("b3"))
          for (const id of ["b1", "b2", "b3"]) {
            assert.deepStrictEqual(told(yield* booking(id)), [null, null, "5550000001"])
          }
          assert.deepStrictEqual(asked(yield* open), [])
        }),
      )

      it.effect("M10 that is cancelled later is taken back from what may be a closure by hand", () =>
        Effect.gen(function* () {
          const { booking, deliver, enrichments, have, run } = yield* hosting
          yield* have(closed("b"))
          yield* deliver(bookingMail("m"))
          yield* run
          assert.strictEqual((yield* booking("b")).code, "5550000001")
          yield* deliver(bookingMail("m2", { kind: "cancelled", decision: "none", received: "2026-11-20T10:20:00Z" }))
          yield* run
          assert.deepStrictEqual(told(yield* booking("b")), [null, null, null])
          assert.deepInclude((yield* enrichments("b"))[0], { status: "taken_back", why: "withdrawn" })
        }),
      )

      it.effect("M11 is never about a day that the host has blocked", () =>
        Effect.gen(function* () {
          const { bookings, deliver, have, open, run } = yield* hosting
          yield* have(stay("b", { status: "blocked" }))
          const before = yield* bookings
          yield* deliver(mail("m"))
          yield* run
          assert.deepStrictEqual(yield* bookings, before)
          assert.deepStrictEqual(asked(yield* open), [["NO_BOOKING", []]])
        }),
      )

      it.effect("M12 about what is cancelled or over tells nothing, asks nothing, and is kept", () =>
        Effect.gen(function* () {
          const { bookings, deliver, facts, have, open, run } = yield* hosting
          yield* have(
            stay("cancelled", { status: "cancelled" }),
            stay("coded", { status: "cancelled", code: "HMTEST0003", checkIn: "2027-02-01", checkOut: "2027-02-03" }),
            stay("over", { code: "HMTEST0002", checkIn: "2026-11-01", checkOut: "2026-11-04" }),
          )
          const before = yield* bookings
          yield* deliver(
            mail("m1"),
            mail("m2", { code: "HMTEST0002", checkIn: "2026-11-01", checkOut: "2026-11-04" }),
            mail("m3", { code: "HMTEST0003", checkIn: "2027-02-01", checkOut: "2027-02-03" }),
          )
          yield* run
          assert.deepStrictEqual(yield* bookings, before)
          assert.deepStrictEqual(yield* open, [])
          assert.strictEqual((yield* facts).length, 3)
        }),
      )

      it.effect("M13 about a stay that was cancelled and booked again is about the stay that it was sent for", () =>
        Effect.gen(function* () {
          const { booking, deliver, feed, open, run } = yield* hosting
          const cancelled = stay("b1", { status: "cancelled" })
          const again = stay("b2", { since: DateTime.makeUnsafe("2026-11-21T09:00:00Z") })
          const mails = [
            mail("m1"),
            mail("m2", { kind: "cancelled", decision: "none", received: "2026-11-20T20:00:00Z" }),
            mail("m3", { code: "HMTEST0002", guestName: "Bruno Beispiel", received: "2026-11-21T08:00:00Z" }),
          ]
          yield* deliver(mails[2] ?? mail("m3"))
          yield* run
          yield* feed(cancelled, again)
          yield* deliver(mails[0] ?? mail("m1"))
          yield* run
          const after = told(yield* booking("b2"))
          assert.deepStrictEqual(after, ["Bruno Beispiel", 4, "HMTEST0002"])
          yield* deliver(mails[1] ?? mail("m2"))
          yield* run
          assert.deepStrictEqual(told(yield* booking("b2")), after)
          assert.deepStrictEqual(told(yield* booking("b1")), [null, null, null])
          assert.deepStrictEqual(yield* open, [])
        }),
      )

      it.effect("M13 about a stay goes when that is cancelled, and makes room for the next one", () =>
        Effect.gen(function* () {
          const { booking, deliver, have, run } = yield* hosting
          yield* have(stay("b"))
          yield* deliver(mail("m1"))
          yield* run
          yield* deliver(
            mail("m2", { kind: "cancelled", decision: "none", received: "2026-11-20T10:20:00Z" }),
            mail("m3", { code: "HMTEST0002", guestName: "Bruno Beispiel", received: "2026-11-20T10:25:00Z" }),
          )
          yield* run
          assert.deepStrictEqual(told(yield* booking("b")), ["Bruno Beispiel", 4, "HMTEST0002"])
        }),
      )

      it.effect("M15 of one tenant never meets a booking of another one", () =>
        Effect.gen(function* () {
          const [one, other] = [yield* hosting, yield* hosting]
          yield* other.have(stay("b", { code: "HMTEST0001" }))
          yield* one.deliver(mail("m"))
          yield* one.run
          yield* other.run
          assert.deepStrictEqual(told(yield* other.booking("b")), [null, null, "HMTEST0001"])
          assert.deepStrictEqual(asked(yield* one.open), [["NO_BOOKING", []]])
          assert.deepStrictEqual(yield* other.open, [])
        }),
      )

      it.effect("M16 that never finds a booking is a question and nothing else", () =>
        Effect.gen(function* () {
          const { bookings, deliver, have, open, run } = yield* hosting
          yield* have(stay("b", { checkIn: "2027-03-01", checkOut: "2027-03-04" }))
          const before = yield* bookings
          yield* deliver(mail("m"))
          yield* run
          assert.deepStrictEqual(yield* bookings, before)
          assert.deepStrictEqual(asked(yield* open), [["NO_BOOKING", []]])
        }),
      )

      it.effect("M17 compares its departure with the day after the last night", () =>
        Effect.gen(function* () {
          const { booking, deliver, have, run } = yield* hosting
          yield* have(stay("right", { checkOut: "2026-12-08" }), stay("shorter", { checkOut: "2026-12-07" }))
          yield* deliver(mail("m"))
          yield* run
          assert.deepStrictEqual(told(yield* booking("right")), ["Ada Testwell", 4, "HMTEST0001"])
          assert.deepStrictEqual(told(yield* booking("shorter")), [null, null, null])
        }),
      )

      it.effect("M18 never overwrites what the host wrote by hand, or emptied", () =>
        Effect.gen(function* () {
          const { booking, deliver, edit, enrichments, feed, have, run } = yield* hosting
          yield* have(stay("b", { code: "HMTEST0001" }))
          yield* deliver(mail("m"))
          yield* run
          yield* edit("b", { guestName: "Ada T.", guestCount: null })
          yield* feed(yield* booking("b"))
          yield* deliver(mail("m2", { kind: "reminder", received: "2026-11-20T10:10:00Z" }))
          yield* run
          assert.deepStrictEqual(told(yield* booking("b")), ["Ada T.", null, "HMTEST0001"])
          assert.deepInclude((yield* enrichments("b"))[0], { status: "taken_back", why: "changed" })
        }),
      )

      it.effect("A40 that arrives twice tells once", () =>
        Effect.gen(function* () {
          const { deliver, enrichments, have, run } = yield* hosting
          yield* have(stay("b"))
          yield* deliver(mail("m1"), mail("m2"))
          yield* run
          yield* deliver(mail("m0", { received: "2026-11-20T09:59:00Z" }))
          assert.deepInclude(yield* run, { factsConsidered: 1, bookingsEnriched: 0 })
          assert.strictEqual((yield* enrichments("b")).length, 1)
        }),
      )

      it.effect("A24 that cancels brings no name, and leaves that of a booking whose code is the calendar's", () =>
        Effect.gen(function* () {
          const { booking, deliver, have, open, run } = yield* hosting
          yield* have(stay("b", { code: "HMTEST0001" }))
          yield* deliver(mail("m1"))
          yield* run
          yield* deliver(
            mail("m2", { kind: "cancelled", guestName: "Ada", decision: "none", received: "2026-11-20T11:00:00Z" }),
          )
          yield* run
          assert.deepStrictEqual(told(yield* booking("b")), ["Ada Testwell", 4, "HMTEST0001"])
          assert.deepStrictEqual(yield* open, [])
        }),
      )

      it.effect("that is not sure, or not surely from the platform, is a question and changes nothing", () =>
        Effect.gen(function* () {
          const { bookings, deliver, have, open, run } = yield* hosting
          yield* have(stay("b"), stay("b2", { checkIn: "2027-01-01", checkOut: "2027-01-04", code: "HMTEST0002" }))
          const before = yield* bookings
          yield* deliver(
            mail("m1", { confidence: 0.7 }),
            mail("m2", { sender: "unproven", code: "HMTEST0002", checkIn: "2027-01-01", checkOut: "2027-01-04" }),
            mail("m3", { sender: "forged", decision: "none", code: "HMTEST0003" }),
          )
          yield* run
          assert.deepStrictEqual(yield* bookings, before)
          assert.deepStrictEqual(asked(yield* open), [
            ["LOW_CONFIDENCE", ["b"]],
            ["LOW_CONFIDENCE", ["b2"]],
          ])
        }),
      )
    })

    describe("a booking", () => {
      it.effect("that the calendar moves keeps what it was told, and a person is asked about the dates", () =>
        Effect.gen(function* () {
          const { booking, deliver, feed, have, open, run } = yield* hosting
          yield* have(stay("b"))
          yield* deliver(mail("m"))
          yield* run
          const moved = { ...(yield* booking("b")), checkIn: "2026-12-06", checkOut: "2026-12-09" }
          yield* feed(moved)
          assert.deepStrictEqual(yield* booking("b"), moved)
          assert.deepStrictEqual(asked(yield* open), [["DATE_MISMATCH", ["b"]]])
          yield* feed({ ...moved, checkIn: "2026-12-05", checkOut: "2026-12-08" })
          assert.deepStrictEqual(asked(yield* open), [])
        }),
      )

      it.effect("that is told of by two reservations is taken back, and a person is asked", () =>
        Effect.gen(function* () {
          const { booking, deliver, have, open, run } = yield* hosting
          yield* have(stay("b"))
          yield* deliver(mail("m1"))
          yield* run
          yield* deliver(mail("m2", { code: "HMTEST0002", guestName: "Bruno Beispiel" }))
          yield* run
          assert.deepStrictEqual(told(yield* booking("b")), [null, null, null])
          assert.strictEqual((yield* open).length, 2)
        }),
      )

      it.effect("keeps a value of its own that is as sure", () =>
        Effect.gen(function* () {
          const { booking, deliver, have, run } = yield* hosting
          yield* have(
            stay("sure", { code: "HMTEST0001", guestName: "A. Testwell" }),
            stay("unsure", {
              code: "HMTEST0002",
              guestName: "?",
              confidence: { guestName: 0.3 },
              checkIn: "2027-01-01",
              checkOut: "2027-01-02",
            }),
          )
          yield* deliver(mail("m1"), mail("m2", { code: "HMTEST0002", checkIn: "2027-01-01", checkOut: "2027-01-02" }))
          yield* run
          assert.deepStrictEqual(told(yield* booking("sure")), ["A. Testwell", 4, "HMTEST0001"])
          assert.deepStrictEqual(told(yield* booking("unsure")), ["Ada Testwell", 4, "HMTEST0002"])
        }),
      )

      it.effect("gets the whole name where another message has the first name only", () =>
        Effect.gen(function* () {
          const { booking, deliver, have, open, run } = yield* hosting
          yield* have(stay("b", { code: "HMTEST0001" }))
          yield* deliver(mail("m1", { kind: "reminder", guestName: "Ada", confidence: 0.99 }))
          yield* run
          assert.strictEqual((yield* booking("b")).guestName, "Ada")
          yield* deliver(mail("m2", { confidence: 0.95 }))
          yield* run
          assert.strictEqual((yield* booking("b")).guestName, "Ada Testwell")
          assert.deepStrictEqual(yield* open, [])
        }),
      )

      it.effect("whose messages name different guests keeps the first, and a person is asked", () =>
        Effect.gen(function* () {
          const { booking, deliver, have, open, reconsider, resolve, run } = yield* hosting
          yield* have(stay("b", { code: "HMTEST0001" }))
          yield* deliver(mail("m1"), mail("m2", { guestName: "María José Ejemplo", received: "2026-11-20T10:05:00Z" }))
          yield* run
          assert.strictEqual((yield* booking("b")).guestName, "Ada Testwell")
          assert.deepStrictEqual(asked(yield* open), [["NAME_CONFLICT", ["b"]]])
          for (const { review_id } of yield* open) yield* resolve(review_id, "b")
          yield* reconsider
          assert.deepStrictEqual(asked(yield* open), [])
        }),
      )

      it.effect("of another listing, or one of several with the code, is a question", () =>
        Effect.gen(function* () {
          const { bookings, deliver, have, open, run } = yield* hosting
          yield* have(
            stay("b1", { code: "HMTEST0001", listing: "77", feed: "garden" }),
            stay("b2", { code: "HMTEST0002" }),
            stay("b3", { code: "HMTEST0002" }),
          )
          const before = yield* bookings
          yield* deliver(mail("m1"), mail("m2", { code: "HMTEST0002" }))
          yield* run
          assert.deepStrictEqual(yield* bookings, before)
          assert.deepStrictEqual(asked(yield* open), [
            ["AMBIGUOUS", ["b2", "b3"]],
            ["OTHER_LISTING", ["b1"]],
          ])
        }),
      )

      it.effect("that the calendar calls by its code is nobody else's", () =>
        Effect.gen(function* () {
          const { booking, deliver, have, open, run } = yield* hosting
          yield* have(stay("b", { code: "HMTEST0001" }))
          yield* deliver(
            mail("m1"),
            mail("m2", { code: null, guestName: "Bruno Beispiel", confidence: 0.99, received: "2026-11-20T09:00:00Z" }),
          )
          yield* run
          assert.strictEqual((yield* booking("b")).guestName, "Ada Testwell")
          assert.deepStrictEqual(asked(yield* open), [["AMBIGUOUS", ["b"]]])
        }),
      )

      it.effect("that is still where the reservation was is told nothing until the calendar has moved it", () =>
        Effect.gen(function* () {
          const { booking, deliver, feed, have, open, run } = yield* hosting
          const altered = { checkIn: "2026-12-10", checkOut: "2026-12-12" }
          yield* have(stay("b"))
          yield* deliver(
            mail("m1"),
            mail("m2", { kind: "alteration_accepted", ...altered, received: "2026-11-20T10:05:00Z" }),
          )
          yield* run
          assert.deepStrictEqual(told(yield* booking("b")), [null, null, null])
          assert.deepStrictEqual(asked(yield* open), [["DATE_MISMATCH", ["b"]]])
          yield* feed(stay("b", altered))
          assert.deepStrictEqual(told(yield* booking("b")), ["Ada Testwell", 4, "HMTEST0001"])
          assert.deepStrictEqual(asked(yield* open), [])
        }),
      )

      it.effect("that somebody else writes to at the same moment is decided on again", () =>
        Effect.gen(function* () {
          const { booking, deliver, edit, have, run } = yield* hosting
          yield* have(stay("b", { code: "HMTEST0001" }))
          yield* deliver(mail("m"))
          yield* run.pipe(beforeFirstUpdate(edit("b", { guestName: "Ada T." })))
          assert.deepStrictEqual(told(yield* booking("b")), ["Ada T.", 4, "HMTEST0001"])
        }),
      )
    })

    describe("an answer", () => {
      it.effect("that it is this booking tells it, whatever the extractor was sure of, and closes the question", () =>
        Effect.gen(function* () {
          const { booking, deliver, have, open, resolve, reviews, run } = yield* hosting
          yield* have(stay("b1"), stay("b2"))
          yield* deliver(mail("m", { confidence: 0.7 }))
          yield* run
          const [question] = yield* open
          assert.isDefined(question)
          yield* resolve(question.review_id, "b2", question.asked)
          assert.deepStrictEqual(told(yield* booking("b2")), ["Ada Testwell", 4, "HMTEST0001"])
          assert.deepStrictEqual(told(yield* booking("b1")), [null, null, null])
          assert.deepInclude<object>((yield* reviews)[0] ?? {}, {
            status: "chosen",
            booking_id: "b2",
            resolved_by: "ada",
          })
          assert.deepStrictEqual(yield* open, [])
        }),
      )

      it.effect("that it is none is the end of it", () =>
        Effect.gen(function* () {
          const { booking, deliver, feed, open, resolve, reviews, run } = yield* hosting
          yield* deliver(mail("m"))
          yield* run
          const [question] = yield* open
          assert.isDefined(question)
          yield* resolve(question.review_id, "none")
          yield* feed(stay("b"))
          assert.deepStrictEqual(told(yield* booking("b")), [null, null, null])
          assert.deepInclude((yield* reviews)[0], { status: "dismissed", booking_id: null })
          assert.deepStrictEqual(yield* open, [])
        }),
      )

      it.effect("is refused where the question, the candidates or the booking are not what was seen", () =>
        Effect.gen(function* () {
          const { bookings, deliver, feed, have, open, resolve, run } = yield* hosting
          yield* have(stay("b1"), stay("b2"))
          yield* deliver(mail("m"))
          yield* run
          const [question] = yield* open
          assert.isDefined(question)
          yield* have(stay("b3"))
          const before = yield* bookings
          const changed = yield* Effect.flip(resolve(question.review_id, "b1", question.asked))
          assert.strictEqual(changed._tag, "QuestionChanged")
          const gone = yield* Effect.flip(resolve(question.review_id, "nobodys"))
          assert.strictEqual(gone._tag, "BookingNotOpen")
          assert.deepStrictEqual(yield* bookings, before)
          yield* feed(stay("b1", { status: "cancelled" }), stay("b3", { status: "blocked" }))
          const answered = yield* Effect.flip(resolve(question.review_id, "b2"))
          assert.strictEqual(answered._tag, "QuestionNotOpen")
        }),
      )
    })

    describe("a doubt", () => {
      const disputed = { decision: "review", reasons: ["KIND_CONFLICT"] } as const
      const later = { received: "2026-11-20T10:20:00Z" }

      for (const kind of [
        "confirmed",
        "cancelled",
        "request_pending",
        "request_reminder",
        "inquiry",
        "alteration_requested",
        "modified",
        "unknown",
      ] as const) {
        it.effect(`A12 whether a reservation stands at all is a question, where its kind is ${kind}`, () =>
          Effect.gen(function* () {
            const { booking, bookings, deliver, feed, have, open, reviews, run } = yield* hosting
            yield* have(stay("b", { code: "HMTEST0001" }))
            const before = yield* bookings
            yield* deliver(
              mail("m", { ...disputed, kind }),
              mail("elsewhere", {
                ...disputed,
                kind,
                code: "HMTEST0003",
                checkIn: "2027-02-01",
                checkOut: "2027-02-03",
              }),
            )
            yield* run
            assert.deepStrictEqual(yield* bookings, before)
            const doubt = kind === "modified" ? "MODIFIED" : "LOW_CONFIDENCE"
            assert.deepStrictEqual(asked(yield* open), [
              [doubt, ["b"]],
              ["NO_BOOKING", []],
            ])
            yield* feed({ ...(yield* booking("b")), status: "cancelled" })
            assert.deepStrictEqual(asked(yield* open), [["NO_BOOKING", []]])
            assert.isTrue((yield* reviews).some(({ status }) => status === "lapsed"))
          }),
        )
      }

      it.effect(
        "whether it was cancelled takes nothing back, and is settled by what says for sure that it stands",
        () =>
          Effect.gen(function* () {
            const { booking, deliver, have, open, run } = yield* hosting
            yield* have(stay("b"))
            yield* deliver(mail("m1"), mail("m2", { ...disputed, kind: "cancelled", ...later }))
            yield* run
            assert.deepStrictEqual(told(yield* booking("b")), ["Ada Testwell", 4, "HMTEST0001"])
            assert.deepStrictEqual(asked(yield* open), [["LOW_CONFIDENCE", ["b"]]])
            yield* deliver(mail("m3", { kind: "alteration_accepted", received: "2026-11-20T10:25:00Z" }))
            yield* run
            assert.deepStrictEqual(told(yield* booking("b")), ["Ada Testwell", 4, "HMTEST0001"])
            assert.deepStrictEqual(asked(yield* open), [])
          }),
      )

      it.effect("whether it was cancelled is settled by a confirmation of the same stay that leaves the code out", () =>
        Effect.gen(function* () {
          const { deliver, have, open, run } = yield* hosting
          yield* have(stay("b"))
          yield* deliver(
            mail("m1"),
            mail("m2", { ...disputed, kind: "cancelled", ...later }),
            mail("m3", { code: null, received: "2026-11-20T10:25:00Z" }),
          )
          yield* run
          assert.deepStrictEqual(asked(yield* open), [])
        }),
      )

      it.effect("whose stay it is, where the calendar has another code, is a question although it is told all", () =>
        Effect.gen(function* () {
          const { deliver, have, open, run } = yield* hosting
          yield* have(stay("b", { code: "HMTEST0009", guestName: "Bruno Beispiel", guestCount: 2 }))
          yield* deliver(mail("m", { confidence: 0.7 }))
          yield* run
          assert.deepStrictEqual(asked(yield* open), [["OTHER_CODE", ["b"]]])
        }),
      )

      it.effect("whether it was cancelled is settled by what says so for sure", () =>
        Effect.gen(function* () {
          const { booking, deliver, have, open, run } = yield* hosting
          yield* have(stay("b"))
          yield* deliver(mail("m1"), mail("m2", { ...disputed, kind: "cancelled", ...later }))
          yield* run
          yield* deliver(mail("m3", { kind: "cancelled", decision: "none", received: "2026-11-20T10:25:00Z" }))
          yield* run
          assert.deepStrictEqual(told(yield* booking("b")), [null, null, null])
          assert.deepStrictEqual(asked(yield* open), [])
        }),
      )

      it.effect("whether it stands after all is a question, after it was cancelled for sure", () =>
        Effect.gen(function* () {
          const { booking, deliver, have, open, run } = yield* hosting
          yield* have(stay("b"))
          yield* deliver(
            mail("m1"),
            mail("m2", { kind: "cancelled", decision: "none", received: "2026-11-20T10:10:00Z" }),
            mail("m3", { ...disputed, kind: "confirmed", ...later }),
          )
          yield* run
          assert.deepStrictEqual(told(yield* booking("b")), [null, null, null])
          assert.deepStrictEqual(asked(yield* open), [["LOW_CONFIDENCE", ["b"]]])
        }),
      )

      it.effect("whether it stands after all leaves what a booking was told by the calendar's code", () =>
        Effect.gen(function* () {
          const { booking, deliver, have, open, run } = yield* hosting
          yield* have(stay("b", { code: "HMTEST0001" }))
          yield* deliver(
            mail("m1"),
            mail("m2", { kind: "cancelled", decision: "none", received: "2026-11-20T10:10:00Z" }),
            mail("m3", { ...disputed, kind: "unknown", ...later }),
          )
          yield* run
          assert.deepStrictEqual(told(yield* booking("b")), ["Ada Testwell", 4, "HMTEST0001"])
          assert.deepStrictEqual(asked(yield* open), [["LOW_CONFIDENCE", ["b"]]])
        }),
      )

      it.effect("is settled by a person, once, and is asked again when it comes up again", () =>
        Effect.gen(function* () {
          const { booking, deliver, have, open, reconsider, resolve, run } = yield* hosting
          yield* have(stay("b"))
          yield* deliver(
            mail("m1"),
            mail("m2", { ...disputed, kind: "cancelled", ...later }),
            mail("m3", { kind: "modified", decision: "review", ...later }),
          )
          yield* run
          assert.deepStrictEqual(asked(yield* open), [
            ["LOW_CONFIDENCE", ["b"]],
            ["MODIFIED", ["b"]],
          ])
          for (const { review_id } of (yield* open).slice(0, 1)) yield* resolve(review_id, "b")
          yield* reconsider
          assert.deepStrictEqual(asked(yield* open), [])
          assert.deepStrictEqual(told(yield* booking("b")), ["Ada Testwell", 4, "HMTEST0001"])
          yield* deliver(mail("m4", { kind: "modified", decision: "review", received: "2026-11-20T10:45:00Z" }))
          yield* run
          assert.deepStrictEqual(asked(yield* open), [["MODIFIED", ["b"]]])
        }),
      )

      it.effect("what was changed is a question although no booking is known, and finds it when it comes", () =>
        Effect.gen(function* () {
          const { deliver, feed, open, run } = yield* hosting
          yield* deliver(mail("m", { kind: "modified", decision: "review", checkIn: null, checkOut: null }))
          yield* run
          assert.deepStrictEqual(asked(yield* open), [["NO_BOOKING", []]])
          yield* feed(stay("b", { code: "HMTEST0001" }))
          assert.deepStrictEqual(asked(yield* open), [["MODIFIED", ["b"]]])
        }),
      )

      it.effect("which reservation is confirmed is a question where nothing says it", () =>
        Effect.gen(function* () {
          const { deliver, have, open, run } = yield* hosting
          yield* have(stay("b"))
          const nothing = { code: null, checkIn: null, checkOut: null, confidence: 0.5 }
          yield* deliver(mail("m1", nothing), mail("m2", { ...nothing, kind: "guest_message" }))
          yield* run
          assert.deepStrictEqual(
            (yield* open).map(({ candidates, message_id, reason }) => [message_id, reason, candidates]),
            [["m1", "NO_BOOKING", []]],
          )
        }),
      )

      it.effect("who comes is a question where the host itself only guesses", () =>
        Effect.gen(function* () {
          const { booking, deliver, have, open, resolve, run } = yield* hosting
          const guess = { guestName: "?", guestCount: 4, confidence: { guestName: 0.3 } }
          yield* have(stay("b", { code: "HMTEST0001", ...guess }))
          yield* deliver(mail("m", { confidence: 0.7 }))
          yield* run
          const [question] = yield* open
          assert.deepStrictEqual(asked(yield* open), [["LOW_CONFIDENCE", ["b"]]])
          assert.isDefined(question)
          yield* resolve(question.review_id, "b")
          assert.strictEqual((yield* booking("b")).guestName, "Ada Testwell")
        }),
      )

      it.effect("about a message that is not sure says nothing of those that are, when it is dismissed", () =>
        Effect.gen(function* () {
          const { booking, deliver, have, open, reconsider, resolve, run } = yield* hosting
          yield* have(stay("b"))
          yield* deliver(
            mail("m1", { guestCount: null }),
            mail("m2", { sender: "unproven", confidence: 0.5, guestCount: 9, ...later }),
          )
          yield* run
          assert.deepStrictEqual(told(yield* booking("b")), ["Ada Testwell", null, "HMTEST0001"])
          const [question] = yield* open
          assert.isDefined(question)
          assert.strictEqual(question.message_id, "m2")
          yield* resolve(question.review_id, "none")
          yield* reconsider
          assert.deepStrictEqual(told(yield* booking("b")), ["Ada Testwell", null, "HMTEST0001"])
          assert.deepStrictEqual(asked(yield* open), [])
        }),
      )

      it.effect("about one message leaves what another one adds a question", () =>
        Effect.gen(function* () {
          const { booking, deliver, have, open, resolve, run } = yield* hosting
          yield* have(stay("b", { code: "HMTEST0001" }))
          yield* deliver(
            mail("m1", { confidence: 0.7, guestCount: null }),
            mail("m2", { confidence: 0.7, guestName: null, received: "2026-11-20T10:05:00Z" }),
          )
          yield* run
          for (const expected of [
            ["Ada Testwell", null, "HMTEST0001"],
            ["Ada Testwell", 4, "HMTEST0001"],
          ]) {
            const [question, ...more] = yield* open
            assert.isDefined(question)
            assert.deepStrictEqual(more, [])
            yield* resolve(question.review_id, "b")
            assert.deepStrictEqual(told(yield* booking("b")), expected)
          }
          assert.deepStrictEqual(asked(yield* open), [])
        }),
      )

      it.effect("about another message leaves what a person said of this one", () =>
        Effect.gen(function* () {
          const { booking, deliver, have, open, resolve, run } = yield* hosting
          yield* have(stay("b", { code: "HMTEST0001" }))
          yield* deliver(mail("m1", { confidence: 0.7, guestCount: null }))
          yield* run
          for (const { review_id } of yield* open) yield* resolve(review_id, "b")
          yield* deliver(mail("m2", { confidence: 0.7, ...later }))
          yield* run
          const [question] = yield* open
          assert.isDefined(question)
          yield* resolve(question.review_id, "none")
          assert.deepStrictEqual(told(yield* booking("b")), ["Ada Testwell", null, "HMTEST0001"])
          assert.deepStrictEqual(asked(yield* open), [])
        }),
      )

      it.effect("that a person settled does not come back with a stay that was cancelled, nor with another one's", () =>
        Effect.gen(function* () {
          const { booking, deliver, feed, have, open, resolve, run } = yield* hosting
          const since = DateTime.makeUnsafe("2026-11-20T09:00:00Z")
          yield* have(stay("b1", { code: "HMTEST0009", since }), stay("b2", { since }))
          yield* deliver(mail("m1", { guestName: "Bruno Beispiel" }), mail("m2", { code: "HMTEST0002" }))
          yield* run
          const question = (yield* open).find(({ message_id }) => message_id === "m1")
          assert.isDefined(question)
          yield* resolve(question.review_id, "b1")
          assert.strictEqual((yield* booking("b1")).guestName, "Bruno Beispiel")
          assert.deepStrictEqual(told(yield* booking("b2")), ["Ada Testwell", 4, "HMTEST0002"])
          yield* feed({ ...(yield* booking("b1")), status: "cancelled" })
          assert.deepStrictEqual(told(yield* booking("b2")), ["Ada Testwell", 4, "HMTEST0002"])
          yield* feed({ ...(yield* booking("b2")), status: "cancelled" })
          assert.deepStrictEqual(
            (yield* open).filter(({ message_id }) => message_id === "m1"),
            [],
          )
        }),
      )

      it.effect("about one room of a reservation leaves the others what they were told", () =>
        Effect.gen(function* () {
          const { booking, deliver, have, open, resolve, run } = yield* hosting
          yield* have(closed("b1"), closed("b2"))
          yield* deliver(
            bookingMail("m1", { rooms: 2 }),
            bookingMail("m2", { kind: "guest_message", guestName: "Ada Testwell", confidence: 0.7, ...later }),
          )
          yield* run
          const [question] = yield* open
          assert.isDefined(question)
          yield* resolve(question.review_id, "b1")
          assert.deepStrictEqual(told(yield* booking("b1")), ["Ada Testwell", null, "5550000001"])
          assert.deepStrictEqual(told(yield* booking("b2")), [null, null, "5550000001"])
        }),
      )

      it.effect(
        "that a person settled comes back when the calendar has that stay no more, and tells no other one",
        () =>
          Effect.gen(function* () {
            const { booking, deliver, feed, have, open, resolve, run } = yield* hosting
            yield* have(stay("b1"), stay("b2"))
            yield* deliver(mail("m"))
            yield* run
            const [question] = yield* open
            assert.isDefined(question)
            yield* resolve(question.review_id, "b1")
            const settled = yield* booking("b1")
            assert.deepStrictEqual(told(settled), ["Ada Testwell", 4, "HMTEST0001"])
            // The calendar leaves it out, once.
            yield* feed({ ...settled, status: "cancelled" })
            assert.deepStrictEqual(told(yield* booking("b2")), [null, null, null])
            yield* feed(settled)
            assert.deepStrictEqual(yield* booking("b1"), settled)
            assert.deepStrictEqual(asked(yield* open), [])
            // It calls it by another name.
            const again = stay("b3", { since: DateTime.makeUnsafe("2026-11-20T14:00:00Z") })
            yield* feed({ ...settled, status: "cancelled" }, again)
            assert.deepStrictEqual(told(yield* booking("b2")), [null, null, null])
            assert.deepStrictEqual(told(yield* booking("b3")), [null, null, null])
            assert.strictEqual((yield* open).length, 1)
          }),
      )
    })

    describe("undoing", () => {
      it.effect("gives back what was there before, except what a person edited since, and does not do it again", () =>
        Effect.gen(function* () {
          const { booking, deliver, edit, enrichments, feed, have, reconsider, run, settle, undo, unsettled } =
            yield* hosting
          const original = stay("b", { code: "HMTEST0001", guestName: "?", confidence: { guestName: 0.3 } })
          yield* have(original)
          yield* deliver(mail("m"))
          yield* run
          // The same value: but now it is theirs.
          yield* edit("b", { guestCount: 4 })
          assert.deepStrictEqual((yield* undo({ dryRun: true })).length, 1)
          assert.deepStrictEqual(told(yield* booking("b")), ["Ada Testwell", 4, "HMTEST0001"])
          assert.strictEqual((yield* undo()).length, 1)
          assert.strictEqual((yield* undo()).length, 0)
          assert.strictEqual((yield* unsettled).length, 1)
          yield* settle
          assert.deepStrictEqual(told(yield* booking("b")), ["?", 4, "HMTEST0001"])
          assert.deepStrictEqual(yield* unsettled, [])
          yield* deliver(mail("m2", { received: "2026-11-20T10:01:00Z" }))
          yield* run
          yield* feed(yield* booking("b"))
          yield* reconsider
          assert.deepStrictEqual(told(yield* booking("b")), ["?", 4, "HMTEST0001"])
          assert.deepInclude((yield* enrichments("b"))[0], { status: "taken_back", why: "operator" })
        }),
      )

      it.effect("takes back only what it is asked to: since then, of that extractor, of that connection", () =>
        Effect.gen(function* () {
          const one = yield* hosting
          const other = yield* hostingIn(one.tenantId)
          yield* one.have(stay("b1"), stay("b2", { checkIn: "2027-01-01", checkOut: "2027-01-02" }))
          yield* one.deliver(mail("m1"))
          yield* one.run.pipe(at(DateTime.subtract(today, { hours: 1 })))
          yield* other.deliver(mail("m2", { code: "HMTEST0002", checkIn: "2027-01-01", checkOut: "2027-01-02" }))
          yield* one.run
          const undone = (options: Partial<Enrichment.Undoing>) =>
            Effect.map(one.undo({ dryRun: true, ...options }), (all) => all.map(({ bookingId }) => String(bookingId)))
          assert.deepStrictEqual(yield* undone({}), ["b1", "b2"])
          assert.deepStrictEqual(yield* undone({ since: DateTime.subtract(today, { minutes: 1 }) }), ["b2"])
          assert.deepStrictEqual(yield* undone({ extractor: 2 }), [])
          assert.deepStrictEqual(yield* undone({ extractor: 1, connection: one.connectionId }), ["b1"])
          yield* one.undo({ connection: other.connectionId })
          yield* one.run
          assert.deepStrictEqual(told(yield* one.booking("b1")), ["Ada Testwell", 4, "HMTEST0001"])
          assert.deepStrictEqual(told(yield* one.booking("b2")), [null, null, null])
        }),
      )

      it.effect("takes back what every mailbox says, unless it is asked to of one", () =>
        Effect.gen(function* () {
          const one = yield* hosting
          const other = yield* hostingIn(one.tenantId)
          yield* one.have(stay("b"))
          yield* one.deliver(mail("m1"))
          yield* one.run
          yield* other.deliver(mail("m2", { guestCount: 3, confidence: 0.95 }))
          yield* one.run
          assert.strictEqual((yield* one.undo()).length, 1)
          yield* one.run
          yield* other.deliver(mail("m3", { received: "2026-11-20T10:20:00Z" }))
          yield* one.run
          assert.deepStrictEqual(told(yield* one.booking("b")), [null, null, null])
        }),
      )

      it.effect("leaves what another mailbox says too, in its name", () =>
        Effect.gen(function* () {
          const one = yield* hosting
          const other = yield* hostingIn(one.tenantId)
          yield* one.have(stay("b"))
          yield* one.deliver(mail("m1"))
          yield* other.deliver(mail("m2"))
          yield* one.run
          const [first] = yield* one.enrichments("b")
          assert.isDefined(first)
          yield* one.undo({ connection: first.connection_id })
          yield* one.run
          assert.deepStrictEqual(told(yield* one.booking("b")), ["Ada Testwell", 4, "HMTEST0001"])
          const became = (yield* one.enrichments("b")).map(({ connection_id, status }) => [connection_id, status])
          const rest = [one, other].find(({ connectionId }) => connectionId !== first.connection_id)
          assert.deepStrictEqual(became, [
            [first.connection_id, "taken_back"],
            [rest?.connectionId, "applied"],
          ])
        }),
      )
    })

    describe("a switch", () => {
      it.effect("that is off stops every run, and nothing is lost when it is on again", () =>
        Effect.gen(function* () {
          const { booking, bookings, connectionId, deliver, have, open, run, tenantId } = yield* hosting
          yield* have(stay("b"))
          yield* deliver(mail("m"))
          const before = yield* bookings
          for (const scope of [{ kind: "all" }, { kind: "enrichment" }] as const) {
            yield* Controls.turn(tenantId, { _tag: "Disable", at: today, scope, reason: "a drill" }, by)
            assert.strictEqual((yield* Effect.flip(run))._tag, "SyncDisabled")
            yield* Controls.turn(tenantId, { _tag: "Enable", at: today, scope }, by)
          }
          yield* Controls.turn(Controls.everywhere, { _tag: "Disable", at: today, scope: { kind: "all" } }, by)
          assert.strictEqual((yield* Effect.flip(run))._tag, "SyncDisabled")
          yield* Controls.turn(Controls.everywhere, { _tag: "Enable", at: today, scope: { kind: "all" } }, by)
          const scope = { kind: "connection", id: connectionId } as const
          yield* Controls.turn(tenantId, { _tag: "Disable", at: today, scope }, by)
          yield* run
          assert.deepStrictEqual(yield* bookings, before)
          assert.deepStrictEqual(yield* open, [])
          yield* Controls.turn(tenantId, { _tag: "Enable", at: today, scope }, by)
          yield* run
          assert.deepStrictEqual(told(yield* booking("b")), ["Ada Testwell", 4, "HMTEST0001"])
        }),
      )
    })

    it.effect.prop(
      "M14 whatever arrives first, and however often it is looked at, the same bookings and questions come of it",
      [Schema.Array(Drawn).check(Schema.isMaxLength(7)), Schema.Array(DrawnStay).check(Schema.isMaxLength(4)), Shuffle],
      ([drawn, stays, shuffle]) =>
        Effect.gen(function* () {
          const [one, other] = [yield* hosting, yield* hosting]
          const mails = drawn.map(mailOf)
          const calendar = stays.map(stayOf)
          yield* one.have(...calendar)
          if (mails.length > 0) yield* one.deliver(...mails)
          yield* one.run
          yield* one.run
          yield* one.reconsider

          const late = shuffled(calendar, shuffle).slice(0, shuffle[0] ?? 0)
          yield* other.have(...calendar.filter((booking) => !late.includes(booking)))
          for (const [index, mail] of shuffled(mails, shuffle).entries()) {
            yield* other.deliver(mail)
            if ((shuffle[index] ?? 0) > 1) yield* other.run
          }
          for (const booking of late) yield* other.feed(booking)
          yield* other.run
          yield* other.feed(...(yield* other.bookings))
          // With the first stay of a calendar there is a calendar more.
          yield* other.reconsider

          assert.deepStrictEqual(yield* other.bookings, yield* one.bookings)
          assert.deepStrictEqual(asked(yield* other.open), asked(yield* one.open))
          assert.deepStrictEqual(
            (yield* one.bookings).map(fixed),
            calendar.toSorted((a, b) => (a.id < b.id ? -1 : 1)).map(fixed),
          )
          assert.deepStrictEqual(yield* one.unsettled, [])
        }),
      property,
    )

    it.effect.prop(
      "a calendar that leaves stays out, and shows them again, comes to what it would have come to",
      [
        Schema.Array(Drawn).check(Schema.isMaxLength(6)),
        Schema.Array(DrawnStay).check(Schema.isMinLength(1), Schema.isMaxLength(3)),
        Shuffle,
      ],
      ([drawn, stays, shuffle]) =>
        Effect.gen(function* () {
          const mails = drawn.map(mailOf)
          const calendar = stays.map(stayOf)
          const state = Effect.fnUntraced(function* (flaps: boolean) {
            const world = yield* hosting
            const showing = Effect.fnUntraced(function* (isOut: boolean) {
              const now = yield* world.bookings
              const changed = now.flatMap((booking, index) => {
                const own = calendar.find(({ id }) => id === booking.id)?.status ?? booking.status
                return (shuffle[index] ?? 0) > 1 ? [{ ...booking, status: isOut ? ("cancelled" as const) : own }] : []
              })
              yield* world.feed(...changed)
            })
            yield* world.have(...calendar)
            for (const [index, mail] of mails.entries()) {
              const isOut = flaps && (shuffle[index] ?? 0) % 2 === 1
              yield* world.deliver(mail)
              if (isOut) yield* showing(true)
              yield* world.run
              if (isOut) yield* showing(false)
            }
            yield* world.reconsider
            return { bookings: yield* world.bookings, asked: asked(yield* world.open) }
          })
          assert.deepStrictEqual(yield* state(true), yield* state(false))
        }),
      property,
    )

    it.effect.prop(
      "a process that dies anywhere, and is started again, comes to what it would have come to",
      [
        Schema.Array(Drawn).check(Schema.isMaxLength(5)),
        Schema.Array(DrawnStay).check(Schema.isMaxLength(3)),
        Schema.Literals(["before", "after"]),
      ],
      ([drawn, stays, moment]) =>
        Effect.gen(function* () {
          const mails = drawn.map(mailOf)
          const calendar = stays.map(stayOf)
          const live = Effect.fnUntraced(function* (crash: Crash | undefined) {
            const world = yield* hosting
            const steps = crashing(crash)
            yield* world.have(...calendar)
            const half = Math.ceil(mails.length / 2)
            if (half > 0) yield* world.deliver(...mails.slice(0, half))
            yield* steps.untilThrough(world.run)
            if (mails.length > half) yield* world.deliver(...mails.slice(half))
            yield* steps.untilThrough(world.run)
            yield* world.undo()
            yield* steps.untilThrough(world.run)
            assert.deepStrictEqual(yield* world.unsettled, [])
            const told = yield* Effect.forEach(calendar, ({ id }) => world.enrichments(id))
            const became = told
              .flat()
              .map(({ after, booking_id, fields, message_id, status, why }) =>
                JSON.stringify([booking_id, message_id, fields, after, status, why]),
              )
            return {
              steps: steps.count(),
              state: {
                bookings: yield* world.bookings,
                questions: asked(yield* world.open),
                became: became.toSorted(),
              },
            }
          })
          const uninterrupted = yield* live(undefined)
          const every = Math.max(1, Math.floor(uninterrupted.steps / 4))
          for (let step = 1; step <= uninterrupted.steps; step += every) {
            assert.deepStrictEqual((yield* live({ step, moment })).state, uninterrupted.state)
          }
        }),
      { ...property, arbitrary: { ...property.arbitrary, runs: Math.ceil(property.arbitrary.runs / 3) } },
    )

    it.effect.prop(
      "whatever happens, and whoever is at it at once, bookings have what calendars, people and sure mails say, and nothing else",
      [Storm.Happenings],
      ([happenings]) => Storm.weather(happenings),
      property,
    )

    describe("forgetting", () => {
      it.effect("a mailbox leaves bookings as they are, and nobody can read anywhere what it told", () =>
        Effect.gen(function* () {
          const { booking, deliver, enrichments, feed, forget, have, open, reconsider, run, tenantId, undo } =
            yield* hosting
          yield* have(stay("b"))
          yield* deliver(mail("m1"), mail("m2", { checkIn: "2027-02-01", checkOut: "2027-02-03", code: "HMTEST0002" }))
          yield* run
          assert.strictEqual((yield* open).length, 1)
          yield* forget
          yield* reconsider
          yield* feed(yield* booking("b"))
          assert.deepStrictEqual(told(yield* booking("b")), ["Ada Testwell", 4, "HMTEST0001"])
          assert.deepStrictEqual(yield* enrichments("b"), [])
          assert.deepStrictEqual(yield* open, [])
          assert.deepStrictEqual(yield* undo(), [])
          const keys = yield* DataKeys
          const history = EnrichedBooking.streamId((yield* booking("b")).id)
          assert.deepStrictEqual(yield* keys.find(tenantId, history), Option.none())
        }),
      )

      it.effect("a mailbox goes on where a process died, when it is asked for again", () =>
        Effect.gen(function* () {
          const { booking, connectionId, deliver, enrichments, forget, have, run, tenantId } = yield* hosting
          yield* have(stay("b"))
          yield* deliver(mail("m1"))
          yield* run
          const store = yield* EventStore
          const append: typeof store.append = (request) =>
            request.streams.some(({ streamId }) => categoryOf(streamId) === EnrichedBooking.name)
              ? Effect.die("gone")
              : store.append(request)
          assert.isTrue(
            Exit.isFailure(yield* Effect.exit(Effect.provideService(forget, EventStore, { ...store, append }))),
          )
          assert.strictEqual((yield* enrichments("b")).length, 1)
          yield* Forgetting.destroyKeys(tenantId, connectionId, by)
          assert.deepStrictEqual(yield* enrichments("b"), [])
          assert.deepStrictEqual(told(yield* booking("b")), ["Ada Testwell", 4, "HMTEST0001"])
        }),
      )

      it.effect("a mailbox forgets nothing that another one told other bookings", () =>
        Effect.gen(function* () {
          const one = yield* hosting
          const other = yield* hostingIn(one.tenantId)
          yield* one.have(stay("b1"), stay("b2", { checkIn: "2027-01-01", checkOut: "2027-01-02" }))
          yield* one.deliver(mail("m1"))
          yield* other.deliver(mail("m2", { code: "HMTEST0002", checkIn: "2027-01-01", checkOut: "2027-01-02" }))
          yield* one.run
          yield* one.forget
          yield* one.reconsider
          assert.deepStrictEqual(
            (yield* one.undo()).map(({ bookingId }) => String(bookingId)),
            ["b2"],
          )
          yield* one.settle
          assert.deepStrictEqual(told(yield* one.booking("b1")), ["Ada Testwell", 4, "HMTEST0001"])
          assert.deepStrictEqual(told(yield* one.booking("b2")), [null, null, null])
        }),
      )

      it.effect("a booking's history leaves the booking as it is, and no mail tells it anything again", () =>
        Effect.gen(function* () {
          const { booking, deliver, enrichments, feed, have, run, tenantId, undo } = yield* hosting
          yield* have(stay("b", { code: "HMTEST0001" }))
          yield* deliver(mail("m1", { guestCount: null }))
          yield* run
          yield* Enrichment.forget(tenantId, (yield* booking("b")).id, by)
          yield* deliver(mail("m2"))
          yield* run
          yield* feed(yield* booking("b"))
          assert.deepStrictEqual(told(yield* booking("b")), ["Ada Testwell", null, "HMTEST0001"])
          assert.deepStrictEqual(yield* enrichments("b"), [])
          assert.deepStrictEqual(yield* undo(), [])
        }),
      )
    })

    it.effect("what was considered by other rules of matching is considered again, once", () =>
      Effect.gen(function* () {
        const { deliver, run, tenantId } = yield* hosting
        yield* deliver(mail("m"))
        yield* caughtUp
        const { head } = yield* EventLog
        const { version: facts } = factsView()
        const { enabled } = yield* Controls.standing(tenantId)
        const before = {
          facts,
          enabled,
          factsConsidered: 1,
          bookingsEnriched: 0,
          reviewsOpened: 0,
          reviewsClosed: 0,
        }
        const recorded = { _tag: "RecordRun", at: today, until: yield* head, ...before } as const
        yield* Aggregate.handle(EnrichmentRuns)(tenantId, undefined, recorded, { metadata: by })
        assert.deepInclude(yield* run, { factsConsidered: 1, reviewsOpened: 1 })
        assert.deepInclude(yield* run, { factsConsidered: 0, reviewsOpened: 0 })
      }),
    )

    it.effect("two runs at once tell each booking once", () =>
      Effect.gen(function* () {
        const { deliver, enrichments, have, tenantId } = yield* hosting
        yield* have(stay("b"))
        yield* deliver(mail("m"))
        const kept = Effect.forever(Effect.andThen(caughtUp, Effect.sleep("5 millis")))
        const both = Effect.all([Enrichment.run(tenantId), Enrichment.run(tenantId)], { concurrency: 2 })
        yield* Effect.raceFirst(both, kept)
        assert.strictEqual((yield* enrichments("b")).length, 1)
      }),
    )

    it.effect("after all of this the views say what the log says, rebuilt too", () =>
      Effect.gen(function* () {
        yield* caughtUp
        const right = { missing: [], extra: [], different: [], deadLetters: [] }
        assert.deepInclude(yield* Verify.verify(factsView()), right)
        assert.deepInclude(yield* Verify.verify(EnrichmentsView), right)
        assert.deepInclude(yield* Verify.verify(EnrichmentReviewsView), right)
        for (const rebuilt of [
          yield* Rebuild.rebuild(EnrichmentsView, { memory: 5_000, batchSize: 10 }),
          yield* Rebuild.rebuild(EnrichmentReviewsView, { memory: 5_000, batchSize: 10 }),
        ]) {
          assert.strictEqual(rebuilt.state, "live")
        }
        assert.deepInclude(yield* Verify.verify(EnrichmentsView), right)
        assert.deepInclude(yield* Verify.verify(EnrichmentReviewsView), right)
      }),
    )
  })
