import * as Fs from "node:fs/promises"
import * as Os from "node:os"
import * as Path from "node:path"

import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Layer, Redacted } from "effect"
import { inject } from "vitest"

import * as Database from "../src/Database.ts"
import { RunnerSql } from "../src/RunnerSql.ts"
import * as StoreIdentity from "../src/StoreIdentity.ts"
import { TestDatabase } from "../src/testing/index.ts"

const adminUrl = Redacted.make(inject("adminUrl"))

const elsewhere = StoreIdentity.StoreId.make("5f0c9b1e-0000-4000-8000-000000000000")

describe("Database.layerPostgres", () => {
  it.live("gives the application and the runner sessions of their own roles", () =>
    Effect.gen(function* () {
      const url = yield* TestDatabase.freshDatabase(adminUrl)
      const roles = yield* open(Database.layerPostgres({ url }), function* () {
        const app = yield* PgClient.PgClient
        const runner = yield* RunnerSql
        return [yield* app`SELECT current_user AS role`, yield* runner`SELECT current_user AS role`].flat()
      })
      assert.deepStrictEqual(roles, [{ role: "holdfast_app" }, { role: "holdfast_runner" }])
    }),
  )

  it.live("lets no session keep a transaction open for ever", () =>
    Effect.gen(function* () {
      const url = yield* TestDatabase.freshDatabase(adminUrl)
      const times = yield* open(Database.layerPostgres({ url }), function* () {
        const times = []
        for (const sql of [yield* PgClient.PgClient, yield* RunnerSql]) {
          times.push(...(yield* sql<{ time: string }>`SHOW idle_in_transaction_session_timeout`))
          times.push(...(yield* sql<{ time: string }>`SHOW tcp_keepalives_idle`))
        }
        return times
      })
      assert.deepStrictEqual(times.flatMap(Object.values), ["10min", "60", "10min", "60"])
    }),
  )

  it.live("opens the store that is expected, and refuses an empty database and another store in its place", () =>
    Effect.gen(function* () {
      const url = yield* TestDatabase.freshDatabase(adminUrl)
      const refusal = yield* Effect.flip(identityIn(Database.layerPostgres({ url, identity: { expected: elsewhere } })))
      assert.deepStrictEqual(refusal, new StoreIdentity.StoreMissing({ expected: elsewhere }))
      assert.isFalse(yield* hasSchema(url), "nothing was made")

      const id = yield* identityIn(Database.layerPostgres({ url }))
      assert.strictEqual(yield* identityIn(Database.layerPostgres({ url, identity: { expected: id } })), id)
      const replaced = yield* Effect.flip(
        identityIn(Database.layerPostgres({ url, identity: { expected: elsewhere } })),
      )
      assert.deepStrictEqual(replaced, new StoreIdentity.StoreReplaced({ expected: elsewhere, found: id }))
    }),
  )

  it.live("notes the store in a file, and holds later starts to it until the file is removed", () =>
    Effect.gen(function* () {
      const file = Path.join(yield* temporaryDirectory, "notes", "store.json")
      const [one, two] = yield* Effect.all([TestDatabase.freshDatabase(adminUrl), TestDatabase.freshDatabase(adminUrl)])
      const id = yield* identityIn(Database.layerPostgres({ url: one, identity: { file } }))
      assert.strictEqual(yield* identityIn(Database.layerPostgres({ url: one, identity: { file } })), id)

      const missing = yield* Effect.flip(identityIn(Database.layerPostgres({ url: two, identity: { file } })))
      assert.deepStrictEqual(missing, new StoreIdentity.StoreMissing({ expected: id, file }))
      assert.include(missing.message, `remove the file ${file}`)
      assert.isFalse(yield* hasSchema(two), "nothing was made")

      yield* Effect.promise(() => Fs.rm(file))
      const other = yield* identityIn(Database.layerPostgres({ url: two, identity: { file } }))
      const replaced = yield* Effect.flip(identityIn(Database.layerPostgres({ url: one, identity: { file } })))
      assert.deepStrictEqual(replaced, new StoreIdentity.StoreReplaced({ expected: other, found: id, file }))
    }),
  )

  it.live("is not locked out by a crash after the store was made and before it was noted", () =>
    Effect.gen(function* () {
      const file = Path.join(yield* temporaryDirectory, "store.json")
      const url = yield* TestDatabase.freshDatabase(adminUrl)
      const id = yield* identityIn(Database.layerPostgres({ url }))
      assert.strictEqual(yield* identityIn(Database.layerPostgres({ url, identity: { file } })), id)
      assert.deepStrictEqual(JSON.parse(yield* Effect.promise(() => Fs.readFile(file, "utf8"))), { store: id })
    }),
  )

  it.live("refuses a damaged note rather than taking it for none", () =>
    Effect.gen(function* () {
      const file = Path.join(yield* temporaryDirectory, "store.json")
      yield* Effect.promise(() => Fs.writeFile(file, "{}"))
      const url = yield* TestDatabase.freshDatabase(adminUrl)
      assert.instanceOf(
        yield* Effect.flip(identityIn(Database.layerPostgres({ url, identity: { file } }))),
        StoreIdentity.IdentityFileError,
      )
      assert.isFalse(yield* hasSchema(url), "nothing was made")
    }),
  )
})

