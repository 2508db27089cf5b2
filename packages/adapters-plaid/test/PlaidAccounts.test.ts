import { assert, describe, it } from "@effect/vitest"
import { Connection } from "@holdfast/domain"
import { Effect, Option, Redacted, Result, Schema } from "effect"

import { Money, PlaidAccounts, PlaidApi } from "../src/index.ts"
import { PlaidSimulator } from "../src/testing/index.ts"
import { simulated } from "./support.ts"

describe("An amount", () => {
  it.prop(
    "in cents is what the decimal says, whatever a floating point number makes of it",
    [Schema.Int.check(Schema.isBetween({ minimum: -999_999_999_999, maximum: 999_999_999_999 }))],
    ([cents]) => {
      const sign = cents < 0 ? "-" : ""
      const digits = String(Math.abs(cents)).padStart(3, "0")
      const written = Number(`${sign}${digits.slice(0, -2)}.${digits.slice(-2)}`)
      assert.deepStrictEqual(Money.minorUnits(written, "USD"), Option.some(cents))
    },
    { arbitrary: { runs: 1_000 } },
  )

  it("has as many digits as its currency", () => {
    const minor = (amount: number, currency: string) => Option.getOrUndefined(Money.minorUnits(amount, currency))
    assert.deepStrictEqual(
      [minor(1.1, "USD"), minor(1.1, "JPY"), minor(11, "JPY"), minor(1.234, "KWD"), minor(1.2345, "CLF")],
      [110, undefined, 11, 1_234, 12_345],
    )
    assert.deepStrictEqual(
      [minor(0.29 * 100, "USD"), minor(1e-7, "USD"), minor(1e21, "USD")],
      [undefined, undefined, undefined],
    )
    assert.deepStrictEqual([minor(0, "EUR"), minor(-0, "EUR"), minor(1.005, "USD")], [0, 0, undefined])
    assert.deepStrictEqual([minor(1, "BTC"), minor(1, "usd"), minor(1, "")], [undefined, undefined, undefined])
  })
})

describe("A transaction", () => {
  it("is read field by field", () => {
    assert.deepStrictEqual(
      PlaidAccounts.transactionOf({ ...transaction, account_id: "a", category: null, location: { city: null } }),
      Result.succeed({
        id: "t1",
        date: "2026-05-04",
        authorized: "2026-05-02",
        amount: 8_940,
        currency: "USD",
        description: "CORNER SHOP #0042",
        merchant: "Corner Shop",
        pending: false,
        transactionId: "t1",
        pendingId: "p1",
        counterparty: "GB33BUKB20201555555555",
        check: "1042",
        references: ["ref-7"],
        owner: "Card 1",
        status: null,
      }),
    )
  })

  it("that says little is read as saying it", () => {
    const { amount, date, iso_currency_code, pending, transaction_id } = transaction
    const row = PlaidAccounts.transactionOf({ amount, date, iso_currency_code, pending, transaction_id, name: "Shop" })
    assert.deepInclude(Result.getOrThrow(row), {
      description: "Shop",
      authorized: null,
      merchant: null,
      pendingId: null,
      counterparty: null,
      check: null,
      references: [],
      owner: null,
    })
  })

  for (const [field, value] of [
    ["amount", "89.40"],
    ["amount", 89.405],
    ["amount", null],
    ["iso_currency_code", null],
    ["iso_currency_code", "XXQ"],
    ["date", "04.05.2026"],
    ["date", null],
    ["pending", "false"],
    ["transaction_id", ""],
    ["authorized_date", "yesterday"],
  ] as const) {
    it(`whose ${field} is ${JSON.stringify(value)} is refused by that name, without its content`, () => {
      const refused = PlaidAccounts.transactionOf({ ...transaction, [field]: value })
      const problem = Result.isFailure(refused) ? refused.failure : "not refused"
      assert.match(problem, new RegExp(`^${field}: `))
      for (const content of ["CORNER", "Corner", "89.40", "yesterday"]) assert.notInclude(problem, content)
    })
  }

  it.prop("of any shape is read or refused, never thrown at", [Schema.Json], ([json]) => {
    const row = PlaidAccounts.transactionOf(json)
    assert.isTrue(Result.isFailure(row) || typeof row.success.id === "string")
  })

  it.live("of the simulator's is read, all of them", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const { accounts, login } = yield* simulator.addLogin({
        institutionId: "ins_109508",
        accounts: [{ name: "Checking", mask: "0011" }],
      })
      yield* simulator.seedHistory(accounts[0] ?? "", { count: 400, days: 600 })
      const { accessToken, accounts: shared, itemId } = yield* simulator.connect({ login, daysRequested: 730 })
      const item = (yield* PlaidApi.PlaidApi).item({ itemId, accessToken: Redacted.make(accessToken) })
      const page = yield* item.sync({ accountId: shared[0]?.accountId ?? "", cursor: null, count: 500 })
      const rows = page.added.map(PlaidAccounts.transactionOf)
      assert.strictEqual(rows.length, 400)
      assert.deepStrictEqual(rows.filter(Result.isFailure), [])
    }).pipe(Effect.provide(simulated())),
  )
})

