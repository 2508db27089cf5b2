/**
 * A host that speaks promises: it builds one runtime from the layers it wants,
 * and calls the library through it.
 */
import { randomBytes } from "node:crypto"

import {
  ConnectionHistoryView,
  ConnectionsView,
  EventStore,
  Ids,
  ProjectionRunner,
  Registration,
  ViewStore,
} from "@holdfast/domain"
import { Store } from "@holdfast/store-postgres"
import { Effect, Layer, ManagedRuntime, Redacted } from "effect"

// In memory, so the key may be too. A host that keeps its data keeps its master keys as well, elsewhere.
const store = Store.layerPglite({ masterKeys: { current: "2026", keys: { "2026": Redacted.make(randomBytes(32)) } } })

const projections = Layer.effectDiscard(
  Effect.gen(function* () {
    yield* Effect.forkScoped(ProjectionRunner.run(ConnectionsView))
    yield* Effect.forkScoped(ProjectionRunner.run(ConnectionHistoryView))
  }),
)

const providers = Registration.Providers.layer({ "google-calendar": { pollIntervalSeconds: 600 } })

const runtime = ManagedRuntime.make(Layer.merge(projections, providers).pipe(Layer.provideMerge(store)))

const tenantId = Ids.TenantId.make("harbour-rentals")
const ownerId = Ids.OwnerId.make("ada")

/** Errors reject the promise with themselves: `error._tag` says which. */
const register = (authorization: string) =>
  runtime.runPromise(
    Registration.register({
      tenantId,
      ownerId,
      provider: Ids.ProviderId.make("google-calendar"),
      authorization: Ids.AuthorizationRef.make(authorization),
      door: "post",
      actor: { kind: "owner", id: ownerId },
    }),
  )

const list = () => runtime.runPromise(ConnectionsView.list(tenantId))

const history = (connectionId: Ids.ConnectionId) => runtime.runPromise(ConnectionHistoryView.of(tenantId, connectionId))

/** Views follow the log; whoever wants to read what they just wrote waits for it. */
const caughtUp = () =>
  runtime.runPromise(
    Effect.gen(function* () {
      const head = yield* (yield* EventStore.EventLog).head
      const views = yield* ViewStore.Views
      yield* views.awaitPosition(ConnectionsView, head, "10 seconds")
      yield* views.awaitPosition(ConnectionHistoryView, head, "10 seconds")
    }),
  )

const first = await register("consent-1")
const again = await register("consent-1")
const second = await register("consent-2")
await caughtUp()

console.log(first.outcome, again.outcome, second.outcome)
for (const { provider, status } of await list()) console.log(provider, status)
for (const { actor_id, event_type } of await history(first.connectionId)) console.log(event_type, "by", actor_id)

await runtime.dispose()
