/**
 * The connection aggregate: one authorization at one provider.
 *
 * ```text
 *            configure              connect
 * (absent) ───────────▶ pending ───────────────▶ active ◀──────────┐
 *     │                                           │  ▲             │ refreshed, connected again,
 *     └──────────────── connect ──────────────────┘  │ resume      │ resumed by a person
 *                                     pause ┌────────┴─┐           │
 *                              active ─────▶│  paused  │      needs_reauth ◀── authorization failed
 *                                           └──────────┘
 * active, needs_reauth, paused ── a newer authorization takes the slot ──▶ superseded
 * anything ── disconnect ──▶ disconnected
 * ```
 *
 * Reconnecting makes a new connection. It says whom it follows (`reconnected`),
 * and the old one says by whom it was followed (`superseded`); nothing that the
 * old one recorded moves.
 */
import { DateTime, Equal, Result, Schema } from "effect"

import { StreamId } from "./EventStore.ts"
import { AuthorizationRef, ConnectionId, FeedId, IdentityHash, OwnerId, ProviderId } from "./Ids.ts"
import * as Personal from "./Personal.ts"

/** When it happened, by the clock of whoever reports it; recorded later, sometimes much later. */
const at = { at: Schema.DateTimeUtcFromString }

/** How sure it is that two authorizations are for the same outside account. */
export const Confidence = Schema.Literals(["exact", "high", "medium", "low"])
export type Confidence = typeof Confidence.Type

/** Where news of an authorization came in. */
export const Door = Schema.Literals(["callback", "post", "webhook", "reconciliation"])
export type Door = typeof Door.Type

/** Seconds between two looks at the provider. */
export const PollInterval = Schema.Int.check(Schema.isBetween({ minimum: 5, maximum: 86_400 }))

/** The host's own settings of a connection, such as the name of the label to watch. No personal data, no secrets. */
export const Settings = Schema.Record(
  Schema.String.check(Schema.isMaxLength(64)),
  Schema.Union([Schema.String.check(Schema.isMaxLength(1_000)), Schema.Finite, Schema.Boolean]),
)
export type Settings = typeof Settings.Type

const plan = {
  provider: ProviderId,
  ownerId: OwnerId,
  /** What at most one live connection of the tenant may hold; absent where several are legitimate. */
  slot: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(500))),
  pollIntervalSeconds: PollInterval,
  settings: Settings,
}

const authorization = {
  ...plan,
  authorization: AuthorizationRef,
  door: Door,
  /** When the owner consented, where the door knows it; `at` is when it was registered. */
  authorizedAt: Schema.optionalKey(Schema.DateTimeUtcFromString),
  /** Which account it is, for providers that say so. */
  identity: Schema.optionalKey(IdentityHash),
  /** What the owner granted, as the provider names it. */
  scopes: Schema.Array(Schema.String),
  /** The version in the vault; 0 when a broker keeps the credentials. */
  credentialVersion: Schema.Natural,
  personal: Personal.of(
    Schema.Struct({
      /** What the owner recognises the account by: a mailbox address, a bank's name. */
      label: Schema.optionalKey(Schema.String),
    }),
  ),
}

const AuthorizationFailure = Schema.Literals([
  /** The grant ran out. */
  "expired",
  /** The owner or the provider withdrew it. */
  "revoked",
  /** A broker could not refresh it; it may heal by itself. */
  "refresh_failed",
  /** The owner left out a permission that is needed. */
  "missing_scope",
])
export type AuthorizationFailure = typeof AuthorizationFailure.Type

const succession = {
  previous: ConnectionId,
  confidence: Confidence,
  evidence: Schema.Array(Schema.String),
  /** Where each feed goes on: the cursor of the previous connection's feed, as the provider names it. */
  resume: Schema.Array(Schema.Struct({ feed: Schema.String, cursor: Schema.String })),
}

