/**
 * Views in PostgreSQL: a table for each build, and an SQL view over the live one.
 *
 * Every change of rows first moves the checkpoint that goes with it, which locks it: of two runners the second one
 * stops there, before it has touched a row. What belongs to a build is only made and dropped under one lock per view.
 * Rows and checkpoint share a transaction, so a crash may lose both and never one; nothing has to wait for the disk.
 */
import { PgClient } from "@effect/sql-pg"
import { EventStore, type Ids, type Projection, Storable, ViewStore } from "@holdfast/domain"
import { Duration, Effect, Layer, Option, Schedule, Stream } from "effect"
import { SqlError } from "effect/sql"

import { RunnerSql } from "./RunnerSql.ts"
import * as Tenant from "./Tenant.ts"
import { atomically } from "./Transaction.ts"
import { ported, sqlState } from "./Unavailable.ts"
import * as ViewTable from "./ViewTable.ts"

/** What hosts read, through the client of the context: the statements join the host's own transaction. */
export const layerViews: Layer.Layer<ViewStore.Views, never, PgClient.PgClient> = Layer.effect(
  ViewStore.Views,
  Effect.gen(function* () {
    const client = yield* PgClient.PgClient
    const sql = client.withoutTransforms()

    return ViewStore.Views.of({
      query: Effect.fn("PostgresViews.query")(function* <R extends Projection.Row>(
        view: Projection.View<R>,
        tenantId: Ids.TenantId,
        query: ViewStore.Query<R> = {},
      ) {
        const shape = ViewTable.shapeOf(view)
        if (!Storable.canHold<Projection.Row>(shape, query.where ?? {})) return []
        const { parameters, statement } = ViewTable.selection(shape, tenantId, query)
        const rows = yield* sql.unsafe<ViewTable.StoredRow>(statement, parameters).pipe(
          Tenant.scoped(tenantId),
          Effect.provideService(PgClient.PgClient, client),
          // No build of the view was ever opened.
          Effect.catchIf(
            (error) => sqlState(error) === undefinedTable,
            () => Effect.succeed([]),
          ),
          ported,
        )
        return rows.map((row) => ViewTable.rowOf<R>(shape, row))
      }),

      awaitPosition: Effect.fn("PostgresViews.awaitPosition")(function* (view, position, within) {
        const reached = Effect.map(
          sql<{ reached: boolean }>`
            SELECT position >= ${position} AS reached FROM holdfast.builds
            WHERE view = ${view.name} AND state = 'live'`,
          ([row]) => row?.reached ?? false,
        )
        const look = ported(reached)
        if (Duration.isZero(Duration.fromInputUnsafe(within))) return yield* look
        return yield* look.pipe(
          Effect.repeat({ until: (is) => is, schedule: patience }),
          Effect.timeoutOption(within),
          Effect.map(Option.getOrElse(() => false)),
        )
      }),
    })
  }),
)

