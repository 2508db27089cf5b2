import { assert, describe, it } from "@effect/vitest"
import { Clock, DateTime, Deferred, Effect, Layer, Logger, Option } from "effect"
import { SecureRandom } from "effect/crypto"
import { TestClock } from "effect/testing"

import {
  Aggregate,
  Connection,
  Controls,
  type EventStore,
  EventStoreMemory,
  Ids,
  Personal,
  Sealer,
  Sync,
  SyncScheduler,
} from "../src/index.ts"

const tenantId = Ids.TenantId.make("harbour")
const mailbox = Ids.ConnectionId.make("00000000-0000-4000-8000-000000000001")
const calendar = Ids.ConnectionId.make("00000000-0000-4000-8000-000000000002")
const gmail = Ids.ProviderId.make("gmail")

describe("SyncScheduler", () => {
  it.effect("uses the interval that is given, of each connection its own", () =>
    Effect.gen(function* () {
      yield* connect(mailbox, { pollIntervalSeconds: 7 })
      yield* connect(calendar, { pollIntervalSeconds: 60 })
      const looks = yield* scheduled()
      yield* pass(29)
      assert.deepStrictEqual(yield* timesOf(looks, mailbox), [0, 7, 14, 21, 28])
      assert.deepStrictEqual(yield* timesOf(looks, calendar), [0])
    }).pipe(Effect.provide(stores)),
  )

  it.effect("looks at a connection as soon as it goes live", () =>
    Effect.gen(function* () {
      const looks = yield* scheduled()
      yield* pass(100)
      yield* connect(mailbox, { pollIntervalSeconds: 300 })
      yield* pass(1)
      assert.deepStrictEqual(yield* timesOf(looks, mailbox), [100])
    }).pipe(Effect.provide(stores)),
  )

  it.effect("counts from the beginning of a look, and follows a long one at once", () =>
    Effect.gen(function* () {
      yield* connect(mailbox, { pollIntervalSeconds: 10 })
      const looks = yield* scheduled({ takes: 4 })
      yield* pass(31)
      assert.deepStrictEqual(yield* timesOf(looks, mailbox), [0, 10, 20, 30])
      const slow = yield* scheduled({ takes: 25 })
      yield* pass(60)
      assert.deepStrictEqual(yield* timesOf(slow, mailbox), [31, 56, 81])
    }).pipe(Effect.provide(stores)),
  )

  it.effect("takes a changed interval at once, without looking twice", () =>
    Effect.gen(function* () {
      yield* connect(mailbox, { pollIntervalSeconds: 3_600 })
      const looks = yield* scheduled()
      yield* pass(20)
      yield* configure(mailbox, { pollIntervalSeconds: 30 })
      yield* pass(75)
      assert.deepStrictEqual(yield* timesOf(looks, mailbox), [0, 30, 60, 90])
    }).pipe(Effect.provide(stores)),
  )

  it.effect("looks again when the lease of whoever is at work has run out, however long the interval", () =>
    Effect.gen(function* () {
      yield* connect(mailbox, { pollIntervalSeconds: 86_400 })
      const looks = yield* scheduled({ fails: "SyncInProgress" })
      yield* pass(130)
      assert.deepStrictEqual(yield* timesOf(looks, mailbox), [0, 60, 120])
    }).pipe(Effect.provide(stores)),
  )

  it.effect("leaves a provider alone until the time that it names, and then goes on as before", () =>
    Effect.gen(function* () {
      yield* connect(mailbox, { pollIntervalSeconds: 10 })
      const looks: Array<number> = []
      yield* Effect.forkScoped(
        SyncScheduler.run({
          providers: [gmail],
          sync: ({ connectionId }) =>
            Effect.gen(function* () {
              const now = yield* DateTime.now
              looks.push(DateTime.toEpochMillis(now) / 1_000)
              const retryAt = DateTime.addDuration(now, "2 minutes")
              if (looks.length > 1) return
              return yield* new Sync.SyncFailed({ connectionId, reason: "RateLimited", retryable: true, retryAt })
            }),
        }),
      )
      yield* pass(150)
      const [first = 0] = looks
      assert.deepStrictEqual(
        looks.map((look) => look - first),
        [0, 120, 130, 140],
      )
    }).pipe(Effect.provide(stores)),
  )

  it.effect("keeps to its interval when the clock is put back by an hour", () =>
    Effect.gen(function* () {
      yield* connect(mailbox, { pollIntervalSeconds: 10 })
      const clock = yield* Clock.clockWith((clock) => Effect.succeed(clock))
      let back = 0
      const looks = yield* scheduled().pipe(
        Effect.provideService(Clock.Clock, {
          ...clock,
          currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe() - back,
          currentTimeMillis: Effect.map(clock.currentTimeMillis, (now) => now - back),
        }),
      )
      yield* pass(15)
      back = 3_600_000
      yield* pass(20)
      assert.strictEqual(looks.length, 4)
    }).pipe(Effect.provide(stores)),
  )

  it.effect("takes a look that a switch refused when it is turned on, and is silent about it meanwhile", () =>
    Effect.gen(function* () {
      yield* connect(mailbox, { pollIntervalSeconds: 3_600 })
      yield* connect(calendar, { pollIntervalSeconds: 3_600 })
      const turned = Effect.fnUntraced(function* (_tag: Controls.Command["_tag"], where = tenantId) {
        const scope = { kind: "connection", id: mailbox } as const
        yield* Controls.turn(where, { _tag, at: yield* DateTime.now, scope }, { actor: Ids.system })
      })
      const lines: Array<unknown> = []
      for (const where of [tenantId, Controls.everywhere]) {
        yield* turned("Disable", where)
        const looks = yield* scheduled({
          asks: ({ connectionId }) => Controls.ensureEnabled(tenantId, { connectionId }),
        }).pipe(
          Effect.provideService(
            Logger.CurrentLoggers,
            new Set([Logger.make(({ message }) => void lines.push(message))]),
          ),
        )
        const began = (yield* Clock.currentTimeMillis) / 1_000
        yield* pass(100)
        yield* turned("Enable", where)
        yield* pass(100)
        assert.deepStrictEqual(yield* timesOf(looks, mailbox), [began, began + 100])
        assert.deepStrictEqual(yield* timesOf(looks, calendar), [began])
      }
      assert.deepStrictEqual(lines, [])
    }).pipe(Effect.provide(stores)),
  )

  it.effect("looks anew when the settings change", () =>
    Effect.gen(function* () {
      yield* connect(mailbox, { pollIntervalSeconds: 3_600 })
      const looks = yield* scheduled()
      yield* pass(20)
      yield* configure(mailbox, { pollIntervalSeconds: 3_600, settings: { label: "Guests" } })
      yield* pass(1)
      assert.deepStrictEqual(yield* timesOf(looks, mailbox), [0, 20])
    }).pipe(Effect.provide(stores)),
  )

  for (const [name, command] of [
    ["paused", { _tag: "Pause" }],
    ["superseded", { _tag: "Supersede", by: calendar }],
    ["out of authorization", { _tag: "ReportAuthorizationFailure", reason: "revoked" }],
    ["disconnected", { _tag: "Disconnect", reason: "owner" }],
  ] as const) {
    it.effect(`stops a look in its middle when the connection is ${name}`, () =>
      Effect.gen(function* () {
        yield* connect(mailbox, { pollIntervalSeconds: 10 })
        const stopped = yield* Deferred.make<number>()
        const looks = yield* scheduled({ takes: 5_000, stopped })
        yield* pass(3)
        yield* tell(mailbox, { ...command, at: yield* DateTime.now })
        assert.strictEqual(yield* Deferred.await(stopped), 3)
        yield* pass(600)
        assert.deepStrictEqual(yield* timesOf(looks, mailbox), [0])
      }).pipe(Effect.provide(stores)),
    )
  }

  it.effect("looks at a connection that is put back to work", () =>
    Effect.gen(function* () {
      yield* connect(mailbox, { pollIntervalSeconds: 600 })
      yield* tell(mailbox, { _tag: "Pause", at: yield* DateTime.now })
      const looks = yield* scheduled()
      yield* pass(5)
      yield* tell(mailbox, { _tag: "Resume", at: yield* DateTime.now })
      yield* pass(1)
      assert.deepStrictEqual(yield* timesOf(looks, mailbox), [5])
    }).pipe(Effect.provide(stores)),
  )

  it.effect("lets nothing that goes wrong with one connection reach the next look or the others", () =>
    Effect.gen(function* () {
      yield* connect(mailbox, { pollIntervalSeconds: 10 })
      yield* connect(calendar, { pollIntervalSeconds: 10 })
      const looks = yield* scheduled({ fails: true })
      yield* pass(21)
      assert.deepStrictEqual(yield* timesOf(looks, mailbox), [0, 10, 20])
      assert.deepStrictEqual(yield* timesOf(looks, calendar), [0, 10, 20])
    }).pipe(Effect.provide(stores)),
  )

  it.effect("leaves alone what a broker or another program looks after", () =>
    Effect.gen(function* () {
      yield* connect(mailbox, { pollIntervalSeconds: 10, credentialVersion: 0 })
      yield* connect(calendar, { pollIntervalSeconds: 10, provider: Ids.ProviderId.make("plaid") })
      const looks = yield* scheduled()
      yield* pass(60)
      assert.deepStrictEqual(yield* timesOf(looks, mailbox), [])
      assert.deepStrictEqual(yield* timesOf(looks, calendar), [])
    }).pipe(Effect.provide(stores)),
  )
})

