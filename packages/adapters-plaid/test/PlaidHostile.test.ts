/** Answers that Plaid does not document: a run ends all the same, and nothing of them is kept. */
import { assert, describe, it } from "@effect/vitest"
import { Connection, Provider } from "@holdfast/domain"
import { DateTime, Effect, Layer } from "effect"

import { PlaidApi, PlaidError, PlaidProvider, PlaidSecret } from "../src/index.ts"
import * as PlaidReading from "../src/PlaidReading.ts"
import { feedOf, pages } from "./support.ts"

const unasked = Effect.die("not asked")
const day = Connection.Day.make("2026-11-21")

/** An account that answers a page of an update, or days, as it is told; whoever asks for ever is not answered. */
const accountThat = (answers: Partial<Pick<PlaidApi.Item, "sync" | "transactions">>): PlaidReading.Source => {
  let calls = 0
  const counted = <A, E>(answer: Effect.Effect<A, E>) =>
    Effect.suspend(() => (++calls > 100 ? Effect.die("asked again and again") : answer))
  const { sync = () => unasked, transactions = () => unasked } = answers
  return {
    accountId: "account",
    item: {
      get: unasked,
      remove: unasked,
      accounts: unasked,
      numbers: unasked,
      holders: unasked,
      sync: (asked) => counted(sync(asked)),
      transactions: (asked) => counted(transactions(asked)),
    },
  }
}

const secret = PlaidSecret.write({
  _tag: "Granted",
  session: "",
  answer: "",
  expiresAt: DateTime.makeUnsafe(0),
  metadata: { accounts: [] },
  accessToken: "",
  itemId: "item",
  historyFrom: Connection.Day.make("2024-11-21"),
})

const row = (id: string, date: string) => ({ transaction_id: id, account_id: "account", date })

describe("An update", () => {
  for (const [what, next] of [
    ["of which there is more where it stands already", () => "c"],
    ["of which there is more where it was before", (cursor: string | null) => (cursor === "a" ? "b" : "a")],
  ] as const) {
    it.effect(`${what} is not read for ever`, () =>
      Effect.gen(function* () {
        const page = { added: [row("t", day)], modified: [], removed: [], has_more: true }
        const account = accountThat({ sync: ({ cursor }) => Effect.succeed({ ...page, next_cursor: next(cursor) }) })
        for (const since of ["a", null]) {
          const error = yield* Effect.flip(PlaidReading.readUpdate(account, since, since, Infinity))
          assert.strictEqual(error.reason._tag, "UnexpectedAnswer")
        }
      }),
    )
  }
})

describe("A long update", () => {
  for (const [what, code, reason] of [
    ["cannot be had", "INTERNAL_SERVER_ERROR", new Provider.Unavailable()],
    ["is not as documented", "unexpected answer", new Provider.UnexpectedAnswer({ problem: "no list" })],
  ] as const) {
    it.effect(`of which a later page ${what} ends the run, and the next one goes on`, () =>
      Effect.gen(function* () {
        const failed = new PlaidError.PlaidError({ endpoint: "transactions/sync", code, reason })
        const after = { first: "second", second: "third", third: "end", now: "end", end: "end" } as const
        type Cursor = keyof typeof after
        const isCursor = (cursor: string): cursor is Cursor => Object.hasOwn(after, cursor)
        let isDown = true
        const account = accountThat({
          sync: ({ cursor }) => {
            const at = cursor !== null && isCursor(cursor) ? cursor : "first"
            if (at === "second" && isDown) return Effect.fail(failed)
            const added = at === "now" || at === "end" ? [] : [row(at, day)]
            const has_more = after[at] !== "end"
            return Effect.succeed({ added, modified: [], removed: [], next_cursor: after[at], has_more })
          },
        })
        const api = Layer.mock(PlaidApi.PlaidApi)({ daysRequested: 730, item: () => account.item })
        const feed = feedOf(yield* Effect.provide(PlaidProvider.make, api), secret, "account")
        const error = yield* Effect.flip(feed.all)
        assert.strictEqual(error.reason._tag, reason._tag)
        isDown = false
        yield* feed.all
        assert.deepStrictEqual([...feed.rows.keys()].map(String), ["first", "second", "third"])
        assert.strictEqual(feed.repeated, 0)
      }).pipe(Effect.provide(pages(1, 1))),
    )
  }
})

describe("Days", () => {
  for (const [what, total, dates] of [
    ["that have more rows than there are", 0, [day, day]],
    ["that have fewer rows than they say, all of one day", 9, [day, day]],
    ["that have no rows of those that they say", 9, []],
    ["that are not in their order", 9, ["2026-11-01", day]],
    ["whose rows are of later days than were asked for", 9, ["2027-01-02", "2027-01-01"]],
    ["whose rows are of earlier days than were asked for", 9, ["2020-01-02", "2020-01-01"]],
    ["whose rows are of no day", 9, ["yesterday", ""]],
  ] as const) {
    it.effect(`${what} are not read for ever, nor before they begin`, () =>
      Effect.gen(function* () {
        const from = Connection.Day.make("2026-11-01")
        const asked: Array<string> = []
        const account = accountThat({
          transactions: ({ to }) =>
            Effect.sync(() => {
              asked.push(to)
              return { transactions: dates.map((date, n) => row(`t${n}`, date)), total_transactions: total }
            }),
        })
        const { left } = yield* PlaidReading.readDays(account, from, day, Infinity)
        assert.isTrue(left === undefined || (left >= from && left <= day), left)
        for (const to of asked) assert.isTrue(to >= from && to <= day, to)
      }),
    )
  }
})
