/**
 * The whole log as JSON lines, out of one database and into another.
 *
 * ```text
 * {"kind":"header","format":1,"store":"…","exportedAt":"…"}
 * {"kind":"event","position":"1","tenantId":"…","streamId":"…","version":1,…}      in order of position
 * {"kind":"row","table":"claims","row":{…}}                                        then what else belongs to the log
 * {"kind":"footer","events":1,"rows":1,"sha256":"…"}                               of all lines before it, each with its "\n"
 * ```
 *
 * Personal data stays sealed, and its keys stay wrapped: whoever imports needs the same master keys to read it, and
 * what was forgotten stays forgotten. Credentials, leases, views and parked webhooks are not part of the log and are
 * left out: connections are authorized anew or their vault is copied with the database, views are rebuilt.
 */
import { createHash } from "node:crypto"

import { type PgClient } from "@effect/sql-pg"
import { EventStore, Ids } from "@holdfast/domain"
import { Effect, Option, Predicate, Result, Schema, Stream } from "effect"
import { type SqlError } from "effect/sql"

import { RunnerSql } from "./RunnerSql.ts"
import { StoreId } from "./StoreIdentity.ts"
import { atomically } from "./Transaction.ts"
import { ported, sqlState, unavailable } from "./Unavailable.ts"

/** A line is not what it should be. Nothing was imported; asking again with the same file does not help. */
export class MalformedTransfer extends Schema.TaggedError<MalformedTransfer>()("MalformedTransfer", {
  /** The line, from 1. */
  line: Schema.Natural,
  /** The last line that may be meant, where PostgreSQL refused several at once. */
  lastLine: Schema.optionalKey(Schema.Natural),
  /** What is wrong; never what the line says. */
  problem: Schema.String,
}) {
  override get message() {
    const where = this.lastLine === undefined ? `Line ${this.line}` : `Between line ${this.line} and ${this.lastLine}`
    return `${where}: ${this.problem}. Nothing was imported.`
  }
}

/** The store has, or had, events of its own. Nothing was imported; a new database helps. */
export class StoreNotEmpty extends Schema.TaggedError<StoreNotEmpty>()("StoreNotEmpty", {}) {
  override get message() {
    return "The store is not new: events were appended to it, or begun to be. Import into a new database. Nothing was imported."
  }
}

/** What an import brought in. */
export interface Imported {
  /** The store that it was exported from. */
  readonly from: StoreId
  readonly events: number
  readonly position: EventStore.Position
}

/**
 * The log as it is when the reading begins, line by line, without the line feeds. Appends go on meanwhile.
 *
 * It is read in one transaction on a session of its own, a few megabytes at a time. On PGlite, which has one session,
 * everything else waits until the stream has ended: whoever consumes it must not use the store.
 */
export const exportLog: Stream.Stream<string, EventStore.EventStoreUnavailable, RunnerSql> = Stream.unwrap(
  Effect.gen(function* () {
    const sql = (yield* RunnerSql).withoutTransforms()
    const connection = yield* sql.reserve
    const inside = Effect.provideService(sql.transactionService, [connection, 0])
    yield* Effect.acquireRelease(
      connection.executeUnprepared("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", [], undefined),
      () => Effect.ignore(connection.executeUnprepared("ROLLBACK", [], undefined)),
    )

    const [store] = yield* inside(sql<{ id: StoreId; now: Date }>`SELECT id, now() FROM holdfast.store`)

    const counted = { events: 0, rows: 0 }
    const header = Stream.suspend(() =>
      Stream.succeed(
        JSON.stringify({ kind: "header", format, store: store?.id, exportedAt: store?.now.toISOString() }),
      ),
    )
    const events = Stream.map(scan<EventRow>(sql, selectEvents), (row) => {
      counted.events++
      return eventLine(row)
    })
    const rows = Stream.flatMap(Stream.fromIterable(tables), (table) =>
      Stream.map(scan<{ row: string }>(sql, `SELECT to_jsonb(t)::text AS row FROM holdfast.${table} t`), ({ row }) => {
        counted.rows++
        return `{"kind":"row","table":"${table}","row":${row}}`
      }),
    )
    const digest = createHash("sha256")
    const body = Stream.map(Stream.concat(header, Stream.concat(events, rows)), (line) => {
      digest.update(line).update("\n")
      return line
    })
    const footer = Stream.suspend(() =>
      Stream.succeed(JSON.stringify({ kind: "footer", ...counted, sha256: digest.digest("hex") })),
    )
    return Stream.provideService(Stream.concat(body, footer), sql.transactionService, [connection, 0])
  }),
).pipe(Stream.catchTag("SqlError", (error) => Stream.fail(unavailable(error))))

