/**
 * Lets bookings learn from mails, and takes back what they should not have learnt.
 *
 * ```text
 * new messages ─┐
 * feed import  ─┼─▶ all bookings and messages that are concerned ─▶ decided anew, whole ─┬─▶ intent ▶ compare-and-set ▶ confirmed
 * an answer    ─┘                                     (pure)                             └─▶ questions asked, questions closed
 * ```
 *
 * What a booking should say follows from the messages and the calendars alone, so
 * that it does not matter what arrived first, nor how often any of it is looked
 * at. A run compares that with what the booking says, records the difference as
 * an intent, writes it if the booking still is what the decision rests on, and
 * confirms it. Whatever breaks off is settled by the next run.
 *
 * Within a tenant one run is made after the other. That saves work; what keeps
 * bookings right is that each write names what it expects, and each append the
 * version of its stream.
 */
import { DateTime, Duration, Effect, Schedule, Schema, Stream } from "effect"

import * as Aggregate from "../Aggregate.ts"
import { type Day } from "../Connection.ts"
import * as Controls from "../Controls.ts"
import { DataKeys } from "../DataKeys.ts"
import { derivedUuid } from "../DerivedId.ts"
import * as EventCodec from "../EventCodec.ts"
import { beginning, EventLog, Position } from "../EventStore.ts"
import * as Feed from "../Feed.ts"
import { type Actor, type ConnectionId, ReviewId, system, type TenantId } from "../Ids.ts"
import { LeaseHeld, LeaseLost, Leases } from "../Leases.ts"
import { Views, ViewStore } from "../ViewStore.ts"
import * as BookingMatching from "./BookingMatching.ts"
import { addressOf, type Fact } from "./BookingMatching.ts"
import { type Booking, BookingId, Bookings, type Calendar, groundOf } from "./Bookings.ts"
import * as EnrichedBooking from "./EnrichedBooking.ts"
import * as EnrichmentPlan from "./EnrichmentPlan.ts"
import { addressOfRef } from "./EnrichmentPlan.ts"
import * as EnrichmentReview from "./EnrichmentReview.ts"
import * as EnrichmentReviewsView from "./EnrichmentReviewsView.ts"
import * as EnrichmentRuns from "./EnrichmentRuns.ts"
import * as EnrichmentsView from "./EnrichmentsView.ts"
import { type Platform } from "./ReservationFacts.ts"
import * as ReservationFactsView from "./ReservationFactsView.ts"

/** What a run did. */
export interface Report {
  /** Messages that were looked at: new ones, those read anew, and those that a person is asked about. */
  readonly factsConsidered: number
  readonly bookingsEnriched: number
  readonly reviewsOpened: number
  readonly reviewsClosed: number
}

/**
 * Another run of the tenant takes long or took over, the views are behind or paused, or bookings change faster than they
 * can be decided on. Asking again helps: what is recorded stands, and the rest is done then.
 */
export class EnrichmentDelayed extends Schema.TaggedError<EnrichmentDelayed>()("EnrichmentDelayed", {
  reason: Schema.Literals(["another-run", "view-behind", "bookings-changing"]),
}) {}

/** What was chosen is no stay that could be told anything: over, cancelled, blocked or gone. Nothing was written. */
export class BookingNotOpen extends Schema.TaggedError<BookingNotOpen>()("BookingNotOpen", { bookingId: BookingId }) {}

/**
 * Considers every message that was recorded since the last run, and settles what broke off. All messages, once the
 * extractors are others than then.
 */
export const run = Effect.fn("Enrichment.run")(function* (tenantId: TenantId) {
  return yield* oneAfterTheOther(
    tenantId,
    Effect.gen(function* () {
      const { enabled } = yield* Controls.standing(tenantId)
      const head = yield* caughtUp
      const facts = yield* liveFacts
      const { state: before } = yield* loadRuns(tenantId, undefined)
      const isAnew = before.facts !== facts || before.enabled !== enabled
      const after = isAnew ? beginning : Position.make(before.until)
      const log = yield* EventLog
      const settled = yield* settleIn(tenantId)
      const considered = yield* log
        .read(after, { until: head, tenantId, categories: [Feed.name], types: ["items_recorded"], sealed: false })
        .pipe(
          decodeFeed,
          Stream.flatMap(({ event }) => Stream.fromIterable(messagesOf(event))),
          Stream.grouped(messagesAtOnce),
          Stream.mapEffect((messages) => consider(tenantId, { messages })),
          Stream.runFold((): Report => settled, total),
        )
      if (considered.factsConsidered > 0 || isAnew) {
        const at = yield* DateTime.now
        const command = { _tag: "RecordRun", at, until: head, facts, enabled, ...considered } as const
        yield* handleRuns(tenantId, undefined, command, { metadata })
      }
      return considered
    }),
  )
})