describe("Database.layerPglite", () => {
  it.live(
    "keeps the store across starts, and does not make a new one where its directory was emptied",
    () =>
      Effect.gen(function* () {
        const dataDir = Path.join(yield* temporaryDirectory, "data")
        const file = `${dataDir}.identity`
        const id = yield* identityIn(Database.layerPglite({ dataDir }))
        assert.strictEqual(yield* identityIn(Database.layerPglite({ dataDir })), id)

        yield* Effect.promise(() => Fs.rm(dataDir, { recursive: true }))
        const missing = yield* Effect.flip(identityIn(Database.layerPglite({ dataDir })))
        assert.deepStrictEqual(missing, new StoreIdentity.StoreMissing({ expected: id, file }))

        yield* Effect.promise(() => Fs.rm(file))
        assert.notStrictEqual(yield* identityIn(Database.layerPglite({ dataDir })), id)
      }),
    // Every start makes or recovers a cluster.
    180_000,
  )
})

describe("A store that was emptied behind its back", () => {
  it.live("shows that events are gone: surely where something else still speaks of them", () =>
    open(Database.layerPglite(), function* () {
      const sql = yield* PgClient.PgClient
      assert.strictEqual(yield* StoreIdentity.findLoss, "none")
      yield* sql`
        INSERT INTO holdfast.events (tenant_id, stream_id, version, event_id, type, schema_version, data, metadata)
        VALUES ('north', 'connection-1', 1, gen_random_uuid(), 'connected', 1, '{}', '{}')`
      assert.strictEqual(yield* StoreIdentity.findLoss, "none")
      yield* sql`DELETE FROM holdfast.events`
      assert.strictEqual(yield* StoreIdentity.findLoss, "possible")
      yield* sql`INSERT INTO holdfast.claims (tenant_id, key, holder) VALUES ('north', 'slot', 'connection-1')`
      assert.strictEqual(yield* StoreIdentity.findLoss, "certain")
    }),
  )
})

const open = <A, E, E2>(
  layer: Layer.Layer<Database.Database, E2>,
  body: () => Generator<Effect.Effect<unknown, E, PgClient.PgClient | RunnerSql>, A>,
) => Effect.provide(Effect.gen(body), layer, { local: true })

const identityIn = <E>(layer: Layer.Layer<Database.Database, E>) =>
  Effect.flatMap(Effect.provide(StoreIdentity.read, layer, { local: true }), (found) =>
    Effect.map(Effect.orDie(Effect.fromOption(found)), ({ id }) => id),
  )

const hasSchema = (url: Redacted.Redacted) =>
  Effect.map(
    Effect.provide(
      Effect.flatMap(PgClient.PgClient, (sql) => sql`SELECT FROM pg_namespace WHERE nspname = 'holdfast'`),
      PgClient.layer({ url, maxConnections: 1 }),
      { local: true },
    ),
    (rows) => rows.length > 0,
  )

const temporaryDirectory = Effect.acquireRelease(
  Effect.promise(() => Fs.mkdtemp(Path.join(Os.tmpdir(), "holdfast-test-"))),
  (path) => Effect.promise(() => Fs.rm(path, { recursive: true, force: true })),
)
