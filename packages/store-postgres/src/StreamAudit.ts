/**
 * Compares what follows from streams with the tables that hold it: claims, the view of connections, the vault.
 *
 * Streams are read in order of their names and folded one by one. Whatever looks wrong is read again together with the
 * tables, in one snapshot, before it is said to be wrong: appends go on meanwhile.
 */
import { type PgClient } from "@effect/sql-pg"
import { Account, Connection, ConnectionsView, EventCodec, EventStore, type Ids, Sealer } from "@holdfast/domain"
import { DateTime, Effect } from "effect"
import { SqlClient } from "effect/sql"

import * as Page from "./Page.ts"
import { RunnerSql } from "./RunnerSql.ts"
import * as SealerWithoutKeys from "./SealerWithoutKeys.ts"
import { atomically } from "./Transaction.ts"

/** A claim that is not as the events say. */
export interface WrongClaim {
  readonly kind: "missing" | "misheld" | "orphaned" | "contested"
  readonly tenantId: Ids.TenantId
  readonly key: string
  /** Who should hold it. */
  readonly should?: EventStore.StreamId | undefined
  /** Who does. */
  readonly held?: EventStore.StreamId | undefined
}

/** A connection that is not in other tables as its events say. */
export interface Problem {
  readonly kind: "views.disagree" | "credentials.gone" | "credentials.kept"
  readonly tenantId: Ids.TenantId
  readonly streamId: EventStore.StreamId
  readonly connectionId: string
  readonly detail: Readonly<Record<string, string | number | null>>
}

/** What a stream says when all of it has been read. */
interface Folded {
  readonly tenantId: Ids.TenantId
  readonly streamId: EventStore.StreamId
  readonly claims: ReadonlyArray<string>
  readonly connection?: Connection.State | undefined
  readonly position: EventStore.Position
  readonly recordedAt: DateTime.Utc
  /** Why the events do not tell; then nothing follows from them. */
  readonly unreadable?: string | undefined
  /** Whether a version is missing. */
  readonly torn: boolean
}

const isTold = ({ torn, unreadable }: Folded) => unreadable === undefined && !torn

type Row = EventStore.Recorded<EventStore.EncodedEvent>

/** Folds every stream that can have claims, in order of its name, and compares it with what follows from it. */
export const scan = Effect.fnUntraced(function* (options: {
  /** Connections that have waited for their consent since before then are told. */
  readonly pendingBefore: DateTime.Utc
  /** How many examples are told of what may be many. */
  readonly samples: number
  /** Called now and then, with the number of events that were read. */
  readonly onProgress: (events: number) => Effect.Effect<void>
}) {
  const sql = (yield* RunnerSql).withoutTransforms()
  const claims: Array<WrongClaim> = []
  const connections: Array<Problem> = []
  const [pending, unreadable] = [listing(options.samples), listing(options.samples)]
  const numbers = { streams: 0, events: 0, claims: 0 }

  const settle = Effect.fnUntraced(function* (folded: ReadonlyArray<Folded>) {
    for (const { connection, recordedAt, streamId, tenantId, unreadable: problem } of folded) {
      const sample = { tenant: tenantId, stream: streamId }
      if (problem !== undefined) unreadable.add({ ...sample, problem })
      const isLate = DateTime.isLessThan(recordedAt, options.pendingBefore)
      if (connection?.status === "pending" && isLate) pending.add(sample)
    }
    const suspects = yield* compare(sql, folded)
    numbers.claims += folded.filter(isTold).reduce((sum, { claims }) => sum + claims.length, 0) - suspects.claims.length
    if (suspects.claims.length + suspects.connections.length === 0) return
    const named = [...suspects.connections, ...suspects.claims.flatMap((claim) => claimant(claim))]
    const again = [...new Map(named.map((stream) => [`${stream.tenantId}\n${stream.streamId}`, stream])).values()]
    const confirmed = yield* inSnapshot(
      sql,
      Effect.gen(function* () {
        const refolded = yield* Effect.forEach(again, ({ streamId, tenantId }) => foldStream(sql, tenantId, streamId))
        const wrong = yield* compare(sql, refolded)
        return { ...wrong, claims: yield* Effect.forEach(wrong.claims, (claim) => judge(sql, claim)) }
      }),
    )
    numbers.claims += suspects.claims.length - confirmed.claims.length
    claims.push(...confirmed.claims)
    connections.push(...confirmed.connections)
  })

  let last = { tenant: "", stream: "", version: 0 }
  let current: Folding | undefined
  let finished: Array<Folded> = []
  while (true) {
    const rows = yield* sql<Page.Row>`
      SELECT ${sql.literal(Page.columns)} FROM holdfast.events
      WHERE (tenant_id, stream_id, version) > (${last.tenant}, ${last.stream}, ${last.version}::int)
        AND category = ANY(${Object.keys(folders)}::text[])
      ORDER BY tenant_id, stream_id, version LIMIT ${pageSize}`
    for (const recorded of Page.recorded(rows)) {
      if (current === undefined || !current.isOf(recorded)) {
        if (current !== undefined) finished.push(current.folded())
        current = beginFolding(recorded)
        numbers.streams++
      }
      yield* current.add(recorded)
    }
    const end = rows.at(-1)
    numbers.events += rows.length
    yield* options.onProgress(numbers.events)
    if (end === undefined || rows.length < pageSize) {
      if (current !== undefined) finished.push(current.folded())
      yield* settle(finished)
      break
    }
    last = { tenant: end.tenant_id, stream: end.stream_id, version: end.version }
    yield* settle(finished)
    finished = []
  }

  const [held] = yield* sql<{ n: number }>`
    SELECT count(*)::int AS n FROM holdfast.claims WHERE split_part(holder, '-', 1) = ANY(${Object.keys(folders)}::text[])`
  const rightful = numbers.claims + claims.filter(({ kind }) => kind === "misheld" || kind === "contested").length
  if ((held?.n ?? 0) !== rightful) claims.push(...(yield* findOrphans(sql, claims)))
  return { claims, connections, numbers, pending, unreadable }
})

