/**
 * Brings a database to the schema that this version of the program needs.
 *
 * Forward only: each migration runs in one transaction with the record of it, under a lock that other starters wait
 * for, so any number of processes may start at once. What does not look like our own work is left alone and refused.
 */
import { createHash } from "node:crypto"
import { createRequire } from "node:module"

import { PgClient } from "@effect/sql-pg"
import { Effect, Schema } from "effect"
import { type SqlError } from "effect/sql"

import { roles } from "./migrations/0000_roles_and_schema.ts"
import { all, type Migration } from "./migrations/index.ts"
import { atomically } from "./Transaction.ts"
import { sqlState } from "./Unavailable.ts"

/** A migration as the database remembers it. */
export interface Applied {
  readonly number: number
  readonly name: string
  /** SHA-256 of its statements, in hexadecimal. */
  readonly checksum: string
  /** By the database's clock. */
  readonly applied_at: Date
  /** The program and version that ran it. */
  readonly applied_by: string
}

/** How far a database has come, seen from this version of the program. */
export interface Status {
  readonly applied: ReadonlyArray<Applied>
  readonly pending: ReadonlyArray<Migration>
  /** Applied by a newer version: this one does not know what they did. */
  readonly unknown: ReadonlyArray<Applied>
  /** Applied with other statements than this version has under the same number. */
  readonly changed: ReadonlyArray<Applied>
}

/** The database was migrated by a newer version. Nothing was changed; only a newer program helps. */
export class DatabaseNewer extends Schema.TaggedError<DatabaseNewer>()("DatabaseNewer", {
  number: Schema.Int,
  name: Schema.String,
  appliedBy: Schema.String,
}) {
  override get message() {
    return `The database has migration ${this.number} (${this.name}), made by ${this.appliedBy}, which this version does not know. Run that version or a later one. Nothing was changed.`
  }
}

/** A migration that was applied is not the one that this version has. Nothing was changed; asking again does not help. */
export class MigrationChanged extends Schema.TaggedError<MigrationChanged>()("MigrationChanged", {
  number: Schema.Int,
  name: Schema.String,
  appliedBy: Schema.String,
}) {
  override get message() {
    return `Migration ${this.number} (${this.name}) was applied by ${this.appliedBy} with other statements than this version has. Run a released version; a database made by an unreleased one has to be exported with it and imported into a new one. Nothing was changed.`
  }
}

/**
 * The database has a schema `holdfast` or `holdfast_views` that is not ours, or one that is left of a store whose other
 * one is gone. Nothing was changed; asking again does not help.
 */
export class ForeignSchema extends Schema.TaggedError<ForeignSchema>()("ForeignSchema", {
  database: Schema.String,
}) {
  override get message() {
    return `The database ${this.database} has a schema "holdfast" or "holdfast_views" that this program did not make, or one that is left of a store. If a store was here, restore it; otherwise use another database, or rename that schema. Nothing was changed.`
  }
}

/** The login may not do what a migration needs. Nothing was changed; it helps once an administrator ran `sql`. */
export class MigrationNotPermitted extends Schema.TaggedError<MigrationNotPermitted>()("MigrationNotPermitted", {
  login: Schema.String,
  /** What an administrator has to run in this database. */
  sql: Schema.String,
}) {
  override get message() {
    return `The login ${this.login} may not set the database up. Nothing was changed. Let an administrator run this in it, and start again:\n${this.sql}`
  }
}

/**
 * A migration failed and was rolled back; those before it stay. Asking again helps if the reason is one that passes,
 * such as a lost connection.
 */
export class MigrationFailed extends Schema.TaggedError<MigrationFailed>()("MigrationFailed", {
  /** None: the database could not be asked how far it is. */
  number: Schema.optionalKey(Schema.Int),
  /** The class of failure, without any of the data involved. */
  reason: Schema.String,
}) {
  override get message() {
    const what =
      this.number === undefined ? "The state of the schema could not be read" : `Migration ${this.number} failed`
    return `${what}: ${this.reason}. Nothing of it remains.`
  }
}

export type StatusError = ForeignSchema | MigrationFailed
export type MigrationError = DatabaseNewer | MigrationChanged | MigrationNotPermitted | StatusError

