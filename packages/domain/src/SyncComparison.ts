/**
 * What a provider lists of all there is, compared with what a feed holds.
 *
 * Between two cursors the provider tells what changed. Where it forgot a cursor nobody does: it lists what is there, and
 * what is different now, or not there any more, is found by looking at the tape.
 */
import { Effect, Equal, HashSet, Option, Stream } from "effect"

import type * as Aggregate from "./Aggregate.ts"
import * as EventCodec from "./EventCodec.ts"
import { EventStore } from "./EventStore.ts"
import * as Feed from "./Feed.ts"
import * as Personal from "./Personal.ts"
import { type Page } from "./Provider.ts"

/**
 * The page with what differs as revised, and the rest as known. Where a listing ends with it of which all ids are given,
 * what is held and not listed is withdrawn; a listing of less than half of it proves nothing, for an account may be shown
 * in part, or to nobody.
 */
export const compared = Effect.fnUntraced(function* (
  feed: Aggregate.Loaded<Feed.State>,
  page: Page,
  listed: ReadonlySet<Feed.ItemId> | undefined,
) {
  const { known, listing, present = [], revised = [], withdrawn = [] } = page
  const unlisted =
    listed !== undefined && listing?.isLast === true
      ? Array.from(feed.state.itemIds).filter((id) => !listed.has(id))
      : []
  const gone = 2 * unlisted.length <= HashSet.size(feed.state.itemIds) ? unlisted : []
  const held = present.length === 0 ? noContents : yield* contentsOf(feed, new Set(present.map(({ id }) => id)))
  const changed = present.filter(
    ({ content, id }) => HashSet.has(feed.state.itemIds, id) && !Equal.equals(content, held.get(id)),
  )
  return {
    ...page,
    present: [],
    revised: [...revised, ...changed],
    withdrawn: [...withdrawn, ...gone],
    known: known - changed.length,
  } satisfies Page
})

type Content = Page["items"][number]["content"]

const noContents: ReadonlyMap<Feed.ItemId, Content> = new Map()

/** What the tape says last of some items. Goes through all of it, and keeps nothing else. */
const contentsOf = Effect.fnUntraced(function* (
  { streamId, tenantId }: Aggregate.Loaded<Feed.State>,
  wanted: ReadonlySet<Feed.ItemId>,
) {
  const store = yield* EventStore
  const contents = new Map<Feed.ItemId, Content>()
  // Each event may hold some megabytes.
  const tape = store.readStream(tenantId, streamId).pipe(Stream.rechunk(1), decodeFeed)
  yield* Stream.runForEach(tape, ({ event }) =>
    Effect.sync(() => {
      if (event._tag !== "items_recorded" && event._tag !== "items_revised") return
      const items = Option.getOrUndefined(Personal.value(event.personal))?.items ?? []
      for (const [index, id] of event.itemIds.entries()) {
        const content = items[index]
        if (content !== undefined && wanted.has(id)) contents.set(id, content)
      }
    }),
  )
  return contents
})

const decodeFeed = EventCodec.decodeStream(Feed)
