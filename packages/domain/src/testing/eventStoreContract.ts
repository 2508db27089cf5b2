/**
 * What every event store must do, as tests its package can run.
 */
import { assert, layer } from "@effect/vitest"
import { Arbitrary, Context, Duration, Effect, Fiber, Layer, Option, Random, Result, Schema, Stream } from "effect"

import * as AppendRequest from "../AppendRequest.ts"
import {
  type AppendError,
  type Appended,
  beginning,
  categoryOf,
  ClaimConflict,
  type EncodedEvent,
  EventLog,
  EventStore,
  type ExpectedVersion,
  IdempotencyConflict,
  InvalidAppend,
  type LogFilter,
  type Metadata,
  type Page,
  type Position,
  type Recorded,
  StreamId,
  VersionConflict,
} from "../EventStore.ts"
import * as EventStoreMemory from "../EventStoreMemory.ts"
import { EventId, TenantId } from "../Ids.ts"

/**
 * Registers the contract as a suite. The store may hold events of earlier runs, but nobody else may write to it
 * meanwhile. Real time passes: some of it waits for hints and polls.
 */
export const eventStoreContract = <E>(name: string, store: Layer.Layer<EventStore | EventLog, E>) =>
  layer(store, { timeout: Duration.seconds(60), excludeTestServices: true })(name, (it) => {
    it.effect("reads back what was appended, in order", () =>
      Effect.gen(function* () {
        const { append, readStream } = yield* EventStore
        const { streamId, tenantId } = yield* fresh
        const events = yield* Effect.all([
          encoded({ data: { "": [null, true, -0.5, 1e21, "𝄞\u0001\\u0000"], nested: { __proto: {} } } }),
          encoded({ type: "other", schemaVersion: 7, sealed: Uint8Array.of(0, 255, 1) }),
          encoded({ sealed: new Uint8Array() }),
        ])
        const metadata: Metadata = {
          actor: { kind: "operator", id: "ops-7" },
          correlationId: "c",
          causationId: (yield* encoded()).id,
        }
        yield* append({ tenantId, streams: [{ streamId, expected: 0, events: events.slice(0, 2) }], metadata })
        yield* append({ tenantId, streams: [{ streamId, expected: 2, events: events.slice(2) }], metadata })

        const recorded = yield* Stream.runCollect(readStream(tenantId, streamId))
        assert.deepStrictEqual(
          recorded.map(contentOf),
          events.map((event, index) => ({ event, tenantId, streamId, version: index + 1, metadata })),
        )
        assert.isTrue(isAscending(recorded))
        assert.isTrue(recorded.every(({ recordedAt }) => recordedAt.epochMilliseconds > Date.UTC(2020)))
      }),
    )

    it.effect("keeps what it was given, whatever becomes of the caller's objects", () =>
      Effect.gen(function* () {
        const { append, readStream } = yield* EventStore
        const { streamId, tenantId } = yield* fresh
        const data = { list: [1] }
        const sealed = Uint8Array.of(1)
        yield* append(one(tenantId, streamId, 0, yield* encoded({ data, sealed })))
        data.list.push(2)
        sealed.fill(9)
        const [recorded] = yield* Stream.runCollect(readStream(tenantId, streamId))
        assert.deepStrictEqual(recorded?.event.data, { list: [1] })
        assert.deepStrictEqual(recorded?.event.sealed, Uint8Array.of(1))
      }),
    )

    it.effect("appends only to a stream that is as expected, and says how it is", () =>
      Effect.gen(function* () {
        const { append, readStream } = yield* EventStore
        const at = (version: number, expected: ExpectedVersion) =>
          Effect.gen(function* () {
            const { streamId, tenantId } = yield* fresh
            const before = yield* Effect.replicateEffect(encoded(), version)
            yield* append({ tenantId, streams: [{ streamId, expected: 0, events: before }], metadata: system })
            const result = yield* Effect.result(append(one(tenantId, streamId, expected, yield* encoded())))
            assert.strictEqual(
              yield* Stream.runCount(readStream(tenantId, streamId)),
              version + (Result.isSuccess(result) ? 1 : 0),
            )
            return Result.match(result, {
              onSuccess: ({ versions }) => versions,
              onFailure: (error) => error,
            }) satisfies ReadonlyArray<number> | AppendError as unknown
          }).pipe(Effect.map((outcome) => (outcome instanceof VersionConflict ? `at ${outcome.actual}` : outcome)))

        assert.deepStrictEqual(yield* at(0, 0), [1])
        assert.deepStrictEqual(yield* at(0, "none"), [1])
        assert.deepStrictEqual(yield* at(0, "any"), [1])
        assert.deepStrictEqual(yield* at(0, "exists"), "at 0")
        assert.deepStrictEqual(yield* at(0, 1), "at 0")
        assert.deepStrictEqual(yield* at(2, 2), [3])
        assert.deepStrictEqual(yield* at(2, "any"), [3])
        assert.deepStrictEqual(yield* at(2, "exists"), [3])
        assert.deepStrictEqual(yield* at(2, "none"), "at 2")
        assert.deepStrictEqual(yield* at(2, 0), "at 2")
        assert.deepStrictEqual(yield* at(2, 1), "at 2")
        assert.deepStrictEqual(yield* at(2, 3), "at 2")
      }),
    )

    it.effect("appends to all of several streams or to none", () =>
      Effect.gen(function* () {
        const { append, readStream } = yield* EventStore
        const { tenantId } = yield* fresh
        const [a, b, c] = [streamNamed("account-a"), streamNamed("feed-b"), streamNamed("controls")]
        const events = yield* Effect.replicateEffect(encoded(), 4)
        const request = {
          tenantId,
          metadata: system,
          streams: [
            { streamId: b, expected: "none" as const, events: events.slice(0, 2) },
            { streamId: a, expected: 0, events: events.slice(2) },
            { streamId: c, expected: 0, events: [] },
          ],
        }
        const { position, versions } = yield* append(request)
        assert.deepStrictEqual(versions, [2, 2, 0])
        const recorded = [
          ...(yield* Stream.runCollect(readStream(tenantId, b))),
          ...(yield* Stream.runCollect(readStream(tenantId, a))),
        ]
        assert.deepStrictEqual(
          recorded.map(({ event }) => event.id),
          events.map(({ id }) => id),
        )
        assert.isTrue(isAscending(recorded))
        assert.strictEqual(recorded.at(-1)?.position, position)

        const again = {
          ...request,
          streams: request.streams.map(({ events, streamId }, n) => ({ streamId, expected: n === 1 ? 1 : 2, events })),
        }
        assert.deepStrictEqual(
          yield* Effect.flip(append(again)),
          new VersionConflict({ streamId: a, expected: 1, actual: 2 }),
        )
        assert.strictEqual(yield* Stream.runCount(readStream(tenantId, b)), 2)
      }),
    )

    it.effect("checks the expectation of a stream that it appends nothing to", () =>
      Effect.gen(function* () {
        const { append } = yield* EventStore
        const { streamId, tenantId } = yield* fresh
        const check = (expected: ExpectedVersion) =>
          append({ tenantId, streams: [{ streamId, expected, events: [] }], metadata: system })
        assert.deepStrictEqual(yield* check("none"), { position: beginning, versions: [0], repeated: false })
        const conflict = new VersionConflict({ streamId, expected: "exists", actual: 0 })
        assert.deepStrictEqual(yield* Effect.flip(check("exists")), conflict)
      }),
    )

    it.effect("lets one of many racing writers win", () =>
      Effect.gen(function* () {
        const { append, readStream } = yield* EventStore
        const { streamId, tenantId } = yield* fresh
        const write = Effect.flatMap(encoded(), (event) => Effect.result(append(one(tenantId, streamId, 0, event))))
        const outcomes = yield* Effect.all(
          Array.from({ length: 12 }, () => write),
          { concurrency: "unbounded" },
        )

        const losses = outcomes.filter(Result.isFailure).map(({ failure }) => failure)
        assert.deepStrictEqual(
          losses,
          Array.from({ length: 11 }, () => new VersionConflict({ streamId, expected: 0, actual: 1 })),
        )
        assert.strictEqual(yield* Stream.runCount(readStream(tenantId, streamId)), 1)
      }),
    )

    it.effect("lets all racing writers that expect nothing append, one after the other", () =>
      Effect.gen(function* () {
        const { append } = yield* EventStore
        const { streamId, tenantId } = yield* fresh
        const write = Effect.flatMap(encoded(), (event) => append(one(tenantId, streamId, "any", event)))
        const outcomes = yield* Effect.all(
          Array.from({ length: 12 }, () => write),
          { concurrency: "unbounded" },
        )
        const versions = outcomes.flatMap(({ versions }) => versions).toSorted((a, b) => a - b)
        assert.deepStrictEqual(
          versions,
          Array.from({ length: 12 }, (_, index) => index + 1),
        )
      }),
    )

    it.effect("gives a claim to one stream at a time", () =>
      Effect.gen(function* () {
        const { append, holderOf, readStream } = yield* EventStore
        const { tenantId } = yield* fresh
        const [a, b] = [streamNamed("connection-a"), streamNamed("connection-b")]
        const claiming = (holder: StreamId, claims: Pick<AppendRequest.Checked["request"], "acquire" | "release">) =>
          Effect.flatMap(encoded(), (event) => append({ ...one(tenantId, holder, "any", event), ...claims }))
        const slot = { key: "slot:émile", holder: a }

        assert.isUndefined(yield* holderOf(tenantId, slot.key))
        yield* claiming(a, { acquire: [slot] })
        yield* claiming(a, { acquire: [slot] })
        assert.strictEqual(yield* holderOf(tenantId, slot.key), a)

        const taking = claiming(b, {
          acquire: [
            { key: "other", holder: b },
            { ...slot, holder: b },
          ],
        })
        assert.deepStrictEqual(yield* Effect.flip(taking), new ClaimConflict(slot))
        assert.isUndefined(yield* holderOf(tenantId, "other"))
        assert.strictEqual(yield* Stream.runCount(readStream(tenantId, b)), 0)

        yield* claiming(b, { release: [{ ...slot, holder: b }] })
        assert.strictEqual(yield* holderOf(tenantId, slot.key), a)
        yield* claiming(b, { release: [slot], acquire: [{ ...slot, holder: b }] })
        assert.strictEqual(yield* holderOf(tenantId, slot.key), b)
        yield* claiming(b, { release: [{ ...slot, holder: b }] })
        assert.isUndefined(yield* holderOf(tenantId, slot.key))
      }),
    )

    it.effect("gives a claim to one of many that race for it", () =>
      Effect.gen(function* () {
        const { append, holderOf } = yield* EventStore
        const { tenantId } = yield* fresh
        const outcomes = yield* Effect.forEach(
          Array.from({ length: 12 }, (_, n) => streamNamed(`connection-${n}`)),
          (holder) =>
            Effect.flatMap(encoded(), (event) =>
              Effect.result(append({ ...one(tenantId, holder, 0, event), acquire: [{ key: "slot", holder }] })),
            ),
          { concurrency: "unbounded" },
        )
        const holder = yield* holderOf(tenantId, "slot")
        const losses = outcomes.filter(Result.isFailure).map(({ failure }) => failure)
        assert.deepStrictEqual(
          losses,
          Array.from({ length: 11 }, () => new ClaimConflict({ key: "slot", holder: holder ?? streamNamed("nobody") })),
        )
      }),
    )

    it.effect("never lets appends to the same streams and claims stop each other for good", () =>
      Effect.gen(function* () {
        const { append } = yield* EventStore
        const { tenantId } = yield* fresh
        const names = ["account-a", "account-b", "account-c", "account-d"].map(streamNamed)
        const write = (n: number) =>
          Effect.gen(function* () {
            const [events, order] = [
              yield* Effect.replicateEffect(encoded(), 4),
              n % 2 === 0 ? names : names.toReversed(),
            ]
            const claims = order.map((holder) => ({ key: `key-${holder}`, holder }))
            return yield* append({
              tenantId,
              metadata: system,
              streams: order.map((streamId, index) => ({
                streamId,
                expected: "any",
                events: events.slice(index, index + 1),
              })),
              acquire: n % 3 === 0 ? claims : [],
              release: n % 3 === 1 ? claims.toReversed() : [],
            })
          })
        const appended = yield* Effect.forEach(
          Array.from({ length: 40 }, (_, n) => n),
          write,
          { concurrency: "unbounded" },
        )
        const versions = appended.map(({ versions }) => versions[0] ?? 0).toSorted((a, b) => a - b)
        assert.deepStrictEqual(
          versions,
          Array.from({ length: 40 }, (_, n) => n + 1),
        )
      }),
    )

    it.effect("returns the first result when a request is repeated under its key", () =>
      Effect.gen(function* () {
        const { append, readStream } = yield* EventStore
        const { streamId, tenantId } = yield* fresh
        const request = {
          ...one(tenantId, streamId, "any", yield* encoded()),
          idempotency: { key: "registration-1", fingerprint: "f" },
        }
        const first = yield* append(request)
        assert.deepStrictEqual(first.versions, [1])
        yield* append(one(tenantId, streamId, 1, yield* encoded()))
        assert.deepStrictEqual(yield* append(request), { ...first, repeated: true })
        assert.deepStrictEqual(yield* append({ ...request, streams: [{ streamId, expected: 0, events: [] }] }), {
          ...first,
          repeated: true,
        })
        assert.deepStrictEqual(
          yield* Effect.flip(append({ ...request, idempotency: { key: "registration-1", fingerprint: "g" } })),
          new IdempotencyConflict({ key: "registration-1" }),
        )
        assert.strictEqual(yield* Stream.runCount(readStream(tenantId, streamId)), 2)
      }),
    )

    it.effect("records under a key that nothing was appended, and does not record a failure", () =>
      Effect.gen(function* () {
        const { append } = yield* EventStore
        const { streamId, tenantId } = yield* fresh
        const asked = (expected: ExpectedVersion) =>
          append({
            tenantId,
            streams: [{ streamId, expected, events: [] }],
            metadata: system,
            idempotency: { key: "k", fingerprint: "f" },
          })
        assert.strictEqual((yield* Effect.flip(asked("exists")))._tag, "VersionConflict")
        assert.deepStrictEqual(yield* asked("none"), { position: beginning, versions: [0], repeated: false })
        assert.deepStrictEqual(yield* asked("exists"), { position: beginning, versions: [0], repeated: true })
      }),
    )

    it.effect("appends once when a request races with its own repetitions", () =>
      Effect.gen(function* () {
        const { append, readStream } = yield* EventStore
        const { streamId, tenantId } = yield* fresh
        const request = {
          ...one(tenantId, streamId, 0, yield* encoded()),
          idempotency: { key: "k", fingerprint: "f" },
        }
        const results = yield* Effect.all(
          Array.from({ length: 12 }, () => append(request)),
          { concurrency: "unbounded" },
        )
        assert.strictEqual(results.filter(({ repeated }) => !repeated).length, 1)
        assert.strictEqual(new Set(results.map(({ position }) => position)).size, 1)
        assert.strictEqual(yield* Stream.runCount(readStream(tenantId, streamId)), 1)
      }),
    )

    it.effect("draws no position for a request that fails", () =>
      Effect.gen(function* () {
        const { append } = yield* EventStore
        const { head } = yield* EventLog
        const { streamId, tenantId } = yield* fresh
        const other = streamNamed("account-other")
        const event = yield* encoded()
        yield* append({ ...one(tenantId, streamId, 0, event), acquire: [{ key: "k", holder: streamId }] })
        const before = yield* head
        const race = Array.from({ length: 8 }, () => append(one(tenantId, streamId, 0, event)))
        yield* Effect.all(race.map(Effect.flip), { concurrency: "unbounded" })
        yield* Effect.flip(append({ ...one(tenantId, other, 0, event), acquire: [{ key: "k", holder: other }] }))
        assert.strictEqual(yield* head, before)
      }),
    )

    it.effect("refuses what it could not keep, and says where it is", () =>
      Effect.gen(function* () {
        const { append } = yield* EventStore
        const { streamId, tenantId } = yield* fresh
        const event = yield* encoded()
        const good = one(tenantId, streamId, "any", event)
        const having = (change: Partial<EncodedEvent>) => one(tenantId, streamId, "any", { ...event, ...change })
        const claim = { key: "k", holder: streamId }
        const deep = Array.from({ length: 70 }).reduce<Schema.Json>((inner) => [inner], null)
        const refused: ReadonlyArray<readonly [at: string, request: AppendRequest.Checked["request"]]> = [
          ["streams", { ...good, streams: [] }],
          ["streams[1]", { ...good, streams: [...good.streams, ...good.streams] }],
          ["streams", one(tenantId, streamId, 0, ...Array<EncodedEvent>(AppendRequest.limits.events + 1).fill(event))],
          ["streams", { ...good, release: Array(AppendRequest.limits.names).fill(claim) }],
          ["streams[0].expected", one(tenantId, streamId, -1, event)],
          ["streams[0].expected", one(tenantId, streamId, 0.5, event)],
          ["streams[0].events[0].data", having({ data: { a: ["\0"] } })],
          ["streams[0].events[0].data", having({ data: { "\0": 1 } })],
          ["streams[0].events[0].data", having({ data: { a: "\ud800" } })],
          ["streams[0].events[0].data", having({ data: { a: Number.NaN } })],
          ["streams[0].events[0].data", having({ data: { deep } })],
          ["streams[0].events[0].data", having({ data: { a: "x".repeat(AppendRequest.limits.data) } })],
          ["streams[0].events[0].sealed", having({ sealed: new Uint8Array(AppendRequest.limits.sealed + 1) })],
          ["streams[0].events[0].type", having({ type: "" })],
          ["streams[0].events[0].type", having({ type: "a\0" })],
          ["streams[0].events[0].schemaVersion", having({ schemaVersion: 0 })],
          ["metadata", { ...good, metadata: { ...system, correlationId: "\udc00" } }],
          ["metadata", { ...good, metadata: { ...system, correlationId: "c".repeat(AppendRequest.limits.metadata) } }],
          ["acquire[0].key", { ...good, acquire: [{ ...claim, key: "" }] }],
          ["acquire[1]", { ...good, acquire: [claim, claim] }],
          ["release[0].key", { ...good, release: [{ ...claim, key: "k\0" }] }],
          ["idempotency.key", { ...good, idempotency: { key: "k".repeat(501), fingerprint: "f" } }],
          ["idempotency.fingerprint", { ...good, idempotency: { key: "k", fingerprint: "" } }],
        ]
        for (const [at, request] of refused) {
          const error = yield* Effect.flip(append(request))
          assert.instanceOf(error, InvalidAppend)
          assert.strictEqual(error.at, at)
        }
        assert.deepStrictEqual((yield* append(good)).versions, [1])
      }),
    )

    it.effect("keeps tenants apart that use the same names", () =>
      Effect.gen(function* () {
        const { append, holderOf, readStream } = yield* EventStore
        const { read } = yield* EventLog
        const { streamId, tenantId } = yield* fresh
        const tenants = ["", "%", "_", "'; --"].map((suffix) => TenantId.make(`${tenantId}${suffix}`))
        const results = yield* Effect.forEach(tenants, (tenantId) =>
          Effect.flatMap(encoded(), (event) =>
            append({
              ...one(tenantId, streamId, 0, event),
              acquire: [{ key: "slot", holder: streamId }],
              idempotency: { key: "k", fingerprint: tenantId },
            }),
          ),
        )
        assert.deepStrictEqual(
          results.map(({ repeated, versions }) => [repeated, versions]),
          tenants.map(() => [false, [1]]),
        )
        for (const tenantId of tenants) {
          assert.deepStrictEqual(
            (yield* Stream.runCollect(readStream(tenantId, streamId))).map((e) => e.tenantId),
            [tenantId],
          )
          assert.deepStrictEqual(
            (yield* Stream.runCollect(read(beginning, { tenantId }))).map((e) => e.tenantId),
            [tenantId],
          )
          assert.strictEqual(yield* holderOf(tenantId, "slot"), streamId)
        }
        assert.isUndefined(yield* holderOf(TenantId.make(`${tenantId}!`), "slot"))
      }),
    )

    it.effect("reads a part of a stream, in either direction, with or without what is sealed", () =>
      Effect.gen(function* () {
        const { append, readStream } = yield* EventStore
        const { streamId, tenantId } = yield* fresh
        const events = yield* Effect.replicateEffect(encoded({ sealed: new Uint8Array(5_000).fill(1) }), 300)
        yield* append({ tenantId, streams: [{ streamId, expected: 0, events }], metadata: system })
        const versions = (options: Parameters<typeof readStream>[2]) =>
          Effect.map(Stream.runCollect(readStream(tenantId, streamId, options)), (all) =>
            all.map(({ version }) => version),
          )
        const all = Array.from({ length: 300 }, (_, n) => n + 1)

        assert.deepStrictEqual(yield* versions({}), all)
        assert.deepStrictEqual(yield* versions({ from: 7, limit: 200 }), all.slice(6, 206))
        assert.deepStrictEqual(yield* versions({ direction: "backwards" }), all.toReversed())
        assert.deepStrictEqual(yield* versions({ direction: "backwards", from: 7 }), [7, 6, 5, 4, 3, 2, 1])
        assert.deepStrictEqual(yield* versions({ direction: "backwards", from: 999, limit: 1 }), [300])
        assert.deepStrictEqual(yield* versions({ from: 301 }), [])
        assert.deepStrictEqual(yield* versions({ limit: 0 }), [])
        const clear = yield* Stream.runCollect(readStream(tenantId, streamId, { sealed: false }))
        assert.isTrue(clear.every(({ event }) => !("sealed" in event)))
        assert.strictEqual(yield* Stream.runCount(readStream(TenantId.make("nobody"), streamId)), 0)
      }),
    )

    it.effect("reads the log after a position up to the head, whose position every append has reached", () =>
      Effect.gen(function* () {
        const { append } = yield* EventStore
        const { head, read } = yield* EventLog
        const { streamId, tenantId } = yield* fresh
        const start = yield* head
        const appended = yield* Effect.forEach([0, 1, 2, 3], (expected) =>
          Effect.flatMap(encoded(), (event) => append(one(tenantId, streamId, expected, event))),
        )
        const positions = appended.map(({ position }) => position)
        const reading = (after: Position, options?: Parameters<typeof read>[1]) =>
          Effect.map(Stream.runCollect(read(after, options)), (all) => all.map(({ position }) => position))

        assert.isAtLeast(Number(yield* head), Number(positions[3]))
        assert.deepStrictEqual(yield* reading(start), positions)
        assert.deepStrictEqual(yield* reading(positions[1] ?? start), positions.slice(2))
        assert.deepStrictEqual(yield* reading(start, { until: positions[2] }), positions.slice(0, 3))
        assert.deepStrictEqual(yield* reading(start, { until: start }), [])
        assert.deepStrictEqual(yield* reading(yield* head), [])
      }),
    )

    it.effect.prop(
      "reads the events that a filter wants and no others, forwards and backwards",
      { filter: Filter, offset: Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 30 }))) },
      ({ filter, offset }) =>
        Effect.gen(function* () {
          const { read, readBackwards } = yield* EventLog
          const { after, all, tenants } = yield* mixedLog
          const options = { ...filter, tenantId: filter.tenant === undefined ? undefined : tenants[filter.tenant] }
          const start = all[offset]?.position ?? after
          const wanted = all.filter(
            (recorded) =>
              (options.categories?.includes(categoryOf(recorded.streamId)) ?? true) &&
              (options.types?.includes(recorded.event.type) ?? true) &&
              (options.tenantId === undefined || options.tenantId === recorded.tenantId),
          )
          const forwards = yield* Stream.runCollect(read(start, options))
          assert.deepStrictEqual(idsOf(forwards), idsOf(wanted.filter(({ position }) => position > start)))
          const isBehind = ({ position }: Recorded<EncodedEvent>) => position > after
          const backwards = yield* Stream.runCollect(Stream.takeWhile(readBackwards(start, options), isBehind))
          assert.deepStrictEqual(
            idsOf(backwards),
            idsOf(wanted.filter(({ position }) => position < start).toReversed()),
          )
          const newest = yield* Stream.runHead(readBackwards(undefined, options))
          if (wanted.length > 0) {
            assert.deepStrictEqual(
              Option.map(newest, ({ event }) => event.id),
              Option.some(wanted.at(-1)?.event.id),
            )
          }
          for (const { event } of [...forwards, ...backwards]) {
            const sealed = all.find((recorded) => recorded.event.id === event.id)?.event.sealed
            assert.deepStrictEqual(event.sealed, options.sealed === false ? undefined : sealed)
          }
        }),
      { arbitrary: { runs: 60 } },
    )

    it.effect("wakes a reader that waits for the log to go on, with what it waits for", () =>
      Effect.gen(function* () {
        const { append } = yield* EventStore
        const { head, next } = yield* EventLog
        const { streamId, tenantId } = yield* fresh
        const before = yield* head
        const waiting = yield* Effect.forkChild(next(before, { tenantId }))
        const event = yield* encoded()
        const { position } = yield* append(one(tenantId, streamId, 0, event))
        const isAll = (page: Page) => {
          assert.deepStrictEqual(idsOf(page.events), [event.id])
          assert.isTrue(position <= page.to && page.to <= page.head)
        }
        isAll(yield* Fiber.join(waiting))
        isAll(yield* next(before, { tenantId }))
      }),
    )

    it.effect("gives a reader that waited as much as fits a page, and only what it wants", () =>
      Effect.gen(function* () {
        const { append } = yield* EventStore
        const { head, next, read } = yield* EventLog
        const { streamId, tenantId } = yield* fresh
        const before = yield* head
        const events = yield* Effect.replicateEffect(encoded({ type: "one", sealed: Uint8Array.of(7) }), 150)
        const others = yield* Effect.replicateEffect(encoded({ type: "other" }), 10)
        const appended = yield* append({
          tenantId,
          streams: [
            { streamId, expected: 0, events },
            { streamId: streamNamed("elsewhere-1"), expected: 0, events: others },
          ],
          metadata: system,
        })
        const filters: ReadonlyArray<LogFilter> = [
          { tenantId },
          { tenantId, categories: ["account"] },
          { tenantId, categories: ["elsewhere", "nowhere"], types: ["one", "other"] },
          { tenantId, types: ["one"], sealed: false },
          { tenantId, types: ["unheard of"] },
        ]
        for (const filter of filters) {
          const found: Array<Recorded<EncodedEvent>> = []
          let reached = before
          while (reached < appended.position) {
            const page = yield* next(reached, filter)
            assert.isTrue(reached < page.to && page.to <= page.head)
            assert.isTrue(page.events.every(({ position }) => reached < position && position <= page.to))
            found.push(...page.events)
            reached = page.to
          }
          assert.deepStrictEqual(found, yield* Stream.runCollect(read(before, filter)))
        }
      }),
    )

    it.effect("shows each event once and in order to readers that follow while writers race", () =>
      Effect.gen(function* () {
        const { append } = yield* EventStore
        const { follow, head } = yield* EventLog
        const { tenantId } = yield* fresh
        const start = yield* head
        const written: Array<EventId> = []
        const write = (n: number) =>
          Effect.gen(function* () {
            const events = yield* Effect.replicateEffect(encoded(), 1 + (n % 4))
            yield* Effect.sleep(yield* Random.nextIntBetween(0, 4))
            const streamId = streamNamed(`account-${n % 7}`)
            const request = {
              tenantId,
              streams: [{ streamId, expected: n % 5 === 0 ? 1 : "any", events }],
              metadata: system,
            } as const
            const result = yield* Effect.result(append(request))
            if (Result.isSuccess(result)) written.push(...events.map(({ id }) => id))
          })
        const numbers = Array.from({ length: 300 }, (_, n) => n)
        const writing = Effect.forEach(numbers, write, { concurrency: 16, discard: true })
        const last = streamNamed("account-last")
        const reading = Stream.runCollect(
          Stream.takeUntil(follow(start, { tenantId }), ({ streamId }) => streamId === last),
        )
        const writingAll = Effect.andThen(
          writing,
          Effect.flatMap(encoded(), (event) => append(one(tenantId, last, 0, event))),
        )
        const [, ...seen] = yield* Effect.all([writingAll, reading, reading], { concurrency: "unbounded" })
        for (const recorded of seen) {
          assert.isTrue(isAscending(recorded))
          assert.deepStrictEqual(idsOf(recorded.slice(0, -1)).toSorted(), written.toSorted())
        }
      }),
    )

    it.effect("starts following behind the position it is given, and stops when nobody listens", () =>
      Effect.gen(function* () {
        const { append } = yield* EventStore
        const { follow, head } = yield* EventLog
        const { streamId, tenantId } = yield* fresh
        const start = yield* head
        const events = yield* Effect.replicateEffect(encoded(), 100)
        yield* append({ tenantId, streams: [{ streamId, expected: 0, events }], metadata: system })
        const third = yield* Stream.runCollect(Stream.take(follow(start), 3))
        const rest = yield* Stream.runCollect(Stream.take(follow(third[2]?.position ?? start, { sealed: false }), 97))
        assert.deepStrictEqual(idsOf([...third, ...rest]), idsOf(events.map((event) => ({ event }))))
      }),
    )

    it.effect.prop(
      "gives the same answers and keeps the same events as the model, whatever is asked",
      { steps: Arbitrary.array(Arbitrary.schema(Step), { maxLength: 25 }) },
      ({ steps }) =>
        Effect.gen(function* () {
          const { tenantId } = yield* fresh
          const model = Context.get(yield* Layer.build(Layer.fresh(EventStoreMemory.layer)), EventStore)
          const store = yield* EventStore
          for (const step of steps) {
            const request = yield* requestOf(tenantId, step)
            const [expected, actual] = yield* Effect.all([
              Effect.result(model.append(request)),
              Effect.result(store.append(request)),
            ])
            assert.deepStrictEqual(answerOf(actual), answerOf(expected))
          }
          for (const streamId of streams) {
            const [expected, actual] = yield* Effect.all([
              Stream.runCollect(model.readStream(tenantId, streamId)),
              Stream.runCollect(store.readStream(tenantId, streamId)),
            ])
            assert.deepStrictEqual(actual.map(contentOf), expected.map(contentOf))
          }
          for (const key of keys) {
            assert.strictEqual(yield* store.holderOf(tenantId, key), yield* model.holderOf(tenantId, key))
          }
        }),
      { arbitrary: { runs: 40 } },
    )
  })

