import { createHash } from "node:crypto"

import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, DateTime, Effect, Fiber, Schema } from "effect"
import { TestClock } from "effect/testing"
import { decodeJwt, decodeProtectedHeader, importJWK, jwtVerify } from "jose"
import {
  CountryCode,
  Products,
  SandboxItemFireWebhookRequestWebhookCodeEnum,
  type Transaction,
  TransactionsUpdateStatus,
} from "plaid"

import { institutions, PlaidSimulator, productionLimits, sandboxLimits } from "../src/testing/index.ts"
import { Quotas } from "../src/testing/Quotas.ts"
import { SyncLog } from "../src/testing/SyncLog.ts"
import { describedEndpoints, fieldsOf } from "./PlaidOpenapi.ts"
import {
  call,
  clientOf,
  codeOf,
  asking,
  impatiently,
  receiver,
  syncAll,
  transactionsOf,
} from "./PlaidSimulator.support.ts"

const startAt = DateTime.makeUnsafe("2026-03-02T09:00:00Z")
const simulated = (options: Parameters<typeof PlaidSimulator.layer>[0] = {}) =>
  PlaidSimulator.layer({ startAt, ...options })

const checking = { name: "Everyday Checking", mask: "0042", subtype: "checking" }
const savings = { name: "Rainy Day Savings", mask: "0043", subtype: "savings" }

const ada = Effect.fnUntraced(function* (institutionId = "ins_109508") {
  const simulator = yield* PlaidSimulator
  const { accounts, login } = yield* simulator.addLogin({ institutionId, accounts: [checking, savings] })
  const [first = "", second = ""] = accounts
  return { login, checking: first, savings: second }
})

const linked = Effect.fnUntraced(function* (login: string, accounts?: ReadonlyArray<string>) {
  const simulator = yield* PlaidSimulator
  const { link_token } = yield* call((api) => api.linkTokenCreate(linkRequest))
  const { metadata, publicToken } = yield* simulator.link(link_token, accounts ? { login, accounts } : { login })
  const { access_token, item_id } = yield* call((api) => api.itemPublicTokenExchange({ public_token: publicToken }))
  return { access_token, item_id, metadata, publicToken }
})

const linkRequest = {
  client_name: "Holdfast",
  language: "en",
  country_codes: [CountryCode.Us],
  user: { client_user_id: "user-1" },
  products: [Products.Transactions],
}

const accountsOf = (access_token: string) =>
  Effect.map(
    call((api) => api.accountsGet({ access_token })),
    ({ accounts }) => accounts,
  )

const day = (offset: number) => DateTime.formatIsoDateUtc(DateTime.add(startAt, { days: offset }))

