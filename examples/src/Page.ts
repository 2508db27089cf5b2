/** A page for people: the tenant's connections, what happened to each, and where to go next. */
import { ConnectionHistoryView, ConnectionsView, type Ids } from "@holdfast/domain"
import { Effect } from "effect"

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
          h2 {
            font-size: 1.1rem;
            margin: 2rem 0 0.25rem;
          }
          table {
            border-collapse: collapse;
            width: 100%;
          }
          td,
          th {
            text-align: left;
            padding: 0.2rem 0.75rem 0.2rem 0;
            vertical-align: top;
            border-bottom: 1px solid #e3e6ea;
          }
          code,
          td {
            font-size: 0.85rem;
          }
          .status {
            border-radius: 1rem;
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
          Connect:
          ${join([
            html`<a href="/api/gmail/start?label=${encodeURIComponent(label)}">a mailbox, as a person</a>`,
            ...mailboxes.map(
              (mailbox) =>
                html`<a
                  href="/api/gmail/start?label=${encodeURIComponent(label)}&simulate=${encodeURIComponent(mailbox)}"
                  >${mailbox}</a
                >`,
            ),
          ])}
        </p>
        <p>
          Machine-readable:
          ${join([
            html`<a href="/api/connections">connections</a>`,
            html`<a href="/api/changes">changes</a>`,
            html`<a href="/openapi.json">OpenAPI</a>`,
          ])}
        </p>
        ${sections.length === 0 ? html`<p>Nothing is connected yet.</p>` : { html: sections.map(({ html }) => html).join("") }}
      </body>
    </html> `

const section = (row: ConnectionsView.Row, history: ReadonlyArray<ConnectionHistoryView.Row>) => html`
  <h2>${row.provider} of ${row.owner_id} <span class="status ${row.status}">${row.status}</span></h2>
  <p>
    <code>${row.connection_id}</code>, ${row.items_synced} items, looked at every ${row.poll_interval_seconds} s ·
    <a href="/api/connections/${row.connection_id}/messages">messages</a> ·
    <a href="/api/connections/${row.connection_id}/history">history</a>
  </p>
  <table>
    <tr>
      <th>When</th>
      <th>What</th>
      <th>By</th>
      <th>More</th>
    </tr>
    ${{
      html: history
        .map(
          ({ actor_id, actor_kind, at, confidence, detail, event_type, previous_connection_id }) =>
            html`<tr>
              <td>${at}</td>
              <td>${event_type}</td>
              <td>${actor_kind}${actor_id === null ? "" : ` ${actor_id}`}</td>
              <td>
                ${previous_connection_id === null ? "" : `goes on from ${previous_connection_id} (${confidence}) `}<code
                  >${JSON.stringify(detail)}</code
                >
              </td>
            </tr> `.html,
        )
        .join(""),
    }}
  </table>
`

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
