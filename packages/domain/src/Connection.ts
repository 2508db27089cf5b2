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

import { StreamId } from "./EventStore.ts"
import * as HealthLog from "./HealthLog.ts"
import {
  AccountId,
  AuthorizationRef,
  ConnectionId,
  FeedId,
  IdentityHash,
  OwnerId,
  ProviderId,
  ReviewId,
} from "./Ids.ts"
import { Grounds } from "./matching/Evidence.ts"
import { Profile } from "./matching/Profile.ts"
import * as Personal from "./Personal.ts"

/** When it happened, by the clock of whoever reports it; recorded later, sometimes much later. */
const at = { at: Schema.DateTimeUtcFromString }

/** How sure it is that two authorizations are for the same outside account. */
export const Confidence = Schema.Literals(["exact", "high", "medium", "low"])
export type Confidence = typeof Confidence.Type

/** `YYYY-MM-DD`, as the provider books it. */
export const Day = Schema.String.check(Schema.isPattern(/^\d{4}-\d{2}-\d{2}$/, { expected: "a day, YYYY-MM-DD" }))
export type Day = typeof Day.Type

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
  /** The accounts that it goes on with, where they were recognised one by one. */
  accounts: Schema.optionalKey(
    Schema.Array(
      Schema.Struct({
        accountId: AccountId,
        feedId: FeedId,
        confidence: Confidence,
        /** Items that the account holds already, and that are not fetched again. */
        kept: Schema.Natural,
        /** The day that the feed is fetched from: some days before the last one that is covered. */
        resumeFrom: Schema.optionalKey(Day),
      }),
    ),
  ),
  /** Calls to the provider that fetching what is held would have taken. */
  callsSaved: Schema.optionalKey(Schema.Natural),
}

const matching = {
  /** The version of the policy that decided. */
  policy: Schema.String,
  /** What it decided on, without a value that identifies: under the same policy it gives the same decisions. */
  grounds: Grounds,
  decisions: Schema.Array(
    Schema.Struct({
      source: Schema.String,
      feedId: FeedId,
      action: Schema.Literals(["auto", "shared", "review", "create"]),
      level: Schema.Literals([...Confidence.literals, "none"]),
      /** Of the account it was linked to; none as long as a person is asked. */
      accountId: Schema.optionalKey(AccountId),
      /** The day that the feed is fetched from, where the account was covered before. */
      resumeFrom: Schema.optionalKey(Day),
    }),
  ),
  /** Accounts of the connection that this one follows which the owner did not share again. Their history stays. */
  notShared: Schema.Array(AccountId),
}

/** What people recognise an outside account by. */
export const Appearance = Schema.Struct({
  institution: Schema.optionalKey(Schema.String),
  name: Schema.optionalKey(Schema.String),
  officialName: Schema.optionalKey(Schema.String),
  mask: Schema.optionalKey(Schema.String),
})
export type Appearance = typeof Appearance.Type

const review = {
  reviewId: ReviewId,
  feedId: FeedId,
  source: Schema.String,
  /** How the provider described the account, in the form in which it is compared. */
  profile: Profile,
  personal: Personal.of(Appearance),
  level: Confidence,
  /** The likeliest first. */
  candidates: Schema.Array(
    Schema.Struct({
      accountId: AccountId,
      /** The links that the account had then: where it has others now, the question is another one. */
      ground: Schema.Natural,
      evidence: Schema.Array(Schema.String),
    }),
  ),
  /** The connection that delivered the likeliest of them last. */
  follows: Schema.optionalKey(ConnectionId),
}

const answer = {
  reviewId: ReviewId,
  /** `linked` to one of the candidates, or `opened` as an account of its own. */
  outcome: Schema.Literals(["linked", "opened"]),
  accountId: AccountId,
  /** Items that the account holds already, and that are not fetched again. */
  kept: Schema.optionalKey(Schema.Natural),
  resumeFrom: Schema.optionalKey(Day),
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
  /**
   * How many more items the provider counts than are known to be there. Once it is only `suspected`: something may have
   * come or gone between two answers. Twice, everything is listed and compared; what remains then and is no matter of
   * the trash is `unexplained`. It is expected from then on.
   */
  drift: Schema.optionalKey(
    Schema.Struct({ items: Schema.Int, verdict: Schema.Literals(["none", "suspected", "unexplained"]) }),
  ),
  /** Whether everything that the provider lists was compared with what is held, ending with this page. */
  compared: Schema.optionalKey(Schema.Boolean),
}

const syncFailure = {
  reason: Schema.String,
  retryable: Schema.Boolean,
  /** The provider wants to be left alone until then, by our clock: no run asks it anything before. */
  retryAt: Schema.optionalKey(Schema.DateTimeUtcFromString),
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
  /** The outside accounts of the connection were compared with those that are held; asserted by the matching policy. */
  accounts_matched: { ...at, ...matching },
  /** It may be an account that is held: a person is asked, and nothing moves until they answer. */
  review_opened: { ...at, ...review },
  review_resolved: { ...at, ...answer },
  /** The credentials were renewed: by us (a new version in the vault) or by a broker (version 0). */
  token_refreshed: { ...at, credentialVersion: Schema.Natural },
  /** One page of one feed was recorded; asserted by the sync engine together with the page itself. */
  synced: { ...at, ...page },
  /** A sync gave up for now; asserted by the sync engine. */
  sync_failed: { ...at, ...syncFailure },
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
  /** Over for good, by the owner, the host or the provider; or `lapsed`, because nobody finished the consent in time. */
  disconnected: { ...at, reason: Schema.Literals(["owner", "host", "provider", "lapsed"]) },
  /** The personal data of this connection was destroyed. It was disconnected before or with it. */
  forgotten: at,
})
export type Event = typeof Event.Type

/** What a host, an adapter or the sync engine may ask of a connection. */
export const Command = Schema.TaggedUnion({
  Configure: { ...at, ...plan },
  Connect: { ...at, ...authorization },
  FollowOn: { ...at, ...succession },
  RecordMatching: { ...at, ...matching },
  OpenReview: { ...at, ...review },
  ResolveReview: { ...at, ...answer },
  RecordRefresh: { ...at, credentialVersion: Schema.Natural },
  RecordPage: { ...at, ...page },
  ReportSyncFailure: { ...at, ...syncFailure },
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
  Lapse: at,
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

/** How it stands is logged whenever that changes. */
export const announce = (
  before: { readonly streamId: StreamId; readonly state: State },
  { events, state }: { readonly state: State; readonly events: ReadonlyArray<Event> },
): Effect.Effect<void> => {
  if (before.state.status === state.status) return Effect.void
  const last = events.findLast(({ _tag }) => turns.has(_tag))
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

/** What may change how a connection stands. */
const turns: ReadonlySet<Event["_tag"]> = new Set<Event["_tag"]>([
  "configured",
  "connected",
  "token_refreshed",
  "authorization_failed",
  "superseded",
  "paused",
  "resumed",
  "disconnected",
])

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
