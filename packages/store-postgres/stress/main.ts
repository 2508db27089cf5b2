/**
 * `npm run stress -- [--events N | --minutes N] [--seed TEXT] [--naive-reader]`
 *
 * Writers, readers and runners in processes of their own work on one PostgreSQL, are killed at random and started
 * again, while the server itself crashes several times. At the end everything that anybody was told or noted is held
 * against the log: exits with 1 if anything was lost, repeated, out of order, or not as it was said to be.
 */
import * as Fs from "node:fs/promises"
import * as Os from "node:os"
import * as Path from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { parseArgs } from "node:util"

import { EventStore } from "@holdfast/domain"
import { Effect, Layer, Redacted } from "effect"
import { Pool } from "pg"

import * as Database from "../src/Database.ts"
import { EmbeddedPostgres, TestDatabase } from "../src/testing/index.ts"
import * as Ledger from "./Ledger.ts"
import * as Random from "./Random.ts"
import * as Reader from "./Reader.ts"
import { type Recorded } from "./StreamsView.ts"
import * as Verify from "./Verify.ts"
import { type Role, start, type Worker } from "./Workers.ts"

const { values: options } = parseArgs({
  options: {
    events: { type: "string", default: "220000" },
    minutes: { type: "string" },
    seed: { type: "string", default: String(Date.now()) },
    /** Lets one reader ask for `position > checkpoint` instead: it shows what the fence is for, and that this run can fail. */
    "naive-reader": { type: "boolean", default: false },
  },
})

const target = options.minutes === undefined ? Number(options.events) : Infinity
const deadline = options.minutes === undefined ? Infinity : performance.now() + Number(options.minutes) * 60_000
const random = Random.make(options.seed)
const restarts = 4

const stress = Effect.gen(function* () {
  const server = yield* EmbeddedPostgres.start()
  const database = yield* TestDatabase.freshDatabase(server.url)
  yield* Effect.scoped(Layer.build(Database.layerPostgres({ url: database })))
  const directory = yield* Effect.acquireRelease(
    Effect.promise(() => Fs.mkdtemp(Path.join(Os.tmpdir(), "holdfast-stress-"))),
    (path) => Effect.promise(() => Fs.rm(path, { recursive: true, force: true })),
  )
  const url = Redacted.value(database)
  const pool = yield* Effect.acquireRelease(
    Effect.sync(() => new Pool({ connectionString: url, max: 2 }).on("error", () => {})),
    (pool) => Effect.promise(() => pool.end()),
  )
  const count = () =>
    pool.query<{ count: number }>(`SELECT count(*)::int AS count FROM holdfast.events`).then(
      ({ rows }) => rows[0]?.count ?? 0,
      () => 0,
    )

  const workers = yield* Effect.acquireRelease(
    Effect.sync(() => roles(url, directory).map(start)),
    (workers) => Effect.promise(() => Promise.all(workers.map((worker) => worker.kill()))),
  )
  const writers = workers.filter(({ role }) => role._tag === "Writer")
  const readers = workers.filter(({ role }) => role._tag === "Reader")
  const runners = workers.filter(({ role }) => role._tag === "Runner")

  console.log(`${workers.length} processes, seed ${options.seed}`)
  const began = performance.now()
  let crashes = 0
  while (true) {
    yield* Effect.promise(() => killOne(workers))
    const events = yield* Effect.promise(count)
    const done = Math.min(1, Math.max(events / target, (performance.now() - began) / (deadline - began)))
    // Spread over the run, however long it takes.
    if (done > (crashes + 1) / (restarts + 1)) {
      crashes += 1
      console.log(`${events} events; the server crashes`)
      yield* server.stop("immediate")
      yield* Effect.sleep(`${random.between(0, 1_500)} millis`)
      yield* server.restart
    }
    if (done === 1 && crashes >= restarts) break
  }

  const seconds = (performance.now() - began) / 1000
  for (const worker of workers) worker.revive()
  yield* Effect.promise(() => Promise.all(writers.map((writer) => writer.finish())))
  const log = yield* Effect.promise(() => readLog(pool))
  const late = yield* Effect.promise(() => catchUp(pool, readers, log))
  yield* Effect.promise(() => Promise.all([...readers, ...runners].map((worker) => worker.finish())))

  const ledgers = workers.flatMap(({ role }) => (role._tag === "Writer" ? [role.ledger] : []))
  const verdicts = [
    Verify.appends(log, Ledger.read(ledgers)),
    Verify.delivery(
      log,
      readers.flatMap(({ role }) => (role._tag === "Reader" ? [readerOf(role)] : [])),
    ),
    Verify.versions(log),
    Verify.claims(log),
    Verify.view({ ...log, view: yield* Effect.promise(() => readView(pool)) }),
  ]
  const violations = [
    ...workers.flatMap(({ failures }) => failures),
    ...late,
    ...verdicts.flatMap(({ violations }) => violations),
  ]

  console.log(`${log.events.length} events in ${seconds.toFixed(0)} s; ${crashes} crashes of the server`)
  console.log(
    `${workers.reduce((sum, worker) => sum + worker.kills(), 0)} kills: ${workers.map((worker) => `${worker.role.name} ${worker.kills()}`).join(", ")}`,
  )
  for (const { checked } of verdicts)
    console.log(
      Object.entries(checked)
        .map(([what, number]) => `${number} ${what}`)
        .join(", "),
    )
  for (const violation of violations.slice(0, 50)) console.log(`VIOLATION ${violation}`)
  console.log(
    violations.length === 0 ? "0 lost, 0 repeated, in order" : `${violations.length} violations; seed ${options.seed}`,
  )
  return violations.length === 0
})

