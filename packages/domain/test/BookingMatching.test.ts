import { assert, describe, it } from "@effect/vitest"
import { DateTime, Schema } from "effect"

import { BookingMatching, Bookings, Ids, type ReservationFactsView } from "../src/index.ts"
import { factsOf, gmail, type Mail, mail, stay } from "../src/testing/hosting.ts"

type Fact = ReservationFactsView.Row

const connection = Ids.ConnectionId.make("00000000-0000-4000-8000-000000000001")
const account = Ids.AccountId.make("00000000-0000-4000-8000-000000000002")
const feed = Ids.FeedId.make("00000000-0000-4000-8000-000000000003")

const factOf = (mail: Mail): Fact => {
  const facts = factsOf(mail)
  const values = {
    guest_name: facts.guestName,
    check_in: facts.checkIn,
    check_out: facts.checkOut,
    confirmation_code: facts.confirmationCode,
    guest_count: facts.guestCount,
    rooms: facts.rooms,
    listing: facts.listing,
  }
  return {
    account_id: account,
    message_id: mail.id,
    feed_id: feed,
    connection_id: connection,
    provider: gmail,
    platform: facts.platform,
    kind: facts.kind,
    sender: facts.sender,
    guest_name: facts.guestName?.value ?? null,
    check_in: facts.checkIn?.value ?? null,
    check_out: facts.checkOut?.value ?? null,
    confirmation_code: facts.confirmationCode?.value ?? null,
    guest_count: facts.guestCount?.value ?? null,
    infants: null,
    rooms: facts.rooms?.value ?? null,
    listing: facts.listing?.value ?? null,
    confidence: facts.confidence,
    confidences: Object.fromEntries(
      Object.entries(values).flatMap(([column, value]) => (value === null ? [] : [[column, value.confidence]])),
    ),
    provenance: {},
    decision: facts.decision,
    reasons: facts.reasons,
    extractor: 1,
    received_at: mail.received ?? "2026-11-20T10:00:00.000Z",
    problem: null,
    position: 1,
  }
}

const calendars = ["one", "other"].map((feed) => ({ feed, platform: "airbnb" as const, listing: feed }))

const situation = (
  facts: ReadonlyArray<Fact>,
  bookings: ReadonlyArray<Bookings.Booking>,
  differing: Partial<BookingMatching.Situation> = {},
): BookingMatching.Situation => ({
  today: "2026-11-20",
  facts,
  bookings,
  calendars: new Map([[connection, calendars]]),
  answers: new Map(),
  isBarred: () => false,
  ...differing,
})

const Flags = Schema.Array(Schema.Boolean).check(Schema.isMinLength(5), Schema.isMaxLength(5))

/** A stay that was booked, what is mailed of it, and what the calendar shows of it. */
const Booked = Schema.Struct({
  listing: Schema.Literals(["one", "other"]),
  slot: Schema.Literals([0, 1, 2]),
  guest: Schema.Literals([0, 1, 2]),
  guestCount: Schema.Literals([1, 2, 3]),
  mails: Schema.Array(
    Schema.Struct({
      kind: Schema.Literals(["confirmed", "confirmed", "reminder", "guest_message", "alteration_accepted"]),
      says: Flags,
      minute: Schema.Literals([0, 1, 2, 3]),
      isFirstName: Schema.Boolean,
    }),
  ).check(Schema.isMaxLength(3)),
  isInCalendar: Schema.Literals([true, true, true, false]),
  calendarHasCode: Schema.Boolean,
  calendarHasListing: Schema.Literals([true, true, false]),
  isCancelled: Schema.Literals([false, false, false, true]),
})
type Booked = typeof Booked.Type

/** What somebody else sends, with whatever in it. */
const Noise = Schema.Struct({
  listing: Schema.NullOr(Schema.Literals(["one", "other"])),
  slot: Schema.Literals([0, 1, 2]),
  guest: Schema.Literals([0, 1, 2]),
  code: Schema.NullOr(Schema.Literals([0, 1, 2, 3])),
  sender: Schema.Literals(["unproven", "forged", "authentic"]),
  confidence: Schema.Literals([0.6, 0.97]),
  kind: Schema.Literals([
    "confirmed",
    "payout",
    "inquiry",
    "reminder",
    "cancelled",
    "modified",
    "request_pending",
    "unknown",
  ]),
  isDisputed: Schema.Literals([false, false, true]),
  minute: Schema.Literals([0, 4, 8]),
})

const slots = [
  ["2026-12-05", "2026-12-08"],
  ["2026-12-08", "2026-12-10"],
  ["2026-12-10", "2026-12-14"],
] as const

const guests = ["Ada Testwell", "Bruno Beispiel", "María José Ejemplo de la Prueba"]

const codeOf = (index: number) => `HMTEST000${index}`

