/**
 * Keeps views up to the log: reads events, folds them with a projection, commits
 * rows and checkpoint together.
 *
 * ```text
 * EventLog ─ batch ─▶ decode ─▶ load touched rows ─▶ fold in memory ─▶ commit rows + checkpoint
 *                                                                      guarded by position and epoch
 * ```
 *
 * Any number of runners may run one projection: of those that advance a build at
 * the same time one commits, and the others begin again from where it left off.
 * All that a projection is given is rows and events: a replay has nothing to
 * cause a side effect with.
 */
import { Cause, Effect, Equal, Exit, Option, Result, Schedule, Schema, Stream } from "effect"

import * as EventCodec from "./EventCodec.ts"
import {
  beginning,
  categoryOf,
  type EncodedEvent,
  EventLog,
  EventStore,
  EventStoreUnavailable,
  Position,
  type Recorded,
  StreamId,
} from "./EventStore.ts"
import { TenantId } from "./Ids.ts"
import * as Projection from "./Projection.ts"
import { type Owned, type Row } from "./Projection.ts"
import { type Sealer, SealingError } from "./Sealer.ts"
import { type Build, type CheckpointMoved, type DeadLetter, ViewStore } from "./ViewStore.ts"

/**
 * What to do about an event that a projection cannot apply, after everything before it is committed.
 *
 * `pause`: wait before it for an operator. `park`: pass over its stream from there on, so that what is retried later
 * is still in order. `skip`: pass over this event alone. All are recorded as dead letters and can be retried.
 */
export type Poison = "pause" | "park" | "skip"

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

/** The projection cannot apply an event. What was before it is kept; repeating helps once the projection is mended. */
export class PoisonEvent extends Schema.TaggedError<PoisonEvent>()("PoisonEvent", {
  view: Schema.String,
  position: Position,
  tenantId: TenantId,
  streamId: StreamId,
  type: Schema.String,
  /** The class of failure; never the data. */
  problem: Schema.String,
}) {}

/** Nothing of this view's live build was passed over at this position. */
export class NoDeadLetter extends Schema.TaggedError<NoDeadLetter>()("NoDeadLetter", {
  view: Schema.String,
  position: Position,
}) {}

/**
 * Runs a projection for ever: catches up, then follows. Survives every outage, with pauses that grow to a second.
 *
 * A view whose live build is of an older version is rebuilt beside it, unless this version was live before: then it
 * was rolled back, and stays so until somebody asks for {@link rebuild}. While the live build is of a newer version
 * than this program's, or is paused, it waits.
 */
export const run = <R extends Row, Event extends Tagged>(
  projection: Projection.Projection<R, Event>,
  options: RebuildOptions = {},
) => {
  const advancing = Effect.gen(function* () {
    const log = yield* EventLog
    let ground = yield* open(projection)
    let head = yield* log.head
    while (true) {
      ground = yield* advance(projection, ground, head, options)
      const moved = yield* Effect.timeoutOption(log.awaitBeyond(ground.build.position), "2 seconds")
      head = Option.getOrElse(moved, () => head)
      // No event tells that another build was put in the place of this one, and that one may stand behind the head.
      if (Option.isNone(moved)) ground = yield* open(projection)
    }
  })

  const settling = advancing.pipe(
    Effect.catchTag("RebuildNeeded", () =>
      Effect.gen(function* () {
        const store = yield* ViewStore
        const mine = (yield* store.builds).filter((build) => isOf(projection, build))
        const wasLive = mine.some(({ state, version }) => state === "retired" && version >= projection.version)
        if (wasLive) return yield* Effect.sleep("5 seconds")
        yield* rebuild(projection, options)
      }),
    ),
    // Another runner was faster. It will be again: this one stands by, in case it goes away.
    Effect.catchTag("CheckpointMoved", () => Effect.sleep("250 millis")),
    Effect.catchTags({
      ProjectionPaused: () => Effect.sleep("1 second"),
      OutdatedProjection: ({ live, mine, view }) =>
        Effect.andThen(
          Effect.logWarning(`${view} is live in version ${live}; version ${mine} waits`),
          Effect.sleep("30 seconds"),
        ),
      PoisonEvent: ({ position, problem, view }) =>
        Effect.andThen(
          Effect.logError(`${view} cannot be rebuilt past position ${position}: ${problem}`),
          Effect.sleep("30 seconds"),
        ),
      // A rebuild elsewhere took over from one begun here: let it finish.
      RebuildTakenOver: () => Effect.sleep("5 seconds"),
    }),
  )

  return Effect.forever(
    Effect.retry(settling, {
      schedule: Schedule.jittered(Schedule.min([Schedule.exponential("50 millis"), Schedule.spaced("1 second")])),
    }),
  ).pipe(Effect.withSpan("ProjectionRunner.run", { attributes: { view: projection.name } }))
}

