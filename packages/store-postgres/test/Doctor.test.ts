import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Aggregate, Connection, ConnectionsView, Ids, Leases } from "@holdfast/domain"
import { DateTime, Duration, Effect, Layer } from "effect"

import * as Cli from "../src/Cli.ts"
import * as Doctor from "../src/Doctor.ts"
import * as Migrations from "../src/Migrations.ts"
import * as Store from "../src/Store.ts"
import { EmbeddedPostgres } from "../src/testing/index.ts"
import { acme, ids, masterKeys, seeded, storeAt, umbrella } from "./Cli.store.ts"
import { freshUrl } from "./EventStore.layers.ts"

/** What a planted row needs: a superuser, whom row-level security does not bind. */
const plant = (statement: string) =>
  Effect.flatMap(PgClient.PgClient, (sql) => Effect.orDie(sql.unsafe(statement).unprepared))

const examine = Effect.gen(function* () {
  const schema = yield* Doctor.examineSchema()
  return [...schema, ...(yield* Doctor.examine({ projections: Cli.projections }))]
})

const bad = (findings: ReadonlyArray<Doctor.Finding>) => findings.filter(({ severity }) => severity !== "ok")

const found = Effect.map(examine, (findings) => bad(findings).map(({ code }) => code))

const find = (code: string) => Effect.map(examine, (findings) => findings.find((finding) => finding.code === code))

const connection = (id: Ids.ConnectionId) => `connection-${id}`

/** A store of its own, seeded; the client of the context is the superuser. */
const onPostgres = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const url = yield* freshUrl()
    const admin = PgClient.layer({ url, maxConnections: 2, applicationName: "the doctor" })
    return yield* Effect.gen(function* () {
      const services = yield* Layer.build(storeAt(url))
      yield* Effect.provideContext(seeded, services)
      return yield* effect.pipe(Effect.provide(admin), Effect.provideContext(services))
    })
  }).pipe(Effect.scoped)

const onPglite = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.provide(Effect.andThen(seeded, effect), Store.layerPglite({ masterKeys }))

