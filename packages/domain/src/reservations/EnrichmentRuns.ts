/**
 * How far a tenant's messages have been compared with its bookings. One stream
 * for each tenant.
 */
import { Equal, Result, Schema } from "effect"

import { StreamId } from "../EventStore.ts"

const run = {
  at: Schema.DateTimeUtcFromString,
  /** Every message that was recorded up to here was considered. */
  until: Schema.BigIntFromString,
  /** The version of the view `reservation_facts` that it was read from. */
  facts: Schema.Natural,
  /** The version of the rules by which it was matched; none in what was recorded before they had one. */
  matching: Schema.optionalKey(Schema.Natural),
  /** How often switches had been turned on again: what was frozen before is considered again. */
  enabled: Schema.Natural,
  factsConsidered: Schema.Natural,
  bookingsEnriched: Schema.Natural,
  reviewsOpened: Schema.Natural,
  reviewsClosed: Schema.Natural,
}

/**
 * Tags and fields are the storage format: never rename or repurpose one.
 */
export const Event = Schema.TaggedUnion({
  /** A run came to its end; said by the run. */
  facts_considered: run,
})
export type Event = typeof Event.Type

export const Command = Schema.TaggedUnion({ RecordRun: run })
export type Command = typeof Command.Type

export interface State {
  readonly until: bigint
  readonly facts: number
  readonly matching: number
  readonly enabled: number
}

export const initial: State = { until: 0n, facts: 0, matching: 0, enabled: 0 }

export const evolve = (_: State, { enabled, facts, matching = 0, until }: Event): State => ({
  until,
  facts,
  matching,
  enabled,
})

export const decide = (state: State, command: Command): Result.Result<ReadonlyArray<Event>> =>
  Result.succeed(
    Equal.equals(state, evolve(state, { ...command, _tag: "facts_considered" }))
      ? []
      : [{ ...command, _tag: "facts_considered" }],
  )

export const claims = (): ReadonlyArray<string> => []

export const name = "enrichment_runs"

/** A tenant has one. */
export const streamId = (): StreamId => StreamId.make(name)
