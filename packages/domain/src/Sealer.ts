/**
 * Keeps the personal part of events unreadable to everyone without the keys, and
 * to everyone once the subject is forgotten.
 *
 * Each stream is a subject with a data key of its own, wrapped by the host's
 * master key. What is sealed is compressed, then encrypted with AES-256-GCM,
 * bound to its tenant, stream and event: moved elsewhere it does not open.
 */
import { Context, type Effect, type Option, Schema } from "effect"

import { type StreamId } from "./EventStore.ts"
import { type EventId, type TenantId } from "./Ids.ts"

/** What a sealed part belongs to. */
export interface SealedFor {
  readonly tenantId: TenantId
  readonly streamId: StreamId
  readonly eventId: EventId
}

/**
 * The keys could not be read, a master key is missing, or what was sealed is
 * damaged or stands in another event than it was sealed for. Nothing was sealed
 * or opened.
 */
export class SealingError extends Schema.TaggedError<SealingError>()("SealingError", {
  reason: Schema.Literals(["unavailable", "unknown-master-key", "damaged", "forgotten"]),
}) {}

export class Sealer extends Context.Service<
  Sealer,
  {
    /** Fails with `forgotten` once the subject was forgotten: nothing more can be said about it. */
    seal(context: SealedFor, plain: string): Effect.Effect<Uint8Array, SealingError>
    /** None when the subject was forgotten. */
    open(context: SealedFor, sealed: Uint8Array): Effect.Effect<Option.Option<string>, SealingError>
  }
>()("@holdfast/domain/Sealer") {}
