/**
 * Makes what is personal about a connection unreadable for ever, everywhere: in
 * the log, in exports and in backups of it, because the keys are what is destroyed.
 *
 * The log stays whole. It still says what happened and when, without saying to
 * whom; views drop the rows.
 */
import { DateTime, Effect } from "effect"

import * as Account from "./Account.ts"
import * as Aggregate from "./Aggregate.ts"
import * as Connection from "./Connection.ts"
import { DataKeys } from "./DataKeys.ts"
import { EventStore, type StreamId } from "./EventStore.ts"
import * as Feed from "./Feed.ts"
import { type AccountId, type Actor, type ConnectionId, FeedId, type TenantId } from "./Ids.ts"
import { type Provider } from "./Provider.ts"
import * as EnrichmentStreams from "./reservations/EnrichmentStreams.ts"
import { Vault } from "./Vault.ts"

export interface By extends Pick<Provider, "remove"> {
  readonly actor: Actor
}

/**
 * Ends a connection and destroys the keys of it, of its feeds and of the accounts that nothing else delivers, in one
 * append, and then those of what its mails told bookings, which keep their values and are told nothing more; then ends the authorization at the provider, by its `remove`; and its credentials last, for without them
 * nobody could end it. An account that something else delivers stays, with what that delivered. So does one that its
 * provider knows by an identity: nothing is said of it but a keyed hash.
 *
 * Safe to repeat: what a crash left over is done then. After `ProviderError` and `CredentialsUnreadable` everything is
 * forgotten but the credentials, and the provider may not know.
 */
export const forget = Effect.fn("Forgetting.forget")(function* (
  tenantId: TenantId,
  connectionId: ConnectionId,
  { actor, remove }: By,
) {
  const forgotten = yield* destroyKeys(tenantId, connectionId, { actor })
  const keys = yield* DataKeys
  yield* keys.evict(tenantId, forgotten.streams)
  const vault = yield* Vault
  if (remove !== undefined) {
    yield* vault.get(tenantId, connectionId).pipe(
      Effect.flatMap(({ secret }) => remove(secret)),
      Effect.catchTag("CredentialsNotFound", () => Effect.void),
    )
  }
  yield* vault.remove(tenantId, connectionId)
  return forgotten
})

/**
 * The part of {@link forget} that is recorded: for whoever has neither the master key nor the provider. Processes that
 * run remember a key for a minute at most.
 */
export const destroyKeys = Effect.fn("Forgetting.destroyKeys")(function* (
  tenantId: TenantId,
  connectionId: ConnectionId,
  by: { readonly actor: Actor },
) {
  const streams = yield* endWithFeeds(tenantId, connectionId, by)
  const told = yield* EnrichmentStreams.bookingsToldBy(tenantId, connectionId)
  const bookings = yield* EnrichmentStreams.forgetBookings(tenantId, told, by)
  return { connectionId, streams: [...streams, ...bookings] }
})

const endWithFeeds = Effect.fnUntraced(function* (
  tenantId: TenantId,
  connectionId: ConnectionId,
  { actor }: { readonly actor: Actor },
) {
  const at = yield* DateTime.now
  const connection = yield* loadConnection(tenantId, connectionId)
  const ended = yield* Effect.fromResult(decideConnection(connection, { _tag: "Forget", at }))
  const { cursors, sources } = connection.state
  const matched = Object.values(sources).map(({ feedId }) => feedId)
  const feedIds = [...new Set([...Object.keys(cursors).map((id) => FeedId.make(id)), ...matched])]
  const feeds = yield* Effect.forEach(feedIds, (feedId) =>
    Effect.flatMap(loadFeed(tenantId, feedId), (feed) => Effect.fromResult(decideFeed(feed, { _tag: "Forget", at }))),
  )
  const accounts = yield* Effect.forEach(yield* left(tenantId, new Set(feedIds)), (account) =>
    Effect.fromResult(decideAccount(account, { _tag: "Forget", at })),
  )
  const changes = [ended, ...feeds, ...accounts] as const
  const streams: ReadonlyArray<StreamId> = changes.map(({ streamId }) => streamId)
  yield* Aggregate.append(changes, { metadata: { actor }, forget: streams })
  return streams
}, Aggregate.decidingAgain)

/** The accounts that no feed delivers once these are gone, and those that were merged into them. */
const left = Effect.fnUntraced(function* (tenantId: TenantId, gone: ReadonlySet<FeedId>) {
  const store = yield* EventStore
  const holders = yield* Effect.forEach(gone, (feedId) => store.holderOf(tenantId, Account.feedClaim(feedId)))
  const met = new Set<AccountId>(holders.flatMap((streamId) => (streamId === undefined ? [] : Account.idOf(streamId))))
  const accounts: Array<Aggregate.Loaded<Account.State>> = []
  for (const accountId of met) {
    const account = yield* loadAccount(tenantId, accountId)
    const { absorbed, feeds, identity } = account.state
    const others = yield* Effect.forEach(
      feeds.filter(({ feedId }) => !gone.has(feedId)),
      ({ feedId }) => loadFeed(tenantId, feedId),
    )
    if (identity !== undefined || others.some(({ state }) => !state.forgotten)) continue
    accounts.push(account)
    for (const { other } of absorbed) met.add(other)
  }
  return accounts
})

const loadConnection = Aggregate.load(Connection)
const decideConnection = Aggregate.decide(Connection)
const loadFeed = Aggregate.load(Feed)
const decideFeed = Aggregate.decide(Feed)
const loadAccount = Aggregate.load(Account)
const decideAccount = Aggregate.decide(Account)
