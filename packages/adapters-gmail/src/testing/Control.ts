/** What a test, or a person with `curl`, does to the simulated world. */
import { Clock, DateTime, Duration, Effect, Schema } from "effect"

import type { Fault, Request, RequestKind } from "./Faults.ts"
import type { World } from "./GoogleRoutes.ts"
import type { Spending } from "./QuotaMeter.ts"
import type { WorldOptions } from "./SimulatedGoogle.ts"
import type { SimulatedMailbox } from "./SimulatedMailbox.ts"
import type { SignedPush, Subscription, Watch } from "./SimulatedPushes.ts"

/** The simulated world has no such thing. Nothing was changed. */
export class NotSimulated extends Schema.TaggedError<NotSimulated>()("NotSimulated", {
  what: Schema.String,
}) {
  override get message() {
    return `The simulator has no ${this.what}`
  }
}

export interface Delivery {
  /** By name; made if they do not exist. In the inbox and unread besides. */
  readonly labels?: ReadonlyArray<string>
  /** Now if absent. */
  readonly receivedAt?: DateTime.Utc
  /** A conversation of its own if absent. */
  readonly threadId?: string
  /** The messages are announced at once, and can be read only this long after. */
  readonly readableAfter?: Duration.Input
}

export interface Control {
  /** Where it listens, without a slash at the end: the Gmail client's `rootUrl`. */
  readonly url: string
  /** For `GoogleOAuth.Settings`. */
  readonly endpoints: { readonly authorization: string; readonly token: string; readonly revocation: string }
  /** For `GmailPush.Settings`. */
  readonly certificatesUrl: string

  /** Opens a mailbox, or finds the one of this address. */
  addMailbox(address: string): Effect.Effect<SimulatedMailbox>
  readonly mailboxes: Effect.Effect<ReadonlyArray<SimulatedMailbox>>
  /** What a person does on the consent page: where the browser is sent. Fails where Google shows an error page. */
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
  /** Left out of every list and history from now on, though it is there and counted. */
  concealMessage(mailbox: string, messageId: string): Effect.Effect<void, NotSimulated>
  /** In the lists and the history again. */
  revealMessage(mailbox: string, messageId: string): Effect.Effect<void, NotSimulated>
  /** The mailbox lost its licence, or got it back: without it every request about it is refused. */
  unlicense(mailbox: string, isUnlicensed?: boolean): Effect.Effect<void, NotSimulated>
  /** From now on every page token from before is a bad argument. */
  forgetPages(mailbox: string): Effect.Effect<void, NotSimulated>
  /** What a mailbox spent of its quota, or all of them of the project's. */
  spending(mailbox?: string): Effect.Effect<Spending>
  /** From now on every cursor from before is answered with 404. */
  forgetHistory(mailbox: string): Effect.Effect<void, NotSimulated>

  /** Access tokens are too old from now on; refresh tokens stay good. Of all mailboxes if none is named. */
  expireAccessTokens(mailbox?: string): Effect.Effect<void, NotSimulated>
  /** Whether a refresh gives a new refresh token from now on, as {@link WorldOptions.rotateRefreshTokens} says. */
  rotateRefreshTokens(rotates: NonNullable<WorldOptions["rotateRefreshTokens"]>): Effect.Effect<void>
  /** The person withdraws consent: all tokens of the mailbox are dead. */
  revoke(mailbox: string): Effect.Effect<void, NotSimulated>

  /** What is announced, of the mailboxes for which somebody asked. */
  readonly watches: Effect.Effect<ReadonlyArray<Watch>>
  /** What Pub/Sub sends when the mailbox changes, signed for a subscription: now, again, late, as the caller likes. */
  pushOf(mailbox: string, subscription: Subscription): Effect.Effect<SignedPush, NotSimulated>

  /** The next requests of a kind fail. Faults wait in order; each request meets one at most. */
  fail(fault: Fault): Effect.Effect<void>
  readonly clearFaults: Effect.Effect<void>

  /** Every request since the start of the process, in order of their ends. */
  readonly requests: Effect.Effect<ReadonlyArray<Request>>
  /** How many requests of a kind came, however they ended. */
  count(kind: RequestKind): Effect.Effect<number>
  /** Waits until that many requests of a kind have been met, hanging ones included; one if not said. */
  met(kind: RequestKind, times?: number): Effect.Effect<void>
  /** How often each message was given out whole. */
  readonly rawFetches: Effect.Effect<ReadonlyMap<string, number>>
  readonly forgetRequests: Effect.Effect<void>
}

