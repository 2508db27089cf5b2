/** `npm start` in a process of its own, in a directory of its own. */
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"

import { Effect, Schema } from "effect"

/** The process ended before it was up. */
export class NotStarted extends Schema.TaggedError<NotStarted>()("NotStarted", {
  code: Schema.NullOr(Schema.Number),
  output: Schema.String,
}) {}

export interface Running {
  readonly server: string
  readonly simulator: string
  /** The simulated Plaid. */
  readonly banks: string
  readonly output: () => string
  /** Ends it by a signal, and waits until it has. Answers how it ended: a code or a signal. */
  readonly end: (signal: "SIGINT" | "SIGKILL") => Effect.Effect<number | string | null>
}

export const directory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(Path.join(tmpdir(), "holdfast-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true })),
)

export const start = (path: string, environment: Readonly<Record<string, string>> = {}) =>
  Effect.acquireRelease(
    Effect.callback<Running & { readonly child: ChildProcess }, NotStarted>((resume) => {
      const child = spawn(process.execPath, ["--conditions=@holdfast/source", script], {
        env: {
          PATH: process.env["PATH"],
          HOLDFAST_DIR: path,
          PORT: "0",
          SIMULATOR_PORT: "0",
          PLAID_SIMULATOR_PORT: "0",
          ...environment,
        },
      })
      let output = ""
      const hear = (text: Buffer) => {
        output += text.toString()
        const server = /Look here +(\S+)/.exec(output)?.[1]
        const simulator = /simulated, at (\S+)\/simulator/.exec(output)?.[1]
        const banks = /simulated, at (\S+)\/_control/.exec(output)?.[1]
        if (server === undefined || simulator === undefined || banks === undefined || !output.includes("Stop it"))
          return
        resume(
          Effect.succeed({
            child,
            server,
            simulator,
            banks,
            output: () => output,
            end: (signal) => end(child, signal),
          }),
        )
      }
      child.stdout.on("data", hear)
      child.stderr.on("data", hear)
      child.once("exit", (code) => resume(Effect.fail(new NotStarted({ code, output }))))
    }),
    ({ child }) => end(child, "SIGKILL"),
  )

const end = (child: ChildProcess, signal: "SIGINT" | "SIGKILL") =>
  Effect.callback<number | string | null>((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) {
      return resume(Effect.succeed(child.exitCode ?? child.signalCode))
    }
    child.once("exit", (code, ended) => resume(Effect.succeed(code ?? ended)))
    child.kill(signal)
  })

const script = fileURLToPath(new URL("../src/server.ts", import.meta.url))
