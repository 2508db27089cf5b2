import { assert, describe, layer } from "@effect/vitest"
import { DateTime, Effect, Layer } from "effect"

import {
  AccountKeysView,
  AccountsView,
  Connection,
  ConnectionsView,
  EventStore,
  Feed,
  Forgetting,
  Ids,
  Memory,
  type Projection,
  ProjectionRunner,
  Provider,
  ReviewsView,
} from "../src/index.ts"
import * as SyncTurns from "../src/SyncTurns.ts"
import {
  Bank,
  ask,
  consent,
  eventsOf,
  item,
  link,
  merge,
  newAccount,
  newTenant,
  on,
  reconciliations,
  relink,
  rowOf,
  rows,
  statement,
  tapeOf,
} from "./support/Bank.ts"

const coffee = (id: string, date = "2026-08-03") => item(id, date, 450, "STARBUCKS 123")

layer(Memory.layer, { excludeTestServices: true })((it) => {
  describe("an account with a single feed", () => {
    it.effect("is what the feed delivers, page by page, and covers the days up to the run", () =>
      Effect.gen(function* () {
        const tenantId = newTenant()
        const ada = yield* consent(tenantId)
        ada.bank.says("checking", { items: [coffee("a"), coffee("b")] })
        ada.bank.says("checking", {
          items: [item("c", "2026-08-05", -120_000, "ACME PAYROLL")],
          coversFrom: "2026-05-12",
        })
        const accountId = yield* newAccount()
        const feedId = yield* link(ada, "checking", accountId)
        assert.deepInclude(yield* ada.sync.pipe(on("2026-08-10")), { pages: 2, added: 3, known: 0 })
        assert.deepStrictEqual(yield* statement(tenantId, accountId), [
          "2026-08-03 450 STARBUCKS 123",
          "2026-08-03 450 STARBUCKS 123",
          "2026-08-05 -120000 ACME PAYROLL",
        ])
        const [first, last] = yield* reconciliations(tenantId, accountId)
        assert.deepInclude(first, { feedId, added: 2, known: 0 })
        assert.notProperty(first, "covered")
        assert.deepInclude(last, { added: 1, covered: { from: "2026-05-12", to: "2026-08-10" }, items: 3 })
      }),
    )

    it.effect("never looks at a tape to record a page", () =>
      Effect.gen(function* () {
        const ada = yield* consent(newTenant())
        ada.bank.says("checking", { items: [item("p", "2026-08-03", 100, "SHELL", { pending: true })] })
        ada.bank.says("checking", {
          items: [item("q", "2026-08-04", 4_317, "SHELL", { posts: "p" })],
          withdrawn: ["p"],
        })
        const feedId = yield* link(ada, "checking", yield* newAccount())
        const store = yield* EventStore.EventStore
        const sealedReads: Array<string> = []
        const watched = EventStore.EventStore.of({
          ...store,
          readStream: (tenantId, streamId, options) => {
            if (options?.sealed !== false) sealedReads.push(streamId)
            return store.readStream(tenantId, streamId, options)
          },
        })
        yield* Effect.provideService(ada.sync, EventStore.EventStore, watched)
        assert.notInclude(sealedReads, Feed.streamId(feedId))
      }),
    )

    for (const [when, pages] of [
      ["in one page", [{ items: [posted()], withdrawn: ["p"] }]],
      ["before it is taken back", [{ items: [posted()] }, { withdrawn: ["p"] }]],
      ["after it was taken back", [{ withdrawn: ["p"] }, { items: [posted()] }]],
    ] as const) {
      it.effect(`knows what a pending transaction became, ${when}`, () =>
        Effect.gen(function* () {
          const tenantId = newTenant()
          const ada = yield* consent(tenantId)
          ada.bank.says("card", { items: [item("p", "2026-08-03", 5_000, "CHEZ LOUIS", { pending: true })] })
          for (const page of pages) ada.bank.says("card", page)
          const accountId = yield* newAccount()
          const feedId = yield* link(ada, "card", accountId)
          yield* ada.sync
          assert.deepStrictEqual(yield* statement(tenantId, accountId), ["2026-08-05 6000 CHEZ LOUIS"])
          const pending = yield* rowOf(tenantId, feedId, "p")
          assert.deepInclude(pending, { same_as_feed: feedId, same_as_item: "q", how: "posted", status: "withdrawn" })
        }),
      )
    }

    it.effect("names no pending transaction that it never held", () =>
      Effect.gen(function* () {
        const tenantId = newTenant()
        const ada = yield* consent(tenantId)
        ada.bank.says("card", { items: [posted()] })
        const accountId = yield* newAccount()
        yield* link(ada, "card", accountId)
        yield* ada.sync
        const [only] = yield* reconciliations(tenantId, accountId)
        assert.notProperty(only, "same")
      }),
    )

    it.effect("keeps on the tape what is changed, taken back and delivered again under its id", () =>
      Effect.gen(function* () {
        const tenantId = newTenant()
        const ada = yield* consent(tenantId)
        ada.bank.says("checking", { items: [coffee("a")] })
        ada.bank.says("checking", { revised: [item("a", "2026-08-03", 550, "STARBUCKS 123")] })
        ada.bank.says("checking", { withdrawn: ["a"] })
        const accountId = yield* newAccount()
        const feedId = yield* link(ada, "checking", accountId)
        yield* ada.sync
        assert.deepStrictEqual(yield* statement(tenantId, accountId), [])
        assert.deepInclude(yield* rowOf(tenantId, feedId, "a"), { status: "withdrawn", amount: 550 })
        ada.bank.says("checking", { items: [coffee("a")] })
        yield* ada.sync
        assert.deepStrictEqual(yield* statement(tenantId, accountId), ["2026-08-03 450 STARBUCKS 123"])
        assert.deepStrictEqual(
          (yield* tapeOf(tenantId, feedId)).map(({ type }) => type),
          ["items_recorded", "items_revised", "items_withdrawn", "items_recorded"],
        )
      }),
    )

    it.effect("records what was changed before it was ever delivered, and passes over what was never there", () =>
      Effect.gen(function* () {
        const tenantId = newTenant()
        const ada = yield* consent(tenantId)
        ada.bank.says("checking", { revised: [coffee("a")], withdrawn: ["never"] })
        const accountId = yield* newAccount()
        const feedId = yield* link(ada, "checking", accountId)
        assert.deepInclude(yield* ada.sync, { added: 1, known: 0 })
        assert.deepStrictEqual(
          (yield* tapeOf(tenantId, feedId)).map(({ type }) => type),
          ["items_recorded"],
        )
      }),
    )

    it.effect("goes on past an item that cannot be read: it stays on the tape, and its row says why", () =>
      Effect.gen(function* () {
        const tenantId = newTenant()
        const ada = yield* consent(tenantId)
        ada.bank.says("checking", {
          items: [{ id: "bad", content: "no transaction" }, item("odd", "2026-02-30", 1, "ODD"), coffee("a")],
        })
        const accountId = yield* newAccount()
        const feedId = yield* link(ada, "checking", accountId)
        assert.deepInclude(yield* ada.sync, { added: 3 })
        const bad = { amount: null, date: null, status: "held", account_id: accountId } as const
        assert.deepInclude(yield* rowOf(tenantId, feedId, "bad"), { ...bad, reading_problem: "not a transaction" })
        assert.deepInclude(yield* rowOf(tenantId, feedId, "odd"), { ...bad, reading_problem: "the date is no day" })
        ada.bank.says("checking", { revised: [coffee("bad")] })
        yield* ada.sync
        assert.deepInclude(yield* rowOf(tenantId, feedId, "bad"), { amount: 450, reading_problem: null })
      }),
    )

    it.effect("marks as backfill what is from before it was covered", () =>
      Effect.gen(function* () {
        const tenantId = newTenant()
        const ada = yield* consent(tenantId)
        ada.bank.says("checking", { items: [coffee("a")], coversFrom: "2026-07-10" })
        const accountId = yield* newAccount()
        const feedId = yield* link(ada, "checking", accountId)
        yield* ada.sync.pipe(on("2026-08-10"))
        ada.bank.says("checking", {
          items: [coffee("old", "2026-05-01"), coffee("new", "2026-08-10")],
          coversFrom: "2026-04-01",
        })
        yield* ada.sync.pipe(on("2026-08-10"))
        assert.deepInclude(yield* rowOf(tenantId, feedId, "old"), { is_backfill: true })
        assert.deepInclude(yield* rowOf(tenantId, feedId, "new"), { is_backfill: false })
        const [, last] = yield* reconciliations(tenantId, accountId)
        assert.deepInclude(last, { covered: { from: "2026-04-01", to: "2026-08-10" } })
      }),
    )
  })

  describe("a bank that forgot a cursor", () => {
    const rent = item("rent", "2026-08-01", 90_000, "RENT")
    const tea = item("tea", "2026-08-02", 300, "TEA HOUSE")
    const hold = item("hold", "2026-08-03", 5_000, "CHEZ LOUIS", { pending: true })
    const forgotten = Effect.gen(function* () {
      const tenantId = newTenant()
      const ada = yield* consent(tenantId)
      ada.bank.says("checking", { items: [rent, tea, hold] })
      const accountId = yield* newAccount()
      const feedId = yield* link(ada, "checking", accountId)
      yield* ada.sync
      ada.bank.forgets("checking")
      ada.bank.fails(new Provider.CursorExpired())
      return { tenantId, ada, accountId, feedId }
    })
    const dearer = item("tea", "2026-08-02", 350, "TEA HOUSE")
    const types = (tenantId: Ids.TenantId, feedId: Ids.FeedId) =>
      Effect.map(tapeOf(tenantId, feedId), (events) => events.map(({ type }) => type))

    it.effect("lists what is there: what differs is revised, what is gone is withdrawn, what is new is recorded", () =>
      Effect.gen(function* () {
        const { accountId, ada, feedId, tenantId } = yield* forgotten
        ada.bank.says("checking", { known: 1, present: [rent], listing: { ids: ["rent"], isLast: false } })
        ada.bank.says("checking", {
          items: [item("late", "2026-07-30", 100, "LATE")],
          known: 1,
          present: [dearer],
          listing: { ids: ["late", "tea"], isLast: true },
        })
        assert.deepInclude(yield* ada.sync, { added: 1, known: 2 })
        assert.deepStrictEqual(yield* statement(tenantId, accountId), [
          "2026-07-30 100 LATE",
          "2026-08-01 90000 RENT",
          "2026-08-02 350 TEA HOUSE",
        ])
        assert.deepInclude(yield* rowOf(tenantId, feedId, "hold"), { status: "withdrawn" })
        const [recorded, ...later] = yield* types(tenantId, feedId)
        assert.strictEqual(recorded, "items_recorded")
        assert.deepStrictEqual(later, ["items_recorded", "items_revised", "items_withdrawn"])
      }),
    )

    it.effect("and lists nothing at all takes nothing back", () =>
      Effect.gen(function* () {
        const { accountId, ada, feedId, tenantId } = yield* forgotten
        ada.bank.says("checking", { listing: { ids: [], isLast: true } })
        yield* ada.sync
        assert.deepStrictEqual(yield* types(tenantId, feedId), ["items_recorded"])
        assert.strictEqual((yield* statement(tenantId, accountId)).length, 3)
      }),
    )

    it.effect("and lists less than half of it takes nothing back", () =>
      Effect.gen(function* () {
        const { accountId, ada, feedId, tenantId } = yield* forgotten
        ada.bank.says("checking", { known: 1, present: [rent], listing: { ids: ["rent"], isLast: true } })
        yield* ada.sync
        assert.deepStrictEqual(yield* types(tenantId, feedId), ["items_recorded"])
        assert.strictEqual((yield* statement(tenantId, accountId)).length, 3)
      }),
    )

    it.effect("and nothing else says nothing new", () =>
      Effect.gen(function* () {
        const { ada, feedId, tenantId } = yield* forgotten
        const same = { known: 3, present: [rent, tea, hold] }
        ada.bank.says("checking", { ...same, listing: { ids: ["rent", "tea", "hold"], isLast: true } })
        assert.deepInclude(yield* ada.sync, { added: 0, known: 3 })
        assert.deepStrictEqual(yield* types(tenantId, feedId), ["items_recorded"])
      }),
    )

    it.effect(
      "compares with what was said last, and withdraws nothing by a listing whose beginning it did not see",
      () =>
        Effect.gen(function* () {
          const { accountId, ada, feedId, tenantId } = yield* forgotten
          ada.bank.says("checking", { known: 1, present: [dearer], listing: { ids: ["tea"], isLast: false } })
          ada.bank.says("checking", { known: 1, present: [dearer], listing: { ids: ["tea"], isLast: true } })
          ada.bank.fails(new Provider.CursorExpired(), undefined, new Provider.UnexpectedAnswer({ problem: "broken" }))
          yield* Effect.flip(ada.sync)
          yield* ada.sync
          assert.deepStrictEqual(yield* types(tenantId, feedId), ["items_recorded", "items_revised"])
          assert.strictEqual((yield* statement(tenantId, accountId)).length, 3)
        }),
    )
  })

  describe("a connection that goes on with an account under other ids", () => {
    it.effect(
      "R28 fetches from the day that it is told, each account for itself; its siblings do not fetch again",
      () =>
        Effect.gen(function* () {
          const { accountId, next, old, tenantId } = yield* relinked()
          const savings = yield* newAccount()
          old.bank.says("savings", { items: [coffee("s1")] })
          yield* link(old, "savings", savings)
          next.bank.says("new", { items: [] })
          yield* link(next, "new", yield* newAccount())
          yield* next.sync.pipe(on("2026-08-13"))
          assert.deepStrictEqual(next.bank.asked, [
            { source: "checking 2", cursor: null, resumeFrom: "2026-07-31" },
            { source: "checking 2", cursor: "1", resumeFrom: null },
            { source: "new", cursor: null, resumeFrom: null },
          ])
          assert.strictEqual((yield* statement(tenantId, accountId)).length, 4)
        }),
    )

    it.effect("recognises by count what is held: two equal coffees stay two, and the third is new", () =>
      Effect.gen(function* () {
        const { accountId, feeds, next, report, tenantId } = yield* relinked()
        assert.deepInclude(report, { added: 1, known: 3 })
        assert.deepStrictEqual(yield* statement(tenantId, accountId), [
          "2026-08-03 450 STARBUCKS 123",
          "2026-08-03 450 STARBUCKS 123",
          "2026-08-05 -120000 ACME PAYROLL",
          "2026-08-11 450 STARBUCKS 123",
        ])
        const all = yield* rows(tenantId)
        assert.deepStrictEqual(
          all.filter(({ feed_id }) => feed_id === feeds.next).map((row) => [row.item_id, row.same_as_feed, row.how]),
          [
            ["1", feeds.old, "same"],
            ["2", feeds.old, "same"],
            ["3", feeds.old, "same"],
            ["4", null, null],
          ],
        )
        assert.strictEqual(new Set(all.flatMap((row) => row.same_as_item ?? [])).size, 3)
        const reconciled = (yield* reconciliations(tenantId, accountId)).at(-1)
        assert.deepInclude(reconciled, { items: 4, covered: { from: "2026-07-31", to: "2026-08-12" } })
        assert.notProperty(reconciled, "gap")
        assert.strictEqual(next.bank.asked.length, 1)
      }),
    )

    it.effect("recognises page after page, each equal one once", () =>
      Effect.gen(function* () {
        const { accountId, tenantId, next } = yield* relinked({
          pages: [{ items: [coffee("1")] }, { items: [coffee("2")] }, { items: [coffee("3")] }],
        })
        assert.strictEqual(next.bank.asked.length, 3)
        assert.strictEqual((yield* statement(tenantId, accountId)).length, 4)
      }),
    )

    it.effect("R29 records the days that nothing covers, once", () =>
      Effect.gen(function* () {
        const tenantId = newTenant()
        const old = yield* consent(tenantId)
        old.bank.says("checking", { items: [coffee("a", "2026-04-28")], coversFrom: "2026-02-01" })
        const accountId = yield* newAccount()
        yield* link(old, "checking", accountId)
        yield* old.sync.pipe(on("2026-05-01"))
        const next = yield* consent(tenantId)
        next.bank.says("checking 2", { items: [coffee("1", "2026-07-01")], coversFrom: "2026-06-17" })
        yield* link(next, "checking 2", accountId, "2026-04-21")
        yield* next.sync.pipe(on("2026-09-15"))
        next.bank.says("checking 2", { items: [coffee("2", "2026-09-16")] })
        yield* next.sync.pipe(on("2026-09-16"))
        const said = yield* reconciliations(tenantId, accountId)
        assert.deepStrictEqual(
          said.flatMap(({ gap }) => gap ?? []),
          [{ from: "2026-05-02", to: "2026-06-16" }],
        )
        assert.deepInclude(said.at(-1), { covered: { from: "2026-06-17", to: "2026-09-16" } })
      }),
    )

    it.effect("recognises what could not be read, or was only scheduled, once it can be", () =>
      Effect.gen(function* () {
        const { accountId, feeds, next, tenantId } = yield* relinked({
          pages: [
            {
              items: [
                { id: "1", content: null },
                item("2", "2026-08-03", 450, "STARBUCKS 123", { status: "SCHD" }),
                item("3", "2026-08-05", -120_000, "ACME PAYROLL"),
              ],
            },
          ],
        })
        assert.deepInclude(yield* rowOf(tenantId, feeds.next, "2"), { status: "void", same_as_feed: null })
        next.bank.says("checking 2", { revised: [coffee("1"), coffee("2")] })
        yield* next.sync.pipe(on("2026-08-13"))
        assert.strictEqual((yield* statement(tenantId, accountId)).length, 3)
        for (const id of ["1", "2"]) {
          assert.deepInclude(yield* rowOf(tenantId, feeds.next, id), { status: "held", same_as_feed: feeds.old })
        }
      }),
    )

    it.effect("asks where it cannot tell, and both stand until it is answered", () =>
      Effect.gen(function* () {
        const { accountId, feeds, tenantId } = yield* relinked({
          pages: [{ items: [coffee("1"), coffee("2"), item("3", "2026-08-05", -120_000, "NEIGHBOUR REFUND")] }],
        })
        assert.strictEqual((yield* statement(tenantId, accountId)).length, 4)
        assert.deepInclude(yield* rowOf(tenantId, feeds.next, "3"), { may_be_feed: feeds.old, may_be_item: "c" })
        const [asked] = (yield* reconciliations(tenantId, accountId)).flatMap(({ asked }) => asked ?? [])
        assert.deepInclude(asked, { item: "3", candidates: [{ feedId: feeds.old, item: "c" }] })
      }),
    )

    it.effect("says what the account knows an item as when it is changed or taken back", () =>
      Effect.gen(function* () {
        const { accountId, feeds, next, tenantId } = yield* relinked()
        const known = yield* rowOf(tenantId, feeds.next, "3")
        next.bank.says("checking 2", { revised: [item("3", "2026-08-05", -120_000, "ACME PAYROLL 08/26")] })
        yield* next.sync.pipe(on("2026-08-13"))
        const as = { feedId: feeds.old, item: known?.same_as_item }
        assert.deepInclude<object>((yield* tapeOf(tenantId, feeds.next)).at(-1)?.data ?? {}, {
          knownAs: [{ item: "3", as }],
        })
        assert.strictEqual((yield* rowOf(tenantId, feeds.next, "3"))?.same_as_item, known?.same_as_item)
        next.bank.says("checking 2", { withdrawn: ["3"] })
        yield* next.sync.pipe(on("2026-08-14"))
        assert.deepInclude<object>((yield* tapeOf(tenantId, feeds.next)).at(-1)?.data ?? {}, {
          knownAs: [{ item: "3", as }],
        })
        assert.deepInclude(yield* rowOf(tenantId, feeds.old, "c"), { status: "lapsed", lapsed_by: feeds.next })
        assert.strictEqual((yield* statement(tenantId, accountId)).length, 3)
      }),
    )

    it.effect("stands for a transaction once it corrects the amount", () =>
      Effect.gen(function* () {
        const { accountId, feeds, next, tenantId } = yield* relinked()
        next.bank.says("checking 2", { revised: [item("3", "2026-08-05", -125_000, "ACME PAYROLL")] })
        yield* next.sync.pipe(on("2026-08-13"))
        assert.include(yield* statement(tenantId, accountId), "2026-08-05 -125000 ACME PAYROLL")
        assert.strictEqual((yield* statement(tenantId, accountId)).length, 4)
        assert.deepInclude(yield* rowOf(tenantId, feeds.old, "c"), { same_as_feed: feeds.next, same_as_item: "3" })
        assert.deepInclude(yield* rowOf(tenantId, feeds.next, "3"), { same_as_feed: null })
      }),
    )

    it.effect("goes on from a pending transaction that the one before it held", () =>
      Effect.gen(function* () {
        const tenantId = newTenant()
        const old = yield* consent(tenantId)
        old.bank.says("card", {
          items: [item("p", "2026-08-08", 1_899, "TRADER JOES", { pending: true })],
          coversFrom: "2026-07-01",
        })
        const accountId = yield* newAccount()
        const before = yield* link(old, "card", accountId)
        yield* old.sync.pipe(on("2026-08-09"))
        const next = yield* consent(tenantId)
        next.bank.says("card 2", { items: [item("1", "2026-08-08", 1_899, "TRADER JOES", { pending: true })] })
        next.bank.says("card 2", {
          items: [item("2", "2026-08-10", 1_899, "TRADER JOES", { posts: "1" })],
          withdrawn: ["1"],
        })
        const after = yield* link(next, "card 2", accountId, "2026-07-30")
        assert.deepInclude(yield* next.sync.pipe(on("2026-08-10")), { added: 0, known: 2 })
        assert.deepStrictEqual(yield* statement(tenantId, accountId), ["2026-08-10 1899 TRADER JOES"])
        const became = { same_as_feed: after, same_as_item: "2", how: "posted" } as const
        assert.deepInclude(yield* rowOf(tenantId, before, "p"), became)
        assert.deepInclude(yield* rowOf(tenantId, after, "1"), became)
      }),
    )

    it.effect("lapses a pending transaction that nothing posted", () =>
      Effect.gen(function* () {
        const tenantId = newTenant()
        const old = yield* consent(tenantId)
        old.bank.says("card", {
          items: [item("p", "2026-08-01", 100, "HOTEL HOLD", { pending: true })],
          coversFrom: "2026-07-01",
        })
        const accountId = yield* newAccount()
        const before = yield* link(old, "card", accountId)
        yield* old.sync.pipe(on("2026-08-02"))
        const next = yield* consent(tenantId)
        next.bank.says("card 2", { items: [coffee("1", "2026-08-14")] })
        yield* link(next, "card 2", accountId, "2026-07-23")
        yield* next.sync.pipe(on("2026-08-15"))
        assert.deepInclude(yield* rowOf(tenantId, before, "p"), { status: "lapsed" })
        assert.deepStrictEqual(yield* statement(tenantId, accountId), ["2026-08-14 450 STARBUCKS 123"])
      }),
    )

    it.effect("R31 hears nothing more from a connection that was superseded", () =>
      Effect.gen(function* () {
        const { accountId, next, old, tenantId } = yield* relinked()
        const before = yield* statement(tenantId, accountId)
        old.bank.says("checking", { withdrawn: ["a", "b", "c"] })
        yield* old.tell({ _tag: "Supersede", at: yield* DateTime.now, by: next.id })
        assert.deepInclude(yield* Effect.flip(old.sync), { _tag: "NotSyncable", status: "superseded" })
        assert.deepStrictEqual(yield* statement(tenantId, accountId), before)
      }),
    )

    it.effect("holds nothing of a feed that was forgotten", () =>
      Effect.gen(function* () {
        const { accountId, feeds, next, old, tenantId } = yield* relinked()
        yield* Forgetting.forget(tenantId, old.id, { actor: Ids.system })
        assert.isTrue((yield* rows(tenantId)).every(({ feed_id }) => feed_id === feeds.next))
        assert.strictEqual((yield* statement(tenantId, accountId)).length, 4)
        next.bank.says("checking 2", { items: [coffee("5"), coffee("6")] })
        yield* next.sync.pipe(on("2026-08-13"))
        assert.strictEqual((yield* statement(tenantId, accountId)).length, 6)
      }),
    )
  })

  describe("a joint account that two live connections feed", () => {
    it.effect("has each transaction once, whoever delivers it first", () =>
      Effect.gen(function* () {
        const tenantId = newTenant()
        const [ada, bob] = [yield* consent(tenantId), yield* consent(tenantId)]
        const accountId = yield* newAccount()
        ada.bank.says("joint", { items: [coffee("a1")], coversFrom: "2026-07-01" })
        bob.bank.says("joint b", { items: [coffee("b1")], coversFrom: "2026-07-01" })
        yield* link(ada, "joint", accountId)
        yield* link(bob, "joint b", accountId)
        yield* ada.sync.pipe(on("2026-08-04"))
        yield* bob.sync.pipe(on("2026-08-04"))
        const bill = (id: string) => item(id, "2026-08-05", 9_900, "CITY POWER")
        bob.bank.says("joint b", { items: [bill("b2")] })
        ada.bank.says("joint", { items: [bill("a2")] })
        assert.deepInclude(yield* bob.sync.pipe(on("2026-08-06")), { added: 1, known: 0 })
        assert.deepInclude(yield* ada.sync.pipe(on("2026-08-06")), { added: 0, known: 1 })
        assert.deepStrictEqual(yield* statement(tenantId, accountId), [
          "2026-08-03 450 STARBUCKS 123",
          "2026-08-05 9900 CITY POWER",
        ])
      }),
    )

    it.effect("has a pending transaction once, and what it became once, in whatever order they post it", () =>
      Effect.gen(function* () {
        const tenantId = newTenant()
        const [ada, bob] = [yield* consent(tenantId), yield* consent(tenantId)]
        const accountId = yield* newAccount()
        const dinner = (id: string) => item(id, "2026-08-05", 8_000, "CHEZ LOUIS", { pending: true })
        const paid = (id: string, posts: string) => item(id, "2026-08-07", 9_600, "CHEZ LOUIS", { posts })
        ada.bank.says("joint", { items: [dinner("a1")], coversFrom: "2026-07-01" })
        bob.bank.says("joint b", { items: [dinner("b1")], coversFrom: "2026-07-01" })
        yield* link(ada, "joint", accountId)
        yield* link(bob, "joint b", accountId)
        yield* ada.sync.pipe(on("2026-08-06"))
        yield* bob.sync.pipe(on("2026-08-06"))
        assert.deepStrictEqual(yield* statement(tenantId, accountId), ["2026-08-05 8000 CHEZ LOUIS"])
        bob.bank.says("joint b", { items: [paid("b2", "b1")], withdrawn: ["b1"] })
        yield* bob.sync.pipe(on("2026-08-08"))
        assert.deepStrictEqual(yield* statement(tenantId, accountId), ["2026-08-07 9600 CHEZ LOUIS"])
        ada.bank.says("joint", { withdrawn: ["a1"], items: [paid("a2", "a1")] })
        yield* ada.sync.pipe(on("2026-08-08"))
        assert.deepStrictEqual(yield* statement(tenantId, accountId), ["2026-08-07 9600 CHEZ LOUIS"])
      }),
    )
  })

  describe("an account that a person is asked about", () => {
    it.effect("has its items on the tape and in no account, until it is answered", () =>
      Effect.gen(function* () {
        const { accountId, old, tenantId } = yield* relinked()
        const asking = yield* consent(tenantId)
        asking.bank.says("unclear", { items: [coffee("x"), coffee("y"), item("z", "2026-08-12", 9_900, "CITY POWER")] })
        const feedId = yield* ask(asking, "unclear")
        assert.deepInclude(yield* asking.sync.pipe(on("2026-08-12")), { added: 3 })
        const before = yield* statement(tenantId, accountId)
        assert.deepInclude(yield* rowOf(tenantId, feedId, "x"), {
          account_id: null,
          status: "held",
          same_as_feed: null,
        })
        const [recorded] = yield* tapeOf(tenantId, feedId)
        assert.notProperty(recorded?.data, "accountId")
        assert.strictEqual(before.length, 4)

        yield* relink(tenantId, asking.id, "unclear", feedId, accountId)
        assert.deepStrictEqual(yield* statement(tenantId, accountId), [...before, "2026-08-12 9900 CITY POWER"])
        asking.bank.says("unclear", { items: [item("z2", "2026-08-13", 700, "BAKERY")] })
        yield* asking.sync.pipe(on("2026-08-13"))
        assert.strictEqual((yield* statement(tenantId, accountId)).length, 6)
        assert.strictEqual((yield* old.state).status, "active")
      }),
    )

    it.effect("is answered in the middle of a run: the page that is there goes to the account", () =>
      Effect.gen(function* () {
        const tenantId = newTenant()
        const asking = yield* consent(tenantId)
        asking.bank.says("unclear", { items: [coffee("x")] })
        asking.bank.says("unclear", { items: [coffee("y")] })
        const feedId = yield* ask(asking, "unclear")
        const accountId = yield* newAccount()
        const answer = relink(tenantId, asking.id, "unclear", feedId, accountId).pipe(
          Effect.andThen(
            asking.tell({ _tag: "NoticeExpiry", at: yield* DateTime.now, expiresAt: yield* DateTime.now }),
          ),
        )
        yield* asking.sync.pipe(interrupting(2, answer))
        assert.strictEqual((yield* statement(tenantId, accountId)).length, 2)
        const second = (yield* tapeOf(tenantId, feedId)).at(-1)
        assert.deepInclude(second?.data, { accountId, itemIds: ["y"] })
      }),
    )
  })

  describe("a page", () => {
    it.effect("R30 whose answer was lost is recorded once, and everything after it follows", () =>
      Effect.gen(function* () {
        const tenantId = newTenant()
        const ada = yield* consent(tenantId)
        for (const n of [1, 2, 3, 4]) ada.bank.says("checking", { items: [coffee(`a${n}`)] })
        const accountId = yield* newAccount()
        const feedId = yield* link(ada, "checking", accountId)
        for (const lost of [1, 2]) {
          const failed = yield* Effect.flip(ada.sync.pipe(losingAnswer(lost)))
          assert.strictEqual(failed._tag, "EventStoreUnavailable")
        }
        yield* ada.sync
        assert.deepStrictEqual(
          (yield* tapeOf(tenantId, feedId)).map(({ data }) => data["itemIds"]),
          [["a1"], ["a2"], ["a3"], ["a4"]],
        )
        assert.strictEqual((yield* statement(tenantId, accountId)).length, 4)
      }),
    )

    it.effect("R30 that the provider cannot go on from is fetched again, and what is there stays once", () =>
      Effect.gen(function* () {
        const tenantId = newTenant()
        const ada = yield* consent(tenantId)
        ada.bank.says("checking", { items: [coffee("a")] })
        ada.bank.says("checking", { items: [coffee("a"), coffee("b")] })
        const accountId = yield* newAccount()
        yield* link(ada, "checking", accountId)
        yield* ada.sync
        ada.bank.fails(new Provider.CursorExpired())
        assert.deepInclude(yield* ada.sync, { added: 0 })
        assert.strictEqual((yield* statement(tenantId, accountId)).length, 2)
      }),
    )

    it.effect("that another connection of the account was first to is compared again with what is held then", () =>
      Effect.gen(function* () {
        const tenantId = newTenant()
        const [ada, bob] = [yield* consent(tenantId), yield* consent(tenantId)]
        const accountId = yield* newAccount()
        ada.bank.says("joint", { items: [coffee("a1")] })
        ada.bank.says("joint", { items: [coffee("a2", "2026-08-20")] })
        bob.bank.says("joint b", { items: [coffee("b1")] })
        bob.bank.says("joint b", { items: [coffee("b2", "2026-08-20")] })
        yield* link(ada, "joint", accountId)
        yield* link(bob, "joint b", accountId)
        const report = yield* ada.sync.pipe(interrupting(2, inAnotherProcess(bob.sync)))
        assert.deepInclude(report, { pages: 2, added: 1, known: 1 })
        assert.strictEqual((yield* statement(tenantId, accountId)).length, 2)
      }),
    )

    it.effect("goes to the account that its own was merged into meanwhile", () =>
      Effect.gen(function* () {
        const tenantId = newTenant()
        const ada = yield* consent(tenantId)
        for (const n of [1, 2, 3]) ada.bank.says("checking", { items: [coffee(`a${n}`)] })
        const [absorbed, kept] = [yield* newAccount(), yield* newAccount()]
        const feedId = yield* link(ada, "checking", absorbed)
        const other = yield* consent(tenantId)
        other.bank.says("other", { items: [] })
        yield* link(other, "other", kept)
        yield* ada.sync.pipe(interrupting(2, merge(tenantId, kept, absorbed)))
        assert.strictEqual((yield* statement(tenantId, kept)).length, 3)
        assert.deepInclude((yield* tapeOf(tenantId, feedId)).at(-1)?.data, { accountId: kept })
      }),
    )
  })
})

