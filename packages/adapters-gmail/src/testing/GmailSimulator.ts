/**
 * Google as far as a mailbox connection meets it: consent, tokens and the Gmail API over real HTTP on this machine.
 *
 * It has state: mail arrives, labels move, tokens expire, consent is withdrawn, and every answer follows from that. Code
 * drives it through this service; `curl` drives it under `/simulator`. With a `stateFile` its world survives the end of
 * the process at any moment: whatever was answered had been written before.
 */
import { NodeHttpServer } from "@effect/platform-node"
import { Clock, Context, DateTime, Effect, Layer, Schema } from "effect"
import { HttpRouter, HttpServer } from "effect/http"
import { createServer } from "node:http"

import { controlRoutes } from "./ControlRoutes.ts"
import { type Fault, FaultQueue, type Request, type RequestKind } from "./Faults.ts"
import { googleRoutes } from "./GoogleRoutes.ts"
import { SimulatedGoogle, type WorldOptions } from "./SimulatedGoogle.ts"

export interface Options extends WorldOptions {
  /** A free one if absent. */
  readonly port?: number
}

/** The code-driven world has no such mailbox, message or label. Nothing was changed. */
export class NotSimulated extends Schema.TaggedError<NotSimulated>()("NotSimulated", {
  what: Schema.String,
}) {
  override get message() {
    return `The simulator has no ${this.what}`
  }
}

export class GmailSimulator extends Context.Service<
  GmailSimulator,
  {
    /** Where it listens, without a slash at the end: the Gmail client's `rootUrl`. */
    readonly url: string
    /** For `GoogleOAuth.Settings`. */
    readonly endpoints: { readonly authorization: string; readonly token: string; readonly revocation: string }

    /** Opens a mailbox, or finds the one of this address. */
    addMailbox(address: string): Effect.Effect<{ readonly address: string; readonly subject: string }>
    /** What a person does on the consent page: where the browser is sent. `undefined` where Google shows an error. */
    consent(
      authorizationUrl: string,
      answer: { readonly mailbox: string; readonly scopes?: ReadonlyArray<string> } | "deny",
    ): Effect.Effect<URL, NotSimulated>

    /** Mail arrives; the labels, by name, are put on by filters. Labels that do not exist are made. */
    deliver(mailbox: string, raw: Uint8Array, options?: Delivery): Effect.Effect<string, NotSimulated>
    /** Many at once, in order. */
    deliverAll(
      mailbox: string,
      mails: Iterable<Uint8Array>,
      options?: Delivery,
    ): Effect.Effect<ReadonlyArray<string>, NotSimulated>
    /** The id of a label by name, made if it does not exist. */
    label(mailbox: string, name: string): Effect.Effect<string, NotSimulated>
    renameLabel(mailbox: string, labelId: string, name: string): Effect.Effect<void, NotSimulated>
    deleteLabel(mailbox: string, labelId: string): Effect.Effect<void, NotSimulated>
    /** Puts a label, by name, on a message that is there. */
    addLabel(mailbox: string, messageId: string, name: string): Effect.Effect<void, NotSimulated>
    removeLabel(mailbox: string, messageId: string, name: string): Effect.Effect<void, NotSimulated>
    /** For ever: not into the trash. */
    deleteMessage(mailbox: string, messageId: string): Effect.Effect<void, NotSimulated>
    /** From now on every cursor from before is answered with 404. */
    forgetHistory(mailbox: string): Effect.Effect<void, NotSimulated>

    /** Access tokens are too old from now on; refresh tokens stay good. Of all mailboxes if none is named. */
    expireAccessTokens(mailbox?: string): Effect.Effect<void, NotSimulated>
    /** The person withdraws consent: all tokens of the mailbox are dead. */
    revoke(mailbox: string): Effect.Effect<void, NotSimulated>

    /** The next requests of a kind fail. Faults wait in order; each request meets one at most. */
    fail(fault: Fault): Effect.Effect<void>
    readonly clearFaults: Effect.Effect<void>

    /** Every request since the start of the process, in order of their ends. */
    readonly requests: Effect.Effect<ReadonlyArray<Request>>
    /** How many requests of a kind came, however they ended. */
    count(kind: RequestKind): Effect.Effect<number>
    /** How often each message was given out whole. */
    readonly rawFetches: Effect.Effect<ReadonlyMap<string, number>>
    readonly forgetRequests: Effect.Effect<void>
  }
>()("@holdfast/adapters-gmail/testing/GmailSimulator") {
  /** Serves until the scope ends; hanging connections are cut then. */
  static readonly layer = (options: Options = {}) =>
    Layer.unwrap(
      Effect.sync(() => {
        const server = createServer()
        const google = SimulatedGoogle.open(options)
        const faults = new FaultQueue()
        const journal: Array<Request> = []

        const routes = Layer.mergeAll(googleRoutes({ google, faults, journal }), controlRoutes({ google, faults, journal }))
        const cut = Layer.effectDiscard(Effect.addFinalizer(() => Effect.sync(() => server.closeAllConnections())))

        return Layer.effect(GmailSimulator, Effect.map(HttpServer.HttpServer, serviceOf(google, faults, journal))).pipe(
          Layer.merge(HttpRouter.serve(routes, { disableLogger: true, disableListenLog: true })),
          Layer.merge(cut),
          Layer.provide(
            NodeHttpServer.layer(() => server, {
              host: "127.0.0.1",
              port: options.port ?? 0,
              disablePreemptiveShutdown: true,
            }),
          ),
        )
      }),
    )
}

export interface Delivery {
  /** By name; made if they do not exist. In the inbox and unread besides. */
  readonly labels?: ReadonlyArray<string>
  /** Now if absent. */
  readonly receivedAt?: DateTime.Utc
  /** A conversation of its own if absent. */
  readonly threadId?: string
}
