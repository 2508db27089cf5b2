import { assert, describe, layer } from "@effect/vitest"
import { DateTime, Deferred, Duration, Effect, Fiber, HashMap, Layer, Option, Redacted, Schema, Stream } from "effect"
import { SecureRandom } from "effect/crypto"

import {
  Aggregate,
  AppendRequest,
  Compression,
  Connection,
  Controls,
  DataKeys,
  EventCodec,
  EventStore,
  Feed,
  Forgetting,
  Ids,
  Leases,
  Memory,
  Personal,
  Provider,
  Sealer,
  Sync,
  Vault,
} from "../src/index.ts"
import * as SyncTurns from "../src/SyncTurns.ts"

layer(Memory.layer, { excludeTestServices: true })((it) => {
  describe("a run", () => {
    it.effect("S01 of an empty source sets its cursor", () =>
      Effect.gen(function* () {
        const { connection, sync } = yield* connected
        assert.deepInclude(yield* sync, { pages: 1, added: 0, known: 0 })
        assert.strictEqual((yield* connection.state).cursors[yield* feedOf(connection)], "0")
      }),
    )

    it.effect("records each page and its cursor in one append", () =>
      Effect.gen(function* () {
        const { connection, mailbox, sync } = yield* connected
        mailbox.deliver(25)
        assert.deepInclude(yield* sync, { pages: 3, added: 25, known: 0 })
        const feed = yield* feedOf(connection)
        const pages = (yield* connection.events).filter(({ event }) => event.type === "synced")
        assert.deepStrictEqual(
          pages.map(({ event: { data } }) => [
            data["cursorBefore"],
            data["cursorAfter"],
            data["items"],
            data["complete"],
          ]),
          [
            [null, "10", 10, false],
            ["10", "20", 10, false],
            ["20", "25", 5, true],
          ],
        )
        const items = yield* eventsOf(connection.tenantId, Feed.streamId(feed))
        for (const [index, { position }] of items.entries()) {
          const page = pages[index]
          // The positions of one append follow each other: items, account, connection.
          assert.strictEqual(page?.position, position + 2n)
        }
      }),
    )

    it.effect("that finds nothing new appends nothing, again and again", () =>
      Effect.gen(function* () {
        const { connection, mailbox, sync } = yield* connected
        mailbox.deliver(3)
        yield* sync
        const before = (yield* connection.events).length
        yield* sync
        yield* sync
        assert.strictEqual((yield* connection.events).length, before)
      }),
    )

    it.effect("R27 that works again ends a failure, even when there is nothing new", () =>
      Effect.gen(function* () {
        const { connection, mailbox, sync } = yield* connected
        yield* sync
        mailbox.fail(new Provider.UnexpectedAnswer({ problem: "refused: accessNotConfigured" }))
        const failed = yield* Effect.flip(sync)
        assert.strictEqual(failed._tag, "SyncFailed")
        const failure = { reason: "UnexpectedAnswer: refused: accessNotConfigured", retryable: false }
        assert.deepStrictEqual((yield* connection.state).syncFailure, failure)
        assert.strictEqual((yield* connection.state).status, "active")
        yield* sync
        assert.isUndefined((yield* connection.state).syncFailure)
      }),
    )

    it.effect("keeps what a page brought before it was stopped, and goes on behind it", () =>
      Effect.gen(function* () {
        const { connection, mailbox, sync } = yield* connected
        mailbox.deliver(10)
        mailbox.breakAfter(4, new Provider.UnexpectedAnswer({ problem: "a mail that is none" }))
        yield* Effect.flip(sync)
        assert.strictEqual((yield* connection.items).length, 4)
        assert.deepInclude(yield* sync, { added: 6, known: 4 })
        assert.deepStrictEqual(
          [...mailbox.fetches.values()],
          Array.from({ length: 10 }, () => 1),
        )
      }),
    )

    it.effect("ends where nothing can be had for now, and says what is known of it", () =>
      Effect.gen(function* () {
        const { connection, mailbox, sync } = yield* connected
        mailbox.deliver(3)
        mailbox.breakAfter(0, new Provider.Unavailable({ problem: "it changes whenever it is read" }))
        assert.deepInclude(yield* Effect.flip(sync), { reason: "Unavailable", retryable: true })
        assert.strictEqual(mailbox.asked, 1)
        const failure = { reason: "Unavailable: it changes whenever it is read", retryable: true }
        assert.deepStrictEqual((yield* connection.state).syncFailure, failure)
        assert.deepInclude(yield* sync, { added: 3 })
      }),
    )

    it.effect("counts an item that a page lists twice once", () =>
      Effect.gen(function* () {
        const { connection, mailbox, sync } = yield* connected
        mailbox.deliver(2)
        mailbox.deliverAgain(1)
        assert.deepInclude(yield* sync, { added: 2, known: 1 })
        assert.deepStrictEqual(yield* connection.items, ["m0", "m1"])
      }),
    )

    it.effect("splits what is too big for one event, in its order", () =>
      Effect.gen(function* () {
        const { connection, mailbox, sync } = yield* connected
        mailbox.deliver(7, "x".repeat(900_000))
        yield* sync
        const batches = yield* eventsOf(connection.tenantId, Feed.streamId(yield* feedOf(connection)))
        assert.deepStrictEqual(
          batches.map(({ event: { data } }) => data["itemIds"]),
          [["m0", "m1"], ["m2", "m3"], ["m4", "m5"], ["m6"]],
        )
      }),
    )

    it.effect("defers what is larger than the log takes, and records all else", () =>
      Effect.gen(function* () {
        const { connection, mailbox, sync } = yield* connected
        mailbox.deliver(2)
        for (let n = 0; n < 2; n++) mailbox.deliver(1, "x".repeat(AppendRequest.limits.sealed))
        mailbox.deliver(1)
        assert.deepInclude(yield* sync, { pages: 1, added: 3, deferred: 2, scanned: 5 })
        mailbox.deliver(1)
        assert.deepInclude(yield* sync, { added: 1, deferred: 0 })
        assert.deepStrictEqual(yield* connection.items, ["m0", "m1", "m4", "m5"])
        const recorded = yield* eventsOf(connection.tenantId, Feed.streamId(yield* feedOf(connection)))
        const events = yield* Effect.forEach(recorded, EventCodec.decode(Feed))
        const { deferred } = events.map(({ event }) => event).reduce(Feed.evolve, Feed.initial)
        assert.deepStrictEqual(
          Array.from(HashMap.values(deferred), ({ attempts, item, reason }) => [item, attempts, reason]).toSorted(),
          [
            ["m2", 1, "larger than the log takes"],
            ["m3", 1, "larger than the log takes"],
          ],
        )
      }).pipe(Effect.provide(uncompressed)),
    )

    it.effect("S09 whose cursor the provider forgot compares what is listed, and fetches only what is missing", () =>
      Effect.gen(function* () {
        const { mailbox, sync } = yield* connected
        mailbox.deliver(12)
        yield* sync
        mailbox.deliver(5)
        mailbox.fail(new Provider.CursorExpired())
        assert.deepInclude(yield* sync, { added: 5, known: 12 })
        assert.deepStrictEqual(
          [...mailbox.fetches.values()],
          Array.from({ length: 17 }, () => 1),
        )
      }),
    )

    it.effect("L16 waits for what passes", () =>
      Effect.gen(function* () {
        const { connection, mailbox, sync } = yield* connected
        mailbox.deliver(1)
        mailbox.fail(new Provider.Unavailable(), new Provider.RateLimited({ retryAfter: Duration.millis(300) }))
        assert.strictEqual((yield* sync).added, 1)
        assert.isFalse((yield* connection.events).some(({ event }) => event.type === "sync_failed"))
      }),
    )

    it.effect("S20 does not ask again before the time that the provider names", () =>
      Effect.gen(function* () {
        const { connection, mailbox, sync } = yield* connected
        mailbox.fail(new Provider.RateLimited({ retryAfter: Duration.minutes(2) }))
        const failed = yield* Effect.flip(sync)
        if (failed._tag !== "SyncFailed" || failed.retryAt === undefined) return assert.fail("a time was named")
        assert.deepInclude(failed, { _tag: "SyncFailed", reason: "RateLimited", retryable: true })
        assert.strictEqual(mailbox.asked, 1)
        const { retryAt } = (yield* connection.events).at(-1)?.event.data ?? {}
        assert.strictEqual(retryAt, DateTime.formatIso(failed.retryAt))
        assert.deepInclude(yield* Effect.flip(sync), {
          _tag: "SyncFailed",
          reason: "RateLimited",
          retryAt: failed.retryAt,
        })
        assert.strictEqual(mailbox.asked, 1)
      }),
    )

    it.effect("L15 stops where the authorization ended, once, and keeps its cursor", () =>
      Effect.gen(function* () {
        const { connection, mailbox, sync } = yield* connected
        mailbox.deliver(10)
        yield* sync
        mailbox.fail(new Provider.AuthorizationEnded({ reason: "revoked" }))
        assert.deepInclude(yield* Effect.flip(sync), { _tag: "SyncFailed", reason: "AuthorizationEnded" })
        const asked = mailbox.asked
        assert.deepInclude(yield* Effect.flip(sync), { _tag: "NotSyncable", status: "needs_reauth" })
        assert.strictEqual(mailbox.asked, asked)
        assert.strictEqual((yield* connection.state).cursors[yield* feedOf(connection)], "10")
      }),
    )

    it.effect("that finds the store of its keys away says so, and the next one goes on", () =>
      Effect.gen(function* () {
        const { connection, mailbox, sync } = yield* connected
        mailbox.deliver(3)
        const away = new EventStore.EventStoreUnavailable({ reason: "ConnectionError", outcome: "unknown" })
        const withoutKeys = Layer.fresh(Sealer.Sealer.layer).pipe(
          Layer.provide(
            Layer.mock(DataKeys.DataKeys)({ obtain: () => Effect.fail(away), find: () => Effect.fail(away) }),
          ),
          Layer.provide(Sealer.cryptography),
        )
        const failed = yield* Effect.flip(Effect.provide(sync, withoutKeys))
        // Whatever became of a key: no page was.
        assert.deepInclude(failed, {
          _tag: "EventStoreUnavailable",
          reason: "ConnectionError",
          outcome: "nothing-written",
        })
        assert.strictEqual((yield* connection.items).length, 0)
        assert.deepInclude(yield* sync, { added: 3, known: 0 })
      }),
    )

    it.effect("renews credentials that are refused, once", () =>
      Effect.gen(function* () {
        const { connection, mailbox, sync } = yield* connected
        mailbox.deliver(1)
        mailbox.fail(new Provider.Unauthorized())
        assert.strictEqual((yield* sync).added, 1)
        assert.strictEqual((yield* connection.state).credentialVersion, 2)
        mailbox.fail(new Provider.Unauthorized(), new Provider.Unauthorized())
        assert.deepInclude(yield* Effect.flip(sync), { _tag: "SyncFailed", reason: "AuthorizationEnded" })
        assert.strictEqual((yield* connection.state).credentialVersion, 3)
        // What was renewed just now and is refused is no matter of time.
        assert.strictEqual((yield* connection.state).status, "needs_reauth")
      }),
    )

    it.effect("keeps each of several sources in a feed of its own, with its own cursor", () =>
      Effect.gen(function* () {
        const { connection, mailbox, sync } = yield* connected
        mailbox.sources = ["checking", "savings"]
        mailbox.deliver(4)
        assert.deepInclude(yield* sync, { pages: 2, added: 8 })
        assert.deepStrictEqual(Object.values((yield* connection.state).cursors), ["4", "4"])
      }),
    )
  })

  describe("two workers", () => {
    it.effect("S16 do not run at once", () =>
      Effect.gen(function* () {
        const { mailbox, sync } = yield* connected
        mailbox.deliver(1)
        const [first, second] = yield* mailbox.whileHolding(1, sync, Effect.flip(sync))
        assert.strictEqual(first.added, 1)
        assert.strictEqual(second._tag, "SyncInProgress")
      }),
    )

    it.effect("S17 of which one lost its lease without noticing: its page is not recorded twice", () =>
      Effect.gen(function* () {
        const { connection, mailbox, sync } = yield* connected
        mailbox.deliver(15)
        const leased = Effect.provide(sync, leaseThatAnybodyGets)
        const [zombie, next] = yield* mailbox.whileHolding(1, Effect.flip(leased), leased)
        assert.strictEqual(next.added, 15)
        assert.strictEqual(zombie._tag, "SyncInProgress")
        assert.deepStrictEqual(
          yield* connection.items,
          Array.from({ length: 15 }, (_, n) => `m${n}`),
        )
      }),
    )
  })

  describe("connections of one account", () => {
    const sources = ["inbox", "stays", "starred"] as const
    /** As if each ran in a process of its own. */
    const apart = <A, E, R>(sync: Effect.Effect<A, E, R>) =>
      Effect.suspend(() => Effect.provideService(sync, SyncTurns.Turns, new Map()))
    const together = <A, E, R>(sync: Effect.Effect<A, E, R>) => sync
    const syncedAtOnce = Effect.fnUntraced(function* (one: Watched, other: Watched, run: typeof apart) {
      const gates = [one.mailbox.hold(), other.mailbox.hold()]
      const runs = yield* Effect.forEach([one.sync, other.sync], (sync) => Effect.forkChild(run(sync)))
      // Both have fetched before either has recorded anything.
      yield* Effect.forEach(gates, ({ reached }) => Deferred.await(reached))
      for (const { open } of gates) yield* Deferred.succeed(open, undefined)
      return yield* Effect.forEach(runs, (run) => Fiber.join(run))
    })
    const heldBy = (...all: ReadonlyArray<Watched>) =>
      Effect.map(
        Effect.forEach(all, ({ connection }) => connection.items),
        (items) => items.flat().toSorted(),
      )

    it.effect.prop(
      "hold each of their items once between them, whatever they share and however many sync at once",
      [Schema.Array(Schema.Array(Schema.Literals(sources))), Schema.Boolean],
      ([items, isTogether]) =>
        Effect.gen(function* () {
          const tenantId = Ids.TenantId.make(`tenant ${tenants++}`)
          const all = yield* Effect.forEach(sources, (source) => watching(tenantId, source))
          for (const [n, bearing] of items.entries()) {
            for (const source of new Set(bearing)) {
              all[sources.indexOf(source)]?.mailbox.messages.push({ id: `m${n}`, body: "" })
            }
          }
          const run = isTogether ? together : apart
          yield* Effect.forEach(all, ({ sync }) => run(sync), { concurrency: "unbounded" })
          const delivered = items.flatMap((bearing, n) => (bearing.length > 0 ? [`m${n}`] : []))
          assert.deepStrictEqual(yield* heldBy(...all), delivered.toSorted())
        }),
      { arbitrary: { runs: 25 } },
    )

    for (const [where, run] of [
      ["in one process", together],
      ["in two processes", apart],
    ] as const) {
      it.effect(`that fetch the same items from two sources at once, ${where}, record each of them once`, () =>
        Effect.gen(function* () {
          const [one, other] = yield* watched("one", "other")
          for (const { mailbox } of [one, other]) mailbox.deliver(25)
          const reports = yield* syncedAtOnce(one, other, run)
          assert.strictEqual(
            reports.reduce((sum, { added }) => sum + added, 0),
            25,
          )
          for (const { added, known } of reports) assert.strictEqual(added + known, 25)
          assert.deepStrictEqual(yield* heldBy(one, other), one.mailbox.messages.map(({ id }) => id).toSorted())
        }),
      )
    }

    it.effect("of which a dozen sync in one process record in turns, and are not in each other's way", () =>
      Effect.gen(function* () {
        const tenantId = Ids.TenantId.make(`tenant ${tenants++}`)
        const all = yield* Effect.forEach(Array.from({ length: 12 }).keys(), (n) => watching(tenantId, `source ${n}`))
        for (const [n, { mailbox }] of all.entries()) {
          for (let m = 0; m < 40; m++) mailbox.messages.push({ id: `s${n}/m${m}`, body: "" })
        }
        const store = yield* EventStore.EventStore
        let refused = 0
        const counting = EventStore.EventStore.of({
          ...store,
          append: (request) => Effect.tapError(store.append(request), () => Effect.sync(() => void refused++)),
        })
        const reports = yield* Effect.forEach(all, ({ sync }) => sync, { concurrency: "unbounded" }).pipe(
          Effect.provideService(EventStore.EventStore, counting),
        )
        for (const report of reports) assert.deepInclude(report, { pages: 4, added: 40, known: 0 })
        // Whoever records first does not know of those who came after it.
        assert.isAtMost(refused, 12)
      }),
    )

    it.effect("that fetch the same items from one source at once record each of them once", () =>
      Effect.gen(function* () {
        const [one, other] = yield* watched("one", "one")
        for (const { mailbox } of [one, other]) mailbox.deliver(12)
        yield* syncedAtOnce(one, other, apart)
        assert.deepStrictEqual(yield* heldBy(one, other), one.mailbox.messages.map(({ id }) => id).toSorted())
      }),
    )

    it.effect("of which the other one began while this one was fetching record each item once", () =>
      Effect.gen(function* () {
        const [one, other] = yield* watched("one", "other")
        for (const { mailbox } of [one, other]) mailbox.deliver(25)
        const [late, whole] = yield* one.mailbox.whileHolding(2, one.sync, other.sync)
        assert.deepInclude(whole, { added: 15, known: 10 })
        assert.deepInclude(late, { added: 10, known: 15 })
        assert.strictEqual(new Set(yield* heldBy(one, other)).size, 25)
      }),
    )

    it.effect("say of what the other one was first to record that it is in this source, too", () =>
      Effect.gen(function* () {
        const [one, other] = yield* watched("one", "other")
        for (const { mailbox } of [one, other]) mailbox.deliver(5)
        yield* syncedAtOnce(one, other, apart)
        const [late = one] = yield* Effect.filter([one, other], ({ connection }) =>
          Effect.map(connection.items, (items) => items.length === 0),
        )
        const observed = (yield* eventsOf(late.connection.tenantId, Feed.streamId(yield* feedOf(late.connection))))
          .filter(({ event }) => event.type === "items_observed")
          .map(({ event }) => event.data["observed"])
        assert.deepStrictEqual(observed, [one.mailbox.messages.map(({ id }) => ({ item: id, as: "returned" }))])
      }),
    )

    it.effect("of which one is forgotten while the other has its items on the way loses none of the other's", () =>
      Effect.gen(function* () {
        const [one, other] = yield* watched("one", "other")
        for (const { mailbox } of [one, other]) mailbox.deliver(5)
        const [report] = yield* other.mailbox.whileHolding(
          1,
          other.sync,
          Effect.andThen(one.sync, forget(one.connection)),
        )
        assert.deepInclude(report, { added: 5, known: 0 })
        assert.notInclude(yield* other.connection.contents, undefined)
      }),
    )

    for (const page of [1, 2, 3]) {
      it.effect(`of which one is forgotten while the other passes over what it held, on page ${page}, fetch it`, () =>
        Effect.gen(function* () {
          const [one, other] = yield* watched("one", "other")
          for (const { mailbox } of [one, other]) mailbox.deliver(25)
          yield* one.sync
          const [failed] = yield* other.mailbox.whileHolding(page, Effect.flip(other.sync), forget(one.connection))
          assert.deepInclude(failed, { _tag: "SyncFailed", reason: "HoldingsChanged", retryable: true })
          // What was passed over before it was forgotten is behind the cursor: a count of what is there tells of it.
          const added = 25 - 10 * (page - 1)
          assert.deepInclude(yield* other.sync, { added, known: 0 })
          assert.strictEqual((yield* other.connection.items).length, added)
          assert.notInclude(yield* other.connection.contents, undefined)
        }),
      )
    }
  })

  describe("a run in whose middle", () => {
    for (const [what, command, status] of [
      ["the owner disconnects", { _tag: "Disconnect", reason: "owner" }, "disconnected"],
      ["a newer authorization takes over", { _tag: "Supersede", by: ids(9) }, "superseded"],
    ] as const) {
      it.effect(`${what} records nothing more`, () =>
        Effect.gen(function* () {
          const { connection, mailbox, sync } = yield* connected
          mailbox.deliver(30)
          const [stopped] = yield* mailbox.whileHolding(2, Effect.flip(sync), connection.told(command))
          assert.deepInclude(stopped, { _tag: "NotSyncable", status })
          assert.strictEqual((yield* connection.items).length, 10)
        }),
      )
    }

    it.effect("somebody pauses it records the page that is there and asks for no more", () =>
      Effect.gen(function* () {
        const { connection, mailbox, sync } = yield* connected
        mailbox.deliver(40)
        const [stopped] = yield* mailbox.whileHolding(2, Effect.flip(sync), connection.told({ _tag: "Pause" }))
        assert.deepInclude(stopped, { _tag: "NotSyncable", status: "paused" })
        assert.deepStrictEqual([(yield* connection.items).length, mailbox.asked], [20, 2])
      }),
    )

    it.effect("an operator turns it off records the page that is there and asks for no more", () =>
      Effect.gen(function* () {
        const { connection, mailbox, sync } = yield* connected
        mailbox.deliver(40)
        const [stopped] = yield* mailbox.whileHolding(
          2,
          Effect.flip(sync),
          turned("Disable", connection.tenantId, { kind: "all" }),
        )
        assert.strictEqual(stopped._tag, "SyncDisabled")
        assert.deepStrictEqual([(yield* connection.items).length, mailbox.asked], [20, 2])
        yield* turned("Enable", connection.tenantId, { kind: "all" })
        assert.deepInclude(yield* sync, { added: 20, known: 0 })
        assert.isTrue([...mailbox.fetches.values()].every((times) => times === 1))
      }),
    )

    it.effect("it is asked for something else records nothing by what it was asked for before", () =>
      Effect.gen(function* () {
        const { connection, mailbox, sync } = yield* connected
        mailbox.deliver(30)
        const moved = Effect.tap(configured(connection, { label: "guests" }), () =>
          Effect.sync(() => void (mailbox.sources = ["guests"])),
        )
        const [stopped] = yield* mailbox.whileHolding(2, Effect.flip(sync), moved)
        assert.deepInclude(stopped, { reason: "SettingsChanged", retryable: true })
        assert.strictEqual((yield* connection.items).length, 10)
        assert.isUndefined((yield* connection.state).syncFailure)
        assert.deepInclude(yield* sync, { added: 30 })
      }),
    )

    it.effect("it is asked for something else before the first page opens no feed for what it was asked for", () =>
      Effect.gen(function* () {
        const { connection, mailbox, sync } = yield* connected
        mailbox.deliver(3)
        const [stopped] = yield* mailbox.whileHolding(0, Effect.flip(sync), configured(connection, { label: "guests" }))
        assert.deepInclude(stopped, { reason: "SettingsChanged" })
        assert.deepStrictEqual([mailbox.asked, yield* connection.items], [0, []])
        assert.deepInclude(yield* sync, { added: 3 })
      }),
    )

    it.effect("it is forgotten records nothing more, and what was recorded cannot be read", () =>
      Effect.gen(function* () {
        const { connection, mailbox, sync } = yield* connected
        mailbox.deliver(30)
        const [stopped] = yield* mailbox.whileHolding(2, Effect.flip(sync), forget(connection))
        assert.strictEqual(stopped._tag, "NotSyncable")
        assert.deepStrictEqual(yield* connection.contents, [undefined])
        assert.strictEqual((yield* connection.items).length, 10)
      }),
    )
  })

  describe("a switch that is off", () => {
    const everywhere = () => Controls.everywhere
    const here = ({ tenantId }: { readonly tenantId: Ids.TenantId }) => tenantId
    for (const [what, where, scopeOf] of [
      ["for everything", here, () => ({ kind: "all" })],
      ["for everything, everywhere", everywhere, () => ({ kind: "all" })],
      ["for the provider", here, () => ({ kind: "provider", id: bank })],
      ["for the connection", here, ({ id }) => ({ kind: "connection", id })],
    ] satisfies ReadonlyArray<
      readonly [string, (connection: Connected) => Ids.TenantId, (connection: Connected) => Controls.Scope]
    >) {
      it.effect(`${what} stops a run before the provider is asked, and costs nothing when it is on again`, () =>
        Effect.gen(function* () {
          const { connection, mailbox, sync } = yield* connected
          mailbox.deliver(3)
          const before = (yield* connection.events).length
          yield* turned("Disable", where(connection), scopeOf(connection))
          const refused = yield* Effect.flip(sync).pipe(
            Effect.ensuring(turned("Enable", where(connection), scopeOf(connection))),
          )
          assert.deepInclude(refused, { _tag: "SyncDisabled", scope: scopeOf(connection) })
          assert.deepStrictEqual([mailbox.asked, mailbox.named], [0, 0])
          assert.strictEqual((yield* connection.events).length, before)
          assert.deepInclude(yield* sync, { added: 3 })
        }),
      )
    }

    it.effect("for another provider, another connection or for enrichment stops no run", () =>
      Effect.gen(function* () {
        const { connection, mailbox, sync } = yield* connected
        mailbox.deliver(3)
        yield* turned("Disable", connection.tenantId, { kind: "provider", id: Ids.ProviderId.make("gmail") })
        yield* turned("Disable", connection.tenantId, { kind: "connection", id: ids(9) })
        yield* turned("Disable", connection.tenantId, { kind: "enrichment" })
        assert.deepInclude(yield* sync, { added: 3 })
      }),
    )
  })

  describe("a connection", () => {
    it.effect("R04 is not synced while its broker holds another account's credentials", () =>
      Effect.gen(function* () {
        const { connection, mailbox, sync } = yield* connectedBy({ credentialVersion: 0 })
        yield* connection.told({ _tag: "RefuseIdentity", offered: identity("b") })
        assert.deepInclude(yield* Effect.flip(sync), { _tag: "NotSyncable", status: "identity_mismatch" })
        assert.strictEqual(mailbox.asked, 0)
      }),
    )

    it.effect("that was never made, or whose credentials are gone, is not synced", () =>
      Effect.gen(function* () {
        const { connection, mailbox, sync } = yield* connected
        const absent = Effect.flip(Sync.run(mailbox.provider, connection.tenantId, ids(77)))
        assert.deepInclude(yield* absent, { _tag: "NotSyncable", status: "absent" })
        yield* (yield* Vault.Vault).remove(connection.tenantId, connection.id)
        assert.deepInclude(yield* Effect.flip(sync), { _tag: "NotSyncable", status: "no_credentials" })
      }),
    )

    it.effect("that follows another one for the same account goes on where that one stopped", () =>
      Effect.gen(function* () {
        const { connection, mailbox, sync } = yield* connected
        mailbox.deliver(12)
        yield* sync
        yield* connection.told({ _tag: "Disconnect", reason: "owner" })
        mailbox.deliver(3)
        const next = yield* again(mailbox, connection)
        assert.deepInclude(yield* next.sync, { pages: 1, added: 3, known: 0 })
        assert.strictEqual((yield* next.connection.state).previous, connection.id)
        assert.deepStrictEqual(
          [...mailbox.fetches.values()],
          Array.from({ length: 15 }, () => 1),
        )
        const page = (yield* next.connection.events).find(({ event }) => event.type === "synced")
        assert.strictEqual(page?.event.data["cursorBefore"], "12")
      }),
    )

    it.effect("beside a live one for the same account does not claim to follow it", () =>
      Effect.gen(function* () {
        const { connection, mailbox, sync } = yield* connected
        mailbox.deliver(2)
        yield* sync
        const beside = yield* again(mailbox, connection)
        assert.deepInclude(yield* beside.sync, { added: 0 })
        assert.isUndefined((yield* beside.connection.state).previous)
      }),
    )

    it.effect("that follows a forgotten one fetches everything anew", () =>
      Effect.gen(function* () {
        const { connection, mailbox, sync } = yield* connected
        mailbox.deliver(12)
        yield* sync
        yield* forget(connection)
        const next = yield* again(mailbox, connection)
        assert.deepInclude(yield* next.sync, { added: 12, known: 0 })
        assert.isUndefined((yield* next.connection.state).previous)
        assert.notInclude(yield* next.connection.contents, undefined)
      }),
    )
  })

  describe("forgetting", () => {
    it.effect(
      "leaves the log whole, its personal part unreadable and the credentials gone; repeating it changes nothing",
      () =>
        Effect.gen(function* () {
          const { connection, mailbox, sync } = yield* connected
          mailbox.deliver(3)
          yield* sync
          const before = yield* connection.events
          yield* forget(connection)
          const after = yield* connection.events
          assert.deepStrictEqual(after.slice(0, before.length), before)
          assert.deepStrictEqual(
            after.slice(before.length).map(({ event }) => event.type),
            ["disconnected", "forgotten"],
          )
          assert.deepStrictEqual(yield* connection.contents, [undefined])
          const { state } = yield* Aggregate.load(Connection, { personal: true })(connection.tenantId, connection.id)
          assert.isTrue(state.forgotten)
          assert.strictEqual(
            (yield* Effect.flip((yield* Vault.Vault).get(connection.tenantId, connection.id)))._tag,
            "CredentialsNotFound",
          )

          yield* forget(connection)
          assert.strictEqual((yield* connection.events).length, after.length)
        }),
    )

    it.effect("that died before the credentials were gone is finished by repeating it", () =>
      Effect.gen(function* () {
        const { connection } = yield* connected
        const vault = yield* Vault.Vault
        const dying = Vault.Vault.of({ ...vault, remove: () => Effect.die("the process died") })
        yield* Effect.exit(Effect.provideService(forget(connection), Vault.Vault, dying))
        assert.strictEqual((yield* vault.get(connection.tenantId, connection.id)).version, 1)
        yield* forget(connection)
        assert.strictEqual(
          (yield* Effect.flip(vault.get(connection.tenantId, connection.id)))._tag,
          "CredentialsNotFound",
        )
      }),
    )

    it.effect("leaves the account and its other feeds alone", () =>
      Effect.gen(function* () {
        const { connection, mailbox, sync } = yield* connected
        mailbox.deliver(2)
        yield* sync
        yield* connection.told({ _tag: "Disconnect", reason: "owner" })
        mailbox.deliver(2)
        const next = yield* again(mailbox, connection)
        yield* next.sync
        yield* forget(next.connection)
        assert.deepStrictEqual(yield* connection.contents, ["", ""])
        const last = yield* again(mailbox, connection)
        assert.deepInclude(yield* last.sync, { added: 2, known: 0 })
      }),
    )
  })
})

