/** What reading a mail of 50 MB takes beyond what the process has anyway, which strips types as it starts. */
import { execFileSync } from "node:child_process"

import { type Bar } from "./Tally.ts"

export const measure = (): ReadonlyArray<Bar> => {
  const child = new URL("MemoryChild.ts", import.meta.url)
  const arguments_ = ["--conditions=@holdfast/source", child.pathname]
  const [parsed = Number.NaN, empty = Number.NaN] = [["50"], ["0"]].map((megabytes) =>
    Number(execFileSync(process.execPath, [...arguments_, ...megabytes], { encoding: "utf8" })),
  )
  return [
    {
      name: "memory that a 50 MB mail takes < 200 MB",
      value: `${(parsed - empty).toFixed(0)} MB (the process ${parsed.toFixed(0)} MB; with an empty mail ${empty.toFixed(0)} MB)`,
      holds: parsed - empty < 200,
    },
  ]
}
