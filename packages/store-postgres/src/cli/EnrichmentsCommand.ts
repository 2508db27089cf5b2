/** Takes back what mails told bookings. */
import { Enrichment, Ids } from "@holdfast/domain"
import { DateTime, Effect, Option, Schema } from "effect"
import { Command, Flag } from "effect/cli"

import * as Inputs from "./Inputs.ts"
import * as Opened from "./Opened.ts"
import * as Output from "./Output.ts"

const since = Flag.String("since").pipe(
  Flag.withMetavar("instant"),
  Flag.withDescription("What was decided from then on, as 2026-11-20T10:00:00Z"),
  Flag.withSchema(Schema.DateTimeUtcFromString),
)

const extractor = Flag.Int("extractor").pipe(
  Flag.withMetavar("version"),
  Flag.withDescription("Only what this version of the extractor read"),
  Flag.withSchema(Inputs.ordinal),
  Flag.optional,
)

const connection = Flag.String("connection").pipe(
  Flag.withMetavar("id"),
  Flag.withDescription("Only what this connection brought"),
  Flag.withSchema(Ids.ConnectionId),
  Flag.optional,
)

const dryRun = Flag.Boolean("dry-run").pipe(
  Flag.withDescription("Only say what it would be"),
  Flag.withDefault(false),
  Flag.withoutNegation,
)

const tenant = Inputs.tenant("Only in this tenant")

/** A list of what would be taken back is nobody's deed, and in an emergency nobody should look for a name first. */
const actor = Inputs.actor.pipe(Flag.withDefault("cli"))

const undo = Command.make("undo", { since, extractor, connection, dryRun, actor, tenant }, (input) =>
  Effect.gen(function* () {
    const undone = yield* Enrichment.undo({
      since: input.since,
      extractor: Option.getOrUndefined(input.extractor),
      connection: Option.getOrUndefined(input.connection),
      tenantId: Option.getOrUndefined(input.tenant),
      dryRun: input.dryRun,
      actor: { kind: "operator", id: input.actor },
    })
    const rows = undone.map(({ bookingId, enrichment, tenantId }) => ({
      tenant: tenantId,
      booking: bookingId,
      number: enrichment.number,
      enrichedAt: DateTime.formatIso(enrichment.at),
      extractor: enrichment.extractor,
      connection: enrichment.connectionId,
      match: enrichment.match,
      fields: enrichment.fields,
      dryRun: input.dryRun,
    }))
    const bookings = new Set(rows.map(({ booking, tenant }) => JSON.stringify([tenant, booking]))).size
    const what = `${Output.plural(rows.length, "enrichment")} of ${Output.plural(bookings, "booking")}`
    yield* Output.list(
      [
        ...(rows.length === 0
          ? []
          : [
              Output.table(
                ["TENANT", "BOOKING", "ENRICHED", "EXTRACTOR", "CONNECTION", "FIELDS"],
                rows.map((row) => [
                  row.tenant,
                  row.booking,
                  Output.time(row.enrichedAt),
                  row.extractor,
                  row.connection,
                  row.fields.join(" "),
                ]),
              ),
              "",
            ]),
        rows.length === 0
          ? "Nothing is found that was told then. Nothing was changed."
          : input.dryRun
            ? `${what} would be taken back. Nothing was changed.`
            : `${what} ${rows.length === 1 ? "is" : "are"} taken back: the host writes the values from before with its next run, except where a person wrote others.`,
      ].join("\n"),
      rows,
    )
  }).pipe(Effect.provide(Opened.services)),
).pipe(
  Command.withShortDescription("Take back what mails told bookings"),
  Command.withDescription(
    "Takes back what mails told bookings: for the work of an extractor that turned out to be bad. It is recorded with its actor; the host's next run gives the bookings the values from before, except where a person wrote others since. The same version of the extractor does not tell these bookings anything from that connection again. No personal data. JSON lines: tenant, booking, number, enrichedAt, extractor, connection, match, fields, dryRun",
  ),
  Command.withExamples([
    {
      command: "holdfast enrichments undo --since 2026-11-20T10:00:00Z --extractor 3 --dry-run",
      description: "See what the third version of the extractor told since then",
    },
    {
      command: "holdfast enrichments undo --since 2026-11-20T10:00:00Z --extractor 3 --actor support-7",
      description: "Take it back",
    },
  ]),
)

export const command = Command.make("enrichments").pipe(
  Command.withDescription("Take back what mails told bookings"),
  Command.withSubcommands([undo]),
)
