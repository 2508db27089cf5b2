/**
 * A tenant with a mailbox and bookings of its own: what arrives, what the calendars and people do, and what can be seen.
 *
 * Mails are not read here: a message is the facts that an extractor made of it.
 */
import { Context, DateTime, Effect, Schema } from "effect"
import { SecureRandom } from "effect/crypto"

import * as Aggregate from "../Aggregate.ts"
import * as Connection from "../Connection.ts"
import { DataKeys } from "../DataKeys.ts"
import * as Feed from "../Feed.ts"
import * as Forgetting from "../Forgetting.ts"
import {
  AccountId,
  type Actor,
  ConnectionId,
  FeedId,
  OwnerId,
  ProviderId,
  type ReviewId,
  system,
  type TenantId,
} from "../Ids.ts"
import * as Personal from "../Personal.ts"
import * as ProjectionRunner from "../ProjectionRunner.ts"
import { type Booking, BookingId, type Calendar, type Values } from "../reservations/Bookings.ts"
import * as Enrichment from "../reservations/Enrichment.ts"
import * as EnrichmentReviewsView from "../reservations/EnrichmentReviewsView.ts"
import * as EnrichmentsView from "../reservations/EnrichmentsView.ts"
import { type Extractor, ReservationFacts } from "../reservations/ReservationFacts.ts"
import * as ReservationFactsView from "../reservations/ReservationFactsView.ts"
import { BookingDesk } from "./bookingsMemory.ts"
import { freshTenant } from "./keyring.ts"

export const gmail = ProviderId.make("gmail")

/** A listing of Airbnb: its id is greater than 2^53. */
export const seaView = "9007199254740993001"

const Item = Schema.Struct({ facts: ReservationFacts, received: Schema.DateTimeUtcFromString })

const readItem = Schema.decodeUnknownSync(Item)
const writeItem = Schema.encodeSync(Item)

/** Takes the facts of a message as they are, unless another version reads them otherwise. */
export const extractor = (
  version = 1,
  reading: (facts: ReservationFacts) => ReservationFacts = (facts) => facts,
): Extractor => ({
  version,
  extract: (item) => reading(readItem(item).facts),
  receivedAt: (item) => readItem(item).received,
})

/** The facts of this mailbox, read by this version. */
export const factsView = (version?: number, reading?: (facts: ReservationFacts) => ReservationFacts) =>
  ReservationFactsView.make({ [gmail]: extractor(version, reading) })

/** What a message says; a confirmation by Airbnb that is sure of everything it says, unless said otherwise. */
export interface Mail extends Partial<Pick<ReservationFacts, "kind" | "platform" | "sender" | "decision" | "reasons">> {
  readonly id: string
  readonly guestName?: string | null
  readonly checkIn?: string | null
  readonly checkOut?: string | null
  readonly code?: string | null
  readonly guestCount?: number | null
  readonly listing?: string | null
  readonly rooms?: number | null
  readonly received?: string
  /** Of every value. */
  readonly confidence?: number
}

export const mail = (id: string, differing: Omit<Mail, "id"> = {}): Mail => ({
  id,
  guestName: "Ada Testwell",
  checkIn: "2026-12-05",
  checkOut: "2026-12-08",
  code: "HMTEST0001",
  guestCount: 4,
  listing: seaView,
  ...differing,
})

/** Of Booking.com's confirmations: a code and an arrival. */
export const bookingMail = (id: string, differing: Omit<Mail, "id"> = {}): Mail =>
  mail(id, {
    platform: "booking",
    code: "5550000001",
    checkIn: "2027-06-02",
    checkOut: null,
    guestName: null,
    guestCount: null,
    listing: "12345",
    ...differing,
  })

export const factsOf = ({ confidence = 0.97, ...mail }: Mail): ReservationFacts => {
  const known = <A>(value: A | null | undefined) =>
    value === null || value === undefined ? null : { value, confidence, sources: ["label" as const] }
  return {
    platform: mail.platform ?? "airbnb",
    kind: mail.kind ?? "confirmed",
    sender: mail.sender ?? "authentic",
    guestName: known(mail.guestName),
    checkIn: known(mail.checkIn),
    checkOut: known(mail.checkOut),
    confirmationCode: known(mail.code),
    guestCount: known(mail.guestCount),
    infants: null,
    rooms: known(mail.rooms),
    listing: known(mail.listing),
    confidence,
    decision: mail.decision ?? (confidence >= 0.9 ? "auto" : "review"),
    reasons: mail.reasons ?? [],
  }
}

const receivedByDefault = "2026-11-20T10:00:00.000Z"

/** A stay in Airbnb's calendar of the listing, without the link that has the code. */
export const stay = (id: string, differing: Partial<Booking> = {}): Booking => ({
  id: BookingId.make(id),
  platform: "airbnb",
  listing: seaView,
  feed: "sea view",
  code: null,
  checkIn: "2026-12-05",
  checkOut: "2026-12-08",
  status: "live",
  guestName: null,
  guestCount: null,
  editedByPerson: [],
  since: DateTime.makeUnsafe("2026-11-20T12:00:00Z"),
  ...differing,
})

/** "CLOSED - Not available" in Booking.com's calendar. */
export const closed = (id: string, differing: Partial<Booking> = {}): Booking =>
  stay(id, {
    platform: "booking",
    listing: "12345",
    feed: "hotel",
    checkIn: "2027-06-02",
    checkOut: "2027-06-05",
    ...differing,
  })