const claimant = ({ should, tenantId }: WrongClaim) => (should === undefined ? [] : [{ tenantId, streamId: should }])

/** Claims whose holder's events give it no right to them. Looked for only where there are more claims than rights. */
const findOrphans = Effect.fnUntraced(function* (sql: PgClient.PgClient, known: ReadonlyArray<WrongClaim>) {
  const said = new Set(known.map(({ key, tenantId }) => `${tenantId}\n${key}`))
  const orphans: Array<WrongClaim> = []
  let last = { tenant: "", key: "" }
  while (true) {
    const after = last
    const page = yield* inSnapshot(
      sql,
      Effect.gen(function* () {
        const rows = yield* sql<ClaimRow>`
          SELECT tenant_id AS "tenantId", key, holder FROM holdfast.claims
          WHERE (tenant_id, key) > (${after.tenant}, ${after.key}) ORDER BY tenant_id, key LIMIT ${claimsPerPage}`
        const judged = yield* Effect.forEach(rows, (row) =>
          Effect.map(isEntitled(sql, row.tenantId, row.key, row.holder), (entitled) => ({ ...row, entitled })),
        )
        return judged
      }),
    )
    for (const { entitled, holder, key, tenantId } of page) {
      if (!entitled && !said.has(`${tenantId}\n${key}`)) orphans.push({ kind: "orphaned", tenantId, key, held: holder })
    }
    const end = page.at(-1)
    if (end === undefined) return orphans
    last = { tenant: end.tenantId, key: end.key }
  }
})

interface ClaimRow {
  readonly tenantId: Ids.TenantId
  readonly key: string
  readonly holder: EventStore.StreamId
}

/** Whether a stream's events give it a right to a key. Of other categories' streams that is not known: they are believed. */
const isEntitled = Effect.fnUntraced(function* (
  sql: PgClient.PgClient,
  tenantId: Ids.TenantId,
  key: string,
  streamId: EventStore.StreamId,
) {
  if (!Object.hasOwn(folders, EventStore.categoryOf(streamId))) return true
  const folded = yield* foldStream(sql, tenantId, streamId)
  return !isTold(folded) || folded.claims.includes(key)
})

/** A claim that another stream holds: is it wrong, or do both have a right to it? */
const judge = Effect.fnUntraced(function* (sql: PgClient.PgClient, claim: WrongClaim) {
  const { held, key, tenantId } = claim
  if (held === undefined || !(yield* isEntitled(sql, tenantId, key, held))) return claim
  return { ...claim, kind: "contested" } satisfies WrongClaim
})

