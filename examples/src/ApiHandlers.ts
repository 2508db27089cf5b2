/** What the API does: it translates, and the library decides. */
import { randomUUID } from "node:crypto"

import { GmailConnect, GmailMessagesView, GmailProvider } from "@holdfast/adapters-gmail"
import {
  Aggregate,
  ChangeFeed,
  Connection,
  ConnectionHistoryView,
  ConnectionsView,
  EventStore,
  Ids,
  Nango,
  type Projection,
  Registration,
  Sync,
  Vault,
  ViewStore,
} from "@holdfast/domain"
import { DateTime, Effect, Layer, Option, Schema, SchemaIssue, Stream } from "effect"
import { HttpServerRequest, HttpServerResponse } from "effect/http"
import { HttpApiBuilder, HttpApiMiddleware } from "effect/http-api"

import { Api, Caller, Callers, Refusals } from "./Api.ts"
import { conflict, invalid, notFound, type Problem, syncProblem, translated, Unprocessable } from "./ApiErrors.ts"
import { serverSentEvents } from "./ChangeStream.ts"
import { Offer } from "./Offer.ts"

const connections = HttpApiBuilder.group(
  Api,
  "connections",
  Effect.fnUntraced(function* (handlers) {
    const { gmail, nango } = yield* Offer

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
        if (payload.provider === gmail.id) yield* mustBeKnown(request)
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
        return yield* rowOf(params.id)
      }, translated),

      history: Effect.fnUntraced(function* ({ params }) {
        const { tenantId } = yield* Caller
        const rows = yield* ConnectionHistoryView.of(tenantId, params.id)
        return rows.length === 0 ? yield* notFound : rows
      }, translated),

      messages: Effect.fnUntraced(function* ({ params }) {
        const { tenantId } = yield* Caller
        const views = yield* ViewStore.Views
        const generations = yield* generationsOf(yield* rowOf(params.id))
        const pages = yield* Effect.forEach(generations, (connection_id) =>
          views.query<GmailMessagesView.Row>(GmailMessagesView, tenantId, { where: { connection_id } }),
        )
        return pages.flat().toSorted((a, b) => a.position - b.position)
      }, translated),

      sync: Effect.fnUntraced(function* ({ params }) {
        const { tenantId } = yield* Caller
        const { provider } = yield* rowOf(params.id)
        if (provider !== gmail.id) {
          return yield* conflict("NOT_READY", "This provider's connections are synced elsewhere")
        }
        return yield* Sync.run(gmail, tenantId, params.id).pipe(
          Effect.catchTag("SyncFailed", ({ reason }) => Effect.fail(syncProblem(reason))),
          Effect.ensuring(settled(ConnectionsView, ConnectionHistoryView, GmailMessagesView)),
        )
      }, translated),

      change: ({ params, payload: { pollIntervalSeconds } }) =>
        told(params.id, ({ ownerId, provider, settings, slot }, at) =>
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

      pause: ({ params, payload }) => told(params.id, (_, at) => ({ _tag: "Pause", at, ...payload })),

      disconnect: Effect.fnUntraced(function* ({ params }) {
        const { tenantId } = yield* Caller
        const vault = yield* Vault.Vault
        const row = yield* told(params.id, (_, at) => ({ _tag: "Disconnect", at, reason: "owner" }))
        yield* vault.remove(tenantId, params.id)
        return row
      }, translated),

      resume: Effect.fnUntraced(function* ({ params, payload }) {
        const { ownerId, tenantId } = yield* Caller
        yield* rowOf(params.id)
        yield* Registration.activate(tenantId, params.id, { actor: { kind: "owner", id: ownerId }, ...payload })
        yield* settled(ConnectionsView, ConnectionHistoryView)
        return yield* rowOf(params.id)
      }, translated),
    })
  }),
)

const gmail = HttpApiBuilder.group(
  Api,
  "gmail",
  Effect.fnUntraced(function* (handlers) {
    const { isSimulated } = yield* Offer

    return handlers.handleAll({
      start: Effect.fnUntraced(function* ({ query: { label, pollIntervalSeconds, simulate } }) {
        const caller = yield* Caller
        if (simulate !== undefined && !isSimulated) {
          return yield* invalid("simulate", "Google is not simulated here")
        }
        const { url } = yield* GmailConnect.begin({
          session: { ...caller, id: caller.session },
          settings: { [GmailProvider.labelSetting]: label },
          pollIntervalSeconds,
        })
        const target = simulate === undefined ? url : `${url}&simulate=${encodeURIComponent(simulate)}`
        return HttpServerResponse.redirect(target, { status: 302 })
      }, translated),

      callback: Effect.fnUntraced(
        function* ({ request }) {
          const caller = yield* Caller
          const query = new URL(request.url, "http://localhost").searchParams
          const registered = yield* GmailConnect.complete({ query, session: { ...caller, id: caller.session } })
          yield* settled(ConnectionsView, ConnectionHistoryView)
          return request.headers["accept"]?.includes("text/html") === true
            ? HttpServerResponse.redirect("/", { status: 303 })
            : registered
        },
        labelConflicts,
        translated,
      ),
    })
  }),
)

/** What competes for a slot here are labels. */
const labelConflicts = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.mapError(effect, (error) =>
    isHeld(error) && error.what === "slot"
      ? conflict("LABEL_CONFLICT", "Another owner of the workspace watches a label of this name")
      : error,
  )

