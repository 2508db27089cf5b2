/** Google announces what happens in mailboxes, where a topic is there to announce it at. Without one, there is polling. */
import { GmailPush, GmailWatch } from "@holdfast/adapters-gmail"
import { Context, Effect, Layer, Option } from "effect"

import * as Mailboxes from "./Mailboxes.ts"
import { Offer } from "./Offer.ts"

/** The topic, and the subscription that pushes from it to `/api/webhooks/gmail`. */
export interface Settings extends GmailPush.Settings, GmailWatch.Settings {}

/** The door for what is pushed; none where nothing is announced. */
export class Pushes extends Context.Service<Pushes, Option.Option<GmailPush.GmailPush["Service"]>>()(
  "@holdfast/examples/Pushes",
) {
  /** Takes pushes in, and keeps every mailbox announced. */
  static readonly layer = (settings: Settings | undefined) =>
    Layer.effect(
      Pushes,
      Effect.gen(function* () {
        if (settings === undefined) return Option.none()
        const { gmail } = yield* Offer
        const door = yield* Layer.build(
          GmailPush.GmailPush.layer(settings, ({ connectionId, tenantId }) =>
            Mailboxes.look(gmail, tenantId, connectionId),
          ),
        )
        yield* Effect.forkScoped(GmailWatch.run(settings))
        return Option.some(Context.get(door, GmailPush.GmailPush))
      }),
    )
}

/** What the subscription of the simulated project is made of. */
export const simulated = { topic: "projects/simulated/topics/gmail", serviceAccount: "pushes@simulated.example" }
