/** Connections: their registration by the frontend, what they are, and what their owners say to them. */
import { GmailMessagesView, GmailProvider, GmailWatch } from "@holdfast/adapters-gmail"
import { PlaidConnect } from "@holdfast/adapters-plaid"
import {
  AccountsView,
  Aggregate,
  Connection,
  ConnectionHistoryView,
  ConnectionsView,
  EnrichmentReviewsView,
  EnrichmentsView,
  EventStore,
  type Ids,
  Nango,
  Registration,
  type ReservationFactsView,
  ReviewsView,
  Sync,
  Vault,
  ViewStore,
} from "@holdfast/domain"
import { DateTime, Effect, Option } from "effect"
import { HttpApiBuilder } from "effect/http-api"

import { connectionRow, orPage, settled } from "./Answers.ts"
import { Api } from "./Api.ts"
import { Caller } from "./ApiCommon.ts"
import { conflict, notFound, type Problem, syncProblem, translated, Unprocessable } from "./ApiErrors.ts"
import { Transactions } from "./Background.ts"
import * as Mailboxes from "./Mailboxes.ts"
import { Offer } from "./Offer.ts"
import { Pushes } from "./Pushes.ts"
import * as Standing from "./Standing.ts"
import * as Story from "./Story.ts"

export const connections = HttpApiBuilder.group(
  Api,
  "connections",
  Effect.fnUntraced(function* (handlers) {
    const { gmail, nango, plaid } = yield* Offer
    const announces = Option.isSome(yield* Pushes)

    return handlers.handleAll({
      register: Effect.fnUntraced(function* ({ payload }) {
        const { ownerId, tenantId } = yield* Caller
        const request: Registration.Request = {
          ...payload,
          tenantId,
          ownerId,
          door: "post",
          actor: { kind: "owner", id: ownerId },
        }
        if (payload.provider === gmail.id || payload.provider === plaid.id) yield* mustBeKnown(request)
        const registered = yield* Nango.claim(nango, request)
        yield* settled(ConnectionsView, ConnectionHistoryView)
        return registered
      }, translated),

      list: Effect.fnUntraced(function* ({ query: { owner, provider } }) {
        const { tenantId } = yield* Caller
        return yield* ConnectionsView.list(tenantId, {
          ...(owner !== undefined && { owner_id: owner }),
          ...(provider !== undefined && { provider }),
        })
      }, translated),

      active: Effect.fnUntraced(function* ({ query }) {
        const { ownerId, tenantId } = yield* Caller
        const [row] = yield* ConnectionsView.active(tenantId, ownerId, query.provider)
        return row ?? (yield* notFound)
      }, translated),

      get: Effect.fnUntraced(function* ({ params }) {
        return yield* told(params.id)
      }, translated),

      health: Effect.fnUntraced(function* ({ params }) {
        const { tenantId } = yield* Caller
        return yield* Standing.of(tenantId, yield* connectionRow(params.id))
      }, translated),

      history: Effect.fnUntraced(function* ({ params }) {
        const { tenantId } = yield* Caller
        const rows = yield* ConnectionHistoryView.of(tenantId, params.id)
        return rows.length === 0 ? yield* notFound : rows
      }, translated),

      decisions: Effect.fnUntraced(function* ({ params }) {
        const { tenantId } = yield* Caller
        yield* connectionRow(params.id)
        return (yield* Story.of(tenantId, params.id)).decisions
      }, translated),

      messages: Effect.fnUntraced(function* ({ params }) {
        const { tenantId } = yield* Caller
        const views = yield* ViewStore.Views
        const generations = yield* generationsOf(yield* connectionRow(params.id))
        const pages = yield* Effect.forEach(generations, (connection_id) =>
          views.query<GmailMessagesView.Row>(GmailMessagesView, tenantId, { where: { connection_id } }),
        )
        return pages.flat().toSorted((a, b) => a.position - b.position)
      }, translated),

      facts: Effect.fnUntraced(function* ({ params }) {
        const { tenantId } = yield* Caller
        const views = yield* ViewStore.Views
        const generations = yield* generationsOf(yield* connectionRow(params.id))
        return yield* views.query<ReservationFactsView.Row>(Mailboxes.Facts, tenantId, {
          where: { connection_id: generations },
          orderBy: [["position", "asc"]],
        })
      }, translated),

      sync: Effect.fnUntraced(function* ({ params, request }) {
        const { tenantId } = yield* Caller
        const { provider: id } = yield* connectionRow(params.id)
        const provider = [gmail, plaid].find((provider) => provider.id === id)
        if (provider === undefined) {
          return yield* conflict("NOT_READY", "This provider's connections are synced elsewhere")
        }
        const report = yield* (
          provider === gmail
            ? Effect.map(Mailboxes.look(gmail, tenantId, params.id), ({ enriched, synced }) => ({
                ...said(synced),
                units: synced.units,
                emails_scanned: synced.scanned,
                ...Mailboxes.told(enriched),
              }))
            : Effect.map(Sync.run(provider, tenantId, params.id), said)
        ).pipe(
          Effect.catchTag("SyncFailed", ({ reason }) => Effect.fail(syncProblem(reason))),
          Effect.ensuring(settled(...rowsOf(provider.id))),
        )
        return orPage(request, report)
      }, translated),

      change: ({ params, payload: { pollIntervalSeconds } }) =>
        tell(params.id, ({ ownerId, provider, settings, slot }, at) =>
          ownerId === undefined || provider === undefined
            ? undefined
            : {
                _tag: "Configure",
                at,
                ownerId,
                provider,
                settings: settings ?? {},
                pollIntervalSeconds,
                ...(slot !== undefined && { slot }),
              },
        ),

      pause: ({ params, payload }) => tell(params.id, (_, at) => ({ _tag: "Pause", at, ...payload })),

      disconnect: Effect.fnUntraced(function* ({ params, request }) {
        const { tenantId } = yield* Caller
        const row = yield* tell(params.id, (_, at) => ({ _tag: "Disconnect", at, reason: "owner" }))
        // An Item is paid for until it is removed. What fails now is done by the upkeep.
        if (row.provider === plaid.id) yield* Effect.ignore(PlaidConnect.release(tenantId, params.id))
        else {
          // With the credentials that are about to go. What is announced all the same ends by itself within a week.
          if (row.provider === gmail.id && announces) {
            yield* Effect.ignoreCause(GmailWatch.disarm(tenantId, params.id))
          }
          yield* (yield* Vault.Vault).remove(tenantId, params.id)
        }
        return orPage(request, row)
      }, translated),

      resume: Effect.fnUntraced(function* ({ params, payload }) {
        const { ownerId, tenantId } = yield* Caller
        yield* connectionRow(params.id)
        yield* Registration.activate(tenantId, params.id, { actor: { kind: "owner", id: ownerId }, ...payload })
        yield* settled(ConnectionsView, ConnectionHistoryView)
        return yield* connectionRow(params.id)
      }, translated),
    })
  }),
)