const system: Metadata = { actor: { kind: "system" } }

const streamNamed = (name: string) => StreamId.make(name)

const streams = ["account-a", "account-b", "controls"].map(streamNamed)

const keys = ["k0", "k1", "k2"]

const smallInt = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))

/** One append, drawn: by index into the few streams and keys that there are, so that they meet. */
const Step = Schema.Struct({
  streams: Schema.Array(
    Schema.Struct({
      stream: smallInt(2),
      expected: Schema.Union([smallInt(4), Schema.Literals(["none", "exists", "any", "any", "any"])]),
      events: smallInt(3),
    }),
  ).check(Schema.isMinLength(1), Schema.isMaxLength(3)),
  acquire: Schema.Array(Schema.Struct({ key: smallInt(2), holder: smallInt(2) })).check(Schema.isMaxLength(2)),
  release: Schema.Array(Schema.Struct({ key: smallInt(2), holder: smallInt(2) })).check(Schema.isMaxLength(2)),
  idempotency: Schema.optionalKey(Schema.Struct({ key: smallInt(2), fingerprint: smallInt(1) })),
})

const requestOf = (tenantId: TenantId, step: typeof Step.Type): Effect.Effect<AppendRequest.Checked["request"]> =>
  Effect.map(
    Effect.forEach(step.streams, ({ events, expected, stream }) =>
      Effect.map(Effect.replicateEffect(encoded(), events), (events) => ({
        streamId: streams[stream] ?? streamNamed("controls"),
        expected,
        events,
      })),
    ),
    (requested) => ({
      tenantId,
      streams: requested,
      metadata: system,
      acquire: step.acquire.map(claimOf),
      release: step.release.map(claimOf),
      ...(step.idempotency && {
        idempotency: { key: `c${step.idempotency.key}`, fingerprint: `f${step.idempotency.fingerprint}` },
      }),
    }),
  )

