/**
 * What reconnection, reviews, merges and their undoing must do on every store.
 */
import { assert, describe, layer } from "@effect/vitest"
import { Effect, type Layer, Stream } from "effect"

import * as Account from "../Account.ts"
import * as AccountsView from "../AccountsView.ts"
import * as Backtest from "../Backtest.ts"
import * as Connection from "../Connection.ts"
import * as EventStore from "../EventStore.ts"
import * as Ids from "../Ids.ts"
import * as InstitutionCounts from "../InstitutionCounts.ts"
import * as Links from "../Links.ts"
import * as Policy from "../matching/Policy.ts"
import { bank, checking, household, inhabited, inReal, numbered, renamed, savings, type Services } from "./household.ts"

/** Registers the cases as a suite. The store may hold events of earlier runs. */
export const reconnectionContract = <E>(name: string, store: Layer.Layer<Services, E>) =>
  layer(inhabited(store), inReal)(name, (it) => {
    describe("a consent", () => {
      it.effect("for accounts that nobody holds opens them, in the append that connects", () =>
        Effect.gen(function* () {
          const { connect, rows, tenantId } = yield* household
          const first = yield* connect(["ada"], checking("1111"), savings("2222"))
          const accounts = yield* rows
          assert.deepStrictEqual(
            accounts.map(({ connection_id, mask, name }) => [connection_id, name, mask]),
            [
              [first.connectionId, "Everyday Checking", "1111"],
              [first.connectionId, "Holiday Savings", "2222"],
            ],
          )
          assert.isTrue(yield* isOneAppend(tenantId, first.connectionId))
        }),
      )

      it.effect("for accounts that are held goes on with them: linked, followed and superseded at once", () =>
        Effect.gen(function* () {
          const { connect, connection, rows } = yield* household
          const first = yield* connect(["ada"], checking("1111"), savings("2222"))
          const before = (yield* rows).map(({ account_id }) => account_id)
          const second = yield* connect(["ada"], checking("1111"), savings("2222"))
          assert.deepStrictEqual(
            (yield* rows).map(({ account_id, confidence, connection_id, feeds }) => [
              account_id,
              connection_id,
              confidence,
              feeds.length,
            ]),
            before.map((id) => [id, second.connectionId, "high" as const, 2]),
          )
          assert.strictEqual((yield* connection(first)).status, "superseded")
          assert.strictEqual((yield* connection(second)).previous, first.connectionId)
        }),
      )

      it.effect("that is told of again changes nothing and answers the same", () =>
        Effect.gen(function* () {
          const { again, connect, rows, version } = yield* household
          const first = yield* connect(["ada"], checking("1111"))
          const [before, stands] = [yield* version(first), yield* rows]
          assert.deepInclude(yield* again, { connectionId: first.connectionId, outcome: "already-registered" })
          assert.strictEqual(yield* version(first), before)
          assert.deepStrictEqual(yield* rows, stands)
        }),
      )

      it.effect("that leaves out an account keeps what is held of it, and says so", () =>
        Effect.gen(function* () {
          const { connect, events, rows } = yield* household
          yield* connect(["ada"], checking("1111"), savings("2222"))
          const second = yield* connect(["ada"], checking("1111"))
          const left = (yield* rows).find(({ mask }) => mask === "2222")
          const matched = (yield* events(second)).find((event) => event._tag === "accounts_matched")
          assert.deepStrictEqual<unknown>(matched?.notShared, [left?.account_id])
          assert.strictEqual(left?.feeds.length, 1)
        }),
      )

      it.effect("of another owner stands beside the first one's, and takes nothing from it", () =>
        Effect.gen(function* () {
          const { connect, connection, rows } = yield* household
          const joint = { ...checking("5555"), persistentId: "joint-1" }
          const first = yield* connect(["ada"], joint)
          const second = yield* connect(["grace"], joint)
          assert.strictEqual((yield* connection(first)).status, "active")
          assert.strictEqual((yield* connection(second)).status, "active")
          assert.deepStrictEqual(
            (yield* rows).map(({ feeds }) => feeds.length),
            [2],
          )
        }),
      )

      it.effect("for another login than the one to be mended is refused, and nothing is written", () =>
        Effect.gen(function* () {
          const { connect, connection, rows } = yield* household
          const first = yield* connect(["ada"], numbered("0000", "021000021:1111222233330000"))
          const before = yield* rows
          const refused = yield* Effect.flip(
            connect(["ada", first.connectionId], numbered("7710", "021000021:4444555566667710")),
          )
          assert.strictEqual(refused._tag, "AnotherLogin")
          assert.strictEqual((yield* connection(first)).status, "active")
          assert.deepStrictEqual(yield* rows, before)
        }),
      )

      it.effect("that arrives twice at once under two authorizations opens no account twice", () =>
        Effect.gen(function* () {
          const { connect, rows } = yield* household
          yield* Effect.all(
            Array.from({ length: 8 }, () => connect(["ada"], checking("1111"), savings("2222"))),
            { concurrency: "unbounded" },
          )
          assert.strictEqual((yield* rows).length, 2)
        }),
      )

      it.effect("that is not sure asks the provider before a person", () =>
        Effect.gen(function* () {
          const { connect, rows } = yield* household
          yield* connect(["ada"], renamed("0000", "Savings account", "021000021:1111222233330000"))
          const asked: Array<ReadonlyArray<string>> = []
          yield* connect(
            ["ada", undefined, asked],
            renamed("0000", "Jane's vacation fund", "021000021:1111222233330000"),
          )
          assert.isNotEmpty(asked)
          assert.deepStrictEqual(
            (yield* rows).map(({ feeds }) => feeds.length),
            [2],
          )
        }),
      )

      it.effect("at an institution whose accounts share their digits is asked about, though the tenant holds one", () =>
        Effect.gen(function* () {
          const other = yield* household
          const member = (name: string) => ({
            ...checking("4242"),
            institution: { id: "ins_cu", name: "Tidewater" },
            name,
          })
          for (const names of [
            ["Share", "Loan", "Club"],
            ["Draft", "Auto", "Boat", "Home"],
          ]) {
            const { connect, rows, tenantId } = yield* household
            yield* connect(["ada"], ...names.map(member))
            assert.strictEqual((yield* rows).length, names.length)
            assert.strictEqual((yield* InstitutionCounts.read).populations.get(tenantId), names.length)
          }
          const counts = yield* InstitutionCounts.read
          assert.isAtLeast(counts.shared.get("ins_cu")?.mask.equal ?? 0, 9)

          yield* other.connect(["ada"], member("Share"))
          const before = yield* other.rows
          yield* other
            .connect(["ada"], member("Share"))
            .pipe(Effect.provideService(InstitutionCounts.InstitutionCounts, Effect.succeed(counts)))
          assert.deepStrictEqual(yield* other.rows, before)
          assert.strictEqual((yield* other.reviews).length, 1)
        }),
      )

      it.effect("keeps out what belongs to another tenant", () =>
        Effect.gen(function* () {
          const [one, other] = [yield* household, yield* household]
          yield* one.connect(["ada"], { ...checking("1111"), persistentId: "p" })
          yield* other.connect(["ada"], { ...checking("1111"), persistentId: "p" })
          assert.strictEqual((yield* one.rows)[0]?.feeds.length, 1)
          assert.strictEqual((yield* other.rows)[0]?.feeds.length, 1)
        }),
      )
    })

    describe("a question", () => {
      it.effect("is asked where twins fit equally, and nothing moves until it is answered", () =>
        Effect.gen(function* () {
          const { connect, connection, reviews, rows } = yield* household
          const first = yield* connect(["ada"], checking("0001"), checking("0001"))
          const before = yield* rows
          const second = yield* connect(["ada"], checking("0001"))
          const [review] = yield* reviews
          assert.deepInclude(review, { connection_id: second.connectionId, status: "open", level: "medium" })
          assert.sameMembers(
            review?.candidates.map(({ accountId }) => accountId) ?? [],
            before.map(({ account_id }) => account_id),
          )
          assert.deepStrictEqual(yield* rows, before)
          assert.strictEqual((yield* connection(first)).status, "active")
        }),
      )

      it.effect("that is open is a rival: what looks like the account is asked about too", () =>
        Effect.gen(function* () {
          const { connect, reviews, rows } = yield* household
          yield* connect(["ada"], checking("1111"))
          const before = yield* rows
          yield* connect(["ada"], { ...checking("1111"), name: "Bills" })
          assert.strictEqual((yield* reviews).length, 1)
          yield* connect(["ada"], checking("1111"))
          assert.strictEqual((yield* reviews).length, 2)
          assert.deepStrictEqual(yield* rows, before)
        }),
      )

      it.effect("that is answered links the feed, and the connection goes on from the one before", () =>
        Effect.gen(function* () {
          const { ask, connection, resolve, reviews, rows } = yield* household
          const { candidate, first, question, second } = yield* ask
          yield* resolve(question, candidate)
          assert.strictEqual((yield* rows).find(({ account_id }) => account_id === candidate)?.feeds.length, 2)
          assert.deepStrictEqual(
            (yield* reviews).map(({ status }) => status),
            ["linked"],
          )
          assert.strictEqual((yield* connection(first)).status, "superseded")
          assert.strictEqual((yield* connection(second)).previous, first.connectionId)
        }),
      )

      it.effect("that is answered with another account opens one", () =>
        Effect.gen(function* () {
          const { ask, connection, resolve, rows } = yield* household
          const { first, question } = yield* ask
          yield* resolve(question, "another")
          assert.strictEqual((yield* rows).length, 3)
          assert.strictEqual((yield* connection(first)).status, "active")
        }),
      )

      it.effect("cannot be answered twice, nor with an account that it is not about", () =>
        Effect.gen(function* () {
          const { ask, resolve } = yield* household
          const { candidate, question } = yield* ask
          const stranger = Ids.AccountId.make("00000000-0000-4000-8000-000000000001")
          assert.strictEqual((yield* Effect.flip(resolve(question, stranger)))._tag, "NotACandidate")
          yield* resolve(question, candidate)
          assert.strictEqual((yield* Effect.flip(resolve(question, candidate)))._tag, "ReviewNotOpen")
        }),
      )

      it.effect("is another one once the account was linked elsewhere", () =>
        Effect.gen(function* () {
          const { ask, by, resolve, rows } = yield* household
          const { candidate, question } = yield* ask
          const other = (yield* rows).find(({ account_id }) => account_id !== candidate)?.account_id ?? candidate
          yield* Links.merge(bank, { kept: candidate, absorbed: other }, by)
          assert.strictEqual((yield* Effect.flip(resolve(question, candidate)))._tag, "StaleGround")
          assert.strictEqual((yield* Effect.flip(resolve(question, other)))._tag, "AccountMerged")
          yield* resolve(question, "another")
        }),
      )
    })

    describe("a link", () => {
      it.effect("that is undone leaves the account as it was, and is not made by itself again", () =>
        Effect.gen(function* () {
          const { by, connect, linksOf, rows } = yield* household
          yield* connect(["ada"], checking("1111"))
          const [account] = yield* rows
          assert.isDefined(account)
          const before = yield* linksOf(account.account_id)
          yield* connect(["ada"], checking("1111"))
          const feedId = (yield* linksOf(account.account_id)).at(-1)?.feedId
          assert.isDefined(feedId)
          const own = yield* Links.undo(bank, { accountId: account.account_id, feedId }, by)
          assert.deepStrictEqual(yield* linksOf(account.account_id), before)
          assert.deepStrictEqual(
            (yield* linksOf(own.accountId)).map((link) => link.feedId),
            [feedId],
          )
          yield* connect(["ada"], checking("1111"))
          assert.deepStrictEqual(yield* linksOf(account.account_id), before)
        }),
      )
    })

    describe("a merge", () => {
      it.effect("R32 can be undone exactly, and made again", () =>
        Effect.gen(function* () {
          const { by, connect, linksOf, twoAccounts } = yield* household
          yield* connect(["ada"], checking("1111"))
          yield* connect(["grace"], savings("2222"))
          const [kept, absorbed] = yield* twoAccounts
          const links = Effect.all([linksOf(kept), linksOf(absorbed)])
          const before = yield* links
          yield* Links.merge(bank, { kept, absorbed }, by)
          const merged = yield* links
          assert.deepStrictEqual(
            merged.map(({ length }) => length),
            [2, 0],
          )
          yield* Links.unmerge(bank, { kept, absorbed }, by)
          assert.deepStrictEqual(yield* links, before)
          yield* Links.merge(bank, { kept, absorbed }, by)
          assert.deepStrictEqual(yield* links, merged)
        }),
      )

      it.effect("R32 that crosses another one conflicts: one of them wins", () =>
        Effect.gen(function* () {
          const { by, connect, twoAccounts } = yield* household
          yield* connect(["ada"], checking("1111"))
          yield* connect(["grace"], savings("2222"))
          const [one, other] = yield* twoAccounts
          const results = yield* Effect.all(
            [
              Effect.result(Links.merge(bank, { kept: one, absorbed: other }, by)),
              Effect.result(Links.merge(bank, { kept: other, absorbed: one }, by)),
            ],
            { concurrency: "unbounded" },
          )
          assert.deepStrictEqual(results.map(({ _tag }) => _tag).toSorted(), ["Failure", "Success"])
          const failure = results.find((result) => result._tag === "Failure")
          assert.strictEqual(failure?.failure._tag, "AccountMerged")
        }),
      )

      it.effect("of an account with itself, or with one in another currency, is refused", () =>
        Effect.gen(function* () {
          const { by, connect, twoAccounts } = yield* household
          yield* connect(["ada"], checking("1111"), { ...savings("2222"), currency: "EUR" })
          const [one, other] = yield* twoAccounts
          for (const pair of [
            { kept: one, absorbed: one },
            { kept: one, absorbed: other },
          ]) {
            assert.strictEqual((yield* Effect.flip(Links.merge(bank, pair, by)))._tag, "CannotMerge")
          }
        }),
      )

      it.effect("of two connections is undone with its accounts", () =>
        Effect.gen(function* () {
          const { by, connect, connection, linksOf, twoAccounts } = yield* household
          const into = yield* connect(["ada"], checking("1111"))
          const from = yield* connect(["grace"], savings("2222"))
          const [kept, absorbed] = yield* twoAccounts
          const before = [yield* linksOf(kept), yield* linksOf(absorbed)]
          const pair = { into: into.connectionId, from: from.connectionId, accounts: [{ kept, absorbed }] }
          yield* Links.mergeConnections(bank, pair, by)
          assert.strictEqual((yield* connection(from)).status, "superseded")
          assert.strictEqual((yield* connection(into)).previous, from.connectionId)
          yield* Links.unmergeConnections(bank, pair, by)
          assert.strictEqual((yield* connection(from)).status, "active")
          assert.deepStrictEqual([yield* linksOf(kept), yield* linksOf(absorbed)], before)
        }),
      )
    })

    describe("a backtest", () => {
      it.effect("under the same policy finds no difference, and under a stricter one what it would have asked", () =>
        Effect.gen(function* () {
          const { connect, rows, tenantId } = yield* household
          yield* connect(["ada"], checking("1111"))
          yield* connect(["ada"], checking("1111"))
          const before = yield* rows
          const retried = (policy: Policy.Policy) => Stream.runCollect(Backtest.run(policy, { tenantId }))
          const same = yield* retried(Policy.recon1)
          assert.deepStrictEqual(
            same.map(({ decisions, differences }) => [decisions, differences.length]),
            [
              [1, 0],
              [1, 0],
            ],
          )
          const { high, ...thresholds } = Policy.recon1.thresholds
          const strict = {
            ...Policy.recon1,
            version: "strict",
            thresholds: { ...thresholds, high: { ...high, margin: 90_000 } },
          }
          const differences = (yield* retried(strict)).flatMap((one) => one.differences)
          assert.deepStrictEqual(
            differences.map(({ was, would }) => [was.action, would.action, would.policy]),
            [["auto", "review", "strict"]],
          )
          assert.deepStrictEqual(yield* rows, before)
        }),
      )
    })
  })

/** Whether a connection and the tenant's accounts came about at once: the positions of one append follow each other. */
const isOneAppend = Effect.fnUntraced(function* (tenantId: Ids.TenantId, connectionId: Ids.ConnectionId) {
  const store = yield* EventStore.EventStore
  const connection = yield* Stream.runCollect(store.readStream(tenantId, Connection.streamId(connectionId)))
  const accounts = yield* AccountsView.list(tenantId)
  const opened = yield* Effect.forEach(accounts, ({ account_id }) =>
    Stream.runCollect(store.readStream(tenantId, Account.streamId(account_id))),
  )
  const positions = [connection, ...opened]
    .flat()
    .map(({ position }) => Number(position))
    .toSorted((a, b) => a - b)
  return positions.every((position, index) => position === (positions[0] ?? 0) + index)
})
