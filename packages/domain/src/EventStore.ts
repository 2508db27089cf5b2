/**
 * The ports through which the domain remembers what happened.
 *
 * A store keeps encoded events; aggregates and projections own the codecs. Every
 * event is addressed twice: by its version within its stream (1, 2, 3, …) and by
 * its position among all events of all tenants (ascending, with gaps).
 *
 * {@link EventStore} is what an application uses: one tenant at a time.
 * {@link EventLog} is what projections, exports and operators use: all tenants,
 * in order.
 */
import { Context, type DateTime, type Effect, Schema, type Stream } from "effect"

import { Actor, EventId, type TenantId } from "./Ids.ts"

/** Names a stream as `<category>-<id>`, or `<category>` where a tenant has only one. */
export const StreamId = Schema.String.check(
  Schema.isPattern(/^[a-z][a-z_]{0,30}(-[A-Za-z0-9_.:-]{1,200})?$/, { expected: "<category>-<id>" }),
).pipe(Schema.brand("StreamId"))
export type StreamId = typeof StreamId.Type

/** The part of a stream's name before its first dash: what kind of thing the stream is about. */
export const categoryOf = (streamId: StreamId): string => {
  const dash = streamId.indexOf("-")
  return dash === -1 ? streamId : streamId.slice(0, dash)
}

/** Where an event stands among all events. Ascending in the order in which readers see them; never reused. */
export const Position = Schema.BigInt.pipe(Schema.brand("Position"))
export type Position = typeof Position.Type

/** The position before the first event. */
export const beginning: Position = Position.make(0n)

/** Who and what caused the events of one append. */
export const Metadata = Schema.Struct({
  actor: Actor,
  /** Shared by everything that one request of the host led to. */
  correlationId: Schema.optionalKey(Schema.String),
  /** The event that this is a consequence of. */
  causationId: Schema.optionalKey(EventId),
})
export type Metadata = typeof Metadata.Type

/** An event as stored. */
export interface EncodedEvent {
  readonly id: EventId
  readonly type: string
  /** The shape of `data` and of the sealed part, from 1; old shapes are upcast when read. */
  readonly schemaVersion: number
  /** The clear part: no personal data. */
  readonly data: { readonly [field: string]: Schema.Json }
  /** The personal part, encrypted under the data key of the event's stream. */
  readonly sealed?: Uint8Array | undefined
}

/** An event, with where, when and by whom it was recorded. */
export interface Recorded<out Event> {
  readonly event: Event
  readonly tenantId: TenantId
  readonly streamId: StreamId
  /** From 1, without gaps. */
  readonly version: number
  readonly position: Position
  readonly metadata: Metadata
  /** By the store's clock. Informative: order is the position's business. */
  readonly recordedAt: DateTime.Utc
}

/**
 * What a stream must look like for an append to happen: at exactly this version
 * (0: does not exist), not existing, existing, or anything.
 */
export type ExpectedVersion = number | "none" | "exists" | "any"

/** A unique key within the tenant, and the stream that holds it. */
export interface Claim {
  readonly key: string
  readonly holder: StreamId
}

/**
 * What is appended together, or not at all.
 *
 * Claims are released before others are acquired. Acquiring a key that the same
 * stream already holds, and releasing one that the stream does not hold, change
 * nothing.
 */
export interface AppendRequest {
  readonly tenantId: TenantId
  /** Each stream once. No events: only the expectation is checked. */
  readonly streams: ReadonlyArray<{
    readonly streamId: StreamId
    readonly expected: ExpectedVersion
    readonly events: ReadonlyArray<EncodedEvent>
  }>
  readonly metadata: Metadata
  readonly acquire?: ReadonlyArray<Claim> | undefined
  readonly release?: ReadonlyArray<Claim> | undefined
  /** Streams whose personal data becomes unreadable for ever, with this append. */
  readonly forget?: ReadonlyArray<StreamId> | undefined
  /**
   * Makes repeating the request harmless for ever: under the same key the first
   * result is returned, provided the fingerprint (a digest of what was asked, by
   * the caller) is the same.
   */
  readonly idempotency?: { readonly key: string; readonly fingerprint: string } | undefined
}

export interface Appended {
  /** Of the last event appended; the store's {@link beginning} when there was none. */
  readonly position: Position
  /** The version of each requested stream after the append, in the order of the request. */
  readonly versions: ReadonlyArray<number>
  /** The same request was appended before: this is its result. */
  readonly repeated: boolean
}

/** A stream is not as expected: another writer was first. Nothing was written. Read it again and decide anew. */
export class VersionConflict extends Schema.TaggedError<VersionConflict>()("VersionConflict", {
  streamId: StreamId,
  expected: Schema.Union([Schema.Natural, Schema.Literals(["none", "exists", "any"])]),
  actual: Schema.Natural,
}) {}

