/**
 * Consents that nobody finishes come to an end.
 *
 * A person who was sent to Google may never come back, or come back and never say which label is to be watched. Until
 * somebody does, the connection is pending, and what the consent gave lies sealed in the vault.
 *
 * ```text
 * pending for too long ──▶ recorded (`disconnected`, lapsed) ──▶ grant revoked, if nobody needs it ──▶ secret destroyed
 * ```
 *
 * The log decides. Who finishes a consent and who lets it lapse append to one stream, so one of them is first, and the
 * other one is told. Nothing is destroyed before that, and whatever a process that died left undone is done by the next
 * {@link lapse}.
 *
 * At Google a person's grants to this host end together. So a grant is revoked only where no connection of that person,
 * in whatever tenant, is live or waits for its label; otherwise the secret is destroyed and the grant is left to them.
 */
import { Aggregate, Connection, EventCodec, type EventStore, Ids, LogFold, Registration, Vault } from "@holdfast/domain"
import { DateTime, Duration, Effect, Option, Redacted, Result } from "effect"

import * as GmailProvider from "./GmailProvider.ts"
import * as GmailSecret from "./GmailSecret.ts"
import { GoogleOAuth } from "./GoogleOAuth.ts"

/** How long a consent may take, counted from the moment that the person was sent to Google. */
export interface Patience {
  /** Until the person has come back; an hour by default. Google's answer itself is refused sooner. */
  readonly visit?: Duration.Input | undefined
  /** Until somebody who came back has said which label is meant; 24 hours by default. */
  readonly label?: Duration.Input | undefined
}

/** What {@link lapse} found and did. */
export interface Lapsed {
  /** Connections that are over now, with nothing kept of their consent. */
  readonly lapsed: ReadonlyArray<Ids.ConnectionId>
  /** Connections of whose consent something is kept still. The next run tries again. */
  readonly left: ReadonlyArray<Ids.ConnectionId>
}

/**
 * Ends the consents that took too long, and destroys what they gave. To be run now and then, behind
 * `GmailConnect.recover`; several at once are safe, and one consent that cannot be dealt with does not keep the others
 * waiting.
 */
export const lapse = Effect.fn("GmailConsents.lapse")(function* ({
  label = Duration.hours(24),
  visit = Duration.hours(1),
}: Patience = {}) {
  const now = yield* DateTime.now
  const open = (yield* consents).filter(({ state }) => state.status === "pending" || Connection.isAbandoned(state))
  const isOver = Effect.fnUntraced(function* (consent: Consent) {
    const held = yield* heldBy(consent)
    return consent.state.status === "pending"
      ? DateTime.isGreaterThanOrEqualTo(now, lapsesAt(consent, held, { label, visit }))
      : held._tag !== "Nothing"
  })
  const over = yield* Effect.filter(open, isOver, { concurrency: 8 })
  const ended = yield* Effect.forEach(over, endOne, { concurrency: 8 })
  const idsOf = (isEnded: boolean) =>
    over.flatMap(({ connectionId }, index) => (ended[index] === isEnded ? [connectionId] : []))
  return { lapsed: idsOf(true), left: idsOf(false) } satisfies Lapsed
})

/** As {@link end}; what goes wrong is the next run's business. */
const endOne = ({ connectionId, tenantId }: Consent) =>
  Effect.catchIf(
    end(tenantId, connectionId),
    ({ _tag }) => _tag !== "EventStoreUnavailable",
    ({ _tag }) =>
      Effect.logWarning(`A consent is over, and something of it is kept: ${_tag}`).pipe(
        Effect.annotateLogs({ connectionId }),
        Effect.as(false),
      ),
  )

/**
 * Ends one consent, however young it is. Of a connection that was ever connected nothing is done. Returns whether it is
 * over and nothing of it is kept; after an error it may be over all the same.
 */
export const end = Effect.fn("GmailConsents.end")(function* (tenantId: Ids.TenantId, connectionId: Ids.ConnectionId) {
  const isOver = yield* Registration.lapse(tenantId, connectionId, { actor: Ids.system })
  return isOver && (yield* destroy(tenantId, connectionId))
})

/** A consent, given or not, and the connection that came of it. */
interface Consent {
  readonly tenantId: Ids.TenantId
  readonly connectionId: Ids.ConnectionId
  readonly begunAt: DateTime.Utc
  readonly state: Connection.State
}

/** Whose consent it is. */
export type Place = Pick<Consent, "connectionId" | "tenantId">

/** The consents at Google that wait, given or not, in all tenants. */
export const pending = Effect.suspend(() =>
  Effect.map(consents, (all): ReadonlyArray<Place> => all.filter(({ state }) => state.status === "pending")),
)

/** The events that say whether a connection waits for its consent, has it, or is over. */
const turns = {
  categories: [Connection.name],
  types: ["configured", "connected", "resumed", "superseded", "disconnected"],
  sealed: false,
} satisfies EventStore.LogFilter

const decode = EventCodec.decodeClear(Connection)

/** By tenant and stream; nothing is kept of what is not at Google. */
const known = LogFold.make(
  turns,
  () => new Map<string, Consent | undefined>(),
  (known, recorded) => {
    const read = decode(recorded)
    // A newer version of this software wrote it: that one looks after the connection.
    if (Result.isFailure(read)) return known
    const { event, streamId, tenantId } = read.success
    const key = JSON.stringify([tenantId, streamId])
    const consent = known.get(key)
    if (consent === undefined && known.has(key)) return known
    const connectionId = Connection.idOf(streamId)
    const state = Connection.evolve(consent?.state ?? Connection.initial, event)
    const isOurs = state.provider === GmailProvider.id
    return known.set(key, isOurs ? { tenantId, connectionId, begunAt: consent?.begunAt ?? event.at, state } : undefined)
  },
)