/** What was applied, what is still to be, and what this version does not recognise. Changes nothing. */
export const status = Effect.fn("Migrations.status")(function* (
  migrations: ReadonlyArray<Migration> = all,
): Effect.fn.Return<Status, StatusError, PgClient.PgClient> {
  const sql = (yield* PgClient.PgClient).withoutTransforms()
  const failed = Effect.mapError((error: SqlError.SqlError) => new MigrationFailed({ reason: describe(error) }))

  const [found] = yield* failed(sql<{ database: string; ours: boolean; occupied: boolean }>`
    SELECT current_database() AS database,
      2 = (SELECT count(*) FROM pg_attribute
        WHERE (attrelid, attname) IN (
          (to_regclass('holdfast.migrations'), 'checksum'), (to_regclass('holdfast.store'), 'singleton'))) AS ours,
      EXISTS (SELECT FROM pg_class
        WHERE relnamespace IN (to_regnamespace('holdfast'), to_regnamespace('holdfast_views'))) AS occupied`)
  if (found?.ours !== true) {
    if (found?.occupied === true) return yield* new ForeignSchema({ database: found.database })
    return { applied: [], pending: migrations, unknown: [], changed: [] }
  }

  const applied = yield* failed(sql<Applied>`
    SELECT number, name, checksum, applied_at, applied_by FROM holdfast.migrations ORDER BY number`)
  const known = new Map(migrations.map((migration) => [migration.number, migration]))
  const done = new Set(applied.map(({ number }) => number))
  return {
    applied,
    pending: migrations.filter(({ number }) => !done.has(number)),
    unknown: applied.filter(({ number }) => !known.has(number)),
    changed: applied.filter(({ checksum, number }) => {
      const migration = known.get(number)
      return migration !== undefined && checksumOf(migration) !== checksum
    }),
  }
})

/**
 * Applies what is pending, one transaction each, and returns the state that it leaves.
 *
 * Several may do this at once, on one database or on several of one cluster: each migration is applied once. The
 * client must be a login of its own (no `SET ROLE`) that may create roles, or is a member of ours already.
 */
export const migrate = Effect.fn("Migrations.migrate")(function* (
  migrations: ReadonlyArray<Migration> = all,
): Effect.fn.Return<Status, MigrationError, PgClient.PgClient> {
  const sql = (yield* PgClient.PgClient).withoutTransforms()

  // The usual start finds nothing to do, and needs no lock and no rights to see that.
  let state = yield* Effect.flatMap(status(migrations), refuseStrangers)
  while (state.pending.length > 0) {
    const applyNext = Effect.gen(function* () {
      yield* sql`SELECT pg_advisory_xact_lock(${lock.namespace}::int, ${lock.key}::int)`
      const [next] = (yield* Effect.flatMap(status(migrations), refuseStrangers)).pending
      if (next !== undefined) yield* apply(next)
    })
    const number = state.pending[0]?.number ?? 0
    yield* Effect.catchTag(atomically(sql)(applyNext), "SqlError", (error) =>
      error.reason._tag === "AuthorizationError"
        ? notPermitted
        : Effect.fail(new MigrationFailed({ number, reason: describe(error) })),
    )
    state = yield* Effect.flatMap(status(migrations), refuseStrangers)
  }
  return state
})

/** SHA-256 of the statements: that of an applied migration must never change. */
export const checksumOf = ({ statements }: Pick<Migration, "statements">): string =>
  createHash("sha256").update(statements.join("\0")).digest("hex")

const refuseStrangers = (status: Status): Effect.Effect<Status, DatabaseNewer | MigrationChanged> => {
  const [unknown] = status.unknown
  if (unknown !== undefined) return Effect.fail(new DatabaseNewer(recordOf(unknown)))
  const [changed] = status.changed
  if (changed !== undefined) return Effect.fail(new MigrationChanged(recordOf(changed)))
  return Effect.succeed(status)
}

const recordOf = ({ applied_by: appliedBy, name, number }: Applied) => ({ number, name, appliedBy })

const apply = Effect.fn("Migrations.apply")(function* (migration: Migration) {
  const sql = (yield* PgClient.PgClient).withoutTransforms()
  yield* Effect.forEach(migration.statements, (statement) => sql.unsafe(statement).unprepared, { discard: true })
  const { name, number } = migration
  yield* sql`INSERT INTO holdfast.migrations ${sql.insert({ number, name, checksum: checksumOf(migration), applied_by: program })}`
})

const notPermitted = Effect.gen(function* () {
  const sql = (yield* PgClient.PgClient).withoutTransforms()
  const [row] = yield* Effect.mapError(
    sql<{ login: string; database: string; login_id: string; missing: ReadonlyArray<string> }>`
      SELECT current_user AS login, quote_ident(current_user) AS login_id, quote_ident(current_database()) AS database,
        ARRAY(SELECT role FROM unnest(${roles}::text[]) AS role
          WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role)) AS missing`,
    (error) => new MigrationFailed({ reason: describe(error) }),
  )
  if (row === undefined) return yield* new MigrationFailed({ reason: "no answer" })
  return yield* new MigrationNotPermitted({
    login: row.login,
    sql: [
      ...row.missing.map((role) => `CREATE ROLE ${role} NOLOGIN;`),
      `GRANT ${roles.join(", ")} TO ${row.login_id};`,
      `GRANT CREATE ON DATABASE ${row.database} TO ${row.login_id};`,
    ].join("\n"),
  })
})

const describe = (error: SqlError.SqlError) => [error.reason._tag, sqlState(error)].filter(Boolean).join(" ")

/** Of advisory locks with two keys; the fence of the log has another namespace. */
const lock = { namespace: 0x48_4f_4c_4d, key: 0 }

const Manifest = Schema.Struct({ name: Schema.String, version: Schema.String })

const manifest = Schema.decodeUnknownSync(Manifest)(createRequire(import.meta.url)("../package.json"))

const program = `${manifest.name} ${manifest.version}`