/** One stay at a time in a listing. */
const possible = (booked: ReadonlyArray<Booked>) =>
  booked.filter(
    ({ listing, slot }, index) =>
      booked.findIndex((other) => other.listing === listing && other.slot === slot) === index,
  )

const mailsOf = (booked: Booked, index: number): ReadonlyArray<Mail> => {
  const [checkIn, checkOut] = slots[booked.slot]
  const guestName = guests[booked.guest] ?? ""
  const mails = booked.mails.map(({ isFirstName, kind, minute, says: [name, code, arrival, departure, listing] }, n) =>
    mail(`m${index}-${n}`, {
      kind,
      guestName: name ? (isFirstName ? (guestName.split(" ")[0] ?? guestName) : guestName) : null,
      guestCount: booked.guestCount,
      code: code ? codeOf(index) : null,
      checkIn: arrival ? checkIn : null,
      checkOut: departure ? checkOut : null,
      listing: listing ? booked.listing : null,
      received: `2026-11-20T10:0${minute}:00.000Z`,
    }),
  )
  const end = mail(`m${index}-end`, {
    kind: "cancelled",
    decision: "none",
    guestName: "Ada",
    code: codeOf(index),
    received: "2026-11-20T10:09:00.000Z",
  })
  return booked.isCancelled ? [...mails, end] : mails
}

const bookingOf = (booked: Booked, index: number): ReadonlyArray<Bookings.Booking> => {
  const [checkIn, checkOut] = slots[booked.slot]
  return booked.isInCalendar
    ? [
        stay(`b${index}`, {
          feed: booked.listing,
          listing: booked.calendarHasListing ? booked.listing : null,
          code: booked.calendarHasCode ? codeOf(index) : null,
          checkIn,
          checkOut,
          since: DateTime.makeUnsafe("2026-11-20T10:20:00Z"),
        }),
      ]
    : []
}

const noiseOf = (
  { code, confidence, guest, isDisputed, kind, listing, minute, sender, slot }: typeof Noise.Type,
  index: number,
) => {
  const [checkIn, checkOut] = slots[slot]
  const isReservation = kind === "confirmed" || kind === "reminder"
  const isQuestion = isDisputed || isReservation || kind === "modified" || kind === "unknown"
  const isSure = sender === "authentic" && confidence >= 0.9 && isReservation && !isDisputed
  return factOf(
    mail(`n${index}`, {
      kind,
      sender: isSure || (kind === "cancelled" && !isDisputed) ? "unproven" : sender,
      confidence: isDisputed ? Math.min(confidence, 0.89) : confidence,
      decision: sender === "forged" || !isQuestion ? "none" : "review",
      reasons: isDisputed ? ["KIND_CONFLICT"] : [],
      guestName: guests[guest] ?? null,
      guestCount: 9,
      code: code === null ? null : codeOf(code),
      checkIn,
      checkOut,
      listing,
      received: `2026-11-20T10:0${minute}:30.000Z`,
    }),
  )
}

const Stays = Schema.Array(Booked).check(Schema.isMaxLength(4))

const Others = Schema.Array(Noise).check(Schema.isMaxLength(4))

const property = { arbitrary: { runs: 400, size: 14 } }

const worldOf = (booked: ReadonlyArray<Booked>, noise: ReadonlyArray<typeof Noise.Type>) => {
  const stays = possible(booked)
  return {
    stays,
    facts: stays.flatMap(mailsOf).map(factOf),
    noise: noise.map(noiseOf),
    bookings: stays.flatMap(bookingOf),
  }
}

const said = ({ questions, tellings }: BookingMatching.Decided) => ({
  told: tellings
    .map(({ bookingId, fact, field, match, value }) =>
      JSON.stringify([bookingId, field, value, match, fact.message_id]),
    )
    .toSorted(),
  asked: questions
    .map(({ about, candidates, doubt, fact }) =>
      JSON.stringify([doubt, candidates, fact.message_id, [...about].toSorted()]),
    )
    .toSorted(),
})

