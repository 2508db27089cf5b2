import { assert, describe, it } from "@effect/vitest"
import { Connection, type Provider } from "@holdfast/domain"
import { DateTime, Effect, Layer, Redacted } from "effect"

import { PlaidApi, PlaidProvider, PlaidSecret } from "../src/index.ts"
import { type Options, PlaidSimulator } from "../src/testing/index.ts"
import { feedOf, pages, simulated, tagOf } from "./support.ts"

const sync = "/transactions/sync"

/** An Item with one account, and a reader that keeps what its feed would hold. */
const opened = Effect.fnUntraced(function* (days = 730) {
  const simulator = yield* PlaidSimulator
  const bank = yield* simulator.addLogin({
    institutionId: "ins_109508",
    accounts: [
      { name: "Checking", mask: "0011" },
      { name: "Savings", mask: "0022", subtype: "savings" },
    ],
  })
  const [checking = "", savings = ""] = bank.accounts
  const item = yield* simulator.connect({ login: bank.login, daysRequested: days })
  const accountId = (account: string) => item.accounts.find((one) => one.account === account)?.accountId ?? ""
  const today = yield* simulator.now
  const provider = yield* PlaidProvider.make
  const secret = PlaidSecret.write({
    _tag: "Granted",
    session: "",
    answer: "",
    expiresAt: today,
    metadata: { accounts: [] },
    accessToken: item.accessToken,
    itemId: item.itemId,
    historyFrom: Connection.Day.make(DateTime.formatIsoDateUtc(DateTime.subtract(today, { days }))),
  })
  return { simulator, checking, savings, item, accountId, provider, secret, today }
})

/** What Plaid has of an account now, asked for from the beginning. */
const amountsAt = Effect.fnUntraced(function* (account: string) {
  const simulator = yield* PlaidSimulator
  const items = yield* simulator.items
  const ours = items.find(({ accounts }) => accounts.some((one) => one.account === account))
  const accountId = ours?.accounts.find((one) => one.account === account)?.accountId ?? ""
  const api = yield* PlaidApi.PlaidApi
  const item = api.item({ itemId: ours?.itemId ?? "", accessToken: Redacted.make(ours?.accessToken ?? "") })
  const amounts: Array<number> = []
  let cursor: string | null = null
  for (;;) {
    const page: PlaidApi.SyncPage = yield* item.sync({ accountId, cursor, count: 500 })
    amounts.push(...page.added.map(({ amount }) => Number(amount)))
    cursor = page.next_cursor
    if (!page.has_more) return amounts.toSorted((one, other) => one - other)
  }
})

const inWorld = <A, E>(effect: Effect.Effect<A, E, PlaidApi.PlaidApi | PlaidSimulator>, options: Options = {}) =>
  Effect.provide(effect, simulated(options))

const day = (now: DateTime.Utc, ago: number) => DateTime.formatIsoDateUtc(DateTime.subtract(now, { days: ago }))

