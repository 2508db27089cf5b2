/**
 * A fold of the log that reads on: for whoever looks at all of it now and then.
 *
 * What was folded is kept in this process with the position that it is of, so that each look reads what was recorded
 * since the one before. It is rebuilt by the first look of the next process.
 */
import { Effect, Option, Semaphore, Stream } from "effect"

import { beginning, type EncodedEvent, EventLog, type LogFilter, Position, type Recorded } from "./EventStore.ts"

interface Kept<State> {
  readonly turn: Semaphore.Semaphore
  state: State
  /** Everything up to here is folded. */
  reached: Position
  /** The event that was folded last: it is not there any more where the log was restored to what it was before. */
  last: Recorded<EncodedEvent> | undefined
}

/**
 * The events of a filter as they are folded now, of the log that is provided; each log has a fold of its own. What it
 * gives is the fold itself, and changes with the next look: take out of it what is to last.
 */
export const make = <State>(
  filter: LogFilter,
  initial: () => State,
  fold: (state: State, recorded: Recorded<EncodedEvent>) => State,
) => {
  const all = new WeakMap<EventLog["Service"], Kept<State>>()
  return Effect.gen(function* () {
    const log = yield* EventLog
    const kept = all.get(log) ?? { turn: Semaphore.makeUnsafe(1), ...unread(initial()) }
    all.set(log, kept)
    return yield* kept.turn.withPermit(
      Effect.gen(function* () {
        const head = yield* log.head
        if (head === kept.reached) return kept.state
        if (!(yield* isThere(log, kept.last))) Object.assign(kept, unread(initial()))
        yield* Stream.runForEach(log.read(kept.reached, { ...filter, until: head }), (recorded) =>
          Effect.sync(() => {
            kept.state = fold(kept.state, recorded)
            // Whoever is interrupted has folded this one.
            kept.reached = recorded.position
            kept.last = recorded
          }),
        )
        kept.reached = head
        return kept.state
      }),
    )
  })
}

const unread = <State>(state: State) => ({ state, reached: beginning, last: undefined })

const isThere = (log: EventLog["Service"], last: Recorded<EncodedEvent> | undefined) =>
  last === undefined
    ? Effect.succeed(true)
    : Effect.map(
        Stream.runHead(log.read(previous(last.position), { until: last.position, sealed: false })),
        Option.exists(({ event }) => event.id === last.event.id),
      )

const previous = (position: Position) => Position.make(position - 1n)
