/** Switches for emergencies. */
import { Connection, Controls, type Ids } from "@holdfast/domain"
import { Console, DateTime, Effect, Option, Schema } from "effect"
import { Argument, Command } from "effect/cli"

import * as Inputs from "./Inputs.ts"
import * as Opened from "./Opened.ts"
import * as Output from "./Output.ts"
import { Usage } from "./Settings.ts"
import * as Streams from "./Streams.ts"

const what = Argument.String("what").pipe(Argument.withDescription("all, enrichment, provider:<id> or connection:<id>"))

const tenant = Inputs.tenant("Only for this tenant; for all of them if it is left out")

const turning = (name: "disable" | "enable") =>
  Command.make(name, { what, actor: Inputs.actor, reason: Inputs.reason, tenant }, (input) =>
    Effect.gen(function* () {
      const scope = yield* scopeNamed(input.what)
      const at = yield* DateTime.now
      const isChanged = yield* Controls.turn(
        Option.getOrElse(input.tenant, () => Controls.everywhere),
        {
          _tag: name === "disable" ? "Disable" : "Enable",
          at,
          scope,
          ...(Option.isSome(input.reason) && { reason: input.reason.value }),
        },
        { actor: { kind: "operator", id: input.actor } },
      )
      const whose = Option.match(input.tenant, { onNone: () => "every tenant", onSome: (id) => `tenant ${id}` })
      yield* Output.print(
        `${input.what} ${isChanged ? "is" : "was"} ${name}d ${isChanged ? "now" : "already"}, for ${whose}.`,
        { what: input.what, tenant: Option.getOrNull(input.tenant), disabled: name === "disable", changed: isChanged },
      )
      if (name === "disable" && !(yield* isKnown(scope, input.tenant))) {
        yield* Console.error(
          "Nothing is known of that connection or tenant in this store: see that it is not mistyped.",
        )
      }
    }).pipe(Effect.provide(Opened.services)),
  )

const disable = turning("disable").pipe(
  Command.withShortDescription("Turn something off"),
  Command.withDescription(
    "Turns something off until it is enabled again: everything (all), what changes bookings (enrichment), a provider or a connection. What is under way ends at its next step. Recorded with its actor. JSON: what, tenant, disabled, changed",
  ),
  Command.withExamples([
    {
      command: 'holdfast controls disable enrichment --actor support-7 --reason "wrong names, ticket 4711"',
      description: "Let no mail change any booking",
    },
  ]),
)

const enable = turning("enable").pipe(
  Command.withShortDescription("Turn something on again"),
  Command.withDescription(
    "Turns something on again. What was left undone meanwhile is done then. JSON: what, tenant, disabled, changed",
  ),
)

const list = Command.make("list", { tenant }, (input) =>
  Effect.gen(function* () {
    const { disabled } = yield* Controls.standing(Option.getOrElse(input.tenant, () => Controls.everywhere))
    const names = [...new Set(disabled.map(nameOf))].toSorted()
    yield* Output.list(
      names.length === 0 ? "Nothing is turned off." : ["Turned off:", ...names.map((name) => `  ${name}`)].join("\n"),
      names.map((name) => ({ what: name })),
    )
  }).pipe(Effect.provide(Opened.services)),
).pipe(
  Command.withShortDescription("List what is turned off"),
  Command.withDescription(
    "Lists what is turned off for every tenant, and with --tenant what is turned off for that one too. JSON lines: what",
  ),
)

export const command = Command.make("controls").pipe(
  Command.withDescription("Turn things off in an emergency, and on again"),
  Command.withSubcommands([list, disable, enable]),
)

/** Whoever turns off what there is not may have mistyped, and believes that it is off. */
const isKnown = Effect.fnUntraced(function* (scope: Controls.Scope, tenant: Option.Option<Ids.TenantId>) {
  if (scope.kind !== "connection") return Option.isNone(tenant) || (yield* Streams.has(tenant.value))
  return yield* Streams.ownerOf(Connection.streamId(scope.id), tenant).pipe(
    Effect.as(true),
    Effect.catchTag("NoSuchStream", () => Effect.succeed(false)),
  )
})

const scopeNamed = (name: string): Effect.Effect<Controls.Scope, Usage> => {
  const [kind = "", id] = name.split(/:(.*)/s)
  return Effect.mapError(
    decodeScope(id === undefined ? { kind } : { kind, id }),
    () =>
      new Usage({ problem: "<what> is to be all, enrichment, provider:<id> or connection:<id>. Nothing was done." }),
  )
}

const decodeScope = Schema.decodeUnknownEffect(Controls.Scope, { onExcessProperty: "error" })

const nameOf = (scope: Controls.Scope) => ("id" in scope ? `${scope.kind}:${scope.id}` : scope.kind)