describe("A bank account's feed", () => {
  it.live("is one for each account that has transactions, described as the bank has it", () =>
    inWorld(
      Effect.gen(function* () {
        const { accountId, checking, provider, savings, secret } = yield* opened()
        const sources = yield* provider.sources(secret)
        assert.deepStrictEqual(
          sources.map(({ key }) => key),
          [accountId(checking), accountId(savings)],
        )
        assert.deepInclude(sources[0]?.account, { mask: "0011", name: "Checking", currency: "USD", type: "depository" })
      }),
    ),
  )

  it.live("delivers an update of many pages as one, and what follows in one call", () =>
    inWorld(
      Effect.gen(function* () {
        const { accountId, checking, provider, secret, simulator } = yield* opened()
        yield* simulator.seedHistory(checking, { count: 95, days: 300 })
        const feed = feedOf(provider, secret, accountId(checking))
        yield* feed.all
        assert.deepStrictEqual([feed.pages.length, feed.rows.size], [1, 95])
        assert.strictEqual(feed.pages[0]?.coversFrom, day(yield* simulator.now, 730))
        assert.strictEqual(yield* simulator.count(sync), 10)
        yield* simulator.addTransaction(checking, { amount: 7, date: day(yield* simulator.now, 0), name: "Tea" })
        yield* feed.all
        assert.strictEqual(feed.rows.size, 96)
        assert.strictEqual(yield* simulator.count(sync), 11)
      }).pipe(Effect.provide(pages(10))),
    ),
  )

  it.live("has a stream of its own: one account's news are none of another's", () =>
    inWorld(
      Effect.gen(function* () {
        const { accountId, checking, provider, savings, secret, simulator } = yield* opened()
        yield* simulator.seedHistory(checking, { count: 20, days: 60 })
        yield* simulator.seedHistory(savings, { count: 5, days: 60 })
        const one = feedOf(provider, secret, accountId(checking))
        const other = feedOf(provider, secret, accountId(savings))
        yield* one.all
        yield* other.all
        assert.deepStrictEqual([one.rows.size, other.rows.size], [20, 5])
      }),
    ),
  )

  it.live("R30 reads an update that changes under it again from its first cursor, and tells nothing twice", () =>
    inWorld(
      Effect.gen(function* () {
        const { accountId, checking, provider, secret, simulator } = yield* opened()
        yield* simulator.seedHistory(checking, { count: 40, days: 100 })
        const feed = feedOf(provider, secret, accountId(checking))
        yield* feed.all
        yield* simulator.seedHistory(checking, { count: 40, days: 50, seed: "more" })
        const today = day(yield* simulator.now, 0)
        yield* simulator.before(
          sync,
          Effect.orDie(Effect.asVoid(simulator.addTransaction(checking, { amount: 1_234, date: today, name: "Late" }))),
          2,
        )
        yield* simulator.forgetRequests
        yield* feed.all
        assert.strictEqual(feed.rows.size, 81)
        assert.strictEqual(feed.repeated, 0)
        const codes = (yield* simulator.requests).map(({ errorCode }) => errorCode).filter((code) => code !== undefined)
        assert.deepStrictEqual(codes, ["TRANSACTIONS_SYNC_MUTATION_DURING_PAGINATION"])
      }).pipe(Effect.provide(pages(10))),
    ),
  )

  it.live("R30 keeps its place when a page of an update cannot be had", () =>
    inWorld(
      Effect.gen(function* () {
        const { accountId, checking, provider, secret, simulator } = yield* opened()
        yield* simulator.seedHistory(checking, { count: 40, days: 100 })
        const feed = feedOf(provider, secret, accountId(checking))
        yield* simulator.fail({ failure: "internalError", endpoint: sync, after: 2 })
        assert.strictEqual(yield* tagOf(feed.next), "Unavailable")
        assert.strictEqual(feed.rows.size, 0)
        yield* feed.all
        assert.deepStrictEqual([feed.rows.size, feed.repeated], [40, 0])
      }).pipe(Effect.provide(pages(10))),
    ),
  )

  it.live("is delivered in parts when it is long, and stays whole while it changes between them", () =>
    inWorld(
      Effect.gen(function* () {
        const { accountId, checking, provider, secret, simulator } = yield* opened()
        const ids = yield* simulator.seedHistory(checking, { count: 100, days: 300 })
        const today = day(yield* simulator.now, 0)
        const pending = yield* simulator.addTransaction(checking, {
          amount: 5,
          date: today,
          name: "Bar",
          pending: true,
        })
        const feed = feedOf(provider, secret, accountId(checking))
        assert.isFalse((yield* feed.next).complete)
        // One that was told, one that was not, and a pending one that is posted under another id.
        yield* simulator.removeTransaction(ids[0] ?? "")
        yield* simulator.modifyTransaction(ids[1] ?? "", { amount: 4_321 })
        yield* simulator.removeTransaction(ids[99] ?? "")
        yield* simulator.postTransaction(pending, { amount: 6.5, tellsPending: false })
        yield* feed.all
        assert.deepStrictEqual(feed.amounts(), yield* amountsAt(checking))
        assert.strictEqual(feed.repeated, 0)
        assert.isAbove(feed.pages.length, 3)
      }).pipe(Effect.provide(pages(10, 30))),
    ),
  )

  it.live("comes whole out of a crash between any two parts", () =>
    inWorld(
      Effect.gen(function* () {
        const { accountId, checking, provider, secret, simulator } = yield* opened()
        yield* simulator.seedHistory(checking, { count: 75, days: 300 })
        const feed = feedOf(provider, secret, accountId(checking))
        for (;;) {
          // What was fetched by a process that died is fetched again: nothing of it was recorded.
          yield* feed.page
          if ((yield* feed.next).complete) break
        }
        assert.deepStrictEqual([feed.rows.size, feed.repeated], [75, 0])
      }).pipe(Effect.provide(pages(10, 20))),
    ),
  )

  it.live("waits for what Plaid has not read yet, and asks from the beginning then", () =>
    inWorld(
      Effect.gen(function* () {
        const { accountId, checking, provider, secret, simulator } = yield* opened()
        yield* simulator.seedHistory(checking, { count: 40, days: 300 })
        const feed = feedOf(provider, secret, accountId(checking))
        assert.deepInclude(yield* feed.next, { complete: true, items: [] })
        yield* simulator.advance("2 minutes")
        yield* feed.all
        assert.isUndefined(feed.pages.at(-1)?.coversFrom)
        yield* simulator.advance("2 hours")
        yield* feed.all
        assert.strictEqual(feed.rows.size, 40)
        assert.isDefined(feed.pages.at(-1)?.coversFrom)
      }),
      { readiness: { initial: 60_000, historical: 3_600_000 } },
    ),
  )

  it.live("is listed anew when Plaid does not know its cursor any more", () =>
    inWorld(
      Effect.gen(function* () {
        const { accountId, checking, provider, secret } = yield* opened()
        const places = [
          { follow: { cursor: "bm90IG91cnM=", from: "2024-01-01" } },
          { update: { began: null, next: null, since: "bm90IG91cnM=", from: "2024-01-01" } },
          { list: { from: "2024-01-01", to: "2024-12-31", since: "bm90IG91cnM=" } },
        ]
        for (const place of places) {
          const page = provider.page(
            secret,
            { key: accountId(checking) },
            JSON.stringify(place),
            () => false,
            undefined,
          )
          assert.strictEqual(yield* tagOf(page), "CursorExpired")
        }
        const foreign = provider.page(secret, { key: accountId(checking) }, "not ours", () => false, undefined)
        assert.strictEqual(yield* tagOf(foreign), "UnexpectedAnswer")
      }),
    ),
  )
})

