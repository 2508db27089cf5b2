/**
 * What a writer sets out to append, and how it can be recognised in the log.
 */
import { randomUUID } from "node:crypto"

import { EventStore, Ids } from "@holdfast/domain"
import { Schema } from "effect"

import { type Random } from "./Random.ts"

const Claim = Schema.Struct({ key: Schema.String, holder: EventStore.StreamId })

/** One append: tried until it is known to have happened or not. */
export const Plan = Schema.Struct({
  /** Names it, in the ledgers and in every one of its events. */
  key: Schema.String,
  tenantId: Ids.TenantId,
  /** Whether the key is also the idempotency key. Without one, what is ambiguous stays so. */
  keyed: Schema.Boolean,
  streams: Schema.Array(
    Schema.Struct({
      streamId: EventStore.StreamId,
      expected: Schema.Union([Schema.Natural, Schema.Literals(["none", "exists", "any"])]),
      events: Schema.Natural,
    }),
  ),
  acquire: Schema.Array(Claim),
  release: Schema.Array(Claim),
})
export type Plan = typeof Plan.Type

export const eventsOf = ({ streams }: Plan): number => streams.reduce((sum, { events }) => sum + events, 0)

/** What an event says about where it comes from. Claims are told by the first event of an append. */
export const Mark = Schema.Struct({
  plan: Schema.String,
  /** Of the tries of this plan. */
  try: Schema.Int,
  /** Among the events of the append, from 0. */
  index: Schema.Natural,
  acquire: Schema.optionalKey(Schema.Array(Claim)),
  release: Schema.optionalKey(Schema.Array(Claim)),
})
export type Mark = typeof Mark.Type

export const eventType = "stressed"

export const request = (plan: Plan, attempt: number): EventStore.AppendRequest => {
  const { acquire, key, keyed, release, streams, tenantId } = plan
  let index = 0
  const event = (): EventStore.EncodedEvent => {
    const mark: Mark = { plan: key, try: attempt, index, ...(index === 0 && { acquire, release }) }
    index += 1
    return {
      id: Ids.EventId.make(randomUUID()),
      type: eventType,
      schemaVersion: 1,
      data: { ...mark } as EventStore.EncodedEvent["data"],
    }
  }
  return {
    tenantId,
    streams: streams.map(({ events, expected, streamId }) => ({
      streamId,
      expected,
      events: Array.from({ length: events }, event),
    })),
    metadata: { actor: Ids.system },
    acquire,
    release,
    ...(keyed && {
      idempotency: { key, fingerprint: streams.map(({ events, streamId }) => `${streamId}+${events}`).join() },
    }),
  }
}

/** Invents plans. Many streams that meet nobody, a few that everybody writes to, and claims that wander between streams. */
export const inventor = (random: Random, prefix: string) => {
  let count = 0
  const hot = () => EventStore.StreamId.make(`hot-${random.between(1, 4)}`)
  const own = () => EventStore.StreamId.make(`many-${prefix}.${random.between(1, 300)}`)
  const holder = () => EventStore.StreamId.make(`claiming-${random.between(1, 40)}`)
  const slot = () => `slot:${random.between(1, 25)}`

  return (): Plan => {
    count += 1
    const plan = {
      key: `${prefix}.${count}`,
      tenantId: Ids.TenantId.make(`workspace-${random.between(1, 3)}`),
      keyed: random.chance(0.6),
      acquire: [],
      release: [],
    }
    const stream = (streamId: EventStore.StreamId, events: number, expected: "any" | "exists" | "none" = "any") => ({
      streamId,
      events,
      expected,
    })
    const dice = random.next()
    if (dice < 0.35) return { ...plan, streams: [stream(own(), 1)] }
    if (dice < 0.5) return { ...plan, streams: [stream(hot(), 1)] }
    if (dice < 0.73)
      return { ...plan, streams: [stream(own(), random.between(2, 120), random.pick(["any", "exists"]))] }
    if (dice < 0.75) return { ...plan, streams: [stream(own(), random.between(200, 1_000))] }
    if (dice < 0.85) {
      return { ...plan, streams: [stream(hot(), random.between(1, 3)), stream(own(), random.between(1, 10), "exists")] }
    }
    const claiming = holder()
    return {
      ...plan,
      streams: [
        stream(claiming, random.between(1, 3)),
        ...(random.chance(0.3) ? [stream(own(), random.between(1, 5))] : []),
      ],
      acquire: [{ key: slot(), holder: claiming }],
      release: random.chance(0.7) ? [{ key: slot(), holder: holder() }] : [],
    }
  }
}
