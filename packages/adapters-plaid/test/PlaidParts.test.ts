/** What is delivered in parts, while things happen at the bank between any two calls. */
import { assert, describe, it } from "@effect/vitest"
import { Connection, Provider } from "@holdfast/domain"
import { Arbitrary, DateTime, Effect, Layer, Result, Schema } from "effect"
import { TestClock } from "effect/testing"

import { PlaidApi, PlaidError, PlaidProvider, PlaidSecret } from "../src/index.ts"
import { type RealTransaction } from "../src/testing/index.ts"
import { type Delivered, SyncLog } from "../src/testing/SyncLog.ts"
import { feedOf, pages } from "./support.ts"

const today = DateTime.makeUnsafe("2026-11-21T12:00:00Z")
const dayAgo = (days: number) => DateTime.formatIsoDateUtc(DateTime.subtract(today, { days }))

const upTo = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))

const daysAgo = upTo(12)
const change = Schema.Literals(["removed", "modified", "posted"])
const Happening = Schema.Union([
  Schema.Struct({ what: Schema.Literal("added"), daysAgo }),
  /** What came last is the likeliest to go. */
  Schema.Struct({ what: change, last: upTo(2) }),
  Schema.Struct({ what: change, row: upTo(99) }),
  Schema.Struct({ what: Schema.Literal("moved"), row: upTo(99), daysAgo }),
  /** What is asked next is not answered. */
  Schema.Struct({ what: Schema.Literal("outage") }),
])
type Happening = typeof Happening.Type

const Life = Schema.Struct({
  /** When the rows were booked that are there in the beginning. */
  booked: Schema.Array(daysAgo).check(Schema.isMinLength(4), Schema.isMaxLength(40)),
  /** What happens before each call, from the first one on. */
  happenings: Schema.Array(Schema.Array(Happening).check(Schema.isMaxLength(3))).check(
    Schema.isMinLength(12),
    Schema.isMaxLength(40),
  ),
  /** The process dies after these pages, before they are recorded. */
  crashes: Schema.Array(upTo(12)).check(Schema.isMaxLength(3)),
  answer: Schema.Literals([1, 2, 3, 5, 8, 40]),
  part: Schema.Literals([1, 3, 6, 14]),
  /** No document says that Plaid's cursor stays where nothing changed. */
  cursor: Schema.Literals(["stays", "always moves"]),
})

/** One account at Plaid, in memory: what its two endpoints say of what happened in it, as the simulator says it. */
const accountAtPlaid = (
  cursorIs: "stays" | "always moves",
  happenings: ReadonlyArray<ReadonlyArray<Happening>> = [],
  arranged: (rows: ReadonlyArray<Delivered>) => ReadonlyArray<Delivered> = (rows) => rows,
) => {
  const log = new SyncLog("item")
  const rows: Array<RealTransaction> = []
  const calls: Array<string> = []
  let made = 0

  const say = (kind: "added" | "modified" | "removed", real: RealTransaction) =>
    log.say(kind, { transactionId: real.id, accountId: "account", pendingTransactionId: null, real })
  const add = (daysAgo: number) => {
    const id = `row ${++made}`
    const row = { ...blank, id, amount: made, date: dayAgo(daysAgo) }
    rows.push(row)
    say("added", row)
  }
  const remove = (index: number) => {
    for (const row of rows.splice(index, 1)) say("removed", row)
  }
  const modify = (index: number, change: Partial<RealTransaction>) => {
    const row = rows[index]
    if (row === undefined) return
    const changed = { ...row, ...change }
    rows[index] = changed
    say("modified", changed)
  }
  const happen = (happening: Happening) => {
    if (happening.what === "outage") return
    if (happening.what === "added") return add(happening.daysAgo)
    const index = "last" in happening ? rows.length - 1 - happening.last : happening.row % rows.length
    const row = rows[index]
    if (row === undefined) return
    if (happening.what === "modified") modify(index, { amount: 1_000 + ++made })
    else if (happening.what === "moved") modify(index, { date: dayAgo(happening.daysAgo) })
    else remove(index)
    if (happening.what === "posted") add(daysOf(row.date))
  }

  const call = <A>(endpoint: string, answer: () => A | PlaidError.PlaidError) =>
    Effect.suspend(() => {
      const before = happenings[calls.length] ?? []
      before.forEach(happen)
      calls.push(endpoint)
      if (before.some(({ what }) => what === "outage")) return Effect.fail(problem(endpoint, "INTERNAL_SERVER_ERROR"))
      const answered = answer()
      return answered instanceof PlaidError.PlaidError ? Effect.fail(answered) : Effect.succeed(answered)
    })
  const written = (cursor: string) => (cursorIs === "stays" ? cursor : `${cursor} ${calls.length}`)

  const sync: PlaidApi.Item["sync"] = ({ count, cursor }) =>
    call("sync", () => {
      const [read = ""] = (cursor ?? "").split(" ")
      const page =
        read === "now"
          ? { entries: [], hasMore: false, nextCursor: log.end("account") }
          : log.page(read, count, "account")
      if (page === "invalid") return problem("transactions/sync", "INVALID_FIELD")
      if (page === "mutated") return problem("transactions/sync", "TRANSACTIONS_SYNC_MUTATION_DURING_PAGINATION")
      const saidAs = (kind: string) =>
        page.entries.flatMap((entry) => (entry.kind === kind ? resource(entry.delivered.real) : []))
      return {
        added: saidAs("added"),
        modified: saidAs("modified"),
        removed: saidAs("removed"),
        next_cursor: written(page.nextCursor),
        has_more: page.hasMore,
        transactions_update_status: "HISTORICAL_UPDATE_COMPLETE",
      }
    })
  const transactions: PlaidApi.Item["transactions"] = ({ count, from, offset, to }) =>
    call("get", () => {
      const found = arranged(log.current).filter(({ real: { date } }) => date >= from && date <= to)
      return {
        transactions: found.slice(offset, offset + count).map(({ real }) => resource(real)),
        total_transactions: found.length,
      }
    })

  const unasked = Effect.die("not asked")
  const item = {
    get: unasked,
    remove: unasked,
    accounts: unasked,
    numbers: unasked,
    holders: unasked,
    sync,
    transactions,
  }
  return {
    add,
    remove,
    calls,
    layer: Layer.mock(PlaidApi.PlaidApi)({ daysRequested: 730, item: () => item }),
    /** What there is, by id. */
    rows: () => new Map(rows.map((row) => [row.id, resource(row)])),
    get isOver() {
      return calls.length >= happenings.length
    },
  }
}

