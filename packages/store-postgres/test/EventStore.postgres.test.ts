import * as Fs from "node:fs/promises"
import * as Path from "node:path"

import { PgClient } from "@effect/sql-pg"
import { assert, describe, it, layer } from "@effect/vitest"
import { EventStore, Ids } from "@holdfast/domain"
import { Context, Deferred, Effect, Exit, Fiber, Layer, Random, Redacted, Stream } from "effect"
import { SqlClient, type SqlError } from "effect/sql"

import * as Migrations from "../src/Migrations.ts"
import { RunnerSql } from "../src/RunnerSql.ts"
import * as Tenant from "../src/Tenant.ts"
import { EmbeddedPostgres } from "../src/testing/index.ts"
import { Wakeup } from "../src/Wakeup.ts"
import { clientOf, pglite, postgres, services } from "./EventStore.layers.ts"

const { EventLog, StreamId } = EventStore

layer(postgres, { timeout: "60 seconds", excludeTestServices: true })("the low-water fence", (it) => {
  it.effect("holds the head back before an open transaction that appended, and nobody else", () =>
    Effect.gen(function* () {
      const { head, read } = yield* EventLog
      const before = yield* head
      const held = yield* holding(append("held"))
      const others = yield* Effect.forEach(["a", "b", "c"], (name) => append(name), { concurrency: "unbounded" })
      assert.isTrue(others.every(({ position }) => position > before))
      assert.strictEqual(yield* head, before)
      assert.deepStrictEqual(yield* Stream.runCollect(read(before)), [])

      yield* held.commit
      assert.deepStrictEqual((yield* Stream.runCollect(read(before))).map(({ streamId }) => streamId).toSorted(), [
        "account-a",
        "account-b",
        "account-c",
        "account-held",
      ])
    }),
  )

  it.effect("lets readers pass the gap of a transaction that was rolled back, though nobody rings", () =>
    Effect.gen(function* () {
      const { head, next, read } = yield* EventLog
      const before = yield* head
      const held = yield* holding(append("undone"))
      const { position } = yield* append("done")
      const waiting = yield* Effect.forkChild(next(before))
      yield* held.rollback
      assert.isAtLeast(Number((yield* Fiber.join(waiting)).to), Number(position))
      assert.deepStrictEqual(
        (yield* Stream.runCollect(read(before))).map(({ streamId }) => streamId),
        ["account-done"],
      )
    }),
  )

  it.effect("is looked at, and read behind, by functions that see what was committed since the statement began", () =>
    Effect.gen(function* () {
      const sql = yield* administrator
      const functions = yield* sql`
        SELECT proname AS name, provolatile AS kind FROM pg_proc
        WHERE pronamespace = 'holdfast'::regnamespace AND proname IN ('head', 'events_between') ORDER BY proname`
      assert.deepStrictEqual(functions, [
        { name: "events_between", kind: "v" },
        { name: "head", kind: "v" },
      ])
    }),
  )

  it.effect("stands in the way of whoever inserts, also by hand", () =>
    Effect.gen(function* () {
      const { head } = yield* EventLog
      const sql = yield* administrator
      const before = yield* head
      yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* sql`INSERT INTO holdfast.events (tenant_id, stream_id, version, event_id, type, schema_version, data, metadata)
            SELECT 'by-hand', 'account-by-hand', n, gen_random_uuid(), 'happened', 1, '{}', '{}' FROM generate_series(1, 3) n`
          assert.strictEqual(yield* head, before)
        }),
      )
      assert.strictEqual(yield* head, before + 3n)
    }),
  )

  it.effect("costs a transaction one lock, however often it appends", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const locks = yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* Effect.forEach(Array.from({ length: 20 }), () => append("often", "any"))
          return yield* sql`SELECT FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND pid = pg_backend_pid()`
        }),
      )
      assert.lengthOf(locks, 1)
    }),
  )

  it.effect("holds where positions outgrow 32 bits, in either half", () =>
    Effect.gen(function* () {
      const { head, read } = yield* EventLog
      const sql = yield* administrator
      for (const edge of [2n ** 31n, 2n ** 32n, 2n ** 40n + 2n ** 31n]) {
        yield* sql.unsafe(`ALTER TABLE holdfast.events ALTER COLUMN position RESTART WITH ${edge - 2n}`)
        const { position } = yield* append(`edge-${edge}`)
        const held = yield* holding(append(`edge-held-${edge}`))
        yield* Effect.forEach(["x", "y", "z"], (name) => append(`edge-${name}-${edge}`))
        assert.strictEqual(yield* head, position)
        yield* held.commit
        assert.strictEqual(yield* Stream.runCount(read(position)), 4)
      }
    }),
  )

  it.effect("holds whatever a writer does to the setting that remembers its note", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const { head } = yield* EventLog
      const { position } = yield* append("setting")
      for (const noted of [0n, 1n, 2n ** 62n, position + 2n - 2n ** 31n, position - 3n * 2n ** 30n, -(2n ** 40n)]) {
        const before = yield* head
        const tampered = sql`SELECT set_config('holdfast.fence', ${String(noted)}, true)`
        const held = yield* holding(Effect.andThen(tampered, append(`setting-held-${noted}`)))
        yield* append(`setting-${noted}`)
        assert.isAtMost(Number(yield* head), Number(before))
        yield* held.rollback
      }
    }),
  )

  it.effect("never lets a reader come further than the last event: what is drawn beyond it may be drawn again", () =>
    Effect.gen(function* () {
      const { head } = yield* EventLog
      const { position } = yield* append("last")
      const undone = yield* holding(append("last-undone"))
      yield* undone.rollback
      assert.strictEqual(yield* head, position)
    }),
  )

  it.effect("is not looked through under another isolation level than READ COMMITTED", () =>
    Effect.gen(function* () {
      const sql = yield* RunnerSql
      const { head } = yield* EventLog
      const error = yield* Effect.flip(repeatableRead(sql)(head))
      assert.deepStrictEqual(
        error,
        new EventStore.EventStoreUnavailable({ reason: "UnknownError HF002", outcome: "nothing-written" }),
      )
    }),
  )

  it.effect("is not what stops an append on an older snapshot than the stream's: the database does", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const store = yield* EventStore.EventStore
      const { id } = yield* append("snapshot")
      const stale = repeatableRead(sql)(
        Effect.andThen(
          sql`SELECT count(*) FROM holdfast.events`,
          Effect.andThen(elsewhere(append("snapshot", "any")), append("snapshot", "any")),
        ),
      )
      const error = yield* Effect.flip(stale)
      assert.deepStrictEqual(
        [error._tag, "outcome" in error && error.outcome],
        ["EventStoreUnavailable", "nothing-written"],
      )
      const first = yield* Stream.runHead(store.readStream(tenantId, StreamId.make("account-snapshot")))
      assert.strictEqual(first._tag === "Some" ? first.value.event.id : undefined, id)
    }),
  )

  it.effect("shows each event once and in order while transactions dawdle, overlap and roll back", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const { follow, head } = yield* EventLog
      const start = yield* head
      const committed: Array<string> = []
      const write = (n: number) =>
        Effect.gen(function* () {
          const dawdle = Effect.flatMap(Random.nextIntBetween(0, 6), (ms) => Effect.sleep(ms))
          const names = [`race-${n % 11}-a`, `race-${n % 5}-b`].slice(n % 2)
          const appendAll = Effect.forEach(names, (name) => Effect.tap(append(name, "any"), dawdle))
          const ids = yield* sql.withTransaction(
            Effect.flatMap(appendAll, (appended) =>
              n % 10 === 0 ? Effect.fail("rolled back") : Effect.succeed(appended),
            ),
          )
          committed.push(...ids.map(({ id }) => id))
        }).pipe(Effect.ignore)
      const writing = Effect.forEach(
        Array.from({ length: 400 }, (_, n) => n),
        write,
        { concurrency: 9 },
      )
      const [, seen] = yield* Effect.all(
        [
          Effect.andThen(writing, append("race-over")),
          Stream.runCollect(Stream.takeUntil(follow(start), ({ streamId }) => streamId === "account-race-over")),
        ],
        { concurrency: "unbounded" },
      )
      const positions = seen.map(({ position }) => position)
      assert.isTrue(positions.every((position, index) => index === 0 || position > (positions[index - 1] ?? 0n)))
      assert.isAbove(committed.length, 300)
      assert.deepStrictEqual(
        seen
          .slice(0, -1)
          .map(({ event }) => event.id)
          .toSorted(),
        committed.toSorted(),
      )
    }),
  )
})

