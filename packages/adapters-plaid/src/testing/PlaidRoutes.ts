/** Plaid's own addresses: the API, and Link in a browser. */
import { NodeHttpServerRequest } from "@effect/platform-node"
import { Effect } from "effect"
import { HttpRouter, type HttpServerRequest, HttpServerResponse } from "effect/http"

import { endpoints } from "./Endpoints.ts"
import { type Ambush, type Fault, type Journal, refusalOf, type Request } from "./Faults.ts"
import { accountsPage, answered, linkScript, loginPage, problemPage } from "./LinkPage.ts"
import { error, html, ok, type Reply } from "./PlaidReply.ts"
import { unknownFields } from "./RequestFields.ts"
import type { SimulatedPlaid } from "./SimulatedPlaid.ts"

export interface World {
  readonly plaid: SimulatedPlaid
  readonly faults: Ambush<Fault>
  /** What is to happen just before a request is served. */
  readonly interludes: Ambush<Effect.Effect<void>>
  readonly journal: Journal
  /** The world's time, in milliseconds: the program's clock and what was added to it. */
  readonly now: Effect.Effect<number>
  /** Something happened: it is kept, and something may have become due. */
  readonly wake: () => void
  /** Something happened that makes nothing due: it is only kept, soon. */
  readonly keep: () => void
  /** Waits until all that happened is kept; at once where nothing is. */
  readonly saved: Effect.Effect<void>
}

export const plaidRoutes = (world: World, url: string) =>
  HttpRouter.addAll([
    ...Object.entries(endpoints).map(([path, answer]) =>
      HttpRouter.route(
        "POST",
        pathOf(path),
        Effect.fnUntraced(function* (request) {
          const body = parsed(yield* Effect.orDie(request.text))
          return yield* meet(world, request, path, body, (now) => answer(world.plaid, body, { now, url }))
        }),
      ),
    ),
    HttpRouter.route(
      "POST",
      "*",
      Effect.sync(() => toResponse(named(error("NOT_FOUND"), world.plaid.nextRequestId()))),
    ),
    ...(["GET", "POST"] as const).map((method) =>
      HttpRouter.route(
        method,
        "/hl/:token",
        Effect.fnUntraced(function* (request) {
          const { token = "" } = yield* HttpRouter.params
          const form = method === "POST" ? new URLSearchParams(yield* Effect.orDie(request.text)) : undefined
          const reply = link(world.plaid, token, queryOf(request), form, request, yield* world.now)
          world.wake()
          yield* world.saved
          return toResponse(reply)
        }),
      ),
    ),
    HttpRouter.route(
      "GET",
      "/link/v2/stable/link-initialize.js",
      Effect.succeed(HttpServerResponse.text(linkScript(url), { contentType: "text/javascript; charset=utf-8" })),
    ),
  ])

/** The pages of Link: pick a login, pick accounts, consent. */
const link = (
  plaid: SimulatedPlaid,
  tokenText: string,
  query: URLSearchParams,
  form: URLSearchParams | undefined,
  request: HttpServerRequest.HttpServerRequest,
  now: number,
): Reply => {
  plaid.settle(now)
  const token = plaid.linkToken(tokenText)
  if (token === undefined || token.expiresAt <= now) return html(400, problemPage("This link has expired."))
  const login = plaid.loginInLink(form?.get("login") ?? query.get("login") ?? "", now)
  if (form === undefined) {
    return html(
      200,
      login === undefined
        ? loginPage(plaid, token, plaid.loginsInLink(token), query)
        : accountsPage(plaid, token, login),
    )
  }

  const wantsJson = (request.headers["accept"] ?? "").includes("application/json")
  const returnTo = query.get("return_to") ?? token.completionRedirectUri
  if (form.get("decision") === "exit") {
    plaid.exit(token, now)
    return wantsJson ? ok({ exit: true }) : answered(null, returnTo)
  }
  if (login === undefined) return html(400, problemPage("There is no such login."))
  const accounts = form.has("account") ? form.getAll("account") : undefined
  const success = plaid.link(token, login, accounts, now)
  if (typeof success === "string") return wantsJson ? error(success) : html(400, problemPage(success))
  const { metadata, publicToken } = success
  return wantsJson ? ok({ public_token: publicToken, metadata }) : answered(success, returnTo)
}

