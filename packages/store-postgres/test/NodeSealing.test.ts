import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import { Mac, SecureRandom } from "effect/crypto"

import * as NodeSealing from "../src/NodeSealing.ts"

const algorithms = [Mac.hmacSha1, Mac.hmacSha256, Mac.hmacSha384, Mac.hmacSha512]

const webCrypto = Layer.provide(Mac.layerWebCrypto, SecureRandom.layerWebCrypto)

const bytes = (text: string) => new TextEncoder().encode(text)

const tag = (algorithm: Mac.Algorithm, key: string, text: string) =>
  Effect.gen(function* () {
    const mac = yield* Mac.Mac
    return yield* mac.sign(yield* Mac.key(algorithm, bytes(key)), bytes(text))
  })

describe("Native HMAC", () => {
  it.effect.prop(
    "gives the tags that Web Crypto gives: identifiers hashed by either are found by the other",
    [Schema.NonEmptyString, Schema.String],
    ([key, text]) =>
      Effect.forEach(algorithms, (algorithm) =>
        Effect.gen(function* () {
          const native = yield* Effect.provide(tag(algorithm, key, text), NodeSealing.layer)
          const web = yield* Effect.provide(tag(algorithm, key, text), webCrypto)
          assert.deepStrictEqual(Array.from(native), Array.from(web))
        }),
      ),
    { arbitrary: { runs: 50 } },
  )

  it("answers at once", () => {
    const signed = Effect.provide(tag(Mac.hmacSha256, "key", "text"), NodeSealing.layer)
    assert.strictEqual(Effect.runSync(signed).length, 32)
  })
})