function ids(n: number) {
  return Ids.ConnectionId.make(`00000000-0000-4000-8000-${String(n).padStart(12, "0")}`)
}

function identity(digit: string) {
  return Ids.IdentityHash.make(digit.repeat(64))
}

/** Stores of their own, on which everything is as large as it looks. */
const uncompressed = Layer.provide(
  Layer.fresh(Memory.layer),
  Layer.succeed(Compression.Compression, { deflate: Effect.succeed, inflate: Effect.succeed }),
)

const bank = Ids.ProviderId.make("bank")
let tenants = 0

/** A mailbox outside: its messages in order, ten on a page, the cursor their number. */
class Mailbox {
  readonly messages: Array<{ readonly id: string; readonly body: string }> = []
  readonly fetches = new Map<string, number>()
  sources: ReadonlyArray<string> = ["inbox"]
  sharesIds = false
  asked = 0
  /** How often it was asked for its sources. */
  named = 0
  private failures: ReadonlyArray<Provider.ProviderError["reason"]> = []
  private broken: { readonly after: number; readonly reason: Provider.ProviderError["reason"] } | undefined
  private gate:
    | { readonly page: number; readonly reached: Deferred.Deferred<void>; readonly open: Deferred.Deferred<void> }
    | undefined

  deliver(count: number, body = "") {
    for (let n = 0; n < count; n++) this.messages.push({ id: `m${this.messages.length}`, body })
  }