interface Look extends SyncScheduler.Due {
  /** Seconds. */
  readonly at: number
}

/** Everybody does what there is to do now. */
const settle = Effect.repeat(Effect.yieldNow, { times: 50 })

const pass = (seconds: number) =>
  Effect.repeat(Effect.andThen(TestClock.adjust("1 second"), settle), { times: seconds - 1 })

/** A scheduler in the background, and the looks that it takes. */
const scheduled = Effect.fnUntraced(function* (
  options: {
    readonly takes?: number
    /** Before it is counted as done. */
    readonly asks?: (
      due: SyncScheduler.Due,
    ) => Effect.Effect<unknown, { readonly _tag: string }, EventStore.EventStore | Sealer.Sealer>
    readonly fails?: boolean | "SyncInProgress"
    readonly stopped?: Deferred.Deferred<number>
  } = {},
) {
  const looks: Array<Look> = []
  const seconds = Effect.map(Clock.currentTimeMillis, (now) => now / 1_000)
  yield* Effect.forkScoped(
    SyncScheduler.run({
      providers: [gmail],
      sync: (due) =>
        Effect.gen(function* () {
          looks.push({ ...due, at: yield* seconds })
          yield* Effect.sleep(`${options.takes ?? 0} seconds`)
          yield* options.asks?.(due) ?? Effect.void
          if (options.fails === "SyncInProgress") yield* Effect.fail({ _tag: options.fails })
          if (options.fails === true) {
            yield* due.connectionId === mailbox ? Effect.die("a bug") : Effect.fail({ _tag: "SyncFailed" } as const)
          }
        }).pipe(
          Effect.onInterrupt(() =>
            options.stopped === undefined
              ? Effect.void
              : Effect.flatMap(seconds, (at) => Deferred.succeed(options.stopped ?? Deferred.makeUnsafe<number>(), at)),
          ),
        ),
    }),
  )
  yield* settle
  return looks
})

