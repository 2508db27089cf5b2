/**
 * Views in PostgreSQL: a table for each build, and an SQL view over the live one.
 *
 * Every change of rows first moves the checkpoint that goes with it, which locks it: of two runners the second one
 * stops there, before it has touched a row. What belongs to a build is only made and dropped under one lock per view.
 * Rows and checkpoint share a transaction, so a crash may lose both and never one; nothing has to wait for the disk.
 */
import { EventStore, type Projection, Storable, ViewStore } from "@holdfast/domain"
import { Effect, Layer, Option, Schedule, Stream } from "effect"
import { SqlError } from "effect/sql"

import * as BuildTable from "./BuildTable.ts"
import { buildOf, movedFrom, type StoredBuild } from "./BuildTable.ts"
import { RunnerSql } from "./RunnerSql.ts"
import { atomically } from "./Transaction.ts"
import { ported, sqlState } from "./Unavailable.ts"
import * as ViewPatches from "./ViewPatches.ts"
import * as ViewTable from "./ViewTable.ts"

/** With the rights of its role. */
export const layer: Layer.Layer<ViewStore.ViewStore, never, RunnerSql> = Layer.effect(
  ViewStore.ViewStore,
  Effect.gen(function* () {
    const sql = (yield* RunnerSql).withoutTransforms()

    /** One at a time for each view, whatever process; takes nothing that readers or commits want. */
    const alone = <A, E, R>(view: string, effect: Effect.Effect<A, E, R>) =>
      ported(
        atomically(sql)(
          Effect.andThen(sql`SELECT pg_advisory_xact_lock(hashtextextended(${`holdfast view ${view}`}, 0))`, effect),
        ),
      )

    const builds = BuildTable.make(sql)

    const publish = (view: string) =>
      Effect.catchIf(
        sql`SELECT holdfast.publish_live_build(${view})`,
        (error) => sqlState(error) === wrongObjectType,
        () => Effect.die(ViewTable.mistaken(view, "the name is taken by a table of the store")),
      )

    /** Ends the present live build and makes another one live. Readers wait for the last statement at most. */
    const makeLive = Effect.fnUntraced(function* (next: StoredBuild, live: StoredBuild | undefined) {
      if (live !== undefined) yield* builds.setState(live.view, live.number, "retired")
      const build = yield* builds.setState(next.view, next.number, "live")
      if (build === undefined) return yield* Effect.die(new Error("the build went away under its lock"))
      yield* sql`SELECT set_config('lock_timeout', ${`${longestWaitOfReaders}ms`}, true)`
      yield* publish(next.view)
      return buildOf(build)
    })

    /**
     * A transaction that has read the view holds it, and everybody who reads after us would wait with us: we step
     * back after a moment and try again.
     */
    const betweenReaders = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
      Effect.retry(effect, { while: isLockTimeout, schedule: Schedule.jittered(betweenAttempts) })

    const swapOnce = (build: ViewStore.Build) =>
      alone(
        build.view,
        Effect.gen(function* () {
          const held = yield* builds.hold(build)
          const isSame = held?.epoch === build.epoch && held.position === build.position && held.state !== "retired"
          if (held === undefined || !isSame) return yield* movedFrom(build)
          if (held.state !== "building") return yield* notReady(build.view, "not-building")
          const live = yield* builds.find(build.view, "live")
          const passed = live === undefined ? undefined : yield* builds.hold(live)
          if (passed !== undefined && passed.position > held.position) {
            return yield* notReady(build.view, "behind-the-live-build")
          }
          return yield* makeLive(held, passed)
        }),
      )

    /** All but the one retired last. A reader that is still in one keeps it until the next swap. */
    const dropRetired = (view: string) =>
      alone(
        view,
        Effect.gen(function* () {
          yield* sql`SELECT set_config('lock_timeout', ${`${longestWaitOfReaders}ms`}, true)`
          const old = yield* sql<{ number: number }>`
            SELECT number FROM holdfast.builds WHERE view = ${view} AND state = 'retired'
            ORDER BY retired_at DESC, number DESC OFFSET 1`
          yield* Effect.forEach(old, ({ number }) => builds.drop({ view, number }), { discard: true })
        }),
      ).pipe(Effect.ignore)

    const unsafe = (statement: string, rows: ReadonlyArray<object>) =>
      sql.unsafe<ViewTable.StoredRow>(statement, [JSON.stringify(rows)])

    const apply = Effect.fnUntraced(function* (
      shape: ViewTable.Shape,
      build: ViewStore.Build,
      changes: ViewTable.Changes,
    ) {
      const table = ViewTable.tableOf(build)
      const deletes = changes.deletes.filter(ViewTable.isPossible(shape))
      for (const group of ViewPatches.grouped(shape, changes.patches)) {
        yield* unsafe(ViewPatches.statement(shape, table, group), [...group.rows.values()])
      }
      if (deletes.length > 0) yield* unsafe(ViewTable.deleteStatement(shape, table), deletes.map(ViewTable.flat))
      if (changes.upserts.length > 0)
        yield* unsafe(ViewTable.upsertStatement(shape, table), changes.upserts.map(ViewTable.flat))
    })

    /**
     * Moves the checkpoint and changes rows in one statement, which is one round trip where a transaction takes four.
     * Rows wait for the checkpoint: as long as it has not moved, nothing has changed them since they were loaded.
     */
    const commitAtOnce = Effect.fnUntraced(function* (
      shape: ViewTable.Shape,
      build: ViewStore.Build,
      to: EventStore.Position,
      { deletes, upserts }: Pick<ViewTable.Changes, "deletes" | "upserts">,
    ) {
      const table = ViewTable.tableOf(build)
      const parameters: Array<unknown> = BuildTable.advanceParameters(build, to)
      const parts = [`moved AS (${BuildTable.advanceStatement})`]
      const change = (statement: typeof ViewTable.deleteStatement, rows: ReadonlyArray<object>) => {
        if (rows.length === 0) return
        const parameter = parameters.push(JSON.stringify(rows))
        parts.push(`changed_${parameter} AS (${statement(shape, table, parameter, "EXISTS (SELECT FROM moved)")})`)
      }
      change(ViewTable.deleteStatement, deletes.filter(ViewTable.isPossible(shape)).map(ViewTable.flat))
      change(ViewTable.upsertStatement, upserts.map(ViewTable.flat))
      const statement = `WITH ${parts.join(", ")} SELECT * FROM moved`
      const [moved] = yield* refusing(shape.name, sql.unsafe<StoredBuild>(statement, parameters))
      return moved === undefined ? yield* movedFrom(build) : buildOf(moved)
    })

    return ViewStore.ViewStore.of({
      builds: ported(Effect.map(builds.all, (all) => all.map(buildOf))),

      open: Effect.fn("PostgresViews.open")(function* <R extends Projection.Row>(view: Projection.View<R>) {
        const shape = ViewTable.shapeOf(view)
        const live =
          (yield* ported(builds.find(shape.name, "live"))) ??
          (yield* alone(
            shape.name,
            Effect.gen(function* () {
              const present = yield* builds.find(shape.name, "live")
              if (present !== undefined) return present
              const build = yield* builds.insert(shape, "live")
              yield* publish(shape.name)
              return build
            }),
          ))
        if (live.version > shape.version) {
          return yield* new ViewStore.OutdatedProjection({ view: shape.name, live: live.version, mine: shape.version })
        }
        if (live.version === shape.version && !ViewTable.sameRows(live.definition, ViewTable.definitionOf(shape))) {
          return yield* new ViewStore.ProjectionChanged({ view: shape.name, version: shape.version })
        }
        return buildOf(live)
      }),

      load: Effect.fn("PostgresViews.load")(function* <R extends Projection.Row>(
        view: Projection.View<R>,
        build: ViewStore.Build,
        keys: ReadonlyArray<Projection.Owned<Partial<R>>>,
      ) {
        const shape = ViewTable.shapeOf(view)
        const possible = keys.filter(ViewTable.isPossible(shape))
        if (possible.length === 0) return []
        const rows = yield* ported(
          unsafe(ViewTable.loadStatement(shape, ViewTable.tableOf(build)), possible.map(ViewTable.flat)),
        )
        return rows.map((row) => ViewTable.ownedOf<R>(shape, row))
      }),

      commit: Effect.fn("PostgresViews.commit")(function* <R extends Projection.Row>(
        view: Projection.View<R>,
        build: ViewStore.Build,
        to: EventStore.Position,
        { deadLetters = [], resolved = [], ...changes }: ViewStore.Batch<R>,
      ) {
        const { patches, upserts } = changes
        const shape = ViewTable.shapeOf(view)
        yield* Storable.checkPatches(view, patches)
        yield* Storable.check(view, upserts)
        if ([patches, deadLetters, resolved].every(({ length }) => length === 0)) {
          return yield* ported(commitAtOnce(shape, build, to, changes))
        }
        return yield* ported(
          atomically(sql)(
            Effect.gen(function* () {
              const moved = yield* builds.advance(build, to)
              yield* refusing(view.name, apply(shape, build, changes))
              yield* builds.settle(build, resolved, deadLetters)
              return moved
            }),
          ),
        )
      }),

      pause: Effect.fn("PostgresViews.pause")(function* (build, reason, deadLetter) {
        return yield* ported(
          atomically(sql)(
            Effect.gen(function* () {
              const paused = yield* builds.pause(build, reason)
              if (deadLetter !== undefined) yield* builds.settle(build, [], [deadLetter])
              return paused
            }),
          ),
        )
      }),

      unpause: Effect.fn("PostgresViews.unpause")(function* (view) {
        const build = yield* ported(builds.unpause(view))
        if (build !== undefined) return buildOf(build)
        const live = yield* ported(builds.find(view, "live"))
        return yield* notReady(view, live === undefined ? "no-live-build" : "not-paused")
      }),

      deadLetters: Effect.fn("PostgresViews.deadLetters")(function* (view) {
        return yield* ported(builds.deadLetters(view))
      }),

      beginBuild: Effect.fn("PostgresViews.beginBuild")(function* <R extends Projection.Row>(view: Projection.View<R>) {
        const shape = ViewTable.shapeOf(view)
        return yield* alone(
          shape.name,
          Effect.gen(function* () {
            const present = yield* builds.find(shape.name, "building")
            const usable =
              present?.version === shape.version &&
              ViewTable.sameRows(present.definition, ViewTable.definitionOf(shape))
            if (present === undefined || !usable) {
              if (present !== undefined) yield* builds.drop(present)
              return buildOf(yield* builds.insert(shape, "building"))
            }
            const taken = yield* builds.takeOver(present)
            if (taken.position === EventStore.beginning) {
              // Whoever filled it did not get to the end.
              yield* builds.createTable(taken.view, taken.number)
              yield* builds.indexTable(taken.view, taken.number)
            }
            return buildOf(taken)
          }),
        )
      }),

      fill: Effect.fn("PostgresViews.fill")(function* <R extends Projection.Row, E, R2>(
        view: Projection.View<R>,
        build: ViewStore.Build,
        to: EventStore.Position,
        rows: Stream.Stream<Projection.Owned<R>, E, R2>,
        deadLetters: ReadonlyArray<ViewStore.DeadLetter> = [],
      ) {
        const shape = ViewTable.shapeOf(view)
        const table = ViewTable.tableOf(build)
        const unfilled = alone(
          build.view,
          Effect.gen(function* () {
            const held = yield* builds.hold(build)
            const isMine = held?.epoch === build.epoch && held.state === "building"
            if (!isMine || held.position !== EventStore.beginning) return yield* movedFrom(build)
            yield* builds.createTable(build.view, build.number)
          }),
        )
        // No transaction is held while rows are awaited. Each insert holds off whoever would take the build over.
        const insert = `WITH still AS MATERIALIZED (
            SELECT number FROM holdfast.builds
            WHERE view = $2 AND number = $3 AND position = 0 AND epoch = $4 AND state = 'building' FOR SHARE),
          filled AS (
            INSERT INTO ${table} (${ViewTable.insertColumns(shape)})
            SELECT ${ViewTable.insertColumns(shape)} FROM ${ViewTable.recordset(shape, ViewTable.columnsOf(shape))} WHERE EXISTS (SELECT FROM still))
          SELECT number, set_config('synchronous_commit', 'off', true) FROM still`
        const put = Effect.fnUntraced(function* (batch: ReadonlyArray<Projection.Owned<R>>) {
          const parameters = [JSON.stringify(batch.map(ViewTable.flat)), build.view, build.number, build.epoch]
          const held = yield* refusing(view.name, sql.unsafe(insert, parameters))
          if (held.length === 0) return yield* movedFrom(build)
        })
        const finished = alone(
          build.view,
          Effect.gen(function* () {
            const moved = yield* builds.advance(build, to, true)
            yield* builds.indexTable(build.view, build.number)
            yield* builds.settle(build, [], deadLetters)
            return moved
          }),
        )
        const emptied = Effect.andThen(unfilled, alone(build.view, builds.indexTable(build.view, build.number)))

        yield* unfilled
        return yield* rows.pipe(
          Stream.grouped(rowsPerInsert),
          Stream.runForEach((batch) => Effect.andThen(Storable.check(view, batch), ported(put(batch)))),
          Effect.andThen(finished),
          Effect.onError(() => Effect.ignore(emptied)),
        )
      }),

      swap: Effect.fn("PostgresViews.swap")(function* (build) {
        const live = yield* betweenReaders(swapOnce(build))
        yield* dropRetired(build.view)
        return live
      }),

      rollback: Effect.fn("PostgresViews.rollback")(function* (view) {
        const rolledBack = Effect.gen(function* () {
          const last = yield* builds.lastRetired(view)
          if (last === undefined) return yield* notReady(view, "nothing-retired")
          return yield* makeLive(last, yield* builds.find(view, "live"))
        })
        return yield* betweenReaders(alone(view, rolledBack))
      }),

      drop: Effect.fn("PostgresViews.drop")(function* (build) {
        yield* alone(
          build.view,
          Effect.gen(function* () {
            const held = yield* builds.hold(build)
            if (held?.state === "live") return yield* notReady(build.view, "live")
            yield* builds.drop(build)
          }),
        )
      }),

      rows: <R extends Projection.Row>(view: Projection.View<R>, build: ViewStore.Build) => {
        const shape = ViewTable.shapeOf(view)
        const first = ViewTable.pageStatement(shape, ViewTable.tableOf(build), false)
        const further = ViewTable.pageStatement(shape, ViewTable.tableOf(build), true)
        return Stream.paginate(undefined as ReadonlyArray<string> | undefined, (after) =>
          Effect.map(
            ported(
              after === undefined
                ? sql.unsafe<ViewTable.StoredRow>(first)
                : sql.unsafe<ViewTable.StoredRow>(further, after),
            ),
            (stored) => {
              const owned = stored.map((row) => ViewTable.ownedOf<R>(shape, row))
              const last = stored.length < ViewTable.rowsPerPage ? undefined : owned.at(-1)
              return [
                owned,
                Option.map(Option.fromUndefinedOr(last), (row) => ViewTable.addressOf(shape, row)),
              ] as const
            },
          ),
        )
      },
    })
  }),
)

/** Milliseconds for which readers may have to stand behind a swap that waits for one of them. */
const longestWaitOfReaders = 100

const betweenAttempts = Schedule.max([
  Schedule.min([Schedule.exponential("20 millis"), Schedule.spaced("1 second")]),
  Schedule.recurs(30),
])

const rowsPerInsert = 2_000

const wrongObjectType = "42809"

const isLockTimeout = (error: unknown) =>
  typeof error === "object" && error !== null && "reason" in error && String(error.reason).endsWith("55P03")

/** What PostgreSQL says of values: class 22, that there is none in the key, or that it is too big. It would say so again. */
const refusing = <A, E, R>(view: string, effect: Effect.Effect<A, E | SqlError.SqlError, R>) =>
  Effect.mapError(effect, (error) => {
    const state = SqlError.isSqlError(error) ? sqlState(error) : undefined
    const isRefusal = state !== undefined && (/^(22|54)/.test(state) || state === "23502")
    return isRefusal ? new ViewStore.RowsRefused({ view, problem: state }) : error
  })

const notReady = (view: string, problem: ViewStore.BuildNotReady["problem"]) =>
  Effect.fail(new ViewStore.BuildNotReady({ view, problem }))
