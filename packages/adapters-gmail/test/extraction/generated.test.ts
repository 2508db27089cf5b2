import { assert, describe, it } from "@effect/vitest"
import { enriching } from "@holdfast/domain/reservations/ReservationFacts"
import { Effect, Option } from "effect"

import { archived, extractor } from "../../bench/extraction/Host.ts"
import * as Tally from "../../bench/extraction/Tally.ts"
import { Mail } from "../../src/index.ts"
import { ReservationMails } from "../../src/testing/index.ts"

const seeds = (from: number, count: number) => Array.from({ length: count }, (_, index) => from + index)

/** What is wrong with what was said of each mail; of all, or of what was to be applied by itself. */
const mistakes = Effect.fn(function* (mails: Iterable<ReservationMails.Generated>, which: "all" | "applied") {
  const tally = Tally.empty()
  const wrong: Array<string> = []
  for (const mail of mails) {
    const before = tally.wrongAutos
    const said = Tally.count(tally, mail, extractor.extract(yield* archived(mail)))
    if (which === "all" ? said.length > 0 : tally.wrongAutos > before) {
      wrong.push(`${mail.truth.platform} ${mail.language} ${mail.hostile ?? mail.truth.kind}: ${said.join("; ")}`)
    }
  }
  return wrong
})

describe("Generated mail", () => {
  it.effect("says what its truth says", () =>
    Effect.gen(function* () {
      for (const seed of seeds(1, 80)) {
        const { raw, truth } = ReservationMails.generate(seed, { boilerplate: 0 })
        const { from, fullHtml, fullText, subject } = yield* Mail.parse(raw)
        const all = [Option.getOrElse(subject, () => ""), fullText, fullHtml, JSON.stringify(from)].join("\n")
        const plain = all.replaceAll("&nbsp;", " ").replaceAll("&#39;", "'")
        for (const field of truth.required) {
          if (field === "confirmationCode" || field === "listing") assert.include(plain, truth[field] ?? "-", `${seed}`)
        }
        if (truth.checkIn !== null && truth.checkOut !== null)
          assert.isBelow(+truth.checkIn.replaceAll("-", ""), +truth.checkOut.replaceAll("-", ""))
        if (truth.autoAllowed) assert.isTrue(enriching.has(truth.kind), `${seed}`)
      }
    }),
  )

  it("is the same for the same seed, and another for another", () => {
    const bytes = (seed: number, hostile: boolean) =>
      Buffer.from(ReservationMails.generate(seed, { hostile }).raw).toString("latin1")
    const mails = new Set<string>()
    for (const seed of seeds(1, 40)) {
      const mail = bytes(seed, seed % 2 === 0)
      assert.strictEqual(bytes(seed, seed % 2 === 0), mail)
      mails.add(mail)
    }
    assert.strictEqual(mails.size, 40)
  })
})

describe("The extractor", () => {
  it.effect("applies nothing wrong by itself, whatever the mail", () =>
    Effect.gen(function* () {
      const mails = seeds(70_000, 150).map((seed) =>
        ReservationMails.generate(seed, { hostile: seed % 5 === 0, boilerplate: 500 }),
      )
      assert.deepStrictEqual(yield* mistakes(mails, "applied"), [])
    }),
  )

  it.effect("falls for no trick", () =>
    Effect.gen(function* () {
      const mails = ReservationMails.tricks.flatMap((hostile) =>
        seeds(80_000, 1).map((seed) => ReservationMails.generate(seed, { hostile })),
      )
      assert.deepStrictEqual(yield* mistakes(mails, "applied"), [])
    }),
  )

  it.effect("reads the confirmations of every platform in every language", () =>
    Effect.gen(function* () {
      const mails = (["airbnb", "vrbo", "booking"] as const).flatMap((source) =>
        ReservationMails.languages.flatMap((language) =>
          seeds(90_000, 2).map((seed) =>
            ReservationMails.generate(seed, { source, language, kind: "confirmed", boilerplate: 500 }),
          ),
        ),
      )
      assert.deepStrictEqual(yield* mistakes(mails, "all"), [])
    }),
  )

  it.effect("says the same of the same message", () =>
    Effect.gen(function* () {
      for (const seed of seeds(60_000, 30)) {
        const item = yield* archived(ReservationMails.generate(seed, { hostile: seed % 3 === 0, boilerplate: 500 }))
        assert.deepStrictEqual(extractor.extract(item), extractor.extract(JSON.parse(JSON.stringify(item))))
      }
    }),
  )
})