describe("An account", () => {
  it("is described by all that identifies it", () => {
    const described = PlaidAccounts.descriptionOf(account, {
      institution: { id: "ins_1", name: "Bank" },
      numbers: {
        ach: [
          { account_id: "other", account: "9", routing: "9" },
          { account_id: "a1", account: "1111222233330000", routing: "011401533", is_tokenized_account_number: true },
        ],
        international: [{ account_id: "a1", iban: "GB33BUKB20201555555555" }],
        bacs: [{ account_id: "a1", account: "55555555", sort_code: "202015" }],
      },
      holders: [{ account_id: "a1", owners: [{ names: ["Ada Byron"] }, { names: ["Charles Babbage"] }] }],
      today,
    })
    assert.deepInclude(described, {
      externalId: "a1",
      persistentId: "p1",
      institution: { id: "ins_1", name: "Bank" },
      iban: "GB33BUKB20201555555555",
      number: { value: "011401533:1111222233330000", tokenized: true },
      mask: "0000",
      holders: ["Ada Byron", "Charles Babbage"],
      balance: { amount: 11_001, on: "2026-05-03" },
    })
  })

  it("of which less is known is described by less, and nothing is guessed", () => {
    const { account_id } = account
    const balances = { current: 110.5, iso_currency_code: null }
    const described = PlaidAccounts.descriptionOf(
      { account_id, balances, name: null, mask: "" },
      { institution: undefined, today },
    )
    assert.deepStrictEqual(
      Object.entries(described).filter(([, value]) => value !== undefined),
      [["externalId", "a1"]],
    )
  })

  it.live("has numbers and holders where they were asked for in Link, and nothing else is billed", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const { login } = yield* simulator.addLogin({
        institutionId: "ins_109508",
        accounts: [
          { name: "Checking", mask: "0011", owners: [{ name: "Ada Byron" }] },
          { name: "Brokerage", mask: "0099", type: "investment", subtype: "brokerage" },
        ],
      })
      const described = Effect.fnUntraced(function* (products: ReadonlyArray<string>) {
        const { accessToken, itemId } = yield* simulator.connect({ login, products })
        const item = (yield* PlaidApi.PlaidApi).item({ itemId, accessToken: Redacted.make(accessToken) })
        yield* simulator.forgetRequests
        return yield* PlaidAccounts.sources(item, yield* item.get, undefined)
      })
      const [plain] = yield* described(["transactions"])
      assert.isUndefined(plain?.account?.number)
      assert.strictEqual((yield* simulator.count("/auth/get")) + (yield* simulator.count("/identity/get")), 0)
      const sources = yield* described(["transactions", "auth", "identity"])
      assert.strictEqual(sources.length, 1)
      assert.isDefined(sources[0]?.account?.number)
      assert.deepStrictEqual(sources[0]?.account?.holders, ["Ada Byron"])
    }).pipe(Effect.provide(simulated())),
  )

  it.live("whose numbers cannot be had is described without them, unless asking again helps", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const { login } = yield* simulator.addLogin({ institutionId: "ins_109508", accounts: [{ name: "C", mask: "1" }] })
      const { accessToken, itemId } = yield* simulator.connect({ login, products: ["transactions", "auth"] })
      const item = (yield* PlaidApi.PlaidApi).item({ itemId, accessToken: Redacted.make(accessToken) })
      const status = yield* item.get
      for (const errorCode of ["PRODUCT_NOT_READY", "PRODUCTS_NOT_SUPPORTED", "NO_AUTH_ACCOUNTS"]) {
        yield* simulator.fail({ failure: "error", errorCode, endpoint: "/auth/get" })
        const [source] = yield* PlaidAccounts.sources(item, status, undefined)
        assert.isUndefined(source?.account?.number)
      }
      yield* simulator.fail({ failure: "internalError", endpoint: "/auth/get" })
      assert.isTrue((yield* Effect.flip(PlaidAccounts.sources(item, status, undefined))).retryable)
    }).pipe(Effect.provide(simulated())),
  )
})

const today = Connection.Day.make("2026-05-05")

const account: PlaidApi.Account = {
  account_id: "a1",
  persistent_account_id: "p1",
  name: "Checking",
  official_name: null,
  mask: "0000",
  type: "depository",
  subtype: "checking",
  balances: { current: 110.01, iso_currency_code: "USD", last_updated_datetime: "2026-05-03T10:00:00Z" },
}

const transaction = {
  transaction_id: "t1",
  amount: 89.4,
  iso_currency_code: "USD",
  unofficial_currency_code: null,
  date: "2026-05-04",
  authorized_date: "2026-05-02",
  name: "Corner Shop",
  original_description: "CORNER SHOP #0042",
  merchant_name: "Corner Shop",
  pending: false,
  pending_transaction_id: "p1",
  check_number: "1042",
  account_owner: "Card 1",
  payment_meta: { reference_number: "ref-7", payee: null, payer: null },
  counterparties: [
    { name: "Corner Shop", type: "merchant" },
    { name: "Shop Ltd", type: "payment_app", account_numbers: { international: { iban: "GB33BUKB20201555555555" } } },
  ],
}
