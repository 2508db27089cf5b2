/**
 * A hundred events per append: a page of a sync.
 */
import { EventStore } from "@holdfast/domain"
import { Context, Effect } from "effect"

import { contest, type Load, promisedThroughput, throughput } from "../Contest.ts"
import * as Emmett from "../Emmett.ts"
import { encoded, endless, type Line, metadata, tenantId } from "../Histories.ts"
import { type Measure } from "../Measure.ts"
import * as RawTable from "../RawTable.ts"
import { versus } from "../Report.ts"
import * as Server from "../Server.ts"

export const batchAppend: Measure = {
  number: 2,
  title: "append of 100 events, 8 concurrent",
  run: Effect.fn("BatchAppend")(function* ({ admin, quick }) {
    const load: Load = { callers: 8, seconds: quick ? 0.5 : 3 }
    const { context, url } = yield* Server.holdfast(admin)
    const pool = yield* Server.pool(url)
    yield* RawTable.create(pool)
    const emmett = yield* Emmett.open(yield* Server.database(admin))
    const ours = Context.get(context, EventStore.EventStore)

    const rates = yield* contest(
      [
        { name: "holdfast", run: throughput(() => appending(ours), load, size) },
        {
          name: "raw",
          run: promisedThroughput(
            () => {
              const next = batches()
              return () => RawTable.insertMany(pool, next().lines)
            },
            load,
            size,
          ),
        },
        {
          name: "emmett",
          run: promisedThroughput(
            () => {
              const next = batches()
              return () => {
                const { before, lines, streamId } = next()
                return emmett.store.appendToStream(streamId, lines.map(Emmett.eventOf), {
                  expectedStreamVersion: BigInt(before),
                })
              }
            },
            load,
            size,
          ),
        },
      ],
      quick ? 2 : 7,
    )
    const what = "append of 100 events, 8 concurrent"
    return [
      versus({ measure: 2, what: `${what}, against raw unnest` }, rates("holdfast"), rates("raw"), 0.85),
      versus({ measure: 2, what: `${what}, against Emmett` }, rates("holdfast"), rates("emmett")),
    ]
  }),
}

const size = 100

/** Batch after batch of one stream. */
const batches = () => {
  const next = endless()
  return () => {
    const lines = Array.from({ length: size }, next) as [Line, ...ReadonlyArray<Line>]
    const [{ streamId, version }] = lines
    return { streamId, before: version - 1, lines }
  }
}

const appending = (store: EventStore.EventStore["Service"]) => {
  const next = batches()
  return Effect.suspend(() => {
    const { before, lines, streamId } = next()
    return store.append({
      tenantId,
      streams: [
        {
          streamId: EventStore.StreamId.make(streamId, { disableChecks: true }),
          expected: before,
          events: lines.map(encoded),
        },
      ],
      metadata,
    })
  })
}
