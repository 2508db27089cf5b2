/**
 * Looks at every live connection as often as it asks for.
 *
 * The scheduler follows the log. It keeps one fiber for each connection that is
 * to be looked at, and replaces it when what the connection asks for changes: a
 * run can be stopped anywhere, because a page is one append and the next run goes
 * on behind it.
 */
import {
  Cause,
  Clock,
  DateTime,
  Duration,
  Effect,
  Equal,
  Exit,
  Fiber,
  Predicate,
  Schedule,
  Semaphore,
  Stream,
} from "effect"

import * as Connection from "./Connection.ts"
import * as Controls from "./Controls.ts"
import * as EventCodec from "./EventCodec.ts"
import { beginning, categoryOf, type EncodedEvent, EventLog, type LogFilter, type Recorded } from "./EventStore.ts"
import { type ConnectionId, type ProviderId, type TenantId } from "./Ids.ts"
import { leaseTime } from "./Sync.ts"

/** A connection that is due. */
export interface Due {
  readonly tenantId: TenantId
  readonly connectionId: ConnectionId
}

export interface Options<E extends Tagged, R> {
  /** The providers whose connections are looked at here. Those that a broker keeps the credentials of are left to it. */
  readonly providers: ReadonlyArray<ProviderId>
  /** One look. What it fails with is the next look's business, and logged unless it is meant to be: {@link isMeant}. */
  readonly sync: (due: Due) => Effect.Effect<unknown, E, R>
  /** How many looks are taken at once. Default 8. */
  readonly concurrency?: number | undefined
}

interface Tagged {
  readonly _tag: string
}

/**
 * Runs until it is interrupted.
 *
 * A connection is looked at when it goes live and then every
 * `pollIntervalSeconds`, counted from the beginning of a look; a look that takes
 * longer is followed by the next one at once. A look that fails with a `retryAt` is
 * followed by none before that. Connections that are out of work
 * (`paused`, `needs_reauth`, `superseded`, `disconnected`) are let go the moment
 * that is recorded. A look that an operator's switch refused (`SyncDisabled`) is
 * taken at once when it is turned on again.
 *
 * Several schedulers on one log are safe: the lease lets one of them through.
 */
export const run = Effect.fn("SyncScheduler.run")(function* <E extends Tagged, R>(options: Options<E, R>) {
  const log = yield* EventLog
  const scope = yield* Effect.scope
  const turns = yield* Semaphore.make(options.concurrency ?? 8)
  const entries = new Map<string, Entry>()

  const adjust = Effect.fnUntraced(function* (entry: Entry) {
    const wanted = options.providers.some((id) => id === entry.state.provider) ? planOf(entry.state) : undefined
    if (Equal.equals(wanted, entry.wanted)) return
    if (!Equal.equals(wanted?.settings, entry.wanted?.settings)) entry.lookedAt = undefined
    entry.wanted = wanted
    yield* begin(entry)
  })

  const begin = Effect.fnUntraced(function* (entry: Entry) {
    const { wanted } = entry
    // What the last look held is free before the next one begins.
    if (entry.fiber !== undefined) yield* Fiber.interrupt(entry.fiber)
    entry.fiber =
      wanted && (yield* Effect.forkIn(look(entry, wanted.pollIntervalSeconds, turns, options.sync(entry.due)), scope))
  })

  /** Looks at what a switch kept from being looked at, in a tenant or everywhere. */
  const enabled = Effect.fnUntraced(function* (tenantId: TenantId) {
    for (const entry of entries.values()) {
      if (!entry.isRefused || (tenantId !== Controls.everywhere && tenantId !== entry.due.tenantId)) continue
      entry.lookedAt = undefined
      entry.isRefused = false
      yield* begin(entry)
    }
  })

  const head = yield* untilAvailable(log.head)
  yield* untilAvailable(
    Effect.suspend(() => {
      entries.clear()
      return Stream.runForEach(log.read(beginning, { ...news, until: head }), (recorded) => take(entries, recorded))
    }),
  )
  yield* Effect.forEach(entries.values(), adjust, { discard: true })
  yield* Stream.runForEach(log.follow(head, { ...news, categories: [Connection.name, Controls.name] }), (recorded) =>
    categoryOf(recorded.streamId) === Controls.name
      ? enabled(recorded.tenantId)
      : Effect.flatMap(take(entries, recorded), (entry) => (entry === undefined ? Effect.void : adjust(entry))),
  )
}, Effect.scoped)

interface Entry {
  readonly due: Due
  state: Connection.State
  /** What the fiber was started for, and the fiber; none while the connection is out of work. */
  wanted: Plan | undefined
  fiber: Fiber.Fiber<void> | undefined
  /** When the last look that came to an end had begun, {@link elapsed}; none when the next one is due at once. */
  lookedAt: number | undefined
  /** Until when the provider wants to be left alone, as the last look learnt, {@link elapsed}. */
  heldUntil: number
  /** Whether a switch kept the last look from being taken. */
  isRefused: boolean
}

