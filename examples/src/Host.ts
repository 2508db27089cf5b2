/** The whole host from its parts: a store, Google and Plaid or their simulators, the API, and what runs beside it. */
import { createServer } from "node:http"

import { NodeHttpServer } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { GmailApi, GmailMailboxes, GoogleOAuth, type QuotaBucket } from "@holdfast/adapters-gmail"
import { GmailSimulator } from "@holdfast/adapters-gmail/testing"
import { PlaidSimulator } from "@holdfast/adapters-plaid/testing"
import { Enrichment, Ids, InstitutionCounts } from "@holdfast/domain"
import { type Store } from "@holdfast/store-postgres"
import { Context, DateTime, Effect, Layer, Option, type Redacted, Schema } from "effect"
import { HttpRouter, HttpServer, HttpServerResponse } from "effect/http"
import { SqlClient } from "effect/sql"

import * as ApiHandlers from "./ApiHandlers.ts"
import * as Background from "./Background.ts"
import * as Banks from "./Banks.ts"
import * as DemoStays from "./DemoStays.ts"
import * as Guard from "./Guard.ts"
import { HostBookings } from "./HostBookings.ts"
import * as Layout from "./Layout.ts"
import * as MailboxPage from "./MailboxPage.ts"
import { Offer, providers } from "./Offer.ts"
import { originOf } from "./Origin.ts"
import { page } from "./Page.ts"
import * as ProblemPage from "./ProblemPage.ts"
import * as Pushes from "./Pushes.ts"

export interface Options {
  /** The interface to listen on. */
  readonly host: string
  /** 0: a free one. */
  readonly port: number
  /** The registration at Google; without it Google is simulated. */
  readonly google?: Google | undefined
  readonly simulator: { readonly port: number; readonly stateFile?: string }
  /** The registration at Plaid; without it Plaid is simulated. */
  readonly plaid?: Banks.Registration | undefined
  readonly banks: Banks.Simulated
  /** Where the bookings of this host are kept, if not beside the store in the same process. */
  readonly databaseUrl?: Redacted.Redacted | undefined
  /** The key that Nango signs its webhooks with. */
  readonly nangoKey: Redacted.Redacted
}

/** The registration at Google. */
export interface Google {
  readonly clientId: string
  readonly clientSecret: Redacted.Redacted
  /** What Google allows the Cloud project. */
  readonly quota?: QuotaBucket.Quota | undefined
  /** Where mailboxes are announced; without it they are polled. */
  readonly pushes?: Pushes.Settings | undefined
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
  readonly dataDir?: unknown
  readonly problem?: unknown
  readonly reason?: unknown
}) => {
  const { cause } = error
  switch (error._tag) {
    case "ServeError": {
      if (isAddressError(cause)) return `HOST: this machine has no such address (${cause.code}).`
      if (!isListenError(cause)) return error.message
      const problem = cause.code === "EADDRINUSE" ? "is taken" : `cannot be listened on (${cause.code})`
      return `Port ${cause.port} ${problem}. Choose others with PORT, SIMULATOR_PORT and PLAID_SIMULATOR_PORT.`
    }
    case "InvalidMasterKeys":
      return `HOLDFAST_MASTER_KEYS: ${String(error.problem)}.`
    case "CannotOpen":
      return `HOLDFAST_DIR: the database in ${String(error.dataDir)} cannot be opened (${cause instanceof Error ? cause.message : "it is not known why"}). What was committed is untouched.`
    case "EventStoreUnavailable":
      return `The database does not answer, or does not let us in: ${String(error.reason)}.`
    default:
      return error.message === "" ? `${error._tag ?? "It is not known why"}.` : error.message
  }
}

const isListenError = Schema.is(Schema.Struct({ code: Schema.String, port: Schema.Number }))

const isAddressError = Schema.is(Schema.Struct({ code: Schema.Literals(["EADDRNOTAVAIL", "EAI_AGAIN", "ENOTFOUND"]) }))

class Where extends Context.Service<Where, Started>()("@holdfast/examples/Host/Where") {}

type StoreServices = Layer.Success<ReturnType<typeof Store.layerPglite>>

const layer = (options: Options) => {
  const routes = Layer.mergeAll(
    ApiHandlers.layer,
    pages(options),
    MailboxPage.layer(demoTenant),
    demoCalendars,
    importDemo,
    Guard.nowhere,
    Guard.layer(options),
    ProblemPage.layer,
  )
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
    Layer.provide(pushes(options)),
    Layer.provide(Offer.layer({ nangoKey: options.nangoKey, isSimulated: options.google === undefined })),
    Layer.provide(GmailMailboxes.GmailMailboxes.layer),
    Layer.provide(providers),
    Layer.provide(InstitutionCounts.layer()),
    Layer.provide(Layer.provide(HostBookings.layer, hostsDatabase(options))),
    Layer.merge(where),
    Layer.provide(options.google === undefined ? simulatedGoogle(options) : google(options.google)),
    Layer.provide(options.plaid === undefined ? simulatedBanks(options) : Banks.plaid(options.plaid)),
    Layer.provide(serverAt(options)),
  )
}