/** What the projection runner uses, with the rights of its role. */
export const layerViewStore: Layer.Layer<ViewStore.ViewStore, never, RunnerSql> = Layer.effect(
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

    const buildsOf = (view: string) =>
      sql<StoredBuild>`SELECT ${sql.literal(buildColumns)} FROM holdfast.builds WHERE view = ${view} ORDER BY number DESC`

    const find = (view: string, state: ViewStore.BuildState) =>
      Effect.map(buildsOf(view), (builds) => builds.find((build) => build.state === state))

    /** Moves the checkpoint, and so locks it for the rest of the transaction. */
    const advance = Effect.fnUntraced(function* (
      build: ViewStore.Build,
      to: EventStore.Position,
      raise = to === build.position,
    ) {
      const [moved] = yield* sql<StoredBuild>`
        UPDATE holdfast.builds
        SET position = ${to}, epoch = epoch + ${raise ? 1 : 0}::int, advanced_at = clock_timestamp()
        WHERE view = ${build.view} AND number = ${build.number} AND state <> 'retired'
          AND position = ${build.position} AND epoch = ${build.epoch}
        RETURNING ${sql.literal(buildColumns)}, set_config('synchronous_commit', 'off', true)`
      return moved === undefined ? yield* movedFrom(build) : buildOf(moved)
    })

    /** The build as it is now, locked against commits for the rest of the transaction. */
    const hold = ({ number, view }: Pick<ViewStore.Build, "view" | "number">) =>
      Effect.map(
        sql<StoredBuild>`
          SELECT ${sql.literal(buildColumns)} FROM holdfast.builds WHERE view = ${view} AND number = ${number} FOR UPDATE`,
        ([build]) => build,
      )

    const createTable = (view: string, number: number) => sql`SELECT holdfast.create_build_table(${view}, ${number})`
    const indexTable = (view: string, number: number) => sql`SELECT holdfast.index_build_table(${view}, ${number})`

    const insertBuild = Effect.fnUntraced(function* (shape: ViewTable.Shape, state: "building" | "live") {
      const [build] = yield* sql<StoredBuild>`
        WITH counted AS (
          INSERT INTO holdfast.views AS v (view, builds) VALUES (${shape.name}, 1)
          ON CONFLICT (view) DO UPDATE SET builds = v.builds + 1 RETURNING builds)
        INSERT INTO holdfast.builds (view, number, version, state, live_at, definition)
        SELECT ${shape.name}, builds, ${shape.version}, ${state},
          CASE WHEN ${state} = 'live' THEN clock_timestamp() END, ${sql.json(ViewTable.definitionOf(shape))} FROM counted
        RETURNING ${sql.literal(buildColumns)}`
      if (build === undefined) return yield* Effect.die(new Error("no build was inserted"))
      yield* createTable(build.view, build.number)
      yield* indexTable(build.view, build.number)
      return build
    })

    const setState = (view: string, number: number, state: "live" | "retired") =>
      Effect.map(
        sql<StoredBuild>`
          UPDATE holdfast.builds SET state = ${state}, epoch = epoch + 1,
            live_at = CASE WHEN ${state} = 'live' THEN clock_timestamp() ELSE live_at END,
            retired_at = CASE WHEN ${state} = 'retired' THEN clock_timestamp() END
          WHERE view = ${view} AND number = ${number}
          RETURNING ${sql.literal(buildColumns)}`,
        ([build]) => build,
      )

    const publish = (view: string) =>
      Effect.catchIf(
        sql`SELECT holdfast.publish_live_build(${view})`,
        (error) => sqlState(error) === wrongObjectType,
        () => Effect.die(ViewTable.mistaken(view, "the name is taken by a table of the store")),
      )

    /** Ends the present live build and makes another one live. Readers wait for the last statement at most. */
    const makeLive = Effect.fnUntraced(function* (next: StoredBuild, live: StoredBuild | undefined) {
      if (live !== undefined) yield* setState(live.view, live.number, "retired")
      const build = yield* setState(next.view, next.number, "live")
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
          const held = yield* hold(build)
          const isSame = held?.epoch === build.epoch && held.position === build.position && held.state !== "retired"
          if (held === undefined || !isSame) return yield* movedFrom(build)
          if (held.state !== "building") return yield* notReady(build.view, "not-building")
          const live = yield* find(build.view, "live")
          const passed = live === undefined ? undefined : yield* hold(live)
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
          yield* Effect.forEach(old, ({ number }) => sql`SELECT holdfast.drop_build(${view}, ${number})`, {
            discard: true,
          })
        }),
      ).pipe(Effect.ignore)

    const settle = Effect.fnUntraced(function* (
      build: ViewStore.Build,
      resolved: ReadonlyArray<EventStore.Position>,
      letters: ReadonlyArray<ViewStore.DeadLetter>,
    ) {
      if (resolved.length > 0) {
        yield* sql`
          DELETE FROM holdfast.dead_letters
          WHERE view = ${build.view} AND build = ${build.number} AND position = ANY(${resolved.map(String)}::text[]::bigint[])`
      }
      for (const letter of letters) {
        yield* sql`
          INSERT INTO holdfast.dead_letters
            (view, build, position, tenant_id, stream_id, type, state, problem, attempts)
          VALUES (${letter.view}, ${letter.build}, ${letter.position}, ${letter.tenantId}, ${letter.streamId},
            ${letter.type}, ${letter.state}, ${letter.problem}, ${letter.attempts})
          ON CONFLICT (view, build, position) DO UPDATE SET state = excluded.state, problem = excluded.problem,
            attempts = excluded.attempts, recorded_at = clock_timestamp()`
      }
    })

    const unsafe = (statement: string, rows: ReadonlyArray<object>) =>
      sql.unsafe<ViewTable.StoredRow>(statement, [JSON.stringify(rows)])

    const apply = Effect.fnUntraced(function* (
      shape: ViewTable.Shape,
      build: ViewStore.Build,
      changes: ViewTable.Changes,
    ) {
      const table = ViewTable.tableOf(build)
      const deletes = changes.deletes.filter(ViewTable.isPossible(shape))
      for (const removes of ViewTable.alike(changes.removes.filter(ViewTable.isPossible(shape)), shape)) {
        yield* unsafe(ViewTable.deleteStatement(shape, table, removes.columns, removes.nulls), removes.rows)
      }
      if (deletes.length > 0)
        yield* unsafe(ViewTable.deleteStatement(shape, table, shape.key), deletes.map(ViewTable.flat))
      if (changes.upserts.length > 0)
        yield* unsafe(ViewTable.upsertStatement(shape, table), changes.upserts.map(ViewTable.flat))
    })

    return ViewStore.ViewStore.of({
      builds: ported(
        Effect.map(
          sql<StoredBuild>`SELECT ${sql.literal(buildColumns)} FROM holdfast.builds ORDER BY view, number DESC`,
          (builds) => builds.map(buildOf),
        ),
      ),

      open: Effect.fn("PostgresViews.open")(function* <R extends Projection.Row>(view: Projection.View<R>) {
        const shape = ViewTable.shapeOf(view)
        const live =
          (yield* ported(find(shape.name, "live"))) ??
          (yield* alone(
            shape.name,
            Effect.gen(function* () {
              const present = yield* find(shape.name, "live")
              if (present !== undefined) return present
              const build = yield* insertBuild(shape, "live")
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
        const { deletes, removes, upserts } = changes
        if ([deletes, removes, upserts, deadLetters, resolved].every(({ length }) => length === 0)) {
          return yield* ported(advance(build, to))
        }
        const shape = ViewTable.shapeOf(view)
        yield* Storable.check(view, upserts)
        return yield* ported(
          atomically(sql)(
            Effect.gen(function* () {
              const moved = yield* advance(build, to)
              yield* refusing(view.name, apply(shape, build, changes))
              yield* settle(build, resolved, deadLetters)
              return moved
            }),
          ),
        )
      }),

      pause: Effect.fn("PostgresViews.pause")(function* (build, reason, deadLetter) {
        return yield* ported(
          atomically(sql)(
            Effect.gen(function* () {
              const [paused] = yield* sql<StoredBuild>`
                UPDATE holdfast.builds SET paused = ${reason}, epoch = epoch + 1
                WHERE view = ${build.view} AND number = ${build.number} AND state <> 'retired'
                  AND position = ${build.position} AND epoch = ${build.epoch}
                RETURNING ${sql.literal(buildColumns)}`
              if (paused === undefined) return yield* movedFrom(build)
              if (deadLetter !== undefined) yield* settle(build, [], [deadLetter])
              return buildOf(paused)
            }),
          ),
        )
      }),

      unpause: Effect.fn("PostgresViews.unpause")(function* (view) {
        const [build] = yield* ported(sql<StoredBuild>`
          UPDATE holdfast.builds SET paused = NULL, epoch = epoch + 1
          WHERE view = ${view} AND state = 'live' AND paused IS NOT NULL RETURNING ${sql.literal(buildColumns)}`)
        if (build !== undefined) return buildOf(build)
        const live = yield* ported(find(view, "live"))
        return yield* notReady(view, live === undefined ? "no-live-build" : "not-paused")
      }),

      deadLetters: Effect.fn("PostgresViews.deadLetters")(function* (view) {
        const rows = yield* ported(sql<StoredDeadLetter>`
          SELECT view, build, position, tenant_id, stream_id, type, state, problem, attempts FROM holdfast.dead_letters
          WHERE ${view === undefined ? sql`true` : sql`view = ${view}`} ORDER BY view, build, position`)
        return rows.map(deadLetterOf)
      }),

      beginBuild: Effect.fn("PostgresViews.beginBuild")(function* <R extends Projection.Row>(view: Projection.View<R>) {
        const shape = ViewTable.shapeOf(view)
        return yield* alone(
          shape.name,
          Effect.gen(function* () {
            const present = yield* find(shape.name, "building")
            const usable =
              present?.version === shape.version &&
              ViewTable.sameRows(present.definition, ViewTable.definitionOf(shape))
            if (present === undefined || !usable) {
              if (present !== undefined) yield* sql`SELECT holdfast.drop_build(${present.view}, ${present.number})`
              return buildOf(yield* insertBuild(shape, "building"))
            }
            const [taken] = yield* sql<StoredBuild>`
              UPDATE holdfast.builds SET epoch = epoch + 1, paused = NULL
              WHERE view = ${present.view} AND number = ${present.number}
              RETURNING ${sql.literal(buildColumns)}`
            if (taken === undefined) return yield* Effect.die(new Error("the build went away under its lock"))
            if (taken.position === EventStore.beginning) {
              // Whoever filled it did not get to the end.
              yield* createTable(taken.view, taken.number)
              yield* indexTable(taken.view, taken.number)
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
            const held = yield* hold(build)
            const isMine = held?.epoch === build.epoch && held.state === "building"
            if (!isMine || held.position !== EventStore.beginning) return yield* movedFrom(build)
            yield* createTable(build.view, build.number)
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
            const moved = yield* advance(build, to, true)
            yield* indexTable(build.view, build.number)
            yield* settle(build, [], deadLetters)
            return moved
          }),
        )
        const emptied = Effect.andThen(unfilled, alone(build.view, indexTable(build.view, build.number)))

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
          const [last] = yield* sql<StoredBuild>`
            SELECT ${sql.literal(buildColumns)} FROM holdfast.builds WHERE view = ${view} AND state = 'retired'
            ORDER BY retired_at DESC, number DESC LIMIT 1`
          if (last === undefined) return yield* notReady(view, "nothing-retired")
          return yield* makeLive(last, yield* find(view, "live"))
        })
        return yield* betweenReaders(alone(view, rolledBack))
      }),

      drop: Effect.fn("PostgresViews.drop")(function* (build) {
        yield* alone(
          build.view,
          Effect.gen(function* () {
            const held = yield* hold(build)
            if (held?.state === "live") return yield* notReady(build.view, "live")
            yield* sql`SELECT holdfast.drop_build(${build.view}, ${build.number})`
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

const patience = Schedule.min([Schedule.exponential("1 millis", 1.5), Schedule.spaced("100 millis")])

const rowsPerInsert = 2_000

const undefinedTable = "42P01"

const wrongObjectType = "42809"

interface StoredBuild {
  readonly view: string
  readonly number: number
  readonly version: number
  readonly state: ViewStore.BuildState
  readonly position: EventStore.Position
  readonly epoch: number
  readonly paused: string | null
  readonly definition: ViewTable.Definition
}

const buildColumns = "view, number, version, state, position, epoch, paused, definition"

const buildOf = ({ epoch, number, paused, position, state, version, view }: StoredBuild): ViewStore.Build => ({
  view,
  number,
  version,
  state,
  position,
  epoch,
  paused: paused ?? undefined,
})

interface StoredDeadLetter extends Omit<ViewStore.DeadLetter, "tenantId" | "streamId"> {
  readonly tenant_id: Ids.TenantId
  readonly stream_id: EventStore.StreamId
}

const deadLetterOf = ({ attempts, build, position, problem, state, type, view, ...row }: StoredDeadLetter) => ({
  view,
  build,
  position,
  tenantId: row.tenant_id,
  streamId: row.stream_id,
  type,
  state,
  problem,
  attempts,
})

const isLockTimeout = (error: unknown) =>
  typeof error === "object" && error !== null && "reason" in error && String(error.reason).endsWith("55P03")

/** What PostgreSQL says of values: class 22, that there is none in the key, or that it is too big. It would say so again. */
const refusing = <A, E, R>(view: string, effect: Effect.Effect<A, E | SqlError.SqlError, R>) =>
  Effect.mapError(effect, (error) => {
    const state = SqlError.isSqlError(error) ? sqlState(error) : undefined
    const isRefusal = state !== undefined && (/^(22|54)/.test(state) || state === "23502")
    return isRefusal ? new ViewStore.RowsRefused({ view, problem: state }) : error
  })

const movedFrom = ({ number, view }: ViewStore.Build) =>
  Effect.fail(new ViewStore.CheckpointMoved({ view, build: number }))

const notReady = (view: string, problem: ViewStore.BuildNotReady["problem"]) =>
  Effect.fail(new ViewStore.BuildNotReady({ view, problem }))
