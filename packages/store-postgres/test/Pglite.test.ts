import { type ChildProcess, spawn } from "node:child_process"
import { randomUUID } from "node:crypto"
import { once } from "node:events"
import fs from "node:fs"
import { syncBuiltinESMExports } from "node:module"
import * as Os from "node:os"
import * as Path from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"

import { PgClient } from "@effect/sql-pg"
import { afterAll, assert, describe, it, layer, vi } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Stream } from "effect"

import * as Pglite from "../src/Pglite.ts"

layer(Pglite.layer())("PGlite in memory", (it) => {
  it.effect("is a PostgreSQL 18 that the client cannot tell from a server", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const rows = yield* sql`SELECT current_setting('server_version_num')::int / 10000 AS major, current_user AS name`
      assert.deepStrictEqual(rows, [{ major: 18, name: "postgres" }])
    }),
  )

  it.effect("carries ten megabytes in and out", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const bytes = Uint8Array.from({ length: 10 * 1024 * 1024 }, (_, index) => (index * 31) % 251)
      const [row] = yield* sql<{ body: Uint8Array }>`SELECT ${bytes}::bytea AS body`
      assert.isTrue(row !== undefined && Buffer.compare(row.body, bytes) === 0)
    }),
  )

  it.effect("streams a hundred thousand rows and can be left early", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const rows = sql<{ n: number }>`SELECT n FROM generate_series(1, 100000) AS n`.stream
      assert.strictEqual(
        yield* Stream.runFold(
          rows,
          () => 0,
          (sum, { n }) => sum + n,
        ),
        5_000_050_000,
      )
      const first = yield* Stream.runCollect(Stream.take(rows, 3))
      assert.deepStrictEqual(
        first.map(({ n }) => n),
        [1, 2, 3],
      )
      assert.deepStrictEqual(yield* sql`SELECT 1 AS one`, [{ one: 1 }])
    }),
  )

  it.effect("gives an error to the query that made it, and goes on with the next", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* sql`CREATE TABLE once (id int PRIMARY KEY)`
      const insert = sql`INSERT INTO once (id) VALUES (1)`
      yield* insert
      const answers = yield* Effect.all(
        [Effect.result(insert), sql`SELECT 2 AS two`, Effect.result(sql`SELECT 1/0`), sql`SELECT 3 AS three`],
        { concurrency: "unbounded" },
      )
      assert.deepStrictEqual(
        answers.map((answer) => ("_tag" in answer ? answer._tag : answer)),
        ["Failure", [{ two: 2 }], "Failure", [{ three: 3 }]],
      )
      assert.strictEqual((yield* Effect.flip(insert)).reason._tag, "UniqueViolation")
    }),
  )

  it.effect("rolls a failed transaction back, and to the savepoint of a nested one", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* sql`CREATE TABLE notes (body text)`
      const note = (body: string) => sql`INSERT INTO notes ${sql.insert({ body })}`
      yield* Effect.flip(sql.withTransaction(Effect.andThen(note("lost"), sql`SELECT 1/0`)))
      yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* note("outer")
          yield* Effect.flip(sql.withTransaction(Effect.andThen(note("inner"), sql`SELECT 1/0`)))
        }),
      )
      assert.deepStrictEqual(yield* sql`SELECT body FROM notes`, [{ body: "outer" }])
    }),
  )

  it.effect("keeps prepared statements through a change of what they read", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* sql`CREATE TABLE shapes (a int)`
      yield* sql`INSERT INTO shapes VALUES (1)`
      const read = sql`SELECT * FROM shapes`
      assert.deepStrictEqual(yield* Effect.replicateEffect(read, 2), [[{ a: 1 }], [{ a: 1 }]])
      yield* sql`ALTER TABLE shapes ADD COLUMN b int DEFAULT 2`
      assert.deepStrictEqual(yield* read, [{ a: 1, b: 2 }])
    }),
  )

  it.effect("starts a session that follows a broken one without what that one left", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* sql`CREATE TABLE halves (id int)`
      const count = sql`SELECT count(*)::int AS n, current_setting('work_mem') AS work_mem FROM halves`
      const before = yield* count
      const moreThanTheClientTakes = sql`SELECT repeat('x', 70000000)`
      for (let time = 0; time < 2; time++) {
        yield* sql`SET work_mem = '1GB'`
        const outcome = yield* Effect.exit(
          sql.withTransaction(
            Effect.gen(function* () {
              yield* sql`INSERT INTO halves VALUES (1)`
              yield* moreThanTheClientTakes
            }),
          ),
        )
        assert.isTrue(Exit.isFailure(outcome))
        assert.deepStrictEqual(yield* count, before)
      }
    }),
  )

  it.effect("hands an interrupted transaction's session on clean", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* sql`CREATE TABLE thirds (id int)`
      for (let attempt = 0; attempt < 20; attempt++) {
        const fiber = yield* Effect.forkChild(
          sql.withTransaction(
            Effect.gen(function* () {
              yield* sql`INSERT INTO thirds VALUES (1)`
              yield* sql`SELECT count(*) FROM generate_series(1, ${attempt * 1000})`
              yield* Effect.never
            }),
          ),
        )
        for (let turn = 0; turn < attempt * 3; turn++) yield* Effect.yieldNow
        yield* Fiber.interrupt(fiber)
        const rows = yield* sql`SELECT count(*)::int AS n FROM thirds`
        assert.deepStrictEqual(rows, [{ n: 0 }])
      }
    }),
  )
})

