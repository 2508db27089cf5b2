/**
 * Feeds of one account that are synced in one process record their pages one after the other.
 *
 * Every page is appended with the version of the account, so pages that are recorded at the same time are in each other's
 * way. Between processes that is what keeps an item from being recorded twice; within one, waiting is cheaper than losing.
 */
import { Context, Effect, Semaphore } from "effect"

import { type StreamId } from "./EventStore.ts"
import { type FeedId, type TenantId } from "./Ids.ts"

/** Whose turn it is to record. */
export interface Turn {
  readonly semaphore: Semaphore.Semaphore
  /** The feed that recorded last, in this process. */
  last: FeedId | undefined
  /** How many feeds take turns. */
  takers: number
}

/** By what is recorded in turns, of what is being synced. Another process has others. */
export const Turns = Context.Reference<Map<string, Turn>>("@holdfast/domain/SyncTurns", {
  defaultValue: () => new Map(),
})

/** Takes turns with others that record in the same stream, for as long as the effect runs. */
export const taking =
  (tenantId: TenantId, streamId: StreamId) =>
  <A, E, R>(use: (turn: Turn) => Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.flatMap(Turns, (turns) => {
      const key = `${tenantId}\n${streamId}`
      return Effect.acquireUseRelease(
        Effect.sync(() => {
          const turn = turns.get(key) ?? { semaphore: Semaphore.makeUnsafe(1), last: undefined, takers: 0 }
          turn.takers += 1
          turns.set(key, turn)
          return turn
        }),
        use,
        (turn) =>
          Effect.sync(() => {
            turn.takers -= 1
            if (turn.takers === 0) turns.delete(key)
          }),
      )
    })
