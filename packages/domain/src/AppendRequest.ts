/**
 * What a store refuses before it tries.
 *
 * The rules are the same for every store because they are this one function: what
 * one of them can keep, all of them can. PostgreSQL keeps no NUL character and no
 * half of a surrogate pair, and an event that is too big to be read again would
 * stop every reader.
 */
import { Result } from "effect"

import { type AppendRequest, type EncodedEvent, InvalidAppend } from "./EventStore.ts"

/** How much fits into one append. */
export const limits = {
  events: 10_000,
  /** Streams and claims: each is a lock for as long as the transaction, and a database has some thousands for all. */
  names: 1_000,
  /** Characters of one event's clear part, as JSON. */
  data: 1_000_000,
  /** Objects and arrays within each other. */
  depth: 64,
  /** Bytes of one event's sealed part. */
  sealed: 48 * 1024 * 1024,
  /** Characters of claim keys, idempotency keys, fingerprints, event types and references. */
  name: 500,
  /** Characters of the metadata, as JSON: each event has them. */
  metadata: 10_000,
  version: 2 ** 31 - 1,
} as const

/** A request that can be kept, with its JSON as text. */
export interface Checked {
  readonly request: AppendRequest
  readonly metadata: string
  /** The clear part of each event, by stream. */
  readonly data: ReadonlyArray<ReadonlyArray<string>>
}

export const check = (request: AppendRequest): Result.Result<Checked, InvalidAppend> => {
  const { acquire = [], forget = [], idempotency, metadata, release = [], streams, tenantId } = request
  const problem =
    at("tenantId", nameProblem(tenantId)) ??
    streamsProblem(streams) ??
    at("streams", tooMany(streams.length + acquire.length + release.length)) ??
    at("metadata", valueProblem(metadata)) ??
    found(acquire, ({ key }, index) => at(`acquire[${index}].key`, nameProblem(key))) ??
    repeated(acquire, "acquire", ({ key }) => key) ??
    found(release, ({ key }, index) => at(`release[${index}].key`, nameProblem(key))) ??
    repeated(forget, "forget", (streamId) => streamId) ??
    at("idempotency.key", idempotency && nameProblem(idempotency.key)) ??
    at("idempotency.fingerprint", idempotency && nameProblem(idempotency.fingerprint))
  if (problem !== undefined) return Result.fail(new InvalidAppend(problem))

  const checked = {
    request,
    metadata: JSON.stringify(metadata),
    data: streams.map(({ events }) => events.map((event) => JSON.stringify(event.data))),
  }
  const long = oversized(checked)
  return long === undefined ? Result.succeed(checked) : Result.fail(new InvalidAppend(long))
}

interface Problem {
  readonly at: string
  readonly problem: string
}

const at = (place: string, problem: string | undefined): Problem | undefined =>
  problem === undefined ? undefined : { at: place, problem }

const streamsProblem = (streams: AppendRequest["streams"]): Problem | undefined => {
  if (streams.length === 0) return { at: "streams", problem: "none are named" }
  const total = streams.reduce((sum, { events }) => sum + events.length, 0)
  if (total > limits.events) return { at: "streams", problem: `more than ${limits.events} events` }
  return (
    repeated(streams, "streams", ({ streamId }) => streamId) ??
    found(streams, ({ events, expected }, stream) =>
      typeof expected === "number" && !isNumbered(expected, 0, limits.version)
        ? { at: `streams[${stream}].expected`, problem: "not a version" }
        : found(events, (event, index) => eventProblem(event, `streams[${stream}].events[${index}]`)),
    )
  )
}

const eventProblem = ({ data, schemaVersion, sealed, type }: EncodedEvent, place: string): Problem | undefined =>
  at(`${place}.type`, nameProblem(type)) ??
  at(`${place}.schemaVersion`, isNumbered(schemaVersion, 1, 32_767) ? undefined : "not between 1 and 32767") ??
  at(`${place}.sealed`, (sealed?.byteLength ?? 0) > limits.sealed ? `more than ${limits.sealed} bytes` : undefined) ??
  at(`${place}.data`, valueProblem(data))

/** What no store can keep as JSON or text, wherever it is in the value. */
export const valueProblem = (value: unknown, depth = 1): string | undefined => {
  switch (typeof value) {
    case "string":
      return textProblem(value)
    case "number":
      return Number.isFinite(value) ? undefined : "contains a number that is not finite"
    case "boolean":
    case "undefined":
      return undefined
    case "object":
      if (value === null) return undefined
      if (depth > limits.depth) return `deeper than ${limits.depth} levels`
      if (Array.isArray(value)) return found(value, (element) => valueProblem(element, depth + 1))
      return found(Object.entries(value), ([key, field]) => textProblem(key) ?? valueProblem(field, depth + 1))
    default:
      return "contains something that is not JSON"
  }
}

const textProblem = (text: string): string | undefined => {
  if (text.includes("\0")) return "contains a NUL character"
  return text.isWellFormed() ? undefined : "contains half of a surrogate pair"
}

const nameProblem = (name: string): string | undefined => {
  if (name === "") return "empty"
  return name.length > limits.name ? `longer than ${limits.name} characters` : textProblem(name)
}

const oversized = ({ data, metadata }: Checked): Problem | undefined =>
  at("metadata", metadata.length > limits.metadata ? `more than ${limits.metadata} characters` : undefined) ??
  found(data, (events, stream) =>
    found(events, (json, index) =>
      json.length > limits.data
        ? { at: `streams[${stream}].events[${index}].data`, problem: `more than ${limits.data} characters` }
        : undefined,
    ),
  )

const tooMany = (names: number): string | undefined =>
  names > limits.names ? `more than ${limits.names} streams and claims` : undefined

const isNumbered = (value: number, least: number, most: number) =>
  Number.isInteger(value) && value >= least && value <= most

const repeated = <A>(all: ReadonlyArray<A>, list: string, nameOf: (one: A) => string): Problem | undefined => {
  const seen = new Set<string>()
  return found(all, (one, index) => {
    if (seen.has(nameOf(one))) return { at: `${list}[${index}]`, problem: "named twice" }
    seen.add(nameOf(one))
    return undefined
  })
}

const found = <A, B>(all: ReadonlyArray<A>, f: (one: A, index: number) => B | undefined): B | undefined => {
  for (const [index, one] of all.entries()) {
    const result = f(one, index)
    if (result !== undefined) return result
  }
  return undefined
}
