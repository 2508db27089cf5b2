/**
 * The database that a host opens: checked to be the right one, migrated, and with the right roles on its sessions.
 *
 * ```text
 * url ─┬─ one connection, as the login itself: look for the known store ▶ migrate ▶ note it; closed again
 *      ├─ pool, role holdfast_app      PgClient, SqlClient   one tenant at a time
 *      └─ pool, role holdfast_runner   RunnerSql             projections, exports, operators
 * ```
 */
import * as Path from "node:path"

import { PgClient } from "@effect/sql-pg"
import { type EventStore } from "@holdfast/domain"
import { Layer, type Redacted } from "effect"
import { type SqlClient, type SqlError } from "effect/sql"

import * as Migrations from "./Migrations.ts"
import * as Pglite from "./Pglite.ts"
import { RunnerSql } from "./RunnerSql.ts"
import * as StoreIdentity from "./StoreIdentity.ts"

export interface PostgresOptions {
  readonly url: Redacted.Redacted
  /** Where the host knows a store to have been; without it, an emptied database is taken for a new one. */
  readonly identity?: StoreIdentity.Known | undefined
  /** Of the application's pool. @defaultValue 10 */
  readonly maxConnections?: number | undefined
  /** Of the pool of projections and operators. @defaultValue 4 */
  readonly maxRunnerConnections?: number | undefined
  /** Shown by the server beside each connection. @defaultValue "holdfast" */
  readonly applicationName?: string | undefined
}

export interface PgliteOptions {
  /** A directory of its own, made if missing; memory when left out. */
  readonly dataDir?: string | undefined
  /** @defaultValue the file `<dataDir>.identity`, beside the directory */
  readonly identity?: StoreIdentity.Known | undefined
}

export type OpenError =
  | Migrations.MigrationError
  | StoreIdentity.StoreMissing
  | StoreIdentity.StoreReplaced
  | StoreIdentity.IdentityFileError
  | EventStore.EventStoreUnavailable
  | SqlError.SqlError

export type Database = PgClient.PgClient | SqlClient.SqlClient | RunnerSql

/** A PostgreSQL server, from version 15 on. */
export const layerPostgres = (options: PostgresOptions): Layer.Layer<Database, OpenError> => {
  const { applicationName = "holdfast", identity = {}, maxConnections = 10, maxRunnerConnections = 4, url } = options
  const prepared = Layer.provide(
    Layer.effectDiscard(prepare(identity)),
    PgClient.layer({ url, applicationName, maxConnections: 1 }),
  )
  const pool = { url, applicationName, maxMessageSize: Pglite.maxMessageSize, startupParameters: endings }
  const app = PgClient.layer({ ...pool, maxConnections, startupParameters: { ...endings, role: "holdfast_app" } })
  const runner = RunnerSql.layer({ ...pool, maxConnections: maxRunnerConnections })
  // The roles exist only when the migrations are done.
  return Layer.provide(Layer.merge(app, runner), Layer.fresh(prepared))
}

/** A PostgreSQL in this process: one session, for the application and its projections alike. */
export const layerPglite = (
  options: PgliteOptions = {},
): Layer.Layer<Database, OpenError | Pglite.CannotOpen | Pglite.DataDirectoryInUse> => {
  const { dataDir } = options
  const identity = options.identity ?? (dataDir === undefined ? {} : { file: `${Path.resolve(dataDir)}.identity` })
  return Layer.effectDiscard(prepare(identity)).pipe(
    Layer.provideMerge(RunnerSql.layerSame),
    Layer.provideMerge(Pglite.layer({ dataDir })),
  )
}

/**
 * A transaction that nobody will ever end holds up all readers of the log, and whoever wants its locks. The server ends
 * that of a client that has vanished within two minutes, and that of one that hangs within ten.
 */
const endings = {
  idle_in_transaction_session_timeout: "10min",
  tcp_keepalives_idle: "60",
  tcp_keepalives_interval: "10",
  tcp_keepalives_count: "6",
}

const prepare = (identity: StoreIdentity.Known) => StoreIdentity.guard(identity)(Migrations.migrate())
