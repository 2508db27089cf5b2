/**
 * What one decision of enrichment rests on: everything that some messages and
 * bookings have to do with, gathered from the views, the host and their histories.
 */
import { DateTime, Effect } from "effect"

import * as Aggregate from "../Aggregate.ts"
import { type Day } from "../Connection.ts"
import { derivedUuid } from "../DerivedId.ts"
import { type ConnectionId, type TenantId } from "../Ids.ts"
import * as BookingMatching from "./BookingMatching.ts"
import { addressOf, type Fact } from "./BookingMatching.ts"
import { type Booking, type BookingId, Bookings, type Calendar } from "./Bookings.ts"
import * as EnrichedBooking from "./EnrichedBooking.ts"
import type * as EnrichmentPlan from "./EnrichmentPlan.ts"
import { addressOfRef } from "./EnrichmentPlan.ts"
import * as EnrichmentReview from "./EnrichmentReview.ts"
import * as EnrichmentReviewsView from "./EnrichmentReviewsView.ts"
import * as EnrichmentsView from "./EnrichmentsView.ts"
import { type Platform } from "./ReservationFacts.ts"
import * as ReservationFactsView from "./ReservationFactsView.ts"

export type Message = Pick<Fact, "account_id" | "message_id">

/** What a decision begins with. */
export interface Concerned {
  readonly messages?: ReadonlyArray<Message> | undefined
  readonly bookings?: ReadonlyArray<BookingId> | undefined
}

export type LoadedBooking = Aggregate.Loaded<EnrichedBooking.State>

export interface Looked {
  readonly id: BookingId
  /** None where the host has it no more. */
  readonly booking: Booking | undefined
  readonly loaded: LoadedBooking
}

/** What is decided on together, and all that the decision rests on. */
export interface Situation {
  /** Of the messages that were asked about, those that the view has. */
  readonly asked: number
  readonly facts: ReadonlyArray<Fact>
  /** Every message that was read, by its address. */
  readonly rows: ReadonlyMap<string, Fact>
  readonly bookings: ReadonlyArray<Looked>
  readonly calendars: ReadonlyMap<ConnectionId, ReadonlyArray<Calendar>>
  readonly reviews: ReadonlyArray<Heard>
  readonly answers: ReadonlyMap<string, BookingMatching.Answer>
  readonly isRead: EnrichmentPlan.IsRead
  readonly isBarred: (bookingId: BookingId, fact: Fact) => boolean
}

/** A message, and what people are and were asked about it. */
export interface Heard {
  readonly address: string
  readonly fact: Fact | undefined
  readonly loaded: Aggregate.Loaded<EnrichmentReview.State>
}

/**
 * All messages and bookings that these have to do with: by code, by day of arrival, and by what was told before, until
 * there are no more.
 */