describe("An Item", () => {
  for (const institution of institutions) {
    it.effect("leaves the terminal of its process alone, however many there are", () =>
      Effect.gen(function* () {
        const listening = process.stdin.listenerCount("end")
        yield* Effect.gen(function* () {
          yield* PlaidSimulator
          assert.strictEqual(process.stdin.listenerCount("end"), listening)
        }).pipe(Effect.provide(simulated(), { local: true }))
      }),
    )

    it.effect(
      `of ${institution.name} shares no id with the one before, and persistent ids only where numbers are tokens`,
      () =>
        Effect.gen(function* () {
          const { login } = yield* ada(institution.id)
          const first = yield* linked(login)
          const before = { accounts: yield* accountsOf(first.access_token), ...(yield* numbersOf(first.access_token)) }
          const second = yield* linked(login)
          const after = { accounts: yield* accountsOf(second.access_token), ...(yield* numbersOf(second.access_token)) }

          assert.notStrictEqual(first.item_id, second.item_id)
          assert.notStrictEqual(first.access_token, second.access_token)
          assert.deepStrictEqual(
            before.accounts.map(({ mask, name }) => ({ mask, name })),
            after.accounts.map(({ mask, name }) => ({ mask, name })),
          )
          const ids = new Set([...before.accounts, ...after.accounts].map(({ account_id }) => account_id))
          assert.strictEqual(ids.size, 4)
          for (const [index, { persistent_account_id }] of before.accounts.entries()) {
            assert.strictEqual(typeof persistent_account_id === "string", institution.tokenizesNumbers)
            assert.strictEqual(persistent_account_id, after.accounts[index]?.persistent_account_id)
          }
          assert.strictEqual(before.ach.length > 0, institution.country === "US")
          for (const [index, { account, is_tokenized_account_number, routing }] of before.ach.entries()) {
            assert.strictEqual(is_tokenized_account_number, institution.tokenizesNumbers)
            assert.strictEqual(routing, after.ach[index]?.routing)
            assert.strictEqual(account === after.ach[index]?.account, !institution.tokenizesNumbers)
          }
        }).pipe(Effect.provide(simulated())),
    )
  }

  it.effect("survives update mode with everything that it is", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const { checking, login } = yield* ada()
      yield* simulator.seedHistory(checking, { count: 20, days: 60 })
      const { access_token, item_id } = yield* linked(login)
      const before = yield* accountsOf(access_token)
      const { cursor } = yield* syncAll(access_token)
      yield* call((api) => api.sandboxItemResetLogin({ access_token }))
      assert.strictEqual(yield* codeOf((api) => api.accountsGet({ access_token })), "ITEM_LOGIN_REQUIRED")
      assert.strictEqual(yield* codeOf((api) => api.transactionsSync({ access_token, cursor })), "ITEM_LOGIN_REQUIRED")
      const broken = yield* call((api) => api.itemGet({ access_token }))
      assert.strictEqual(broken.item.error?.error_code, "ITEM_LOGIN_REQUIRED")
      const missed = yield* simulator.addTransaction(checking, { amount: 12.5, date: day(0), name: "While broken" })

      const { link_token } = yield* call((api) => api.linkTokenCreate({ ...linkRequest, access_token }))
      const success = yield* simulator.link(link_token, { login })
      const exchanged = yield* call((api) => api.itemPublicTokenExchange({ public_token: success.publicToken }))
      assert.deepInclude(exchanged, { access_token, item_id })
      assert.deepStrictEqual(yield* accountsOf(access_token), before)
      const { added, removed } = yield* syncAll(access_token, cursor)
      assert.deepStrictEqual([added.map(({ name }) => name), removed], [["While broken"], []])
      assert.strictEqual((yield* simulator.transaction(missed)).name, "While broken")
    }).pipe(Effect.provide(simulated())),
  )

  it.effect("cannot be repaired with another person's login", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const { login } = yield* ada()
      const other = yield* ada()
      const { access_token } = yield* linked(login)
      const { link_token } = yield* call((api) => api.linkTokenCreate({ ...linkRequest, access_token }))
      const problem = yield* Effect.flip(simulator.link(link_token, { login: other.login }))
      assert.include(problem.message, "INVALID_UPDATED_USERNAME")
    }).pipe(Effect.provide(simulated())),
  )

  it.effect(
    "takes an account for another one when its mask or its whole name changes, and not for a small rename",
    () =>
      Effect.gen(function* () {
        const simulator = yield* PlaidSimulator
        const { checking, login, savings } = yield* ada("ins_56")
        const { access_token } = yield* linked(login)
        const idsOf = Effect.map(accountsOf(access_token), (accounts) =>
          accounts.map(({ account_id, persistent_account_id }) => ({ account_id, persistent_account_id })),
        )
        const [a, b] = yield* idsOf
        yield* simulator.changeAccount(savings, { name: "Savings for rain" })
        assert.deepStrictEqual(yield* idsOf, [a, b])
        yield* simulator.changeAccount(savings, { name: "Jane's vacation fund" })
        yield* simulator.changeAccount(checking, { mask: "7777" })
        const [c, d] = yield* idsOf
        assert.notStrictEqual(a?.account_id, c?.account_id)
        assert.notStrictEqual(b?.account_id, d?.account_id)
        assert.deepStrictEqual(
          [a?.persistent_account_id, b?.persistent_account_id],
          [c?.persistent_account_id, d?.persistent_account_id],
        )
      }).pipe(Effect.provide(simulated())),
  )

  it.effect("tells the rows of an account that became another one as removed and as added", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const { checking, login } = yield* ada()
      yield* simulator.seedHistory(checking, { count: 10, days: 30 })
      const { access_token } = yield* linked(login)
      const before = yield* syncAll(access_token)
      yield* simulator.changeAccount(checking, { mask: "7777" })
      const after = yield* syncAll(access_token, before.cursor)
      assert.deepStrictEqual(
        new Set(after.removed.map(({ transaction_id }) => transaction_id)),
        new Set(before.added.map(({ transaction_id }) => transaction_id)),
      )
      assert.deepStrictEqual(after.added.map(content), before.added.map(content))
    }).pipe(Effect.provide(simulated())),
  )

  it.effect("shows an account under another id once it was taken back and shared again", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const { checking, login } = yield* ada()
      const { access_token, item_id } = yield* linked(login)
      const [before, other] = yield* accountsOf(access_token)
      yield* simulator.revokeAccount(item_id, checking)
      assert.deepStrictEqual(yield* accountsOf(access_token), other === undefined ? [] : [other])
      const { link_token } = yield* call((api) =>
        api.linkTokenCreate({ ...linkRequest, access_token, update: { account_selection_enabled: true } }),
      )
      const { accounts } = yield* simulator.item(item_id)
      const held = accounts.map(({ account }) => account)
      yield* simulator.link(link_token, { login, accounts: [...held, checking] })
      const after = yield* accountsOf(access_token)
      assert.deepStrictEqual(new Set(after.map(({ name }) => name)), new Set([before?.name, other?.name]))
      assert.notInclude(
        after.map(({ account_id }) => account_id),
        before?.account_id,
      )
    }).pipe(Effect.provide(simulated())),
  )

  it.effect("falls silent about an account that is shared no longer, and removes nothing", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const host = yield* receiver()
      const { checking, login, savings } = yield* ada("ins_13")
      yield* simulator.seedHistory(checking, { count: 6, days: 30 })
      yield* simulator.seedHistory(savings, { count: 3, days: 30 })
      const { accessToken: access_token, accounts, itemId } = yield* simulator.connect({ login, webhook: host.url })
      const before = yield* syncAll(access_token)
      yield* simulator.revokeAccount(itemId, checking)
      yield* simulator.addTransaction(checking, { amount: 1, date: day(0), name: "Unseen" })
      const after = yield* syncAll(access_token, before.cursor)
      assert.deepStrictEqual([after.added, after.modified, after.removed], [[], [], []])
      assert.strictEqual((yield* syncAll(access_token)).added.length, 3)
      assert.strictEqual((yield* transactionsOf(access_token)).length, 3)
      yield* simulator.webhooksSettled
      const [told] = host.received
      assert.include(told?.body, accounts.find(({ account }) => account === checking)?.accountId)
      assert.deepStrictEqual(host.codes(), ["USER_ACCOUNT_REVOKED"])
    }).pipe(Effect.scoped, Effect.provide(simulated())),
  )

  it.effect("keeps its accounts in update mode that does not select them, within half an hour, and says nothing", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const host = yield* receiver()
      const { checking, login, savings } = yield* ada()
      const item = { login, accounts: [checking], webhook: host.url }
      const { accessToken: access_token } = yield* simulator.connect(item)
      yield* call((api) => api.sandboxItemResetLogin({ access_token }))
      const { link_token } = yield* call((api) => api.linkTokenCreate({ ...linkRequest, access_token }))
      yield* simulator.link(link_token, { login, accounts: [savings] })
      assert.deepStrictEqual(
        (yield* accountsOf(access_token)).map(({ name }) => name),
        ["Everyday Checking"],
      )
      yield* simulator.webhooksSettled
      assert.deepStrictEqual(host.codes(), ["ERROR"])
      yield* simulator.advance("30 minutes")
      assert.include((yield* Effect.flip(simulator.link(link_token, { login }))).message, "INVALID_LINK_TOKEN")
    }).pipe(Effect.scoped, Effect.provide(simulated())),
  )

  it.effect("is silent once it was removed, and no update mode brings it back", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const host = yield* receiver()
      const { checking, login } = yield* ada()
      const { accessToken: access_token, itemId } = yield* simulator.connect({ login, webhook: host.url })
      yield* syncAll(access_token)
      const { link_token } = yield* call((api) => api.linkTokenCreate({ ...linkRequest, access_token }))
      yield* call((api) => api.itemRemove({ access_token }))
      yield* simulator.addTransaction(checking, { amount: 1, date: day(0), name: "Unseen" })
      yield* simulator.breakItem(itemId, "ITEM_LOCKED")
      yield* simulator.webhooksSettled
      assert.deepStrictEqual(host.codes(), [])
      assert.include((yield* Effect.flip(simulator.link(link_token, { login }))).message, "ITEM_NOT_FOUND")
      const update = { ...linkRequest, access_token }
      assert.strictEqual(yield* codeOf((api) => api.linkTokenCreate(update)), "ITEM_NOT_FOUND")
    }).pipe(Effect.scoped, Effect.provide(simulated())),
  )

  it.effect("adds no accounts in update mode in Britain and the EU", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const { checking, login, savings } = yield* ada("ins_117650")
      const { access_token } = yield* linked(login, [checking])
      const { link_token } = yield* call((api) =>
        api.linkTokenCreate({ ...linkRequest, access_token, update: { account_selection_enabled: true } }),
      )
      yield* simulator.link(link_token, { login, accounts: [checking, savings] })
      assert.deepStrictEqual(
        (yield* accountsOf(access_token)).map(({ name }) => name),
        ["Everyday Checking"],
      )
    }).pipe(Effect.provide(simulated())),
  )

  it.effect("ends at some banks when its login is connected again, at Chase only if other accounts are shared", () =>
    Effect.gen(function* () {
      const isAlive = Effect.fnUntraced(function* (institutionId: string, secondShares: "the same" | "fewer") {
        const { checking, login, savings } = yield* ada(institutionId)
        const first = yield* linked(login)
        yield* linked(login, secondShares === "fewer" ? [checking] : [checking, savings])
        const { item } = yield* call((api) => api.itemGet({ access_token: first.access_token }))
        return item.error === null
      })
      assert.isTrue(yield* isAlive("ins_109508", "fewer"))
      assert.isTrue(yield* isAlive("ins_56", "the same"))
      assert.isFalse(yield* isAlive("ins_56", "fewer"))
      assert.isFalse(yield* isAlive("ins_13", "the same"))
    }).pipe(Effect.provide(simulated())),
  )

  for (const { announcement, days, institutionId } of [
    { institutionId: "ins_117650", days: 180, announcement: "PENDING_EXPIRATION" },
    { institutionId: "ins_5", days: 365, announcement: "PENDING_DISCONNECT" },
  ]) {
    it.effect(`of ${institutionId} ends with its consent, after ${announcement} a week before, and comes back`, () =>
      Effect.gen(function* () {
        const simulator = yield* PlaidSimulator
        const host = yield* receiver()
        const { login } = yield* ada(institutionId)
        const { accessToken: access_token, itemId } = yield* simulator.connect({ login, webhook: host.url })
        const live = Effect.fnUntraced(function* (byThen: Effect.Effect<void, unknown>) {
          yield* byThen
          yield* simulator.webhooksSettled
          return host.codes()
        })
        assert.deepStrictEqual(yield* live(simulator.advance({ days: days - 8 })), [])
        assert.deepStrictEqual(yield* live(simulator.advance({ days: 1 })), [announcement])
        assert.deepStrictEqual(yield* live(simulator.advance({ days: 6 })), [])
        yield* accountsOf(access_token)
        assert.deepStrictEqual(yield* live(simulator.advance({ days: 1 })), ["ERROR"])
        const failed = yield* Effect.flip(call((api) => api.accountsGet({ access_token })))
        assert.deepInclude(failed, { code: "ITEM_LOGIN_REQUIRED", reason: "OAUTH_CONSENT_EXPIRED" })
        assert.deepStrictEqual(yield* live(simulator.repairElsewhere(itemId)), ["LOGIN_REPAIRED"])
        const { item } = yield* call((api) => api.itemGet({ access_token }))
        assert.strictEqual(Date.parse(item.consent_expiration_time ?? ""), expiryAfter(2 * days))
      }).pipe(Effect.scoped, Effect.provide(simulated())),
    )
  }

  it.effect("says how it ended: removed, revoked at Plaid, revoked at the bank", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const { login } = yield* ada()
      const removed = yield* linked(login)
      const revoked = yield* linked(login)
      const withdrawn = yield* linked(login)
      yield* call((api) => api.itemRemove({ access_token: removed.access_token }))
      yield* simulator.revoke(revoked.item_id, "at Plaid")
      yield* simulator.revoke(withdrawn.item_id, "at the bank")
      for (const { access_token } of [removed, revoked]) {
        assert.strictEqual(yield* codeOf((api) => api.itemGet({ access_token })), "ITEM_NOT_FOUND")
        assert.strictEqual(yield* codeOf((api) => api.itemRemove({ access_token })), "ITEM_NOT_FOUND")
      }
      const failed = yield* Effect.flip(call((api) => api.accountsGet({ access_token: withdrawn.access_token })))
      assert.deepInclude(failed, { code: "ITEM_LOGIN_REQUIRED", reason: "OAUTH_USER_REVOKED" })
    }).pipe(Effect.provide(simulated())),
  )

  it.effect("answers to its newest access token alone", () =>
    Effect.gen(function* () {
      const { access_token } = yield* linked((yield* ada()).login)
      const rotated = yield* call((api) => api.itemAccessTokenInvalidate({ access_token }))
      assert.strictEqual(yield* codeOf((api) => api.itemGet({ access_token })), "INVALID_ACCESS_TOKEN")
      yield* call((api) => api.itemGet({ access_token: rotated.new_access_token }))
    }).pipe(Effect.provide(simulated())),
  )

  it.effect("whose accounts are all closed has none, and a new card brings the old card's rows", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const { checking, login, savings } = yield* ada()
      yield* simulator.seedHistory(checking, { count: 5, days: 10 })
      const { access_token } = yield* linked(login)
      const before = yield* syncAll(access_token)
      const card = yield* simulator.replaceCard(checking, "9999")
      assert.deepStrictEqual(
        (yield* accountsOf(access_token)).map(({ mask }) => mask),
        ["0043", "9999"],
      )
      const after = yield* syncAll(access_token, before.cursor)
      assert.deepStrictEqual(after.added.map(content), before.added.map(content))
      yield* simulator.closeAccount(card)
      yield* simulator.closeAccount(savings)
      assert.strictEqual(yield* codeOf((api) => api.accountsGet({ access_token })), "NO_ACCOUNTS")
    }).pipe(Effect.provide(simulated())),
  )

  it.effect("is cut off when its institution migrates; the next one belongs to the new institution", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const host = yield* receiver()
      const { login } = yield* ada("ins_109508")
      const { accessToken } = yield* simulator.connect({ login, webhook: host.url })
      yield* simulator.migrateLogin(login, "ins_127287", 30)
      yield* simulator.webhooksSettled
      assert.deepStrictEqual(host.codes(), ["PENDING_DISCONNECT"])
      yield* accountsOf(accessToken)
      yield* simulator.advance({ days: 30 })
      const code = yield* codeOf((api) => api.accountsGet({ access_token: accessToken }))
      assert.strictEqual(code, "ITEM_LOGIN_REQUIRED")
      const { metadata } = yield* linked(login)
      assert.strictEqual(metadata.institution.institution_id, "ins_127287")
    }).pipe(Effect.scoped, Effect.provide(simulated())),
  )

  it.effect("of a joint account shows each owner the same account under an id of its own", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const one = yield* ada("ins_13")
      const other = yield* simulator.addLogin({ institutionId: "ins_13", accounts: [] })
      yield* simulator.shareAccount(one.checking, other.login)
      const hers = yield* accountsOf((yield* linked(one.login, [one.checking])).access_token)
      const his = yield* accountsOf((yield* linked(other.login)).access_token)
      assert.notStrictEqual(hers[0]?.account_id, his[0]?.account_id)
      assert.strictEqual(hers[0]?.persistent_account_id, his[0]?.persistent_account_id)
    }).pipe(Effect.provide(simulated())),
  )
})