/** All consents at Google, in all tenants, as the log has them now. */
const consents = Effect.map(known, (known) => Array.from(known.values()).filter((consent) => consent !== undefined))

type Held =
  | { readonly _tag: "Nothing" }
  /** Its master key is not given, it is damaged, or another version of this software wrote it. */
  | { readonly _tag: "Unreadable" }
  | { readonly _tag: "Secret"; readonly secret: GmailSecret.Secret; readonly version: number }

const heldBy = ({ connectionId, tenantId }: Place) =>
  Effect.flatMap(Vault.Vault, (vault) => vault.get(tenantId, connectionId)).pipe(
    Effect.map(({ secret, version }) =>
      Option.match(GmailSecret.decode(secret), {
        onNone: (): Held => ({ _tag: "Unreadable" }),
        onSome: (secret): Held => ({ _tag: "Secret", secret, version }),
      }),
    ),
    Effect.catchTags({
      CredentialsNotFound: () => Effect.succeed<Held>({ _tag: "Nothing" }),
      CredentialsUnreadable: () => Effect.succeed<Held>({ _tag: "Unreadable" }),
    }),
  )

const lapsesAt = ({ begunAt }: Consent, held: Held, { label, visit }: Required<Patience>) => {
  const after = (patience: Duration.Input | undefined) =>
    DateTime.addDuration(begunAt, Duration.fromInputUnsafe(patience ?? 0))
  if (held._tag === "Nothing") return after(visit)
  if (held._tag === "Unreadable") return after(label)
  const { secret } = held
  return secret._tag === "Offered" ? secret.until : after(secret._tag === "Granted" ? label : visit)
}

/** Destroys what is kept of a consent that is over. Returns whether nothing is left. */
const destroy = Effect.fnUntraced(
  function* (tenantId: Ids.TenantId, connectionId: Ids.ConnectionId) {
    const vault = yield* Vault.Vault
    const held = yield* heldBy({ tenantId, connectionId })
    if (held._tag === "Secret") {
      const { secret, version } = held
      if (GmailSecret.isGiven(secret)) {
        const need = yield* needOf({ tenantId, connectionId }, secret)
        if (need === "unknown") return false
        if (need === "none") yield* revoke(connectionId, secret)
      }
      // Whoever brings a grant just now writes over this version or finds it gone; in either case it is seen.
      const spent = GmailSecret.write({ _tag: "Exchanging", state: secret.state, session: secret.session })
      yield* vault.put(tenantId, connectionId, spent, { replaces: version })
    }
    if (held._tag !== "Nothing") yield* vault.remove(tenantId, connectionId)
    return true
  },
  Effect.retry({ while: ({ _tag }) => _tag === "CredentialsConflict", times: 3 }),
)

/**
 * Who else needs the grant of a consent. It is `unknown` while the same owner is at Google, who may be about to bring
 * the same grant again, or has brought what cannot be read; that passes. A person who consents for another owner in the very moment of the revocation has
 * to consent once more.
 */
const needOf = Effect.fnUntraced(function* (over: Place, { subject }: GmailSecret.Given) {
  // Kept before grants were told apart: it is left to whoever may need it.
  if (subject === undefined) return "some" as const
  const { state } = yield* load(over.tenantId, over.connectionId)
  const hashes = new Map<Ids.TenantId, Ids.IdentityHash | undefined>()
  const identityIn = Effect.fnUntraced(function* (tenantId: Ids.TenantId) {
    if (!hashes.has(tenantId)) hashes.set(tenantId, yield* identityOf(tenantId, subject))
    return hashes.get(tenantId)
  })
  let need: "none" | "unknown" = "none"
  for (const other of yield* consents) {
    if (other.tenantId === over.tenantId && other.connectionId === over.connectionId) continue
    const isPending = other.state.status === "pending"
    if (!isPending && !Connection.isLive(other.state)) continue
    const held: Held = isPending ? yield* heldBy(other) : { _tag: "Nothing" }
    const given = held._tag === "Secret" && GmailSecret.isGiven(held.secret) ? held.secret : undefined
    const identity = given?.identity ?? other.state.identity
    if (identity !== undefined && identity === (yield* identityIn(other.tenantId))) return "some" as const
    const isSameOwner = other.tenantId === over.tenantId && other.state.ownerId === state.ownerId
    if (isSameOwner && given === undefined && held._tag !== "Nothing") need = "unknown"
  }
  return need
})

/** Nobody is recognised any more where the tenant was forgotten. */
const identityOf = (tenantId: Ids.TenantId, subject: string) =>
  Effect.catchIf(
    GmailSecret.identityOf(tenantId, subject),
    ({ reason }) => reason === "forgotten",
    () => Effect.undefined,
  )

/** Google away is worth another try; a grant that it does not let us end is not worth keeping the secret for. */
const revoke = (connectionId: Ids.ConnectionId, { refreshToken }: GmailSecret.Given) =>
  Effect.flatMap(GoogleOAuth, (oauth) => oauth.revoke(Redacted.make(refreshToken))).pipe(
    Effect.catchIf(
      ({ retryable }) => !retryable,
      ({ reason }) =>
        Effect.annotateLogs(Effect.logWarning(`A grant could not be revoked: ${reason._tag}`), { connectionId }),
    ),
  )

const load = Aggregate.load(Connection)