/**
 * Considers bookings that came, went or changed: after each import of a calendar, and after each edit by a person. Where
 * nobody is sure which those were, {@link reconsider}.
 */
export const bookingsChanged = Effect.fn("Enrichment.bookingsChanged")(function* (
  tenantId: TenantId,
  bookings: ReadonlyArray<BookingId>,
) {
  return yield* oneAfterTheOther(
    tenantId,
    Effect.gen(function* () {
      yield* caughtUp
      return yield* considerAll(tenantId, { bookings })
    }),
  )
})

/**
 * Considers everything that a person is asked and every booking that a mail told something, and settles what broke off:
 * when a host starts, now and then, and when calendars are added or are about other connections. It finds what a crash
 * between an import and {@link bookingsChanged} left over.
 */
export const reconsider = Effect.fn("Enrichment.reconsider")(function* (tenantId: TenantId) {
  return yield* oneAfterTheOther(
    tenantId,
    Effect.gen(function* () {
      yield* caughtUp
      const standing = yield* EnrichmentsView.standing(tenantId)
      return yield* considerAll(tenantId, {
        messages: yield* EnrichmentReviewsView.open(tenantId),
        bookings: [...new Set(standing.map(({ booking_id }) => booking_id))],
      })
    }),
  )
})

/** Finishes what broke off or was undone by an operator: the host's bookings show what is recorded then. */
export const settle = Effect.fn("Enrichment.settle")(function* (tenantId: TenantId) {
  return yield* oneAfterTheOther(tenantId, Effect.andThen(caughtUp, settleIn(tenantId)))
})

/**
 * Answers a review: the message is about this booking, or about none. What it says is then applied, however sure the
 * extractor was of it; a person's own edits stay.
 *
 * The question is looked at again before. `QuestionNotOpen`: it answered itself, or somebody did. `QuestionChanged`: the
 * candidates are others than when it had been asked `seen` times. `BookingNotOpen`. Nothing was written then.
 */
export const resolve = Effect.fn("Enrichment.resolve")(function* (
  tenantId: TenantId,
  reviewId: ReviewId,
  answer: BookingId | "none",
  { actor, seen }: { readonly actor: Actor; readonly seen?: number | undefined },
) {
  return yield* oneAfterTheOther(
    tenantId,
    Effect.gen(function* () {
      yield* caughtUp
      const row = yield* EnrichmentReviewsView.get(tenantId, reviewId)
      if (row === undefined) return yield* new EnrichmentReview.QuestionNotOpen({ reviewId })
      yield* considerAll(tenantId, { messages: [row] })
      const at = yield* DateTime.now
      if (answer !== "none") {
        const { find } = yield* Bookings
        const [booking] = yield* find(tenantId, { by: "ids", ids: [answer] })
        if (booking === undefined || !BookingMatching.isOpen(booking, dayOf(at))) {
          return yield* new BookingNotOpen({ bookingId: answer })
        }
      }
      const command: EnrichmentReview.Command = {
        _tag: "Answer",
        at,
        reviewId,
        ...(answer !== "none" && { bookingId: answer }),
        ...(seen !== undefined && { seen }),
      }
      yield* handleReview(tenantId, yield* reviewStreamOf(addressOf(row)), command, { metadata: { actor } })
      return yield* considerAll(tenantId, { messages: [row] })
    }),
  )
})

/** What is taken back. */
export interface Undoing {
  /** What was decided from then on, by the clock of the run. */
  readonly since: DateTime.Utc
  /** Only what this version of an extractor read. */
  readonly extractor?: number | undefined
  /** Only what this connection brought. */
  readonly connection?: ConnectionId | undefined
  /** Only in this tenant. */
  readonly tenantId?: TenantId | undefined
  /** Only say what it would be. */
  readonly dryRun?: boolean | undefined
  readonly actor: Actor
}

/** One enrichment that is taken back, or would be. */
export interface Undone {
  readonly tenantId: TenantId
  readonly bookingId: BookingId
  readonly enrichment: EnrichedBooking.Enrichment
}

