/** What a provider counts, where it says it is, and what clocks say, where none of it can be relied on. */
import { assert, describe, layer } from "@effect/vitest"
import { DateTime, Duration, Effect, Layer, Redacted } from "effect"
import { SecureRandom } from "effect/crypto"

import { Aggregate, Connection, Feed, Ids, Leases, Memory, Personal, type Provider, Sync, Vault } from "../src/index.ts"
import { later } from "../src/testing/later.ts"

/** A lease is by the store's clock, which here is the one that is put back. */
const withoutLeases = Layer.effect(
  Leases.Leases,
  Effect.map(Leases.Leases, (leases) => Leases.Leases.of({ ...leases, using: () => (effect) => effect })),
)

const world = Layer.provideMerge(withoutLeases, Memory.layer)

layer(world, { excludeTestServices: true })((it) => {
  describe("A count of a provider that lists nothing", () => {
    for (const [what, counted] of [
      ["agrees", 5],
      ["is too high", 7],
      ["is too low", 3],
    ] as const) {
      it.effect(`is compared with what is read from the beginning, once a week, where it ${what}`, () =>
        Effect.gen(function* () {
          const outside = counting(5, () => counted)
          const { connection, sync } = yield* connected(outside.provider)
          assert.deepInclude(yield* sync, { added: 5 })
          assert.strictEqual(outside.beginnings(), 1)
          for (let look = 0; look < 4; look++) assert.deepInclude(yield* sync, { added: 0 })
          assert.isAtMost(outside.beginnings(), 2)

          const before = outside.beginnings()
          yield* later(Duration.days(8), sync)
          assert.strictEqual(outside.beginnings(), before + 1)
          yield* later(Duration.days(8), sync)
          assert.strictEqual(outside.beginnings(), before + 1)
          const { drifts } = yield* connection.state
          assert.strictEqual(Object.values(drifts)[0]?.items ?? 0, counted - 5)
        }),
      )
    }

    it.effect("that goes on changing ends no run later than any other", () =>
      Effect.gen(function* () {
        let counted = 5
        const outside = counting(5, () => counted++)
        const { sync } = yield* connected(outside.provider)
        for (let look = 0; look < 10; look++) yield* sync
        assert.isAtMost(outside.beginnings(), 10)
      }),
    )
  })

  describe("A provider that goes nowhere", () => {
    it.effect("is not asked for ever: the run ends, and the next one asks again", () =>
      Effect.gen(function* () {
        const outside = counting(0, () => undefined)
        let asked = 0
        let isStuck = true
        const provider: Provider.Provider = {
          ...outside.provider,
          page: () =>
            ++asked > 100
              ? Effect.die("asked again and again")
              : Effect.succeed({ items: [], known: 0, cursor: "here", complete: !isStuck }),
        }
        const { sync } = yield* connected(provider)
        for (const _ of ["the first time", "again"]) {
          assert.deepInclude(yield* Effect.flip(sync), { _tag: "SyncFailed", reason: "UnexpectedAnswer" })
        }
        assert.isAtMost(asked, 4)
        isStuck = false
        assert.deepInclude(yield* sync, { pages: 1 })
      }),
    )
  })

  describe("A clock that was put back", () => {
    it.effect("keeps nobody from asking again for what could not be had", () =>
      Effect.gen(function* () {
        const asked: Array<string> = []
        const outside = counting(1, () => undefined)
        const provider: Provider.Provider = {
          ...outside.provider,
          page: (...[, , cursor]) =>
            Effect.succeed({
              items: [],
              deferred: cursor === null ? [{ item: Feed.ItemId.make("m0"), reason: "not found" }] : [],
              known: 0,
              cursor: "1",
              complete: true,
            }),
          items: (_, __, ids) =>
            Effect.sync(() => {
              asked.push(...ids)
              return { items: [], deferred: ids.map((item) => ({ item, reason: "not found" })) }
            }),
        }
        const { sync } = yield* connected(provider)
        // It was wrong for a while.
        const year = Duration.days(365)
        yield* later(year, sync)
        yield* later(year, sync)
        yield* later(year, sync)
        const before = asked.length
        assert.isAtLeast(before, 1)
        yield* sync
        assert.strictEqual(asked.length, before + 1)
        // From here on it is left alone for as long as ever.
        yield* sync
        assert.strictEqual(asked.length, before + 1)
      }),
    )

    it.effect("keeps no cursor from being recorded", () =>
      Effect.gen(function* () {
        let pages = 0
        const provider: Provider.Provider = {
          ...counting(0, () => undefined).provider,
          page: () => Effect.sync(() => ({ items: [], known: 0, cursor: String(++pages), complete: true })),
        }
        const { connection, sync } = yield* connected(provider)
        yield* later(Duration.days(365), sync)
        yield* sync
        assert.deepStrictEqual(Object.values((yield* connection.state).cursors), ["2"])
        // The next one is quiet: it comes within the hour.
        yield* sync
        assert.deepStrictEqual(Object.values((yield* connection.state).cursors), ["2"])
      }),
    )
  })
})

/** So many items in one place, and as many as it counts. Whoever asks for ever is not answered. */
const counting = (items: number, count: () => number | undefined) => {
  let beginnings = 0
  let asked = 0
  const provider: Provider.Provider = {
    id: Ids.ProviderId.make("counter"),
    expiresAt: () => undefined,
    refresh: Effect.succeed,
    sources: () => Effect.succeed([{ key: "inbox" }]),
    page: (_, __, cursor, isHeld) =>
      Effect.suspend(() => {
        if (cursor === null) beginnings++
        if (++asked > 100) return Effect.die("asked again and again")
        const all = Array.from({ length: cursor === null ? items : 0 }, (_, n) => Feed.ItemId.make(`m${n}`))
        const news = all.filter((id) => !isHeld(id))
        return Effect.succeed({
          items: news.map((id) => ({ id, content: id })),
          known: all.length - news.length,
          cursor: String(items),
          complete: true,
          total: count(),
        })
      }),
  }
  return { provider, beginnings: () => beginnings }
}

const connected = Effect.fnUntraced(function* (provider: Provider.Provider) {
  const id = Ids.ConnectionId.make(yield* (yield* SecureRandom.SecureRandom).uuidV4())
  const tenantId = Ids.TenantId.make(`tenant ${id}`)
  yield* (yield* Vault.Vault).put(tenantId, id, Redacted.make("granted"), { replaces: 0 })
  yield* Aggregate.handle(Connection)(
    tenantId,
    id,
    {
      _tag: "Connect",
      at: yield* DateTime.now,
      provider: provider.id,
      ownerId: Ids.OwnerId.make("ada"),
      pollIntervalSeconds: 60,
      settings: {},
      authorization: Ids.AuthorizationRef.make(id),
      door: "callback",
      identity: Ids.IdentityHash.make("a".repeat(64)),
      scopes: [],
      credentialVersion: 1,
      personal: Personal.withheld,
    },
    { metadata: { actor: Ids.system } },
  )
  const state = Effect.map(
    Effect.suspend(() => Aggregate.load(Connection)(tenantId, id)),
    ({ state }) => state,
  )
  return { connection: { state }, sync: Sync.run(provider, tenantId, id) }
})
