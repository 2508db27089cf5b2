/**
 * The processes of the stress: started, killed, started again.
 */
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"

import { Ids } from "@holdfast/domain"
import { Schema } from "effect"

const common = { url: Schema.String, seed: Schema.String, name: Schema.String, incarnation: Schema.Int }

/** What a process is for. Its files carry over from one incarnation to the next. */
export const Role = Schema.TaggedUnion({
  Writer: { ...common, ledger: Schema.String },
  Reader: {
    ...common,
    notes: Schema.String,
    categories: Schema.optionalKey(Schema.Array(Schema.String)),
    slow: Schema.Boolean,
    naive: Schema.Boolean,
  },
  Runner: common,
  /** Syncs connections of one mailbox over and over, and keeps the view of it. */
  Syncer: {
    ...common,
    google: Schema.Struct({ url: Schema.String, token: Schema.String }),
    tenantId: Ids.TenantId,
    connections: Schema.Array(Ids.ConnectionId),
    /** `false`: it believes of every lease that it holds it. */
    leased: Schema.Boolean,
  },
})
export type Role = typeof Role.Type

export interface Worker {
  readonly role: Role
  readonly kill: () => Promise<void>
  /** Starts it again, if it was killed. */
  readonly revive: () => void
  /** Lets it finish what it has begun; its end is awaited. */
  readonly finish: () => Promise<void>
  /** How often it was killed. */
  readonly kills: () => number
  /** What it died of by itself, and what it then said. */
  readonly failures: ReadonlyArray<string>
}

export const start = (role: Role): Worker => {
  const failures: Array<string> = []
  let kills = 0
  let finishing = false
  let child: ChildProcess | undefined

  const launch = () => {
    const process = fork(program, [JSON.stringify({ ...role, incarnation: role.incarnation + kills })], {
      execArgv: ["--conditions=@holdfast/source"],
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    })
    let said = ""
    process.stderr?.on("data", (text: Buffer) => {
      said = (said + text.toString()).slice(-2_000)
    })
    process.once("exit", (code, signal) => {
      if (signal !== "SIGKILL" && !(finishing && code === 0))
        failures.push(`${role.name} ended with ${code ?? signal}: ${said}`)
    })
    child = process
  }

  const end = async (how: (child: ChildProcess) => void) => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, "exit")
    how(child)
    await exited
  }

  launch()
  return {
    role,
    failures,
    kills: () => kills,
    kill: async () => {
      await end((child) => child.kill("SIGKILL"))
      kills += 1
      child = undefined
    },
    revive: () => {
      if (child === undefined) launch()
    },
    finish: () => {
      finishing = true
      return end((child) => (role._tag === "Writer" ? child.send("stop") : child.kill("SIGKILL")))
    },
  }
}

const program = fileURLToPath(new URL("./worker.ts", import.meta.url))
