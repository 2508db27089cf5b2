import { inspect } from "node:util"

import { assert, describe, layer } from "@effect/vitest"
import { Arbitrary, Cause, DateTime, Effect, Equal, Exit, Option, Schema, Stream } from "effect"

import {
  Account,
  Aggregate,
  Connection,
  DataKeys,
  EventCodec,
  EventStore,
  Feed,
  Ids,
  Memory,
  Personal,
} from "../src/index.ts"

layer(Memory.layer, { excludeTestServices: true })((it) => {
  describe("an event", () => {
    for (const [name, codec] of [
      ["connection", Connection],
      ["account", Account],
    ] as const) {
      it.effect.prop(`of a ${name} is read as it was written`, [codec.Event], ([event]) =>
        Effect.gen(function* () {
          const read = yield* EventCodec.decode(codec as EventCodec.EventCodec<typeof event>)(
            yield* stored(codec, event),
          )
          assert.isTrue(Equal.equals(withoutSecrets(read.event), withoutSecrets(event)), inspect([read.event, event]))
        }),
      )
    }

    it.effect.prop("of a feed is read as it was written, with what is personal", [itemsRecorded], ([event]) =>
      Effect.gen(function* () {
        const read = yield* EventCodec.decode(Feed)(yield* stored(Feed, event))
        // As JSON, which has one zero.
        assert.strictEqual(JSON.stringify(shown(read.event)), JSON.stringify(shown(event)))
      }),
    )

    it.effect("withholds what is personal where it was not read, and says Forgotten where the key is gone", () =>
      Effect.gen(function* () {
        const recorded = yield* stored(Feed, secretEvent)
        const { sealed: _, ...clear } = recorded.event
        const withheld = yield* EventCodec.decode(Feed)({ ...recorded, event: clear })
        assert.deepStrictEqual(withheld.event, { ...secretEvent, personal: Personal.withheld })

        const store = yield* EventStore.EventStore
        const streams = [{ streamId: recorded.streamId, expected: "none" as const, events: [recorded.event] }]
        yield* store.append({ tenantId, streams, metadata, forget: [recorded.streamId] })
        yield* (yield* DataKeys.DataKeys).evict(tenantId, [recorded.streamId])
        const forgotten = yield* EventCodec.decode(Feed)(recorded)
        assert.deepStrictEqual(forgotten.event, { ...secretEvent, personal: Personal.forgotten })
      }),
    )

    it.effect("says nothing personal in its clear part", () =>
      Effect.gen(function* () {
        const { event } = yield* stored(Feed, secretEvent)
        assert.notInclude(JSON.stringify(event.data), planted)
        assert.notInclude(Buffer.from(event.sealed ?? []).toString("latin1"), planted)
        assert.notInclude(inspect(secretEvent, { depth: 20 }), planted)
      }),
    )
  })

  describe("an event of another version", () => {
    it.effect("is upcast through every shape that came after its own, its personal part with it", () =>
      Effect.gen(function* () {
        for (const [schemaVersion, shape] of shapes.entries()) {
          const recorded = yield* stored(First, {
            _tag: "renamed",
            ...shape,
            personal: Personal.reveal(shape.personal),
          })
          const read = yield* EventCodec.decode(Third)({
            ...recorded,
            event: { ...recorded.event, schemaVersion: schemaVersion + 1 },
          })
          const personal = Option.getOrThrow(Personal.value(read.event.personal))
          assert.deepStrictEqual(
            [read.event.family, personal],
            ["Lovelace", { given: "Ada" }],
            `shape ${schemaVersion + 1}`,
          )
        }
      }),
    )

    it.effect("is written in the current shape", () =>
      Effect.gen(function* () {
        const personal = Personal.reveal({ given: "Ada" })
        const { event } = yield* stored(Third, { _tag: "renamed", family: "Lovelace", personal })
        assert.strictEqual(event.schemaVersion, 3)
      }),
    )

    it.effect("is not read when its shape is newer, its type is not known, or a field is not as expected", () =>
      Effect.gen(function* () {
        const recorded = yield* stored(Feed, secretEvent)
        const problemOf = (event: Partial<EventStore.EncodedEvent>) =>
          Effect.gen(function* () {
            const error = yield* Effect.flip(
              EventCodec.decode(Feed)({ ...recorded, event: { ...recorded.event, ...event } }),
            )
            assert.strictEqual(error._tag, "UnreadableEvent")
            assert.notInclude(
              `${error.message}${inspect(error, { depth: 20 })}${Cause.pretty(Cause.fail(error))}`,
              planted,
            )
            return error._tag === "UnreadableEvent" ? error.problem : ""
          })
        assert.strictEqual(yield* problemOf({ schemaVersion: 2 }), "shape 2, newer than 1")
        assert.strictEqual(yield* problemOf({ type: "dreamt" }), "a type that is not known")
        assert.strictEqual(yield* problemOf({ type: "toString" }), "a type that is not known")
        assert.include(yield* problemOf({ data: { ...recorded.event.data, at: planted } }), '["at"]')
        assert.include(
          yield* problemOf({ data: { ...recorded.event.data, itemIds: [{ [planted]: planted }] } }),
          "itemIds",
        )
      }),
    )

    it.effect("with a personal part that is not as expected is not read either, and not repeated", () =>
      Effect.gen(function* () {
        const { event, ...where } = yield* stored(First, {
          _tag: "renamed",
          name: "x",
          personal: Personal.reveal({ items: planted }),
        })
        const error = yield* Effect.flip(
          EventCodec.decode(Feed)({
            ...where,
            event: { ...event, type: "items_recorded", data: (yield* stored(Feed, secretEvent)).event.data },
          }),
        )
        assert.strictEqual(error._tag, "UnreadableEvent")
        assert.notInclude(`${error.message}${inspect(error, { depth: 20 })}${Cause.pretty(Cause.fail(error))}`, planted)
      }),
    )

    it.effect("that its own schema refuses is a defect that repeats nothing", () =>
      Effect.gen(function* () {
        const exit = yield* Effect.exit(stored(Feed, { ...secretEvent, itemIds: [planted.repeat(200)] }))
        assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
        assert.notInclude(
          `${inspect(exit, { depth: 20 })}${Exit.isFailure(exit) ? Cause.pretty(exit.cause) : ""}`,
          planted,
        )
      }),
    )
  })

  describe("a command", () => {
    it.effect("that many give at once is decided once", () =>
      Effect.gen(function* () {
        const id = Ids.FeedId.make("00000000-0000-4000-9000-0000000000aa")
        const changes = yield* Effect.forEach(
          Array.from({ length: 20 }),
          () => handle(tenantId, id, { ...secretEvent, _tag: "RecordItems" }, { metadata }),
          { concurrency: "unbounded" },
        )
        assert.strictEqual(changes.flatMap(({ events }) => events).length, 1)
        const store = yield* EventStore.EventStore
        const events = yield* Stream.runCollect(store.readStream(tenantId, Feed.streamId(id)))
        assert.strictEqual(events.length, 1)
      }),
    )

    it.effect("loses nothing that others were told meanwhile", () =>
      Effect.gen(function* () {
        const id = Ids.FeedId.make("00000000-0000-4000-9000-0000000000bb")
        const tell = (item: number) =>
          handle(
            tenantId,
            id,
            {
              ...secretEvent,
              _tag: "RecordItems",
              itemIds: [`${item % 8}`],
              personal: Personal.reveal({ items: [item] }),
            },
            { metadata },
          )
        yield* Effect.forEach(
          Array.from({ length: 16 }, (_, item) => item),
          tell,
          { concurrency: "unbounded" },
        )
        const { state, version } = yield* Aggregate.load(Feed)(tenantId, id)
        assert.deepStrictEqual([...state.itemIds].toSorted(), ["0", "1", "2", "3", "4", "5", "6", "7"])
        assert.strictEqual(version, 8)
      }),
    )

    it.effect("that is refused writes nothing", () =>
      Effect.gen(function* () {
        const id = Ids.ConnectionId.make("00000000-0000-4000-8000-0000000000cc")
        const refused = yield* Effect.flip(
          Aggregate.handle(Connection)(tenantId, id, { _tag: "Pause", at }, { metadata }),
        )
        assert.strictEqual(refused._tag, "ConnectionNotReady")
        assert.strictEqual((yield* Aggregate.load(Connection)(tenantId, id)).version, 0)
      }),
    )
  })
})

