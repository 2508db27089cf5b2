/**
 * PostgreSQL inside the host's own process, for development, tests and small installations.
 *
 * PGlite is PostgreSQL compiled to WebAssembly: the same SQL, one process, **one session**. It answers `PgClient` through
 * an in-memory stream, so the rest of the package cannot tell it from a server. This module adds what PGlite leaves out
 * and a record that must not be lost needs: a commit that has reached the disk, a data directory that only one process
 * opens, a first start that may be killed, and an engine that stops for good when it breaks.
 *
 * ```text
 * dataDir/lock        held by the kernel for the process that has the directory open, and freed with it
 * dataDir/lock.pid    that process, for the error message only
 * dataDir/postgres/   the database cluster
 * ```
 */
import { closeSync, fsyncSync, openSync } from "node:fs"
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import { Duplex } from "node:stream"

import { PgClient } from "@effect/sql-pg"
import { PGlite } from "@electric-sql/pglite"
import { NodeFS } from "@electric-sql/pglite/nodefs"
import { Effect, Layer, Schema, type Scope } from "effect"
import { type SqlClient, type SqlError } from "effect/sql"

import * as Directory from "./Directory.ts"

/** Another live process (or this one) has the data directory open. Nothing was read or written; ask again when it has closed. */
export class DataDirectoryInUse extends Schema.TaggedError<DataDirectoryInUse>()("DataDirectoryInUse", {
  dataDir: Schema.String,
  /** The process that holds it, in its own process namespace, if it could be read. */
  pid: Schema.optionalKey(Schema.Int),
}) {
  override get message() {
    const holder = this.pid === undefined ? "another process" : `process ${this.pid}`
    return `The data directory ${this.dataDir} is held by ${holder}. Stop it, or choose another directory.`
  }
}

/** The database could not be opened. What was committed before is untouched; asking again helps only once the cause is gone. */
export class CannotOpen extends Schema.TaggedError<CannotOpen>()("CannotOpen", {
  dataDir: Schema.optionalKey(Schema.String),
  cause: Schema.Defect(),
}) {
  override get message() {
    return `PGlite could not open ${this.dataDir ?? "a database in memory"}`
  }
}

/** Where the database lives: a directory of its own, made if missing, or memory when left out. */
export interface Options {
  readonly dataDir?: string | undefined
}

/**
 * A `PgClient` on a PostgreSQL in this process, closed and flushed with the scope.
 *
 * - **Durable**: a commit returns after `fsync`, and a killed process or machine recovers from the write-ahead log when the
 *   directory is opened again. Memory, of course, is gone with the process.
 * - **One session**: queries run one after another, and a running query blocks the event loop. A second query inside an
 *   open `stream`, `LISTEN` or outside an open transaction that waits for it never gets the session: it **hangs**. Read
 *   pages instead of streaming while writing, and poll instead of listening. A stream also holds its whole result in memory.
 * - **No cancelling**: an interrupted query has already run. Its fiber stops, its effect may have happened.
 * - **Errors** of SQL are the usual `SqlError`s. If the engine itself breaks (a full disk, a PANIC, no memory left in
 *   WebAssembly) the query fails with a `ConnectionError` and so does every later one: the append may have happened.
 *   Opening the layer again recovers.
 */
export const layer = (
  options: Options = {},
): Layer.Layer<PgClient.PgClient | SqlClient.SqlClient, CannotOpen | DataDirectoryInUse | SqlError.SqlError> =>
  Layer.unwrap(
    Effect.map(open(options), (engine) =>
      PgClient.layer({
        stream: () => makeSession(engine),
        username: "postgres",
        database: "postgres",
        minConnections: 1,
        maxConnections: 1,
        maxMessageSize,
      }),
    ),
  )

/**
 * Bytes of one message of the wire protocol. A row holds a whole event, and the sealed part of one may have
 * `AppendRequest.limits.sealed` bytes: a page of mail with large attachments.
 */
export const maxMessageSize = 64 * 1024 * 1024

