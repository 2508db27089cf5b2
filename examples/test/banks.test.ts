import { assert, describe, it, layer } from "@effect/vitest"
import { PlaidApi, PlaidConnect, PlaidProvider } from "@holdfast/adapters-plaid"
import { institution, PlaidSimulator } from "@holdfast/adapters-plaid/testing"
import { Ids, Links, type MasterKeys, Memory, Sync } from "@holdfast/domain"
import { Store } from "@holdfast/store-postgres"
import { Effect, Layer, Redacted, Result } from "effect"

import {
  account,
  banking,
  bankingFor,
  Calendar,
  calendar,
  chase,
  connect,
  connectionOf,
  consent,
  disconnect,
  expire,
  household,
  itemOf,
  Person,
  plaid,
  seen,
  settled,
  somebody,
  sync,
  views,
} from "./banks.ts"
import { type CrashPoint, crashing, untilThrough } from "./crashes.ts"

const masterKeys: MasterKeys.Options = { current: "test", keys: { test: Redacted.make(new Uint8Array(32).fill(1)) } }

const stores = { memory: Memory.layer, PGlite: Store.layerPglite({ masterKeys }) }

describe.each(Object.entries(stores))("banks on %s", (_, store) => {
  const world = Layer.merge(Layer.fresh(plaid), views).pipe(Layer.provideMerge(store))

  layer(world, { excludeTestServices: true, timeout: "3 minutes" })((it) => {
    it.effect("consent that ran out: 500 transactions stay, and some 90 are fetched", () =>
      Effect.gen(function* () {
        const { clock, pass } = calendar()
        const simulator = yield* PlaidSimulator
        yield* Effect.gen(function* () {
          const { accounts, login } = yield* bankingFor(household, [300, 50, 150])
          const first = yield* connect(login)
          assert.strictEqual((yield* sync(first.connectionId)).added, 500)
          const before = yield* seen

          yield* pass("90 days")
          yield* expire(login, first.connectionId)
          assert.strictEqual((yield* connectionOf(first.connectionId)).status, "needs_reauth")
          for (const [index, count] of [44, 8, 22].entries()) {
            yield* banking(accounts[index] ?? "", { count, days: 90 })
          }

          yield* simulator.forgetRequests
          const second = yield* connect(login, { reconnects: first.connectionId })
          const report = yield* sync(second.connectionId)
          const after = yield* seen

          assert.deepInclude(yield* connectionOf(second.connectionId), {
            is_reconnection: true,
            reconnected_from: first.connectionId,
            reconnection_confidence: "high",
            total_accounts: 3,
          })
          assert.deepInclude(yield* connectionOf(first.connectionId), {
            status: "superseded",
            superseded_by: second.connectionId,
          })
          assert.deepStrictEqual(idsOf(after), idsOf(before))
          assert.deepStrictEqual(countsOf(after), [344, 58, 172])
          assert.strictEqual(report.added, 74)
          assert.isAtMost(report.added + report.known, 95)
          assert.strictEqual(yield* simulator.count("/transactions/get"), 3)
          const calls = yield* simulator.requests
          assert.isAtMost(calls.length, 20)
          assert.isDefined((yield* simulator.items).find(({ ended }) => ended === "removed"))
        }).pipe(Effect.provideService(Person, somebody()), Effect.provideService(Calendar, clock))
      }),
    )

    it.effect("deleted by accident: all of the history is there again, and nothing is in it twice", () =>
      Effect.gen(function* () {
        const { login } = yield* bankingFor(household, [60, 12, 30])
        const first = yield* connect(login)
        yield* sync(first.connectionId)
        const before = yield* seen
        yield* disconnect(first.connectionId)
        assert.strictEqual((yield* itemOf(login)).ended, "removed")

        const second = yield* connect(login)
        const report = yield* sync(second.connectionId)
        const after = yield* seen
        assert.deepStrictEqual(idsOf(after), idsOf(before))
        assert.deepStrictEqual(linesOf(after), linesOf(before))
        assert.strictEqual(report.added, 0)
        assert.isAtMost(report.known, 20)
        assert.deepInclude(yield* connectionOf(second.connectionId), {
          is_reconnection: true,
          reconnected_from: first.connectionId,
          reconnection_confidence: "high",
        })
      }).pipe(Effect.provideService(Person, somebody())),
    )

    it.effect("a new account at the same bank: the one that is held stays, and the other one is added", () =>
      Effect.gen(function* () {
        const simulator = yield* PlaidSimulator
        const { login } = yield* bankingFor([account("Everyday Checking", "1111")], [40])
        const first = yield* connect(login)
        yield* sync(first.connectionId)
        const before = yield* seen
        const savings = yield* simulator.openAccount(login, account("Savings", "7777", { subtype: "savings" }))
        yield* simulator.seedHistory(savings, { count: 9, days: 20 })
        yield* expire(login, first.connectionId)
        const second = yield* connect(login, { reconnects: first.connectionId })
        yield* sync(second.connectionId)
        const after = yield* seen
        assert.deepStrictEqual(
          after.accounts.map(({ mask, feeds }) => [mask, feeds.length]),
          [
            ["1111", 2],
            ["7777", 1],
          ],
        )
        assert.strictEqual(after.accounts[0]?.account_id, before.accounts[0]?.account_id)
        assert.deepStrictEqual(countsOf(after), [40, 9])
      }).pipe(Effect.provideService(Person, somebody())),
    )

    it.effect("two logins at one bank stand side by side", () =>
      Effect.gen(function* () {
        const one = yield* bankingFor([account("Everyday Checking", "1111")], [20])
        const other = yield* bankingFor([account("Business Checking", "8888")], [10])
        const first = yield* connect(one.login)
        yield* sync(first.connectionId)
        const second = yield* connect(other.login)
        yield* sync(second.connectionId)
        const { accounts, connections, reviews } = yield* seen
        assert.deepStrictEqual(new Set(connections.map(({ status }) => status)), new Set(["active"]))
        assert.deepStrictEqual(
          accounts.map(({ connection_id }) => connection_id),
          [first.connectionId, second.connectionId],
        )
        assert.deepStrictEqual(reviews, [])
      }).pipe(Effect.provideService(Person, somebody())),
    )

    it.effect("a joint account of two owners is one account, and both connections stay", () =>
      Effect.gen(function* () {
        const ada = somebody()
        const simulator = yield* PlaidSimulator
        const mine = yield* bankingFor([account("Joint Checking", "5555")], [40], { institution: chase })
        const theirs = yield* simulator.addLogin({ institutionId: chase, accounts: [account("Own", "9191")] })
        yield* simulator.shareAccount(mine.accounts[0] ?? "", theirs.login)
        const connected = (login: string, owner: string) =>
          Effect.gen(function* () {
            const { connectionId } = yield* connect(login)
            yield* sync(connectionId)
            return yield* seen
          }).pipe(Effect.provideService(Person, { ...ada, ownerId: Ids.OwnerId.make(owner) }))
        yield* connected(mine.login, "ada")
        const { accounts, connections, transactions } = yield* connected(theirs.login, "grace")
        assert.deepStrictEqual(
          connections.map(({ status }) => status),
          ["active", "active"],
        )
        assert.deepStrictEqual(
          accounts.map(({ feeds, mask }) => [mask, feeds.length]),
          [
            ["5555", 2],
            ["9191", 1],
          ],
        )
        assert.strictEqual(transactions[0]?.length, 40)
      }),
    )

    it.effect("another login than the one to be mended is refused; whoever insists gets a connection beside it", () =>
      Effect.gen(function* () {
        const one = yield* bankingFor([account("Everyday Checking", "1111")], [20], { institution: chase })
        const other = yield* bankingFor([account("Business Checking", "8888")], [10], { institution: chase })
        const first = yield* connect(one.login)
        yield* sync(first.connectionId)
        yield* expire(one.login, first.connectionId)
        const before = yield* seen

        const wrong = yield* consent(other.login, { reconnects: first.connectionId })
        const refused = yield* Effect.flip(PlaidConnect.complete(wrong))
        assert.strictEqual(refused._tag, "AnotherLogin")
        assert.deepStrictEqual(yield* seen, before)

        const { connectionId } = yield* PlaidConnect.complete({ ...wrong, asNew: true })
        assert.deepInclude(yield* connectionOf(connectionId), { status: "active", is_reconnection: false })
        assert.strictEqual((yield* connectionOf(first.connectionId)).status, "needs_reauth")
      }).pipe(Effect.provideService(Person, somebody())),
    )

    it.effect("a bank that migrates gets a new id, and its accounts stay the same", () =>
      Effect.gen(function* () {
        const simulator = yield* PlaidSimulator
        const migrated = institution("ins_900001", "First Platypus Bank", { oauth: true })
        yield* simulator.addInstitution(migrated)
        const { login } = yield* bankingFor(household, [80, 20, 40])
        const first = yield* connect(login)
        yield* sync(first.connectionId)
        const before = yield* seen
        yield* simulator.migrateLogin(login, migrated.id, 0)
        yield* Effect.exit(sync(first.connectionId))
        const second = yield* connect(login, { reconnects: first.connectionId })
        yield* sync(second.connectionId)
        const after = yield* seen
        assert.deepStrictEqual(idsOf(after), idsOf(before))
        assert.deepStrictEqual(linesOf(after), linesOf(before))
        assert.strictEqual((yield* connectionOf(second.connectionId)).reconnected_from, first.connectionId)
      }).pipe(Effect.provideService(Person, somebody())),
    )

    it.effect("a card that was replaced is never doubled: it is recognised, or a person is asked", () =>
      Effect.gen(function* () {
        const simulator = yield* PlaidSimulator
        const { accounts, login } = yield* bankingFor(household, [40, 10, 40])
        const first = yield* connect(login)
        yield* sync(first.connectionId)
        const before = yield* seen
        yield* simulator.replaceCard(accounts[2] ?? "", "9999")
        yield* expire(login, first.connectionId)
        const second = yield* connect(login, { reconnects: first.connectionId })
        yield* sync(second.connectionId)
        yield* answering(second.connectionId, before.accounts[2]?.account_id)
        const after = yield* seen
        assert.sameMembers(idsOf(after), idsOf(before))
        assert.deepStrictEqual(countsOf(after), countsOf(before))
      }).pipe(Effect.provideService(Person, somebody())),
    )

    it.effect(
      "an account that Plaid takes for another one within its Item is never doubled: it is recognised, or a person is asked",
      () =>
        Effect.gen(function* () {
          const simulator = yield* PlaidSimulator
          const { accounts, login } = yield* bankingFor(household, [40, 10, 30])
          const { connectionId } = yield* connect(login)
          yield* sync(connectionId)
          const before = yield* seen
          yield* simulator.changeAccount(accounts[0] ?? "", { name: "Everyday Checking" }, true)
          yield* sync(connectionId)
          yield* answering(connectionId, before.accounts[0]?.account_id)
          const after = yield* seen
          assert.deepStrictEqual(idsOf(after), idsOf(before))
          assert.deepStrictEqual(linesOf(after), linesOf(before))
          assert.strictEqual(after.accounts[0]?.feeds.length, 2)
        }).pipe(Effect.provideService(Person, somebody())),
    )
  })
})

