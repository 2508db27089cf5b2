/**
 * Plaid as far as a bank connection meets it: Link, Items, accounts, transactions and webhooks, over real HTTP on this
 * machine.
 *
 * It has state: people bank, Items learn of it, consents end, and every answer follows from that. Code drives it through
 * this service; `curl` drives it under `/_control`. All ids follow from a seed; only signing keys are new in every world.
 *
 * With a `stateFile` its world survives the end of the process at any moment: whatever was answered over HTTP, or told
 * by webhook, had been written before. Faults that wait, limits, the log of requests and webhooks that were sent end with the process.
 */
import { createServer } from "node:http"

import { NodeHttpServer } from "@effect/platform-node"
import { Clock, Context, DateTime, Effect, Layer, Queue } from "effect"
import { HttpMiddleware, HttpRouter, HttpServer } from "effect/http"

import { type Control, controlOf } from "./Control.ts"
import { controlRoutes } from "./ControlRoutes.ts"
import { Ambush, type Fault, Journal } from "./Faults.ts"
import { plaidRoutes, type World } from "./PlaidRoutes.ts"
import { SimulatedPlaid, type WorldOptions } from "./SimulatedPlaid.ts"
import * as StateFile from "./StateFile.ts"
import { deliver } from "./WebhookDelivery.ts"

export interface Options extends WorldOptions {
  /** A free one if absent. */
  readonly port?: number
  /** The world's time at the start; the program's if absent. Both run on together. */
  readonly startAt?: DateTime.Utc
  /**
   * Where the world is written after every change, and read from at the start; in memory only if absent. A world that is
   * read keeps its seed, institutions, updates and time, whatever the other options say. The file has about 350 bytes for
   * each change of a transaction.
   */
  readonly stateFile?: string
}

export class PlaidSimulator extends Context.Service<PlaidSimulator, Control>()(
  "@holdfast/adapters-plaid/testing/PlaidSimulator",
) {
  /** Serves until the scope ends; connections that still hang are cut then. */
  static readonly layer = (options: Options = {}) =>
    Layer.unwrap(
      Effect.gen(function* () {
        const server = createServer()
        const started = yield* Clock.currentTimeMillis
        const { stateFile } = options
        const kept = stateFile === undefined ? undefined : yield* StateFile.read(stateFile)
        let added =
          kept?.clockOffset ?? (options.startAt === undefined ? 0 : DateTime.toEpochMillis(options.startAt) - started)
        const plaid = yield* worldOf(options, started + added, kept)
        const keeper =
          stateFile === undefined
            ? undefined
            : new StateFile.Keeper(stateFile, {
                outline: () => ({ clockOffset: added, outline: plaid.outline }),
                rest: () => plaid.growth,
              })
        yield* Effect.addFinalizer(() => Effect.sync(() => keeper?.flush()))
        const wakeUps = yield* Queue.sliding<void>(1)
        const world: World = {
          plaid,
          faults: new Ambush<Fault>(),
          interludes: new Ambush<Effect.Effect<void>>(),
          journal: new Journal(),
          now: Effect.map(Clock.currentTimeMillis, (now) => now + added),
          wake: () => {
            Queue.offerUnsafe(wakeUps, undefined)
            keeper?.soon()
          },
          keep: () => keeper?.soon(),
          saved: keeper?.saved ?? Effect.void,
        }
        keeper?.soon()
        world.plaid.outbox.onChange = world.wake
        const addTime = (millis: number) => {
          added += millis
        }
        const control = Layer.effect(
          PlaidSimulator,
          Effect.map(HttpServer.HttpServer, ({ address }) =>
            controlOf({ ...world, addTime }, HttpServer.formatAddress(address)),
          ),
        )
        const routes = Layer.unwrap(
          Effect.map(PlaidSimulator, (simulator) =>
            Layer.merge(plaidRoutes(world, simulator.url), controlRoutes(simulator)),
          ),
        )
        return HttpRouter.serve(routes, { disableLogger: true, disableListenLog: true }).pipe(
          Layer.provideMerge(control),
          Layer.merge(Layer.effectDiscard(Effect.forkScoped(deliver(world, wakeUps)))),
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
}

const worldOf = (options: Options, now: number, kept: StateFile.Kept | undefined) =>
  kept === undefined
    ? Effect.sync(() => new SimulatedPlaid(options, now))
    : Effect.try({
        try: () => new SimulatedPlaid(options, now, kept),
        catch: () => new StateFile.StateFileRefused({ file: options.stateFile ?? "", reason: "malformed" }),
      })
