import { createHash } from "node:crypto"

import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Layer, Redacted, type Scope, Stream } from "effect"
import { inject } from "vitest"

import * as Database from "../src/Database.ts"
import { RunnerSql } from "../src/RunnerSql.ts"
import { TestDatabase } from "../src/testing/index.ts"
import * as Transfer from "../src/Transfer.ts"

const adminUrl = Redacted.make(inject("adminUrl"))

type Store = Layer.Layer<Database.Database, unknown>

const stores: ReadonlyArray<readonly [name: string, make: Effect.Effect<Store, unknown, Scope.Scope>]> = [
  ["PGlite", Effect.sync(() => Database.layerPglite())],
  ["PostgreSQL", Effect.map(TestDatabase.freshDatabase(adminUrl), (url) => Database.layerPostgres({ url }))],
]

describe.each(stores)("Transfer on %s", (_, make) => {
  it.live("brings a log over whole: equal events, sealed bytes, claims, commands and keys; and appends go on", () =>
    Effect.gen(function* () {
      const exported = yield* inStore(yield* make, Effect.andThen(fill(5_000), exportAll))
      assert.strictEqual(exported.length, 5_000 + 5 + 2)

      yield* inStore(
        yield* make,
        Effect.gen(function* () {
          const result = yield* Transfer.importLog(Stream.fromArray(exported))
          assert.deepStrictEqual([result.events, result.position], [5_000, 5_000n])
          assert.deepStrictEqual(bodyOf(yield* exportAll), bodyOf(exported))

          const sql = yield* RunnerSql
          const app = yield* PgClient.PgClient
          assert.deepStrictEqual(yield* sql`SELECT * FROM holdfast.head()`, [{ head: 5_000n, last: 5_000n }])
          assert.deepStrictEqual(
            yield* app`
              SELECT outcome, position, versions FROM holdfast.append(
                'tenant-1', '{}'::jsonb, 'connection-1', 100, gen_random_uuid(), 'synced', 1::smallint, '{}'::jsonb, NULL)`,
            [{ outcome: "appended", position: 5_001n, versions: [101] }],
          )
          assert.deepStrictEqual(
            yield* sql`SELECT relname FROM pg_class WHERE relnamespace = 'holdfast'::regnamespace
              AND relname IN ('events', 'claims', 'commands', 'subject_keys') AND NOT relforcerowsecurity`,
            [],
            "row-level security is forced again",
          )
          assert.deepStrictEqual(
            yield* Effect.flip(Transfer.importLog(Stream.fromArray(exported))),
            new Transfer.StoreNotEmpty(),
          )
        }),
      )
    }),
  )

  it.live(
    "leaves nothing of a log that is cut off, changed, reordered or malformed, and then takes the right one",
    () =>
      Effect.gen(function* () {
        const exported = yield* inStore(yield* make, Effect.andThen(fill(20), exportAll))
        const damaged: ReadonlyArray<readonly [lines: ReadonlyArray<string>, line: number, problem: string]> = [
          [[], 1, "cut off"],
          [exported.slice(1), 1, "header"],
          [exported.slice(0, -1), exported.length, "cut off"],
          [exported.toSpliced(7, 1), exported.length - 1, "counts differ"],
          [
            exported.with(7, exported[7]?.replace('"type":"synced"', '"type":"syncer"') ?? ""),
            exported.length,
            "digest differs",
          ],
          [exported.with(7, '{"kind":"event","secret'), 8, "neither an event"],
          [exported.with(7, exported[7]?.replace('"version":', '"version":-') ?? ""), 8, "not a valid event"],
          [exported.with(7, exported[7]?.replace('"synced"', String.raw`"syn\nced"`) ?? ""), 8, "not a valid event"],
          [
            signed(exported.with(7, exported[7]?.replace(/"sealed":"[^"]*"|\}$/, sealedOddly) ?? "")),
            2,
            "PostgreSQL refused it",
          ],
          [exported.with(7, exported[6] ?? ""), 8, "position"],
          [[...exported, exported[7] ?? ""], exported.length + 1, "after the footer"],
          [signed(exported.with(7, exported[7]?.replace('"note"', '"no\\u0000te"') ?? "")), 2, "PostgreSQL refused it"],
          [signed(exported.with(22, exported[22]?.replace('"key"', '"yek"') ?? "")), 22, "PostgreSQL refused it"],
          [
            signed(exported.with(7, exported[7]?.replace(/"version":\d+/, '"version":2147483648') ?? "")),
            8,
            "not a valid event",
          ],
          [
            signed(exported.with(7, (exported[6] ?? "").replace(/"position":"\d+"/, '"position":"7"'))),
            1,
            "there twice",
          ],
        ]
        yield* inStore(
          yield* make,
          Effect.gen(function* () {
            for (const [lines, line, problem] of damaged) {
              const refusal = yield* Effect.flip(Transfer.importLog(Stream.fromArray(lines)))
              assert.instanceOf(refusal, Transfer.MalformedTransfer)
              assert.deepStrictEqual([refusal.line, refusal.problem.includes(problem)], [line, true], refusal.message)
              assert.notInclude(refusal.message, "secret")
            }
            const { events } = yield* Transfer.importLog(Stream.fromArray(exported))
            assert.strictEqual(events, 20)
          }),
        )
      }),
  )
})

describe("Transfer", () => {
  it.live("takes a line in whatever way its JSON is written, and keeps all digits of a number as we write it", () =>
    Effect.gen(function* () {
      const make = Effect.map(TestDatabase.freshDatabase(adminUrl), (url) => Database.layerPostgres({ url }))
      const exported = yield* inStore(yield* make, Effect.andThen(fill(20), exportAll))
      const rewritten = exported.map((line, index) =>
        index === 0 || index === exported.length - 1
          ? line
          : JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(line)).toReversed()), null, 1).replaceAll(
              "\n",
              " ",
            ),
      )
      const precise = exported.with(7, exported[7]?.replace(/"cursor": \d+/, '"cursor": 12345678901234567890.5') ?? "")
      for (const [lines, expected] of [
        [rewritten, exported],
        [precise, precise],
      ] as const) {
        const imported = Effect.andThen(Transfer.importLog(Stream.fromArray(signed(lines))), exportAll)
        assert.deepStrictEqual(bodyOf(yield* inStore(yield* make, imported)), bodyOf(expected))
      }
    }),
  )

  it.live("exports one moment, whatever is appended meanwhile", () =>
    Effect.gen(function* () {
      const url = yield* TestDatabase.freshDatabase(adminUrl)
      const lines = yield* inStore(
        Database.layerPostgres({ url }),
        Effect.gen(function* () {
          yield* fill(3_000)
          const sql = yield* PgClient.PgClient
          const append = sql`
            SELECT FROM holdfast.append('tenant-9', '{}'::jsonb, 'connection-9', -1, gen_random_uuid(), 'synced',
              1::smallint, '{}'::jsonb, NULL)`
          return yield* Stream.runCollect(Stream.tap(Stream.take(Transfer.exportLog, 500), () => append)).pipe(
            Effect.andThen(Stream.runCollect(Stream.mapEffect(Transfer.exportLog, (line) => Effect.as(append, line)))),
          )
        }),
      )
      assert.strictEqual(lines.length, 3_000 + 500 + 5 + 2)
    }),
  )
})