/** A connection as its row has it, and what it kept and saved where it goes on from another one. */
const told = Effect.fnUntraced(function* (id: Ids.ConnectionId) {
  const { tenantId } = yield* Caller
  const row = yield* connectionRow(id)
  if (!row.is_reconnection) return row
  const { reconnection } = yield* Story.of(tenantId, id)
  return reconnection === undefined ? row : { ...row, reconnection }
})

const said = ({ added, connectionId, deferred, known, pages, run }: Sync.Report) => ({
  run,
  connectionId,
  pages,
  added,
  known,
  deferred,
})

/** The views that show what a sync brought. */
const rowsOf = (provider: Ids.ProviderId) => [
  ConnectionsView,
  ConnectionHistoryView,
  AccountsView,
  ...(provider === GmailProvider.id
    ? [GmailMessagesView, Mailboxes.Facts, EnrichmentsView, EnrichmentReviewsView]
    : [ReviewsView, Transactions]),
]

/** A connection and those that it goes on from, the first one first: together they delivered what is held. */
const generationsOf = (
  row: ConnectionsView.Row,
): Effect.Effect<
  ReadonlyArray<Ids.ConnectionId>,
  Problem | EventStore.EventStoreUnavailable,
  Caller | ViewStore.Views
> =>
  row.reconnected_from === null
    ? Effect.succeed([row.connection_id])
    : Effect.flatMap(connectionRow(row.reconnected_from), generationsOf).pipe(
        Effect.map((earlier) => [...earlier, row.connection_id]),
      )

/** Tells a connection something on the caller's behalf, and answers with what it is then. */
const tell = (
  id: Ids.ConnectionId,
  commandOf: (state: Connection.State, at: DateTime.Utc) => Connection.Command | undefined,
) =>
  Effect.gen(function* () {
    const { ownerId, tenantId } = yield* Caller
    const known = yield* Aggregate.decidingAgain(
      Effect.gen(function* () {
        const loaded = yield* load(tenantId, id)
        const command = commandOf(loaded.state, yield* DateTime.now)
        if (loaded.state.status === "absent" || command === undefined) return false
        const change = yield* Effect.fromResult(decide(loaded, command))
        if (change.events.length > 0) {
          yield* Aggregate.append([change], { metadata: { actor: { kind: "owner", id: ownerId } } })
        }
        return true
      }),
    )
    if (!known) return yield* notFound
    yield* settled(ConnectionsView, ConnectionHistoryView)
    return yield* connectionRow(id)
  }).pipe(translated)

const load = Aggregate.load(Connection)
const decide = Aggregate.decide(Connection)

/** Where no broker keeps the credentials, a POST can only tell of a consent that came back through the callback. */
const mustBeKnown = Effect.fnUntraced(function* ({ authorization, provider, tenantId }: Registration.Request) {
  const store = yield* EventStore.EventStore
  const holder = yield* store.holderOf(tenantId, Connection.authorizationClaim(provider, authorization))
  if (holder === undefined) {
    return yield* new Unprocessable({
      error: "UNKNOWN_AUTHORIZATION",
      message: "No consent of this name came back from the provider yet",
      retryable: true,
    })
  }
})
