/** What brokers and providers report. It is believed for its signature, over the bytes as they came. */
import { PlaidWebhook } from "@holdfast/adapters-plaid"
import { ConnectionHistoryView, ConnectionsView, Nango, Sync } from "@holdfast/domain"
import { Effect, Option } from "effect"
import { HttpApiBuilder } from "effect/http-api"

import { settled } from "./Answers.ts"
import { Api } from "./Api.ts"
import { notFound, translated, unavailable } from "./ApiErrors.ts"
import { Offer } from "./Offer.ts"
import { Pushes } from "./Pushes.ts"

export const webhooks = HttpApiBuilder.group(
  Api,
  "webhooks",
  Effect.fnUntraced(function* (handlers) {
    const { nango, plaid } = yield* Offer
    const scope = yield* Effect.scope
    const pushes = yield* Pushes

    return handlers.handleAll({
      nango: Effect.fnUntraced(function* ({ payload, request }) {
        const receipt = yield* Nango.receive(nango, { headers: request.headers, body: payload })
        yield* settled(ConnectionsView, ConnectionHistoryView)
        return { outcome: receipt._tag, ...("connectionId" in receipt && { connectionId: receipt.connectionId }) }
      }, translated),

      gmail: Effect.fnUntraced(function* ({ payload, request }) {
        if (Option.isNone(pushes)) return yield* notFound
        yield* pushes.value
          .handle({ authorization: request.headers["authorization"], body: payload })
          .pipe(
            Effect.catchTag("GoogleError", () =>
              unavailable("PROVIDER_UNAVAILABLE", "Google's keys cannot be had: send it again"),
            ),
          )
      }, translated),

      plaid: Effect.fnUntraced(function* ({ payload, query: { tenant }, request }) {
        const receipt = yield* PlaidWebhook.receive(tenant, { headers: request.headers, body: payload })
        if (receipt._tag === "SyncDue") {
          // Plaid waits ten seconds for an answer; a sync may take longer. One that fails is made up for by the schedule.
          yield* Effect.forkIn(Effect.ignore(Sync.run(plaid, tenant, receipt.connectionId)), scope)
        }
        yield* settled(ConnectionsView, ConnectionHistoryView)
        return { outcome: receipt._tag, ...("connectionId" in receipt && { connectionId: receipt.connectionId }) }
      }, translated),
    })
  }),
)
