/** Which label of a mailbox is watched: what there is to choose from, and what a person says of it. */
import { Ids } from "@holdfast/domain"
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup } from "effect/http-api"

import { Callers, Refusals, Registered, sent } from "./ApiCommon.ts"
import { Problems } from "./ApiErrors.ts"

/** As the person sees it, with its path. */
export const LabelName = Schema.String.check(Schema.isBetweenLength(1, 225))

/** The label that a connection watches. */
export const Watched = Schema.Struct({
  connectionId: Ids.ConnectionId,
  status: Schema.String,
  label: Schema.Struct({ id: Schema.String, name: Schema.String }),
})

const byId = { params: { id: Ids.ConnectionId } }

export class Mailboxes extends HttpApiGroup.make("mailboxes")
  .add(
    /** The labels of the mailbox that can be watched. Asks Google. */
    HttpApiEndpoint.get("labels", "/:id/labels", {
      ...byId,
      success: Schema.Array(Schema.Struct({ id: Schema.String, name: Schema.String, watched: Schema.Boolean })),
      error: Problems,
    }),
    /** Watches this label from now on. A connection that was waiting for it is registered. */
    HttpApiEndpoint.post("choose", "/:id/label", {
      ...byId,
      payload: sent(Schema.Struct({ label: LabelName })),
      success: Watched,
      error: Problems,
    }),
    /** The label that was made anew under the old name is meant. */
    HttpApiEndpoint.post("confirm", "/:id/label/confirm", { ...byId, success: Watched, error: Problems }),
    /** Looks for the label now, and says what is wrong with it. */
    HttpApiEndpoint.post("verify", "/:id/label/verify", { ...byId, success: Watched, error: Problems }),
    /** The mailbox that was consented to is not the one to be mended, and is meant all the same. */
    HttpApiEndpoint.post("connectAsNew", "/:id/connect-as-new", {
      ...byId,
      success: Registered,
      error: Problems,
    }),
  )
  .middleware(Callers)
  .middleware(Refusals)
  .prefix("/api/connections") {}
