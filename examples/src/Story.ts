/**
 * What the log tells of the accounts of a connection: what it goes on with, what
 * that saved, and why each of them was linked, in words.
 */
import {
  Account,
  AccountMatching,
  Aggregate,
  Connection,
  EventCodec,
  EventStore,
  Explanation,
  Ids,
  Reconnection,
} from "@holdfast/domain"
import { Effect, Schema, Stream } from "effect"

/** What a reconnection kept and saved. */
export const Reconnected = Schema.Struct({
  previous: Ids.ConnectionId,
  confidence: Connection.Confidence,
  /** Accounts that it goes on with. */
  accounts: Schema.Natural,
  /** Links to further ones that somebody has taken back since. */
  undone: Schema.optionalKey(Schema.Natural),
  /** Transactions that they held, and that are not fetched again. */
  kept: Schema.Natural,
  /** The first day that is fetched, of the account that is fetched the furthest back. */
  resumedFrom: Schema.NullOr(Connection.Day),
  callsSaved: Schema.Natural,
  /** All of it in a sentence. */
  summary: Schema.String,
})
export type Reconnected = typeof Reconnected.Type

/** One decision about one outside account, and its reasons. */
export const Decided = Schema.Struct({
  source: Schema.String,
  feedId: Ids.FeedId,
  /** None as long as a person is asked. */
  accountId: Schema.NullOr(Ids.AccountId),
  action: Schema.Literals(["auto", "shared", "review", "create"]),
  level: Schema.Literals([...Connection.Confidence.literals, "none"]),
  policy: Schema.String,
  /** Lines for whoever answers for it; none where it was made under a policy that is not in use any more. */
  explanation: Schema.Array(Schema.String),
})
export type Decided = typeof Decided.Type

/** Of one connection. */
export const of = Effect.fn("Story.of")(function* (tenantId: Ids.TenantId, connectionId: Ids.ConnectionId) {
  const store = yield* EventStore.EventStore
  const policy = yield* Reconnection.MatchingPolicy
  const stream = store.readStream(tenantId, Connection.streamId(connectionId), { sealed: false })
  const events = (yield* Stream.runCollect(decode(stream))).map(({ event }) => event)
  return {
    reconnection: yield* reconnectionIn(tenantId, events),
    decisions: events.flatMap((event): ReadonlyArray<Decided> => {
      if (event._tag !== "accounts_matched") return []
      const again = event.policy === policy.version ? AccountMatching.decide(policy, event.grounds) : []
      return event.decisions.map(({ accountId, action, feedId, level, source }) => ({
        source,
        feedId,
        accountId: accountId ?? null,
        action,
        level,
        policy: event.policy,
        explanation: again.filter((decision) => decision.source === source).flatMap(Explanation.explain),
      }))
    }),
  }
})

/** What the last succession says, the answers that came to it later, and what of both was taken back since. */
const reconnectionIn = Effect.fnUntraced(function* (
  tenantId: Ids.TenantId,
  events: ReadonlyArray<Connection.Event>,
): Effect.fn.Return<
  Reconnected | undefined,
  Effect.Error<ReturnType<typeof isLinked>>,
  Effect.Services<ReturnType<typeof isLinked>>
> {
  const followed = events.findLast((event) => event._tag === "reconnected")
  if (followed === undefined) return undefined
  const { accounts: recognised = [], callsSaved = 0, confidence, previous } = followed
  const links = [...recognised, ...answeredIn(events)]
  const standing = yield* Effect.filter(links, (link) => isLinked(tenantId, link))
  const accounts = standing.length
  const undone = links.length - accounts
  const kept = standing.reduce((sum, { kept = 0 }) => sum + kept, 0)
  const resumedFrom = recognised.flatMap(({ resumeFrom }) => resumeFrom ?? []).toSorted()[0] ?? null
  const summary = [
    ...(accounts > 0 ? [counted(accounts, "account")] : []),
    ...(undone > 0 ? [`${counted(undone, "link")} undone`] : []),
    ...(kept > 0 ? [`${counted(kept, "transaction")} kept`] : []),
    ...(resumedFrom === null ? [] : [`resumed from ${resumedFrom}`]),
    ...(callsSaved > 0 ? [`${counted(callsSaved, "call")} saved`] : []),
  ].join(", ")
  return {
    previous,
    confidence,
    accounts,
    ...(undone > 0 && { undone }),
    kept,
    resumedFrom,
    callsSaved,
    summary,
  }
})

interface Link {
  readonly accountId: Ids.AccountId
  readonly feedId: Ids.FeedId
  readonly kept?: number
}

/** What people said to the questions that were asked about the connection. */
const answeredIn = (events: ReadonlyArray<Connection.Event>): ReadonlyArray<Link> => {
  const asked = new Map(events.flatMap((event) => (event._tag === "review_opened" ? [[event.reviewId, event]] : [])))
  return events.flatMap((event) => {
    if (event._tag !== "review_resolved" || event.outcome !== "linked") return []
    const feedId = asked.get(event.reviewId)?.feedId
    return feedId === undefined ? [] : [{ ...event, feedId }]
  })
}

/** Whether the account, or the one that it was merged into, still has the feed. */
const isLinked = (
  tenantId: Ids.TenantId,
  { accountId, feedId }: Link,
): Effect.Effect<
  boolean,
  Effect.Error<ReturnType<typeof loadAccount>>,
  Effect.Services<ReturnType<typeof loadAccount>>
> =>
  Effect.flatMap(loadAccount(tenantId, accountId), ({ state: { feeds, mergedInto } }) =>
    mergedInto === undefined
      ? Effect.succeed(feeds.some((feed) => feed.feedId === feedId))
      : isLinked(tenantId, { accountId: mergedInto, feedId }),
  )

const loadAccount = Aggregate.load(Account)

export const counted = (count: number, what: string) => `${count} ${what}${count === 1 ? "" : "s"}`

const decode = EventCodec.decodeStream(Connection)