/** Today, for whatever is decided. */
export const today = DateTime.makeUnsafe("2026-11-20T10:30:00Z")

/** The view of facts that is live. */
export const LiveFacts = Context.Reference("@holdfast/domain/testing/LiveFacts", { defaultValue: () => factsView() })

/** Every view that is concerned, up to the log. */
export const caughtUp = Effect.gen(function* () {
  yield* ProjectionRunner.catchUp(yield* LiveFacts)
  yield* seen
})

const seen = Effect.gen(function* () {
  yield* ProjectionRunner.catchUp(EnrichmentsView)
  yield* ProjectionRunner.catchUp(EnrichmentReviewsView)
})

const person: Actor = { kind: "owner", id: "ada" }

/** A tenant of its own. */
export const hosting = Effect.gen(function* () {
  const tenantId = yield* freshTenant
  return yield* hostingIn(tenantId)
})

/** A mailbox more in a tenant; or the same mailbox, connected once more. */
export const hostingIn = Effect.fnUntraced(function* (tenantId: TenantId, known?: AccountId) {
  const random = yield* SecureRandom.SecureRandom
  const desk = yield* BookingDesk
  const [connectionId, accountId, feedId] = [
    ConnectionId.make(yield* random.uuidV4()),
    known ?? AccountId.make(yield* random.uuidV4()),
    FeedId.make(yield* random.uuidV4()),
  ]

  const deliver = Effect.fnUntraced(function* (...mails: ReadonlyArray<Mail>) {
    const items = mails.map((mail) =>
      writeItem({ facts: factsOf(mail), received: DateTime.makeUnsafe(mail.received ?? receivedByDefault) }),
    )
    const at = yield* DateTime.now
    yield* handleFeed(
      tenantId,
      feedId,
      {
        _tag: "RecordItems",
        at,
        connectionId,
        provider: gmail,
        accountId,
        source: "label",
        run: "run",
        itemIds: mails.map(({ id }) => id),
        personal: Personal.reveal({ items }),
      },
      { metadata: { actor: system } },
    )
  })

  const bookings = Effect.map(desk.all(tenantId), (all) => all.toSorted((a, b) => (a.id < b.id ? -1 : 1)))
  const after = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.andThen(caughtUp, effect)

  return {
    tenantId,
    connectionId,
    accountId,
    feedId,
    deliver,
    /** The calendars are read, and what they have is looked at. */
    feed: (...stays: ReadonlyArray<Booking>) =>
      Effect.andThen(
        desk.import(tenantId, stays),
        after(
          Enrichment.bookingsChanged(
            tenantId,
            stays.map(({ id }) => id),
          ),
        ),
      ),
    /** As it is before anything is looked at. */
    have: (...stays: ReadonlyArray<Booking>) => desk.import(tenantId, stays),
    /** Nobody can read any more what the mailbox brought. */
    forget: Effect.gen(function* () {
      const keys = yield* DataKeys
      const at = yield* DateTime.now
      const feed = Feed.streamId(feedId)
      const metadata = { actor: system }
      yield* handleFeed(tenantId, feedId, { _tag: "Forget", at }, { metadata, forget: [feed] })
      const plan = { provider: gmail, ownerId: OwnerId.make("ada"), pollIntervalSeconds: 60, settings: {} }
      yield* handleConnection(tenantId, connectionId, { _tag: "Configure", at, ...plan }, { metadata })
      const forgotten = yield* Forgetting.destroyKeys(tenantId, connectionId, metadata)
      yield* keys.evict(tenantId, [feed, ...forgotten.streams])
    }),
    edit: (id: string, values: Values) => desk.edit(tenantId, BookingId.make(id), values),
    assign: (calendars: ReadonlyArray<Calendar>) => desk.assign(tenantId, connectionId, calendars),
    run: after(Enrichment.run(tenantId)),
    settle: after(Enrichment.settle(tenantId)),
    reconsider: after(Enrichment.reconsider(tenantId)),
    resolve: (reviewId: ReviewId, answer: string, seen?: number) =>
      after(
        Enrichment.resolve(tenantId, reviewId, answer === "none" ? "none" : BookingId.make(answer), {
          actor: person,
          seen,
        }),
      ),
    undo: (options: Partial<Enrichment.Undoing> = {}) =>
      Enrichment.undo({
        since: DateTime.makeUnsafe(0),
        actor: { kind: "operator", id: "support" },
        tenantId,
        ...options,
      }),
    bookings,
    booking: (id: string) =>
      Effect.flatMap(bookings, (all) => {
        const found = all.find((booking) => booking.id === id)
        return found === undefined ? Effect.die(`there is no booking ${id}`) : Effect.succeed(found)
      }),
    facts: after(Effect.suspend(() => ReservationFactsView.ofConnection(tenantId, connectionId))),
    enrichments: (id: string) =>
      Effect.andThen(
        seen,
        Effect.suspend(() => EnrichmentsView.ofBooking(tenantId, BookingId.make(id))),
      ),
    unsettled: Effect.andThen(
      seen,
      Effect.suspend(() => EnrichmentsView.unsettled(tenantId)),
    ),
    reviews: Effect.andThen(
      seen,
      Effect.suspend(() => EnrichmentReviewsView.ofConnection(tenantId, connectionId)),
    ),
    open: Effect.andThen(
      seen,
      Effect.suspend(() => EnrichmentReviewsView.open(tenantId)),
    ),
  }
})

const handleFeed = Aggregate.handle(Feed)
const handleConnection = Aggregate.handle(Connection)
