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
import { Effect, Option, Result, Schedule, Schema, Stream } from "effect"

import { EventLog, EventStore, Position } from "./EventStore.ts"
import * as Projection from "./Projection.ts"
import { type Row, type Tagged } from "./Projection.ts"
import { advance, applyBatch, load, open, type Options, record } from "./ProjectionBatch.ts"
import { prepare, readOf } from "./ProjectionEvents.ts"
import { foldBatch } from "./ProjectionFold.ts"
import * as Rebuild from "./Rebuild.ts"
import { type Build, type DeadLetter, ViewStore } from "./ViewStore.ts"

/** Nothing of this view's live build was passed over at this position. */
export class NoDeadLetter extends Schema.TaggedError<NoDeadLetter>()("NoDeadLetter", {
  view: Schema.String,
  position: Position,
}) {}

/**
 * Runs a projection for ever: catches up, then follows. Survives every outage, with pauses that grow to a second.
 *
 * A view whose live build is of an older version is rebuilt beside it, unless this version was live before: then it
 * was rolled back, and stays so until somebody asks for a rebuild. While the live build is of a newer version
 * than this program's, or is paused, it waits.
 */
export const run = <R extends Row, Event extends Tagged>(
  projection: Projection.Projection<R, Event>,
  options: Rebuild.Options = {},
) => {
  const advancing = Effect.gen(function* () {
    const log = yield* EventLog
    const reading = readOf(projection)
    let ground = yield* advance(projection, yield* open(projection), yield* log.head, options)
    while (true) {
      const { position } = ground.build
      const page = Option.getOrUndefined(yield* Effect.timeoutOption(log.next(position, reading), "2 seconds"))
      // No event tells that another build was put in the place of this one, and that one may stand behind the head.
      ground =
        page === undefined
          ? yield* advance(projection, yield* open(projection), position, options)
          : yield* advance(projection, ground, page.head, options, page.to === page.head ? page.events : undefined)
    }
  })

  const settling = advancing.pipe(
    Effect.catchTag("RebuildNeeded", () =>
      Effect.gen(function* () {
        const store = yield* ViewStore
        const mine = (yield* store.builds).filter((build) => isOf(projection, build))
        const wasLive = mine.some(({ state, version }) => state === "retired" && version >= projection.version)
        if (wasLive) return yield* Effect.sleep("5 seconds")
        yield* Rebuild.rebuild(projection, options)
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
const isOf = (view: Pick<Projection.View, "name">, build: Build) => build.view === view.name

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
