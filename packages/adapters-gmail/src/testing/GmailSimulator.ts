/**
 * Google as far as a mailbox connection meets it: consent, tokens and the Gmail API over real HTTP on this machine.
 *
 * It has state: mail arrives, labels move, tokens expire, consent is withdrawn, and every answer follows from that. Code
 * drives it through this service; `curl` drives it under `/simulator`. With a `stateFile` its world survives the end of
 * the process at any moment: whatever was answered had been written before.
 */
import { createServer } from "node:http"

import { NodeHttpServer } from "@effect/platform-node"
import { Context, type Duration, Effect, Layer, Redacted } from "effect"
import { HttpMiddleware, HttpRouter, HttpServer } from "effect/http"

import * as GmailApi from "../GmailApi.ts"
import { GoogleOAuth } from "../GoogleOAuth.ts"
import { type Control, controlOf } from "./Control.ts"
import { controlRoutes } from "./ControlRoutes.ts"
import { FaultQueue, Journal } from "./Faults.ts"
import { googleRoutes, type World } from "./GoogleRoutes.ts"
import { simulatedClient, SimulatedGoogle, type WorldOptions } from "./SimulatedGoogle.ts"

export interface Options extends WorldOptions {
  /** A free one if absent. */
  readonly port?: number
}

export interface AdapterOptions {
  /** Where people are sent back to. */
  readonly redirectUri?: string
  readonly timeout?: Duration.Input
}

export class GmailSimulator extends Context.Service<GmailSimulator, Control>()(
  "@holdfast/adapters-gmail/testing/GmailSimulator",
) {
  /** Serves until the scope ends; connections that still hang are cut then. */
  static readonly layer = (options: Options = {}) =>
    Layer.unwrap(
      Effect.sync(() => {
        const server = createServer()
        const world: World = { google: SimulatedGoogle.open(options), faults: new FaultQueue(), journal: new Journal() }
        const control = Layer.effect(
          GmailSimulator,
          Effect.map(HttpServer.HttpServer, ({ address }) => controlOf(world, HttpServer.formatAddress(address))),
        )
        const routes = Layer.merge(googleRoutes(world), Layer.unwrap(Effect.map(GmailSimulator, controlRoutes)))
        return HttpRouter.serve(routes, {
          disableLogger: true,
          disableListenLog: true,
        }).pipe(
          Layer.provideMerge(control),
          Layer.merge(Layer.effectDiscard(Effect.addFinalizer(() => Effect.sync(() => server.closeAllConnections())))),
          Layer.provide(
            NodeHttpServer.layerServer(() => server, {
              host: "127.0.0.1",
              port: options.port ?? 0,
              disablePreemptiveShutdown: true,
            }),
          ),
          Layer.provide(Layer.succeed(HttpMiddleware.TracerDisabledWhen, () => true)),
        )
      }),
    )

  /** The adapter's Google side, turned to this simulator. */
  static readonly adapter = ({ redirectUri = "http://127.0.0.1/callback", ...patience }: AdapterOptions = {}) =>
    Layer.unwrap(
      Effect.map(GmailSimulator, ({ endpoints, url }) =>
        Layer.merge(
          GmailApi.GmailApi.layer({ rootUrl: url, ...patience }),
          GoogleOAuth.layer({
            clientId: simulatedClient.id,
            clientSecret: Redacted.make(simulatedClient.secret),
            redirectUri,
            endpoints,
            ...patience,
          }),
        ),
      ),
    )
}
