import { inspect } from "node:util"

import { assert, describe, it } from "@effect/vitest"
import { Cause, Duration, Effect, Exit, Fiber, Logger, Redacted, Tracer } from "effect"
import { TestClock } from "effect/testing"

import { PlaidApi, PlaidLimits } from "../src/index.ts"
import { type Fault, PlaidSimulator, productionLimits, sandboxLimits } from "../src/testing/index.ts"
import { simulated, tagOf } from "./support.ts"

/** An Item as the real client sees it. */
const opened = Effect.gen(function* () {
  const simulator = yield* PlaidSimulator
  const { login } = yield* simulator.addLogin({
    institutionId: "ins_109508",
    accounts: [{ name: "Checking", mask: "0011", owners: [{ name: "Ada Byron" }] }],
  })
  const { accessToken, accounts, itemId } = yield* simulator.connect({
    login,
    products: ["transactions", "auth", "identity"],
  })
  const api = yield* PlaidApi.PlaidApi
  const item = api.item({ itemId, accessToken: Redacted.make(accessToken) })
  return { simulator, api, item, itemId, accessToken, accountId: accounts[0]?.accountId ?? "" }
})

const now = { cursor: null, count: 10 }

describe("Plaid", () => {
  it.live("gives what it has of an Item", () =>
    Effect.gen(function* () {
      const { api, item, itemId } = yield* opened
      assert.deepInclude(yield* item.get, { item_id: itemId, institution_id: "ins_109508", error: null })
      assert.deepInclude((yield* item.accounts)[0], { name: "Checking", mask: "0011" })
      assert.strictEqual((yield* item.numbers).ach?.length, 1)
      assert.deepStrictEqual((yield* item.holders)[0]?.owners, [{ names: ["Ada Byron"] }])
      assert.strictEqual((yield* api.institution("ins_109508")).name, "First Platypus Bank")
      yield* item.remove
      assert.strictEqual(yield* tagOf(item.get), "AuthorizationEnded")
    }).pipe(Effect.provide(simulated())),
  )

  for (const [fault, tag, code] of [
    [{ failure: "tooManyRequests" }, "RateLimited", "RATE_LIMIT"],
    [{ failure: "internalError" }, "Unavailable", "INTERNAL_SERVER_ERROR"],
    [{ failure: "unavailable" }, "Unavailable", "status 503"],
    [{ failure: "truncatedBody" }, "Unavailable", "incomplete answer"],
    [{ failure: "emptyBody" }, "Unavailable", "incomplete answer"],
    [{ failure: "dropBeforeWork" }, "Unavailable", "no answer"],
    [{ failure: "dropAfterWork" }, "Unavailable", "no answer"],
    [{ failure: "hangBeforeWork" }, "Unavailable", "timeout"],
    [{ failure: "hangAfterWork" }, "Unavailable", "timeout"],
    [{ failure: "error", errorCode: "INSTITUTION_DOWN" }, "Unavailable", "INSTITUTION_DOWN"],
    [{ failure: "error", errorCode: "ITEM_LOGIN_REQUIRED" }, "AuthorizationEnded", "ITEM_LOGIN_REQUIRED"],
  ] satisfies ReadonlyArray<readonly [Fault, string, string]>) {
    it.live(`that answers with ${code} after ${fault.failure} is understood`, () =>
      Effect.gen(function* () {
        const { item, simulator } = yield* opened
        yield* simulator.fail(fault)
        const error = yield* Effect.flip(item.get)
        assert.deepStrictEqual([error.reason._tag, error.code], [tag, code])
        assert.strictEqual(error.retryable, tag !== "AuthorizationEnded")
        yield* item.get
      }).pipe(Effect.provide(simulated({}, { timeout: "300 millis" }))),
    )
  }

  it.live("says how long to wait, where it does", () =>
    Effect.gen(function* () {
      const { item, simulator } = yield* opened
      yield* simulator.fail({ failure: "tooManyRequests", retryAfterSeconds: 17 })
      const { reason } = yield* Effect.flip(item.get)
      assert.isTrue(
        reason._tag === "RateLimited" && Duration.equals(reason.retryAfter ?? Duration.zero, Duration.seconds(17)),
      )
    }).pipe(Effect.provide(simulated())),
  )

  it.live("that does not know the host refuses, and ends nobody's authorization", () =>
    Effect.gen(function* () {
      const { item } = yield* opened
      const error = yield* Effect.flip(item.get)
      assert.deepStrictEqual([error.reason._tag, error.code], ["UnexpectedAnswer", "INVALID_API_KEYS"])
    }).pipe(Effect.provide(simulated({}, { secret: "not-the-secret" }))),
  )

  it.live("is not asked any further when the caller is interrupted", () =>
    Effect.gen(function* () {
      const { item, simulator } = yield* opened
      yield* simulator.fail({ failure: "hangBeforeWork" })
      const asking = yield* Effect.forkChild(item.get)
      yield* simulator.met("/item/get")
      yield* Fiber.interrupt(asking)
      yield* item.get
    }).pipe(Effect.provide(simulated())),
  )
})

