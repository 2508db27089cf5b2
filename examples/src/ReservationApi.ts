/** What mails say of stays, what bookings learnt from it, and what people are asked: the API's part for hosts of homes. */
import { Bookings, Ids, ReservationFacts } from "@holdfast/domain"
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema } from "effect/http-api"

import { Callers, Refusals, Row, sent } from "./ApiCommon.ts"
import { Problems } from "./ApiErrors.ts"
import * as HostBookings from "./HostBookings.ts"

/** What a run of the enrichment did. */
export const Enriched = Schema.Struct({
  facts_considered: Schema.Natural,
  bookings_enriched: Schema.Natural,
  reviews_opened: Schema.Natural,
  reviews_closed: Schema.Natural,
})
export type Enriched = typeof Enriched.Type

const FeedId = Schema.String.check(Schema.isPattern(/^[a-z0-9][a-z0-9-]{0,62}$/, { expected: "a lower-case name" }))

export class Calendars extends HttpApiGroup.make("calendars")
  .add(
    /** The feed as the platform serves it. Bookings come from here, and from nowhere else. */
    HttpApiEndpoint.put("import", "/:feed", {
      params: { feed: FeedId },
      query: {
        platform: ReservationFacts.Platform,
        /** What the platform calls the listing. */
        listing: Schema.optionalKey(Schema.String.check(Schema.isBetweenLength(1, 64))),
        /** Where the property is: `Europe/Zagreb`. Only feeds that name times need it. */
        zone: Schema.optionalKey(Schema.TimeZoneFromString),
        /** A person insists: the feed really has lost most of its stays. */
        evenIfEmptied: Schema.optionalKey(Schema.Literal("true")),
      },
      payload: Schema.String.pipe(HttpApiSchema.asText({ contentType: "text/calendar" })),
      success: Schema.Struct({ ...HostBookings.Imported.fields, ...Enriched.fields }),
      error: Problems,
    }),
  )
  .middleware(Callers)
  .middleware(Refusals)
  .prefix("/api/calendars") {}

const ofBooking = { params: { id: Bookings.BookingId } }

export class HostsBookings extends HttpApiGroup.make("bookings")
  .add(
    HttpApiEndpoint.get("list", "/", { success: Schema.Array(HostBookings.Row), error: Problems }),
    /** By hand: no mail touches these fields again. */
    HttpApiEndpoint.patch("correct", "/:id", {
      ...ofBooking,
      payload: HostBookings.Correction,
      success: HostBookings.Row,
      error: Problems,
    }),
    /** What mails told it, with the values before and after. */
    HttpApiEndpoint.get("enrichments", "/:id/enrichments", {
      ...ofBooking,
      success: Schema.Array(Row),
      error: Problems,
    }),
  )
  .middleware(Callers)
  .middleware(Refusals)
  .prefix("/api/bookings") {}

export class Enrichments extends HttpApiGroup.make("enrichments")
  .add(
    /** Takes back what mails told bookings, except what a person has edited since. */
    HttpApiEndpoint.post("undo", "/undo", {
      payload: Schema.Struct({
        /** What was told from then on. */
        since: Schema.DateTimeUtcFromString,
        extractor: Schema.optionalKey(Schema.Natural),
        connection: Schema.optionalKey(Ids.ConnectionId),
        /** Only says what it would be. */
        dryRun: Schema.optionalKey(Schema.Boolean),
      }),
      success: Schema.Struct({
        enrichments: Schema.Array(
          Schema.Struct({ booking_id: Bookings.BookingId, fields: Schema.Array(Bookings.Field) }),
        ),
      }),
      error: Problems,
    }),
  )
  .middleware(Callers)
  .middleware(Refusals)
  .prefix("/api/enrichments") {}

export class EnrichmentReviews extends HttpApiGroup.make("enrichmentReviews")
  .add(
    /** Messages that no booking could be told from. */
    HttpApiEndpoint.get("list", "/", { success: Schema.Array(Row), error: Problems }),
    HttpApiEndpoint.post("answer", "/:id", {
      params: { id: Ids.ReviewId },
      payload: sent(
        Schema.Struct({
          /** The booking that it is about, or that it is about none. */
          booking: Schema.Union([Bookings.BookingId, Schema.Literal("none")]),
          /** The `asked` of the item that was looked at: refused if the candidates are others by now. */
          seen: Schema.optionalKey(
            Schema.Union([Schema.Natural, Schema.FiniteFromString.pipe(Schema.decodeTo(Schema.Natural))]),
          ),
        }),
      ),
      success: Enriched,
      error: Problems,
    }),
  )
  .middleware(Callers)
  .middleware(Refusals)
  .prefix("/api/enrichment-reviews") {}
