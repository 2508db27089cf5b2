/**
 * Looks a store over and says what is wrong with it, and what to do about each thing.
 *
 * Everything that the store keeps twice is compared: claims with the events that they follow from, views with streams,
 * keys and credentials with what they belong to. Nothing is changed, except by {@link repairClaims}. Appends may go on
 * meanwhile: whatever looks wrong is looked at again in one snapshot before it is said to be. Memory stays at a page.
 */
import { PgClient } from "@effect/sql-pg"
import { type Projection } from "@holdfast/domain"
import { DateTime, Effect, Option } from "effect"
import { SqlError } from "effect/sql"

import * as Migrations from "./Migrations.ts"
import { fenceNamespace } from "./migrations/0001_log.ts"
import { RunnerSql } from "./RunnerSql.ts"
import * as StoreIdentity from "./StoreIdentity.ts"
import * as StreamAudit from "./StreamAudit.ts"
import { unavailable } from "./Unavailable.ts"

export type Severity = "ok" | "warning" | "error"

/** What one check found: good or bad. */
export interface Finding {
  /** Stable: `claims.missing`. What is before the dot is the check. */
  readonly code: string
  readonly severity: Severity
  /** A sentence or two for people. No personal data. */
  readonly what: string
  readonly numbers: Readonly<Record<string, number>>
  /** Some of the things that it is about, by their ids. */
  readonly samples: ReadonlyArray<Readonly<Record<string, string | number | null>>>
  /** What to do about it. */
  readonly advice?: string | undefined
}

export interface Options {
  /** The views that should be there. */
  readonly projections: ReadonlyArray<Projection.View>
  /** Called now and then, with the number of events that were read. */
  readonly onProgress?: ((events: number) => Effect.Effect<void>) | undefined
}

/** When time makes something worth a warning. */
export const patience = {
  /** Seconds that a transaction may hold back the head. */
  holdingBack: 10,
  /** Seconds that a view may be behind the log. */
  lag: 60,
  /** Seconds that a rebuild may stand still. */
  rebuild: 3_600,
  /** Seconds that a lease may be held for. */
  lease: 3_600,
  /** Seconds that a delivery may wait for its connection. */
  parked: 86_400,
  /** Seconds that credentials may wait for their connection. */
  credentials: 3_600,
  /** Seconds that a connection may wait for its consent. */
  pending: 7 * 86_400,
} as const

export const worst = (findings: ReadonlyArray<Finding>): Severity =>
  findings.some(({ severity }) => severity === "error")
    ? "error"
    : findings.some(({ severity }) => severity === "warning")
      ? "warning"
      : "ok"

/**
 * The schema and the server. The other checks need a schema that is as this version of the program knows it.
 *
 * The client is a login of its own.
 */
export const examineSchema = Effect.fn("Doctor.examineSchema")(function* () {
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
}, mapUnavailable)

/**
 * Everything else, on a store whose schema is all right. The client of the context is a login of its own, which sees
 * what its other sessions are doing.
 */
export const examine = Effect.fn("Doctor.examine")(function* ({
  onProgress = () => Effect.void,
  projections,
}: Options) {
  const checks = [
    identity,
    rights,
    head,
    views(projections),
    orphanedRows(projections),
    deadLetters,
    leases,
    inbox,
    logGaps,
    keys,
    credentials,
    streams(onProgress),
  ]
  const findings = yield* Effect.forEach(checks, (check) => check)
  return findings.flat()
}, mapUnavailable)

/** What {@link repairClaims} did. */
export interface Repaired {
  readonly added: number
  readonly moved: number
  readonly removed: number
}

/**
 * Makes the claims what the events say they are. Each is put right under the locks that appends take, after another
 * look at the streams; a key that two streams have a right to is left to its holder, and streams that are not whole
 * decide nothing.
 */
