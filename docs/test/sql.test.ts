/** The statements that the documents show are run on a store with every view. */
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { PlaidAccounts } from "@holdfast/adapters-plaid"
import {
  AccountKeysView,
  AccountsView,
  ConnectionHistoryView,
  ConnectionsView,
  ProjectionRunner,
  ReviewsView,
  TransactionsView,
} from "@holdfast/domain"
import { Store } from "@holdfast/store-postgres"
import { Effect, Redacted } from "effect"

const text = readFileSync(fileURLToPath(new URL("../operations.md", import.meta.url)), "utf8")

const statements = [...text.matchAll(/^```sql\n(.*?)^```$/gms)].map(([, statement = ""]) => statement)

const store = Store.layerPglite({
  masterKeys: { current: "test", keys: { test: Redacted.make(new Uint8Array(32).fill(3)) } },
})

layer(store, { excludeTestServices: true, timeout: "2 minutes" })("The statements in the documents", (it) => {
  it.effect("run as they stand", () =>
    Effect.gen(function* () {
      const transactions = TransactionsView.make({ plaid: PlaidAccounts.transactionOf })
      yield* ProjectionRunner.catchUp(ConnectionsView)
      yield* ProjectionRunner.catchUp(ConnectionHistoryView)
      yield* ProjectionRunner.catchUp(AccountsView)
      yield* ProjectionRunner.catchUp(AccountKeysView)
      yield* ProjectionRunner.catchUp(ReviewsView)
      yield* ProjectionRunner.catchUp(transactions)
      assert.isAtLeast(statements.length, 4)
      const sql = yield* PgClient.PgClient
      for (const statement of statements) assert.deepStrictEqual(yield* sql.unsafe(statement), [])
    }),
  )
})