/** What other tables say otherwise than these streams. */
const compare = Effect.fnUntraced(function* (sql: PgClient.PgClient, folded: ReadonlyArray<Folded>) {
  const readable = folded.filter(isTold)
  const expected = readable.flatMap(({ claims, streamId, tenantId }) =>
    claims.map((key) => ({ tenantId, key, should: streamId })),
  )
  const held = yield* expected.length === 0
    ? Effect.succeed([])
    : sql<ClaimRow>`
        SELECT tenant_id AS "tenantId", key, holder FROM holdfast.claims
        JOIN unnest(${expected.map(({ tenantId }) => tenantId)}::text[], ${expected.map(({ key }) => key)}::text[])
          AS wanted (tenant_id, key) USING (tenant_id, key)`
  const holders = new Map(held.map(({ holder, key, tenantId }) => [`${tenantId}\n${key}`, holder]))
  const claims = expected.flatMap((claim): ReadonlyArray<WrongClaim> => {
    const holder = holders.get(`${claim.tenantId}\n${claim.key}`)
    if (holder === claim.should) return []
    return [{ ...claim, kind: holder === undefined ? "missing" : "misheld", held: holder }]
  })

  const ofConnections = readable.flatMap(({ connection, position, streamId, tenantId }) =>
    connection === undefined
      ? []
      : [{ tenantId, streamId, position, state: connection, connectionId: Connection.idOf(streamId) }],
  )
  if (ofConnections.length === 0) return { claims, connections: [] }
  const tenants = ofConnections.map(({ tenantId }) => tenantId)
  const ids = ofConnections.map(({ connectionId }) => connectionId)
  const addressOf = (tenantId: string, connectionId: string) => `${tenantId}\n${connectionId}`

  const [live] = yield* sql<{ position: bigint }>`
    SELECT position FROM holdfast.builds
    WHERE view = ${ConnectionsView.name} AND state = 'live' AND version = ${ConnectionsView.version}`
  const shown = yield* live === undefined
    ? Effect.succeed([])
    : sql<{ tenant: string; connection: string; status: string; position: bigint }>`
        SELECT tenant_id AS tenant, connection_id::text AS connection, status, position FROM ${sql(`holdfast.${ConnectionsView.name}`)}
        JOIN unnest(${tenants}::text[], ${ids}::uuid[]) AS wanted (tenant_id, connection_id) USING (tenant_id, connection_id)`
  const rows = new Map(shown.map((row) => [addressOf(row.tenant, row.connection), row]))
  const vault = yield* sql<{ tenant: string; connection: string; version: number; kept: boolean }>`
    SELECT tenant_id AS tenant, connection_id::text AS connection, version, wrapped IS NOT NULL AS kept FROM holdfast.credentials
    JOIN unnest(${tenants}::text[], ${ids}::uuid[]) AS wanted (tenant_id, connection_id) USING (tenant_id, connection_id)`
  const kept = new Map(vault.map((row) => [addressOf(row.tenant, row.connection), row]))

  const connections = ofConnections.flatMap(
    ({ connectionId, position, state, streamId, tenantId }): ReadonlyArray<Problem> => {
      const about = { tenantId, streamId, connectionId }
      const row = rows.get(addressOf(tenantId, connectionId))
      const secret = kept.get(addressOf(tenantId, connectionId))
      const status = state.forgotten ? null : state.status
      const isCaughtUp = live !== undefined && live.position >= position
      const isShownRight = (row?.status ?? null) === status && (row === undefined || row.position === position)
      const ended = state.status === "disconnected" || state.forgotten
      const isGone =
        state.credentialVersion > 0 && !(secret?.kept === true && secret.version >= state.credentialVersion)
      const problem = (kind: Problem["kind"], detail: Problem["detail"]): Problem => ({ kind, ...about, detail })
      const held = secret?.kept === true ? secret.version : null
      const problems: Array<Problem> = []
      if (isCaughtUp && !isShownRight)
        problems.push(problem("views.disagree", { events: status, view: row?.status ?? null }))
      if (Connection.isLive(state) && !state.forgotten && isGone) {
        problems.push(problem("credentials.gone", { events: state.credentialVersion, vault: held }))
      }
      if (ended && held !== null) problems.push(problem("credentials.kept", { status: state.status, vault: held }))
      return problems
    },
  )
  return { claims, connections }
})

/** The whole of one stream. */
const foldStream = Effect.fnUntraced(function* (
  sql: PgClient.PgClient,
  tenantId: Ids.TenantId,
  streamId: EventStore.StreamId,
) {
  let folding: Folding | undefined
  let version = 0
  while (true) {
    const rows = yield* sql<Page.Row>`
      SELECT ${sql.literal(Page.columns)} FROM holdfast.events
      WHERE tenant_id = ${tenantId} AND stream_id = ${streamId} AND version > ${version}::int
      ORDER BY version LIMIT ${pageSize}`
    for (const recorded of Page.recorded(rows)) {
      folding ??= beginFolding(recorded)
      yield* folding.add(recorded)
    }
    const end = rows.at(-1)
    if (end === undefined) return folding?.folded() ?? absent(tenantId, streamId)
    version = end.version
  }
})

const absent = (tenantId: Ids.TenantId, streamId: EventStore.StreamId): Folded => ({
  tenantId,
  streamId,
  claims: [],
  torn: false,
  position: EventStore.beginning,
  recordedAt: DateTime.makeUnsafe(0),
})

/** A stream that is being read. Changed in place. */
interface Folding {
  readonly isOf: (row: Row) => boolean
  readonly add: (row: Row) => Effect.Effect<void>
  readonly folded: () => Folded
}

