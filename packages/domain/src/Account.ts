/**
 * The account aggregate: the permanent thing outside, a mailbox or a bank
 * account. It outlives every connection; its history is what the feeds linked to
 * it delivered.
 *
 * Nothing that was fetched ever moves. Links move, and can move back: an account
 * that was merged into another one is whole again when the merge is undone.
 */
import { Result, Schema } from "effect"

import { Appearance, Confidence, Day } from "./Connection.ts"
import { StreamId } from "./EventStore.ts"
import { ItemId, ItemRef } from "./Feed.ts"
import { AccountId, ConnectionId, FeedId, IdentityHash, OwnerId, ProviderId } from "./Ids.ts"
import { Profile } from "./matching/Profile.ts"
import * as Personal from "./Personal.ts"

const at = { at: Schema.DateTimeUtcFromString }

const Link = {
  feedId: FeedId,
  connectionId: ConnectionId,
  /** What of the outside account the feed is, as the provider names it. */
  source: Schema.String,
  confidence: Confidence,
  /** What the link rests on: `identity`, … */
  evidence: Schema.Array(Schema.String),
  /** Whose consent it is. */
  ownerId: Schema.optionalKey(OwnerId),
  /** How the provider described the account, in the form in which it is compared. */
  profile: Schema.optionalKey(Profile),
}
export const LinkedFeed = Schema.Struct(Link)
export type LinkedFeed = typeof LinkedFeed.Type

/** A first and a last day, both within. */
export const Days = Schema.Struct({ from: Day, to: Day })
export type Days = typeof Days.Type

const Same = Schema.Struct({
  ...ItemRef.fields,
  /** The item that the account knows it as. */
  as: ItemRef,
  /** `posted`: a pending item that became another one. */
  how: Schema.Literals(["same", "posted"]),
})

const reconciliation = {
  feedId: FeedId,
  run: Schema.String,
  /** Items delivered that no linked feed held yet. */
  added: Schema.Natural,
  /** Items delivered again. */
  known: Schema.Natural,
  /** Items that are in several feeds, or twice in one, and are one in the account. Those not named stand for themselves. */
  same: Schema.optionalKey(Schema.Array(Same)),
  /** Items of the feed that may be one of several that are held: a person is asked, and until then all stand. */
  asked: Schema.optionalKey(
    Schema.Array(Schema.Struct({ item: ItemId, candidates: Schema.Array(ItemRef), reason: Schema.String })),
  ),
  /**
   * What a person answered about items of the feed that were asked about: which of the candidates it is; none, where it
   * is another transaction. What follows for the items stands in `same`.
   */
  answered: Schema.optionalKey(Schema.Array(Schema.Struct({ item: ItemId, as: Schema.optionalKey(ItemRef) }))),
  /** Pending items that came to nothing, and items that a later feed took back. */
  lapsed: Schema.optionalKey(Schema.Array(ItemRef)),
  /** Items from before anything was covered: history, not news. */
  backfill: Schema.optionalKey(Schema.Array(ItemId)),
  /** The days that the feed has delivered whole, as far as is known now. */
  covered: Schema.optionalKey(Days),
  /** Items that the account has now, each counted once. Told when there is nothing more to deliver for now. */
  items: Schema.optionalKey(Schema.Natural),
  /** Days that nothing covers, between what was held and what could be had. */
  gap: Schema.optionalKey(Days),
}

const merger = {
  /** What it is in this merge: the one that goes on, or the one that is absorbed. */
  role: Schema.Literals(["kept", "absorbed"]),
  other: AccountId,
  /** The links that go over to the one that is kept. */
  feeds: Schema.Array(LinkedFeed),
  /** The feeds that the kept one had itself. */
  beside: Schema.Array(FeedId),
}

/**
 * What happened to an account.
 *
 * Tags and fields are the storage format: never rename or repurpose one.
 */
