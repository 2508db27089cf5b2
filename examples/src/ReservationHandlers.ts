/** Calendars, the bookings that come from them, what mails told these, and what people say of it. */
import { Enrichment, EnrichmentReviewsView, EnrichmentsView } from "@holdfast/domain"
import { DateTime, Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"

import { orPage, settled } from "./Answers.ts"
import { Api } from "./Api.ts"
import { Caller } from "./ApiCommon.ts"
import { translated } from "./ApiErrors.ts"
import { HostBookings } from "./HostBookings.ts"
import { told } from "./Mailboxes.ts"

export const calendars = HttpApiBuilder.group(
  Api,
  "calendars",
  Effect.fnUntraced(function* (handlers) {
    const bookings = yield* HostBookings

    return handlers.handleAll({
      import: Effect.fnUntraced(function* ({ params, payload, query: { evenIfEmptied, listing, platform, zone } }) {
        const { tenantId } = yield* Caller
        const feed = { feed: params.feed, platform, listing: listing ?? null, zone: zone ?? utc }
        const { changed, ...imported } = yield* bookings.importFeed(tenantId, feed, payload, {
          evenIfEmptied: evenIfEmptied !== undefined,
        })
        const report = yield* Enrichment.bookingsChanged(tenantId, changed)
        yield* settled(EnrichmentsView, EnrichmentReviewsView)
        return { ...imported, ...told(report) }
      }, translated),
    })
  }),
)

const utc = DateTime.zoneMakeNamedUnsafe("UTC")

export const hostsBookings = HttpApiBuilder.group(
  Api,
  "bookings",
  Effect.fnUntraced(function* (handlers) {
    const bookings = yield* HostBookings

    return handlers.handleAll({
      list: Effect.fnUntraced(function* () {
        const { tenantId } = yield* Caller
        return yield* bookings.list(tenantId)
      }, translated),

      correct: Effect.fnUntraced(function* ({ params, payload }) {
        const { tenantId } = yield* Caller
        const row = yield* bookings.correct(tenantId, params.id, payload)
        yield* Enrichment.bookingsChanged(tenantId, [params.id])
        return row
      }, translated),

      enrichments: Effect.fnUntraced(function* ({ params }) {
        const { tenantId } = yield* Caller
        return yield* EnrichmentsView.ofBooking(tenantId, params.id)
      }, translated),
    })
  }),
)

export const enrichments = HttpApiBuilder.group(Api, "enrichments", (handlers) =>
  handlers.handle(
    "undo",
    Effect.fnUntraced(function* ({ payload }) {
      const { ownerId, tenantId } = yield* Caller
      const undone = yield* Enrichment.undo({ ...payload, tenantId, actor: { kind: "owner", id: ownerId } })
      if (payload.dryRun !== true) yield* Enrichment.settle(tenantId)
      yield* settled(EnrichmentsView, EnrichmentReviewsView)
      return {
        enrichments: undone.map(({ bookingId, enrichment }) => ({ booking_id: bookingId, fields: enrichment.fields })),
      }
    }, translated),
  ),
)

export const enrichmentReviews = HttpApiBuilder.group(Api, "enrichmentReviews", (handlers) =>
  handlers.handleAll({
    list: Effect.fnUntraced(function* () {
      const { tenantId } = yield* Caller
      return yield* EnrichmentReviewsView.open(tenantId)
    }, translated),

    answer: Effect.fnUntraced(function* ({ params, payload: { booking, seen }, request }) {
      const { ownerId, tenantId } = yield* Caller
      const report = yield* Enrichment.resolve(tenantId, params.id, booking, {
        actor: { kind: "owner", id: ownerId },
        seen,
      })
      yield* settled(EnrichmentsView, EnrichmentReviewsView)
      return orPage(request, told(report))
    }, translated),
  }),
)
