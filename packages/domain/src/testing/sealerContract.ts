/**
 * What sealing must do on every store, as tests its package can run.
 */
import { assert, layer } from "@effect/vitest"
import { Arbitrary, Duration, Effect, Layer, Option, Redacted, Schema } from "effect"
import { SecureRandom } from "effect/crypto"

import { DataKeys } from "../DataKeys.ts"
import { EventStore, StreamId } from "../EventStore.ts"
import { ConnectionId, system, type TenantId } from "../Ids.ts"
import { KeyedHash } from "../KeyedHash.ts"
import * as KeyRotation from "../KeyRotation.ts"
import { type SealedFor, Sealer } from "../Sealer.ts"
import { Vault } from "../Vault.ts"
import { freshEventId, freshId, freshTenant, processWith, type Storage } from "./keyring.ts"

/** Registers the contract as a suite. The store may hold keys of earlier runs, but nobody else may rotate meanwhile. */
export const sealerContract = <E>(name: string, storage: Layer.Layer<Storage, E>) =>
  layer(Layer.merge(storage, SecureRandom.layerWebCrypto), {
    timeout: Duration.seconds(60),
    excludeTestServices: true,
  })(name, (it) => {
    it.effect.prop(
      "opens what was sealed, whatever the text",
      [Arbitrary.schema(Schema.String), Arbitrary.schema(Schema.Natural.check(Schema.isLessThan(4_000)))],
      ([text, times]) =>
        Effect.gen(function* () {
          const { open, seal } = yield* Sealer
          const context = yield* fresh
          for (const plain of [text, text.repeat(times)]) {
            const wellFormed = plain.toWellFormed()
            const sealed = yield* seal(context, wellFormed)
            assert.deepStrictEqual(yield* open(context, sealed), Option.some(wellFormed))
          }
        }).pipe(Effect.provide(processWith("one"))),
      { arbitrary: { runs: 20 } },
    )

    it.effect("compresses what pays and never seals the same text to the same bytes", () =>
      Effect.gen(function* () {
        const { seal } = yield* Sealer
        const context = yield* fresh
        const mail = "<td>Dear guest, your reservation is confirmed.</td>\n".repeat(1_000)
        const [first, second] = yield* Effect.all([seal(context, mail), seal(context, mail)])
        assert.isBelow(first.length, mail.length / 10)
        assert.notDeepEqual(first, second)
      }).pipe(Effect.provide(processWith("one"))),
    )

    it.effect("opens nothing that was moved to another event, stream or tenant, or changed in any byte", () =>
      Effect.gen(function* () {
        const { open, seal } = yield* Sealer
        const context = yield* fresh
        const other = yield* fresh
        const sealed = yield* seal(context, "Ada Lovelace".repeat(50))
        yield* seal(other, "a key of its own")
        yield* seal({ ...context, streamId: other.streamId }, "a key of its own")

        const elsewhere: ReadonlyArray<SealedFor> = [
          { ...context, eventId: other.eventId },
          { ...context, streamId: other.streamId },
          { ...context, tenantId: other.tenantId },
          other,
        ]
        for (const place of elsewhere) {
          assert.strictEqual((yield* Effect.flip(open(place, sealed))).reason, "damaged")
        }
        for (const index of sealed.keys()) {
          const changed = sealed.map((byte, at) => (at === index ? byte ^ 1 : byte))
          assert.strictEqual((yield* Effect.flip(open(context, changed))).reason, "damaged", `byte ${index}`)
        }
        assert.strictEqual((yield* Effect.flip(open(context, sealed.subarray(0, 20)))).reason, "damaged")
        assert.strictEqual((yield* Effect.flip(open(context, new Uint8Array()))).reason, "damaged")
      }).pipe(Effect.provide(processWith("one"))),
    )

    it.effect("gives a subject one key when many processes seal for it first at once", () =>
      Effect.gen(function* () {
        const context = yield* fresh
        const sealed = yield* Effect.all(
          Array.from({ length: 12 }, (_, index) =>
            inProcess("one")(Sealer.use(({ seal }) => seal(context, String(index)))),
          ),
          { concurrency: "unbounded" },
        )
        const opened = yield* Effect.forEach(sealed, (bytes) =>
          inProcess("one")(Sealer.use(({ open }) => open(context, bytes))),
        )
        assert.deepStrictEqual(
          opened,
          sealed.map((_, index) => Option.some(String(index))),
        )
      }),
    )

    it.effect("opens nothing of a forgotten subject and seals nothing more for it, but all of the others", () =>
      Effect.gen(function* () {
        const { open, seal } = yield* Sealer
        const { evict } = yield* DataKeys
        const context = yield* fresh
        const sibling = { ...context, streamId: (yield* fresh).streamId }
        const sealed = yield* seal(context, "Ada Lovelace")
        const kept = yield* seal(sibling, "Grace Hopper")

        yield* forget(context.tenantId, context.streamId)
        yield* evict(context.tenantId, [context.streamId])
        assert.deepStrictEqual(yield* open(context, sealed), Option.none())
        assert.strictEqual((yield* Effect.flip(seal(context, "more"))).reason, "forgotten")
        assert.deepStrictEqual(yield* open(sibling, kept), Option.some("Grace Hopper"))
      }).pipe(Effect.provide(processWith("one"))),
    )

    it.effect("cannot be read after the forgetting, though a process that had not noticed sealed it", () =>
      Effect.gen(function* () {
        const { seal } = yield* Sealer
        const context = yield* fresh
        yield* seal(context, "before")
        yield* forget(context.tenantId, context.streamId)
        const late = yield* seal(context, "Ada Lovelace")
        const opened = yield* inProcess("one")(Sealer.use(({ open }) => open(context, late)))
        assert.deepStrictEqual(opened, Option.none())
      }).pipe(Effect.provide(processWith("one"))),
    )

    it.effect("gives no key to a subject that was forgotten before it had one", () =>
      Effect.gen(function* () {
        const { seal } = yield* Sealer
        const context = yield* fresh
        yield* forget(context.tenantId, context.streamId)
        assert.strictEqual((yield* Effect.flip(seal(context, "Ada"))).reason, "forgotten")
      }).pipe(Effect.provide(processWith("one"))),
    )

    it.effect(
      "hashes the same identifier to the same hash in every process, and to another in every tenant and kind",
      () =>
        Effect.gen(function* () {
          const [ours, theirs] = [yield* freshTenant, yield* freshTenant]
          const hash = (tenantId: TenantId, kind: string, text: string) =>
            inProcess("one")(KeyedHash.use(({ hash }) => hash(tenantId, kind, text)))
          const hashes = yield* Effect.all(
            Array.from({ length: 8 }, () => hash(ours, "iban", "DE02120300000000202051")),
            { concurrency: "unbounded" },
          )
          assert.strictEqual(new Set(hashes).size, 1)
          const others = yield* Effect.all([
            hash(theirs, "iban", "DE02120300000000202051"),
            hash(ours, "account", "DE02120300000000202051"),
            hash(ours, "iban", "DE02500105170137075030"),
          ])
          assert.strictEqual(new Set([...hashes, ...others]).size, 4)
        }),
    )

    it.effect(
      "opens everything and hashes as before when the master key was replaced, and needs the old one no more",
      () =>
        Effect.gen(function* () {
          const context = yield* fresh
          const { tenantId } = context
          const connectionId = ConnectionId.make(yield* freshId)
          const read = (sealed: Uint8Array) =>
            Effect.gen(function* () {
              const opened = yield* (yield* Sealer).open(context, sealed)
              const hash = yield* (yield* KeyedHash).hash(tenantId, "gmail.sub", "1234567890")
              const { secret } = yield* (yield* Vault).get(tenantId, connectionId)
              return { opened, hash, secret: Redacted.value(secret) }
            })
          const sealed = yield* inProcess("old")(Sealer.use(({ seal }) => seal(context, "Ada Lovelace")))
          yield* inProcess("old")(
            Vault.use(({ put }) => put(tenantId, connectionId, Redacted.make("token"), { replaces: 0 })),
          )
          const before = yield* inProcess("old")(read(sealed))

          const tooEarly = yield* Effect.flip(inProcess("new")(read(sealed)))
          assert.strictEqual("reason" in tooEarly && tooEarly.reason, "unknown-master-key")

          // Somebody goes on working with the old key while two operators rotate.
          const [first, second] = yield* Effect.all(
            [
              inProcess("new", "old", "one")(KeyRotation.rotate()),
              inProcess("new", "old", "one")(KeyRotation.rotate()),
              inProcess(
                "old",
                "new",
              )(
                Effect.gen(function* () {
                  const vault = yield* Vault
                  for (let version = 1; version < 10; version++) {
                    yield* vault.put(tenantId, connectionId, Redacted.make(`token${version}`), { replaces: version })
                  }
                  yield* vault.put(tenantId, connectionId, Redacted.make("token"), { replaces: 10 })
                }),
              ),
            ],
            { concurrency: "unbounded" },
          )
          yield* inProcess("new", "old", "one")(KeyRotation.rotate())
          assert.isAtLeast(first.subjectKeys + second.subjectKeys, 2)

          assert.deepStrictEqual(yield* inProcess("new")(read(sealed)), before)
          const nothingLeft = { subjectKeys: 0, credentials: 0, unreadable: 0 }
          assert.deepStrictEqual(yield* inProcess("new")(KeyRotation.rotate()), nothingLeft)
        }),
    )

    it.effect("counts what a rotation cannot read, leaves it as it is, and goes on", () =>
      Effect.gen(function* () {
        const lost = yield* fresh
        const sealed = yield* inProcess("lost")(Sealer.use(({ seal }) => seal(lost, "Ada")))
        const good = yield* fresh
        yield* inProcess("older")(Sealer.use(({ seal }) => seal(good, "Grace")))
        const report = yield* inProcess("newest", "new", "one", "older")(KeyRotation.rotate())
        assert.strictEqual(report.unreadable, 1)
        assert.isAtLeast(report.subjectKeys, 1)
        const opened = yield* inProcess("lost")(Sealer.use(({ open }) => open(lost, sealed)))
        assert.deepStrictEqual(opened, Option.some("Ada"))
        yield* inProcess("newest", "lost")(KeyRotation.rotate())
      }),
    )
  })

/** Runs something as a process of its own. */
const inProcess = (...ids: Parameters<typeof processWith>) => Effect.provide(processWith(...ids), { local: true })

const fresh = Effect.gen(function* () {
  const streamId = StreamId.make(`connection-${yield* freshId}`)
  return { tenantId: yield* freshTenant, streamId, eventId: yield* freshEventId } satisfies SealedFor
})

const forget = Effect.fnUntraced(function* (tenantId: TenantId, streamId: StreamId) {
  const { append } = yield* EventStore
  const event = { id: yield* freshEventId, type: "forgotten", schemaVersion: 1, data: {} }
  yield* append({
    tenantId,
    streams: [{ streamId, expected: "any", events: [event] }],
    metadata: { actor: system },
    forget: [streamId],
  })
})
