/**
 * The one PostgreSQL that everything is measured on, and databases on it.
 */
import { randomBytes } from "node:crypto"

import { Effect, Layer, Redacted } from "effect"
import { Pool } from "pg"

import * as Store from "../src/Store.ts"
import { EmbeddedPostgres, TestDatabase } from "../src/testing/index.ts"

/** A user who may create databases, on the server that BENCH_DATABASE_URL names or on an embedded one, as durable as PostgreSQL is by default. */
export const adminUrl = Effect.suspend(() => {
  const given = process.env["BENCH_DATABASE_URL"]
  return given === undefined
    ? Effect.map(EmbeddedPostgres.start(), ({ url }) => url)
    : Effect.succeed(Redacted.make(given))
})

/** Connections of every pool, ours and the peers': nobody waits for one. */
export const connections = 32

/** A database of its own for a peer. */
export const database = Effect.fn("Server.database")(function* (admin: Redacted.Redacted) {
  return Redacted.value(yield* TestDatabase.freshDatabase(admin))
})

/** A pool of `pg`, the driver that the peers use. */
export const pool = (url: string) =>
  Effect.acquireRelease(
    Effect.sync(() => new Pool({ connectionString: url, max: connections })),
    (pool) => Effect.promise(() => pool.end()),
  )

/** The library on a database of its own, as a host has it. */
export const holdfast = Effect.fn("Server.holdfast")(function* (admin: Redacted.Redacted) {
  const url = yield* TestDatabase.freshDatabase(admin)
  const context = yield* Layer.build(layer(url))
  return { url: Redacted.value(url), context }
})

export const layer = (url: Redacted.Redacted) =>
  Store.layerPostgres({
    url,
    maxConnections: connections,
    masterKeys: { current: "bench", keys: { bench: Redacted.make(randomBytes(32)) } },
  })