/**
 * Reads what {@link exportLog} wrote into a store that is new.
 *
 * All or nothing: one transaction, which holds the log so that nobody appends to it or sees a part of it. Positions,
 * versions and times are kept, and appends go on after them. Memory stays at a few batches, whatever the size.
 */
export const importLog = Effect.fn("Transfer.importLog")(function* <E, R>(lines: Stream.Stream<string, E, R>) {
  const sql = (yield* RunnerSql).withoutTransforms()
  const reader = makeReader()

  const batches = lines.pipe(
    // However much arrives at once: memory stays small, and the server has work as soon as there is some.
    Stream.rechunk(batch.rows),
    Stream.chunks,
    Stream.mapEffect((chunk) => Effect.fromResult(reader.read(chunk))),
    Stream.concat(Stream.fromEffect(Effect.suspend(() => Effect.fromResult(reader.end())))),
    Stream.flattenIterable,
    // The next batch is read while the server works on this one.
    Stream.buffer({ capacity: 1 }),
  )

  const insert = (batch: Batch) =>
    Effect.catchTag(batch.kind === "events" ? insertEvents(sql, batch) : insertRows(sql, batch), "SqlError", (error) =>
      Effect.fail(isRefusal(error) ? malformedBatch(batch, sqlState(error)) : unavailable(error)),
    )

  yield* atomically(sql)(
    Effect.gen(function* () {
      // Row-level security binds the owner too. Lifting it locks the tables until the end, so nobody else is concerned.
      yield* sql`SET LOCAL ROLE holdfast_owner`
      yield* Effect.forEach(owned, (table) => sql.unsafe(`ALTER TABLE holdfast.${table} NO FORCE ROW LEVEL SECURITY`))
      const [found] = yield* sql.unsafe<{ used: boolean }>(
        `SELECT pg_sequence_last_value('holdfast.events_position_seq') IS NOT NULL
          OR ${owned.map((table) => `EXISTS (SELECT FROM holdfast.${table})`).join(" OR ")} AS used`,
      )
      if (found?.used !== false) return yield* new StoreNotEmpty()

      // An index is built from the whole in a fraction of the time that it takes row by row.
      const unique = yield* sql<{ name: string; definition: string }>`
        SELECT quote_ident(conname) AS name, pg_get_constraintdef(oid) AS definition FROM pg_constraint
        WHERE conrelid = 'holdfast.events'::regclass AND contype IN ('p', 'u')`
      yield* Effect.forEach(unique, ({ name }) => sql.unsafe(`ALTER TABLE holdfast.events DROP CONSTRAINT ${name}`))

      yield* Stream.runForEach(batches, insert)

      yield* sql`SET LOCAL maintenance_work_mem = '128MB'`
      yield* Effect.forEach(unique, ({ definition, name }) =>
        sql.unsafe(`ALTER TABLE holdfast.events ADD CONSTRAINT ${name} ${definition}`),
      ).pipe(Effect.catchReason("SqlError", "UniqueViolation", () => Effect.fail(reader.repeatedVersion())))

      const { events, position } = reader.seen
      if (events > 0) {
        // Unlike setval, both are taken back with the transaction.
        yield* sql.unsafe(`ALTER TABLE holdfast.events ALTER COLUMN position RESTART WITH ${position}`)
        yield* sql`SELECT nextval('holdfast.events_position_seq')`
      }
      yield* Effect.forEach(owned, (table) => sql.unsafe(`ALTER TABLE holdfast.${table} FORCE ROW LEVEL SECURITY`))
    }),
  )
  const { events, from, position } = reader.seen
  return { from, events, position: EventStore.Position.make(BigInt(position)) } satisfies Imported
}, ported)