describe("Transactions", () => {
  const Step = Schema.Union([
    Schema.Struct({ do: Schema.Literal("add"), pending: Schema.Boolean, daysAgo: upTo(120), amount: upTo(900) }),
    Schema.Struct({ do: Schema.Literals(["post", "modify", "remove"]), which: upTo(30), tells: Schema.Boolean }),
    Schema.Struct({ do: Schema.Literal("sync"), count: Schema.Literals([1, 2, 7, 500]) }),
  ])

  it.effect.prop(
    "told page by page are those that are there, whatever the bank does in between",
    [Arbitrary.array(Arbitrary.schema(Step), { minLength: 12, maxLength: 40 })],
    ([steps]) =>
      Effect.gen(function* () {
        const simulator = yield* PlaidSimulator
        const { checking, login } = yield* ada()
        const { access_token } = yield* linked(login)
        const held = new Map<string, Transaction>()
        const living: Array<string> = []
        let cursor = ""

        const sync = Effect.fnUntraced(function* (count: number) {
          const update = yield* syncAll(access_token, cursor, count)
          for (const { transaction_id } of update.removed) assert.isTrue(held.delete(transaction_id))
          for (const added of update.added) assert.isFalse(held.has(added.transaction_id))
          for (const modified of update.modified) assert.isTrue(held.has(modified.transaction_id))
          for (const row of [...update.added, ...update.modified]) held.set(row.transaction_id, row)
          cursor = update.cursor
          const there = yield* transactionsOf(access_token)
          assert.deepStrictEqual(
            new Map([...held].toSorted(byKey)),
            new Map(there.map((row) => [row.transaction_id, row] as const).toSorted(byKey)),
          )
        })

        for (const step of steps) {
          if (step.do === "sync") {
            yield* sync(step.count)
          } else if (step.do === "add") {
            const { amount, daysAgo, pending } = step
            const added = { amount: amount / 4, date: day(-daysAgo), name: `Payment ${amount}`, pending }
            living.push(yield* simulator.addTransaction(checking, added))
          } else {
            const id = living[step.which % Math.max(1, living.length)]
            if (id === undefined) continue
            if (step.do === "modify") yield* simulator.modifyTransaction(id, { amount: step.which })
            else living.splice(living.indexOf(id), 1)
            if (step.do === "remove") yield* simulator.removeTransaction(id)
            if (step.do === "post") {
              living.push(yield* simulator.postTransaction(id, { tellsPending: step.tells }))
            }
          }
        }
        yield* sync(3)
      }).pipe(Effect.provide(simulated(), { local: true })),
    { arbitrary: { runs: 25 } },
  )

  it.effect("that change during pagination make the update begin again at its first cursor", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const { checking, login } = yield* ada()
      yield* simulator.seedHistory(checking, { count: 30, days: 60 })
      const { access_token } = yield* linked(login)
      const first = yield* call((api) => api.transactionsSync({ access_token, count: 10 }))
      const next = { access_token, cursor: first.next_cursor, count: 10 }
      yield* simulator.before(
        "/transactions/sync",
        Effect.orDie(Effect.asVoid(simulator.addTransaction(checking, { amount: 1, date: day(0), name: "Late" }))),
      )
      const code = yield* codeOf((api) => api.transactionsSync(next))
      assert.strictEqual(code, "TRANSACTIONS_SYNC_MUTATION_DURING_PAGINATION")
      assert.strictEqual(yield* codeOf((api) => api.transactionsSync(next)), code)
      assert.strictEqual((yield* syncAll(access_token, "", 10)).added.length, 31)
    }).pipe(Effect.provide(simulated())),
  )

  it.effect("make the update begin again, too, when an account is withdrawn during pagination", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const { checking, login, savings } = yield* ada()
      yield* simulator.seedHistory(checking, { count: 30, days: 60 })
      yield* simulator.seedHistory(savings, { count: 30, days: 60 })
      const { access_token, item_id } = yield* linked(login)
      const { next_cursor } = yield* call((api) => api.transactionsSync({ access_token, count: 10 }))
      yield* simulator.revokeAccount(item_id, checking)
      const code = yield* codeOf((api) => api.transactionsSync({ access_token, cursor: next_cursor }))
      assert.strictEqual(code, "TRANSACTIONS_SYNC_MUTATION_DURING_PAGINATION")
      assert.strictEqual((yield* syncAll(access_token, "", 10)).added.length, 30)
    }).pipe(Effect.provide(simulated())),
  )

  it.effect.prop("are told by no cursor that is not the Item's own", [Schema.String], ([text]) =>
    Effect.gen(function* () {
      const log = new SyncLog("item")
      const own = Buffer.from(log.end(undefined), "base64").toString()
      for (const cursor of [text, own + text, own.slice(0, -1) + text]) {
        if (cursor === own || cursor === "") continue
        assert.strictEqual(log.page(Buffer.from(cursor).toString("base64"), 10, undefined), "invalid")
      }
    }),
  )

  it.effect("that came and went between two syncs are never told", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const { checking, login } = yield* ada()
      const { access_token } = yield* linked(login)
      const { cursor } = yield* syncAll(access_token)
      const gone = yield* simulator.addTransaction(checking, { amount: 1, date: day(0), name: "Mistake" })
      yield* simulator.modifyTransaction(gone, { amount: 2 })
      yield* simulator.removeTransaction(gone)
      const { added, modified, removed } = yield* syncAll(access_token, cursor)
      assert.deepStrictEqual([added, modified, removed], [[], [], []])
    }).pipe(Effect.provide(simulated())),
  )

  it.effect("pass from pending to posted with another id, on another page if the page is full", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const { checking, login } = yield* ada()
      const add = (name: string) =>
        simulator.addTransaction(checking, { amount: 20, date: day(0), name, pending: true })
      const [told, untold] = [yield* add("Dinner"), yield* add("Taxi")]
      const { access_token } = yield* linked(login)
      const before = yield* syncAll(access_token)
      yield* simulator.postTransaction(told, { amount: 24, name: "Dinner and tip" })
      yield* simulator.postTransaction(untold, { tellsPending: false })
      const { added, pages, removed } = yield* syncAll(access_token, before.cursor, 1)
      assert.strictEqual(pages.length, 4)
      const pending = before.added.map(({ transaction_id }) => transaction_id)
      assert.deepStrictEqual(
        removed.map(({ transaction_id }) => transaction_id),
        pending,
      )
      assert.deepStrictEqual(
        added.map((row) => [row.name, row.amount, row.pending, row.pending_transaction_id]),
        [
          ["Dinner and tip", 24, false, pending[0] ?? ""],
          ["Taxi", 20, false, null],
        ],
      )
      const later = yield* syncAll((yield* linked(login)).access_token)
      assert.deepStrictEqual(
        later.added.map(({ pending_transaction_id }) => pending_transaction_id),
        [null, null],
      )
    }).pipe(Effect.provide(simulated())),
  )

  it.effect("are told of one account by a stream of its own, whose cursor is no cursor of the Item", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const { checking, login, savings } = yield* ada()
      yield* simulator.seedHistory(checking, { count: 8, days: 60 })
      yield* simulator.seedHistory(savings, { count: 5, days: 60 })
      const { access_token } = yield* linked(login)
      const [, second] = yield* accountsOf(access_token)
      const one = yield* syncAll(access_token, "", 2, second?.account_id)
      assert.strictEqual(one.added.length, 5)
      assert.strictEqual((yield* syncAll(access_token, "", 2)).added.length, 13)
      assert.isAtMost(one.cursor.length, 256)
      const mixed = yield* codeOf((api) => api.transactionsSync({ access_token, cursor: one.cursor }))
      assert.strictEqual(mixed, "INVALID_FIELD")
      const other = yield* linked(login)
      const foreign = { access_token: other.access_token, cursor: (yield* syncAll(access_token)).cursor }
      assert.strictEqual(yield* codeOf((api) => api.transactionsSync(foreign)), "INVALID_FIELD")
    }).pipe(Effect.provide(simulated())),
  )

  it.effect("come when they are ready: first thirty days, then what was asked for once and for all", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const host = yield* receiver()
      const { checking, login } = yield* ada()
      for (const ago of [1, 20, 50, 170, 400]) {
        yield* simulator.addTransaction(checking, { amount: ago, date: day(-ago), name: `${ago} days ago` })
      }
      const { accessToken: access_token } = yield* simulator.connect({ login, webhook: host.url, daysRequested: 180 })
      const early = yield* call((api) => api.transactionsSync({ access_token }))
      assert.deepStrictEqual(
        [early.transactions_update_status, early.next_cursor, early.has_more],
        [TransactionsUpdateStatus.NotReady, "", false],
      )
      const range = { access_token, start_date: day(-500), end_date: day(0) }
      assert.strictEqual(yield* codeOf((api) => api.transactionsGet(range)), "PRODUCT_NOT_READY")

      yield* simulator.advance("20 seconds")
      const initial = yield* syncAll(access_token)
      assert.deepStrictEqual(
        initial.added.map(({ amount }) => amount),
        [20, 1],
      )
      yield* simulator.advance("5 minutes")
      const rest = yield* syncAll(access_token, initial.cursor)
      assert.deepStrictEqual(
        rest.added.map(({ amount }) => amount),
        [170, 50],
      )
      assert.strictEqual(rest.pages[0]?.transactions_update_status, "HISTORICAL_UPDATE_COMPLETE")
      yield* simulator.webhooksSettled
      assert.deepStrictEqual(host.codes(), ["SYNC_UPDATES_AVAILABLE", "SYNC_UPDATES_AVAILABLE"])
      const longer = { access_token, options: { days_requested: 730 } }
      assert.strictEqual((yield* call((api) => api.transactionsSync(longer))).added.length, 4)
    }).pipe(Effect.scoped, Effect.provide(simulated({ readiness: { initial: 10_000, historical: 120_000 } }))),
  )

  it.effect("are not there at the first call where Link did not ask for them", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const { checking, login } = yield* ada()
      yield* simulator.seedHistory(checking, { count: 4, days: 20 })
      const { accessToken: access_token } = yield* simulator.connect({ login, products: ["auth"] })
      assert.strictEqual((yield* call((api) => api.transactionsSync({ access_token }))).next_cursor, "")
      assert.strictEqual((yield* syncAll(access_token)).added.length, 4)
    }).pipe(Effect.provide(simulated())),
  )

  it.effect("go as far back as the first call asked for, where Link did not ask", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const { checking, login } = yield* ada()
      for (const ago of [400, 170, 100, 1]) {
        yield* simulator.addTransaction(checking, { amount: ago, date: day(-ago), name: `${ago} days ago` })
      }
      const { accessToken: access_token } = yield* simulator.connect({ login, products: ["auth"] })
      const asking = (days_requested: number) =>
        call((api) => api.transactionsSync({ access_token, options: { days_requested } }))
      yield* asking(120)
      const { added } = yield* asking(730)
      assert.deepStrictEqual(
        added.map(({ amount }) => amount),
        [100, 1],
      )
    }).pipe(Effect.provide(simulated())),
  )

  it.effect("are told from now on only, by the cursor that says so", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const { checking, login } = yield* ada()
      yield* simulator.seedHistory(checking, { count: 4, days: 20 })
      const { access_token } = yield* linked(login)
      const { added, next_cursor } = yield* call((api) => api.transactionsSync({ access_token, cursor: "now" }))
      assert.deepStrictEqual(added, [])
      yield* simulator.addTransaction(checking, { amount: 1, date: day(0), name: "New" })
      assert.deepStrictEqual(
        (yield* syncAll(access_token, next_cursor)).added.map(({ name }) => name),
        ["New"],
      )
    }).pipe(Effect.provide(simulated())),
  )

  it.effect("are told by date, the newest first, a part at a time", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const { checking, login } = yield* ada()
      yield* simulator.seedHistory(checking, { count: 50, days: 50 })
      const { access_token } = yield* linked(login)
      const range = { access_token, start_date: day(-29), end_date: day(-10) }
      const part = (offset: number) => call((api) => api.transactionsGet({ ...range, options: { count: 15, offset } }))
      const [first, second] = [yield* part(0), yield* part(15)]
      const dates = [...first.transactions, ...second.transactions].map(({ date }) => date)
      assert.deepStrictEqual([first.total_transactions, dates.length], [20, 20])
      assert.deepStrictEqual(
        dates,
        Array.from({ length: 20 }, (_, index) => day(-10 - index)),
      )
    }).pipe(Effect.provide(simulated())),
  )

  it.effect("are posted from the start at banks that tell of no pending ones", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const { checking, login } = yield* ada("ins_128026")
      const { access_token } = yield* linked(login)
      const id = yield* simulator.addTransaction(checking, { amount: 5, date: day(0), name: "Tea", pending: true })
      const before = yield* syncAll(access_token)
      yield* simulator.postTransaction(id)
      const { added, removed } = yield* syncAll(access_token, before.cursor)
      assert.deepStrictEqual([before.added.length, added.length, removed.length], [0, 1, 0])
      assert.isNull(added[0]?.pending_transaction_id)
    }).pipe(Effect.provide(simulated())),
  )

  it.effect("wait for a refresh when Plaid does not look by itself", () =>
    Effect.gen(function* () {
      const { login } = yield* ada()
      const { access_token } = yield* linked(login)
      const made = { date_transacted: day(-1), date_posted: day(0), amount: 3, description: "Bus" }
      yield* call((api) => api.sandboxTransactionsCreate({ access_token, transactions: [made] }))
      const { added, cursor } = yield* syncAll(access_token)
      assert.deepStrictEqual(added, [])
      yield* call((api) => api.transactionsRefresh({ access_token }))
      const after = yield* syncAll(access_token, cursor)
      assert.deepStrictEqual(after.added.map(content), [["Bus", 3, day(0), day(-1)]])
    }).pipe(Effect.provide(simulated({ automaticUpdates: false }))),
  )
})

