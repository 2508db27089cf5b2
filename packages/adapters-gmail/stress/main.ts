/**
 * Plays many stories, one after the other, and stops at the first that does not hold.
 *
 *     node --conditions=@holdfast/source packages/adapters-gmail/stress/main.ts --schedules 10000 [--seed 0]
 */
import { parseArgs } from "node:util"

import { Effect } from "effect"

import * as VirtualTime from "../src/testing/VirtualTime.ts"
import { world } from "../test/mailbox.ts"
import { ada } from "../test/support.ts"
import { play } from "./Schedule.ts"

const { values } = parseArgs({
  options: { schedules: { type: "string", default: "10000" }, seed: { type: "string", default: "0" } },
})
const [schedules, first] = [Number(values.schedules), Number(values.seed)]

const story = (seed: number) => play(seed, ada).pipe(Effect.provide(world(), { local: true }), VirtualTime.provide())

const program = Effect.gen(function* () {
  const began = performance.now()
  let [messages, runs, requests] = [0, 0, 0]
  for (let seed = first; seed < first + schedules; seed++) {
    const told = yield* story(seed)
    messages += told.messages
    runs += told.runs
    requests += told.requests
    if ((seed + 1 - first) % 1_000 === 0 || seed + 1 === first + schedules) {
      const seconds = Math.round((performance.now() - began) / 1_000)
      yield* Effect.sync(() => {
        process.stdout.write(
          `${seed + 1 - first} schedules: 0 lost, 0 doubled of ${messages} messages in ${runs} runs with ${requests} requests, ${seconds} s\n`,
        )
      })
    }
  }
})

await Effect.runPromise(
  Effect.catchTag(program, "Broken", ({ seed, what }) =>
    Effect.sync(() => {
      process.stdout.write(`Seed ${seed}: ${what}\n`)
      process.exitCode = 1
    }),
  ),
)