/** Beside one that runs here, whose turn it does not wait for. */
const inAnotherProcess = <A, E, R>(sync: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => Effect.provideService(sync, SyncTurns.Turns, new Map()))

/** The views that matching looks at, kept up to the log. */
const matching = Layer.effectDiscard(
  Effect.forEach([ConnectionsView, AccountsView, AccountKeysView, ReviewsView], (view: Projection.Projection) =>
    Effect.forkScoped(ProjectionRunner.run(view)),
  ),
).pipe(Layer.provideMerge(Memory.layer))

layer(matching, { excludeTestServices: true })((it) => {
  describe("a run", () => {
    it.effect("has the accounts matched that it meets for the first time, then and later", () =>
      Effect.gen(function* () {
        const ada = yield* consent(newTenant())
        ada.bank.says("checking", { items: [coffee("a")] })
        assert.deepInclude(yield* ada.sync, { added: 1 })
        ada.bank.says("savings", { items: [coffee("s1"), coffee("s2")] })
        assert.deepInclude(yield* ada.sync, { added: 2 })
        const { cursors, sources } = yield* ada.state
        assert.deepStrictEqual(Object.keys(sources), ["checking", "savings"])
        assert.sameMembers(
          Object.keys(cursors),
          Object.values(sources).map(({ feedId }) => feedId),
        )
        const events = yield* eventsOf(ada.tenantId, Connection.streamId(ada.id))
        assert.strictEqual(events.filter(({ type }) => type === "accounts_matched").length, 2)
      }),
    )
  })
})

