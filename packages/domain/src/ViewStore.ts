/**
 * The port behind projections: where rows and checkpoints are kept.
 *
 * A view is kept in *builds*. One build is live: it is what hosts read. A rebuild
 * makes another one beside it and swaps them in one step; the one that was live
 * stays, retired, so that the swap can be taken back at once.
 */
import { Context, type Duration, type Effect, Schema, type Stream } from "effect"

import { type EventStoreUnavailable, type Position, type StreamId } from "./EventStore.ts"
import { type TenantId } from "./Ids.ts"
import { type Projection, type Row } from "./Projection.ts"

export const BuildState = Schema.Literals(["building", "live", "retired"])
export type BuildState = typeof BuildState.Type

/** One build of a view, as far as it has come. */
export interface Build {
  readonly view: string
  /** Numbered from 1 for each view. */
  readonly number: number
  /** The version of the definition that fills it. */
  readonly version: number
  readonly state: BuildState
  /** The position of the last event that the rows contain or were told to pass over. */
  readonly position: Position
  /** Raised by whoever takes the build over; what was begun under an older epoch cannot be committed. */
  readonly epoch: number
  /** Why the build is not being advanced: a poison event, or an operator. */
  readonly paused: string | undefined
}

/** A row, and whose it is. */
export interface Owned<R> {
  readonly tenantId: TenantId
  readonly row: R
}

/** What a batch of events does to the rows. Applied in this order. */
export interface RowChanges<R extends Row> {
  /** All rows with these column values go. */
  readonly removes: ReadonlyArray<Owned<Partial<R>>>
  /** The rows with these keys go. */
  readonly deletes: ReadonlyArray<Owned<Partial<R>>>
  readonly upserts: ReadonlyArray<Owned<R>>
}

/** An event that a projection could not apply. */
export interface DeadLetter {
  readonly view: string
  readonly position: Position
  readonly tenantId: TenantId
  readonly streamId: StreamId
  readonly type: string
  /** `parked`: the whole stream is passed over from here, in order, until it is retried. */
  readonly state: "paused" | "parked" | "skipped"
  /** The class of failure; never the data. */
  readonly problem: string
  readonly attempts: number
}

/** Another runner advanced the build, or took it over. Nothing was written. Read the build again. */
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

/** There is no such build, or it is not in a state that allows this. Nothing was changed. */
export class BuildNotReady extends Schema.TaggedError<BuildNotReady>()("BuildNotReady", {
  view: Schema.String,
  problem: Schema.String,
}) {}

/** How rows are asked for. */
export interface Query<R extends Row> {
  /** Columns that must have these values. */
  readonly where?: Partial<R> | undefined
  readonly orderBy?: ReadonlyArray<readonly [column: keyof R & string, direction: "asc" | "desc"]> | undefined
  readonly limit?: number | undefined
}

/** What hosts use: the live build of a view, one tenant at a time. */
export class Views extends Context.Service<
  Views,
  {
    query<R extends Row>(
      projection: Projection<R, never>,
      tenantId: TenantId,
      query?: Query<R>,
    ): Effect.Effect<ReadonlyArray<R>, EventStoreUnavailable>

    /**
     * Waits until the live build contains everything up to a position: one's own append, say. False when it
     * does not within the time given; it may be paused.
     */
    awaitPosition(
      projection: Pick<Projection<Row, never>, "name">,
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
      projection: Projection<R, never>,
    ): Effect.Effect<Build, OutdatedProjection | EventStoreUnavailable>

    /** The rows with these keys, of those that are there. */
    load<R extends Row>(
      projection: Projection<R, never>,
      build: Build,
      keys: ReadonlyArray<Owned<Partial<R>>>,
    ): Effect.Effect<ReadonlyArray<Owned<R>>, EventStoreUnavailable>

    /** Changes the rows and moves the checkpoint from `build.position` to `to`, both or neither. */
    commit<R extends Row>(
      projection: Projection<R, never>,
      build: Build,
      to: Position,
      changes: RowChanges<R>,
      deadLetters?: ReadonlyArray<DeadLetter>,
    ): Effect.Effect<Build, CheckpointMoved | EventStoreUnavailable>

    /** Stops a build, with the reason and the dead letter that goes with it; or lets it go on. */
    pause(build: Build, reason: string, deadLetter?: DeadLetter): Effect.Effect<Build, CheckpointMoved | EventStoreUnavailable>
    unpause(view: string): Effect.Effect<void, BuildNotReady | EventStoreUnavailable>

    deadLetters(view?: string): Effect.Effect<ReadonlyArray<DeadLetter>, EventStoreUnavailable>
    /** Forgets a dead letter that was applied, or is to be tried again in its place. */
    resolve(deadLetter: DeadLetter): Effect.Effect<void, EventStoreUnavailable>

    /** Begins an empty build beside the live one, or takes over the one that is being built. */
    beginBuild<R extends Row>(projection: Projection<R, never>): Effect.Effect<Build, EventStoreUnavailable>

    /**
     * Fills an empty building build in bulk and moves its checkpoint; indexes are made afterwards. The rows are
     * all there are, each key once.
     */
    fill<R extends Row, E, R2>(
      projection: Projection<R, never>,
      build: Build,
      to: Position,
      rows: Stream.Stream<Owned<R>, E, R2>,
    ): Effect.Effect<Build, CheckpointMoved | EventStoreUnavailable | E, R2>

    /** Makes a building build live and the live one retired, in one step that readers do not notice. */
    swap(build: Build): Effect.Effect<Build, CheckpointMoved | BuildNotReady | EventStoreUnavailable>
    /** Makes the last retired build live again; its runner then catches it up. */
    rollback(view: string): Effect.Effect<Build, BuildNotReady | EventStoreUnavailable>
    /** Drops a build that is not live. */
    drop(build: Build): Effect.Effect<void, BuildNotReady | EventStoreUnavailable>

    /** All rows of a build, ordered by tenant and key: what `verify` compares. */
    rows<R extends Row>(
      projection: Projection<R, never>,
      build: Build,
    ): Stream.Stream<Owned<R>, EventStoreUnavailable>
  }
>()("@holdfast/domain/ViewStore") {}
