/**
 * What people decide about links: the answer to a question, the undoing of a link
 * that was wrong, two accounts that are one, and that they are not.
 *
 * Feeds never move, so everything here can be taken back: an account whose link is
 * undone holds what it held before, and so does the feed.
 */
import { DateTime, Effect, Schema } from "effect"
import { SecureRandom } from "effect/crypto"

import * as Account from "./Account.ts"
import * as Aggregate from "./Aggregate.ts"
import * as Connection from "./Connection.ts"
import { AccountId, type Actor, type ConnectionId, FeedId, type ReviewId, type TenantId } from "./Ids.ts"
import * as Ledger from "./Ledger.ts"
import * as Personal from "./Personal.ts"
import { type Provider } from "./Provider.ts"
import { Overlap, resumeFrom } from "./Reconnection.ts"

/** The feed is not linked to this account. Nothing was written. */
export class NotLinked extends Schema.TaggedError<NotLinked>()("NotLinked", { feedId: FeedId }) {}

/**
 * These cannot become one account: they are the same already, or of different currencies. Nothing was written. Asking
 * again does not help.
 */
export class CannotMerge extends Schema.TaggedError<CannotMerge>()("CannotMerge", {
  problem: Schema.Literals(["the same account", "another currency"]),
}) {}

/** Who decides, and where. */
export interface By {
  readonly tenantId: TenantId
  readonly actor: Actor
}

/** How items are read, for what was delivered meanwhile. */
export type Reader = Pick<Provider, "id" | "transaction">

export interface Question {
  readonly connectionId: ConnectionId
  readonly reviewId: ReviewId
}

/**
 * Answers a review: it is this one of the candidates, or none of them. The feed is linked to that account, or to one of
 * its own, and what it delivered meanwhile is reconciled with what the account holds: one append.
 *
 * `StaleGround`: the links of the account have changed since the question was asked. `ReviewNotOpen`: it was answered.
 */
export const resolve = Effect.fn("Links.resolve")(function* (
  reader: Reader,
  { connectionId, reviewId }: Question,
  answer: AccountId | "another",
  { actor, tenantId }: By,
) {
  const at = yield* DateTime.now
  const connection = yield* loadWithNames(tenantId, connectionId)
  const review = connection.state.reviews.find((review) => review.reviewId === reviewId)
  if (review === undefined) return yield* new Connection.ReviewNotOpen({ reviewId })
  const candidate = review.candidates.find(({ accountId }) => accountId === answer)
  if (answer !== "another" && candidate === undefined) return yield* new Connection.NotACandidate({ accountId: answer })

  const accountId = answer === "another" ? yield* freshAccount : answer
  const account = yield* loadAccount(tenantId, accountId)
  const { feedId, level, personal, profile, source } = review
  const { ownerId, provider = reader.id } = connection.state
  const link: Account.Command = {
    _tag: "Link",
    at,
    feedId,
    connectionId,
    source,
    profile,
    personal,
    ...(ownerId !== undefined && { ownerId }),
    confidence: candidate === undefined ? "exact" : level,
    evidence: [...(candidate?.evidence ?? []), "a person said so"],
    ...(candidate !== undefined && { ground: candidate.ground }),
  }
  const opened: ReadonlyArray<Account.Command> = candidate === undefined ? [{ _tag: "Open", at, provider }] : []
  const linked = yield* Effect.fromResult(decideAccount(account, ...opened, link))
  const reconciled = yield* Ledger.reconcileFeeds(reader, linked, [feedId])
  const resume = candidate === undefined ? {} : resumeFrom(coveredTo(account.state), yield* Overlap)
  const settled = yield* Effect.fromResult(decideAccount(account, ...opened, link, ...reconciled))

  const { follows } = review
  const old = follows === undefined || candidate === undefined ? undefined : yield* loadConnection(tenantId, follows)
  const followed: ReadonlyArray<Connection.Command> =
    follows === undefined || old === undefined || connection.state.previous !== undefined
      ? []
      : [{ _tag: "FollowOn", at, previous: follows, confidence: level, evidence: ["a person said so"], resume: [] }]
  const answered = yield* Effect.fromResult(
    decideConnection(
      connection,
      {
        _tag: "ResolveReview",
        at,
        reviewId,
        outcome: candidate === undefined ? "opened" : "linked",
        accountId,
        ...resume,
      },
      ...followed,
    ),
  )
  const ended =
    old === undefined || old.state.ownerId !== ownerId
      ? []
      : [yield* Effect.fromResult(decideConnection(old, { _tag: "Supersede", at, by: connectionId }))]
  yield* Aggregate.append([answered, settled, ...ended], { metadata: { actor } })
  return { accountId, feedId }
}, Aggregate.decidingAgain)

