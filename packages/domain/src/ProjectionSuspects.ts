/**
 * Which rows of a build are not as the log gives them, at a first look: the build may be advanced meanwhile, so whoever
 * asks looks at these again.
 */
import { Effect, Equal, Stream } from "effect"

import * as Projection from "./Projection.ts"
import { type Owned, type Row } from "./Projection.ts"
import { type Options } from "./Rebuild.ts"
import { type Build, ViewStore } from "./ViewStore.ts"

interface Look {
  /** Those in which a row is compared. */
  readonly columns: ReadonlyArray<string>
  readonly onProgress: NonNullable<Options["onProgress"]>
}

/** By their addresses, with how many rows the build has. */
export const suspectsOf = Effect.fnUntraced(function* <R extends Row>(
  view: Projection.View<R>,
  build: Build,
  held: Projection.Held<R>,
  { columns, onProgress }: Look,
) {
  const store = yield* ViewStore
  const { position } = build
  const suspects = new Map<string, Owned<Partial<R>>>()
  const unseen = new Set(held.rows.keys())
  let rows = 0
  yield* Stream.runForEach(store.rows(view, build), (owned) => {
    const address = Projection.rowKey(view, owned.tenantId, owned.row)
    rows += 1
    unseen.delete(address)
    if (!isSame(columns, owned.row, held.rows.get(address)?.row)) suspects.set(address, Projection.keyOf(view, owned))
    return rows % 10_000 === 0
      ? onProgress({ phase: "comparing", position, until: position, events: rows })
      : Effect.void
  })
  for (const address of unseen) {
    const owned = held.rows.get(address)
    if (owned !== undefined) suspects.set(address, Projection.keyOf(view, owned))
  }
  return { rows, suspects }
})

/** Whether they say the same in these columns, or both are absent. */
export const isSame = (columns: ReadonlyArray<string>, a: Row | undefined, b: Row | undefined): boolean =>
  a === undefined || b === undefined ? a === b : columns.every((column) => Equal.equals(a[column], b[column]))

export const differing = (columns: ReadonlyArray<string>, a: Row, b: Row): ReadonlyArray<string> =>
  columns.filter((column) => !Equal.equals(a[column], b[column]))