  /** The message stands in the list once more. */
  deliverAgain(index: number) {
    const message = this.messages[index]
    if (message !== undefined) this.messages.push(message)
  }

  /** The next pages fail, one after the other. */
  fail(...reasons: ReadonlyArray<Provider.ProviderError["reason"]>) {
    this.failures = reasons
  }

  /** The next page is stopped in its middle. */
  breakAfter(after: number, reason: Provider.ProviderError["reason"]) {
    this.broken = { after, reason }
  }

  /** The nth page from now waits at the gate; the sources before the first one. */
  hold(page = 1) {
    this.gate = { page: this.asked + page, reached: Deferred.makeUnsafe<void>(), open: Deferred.makeUnsafe<void>() }
    return this.gate
  }

  /** Holds the nth page of a run until something else has happened. What both of them came to. */
  whileHolding<A, E, R, B, E2, R2>(page: number, run: Effect.Effect<A, E, R>, happening: Effect.Effect<B, E2, R2>) {
    const { open, reached } = this.hold(page)
    return Effect.gen(function* () {
      const running = yield* Effect.forkChild(run)
      yield* Deferred.await(reached)
      const happened = yield* happening
      yield* Deferred.succeed(open, undefined)
      return [yield* Fiber.join(running), happened] as const
    })
  }

