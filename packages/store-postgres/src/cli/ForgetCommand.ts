import { Aggregate, Connection, EventStore, Feed, Forgetting, Ids, Vault } from "@holdfast/domain"
import { DateTime, Effect, Schema, Stdio } from "effect"
import { Argument, Command, Flag, Prompt } from "effect/cli"

import * as Inputs from "./Inputs.ts"
import * as Opened from "./Opened.ts"
import * as Output from "./Output.ts"
import { Usage } from "./Settings.ts"
import * as Streams from "./Streams.ts"

const subject = Argument.String("subject").pipe(
  Argument.withDescription("A connection, by its id, or the feed-<id> of one feed"),
)

const yes = Flag.Boolean("yes").pipe(
  Flag.withAlias("y"),
  Flag.withDescription("Do not ask whether it is meant"),
  Flag.withDefault(false),
  Flag.withoutNegation,
)

export const command = Command.make("forget", { subject, actor: Inputs.actor, yes, tenant: Streams.tenant }, (input) =>
  Effect.gen(function* () {
    const stream = yield* Streams.named(input.subject, "subject")
    const tenantId = yield* Streams.ownerOf(stream, input.tenant)
    yield* confirm(stream, input.yes)
    const metadata = { actor: { kind: "operator", id: input.actor } } as const
    const forgotten = yield* EventStore.categoryOf(stream) === Connection.name
      ? forgetConnection(tenantId, Connection.idOf(stream), metadata)
      : forgetFeed(tenantId, stream, metadata)
    yield* Output.print(
      [
        "Forgotten for ever:",
        ...forgotten.map((stream) => `  ${stream}`),
        Output.wrap(
          "Processes that run may remember a key for a minute. Views drop the rows as they follow; exports and backups made before still hold what was sealed, and its key.",
          0,
        ),
      ].join("\n"),
      { tenant: tenantId, forgotten },
    )
  }).pipe(Effect.provide(Opened.services)),
).pipe(
  Command.withShortDescription("Make personal data unreadable for ever"),
  Command.withDescription(
    "Makes personal data unreadable for ever by destroying its key. A connection is ended first, if it has not, and its feeds, its credentials, the accounts that nothing else delivers, and what its mails told bookings go with it. The provider is not told: end what is paid for there first. The log stays whole. JSON: tenant, forgotten: [stream]",
  ),
)

type Metadata = EventStore.Metadata

/** The connection, whatever it delivered, and its credentials. Repeating it finishes what broke off. */
const forgetConnection = Effect.fnUntraced(function* (
  tenantId: Ids.TenantId,
  connectionId: Ids.ConnectionId,
  metadata: Metadata,
) {
  const { streams } = yield* Forgetting.destroyKeys(tenantId, connectionId, metadata)
  const vault = yield* Vault.CredentialRows
  yield* vault.remove(tenantId, connectionId)
  return streams
})

const forgetFeed = Effect.fnUntraced(function* (
  tenantId: Ids.TenantId,
  stream: EventStore.StreamId,
  metadata: Metadata,
) {
  const id = stream.slice(Feed.name.length + 1)
  if (EventStore.categoryOf(stream) !== Feed.name || !Schema.is(Ids.FeedId)(id)) {
    return yield* new Usage({ problem: "Only connections and feeds hold personal data. Nothing was done." })
  }
  return yield* Aggregate.decidingAgain(
    Effect.gen(function* () {
      const feed = yield* decideFeed(tenantId, id, yield* DateTime.now)
      yield* Aggregate.append([feed], { metadata, forget: [stream] })
      return [stream]
    }),
  )
})

const decideFeed = Effect.fnUntraced(function* (tenantId: Ids.TenantId, id: Ids.FeedId, at: DateTime.Utc) {
  const loaded = yield* Aggregate.load(Feed)(tenantId, id)
  return yield* Effect.fromResult(Aggregate.decide(Feed)(loaded, { _tag: "Forget", at }))
})

const confirm = Effect.fnUntraced(function* (stream: EventStore.StreamId, isSure: boolean) {
  if (isSure) return
  const stdio = yield* Stdio.Stdio
  if (!(yield* stdio.stdinIsTerminal)) {
    return yield* new Usage({ problem: "This cannot be undone: say --yes if it is meant. Nothing was done." })
  }
  const meant = yield* Prompt.run(
    Prompt.Confirm({ message: `Make ${stream} unreadable for ever? This cannot be undone.`, initial: false }),
  )
  if (!meant) return yield* new Usage({ problem: "Nothing was done." })
})
