/** What another version of an extractor makes of bookings that learnt from the one before. */
import { assert, it, layer } from "@effect/vitest"
import { Clock, DateTime, Effect, Layer, Logger, Schema } from "effect"

import { Enrichment, Memory, Rebuild, type ReservationFacts } from "../src/index.ts"
import { layerMemory } from "../src/testing/bookingsMemory.ts"
import { beforeFirstUpdate, Drawn, DrawnStay, mailOf, stayOf } from "../src/testing/enrichmentWorlds.ts"
import { caughtUp, factsView, hosting, LiveFacts, mail, stay, today } from "../src/testing/hosting.ts"

const named =
  (guestName: string) =>
  (facts: ReservationFacts.ReservationFacts): ReservationFacts.ReservationFacts => ({
    ...facts,
    guestName: facts.guestName && { ...facts.guestName, value: guestName },
  })

const still = Layer.effect(
  Clock.Clock,
  Effect.map(Clock.Clock, (clock): Clock.Clock => {
    const millis = DateTime.toEpochMillis(today)
    return Object.assign(Object.create(clock), {
      currentTimeMillisUnsafe: () => millis,
      currentTimeMillis: Effect.succeed(millis),
    })
  }),
)

const stores = () =>
  Layer.mergeAll(layerMemory, still, Logger.layer([])).pipe(Layer.provideMerge(Layer.fresh(Memory.layer)))

layer(stores(), { excludeTestServices: true })("a mended extractor", (it) => {
  it.effect("has every message considered again, and bookings say what it says", () =>
    Effect.gen(function* () {
      const [bad, mended] = [factsView(1, named("Dear Guest")), factsView(2)]
      const { booking, deliver, enrichments, have, open, run } = yield* hosting
      yield* have(stay("b"))
      yield* deliver(mail("m"))
      yield* Effect.provideService(run, LiveFacts, bad)
      assert.strictEqual((yield* booking("b")).guestName, "Dear Guest")
      yield* Rebuild.rebuild(mended)
      const report = yield* Effect.provideService(run, LiveFacts, mended)
      assert.deepInclude(report, { factsConsidered: 1, bookingsEnriched: 1 })
      assert.strictEqual((yield* booking("b")).guestName, "Ada Testwell")
      assert.deepStrictEqual(
        (yield* enrichments("b")).map(({ extractor, status, why }) => [extractor, status, why]),
        [
          [1, "taken_back", "withdrawn"],
          [2, "applied", null],
        ],
      )
      assert.deepInclude(yield* Effect.provideService(run, LiveFacts, mended), { factsConsidered: 0 })
      assert.deepStrictEqual(yield* open, [])
    }),
  )
})

layer(stores(), { excludeTestServices: true })(
  "a mended extractor that is switched on in the middle of a run",
  (it) => {
    it.effect("has every message considered again by the next one", () =>
      Effect.gen(function* () {
        const [bad, mended] = [factsView(1, named("Dear Guest")), factsView(2)]
        const { booking, deliver, enrichments, have, run, tenantId, unsettled } = yield* hosting
        yield* have(stay("b"))
        yield* deliver(mail("m"))
        yield* Effect.provideService(caughtUp, LiveFacts, bad)
        yield* Enrichment.run(tenantId).pipe(beforeFirstUpdate(Rebuild.rebuild(mended)))
        yield* Effect.provideService(run, LiveFacts, mended)
        assert.strictEqual((yield* booking("b")).guestName, "Ada Testwell")
        assert.deepStrictEqual(yield* unsettled, [])
        assert.deepStrictEqual(
          (yield* enrichments("b")).map(({ extractor, status }) => [extractor, status]),
          [
            [1, "taken_back"],
            [2, "applied"],
          ],
        )
      }),
    )
  },
)

layer(stores(), { excludeTestServices: true })("a mended extractor, after an undo", (it) => {
  it.effect("tells the booking what the bad one may not tell any more", () =>
    Effect.gen(function* () {
      const [bad, mended] = [factsView(1, named("Dear Guest")), factsView(2)]
      const { booking, deliver, have, reconsider, run, settle, undo } = yield* hosting
      yield* have(stay("b"))
      yield* deliver(mail("m"))
      yield* Effect.provideService(run, LiveFacts, bad)
      yield* undo({ extractor: 1 })
      yield* Effect.provideService(settle, LiveFacts, bad)
      yield* Effect.provideService(reconsider, LiveFacts, bad)
      assert.strictEqual((yield* booking("b")).guestName, null)
      yield* Rebuild.rebuild(mended)
      yield* Effect.provideService(run, LiveFacts, mended)
      assert.strictEqual((yield* booking("b")).guestName, "Ada Testwell")
    }),
  )
})

