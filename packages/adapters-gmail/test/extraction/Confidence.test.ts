import { assert, describe, it } from "@effect/vitest"
import { Provenance, threshold } from "@holdfast/domain/reservations/ReservationFacts"
import { DateTime, Effect, Schema } from "effect"

import * as Calibration from "../../bench/extraction/Calibration.ts"
import { archived, extractor } from "../../bench/extraction/Host.ts"
import * as Tally from "../../bench/extraction/Tally.ts"
import { extract } from "../../src/extraction/ReservationMail.ts"
import { weigh, type Weighed, type Witness, worth } from "../../src/extraction/Witness.ts"
import * as Tape from "../../src/Tape.ts"
import { ReservationMails } from "../../src/testing/index.ts"
import { airbnb, confirmedHeader, passed, receivedAt, vrbo } from "./cases/Case.ts"

const Place = Schema.Struct({
  value: Schema.Literals(["HMTEST0001", "HMTEST0009"]),
  source: Provenance,
  limit: Schema.Literals([1, worth.question, worth.even]),
})

type Code = (typeof Place.Type)["value"]

const witness = ({ limit, source, value }: typeof Place.Type): Witness<Code> =>
  limit === 1 ? { value, source } : { value, source, atMost: limit }

const believed = (weighed: Weighed<Code> | "conflict" | null) =>
  weighed === null || weighed === "conflict" ? undefined : weighed

describe("The worth of a value", () => {
  it.prop("is never less because another place says it too", [Schema.Array(Place), Place], ([places, another]) => {
    const before = believed(weigh(places.map(witness)))
    if (before === undefined) return
    const agreeing = witness({ ...another, value: before.value })
    assert.isAtLeast(believed(weigh([...places.map(witness), agreeing]))?.confidence ?? 0, before.confidence)
  })

  it.prop("is never more because a place is doubted", [Schema.Array(Place), Schema.Natural], ([places, which]) => {
    const before = believed(weigh(places.map(witness)))
    const doubted = places.map((place, index) =>
      witness(index === which % places.length ? { ...place, limit: worth.even } : place),
    )
    assert.isAtMost(believed(weigh(doubted))?.confidence ?? 0, before?.confidence ?? 0)
  })

  it.prop(
    "is no more than that of its surest place, where all that say it are doubted",
    [Schema.Array(Place)],
    ([places]) => {
      const { confidence = 0 } = believed(weigh(places.filter(({ limit }) => limit < 1).map(witness))) ?? {}
      assert.isAtMost(confidence, Math.max(0, ...places.flatMap(({ limit }) => (limit < 1 ? [limit] : []))))
    },
  )

  it.prop("is the same where a place of the same sort says it once more", [Schema.Array(Place)], ([places]) => {
    const twice = [...places, ...places].map(witness)
    assert.deepStrictEqual(weigh(twice), weigh(places.map(witness)))
  })

  it.prop("is the same in whatever order the places stand", [Schema.Array(Place)], ([places]) => {
    assert.deepStrictEqual(weigh(places.toReversed().map(witness)), weigh(places.map(witness)))
  })

  it.prop("is nothing where places contradict each other, prose aside", [Schema.Array(Place)], ([places]) => {
    const firm = places.filter(({ source }) => source !== "prose")
    const said = new Set((firm.length > 0 ? firm : places).map(({ value }) => value))
    assert.strictEqual(weigh(places.map(witness)) === "conflict", said.size === 2)
  })

  it.prop("is one of few numbers", [Schema.Array(Place)], ([places]) => {
    const confidence = believed(weigh(places.map(witness)))?.confidence
    assert.isTrue(confidence === undefined || Object.values<number>(worth).includes(confidence))
  })

  it("is applied by itself only where nothing was guessed", () => {
    assert.isAtLeast(Math.min(worth.sure, worth.unseen), threshold.auto)
    assert.isBelow(worth.question, threshold.auto)
    assert.strictEqual(worth.even, threshold.review)
  })
})

type Change = (message: Tape.Message) => Tape.Message

const changed =
  (change: (mail: NonNullable<Tape.Message["mail"]>) => Partial<NonNullable<Tape.Message["mail"]>>): Change =>
  (message) =>
    message.mail === null ? message : { ...message, mail: { ...message.mail, ...change(message.mail) } }

const withHeader = (name: string, value: string): Change =>
  changed(({ headers }) => ({ headers: [...headers.filter(([key]) => key !== name), [name, value]] }))

type Said = ReservationMails.Field

const all = Tally.fields
const butListing = all.filter((field) => field !== "listing")
const butNumber = butListing.filter((field) => field !== "confirmationCode")

