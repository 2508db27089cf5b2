/** What a batch does to the rows is the same in memory, on PGlite and on PostgreSQL. */
import { assert, layer } from "@effect/vitest"
import { type Ids, ViewStore, ViewStoreMemory } from "@holdfast/domain"
import { Arbitrary, Cause, Effect, Exit, Stream } from "effect"

import {
  acme,
  at,
  empty,
  globex,
  owned,
  Patch,
  patchOf,
  pglite,
  postgres,
  row,
  type Row,
  rowsOf,
  Step,
  view,
} from "./Views.layers.ts"

for (const [name, database] of [
  ["PGlite", pglite],
  ["PostgreSQL", postgres],
] as const) {
  layer(database)(`Rows of views on ${name}`, (it) => {
    let versions = 0
    /** A new build, so that runs do not meet. */
    const begin = Effect.fnUntraced(function* () {
      const store = yield* ViewStore.ViewStore
      return yield* store.beginBuild({ ...view, version: ++versions })
    })

    it.effect.prop(
      "are those of the memory store after any batches, by commit and by fill",
      [Arbitrary.array(Step)],
      ([steps]) =>
        Effect.gen(function* () {
          const apply = Effect.fnUntraced(function* (first: ViewStore.Build) {
            const store = yield* ViewStore.ViewStore
            let build = first
            for (const batch of batchesOf(steps))
              build = yield* store.commit(view, build, at(Number(build.position) + 1), batch)
            const keys = steps.map(([, { row, tenantId }]) => ({
              tenantId,
              row: { shelf: row.shelf, place: row.place },
            }))
            const loaded = yield* store.load(view, build, keys)
            assert.strictEqual(loaded.length, (yield* rowsOf(build)).length)
            return yield* rowsOf(build)
          })
          const expected = yield* Effect.provide(
            Effect.gen(function* () {
              return yield* apply(yield* (yield* ViewStore.ViewStore).open(view))
            }),
            ViewStoreMemory.layer,
          )
          assert.deepStrictEqual(yield* apply(yield* begin()), expected)

          const store = yield* ViewStore.ViewStore
          const filled = yield* store.fill(view, yield* begin(), at(9), Stream.fromIterable(expected))
          assert.deepStrictEqual(yield* rowsOf(filled), expected)
        }),
      { arbitrary: { runs: 100 } },
    )

    it.effect.prop(
      "are patched as by one patch after the other, whatever they ask of rows and give them",
      [Arbitrary.array(Arbitrary.schema(Patch), { minLength: 3, maxLength: 12 })],
      ([patches]) =>
        Effect.gen(function* () {
          const patched = Effect.fnUntraced(function* (first: ViewStore.Build) {
            const store = yield* ViewStore.ViewStore
            const filled = yield* store.commit(view, first, at(1), { ...empty, upserts: everyCombination })
            const batch = { ...empty, patches: patches.map(patchOf(acme)) }
            return yield* rowsOf(yield* store.commit(view, filled, at(2), batch))
          })
          const inMemory = Effect.flatMap(ViewStore.ViewStore, (store) => Effect.flatMap(store.open(view), patched))
          assert.deepStrictEqual(yield* patched(yield* begin()), yield* Effect.provide(inMemory, ViewStoreMemory.layer))
        }),
      { arbitrary: { runs: 150 } },
    )

    it.effect("are refused, all of a batch, where PostgreSQL cannot keep a value", () =>
      Effect.gen(function* () {
        const store = yield* ViewStore.ViewStore
        const build = yield* begin()
        const upserts = [owned(acme, row("a", 1)), owned(acme, row("a", 2, "nul \u0000"))]
        const error = yield* Effect.flip(store.commit(view, build, at(1), { ...empty, upserts }))
        assert.strictEqual(error._tag, "RowsRefused")
        assert.notInclude(JSON.stringify(error), "nul")
        assert.deepStrictEqual(yield* rowsOf(build), [])
        yield* store.commit(view, build, at(1), empty)
      }),
    )

    it.effect("are queried by tenant, value and order", () =>
      Effect.gen(function* () {
        const store = yield* ViewStore.ViewStore
        const views = yield* ViewStore.Views
        assert.deepStrictEqual(yield* views.query({ ...view, name: "never_opened" }, acme), [])
        const live = yield* store.open({ ...view, name: "queried" })
        const upserts = [
          owned(acme, row("a", 1, "x")),
          owned(acme, row("a", 2)),
          owned(acme, row("b", 3, "x")),
          owned(globex, row("a", 1, "x")),
        ]
        yield* store.commit(view, live, at(4), { ...empty, upserts })
        const query = (query?: ViewStore.Query<Row>, tenantId: Ids.TenantId = acme) =>
          Effect.map(views.query({ ...view, name: "queried" }, tenantId, query), (rows) =>
            rows.map(({ place }) => place),
          )
        assert.deepStrictEqual(yield* query({ orderBy: [["place", "desc"]] }), [3, 2, 1])
        assert.deepStrictEqual(yield* query({ where: { label: "x" }, orderBy: [["place", "desc"]], limit: 1 }), [3])
        assert.deepStrictEqual(yield* query({ where: { label: null, shelf: "a" } }), [2])
        assert.deepStrictEqual(
          yield* query({
            orderBy: [
              ["label", "asc"],
              ["place", "asc"],
            ],
          }),
          [1, 3, 2],
        )
        assert.deepStrictEqual(yield* query({}, globex), [1])
        assert.isTrue(yield* views.awaitPosition({ name: "queried" }, at(4), 0))
        assert.isFalse(yield* views.awaitPosition({ name: "queried" }, at(5), 0))
      }),
    )

    it.effect("are not kept under a name that the store itself uses", () =>
      Effect.gen(function* () {
        const store = yield* ViewStore.ViewStore
        const before = yield* store.builds
        for (const name of ["events", "builds", "store"]) {
          const exit = yield* Effect.exit(store.open({ ...view, name }))
          assert.match(
            Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "",
            /the name is taken by a table of the store/,
          )
        }
        assert.deepStrictEqual(yield* store.builds, before)
      }),
    )

    it.effect("are not made from a definition that was changed without a new version", () =>
      Effect.gen(function* () {
        const store = yield* ViewStore.ViewStore
        const changed = { ...view, name: "changed" }
        yield* store.open(changed)
        const error = yield* Effect.flip(store.open({ ...changed, columns: { ...view.columns, label: "jsonb" } }))
        assert.deepStrictEqual(error, new ViewStore.ProjectionChanged({ view: "changed", version: 1 }))
        yield* store.open({ ...changed, indexes: [] })
      }),
    )
  })
}

/** Rows that patches can tell from each other. */
const everyCombination = ["x", "y", null].flatMap((label, first) =>
  [true, false, null].map((lent, second) => owned(acme, { ...row("a", 3 * first + second, label), lent })),
)

const batchesOf = (steps: ReadonlyArray<Step>) =>
  steps.map(([kind, given, patches]): ViewStore.Batch<Row> => {
    const { row, tenantId } = given
    switch (kind) {
      case "upsert":
        return { ...empty, upserts: [given] }
      case "delete":
        return { ...empty, deletes: [{ tenantId, row: { shelf: row.shelf, place: row.place } }] }
      case "patch":
        return { ...empty, patches }
    }
  })
