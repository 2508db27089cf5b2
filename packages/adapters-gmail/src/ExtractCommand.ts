/**
 * `holdfast extract`: the reservation facts of mail files. No store is opened, and nothing is kept.
 *
 * A host that makes its own command adds it:
 *
 * ```ts no-run
 * import * as Extract from "@holdfast/adapters-gmail/ExtractCommand"
 * import * as Cli from "@holdfast/store-postgres/Cli"
 *
 * Cli.run({ projections: Cli.projections, commands: [Extract.command] })
 * ```
 */
import { type ReservationFacts } from "@holdfast/domain/reservations/ReservationFacts"
import { Console, DateTime, Effect, FileSystem, Option, Result, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"

import * as ReservationMail from "./extraction/ReservationMail.ts"
import { HistoryId, MessageId } from "./GmailApi.ts"
import * as Tape from "./Tape.ts"

/** Some of the files could not be read, and it was said which. The facts of the others were printed. */
export class Failed extends Schema.TaggedError<Failed>()("Failed", {}) {}

/** How the facts of a file are printed: the names are those of the view's columns. */
export interface Printed {
  readonly file: string
  readonly platform: string | null
  readonly kind: string
  readonly guest_name: string | null
  readonly check_in: string | null
  readonly check_out: string | null
  readonly confirmation_code: string | null
  readonly guest_count: number | null
  readonly confidence: number
  /** Of each value that is not null, by its name here. */
  readonly confidences: Readonly<Record<string, number>>
  readonly decision: ReservationFacts["decision"]
  readonly reasons: ReadonlyArray<string>
}

/** Not the literal, for a command's own type: the `holdfast` command takes any. */
const name: string = "extract"

/** The command; `json` says whether the host's command answers programs. */
export const command = <R>(json: Effect.Effect<boolean, never, R>) =>
  Command.make(name, { files, received, trusted }, ({ files, received, trusted }) =>
    Effect.gen(function* () {
      const read = yield* Effect.forEach(files, (file) => Effect.result(factsOf(file, received, trusted)))
      const printed = read.flatMap((one) => (Result.isSuccess(one) ? [one.success] : []))
      const problems = read.flatMap((one) => (Result.isFailure(one) ? [one.failure] : []))
      if (yield* json) yield* Effect.forEach(printed, (facts) => Console.log(JSON.stringify(facts)), { discard: true })
      else if (printed.length > 0) yield* Console.log(printed.map(textOf).join("\n\n"))
      yield* Effect.forEach(problems, (problem) => Console.error(problem), { discard: true })
      if (problems.length > 0) return yield* new Failed()
    }),
  ).pipe(
    Command.withShortDescription("Print the reservation facts of mail files"),
    Command.withDescription(
      "Prints what mail files (.eml) say of reservations: whose mail it is, what for, and guest, days, code and party with how sure that is; what would be done with it (auto, review, none), and why. No store is opened. A file that cannot be read is named, and the others are printed: exit code 1. JSON lines: file, platform, kind, guest_name, check_in, check_out, confirmation_code, guest_count, confidence, confidences (of each value that is not null), decision, reasons",
    ),
  )

const files = Argument.String("file").pipe(
  Argument.withDescription("A mail as it arrived, headers and all"),
  Argument.withSchema(Schema.String.check(Schema.isPattern(/\S/, { expected: "the name of a file" }))),
  Argument.atLeast(1),
)

const received = Flag.String("received").pipe(
  Flag.withMetavar("instant"),
  Flag.withDescription(
    "When the mails arrived, such as 2026-11-20T10:00:00Z. Default: what the topmost Received header of each says, or else its Date",
  ),
  Flag.withSchema(Schema.DateTimeUtcFromString),
  Flag.optional,
)

const trusted = Flag.String("trust").pipe(
  Flag.withMetavar("domain"),
  Flag.withDescription("A domain that a property manager's booking engine sends from; may be given several times"),
  Flag.withSchema(
    Schema.String.check(
      Schema.isPattern(/^(?=.{1,253}$)[\p{L}\p{N}-]+(\.[\p{L}\p{N}-]+)+$/u, {
        expected: "a domain such as mail.example.com, and nothing before or after it",
      }),
    ),
  ),
  Flag.between(0, 100),
)

const factsOf = Effect.fnUntraced(function* (
  file: string,
  received: Option.Option<DateTime.Utc>,
  trusted: ReadonlyArray<string>,
) {
  const fs = yield* FileSystem.FileSystem
  const raw = yield* Effect.mapError(
    fs.readFile(file),
    () => `${file} cannot be read. See that it is there, that it is a file, and that it is this user's.`,
  )
  const { content } = yield* Tape.record({
    id: MessageId.make(file),
    threadId: file,
    labelIds: [],
    historyId: HistoryId.make("0"),
    internalDate: Option.getOrElse(received, () => DateTime.makeUnsafe(0)),
    raw,
  })
  const message = Tape.decode(content)
  const { mail } = message
  if (mail === null) return yield* Effect.fail(`${file} is in pieces, nested or headed beyond what is read.`)
  if (mail.headers.length === 0) return yield* Effect.fail(`${file} is no mail.`)
  const at = Option.orElse(received, () => arrivalOf(mail.headers))
  if (Option.isNone(at)) {
    return yield* Effect.fail(`${file} does not say when it arrived. Say it with --received.`)
  }
  return printedOf(file, ReservationMail.extract({ ...message, internalDate: at.value }, { trusted }))
})

/** When the last server took the mail, by its own header, which ends with the time; or when the sender says it was sent. */
const arrivalOf = (headers: ReadonlyArray<readonly [string, string]>): Option.Option<DateTime.Utc> => {
  const first = (name: string) => headers.find(([key]) => key === name)?.[1]
  const stamp = first("received")
  const instant = (text: string | undefined) => DateTime.make((text ?? "").replace(/\([^()]*\)/g, "").trim())
  return Option.orElse(
    Option.filter(instant(stamp?.slice(stamp.lastIndexOf(";") + 1)), () => stamp?.includes(";") === true),
    () => instant(first("date")),
  )
}

const printedOf = (file: string, facts: ReservationFacts): Printed => {
  const values = {
    guest_name: facts.guestName,
    check_in: facts.checkIn,
    check_out: facts.checkOut,
    confirmation_code: facts.confirmationCode,
    guest_count: facts.guestCount,
  }
  return {
    file,
    platform: facts.platform,
    kind: facts.kind,
    guest_name: values.guest_name?.value ?? null,
    check_in: values.check_in?.value ?? null,
    check_out: values.check_out?.value ?? null,
    confirmation_code: values.confirmation_code?.value ?? null,
    guest_count: values.guest_count?.value ?? null,
    confidence: facts.confidence,
    confidences: Object.fromEntries(
      Object.entries(values).flatMap(([name, value]) => (value === null ? [] : [[name, value.confidence]])),
    ),
    decision: facts.decision,
    reasons: facts.reasons,
  }
}

const textOf = (facts: Printed): string => {
  const { check_in, check_out, confirmation_code, guest_count, guest_name } = facts
  const lines = [
    `${facts.file}: ${facts.platform ?? "no platform"}, ${facts.kind}: ${facts.decision} (${facts.confidence.toFixed(2)})`,
    guest_name === null ? undefined : `guest: ${guest_name}`,
    check_in === null && check_out === null ? undefined : `stay: ${check_in ?? "?"} to ${check_out ?? "?"}`,
    guest_count === null ? undefined : `guests: ${guest_count}`,
    confirmation_code === null ? undefined : `code: ${confirmation_code}`,
    facts.reasons.length === 0 ? undefined : `because: ${facts.reasons.join(", ")}`,
  ]
  return lines.flatMap((line, index) => (line === undefined ? [] : [index === 0 ? line : `  ${line}`])).join("\n")
}
