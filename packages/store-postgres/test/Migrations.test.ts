import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, type Scope } from "effect"
import { inject } from "vitest"

import * as Migrations from "../src/Migrations.ts"
import { all } from "../src/migrations/index.ts"
import * as Pglite from "../src/Pglite.ts"
import { EmbeddedPostgres, TestDatabase } from "../src/testing/index.ts"

const adminUrl = Redacted.make(inject("adminUrl"))

const run =
  (url: Redacted.Redacted) =>
  <A, E>(effect: Effect.Effect<A, E, PgClient.PgClient>) =>
    Effect.provide(effect, PgClient.layer({ url, maxConnections: 1 }), { local: true })

const inMemory = <A, E>(effect: Effect.Effect<A, E, PgClient.PgClient>) =>
  Effect.provide(effect, Pglite.layer(), { local: true })

const stores: ReadonlyArray<
  readonly [
    name: string,
    use: <A, E>(effect: Effect.Effect<A, E, PgClient.PgClient>) => Effect.Effect<A, unknown, Scope.Scope>,
  ]
> = [
  ["PGlite", inMemory],
  ["PostgreSQL", (effect) => Effect.flatMap(TestDatabase.freshDatabase(adminUrl), (url) => run(url)(effect))],
]

const broken = { number: 90, name: "broken", statements: ["CREATE TABLE holdfast.half (id int)", "SELECT 1/0"] }
const whole = { number: 91, name: "whole", statements: ["CREATE TABLE holdfast.whole (id int)"] }

describe.each(stores)("Migrations on %s", (_, use) => {
  it.live("apply once, in order, and then have nothing to do", () =>
    use(
      Effect.gen(function* () {
        assert.deepStrictEqual((yield* Migrations.status()).pending, all)
        const first = yield* Migrations.migrate()
        assert.deepStrictEqual(
          first.applied.map(({ checksum, name, number }) => ({ checksum, name, number })),
          all.map((migration) => ({
            checksum: Migrations.checksumOf(migration),
            name: migration.name,
            number: migration.number,
          })),
        )
        assert.deepStrictEqual(first.pending, [])
        assert.deepStrictEqual(yield* Migrations.migrate(), first)
      }),
    ),
  )

  it.live("leave nothing of one that fails, and keep those before it", () =>
    use(
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const failure = yield* Effect.flip(Migrations.migrate([...all, broken]))
        assert.deepStrictEqual(failure, new Migrations.MigrationFailed({ number: 90, reason: "UnknownError 22012" }))
        assert.deepStrictEqual(yield* sql`SELECT to_regclass('holdfast.half') AS half`, [{ half: null }])
        const { applied } = yield* Migrations.migrate([...all, whole])
        assert.deepStrictEqual(
          applied.map(({ number }) => number),
          [...all, whole].map(({ number }) => number),
        )
      }),
    ),
  )

  it.live("refuse a database of a newer version and touch nothing", () =>
    use(
      Effect.gen(function* () {
        yield* Migrations.migrate([...all, whole])
        const refusal = yield* Effect.flip(Migrations.migrate([...all, broken]))
        assert.instanceOf(refusal, Migrations.DatabaseNewer)
        assert.include(refusal.message, "migration 91 (whole)")
        const { applied, pending, unknown } = yield* Migrations.status([...all, broken])
        assert.deepStrictEqual([unknown.length, pending, applied.length], [1, [broken], all.length + 1])
      }),
    ),
  )

  it.live("refuse an applied migration whose statements were changed", () =>
    use(
      Effect.gen(function* () {
        yield* Migrations.migrate([...all, whole])
        const edited = { ...whole, statements: [...whole.statements, "SELECT 1"] }
        const refusal = yield* Effect.flip(Migrations.migrate([...all, edited]))
        assert.instanceOf(refusal, Migrations.MigrationChanged)
        assert.strictEqual(refusal.number, 91)
        assert.strictEqual((yield* Migrations.status([...all, edited])).changed.length, 1)
      }),
    ),
  )

  it.live("refuse a schema of the same name that is somebody else's", () =>
    use(
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        yield* sql`CREATE SCHEMA holdfast`
        yield* sql`CREATE TABLE holdfast.migrations (name text)`
        assert.instanceOf(yield* Effect.flip(Migrations.migrate()), Migrations.ForeignSchema)
        assert.instanceOf(yield* Effect.flip(Migrations.status()), Migrations.ForeignSchema)
        assert.deepStrictEqual(yield* sql`SELECT to_regclass('holdfast.store') AS store`, [{ store: null }])
      }),
    ),
  )

  it.live("refuse what is left of a store whose log is gone", () =>
    use(
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        yield* Migrations.migrate()
        yield* sql`CREATE TABLE holdfast_views.connections_1 (tenant_id text)`
        yield* sql`DROP SCHEMA holdfast CASCADE`
        assert.instanceOf(yield* Effect.flip(Migrations.migrate()), Migrations.ForeignSchema)
        assert.deepStrictEqual(yield* sql`SELECT to_regnamespace('holdfast') AS schema`, [{ schema: null }])
      }),
    ),
  )

  it.live("accept a schema that an administrator made and left empty", () =>
    use(
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        yield* sql`CREATE SCHEMA holdfast`
        assert.deepStrictEqual((yield* Migrations.migrate()).pending, [])
      }),
    ),
  )
})

