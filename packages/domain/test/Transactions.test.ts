import { readFileSync } from "node:fs"

import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"

import type * as BalanceGate from "../src/matching/BalanceGate.ts"
import * as Descriptions from "../src/matching/Descriptions.ts"
import * as RunMatching from "../src/matching/RunMatching.ts"
import * as TransactionCases from "../src/matching/TransactionCases.ts"
import { current } from "../src/matching/TransactionPolicy.ts"
import * as Transactions from "../src/matching/Transactions.ts"
import { hazards, measure, statement, total } from "../src/testing/statements.ts"

const cases: unknown = JSON.parse(readFileSync(new URL("cases/transactions.json", import.meta.url), "utf8"))

const counts = Schema.Literals([0, 1, 2, 3, 4])

const daily = Schema.Array(Schema.Literals([0, 1, 2, 3])).check(Schema.isMaxLength(5))

const sketch = Schema.Struct({
  day: Schema.Literals([0, 1, 2, 3, 5, 8, 20]),
  amount: Schema.Literals([450, 450, 450, -450, 999]),
  currency: Schema.Literals(["EUR", "EUR", "EUR", "USD"]),
  description: Schema.Literals(["COFFEE 123", "SQ *COFFEE 123", "Coffee", "PETROL", "RATE 3/12", "RATE 4/12", ""]),
  pending: Schema.Literals([false, false, true]),
  deleted: Schema.Literals([false, false, true]),
  owner: Schema.NullOr(Schema.Literals(["one", "two"])),
  authorized: Schema.NullOr(Schema.Literals([0, 2])),
})

/** Small accounts with many rows that are nearly each other. */
const batches = Arbitrary.map(
  Arbitrary.schema(
    Schema.Struct({
      held: Schema.Array(sketch).check(Schema.isMaxLength(8)),
      delivered: Schema.Array(sketch).check(Schema.isMaxLength(8)),
      covered: Schema.Literals([-10, 2, 40]),
    }),
  ),
  ({ covered, delivered, held }): Transactions.Request => {
    const sketched = ({ authorized, currency, day, description, owner, amount, pending }: typeof sketch.Type) => ({
      date: dateOn(day),
      authorized: authorized === null ? null : dateOn(day - authorized),
      amount,
      currency,
      description,
      owner,
      pending,
    })
    return request({
      held: held.map((one, n) =>
        heldRow({ ...sketched(one), id: `h${n}`, transactionId: `old ${n}`, deleted: one.deleted }),
      ),
      delivered: delivered.map((one, n) => row({ ...sketched(one), id: `d${n}`, transactionId: `new ${n}` })),
      coverage: { held: { from: dateOn(-10), to: dateOn(covered) } },
    })
  },
)

const graphs = Arbitrary.map(
  Arbitrary.schema(
    Schema.Struct({
      delivered: Schema.Array(Schema.Literals([1, 1, 2])).check(Schema.isMaxLength(4)),
      held: Schema.Array(Schema.Literals([1, 1, 2])).check(Schema.isMaxLength(4)),
      edges: Schema.Array(
        Schema.Struct({
          from: Schema.Literals([0, 1, 2, 3]),
          to: Schema.Literals([0, 1, 2, 3]),
          weight: Schema.Literals([-1, 1, 2, 3, 4, 6, 9]),
        }),
      ).check(Schema.isMaxLength(10)),
    }),
  ),
  ({ delivered, edges, held }): RunMatching.Graph => {
    const known = new Map(edges.map((edge) => [`${edge.from} ${edge.to}`, edge]))
    const isWithin = ({ from, to }: RunMatching.Edge) => from < delivered.length && to < held.length
    return { delivered, held, edges: [...known.values()].filter(isWithin) }
  },
)

const texts = Arbitrary.map(
  Arbitrary.schema(
    Schema.Array(
      Schema.Union([
        Schema.String,
        Schema.Literals([
          "SQ *",
          "POS ",
          "12.02.2026",
          "16/02",
          "3/12",
          "2K4XY0",
          "123456",
          "#10",
          "COFFEE ",
          "é",
          "/",
          " ",
          "0",
        ]),
      ]),
    ).check(Schema.isMaxLength(6)),
  ),
  (parts) => parts.join(""),
)

describe("the cases", () => {
  it("are all decided as expected", () => {
    assert.deepStrictEqual(TransactionCases.score(cases), { scored: 30, right: 30, failures: [] })
  })

  it("count a wrong expectation as a failure", () => {
    const [first] = Array.isArray(cases) ? cases : []
    const { failures, right } = TransactionCases.score([{ ...first, insert: ["1"], flag: "backfill" }])
    assert.strictEqual(right, 0)
    assert.deepStrictEqual(failures, [
      { id: "T01", differences: ["insert: [] instead of [1]", "flag: [] instead of [backfill]"] },
    ])
  })

  it("stop only themselves when they are malformed, and not at all for a field that is not known", () => {
    const coffee = { id: "1", date: "2026-08-01", amt: 100, cur: "EUR", desc: "X" }
    const { decided, refused, unknown } = TransactionCases.decideFile([
      { id: "A", ex: [], inc: [{ ...coffee, pendig: true }], note: { of: "mine" } },
      { id: "B", ex: [], inc: [{ ...coffee, date: "2026-13-01" }] },
      { id: "C", ex: [], inc: [coffee, coffee] },
      { id: "D", ex: [], inc: [coffee] },
      { id: "D", ex: [], inc: [] },
      { id: "E", inc: [coffee] },
      17,
    ])
    assert.deepStrictEqual(
      decided.map(({ id, insert }) => [id, insert]),
      [
        ["A", ["1"]],
        ["D", ["1"]],
      ],
    )
    assert.sameDeepMembers(
      [...unknown],
      [
        { id: "A", field: "note" },
        { id: "A", field: "inc[0].pendig" },
      ],
    )
    assert.deepStrictEqual(
      refused.map(({ id }) => id),
      ["B", "C", "D", "E", "[6]"],
    )
    assert.include(refused[0]?.problem, `["inc"][0]["date"]`)
    assert.include(refused[1]?.problem, `["inc"][1]["id"]`)
    assert.include(refused[3]?.problem, `["ex"]`)
  })

  it("are refused as a whole when they are no array", () => {
    assert.deepStrictEqual(TransactionCases.decideFile({}), {
      decided: [],
      refused: [{ id: "", problem: "Expected an array of cases" }],
      unknown: [],
    })
  })
})

