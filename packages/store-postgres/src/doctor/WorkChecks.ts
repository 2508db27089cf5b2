/**
 * Who works alone for how long, and what waits to be worked on.
 */
import { Effect } from "effect"

import { RunnerSql } from "../RunnerSql.ts"
import { count, duration, finding, patience, sampled } from "./Finding.ts"

export const leases = Effect.gen(function* () {
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

export const inbox = Effect.gen(function* () {
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
