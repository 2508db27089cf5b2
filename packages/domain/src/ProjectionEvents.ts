/**
 * The events of a projection, on their way from the log into its rows.
 *
 * What cannot be read is not an error here: it is a matter of one event, and whoever
 * folds decides what becomes of it. Only an outage fails.
 */
import { Cause, Effect, Exit, Result } from "effect"

import * as EventCodec from "./EventCodec.ts"
import { categoryOf, type EncodedEvent, EventStoreUnavailable, type Recorded } from "./EventStore.ts"
import type * as Projection from "./Projection.ts"
import { type Row, type Tagged } from "./Projection.ts"
import { type Sealer, SealingError } from "./Sealer.ts"

/** An event on its way into the rows: decoded, with the keys it touches, or with what is wrong with it. */
export type Prepared<R extends Row, Event> = { readonly recorded: Recorded<EncodedEvent> } & (
  | { readonly decoded: Recorded<Event>; readonly keys: ReadonlyArray<Partial<R>> }
  | { readonly decoded?: undefined; readonly keys?: undefined; readonly problem: string }
)

export const readOf = (projection: Projection.Projection) => ({
  categories: Object.keys(projection.codecs),
  types: [...new Set(Array.from(decodersOf(projection).values(), ({ types }) => Array.from(types)).flat())],
  sealed: projection.personal,
})

/** Decodes what the projection reads. An outage fails; whatever else goes wrong is a matter of one event. */
export const prepare = <R extends Row, Event extends Tagged>(
  projection: Projection.Projection<R, Event>,
  events: ReadonlyArray<Recorded<EncodedEvent>>,
): Effect.Effect<ReadonlyArray<Prepared<R, Event>>, EventStoreUnavailable, Sealer> =>
  projection.personal ? prepareOpened(projection, events) : Effect.sync(() => prepareClear(projection, events))

/** A defect by its name: its message may quote data. */
export const classOf = (defect: unknown) => (defect instanceof Error ? defect.constructor.name : "a defect")

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
  cause: Cause.Cause<EventCodec.UnreadableEvent | SealingError | EventStoreUnavailable>,
): Effect.Effect<string, EventStoreUnavailable> => {
  const error = Cause.squash(cause)
  if (error instanceof EventCodec.UnreadableEvent) return Effect.succeed(problemWith(error))
  if (error instanceof EventStoreUnavailable) return Effect.fail(error)
  return Effect.succeed(error instanceof SealingError ? `SealingError: ${error.reason}` : classOf(error))
}

const problemWith = ({ problem }: EventCodec.UnreadableEvent) => `UnreadableEvent: ${problem}`

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
