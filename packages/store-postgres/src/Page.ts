/**
 * Rows of events, page by page.
 *
 * Our own SQL guarantees the envelope, so rows become events without being decoded;
 * what is inside is the business of codecs.
 */
import { type EventStore, type Ids } from "@holdfast/domain"
import { DateTime } from "effect"

/** The columns of a {@link Row}. The sealed part is asked for apart: it is the big one. */
export const columns =
  "position, tenant_id, stream_id, version, event_id, type, schema_version, data, metadata::text AS metadata, recorded_at"

export interface Row {
  readonly position: EventStore.Position
  readonly tenant_id: Ids.TenantId
  readonly stream_id: EventStore.StreamId
  readonly version: number
  readonly event_id: Ids.EventId
  readonly type: string
  readonly schema_version: number
  readonly data: EventStore.EncodedEvent["data"]
  /** JSON, not yet parsed. */
  readonly metadata: string
  readonly recorded_at: Date
  readonly sealed?: Uint8Array | null
}

/** Events that follow each other often come from one append: what they have in common is made once, and shared. */
export const recorded = (rows: ReadonlyArray<Row>): ReadonlyArray<EventStore.Recorded<EventStore.EncodedEvent>> => {
  const metadataOf = rememberingLast((text: string): EventStore.Metadata => JSON.parse(text))
  const momentOf = rememberingLast((millis: number) => DateTime.makeUnsafe(millis))
  return rows.map((row) => {
    const { data, event_id: id, schema_version: schemaVersion, sealed, type } = row
    return {
      event:
        sealed === null || sealed === undefined
          ? { id, type, schemaVersion, data }
          : { id, type, schemaVersion, data, sealed },
      tenantId: row.tenant_id,
      streamId: row.stream_id,
      version: row.version,
      position: row.position,
      metadata: metadataOf(row.metadata),
      recordedAt: momentOf(row.recorded_at.getTime()),
    }
  })
}

const rememberingLast = <Key extends string | number, A>(make: (key: Key) => A) => {
  let last: { readonly key: Key; readonly made: A } | undefined
  return (key: Key): A => {
    if (last?.key !== key) last = { key, made: make(key) }
    return last.made
  }
}

/** How many rows the first page has: few, because they may be big. */
export const first = 64

/** How many rows the next page has: as many as fit into a few megabytes, going by the last one. */
export const next = (rows: ReadonlyArray<Row>, size: number): number => {
  const sealed = rows.reduce((sum, { sealed }) => sum + (sealed?.byteLength ?? 0), 0) / rows.length
  return Math.max(1, Math.min(size * 4, most, Math.floor(budget / (sealed + clearOf(rows) + 1))))
}

/** Characters of the clear part of one of these rows, going by some that are spread over them and fall into no step. */
const clearOf = (rows: ReadonlyArray<Row>) => {
  const some = Array.from(
    { length: weighed },
    (_, index) => rows[Math.floor(((index * goldenRatio) % 1) * rows.length)],
  )
  return some.reduce((sum, row) => sum + JSON.stringify(row?.data ?? {}).length, 0) / weighed
}

const weighed = 16

const goldenRatio = (1 + Math.sqrt(5)) / 2

const most = 1_000

const budget = 4 * 1024 * 1024