  readonly provider: Provider.Provider = {
    id: bank,
    expiresAt: () => undefined,
    refresh: () => Effect.succeed(Redacted.make("renewed")),
    sources: () =>
      Effect.gen({ self: this }, function* () {
        this.named++
        const sources = this.sources.map((key) => ({ key, sharesIds: this.sharesIds }))
        yield* this.waitsAt(0)
        return sources
      }),
    page: (_, source, cursor, isHeld) =>
      Effect.gen({ self: this }, function* () {
        this.asked++
        const [reason, ...later] = this.failures
        this.failures = later
        if (reason !== undefined) return yield* this.error(reason)
        const from = Number(cursor ?? 0)
        const listed = this.messages.slice(from, from + 10)
        const wanted = listed.filter(({ id }) => !isHeld(id))
        const { after = Infinity, reason: stop } = this.broken ?? {}
        this.broken = undefined
        const items = wanted.slice(0, after).map(({ body, id }) => {
          this.fetches.set(`${source.key}/${id}`, (this.fetches.get(`${source.key}/${id}`) ?? 0) + 1)
          return { id, content: body }
        })
        yield* this.waitsAt(this.asked)
        const next = from + listed.length
        return {
          items,
          known: listed.length - wanted.length,
          cursor: String(stop === undefined ? next : from),
          complete: stop === undefined && next >= this.messages.length,
          stoppedBy: stop && this.error(stop),
        } satisfies Provider.Page
      }),
  }

