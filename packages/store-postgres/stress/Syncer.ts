/** Looks at connections of one mailbox, as if nobody else did, and keeps the view of it. */
import { GmailApi, GmailMessagesView, GmailProvider, GoogleOAuth } from "@holdfast/adapters-gmail"
import { simulatedClient } from "@holdfast/adapters-gmail/testing"
import { type Ids, Leases, ProjectionRunner, Sync } from "@holdfast/domain"
import { Effect, Layer, Logger, Redacted } from "effect"

import * as Random from "./Random.ts"
import { type Role } from "./Workers.ts"

type Options = Omit<Extract<Role, { readonly _tag: "Syncer" }>, "_tag" | "url">

export const run = Effect.fnUntraced(function* ({ connections, leased, tenantId, ...role }: Options) {
  const random = Random.make(role.seed, role.name, role.incarnation)
  const leases = yield* Leases.Leases
  const gmail = yield* Effect.provide(GmailProvider.make, google(role.google))
  const look = (connectionId: Ids.ConnectionId) =>
    Effect.suspend(() =>
      Sync.run(gmail, tenantId, connectionId).pipe(
        Effect.provideService(GmailProvider.PageSize, random.between(1, 12)),
        Effect.provideService(GmailProvider.Concurrency, random.between(1, 8)),
      ),
    ).pipe(
      Effect.catch((error) => (isPassing(error) ? Effect.void : Effect.die(error))),
      Effect.andThen(Effect.suspend(() => Effect.sleep(random.between(0, 50)))),
      Effect.forever,
    )
  return yield* Effect.all([...connections.map(look), ProjectionRunner.run(GmailMessagesView)], {
    concurrency: "unbounded",
    discard: true,
  }).pipe(
    Effect.provideService(
      Leases.Leases,
      leased ? leases : Leases.Leases.of({ ...leases, using: () => (effect) => effect }),
    ),
    Effect.provide(Logger.layer([])),
  )
})

/** What a race with others or an outage of the database may end a look with: the next one goes on. */
const isPassing = (error: Effect.Error<ReturnType<typeof Sync.run>>) =>
  error._tag === "SyncInProgress" ||
  error._tag === "EventStoreUnavailable" ||
  (error._tag === "SyncFailed" && error.retryable)

const google = ({ token, url }: Options["google"]) =>
  Layer.merge(
    GmailApi.GmailApi.layer({ rootUrl: url }),
    GoogleOAuth.GoogleOAuth.layer({
      clientId: simulatedClient.id,
      clientSecret: Redacted.make(simulatedClient.secret),
      redirectUri: "http://127.0.0.1/callback",
      endpoints: { authorization: url, token, revocation: url },
    }),
  )