export const Event = Schema.TaggedUnion({
  account_opened: { ...at, provider: ProviderId, identity: Schema.optionalKey(IdentityHash) },
  account_linked: { ...at, ...Link, personal: Personal.of(Appearance) },
  account_unlinked: {
    ...at,
    feedId: FeedId,
    /** `undone`: the link was wrong; `ended`: it was right, and is over. */
    reason: Schema.optionalKey(Schema.Literals(["undone", "ended"])),
  },
  /** Two accounts turned out to be one: recorded in the streams of both, in one append. */
  accounts_merged: { ...at, ...merger },
  /** And that this was a mistake. */
  accounts_unmerged: { ...at, ...merger },
  /** What delivered items are in the account; asserted by the sync engine, together with the page. */
  items_reconciled: { ...at, ...reconciliation },
  /** The personal data of this account was destroyed. */
  forgotten: at,
})
export type Event = typeof Event.Type

export const Command = Schema.TaggedUnion({
  Open: { ...at, provider: ProviderId, identity: Schema.optionalKey(IdentityHash) },
  Link: {
    ...at,
    ...Link,
    personal: Personal.of(Appearance),
    /** The links that the account had when this was decided; where that is not what it has, the ground is gone. */
    ground: Schema.optionalKey(Schema.Natural),
  },
  Unlink: { ...at, feedId: FeedId, reason: Schema.optionalKey(Schema.Literals(["undone", "ended"])) },
  Merge: { ...at, ...merger },
  Unmerge: { ...at, ...merger },
  Reconcile: { ...at, ...reconciliation },
  Forget: at,
})
export type Command = typeof Command.Type

/** Nothing can be linked to an account that was never opened, or was forgotten. */
export class AccountNotOpen extends Schema.TaggedError<AccountNotOpen>()("AccountNotOpen", {}) {}

/** The account was merged into another one: ask that one. Nothing was written. */
export class AccountMerged extends Schema.TaggedError<AccountMerged>()("AccountMerged", { into: AccountId }) {}

/** The account's links are not what they were when this was decided. Nothing was written. Look again, and decide again. */
export class StaleGround extends Schema.TaggedError<StaleGround>()("StaleGround", {}) {}

/** These accounts are not merged, or not this way round. Nothing was written. */
export class NotMerged extends Schema.TaggedError<NotMerged>()("NotMerged", { other: AccountId }) {}

export type Rejection = AccountNotOpen | AccountMerged | StaleGround | NotMerged

export interface Merger {
  readonly other: AccountId
  readonly feeds: ReadonlyArray<LinkedFeed>
  readonly beside: ReadonlyArray<FeedId>
}

export interface State {
  readonly provider?: ProviderId
  readonly identity?: IdentityHash
  /** Oldest link first. */
  readonly feeds: ReadonlyArray<LinkedFeed>
  /** How often links were made, ended or moved: what a decision about them is made on. */
  readonly links: number
  /** What each feed has covered whole. */
  readonly covered: Readonly<Record<FeedId, Days>>
  /** Feeds that were linked to it by mistake: what their accounts look like is not this one. */
  readonly denied: ReadonlyArray<LinkedFeed>
  readonly mergedInto?: AccountId
  /** The accounts that were merged into this one, oldest first. */
  readonly absorbed: ReadonlyArray<Merger>
  readonly forgotten: boolean
}

export const initial: State = { feeds: [], links: 0, covered: {}, denied: [], absorbed: [], forgotten: false }

export const evolve = (state: State, event: Event): State => {
  switch (event._tag) {
    case "account_opened":
      return {
        ...state,
        provider: event.provider,
        ...(event.identity !== undefined && { identity: event.identity }),
      }
    case "account_linked": {
      const { _tag: _, at: __, personal: ___, ...link } = event
      return { ...state, links: state.links + 1, feeds: [...without(state.feeds, [link.feedId]), link] }
    }
    case "account_unlinked":
      return {
        ...state,
        links: state.links + 1,
        feeds: without(state.feeds, [event.feedId]),
        denied:
          event.reason === "undone"
            ? [...state.denied, ...state.feeds.filter(({ feedId }) => feedId === event.feedId)]
            : state.denied,
      }
    case "accounts_merged":
      return event.role === "absorbed"
        ? { ...state, links: state.links + 1, feeds: [], mergedInto: event.other }
        : {
            ...state,
            links: state.links + 1,
            feeds: [...state.feeds, ...event.feeds],
            absorbed: [...state.absorbed, event],
          }
    case "accounts_unmerged": {
      const links = state.links + 1
      if (event.role === "kept") {
        return {
          ...state,
          links,
          feeds: without(
            state.feeds,
            event.feeds.map(({ feedId }) => feedId),
          ),
          absorbed: state.absorbed.filter(({ other }) => other !== event.other),
        }
      }
      const { mergedInto: _, ...rest } = state
      return { ...rest, links, feeds: event.feeds }
    }
    case "items_reconciled":
      return event.covered === undefined
        ? state
        : { ...state, covered: { ...state.covered, [event.feedId]: event.covered } }
    case "forgotten":
      return { ...state, feeds: [], absorbed: [], denied: [], links: state.links + 1, forgotten: true }
  }
}