describe("a reconciliation", () => {
  it.prop("decides every delivered row once, in the order of delivery", [batches], ([request]) => {
    const { decisions } = Transactions.reconcile(request)
    assert.deepStrictEqual(
      decisions.map(({ row }) => row),
      request.delivered.map(({ id }) => id),
    )
  })

  it.prop("says the same of the same rows in any order", [batches], ([request]) => {
    const turned = { ...request, held: request.held.toReversed(), delivered: request.delivered.toReversed() }
    const [one, other] = [Transactions.reconcile(request), Transactions.reconcile(turned)]
    assert.deepStrictEqual(other.decisions.toReversed(), one.decisions)
    assert.sameDeepMembers([...other.expire], [...one.expire])
  })

  it.prop("replays to the byte", [batches], ([request]) => {
    const again = structuredClone(request)
    assert.strictEqual(JSON.stringify(Transactions.reconcile(again)), JSON.stringify(Transactions.reconcile(request)))
  })

  it.prop("adds nothing when the same rows are delivered again", [batches], ([request]) => {
    const after = Transactions.apply(request, Transactions.reconcile(request), (row) => `new ${row.id}`)
    const again = Transactions.reconcile({ ...request, held: after })
    assert.deepStrictEqual(inserts(again), [])
    const twice = Transactions.apply({ ...request, held: after }, again, (row) => `new ${row.id}`)
    assert.strictEqual(twice.length, after.length)
  })

  it.prop("never merges two rows into one held row by content", [batches], ([request]) => {
    const into = merges(Transactions.reconcile(request)).map((merge) => merge.into)
    assert.strictEqual(new Set(into).size, into.length)
  })

  it.prop("keeps currencies, signs, owners, counterparties and checks apart", [batches], ([request]) => {
    const held = new Map(request.held.map((row) => [row.id, row]))
    const delivered = new Map(request.delivered.map((row) => [row.id, row]))
    for (const merge of merges(Transactions.reconcile(request))) {
      const [row, into] = [delivered.get(merge.row), held.get(merge.into)]
      assert.strictEqual(row?.currency, into?.currency)
      assert.strictEqual(row?.amount, into?.amount)
      assert.isTrue(row?.owner === null || into?.owner === null || row?.owner === into?.owner)
    }
  })

  it.prop("loses no row that is held, and overwrites none that a person edited", [batches], ([request]) => {
    const edited = { ...request, held: request.held.map((row) => Object.assign({}, row, { edited: true })) }
    const after = Transactions.apply(edited, Transactions.reconcile(edited), (row) => `new ${row.id}`)
    const byId = new Map(after.map((row) => [row.id, row]))
    for (const before of edited.held) {
      const row = byId.get(before.id)
      assert.deepStrictEqual(
        [row?.description, row?.date, row?.merchant],
        [before.description, before.date, before.merchant],
      )
      assert.strictEqual(row?.deleted, before.deleted)
    }
  })

  it.prop("leaves the greater count of equal rows of a day", [counts, counts], ([heldCount, deliveredCount]) => {
    const held = repeat(heldCount, (n) => heldRow({ id: `h${n}`, transactionId: `old ${n}` }))
    const delivered = repeat(deliveredCount, (n) => row({ id: `d${n}`, transactionId: `new ${n}` }))
    const after = result(request({ held, delivered }))
    assert.strictEqual(after.length, Math.max(heldCount, deliveredCount))
  })

  it.prop("pairs as many rows as can be paired, where the old generation was complete", [daily, daily], ([a, b]) => {
    const held = a.map((day, n) => heldRow({ id: `h${n}`, transactionId: `old ${n}`, date: dateOn(day) }))
    const delivered = b.map((day, n) => row({ id: `d${n}`, transactionId: `new ${n}`, date: dateOn(day) }))
    const merged = merges(Transactions.reconcile(request({ held, delivered }))).length
    assert.strictEqual(
      merged,
      greatestMatching(b, a, (x, y) => Math.abs(x - y) <= 5),
    )
  })

  it("moves a whole run of fares whose every date was shifted", () => {
    const days = [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
    const held = days.map((day) => heldRow({ id: `h${day}`, transactionId: `o${day}`, date: dateOn(day) }))
    const delivered = days.map((day) => row({ id: `d${day}`, transactionId: `n${day}`, date: dateOn(day + 1) }))
    const reconciled = Transactions.reconcile(request({ held, delivered }))
    assert.deepStrictEqual(inserts(reconciled), [])
    assert.isTrue(merges(reconciled).every(({ days }) => days === 1))
  })

  it("inserts the next day's fare, after what was covered", () => {
    const held = [2, 3, 4].map((day) => heldRow({ id: `h${day}`, transactionId: `o${day}`, date: dateOn(day) }))
    const delivered = [3, 4, 5].map((day) => row({ id: `d${day}`, transactionId: `n${day}`, date: dateOn(day) }))
    const coverage = { held: { from: dateOn(0), to: dateOn(4) } }
    assert.deepStrictEqual(inserts(Transactions.reconcile(request({ held, delivered, coverage }))), ["d5"])
  })

  it("does not take the days after what was covered for a run that moved", () => {
    const held = [1, 2, 3, 4].map((day) => heldRow({ id: `h${day}`, transactionId: `o${day}`, date: dateOn(day) }))
    const delivered = [5, 6, 7, 8].map((day) => row({ id: `d${day}`, transactionId: `n${day}`, date: dateOn(day) }))
    const coverage = { held: { from: dateOn(0), to: dateOn(4) } }
    assert.deepStrictEqual(inserts(Transactions.reconcile(request({ held, delivered, coverage }))), ["d6", "d7", "d8"])
  })

  it.each([
    [-1, "before", true],
    [0, "inside", false],
    [4, "inside", false],
    [5, "after", false],
  ] as const)("says of a new row of day %i that it lies %s what was covered", (day, where, backfill) => {
    const coverage = { held: { from: dateOn(0), to: dateOn(4) } }
    const delivered = [row({ transactionId: "n", date: dateOn(day) })]
    const { decisions } = Transactions.reconcile(request({ held: [], delivered, coverage }))
    assert.deepStrictEqual(decisions, [{ action: "insert", row: "d", where, backfill }])
  })

  it.each([
    ["first", 0, 5, { from: 0, to: 40 }, { from: 1, to: 40 }],
    ["last", 20, 15, { from: -10, to: 20 }, { from: -10, to: 19 }],
  ] as const)("counts the %s covered day as covered, and none beyond it", (_, day, heldOn, within, beyond) => {
    const merged = ({ from, to }: { readonly from: number; readonly to: number }) =>
      merges(
        Transactions.reconcile(
          request({
            held: [heldRow({ date: dateOn(heldOn) })],
            delivered: [row({ transactionId: "n", date: dateOn(day) })],
            coverage: { held: { from: dateOn(from), to: dateOn(to) } },
          }),
        ),
      ).length
    assert.deepStrictEqual([merged(within), merged(beyond)], [1, 0])
  })

  it("does not expect a held row outside what the new generation covers", () => {
    const merged = (from: number) =>
      merges(
        Transactions.reconcile(
          request({
            held: [heldRow({ date: dateOn(15), description: "RIDE 2K4XY0" })],
            delivered: [row({ transactionId: "n", date: dateOn(20), description: "RIDE 9Q8ZZ1" })],
            coverage: {
              held: { from: dateOn(-30), to: dateOn(40) },
              delivered: { from: dateOn(from), to: dateOn(60) },
            },
          }),
        ),
      ).length
    assert.deepStrictEqual([merged(15), merged(16)], [1, 0])
  })

  it("takes what an update says of amount and state, and nothing that overwrites what a person edited", () => {
    const held = [heldRow({ transactionId: "1", pending: true, edited: true, description: "Coffee with Ada" })]
    const delivered = [row({ transactionId: "1", amount: 500, description: "COFFEE 123 LATE", date: dateOn(12) })]
    const [after] = result(request({ held, delivered }))
    const { amount, date, description, pending } = after ?? {}
    assert.deepStrictEqual(
      { amount, date, description, pending },
      { amount: 500, date: dateOn(10), description: "Coffee with Ada", pending: false },
    )
  })

  it("lets a tombstone take up the row that comes back, and stay deleted", () => {
    const gone = heldRow({ deleted: true })
    const back = request({ held: [gone], delivered: [row({ transactionId: "again" })] })
    const [decision] = Transactions.reconcile(back).decisions
    assert.isTrue(decision?.action === "merge" && decision.tombstone)
    assert.deepStrictEqual(
      result(back).map(({ aliases, deleted }) => ({ aliases, deleted })),
      [{ aliases: ["again"], deleted: true }],
    )
  })

  it("prefers the living of two equal rows to the deleted one", () => {
    const held = [heldRow({ id: "a", deleted: true }), heldRow({ id: "b", transactionId: "other" })]
    const [decision] = Transactions.reconcile(request({ held, delivered: [row({ transactionId: "again" })] })).decisions
    assert.isTrue(decision?.action === "merge" && decision.into === "b")
  })

  it("takes both ids of two rows that a person merged for that one row", () => {
    const held = [heldRow({ transactionId: "1", aliases: ["2"] })]
    const delivered = ["1", "2"].map((id) => row({ id, transactionId: id }))
    assert.strictEqual(result(request({ held, delivered, sameGeneration: true })).length, 1)
  })

  it("keeps rows of one generation with different ids apart, however equal", () => {
    const delivered = [row({ transactionId: "another" })]
    assert.strictEqual(inserts(Transactions.reconcile(request({ delivered, sameGeneration: true }))).length, 1)
    assert.strictEqual(inserts(Transactions.reconcile(request({ delivered }))).length, 0)
  })

  it("does not take a reference that comes back every month for the same payment", () => {
    const held = [heldRow({ references: ["RENT"], date: "2026-07-01" })]
    const delivered = [row({ transactionId: "n", references: ["RENT"], date: "2026-08-01" })]
    assert.strictEqual(inserts(Transactions.reconcile(request({ held, delivered }))).length, 1)
    const near = [row({ transactionId: "n", references: ["RENT"], date: "2026-07-08", description: "other" })]
    assert.strictEqual(merges(Transactions.reconcile(request({ held, delivered: near })))[0]?.tier, "reference")
  })

  it("takes references that change between calls for no names", () => {
    const held = [heldRow({ references: ["A"] })]
    const delivered = [row({ amount: 999, references: ["A"] })]
    const action = (unstableReferences: boolean) =>
      Transactions.reconcile(request({ held, delivered, unstableReferences })).decisions[0]?.action
    assert.deepStrictEqual([action(true), action(false)], ["insert", "review"])
  })

  it("takes rows that agree in everything for one only where references are no names", () => {
    const delivered = ["a", "b"].map((id) => row({ id, references: [`reference ${id}`] }))
    const actions = (unstableReferences: boolean) =>
      Transactions.reconcile(request({ held: [], delivered, unstableReferences })).decisions.map(({ action }) => action)
    assert.deepStrictEqual(actions(true), ["insert", "collapse"])
    assert.deepStrictEqual(actions(false), ["insert", "insert"])
  })

  it("takes one row for a payment, whatever references it has", () => {
    const held = [heldRow({ references: ["A", "B"] })]
    const delivered = ["A", "B"].map((id) => row({ id, transactionId: id, references: [id] }))
    const reconciled = Transactions.reconcile(request({ held, delivered }))
    assert.deepStrictEqual([merges(reconciled).length, inserts(reconciled).length], [1, 1])
  })

  it("does not let an id that stands on two rows name either", () => {
    const delivered = ["a", "b"].map((id, n) =>
      row({
        id,
        transactionId: "same",
        amount: 900 + n,
        description: id === "a" ? "GROCER" : "PETROL",
        date: dateOn(n * 9),
      }),
    )
    assert.strictEqual(inserts(Transactions.reconcile(request({ held: [], delivered }))).length, 2)
  })

  it("posts a pending row once", () => {
    const held = [heldRow({ pending: true })]
    const delivered = ["a", "b"].map((id) => row({ id, transactionId: id, date: dateOn(11) }))
    const reconciled = Transactions.reconcile(request({ held, delivered }))
    assert.strictEqual(merges(reconciled).length, 1)
    assert.strictEqual(inserts(reconciled).length, 1)
    const after = result(request({ held, delivered }))
    assert.deepStrictEqual(
      after.filter(({ pending }) => pending),
      [],
    )
  })

  it("asks about a tip with every pending row that it can belong to", () => {
    const held = ["a", "b"].map((id) => heldRow({ id, transactionId: id, pending: true, amount: 5_000 }))
    const delivered = [row({ transactionId: "n", amount: 5_900, date: dateOn(11) })]
    const [decision] = Transactions.reconcile(request({ held, delivered })).decisions
    assert.deepInclude(decision, { action: "review", doubt: "amount_changed", candidates: ["a", "b"] })
  })

  it("lets a pending row lapse that nothing posted for longer than it can, unless the days were not seen", () => {
    const held = [heldRow({ pending: true, date: dateOn(2) })]
    const at = (day: number) =>
      request({ held, delivered: [row({ transactionId: "n", amount: 77, description: "ELSE", date: dateOn(day) })] })
    assert.deepStrictEqual(Transactions.reconcile(at(10)).expire, [])
    assert.deepStrictEqual(Transactions.reconcile(at(11)).expire, [{ held: "h", why: "never_posted" }])
    const unseen = { ...at(25), coverage: { held: { from: dateOn(0), to: dateOn(3) } } }
    assert.deepStrictEqual(Transactions.reconcile(unseen).expire, [])
  })

  it("lets no pending row lapse that is posted, or may be", () => {
    const held = [heldRow({ pending: true, date: dateOn(2) })]
    const latest = row({ id: "e", transactionId: "e", amount: 77, description: "ELSE", date: dateOn(20) })
    const expire = (amount: number) => {
      const posting = row({ transactionId: "n", amount, date: dateOn(3) })
      return Transactions.reconcile(request({ held, delivered: [posting, latest] })).expire
    }
    assert.deepStrictEqual([expire(450), expire(500)], [[], []])
    assert.deepStrictEqual(expire(9_999), [{ held: "h", why: "amount_replaced" }])
  })

  it("lets a pending row lapse that is cancelled", () => {
    const held = [heldRow({ pending: true })]
    const delivered = [row({ transactionId: "old", status: "CANCELLED" })]
    const { expire } = Transactions.reconcile(request({ held, delivered }))
    assert.deepStrictEqual(expire, [{ held: "h", why: "cancelled" }])
  })

  it("asks about no tip on a pending row that posted without one", () => {
    const held = [heldRow({ pending: true })]
    const delivered = [450, 500].map((amount) =>
      row({ id: `${amount}`, transactionId: `${amount}`, amount, date: dateOn(11) }),
    )
    const { decisions } = Transactions.reconcile(request({ held, delivered }))
    assert.deepStrictEqual(
      decisions.map(({ action }) => action),
      ["merge", "insert"],
    )
  })

  const unseen = {
    held: { from: dateOn(-30), to: dateOn(40) },
    delivered: { from: dateOn(16), to: dateOn(60) },
  }

  it("takes the only two rows of an amount for one sooner than one of several", () => {
    const held = [heldRow({ date: dateOn(15) })]
    const delivered = [19, 23].map((day) => row({ id: `d${day}`, transactionId: `n${day}`, date: dateOn(day) }))
    const merged = (count: number) =>
      merges(Transactions.reconcile(request({ held, delivered: delivered.slice(0, count), coverage: unseen }))).length
    assert.deepStrictEqual([merged(1), merged(2)], [1, 0])
  })

  it("takes rows of one counterparty for one sooner than others", () => {
    const weight = (counterparty: string | null) => {
      const delivered = [row({ transactionId: "n", counterparty })]
      const [merge] = merges(Transactions.reconcile(request({ held: [heldRow({ counterparty })], delivered })))
      return merge?.weight ?? 0
    }
    assert.isAbove(weight("Ada"), weight(null))
  })

  it("expects that the bank has what a person typed, more than what another generation had", () => {
    const merged = (transactionId: string | null) =>
      merges(
        Transactions.reconcile(
          request({
            held: [heldRow({ transactionId, date: dateOn(15) })],
            delivered: [row({ transactionId: "n", date: dateOn(20) })],
            coverage: { held: null },
          }),
        ),
      ).length
    assert.deepStrictEqual([merged(null), merged("old")], [1, 0])
  })

  it("does not take a run for moved where few of its rows are that far off", () => {
    const held = [0, 8].map((day) =>
      heldRow({ id: `h${day}`, transactionId: `o${day}`, date: dateOn(day), description: "RIDE 2K4XY0" }),
    )
    const delivered = [5, 12].map((day) =>
      row({ id: `d${day}`, transactionId: `n${day}`, date: dateOn(day), description: "RIDE 9Q8ZZ1" }),
    )
    const merged = merges(Transactions.reconcile(request({ held, delivered })))
    assert.deepStrictEqual(
      merged.map(({ into, row }) => [row, into]),
      [["d5", "h8"]],
    )
  })

  it("compares only rows of one text in a run that is too crowded to compare all", () => {
    const held = [
      heldRow({ id: "a", transactionId: "a", description: "WHOLEFDS #10" }),
      heldRow({ id: "b", transactionId: "b", date: dateOn(11) }),
    ]
    const delivered = [
      row({ id: "x", transactionId: "x", description: "Whole Foods #10" }),
      row({ id: "y", transactionId: "y", date: dateOn(11) }),
    ]
    const merged = (pairsPerRun: number) => {
      const policy = { ...current, limits: { ...current.limits, pairsPerRun } }
      return merges(Transactions.reconcile(request({ held, delivered, policy }))).map(({ into }) => into)
    }
    assert.deepStrictEqual([merged(4), merged(3)], [["a", "b"], ["b"]])
  })

  it("reports the days between two declared intervals, however few", () => {
    const coverage = (from: number) => ({
      held: { from: dateOn(0), to: dateOn(9) },
      delivered: { from: dateOn(from), to: dateOn(20) },
    })
    const gap = (from: number) => Transactions.reconcile(request({ coverage: coverage(from) })).gap
    assert.deepStrictEqual(gap(12), { from: dateOn(10), to: dateOn(11), declared: true })
    assert.isNull(gap(10))
  })
})

describe("the guards", () => {
  const base = { held: [heldRow({})] }
  const differing: ReadonlyArray<
    readonly [what: string, held: Partial<Transactions.Held>, row: Partial<Transactions.Row>]
  > = [
    ["currency", {}, { currency: "USD" }],
    ["sign", {}, { amount: -450 }],
    ["owner", { owner: "one" }, { owner: "two" }],
    ["counterparty", { counterparty: "one" }, { counterparty: "two" }],
    ["check number", { check: "1" }, { check: "2" }],
    ["instalment", { description: "RATE 3/12 SHOP" }, { description: "RATE 4/12 SHOP" }],
    ["week", {}, { date: dateOn(20) }],
  ]
  it.each(differing)("insert a row of another %s", (_, held, delivered) => {
    const rows = [row({ transactionId: "n", ...delivered })]
    assert.strictEqual(inserts(Transactions.reconcile(request({ held: [heldRow(held)], delivered: rows }))).length, 1)
  })

  it.each([
    ["its reference stands on two rows", { references: ["A"] }, { references: ["A"], amount: 999 }, "content"],
    ["it has no id, in the same generation", {}, {}, "content"],
  ] as const)("let the content decide where %s", (_, ofBoth, ofOne, tier) => {
    const held = [
      heldRow({ id: "a", ...ofBoth, amount: 1 }),
      heldRow({ id: "b", transactionId: "b", ...ofBoth, ...ofOne }),
    ]
    const delivered = [row({ ...ofBoth, ...ofOne })]
    const [merge] = merges(Transactions.reconcile(request({ held, delivered, sameGeneration: true })))
    assert.deepInclude(merge, { into: "b", tier })
  })

  it("take no row by its content that another one names", () => {
    const delivered = ["old", "n"].map((id) => row({ id, transactionId: id }))
    assert.deepStrictEqual(inserts(Transactions.reconcile(request({ ...base, delivered }))), ["n"])
  })

  it("insert a check of another owner, and an id in another currency", () => {
    const held = [heldRow({ check: "7", owner: "one" })]
    const check = row({ transactionId: "n", check: "7", owner: "two" })
    assert.deepStrictEqual(inserts(Transactions.reconcile(request({ held, delivered: [check] }))), ["d"])
    const dollars = row({ transactionId: "old", currency: "USD" })
    assert.deepStrictEqual(inserts(Transactions.reconcile(request({ ...base, delivered: [dollars] }))), ["d"])
  })

  it("ask about an id under which everything has changed", () => {
    const delivered = [row({ transactionId: "old", amount: 999, description: "PETROL STATION", date: dateOn(20) })]
    const [decision] = Transactions.reconcile(request({ ...base, delivered })).decisions
    assert.deepInclude(decision, { action: "review", doubt: "contradicted_reference" })
  })

  it("insert another instalment of the same merchant", () => {
    const held = [heldRow({ description: "RATE 3/12", merchant: "Shop" })]
    const delivered = [row({ transactionId: "n", description: "RATE 4/12", merchant: "Shop" })]
    assert.deepStrictEqual(inserts(Transactions.reconcile(request({ held, delivered }))), ["d"])
  })

  it("leave a tombstone as it was, whatever its id brings", () => {
    const held = [heldRow({ deleted: true, pending: true, date: dateOn(2) })]
    const update = row({ transactionId: "old", amount: 500, description: "COFFEE 123 LATE", date: dateOn(3) })
    assert.deepStrictEqual(result(request({ held, delivered: [update] })), held)
    const later = row({ transactionId: "n", amount: 500, date: dateOn(3) })
    const latest = row({ id: "e", transactionId: "e", amount: 77, description: "ELSE", date: dateOn(20) })
    const { decisions, expire } = Transactions.reconcile(request({ held, delivered: [later, latest] }))
    assert.deepStrictEqual(
      decisions.map(({ action }) => action),
      ["insert", "insert"],
    )
    assert.deepStrictEqual(expire, [])
  })

  it.each([
    ["posts a pending row without a link", null, 450, "merge"],
    ["names the pending row that it posts: no other", "gone", 450, "insert"],
    ["asks about a tip without a link", null, 500, "review"],
    ["names the pending row that it posts, with a tip: no other", "gone", 500, "insert"],
  ] as const)("of one generation: a row %s", (_, pendingId, amount, action) => {
    const held = [heldRow({ pending: true })]
    const delivered = [row({ transactionId: "n", pendingId, amount, date: dateOn(11) })]
    const [decision] = Transactions.reconcile(request({ held, delivered, sameGeneration: true })).decisions
    assert.strictEqual(decision?.action, action)
  })

  it.each([
    ["merchant", "other_merchant", "PETROL STATION"],
    ["number", "other_number", "COFFEE 456"],
  ])("ask about a row of another %s", (_, doubt, description) => {
    const delivered = [row({ transactionId: "n", description })]
    const [decision] = Transactions.reconcile(request({ ...base, delivered })).decisions
    assert.isTrue(decision?.action === "review" && decision.doubt === doubt)
  })

  it.each(["SCHD", "RJCT", "Cancelled"])("ignore a row that is %s", (status) => {
    const [decision] = Transactions.reconcile(request({ ...base, delivered: [row({ status })] })).decisions
    assert.strictEqual(decision?.action, "ignore")
  })
})

describe("the matching of a run", () => {
  it.prop("has the weight of the best of all pairings", [graphs], ([graph]) => {
    const flow = RunMatching.match(graph)
    const used = (side: "from" | "to", kind: number) =>
      graph.edges.reduce((sum, edge, id) => sum + (edge[side] === kind ? (flow[id] ?? 0) : 0), 0)
    graph.delivered.forEach((count, kind) => assert.isAtMost(used("from", kind), count))
    graph.held.forEach((count, kind) => assert.isAtMost(used("to", kind), count))
    const weight = graph.edges.reduce((sum, edge, id) => sum + edge.weight * (flow[id] ?? 0), 0)
    assert.strictEqual(weight, bestWeight(graph))
  })
})

describe("a description", () => {
  it.prop("is normal once it is normalised", [texts], ([text]) => {
    const normal = Descriptions.normalise(text, 20_500)
    assert.strictEqual(Descriptions.normalise(normal, 20_500), normal)
  })

  it.prop("is compared the same from either side, and is itself", [texts, texts], ([a, b]) => {
    const [x, y] = [Descriptions.read(a, 20_500), Descriptions.read(b, 20_500)]
    assert.strictEqual(Descriptions.compare(x, y), Descriptions.compare(y, x))
    assert.include(["same", "unknown"], Descriptions.compare(x, x))
  })

  const day = Transactions.dayOf("2026-03-12")
  it.each([
    ["12.03 EXAMPLE STORE", "EXAMPLE STORE"],
    ["  example   store  2026-03-11", "EXAMPLE STORE"],
    ["SQ *NOODLE BAR", "NOODLE BAR"],
    ["AMZN Mktp US*2K4XY0", "AMZN MKTP US"],
    ["Café Müller's", "CAFE MULLERS"],
    ["CARD PURCHASE COSTCO WHSE #0044 123456789", "COSTCO WHSE 44"],
    ["PARCELA 03/12 LOJA", "PARCELA 3/12 LOJA"],
    ["INVOICE 1041", "INVOICE 1041"],
    ["123456", "123456"],
    ["2K4XY0 POS 12/03 COFFEE", "COFFEE"],
    ["*", ""],
  ])("%j is normally %j", (text, normal) => assert.strictEqual(Descriptions.normalise(text, day), normal))

  it.each([
    ["WHOLEFDS #10", "Whole Foods #10", "alike"],
    ["COSTCO WHSE", "COSTCO WHSE #44", "alike"],
    ["TRADER JOE'S", "trader joes", "same"],
    ["SQ *NOODLE BAR", "Noodle Bar", "equal"],
    ["STARBUCKS 123", "STARBUCKS 456", "renumbered"],
    ["STARBUCKS 123", "SHELL OIL 77", "different"],
    ["RATE 3/12 SHOP", "RATE 4/12 SHOP", "other_instalment"],
    ["UBER 2K4XY0", "UBER 9Q8ZZ1", "rereferenced"],
    ["", "ANYTHING", "unknown"],
  ] as const)("%j and %j are %s", (a, b, likeness) => {
    assert.strictEqual(Descriptions.compare(Descriptions.read(a, day), Descriptions.read(b, day)), likeness)
  })
})

describe("the balance gate", () => {
  const balances = (out: number): BalanceGate.Balances => ({
    currency: "EUR",
    opening: { date: dateOn(-1), amount: 10_000 },
    closing: { date: dateOn(60), amount: 10_000 - out },
  })

  it.prop("accepts a batch only when its rows make up the balance", [batches, Schema.Int], ([request, out]) => {
    const gated = Transactions.reconcile({ ...request, balances: balances(out % 5_000) })
    const booked = Transactions.apply(request, Transactions.reconcile(request), (row) => row.id).filter(
      Transactions.isBooked,
    )
    const sum = booked.filter((row) => row.currency === "EUR").reduce((sum, row) => sum + row.amount, 0)
    const open = gated.decisions.filter(({ action }) => action === "review").length
    if (gated.balance.outcome === "balanced" && open === 0) assert.strictEqual(sum, out % 5_000)
    if (gated.balance.outcome === "unbalanced") assert.notStrictEqual(gated.balance.difference, 0)
  })

  it("turns the merge that lost a payment into a question, and says it is new", () => {
    const held = [heldRow({})]
    const delivered = [row({ transactionId: "n", date: dateOn(13) })]
    const gated = Transactions.reconcile(request({ held, delivered, balances: balances(900) }))
    assert.deepStrictEqual(gated.balance, { outcome: "unbalanced", difference: 450, repair: ["d"] })
    assert.deepStrictEqual(gated.decisions, [
      { action: "review", row: "d", candidates: ["h"], doubt: "out_of_balance", suggestion: "new" },
    ])
  })

  it("turns the insert that doubled a payment into a question, and says it is the same", () => {
    const held = [heldRow({})]
    const delivered = [row({ transactionId: "n", date: dateOn(17) })]
    const gated = Transactions.reconcile(request({ held, delivered, balances: balances(450) }))
    assert.deepStrictEqual(gated.balance.repair, ["d"])
    assert.deepStrictEqual(gated.decisions, [
      { action: "review", row: "d", candidates: ["h"], doubt: "out_of_balance", suggestion: "same" },
    ])
  })

  it.each([2, 3])("finds the %i corrections that fewer do not explain", (count) => {
    const amounts = [450, 700, 1_100].slice(0, count)
    const held = amounts.map((amount, n) => heldRow({ id: `h${n}`, transactionId: `o${n}`, amount }))
    const delivered = amounts.map((amount, n) => row({ id: `d${n}`, transactionId: `n${n}`, amount, date: dateOn(13) }))
    const out = 2 * amounts.reduce((sum, amount) => sum + amount, 0)
    const gated = Transactions.reconcile(request({ held, delivered, balances: balances(out) }))
    assert.sameMembers(
      [...gated.balance.repair],
      delivered.map(({ id }) => id),
    )
  })

  it("counts what is booked after the opening day and up to the closing one, in its currency alone", () => {
    const held = [
      heldRow({ id: "closing", transactionId: "1", date: dateOn(60), amount: 450 }),
      heldRow({ id: "opening", transactionId: "2", date: dateOn(-1), amount: 1 }),
      heldRow({ id: "later", transactionId: "3", date: dateOn(61), amount: 2 }),
      heldRow({ id: "dollars", transactionId: "4", currency: "USD", amount: 4 }),
      heldRow({ id: "deleted", transactionId: "5", deleted: true, amount: 8 }),
      heldRow({ id: "pending", transactionId: "6", pending: true, amount: 16 }),
    ]
    const { balance } = Transactions.reconcile(request({ held, balances: balances(450) }))
    assert.deepStrictEqual(balance, { outcome: "balanced", difference: 0, repair: [] })
  })

  it("counts a row that is a question, where what it may be is not booked", () => {
    const held = [heldRow({ pending: true, amount: 5_000 })]
    const delivered = [row({ transactionId: "n", amount: 5_900, date: dateOn(11) })]
    const { balance, decisions } = Transactions.reconcile(request({ held, delivered, balances: balances(5_900) }))
    assert.deepInclude(decisions[0], { action: "review", doubt: "amount_changed" })
    assert.strictEqual(balance.outcome, "balanced")
  })

  it("does not suspect the posting of a pending row: it is in the books either way", () => {
    const held = [heldRow({ pending: true })]
    const delivered = [row({ transactionId: "n", date: dateOn(11) })]
    const gated = Transactions.reconcile(request({ held, delivered, balances: balances(900) }))
    assert.deepStrictEqual(gated.balance, { outcome: "unbalanced", difference: 450, repair: [] })
    assert.strictEqual(gated.decisions[0]?.action, "merge")
  })
})

describe("what no balance shows", () => {
  const balances = (out: number): BalanceGate.Balances => ({
    currency: "EUR",
    opening: { date: dateOn(-1), amount: 10_000 },
    closing: { date: dateOn(60), amount: 10_000 - out },
  })
  const asked = ({ decisions }: Transactions.Reconciliation) =>
    decisions.flatMap((decision) => (decision.action === "review" ? [[decision.row, decision.suggestion]] : []))

  it("asks about both of two repairs that are as likely, and suggests neither", () => {
    const held = ["a", "b"].map((id, n) => heldRow({ id, transactionId: id, date: dateOn(30 * n) }))
    const delivered = ["x", "y"].map((id, n) => row({ id, transactionId: id, date: dateOn(30 * n + 3) }))
    const gated = Transactions.reconcile(request({ held, delivered, balances: balances(3 * 450) }))
    assert.deepStrictEqual(gated.balance, { outcome: "unbalanced", difference: 450, repair: [] })
    assert.deepStrictEqual(asked(gated), [
      ["x", null],
      ["y", null],
    ])
  })

  it.each([
    [450, "same"],
    [900, "new"],
  ] as const)("says of an open question what the balance says: of %i out, %s", (out, suggestion) => {
    const delivered = [row({ transactionId: "n", description: "PETROL STATION" })]
    const gated = Transactions.reconcile(request({ delivered, balances: balances(out) }))
    assert.deepStrictEqual(asked(gated), [["d", suggestion]])
  })

  it("asks about the least certain rows where nothing explains the difference", () => {
    const delivered = [row({ transactionId: "n", date: dateOn(13) })]
    const gated = Transactions.reconcile(request({ delivered, balances: balances(457) }))
    assert.deepStrictEqual(gated.balance, { outcome: "unbalanced", difference: 7, repair: [] })
    assert.deepStrictEqual(asked(gated), [["d", null]])
  })

  it("does not ask who takes whose place where the first row can be the last one that is held", () => {
    const petrol = { description: "PETROL STATION", amount: 7 }
    const held = [
      ...[20, 18].map((day, n) => heldRow({ id: `h${n}`, transactionId: `o${n}`, date: dateOn(day) })),
      heldRow({ ...petrol, id: "p", transactionId: "p" }),
    ]
    const delivered = [
      row({ id: "x", transactionId: "x", date: dateOn(20) }),
      row({ id: "y", transactionId: "y", date: dateOn(20), description: "PETROL STATION" }),
      row({ ...petrol, id: "z", transactionId: "z" }),
    ]
    const coverage = {
      held: { from: dateOn(-30), to: dateOn(40) },
      delivered: { from: dateOn(19), to: dateOn(60) },
    }
    const gated = Transactions.reconcile(request({ held, delivered, coverage, balances: balances(2 * 450 + 7) }))
    assert.deepStrictEqual(
      asked(gated).map(([row]) => row),
      ["y"],
    )
  })

  it("asks about every row of a chain whose ends are too far apart to be one", () => {
    const held = [8, 10, 15].map((day, n) => heldRow({ id: `h${n}`, transactionId: `o${n}`, date: dateOn(day) }))
    const delivered = [10, 15, 20].map((day, n) => row({ id: `d${n}`, transactionId: `n${n}`, date: dateOn(day) }))
    const coverage = {
      held: { from: dateOn(-30), to: dateOn(40) },
      delivered: { from: dateOn(9), to: dateOn(60) },
    }
    const gated = Transactions.reconcile(request({ held, delivered, coverage, balances: balances(3 * 450) }))
    assert.deepStrictEqual(
      asked(gated).map(([row]) => row),
      ["d0", "d1", "d2"],
    )
  })

  it("asks about a fourth repair that is as likely as one of three", () => {
    const days = [0, 14, 28, 42]
    const held = days.map((day, n) => heldRow({ id: `h${n}`, transactionId: `o${n}`, date: dateOn(day) }))
    const delivered = days.map((day, n) => row({ id: `d${n}`, transactionId: `n${n}`, date: dateOn(day + 3) }))
    const gated = Transactions.reconcile(request({ held, delivered, balances: balances(7 * 450) }))
    assert.deepStrictEqual(asked(gated), [
      ["d0", null],
      ["d1", null],
      ["d2", null],
      ["d3", null],
    ])
  })

  it("offers to each question what the others set free, and nothing that is taken", () => {
    const held = [0, 3, 8].map((day, n) => heldRow({ id: `h${n}`, transactionId: `o${n}`, date: dateOn(day) }))
    const delivered = [2, 5, 8].map((day, n) => row({ id: `d${n}`, transactionId: `n${n}`, date: dateOn(day) }))
    const { decisions } = Transactions.reconcile(request({ held, delivered, balances: balances(4 * 450) }))
    assert.deepStrictEqual(
      decisions.map((decision) => (decision.action === "review" ? decision.candidates : decision.action)),
      [["h0", "h1"], ["h1", "h0"], "merge"],
    )
  })

  it("asks about a row too many that a row too few of the same amount can hide", () => {
    const held = ["a", "b"].map((id, n) => heldRow({ id, transactionId: id, date: dateOn(30 * n) }))
    const delivered = [
      row({ id: "x", transactionId: "x", date: dateOn(4) }),
      row({ id: "y", transactionId: "y", date: dateOn(33), description: "PETROL STATION" }),
    ]
    const batch = { held, delivered, balances: balances(3 * 450) }
    const gated = Transactions.reconcile(request(batch))
    assert.strictEqual(gated.balance.outcome, "balanced")
    assert.deepStrictEqual(asked(gated), [["y", null]])
    const alone = Transactions.reconcile(request({ ...batch, delivered: delivered.slice(1) }))
    assert.deepStrictEqual(asked(alone), [])
  })

  it("asks whether it is the one row or the other that was held, where both can be", () => {
    const held = [heldRow({ date: dateOn(30) })]
    const delivered = [
      row({ id: "x", transactionId: "x", date: dateOn(33) }),
      row({ id: "y", transactionId: "y", date: dateOn(30), description: "PETROL STATION" }),
    ]
    const gated = Transactions.reconcile(request({ held, delivered, balances: balances(2 * 450) }))
    assert.strictEqual(gated.balance.outcome, "balanced")
    assert.deepStrictEqual(asked(gated), [
      ["x", null],
      ["y", null],
    ])
  })
})

describe("two merchants", () => {
  const balances = {
    currency: "EUR",
    opening: { date: dateOn(-30), amount: 0 },
    closing: { date: dateOn(60), amount: -903 },
  }
  const coffee = { description: "COFFEE 123", date: dateOn(-20), amount: 1 }
  const petrol = { description: "PETROL STATION", date: dateOn(-20), amount: 2 }
  const held = heldRow({ date: dateOn(30) })
  const shifted = row({ id: "x", transactionId: "x", date: dateOn(33) })
  const unlike = row({ id: "y", transactionId: "y", date: dateOn(30), description: "PETROL STATION" })
  const before = (known: ReadonlyArray<typeof coffee>) =>
    known.map((one, n) => heldRow({ ...one, id: `k${n}`, transactionId: `k${n}` }))
  const again = (known: ReadonlyArray<typeof coffee>) =>
    known.map((one, n) => row({ ...one, id: `a${n}`, transactionId: `a${n}` }))
  const asked = (known: ReadonlyArray<typeof coffee>, delivered: ReadonlyArray<typeof coffee>) =>
    Transactions.reconcile(
      request({ held: [held, ...before(known)], delivered: [shifted, unlike, ...again(delivered)], balances }),
    ).decisions.filter(({ action }) => action === "review").length

  it("that both generations know are never suspected to be one", () => {
    assert.strictEqual(asked([coffee, petrol], [coffee, petrol]), 0)
  })

  it("of which only one generation knows both may be one", () => {
    assert.isAbove(asked([coffee], [coffee, petrol]), 0)
  })
})

describe("generated statements", () => {
  const gated = (request: Transactions.Request) => Transactions.reconcile(request).decisions
  // Each is decided once, however many tests look at it.
  const before = remembered((seed) => measure(statement(seed), ungated))
  const after = remembered((seed) => measure(statement(seed), gated))

  it("come out with at most one row doubled and half a row lost in a thousand, before the gate", () => {
    const { duplicated, payments, vanished } = total(seeds(120).map(before))
    assert.isAtMost(duplicated * 1_000, payments)
    assert.isAtMost(vanished * 2_000, payments)
  })

  it("hide no error once the books are held against the balance", () => {
    assert.strictEqual(total(seeds(60).map(after)).undetected, 0)
  })

  it.each([
    ["usual", [2230]],
    ["providerChange", [216, 655, 1058, 1494, 1928, 2038]],
  ] as const)("hide no error where errors hide each other best: %s", (world, seeds) => {
    const measured = seeds.map((seed) => measure(statement(seed, hazards[world]), gated))
    assert.strictEqual(total(measured).undetected, 0)
  })

  it("come out better after the gate's questions than before, for few questions", () => {
    const [was, is] = [total(seeds(60).map(before)), total(seeds(60).map(after))]
    assert.isBelow(is.duplicated + is.vanished, was.duplicated + was.vanished)
    assert.isAbove(is.exact, was.exact)
    assert.isBelow(is.wrong * 4, was.wrong)
    assert.isBelow(is.asked * 1_000, is.payments * 15)
  })

  it("of nothing but habits come out better too, for few questions", () => {
    const ones = seeds(30).map((seed) => statement(seed, hazards.habits))
    const [was, is] = [ungated, gated].map((rule) => total(ones.map((one) => measure(one, rule))))
    assert.isBelow((is?.wrong ?? Infinity) * 4, was?.wrong ?? 0)
    assert.isBelow((is?.asked ?? Infinity) * 1_000, (is?.payments ?? 0) * 15)
  })

  it("are the same for the same seed", () => {
    const [one, other] = [statement(7), statement(7)]
    assert.deepStrictEqual(one.request, other.request)
    assert.notDeepEqual(statement(8).request, one.request)
  })
})

// ------------------------------------------------------------------------------------------------------------ fixtures

function dateOn(day: number) {
  return Transactions.dateOf(20_660 + day)
}

function row(fields: Partial<Transactions.Row>): Transactions.Row {
  return {
    id: "d",
    date: dateOn(10),
    authorized: null,
    amount: 450,
    currency: "EUR",
    description: "COFFEE 123",
    merchant: null,
    pending: false,
    transactionId: null,
    pendingId: null,
    counterparty: null,
    check: null,
    references: [],
    owner: null,
    status: null,
    ...fields,
  }
}

function heldRow(fields: Partial<Transactions.Held>): Transactions.Held {
  const held = { aliases: [], edited: false, deleted: false, lapsed: false }
  return { ...row({ id: "h", transactionId: "old" }), ...held, ...fields }
}

function request(fields: Partial<Transactions.Request>): Transactions.Request {
  return {
    held: [heldRow({})],
    delivered: [],
    coverage: { held: { from: dateOn(-30), to: dateOn(40) } },
    sameGeneration: false,
    unstableReferences: false,
    ...fields,
  }
}

function ungated({ balances: _balances, ...request }: Transactions.Request) {
  return Transactions.reconcile(request).decisions
}

function result(of: Transactions.Request) {
  return Transactions.apply(of, Transactions.reconcile(of), (row) => `new ${row.id}`)
}

function inserts({ decisions }: Transactions.Reconciliation) {
  return decisions.flatMap((decision) => (decision.action === "insert" ? [decision.row] : []))
}

function merges({ decisions }: Transactions.Reconciliation) {
  return decisions.flatMap((decision) => (decision.action === "merge" ? [decision] : []))
}

function repeat<A>(count: number, make: (n: number) => A) {
  return Array.from({ length: count }, (_, n) => make(n))
}

function remembered<A>(of: (seed: number) => A) {
  const known = new Map<number, A>()
  return (seed: number) => {
    const found = known.get(seed) ?? of(seed)
    known.set(seed, found)
    return found
  }
}

function seeds(count: number) {
  return repeat(count, (seed) => seed)
}

/** Every way of pairing, one row after the other. */
function bestWeight({ delivered, edges, held }: RunMatching.Graph): number {
  const rows = delivered.flatMap((count, kind) => repeat(count, () => kind))
  const best = (index: number, free: ReadonlyArray<number>): number => {
    const kind = rows[index]
    if (kind === undefined) return 0
    const taken = edges
      .filter(({ from, to }) => from === kind && (free[to] ?? 0) > 0)
      .map(
        ({ to, weight }) =>
          weight +
          best(
            index + 1,
            free.map((count, other) => (other === to ? count - 1 : count)),
          ),
      )
    return Math.max(best(index + 1, free), ...taken)
  }
  return best(0, held)
}

/** Kuhn's algorithm. */
function greatestMatching<A>(left: ReadonlyArray<A>, right: ReadonlyArray<A>, areOne: (a: A, b: A) => boolean): number {
  const partner = new Map<number, number>()
  const place = (from: number, seen: Set<number>): boolean =>
    right.some((other, to) => {
      const one = left[from]
      if (one === undefined || seen.has(to) || !areOne(one, other)) return false
      seen.add(to)
      const before = partner.get(to)
      if (before !== undefined && !place(before, seen)) return false
      partner.set(to, from)
      return true
    })
  return left.filter((_, from) => place(from, new Set())).length
}
