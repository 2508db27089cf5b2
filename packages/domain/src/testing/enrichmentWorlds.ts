/**
 * What the contract of enrichment makes its worlds of: mails and stays that are drawn from few values, a clock that
 * stands, processes that die, and somebody else who is faster.
 */
import { Cause, Clock, DateTime, Effect, Exit, Layer, Schema } from "effect"

import { EventStore } from "../EventStore.ts"
import { type Booking, Bookings } from "../reservations/Bookings.ts"
import type * as EnrichmentReviewsView from "../reservations/EnrichmentReviewsView.ts"
import { type Mail, mail, seaView, stay, today } from "./hosting.ts"

/** It is always the same moment, unless said otherwise. */
const stillAt = (now: DateTime.Utc) =>
  Effect.map(Clock.Clock, (clock): Clock.Clock => {
    const millis = DateTime.toEpochMillis(now)
    return Object.assign(Object.create(clock), {
      currentTimeMillisUnsafe: () => millis,
      currentTimeMillis: Effect.succeed(millis),
    })
  })

export const still = Layer.effect(Clock.Clock, stillAt(today))

export const at =
  (now: DateTime.Utc) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.flatMap(stillAt(now), (clock) => Effect.provideService(effect, Clock.Clock, clock))

export const by = { actor: { kind: "operator", id: "support" } } as const

export const told = ({ code, guestCount, guestName }: Booking) => [guestName, guestCount, code]

/** What belongs to the calendar and to people. */
export const fixed = ({ checkIn, checkOut, editedByPerson, feed, id, listing, platform, since, status }: Booking) => ({
  checkIn,
  checkOut,
  editedByPerson,
  feed,
  id,
  listing,
  platform,
  since,
  status,
})

export const asked = (reviews: ReadonlyArray<EnrichmentReviewsView.Row>) =>
  reviews
    .map(({ candidates, reason }) => [reason, candidates.map(String)] as const)
    .toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))

/** Somebody else is faster, once. */
export const beforeFirstUpdate =
  <B, E2, R2>(meanwhile: Effect.Effect<B, E2, R2>) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.gen(function* () {
      const bookings = yield* Bookings
      const context = yield* Effect.context<R2>()
      let isFirst = true
      const update: typeof bookings.update = (...request) =>
        Effect.gen(function* () {
          if (isFirst) yield* Effect.provide(Effect.orDie(meanwhile), context)
          isFirst = false
          return yield* bookings.update(...request)
        })
      return yield* Effect.provideService(effect, Bookings, { ...bookings, update })
    })

/** Where a process dies: before its nth write, or after it and before anybody learns of it. */
export interface Crash {
  readonly step: number
  readonly moment: "before" | "after"
}

class Died {
  readonly _tag = "Died"
}

/** Every write to the log and to the host's bookings is a step. */
export const crashing = (crash: Crash | undefined) => {
  let steps = 0
  const step = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.suspend(() => {
      steps += 1
      if (steps !== crash?.step) return effect
      const die = Effect.die(new Died())
      return crash.moment === "before" ? die : Effect.andThen(Effect.exit(effect), die)
    })
  return {
    count: () => steps,
    /** Started again until it is through. */
    untilThrough: <A, E, R>(effect: Effect.Effect<A, E, R>) =>
      Effect.gen(function* () {
        const store = yield* EventStore
        const bookings = yield* Bookings
        const process = effect.pipe(
          Effect.provideService(EventStore, { ...store, append: (request) => step(store.append(request)) }),
          Effect.provideService(Bookings, { ...bookings, update: (...request) => step(bookings.update(...request)) }),
        )
        for (;;) {
          const exit = yield* Effect.exit(process)
          if (Exit.isSuccess(exit)) return exit.value
          if (!(Cause.squash(exit.cause) instanceof Died)) return yield* exit
        }
      }),
  }
}

/** Few values, so that much is alike. */
export const Drawn = Schema.Struct({
  kind: Schema.Literals([
    "confirmed",
    "confirmed",
    "confirmed",
    "reminder",
    "guest_message",
    "alteration_accepted",
    "cancelled",
    "modified",
    "request_pending",
    "unknown",
  ]),
  /** One place says that a reservation stands, and another says otherwise. */
  isDisputed: Schema.Literals([false, false, false, true]),
  code: Schema.NullOr(Schema.Literals(["HMTEST0001", "HMTEST0001", "HMTEST0002"])),
  dates: Schema.Literals([0, 0, 1, 2]),
  guestName: Schema.NullOr(Schema.Literals(["Ada", "Ada Testwell", "Bruno Beispiel"])),
  guestCount: Schema.NullOr(Schema.Literals([2, 3])),
  listing: Schema.NullOr(Schema.Literals([seaView, seaView])),
  rooms: Schema.NullOr(Schema.Literals([1, 2])),
  confidence: Schema.Literals([0.7, 0.95, 0.97, 0.97]),
  sender: Schema.Literals(["authentic", "authentic", "authentic", "unproven"]),
  minute: Schema.Literals([0, 1, 2, 3, 4, 5]),
})

export const DrawnStay = Schema.Struct({
  code: Schema.NullOr(Schema.Literals(["HMTEST0001", "HMTEST0002"])),
  dates: Schema.Literals([0, 0, 1]),
  listing: Schema.NullOr(Schema.Literals([seaView, seaView])),
  status: Schema.Literals(["live", "live", "live", "cancelled", "blocked"]),
  guestName: Schema.NullOr(Schema.Literals(["?"])),
  edited: Schema.Literals([false, false, true]),
  minute: Schema.Literals([0, 2, 4]),
})

export const Shuffle = Schema.Array(Schema.Literals([0, 1, 2, 3])).check(Schema.isMinLength(7), Schema.isMaxLength(7))

const datesOf = (n: 0 | 1 | 2) =>
  [
    { checkIn: "2026-12-05", checkOut: "2026-12-08" },
    { checkIn: "2026-12-05", checkOut: null },
    { checkIn: "2026-12-08", checkOut: "2026-12-10" },
  ][n] ?? { checkIn: null, checkOut: null }

export const mailOf = ({ dates, isDisputed, kind, minute, ...drawn }: typeof Drawn.Type, index: number): Mail =>
  mail(`m${index}`, {
    ...drawn,
    ...datesOf(dates),
    kind,
    received: `2026-11-20T10:0${minute}:00Z`,
    ...((kind === "cancelled" || kind === "request_pending") && { decision: "none" }),
    ...((kind === "modified" || kind === "unknown") && { decision: "review" }),
    ...(isDisputed && { decision: "review", reasons: ["KIND_CONFLICT"] }),
  })

export const stayOf = (
  { code, dates, edited, guestName, listing, minute, status }: typeof DrawnStay.Type,
  index: number,
) =>
  stay(`b${index}`, {
    code,
    listing,
    status,
    guestName,
    ...(dates === 1 && { checkIn: "2026-12-08", checkOut: "2026-12-10" }),
    confidence: { guestName: 0.3 },
    editedByPerson: edited ? ["guestName"] : [],
    since: DateTime.makeUnsafe(`2026-11-20T10:0${minute}:30Z`),
  })

export const shuffled = <A>(all: ReadonlyArray<A>, by: ReadonlyArray<number>): ReadonlyArray<A> =>
  all
    .map((one, index) => [by[index] ?? 0, one] as const)
    .toSorted(([a], [b]) => a - b)
    .map(([, one]) => one)
