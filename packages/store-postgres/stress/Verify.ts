/**
 * Holds what everybody said and noted against the log.
 */
import { type EventStore, Ids, Projection } from "@holdfast/domain"

import * as Ledger from "./Ledger.ts"
import { eventsOf, type Mark } from "./Plan.ts"
import { type Recorded, type Row, streamsView } from "./StreamsView.ts"

/** The whole log, read in one query by a superuser when everything is at rest. */
export interface Log {
  readonly events: ReadonlyArray<Recorded>
  readonly claims: ReadonlyArray<{ readonly tenant_id: string; readonly key: string; readonly holder: string }>
  readonly view: ReadonlyArray<Row & { readonly tenant_id: string }>
}

/** How many of what was looked at, and what is wrong. */
export interface Verdict {
  readonly checked: Readonly<Record<string, number>>
  readonly violations: ReadonlyArray<string>
}

/** Every append is in the log as its writer was told: once, whole, in one place; or not at all. */
export const appends = (log: Log, accounts: ReadonlyMap<string, Ledger.Account>): Verdict => {
  const stored = Map.groupBy(log.events, ({ event }) => event.plan)
  const checked = { appends: accounts.size, acknowledged: 0, repeats: 0, ambiguous: 0, "rolled back": 0 }
  const violations: Array<string> = []
  for (const key of stored.keys()) if (!accounts.has(key)) violations.push(`${key}: nobody appended this`)

  for (const [key, account] of accounts) {
    const events = stored.get(key) ?? []
    const wrong = (what: string) => violations.push(`${key}: ${what}`)
    const tries = new Set(events.map(({ event }) => event.try))
    const [written] = tries
    if (tries.size > 1) wrong(`written by ${tries.size} tries`)
    if (
      events.length !== 0 &&
      !isWhole(
        events.map(({ event }) => event),
        eventsOf(account.plan),
      )
    )
      wrong(`${events.length} of ${eventsOf(account.plan)} events, or some twice`)
    if (!Ledger.isSettled(account)) wrong("its writer never found out")

    for (const [attempt, outcome] of account.tries) {
      switch (outcome?._tag) {
        case undefined:
        case "Unknown":
          checked.ambiguous += 1
          break
        case "Acknowledged":
          checked.acknowledged += 1
          if (outcome.repeated) checked.repeats += 1
          if (written === undefined) wrong(`lost, though try ${attempt} was acknowledged`)
          else if (outcome.repeated === (written === attempt))
            wrong(`try ${attempt} was told repeated: ${outcome.repeated}; try ${written} wrote it`)
          else if (!agrees(outcome, account, events)) wrong(`try ${attempt} was told another place than the one it has`)
          break
        case "Impossible":
          wrong(outcome.problem)
          break
        case "RolledBack":
          checked["rolled back"] += 1
          if (written === attempt) wrong(`written by try ${attempt}, which was rolled back`)
          break
        default:
          if (written === attempt) wrong(`written by try ${attempt}, which was told ${outcome?._tag}`)
      }
    }
  }
  return { checked, violations }
}

const isWhole = (marks: ReadonlyArray<Mark>, expected: number) =>
  marks.length === expected && new Set(marks.map(({ index }) => index)).size === expected

const agrees = (
  { position, versions }: Extract<Ledger.Outcome, { readonly _tag: "Acknowledged" }>,
  { plan }: Ledger.Account,
  events: ReadonlyArray<Recorded>,
) =>
  events.at(-1)?.position === position &&
  plan.streams.every(
    ({ streamId }, index) => events.findLast((event) => event.streamId === streamId)?.version === versions[index],
  )

/** Every reader was given every event that it asked for, once, in order. */
export const delivery = (
  log: Log,
  readers: ReadonlyArray<{
    readonly name: string
    readonly delivered: BigInt64Array
    readonly wants: (streamId: EventStore.StreamId) => boolean
  }>,
): Verdict => {
  const violations: Array<string> = []
  let delivered = 0
  for (const reader of readers) {
    delivered += reader.delivered.length
    const seen = new Set<bigint>(reader.delivered)
    const expected = log.events
      .filter(({ streamId }) => reader.wants(streamId))
      .map(({ position }) => position as bigint)
    const wanted = new Set(expected)
    const lost = expected.filter((position) => !seen.has(position)).length
    const unknown = [...seen].filter((position) => !wanted.has(position)).length
    const disordered = reader.delivered.filter(
      (position, index) => index > 0 && position < (reader.delivered[index - 1] ?? 0n),
    ).length
    const repeated = reader.delivered.length - seen.size
    if (lost + repeated + disordered + unknown > 0) {
      violations.push(
        `${reader.name}: ${lost} of ${expected.length} lost, ${repeated} repeated, ${disordered} out of order, ${unknown} that are not in the log`,
      )
    }
  }
  return { checked: { readers: readers.length, deliveries: delivered }, violations }
}

/** The versions of every stream are 1, 2, 3, … in the order of positions. */
export const versions = (log: Log): Verdict => {
  const reached = new Map<string, number>()
  const violations: Array<string> = []
  for (const { streamId, tenantId, version } of log.events) {
    const address = `${tenantId} ${streamId}`
    const before = reached.get(address) ?? 0
    if (version !== before + 1) violations.push(`${address}: version ${version} after ${before}`)
    reached.set(address, version)
  }
  return { checked: { streams: reached.size }, violations }
}

/** The table of claims is what follows from the events. */
export const claims = (log: Log): Verdict => {
  const held = new Map<string, string>()
  const addressOf = (tenantId: string, key: string) => `${tenantId} ${key}`
  for (const { event, tenantId } of log.events) {
    for (const { holder, key } of event.release ?? []) {
      if (held.get(addressOf(tenantId, key)) === holder) held.delete(addressOf(tenantId, key))
    }
    for (const { holder, key } of event.acquire ?? []) held.set(addressOf(tenantId, key), holder)
  }
  const stored = new Map(log.claims.map(({ holder, key, tenant_id }) => [addressOf(tenant_id, key), holder]))
  const violations = [...new Set([...held.keys(), ...stored.keys()])]
    .filter((address) => held.get(address) !== stored.get(address))
    .map((address) => `claim ${address}: held by ${stored.get(address)}, by the events ${held.get(address)}`)
  return { checked: { claims: stored.size }, violations }
}

/** The view has the rows that a fresh fold gives. */
export const view = (log: Log): Verdict => {
  const rows = new Map<string, Row>()
  for (const recorded of log.events) {
    for (const key of streamsView.touches(recorded)) {
      const address = Projection.rowKey(streamsView, recorded.tenantId, key)
      const row = streamsView.evolve(rows.get(address), recorded, key)
      if (row !== undefined) rows.set(address, row)
    }
  }
  const violations = log.view.flatMap(({ tenant_id, ...row }) => {
    const address = Projection.rowKey(streamsView, Ids.TenantId.make(tenant_id), row)
    const expected = rows.get(address)
    rows.delete(address)
    const differs = (Object.keys(streamsView.columns) as Array<keyof Row>).filter(
      (column) => expected?.[column] !== row[column],
    )
    return differs.length === 0
      ? []
      : [`view ${tenant_id} ${row.stream_id}: other than a fresh fold in ${differs.join(", ")}`]
  })
  return {
    checked: { rows: log.view.length },
    violations: [...violations, ...[...rows.keys()].map((address) => `view ${address}: no row`)],
  }
}
