/** Finds what a person means by a stream or a connection, in whatever tenant it is. */
import { Connection, Controls, EventStore, Ids } from "@holdfast/domain"
import { Effect, Option, Schema } from "effect"
import { Argument } from "effect/cli"

import { RunnerSql } from "../RunnerSql.ts"
import * as Inputs from "./Inputs.ts"
import { Usage } from "./Settings.ts"

/** No tenant, or not the one that was named, has a stream of that name. Nothing was written. */
export class NoSuchStream extends Schema.TaggedError<NoSuchStream>()("NoSuchStream", {
  stream: Schema.String,
  tenant: Schema.optionalKey(Schema.String),
}) {
  override get message() {
    const where = this.tenant === undefined ? "in this store" : `of tenant ${this.tenant} in this store`
    return `There is no ${this.stream} ${where}. To see which there are: holdfast connections list`
  }
}

export const connection = Argument.String("connection").pipe(
  Argument.withDescription("The id of a connection, with or without the word connection- before it"),
)

export const tenant = Inputs.tenant("Whose it is; needed only where several tenants have one of that name")

/** The stream of a name, or of a connection's bare id. */
export const named = (name: string, argument: string): Effect.Effect<EventStore.StreamId, Usage> => {
  const stream = Schema.is(Ids.ConnectionId)(name.toLowerCase()) ? `${Connection.name}-${name.toLowerCase()}` : name
  return Schema.is(EventStore.StreamId)(stream)
    ? Effect.succeed(stream)
    : Effect.fail(
        new Usage({
          problem: `<${argument}> is to be the id of a connection, or the name of a stream. Nothing was done.`,
        }),
      )
}

/** The connection of a name. */
export const connectionNamed = Effect.fnUntraced(function* (name: string) {
  const stream = yield* named(name, "connection")
  const id = stream.slice(Connection.name.length + 1)
  if (EventStore.categoryOf(stream) !== Connection.name || !Schema.is(Ids.ConnectionId)(id)) {
    return yield* new Usage({ problem: "<connection> is to be the id of a connection. Nothing was done." })
  }
  return id
})

/** Whether anything was ever recorded of a tenant, but for what was turned off for it. */
export const has = Effect.fnUntraced(function* (tenant: Ids.TenantId) {
  const sql = (yield* RunnerSql).withoutTransforms()
  const found = yield* sql`
    SELECT FROM holdfast.events WHERE tenant_id = ${tenant} AND stream_id <> ${Controls.streamId()} LIMIT 1`
  return found.length > 0
})

/** The tenant that has a stream. */
export const ownerOf = Effect.fnUntraced(function* (stream: EventStore.StreamId, given: Option.Option<Ids.TenantId>) {
  const sql = (yield* RunnerSql).withoutTransforms()
  // Streams are found by tenant; the tenants themselves by one step through the index for each.
  const owners = yield* sql<{ tenant: Ids.TenantId }>`
    WITH RECURSIVE tenants (tenant) AS (
      (SELECT tenant_id FROM holdfast.events ORDER BY tenant_id LIMIT 1)
      UNION ALL
      SELECT (SELECT e.tenant_id FROM holdfast.events e WHERE e.tenant_id > t.tenant ORDER BY e.tenant_id LIMIT 1)
      FROM tenants t WHERE t.tenant IS NOT NULL)
    SELECT tenant FROM tenants
    WHERE tenant IS NOT NULL AND EXISTS (
      SELECT FROM holdfast.events e WHERE e.tenant_id = tenant AND e.stream_id = ${stream})`
  const wanted = owners.filter(({ tenant }) => Option.isNone(given) || given.value === tenant)
  const [first, second] = wanted
  if (first === undefined) {
    return yield* new NoSuchStream({ stream, ...(Option.isSome(given) && { tenant: given.value }) })
  }
  if (second !== undefined) {
    return yield* new Usage({ problem: `Several tenants have a ${stream}: say which with --tenant.` })
  }
  return first.tenant
})
