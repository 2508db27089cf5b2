/** The example's host in this process, on ports of its own, and a browser for each user. */
import { createHmac } from "node:crypto"

import { Credentials } from "@holdfast/domain"
import { Store } from "@holdfast/store-postgres"
import { Context, Duration, Effect, Layer, Redacted, Schedule, Schema } from "effect"

import * as Host from "../src/Host.ts"

export const nangoKey = "the-signing-key-of-this-test"
export const mailbox = "ada@example.com"

export class Where extends Context.Service<
  Where,
  { readonly server: string; readonly simulator: string; readonly banks: string }
>()("@holdfast/examples/test/Where") {
  static readonly layer = Layer.effect(
    Where,
    Effect.map(
      Host.start(
        Layer.merge(
          Store.layerPglite({
            masterKeys: { current: "test", keys: { test: Redacted.make(new Uint8Array(32).fill(5)) } },
          }),
          // That consent was withdrawn is as certain at once.
          Layer.succeed(Credentials.ConfirmAfter, Duration.millis(1)),
        ),
        { host: "127.0.0.1", port: 0, simulator: { port: 0 }, banks: { port: 0 }, nangoKey: Redacted.make(nangoKey) },
      ),
      ({ banks = "", server, simulator = "" }) => ({ server, simulator, banks }),
    ),
  )
}

export interface Answer {
  /** Where the redirects led. */
  readonly at: string
  readonly status: number
  readonly text: string
  readonly body: unknown
  readonly headers: Headers
}

/** Asks the server at an address, like a browser: cookies are kept, and redirects followed. */
export class Browser {
  /** By the name of the server that set them: others do not get them. */
  private readonly cookies = new Map<string, Map<string, string>>()
  readonly origin: string
  readonly identity: Readonly<Record<string, string>>

  /** `asPerson`: one who sees pages, where a program gets answers. */
  constructor(
    origin: string,
    identity: { readonly tenant?: string; readonly user?: string; readonly asPerson?: boolean } = {},
  ) {
    this.origin = origin
    this.identity = {
      "x-tenant-id": identity.tenant ?? "demo",
      "x-user-id": identity.user ?? "ada",
      ...(identity.asPerson === true && { accept: "text/html" }),
    }
  }

  readonly get = (path: string) => this.ask("GET", path)
  readonly post = (path: string, body?: unknown) => this.ask("POST", path, body)
  readonly patch = (path: string, body: unknown) => this.ask("PATCH", path, body)
  /** What a button of a page sends. */
  readonly press = (path: string, fields: Readonly<Record<string, string>> = {}) =>
    this.ask("POST", path, new URLSearchParams(fields).toString(), "application/x-www-form-urlencoded")
  readonly put = (path: string, text: string, contentType: string) => this.ask("PUT", path, text, contentType)

  /** The redirects of a consent: to Google, which answers for the mailbox, and back. */
  readonly connect = (
    options: {
      /** None is named where this is null. */
      readonly label?: string | null
      readonly mailbox?: string
      readonly every?: number
      readonly reconnects?: string
    } = {},
  ) =>
    this.get(
      `/api/gmail/start?${new URLSearchParams({
        ...(options.label !== null && { label: options.label ?? Host.label }),
        ...(options.reconnects !== undefined && { reconnects: options.reconnects }),
        simulate: options.mailbox ?? mailbox,
        pollIntervalSeconds: String(options.every ?? 86_400),
      }).toString()}`,
    )

  private ask(method: string, path: string, body?: unknown, contentType = "application/json"): Effect.Effect<Answer> {
    return Effect.promise(async (signal) => {
      let url = new URL(path, this.origin)
      const sent = contentType === "application/json" && body !== undefined ? JSON.stringify(body) : body
      let response = await this.send(method, url, signal, sent, contentType)
      for (let location = response.headers.get("location"); location !== null;) {
        await response.body?.cancel()
        url = new URL(location, url)
        response = await this.send("GET", url, signal)
        location = response.headers.get("location")
      }
      const text = await response.text()
      const isJson = response.headers.get("content-type")?.includes("json") === true
      return {
        at: url.href,
        status: response.status,
        text,
        body: isJson ? JSON.parse(text) : undefined,
        headers: response.headers,
      }
    })
  }

  private async send(method: string, url: URL, signal: AbortSignal, body?: unknown, contentType = "") {
    const cookies = this.cookies.get(url.hostname) ?? new Map<string, string>()
    this.cookies.set(url.hostname, cookies)
    const response = await fetch(url, {
      method,
      signal,
      redirect: "manual",
      headers: {
        ...this.identity,
        ...(body !== undefined && { "content-type": contentType }),
        cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join("; "),
      },
      ...(typeof body === "string" && { body }),
    })
    for (const cookie of response.headers.getSetCookie()) {
      const [name = "", value = ""] = cookie.split(";")[0]?.split("=") ?? []
      cookies.set(name, value)
    }
    return response
  }
}

/** Delivers a webhook as Nango does, signed with a key, or with the header that is given instead. */
export const deliver = (
  origin: string,
  body: string,
  headers: Readonly<Record<string, string>> = { "x-nango-hmac-sha256": signatureOf(body) },
): Effect.Effect<Pick<Answer, "status" | "body">> =>
  Effect.promise(async (signal) => {
    const response = await fetch(new URL("/api/webhooks/nango", origin), {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body,
      signal,
    })
    return { status: response.status, body: await response.json() }
  })

export const signatureOf = (body: string, key = nangoKey) => createHmac("sha256", key).update(body).digest("hex")

/** Asks again until the answer is as it will be. */
export const eventually = <A, E, R>(ask: Effect.Effect<A, E, R>, isSo: (answer: A) => boolean) =>
  Effect.repeat(ask, { until: isSo, schedule: Schedule.spaced("25 millis") })

export const idOf = (answer: Pick<Answer, "body">) => decodeId(answer.body).connectionId

const decodeId = Schema.decodeUnknownSync(Schema.Struct({ connectionId: Schema.String }))

export const rowsOf = (answer: Pick<Answer, "body">): ReadonlyArray<Readonly<Record<string, unknown>>> =>
  decodeRows(answer.body)

const decodeRows = Schema.decodeUnknownSync(Schema.Array(Schema.Record(Schema.String, Schema.Unknown)))