  private waitsAt(page: number) {
    if (this.gate?.page !== page) return Effect.void
    const { open, reached } = this.gate
    return Effect.andThen(Deferred.succeed(reached, undefined), Deferred.await(open))
  }

  private error(reason: Provider.ProviderError["reason"]) {
    return new Provider.ProviderError({ provider: bank, reason })
  }
}

/** A command that is told as it is given. */
type Undated<Command> = Command extends unknown ? Omit<Command, "at"> : never

/** A connection, and what can be asked about it. */
const connectedBy = Effect.fnUntraced(function* ({
  credentialVersion = 1,
  mailbox = new Mailbox(),
  tenantId = Ids.TenantId.make(`tenant ${tenants++}`),
}: {
  readonly credentialVersion?: number
  readonly mailbox?: Mailbox
  readonly tenantId?: Ids.TenantId
} = {}) {
  const id = Ids.ConnectionId.make(yield* (yield* SecureRandom.SecureRandom).uuidV4())
  const vault = yield* Vault.Vault
  // A broker keeps them itself.
  if (credentialVersion === 1) yield* vault.put(tenantId, id, Redacted.make("granted"), { replaces: 0 })
  const told = (command: Undated<Connection.Command>) =>
    Effect.flatMap(DateTime.now, (at) =>
      Aggregate.handle(Connection)(tenantId, id, { ...command, at }, { metadata: { actor: Ids.system } }),
    )
  yield* told({
    _tag: "Connect",
    provider: bank,
    ownerId: Ids.OwnerId.make("ada"),
    pollIntervalSeconds: 60,
    settings: {},
    authorization: Ids.AuthorizationRef.make(id),
    door: "callback",
    identity: identity("a"),
    scopes: [],
    credentialVersion,
    personal: Personal.reveal({ label: "ada@example.com" }),
  })
  const state = Effect.map(
    Effect.suspend(() => Aggregate.load(Connection)(tenantId, id)),
    ({ state }) => state,
  )
  const batches = Effect.gen(function* () {
    const feeds = Object.keys((yield* state).cursors).map((feed) => Ids.FeedId.make(feed))
    const events = yield* Effect.forEach(feeds, (feed) => eventsOf(tenantId, Feed.streamId(feed)))
    const decoded = yield* Effect.forEach(events.flat(), EventCodec.decode(Feed))
    return decoded.flatMap(({ event }) => (event._tag === "items_recorded" ? [event] : []))
  })
  const connection = {
    id,
    tenantId,
    told,
    state,
    events: Effect.suspend(() => eventsOf(tenantId, Connection.streamId(id))),
    /** The ids in its feeds. */
    items: Effect.map(batches, (all) => all.flatMap(({ itemIds }) => itemIds)),
    /** The items in its feeds, as far as they can be read: nothing for a batch that cannot. */
    contents: Effect.map(batches, (all) =>
      all.flatMap(({ personal }): ReadonlyArray<unknown> =>
        Option.match(Personal.value(personal), { onNone: () => [undefined], onSome: ({ items }) => items }),
      ),
    ),
  }
  return { connection, mailbox, sync: Sync.run(mailbox.provider, tenantId, id) }
})

