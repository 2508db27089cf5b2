/**
 * The yardstick: what `pg` and SQL do with an equal table when nothing is guaranteed.
 */
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"

import { Effect } from "effect"
import { type Pool, type PoolClient } from "pg"
import { from as copyFrom, to as copyTo } from "pg-copy-streams"

import { type Line, metadata, tenantId } from "./Histories.ts"

/** A table with the columns, checks and indexes of the library's own; without its trigger, its policies and its functions. */
export const create = (pool: Pool) =>
  Effect.promise(async () => {
    await pool.query(`CREATE SCHEMA IF NOT EXISTS raw`)
    await pool.query(`DROP TABLE IF EXISTS raw.events`)
    await pool.query(`CREATE TABLE raw.events (LIKE holdfast.events INCLUDING ALL)`)
  })

const columns = "tenant_id, stream_id, version, event_id, type, schema_version, data, metadata"

/** All but the generated one. */
const stored = `position, recorded_at, sealed, ${columns}`

/** One event by a prepared INSERT. */
export const insert = (pool: Pool, line: Line) =>
  pool.query({
    name: "insert",
    text: `INSERT INTO raw.events (${columns}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
    values: [
      tenantId,
      line.streamId,
      line.version,
      line.eventId,
      line.type,
      1,
      JSON.stringify(line.data),
      JSON.stringify(metadata),
    ],
  })

/** Many events by a prepared INSERT from arrays, which is one round trip too. */
export const insertMany = (pool: Pool, lines: ReadonlyArray<Line>) =>
  pool.query({
    name: "insert-many",
    text: `INSERT INTO raw.events (${columns})
      SELECT $1, stream_id, version, event_id, type, 1, data::jsonb, $7
      FROM unnest($2::text[], $3::int[], $4::uuid[], $5::text[], $6::text[])
        AS line (stream_id, version, event_id, type, data)`,
    values: [
      tenantId,
      lines.map(({ streamId }) => streamId),
      lines.map(({ version }) => version),
      lines.map(({ eventId }) => eventId),
      lines.map(({ type }) => type),
      lines.map(({ data }) => JSON.stringify(data)),
      JSON.stringify(metadata),
    ],
  })

/** Any number of events by COPY, into the raw table or the library's own. */
export const copy = (pool: Pool, lines: Iterable<Line>, table: "raw.events" | "holdfast.events") =>
  withClient(pool, (client) =>
    pipeline(Readable.from(copyText(lines)), client.query(copyFrom(`COPY ${table} (${columns}) FROM STDIN`))),
  )

/** The rows of a log as COPY writes them. */
export const dump = (pool: Pool) =>
  withClient(pool, async (client) => {
    const chunks: Array<Buffer> = []
    for await (const chunk of client.query(copyTo(`COPY holdfast.events (${stored}) TO STDOUT`))) chunks.push(chunk)
    return chunks
  })

/** What {@link dump} wrote, into the raw table. */
export const load = (pool: Pool, rows: ReadonlyArray<Buffer>) =>
  withClient(pool, (client) =>
    pipeline(Readable.from(rows), client.query(copyFrom(`COPY raw.events (${stored}) FROM STDIN`))),
  )

/** Rows as COPY reads them, some hundred at a time. */
function* copyText(lines: Iterable<Line>): Generator<string> {
  const context = JSON.stringify(metadata)
  let chunk = ""
  for (const { data, eventId, streamId, type, version } of lines) {
    // JSON text has no tab and no line feed, only backslashes to double.
    const json = JSON.stringify(data).replaceAll("\\", "\\\\")
    chunk += `${tenantId}\t${streamId}\t${version}\t${eventId}\t${type}\t1\t${json}\t${context}\n`
    if (chunk.length > 64 * 1024) {
      yield chunk
      chunk = ""
    }
  }
  yield chunk
}

const withClient = <A>(pool: Pool, use: (client: PoolClient) => Promise<A>) =>
  Effect.promise(async () => {
    const client = await pool.connect()
    try {
      return await use(client)
    } finally {
      client.release()
    }
  })