const inStore = <A, E>(layer: Store, effect: Effect.Effect<A, E, Database.Database>) =>
  Effect.provide(effect, layer, { local: true })

const exportAll = Stream.runCollect(Transfer.exportLog)

/** Base64 that is none: of the right characters, too few. */
const sealedOddly = (found: string) => (found === "}" ? `,"sealed":"A"}` : `"sealed":"A"`)

/** All but the header, which has the store's own name and the time, and the digest over it. */
const bodyOf = (lines: ReadonlyArray<string>) => lines.slice(1, -1)

/** With a digest that is right for what the lines have become. */
const signed = (lines: ReadonlyArray<string>) => {
  const digest = createHash("sha256").update(
    lines
      .slice(0, -1)
      .map((line) => `${line}\n`)
      .join(""),
  )
  return [...lines.slice(0, -1), lines.at(-1)?.replace(/[0-9a-f]{64}/, digest.digest("hex")) ?? ""]
}

/** Events of seven tenants, some sealed, with two claims, a command, a key and a destroyed one. */
const fill = (events: number) =>
  Effect.gen(function* () {
    const sql = yield* PgClient.PgClient
    yield* sql.withTransaction(
      Effect.gen(function* () {
        // The application may not insert by hand.
        yield* sql`SELECT set_config('role', session_user, true)`
        yield* sql`
          INSERT INTO holdfast.events (tenant_id, stream_id, version, event_id, type, schema_version, data, metadata, sealed)
          SELECT 'tenant-' || (g % 50 % 7), 'connection-' || (g % 50), g / 50 + 1, gen_random_uuid(), 'synced', 1,
            jsonb_build_object('note', repeat('ä"', 20), 'cursor', g), '{"actor": {"kind": "system"}}',
            CASE WHEN g % 3 = 0 THEN decode(repeat(md5(g::text), g % 40), 'hex') END
          FROM generate_series(0, ${events - 1}::int) AS g`
        yield* sql`
          INSERT INTO holdfast.claims (tenant_id, key, holder)
          VALUES ('tenant-1', 'slot', 'connection-1'), ('tenant-2', 'slot', 'connection-2')`
        yield* sql`
          INSERT INTO holdfast.commands (tenant_id, key, fingerprint, position, versions)
          VALUES ('tenant-1', 'once', 'f', 2, '{1}')`
        yield* sql`
          INSERT INTO holdfast.subject_keys (tenant_id, subject, master_key_id, wrapped, destroyed_at)
          VALUES ('tenant-1', 'connection-1', 'k1', '\\x00ff7f', NULL), ('tenant-2', 'connection-2', NULL, NULL, now())`
      }),
    )
  })