/** Catches a projection up to a position, or to the head as it is now, and returns the build. For tests and commands. */
export const catchUp = Effect.fn("ProjectionRunner.catchUp")(function* <R extends Row, Event extends Tagged>(
  projection: Projection.Projection<R, Event>,
  options: Options & { readonly until?: Position | undefined } = {},
) {
  const log = yield* EventLog
  const until = options.until ?? (yield* log.head)
  const advanced = Effect.flatMap(open(projection), (ground) => advance(projection, ground, until, options))
  const { build } = yield* Effect.retry(advanced, {
    while: ({ _tag }) => _tag === "CheckpointMoved",
    schedule: Schedule.jittered(Schedule.spaced("5 millis")),
  })
  return build
})

/** Applies one batch, if there is something to apply, and returns the build. */
export const runOnce = Effect.fn("ProjectionRunner.runOnce")(function* <R extends Row, Event extends Tagged>(
  projection: Projection.Projection<R, Event>,
  options: Options = {},
) {
  const log = yield* EventLog
  const ground = yield* open(projection)
  const size = options.batchSize ?? 1000
  const until = yield* log.head
  const events = yield* Stream.runCollect(
    Stream.take(log.read(ground.build.position, { ...readOf(projection), until }), size),
  )
  const to = events.length < size ? until : (events.at(-1)?.position ?? until)
  return (yield* applyBatch(projection, ground, events, to, options.poison ?? "pause")).build
})

/** How far a rebuild or a verification has come. */
export interface Progress {
  readonly phase: "folding" | "filling" | "catching-up" | "comparing"
  readonly position: Position
  /** Where the log ended when the phase began. */
  readonly until: Position
  /** Events read so far. */
  readonly events: number
}

export interface RebuildOptions extends Options {
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
export const rebuild = Effect.fn("ProjectionRunner.rebuild")(function* <R extends Row, Event extends Tagged>(
  projection: Projection.Projection<R, Event>,
  options: RebuildOptions = {},
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
      ground = yield* advance(projection, ground, until, { ...options, batchSize: options.batchSize ?? 5000 }).pipe(
        Effect.catchTag("ProjectionPaused", () => Effect.flatMap(poisonOf(begun), Effect.fail)),
      )
      const swapped = yield* Effect.result(store.swap(ground.build))
      if (Result.isSuccess(swapped)) return swapped.success
      const isBehind = swapped.failure._tag === "BuildNotReady" && swapped.failure.problem === "behind-the-live-build"
      if (!isBehind) return yield* Effect.fail(swapped.failure)
    }
  }).pipe(Effect.catchTag("CheckpointMoved", () => Effect.fail(new RebuildTakenOver({ view: projection.name }))))
})

/** Makes the build that was live before the last swap live again. */
export const rollback = Effect.fn("ProjectionRunner.rollback")(function* (view: Pick<Projection.View, "name">) {
  const store = yield* ViewStore
  return yield* store.rollback(view.name)
})