describe("Link", () => {
  it.effect("gives a public token that works once, for half an hour", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const { login } = yield* ada()
      const { publicToken } = yield* linked(login)
      const exchange = (public_token: string) => codeOf((api) => api.itemPublicTokenExchange({ public_token }))
      assert.strictEqual(yield* exchange(publicToken), "INVALID_PUBLIC_TOKEN")
      const { link_token } = yield* call((api) => api.linkTokenCreate(linkRequest))
      const timely = yield* simulator.link(link_token, { login })
      yield* simulator.advance("1 second")
      const late = yield* simulator.link(link_token, { login })
      yield* simulator.advance("1798 seconds")
      yield* call((api) => api.itemPublicTokenExchange({ public_token: timely.publicToken }))
      yield* simulator.advance("2 seconds")
      assert.strictEqual(yield* exchange(late.publicToken), "INVALID_PUBLIC_TOKEN")
      yield* simulator.advance("4 hours")
      assert.include((yield* Effect.flip(simulator.link(link_token, { login }))).message, "INVALID_LINK_TOKEN")
    }).pipe(Effect.provide(simulated())),
  )

  it.effect("runs in a browser: a login, its accounts, consent, and back to the host", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const host = yield* receiver()
      const { checking, login } = yield* ada()
      const { hosted_link_url = "", link_token } = yield* call((api) =>
        api.linkTokenCreate({
          ...linkRequest,
          webhook: host.url,
          hosted_link: { completion_redirect_uri: "http://127.0.0.1:9/done" },
        }),
      )
      const get = (url: string) => Effect.promise(() => fetch(url).then((response) => response.text()))
      assert.include(yield* get(hosted_link_url), `?login=${login}`)
      assert.include(yield* get(`${hosted_link_url}?login=${login}`), "Everyday Checking ••0042")
      const consented = yield* Effect.promise(() =>
        fetch(hosted_link_url, {
          method: "POST",
          redirect: "manual",
          body: new URLSearchParams({ login, account: checking, decision: "consent" }),
        }),
      )
      const back = new URL(consented.headers.get("location") ?? "")
      const public_token = back.searchParams.get("public_token") ?? ""
      const { access_token } = yield* call((api) => api.itemPublicTokenExchange({ public_token }))
      assert.deepStrictEqual(
        (yield* accountsOf(access_token)).map(({ mask }) => mask),
        ["0042"],
      )
      yield* simulator.webhooksSettled
      assert.deepStrictEqual(host.codes(), ["ITEM_ADD_RESULT", "SESSION_FINISHED"])
      const { link_sessions } = yield* call((api) => api.linkTokenGet({ link_token }))
      assert.strictEqual(link_sessions?.[0]?.results?.item_add_results[0]?.public_token, public_token)
      const script = yield* get(`${simulator.url}/link/v2/stable/link-initialize.js`)
      assert.include(script, "window.Plaid")
    }).pipe(Effect.scoped, Effect.provide(simulated())),
  )

  it.effect("can be closed, and answers a program in JSON", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const host = yield* receiver()
      const { login, savings } = yield* ada()
      const { hosted_link_url = "" } = yield* call((api) =>
        api.linkTokenCreate({ ...linkRequest, webhook: host.url, hosted_link: {} }),
      )
      const answer = (form: Record<string, string>) =>
        Effect.promise(() =>
          fetch(hosted_link_url, {
            method: "POST",
            headers: { accept: "application/json" },
            body: new URLSearchParams(form),
          }).then((response) => response.json()),
        )
      assert.deepStrictEqual(yield* answer({ decision: "exit" }), { exit: true })
      yield* simulator.webhooksSettled
      assert.deepStrictEqual(host.codes(), ["SESSION_FINISHED"])
      assert.deepInclude(yield* answer({ decision: "consent", login, account: "" }), { error_code: "NO_ACCOUNTS" })
      const success = yield* answer({ decision: "consent", login, account: savings })
      const { metadata, public_token } = Schema.decodeUnknownSync(Success)(success)
      assert.deepStrictEqual(metadata.institution, { institution_id: "ins_109508", name: "First Platypus Bank" })
      const { access_token } = yield* call((api) => api.itemPublicTokenExchange({ public_token }))
      assert.deepStrictEqual(
        (yield* accountsOf(access_token)).map(({ account_id, mask }) => ({ id: account_id, mask })),
        metadata.accounts,
      )
    }).pipe(Effect.scoped, Effect.provide(simulated())),
  )

  it.effect("knows the sandbox's people: user_good, and user_custom with accounts of one's own", () =>
    Effect.gen(function* () {
      const tokenOf = Effect.fnUntraced(function* (override?: object) {
        const options = override && { override_username: "user_custom", override_password: JSON.stringify(override) }
        const { public_token } = yield* call((api) =>
          api.sandboxPublicTokenCreate({
            institution_id: "ins_56",
            initial_products: [Products.Transactions],
            ...(options === undefined ? {} : { options }),
          }),
        )
        return (yield* call((api) => api.itemPublicTokenExchange({ public_token }))).access_token
      })
      const good = [yield* accountsOf(yield* tokenOf()), yield* accountsOf(yield* tokenOf())]
      assert.deepStrictEqual(
        good[0]?.map(({ mask }) => mask),
        ["0000", "1111", "2222", "3333", "4444", "5555", "6666", "7777", "8888"],
      )
      assert.strictEqual(good[0]?.[0]?.persistent_account_id, good[1]?.[0]?.persistent_account_id)

      const access_token = yield* tokenOf({
        override_accounts: [
          {
            type: "depository",
            subtype: "checking",
            starting_balance: 50,
            meta: { name: "Vacation", mask: "ab12" },
            numbers: { international_iban: "GB33BUKB20201555555555", international_bic: "BUKBGB22" },
            transactions: [
              { date_transacted: day(-2), date_posted: day(-1), amount: 9, description: "Ferry" },
              { date_transacted: day(-1), date_posted: day(2), amount: 11, description: "Hotel" },
            ],
          },
        ],
      })
      const [account] = yield* accountsOf(access_token)
      assert.deepInclude(account, { name: "Vacation", mask: "ab12" })
      const { added } = yield* syncAll(access_token)
      assert.deepStrictEqual(
        added.map(({ name, pending }) => [name, pending]),
        [
          ["Ferry", false],
          ["Hotel", true],
        ],
      )
      const { numbers } = yield* call((api) => api.authGet({ access_token }))
      assert.strictEqual(numbers.international[0]?.iban, "GB33BUKB20201555555555")
    }).pipe(Effect.provide(simulated())),
  )
})

