/**
 * The feed aggregate: what one connection delivers for one outside account, as
 * it was delivered. A feed is a tape: items are added at its end and never
 * changed, moved or removed.
 */
import { type DateTime, HashMap, HashSet, Option, Redacted, Result, Schema } from "effect"

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

/** An item that is listed and could not be had. */
export const Deferral = Schema.Struct({
  item: ItemId,
  /** A class of failures, such as `server error`: never what was answered. */
  reason: Schema.String.check(Schema.isMaxLength(100)),
  /** In how many runs it was asked for. */
  attempts: Schema.Natural,
})
export type Deferral = typeof Deferral.Type

/** An item that was listed, and that is not to be had any more: deleted, or moved out of the source. */
export const Gone = Schema.Struct({ item: ItemId, reason: Schema.Literals(["deleted", "moved"]) })
export type Gone = typeof Gone.Type

/**
 * What became of an item at the source after it was delivered: it is not there any more (`removed`), in the trash or
 * among spam, deleted for good, or there again.
 */
export const Observation = Schema.Struct({
  item: ItemId,
  as: Schema.Literals(["removed", "trashed", "spam", "deleted", "returned"]),
})
export type Observation = typeof Observation.Type

const deferral = { ...delivery, deferred: Schema.Array(Deferral) }
const tombstone = { ...delivery, gone: Schema.Array(Gone) }
const observation = { ...delivery, observed: Schema.Array(Observation) }

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
   * Items that the provider lists and could not deliver. The cursor may stand behind them: each is asked for again until
   * it is recorded or gone.
   */
  items_deferred: deferral,
  /** Items that the provider had listed, and does not have any more. They were never delivered. */
  items_gone: tombstone,
  /** What became of items at the source after they were delivered. The tape keeps them, whatever it was. */
  items_observed: observation,
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
  /** Items that the feed has are left out. */
  DeferItems: deferral,
  /** Items that the feed has, or knows as gone, are left out. */
  RecordGone: tombstone,
  /** What was observed of an item last is left out. */
  ObserveItems: observation,
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
  /** Listed, and not to be had so far. */
  readonly deferred: HashMap.HashMap<ItemId, Deferred>
  /** Listed once, and not to be had any more. */
  readonly goneIds: HashSet.HashSet<ItemId>
  /** What was observed last of items that are held, here or by another feed. */
  readonly observed: HashMap.HashMap<ItemId, Observation["as"]>
  readonly forgotten: boolean
}

export interface Deferred extends Deferral {
  /** Of the last attempt. */
  readonly at: DateTime.Utc
}

export const initial: State = {
  exists: false,
  itemIds: HashSet.empty(),
  withdrawnIds: HashSet.empty(),
  deferred: HashMap.empty(),
  goneIds: HashSet.empty(),
  observed: HashMap.empty(),
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
        deferred: withoutKeys(state.deferred, event.itemIds),
        goneIds: withoutAll(state.goneIds, event.itemIds),
      }
    case "items_withdrawn":
      return {
        ...state,
        itemIds: withoutAll(state.itemIds, event.itemIds),
        withdrawnIds: withAll(state.withdrawnIds, event.itemIds),
      }
    case "items_deferred":
      return {
        ...state,
        exists: true,
        deferred: HashMap.setMany(
          state.deferred,
          event.deferred.map((deferral) => [deferral.item, { ...deferral, at: event.at }] as const),
        ),
        goneIds: withoutAll(
          state.goneIds,
          event.deferred.map(({ item }) => item),
        ),
      }
    case "items_gone": {
      const gone = event.gone.map(({ item }) => item)
      return {
        ...state,
        exists: true,
        deferred: withoutKeys(state.deferred, gone),
        goneIds: withAll(state.goneIds, gone),
      }
    }
    case "items_observed":
      return {
        ...state,
        exists: true,
        observed: HashMap.setMany(
          state.observed,
          event.observed.map(({ as, item }) => [item, as] as const),
        ),
        // What is observed is held, here or by another feed.
        deferred: withoutKeys(
          state.deferred,
          event.observed.map(({ item }) => item),
        ),
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
    case "DeferItems": {
      if (state.forgotten) return Result.fail(new FeedForgotten())
      const deferred = command.deferred.filter(({ item }) => !HashSet.has(state.itemIds, item))
      return Result.succeed(deferred.length === 0 ? [] : [{ ...command, deferred, _tag: "items_deferred" }])
    }
    case "RecordGone": {
      if (state.forgotten) return Result.fail(new FeedForgotten())
      const gone = command.gone.filter(
        ({ item }) => !HashSet.has(state.itemIds, item) && !HashSet.has(state.goneIds, item),
      )
      return Result.succeed(gone.length === 0 ? [] : [{ ...command, gone, _tag: "items_gone" }])
    }
    case "ObserveItems": {
      if (state.forgotten) return Result.fail(new FeedForgotten())
      const observed = command.observed.filter(
        ({ as, item }) => Option.getOrUndefined(HashMap.get(state.observed, item)) !== as,
      )
      return Result.succeed(observed.length === 0 ? [] : [{ ...command, observed, _tag: "items_observed" }])
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

const withoutKeys = <A>(map: HashMap.HashMap<ItemId, A>, gone: Iterable<ItemId>): HashMap.HashMap<ItemId, A> =>
  HashMap.isEmpty(map) ? map : HashMap.removeMany(map, gone)

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