const inHostTransactions = (name: string, store: typeof pglite | typeof quietPostgres) =>
  layer(store, { timeout: "60 seconds", excludeTestServices: true })(`inside the host's transaction, ${name}`, (it) => {
    it.effect("an append commits and rolls back with it, and readers are woken only by the outermost commit", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const { heard } = yield* Wakeup
        const store = yield* EventStore.EventStore
        const rings = yield* heard
        const undone = sql.withTransaction(Effect.andThen(append("undone"), Effect.fail("the host changed its mind")))
        assert.strictEqual(yield* Effect.flip(undone), "the host changed its mind")
        assert.strictEqual(yield* Stream.runCount(store.readStream(tenantId, StreamId.make("account-undone"))), 0)
        assert.strictEqual(yield* heard, rings)

        yield* sql.withTransaction(
          Effect.gen(function* () {
            yield* sql.withTransaction(append("done"))
            assert.strictEqual(yield* heard, rings)
          }),
        )
        assert.strictEqual(yield* Stream.runCount(store.readStream(tenantId, StreamId.make("account-done"))), 1)
        assert.isAbove(yield* heard, rings)
      }),
    )

    it.effect("a conflict leaves nothing of the append, and the transaction goes on", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const store = yield* EventStore.EventStore
        yield* append("taken")
        const conflicts = yield* sql.withTransaction(
          Effect.gen(function* () {
            yield* append("before")
            const both = {
              ...requestOf("beside", "none", yield* eventId),
              acquire: [{ key: "k", holder: StreamId.make("account-beside") }],
            }
            const version = yield* Effect.flip(
              store.append({
                ...both,
                streams: [...both.streams, ...requestOf("taken", "none", yield* eventId).streams],
              }),
            )
            yield* store.append({
              ...requestOf("holder", "none", yield* eventId),
              acquire: [{ key: "k", holder: StreamId.make("account-holder") }],
            })
            const claim = yield* Effect.flip(store.append(both))
            yield* append("after")
            return [version._tag, claim._tag]
          }),
        )
        assert.deepStrictEqual(conflicts, ["VersionConflict", "ClaimConflict"])
        const counts = yield* Effect.forEach(["before", "beside", "holder", "after"], (name) =>
          Stream.runCount(store.readStream(tenantId, StreamId.make(`account-${name}`))),
        )
        assert.deepStrictEqual(counts, [1, 0, 1, 1])
      }),
    )

    it.effect("appends for several tenants leave it bound to none", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const store = yield* EventStore.EventStore
        const bound = yield* sql.withTransaction(
          Effect.gen(function* () {
            for (const tenantId of [Ids.TenantId.make("one"), Ids.TenantId.make("two")]) {
              yield* store.append({ ...requestOf("tenants", 0, yield* eventId), tenantId })
              yield* Stream.runDrain(store.readStream(tenantId, StreamId.make("account-tenants")))
              yield* store.holderOf(tenantId, "k")
              yield* Tenant.scoped(tenantId)(sql`SELECT 1`)
            }
            return yield* sql`SELECT current_setting('holdfast.tenant', true) AS tenant`
          }),
        )
        assert.deepStrictEqual(bound, [{ tenant: "" }])
      }),
    )

    it.effect("an append for another tenant than the transaction's is refused", () =>
      Effect.gen(function* () {
        const refused = Tenant.scoped(Ids.TenantId.make("stranger"))(append("refused"))
        const error = yield* Effect.flip(refused)
        assert.deepStrictEqual(
          error,
          new EventStore.InvalidAppend({ at: "tenantId", problem: "the transaction is bound to another tenant" }),
        )
      }),
    )
  })

