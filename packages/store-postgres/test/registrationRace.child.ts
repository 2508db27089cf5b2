/** Registers one authorization many times at once, when it is told to, and prints every answer. */
import { once } from "node:events"

import { Ids, Registration } from "@holdfast/domain"
import { Array, Effect, Layer, Logger, Redacted, Schema } from "effect"
import { SecureRandom } from "effect/crypto"

import { storeAt } from "./registrationStore.ts"

const { calls, request, url } = Schema.decodeUnknownSync(
  Schema.fromJsonString(
    Schema.Struct({ url: Schema.String, calls: Schema.Natural, request: Schema.toEncoded(Registration.Request) }),
  ),
)(process.argv[2])

const provider = Ids.ProviderId.make(request.provider)
const services = Layer.mergeAll(storeAt(Redacted.make(url)), Registration.Providers.layer({ [provider]: {} })).pipe(
  Layer.provideMerge(SecureRandom.layerWebCrypto),
  // What is logged on the way is no answer.
  Layer.provideMerge(Logger.layer([Logger.withConsoleError(Logger.formatLogFmt)])),
)

const answers = await Effect.runPromise(
  Effect.gen(function* () {
    const decoded = yield* Schema.decodeUnknownEffect(Registration.Request)(request)
    process.stdout.write("ready\n")
    yield* Effect.promise(() => once(process.stdin, "data"))
    return yield* Effect.forEach(Array.range(1, calls), () => Registration.register(decoded), {
      concurrency: "unbounded",
    })
  }).pipe(Effect.provide(services)),
)
process.stdout.write(`${JSON.stringify(answers)}\n`)
process.stdin.destroy()