export const decide = (state: State, command: Command): Result.Result<ReadonlyArray<Event>, Rejection> => {
  const isLinked = (feedId: FeedId) => state.feeds.some((feed) => feed.feedId === feedId)
  if (command._tag !== "Open" && state.provider === undefined) return refuse(new AccountNotOpen())
  switch (command._tag) {
    case "Open":
      return state.provider === undefined ? accept({ ...command, _tag: "account_opened" }) : accept()
    case "Link": {
      const { ground, ...link } = command
      if (isLinked(command.feedId)) return accept()
      if (state.forgotten) return refuse(new AccountNotOpen())
      if (state.mergedInto !== undefined) return refuse(new AccountMerged({ into: state.mergedInto }))
      if (ground !== undefined && ground !== state.links) return refuse(new StaleGround())
      return accept({ ...link, _tag: "account_linked" })
    }
    case "Unlink":
      return isLinked(command.feedId) ? accept({ ...command, _tag: "account_unlinked" }) : accept()
    case "Merge": {
      const { other, role } = command
      if (role === "absorbed" ? state.mergedInto === other : state.absorbed.some((merger) => merger.other === other)) {
        return accept()
      }
      if (state.forgotten) return refuse(new AccountNotOpen())
      if (state.mergedInto !== undefined) return refuse(new AccountMerged({ into: state.mergedInto }))
      return accept({ ...command, _tag: "accounts_merged" })
    }
    case "Unmerge": {
      // The links are with the account that this one went into: that merge is taken back first.
      if (command.role === "kept" && state.mergedInto !== undefined) {
        return refuse(new AccountMerged({ into: state.mergedInto }))
      }
      const merger =
        command.role === "absorbed"
          ? state.mergedInto === command.other && command
          : state.absorbed.find(({ other }) => other === command.other)
      if (merger === undefined || merger === false) return refuse(new NotMerged({ other: command.other }))
      // What was unlinked since does not come back.
      const feeds = command.role === "absorbed" ? merger.feeds : merger.feeds.filter(({ feedId }) => isLinked(feedId))
      // Feeds that were linked since are parted from those that go, too.
      const gone = feeds.map(({ feedId }) => feedId)
      const beside =
        command.role === "absorbed" ? merger.beside : without(state.feeds, gone).map(({ feedId }) => feedId)
      return accept({ ...command, feeds, beside, _tag: "accounts_unmerged" })
    }
    case "Reconcile":
      return accept({ ...command, _tag: "items_reconciled" })
    case "Forget":
      return state.forgotten ? accept() : accept({ ...command, _tag: "forgotten" })
  }
}

/** At most one account of a tenant has a given identity at a provider, and a feed is linked to at most one account. */
export const claims = ({ feeds, identity, provider }: State): ReadonlyArray<string> => [
  ...(identity === undefined || provider === undefined ? [] : [identityClaim(provider, identity)]),
  ...feeds.map(({ feedId }) => feedClaim(feedId)),
]

/** Who holds it is the account that the feed is linked to. */
export const feedClaim = (feedId: FeedId): string => `feed:${feedId}`

export const identityClaim = (provider: ProviderId, identity: IdentityHash): string => `account:${provider}:${identity}`

export const name = "account"

export const streamId = (id: AccountId): StreamId => StreamId.make(`account-${id}`)

/** The account that a stream of this category is about. */
export const idOf = (streamId: StreamId): AccountId => AccountId.make(streamId.slice(name.length + 1))

const without = (feeds: ReadonlyArray<LinkedFeed>, gone: ReadonlyArray<FeedId>) =>
  feeds.filter(({ feedId }) => !gone.includes(feedId))

const accept = (...events: ReadonlyArray<Event>) => Result.succeed(events)

const refuse = (rejection: Rejection) => Result.fail(rejection)
