/**
 * Events folded into rows that are held in memory, past those that the projection cannot apply.
 */
import { Effect, Result, Schema, Stream } from "effect"

import { type EncodedEvent, EventLog, Position, type Recorded, StreamId } from "./EventStore.ts"
import { TenantId } from "./Ids.ts"
import * as Projection from "./Projection.ts"
import { type Row, type Tagged } from "./Projection.ts"
import { classOf, prepare, type Prepared, readOf } from "./ProjectionEvents.ts"
import { type Build, type DeadLetter, ViewStore } from "./ViewStore.ts"

/**
 * What to do about an event that a projection cannot apply, after everything before it is committed.
 *
 * `pause`: wait before it for an operator. `park`: pass over its stream from there on, so that what is retried later
 * is still in order. `skip`: pass over this event alone. All are recorded as dead letters and can be retried.
 */
export type Poison = "pause" | "park" | "skip"

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

/** A build as a runner stands on it, with what it passes over. */
export interface Ground {
  readonly build: Build
  readonly letters: ReadonlyArray<DeadLetter>
}

export const groundOf = Effect.fnUntraced(function* (view: Pick<Projection.View, "name">, build: Build) {
  const store = yield* ViewStore
  const letters = yield* store.deadLetters(view.name)
  const ground: Ground = { build, letters: letters.filter((letter) => letter.build === build.number) }
  return ground
})

/** Folds a part of the log into the rows held, page by page, until there is no more or `isEnough`. */
export const foldLog = Effect.fnUntraced(function* <R extends Row, Event extends Tagged>(
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
    // The store looks up the next page while this one is folded.
    Stream.bufferArray({ capacity: 1 }),
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

export const poisonEvent = ({ position, problem, streamId, tenantId, type, view }: DeadLetter) =>
  new PoisonEvent({ view, position, tenantId, streamId, type, problem })

/** Applies what can be applied to the rows held, and says what could not. */
export const foldBatch = <R extends Row, Event extends Tagged>(
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

export const letterOf = (
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

/** What is passed over can wait, but not that somebody is to be forgotten. */
const removeOnly = <R extends Row, Event extends Tagged>(
  projection: Projection.Projection<R, Event>,
  held: Projection.Held<R>,
  { decoded }: Prepared<R, Event>,
) => {
  if (decoded === undefined) return
  const patches = Result.try(() => Projection.patchesOf(projection, decoded))
  for (const { set, where } of Result.getOrElse(patches, () => [])) {
    if (set === undefined) Projection.patch(projection, held, { tenantId: decoded.tenantId, where, set })
  }
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
