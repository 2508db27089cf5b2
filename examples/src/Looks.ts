/** One look at a connection, whoever causes it: the schedule, a person, a provider's report. */
import { Controls, type Ids, type Provider, Sync } from "@holdfast/domain"
import { Effect } from "effect"

/** Asks the provider nothing where a switch is off: `SyncDisabled`. */
export const sync = Effect.fn("Looks.sync")(function* (
  provider: Provider.Provider,
  tenantId: Ids.TenantId,
  connectionId: Ids.ConnectionId,
) {
  yield* Controls.ensureEnabled(tenantId, { provider: provider.id, connectionId })
  return yield* Sync.run(provider, tenantId, connectionId)
})