const format = 1

/** What belongs to the log beside its events, row by row as the database has it. */
const tables = ["claims", "commands", "subject_keys"] as const

const owned = ["events", ...tables] as const

interface EventRow {
  readonly position: string
  readonly tenant_id: string
  readonly stream_id: string
  readonly version: number
  readonly event_id: string
  readonly type: string
  readonly schema_version: number
  readonly data: string
  readonly metadata: string
  readonly recorded_at: string
  readonly sealed: Uint8Array | null
}

/** JSON is passed on as text, times with all their digits. */
const selectEvents = `
  SELECT position::text, tenant_id, stream_id, version, event_id, type, schema_version, data::text, metadata::text,
    to_char(recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS recorded_at, sealed
  FROM holdfast.events ORDER BY events.position`

const eventLine = (row: EventRow) => {
  const sealed = row.sealed === null ? "" : `,"sealed":"${Buffer.from(row.sealed).toString("base64")}"`
  return `{"kind":"event","position":"${row.position}","tenantId":${JSON.stringify(row.tenant_id)},"streamId":${JSON.stringify(row.stream_id)},"version":${row.version},"id":"${row.event_id}","type":${JSON.stringify(row.type)},"schemaVersion":${row.schema_version},"recordedAt":"${row.recorded_at}","data":${row.data},"metadata":${row.metadata}${sealed}}`
}

/** The rows of a query through a cursor, a few megabytes at a time. Inside a transaction. */
const scan = <Row extends object>(sql: PgClient.PgClient, query: string) =>
  Stream.unwrap(
    Effect.map(sql.unsafe(`DECLARE transfer NO SCROLL CURSOR FOR ${query}`).unprepared, () =>
      Stream.paginate(64, (size) =>
        Effect.gen(function* () {
          const rows = yield* sql.unsafe<Row>(`FETCH ${size} FROM transfer`).unprepared
          if (rows.length === size) return [rows, Option.some(nextSize(rows, size))] as const
          yield* sql`CLOSE transfer`
          return [rows, Option.none()] as const
        }),
      ),
    ),
  )

const nextSize = (rows: ReadonlyArray<object>, size: number) => {
  const bytes = rows.reduce((sum, row) => sum + sizeOf(row), 0)
  return Math.max(1, Math.min(size * 4, batch.rows, Math.floor((batch.bytes * rows.length) / (bytes + 1))))
}

const sizeOf = (row: object) =>
  Object.values(row).reduce(
    (sum: number, value) => sum + (Predicate.hasProperty(value, "length") ? Number(value.length) : 8),
    0,
  )

/** How much is asked for, or inserted, at once. */
const batch = { rows: 1_000, bytes: 4 * 1024 * 1024 }

type Batch = EventBatch | RowBatch

interface Lines {
  readonly first: number
  readonly last: number
}

interface EventBatch {
  readonly kind: "events"
  readonly lines: Lines
  readonly events: ReadonlyArray<EventText>
}

interface RowBatch {
  readonly kind: "rows"
  readonly lines: Lines
  readonly table: string
  readonly rows: ReadonlyArray<unknown>
}

const matching = (pattern: RegExp, expected: string) => Schema.String.check(Schema.isPattern(pattern, { expected }))

const HeaderEntry = Schema.Struct({
  kind: Schema.Literal("header"),
  format: Schema.Literal(format),
  store: StoreId,
})

const maximum = { version: 2_147_483_647, schemaVersion: 32_767 }

