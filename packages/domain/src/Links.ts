/**
 * What people decide about links: the answer to a question, the undoing of a link
 * that was wrong, two accounts that are one, and that they are not.
 *
 * Feeds never move, so everything here can be taken back: an account whose link is
 * undone holds what it held before, and so does the feed.
 */
import { DateTime, Effect, Schema, Stream } from "effect"
import { SecureRandom } from "effect/crypto"

import * as Account from "./Account.ts"
import * as AccountsView from "./AccountsView.ts"
import * as Aggregate from "./Aggregate.ts"
import * as Connection from "./Connection.ts"
import * as EventCodec from "./EventCodec.ts"
import { EventStore } from "./EventStore.ts"
import * as Feed from "./Feed.ts"
import { AccountId, type Actor, ConnectionId, FeedId, type ReviewId, type TenantId } from "./Ids.ts"
import * as Ledger from "./Ledger.ts"
import * as Personal from "./Personal.ts"
import { type Provider } from "./Provider.ts"
import { Overlap, resumeFrom } from "./Reconnection.ts"

/** The feed is not linked to this account. Nothing was written. */
export class NotLinked extends Schema.TaggedError<NotLinked>()("NotLinked", { feedId: FeedId }) {}

/**
 * These cannot become one: they are the same already, or one of them is named twice; they are of different currencies;
 * the one that would end is known to its provider for good, and has to be the one that goes on. Nothing was written.
 * Asking again does not help.
 */
export class CannotMerge extends Schema.TaggedError<CannotMerge>()("CannotMerge", {
  problem: Schema.Literals([
    "the same account",
    "the same connection",
    "named twice",
    "another currency",
    "an identity of its own",
  ]),
}) {}

/** The connection was not superseded by this one. Nothing was written. */
export class NotFollowed extends Schema.TaggedError<NotFollowed>()("NotFollowed", { by: ConnectionId }) {}

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
  /**
   * How often the links of the account that is the answer had changed when the person looked at it (`links` of the view
   * `accounts`); without it, when the question was asked.
   */
  readonly seen?: number | undefined
}

/**
 * Answers a review: it is this one of the candidates, or none of them. The feed is linked to that account, or to one of
 * its own, and what it delivered meanwhile is reconciled with what the account holds: one append.
 *
 * The connection goes on from the owner's last one that delivered the account, and ends it, unless it is over itself.
 *
 * `StaleGround`: the links of the account have changed since. Look at the account, and answer with what was `seen`.
 * `ReviewNotOpen`: it was answered, or the connection was forgotten.
 */
export const resolve = Effect.fn("Links.resolve")(function* (
  reader: Reader,
  { connectionId, reviewId, seen }: Question,
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
    ...(candidate !== undefined && { ground: seen ?? candidate.ground }),
  }
  const opened: ReadonlyArray<Account.Command> = candidate === undefined ? [{ _tag: "Open", at, provider }] : []
  const linked = yield* Effect.fromResult(decideAccount(account, ...opened, link))
  const reconciled = yield* Ledger.reconcileFeeds(reader, linked, [feedId])
  const resume = candidate === undefined ? {} : resumeFrom(coveredTo(account.state), yield* Overlap)
  const settled = yield* Effect.fromResult(decideAccount(account, ...opened, link, ...reconciled))

  const before = account.state.feeds.findLast(
    (feed) => feed.ownerId === ownerId && feed.connectionId !== connectionId,
  )?.connectionId
  const old =
    before === undefined || !Connection.isLive(connection.state) ? undefined : yield* loadConnection(tenantId, before)
  const followed: ReadonlyArray<Connection.Command> =
    before === undefined || old === undefined || connection.state.previous !== undefined
      ? []
      : [{ _tag: "FollowOn", at, previous: before, confidence: level, evidence: ["a person said so"], resume: [] }]
  const answered = yield* Effect.fromResult(
    decideConnection(
      connection,
      {
        _tag: "ResolveReview",
        at,
        reviewId,
        outcome: candidate === undefined ? "opened" : "linked",
        accountId,
        kept: candidate === undefined ? 0 : Math.max(0, (yield* AccountsView.get(tenantId, accountId))?.items ?? 0),
        ...resume,
      },
      ...followed,
    ),
  )
  const ended = old && (yield* Effect.fromResult(decideConnection(old, { _tag: "Supersede", at, by: connectionId })))
  yield* Aggregate.append([answered, settled, ...(ended === undefined ? [] : [ended])], { metadata: { actor } })
  return { accountId, feedId }
}, Aggregate.decidingAgain)

