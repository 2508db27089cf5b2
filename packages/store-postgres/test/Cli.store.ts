/** A store with a little in it, and the command on it. */
import { spawn } from "node:child_process"

import { NodeServices } from "@effect/platform-node"
import {
  AccountKeysView,
  AccountsView,
  ConnectionHistoryView,
  ConnectionsView,
  Ids,
  ProjectionRunner,
  Registration,
  ReviewsView,
  Vault,
} from "@holdfast/domain"
import { ConfigProvider, Console, Effect, Layer, Redacted } from "effect"

import * as Cli from "../src/Cli.ts"
import * as Store from "../src/Store.ts"

export const masterKey = Buffer.alloc(32, 7)

export const masterKeys = { current: "test", keys: { test: Redacted.make(new Uint8Array(masterKey)) } }

export const storeAt = (url: Redacted.Redacted) => Store.layerPostgres({ url, masterKeys, maxConnections: 3 })

export const acme = Ids.TenantId.make("acme")
export const umbrella = Ids.TenantId.make("umbrella")

export const ids = {
  ada: Ids.ConnectionId.make("00000000-0000-4000-8000-00000000000a"),
  adaOld: Ids.ConnectionId.make("00000000-0000-4000-8000-0000000000aa"),
  grace: Ids.ConnectionId.make("00000000-0000-4000-8000-00000000000b"),
}

const register = Effect.fnUntraced(function* (tenantId: Ids.TenantId, connectionId: Ids.ConnectionId, owner: string) {
  const vault = yield* Vault.Vault
  const credentialVersion = yield* vault.put(tenantId, connectionId, Redacted.make("a secret"), { replaces: 0 })
  yield* Registration.register({
    tenantId,
    connectionId,
    ownerId: Ids.OwnerId.make(owner),
    provider: Ids.ProviderId.make("gmail"),
    authorization: Ids.AuthorizationRef.make(`consent of ${connectionId}`),
    door: "post",
    actor: { kind: "owner", id: owner },
    credentialVersion,
    label: `${owner}@example.com`,
  })
})

/** Three connections: Ada's, the one of hers that it superseded, and Grace's in another tenant. Views are at the head. */
export const seeded = Effect.gen(function* () {
  yield* register(acme, ids.adaOld, "ada")
  yield* register(acme, ids.ada, "ada")
  yield* register(umbrella, ids.grace, "grace")
  yield* ProjectionRunner.catchUp(ConnectionsView)
  yield* ProjectionRunner.catchUp(ConnectionHistoryView)
  yield* ProjectionRunner.catchUp(AccountsView)
  yield* ProjectionRunner.catchUp(AccountKeysView)
  yield* ProjectionRunner.catchUp(ReviewsView)
}).pipe(Effect.provide(Registration.Providers.layer({ gmail: {} })))

export interface Answer {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** The command in this process, which sees nothing of the environment. */
export const holdfast = (args: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}) =>
  Effect.gen(function* () {
    const said = { out: "", err: "" }
    const capturing: Console.Console = Object.assign(Object.create(globalThis.console), {
      log: (text: string) => (said.out += `${text}\n`),
      error: (text: string) => (said.err += `${text}\n`),
    })
    const code = yield* Cli.main({ projections: Cli.projections }, args).pipe(
      Effect.provideService(Console.Console, capturing),
      Effect.provide(Layer.merge(NodeServices.layer, ConfigProvider.layer(ConfigProvider.fromUnknown(env)))),
    )
    return { code, ...said } satisfies Answer
  })

/** The command in a process of its own. */
export const holdfastProcess = (
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string>> = {},
): Effect.Effect<Answer> =>
  Effect.callback((resume) => {
    const bin = new URL("../src/bin.ts", import.meta.url).pathname
    const child = spawn(process.execPath, ["--conditions=@holdfast/source", bin, ...args], {
      env: { PATH: process.env["PATH"], ...env },
      stdio: ["ignore", "pipe", "pipe"],
    })
    const said = { out: "", err: "" }
    child.stdout.on("data", (text: Buffer) => (said.out += text.toString()))
    child.stderr.on("data", (text: Buffer) => (said.err += text.toString()))
    child.on("close", (code) => resume(Effect.succeed({ code: code ?? -1, ...said })))
    return Effect.sync(() => void child.kill())
  })