/** Hears no rings but its own. */
const quietPostgres = Layer.provideMerge(Layer.fresh(services), Layer.provideMerge(Wakeup.layerLocal, postgres))

inHostTransactions("on PGlite", pglite)
inHostTransactions("on PostgreSQL", quietPostgres)

layer(postgres, { timeout: "60 seconds", excludeTestServices: true })("row-level security", (it) => {
  it.effect("shows hand-written SQL nothing without a tenant, and only its own with one", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const store = yield* EventStore.EventStore
      const mine = Ids.TenantId.make("mine")
      for (const tenantId of [mine, Ids.TenantId.make("theirs")]) {
        yield* store.append({
          ...requestOf("seen", 0, yield* eventId),
          tenantId,
          acquire: [{ key: "k", holder: StreamId.make("account-seen") }],
          idempotency: { key: "k", fingerprint: "f" },
        })
      }
      const look = Effect.forEach(["events", "claims", "commands"], (table) =>
        Effect.map(sql<{ tenant_id: string }>`SELECT tenant_id FROM holdfast.${sql(table)}`, (rows) =>
          rows.map((row) => row.tenant_id),
        ),
      )
      assert.deepStrictEqual(yield* look, [[], [], []])
      assert.deepStrictEqual(yield* Tenant.scoped(mine)(look), [["mine"], ["mine"], ["mine"]])
      const anyway = sql`SELECT FROM holdfast.read_stream('theirs', 'account-seen', 1, true, 10)`
      assert.strictEqual((yield* Effect.flip(Tenant.scoped(mine)(anyway)))._tag, "SqlError")
    }),
  )

  it.effect("lets the application write only through the functions", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* append("written")
      const attempts = [
        `INSERT INTO holdfast.events (tenant_id, stream_id, version, event_id, type, schema_version, data, metadata)
          VALUES ('${tenantId}', 'account-forged', 1, gen_random_uuid(), 'happened', 1, '{}', '{}')`,
        "UPDATE holdfast.events SET data = '{}'",
        "DELETE FROM holdfast.events",
        "TRUNCATE holdfast.events",
        `INSERT INTO holdfast.claims VALUES ('${tenantId}', 'k', 'account-forged')`,
        "DELETE FROM holdfast.claims",
        "UPDATE holdfast.commands SET fingerprint = ''",
        "SELECT nextval('holdfast.events_position_seq')",
        "SELECT setval('holdfast.events_position_seq', 1)",
        "ALTER TABLE holdfast.events DISABLE TRIGGER raise_fence",
      ]
      const tags = yield* Effect.forEach(attempts, (attempt) =>
        Effect.map(Effect.flip(Tenant.scoped(tenantId)(sql.unsafe(attempt))), ({ reason }) => reason._tag),
      )
      assert.deepStrictEqual(tags, Array(attempts.length).fill("AuthorizationError"))
    }),
  )

  it.effect("is forced on every table with tenants in it", () =>
    Effect.gen(function* () {
      const sql = yield* administrator
      const tables = yield* sql<{ name: string; forced: boolean; open: number }>`
        SELECT relname AS name, relrowsecurity AND relforcerowsecurity AS forced,
          (SELECT count(*)::int FROM pg_policy WHERE polrelid = c.oid AND polroles @> ARRAY[0::oid]) AS open
        FROM pg_class c
        WHERE relkind IN ('r', 'p') AND relnamespace = 'holdfast'::regnamespace AND EXISTS (
          SELECT FROM pg_attribute WHERE attrelid = c.oid AND attname = 'tenant_id' AND NOT attisdropped)`
      assert.includeMembers(
        tables.map(({ name }) => name),
        ["events", "claims", "commands"],
      )
      assert.deepStrictEqual(
        tables.filter(({ forced, open }) => !forced || open > 0),
        [],
      )
    }),
  )

  it.effect("cannot be tricked by a caller's search path: the owner's functions never find the caller's", () =>
    Effect.gen(function* () {
      const admin = yield* administrator
      const store = yield* EventStore.EventStore
      yield* admin`CREATE SCHEMA hostile`
      yield* admin`GRANT USAGE ON SCHEMA hostile TO PUBLIC`
      for (const [types, result] of [
        ["text, text", "boolean"],
        ["integer, integer", "boolean"],
        ["bigint, bigint", "boolean"],
        ["text, boolean", "text"],
        ["text, text, boolean", "text"],
        ["text, bigint", "bigint"],
        ["regclass", "bigint"],
        ["bigint", "void"],
        ["integer, integer", "integer"],
      ] as const) {
        for (const name of [
          "hijack",
          "set_config",
          "current_setting",
          "hashtextextended",
          "currval",
          "pg_sequence_last_value",
          "pg_advisory_xact_lock",
          "pg_advisory_xact_lock_shared",
        ]) {
          yield* Effect.ignore(
            admin.unsafe(`CREATE FUNCTION hostile.${name}(${types}) RETURNS ${result} LANGUAGE plpgsql AS
              $$ BEGIN RAISE EXCEPTION 'hijacked as %', current_user; END $$`).unprepared,
          )
        }
      }
      for (const type of ["text", "integer", "bigint"]) {
        for (const name of ["=", "<>", ">", "<="]) {
          yield* admin.unsafe(
            `CREATE OPERATOR hostile.${name} (LEFTARG = ${type}, RIGHTARG = ${type}, FUNCTION = hostile.hijack)`,
          ).unprepared
        }
      }
      const hostile = yield* connected(admin.config.url ?? Redacted.make(""))
      const attempt = hostile.withTransaction(
        Effect.gen(function* () {
          yield* hostile`SET LOCAL ROLE holdfast_app`
          yield* hostile`SET LOCAL search_path = hostile, pg_catalog`
          assert.match(
            yield* hijacked(hostile.withTransaction(hostile`SELECT 'a'::text = 'a'::text`)),
            /hijacked as holdfast_app/,
          )
          return yield* Effect.forEach(
            [1, 2],
            () =>
              hostile<{ outcome: string }>`
              SELECT outcome FROM holdfast.append(${tenantId}, ${"{}"}::jsonb, 'account-hijack', ${-1}::int,
                gen_random_uuid(), 'happened', 1::smallint, ${"{}"}::jsonb, NULL)`,
          )
        }),
      )
      assert.deepStrictEqual(yield* attempt, [[{ outcome: "appended" }], [{ outcome: "appended" }]])
      assert.strictEqual(yield* Stream.runCount(store.readStream(tenantId, StreamId.make("account-hijack"))), 2)
      const definers = yield* admin<{ name: string; args: number; safe: boolean; open: boolean }>`
        SELECT proname AS name, pronargs::int AS args, coalesce(proconfig::text LIKE '%search_path=pg_catalog%', false) AS safe,
          has_function_privilege('public', oid, 'EXECUTE') AS open
        FROM pg_proc WHERE pronamespace = 'holdfast'::regnamespace AND prosecdef`
      const unsafe = definers.filter(({ open, safe }) => !safe || open)
      assert.deepStrictEqual(unsafe, [{ name: "append", args: 10, safe: false, open: false }])
    }),
  )
})