/** The library's own sessions on a server may touch nothing but its own: a host has sessions of its own. */
const hostsDatabase = ({ databaseUrl }: Options) =>
  databaseUrl === undefined
    ? Layer.effect(SqlClient.SqlClient, PgClient.PgClient)
    : PgClient.layer({ url: databaseUrl, applicationName: "holdfast example" })

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

/** Of Google itself where a topic is named, and of the simulated one always. */
const pushes = ({ google }: Options) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const simulator = yield* Effect.serviceOption(GmailSimulator)
      if (Option.isNone(simulator)) return Pushes.Pushes.layer(google?.pushes)
      const audience = `${originOf(yield* HttpServer.HttpServer)}/api/webhooks/gmail`
      const { certificatesUrl } = simulator.value
      return Pushes.Pushes.layer({ ...Pushes.simulated, audience, certificatesUrl })
    }),
  )

const simulatedBanks = ({ banks }: Options) =>
  Layer.unwrap(Effect.map(HttpServer.HttpServer, (server) => Banks.simulated(originOf(server), banks)))

const demoTenant = Ids.TenantId.make("demo")

const pages = ({ google, plaid }: Options) =>
  HttpRouter.add(
    "GET",
    "/",
    Effect.map(
      page(demoTenant, {
        label,
        mailboxes: google === undefined ? simulatedMailboxes : [],
        logins: plaid === undefined ? Object.keys(Banks.people) : [],
      }),
      (html) => Layout.response(html),
    ),
  )

/** The calendars of the simulated stays, as their platforms would serve them. */
const demoCalendars = HttpRouter.add(
  "GET",
  "/demo/:calendar",
  Effect.gen(function* () {
    const { calendar = "" } = yield* HttpRouter.params
    const simulator = yield* Effect.serviceOption(GmailSimulator)
    const calendars = Option.isNone(simulator) ? undefined : (yield* demo(simulator.value)).calendars
    const found = calendars?.get(calendar.replace(/\.ics$/, ""))
    return found === undefined
      ? HttpServerResponse.text("There is no such calendar", { status: 404 })
      : HttpServerResponse.text(found.text, { contentType: "text/calendar; charset=utf-8" })
  }),
)

/** What a host's own schedule does: every calendar is fetched and imported. For the page's button. */
const importDemo = HttpRouter.add(
  "POST",
  "/demo/calendars",
  Effect.gen(function* () {
    const simulator = yield* Effect.serviceOption(GmailSimulator)
    if (Option.isSome(simulator)) {
      const bookings = yield* HostBookings
      const zone = DateTime.zoneMakeNamedUnsafe("UTC")
      for (const [feed, { listing, platform, text }] of (yield* demo(simulator.value)).calendars) {
        const { changed } = yield* bookings.importFeed(demoTenant, { feed, platform, listing, zone }, text)
        yield* Enrichment.bookingsChanged(demoTenant, changed)
      }
    }
    return HttpServerResponse.redirect("/", { status: 303 })
  }),
)

/** The stays of the demonstration, from the day on which its first mail came. */
const demo = Effect.fnUntraced(function* (simulator: GmailSimulator["Service"]) {
  const now = yield* DateTime.now
  const mailboxes = yield* simulator.mailboxes
  const came = mailboxes.flatMap(({ snapshot }) => snapshot.messages.map(({ internalDate }) => internalDate))
  return DemoStays.of(DateTime.makeUnsafe(came.reduce((first, at) => Math.min(first, at), DateTime.toEpochMillis(now))))
})

const callbackOf = (origin: string) => `${origin}/api/gmail/callback`

const google = ({ clientId, clientSecret, quota }: Google) =>
  Layer.unwrap(
    Effect.map(HttpServer.HttpServer, (server) =>
      Layer.merge(
        GmailApi.GmailApi.layer(quota === undefined ? {} : { quota }),
        GoogleOAuth.GoogleOAuth.layer({ clientId, clientSecret, redirectUri: callbackOf(originOf(server)) }),
      ),
    ),
  )

const simulatedGoogle = ({ simulator }: Options) =>
  Layer.unwrap(
    Effect.map(HttpServer.HttpServer, (server) =>
      Layer.merge(GmailSimulator.adapter({ redirectUri: callbackOf(originOf(server)) }), furnished),
    ),
  ).pipe(Layer.provideMerge(GmailSimulator.layer({ ...simulator, mailboxes: simulatedMailboxes })))

/** What has come into each simulated mailbox that is new. */
const furnished = Layer.effectDiscard(
  Effect.gen(function* () {
    const simulator = yield* GmailSimulator
    for (const { address, snapshot } of yield* simulator.mailboxes) {
      if (snapshot.messages.length > 0) continue
      const receivedAt = yield* DateTime.now
      yield* simulator.deliverAll(address, DemoStays.of(receivedAt).mails, { labels: [label], receivedAt })
    }
  }),
)
