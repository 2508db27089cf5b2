/** What a host runs beside answering requests. */
import { GmailConnect, GmailMessagesView } from "@holdfast/adapters-gmail"
import { ConnectionHistoryView, ConnectionsView, ProjectionRunner, Sync, SyncScheduler } from "@holdfast/domain"
import { Effect, Layer } from "effect"

import { Offer } from "./Offer.ts"

/** The views that this host reads. */
export const projections = Layer.effectDiscard(
  Effect.gen(function* () {
    yield* Effect.forkScoped(ProjectionRunner.run(ConnectionsView))
    yield* Effect.forkScoped(ProjectionRunner.run(ConnectionHistoryView))
    yield* Effect.forkScoped(ProjectionRunner.run(GmailMessagesView))
  }),
)

/**
 * Finishes the consents that a process which died had taken, then looks at every mailbox as often as it asks for. A
 * renewed token that the log does not know of yet is recorded by the first look.
 */
export const sync = Layer.effectDiscard(
  Effect.gen(function* () {
    const { gmail } = yield* Offer
    const looking = SyncScheduler.run({
      providers: [gmail.id],
      sync: ({ connectionId, tenantId }) => Sync.run(gmail, tenantId, connectionId),
    })
    yield* Effect.forkScoped(Effect.andThen(GmailConnect.recover(), looking))
  }),
)
