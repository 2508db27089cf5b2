/** The whole host from its parts: a store, Google and Plaid or their simulators, the API, and what runs beside it. */
import { createServer } from "node:http"

import { NodeHttpServer } from "@effect/platform-node"
import { GmailApi, GoogleOAuth } from "@holdfast/adapters-gmail"
import { GmailSimulator, Mails, simulatedClient } from "@holdfast/adapters-gmail/testing"
import { PlaidSimulator } from "@holdfast/adapters-plaid/testing"
import { Ids, InstitutionCounts } from "@holdfast/domain"
import { type Store } from "@holdfast/store-postgres"
import { Context, Effect, Layer, Option, Redacted, Schema } from "effect"
import { HttpRouter, HttpServer, HttpServerResponse } from "effect/http"

import * as ApiHandlers from "./ApiHandlers.ts"
import * as Background from "./Background.ts"
import * as Banks from "./Banks.ts"
import * as Guard from "./Guard.ts"
import { Offer, providers } from "./Offer.ts"
import { originOf } from "./Origin.ts"
import { page } from "./Page.ts"

export interface Options {
  /** The interface to listen on. */
  readonly host: string
  /** 0: a free one. */
  readonly port: number
  /** The registration at Google; without it Google is simulated. */
  readonly google?: { readonly clientId: string; readonly clientSecret: Redacted.Redacted } | undefined
  readonly simulator: { readonly port: number; readonly stateFile?: string }
  /** The registration at Plaid; without it Plaid is simulated. */
  readonly plaid?: Banks.Registration | undefined
  readonly banks: Banks.Simulated
  /** The key that Nango signs its webhooks with. */
  readonly nangoKey: Redacted.Redacted
}

/** The label that the simulated mailboxes have. */
export const label = "Bookings"

export const simulatedMailboxes: ReadonlyArray<string> = ["ada@example.com", "grace@example.com"]

/** Where a host that was started is. */
export interface Started {
  readonly server: string
  readonly simulator: string | undefined
  /** The simulated Plaid. */
  readonly banks: string | undefined
}

/** Serves until the scope ends. */
export const start = Effect.fn("Host.start")(function* <E>(store: Layer.Layer<StoreServices, E>, options: Options) {
  const context = yield* Layer.build(Layer.provide(layer(options), store))
  return Context.get(context, Where)
})

/** Why it did not start, for whoever started it. */
export const explain = (error: {
  readonly message: string
  readonly _tag?: string
  readonly cause?: unknown
  readonly problem?: unknown
  readonly reason?: unknown
}) => {
  const { cause } = error
  switch (error._tag) {
    case "ServeError": {
      if (!isListenError(cause)) return error.message
      const problem = cause.code === "EADDRINUSE" ? "is taken" : `cannot be listened on (${cause.code})`
      return `Port ${cause.port} ${problem}. Choose others with PORT, SIMULATOR_PORT and PLAID_SIMULATOR_PORT.`
    }
    case "InvalidMasterKeys":
      return `HOLDFAST_MASTER_KEYS: ${String(error.problem)}.`
    case "EventStoreUnavailable":
      return `The database does not answer, or does not let us in: ${String(error.reason)}.`
    default:
      return error.message === "" ? `${error._tag ?? "It is not known why"}.` : error.message
  }
}

const isListenError = Schema.is(Schema.Struct({ code: Schema.String, port: Schema.Number }))

class Where extends Context.Service<Where, Started>()("@holdfast/examples/Host/Where") {}

type StoreServices = Layer.Success<ReturnType<typeof Store.layerPglite>>

const layer = (options: Options) => {
  const routes = Layer.mergeAll(ApiHandlers.layer, pages(options), Guard.nowhere, Guard.layer(options))
  const where = Layer.effect(
    Where,
    Effect.gen(function* () {
      const urlOf = Option.map(({ url }: { readonly url: string }) => url)
      return {
        server: originOf(yield* HttpServer.HttpServer),
        simulator: Option.getOrUndefined(urlOf(yield* Effect.serviceOption(GmailSimulator))),
        banks: Option.getOrUndefined(urlOf(yield* Effect.serviceOption(PlaidSimulator))),
      }
    }),
  )
  return HttpRouter.serve(routes, { disableLogger: true, disableListenLog: true }).pipe(
    Layer.merge(Background.projections),
    Layer.merge(Background.sync),
    Layer.merge(Background.upkeep),
    Layer.provide(Offer.layer({ nangoKey: options.nangoKey, isSimulated: options.google === undefined })),
    Layer.provide(providers),
    Layer.provide(InstitutionCounts.layer()),
    Layer.merge(where),
    Layer.provide(options.google === undefined ? simulatedGoogle(options) : google(options.google)),
    Layer.provide(options.plaid === undefined ? simulatedBanks(options) : Banks.plaid(options.plaid)),
    Layer.provide(serverAt(options)),
  )
}

/** Connections that still hang, of those who follow the changes most of all, are cut at the end. */
const serverAt = ({ host, port }: Options) =>
  Layer.unwrap(
    Effect.sync(() => {
      const server = createServer()
      return NodeHttpServer.layer(() => server, { host, port, gracefulShutdownTimeout: "1 second" }).pipe(
        Layer.merge(Layer.effectDiscard(Effect.addFinalizer(() => Effect.sync(() => server.closeAllConnections())))),
      )
    }),
  )

const simulatedBanks = ({ banks }: Options) =>
  Layer.unwrap(Effect.map(HttpServer.HttpServer, (server) => Banks.simulated(originOf(server), banks)))

const pages = ({ google, plaid }: Options) =>
  HttpRouter.add(
    "GET",
    "/",
    Effect.map(
      page(Ids.TenantId.make("demo"), {
        label,
        mailboxes: google === undefined ? simulatedMailboxes : [],
        logins: plaid === undefined ? Object.keys(Banks.people) : [],
      }),
      ({ html }) =>
        HttpServerResponse.setHeader(HttpServerResponse.html(html), "content-security-policy", contentPolicy),
    ),
  )

/** Nothing on the page runs, and nothing is fetched for it. */
const contentPolicy = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"

const callbackOf = (origin: string) => `${origin}/api/gmail/callback`

const google = (registration: NonNullable<Options["google"]>) =>
  Layer.unwrap(
    Effect.map(HttpServer.HttpServer, (server) =>
      Layer.merge(
        GmailApi.GmailApi.layer(),
        GoogleOAuth.GoogleOAuth.layer({ ...registration, redirectUri: callbackOf(originOf(server)) }),
      ),
    ),
  )

const simulatedGoogle = ({ simulator }: Options) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const { endpoints, url } = yield* GmailSimulator
      const server = yield* HttpServer.HttpServer
      return Layer.mergeAll(
        GmailApi.GmailApi.layer({ rootUrl: url }),
        GoogleOAuth.GoogleOAuth.layer({
          clientId: simulatedClient.id,
          clientSecret: Redacted.make(simulatedClient.secret),
          redirectUri: callbackOf(originOf(server)),
          endpoints,
        }),
        furnished,
      )
    }),
  ).pipe(Layer.provideMerge(GmailSimulator.layer({ ...simulator, mailboxes: simulatedMailboxes })))

/** A few mails in each simulated mailbox that is new. */
const furnished = Layer.effectDiscard(
  Effect.gen(function* () {
    const simulator = yield* GmailSimulator
    for (const { address, snapshot } of yield* simulator.mailboxes) {
      if (snapshot.messages.length > 0) continue
      yield* simulator.deliverAll(address, Mails.samples.values(), { labels: [label] })
    }
  }),
)