type Seen = Effect.Success<typeof seen>

const idsOf = ({ accounts }: Seen) => accounts.map(({ account_id }) => account_id)

const countsOf = ({ transactions }: Seen) => transactions.map(({ length }) => length)

/** What the transactions of each account say, whatever they are called. */
const linesOf = ({ transactions }: Seen) =>
  transactions.map((rows) => rows.map(({ amount, date, description }) => `${date} ${amount} ${description}`).toSorted())

/** What a person answers who knows which account it is. */
const answering = Effect.fnUntraced(function* (connectionId: Ids.ConnectionId, account: Ids.AccountId | undefined) {
  const { ownerId, tenantId } = yield* Person
  const provider = yield* PlaidProvider.make
  for (const review of (yield* seen).reviews) {
    assert.strictEqual(review.candidates[0]?.["accountId"], account)
    const question = { connectionId, reviewId: review.review_id }
    const by: Links.By = { tenantId, actor: { kind: "owner", id: ownerId } }
    yield* Links.resolve(provider, question, account ?? "another", by)
  }
})

/** Every write to the store and the vault, and every call to Plaid, counted; one of them is the last. */
const crashingAtPlaidToo = (point: CrashPoint | undefined) => {
  const { count, layer, step } = crashing(point)
  const api = Layer.effect(
    PlaidApi.PlaidApi,
    Effect.map(PlaidApi.PlaidApi, (api) =>
      PlaidApi.PlaidApi.of({
        ...api,
        linkToken: (request) => step(api.linkToken(request)),
        exchange: (token) => step(api.exchange(token)),
        item: (access) => {
          const item = api.item(access)
          return {
            get: step(item.get),
            remove: step(item.remove),
            accounts: step(item.accounts),
            numbers: step(item.numbers),
            holders: step(item.holders),
            sync: (options) => step(item.sync(options)),
            transactions: (options) => step(item.transactions(options)),
          }
        },
      }),
    ),
  )
  return { count, layer: Layer.merge(layer, api) }
}

