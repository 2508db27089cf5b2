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

import { id as gmail } from "./GmailProvider.ts"
import * as GmailSecret from "./GmailSecret.ts"
import { callback, GoogleOAuth } from "./GoogleOAuth.ts"

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
  /** The connection that the person wants to mend. A consent for another account is refused then, not taken over. */
  readonly reconnects?: Ids.ConnectionId | undefined
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
export const begin = Effect.fn("GmailConnect.begin")(function* ({
  pollIntervalSeconds,
  reconnects,
  session,
  settings,
}: Begin) {
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
      session: browserOf(session),
      ...(reconnects !== undefined && { reconnects }),
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
  if (consent.session !== browserOf(session)) return yield* refuse("another-session")
  if (consent._tag === "Granted") return yield* finish(tenantId, connectionId)
  if (consent._tag === "Exchanging") return yield* refuse("used")
  if (DateTime.isLessThan(consent.expiresAt, yield* DateTime.now)) return yield* refuse("expired")
  const code = yield* Effect.fromResult(answer.code)

  const { reconnects, state } = consent
  const exchanging = yield* vault
    .put(tenantId, connectionId, GmailSecret.write({ _tag: "Exchanging", state, session: consent.session }), {
      replaces: held.version,
    })
    .pipe(Effect.catchTag("CredentialsConflict", () => refuse("used")))
  const grant = yield* (yield* GoogleOAuth).exchange(code, Redacted.make(consent.verifier))
  if (Option.isNone(grant.refreshToken)) return yield* refuse("no-refresh-token")
  const identity = yield* (yield* KeyedHash.KeyedHash).hash(tenantId, "gmail.sub", grant.subject)
  if (reconnects !== undefined) yield* ensureSameAccount(tenantId, reconnects, identity, session)
  yield* vault.put(
    tenantId,
    connectionId,
    GmailSecret.write({
      _tag: "Granted",
      state,
      session: consent.session,
      accessToken: Redacted.value(grant.accessToken),
      refreshToken: Redacted.value(grant.refreshToken.value),
      expiresAt: grant.expiresAt,
      scopes: grant.scopes,
      identity,
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
  const { ownerId } = state
  if (ownerId === undefined) return yield* refuse("unknown")
  return yield* Registration.register({
    tenantId,
    ownerId,
    provider: gmail,
    authorization: Ids.AuthorizationRef.make(connectionId),
    connectionId,
    identity,
    scopes,
    label: address,
    // Once registered it stays one consent, however often its credentials are renewed and the person comes back.
    credentialVersion: state.status === "pending" ? held.version : state.credentialVersion,
    door: "callback",
    actor: { kind: "owner", id: ownerId },
  })
})

/** Whoever mends a connection with another account than its own is told so, and so is its history. */
const ensureSameAccount = Effect.fnUntraced(function* (
  tenantId: Ids.TenantId,
  connectionId: Ids.ConnectionId,
  offered: Ids.IdentityHash,
  { ownerId }: Session,
) {
  const { state } = yield* load(tenantId, connectionId)
  if (state.ownerId !== ownerId || state.identity === undefined || state.identity === offered) return
  const at = yield* DateTime.now
  const refusal = Connection.Command.make({ _tag: "RefuseIdentity", at, offered })
  yield* handle(tenantId, connectionId, refusal, { metadata: { actor: { kind: "owner", id: ownerId } } })
  return yield* new Connection.IdentityMismatch({ expected: state.identity, offered })
})

/**
 * Finishes what a process that died left behind: connections whose credentials
 * are in the vault and which were never registered. To be run when a host starts.
 * One that cannot be finished does not keep the others waiting: its owner has to
 * connect again.
 */
export const recover = Effect.fn("GmailConnect.recover")(function* () {
  const log = yield* EventStore.EventLog
  const begun = yield* Stream.runFold(
    log.read(EventStore.beginning, {
      categories: [Connection.name],
      types: ["configured", "connected", "superseded", "disconnected"],
      sealed: false,
    }),
    () => new Map<string, Pending | undefined>(),
    (begun, { event, streamId, tenantId }) => {
      const key = JSON.stringify([tenantId, streamId])
      const isPending = event.type === "configured" && event.data["provider"] === gmail
      if (!isPending || !begun.has(key)) begun.set(key, isPending ? { tenantId, streamId } : undefined)
      return begun
    },
  )
  const pending = [...begun.values()].filter((connection) => connection !== undefined)
  return (yield* Effect.forEach(pending, finishIfGranted)).flat()
})

interface Pending {
  readonly tenantId: Ids.TenantId
  readonly streamId: EventStore.StreamId
}

const finishIfGranted = Effect.fnUntraced(function* ({ streamId, tenantId }: Pending) {
  const connectionId = Connection.idOf(streamId)
  const vault = yield* Vault.Vault
  const held = yield* vault.get(tenantId, connectionId).pipe(
    // Nobody came back, or nobody can read what they brought: in either case consent is asked for again.
    Effect.catchTags({ CredentialsNotFound: () => Effect.undefined, CredentialsUnreadable: () => Effect.undefined }),
  )
  if (held === undefined || GmailSecret.read(held.secret)._tag !== "Granted") return []
  return yield* finish(tenantId, connectionId).pipe(
    Effect.map((registered) => [registered]),
    Effect.catchIf(
      (error) => error._tag !== "EventStoreUnavailable",
      ({ _tag }) =>
        Effect.as(Effect.annotateLogs(Effect.logWarning(`A consent was not finished: ${_tag}`), { connectionId }), []),
    ),
  )
})

/** The owner too: another person may sign in to the same browser. */
const browserOf = ({ id, ownerId }: Session) => JSON.stringify([ownerId, id])

const load = Aggregate.load(Connection)
const handle = Aggregate.handle(Connection)

const decodeConnectionId = Schema.decodeUnknownEffect(Ids.ConnectionId)

const refuse = (reason: ConsentRefused["reason"]) => Effect.fail(new ConsentRefused({ reason }))

/** Takes the same time wherever they differ. */
const isEqual = (ours: string, theirs: string) => timingSafeEqual(digest(ours), digest(theirs))

const digest = (text: string) => createHash("sha256").update(text).digest()
