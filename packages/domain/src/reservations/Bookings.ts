/**
 * The port to the host's bookings: find them, and change what a mail may change.
 *
 * Bookings belong to the host and come from its calendars. Nothing here can make
 * one, remove one or move one: there is no way to say so. What is changed is
 * changed only as long as the booking is what it was when that was decided.
 */
import { Context, type DateTime, type Effect, Equal, Schema } from "effect"

import { type Day } from "../Connection.ts"
import { type ConnectionId, type TenantId } from "../Ids.ts"
import { type Platform } from "./ReservationFacts.ts"

/** The host's own id of a booking. */
export const BookingId = Schema.String.check(
  Schema.isPattern(/^[A-Za-z0-9_.:-]{1,200}$/, { expected: "1 to 200 letters, digits, or _ . : -" }),
).pipe(Schema.brand("BookingId"))
export type BookingId = typeof BookingId.Type

/** What a mail may tell of a booking. The dates are not among it: they are the calendar's. */
export const Field = Schema.Literals(["guestName", "guestCount", "code"])
export type Field = typeof Field.Type

/** The values of these fields; null where there is none. Personal data. */
export const Values = Schema.Struct({
  guestName: Schema.optionalKey(Schema.NullOr(Schema.String)),
  guestCount: Schema.optionalKey(Schema.NullOr(Schema.Natural)),
  /** As {@link canonicalCode} writes it. */
  code: Schema.optionalKey(Schema.NullOr(Schema.String)),
})
export type Values = typeof Values.Type

/** A stay in one of the host's calendars, as it stands now. */
export interface Booking {
  readonly id: BookingId
  readonly platform: Platform
  /** What the platform calls the listing or property; null where the host does not know it. */
  readonly listing: string | null
  /** The calendar that it comes from, by the host's own name. */
  readonly feed: string
  /** The platform's code, as {@link canonicalCode} writes it: from the calendar's link, or as a mail told it. */
  readonly code: string | null
  readonly checkIn: Day
  /** The day of departure: where a calendar's end is exclusive, its end. */
  readonly checkOut: Day
  /**
   * `live`: a stay, or what cannot be told from one (Booking.com's "CLOSED - Not available"). `blocked`: certainly
   * none ("Airbnb (Not available)"). `cancelled`: the calendar has it no more.
   */
  readonly status: "live" | "cancelled" | "blocked"
  readonly guestName: string | null
  readonly guestCount: number | null
  /** What a person wrote or emptied by hand: a mail never touches it again. */
  readonly editedByPerson: ReadonlyArray<Field>
  /** How sure the host is of values that it has from elsewhere, from 0 to 1; entirely, where it does not say. */
  readonly confidence?: Partial<Record<Field, number>> | undefined
  /** When the calendar first showed it, by the host's clock. */
  readonly since: DateTime.Utc
}

/** A calendar of the host. */
export interface Calendar {
  readonly feed: string
  readonly platform: Platform
  readonly listing: string | null
}

/** Which bookings, whatever their status. */
export type Query =
  | { readonly by: "ids"; readonly ids: ReadonlyArray<BookingId> }
  | { readonly by: "codes"; readonly platform: Platform; readonly codes: ReadonlyArray<string> }
  | { readonly by: "arrival"; readonly platform: Platform; readonly days: ReadonlyArray<Day> }

const ground = [
  "platform",
  "listing",
  "feed",
  "checkIn",
  "checkOut",
  "status",
  "code",
  "guestName",
  "guestCount",
  "editedByPerson",
] as const satisfies ReadonlyArray<keyof Booking>

/** All of a booking that a decision about it rests on. */
export type Ground = Pick<Booking, (typeof ground)[number]>

export interface Update {
  /** What the booking must be for the update to happen. */
  readonly expects: Ground
  /** What becomes of the fields that are named; the others stay. */
  readonly set: Values
  /** Why its values are what they are now ("Code Match", "Exact Date"), for people; null where no mail told them. */
  readonly reason: string | null
}

export type Updated =
  | { readonly outcome: "updated" }
  /** Somebody was first. Nothing was written. */
  | { readonly outcome: "changed"; readonly booking: Booking }
  /** There is no such booking in this tenant, or not any more. Nothing was written. */
  | { readonly outcome: "gone" }

/** The host's bookings could not be reached. Asking again helps once they can be. */
export class BookingsUnavailable extends Schema.TaggedError<BookingsUnavailable>()("BookingsUnavailable", {
  /** The class of failure, without any of the data involved. */
  reason: Schema.String,
}) {}

/** Prove an implementation with `bookingsContract` of the package's `./testing`. */
export class Bookings extends Context.Service<
  Bookings,
  {
    /** Those of the tenant, in any order, each once. */
    find(tenantId: TenantId, query: Query): Effect.Effect<ReadonlyArray<Booking>, BookingsUnavailable>

    /**
     * Changes a booking if it is what is expected (see {@link isOn}): compare and set in one step. After
     * `BookingsUnavailable` it may have happened. Does not count as an edit by a person.
     */
    update(tenantId: TenantId, id: BookingId, update: Update): Effect.Effect<Updated, BookingsUnavailable>

    /**
     * The calendars that the mail of a connection is about; all of the tenant's, where the host does not tell them
     * apart. Without a code, no booking of another calendar is matched.
     */
    calendarsOf(
      tenantId: TenantId,
      connectionId: ConnectionId,
    ): Effect.Effect<ReadonlyArray<Calendar>, BookingsUnavailable>
  }
>()("@holdfast/domain/Bookings") {}

export const groundOf = (booking: Booking): Ground => ({
  platform: booking.platform,
  listing: booking.listing,
  feed: booking.feed,
  checkIn: booking.checkIn,
  checkOut: booking.checkOut,
  status: booking.status,
  code: booking.code,
  guestName: booking.guestName,
  guestCount: booking.guestCount,
  editedByPerson: booking.editedByPerson,
})

/** Whether a booking still is what a decision rested on. */
export const isOn = (booking: Booking, expected: Ground): boolean =>
  ground.every((name) =>
    name === "editedByPerson"
      ? Equal.equals(booking.editedByPerson.toSorted(), expected.editedByPerson.toSorted())
      : booking[name] === expected[name],
  )

/** A code as it is compared: platforms write theirs in capitals, and now and then with dots or spaces. */
export const canonicalCode = (code: string): string => code.normalize("NFKC").replaceAll(/[\s.]/gu, "").toUpperCase()