/** Something that makes a confirmation doubtful, and what its values are worth at most after it. */
interface Doubt {
  readonly source: "airbnb" | "vrbo"
  readonly change: Change
  readonly fields: ReadonlyArray<Said>
  readonly most: number
}

const doubts: Readonly<Record<string, Doubt>> = {
  "nobody vouches for the sender": {
    source: "vrbo",
    change: changed(({ headers }) => ({ headers: headers.filter(([name]) => name !== "authentication-results") })),
    fields: all,
    most: worth.even,
  },
  "there is another subject": {
    source: "airbnb",
    change: changed(({ headers }) => ({ headers: [...headers, ["subject", "Another"]] })),
    fields: all,
    most: worth.even,
  },
  "a header says that it is cancelled": {
    source: "airbnb",
    change: withHeader("x-template", "reservation/host_cancellation_by_guest"),
    fields: butNumber,
    most: worth.question,
  },
  "a header is of a type that nobody knows": {
    source: "vrbo",
    change: withHeader("x-mediated-message-type", "SOMETHING_NEW"),
    fields: butListing,
    most: worth.question,
  },
  "other words lead up to the subject": {
    source: "vrbo",
    change: changed(({ headers, subject }) => ({
      subject: `Problem with your ${subject}`,
      headers: headers.filter(([name]) => !name.startsWith("x-")),
    })),
    fields: butListing,
    most: worth.question,
  },
  "there is a second number": {
    source: "airbnb",
    change: changed(({ fullHtml, fullText }) => ({
      fullHtml: fullHtml === "" ? "" : `<p>Confirmation code: HMTEST0009</p>${fullHtml}`,
      fullText: `Confirmation code: HMTEST0009\n\n${fullText}`,
    })),
    fields: ["guestName"],
    most: worth.question,
  },
}

const confirmations = (source: "airbnb" | "vrbo") =>
  Effect.forEach([1, 2, 3, 4, 5, 6, 7, 8], (seed) =>
    archived(
      ReservationMails.generate(40_000 + seed, { source, kind: "confirmed", language: "en-US", boilerplate: 0 }),
    ).pipe(Effect.map(Tape.decode)),
  )

describe("A confirmation", () => {
  for (const [doubt, { change, fields, most, source }] of Object.entries(doubts)) {
    it.effect(`is believed less, and nothing in it more, where ${doubt}`, () =>
      Effect.gen(function* () {
        for (const message of yield* confirmations(source)) {
          const [before, after] = [extract(message), extract(change(message))]
          assert.strictEqual(before.decision, "auto")
          assert.notStrictEqual(after.decision, "auto")
          assert.isBelow(after.confidence, before.confidence)
          for (const field of all) {
            const [was, is] = [before[field], after[field]]
            if (was !== null && is?.value === was.value) assert.isAtMost(is.confidence, was.confidence, field)
          }
          for (const field of fields) assert.isAtMost(after[field]?.confidence ?? 0, most, field)
        }
      }),
    )
  }

  it.effect("of a guest whose first name alone is known is even whether that is the name", () =>
    Effect.gen(function* () {
      for (const message of yield* confirmations("airbnb")) {
        const bare = changed(() => ({
          subject: "Reservation confirmed - Ada arrives Dec 5",
          fullHtml: "",
          fullText: "",
        }))
        assert.deepStrictEqual(extract(bare(message)).guestName, {
          value: "Ada",
          confidence: worth.even,
          sources: ["subject"],
        })
      }
    }),
  )
})

describe("A name", () => {
  const named = (subject: string, text: string) => {
    const from = "Vrbo <messaging@messages.vrbo.com>"
    const raw = vrbo({ from, verdict: passed("messages.vrbo.com"), subject, text })
    return archived({ raw, receivedAt: DateTime.makeUnsafe(receivedAt) }).pipe(
      Effect.map((item) => extractor.extract(item).guestName),
    )
  }

  it.effect("of one word is even whether it is the whole, where a mail tells that somebody does not come", () =>
    Effect.gen(function* () {
      const subject = "Reservation HA-TST123 has been canceled"
      assert.deepInclude(yield* named(subject, "Traveler name: Ada"), { value: "Ada", confidence: worth.even })
      const whole = yield* named(subject, "Traveler name: Ada Testwell")
      assert.deepInclude(whole, { value: "Ada Testwell", confidence: worth.sure })
    }),
  )

  it.effect("that nothing marks as one is even whether it is one, though subject and body have it", () =>
    Effect.gen(function* () {
      const written = airbnb({
        subject: "Xyzzy - Ada Testwell plugh Dec 5",
        text: "Ada Testwell",
        headers: confirmedHeader,
      })
      const facts = extractor.extract(yield* archived({ raw: written, receivedAt: DateTime.makeUnsafe(receivedAt) }))
      assert.include(facts.reasons, "SUBJECT_UNKNOWN")
      assert.deepInclude(facts.guestName, { value: "Ada Testwell", confidence: worth.even, sources: ["prose"] })
    }),
  )
})

