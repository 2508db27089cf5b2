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
 * pending ── nobody finished the consent in time ──▶ disconnected (lapsed)
 * anything ── disconnect ──▶ disconnected
 * ```
 *
 * Reconnecting makes a new connection. It says whom it follows (`reconnected`),
 * and the old one says by whom it was followed (`superseded`); nothing that the
 * old one recorded moves.
 */
import { DateTime, Effect, Equal, Result, Schema } from "effect"

import type { AuthorizationFailure, Command, Day, Event, Settings } from "./ConnectionEvents.ts"
import { StreamId } from "./EventStore.ts"
import * as HealthLog from "./HealthLog.ts"
import {
  AccountId,
  type AuthorizationRef,
  ConnectionId,
  FeedId,
  IdentityHash,
  type OwnerId,
  type ProviderId,
  ReviewId,
} from "./Ids.ts"

export * from "./ConnectionEvents.ts"

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
  readonly syncFailure?: SyncFailure
  /** Whose consent was last refused. With a broker, it keeps credentials of that account until the right one consents. */
  readonly refusedIdentity?: IdentityHash
  readonly previous?: ConnectionId
  readonly supersededBy?: ConnectionId
  readonly expiresAt?: DateTime.Utc
  readonly cursors: Readonly<Record<FeedId, string>>
  /** When a page of each feed was last recorded. */
  readonly syncedAt: Readonly<Record<FeedId, DateTime.Utc>>
  /** When everything that the provider lists of each feed was last compared with what is held. */
  readonly comparedAt: Readonly<Record<FeedId, DateTime.Utc>>
  /** Where the provider's count of a feed and what is known differ, or differed. */
  readonly drifts: Readonly<Record<FeedId, Drift>>
  /** The outside accounts that were matched, by what the provider calls them. */
  readonly sources: Readonly<Record<string, MatchedSource>>
  /** What a person is asked, oldest first. */
  readonly reviews: ReadonlyArray<Review>
  readonly forgotten: boolean
}

export interface SyncFailure {
  readonly reason: string
  readonly retryable: boolean
  /** The time that the provider wants: from when to when. */
  readonly hold?: { readonly since: DateTime.Utc; readonly until: DateTime.Utc }
}

export interface Drift {
  readonly items: number
  readonly verdict: "none" | "suspected" | "unexplained"
  /** The difference that is expected from now on: what remained when everything was last compared. */
  readonly expected: number
}

export interface MatchedSource {
  readonly feedId: FeedId
  readonly resumeFrom?: Day
}

export type Review = Omit<Extract<Event, { readonly _tag: "review_opened" }>, "_tag">

export const initial: State = {
  status: "absent",
  credentialVersion: 0,
  cursors: {},
  syncedAt: {},
  comparedAt: {},
  drifts: {},
  sources: {},
  reviews: [],
  forgotten: false,
}

/** Whether its provider may be asked: not while a broker keeps the credentials of an account that was refused. */
export const isSyncable = (state: State): boolean =>
  state.status === "active" && !(isBrokered(state) && state.refusedIdentity !== undefined)

/**
 * Until when the provider wants to be left alone; none when that is over. A clock that was put back before the time at
 * which the provider said so says nothing about it.
 */
export const heldUntil = ({ syncFailure }: State, now: DateTime.Utc): DateTime.Utc | undefined => {
  const hold = syncFailure?.hold
  if (hold === undefined || DateTime.isLessThan(now, hold.since)) return undefined
  return DateTime.isLessThan(now, hold.until) ? hold.until : undefined
}

/** The states in which a connection is somebody's current one. */
export const isLive = ({ status }: State): boolean =>
  status === "active" || status === "needs_reauth" || status === "paused"

/** Whether it is over without ever having been connected: its consent can only be begun anew. */
export const isAbandoned = ({ authorization, status }: State): boolean =>
  (status === "disconnected" || status === "superseded") && authorization === undefined

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
    case "accounts_matched":
      return {
        ...state,
        sources: {
          ...state.sources,
          ...Object.fromEntries(
            event.decisions.map(({ feedId, resumeFrom, source }) => [
              source,
              { feedId, ...(resumeFrom !== undefined && { resumeFrom }) },
            ]),
          ),
        },
      }
    case "review_opened": {
      const { _tag: _, ...review } = event
      return { ...state, reviews: [...state.reviews, review] }
    }
    case "review_resolved": {
      const { resumeFrom, reviewId } = event
      const review = state.reviews.find((review) => review.reviewId === reviewId)
      if (review === undefined) return state
      const matched = { feedId: review.feedId, ...(resumeFrom !== undefined && { resumeFrom }) }
      return {
        ...state,
        reviews: state.reviews.filter((review) => review.reviewId !== reviewId),
        sources: { ...state.sources, [review.source]: matched },
      }
    }
    case "token_refreshed": {
      const credentialVersion = Math.max(state.credentialVersion, event.credentialVersion)
      if (state.status !== "needs_reauth") return { ...state, credentialVersion }
      return { ...healed(state), credentialVersion, status: "active" }
    }
    case "synced": {
      const { at, compared, cursorAfter, drift, feedId } = event
      const { syncFailure: _, ...rest } = state
      const expected = drift?.verdict === "suspected" ? (state.drifts[feedId]?.expected ?? 0) : drift?.items
      return {
        ...rest,
        ...(drift !== undefined && { drifts: { ...state.drifts, [feedId]: { ...drift, expected } } }),
        cursors: { ...state.cursors, [feedId]: cursorAfter },
        syncedAt: { ...state.syncedAt, [feedId]: at },
        ...(compared === true && { comparedAt: { ...state.comparedAt, [feedId]: at } }),
      }
    }
    case "sync_failed":
      return {
        ...state,
        syncFailure: {
          reason: event.reason,
          retryable: event.retryable,
          ...(event.retryAt !== undefined && { hold: { since: event.at, until: event.retryAt } }),
        },
      }
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
      // Nobody can say any more what was asked about.
      return { ...state, reviews: [], forgotten: true }
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

/**
 * The accounts of this authorization are others than those of the connection that it was to mend. Nothing was taken
 * over; add it as a new connection.
 */
export class AnotherLogin extends Schema.TaggedError<AnotherLogin>()("AnotherLogin", { reconnects: ConnectionId }) {}

/** The cursor that the page starts from is not where the feed stands: another worker was there. */
export class StalePage extends Schema.TaggedError<StalePage>()("StalePage", { feedId: FeedId }) {}

/** There is no such question, or it was answered already. Nothing was written. */
export class ReviewNotOpen extends Schema.TaggedError<ReviewNotOpen>()("ReviewNotOpen", { reviewId: ReviewId }) {}

/** The account is not among those that the question is about. Nothing was written. */
export class NotACandidate extends Schema.TaggedError<NotACandidate>()("NotACandidate", { accountId: AccountId }) {}

export type Rejection = ConnectionNotReady | IdentityMismatch | StalePage | ReviewNotOpen | NotACandidate

export const decide = (state: State, command: Command): Result.Result<ReadonlyArray<Event>, Rejection> => {
  const { status } = state
  const notReady = refuse(new ConnectionNotReady({ status, command: command._tag }))
  switch (command._tag) {
    case "Configure": {
      if (state.forgotten) return notReady
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
      if (!isLive(state)) return notReady
      return state.previous === command.previous ? accept() : accept({ ...command, _tag: "reconnected" })

    case "RecordMatching": {
      if (status === "absent" || status === "pending") return notReady
      const decisions = command.decisions.filter(({ source }) => !Object.hasOwn(state.sources, source))
      return decisions.length === 0 ? accept() : accept({ ...command, decisions, _tag: "accounts_matched" })
    }

    case "OpenReview":
      if (!isLive(state)) return notReady
      return state.reviews.some(({ feedId }) => feedId === command.feedId)
        ? accept()
        : accept({ ...command, _tag: "review_opened" })

    case "ResolveReview": {
      const review = state.reviews.find(({ reviewId }) => reviewId === command.reviewId)
      if (review === undefined) return refuse(new ReviewNotOpen({ reviewId: command.reviewId }))
      const isCandidate = review.candidates.some(({ accountId }) => accountId === command.accountId)
      if (isCandidate !== (command.outcome === "linked")) {
        return refuse(new NotACandidate({ accountId: command.accountId }))
      }
      return accept({ ...command, _tag: "review_resolved" })
    }

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
      return isKnownFailure(state, command) ? accept() : accept({ ...command, _tag: "sync_failed" })

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

    case "Lapse":
      return status === "pending" ? accept({ _tag: "disconnected", at: command.at, reason: "lapsed" }) : accept()

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

/** The events that may change how a connection stands; no other one does. */
export const turningPoints: ReadonlyArray<Event["_tag"]> = [
  "configured",
  "connected",
  "token_refreshed",
  "authorization_failed",
  "superseded",
  "paused",
  "resumed",
  "disconnected",
]

/** How it stands is logged whenever that changes. */
export const announce = (
  before: { readonly streamId: StreamId; readonly state: State },
  { events, state }: { readonly state: State; readonly events: ReadonlyArray<Event> },
): Effect.Effect<void> => {
  if (before.state.status === state.status) return Effect.void
  const last = events.findLast(({ _tag }) => turningPoints.includes(_tag))
  return HealthLog.record({
    connectionId: idOf(before.streamId),
    provider: state.provider,
    from: before.state.status,
    to: state.status,
    event: last?._tag ?? "",
    reason:
      last !== undefined && (last._tag === "authorization_failed" || last._tag === "disconnected")
        ? last.reason
        : undefined,
  })
}

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
const isRepeated = (
  state: State,
  { at, cursorAfter, drift, feedId }: Extract<Command, { readonly _tag: "RecordPage" }>,
) => {
  const syncedAt = state.syncedAt[feedId]
  return (
    drift === undefined &&
    state.cursors[feedId] === cursorAfter &&
    syncedAt !== undefined &&
    DateTime.Equivalence(syncedAt, at)
  )
}

/** The same again, unless the provider now wants more time than it wanted before. */
const isKnownFailure = (
  { syncFailure }: State,
  { reason, retryAt }: Extract<Command, { readonly _tag: "ReportSyncFailure" }>,
) =>
  syncFailure?.reason === reason &&
  (retryAt === undefined ||
    (syncFailure.hold !== undefined && DateTime.isGreaterThanOrEqualTo(syncFailure.hold.until, retryAt)))

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
