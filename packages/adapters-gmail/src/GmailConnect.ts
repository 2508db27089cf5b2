/**
 * The callback door: how a person's consent at Google becomes a connection.
 *
 * ```text
 * begin     pending connection, consent asked for (vault)  ──▶ the person goes to Google
 * complete  same browser, same consent, once               ──▶ code exchanged, credentials (vault), registered
 * recover   credentials are there, the connection is not   ──▶ registered
 * ```
 *
 * Whatever is about to happen at Google is written down before. A process that
 * dies in between leaves a consent that can be finished, or one that has to be
 * given again, and in either case somebody who can see which.
 */
import { createHash, timingSafeEqual } from "node:crypto"

import { Aggregate, Connection, EventStore, Ids, KeyedHash, Registration, Vault } from "@holdfast/domain"
import { DateTime, Duration, Effect, Option, Redacted, Schema, Stream } from "effect"
import { SecureRandom } from "effect/crypto"
import { Base64Url } from "effect/encoding"

import { callback, GoogleOAuth } from "./GoogleOAuth.ts"
import { id as gmail } from "./GmailProvider.ts"
import * as GmailSecret from "./GmailSecret.ts"

/** Who is at the browser, as the host's session says. */
export interface Session {
  readonly tenantId: Ids.TenantId
  readonly ownerId: Ids.OwnerId
  /** Of this browser's session with the host. Whoever begins a consent must be the one who completes it. */
  readonly id: string
}

export interface Begin {
  readonly session: Session
  readonly settings: Connection.Settings
  readonly pollIntervalSeconds?: number | undefined
}

/**
 * The answer from Google does not belong to a consent that this browser was asked
 * for. Nothing was connected. Beginning again helps.
 */
export class ConsentRefused extends Schema.TaggedError<ConsentRefused>()("ConsentRefused", {
  reason: Schema.Literals(["unknown", "another-session", "expired", "used", "no-refresh-token"]),
}) {}

/** How long a person may take at Google. */
const patience = Duration.minutes(15)

/** Prepares a pending connection, and says where to send the person. */
export const begin = Effect.fn("GmailConnect.begin")(function* ({ pollIntervalSeconds, session, settings }: Begin) {
  const oauth = yield* GoogleOAuth
  const vault = yield* Vault.Vault
  const random = yield* SecureRandom.SecureRandom
  const { ownerId, tenantId } = session
  const at = yield* DateTime.now
  const connectionId = Ids.ConnectionId.make(yield* random.uuidV4())
  const nonce = Base64Url.encode(yield* random.randomBytes(32))
  const { challenge, verifier } = yield* oauth.pkce

  yield* Registration.configure({
    tenantId,
    ownerId,
    provider: gmail,
    connectionId,
    settings,
    ...(pollIntervalSeconds !== undefined && { pollIntervalSeconds }),
    actor: { kind: "owner", id: ownerId },
  })
  yield* vault.put(
    tenantId,
    connectionId,
    GmailSecret.write({
      _tag: "Asked",
      state: nonce,
      verifier: Redacted.value(verifier),
      session: session.id,
      expiresAt: DateTime.addDuration(at, patience),
    }),
    { replaces: 0 },
  )
  return { connectionId, url: oauth.authorizationUrl({ state: `${connectionId}.${nonce}`, challenge }) }
})

/**
 * Takes the person back from Google: exchanges the code and registers the
 * connection. Coming back twice, by a reload say, gives the same answer.
 */