const asked = untilThrough(PlaidConnect.recover())

/** A person who wants the bank connected: reloads the page after an error, and begins anew when that is refused. */
const connectAtLast = Effect.fnUntraced(function* (login: string, reconnects?: Ids.ConnectionId) {
  for (;;) {
    const given = yield* asked(consent(login, reconnects === undefined ? {} : { reconnects }))
    const answer = yield* Effect.result(asked(PlaidConnect.complete(given)))
    if (Result.isSuccess(answer)) return answer.success.connectionId
    // The key is lost with the process that died between the answer and the vault: all that can be had is another Item.
    assert.strictEqual(answer.failure._tag, "ExchangeLost")
  }
})

const story = Effect.gen(function* () {
  const simulator = yield* PlaidSimulator
  const { ownerId, tenantId } = yield* Person
  const by: Links.By = { tenantId, actor: { kind: "owner", id: ownerId } }
  const provider = yield* PlaidProvider.make
  const look = (connectionId: Ids.ConnectionId) => asked(Sync.run(provider, tenantId, connectionId))

  const mine = yield* bankingFor(household.slice(0, 2), [24, 6], { days: 60 })
  const first = yield* connectAtLast(mine.login)
  yield* look(first)
  yield* simulator.expireConsent((yield* itemOf(mine.login)).itemId)
  yield* Effect.ignore(look(first))
  yield* settled
  yield* banking(mine.accounts[0] ?? "", { count: 4, days: 5 })
  const second = yield* connectAtLast(mine.login, first)
  yield* look(second)

  const other = yield* bankingFor([account("Old Checking", "7070")], [24], { days: 60 })
  const third = yield* connectAtLast(other.login)
  yield* look(third)
  const held = (yield* seen).accounts
  const pair = {
    kept: held.find(({ mask }) => mask === "1111")?.account_id ?? (yield* Effect.die("no account")),
    absorbed: held.find(({ mask }) => mask === "7070")?.account_id ?? (yield* Effect.die("no account")),
  }
  yield* asked(merged(provider, pair, by))
  yield* asked(PlaidConnect.recover())
  const alive = (yield* simulator.items).filter(({ ended }) => ended === null).length
  return { first, second, third, alive }
})

