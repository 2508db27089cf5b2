/**
 * What a vault must do on every store, as tests its package can run.
 */
import { assert, layer } from "@effect/vitest"
import { Arbitrary, Duration, Effect, Layer, Redacted, Result, Schema } from "effect"
import { SecureRandom } from "effect/crypto"

import { ConnectionId } from "../Ids.ts"
import { Vault } from "../Vault.ts"
import { freshId, freshTenant, processWith, type Storage } from "./keyring.ts"

/** Registers the contract as a suite. The store may hold credentials of earlier runs. */
export const vaultContract = <E>(name: string, storage: Layer.Layer<Storage, E>) =>
  layer(processWith("one").pipe(Layer.provideMerge(storage), Layer.provideMerge(SecureRandom.layerWebCrypto)), {
    timeout: Duration.seconds(60),
    excludeTestServices: true,
  })(name, (it) => {
    it.effect.prop(
      "writes when the version that is there is the one to be replaced, and never uses a version again",
      [Arbitrary.schema(Schema.Array(Step).check(Schema.isMaxLength(30)))],
      ([steps]) =>
        Effect.gen(function* () {
          const { get, put, remove } = yield* Vault
          const { connectionId, tenantId } = yield* fresh
          let held: { readonly version: number; readonly secret: string } | undefined
          let highest = 0
          for (const step of steps) {
            if (step._tag === "Remove") {
              yield* remove(tenantId, connectionId)
              held = undefined
            } else {
              // What a worker may believe: what is there, something older, or that there is nothing.
              const replaces = Math.max((step.behind === 3 ? highest + 1 : (held?.version ?? 0)) - step.behind, 0)
              const answer = yield* Effect.result(put(tenantId, connectionId, Redacted.make(step.secret), { replaces }))
              assert.strictEqual(Result.isSuccess(answer), replaces === (held?.version ?? 0))
              if (Result.isSuccess(answer)) {
                assert.isAbove(answer.success, highest)
                highest = answer.success
                held = { version: answer.success, secret: step.secret }
              } else if (answer.failure._tag === "CredentialsConflict") {
                assert.strictEqual(answer.failure.actual, held?.version ?? 0)
              }
            }
            const found = yield* Effect.result(get(tenantId, connectionId))
            assert.deepStrictEqual(
              Result.isSuccess(found)
                ? { version: found.success.version, secret: Redacted.value(found.success.secret) }
                : found.failure._tag,
              held ?? "CredentialsNotFound",
            )
          }
        }),
      { arbitrary: { runs: 25 } },
    )

    it.effect("lets one of many racing writers win, and tells the others what won", () =>
      Effect.gen(function* () {
        const { get, put } = yield* Vault
        const { connectionId, tenantId } = yield* fresh
        for (const replaces of [0, 1, 2]) {
          const answers = yield* Effect.all(
            Array.from({ length: 10 }, (_, index) =>
              Effect.result(put(tenantId, connectionId, Redacted.make(`token ${index}`), { replaces })),
            ),
            { concurrency: "unbounded" },
          )
          const winners = answers.flatMap((answer, index) => (Result.isSuccess(answer) ? [index] : []))
          assert.lengthOf(winners, 1)
          const { secret, version } = yield* get(tenantId, connectionId)
          assert.deepStrictEqual([Redacted.value(secret), version], [`token ${winners[0]}`, replaces + 1])
          const losses = answers.flatMap((answer) => (Result.isFailure(answer) ? [answer.failure] : []))
          assert.isTrue(losses.every((loss) => loss._tag === "CredentialsConflict" && loss.actual === replaces + 1))
        }
      }),
    )

    it.effect("does not let a late refresh bring back what was removed (R24), or overwrite a reconnection (R23)", () =>
      Effect.gen(function* () {
        const { get, put, remove } = yield* Vault
        const { connectionId, tenantId } = yield* fresh
        const used = yield* put(tenantId, connectionId, Redacted.make("old grant"), { replaces: 0 })
        yield* remove(tenantId, connectionId)
        const late = put(tenantId, connectionId, Redacted.make("refreshed"), { replaces: used })
        assert.strictEqual((yield* Effect.flip(late))._tag, "CredentialsConflict")
        assert.strictEqual((yield* Effect.flip(get(tenantId, connectionId)))._tag, "CredentialsNotFound")

        const again = yield* put(tenantId, connectionId, Redacted.make("new grant"), { replaces: 0 })
        assert.isAbove(again, used + 1)
        assert.strictEqual((yield* Effect.flip(late))._tag, "CredentialsConflict")
        assert.strictEqual(Redacted.value((yield* get(tenantId, connectionId)).secret), "new grant")
      }),
    )

    it.effect("keeps connections and tenants apart", () =>
      Effect.gen(function* () {
        const { get, put } = yield* Vault
        const one = yield* fresh
        const other = yield* fresh
        yield* put(one.tenantId, one.connectionId, Redacted.make("mine"), { replaces: 0 })
        for (const [tenantId, connectionId] of [
          [other.tenantId, one.connectionId],
          [one.tenantId, other.connectionId],
        ] as const) {
          assert.strictEqual((yield* Effect.flip(get(tenantId, connectionId)))._tag, "CredentialsNotFound")
        }
      }),
    )
  })

const Step = Schema.TaggedUnion({
  Put: { behind: Schema.Literals([0, 0, 0, 1, 2, 3]), secret: Schema.String.check(Schema.isPattern(/^[\w{}":, ]*$/)) },
  Remove: {},
})

const fresh = Effect.gen(function* () {
  return { tenantId: yield* freshTenant, connectionId: ConnectionId.make(yield* freshId) }
})
