import { PgClient } from "@effect/sql-pg"
import { assert, describe, it, layer } from "@effect/vitest"
import { DataKeys, EventStore, Ids, Inbox, Leases, MasterKeys, Sealer, Vault } from "@holdfast/domain"
import {
  Cause,
  DateTime,
  Deferred,
  Duration,
  Effect,
  Exit,
  Fiber,
  Inspectable,
  Layer,
  Logger,
  Option,
  Redacted,
  Schedule,
  Tracer,
} from "effect"
import { SecureRandom } from "effect/crypto"

import * as NodeSealing from "../src/NodeSealing.ts"
import { RunnerSql } from "../src/RunnerSql.ts"
import * as Tenant from "../src/Tenant.ts"
import { sqlState } from "../src/Unavailable.ts"
import { pglite, postgres } from "./Vault.layers.ts"

/** A process of the host with one master key, remembering data keys of its own. */
const processOn = <A, E, R>(storage: Layer.Layer<A, E, R>) => Layer.provideMerge(secrets, storage)

const masterKey = Redacted.make(Uint8Array.from({ length: 32 }, (_, index) => index))
const secrets = Layer.fresh(
  Layer.mergeAll(Sealer.Sealer.layer, Vault.Vault.layer).pipe(
    Layer.provideMerge(DataKeys.DataKeys.layer),
    Layer.provideMerge(Layer.orDie(MasterKeys.MasterKeys.layer({ current: "one", keys: { one: masterKey } }))),
  ),
)

