import { assert, describe, layer } from "@effect/vitest"
import { Effect, Schema } from "effect"

import { Feed, type Ids, Forgetting, Ids as Id, Links, Memory, TransactionsView } from "../src/index.ts"
import {
  Bank,
  bank,
  consent,
  eventsOf,
  item,
  link,
  newAccount,
  newTenant,
  on,
  rows,
  transaction,
  unlink,
} from "./support/Bank.ts"

/** A payment as it was; what each generation says of it, where that differs; nothing where it missed it. */
interface Payment {
  readonly date: string
  readonly amount: number
  readonly text: string
  readonly old?: { readonly date?: string; readonly text?: string } | null
  readonly next?: { readonly date?: string; readonly text?: string } | null
}

const pay = (date: string, amount: number, more: Partial<Payment> = {}): Payment => ({
  date,
  amount,
  text: `SHOP ${amount}`,
  ...more,
})

/** What was in the account at the end of a day. */
const balanceAt = (payments: ReadonlyArray<Payment>, day: string) =>
  payments.reduce((left, { amount, date }) => (date <= day ? left - amount : left), 1_000_000)

/** What the bank shows on a day: what was in the account, unless it is late. */
type Shown = (day: string) => number

const days = { old: ["2026-07-10", "2026-07-14", "2026-08-10"], next: ["2026-08-12", "2026-08-14"] }

const month = [
  pay("2026-07-08", 300),
  pay("2026-07-12", 700),
  pay("2026-07-25", 1_100),
  pay("2026-08-02", 2_300),
  pay("2026-08-03", 450, { text: "STARBUCKS 123" }),
  pay("2026-08-08", 3_100),
  pay("2026-08-11", 4_700),
  pay("2026-08-13", 5_900),
]

/** Two generations of one account, each as it says its payments, a run on each of their days. */
const relinked = Effect.fnUntraced(function* (
  payments: ReadonlyArray<Payment>,
  {
    atOnce = 100,
    from = "2026-07-31",
    shown = (day: string) => balanceAt(payments, day),
  }: { readonly atOnce?: number; readonly from?: string; readonly shown?: Shown } = {},
) {
  const tenantId = newTenant()
  const accountId = yield* newAccount()
  const generation = Effect.fnUntraced(function* (which: "old" | "next", from: string) {
    const owner = yield* consent(tenantId, new Bank())
    const said = payments.flatMap((payment, n) => {
      const as = payment[which]
      return as === null ? [] : [{ ...payment, ...as, id: `${which} ${n}` }]
    })
    const feedId = yield* link(owner, which, accountId, which === "next" ? from : undefined)
    let last = ""
    for (const day of days[which]) {
      const items = said.filter(({ date }) => date >= from && date > last && date <= day)
      for (let at = 0; at < items.length; at += atOnce) {
        owner.bank.says(which, {
          items: items.slice(at, at + atOnce).map(({ amount, date, id, text }) => item(id, date, amount, text)),
        })
      }
      owner.bank.says(which, { ...(last === "" && { coversFrom: from }) })
      owner.bank.shows(which, day, shown(day))
      yield* owner.sync.pipe(on(day))
      last = day
    }
    return { owner, feedId }
  })
  const old = yield* generation("old", "2026-06-01")
  const next = yield* generation("next", from)
  return { tenantId, accountId, old, next }
})

const askedOf = Effect.fnUntraced(function* (tenantId: Ids.TenantId, accountId: Ids.AccountId) {
  yield* rows(tenantId)
  const asked = yield* TransactionsView.asked(tenantId, accountId)
  return asked.map(({ item_id, may_be_item }) => [item_id, may_be_item])
})

const totalOf = Effect.fnUntraced(function* (tenantId: Ids.TenantId, accountId: Ids.AccountId) {
  yield* rows(tenantId)
  const held = yield* TransactionsView.ofAccount(tenantId, accountId)
  return held.reduce((sum, { amount }) => sum + (amount ?? 0), 0)
})

const spent = (payments: ReadonlyArray<Payment>) => payments.reduce((sum, { amount }) => sum + amount, 0)

const by = (tenantId: Ids.TenantId) => ({ tenantId, actor: Id.system })
const reader = { id: bank, transaction }

/** The coffee, named and dated by the new generation so that nothing speaks for its being one. */
const doubled = month.map((payment) =>
  payment.amount === 450 ? { ...payment, next: { date: "2026-08-10", text: "SQ *7781" } } : payment,
)

/** Two coffees, of which each generation missed another one. */
const swallowed = [
  ...month.map((payment) => (payment.amount === 450 ? Object.assign({}, payment, { next: null }) : payment)),
  pay("2026-08-04", 450, { text: "STARBUCKS 123", old: null }),
].toSorted((a, b) => (a.date < b.date ? -1 : 1))