export const look = Effect.fnUntraced(function* (tenantId: TenantId, { bookings: ids = [], messages = [] }: Concerned) {
  const { calendarsOf, find } = yield* Bookings
  const rows = new Map<string, Fact>()
  const bookings = new Map<BookingId, Booking | undefined>()
  const histories = new Map<BookingId, LoadedBooking>()
  const heard = new Map<string, Heard>()
  const isNew = firstOfEach()

  let unread: ReadonlyArray<Message> = messages
  let unfound: ReadonlyArray<BookingId> = ids
  let asked: number | undefined
  let keys: Keys = new Map()
  while (unread.length + unfound.length + keys.size > 0) {
    const read = [...(yield* ReservationFactsView.ofMessages(tenantId, unread))]
    asked ??= read.length
    const found = unfound.length === 0 ? [] : [...(yield* find(tenantId, { by: "ids", ids: unfound }))]
    for (const id of unfound) bookings.set(id, undefined)
    for (const [platform, { codes, days }] of keys) {
      read.push(...(yield* ReservationFactsView.about(tenantId, platform, { codes, days })))
      if (codes.length > 0) found.push(...(yield* find(tenantId, { by: "codes", platform, codes })))
      if (days.length > 0) found.push(...(yield* find(tenantId, { by: "arrival", platform, days })))
    }
    for (const booking of found) bookings.set(booking.id, booking)
    const fresh = read.filter((row) => isNew(addressOf(row)))
    for (const row of fresh) rows.set(addressOf(row), row)

    const told = yield* EnrichmentsView.ofMessages(
      tenantId,
      fresh.map(({ message_id }) => message_id),
    )
    const questions = yield* EnrichmentReviewsView.openAbout(
      tenantId,
      fresh.map(({ message_id }) => message_id),
    )
    const loaded = yield* Effect.forEach(
      [...bookings.keys()].filter((id) => !histories.has(id)),
      (id) => Effect.tap(loadBooking(tenantId, id), (one) => Effect.sync(() => histories.set(id, one))),
      { concurrency },
    )
    const isAsked = new Set(questions.map(addressOf))
    const answering = fresh.filter((row) => BookingMatching.isRelevant(row) || isAsked.has(addressOf(row)))
    yield* Effect.forEach(
      answering,
      (row) =>
        Effect.gen(function* () {
          const address = addressOf(row)
          heard.set(address, {
            address,
            fact: row,
            loaded: yield* loadReview(tenantId, yield* reviewStreamOf(address)),
          })
        }),
      { concurrency },
    )

    const relevant = fresh.filter(BookingMatching.isRelevant)
    const standing = loaded.flatMap(({ state }) => state.enrichments)
    unread = standing
      .map(({ fact }): Message => ({ account_id: fact.accountId, message_id: fact.messageId }))
      .filter((message) => !rows.has(addressOf(message)) && isNew(`unread ${addressOf(message)}`))
    const answered = relevant.flatMap((row) => heard.get(addressOf(row))?.loaded.state.answer?.is ?? [])
    unfound = [
      ...told
        .filter(({ account_id, message_id }) => rows.has(addressOf({ account_id, message_id })))
        .map(({ booking_id }) => booking_id),
      ...answered.flatMap((answer) => (answer === "none" ? [] : [answer])),
    ].filter((id) => !bookings.has(id) && isNew(`booking ${id}`))
    const stays = loaded.flatMap((one) => {
      const booking = bookings.get(EnrichedBooking.idOf(one.streamId))
      return booking === undefined
        ? []
        : [{ booking, formerly: one.state.enrichments.flatMap(({ change }) => change?.stay ?? []) }]
    })
    keys = keysOf(
      [
        ...relevant.map((fact) => ({ platform: fact.platform, code: fact.confirmation_code, days: [fact.check_in] })),
        ...stays.map(({ booking, formerly }) => ({
          platform: booking.platform,
          code: booking.code,
          days: [booking.checkIn, ...formerly.map(({ checkIn }) => checkIn)],
        })),
      ],
      isNew,
    )
  }

  const facts = [...rows.values()].filter(BookingMatching.isRelevant)
  const connections = [...new Set(facts.map(({ connection_id }) => connection_id))]
  const calendars = yield* Effect.forEach(connections, (id) =>
    Effect.map(calendarsOf(tenantId, id), (calendars) => [id, calendars] as const),
  )
  const answers = new Map(
    Array.from(heard.values()).flatMap(({ address, loaded: { state } }) =>
      state.answer === undefined ? [] : [[address, state.answer] as const],
    ),
  )
  return {
    asked: asked ?? 0,
    facts,
    rows,
    bookings: Array.from(histories, ([id, loaded]) => ({ id, booking: bookings.get(id), loaded })),
    calendars: new Map(calendars),
    reviews: [...heard.values()],
    answers,
    isRead: (fact) => rows.has(addressOfRef(fact)),
    isBarred: (bookingId, { account_id, connection_id, extractor, message_id }) => {
      const answer = answers.get(addressOf({ account_id, message_id }))
      return (histories.get(bookingId)?.state.barred ?? []).some(
        (bar) =>
          (bar.connectionId === "any" || bar.connectionId === connection_id) &&
          bar.extractor === extractor &&
          (answer?.is !== bookingId || DateTime.isLessThanOrEqualTo(answer.at, bar.at)),
      )
    },
  } satisfies Situation
})

type Keys = ReadonlyMap<Platform, { readonly codes: ReadonlyArray<string>; readonly days: ReadonlyArray<Day> }>

/** By what a reservation or a booking is found that were not looked for before. */
const keysOf = (
  about: ReadonlyArray<{
    readonly platform: Platform | null
    readonly code: string | null
    readonly days: ReadonlyArray<Day | null>
  }>,
  isNew: (key: string) => boolean,
): Keys => {
  const keys = new Map<Platform, { readonly codes: Array<string>; readonly days: Array<Day> }>()
  for (const { code, days, platform } of about) {
    if (platform === null) continue
    const of = keys.get(platform) ?? { codes: [], days: [] }
    if (code !== null && isNew(`code ${platform} ${code}`)) of.codes.push(code)
    for (const day of days) if (day !== null && isNew(`day ${platform} ${day}`)) of.days.push(day)
    if (of.codes.length + of.days.length > 0) keys.set(platform, of)
  }
  return keys
}

const firstOfEach = () => {
  const seen = new Set<string>()
  return (key: string): boolean => {
    const { size } = seen
    return seen.add(key).size > size
  }
}

/** The stream of the questions about a message. */
export const reviewStreamOf = (address: string) => derivedUuid("enrichment", address)

/** Streams that are read at the same time. */
const concurrency = 4

const loadBooking = Aggregate.load(EnrichedBooking, { personal: true })
const loadReview = Aggregate.load(EnrichmentReview)