const timesOf = (looks: ReadonlyArray<Look>, connectionId: Ids.ConnectionId) =>
  Effect.sync(() => looks.filter((look) => look.connectionId === connectionId).map(({ at }) => at))

const plan = (wishes: Partial<Connection.Command & { readonly _tag: "Configure" }>) => ({
  provider: gmail,
  ownerId: Ids.OwnerId.make("ada"),
  pollIntervalSeconds: 300,
  settings: {},
  ...wishes,
})

const connect = Effect.fnUntraced(function* (
  id: Ids.ConnectionId,
  wishes: Partial<Connection.Command & { readonly _tag: "Connect" }>,
) {
  const at = yield* DateTime.now
  yield* tell(id, {
    ...plan({}),
    authorization: Ids.AuthorizationRef.make(id),
    door: "callback",
    scopes: [],
    credentialVersion: 1,
    personal: Personal.reveal({}),
    ...wishes,
    _tag: "Connect",
    at,
  })
})

const configure = Effect.fnUntraced(function* (
  id: Ids.ConnectionId,
  wishes: Partial<Connection.Command & { readonly _tag: "Configure" }>,
) {
  yield* tell(id, { ...plan(wishes), _tag: "Configure", at: yield* DateTime.now })
})

const handle = Aggregate.handle(Connection)
const tell = (id: Ids.ConnectionId, command: Connection.Command) =>
  handle(tenantId, id, command, { metadata: { actor: Ids.system } })

const stores = Layer.mergeAll(
  EventStoreMemory.layer,
  SecureRandom.layerWebCrypto,
  Layer.succeed(Sealer.Sealer, {
    seal: (_, plain) => Effect.succeed(new TextEncoder().encode(plain)),
    open: (_, sealed) => Effect.succeed(Option.some(new TextDecoder().decode(sealed))),
  }),
)