const page = {
  feedId: FeedId,
  /** Of the run that this page belongs to. */
  run: Schema.String,
  cursorBefore: Schema.NullOr(Schema.String),
  cursorAfter: Schema.String,
  /** Items that were new to the feed. */
  items: Schema.Natural,
  /** Whether the provider had nothing more. */
  complete: Schema.Boolean,
}

/**
 * What happened to a connection.
 *
 * Tags and fields are the storage format: never rename or repurpose one. Add an
 * event, or upcast the old shape when it is read.
 */
export const Event = Schema.TaggedUnion({
  /** The host prepared a connection that nobody has consented to yet, or changed what it asks of one. */
  configured: { ...at, ...plan },
  /** The owner consented, and the authorization was registered. */
  connected: { ...at, ...authorization },
  /** This connection goes on where another one ended, with the evidence that both are for the same account. */
  reconnected: { ...at, ...succession },
  /** The credentials were renewed: by us (a new version in the vault) or by a broker (version 0). */
  token_refreshed: { ...at, credentialVersion: Schema.Natural },
  /** One page of one feed was recorded; asserted by the sync engine together with the page itself. */
  synced: { ...at, ...page },
  /** A sync gave up for now; asserted by the sync engine. */
  sync_failed: { ...at, reason: Schema.String, retryable: Schema.Boolean },
  /** The provider does not honour the authorization; only the owner can mend it, or a broker's next refresh. */
  authorization_failed: {
    ...at,
    reason: Schema.Union([AuthorizationFailure, Schema.Literal("identity_mismatch")]),
    /** With `identity_mismatch`: whose account it is and whose was offered. The credentials in use were left alone. */
    identities: Schema.optionalKey(Schema.Struct({ expected: IdentityHash, offered: IdentityHash })),
  },
  /** A newer authorization holds the slot. */
  superseded: { ...at, by: ConnectionId },
  /** The host or the owner wants it left alone for a while. */
  paused: { ...at, reason: Schema.optionalKey(Schema.String) },
  /** A person put it back to work, whatever it was before. */
  resumed: { ...at, reason: Schema.optionalKey(Schema.String) },
  /** The provider announced when the authorization ends. */
  expiry_noticed: { ...at, expiresAt: Schema.DateTimeUtcFromString },
  /** The announced end does not apply any more. */
  expiry_withdrawn: at,
  /** Over for good, by the owner, the host or the provider. */
  disconnected: { ...at, reason: Schema.Literals(["owner", "host", "provider"]) },
  /** The personal data of this connection was destroyed. It was disconnected before or with it. */
  forgotten: at,
})
export type Event = typeof Event.Type

/** What a host, an adapter or the sync engine may ask of a connection. */
export const Command = Schema.TaggedUnion({
  Configure: { ...at, ...plan },
  Connect: { ...at, ...authorization },
  FollowOn: { ...at, ...succession },
  RecordRefresh: { ...at, credentialVersion: Schema.Natural },
  RecordPage: { ...at, ...page },
  ReportSyncFailure: { ...at, reason: Schema.String, retryable: Schema.Boolean },
  ReportAuthorizationFailure: {
    ...at,
    reason: AuthorizationFailure,
    /** Of the credentials that were refused, where they are ours: once there are newer ones, the report is late. */
    credentialVersion: Schema.optionalKey(Schema.Natural),
  },
  RefuseIdentity: { ...at, offered: IdentityHash },
  Supersede: { ...at, by: ConnectionId },
  Pause: { ...at, reason: Schema.optionalKey(Schema.String) },
  Resume: { ...at, reason: Schema.optionalKey(Schema.String) },
  NoticeExpiry: { ...at, expiresAt: Schema.DateTimeUtcFromString },
  WithdrawExpiry: at,
  Disconnect: { ...at, reason: Schema.Literals(["owner", "host", "provider"]) },
  Forget: at,
})
export type Command = typeof Command.Type

export type Status = "absent" | "pending" | "active" | "needs_reauth" | "paused" | "superseded" | "disconnected"

