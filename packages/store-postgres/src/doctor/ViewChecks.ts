/**
 * How far views have come, what they passed over, and whether their tables are those that they should be.
 */
import { type Projection } from "@holdfast/domain"
import { Effect } from "effect"

import { RunnerSql } from "../RunnerSql.ts"
import { count, duration, type Finding, finding, patience, sampled } from "./Finding.ts"

export const views = (projections: ReadonlyArray<Projection.View>) =>
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

/** Rows about connections that no event tells of. */
export const orphanedRows = (projections: ReadonlyArray<Projection.View>) =>
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

export const deadLetters = Effect.gen(function* () {
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
