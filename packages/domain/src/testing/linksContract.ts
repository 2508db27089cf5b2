/**
 * What must hold of links on every store when things happen in other orders than
 * anybody hoped: late consents, logins that end while a person is asked, answers
 * that cross, merges that are taken back in the wrong order, people who are
 * forgotten.
 */
import { assert, describe, layer } from "@effect/vitest"
import { DateTime, Effect, type Layer, Option, Redacted, Schema, Stream } from "effect"
import { SecureRandom } from "effect/crypto"

import * as Account from "../Account.ts"
import * as AccountKeysView from "../AccountKeysView.ts"
import * as AccountsView from "../AccountsView.ts"
import * as Aggregate from "../Aggregate.ts"
import * as EventCodec from "../EventCodec.ts"
import * as EventStore from "../EventStore.ts"
import * as Forgetting from "../Forgetting.ts"
import * as Ids from "../Ids.ts"
import { KeyedHash } from "../KeyedHash.ts"
import * as Links from "../Links.ts"
import * as Profile from "../matching/Profile.ts"
import * as Personal from "../Personal.ts"
import { ProviderError, Unavailable } from "../Provider.ts"
import * as Reconnection from "../Reconnection.ts"
import * as ReviewsView from "../ReviewsView.ts"
import { Vault } from "../Vault.ts"
import * as ViewStore from "../ViewStore.ts"
import {
  bank,
  checking,
  club,
  household,
  inhabited,
  inReal,
  numbered,
  renamed,
  savings,
  type Services,
} from "./household.ts"