const EventEntry = Schema.Struct({
  kind: Schema.Literal("event"),
  position: matching(/^[1-9]\d{0,18}$/, "a position"),
  tenantId: Ids.TenantId,
  streamId: EventStore.StreamId,
  version: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: maximum.version })),
  id: Ids.EventId,
  type: matching(/^[^\p{Cc}]+$/u, "a type without control characters"),
  schemaVersion: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: maximum.schemaVersion })),
  recordedAt: matching(/^\d{4,6}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/, "a time with microseconds"),
  data: Schema.Record(Schema.String, Schema.Unknown),
  metadata: EventStore.Metadata,
  sealed: Schema.optionalKey(matching(/^[A-Za-z0-9+/]*={0,2}$/, "base64")),
})

/** An event as PostgreSQL is given it: JSON stays text, so that nothing in it changes. */
interface EventText {
  readonly position: string
  readonly tenantId: string
  readonly streamId: string
  readonly version: number
  readonly id: string
  readonly type: string
  readonly schemaVersion: number
  readonly recordedAt: string
  readonly data: string
  readonly metadata: string
  readonly sealed: string | undefined
}

/**
 * A line exactly as {@link eventLine} writes it. PostgreSQL writes JSON with a space after each comma, and a quote within
 * a string has a backslash: so what stands between the objects can be nowhere inside them. That they are JSON is for
 * PostgreSQL to see; and then the line is.
 */
const written =
  /^\{"kind":"event","position":"([1-9]\d{0,18})","tenantId":"([^"\\\p{Cc}]+)","streamId":"([^"\\\p{Cc}]+)","version":([1-9]\d{0,9}),"id":"([0-9a-f-]{36})","type":"([^"\\\p{Cc}]+)","schemaVersion":([1-9]\d{0,4}),"recordedAt":"(\d{4,6}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)","data":(\{.*\}),"metadata":(\{.*?\})(?:,"sealed":"([A-Za-z0-9+/]*={0,2})")?\}$/u

/** Lines that follow each other are often of one tenant and of one request: what was valid just now is. */
const remembering = (isValid: (text: string) => boolean) => {
  let last: string | undefined
  return (text: string): boolean => {
    if (text === last) return true
    if (!isValid(text)) return false
    last = text
    return true
  }
}

const isTenantId = Schema.is(Ids.TenantId)
const isStreamId = Schema.is(EventStore.StreamId)
const isEventId = Schema.is(Ids.EventId)
const isMetadata = Schema.is(EventStore.Metadata)

/** Undefined where a line is written otherwise, or wrong: the schema tells. */
const readWritten = () => {
  const isTenant = remembering(isTenantId)
  const isContext = remembering((text) => isMetadata(parse(text)))

  return (line: string): EventText | undefined => {
    const [, position, tenantId, streamId, version, id, type, schemaVersion, recordedAt, data, metadata, sealed] =
      written.exec(line) ?? []
    if (metadata === undefined) return undefined
    // The expression matched, so all but the sealed part are there.
    const event = {
      position,
      tenantId,
      streamId,
      version: Number(version),
      id,
      type,
      schemaVersion: Number(schemaVersion),
      recordedAt,
      data,
      metadata,
      sealed,
    } as EventText
    const valid =
      event.version <= maximum.version &&
      event.schemaVersion <= maximum.schemaVersion &&
      isTenant(event.tenantId) &&
      isStreamId(event.streamId) &&
      isEventId(event.id) &&
      isContext(metadata)
    return valid ? event : undefined
  }
}

const eventAsParsed = (entry: unknown) =>
  Result.map(explain(decodeEvent(entry), "not a valid event"), ({ data, metadata, sealed, ...event }): EventText => ({
    ...event,
    data: JSON.stringify(data),
    metadata: JSON.stringify(metadata),
    sealed,
  }))

const RowEntry = Schema.Struct({
  kind: Schema.Literal("row"),
  table: Schema.Literals(tables),
  row: Schema.Record(Schema.String, Schema.Unknown),
})

