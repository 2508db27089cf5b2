/**
 * The door through which Google says that a mailbox has changed (Pub/Sub push).
 *
 * A push is a hint and nothing more: it comes late, twice, in any order or never. So it moves no cursor and its
 * `historyId` is not even read; it makes the connections of the mailbox be looked at sooner than they would have been.
 * Polling stays the truth.
 *
 * | what came | answer | why |
 * | --- | --- | --- |
 * | not signed by Google for us (`PushRefused`) | 401 | somebody else's; whoever mends the subscription gets it again |
 * | a mailbox that nobody watches | 204 | it never will be of use: not acknowledged, it would come for days |
 * | signed, and not as documented | 204 | the same; it is counted |
 * | a mailbox that is watched | 204 | at once: the look that it causes is not waited for |
 * | Google's keys or the store cannot be had | 503 | Pub/Sub brings it again later |
 *
 * @see https://developers.google.com/workspace/gmail/api/guides/push
 * @see https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions
 */
import { type EventStore, type Ids, SyncScheduler, Webhooks } from "@holdfast/domain"
import { Cause, Clock, Context, Duration, Effect, Layer, Option, Predicate, Result, Schema, Semaphore } from "effect"

import { GmailMailboxes, type Watcher } from "./GmailMailboxes.ts"
import { ask, decode, requestOptions } from "./GoogleAnswer.ts"
import { type GoogleError } from "./GoogleError.ts"

/** The push subscription, as it was made in the Cloud project. */
export interface Settings {
  /** What the subscription's tokens are for: its `audience`, by default the address that it pushes to. */
  readonly audience: string
  /** The service account, by its e-mail, in whose name the subscription signs. */
  readonly serviceAccount: string
  /** Where Google's keys are, as PEM by key id; Google's own address by default. */
  readonly certificatesUrl?: string
  /** Looks that are taken at once because of pushes; 8 by default. */
  readonly concurrency?: number
}

/** What arrived: the `Authorization` header, if any, and the body as it was sent. */
export interface Push {
  readonly authorization: string | undefined
  readonly body: Uint8Array
}

/** Not from our subscription. Only counted. Sending the same again does not help. */
export class PushRefused extends Schema.TaggedError<PushRefused>()("PushRefused", {
  reason: Schema.Literals([
    "unsigned",
    "unknown-key",
    /** The signature is wrong, or it was made by another issuer, for another audience or another time. */
    "invalid-token",
    "another-account",
  ]),
}) {}

/** What became of a push. All of it is a success to the sender. */
export type Receipt =
  | { readonly _tag: "SyncDue"; readonly connectionIds: ReadonlyArray<Ids.ConnectionId> }
  | { readonly _tag: "Ignored"; readonly reason: "malformed" | "unknown-mailbox" }

export class GmailPush extends Context.Service<
  GmailPush,
  {
    /** Takes a push in. After `GoogleError` and `EventStoreUnavailable` it should be sent again. */
    handle(push: Push): Effect.Effect<Receipt, PushRefused | GoogleError | EventStore.EventStoreUnavailable>
  }
>()("@holdfast/adapters-gmail/GmailPush") {
  /**
   * `sync` is one look at a connection, as the scheduler takes it. There is one at a time of each connection, and however
   * many pushes come meanwhile, one more after it. What it fails with is logged by its class.
   */
  static readonly layer = <E, R>(settings: Settings, sync: (due: Due) => Effect.Effect<unknown, E, R>) =>
    Layer.effect(
      GmailPush,
      Effect.gen(function* () {
        const mailboxes = yield* GmailMailboxes
        const verify = yield* verifier(settings)
        const trigger = yield* triggerOf(sync, settings.concurrency ?? 8)

        return GmailPush.of({
          handle: Effect.fn("GmailPush.handle")(function* (push) {
            yield* verify(push.authorization)
            const address = addressIn(push.body)
            if (Option.isNone(address)) return yield* ignore("malformed")
            const watchers = yield* mailboxes.of(address.value)
            if (watchers.length === 0) return yield* ignore("unknown-mailbox")
            yield* Effect.forEach(watchers, trigger, { discard: true })
            return { _tag: "SyncDue", connectionIds: watchers.map(({ connectionId }) => connectionId) } as const
          }),
        })
      }),
    )
}

/** A connection to be looked at. */
export type Due = Pick<Watcher, "connectionId" | "tenantId">

/** Starts looks in the layer's own scope: whoever sent the push does not wait for them. */
const triggerOf = Effect.fnUntraced(function* <E, R>(
  sync: (due: Due) => Effect.Effect<unknown, E, R>,
  concurrency: number,
) {
  const scope = yield* Effect.scope
  const context = yield* Effect.context<R>()
  const turns = yield* Semaphore.make(concurrency)
  const looks = new Map<string, { again: boolean }>()

  const look = Effect.fnUntraced(function* (due: Due, key: string, wish: { again: boolean }) {
    do {
      wish.again = false
      yield* turns.withPermit(sync(due)).pipe(Effect.catchCause((cause) => tell(due, cause)))
    } while (wish.again)
    looks.delete(key)
  })

  return ({ connectionId, tenantId }: Due) =>
    Effect.suspend(() => {
      const key = JSON.stringify([tenantId, connectionId])
      const running = looks.get(key)
      if (running !== undefined) {
        running.again = true
        return Effect.void
      }
      const wish = { again: false }
      looks.set(key, wish)
      return look({ connectionId, tenantId }, key, wish).pipe(Effect.provideContext(context), Effect.forkIn(scope))
    })
})

