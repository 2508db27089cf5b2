/** What the API does: it translates, and the library decides. */
import { randomUUID } from "node:crypto"

import { GmailConnect, GmailProvider } from "@holdfast/adapters-gmail"
import { ChangeFeed, ConnectionHistoryView, ConnectionsView, EventStore, Ids } from "@holdfast/domain"
import { Effect, Layer, Option, Schema, SchemaIssue, Stream } from "effect"
import { HttpServerRequest, HttpServerResponse } from "effect/http"
import { HttpApiBuilder, HttpApiMiddleware } from "effect/http-api"

import { connectionRow, orPage, settled } from "./Answers.ts"
import { Api, Position } from "./Api.ts"
import { Caller, Callers, Refusals } from "./ApiCommon.ts"
import { invalid, translated } from "./ApiErrors.ts"
import { accounts, plaid, reviews } from "./BankHandlers.ts"
import { serverSentEvents } from "./ChangeStream.ts"
import { connections } from "./ConnectionHandlers.ts"
import { switches } from "./ControlsHandlers.ts"
import { mailboxes, orChoice } from "./MailboxHandlers.ts"
import { Offer } from "./Offer.ts"
import { calendars, enrichmentReviews, enrichments, hostsBookings } from "./ReservationHandlers.ts"
import { webhooks } from "./WebhookHandlers.ts"

const gmail = HttpApiBuilder.group(
  Api,
  "gmail",
  Effect.fnUntraced(function* (handlers) {
    const { isSimulated } = yield* Offer

    return handlers.handleAll({
      start: Effect.fnUntraced(function* ({ query: { label, pollIntervalSeconds, reconnects, simulate } }) {
        const caller = yield* Caller
        if (simulate !== undefined && !isSimulated) {
          return yield* invalid("simulate", "Google is not simulated here")
        }
        if (reconnects !== undefined) yield* connectionRow(reconnects)
        const { url } = yield* GmailConnect.begin({
          session: { ...caller, id: caller.session },
          settings: label === undefined ? {} : { [GmailProvider.labelSetting]: label },
          pollIntervalSeconds,
          reconnects,
        })
        const target = simulate === undefined ? url : `${url}&simulate=${encodeURIComponent(simulate)}`
        return HttpServerResponse.redirect(target, { status: 302 })
      }, translated),

      callback: Effect.fnUntraced(function* ({ request }) {
        const caller = yield* Caller
        const query = new URL(request.url, "http://localhost").searchParams
        const registered = yield* GmailConnect.complete({ query, session: { ...caller, id: caller.session } }).pipe(
          Effect.ensuring(settled(ConnectionsView, ConnectionHistoryView)),
          orChoice(request),
        )
        return orPage(request, registered)
      }, translated),
    })
  }),
)

const changes = HttpApiBuilder.group(Api, "changes", (handlers) =>
  handlers.handle(
    "follow",
    Effect.fnUntraced(function* ({ query, request }) {
      const { tenantId } = yield* Caller
      const log = yield* EventStore.EventLog
      const seen = query.after ?? Option.getOrUndefined(decodePosition(request.headers["last-event-id"]))
      const head = yield* log.head
      if (seen !== undefined && seen > head) return yield* invalid("after", "The log does not reach this position")
      const changes = ChangeFeed.follow(seen ?? head, { tenantId })
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
    if (session !== undefined || !consents.has(group.identifier)) return response
    return HttpServerResponse.setCookieUnsafe(response, sessionCookie, caller.session, {
      httpOnly: true,
      sameSite: "lax",
      path: "/",
    })
  }),
)

const refusals = HttpApiMiddleware.layerSchemaErrorTransform(Refusals, ({ cause }) => Effect.fail(refused(cause)))

export const layer = HttpApiBuilder.layer(Api, { openapiPath: "/openapi.json" }).pipe(
  Layer.provide([connections, mailboxes, gmail, plaid, accounts, reviews, switches, webhooks, changes, health]),
  Layer.provide([calendars, hostsBookings, enrichments, enrichmentReviews]),
  Layer.provide([callers, refusals]),
)

type ServicesOf<S> = S extends Stream.Stream<unknown, unknown, infer R> ? R : never

/** The groups in which a browser is sent away and has to be known when it comes back. */
const consents: ReadonlySet<string> = new Set(["gmail", "plaid"])

const sessionCookie = "holdfast_session"

const decodeCaller = Schema.decodeUnknownEffect(
  Schema.Struct({ tenantId: Ids.TenantId, ownerId: Ids.OwnerId, session: Schema.NonEmptyString }),
)

const decodePosition = Schema.decodeUnknownOption(Position)

const refused = ({ issue }: Schema.SchemaError) => {
  const { issues } = toIssues(issue)
  return invalid(issues[0]?.path?.map(String).join(".") ?? "", issues[0]?.message ?? "Not as expected")
}

const toIssues = SchemaIssue.makeFormatterStandardSchemaV1()