describe("Webhooks", () => {
  const verify = Effect.fnUntraced(function* (token: string, body: string) {
    const { kid = "" } = decodeProtectedHeader(token)
    const { key } = yield* call((api) => api.webhookVerificationKeyGet({ key_id: kid }))
    const { now } = yield* PlaidSimulator
    const at = DateTime.toDateUtc(yield* now)
    return yield* Effect.tryPromise({
      try: async () => {
        const imported = await importJWK({ kty: key.kty, crv: key.crv, x: key.x, y: key.y }, "ES256")
        const { payload } = await jwtVerify(token, imported, {
          algorithms: ["ES256"],
          currentDate: at,
          maxTokenAge: "5 min",
        })
        return payload["request_body_sha256"] === createHash("sha256").update(body).digest("hex")
          ? "good"
          : "other body"
      },
      catch: () => "bad" as const,
    }).pipe(Effect.catch(Effect.succeed))
  })

  it.effect("are signed with the key that Plaid gives for their kid, over the bytes that are sent", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const host = yield* receiver()
      const { login } = yield* ada()
      const { accessToken: access_token, itemId } = yield* simulator.connect({ login, webhook: host.url })
      yield* call((api) => api.sandboxItemResetLogin({ access_token }))
      yield* simulator.webhooksSettled
      const [received] = host.received
      const token = String(received?.headers["plaid-verification"])
      assert.deepInclude(received, { code: "ERROR", itemId })
      assert.strictEqual(yield* verify(token, received?.body ?? ""), "good")
      assert.strictEqual(yield* verify(token, JSON.stringify(JSON.parse(received?.body ?? ""))), "other body")
      assert.deepStrictEqual(host.codes(), ["ERROR"])
    }).pipe(Effect.scoped, Effect.provide(simulated())),
  )

  it.effect("can be forged in every way that a host must see through", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const now = Math.floor(DateTime.toEpochMillis(yield* simulator.now) / 1000)
      const forged = (forgery: Parameters<typeof simulator.signWebhook>[1]) =>
        Effect.flatMap(simulator.signWebhook("{}", forgery), (token) => verify(token, "{}"))
      assert.strictEqual(yield* forged({}), "good")
      assert.strictEqual(yield* forged({ alg: "none" }), "bad")
      assert.strictEqual(yield* forged({ alg: "HS256" }), "bad")
      assert.strictEqual(yield* forged({ issuedAt: now - 301 }), "bad")
      assert.strictEqual(yield* forged({ issuedAt: now + 60 }), "bad")
      assert.strictEqual(yield* forged({ signedBody: "{ }" }), "other body")
      const unknown = yield* simulator.signWebhook("{}", { kid: "00000000-0000-4000-a000-000000000000" })
      const { kid: key_id = "" } = decodeProtectedHeader(unknown)
      const code = yield* codeOf((api) => api.webhookVerificationKeyGet({ key_id }))
      assert.strictEqual(code, "INVALID_WEBHOOK_VERIFICATION_KEY_ID")
    }).pipe(Effect.provide(simulated())),
  )

  it.effect("are signed with the newest key, and old keys say since when they are too old", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const [old = ""] = yield* simulator.webhookKeys
      const kid = yield* simulator.rotateWebhookKey
      assert.notStrictEqual(kid, old)
      assert.strictEqual(decodeProtectedHeader(yield* simulator.signWebhook("{}")).kid, kid)
      assert.strictEqual(yield* verify(yield* simulator.signWebhook("{}", { kid: old }), "{}"), "good")
      const expiry = (key_id: string) =>
        Effect.map(
          call((api) => api.webhookVerificationKeyGet({ key_id })),
          ({ key }) => key.expired_at,
        )
      assert.isNull(yield* expiry(old))
      yield* simulator.expireWebhookKey(old)
      assert.strictEqual(yield* expiry(old), DateTime.toEpochMillis(startAt) / 1000)
    }).pipe(Effect.provide(simulated())),
  )

  it.effect("are tried again after 30 seconds and four times as long each time, for a day", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const host = yield* receiver(500, 500, 503)
      const { login } = yield* ada()
      const { itemId } = yield* simulator.connect({ login, webhook: host.url })
      yield* simulator.breakItem(itemId, "ITEM_LOCKED")
      yield* simulator.webhooksSettled
      for (const [seconds, came] of [
        [29, 1],
        [1, 2],
        [119, 2],
        [1, 3],
        [480, 4],
        [86_400, 4],
      ] as const) {
        yield* simulator.advance({ seconds })
        yield* simulator.webhooksSettled
        assert.strictEqual(host.received.length, came)
      }
      const [webhook] = yield* simulator.webhooks
      assert.deepStrictEqual(
        webhook?.attempts.map(({ status }) => status),
        [500, 500, 503, 200],
      )
      assert.strictEqual(webhook?.state, "delivered")
      assert.deepStrictEqual(new Set(host.received.map(({ body }) => body)).size, 1)
      assert.deepStrictEqual(
        host.received.map(({ headers }) => decodeJwt(String(headers["plaid-verification"])).iat),
        [0, 30, 150, 630].map((seconds) => DateTime.toEpochMillis(startAt) / 1000 + seconds),
      )
    }).pipe(Effect.scoped, Effect.provide(simulated())),
  )

  it.effect("stop when the host has refused a whole day", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const { login } = yield* ada()
      const { itemId } = yield* simulator.connect({ login, webhook: "http://127.0.0.1:9/nobody" })
      yield* simulator.breakItem(itemId, "ITEM_LOCKED")
      for (const _ of Array(12).keys()) {
        yield* simulator.webhooksSettled
        yield* simulator.advance("6 hours")
      }
      yield* simulator.webhooksSettled
      const [webhook] = yield* simulator.webhooks
      assert.strictEqual(webhook?.state, "given up")
      assert.isTrue(webhook?.attempts.every(({ status }) => status === 0))
    }).pipe(Effect.provide(simulated())),
  )

  it.effect("are not tried again once nine in ten of a day were refused", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const { login } = yield* ada()
      const { itemId } = yield* simulator.connect({ login, webhook: "http://127.0.0.1:9/nobody" })
      for (const _ of Array(11).keys()) yield* simulator.breakItem(itemId, "ITEM_LOCKED")
      yield* simulator.webhooksSettled
      assert.deepStrictEqual(
        (yield* simulator.webhooks).map(({ state }) => state),
        [...Array(9).fill("waiting"), "given up", "given up"],
      )
    }).pipe(Effect.provide(simulated())),
  )

  it.effect("are lost, doubled, delayed and overtaken on demand", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const host = yield* receiver()
      const { login } = yield* ada()
      const { itemId } = yield* simulator.connect({ login, webhook: host.url })
      const life = Effect.gen(function* () {
        yield* simulator.breakItem(itemId, "ITEM_LOGIN_REQUIRED")
        yield* simulator.repairElsewhere(itemId)
        yield* simulator.webhooksSettled
        return host.codes()
      })
      assert.deepStrictEqual(yield* life, ["ERROR", "LOGIN_REPAIRED"])
      yield* simulator.spoilWebhooks({ how: "lost", code: "LOGIN_REPAIRED" })
      assert.deepStrictEqual(yield* life, ["ERROR"])
      yield* simulator.spoilWebhooks({ how: "doubled" })
      assert.deepStrictEqual(yield* life, ["ERROR", "ERROR", "LOGIN_REPAIRED"])
      yield* simulator.spoilWebhooks({ how: "overtaken" })
      assert.deepStrictEqual(yield* life, ["LOGIN_REPAIRED", "ERROR"])
      yield* simulator.spoilWebhooks({ how: "delayed", delayMillis: 60_000 })
      assert.deepStrictEqual(yield* life, ["LOGIN_REPAIRED"])
      yield* simulator.advance("1 minute")
      yield* simulator.webhooksSettled
      assert.deepStrictEqual(host.codes(), ["ERROR"])

      yield* simulator.holdWebhooks
      assert.deepStrictEqual(yield* life, [])
      const waiting = (yield* simulator.webhooks).filter(({ state }) => state === "waiting")
      yield* simulator.releaseWebhooks(waiting.map(({ id }) => id).toReversed())
      yield* simulator.webhooksSettled
      assert.deepStrictEqual(host.codes(), ["LOGIN_REPAIRED", "ERROR"])
      yield* simulator.repeatWebhook(waiting[0]?.id ?? "")
      yield* simulator.webhooksSettled
      assert.deepStrictEqual(host.codes(), ["ERROR"])
    }).pipe(Effect.scoped, Effect.provide(simulated())),
  )

  it.effect("tell of updates only after the first sync, and go where the host last said", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const [old, current] = [yield* receiver(), yield* receiver()]
      const { checking, login } = yield* ada()
      const { accessToken: access_token } = yield* simulator.connect({ login, webhook: old.url })
      const happen = simulator.addTransaction(checking, { amount: 1, date: day(0), name: "Tea" })
      yield* happen
      yield* syncAll(access_token)
      yield* happen
      yield* call((api) => api.itemWebhookUpdate({ access_token, webhook: current.url }))
      yield* happen
      yield* simulator.openAccount(login, { name: "Holiday" })
      yield* call((api) =>
        api.sandboxItemFireWebhook({
          access_token,
          webhook_code: SandboxItemFireWebhookRequestWebhookCodeEnum.UserPermissionRevoked,
        }),
      )
      yield* simulator.webhooksSettled
      assert.deepStrictEqual(old.codes(), ["SYNC_UPDATES_AVAILABLE"])
      assert.deepStrictEqual(current.codes(), [
        "WEBHOOK_UPDATE_ACKNOWLEDGED",
        "SYNC_UPDATES_AVAILABLE",
        "NEW_ACCOUNTS_AVAILABLE",
        "USER_PERMISSION_REVOKED",
      ])
    }).pipe(Effect.scoped, Effect.provide(simulated())),
  )
})

