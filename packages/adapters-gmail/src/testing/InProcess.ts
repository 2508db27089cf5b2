/**
 * The simulated Google without HTTP: Gmail's answers go straight to whoever asks, and its time is the asker's. For tests
 * that need thousands of worlds, or hours of them; everything behind the stock client is the same.
 */
import { Clock, DateTime, Duration, Effect, Layer, Option, Redacted } from "effect"

import * as GmailApi from "../GmailApi.ts"
import type { Response } from "../GoogleAnswer.ts"
import { GoogleError, InvalidGrant } from "../GoogleError.ts"
import { GoogleOAuth, requiredScopes } from "../GoogleOAuth.ts"
import { controlOf } from "./Control.ts"
import { FaultQueue, Journal, refusalOf, type RequestKind } from "./Faults.ts"
import { GmailSimulator } from "./GmailSimulator.ts"
import { type Reply, unauthenticated } from "./GoogleReply.ts"
import type { World } from "./GoogleRoutes.ts"
import { simulatedClient, SimulatedGoogle, type WorldOptions } from "./SimulatedGoogle.ts"
import type { SimulatedMailbox } from "./SimulatedMailbox.ts"

export interface Options extends Omit<WorldOptions, "stateFile"> {
  /** What the adapter keeps to, whatever the simulator charges. None by default. */
  readonly adapter?: GmailApi.Settings["quota"]
}

/** A world of its own. Only tokens that {@link consented} gave are good. */
export const layer = ({ adapter, ...options }: Options = {}) =>
  Layer.unwrap(
    Effect.map(
      Clock.clockWith((clock) => Effect.succeed(clock)),
      (clock) => {
        const world: World = { google: SimulatedGoogle.open(options), faults: new FaultQueue(), journal: new Journal() }
        const now = () => clock.currentTimeMillisUnsafe()
        return Layer.mergeAll(
          Layer.succeed(GmailSimulator, controlOf(world, "http://127.0.0.1:0")),
          Layer.succeed(
            GmailApi.GmailApi,
            GmailApi.over((token) => usersOf(world, Redacted.value(token), now), {
              rootUrl: "in process",
              ...(adapter !== undefined && { quota: adapter }),
            }),
          ),
          Layer.succeed(GoogleOAuth, oauthOf(world, now)),
        )
      },
    ),
  )

/** What a person's consent gives, without asking the person. */
export const consented = Effect.fnUntraced(function* (mailbox: string) {
  const control = yield* GmailSimulator
  const oauth = yield* GoogleOAuth
  const url = new URL(control.endpoints.authorization)
  url.search = new URLSearchParams({
    client_id: simulatedClient.id,
    redirect_uri: "http://127.0.0.1/callback",
    response_type: "code",
    scope: requiredScopes.join(" "),
    access_type: "offline",
    prompt: "consent",
    state: "state",
  }).toString()
  const back = yield* control.consent(url.toString(), { mailbox })
  return yield* oauth.exchange(Redacted.make(back.searchParams.get("code") ?? ""), Redacted.make(""))
})

