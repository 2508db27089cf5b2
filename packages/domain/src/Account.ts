/**
 * The account aggregate: the permanent thing outside, a mailbox or a bank
 * account. It outlives every connection; its history is what the feeds linked to
 * it delivered.
 */
import { Result, Schema } from "effect"

import { Confidence } from "./Connection.ts"
import { StreamId } from "./EventStore.ts"
import { type AccountId, ConnectionId, FeedId, IdentityHash, ProviderId } from "./Ids.ts"

const at = { at: Schema.DateTimeUtcFromString }

const link = {
  feedId: FeedId,
  connectionId: ConnectionId,
  /** What of the outside account the feed is, as the provider names it. */
  source: Schema.String,
  confidence: Confidence,
  /** What the link rests on: `identity`, … */
  evidence: Schema.Array(Schema.String),
}

const reconciliation = {
  feedId: FeedId,
  run: Schema.String,
  /** Items delivered that no linked feed held yet. */
  added: Schema.Natural,
  /** Items delivered again. */
  known: Schema.Natural,
}

/**
 * What happened to an account.
 *
 * Tags and fields are the storage format: never rename or repurpose one.
 */
export const Event = Schema.TaggedUnion({
  account_opened: { ...at, provider: ProviderId, identity: Schema.optionalKey(IdentityHash) },
  account_linked: { ...at, ...link },
  account_unlinked: { ...at, feedId: FeedId },
  /** How a delivered page compares with what was held; asserted by the sync engine, together with the page. */
  items_reconciled: { ...at, ...reconciliation },
})
export type Event = typeof Event.Type

export const Command = Schema.TaggedUnion({
  Open: { ...at, provider: ProviderId, identity: Schema.optionalKey(IdentityHash) },
  Link: { ...at, ...link },
  Unlink: { ...at, feedId: FeedId },
  Reconcile: { ...at, ...reconciliation },
})
export type Command = typeof Command.Type

/** Nothing can be linked to an account that was never opened. */
export class AccountNotOpen extends Schema.TaggedError<AccountNotOpen>()("AccountNotOpen", {}) {}

export type Rejection = AccountNotOpen

export interface LinkedFeed {
  readonly feedId: FeedId
  readonly connectionId: ConnectionId
  readonly source: string
}

export interface State {
  readonly provider?: ProviderId
  readonly identity?: IdentityHash
  /** Oldest link first. */
  readonly feeds: ReadonlyArray<LinkedFeed>
}

export const initial: State = { feeds: [] }

export const evolve = (state: State, event: Event): State => {
  switch (event._tag) {
    case "account_opened":
      return {
        ...state,
        provider: event.provider,
        ...(event.identity !== undefined && { identity: event.identity }),
      }
    case "account_linked": {
      const { connectionId, feedId, source } = event
      return { ...state, feeds: [...without(state.feeds, feedId), { feedId, connectionId, source }] }
    }
    case "account_unlinked":
      return { ...state, feeds: without(state.feeds, event.feedId) }
    case "items_reconciled":
      return state
  }
}

export const decide = (state: State, command: Command): Result.Result<ReadonlyArray<Event>, Rejection> => {
  const isLinked = (feedId: FeedId) => state.feeds.some((feed) => feed.feedId === feedId)
  if (command._tag !== "Open" && state.provider === undefined) return Result.fail(new AccountNotOpen())
  switch (command._tag) {
    case "Open":
      return Result.succeed(state.provider === undefined ? [{ ...command, _tag: "account_opened" }] : [])
    case "Link":
      return Result.succeed(isLinked(command.feedId) ? [] : [{ ...command, _tag: "account_linked" }])
    case "Unlink":
      return Result.succeed(isLinked(command.feedId) ? [{ ...command, _tag: "account_unlinked" }] : [])
    case "Reconcile":
      return Result.succeed([{ ...command, _tag: "items_reconciled" }])
  }
}

/** At most one account of a tenant has a given identity at a provider. */
export const claims = ({ identity, provider }: State): ReadonlyArray<string> =>
  identity === undefined || provider === undefined ? [] : [identityClaim(provider, identity)]

export const identityClaim = (provider: ProviderId, identity: IdentityHash): string => `account:${provider}:${identity}`

export const name = "account"

export const streamId = (id: AccountId): StreamId => StreamId.make(`account-${id}`)

const without = (feeds: ReadonlyArray<LinkedFeed>, feedId: FeedId) => feeds.filter((feed) => feed.feedId !== feedId)
