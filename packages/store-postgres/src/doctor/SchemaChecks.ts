/**
 * The server, and how far the schema has come.
 */
import { PgClient } from "@effect/sql-pg"
import { Effect } from "effect"

import * as Migrations from "../Migrations.ts"
import { count, finding } from "./Finding.ts"

export const schema = Effect.gen(function* () {
  const sql = (yield* PgClient.PgClient).withoutTransforms()
  const [server] = yield* sql<{ number: number; version: string }>`
    SELECT current_setting('server_version_num')::int AS number, current_setting('server_version') AS version`
  const major = Math.trunc((server?.number ?? 0) / 10_000)
  const { applied, changed, pending, unknown } = yield* Migrations.status()
  const numbers = { applied: applied.length, pending: pending.length }
  const named = (migrations: ReadonlyArray<{ readonly number: number; readonly name: string }>) =>
    migrations.map(({ name, number }) => ({ number, name }))

  return [
    major < 15
      ? finding("server.old", "error", `The server is PostgreSQL ${server?.version ?? "?"}; 15 or later is needed`, {
          numbers: { major },
          advice: "Move the database to a newer server.",
        })
      : finding("server", "ok", `PostgreSQL ${server?.version ?? "?"}`, { numbers: { major } }),
    ...(unknown.length > 0
      ? [
          finding("schema.unknown", "error", `${count(unknown.length, "migration")} of a newer version`, {
            numbers: { ...numbers, unknown: unknown.length },
            samples: named(unknown),
            advice: "Run the version of the program that made them, or a later one.",
          }),
        ]
      : []),
    ...(changed.length > 0
      ? [
          finding("schema.changed", "error", `${count(changed.length, "migration")} applied with other statements`, {
            numbers: { ...numbers, changed: changed.length },
            samples: named(changed),
            advice:
              "Run a released version. A database of an unreleased one has to be exported with that and imported.",
          }),
        ]
      : []),
    ...(pending.length > 0
      ? [
          finding("schema.pending", "error", `${count(pending.length, "migration")} still to be applied`, {
            numbers,
            samples: named(pending),
            advice: "Run: holdfast migrate",
          }),
        ]
      : []),
    ...(unknown.length + changed.length + pending.length === 0
      ? [finding("schema", "ok", `All ${applied.length} migrations are applied`, { numbers })]
      : []),
  ]
})
