/**
 * Google as far as a mailbox connection meets it: consent, tokens and the Gmail API over real HTTP on this machine.
 *
 * It has state: mail arrives, labels move, tokens expire, consent is withdrawn, and every answer follows from that. Code
 * drives it through this service; `curl` drives it under `/simulator`. With a `stateFile` its world survives the end of
 * the process at any moment: whatever was answered had been written before.
 */
import { createServer } from "node:http"

import { NodeHttpServer } from "@effect/platform-node"
import { Context, Effect, Layer } from "effect"
import { HttpMiddleware, HttpRouter, HttpServer } from "effect/http"

import { type Control, controlOf } from "./Control.ts"
import { controlRoutes } from "./ControlRoutes.ts"
import { FaultQueue, Journal } from "./Faults.ts"
import { googleRoutes, type World } from "./GoogleRoutes.ts"
import { SimulatedGoogle, type WorldOptions } from "./SimulatedGoogle.ts"

export interface Options extends WorldOptions {
  /** A free one if absent. */
  readonly port?: number
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
            NodeHttpServer.layer(() => server, {
              host: "127.0.0.1",
              port: options.port ?? 0,
              disablePreemptiveShutdown: true,
            }),
          ),
          Layer.provide(Layer.succeed(HttpMiddleware.TracerDisabledWhen, () => true)),
        )
      }),
    )
}