/** Does the work and answers, unless a fault was waiting for this request. */
const meet = Effect.fnUntraced(function* (
  world: World,
  request: HttpServerRequest.HttpServerRequest,
  endpoint: string,
  body: unknown,
  work: (now: number) => Reply,
) {
  const { faults, interludes, journal, plaid } = world
  const accessToken = fieldOf(body, "access_token")
  const itemId = accessToken === undefined ? undefined : plaid.itemOf(accessToken)?.id
  yield* interludes.take(endpoint, itemId) ?? Effect.void
  const at = yield* world.now
  plaid.settle(at)
  const fault = faults.take(endpoint, itemId)
  const requestId = plaid.nextRequestId()
  const met = (outcome: Request["outcome"], errorCode?: string) =>
    journal.add({
      endpoint,
      at,
      requestId,
      outcome,
      ...(itemId === undefined ? {} : { itemId }),
      ...(errorCode === undefined ? {} : { errorCode }),
    })

  if (fault?.failure === "hangBeforeWork" || fault?.failure === "dropBeforeWork") {
    met(fault.failure)
    return yield* fault.failure === "hangBeforeWork" ? Effect.never : drop(request)
  }

  const refusal =
    (fault && refusalOf(fault)) ??
    (body === undefined ? error("INVALID_BODY") : unauthorized(plaid, request, body)) ??
    unknown(endpoint, body)
  const reply = named(refusal ?? overQuota(plaid, endpoint, itemId, at) ?? work(at), requestId)
  const isWhole = fault === undefined || refusal !== undefined
  world.wake()
  yield* world.saved
  met(isWhole ? reply.status : fault.failure, fieldOf(reply.body, "error_code"))

  switch (isWhole ? undefined : fault.failure) {
    case "dropAfterWork":
      return yield* drop(request)
    case "hangAfterWork":
      return yield* Effect.never
    case "slow":
      yield* Effect.sleep(fault?.delayMillis ?? 60_000)
      return toResponse(reply)
    case "truncatedBody":
      return toResponse(reply, (text) => text.slice(0, text.length / 2))
    case "emptyBody":
      return toResponse(reply, () => "")
    default:
      return toResponse(reply)
  }
})

const unauthorized = (plaid: SimulatedPlaid, { headers }: HttpServerRequest.HttpServerRequest, body: unknown) => {
  const id = headers["plaid-client-id"] ?? fieldOf(body, "client_id")
  const secret = headers["plaid-secret"] ?? fieldOf(body, "secret")
  return id === plaid.client.id && secret === plaid.client.secret ? undefined : error("INVALID_API_KEYS")
}

const unknown = (endpoint: string, body: unknown) => {
  const fields = unknownFields(endpoint, body)
  return fields.length === 0
    ? undefined
    : error("UNKNOWN_FIELDS", `the following fields are not recognized by this endpoint: ${fields.join(", ")}`)
}

const overQuota = (plaid: SimulatedPlaid, endpoint: string, itemId: string | undefined, now: number) => {
  const code = plaid.quotas.take(endpoint, itemId, now)
  return code === undefined ? undefined : error(code)
}

const named = (reply: Reply, requestId: string): Reply =>
  typeof reply.body === "string" ? reply : { ...reply, body: { ...reply.body, request_id: requestId } }

const toResponse = ({ body, headers = {}, status }: Reply, spoil = (text: string) => text) => {
  const isHtml = typeof body === "string"
  return HttpServerResponse.text(spoil(isHtml ? body : JSON.stringify(body)), {
    status,
    headers,
    contentType: isHtml ? "text/html; charset=utf-8" : "application/json",
  })
}

/** Cuts the connection; the request's fiber ends when Node notices. */
const drop = (request: HttpServerRequest.HttpServerRequest) =>
  Effect.andThen(
    Effect.sync(() => NodeHttpServerRequest.toServerResponse(request).destroy()),
    Effect.never,
  )

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const fieldOf = (value: unknown, field: string): string | undefined => {
  if (typeof value !== "object" || value === null) return undefined
  const found: unknown = Reflect.get(value, field)
  return typeof found === "string" ? found : undefined
}

const pathOf = (path: string): HttpRouter.PathInput => `/${path.slice(1)}`

const queryOf = (request: HttpServerRequest.HttpServerRequest) =>
  new URL(request.originalUrl, "http://127.0.0.1").searchParams
