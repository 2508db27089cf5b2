/** What all groups of the API share: who asks, what they are refused, and the shapes of what is sent and answered. */
import { Ids } from "@holdfast/domain"
import { Context, Schema } from "effect"
import { HttpApiMiddleware, HttpApiSchema } from "effect/http-api"

import { InvalidRequest } from "./ApiErrors.ts"
import { Reconnected } from "./Story.ts"

/** On whose behalf a request is made. */
export class Caller extends Context.Service<
  Caller,
  {
    readonly tenantId: Ids.TenantId
    readonly ownerId: Ids.OwnerId
    /** Of the browser's session. */
    readonly session: string
  }
>()("@holdfast/examples/Caller") {}

/**
 * Reads the caller from `x-tenant-id` and `x-user-id`, because a demonstration has nobody to log in. A host takes both
 * from its own session and never from what a browser says.
 */
export class Callers extends HttpApiMiddleware.Service<Callers, { provides: Caller }>()("@holdfast/examples/Callers", {
  error: InvalidRequest,
}) {}

/** Says which part of a request was refused. */
export class Refusals extends HttpApiMiddleware.Service<Refusals>()("@holdfast/examples/Refusals", {
  error: InvalidRequest,
}) {}

/** A row, as its view has it. */
export const Row = Schema.Record(Schema.String, Schema.Json)

/** What became of a consent. */
export const Registered = Schema.Struct({
  connectionId: Ids.ConnectionId,
  outcome: Schema.Literals(["created", "already-registered", "renewed"]),
  status: Schema.String,
  superseded: Schema.optionalKey(Ids.ConnectionId),
  supersededBy: Schema.optionalKey(Ids.ConnectionId),
  /** Of a bank: what it goes on with. */
  reconnection: Schema.optionalKey(Reconnected),
  /** Of a bank: accounts about which a person is asked. */
  questions: Schema.optionalKey(Schema.Natural),
})

/** A parameter that is there or not. */
export const insist = Schema.optionalKey(Schema.Literal("true"))

/** As a program sends it, and as a form of the page does. */
export const sent = <S extends Schema.Top>(payload: S) =>
  [payload, payload.pipe(HttpApiSchema.asFormUrlEncoded())] as const
