/**
 * What projections must come to on every store, whatever the history: as
 * properties over generated histories that its package can run.
 */
import { assert, layer } from "@effect/vitest"
import { Arbitrary, Duration, Effect, type Layer, Logger, Schema, Stream } from "effect"

import * as Connection from "../Connection.ts"
import * as ConnectionHistoryView from "../ConnectionHistoryView.ts"
import * as ConnectionsView from "../ConnectionsView.ts"
import * as EventCodec from "../EventCodec.ts"
import { beginning, categoryOf, EventLog, type EventStore, type Position } from "../EventStore.ts"
import * as Projection from "../Projection.ts"
import * as ProjectionRunner from "../ProjectionRunner.ts"
import * as Rebuild from "../Rebuild.ts"
import { type Sealer } from "../Sealer.ts"
import * as Verify from "../Verify.ts"
import { Views, ViewStore } from "../ViewStore.ts"
import { connectionHistory, recordHistory } from "./connectionHistories.ts"

type Stores = EventStore | EventLog | Views | ViewStore | Sealer

/** Registers the properties as a suite. Views go on from one history to the next, on one log. */
export const projectionContract = <E>(
  name: string,
  stores: Layer.Layer<Stores, E>,
  options: { readonly runs?: number } = {},
) =>
  layer(stores, { timeout: Duration.seconds(60), excludeTestServices: true })(name, (it) => {
    const property = { timeout: 120_000, arbitrary: { runs: options.runs ?? 40, size: 40, maxShrinks: 60 } }

    it.effect.prop(
      "a run in batches of any size gives the rows of the fold, and running again changes nothing",
      [connectionHistory, Schema.Literals([1, 2, 3, 7, 1000])],
      ([history, batchSize]) =>
        Effect.gen(function* () {
          yield* recordHistory(history, yield* nextRun)
          for (const view of everyView("batches")) {
            yield* ProjectionRunner.catchUp(view, { batchSize })
            const rows = yield* stored(view)
            assert.deepStrictEqual(rows, yield* folded(view))
            yield* ProjectionRunner.catchUp(view)
            assert.deepStrictEqual(yield* stored(view), rows)
          }
        }),
      property,
    )

    it.effect.prop(
      "a rebuild gives the rows of the run, however little memory it may use",
      [connectionHistory, Schema.Literals([1, 5_000, 96_000_000])],
      ([history, memory]) =>
        Effect.gen(function* () {
          yield* recordHistory(history, yield* nextRun)
          for (const view of everyView("rebuilds")) {
            yield* ProjectionRunner.catchUp(view)
            const rebuilt = yield* Rebuild.rebuild(view, { memory, batchSize: 10 })
            assert.strictEqual(rebuilt.state, "live")
            assert.deepStrictEqual(yield* stored(view), yield* folded(view))
            const verified = yield* Verify.verify(view)
            assert.deepInclude(verified, { missing: [], extra: [], different: [], deadLetters: [] })
          }
        }),
      property,
    )

    it.effect.prop(
      "runners that race each other, and the writer, give the same rows as one",
      [connectionHistory, connectionHistory],
      ([before, during]) =>
        Effect.gen(function* () {
          const run = yield* nextRun
          yield* recordHistory(before, `${run} before`)
          const [connections, , neighbours] = everyView("races")
          const runners = [connections, neighbours, connections, neighbours].map((view) =>
            ProjectionRunner.catchUp(view, { batchSize: 3 }),
          )
          yield* Effect.all([...runners, recordHistory(during, `${run} during`), ...runners], {
            concurrency: "unbounded",
          })
          for (const view of [connections, neighbours]) {
            yield* ProjectionRunner.catchUp(view)
            assert.deepStrictEqual(yield* stored(view), yield* folded(view))
          }
        }),
      property,
    )

    it.effect.prop(
      "what was poison and is tried again ends in the rows of an untroubled run",
      [
        connectionHistory,
        Schema.Literals(["pause", "park"]),
        Schema.Literals([0, 1, 2, 5]),
        Schema.Literals(["throws", "unstorable"]),
      ],
      ([history, poison, nth, how]) =>
        Effect.gen(function* () {
          const { head } = yield* EventLog
          const store = yield* ViewStore
          const [connections, historyView] = everyView("poison")
          // What cannot be stored shows where no later event of the batch puts it right.
          const view = how === "throws" ? connections : historyView
          yield* ProjectionRunner.catchUp(view)
          const start = yield* head
          yield* recordHistory(history, yield* nextRun)
          const bad = (yield* eventsAfter(start))
            .filter((_, index) => index % 7 === nth)
            .map(({ position }) => position)
          const troubled = poisoned(view, how, new Set(bad))

          if (poison === "pause") {
            const stops: Array<Position> = []
            for (const position of bad) {
              const said: Array<unknown> = []
              const paused = yield* Effect.flip(ProjectionRunner.catchUp(troubled, { poison, batchSize: 5 })).pipe(
                Effect.provide(listening(said)),
              )
              assert.strictEqual(paused._tag, "ProjectionPaused")
              const [line, ...more] = said
              assert.deepInclude(line, { event: "projection_paused", view: view.name, position: String(position) })
              assert.isEmpty(more)
              const [letter] = yield* store.deadLetters(view.name)
              assert.deepInclude(letter, { position, state: "paused", attempts: 1 })
              assert.strictEqual((yield* store.open(view)).position, position - 1n)
              stops.push(position)
              assert.strictEqual(yield* ProjectionRunner.retry(troubled, position), "let-go-on")
              yield* ProjectionRunner.catchUp(view, { until: position })
            }
            assert.deepStrictEqual(stops, bad)
          } else {
            yield* ProjectionRunner.catchUp(troubled, { poison, batchSize: 5 })
            const letters = yield* store.deadLetters(view.name)
            const streams = new Set(letters.map(({ streamId, tenantId }) => `${tenantId} ${streamId}`))
            assert.strictEqual(streams.size, letters.length)
            for (const { position } of letters) {
              assert.strictEqual(yield* ProjectionRunner.retry(troubled, position), "still-failing")
            }
            for (const { position } of yield* store.deadLetters(view.name)) {
              assert.strictEqual(yield* ProjectionRunner.retry(view, position), "applied")
            }
          }
          yield* ProjectionRunner.catchUp(view)
          assert.deepStrictEqual(yield* store.deadLetters(view.name), [])
          assert.deepStrictEqual(yield* stored(view), yield* folded(view))
        }),
      property,
    )

    it.effect.prop(
      "what is skipped is recorded, and everything else is applied",
      [connectionHistory],
      ([history]) =>
        Effect.gen(function* () {
          const { head } = yield* EventLog
          const store = yield* ViewStore
          const [, view] = everyView("skips")
          yield* ProjectionRunner.catchUp(view)
          const start = yield* head
          yield* recordHistory(history, yield* nextRun)
          const bad = (yield* eventsAfter(start)).filter((_, index) => index % 3 === 1).map(({ position }) => position)
          yield* ProjectionRunner.catchUp(poisoned(view, "throws", new Set(bad)), { poison: "skip", batchSize: 5 })
          const letters = yield* store.deadLetters(view.name)
          assert.deepStrictEqual(
            letters.map(({ position }) => position),
            bad,
          )
          assert.isTrue(letters.every(({ problem }) => problem === "TypeError"))
          for (const position of bad) assert.strictEqual(yield* ProjectionRunner.retry(view, position), "applied")
          assert.deepStrictEqual(yield* stored(view), yield* folded(view))
        }),
      property,
    )

    it.effect("verify names what was tampered with, and a rebuild mends it", () =>
      Effect.gen(function* () {
        const store = yield* ViewStore
        const [view] = everyView("tampered")
        const [history] = yield* Arbitrary.sampleEffect(connectionHistory, { count: 1, size: 60, seed: 7 })
        yield* recordHistory(history ?? [], yield* nextRun)
        const build = yield* ProjectionRunner.catchUp(view)
        const [gone, changed] = yield* Stream.runCollect(store.rows(view, build))
        if (gone === undefined || changed === undefined) return assert.fail("a history without connections")
        const invented = { ...changed, row: { ...changed.row, connection_id: "00000000-0000-4000-8000-00000000ffff" } }
        yield* store.commit<ConnectionRow>(view, build, build.position, {
          patches: [],
          deletes: [gone],
          upserts: [{ ...changed, row: { ...changed.row, error_count: 99 } }, invented],
        })
        const keyOf = ({ row, tenantId }: Projection.Owned<Projection.Row>) => [
          { tenantId, row: { connection_id: row["connection_id"] } },
        ]
        const verified = yield* Verify.verify(view)
        assert.deepStrictEqual<unknown>(
          [verified.missing, verified.different, verified.extra],
          [keyOf(gone), keyOf(changed), keyOf(invented)],
        )
        yield* Rebuild.rebuild(view)
        assert.deepInclude(yield* Verify.verify(view), { missing: [], extra: [], different: [] })
      }),
    )

    it.effect("a rebuild that is interrupted leaves the live build alone and goes on when asked again", () =>
      Effect.gen(function* () {
        const [view] = everyView("interrupted")
        const [history] = yield* Arbitrary.sampleEffect(connectionHistory, { count: 1, size: 60, seed: 11 })
        yield* recordHistory(history ?? [], yield* nextRun)
        const live = yield* ProjectionRunner.catchUp(view)
        for (const phase of ["folding", "filling", "catching-up"] as const) {
          const stopped = yield* Effect.exit(
            Rebuild.rebuild(view, {
              onProgress: (progress) => (progress.phase === phase ? Effect.interrupt : Effect.void),
            }),
          )
          assert.strictEqual(stopped._tag, "Failure")
          assert.strictEqual((yield* ProjectionRunner.catchUp(view)).number, live.number)
        }
        const rebuilt = yield* Rebuild.rebuild(view)
        assert.strictEqual(rebuilt.number, live.number + 1)
        assert.deepStrictEqual(yield* stored(view), yield* folded(view))
      }),
    )

    it.effect("a build that was rolled back is caught up, though nothing more happens", () =>
      Effect.gen(function* () {
        const views = yield* Views
        const log = yield* EventLog
        const [view] = everyView("rolled_back")
        yield* ProjectionRunner.catchUp(view)
        yield* Rebuild.rebuild(view)
        const [history] = yield* Arbitrary.sampleEffect(connectionHistory, { count: 1, size: 60, seed: 13 })
        yield* recordHistory(history ?? [], yield* nextRun)
        yield* Effect.forkChild(ProjectionRunner.run(view))
        const head = yield* log.head
        assert.isTrue(yield* views.awaitPosition(view, head, "10 seconds"))
        const rolledBack = yield* Rebuild.rollback(view)
        assert.isBelow(Number(rolledBack.position), Number(head))
        assert.isTrue(yield* views.awaitPosition(view, head, "20 seconds"))
      }),
    )

    it.effect("of two rebuilds of one view the later one goes on", () =>
      Effect.gen(function* () {
        const [view] = everyView("twice")
        yield* ProjectionRunner.catchUp(view)
        const usurp = Effect.provideContext(Rebuild.rebuild(view), yield* Effect.context<Stores>())
        const first = yield* Effect.flip(
          Rebuild.rebuild(view, {
            onProgress: ({ phase }) => (phase === "filling" ? Effect.orDie(Effect.asVoid(usurp)) : Effect.void),
          }),
        )
        assert.strictEqual(first._tag, "RebuildTakenOver")
        assert.deepStrictEqual(yield* stored(view), yield* folded(view))
      }),
    )
  })