export interface State {
  readonly status: Status
  readonly provider?: ProviderId
  readonly ownerId?: OwnerId
  readonly slot?: string
  readonly authorization?: AuthorizationRef
  /** When its owner or another person last chose it. An older choice takes no slot from it. */
  readonly chosenAt?: DateTime.Utc
  readonly identity?: IdentityHash
  readonly pollIntervalSeconds?: number
  readonly settings?: Settings
  readonly credentialVersion: number
  readonly failure?: AuthorizationFailure
  readonly syncFailure?: { readonly reason: string; readonly retryable: boolean }
  /** Whose consent was last refused. With a broker, it keeps credentials of that account until the right one consents. */
  readonly refusedIdentity?: IdentityHash
  readonly previous?: ConnectionId
  readonly supersededBy?: ConnectionId
  readonly expiresAt?: DateTime.Utc
  readonly cursors: Readonly<Record<FeedId, string>>
  /** When a page of each feed was last recorded. */
  readonly syncedAt: Readonly<Record<FeedId, DateTime.Utc>>
  readonly forgotten: boolean
}

export const initial: State = { status: "absent", credentialVersion: 0, cursors: {}, syncedAt: {}, forgotten: false }

/** Whether its provider may be asked: not while a broker keeps the credentials of an account that was refused. */
export const isSyncable = (state: State): boolean =>
  state.status === "active" && !(isBrokered(state) && state.refusedIdentity !== undefined)

/** The states in which a connection is somebody's current one. */
export const isLive = ({ status }: State): boolean =>
  status === "active" || status === "needs_reauth" || status === "paused"

export const evolve = (state: State, event: Event): State => {
  switch (event._tag) {
    case "configured":
      return { ...state, ...planOf(event), status: state.status === "absent" ? "pending" : state.status }
    case "connected": {
      const { supersededBy: _, ...rest } = healed(state)
      return {
        ...rest,
        ...planOf(event),
        authorization: event.authorization,
        chosenAt: event.authorizedAt ?? event.at,
        ...(event.identity !== undefined && { identity: event.identity }),
        credentialVersion: Math.max(state.credentialVersion, event.credentialVersion),
        status: "active",
      }
    }
    case "reconnected":
      return { ...state, previous: event.previous }
    case "token_refreshed": {
      const credentialVersion = Math.max(state.credentialVersion, event.credentialVersion)
      if (state.status !== "needs_reauth") return { ...state, credentialVersion }
      return { ...healed(state), credentialVersion, status: "active" }
    }
    case "synced": {
      const { at, cursorAfter, feedId } = event
      const { syncFailure: _, ...rest } = state
      return {
        ...rest,
        cursors: { ...state.cursors, [feedId]: cursorAfter },
        syncedAt: { ...state.syncedAt, [feedId]: at },
      }
    }
    case "sync_failed":
      return { ...state, syncFailure: { reason: event.reason, retryable: event.retryable } }
    case "authorization_failed":
      if (event.reason === "identity_mismatch") {
        return event.identities === undefined ? state : { ...state, refusedIdentity: event.identities.offered }
      }
      return { ...state, failure: event.reason, status: state.status === "active" ? "needs_reauth" : state.status }
    case "superseded":
      return { ...state, supersededBy: event.by, status: "superseded" }
    case "paused":
      return { ...state, status: "paused" }
    case "resumed": {
      const { supersededBy: _, ...rest } = healed(state)
      return { ...rest, chosenAt: event.at, status: "active" }
    }
    case "expiry_noticed":
      return { ...state, expiresAt: event.expiresAt }
    case "expiry_withdrawn": {
      const { expiresAt: _, ...rest } = state
      return rest
    }
    case "disconnected":
      return { ...state, status: "disconnected" }
    case "forgotten":
      return { ...state, forgotten: true }
  }
}