const blank: RealTransaction = {
  id: "",
  account: "account",
  amount: 0,
  date: "",
  authorizedDate: null,
  name: "Tea House",
  merchantName: null,
  originalDescription: null,
  pending: false,
  channel: "other",
  checkNumber: null,
  currency: "USD",
  posts: null,
}

const resource = ({ amount, date, id }: RealTransaction) => ({ transaction_id: id, date, amount })

const daysOf = (date: string) => Math.round((Date.parse(dayAgo(0)) - Date.parse(date)) / (24 * 60 * 60 * 1_000))

const problem = (endpoint: string, code: string) =>
  new PlaidError.PlaidError({
    endpoint,
    code,
    reason: code === "INVALID_FIELD" ? new Provider.UnexpectedAnswer({ problem: code }) : new Provider.Unavailable(),
  })

const secret = PlaidSecret.write({
  _tag: "Granted",
  session: "",
  answer: "",
  expiresAt: today,
  metadata: { accounts: [] },
  accessToken: "",
  itemId: "item",
  historyFrom: Connection.Day.make(dayAgo(730)),
})

/** A feed of the account, from its beginning or a day. */
const opened = Effect.fnUntraced(function* (
  account: Pick<ReturnType<typeof accountAtPlaid>, "layer">,
  resumeFrom?: string,
) {
  yield* TestClock.setTime(today.epochMilliseconds)
  const provider = yield* Effect.provide(PlaidProvider.make, account.layer)
  return feedOf(provider, secret, "account", resumeFrom)
})

/** An account that is read while things happen in it, until nothing happens any more. */
const live = Effect.fnUntraced(
  function* ({ booked, crashes, cursor, happenings }: typeof Life.Type, resumeFrom: string | undefined) {
    const account = accountAtPlaid(cursor, happenings)
    for (const daysAgo of booked) account.add(daysAgo)
    const feed = yield* opened(account, resumeFrom)
    const dies = new Set(crashes)
    for (let pages = 0; ; pages++) {
      assert.isBelow(pages, 2_000, "comes to an end")
      if (dies.has(pages)) yield* Effect.ignore(feed.page)
      // What happens while the last page is read, the next look brings.
      const isQuiet = account.isOver
      const page = yield* Effect.result(feed.next)
      if (isQuiet && Result.isSuccess(page) && page.success.complete) break
    }
    return { feed, there: account.rows() }
  },
  (life, { answer, part }) => Effect.provide(life, pages(answer, part)),
)

