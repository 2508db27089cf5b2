import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

import * as AccountKeysView from "../src/AccountKeysView.ts"
import { Position } from "../src/EventStore.ts"
import { AccountId, TenantId } from "../src/Ids.ts"
import { ViewStore } from "../src/ViewStore.ts"
import * as ViewStoreMemory from "../src/ViewStoreMemory.ts"

const tenantId = TenantId.make("here")

const accountOf = (number: number) => AccountId.make(`a0000000-0000-4000-8000-${`${number}`.padStart(12, "0")}`)

/** Each key is on so many accounts, counted from the first. */
const rowsOf = (keys: Readonly<Record<string, number>>): ReadonlyArray<AccountKeysView.Row> =>
  Object.entries(keys).flatMap(([key, count]) =>
    Array.from({ length: count }, (_, number) => ({
      key,
      account_id: accountOf(number),
      since: "2026-01-01T00:00:00.000Z",
    })),
  )

const crowded = { "number 1": 80, "brand first name checking": 3, "brand first type depository": 51 }

/** What is found in a tenant of whom the keys are known, and a neighbour of whom the same are. */
const lookup = Effect.fnUntraced(function* (narrow: ReadonlyArray<string>, broad: ReadonlyArray<string>) {
  const store = yield* ViewStore
  const live = yield* store.open(AccountKeysView)
  const upserts = [tenantId, TenantId.make("there")].flatMap((tenantId) =>
    rowsOf(crowded).map((row) => ({ tenantId, row })),
  )
  yield* store.commit(AccountKeysView, live, Position.make(1n), { patches: [], deletes: [], upserts })
  return yield* AccountKeysView.lookup(tenantId, { narrow, broad })
}, Effect.provide(ViewStoreMemory.layer))

describe("accounts among many are", () => {
  it.effect("found by a narrow key, however many have it", () =>
    Effect.gen(function* () {
      const { accountIds, crowds } = yield* lookup(["number 1", "number 2"], [])
      assert.strictEqual(accountIds.length, 80)
      assert.strictEqual(crowds.size, 0)
    }),
  )

  it.effect("found by a broad key that a few have, and counted where a crowd has it", () =>
    Effect.gen(function* () {
      const broad = ["brand first name checking", "brand first name savings", "brand first type depository"]
      const { accountIds, crowds } = yield* lookup([], broad)
      assert.deepStrictEqual(accountIds, [accountOf(0), accountOf(1), accountOf(2)])
      assert.deepStrictEqual([...crowds], [["brand first type depository", 51]])
    }),
  )

  it.effect("each found once", () =>
    Effect.gen(function* () {
      const { accountIds } = yield* lookup(["number 1"], ["brand first name checking"])
      assert.strictEqual(accountIds.length, 80)
    }),
  )
})
