/** What a person says of the label that a mailbox's connection watches. */
import { GmailConnect, GmailProvider, Labels } from "@holdfast/adapters-gmail"
import { ConnectionHistoryView, ConnectionsView, type Ids } from "@holdfast/domain"
import { Effect } from "effect"
import type { HttpServerRequest, HttpServerResponse } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"

import { connectionRow, isPerson, orPage, settled } from "./Answers.ts"
import { Api } from "./Api.ts"
import { Caller } from "./ApiCommon.ts"
import { conflict, translated } from "./ApiErrors.ts"
import * as MailboxPage from "./MailboxPage.ts"

export const mailboxes = HttpApiBuilder.group(Api, "mailboxes", (handlers) =>
  handlers.handleAll({
    labels: Effect.fnUntraced(function* ({ params }) {
      const caller = yield* Caller
      const { settings } = yield* mailboxRow(params.id)
      const labels = yield* GmailConnect.labels(caller, params.id)
      return labels.map(({ id, name }) => ({ id, name, watched: id === settings[Labels.idSetting] }))
    }, translated),

    choose: ({ params, payload, request }) =>
      settling(params.id, request, (caller) => GmailConnect.chooseLabel(caller, params.id, payload.label)),

    confirm: ({ params, request }) =>
      settling(params.id, request, (caller) => GmailConnect.confirmLabel(caller, params.id)),

    verify: ({ params, request }) =>
      settling(params.id, request, (caller) => GmailConnect.verifyLabel(caller, params.id)),

    connectAsNew: Effect.fnUntraced(function* ({ params, request }) {
      const caller = yield* Caller
      yield* mailboxRow(params.id)
      const registered = yield* GmailConnect.connectAsNew({ ...caller, id: caller.session }, params.id).pipe(
        Effect.ensuring(settled(ConnectionsView, ConnectionHistoryView)),
        orChoice(request),
      )
      return orPage(request, registered)
    }, translated),
  }),
)

/**
 * Where a consent leaves something to choose, a person gets the page on which they choose it. Programs get the error.
 */
export const orChoice =
  (request: HttpServerRequest.HttpServerRequest) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.catch(effect, (error): Effect.Effect<HttpServerResponse.HttpServerResponse, E> =>
      MailboxPage.isChoice(error) && isPerson(request.headers)
        ? Effect.succeed(MailboxPage.redirect(error))
        : Effect.fail(error),
    )

/** Does something about the label of a connection, and answers with what it watches then. */
const settling = <E extends { readonly _tag: string }, R>(
  id: Ids.ConnectionId,
  request: HttpServerRequest.HttpServerRequest,
  act: (caller: Caller["Service"]) => Effect.Effect<{ readonly id: string; readonly name: string }, E, R>,
) =>
  Effect.gen(function* () {
    yield* mailboxRow(id)
    const label = yield* act(yield* Caller)
    yield* settled(ConnectionsView, ConnectionHistoryView)
    const { status } = yield* connectionRow(id)
    return orPage(request, { connectionId: id, status, label: { id: label.id, name: label.name } })
  }).pipe(orChoice(request), translated)

const mailboxRow = Effect.fnUntraced(function* (id: Ids.ConnectionId) {
  const row = yield* connectionRow(id)
  return row.provider === GmailProvider.id ? row : yield* conflict("NOT_READY", "Only a mailbox has labels")
})