layer(postgres, { timeout: "60 seconds", excludeTestServices: true })("appends that come together", (it) => {
  const all = (names: ReadonlyArray<string>) =>
    Effect.forEach(names, (name) => Effect.exit(append(name)), { concurrency: "unbounded" })

  it.effect("are one transaction, and each has its own answer", () =>
    Effect.gen(function* () {
      const sql = yield* administrator
      yield* append("g3")
      const names = Array.from({ length: 20 }, (_, index) => `g${index}`)
      const exits = yield* all(names)
      assert.deepStrictEqual(
        exits.flatMap((exit, index) => (Exit.isFailure(exit) ? [names[index]] : [])),
        ["g3"],
      )
      const [transactions] = yield* sql<{ count: number }>`
        SELECT count(DISTINCT xmin::text)::int AS count FROM holdfast.events WHERE stream_id LIKE 'account-g%'`
      assert.isBelow(transactions?.count ?? 0, 10)
    }),
  )

  it.effect("do not wait for the one whose stream somebody holds", () =>
    Effect.gen(function* () {
      const held = yield* holding(append("held"))
      const waiting = yield* Effect.forkChild(Effect.exit(append("held")))
      const others = yield* all(["h1", "h2", "h3", "h4", "h5", "h6"])
      assert.isTrue(others.every(Exit.isSuccess))
      yield* held.rollback
      assert.isTrue(Exit.isSuccess(yield* Fiber.join(waiting)))
    }),
  )

  it.effect("do not fail for the one that PostgreSQL refuses", () =>
    Effect.gen(function* () {
      const { append: appendTo } = yield* EventStore.EventStore
      const strange = Ids.EventId.make("not-a-uuid", { disableChecks: true })
      const [refused, others] = yield* Effect.all(
        [Effect.flip(appendTo(requestOf("strange", 0, strange))), all(["r1", "r2", "r3", "r4"])],
        { concurrency: "unbounded" },
      )
      assert.deepInclude(refused, { _tag: "EventStoreUnavailable", outcome: "nothing-written" })
      assert.isTrue(others.every(Exit.isSuccess))
    }),
  )
})

