/** Who reads a source as the sync engine does, without the engine. */
import { assert } from "@effect/vitest"
import { Effect, Schema } from "effect"

import * as Feed from "../../Feed.ts"
import { type Fetched, type Page, type Provider, type ProviderError, type Secret, type Source } from "../../Provider.ts"
import { isPassing } from "../../SyncAsking.ts"

export type Ask = <A>(request: (secret: Secret) => Effect.Effect<A, ProviderError>) => Effect.Effect<A, ProviderError>

/** Asks with the credentials of a world, renewed where they are too old. */
export const asking = (provider: Provider, granted: Secret): Ask => {
  let secret = granted
  return (request) =>
    Effect.suspend(() => request(secret)).pipe(
      Effect.catchReason("ProviderError", "Unauthorized", () =>
        Effect.flatMap(provider.refresh(secret), (renewed) => {
          secret = renewed
          return request(renewed)
        }),
      ),
      Effect.tapError((error) => Effect.sync(() => assert.strictEqual(error.provider, provider.id))),
    )
}

/** Asks again where that helps. */
export const patiently = <A>(asked: Effect.Effect<A, ProviderError>) =>
  Effect.retry(asked, { while: isPassing, times: 30 })

export interface Reader {
  /** The page that comes next, as often as it is asked for. */
  readonly page: Effect.Effect<Page, ProviderError>
  /** Keeps it. */
  readonly next: Effect.Effect<Page, ProviderError>
  /** Page after page, until there is no more for now. */
  readonly all: Effect.Effect<void, ProviderError>
  /** What was fetched, in order, as often as it was. */
  readonly fetched: () => ReadonlyArray<Feed.ItemId>
  readonly known: () => number
  readonly contentOf: (id: Feed.ItemId) => Schema.Json | undefined
  readonly holdsAllOnce: Effect.Effect<void>
}

/** Reads a source as the engine does: what it keeps is items, and the cursor with them. */
export const make = (
  provider: Provider,
  ask: Ask,
  source: Source,
  already: ReadonlyArray<Feed.ItemId>,
  delivered: () => ReadonlyArray<Feed.ItemId>,
): Reader => {
  const { total: _, ...uncounted } = source
  const held = new Map<Feed.ItemId, Schema.Json>(already.map((id) => [id, null]))
  const deferred = new Set<Feed.ItemId>()
  const fetched: Array<Feed.ItemId> = []
  let known = 0
  let cursor: string | null = null

  const keep = (fetchedNow: Fetched & Pick<Page, "revised" | "withdrawn">) => {
    const { gone = [], items, revised = [], withdrawn = [] } = fetchedNow
    assert.strictEqual(new Set(idsOf(items)).size, items.length, "an item is on a page once")
    for (const { content, id } of items) {
      assert.isTrue(isItemId(id) && isJson(content), "an item has an id and is JSON")
      assert.isFalse(held.has(id), "what is held is not fetched")
      held.set(id, content)
      fetched.push(id)
      deferred.delete(id)
    }
    for (const { content, id } of revised) {
      assert.isTrue(isJson(content))
      if (!held.has(id)) fetched.push(id)
      held.set(id, content)
    }
    for (const id of withdrawn) held.delete(id)
    for (const { item } of gone) deferred.delete(item)
    for (const { item } of fetchedNow.deferred ?? []) if (!held.has(item)) deferred.add(item)
  }

  const page = Effect.suspend(() =>
    ask((secret) => provider.page(secret, uncounted, cursor, (id) => held.has(id) || deferred.has(id))),
  )
  const next = page.pipe(
    Effect.catchReason("ProviderError", "CursorExpired", () => {
      cursor = null
      return page
    }),
    Effect.tap((page) =>
      Effect.sync(() => {
        assert.isNotEmpty(page.cursor)
        for (const count of [page.known, page.total ?? 0, page.cost ?? 0]) {
          assert.isTrue(Number.isSafeInteger(count) && count >= 0, "a count is a count")
        }
        if (page.listing !== undefined) assert.includeMembers([...page.listing.ids], idsOf(page.items))
        keep(page)
        known += page.known
        cursor = page.cursor
      }),
    ),
  )
  const again = Effect.suspend(() => {
    const { items } = provider
    const ids = [...deferred]
    if (ids.length === 0) return Effect.void
    assert.isDefined(items, "what is deferred can be asked for again")
    return items === undefined
      ? Effect.void
      : Effect.flatMap(
          ask((secret) => items(secret, uncounted, ids)),
          (fetched) => {
            keep(fetched)
            return fetched.stoppedBy === undefined ? Effect.void : Effect.fail(fetched.stoppedBy)
          },
        )
  })
  return {
    page,
    next,
    all: Effect.gen(function* () {
      yield* again
      for (let pages = 0; pages < 500; pages++) {
        const { complete, stoppedBy } = yield* next
        if (stoppedBy !== undefined) return yield* stoppedBy
        if (complete) return
      }
      return yield* Effect.die("the source does not come to an end")
    }),
    fetched: () => fetched,
    known: () => known,
    contentOf: (id) => held.get(id),
    holdsAllOnce: Effect.suspend(() =>
      Effect.andThen(deferred.size > 0 ? Effect.orDie(again) : Effect.void, () => {
        assert.deepStrictEqual(fetched.toSorted(), [...delivered()].toSorted())
        return Effect.void
      }),
    ),
  }
}

const isItemId = Schema.is(Feed.ItemId)
const isJson = Schema.is(Schema.Json)

export const idsOf = (items: Page["items"] = []) => items.map(({ id }) => id)
export const byId = (items: Page["items"]) => items.toSorted((one, other) => (one.id < other.id ? -1 : 1))
