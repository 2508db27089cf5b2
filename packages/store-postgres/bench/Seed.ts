/**
 * A log of some size, to read from.
 */
import { Effect } from "effect"

import { type Line } from "./Histories.ts"
import * as RawTable from "./RawTable.ts"
import * as Server from "./Server.ts"

/** Fills an empty log by COPY, as a superuser may, and lets the server settle. */
export const fill = (url: string, lines: Iterable<Line>) =>
  Effect.scoped(
    Effect.gen(function* () {
      const pool = yield* Server.pool(url)
      yield* RawTable.copy(pool, lines, "holdfast.events")
      yield* Effect.promise(() => pool.query(`VACUUM ANALYZE holdfast.events`))
      yield* Effect.promise(() => pool.query(`CHECKPOINT`))
    }),
  )