/** The running PostgreSQL and the one lane on which everything that it is asked stands in line. */
interface Engine {
  readonly db: PGlite
  readonly breaker: Breaker
  sessions: number
  lane: Promise<unknown>
}

const open = Effect.fn("Pglite.open")(function* ({ dataDir }: Options) {
  if (dataDir === undefined) return yield* acquire(createInMemory, undefined)

  yield* attempt(dataDir, () => Directory.make(dataDir))
  yield* lock(dataDir)
  const cluster = Path.join(Path.resolve(dataDir), "postgres")
  yield* Effect.uninterruptible(attempt(dataDir, () => initialise(cluster)))
  return yield* acquire(() => openCluster(cluster), dataDir)
})

/** Making a cluster takes seconds: the first one in memory is copied before anybody uses it, and the others are copies. */
const createInMemory = async (): Promise<PGlite> => {
  if (pristine !== undefined) return PGlite.create({ loadDataDir: await pristine })
  const first = PGlite.create()
  pristine = first.then((db) => db.dumpDataDir("none"))
  pristine.catch(() => (pristine = undefined))
  await pristine
  return first
}

let pristine: Promise<Blob> | undefined

const attempt = <A>(dataDir: string | undefined, f: () => Promise<A>) =>
  Effect.tryPromise({
    try: f,
    catch: (cause) => new CannotOpen({ ...(dataDir !== undefined && { dataDir }), cause }),
  })

const acquire = (create: () => Promise<PGlite>, dataDir: string | undefined) =>
  Effect.acquireRelease(
    Effect.map(attempt(dataDir, create), (db): Engine => ({
      db,
      breaker: installBreaker(db),
      sessions: 0,
      lane: Promise.resolve(),
    })),
    (engine) =>
      Effect.promise(async () => {
        await engine.lane
        // The shutdown checkpoint of a broken engine would write what it should not: recovery repairs, closing does not.
        if (engine.breaker.cause === undefined) await engine.db.close()
      }),
  )

/**
 * Holds the directory by an exclusive SQLite lock on an empty file.
 *
 * A lock of the kernel ends with its process, however that ends, and holds between containers that share the volume. A
 * file with a process id does neither: ids are used again, after a reboot most of all, and every container has a process 1.
 */
const lock = (dataDir: string): Effect.Effect<void, CannotOpen | DataDirectoryInUse, Scope.Scope> => {
  const pidFile = Path.join(dataDir, "lock.pid")
  return Effect.acquireRelease(
    Effect.gen(function* () {
      // Imported here because Node 22 warns that SQLite is experimental, which a host without a directory need not read.
      const { DatabaseSync } = yield* attempt(dataDir, () => import("node:sqlite"))
      const file = yield* attempt(dataDir, async () => new DatabaseSync(Path.join(dataDir, "lock"), { timeout: 0 }))
      const held = yield* attempt(dataDir, async () => {
        try {
          file.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE")
          await Fs.writeFile(pidFile, String(process.pid))
          return true
        } catch (cause) {
          file.close()
          if (cause instanceof Error && "errcode" in cause && cause.errcode === sqliteBusy) return false
          throw cause
        }
      })
      if (held) return file
      const pid = Number(yield* Effect.promise(() => Fs.readFile(pidFile, "utf8").catch(() => "")))
      return yield* new DataDirectoryInUse({ dataDir, ...(pid > 0 && { pid }) })
    }),
    (file) => Effect.sync(() => file.close()),
  )
}

const sqliteBusy = 5

/**
 * Makes the cluster beside its place and moves it there when it is whole and on the disk.
 *
 * PGlite copies a new cluster file by file: a process killed meanwhile would leave a directory that looks like a database.
 */
const initialise = async (cluster: string) => {
  if (await exists(cluster)) return
  const unfinished = `${cluster}.unfinished`
  await Fs.rm(unfinished, { recursive: true, force: true })
  const db = await openCluster(unfinished)
  await db.close()
  for (const entry of await Fs.readdir(unfinished, { recursive: true })) flush(Path.join(unfinished, entry))
  await Fs.rename(unfinished, cluster)
  flush(Path.dirname(cluster))
}

