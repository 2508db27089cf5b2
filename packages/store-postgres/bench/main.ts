/**
 * `npm run bench -- [--only 1,4] [--quick] [--json FILE]`
 *
 * Measures the library against raw SQL and against a peer, all of them in turns on one PostgreSQL: an embedded one, or
 * the one that BENCH_DATABASE_URL names. Exits with 0 whatever the figures are: they depend on the machine.
 */
import { parseArgs } from "node:util"

import { Effect, Logger } from "effect"

import { type Measure } from "./Measure.ts"
import { backtesting } from "./measures/Backtesting.ts"
import { batchAppend } from "./measures/BatchAppend.ts"
import { commitToView } from "./measures/CommitToView.ts"
import { deciding } from "./measures/Deciding.ts"
import { firstSync } from "./measures/FirstSync.ts"
import { importing } from "./measures/Import.ts"
import { items } from "./measures/Items.ts"
import { matching } from "./measures/Matching.ts"
import { rebuild } from "./measures/Rebuild.ts"
import { replay } from "./measures/Replay.ts"
import { singleAppend } from "./measures/SingleAppend.ts"
import { slice } from "./measures/Slice.ts"
import { heading, jsonLines, line } from "./Report.ts"
import * as Server from "./Server.ts"

const measures: ReadonlyArray<Measure> = [
  singleAppend,
  batchAppend,
  importing,
  replay,
  rebuild,
  commitToView,
  slice,
  deciding,
  backtesting,
  matching,
  items,
  firstSync,
]

const { values: options } = parseArgs({
  options: {
    only: { type: "string" },
    quick: { type: "boolean", default: false },
    json: { type: "string" },
  },
})

const chosen = options.only?.split(",").map(Number)

const bench = Effect.gen(function* () {
  const admin = yield* Server.adminUrl
  const record = options.json === undefined ? undefined : jsonLines(options.json)
  console.log(heading())
  for (const { number, run } of measures) {
    if (chosen !== undefined && !chosen.includes(number)) continue
    const findings = yield* Effect.scoped(run({ admin, quick: options.quick }))
    for (const finding of findings) {
      console.log(line(finding))
      record?.(finding)
    }
  }
})

// What syncs say of themselves is not what is measured.
await Effect.runPromise(Effect.provide(Effect.scoped(bench), Logger.layer([])))