/** What a comparison of a live build with the log found: only the keys, for rows may be personal. */
export interface Verified {
  readonly build: Build
  /** Rows that are right. */
  readonly equal: number
  readonly missing: ReadonlyArray<Owned<Row>>
  readonly extra: ReadonlyArray<Owned<Row>>
  readonly different: ReadonlyArray<Owned<Row>>
  /** What was passed over on the way, in the build as in the comparison. */
  readonly deadLetters: ReadonlyArray<DeadLetter>
}

/**
 * Folds the log again, all of it in memory, and compares every row of the live build with what it should be. The
 * build may be advanced meanwhile: what differs is looked at again where the build then stands.
 */
export const verify = Effect.fn("ProjectionRunner.verify")(function* <R extends Row, Event extends Tagged>(
  projection: Projection.Projection<R, Event>,
  options: Pick<RebuildOptions, "onProgress"> = {},
) {
  const store = yield* ViewStore
  const { onProgress = () => Effect.void } = options
  let ground = yield* open(projection)
  const held = Projection.hold<R>(projection, [])
  const touched = new Set<string>()
  const until = ground.build.position
  const foldTo = (after: Position, to: Position) =>
    foldLog(projection, ground, held, { after, to, poison: "pause" }, ({ count, events, position }) => {
      for (const { keys = [], recorded } of events) {
        for (const key of keys) touched.add(Projection.rowKey(projection, recorded.tenantId, key))
      }
      return Effect.as(onProgress({ phase: "folding", position, until, events: count }), false)
    })
  yield* foldTo(beginning, until)

  const suspects = new Map<string, Owned<Partial<R>>>()
  const unseen = new Set(held.rows.keys())
  let rows = 0
  yield* Stream.runForEach(store.rows(projection, ground.build), (owned) => {
    const address = Projection.rowKey(projection, owned.tenantId, owned.row)
    rows += 1
    unseen.delete(address)
    if (!sameRow(projection, owned.row, held.rows.get(address)?.row)) suspects.set(address, keyOf(projection, owned))
    return rows % 10_000 === 0 ? onProgress({ phase: "comparing", position: until, until, events: rows }) : Effect.void
  })
  for (const address of unseen) {
    const owned = held.rows.get(address)
    if (owned !== undefined) suspects.set(address, keyOf(projection, owned))
  }

  const missing: Array<Owned<Row>> = []
  const extra: Array<Owned<Row>> = []
  const different: Array<Owned<Row>> = []
  while (suspects.size > 0) {
    const at = ground.build.position
    ground = yield* open(projection)
    yield* foldTo(at, ground.build.position)
    const before = ground.build.position
    const stored = Projection.hold(projection, yield* store.load(projection, ground.build, [...suspects.values()]))
    touched.clear()
    ground = yield* open(projection)
    yield* foldTo(before, ground.build.position)
    for (const [address, key] of suspects) {
      // It was changed while it was looked at: look again.
      if (touched.has(address)) continue
      suspects.delete(address)
      const [is, should] = [stored.rows.get(address)?.row, held.rows.get(address)?.row]
      if (sameRow(projection, is, should)) continue
      const found = is === undefined ? missing : should === undefined ? extra : different
      found.push(key as Owned<Row>)
    }
  }
  const { build, letters: deadLetters } = ground
  return {
    build,
    equal: rows - extra.length - different.length,
    missing,
    extra,
    different,
    deadLetters,
  } satisfies Verified
})

/**
 * Tries again what a live build passed over, and says whether it could be applied now.
 *
 * A paused build is let go on, and its runner tries. Of a parked stream everything is applied that the build has come
 * past, in order: as if nothing had happened, wherever rows depend on one stream. A skipped event is applied late, to
 * what its rows have become: where order matters, rebuild instead.
 */
