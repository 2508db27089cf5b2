/**
 * Plays many stories and stops at the first that does not hold.
 *
 *     npm run stress:mail -- [--schedules 10000] [--seed 0] [--http]
 *
 * One after the other in this process; with `--http` some at once, each against a simulator of its own that Google's
 * client asks over real HTTP.
 */
import { parseArgs } from "node:util"

import { Effect, Layer } from "effect"

import * as VirtualTime from "../src/testing/VirtualTime.ts"
import { stores, world } from "../test/mailbox.ts"
import { ada } from "../test/support.ts"
import { google } from "./Google.ts"
import { play } from "./Schedule.ts"
import * as Stories from "./Stories.ts"

const { values } = parseArgs({
  options: {
    schedules: { type: "string", default: "10000" },
    seed: { type: "string", default: "0" },
    http: { type: "boolean", default: false },
  },
})

const inProcess = (seed: number) =>
  play(seed, ada).pipe(Effect.provide(world(), { local: true }), VirtualTime.provide())

const overHttp = (seed: number) =>
  play(seed, ada).pipe(
    Effect.provide(Layer.merge(google, stores), { local: true }),
    VirtualTime.provide({ patience: 10 }),
  )

await Stories.playAll(values.http ? overHttp : inProcess, {
  schedules: Number(values.schedules),
  first: Number(values.seed),
  atOnce: values.http ? 12 : 1,
})