const claimOf = ({ holder, key }: { readonly key: number; readonly holder: number }) => ({
  key: keys[key] ?? "k",
  holder: streams[holder] ?? streamNamed("controls"),
})

/** Positions are a store's own; whether there is one is not. */
const answerOf = (result: Result.Result<Appended, AppendError>) =>
  Result.match(result, {
    onSuccess: ({ position, ...rest }): unknown => ({ ...rest, wrote: position > beginning }),
    onFailure: (error) => error,
  })

/** All but where and when it was recorded, which is the store's own business. */
const contentOf = ({ event, metadata, streamId, tenantId, version }: Recorded<EncodedEvent>) => ({
  event,
  tenantId,
  streamId,
  version,
  metadata,
})

const Filter = Arbitrary.map(
  Arbitrary.schema(
    Schema.Struct({
      categories: Schema.optionalKey(
        Schema.Array(Schema.Literals(["feed", "account", "controls", "absent"])).check(Schema.isMaxLength(3)),
      ),
      types: Schema.optionalKey(Schema.Array(Schema.Literals(["t0", "t1", "t2"])).check(Schema.isMaxLength(2))),
      tenant: Schema.optionalKey(smallInt(1)),
      sealed: Schema.optionalKey(Schema.Boolean),
    }),
  ),
  (filter): Omit<LogFilter, "tenantId"> & { readonly tenant?: number } => filter,
)

