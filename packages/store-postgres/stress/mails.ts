/**
 * The stories of mail that comes, moves and goes while Google fails and runs are stopped, with everything recorded in a
 * PostgreSQL that has them all, and Google asked over HTTP.
 *
 *     node --conditions=@holdfast/source packages/store-postgres/stress/mails.ts [--schedules 100] [--seed 0]
 */
import { parseArgs } from "node:util"

import * as VirtualTime from "@holdfast/adapters-gmail/testing/VirtualTime"
import { Effect, Layer, Redacted } from "effect"

import { google } from "../../adapters-gmail/stress/Google.ts"
import { play } from "../../adapters-gmail/stress/Schedule.ts"
import * as Stories from "../../adapters-gmail/stress/Stories.ts"
import { ada } from "../../adapters-gmail/test/support.ts"
import * as Store from "../src/Store.ts"
import { EmbeddedPostgres, TestDatabase } from "../src/testing/index.ts"

const { values } = parseArgs({
  options: { schedules: { type: "string", default: "100" }, seed: { type: "string", default: "0" } },
})

const masterKeys = { current: "stress", keys: { stress: Redacted.make(new Uint8Array(32).fill(7)) } }

const program = Effect.gen(function* () {
  const server = yield* EmbeddedPostgres.start({ fsync: false })
  const url = yield* TestDatabase.freshDatabase(server.url)
  const store = yield* Layer.build(Store.layerPostgres({ url, masterKeys, maxConnections: 16 }))
  const story = (seed: number) =>
    play(seed, ada).pipe(
      Effect.provide(google, { local: true }),
      Effect.provide(store),
      VirtualTime.provide({ patience: 50 }),
    )
  yield* Effect.promise(() =>
    Stories.playAll(story, { schedules: Number(values.schedules), first: Number(values.seed), atOnce: 12 }),
  )
})

await Effect.runPromise(Effect.scoped(program))