describe("Migrations of one server", () => {
  it.live("are applied once when ten start at once on each of ten databases", () =>
    Effect.gen(function* () {
      // A server of its own: only there do the roles not exist yet.
      const server = yield* EmbeddedPostgres.start({ fsync: false, settings: { max_connections: "150" } })
      const urls = yield* Effect.replicateEffect(TestDatabase.freshDatabase(server.url), 10)
      const starts = urls.flatMap((url) => Array.from({ length: 10 }, () => run(url)(Migrations.migrate())))
      const states = yield* Effect.all(starts, { concurrency: "unbounded" })
      assert.deepStrictEqual(
        states.map(({ applied }) => applied.length),
        states.map(() => all.length),
      )
      const times = states.flatMap(({ applied }) => applied.map(({ applied_at }) => applied_at.getTime()))
      assert.isAtMost(new Set(times).size, urls.length * all.length)
    }),
  )

  it.live("tell a login that may not create roles what an administrator has to run, and that is enough", () =>
    Effect.gen(function* () {
      const url = yield* TestDatabase.freshDatabase(adminUrl)
      const login = new URL(Redacted.value(url)).pathname.slice(1)
      yield* Effect.acquireRelease(
        run(url)(Effect.flatMap(PgClient.PgClient, (sql) => sql`CREATE ROLE ${sql(login)} LOGIN PASSWORD 'invented'`)),
        () => Effect.orDie(run(adminUrl)(Effect.flatMap(PgClient.PgClient, (sql) => sql`DROP ROLE ${sql(login)}`))),
      )
      yield* Effect.addFinalizer(() =>
        Effect.orDie(run(url)(Effect.flatMap(PgClient.PgClient, (sql) => sql`DROP OWNED BY ${sql(login)}`))),
      )
      const own = new URL(Redacted.value(url))
      own.username = login
      own.password = "invented"
      const asLogin = run(Redacted.make(own.href))

      const refusal = yield* Effect.flip(asLogin(Migrations.migrate()))
      assert.instanceOf(refusal, Migrations.MigrationNotPermitted)
      assert.strictEqual(refusal.login, login)
      yield* run(url)(
        Effect.flatMap(PgClient.PgClient, (sql) =>
          Effect.forEach(refusal.sql.split("\n"), (statement) => sql.unsafe(statement)),
        ),
      )
      assert.deepStrictEqual((yield* asLogin(Migrations.migrate())).pending, [])
    }),
  )
})
