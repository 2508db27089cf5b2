import { Layer } from "effect"

import * as EventStoreMemory from "../src/EventStoreMemory.ts"
import { Inbox } from "../src/Inbox.ts"
import { Leases } from "../src/Leases.ts"
import { cryptography } from "../src/Sealer.ts"
import { SubjectKeys } from "../src/SubjectKeys.ts"
import { inboxContract, leasesContract, sealerContract, vaultContract } from "../src/testing/index.ts"
import { CredentialRows } from "../src/Vault.ts"

const storage = Layer.merge(
  EventStoreMemory.layer.pipe(Layer.provideMerge(SubjectKeys.layerMemory)),
  CredentialRows.layerMemory,
)

sealerContract("Sealer in memory", storage)

vaultContract("Vault in memory", storage)

leasesContract("Leases in memory", Leases.layerMemory.pipe(Layer.provide(cryptography)))

inboxContract("Inbox in memory", Inbox.layerMemory)
