/**
 * Runs commands against aggregates: load, decide, append.
 *
 * {@link handle} is the whole of it for a command that concerns one stream. What
 * concerns several is put together from the same parts: {@link load} each,
 * {@link decide} each, and {@link append} all the changes at once, inside
 * {@link decidingAgain}.
 */
import { Effect, Result, Schedule, Stream } from "effect"
import { SecureRandom } from "effect/crypto"

import { type Decider } from "./Decider.ts"
import * as EventCodec from "./EventCodec.ts"
import {
  type AppendRequest,
  type EncodedEvent,
  EventStore,
  type EventStoreUnavailable,
  type StreamId,
} from "./EventStore.ts"
import { EventId, type TenantId } from "./Ids.ts"
import { type Sealer, type SealingError } from "./Sealer.ts"

/** A decider together with the streams its events live in and the way they are stored. */
export interface Aggregate<Id, State, Command, Event extends Tagged, Rejection>
  extends Decider<State, Command, Event, Rejection>, EventCodec.EventCodec<Event> {
  readonly streamId: (id: Id) => StreamId
  /** What is logged of a change once it is recorded. Nothing personal; not for anything that has to happen. */
  readonly announce?: (
    before: Loaded<State>,
    after: { readonly state: State; readonly events: ReadonlyArray<Event> },
  ) => Effect.Effect<void>
}

export interface Tagged {
  readonly _tag: string
}

/** A stream as it was read: the ground on which a decision is made. */
export interface Loaded<State> {
  readonly tenantId: TenantId
  readonly streamId: StreamId
  readonly state: State
  /** The version that `state` is at; 0 when the stream does not exist. */
  readonly version: number
}

/** What was decided about one stream, and is not recorded yet. */
export interface Change<State = unknown, Event extends Tagged = Tagged> extends Loaded<State> {
  readonly events: ReadonlyArray<Event>
  /** The claims that the events make the stream take and give up. */
  readonly acquire: ReadonlyArray<string>
  readonly release: ReadonlyArray<string>
  readonly encoded: Effect.Effect<
    ReadonlyArray<EncodedEvent>,
    SealingError | EventStoreUnavailable,
    Sealer | SecureRandom.SecureRandom
  >
  /** What is logged once they are recorded. */
  readonly announcement: Effect.Effect<void>
}

/**
 * Reads a stream and folds it. Personal data stays `Withheld` unless it is asked
 * for: few decisions need it, and most of a feed's bytes are personal.
 */
export const load = <Id, State, Command, Event extends Tagged, Rejection>(
  aggregate: Aggregate<Id, State, Command, Event, Rejection>,
  options: { readonly personal: boolean } = { personal: false },
) => {
  const readOn = reading(aggregate, options)

  return Effect.fn("Aggregate.load")((tenantId: TenantId, id: Id) =>
    readOn({ tenantId, streamId: aggregate.streamId(id), state: aggregate.initial, version: 0 }),
  )
}

/** Reads what was added to a stream since it was loaded, and folds it onto the state that is given. */
export const catchUp = <Id, State, Command, Event extends Tagged, Rejection>(
  aggregate: Aggregate<Id, State, Command, Event, Rejection>,
) => Effect.fn("Aggregate.catchUp")(reading(aggregate, { personal: false }))

const reading = <Id, State, Command, Event extends Tagged, Rejection>(
  aggregate: Aggregate<Id, State, Command, Event, Rejection>,
  { personal }: { readonly personal: boolean },
) => {
  const decode = EventCodec.decodeStream(aggregate)

  return Effect.fnUntraced(function* (loaded: Loaded<State>) {
    const store = yield* EventStore
    const { streamId, tenantId, version } = loaded
    return yield* Stream.runFold(
      decode(store.readStream(tenantId, streamId, { from: version + 1, sealed: personal })),
      () => loaded,
      (loaded, { event, version }) => ({ ...loaded, state: aggregate.evolve(loaded.state, event), version }),
    )
  })
}