for (const [name, storage] of [
  ["PGlite", pglite],
  ["PostgreSQL", postgres],
] as const) {
  layer(processOn(storage), { excludeTestServices: true, timeout: Duration.seconds(60) })(
    `Secrets on ${name}`,
    (it) => {
      it.effect("appear in no table, span, log or error", () =>
        Effect.gen(function* () {
          const planted = "planted-1//0gAbCdEf_refresh-token+/=ü"
          const told: Array<unknown> = []
          const tracer = Tracer.make({
            span: (options) => {
              const span = new Tracer.NativeSpan(options)
              told.push(span)
              return span
            },
          })
          const logger = Logger.make((options) => void told.push(options.message, Cause.pretty(options.cause)))
          const tell = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
            Effect.tap(Effect.exit(effect), (exit) => {
              told.push(exit)
              return Exit.isFailure(exit) ? Effect.logError("failed", exit.cause) : Effect.logInfo("done", exit.value)
            })

          const { context, tenantId } = yield* fresh
          const connectionId = Ids.ConnectionId.make(yield* freshId)
          const secret = Redacted.make(planted)
          yield* Effect.gen(function* () {
            const { get, put } = yield* Vault.Vault
            const { seal } = yield* Sealer.Sealer
            const sql = yield* RunnerSql
            yield* put(tenantId, connectionId, secret, { replaces: 0 })
            yield* append(context, yield* seal(context, planted))
            yield* tell(get(tenantId, connectionId))
            yield* tell(put(tenantId, connectionId, secret, { replaces: 7 }))
            // What the table refuses is quoted by PostgreSQL.
            yield* sql`ALTER TABLE holdfast.credentials ADD CONSTRAINT refusing CHECK (version < 2)`.pipe(asOwner)
            yield* tell(put(tenantId, connectionId, secret, { replaces: 1 }))
            yield* sql`ALTER TABLE holdfast.credentials DROP CONSTRAINT refusing`.pipe(asOwner)
            yield* sql`UPDATE holdfast.credentials SET wrapped = wrapped || '\\x00' WHERE connection_id = ${connectionId}::uuid`
            yield* tell(get(tenantId, connectionId))
          }).pipe(Effect.withSpan("test"), Effect.withTracer(tracer), Effect.provide(Logger.layer([logger])))

          const outcomes = told.flatMap((each) => (Exit.isExit(each) ? [each] : []))
          assert.deepStrictEqual(
            outcomes.map((exit) => (Exit.isSuccess(exit) ? "read" : tagOf(Cause.squash(exit.cause)))),
            ["read", "CredentialsConflict", "EventStoreUnavailable", "CredentialsUnreadable"],
          )
          const dumped = yield* dump
          assert.include(dumped, connectionId, "the dump does contain the row")
          const said = told.map((each) => `${Inspectable.toStringUnknown(each)} ${inspectDeep(each)}`).join("\n")
          assert.include(said, "Vault.put")
          const bytes = Buffer.from(planted)
          for (const form of [
            planted,
            bytes.toString("base64"),
            bytes.toString("base64url"),
            bytes.toString("hex"),
            bytes.toString("latin1"),
            Buffer.from(Redacted.value(masterKey)).toString("hex"),
            Buffer.from(Redacted.value(masterKey)).toString("base64"),
          ]) {
            assert.notInclude(dumped.toLowerCase(), form.toLowerCase())
            assert.notInclude(said.toLowerCase(), form.toLowerCase())
          }
        }),
      )

      it.effect("open in no other row", () =>
        Effect.gen(function* () {
          const { get, put } = yield* Vault.Vault
          const sql = yield* RunnerSql
          const { tenantId } = yield* fresh
          const [mine, theirs] = [Ids.ConnectionId.make(yield* freshId), Ids.ConnectionId.make(yield* freshId)]
          yield* put(tenantId, mine, Redacted.make("mine"), { replaces: 0 })
          yield* put(tenantId, theirs, Redacted.make("theirs"), { replaces: 0 })
          yield* sql`
          UPDATE holdfast.credentials SET wrapped = (
            SELECT wrapped FROM holdfast.credentials WHERE connection_id = ${theirs}::uuid)
          WHERE connection_id = ${mine}::uuid`
          const error = yield* Effect.flip(get(tenantId, mine))
          assert.strictEqual("reason" in error && error.reason, "damaged")
        }),
      )

      it.effect("made in a transaction that was rolled back are not used again", () =>
        Effect.gen(function* () {
          const { seal } = yield* Sealer.Sealer
          const sql = (yield* PgClient.PgClient).withoutTransforms()
          const { context } = yield* fresh
          const rolledBack = sql.withTransaction(Effect.andThen(seal(context, "lost"), Effect.fail("rolled back")))
          assert.strictEqual(yield* Effect.flip(rolledBack), "rolled back")

          const sealed = yield* seal(context, "Ada Lovelace")
          const opened = yield* Sealer.Sealer.use(({ open }) => open(context, sealed)).pipe(
            Effect.provide(secrets, { local: true }),
          )
          assert.deepStrictEqual(opened, Option.some("Ada Lovelace"))
        }),
      )

      it.effect("commit with the host's own transaction", () =>
        Effect.gen(function* () {
          const { get, put } = yield* Vault.Vault
          const sql = (yield* PgClient.PgClient).withoutTransforms()
          const { tenantId } = yield* fresh
          const connectionId = Ids.ConnectionId.make(yield* freshId)
          const write = put(tenantId, connectionId, Redacted.make("token"), { replaces: 0 })
          yield* Effect.flip(sql.withTransaction(Effect.andThen(write, Effect.fail("rolled back"))))
          assert.strictEqual((yield* Effect.flip(get(tenantId, connectionId)))._tag, "CredentialsNotFound")
          assert.strictEqual(yield* sql.withTransaction(write), 1)
          assert.strictEqual((yield* get(tenantId, connectionId)).version, 1)
        }),
      )

      it.effect("of another tenant are out of reach of a transaction that is bound to one", () =>
        Effect.gen(function* () {
          const { get, put } = yield* Vault.Vault
          const [ours, theirs] = [yield* fresh, yield* fresh]
          const connectionId = Ids.ConnectionId.make(yield* freshId)
          yield* put(theirs.tenantId, connectionId, Redacted.make("theirs"), { replaces: 0 })
          const error = yield* Effect.flip(Tenant.scoped(ours.tenantId)(get(theirs.tenantId, connectionId)))
          assert.strictEqual(error._tag, "EventStoreUnavailable")
          assert.match("reason" in error && typeof error.reason === "string" ? error.reason : "", /HF001/)
        }),
      )
    },
  )
}