/** Registers the cases as a suite. The store may hold events of earlier runs. */
export const linksContract = <E>(
  name: string,
  store: Layer.Layer<Services, E>,
  options: { readonly runs?: number } = {},
) =>
  layer(inhabited(store), inReal)(name, (it) => {
    describe("a consent", () => {
      it.effect("in a slot, for accounts that are held, takes the slot and the accounts in one append", () =>
        Effect.gen(function* () {
          const { connection, consent, rows, source } = yield* household
          const first = yield* consent("ada", [yield* source(checking("1111"))], { provider: club.id })
          const second = yield* consent("ada", [yield* source(checking("1111"))], { provider: club.id })
          assert.strictEqual(second.superseded, first.connectionId)
          assert.strictEqual((yield* connection(first)).supersededBy, second.connectionId)
          assert.strictEqual((yield* connection(second)).previous, first.connectionId)
          assert.deepStrictEqual(
            (yield* rows).map(({ connection_id, feeds }) => [connection_id, feeds.length]),
            [[second.connectionId, 2]],
          )
        }),
      )

      it.effect("that comes later than a newer one takes neither the slot nor the accounts", () =>
        Effect.gen(function* () {
          const { connection, consent, rows, source } = yield* household
          const now = yield* DateTime.now
          const first = yield* consent("ada", [yield* source(checking("1111"))], { provider: club.id })
          const before = yield* rows
          const late = yield* consent("ada", [yield* source(checking("1111"))], {
            provider: club.id,
            authorizedAt: DateTime.subtract(now, { hours: 1 }),
          })
          assert.strictEqual(late.supersededBy, first.connectionId)
          assert.strictEqual((yield* connection(first)).status, "active")
          assert.deepStrictEqual(yield* rows, before)
        }),
      )

      it.effect("that is over by the time its accounts are known takes nothing from those at work", () =>
        Effect.gen(function* () {
          const { connect, connection, consent, rows, source, tell } = yield* household
          const authorization = Ids.AuthorizationRef.make("over")
          const over = yield* consent("ada", [], { authorization })
          yield* tell(over.connectionId, { _tag: "Disconnect", at: yield* DateTime.now, reason: "owner" })
          const first = yield* connect(["ada"], checking("1111"))
          const before = yield* rows
          yield* consent("ada", [yield* source(checking("1111"))], { authorization })
          assert.strictEqual((yield* connection(first)).status, "active")
          assert.deepStrictEqual(yield* rows, before)
        }),
      )

      it.effect("for an account whose other owner has to consent again does not end that consent", () =>
        Effect.gen(function* () {
          const { connect, connection, rows, tell } = yield* household
          const joint = { ...checking("5555"), persistentId: "joint-1" }
          const grace = yield* connect(["grace"], joint)
          yield* tell(grace.connectionId, {
            _tag: "ReportAuthorizationFailure",
            at: yield* DateTime.now,
            reason: "expired",
          })
          yield* connect(["ada"], joint)
          assert.strictEqual((yield* connection(grace)).status, "needs_reauth")
          assert.deepStrictEqual(
            (yield* rows).map(({ feeds, owner_id }) => [String(owner_id), feeds.length]),
            [["ada", 2]],
          )
        }),
      )

      it.effect("to a joint account goes on from the owner's own connection, and stands beside the other's", () =>
        Effect.gen(function* () {
          const { connect, connection } = yield* household
          const joint = { ...checking("5555"), persistentId: "joint-1" }
          const ada = yield* connect(["ada"], joint)
          const grace = yield* connect(["grace"], joint)
          const again = yield* connect(["ada"], joint)
          assert.strictEqual((yield* connection(ada)).supersededBy, again.connectionId)
          assert.strictEqual((yield* connection(again)).previous, ada.connectionId)
          assert.strictEqual((yield* connection(grace)).status, "active")
        }),
      )

      it.effect("for the accounts of two logins goes on from both", () =>
        Effect.gen(function* () {
          const { connect, connection, rows } = yield* household
          const one = yield* connect(["ada"], checking("1111"))
          const other = yield* connect(["ada"], savings("2222"))
          const both = yield* connect(["ada"], checking("1111"), savings("2222"))
          assert.strictEqual((yield* connection(one)).supersededBy, both.connectionId)
          assert.strictEqual((yield* connection(other)).supersededBy, both.connectionId)
          assert.deepStrictEqual(
            (yield* rows).map(({ feeds }) => feeds.length),
            [2, 2],
          )
        }),
      )

      it.effect("that is mended under new ids goes on with its accounts, and is itself again", () =>
        Effect.gen(function* () {
          const { connection, consent, rows, source, tenantId, version } = yield* household
          const described = [
            { ...checking("1111"), persistentId: "p1" },
            { ...savings("2222"), persistentId: "p2" },
          ]
          const before = yield* Effect.forEach(described, source)
          const first = yield* consent("ada", before)
          yield* rows
          const after = yield* Effect.forEach(described, source)
          yield* Reconnection.adopt(bank, tenantId, first.connectionId, after)
          assert.deepStrictEqual(
            (yield* rows).map(({ feeds }) => feeds.length),
            [2, 2],
          )
          const { previous, status } = yield* connection(first)
          assert.deepStrictEqual([status, previous], ["active", undefined])
          const stands = yield* version(first)
          yield* Reconnection.adopt(bank, tenantId, first.connectionId, before)
          assert.strictEqual(yield* version(first), stands)
        }),
      )

      it.effect("does not take a second account for one that it delivers already", () =>
        Effect.gen(function* () {
          const { consent, rows, source, tenantId } = yield* household
          const known = yield* source(checking("1111"))
          const first = yield* consent("ada", [known])
          yield* Reconnection.adopt(bank, tenantId, first.connectionId, [known, yield* source(checking("1111"))])
          assert.isTrue((yield* rows).every(({ feeds }) => feeds.length === 1))
        }),
      )

      it.effect("is decided again when somebody changes the accounts meanwhile", () =>
        Effect.gen(function* () {
          const { by, connect, twoAccounts } = yield* household
          yield* connect(["ada"], checking("1111"), savings("2222"))
          const [kept, absorbed] = yield* twoAccounts
          const turns = Effect.gen(function* () {
            yield* Links.merge(bank, { kept, absorbed }, by)
            yield* Links.unmerge(bank, { kept, absorbed }, by)
          })
          const consents = Effect.andThen(connect(["ada"], checking("1111")), connect(["ada"], savings("2222")))
          yield* Effect.all([consents, Effect.andThen(turns, turns)], { concurrency: "unbounded" })
        }),
      )

      it.effect("finds its accounts among more than a thousand, and can still be recorded", () =>
        Effect.gen(function* () {
          const { connect, events, rows, tenantId } = yield* household
          yield* crowd(tenantId, 1_200)
          const own = Array.from({ length: 10 }, (_, n) => numbered(`9${n}00`, `021000021:77770000${n}`))
          const first = yield* connect(["ada"], ...own)
          const second = yield* connect(["ada"], ...own)
          const found = (yield* rows).filter(({ connection_id }) => connection_id === second.connectionId)
          assert.strictEqual(found.length, own.length)
          const matched = (yield* events(second)).find((event) => event._tag === "accounts_matched")
          assert.isAtLeast(matched?.grounds.population ?? 0, 1_000)
          assert.strictEqual((yield* events(first)).at(-1)?._tag, "superseded")
        }),
      )
    })

    describe("a question", () => {
      it.effect("about a login that is over is still answered, and ends nothing that works", () =>
        Effect.gen(function* () {
          const { ask, connection, resolve, rows, tell } = yield* household
          const { candidate, first, question, second } = yield* ask
          yield* tell(second.connectionId, { _tag: "Disconnect", at: yield* DateTime.now, reason: "owner" })
          yield* resolve(question, candidate)
          assert.strictEqual((yield* rows).find(({ account_id }) => account_id === candidate)?.feeds.length, 2)
          assert.strictEqual((yield* connection(first)).status, "active")
          assert.isUndefined((yield* connection(second)).previous)
        }),
      )

      it.effect("about somebody who was forgotten is not asked any more", () =>
        Effect.gen(function* () {
          const { ask, by, resolve, rows, tenantId } = yield* household
          const { candidate, question, second } = yield* ask
          const before = yield* rows
          yield* Forgetting.forget(tenantId, second.connectionId, by)
          assert.strictEqual((yield* Effect.flip(resolve(question, candidate)))._tag, "ReviewNotOpen")
          assert.strictEqual((yield* Effect.flip(resolve(question, "another")))._tag, "ReviewNotOpen")
          assert.deepStrictEqual(yield* rows, before)
          assert.deepStrictEqual(yield* ReviewsView.open(tenantId), [])
        }),
      )

      it.effect("whose answer another question took is stale, and can be answered by whoever looked again", () =>
        Effect.gen(function* () {
          const { account, connect, resolve, reviews } = yield* household
          yield* connect(["ada"], checking("0001"), checking("0001"))
          const { connectionId } = yield* connect(["ada"], checking("0001"), checking("0001"))
          const [one, other] = yield* reviews
          assert.isDefined(one)
          assert.isDefined(other)
          const accountId = Ids.AccountId.make(String(one.candidates[0]?.["accountId"]))
          yield* resolve({ connectionId, reviewId: one.review_id }, accountId)
          const question = { connectionId, reviewId: other.review_id }
          assert.strictEqual((yield* Effect.flip(resolve(question, accountId)))._tag, "StaleGround")
          const { links } = yield* account(accountId)
          assert.strictEqual(
            (yield* Effect.flip(resolve({ ...question, seen: links - 1 }, accountId)))._tag,
            "StaleGround",
          )
          yield* resolve({ ...question, seen: links }, accountId)
          assert.strictEqual((yield* account(accountId)).feeds.length, 3)
        }),
      )

      it.effect("goes on from the connection of the account that was chosen, not of the likeliest", () =>
        Effect.gen(function* () {
          const { connect, connection, resolve, reviews, tenantId } = yield* household
          const logins = [
            yield* connect(["ada"], { ...checking("0001"), persistentId: "p1" }),
            yield* connect(["ada"], { ...checking("0001"), persistentId: "p2" }),
          ]
          const { connectionId } = yield* connect(["ada"], checking("0001"))
          const [review] = yield* reviews
          assert.isDefined(review)
          assert.strictEqual(review.candidates.length, 2)
          const last = Ids.AccountId.make(String(review.candidates.at(-1)?.["accountId"]))
          const account = yield* AccountsView.get(tenantId, last)
          yield* resolve({ connectionId, reviewId: review.review_id }, last)
          const statuses = yield* Effect.forEach(logins, (login) =>
            Effect.map(connection(login), ({ status }) => [login.connectionId, status]),
          )
          assert.deepStrictEqual(
            statuses,
            logins.map((login) => [
              login.connectionId,
              login.connectionId === account?.connection_id ? "superseded" : "active",
            ]),
          )
        }),
      )
    })

    describe("a link", () => {
      it.effect("that is undone leaves nothing behind in the view, and takes along what is its own", () =>
        Effect.gen(function* () {
          const { by, connect, deliver, linksOf, rows } = yield* household
          const value = "021000021:1111222233330000"
          yield* connect(["ada"], renamed("0000", "Savings account", value))
          const accountId = (yield* rows)[0]?.account_id
          assert.isDefined(accountId)
          const [first] = yield* linksOf(accountId)
          assert.isDefined(first)
          yield* deliver(first, { from: "2026-01-01", to: "2026-01-31" }, 3)
          const [before] = yield* rows
          yield* connect(["ada"], renamed("0000", "Jane's vacation fund", value))
          const wrong = (yield* linksOf(accountId)).at(-1)
          assert.isDefined(wrong)
          yield* deliver(wrong, { from: "2026-01-21", to: "2026-06-30" }, 5)
          assert.deepInclude((yield* rows)[0], {
            name: "Jane's vacation fund",
            covered_from: "2026-01-01",
            covered_to: "2026-06-30",
            items: 8,
          })
          const own = yield* Links.undo(bank, { accountId, feedId: wrong.feedId }, by)
          const after = yield* rows
          assert.deepStrictEqual(told(after.find(({ account_id }) => account_id === accountId)), told(before))
          assert.deepInclude(
            after.find(({ account_id }) => account_id === own.accountId),
            { name: "Jane's vacation fund", covered_from: "2026-01-21", covered_to: "2026-06-30" },
          )
          // The next consent fetches what the account lost with the feed.
          yield* connect(["ada"], renamed("0000", "Savings account", value))
          const matched = yield* Effect.map(linksOf(accountId), (links) => links.at(-1)?.connectionId)
          assert.notStrictEqual(matched, wrong.connectionId)
        }),
      )

      it.effect("that is undone is not undone again, and leaves a question where both still look alike", () =>
        Effect.gen(function* () {
          const { by, connect, linksOf, reviews, rows } = yield* household
          yield* connect(["ada"], checking("1111"))
          yield* connect(["ada"], checking("1111"))
          const accountId = (yield* rows)[0]?.account_id
          assert.isDefined(accountId)
          const feedId = (yield* linksOf(accountId)).at(-1)?.feedId
          assert.isDefined(feedId)
          const own = yield* Links.undo(bank, { accountId, feedId }, by)
          assert.strictEqual((yield* Effect.flip(Links.undo(bank, { accountId, feedId }, by)))._tag, "NotLinked")
          yield* connect(["ada"], checking("1111"))
          const [review] = yield* reviews
          assert.isDefined(review)
          assert.sameMembers(
            review.candidates.map((one) => one["accountId"]),
            [accountId, own.accountId],
          )
          // They were one after all: what is delivered next goes to it again, and opens nothing.
          yield* Links.merge(bank, { kept: accountId, absorbed: own.accountId }, by)
          const seen = (yield* rows).find(({ account_id }) => account_id === accountId)?.links
          const question = { connectionId: review.connection_id, reviewId: review.review_id, seen }
          yield* Links.resolve(bank, question, accountId, by)
          yield* connect(["ada"], checking("1111"))
          assert.strictEqual((yield* linksOf(accountId)).length, 4)
        }),
      )

      it.effect("of an account that was merged is undone where it is now", () =>
        Effect.gen(function* () {
          const { account, by, connect, linksOf, rows, twoAccounts } = yield* household
          yield* connect(["ada"], checking("1111"))
          yield* connect(["grace"], savings("2222"))
          const [kept, absorbed] = yield* twoAccounts
          const feedId = (yield* linksOf(absorbed))[0]?.feedId
          assert.isDefined(feedId)
          yield* Links.merge(bank, { kept, absorbed }, by)
          const refused = yield* Effect.flip(Links.undo(bank, { accountId: absorbed, feedId }, by))
          assert.deepInclude(refused, { _tag: "AccountMerged", into: kept })
          const own = yield* Links.undo(bank, { accountId: kept, feedId }, by)
          assert.strictEqual(
            (yield* rows).find(({ account_id }) => account_id === own.accountId)?.name,
            "Holiday Savings",
          )
          yield* Links.unmerge(bank, { kept, absorbed }, by)
          assert.deepStrictEqual((yield* account(absorbed)).feeds, [])
          assert.strictEqual((yield* account(own.accountId)).feeds.length, 1)
        }),
      )
    })

    describe("a merge", () => {
      it.effect("into an account that was merged itself is taken back last first, and exactly", () =>
        Effect.gen(function* () {
          const { by, connect, linksOf, rows } = yield* household
          yield* connect(["ada"], checking("1111"))
          yield* connect(["grace"], savings("2222"))
          yield* connect(["mary"], renamed("3333", "Car loan", "021000021:3333"))
          const [a, b, c] = (yield* rows).map(({ account_id }) => account_id)
          assert.isDefined(a)
          assert.isDefined(b)
          assert.isDefined(c)
          const links = Effect.all([linksOf(a), linksOf(b), linksOf(c)])
          const before = yield* links
          const stood = yield* rows
          yield* Links.merge(bank, { kept: b, absorbed: a }, by)
          const once = yield* links
          yield* Links.merge(bank, { kept: c, absorbed: b }, by)
          assert.deepInclude(yield* Effect.flip(Links.unmerge(bank, { kept: b, absorbed: a }, by)), {
            _tag: "AccountMerged",
            into: c,
          })
          assert.strictEqual((yield* Effect.flip(Links.unmerge(bank, { kept: c, absorbed: a }, by)))._tag, "NotMerged")
          yield* Links.unmerge(bank, { kept: c, absorbed: b }, by)
          assert.deepStrictEqual(yield* links, once)
          yield* Links.unmerge(bank, { kept: b, absorbed: a }, by)
          assert.deepStrictEqual(yield* links, before)
          assert.deepStrictEqual((yield* rows).map(told), stood.map(told))
        }),
      )

      it.effect("leaves what was linked since where it is when it is taken back", () =>
        Effect.gen(function* () {
          const { by, connect, linksOf, twoAccounts } = yield* household
          yield* connect(["ada"], checking("1111"))
          yield* connect(["grace"], savings("2222"))
          const [kept, absorbed] = yield* twoAccounts
          const gone = yield* linksOf(absorbed)
          yield* Links.merge(bank, { kept, absorbed }, by)
          const { connectionId } = yield* connect(["grace"], savings("2222"))
          yield* Links.unmerge(bank, { kept, absorbed }, by)
          assert.deepStrictEqual(yield* linksOf(absorbed), gone)
          assert.strictEqual((yield* linksOf(kept)).at(-1)?.connectionId, connectionId)
        }),
      )

      it.effect("of an account that its provider knows for good, or that was forgotten, is refused", () =>
        Effect.gen(function* () {
          const { by, connect, tenantId, twoAccounts } = yield* household
          const first = yield* connect(["ada"], checking("1111"))
          yield* connect(["grace"], savings("2222"))
          const [one, other] = yield* twoAccounts
          const mailbox = yield* opened(tenantId, Ids.IdentityHash.make("a".repeat(64)))
          const merge = (kept: Ids.AccountId, absorbed: Ids.AccountId) =>
            Effect.map(Effect.flip(Links.merge(bank, { kept, absorbed }, by)), ({ _tag }) => _tag)
          assert.strictEqual(yield* merge(one, mailbox), "CannotMerge")
          yield* Forgetting.forget(tenantId, first.connectionId, by)
          assert.strictEqual(yield* merge(one, other), "AccountNotOpen")
          assert.strictEqual(yield* merge(other, one), "AccountNotOpen")
        }),
      )

      it.effect("of two connections that crosses another one leaves one of them at work", () =>
        Effect.gen(function* () {
          const { by, connect, connection } = yield* household
          const one = yield* connect(["ada"], checking("1111"))
          const other = yield* connect(["ada"], savings("2222"))
          const merging = (into: Ids.ConnectionId, from: Ids.ConnectionId) =>
            Effect.result(Links.mergeConnections(bank, { into, from, accounts: [] }, by))
          const results = yield* Effect.all(
            [merging(one.connectionId, other.connectionId), merging(other.connectionId, one.connectionId)],
            { concurrency: "unbounded" },
          )
          assert.deepStrictEqual(results.map(({ _tag }) => _tag).toSorted(), ["Failure", "Success"])
          const statuses = [(yield* connection(one)).status, (yield* connection(other)).status]
          assert.deepStrictEqual(statuses.toSorted(), ["active", "superseded"])
        }),
      )

      it.effect("of two connections that cannot be meant is refused, and so is taking back what was never merged", () =>
        Effect.gen(function* () {
          const { by, connect, connection, twoAccounts } = yield* household
          const one = yield* connect(["ada"], checking("1111"))
          const other = yield* connect(["ada"], savings("2222"))
          const [kept, absorbed] = yield* twoAccounts
          const tagOf = <E extends { readonly _tag: string }, R>(effect: Effect.Effect<unknown, E, R>) =>
            Effect.map(Effect.flip(effect), ({ _tag }) => _tag)
          const [into, from] = [one.connectionId, other.connectionId]
          const twice = [
            { kept, absorbed },
            { kept, absorbed },
          ]
          assert.strictEqual(
            yield* tagOf(Links.mergeConnections(bank, { into, from: into, accounts: [] }, by)),
            "CannotMerge",
          )
          assert.strictEqual(
            yield* tagOf(Links.mergeConnections(bank, { into, from, accounts: twice }, by)),
            "CannotMerge",
          )
          const third = yield* connect(["ada"], savings("2222"))
          assert.strictEqual((yield* connection(other)).supersededBy, third.connectionId)
          assert.strictEqual(
            yield* tagOf(Links.unmergeConnections(bank, { into, from, accounts: [] }, by)),
            "NotFollowed",
          )
          assert.strictEqual((yield* connection(other)).status, "superseded")
        }),
      )
    })

    describe("forgetting", () => {
      it.effect("the last connection of an account forgets the account, and what it had absorbed", () =>
        Effect.gen(function* () {
          const { account, by, connect, rows, tenantId } = yield* household
          const one = yield* connect(["ada"], checking("1111"), savings("2222"))
          const other = yield* connect(["ada"], renamed("3333", "Car loan", "021000021:3333"))
          const [first, second, third] = (yield* rows).map(({ account_id }) => account_id)
          assert.isDefined(first)
          assert.isDefined(second)
          assert.isDefined(third)
          yield* Links.merge(bank, { kept: first, absorbed: third }, by)
          yield* Forgetting.forget(tenantId, one.connectionId, by)
          // What was merged is still delivered by the other login.
          assert.deepStrictEqual(
            yield* Effect.forEach([first, second, third], (id) =>
              Effect.map(account(id), ({ forgotten }) => forgotten),
            ),
            [false, true, false],
          )
          const forgotten = yield* Forgetting.forget(tenantId, other.connectionId, by)
          assert.includeMembers([...forgotten.streams], [Account.streamId(first), Account.streamId(third)])
          assert.deepStrictEqual(yield* rows, [])
          assert.deepStrictEqual(yield* namesIn(tenantId, [first, second, third]), [])
          assert.deepStrictEqual(yield* keysOf(tenantId), [])
          yield* connect(["ada"], checking("1111"))
          assert.notInclude(
            (yield* rows).map(({ account_id }) => account_id),
            first,
          )
        }),
      )

      it.effect("tells the provider while there still is a key, and again until it has heard", () =>
        Effect.gen(function* () {
          const { by, connect, connection, tenantId } = yield* household
          const first = yield* connect(["ada"], checking("1111"))
          const { connectionId } = first
          const vault = yield* Vault
          yield* vault.put(tenantId, connectionId, Redacted.make("key"), { replaces: 0 })
          const heard: Array<string> = []
          let isDown = true
          const remove = (secret: Redacted.Redacted<string>) =>
            isDown
              ? Effect.fail(new ProviderError({ provider: bank.id, reason: new Unavailable() }))
              : Effect.sync(() => void heard.push(Redacted.value(secret)))
          const forget = Forgetting.forget(tenantId, connectionId, { ...by, remove })
          assert.strictEqual((yield* Effect.flip(forget))._tag, "ProviderError")
          assert.isTrue((yield* connection(first)).forgotten)
          assert.strictEqual((yield* vault.get(tenantId, connectionId)).version, 1)
          isDown = false
          yield* forget
          yield* forget
          assert.deepStrictEqual(heard, ["key"])
          assert.strictEqual((yield* Effect.flip(vault.get(tenantId, connectionId)))._tag, "CredentialsNotFound")
        }),
      )
    })

    it.effect.prop(
      "whatever people do and in whatever order, a feed is linked once, claims and views say what the accounts say",
      [Schema.Array(Move).check(Schema.isMaxLength(25))],
      ([moves]) =>
        Effect.gen(function* () {
          const world = yield* household
          const met = new Set<Ids.AccountId>()
          const logins: Array<Ids.ConnectionId> = []
          for (const move of moves) {
            for (const { account_id } of yield* world.rows) met.add(account_id)
            yield* play(world, logins, move)
          }
          const rows = yield* world.rows
          for (const { account_id } of rows) met.add(account_id)
          const store = yield* EventStore.EventStore
          const linked: Array<Ids.FeedId> = []
          for (const accountId of met) {
            const { feeds, forgotten, mergedInto } = yield* world.account(accountId)
            const row = rows.find(({ account_id }) => account_id === accountId)
            assert.strictEqual(row === undefined, forgotten)
            assert.strictEqual(row?.merged_into ?? undefined, forgotten ? undefined : mergedInto)
            if (forgotten) continue
            assert.deepStrictEqual<ReadonlyArray<unknown>>(
              row?.feeds.map(({ feedId }) => feedId) ?? [],
              feeds.map(({ feedId }) => feedId),
            )
            if (mergedInto !== undefined) assert.deepStrictEqual(feeds, [])
            for (const { feedId } of feeds) {
              assert.strictEqual(
                yield* store.holderOf(world.tenantId, Account.feedClaim(feedId)),
                Account.streamId(accountId),
              )
              linked.push(feedId)
            }
          }
          assert.strictEqual(new Set(linked).size, linked.length)
        }),
      { timeout: 120_000, arbitrary: { runs: options.runs ?? 30, maxShrinks: 30 } },
    )
  })

