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
import * as EventCodec from "../EventCodec.ts"
import { beginning, EventLog, Position } from "../EventStore.ts"
import * as Feed from "../Feed.ts"
import { type Actor, type ConnectionId, type ReviewId, system, type TenantId } from "../Ids.ts"
import { LeaseHeld, LeaseLost, Leases } from "../Leases.ts"
import { Views, ViewStore } from "../ViewStore.ts"
import * as BookingMatching from "./BookingMatching.ts"
import { addressOf, type Fact } from "./BookingMatching.ts"
import { type Booking, BookingId, Bookings, groundOf } from "./Bookings.ts"
import * as EnrichedBooking from "./EnrichedBooking.ts"
import * as EnrichmentPlan from "./EnrichmentPlan.ts"
import { addressOfRef } from "./EnrichmentPlan.ts"
import { askAbout } from "./EnrichmentQuestions.ts"
import * as EnrichmentReview from "./EnrichmentReview.ts"
import * as EnrichmentReviewsView from "./EnrichmentReviewsView.ts"
import * as EnrichmentRuns from "./EnrichmentRuns.ts"
import {
  type Concerned,
  look,
  type LoadedBooking,
  type Looked,
  type Message,
  reviewStreamOf,
} from "./EnrichmentSituation.ts"
import { appendAll, forgetBookings } from "./EnrichmentStreams.ts"
import * as EnrichmentsView from "./EnrichmentsView.ts"
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
 * extractors or the rules of matching are others than then.
 */
export const run = Effect.fn("Enrichment.run")(function* (tenantId: TenantId) {
  return yield* oneAfterTheOther(
    tenantId,
    Effect.gen(function* () {
      const { enabled } = yield* Controls.standing(tenantId)
      // Before the views have caught up: where another version is switched on meanwhile, the next run considers all anew.
      const facts = yield* liveFacts
      const head = yield* caughtUp
      const { state: before } = yield* loadRuns(tenantId, undefined)
      const matching = BookingMatching.version
      const isAnew = before.facts !== facts || before.enabled !== enabled || before.matching !== matching
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
        const command = { _tag: "RecordRun", at, until: head, facts, enabled, matching, ...considered } as const
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
 * The same version of the extractor does not tell these bookings anything again, from that connection, or from any.
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
    const undo = { _tag: "Undo", why: "operator", ...(connection === undefined && { everywhere: true }) } as const
    const commands = meant.map(({ number }) => Object.assign({ number }, undo))
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
  const streams = yield* forgetBookings(tenantId, [bookingId], { actor })
  const keys = yield* DataKeys
  yield* keys.evict(tenantId, streams)
})

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
  yield* appendAll(changes, { actor })
  return changes.map(Aggregate.after)
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

const dayOf = (at: DateTime.Utc): Day => DateTime.formatIsoDateUtc(at)

/** Bookings that are written at the same time. */
const concurrency = 4

const metadata = { actor: system }

const decodeFeed = EventCodec.decodeStream(Feed)
const decodeBooking = EventCodec.decodeStream(EnrichedBooking)
const loadClear = Aggregate.load(EnrichedBooking)
const decideBooking = Aggregate.decide(EnrichedBooking)
const handleReview = Aggregate.handle(EnrichmentReview)
const loadRuns = Aggregate.load(EnrichmentRuns)
const handleRuns = Aggregate.handle(EnrichmentRuns)
