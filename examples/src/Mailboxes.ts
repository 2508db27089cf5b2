/** A mailbox is looked at, and the bookings learn from what came. */
import * as ReservationMail from "@holdfast/adapters-gmail/extraction/ReservationMail"
import { Enrichment, type Ids, type Provider, ReservationFactsView, Sync } from "@holdfast/domain"
import { Effect } from "effect"

import { type Enriched } from "./ReservationApi.ts"

/** What the mails of all mailboxes say of reservations. */
export const Facts = ReservationFactsView.make({ gmail: ReservationMail.extractor })

/** Both, one after the other. What cannot be learnt now is learnt after the next look. */
export const look = Effect.fn("Mailboxes.look")(function* (
  gmail: Provider.Provider,
  tenantId: Ids.TenantId,
  connectionId: Ids.ConnectionId,
) {
  const synced = yield* Sync.run(gmail, tenantId, connectionId)
  const enriched = yield* Enrichment.run(tenantId).pipe(
    Effect.catchTags({
      EnrichmentDelayed: notNow,
      BookingsUnavailable: notNow,
      SyncDisabled: notNow,
    }),
  )
  return { synced, enriched }
})

const nothing: Enrichment.Report = { factsConsidered: 0, bookingsEnriched: 0, reviewsOpened: 0, reviewsClosed: 0 }

const notNow = ({ _tag }: { readonly _tag: string }) =>
  Effect.as(Effect.logWarning(`The bookings learn nothing now: ${_tag}`), nothing)

/** In the API's words. */
export const told = (report: Enrichment.Report): Enriched => ({
  facts_considered: report.factsConsidered,
  bookings_enriched: report.bookingsEnriched,
  reviews_opened: report.reviewsOpened,
  reviews_closed: report.reviewsClosed,
})