/**
 * Takes a link back, whether a policy or a person made it. The account is what it was without the feed; the feed goes on
 * in an account of its own, and is not linked to this one by itself again.
 */
export const undo = Effect.fn("Links.undo")(function* (
  reader: Reader,
  { accountId, feedId }: { readonly accountId: AccountId; readonly feedId: FeedId },
  { actor, tenantId }: By,
) {
  const at = yield* DateTime.now
  const account = yield* loadAccount(tenantId, accountId)
  const link = account.state.feeds.find((feed) => feed.feedId === feedId)
  if (link === undefined) return yield* new NotLinked({ feedId })
  const unlinked = yield* Effect.fromResult(decideAccount(account, { _tag: "Unlink", at, feedId, reason: "undone" }))
  const own = yield* loadAccount(tenantId, yield* freshAccount)
  const opened = yield* Effect.fromResult(
    decideAccount(
      own,
      { _tag: "Open", at, provider: account.state.provider ?? reader.id },
      {
        _tag: "Link",
        at,
        ...link,
        confidence: "exact",
        evidence: ["a link to another account was undone"],
        personal: Personal.reveal({}),
      },
    ),
  )
  const regrouped = yield* Ledger.reconcileRest(reader, account, unlinked)
  const settled = yield* Effect.fromResult(
    decideAccount(account, { _tag: "Unlink", at, feedId, reason: "undone" }, ...regrouped),
  )
  yield* Aggregate.append([settled, opened], { metadata: { actor } })
  return { accountId: Account.idOf(own.streamId) }
}, Aggregate.decidingAgain)

/** Two accounts that are one, and which of them goes on. */
export interface Pair {
  readonly kept: AccountId
  readonly absorbed: AccountId
}

/** Makes one account of two. The links of the one go over to the other; {@link unmerge} gives them back. */
export const merge = Effect.fn("Links.merge")(function* (reader: Reader, pair: Pair, { actor, tenantId }: By) {
  const [kept, absorbed] = yield* merging(reader, tenantId, pair)
  yield* Aggregate.append([kept, absorbed], { metadata: { actor } })
}, Aggregate.decidingAgain)

/** Makes two accounts of one again, each with the links that it had, but for those that were taken back since. */
export const unmerge = Effect.fn("Links.unmerge")(function* (pair: Pair, { actor, tenantId }: By) {
  const [kept, absorbed] = yield* unmerging(tenantId, pair)
  yield* Aggregate.append([kept, absorbed], { metadata: { actor } })
}, Aggregate.decidingAgain)

/** Two connections that are for one login, and the accounts that they both deliver. */
export interface ConnectionPair {
  readonly into: ConnectionId
  readonly from: ConnectionId
  readonly accounts: ReadonlyArray<Pair>
}

/**
 * Makes one connection of two: the accounts that both deliver are merged, the others stay as they are, and the one
 * connection is superseded by the other.
 */
export const mergeConnections = Effect.fn("Links.mergeConnections")(function* (
  reader: Reader,
  { accounts, from, into }: ConnectionPair,
  { actor, tenantId }: By,
) {
  const at = yield* DateTime.now
  const merged = yield* Effect.forEach(accounts, (pair) => merging(reader, tenantId, pair))
  const kept = yield* loadConnection(tenantId, into)
  const ended = yield* loadConnection(tenantId, from)
  const evidence = ["a person said so"]
  const going = yield* Effect.fromResult(
    decideConnection(kept, { _tag: "FollowOn", at, previous: from, confidence: "exact", evidence, resume: [] }),
  )
  const over = yield* Effect.fromResult(decideConnection(ended, { _tag: "Supersede", at, by: into }))
  yield* Aggregate.append([going, over, ...merged.flat()], { metadata: { actor } })
}, Aggregate.decidingAgain)

