/**
 * Every port in memory: for tests, for trying things out, and as the reference
 * that other stores are compared with. What it holds ends with the process.
 */
import { Layer } from "effect"
import { Digest, Mac, SecureRandom } from "effect/crypto"

import * as EventStoreMemory from "./EventStoreMemory.ts"
import { Inbox } from "./Inbox.ts"
import { KeyedHash } from "./KeyedHash.ts"
import { Leases } from "./Leases.ts"
import { Sealer } from "./Sealer.ts"
import { CredentialRows, Vault } from "./Vault.ts"
import * as ViewStoreMemory from "./ViewStoreMemory.ts"

export const layer = Layer.mergeAll(
  EventStoreMemory.layer,
  ViewStoreMemory.layer,
  Inbox.layerMemory,
  Leases.layerMemory,
  KeyedHash.layer,
  Layer.provide(Vault.layer, CredentialRows.layerMemory),
).pipe(
  Layer.provideMerge(Sealer.layerMemory),
  Layer.provideMerge(Layer.mergeAll(Digest.layerWebCrypto, Mac.layerWebCrypto)),
  Layer.provideMerge(SecureRandom.layerWebCrypto),
)