describe("outages", () => {
  it.live("a follower goes on after its connections were killed and the server was restarted", () =>
    Effect.gen(function* () {
      const server = yield* EmbeddedPostgres.start({ fsync: false })
      yield* Effect.provide(Migrations.migrate(), PgClient.layer({ url: server.url, maxConnections: 1 }))
      yield* Effect.gen(function* () {
        const { follow } = yield* EventLog
        const seen: Array<EventStore.StreamId> = []
        const reading = yield* Effect.forkChild(
          Stream.runForEach(
            Stream.takeUntil(follow(EventStore.beginning), ({ streamId }) => streamId === "account-third"),
            ({ streamId }) => Effect.sync(() => seen.push(streamId)),
          ),
        )
        yield* append("first")
        yield* Effect.scoped(
          Effect.flatMap(
            connected(server.url),
            (sql) =>
              sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'`,
          ),
        )
        yield* Effect.retry(append("second", "any"), { times: 20 })
        yield* server.stop("immediate")
        const failed = yield* Effect.flip(append("nowhere"))
        assert.strictEqual(failed._tag, "EventStoreUnavailable")
        yield* server.restart
        yield* Effect.retry(append("third", "any"), { times: 20 })
        yield* Fiber.join(reading)
        assert.deepStrictEqual([...new Set(seen)], seen)
        assert.deepStrictEqual(seen, ["account-first", "account-second", "account-third"])
      }).pipe(Effect.provide(on(server.url)))
    }).pipe(Effect.scoped),
  )

  it.live("a crash of the server gives no position out again that a reader has passed", () =>
    Effect.gen(function* () {
      // What is not committed reaches the disk in its own time, which does not come here. PostgreSQL writes down 32
      // positions in advance: the last one that is drawn here is the first that it has not.
      const settings = { wal_writer_delay: "10s", wal_writer_flush_after: "0" }
      const server = yield* EmbeddedPostgres.start({ settings })
      yield* Effect.provide(Migrations.migrate(), PgClient.layer({ url: server.url, maxConnections: 1 }))
      yield* Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const { head, read } = yield* EventLog
        yield* append("before")
        yield* head // whose connection, if it were a new one, might write something as well
        const many = Effect.forEach(Array.from({ length: 33 }), () => append("undone", "any"))
        yield* Effect.flip(sql.withTransaction(Effect.andThen(many, Effect.fail("rolled back"))))
        const passed = yield* head
        yield* server.stop("immediate")
        yield* server.restart
        const { position } = yield* Effect.retry(append("after"), { times: 20 })
        assert.isAbove(Number(position), Number(passed))
        assert.strictEqual(yield* Stream.runCount(read(passed)), 1)
      }).pipe(Effect.provide(on(server.url, Wakeup.layerLocal)))
    }).pipe(Effect.scoped),
  )

  it.live("a standby, which does not see who is writing, is not asked for the head", () =>
    Effect.gen(function* () {
      const server = yield* EmbeddedPostgres.start({ fsync: false })
      yield* Effect.provide(Migrations.migrate(), PgClient.layer({ url: server.url, maxConnections: 1 }))
      yield* Effect.gen(function* () {
        const { head } = yield* EventLog
        yield* append("before")
        yield* server.stop("fast")
        yield* Effect.promise(() => Fs.writeFile(Path.join(server.dataDir, "standby.signal"), "", { mode: 0o666 }))
        yield* server.restart
        const refused = yield* Effect.flip(Effect.retry(head, { times: 20, while: isDisconnected }))
        assert.strictEqual(refused.reason, "UnknownError HF002")
      }).pipe(Effect.provide(on(server.url)))
    }).pipe(Effect.scoped),
  )

  it.live("a prepared transaction holds the head back, also across a crash of the server", () =>
    Effect.gen(function* () {
      const server = yield* EmbeddedPostgres.start({ settings: { max_prepared_transactions: "2" } })
      yield* Effect.provide(Migrations.migrate(), PgClient.layer({ url: server.url, maxConnections: 1 }))
      yield* Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const { head, read } = yield* EventLog
        const { position } = yield* append("before")
        yield* sql.withTransaction(Effect.andThen(append("prepared"), sql`PREPARE TRANSACTION 'later'`.unprepared))
        yield* append("beside")
        yield* server.stop("immediate")
        yield* server.restart
        assert.strictEqual(yield* Effect.retry(head, { times: 20 }), position)
        yield* Effect.retry(sql`COMMIT PREPARED 'later'`.unprepared, { times: 20 })
        const streams = yield* Effect.map(Stream.runCollect(read(position)), (all) => all.map((one) => one.streamId))
        assert.deepStrictEqual(streams, ["account-prepared", "account-beside"])
      }).pipe(Effect.provide(on(server.url)))
    }).pipe(Effect.scoped),
  )

  it.live("a ring is heard in another process, also after its connection was lost", () =>
    Effect.gen(function* () {
      const store = yield* Layer.build(postgres)
      const url = Context.get(store, PgClient.PgClient).config.url ?? Redacted.make("")
      const there = Context.get(
        yield* Layer.build(Layer.fresh(Layer.provide(Wakeup.layerListen, RunnerSql.layer({ url })))),
        Wakeup,
      )
      const here = Context.get(store, Wakeup)
      const sql = yield* connected(url)
      const listeners = sql<{ pid: number }>`
        SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'`
      const listening = Effect.repeat(listeners, { until: (rows) => rows.length >= 2 })
      yield* listening
      const hear = Effect.gen(function* () {
        const heard = yield* there.heard
        yield* here.ring
        yield* there.after(heard)
      })
      yield* hear
      const killed = yield* listeners
      yield* sql`SELECT pg_terminate_backend(pid) FROM unnest(${killed.map(({ pid }) => pid)}::int[]) AS pid`
      yield* Effect.repeat(listeners, {
        until: (rows) => rows.length >= 2 && rows.every(({ pid }) => !killed.some((dead) => dead.pid === pid)),
      })
      yield* hear
    }).pipe(Effect.scoped),
  )

  it.live("an append says whether it may have happened", () =>
    Effect.gen(function* () {
      const store = yield* Layer.build(postgres)
      const url = Context.get(store, PgClient.PgClient).config.url ?? Redacted.make("")
      const sql = yield* connected(url)
      const cut = yield* Effect.gen(function* () {
        const held = yield* holding(append("cut", "any"))
        const waiting = yield* Effect.forkChild(Effect.flip(append("cut", "any")))
        yield* Effect.repeat(
          sql<{ pid: number }>`
            SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%holdfast.append%'`,
          { until: (rows) => rows.length > 0 },
        )
        yield* held.rollback
        return yield* Fiber.join(waiting)
      }).pipe(Effect.provide(store))
      assert.deepInclude(cut, { _tag: "EventStoreUnavailable", outcome: "unknown" })

      const nowhere = services.pipe(
        Layer.provide(Layer.mergeAll(Wakeup.layerLocal)),
        Layer.provide(
          Layer.mergeAll(
            PgClient.layer({ url: Redacted.make("postgres://nobody@127.0.0.1:1/none") }),
            RunnerSql.layer({ url: Redacted.make("postgres://nobody@127.0.0.1:1/none") }),
          ),
        ),
      )
      const refused = yield* Effect.flip(Effect.provide(append("refused"), nowhere))
      assert.deepStrictEqual(
        refused,
        new EventStore.EventStoreUnavailable({ reason: "ConnectionError", outcome: "nothing-written" }),
      )
    }).pipe(Effect.scoped),
  )
})

