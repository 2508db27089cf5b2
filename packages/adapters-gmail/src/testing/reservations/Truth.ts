/** What a generated mail says, known because it was made so. */
import { type Kind, type Platform } from "@holdfast/domain/reservations/ReservationFacts"

/** The values that facts have. Null: the mail does not say it, or says it in a way that must not be believed. */
export interface Values {
  readonly guestName: string | null
  /** `YYYY-MM-DD` */
  readonly checkIn: string | null
  readonly checkOut: string | null
  readonly confirmationCode: string | null
  /** Adults and children. */
  readonly guestCount: number | null
  readonly infants: number | null
  readonly rooms: number | null
  readonly listing: string | null
}
export type Field = keyof Values

export interface Truth extends Values {
  /** Null: of no platform, or by somebody who pretends to be one. */
  readonly platform: Platform | null
  readonly kind: Kind
  /** Whoever does not find these, misses something: the mail says them clearly, and its kind is there to say them. */
  readonly required: ReadonlySet<Field>
  /** The facts may be applied without a person being asked. Where this is false, `auto` is wrong whatever the values. */
  readonly autoAllowed: boolean
  /** As likely true instead: the mail looks the same, and chance decided. Whoever measures how sure one may be counts both. */
  readonly otherwise?: Truth
}

export const silent: Values = {
  guestName: null,
  checkIn: null,
  checkOut: null,
  confirmationCode: null,
  guestCount: null,
  infants: null,
  rooms: null,
  listing: null,
}

/** Nothing that a booking could learn. */
export const nothing = (platform: Platform | null, kind: Kind): Truth => ({
  ...silent,
  platform,
  kind,
  required: new Set(),
  autoAllowed: false,
})
