/**
 * The table of builds: which there are of each view, how far each has come, and what it passes over.
 */
import { type PgClient } from "@effect/sql-pg"
import { type EventStore, type Ids, ViewStore } from "@holdfast/domain"
import { Effect } from "effect"

import * as ViewTable from "./ViewTable.ts"

export interface StoredBuild {
  readonly view: string
  readonly number: number
  readonly version: number
  readonly state: ViewStore.BuildState
  readonly position: EventStore.Position
  readonly epoch: number
  readonly paused: string | null
  readonly definition: ViewTable.Definition
}

/** For statements that are written elsewhere. */
export const buildColumns = "view, number, version, state, position, epoch, paused, definition"

export const buildOf = ({ epoch, number, paused, position, state, version, view }: StoredBuild): ViewStore.Build => ({
  view,
  number,
  version,
  state,
  position,
  epoch,
  paused: paused ?? undefined,
})

export const movedFrom = ({ number, view }: ViewStore.Build) =>
  Effect.fail(new ViewStore.CheckpointMoved({ view, build: number }))

/** Moves the checkpoint from where the build is known to stand, and so locks it for the rest of the transaction. */
export const advanceStatement = `
  UPDATE holdfast.builds
  SET position = $1, epoch = epoch + $2::int, advanced_at = clock_timestamp()
  WHERE view = $3 AND number = $4 AND state <> 'retired' AND position = $5 AND epoch = $6
  RETURNING ${buildColumns}, set_config('synchronous_commit', 'off', true)`

/** Of {@link advanceStatement}. */
export const advanceParameters = (
  { epoch, number, position, view }: ViewStore.Build,
  to: EventStore.Position,
  raise = to === position,
) => [to, raise ? 1 : 0, view, number, position, epoch]

/** Its statements. Those that change something belong into a transaction. */
export const make = (sql: PgClient.PgClient) => {
  const buildsOf = (view: string) =>
    sql<StoredBuild>`SELECT ${sql.literal(buildColumns)} FROM holdfast.builds WHERE view = ${view} ORDER BY number DESC`

  const find = (view: string, state: ViewStore.BuildState) =>
    Effect.map(buildsOf(view), (builds) => builds.find((build) => build.state === state))

  const advance = Effect.fnUntraced(function* (build: ViewStore.Build, to: EventStore.Position, raise?: boolean) {
    const [moved] = yield* sql.unsafe<StoredBuild>(advanceStatement, advanceParameters(build, to, raise))
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

  const all = sql<StoredBuild>`SELECT ${sql.literal(buildColumns)} FROM holdfast.builds ORDER BY view, number DESC`

  const lastRetired = (view: string) =>
    Effect.map(
      sql<StoredBuild>`
        SELECT ${sql.literal(buildColumns)} FROM holdfast.builds WHERE view = ${view} AND state = 'retired'
        ORDER BY retired_at DESC, number DESC LIMIT 1`,
      ([build]) => build,
    )

  const pause = Effect.fnUntraced(function* (build: ViewStore.Build, reason: string) {
    const [paused] = yield* sql<StoredBuild>`
      UPDATE holdfast.builds SET paused = ${reason}, epoch = epoch + 1
      WHERE view = ${build.view} AND number = ${build.number} AND state <> 'retired'
        AND position = ${build.position} AND epoch = ${build.epoch}
      RETURNING ${sql.literal(buildColumns)}`
    return paused === undefined ? yield* movedFrom(build) : buildOf(paused)
  })

  const unpause = (view: string) =>
    Effect.map(
      sql<StoredBuild>`
        UPDATE holdfast.builds SET paused = NULL, epoch = epoch + 1
        WHERE view = ${view} AND state = 'live' AND paused IS NOT NULL RETURNING ${sql.literal(buildColumns)}`,
      ([build]) => build,
    )

  /** Whoever had it in hand cannot commit to it any more. */
  const takeOver = Effect.fnUntraced(function* ({ number, view }: StoredBuild) {
    const [taken] = yield* sql<StoredBuild>`
      UPDATE holdfast.builds SET epoch = epoch + 1, paused = NULL WHERE view = ${view} AND number = ${number}
      RETURNING ${sql.literal(buildColumns)}`
    return taken ?? (yield* Effect.die(new Error("the build went away under its lock")))
  })

  const drop = ({ number, view }: Pick<ViewStore.Build, "view" | "number">) =>
    sql`SELECT holdfast.drop_build(${view}, ${number})`

  const deadLetters = (view: string | undefined) =>
    Effect.map(
      sql<StoredDeadLetter>`
        SELECT view, build, position, tenant_id, stream_id, type, state, problem, attempts FROM holdfast.dead_letters
        WHERE ${view === undefined ? sql`true` : sql`view = ${view}`} ORDER BY view, build, position`,
      (rows) => rows.map(deadLetterOf),
    )

  return {
    all,
    find,
    lastRetired,
    hold,
    advance,
    insert: insertBuild,
    setState,
    pause,
    unpause,
    takeOver,
    drop,
    createTable,
    indexTable,
    settle,
    deadLetters,
  }
}

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