const isHeld = Schema.is(Registration.HeldByAnotherOwner)

const webhooks = HttpApiBuilder.group(
  Api,
  "webhooks",
  Effect.fnUntraced(function* (handlers) {
    const { nango } = yield* Offer

    return handlers.handle(
      "nango",
      Effect.fnUntraced(function* ({ payload, request }) {
        const receipt = yield* Nango.receive(nango, { headers: request.headers, body: payload })
        yield* settled(ConnectionsView, ConnectionHistoryView)
        return { outcome: receipt._tag, ...("connectionId" in receipt && { connectionId: receipt.connectionId }) }
      }, translated),
    )
  }),
)

const changes = HttpApiBuilder.group(Api, "changes", (handlers) =>
  handlers.handle(
    "follow",
    Effect.fnUntraced(function* ({ query, request }) {
      const { tenantId } = yield* Caller
      const log = yield* EventStore.EventLog
      const seen = query.after ?? Option.getOrUndefined(decodePosition(request.headers["last-event-id"]))
      const changes = ChangeFeed.follow(seen ?? (yield* log.head), { tenantId })
      const context = yield* Effect.context<ServicesOf<typeof changes>>()
      return HttpServerResponse.stream(Stream.provideContext(serverSentEvents(changes), context), {
        contentType: "text/event-stream",
        headers: { "cache-control": "no-store" },
      })
    }, translated),
  ),
)

const health = HttpApiBuilder.group(Api, "health", (handlers) =>
  handlers.handle("health", () =>
    translated(
      Effect.gen(function* () {
        const log = yield* EventStore.EventLog
        return { status: "ok" as const, position: String(yield* log.head) }
      }),
    ),
  ),
)

const callers = Layer.succeed(Callers, (effect, { group }) =>
  Effect.gen(function* () {
    const { cookies, headers } = yield* HttpServerRequest.HttpServerRequest
    const session = cookies[sessionCookie]
    const caller = yield* Effect.mapError(
      decodeCaller({
        tenantId: headers["x-tenant-id"] ?? "demo",
        ownerId: headers["x-user-id"] ?? "ada",
        session: session ?? randomUUID(),
      }),
      refused,
    )
    const response = yield* Effect.provideService(effect, Caller, caller)
    if (session !== undefined || group.identifier !== "gmail") return response
    return HttpServerResponse.setCookieUnsafe(response, sessionCookie, caller.session, {
      httpOnly: true,
      sameSite: "lax",
      path: "/",
    })
  }),
)

const refusals = HttpApiMiddleware.layerSchemaErrorTransform(Refusals, ({ cause }) => Effect.fail(refused(cause)))

export const layer = HttpApiBuilder.layer(Api, { openapiPath: "/openapi.json" }).pipe(
  Layer.provide([connections, gmail, webhooks, changes, health]),
  Layer.provide([callers, refusals]),
)

const rowOf = Effect.fnUntraced(function* (id: Ids.ConnectionId) {
  const { tenantId } = yield* Caller
  return (yield* ConnectionsView.get(tenantId, id)) ?? (yield* notFound)
})

/** A connection and those that it goes on from, the first one first: together they delivered what is held. */
const generationsOf = (
  row: ConnectionsView.Row,
): Effect.Effect<
  ReadonlyArray<Ids.ConnectionId>,
  Problem | EventStore.EventStoreUnavailable,
  Caller | ViewStore.Views
> =>
  row.previous_connection_id === null
    ? Effect.succeed([row.connection_id])
    : Effect.flatMap(rowOf(row.previous_connection_id), generationsOf).pipe(
        Effect.map((earlier) => [...earlier, row.connection_id]),
      )

/** Tells a connection something on the caller's behalf, and answers with what it is then. */
const told = (
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
    return yield* rowOf(id)
  }).pipe(translated)

const load = Aggregate.load(Connection)
const decide = Aggregate.decide(Connection)

/**
 * Waits a moment for the views to contain what was just recorded, so that whoever asked reads what they wrote. It is
 * recorded whether or not they do by then.
 */
const settled = (...views: ReadonlyArray<Pick<Projection.View, "name">>) =>
  Effect.gen(function* () {
    const head = yield* (yield* EventStore.EventLog).head
    const { awaitPosition } = yield* ViewStore.Views
    yield* Effect.forEach(views, (view) => awaitPosition(view, head, "2 seconds"), { concurrency: "unbounded" })
  }).pipe(Effect.ignore)

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

type ServicesOf<S> = S extends Stream.Stream<unknown, unknown, infer R> ? R : never

const sessionCookie = "holdfast_session"

const decodeCaller = Schema.decodeUnknownEffect(
  Schema.Struct({ tenantId: Ids.TenantId, ownerId: Ids.OwnerId, session: Schema.NonEmptyString }),
)

const decodePosition = Schema.decodeUnknownOption(Schema.BigIntFromString.pipe(Schema.decodeTo(EventStore.Position)))

const refused = ({ issue }: Schema.SchemaError) => {
  const { issues } = toIssues(issue)
  return invalid(issues[0]?.path?.map(String).join(".") ?? "", issues[0]?.message ?? "Not as expected")
}

const toIssues = SchemaIssue.makeFormatterStandardSchemaV1()
