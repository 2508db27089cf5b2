/** Tries a matching policy on cases from a file: no store is opened, and nothing is changed. */
import { AccountCases, Policy, TransactionCases } from "@holdfast/domain"
import { Console, Effect, FileSystem, Option, Result, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"

import { Failed } from "./Failed.ts"
import * as Inputs from "./Inputs.ts"
import * as Output from "./Output.ts"
import { Json, Usage } from "./Settings.ts"

const file = Argument.String("file").pipe(
  Argument.withDescription("Cases, as a JSON array"),
  Argument.withSchema(Inputs.fileName),
)

const transactions = Flag.Boolean("transactions").pipe(
  Flag.withDescription("The cases are about transactions delivered again, not about accounts"),
  Flag.withDefault(false),
  Flag.withoutNegation,
)

export const policyFile = Flag.String("policy").pipe(
  Flag.withMetavar("file"),
  Flag.withDescription("A policy for accounts, as `holdfast policy` prints one; the one in use if it is left out"),
  Flag.withSchema(Inputs.fileName),
  Flag.optional,
)

/** The policy of a file, or the one in use. */
export const policyOf = Effect.fnUntraced(function* (name: Option.Option<string>) {
  if (Option.isNone(name)) return Policy.recon1
  const content = yield* contentOf(name.value)
  return yield* Effect.mapError(
    Policy.decode(content),
    ({ message }) => new Usage({ problem: `--policy: ${name.value} is not a policy. ${message}` }),
  )
})

export const match = Command.make(
  "match",
  { file, transactions, policy: policyFile },
  ({ file, policy, transactions }) =>
    Effect.gen(function* () {
      const content = yield* contentOf(file)
      if (transactions) {
        if (Option.isSome(policy))
          return yield* new Usage({ problem: "--policy is for accounts, not for --transactions." })
        return yield* transactionsIn(file, content)
      }
      return yield* accountsIn(file, content, yield* policyOf(policy))
    }),
).pipe(
  Command.withShortDescription("Decide cases of a file, and say why"),
  Command.withDescription(
    "Decides which held account each incoming account is, for every case of a file, with the reasons; or, with --transactions, what delivered transactions are. Where a case says what is expected, it is scored: exit code 1 if one is decided otherwise or cannot be read. No store is opened. JSON: one array with id and decisions (or merge, insert, review, ignore, expire, flag) of each case",
  ),
)

export const policy = Command.make("policy", {}, () => Console.log(JSON.stringify(Policy.recon1, undefined, 2))).pipe(
  Command.withShortDescription("Print the matching policy in use"),
  Command.withDescription(
    "Prints the matching policy in use as JSON: change a copy and try it with `match` and `backtest`",
  ),
)

const accountsIn = Effect.fnUntraced(function* (file: string, content: unknown, policy: Policy.Policy) {
  const { decided, refused, unknown } = AccountCases.decideFile(content, policy)
  yield* tellUnread(file, refused, unknown)
  const wrong = decided.filter(({ isRight }) => Object.values(isRight).includes(false))
  const scored = decided.flatMap(({ isRight }) => Object.values(isRight))
  if (yield* Json) yield* Console.log(JSON.stringify(AccountCases.toJson(decided)))
  else {
    yield* Console.log(
      decided
        .map(({ explanations, id, isRight }) =>
          Object.entries(explanations)
            .map(([account, lines]) => {
              const verdict = isRight[account] === false ? "  NOT AS EXPECTED" : ""
              return `${id} ${account}${verdict}\n${lines.map((line) => `  ${line}`).join("\n")}`
            })
            .join("\n"),
        )
        .join("\n\n"),
    )
    yield* tellScore(scored.filter(Boolean).length, scored.length)
  }
  if (wrong.length > 0 || refused.length > 0) return yield* new Failed()
})

const transactionsIn = Effect.fnUntraced(function* (file: string, content: unknown) {
  const { decided, refused, unknown } = TransactionCases.decideFile(content)
  const { failures, right, scored } = TransactionCases.score(content)
  yield* tellUnread(file, refused, unknown)
  if (yield* Json) yield* Console.log(JSON.stringify(decided))
  else {
    yield* Console.log(
      decided
        .map((one) => {
          const differences = failures.find(({ id }) => id === one.id)?.differences ?? []
          return [
            `${one.id}${differences.length > 0 ? "  NOT AS EXPECTED" : ""}`,
            ...Object.entries(one.merge).map(([row, held]) => `  ${row} is ${held}`),
            ...one.insert.map((row) => `  ${row} is new`),
            ...one.review.map(([row, held]) => `  ${row} may be ${held}: ask`),
            ...one.ignore.map((row) => `  ${row} is no transaction`),
            ...one.expire.map((held) => `  ${held} lapses`),
            ...(one.flag === null ? [] : [`  ${one.flag}`]),
            ...differences.map((difference) => `  expected: ${difference}`),
          ].join("\n")
        })
        .join("\n"),
    )
    yield* tellScore(right, scored)
  }
  if (failures.length > 0 || refused.length > 0) return yield* new Failed()
})

const tellScore = (right: number, of: number) =>
  of === 0 ? Effect.void : Console.log(`\n${Output.numeral(right)} of ${Output.numeral(of)} as expected`)

/** What could not be read stops only itself, and is told by name and place. */
const tellUnread = Effect.fnUntraced(function* (
  file: string,
  refused: ReadonlyArray<{ readonly id: string; readonly problem: string }>,
  unknown: ReadonlyArray<{ readonly id: string; readonly field: string }>,
) {
  for (const { id, problem } of refused) {
    yield* Console.error(`${file}: ${id === "" ? "it" : id} cannot be read. ${problem}`)
  }
  for (const { field, id } of unknown) {
    yield* Console.error(`${file}: ${id} has a field that is not known, and that was not considered: ${field}`)
  }
})

const contentOf = Effect.fnUntraced(function* (name: string) {
  const fs = yield* FileSystem.FileSystem
  const text = yield* fs.readFileString(name)
  return yield* Effect.fromResult(
    Result.mapError(parse(text.replace(/^\uFEFF/, "")), () => new Usage({ problem: `${name} is not JSON.` })),
  )
})

const parse = Schema.decodeUnknownResult(Schema.fromJsonString(Schema.Json))