/**
 * Takes enrichments back, of all tenants or one: for the work of an extractor that turned out to be bad. It is recorded,
 * and the host's next {@link run} or {@link settle} writes the values from before, except where somebody edited since.
 * The same version of the extractor does not tell these bookings anything from that connection again.
 *
 * Needs neither the host's bookings nor any key. Safe to repeat.
 */
export const undo = Effect.fn("Enrichment.undo")(function* ({
  actor,
  connection,
  dryRun = false,
  extractor,
  since,
  tenantId,
}: Undoing) {
  const log = yield* EventLog
  const all = new Map<
    string,
    { readonly tenantId: TenantId; readonly bookingId: BookingId; state: EnrichedBooking.State }
  >()
  const filter = { categories: [EnrichedBooking.name], sealed: false, ...(tenantId !== undefined && { tenantId }) }
  yield* log.read(beginning, filter).pipe(
    decodeBooking,
    Stream.runForEach(({ event, streamId, tenantId }) =>
      Effect.sync(() => {
        const key = JSON.stringify([tenantId, streamId])
        const bookingId = EnrichedBooking.idOf(streamId)
        const entry = all.get(key) ?? { tenantId, bookingId, state: EnrichedBooking.initial }
        all.set(key, { ...entry, state: EnrichedBooking.evolve(entry.state, event) })
      }),
    ),
  )
  const isMeant = (one: EnrichedBooking.Enrichment) =>
    one.status !== "undone" &&
    DateTime.isGreaterThanOrEqualTo(one.at, since) &&
    (extractor === undefined || one.extractor === extractor) &&
    (connection === undefined || one.connectionId === connection)
  const undone: Array<Undone> = []
  for (const { bookingId, state, tenantId } of all.values()) {
    const meant = state.enrichments.filter(isMeant)
    undone.push(...meant.map((enrichment) => ({ tenantId, bookingId, enrichment })))
    if (dryRun || meant.length === 0) continue
    const commands = meant.map(({ number }) => ({ _tag: "Undo", number, why: "operator" }) as const)
    yield* Aggregate.decidingAgain(
      Effect.flatMap(loadClear(tenantId, bookingId), (loaded) => recorded([{ loaded, commands }], actor)),
    )
  }
  return undone
})

/**
 * Destroys the personal part of what mails told a booking. The booking keeps its values, which are the host's; no mail
 * tells it anything any more, and nothing can be undone.
 */
export const forget = Effect.fn("Enrichment.forget")(function* (
  tenantId: TenantId,
  bookingId: BookingId,
  { actor }: { readonly actor: Actor },
) {
  const at = yield* DateTime.now
  const streamId = EnrichedBooking.streamId(bookingId)
  yield* Aggregate.handle(EnrichedBooking)(
    tenantId,
    bookingId,
    { _tag: "Forget", at },
    { metadata: { actor }, forget: [streamId] },
  )
  const keys = yield* DataKeys
  yield* keys.evict(tenantId, [streamId])
})

type Message = Pick<Fact, "account_id" | "message_id">

interface Concerned {
  readonly messages?: ReadonlyArray<Message> | undefined
  readonly bookings?: ReadonlyArray<BookingId> | undefined
}

/** Messages, and bookings, that are looked at together. */
const messagesAtOnce = 200

const none: Report = { factsConsidered: 0, bookingsEnriched: 0, reviewsOpened: 0, reviewsClosed: 0 }

const total = (one: Report, other: Report): Report => ({
  factsConsidered: one.factsConsidered + other.factsConsidered,
  bookingsEnriched: one.bookingsEnriched + other.bookingsEnriched,
  reviewsOpened: one.reviewsOpened + other.reviewsOpened,
  reviewsClosed: one.reviewsClosed + other.reviewsClosed,
})

const settleIn = Effect.fnUntraced(function* (tenantId: TenantId) {
  const unsettled = yield* EnrichmentsView.unsettled(tenantId)
  return yield* considerAll(tenantId, { bookings: [...new Set(unsettled.map(({ booking_id }) => booking_id))] })
})

const considerAll = Effect.fnUntraced(function* (tenantId: TenantId, { bookings = [], messages = [] }: Concerned) {
  let report = none
  for (let from = 0; from < Math.max(bookings.length, messages.length); from += messagesAtOnce) {
    const to = from + messagesAtOnce
    const some = { bookings: bookings.slice(from, to), messages: messages.slice(from, to) }
    report = total(report, yield* consider(tenantId, some))
  }
  return report
})

