import { assert, describe, it } from "@effect/vitest"
import { DateTime, Deferred, Duration, Effect, Exit, Fiber, Layer, Redacted, Stream } from "effect"
import { Digest, SecureRandom } from "effect/crypto"
import { TestClock } from "effect/testing"

import {
  Aggregate,
  Connection,
  Credentials,
  EventStore,
  Ids,
  Leases,
  Memory,
  Personal,
  Provider,
  Vault,
} from "../src/index.ts"

describe("credentials at their end", () => {
  it.effect("R21 L18 are renewed by one request, however many ask in however many processes", () =>
    Effect.gen(function* () {
      const google = yield* tokenEndpoint()
      yield* connected
      const processes = [yield* anotherProcess, yield* anotherProcess]
      const callers = yield* Effect.forEach(Array.from({ length: 50 }), (_, index) =>
        Effect.forkChild(Effect.provide(fresh(google), processes[index % 2] ?? Layer.empty)),
      )
      yield* Deferred.await(google.asked)
      yield* Deferred.succeed(google.answer, undefined)
      const got = yield* asTimePasses(Fiber.joinAll(callers))
      assert.deepStrictEqual(new Set(got.map(tokenOf)), new Set(["refresh-1"]))
      assert.deepStrictEqual(google.requests, ["granted"])
      assert.deepStrictEqual(yield* types, ["connected", "token_refreshed"])
    }).pipe(Effect.provide(Memory.layer)),
  )

  it.effect("R22 are renewed once by an endpoint that takes longer than the lease", () =>
    Effect.gen(function* () {
      const google = yield* tokenEndpoint()
      yield* connected
      const first = yield* Effect.forkChild(fresh(google))
      yield* Deferred.await(google.asked)
      const second = yield* Effect.forkChild(fresh(google))
      yield* TestClock.adjust("50 seconds")
      yield* Deferred.succeed(google.answer, undefined)
      const got = yield* asTimePasses(Fiber.joinAll([first, second]))
      assert.deepStrictEqual(got.map(tokenOf), ["refresh-1", "refresh-1"])
      assert.strictEqual(google.requests.length, 1)
    }).pipe(Effect.provide(Memory.layer)),
  )

  it.effect("are renewed once even when their time is shorter than the margin", () =>
    Effect.gen(function* () {
      const google = yield* tokenEndpoint({ lifetime: "1 minute" })
      yield* connected
      yield* Deferred.succeed(google.answer, undefined)
      const callers = Array.from({ length: 10 }, () => fresh(google))
      yield* asTimePasses(Effect.all(callers, { concurrency: "unbounded" }))
      assert.strictEqual(google.requests.length, 1)
    }).pipe(Effect.provide(Memory.layer)),
  )

  it.effect("L17 keep the refresh token that a rotating provider gave last", () =>
    Effect.gen(function* () {
      const google = yield* tokenEndpoint()
      yield* connected
      yield* Deferred.succeed(google.answer, undefined)
      let held = yield* fresh(google)
      for (const _ of [1, 2, 3]) held = yield* fresh(google, held.version)
      assert.deepStrictEqual(google.requests, ["granted", "refresh-1", "refresh-2", "refresh-3"])
    }).pipe(Effect.provide(Memory.layer)),
  )

  it.effect("are not lost with a caller who goes away while they are renewed", () =>
    Effect.gen(function* () {
      const google = yield* tokenEndpoint()
      yield* connected
      const caller = yield* Effect.forkChild(fresh(google))
      yield* Deferred.await(google.asked)
      const left = yield* Effect.forkChild(Fiber.interrupt(caller))
      yield* Deferred.succeed(google.answer, undefined)
      yield* Fiber.join(left)
      const { secret } = yield* (yield* Vault.Vault).get(tenantId, connectionId)
      assert.strictEqual(Redacted.value(secret).split(" ")[0], "refresh-1")
    }).pipe(Effect.provide(Memory.layer)),
  )

  it.effect("are not lost when the vault was away for a moment, or took them without an answer", () =>
    Effect.gen(function* () {
      for (const happened of [false, true]) {
        const google = yield* tokenEndpoint()
        yield* Effect.gen(function* () {
          yield* connected
          yield* Deferred.succeed(google.answer, undefined)
          const vault = yield* Vault.Vault
          let failures = 2
          const flaky = Vault.Vault.of({
            ...vault,
            put: (...request) =>
              Effect.suspend(() => {
                if (failures-- <= 0) return vault.put(...request)
                const outcome = happened ? "unknown" : "nothing-written"
                const away = new EventStore.EventStoreUnavailable({ reason: "away", outcome })
                return happened ? Effect.andThen(Effect.ignore(vault.put(...request)), away) : Effect.fail(away)
              }),
          })
          const got = yield* asTimePasses(Effect.provideService(fresh(google), Vault.Vault, flaky))
          assert.strictEqual(tokenOf(got), "refresh-1")
        }).pipe(Effect.provide(Layer.fresh(Memory.layer)))
      }
    }),
  )
})