layer(processOn(postgres), { excludeTestServices: true, timeout: Duration.seconds(60) })(
  "PostgreSQL with roles",
  (it) => {
    it.effect("shows the application's role no key, no credential and no delivery, not even by hand", () =>
      Effect.gen(function* () {
        const sql = (yield* PgClient.PgClient).withoutTransforms()
        const { park } = yield* Inbox.Inbox
        const { context, tenantId } = yield* fresh
        yield* Sealer.Sealer.use(({ seal }) => seal(context, "Ada"))
        yield* park({
          provider: Ids.ProviderId.make("bank"),
          authorization: Ids.AuthorizationRef.make(yield* freshId),
          door: "webhook",
          dedupeKey: "1",
          kind: "sync",
          body: null,
          receivedAt: yield* DateTime.now,
        })
        const forbidden = [
          sql`SELECT * FROM holdfast.subject_keys`,
          sql`SELECT * FROM holdfast.credentials`,
          sql`SELECT * FROM holdfast.inbox`,
          sql`UPDATE holdfast.leases SET epoch = 0`,
          sql`SELECT holdfast.destroy_keys(${tenantId}, ${[context.streamId]}::text[])`,
        ]
        for (const statement of forbidden) {
          const error = yield* Effect.flip(Tenant.scoped(tenantId)(statement))
          assert.strictEqual(error.reason._tag, "AuthorizationError")
        }
      }),
    )

    it.effect("gives hand-written SQL no lease for ever", () =>
      Effect.gen(function* () {
        const sql = (yield* PgClient.PgClient).withoutTransforms()
        const { tenantId } = yield* fresh
        for (const ttl of ["Infinity", "NaN", "1e300"]) {
          const [lease] = yield* sql<{ ends: boolean }>`
            SELECT held_until <= clock_timestamp() + interval '1 day' AS ends
            FROM holdfast.acquire_lease(${tenantId}, ${ttl}, 'by hand', ${ttl}::text::double precision)`
          assert.deepStrictEqual(lease, { ends: true }, ttl)
        }
      }),
    )

    it.effect("knows no tenant without a name, bound or not", () =>
      Effect.gen(function* () {
        const sql = (yield* PgClient.PgClient).withoutTransforms()
        const { tenantId } = yield* fresh
        for (const nobody of ["", null]) {
          const statements = [
            sql`SELECT holdfast.keep_subject_key(${nobody}::text, 'x', 'k', '\\x00'::bytea)`,
            sql`SELECT * FROM holdfast.credentials_of(${nobody}::text, gen_random_uuid())`,
          ]
          for (const statement of statements) {
            for (const error of [
              yield* Effect.flip(statement),
              yield* Effect.flip(Tenant.scoped(tenantId)(statement)),
            ]) {
              assert.strictEqual(sqlState(error), "HF001")
            }
          }
        }
      }),
    )

    it.effect("shows a tenant its own leases and attempts only", () =>
      Effect.gen(function* () {
        const sql = (yield* PgClient.PgClient).withoutTransforms()
        const { acquire } = yield* Leases.Leases
        const { record } = yield* Inbox.Inbox
        const [ours, theirs] = [yield* fresh, yield* fresh]
        for (const { tenantId } of [ours, theirs]) {
          yield* acquire(tenantId, "sync", "1 minute")
          const authorization = Ids.AuthorizationRef.make("a")
          yield* record({
            tenantId,
            provider: Ids.ProviderId.make("bank"),
            authorization,
            door: "post",
            outcome: "created",
          })
        }
        const visible = sql`SELECT tenant_id FROM holdfast.leases UNION ALL SELECT tenant_id FROM holdfast.attempts`
        assert.deepStrictEqual(
          yield* Tenant.scoped(ours.tenantId)(visible),
          [1, 2].map(() => ({ tenant_id: ours.tenantId })),
        )
        assert.deepStrictEqual(yield* visible, [])
      }),
    )

    it.effect("refuses a zombie's write, and lets nobody take a lease from under a write in progress (R22)", () =>
      Effect.gen(function* () {
        const sql = (yield* PgClient.PgClient).withoutTransforms()
        const { acquire, check } = yield* Leases.Leases
        const runner = yield* RunnerSql
        const { tenantId } = yield* fresh
        const writing = yield* Deferred.make<void>()
        const finish = yield* Deferred.make<void>()
        const lease = yield* acquire(tenantId, "refresh", "1 minute")
        const write = yield* Effect.forkChild(
          sql.withTransaction(
            Effect.gen(function* () {
              yield* check(lease)
              yield* Deferred.succeed(writing, undefined)
              yield* Deferred.await(finish)
              const [row] = yield* sql<{ now: Date }>`SELECT clock_timestamp() AS now`
              return row?.now
            }),
          ),
        )
        yield* Deferred.await(writing)
        // The lease runs out while the write goes on.
        const expiring = yield* Effect.forkChild(
          runner`UPDATE holdfast.leases SET held_until = clock_timestamp() WHERE tenant_id = ${tenantId}`,
        )
        const taking = yield* Effect.forkChild(
          Effect.retry(acquire(tenantId, "refresh", "1 minute"), {
            while: ({ _tag }) => _tag === "LeaseHeld",
            schedule: Schedule.spaced("5 millis"),
          }),
        )
        yield* waitingFor(runner)
        yield* Deferred.succeed(finish, undefined)
        const written = yield* Fiber.join(write)
        yield* Fiber.join(expiring)
        const next = yield* Fiber.join(taking)
        assert.isAbove(next.epoch, lease.epoch)
        assert.isTrue(written !== undefined && DateTime.toDateUtc(next.until).getTime() - 60_000 >= written.getTime())

        const zombie = sql.withTransaction(Effect.andThen(check(lease), sql`SELECT 1`))
        assert.strictEqual((yield* Effect.flip(zombie))._tag, "LeaseLost")
      }),
    )

    it.effect("keeps a lease through an outage shorter than it", () =>
      Effect.gen(function* () {
        const { using } = yield* Leases.Leases
        const runner = yield* RunnerSql
        const { tenantId } = yield* fresh
        const work = Effect.gen(function* () {
          const terminated = yield* runner.withTransaction(
            Effect.andThen(
              runner`SET LOCAL ROLE NONE`,
              runner`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
              WHERE datname = current_database() AND pid <> pg_backend_pid()`,
            ),
          )
          const lease = yield* Leases.Current
          const until = Effect.flatMap(
            Effect.retry(
              runner<{ held_until: Date }>`SELECT held_until FROM holdfast.leases WHERE tenant_id = ${tenantId}`,
              Schedule.spaced("20 millis"),
            ),
            ([row]) => Effect.succeed(row?.held_until.getTime() ?? 0),
          )
          yield* Effect.repeat(until, {
            until: (now) => lease !== undefined && now > lease.until.epochMilliseconds,
            schedule: Schedule.spaced("20 millis"),
          })
          return terminated.length
        })
        assert.isAbove(yield* using(tenantId, "sync", "3 seconds")(work), 0)
      }),
    )
  },
)