function posted() {
  return item("q", "2026-08-05", 6_000, "CHEZ LOUIS", { posts: "p" })
}

/** An account that one connection covered, and another one delivers anew: two coffees and the pay, and a coffee more. */
const relinked = Effect.fnUntraced(function* ({
  pages = [
    {
      items: [coffee("1"), coffee("2"), item("3", "2026-08-05", -120_000, "ACME PAYROLL"), coffee("4", "2026-08-11")],
    },
  ],
}: { readonly pages?: ReadonlyArray<Partial<Provider.Page>> } = {}) {
  const tenantId = newTenant()
  const accountId = yield* newAccount()
  const old = yield* consent(tenantId)
  old.bank.says("checking", {
    items: [coffee("a"), coffee("b"), item("c", "2026-08-05", -120_000, "ACME PAYROLL")],
    coversFrom: "2026-05-12",
  })
  const before = yield* link(old, "checking", accountId)
  yield* old.sync.pipe(on("2026-08-10"))
  const next = yield* consent(tenantId, new Bank())
  for (const page of pages) next.bank.says("checking 2", page)
  const after = yield* link(next, "checking 2", accountId, "2026-07-31")
  const report = yield* next.sync.pipe(on("2026-08-12"))
  return { tenantId, accountId, old, next, report, feeds: { old: before, next: after } }
})