/** Folds an event into its connection. Pages and failures are not read: they change nothing about the plan. */
const take = Effect.fnUntraced(
  function* (entries: Map<string, Entry>, recorded: Recorded<EncodedEvent>) {
    const { event, streamId, tenantId } = yield* decode(recorded)
    const key = JSON.stringify([tenantId, streamId])
    const entry = entries.get(key) ?? {
      due: { tenantId, connectionId: Connection.idOf(streamId) },
      state: Connection.initial,
      wanted: undefined,
      fiber: undefined,
      lookedAt: undefined,
      heldUntil: 0,
      isRefused: false,
    }
    entries.set(key, entry)
    entry.state = Connection.evolve(entry.state, event)
    return entry
  },
  // A newer version of this software wrote it: that one looks after the connection.
  Effect.catchTag("UnreadableEvent", () => Effect.succeed(undefined)),
)

interface Plan {
  readonly pollIntervalSeconds: number
  readonly settings: Connection.Settings
}

const planOf = (state: Connection.State): Plan | undefined =>
  state.status === "active" && state.credentialVersion > 0 && state.pollIntervalSeconds !== undefined
    ? { pollIntervalSeconds: state.pollIntervalSeconds, settings: state.settings ?? {} }
    : undefined

const look = <E extends Tagged, R>(
  entry: Entry,
  pollIntervalSeconds: number,
  turns: Semaphore.Semaphore,
  sync: Effect.Effect<unknown, E, R>,
) =>
  Effect.gen(function* () {
    if (entry.lookedAt !== undefined) {
      const due = Math.max(entry.lookedAt + pollIntervalSeconds * 1_000, entry.heldUntil)
      yield* Effect.sleep(Duration.millis(Math.max(0, due - (yield* elapsed))))
    }
    yield* turns.withPermit(
      Effect.gen(function* () {
        const beganAt = yield* elapsed
        const exit = yield* Effect.exit(sync)
        if (Exit.isFailure(exit)) yield* tell(entry.due, exit.cause)
        // Whoever is at work may have died over it: a look is due as soon as its lease has run out.
        const sooner = isFailedBy(exit, "SyncInProgress")
          ? Math.max(0, pollIntervalSeconds * 1_000 - Duration.toMillis(leaseTime))
          : 0
        entry.lookedAt = beganAt - sooner
        entry.heldUntil = Exit.isFailure(exit) ? (yield* elapsed) + waitOf(exit.cause, yield* DateTime.now) : 0
        entry.isRefused = isFailedBy(exit, "SyncDisabled")
      }),
    )
  }).pipe(Effect.forever)

/** By class: what a provider or a store said stays out of the logs. */
const tell = ({ connectionId }: Due, cause: Cause.Cause<Tagged>) => {
  const name = nameOf(cause)
  return isMeant.has(name)
    ? Effect.void
    : Effect.annotateLogs(Effect.logWarning(`A look failed with ${name}`), { connectionId })
}

/** Milliseconds for which the provider wants to be left alone. */
const waitOf = (cause: Cause.Cause<Tagged>, now: DateTime.Utc) => {
  const failure = Cause.squash(cause)
  return Predicate.hasProperty(failure, "retryAt") && DateTime.isDateTime(failure.retryAt)
    ? DateTime.toEpochMillis(failure.retryAt) - DateTime.toEpochMillis(now)
    : 0
}

const isFailedBy = (exit: Exit.Exit<unknown, Tagged>, name: string) =>
  Exit.isFailure(exit) && nameOf(exit.cause) === name

/** Another worker's look is as good as ours, and whoever turned a switch off knows. */
export const isMeant: ReadonlySet<string> = new Set(["SyncDisabled", "SyncInProgress"])

/** Milliseconds by a clock that nobody sets: one that is put back would keep everybody waiting. */
const elapsed = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / 1e6)

const nameOf = (cause: Cause.Cause<Tagged>) => {
  const failure = Cause.squash(cause)
  return Predicate.hasProperty(failure, "_tag") ? String(failure._tag) : "a defect"
}

const untilAvailable = <A, E extends Tagged, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.retry(effect, { while: ({ _tag }) => _tag === "EventStoreUnavailable", schedule: Schedule.spaced("1 second") })

const decode = EventCodec.decode(Connection)

/** The events that say whether and how often; once it runs, those of the switches too. */
const news = {
  categories: [Connection.name],
  types: [...Connection.turningPoints, "sync_enabled"],
  sealed: false,
} satisfies LogFilter