export const complete = Effect.fn("GmailConnect.complete")(function* ({
  query,
  session,
}: {
  readonly query: URLSearchParams
  readonly session: Session
}) {
  const vault = yield* Vault.Vault
  const { tenantId } = session
  const answer = callback(query)
  const [reference = "", nonce = ""] = Option.getOrElse(answer.state, () => "").split(".")
  const connectionId = yield* Effect.mapError(
    decodeConnectionId(reference),
    () => new ConsentRefused({ reason: "unknown" }),
  )
  const held = yield* Effect.catchTag(vault.get(tenantId, connectionId), "CredentialsNotFound", () => refuse("unknown"))
  const consent = GmailSecret.read(held.secret)

  if (!isEqual(consent.state, nonce)) return yield* refuse("unknown")
  if (consent.session !== session.id) return yield* refuse("another-session")
  if (consent._tag === "Granted") return yield* finish(tenantId, connectionId)
  if (consent._tag === "Exchanging") return yield* refuse("used")
  if (DateTime.isLessThan(consent.expiresAt, yield* DateTime.now)) return yield* refuse("expired")
  const code = yield* Effect.fromResult(answer.code)

  const { state } = consent
  const exchanging = yield* vault
    .put(tenantId, connectionId, GmailSecret.write({ _tag: "Exchanging", state, session: session.id }), {
      replaces: held.version,
    })
    .pipe(Effect.catchTag("CredentialsConflict", () => refuse("used")))
  const grant = yield* (yield* GoogleOAuth).exchange(code, Redacted.make(consent.verifier))
  if (Option.isNone(grant.refreshToken)) return yield* refuse("no-refresh-token")
  yield* vault.put(
    tenantId,
    connectionId,
    GmailSecret.write({
      _tag: "Granted",
      state,
      session: session.id,
      accessToken: Redacted.value(grant.accessToken),
      refreshToken: Redacted.value(grant.refreshToken.value),
      expiresAt: grant.expiresAt,
      scopes: grant.scopes,
      identity: yield* (yield* KeyedHash.KeyedHash).hash(tenantId, "gmail.sub", grant.subject),
      address: Redacted.value(grant.email),
    }),
    { replaces: exchanging },
  )
  return yield* finish(tenantId, connectionId)
})

/** Registers the connection whose credentials are in the vault. Safe to repeat. */
const finish = Effect.fnUntraced(function* (tenantId: Ids.TenantId, connectionId: Ids.ConnectionId) {
  const held = yield* (yield* Vault.Vault).get(tenantId, connectionId)
  const { address, identity, scopes } = GmailSecret.granted(held.secret)
  const { state } = yield* load(tenantId, connectionId)
  const ownerId = yield* Effect.fromNullishOr(state.ownerId)
  return yield* Registration.register({
    tenantId,
    ownerId,
    provider: gmail,
    authorization: Ids.AuthorizationRef.make(connectionId),
    connectionId,
    identity,
    scopes,
    label: address,
    credentialVersion: held.version,
    door: "callback",
    actor: { kind: "owner", id: ownerId },
  })
})

/**
 * Finishes what a process that died left behind: connections whose credentials
 * are in the vault and which were never registered. To be run when a host starts.
 */
export const recover = Effect.fn("GmailConnect.recover")(function* () {
  const log = yield* EventStore.EventLog
  const pending = yield* Stream.runFold(
    log.read(EventStore.beginning, { categories: [Connection.name], types: ["configured", "connected"], sealed: false }),
    () => new Map<EventStore.StreamId, Ids.TenantId>(),
    (pending, { event, streamId, tenantId }) => {
      if (event.type === "connected" || event.data["provider"] !== gmail) pending.delete(streamId)
      else pending.set(streamId, tenantId)
      return pending
    },
  )
  return yield* Effect.forEach(pending, ([streamId, tenantId]) => finishIfGranted(tenantId, Connection.idOf(streamId)))
})

const finishIfGranted = Effect.fnUntraced(function* (tenantId: Ids.TenantId, connectionId: Ids.ConnectionId) {
  const held = yield* Effect.option((yield* Vault.Vault).get(tenantId, connectionId))
  const isGranted = Option.isSome(held) && GmailSecret.read(held.value.secret)._tag === "Granted"
  return isGranted ? [yield* finish(tenantId, connectionId)] : []
})

const load = Aggregate.load(Connection)

const decodeConnectionId = Schema.decodeUnknownEffect(Ids.ConnectionId)

const refuse = (reason: ConsentRefused["reason"]) => Effect.fail(new ConsentRefused({ reason }))

/** Takes the same time wherever they differ. */
const isEqual = (ours: string, theirs: string) => timingSafeEqual(digest(ours), digest(theirs))

const digest = (text: string) => createHash("sha256").update(text).digest()