const Move = Schema.Struct({
  move: Schema.Literals([
    "connect",
    "connect",
    "resolve",
    "resolve",
    "undo",
    "merge",
    "mergeAndBack",
    "unmerge",
    "disconnect",
    "forget",
  ]),
  n: Schema.Literals([0, 1, 2, 3, 4, 5]),
  m: Schema.Literals([0, 1, 2, 3, 4, 5]),
})

type Household = Effect.Success<typeof household>

const looks = [
  [checking("1111")],
  [savings("2222")],
  [checking("1111"), savings("2222")],
  [checking("1111"), checking("1111")],
  [numbered("3333", "021000021:3333")],
  [savings("2222"), numbered("3333", "021000021:3333")],
]

/** What may be refused. Whatever else goes wrong fails the property. */
const refusals: ReadonlySet<string> = new Set([
  "AccountMerged",
  "AccountNotOpen",
  "CannotMerge",
  "NotMerged",
  "ReviewNotOpen",
  "StaleGround",
])

const play = Effect.fnUntraced(function* (
  { account, by, connect, linksOf, resolve, rows, tell, tenantId }: Household,
  logins: Array<Ids.ConnectionId>,
  { m, move, n }: typeof Move.Type,
) {
  const all = (yield* rows).toSorted((a, b) => (a.account_id < b.account_id ? -1 : 1))
  const at = <A>(list: ReadonlyArray<A>, index: number) => list[index % Math.max(list.length, 1)]
  const allowed = <A, E extends { readonly _tag: string }, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.catchIf(
      effect,
      ({ _tag }) => refusals.has(_tag),
      () => Effect.void,
    )
  const login = at(logins, n)
  const one = at(all, n)
  const other = at(all, m)
  switch (move) {
    case "connect": {
      const connected = yield* connect([n % 2 === 0 ? "ada" : "grace"], ...(at(looks, m) ?? []))
      logins.push(connected.connectionId)
      return
    }
    case "resolve": {
      const review = at(yield* ReviewsView.open(tenantId), n)
      if (review === undefined) return
      const candidate = at([...review.candidates, undefined], m)
      const question = { connectionId: review.connection_id, reviewId: review.review_id }
      yield* allowed(
        resolve(question, candidate === undefined ? "another" : Ids.AccountId.make(String(candidate["accountId"]))),
      )
      return
    }
    case "undo": {
      const feedId = at(one?.feeds ?? [], m)?.["feedId"]
      if (one === undefined || feedId === undefined) return
      yield* Links.undo(bank, { accountId: one.account_id, feedId: Ids.FeedId.make(String(feedId)) }, by)
      return
    }
    case "merge":
    case "mergeAndBack": {
      if (one === undefined || other === undefined) return
      const pair = { kept: one.account_id, absorbed: other.account_id }
      const links = Effect.all([linksOf(pair.kept), linksOf(pair.absorbed)])
      const before = yield* links
      const isMerged = (yield* account(pair.absorbed)).mergedInto !== undefined
      const merged = yield* allowed(Effect.as(Links.merge(bank, pair, by), "merged"))
      if (merged === undefined || isMerged || move === "merge") return
      yield* Links.unmerge(bank, pair, by)
      assert.deepStrictEqual(yield* links, before)
      return
    }
    case "unmerge": {
      const gone = at(
        all.filter(({ merged_into }) => merged_into !== null),
        n,
      )
      if (gone?.merged_into == null) return
      yield* allowed(Links.unmerge(bank, { kept: gone.merged_into, absorbed: gone.account_id }, by))
      return
    }
    case "disconnect":
      if (login !== undefined) yield* tell(login, { _tag: "Disconnect", at: yield* DateTime.now, reason: "owner" })
      return
    case "forget":
      if (login !== undefined) yield* Forgetting.forget(tenantId, login, by)
  }
})

