/**
 * What would be otherwise if another version of a view were live: before it is.
 */
import { Effect, Schema } from "effect"

import { beginning, type Position } from "./EventStore.ts"
import * as Projection from "./Projection.ts"
import { type Owned, type Row, type Tagged } from "./Projection.ts"
import { foldLog, groundOf } from "./ProjectionFold.ts"
import { differing, isSame, suspectsOf } from "./ProjectionSuspects.ts"
import type * as Rebuild from "./Rebuild.ts"
import { type Build, ViewStore } from "./ViewStore.ts"

/** A row that would be another one. */
export interface Difference {
  /** Whose it is, and its key. */
  readonly key: Owned<Partial<Row>>
  /** The columns in which it would differ; none where the row would come or go. */
  readonly columns: ReadonlyArray<string>
  /** Perhaps personal data. */
  readonly is: Row | undefined
  readonly wouldBe: Row | undefined
}

/** How often a column would differ. */
export interface Column {
  readonly column: string
  /** It has a value, and would have another one. */
  readonly changed: number
  /** It has none, and would have one. */
  readonly filled: number
  /** It has one, and would have none. */
  readonly emptied: number
}

export interface Compared {
  /** The live build that was compared. */
  readonly build: Build
  /** The version that it was compared with. */
  readonly version: number
  readonly equal: number
  readonly coming: number
  readonly going: number
  readonly differing: number
  /** Those that would differ at all, in the order of the definition. */
  readonly columns: ReadonlyArray<Column>
  readonly differences: ReadonlyArray<Difference>
}

/** The view has no live build: there is nothing to compare with. */
export class NothingToCompare extends Schema.TaggedError<NothingToCompare>()("NothingToCompare", {
  view: Schema.String,
}) {}

export interface Options extends Pick<Rebuild.Options, "onProgress"> {
  /** Columns that differ by their nature, such as the version of what read a row. */
  readonly ignoring?: ReadonlyArray<string> | undefined
}

/**
 * Folds the log with this definition up to where the live build stands, all of it in memory, and compares the rows.
 * Nothing is written and nothing is swapped: `Rebuild.rebuild` does that, once this is found to be good. The columns of
 * both must be the same.
 *
 * The build may be advanced meanwhile: what differs is looked at once more where it then stands.
 */
export const compare = Effect.fn("Comparison.compare")(function* <R extends Row, Event extends Tagged>(
  projection: Projection.Projection<R, Event>,
  { ignoring = [], onProgress = () => Effect.void }: Options = {},
) {
  const store = yield* ViewStore
  const liveBuild = Effect.flatMap(store.builds, (builds) => {
    const live = builds.find(({ state, view }) => view === projection.name && state === "live")
    return live === undefined ? new NothingToCompare({ view: projection.name }) : Effect.succeed(live)
  })
  const columns = Object.keys(projection.columns).filter((column) => !ignoring.includes(column))
  const held = Projection.holdAll<R>()
  const ground = yield* groundOf(projection, yield* liveBuild)
  const foldTo = (after: Position, to: Position) =>
    foldLog(projection, ground, held, { after, to, poison: "skip" }, ({ count, position }) =>
      Effect.as(onProgress({ phase: "folding", position, until: to, events: count }), false),
    )
  const { position } = ground.build
  yield* foldTo(beginning, position)
  const { rows, suspects } = yield* suspectsOf(projection, ground.build, held, { columns, onProgress })
  const stored = Projection.hold(projection, yield* store.load(projection, ground.build, [...suspects.values()]))
  const build = yield* liveBuild
  if (build.position > position) yield* foldTo(position, build.position)
  const differences = Array.from(suspects).flatMap(([address, key]): ReadonlyArray<Difference> => {
    const [is, wouldBe] = [stored.rows.get(address)?.row, held.rows.get(address)?.row]
    if (isSame(columns, is, wouldBe)) return []
    const changed = is === undefined || wouldBe === undefined ? [] : differing(columns, is, wouldBe)
    return [{ key, columns: changed, is, wouldBe }]
  })
  const changes = differences.filter(({ columns }) => columns.length > 0)
  const coming = differences.filter(({ is }) => is === undefined).length
  const going = differences.filter(({ wouldBe }) => wouldBe === undefined).length
  return {
    build,
    version: projection.version,
    equal: rows - going - changes.length,
    coming,
    going,
    differing: changes.length,
    columns: columns.flatMap((column) => counted(column, changes) ?? []),
    differences,
  } satisfies Compared
})

const counted = (column: string, changes: ReadonlyArray<Difference>): Column | undefined => {
  const concerned = changes.filter(({ columns }) => columns.includes(column))
  if (concerned.length === 0) return undefined
  const filled = concerned.filter(({ is }) => is?.[column] === null).length
  const emptied = concerned.filter(({ wouldBe }) => wouldBe?.[column] === null).length
  return { column, filled, emptied, changed: concerned.length - filled - emptied }
}
