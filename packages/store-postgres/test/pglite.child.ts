/**
 * Opens the data directory it is given and commits batches of three rows until it is killed, saying each batch's number
 * once its commit was acknowledged.
 */
import { PgClient } from "@effect/sql-pg"
import { Effect } from "effect"

import * as Pglite from "../src/Pglite.ts"

const program = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  yield* sql`CREATE TABLE IF NOT EXISTS batches (number int NOT NULL, row int NOT NULL, filler bytea NOT NULL)`
  const [last] = yield* sql<{ number: number }>`SELECT coalesce(max(number), 0) AS number FROM batches`
  for (let number = (last?.number ?? 0) + 1; ; number++) {
    const rows = [1, 2, 3].map((row) => ({ number, row, filler: Buffer.alloc(50_000, number) }))
    yield* sql.withTransaction(Effect.forEach(rows, (row) => sql`INSERT INTO batches ${sql.insert(row)}`))
    yield* Effect.sync(() => process.stdout.write(`${number}\n`))
  }
})

await Effect.runPromise(Effect.provide(program, Pglite.layer({ dataDir: process.argv[2] })))