describe("A feed whose cursor Plaid forgot", () => {
  for (const [how, part] of [
    ["in one page", 10_000],
    ["in parts", 20],
  ] as const) {
    it.live(`is what Plaid has, ${how}: with what changed, and without what went while nobody was told`, () =>
      inWorld(
        Effect.gen(function* () {
          const { accountId, checking, item, provider, secret, simulator, today } = yield* opened()
          yield* simulator.seedHistory(checking, { count: 45, days: 200 })
          const tea = { amount: 7, date: day(today, 3), name: "Tea" }
          const dearer = yield* simulator.addTransaction(checking, tea)
          const gone = yield* simulator.addTransaction(checking, tea)
          const feed = feedOf(provider, secret, accountId(checking))
          yield* feed.all
          yield* simulator.modifyTransaction(dearer, { amount: 8 })
          yield* simulator.removeTransaction(gone)
          yield* simulator.addTransaction(checking, { ...tea, amount: 9 })
          yield* simulator.forgetCursors(item.itemId)
          assert.strictEqual(yield* tagOf(feed.page), "CursorExpired")
          feed.beginAnew()
          yield* feed.all
          assert.deepStrictEqual(feed.amounts(), yield* amountsAt(checking))
          assert.strictEqual(feed.repeated, 0)
        }),
      ).pipe(Effect.provide(pages(10, part))),
    )
  }
})

