/** What connections there are, what happened to one, and its repair by hand. */
import {
  Aggregate,
  Connection,
  ConnectionHistoryView,
  ConnectionsView,
  EventCodec,
  EventStore,
  Ids,
  Registration,
  ViewStore,
} from "@holdfast/domain"
import { Effect, Option, Schema, Stream } from "effect"
import { Command, Flag } from "effect/cli"

import * as Inputs from "./Inputs.ts"
import * as Opened from "./Opened.ts"
import * as Output from "./Output.ts"
import * as Streams from "./Streams.ts"

export const history = Command.make("history", { connection: Streams.connection, tenant: Streams.tenant }, (input) =>
  Effect.gen(function* () {
    const connectionId = yield* Streams.connectionNamed(input.connection)
    const streamId = Connection.streamId(connectionId)
    const tenantId = yield* Streams.ownerOf(streamId, input.tenant)
    const { state } = yield* load(tenantId, connectionId)
    const store = yield* EventStore.EventStore
    // From the log itself: right whatever the views are doing.
    const rows = yield* store.readStream(tenantId, streamId, { sealed: false }).pipe(
      Stream.mapEffect(decode),
      Stream.map((recorded) => ConnectionHistoryView.evolve(undefined, recorded)),
      Stream.runCollect,
    )
    const title = `Connection ${connectionId} of tenant ${tenantId}: ${state.forgotten ? "forgotten" : state.status}`
    yield* Output.list(
      [title, "", ...rows.map(eventToText)].join("\n"),
      rows.map((row) => Object.assign({ tenant: tenantId }, row)),
    )
  }).pipe(Effect.provide(Opened.services)),
).pipe(
  Command.withShortDescription("Tell what happened to a connection, when, and by whom"),
  Command.withDescription(
    "Tells what happened to a connection, when, and by whom, from the log itself. No personal data. JSON lines: tenant, and the columns of the view connection_history",
  ),
)

const filter = <A extends string>(name: string, id: Schema.Codec<A, string>, description: string) =>
  Flag.String(name).pipe(Flag.withDescription(description), Flag.withSchema(id), Flag.optional)

const list = Command.make(
  "list",
  {
    tenant: filter("tenant", Ids.TenantId, "Only of this tenant"),
    owner: filter("owner", Ids.OwnerId, "Only of this owner"),
    provider: filter("provider", Ids.ProviderId, "Only at this provider"),
    status: Flag.Literals("status", ["pending", "active", "needs_reauth", "paused", "superseded", "disconnected"]).pipe(
      Flag.withDescription("Only in this state"),
      Flag.optional,
    ),
  },
  ({ owner, provider, status, tenant }) =>
    Effect.gen(function* () {
      const store = yield* ViewStore.ViewStore
      const log = yield* EventStore.EventLog
      const build = (yield* store.builds).find(({ state, view }) => view === ConnectionsView.name && state === "live")
      if (build === undefined) {
        return yield* new ViewStore.BuildNotReady({ view: ConnectionsView.name, problem: "no-live-build" })
      }
      const isWanted = (wanted: Option.Option<string>, value: string) => Option.isNone(wanted) || wanted.value === value
      const rows = (yield* Stream.runCollect(
        Stream.filter(
          store.rows<ConnectionsView.Row>(ConnectionsView, build),
          ({ row, tenantId }) =>
            isWanted(tenant, tenantId) &&
            isWanted(owner, row.owner_id) &&
            isWanted(provider, row.provider) &&
            isWanted(status, row.status),
        ),
      )).toSorted(
        (a, b) => compareText(a.tenantId, b.tenantId) || compareText(a.row.connection_id, b.row.connection_id),
      )
      const behind = Number((yield* log.head) - build.position)
      const tenants = [...Map.groupBy(rows, ({ tenantId }) => tenantId)]
      yield* Output.list(
        [
          ...tenants.map(
            ([tenantId, rows]) =>
              `Tenant ${tenantId}\n${Output.table(
                ["CONNECTION", "STATUS", "PROVIDER", "OWNER", "LAST SYNC"],
                rows.map(({ row }) => [
                  row.connection_id,
                  row.status,
                  row.provider,
                  row.owner_id,
                  Output.time(row.last_synced_at),
                ]),
              )}\n`,
          ),
          `${Output.plural(rows.length, "connection")}${behind > 0 ? `, as of ${Output.plural(behind, "position")} ago` : ""}.`,
        ].join("\n"),
        rows.map(({ row, tenantId }) => Object.assign({ tenant: tenantId }, row)),
      )
    }).pipe(Effect.provide(Opened.services)),
).pipe(
  Command.withShortDescription("List connections as they stand"),
  Command.withDescription(
    "Lists connections as they stand in the view connections. JSON lines: tenant, and the columns of the view",
  ),
)

const activate = Command.make(
  "activate",
  { connection: Streams.connection, actor: Inputs.actor, reason: Inputs.reason, tenant: Streams.tenant },
  (input) =>
    Effect.gen(function* () {
      const connectionId = yield* Streams.connectionNamed(input.connection)
      const tenantId = yield* Streams.ownerOf(Connection.streamId(connectionId), input.tenant)
      const before = yield* load(tenantId, connectionId)
      const { superseded } = yield* Registration.activate(tenantId, connectionId, {
        actor: { kind: "operator", id: input.actor },
        reason: Option.getOrUndefined(input.reason),
      })
      yield* Output.print(
        [
          before.state.status === "active"
            ? `Connection ${connectionId} was active already.`
            : `Connection ${connectionId} is active; it was ${before.state.status}.`,
          ...(superseded === undefined ? [] : [`It took the slot of ${superseded}, which is superseded.`]),
        ].join("\n"),
        {
          tenant: tenantId,
          connection: connectionId,
          before: before.state.status,
          status: "active",
          superseded: superseded ?? null,
        },
      )
    }).pipe(Effect.provide(Opened.services)),
).pipe(
  Command.withShortDescription("Put a connection back to work, whatever it was before"),
  Command.withDescription(
    "Puts a connection back to work in its slot, whatever it was before: the repair by hand. It is recorded as an event with its actor. Whoever is in the slot is superseded. JSON: tenant, connection, before, status, superseded",
  ),
  Command.withExamples([
    {
      command:
        'holdfast connections activate 7f1c2f6e-5a0e-4a5a-9b1e-3d9b8f9d2a11 --actor support-7 --reason "ticket 4711"',
      description: "Repair a connection",
    },
  ]),
)

export const command = Command.make("connections").pipe(
  Command.withDescription("List connections, or repair one"),
  Command.withSubcommands([list, activate]),
)

const load = Aggregate.load(Connection)

const decode = EventCodec.decode(Connection)

const compareText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

const eventToText = (row: ConnectionHistoryView.Row): string => {
  const who = row.actor_id === null ? row.actor_kind : `${row.actor_kind} ${row.actor_id}`
  const details = [
    ...(row.door === null ? [] : [`door ${row.door}`]),
    ...(row.previous_connection_id === null ? [] : [`from ${row.previous_connection_id}`]),
    ...(row.confidence === null ? [] : [`confidence ${row.confidence}`]),
    ...Object.entries(row.detail).map(([name, value]) => `${name} ${isPlain(value) ? value : JSON.stringify(value)}`),
  ]
  const first = `${String(row.version).padStart(4)}  ${Output.time(row.at)}  ${row.event_type.padEnd(20)}  ${who}`
  return details.length === 0 ? first : `${first}\n${Output.wrap(details.join(", "), 27)}`
}

const isPlain = Schema.is(Schema.Union([Schema.String, Schema.Finite, Schema.Boolean]))
