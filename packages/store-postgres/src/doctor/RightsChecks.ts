/**
 * Whether this is a store that lost its events, and whether anybody may do more to it than they should.
 */
import { PgClient } from "@effect/sql-pg"
import { Effect, Option } from "effect"

import { RunnerSql } from "../RunnerSql.ts"
import * as StoreIdentity from "../StoreIdentity.ts"
import { finding } from "./Finding.ts"

export const identity = Effect.gen(function* () {
  const sql = yield* RunnerSql
  const asRunner = Effect.provideService(PgClient.PgClient, sql)
  const loss = yield* asRunner(StoreIdentity.findLoss)
  const store = yield* asRunner(StoreIdentity.read)
  const advice = "Stop all writers, find out what happened to the database, and restore it from a backup."
  return [
    ...Option.toArray(store).map(({ createdAt, id }) =>
      finding("identity", "ok", `Store ${id}, since ${createdAt.toISOString().slice(0, 10)}`, {
        samples: [{ store: id, createdAt: createdAt.toISOString() }],
      }),
    ),
    ...(loss === "certain"
      ? [
          finding(
            "identity.loss",
            "error",
            "There are no events, but claims and commands that were written with events",
            { advice },
          ),
        ]
      : []),
    ...(loss === "possible"
      ? [
          finding(
            "identity.loss",
            "warning",
            "There are no events, but positions were drawn: an append was rolled back, or events are gone",
            {
              advice: "If events were ever appended here, stop all writers and restore a backup.",
            },
          ),
        ]
      : []),
  ]
})

export const rights = Effect.gen(function* () {
  const sql = (yield* PgClient.PgClient).withoutTransforms()
  const grants = yield* sql<{ role: string; right: string; table: string }>`
    SELECT role, "right", "table"
    FROM unnest(ARRAY['holdfast_app', 'holdfast_runner']) AS role,
      unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) AS "right",
      unnest(ARRAY['events', 'claims', 'commands']) AS "table"
    WHERE has_table_privilege(role, 'holdfast.' || "table", "right")`
  const open = yield* sql<{ table: string }>`
    SELECT c.oid::regclass::text AS "table" FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace IN ('holdfast'::regnamespace, 'holdfast_views'::regnamespace) AND c.relkind IN ('r', 'p')
      AND a.attname = 'tenant_id' AND NOT (c.relrowsecurity AND c.relforcerowsecurity) ORDER BY 1`
  const views = yield* sql<{ table: string }>`
    SELECT c.oid::regclass::text AS "table" FROM pg_class c
    WHERE c.relnamespace = 'holdfast'::regnamespace AND c.relkind = 'v'
      AND NOT coalesce(c.reloptions @> ARRAY['security_invoker=true'], false) ORDER BY 1`
  const roles = yield* sql<{ role: string }>`
    SELECT rolname AS role FROM pg_roles
    WHERE rolname IN ('holdfast_app', 'holdfast_runner', 'holdfast_owner') AND (rolsuper OR rolbypassrls)
    UNION SELECT 'holdfast_app' WHERE pg_has_role('holdfast_app', 'holdfast_owner', 'MEMBER')
      OR pg_has_role('holdfast_app', 'holdfast_runner', 'MEMBER')`
  const [sequence] = yield* sql<{ cache: number; increment: number; cycles: boolean }>`
    SELECT seqcache::int AS cache, seqincrement::int AS increment, seqcycle AS cycles FROM pg_sequence
    WHERE seqrelid = 'holdfast.events_position_seq'::regclass`
  const unordered = sequence?.cache !== 1 || sequence.increment < 1 || sequence.cycles

  const bad = [
    ...(grants.length > 0
      ? [
          finding("rights.append-only", "error", "The log can be changed otherwise than by appending to it", {
            numbers: { grants: grants.length },
            samples: grants,
            advice: "Take the rights back: REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON holdfast.<table> FROM <role>",
          }),
        ]
      : []),
    ...(open.length + views.length > 0
      ? [
          finding("rights.row-security", "error", "Tenants can see or change each other's rows", {
            numbers: { tables: open.length, views: views.length },
            samples: [...open, ...views],
            advice:
              "ALTER TABLE <table> ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; ALTER VIEW <view> SET (security_invoker = true)",
          }),
        ]
      : []),
    ...(roles.length > 0
      ? [
          finding(
            "rights.roles",
            "error",
            "Roles may do more than they should: row-level security does not bind them",
            {
              numbers: { roles: roles.length },
              samples: roles,
              advice:
                "ALTER ROLE <role> NOSUPERUSER NOBYPASSRLS, and REVOKE holdfast_owner, holdfast_runner FROM holdfast_app",
            },
          ),
        ]
      : []),
    ...(unordered
      ? [
          finding("rights.sequence", "error", "Positions are not drawn one by one: readers may skip events", {
            numbers: { cache: sequence?.cache ?? 0, increment: sequence?.increment ?? 0 },
            advice:
              "ALTER SEQUENCE holdfast.events_position_seq INCREMENT 1 CACHE 1 NO CYCLE, then restart all writers.",
          }),
        ]
      : []),
  ]
  return bad.length > 0 ? bad : [finding("rights", "ok", "The log is append-only, and tenants are kept apart")]
})
