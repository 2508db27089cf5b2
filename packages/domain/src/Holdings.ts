/**
 * What the feeds of a source hold together, one connection after the other: which items are there, which are still to
 * be had, and what was last observed of those that are held.
 */
import { HashMap, HashSet, Option } from "effect"

import type * as Feed from "./Feed.ts"

export interface Holdings {
  readonly itemIds: HashSet.HashSet<Feed.ItemId>
  readonly deferred: HashMap.HashMap<Feed.ItemId, Feed.Deferred>
  /** None where an item is where it was when it was delivered. */
  readonly observed: HashMap.HashMap<Feed.ItemId, Feed.Observation["as"]>
}

export const none: Holdings = { itemIds: HashSet.empty(), deferred: HashMap.empty(), observed: HashMap.empty() }

type Part = Pick<Feed.State, "deferred" | "goneIds" | "itemIds" | "observed">

/** With a later feed of the same source, which has the last word. */
export const and = (before: Holdings, feed: Part): Holdings => ({
  itemIds: union(before.itemIds, feed.itemIds),
  deferred: deferred(before, feed),
  observed: HashMap.union(before.observed, feed.observed),
})

/** With a feed of another source: what it holds need not be fetched, and is not known to be in this one. */
export const beside = (before: Holdings, { itemIds }: Part): Holdings => ({
  ...before,
  itemIds: union(before.itemIds, itemIds),
  observed: HashMap.mutate(before.observed, (observed) => {
    for (const id of itemIds) {
      if (!HashSet.has(before.itemIds, id) && !HashMap.has(observed, id)) HashMap.set(observed, id, "removed")
    }
  }),
})

/** Whether nothing has to be fetched for an item. */
export const has = ({ itemIds }: Pick<Holdings, "itemIds">, feed: Pick<Feed.State, "itemIds">, id: Feed.ItemId) =>
  HashSet.has(feed.itemIds, id) || HashSet.has(itemIds, id)

/** What is still to be had. */
export const deferred = (before: Holdings, feed: Part): Holdings["deferred"] =>
  HashMap.filter(
    HashMap.union(
      HashMap.filter(before.deferred, (_, id) => !HashSet.has(feed.goneIds, id)),
      feed.deferred,
    ),
    (_, id) => !has(before, feed, id),
  )

/**
 * Items that are in the source as far as is known, those that are still to be had included; and of those that are held,
 * how many are in its trash or among spam, and how many are not listed any more.
 */
export const count = (
  before: Holdings,
  feed: Part,
): { readonly there: number; readonly binned: number; readonly away: number } => {
  const shared = HashSet.isEmpty(before.itemIds) ? 0 : HashSet.size(HashSet.intersection(feed.itemIds, before.itemIds))
  let there = HashSet.size(before.itemIds) + HashSet.size(feed.itemIds) - shared + HashMap.size(deferred(before, feed))
  let [binned, away] = [0, 0]
  for (const [id, as] of HashMap.union(before.observed, feed.observed)) {
    if (as === "returned" || !has(before, feed, id)) continue
    there--
    if (as === "trashed" || as === "spam") binned++
    if (as === "removed") away++
  }
  return { there, binned, away }
}

/** Those observations that say something new of items that are held. */
export const news = (
  before: Holdings,
  feed: Part,
  observed: Iterable<Feed.Observation>,
): ReadonlyArray<Feed.Observation> => {
  const last = new Map<Feed.ItemId, Feed.Observation>()
  for (const observation of observed) last.set(observation.item, observation)
  return [...last.values()].filter(({ as, item }) => has(before, feed, item) && as !== standingOf(before, feed, item))
}

/** Held items that are known to be in the source, and are not among those that it lists. */
export const unlisted = (
  before: Holdings,
  feed: Part,
  listed: ReadonlySet<Feed.ItemId>,
): ReadonlyArray<Feed.Observation> => {
  const missing: Array<Feed.Observation> = []
  for (const ids of [before.itemIds, feed.itemIds]) {
    for (const item of ids) if (!listed.has(item)) missing.push({ item, as: "removed" })
  }
  return missing.filter(({ item }) => standingOf(before, feed, item) === "returned")
}

const standingOf = (before: Holdings, feed: Part, id: Feed.ItemId): Feed.Observation["as"] =>
  Option.getOrElse(
    Option.orElse(HashMap.get(feed.observed, id), () => HashMap.get(before.observed, id)),
    () => "returned" as const,
  )

/** Without going through both where one has nothing. */
const union = <A>(a: HashSet.HashSet<A>, b: HashSet.HashSet<A>) =>
  HashSet.isEmpty(a) ? b : HashSet.isEmpty(b) ? a : HashSet.union(a, b)
