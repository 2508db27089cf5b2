/**
 * Compares a view with the log, row by row.
 */
import { Effect } from "effect"

import { beginning, type Position } from "./EventStore.ts"
import * as Projection from "./Projection.ts"
import { type Owned, type Row, type Tagged } from "./Projection.ts"
import { open } from "./ProjectionBatch.ts"
import { foldLog } from "./ProjectionFold.ts"
import { isSame, suspectsOf } from "./ProjectionSuspects.ts"
import { type Options } from "./Rebuild.ts"
import { type Build, type DeadLetter, ViewStore } from "./ViewStore.ts"

/** What a comparison of a live build with the log found: only the keys, for rows may be personal. */
export interface Verified {
  readonly build: Build
  /** Rows that are right. */
  readonly equal: number
  readonly missing: ReadonlyArray<Owned<Row>>
  readonly extra: ReadonlyArray<Owned<Row>>
  readonly different: ReadonlyArray<Owned<Row>>
  /** What was passed over on the way, in the build as in the comparison. */
  readonly deadLetters: ReadonlyArray<DeadLetter>
}

/**
 * Folds the log again, all of it in memory, and compares every row of the live build with what it should be. The
 * build may be advanced meanwhile: what differs is looked at again where the build then stands.
 */
export const verify = Effect.fn("Verify.verify")(function* <R extends Row, Event extends Tagged>(
  projection: Projection.Projection<R, Event>,
  options: Pick<Options, "onProgress"> = {},
) {
  const store = yield* ViewStore
  const { onProgress = () => Effect.void } = options
  let ground = yield* open(projection)
  const held = Projection.holdAll<R>()
  const until = ground.build.position
  const foldTo = (after: Position, to: Position) =>
    foldLog(projection, ground, held, { after, to, poison: "pause" }, ({ count, position }) =>
      Effect.as(onProgress({ phase: "folding", position, until, events: count }), false),
    )
  yield* foldTo(beginning, until)
  const columns = Object.keys(projection.columns)
  const { rows, suspects } = yield* suspectsOf(projection, ground.build, held, { columns, onProgress })
  const missing: Array<Owned<Row>> = []
  const extra: Array<Owned<Row>> = []
  const different: Array<Owned<Row>> = []
  while (suspects.size > 0) {
    const at = ground.build.position
    ground = yield* open(projection)
    yield* foldTo(at, ground.build.position)
    const before = ground.build.position
    const stored = Projection.hold(projection, yield* store.load(projection, ground.build, [...suspects.values()]))
    const shown = new Map(Array.from(suspects.keys(), (address) => [address, held.rows.get(address)]))
    ground = yield* open(projection)
    yield* foldTo(before, ground.build.position)
    for (const [address, key] of suspects) {
      // It was changed while it was looked at: look again.
      const owned = held.rows.get(address)
      if (owned !== shown.get(address)) continue
      suspects.delete(address)
      const [is, should] = [stored.rows.get(address)?.row, owned?.row]
      if (isSame(columns, is, should)) continue
      const found = is === undefined ? missing : should === undefined ? extra : different
      found.push(key as Owned<Row>)
    }
  }
  const { build, letters: deadLetters } = ground
  return {
    build,
    equal: rows - extra.length - different.length,
    missing,
    extra,
    different,
    deadLetters,
  } satisfies Verified
})