layer(Memory.layer, { excludeTestServices: true })((it) => {
  describe("a balance", () => {
    it.effect("stands on the tape of the feed that told it, sealed, with the page that completes a source", () =>
      Effect.gen(function* () {
        const { next, old, tenantId } = yield* relinked(month)
        const told = (yield* eventsOf(tenantId, Feed.streamId(old.feedId))).filter(
          ({ type }) => type === "balance_recorded",
        )
        assert.deepStrictEqual(
          told.map(({ data }) => data["on"]),
          days.old,
        )
        for (const event of told) {
          assert.notProperty(event.data, "amount")
          assert.isDefined(event.sealed)
        }
        yield* Forgetting.forget(tenantId, old.owner.id, { actor: Id.system })
        next.owner.bank.says("next", { items: [item("more", "2026-08-15", 1, "SHOP")] })
        yield* next.owner.sync.pipe(on("2026-08-15"))
      }),
    )

    it.effect("is recorded where there is news, and left out where it is none", () =>
      Effect.gen(function* () {
        const tenantId = newTenant()
        const owner = yield* consent(tenantId)
        owner.bank.says("checking", { items: [item("a", "2026-08-01", 1, "A")] })
        owner.bank.shows("checking", "2026-08-01", 0.5)
        const feedId = yield* link(owner, "checking", yield* newAccount())
        yield* owner.sync.pipe(on("2026-08-01"))
        owner.bank.shows("checking", "2026-08-02", 100)
        yield* owner.sync.pipe(on("2026-08-02"))
        const types = (yield* eventsOf(tenantId, Feed.streamId(feedId))).map(({ type }) => type)
        assert.deepStrictEqual(types, ["items_recorded"])
      }),
    )
  })

  describe("books that balances agree with", () => {
    for (const atOnce of [1, 100]) {
      it.effect(`ask nothing, ${atOnce} at once`, () =>
        Effect.gen(function* () {
          const { accountId, tenantId } = yield* relinked(month, { atOnce })
          assert.deepStrictEqual(yield* askedOf(tenantId, accountId), [])
          assert.strictEqual(yield* totalOf(tenantId, accountId), spent(month))
        }),
      )
    }
  })

  describe("books that balances contradict", () => {
    for (const atOnce of [1, 100]) {
      for (const [what, sign] of [
        ["", 1],
        [", where what is owed is positive", -1],
      ] as const) {
        it.effect(`ask about a row that was taken for another one${what}, ${atOnce} at once`, () =>
          Effect.gen(function* () {
            const shown = (day: string) => sign * balanceAt(doubled, day)
            const { accountId, next, old, tenantId } = yield* relinked(doubled, { atOnce, shown })
            assert.deepStrictEqual(yield* askedOf(tenantId, accountId), [["next 4", "old 4"]])
            assert.strictEqual(yield* totalOf(tenantId, accountId), spent(doubled) + 450)
            const asked = { accountId, item: { feedId: next.feedId, item: "next 4" } }
            yield* Links.answerItem(reader, asked, { feedId: old.feedId, item: "old 4" }, by(tenantId))
            assert.deepStrictEqual(yield* askedOf(tenantId, accountId), [])
            assert.strictEqual(yield* totalOf(tenantId, accountId), spent(doubled))
          }),
        )

        it.effect(`ask about a row that was taken for one that is held${what}, ${atOnce} at once`, () =>
          Effect.gen(function* () {
            const shown = (day: string) => sign * balanceAt(swallowed, day)
            const { accountId, next, tenantId } = yield* relinked(swallowed, { atOnce, shown })
            assert.deepStrictEqual(yield* askedOf(tenantId, accountId), [["next 5", "old 4"]])
            const asked = { accountId, item: { feedId: next.feedId, item: "next 5" } }
            yield* Links.answerItem(reader, asked, "another", by(tenantId))
            assert.deepStrictEqual(yield* askedOf(tenantId, accountId), [])
            assert.strictEqual(yield* totalOf(tenantId, accountId), spent(swallowed))
          }),
        )
      }
    }

    it.effect("ask once: what was answered stays so, whatever the balances say later", () =>
      Effect.gen(function* () {
        const { accountId, next, old, tenantId } = yield* relinked(doubled)
        const asked = { accountId, item: { feedId: next.feedId, item: "next 4" } }
        yield* Links.answerItem(reader, asked, "another", by(tenantId))
        next.owner.bank.says("next", { items: [item("more", "2026-08-15", 800, "SHOP 800")] })
        next.owner.bank.shows("next", "2026-08-15", balanceAt(doubled, "2026-08-15") - 800)
        yield* next.owner.sync.pipe(on("2026-08-15"))
        assert.deepStrictEqual(yield* askedOf(tenantId, accountId), [])
        yield* unlink(tenantId, accountId, next.feedId)
        for (const row of yield* rows(tenantId)) {
          assert.deepInclude(row, { may_be_feed: null, same_as_feed: null })
        }
        assert.isDefined(old)
      }),
    )
  })

  describe("a balance that is not of its day", () => {
    const late = (day: string) => balanceAt(month, days.next.includes(day) ? "2026-08-08" : day)

    for (const [what, shown] of [
      ["is as old as the last one", late],
      ["is a day late, every day", (day) => balanceAt(month, before(day))],
      ["counts what is only pending", (day) => balanceAt(month, day) - pendingOn(day)],
      ["is late once", (day) => balanceAt(month, day === days.next[1] ? "2026-08-12" : day)],
      ["was late when the old connection ended", (day) => balanceAt(month, day === days.old[2] ? "2026-08-02" : day)],
    ] satisfies ReadonlyArray<readonly [string, Shown]>) {
      it.effect(`asks nothing: it ${what}`, () =>
        Effect.gen(function* () {
          const { accountId, tenantId } = yield* relinked(month, { shown })
          assert.deepStrictEqual(yield* askedOf(tenantId, accountId), [])
        }),
      )
    }

    it.effect("asks nothing, even where a row taken for another one would explain it", () =>
      Effect.gen(function* () {
        const coffees = [
          ...month
            .filter(({ amount }) => amount !== 4_700 && amount !== 5_900)
            .map((payment) => (payment.amount === 450 ? Object.assign({}, payment, { next: null }) : payment)),
          pay("2026-08-11", 450, { text: "STARBUCKS 123" }),
        ]
        const shown = (day: string) => balanceAt(coffees, days.next.includes(day) ? "2026-08-10" : day)
        const { accountId, tenantId } = yield* relinked(coffees, { shown })
        assert.deepStrictEqual(yield* askedOf(tenantId, accountId), [])
      }),
    )

    const Late = Schema.Array(Schema.Literals([0, 0, 0, 1, 2, 5, 20])).check(
      Schema.isMinLength(5),
      Schema.isMaxLength(5),
    )

    it.effect.prop(
      "asks nothing about rows that were matched rightly, however late it is and whatever is pending",
      [Late, Late],
      ([lateness, pending]) =>
        Effect.gen(function* () {
          const all = [...days.old, ...days.next]
          // No two sums are the same, so that no two balances agree by chance.
          const distinct = month.map((payment, n) => ({ ...payment, amount: 1_000 * 3 ** n + n, text: `SHOP ${n}` }))
          const shown = (day: string) => {
            const n = all.indexOf(day)
            return balanceAt(distinct, daysBefore(day, lateness[n] ?? 0)) - (pending[n] ?? 0) * 7
          }
          const { accountId, tenantId } = yield* relinked(distinct, { shown })
          assert.deepStrictEqual(yield* askedOf(tenantId, accountId), [])
          assert.strictEqual(yield* totalOf(tenantId, accountId), spent(distinct))
        }),
      { timeout: 60_000, arbitrary: { runs: 30 } },
    )
  })

  const Hazard = Schema.Literals(["none", "none", "none", "moved", "oldMissed", "nextMissed"])

  it.effect.prop(
    "no error is silent that prompt balances show: the books are right, or somebody is asked",
    [Schema.Array(Hazard).check(Schema.isMinLength(8), Schema.isMaxLength(8)), Schema.Literals([1, 3, 100])],
    ([hazards, atOnce]) =>
      Effect.gen(function* () {
        const coffees = hazards.map((hazard, n): Payment => {
          const date = `2026-08-0${1 + n}`
          return pay(date, 450, {
            text: "STARBUCKS 123",
            ...(hazard === "moved" && {
              next: { date: `2026-08-${8 + (n % 3)}`.replace("-8", "-08").replace("-9", "-09"), text: `SQ *${n}` },
            }),
            ...(hazard === "oldMissed" && { old: null }),
            ...(hazard === "nextMissed" && { next: null }),
          })
        })
        const payments = [...month.filter(({ amount }) => amount !== 450), ...coffees].toSorted((a, b) =>
          a.date < b.date ? -1 : 1,
        )
        const { accountId, tenantId } = yield* relinked(payments, { atOnce })
        const isRight = (yield* totalOf(tenantId, accountId)) === spent(payments)
        assert.isTrue(isRight || (yield* askedOf(tenantId, accountId)).length > 0)
      }),
    { timeout: 120_000, arbitrary: { runs: 60 } },
  )
})

const daysBefore = (day: string, count: number) =>
  new Date(Date.parse(day) - count * 86_400_000).toISOString().slice(0, 10)

const before = (day: string) => daysBefore(day, 1)

/** Something else is on its way every day. */
const pendingOn = (day: string) => 10 * Number(day.slice(-2)) + 1
