/** A page for people: the tenant's connections and accounts, what somebody has to answer, and where to go next. */
import { AccountsView, ConnectionHistoryView, ConnectionsView, type Ids, ReviewsView } from "@holdfast/domain"
import { Effect, type Schema } from "effect"

import { question } from "./BankHandlers.ts"
import { off } from "./ControlsHandlers.ts"
import { attribute, button, escaped, html, type Html, join, together } from "./Html.ts"
import * as Layout from "./Layout.ts"
import * as Standing from "./Standing.ts"
import * as StaysSection from "./StaysSection.ts"
import * as Story from "./Story.ts"

export interface Links {
  /** The simulated mailboxes that can be connected; none where Google is Google. */
  readonly mailboxes: ReadonlyArray<string>
  readonly label: string
  /** The logins at simulated banks; none where Plaid is Plaid. */
  readonly logins: ReadonlyArray<string>
}

export const page = Effect.fn("Page.page")(function* (tenantId: Ids.TenantId, links: Links) {
  const rows = yield* ConnectionsView.list(tenantId)
  const accounts = yield* AccountsView.list(tenantId)
  const told = yield* Effect.forEach(rows, (row) =>
    Effect.gen(function* () {
      const standing = isOver(row) ? undefined : yield* Standing.of(tenantId, row)
      const history = yield* ConnectionHistoryView.of(tenantId, row.connection_id)
      return { row, standing, history, ...(yield* Story.of(tenantId, row.connection_id)) }
    }),
  )
  const questions = yield* Effect.forEach(yield* ReviewsView.open(tenantId), (row) => question(tenantId, row))
  const stays = yield* StaysSection.of(tenantId, { canImport: links.mailboxes.length > 0 })
  const sections = [
    ...switchedOff(yield* off(tenantId)),
    ...(questions.length === 0 ? [] : [asked(questions, accounts)]),
    ...stays.questions,
    // What was begun and never consented to is nothing to look at.
    ...told
      .filter(({ row, standing }) => row.connected_at !== null || isWaiting(standing))
      .toSorted(newestFirst)
      .map((one) => section(one, accounts)),
    ...(accounts.length === 0
      ? []
      : [
          held(
            accounts,
            told.flatMap(({ decisions }) => decisions),
          ),
        ]),
    ...stays.tables,
    emergency,
  ]
  return Layout.document(`Connections of ${tenantId}`, content(tenantId, links, sections, rows.length === 0))
})

