/**
 * What a platform's calendar feed says: stays, by their days, mostly without names.
 *
 * A feed is all or nothing. What cannot be read whole is refused, because half a calendar looks like one in which the
 * other half was cancelled.
 */
import { Bookings, type ReservationFacts } from "@holdfast/domain"
import { DateTime, Option, Result, Schema } from "effect"
import ICAL from "ical.js"

/** A stay, or days that are not for rent. */
export interface Stay {
  /** The feed's own name for it. Feeds use one twice. */
  readonly uid: string
  readonly checkIn: string
  /** The day of departure. */
  readonly checkOut: string
  /** `blocked`: certainly no stay. Booking.com's closed days may be either, and are taken for stays. */
  readonly status: "live" | "blocked"
  /** The platform's code, where the feed links to the reservation. */
  readonly code: string | null
  readonly guestName: string | null
  readonly summary: string
}

/** The feed is no calendar, or not a whole one. Nothing was changed. */
export class CalendarUnreadable extends Schema.TaggedError<CalendarUnreadable>()("CalendarUnreadable", {
  /** The class of failure, without what the feed contains. */
  problem: Schema.String,
}) {}

/** The stays of a feed. `zone` is the property's: feeds that name times and not days have them in UTC. */
export const read = (
  text: string,
  platform: ReservationFacts.Platform,
  zone: DateTime.TimeZone,
): Result.Result<ReadonlyArray<Stay>, CalendarUnreadable> =>
  Result.flatMap(
    // The values of an event are read when they are asked for, and throw then.
    Result.try({
      try: () => eventsIn(text)?.map((event) => stayOf(event, platform, zone)),
      catch: () => new CalendarUnreadable({ problem: "not a calendar, or cut off" }),
    }),
    (stays) => {
      if (stays === undefined) return Result.fail(new CalendarUnreadable({ problem: "not a calendar" }))
      const whole = stays.filter((stay) => stay !== undefined)
      return whole.length === stays.length
        ? Result.succeed(whole)
        : Result.fail(new CalendarUnreadable({ problem: "an event without its days" }))
    },
  )

/** Those that stand; nothing where it is no calendar. */
const eventsIn = (text: string) => {
  const calendar = new ICAL.Component(ICAL.parse(text.replace(/^\uFEFF/, "")))
  return calendar.name === "vcalendar"
    ? calendar.getAllSubcomponents("vevent").filter((event) => textOf(event, "status").toUpperCase() !== "CANCELLED")
    : undefined
}

type Component = InstanceType<typeof ICAL.Component>

const stayOf = (event: Component, platform: ReservationFacts.Platform, zone: DateTime.TimeZone): Stay | undefined => {
  const start = event.getFirstPropertyValue("dtstart")
  if (!(start instanceof ICAL.Time) || ["dtstart", "dtend"].some((name) => namesNoDay(event, name))) return undefined
  // Where an event names no end, it knows what RFC 5545 says of that.
  const { endDate: end } = new ICAL.Event(event)
  const [checkIn, checkOut] = [dayOf(start, zone), dayOf(end, zone)]
  if (!isDay(checkIn) || !isDay(checkOut) || checkOut <= checkIn) return undefined
  const summary = textOf(event, "summary")
  return {
    uid: textOf(event, "uid"),
    checkIn,
    checkOut,
    summary,
    status: isBlocked(platform, summary) ? "blocked" : "live",
    code: codeOf(platform, textOf(event, "description")),
    guestName: platform === "booking" ? null : (/^Reserved\s*[-–]\s*(.+)$/u.exec(summary)?.[1]?.trim() ?? null),
  }
}

const isBlocked = (platform: ReservationFacts.Platform, summary: string) =>
  platform === "airbnb"
    ? /not available/i.test(summary)
    : platform === "vrbo" && /^(?:blocked|unavailable)/i.test(summary)

/** Only a link to the reservation counts: what else a description says is anybody's. */
const codeOf = (platform: ReservationFacts.Platform, description: string) => {
  const pattern =
    platform === "airbnb"
      ? /\bhttps:\/\/(?:www\.)?airbnb\.[a-z.]{2,6}\/[a-z/]{0,40}reservations\/details\/(HM[A-Z0-9]{8})\b/
      : platform === "vrbo"
        ? /\b(HA-[A-Z0-9]{6})\b/
        : undefined
  const code = pattern?.exec(description)?.[1]
  return code === undefined ? null : Bookings.canonicalCode(code)
}

const textOf = (event: Component, name: string) => {
  const value = event.getFirstPropertyValue(name)
  return typeof value === "string" ? value : ""
}

/** The parser takes the 31st of February for a day in March. */
const namesNoDay = (event: Component, name: string) => {
  const property = event.getFirstProperty(name)
  return property !== null && !isDay(String(property.toJSON()[3]).slice(0, 10))
}

type Time = InstanceType<typeof ICAL.Time>

/** The day at the property. What is a day already, or a time of no zone, stays what it is. */
const dayOf = (time: Time, zone: DateTime.TimeZone) =>
  time.isDate || time.zone !== ICAL.Timezone.utcTimezone
    ? time.toString().slice(0, 10)
    : Option.match(DateTime.make(time.toString()), {
        onNone: () => "",
        onSome: (instant) => DateTime.formatIsoDate(DateTime.setZone(instant, zone)),
      })

const isDay = (text: string) =>
  /^\d{4}-\d\d-\d\d$/.test(text) && new Date(`${text}T00:00:00Z`).toJSON()?.slice(0, 10) === text
