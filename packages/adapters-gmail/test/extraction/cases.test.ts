import { readFileSync } from "node:fs"

import { assert, describe, it } from "@effect/vitest"
import { ReservationFacts, threshold } from "@holdfast/domain/reservations/ReservationFacts"
import { DateTime, Effect, Schema } from "effect"

import { extract, extractor, make } from "../../src/extraction/ReservationMail.ts"
import { HistoryId, MessageId } from "../../src/GmailApi.ts"
import * as Tape from "../../src/Tape.ts"
import * as Airbnb from "./cases/Airbnb.ts"
import * as BookingCom from "./cases/BookingCom.ts"
import { type Case, confirmedHeader, details, type Field, passed, receivedAt } from "./cases/Case.ts"
import * as Elsewhere from "./cases/Elsewhere.ts"
import * as Hostile from "./cases/Hostile.ts"
import * as Tables from "./cases/Tables.ts"
import * as Vrbo from "./cases/Vrbo.ts"

const taped = Effect.fnUntraced(function* (raw: Uint8Array) {
  const { content } = yield* Tape.record({
    id: MessageId.make("18c0ffee00000001"),
    threadId: "18c0ffee00000001",
    labelIds: [],
    historyId: HistoryId.make("1"),
    internalDate: DateTime.makeUnsafe(receivedAt),
    raw,
  })
  return content
})

const all = [...Airbnb.cases, ...Vrbo.cases, ...BookingCom.cases, ...Elsewhere.cases, ...Tables.cases, ...Hostile.cases]

const fields: ReadonlyArray<Field> = ["guestName", "checkIn", "checkOut", "confirmationCode", "guestCount"]

const check = ({ decision, kind, mail, platform, reasons, says, sender, sure, trusted }: Case) =>
  Effect.gen(function* () {
    const facts = make(trusted === undefined ? {} : { trusted }).extract(yield* taped(mail))
    const told = JSON.stringify(facts)
    assert.strictEqual(facts.kind, kind, told)
    for (const field of [...fields, "infants", "listing", "rooms"] as const) {
      const expected = says[field]
      if (expected !== undefined) assert.strictEqual(facts[field]?.value ?? null, expected, `${field}: ${told}`)
    }
    assert.strictEqual(facts.decision, decision, told)
    if (platform !== undefined) assert.strictEqual(facts.platform, platform, told)
    if (sender !== undefined) assert.strictEqual(facts.sender, sender, told)
    for (const reason of reasons ?? []) assert.include(facts.reasons, reason)
    if (reasons?.length === 0) assert.deepStrictEqual(facts.reasons, [])
    if (sure === undefined) return
    for (const field of fields) {
      const confidence = facts[field]?.confidence ?? 0
      if (sure.includes(field)) assert.isAtLeast(confidence, threshold.auto, `${field}: ${told}`)
      else assert.isBelow(confidence, threshold.auto, `${field}: ${told}`)
    }
  })

describe("The facts of a mail", () => {
  for (const one of all) {
    it.effect(one.name, () => check(one))
  }

  it.effect("A40: are the same in the copies of a mail, whatever the copy is called", () =>
    Effect.gen(function* () {
      const [first] = Airbnb.cases
      const message = Tape.decode(yield* taped(first?.mail ?? new Uint8Array()))
      const copy = { ...message, id: MessageId.make("18c0ffee00000002"), labelIds: [] }
      assert.deepStrictEqual(extract(copy), extract(message))
    }),
  )

  it.effect("give only reasons that are documented", () =>
    Effect.gen(function* () {
      const documented = new Set(
        Array.from(
          readFileSync(new URL("../../../../docs/extraction.md", import.meta.url), "utf8").matchAll(
            /^\| `([A-Z_]+)`/gm,
          ),
          ([, code = ""]) => code,
        ),
      )
      for (const { mail } of all) {
        for (const reason of extractor.extract(yield* taped(mail)).reasons)
          assert.isTrue(documented.has(reason), reason)
      }
    }),
  )

  it.effect("hold no token of a link", () =>
    Effect.gen(function* () {
      for (const { mail } of [...Airbnb.cases, ...BookingCom.cases]) {
        const facts = JSON.stringify(extractor.extract(yield* taped(mail)))
        assert.notMatch(facts, /s3cret|9932/)
      }
    }),
  )

  it.effect("are null, and nothing is applied, of a message that defied its parser", () =>
    Effect.gen(function* () {
      const message = Tape.decode(yield* taped(new TextEncoder().encode(`X: ${"x".repeat(2_000_000)}\r\n\r\n`)))
      assert.isNull(message.mail)
      const facts = extract(message)
      assert.strictEqual(facts.decision, "none")
      assert.deepStrictEqual(facts.reasons, ["UNREADABLE"])
    }),
  )

  it.effect("are never applied by themselves where the sender is not proved, whatever the mail says", () =>
    Effect.gen(function* () {
      for (const { mail } of [...Airbnb.cases, ...Vrbo.cases, ...BookingCom.cases]) {
        const message = Tape.decode(yield* taped(mail))
        if (message.mail === null) continue
        const headers = message.mail.headers.filter(([name]) => name !== "authentication-results")
        const facts = extract({ ...message, mail: { ...message.mail, headers } })
        assert.notStrictEqual(facts.decision, "auto")
        for (const field of fields) assert.isAtMost(facts[field]?.confidence ?? 0, threshold.review)
      }
    }),
  )
})

const isFacts = Schema.is(ReservationFacts)

describe("Reading", () => {
  it.prop(
    "never breaks, and gives facts, whatever a proved sender writes",
    [Schema.String, Schema.String, Schema.String],
    ([subject, text, html]) => {
      const facts = extract(message({ subject, text, html }))
      assert.isTrue(isFacts(facts))
    },
    { arbitrary: { runs: 200 } },
  )

  it.prop(
    "gives the same number and days, whatever else is written below",
    [Schema.String],
    ([noise]) => {
      const text = [
        "Check-in",
        "Sat, Dec 5",
        "Checkout",
        "Tue, Dec 8",
        "Confirmation code",
        "HMTEST0001",
        details("HMTEST0001"),
      ]
      const quoted = noise.split(/\r\n|[\r\n\v\f\u0085\u2028\u2029]/).map((line) => `> ${line}`)
      const subject = "Reservation confirmed - Ada Testwell arrives Dec 5"
      const facts = extract(message({ subject, text: [...text, ...quoted].join("\n"), html: "" }))
      assert.strictEqual(facts.confirmationCode?.value, "HMTEST0001")
      assert.strictEqual(facts.checkIn?.value, "2026-12-05")
      assert.strictEqual(facts.checkOut?.value, "2026-12-08")
    },
    { arbitrary: { runs: 100 } },
  )
})

const message = (mail: { readonly subject: string; readonly text: string; readonly html: string }): Tape.Message => ({
  id: MessageId.make("18c0ffee00000001"),
  threadId: "18c0ffee00000001",
  labelIds: [],
  internalDate: DateTime.makeUnsafe(receivedAt),
  raw: "",
  sha256: "",
  mail: {
    messageId: null,
    from: { name: "Airbnb", address: "automated@airbnb.com" },
    to: [],
    subject: mail.subject,
    date: null,
    headers: [
      ["from", "Airbnb <automated@airbnb.com>"],
      ["authentication-results", passed("airbnb.com")],
      ["x-template", confirmedHeader["X-Template"]],
    ],
    fullText: mail.text,
    fullHtml: mail.html,
  },
})