/** What a row says of an account, but for what counts how often it was touched, and what it is not. */
const told = (row: AccountsView.Row | undefined) => {
  if (row === undefined) return undefined
  const { changed_at: _, denied: __, links: ___, position: ____, ...rest } = row
  return rest
}

/** An account that its provider knows for good. */
const opened = Effect.fnUntraced(function* (tenantId: Ids.TenantId, identity: Ids.IdentityHash) {
  const accountId = yield* newAccountId
  const at = yield* DateTime.now
  const command: Account.Command = { _tag: "Open", at, provider: bank.id, identity }
  yield* Aggregate.handle(Account)(tenantId, accountId, command, { metadata })
  return accountId
})

/** So many accounts of somebody else, at the one bank and all of one name, some hundreds in each append. */
const crowd = Effect.fnUntraced(function* (tenantId: Ids.TenantId, count: number) {
  const hashes = yield* KeyedHash
  const at = yield* DateTime.now
  const connectionId = Ids.ConnectionId.make(yield* newAccountId)
  const described = { ...checking("0000"), externalId: "one of a crowd" }
  const one = yield* Profile.make(described, (kind, canonical) => hashes.hash(tenantId, kind, canonical))
  const changes = yield* Effect.forEach(
    Array.from({ length: count }, (_, n) => n),
    Effect.fnUntraced(function* (n) {
      const accountId = yield* newAccountId
      const digits = String(1_000 + n)
      const mask = [digits.slice(-2), digits.slice(-3), digits]
      const profile = { ...one, externalId: `crowd ${n}`, mask }
      const none = { tenantId, streamId: Account.streamId(accountId), state: Account.initial, version: 0 }
      return yield* Effect.fromResult(
        Aggregate.decide(Account)(
          none,
          { _tag: "Open", at, provider: bank.id },
          {
            _tag: "Link",
            at,
            feedId: Ids.FeedId.make(yield* newAccountId),
            connectionId,
            ownerId: Ids.OwnerId.make("crowd"),
            source: profile.externalId,
            confidence: "exact",
            evidence: ["new account"],
            profile,
            personal: Personal.withheld,
          },
        ),
      )
    }),
  )
  for (let from = 0; from < changes.length; from += 300) {
    const [first, ...rest] = changes.slice(from, from + 300)
    if (first !== undefined) yield* Aggregate.append([first, ...rest], { metadata })
  }
})

/** What can still be read of how accounts are called. */
const namesIn = Effect.fnUntraced(function* (tenantId: Ids.TenantId, accountIds: ReadonlyArray<Ids.AccountId>) {
  const store = yield* EventStore.EventStore
  const decode = EventCodec.decodeStream(Account)
  const events = yield* Effect.forEach(accountIds, (id) =>
    Stream.runCollect(decode(store.readStream(tenantId, Account.streamId(id)))),
  )
  return events.flat().flatMap(({ event }) => {
    const seen = event._tag === "account_linked" ? Option.getOrUndefined(Personal.value(event.personal)) : undefined
    return seen === undefined ? [] : [seen.name]
  })
})

/** By what the accounts of a tenant can be found. */
const keysOf = (tenantId: Ids.TenantId) =>
  Effect.flatMap(ViewStore.Views, (views) => views.query<AccountKeysView.Row>(AccountKeysView, tenantId))

const newAccountId = Effect.flatMap(SecureRandom.SecureRandom, (random) =>
  Effect.map(random.uuidV7(), (id) => Ids.AccountId.make(id)),
)

const metadata = { actor: Ids.system }