describe("Bad luck", () => {
  it.effect("meets the requests that it is meant for, as often as it is meant to", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const { login } = yield* ada()
      const { access_token, item_id } = yield* linked(login)
      const other = yield* linked(login)
      const get = (token = access_token) => Effect.result(call((api) => api.accountsGet({ access_token: token })))
      const endpoint = "/accounts/get"
      yield* simulator.fail({
        failure: "tooManyRequests",
        endpoint,
        times: 2,
        errorCode: "ACCOUNTS_LIMIT",
        retryAfterSeconds: 7,
      })
      yield* simulator.fail({ failure: "error", endpoint, errorCode: "INSTITUTION_DOWN", itemId: item_id, after: 1 })
      yield* simulator.fail({ failure: "unavailable", endpoint: "/item/get" })
      const outcomes = []
      for (const token of [access_token, access_token, other.access_token, access_token, access_token]) {
        const result = yield* get(token)
        outcomes.push(
          result._tag === "Success" ? "good" : [result.failure.status, result.failure.code, result.failure.retryAfter],
        )
      }
      assert.deepStrictEqual(outcomes, [
        [429, "ACCOUNTS_LIMIT", "7"],
        [429, "ACCOUNTS_LIMIT", "7"],
        "good",
        [400, "INSTITUTION_DOWN", undefined],
        "good",
      ])
      assert.strictEqual((yield* Effect.flip(call((api) => api.itemGet({ access_token })))).status, 503)
      yield* call((api) => api.itemGet({ access_token }))
      assert.strictEqual(yield* simulator.count(endpoint), 5)
      assert.strictEqual(yield* simulator.count(endpoint, item_id), 4)
      const first = (yield* simulator.requests).find((request) => request.endpoint === endpoint)
      assert.deepInclude(first, { itemId: item_id, outcome: 429, errorCode: "ACCOUNTS_LIMIT" })
    }).pipe(Effect.provide(simulated())),
  )

  for (const failure of ["dropAfterWork", "truncatedBody", "emptyBody", "hangAfterWork"] as const) {
    it.effect(`after the work was done leaves it done: ${failure}`, () =>
      Effect.gen(function* () {
        const simulator = yield* PlaidSimulator
        const { login } = yield* ada()
        const { access_token } = yield* linked(login)
        yield* simulator.fail({ failure, endpoint: "/item/remove" })
        yield* Effect.exit(impatiently((api) => api.itemRemove({ access_token })))
        yield* simulator.met("/item/remove")
        assert.strictEqual(yield* codeOf((api) => api.itemGet({ access_token })), "ITEM_NOT_FOUND")
      }).pipe(Effect.provide(simulated())),
    )
  }

  for (const failure of ["dropBeforeWork", "hangBeforeWork", "internalError"] as const) {
    it.effect(`before the work leaves it undone: ${failure}`, () =>
      Effect.gen(function* () {
        const simulator = yield* PlaidSimulator
        const { login } = yield* ada()
        const { access_token } = yield* linked(login)
        yield* simulator.fail({ failure, endpoint: "/item/remove" })
        yield* Effect.flip(impatiently((api) => api.itemRemove({ access_token })))
        yield* call((api) => api.itemRemove({ access_token }))
      }).pipe(Effect.provide(simulated())),
    )
  }

  it.effect("may only be slowness, by the clock of the test", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const { access_token } = yield* linked((yield* ada()).login)
      yield* simulator.fail({ failure: "slow", endpoint: "/item/get", delayMillis: 5_000 })
      const asked = yield* Effect.forkChild(call((api) => api.itemGet({ access_token })))
      yield* simulator.met("/item/get")
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.join(asked)
    }).pipe(Effect.provide(simulated())),
  )

  it.effect("is asking too often: per Item, and again after a minute", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const { login } = yield* ada()
      const { access_token } = yield* linked(login)
      const other = yield* linked(login)
      for (const _ of Array(15).keys()) yield* accountsOf(access_token)
      assert.strictEqual(yield* codeOf((api) => api.accountsGet({ access_token })), "ACCOUNTS_LIMIT")
      yield* accountsOf(other.access_token)
      yield* simulator.advance("1 minute")
      yield* accountsOf(access_token)
    }).pipe(Effect.provide(simulated({ limits: productionLimits }))),
  )

  it.effect("is asking too often with all Items together, until the minute is over", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const { login } = yield* ada()
      const tokens = [yield* linked(login), yield* linked(login), yield* linked(login)]
      const outcomes = Effect.forEach(tokens, ({ access_token }) =>
        Effect.map(Effect.result(call((api) => api.itemGet({ access_token }))), ({ _tag }) => _tag),
      )
      assert.deepStrictEqual(yield* outcomes, ["Success", "Success", "Failure"])
      yield* simulator.advance("59 seconds")
      assert.deepStrictEqual(yield* outcomes, ["Failure", "Failure", "Failure"])
      yield* simulator.advance("1 second")
      assert.deepStrictEqual(yield* outcomes, ["Success", "Success", "Failure"])
    }).pipe(Effect.provide(simulated({ limits: { "/item/get": { perClient: 2 } } }))),
  )

  it("names what was asked too often, and for balances who asked", () => {
    const refusalOf = (endpoint: string, items: number) => {
      const quotas = new Quotas(sandboxLimits)
      for (let asked = 0; ; asked++) {
        const code = quotas.take(endpoint, `item ${asked % items}`, 0)
        if (code !== undefined) return [code, asked]
      }
    }
    assert.deepStrictEqual(refusalOf("/transactions/get", 1), ["TRANSACTIONS_LIMIT", 80])
    assert.deepStrictEqual(refusalOf("/identity/get", 1), ["IDENTITY_LIMIT", 100])
    assert.deepStrictEqual(refusalOf("/identity/get", 11), ["IDENTITY_LIMIT", 1_000])
    assert.deepStrictEqual(refusalOf("/transactions/refresh", 1), ["TRANSACTIONS_REFRESH_LIMIT", 2])
    assert.deepStrictEqual(refusalOf("/accounts/balance/get", 1), ["BALANCE_LIMIT", 25])
    assert.deepStrictEqual(refusalOf("/accounts/balance/get", 5), ["ACCOUNTS_BALANCE_GET_LIMIT", 100])
  })
})

