import { assert, describe, it, layer } from "@effect/vitest"
import { Effect, Schema } from "effect"

import * as Coverage from "../src/Coverage.ts"
import { Account, Aggregate, Ids, Ledger, Memory, Projection, TransactionsView } from "../src/index.ts"
import {
  type Bank,
  ask,
  bank,
  consent,
  item,
  link,
  merge,
  newAccount,
  newTenant,
  on,
  relink,
  rows,
  statement,
  transaction,
  unlink,
  unmerge,
} from "./support/Bank.ts"

/** What one feed delivers, as if a bank had said it: few days, amounts and wordings, so that much is alike. */
const Move = Schema.Struct({
  kind: Schema.Literals(["new", "new", "pending", "post", "correct", "withdraw", "redeliver"]),
  n: Schema.Literals([0, 1, 2, 3, 4, 5, 6, 7]),
})
const Pages = Schema.Array(Schema.Array(Move).check(Schema.isMaxLength(6))).check(Schema.isMaxLength(4))
type Move = typeof Move.Type

const contentOf = (n: number) =>
  [`2026-08-0${1 + (n % 3)}`, 100 * (1 + (n % 2)), n < 6 ? "STARBUCKS 123" : "CITY POWER"] as const

const pageOf = (moves: ReadonlyArray<Move>) => {
  const of = (kind: Move["kind"]) => moves.filter((move) => move.kind === kind).map(({ n }) => n)
  const posted = (n: number, amount = contentOf(n)[1]) =>
    item(`t${n}`, contentOf(n)[0], amount, contentOf(n)[2], { posts: `p${n}` })
  return {
    items: [
      ...[...of("new"), ...of("redeliver")].map((n) => item(`t${n}`, ...contentOf(n))),
      ...of("pending").map((n) => item(`p${n}`, ...contentOf(n), { pending: true })),
      ...of("post").map((n) => posted(n)),
    ],
    revised: of("correct").map((n) => posted(n, 350)),
    withdrawn: [...of("withdraw").map((n) => `t${n}`), ...of("post").map((n) => `p${n}`)],
  }
}

const deliver = (bankOf: Bank, source: string, pages: ReadonlyArray<ReadonlyArray<Move>>) => {
  for (const page of pages) bankOf.says(source, page.length === 0 ? {} : pageOf(page))
  bankOf.says(source, { coversFrom: "2026-07-01" })
}

const property = { timeout: 120_000, arbitrary: { runs: 25, size: 20, maxShrinks: 60 } }