describe("PGlite in a directory", () => {
  const temporary = Path.join(Os.tmpdir(), `holdfast-pglite-${randomUUID()}`)
  const dataDir = Path.join(temporary, "made", "on", "the", "way")
  afterAll(() => fs.rmSync(temporary, { recursive: true, force: true }))

  it.live("keeps what was committed when the scope closes and opens again", () =>
    Effect.gen(function* () {
      yield* using(dataDir, (sql) => Effect.andThen(sql`CREATE TABLE kept (id int)`, sql`INSERT INTO kept VALUES (7)`))
      assert.deepStrictEqual(yield* using(dataDir, (sql) => sql`SELECT id FROM kept`), [{ id: 7 }])
    }),
  )

  it.live("has flushed a commit to the disk before it is acknowledged", () =>
    Effect.gen(function* () {
      yield* using(dataDir, (sql) =>
        Effect.gen(function* () {
          yield* sql`CREATE TABLE flushed (id int)`
          const fsync = vi.spyOn(fs, "fsyncSync")
          syncBuiltinESMExports()
          yield* sql`INSERT INTO flushed VALUES (1)`
          const flushes = fsync.mock.calls.length
          yield* sql`SELECT id FROM flushed`
          assert.isAbove(flushes, 0)
          assert.strictEqual(fsync.mock.calls.length, flushes, "a query that writes nothing flushes nothing")
          fsync.mockRestore()
          syncBuiltinESMExports()
        }),
      )
    }),
  )

  it.live("refuses a directory that this process already holds, and gives it once it is free", () =>
    Effect.gen(function* () {
      const error = yield* using(dataDir, () => Effect.flip(using(dataDir, (sql) => sql`SELECT 1`)))
      assert.deepStrictEqual(error, new Pglite.DataDirectoryInUse({ dataDir, pid: process.pid }))
      yield* using(dataDir, (sql) => sql`SELECT 1`)
    }),
  )

  it.live("refuses a directory that another process holds, and loses none of its commits to kill -9", () =>
    Effect.gen(function* () {
      let acknowledged = 0
      for (const batches of [1, 7, 20]) {
        const child = yield* startChild(dataDir)
        const numbers = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
        for (let n = 0; n < batches; n++) acknowledged = Number((yield* Effect.promise(() => numbers.next())).value)

        const refusal = yield* Effect.flip(using(dataDir, (sql) => sql`SELECT 1`))
        assert.deepStrictEqual(refusal, new Pglite.DataDirectoryInUse({ dataDir, pid: child.pid ?? 0 }))

        yield* kill(child)
        for (;;) {
          const line = yield* Effect.promise(() => numbers.next())
          if (line.done === true) break
          acknowledged = Number(line.value)
        }
        const rows = yield* using(
          dataDir,
          (sql) => sql<{ number: number; rows: number }>`
            SELECT number, count(*)::int AS rows FROM batches GROUP BY number ORDER BY number`,
        )
        assert.isAtLeast(rows.length, acknowledged)
        assert.deepStrictEqual(
          rows,
          rows.map((_, index) => ({ number: index + 1, rows: 3 })),
        )
      }
    }),
  )

  it.live("opens a directory whose first start was killed half-way", () =>
    Effect.gen(function* () {
      const dataDir = yield* temporaryDirectory
      const begun = appearance(dataDir, "postgres.unfinished")
      const child = yield* startChild(dataDir)
      yield* Effect.promise(() => begun)
      yield* Effect.promise(() => appearance(Path.join(dataDir, "postgres.unfinished"), "PG_VERSION"))
      yield* kill(child)

      assert.deepStrictEqual(fs.readdirSync(dataDir).toSorted(), ["lock", "lock.pid", "postgres.unfinished"])
      yield* using(dataDir, (sql) => sql`SELECT 1`)
      assert.deepStrictEqual(fs.readdirSync(dataDir).toSorted(), ["lock", "lock.pid", "postgres"])
    }),
  )

  it.live("fails at once where the directory cannot be made", () =>
    Effect.gen(function* () {
      // Takes no entries, though it is there: Node would try for ever.
      for (const refused of ["/proc/holdfast/data", Path.join(dataDir, "lock", "data")]) {
        const error = yield* Effect.flip(using(refused, (sql) => sql`SELECT 1`))
        assert.deepInclude(error, { _tag: "CannotOpen", dataDir: refused })
      }
    }),
  )

  it.live("fails the query that breaks the engine and every later one, and recovers when opened again", () =>
    Effect.gen(function* () {
      const log = Path.join(dataDir, "postgres", "pg_wal")
      yield* using(dataDir, (sql) =>
        Effect.gen(function* () {
          yield* sql`CREATE TABLE filled (body text)`
          yield* sql`INSERT INTO filled VALUES ('before')`
          fs.renameSync(log, `${log}.gone`)
          const fill = sql`INSERT INTO filled SELECT repeat('x', 1000) FROM generate_series(1, 50000)`
          assert.strictEqual((yield* Effect.flip(fill)).reason._tag, "ConnectionError")
          const { reason } = yield* Effect.flip(sql`SELECT pg_switch_wal()`)
          assert.strictEqual(reason._tag, "ConnectionError")
          assert.match(String(reason.cause), /takes no more queries/)
        }),
      )
      const error = yield* Effect.flip(using(dataDir, (sql) => sql`SELECT 1`))
      assert.strictEqual(error._tag, "CannotOpen")

      fs.renameSync(`${log}.gone`, log)
      assert.deepStrictEqual(yield* using(dataDir, (sql) => sql`SELECT body FROM filled`), [{ body: "before" }])
    }),
  )
})

