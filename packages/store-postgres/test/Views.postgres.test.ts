/** What only a server with roles and several sessions can show. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { type Projection, ViewStore } from "@holdfast/domain"
import { Deferred, Effect, Exit, Fiber, Redacted, Stream } from "effect"
import { inject } from "vitest"

import { RunnerSql } from "../src/RunnerSql.ts"
import { acme, asApp, at, empty, globex, owned, postgres, row, type Row, rowsOf, view } from "./Views.layers.ts"

const upserting = (...upserts: ReadonlyArray<Projection.Owned<Row>>) => ({ ...empty, upserts })

layer(postgres, { excludeTestServices: true })("Views on PostgreSQL", (it) => {
  it.effect("show hand-written SQL of the application its own tenant's rows, and let it write none", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const store = yield* ViewStore.ViewStore
      const build = yield* store.open({ ...view, name: "walls" })
      yield* store.commit(view, build, at(1), upserting(owned(acme, row("a", 1)), owned(globex, row("g", 1))))

      for (const table of ["holdfast.walls", "holdfast_views.walls_1"]) {
        const all = sql`SELECT tenant_id, shelf FROM ${sql.literal(table)}`
        assert.deepStrictEqual(yield* all, [], "unbound")
        assert.deepStrictEqual(yield* asApp(acme, all), [{ tenant_id: "acme", shelf: "a" }])
        assert.deepStrictEqual(yield* asApp(globex, all), [{ tenant_id: "globex", shelf: "g" }])
        for (const statement of [
          `INSERT INTO ${table} (tenant_id, shelf, place) VALUES ('acme', 'x', 1)`,
          `UPDATE ${table} SET label = 'x'`,
          `DELETE FROM ${table}`,
        ]) {
          const error = yield* Effect.flip(asApp(acme, sql.unsafe(statement)))
          assert.strictEqual(error.reason._tag, "AuthorizationError")
        }
      }
      for (const statement of [
        `SELECT holdfast.drop_build('walls', 1)`,
        `SELECT holdfast.create_build_table('walls', 1)`,
        `UPDATE holdfast.builds SET position = 0`,
      ]) {
        assert.strictEqual((yield* Effect.flip(sql.unsafe(statement))).reason._tag, "AuthorizationError")
      }
      const runner = yield* RunnerSql
      assert.deepStrictEqual(
        yield* runner`
          SELECT relforcerowsecurity AND relrowsecurity AS forced, pg_get_userbyid(relowner) AS owner
          FROM pg_class WHERE oid = 'holdfast_views.walls_1'::regclass`,
        [{ forced: true, owner: "holdfast_owner" }],
      )
    }),
  )

  it.effect("are never empty or in error while builds are swapped, rolled back and dropped under their readers", () =>
    Effect.gen(function* () {
      const store = yield* ViewStore.ViewStore
      const views = yield* ViewStore.Views
      const shelves = (version: number) => ({ ...view, name: "swapped", version })
      const wider = { ...view.columns, extra: "text" } as typeof view.columns
      const extra = { extra: null }
      const rows = Array.from({ length: 50 }, (_, place) => owned(acme, row("a", place)))
      yield* store.commit(shelves(1), yield* store.open(shelves(1)), at(1), upserting(...rows))

      let reads = 0
      const reader = Effect.gen(function* () {
        const found = yield* views.query(shelves(1), acme)
        assert.strictEqual(found.length, 50)
        reads++
      })
      const readers = yield* Effect.forkChild(
        Effect.all(
          Array.from({ length: 4 }, () => Effect.forever(reader)),
          { concurrency: 4 },
        ),
      )
      for (let version = 2; version <= 16; version++) {
        // Columns that come and go make it a view of another shape every time.
        const next = { ...shelves(version), columns: version % 2 === 0 ? wider : view.columns }
        const filling = Stream.fromIterable(rows.map(({ row, tenantId }) => owned(tenantId, { ...row, ...extra })))
        const filled = yield* store.fill(next, yield* store.beginBuild(next), at(version), filling)
        const live = yield* store.swap(filled)
        assert.deepStrictEqual([live.state, live.version], ["live", version])
        yield* store.rollback("swapped")
        yield* store.rollback("swapped")
      }
      assert.isUndefined(readers.pollUnsafe(), "no reader has failed")
      yield* Fiber.interrupt(readers)
      assert.isAbove(reads, 50)
      const builds = (yield* store.builds).filter(({ view }) => view === "swapped")
      assert.deepStrictEqual(
        builds.map(({ number, state }) => [number, state]),
        [
          [16, "live"],
          [15, "retired"],
        ],
      )
    }),
  )

  it.effect("keep serving while a transaction that has read them stays open, and are swapped when it ends", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const store = yield* ViewStore.ViewStore
      const views = yield* ViewStore.Views
      const held = { ...view, name: "held" }
      yield* store.commit(held, yield* store.open(held), at(1), upserting(owned(acme, row("a", 1))))
      const filled = yield* store.fill(held, yield* store.beginBuild({ ...held, version: 2 }), at(1), Stream.empty)
      const [read, released] = [Deferred.makeUnsafe<void>(), Deferred.makeUnsafe<void>()]
      const holder = yield* Effect.forkChild(
        asApp(
          acme,
          Effect.gen(function* () {
            yield* sql`SELECT count(*) FROM holdfast.held`
            yield* Deferred.succeed(read, undefined)
            yield* Deferred.await(released)
          }),
        ),
      )
      yield* Deferred.await(read)
      const runner = yield* RunnerSql
      const swap = yield* Effect.forkChild(store.swap(filled))
      const waits = runner<{ n: number }>`
        SELECT count(*)::int AS n FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock' AND relation = 'holdfast.held'::regclass`
      yield* Effect.repeat(waits, { until: ([row]) => (row?.n ?? 0) > 0 })
      assert.strictEqual((yield* views.query(held, acme)).length, 1)
      yield* Deferred.succeed(released, undefined)
      yield* Fiber.join(holder)
      yield* Fiber.join(swap)
      assert.strictEqual((yield* views.query(held, acme)).length, 0)
    }),
  )

  it.effect("advance once when two runners commit the same batch at the same time", () =>
    Effect.gen(function* () {
      const store = yield* ViewStore.ViewStore
      let build = yield* store.open({ ...view, name: "raced" })
      for (let round = 1; round <= 30; round++) {
        const commit = (label: string) =>
          Effect.exit(
            store.commit(
              view,
              build,
              at(round),
              upserting(owned(acme, row("a", 1, label)), owned(acme, row("b", round, label))),
            ),
          )
        const exits = yield* Effect.all([commit("left"), commit("right"), commit("third")], { concurrency: 3 })
        const winners = exits.filter(Exit.isSuccess)
        assert.strictEqual(winners.length, 1)
        build = winners[0]?.value ?? build
        const rows = yield* rowsOf(build)
        assert.strictEqual(rows.length, round + 1)
        assert.strictEqual(
          rows.find(({ row }) => row.shelf === "a")?.row.label,
          rows.find(({ row }) => row.place === round && row.shelf === "b")?.row.label,
        )
      }
    }),
  )

  it.effect("hold rows and checkpoint of the same moment when backends are killed in the middle", () =>
    Effect.gen(function* () {
      const store = yield* ViewStore.ViewStore
      const runner = yield* RunnerSql
      const [here] = yield* runner<{ name: string }>`SELECT current_database() AS name`
      const massacre = Effect.flatMap(
        PgClient.PgClient,
        (sql) => sql`
          SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE datname = ${here?.name ?? ""} AND pid <> pg_backend_pid()`,
      )
      const shot = { ...view, name: "shot" }
      const opened = yield* store.open(shot)
      const admin = PgClient.layer({ url: Redacted.make(inject("adminUrl")), maxConnections: 1 })
      yield* Effect.gen(function* () {
        const killer = yield* Effect.forkChild(
          Effect.forever(
            Effect.gen(function* () {
              // Some turns of the others, so that each statement is hit now and then.
              const admin = yield* PgClient.PgClient
              yield* admin`SELECT pg_sleep(random() * 0.4)`
              yield* massacre
            }),
          ),
        )
        let version = 1
        for (let step = 1; step <= 2_000 && version < 5; step++) {
          const live = yield* current(opened.view, "live")
          const next = Number(live.position) + 1
          yield* Effect.ignore(store.commit(shot, live, at(next), upserting(owned(acme, row("a", next)))))
          if (step % 3 > 0) continue
          const copied = Effect.gen(function* () {
            const live = yield* current(opened.view, "live")
            const rows = Array.from({ length: Number(live.position) }, (_, index) => owned(acme, row("a", index + 1)))
            const build = yield* store.beginBuild({ ...shot, version: version + 1 })
            const filled =
              build.position === 0n ? yield* store.fill(shot, build, live.position, Stream.fromIterable(rows)) : build
            const missing = rows.slice(Number(filled.position))
            yield* store.swap(yield* store.commit(shot, filled, live.position, upserting(...missing)))
          })
          yield* Effect.ignore(copied)
          version = (yield* current(opened.view, "live")).version
        }
        yield* Fiber.interrupt(killer)
      }).pipe(Effect.provide(admin))
      const builds = (yield* persistently(store.builds)).filter(({ view }) => view === "shot")
      for (const build of builds) {
        if (build.state === "building" && build.position === 0n) continue
        const rows = yield* persistently(rowsOf(build))
        assert.deepStrictEqual(
          rows.map(({ row }) => row.place).toSorted((a, b) => a - b),
          Array.from({ length: Number(build.position) }, (_, index) => index + 1),
        )
      }
      assert.isAbove(builds[0]?.number ?? 0, 3)
      assert.isAbove(Math.max(...builds.map(({ position }) => Number(position))), 10)
    }),
  )

  it.effect("empty a fill that broke off, so that the build can be filled again", () =>
    Effect.gen(function* () {
      const store = yield* ViewStore.ViewStore
      const broken = { ...view, name: "broken" }
      const build = yield* store.beginBuild(broken)
      const rows = Array.from({ length: 5_000 }, (_, place) => owned(acme, row("a", place)))
      const failing = Stream.concat(Stream.fromIterable(rows), Stream.fail("broken off" as const))
      assert.strictEqual(yield* Effect.flip(store.fill(broken, build, at(9), failing)), "broken off")
      assert.deepStrictEqual(yield* rowsOf(build), [])

      // Whoever was taken over from in the middle stops at its next insert, and what the other one filled stays.
      const takenOver = Effect.map(store.beginBuild(broken), (next) => void (taken = next))
      let taken = build
      const interrupted = Stream.concat(Stream.fromIterable(rows), Stream.drain(Stream.fromEffect(takenOver)))
      const late = Stream.concat(interrupted, Stream.fromIterable([owned(acme, row("late", 1))]))
      const error = yield* Effect.flip(store.fill(broken, build, at(9), late))
      assert.deepStrictEqual(error, new ViewStore.CheckpointMoved({ view: "broken", build: build.number }))
      const filled = yield* store.fill(broken, taken, at(9), Stream.fromIterable(rows))
      assert.strictEqual((yield* rowsOf(filled)).length, 5_000)
    }),
  )
})

/** Connections that were killed while they were idle are found out one by one. */
const persistently = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.retry(effect, { times: 100 })

const current = Effect.fn(function* (view: string, state: ViewStore.BuildState) {
  const store = yield* ViewStore.ViewStore
  const found = (yield* persistently(store.builds)).find((build) => build.view === view && build.state === state)
  if (found === undefined) return yield* Effect.die(new Error(`no ${state} build`))
  return found
})
