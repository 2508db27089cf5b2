/**
 * The log in memory: for tests, simulations and the first minutes with the library.
 *
 * It promises what the other stores promise and refuses what they refuse, and it
 * yields before and after every step, so that races show.
 */
import { Context, DateTime, Deferred, Effect, Layer, Option, Stream } from "effect"

import * as AppendRequest from "./AppendRequest.ts"
import {
  type Appended,
  beginning,
  categoryOf,
  ClaimConflict,
  type EncodedEvent,
  EventLog,
  EventStore,
  type ExpectedVersion,
  IdempotencyConflict,
  type LogFilter,
  type Page,
  Position,
  type Recorded,
  type StreamId,
  VersionConflict,
} from "./EventStore.ts"
import { type TenantId } from "./Ids.ts"

/** How an append forgets: what destroys the data keys of streams. A sealer in memory provides it; nothing does by default. */
export const DestroyKeys = Context.Reference<
  (tenantId: TenantId, streams: ReadonlyArray<StreamId>) => Effect.Effect<void>
>("@holdfast/domain/EventStoreMemory/DestroyKeys", { defaultValue: () => () => Effect.void })

/** An empty log of its own for each time it is built. */
export const layer: Layer.Layer<EventStore | EventLog> = Layer.effectContext(
  Effect.gen(function* () {
    const destroyKeys = yield* DestroyKeys
    const log: Array<Recorded<EncodedEvent>> = []
    const streams = new Map<string, Array<Recorded<EncodedEvent>>>()
    const claims = new Map<string, StreamId>()
    const commands = new Map<string, { readonly fingerprint: string; readonly appended: Appended }>()
    let grown = Deferred.makeUnsafe<void>()

    const head = (): Position => log.at(-1)?.position ?? beginning
    const streamOf = (tenantId: TenantId, streamId: StreamId) => streams.get(keyOf(tenantId, streamId)) ?? []

    /** One step: nothing else happens between looking and writing. */
    const transact = ({ data, request }: AppendRequest.Checked, recordedAt: DateTime.Utc) => {
      const { acquire = [], idempotency, metadata, release = [], tenantId } = request
      const command = idempotency && commands.get(keyOf(tenantId, idempotency.key))
      if (idempotency !== undefined && command !== undefined) {
        return command.fingerprint === idempotency.fingerprint
          ? { ...command.appended, repeated: true }
          : new IdempotencyConflict({ key: idempotency.key })
      }
      for (const { expected, streamId } of request.streams) {
        const actual = streamOf(tenantId, streamId).length
        if (!isAsExpected(expected, actual)) return new VersionConflict({ streamId, expected, actual })
      }
      const isReleased = (key: string, holder: StreamId) =>
        release.some((released) => released.key === key && released.holder === holder)
      for (const { holder, key } of acquire) {
        const current = claims.get(keyOf(tenantId, key))
        if (current !== undefined && current !== holder && !isReleased(key, current)) {
          return new ClaimConflict({ key, holder: current })
        }
      }

      for (const { holder, key } of release) {
        if (claims.get(keyOf(tenantId, key)) === holder) claims.delete(keyOf(tenantId, key))
      }
      for (const { holder, key } of acquire) claims.set(keyOf(tenantId, key), holder)
      const before = head()
      const versions = request.streams.map(({ events, streamId }, index) => {
        const stream = streamOf(tenantId, streamId)
        for (const [n, event] of events.entries()) {
          const recorded: Recorded<EncodedEvent> = {
            event: copy(event, data[index]?.[n] ?? ""),
            tenantId,
            streamId,
            version: stream.length + 1,
            position: Position.make(head() + 1n),
            metadata,
            recordedAt,
          }
          log.push(recorded)
          stream.push(recorded)
        }
        if (stream.length > 0) streams.set(keyOf(tenantId, streamId), stream)
        return stream.length
      })
      const appended = { position: head() === before ? beginning : head(), versions, repeated: false }
      if (idempotency !== undefined) {
        commands.set(keyOf(tenantId, idempotency.key), { fingerprint: idempotency.fingerprint, appended })
      }
      return appended
    }

    const store = EventStore.of({
      append: Effect.fn("EventStoreMemory.append")(function* (request) {
        const checked = yield* Effect.fromResult(AppendRequest.check(request))
        yield* Effect.yieldNow
        const recordedAt = yield* DateTime.now
        const appended = transact(checked, recordedAt)
        if ("_tag" in appended) return yield* appended
        const { forget = [], tenantId } = request
        if (forget.length > 0 && !appended.repeated) yield* destroyKeys(tenantId, forget)
        yield* Deferred.succeed(grown, undefined)
        grown = Deferred.makeUnsafe()
        yield* Effect.yieldNow
        return appended
      }, Effect.uninterruptible),

      readStream: (tenantId, streamId, { direction = "forwards", from, limit, sealed = true } = {}) =>
        pages(() => {
          const stream = streamOf(tenantId, streamId)
          const all =
            direction === "forwards"
              ? stream.slice(Math.max((from ?? 1) - 1, 0))
              : stream.slice(0, Math.max(from ?? stream.length, 0)).toReversed()
          return all.slice(0, limit).map(sealed ? whole : clear)
        }),

      holderOf: Effect.fn("EventStoreMemory.holderOf")(function* (tenantId, key) {
        yield* Effect.yieldNow
        return claims.get(keyOf(tenantId, key))
      }),
    })

    const read: EventLog["Service"]["read"] = (after, { until, ...filter } = {}) =>
      pages(() => {
        const end = until ?? head()
        return select(
          log.filter(({ position }) => position > after && position <= end),
          filter,
        )
      })

    const next = Effect.fn("EventStoreMemory.next")(function* (after: Position, filter: LogFilter = {}) {
      yield* Effect.yieldNow
      while (head() <= after) yield* Deferred.await(grown)
      const wanted = select(
        log.filter(({ position }) => position > after),
        filter,
      )
      const events = wanted.slice(0, pageSize)
      const last = wanted.length > pageSize ? events.at(-1) : undefined
      return { events, to: last?.position ?? head(), head: head() } satisfies Page
    })

    return Context.make(EventStore, store).pipe(
      Context.add(
        EventLog,
        EventLog.of({
          head: Effect.andThen(Effect.yieldNow, Effect.sync(head)),
          read,
          readBackwards: (before, filter = {}) =>
            pages(() =>
              select(log.filter(({ position }) => before === undefined || position < before).toReversed(), filter),
            ),
          next,
          follow: (after, filter) =>
            Stream.paginate(after, (after) =>
              Effect.map(next(after, filter), ({ events, to }) => [events, Option.some(to)] as const),
            ),
        }),
      ),
    )
  }),
)

