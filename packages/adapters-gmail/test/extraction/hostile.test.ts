import { assert, describe, it } from "@effect/vitest"
import { enriching, ReservationFacts, threshold } from "@holdfast/domain/reservations/ReservationFacts"
import { DateTime, Effect, Schema } from "effect"

import { extractor } from "../../src/extraction/ReservationMail.ts"
import { HistoryId, MessageId } from "../../src/GmailApi.ts"
import * as Tape from "../../src/Tape.ts"
import {
  airbnb,
  booking,
  confirmedHeader,
  engine,
  extranet,
  page,
  passed,
  receivedAt,
  thread,
  vrbo,
  type Written,
} from "./cases/Case.ts"

const read = Effect.fnUntraced(function* (raw: Uint8Array) {
  const { content } = yield* Tape.record({
    id: MessageId.make("18c0ffee00000001"),
    threadId: "18c0ffee00000001",
    labelIds: [],
    historyId: HistoryId.make("1"),
    internalDate: DateTime.makeUnsafe(receivedAt),
    raw,
  })
  return extractor.extract(content)
})

const subject = "Reservation confirmed - Ada Testwell arrives Dec 5"
const lines = ["Check-in", "Sat, Dec 5", "Checkout", "Tue, Dec 8", "Confirmation code", "HMTEST0001"]

const confirmation = (more: Partial<Written> = {}) =>
  airbnb({ subject, text: lines.join("\r\n"), headers: confirmedHeader, ...more })

describe("A sender", () => {
  const evil = {
    "the domain as the beginning of another": "Airbnb <automated@airbnb.com.evil.test>",
    "the domain as the end of another": "Reservations <automated@notairbnb.com>",
    "the domain with a dot behind it": "Reservations <automated@airbnb.com.>",
    "a letter of another script": "Reservations <automated@\u0430irbnb.com>",
    "that letter as the network writes it": "Airbnb <automated@xn--irbnb-3ve.com>",
    "wide letters": "Reservations <automated\uFF20airbnb.com>",
    "a route before the address": "Reservations <@airbnb.com:x@evil.test>",
    "the address as the mailbox of another": 'Reservations <"automated@airbnb.com"@evil.test>',
    "the address before another in brackets": "<automated@airbnb.com> <x@evil.test>",
    "a quotation that seems to end": '"a\\" <automated@airbnb.com>" <x@evil.test>',
    "a NUL within the address": "automated@airbnb.com\0@evil.test",
    "letters without width within the name": "A\u200dir\u00adbnb <x@evil.test>",
    "mathematical letters": "\u{1D400}irbnb <x@evil.test>",
  }
  for (const [trick, from] of Object.entries(evil)) {
    it.effect(`is not believed for ${trick}`, () =>
      Effect.gen(function* () {
        const facts = yield* read(confirmation({ from, verdict: passed("evil.test") }))
        assert.deepInclude(facts, { sender: "forged", decision: "none", guestName: null, confirmationCode: null })
      }),
    )
  }

  const verdicts = {
    "within the quoted return address":
      'dkim=pass header.i=@evil.test; spf=pass smtp.mailfrom="a; dkim=pass header.d=airbnb.com; b"@evil.test',
    "within a quoted reason": 'dkim=fail reason="x; dkim=pass header.d=airbnb.com" header.i=@airbnb.com',
    "after a quoted return address that seems to end a comment":
      'spf=pass (google.com: domain of "a); dkim=pass header.i=@airbnb.com; ("@evil.test) smtp.mailfrom=x',
    "after a comment that seems to end": "dkim=fail (a \\) header.i=@evil.test; dkim=pass header.i=@airbnb.com",
    "beside the real signer": "dkim=pass header.i=@evil.test header.d=airbnb.com",
    "within a signer's name that has spaces": "dkim=pass header.i=x header.d=airbnb.com @evil.test",
    "of a seal": "arc=pass dkim=pass header.d=airbnb.com",
    "of a domain above all": "dkim=pass header.d=com",
  }
  for (const [place, verdict] of Object.entries(verdicts)) {
    it.effect(`is not proved by a verdict ${place}`, () =>
      Effect.gen(function* () {
        const facts = yield* read(confirmation({ verdict: `mx.google.com; ${verdict}` }))
        assert.deepInclude(facts, { sender: "unproven", decision: "review" })
        assert.isAtMost(facts.confirmationCode?.confidence ?? 1, threshold.review)
      }),
    )
  }

  for (const from of [
    "Ada <1f2e-a7@reply.airbnb.com>",
    "Ada <ada@guest.airbnb.com>",
    "Ada <express@airbnb.com>",
    "Ada <ada@airbnb.com>",
  ]) {
    it.effect(`who may be a guest that the platform relays chooses a subject, and tells nothing: ${from}`, () =>
      Effect.gen(function* () {
        const verdict = passed(from.slice(from.indexOf("@") + 1, -1))
        const facts = yield* read(confirmation({ from, verdict, headers: {} }))
        assert.strictEqual(facts.decision, "review")
        assert.include(facts.reasons, "UNKNOWN_MAILBOX")
        for (const value of [facts.confirmationCode, facts.guestName, facts.checkIn]) {
          assert.isBelow(value?.confidence ?? 0, threshold.auto)
        }
        const cancelled = "Canceled: Reservation HMTEST0001 for Dec 5 - 8, 2026"
        const cancellation = yield* read(confirmation({ from, verdict, headers: {}, subject: cancelled }))
        assert.isBelow(cancellation.confirmationCode?.confidence ?? 1, threshold.auto)
      }),
    )
  }

  it.effect("whom Booking.com relays is known by the number in the address, whatever the subject says", () =>
    Effect.gen(function* () {
      const facts = yield* read(
        booking({
          from: "Ada <5550000001-abcd.ef12@guest.booking.com>",
          verdict: passed("guest.booking.com"),
          subject: "Booking.com - New booking! (5550000009, Wednesday, 2 June 2027)",
          text: "Guest name: Ada Testwell\nBooking number: 5550000001",
        }),
      )
      assert.strictEqual(facts.kind, "guest_message")
      assert.strictEqual(facts.decision, "review")
      assert.isNull(facts.confirmationCode)
    }),
  )
})