const on = (url: Redacted.Redacted, wakeup: typeof Wakeup.layerListen = Wakeup.layerListen) =>
  services.pipe(Layer.provideMerge(wakeup), Layer.provideMerge(Layer.mergeAll(clientOf(url), RunnerSql.layer({ url }))))

/** The server does not answer, or not yet. */
const isDisconnected = ({ reason }: EventStore.EventStoreUnavailable) => !reason.endsWith("HF002")

const tenantId = Ids.TenantId.make("tenant-1")

const eventId = Effect.map(Random.nextIntBetween(0, 16 ** 12 - 1), (n) =>
  Ids.EventId.make(`00000000-0000-7000-8000-${n.toString(16).padStart(12, "0")}`),
)

const requestOf = (name: string, expected: EventStore.ExpectedVersion, id: Ids.EventId): EventStore.AppendRequest => ({
  tenantId,
  metadata: { actor: Ids.system },
  streams: [
    {
      streamId: StreamId.make(`account-${name}`),
      expected,
      events: [{ id, type: "happened", schemaVersion: 1, data: {} }],
    },
  ],
})

const append = (name: string, expected: EventStore.ExpectedVersion = 0) =>
  Effect.gen(function* () {
    const { append } = yield* EventStore.EventStore
    const id = yield* eventId
    return { ...(yield* append(requestOf(name, expected, id))), id }
  })

