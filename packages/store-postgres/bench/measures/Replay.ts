/**
 * Reading the whole log as domain events: what every fold pays.
 */
import { Connection, EventCodec, EventStore } from "@holdfast/domain"
import { Context, Effect, Stream } from "effect"

import { RunnerSql } from "../../src/RunnerSql.ts"
import { contest, pace } from "../Contest.ts"
import { histories } from "../Histories.ts"
import { type Measure } from "../Measure.ts"
import { versus } from "../Report.ts"
import * as Seed from "../Seed.ts"
import * as Server from "../Server.ts"

export const replay: Measure = {
  number: 4,
  title: "replay with decoding",
  run: Effect.fn("Replay")(function* ({ admin, quick }) {
    const size = quick ? 20_000 : 250_000
    const { context, url } = yield* Server.holdfast(admin)
    yield* Seed.fill(url, histories(size))
    const log = Context.get(context, EventStore.EventLog)
    const sql = Context.get(context, RunnerSql).withoutTransforms()
    const decode = EventCodec.decodeStream(Connection)

    const counted = <E, R>(events: Stream.Stream<unknown, E, R>) =>
      pace(
        Stream.runFold(
          events,
          () => 0,
          (count) => count + 1,
        ),
      )
    const rates = yield* contest(
      [
        {
          name: "holdfast",
          run: counted(decode(log.read(EventStore.beginning))),
        },
        { name: "encoded", run: counted(log.read(EventStore.beginning)) },
        {
          name: "sql.stream",
          run: counted(
            sql`
              SELECT position, tenant_id, stream_id, version, event_id, type, schema_version, data, metadata, recorded_at, sealed
              FROM holdfast.events ORDER BY position`.stream,
          ),
        },
      ],
      quick ? 2 : 5,
    ).pipe(Effect.provide(context))
    return [
      versus(
        { measure: 4, what: "replay with decoding, against sql.stream" },
        rates("holdfast"),
        rates("sql.stream"),
        0.5,
      ),
      versus(
        { measure: 4, what: "replay without decoding, against sql.stream" },
        rates("encoded"),
        rates("sql.stream"),
      ),
    ]
  }),
}