layer(Memory.layer, { excludeTestServices: true })((it) => {
  describe("undoing", () => {
    it.effect.prop(
      "a link, whatever it was made on, restores both histories exactly, because feeds never move",
      [Pages, Pages, Pages],
      ([first, second, wrong]) =>
        Effect.gen(function* () {
          const tenantId = newTenant()
          const accountId = yield* newAccount()
          for (const pages of [first, second]) {
            const owner = yield* consent(tenantId)
            deliver(owner.bank, "checking", pages)
            yield* link(owner, "checking", accountId)
            yield* owner.sync.pipe(on("2026-08-10"))
          }
          const other = yield* consent(tenantId)
          deliver(other.bank, "unclear", wrong)
          const feedId = yield* ask(other, "unclear")
          yield* other.sync.pipe(on("2026-08-10"))

          const apart = yield* rows(tenantId)
          yield* relink(tenantId, other.id, "unclear", feedId, accountId)
          const linked = yield* rows(tenantId)
          yield* unlink(tenantId, accountId, feedId)
          assert.deepStrictEqual(yield* rows(tenantId), apart)
          yield* relink(tenantId, other.id, "unclear", feedId, accountId)
          assert.deepStrictEqual(yield* rows(tenantId), linked)
        }),
      property,
    )

    it.effect.prop(
      "a link leaves what the others delivered as it was, whatever the feed delivered meanwhile",
      [Pages, Pages, Pages],
      ([first, before, meanwhile]) =>
        Effect.gen(function* () {
          const tenantId = newTenant()
          const accountId = yield* newAccount()
          const owner = yield* consent(tenantId)
          deliver(owner.bank, "checking", first)
          yield* link(owner, "checking", accountId)
          yield* owner.sync.pipe(on("2026-08-10"))
          const apart = yield* rows(tenantId)

          const other = yield* consent(tenantId)
          deliver(other.bank, "wrong", before)
          const feedId = yield* link(other, "wrong", accountId)
          yield* other.sync.pipe(on("2026-08-10"))
          deliver(other.bank, "wrong", meanwhile)
          yield* other.sync.pipe(on("2026-08-11"))
          yield* unlink(tenantId, accountId, feedId)
          const left = yield* rows(tenantId)
          assert.deepStrictEqual(
            left.filter(({ feed_id }) => feed_id !== feedId),
            apart,
          )
          for (const row of left.filter(({ feed_id }) => feed_id === feedId)) {
            assert.deepInclude(row, { account_id: null, same_as_feed: null, may_be_feed: null, lapsed_by: null })
          }
        }),
      property,
    )

    it.effect.prop(
      "a merge restores both accounts exactly, and merging again gives what the first merge gave",
      [Pages, Pages, Pages, Pages],
      (all) =>
        Effect.gen(function* () {
          const tenantId = newTenant()
          const accounts = [yield* newAccount(), yield* newAccount()] as const
          for (const [index, pages] of all.entries()) {
            const owner = yield* consent(tenantId)
            deliver(owner.bank, "checking", pages)
            yield* link(owner, "checking", accounts[index < 2 ? 0 : 1])
            yield* owner.sync.pipe(on("2026-08-10"))
          }
          const apart = yield* rows(tenantId)
          yield* merge(tenantId, ...accounts)
          const merged = yield* rows(tenantId)
          assert.isTrue(merged.every(({ account_id }) => account_id === accounts[0]))
          yield* unmerge(tenantId, ...accounts)
          assert.deepStrictEqual(yield* rows(tenantId), apart)
          yield* merge(tenantId, ...accounts)
          assert.deepStrictEqual(yield* rows(tenantId), merged)
        }),
      property,
    )
  })

  it.effect.prop(
    "what a ledger holds is what the view shows of the account, and every chain ends at an item that stands",
    [Pages, Pages, Pages, Schema.Boolean],
    ([first, second, third, isMerged]) =>
      Effect.gen(function* () {
        const tenantId = newTenant()
        const accounts = [yield* newAccount(), yield* newAccount()] as const
        for (const [index, pages] of [first, second, third].entries()) {
          const owner = yield* consent(tenantId)
          deliver(owner.bank, "checking", pages)
          yield* link(owner, "checking", accounts[isMerged && index === 2 ? 1 : 0])
          yield* owner.sync.pipe(on("2026-08-10"))
        }
        if (isMerged) yield* merge(tenantId, ...accounts)
        const loaded = yield* Aggregate.load(Account)(tenantId, accounts[0])
        const ledger = yield* Ledger.load(tenantId, loaded, Ledger.readingOf({ id: bank, transaction }))
        const held = Array.from(ledger.rows.rows.values(), ({ row }) => row)
        const shown = yield* rows(tenantId)
        assert.deepStrictEqual(held.toSorted(byKey), shown.toSorted(byKey))
        for (const { feed_id: feedId, item_id: item } of held) {
          const root = Ledger.rootOf(ledger, { feedId, item })
          const row = shown.find((row) => row.feed_id === root.feedId && row.item_id === root.item)
          assert.deepInclude(row, { same_as_feed: null })
        }
        assert.strictEqual(Ledger.size(ledger), (yield* TransactionsView.ofAccount(tenantId, accounts[0])).length)
      }),
    property,
  )

  it.effect.prop(
    "an account that is delivered anew has as many of each day and amount as the one that has more",
    [
      Schema.Array(Schema.Literals([0, 1, 2, 3, 4])),
      Schema.Array(Schema.Literals([0, 1, 2, 3, 4])),
      Schema.Literals([1, 2, 50]),
    ],
    ([held, delivered, atOnce]) =>
      Effect.gen(function* () {
        const tenantId = newTenant()
        const accountId = yield* newAccount()
        // Further apart than a date may shift.
        const purchase = (prefix: string) => (n: number, index: number) =>
          item(`${prefix}${index}`, `2026-0${3 + n}-05`, 100, "STARBUCKS 123")
        for (const [source, all] of [
          ["old", held],
          ["new", delivered],
        ] as const) {
          const owner = yield* consent(tenantId)
          const items = all.map(purchase(source))
          for (let from = 0; from < items.length; from += atOnce) {
            owner.bank.says(source, { items: items.slice(from, from + atOnce) })
          }
          owner.bank.says(source, { coversFrom: "2026-02-01" })
          yield* link(owner, source, accountId)
          yield* owner.sync.pipe(on("2026-08-10"))
        }
        const count = (all: ReadonlyArray<number>, n: number) => all.filter((one) => one === n).length
        assert.deepStrictEqual(
          yield* statement(tenantId, accountId),
          [0, 1, 2, 3, 4].flatMap((n) =>
            Array.from(
              { length: Math.max(count(held, n), count(delivered, n)) },
              () => `2026-0${3 + n}-05 100 STARBUCKS 123`,
            ),
          ),
        )
      }),
    property,
  )

  describe("a link that ends", () => {
    it.effect("leaves what two later feeds both had from it once", () =>
      Effect.gen(function* () {
        const tenantId = newTenant()
        const accountId = yield* newAccount()
        const feeds = []
        for (const source of ["first", "second", "third"]) {
          const owner = yield* consent(tenantId)
          owner.bank.says(source, {
            items: [item(`${source} coffee`, "2026-08-03", 450, "STARBUCKS 123")],
            coversFrom: "2026-07-01",
          })
          feeds.push(yield* link(owner, source, accountId))
          yield* owner.sync.pipe(on("2026-08-10"))
        }
        const [first] = feeds
        if (first === undefined) return assert.fail("three feeds")
        assert.strictEqual((yield* statement(tenantId, accountId)).length, 1)
        yield* unlink(tenantId, accountId, first)
        assert.strictEqual((yield* statement(tenantId, accountId)).length, 1)
      }),
    )
  })
})

