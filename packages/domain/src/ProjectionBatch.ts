/**
 * Advances a build, one batch of events and one commit after the other.
 */
import { Effect, Result, Schema, Stream } from "effect"

import { type EncodedEvent, EventLog, type EventStoreUnavailable, Position, type Recorded } from "./EventStore.ts"
import * as Projection from "./Projection.ts"
import { type Owned, type Row, type Tagged } from "./Projection.ts"
import { prepare, type Prepared, readOf } from "./ProjectionEvents.ts"
import { foldBatch, type Ground, groundOf, letterOf, type Poison } from "./ProjectionFold.ts"
import { type Sealer } from "./Sealer.ts"
import { type Build, type CheckpointMoved, type DeadLetter, ViewStore } from "./ViewStore.ts"

export interface Options {
  readonly poison?: Poison | undefined
  /** Events in one transaction. 1000 by default. */
  readonly batchSize?: number | undefined
}

/** The build waits before an event that the projection cannot apply, or was stopped by an operator. */
export class ProjectionPaused extends Schema.TaggedError<ProjectionPaused>()("ProjectionPaused", {
  view: Schema.String,
  position: Position,
  reason: Schema.String,
}) {}

/** The live build is of another version of the definition than this one, so it cannot be advanced with it. Rebuild. */
export class RebuildNeeded extends Schema.TaggedError<RebuildNeeded>()("RebuildNeeded", {
  view: Schema.String,
  live: Schema.Natural,
  mine: Schema.Natural,
}) {}

export const open = Effect.fnUntraced(function* <R extends Row, Event extends Tagged>(
  projection: Projection.Projection<R, Event>,
) {
  const store = yield* ViewStore
  const build = yield* store.open(projection)
  if (build.version !== projection.version) {
    return yield* new RebuildNeeded({ view: build.view, live: build.version, mine: projection.version })
  }
  return yield* groundOf(projection, build)
})

/** Applies everything up to a position, in batches. Reads the events, unless they were read already. */
export const advance = Effect.fnUntraced(function* <R extends Row, Event extends Tagged>(
  projection: Projection.Projection<R, Event>,
  from: Ground,
  until: Position,
  options: Options,
  events?: ReadonlyArray<Recorded<EncodedEvent>>,
) {
  const log = yield* EventLog
  const { batchSize = 1000, poison = "pause" } = options
  let ground = from
  yield* failWhenPaused(ground)
  if (until <= ground.build.position) return ground
  const all: Stream.Stream<Recorded<EncodedEvent>, EventStoreUnavailable> = events === undefined
    ? log.read(ground.build.position, { ...readOf(projection), until })
    : Stream.fromIterable(events)
  yield* all.pipe(
    Stream.grouped(batchSize),
    Stream.runForEach((events) =>
      Effect.gen(function* () {
        const to = events.at(-1)?.position ?? until
        ground = yield* applyBatch(projection, ground, events, to, poison)
        yield* failWhenPaused(ground)
      }),
    ),
  )
  return yield* applyBatch(projection, ground, [], until, poison)
})

/** Applies events and moves the checkpoint to a position, or to just before the event at which the build is paused. */
export const applyBatch = <R extends Row, Event extends Tagged>(
  projection: Projection.Projection<R, Event>,
  ground: Ground,
  events: ReadonlyArray<Recorded<EncodedEvent>>,
  to: Position,
  poison: Poison,
): Effect.Effect<Ground, CheckpointMoved | EventStoreUnavailable, Sealer | ViewStore> =>
  Effect.gen(function* () {
    const store = yield* ViewStore
    const { build, letters } = ground
    if (to <= build.position) return ground

    const prepared = yield* prepare(projection, events)
    const held = Projection.hold(projection, yield* load(projection, build, prepared))
    const { deadLetters, stopped } = foldBatch(projection, ground, held, prepared, poison)
    const reached = stopped === undefined ? to : before(stopped.position)
    const resolved = letters.filter(({ position, state }) => state === "paused" && position <= reached)

    const committed = yield* Effect.result(
      store.commit(projection, build, reached, {
        ...Projection.changesOf(held),
        deadLetters,
        resolved: resolved.map(({ position }) => position),
      }),
    )
    if (Result.isSuccess(committed)) {
      const kept = letters.filter((letter) => !resolved.includes(letter))
      const next = { build: committed.success, letters: [...kept, ...deadLetters] }
      return stopped === undefined ? next : yield* pauseBefore(next, stopped)
    }
    if (committed.failure._tag !== "RowsRefused") return yield* Effect.fail(committed.failure)

    const [refused] = events
    if (refused === undefined) return yield* Effect.die(committed.failure)
    if (events.length > 1) {
      const [first, second] = [events.slice(0, events.length >> 1), events.slice(events.length >> 1)]
      const half = yield* applyBatch(projection, ground, first, first.at(-1)?.position ?? to, poison)
      return half.build.paused === undefined ? yield* applyBatch(projection, half, second, to, poison) : half
    }
    const letter = letterOf(ground, refused, poison, committed.failure.problem)
    if (poison !== "pause") return yield* record(projection, ground, to, letter)
    return yield* pauseBefore(yield* applyBatch(projection, ground, [], before(refused.position), poison), letter)
  })

/** Records a dead letter, and no rows with it. */
export const record = Effect.fnUntraced(function* <R extends Row>(
  view: Projection.View<R>,
  { build, letters }: Ground,
  to: Position,
  letter: DeadLetter,
) {
  const store = yield* ViewStore
  const batch = { patches: [], deletes: [], upserts: [], deadLetters: [letter] }
  const committed = yield* Effect.catchTag(store.commit(view, build, to, batch), "RowsRefused", (error) =>
    Effect.die(error),
  )
  return { build: committed, letters: replacing(letters, letter) }
})

export const load = <R extends Row, Event extends Tagged>(
  projection: Projection.Projection<R, Event>,
  build: Build,
  events: ReadonlyArray<Prepared<R, Event>>,
) =>
  Effect.gen(function* () {
    const keys = new Map<string, Owned<Partial<R>>>()
    for (const { decoded, keys: touched } of events) {
      if (decoded === undefined) continue
      const { tenantId } = decoded
      for (const row of touched) keys.set(Projection.rowKey(projection, tenantId, row), { tenantId, row })
    }
    if (keys.size === 0) return []
    const store = yield* ViewStore
    return yield* store.load(projection, build, [...keys.values()])
  })

const failWhenPaused = ({ build }: Ground) =>
  build.paused === undefined
    ? Effect.void
    : Effect.fail(new ProjectionPaused({ view: build.view, position: build.position, reason: build.paused }))

const before = (position: Position) => Position.make(position - 1n)

/** `projection_paused`: whoever reads the view sees nothing new from here on, so that somebody has to be told. */
const pauseBefore = Effect.fnUntraced(function* ({ build, letters }: Ground, letter: DeadLetter) {
  const store = yield* ViewStore
  const { position, problem } = letter
  const paused = yield* store.pause(build, `position ${position}: ${problem}`, letter)
  yield* Effect.annotateLogs(Effect.logError("projection_paused"), {
    event: "projection_paused",
    view: build.view,
    position: String(position),
    problem,
  })
  return { build: paused, letters: replacing(letters, letter) }
})

const replacing = (letters: ReadonlyArray<DeadLetter>, letter: DeadLetter) => [
  ...letters.filter(({ position }) => position !== letter.position),
  letter,
]
