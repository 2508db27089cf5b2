/** What the handlers of all groups share: rows or 404, views that contain what was just written, pages for browsers. */
import { AccountsView, ConnectionsView, EventStore, type Ids, type Projection, ViewStore } from "@holdfast/domain"
import { Effect } from "effect"
import { type Headers, type HttpServerRequest, HttpServerResponse } from "effect/http"

import { Caller } from "./ApiCommon.ts"
import { notFound } from "./ApiErrors.ts"

export const connectionRow = Effect.fnUntraced(function* (id: Ids.ConnectionId) {
  const { tenantId } = yield* Caller
  return (yield* ConnectionsView.get(tenantId, id)) ?? (yield* notFound)
})

export const accountRow = Effect.fnUntraced(function* (id: Ids.AccountId) {
  const { tenantId } = yield* Caller
  return (yield* AccountsView.get(tenantId, id)) ?? (yield* notFound)
})

/**
 * Waits a moment for the views to contain what was just recorded, so that whoever asked reads what they wrote. It is
 * recorded whether or not they do by then.
 */
export const settled = (...views: ReadonlyArray<Pick<Projection.View, "name">>) =>
  Effect.gen(function* () {
    const head = yield* (yield* EventStore.EventLog).head
    const { awaitPosition } = yield* ViewStore.Views
    yield* Effect.forEach(views, (view) => awaitPosition(view, head, "2 seconds"), { concurrency: "unbounded" })
  }).pipe(Effect.ignore)

/**
 * Programs get the answer; a person who pressed a button gets the page that shows it, or the one that the answer already
 * leads to.
 */
export const orPage = <A>({ headers }: HttpServerRequest.HttpServerRequest, answer: A) =>
  isPerson(headers) && !HttpServerResponse.isHttpServerResponse(answer)
    ? HttpServerResponse.redirect("/", { status: 303 })
    : answer

/** Browsers ask for pages; programs do not. */
export const isPerson = (headers: Headers.Headers) => headers["accept"]?.includes("text/html") === true