/** Decides commands one after the other on what was loaded. The change's `state` is the one after its events. */
export const decide = <Id, State, Command, Event extends Tagged, Rejection>(
  aggregate: Aggregate<Id, State, Command, Event, Rejection>,
) => {
  const encode = EventCodec.encode(aggregate)

  return (
    loaded: Loaded<State>,
    ...commands: ReadonlyArray<Command>
  ): Result.Result<Change<State, Event>, Rejection> => {
    const { streamId, tenantId } = loaded
    let state = loaded.state
    const events: Array<Event> = []
    for (const command of commands) {
      const decided = aggregate.decide(state, command)
      if (Result.isFailure(decided)) return Result.fail(decided.failure)
      state = decided.success.reduce(aggregate.evolve, state)
      events.push(...decided.success)
    }
    const [before, after] = [aggregate.claims(loaded.state), aggregate.claims(state)]
    return Result.succeed({
      ...loaded,
      state,
      events,
      acquire: after.filter((key) => !before.includes(key)),
      release: before.filter((key) => !after.includes(key)),
      encoded: Effect.forEach(events, (event) =>
        Effect.flatMap(freshId, (id) => encode(tenantId, streamId, id, event)),
      ),
      announcement: aggregate.announce?.(loaded, { state, events }) ?? Effect.void,
    })
  }
}

/** No change: a stream that has to be as it was read, for the others that are appended to. */
export const unchanged = <State>(loaded: Loaded<State>): Change<State> => ({
  ...loaded,
  events: [],
  acquire: [],
  release: [],
  encoded: Effect.succeed([]),
  announcement: Effect.void,
})

/** The stream as it is once a change is recorded. */
export const after = <State>({ events, state, streamId, tenantId, version }: Change<State>): Loaded<State> => ({
  tenantId,
  streamId,
  state,
  version: version + events.length,
})

/** Appends changes of one tenant together, or none of them. */
export const append = Effect.fn("Aggregate.append")(function* (
  changes: readonly [Change, ...ReadonlyArray<Change>],
  options: Pick<AppendRequest, "forget" | "idempotency" | "metadata">,
) {
  const store = yield* EventStore
  const streams = yield* Effect.forEach(changes, ({ encoded, streamId, version }) =>
    Effect.map(encoded, (events) => ({ streamId, expected: version, events })),
  )
  const claims = (kind: "acquire" | "release") =>
    changes.flatMap((change) => change[kind].map((key) => ({ key, holder: change.streamId })))
  const appended = yield* store.append({
    ...options,
    tenantId: changes[0].tenantId,
    streams,
    acquire: claims("acquire"),
    release: claims("release"),
  })
  yield* Effect.forEach(changes, ({ announcement }) => announcement, { discard: true })
  return appended
})

/**
 * Handles a command that concerns one stream, and returns what it changed.
 *
 * A command that changes nothing appends nothing, unless it has an idempotency
 * key: then that it was asked is recorded too.
 */
export const handle = <Id, State, Command, Event extends Tagged, Rejection extends Tagged>(
  aggregate: Aggregate<Id, State, Command, Event, Rejection>,
) => {
  const loadOne = load(aggregate)
  const decideOne = decide(aggregate)

  return Effect.fn("Aggregate.handle")(
    function* (
      tenantId: TenantId,
      id: Id,
      command: Command,
      options: Pick<AppendRequest, "forget" | "idempotency" | "metadata">,
    ) {
      const change = yield* Effect.fromResult(decideOne(yield* loadOne(tenantId, id), command))
      if (change.events.length > 0 || options.idempotency !== undefined) yield* append([change], options)
      return change
    },
    (effect) => decidingAgain(effect),
  )
}

/**
 * Runs a whole decision again, on the longer history, when another writer was
 * first to a stream or a claim. After ten losses in a row the conflict is the caller's.
 */
export const decidingAgain = <A, E extends Tagged, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.retry(effect, {
    while: (error) => error._tag === "VersionConflict" || error._tag === "ClaimConflict",
    schedule: Schedule.jittered(Schedule.exponential("2 millis")),
    times: 10,
  })

const freshId = Effect.flatMap(SecureRandom.SecureRandom, (random) =>
  Effect.map(random.uuidV7(), (id) => EventId.make(id)),
)
