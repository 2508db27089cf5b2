/**
 * How long after a commit its row can be read, when nothing else is going on.
 */
import { Connection, ConnectionsView, EventStore, ProjectionRunner } from "@holdfast/domain"
import { Context, Effect } from "effect"

import { quantile } from "../Contest.ts"
import { encoded, endless, metadata, tenantId } from "../Histories.ts"
import { type Measure } from "../Measure.ts"
import { type Finding } from "../Report.ts"
import * as Server from "../Server.ts"

export const commitToView: Measure = {
  number: 6,
  title: "commit to row in the view, idle",
  run: Effect.fn("CommitToView")(function* ({ admin, quick }) {
    const repetitions = quick ? 50 : 500
    const { context, url } = yield* Server.holdfast(admin)
    const store = Context.get(context, EventStore.EventStore)
    const pool = yield* Server.pool(url)
    // There is a view to look at once it has come to the end of an empty log.
    yield* Effect.provide(ProjectionRunner.catchUp(ConnectionsView), context)
    yield* Effect.forkScoped(Effect.provide(ProjectionRunner.run(ConnectionsView), context))

    const millis: Array<number> = []
    for (let repetition = -20; repetition < repetitions; repetition++) {
      const line = endless()()
      const streamId = EventStore.StreamId.make(line.streamId)
      yield* store.append({ tenantId, streams: [{ streamId, expected: "none", events: [encoded(line)] }], metadata })
      const committed = performance.now()
      // Looked at from outside and lightly, so that looking does not keep the runner from its work.
      const isThere = Effect.promise(() =>
        pool.query({
          name: "look",
          text: `SELECT FROM holdfast.connections WHERE connection_id = $1`,
          values: [Connection.idOf(streamId)],
        }),
      )
      yield* Effect.repeat(isThere, { until: ({ rowCount }) => rowCount === 1 })
      if (repetition >= 0) millis.push(performance.now() - committed)
      // Not in step with any timer of the runner's.
      yield* Effect.sleep(`${20 + Math.random() * 60} millis`)
    }
    const what = "commit to row in the view, idle"
    return [
      { measure: 6, what: `${what}, p50`, unit: "ms", samples: [quantile(millis, 0.5)], bar: { atMost: 5 } },
      { measure: 6, what: `${what}, p99`, unit: "ms", samples: [quantile(millis, 0.99)], bar: { atMost: 30 } },
    ] satisfies ReadonlyArray<Finding>
  }),
}
