/** What a process takes that reads a mail of 50 MB. */
import * as Child from "../memory/Child.ts"
import { type Bar } from "./Tally.ts"

export const measure = async (): Promise<ReadonlyArray<Bar>> => {
  const peak = async (megabytes: number) =>
    (await Child.run(new URL("MemoryChild.ts", import.meta.url), String(megabytes))).megabytes
  const [reading, empty] = [await peak(50), await peak(0)]
  return [
    {
      name: "memory of a process that reads a 50 MB mail < 200 MB",
      value: `${reading.toFixed(0)} MB (with an empty mail ${empty.toFixed(0)} MB)`,
      holds: reading < 200,
    },
  ]
}