/** The command needs a connection in another state. */
export class ConnectionNotReady extends Schema.TaggedError<ConnectionNotReady>()("ConnectionNotReady", {
  status: Schema.Literals(["absent", "pending", "active", "needs_reauth", "paused", "superseded", "disconnected"]),
  command: Schema.String,
}) {}

/** The consent is for another account than the connected one. Nothing was taken over; add it as a new connection. */
export class IdentityMismatch extends Schema.TaggedError<IdentityMismatch>()("IdentityMismatch", {
  expected: IdentityHash,
  offered: IdentityHash,
}) {}

/** The cursor that the page starts from is not where the feed stands: another worker was there. */
export class StalePage extends Schema.TaggedError<StalePage>()("StalePage", { feedId: FeedId }) {}

export type Rejection = ConnectionNotReady | IdentityMismatch | StalePage

export const decide = (state: State, command: Command): Result.Result<ReadonlyArray<Event>, Rejection> => {
  const { status } = state
  const notReady = refuse(new ConnectionNotReady({ status, command: command._tag }))
  switch (command._tag) {
    case "Configure": {
      if (status === "superseded" || status === "disconnected") return accept()
      const configured: Event = { ...command, _tag: "configured" }
      return Equal.equals(evolve(state, configured), state) ? accept() : accept(configured)
    }

    case "Connect":
      if (status === "absent" || status === "pending") return accept({ ...command, _tag: "connected" })
      if (state.authorization !== command.authorization || state.forgotten) return notReady
      if (differs(state.identity, command.identity)) return mismatch(state.identity, command.identity)
      return isNewConsent(state, command) ? accept({ ...command, _tag: "connected" }) : accept()

    case "FollowOn":
      if (status === "absent" || status === "pending") return notReady
      return state.previous === command.previous ? accept() : accept({ ...command, _tag: "reconnected" })

    case "RecordRefresh":
      if (
        command.credentialVersion > state.credentialVersion ||
        (status === "needs_reauth" && isBrokered(state) && state.refusedIdentity === undefined)
      ) {
        return isLive(state) ? accept({ ...command, _tag: "token_refreshed" }) : accept()
      }
      return accept()

    case "RecordPage":
      if (!isLive(state)) return notReady
      if ((state.cursors[command.feedId] ?? command.cursorBefore) !== command.cursorBefore) {
        return refuse(new StalePage({ feedId: command.feedId }))
      }
      return isRepeated(state, command) ? accept() : accept({ ...command, _tag: "synced" })

    case "ReportSyncFailure":
      if (!isLive(state)) return accept()
      return state.syncFailure?.reason === command.reason ? accept() : accept({ ...command, _tag: "sync_failed" })

    case "ReportAuthorizationFailure":
      if (status === "absent") return notReady
      if (!isLive(state) || state.failure === command.reason) return accept()
      if (command.credentialVersion !== undefined && command.credentialVersion < state.credentialVersion)
        return accept()
      return accept({ _tag: "authorization_failed", at: command.at, reason: command.reason })

    case "RefuseIdentity":
      if (state.identity === undefined) return notReady
      if (state.identity === command.offered || state.refusedIdentity === command.offered) return accept()
      return accept({
        _tag: "authorization_failed",
        at: command.at,
        reason: "identity_mismatch",
        identities: { expected: state.identity, offered: command.offered },
      })

    case "Supersede":
      return isLive(state) || status === "pending" ? accept({ ...command, _tag: "superseded" }) : accept()

    case "Pause":
      if (status === "paused") return accept()
      return isLive(state) ? accept({ ...command, _tag: "paused" }) : notReady

    case "Resume":
      if (status === "active") return accept()
      if (state.authorization === undefined || status === "disconnected" || state.forgotten) return notReady
      return accept({ ...command, _tag: "resumed" })

    case "NoticeExpiry":
      if (!isLive(state)) return accept()
      return state.expiresAt !== undefined && DateTime.Equivalence(state.expiresAt, command.expiresAt)
        ? accept()
        : accept({ ...command, _tag: "expiry_noticed" })

    case "WithdrawExpiry":
      return state.expiresAt === undefined ? accept() : accept({ ...command, _tag: "expiry_withdrawn" })

    case "Disconnect":
      if (status === "absent") return notReady
      return status === "disconnected" ? accept() : accept({ ...command, _tag: "disconnected" })

    case "Forget":
      if (status === "absent") return notReady
      if (state.forgotten) return accept()
      return status === "disconnected"
        ? accept({ ...command, _tag: "forgotten" })
        : accept({ _tag: "disconnected", at: command.at, reason: "host" }, { ...command, _tag: "forgotten" })
  }
}

