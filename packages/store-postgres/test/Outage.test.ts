/** The server ends the session of a port in the middle of its work. */
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { EventStore, Ids, Leases, Vault, ViewStore } from "@holdfast/domain"
import { Context, Deferred, Effect, type Exit, Fiber, Layer, Logger, Queue, Redacted, Stream } from "effect"
import { inject } from "vitest"

import * as Store from "../src/Store.ts"
import { TestDatabase } from "../src/testing/index.ts"
import { atomically } from "../src/Transaction.ts"
import * as Transfer from "../src/Transfer.ts"
import { acme, at, empty, owned, row, view } from "./Views.layers.ts"

const connectionId = Ids.ConnectionId.make("5f0c2a5e-6f0e-4d39-8e54-7b8a3c1d2e4f")

const append = (...types: ReadonlyArray<string>) =>
  Effect.flatMap(EventStore.EventStore, (store) =>
    store.append({
      tenantId: acme,
      streams: [
        {
          streamId: EventStore.StreamId.make("account-1"),
          expected: "any",
          events: types.map((type) => ({
            id: Ids.EventId.make(crypto.randomUUID()),
            type,
            schemaVersion: 1,
            data: {},
          })),
        },
      ],
      metadata: { actor: { kind: "system" }, correlationId: "cut off" },
    }),
  )

const putCredentials = Effect.flatMap(Vault.Vault, (vault) =>
  vault.put(acme, connectionId, Redacted.make("secret"), { replaces: 0 }),
)

const acquireLease = Effect.flatMap(Leases.Leases, (leases) => leases.acquire(acme, "sync", "1 minute"))

const commitRows = Effect.gen(function* () {
  const views = yield* ViewStore.ViewStore
  return yield* views.commit(view, yield* views.open(view), at(1), { ...empty, upserts: [owned(acme, row("a", 1))] })
})

const queryRows = Effect.flatMap(ViewStore.Views, (views) => views.query(view, acme))

/** Each waits for the table while it is locked. */
const works: ReadonlyArray<{
  readonly name: string
  readonly table: string
  readonly work: Effect.Effect<
    unknown,
    { readonly _tag: string },
    Layer.Success<ReturnType<typeof Store.layerPostgres>>
  >
}> = [
  { name: "an append", table: "holdfast.events", work: append("happened") },
  { name: "an append of several events", table: "holdfast.events", work: append("happened", "happened") },
  { name: "writing credentials", table: "holdfast.credentials", work: putCredentials },
  { name: "acquiring a lease", table: "holdfast.leases", work: acquireLease },
  { name: "committing rows of a view", table: "holdfast_views.shelves_1", work: commitRows },
  { name: "querying a view", table: "holdfast_views.shelves_1", work: queryRows },
  { name: "an import", table: "holdfast.events", work: Transfer.importLog(Stream.empty) },
]

describe("a session that the server ends", () => {
  it.live.each(works)("makes $name fail with an error that is known, and not die", ({ table, work }) =>
    Effect.gen(function* () {
      const { cutOff, store } = yield* scene(table)
      assert.strictEqual((yield* Effect.flip(Effect.provide(cutOff(work), store)))._tag, "EventStoreUnavailable")
    }),
  )

  it.live.each(works)("makes $name fail so in the host's transaction too", ({ table, work }) =>
    Effect.gen(function* () {
      const { cutOff, store } = yield* scene(table)
      const inside = yield* Deferred.make<Exit.Exit<unknown, { readonly _tag: string }>>()
      const sql = Context.get(store, PgClient.PgClient)
      yield* Effect.exit(work).pipe(
        Effect.flatMap((exit) => Deferred.succeed(inside, exit)),
        Effect.andThen(Effect.fail("rolled back")),
        atomically(sql),
        cutOff,
        Effect.provide(store),
        Effect.exit,
      )
      const exit = yield* Deferred.await(inside)
      assert.strictEqual((yield* Effect.flip(exit))._tag, "EventStoreUnavailable")
    }),
  )
})

describe("a reader that follows the log", () => {
  it.live("goes on where it was, and says once in each outage that it cannot", () =>
    Effect.gen(function* () {
      const told: Array<unknown> = []
      const logger = Logger.make(({ message }) => void told.push(Array.isArray(message) ? message[0] : message))
      const { endWaiting, store, whileLocked } = yield* scene("holdfast.events")
      const outage = whileLocked(Effect.andThen(endWaiting, endWaiting))
      yield* Effect.gen(function* () {
        const log = yield* EventStore.EventLog
        const seen = yield* Queue.unbounded<string>()
        yield* Effect.forkChild(
          Stream.runForEach(log.follow(EventStore.beginning), ({ event }) => Queue.offer(seen, event.type)),
        )
        for (const type of ["first", "second", "third"]) {
          yield* append(type)
          assert.strictEqual(yield* Queue.take(seen), type)
          if (type !== "third") yield* outage
        }
      }).pipe(Effect.provide(store), Effect.provide(Logger.layer([logger])))
      const complaint = "The log cannot be read; trying again until it can"
      assert.deepStrictEqual(told, [complaint, complaint])
    }),
  )
})

/** A store, and somebody who locks a table and ends whichever session waits for it. */
const scene = Effect.fnUntraced(function* (table: string) {
  const url = yield* TestDatabase.freshDatabase(Redacted.make(inject("adminUrl")))
  const masterKeys = { current: "one", keys: { one: Redacted.make(new Uint8Array(32)) } }
  const store = yield* Layer.build(Layer.fresh(Store.layerPostgres({ url, masterKeys })))
  const operator = Context.get(yield* Layer.build(Layer.fresh(PgClient.layer({ url }))), PgClient.PgClient)
  yield* Effect.flatMap(ViewStore.ViewStore, (views) => views.open(view)).pipe(Effect.provide(store))

  const whileLocked = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
    const [locked, over] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
    const lock = Effect.andThen(operator.unsafe(`LOCK TABLE ${table}`), Deferred.succeed(locked, undefined))
    const holding = yield* Effect.forkChild(operator.withTransaction(Effect.andThen(lock, Deferred.await(over))))
    yield* Deferred.await(locked)
    const exit = yield* Effect.exit(effect)
    yield* Deferred.succeed(over, undefined)
    yield* Fiber.join(holding)
    return yield* exit
  })

  const endWaiting = Effect.repeat(
    operator`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    { until: (ended) => ended.length > 0 },
  )

  const cutOff = <A, E, R>(work: Effect.Effect<A, E, R>) =>
    whileLocked(
      Effect.gen(function* () {
        const working = yield* Effect.forkChild(work)
        yield* endWaiting
        return yield* Fiber.join(working)
      }),
    )
  return { cutOff, endWaiting, store, whileLocked }
})
