/**
 * The `holdfast` command.
 *
 * Not among the exports of the package's index, so that hosts which do not need it do not load it. A host that has views
 * of its own makes its own command:
 *
 * ```ts no-run
 * import { ConnectionsView } from "@holdfast/domain"
 * import * as Cli from "@holdfast/store-postgres/Cli"
 *
 * Cli.run({ projections: [...Cli.projections, ConnectionsView] })
 * ```
 *
 * Exit codes: 0 all is well; 1 something was found or went wrong; 2 the command was not understood.
 */
import { createRequire } from "node:module"

import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { AccountKeysView, AccountsView, ConnectionHistoryView, ConnectionsView, ReviewsView } from "@holdfast/domain"
import { Cause, Console, Effect, Exit, Logger, Schema } from "effect"
import { CliConfig, CliOutput, Command, Flag, GlobalFlag } from "effect/cli"

import * as Backtest from "./cli/BacktestCommand.ts"
import { compare } from "./cli/CompareCommand.ts"
import * as Connections from "./cli/ConnectionCommands.ts"
import * as Controls from "./cli/ControlsCommand.ts"
import * as Doctor from "./cli/DoctorCommand.ts"
import * as Enrichments from "./cli/EnrichmentsCommand.ts"
import { explain } from "./cli/Explain.ts"
import * as Forget from "./cli/ForgetCommand.ts"
import * as Keys from "./cli/KeysCommand.ts"
import * as Match from "./cli/MatchCommand.ts"
import * as Migrate from "./cli/MigrateCommand.ts"
import * as Output from "./cli/Output.ts"
import * as Settings from "./cli/Settings.ts"
import * as Transfer from "./cli/TransferCommands.ts"
import * as Views from "./cli/ViewCommands.ts"

export interface Options {
  /** The views that `rebuild`, `verify` and the others know. */
  readonly projections: ReadonlyArray<Settings.AnyProjection>
  /** Commands that adapters bring along. */
  readonly commands?: ReadonlyArray<FurtherCommand>
}

/** A command that opens no store; it is told whether to answer in JSON. Its `Failed` has said all there is to say. */
export type FurtherCommand = (
  json: Effect.Effect<boolean, never, GlobalFlag.Setting.Identifier<"json">>,
) => Command.Command<
  string,
  never,
  object,
  { readonly _tag: string },
  Command.Environment | GlobalFlag.Setting.Identifier<"json">
>

/** The views that every store has. */
export const projections: Options["projections"] = [
  AccountKeysView,
  AccountsView,
  ConnectionHistoryView,
  ConnectionsView,
  ReviewsView,
]

/** Runs the command of this process, and ends it with the exit code. */
export const run = (options: Options): void => {
  // Whoever reads may have enough: `holdfast export | head`.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1))
  Effect.provide(main(options, process.argv.slice(2)), NodeServices.layer).pipe((main) =>
    NodeRuntime.runMain(main, {
      disableErrorReporting: true,
      teardown: (exit, end) => end(Exit.isSuccess(exit) ? Number(exit.value) : interrupted),
    }),
  )
}

/** What the command does with these arguments, and the exit code. */
export const main = (
  options: Options,
  args: ReadonlyArray<string>,
): Effect.Effect<number, never, Command.Environment> =>
  Command.runWith(commandOf(options), { version: manifest.version, renderErrors: true })(args).pipe(
    Effect.as(0),
    Effect.catchCause((cause) => {
      if (Cause.hasInterruptsOnly(cause)) return Effect.succeed(interrupted)
      const failure = cause.reasons.find(Cause.isFailReason)?.error
      if (failure?._tag === "ShowHelp") return Effect.succeed(2)
      if (failure?._tag === "Failed") return Effect.succeed(1)
      const { error, message } = explain(cause)
      const said = args.includes("--json") ? JSON.stringify({ error, message }) : message
      return Effect.as(Console.error(said), error === "Usage" ? 2 : 1)
    }),
    Effect.provideService(Settings.Projections, options.projections),
    Effect.provideService(CliConfig.CliConfig, CliConfig.make({ builtIns })),
    Effect.provideService(CliOutput.Presenter, presenter),
    Effect.provide(logging),
  )

const commandOf = ({ commands = [] }: Options) =>
  Command.make("holdfast").pipe(
    Command.withDescription(
      "Looks after a store of connections and their history. The store is a PostgreSQL database (DATABASE_URL, --database) or an embedded one in a directory (--data-dir), which only one process can have open. Exit codes: 0 all is well; 1 something was found or went wrong; 2 the command was not understood.",
    ),
    Command.withSubcommands([
      {
        group: "Store",
        commands: [Migrate.command, Doctor.command, Transfer.exportLog, Transfer.importLog, Keys.command],
      },
      {
        group: "Views",
        commands: [Views.projections, Views.rebuild, compare, Views.verify, Views.rollback, Views.retry],
      },
      { group: "Connections", commands: [Connections.command, Connections.history, Forget.command] },
      { group: "Bookings", commands: [Enrichments.command, Controls.command] },
      { group: "Matching", commands: [Match.match, Backtest.backtest, Match.policy] },
      ...further(commands),
    ]),
    Command.withGlobalFlags([Settings.Database, Settings.DataDir, Settings.Json]),
  )

const further = (commands: ReadonlyArray<FurtherCommand>) =>
  commands.length === 0 ? [] : [{ group: "Mail", commands: commands.map((command) => command(Settings.Json)) }]

const builtIns = [
  GlobalFlag.Help,
  GlobalFlag.Version,
  { ...GlobalFlag.Completions, flag: Flag.withMetavar(GlobalFlag.Completions.flag, "shell") },
]

/** A mistake gets a sentence and not the whole manual; the manual fits a terminal. */
const presenter: CliOutput.Presenter = {
  present: (event) => {
    switch (event._tag) {
      case "InvalidInvocation":
        return Console.error(
          `${event.errors.map(({ message }) => message.replace(preamble, "")).join("\n")}\nTo see how: ${event.commandPath.join(" ")} --help`,
        )
      case "Help":
        return Console.log(formatter.formatHelpDoc(event.helpDoc).split("\n").map(hang).join("\n"))
      case "Version":
        return Console.log(formatter.formatVersion(event.name, event.version))
    }
  },
}

/** How it was checked is of no interest to whoever mistyped. */
const preamble = "Expected: Schema validation failed: "

const formatter = CliOutput.defaultFormatter({ colors: false })

/** A line that is too long goes on under the beginning of its last column. */
const hang = (line: string) => {
  const [columns = ""] = /^ *(?:\S+(?: \S+)* {2,})?/.exec(line) ?? []
  return line.length <= 80 ? line : Output.wrap(line.slice(columns.length), columns.length, columns)
}

const interrupted = 130

/** What is logged on the way is not the answer. */
const logging = Logger.layer([Logger.withConsoleError(Logger.formatLogFmt)])

const manifest = Schema.decodeUnknownSync(Schema.Struct({ version: Schema.String }))(
  createRequire(import.meta.url)("../package.json"),
)