describe("A guest whom Booking.com relays", () => {
  const Line = Schema.Literals([
    "Guest name: Mallory Sample",
    "Guest name: Ada Testwell Sample",
    "Guest name: Ada Testwell",
    "Check-in: Thu 10 Dec 2026",
    "Check-out: Wed 30 Dec 2026",
    "Booking number: 5550000001",
    "Booking number: 5550000009",
    "Total guests: 9",
    "Dates: 10 - 30 December 2026",
    extranet("5550000001"),
    extranet("5550000009"),
  ])
  const Subject = Schema.Literals([
    "New booking! (5550000001, Thursday, 10 December 2026)",
    "New booking! (5550000009, Thursday, 10 December 2026)",
    "Guest name: Mallory Sample",
  ])

  it.effect.prop(
    "says nothing that is believed, with whatever labels, but for the relay's own number and name",
    [Subject, Schema.Array(Line), Schema.Boolean],
    ([subject, lines, isPage]) =>
      Effect.gen(function* () {
        const facts = yield* read(
          booking({
            from: "Ada Testwell via Booking.com <5550000001-abcd.ef12@guest.booking.com>",
            verdict: passed("guest.booking.com"),
            subject,
            text: lines.join("\n"),
            ...(isPage ? { html: page(...lines) } : {}),
          }),
        )
        const { checkIn, checkOut, confirmationCode, guestCount, guestName, infants, listing, rooms } = facts
        for (const value of [checkIn, checkOut, guestCount, infants, listing, rooms]) {
          assert.isBelow(value?.confidence ?? 0, threshold.auto)
        }
        if ((guestName?.confidence ?? 0) >= threshold.auto) assert.strictEqual(guestName?.value, "Ada Testwell")
        if (confirmationCode !== null) assert.strictEqual(confirmationCode.value, "5550000001")
      }),
    { arbitrary: { runs: 100 } },
  )
})

describe("A subject", () => {
  it.effect("that leads up to a confirmation with other words is a question", () =>
    Effect.gen(function* () {
      const stay = "Reservation from Ada Testwell: Apr 10 - Apr 17, 2027 - Vrbo #1234567"
      const text = "Reservation ID: HA-TST123"
      for (const led of ["Payment received for", "Dispute about", "Problem with your"]) {
        const facts = yield* read(vrbo({ subject: `${led} ${stay}`, text }))
        assert.notStrictEqual(facts.decision, "auto", led)
      }
      assert.strictEqual((yield* read(vrbo({ subject: stay, text }))).decision, "auto")
    }),
  )

  it.effect("that asks whether a reservation is confirmed is a question", () =>
    Effect.gen(function* () {
      const asked = "Reservation confirmed? Ada Testwell arrives Dec 5"
      const { decision, reasons } = yield* read(confirmation({ subject: asked, headers: {} }))
      assert.strictEqual(decision, "review")
      assert.include(reasons, "SUBJECT_UNCLEAR")
    }),
  )

  for (const named of ["for Sea View - Ada Testwell", "at Sea View, Ada Testwell", "- Ada Testwell at Sea View"]) {
    it.effect(`that names more than a guest names none: ${named}`, () =>
      Effect.gen(function* () {
        const { confirmationCode, guestName } = yield* read(
          confirmation({ subject: `Reservation confirmed ${named} arrives Dec 5` }),
        )
        assert.isNull(guestName)
        assert.strictEqual(confirmationCode?.value, "HMTEST0001")
      }),
    )
  }

  it.effect("that leads up to it with the platform's name is none", () =>
    Effect.gen(function* () {
      const { decision, reasons } = yield* read(
        booking({
          subject: "Booking.com - New booking! (5550000001, Wednesday, 2 June 2027)",
          html: page(`<a href="${extranet("5550000001")}">View</a>`),
        }),
      )
      assert.strictEqual(decision, "auto")
      assert.deepStrictEqual(reasons, [])
    }),
  )
})

