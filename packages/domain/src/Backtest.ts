/**
 * What another policy would have decided: every matching that was ever recorded,
 * decided again on its own grounds. Nothing is changed.
 */
import { Effect, Stream } from "effect"

import * as Connection from "./Connection.ts"
import * as EventCodec from "./EventCodec.ts"
import { beginning, EventLog, type Recorded } from "./EventStore.ts"
import { type ConnectionId, type TenantId } from "./Ids.ts"
import * as AccountMatching from "./matching/AccountMatching.ts"
import { type Decision } from "./matching/Decision.ts"
import { type Policy } from "./matching/Policy.ts"

/** A decision that would have been another one. */
export interface Difference {
  readonly tenantId: TenantId
  readonly connectionId: ConnectionId
  readonly position: bigint
  readonly source: string
  readonly was: { readonly policy: string; readonly action: string; readonly level: string; readonly account?: string }
  readonly would: Decision
}

/** What became of one recorded matching. */
export interface Retried {
  readonly position: bigint
  /** Decisions that were made again. */
  readonly decisions: number
  readonly differences: ReadonlyArray<Difference>
}

/** Every matching of the log in order, or of one tenant. The event log's role reads across tenants. */
export const run = (policy: Policy, options: { readonly tenantId?: TenantId | undefined } = {}) =>
  Stream.unwrap(
    Effect.map(EventLog, (log) =>
      log
        .read(beginning, { ...options, categories: [Connection.name], types: ["accounts_matched"], sealed: false })
        .pipe(
          decode,
          Stream.map((recorded) => retry(policy, recorded)),
        ),
    ),
  )

/** Decides one matching again. */
export const retry = (policy: Policy, { event, position, streamId, tenantId }: Recorded<Connection.Event>): Retried => {
  if (event._tag !== "accounts_matched") return { position, decisions: 0, differences: [] }
  const again = AccountMatching.decide(policy, event.grounds)
  return {
    position,
    decisions: event.decisions.length,
    differences: event.decisions.flatMap(({ accountId, action, level, source }) => {
      const would = again.find((decision) => decision.source === source)
      const isSame =
        would === undefined ||
        (would.action === action &&
          would.level === level &&
          (action === "create" || action === "review" || would.target === accountId))
      return isSame
        ? []
        : [
            {
              tenantId,
              connectionId: Connection.idOf(streamId),
              position,
              source,
              was: { policy: event.policy, action, level, ...(accountId !== undefined && { account: accountId }) },
              would,
            },
          ]
    }),
  }
}

const decode = EventCodec.decodeStream(Connection)
