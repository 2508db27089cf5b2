/** The log line that tells operators how connections stand: one for each change, without anything personal. */
import { Effect } from "effect"

import { type ConnectionId, type ProviderId } from "./Ids.ts"

/** One turn of a connection. */
export interface Turn {
  readonly connectionId: ConnectionId
  readonly provider: ProviderId | undefined
  readonly from: string
  readonly to: string
  /** The event that made it turn. */
  readonly event: string
  /** Why, where the event says so in fixed words. What a person wrote stays out. */
  readonly reason: string | undefined
}

/** `connection_health`: a warning where the owner has to do something, otherwise for information. */
export const record = ({ connectionId, event, from, provider, reason, to }: Turn): Effect.Effect<void> =>
  Effect.annotateLogs(to === "needs_reauth" ? Effect.logWarning(name) : Effect.logInfo(name), {
    event: name,
    connectionId,
    ...(provider !== undefined && { provider }),
    from,
    to,
    because: event,
    ...(reason !== undefined && { reason }),
  })

const name = "connection_health"