describe("A feed that is resumed from a day", () => {
  it.live("fetches what was booked since, and nothing before", () =>
    inWorld(
      Effect.gen(function* () {
        const { accountId, checking, provider, secret, simulator, today } = yield* opened()
        yield* simulator.seedHistory(checking, { count: 500, days: 500 })
        const from = day(today, 30)
        yield* simulator.forgetRequests
        const feed = feedOf(provider, secret, accountId(checking), from)
        yield* feed.all
        const dates = [...feed.rows.values()].map((row) => (row as { readonly date: string }).date)
        assert.isAbove(dates.length, 5)
        assert.isBelow(dates.length, 60)
        assert.isTrue(dates.every((date) => date >= from))
        assert.strictEqual(feed.pages.at(-1)?.coversFrom, from)
        assert.deepStrictEqual(
          (yield* simulator.requests).map(({ endpoint }) => endpoint),
          [sync, "/transactions/get", sync],
        )
      }),
    ),
  )

  it.live("does not keep what was booked and taken back while it read: no update tells of that", () =>
    inWorld(
      Effect.gen(function* () {
        const { accountId, checking, secret, simulator, today } = yield* opened()
        yield* simulator.seedHistory(checking, { count: 20, days: 20 })
        const api = yield* PlaidApi.PlaidApi
        let isFirst = true
        const provider = yield* Effect.provideService(PlaidProvider.make, PlaidApi.PlaidApi, {
          ...api,
          item: (access) => {
            const item = api.item(access)
            const transactions: typeof item.transactions = (query) => {
              if (!isFirst) return item.transactions(query)
              isFirst = false
              const brief = { amount: 9, date: day(today, 3), name: "Brief" }
              return Effect.acquireUseRelease(
                Effect.orDie(simulator.addTransaction(checking, brief)),
                () => item.transactions(query),
                (row) => Effect.orDie(simulator.removeTransaction(row)),
              )
            }
            return { ...item, transactions }
          },
        })
        const feed = feedOf(provider, secret, accountId(checking), day(today, 100))
        yield* feed.all
        assert.deepStrictEqual(feed.amounts(), yield* amountsAt(checking))
      }),
    ),
  )

  it.live("waits until Plaid has read the whole history, which would come as news otherwise", () =>
    inWorld(
      Effect.gen(function* () {
        const { accountId, checking, provider, secret, simulator, today } = yield* opened()
        yield* simulator.seedHistory(checking, { count: 300, days: 300 })
        const from = day(today, 10)
        const feed = feedOf(provider, secret, accountId(checking), from)
        yield* simulator.advance("2 minutes")
        yield* feed.all
        assert.strictEqual(feed.rows.size, 0)
        yield* simulator.advance("2 hours")
        yield* feed.all
        assert.isTrue([...feed.rows.values()].every((row) => (row as { readonly date: string }).date >= from))
        assert.isAbove(feed.rows.size, 0)
      }),
      { readiness: { initial: 60_000, historical: 3_600_000 } },
    ),
  )

  it.live("R29 covers what Plaid has, where that is less than what is asked for", () =>
    inWorld(
      Effect.gen(function* () {
        const { accountId, checking, provider, secret, simulator, today } = yield* opened(90)
        yield* simulator.seedHistory(checking, { count: 50, days: 90 })
        const feed = feedOf(provider, secret, accountId(checking), day(today, 137))
        yield* feed.all
        assert.strictEqual(feed.pages.at(-1)?.coversFrom, day(today, 90))
      }),
    ),
  )
})

describe("What several pages of an update say of one transaction", () => {
  const row = (transaction_id: string, amount: number) => ({ transaction_id, amount })
  const said = (pages: ReadonlyArray<Partial<PlaidApi.SyncPage>>, held: ReadonlyArray<string> = []) =>
    Effect.gen(function* () {
      const sync = ({ cursor }: { readonly cursor: string | null }) =>
        Effect.succeed({
          added: [],
          modified: [],
          removed: [],
          next_cursor: String(Number(cursor ?? 0) + 1),
          has_more: Number(cursor ?? 0) + 1 < pages.length,
          ...pages[Number(cursor ?? 0)],
        } satisfies PlaidApi.SyncPage)
      const item = Layer.mock(PlaidApi.PlaidApi)({
        daysRequested: 730,
        item: () => ({ ...unasked, sync }),
      })
      const provider = yield* Effect.provide(PlaidProvider.make, item)
      const secret = PlaidSecret.write({
        _tag: "Granted",
        session: "",
        answer: "",
        expiresAt: DateTime.makeUnsafe(0),
        metadata: { accounts: [] },
        accessToken: "",
        itemId: "item",
        historyFrom: Connection.Day.make("2025-01-01"),
      })
      const page = yield* provider.page(secret, { key: "a" }, null, (id) => held.includes(id), undefined)
      const amounts = (items: Provider.Page["items"] = []) =>
        items.map(({ content, id }) => `${id}=${(content as { readonly amount: number }).amount}`)
      return { items: amounts(page.items), revised: amounts(page.revised), withdrawn: page.withdrawn }
    })
  const unasked = {
    get: Effect.die("not asked"),
    remove: Effect.die("not asked"),
    accounts: Effect.die("not asked"),
    numbers: Effect.die("not asked"),
    holders: Effect.die("not asked"),
    transactions: () => Effect.die("not asked"),
  }

  it.effect("is what the last of them says", () =>
    Effect.gen(function* () {
      const added = { added: [row("x", 1)] }
      const modified = { modified: [row("x", 2)] }
      const removed = { removed: [{ transaction_id: "x" }] }
      assert.deepInclude(yield* said([added, modified]), { items: ["x=2"], revised: [] })
      assert.deepInclude(yield* said([added, removed]), { items: [], revised: [], withdrawn: [] })
      assert.deepInclude(yield* said([modified, removed], ["x"]), { items: [], revised: [], withdrawn: ["x"] })
      assert.deepInclude(yield* said([removed, added], ["x"]), { items: [], withdrawn: [] })
      assert.deepInclude(yield* said([modified], ["x"]), { items: [], revised: ["x=2"] })
      assert.deepInclude(yield* said([modified]), { items: ["x=2"], revised: [] })
    }),
  )
})
