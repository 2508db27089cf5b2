/**
 * How far the log can be read, and who or what holds readers back.
 */
import { PgClient } from "@effect/sql-pg"
import { Effect } from "effect"

import { fenceNamespace } from "../migrations/0001_log.ts"
import { RunnerSql } from "../RunnerSql.ts"
import { count, duration, type Finding, finding, numeral, patience } from "./Finding.ts"

export const head = Effect.gen(function* () {
  const runner = (yield* RunnerSql).withoutTransforms()
  const [row] = yield* runner<{ head: bigint; last: bigint; events: bigint; drawn: bigint }>`
    SELECT head, last, (SELECT coalesce(max(position), 0) FROM holdfast.events) AS events,
      coalesce(pg_sequence_last_value('holdfast.events_position_seq'), 0) AS drawn
    FROM holdfast.head()`
  if (row !== undefined && row.drawn < row.events) return [sequenceFinding(Number(row.events), Number(row.drawn))]
  const numbers = { head: Number(row?.head ?? 0n), last: Number(row?.last ?? 0n) }
  return [headFinding(numbers, numbers.head === numbers.last ? [] : yield* holders)]
})

/** Events came in and the sequence did not: a table restored alone, or replicated. */
const sequenceFinding = (events: number, drawn: number) =>
  finding(
    "head.behind",
    "error",
    `Positions are drawn from ${numeral(drawn)} on, and there are events up to ${numeral(events)}: readers do not see all of them, and would pass over new ones`,
    {
      numbers: { events, drawn },
      samples: [{ events, drawn }],
      advice: `Stop all writers. Then, as a superuser: SELECT setval('holdfast.events_position_seq', ${events})`,
    },
  )

/** Who holds the head back, the oldest first. */
export const holders = Effect.gen(function* () {
  const sql = (yield* PgClient.PgClient).withoutTransforms()
  return yield* sql<Holder>`
    SELECT l.pid, coalesce(a.application_name, '') AS application, a.state, p.gid AS prepared,
      round(coalesce(extract(epoch FROM clock_timestamp() - coalesce(p.prepared, a.xact_start)), 0))::int AS seconds
    FROM pg_locks l LEFT JOIN pg_stat_activity a USING (pid)
      LEFT JOIN pg_locks t ON l.pid IS NULL AND t.pid IS NULL AND t.locktype = 'transactionid'
        AND t.virtualtransaction = l.virtualtransaction
      LEFT JOIN pg_prepared_xacts p ON p.transaction = t.transactionid
    WHERE l.locktype = 'advisory' AND l.classid = ${fenceNamespace} AND l.objsubid = 2 AND l.granted
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    ORDER BY seconds DESC, l.pid`
})

/** A transaction that has appended and not ended. */
export interface Holder {
  /** None: it is prepared, and belongs to no process. */
  readonly pid: number | null
  readonly application: string
  readonly state: string | null
  /** The name under which it waits for the second phase of its commit. */
  readonly prepared: string | null
  /** Since it began, or was prepared. */
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
    samples: holders.map(({ application, pid, prepared, seconds, state }) => ({
      pid,
      application,
      state,
      prepared,
      seconds,
    })),
    advice: `Let it commit or roll back. If it hangs: ${endingOf(oldest)}`,
  })
}

const endingOf = ({ pid, prepared }: Holder) =>
  prepared === null
    ? `SELECT pg_terminate_backend(${pid})`
    : `ROLLBACK PREPARED '${prepared.replaceAll("'", "''")}' (or COMMIT PREPARED, if its coordinator says so)`