describe("A feed that is delivered in parts", () => {
  it.effect.prop(
    "from its beginning is what Plaid has, whatever happens at the bank between any two calls",
    [Arbitrary.schema(Life)],
    ([life]) =>
      Effect.gen(function* () {
        const { feed, there } = yield* live(life, undefined)
        assert.deepStrictEqual(sorted(feed.rows), sorted(there))
        assert.strictEqual(feed.repeated, 0)
        assert.strictEqual(feed.pages.at(-1)?.coversFrom, dayAgo(730))
      }),
    { arbitrary: { runs: 200 } },
  )

  it.effect.prop(
    "from a day is what Plaid has since, whatever happens at the bank between any two calls",
    [Arbitrary.schema(Life), upTo(32)],
    ([life, days]) =>
      Effect.gen(function* () {
        const from = dayAgo(days)
        const { feed, there } = yield* live(life, from)
        for (const [id, row] of feed.rows) assert.deepStrictEqual(row, there.get(id), "nothing that is not there")
        for (const [id, { date }] of there) assert.isTrue(date < from || feed.rows.has(id), "all there is since")
        assert.strictEqual(feed.repeated, 0)
      }),
    { arbitrary: { runs: 200 } },
  )

  it.effect("asks once more for each part, and reads a part twice only where something changed", () =>
    Effect.gen(function* () {
      const read = Effect.fnUntraced(function* (cursor: "stays" | "always moves", brief: ReadonlyArray<Happening>) {
        // The fifth call begins the second part.
        const account = accountAtPlaid(cursor, [[], [], [], [], brief])
        for (const daysAgo of Array(30).keys()) account.add(daysAgo)
        const feed = yield* opened(account, dayAgo(60))
        yield* feed.all
        assert.deepStrictEqual(sorted(feed.rows), sorted(account.rows()))
        return account.calls.join(" ")
      })
      // An answer of 10 shows 9 days whole.
      assert.strictEqual(yield* read("stays", []), "sync get get sync get get sync")
      assert.strictEqual(
        yield* read("stays", [{ what: "added", daysAgo: 20 }]),
        "sync get get sync get get sync get get",
      )
      assert.strictEqual(yield* read("always moves", []), "sync get get sync get get get get sync get get")
    }).pipe(Effect.provide(pages(10, 18))),
  )

  for (const code of ["TRANSACTIONS_SYNC_MUTATION_DURING_PAGINATION", "INVALID_FIELD"]) {
    it.effect(`is not begun again for ever where Plaid says ${code} of the same later page each time`, () =>
      Effect.gen(function* () {
        const account = accountAtPlaid("stays")
        for (const daysAgo of Array(12).keys()) account.add(daysAgo)
        let isCalm = false
        const later = new Set<string | null>()
        const feed = yield* opened({
          layer: Layer.effect(
            PlaidApi.PlaidApi,
            Effect.map(PlaidApi.PlaidApi, (api) => ({
              ...api,
              item: (access) => {
                const item = api.item(access)
                return {
                  ...item,
                  sync: (query) =>
                    later.has(query.cursor) && !isCalm
                      ? Effect.fail(problem("transactions/sync", code))
                      : Effect.tap(item.sync(query), ({ next_cursor }) =>
                          Effect.sync(() => query.cursor === null && later.add(next_cursor)),
                        ),
                }
              },
            })),
          ).pipe(Layer.provide(account.layer)),
        })
        for (let run = 0; run < 3; run++) {
          let page = yield* feed.next
          for (let pages = 0; page.stoppedBy === undefined; pages++) {
            assert.isBelow(pages, 20, "comes to an end")
            page = yield* feed.next
          }
          assert.deepInclude(page, { items: [], revised: [], withdrawn: [], complete: false })
          assert.deepInclude(page.stoppedBy.reason, {
            _tag: "Unavailable",
            problem: "a long update that changes whenever it is read",
          })
        }
        account.remove(0)
        isCalm = true
        yield* feed.all
        assert.deepStrictEqual(sorted(feed.rows), sorted(account.rows()))
        assert.strictEqual(feed.repeated, 0)
      }).pipe(Effect.provide(pages(4, 4))),
    )
  }

  it.effect("keeps nothing that was booked and taken back while it was read, whichever reading shows it", () =>
    Effect.gen(function* () {
      const comes: ReadonlyArray<Happening> = [{ what: "added", daysAgo: 3 }]
      const goes: ReadonlyArray<Happening> = [{ what: "removed", last: 0 }]
      // It is there in each reading of the first part, and gone before and after.
      const account = accountAtPlaid("stays", [[], ...Array.from({ length: 20 }, () => [comes, goes]).flat()])
      for (const daysAgo of Array(30).keys()) account.add(daysAgo)
      const feed = yield* opened(account, dayAgo(60))
      while (!account.isOver) yield* feed.next
      yield* feed.all
      assert.deepStrictEqual(sorted(feed.rows), sorted(account.rows()))
    }).pipe(Effect.provide(pages(10, 9))),
  )

  for (const [where, booked, arranged] of [
    ["a day has more than an answer holds", [1, 1, 2, 2, 2, 2, 2, 3, 50], undefined],
    ["Plaid's answers are not in the order of days", [1, 2, 3, 4, 5, 6, 50], rotated],
  ] as const) {
    it.effect(`goes on to its end where ${where}`, () =>
      Effect.gen(function* () {
        const account = accountAtPlaid("stays", [], arranged)
        for (const daysAgo of booked) account.add(daysAgo)
        const feed = yield* opened(account, dayAgo(10))
        yield* feed.all
        assert.deepStrictEqual(sorted(feed.rows), sorted(account.rows()))
        // It is more than was asked for.
        assert.strictEqual(feed.pages.at(-1)?.coversFrom, dayAgo(730))
      }).pipe(Effect.provide(pages(4, 4))),
    )
  }
})

/** The oldest first, then the newest. */
function rotated(rows: ReadonlyArray<Delivered>) {
  return [...rows.slice(3), ...rows.slice(0, 3)]
}

const sorted = (rows: ReadonlyMap<string, unknown>) => [...rows].toSorted(([a], [b]) => (a < b ? -1 : 1))
