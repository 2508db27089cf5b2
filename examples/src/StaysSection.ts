/** The part of the page about stays: the bookings, what the mails say, and what nobody but a person can tell. */
import { EnrichmentReviewsView, type Ids, type ReservationFactsView, ViewStore } from "@holdfast/domain"
import { Effect } from "effect"

import { HostBookings, type Row } from "./HostBookings.ts"
import { button, html, type Html, join, together } from "./Html.ts"
import * as Mailboxes from "./Mailboxes.ts"

/** `canImport`: there are simulated calendars. */
export const of = Effect.fn("StaysSection.of")(function* (
  tenantId: Ids.TenantId,
  { canImport }: { readonly canImport: boolean },
) {
  const views = yield* ViewStore.Views
  const bookings = yield* (yield* HostBookings).list(tenantId)
  const facts = yield* views.query<ReservationFactsView.Row>(Mailboxes.Facts, tenantId, {
    orderBy: [["position", "desc"]],
    limit: 100,
  })
  const reviews = yield* EnrichmentReviewsView.open(tenantId)
  const isAsked = new Set(reviews.map(({ message_id }) => message_id))
  return {
    questions: reviews.length === 0 ? [] : [asked(reviews, facts, bookings)],
    tables: [
      ...(bookings.length === 0 && !canImport ? [] : [booked(bookings, canImport)]),
      ...(facts.length === 0 ? [] : [read(facts, isAsked)]),
    ],
  }
})

const asked = (
  reviews: ReadonlyArray<EnrichmentReviewsView.Row>,
  facts: ReadonlyArray<ReservationFactsView.Row>,
  bookings: ReadonlyArray<Row>,
) =>
  html`<section class="question" id="stays-questions">
    <h2>Which stay is it?</h2>
    ${together(
      reviews.map((review) => {
        const fact = facts.find(
          ({ account_id, message_id }) => account_id === review.account_id && message_id === review.message_id,
        )
        const candidates = bookings.filter(({ id }) => review.candidates.some((candidate) => candidate === id))
        return html`<p>
            A mail from ${fact?.platform ?? "somebody"} about <strong>${fact?.guest_name ?? "a guest"}</strong>,
            ${fact?.check_in ?? "?"} – ${fact?.check_out ?? "?"}
            <span class="status medium">${review.reason}</span>
            ${candidates.length === 0 ? "No calendar shows such a stay yet; when one does, it is told by itself." : ""}
          </p>
          <div class="actions">
            ${join([
              ...candidates.map((row) =>
                button(`/api/enrichment-reviews/${review.review_id}`, `It is ${stayOf(row)}`, {
                  booking: row.id,
                  seen: String(review.asked),
                }),
              ),
              button(`/api/enrichment-reviews/${review.review_id}`, "It is none of ours", {
                booking: "none",
                seen: String(review.asked),
              }),
            ])}
          </div>`
      }),
    )}
  </section>`

const stayOf = ({ check_in, check_out, source_feed_id }: Row) => `${source_feed_id}, ${check_in} – ${check_out}`

const booked = (bookings: ReadonlyArray<Row>, canImport: boolean): Html =>
  html`<section id="bookings">
    <h2>Bookings</h2>
    ${canImport ? html`<div class="actions">${button("/demo/calendars", "Import the simulated calendars")}</div>` : ""}
    ${
      bookings.length === 0
        ? html`<p>No calendar was imported yet.</p>`
        : html`<table>
            <tr>
              <th>Calendar</th>
              <th>Stay</th>
              <th>Guest</th>
              <th class="number">Guests</th>
              <th>Code</th>
              <th>Known by</th>
            </tr>
            ${together(bookings.map(bookingLine))}
          </table>`
    }
  </section>`

const bookingLine = (row: Row) =>
  html`<tr id="${row.id}">
    <td>${row.source_feed_id}<br /><span class="quiet">${row.platform}</span></td>
    <td>
      ${row.check_in} – ${row.check_out} ${row.status === "live" ? "" : html`<span class="status">${row.status}</span>`}
    </td>
    <td>${row.guest_name ?? html`<span class="quiet">${row.raw_data.summary}</span>`}</td>
    <td class="number">${row.guest_count ?? ""}</td>
    <td>${row.confirmation_code ?? ""}</td>
    <td>
      ${join([
        ...(row.raw_data.enrichment_reason === null
          ? []
          : [html`<a href="/api/bookings/${row.id}/enrichments">${row.raw_data.enrichment_reason}</a>`]),
        ...(row.edited.length === 0 ? [] : [html`edited by hand`]),
      ])}
    </td>
  </tr>`

const read = (facts: ReadonlyArray<ReservationFactsView.Row>, isAsked: ReadonlySet<string>) =>
  html`<section id="facts">
    <h2>What the mails say</h2>
    <table>
      <tr>
        <th>Received</th>
        <th>What</th>
        <th>Guest</th>
        <th>Stay</th>
        <th>Code</th>
        <th class="number">Sure</th>
        <th></th>
      </tr>
      ${together(
        facts.map(
          (fact) =>
            html`<tr>
              <td><time datetime="${fact.received_at}">${fact.received_at.slice(0, 16).replace("T", " ")}</time></td>
              <td>${fact.kind}<br /><span class="quiet">${fact.platform ?? ""}</span></td>
              <td>${fact.guest_name ?? ""}${fact.guest_count === null ? "" : ` (${fact.guest_count})`}</td>
              <td>${fact.check_in ?? ""}${fact.check_out === null ? "" : ` – ${fact.check_out}`}</td>
              <td>${fact.confirmation_code ?? ""}</td>
              <td class="number">${fact.confidence === 0 ? "" : fact.confidence.toFixed(2)}</td>
              <td class="more">
                ${fact.problem === null ? "" : html`<span class="status low">unreadable: ${fact.problem}</span>`}
                ${fact.decision === "none" ? "" : fact.decision} ${isAsked.has(fact.message_id) ? "asked" : ""}
                <span class="quiet">${fact.reasons.join(" ")}</span>
              </td>
            </tr>`,
        ),
      )}
    </table>
  </section>`