/** A key is held by another stream. Nothing was written. Asking again helps once the holder releases it. */
export class ClaimConflict extends Schema.TaggedError<ClaimConflict>()("ClaimConflict", {
  key: Schema.String,
  holder: StreamId,
}) {}

/** The idempotency key was used for another request. Nothing was written. Asking again does not help. */
export class IdempotencyConflict extends Schema.TaggedError<IdempotencyConflict>()("IdempotencyConflict", {
  key: Schema.String,
}) {}

/** The request is malformed. Nothing was written. Asking again does not help. */
export class InvalidAppend extends Schema.TaggedError<InvalidAppend>()("InvalidAppend", {
  /** Where: `streams[0].events[2].data`. */
  at: Schema.String,
  /** What is wrong there; never the value. */
  problem: Schema.String,
}) {}

/** The store could not be reached or did not answer. Asking again helps once it is back. */
export class EventStoreUnavailable extends Schema.TaggedError<EventStoreUnavailable>()("EventStoreUnavailable", {
  /** The class of failure, without any of the data involved. */
  reason: Schema.String,
  /** Whether the append may have happened all the same; give it an idempotency key to find out by repeating it. */
  outcome: Schema.Literals(["nothing-written", "unknown"]),
}) {}

export type AppendError = VersionConflict | ClaimConflict | IdempotencyConflict | InvalidAppend | EventStoreUnavailable

export interface ReadStreamOptions {
  /** First version, inclusive, in reading direction. */
  readonly from?: number | undefined
  readonly direction?: "forwards" | "backwards" | undefined
  readonly limit?: number | undefined
  /** Whether the sealed part is read. Default true. */
  readonly sealed?: boolean | undefined
}

/** What a reader of the log wants; everything by default. Names within a list are alternatives, lists combine. */
export interface LogFilter {
  readonly categories?: ReadonlyArray<string> | undefined
  readonly types?: ReadonlyArray<string> | undefined
  readonly tenantId?: TenantId | undefined
  /** Whether the sealed part is read. Default true. */
  readonly sealed?: boolean | undefined
}

/** What a reader finds who waited for the log to go on. */
export interface Page {
  /** What is wanted of it, in order. There may be none. */
  readonly events: ReadonlyArray<Recorded<EncodedEvent>>
  /** The position up to which these events are all. */
  readonly to: Position
  /** How far there is more to read, if it is beyond `to`. */
  readonly head: Position
}

export class EventStore extends Context.Service<
  EventStore,
  {
    /**
     * Appends all of it or nothing, in one round trip. A request that fails draws no position.
     * Inside the host's own database transaction it commits and rolls back with it.
     */
    append(request: AppendRequest): Effect.Effect<Appended, AppendError>

    /** The events of one stream in order; none if it does not exist. */
    readStream(
      tenantId: TenantId,
      streamId: StreamId,
      options?: ReadStreamOptions,
    ): Stream.Stream<Recorded<EncodedEvent>, EventStoreUnavailable>

    /** The stream that holds a claim. */
    holderOf(tenantId: TenantId, key: string): Effect.Effect<StreamId | undefined, EventStoreUnavailable>
  }
>()("@holdfast/domain/EventStore") {}

/**
 * The whole log. No reader skips or repeats an event, whatever commits late,
 * rolls back or holds a transaction open; writers never wait for readers.
 */
export class EventLog extends Context.Service<
  EventLog,
  {
    /** The last position that is safe to have read: no event will appear at or before it any more. */
    readonly head: Effect.Effect<Position, EventStoreUnavailable>

    /**
     * Events after a position, in order, up to `until` or to the head at the time of the first read. Ends there.
     * Safe to keep slow: it reads page by page and holds nothing open between pages.
     */
    read(
      after: Position,
      options?: LogFilter & { readonly until?: Position | undefined },
    ): Stream.Stream<Recorded<EncodedEvent>, EventStoreUnavailable>

    /** Events before a position (the head if none), newest first. */
    readBackwards(
      before: Position | undefined,
      options?: LogFilter,
    ): Stream.Stream<Recorded<EncodedEvent>, EventStoreUnavailable>

    /**
     * Waits until the head is beyond a position, and reads on from there. Woken by a hint soon after a commit, and by a
     * poll that slows down while nothing happens. Survives any outage of the store: it never fails.
     */
    next(after: Position, filter?: LogFilter): Effect.Effect<Page>

    /** Events after a position as they are recorded: catches up, then stays. Never ends, never fails. */
    follow(after: Position, options?: LogFilter): Stream.Stream<Recorded<EncodedEvent>>
  }
>()("@holdfast/domain/EventLog") {}