describe("A thread", () => {
  const subject = "Reservation from Ada Testwell: Apr 10 - Apr 17, 2027 - Vrbo #1234567"
  const answer = { "X-Mediated-Message-Type": "REPLIED" }
  const body = ["Dates:", "Apr 10 - Apr 17, 2027, 7 nights", "Guests:", "2 adults, 1 child"].join("\r\n")

  const read = (written: Parameters<typeof vrbo>[0]) =>
    archived({ raw: vrbo(written), receivedAt: DateTime.makeUnsafe(receivedAt) }).pipe(Effect.map(extractor.extract))

  it.effect("is a question, and so is what one place alone says, for the other party may have written it", () =>
    Effect.gen(function* () {
      const facts = yield* read({ subject: "Message from Ada", text: body, headers: answer })
      assert.strictEqual(facts.decision, "review")
      for (const value of [facts.checkIn, facts.checkOut, facts.guestCount])
        assert.strictEqual(value?.confidence, worth.question)
    }),
  )

  it.effect("is a question, though what two places say is sure", () =>
    Effect.gen(function* () {
      const facts = yield* read({ subject, text: body, headers: answer })
      assert.deepInclude(facts, { decision: "review", confidence: worth.question })
      for (const value of [facts.checkIn, facts.checkOut]) assert.strictEqual(value?.confidence, worth.sure)
      assert.strictEqual(facts.guestCount?.confidence, worth.question)
    }),
  )
})

describe("Confidence", () => {
  it.effect("is as often right as it says, and no level says more than that", () =>
    Effect.gen(function* () {
      const tally = Tally.empty()
      for (let seed = 50_000; seed < 50_150; seed++) {
        const mail = ReservationMails.generate(seed, { hostile: seed % 5 === 0, boilerplate: 0 })
        Tally.count(tally, mail, extractor.extract(yield* archived(mail)))
      }
      const { error, tooSure } = Calibration.of(tally.claims)
      assert.isAtMost(error, 0.02)
      assert.isAtMost(tooSure, 0.005)
      assert.isAbove(tally.claims.length, 400)
    }),
  )
})

describe("The calibration error", () => {
  const claims = (confidence: number, count: number, right: number): ReadonlyArray<Calibration.Claim> =>
    Array.from({ length: count }, (_, index) => ({
      mail: index,
      confidence,
      right: index < right ? 1 : 0,
      groups: [`level ${confidence}`],
    }))

  it("is the mean distance of a level from its share that is right", () => {
    const { error, said, tooSure } = Calibration.of([...claims(0.9, 10, 8), ...claims(0.5, 30, 15)])
    assert.strictEqual(said, 40)
    assert.approximately(error, (10 * 0.1) / 40, 1e-12)
    assert.approximately(tooSure, (10 * 0.1) / 40, 1e-12)
  })

  it("is not made up for by a level beside it that errs the other way", () => {
    const { error, tooSure } = Calibration.of([...claims(0.92, 100, 100), ...claims(0.98, 100, 90)])
    assert.approximately(error, 0.08, 1e-12)
    assert.approximately(tooSure, 0.04, 1e-12)
  })

  it("lies within what other drawings of the mails would give, which is wider for fewer of them", () => {
    const width = (count: number) => {
      const drawn = claims(0.9, count, count * 0.8)
      const [low, high] = Calibration.interval(drawn)
      assert.isAtMost(low, Calibration.of(drawn).error)
      assert.isAtLeast(high, Calibration.of(drawn).error)
      return high - low
    }
    assert.isAbove(width(20), width(500))
  })

  it("is told of each group that is not too small", () => {
    const groups = Calibration.byGroup([...claims(0.9, 10, 8), ...claims(0.5, 30, 15)], 20)
    assert.deepStrictEqual(
      groups.map(([group, all]) => [group, all.length]),
      [["level 0.5", 30]],
    )
  })

  it.effect("counts a value by half where the mail may as well be somebody's invention", () =>
    Effect.gen(function* () {
      const tally = Tally.empty()
      for (let seed = 0; seed < 6; seed++) {
        const mail = ReservationMails.generate(seed, { hostile: "signature fails" })
        Tally.count(tally, mail, extractor.extract(yield* archived(mail)))
      }
      assert.isAbove(tally.claims.length, 6)
      assert.deepStrictEqual(new Set(tally.claims.map(({ right }) => right)), new Set([0.5]))
      assert.deepStrictEqual(new Set(tally.claims.map(({ confidence }) => confidence)), new Set([worth.even]))
    }),
  )
})
