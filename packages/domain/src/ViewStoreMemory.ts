/**
 * Views in memory: the same builds, fences and refusals as in a database.
 *
 * It yields before every step, so that races show.
 */
import { Context, Deferred, Duration, Effect, Layer, Option, Stream } from "effect"

import { beginning, type Position } from "./EventStore.ts"
import { type TenantId } from "./Ids.ts"
import { matches, type Owned, type Row, rowKey, type View } from "./Projection.ts"
import * as Storable from "./Storable.ts"
import {
  type Batch,
  type Build,
  BuildNotReady,
  CheckpointMoved,
  type DeadLetter,
  OutdatedProjection,
  Views,
  ViewStore,
  type Where,
} from "./ViewStore.ts"

/** Empty, and of its own for each time it is built. */
export const layer: Layer.Layer<Views | ViewStore> = Layer.effectContext(
  Effect.sync(() => {
    let all: ReadonlyArray<Kept> = []
    let letters: ReadonlyArray<DeadLetter> = []
    const numbers = new Map<string, number>()
    let moved = Deferred.makeUnsafe<void>()

    const liveOf = (view: string) => all.find(({ build }) => build.view === view && build.state === "live")

    const replace = (next: Build, rows?: Map<string, Owned<Row>>) => {
      all = all.map((kept) => (isSame(kept.build, next) ? { build: next, rows: rows ?? kept.rows } : kept))
      const waiting = moved
      moved = Deferred.makeUnsafe<void>()
      Deferred.doneUnsafe(waiting, Effect.void)
      return next
    }

    const discard = (gone: Build) => {
      all = all.filter(({ build }) => !isSame(build, gone))
      letters = letters.filter((letter) => letter.view !== gone.view || letter.build !== gone.number)
    }

    const settle = (build: Build, resolved: ReadonlyArray<Position>, recorded: ReadonlyArray<DeadLetter>) => {
      const settled = new Set([...resolved, ...recorded.map(({ position }) => position)])
      letters = [
        ...letters.filter((at) => at.view !== build.view || at.build !== build.number || !settled.has(at.position)),
        ...recorded,
      ]
    }

    /** The build as it is now, if nobody moved it on since it was read. */
    const standing = (build: Build) => {
      const kept = all.find((kept) => isSame(kept.build, build))
      const fenced =
        kept === undefined ||
        kept.build.state === "retired" ||
        kept.build.epoch !== build.epoch ||
        kept.build.position !== build.position
      return fenced ? new CheckpointMoved({ view: build.view, build: build.number }) : Effect.succeed(kept)
    }

    const begin = (view: View, state: "building" | "live"): Build => {
      const number = 1 + (numbers.get(view.name) ?? 0)
      numbers.set(view.name, number)
      const build = { view: view.name, number, version: view.version, state, position: beginning, epoch: 1 } as const
      all = [{ build: { ...build, paused: undefined }, rows: new Map() }, ...all]
      return { ...build, paused: undefined }
    }

    const rowsOf = <R extends Row>(_: View<R>, build: Build): ReadonlyMap<string, Owned<R>> => {
      const kept = all.find((kept) => isSame(kept.build, build))
      // Whoever writes to a view and whoever reads it have the same definition of its rows.
      return (kept?.rows ?? new Map()) as ReadonlyMap<string, Owned<R>>
    }

    const find = <R extends Row>(view: View<R>, tenantId: TenantId, where: Where<R>) => {
      const live = liveOf(view.name)
      if (live === undefined) return []
      const conditions = Storable.conditionsOf(view, where)
      return [...rowsOf(view, live.build).values()].filter(
        ({ row, tenantId: owner }) =>
          owner === tenantId && conditions.every(([column, oneOf]) => oneOf.includes(row[column] ?? null)),
      )
    }

    const views = Views.of({
      query: Effect.fn("ViewStoreMemory.query")(function* (view, tenantId, query = {}) {
        yield* Effect.yieldNow
        const { limit, orderBy = [], where = {} } = query
        const sorted = find(view, tenantId, where)
          .map(({ row }) => row)
          .toSorted((a, b) => {
            for (const [column, direction] of [...orderBy, ...view.key.map((column) => [column, "asc"] as const)]) {
              const order = compare(a[column], b[column])
              if (order !== 0) return direction === "asc" ? order : -order
            }
            return 0
          })
        return limit === undefined ? sorted : sorted.slice(0, Math.max(0, limit))
      }),

      count: Effect.fn("ViewStoreMemory.count")(function* (view, tenantId, where = {}, atMost = Infinity) {
        yield* Effect.yieldNow
        return Math.min(find(view, tenantId, where).length, atMost)
      }),

      countBy: Effect.fn("ViewStoreMemory.countBy")(function* <R extends Row, Column extends keyof R & string>(
        view: View<R>,
        tenantId: TenantId,
        column: Column,
        where: Where<R> = {},
      ) {
        yield* Effect.yieldNow
        const counts = new Map<R[Column], number>()
        for (const { row } of find(view, tenantId, where)) counts.set(row[column], 1 + (counts.get(row[column]) ?? 0))
        return counts
      }),

      awaitPosition: Effect.fn("ViewStoreMemory.awaitPosition")(function* (view, position, within) {
        const isThere = () => (liveOf(view.name)?.build.position ?? beginning) >= position
        const arrival = Effect.gen(function* () {
          while (!isThere()) yield* Deferred.await(moved)
        })
        yield* Effect.yieldNow
        if (isThere() || Duration.isZero(Duration.fromInputUnsafe(within))) return isThere()
        return Option.isSome(yield* Effect.timeoutOption(arrival, within))
      }),
    })

    const store = ViewStore.of({
      builds: Effect.sync(() => all.map(({ build }) => build)),

      open: Effect.fn("ViewStoreMemory.open")(function* (view) {
        yield* Effect.yieldNow
        const live = liveOf(view.name)?.build ?? begin(definitionOf(view), "live")
        if (live.version > view.version) {
          return yield* new OutdatedProjection({ view: view.name, live: live.version, mine: view.version })
        }
        return live
      }),

      load: Effect.fn("ViewStoreMemory.load")(function* (view, build, keys) {
        yield* Effect.yieldNow
        const rows = rowsOf(view, build)
        return [...new Set(keys.map(({ row, tenantId }) => rowKey(view, tenantId, row)))].flatMap(
          (address) => rows.get(address) ?? [],
        )
      }),

      commit: Effect.fn("ViewStoreMemory.commit")(function* (view, build, to, batch) {
        yield* Effect.yieldNow
        yield* Storable.checkPatches(view, batch.patches)
        yield* Storable.check(view, batch.upserts)
        const kept = yield* standing(build)
        change(view, kept.rows, { ...batch, upserts: batch.upserts.map(readBack(view)) })
        settle(build, batch.resolved ?? [], batch.deadLetters ?? [])
        return replace({ ...kept.build, position: to, epoch: build.epoch + (to === build.position ? 1 : 0) })
      }),

      pause: Effect.fn("ViewStoreMemory.pause")(function* (build, reason, deadLetter) {
        yield* Effect.yieldNow
        yield* standing(build)
        if (deadLetter !== undefined) settle(build, [], [deadLetter])
        return replace({ ...build, paused: reason, epoch: build.epoch + 1 })
      }),

      unpause: Effect.fn("ViewStoreMemory.unpause")(function* (view) {
        yield* Effect.yieldNow
        const live = liveOf(view)?.build
        if (live === undefined) return yield* new BuildNotReady({ view, problem: "no-live-build" })
        if (live.paused === undefined) return yield* new BuildNotReady({ view, problem: "not-paused" })
        return replace({ ...live, paused: undefined, epoch: live.epoch + 1 })
      }),

      deadLetters: (view) =>
        Effect.sync(() =>
          letters
            .filter((letter) => view === undefined || letter.view === view)
            .toSorted((a, b) => compare(a.view, b.view) || a.build - b.build || (a.position < b.position ? -1 : 1)),
        ),

      beginBuild: Effect.fn("ViewStoreMemory.beginBuild")(function* (view) {
        yield* Effect.yieldNow
        const building = all.find(({ build }) => build.view === view.name && build.state === "building")?.build
        if (building?.version === view.version) {
          return replace({ ...building, epoch: building.epoch + 1, paused: undefined })
        }
        if (building !== undefined) discard(building)
        return begin(definitionOf(view), "building")
      }),

      fill: Effect.fn("ViewStoreMemory.fill")(function* (view, build, to, rows, deadLetters = []) {
        const filled = new Map<string, Owned<Row>>()
        yield* Stream.runForEachArray(rows, (some) =>
          Effect.map(Storable.check(view, some), () => {
            for (const owned of some) filled.set(rowKey(view, owned.tenantId, owned.row), readBack(view)(owned))
          }),
        )
        yield* standing(build)
        settle(build, [], deadLetters)
        return replace({ ...build, position: to, epoch: build.epoch + 1 }, filled)
      }),

      swap: Effect.fn("ViewStoreMemory.swap")(function* (build) {
        yield* Effect.yieldNow
        yield* standing(build)
        const { view } = build
        if (build.state !== "building") return yield* new BuildNotReady({ view, problem: "not-building" })
        const live = liveOf(view)?.build
        if (live !== undefined && live.position > build.position) {
          return yield* new BuildNotReady({ view, problem: "behind-the-live-build" })
        }
        const retired = retiredOf(all, view)
        if (retired !== undefined) discard(retired)
        if (live !== undefined) replace({ ...live, state: "retired", epoch: live.epoch + 1 })
        return replace({ ...build, state: "live", epoch: build.epoch + 1 })
      }),

      rollback: Effect.fn("ViewStoreMemory.rollback")(function* (view) {
        yield* Effect.yieldNow
        const retired = retiredOf(all, view)
        const live = liveOf(view)?.build
        if (retired === undefined) return yield* new BuildNotReady({ view, problem: "nothing-retired" })
        if (live !== undefined) replace({ ...live, state: "retired", epoch: live.epoch + 1 })
        return replace({ ...retired, state: "live", epoch: retired.epoch + 1 })
      }),

      drop: Effect.fn("ViewStoreMemory.drop")(function* (build) {
        yield* Effect.yieldNow
        const kept = all.find((kept) => isSame(kept.build, build))
        if (kept?.build.state === "live") return yield* new BuildNotReady({ view: build.view, problem: "live" })
        discard(build)
      }),

      rows: (view, build) => Stream.suspend(() => Stream.fromIterable([...rowsOf(view, build).values()])),
    })

    return Context.make(Views, views).pipe(Context.add(ViewStore, store))
  }),
)

