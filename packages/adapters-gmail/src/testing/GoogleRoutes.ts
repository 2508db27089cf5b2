/** Google's own addresses: consent, tokens, and the Gmail API. */
import { NodeHttpServerRequest } from "@effect/platform-node"
import { Clock, Effect } from "effect"
import { HttpRouter, type HttpServerRequest, HttpServerResponse } from "effect/http"

import { consentPage, errorPage } from "./ConsentPage.ts"
import { type FaultQueue, type Journal, refusalOf, type Request, type RequestKind } from "./Faults.ts"
import { insufficientScopes, ok, redirect, type Reply, unauthenticated } from "./GoogleReply.ts"
import type { SimulatedGoogle } from "./SimulatedGoogle.ts"
import type { SimulatedMailbox } from "./SimulatedMailbox.ts"

export interface World {
  readonly google: SimulatedGoogle
  readonly faults: FaultQueue
  readonly journal: Journal
}

export const googleRoutes = (world: World) => {
  const { google } = world

  /** A consent page, or its answer where the query brings one: `simulate=<mailbox>` or `simulate=deny`. */
  const authorize = Effect.fnUntraced(function* (request: HttpServerRequest.HttpServerRequest, now: number) {
    const query = queryOf(request)
    const asked = google.oauth.readAuthorizationRequest(query)
    if (typeof asked === "string") return { status: 400, body: errorPage(asked) }

    const form = request.method === "POST" ? yield* formOf(request) : undefined
    const chosen = form?.get("decision") === "deny" ? "deny" : (form?.get("mailbox") ?? query.get("simulate"))
    if (chosen === "deny") return redirect(google.oauth.deny(asked))
    if (chosen === null) {
      return {
        status: 200,
        body: consentPage({
          clientId: asked.clientId,
          scopes: asked.scopes,
          mailboxes: google.mailboxes.map(({ address }) => address),
          preselected: query.get("login_hint"),
        }),
      }
    }
    const mailbox = google.mailbox(chosen)
    if (mailbox === undefined) return { status: 400, body: errorPage("There is no such mailbox") }
    return redirect(google.oauth.allow(asked, mailbox, form?.getAll("scope") ?? asked.scopes, now))
  })

  const accounts = (path: HttpRouter.PathInput, kindOf: (form: URLSearchParams) => RequestKind, work: TokenWork) =>
    HttpRouter.route(
      "POST",
      path,
      Effect.fnUntraced(function* (request) {
        const form = yield* formOf(request)
        const now = yield* Clock.currentTimeMillis
        return yield* meet(world, request, { kind: kindOf(form) }, () => work(form, now, queryOf(request)))
      }),
    )

  /** A method of the Gmail API, on behalf of whose token it bears. */
  const gmail = (path: string, kind: RequestKind, work: GmailWork, method: "GET" | "POST" = "GET") =>
    HttpRouter.route(
      method,
      `/gmail/v1/users/:userId/${path}`,
      Effect.fnUntraced(function* (request) {
        const { id = "", userId = "" } = yield* HttpRouter.params
        const now = yield* Clock.currentTimeMillis
        const query = queryOf(request)
        const body = method === "POST" ? yield* Effect.orDie(request.text) : ""
        const bearer = /^Bearer (.+)$/.exec(request.headers["authorization"] ?? "")?.[1] ?? ""
        const token = google.oauth.authenticate(bearer, now)
        const mailbox = token && google.mailboxOf(token.subject)
        const format = query.get("format")
        return yield* meet(
          world,
          request,
          {
            kind,
            ...(mailbox === undefined ? {} : { mailbox: mailbox.address }),
            ...(id === "" ? {} : { id }),
            ...(format === null ? {} : { format: format.toLowerCase() }),
          },
          () => {
            if (token === undefined || mailbox === undefined) return unauthenticated
            if (!token.scopes.some((scope) => readingScopes.has(scope))) return insufficientScopes
            if (userId !== "me" && userId !== mailbox.address) return insufficientScopes
            return google.admit(kind, mailbox, now) ?? work(mailbox, query, id, now, body)
          },
        )
      }),
    )

  const authorizeRoute = (method: "GET" | "POST") =>
    HttpRouter.route(
      method,
      "/o/oauth2/v2/auth",
      Effect.fnUntraced(function* (request) {
        const reply = yield* authorize(request, yield* Clock.currentTimeMillis)
        return yield* meet(world, request, { kind: "authorize" }, () => reply)
      }),
    )

  return HttpRouter.addAll([
    authorizeRoute("GET"),
    authorizeRoute("POST"),
    accounts(
      "/token",
      (form) => (form.get("grant_type") === "refresh_token" ? "token.refresh" : "token.exchange"),
      (form, now) => google.oauth.token(form, (subject) => google.mailboxOf(subject), now),
    ),
    accounts(
      "/revoke",
      () => "revoke",
      // Google's own client revokes with the token in the URL.
      (form, _, query) => google.oauth.revokeToken(form.get("token") ?? query.get("token") ?? ""),
    ),
    gmail("profile", "profile", (mailbox) => mailbox.profile()),
    gmail("labels", "labels.list", (mailbox) => mailbox.listLabels()),
    gmail("labels/:id", "labels.get", (mailbox, _, id) => mailbox.getLabel(id)),
    gmail("messages", "messages.list", (mailbox, query) => mailbox.listMessages(query)),
    gmail("messages/:id", "messages.get", (mailbox, query, id, now) => mailbox.getMessage(id, query, now)),
    gmail("history", "history.list", (mailbox, query) => mailbox.listHistory(query)),
    gmail(
      "watch",
      "watch",
      (mailbox, _, __, now, body) => google.pushes.watch(mailbox.address, mailbox.currentHistoryId, body, now),
      "POST",
    ),
    gmail("stop", "stop", (mailbox) => google.pushes.stop(mailbox.address), "POST"),
    HttpRouter.route("GET", "/oauth2/v1/certs", (request) =>
      meet(world, request, { kind: "certs" }, () => ok(google.pushes.certificates)),
    ),
  ])
}

