/** Starts a server, prints its address and waits to be killed. */
import { Effect, Redacted } from "effect"

import { EmbeddedPostgres } from "../src/testing/index.ts"

await Effect.runPromise(
  Effect.scoped(
    Effect.gen(function* () {
      const server = yield* EmbeddedPostgres.start({ fsync: false })
      process.stdout.write(`${Redacted.value(server.url)}\n`)
      return yield* Effect.never
    }),
  ),
)