describe("a late renewal", () => {
  it.effect("R23 is thrown away when the owner has connected again", () =>
    Effect.gen(function* () {
      const google = yield* tokenEndpoint()
      yield* connected
      const caller = yield* Effect.forkChild(fresh(google))
      yield* Deferred.await(google.asked)
      const vault = yield* Vault.Vault
      yield* vault.put(tenantId, connectionId, yield* secret("consented again", "1 hour"), { replaces: 1 })
      yield* Deferred.succeed(google.answer, undefined)
      assert.strictEqual(tokenOf(yield* Fiber.join(caller)), "consented again")
      assert.strictEqual((yield* vault.get(tenantId, connectionId)).version, 2)
    }).pipe(Effect.provide(Memory.layer)),
  )

  it.effect("R24 brings nothing back that was removed meanwhile", () =>
    Effect.gen(function* () {
      const google = yield* tokenEndpoint()
      yield* connected
      const caller = yield* Effect.forkChild(Effect.exit(fresh(google)))
      yield* Deferred.await(google.asked)
      const vault = yield* Vault.Vault
      yield* vault.remove(tenantId, connectionId)
      yield* Deferred.succeed(google.answer, undefined)
      assert.isTrue(Exit.isFailure(yield* Fiber.join(caller)))
      assert.strictEqual((yield* Effect.flip(vault.get(tenantId, connectionId)))._tag, "CredentialsNotFound")
      assert.deepStrictEqual(yield* types, ["connected"])
    }).pipe(Effect.provide(Memory.layer)),
  )
})

describe("a grant that is not honoured", () => {
  it.effect("R25 is not believed when somebody else has renewed it", () =>
    Effect.gen(function* () {
      const google = yield* tokenEndpoint()
      yield* connected
      google.failure = ended
      const caller = yield* Effect.forkChild(fresh(google))
      yield* Deferred.await(google.asked)
      const vault = yield* Vault.Vault
      yield* vault.put(tenantId, connectionId, yield* secret("renewed elsewhere", "1 hour"), { replaces: 1 })
      yield* Deferred.succeed(google.answer, undefined)
      assert.strictEqual(tokenOf(yield* Fiber.join(caller)), "renewed elsewhere")
      assert.strictEqual((yield* state).status, "active")
    }).pipe(Effect.provide(Memory.layer)),
  )

  it.effect("L15 is believed once the provider has said it twice, and recorded once", () =>
    Effect.gen(function* () {
      const google = yield* tokenEndpoint()
      yield* connected
      google.failure = ended
      yield* Deferred.succeed(google.answer, undefined)
      for (const asked of [2, 4]) {
        assert.strictEqual((yield* asTimePasses(Effect.flip(fresh(google))))._tag, "ProviderError")
        assert.strictEqual(google.requests.length, asked)
      }
      assert.deepStrictEqual(yield* types, ["connected", "authorization_failed"])
    }).pipe(Effect.provide(Memory.layer)),
  )

  it.effect("L15 is not believed when the provider takes it back, or somebody renews it, within the pause", () =>
    Effect.gen(function* () {
      for (const heals of ["at the provider", "in the vault"] as const) {
        const google = yield* tokenEndpoint()
        yield* Effect.gen(function* () {
          yield* connected
          google.failure = ended
          yield* Deferred.succeed(google.answer, undefined)
          const caller = yield* Effect.forkChild(fresh(google))
          yield* Deferred.await(google.asked)
          // Less than the pause.
          yield* asTimePasses(Effect.sleep("1 second"))
          const vault = yield* Vault.Vault
          if (heals === "at the provider") google.failure = undefined
          else yield* vault.put(tenantId, connectionId, yield* secret("refresh-2", "1 hour"), { replaces: 1 })
          assert.strictEqual(tokenOf(yield* asTimePasses(Fiber.join(caller))), "refresh-2")
          assert.strictEqual(google.requests.length, heals === "at the provider" ? 2 : 1)
          assert.deepStrictEqual(yield* types, ["connected", "token_refreshed"])
        }).pipe(Effect.provide(Layer.fresh(Memory.layer)))
      }
    }),
  )

  it.effect("R26 is not what an outage of days is", () =>
    Effect.gen(function* () {
      const google = yield* tokenEndpoint()
      yield* connected
      yield* Deferred.succeed(google.answer, undefined)
      google.failure = new Provider.Unavailable()
      for (const _ of Array.from({ length: 5 * 24 })) {
        yield* Effect.flip(fresh(google))
        yield* TestClock.adjust("1 hour")
      }
      assert.deepStrictEqual(yield* types, ["connected"])
      google.failure = ended
      yield* asTimePasses(Effect.flip(fresh(google)))
      assert.strictEqual((yield* state).status, "needs_reauth")
    }).pipe(Effect.provide(Memory.layer)),
  )
})

