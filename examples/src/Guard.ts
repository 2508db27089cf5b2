/**
 * Keeps web pages from using the server through the browser of whoever runs it.
 *
 * The demonstration believes its headers and listens on this machine, where every page that is open in a browser can
 * send to it, and can make a name of its own lead here. Such requests are refused, before anything is read of them.
 */
import { ByteSize, Effect } from "effect"
import { type Headers, HttpIncomingMessage, HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"

import { isPerson } from "./Answers.ts"

export const layer = (options: { readonly host: string }) =>
  HttpRouter.middleware(
    (handled) =>
      Effect.gen(function* () {
        const request = yield* HttpServerRequest.HttpServerRequest
        const path = request.url.split("?", 1)[0] ?? ""
        if (!isSigned(path) && isRenamed(request.headers, options.host)) {
          return refusal(403, "HOST_REFUSED", "Ask for localhost: this server is not known by another name")
        }
        if (asksForPage(request, path) && isOtherLoopback(request.headers)) {
          return HttpServerResponse.redirect(`http://localhost${portOf(request.headers)}${request.url}`, {
            status: 307,
          })
        }
        if (changes(request.method, path) && isFromAnotherSite(request.headers)) {
          return refusal(403, "ORIGIN_REFUSED", "Another site's page may not do this")
        }
        if (Number(request.headers["content-length"] ?? 0) > Number(largestBody)) {
          return refusal(413, "BODY_TOO_LARGE", `A body may have ${largestBody} bytes`)
        }
        return yield* Effect.provideService(handled, HttpIncomingMessage.MaxBodySize, largestBody)
      }),
    { global: true },
  )

/** What is asked for and is not there. */
export const nowhere = HttpRouter.add(
  "*",
  "/*",
  Effect.sync(() => refusal(404, "NOT_FOUND", "There is nothing here: /openapi.json says what there is")),
)

const largestBody = ByteSize.mebibytes(1)

/** A webhook is believed for its signature: it may come from anywhere, by any name. */
const isSigned = (path: string) => path.startsWith("/api/webhooks/")

const changes = (method: string, path: string) => !reads(method) || beginsConsent(path)

const reads = (method: string) => method === "GET" || method === "HEAD"

const beginsConsent = (path: string) => path === "/api/gmail/start" || path === "/api/plaid/start"

/**
 * Google and Plaid send people back to `localhost`, where browsers do not send the cookies of 127.0.0.1: whoever begins
 * there, or looks at a page that leads to a beginning, is brought here first.
 */
const asksForPage = ({ headers, method }: HttpServerRequest.HttpServerRequest, path: string) =>
  reads(method) && (isPerson(headers) || beginsConsent(path))

const isOtherLoopback = (headers: Headers.Headers) => {
  const name = nameOf(headers)
  return name !== "localhost" && loopback.has(name)
}

const loopback: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "[::1]"])

/** Whoever listens on more than this machine knows its names better. */
const isRenamed = (headers: Headers.Headers, host: string) => {
  return loopback.has(host.includes(":") ? `[${host}]` : host) && !loopback.has(nameOf(headers))
}

/** What the server was called by whoever asks. */
const nameOf = (headers: Headers.Headers) => (headers["host"] ?? "").replace(portAtEnd, "").toLowerCase()

const portOf = (headers: Headers.Headers) => portAtEnd.exec(headers["host"] ?? "")?.[0] ?? ""

const portAtEnd = /:\d+$/

/** Browsers say which site a request comes from; nothing else does. */
const isFromAnotherSite = (headers: Headers.Headers) => {
  const site = headers["sec-fetch-site"]
  if (site !== undefined) return site !== "same-origin" && site !== "none"
  const origin = headers["origin"]
  return origin !== undefined && origin.replace(/^https?:\/\//, "") !== headers["host"]
}

const refusal = (status: number, error: string, message: string) =>
  HttpServerResponse.jsonUnsafe({ error, message, retryable: false }, { status })