const usersOf = ({ faults, google, journal }: World, token: string, now: () => number): GmailApi.Users => {
  const answer = async (
    kind: RequestKind,
    { signal }: { readonly signal: AbortSignal },
    work: (mailbox: SimulatedMailbox) => Reply,
    about: { readonly id?: string; readonly format?: string } = {},
  ): Promise<Response> => {
    const subject = google.oauth.authenticate(token, now())?.subject
    const mailbox = subject === undefined ? undefined : google.mailboxOf(subject)
    const fault = faults.take({ kind, ...about })
    const refusal = fault && refusalOf(fault)
    const isMet = fault === undefined || (fault.failure !== "hang" && fault.failure !== "dropBeforeWork")
    const reply = !isMet
      ? undefined
      : (refusal ?? (mailbox === undefined ? unauthenticated : (google.admit(kind, mailbox, now()) ?? work(mailbox))))
    journal.add({
      kind,
      ...about,
      ...(mailbox !== undefined && { mailbox: mailbox.address }),
      outcome: fault === undefined || refusal !== undefined ? (reply?.status ?? 0) : fault.failure,
    })
    if (fault?.failure === "hang") await new Promise((_, reject) => signal.addEventListener("abort", reject))
    if (reply === undefined || fault?.failure === "dropAfterWork") throw new Error("The connection was cut")
    const { body, headers = {}, status } = reply
    if (fault?.failure === "emptyBody") return { status, headers, data: "" }
    if (fault?.failure === "truncatedBody") return { status, headers, data: JSON.stringify(body).slice(0, -10) }
    return { status, headers, data: body }
  }
  const queryOf = (params: object) => {
    const query = new URLSearchParams()
    for (const [name, value] of Object.entries(params)) {
      if (value !== undefined) for (const one of Array.isArray(value) ? value : [value]) query.append(name, String(one))
    }
    return query
  }
  return {
    getProfile: (_, options) => answer("profile", options, (mailbox) => mailbox.profile()),
    labels: {
      list: (_, options) => answer("labels.list", options, (mailbox) => mailbox.listLabels()),
      get: ({ id }, options) => answer("labels.get", options, (mailbox) => mailbox.getLabel(id), { id }),
    },
    messages: {
      list: (params, options) => answer("messages.list", options, (mailbox) => mailbox.listMessages(queryOf(params))),
      get: ({ format, id }, options) =>
        answer("messages.get", options, (mailbox) => mailbox.getMessage(id, queryOf({ format }), now()), {
          id,
          format,
        }),
    },
    history: {
      list: (params, options) => answer("history.list", options, (mailbox) => mailbox.listHistory(queryOf(params))),
    },
    // Pushes need an address to go to.
    watch: () => Promise.reject(new Error("Nothing is pushed in this process")),
    stop: () => Promise.reject(new Error("Nothing is pushed in this process")),
  }
}

const oauthOf = ({ google }: World, now: () => number): GoogleOAuth["Service"] => {
  const ask = (grant: Record<string, string>) => {
    const form = new URLSearchParams({ client_id: simulatedClient.id, client_secret: simulatedClient.secret, ...grant })
    const { body, status } = google.oauth.token(form, (subject) => google.mailboxOf(subject), now())
    if (status !== 200) return Effect.fail(new GoogleError({ method: "token", reason: new InvalidGrant() }))
    const given = new Map(Object.entries(typeof body === "object" && body !== null ? body : {}))
    const accessToken = String(given.get("access_token"))
    return Effect.succeed({
      accessToken: Redacted.make(accessToken),
      refreshToken: Option.map(Option.fromNullishOr(given.get("refresh_token")), (token) =>
        Redacted.make(String(token)),
      ),
      expiresAt: DateTime.makeUnsafe(now() + Duration.toMillis(Duration.seconds(Number(given.get("expires_in"))))),
      scopes: String(given.get("scope")).split(" "),
      subject: google.oauth.authenticate(accessToken, now())?.subject ?? "",
    })
  }
  const absent = Effect.die(new Error("There is no browser in this process"))
  return GoogleOAuth.of({
    pkce: absent,
    authorizationUrl: () => "",
    exchange: (code) =>
      Effect.map(
        ask({
          grant_type: "authorization_code",
          code: Redacted.value(code),
          redirect_uri: "http://127.0.0.1/callback",
        }),
        (grant) => ({ ...grant, email: Redacted.make(google.mailboxOf(grant.subject)?.address ?? "") }),
      ),
    refresh: (refreshToken) =>
      Effect.map(ask({ grant_type: "refresh_token", refresh_token: Redacted.value(refreshToken) }), (grant) => ({
        ...grant,
        refreshToken: Option.getOrElse(grant.refreshToken, () => refreshToken),
      })),
    revoke: () => absent,
  })
}