describe("A guest's own words in a confirmation", () => {
  it.effect("that look like labels leave nothing of what they contradict", () =>
    Effect.gen(function* () {
      const told = ["Ada wrote:", "Check-in: Dec 20", "Check-out: Dec 24", "Confirmation code: HMEVIL0001"]
      const facts = yield* read(confirmation({ text: [...told, ...lines].join("\r\n") }))
      assert.strictEqual(facts.decision, "review")
      for (const value of [facts.checkIn, facts.checkOut, facts.confirmationCode]) assert.isNull(value)
    }),
  )

  it.effect("that tell of another stay in prose change nothing", () =>
    Effect.gen(function* () {
      const told = "Hi! Last year we stayed Dec 20 to Dec 24, code HMTEST0009, 6 adults."
      const facts = yield* read(confirmation({ text: [...lines, "Message from Ada:", told].join("\r\n") }))
      assert.strictEqual(facts.decision, "auto")
      assert.strictEqual(facts.confirmationCode?.value, "HMTEST0001")
      assert.strictEqual(facts.checkIn?.value, "2026-12-05")
      assert.isBelow(facts.guestCount?.confidence ?? 0, threshold.auto)
    }),
  )

  it.effect("in a thread tell nothing that is applied", () =>
    Effect.gen(function* () {
      const { decision } = yield* read(
        thread({ subject: "RE: Reservation for Sea View, Dec 5 - 8", text: lines.join("\r\n") }),
      )
      assert.strictEqual(decision, "none")
    }),
  )
})

describe("What is not shown", () => {
  const other = page(
    "Check-in",
    "Thu, Dec 10",
    "Checkout",
    "Sat, Dec 12",
    "Guests",
    "9 guests",
    "Confirmation code",
    "HMEVIL0001",
  )
  const html = (hidden: string) => `${hidden}${page(...lines)}`
  const styles = [
    "display:none",
    "DISPLAY : NONE !important",
    "display:/**/none",
    "visibility:hidden",
    "visibility:collapse",
    "font-size:0",
    "font:0/0 a",
    "opacity:0.01",
    "max-height:0;overflow:hidden",
    "width:0;overflow:hidden",
    "position:absolute;left:-9999px",
    "text-indent:-9999px",
    "color:transparent",
    "color:white;background-color:#ffffff",
    "mso-hide:all",
  ]
  for (const style of styles) {
    it.effect(`says nothing: ${style}`, () =>
      Effect.gen(function* () {
        const facts = yield* read(confirmation({ text: "", html: html(`<div style="${style}">${other}</div>`) }))
        assert.strictEqual(facts.confirmationCode?.value, "HMTEST0001")
        assert.strictEqual(facts.checkIn?.value, "2026-12-05")
        assert.isNull(facts.guestCount)
      }),
    )
  }

  it.effect("and is not known to be hidden contradicts what is shown, and never takes its place", () =>
    Effect.gen(function* () {
      for (const style of ["clip-path:inset(100%)", "transform:scale(0)", "zoom:0", "filter:opacity(0)"]) {
        const facts = yield* read(confirmation({ text: "", html: html(`<div style="${style}">${other}</div>`) }))
        assert.notStrictEqual(facts.decision, "auto", style)
        assert.isNull(facts.confirmationCode)
      }
    }),
  )
})

