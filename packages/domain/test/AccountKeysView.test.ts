import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

import * as AccountKeysView from "../src/AccountKeysView.ts"
import { AccountId, TenantId } from "../src/Ids.ts"
import { type Where, Views } from "../src/ViewStore.ts"

const tenantId = TenantId.make("here")

const accountOf = (number: number) => AccountId.make(`a0000000-0000-4000-8000-${`${number}`.padStart(12, "0")}`)

/** A view in which each key is on so many accounts, counted from the first. */
const holding = (keys: Readonly<Record<string, number>>) => {
  const rows = Object.entries(keys).flatMap(([key, count]) =>
    Array.from({ length: count }, (_, number) => ({
      key,
      account_id: accountOf(number),
      since: "2026-01-01T00:00:00Z",
    })),
  )
  const found = ({ key = [] }: Where<AccountKeysView.Row>) => rows.filter((row) => [key].flat().includes(row.key))
  return Views.of({
    query: (_view, _tenantId, { where = {} } = {}) => Effect.succeed(found(where as never) as never),
    count: (_view, _tenantId, where = {}) => Effect.succeed(found(where as never).length),
    awaitPosition: () => Effect.succeed(true),
  })
}

describe("accounts among many are", () => {
  const views = holding({ "number 1": 80, "brand first name checking": 3, "brand first type depository": 2_000 })
  const lookup = (narrow: ReadonlyArray<string>, broad: ReadonlyArray<string>) =>
    AccountKeysView.lookup(tenantId, { narrow, broad }).pipe(Effect.provideService(Views, views))

  it.effect("found by a narrow key, however many have it", () =>
    Effect.gen(function* () {
      const { accountIds, crowds } = yield* lookup(["number 1", "number 2"], [])
      assert.strictEqual(accountIds.length, 80)
      assert.strictEqual(crowds.size, 0)
    }),
  )

  it.effect("found by a broad key that a few have, and counted where a crowd has it", () =>
    Effect.gen(function* () {
      const { accountIds, crowds } = yield* lookup([], ["brand first name checking", "brand first type depository"])
      assert.deepStrictEqual(accountIds, [accountOf(0), accountOf(1), accountOf(2)])
      assert.deepStrictEqual([...crowds], [["brand first type depository", 2_000]])
    }),
  )

  it.effect("each found once", () =>
    Effect.gen(function* () {
      const { accountIds } = yield* lookup(["number 1"], ["brand first name checking"])
      assert.strictEqual(accountIds.length, 80)
    }),
  )
})