/** Makes two connections of one again: their accounts have the links that they had, and the older one is back at work. */
export const unmergeConnections = Effect.fn("Links.unmergeConnections")(function* (
  { accounts, from }: ConnectionPair,
  { actor, tenantId }: By,
) {
  const at = yield* DateTime.now
  const apart = yield* Effect.forEach(accounts, (pair) => unmerging(tenantId, pair))
  const back = yield* Effect.fromResult(
    decideConnection(yield* loadConnection(tenantId, from), { _tag: "Resume", at, reason: "a merge was undone" }),
  )
  yield* Aggregate.append([back, ...apart.flat()], { metadata: { actor } })
}, Aggregate.decidingAgain)

const merging = Effect.fnUntraced(function* (reader: Reader, tenantId: TenantId, { absorbed, kept }: Pair) {
  if (absorbed === kept) return yield* new CannotMerge({ problem: "the same account" })
  const at = yield* DateTime.now
  const one = yield* loadAccount(tenantId, kept)
  const other = yield* loadAccount(tenantId, absorbed)
  const [currency, otherCurrency = currency] = [currencyOf(one.state), currencyOf(other.state)]
  if (currency !== undefined && currency !== otherCurrency) return yield* new CannotMerge({ problem: "another currency" })
  const merger = { at, feeds: other.state.feeds, beside: one.state.feeds.map(({ feedId }) => feedId) }
  const merge: Account.Command = { _tag: "Merge", ...merger, role: "kept", other: absorbed }
  const joined = yield* Effect.fromResult(decideAccount(one, merge))
  const feedIds = other.state.feeds.map(({ feedId }) => feedId)
  const reconciled = yield* Ledger.reconcileFeeds(reader, joined, feedIds)
  return [
    yield* Effect.fromResult(decideAccount(one, merge, ...reconciled)),
    yield* Effect.fromResult(decideAccount(other, { _tag: "Merge", ...merger, role: "absorbed", other: kept })),
  ] as const
})

const unmerging = Effect.fnUntraced(function* (tenantId: TenantId, { absorbed, kept }: Pair) {
  const at = yield* DateTime.now
  const one = yield* loadAccount(tenantId, kept)
  const other = yield* loadAccount(tenantId, absorbed)
  const merger = one.state.absorbed.find((merger) => merger.other === absorbed)
  if (merger === undefined) return yield* new Account.NotMerged({ other: absorbed })
  const feeds = merger.feeds.filter(({ feedId }) => one.state.feeds.some((feed) => feed.feedId === feedId))
  const parts = { at, feeds, beside: merger.beside }
  return [
    yield* Effect.fromResult(decideAccount(one, { _tag: "Unmerge", ...parts, role: "kept", other: absorbed })),
    yield* Effect.fromResult(decideAccount(other, { _tag: "Unmerge", ...parts, role: "absorbed", other: kept })),
  ] as const
})

/** Of the newest profile that says so. */
const currencyOf = ({ feeds }: Account.State) => feeds.findLast(({ profile }) => profile?.currency)?.profile?.currency

const coveredTo = ({ covered }: Account.State) =>
  Object.values(covered).reduce<string | null>((last, { to }) => (last === null || to > last ? to : last), null)

const freshAccount = Effect.flatMap(SecureRandom.SecureRandom, (random) =>
  Effect.map(random.uuidV7(), (id) => AccountId.make(id)),
)

const loadConnection = Aggregate.load(Connection)
const loadWithNames = Aggregate.load(Connection, { personal: true })
const decideConnection = Aggregate.decide(Connection)
const loadAccount = Aggregate.load(Account)
const decideAccount = Aggregate.decide(Account)
