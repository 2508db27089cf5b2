/**
 * What happens to a connection, and what may be asked of one, as it is stored and sent.
 */
import { Schema } from "effect"

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