describe("matching mails with bookings", () => {
  it.prop(
    "tells a booking only what is true of its stay, whatever is left out of mails and calendars and whoever else writes",
    [Stays, Others],
    ([booked, others]) => {
      const { bookings, facts, noise, stays } = worldOf(booked, others)
      const { tellings } = BookingMatching.decide(situation([...facts, ...noise], bookings))
      for (const { bookingId, fact, field, value } of tellings) {
        const index = Number(bookingId.slice(1))
        const truth = stays[index]
        assert.isDefined(truth)
        assert.isTrue(fact.message_id.startsWith(`m${index}-`), `${fact.message_id} tells ${bookingId}`)
        if (field === "code") assert.strictEqual(value, codeOf(index))
        if (field === "guestCount") assert.strictEqual(value, truth.guestCount)
        if (field === "guestName") assert.isTrue(guests[truth.guest]?.startsWith(String(value)))
      }
    },
    property,
  )

  it.prop(
    "comes to the same in whatever order it is given everything",
    [Stays, Others, Schema.Array(Schema.Literals([0, 1, 2, 3, 4])).check(Schema.isMinLength(9), Schema.isMaxLength(9))],
    ([booked, others, keys]) => {
      const { bookings, facts, noise } = worldOf(booked, others)
      const all = [...facts, ...noise]
      const shuffled = <A>(list: ReadonlyArray<A>) =>
        list
          .map((one, index) => [keys[index % keys.length] ?? 0, one] as const)
          .toSorted(([a], [b]) => a - b)
          .map(([, one]) => one)
      assert.deepStrictEqual(
        said(BookingMatching.decide(situation(shuffled(all), shuffled(bookings)))),
        said(BookingMatching.decide(situation(all, bookings))),
      )
    },
    property,
  )

  it.prop(
    "tells each field once, from a message that is sure of it, and never what is closed, edited or as sure itself",
    [Stays, Others, Flags],
    ([booked, others, [isEdited, isBlocked, isOver, isNamed, isBarred]]) => {
      const { bookings: shown, facts, noise } = worldOf(booked, others)
      const differing: ReadonlyArray<Partial<Bookings.Booking>> = [
        { ...(isEdited && { editedByPerson: ["guestName"] }), ...(isBlocked && { status: "blocked" }) },
        isOver ? { checkOut: "2026-11-19" } : {},
        isNamed ? { guestName: "Somebody", confidence: { guestName: 0.97 } } : {},
      ]
      const bookings = shown.map((booking, index) => Object.assign({}, booking, differing[index]))
      const { tellings } = BookingMatching.decide(
        situation([...facts, ...noise], bookings, {
          isBarred: (id, { message_id }) => isBarred === true && id === "b1" && message_id.endsWith("-0"),
        }),
      )
      const keys = tellings.map(({ bookingId, field }) => `${bookingId} ${field}`)
      assert.strictEqual(new Set(keys).size, keys.length)
      for (const { bookingId, confidence, fact, field, supporters, value } of tellings) {
        const booking = bookings.find(({ id }) => id === bookingId)
        assert.isDefined(booking)
        assert.isTrue(BookingMatching.isOpen(booking, "2026-11-20"))
        assert.notInclude(booking.editedByPerson, field)
        assert.notStrictEqual(booking[field], value)
        assert.isTrue(booking[field] === null || confidence > (booking.confidence?.[field] ?? 1))
        assert.deepInclude(fact, { sender: "authentic", decision: "auto" })
        assert.isAtLeast(confidence, 0.9)
        assert.isTrue(supporters.has(BookingMatching.addressOf(fact)))
        if (isBarred === true && bookingId === "b1") assert.isFalse(fact.message_id.endsWith("-0"))
      }
    },
    property,
  )

  it.prop(
    "tells nothing more because of messages that are not sure",
    [Stays, Others],
    ([booked, others]) => {
      const { bookings, facts, noise } = worldOf(booked, others)
      const { told } = said(BookingMatching.decide(situation([...facts, ...noise], bookings)))
      const without = said(BookingMatching.decide(situation(facts, bookings))).told
      for (const one of told) assert.include(without, one)
    },
    property,
  )

  it.prop(
    "takes nothing back because of messages about the same reservations that are not sure",
    [Stays, Others],
    ([booked, others]) => {
      const { bookings, facts, noise } = worldOf(booked, others)
      const codes = new Set(facts.map(({ confirmation_code }) => confirmation_code))
      const same = noise.filter(({ confirmation_code: code }) => code !== null && codes.has(code))
      const without = BookingMatching.decide(situation(facts, bookings))
      const { told } = said(BookingMatching.decide(situation([...facts, ...same], bookings)))
      assert.deepStrictEqual(told, said(without).told)
    },
    property,
  )

  it.prop(
    "asks about a booking that is open, or about none, and once for each doubt about a reservation",
    [Stays, Others],
    ([booked, others]) => {
      const { bookings, facts, noise } = worldOf(booked, others)
      const { questions } = BookingMatching.decide(situation([...facts, ...noise], bookings))
      const seen = new Set<string>()
      for (const { about, candidates, doubt, fact } of questions) {
        assert.strictEqual(candidates.length === 0, doubt === "NO_BOOKING")
        for (const id of candidates) {
          const booking = bookings.find((booking) => booking.id === id)
          assert.isDefined(booking)
          assert.isTrue(BookingMatching.isOpen(booking, "2026-11-20"))
        }
        assert.isTrue(about.has(BookingMatching.addressOf(fact)))
        assert.isFalse(seen.has(`${doubt} ${fact.message_id}`))
        seen.add(`${doubt} ${fact.message_id}`)
      }
    },
    property,
  )

  it.prop(
    "asks about whatever says 'review', as long as the answer would tell something or nobody knows whether it stands",
    [Stays, Others, Schema.Boolean],
    ([booked, others, isEdited]) => {
      const { bookings: shown, facts: sure, noise, stays } = worldOf(booked, others)
      const bookings = shown.map((booking) =>
        Object.assign({}, booking, isEdited && { editedByPerson: ["guestName"] as const }),
      )
      const facts = [...sure, ...noise]
      const { assigned, questions, tellings } = BookingMatching.decide(situation(facts, bookings))
      const isTold = (id: string, field: string) =>
        tellings.some((telling) => telling.bookingId === id && telling.field === field)
      const learns = (booking: Bookings.Booking) =>
        (booking.guestName === null && !isEdited && !isTold(booking.id, "guestName")) ||
        (booking.guestCount === null && !isTold(booking.id, "guestCount"))
      for (const fact of noise.filter(({ decision }) => decision === "review")) {
        const ofIt = sure.filter(({ message_id }) =>
          stays.some((_, index) => codeOf(index) === fact.confirmation_code && message_id.startsWith(`m${index}-`)),
        )
        // What was cancelled for sure is over, unless something says later that it may not be.
        if (ofIt.some(({ kind }) => kind === "cancelled")) continue
        const isSettled = ofIt.some(
          ({ kind, received_at }) =>
            (kind === "confirmed" || kind === "alteration_accepted") && received_at >= fact.received_at,
        )
        const isDisputed = fact.reasons.length > 0
        const isThere = fact.kind !== "reminder" || isDisputed
        const isChanging = isDisputed || fact.kind === "modified"
        const coded = bookings.filter(({ code }) => code !== null && code === fact.confirmation_code)
        const near = bookings.filter(({ checkIn }) => checkIn === fact.check_in)
        const isLearning = fact.kind !== "modified" && coded.some(learns)
        const isUnsettling = isChanging && !isSettled && coded.length > 0
        const isPlaced = [fact, ...ofIt].some((one) => assigned.has(BookingMatching.addressOf(one)))
        const isNowhere = isThere && coded.length === 0 && near.length === 0 && !isPlaced
        if (!isLearning && !isUnsettling && !isNowhere) continue
        assert.isTrue(
          questions.some(({ about }) => about.has(BookingMatching.addressOf(fact))),
          `nobody is asked about ${fact.message_id}`,
        )
      }
    },
    property,
  )

  it.prop(
    "asks nothing twice, and comes to an end when a person answers, whatever they say",
    [Stays, Others, Schema.Array(Schema.Literals([0, 1, 2])).check(Schema.isMinLength(8), Schema.isMaxLength(8))],
    ([booked, others, choices]) => {
      const { bookings, facts, noise } = worldOf(booked, others)
      const all = [...facts, ...noise]
      const answers = new Map<string, BookingMatching.Answer>()
      for (let round = 0; ; round++) {
        const [question] = BookingMatching.decide(situation(all, bookings, { answers })).questions
        if (question === undefined) break
        const address = BookingMatching.addressOf(question.fact)
        assert.isFalse(answers.has(address), `${question.doubt} ${address}`)
        assert.isBelow(round, all.length)
        const open = [...question.candidates, ...bookings.map(({ id }) => id)]
        answers.set(address, {
          is: choices[round % choices.length] === 0 ? "none" : (open[choices[round % choices.length] ?? 0] ?? "none"),
          at: DateTime.makeUnsafe(`2026-11-20T11:${10 + round}:00Z`),
        })
      }
    },
    property,
  )

  it("finds most of what is booked and mailed whole", () => {
    const whole = [0, 1, 2].flatMap((slot) =>
      (["one", "other"] as const).map((listing): Booked => ({
        listing,
        slot: slot as 0 | 1 | 2,
        guest: 0,
        guestCount: 2,
        mails: [{ kind: "confirmed", says: [true, true, true, true, true], minute: 0, isFirstName: false }],
        isInCalendar: true,
        calendarHasCode: false,
        calendarHasListing: true,
        isCancelled: false,
      })),
    )
    const { bookings, facts } = worldOf(whole, [])
    const { questions, tellings } = BookingMatching.decide(situation(facts, bookings))
    assert.strictEqual(tellings.length, 3 * whole.length)
    assert.deepStrictEqual(questions, [])
  })

  it("compares codes without what people put into them", () => {
    assert.strictEqual(Bookings.canonicalCode("5550.000.001"), "5550000001")
    assert.strictEqual(Bookings.canonicalCode(" hm test\u00a00001"), "HMTEST0001")
    assert.strictEqual(Bookings.canonicalCode("ＨＭ１"), "HM1")
    assert.strictEqual(Bookings.canonicalCode("HA-TST123"), "HA-TST123")
  })
})