/** What a connection leaves behind among its owner's others: rows that other connections' events change. */
const neighbours = {
  version: 1,
  personal: false,
  columns: {
    connection_id: "uuid",
    owner_id: "text",
    newest: "uuid",
    alarm: "text",
    events: "bigint",
  },
  key: ["connection_id"],
  codecs: { [Connection.name]: Connection },
  touches: ConnectionsView.touches,
  evolve: (row, { event, streamId }) => ({
    connection_id: Connection.idOf(streamId),
    owner_id: event._tag === "connected" ? event.ownerId : (row?.["owner_id"] ?? null),
    newest: row?.["newest"] ?? null,
    alarm: event._tag === "sync_failed" ? event.reason : (row?.["alarm"] ?? null),
    events: Number(row?.["events"] ?? 0) + 1,
  }),
  patches: ({ event, streamId }) => {
    const id = Connection.idOf(streamId)
    switch (event._tag) {
      case "connected":
        return [
          { where: { newest: id }, set: { newest: null } },
          { where: { owner_id: event.ownerId, newest: null }, set: { newest: id, alarm: "new" } },
        ]
      case "synced":
        return [{ where: { newest: id, alarm: "new" }, set: { alarm: null } }]
      case "token_refreshed":
        return [{ where: { alarm: "new" }, set: { alarm: "old" } }]
      case "paused":
        return [
          { where: { owner_id: null }, set: undefined },
          { where: { alarm: "old" }, set: { alarm: null } },
        ]
      case "disconnected":
        return [{ where: { newest: id }, set: undefined }]
      default:
        return []
    }
  },
} satisfies Omit<AnyView, "name">

