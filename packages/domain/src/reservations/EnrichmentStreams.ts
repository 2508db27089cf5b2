/** Appends to the streams of many bookings, or of many questions. */
import { DateTime, Effect, Stream } from "effect"

import * as Aggregate from "../Aggregate.ts"
import * as EventCodec from "../EventCodec.ts"
import { beginning, EventLog, type StreamId } from "../EventStore.ts"
import { type Actor, type ConnectionId, type TenantId } from "../Ids.ts"
import { type BookingId } from "./Bookings.ts"
import * as EnrichedBooking from "./EnrichedBooking.ts"

/** Together as many as one append should have: what breaks off in between is settled by the next run. */
export const appendAll = Effect.fnUntraced(function* (
  changes: ReadonlyArray<Aggregate.Change>,
  { actor, isForgetting = false }: { readonly actor: Actor; readonly isForgetting?: boolean },
) {
  const changed = changes.filter(({ events }) => events.length > 0)
  for (let from = 0; from < changed.length; from += streamsAtOnce) {
    const [first, ...others] = changed.slice(from, from + streamsAtOnce)
    if (first === undefined) continue
    const forget = isForgetting ? [first, ...others].map(({ streamId }) => streamId) : []
    yield* Aggregate.append([first, ...others], { metadata: { actor }, forget })
  }
})

/**
 * Destroys the personal part of what mails told these bookings. Those keep their values, which are the host's; no mail
 * tells them anything any more, and nothing can be undone. Answers their streams, whose keys are to be evicted.
 */
export const forgetBookings = Effect.fn("EnrichmentStreams.forgetBookings")(function* (
  tenantId: TenantId,
  bookings: ReadonlyArray<BookingId>,
  { actor }: { readonly actor: Actor },
) {
  const at = yield* DateTime.now
  const changes = yield* Effect.forEach(bookings, (id) =>
    Effect.flatMap(loadClear(tenantId, id), (loaded) => Effect.fromResult(decide(loaded, { _tag: "Forget", at }))),
  )
  yield* appendAll(changes, { actor, isForgetting: true })
  return changes.map(({ streamId }): StreamId => streamId)
}, Aggregate.decidingAgain)

/** The bookings that mails of a connection ever told something that can still be read. */
export const bookingsToldBy = Effect.fn("EnrichmentStreams.bookingsToldBy")(function* (
  tenantId: TenantId,
  connectionId: ConnectionId,
) {
  const log = yield* EventLog
  const told = new Set<BookingId>()
  const filter = {
    tenantId,
    categories: [EnrichedBooking.name],
    types: ["booking_enriched", "forgotten"],
    sealed: false,
  }
  yield* log.read(beginning, filter).pipe(
    decodeBooking,
    Stream.runForEach(({ event, streamId }) =>
      Effect.sync(() => {
        if (event._tag === "forgotten") told.delete(EnrichedBooking.idOf(streamId))
        if (event._tag === "booking_enriched" && event.connectionId === connectionId)
          told.add(EnrichedBooking.idOf(streamId))
      }),
    ),
  )
  return [...told]
})

/** Streams that one append is for. */
const streamsAtOnce = 100

const decodeBooking = EventCodec.decodeStream(EnrichedBooking)
const loadClear = Aggregate.load(EnrichedBooking)
const decide = Aggregate.decide(EnrichedBooking)