/**
 * Takes a link back, whether a policy or a person made it. The account is what it was without the feed; the feed goes on
 * in an account of its own, and is not linked to this one by itself again. What was never fetched for it, because the
 * account was taken to have it, is not fetched now; a connection that ended with the link stays ended.
 */
export const undo = Effect.fn("Links.undo")(function* (
  reader: Reader,
  { accountId, feedId }: { readonly accountId: AccountId; readonly feedId: FeedId },
  { actor, tenantId }: By,
) {
  const at = yield* DateTime.now
  const account = yield* loadAccount(tenantId, accountId)
  const { covered, feeds, mergedInto, provider = reader.id } = account.state
  if (mergedInto !== undefined) return yield* new Account.AccountMerged({ into: mergedInto })
  const link = feeds.find((feed) => feed.feedId === feedId)
  if (link === undefined) return yield* new NotLinked({ feedId })

  const unlink: Account.Command = { _tag: "Unlink", at, feedId, reason: "undone" }
  const unlinked = yield* Effect.fromResult(decideAccount(account, unlink))
  const regrouped = yield* Ledger.reconcileRest(reader, account, unlinked)
  const settled = yield* Effect.fromResult(decideAccount(account, unlink, ...regrouped))

  const own = yield* loadAccount(tenantId, yield* freshAccount)
  const opening: ReadonlyArray<Account.Command> = [
    { _tag: "Open", at, provider },
    {
      _tag: "Link",
      at,
      ...link,
      confidence: "exact",
      evidence: ["a link to another account was undone"],
      personal: yield* appearanceOf(tenantId, accountId, feedId),
    },
  ]
  const opened = yield* Effect.fromResult(decideAccount(own, ...opening))
  const days = covered[feedId]
  const reconciled = yield* Ledger.reconcileFeeds(reader, opened, [feedId])
  const held = yield* Effect.fromResult(
    decideAccount(
      own,
      ...opening,
      ...reconciled,
      ...(days === undefined
        ? []
        : [{ _tag: "Reconcile" as const, at, feedId, run: "link", added: 0, known: 0, covered: days }]),
    ),
  )
  yield* Aggregate.append([settled, held], { metadata: { actor } })
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

/**
 * Makes two accounts of one again, each with the links that it had, but for those that were taken back since. What was
 * linked meanwhile stays with the one that went on. Of merges upon merges the last is taken back first: `AccountMerged`
 * says which.
 */
export const unmerge = Effect.fn("Links.unmerge")(function* (reader: Reader, pair: Pair, { actor, tenantId }: By) {
  const [kept, absorbed] = yield* unmerging(reader, tenantId, pair)
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
  if (into === from) return yield* new CannotMerge({ problem: "the same connection" })
  yield* ensureOnce(accounts)
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

/**
 * Makes two connections of one again: their accounts have the links that they had, and the older one is back at work.
 * Its slot, if it has one, must be free.
 */
export const unmergeConnections = Effect.fn("Links.unmergeConnections")(function* (
  reader: Reader,
  { accounts, from, into }: ConnectionPair,
  { actor, tenantId }: By,
) {
  yield* ensureOnce(accounts)
  const at = yield* DateTime.now
  const apart = yield* Effect.forEach(accounts, (pair) => unmerging(reader, tenantId, pair))
  const ended = yield* loadConnection(tenantId, from)
  if (ended.state.supersededBy !== into) return yield* new NotFollowed({ by: into })
  const back = yield* Effect.fromResult(decideConnection(ended, { _tag: "Resume", at, reason: "a merge was undone" }))
  yield* Aggregate.append([back, ...apart.flat()], { metadata: { actor } })
}, Aggregate.decidingAgain)

/**
 * The item is not asked about, or not any more: it was answered otherwise, its link was undone, or what it may be is
 * not held. Nothing was written. Look again at what is asked.
 */
export class ItemNotAsked extends Schema.TaggedError<ItemNotAsked>()("ItemNotAsked", Feed.ItemRef.fields) {}

/**
 * Answers whether an item is one of those that it may be (`TransactionsView.asked`), or another transaction. It goes
 * when the link does that the question came with.
 */
export const answerItem = Effect.fn("Links.answerItem")(function* (
  reader: Reader,
  { accountId, item }: { readonly accountId: AccountId; readonly item: Feed.ItemRef },
  answer: Feed.ItemRef | "another",
  { actor, tenantId }: By,
) {
  const at = yield* DateTime.now
  const account = yield* loadAccount(tenantId, accountId)
  const ledger = yield* Ledger.load(tenantId, account, Ledger.readingOf(reader))
  const as = answer === "another" ? undefined : answer
  const found = Ledger.answered(ledger, item, as)
  if (found === undefined) return yield* new ItemNotAsked(item)
  if (!found.isNew) return
  const { feedId } = item
  const answered = [{ item: item.item, ...(as !== undefined && { as }) }]
  const reconciled = { at, feedId, run: "answer", added: 0, known: 0, same: found.same, answered }
  const change = yield* Effect.fromResult(decideAccount(account, { _tag: "Reconcile", ...reconciled }))
  yield* Aggregate.append([change], { metadata: { actor } })
}, Aggregate.decidingAgain)

const merging = Effect.fnUntraced(function* (reader: Reader, tenantId: TenantId, { absorbed, kept }: Pair) {
  if (absorbed === kept) return yield* new CannotMerge({ problem: "the same account" })
  const at = yield* DateTime.now
  const one = yield* loadAccount(tenantId, kept)
  const other = yield* loadAccount(tenantId, absorbed)
  if (other.state.identity !== undefined) return yield* new CannotMerge({ problem: "an identity of its own" })
  const [currency, otherCurrency = currency] = [currencyOf(one.state), currencyOf(other.state)]
  if (currency !== undefined && currency !== otherCurrency)
    return yield* new CannotMerge({ problem: "another currency" })
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

const unmerging = Effect.fnUntraced(function* (reader: Reader, tenantId: TenantId, { absorbed, kept }: Pair) {
  const at = yield* DateTime.now
  const one = yield* loadAccount(tenantId, kept)
  const other = yield* loadAccount(tenantId, absorbed)
  const unmerge = { _tag: "Unmerge", at, feeds: [], beside: [] } as const
  const alone: Account.Command = { ...unmerge, role: "kept", other: absorbed }
  const parted = yield* Effect.fromResult(decideAccount(one, alone))
  const regrouped = yield* Ledger.reconcileRest(reader, one, parted)
  const merger = parted.events.find((event) => event._tag === "accounts_unmerged")
  return [
    yield* Effect.fromResult(decideAccount(one, alone, ...regrouped)),
    yield* Effect.fromResult(
      decideAccount(other, {
        ...unmerge,
        feeds: merger?.feeds ?? [],
        beside: merger?.beside ?? [],
        role: "absorbed",
        other: kept,
      }),
    ),
  ] as const
})

/** One append has each stream once. */
const ensureOnce = (pairs: ReadonlyArray<Pair>) =>
  new Set(pairs.flatMap(({ absorbed, kept }) => [absorbed, kept])).size === pairs.length * 2
    ? Effect.void
    : Effect.fail(new CannotMerge({ problem: "named twice" }))

/** What the account of a feed is called: it stands where the feed was linked, in an account that was merged since perhaps. */
const appearanceOf = Effect.fnUntraced(function* (tenantId: TenantId, accountId: AccountId, feedId: FeedId) {
  const store = yield* EventStore
  const places = new Set([accountId])
  for (const place of places) {
    const events = yield* Stream.runCollect(decode(store.readStream(tenantId, Account.streamId(place))))
    for (const { event } of events.toReversed()) {
      if (event._tag === "account_linked" && event.feedId === feedId) return event.personal
      const isWhence = event._tag === "accounts_merged" && event.role === "kept"
      if (isWhence && event.feeds.some((feed) => feed.feedId === feedId)) places.add(event.other)
    }
  }
  return Personal.withheld
})

/** Of the newest profile that says so. */
const currencyOf = ({ feeds }: Account.State) => feeds.findLast(({ profile }) => profile?.currency)?.profile?.currency

const coveredTo = ({ covered, feeds }: Account.State) =>
  feeds.reduce<string | null>((last, { feedId }) => {
    const to = covered[feedId]?.to
    return to === undefined || (last !== null && last > to) ? last : to
  }, null)

const freshAccount = Effect.flatMap(SecureRandom.SecureRandom, (random) =>
  Effect.map(random.uuidV7(), (id) => AccountId.make(id)),
)

const loadConnection = Aggregate.load(Connection)
const loadWithNames = Aggregate.load(Connection, { personal: true })
const decideConnection = Aggregate.decide(Connection)
const loadAccount = Aggregate.load(Account)
const decideAccount = Aggregate.decide(Account)
const decode = EventCodec.decodeStream(Account)
