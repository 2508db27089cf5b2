/**
 * Which store this is, and whether it is the one that was here before.
 *
 * A store that is emptied, restored elsewhere or mistyped in a connection string looks like a new one, and a program
 * that then makes a new one hides the loss. So every store has an identity from its first migration on, the host keeps
 * a note of it outside the database, and a database that does not match the note is refused.
 *
 * ```text
 * note     database   →
 * none     empty        made, then noted
 * none     a store      noted: a crash between making and noting does no harm
 * a store  the same     opened
 * a store  empty        StoreMissing
 * a store  another      StoreReplaced
 * ```
 */
import { randomUUID } from "node:crypto"
import * as Fs from "node:fs/promises"
import * as Path from "node:path"

import { PgClient } from "@effect/sql-pg"
import { Effect, Option, Schema } from "effect"
import { type SqlError } from "effect/sql"

import { unavailable } from "./Unavailable.ts"

export const StoreId = Schema.String.check(
  Schema.isPattern(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/, { expected: "a lower-case UUID" }),
).pipe(Schema.brand("StoreId"))
export type StoreId = typeof StoreId.Type

/** A store, from its first migration to its end. */
export interface Identity {
  readonly id: StoreId
  /** By the database's clock. */
  readonly createdAt: Date
}

/** Where the host knows a store to have been. */
export interface Known {
  /** The identity itself, from the host's configuration. */
  readonly expected?: StoreId | undefined
  /** A file that holds the identity; written when it is not there. Keep it where the database is not. */
  readonly file?: string | undefined
}

/** A store is known to have been here, and the database is empty. Nothing was written; it helps to bring the store back. */
export class StoreMissing extends Schema.TaggedError<StoreMissing>()("StoreMissing", {
  expected: StoreId,
  /** Where the identity is noted; none: in the host's configuration. */
  file: Schema.optionalKey(Schema.String),
}) {
  override get message() {
    return `The store ${this.expected} is not in this database: it is empty. Check which database this is, or restore the store. To begin a new store on purpose, ${howToForget(this.file)}. Nothing was written.`
  }
}

/** Another store is here than the one that is known to have been. Nothing was written; it helps to bring the right one back. */
export class StoreReplaced extends Schema.TaggedError<StoreReplaced>()("StoreReplaced", {
  expected: StoreId,
  found: StoreId,
  file: Schema.optionalKey(Schema.String),
}) {
  override get message() {
    return `This database holds the store ${this.found}, and the one known here is ${this.expected}. Check which database this is. To go on with this store on purpose, ${howToForget(this.file)}. Nothing was written.`
  }
}

/** The note of the identity cannot be read or written. The store is untouched; asking again helps once the file can be. */
export class IdentityFileError extends Schema.TaggedError<IdentityFileError>()("IdentityFileError", {
  file: Schema.String,
  problem: Schema.String,
}) {
  override get message() {
    return `The file ${this.file}, which says which store this is: ${this.problem}`
  }
}

/** The identity of the store in this database; none while there is no store. */
export const read: Effect.Effect<Option.Option<Identity>, SqlError.SqlError, PgClient.PgClient> = Effect.gen(
  function* () {
    const sql = (yield* PgClient.PgClient).withoutTransforms()
    const [there] = yield* sql<{ there: boolean }>`SELECT to_regclass('holdfast.store') IS NOT NULL AS there`
    if (there?.there !== true) return Option.none()
    const [row] = yield* sql<{ id: StoreId; createdAt: Date }>`
      SELECT id, created_at AS "createdAt" FROM holdfast.store`
    return Option.fromUndefinedOr(row)
  },
)

/**
 * Runs what makes the store (its migrations) between looking for the one that is known and noting the one that is
 * there then.
 */
export const guard =
  (known: Known) =>
  <A, E, R>(make: Effect.Effect<A, E, R>) =>
    Effect.gen(function* () {
      const noted = known.file === undefined ? undefined : yield* readNote(known.file)
      const before = yield* Effect.mapError(read, unavailable)
      yield* compare(before, known.expected, undefined)
      yield* compare(before, noted, known.file)

      const made = yield* make

      const after = yield* Effect.mapError(read, unavailable)
      if (known.file !== undefined && noted === undefined && Option.isSome(after)) {
        yield* writeNote(known.file, after.value.id)
      }
      return made
    })

/**
 * What a store says about events that it should hold and does not.
 *
 * A position that was drawn proves nothing by itself: a rolled-back append draws one too. A claim or a remembered
 * command was written together with events.
 */
export const findLoss: Effect.Effect<"none" | "possible" | "certain", SqlError.SqlError, PgClient.PgClient> =
  Effect.gen(function* () {
    const sql = (yield* PgClient.PgClient).withoutTransforms()
    const [row] = yield* sql<{ events: boolean; drawn: boolean; traces: boolean }>`
    SELECT EXISTS (SELECT FROM holdfast.events) AS events,
      coalesce(pg_sequence_last_value('holdfast.events_position_seq'), 0) > 0 AS drawn,
      EXISTS (SELECT FROM holdfast.claims) OR EXISTS (SELECT FROM holdfast.commands WHERE position > 0) AS traces`
    if (row === undefined || row.events) return "none"
    if (row.traces) return "certain"
    return row.drawn ? "possible" : "none"
  })

const compare = (found: Option.Option<Identity>, expected: StoreId | undefined, path: string | undefined) => {
  if (expected === undefined) return Effect.void
  const file = path === undefined ? {} : { file: path }
  if (Option.isNone(found)) return Effect.fail(new StoreMissing({ expected, ...file }))
  return found.value.id === expected
    ? Effect.void
    : Effect.fail(new StoreReplaced({ expected, found: found.value.id, ...file }))
}

const howToForget = (file: string | undefined) =>
  file === undefined ? "change the expected identity in the configuration" : `remove the file ${file}`

const Note = Schema.fromJsonString(Schema.Struct({ store: StoreId }))

const readNote = Effect.fn("StoreIdentity.readNote")(function* (file: string) {
  const text = yield* Effect.tryPromise({
    try: () => Fs.readFile(file, "utf8").catch((cause) => (isAbsent(cause) ? undefined : Promise.reject(cause))),
    catch: () => new IdentityFileError({ file, problem: "it cannot be read" }),
  })
  if (text === undefined) return undefined
  const { store } = yield* Effect.mapError(
    Schema.decodeEffect(Note)(text),
    () => new IdentityFileError({ file, problem: "it does not hold an identity; restore it, or remove it on purpose" }),
  )
  return store
})

/** Written beside its place and moved there when it is whole: a crash leaves the old state or the new one. */
const writeNote = (file: string, store: StoreId) =>
  Effect.tryPromise({
    try: async () => {
      await Fs.mkdir(Path.dirname(file), { recursive: true })
      const unfinished = `${file}.${randomUUID()}`
      await Fs.writeFile(unfinished, `${JSON.stringify({ store })}\n`, { flush: true })
      await Fs.rename(unfinished, file)
    },
    catch: () => new IdentityFileError({ file, problem: "it cannot be written" }),
  })

const isAbsent = (cause: unknown) => cause instanceof Error && "code" in cause && cause.code === "ENOENT"