describe("The simulator", () => {
  it.effect("refuses keys, tokens and requests as Plaid does", () =>
    Effect.gen(function* () {
      const { client, url } = yield* PlaidSimulator
      const { access_token } = yield* linked((yield* ada()).login)
      const stranger = clientOf(url, { "PLAID-CLIENT-ID": client.id, "PLAID-SECRET": "another" })
      const refusal = yield* Effect.flip(asking(stranger, (api) => api.itemGet({ access_token })))
      assert.strictEqual(refusal.code, "INVALID_API_KEYS")
      const inBody = { access_token, client_id: client.id, secret: client.secret }
      yield* asking(clientOf(url, {}), (api) => api.itemGet(inBody))
      assert.strictEqual(
        yield* codeOf((api) => api.itemGet({ access_token: "access-sandbox-x" })),
        "INVALID_ACCESS_TOKEN",
      )
      assert.strictEqual(yield* codeOf((api) => api.itemGet({ access_token: "" })), "INVALID_FIELD")
      const nothing: { access_token: string } = JSON.parse("{}")
      assert.strictEqual(yield* codeOf((api) => api.itemGet(nothing)), "MISSING_FIELDS")
      assert.strictEqual(yield* codeOf((api) => api.transactionsSync({ access_token, count: 501 })), "INVALID_FIELD")
      const nowhere = yield* Effect.promise(() => fetch(`${url}/no/such/endpoint`, { method: "POST", body: "{}" }))
      assert.strictEqual(nowhere.status, 404)
      const unknown = { access_token, options: { account_ids: ["none"] } }
      assert.strictEqual(yield* codeOf((api) => api.accountsGet(unknown)), "INVALID_ACCOUNT_ID")
    }).pipe(Effect.provide(simulated())),
  )

  it.effect("serves what Plaid describes, knows all fields of its requests, and refuses others by name", () =>
    Effect.gen(function* () {
      const { client, url } = yield* PlaidSimulator
      const ask = Effect.fnUntraced(function* (path: string, fields: ReadonlyArray<string>) {
        const body: Record<string, unknown> = {}
        for (const field of fields) set(body, field.split("."))
        const response = yield* Effect.promise(() =>
          fetch(url + path, {
            method: "POST",
            headers: { "plaid-client-id": client.id, "plaid-secret": client.secret },
            body: JSON.stringify(body),
          }).then((answer) => answer.json()),
        )
        return Schema.decodeUnknownSync(Refusal)(response)
      })
      for (const path of describedEndpoints()) {
        const fields = fieldsOf(path).filter((field) => field !== "client_id" && field !== "secret")
        assert.notStrictEqual((yield* ask(path, fields)).error_code, "UNKNOWN_FIELDS", path)
        const refused = yield* ask(path, [...fields, "colour"])
        assert.deepEqual(refused, { error_code: "UNKNOWN_FIELDS", error_message: unrecognized("colour") })
      }
      const inside = yield* ask("/transactions/sync", ["access_token", "options.colour", "size"])
      assert.strictEqual(inside.error_message, unrecognized("options.colour, size"))
      const foreign = yield* ask("/transactions/get", ["access_token", "cursor"])
      assert.strictEqual(foreign.error_message, unrecognized("cursor"))
    }).pipe(Effect.provide(simulated())),
  )

  it.effect("answers everything else that is asked as it is described", () =>
    Effect.gen(function* () {
      const { access_token } = yield* linked((yield* ada("ins_117650")).login)
      const identity = yield* call((api) => api.identityGet({ access_token }))
      assert.isNotEmpty(identity.accounts[0]?.owners[0]?.names)
      const balance = yield* call((api) => api.accountsBalanceGet({ access_token }))
      assert.isString(balance.accounts[0]?.balances.last_updated_datetime)
      const { numbers } = yield* call((api) => api.authGet({ access_token }))
      assert.deepStrictEqual([numbers.ach.length, numbers.bacs.length, numbers.international.length], [0, 2, 2])
      const asked = { institution_id: "ins_117650", country_codes: [CountryCode.Gb] }
      const { institution } = yield* call((api) => api.institutionsGetById(asked))
      assert.deepInclude(institution, { name: "Royal Bank of Plaid", oauth: true })
      const elsewhere = { ...asked, country_codes: [CountryCode.Us] }
      assert.strictEqual(yield* codeOf((api) => api.institutionsGetById(elsewhere)), "INVALID_INSTITUTION")
    }).pipe(Effect.provide(simulated())),
  )

  it.effect("gives the same ids and rows for the same seed, and others for another", () =>
    Effect.gen(function* () {
      const life = Effect.gen(function* () {
        const simulator = yield* PlaidSimulator
        const { checking, login } = yield* ada()
        yield* simulator.seedHistory(checking, { count: 12, days: 30 })
        const { access_token, item_id } = yield* linked(login)
        const { added, cursor } = yield* syncAll(access_token)
        return { access_token, item_id, added, cursor }
      })
      const lived = (seed: string) => Effect.provide(life, simulated({ seed }), { local: true })
      const first = yield* lived("one")
      assert.deepStrictEqual(yield* lived("one"), first)
      const other = yield* lived("two")
      assert.notStrictEqual(other.item_id, first.item_id)
      assert.deepStrictEqual(other.added.map(content), first.added.map(content))
    }),
  )

  it.effect("is driven by curl as by code", () =>
    Effect.gen(function* () {
      const { url } = yield* PlaidSimulator
      const say = Effect.fnUntraced(function* (path: string, body: object = {}) {
        const response = yield* Effect.promise(() =>
          fetch(`${url}/_control/${path}`, { method: "POST", body: JSON.stringify(body) }),
        )
        return { status: response.status, body: yield* Effect.promise(() => response.json() as Promise<unknown>) }
      })
      const made = yield* say("logins", { institution: "ins_109508", id: "ada", accounts: [checking, savings] })
      const { accounts } = Schema.decodeUnknownSync(Schema.Struct({ accounts: Schema.Array(Schema.String) }))(made.body)
      const [account = ""] = accounts
      yield* say("transactions/seed", { account, count: 3, days: 10 })
      const { access_token, item_id } = yield* linked("ada")
      const added = yield* say("transactions/add", {
        account,
        transaction: { amount: 4, date: day(0), name: "Tea", pending: true },
      })
      const { transaction } = Schema.decodeUnknownSync(Schema.Struct({ transaction: Schema.String }))(added.body)
      yield* say("transactions/post", { transaction, amount: 5 })
      assert.deepStrictEqual((yield* syncAll(access_token)).added.at(-1)?.amount, 5)
      yield* say("items/break", { item: item_id, code: "ITEM_LOCKED" })
      assert.strictEqual(yield* codeOf((api) => api.accountsGet({ access_token })), "ITEM_LOCKED")
      yield* say("items/repair", { item: item_id })
      yield* say("fail", { failure: "internalError", endpoint: "/accounts/get" })
      assert.strictEqual(yield* codeOf((api) => api.accountsGet({ access_token })), "INTERNAL_SERVER_ERROR")
      yield* say("advance", { days: 3 })
      const overview = yield* Effect.promise(() => fetch(`${url}/_control`).then((response) => response.json()))
      assert.deepInclude(overview, { now: "2026-03-05T09:00:00.000Z" })

      assert.strictEqual((yield* say("items/repair", { item: "none" })).status, 404)
      const misspelt = yield* say("items/repair", { itme: item_id })
      assert.strictEqual(misspelt.status, 400)
    }).pipe(Effect.provide(simulated())),
  )
})