describe("NodeSealing", () => {
  it.effect("seals what every runtime opens, and opens what every runtime seals", () =>
    Effect.gen(function* () {
      const web = yield* Layer.build(Layer.fresh(Sealer.Sealer.layerMemory))
      const keys = Layer.succeedContext(web)
      const node = yield* Layer.build(
        Layer.fresh(Sealer.Sealer.layer.pipe(Layer.provide(NodeSealing.layer), Layer.provide(keys))),
      )
      const { context } = yield* fresh
      for (const text of ["", "Ada", "Ada Lovelace ✓ ".repeat(10_000)]) {
        for (const [from, to] of [
          [web, node],
          [node, web],
        ] as const) {
          const sealed = yield* Effect.provide(
            Sealer.Sealer.use(({ seal }) => seal(context, text)),
            from,
          )
          const opened = Sealer.Sealer.use(({ open }) => open(context, sealed))
          assert.deepStrictEqual(yield* Effect.provide(opened, to), Option.some(text))
          sealed[sealed.length - 1] = (sealed.at(-1) ?? 0) ^ 1
          assert.strictEqual((yield* Effect.flip(Effect.provide(opened, to))).reason, "damaged")
        }
      }
    }).pipe(Effect.provide(SecureRandom.layerWebCrypto)),
  )
})

