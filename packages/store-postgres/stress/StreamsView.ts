/**
 * A view whose rows depend on every event and on their order: one row for each stream.
 */
import { type EventCodec, type EventStore, type Projection } from "@holdfast/domain"
import { Schema } from "effect"

import { eventType, Mark } from "./Plan.ts"

const Event = Schema.TaggedUnion({ [eventType]: Mark.fields })
type Event = typeof Event.Type

const codec: EventCodec.EventCodec<Event> = { Event }

export type Row = {
  readonly stream_id: string
  readonly events: number
  readonly version: number
  readonly position: number
  /** Of what was read, in order. */
  readonly digest: number
}

export const streamsView: Projection.Projection<Row, Event> = {
  name: "stress_streams",
  version: 1,
  codecs: { hot: codec, many: codec, claiming: codec },
  personal: false,
  columns: { stream_id: "text", events: "bigint", version: "bigint", position: "bigint", digest: "bigint" },
  key: ["stream_id"],
  touches: ({ streamId }) => [{ stream_id: streamId }],
  evolve: (row, { event, position, streamId, version }) => ({
    stream_id: streamId,
    events: (row?.events ?? 0) + 1,
    version,
    position: Number(position),
    digest: digestOf(row?.digest ?? 0, event.plan, version),
  }),
}

const digestOf = (digest: number, plan: string, version: number) => {
  let value = (digest * 31 + version) % 2_147_483_647
  for (const character of plan) value = (value * 31 + (character.codePointAt(0) ?? 0)) % 2_147_483_647
  return value
}

/** One event as this view is given it. */
export type Recorded = EventStore.Recorded<Event>