const Success = Schema.Struct({
  public_token: Schema.String,
  metadata: Schema.Struct({
    institution: Schema.Struct({ institution_id: Schema.String, name: Schema.String }),
    accounts: Schema.Array(Schema.Struct({ id: Schema.String, mask: Schema.NullOr(Schema.String) })),
  }),
})

const Refusal = Schema.Struct({
  error_code: Schema.optionalKey(Schema.String),
  error_message: Schema.optionalKey(Schema.String),
})

const unrecognized = (fields: string) => `the following fields are not recognized by this endpoint: ${fields}`

/** Something under this path, whatever it is. */
const set = (body: Record<string, unknown>, [name = "", ...rest]: ReadonlyArray<string>) => {
  if (rest.length === 0) body[name] ??= "x"
  else set((body[name] = isRecord(body[name]) ? body[name] : {}), rest)
}

const isRecord = Schema.is(Schema.Record(Schema.String, Schema.Unknown))

const numbersOf = Effect.fnUntraced(function* (access_token: string) {
  const { numbers } = yield* call((api) => api.authGet({ access_token }))
  return numbers
})

const expiryAfter = (days: number) => DateTime.toEpochMillis(DateTime.add(startAt, { days }))

/** What a row says, without ids. */
const content = ({ amount, authorized_date, date, name }: Transaction) => [name, amount, date, authorized_date]

const byKey = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]) => (a < b ? -1 : a > b ? 1 : 0)

function upTo(maximum: number) {
  return Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))
}
