import { Effect } from "effect"
import { Command } from "effect/cli"

import * as Migrations from "../Migrations.ts"
import * as StoreIdentity from "../StoreIdentity.ts"
import * as Opened from "./Opened.ts"
import * as Output from "./Output.ts"
import { target } from "./Settings.ts"

export const command = Command.make("migrate", {}, () =>
  Effect.gen(function* () {
    const { name } = yield* target
    const before = yield* Migrations.status()
    const { applied } = yield* StoreIdentity.guard(yield* Opened.known)(Migrations.migrate())
    const done = applied.slice(before.applied.length)
    const lines = done.map((migration) => `applied  ${migration.number}  ${migration.name}`)
    const end =
      done.length === 0
        ? `Nothing to do: ${Output.plural(applied.length, "migration")} applied in ${name}.`
        : `The store in ${name} is ready.`
    yield* Output.print([...lines, end].join("\n"), {
      store: name,
      applied: applied.length,
      done: done.map(({ name, number }) => ({ number, name })),
    })
  }).pipe(Effect.provide(Opened.login)),
).pipe(
  Command.withShortDescription("Make the store, or bring its schema up to this version"),
  Command.withDescription(
    "Makes the store, or brings its schema up to this version of the program. The only command that changes the schema. Safe to run again, and in many processes at once. JSON: store, applied, done: [number, name]",
  ),
)
