/** The page on which a person says which label of a mailbox is watched, or which mailbox they meant. */
import { GmailConnect, GmailProvider, Labels } from "@holdfast/adapters-gmail"
import { ConnectionsView, Ids } from "@holdfast/domain"
import { Effect, Option, Result, Schema } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"

import { translated } from "./ApiErrors.ts"
import { button, html, together } from "./Html.ts"
import * as Layout from "./Layout.ts"
import * as Standing from "./Standing.ts"

/** What leaves something to choose, instead of failing. */
export type Choice = GmailConnect.LabelNotSettled | GmailConnect.MailboxMismatch

export const isChoice = (error: unknown): error is Choice => isNotSettled(error) || isMismatch(error)

/** Sends the browser to where it is chosen. */
export const redirect = (choice: Choice) => {
  const query = new URLSearchParams(
    choice._tag === "MailboxMismatch"
      ? { reconnects: choice.reconnects }
      : { problem: choice.reason._tag === "LabelConflict" ? choice.reason.conflict : choice.reason._tag },
  )
  return HttpServerResponse.redirect(`/mailboxes/${choice.connectionId}?${query.toString()}`, { status: 303 })
}

const isNotSettled = Schema.is(GmailConnect.LabelNotSettled)
const isMismatch = Schema.is(GmailConnect.MailboxMismatch)

/** `/mailboxes/<connection>`, for the tenant of the demonstration. */
export const layer = (tenantId: Ids.TenantId) =>
  HttpRouter.add(
    "GET",
    "/mailboxes/:id",
    Effect.gen(function* () {
      const id = decodeId((yield* HttpRouter.params)["id"])
      const row = Option.isNone(id) ? undefined : yield* ConnectionsView.get(tenantId, id.value)
      if (row?.provider !== GmailProvider.id) {
        return Layout.response(
          Layout.document(
            "Mailbox",
            html`<h1>There is no such mailbox</h1>
              ${Layout.back}`,
          ),
          404,
        )
      }
      const { url } = yield* HttpServerRequest.HttpServerRequest
      const query = new URL(url, "http://localhost").searchParams
      const standing = yield* Standing.of(tenantId, row)
      if (standing.waits_for === "mailbox") {
        return Layout.response(Layout.document("Which mailbox?", offered(row, query.get("reconnects"))))
      }
      const labels = yield* Effect.result(
        translated(GmailConnect.labels({ tenantId, ownerId: row.owner_id }, row.connection_id)),
      )
      return Layout.response(
        Layout.document(
          "Which label?",
          html`<h1>Which label is watched?</h1>
            ${query.has("problem") ? html`<p><span class="warning">${said(query.get("problem"), standing)}</span></p>` : ""}
            ${
              Result.isFailure(labels)
                ? html`<p>The labels cannot be had now: ${labels.failure.message}.</p>`
                : choices(row, labels.success)
            }
            ${Layout.back}`,
        ),
      )
    }),
  )

const offered = ({ connection_id: id }: ConnectionsView.Row, reconnects: string | null) =>
  html`<h1>Which mailbox is meant?</h1>
    <p>Consent was given for another mailbox than the connected one. That one is left as it was.</p>
    <div class="actions">${button(`/api/connections/${id}/connect-as-new`, "Connect it as a mailbox of its own")}</div>
    <p>
      ${
        reconnects === null
          ? ""
          : html`<a href="/api/gmail/start?reconnects=${encodeURIComponent(reconnects)}"
              >Consent again, for the connected mailbox</a
            >`
      }
    </p>
    ${Layout.back}`

type Choices = Effect.Success<ReturnType<typeof GmailConnect.labels>>

const choices = (row: ConnectionsView.Row, labels: Choices) => {
  const own = labels.filter(({ type }) => type === "user")
  const googles = labels.filter(({ type }) => type === "system")
  return html`<section>
      ${own.length === 0 ? html`<p>The mailbox has no labels of its own.</p>` : choice(row, own)}
    </section>
    <details>
      <summary>Google's own</summary>
      ${choice(row, googles)}
    </details>`
}

const choice = ({ connection_id: id, settings, status }: ConnectionsView.Row, labels: Choices) =>
  html`<table>
    ${together(
      labels.map(
        ({ id: labelId, name }) =>
          html`<tr>
            <td>${name}</td>
            <td>
              ${
                labelId === settings[Labels.idSetting] && status !== "pending"
                  ? "is watched"
                  : button(`/api/connections/${id}/label`, "Watch this one", { label: name })
              }
            </td>
          </tr>`,
      ),
    )}
  </table>`

const said = (problem: string | null, { label, waits_for }: Standing.Standing) => {
  switch (problem) {
    case "LabelNotFound":
      // The watched one is there: it was another one that was asked for.
      if (label !== null && waits_for === null) {
        return `The mailbox has no label of that name. “${label}” is watched as before.`
      }
      return `The mailbox has no label ${label === null ? "of this name" : `“${label}”`}.`
    case "LabelRefused":
      return "Mail there is not received, or not kept."
    case "held":
      return "Another owner's connection watches this label."
    case "recreated":
      return `The label was deleted, and another one is called ${label === null ? "like it" : `“${label}”`} now. Choose it if it is meant.`
    default:
      return "Nothing is fetched until a label is chosen."
  }
}

const decodeId = Schema.decodeUnknownOption(Ids.ConnectionId)
