/** A page for people: the tenant's connections, what happened to each, and where to go next. */
import { ConnectionHistoryView, ConnectionsView, type Ids } from "@holdfast/domain"
import { Effect, type Schema } from "effect"

export interface Links {
  /** The simulated mailboxes that can be connected; none where Google is Google. */
  readonly mailboxes: ReadonlyArray<string>
  readonly label: string
}

export const page = Effect.fn("Page.page")(function* (tenantId: Ids.TenantId, links: Links) {
  const rows = yield* ConnectionsView.list(tenantId)
  const sections = yield* Effect.forEach(rows, (row) =>
    Effect.map(ConnectionHistoryView.of(tenantId, row.connection_id), (history) => section(row, history)),
  )
  return document(tenantId, sections, links)
})

const document = (tenantId: string, sections: ReadonlyArray<Html>, { label, mailboxes }: Links) =>
  html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>Connections of ${tenantId} – Holdfast</title>
        <style>
          body {
            font:
              16px/1.5 system-ui,
              sans-serif;
            margin: 2rem auto;
            max-width: 60rem;
            padding: 0 1rem;
            color: #1b1f24;
          }
          a {
            color: #0b57d0;
          }
          section {
            border: 1px solid #d5d9de;
            border-radius: 0.5rem;
            margin: 1.5rem 0;
            padding: 1rem 1.25rem;
          }
          h2 {
            font-size: 1.1rem;
            margin: 0;
          }
          table {
            border-collapse: collapse;
            font-size: 0.85rem;
            width: 100%;
          }
          td,
          th {
            border-top: 1px solid #e3e6ea;
            padding: 0.3rem 1rem 0.3rem 0;
            text-align: left;
            vertical-align: top;
          }
          time,
          th,
          .event {
            white-space: nowrap;
          }
          .event {
            font-weight: 600;
          }
          .more {
            overflow-wrap: anywhere;
          }
          .quiet {
            color: #59636e;
          }
          .status {
            border-radius: 1rem;
            font-size: 0.85rem;
            font-weight: 400;
            padding: 0.1rem 0.6rem;
            background: #e3e6ea;
          }
          .active {
            background: #cdebd2;
          }
          .needs_reauth {
            background: #ffd9c2;
          }
        </style>
      </head>
      <body>
        <h1>Connections of ${tenantId}</h1>
        <p>
          Connect a mailbox:
          ${join([
            html`<a href="/api/gmail/start?label=${encodeURIComponent(label)}">on the consent page</a>`,
            ...mailboxes.map(
              (mailbox) =>
                html`<a
                  href="/api/gmail/start?label=${encodeURIComponent(label)}&simulate=${encodeURIComponent(mailbox)}"
                  >at once, as ${mailbox}</a
                >`,
            ),
          ])}
        </p>
        <p>
          For programs:
          ${join([
            html`<a href="/api/connections">connections</a>`,
            html`<a href="/api/changes?after=0">changes</a>`,
            html`<a href="/openapi.json">OpenAPI</a>`,
          ])}
        </p>
        ${sections.length === 0 ? html`<p>Nothing is connected yet.</p>` : { html: sections.map(({ html }) => html).join("") }}
      </body>
    </html> `

const section = (row: ConnectionsView.Row, history: ReadonlyArray<ConnectionHistoryView.Row>) =>
  html`<section id="${row.connection_id}">
    <h2>${row.provider} of ${row.owner_id} <span class="status ${row.status}">${row.status}</span></h2>
    <p>
      ${row.items_synced} items fetched, looked at every ${row.poll_interval_seconds} s ·
      <a href="/api/connections/${row.connection_id}/messages">messages</a> ·
      <a href="/api/connections/${row.connection_id}/history">history</a><br />
      <code class="quiet">${row.connection_id}</code>
    </p>
    <table>
      <tr>
        <th>When (UTC)</th>
        <th>What</th>
        <th>By</th>
        <th>More</th>
      </tr>
      ${{ html: history.map((row) => line(row).html).join("") }}
    </table>
  </section>`

const line = (row: ConnectionHistoryView.Row) =>
  html`<tr>
    <td><time datetime="${row.at}">${row.at.slice(0, 19).replace("T", " ")}</time></td>
    <td class="event">${row.event_type}</td>
    <td>${row.actor_kind}${row.actor_id === null ? "" : ` ${row.actor_id}`}</td>
    <td class="more">
      ${join([
        ...(row.previous_connection_id === null
          ? []
          : [
              html`goes on from <a href="#${row.previous_connection_id}">${row.previous_connection_id}</a>`,
              html`<span class="quiet">confidence</span> ${row.confidence ?? ""}`,
            ]),
        ...Object.entries(row.detail).map(
          ([name, value]) =>
            html`<span class="quiet">${name}</span> ${typeof value === "string" ? value : said(value)}`,
        ),
      ])}
    </td>
  </tr>`

const said = (value: Schema.Json) => (Array.isArray(value) ? value.map(String).join(" ") : JSON.stringify(value))

/** Text that is markup already. Everything else is escaped where it is put in. */
interface Html {
  readonly html: string
}

const html = (parts: TemplateStringsArray, ...values: ReadonlyArray<Html | string | number>): Html => ({
  html: parts.map((part, index) => part + (index < values.length ? escaped(values[index] ?? "") : "")).join(""),
})

const escaped = (value: Html | string | number) =>
  typeof value === "object"
    ? value.html
    : String(value)
        .replaceAll("&", "&amp;")
        .replaceAll("<", "&lt;")
        .replaceAll(">", "&gt;")
        .replaceAll('"', "&quot;")
        .replaceAll("'", "&#39;")

const join = (parts: ReadonlyArray<Html>): Html => ({ html: parts.map(({ html }) => html).join(" · ") })