const exists = (path: string) =>
  Fs.access(path).then(
    () => true,
    () => false,
  )

const flush = (path: string) => {
  const file = openSync(path, "r")
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

const openCluster = (directory: string) =>
  PGlite.create({
    fs: new DurableNodeFS(directory),
    startParams: [
      // -F turns fsync off, and the default way to sync the log, fdatasync, does nothing in PGlite's runtime.
      ...PGlite.defaultStartParams.filter((param) => param !== "-F"),
      "-c",
      "wal_sync_method=fsync",
    ],
  })

/** PGlite's file system with the `fsync` that it lacks: without it, PostgreSQL's own is answered with success and not done. */
class DurableNodeFS extends NodeFS {
  override async init(...[db, options]: Parameters<NodeFS["init"]>) {
    const { emscriptenOpts } = await super.init(db, options)
    const fsync = (mod: Parameters<NonNullable<(typeof emscriptenOpts)["preRun"]>[number]>[0]) => {
      const nodefs = mod.NODEFS as unknown as {
        readonly stream_ops: { fsync?: (stream: { readonly nfd: number }) => number }
        readonly tryFSOperation: (f: () => void) => void
      }
      nodefs.stream_ops.fsync = (stream) => {
        nodefs.tryFSOperation(() => fsyncSync(stream.nfd))
        return 0
      }
    }
    return { emscriptenOpts: { ...emscriptenOpts, preRun: [...(emscriptenOpts.preRun ?? []), fsync] } }
  }
}

/** What broke the engine, if it is broken. */
interface Breaker {
  cause: Error | undefined
}

/**
 * Ends the engine at the first failure that PostgreSQL does not survive.
 *
 * PGlite swallows everything that its main loop throws and calls it again: after a PANIC it would spin for ever, in the
 * middle of a half-done commit. Only the long jump of an ordinary SQL error may go on.
 */
const installBreaker = (db: PGlite): Breaker => {
  const breaker: Breaker = { cause: undefined }
  const mod = db.Module
  const loopOnce = mod._PostgresMainLoopOnce
  mod._PostgresMainLoopOnce = () => {
    try {
      return loopOnce()
    } catch (thrown) {
      if (!isLongJump(thrown)) {
        const cause = new Error("PGlite broke down and takes no more queries", { cause: thrown })
        breaker.cause = cause
        // The first thing that PGlite calls after a throw: from here the failure leaves its loop.
        mod.stackRestore = () => {
          throw cause
        }
        mod._PostgresSendReadyForQueryIfNecessary = () => {}
        mod._pgl_pq_flush = () => {}
      }
      throw thrown
    }
  }
  return breaker
}

const isLongJump = (thrown: unknown) =>
  typeof thrown === "object" && thrown !== null && "status" in thrown && thrown.status === 100

/** One connection of the client: what it writes is a protocol message, what it reads is PGlite's answer. */
const makeSession = (engine: Engine): Duplex =>
  new Duplex({
    read() {},
    write(message: Uint8Array, _encoding, done) {
      const answer = engine.lane.then(() => receive(engine, message, this))
      engine.lane = answer.catch(() => undefined)
      answer.then(() => done(), done)
    },
    final(done) {
      this.push(null)
      done()
    },
  })

const receive = async (engine: Engine, message: Uint8Array, session: Duplex) => {
  const { breaker, db } = engine
  if (breaker.cause !== undefined) throw breaker.cause
  if (message[0] === 0) {
    // Only a start and a cancel have no message type. Whatever would be cancelled is done by now.
    if (new DataView(message.buffer, message.byteOffset).getInt32(4) === cancelRequest) return void session.destroy()
    // There is one backend for all sessions that follow each other: a new one must not find what the last one left.
    if (engine.sessions++ > 0) {
      if (db.isInTransaction()) await db.exec("ROLLBACK")
      await db.exec("DISCARD ALL")
    }
  }
  // The bytes are a view of PostgreSQL's own buffer, which it uses again.
  await db.execProtocolRawStream(message, { onRawData: (bytes) => session.push(Uint8Array.from(bytes)) })
}

const cancelRequest = 80_877_102
