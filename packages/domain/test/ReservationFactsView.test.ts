import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"

import { Comparison, Memory, ProjectionRunner, Rebuild, ReservationFactsView, Verify } from "../src/index.ts"
import { layerMemory } from "../src/testing/bookingsMemory.ts"
import { factsView, gmail, hosting, hostingIn, LiveFacts, mail, seaView } from "../src/testing/hosting.ts"

/** An extractor that cannot read one of the mails, and gets others wrong. */
const failing = factsView(1, (facts) => {
  switch (facts.guestName?.value) {
    case "a bomb":
      throw new RangeError("a message that quotes a bomb")
    case "no such day":
      return { ...facts, checkIn: { value: "2026-02-31", confidence: 1, sources: ["label"] } }
    case "not text":
      return { ...facts, listing: { value: "a\0b", confidence: 1, sources: ["label"] } }
    case "no number":
      return { ...facts, confidence: Number.NaN }
    case "too long":
      return { ...facts, confirmationCode: { value: "X".repeat(5_000), confidence: 1, sources: ["label"] } }
    case "no kind":
      return { ...facts, kind: "nonsense" as "unknown" }
    default:
      return facts
  }
})

layer(Layer.provideMerge(layerMemory, Memory.layer), { excludeTestServices: true })("the view of facts", (it) => {
  it.effect("has a row for each message, with what it says, how sure that is and where it stood", () =>
    Effect.gen(function* () {
      const { accountId, connectionId, deliver, facts, feedId } = yield* hosting
      yield* deliver(mail("m", { code: "hm test.0001", received: "2026-11-19T08:00:00.000Z" }))
      const [row, ...more] = yield* facts
      assert.deepStrictEqual(more, [])
      assert.deepInclude(row, {
        account_id: accountId,
        message_id: "m",
        feed_id: feedId,
        connection_id: connectionId,
        provider: gmail,
        platform: "airbnb",
        kind: "confirmed",
        guest_name: "Ada Testwell",
        check_in: "2026-12-05",
        check_out: "2026-12-08",
        confirmation_code: "HMTEST0001",
        guest_count: 4,
        infants: null,
        listing: seaView,
        decision: "auto",
        extractor: 1,
        received_at: "2026-11-19T08:00:00.000Z",
        problem: null,
      })
      assert.deepStrictEqual(row?.confidences["guest_name"], 0.97)
      assert.deepStrictEqual(row?.provenance["guest_name"], ["label"])
      assert.isUndefined(row?.confidences["infants"])
    }),
  )

  it.effect("keeps a message as it was first recorded, whoever delivers it again", () =>
    Effect.gen(function* () {
      const first = yield* hosting
      const again = yield* hostingIn(first.tenantId, first.accountId)
      yield* first.deliver(mail("m"))
      const before = yield* first.facts
      yield* again.deliver(mail("m", { guestName: "Somebody Else" }))
      assert.deepStrictEqual(yield* first.facts, before)
      assert.deepStrictEqual(yield* again.facts, [])
    }),
  )

  it.effect("goes with the feed when that is forgotten", () =>
    Effect.gen(function* () {
      const { deliver, facts, forget } = yield* hosting
      yield* deliver(mail("m"))
      assert.strictEqual((yield* facts).length, 1)
      yield* forget
      assert.deepStrictEqual(yield* facts, [])
    }),
  )
})

layer(Layer.provideMerge(layerMemory, Memory.layer), { excludeTestServices: true })("another extractor", (it) => {
  it.effect("reads what the one before could not, and says beforehand what it would change", () =>
    Effect.gen(function* () {
      const poison = ["a bomb", "no such day", "not text", "no number", "too long", "no kind"]
      const { deliver, facts, tenantId } = yield* hosting
      yield* deliver(mail("m0"), ...poison.map((guestName, index) => mail(`m${index + 1}`, { guestName })))

      const before = yield* Effect.provideService(facts, LiveFacts, failing)
      const problems = new Map(before.map(({ message_id, problem }) => [message_id, problem]))
      assert.deepStrictEqual(problems.get("m0"), null)
      assert.deepStrictEqual(problems.get("m1"), "RangeError")
      for (let n = 2; n <= 6; n++) assert.deepStrictEqual(problems.get(`m${n}`), "UnstorableFacts")
      const quarantined = yield* ReservationFactsView.quarantined(tenantId)
      assert.deepStrictEqual(
        quarantined.map(({ decision, guest_name, message_id }) => [message_id, decision, guest_name]),
        poison.map((_, index) => [`m${index + 1}`, "none", null]),
      )

      const mended = factsView(2)
      assert.isAbove(mended.version, failing.version)
      const compared = yield* Comparison.compare(mended, { ignoring: ["extractor"] })
      assert.deepInclude(compared, { equal: 1, differing: 6, coming: 0, going: 0 })
      const column = (name: string) => compared.columns.find(({ column }) => column === name)
      assert.deepStrictEqual(column("guest_name"), { column: "guest_name", filled: 6, emptied: 0, changed: 0 })
      assert.deepStrictEqual(column("problem"), { column: "problem", filled: 0, emptied: 6, changed: 0 })
      assert.deepStrictEqual(column("decision"), { column: "decision", filled: 0, emptied: 0, changed: 6 })
      assert.deepStrictEqual(yield* ReservationFactsView.quarantined(tenantId), quarantined, "nothing was switched")

      yield* Rebuild.rebuild(mended)
      assert.deepStrictEqual(yield* ReservationFactsView.quarantined(tenantId), [])
      const after = yield* Effect.provideService(facts, LiveFacts, mended)
      assert.deepStrictEqual(
        after.map(({ extractor, guest_name }) => [extractor, guest_name]).toSorted(),
        ["Ada Testwell", ...poison].map((name) => [2, name]).toSorted(),
      )
      assert.deepInclude(yield* Comparison.compare(mended), { equal: 7, differing: 0, coming: 0, going: 0 })
    }),
  )

  it.effect("finds rows that would come, go and change, however the live ones came about", () =>
    Effect.gen(function* () {
      const { deliver } = yield* hosting
      yield* deliver(mail("m1"), mail("m2", { guestName: null }), mail("m3"))
      const live = factsView(2)
      yield* ProjectionRunner.catchUp(live)
      const changing = factsView(3, (facts) => ({
        ...facts,
        guestName: facts.guestName && { ...facts.guestName, value: "Somebody" },
        guestCount: null,
      }))
      const compared = yield* Comparison.compare(changing, { ignoring: ["extractor"] })
      assert.isAbove(compared.differing, 0)
      assert.strictEqual(compared.columns.find(({ column }) => column === "guest_count")?.emptied, compared.differing)
      const [first] = compared.differences
      assert.include(first?.columns ?? [], "guest_count")
      const { going } = yield* Comparison.compare({ ...changing, touches: () => [] })
      assert.strictEqual(going, compared.differing + compared.equal)
      assert.deepInclude(yield* Verify.verify(live), { missing: [], extra: [], different: [] })
    }),
  )
})

layer(Memory.layer, { excludeTestServices: true })("a view that was never built", (it) => {
  it.effect("cannot be compared", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Comparison.compare(factsView()))
      assert.isTrue(Schema.is(Comparison.NothingToCompare)(error))
    }),
  )
})
