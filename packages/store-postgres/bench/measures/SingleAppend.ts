/**
 * One event per append: what most commands cause.
 */
import { EventStore } from "@holdfast/domain"
import { Context, Effect } from "effect"

import { contest, type Load, promisedThroughput, throughput } from "../Contest.ts"
import * as Emmett from "../Emmett.ts"
import { encoded, endless, metadata, tenantId } from "../Histories.ts"
import { type Measure } from "../Measure.ts"
import * as RawTable from "../RawTable.ts"
import { versus } from "../Report.ts"
import * as Server from "../Server.ts"

export const singleAppend: Measure = {
  number: 1,
  title: "single append, 32 concurrent",
  run: Effect.fn("SingleAppend")(function* ({ admin, quick }) {
    const load: Load = { callers: 32, seconds: quick ? 0.5 : 3 }
    const { context, url } = yield* Server.holdfast(admin)
    const pool = yield* Server.pool(url)
    yield* RawTable.create(pool)
    const emmett = yield* Emmett.open(yield* Server.database(admin))
    const ours = Context.get(context, EventStore.EventStore)

    const rates = yield* contest(
      [
        { name: "holdfast", run: throughput(() => appending(ours), load) },
        {
          name: "raw",
          run: promisedThroughput(() => {
            const next = endless()
            return () => RawTable.insert(pool, next())
          }, load),
        },
        {
          name: "emmett",
          run: promisedThroughput(() => {
            const next = endless()
            return () => {
              const line = next()
              return emmett.store.appendToStream(line.streamId, [Emmett.eventOf(line)], {
                expectedStreamVersion: line.version === 1 ? "STREAM_DOES_NOT_EXIST" : BigInt(line.version - 1),
              })
            }
          }, load),
        },
      ],
      quick ? 2 : 7,
    )
    return [
      versus(
        { measure: 1, what: "single append, 32 concurrent, against raw INSERT" },
        rates("holdfast"),
        rates("raw"),
        0.6,
      ),
      versus(
        { measure: 1, what: "single append, 32 concurrent, against Emmett" },
        rates("holdfast"),
        rates("emmett"),
        3,
      ),
    ]
  }),
}

const appending = (store: EventStore.EventStore["Service"]) => {
  const next = endless()
  return Effect.suspend(() => {
    const line = next()
    return store.append({
      tenantId,
      streams: [
        {
          streamId: EventStore.StreamId.make(line.streamId, { disableChecks: true }),
          expected: line.version === 1 ? "none" : line.version - 1,
          events: [encoded(line)],
        },
      ],
      metadata,
    })
  })
}