/** Tenants contain no control characters. */
const keyOf = (tenantId: TenantId, name: string) => `${tenantId}\n${name}`

const isAsExpected = (expected: ExpectedVersion, actual: number) => {
  switch (expected) {
    case "any":
      return true
    case "exists":
      return actual > 0
    case "none":
      return actual === 0
    default:
      return actual === expected
  }
}

/** What the caller does with its objects afterwards changes nothing here. */
const copy = ({ id, schemaVersion, sealed, type }: EncodedEvent, json: string): EncodedEvent => ({
  id,
  type,
  schemaVersion,
  data: JSON.parse(json),
  ...(sealed !== undefined && { sealed: sealed.slice() }),
})

const select = (
  all: ReadonlyArray<Recorded<EncodedEvent>>,
  { categories, sealed = true, tenantId, types }: LogFilter,
) =>
  all
    .filter(
      (recorded) =>
        (categories === undefined || categories.includes(categoryOf(recorded.streamId))) &&
        (types === undefined || types.includes(recorded.event.type)) &&
        (tenantId === undefined || tenantId === recorded.tenantId),
    )
    .map(sealed ? whole : clear)

const whole = (recorded: Recorded<EncodedEvent>) => recorded

const clear = (recorded: Recorded<EncodedEvent>): Recorded<EncodedEvent> => {
  const { sealed: _, ...event } = recorded.event
  return { ...recorded, event }
}

const pageSize = 64

const pages = (all: () => ReadonlyArray<Recorded<EncodedEvent>>) =>
  Stream.fromIterableEffect(Effect.andThen(Effect.yieldNow, Effect.sync(all))).pipe(Stream.rechunk(pageSize))