const tenantId = Ids.TenantId.make("acme")
const at = DateTime.makeUnsafe("2026-01-01T00:00:00Z")
const metadata = { actor: Ids.system }
const planted = "planted-secret@example.com"
const handle = Aggregate.handle(Feed)

const secretEvent = {
  _tag: "items_recorded",
  at,
  connectionId: Ids.ConnectionId.make("00000000-0000-4000-8000-000000000001"),
  accountId: Ids.AccountId.make("00000000-0000-4000-a000-000000000001"),
  source: "Label_1",
  run: "run",
  itemIds: ["m1"],
  personal: Personal.reveal({ items: [{ body: planted }] }),
} satisfies Feed.Event

let events = 0

/** An event as a store gives it back; its stream is one that was never forgotten. */
const stored = Effect.fnUntraced(function* <Event extends { readonly _tag: string }>(
  codec: EventCodec.EventCodec<Event>,
  event: Event,
) {
  const id = Ids.EventId.make(`00000000-0000-4000-8000-${String(events++).padStart(12, "0")}`)
  const streamId = Feed.streamId(Ids.FeedId.make(id))
  return {
    event: yield* EventCodec.encode(codec)(tenantId, streamId, id, event),
    tenantId,
    streamId,
    version: 1,
    position: EventStore.beginning,
    metadata,
    recordedAt: at,
  } satisfies EventStore.Recorded<EventStore.EncodedEvent>
})

