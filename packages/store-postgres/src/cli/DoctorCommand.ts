import { Effect } from "effect"
import { Command, Flag } from "effect/cli"

import * as Doctor from "../Doctor.ts"
import { Failed } from "./Failed.ts"
import * as Opened from "./Opened.ts"
import * as Output from "./Output.ts"
import * as Progress from "./Progress.ts"
import { Projections, target } from "./Settings.ts"

const fix = Flag.Boolean("fix").pipe(
  Flag.withDescription("Put claims right that are not as the events say; nothing else is changed"),
  Flag.withDefault(false),
  Flag.withoutNegation,
)

export const command = Command.make("doctor", { fix }, ({ fix }) =>
  Effect.gen(function* () {
    const { name } = yield* target
    const projections = yield* Projections
    const schema = yield* Doctor.examineSchema()
    const examined =
      Doctor.worst(schema) === "error"
        ? { findings: [], repaired: undefined }
        : yield* Progress.shown((tell) =>
            Effect.gen(function* () {
              const onProgress = (count: number) => tell({ phase: "reading", count, unit: "events" })
              const repaired = fix ? yield* Doctor.repairClaims({ onProgress }) : undefined
              return { findings: yield* Doctor.examine({ projections, onProgress }), repaired }
            }),
          ).pipe(Effect.provide(Opened.runner))
    const { repaired } = examined
    const findings = [...schema, ...examined.findings]
    const worst = Doctor.worst(findings)

    yield* Output.print(
      [
        ...(repaired === undefined
          ? []
          : [`Claims: ${repaired.added} added, ${repaired.moved} moved, ${repaired.removed} removed.\n`]),
        ...findings.map(toText),
        "",
        summaryOf(findings, name),
      ].join("\n"),
      { store: name, worst, ...(repaired !== undefined && { repaired }), findings },
    )
    if (worst !== "ok") return yield* new Failed()
  }).pipe(Effect.provide(Opened.loginToExisting)),
).pipe(
  Command.withShortDescription("Look the store over, and say what to do about what is wrong"),
  Command.withDescription(
    "Looks the store over: schema, identity, server, rights, the head and who holds it back, how far behind each view is, events that were passed over, leases, and whatever is kept twice and does not agree. Exit code 1 if there is a warning or an error. JSON: store, worst, repaired, findings: [code, severity, what, numbers, samples, advice]",
  ),
)

const marks = { ok: "ok     ", warning: "warning", error: "ERROR  " } as const

const toText = ({ advice, code, samples, severity, what }: Doctor.Finding): string => {
  const isQuiet = severity === "ok"
  const shown = isQuiet ? [] : samples.slice(0, 5)
  return [
    Output.wrap(what, codeWidth + 10, `${marks[severity]}  ${code.padEnd(codeWidth)} `),
    ...shown.map((sample) =>
      Output.wrap(
        Object.entries(sample)
          .filter(([, value]) => value !== null)
          .map(([key, value]) => `${key}=${value}`)
          .join(" "),
        13,
        "         - ".padEnd(11),
      ),
    ),
    ...(samples.length > shown.length && !isQuiet ? [`         - … (--json shows up to 20)`] : []),
    ...(isQuiet || advice === undefined ? [] : [Output.wrap(advice, 12, "         → ")]),
  ].join("\n")
}

const codeWidth = 20

const summaryOf = (findings: ReadonlyArray<Doctor.Finding>, name: string) => {
  const of = (severity: Doctor.Severity) => findings.filter((finding) => finding.severity === severity).length
  const [errors, warnings] = [of("error"), of("warning")]
  return errors + warnings === 0
    ? `Nothing is wrong with the store in ${name}.`
    : `${Output.plural(errors, "error")} and ${Output.plural(warnings, "warning")} in ${name}.`
}