type ConnectionRow = Projection.Row
type AnyView = Projection.Projection<Projection.Row, Connection.Event>

/** The views under names of their own for each test. */
const everyView = (test: string): readonly [AnyView, AnyView, AnyView] => {
  const connections: AnyView = ConnectionsView
  const history: AnyView = ConnectionHistoryView
  return [
    { ...connections, name: `connections_${test}` },
    { ...history, name: `history_${test}` },
    { ...neighbours, name: `neighbours_${test}` },
  ]
}

/** Hears what is logged, and keeps it from the console. */
const listening = (lines: Array<unknown>) =>
  Logger.layer([Logger.map(Logger.formatStructured, ({ annotations }) => void lines.push(annotations))])

/** The view as a bug would fill it: some events make it throw, or make rows that no store takes. */
const poisoned = (view: AnyView, how: "throws" | "unstorable", bad: ReadonlySet<Position>): AnyView => ({
  ...view,
  evolve: (row, recorded, key) => {
    if (!bad.has(recorded.position)) return view.evolve(row, recorded, key)
    if (how === "throws") throw new TypeError("a message that quotes ada@example.com")
    return { ...(view.evolve(row, recorded, key) ?? row ?? key), position: 0.5 }
  },
})

const stored = Effect.fnUntraced(function* (view: AnyView) {
  const store = yield* ViewStore
  const rows = yield* Stream.runCollect(store.rows(view, yield* store.open(view)))
  return sorted(view, rows)
})

/** The rows as the definition alone says, in one go. */
const folded = Effect.fnUntraced(function* (view: AnyView) {
  const decode = EventCodec.decode(Connection)
  const events = yield* Effect.forEach(yield* eventsAfter(beginning), decode)
  return sorted(view, Projection.fold(view, [], events).upserts)
})

const sorted = (view: AnyView, rows: ReadonlyArray<Projection.Owned<Projection.Row>>) =>
  rows
    .map(({ row, tenantId }) => [Projection.rowKey(view, tenantId, row), row] as const)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))

const eventsAfter = Effect.fnUntraced(function* (position: Position) {
  const log = yield* EventLog
  const events = yield* Stream.runCollect(log.read(position, { sealed: false }))
  return events.filter(({ streamId }) => categoryOf(streamId) === Connection.name)
})

let runs = 0
const nextRun = Effect.map(
  Effect.clockWith((clock) => clock.currentTimeMillis),
  (now) => `run ${now}-${(runs += 1)}`,
)
