/**
 * Keeps the personal part of events unreadable to everyone without the keys, and
 * to everyone once the subject is forgotten.
 *
 * Each stream is a subject with a data key of its own, wrapped by the host's
 * master key. What is sealed is compressed, then encrypted with AES-256-GCM,
 * bound to its tenant, stream and event: moved elsewhere it does not open.
 *
 * ```text
 * format (1) | compression (1) | nonce (12) | ciphertext | tag (16)
 * ```
 *
 * The length of what is sealed shows about how long the text is and how well it
 * compresses; nothing else of it shows.
 */
import { Context, Effect, Layer, Option, Redacted, Schema } from "effect"
import { Aead, Kdf, SecureRandom } from "effect/crypto"

import { Compression } from "./Compression.ts"
import { type DataKey, type DataKeyError, DataKeys } from "./DataKeys.ts"
import { EventStoreUnavailable, type StreamId } from "./EventStore.ts"
import { type EventId, type TenantId } from "./Ids.ts"
import { MasterKeys } from "./MasterKeys.ts"
import { SubjectKeys } from "./SubjectKeys.ts"
import * as Utf8 from "./Utf8.ts"

/** What a sealed part belongs to. */
export interface SealedFor {
  readonly tenantId: TenantId
  readonly streamId: StreamId
  readonly eventId: EventId
}

/**
 * A master key is missing, or what was sealed is damaged or stands in another
 * event than it was sealed for. Nothing was sealed or opened. Asking again helps
 * with `unknown-master-key`, once the key is given. A store of keys that is away
 * is no such error: it is `EventStoreUnavailable`, and passes.
 */
export class SealingError extends Schema.TaggedError<SealingError>()("SealingError", {
  reason: Schema.Literals(["unknown-master-key", "damaged", "forgotten"]),
}) {}

export class Sealer extends Context.Service<
  Sealer,
  {
    /**
     * Fails with `forgotten` once the subject was forgotten: nothing more can be said about it. A process that has not
     * noticed yet may seal for a minute more; nobody can open it.
     */
    seal(context: SealedFor, plain: string): Effect.Effect<Uint8Array, SealingError | EventStoreUnavailable>
    /** None when the subject was forgotten; another process may notice that within a minute only. */
    open(
      context: SealedFor,
      sealed: Uint8Array,
    ): Effect.Effect<Option.Option<string>, SealingError | EventStoreUnavailable>
  }
>()("@holdfast/domain/Sealer") {
  static readonly layer = Layer.effect(
    Sealer,
    Effect.gen(function* () {
      const aead = yield* Aead.Aead
      const keys = yield* DataKeys
      const random = yield* SecureRandom.SecureRandom
      const { deflate, inflate } = yield* Compression

      /** What is clear is not held any longer than it is needed: it may be as long as a large mail. */
      const packed = Effect.fnUntraced(function* (plain: string) {
        const bytes = Utf8.encode(plain)
        const deflated = bytes.length < worthCompressing ? bytes : yield* deflate(bytes)
        return deflated.length < bytes.length
          ? { compression: deflateRaw, bytes: deflated }
          : { compression: uncompressed, bytes }
      })
      const encrypted = Effect.fnUntraced(function* (
        context: SealedFor,
        key: DataKey,
        { bytes, compression }: Effect.Success<ReturnType<typeof packed>>,
      ) {
        const nonce = yield* random.randomBytes(12)
        const ciphertext = yield* Effect.orDie(aead.encrypt(key, bytes, { nonce, aad: boundTo(compression, context) }))
        const sealed = new Uint8Array(headerLength + ciphertext.length)
        sealed[0] = format
        sealed[1] = compression
        sealed.set(nonce, 2)
        sealed.set(ciphertext, headerLength)
        return sealed
      })

      return Sealer.of({
        seal: (context, plain) =>
          keys.obtain(context.tenantId, context.streamId).pipe(
            Effect.mapError(withoutKey),
            Effect.flatMap(
              Option.match({
                onNone: () => Effect.fail(new SealingError({ reason: "forgotten" })),
                onSome: (key) => Effect.flatMap(packed(plain), (packed) => encrypted(context, key, packed)),
              }),
            ),
          ),

        open: Effect.fnUntraced(function* (context, sealed) {
          const key = yield* Effect.mapError(keys.find(context.tenantId, context.streamId), withoutKey)
          const compression = sealed[1] ?? uncompressed
          if (key === undefined || sealed[0] !== format || compression > deflateRaw) return yield* damaged()
          if (Option.isNone(key)) return Option.none()
          const bytes = yield* Effect.mapError(
            aead.decrypt(key.value, sealed.subarray(headerLength), {
              nonce: sealed.subarray(2, headerLength),
              aad: boundTo(compression, context),
            }),
            damaged,
          )
          return Option.some(Utf8.decode(compression === deflateRaw ? yield* inflate(bytes) : bytes))
        }),
      })
    }),
  )

  /** Keys in memory under a master key that ends with the process, and the log in memory that can destroy them. */
  static readonly layerMemory = Layer.unwrap(
    Effect.sync(() => {
      const key = Redacted.make(SecureRandom.randomBytesUnsafe(32))
      return Sealer.layer.pipe(
        Layer.provideMerge(DataKeys.layer),
        Layer.provideMerge(SubjectKeys.layerMemory),
        Layer.provideMerge(MasterKeys.layer({ current: "memory", keys: { memory: key } })),
        Layer.orDie,
        Layer.provideMerge(cryptography),
      )
    }),
  )
}

/** What the layers of this package need of `effect/crypto`, in any runtime. */
export const cryptography = Layer.mergeAll(Aead.layerWebCrypto, Kdf.layerWebCrypto).pipe(
  Layer.provideMerge(SecureRandom.layerWebCrypto),
)

const format = 1
const uncompressed = 0
const deflateRaw = 1
const headerLength = 14

/** Bytes. Shorter texts gain nothing or next to nothing. */
const worthCompressing = 200

/** None of the parts contains control characters. */
const boundTo = (compression: number, { eventId, streamId, tenantId }: SealedFor) =>
  Utf8.encode(`${format}.${compression}\n${tenantId}\n${streamId}\n${eventId}`)

const damaged = () => new SealingError({ reason: "damaged" })

/** The keys cannot be had: for now, or for want of a master key. Whatever became of a key, nothing else was written. */
export const withoutKey = (error: DataKeyError): SealingError | EventStoreUnavailable =>
  error._tag === "CannotUnwrap"
    ? new SealingError({ reason: error.reason })
    : new EventStoreUnavailable({ reason: error.reason, outcome: "nothing-written" })
