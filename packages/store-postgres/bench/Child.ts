/**
 * Programs of the bench in processes of their own.
 */
import { execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

import { Effect } from "effect"

const programOf = (file: string) => fileURLToPath(new URL(file, import.meta.url))

/** What a program prints until it ends. */
export const answer = (file: string, args: ReadonlyArray<string>, flags: ReadonlyArray<string> = []) =>
  Effect.promise(async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [
      ...process.execArgv,
      ...flags,
      programOf(file),
      ...args,
    ])
    return stdout
  })

/** A program that serves until the scope ends, and the first line that it prints. */
export const serving = (file: string) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.promise(async () => {
        const child = spawn(process.execPath, [...process.execArgv, programOf(file)], {
          stdio: ["ignore", "pipe", "inherit"],
        })
        const ended = once(child, "exit").then(() => Promise.reject(new Error(`${file} ended before it served`)))
        const [line] = await Promise.race([once(createInterface(child.stdout), "line"), ended])
        ended.catch(() => {})
        return { child, line: String(line) }
      }),
      ({ child }) => Effect.sync(() => void child.kill()),
    ),
    ({ line }) => line,
  )