const tenantId = Ids.TenantId.make("acme")
const connectionId = Ids.ConnectionId.make("00000000-0000-4000-8000-000000000001")
const gmail = Ids.ProviderId.make("gmail")
const ended = new Provider.AuthorizationEnded({ reason: "revoked" })

/** The clock runs while the effect does, as fast as the process can. */
const asTimePasses = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.raceFirst(
    effect,
    Effect.forever(
      Effect.andThen(
        TestClock.adjust("100 millis"),
        Effect.promise(() => new Promise((resolve) => setImmediate(resolve))),
      ),
    ),
  )

/** A secret in these tests: a token and when it ends. */
const secret = (token: string, lifetime: Duration.Input) =>
  Effect.map(DateTime.now, (now) =>
    Redacted.make(`${token} ${DateTime.toEpochMillis(now) + Duration.toMillis(Duration.fromInputUnsafe(lifetime))}`),
  )

const tokenOf = (held: Vault.Credentials) => Redacted.value(held.secret).replace(/ \d+$/, "")

interface TokenEndpoint extends Provider.Provider {
  readonly asked: Deferred.Deferred<void>
  /** What every request waits for. */
  readonly answer: Deferred.Deferred<void>
  /** The tokens that came. */
  readonly requests: ReadonlyArray<string>
  failure: Provider.ProviderError["reason"] | undefined
}

/** A provider that gives each refresh token once, as soon as it may answer. */
const tokenEndpoint = Effect.fnUntraced(function* ({
  lifetime = "1 hour",
}: { readonly lifetime?: Duration.Input } = {}) {
  const asked = yield* Deferred.make<void>()
  const answer = yield* Deferred.make<void>()
  const requests: Array<string> = []
  const endpoint: TokenEndpoint = {
    asked,
    answer,
    requests,
    failure: undefined,
    id: gmail,
    expiresAt: (secret: Provider.Secret) => DateTime.makeUnsafe(Number(Redacted.value(secret).split(" ").at(-1))),
    refresh: Effect.fnUntraced(function* (held: Provider.Secret) {
      requests.push(Redacted.value(held).replace(/ \d+$/, ""))
      yield* Deferred.succeed(asked, undefined)
      yield* Deferred.await(answer)
      const { failure } = endpoint
      if (failure !== undefined) return yield* new Provider.ProviderError({ provider: gmail, reason: failure })
      return yield* secret(`refresh-${requests.length}`, lifetime)
    }),
    sources: () => Effect.succeed([]),
    page: () => Effect.die("not asked for"),
  }
  return endpoint
})

const fresh = (provider: Provider.Provider, stale?: number) =>
  Credentials.fresh(provider, tenantId, connectionId, stale)

/** A connection whose credentials end within a minute. */
const connected = Effect.gen(function* () {
  const vault = yield* Vault.Vault
  const credentialVersion = yield* vault.put(tenantId, connectionId, yield* secret("granted", "1 minute"), {
    replaces: 0,
  })
  yield* Aggregate.handle(Connection)(
    tenantId,
    connectionId,
    {
      _tag: "Connect",
      at: yield* DateTime.now,
      provider: gmail,
      ownerId: Ids.OwnerId.make("ada"),
      pollIntervalSeconds: 60,
      settings: {},
      authorization: Ids.AuthorizationRef.make("consent"),
      door: "callback",
      scopes: [],
      credentialVersion,
      personal: Personal.withheld,
    },
    { metadata: { actor: Ids.system } },
  )
})

/** The same store, seen by a process of its own: nothing but the store is shared. */
const anotherProcess = Effect.gen(function* () {
  const [leases, store, vault] = [yield* Leases.Leases, yield* EventStore.EventStore, yield* Vault.Vault]
  return Layer.mergeAll(
    Layer.succeed(Leases.Leases, leases),
    Layer.succeed(EventStore.EventStore, store),
    Layer.succeed(Vault.Vault, vault),
    Digest.layerWebCrypto,
    SecureRandom.layerWebCrypto,
  )
})

const state = Effect.suspend(() => Effect.map(Aggregate.load(Connection)(tenantId, connectionId), ({ state }) => state))

const types = Effect.gen(function* () {
  const store = yield* EventStore.EventStore
  const events = yield* Stream.runCollect(store.readStream(tenantId, Connection.streamId(connectionId)))
  return events.map(({ event }) => event.type)
})
