/** What a program takes of memory: the built code in a process of its own. */
import { execFile } from "node:child_process"
import { readFile } from "node:fs/promises"
import { stripTypeScriptTypes } from "node:module"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

/** Of the process as it is, in megabytes: what `resourceUsage` says counts what its parent had, too. */
const printPeak = `
const statusOfProcess = process.getBuiltinModule("node:fs").readFileSync("/proc/self/status", "utf8")
console.log((Number(/VmHWM:\\s*(\\d+)/.exec(statusOfProcess)?.[1]) * 1_024) / 1e6)
`

/** Runs a program to its end: its last line, and the most megabytes that the process had. */
export const run = async (
  program: URL,
  argument: string,
  flags: ReadonlyArray<string> = [],
): Promise<{ readonly said: string; readonly megabytes: number }> => {
  // As JavaScript, so that the process need not strip types.
  const script = stripTypeScriptTypes(await readFile(program, "utf8")) + printPeak
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [...flags, "--input-type=module", "-e", script, argument],
    { cwd: fileURLToPath(new URL(".", program)) },
  )
  const lines = stdout.trim().split("\n")
  return { said: lines.at(-2) ?? "", megabytes: Number(lines.at(-1)) }
}