const itemsRecorded = Arbitrary.map(
  Arbitrary.schema(Schema.Array(Schema.Tuple([Feed.ItemId, Schema.Json]))),
  (items): Feed.Event => ({
    ...secretEvent,
    itemIds: items.map(([id]) => id),
    personal: Personal.reveal({ items: items.map(([, content]) => content) }),
  }),
)

const shown = (event: Feed.Event) =>
  event._tag === "items_recorded" ? { ...event, personal: Personal.value(event.personal) } : event

const withoutSecrets = (event: object) => ("personal" in event ? { ...event, personal: undefined } : event)

/** A made-up event through three versions of its shape: one field that becomes two, one of which is personal. */
const First = {
  Event: Schema.TaggedUnion({
    renamed: {
      name: Schema.optionalKey(Schema.String),
      surname: Schema.optionalKey(Schema.String),
      family: Schema.optionalKey(Schema.String),
      personal: Personal.of(
        Schema.Struct({ given: Schema.optionalKey(Schema.String), items: Schema.optionalKey(Schema.String) }),
      ),
    },
  }),
}
const Third = {
  Event: Schema.TaggedUnion({
    renamed: { family: Schema.String, personal: Personal.of(Schema.Struct({ given: Schema.String })) },
  }),
  upcasters: {
    renamed: [
      ({ data: { name, ...data }, personal }: EventCodec.Shape): EventCodec.Shape => ({
        data: { ...data, surname: String(name).toUpperCase() },
        personal,
      }),
      ({ data: { surname, ...data }, personal }: EventCodec.Shape): EventCodec.Shape => ({
        data: { ...data, family: `${String(surname).slice(0, 1)}${String(surname).slice(1).toLowerCase()}` },
        personal,
      }),
    ],
  },
}
const shapes = [
  { name: "lovelace", personal: { given: "Ada" } },
  { surname: "LOVELACE", personal: { given: "Ada" } },
  { family: "Lovelace", personal: { given: "Ada" } },
]