const content = (
  tenantId: string,
  { label, logins, mailboxes }: Links,
  sections: ReadonlyArray<Html>,
  isNew: boolean,
) =>
  html`<h1>Connections of ${tenantId}</h1>
    <p>
      Connect a mailbox:
      ${join([
        html`<a href="/api/gmail/start">choose its label afterwards</a>`,
        ...mailboxes.map(
          (mailbox) =>
            html`<a href="/api/gmail/start?label=${encodeURIComponent(label)}&simulate=${encodeURIComponent(mailbox)}"
              >${label}, at once, as ${mailbox}</a
            >`,
        ),
      ])}
    </p>
    <p>
      Connect a bank:
      ${join([
        html`<a href="/api/plaid/start">on the bank's page</a>`,
        ...logins.map(
          (login) => html`<a href="/api/plaid/start?simulate=${encodeURIComponent(login)}">at once, as ${login}</a>`,
        ),
      ])}
    </p>
    <p>
      For programs:
      ${join([
        html`<a href="/api/connections">connections</a>`,
        html`<a href="/api/accounts">accounts</a>`,
        html`<a href="/api/reviews">questions</a>`,
        html`<a href="/api/bookings">bookings</a>`,
        html`<a href="/api/changes?after=0">changes</a>`,
        html`<a href="/openapi.json">OpenAPI</a>`,
      ])}
    </p>
    ${isNew ? html`<p>Nothing is connected yet.</p>` : ""} ${together(sections)}`

interface Told extends Effect.Success<ReturnType<typeof Story.of>> {
  readonly row: ConnectionsView.Row
  /** None of what is over. */
  readonly standing: Standing.Standing | undefined
  readonly history: ReadonlyArray<ConnectionHistoryView.Row>
}

/** Those in use before those that are over. */
const newestFirst = ({ row: a }: Told, { row: b }: Told) =>
  Number(isOver(a)) - Number(isOver(b)) || (b.connected_at ?? "").localeCompare(a.connected_at ?? "")

const isOver = ({ status }: ConnectionsView.Row) => status === "superseded" || status === "disconnected"

/** What it is for, as people call it. */
const titleOf = ({ connection_id, provider }: ConnectionsView.Row, accounts: ReadonlyArray<AccountsView.Row>) =>
  accounts.find(({ feeds }) => feeds.some(({ connectionId }) => connectionId === connection_id))?.institution ??
  provider

const section = ({ history, reconnection, row, standing }: Told, accounts: ReadonlyArray<AccountsView.Row>) =>
  html`<section id="${row.connection_id}">
    <h2>
      ${titleOf(row, accounts)} of ${row.owner_id} <span class="status ${row.status}">${row.status}</span>
      ${
        row.reconnection_confidence === null || (reconnection?.accounts === 0 && reconnection.undone !== undefined)
          ? ""
          : html`<span class="status ${row.reconnection_confidence}"
              >Reconnected (${row.reconnection_confidence})</span
            >`
      }
    </h2>
    ${reconnection === undefined || reconnection.summary === "" ? "" : html`<p class="kept">${summaryOf(reconnection)}</p>`}
    ${standing === undefined ? "" : together(standingOf(standing).map((line) => html`<p>${line}</p>`))}
    ${row.status === "pending" ? "" : visited(row)} ${actions(row)}
    ${row.status === "pending" ? "" : happened(row, history)}
  </section>`

const visited = (row: ConnectionsView.Row) =>
  html`<p>
    ${fetched(row)} ·
    ${join([...links(row), html`<a href="/api/connections/${row.connection_id}/history">history</a>`])}<br />
    <code class="quiet">${row.connection_id}</code>
  </p>`

/** The page stands still: whoever has just connected is told to look again. */
const fetched = ({ items_synced, last_synced_at, poll_interval_seconds, provider, status }: ConnectionsView.Row) => {
  if (status !== "active") return `${Story.counted(items_synced, "item")} fetched`
  return last_synced_at === null && provider !== "google-calendar"
    ? "Being fetched for the first time: reload this page in a moment"
    : `${Story.counted(items_synced, "item")} fetched, looked at every ${poll_interval_seconds} s`
}

const links = ({ connection_id: id, provider }: ConnectionsView.Row): ReadonlyArray<Html> => {
  switch (provider) {
    case "plaid":
      return [
        html`<a href="/api/accounts?connection=${id}">accounts</a>`,
        html`<a href="/api/connections/${id}/decisions">decisions</a>`,
      ]
    case "gmail":
      return [
        html`<a href="/api/connections/${id}/messages">messages</a>`,
        html`<a href="/api/connections/${id}/facts">facts</a>`,
      ]
    default:
      return []
  }
}

const happened = (row: ConnectionsView.Row, history: ReadonlyArray<ConnectionHistoryView.Row>) =>
  html`<details ${isOver(row) || history.length > shownAtOnce ? "" : attribute("open")}>
    <summary>${Story.counted(history.length, "event")}</summary>
    <table>
      <tr>
        <th>When (UTC)</th>
        <th>What</th>
        <th>By</th>
        <th>More</th>
      </tr>
      ${together(history.map(line))}
    </table>
  </details>`

const isWaiting = (standing: Standing.Standing | undefined) =>
  standing?.waits_for === "label" || standing?.waits_for === "mailbox"

/** A longer history is opened by whoever wants to see it. */
const shownAtOnce = 8

/** What is worth knowing of a connection, and what a person can do about it. */
const standingOf = (standing: Standing.Standing): ReadonlyArray<Html> => {
  const { deferred, disabled, drift, retry_at, sync_failure, waits_for } = standing
  return [
    ...needed(standing),
    ...(disabled === null ? [] : [warning(`Switched off: ${disabled}`)]),
    ...(sync_failure === null || waits_for === "label"
      ? []
      : [
          html`The last look failed (${sync_failure})${retry_at === null ? "" : `, the next one is after ${retry_at}`}.`,
        ]),
    ...(deferred === 0
      ? []
      : [html`${Story.counted(deferred, "item")} could not be had yet, and will be asked for again.`]),
    ...(drift === null ? [] : [html`The provider counts ${drift.items} more than are known (${drift.verdict}).`]),
  ]
}

/** What it waits for, and otherwise what it watches. */
const needed = ({ connection_id: id, failure, label, waits_for }: Standing.Standing): ReadonlyArray<Html> => {
  const page = `/mailboxes/${id}`
  switch (waits_for) {
    case "mailbox":
      return [html`${warning("Consent was given for another mailbox.")} <a href="${page}">Say what is meant</a>`]
    case "label":
      return [
        html`${warning(`It waits for its label${label === null ? "" : ` (${label})`}.`)}
          <a href="${page}">Choose one</a>`,
      ]
    case "consent":
      return [warning(`Its owner has to consent again${failure === null ? "" : ` (${failure})`}.`)]
    case null:
      return label === null
        ? []
        : [html`Watches <strong>${label}</strong> · <a href="${page}">choose another label</a>`]
  }
}

const warning = (text: string) => html`<span class="warning">${text}</span>`

const switchedOff = (scopes: ReadonlyArray<string>) =>
  scopes.length === 0
    ? []
    : [
        html`<section class="question" id="controls">
          <h2>Switched off</h2>
          <p>Nothing is lost: what is left undone is done afterwards.</p>
          <div class="actions">
            ${join(scopes.map((scope) => button("/api/controls", `Switch ${scope} on again`, { scope, enabled: "true" })))}
          </div>
        </section>`,
      ]

const emergency = html`<details id="emergency">
  <summary>In an emergency</summary>
  <div class="actions">
    ${join(
      [
        ["enrichment", "Let bookings learn nothing"],
        ["provider:gmail", "Leave the mailboxes alone"],
        ["all", "Stop everything"],
      ].map(([scope = "", label = ""]) => button("/api/controls", label, { scope, enabled: "false" })),
    )}
  </div>