/** One opening of the directory: made for `f` alone and closed after it. */
const using = <A, E>(dataDir: string, f: (sql: PgClient.PgClient) => Effect.Effect<A, E>) =>
  Effect.flatMap(PgClient.PgClient, f).pipe(Effect.provide(Layer.fresh(Pglite.layer({ dataDir }))))

const temporaryDirectory = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(Path.join(Os.tmpdir(), "holdfast-pglite-"))),
  (path) => Effect.sync(() => fs.rmSync(path, { recursive: true, force: true })),
)

/** A process that opens the directory and writes to it without end. */
const startChild = (dataDir: string) =>
  Effect.acquireRelease(
    Effect.sync(() =>
      spawn(
        process.execPath,
        ["--conditions=@holdfast/source", fileURLToPath(new URL("pglite.child.ts", import.meta.url)), dataDir],
        { stdio: ["ignore", "pipe", "inherit"] },
      ),
    ),
    kill,
  )

const kill = (child: ChildProcess) =>
  Effect.promise(async () => {
    if (child.exitCode === null && child.signalCode === null && child.kill("SIGKILL")) await once(child, "exit")
  })

/** Resolves once the directory has an entry of that name. */
const appearance = async (directory: string, name: string) => {
  const changes = fs.promises.watch(directory)
  if (fs.existsSync(Path.join(directory, name))) return
  for await (const { filename } of changes) if (filename === name) return
}