export const repairClaims = Effect.fn("Doctor.repairClaims")(function* ({
  onProgress = () => Effect.void,
}: Pick<Options, "onProgress">) {
  const loss = yield* Effect.provideService(StoreIdentity.findLoss, PgClient.PgClient, yield* RunnerSql)
  // Claims that outlived their events are what is left of them.
  if (loss !== "none") return { added: 0, moved: 0, removed: 0 }
  const { claims } = yield* scan(onProgress)
  const repaired = { added: 0, moved: 0, removed: 0 }
  for (const wrong of claims) {
    const what = yield* StreamAudit.repair(wrong)
    if (what !== undefined) repaired[what]++
  }
  return repaired satisfies Repaired
}, mapUnavailable)

const identity = Effect.gen(function* () {
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

const rights = Effect.gen(function* () {
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

const head = Effect.gen(function* () {
  const sql = (yield* PgClient.PgClient).withoutTransforms()
  const runner = (yield* RunnerSql).withoutTransforms()
  const [fence] = yield* runner<{ head: bigint; last: bigint }>`SELECT head, last FROM holdfast.head()`
  const numbers = { head: Number(fence?.head ?? 0n), last: Number(fence?.last ?? 0n) }
  if (numbers.head === numbers.last) return [headFinding(numbers, [])]
  const holders = yield* sql<Holder>`
    SELECT l.pid, coalesce(a.application_name, '') AS application, a.state,
      round(coalesce(extract(epoch FROM clock_timestamp() - a.xact_start), 0))::int AS seconds
    FROM pg_locks l LEFT JOIN pg_stat_activity a USING (pid)
    WHERE l.locktype = 'advisory' AND l.classid = ${fenceNamespace} AND l.objsubid = 2 AND l.granted
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    ORDER BY seconds DESC, l.pid`
  return [headFinding(numbers, holders)]
})

/** A transaction that has appended and not ended. */
export interface Holder {
  readonly pid: number
  readonly application: string
  readonly state: string | null
  /** Since it began. */
  readonly seconds: number
}

/** What is to be said of a head and of those who hold it back, the oldest first. */
export const headFinding = (
  numbers: { readonly head: number; readonly last: number },
  holders: ReadonlyArray<Holder>,
): Finding => {
  if (numbers.head === numbers.last) {
    return finding("head", "ok", `The head is at position ${numeral(numbers.head)}`, { numbers })
  }
  const [oldest] = holders
  const who = `${count(holders.length, "transaction")} that appended${oldest === undefined ? "" : `, the oldest ${duration(oldest.seconds)} old`}`
  const what = `Readers wait at position ${numeral(numbers.head)} of ${numeral(numbers.last)} for ${who}`
  if (oldest === undefined || oldest.seconds < patience.holdingBack) return finding("head", "ok", what, { numbers })
  return finding("head.held-back", "warning", what, {
    numbers: { ...numbers, holders: holders.length, seconds: oldest.seconds },
    samples: holders.map(({ application, pid, seconds, state }) => ({ pid, application, state, seconds })),
    advice: `Let it commit or roll back. If it hangs: SELECT pg_terminate_backend(${oldest.pid})`,
  })
}

interface StoredBuild {
  readonly view: string
  readonly number: number
  readonly version: number
  readonly state: "building" | "live" | "retired"
  readonly position: bigint
  readonly paused: string | null
  readonly idle: number
  readonly table: boolean
}

const views = (projections: ReadonlyArray<Projection.View>) =>
  Effect.gen(function* () {
    const sql = (yield* RunnerSql).withoutTransforms()
    const builds = yield* sql<StoredBuild>`
      SELECT view, number, version, state, position, paused,
        round(extract(epoch FROM clock_timestamp() - coalesce(advanced_at, created_at)))::int AS idle,
        to_regclass('holdfast_views.' || quote_ident(view || '_' || number)) IS NOT NULL AS "table"
      FROM holdfast.builds ORDER BY view, number DESC`
    const strays = yield* sql<{ table: string }>`
      SELECT relname AS "table" FROM pg_class c
      WHERE relnamespace = 'holdfast_views'::regnamespace AND relkind = 'r'
        AND NOT EXISTS (SELECT FROM holdfast.builds WHERE view || '_' || number = c.relname) ORDER BY 1`
    const [fence] = yield* sql<{ head: bigint }>`SELECT head FROM holdfast.head()`
    const at = fence?.head ?? 0n

    const defined = new Map(projections.map((projection) => [projection.name, projection.version]))
    const names = new Set([...defined.keys(), ...builds.map(({ view }) => view)])
    const perView = yield* Effect.forEach([...names].toSorted(), (name) =>
      examineView(
        name,
        defined.get(name),
        builds.filter(({ view }) => view === name),
        at,
      ),
    )

    const lost = builds.filter(({ table }) => !table)
    return [
      ...perView.flat(),
      ...(lost.length + strays.length === 0
        ? []
        : [
            finding("views.tables", "error", "Builds and their tables do not agree", {
              numbers: { buildsWithoutTable: lost.length, tablesWithoutBuild: strays.length },
              samples: [
                ...lost.map(({ number, state, view }) => ({ view, build: number, state })),
                ...strays.map(({ table }) => ({ table: `holdfast_views.${table}` })),
              ],
              advice: "Run: holdfast rebuild <view>. A table without a build can be dropped.",
            }),
          ]),
    ]
  })

const examineView = Effect.fnUntraced(function* (
  name: string,
  version: number | undefined,
  builds: ReadonlyArray<StoredBuild>,
  at: bigint,
) {
  const live = builds.find(({ state }) => state === "live")
  const building = builds.find(({ state }) => state === "building")
  const findings: Array<Finding> = []
  const advise = `Run: holdfast rebuild ${name}`

  if (live === undefined) {
    findings.push(
      at === 0n
        ? finding("projection", "ok", `${name} is not begun: there is nothing to read yet`, {
            samples: [{ view: name }],
          })
        : finding("projection.missing", "warning", `${name}: no build of the view is live`, {
            samples: [{ view: name }],
            advice: `Start a host that runs it, or run: holdfast rebuild ${name}`,
          }),
    )
  } else {
    const lag = yield* lagOf(live, at)
    const numbers = { position: Number(live.position), behind: Math.max(0, lag.positions), seconds: lag.seconds }
    const sample = { samples: [{ view: name, build: live.number, version: live.version }] }
    const behind = `${count(numbers.behind, "position")} and ${duration(lag.seconds)} behind`
    if (live.paused !== null) {
      findings.push(
        finding("projection.paused", "error", `${name} is paused, ${behind}: ${live.paused}`, {
          ...sample,
          numbers,
          advice: `Mend the projection, then run: holdfast retry ${name}`,
        }),
      )
    } else if (lag.positions < 0) {
      findings.push(
        finding("projection.ahead", "error", `${name} has come further than the log: events are gone`, {
          ...sample,
          numbers,
          advice: `Find out why the log is shorter than it was. Then run: holdfast rebuild ${name}`,
        }),
      )
    } else if (version !== undefined && version !== live.version) {
      const [severity, advice] =
        version > live.version
          ? (["warning", advise] as const)
          : (["warning", "Run the newer version of the program."] as const)
      findings.push(
        finding(
          "projection.version",
          severity,
          `${name} is live in version ${live.version}, and this program has version ${version}`,
          {
            ...sample,
            numbers,
            advice,
          },
        ),
      )
    } else if (lag.seconds > patience.lag) {
      findings.push(
        finding("projection.lag", "warning", `${name} is ${behind}`, {
          ...sample,
          numbers,
          advice: "See that a host runs this projection, and what it logs.",
        }),
      )
    } else {
      const where = numbers.behind === 0 ? "at the head" : behind
      const known = version === undefined ? " (not a view of this program)" : ""
      findings.push(finding("projection", "ok", `${name} is ${where}${known}`, { ...sample, numbers }))
    }
  }

  if (building !== undefined && building.idle > patience.rebuild) {
    findings.push(
      finding("projection.rebuild", "warning", `${name}: a rebuild has not moved for ${duration(building.idle)}`, {
        numbers: { position: Number(building.position), seconds: building.idle },
        samples: [{ view: name, build: building.number, version: building.version }],
        advice: `${advise}. It goes on where it stopped.`,
      }),
    )
  }
  return findings
})

const lagOf = Effect.fnUntraced(function* ({ position }: StoredBuild, at: bigint) {
  const sql = (yield* RunnerSql).withoutTransforms()
  const [next] = yield* sql<{ seconds: number }>`
    SELECT round(extract(epoch FROM clock_timestamp() - recorded_at))::int AS seconds FROM holdfast.events
    WHERE position > ${position} AND position <= ${at} ORDER BY position LIMIT 1`
  return { positions: Number(at - position), seconds: Math.max(0, next?.seconds ?? 0) }
})

/** Rows about connections that no event tells of. */
const orphanedRows = (projections: ReadonlyArray<Projection.View>) =>
  Effect.gen(function* () {
    const sql = (yield* RunnerSql).withoutTransforms()
    const about = projections.filter(({ columns }) => columns["connection_id"] === "uuid")
    const found = yield* Effect.forEach(about, ({ name }) =>
      Effect.gen(function* () {
        const [there] = yield* sql<{ there: boolean }>`SELECT to_regclass(${`holdfast.${name}`}) IS NOT NULL AS there`
        if (there?.there !== true) return []
        const rows = yield* sql<{ tenant: string; connection: string; total: number }>`
          SELECT tenant_id AS tenant, connection_id::text AS connection, count(*) OVER ()::int AS total
          FROM ${sql(`holdfast.${name}`)} v
          WHERE NOT EXISTS (
            SELECT FROM holdfast.events e
            WHERE e.tenant_id = v.tenant_id AND e.stream_id = 'connection-' || v.connection_id)
          LIMIT ${sampled}`
        return rows.length === 0
          ? []
          : [
              finding(
                "views.orphaned",
                "error",
                `${count(rows[0]?.total ?? 0, "row")} of ${name} about connections that no event tells of`,
                {
                  numbers: { rows: rows[0]?.total ?? 0 },
                  samples: rows.map(({ connection, tenant }) => ({ view: name, tenant, connection })),
                  advice: `Run: holdfast rebuild ${name}`,
                },
              ),
            ]
      }),
    )
    return found.flat()
  })

const deadLetters = Effect.gen(function* () {
  const sql = (yield* RunnerSql).withoutTransforms()
  const rows = yield* sql<{ view: string; build: number; state: string; n: number }>`
    SELECT d.view, d.build, d.state, count(*)::int AS n FROM holdfast.dead_letters d
    JOIN holdfast.builds b ON b.view = d.view AND b.number = d.build
    WHERE b.state <> 'retired' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`
  const total = rows.reduce((sum, { n }) => sum + n, 0)
  return total === 0
    ? [finding("dead-letters", "ok", "No event was passed over", { numbers: { letters: 0 } })]
    : [
        finding("dead-letters.waiting", "warning", `${count(total, "event")} could not be applied to a view`, {
          numbers: { letters: total },
          samples: rows.map(({ build, n, state, view }) => ({ view, build, state, letters: n })),
          advice: "Mend the projection, then run: holdfast retry <view>",
        }),
      ]
})

const leases = Effect.gen(function* () {
  const sql = (yield* RunnerSql).withoutTransforms()
  const [row] = yield* sql<{ held: number; free: number; long: number }>`
    SELECT count(*) FILTER (WHERE held_until > clock_timestamp())::int AS held,
      count(*) FILTER (WHERE held_until <= clock_timestamp())::int AS free,
      count(*) FILTER (WHERE held_until > clock_timestamp() + ${patience.lease} * interval '1 second')::int AS long
    FROM holdfast.leases`
  const { free = 0, held = 0, long = 0 } = row ?? {}
  const numbers = { held, free }
  if (long === 0)
    return [finding("leases", "ok", `${count(held, "lease")} held, ${free} released or expired`, { numbers })]
  const samples = yield* sql<{ tenant: string; lease: string; holder: string }>`
    SELECT tenant_id AS tenant, name AS lease, holder FROM holdfast.leases
    WHERE held_until > clock_timestamp() + ${patience.lease} * interval '1 second' ORDER BY held_until DESC LIMIT ${sampled}`
  return [
    finding(
      "leases.long",
      "warning",
      `${count(long, "lease")} held for more than ${duration(patience.lease)} from now`,
      {
        numbers: { ...numbers, long },
        samples,
        advice: "If the holder is dead, set held_until to now(): nobody else can work until then.",
      },
    ),
  ]
})

const inbox = Effect.gen(function* () {
  const sql = (yield* RunnerSql).withoutTransforms()
  const [row] = yield* sql<{ waiting: number; late: number }>`
    SELECT count(*)::int AS waiting,
      count(*) FILTER (WHERE parked_at < clock_timestamp() - ${patience.parked} * interval '1 second')::int AS late
    FROM holdfast.inbox WHERE outcome IS NULL`
  const { late = 0, waiting = 0 } = row ?? {}
  if (late === 0) return [finding("inbox", "ok", `${count(waiting, "delivery")} waiting`, { numbers: { waiting } })]
  const samples = yield* sql<{
    tenant: string | null
    provider: string
    authorization: string
    kind: string
    since: Date
  }>`
    SELECT tenant_id AS tenant, provider, authorization_ref AS authorization, kind, parked_at AS since FROM holdfast.inbox
    WHERE outcome IS NULL AND parked_at < clock_timestamp() - ${patience.parked} * interval '1 second'
    ORDER BY parked_at LIMIT ${sampled}`
  return [
    finding("inbox.late", "warning", `${count(late, "delivery")} parked for more than ${duration(patience.parked)}`, {
      numbers: { waiting, late },
      samples: samples.map((sample) => Object.assign({}, sample, { since: sample.since.toISOString() })),
      advice: "Nobody registered these authorizations. Register them, or let the host expire what is parked.",
    }),
  ]
})

const logGaps = Effect.gen(function* () {
  const sql = (yield* RunnerSql).withoutTransforms()
  const rows = yield* sql<{ tenant: string; stream: string; events: number; version: number; total: number }>`
    SELECT tenant_id AS tenant, stream_id AS stream, count(*)::int AS events, max(version) AS version,
      count(*) OVER ()::int AS total
    FROM holdfast.events GROUP BY tenant_id, stream_id HAVING max(version) <> count(*) LIMIT ${sampled}`
  return rows.length === 0
    ? [finding("log", "ok", "Every stream is whole")]
    : [
        finding("log.gaps", "error", `${count(rows[0]?.total ?? 0, "stream")} with versions missing`, {
          numbers: { streams: rows[0]?.total ?? 0 },
          samples: rows.map(({ events, stream, tenant, version }) => ({ tenant, stream, events, version })),
          advice: "Events were deleted. Restore the database from a backup.",
        }),
      ]
})

const keys = Effect.gen(function* () {
  const sql = (yield* RunnerSql).withoutTransforms()
  interface Found {
    readonly tenant: string
    readonly stream: string
    readonly total: number
  }
  const orphaned = yield* sql<Found>`
    SELECT k.tenant_id AS tenant, k.subject AS stream, count(*) OVER ()::int AS total FROM holdfast.subject_keys k
    WHERE k.wrapped IS NOT NULL AND left(k.subject, 1) <> '@' AND NOT EXISTS (
      SELECT FROM holdfast.events e WHERE e.tenant_id = k.tenant_id AND e.stream_id = k.subject)
    ORDER BY 1, 2 LIMIT ${sampled}`
  const undestroyed = yield* sql<Found>`
    SELECT k.tenant_id AS tenant, k.subject AS stream, count(*) OVER ()::int AS total
    FROM holdfast.subject_keys k JOIN holdfast.events e ON e.tenant_id = k.tenant_id AND e.stream_id = k.subject
    WHERE e.type = 'forgotten' AND k.wrapped IS NOT NULL ORDER BY 1, 2 LIMIT ${sampled}`
  const unsaid = yield* sql<Found>`
    SELECT k.tenant_id AS tenant, k.subject AS stream, count(*) OVER ()::int AS total FROM holdfast.subject_keys k
    WHERE k.wrapped IS NULL AND NOT EXISTS (
      SELECT FROM holdfast.events e
      WHERE e.tenant_id = k.tenant_id AND e.stream_id = k.subject AND e.type = 'forgotten')
    ORDER BY 1, 2 LIMIT ${sampled}`
  const [total] = yield* sql<{ kept: number; destroyed: number }>`
    SELECT count(wrapped)::int AS kept, count(*) FILTER (WHERE wrapped IS NULL)::int AS destroyed FROM holdfast.subject_keys`
  const about = (found: ReadonlyArray<Found>) => ({
    numbers: { keys: found[0]?.total ?? 0 },
    samples: found.map(({ stream, tenant }) => ({ tenant, stream })),
  })
  return [
    finding("keys", "ok", `${count(total?.kept ?? 0, "data key")} kept, ${total?.destroyed ?? 0} destroyed`, {
      numbers: { kept: total?.kept ?? 0, destroyed: total?.destroyed ?? 0 },
    }),
    ...(orphaned.length === 0
      ? []
      : [
          // A key is made before the append that needs it: whoever loses a race leaves one behind.
          finding(
            "keys.orphaned",
            "ok",
            `${count(orphaned[0]?.total ?? 0, "data key")} of streams that never came to be`,
            {
              ...about(orphaned),
              advice:
                "Harmless: appends that were refused leave them. Many of them may mean that streams were deleted.",
            },
          ),
        ]),
    ...(undestroyed.length === 0
      ? []
      : [
          finding(
            "keys.undestroyed",
            "error",
            `${count(undestroyed[0]?.total ?? 0, "stream")} forgotten, and still readable`,
            {
              ...about(undestroyed),
              advice: "Run: holdfast forget <stream>. It destroys the key.",
            },
          ),
        ]),
    ...(unsaid.length === 0
      ? []
      : [
          finding(
            "keys.unsaid",
            "warning",
            `${count(unsaid[0]?.total ?? 0, "data key")} destroyed, and no event says so`,
            {
              ...about(unsaid),
              advice: "Views still hold what was forgotten. Run: holdfast forget <stream>",
            },
          ),
        ]),
  ]
})

const credentials = Effect.gen(function* () {
  const sql = (yield* RunnerSql).withoutTransforms()
  const rows = yield* sql<{ tenant: string; connection: string; total: number }>`
    SELECT tenant_id AS tenant, connection_id::text AS connection, count(*) OVER ()::int AS total FROM holdfast.credentials c
    WHERE wrapped IS NOT NULL AND updated_at < clock_timestamp() - ${patience.credentials} * interval '1 second'
      AND NOT EXISTS (
        SELECT FROM holdfast.events e WHERE e.tenant_id = c.tenant_id AND e.stream_id = 'connection-' || c.connection_id)
    ORDER BY 1, 2 LIMIT ${sampled}`
  return rows.length === 0
    ? []
    : [
        finding(
          "credentials.orphaned",
          "warning",
          `${count(rows[0]?.total ?? 0, "credential")} of connections that do not exist`,
          {
            numbers: { credentials: rows[0]?.total ?? 0 },
            samples: rows.map(({ connection, tenant }) => ({ tenant, connection })),
            advice:
              "Start the host: it finishes registrations that broke off. What stays is to be revoked and removed.",
          },
        ),
      ]
})

const streams = (onProgress: (events: number) => Effect.Effect<void>) =>
  Effect.map(scan(onProgress), ({ claims, connections, numbers, pending, unreadable }) => {
    const problems = (kind: StreamAudit.Problem["kind"]) => connections.filter((problem) => problem.kind === kind)
    const wrong = (kind: StreamAudit.WrongClaim["kind"]) => claims.filter((claim) => claim.kind === kind)
    const aboutClaims = (kind: StreamAudit.WrongClaim["kind"], what: string, advice: string) => {
      const found = wrong(kind)
      return found.length === 0
        ? []
        : [
            finding(`claims.${kind}`, "error", `${count(found.length, "claim")} ${what}`, {
              numbers: { claims: found.length },
              samples: found.map(({ held, key, should, tenantId }) => ({
                tenant: tenantId,
                key,
                holder: held ?? null,
                expected: should ?? null,
              })),
              advice,
            }),
          ]
    }
    const aboutConnections = (kind: StreamAudit.Problem["kind"], severity: Severity, what: string, advice: string) => {
      const found = problems(kind)
      return found.length === 0
        ? []
        : [
            finding(kind, severity, `${count(found.length, "connection")} ${what}`, {
              numbers: { connections: found.length },
              samples: found.map(({ connectionId, detail, tenantId }) =>
                Object.assign({ tenant: tenantId, connection: connectionId }, detail),
              ),
              advice,
            }),
          ]
    }
    const mend = "Run: holdfast doctor --fix"
    return [
      ...(claims.length === 0
        ? [finding("claims", "ok", `${count(numbers.claims, "claim")} as the events say`, { numbers })]
        : []),
      ...aboutClaims("missing", "that the events say are held, and are not: the rule they guard is open", mend),
      ...aboutClaims("misheld", "held by another stream than the events say", mend),
      ...aboutClaims("orphaned", "held by streams that the events give no right to: nobody else can take them", mend),
      ...aboutClaims(
        "contested",
        "that two streams have a right to",
        "Decide which is right, and disconnect the other connection or run: holdfast connections activate <id>",
      ),
      ...aboutConnections(
        "views.disagree",
        "error",
        "that the view connections shows otherwise than their events",
        "Run: holdfast verify connections, then: holdfast rebuild connections",
      ),
      ...aboutConnections(
        "credentials.gone",
        "error",
        "at work whose credentials are not, or not as new, as their events say",
        "The vault was restored or emptied. The owner has to consent again.",
      ),
      ...aboutConnections(
        "credentials.kept",
        "warning",
        "that ended, whose credentials are still there",
        "Revoke the credentials at the provider and remove them from the vault.",
      ),
      ...(pending.total === 0
        ? []
        : [
            finding(
              "connections.pending",
              "warning",
              `${count(pending.total, "connection")} without a consent for more than ${duration(patience.pending)}`,
              {
                numbers: { connections: pending.total },
                samples: pending.samples,
                advice: "Ask the owners again, or disconnect them.",
              },
            ),
          ]),
      ...(unreadable.total === 0
        ? []
        : [
            finding("log.unreadable", "error", `${count(unreadable.total, "stream")} that this version cannot read`, {
              numbers: { streams: unreadable.total },
              samples: unreadable.samples,
              advice: "Run the version of the program that wrote them, or a later one.",
            }),
          ]),
    ]
  })

const scan = (onProgress: (events: number) => Effect.Effect<void>) =>
  Effect.flatMap(DateTime.now, (now) =>
    StreamAudit.scan({
      pendingBefore: DateTime.subtract(now, { seconds: patience.pending }),
      samples: sampled,
      onProgress,
    }),
  )

/** How many examples a finding has. */
const sampled = 20

const finding = (
  code: string,
  severity: Severity,
  what: string,
  more: Partial<Pick<Finding, "advice" | "numbers" | "samples">> = {},
): Finding => ({ code, severity, what, numbers: {}, ...more, samples: (more.samples ?? []).slice(0, sampled) })

const numeral = (n: number) => n.toLocaleString("en-US")

const count = (n: number, noun: string) =>
  `${numeral(n)} ${n === 1 ? noun : noun.endsWith("y") && !noun.endsWith("ey") ? `${noun.slice(0, -1)}ies` : `${noun}s`}`

const duration = (seconds: number) => {
  const [unit, size] = units.find(([, size]) => seconds >= size) ?? (["second", 1] as const)
  return count(Math.round(seconds / size), unit)
}

const units = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
] as const

function mapUnavailable<A, E, R>(effect: Effect.Effect<A, E | SqlError.SqlError, R>) {
  return Effect.catchIf(effect, SqlError.isSqlError, (error) => Effect.fail(unavailable(error)))
}
