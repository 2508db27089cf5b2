/**
 * The feed aggregate: what one connection delivers for one outside account, as
 * it was delivered. A feed is a tape: items are added at its end and never
 * changed, moved or removed.
 */
import { HashSet, Redacted, Result, Schema } from "effect"

import { Day } from "./Connection.ts"
import { StreamId } from "./EventStore.ts"
import { AccountId, ConnectionId, FeedId, ProviderId } from "./Ids.ts"
import * as Personal from "./Personal.ts"

/** What the provider calls an item, stable and unique within the outside account. Opaque, not personal. */
export const ItemId = Schema.String.check(Schema.isBetweenLength(1, 500))
export type ItemId = typeof ItemId.Type

/** An item, wherever it is: items have ids within their feed. */
export const ItemRef = Schema.Struct({ feedId: FeedId, item: ItemId })
export type ItemRef = typeof ItemRef.Type

const delivery = {
  at: Schema.DateTimeUtcFromString,
  connectionId: ConnectionId,
  /** Whose shape the items have. */
  provider: Schema.optionalKey(ProviderId),
  /** The account that the feed was linked to when the items arrived; none while a person is asked which it is. */
  accountId: Schema.optionalKey(AccountId),
  /** What of the outside account this feed is, as the provider names it: the id of a label, of a bank account. */
  source: Schema.String,
  /** Of the sync run. */
  run: Schema.String,
}

/** Which of the items the account knows under an earlier feed: what it knows them as. */
const known = { knownAs: Schema.optionalKey(Schema.Array(Schema.Struct({ item: ItemId, as: ItemRef }))) }

const batch = {
  ...delivery,
  /** In the order of delivery; none of them was in the feed before, unless it was withdrawn since. */
  itemIds: Schema.Array(ItemId),
  personal: Personal.of(
    Schema.Struct({
      /** The items themselves, whole, in the shape that the adapter documents; one for each of `itemIds`. */
      items: Schema.Array(Schema.Json),
    }),
  ),
}

const balance = {
  ...delivery,
  /** The day that it is of, as the provider says. */
  on: Day,
  personal: Personal.of(
    Schema.Struct({
      /** Booked, in minor units of the account's currency. Providers differ in the sign of what is owed. */
      amount: Schema.Int,
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
  /** Items that are in the feed were delivered again, with other content. The tape keeps both. */
  items_revised: { ...batch, ...known },
  /** The provider takes items back. The tape keeps them. */
  items_withdrawn: { ...delivery, ...known, itemIds: Schema.Array(ItemId) },
  /**
   * What the provider said was in the account, recorded with the page that completes what it had to deliver. It is
   * personal, and of the feed: it goes where the feed is linked to, and when the feed is forgotten.
   */
  balance_recorded: balance,
  /** The personal data of this feed was destroyed: its items are known by id only. */
  forgotten: { at: Schema.DateTimeUtcFromString },
})
export type Event = typeof Event.Type

export const Command = Schema.TaggedUnion({
  /** Items that the feed has already are left out. */
  RecordItems: batch,
  /** Items that the feed does not have are left out. */
  ReviseItems: { ...batch, ...known },
  /** Items that the feed does not have are left out. */
  WithdrawItems: { ...delivery, ...known, itemIds: Schema.Array(ItemId) },
  RecordBalance: balance,
  Forget: { at: Schema.DateTimeUtcFromString },
})
export type Command = typeof Command.Type

/** Nothing more can be recorded about somebody who was forgotten. */
export class FeedForgotten extends Schema.TaggedError<FeedForgotten>()("FeedForgotten", {}) {}

export type Rejection = FeedForgotten

export interface State {
  readonly exists: boolean
  readonly itemIds: HashSet.HashSet<ItemId>
  /** Taken back, and not delivered again since. */
  readonly withdrawnIds: HashSet.HashSet<ItemId>
  readonly forgotten: boolean
}

export const initial: State = {
  exists: false,
  itemIds: HashSet.empty(),
  withdrawnIds: HashSet.empty(),
  forgotten: false,
}

export const evolve = (state: State, event: Event): State => {
  switch (event._tag) {
    case "items_recorded":
      return {
        ...state,
        exists: true,
        itemIds: withAll(state.itemIds, event.itemIds),
        withdrawnIds: withoutAll(state.withdrawnIds, event.itemIds),
      }
    case "items_withdrawn":
      return {
        ...state,
        itemIds: withoutAll(state.itemIds, event.itemIds),
        withdrawnIds: withAll(state.withdrawnIds, event.itemIds),
      }
    case "items_revised":
    case "balance_recorded":
      return state
    case "forgotten":
      return { ...state, forgotten: true }
  }
}

export const decide = (state: State, command: Command): Result.Result<ReadonlyArray<Event>, Rejection> => {
  switch (command._tag) {
    case "RecordItems": {
      if (state.forgotten) return Result.fail(new FeedForgotten())
      const added = only(
        command,
        isFirst((id) => !HashSet.has(state.itemIds, id)),
      )
      return Result.succeed(added.itemIds.length === 0 ? [] : [{ ...added, _tag: "items_recorded" }])
    }
    case "ReviseItems": {
      if (state.forgotten) return Result.fail(new FeedForgotten())
      const revised = only(
        command,
        isFirst((id) => HashSet.has(state.itemIds, id)),
      )
      return Result.succeed(revised.itemIds.length === 0 ? [] : [{ ...revised, _tag: "items_revised" }])
    }
    case "WithdrawItems": {
      const itemIds = command.itemIds.filter(isFirst((id) => HashSet.has(state.itemIds, id)))
      return Result.succeed(itemIds.length === 0 ? [] : [{ ...command, itemIds, _tag: "items_withdrawn" }])
    }
    case "RecordBalance":
      if (state.forgotten) return Result.fail(new FeedForgotten())
      return Result.succeed([{ ...command, _tag: "balance_recorded" }])
    case "Forget":
      return Result.succeed(state.forgotten ? [] : [{ ...command, _tag: "forgotten" }])
  }
}

export const claims = (): ReadonlyArray<string> => []

export const name = "feed"

export const streamId = (id: FeedId): StreamId => StreamId.make(`feed-${id}`)

type Ids = State["itemIds"]

const withAll = (ids: Ids, added: Iterable<ItemId>): Ids => HashSet.union(ids, HashSet.fromIterable(added))

/** One by one: a difference of sets would go through all that a feed holds. */
const withoutAll = (ids: Ids, gone: Iterable<ItemId>): Ids =>
  HashSet.isEmpty(ids) ? ids : Array.from(gone).reduce((rest, id) => HashSet.remove(rest, id), ids)

type Batch = Extract<Command, { readonly _tag: "RecordItems" | "ReviseItems" }>

/** Of those that are wanted, the first of each. */
const isFirst = (isWanted: (id: ItemId) => boolean) => {
  const seen = new Set<ItemId>()
  return (id: ItemId): boolean => {
    if (seen.has(id) || !isWanted(id)) return false
    seen.add(id)
    return true
  }
}

/** The part of a batch whose items pass. */
const only = <B extends Batch>(batch: B, passes: (id: ItemId) => boolean): B => {
  const isKept = batch.itemIds.map(passes)
  if (isKept.every(Boolean)) return batch
  const personal =
    batch.personal._tag === "Revealed"
      ? Personal.reveal({ items: Redacted.value(batch.personal.value).items.filter((_, index) => isKept[index]) })
      : batch.personal
  return { ...batch, itemIds: batch.itemIds.filter((_, index) => isKept[index]), personal }
}