/** A person who presses the button again finds that it is done. */
const merged = (provider: Links.Reader, pair: Links.Pair, by: Links.By) =>
  Effect.catchTag(Links.merge(provider, pair, by), "AccountMerged", () => Effect.void)

const run = (point: CrashPoint | undefined) => {
  const { count, layer } = crashingAtPlaidToo(point)
  return story.pipe(
    Effect.flatMap((told) => Effect.map(seen, (seen) => ({ ...told, ...seen, steps: count.steps }))),
    Effect.provideService(Person, somebody()),
    Effect.provide(
      Layer.merge(layer, views).pipe(
        Layer.provideMerge(Layer.fresh(plaid)),
        Layer.provideMerge(Layer.fresh(Memory.layer)),
      ),
    ),
  )
}

type Run = Effect.Success<ReturnType<typeof run>>

/** All that can be seen, with connections called by their part in the story. */
const stateOf = ({ accounts, connections, first, reviews, second, third, transactions }: Run) => {
  const parts = new Map([
    [first, "first"],
    [second, "second"],
    [third, "third"],
  ])
  const part = (id: unknown) => (typeof id === "string" ? (parts.get(Ids.ConnectionId.make(id)) ?? "another") : null)
  return {
    connections: connections
      .map((row) => ({
        part: part(row.connection_id),
        status: row.status,
        by: part(row.superseded_by),
        from: part(row.reconnected_from),
        confidence: row.reconnection_confidence,
        accounts: row.total_accounts,
        transactions: row.total_transactions,
      }))
      .toSorted((a, b) => (a.part ?? "").localeCompare(b.part ?? "")),
    accounts: accounts.map((row) => ({
      name: row.name,
      status: row.status,
      confidence: row.confidence,
      feeds: row.feeds.map(({ connectionId }) => part(connectionId)),
      items: row.items,
      covered: [row.covered_from, row.covered_to],
      gaps: row.gaps,
    })),
    transactions: linesOf({ accounts, connections, reviews, transactions }),
    reviews: reviews.length,
  }
}

describe("a crash at any write or call of connect, resume and merge", () => {
  it.live(
    "leads to the same state as none",
    () =>
      Effect.gen(function* () {
        const untroubled = yield* run(undefined)
        assert.deepStrictEqual(
          stateOf(untroubled).connections.map(({ part, status }) => [part, status]),
          [
            ["first", "superseded"],
            ["second", "active"],
            ["third", "active"],
          ],
        )
        assert.strictEqual(untroubled.alive, 2)
        for (const moment of ["before", "after"] as const) {
          const crashes = Array.from({ length: untroubled.steps }, (_, index) => ({ step: index + 1, moment }))
          yield* Effect.forEach(
            crashes,
            (point) =>
              Effect.map(run(point), (troubled) => {
                const at = `crashed ${moment} step ${point.step}`
                assert.deepStrictEqual(stateOf(troubled), stateOf(untroubled), at)
                // Of an exchange whose answer is lost, the Item stays with Plaid; nothing else is left to be paid for.
                assert.isAtMost(troubled.alive, untroubled.alive + 1, at)
              }),
            { concurrency: 4 },
          )
        }
      }),
    600_000,
  )
})