type TokenWork = (form: URLSearchParams, now: number, query: URLSearchParams) => Reply
type GmailWork = (mailbox: SimulatedMailbox, query: URLSearchParams, id: string, now: number, body: string) => Reply

/** Does the work and answers, unless a fault was waiting for this request. */
const meet = Effect.fnUntraced(function* (
  { faults, google, journal }: World,
  request: HttpServerRequest.HttpServerRequest,
  about: Omit<Request, "outcome">,
  work: () => Reply,
) {
  const fault = faults.take(about)
  const refusal = fault && refusalOf(fault)
  const met = (outcome: Request["outcome"]) => journal.add({ ...about, outcome })

  if (fault !== undefined && (fault.failure === "hang" || fault.failure === "dropBeforeWork")) {
    met(fault.failure)
    return yield* fault.failure === "hang" ? Effect.never : drop(request)
  }

  const reply = refusal ?? work()
  if (refusal === undefined && changing.has(about.kind)) google.save()
  met(refusal !== undefined || fault === undefined ? reply.status : fault.failure)

  const response = respond(reply)
  switch (fault?.failure) {
    case "dropAfterWork":
      return yield* drop(request)
    case "truncatedBody":
      return HttpServerResponse.text(response.text.slice(0, response.text.length / 2), response.options)
    case "emptyBody":
      return HttpServerResponse.text("", response.options)
    default:
      return HttpServerResponse.text(response.text, response.options)
  }
})

const changing: ReadonlySet<RequestKind> = new Set(["authorize", "token.exchange", "token.refresh", "revoke"])

/** Reading mail is allowed by any of these. */
const readingScopes = new Set([
  "https://www.googleapis.com/auth/gmail.readonly",
  "https://www.googleapis.com/auth/gmail.modify",
  "https://mail.google.com/",
])

const respond = ({ body, headers = {}, status }: Reply) => {
  const isHtml = typeof body === "string"
  return {
    text: isHtml ? body : JSON.stringify(body),
    options: { status, headers, contentType: isHtml ? "text/html; charset=utf-8" : "application/json; charset=UTF-8" },
  }
}

/** Cuts the connection; the request's fiber ends when Node notices. */
const drop = (request: HttpServerRequest.HttpServerRequest) =>
  Effect.andThen(
    Effect.sync(() => NodeHttpServerRequest.toServerResponse(request).destroy()),
    Effect.never,
  )

const queryOf = (request: HttpServerRequest.HttpServerRequest) =>
  new URL(request.originalUrl, "http://127.0.0.1").searchParams

const formOf = (request: HttpServerRequest.HttpServerRequest) =>
  Effect.map(Effect.orDie(request.text), (text) => new URLSearchParams(text))
