/**
 * One process of the stress: a writer, a reader, a runner or a syncer, until it is told to stop, or killed.
 */
import { ProjectionRunner } from "@holdfast/domain"
import { Effect, Redacted, Schedule, Schema } from "effect"

import * as Store from "../src/Store.ts"
import * as Random from "./Random.ts"
import * as Reader from "./Reader.ts"
import { streamsView } from "./StreamsView.ts"
import { Role } from "./Workers.ts"
import * as Writer from "./Writer.ts"

const role = Schema.decodeUnknownSync(Schema.fromJsonString(Role))(process.argv[2])

let stopping = false
process.once("message", () => {
  stopping = true
})
// Whoever started it is gone.
process.once("disconnect", () => process.exit(1))

const work = Effect.gen(function* () {
  switch (role._tag) {
    case "Writer":
      return yield* Writer.run({ ...role, isStopping: () => stopping })
    case "Reader": {
      const options = { ...role, random: Random.make(role.seed, role.name, role.incarnation) }
      return yield* role.naive ? Reader.runNaively(options) : Reader.run(options)
    }
    case "Runner":
      return yield* ProjectionRunner.run(streamsView, { batchSize: 500 })
    case "Syncer": {
      // Reading mail takes its time to load, and only these do.
      const { run } = yield* Effect.promise(() => import("./Syncer.ts"))
      return yield* run(role)
    }
  }
})

const library = Store.layerPostgres({
  url: Redacted.make(role.url),
  maxConnections: 8,
  applicationName: role.name,
  // Nothing is sealed.
  masterKeys: { current: "stress", keys: { stress: Redacted.make(new Uint8Array(32)) } },
})

const run = work.pipe(
  Effect.provide(library),
  // It may be started while the server is down. Once it works, it survives that by itself.
  Effect.retry({ schedule: Schedule.spaced("200 millis"), times: 100 }),
)

await Effect.runPromise(run)
process.exit(0)