/** Decides anew on whatever these messages and bookings are concerned with, and brings it about. */
const consider = (tenantId: TenantId, concerned: Concerned) =>
  Effect.gen(function* () {
    const controls = yield* Controls.ensureEnabled(tenantId, { enrichment: true })
    const situation = yield* look(tenantId, concerned)
    const { bookings, facts, rows } = situation
    const today = dayOf(yield* DateTime.now)
    const isHindered = ({ connection_id, provider }: Fact) =>
      Controls.hindrance(controls, { provider, connectionId: connection_id }) !== undefined
    const decided = BookingMatching.decide({
      today,
      facts,
      bookings: bookings.flatMap(({ booking, loaded }) =>
        booking === undefined ? [] : [EnrichmentPlan.plain(booking, loaded.state, situation.isRead)],
      ),
      calendars: situation.calendars,
      answers: situation.answers,
      isBarred: situation.isBarred,
    })

    const told = Map.groupBy(decided.tellings, ({ bookingId }) => bookingId)
    const isFrozen = ({ booking, id, loaded }: Looked) =>
      (booking !== undefined && !BookingMatching.isOpen(booking, today)) ||
      (told.get(id) ?? []).some(({ fact }) => isHindered(fact)) ||
      loaded.state.enrichments.some(({ fact }) => {
        const row = rows.get(addressOfRef(fact))
        return row !== undefined && isHindered(row)
      })
    const written = yield* bringAbout(
      tenantId,
      bookings.map((one) => {
        const { booking, loaded } = one
        if (booking === undefined) return { booking, loaded, intents: [], set: {}, reason: null }
        const wanted = loaded.state.forgotten || isFrozen(one) ? undefined : (told.get(one.id) ?? [])
        const plan = EnrichmentPlan.plan(booking, loaded.state, wanted, situation.isRead)
        return Object.assign(plan, { booking, loaded })
      }),
    )

    const questions = decided.questions.filter(({ fact }) => !isHindered(fact))
    const heard = situation.reviews.filter(({ fact }) => fact === undefined || !isHindered(fact))
    const { closed, opened } = yield* askAbout(heard, questions, decided.assigned)
    // Last: what is not confirmed is looked at again, and everything that goes with it.
    const confirmed = written.map(({ booking, loaded }) => ({
      loaded,
      commands: EnrichmentPlan.confirmations(booking, loaded.state),
    }))
    yield* recorded(confirmed)
    return {
      factsConsidered: situation.asked,
      bookingsEnriched: confirmed.filter(({ commands }) => commands.some(({ _tag }) => _tag === "ConfirmApplied"))
        .length,
      reviewsOpened: opened,
      reviewsClosed: closed,
    } satisfies Report
  }).pipe(
    Aggregate.decidingAgain,
    Effect.retry({ while: ({ _tag }) => _tag === "BookingChanged", times: 5 }),
    Effect.catchTags({
      BookingChanged: () => Effect.fail(new EnrichmentDelayed({ reason: "bookings-changing" })),
      // A booking whose history was forgotten meanwhile is told nothing, and is found out next time.
      BookingForgotten: () => Effect.fail(new EnrichmentDelayed({ reason: "bookings-changing" })),
      QuestionNotOpen: Effect.die,
      QuestionChanged: Effect.die,
    }),
  )

/** Somebody changed the booking after it was read. */
class BookingChanged extends Schema.TaggedError<BookingChanged>()("BookingChanged", {}) {}

type LoadedBooking = Aggregate.Loaded<EnrichedBooking.State>

interface Looked {
  readonly id: BookingId
  /** None where the host has it no more. */
  readonly booking: Booking | undefined
  readonly loaded: LoadedBooking
}

type Planned = EnrichmentPlan.Plan & Omit<Looked, "id">

