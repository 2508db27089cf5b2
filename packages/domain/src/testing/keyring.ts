/** What the contracts of everything encrypted stand on: processes with master keys, on one storage. */
import { Effect, Layer, Redacted } from "effect"
import { Mac, SecureRandom } from "effect/crypto"

import * as DataKeys from "../DataKeys.ts"
import { type EventStore } from "../EventStore.ts"
import { EventId, TenantId } from "../Ids.ts"
import * as KeyedHash from "../KeyedHash.ts"
import { MasterKeys } from "../MasterKeys.ts"
import * as Sealer from "../Sealer.ts"
import { type SubjectKeys } from "../SubjectKeys.ts"
import * as Vault from "../Vault.ts"

/** Where wrapped keys and encrypted credentials are kept, and the log that forgets. */
export type Storage = SubjectKeys | Vault.CredentialRows | EventStore

/** A process of the host: it has master keys, the first of them current, and remembers data keys of its own. */
export const processWith = (...ids: readonly [string, ...ReadonlyArray<string>]) =>
  Layer.fresh(
    Layer.mergeAll(Sealer.Sealer.layer, KeyedHash.KeyedHash.layer, Vault.Vault.layer).pipe(
      Layer.provideMerge(DataKeys.DataKeys.layer),
      Layer.provideMerge(
        Layer.orDie(
          MasterKeys.layer({ current: ids[0], keys: Object.fromEntries(ids.map((id) => [id, masterKeyOf(id)])) }),
        ),
      ),
      Layer.provideMerge(Mac.layerWebCrypto),
      Layer.provideMerge(Sealer.cryptography),
    ),
  )

export const freshId = Effect.flatMap(SecureRandom.SecureRandom, (random) => random.uuidV7())
export const freshEventId = Effect.map(freshId, (id) => EventId.make(id))
export const freshTenant = Effect.map(freshId, (id) => TenantId.make(`tenant-${id}`))

/** A test's key is its name, repeated. */
const masterKeyOf = (id: string) =>
  Redacted.make(Uint8Array.from({ length: 32 }, (_, index) => id.charCodeAt(index % id.length) ^ index))