const FooterEntry = Schema.Struct({
  kind: Schema.Literal("footer"),
  events: Schema.Natural,
  rows: Schema.Natural,
  sha256: Schema.String,
})

const decodeEvent = Schema.decodeUnknownResult(EventEntry)
const decodeRow = Schema.decodeUnknownResult(RowEntry)
const decodeHeader = Schema.decodeUnknownResult(HeaderEntry)
const decodeFooter = Schema.decodeUnknownResult(FooterEntry)

/** Checks line after line and gathers them into batches; the digest and the counts at the end. */
const makeReader = () => {
  const digest = createHash("sha256")
  const seen = {
    line: 0,
    events: 0,
    rows: 0,
    position: "0",
    from: StoreId.make("00000000-0000-0000-0000-000000000000"),
  }
  let part: "header" | "events" | "rows" | "end" = "header"
  let events: Array<EventText> = []
  let rows: Array<unknown> = []
  let table = ""
  let first = 1
  let bytes = 0
  let undigested = ""
  const eventAsWritten = readWritten()

  const digestAfter = (length: number) => {
    if (undigested.length <= length) return
    digest.update(undigested)
    undigested = ""
  }

  /** What was gathered, when it is enough or another kind follows. */
  const flush = (): ReadonlyArray<Batch> => {
    const lines = { first, last: seen.line - 1 }
    const full: Batch | undefined =
      events.length > 0
        ? { kind: "events", lines, events }
        : rows.length > 0
          ? { kind: "rows", lines, table, rows }
          : undefined
    events = []
    rows = []
    bytes = 0
    first = seen.line
    return full === undefined ? [] : [full]
  }

  const readLine = (line: string): Result.Result<ReadonlyArray<Batch>, string> => {
    const asWritten = eventAsWritten(line)
    const entry = asWritten === undefined ? parse(line) : { kind: "event" }
    const kind = Predicate.hasProperty(entry, "kind") ? entry.kind : undefined
    if (part === "end") return Result.fail("there is something after the footer")
    if (kind !== "footer") {
      undigested += `${line}\n`
      digestAfter(64 * 1024)
    }
    if (part === "header") {
      return Result.map(explain(decodeHeader(entry), "a header of format 1 is expected"), ({ store }) => {
        part = "events"
        first = 2
        seen.from = store
        return []
      })
    }
    switch (kind) {
      case "event":
        return Result.flatMap(asWritten === undefined ? eventAsParsed(entry) : Result.succeed(asWritten), (event) => {
          if (part !== "events") return Result.fail("an event after other rows")
          if (!isAfter(event.position, seen.position)) return Result.fail("its position is not after the one before")
          const full = events.length >= batch.rows || bytes >= batch.bytes ? flush() : []
          seen.position = event.position
          seen.events++
          bytes += line.length
          events.push(event)
          return Result.succeed(full)
        })
      case "row":
        return Result.map(explain(decodeRow(entry), "not a valid row"), (entry) => {
          const other = part !== "rows" || table !== entry.table
          const full = other || rows.length >= batch.rows || bytes >= batch.bytes ? flush() : []
          part = "rows"
          table = entry.table
          seen.rows++
          bytes += line.length
          rows.push(entry.row)
          return full
        })
      case "footer":
        return Result.flatMap(explain(decodeFooter(entry), "not a valid footer"), (footer) => {
          if (footer.events !== seen.events || footer.rows !== seen.rows)
            return Result.fail("the counts differ: lines are missing")
          digestAfter(0)
          if (footer.sha256 !== digest.digest("hex")) return Result.fail("the digest differs: lines were changed")
          part = "end"
          return Result.succeed(flush())
        })
      default:
        return Result.fail("neither an event, nor a row, nor a footer")
    }
  }

  return {
    seen,
    repeatedVersion: () =>
      new MalformedTransfer({ line: 1, lastLine: seen.line, problem: "a version of a stream is there twice" }),
    read: (lines: ReadonlyArray<string>): Result.Result<ReadonlyArray<Batch>, MalformedTransfer> => {
      const full: Array<Batch> = []
      for (const line of lines) {
        seen.line++
        const result = readLine(line)
        if (Result.isFailure(result))
          return Result.fail(new MalformedTransfer({ line: seen.line, problem: result.failure }))
        full.push(...result.success)
      }
      return Result.succeed(full)
    },
    end: (): Result.Result<ReadonlyArray<Batch>, MalformedTransfer> =>
      part === "end"
        ? Result.succeed([])
        : Result.fail(
            new MalformedTransfer({ line: seen.line + 1, problem: "the footer is missing: the file was cut off" }),
          ),
  }
}

