/** What several commands are given: checked where it is read, so that what is refused is named, and nothing was opened. */
import { Ids } from "@holdfast/domain"
import { Schema } from "effect"
import { Flag } from "effect/cli"

export const fileName = Schema.String.check(Schema.isPattern(/\S/, { expected: "the name of a file" }))

/** Versions and positions begin at one. */
export const ordinal = Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))

export const actor = Flag.String("actor").pipe(
  Flag.withMetavar("id"),
  Flag.withDescription("Who does this, by the host's own id of the operator; recorded with the event"),
  Flag.withSchema(
    Schema.String.check(
      Schema.isPattern(/^(?=.*\S)[^\p{Cc}]{1,200}$/u, { expected: "1 to 200 printable characters, not all blank" }),
    ),
  ),
)

export const reason = Flag.String("reason").pipe(
  Flag.withDescription("Why; recorded with the event, so no personal data"),
  Flag.withSchema(
    Schema.String.check(Schema.isPattern(/^(?=.*\S).{1,1000}$/su, { expected: "1 to 1000 characters, not all blank" })),
  ),
  Flag.optional,
)

export const tenant = (description: string) =>
  Flag.String("tenant").pipe(
    Flag.withMetavar("id"),
    Flag.withDescription(description),
    Flag.withSchema(Ids.TenantId),
    Flag.optional,
  )