/** Drives a world that is served at an address. */
export const controlOf = ({ faults, google, journal }: World, url: string): Control => {
  /** Changes a mailbox; whatever it answers `false` to does not exist. */
  const at = <A>(address: string, what: string, change: (mailbox: SimulatedMailbox) => A) =>
    Effect.suspend(() => {
      const mailbox = google.mailbox(address)
      if (mailbox === undefined) return Effect.fail(new NotSimulated({ what: "such mailbox" }))
      const result = change(mailbox)
      google.save()
      return result === false ? Effect.fail(new NotSimulated({ what })) : Effect.succeed(result)
    })

  const deliverAll = Effect.fnUntraced(function* (
    address: string,
    mails: Iterable<Uint8Array>,
    options: Delivery = {},
  ) {
    const now = yield* Clock.currentTimeMillis
    const receivedAt = options.receivedAt ? DateTime.toEpochMillis(options.receivedAt) : now
    return yield* at(address, "", (mailbox) => {
      const labels = (options.labels ?? []).map((name) => mailbox.labelNamed(name))
      return Array.from(mails, (raw) => {
        const id = mailbox.deliver(raw, ["INBOX", "UNREAD", ...labels], receivedAt, options.threadId)
        if (options.readableAfter !== undefined) {
          mailbox.delay(id, now + Duration.toMillis(Duration.fromInputUnsafe(options.readableAfter)))
        }
        return id
      })
    })
  })

  return {
    url,
    endpoints: {
      authorization: `${url}/o/oauth2/v2/auth`,
      token: `${url}/token`,
      revocation: `${url}/revoke`,
    },
    certificatesUrl: `${url}/oauth2/v1/certs`,

    addMailbox: (address) => Effect.sync(() => google.addMailbox(address)),
    mailboxes: Effect.sync(() => google.mailboxes),
    consent: (authorizationUrl, answer) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        const request = google.oauth.readAuthorizationRequest(new URL(authorizationUrl).searchParams)
        if (typeof request === "string") return Effect.fail(new NotSimulated({ what: `way to ask this: ${request}` }))
        if (answer === "deny") return Effect.succeed(new URL(google.oauth.deny(request)))
        return at(
          answer.mailbox,
          "",
          (mailbox) => new URL(google.oauth.allow(request, mailbox, answer.scopes ?? request.scopes, now)),
        )
      }),

    deliver: (address, raw, options) => Effect.map(deliverAll(address, [raw], options), ([id = ""]) => id),
    deliverAll,
    label: (address, name) => at(address, "", (mailbox) => mailbox.labelNamed(name)),
    renameLabel: (address, labelId, name) =>
      Effect.asVoid(at(address, "such label", (mailbox) => mailbox.renameLabel(labelId, name))),
    deleteLabel: (address, labelId) =>
      Effect.asVoid(at(address, "such label", (mailbox) => mailbox.deleteLabel(labelId))),
    addLabel: (address, messageId, name) =>
      Effect.asVoid(at(address, "such message", (mailbox) => mailbox.label(messageId, mailbox.labelNamed(name)))),
    removeLabel: (address, messageId, name) =>
      Effect.asVoid(at(address, "such message", (mailbox) => mailbox.unlabel(messageId, mailbox.labelNamed(name)))),
    deleteMessage: (address, messageId) =>
      Effect.asVoid(at(address, "such message", (mailbox) => mailbox.delete(messageId))),
    concealMessage: (address, messageId) =>
      Effect.asVoid(at(address, "such message", (mailbox) => mailbox.conceal(messageId))),
    revealMessage: (address, messageId) =>
      Effect.asVoid(at(address, "such message", (mailbox) => mailbox.reveal(messageId))),
    unlicense: (address, isUnlicensed = true) =>
      at(address, "", (mailbox) => {
        mailbox.isUnlicensed = isUnlicensed
      }),
    forgetPages: (address) => at(address, "", (mailbox) => mailbox.forgetPages()),
    spending: (address) => Effect.sync(() => google.meter.spending(address)),
    forgetHistory: (address) => at(address, "", (mailbox) => mailbox.forgetHistory()),

    expireAccessTokens: (address) =>
      address === undefined
        ? Effect.sync(() => {
            google.oauth.expireAccessTokens()
            google.save()
          })
        : at(address, "", ({ subject }) => google.oauth.expireAccessTokens(subject)),
    rotateRefreshTokens: (rotates) =>
      Effect.sync(() => {
        google.oauth.rotatesRefreshTokens = rotates
      }),
    revoke: (address) => at(address, "", ({ subject }) => google.oauth.revoke(subject)),

    watches: Effect.sync(() => google.pushes.watches),
    pushOf: (address, subscription) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        at(address, "", (mailbox) =>
          google.pushes.push(address, { historyId: mailbox.currentHistoryId, ...subscription }, now),
        ),
      ),

    fail: (fault) => Effect.sync(() => faults.add(fault)),
    clearFaults: Effect.sync(() => faults.clear()),

    requests: Effect.sync(() => journal.requests),
    count: (kind) => Effect.sync(() => journal.count(kind)),
    met: (kind, times = 1) => Effect.callback((resume) => journal.whenMet(kind, times, () => resume(Effect.void))),
    rawFetches: Effect.sync(() => {
      const fetches = new Map<string, number>()
      for (const { format, id, outcome } of journal.requests) {
        if (format === "raw" && outcome === 200 && id !== undefined) fetches.set(id, (fetches.get(id) ?? 0) + 1)
      }
      return fetches
    }),
    forgetRequests: Effect.sync(() => journal.clear()),
  }
}