/** Of positions as text. */
const isAfter = (one: string, other: string) => (one.length === other.length ? one > other : one.length > other.length)

const parse = (line: string): unknown => {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

const explain = <A>(decoded: Result.Result<A, Schema.SchemaError>, problem: string) =>
  Result.mapError(decoded, ({ message }) => `${problem}: ${message}`)

/**
 * A column travels as one text, its values between line feeds, which none of them has: an array would cost more to write
 * than the row to insert. COPY would take a fifth off the server's work, but our driver does not speak it, and a second
 * driver with its own settings, errors and transactions is not worth that.
 */
const insertEvents = (sql: PgClient.PgClient, { events }: EventBatch) => {
  const column = (of: (event: EventText) => string | number) => events.map(of).join("\n")
  return sql`
    INSERT INTO holdfast.events (
      position, tenant_id, stream_id, version, event_id, type, schema_version, recorded_at, data, metadata, sealed)
    OVERRIDING SYSTEM VALUE
    SELECT position::bigint, tenant_id, stream_id, version::int, id::uuid, type, schema_version::smallint,
      recorded_at::timestamptz, data::jsonb, metadata::jsonb, decode(sealed, 'base64')
    FROM unnest(
      string_to_array(${column(({ position }) => position)}::text, E'\\n'),
      string_to_array(${column(({ tenantId }) => tenantId)}::text, E'\\n'),
      string_to_array(${column(({ streamId }) => streamId)}::text, E'\\n'),
      string_to_array(${column(({ version }) => version)}::text, E'\\n'),
      string_to_array(${column(({ id }) => id)}::text, E'\\n'),
      string_to_array(${column(({ type }) => type)}::text, E'\\n'),
      string_to_array(${column(({ schemaVersion }) => schemaVersion)}::text, E'\\n'),
      string_to_array(${column(({ recordedAt }) => recordedAt)}::text, E'\\n'),
      string_to_array(${column(({ data }) => data)}::text, E'\\n'),
      string_to_array(${column(({ metadata }) => metadata)}::text, E'\\n'),
      string_to_array(${column(({ sealed }) => (sealed === undefined ? nothing : ` ${sealed}`))}::text, E'\\n', ${nothing})
    ) AS e (position, tenant_id, stream_id, version, id, type, schema_version, recorded_at, data, metadata, sealed)`
}

/** In place of a sealed part; where there is one it begins with a space, which base64 does not mind. */
const nothing = "-"

const insertRows = (sql: PgClient.PgClient, { rows, table }: RowBatch) =>
  sql`INSERT INTO ${sql(`holdfast.${table}`)}
    SELECT * FROM jsonb_populate_recordset(NULL::${sql(`holdfast.${table}`)}, ${sql.json(rows)})`

/** PostgreSQL understood and refused: a value out of range, a row that is there twice. */
const isRefusal = (error: SqlError.SqlError) => ["22", "23"].includes(sqlState(error)?.slice(0, 2) ?? "")

const malformedBatch = ({ lines }: Batch, state: string | undefined) =>
  new MalformedTransfer({ line: lines.first, lastLine: lines.last, problem: `PostgreSQL refused it (${state})` })
