/**
 * What stands in the log stands there for ever: these lines may be added to, and
 * never changed.
 */
import { readFileSync } from "node:fs"

import { assert, layer } from "@effect/vitest"
import { DateTime, Effect, Schema } from "effect"

import {
  Account,
  Connection,
  Controls,
  EnrichedBooking,
  EnrichmentReview,
  EnrichmentRuns,
  EventCodec,
  EventStore,
  Feed,
  Ids,
  Sealer,
} from "../src/index.ts"

const Line = Schema.Struct({
  type: Schema.String,
  schemaVersion: Schema.Natural,
  data: Schema.Record(Schema.String, Schema.Json),
})

const golden = Schema.decodeSync(Schema.fromJsonString(Schema.Record(Schema.String, Schema.Array(Line))))(
  readFileSync(new URL("storageFormat.json", import.meta.url), "utf8"),
)

layer(Sealer.Sealer.layerMemory)("the storage format", (it) => {
  for (const [name, codec] of [
    ["connection", Connection],
    ["feed", Feed],
    ["account", Account],
    ["booking", EnrichedBooking],
    ["enrichment", EnrichmentReview],
    ["enrichment_runs", EnrichmentRuns],
    ["controls", Controls],
  ] as const) {
    const lines = golden[name] ?? []

    it.effect(`has an example of every event of a ${name}`, () =>
      Effect.sync(() => {
        assert.deepStrictEqual(new Set(lines.map(({ type }) => type)), new Set(Object.keys(codec.Event.cases)))
      }),
    )

    for (const [index, line] of lines.entries()) {
      it.effect(`reads and writes ${name} ${line.type} (${index}) as ever`, () =>
        Effect.gen(function* () {
          const either = codec as EventCodec.EventCodec<Event>
          const { event } = yield* EventCodec.decode(either)({
            event: { id, ...line },
            tenantId,
            streamId,
            version: 1,
            position: EventStore.beginning,
            metadata: { actor: Ids.system },
            recordedAt: DateTime.makeUnsafe(0),
          })
          assert.deepStrictEqual(yield* EventCodec.encode(either)(tenantId, streamId, id, event), { id, ...line })
        }),
      )
    }
  }
})

type Event =
  | Connection.Event
  | Feed.Event
  | Account.Event
  | EnrichedBooking.Event
  | EnrichmentReview.Event
  | EnrichmentRuns.Event
  | Controls.Event

const tenantId = Ids.TenantId.make("acme")
const streamId = EventStore.StreamId.make("feed-1")
const id = Ids.EventId.make("00000000-0000-4000-8000-000000000001")
