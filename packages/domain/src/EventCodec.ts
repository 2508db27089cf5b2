/**
 * Between the events that the domain speaks of and the events that a store keeps.
 *
 * A codec splits an event into its clear part and its personal part, which is
 * sealed; it stamps the version of the shape, and upcasts older shapes when they
 * are read. Recorded JSON is never rewritten.
 */
import { Effect, Option, Predicate, Schema } from "effect"

import { type EncodedEvent, type Recorded, type StreamId } from "./EventStore.ts"
import { type EventId, type TenantId } from "./Ids.ts"
import { Sealer } from "./Sealer.ts"

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
  const fromJson = Schema.decodeUnknownEffect(codec.Event)
  const hasPersonal = personalTypes(codec.Event)

  return Effect.fnUntraced(function* (recorded: Recorded<EncodedEvent>) {
    const { event, streamId, version } = recorded
    const { data, schemaVersion, type } = event
    const unreadable = (problem: string) => new UnreadableEvent({ streamId, version, type, problem })

    if (!Object.hasOwn(codec.Event.cases, type)) return yield* unreadable("a type that is not known")
    const current = currentVersion(codec, type)
    if (schemaVersion > current) return yield* unreadable(`shape ${schemaVersion}, newer than ${current}`)

    const opened = hasPersonal(type) ? yield* openPersonal(recorded) : undefined
    const revealed = opened?._tag === "Revealed"
    const shape = (codec.upcasters?.[type] ?? [])
      .slice(schemaVersion - 1)
      .reduce((shape: Shape, upcast) => upcast(shape), revealed ? { data, personal: opened.value } : { data })
    const personal = revealed ? { ...opened, value: shape.personal } : opened

    const stored = personal === undefined ? { ...shape.data, _tag: type } : { ...shape.data, _tag: type, personal }
    const decoded = yield* Effect.mapError(fromJson(stored), ({ message }) => unreadable(message))
    return { ...recorded, event: decoded } satisfies Recorded<Event>
  })
}

type Stored = { readonly _tag: "Revealed"; readonly value: Schema.Json } | { readonly _tag: "Forgotten" | "Withheld" }

const openPersonal = Effect.fnUntraced(function* ({ event, streamId, tenantId }: Recorded<EncodedEvent>) {
  if (event.sealed === undefined) return { _tag: "Withheld" } satisfies Stored
  const { open } = yield* Sealer
  const opened = yield* open({ tenantId, streamId, eventId: event.id }, event.sealed)
  return Option.match(opened, {
    onNone: (): Stored => ({ _tag: "Forgotten" }),
    onSome: (text): Stored => ({ _tag: "Revealed", value: JSON.parse(text) }),
  })
})

const currentVersion = <Event extends { readonly _tag: string }>({ upcasters }: EventCodec<Event>, type: string) =>
  (upcasters?.[type]?.length ?? 0) + 1

/** Which types have a personal part, by their schema. */
const personalTypes = ({ cases }: { readonly cases: Readonly<Record<string, unknown>> }) => {
  const types = new Set(Object.keys(cases).filter((type) => hasField(cases[type], "personal")))
  return (type: string) => types.has(type)
}

const hasField = (schema: unknown, field: string) =>
  Predicate.hasProperty(schema, "fields") && Predicate.hasProperty(schema.fields, field)