export const retry = Effect.fn("ProjectionRunner.retry")(
  function* <R extends Row, Event extends Tagged>(projection: Projection.Projection<R, Event>, position: Position) {
    const store = yield* ViewStore
    const { build, letters } = yield* open(projection)
    const letter = letters.find((letter) => letter.position === position)
    if (letter === undefined) return yield* new NoDeadLetter({ view: projection.name, position })
    if (letter.state === "paused") {
      yield* store.unpause(projection.name)
      return "let-go-on" as const
    }

    const prepared = yield* prepare(projection, yield* eventsToRetry(projection, letter, build.position))
    const held = Projection.hold(projection, yield* load(projection, build, prepared))
    const poison = letter.state === "parked" ? "park" : "skip"
    const settled = { build, letters: letters.filter((other) => other !== letter) }
    const { deadLetters } = foldBatch(projection, settled, held, prepared, poison)
    const committed = yield* Effect.result(
      store.commit(projection, build, build.position, {
        ...Projection.changesOf(held),
        resolved: [letter.position],
        deadLetters: deadLetters.map((failed) => ({ ...failed, attempts: letter.attempts + 1 })),
      }),
    )
    if (Result.isSuccess(committed)) return deadLetters.length === 0 ? ("applied" as const) : ("still-failing" as const)
    const { failure } = committed
    if (failure._tag !== "RowsRefused") return yield* Effect.fail(failure)
    const refused = { ...letter, problem: failure.problem, attempts: letter.attempts + 1 }
    yield* record(projection, { build, letters }, build.position, refused)
    return "still-failing" as const
  },
  Effect.retry({
    while: (error) => error._tag === "CheckpointMoved",
    schedule: Schedule.jittered(Schedule.spaced("5 millis")),
  }),
)

interface Tagged {
  readonly _tag: string
}

/** A build as a runner stands on it, with what it passes over. */
interface Ground {
  readonly build: Build
  readonly letters: ReadonlyArray<DeadLetter>
}

/** An event on its way into the rows: decoded, with the keys it touches, or with what is wrong with it. */
type Prepared<R extends Row, Event> = { readonly recorded: Recorded<EncodedEvent> } & (
  | { readonly decoded: Recorded<Event>; readonly keys: ReadonlyArray<Partial<R>> }
  | { readonly decoded?: undefined; readonly keys?: undefined; readonly problem: string }
)

const isOf = (view: Pick<Projection.View, "name">, build: Build) => build.view === view.name

const open = Effect.fnUntraced(function* <R extends Row, Event extends Tagged>(
  projection: Projection.Projection<R, Event>,
) {
  const store = yield* ViewStore
  const build = yield* store.open(projection)
  if (build.version !== projection.version) {
    return yield* new RebuildNeeded({ view: build.view, live: build.version, mine: projection.version })
  }
  return yield* groundOf(projection, build)
})

const groundOf = Effect.fnUntraced(function* (view: Pick<Projection.View, "name">, build: Build) {
  const store = yield* ViewStore
  const letters = yield* store.deadLetters(view.name)
  const ground: Ground = { build, letters: letters.filter((letter) => letter.build === build.number) }
  return ground
})

