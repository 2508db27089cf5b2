/**
 * Makes what is personal about a connection unreadable for ever, everywhere: in
 * the log, in exports and in backups of it, because the keys are what is destroyed.
 *
 * The log stays whole. It still says what happened and when, without saying to
 * whom; views drop the rows.
 */
import { DateTime, Effect } from "effect"

import * as Aggregate from "./Aggregate.ts"
import * as Connection from "./Connection.ts"
import { DataKeys } from "./DataKeys.ts"
import * as Feed from "./Feed.ts"
import { type Actor, type ConnectionId, FeedId, type TenantId } from "./Ids.ts"
import { Vault } from "./Vault.ts"

/**
 * Ends a connection, destroys the keys of it and of its feeds in the same append,
 * and then its credentials. Safe to repeat: what a crash left over is done then.
 * The account and its other feeds stay.
 */
export const forget = Effect.fn("Forgetting.forget")(function* (
  tenantId: TenantId,
  connectionId: ConnectionId,
  { actor }: { readonly actor: Actor },
) {
  const forgotten = yield* Aggregate.decidingAgain(destroyKeys(tenantId, connectionId, actor))
  const vault = yield* Vault
  yield* vault.remove(tenantId, connectionId)
  return forgotten
})

const destroyKeys = Effect.fnUntraced(function* (tenantId: TenantId, connectionId: ConnectionId, actor: Actor) {
  const at = yield* DateTime.now
  const connection = yield* loadConnection(tenantId, connectionId)
  const ended = yield* Effect.fromResult(decideConnection(connection, { _tag: "Forget", at }))
  const feeds = yield* Effect.forEach(Object.keys(connection.state.cursors), (feedId) =>
    Effect.flatMap(loadFeed(tenantId, FeedId.make(feedId)), (feed) =>
      Effect.fromResult(decideFeed(feed, { _tag: "Forget", at })),
    ),
  )
  const streams = [ended, ...feeds].map(({ streamId }) => streamId)
  yield* Aggregate.append([ended, ...feeds], { metadata: { actor }, forget: streams })
  const keys = yield* DataKeys
  yield* keys.evict(tenantId, streams)
  return { connectionId, streams }
})

const loadConnection = Aggregate.load(Connection)
const decideConnection = Aggregate.decide(Connection)
const loadFeed = Aggregate.load(Feed)
const decideFeed = Aggregate.decide(Feed)