const beginFolding = (first: Row): Folding => {
  const { streamId, tenantId } = first
  const folder = folders[EventStore.categoryOf(streamId)]?.()
  let unreadable: string | undefined
  let last = first
  let torn = first.version !== 1
  return {
    isOf: (row) => row.streamId === streamId && row.tenantId === tenantId,
    add: (row) => {
      torn ||= row !== first && row.version !== last.version + 1
      last = row
      if (folder === undefined || unreadable !== undefined) return Effect.void
      return Effect.match(folder.add(row), {
        onSuccess: () => undefined,
        onFailure: (problem) => {
          unreadable = problem
        },
      })
    },
    folded: () => ({
      tenantId,
      streamId,
      torn,
      position: last.position,
      recordedAt: last.recordedAt,
      claims: folder?.claims() ?? [],
      connection: folder?.connection(),
      unreadable,
    }),
  }
}

/** How the streams of a category that can have claims are folded. */
type Folder = () => {
  readonly add: (row: Row) => Effect.Effect<void, string>
  readonly claims: () => ReadonlyArray<string>
  readonly connection: () => Connection.State | undefined
}

const decodeConnection = EventCodec.decode(Connection)
const decodeAccount = EventCodec.decode(Account)

const explained = <A>(
  decoded: Effect.Effect<
    A,
    EventCodec.UnreadableEvent | Sealer.SealingError | EventStore.EventStoreUnavailable,
    Sealer.Sealer
  >,
): Effect.Effect<A, string> =>
  decoded.pipe(
    Effect.provideService(Sealer.Sealer, SealerWithoutKeys.service),
    Effect.mapError((error) => (error._tag === "UnreadableEvent" ? `${error.type}: ${error.problem}` : error.reason)),
  )

const folders: Readonly<Record<string, Folder>> = {
  [Connection.name]: () => {
    let state = Connection.initial
    return {
      add: (row) =>
        Effect.map(explained(decodeConnection(row)), ({ event }) => {
          state = Connection.evolve(state, event)
        }),
      claims: () => Connection.claims(state),
      connection: () => state,
    }
  },
  [Account.name]: () => {
    let state = Account.initial
    return {
      add: (row) =>
        Effect.map(explained(decodeAccount(row)), ({ event }) => {
          state = Account.evolve(state, event)
        }),
      claims: () => Account.claims(state),
      connection: () => undefined,
    }
  },
}

/** Puts one claim right, under the locks that an append about it takes. */
export const repair = Effect.fnUntraced(function* ({ held, key, should, tenantId }: WrongClaim) {
  const sql = (yield* RunnerSql).withoutTransforms()
  const streams = [should, held].filter((stream) => stream !== undefined)
  return yield* atomically(sql)(
    Effect.gen(function* () {
      yield* sql`SET LOCAL ROLE holdfast_owner`
      yield* sql`SELECT set_config('holdfast.tenant', ${tenantId}, true)`
      yield* sql`
        SELECT pg_advisory_xact_lock(k) FROM (
          SELECT hashtextextended(${tenantId} || E'\nstream\n' || s, 0) AS k FROM unnest(${streams}::text[]) s
          UNION SELECT hashtextextended(${tenantId} || E'\nclaim\n' || ${key}, 0)
          ORDER BY k) locks`
      const [row] = yield* sql<{ holder: EventStore.StreamId }>`
        SELECT holder FROM holdfast.claims WHERE tenant_id = ${tenantId} AND key = ${key}`
      const expects = should !== undefined && (yield* isEntitled(sql, tenantId, key, should))
      if (row === undefined) {
        if (!expects) return undefined
        yield* sql`INSERT INTO holdfast.claims (tenant_id, key, holder) VALUES (${tenantId}, ${key}, ${should})`
        return "added" as const
      }
      // Somebody else took it meanwhile, or has a right to it: it is theirs.
      if (row.holder !== held || (yield* isEntitled(sql, tenantId, key, row.holder))) return undefined
      if (expects) {
        yield* sql`UPDATE holdfast.claims SET holder = ${should} WHERE tenant_id = ${tenantId} AND key = ${key}`
        return "moved" as const
      }
      yield* sql`DELETE FROM holdfast.claims WHERE tenant_id = ${tenantId} AND key = ${key}`
      return "removed" as const
    }),
  )
})

const inSnapshot = <A, E, R>(sql: PgClient.PgClient, effect: Effect.Effect<A, E, R>) =>
  Effect.provideService(
    atomically(sql)(effect),
    SqlClient.BeginTransaction,
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
  )

/** Rows of events in memory at once. */
const pageSize = 2_000

const claimsPerPage = 200

/** Counts all, and keeps some. */
const listing = (most: number) => {
  const samples: Array<Readonly<Record<string, string>>> = []
  return {
    samples,
    total: 0,
    add(sample: Readonly<Record<string, string>>) {
      this.total++
      if (samples.length < most) samples.push(sample)
    },
  }
}
