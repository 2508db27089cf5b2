/**
 * The feed aggregate: what one connection delivers for one outside account, as
 * it was delivered. A feed is a tape: items are added at its end and never
 * changed, moved or removed.
 */
import { HashSet, Redacted, Result, Schema } from "effect"

import { StreamId } from "./EventStore.ts"
import { AccountId, ConnectionId, type FeedId } from "./Ids.ts"
import * as Personal from "./Personal.ts"

/** What the provider calls an item, stable and unique within the outside account. Opaque, not personal. */
export const ItemId = Schema.String.check(Schema.isBetweenLength(1, 500))
export type ItemId = typeof ItemId.Type

const batch = {
  at: Schema.DateTimeUtcFromString,
  connectionId: ConnectionId,
  /** The account that the feed was linked to when the items arrived. */
  accountId: AccountId,
  /** What of the outside account this feed is, as the provider names it: the id of a label, of a bank account. */
  source: Schema.String,
  /** Of the sync run. */
  run: Schema.String,
  /** In the order of delivery; none of them was in the feed before. */
  itemIds: Schema.Array(ItemId),
  personal: Personal.of(
    Schema.Struct({
      /** The items themselves, whole, in the shape that the adapter documents; one for each of `itemIds`. */
      items: Schema.Array(Schema.Json),
    }),
  ),
}

/**
 * What happened to a feed.
 *
 * Tags and fields are the storage format: never rename or repurpose one.
 */
export const Event = Schema.TaggedUnion({
  /** Items arrived; asserted by the sync engine, together with the `synced` of the connection. */
  items_recorded: batch,
  /** The personal data of this feed was destroyed: its items are known by id only. */
  forgotten: { at: Schema.DateTimeUtcFromString },
})
export type Event = typeof Event.Type

export const Command = Schema.TaggedUnion({
  /** Items that the feed has already are left out. */
  RecordItems: batch,
  Forget: { at: Schema.DateTimeUtcFromString },
})
export type Command = typeof Command.Type

/** Nothing more can be recorded about somebody who was forgotten. */
export class FeedForgotten extends Schema.TaggedError<FeedForgotten>()("FeedForgotten", {}) {}

export type Rejection = FeedForgotten

export interface State {
  readonly exists: boolean
  readonly itemIds: HashSet.HashSet<ItemId>
  readonly forgotten: boolean
}

export const initial: State = { exists: false, itemIds: HashSet.empty(), forgotten: false }

export const evolve = (state: State, event: Event): State => {
  switch (event._tag) {
    case "items_recorded":
      return { ...state, exists: true, itemIds: HashSet.union(state.itemIds, HashSet.fromIterable(event.itemIds)) }
    case "forgotten":
      return { ...state, forgotten: true }
  }
}

export const decide = (state: State, command: Command): Result.Result<ReadonlyArray<Event>, Rejection> => {
  switch (command._tag) {
    case "RecordItems": {
      if (state.forgotten) return Result.fail(new FeedForgotten())
      const added = withoutKnown(state.itemIds, command)
      return Result.succeed(added.itemIds.length === 0 ? [] : [{ ...added, _tag: "items_recorded" }])
    }
    case "Forget":
      return Result.succeed(state.forgotten ? [] : [{ ...command, _tag: "forgotten" }])
  }
}

export const claims = (): ReadonlyArray<string> => []

export const name = "feed"

export const streamId = (id: FeedId): StreamId => StreamId.make(`feed-${id}`)

type Batch = Extract<Command, { readonly _tag: "RecordItems" }>

const withoutKnown = (known: HashSet.HashSet<ItemId>, batch: Batch): Batch => {
  const isNew = batch.itemIds.map((id, index) => !HashSet.has(known, id) && batch.itemIds.indexOf(id) === index)
  if (isNew.every(Boolean)) return batch
  const personal =
    batch.personal._tag === "Revealed"
      ? Personal.reveal({ items: Redacted.value(batch.personal.value).items.filter((_, index) => isNew[index]) })
      : batch.personal
  return { ...batch, itemIds: batch.itemIds.filter((_, index) => isNew[index]), personal }
}