/** Records what is meant, all of it, and then writes it. Answers the bookings, and their streams, as they are then. */
const bringAbout = Effect.fnUntraced(function* (tenantId: TenantId, planned: ReadonlyArray<Planned>) {
  const meant = yield* recorded(planned.map(({ intents, loaded }) => ({ loaded, commands: intents })))
  return yield* Effect.forEach(
    planned,
    ({ booking, loaded: before, reason, set }, index) =>
      Effect.gen(function* () {
        const loaded = meant[index] ?? before
        if (booking === undefined || Object.keys(set).length === 0) return { loaded, booking }
        const { update } = yield* Bookings
        const updated = yield* update(tenantId, booking.id, { expects: groundOf(booking), set, reason })
        if (updated.outcome === "changed") return yield* new BookingChanged()
        const now: Booking | undefined = updated.outcome === "gone" ? undefined : { ...booking, ...set }
        return { loaded, booking: now }
      }),
    { concurrency },
  )
})

/** Appends what commands come to, many streams at a time, and answers these as they are then. */
const recorded = Effect.fnUntraced(function* (
  meant: ReadonlyArray<{ readonly loaded: LoadedBooking; readonly commands: EnrichmentPlan.Plan["intents"] }>,
  actor: Actor = system,
) {
  const at = yield* DateTime.now
  const changes = yield* Effect.forEach(meant, ({ commands, loaded }) =>
    Effect.fromResult(
      decideBooking(loaded, ...commands.map((command): EnrichedBooking.Command => ({ ...command, at }))),
    ),
  )
  yield* appendAll(changes, actor)
  return changes.map(Aggregate.after)
})

/** Together as many as one append should have: what breaks off in between is settled by the next run. */
const appendAll = Effect.fnUntraced(function* (changes: ReadonlyArray<Aggregate.Change>, actor: Actor) {
  const changed = changes.filter(({ events }) => events.length > 0)
  for (let from = 0; from < changed.length; from += streamsAtOnce) {
    const [first, ...others] = changed.slice(from, from + streamsAtOnce)
    if (first !== undefined) yield* Aggregate.append([first, ...others], { metadata: { actor } })
  }
})