const connected = connectedBy()

/** A connection of an account of which others watch other sources, or the same, that have the same items. */
const watching = (tenantId: Ids.TenantId, source: string) => {
  const mailbox = new Mailbox()
  mailbox.sources = [source]
  mailbox.sharesIds = true
  return connectedBy({ mailbox, tenantId })
}

const watched = (one: string, other: string) => {
  const tenantId = Ids.TenantId.make(`tenant ${tenants++}`)
  return Effect.all([watching(tenantId, one), watching(tenantId, other)])
}

type Watched = Effect.Success<typeof connected>

type Connected = Effect.Success<typeof connected>["connection"]

/** An operator turns a switch. */
const turned = Effect.fnUntraced(function* (
  _tag: Controls.Command["_tag"],
  tenantId: Ids.TenantId,
  scope: Controls.Scope,
) {
  yield* Controls.turn(tenantId, { _tag, at: yield* DateTime.now, scope }, { actor: Ids.system })
}, Effect.orDie)

/** The host asks a connection for something else. */
const configured = Effect.fnUntraced(function* ({ told }: Connected, settings: Connection.Settings) {
  const ownerId = Ids.OwnerId.make("ada")
  yield* told({ _tag: "Configure", provider: bank, ownerId, pollIntervalSeconds: 60, settings })
})

const forget = ({ id, tenantId }: Connected) => Forgetting.forget(tenantId, id, { actor: Ids.system })

/** Another consent for the same mailbox. */
const again = (mailbox: Mailbox, { tenantId }: { readonly tenantId: Ids.TenantId }) =>
  connectedBy({ mailbox, tenantId })

const feedOf = ({
  state,
}: {
  readonly state: Effect.Effect<Connection.State, unknown, EventStore.EventStore | Sealer.Sealer>
}) => Effect.map(state, ({ cursors }) => Ids.FeedId.make(Object.keys(cursors)[0] ?? ""))

const eventsOf = Effect.fnUntraced(function* (tenantId: Ids.TenantId, streamId: EventStore.StreamId) {
  return yield* Stream.runCollect((yield* EventStore.EventStore).readStream(tenantId, streamId))
})

/** What a worker believes that has stood still for longer than its lease. */
const leaseThatAnybodyGets = Layer.effect(
  Leases.Leases,
  Effect.map(Leases.Leases, (leases) => Leases.Leases.of({ ...leases, using: () => (effect) => effect })),
)
