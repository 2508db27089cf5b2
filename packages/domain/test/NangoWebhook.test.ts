import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted, Schema } from "effect"
import { Mac, SecureRandom } from "effect/crypto"
import { Hex } from "effect/encoding"

import { AuthorizationRef } from "../src/Ids.ts"
import * as Nango from "../src/Nango.ts"
import * as Utf8 from "../src/Utf8.ts"

const crypto = Mac.layerWebCrypto.pipe(Layer.provide(SecureRandom.layerWebCrypto))

describe("a signature", () => {
  it.effect("is the hexadecimal HMAC-SHA256 over the raw bytes, as published test vectors have it", () =>
    Effect.gen(function* () {
      // RFC 4231, test case 2.
      const delivery = {
        body: Utf8.encode("what do ya want for nothing?"),
        headers: { "x-nango-hmac-sha256": "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
      }
      assert.strictEqual(yield* Nango.verify([{ id: "jefe", key: Redacted.make("Jefe") }], delivery), "jefe")
    }).pipe(Effect.provide(crypto)),
  )

  it.effect("names the one of several keys that made it, whatever their order", () =>
    Effect.gen(function* () {
      for (const key of keys) {
        const delivery = yield* sign(key, "{}")
        assert.strictEqual(yield* Nango.verify(keys, delivery), key.id)
        assert.strictEqual(yield* Nango.verify(keys.toReversed(), delivery), key.id)
      }
    }).pipe(Effect.provide(crypto)),
  )

  it.effect("is refused once its key is withdrawn, and when there are no keys", () =>
    Effect.gen(function* () {
      const delivery = yield* sign(withdrawn, "{}")
      for (const remaining of [keys, []]) {
        const { reason } = yield* Effect.flip(Nango.verify(remaining, delivery))
        assert.strictEqual(reason, "wrong-signature")
      }
    }).pipe(Effect.provide(crypto)),
  )

  it.effect("does not fall back on the legacy header when the right one is wrong", () =>
    Effect.gen(function* () {
      const headers = { "x-nango-signature": "0".repeat(64), "x-nango-hmac-sha256": "0".repeat(64) }
      const { reason } = yield* Effect.flip(Nango.verify(keys, { body: Utf8.encode("{}"), headers }))
      assert.strictEqual(reason, "wrong-signature")
    }).pipe(Effect.provide(crypto)),
  )

  it.effect.prop(
    "covers every byte of the body: any other body is refused, and so is any other signature",
    [Schema.String, Schema.String.check(Schema.isMinLength(1)), Schema.Natural],
    ([body, more, at]) =>
      Effect.gen(function* () {
        const delivery = yield* sign(current, body)
        assert.strictEqual(yield* Nango.verify(keys, delivery), current.id)

        const index = at % (body.length + 1)
        const other = Utf8.encode(body.slice(0, index) + more + body.slice(index))
        assert.strictEqual(
          (yield* Effect.flip(Nango.verify(keys, { ...delivery, body: other }))).reason,
          "wrong-signature",
        )

        const signature = delivery.headers["x-nango-hmac-sha256"]
        const digit = at % signature.length
        const flipped = `${signature.slice(0, digit)}${signature[digit] === "0" ? "1" : "0"}${signature.slice(digit + 1)}`
        for (const forged of [flipped, signature.slice(0, -2), `${signature}00`]) {
          const headers = { "x-nango-hmac-sha256": forged }
          assert.strictEqual(
            (yield* Effect.flip(Nango.verify(keys, { ...delivery, headers }))).reason,
            "wrong-signature",
          )
        }
      }).pipe(Effect.provide(crypto)),
  )
})

describe("whose a consent is", () => {
  const subject = { connectionId: AuthorizationRef.make("consent"), providerConfigKey: "google-mail" }

  it("is what the host attached to it: an end user of an organization", () => {
    const endUser = { endUserId: "ada", organizationId: "acme" }
    assert.deepStrictEqual(Nango.attachedPrincipal({ ...subject, endUser }), { tenantId: "acme", ownerId: "ada" })
  })

  it("is read from the tags where there is no end user", () => {
    const tags = { end_user_id: "ada", organization_id: "acme" }
    const endUser = { endUserId: null, organizationId: null }
    for (const attached of [{ tags }, { tags, endUser: null }, { tags, endUser }]) {
      assert.deepStrictEqual(Nango.attachedPrincipal({ ...subject, ...attached }), { tenantId: "acme", ownerId: "ada" })
    }
  })

  it("is not known from one half of it, nor from names that are none", () => {
    const halves = [{}, { endUserId: "ada" }, { organizationId: "acme" }, { endUserId: "", organizationId: "acme" }]
    for (const endUser of halves) assert.isUndefined(Nango.attachedPrincipal({ ...subject, endUser }))
  })
})

const signingKey = (id: string): Nango.SigningKey => ({ id, key: Redacted.make(`the key of ${id}`) })

const withdrawn = signingKey("2026-01")
const current = signingKey("2026-03")
const keys = [current, signingKey("2026-08")]

const sign = Effect.fnUntraced(function* ({ key }: Nango.SigningKey, body: string) {
  const mac = yield* Mac.Mac
  const bytes = Utf8.encode(body)
  const tag = yield* mac.sign(yield* Mac.key(Mac.hmacSha256, Utf8.encode(Redacted.value(key))), bytes)
  return { body: bytes, headers: { "x-nango-hmac-sha256": Hex.encode(tag) } }
})