const byKey = (a: TransactionsView.Row, b: TransactionsView.Row) => (keyOf(a) < keyOf(b) ? -1 : 1)
const keyOf = (row: TransactionsView.Row) => Projection.rowKey(TransactionsView, Ids.TenantId.make("any"), row)

describe("findings", () => {
  it("go into as many events as they need, and are counted and covered once", () => {
    const feedId = Ids.FeedId.make("00000000-0000-8000-a000-000000000003")
    const as = { feedId: Ids.FeedId.make("00000000-0000-8000-a000-000000000004"), item: "x".repeat(500) }
    const same = Array.from({ length: 5_000 }, (_, n) => ({ feedId, item: `${n}`, as, how: "same" as const }))
    const covered = { from: "2026-07-01", to: "2026-08-10" }
    const commands = Ledger.commandsOf(
      { at: new Date(0) as never, feedId, run: "run", added: 1, known: 5_000, covered },
      { ...Ledger.nothing, same, backfill: ["old"] },
    )
    assert.deepStrictEqual(
      commands.flatMap(({ same }) => same ?? []),
      same,
    )
    for (const command of commands) assert.isBelow(JSON.stringify(command).length, 1_000_000)
    const sum = (count: (command: (typeof commands)[number]) => number) =>
      commands.reduce((total, command) => total + count(command), 0)
    assert.deepStrictEqual([sum(({ added }) => added), sum(({ known }) => known)], [1, 5_000])
    assert.deepStrictEqual(
      commands.flatMap(({ covered }) => covered ?? []),
      [covered],
    )
    assert.deepStrictEqual(commands.at(-1)?.backfill, ["old"])
  })
})

describe("what is covered", () => {
  const june = { from: "2026-06-01", to: "2026-06-30" }
  for (const [what, question, answer] of [
    [
      "begins with the first delivery",
      { own: undefined, others: [], from: "2026-06-01" },
      { covered: { from: "2026-06-01", to: "2026-08-10" } },
    ],
    ["is not known where nothing tells", { own: undefined, others: [], from: undefined }, {}],
    ["goes on", { own: june, others: [], from: undefined }, { covered: { from: "2026-06-01", to: "2026-08-10" } }],
    [
      "reaches further back when more is delivered",
      { own: june, others: [], from: "2026-04-01" },
      { covered: { from: "2026-04-01", to: "2026-08-10" } },
    ],
    [
      "goes on from the day after another feed's last",
      { own: undefined, others: [june], from: "2026-07-01" },
      { covered: { from: "2026-07-01", to: "2026-08-10" } },
    ],
    [
      "has a gap after another feed's last day",
      { own: undefined, others: [june], from: "2026-07-03" },
      { covered: { from: "2026-07-03", to: "2026-08-10" }, gap: { from: "2026-07-01", to: "2026-07-02" } },
    ],
    [
      "has a gap where the feed itself has a hole",
      { own: june, others: [], from: "2026-07-03" },
      { covered: { from: "2026-07-03", to: "2026-08-10" }, gap: { from: "2026-07-01", to: "2026-07-02" } },
    ],
    [
      "has no gap where another feed covers it",
      { own: june, others: [{ from: "2026-06-15", to: "2026-07-20" }], from: "2026-07-10" },
      { covered: { from: "2026-07-10", to: "2026-08-10" } },
    ],
    [
      "has no gap before everything that is held",
      { own: undefined, others: [june], from: "2026-01-01" },
      { covered: { from: "2026-01-01", to: "2026-08-10" } },
    ],
  ] as const) {
    it(`${what}`, () => {
      assert.deepStrictEqual<unknown>(Coverage.extend({ ...question, to: "2026-08-10" }), answer)
    })
  }
})
