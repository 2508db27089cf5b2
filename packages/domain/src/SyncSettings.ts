/** What a provider knows better than the settings it is asked with: the new name of what they name. */
import { DateTime, Effect, Equal } from "effect"

import * as Aggregate from "./Aggregate.ts"
import * as Connection from "./Connection.ts"
import { type ConnectionId, system, type TenantId } from "./Ids.ts"
import { type Source } from "./Provider.ts"

/**
 * Records it (`configured`) before anything is fetched, and returns what the connection is asked for from then on.
 * Settings that were changed meanwhile are left alone.
 */
export const follow = Effect.fn("SyncSettings.follow")(function* (
  tenantId: TenantId,
  connectionId: ConnectionId,
  asked: Connection.Settings,
  sources: ReadonlyArray<Source>,
) {
  const settings: Connection.Settings = Object.assign({}, asked, ...sources.map((source) => source.settings))
  if (Equal.equals(settings, asked)) return settings
  const loaded = yield* load(tenantId, connectionId)
  const { ownerId, pollIntervalSeconds, provider, slot } = loaded.state
  if (ownerId === undefined || provider === undefined || pollIntervalSeconds === undefined) return settings
  if (!Equal.equals(loaded.state.settings, asked)) return settings
  const plan = { ownerId, provider, pollIntervalSeconds, settings, ...(slot !== undefined && { slot }) }
  const configure: Connection.Command = { _tag: "Configure", at: yield* DateTime.now, ...plan }
  const change = yield* Effect.fromResult(decide(loaded, configure))
  if (change.events.length > 0) yield* Aggregate.append([change], { metadata: { actor: system } })
  return settings
}, Aggregate.decidingAgain)

const load = Aggregate.load(Connection)
const decide = Aggregate.decide(Connection)
