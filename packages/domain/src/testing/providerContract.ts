/**
 * What an adapter must do for its provider, as tests that its package can run: the provider by itself, read as the sync
 * engine reads it, and the sync engine with it, on stores in memory.
 *
 * Beside the provider they need a {@link World}: what can happen at the provider's side. All that is said on the way, in
 * errors, logs and spans, is kept, and every test ends with a look whether anything confidential is among it.
 */
import { assert, layer } from "@effect/vitest"
import { DateTime, Duration, Effect, Fiber, Layer, Result, Schema, type Scope } from "effect"

import type * as Connection from "../Connection.ts"
import { type Secret } from "../Provider.ts"
import { isPassing } from "../SyncAsking.ts"
import { between, connected, Happening, lived } from "./provider/Life.ts"
import { byId, idsOf, patiently } from "./provider/Reader.ts"
import { type Scene, staged, stores, type Stores } from "./provider/Scene.ts"
import { type Ability, mishaps, type World } from "./provider/World.ts"

/**
 * Registers the contract as a suite. `open` makes a world of its own every time; what `lacks` names does not apply to
 * the provider. Real time passes, but who waits for a random part of some time waits for none of it.
 */
export const providerContract = <R, E, OpenError>(
  name: string,
  provided: Layer.Layer<R, E>,
  open: Effect.Effect<World, OpenError, R | Scope.Scope>,
  lacks: ReadonlyArray<Ability> = [],
) =>
  layer(Layer.merge(provided, stores), { timeout: Duration.seconds(60), excludeTestServices: true })(name, (it) => {
    const storyOf =
      (...needs: ReadonlyArray<Ability>) =>
      (name: string, tell: (scene: Scene) => Effect.Effect<unknown, unknown, Stores | Scope.Scope>) =>
        it.effect.skipIf(needs.some((ability) => lacks.includes(ability)))(name, () => staged(open, tell))
    const story = storyOf()

    it.effect.prop(
      "delivers every item once, wherever its pages end",
      [Schema.Array(between(0, 6)).check(Schema.isBetweenLength(1, 3)), between(1, 5)],
      ([batches, size]) =>
        staged(open, ({ deliver, paged, reader }) =>
          paged(size)(
            Effect.gen(function* () {
              const reading = reader()
              for (const items of batches) {
                yield* deliver(items)
                yield* reading.all
              }
              yield* reading.holdsAllOnce
            }),
          ),
        ),
      { arbitrary: { runs: 8 } },
    )

    story("says the same of a page that is asked for again, and nothing moves by it", ({ deliver, paged, reader }) =>
      paged(3)(
        Effect.gen(function* () {
          yield* deliver(7)
          const reading = reader()
          for (let complete = false; !complete;) {
            const [first, again] = [yield* reading.page, yield* reading.page]
            assert.deepStrictEqual(byId(again.items), byId(first.items))
            assert.deepStrictEqual([again.known, again.complete], [first.known, first.complete])
            complete = yield* Effect.map(reading.next, (page) => page.complete)
          }
          yield* reading.holdsAllOnce
        }),
      ),
    )

    story("brings what comes between two pages", ({ deliver, paged, reader }) =>
      paged(2)(
        Effect.gen(function* () {
          const reading = reader()
          yield* deliver(5)
          yield* reading.next
          yield* deliver(3)
          yield* reading.next
          yield* deliver(1)
          yield* reading.all
          yield* reading.all
          yield* reading.holdsAllOnce
        }),
      ),
    )

    story("has nothing to say where nothing came", ({ deliver, reader }) =>
      Effect.gen(function* () {
        const reading = reader()
        yield* reading.all
        yield* reading.holdsAllOnce
        yield* deliver(2)
        yield* reading.all
        for (const _ of [1, 2]) {
          assert.deepInclude(yield* reading.next, { items: [], complete: true })
        }
      }),
    )

    story("fetches nothing that is held, and all that is not", ({ deliver, reader, world }) =>
      Effect.gen(function* () {
        const ids = yield* deliver(6)
        const spentOn = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
          Effect.gen(function* () {
            const before = yield* world.requests
            yield* effect
            return (yield* world.requests).all - before.all
          })
        const first = reader()
        const whole = yield* spentOn(first.all)

        const again = reader(ids)
        assert.isAtMost(yield* spentOn(again.all), whole)
        assert.deepStrictEqual([again.fetched(), again.known()], [[], ids.length])

        const half = reader(ids.slice(0, 3))
        yield* half.all
        assert.sameMembers([...half.fetched()], ids.slice(3))
      }),
    )

    storyOf("revision")("tells what was changed, with what it is now", ({ deliver, reader, world }) =>
      Effect.gen(function* () {
        const revise = yield* abilityOf(world.revise, "revision")
        const [changed = "", late = ""] = yield* deliver(3)
        const reading = reader()
        yield* reading.all
        const before = reading.contentOf(changed)
        yield* revise(changed)
        const page = yield* reading.next
        assert.deepStrictEqual([idsOf(page.items), idsOf(page.revised)], [[], [changed]])
        assert.notDeepEqual(reading.contentOf(changed), before)
        // Told of as it is, and no more, to whoever did not hold it.
        yield* revise(late)
        const another = reader()
        yield* another.all
        yield* another.holdsAllOnce
      }),
    )

    storyOf("withdrawal")(
      "tells what is not there any more, and does not bring it again",
      ({ deliver, reader, world }) =>
        Effect.gen(function* () {
          const withdraw = yield* abilityOf(world.withdraw, "withdrawal")
          const [gone = ""] = yield* deliver(3)
          const reading = reader()
          yield* reading.all
          yield* withdraw(gone)
          const { items, observed = [], withdrawn = [] } = yield* reading.next
          const away = observed.filter(({ as }) => as !== "returned").map(({ item }) => item)
          assert.deepStrictEqual([idsOf(items), [...withdrawn, ...away]], [[], [gone]])
          yield* reading.all
          assert.deepInclude(yield* reading.next, { items: [], complete: true })
          assert.notInclude(reading.fetched().slice(3), gone)
        }),
    )

    storyOf("forgetting")(
      "begins anew where its cursor is not known any more, and fetches what is missing",
      ({ deliver, reader, world }) =>
        Effect.gen(function* () {
          const forget = yield* abilityOf(world.forgetCursors, "forgetting")
          yield* deliver(4)
          const reading = reader()
          yield* reading.all
          const missing = yield* deliver(2)
          yield* forget
          const before = reading.fetched().length
          yield* reading.all
          assert.sameMembers(reading.fetched().slice(before), [...missing])
          yield* reading.holdsAllOnce
        }),
    )

    story("takes no text for a cursor that is none of its own", ({ ask, provider, source }) =>
      Effect.forEach(["", "not a cursor"], (cursor) =>
        Effect.gen(function* () {
          const { reason } = yield* Effect.flip(ask((secret) => provider.page(secret, source, cursor, () => false)))
          assert.include(["UnexpectedAnswer", "CursorExpired"], reason._tag)
        }),
      ),
    )

    story("names its sources for good", ({ deliver, provider, source, world }) =>
      Effect.gen(function* () {
        const keys = Effect.map(provider.sources(world.secret, { ...world.settings, ...source.settings }), (sources) =>
          sources.map(({ key }) => key),
        )
        const first = yield* keys
        assert.strictEqual(new Set(first).size, first.length)
        assert.isTrue(first.every((key) => key !== ""))
        yield* deliver(2)
        assert.deepStrictEqual(yield* keys, first)
      }),
    )

    story("delivers in one source what came to it, and in no other one", ({ ask, deliver, provider, reader, world }) =>
      Effect.gen(function* () {
        const ids = yield* deliver(3)
        const [, ...others] = yield* ask((secret) => provider.sources(secret, world.settings))
        for (const other of others) {
          const reading = reader([], other)
          yield* reading.all
          assert.notIncludeMembers([...reading.fetched()], [...ids])
        }
        const own = reader()
        yield* own.all
        yield* own.holdsAllOnce
      }),
    )

    story("says of a source that is not there that it is not, and which setting names it", ({ ask, provider }) =>
      Effect.gen(function* () {
        const page = ask((secret) => provider.page(secret, { key: "no-such-source" }, null, () => false))
        const { reason } = yield* Effect.flip(page)
        assert(reason._tag === "SourceNotFound", reason._tag)
        assert.isNotEmpty(reason.setting)
      }),
    )

    storyOf("transactions")(
      "reads what it delivers as transactions, and says nothing of what it cannot read",
      (scene) =>
        Effect.gen(function* () {
          const { deliver, provider, reader } = scene
          const transaction = yield* abilityOf(provider.transaction, "transactions")
          const [id = ""] = yield* deliver(1)
          const reading = reader()
          yield* reading.all
          assert.isTrue(Result.isSuccess(transaction(reading.contentOf(id) ?? null)))
          for (const content of [null, 7, "Ada", ["Ada"], { Ada: "Ada" }]) {
            const problem = transaction(content)
            assert(Result.isFailure(problem))
            assert.notInclude(problem.failure, "Ada")
          }
        }),
    )

    storyOf("settings")(
      "says which setting is missing, and which one names what is not there",
      ({ ask, provider, world }) =>
        Effect.gen(function* () {
          const { unknown, unset } = yield* abilityOf(world.misconfigured, "settings")
          const refusalOf = (settings: Connection.Settings) =>
            Effect.map(Effect.flip(ask((secret) => provider.sources(secret, settings))), ({ reason }) => reason)
          const [missing, wrong] = [yield* refusalOf(unset), yield* refusalOf(unknown)]
          assert(missing._tag === "SourceNotConfigured", missing._tag)
          assert(wrong._tag === "SourceNotFound", wrong._tag)
          assert.strictEqual(wrong.setting, missing.setting)
          assert.include(Object.keys(unknown), wrong.setting)
        }),
    )

    for (const kind of mishaps) {
      story(`loses and doubles nothing, whichever request is ${kind}`, ({ deliver, paged, reader, world }) =>
        paged(2)(
          Effect.gen(function* () {
            const reading = reader()
            for (let after = 0; after < 6; after++) {
              yield* deliver(3)
              // One of them, or so many in a row that the adapter gives up.
              yield* world.befall({ kind, after, times: 1 + 3 * after })
              yield* patiently(reading.all)
            }
            yield* world.recover
            yield* reading.all
            yield* reading.holdsAllOnce
          }),
        ),
      )
    }

    story("leaves nothing out where only a part of a page can be had", ({ advance, deliver, reader, world }) =>
      Effect.gen(function* () {
        const reading = reader()
        for (let after = 1; after < 8; after++) {
          yield* deliver(4)
          yield* world.befall({ kind: "rate-limited", after, times: many, retryAfter: 3_600 })
          yield* Effect.exit(reading.all)
          yield* world.recover
          yield* advance("61 minutes")
          yield* reading.all
        }
        yield* reading.holdsAllOnce
      }),
    )

    for (const kind of mishaps) {
      const expected = kind === "rate-limited" ? "RateLimited" : "Unavailable"
      story(`says ${expected} where every request is ${kind}, of whatever it is asked`, (scene) =>
        Effect.gen(function* () {
          const { deliver, everything, reader, world } = scene
          const reading = reader()
          yield* deliver(2)
          yield* reading.next
          yield* deliver(2)
          yield* world.befall({ kind, times: many })
          for (const asked of everything(reading)) {
            const { reason } = yield* Effect.flip(asked)
            assert.strictEqual(reason._tag, expected)
          }
          assert.deepStrictEqual(reading.fetched().length, 2)
          yield* world.recover
          yield* reading.all
          yield* reading.holdsAllOnce
        }),
      )
    }

    story("passes on how long it is asked to wait, and is left alone for so long", (scene) =>
      Effect.gen(function* () {
        const { advance, deliver, reader, world } = scene
        yield* world.befall({ kind: "rate-limited", times: many, retryAfter: 3_600 })
        const { reason } = yield* Effect.flip(reader().page)
        assert(reason._tag === "RateLimited", reason._tag)
        const wait = Duration.toSeconds(reason.retryAfter ?? Duration.zero)
        assert.isTrue(wait > 3_500 && wait <= 3_600, String(wait))

        const { look, recordsAllOnce } = yield* connected(scene)
        yield* deliver(2)
        const failed = yield* Effect.flip(look)
        assert(failed._tag === "SyncFailed" && failed.retryAt !== undefined, failed._tag)
        assert.deepInclude(failed, { reason: "RateLimited", retryable: true })
        yield* world.recover
        const { all } = yield* world.requests
        assert.deepInclude(yield* Effect.flip(look), { reason: "RateLimited", retryAt: failed.retryAt })
        assert.strictEqual((yield* world.requests).all, all)
        yield* advance("61 minutes")
        yield* look
        yield* recordsAllOnce
      }),
    )

    storyOf("expiry")(
      "says Unauthorized of credentials that are too old, and renews them as often as it takes",
      (scene) =>
        Effect.gen(function* () {
          const { provider, source, world } = scene
          const expire = yield* abilityOf(world.expireCredentials, "expiry")
          const pageWith = (secret: Secret) => provider.page(secret, source, null, () => false)
          let { secret } = world
          for (const _ of [1, 2, 3]) {
            yield* expire
            for (const asked of [
              Effect.asVoid(pageWith(secret)),
              Effect.asVoid(provider.sources(secret, world.settings)),
            ]) {
              assert.strictEqual((yield* Effect.flip(asked)).reason._tag, "Unauthorized")
            }
            // A renewal that fails leaves what there was.
            yield* world.befall({ kind: "unavailable", times: many })
            assert.isTrue(isPassing(yield* Effect.flip(provider.refresh(secret))))
            yield* world.recover
            secret = yield* provider.refresh(secret)
            const end = provider.expiresAt(secret)
            assert.isTrue(end === undefined || DateTime.isGreaterThan(end, yield* DateTime.now))
            yield* pageWith(secret)
          }
        }),
    )

    storyOf("rotation", "expiry")("goes on with what a renewal gave in place of what was renewed", (scene) =>
      Effect.gen(function* () {
        const { ask, deliver, provider, reader, world } = scene
        yield* Effect.flatten(abilityOf(world.replaceByRenewal, "rotation"))
        const expire = yield* abilityOf(world.expireCredentials, "expiry")
        const reading = reader()
        for (const _ of [1, 2, 3]) {
          yield* deliver(1)
          yield* expire
          yield* reading.all
        }
        yield* reading.holdsAllOnce
        // What was renewed is dead, and nothing else is.
        const { reason } = yield* Effect.flip(provider.refresh(world.secret))
        assert.strictEqual(reason._tag, "AuthorizationEnded")
        yield* expire
        yield* ask((secret) => provider.sources(secret, world.settings))
      }),
    )

    storyOf("expiry")("is renewed by the engine, which goes on where it stood", (scene) =>
      Effect.gen(function* () {
        const { deliver, world } = scene
        const expire = yield* abilityOf(world.expireCredentials, "expiry")
        const { look, recordsAllOnce, state } = yield* connected(scene)
        for (const version of [2, 3]) {
          yield* deliver(2)
          yield* expire
          yield* look
          assert.strictEqual((yield* state).credentialVersion, version)
        }
        yield* recordsAllOnce
      }),
    )

    story("says that an authorization ended, to everything and for good", (scene) =>
      Effect.gen(function* () {
        const { deliver, everything, reader, world } = scene
        const reading = reader()
        yield* deliver(2)
        yield* reading.all
        const { look, state } = yield* connected(scene)
        yield* look
        yield* world.revoke
        for (const _ of [1, 2]) {
          for (const asked of everything(reading)) {
            assert.strictEqual((yield* Effect.flip(asked)).reason._tag, "AuthorizationEnded")
          }
        }
        // However badly it is told.
        for (const kind of mishaps) {
          for (const after of [0, 1]) {
            yield* world.befall({ kind, after })
            const { reason } = yield* Effect.flip(patiently(reading.page))
            assert.strictEqual(reason._tag, "AuthorizationEnded", kind)
            yield* world.recover
          }
        }
        const failed = yield* Effect.flip(look)
        assert.deepInclude(failed, { _tag: "SyncFailed", reason: "AuthorizationEnded", retryable: false })
        assert.strictEqual((yield* state).status, "needs_reauth")
        assert.strictEqual((yield* Effect.flip(look))._tag, "NotSyncable")
      }),
    )

    storyOf("removal")("ends an authorization, and again if asked again", ({ ask, provider, world }) =>
      Effect.gen(function* () {
        const remove = yield* abilityOf(provider.remove, "removal")
        for (const kind of mishaps) {
          yield* world.befall({ kind })
          yield* patiently(remove(world.secret))
        }
        yield* world.recover
        yield* remove(world.secret)
        const { reason } = yield* Effect.flip(ask((secret) => provider.sources(secret, world.settings)))
        assert.strictEqual(reason._tag, "AuthorizationEnded")
      }),
    )

    story("leaves nothing running where it is interrupted, and nothing out", (scene) =>
      Effect.gen(function* () {
        const { deliver, paged, reader, unended, world } = scene
        const reading = reader()
        for (const after of [0, 1, 2]) {
          yield* deliver(3)
          const { hanging } = yield* world.requests
          const hangs = Effect.map(world.requests, (requests) => requests.hanging > hanging)
          yield* world.befall({ kind: "hanging", after })
          const fiber = yield* Effect.forkChild(paged(1)(reading.all))
          yield* Effect.raceFirst(untilTrue(hangs), Fiber.await(fiber))
          assert.isTrue(after > 0 || (yield* hangs), "the first request is left hanging")
          yield* Fiber.interrupt(fiber)
          assert.deepStrictEqual(unended(), [])
          yield* world.recover
        }
        yield* reading.all
        yield* reading.holdsAllOnce
      }),
    )

    story("tells nobody what is confidential, whatever goes wrong", (scene) =>
      Effect.gen(function* () {
        const { confidential, deliver, escaped, heard, reader, world } = scene
        assert.isNotEmpty(confidential())
        assert.isTrue(confidential().every((text) => text.length > 3))
        const [token = ""] = confidential()
        const headers = new Map([["authorization", `Bearer ${token}`]])
        assert.deepStrictEqual(escaped([new Error("no answer", { cause: { config: { headers } } })]), [token])

        const { look } = yield* connected(scene)
        for (const kind of mishaps) {
          yield* deliver(2)
          yield* world.befall({ kind, times: many })
          yield* Effect.flip(reader().page)
          yield* Effect.exit(look)
          yield* world.recover
        }
        yield* world.revoke
        yield* Effect.exit(look)
        const { causes, logs, spans } = heard()
        for (const said of [causes, logs, spans]) assert.isAbove(said, 5)
      }),
    )

    it.effect.prop(
      "loses and doubles nothing in the engine, whatever happens in whatever order",
      [Schema.Array(Happening).check(Schema.isMaxLength(8)), between(1, 4)],
      ([happenings, size]) => staged(open, (scene) => scene.paged(size)(lived(scene, happenings))),
      { arbitrary: { runs: 15 } },
    )
  })

/** More than any adapter tries. */
const many = 10_000

/** An ability that the provider has, since it does not say that it lacks it. */
const abilityOf = <A>(ability: A | undefined, name: Ability): Effect.Effect<A> =>
  ability === undefined ? Effect.die(`the world has no ${name}, and does not say so`) : Effect.succeed(ability)

const untilTrue = (condition: Effect.Effect<boolean>) =>
  Effect.repeat(Effect.andThen(Effect.yieldNow, condition), { until: (is) => is })
