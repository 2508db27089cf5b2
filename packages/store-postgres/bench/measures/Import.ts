/**
 * A whole log into a new database.
 */
import { Effect, Stream } from "effect"

import * as Transfer from "../../src/Transfer.ts"
import { contest, pace } from "../Contest.ts"
import { histories } from "../Histories.ts"
import { type Measure } from "../Measure.ts"
import * as RawTable from "../RawTable.ts"
import { versus } from "../Report.ts"
import * as Seed from "../Seed.ts"
import * as Server from "../Server.ts"

export const importing: Measure = {
  number: 3,
  title: "import",
  run: Effect.fn("Import")(function* ({ admin, quick }) {
    const size = quick ? 20_000 : 200_000
    const { lines, rows } = yield* Effect.scoped(exported(admin, size))

    const rates = yield* contest(
      [
        {
          name: "holdfast",
          run: Effect.scoped(
            Effect.gen(function* () {
              const { context } = yield* Server.holdfast(admin)
              const imported = Effect.map(Transfer.importLog(Stream.fromIterable(lines)), ({ events }) => events)
              return yield* pace(Effect.provide(imported, context))
            }),
          ),
        },
        {
          name: "COPY",
          run: Effect.scoped(
            Effect.gen(function* () {
              const { url } = yield* Server.holdfast(admin)
              const pool = yield* Server.pool(url)
              yield* RawTable.create(pool)
              return yield* pace(Effect.as(RawTable.load(pool, rows), size))
            }),
          ),
        },
      ],
      quick ? 2 : 5,
    )
    return [
      versus({ measure: 3, what: "import, against raw COPY of the same rows" }, rates("holdfast"), rates("COPY"), 0.8),
    ]
  }),
}

/** One log in both forms: as our own lines, and as PostgreSQL writes its rows. Both are at hand before the clock starts. */
const exported = Effect.fnUntraced(function* (admin: Parameters<typeof Server.holdfast>[0], size: number) {
  const { context, url } = yield* Server.holdfast(admin)
  yield* Seed.fill(url, histories(size))
  const lines = yield* Effect.provide(Stream.runCollect(Transfer.exportLog), context)
  return { lines, rows: yield* RawTable.dump(yield* Server.pool(url)) }
})