</details>`

const summaryOf = ({ accounts, callsSaved, confidence, kept, resumedFrom, undone = 0 }: Story.Reconnected) =>
  [
    ...(accounts === 0
      ? []
      : [
          `Linked to ${Story.counted(accounts, "account")} that ${accounts === 1 ? "was" : "were"} held (${confidence} confidence), with ${Story.counted(kept, "transaction")} kept.`,
        ]),
    ...(undone === 0
      ? []
      : [`${Story.counted(undone, "link")} to what was held ${undone === 1 ? "was" : "were"} undone.`]),
    ...(resumedFrom === null ? [] : [`The sync resumed from ${resumedFrom}.`]),
    ...(callsSaved === 0 ? [] : [`${Story.counted(callsSaved, "call")} saved.`]),
  ].join(" ")

const actions = ({ connection_id: id, provider, status }: ConnectionsView.Row) => {
  const isBank = provider === "plaid"
  const needsOwner = status === "needs_reauth"
  const buttons = [
    ...(provider === "gmail" && needsOwner ? [html`<a href="/api/gmail/start?reconnects=${id}">reconnect</a>`] : []),
    ...(status === "active" && provider !== "google-calendar"
      ? [button(`/api/connections/${id}/sync`, "Sync now")]
      : []),
    ...(isBank && (status === "active" || needsOwner)
      ? [
          html`<a href="/api/plaid/start?repairs=${id}">log in again</a>`,
          html`<a href="/api/plaid/start?reconnects=${id}">connect it anew</a>`,
        ]
      : []),
    ...(status === "active" || needsOwner || status === "paused"
      ? [button(`/api/connections/${id}/disconnect`, "Disconnect")]
      : []),
    ...(status === "pending" ? [button(`/api/connections/${id}/disconnect`, "Never mind")] : []),
  ]
  return buttons.length === 0 ? "" : html`<div class="actions">${join(buttons)}</div>`
}

type Question = Effect.Success<ReturnType<typeof question>>

const asked = (questions: ReadonlyArray<Question>, accounts: ReadonlyArray<AccountsView.Row>) =>
  html`<section class="question" id="questions">
    <h2>Which account is it?</h2>
    ${together(
      questions.map(
        ({ account, candidates, explanation, level, review_id }) =>
          html`<p>
              <strong>${faceOf(account)}</strong> came with a new connection, and may be one that is held
              <span class="status ${level}">${level}</span>. Nothing moves until somebody answers.
            </p>
            <div class="actions">
              ${join([
                ...candidates.map(({ accountId }) => {
                  const row = accounts.find(({ account_id }) => account_id === accountId)
                  const label =
                    row === undefined ? String(accountId) : `${nameOf(row)}, ${Story.counted(row.items, "transaction")}`
                  return html`${button(`/api/reviews/${review_id}`, `It is ${label}`, { answer: String(accountId) })}
                    <code class="quiet">${String(accountId).slice(-6)}</code>`
                }),
                button(`/api/reviews/${review_id}`, "It is another account", { answer: "another" }),
              ])}
            </div>
            ${reasons(explanation, accounts, "Why this is not sure")}`,
      ),
    )}
  </section>`

const held = (accounts: ReadonlyArray<AccountsView.Row>, decisions: ReadonlyArray<Story.Decided>) =>
  html`<section id="accounts">
    <h2>Accounts</h2>
    <table>
      <tr>
        <th>Account</th>
        <th class="number">Items</th>
        <th>Held from – to</th>
        <th>Linked by</th>
        <th></th>
      </tr>
      ${together(accounts.map((row) => accountLine(row, accounts, decisions)))}
    </table>
  </section>`

const accountLine = (
  row: AccountsView.Row,
  accounts: ReadonlyArray<AccountsView.Row>,
  decisions: ReadonlyArray<Story.Decided>,
) => {
  const id = row.account_id
  const into = accounts.find(({ account_id }) => account_id === row.merged_into)
  const others = accounts.filter(
    (other) => other.provider === row.provider && other.account_id !== id && other.status === "open",
  )
  return html`<tr id="${id}">
    <td>
      ${nameOf(row)}<br /><span class="quiet">${row.institution ?? row.provider}</span><br /><code class="quiet"
        >${id.slice(-6)}</code
      >
    </td>
    <td class="number"><a href="/api/accounts/${id}/transactions">${row.items}</a></td>
    <td>${row.covered_from === null ? "" : `${row.covered_from} – ${row.covered_to ?? ""}`}</td>
    <td class="more">
      ${
        into === undefined
          ? together(
              row.feeds.map((feed) => {
                // A link that was undone has left its decision behind.
                const decision = decisions.find(({ accountId, feedId }) => accountId === id && feedId === feed.feedId)
                return html`<div>
                  <a href="#${feed.connectionId}">${feed.connectionId.slice(0, 8)}</a>
                  <span class="status ${feed.confidence}">${feed.confidence}</span>
                  ${
                    row.feeds.length > 1
                      ? button(`/api/accounts/${id}/feeds/${feed.feedId}/undo`, "Undo this link")
                      : ""
                  }
                  ${reasons(decision?.explanation ?? feed.evidence, accounts, "Evidence")}
                </div>`
              }),
            )
          : html`part of <a href="#${into.account_id}">${nameOf(into)}</a>`
      }
    </td>
    <td>
      ${into === undefined ? "" : button(`/api/accounts/${into.account_id}/unmerge`, "Take apart again", { account: id })}
      ${
        into !== undefined || row.provider !== "plaid" || others.length === 0
          ? ""
          : html`<form method="post" action="/api/accounts/${id}/merge">
              <select name="account" aria-label="Account">
                ${together(
                  others.map(
                    (other) =>
                      html`<option value="${other.account_id}">
                        ${nameOf(other)} (${other.account_id.slice(-6)})
                      </option>`,
                  ),
                )}
              </select>
              <button>is the same</button>
            </form>`
      }
    </td>
  </tr>`
}

/** Why, with accounts called as people call them. */
const reasons = (lines: ReadonlyArray<string>, accounts: ReadonlyArray<AccountsView.Row>, title: string) => {
  if (lines.length === 0) return ""
  const text = accounts.reduce(
    (text, row) => text.replaceAll(row.account_id, `${nameOf(row)} (${row.account_id.slice(-6)})`),
    lines.join("\n"),
  )
  return html`<details>
    <summary>${title}</summary>
    ${{ html: `<pre>${escaped(text)}</pre>` }}
  </details>`
}

const nameOf = ({ mask, name, provider }: AccountsView.Row) => faceOf({ name: name ?? `account at ${provider}`, mask })

const faceOf = ({ mask, name }: { readonly mask?: string | null | undefined; readonly name?: string | undefined }) =>
  `${name ?? "An account"}${mask === undefined || mask === null ? "" : ` ••${mask}`}`

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
        ...Object.entries(row.detail)
          .filter(([, value]) => !Array.isArray(value) || value.length > 0)
          .map(
            ([name, value]) =>
              html`<span class="quiet">${name}</span> ${typeof value === "string" ? value : said(value)}`,
          ),
      ])}
    </td>
  </tr>`

/** Short values as they are; of what is told elsewhere on the page, how much there is of it. */
const said = (value: Schema.Json) =>
  Array.isArray(value)
    ? value.some((one) => typeof one === "object")
      ? String(value.length)
      : value.map(String).join(" ")
    : JSON.stringify(value)