/** Applies everything up to a position, in batches. */
const advance = Effect.fnUntraced(function* <R extends Row, Event extends Tagged>(
  projection: Projection.Projection<R, Event>,
  from: Ground,
  until: Position,
  options: Options,
) {
  const log = yield* EventLog
  const { batchSize = 1000, poison = "pause" } = options
  let ground = from
  yield* failWhenPaused(ground)
  if (until <= ground.build.position) return ground
  yield* log.read(ground.build.position, { ...readOf(projection), until }).pipe(
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

const failWhenPaused = ({ build }: Ground) =>
  build.paused === undefined
    ? Effect.void
    : Effect.fail(new ProjectionPaused({ view: build.view, position: build.position, reason: build.paused }))

/** Applies events and moves the checkpoint to a position, or to just before the event at which the build is paused. */
const applyBatch = <R extends Row, Event extends Tagged>(
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

const before = (position: Position) => Position.make(position - 1n)

const pauseBefore = Effect.fnUntraced(function* ({ build, letters }: Ground, letter: DeadLetter) {
  const store = yield* ViewStore
  const paused = yield* store.pause(build, `position ${letter.position}: ${letter.problem}`, letter)
  return { build: paused, letters: replacing(letters, letter) }
})

/** Records a dead letter, and no rows with it. */
const record = Effect.fnUntraced(function* <R extends Row>(
  view: Projection.View<R>,
  { build, letters }: Ground,
  to: Position,
  letter: DeadLetter,
) {
  const store = yield* ViewStore
  const batch = { removes: [], deletes: [], upserts: [], deadLetters: [letter] }
  const committed = yield* Effect.catchTag(store.commit(view, build, to, batch), "RowsRefused", (error) =>
    Effect.die(error),
  )
  return { build: committed, letters: replacing(letters, letter) }
})

const replacing = (letters: ReadonlyArray<DeadLetter>, letter: DeadLetter) => [
  ...letters.filter(({ position }) => position !== letter.position),
  letter,
]

/** Applies what can be applied to the rows held, and says what could not. */
const foldBatch = <R extends Row, Event extends Tagged>(
  projection: Projection.Projection<R, Event>,
  ground: Ground,
  held: Projection.Held<R>,
  events: ReadonlyArray<Prepared<R, Event>>,
  poison: Poison,
): { readonly deadLetters: ReadonlyArray<DeadLetter>; readonly stopped: DeadLetter | undefined } => {
  const parked = new Map<string, Position>()
  const skipped = new Set<Position>()
  const passOver = ({ position, state, streamId, tenantId }: DeadLetter) => {
    if (state === "parked") parked.set(`${tenantId} ${streamId}`, position)
    if (state === "skipped") skipped.add(position)
  }
  for (const letter of ground.letters) passOver(letter)

  const deadLetters: Array<DeadLetter> = []
  for (const event of events) {
    const { position, streamId, tenantId } = event.recorded
    if (parked.size > 0 || skipped.size > 0) {
      const from = parked.get(`${tenantId} ${streamId}`)
      if (skipped.has(position) || (from !== undefined && from <= position)) {
        removeOnly(projection, held, event)
        continue
      }
    }
    const problem = tryApply(projection, held, event)
    if (problem === undefined) continue
    const letter = letterOf(ground, event.recorded, poison, problem)
    if (poison === "pause") return { deadLetters, stopped: letter }
    deadLetters.push(letter)
    passOver(letter)
  }
  return { deadLetters, stopped: undefined }
}

/** What is passed over can wait, but not that somebody is to be forgotten. */
const removeOnly = <R extends Row, Event extends Tagged>(
  projection: Projection.Projection<R, Event>,
  held: Projection.Held<R>,
  { decoded }: Prepared<R, Event>,
) => {
  if (decoded === undefined || projection.removes === undefined) return
  const removed = Result.getOrUndefined(Result.try(() => projection.removes?.(decoded)))
  if (removed !== undefined) Projection.remove(held, { tenantId: decoded.tenantId, row: removed })
}

/** What is wrong with the event, if it could not be applied; then nothing of it was. */
const tryApply = <R extends Row, Event extends Tagged>(
  projection: Projection.Projection<R, Event>,
  held: Projection.Held<R>,
  event: Prepared<R, Event>,
): string | undefined => {
  if (event.decoded === undefined) return event.problem
  try {
    Projection.apply(projection, held, event.decoded, event.keys)
    return undefined
  } catch (defect) {
    return classOf(defect)
  }
}

const letterOf = (
  { build, letters }: Ground,
  { event, position, streamId, tenantId }: Recorded<EncodedEvent>,
  poison: Poison,
  problem: string,
): DeadLetter => ({
  view: build.view,
  build: build.number,
  position,
  tenantId,
  streamId,
  type: event.type,
  state: ({ pause: "paused", park: "parked", skip: "skipped" } as const)[poison],
  problem,
  attempts: 1 + (letters.find((letter) => letter.position === position)?.attempts ?? 0),
})

const load = <R extends Row, Event extends Tagged>(
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

/** Decodes what the projection reads. An outage fails; whatever else goes wrong is a matter of one event. */
const prepare = <R extends Row, Event extends Tagged>(
  projection: Projection.Projection<R, Event>,
  events: ReadonlyArray<Recorded<EncodedEvent>>,
): Effect.Effect<ReadonlyArray<Prepared<R, Event>>, EventStoreUnavailable, Sealer> =>
  projection.personal ? prepareOpened(projection, events) : Effect.sync(() => prepareClear(projection, events))

const prepareClear = <R extends Row, Event extends Tagged>(
  projection: Projection.Projection<R, Event>,
  events: ReadonlyArray<Recorded<EncodedEvent>>,
) => {
  const decoders = decodersOf(projection)
  const prepared: Array<Prepared<R, Event>> = []
  for (const recorded of events) {
    const decoder = decoders.get(categoryOf(recorded.streamId))
    if (!decoder?.types.has(recorded.event.type)) continue
    const decoded = decoder.decodeClear(recorded)
    prepared.push(
      Result.isSuccess(decoded)
        ? touching(projection, recorded, decoded.success)
        : { recorded, problem: problemWith(decoded.failure) },
    )
  }
  return prepared
}

const prepareOpened = <R extends Row, Event extends Tagged>(
  projection: Projection.Projection<R, Event>,
  events: ReadonlyArray<Recorded<EncodedEvent>>,
) => {
  const decoders = decodersOf(projection)
  return Effect.gen(function* () {
    const prepared: Array<Prepared<R, Event>> = []
    for (const recorded of events) {
      const decoder = decoders.get(categoryOf(recorded.streamId))
      if (!decoder?.types.has(recorded.event.type)) continue
      const exit = yield* Effect.exit(decoder.decode(recorded))
      prepared.push(
        Exit.isSuccess(exit)
          ? touching(projection, recorded, exit.value)
          : { recorded, problem: yield* problemOf(exit.cause) },
      )
    }
    return prepared
  })
}

const touching = <R extends Row, Event extends Tagged>(
  projection: Projection.Projection<R, Event>,
  recorded: Recorded<EncodedEvent>,
  decoded: Recorded<Event>,
): Prepared<R, Event> => {
  try {
    return { recorded, decoded, keys: projection.touches(decoded) }
  } catch (defect) {
    return { recorded, problem: classOf(defect) }
  }
}

const problemOf = (
  cause: Cause.Cause<EventCodec.UnreadableEvent | SealingError>,
): Effect.Effect<string, EventStoreUnavailable> => {
  const error = Cause.squash(cause)
  if (error instanceof EventCodec.UnreadableEvent) return Effect.succeed(problemWith(error))
  if (!(error instanceof SealingError)) return Effect.succeed(classOf(error))
  return error.reason === "unavailable"
    ? Effect.fail(new EventStoreUnavailable({ reason: "the keys could not be read", outcome: "nothing-written" }))
    : Effect.succeed(`SealingError: ${error.reason}`)
}

const problemWith = ({ problem }: EventCodec.UnreadableEvent) => `UnreadableEvent: ${problem}`

/** A defect by its name: its message may quote data. */
const classOf = (defect: unknown) => (defect instanceof Error ? defect.constructor.name : "a defect")

const readOf = (projection: Projection.Projection) => ({
  categories: Object.keys(projection.codecs),
  types: [...new Set(Array.from(decodersOf(projection).values(), ({ types }) => Array.from(types)).flat())],
  sealed: projection.personal,
})

interface Decoders<Event> {
  readonly decode: ReturnType<typeof EventCodec.decode<Event & Tagged>>
  readonly decodeClear: ReturnType<typeof EventCodec.decodeClear<Event & Tagged>>
}

interface Decoder<Event> extends Decoders<Event> {
  readonly types: ReadonlySet<string>
}

/** By category. Compiled once for each codec, because compiling a schema costs more than decoding a batch. */
const decodersOf = <R extends Row, Event extends Tagged>(
  projection: Projection.Projection<R, Event>,
): ReadonlyMap<string, Decoder<Event>> =>
  new Map(
    Object.entries(projection.codecs).map(([category, codec]) => [
      category,
      {
        types: new Set(Object.keys(codec.Event.cases).filter((type) => projection.types?.includes(type) ?? true)),
        ...compiled(codec),
      },
    ]),
  )

const compiled = <Event extends Tagged>(codec: EventCodec.EventCodec<Event>): Decoders<Event> => {
  const known = compiledDecoders.get(codec) as Decoders<Event> | undefined
  if (known !== undefined) return known
  const decoders: Decoders<Event> = { decode: EventCodec.decode(codec), decodeClear: EventCodec.decodeClear(codec) }
  compiledDecoders.set(codec, decoders)
  return decoders
}

const compiledDecoders = new WeakMap<object, unknown>()

/** Folds a part of the log into the rows held, page by page, until there is no more or `isEnough`. */
const foldLog = Effect.fnUntraced(function* <R extends Row, Event extends Tagged>(
  projection: Projection.Projection<R, Event>,
  ground: Ground,
  held: Projection.Held<R>,
  range: { readonly after: Position; readonly to: Position; readonly poison: Poison },
  isEnough: (page: {
    readonly events: ReadonlyArray<Prepared<R, Event>>
    readonly count: number
    readonly position: Position
  }) => Effect.Effect<boolean>,
) {
  const log = yield* EventLog
  const { after, poison, to } = range
  let { letters } = ground
  if (to <= after) return { position: after, letters }
  let position = after
  let count = 0
  let enough = false
  yield* log.read(after, { ...readOf(projection), until: to }).pipe(
    // Short-lived garbage is cheap: what is decoded is folded before the next is.
    Stream.rechunk(500),
    Stream.chunks,
    Stream.mapEffect((page) =>
      Effect.gen(function* () {
        const events = yield* prepare(projection, page)
        const { deadLetters, stopped } = foldBatch(projection, { ...ground, letters }, held, events, poison)
        if (stopped !== undefined) return yield* poisonEvent(stopped)
        if (deadLetters.length > 0) letters = [...letters, ...deadLetters]
        position = page.at(-1)?.position ?? position
        count += page.length
        enough = yield* isEnough({ events, count, position })
      }),
    ),
    Stream.takeUntil(() => enough),
    Stream.runDrain,
  )
  return { position: enough ? position : to, letters }
})

const poisonEvent = ({ position, problem, streamId, tenantId, type, view }: DeadLetter) =>
  new PoisonEvent({ view, position, tenantId, streamId, type, problem })

/** Fills an empty build with as much of the log as fits into memory. */
const fillFromLog = Effect.fnUntraced(function* <R extends Row, Event extends Tagged>(
  projection: Projection.Projection<R, Event>,
  build: Build,
  options: RebuildOptions,
) {
  const store = yield* ViewStore
  const log = yield* EventLog
  const { memory = 96_000_000, onProgress = () => Effect.void, poison = "pause" } = options
  const until = yield* log.head
  const held = Projection.hold<R>(projection, [])
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

const eventsToRetry = Effect.fnUntraced(function* (
  projection: Projection.Projection,
  letter: DeadLetter,
  until: Position,
) {
  const store = yield* EventStore
  const { position, state, streamId, tenantId } = letter
  const last = state === "skipped" ? position : until
  const events = yield* Stream.runCollect(store.readStream(tenantId, streamId, { sealed: projection.personal }))
  return events.filter((recorded) => position <= recorded.position && recorded.position <= last)
})

const keyOf = <R extends Row>({ key }: Projection.View<R>, { row, tenantId }: Owned<R>): Owned<Partial<R>> => ({
  tenantId,
  row: pick(row, key),
})

const pick = <R extends Row>(row: R, columns: ReadonlyArray<keyof R & string>): Partial<R> => {
  const picked: Partial<R> = {}
  for (const column of columns) picked[column] = row[column]
  return picked
}

const sameRow = <R extends Row>(view: Projection.View<R>, a: R | undefined, b: R | undefined) =>
  a === undefined || b === undefined
    ? a === b
    : Object.keys(view.columns).every((column) => Equal.equals(a[column], b[column]))
