import { spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync } from "node:fs"
import * as Fs from "node:fs/promises"
import { createServer } from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"

import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Redacted } from "effect"
import { Reactivity } from "effect/reactivity"
import { inject } from "vitest"

import { EmbeddedPostgres, TestDatabase } from "../src/testing/index.ts"

describe.concurrent("EmbeddedPostgres", () => {
  it.live("runs a PostgreSQL 18 with UTF8, the C locale and durable commits, as a user that is not root", () =>
    Effect.gen(function* () {
      const server = yield* EmbeddedPostgres.start({ settings: { work_mem: "5MB" } })
      const rows = yield* query(
        server.url,
        (sql) => sql`
          SELECT current_setting('server_version_num')::int / 10000 AS major, current_setting('server_encoding') AS encoding,
            (SELECT datcollate FROM pg_database WHERE datname = current_database()) AS locale,
            current_setting('fsync') AS fsync, current_setting('unix_socket_directories') AS sockets,
            current_setting('work_mem') AS work_mem`,
      )
      assert.deepStrictEqual(rows, [
        { major: 18, encoding: "UTF8", locale: "C", fsync: "on", sockets: "", work_mem: "5MB" },
      ])
      const { uid } = yield* Effect.promise(() => Fs.stat(server.dataDir))
      assert.notStrictEqual(uid, 0)
    }),
  )

  it.live("keeps what was committed through a crash, and forgets what was not", () =>
    Effect.gen(function* () {
      const server = yield* EmbeddedPostgres.start()
      yield* query(server.url, (sql) =>
        Effect.gen(function* () {
          yield* sql`CREATE TABLE kept (id int)`
          yield* sql`INSERT INTO kept VALUES (1)`
          const outcome = yield* Effect.exit(
            sql.withTransaction(
              Effect.gen(function* () {
                yield* sql`INSERT INTO kept VALUES (2)`
                yield* server.stop("immediate")
                yield* sql`INSERT INTO kept VALUES (3)`
              }),
            ),
          )
          assert.isTrue(Exit.isFailure(outcome))
        }),
      )
      assert.strictEqual((yield* Effect.flip(query(server.url, (sql) => sql`SELECT 1`))).reason._tag, "ConnectionError")
      yield* server.restart
      assert.deepStrictEqual(yield* query(server.url, (sql) => sql`SELECT id FROM kept`), [{ id: 1 }])
    }),
  )

  it.live("continues the data of a directory of one's own, and removes only its temporary files", () =>
    Effect.gen(function* () {
      const dataDir = Path.join(yield* temporaryDirectory, "data")
      yield* Effect.scoped(
        Effect.flatMap(EmbeddedPostgres.start({ dataDir, fsync: false }), ({ url }) =>
          query(url, (sql) => sql`CREATE TABLE stayed (id int)`),
        ),
      )
      const again = yield* EmbeddedPostgres.start({ dataDir, fsync: false })
      assert.deepStrictEqual(yield* query(again.url, (sql) => sql`SELECT id FROM stayed`), [])
    }),
  )

  it.live("says what PostgreSQL said when a port is taken or a setting is wrong, and leaves nothing running", () =>
    Effect.gen(function* () {
      const taken = createServer().listen(0, "127.0.0.1")
      yield* Effect.promise(() => once(taken, "listening"))
      yield* Effect.addFinalizer(() => Effect.sync(() => taken.close()))
      const address = taken.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      const busy = yield* Effect.flip(EmbeddedPostgres.start({ port, fsync: false }))
      assert.include(busy.message, "Address already in use")

      const wrong = yield* Effect.flip(EmbeddedPostgres.start({ settings: { no_such_setting: "1" } }))
      assert.include(wrong.message, "no_such_setting")
    }),
  )

  it.live("ends with the process that started it, temporary files and all, even by kill -9", () =>
    Effect.gen(function* () {
      const child = spawn(
        process.execPath,
        ["--conditions=@holdfast/source", fileURLToPath(new URL("embeddedPostgres.child.ts", import.meta.url))],
        { stdio: ["ignore", "pipe", "inherit"] },
      )
      const lines = createInterface({ input: child.stdout })
      const [url] = yield* Effect.promise(() => once(lines, "line"))
      const [server] = yield* query(
        Redacted.make(String(url)),
        (sql) => sql<{ path: string; pid: number }>`
          SELECT current_setting('data_directory') AS path, split_part(pg_read_file('postmaster.pid'), E'\n', 1)::int AS pid`,
      )
      assert.isDefined(server)
      const home = Path.dirname(server?.path ?? "")
      const gone = removal(home)
      child.kill("SIGKILL")
      yield* Effect.promise(() => gone)
      assert.throws(() => process.kill(server?.pid ?? 0, 0), /ESRCH/)
    }),
  )
})

describe("TestDatabase", () => {
  it.live("gives every scope an empty database of its own and drops it, connected or not", () =>
    Effect.gen(function* () {
      const adminUrl = Redacted.make(inject("adminUrl"))
      const names = yield* Effect.scoped(
        Effect.gen(function* () {
          const [one, two] = yield* Effect.all(
            [TestDatabase.freshDatabase(adminUrl), TestDatabase.freshDatabase(adminUrl)],
            { concurrency: "unbounded" },
          )
          const left = yield* PgClient.make({ url: one })
          yield* left`CREATE TABLE mine (id int)`
          assert.deepStrictEqual(yield* query(two, (sql) => sql`SELECT to_regclass('mine') AS mine`), [{ mine: null }])
          return [one, two].map((url) => new URL(Redacted.value(url)).pathname.slice(1))
        }),
      )
      const kept = yield* query(
        adminUrl,
        (sql) => sql`SELECT datname FROM pg_database WHERE ${sql.in("datname", names)}`,
      )
      assert.deepStrictEqual(kept, [])
    }).pipe(Effect.provide(Reactivity.layer)),
  )
})

const query = <A, E>(url: Redacted.Redacted, f: (sql: PgClient.PgClient) => Effect.Effect<A, E>) =>
  Effect.provide(Effect.flatMap(PgClient.PgClient, f), PgClient.layer({ url }))

/** Resolves once the directory, which is there, has been removed. */
const removal = async (path: string) => {
  const changes = Fs.watch(Path.dirname(path))
  for await (const { filename } of changes) if (filename === Path.basename(path) && !existsSync(path)) return
}

/** A directory that every user may enter, for a server that root runs as another. */
const temporaryDirectory = Effect.acquireRelease(
  Effect.promise(async () => {
    const path = await Fs.mkdtemp(Path.join(Os.tmpdir(), "holdfast-test-"))
    await Fs.chmod(path, 0o755)
    return path
  }),
  (path) => Effect.promise(() => Fs.rm(path, { recursive: true, force: true })),
)