describe("Doctor", () => {
  it.live("is silent on a healthy store in PGlite, some of whose work is done once a day", () =>
    onPglite(
      Effect.gen(function* () {
        yield* (yield* Leases.Leases).acquire(acme, "daily", Duration.days(1))
        assert.deepStrictEqual(yield* found, [])
      }),
    ),
  )

  it.live("is silent on a healthy store in PostgreSQL, and says how things are", () =>
    onPostgres(
      Effect.gen(function* () {
        const findings = yield* examine
        assert.deepStrictEqual(bad(findings), [])
        assert.strictEqual(Doctor.worst(findings), "ok")
        assert.deepStrictEqual(findings.find(({ code }) => code === "claims")?.numbers, {
          streams: 3,
          events: 4,
          claims: 5,
        })
        assert.deepStrictEqual(
          findings.filter(({ code }) => code === "projection").map(({ numbers }) => numbers["behind"]),
          Cli.projections.map(() => 0),
        )
      }),
    ),
  )

  const disagreements: ReadonlyArray<
    readonly [
      what: string,
      statement: string,
      codes: ReadonlyArray<string>,
      about?: Readonly<Record<string, string | number | null>>,
    ]
  > = [
    [
      "a claim that is missing",
      `DELETE FROM holdfast.claims WHERE holder = '${connection(ids.grace)}' AND key LIKE 'slot:%'`,
      ["claims.missing"],
      { tenant: umbrella, key: "slot:gmail:grace", holder: null, expected: connection(ids.grace) },
    ],
    [
      "a claim of a stream that does not exist",
      `INSERT INTO holdfast.claims VALUES ('acme', 'slot:left', 'connection-00000000-0000-4000-8000-0000000000ff')`,
      ["claims.orphaned"],
      { tenant: acme, key: "slot:left", holder: "connection-00000000-0000-4000-8000-0000000000ff", expected: null },
    ],
    [
      "a claim that its stream has lost the right to",
      `INSERT INTO holdfast.claims VALUES ('acme', 'slot:other', '${connection(ids.adaOld)}')`,
      ["claims.orphaned"],
    ],
    [
      "a claim with the wrong holder",
      `UPDATE holdfast.claims SET holder = '${connection(ids.adaOld)}' WHERE key = 'slot:gmail:ada'`,
      ["claims.misheld"],
      { tenant: acme, key: "slot:gmail:ada", holder: connection(ids.adaOld), expected: connection(ids.ada) },
    ],
    [
      "a row of a view whose stream does not exist",
      `INSERT INTO holdfast_views.connections_1
        SELECT tenant_id, '00000000-0000-4000-8000-0000000000ff', status, provider, owner_id, slot, "authorization", identity,
          credential_version, poll_interval_seconds, settings, name, is_reconnection, reconnected_from,
          reconnection_confidence, superseded_by, failure, sync_failure, error_count, expires_at, connected_at,
          last_synced_at, items_synced, total_accounts, total_transactions, changed_at, position
        FROM holdfast_views.connections_1 LIMIT 1`,
      ["views.orphaned"],
      { tenant: acme, view: "connections", connection: "00000000-0000-4000-8000-0000000000ff" },
    ],
    [
      "a row of a view that is missing",
      `DELETE FROM holdfast_views.connections_1 WHERE connection_id = '${ids.grace}'`,
      ["views.disagree"],
      { tenant: umbrella, connection: ids.grace, events: "active", view: null },
    ],
    [
      "a row of a view that says something else",
      `UPDATE holdfast_views.connections_1 SET status = 'paused' WHERE connection_id = '${ids.grace}'`,
      ["views.disagree"],
      { tenant: umbrella, connection: ids.grace, events: "active", view: "paused" },
    ],
    [
      "credentials of a connection that does not exist",
      `INSERT INTO holdfast.credentials VALUES ('acme', '00000000-0000-4000-8000-0000000000ff', 1, 'test', 'x', now() - interval '2 hours')`,
      ["credentials.orphaned"],
      { tenant: acme, connection: "00000000-0000-4000-8000-0000000000ff" },
    ],
    [
      "a connection at work whose credentials are gone",
      `UPDATE holdfast.credentials SET wrapped = NULL, master_key_id = NULL WHERE connection_id = '${ids.grace}'`,
      ["credentials.gone"],
      { tenant: umbrella, connection: ids.grace, events: 1, vault: null },
    ],
    [
      "a stream that was forgotten and is readable",
      `INSERT INTO holdfast.events (tenant_id, stream_id, version, event_id, type, schema_version, data, metadata)
        VALUES ('acme', 'feed-00000000-0000-4000-8000-0000000000fe', 1, gen_random_uuid(), 'forgotten', 1, '{}', '{}');
       INSERT INTO holdfast.subject_keys VALUES ('acme', 'feed-00000000-0000-4000-8000-0000000000fe', 'test', 'x', NULL)`,
      ["keys.undestroyed"],
      { tenant: acme, stream: "feed-00000000-0000-4000-8000-0000000000fe" },
    ],
    [
      "a key that was destroyed without a word",
      `UPDATE holdfast.subject_keys SET wrapped = NULL, master_key_id = NULL, destroyed_at = now() WHERE subject = '${connection(ids.grace)}'`,
      ["keys.unsaid"],
    ],
    [
      "a delivery that was parked for too long",
      `INSERT INTO holdfast.inbox (provider, authorization_ref, door, dedupe_key, kind, body, received_at, parked_at)
        VALUES ('gmail', 'nobody', 'webhook', 'k', 'auth', '{}', now(), now() - interval '3 days')`,
      ["inbox.late"],
      { provider: "gmail", authorization: "nobody", kind: "auth" },
    ],
    [
      "a lease that is held for too long",
      `INSERT INTO holdfast.leases VALUES ('acme', 'sync', 1, 'zombie', now() + interval '1 year')`,
      ["leases.long"],
      { tenant: acme, lease: "sync", holder: "zombie" },
    ],
    [
      "an event that is gone",
      `DELETE FROM holdfast.events WHERE stream_id = '${connection(ids.adaOld)}' AND version = 1`,
      ["log.gaps"],
      { tenant: acme, stream: connection(ids.adaOld), events: 1, version: 2 },
    ],
    [
      "an event that this version cannot read",
      `INSERT INTO holdfast.events (tenant_id, stream_id, version, event_id, type, schema_version, data, metadata)
        VALUES ('acme', '${connection(ids.ada)}', 2, gen_random_uuid(), 'levitated', 1, '{}', '{}')`,
      ["log.unreadable"],
    ],
    [
      "a connection that waits for its consent",
      `INSERT INTO holdfast.events (tenant_id, stream_id, version, event_id, type, schema_version, data, metadata, recorded_at)
        VALUES ('acme', 'connection-00000000-0000-4000-8000-0000000000fd', 1, gen_random_uuid(), 'configured', 1,
          '{"at": "2026-01-01T00:00:00.000Z", "provider": "gmail", "ownerId": "ada", "pollIntervalSeconds": 60, "settings": {}}',
          '{}', now() - interval '30 days')`,
      [...Cli.projections.map(() => "projection.lag"), "connections.pending"],
    ],
    [
      "a view that is paused",
      `UPDATE holdfast.builds SET paused = 'by hand' WHERE view = 'connections'`,
      ["projection.paused"],
      { view: "connections", build: 1, version: ConnectionsView.version },
    ],
    [
      "a view that has come further than the log",
      `UPDATE holdfast.builds SET position = 1000 WHERE view = 'connections'`,
      ["projection.ahead"],
    ],
    [
      "a view of another version",
      `UPDATE holdfast.builds SET version = 7 WHERE view = 'connection_history'`,
      ["projection.version"],
    ],
    [
      "a build whose table is gone",
      `DROP VIEW holdfast.connection_history; DROP TABLE holdfast_views.connection_history_1`,
      ["views.tables"],
    ],
    [
      "a view that was never made",
      `DELETE FROM holdfast.builds WHERE view = 'connection_history'; DROP VIEW holdfast.connection_history; DROP TABLE holdfast_views.connection_history_1`,
      ["projection.missing"],
      { view: "connection_history" },
    ],
    [
      "a rebuild that was left lying",
      `INSERT INTO holdfast.builds (view, number, version, state, definition, created_at)
        SELECT view, 2, version, 'building', definition, now() - interval '2 hours' FROM holdfast.builds WHERE view = 'connections';
       CREATE TABLE holdfast_views.connections_2 ();`,
      ["projection.rebuild"],
      { view: "connections", build: 2, version: ConnectionsView.version },
    ],
    [
      "an event that was passed over",
      `INSERT INTO holdfast.dead_letters VALUES ('connections', 1, 1, 'acme', 'connection-x', 'connected', 'parked', 'TypeError', 1)`,
      ["dead-letters.waiting"],
      { view: "connections", build: 1, state: "parked", letters: 1 },
    ],
    [
      "an application that may write to the log",
      `GRANT INSERT ON holdfast.events TO holdfast_app`,
      ["rights.append-only"],
      { role: "holdfast_app", right: "INSERT", table: "events" },
    ],
    [
      "a table whose owner sees all tenants",
      `ALTER TABLE holdfast.claims NO FORCE ROW LEVEL SECURITY`,
      ["rights.row-security"],
      { table: "holdfast.claims" },
    ],
    [
      "a sequence of positions that was left behind",
      `ALTER TABLE holdfast.events ALTER COLUMN position RESTART WITH 2`,
      ["head.behind", ...Cli.projections.map(() => "projection.ahead")],
      { events: 4, drawn: 0 },
    ],
    [
      "a sequence that hands out positions in bulk",
      `ALTER SEQUENCE holdfast.events_position_seq CACHE 10`,
      ["rights.sequence"],
    ],
  ]

  for (const [what, statement, codes, about] of disagreements) {
    it.live(`finds ${what}, and nothing else`, () =>
      onPostgres(
        Effect.gen(function* () {
          for (const one of statement.split(";").filter((one) => one !== "")) yield* plant(one)
          const findings = bad(yield* examine)
          assert.deepStrictEqual(
            findings.map(({ code }) => code),
            codes,
          )
          if (about !== undefined) assert.deepInclude(findings[0]?.samples[0] ?? {}, about)
          assert.isTrue(findings.every(({ advice }) => advice !== undefined && advice.length > 10))
        }),
      ),
    )
  }

  it.live("finds keys of streams that never came to be, and does not worry about them", () =>
    onPostgres(
      Effect.gen(function* () {
        yield* plant(`INSERT INTO holdfast.subject_keys VALUES ('acme', 'connection-x', 'test', 'x', NULL)`)
        const orphaned = yield* find("keys.orphaned")
        assert.deepStrictEqual([orphaned?.severity, orphaned?.numbers], ["ok", { keys: 1 }])
        assert.deepStrictEqual(yield* found, [])
      }),
    ),
  )

  it.live("finds the credentials of a connection that ended", () =>
    onPostgres(
      Effect.gen(function* () {
        yield* disconnect(umbrella, ids.grace)
        const kept = yield* find("credentials.kept")
        assert.deepStrictEqual(kept?.samples, [
          { tenant: umbrella, connection: ids.grace, status: "disconnected", vault: 1 },
        ])
      }),
    ),
  )

  it.live("finds that every event is gone", () =>
    onPostgres(
      Effect.gen(function* () {
        yield* plant(`DELETE FROM holdfast.events`)
        assert.strictEqual((yield* find("identity.loss"))?.severity, "error")
      }),
    ),
  )

  it.live("names the transaction that holds the head back", () =>
    onPostgres(
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const finding = yield* sql.withTransaction(
          Effect.gen(function* () {
            const [own] = yield* sql<{ pid: number }>`SELECT pg_backend_pid() AS pid, pg_sleep(0.01)`
            yield* sql`SELECT outcome FROM holdfast.append('acme', '{}'::jsonb, 'feed-x', -1, gen_random_uuid(), 'kept', 1::smallint, '{}'::jsonb, NULL)`
            const [, held] = yield* Effect.all([Effect.void, find("head")])
            return { own, held }
          }),
        )
        assert.deepInclude(finding.held?.numbers ?? {}, { head: 4, last: 5 })
        assert.include(finding.held?.what ?? "", "Readers wait at position 4 of 5 for 1 transaction")
      }),
    ),
  )

  it("warns of a transaction that holds the head back for long, by its process", () => {
    const holder = { pid: 4711, application: "importer", state: "idle in transaction", prepared: null, seconds: 300 }
    const young = { ...holder, pid: 4712, seconds: 1 }
    const warned = Doctor.headFinding({ head: 10, last: 12 }, [holder, young])
    assert.deepInclude(warned, { code: "head.held-back", severity: "warning", samples: [holder, young] })
    assert.include(warned.what, "for 2 transactions that appended, the oldest 5 minutes old")
    assert.include(warned.advice ?? "", "pg_terminate_backend(4711)")
    assert.strictEqual(Doctor.headFinding({ head: 10, last: 12 }, [young]).severity, "ok")
  })

  it.live("names a prepared transaction that holds the head back, and how to end it", () =>
    Effect.gen(function* () {
      const server = yield* EmbeddedPostgres.start({ fsync: false, settings: { max_prepared_transactions: "1" } })
      const admin = PgClient.layer({ url: server.url })
      yield* Effect.gen(function* () {
        yield* Migrations.migrate()
        const sql = yield* PgClient.PgClient
        const append = sql`SELECT outcome FROM holdfast.append('acme', '{}'::jsonb, 'feed-x', -1, gen_random_uuid(), 'kept', 1::smallint, '{}'::jsonb, NULL)`
        yield* sql.withTransaction(Effect.andThen(append, sql`PREPARE TRANSACTION 'Ada''s'`.unprepared))
        const held = yield* Doctor.holders
        assert.deepStrictEqual(
          held.map(({ pid, prepared }) => [pid, prepared]),
          [[null, "Ada's"]],
        )
        const overdue = held.map((holder) => Object.assign({}, holder, { seconds: 300 }))
        const warned = Doctor.headFinding({ head: 0, last: 1 }, overdue)
        assert.deepInclude(warned, { code: "head.held-back", severity: "warning" })
        assert.include(warned.advice ?? "", "ROLLBACK PREPARED 'Ada''s'")
        yield* sql.unsafe("ROLLBACK PREPARED 'Ada''s'").unprepared
        assert.deepStrictEqual(yield* Doctor.holders, [])
      }).pipe(Effect.provide(admin))
    }).pipe(Effect.scoped),
  )

  it.live("finds a key that two streams have a right to, and leaves it to its holder", () =>
    onPostgres(
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const claims = sql`SELECT tenant_id, key, holder FROM holdfast.claims ORDER BY tenant_id, key`
        const before = yield* claims
        yield* plant(
          `DELETE FROM holdfast.events WHERE stream_id = '${connection(ids.adaOld)}' AND type = 'superseded'`,
        )
        const contested = yield* find("claims.contested")
        assert.deepInclude(contested?.samples[0] ?? {}, { key: "slot:gmail:ada", holder: connection(ids.ada) })
        assert.deepStrictEqual(yield* Doctor.repairClaims({}), { added: 0, moved: 0, removed: 0 })
        assert.deepStrictEqual(yield* claims, before)
      }),
    ),
  )

  it.live("mends claims from the events: what is missing, misheld and orphaned", () =>
    onPostgres(
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const claims = sql`SELECT tenant_id, key, holder FROM holdfast.claims ORDER BY tenant_id, key`
        const before = yield* claims
        yield* plant(`DELETE FROM holdfast.claims WHERE key = 'slot:gmail:grace'`)
        yield* plant(`UPDATE holdfast.claims SET holder = '${connection(ids.adaOld)}' WHERE key = 'slot:gmail:ada'`)
        yield* plant(
          `INSERT INTO holdfast.claims VALUES ('acme', 'slot:left', 'connection-x'), ('acme', 'lock', 'hosts-own')`,
        )
        assert.deepStrictEqual(yield* Doctor.repairClaims({}), { added: 1, moved: 1, removed: 1 })
        yield* plant(`DELETE FROM holdfast.claims WHERE holder = 'hosts-own'`)
        assert.deepStrictEqual(yield* claims, before)
        assert.deepStrictEqual(yield* found, [])
        assert.deepStrictEqual(yield* Doctor.repairClaims({}), { added: 0, moved: 0, removed: 0 })
      }),
    ),
  )

  it.live("mends claims in PGlite too", () =>
    onPglite(
      Effect.gen(function* () {
        yield* plant(`DELETE FROM holdfast.claims WHERE key = 'slot:gmail:grace'`)
        assert.deepStrictEqual(yield* found, ["claims.missing"])
        assert.deepStrictEqual(yield* Doctor.repairClaims({}), { added: 1, moved: 0, removed: 0 })
        assert.deepStrictEqual(yield* found, [])
      }),
    ),
  )
})

const disconnect = Effect.fnUntraced(function* (tenantId: Ids.TenantId, id: Ids.ConnectionId) {
  const at = yield* DateTime.now
  yield* Aggregate.handle(Connection)(
    tenantId,
    id,
    { _tag: "Disconnect", at, reason: "host" },
    {
      metadata: { actor: Ids.system },
    },
  )
})
