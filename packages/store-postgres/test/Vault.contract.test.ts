import { inboxContract, leasesContract, sealerContract, vaultContract } from "@holdfast/domain/testing"

import { pglite, postgres } from "./Vault.layers.ts"

for (const [name, storage] of [
  ["PGlite", pglite],
  ["PostgreSQL", postgres],
] as const) {
  sealerContract(`Sealer on ${name}`, storage)

  vaultContract(`Vault on ${name}`, storage)

  leasesContract(`Leases on ${name}`, storage)

  inboxContract(`Inbox on ${name}`, storage)
}