/** By class: what a provider or a store said stays out of the logs. Somebody else's look is as good as ours. */
const tell = ({ connectionId }: Due, cause: Cause.Cause<unknown>) => {
  if (Cause.hasInterruptsOnly(cause)) return Effect.interrupt
  const failure = Cause.squash(cause)
  const name = Predicate.hasProperty(failure, "_tag") ? String(failure._tag) : "a defect"
  if (SyncScheduler.isMeant.has(name)) return Effect.void
  return Effect.annotateLogs(Effect.logWarning(`A look failed with ${name}`), { connectionId })
}

/** Makes sure that a token is our subscription's. */
const verifier = Effect.fnUntraced(function* ({ audience, certificatesUrl = google, serviceAccount }: Settings) {
  const { OAuth2Client } = yield* Effect.promise(() => import("google-auth-library"))
  const client = new OAuth2Client({ useAuthRequestParameters: false })
  const keys = yield* keysFrom(
    ask("certs", Duration.seconds(10), (signal) =>
      client.transporter.request({ ...requestOptions, url: certificatesUrl, signal }),
    ).pipe(Effect.flatMap(decode(Certificates, "certs"))),
  )

  return Effect.fn("GmailPush.verify")(function* (authorization: string | undefined) {
    const token = /^Bearer ([\w-]+\.[\w-]+\.[\w-]+)$/i.exec(authorization ?? "")?.[1]
    if (token === undefined) return yield* refuse("unsigned")
    const kid = keyNamedIn(token)
    if (Option.isNone(kid)) return yield* refuse("invalid-token")
    const key = yield* keys(kid.value)
    if (key === undefined) return yield* refuse("unknown-key")
    const claims = yield* Effect.tryPromise({
      // What it throws quotes the token.
      try: () => client.verifySignedJwtWithCertsAsync(token, { [kid.value]: key }, audience, issuers),
      catch: () => "invalid-token" as const,
    }).pipe(
      Effect.map((ticket) => ticket.getPayload()),
      Effect.catch(refuse),
    )
    if (claims?.email !== serviceAccount || claims.email_verified !== true) return yield* refuse("another-account")
  })
})

/** Keys by their id, fetched when one is needed that is not known, and anew after a while. */
const keysFrom = Effect.fnUntraced(function* (fetch: Effect.Effect<typeof Certificates.Type, GoogleError>) {
  const turn = yield* Semaphore.make(1)
  let known: { readonly certificates: typeof Certificates.Type; readonly at: number } | undefined
  return (kid: string) =>
    turn.withPermit(
      Effect.gen(function* () {
        const now = yield* Clock.currentTimeMillis
        const age = known === undefined ? Infinity : now - known.at
        const isKnown = known !== undefined && Object.hasOwn(known.certificates, kid)
        // Whoever makes up key ids has the keys fetched once a minute.
        if (known === undefined || age > keptFor || (!isKnown && age > askedAgainAfter)) {
          known = { certificates: yield* fetch, at: now }
        }
        return Object.hasOwn(known.certificates, kid) ? known.certificates[kid] : undefined
      }),
    )
})

const keptFor = Duration.toMillis("1 hour")
const askedAgainAfter = Duration.toMillis("1 minute")

const google = "https://www.googleapis.com/oauth2/v1/certs"
const issuers = ["https://accounts.google.com", "accounts.google.com"]

/** PEM by key id. */
const Certificates = Schema.Record(Schema.String, Schema.String)

const Header = Schema.StringFromBase64Url.pipe(
  Schema.decodeTo(Schema.fromJsonString(Schema.Struct({ alg: Schema.Literal("RS256"), kid: Schema.NonEmptyString }))),
)
const decodeHeader = Schema.decodeUnknownOption(Header)

const keyNamedIn = (token: string) => Option.map(decodeHeader(token.split(".")[0]), ({ kid }) => kid)

/** The envelope of Pub/Sub, and in it what Gmail says; of which only the address is read. */
const Body = Schema.fromJsonString(
  Schema.Struct({
    message: Schema.Struct({
      data: Schema.StringFromBase64.pipe(
        Schema.decodeTo(Schema.fromJsonString(Schema.Struct({ emailAddress: Schema.NonEmptyString }))),
      ),
    }),
  }),
)
const decodeBody = Schema.decodeUnknownOption(Body)

const addressIn = (body: Uint8Array) =>
  Result.getSuccess(Result.try(() => new TextDecoder("utf-8", { fatal: true }).decode(body))).pipe(
    Option.flatMap(decodeBody),
    Option.map(({ message }) => message.data.emailAddress),
  )

const ignore = (reason: "malformed" | "unknown-mailbox") =>
  Effect.as(Webhooks.count(Webhooks.ignored, { broker: "gmail", reason }), { _tag: "Ignored", reason } as const)

const refuse = (reason: PushRefused["reason"]) =>
  Effect.andThen(Webhooks.count(Webhooks.refused, { broker: "gmail", reason }), new PushRefused({ reason }))
