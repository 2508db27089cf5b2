/**
 * A rebuild in a process of its own, so that its memory can be told from ours.
 *
 * Prints one line of JSON: how many seconds it took, and the most memory the process ever had.
 */
import { ConnectionsView, Rebuild } from "@holdfast/domain"
import { Effect, Redacted } from "effect"

import * as Server from "./Server.ts"

const url = Redacted.make(process.argv[2] ?? "")

const rebuilt = Effect.gen(function* () {
  const start = performance.now()
  yield* Rebuild.rebuild(ConnectionsView)
  return (performance.now() - start) / 1000
}).pipe(Effect.provide(Server.layer(url)))

const seconds = await Effect.runPromise(rebuilt)
console.log(JSON.stringify({ seconds, megabytes: process.resourceUsage().maxRSS / 1024 }))
