import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Layer, Option, Redacted, Result } from "effect"
import { TestClock } from "effect/testing"

import { DataKeys } from "../src/DataKeys.ts"
import { StreamId } from "../src/EventStore.ts"
import { DestroyKeys } from "../src/EventStoreMemory.ts"
import { EventId, TenantId } from "../src/Ids.ts"
import * as MasterKeys from "../src/MasterKeys.ts"
import { cryptography, Sealer } from "../src/Sealer.ts"
import { SubjectKeys } from "../src/SubjectKeys.ts"

describe("DataKeys", () => {
  it.effect("remembers a key for a minute at most after it was destroyed", () =>
    Effect.gen(function* () {
      const { open, seal } = yield* Sealer
      const destroy = yield* DestroyKeys
      const sealed = yield* seal(context, "Ada")
      yield* destroy(context.tenantId, [context.streamId])
      yield* TestClock.adjust("59 seconds")
      assert.deepStrictEqual(yield* open(context, sealed), Option.some("Ada"))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* open(context, sealed), Option.none())
    }).pipe(Effect.provide(Sealer.layerMemory)),
  )

  it.effect("does not remember a key that it was still looking up when it was evicted", () =>
    Effect.gen(function* () {
      const { evict, find, obtain } = yield* DataKeys
      const destroy = yield* DestroyKeys
      const forgetting = Effect.andThen(
        destroy(context.tenantId, [context.streamId]),
        evict(context.tenantId, [context.streamId]),
      )
      yield* Effect.all([obtain(context.tenantId, context.streamId), forgetting], { concurrency: "unbounded" })
      assert.deepStrictEqual(yield* find(context.tenantId, context.streamId), Option.none())
    }).pipe(Effect.provide(Sealer.layerMemory)),
  )

  it.effect("looks a remembered key up once", () =>
    Effect.gen(function* () {
      let lookUps = 0
      const counted = Layer.effect(
        SubjectKeys,
        Effect.map(SubjectKeys, (keys) =>
          SubjectKeys.of({ ...keys, find: (...of) => Effect.suspend(() => (lookUps++, keys.find(...of))) }),
        ),
      ).pipe(Layer.provide(SubjectKeys.layerMemory))
      yield* Effect.gen(function* () {
        const { open, seal } = yield* Sealer
        const sealed = yield* seal(context, "Ada")
        for (let n = 0; n < 10; n++) yield* open(context, sealed)
      }).pipe(
        Effect.provide(
          Sealer.layer.pipe(
            Layer.provide(DataKeys.layer),
            Layer.provide(counted),
            Layer.provide(
              MasterKeys.MasterKeys.layer({ current: "one", keys: { one: Redacted.make(new Uint8Array(32)) } }),
            ),
            Layer.provide(cryptography),
          ),
        ),
      )
      assert.strictEqual(lookUps, 1)
    }),
  )
})

describe("MasterKeys", () => {
  it.effect("reads its keys from one setting, the current one first", () =>
    Effect.gen(function* () {
      const { current, unwrap, wrap } = yield* MasterKeys.MasterKeys
      assert.strictEqual(current, "2026")
      const wrapped = yield* wrap("credentials", ["here"], Uint8Array.of(1, 2, 3))
      assert.strictEqual(wrapped.masterKeyId, "2026")
      assert.deepStrictEqual(yield* unwrap("credentials", ["here"], wrapped), Uint8Array.of(1, 2, 3))
      const misplaced = [
        unwrap("credentials", ["there"], wrapped),
        unwrap("subject-keys", ["here"], wrapped),
        unwrap("credentials", ["here"], { ...wrapped, masterKeyId: "2025" }),
      ]
      for (const attempt of misplaced) assert.strictEqual((yield* Effect.flip(attempt)).reason, "damaged")
      const unknown = unwrap("credentials", ["here"], { ...wrapped, masterKeyId: "2024" })
      assert.strictEqual((yield* Effect.flip(unknown)).reason, "unknown-master-key")
    }).pipe(
      Effect.provide(
        MasterKeys.MasterKeys.layerConfig().pipe(
          Layer.provide(cryptography),
          Layer.provide(
            ConfigProvider.layer(
              ConfigProvider.fromUnknown({ HOLDFAST_MASTER_KEYS: `2026:${base64(1)}, 2025:${base64(2)}` }),
            ),
          ),
        ),
      ),
    ),
  )

  it.effect("refuses keys that are malformed, too short, named twice or missing, without showing any", () =>
    Effect.gen(function* () {
      for (const text of ["", "secretsecret", ":c2VjcmV0", "a:c2VjcmV0", "a:%%%", `a:${base64(1)},a:${base64(2)}`]) {
        const parsed = MasterKeys.parse(text)
        const error = Result.isFailure(parsed)
          ? parsed.failure
          : yield* Effect.flip(
              Effect.provide(
                MasterKeys.MasterKeys,
                Layer.provide(MasterKeys.MasterKeys.layer(parsed.success), cryptography),
              ),
            )
        assert.strictEqual(error._tag, "InvalidMasterKeys")
        assert.notMatch(JSON.stringify(error), /secret|c2Vj/)
      }
    }),
  )
})

const context = {
  tenantId: TenantId.make("acme"),
  streamId: StreamId.make("connection-1"),
  eventId: EventId.make("00000000-0000-7000-8000-000000000001"),
}

const base64 = (fill: number) => Buffer.from(new Uint8Array(32).fill(fill)).toString("base64")