describe("What is secret", () => {
  it.live("stands in no error, Cause, log line or span, whatever goes wrong", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const spans: Array<Tracer.Span> = []
      const keep = (...values: ReadonlyArray<unknown>) =>
        seen.push(...values.map((value) => inspect(value, { depth: Infinity, showHidden: true })), String(values[0]))
      const keepCause = (cause: Cause.Cause<unknown>) =>
        keep(Cause.squash(cause), JSON.stringify(cause), Cause.pretty(cause), ...cause.reasons.map(String))
      const recording = Tracer.make({
        span: (options) => {
          const span = new Tracer.NativeSpan(options)
          spans.push(span)
          return span
        },
      })
      const logging = Logger.layer([
        Logger.make(({ cause, message }) => {
          keep(message)
          keepCause(cause)
        }),
      ])
      yield* Effect.gen(function* () {
        const { accessToken, accountId, api, item, simulator } = yield* opened
        const publicToken = "public-sandbox-not-for-the-logs"
        const requests = {
          get: item.get,
          accounts: item.accounts,
          sync: item.sync({ accountId, ...now }),
          exchange: api.exchange(Redacted.make(publicToken)),
          link: api.linkToken({
            tenantId: "t",
            clientUserId: "u",
            mends: { accessToken: Redacted.make(accessToken), accountSelection: true },
          }),
          remove: item.remove,
        }
        const faults: ReadonlyArray<Fault> = [
          { failure: "tooManyRequests" },
          { failure: "unavailable" },
          { failure: "truncatedBody" },
          { failure: "dropBeforeWork" },
          { failure: "hangBeforeWork" },
          { failure: "error", errorCode: "ITEM_LOGIN_REQUIRED" },
        ]
        for (const fault of faults) {
          for (const request of Object.values(requests)) {
            yield* simulator.clearFaults
            yield* simulator.fail(fault)
            const exit = yield* Effect.exit(Effect.tapCause(request, (cause) => Effect.logError("It failed", cause)))
            assert.isTrue(Exit.isFailure(exit))
            if (Exit.isSuccess(exit)) continue
            keepCause(exit.cause)
          }
        }
        keep(yield* api.linkToken({ tenantId: "t", clientUserId: "u" }))
        for (const { attributes, name, status } of spans) {
          keep(name, [...attributes])
          if (status._tag === "Ended" && Exit.isFailure(status.exit)) keepCause(status.exit.cause)
        }
        assert.isAbove(spans.length, faults.length * Object.keys(requests).length)
        const all = seen.join("\n")
        assert.include(all, "PlaidApi.transactions/sync")
        for (const secret of [accessToken, publicToken, simulator.client.secret, "access-sandbox", "link-sandbox"]) {
          assert.notInclude(all, secret)
        }
      }).pipe(Effect.withTracer(recording), Effect.provide(logging))
    }).pipe(Effect.provide(simulated({}, { timeout: "100 millis" }))),
  )
})

describe("A limit", () => {
  const limits: PlaidLimits.Limits = { "item/get": { perItem: 3, perClient: 5 } }

  it.live("on an Item is kept without Plaid being asked, and says when to come again", () =>
    Effect.gen(function* () {
      const { item, simulator } = yield* opened
      yield* Effect.all([item.get, item.get, item.get], { concurrency: 3 })
      const error = yield* Effect.flip(item.get)
      const { reason } = error
      assert.isTrue(error.retryable && reason._tag === "RateLimited" && reason.retryAfter !== undefined)
      assert.strictEqual(yield* simulator.count("/item/get"), 3)
      yield* item.accounts
    }).pipe(Effect.provide(simulated({}, { limits, patience: 0 }))),
  )

  it.live("on the client is shared by its Items", () =>
    Effect.gen(function* () {
      const one = yield* opened
      const other = yield* opened
      yield* Effect.all([one.item.get, one.item.get, one.item.get, other.item.get, other.item.get])
      assert.strictEqual(yield* tagOf(other.item.get), "RateLimited")
    }).pipe(Effect.provide(simulated({}, { limits, patience: 0 }))),
  )

  it.effect("is waited for, if that is not long", () =>
    Effect.gen(function* () {
      const limiter = yield* PlaidLimits.make({ clientId: "c", limits, patience: Duration.minutes(1) })
      const calls = yield* Effect.forkChild(Effect.forEach([1, 2, 3, 4], () => limiter("item/get", "item")))
      yield* TestClock.adjust("59 seconds")
      assert.isUndefined(calls.pollUnsafe())
      yield* TestClock.adjust("1 second")
      assert.isDefined(calls.pollUnsafe())
      yield* Fiber.join(calls)
    }).pipe(Effect.provide(PlaidLimits.layerMemory)),
  )

  it.effect("that is not named is none", () =>
    Effect.gen(function* () {
      const limiter = yield* PlaidLimits.make({ clientId: "c", limits, patience: Duration.zero })
      yield* Effect.repeat(limiter("accounts/get", "item"), { times: 100 })
    }).pipe(Effect.provide(PlaidLimits.layerMemory)),
  )

  it("is Plaid's own in either environment, if nobody says otherwise", () => {
    for (const [ours, plaids] of [
      [PlaidLimits.production, productionLimits],
      [PlaidLimits.sandbox, sandboxLimits],
    ] as const) {
      for (const [endpoint, limit] of Object.entries(ours))
        assert.deepStrictEqual(limit, plaids[`/${endpoint}`], endpoint)
    }
  })

  it.live("of Plaid's own that is met all the same is one more reason to wait", () =>
    Effect.gen(function* () {
      const { item } = yield* opened
      yield* Effect.repeat(item.get, { times: 14 })
      assert.strictEqual(yield* tagOf(item.get), "RateLimited")
    }).pipe(Effect.provide(simulated({ limits: { "/item/get": { perItem: 15 } } }))),
  )
})