layer(stores(), { excludeTestServices: true })("an extractor that finds nothing where another one did", (it) => {
  it.effect("has taken back what that one told, and asks nothing", () =>
    Effect.gen(function* () {
      const silent = factsView(2, (facts) => ({
        ...facts,
        kind: "marketing",
        decision: "none",
        confirmationCode: null,
      }))
      const { booking, deliver, have, open, run } = yield* hosting
      yield* have(stay("b"))
      yield* deliver(mail("m1"), mail("m2", { code: "HMTEST0002", checkIn: "2027-01-03", checkOut: "2027-01-05" }))
      yield* run
      assert.strictEqual((yield* open).length, 1)
      yield* Rebuild.rebuild(silent)
      yield* Effect.provideService(run, LiveFacts, silent)
      assert.deepInclude(yield* booking("b"), { guestName: null, guestCount: null, code: null })
      assert.deepStrictEqual(yield* open, [])
    }),
  )
})

layer(stores(), { excludeTestServices: true })("an extractor that understands one message less", (it) => {
  it.effect("leaves the value to another message that says the same, and to its name", () =>
    Effect.gen(function* () {
      const less = factsView(2, (facts) =>
        facts.kind === "confirmed" ? { ...facts, kind: "marketing", decision: "none" } : facts,
      )
      const { booking, deliver, enrichments, have, run } = yield* hosting
      yield* have(stay("b"))
      yield* deliver(mail("m1"), mail("m2", { kind: "reminder", received: "2026-11-20T10:05:00.000Z" }))
      yield* run
      const before = yield* booking("b")
      yield* Rebuild.rebuild(less)
      yield* Effect.provideService(run, LiveFacts, less)
      assert.deepStrictEqual(yield* booking("b"), before)
      assert.deepStrictEqual(
        (yield* enrichments("b")).map(({ message_id, status }) => [message_id, status]),
        [
          ["m1", "taken_back"],
          ["m2", "applied"],
        ],
      )
    }),
  )
})

/** An operator and two versions of an extractor, in any order, with mails in between. */
const Step = Schema.Union([
  Schema.Struct({ what: Schema.Literal("mails"), drawn: Schema.Array(Drawn).check(Schema.isMaxLength(2)) }),
  Schema.Struct({ what: Schema.Literal("run") }),
  Schema.Struct({ what: Schema.Literal("switch") }),
  Schema.Struct({
    what: Schema.Literal("undo"),
    extractor: Schema.NullOr(Schema.Literals([1, 2])),
    dryRun: Schema.Literals([false, false, true]),
  }),
])

it.effect.prop(
  "what an operator took back of an extractor is not told again by it, whatever comes, and is by another one",
  [Schema.Array(DrawnStay).check(Schema.isMinLength(1), Schema.isMaxLength(2)), Schema.Array(Step)],
  ([stays, steps]) =>
    Effect.gen(function* () {
      const mended = factsView(2, named("Mended"))
      let live = factsView(1)
      let count = 0
      const barred = new Set<string>()
      const { bookings, deliver, enrichments, have, run, settle, undo } = yield* hosting
      const calendar = stays.map((drawn, index) => stayOf({ ...drawn, guestName: null }, index))
      const now = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
        Effect.suspend(() => Effect.provideService(effect, LiveFacts, live))
      const told = Effect.map(
        Effect.forEach(calendar, ({ id }) => enrichments(id)),
        (all) => all.flat().filter(({ status }) => status === "applied" || status === "intended"),
      )
      yield* have(...calendar)
      for (const step of [...steps, { what: "run" } as const]) {
        if (step.what === "mails") for (const drawn of step.drawn) yield* deliver(mailOf(drawn, count++))
        if (step.what === "run") yield* now(run)
        if (step.what === "switch" && live !== mended) {
          yield* now(caughtUp)
          yield* Rebuild.rebuild(mended)
          live = mended
        }
        if (step.what === "undo") {
          const { dryRun, extractor } = step
          const undone = yield* undo({ dryRun, ...(extractor !== null && { extractor }) })
          if (dryRun) continue
          for (const { bookingId, enrichment } of undone) barred.add(`${bookingId} ${enrichment.extractor}`)
          yield* now(settle)
        }
        for (const { booking_id, extractor } of yield* told) assert.isFalse(barred.has(`${booking_id} ${extractor}`))
      }
      for (const booking of yield* bookings) {
        const own = calendar.find(({ id }) => id === booking.id)
        if (own?.editedByPerson.length !== 0) assert.strictEqual(booking.guestName, null)
      }
      // What the one told may be what the other says, too.
      for (const _ of [1, 2]) {
        yield* undo()
        yield* now(settle)
      }
      assert.deepStrictEqual(
        yield* bookings,
        calendar.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
      )
    }).pipe(Effect.provide(stores())),
  { arbitrary: { runs: 60, size: 10 } },
)