const freshId = SecureRandom.SecureRandom.use((random) => random.uuidV7())

const fresh = Effect.gen(function* () {
  const tenantId = Ids.TenantId.make(`tenant-${yield* freshId}`)
  const streamId = EventStore.StreamId.make(`connection-${yield* freshId}`)
  return { tenantId, context: { tenantId, streamId, eventId: Ids.EventId.make(yield* freshId) } }
})

const append = Effect.fnUntraced(function* ({ eventId, streamId, tenantId }: Sealer.SealedFor, sealed: Uint8Array) {
  const store = yield* EventStore.EventStore
  const event = { id: eventId, type: "connected", schemaVersion: 1, data: {}, sealed }
  const metadata = { actor: Ids.system }
  yield* store.append({ tenantId, streams: [{ streamId, expected: 0, events: [event] }], metadata })
})

/** The table's owner changes it: PGlite's only user, or a role that the test's login can take. */
const asOwner = <A, E>(statement: Effect.Effect<A, E>) =>
  Effect.flatMap(RunnerSql, (sql) => sql.withTransaction(Effect.andThen(sql`SET LOCAL ROLE holdfast_owner`, statement)))

/** All rows of all tables, as text. Bytes stand in it in hexadecimal, as in a dump. */
const dump = Effect.gen(function* () {
  const sql = (yield* RunnerSql).withoutTransforms()
  const tables = yield* sql<{ name: string }>`
    SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
    WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND has_table_privilege(format('%I.%I', schemaname, tablename), 'SELECT')`
  const rows = yield* Effect.forEach(tables, ({ name }) =>
    sql.unsafe<{ row: string }>(`SELECT '${name} ' || t::text AS row FROM ${name} AS t`),
  )
  return rows
    .flat()
    .map(({ row }) => row)
    .join("\n")
})

const inspectDeep = (value: unknown): string => {
  const seen = new Set<unknown>()
  const walk = (each: unknown, depth: number): string => {
    if (typeof each === "string") return each
    if (each instanceof Map) return [...each].map((entry) => walk(entry, depth + 1)).join(" ")
    if (typeof each !== "object" || each === null || seen.has(each) || depth > 12) return ""
    seen.add(each)
    return Reflect.ownKeys(each)
      .map((key) => `${String(key)} ${walk(Reflect.get(each, key), depth + 1)}`)
      .join(" ")
  }
  return walk(value, 0)
}

const tagOf = (error: unknown) => (typeof error === "object" && error !== null && "_tag" in error ? error._tag : error)

/** Until somebody waits for a lock in this database. */
const waitingFor = (sql: PgClient.PgClient) =>
  Effect.repeat(
    sql<{ n: number }>`
      SELECT count(*)::int AS n FROM pg_locks JOIN pg_stat_activity USING (pid)
      WHERE NOT granted AND datname = current_database()`,
    { until: ([row]) => (row?.n ?? 0) > 0, schedule: Schedule.spaced("5 millis") },
  )
