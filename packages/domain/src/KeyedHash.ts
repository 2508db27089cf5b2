/**
 * Compares identifiers without keeping them: an IBAN, a mailbox address, Google's
 * `sub`.
 *
 * The hash is HMAC-SHA256 under a key of the tenant's own. That key is random,
 * made once, kept among the {@link SubjectKeys} and wrapped like them. So
 * - a hash tells nothing to somebody who has the database and can guess the
 *   identifier, as an IBAN can be guessed: the master key is needed to try;
 * - the same account in two tenants has two hashes, and neither gives a hint of
 *   the other;
 * - rotating the master key wraps the hash key anew and changes no hash. Hashes
 *   stand in events and claims for ever, so their key is never replaced: a copy of
 *   the log without its subject keys recognises nobody;
 * - an owner who knows an identifier cannot find it in another tenant.
 */
import { Context, Effect, Layer, Option } from "effect"
import { Aead, Mac } from "effect/crypto"

import { type DataKey, DataKeys } from "./DataKeys.ts"
import { type EventStoreUnavailable } from "./EventStore.ts"
import { IdentityHash, type TenantId } from "./Ids.ts"
import { SealingError, withoutKey } from "./Sealer.ts"
import * as Utf8 from "./Utf8.ts"

/** The subject that has the key. No stream can have this name. */
export const subject = "@keyed-hashes"

export class KeyedHash extends Context.Service<
  KeyedHash,
  {
    /**
     * `kind` keeps equal texts of different meaning apart (`iban`, `gmail.sub`); it is stored nowhere and must never
     * change. `canonical` is the form that equal identifiers have in common: the caller's business.
     */
    hash(
      tenantId: TenantId,
      kind: string,
      canonical: string,
    ): Effect.Effect<IdentityHash, SealingError | EventStoreUnavailable>
  }
>()("@holdfast/domain/KeyedHash") {
  static readonly layer = Layer.effect(
    KeyedHash,
    Effect.gen(function* () {
      const keys = yield* DataKeys
      const mac = yield* Mac.Mac
      // By the data key itself: what is made of it is remembered as long as it, and no longer.
      const made = new WeakMap<DataKey, Mac.Key>()
      const macKeyOf = Effect.fnUntraced(function* (key: DataKey) {
        const known = made.get(key)
        if (known !== undefined) return known
        const macKey = yield* Effect.flatMap(Aead.toBytes(key), (bytes) => Mac.key(Mac.hmacSha256, bytes))
        made.set(key, macKey)
        return macKey
      })

      return KeyedHash.of({
        hash: Effect.fn("KeyedHash.hash")(function* (tenantId, kind, canonical) {
          const key = yield* Effect.mapError(keys.obtain(tenantId, subject), withoutKey)
          if (Option.isNone(key)) return yield* new SealingError({ reason: "forgotten" })
          const text = Utf8.encode(JSON.stringify([kind, canonical]))
          const tag = yield* Effect.orDie(Effect.flatMap(macKeyOf(key.value), (macKey) => mac.sign(macKey, text)))
          return IdentityHash.make(Array.from(tag, (byte) => byte.toString(16).padStart(2, "0")).join(""))
        }),
      })
    }),
  )
}
