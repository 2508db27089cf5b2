/** The event store and the log on databases of their own, as tests use them. */
import { PgClient } from "@effect/sql-pg"
import { Effect, Layer, Redacted } from "effect"
import { inject } from "vitest"

import * as Migrations from "../src/Migrations.ts"
import * as Pglite from "../src/Pglite.ts"
import * as PostgresEventLog from "../src/PostgresEventLog.ts"
import * as PostgresEventStore from "../src/PostgresEventStore.ts"
import { RunnerSql } from "../src/RunnerSql.ts"
import { TestDatabase } from "../src/testing/index.ts"
import { Wakeup } from "../src/Wakeup.ts"

export const services = Layer.mergeAll(PostgresEventStore.layer, PostgresEventLog.layer)

/** PostgreSQL in this process: one session, no roles apart. */
export const pglite = services.pipe(
  Layer.provideMerge(Layer.mergeAll(RunnerSql.layerSame, Wakeup.layerLocal, Layer.effectDiscard(Migrations.migrate()))),
  Layer.provideMerge(Pglite.layer()),
)

/** A new database on the test server, with a pool for the application's role and one for the runner's. */
export const postgres = Layer.unwrap(
  Effect.map(freshUrl(), (url) =>
    services.pipe(
      Layer.provideMerge(Wakeup.layerListen),
      Layer.provideMerge(Layer.mergeAll(clientOf(url), RunnerSql.layer({ url }))),
    ),
  ),
)

/** A pool of the application's role. */
export function clientOf(url: Redacted.Redacted) {
  return PgClient.layer({ url, startupParameters: { role: "holdfast_app" } })
}

export function freshUrl() {
  return Effect.tap(TestDatabase.freshDatabase(Redacted.make(inject("adminUrl"))), (url) =>
    Effect.provide(Migrations.migrate(), PgClient.layer({ url, maxConnections: 1 })),
  )
}
