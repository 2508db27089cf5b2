import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Schema, Stream } from "effect"

import { EventStore, EventStoreMemory, Ids, LogFold, SubjectKeys } from "../src/index.ts"

const tenantId = Ids.TenantId.make("acme")

const say = (...types: ReadonlyArray<string>) =>
  Effect.flatMap(EventStore.EventStore, (store) =>
    store.append({
      tenantId,
      streams: [
        {
          streamId: EventStore.StreamId.make("connection-1"),
          expected: "any",
          events: types.map((type) => ({
            id: Ids.EventId.make(crypto.randomUUID()),
            type,
            schemaVersion: 1,
            data: {},
          })),
        },
      ],
      metadata: { actor: Ids.system },
    }),
  )

const heard = () =>
  LogFold.make<ReadonlyArray<string>>(
    { types: ["a", "b"] },
    () => [],
    (all, { event }) => [...all, event.type],
  )

/** A log that counts what is read of it, and breaks off where it is told to. */
const watched = Effect.map(EventStore.EventLog, (log) => {
  const watch = { read: 0, breaksAfter: Infinity }
  const away = new EventStore.EventStoreUnavailable({ reason: "away", outcome: "nothing-written" })
  return {
    watch,
    log: EventStore.EventLog.of({
      ...log,
      read: (after, asked) =>
        // Whether the event that was read last is still there is asked without naming types.
        asked?.types === undefined
          ? log.read(after, asked)
          : Stream.mapEffect(log.read(after, asked), (recorded) =>
              watch.read >= watch.breaksAfter
                ? Effect.fail(away)
                : Effect.sync(() => {
                    watch.read++
                    return recorded
                  }),
            ),
    }),
  }
})

const Said = Schema.Array(Schema.Array(Schema.Literals(["a", "b", "c"])).check(Schema.isMaxLength(4))).check(
  Schema.isMaxLength(6),
)

const memory = () => Layer.fresh(Layer.provideMerge(EventStoreMemory.layer, SubjectKeys.SubjectKeys.layerMemory))

describe("A fold of the log that reads on", () => {
  it.effect.prop(
    "is what the whole log says, and reads each event of it once, wherever a look breaks off",
    [Said, Schema.Array(Schema.Natural.check(Schema.isLessThan(8)))],
    ([said, breaks]) =>
      Effect.gen(function* () {
        const { log, watch } = yield* watched
        const fold = heard()
        const look = Effect.provideService(fold, EventStore.EventLog, log)
        for (const [index, types] of said.entries()) {
          if (types.length > 0) yield* say(...types)
          watch.breaksAfter = watch.read + (breaks[index] ?? Infinity)
          yield* Effect.ignore(look)
        }
        watch.breaksAfter = Infinity
        const wanted = said.flat().filter((type) => type !== "c")
        assert.deepStrictEqual(yield* look, wanted)
        assert.deepStrictEqual(yield* look, wanted)
        assert.strictEqual(watch.read, wanted.length)
      }).pipe(Effect.provide(memory())),
    { arbitrary: { runs: 100 } },
  )

  it.effect("reads each event once where several look at once", () =>
    Effect.gen(function* () {
      const { log, watch } = yield* watched
      yield* say("a", "b", "a")
      const fold = heard()
      const looks = yield* Effect.all([fold, fold, fold], { concurrency: "unbounded" }).pipe(
        Effect.provideService(EventStore.EventLog, log),
      )
      for (const look of looks) assert.deepStrictEqual(look, ["a", "b", "a"])
      assert.strictEqual(watch.read, 3)
    }).pipe(Effect.provide(memory())),
  )

  it.effect.each([0, 1, 4])(
    "is read anew of a log that was restored to a backup, and is %i events longer since",
    (more) =>
      Effect.gen(function* () {
        const [kept, backup] = yield* Effect.all([Layer.build(memory()), Layer.build(memory())])
        let restored = false
        const now = Effect.sync(() => Context.get(restored ? backup : kept, EventStore.EventLog))
        const log = EventStore.EventLog.of({
          ...Context.get(kept, EventStore.EventLog),
          head: Effect.flatMap(now, ({ head }) => head),
          read: (...asked) => Stream.unwrap(Effect.map(now, ({ read }) => read(...asked))),
        })
        const look = Effect.provideService(heard(), EventStore.EventLog, log)
        const fold = Effect.suspend(() => look)
        yield* Effect.provide(say("a", "b", "b"), kept)
        yield* Effect.provide(say("a"), backup)
        assert.deepStrictEqual(yield* fold, ["a", "b", "b"])
        restored = true
        const since = Array.from({ length: more }, () => "a")
        if (more > 0) yield* Effect.provide(say(...since), backup)
        assert.deepStrictEqual(yield* fold, ["a", ...since])
      }).pipe(Effect.scoped),
  )

  it.effect("is another one of another log", () =>
    Effect.gen(function* () {
      const fold = heard()
      const one = Effect.andThen(say("a"), fold).pipe(Effect.provide(memory()))
      const other = Effect.andThen(say("b"), fold).pipe(Effect.provide(memory()))
      assert.deepStrictEqual(yield* one, ["a"])
      assert.deepStrictEqual(yield* other, ["b"])
    }),
  )
})