interface Situation {
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

interface Heard {
  readonly address: string
  readonly fact: Fact | undefined
  readonly loaded: Aggregate.Loaded<EnrichmentReview.State>
}

/**
 * All messages and bookings that these have to do with: by code, by day of arrival, and by what was told before, until
 * there are no more.
 */
const look = Effect.fnUntraced(function* (tenantId: TenantId, { bookings: ids = [], messages = [] }: Concerned) {
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
          bar.connectionId === connection_id &&
          bar.extractor === extractor &&
          (answer?.is !== bookingId || DateTime.isLessThan(answer.at, bar.at)),
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

/** Asks what is not asked yet, and closes what is no question any more. */
const askAbout = Effect.fnUntraced(function* (
  heard: ReadonlyArray<Heard>,
  questions: ReadonlyArray<BookingMatching.Question>,
  assigned: ReadonlyMap<string, BookingId>,
) {
  const at = yield* DateTime.now
  const open = heard.flatMap((one) =>
    one.loaded.state.reviews.flatMap((review) => (review.isOpen ? [{ one, review }] : [])),
  )
  const asking = new Map<Heard, Array<EnrichmentReview.Command>>()
  const say = (one: Heard, command: EnrichmentReview.Command) => asking.set(one, [...(asking.get(one) ?? []), command])
  const answered = new Set(open)
  for (const { about, candidates, doubt, fact } of questions) {
    const same = open.find(
      (other) => answered.has(other) && other.review.doubt === doubt && about.has(other.one.address),
    )
    if (same !== undefined) {
      answered.delete(same)
      say(same.one, { ...questionOf(same.review), _tag: "Ask", at, candidates })
      continue
    }
    const one = heard.find(({ address }) => address === addressOf(fact))
    if (one === undefined) continue
    const { account_id: accountId, connection_id: connectionId, message_id: messageId } = fact
    const reviewId = ReviewId.make(yield* derivedUuid("enrichment_review", connectionId, accountId, messageId, doubt))
    say(one, { _tag: "Ask", at, reviewId, fact: { accountId, messageId }, connectionId, doubt, candidates })
  }
  for (const { one, review } of answered) {
    const bookingId = assigned.get(one.address)
    const outcome = bookingId === undefined ? "lapsed" : "applied"
    say(one, { _tag: "Close", at, reviewId: review.reviewId, outcome, ...(bookingId !== undefined && { bookingId }) })
  }
  const changes = yield* Effect.forEach(asking, ([{ loaded }, commands]) =>
    Effect.fromResult(decideReview(loaded, ...commands)),
  )
  yield* appendAll(changes, system)
  const events = changes.flatMap((change) => change.events)
  const wasOpen = new Set(open.map(({ review }) => review.reviewId))
  const isNew = ({ _tag, reviewId }: EnrichmentReview.Event) =>
    _tag === "enrichment_review_opened" && !wasOpen.has(reviewId)
  return {
    opened: events.filter(isNew).length,
    closed: events.filter(({ _tag }) => _tag === "enrichment_review_resolved").length,
  }
})

const questionOf = ({ connectionId, doubt, fact, reviewId }: EnrichmentReview.Review) => ({
  connectionId,
  doubt,
  fact,
  reviewId,
})

/** Under a lease that a tenant has once; and what came of it is told, in numbers. */
const oneAfterTheOther = <E extends { readonly _tag: string }, R>(
  tenantId: TenantId,
  work: Effect.Effect<Report, E, R>,
) =>
  Effect.gen(function* () {
    const leases = yield* Leases
    yield* Controls.ensureEnabled(tenantId, { enrichment: true })
    const report = yield* leases
      .using(
        tenantId,
        "bookings",
        Duration.minutes(1),
      )(work)
      .pipe(
        Effect.retry({ while: (error) => error instanceof LeaseHeld, schedule: turn }),
        Effect.catchIf(
          (error): error is LeaseHeld | LeaseLost => error instanceof LeaseHeld || error instanceof LeaseLost,
          () => Effect.fail(new EnrichmentDelayed({ reason: "another-run" })),
        ),
      )
    const { bookingsEnriched, factsConsidered, reviewsClosed, reviewsOpened } = report
    const isNews = bookingsEnriched + factsConsidered + reviewsClosed + reviewsOpened > 0
    yield* Effect.annotateLogs(isNews ? Effect.logInfo("enrichment_run_end") : Effect.logDebug("enrichment_run_end"), {
      event: "enrichment_run_end",
      tenantId,
      facts_considered: factsConsidered,
      bookings_enriched: bookingsEnriched,
      reviews_opened: reviewsOpened,
      reviews_closed: reviewsClosed,
    })
    return report
  })

/** About half a minute, looking more and more seldom. */
const turn = Schedule.exponential("20 millis", 1.5).pipe(
  Schedule.modifyDelay(({ duration }) => Effect.succeed(Duration.min(duration, Duration.seconds(1)))),
  Schedule.jittered,
  Schedule.upTo({ times: 40 }),
)

/** The end of the log, once the views contain everything up to there. */
const caughtUp = Effect.gen(function* () {
  const log = yield* EventLog
  const views = yield* Views
  const head = yield* log.head
  for (const name of [ReservationFactsView.name, EnrichmentsView.name, EnrichmentReviewsView.name]) {
    const isThere = yield* views.awaitPosition({ name }, head, patience)
    if (!isThere) return yield* new EnrichmentDelayed({ reason: "view-behind" })
  }
  return head
})

/** How long a view may take to catch up. */
const patience = Duration.seconds(10)

/** The version of the facts that are read. */
const liveFacts = Effect.gen(function* () {
  const store = yield* ViewStore
  const builds = yield* store.builds
  return builds.find(({ state, view }) => view === ReservationFactsView.name && state === "live")?.version ?? 0
})

const messagesOf = (event: Feed.Event): ReadonlyArray<Message> => {
  if (event._tag !== "items_recorded" || event.accountId === undefined) return []
  const { accountId: account_id } = event
  return event.itemIds.map((message_id) => ({ account_id, message_id }))
}

const reviewStreamOf = (address: string) => derivedUuid("enrichment", address)

const dayOf = (at: DateTime.Utc): Day => DateTime.formatIsoDateUtc(at)

/** Streams that are read, and bookings that are written, at the same time. */
const concurrency = 4

/** Streams that one append is for. */
const streamsAtOnce = 100

const metadata = { actor: system }

const decodeFeed = EventCodec.decodeStream(Feed)
const decodeBooking = EventCodec.decodeStream(EnrichedBooking)
const loadBooking = Aggregate.load(EnrichedBooking, { personal: true })
const loadClear = Aggregate.load(EnrichedBooking)
const decideBooking = Aggregate.decide(EnrichedBooking)
const loadReview = Aggregate.load(EnrichmentReview)
const decideReview = Aggregate.decide(EnrichmentReview)
const handleReview = Aggregate.handle(EnrichmentReview)
const loadRuns = Aggregate.load(EnrichmentRuns)
const handleRuns = Aggregate.handle(EnrichmentRuns)