interface Kept {
  readonly build: Build
  readonly rows: Map<string, Owned<Row>>
}

const isSame = (a: Build, b: Build) => a.view === b.view && a.number === b.number

const retiredOf = (all: ReadonlyArray<Kept>, view: string) =>
  all.find(({ build }) => build.view === view && build.state === "retired")?.build

const definitionOf = ({ name, version }: Pick<View, "name" | "version">): View => ({
  name,
  version,
  columns: {},
  key: [],
})

const change = <R extends Row>(view: View<R>, rows: Map<string, Owned<Row>>, batch: Batch<R>) => {
  for (const { set, tenantId, where } of batch.patches) {
    for (const [address, owned] of rows) {
      if (owned.tenantId !== tenantId || !matches(owned.row, where)) continue
      if (set === undefined) rows.delete(address)
      else rows.set(address, readBack(view)({ tenantId, row: { ...(owned.row as R), ...set } }))
    }
  }
  for (const { row, tenantId } of batch.deletes) rows.delete(rowKey(view, tenantId, row))
  for (const owned of batch.upserts) rows.set(rowKey(view, owned.tenantId, owned.row), owned)
}

/** A row as any store would read it back. */
const readBack =
  <R extends Row>(view: View<R>) =>
  ({ row, tenantId }: Owned<R>): Owned<R> => {
    const stored = Object.fromEntries(Object.keys(view.columns).map((column) => [column, row[column]]))
    return { tenantId, row: JSON.parse(JSON.stringify(stored)) }
  }

/** Nulls last; strings by code point, as UTF-8 sorts. */
const compare = (a: unknown, b: unknown): number => {
  if (a === b) return 0
  if (a === null || b === null) return a === null ? 1 : -1
  if (typeof a === "string" && typeof b === "string") return byCodePoint(a, b)
  return Number(a) - Number(b)
}

const byCodePoint = (a: string, b: string) => {
  const [left, right] = [Array.from(a), Array.from(b)]
  for (const [index, character] of left.entries()) {
    const order = (character.codePointAt(0) ?? 0) - (right[index]?.codePointAt(0) ?? -1)
    if (order !== 0) return order
  }
  return left.length - right.length
}