/** Runs an effect in a transaction that stays open until it is told how to end. */
const holding = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const sql = yield* PgClient.PgClient
    const done = yield* Deferred.make<void>()
    const end = yield* Deferred.make<void, "rollback">()
    const transaction = yield* Effect.forkChild(
      Effect.exit(
        sql.withTransaction(
          Effect.andThen(effect, Effect.andThen(Deferred.succeed(done, undefined), Deferred.await(end))),
        ),
      ),
    )
    yield* Deferred.await(done)
    const ending = (how: Effect.Effect<unknown>) => Effect.andThen(how, Effect.asVoid(Fiber.join(transaction)))
    return { commit: ending(Deferred.succeed(end, undefined)), rollback: ending(Deferred.fail(end, "rollback")) }
  })

/** The server's message of a failure. */
const hijacked = (effect: Effect.Effect<unknown, SqlError.SqlError>) =>
  Effect.map(Effect.flip(effect), ({ reason }) => (reason.cause instanceof Error ? reason.cause.message : ""))

const repeatableRead =
  (sql: PgClient.PgClient) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.provideService(
      sql.withTransaction(effect),
      SqlClient.BeginTransaction,
      "BEGIN ISOLATION LEVEL REPEATABLE READ",
    )

const connected = (url: Redacted.Redacted) =>
  Effect.map(Layer.build(Layer.fresh(PgClient.layer({ url, maxConnections: 2 }))), Context.get(PgClient.PgClient))

/** The test server's administrator on the database of the client. */
const administrator = Effect.flatMap(PgClient.PgClient, ({ config }) => connected(config.url ?? Redacted.make("")))

/** Outside the transaction that is open. */
const elsewhere = <A, E>(effect: Effect.Effect<A, E, EventStore.EventStore>) =>
  Effect.gen(function* () {
    const { config } = yield* PgClient.PgClient
    const other = services.pipe(
      Layer.provide(Wakeup.layerLocal),
      Layer.provide(Layer.mergeAll(clientOf(config.url ?? Redacted.make("")), RunnerSql.layer({ url: config.url }))),
    )
    return yield* Effect.provide(effect, other, { local: true })
  })
