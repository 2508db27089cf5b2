import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"

import * as EventStoreMemory from "../src/EventStoreMemory.ts"
import { OwnerId, ProviderId, TenantId } from "../src/Ids.ts"
import { Inbox } from "../src/Inbox.ts"
import * as Registration from "../src/Registration.ts"
import { cryptography, Sealer } from "../src/Sealer.ts"
import { registrationContract } from "../src/testing/registrationContract.ts"

describe("the body of a POST", () => {
  const body = { provider: "gmail", authorization: "consent" }
  const parse = Registration.parse(Registration.PostBody)

  it.effect("is read as it is", () =>
    Effect.gen(function* () {
      const full = { ...body, pollIntervalSeconds: 5, settings: { label: "Bookings" }, label: "ada@example.com" }
      assert.deepStrictEqual<unknown>(yield* parse(full), full)
      assert.deepStrictEqual<unknown>(yield* parse(body), body)
    }),
  )

  for (const [what, input, at] of [
    ["a misspelt field", { ...body, pollInterval: 60 }, "pollInterval"],
    ["a field that only another door may give", { ...body, credentialVersion: 9 }, "credentialVersion"],
    ["an interval that is too short", { ...body, pollIntervalSeconds: 4 }, "pollIntervalSeconds"],
    ["an interval that is no number of seconds", { ...body, pollIntervalSeconds: "60" }, "pollIntervalSeconds"],
    ["a setting that is no value", { ...body, settings: { label: ["Bookings"] } }, "settings.label"],
    ["a missing field", { provider: "gmail" }, "authorization"],
    ["no object at all", "consent", "request"],
  ] as const) {
    it.effect(`is refused by name for ${what}`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(parse(input))
        assert.strictEqual(error.at, at)
        assert.include(error.message, `${at}: Expected`.replace("authorization: Expected", "authorization: Missing"))
      }),
    )
  }

  it.effect("is refused without repeating what it said", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(parse({ ...body, label: { secret: "ada@example.com" } }))
      assert.notInclude(JSON.stringify(error), "ada@")
      assert.notInclude(error.message, "ada@")
    }),
  )
})

describe("slots", () => {
  const subject = {
    tenantId: TenantId.make("acme"),
    ownerId: OwnerId.make("ada"),
    provider: ProviderId.make("gmail"),
  }

  it("are one for each owner and provider, unless the provider has others", () => {
    assert.strictEqual(Registration.onePerOwner(subject), "gmail:ada")
    assert.isUndefined(Registration.severalPerOwner(subject))
  })
})

registrationContract(
  "registration in memory",
  Layer.mergeAll(EventStoreMemory.layer, Inbox.layerMemory, Sealer.layerMemory).pipe(Layer.provide(cryptography)),
)
