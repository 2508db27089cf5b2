/**
 * Makes a view anew beside the live one, and swaps them.
 */
import { Effect, Result, Schema, Stream } from "effect"

import { beginning, EventLog, type Position } from "./EventStore.ts"
import * as Projection from "./Projection.ts"
import { type Row, type Tagged } from "./Projection.ts"
import * as ProjectionBatch from "./ProjectionBatch.ts"
import { type Prepared } from "./ProjectionEvents.ts"
import { foldLog, type Ground, groundOf, poisonEvent } from "./ProjectionFold.ts"
import { type Build, ViewStore } from "./ViewStore.ts"

/** How far a rebuild or a verification has come. */
export interface Progress {
  readonly phase: "folding" | "filling" | "catching-up" | "comparing"
  readonly position: Position
  /** Where the log ended when the phase began. */
  readonly until: Position
  /** Events read so far. */
  readonly events: number
}

export interface Options extends ProjectionBatch.Options {
  readonly onProgress?: ((progress: Progress) => Effect.Effect<void>) | undefined
  /** About how many bytes of rows are held in memory. 96 MB by default. */
  readonly memory?: number | undefined
}

/** The same rebuild was begun again elsewhere and goes on there. */
export class RebuildTakenOver extends Schema.TaggedError<RebuildTakenOver>()("RebuildTakenOver", {
  view: Schema.String,
}) {}

/**
 * Builds a view anew beside the live one and swaps them when it has come as far. Readers notice nothing.
 *
 * The log is folded in memory up to its head, as long as the rows fit; the rows are then written in bulk, and the
 * rest is caught up in transactions. What is written has a checkpoint: a rebuild that was interrupted goes on from
 * there when it is asked for again, and one that had not written anything begins again. Interrupting it leaves the
 * live view as it was.
 */
export const rebuild = Effect.fn("Rebuild.rebuild")(function* <R extends Row, Event extends Tagged>(
  projection: Projection.Projection<R, Event>,
  options: Options = {},
) {
  const store = yield* ViewStore
  const log = yield* EventLog
  const { onProgress = () => Effect.void } = options
  const begun = yield* store.beginBuild(projection)

  return yield* Effect.gen(function* () {
    let ground =
      begun.position === beginning ? yield* fillFromLog(projection, begun, options) : yield* groundOf(projection, begun)
    while (true) {
      const until = yield* log.head
      yield* onProgress({ phase: "catching-up", position: ground.build.position, until, events: 0 })
      ground = yield* ProjectionBatch.advance(projection, ground, until, {
        ...options,
        batchSize: options.batchSize ?? 5000,
      }).pipe(Effect.catchTag("ProjectionPaused", () => Effect.flatMap(poisonOf(begun), Effect.fail)))
      const swapped = yield* Effect.result(store.swap(ground.build))
      if (Result.isSuccess(swapped)) return swapped.success
      const isBehind = swapped.failure._tag === "BuildNotReady" && swapped.failure.problem === "behind-the-live-build"
      if (!isBehind) return yield* Effect.fail(swapped.failure)
    }
  }).pipe(Effect.catchTag("CheckpointMoved", () => Effect.fail(new RebuildTakenOver({ view: projection.name }))))
})

/** Makes the build that was live before the last swap live again. */
export const rollback = Effect.fn("Rebuild.rollback")(function* (view: Pick<Projection.View, "name">) {
  const store = yield* ViewStore
  return yield* store.rollback(view.name)
})

/** Fills an empty build with as much of the log as fits into memory. */
const fillFromLog = Effect.fnUntraced(function* <R extends Row, Event extends Tagged>(
  projection: Projection.Projection<R, Event>,
  build: Build,
  options: Options,
) {
  const store = yield* ViewStore
  const log = yield* EventLog
  const { memory = 96_000_000, onProgress = () => Effect.void, poison = "pause" } = options
  const until = yield* log.head
  const held = Projection.holdAll<R>()
  const weigh = scales(projection, held)
  const ground = yield* groundOf(projection, build)
  const range = { after: beginning, to: until, poison }
  const folded = yield* foldLog(projection, ground, held, range, ({ count, events, position }) =>
    Effect.as(onProgress({ phase: "folding", position, until, events: count }), weigh(events) > memory),
  )
  yield* onProgress({ phase: "filling", position: folded.position, until, events: held.rows.size })
  return yield* store
    .fill(projection, build, folded.position, Stream.fromIterable(held.rows.values()), folded.letters)
    .pipe(
      Effect.map((build): Ground => ({ build, letters: folded.letters })),
      // Somewhere is a row that cannot be stored. Transactions find the event that made it.
      Effect.catchTag("RowsRefused", () => Effect.succeed(ground)),
    )
})

/** Estimates the bytes of the rows held, by looking at one row of each page. */
const scales = <R extends Row, Event extends Tagged>(
  projection: Projection.Projection<R, Event>,
  held: Projection.Held<R>,
) => {
  let looked = 0
  let bytes = 0
  return (page: ReadonlyArray<Prepared<R, Event>>) => {
    const sample = page.at(-1)
    const [key] = sample?.keys ?? []
    const row = key && sample && held.rows.get(Projection.rowKey(projection, sample.recorded.tenantId, key))?.row
    if (row !== undefined) {
      looked += 1
      bytes += 300 + 2 * JSON.stringify(row).length
    }
    return looked === 0 ? 0 : (held.rows.size * bytes) / looked
  }
}

const poisonOf = Effect.fnUntraced(function* (build: Build) {
  const { letters } = yield* groundOf({ name: build.view }, build)
  const paused = letters.find(({ state }) => state === "paused")
  return paused === undefined ? yield* Effect.die("a rebuild was paused by hand") : poisonEvent(paused)
})
