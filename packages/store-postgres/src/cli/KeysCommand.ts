import { KeyRotation } from "@holdfast/domain"
import { Effect } from "effect"
import { Command } from "effect/cli"

import { Failed } from "./Failed.ts"
import * as Opened from "./Opened.ts"
import * as Output from "./Output.ts"

const rotate = Command.make("rotate", {}, () =>
  Effect.gen(function* () {
    const report = yield* KeyRotation.rotate()
    const { credentials, subjectKeys, unreadable } = report
    yield* Output.print(
      [
        `${Output.plural(subjectKeys, "data key")} and ${Output.plural(credentials, "credential")} wrapped anew under the current master key.`,
        unreadable > 0
          ? `${Output.numeral(unreadable)} could not be unwrapped: keep the old master keys, and give the one that is missing.`
          : subjectKeys + credentials > 0
            ? "Run it again before an old master key is taken away: processes may have used it meanwhile."
            : "Nothing is left under another one: old master keys may go.",
      ].join("\n"),
      report,
    )
    if (unreadable > 0) return yield* new Failed()
  }).pipe(Effect.provide(Opened.servicesWithKeys)),
).pipe(
  Command.withShortDescription("Wrap everything anew under the current master key"),
  Command.withDescription(
    "Wraps all data keys and credentials anew under the current master key: the first of HOLDFAST_MASTER_KEYS. Readers and writers go on meanwhile. Exit code 1 if something cannot be unwrapped. JSON: subjectKeys, credentials, unreadable",
  ),
)

export const command = Command.make("keys").pipe(
  Command.withDescription("Replace a master key"),
  Command.withSubcommands([rotate]),
)