/** Something else happens just before the nth append of a run. */
const interrupting =
  <E1, R1>(nth: number, meanwhile: Effect.Effect<unknown, E1, R1>) =>
  <A, E, R>(run: Effect.Effect<A, E, R>) =>
    Effect.gen(function* () {
      const store = yield* EventStore.EventStore
      const context = yield* Effect.context<R1>()
      let appends = 0
      const disturbed = EventStore.EventStore.of({
        ...store,
        append: (request) => {
          appends++
          const first = appends === nth ? Effect.orDie(Effect.provideContext(meanwhile, context)) : Effect.void
          return Effect.andThen(first, store.append(request))
        },
      })
      return yield* Effect.provideService(run, EventStore.EventStore, disturbed)
    })

/** The nth append of a run happens, and the worker never hears of it. */
const losingAnswer =
  (nth: number) =>
  <A, E, R>(run: Effect.Effect<A, E, R>) =>
    Effect.gen(function* () {
      const store = yield* EventStore.EventStore
      let appends = 0
      const deaf = EventStore.EventStore.of({
        ...store,
        append: (request) => {
          appends++
          const lost = new EventStore.EventStoreUnavailable({ reason: "cut off", outcome: "unknown" })
          return appends === nth ? Effect.andThen(store.append(request), lost) : store.append(request)
        },
      })
      return yield* Effect.provideService(run, EventStore.EventStore, deaf)
    })