/**
 * A live connection holds its slot. An authorization belongs to its connection
 * for ever, so that news of it that comes late finds the connection it is about.
 */
export const claims = (state: State): ReadonlyArray<string> => [
  ...(isLive(state) && state.slot !== undefined ? [slotClaim(state.slot)] : []),
  ...(state.authorization !== undefined && state.provider !== undefined
    ? [authorizationClaim(state.provider, state.authorization)]
    : []),
]

export const slotClaim = (slot: string): string => `slot:${slot}`

export const authorizationClaim = (provider: ProviderId, authorization: AuthorizationRef): string =>
  `authorization:${provider}:${authorization}`

export const name = "connection"

export const streamId = (id: ConnectionId): StreamId => StreamId.make(`connection-${id}`)

/** The connection that a stream of this category is about. */
export const idOf = (streamId: StreamId): ConnectionId => ConnectionId.make(streamId.slice(name.length + 1))

/** A broker keeps the credentials, so its word that they work again is enough. */
const isBrokered = (state: State) => state.credentialVersion === 0

/**
 * The same authorization again: is it the consent that is known, or a later one? New credentials mean a later one, and
 * so does the right account after a broker let another one in. Otherwise the time of the consent decides, and only
 * whether a connection that is out of work goes back to it.
 */
const isNewConsent = (state: State, command: Extract<Command, { readonly _tag: "Connect" }>) =>
  command.credentialVersion > state.credentialVersion ||
  (isBrokered(state) && state.refusedIdentity !== undefined && state.identity === command.identity) ||
  (state.status !== "active" &&
    state.status !== "paused" &&
    command.authorizedAt !== undefined &&
    state.chosenAt !== undefined &&
    DateTime.isGreaterThan(command.authorizedAt, state.chosenAt))

/** A look that moved no cursor, told twice; of one that did, the cursor tells. */
const isRepeated = (state: State, { at, cursorAfter, feedId }: Extract<Command, { readonly _tag: "RecordPage" }>) => {
  const syncedAt = state.syncedAt[feedId]
  return state.cursors[feedId] === cursorAfter && syncedAt !== undefined && DateTime.Equivalence(syncedAt, at)
}

const planOf = ({ provider, ownerId, pollIntervalSeconds, settings, slot }: Plan) => ({
  provider,
  ownerId,
  pollIntervalSeconds,
  settings,
  ...(slot !== undefined && { slot }),
})

type Plan = Extract<Event, { readonly _tag: "configured" }> | Extract<Event, { readonly _tag: "connected" }>

/** Without what had gone wrong. */
const healed = (state: State): State => {
  const { expiresAt: _, failure: __, refusedIdentity: ___, syncFailure: ____, ...rest } = state
  return rest
}

const differs = (held: IdentityHash | undefined, offered: IdentityHash | undefined) =>
  held !== undefined && offered !== undefined && held !== offered

const mismatch = (expected: IdentityHash | undefined, offered: IdentityHash | undefined) =>
  expected === undefined || offered === undefined ? accept() : refuse(new IdentityMismatch({ expected, offered }))

const accept = (...events: ReadonlyArray<Event>) => Result.succeed(events)

const refuse = (rejection: Rejection) => Result.fail(rejection)
