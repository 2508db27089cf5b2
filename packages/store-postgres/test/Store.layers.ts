/** The whole store on databases of their own, as tests use it. */
import { type MasterKeys } from "@holdfast/domain"
import { Effect, Layer, Redacted } from "effect"
import { inject } from "vitest"

import * as Store from "../src/Store.ts"
import { TestDatabase } from "../src/testing/index.ts"

/** The same in every process of a test. */
export const masterKeys: MasterKeys.Options = {
  current: "test",
  keys: { test: Redacted.make(new Uint8Array(32).fill(7)) },
}

export const pglite = Store.layerPglite({ masterKeys })

export const postgres = Layer.unwrap(
  Effect.map(TestDatabase.freshDatabase(Redacted.make(inject("adminUrl"))), (url) =>
    Store.layerPostgres({ url, masterKeys }),
  ),
)
