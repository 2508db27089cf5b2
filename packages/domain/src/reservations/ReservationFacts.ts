/**
 * What a message says of a reservation, as an extractor read it.
 *
 * An extractor is a pure function of the archived message: it asks nobody and
 * knows no clock but the time at which the message was received. Facts are never
 * the truth, which is the message on the tape: another version of the extractor
 * reads it again and may say otherwise.
 */
import { type DateTime, Schema } from "effect"

import { Day } from "../Connection.ts"

/** Whose mail it is: a platform, or a property manager's own booking engine (`pms`). */
export const Platform = Schema.Literals(["airbnb", "vrbo", "booking", "pms"])
export type Platform = typeof Platform.Type

/** What a message is for. */
export const Kind = Schema.Literals([
  /** A reservation was made and stands. */
  "confirmed",
  "request_pending",
  "request_reminder",
  "inquiry",
  "pre_approval",
  "alteration_requested",
  "alteration_accepted",
  "alteration_declined",
  /** The platform says that a reservation is another one now, not what it is. */
  "modified",
  "cancelled",
  "cancellation_request",
  /** The guest comes soon. */
  "reminder",
  "guest_message",
  "payout",
  "review_received",
  "review_request",
  "claim",
  /** Invoices, statements, reports. */
  "invoice",
  "marketing",
  /** Logins, codes, account changes. */
  "security",
  "unknown",
])
export type Kind = typeof Kind.Type

/** The kinds from which a booking may learn something. */
export const enriching: ReadonlySet<Kind> = new Set(["confirmed", "alteration_accepted", "reminder", "guest_message"])

/** Where in a message a value was found. Sources of different sorts that agree are independent witnesses. */
export const Provenance = Schema.Literals([
  "header",
  "structured_data",
  "link",
  "subject",
  /** After a label: `Check-in: …`, or in the line below one. */
  "label",
  "prose",
])
export type Provenance = typeof Provenance.Type

/** How sure an extractor is, from 0 to 1 in hundredths: the share of such values that are right. */
export const Certainty = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }))

/** The confidence from which on a value is applied by itself, and the one below which it is not even asked about. */
export const threshold = { auto: 0.9, review: 0.5 } as const

/** Whether the message comes from whom it says. */
export const Sender = Schema.Literals([
  /** One sender, of the platform's own domain, whose signature the receiving server has checked. */
  "authentic",
  /** Nothing speaks against it, and nothing proves it. */
  "unproven",
  /** It pretends. */
  "forged",
])
export type Sender = typeof Sender.Type

/** Why a fact is not sure, or is none: a code that people and programs can look up in `docs/extraction.md`. */
export const Reason = Schema.String.check(Schema.isPattern(/^[A-Z][A-Z0-9_]{2,40}$/, { expected: "a code, LIKE_THIS" }))

const value = <S extends Schema.Constraint>(of: S) =>
  Schema.NullOr(
    Schema.Struct({
      value: of,
      confidence: Certainty,
      /** Each once, the strongest first. */
      sources: Schema.Array(Provenance),
    }),
  )

/** What one message says. A value that is not known is null: nothing is guessed. Personal data. */
export const ReservationFacts = Schema.Struct({
  platform: Schema.NullOr(Platform),
  kind: Kind,
  sender: Sender,
  guestName: value(Schema.String),
  /** The day of arrival, in the calendar of the place. */
  checkIn: value(Day),
  /** The day of departure: the night before it is the last one. */
  checkOut: value(Day),
  confirmationCode: value(Schema.String),
  /** Adults and children. */
  guestCount: value(Schema.Natural),
  /** Not among the guests who are counted. */
  infants: value(Schema.Natural),
  /** How many rooms or units the reservation has, where the message says. */
  rooms: value(Schema.Natural),
  /** What the platform calls the listing or property; a string, for some are greater than 2^53. */
  listing: value(Schema.String),
  /** Of what the message says as a whole: 0 where it says nothing of a reservation. */
  confidence: Certainty,
  /**
   * `auto`: may be applied by itself. `review`: a person is asked, whatever its kind, as long as the answer would tell
   * something. `none`: says nothing that a booking could learn.
   */
  decision: Schema.Literals(["auto", "review", "none"]),
  /** In order of weight. */
  reasons: Schema.Array(Reason),
})
export type ReservationFacts = typeof ReservationFacts.Type

/** Reads the items of one provider's feeds. */
export interface Extractor {
  /** Raise it whenever the same item may give other facts: the view is then built anew beside the live one. */
  readonly version: number
  /**
   * The facts of an item as it stands on the tape. Total for every item that the adapter ever recorded: what it throws
   * is a bug, and the item is then shown as quarantined until a later version reads it.
   */
  readonly extract: (item: Schema.Json) => ReservationFacts
  /** When the message was received, by the provider's clock; where it does not tell, when it was recorded counts. */
  readonly receivedAt?: ((item: Schema.Json) => DateTime.Utc) | undefined
}
