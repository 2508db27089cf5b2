/** `npm start`: the whole of it on one machine, with nothing to install and nothing to configure. */
import * as Path from "node:path"

import { NodeRuntime } from "@effect/platform-node"
import { Store } from "@holdfast/store-postgres"
import { Console, Effect, Logger, Option, Redacted } from "effect"

import * as Host from "./Host.ts"
import { demoNangoKey, masterKeysOf, openDirectory, settings, usesDirectory } from "./HostSettings.ts"

const main = Effect.gen(function* () {
  const given = yield* settings
  const { databaseUrl, directory, google, host, nangoKey, plaid, port } = given
  if (usesDirectory(given)) yield* openDirectory(directory)
  const masterKeys = yield* masterKeysOf(directory, given.masterKeys)
  const store = Option.match(databaseUrl, {
    onNone: () => Store.layerPglite({ dataDir: Path.join(directory, "data"), masterKeys }),
    onSome: (url) => Store.layerPostgres({ url, masterKeys }),
  })
  const { banks, server, simulator } = yield* Host.start(store, {
    host,
    port,
    databaseUrl: Option.getOrUndefined(databaseUrl),
    google: Option.getOrUndefined(google),
    plaid: Option.getOrUndefined(plaid),
    banks: { port: given.plaidSimulatorPort, stateFile: Path.join(directory, "banks.json") },
    simulator: { port: given.simulatorPort, stateFile: Path.join(directory, "simulator.json") },
    nangoKey: Option.getOrElse(nangoKey, () => Redacted.make(demoNangoKey)),
  })
  yield* Console.log(`Holdfast is running.

  Look here         ${server}
  Connections       ${server}/api/connections
  Connect a mailbox ${server}/api/gmail/start
  Connect a bank    ${server}/api/plaid/start
  Changes, live     ${server}/api/changes
  Google            ${simulator === undefined ? "Google itself" : `simulated, at ${simulator}/simulator`}
  Plaid             ${banks === undefined ? "Plaid itself" : `simulated, at ${banks}/_control`}
  Kept in           ${Option.isSome(databaseUrl) ? "the database of DATABASE_URL" : Path.resolve(directory)}
  Master keys       ${Option.isSome(given.masterKeys) ? "those of HOLDFAST_MASTER_KEYS" : Path.resolve(directory, "master-key")}${
    Option.isSome(nangoKey) ? "" : `\n  Nango signing key ${demoNangoKey}`
  }

Stop it with Ctrl-C, or in any other way: what was recorded is kept.`)
  return yield* Effect.never
}).pipe(
  Effect.scoped,
  // One line of JSON for each event, for whatever collects them.
  Effect.provide(Logger.layer([Logger.consoleJson])),
  Effect.catch((error) => Effect.andThen(Console.error(`Cannot start. ${Host.explain(error)}`), Effect.fail(error))),
  // Not a failure that anybody foresaw: whoever started it is to see more than an exit code.
  Effect.tapDefect((defect) => Console.error("Cannot go on.", defect)),
)

NodeRuntime.runMain(main, { disableErrorReporting: true })