const roles = (url: string, directory: string): ReadonlyArray<Role> => {
  const { seed } = options
  const file = (name: string) => Path.join(directory, name)
  const common = (name: string) => ({ url, seed, name, incarnation: 1 })
  const reader = (
    name: string,
    how: { readonly slow?: boolean; readonly naive?: boolean; readonly categories?: ReadonlyArray<string> },
  ) => ({ _tag: "Reader", ...common(name), notes: file(name), slow: false, naive: false, ...how }) as const
  const writer = (name: string) => ({ _tag: "Writer", ...common(name), ledger: file(name) }) as const
  return [
    writer("w1"),
    writer("w2"),
    writer("w3"),
    reader("all", {}),
    reader("slow", { slow: true }),
    reader("hot", { categories: ["hot", "claiming"] }),
    ...(options["naive-reader"] ? [reader("naive", { naive: true })] : []),
    { _tag: "Runner", ...common("p1") },
    { _tag: "Runner", ...common("p2") },
  ]
}

const readerOf = ({ categories, name, notes }: Extract<Role, { readonly _tag: "Reader" }>) => ({
  name: `reader ${name}`,
  delivered: Reader.read(notes),
  wants: (streamId: EventStore.StreamId) => categories?.includes(EventStore.categoryOf(streamId)) ?? true,
})

/** Waits a little, kills one, and starts it or another one again a little later. */
const killOne = async (workers: ReadonlyArray<Worker>) => {
  await sleep(random.between(500, 4_000))
  for (const worker of workers) worker.revive()
  await workers[random.between(0, workers.length - 1)]?.kill()
}

/** Waits until every reader and the view have come to the end, for as long as they come nearer. */
const catchUp = async (pool: Pool, readers: ReadonlyArray<Worker>, log: Verify.Log): Promise<ReadonlyArray<string>> => {
  const targets = readers.flatMap(({ role }) => {
    if (role._tag !== "Reader") return []
    const { name, wants } = readerOf(role)
    const last = log.events.findLast(({ streamId }) => wants(streamId))?.position ?? 0n
    return [{ name, last, at: async () => Reader.read(role.notes).at(-1) ?? 0n }]
  })
  const view = {
    name: "view",
    last: log.events.at(-1)?.position ?? 0n,
    at: () =>
      pool
        .query<{ position: string }>(
          `SELECT position FROM holdfast.builds WHERE view = 'stress_streams' AND state = 'live'`,
        )
        .then(({ rows }) => BigInt(rows[0]?.position ?? 0)),
  }
  const late: Array<string> = []
  for (const { at, last, name } of [...targets, view]) {
    let reached = await at()
    for (let idle = 0; reached < last && idle < patience; idle++) {
      await sleep(500)
      const now = await at()
      if (now > reached) idle = 0
      reached = now
    }
    if (reached < last) late.push(`${name}: stuck at ${reached} of ${last}`)
  }
  return late
}

/** Half seconds without progress. */
const patience = 60

const readLog = async (pool: Pool): Promise<Verify.Log> => {
  const events = await pool.query(
    `SELECT position, tenant_id, stream_id, version, data FROM holdfast.events ORDER BY position`,
  )
  const claims = await pool.query(`SELECT tenant_id, key, holder FROM holdfast.claims`)
  return {
    events: events.rows.map(
      ({ data, position, stream_id, tenant_id, version }) =>
        ({
          event: { _tag: "stressed", ...data },
          position: BigInt(position),
          streamId: stream_id,
          tenantId: tenant_id,
          version,
        }) as Recorded,
    ),
    claims: claims.rows,
    view: [],
  }
}

const readView = async (pool: Pool): Promise<Verify.Log["view"]> => {
  // As JSON, so that numbers are numbers.
  const { rows } = await pool.query<{ row: Verify.Log["view"][number] }>(
    `SELECT to_jsonb(v) AS row FROM holdfast.stress_streams v`,
  )
  return rows.map(({ row }) => row)
}

process.exitCode = (await Effect.runPromise(Effect.scoped(stress))) ? 0 : 1