/** A log of two tenants and several categories and types, written anew, and all of it as an unfiltered reader sees it. */
const mixedLog = Effect.gen(function* () {
  const { append } = yield* EventStore
  const { head, read } = yield* EventLog
  const tenants = [(yield* fresh).tenantId, (yield* fresh).tenantId] as const
  const after = yield* head
  for (let n = 0; n < 12; n++) {
    const event = yield* encoded({ type: `t${n % 3}`, ...(n % 2 === 0 && { sealed: new Uint8Array(n * 500).fill(n) }) })
    const streamId = streamNamed(["feed-1", "account-1", "controls", "feed-2"][(n * 5) % 4] ?? "controls")
    yield* append(one(tenants[n % 5 === 0 ? 0 : 1], streamId, "any", event))
  }
  return { after, all: yield* Stream.runCollect(read(after)), tenants }
})

/** A tenant that nobody has used, and a name for a stream. */
const fresh = Effect.map(Effect.all([digits(12), digits(12)]), ([a, b]) => ({
  tenantId: TenantId.make(`tenant-${a}`),
  streamId: StreamId.make(`connection-${b}`),
}))

const encoded = (event: Partial<EncodedEvent> = {}): Effect.Effect<EncodedEvent> =>
  Effect.map(Effect.all([digits(8), digits(12)]), ([a, b]) => ({
    id: EventId.make(`${a}-0000-7000-8000-${b}`),
    type: "happened",
    schemaVersion: 1,
    data: { a: b },
    ...event,
  }))

function digits(length: number) {
  return Effect.map(Random.nextIntBetween(0, 16 ** length - 1), (n) => n.toString(16).padStart(length, "0"))
}

const one = (
  tenantId: TenantId,
  streamId: StreamId,
  expected: ExpectedVersion,
  ...events: ReadonlyArray<EncodedEvent>
): AppendRequest.Checked["request"] => ({ tenantId, streams: [{ streamId, expected, events }], metadata: system })

const idsOf = (all: ReadonlyArray<{ readonly event: EncodedEvent }>) => all.map(({ event }) => event.id)

const isAscending = (all: ReadonlyArray<Recorded<unknown>>) =>
  all.every(({ position }, index) => index === 0 || position > (all[index - 1]?.position ?? position))
