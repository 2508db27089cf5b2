/**
 * The store, opened by a command: as it is, never migrated, and only with the keys that the command needs.
 *
 * ```text
 * login            PgClient as the login itself                                 migrate, doctor
 * database         PgClient (application), RunnerSql: a store that is migrated  export, import
 * services         the log, views, vault rows; sealing stays closed             most commands
 * servicesWithKeys the same, and the master keys                                personal views, keys rotate
 * ```
 */
import * as Fs from "node:fs/promises"
import * as Path from "node:path"

import { PgClient } from "@effect/sql-pg"
import { MasterKeys } from "@holdfast/domain"
import { Config, Effect, Layer, Option, Redacted, Schema } from "effect"

import * as Migrations from "../Migrations.ts"
import { all } from "../migrations/index.ts"
import * as NodeSealing from "../NodeSealing.ts"
import * as Pglite from "../Pglite.ts"
import * as PostgresEventLog from "../PostgresEventLog.ts"
import * as PostgresEventStore from "../PostgresEventStore.ts"
import * as PostgresSubjectKeys from "../PostgresSubjectKeys.ts"
import * as PostgresVault from "../PostgresVault.ts"
import * as PostgresViews from "../PostgresViews.ts"
import * as PostgresViewStore from "../PostgresViewStore.ts"
import { RunnerSql } from "../RunnerSql.ts"
import * as SealerWithoutKeys from "../SealerWithoutKeys.ts"
import * as Store from "../Store.ts"
import * as StoreIdentity from "../StoreIdentity.ts"
import { Wakeup } from "../Wakeup.ts"
import * as Settings from "./Settings.ts"

/** There is no store, or an older one than this program needs. Nothing was changed. */
export class NotMigrated extends Schema.TaggedError<NotMigrated>()("NotMigrated", {
  store: Schema.String,
  applied: Schema.Natural,
  pending: Schema.Natural,
}) {
  override get message() {
    const what =
      this.applied === 0
        ? `There is no store in ${this.store}`
        : `The store in ${this.store} needs ${this.pending} more migration${this.pending === 1 ? "" : "s"}`
    return `${what}. Run: holdfast migrate`
  }
}

/** No master key was given, and the command cannot do without. Nothing was done. */
export class MasterKeysMissing extends Schema.TaggedError<MasterKeysMissing>()("MasterKeysMissing", {
  file: Schema.String,
}) {
  override get message() {
    return `This needs the master keys: set HOLDFAST_MASTER_KEYS to <id>:<base64 of 32 bytes>, or put that into ${this.file}.`
  }
}

/** One session as the login itself. The embedded database is made if it is missing. */
export const login = Layer.unwrap(
  Effect.map(Settings.target, (target) =>
    target._tag === "Server"
      ? PgClient.layer({ url: target.url, applicationName, maxConnections: 1 })
      : Pglite.layer({ dataDir: target.dataDir }),
  ),
)

/** As {@link login}, where there is something to open. */
export const loginToExisting = Layer.unwrap(Effect.as(existing(), login))

/** The runner's sessions, beside those of the login. */
export const runner = Layer.unwrap(
  Effect.map(Settings.target, (target) =>
    target._tag === "Server"
      ? RunnerSql.layer({ url: target.url, applicationName, maxConnections: 2 })
      : RunnerSql.layerSame,
  ),
)

/** What the host knows of the store's identity, wherever it keeps that by default. */
export const known = Effect.map(Settings.target, (target): StoreIdentity.Known =>
  target._tag === "Server" ? {} : { file: `${Path.resolve(target.dataDir)}.identity` },
)

const migrated = Effect.gen(function* () {
  const { name: store } = yield* Settings.target
  const { applied, changed, pending, unknown } = yield* Migrations.status()
  const [newer] = unknown
  if (newer !== undefined) return yield* new Migrations.DatabaseNewer(recordOf(newer))
  const [other] = changed
  if (other !== undefined) return yield* new Migrations.MigrationChanged(recordOf(other))
  if (pending.length > 0) return yield* new NotMigrated({ store, applied: applied.length, pending: pending.length })
})

const recordOf = ({ applied_by: appliedBy, name, number }: Migrations.Applied) => ({ number, name, appliedBy })

const checked = Layer.effectDiscard(Effect.flatMap(known, (known) => StoreIdentity.guard(known)(migrated)))

/** The application's and the runner's sessions on a store that is as it should be. */
export const database = Layer.unwrap(
  Effect.map(Settings.target, (target) => {
    if (target._tag === "Directory") {
      return checked.pipe(Layer.provideMerge(RunnerSql.layerSame), Layer.provideMerge(loginToExisting))
    }
    const { url } = target
    const app = PgClient.layer({ url, applicationName, maxConnections: 2, startupParameters: { role: "holdfast_app" } })
    // The roles exist only when the migrations are done.
    return Layer.provide(
      Layer.merge(app, RunnerSql.layer({ url, applicationName, maxConnections: 2 })),
      Layer.fresh(Layer.provide(checked, login)),
    )
  }),
)

/** Everything that works without keys. */
export const services = Layer.mergeAll(
  PostgresEventStore.layer,
  PostgresEventLog.layer,
  PostgresViews.layer,
  PostgresViewStore.layer,
  PostgresVault.layer,
  SealerWithoutKeys.layer,
).pipe(
  Layer.provideMerge(PostgresSubjectKeys.layer),
  Layer.provideMerge(Wakeup.layerLocal),
  Layer.provideMerge(NodeSealing.layer),
  Layer.provideMerge(database),
)

/** The same, with the master keys of the environment or of the host's file. */
export const servicesWithKeys = Layer.unwrap(
  Effect.gen(function* () {
    const settings = yield* Effect.context<Settings.Settings>()
    const on = Layer.provide(database, Layer.succeedContext(settings))
    return Layer.provideMerge(
      PostgresVault.layer,
      Store.layerOn(on, { masterKeys: yield* masterKeys(), wakeup: "local" }),
    )
  }),
)

const applicationName = "holdfast command"

/** PGlite would make an empty database of a path that was misspelt. */
function existing() {
  return Effect.gen(function* () {
    const target = yield* Settings.target
    if (target._tag === "Server") return
    const isThere = yield* Effect.promise(() =>
      Fs.stat(Path.join(target.dataDir, "postgres")).then(
        () => true,
        () => false,
      ),
    )
    if (isThere) return
    return yield* new NotMigrated({ store: target.name, applied: 0, pending: all.length })
  })
}

function masterKeys() {
  return Effect.gen(function* () {
    const target = yield* Settings.target
    const directory = target._tag === "Server" ? yield* Settings.home : Path.dirname(Path.resolve(target.dataDir))
    const file = Path.join(directory, "master-key")
    const given = yield* Config.option(Config.Redacted("HOLDFAST_MASTER_KEYS"))
    const text = Option.isSome(given)
      ? Redacted.value(given.value)
      : yield* Effect.tryPromise({
          try: () => Fs.readFile(file, "utf8"),
          catch: () => new MasterKeysMissing({ file }),
        })
    return yield* Effect.fromResult(MasterKeys.parse(text.trim()))
  })
}
