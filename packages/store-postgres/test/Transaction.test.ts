import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Redacted } from "effect"
import { inject } from "vitest"

import { TestDatabase } from "../src/testing/index.ts"
import { atomically } from "../src/Transaction.ts"

describe("a transaction whose session the server ends", () => {
  it.effect("fails with an error that can be caught, and leaves nothing", () =>
    Effect.gen(function* () {
      const url = yield* TestDatabase.freshDatabase(Redacted.make(inject("adminUrl")))
      const client = Effect.map(Layer.build(Layer.fresh(PgClient.layer({ url }))), Context.get(PgClient.PgClient))
      const [sql, operator] = [yield* client, yield* client]
      yield* sql`CREATE TABLE notes (body text)`

      const error = yield* Effect.gen(function* () {
        yield* sql`INSERT INTO notes VALUES ('lost')`
        const [session] = yield* sql<{ pid: number }>`SELECT pg_backend_pid() AS pid`
        yield* operator`SELECT pg_terminate_backend(${session?.pid ?? 0}, 10000)`
        yield* sql`INSERT INTO notes VALUES ('never')`
      }).pipe(atomically(sql), Effect.flip)

      assert.strictEqual(error._tag, "SqlError")
      assert.deepStrictEqual(yield* sql`SELECT * FROM notes`, [])
    }),
  )
})
