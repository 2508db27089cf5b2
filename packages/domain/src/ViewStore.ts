/**
 * The port behind projections: where rows and checkpoints are kept.
 *
 * A view is kept in *builds*. One build is live: it is what hosts read. A rebuild
 * makes another one beside it and swaps them in one step; the one that was live
 * stays, retired, so that the swap can be taken back at once.
 *
 * Rows read back as they were written: `bigint` as a number, `timestamptz` as ISO
 * 8601 in UTC with milliseconds, `jsonb` by structure. Text is compared and
 * ordered by its code points in every store, nulls come last in ascending order.
 */
import { Context, type Duration, type Effect, Schema, type Stream } from "effect"

import { type EventStoreUnavailable, type Position, type StreamId } from "./EventStore.ts"
import { type TenantId } from "./Ids.ts"
import { type Owned, type Row, type RowChanges, type View } from "./Projection.ts"

export const BuildState = Schema.Literals(["building", "live", "retired"])
export type BuildState = typeof BuildState.Type

/** One build of a view, as far as it has come. */
export interface Build {
  readonly view: string
  /** Numbered from 1 for each view; never reused. */
  readonly number: number
  /** The version of the definition that fills it. */
  readonly version: number
  readonly state: BuildState
  /** The position of the last event that the rows contain or were told to pass over. */
  readonly position: Position
  /**
   * Raised whenever what a runner holds in its hands may be outdated although the position is the same: when a
   * build is taken over, paused, let go on, swapped, rolled back, or committed to without moving the checkpoint.
   * What was begun under an older epoch cannot be committed.
   */
  readonly epoch: number
  /** Why the build is not being advanced: a poison event, or an operator. */
  readonly paused: string | undefined
}

/** An event that a projection could not apply to a build. At most one for each build and position. */
export interface DeadLetter {
  readonly view: string
  /** The number of the build. A build's dead letters go when it is dropped. */
  readonly build: number
  readonly position: Position
  readonly tenantId: TenantId
  readonly streamId: StreamId
  readonly type: string
  /**
   * `paused`: the build waits before it. `parked`: the whole stream is passed over from here, in order, until it is
   * retried. `skipped`: only this event is passed over.
   */
  readonly state: "paused" | "parked" | "skipped"
  /** The class of failure; never the data. */
  readonly problem: string
  /** How often it was tried, from 1. */
  readonly attempts: number
}

/** What is written together with a checkpoint. */
export interface Batch<R extends Row> extends RowChanges<R> {
  /** Recorded, instead of the dead letters with their build and position if there are some. */
  readonly deadLetters?: ReadonlyArray<DeadLetter> | undefined
  /** Positions of this build's dead letters that are settled: they go. Applied before `deadLetters`. */
  readonly resolved?: ReadonlyArray<Position> | undefined
}

/**
 * Another runner advanced the build or took it over, it was swapped away, or it is gone. Nothing was written.
 * Read the build again.
 */
export class CheckpointMoved extends Schema.TaggedError<CheckpointMoved>()("CheckpointMoved", {
  view: Schema.String,
  build: Schema.Natural,
}) {}

/** The live build was made by a newer version of the definition than this program has. Nothing was written. */
export class OutdatedProjection extends Schema.TaggedError<OutdatedProjection>()("OutdatedProjection", {
  view: Schema.String,
  live: Schema.Natural,
  mine: Schema.Natural,
}) {}

/**
 * The live build has other columns than the definition, which says the same version. Nothing was written. Give the
 * definition a new version.
 */
export class ProjectionChanged extends Schema.TaggedError<ProjectionChanged>()("ProjectionChanged", {
  view: Schema.String,
  version: Schema.Natural,
}) {}

/** There is no such build, or it is not in a state that allows this. Nothing was changed. */
export class BuildNotReady extends Schema.TaggedError<BuildNotReady>()("BuildNotReady", {
  view: Schema.String,
  problem: Schema.Literals([
    "no-live-build",
    "not-building",
    /** It would take back what readers have seen already. */
    "behind-the-live-build",
    "nothing-retired",
    "live",
    "not-paused",
  ]),
}) {}

/** A value of a row cannot be stored in its column. Nothing was written. Asking again does not help. */
export class RowsRefused extends Schema.TaggedError<RowsRefused>()("RowsRefused", {
  view: Schema.String,
  /** The class of failure; never the value. */
  problem: Schema.String,
}) {}

/** Columns that must have this value, or one of these; null where there must or may be none. Not for `jsonb`. */
export type Where<R extends Row> = { readonly [Column in keyof R]?: R[Column] | ReadonlyArray<R[Column]> }

/** How rows are asked for. */
export interface Query<R extends Row> {
  readonly where?: Where<R> | undefined
  readonly orderBy?: ReadonlyArray<readonly [column: keyof R & string, direction: "asc" | "desc"]> | undefined
  readonly limit?: number | undefined
}