describe("Structured data", () => {
  const script = (more: object) =>
    `<script type="application/ld+json">${JSON.stringify({
      "@type": "LodgingReservation",
      reservationNumber: "HMTEST0001",
      reservationStatus: "http://schema.org/ReservationConfirmed",
      checkinTime: "2026-12-05",
      checkoutTime: "2026-12-08",
      ...more,
    })}</script>`

  it.effect("that names another guest than the page leaves no name", () =>
    Effect.gen(function* () {
      const html = script({ underName: { name: "Mallory Evil" } }) + page(...lines)
      const { decision, guestName } = yield* read(confirmation({ text: "", html }))
      assert.isNull(guestName)
      assert.strictEqual(decision, "review")
    }),
  )

  it.effect("named like an object's members is only data", () =>
    Effect.gen(function* () {
      const html = `<script type="application/ld+json">{"@type":"LodgingReservation","__proto__":{"reservationNumber":"B9"},"constructor":{"prototype":{"reservationNumber":"B8"}},"reservationNumber":"B00000001"}</script>`
      const facts = yield* read(engine({ subject: "Booking confirmation", html }))
      assert.strictEqual(facts.confirmationCode?.value, "B00000001")
      assert.notProperty({}, "reservationNumber")
    }),
  )

  it.effect("of two reservations is about neither", () =>
    Effect.gen(function* () {
      const html = script({}) + script({ reservationNumber: "HMTEST0002" })
      const { confirmationCode, decision } = yield* read(engine({ subject: "Booking confirmation", html }))
      assert.isNull(confirmationCode)
      assert.notStrictEqual(decision, "auto")
    }),
  )
})

describe("A party", () => {
  it.effect("is the sum of what is added up, and none where it may be more", () =>
    Effect.gen(function* () {
      const guests = (said: string) =>
        Effect.map(
          read(confirmation({ text: [...lines, "Guests", said].join("\r\n") })),
          ({ guestCount }) => guestCount,
        )
      assert.strictEqual((yield* guests("2 adults + 1 child + 1 pet"))?.value, 3)
      assert.isNull(yield* guests("16+ guests"))
      assert.isNull(yield* guests("6 guests maximum"))
    }),
  )
})

describe("A list", () => {
  for (const mark of ["•", "*", "-", "·", "\u{1F4C5}", "\u2714\uFE0F"]) {
    it.effect(`has labels after its marks: ${mark}`, () =>
      Effect.gen(function* () {
        const items = [
          "Check-in: Sat, Dec 5",
          "Checkout: Tue, Dec 8",
          "Guests: 2 adults",
          "Confirmation code: HMTEST0001",
        ]
        const facts = yield* read(confirmation({ text: items.map((item) => `${mark} ${item}`).join("\r\n") }))
        assert.strictEqual(facts.decision, "auto")
        assert.strictEqual(facts.checkOut?.value, "2026-12-08")
        assert.strictEqual(facts.guestCount?.value, 2)
      }),
    )
  }
})

const isFacts = Schema.is(ReservationFacts)

describe("Anybody's mail", () => {
  it.effect.prop(
    "is read without harm, and told only as sure as its sender is",
    {
      from: Schema.Literals([
        "Airbnb <automated@airbnb.com>",
        "x <x@evil.test>",
        "Airbnb <x@evil.test>",
        "<automated@airbnb.com>, x@evil.test",
        "",
      ]),
      verdict: Schema.Literals([
        passed("airbnb.com"),
        passed("evil.test"),
        "mx.evil.test; dkim=pass header.d=airbnb.com",
        "",
      ]),
      subject: Schema.Literals([
        subject,
        "=?utf-8?Q?=FF=FE?= =?x?B?%%%?=",
        "Re: ".repeat(200),
        "Canceled: Reservation HMTEST0001",
      ]),
      parts: Schema.Array(
        Schema.Literals([
          lines.join("\r\n"),
          "__proto__: 1",
          "> ".repeat(500),
          "\u202E\uFEFF\u0000\uD800",
          "On Mon, Dec 5 Ada wrote:",
          "---------- Forwarded message ---------\r\nFrom: Airbnb <automated@airbnb.com>\r\nSubject: hello",
          "Check-in Check-in Checkout Guests Guests",
          "HMTEST0001 ".repeat(50),
          "1/1/1/1/1 5.5.5.5 Dec Dec Dec - - -",
        ]),
      ).check(Schema.isMaxLength(6)),
      type: Schema.Literals([
        "text/plain; charset=utf-8",
        "text/html; charset=x-nothing",
        "multipart/mixed; boundary=b",
        "message/rfc822",
      ]),
    },
    ({ from, parts, subject, type, verdict }) =>
      Effect.gen(function* () {
        const head = [
          `From: ${from}`,
          `Subject: ${subject}`,
          `Authentication-Results: ${verdict}`,
          `Content-Type: ${type}`,
        ]
        const facts = yield* read(new TextEncoder().encode([...head, "", ...parts].join("\r\n")))
        assert.isTrue(isFacts(facts))
        const isProved = from.endsWith("<automated@airbnb.com>") && verdict === passed("airbnb.com")
        if (!isProved) assert.notStrictEqual(facts.decision, "auto")
        if (facts.sender === "forged") assert.isNull(facts.confirmationCode)
        if (!enriching.has(facts.kind)) assert.notStrictEqual(facts.decision, "auto")
      }),
    { arbitrary: { runs: 200 } },
  )
})
