/**
 * Between the events that the domain speaks of and the events that a store keeps.
 *
 * A codec splits an event into its clear part and its personal part, which is
 * sealed; it stamps the version of the shape, and upcasts older shapes when they
 * are read. Recorded JSON is never rewritten.
 */
import { Array, Effect, Option, Predicate, Result, Schema, Stream } from "effect"

import { type EncodedEvent, type EventStoreUnavailable, type Recorded, type StreamId } from "./EventStore.ts"
import { type EventId, type TenantId } from "./Ids.ts"
import { Sealer, type SealingError } from "./Sealer.ts"

/** The clear part of an event, and the personal part if it is there to be read, in one version of its shape. */
export interface Shape {
  readonly data: Readonly<Record<string, Schema.Json>>
  readonly personal?: Schema.Json | undefined
}

type Encoded = { readonly _tag: string; readonly personal?: Stored } & { readonly [field: string]: Schema.Json }

/** How the events of one category of streams are stored. */
export interface EventCodec<Event extends { readonly _tag: string }> {
  readonly Event: Schema.Codec<Event, Encoded> & { readonly cases: Readonly<Record<string, unknown>> }
  /**
   * By event type: how the shape of version n (at index n - 1) becomes that of version n + 1.
   * The current version of a type is one more than it has upcasters.
   */
  readonly upcasters?: Readonly<Record<string, ReadonlyArray<(shape: Shape) => Shape>>> | undefined
}

/** A recorded event that this version of the software cannot read. A newer one, or a mended key, may. */
export class UnreadableEvent extends Schema.TaggedError<UnreadableEvent>()("UnreadableEvent", {
  streamId: Schema.String,
  version: Schema.Natural,
  type: Schema.String,
  /** What is wrong, and where; never the value. */
  problem: Schema.String,
}) {}

/**
 * Stores an event: its clear part as JSON, its personal part sealed for the stream it goes to.
 * An event that its own schema refuses is a bug, so a defect.
 */
export const encode = <Event extends { readonly _tag: string }>(codec: EventCodec<Event>) => {
  const toJson = Schema.encodeUnknownEffect(codec.Event)

  return Effect.fnUntraced(function* (tenantId: TenantId, streamId: StreamId, id: EventId, event: Event) {
    const { _tag: type, personal, ...data } = yield* Effect.orDie(toJson(event))
    const schemaVersion = currentVersion(codec, type)
    if (personal?._tag !== "Revealed") return { id, type, schemaVersion, data } satisfies EncodedEvent

    const { seal } = yield* Sealer
    const sealed = yield* seal({ tenantId, streamId, eventId: id }, JSON.stringify(personal.value))
    return { id, type, schemaVersion, data, sealed } satisfies EncodedEvent
  })
}

/**
 * Reads an event back. Personal data that was not read from the store is
 * `Withheld`, what was forgotten is `Forgotten`.
 */
export const decode = <Event extends { readonly _tag: string }>(codec: EventCodec<Event>) => {
  const read = reader(codec)

  return Effect.fnUntraced(function* (recorded: Recorded<EncodedEvent>) {
    const { sealed } = recorded.event
    return yield* Effect.fromResult(read(recorded, sealed === undefined ? withheld : yield* open(recorded, sealed)))
  })
}

/** Reads the clear part of an event back, at once: its personal part is `Withheld`. */
export const decodeClear = <Event extends { readonly _tag: string }>(codec: EventCodec<Event>) => {
  const read = reader(codec)

  return (recorded: Recorded<EncodedEvent>): Result.Result<Recorded<Event>, UnreadableEvent> => read(recorded, withheld)
}

/**
 * Reads a stream of events back, in their order. What has nothing sealed is read a
 * chunk at a time: an effect for each event would cost more than the reading.
 */
export const decodeStream = <Event extends { readonly _tag: string }>(codec: EventCodec<Event>) => {
  const decodeOne = decode(codec)
  const read = decodeClear(codec)

  return <E, R>(events: Stream.Stream<Recorded<EncodedEvent>, E, R>) =>
    Stream.mapArrayEffect(events, (chunk) =>
      chunk.some(({ event }) => event.sealed !== undefined)
        ? Effect.forEach(chunk, (recorded) => decodeOne(recorded))
        : Effect.fromResult(Result.all(Array.map(chunk, read))),
    )
}

type Stored = { readonly _tag: "Revealed"; readonly value: Schema.Json } | { readonly _tag: "Forgotten" | "Withheld" }

const withheld: Stored = { _tag: "Withheld" }

const open = Effect.fnUntraced(function* (
  { event, streamId, tenantId }: Recorded<EncodedEvent>,
  sealed: Uint8Array,
): Effect.fn.Return<Stored, SealingError | EventStoreUnavailable, Sealer> {
  const sealer = yield* Sealer
  const opened = yield* sealer.open({ tenantId, streamId, eventId: event.id }, sealed)
  return Option.isSome(opened) ? { _tag: "Revealed", value: JSON.parse(opened.value) } : { _tag: "Forgotten" }
})

const reader = <Event extends { readonly _tag: string }>(codec: EventCodec<Event>) => {
  const fromJson = Schema.decodeUnknownResult(codec.Event)
  const hasPersonal = personalTypes(codec.Event)

  return (recorded: Recorded<EncodedEvent>, personal: Stored): Result.Result<Recorded<Event>, UnreadableEvent> => {
    const { event, metadata, position, recordedAt, streamId, tenantId, version } = recorded
    const { schemaVersion, type } = event
    const unreadable = (problem: string) => Result.fail(new UnreadableEvent({ streamId, version, type, problem }))

    if (!Object.hasOwn(codec.Event.cases, type)) return unreadable("a type that is not known")
    const current = currentVersion(codec, type)
    if (schemaVersion > current) return unreadable(`shape ${schemaVersion}, newer than ${current}`)
    const shape =
      schemaVersion < current ? upcast(codec, event, personal) : { data: event.data, personal: valueOf(personal) }

    const decoded = fromJson(
      hasPersonal(type)
        ? { ...shape.data, _tag: type, personal: { _tag: personal._tag, value: shape.personal } }
        : { ...shape.data, _tag: type },
    )
    if (Result.isFailure(decoded)) return unreadable(decoded.failure.message)
    return Result.succeed({ event: decoded.success, tenantId, streamId, version, position, metadata, recordedAt })
  }
}

const upcast = <Event extends { readonly _tag: string }>(
  { upcasters }: EventCodec<Event>,
  { data, schemaVersion, type }: EncodedEvent,
  personal: Stored,
): Shape =>
  (upcasters?.[type] ?? [])
    .slice(schemaVersion - 1)
    .reduce((shape: Shape, step) => step(shape), { data, personal: valueOf(personal) })

const valueOf = (personal: Stored) => (personal._tag === "Revealed" ? personal.value : undefined)

const currentVersion = <Event extends { readonly _tag: string }>({ upcasters }: EventCodec<Event>, type: string) =>
  (upcasters?.[type]?.length ?? 0) + 1

/** Which types have a personal part, by their schema. */
const personalTypes = ({ cases }: { readonly cases: Readonly<Record<string, unknown>> }) => {
  const types = new Set(Object.keys(cases).filter((type) => hasField(cases[type], "personal")))
  return (type: string) => types.has(type)
}

const hasField = (schema: unknown, field: string) =>
  Predicate.hasProperty(schema, "fields") && Predicate.hasProperty(schema.fields, field)