/** What hosts use: the live build of a view, one tenant at a time. */
export class Views extends Context.Service<
  Views,
  {
    /** The rows of the live build; none as long as there is no live build. */
    query<R extends Row>(
      view: View<R>,
      tenantId: TenantId,
      query?: Query<R>,
    ): Effect.Effect<ReadonlyArray<R>, EventStoreUnavailable>

    /**
     * How many of the rows of the live build are so; none as long as there is no live build. Counts no further than
     * `atMost`.
     */
    count<R extends Row>(
      view: View<R>,
      tenantId: TenantId,
      where?: Where<R>,
      atMost?: number,
    ): Effect.Effect<number, EventStoreUnavailable>

    /**
     * How many of the rows of the live build that are so have each value of a column, all at one moment. Values that no
     * row has are not in it. Not for `jsonb`.
     */
    countBy<R extends Row, Column extends keyof R & string>(
      view: View<R>,
      tenantId: TenantId,
      column: Column,
      where?: Where<R>,
    ): Effect.Effect<ReadonlyMap<R[Column], number>, EventStoreUnavailable>

    /**
     * Waits until the live build contains everything up to a position: one's own append, say. False when it
     * does not within the time given; it may be paused. No time: looks once.
     */
    awaitPosition(
      view: Pick<View, "name">,
      position: Position,
      within: Duration.Input,
    ): Effect.Effect<boolean, EventStoreUnavailable>
  }
>()("@holdfast/domain/Views") {}

/** What the projection runner uses: rows of all tenants. */
export class ViewStore extends Context.Service<
  ViewStore,
  {
    /** All builds of all views, newest first within a view. */
    readonly builds: Effect.Effect<ReadonlyArray<Build>, EventStoreUnavailable>

    /**
     * The live build of a view. A view that has none gets an empty one at the beginning of the log. When the live
     * one is of an older version, it is returned as it is: the runner rebuilds.
     */
    open<R extends Row>(
      view: View<R>,
    ): Effect.Effect<Build, OutdatedProjection | ProjectionChanged | EventStoreUnavailable>

    /** The rows with these keys, of those that are there, in any order. A key that is given twice is looked up once. */
    load<R extends Row>(
      view: View<R>,
      build: Build,
      keys: ReadonlyArray<Owned<Partial<R>>>,
    ): Effect.Effect<ReadonlyArray<Owned<R>>, EventStoreUnavailable>

    /**
     * Changes the rows and moves the checkpoint of a live or building build from `build.position` to `to`, both or
     * neither. Where `to` is `build.position`, the epoch is raised instead.
     */
    commit<R extends Row>(
      view: View<R>,
      build: Build,
      to: Position,
      batch: Batch<R>,
    ): Effect.Effect<Build, CheckpointMoved | RowsRefused | EventStoreUnavailable>

    /** Stops a build, with the reason and the dead letter that goes with it. */
    pause(
      build: Build,
      reason: string,
      deadLetter?: DeadLetter,
    ): Effect.Effect<Build, CheckpointMoved | EventStoreUnavailable>
    /** Lets the live build of a view go on. */
    unpause(view: string): Effect.Effect<Build, BuildNotReady | EventStoreUnavailable>

    /** Of one view or of all, in order of view, build and position. */
    deadLetters(view?: string): Effect.Effect<ReadonlyArray<DeadLetter>, EventStoreUnavailable>

    /**
     * Begins an empty build beside the live one, or takes over the one of this version that is being built: its
     * epoch is raised and it is not paused any more. One of another version that is being built is dropped.
     */
    beginBuild<R extends Row>(view: View<R>): Effect.Effect<Build, EventStoreUnavailable>

    /**
     * Fills a building build that stands at the beginning in bulk and moves its checkpoint; indexes are made
     * afterwards. The rows are all there are, each key once. All or nothing.
     */
    fill<R extends Row, E, R2>(
      view: View<R>,
      build: Build,
      to: Position,
      rows: Stream.Stream<Owned<R>, E, R2>,
      deadLetters?: ReadonlyArray<DeadLetter>,
    ): Effect.Effect<Build, CheckpointMoved | RowsRefused | EventStoreUnavailable | E, R2>

    /**
     * Makes a building build live and the live one retired, in one step that readers do not notice: it must have
     * come as far as the live one. A build that was retired before is dropped.
     */
    swap(build: Build): Effect.Effect<Build, CheckpointMoved | BuildNotReady | EventStoreUnavailable>
    /**
     * Makes the retired build live again and the live one retired. It stands where it was left; a runner of its
     * version catches it up.
     */
    rollback(view: string): Effect.Effect<Build, BuildNotReady | EventStoreUnavailable>
    /** Drops a build that is not live, its rows and its dead letters. Nothing happens when it is gone already. */
    drop(build: Build): Effect.Effect<void, BuildNotReady | EventStoreUnavailable>

    /** All rows of a build, in any order, each once. A build that is being advanced shows each row at its own moment. */
    rows<R extends Row>(view: View<R>, build: Build): Stream.Stream<Owned<R>, EventStoreUnavailable>
  }
>()("@holdfast/domain/ViewStore") {}
