/**
 * What every store of views must do, as tests its package can run.
 */
import { assert, layer } from "@effect/vitest"
import { Duration, Effect, Fiber, type Layer, Stream } from "effect"

import { beginning, Position, StreamId } from "../EventStore.ts"
import { TenantId } from "../Ids.ts"
import { type Columns, type Owned, type OwnedPatch, type View } from "../Projection.ts"
import { type Batch, type Build, type DeadLetter, Views, ViewStore } from "../ViewStore.ts"

/** Registers the contract as a suite. The store may hold views of earlier runs. */
export const viewStoreContract = <E>(name: string, store: Layer.Layer<Views | ViewStore, E>) =>
  layer(store, { timeout: Duration.seconds(60), excludeTestServices: true })(name, (it) => {
    it.effect("reads back every kind of value as it was written", () =>
      Effect.gen(function* () {
        const { views, live, note, put, view } = yield* fresh
        const full: Note = {
          ...note("a", 1),
          text: 'ünï — \u{1f511} "quoted", {braced}, \\back',
          ratio: 0.1,
          done: true,
          at: "2026-11-20T09:00:00.001Z",
          day: "2024-02-29",
          uid: "7f1c2f6e-5a0e-4a5a-9b1e-3d9b8f9d2a11",
          body: { nested: [1, null, "x", { deep: true }] },
        }
        yield* put(live, 1, [mine(full), mine(note("b", Number.MAX_SAFE_INTEGER))])
        assert.deepStrictEqual(yield* views.query(view, tenant, { orderBy: [["id", "asc"]] }), [
          full,
          note("b", Number.MAX_SAFE_INTEGER),
        ])
      }),
    )

    it.effect("shows a tenant its own rows, chosen, ordered and limited as asked", () =>
      Effect.gen(function* () {
        const { views, live, note, put, view } = yield* fresh
        const rows = [
          note("B", 1, "x"),
          note("a", 2, null),
          note("_", 3, "x"),
          note("é", 4, "x"),
          note("😀", 5, "x"),
          note("ｚ", 6, "x"),
        ]
        yield* put(live, 1, [...rows.map(mine), { tenantId: other, row: note("z", 1, "x") }])
        const ids = (query: Parameters<typeof views.query<Note>>[2]) =>
          Effect.map(views.query(view, tenant, query), (found) => found.map(({ id }) => id))
        const counts = (where: NonNullable<Parameters<typeof views.query<Note>>[2]>["where"]) =>
          Effect.gen(function* () {
            const count = yield* views.count(view, tenant, where)
            assert.strictEqual(count, (yield* ids({ where })).length)
            return count
          })

        assert.deepStrictEqual(yield* ids({ orderBy: [["id", "asc"]] }), ["B", "_", "a", "é", "ｚ", "😀"])
        assert.deepStrictEqual(yield* ids({ orderBy: [["n", "desc"]], limit: 2 }), ["ｚ", "😀"])
        assert.deepStrictEqual(yield* ids({ where: { text: null } }), ["a"])
        assert.deepStrictEqual(yield* ids({ where: { text: "x", n: 3 } }), ["_"])
        assert.deepStrictEqual(yield* ids({ where: { id: ["é", "a", "nobody", "\u0000"] } }), ["a", "é"])
        assert.deepStrictEqual(yield* ids({ where: { text: ["y", null], n: [1, 2, 0.5] } }), ["a"])
        assert.deepStrictEqual(yield* ids({ where: { text: ["x", null], n: [1, 2] } }), ["B", "a"])
        assert.deepStrictEqual(yield* ids({ where: { uid: ["no uuid"] } }), [])
        assert.deepStrictEqual(yield* ids({ where: { text: [] } }), [])
        assert.strictEqual((yield* ids({ orderBy: [["text", "asc"]] })).at(-1), "a")
        assert.strictEqual((yield* ids({ orderBy: [["text", "desc"]] }))[0], "a")
        assert.deepStrictEqual(yield* views.query(view, TenantId.make("nobody")), [])
        assert.deepStrictEqual(
          yield* Effect.forEach(
            [
              undefined,
              { text: "x" },
              { text: null },
              { text: ["x", null], n: [1, 2] },
              { text: [] },
              { uid: ["no uuid"] },
            ],
            counts,
          ),
          [6, 5, 1, 2, 0, 0],
        )
        assert.strictEqual(yield* views.count(view, TenantId.make("nobody")), 0)
        for (const [atMost, count] of [
          [0, 0],
          [4, 4],
          [5, 5],
          [6, 5],
          [Infinity, 5],
        ] as const) {
          assert.strictEqual(yield* views.count(view, tenant, { text: "x" }, atMost), count)
        }
      }),
    )

    it.effect("counts a tenant's rows by the values of a column", () =>
      Effect.gen(function* () {
        const { views, live, note, put, view } = yield* fresh
        const at = "2026-11-20T09:00:00.001Z"
        const rows = [
          note("a", 1, "x"),
          note("b", 2, "x"),
          note("c", 2, null),
          { ...note("d", 3, "é"), at, done: true },
          { ...note("e", Number.MAX_SAFE_INTEGER, null), at, day: "2024-02-29" },
        ]
        yield* put(live, 1, [...rows.map(mine), { tenantId: other, row: note("f", 1, "x") }])
        const counts = <Column extends keyof Note>(column: Column, where: Partial<Note> | { n: Array<number> } = {}) =>
          Effect.map(views.countBy(view, tenant, column, where), (counts) => [...counts].toSorted(byText))

        const all = yield* Effect.forEach(["id", "n", "text", "done", "at", "day"] as const, (column) =>
          Effect.map(counts(column), (counted) => [column, counted] as const),
        )
        for (const [column, counted] of all) {
          const values = [...new Set(rows.map((row) => row[column]))]
          const expected = values.map((value) => [value, rows.filter((row) => row[column] === value).length] as const)
          assert.deepStrictEqual(counted, expected.toSorted(byText), column)
        }
        assert.deepStrictEqual(yield* counts("text", { n: [2, 3, 4] }), [
          [null, 1],
          ["x", 1],
          ["é", 1],
        ])
        assert.deepStrictEqual(yield* counts("n", { text: null }), [
          [2, 1],
          [Number.MAX_SAFE_INTEGER, 1],
        ])
        assert.deepStrictEqual(yield* counts("n", { n: [] }), [])
        assert.deepStrictEqual(yield* counts("n", { uid: "no uuid" }), [])
        assert.strictEqual((yield* views.countBy(view, TenantId.make("nobody"), "n")).size, 0)
        assert.strictEqual((yield* views.countBy({ ...view, name: "never_opened" }, tenant, "n")).size, 0)
      }),
    )

    it.effect("takes the same values as every other store, and reads them back the same", () =>
      Effect.gen(function* () {
        const { store, live, note, put, view } = yield* fresh
        const taken: ReadonlyArray<Partial<Note>> = [
          { text: "" },
          { text: "\u0001\uffff" },
          { body: "x".repeat(1_000_000) },
          { ratio: -0 },
          { ratio: Number.MIN_VALUE },
          { ratio: -Number.MAX_VALUE },
          { n: Number.MIN_SAFE_INTEGER },
          { at: "0001-01-01T00:00:00.000Z" },
          { at: "1969-12-31T23:59:59.999Z" },
          { at: "9999-12-31T23:59:59.999Z" },
          { day: "0001-01-01" },
          { day: "9999-12-31" },
          { body: { nested: [Number.MAX_VALUE, -0, 1e-320, ""] } },
        ]
        const refused: ReadonlyArray<Partial<Note>> = [
          { text: "\ud800" },
          { id: "half \udfff" },
          { id: "ä".repeat(800) },
          { n: 1, text: "x".repeat(1_501) },
          { ratio: Number.NEGATIVE_INFINITY },
          { n: Number.MAX_SAFE_INTEGER + 1 },
          { at: "0000-01-01T00:00:00.000Z" },
          { at: "+010000-01-01T00:00:00.000Z" },
          { at: "2026-02-30T00:00:00.000Z" },
          { at: "2026-11-20T10:00:00.000+01:00" },
          { at: "2026-11-20" },
          { at: "infinity" },
          { day: "2026-02-29" },
          { day: "0000-12-31" },
          { day: "today" },
          { uid: "7F1C2F6E-5A0E-4A5A-9B1E-3D9B8F9D2A11" },
          { body: { nested: ["\ud800"] } },
          { body: { nested: [Number.NaN] } },
        ]
        let build = live
        for (const values of taken) {
          const row = { ...note("a", 1, ""), ...values }
          build = yield* put(build, Number(build.position) + 1, [mine(row)])
          // JSON knows no negative zero.
          const [stored] = yield* store.load(view, build, [mine({ id: "a" })])
          assert.deepStrictEqual(stored?.row, JSON.parse(JSON.stringify(row)))
        }
        for (const values of refused) {
          const outcome = yield* Effect.exit(
            put(build, Number(build.position) + 1, [mine({ ...note("a", 1), ...values })]),
          )
          assert.strictEqual(outcome._tag, "Failure", JSON.stringify(values).slice(0, 50))
        }
        assert.deepStrictEqual(yield* store.open(view), build)
      }),
    )

    it.effect("knows without an error that no row can have what a column does not take", () =>
      Effect.gen(function* () {
        const { store, views, live, note, put, view } = yield* fresh
        const build = yield* put(live, 1, [mine(note("a", 1))])
        const impossible: ReadonlyArray<Partial<Note>> = [{ id: "a\u0000" }, { id: "\ud800" }]
        assert.deepStrictEqual(yield* store.load(view, build, impossible.map(mine)), [])
        for (const where of [...impossible, { uid: "no uuid" }, { at: "yesterday" }, { n: 0.5 }]) {
          assert.deepStrictEqual(yield* views.query(view, tenant, { where }), [])
        }
        const patches = [{ text: "\u0000" }, { day: "2026-02-30" }].flatMap((where) => [
          patch(where, undefined),
          patch(where, { n: 7 }),
        ])
        yield* store.commit(view, build, Position.make(2n), { ...nothing, deletes: impossible.map(mine), patches })
        assert.deepStrictEqual(yield* views.query(view, tenant), [note("a", 1)])
      }),
    )

    it.effect("orders by the key in the end, and takes any limit", () =>
      Effect.gen(function* () {
        const { views, live, note, put, view } = yield* fresh
        yield* put(
          live,
          1,
          ["c", "a", "b"].map((id) => mine(note(id, 1))),
        )
        const ids = (limit?: number) =>
          Effect.map(views.query(view, tenant, { orderBy: [["n", "desc"]], limit }), (rows) => rows.map(({ id }) => id))
        assert.deepStrictEqual(yield* ids(), ["a", "b", "c"])
        assert.deepStrictEqual(yield* ids(2.9), ["a", "b"])
        for (const limit of [Infinity, Number.MAX_VALUE]) assert.strictEqual((yield* ids(limit)).length, 3)
        for (const limit of [0, -1, Number.NaN]) assert.deepStrictEqual(yield* ids(limit), [])
      }),
    )

    it.effect("patches, deletes and upserts in this order, each within its tenant", () =>
      Effect.gen(function* () {
        const { store, views, live, note, put, view } = yield* fresh
        const theirs = { tenantId: other, row: note("a", 1, "gone") }
        const first = yield* put(live, 1, [mine(note("a", 1, "gone")), mine(note("b", 1, "kept")), theirs])
        yield* store.commit(view, first, Position.make(2n), {
          patches: [patch({ text: "gone" }, undefined)],
          deletes: [mine({ id: "b" })],
          upserts: [mine(note("c", 1, "gone"))],
        })
        assert.deepStrictEqual(yield* views.query(view, tenant), [note("c", 1, "gone")])
        assert.deepStrictEqual(yield* views.query(view, other), [theirs.row])
      }),
    )

    it.effect("patches all rows with some values, one patch after the other, whatever its values are", () =>
      Effect.gen(function* () {
        const { store, views, live, note, put, view } = yield* fresh
        const day = "2026-11-20"
        const at = "2026-11-20T09:00:00.001Z"
        const uid = "7f1c2f6e-5a0e-4a5a-9b1e-3d9b8f9d2a11"
        const rows = [note("a", 1, "x"), note("b", 2, "x"), note("c", 3, null), note("d", 4, "y")]
        const theirs = { tenantId: other, row: note("a", 1, "x") }
        const first = yield* put(live, 1, [...rows.map(mine), theirs])
        yield* store.commit(view, first, Position.make(2n), {
          ...nothing,
          patches: [
            // What one patch makes of a row is what the next one finds.
            patch({ text: "x" }, { text: "z", ratio: 0.5, done: true, at, day, uid, body: { nested: [1, null] } }),
            patch({ text: "z", n: 2, done: true }, { done: null, body: null }),
            patch({ text: null }, { n: -3 }),
            patch({ text: null, uid: null }, { text: "y" }),
            patch({ text: "y", n: 4 }, undefined),
            patch({ text: "nobody's" }, { n: 9 }),
          ],
        })
        const full = { text: "z", ratio: 0.5, at, day, uid }
        assert.deepStrictEqual(yield* views.query(view, tenant), [
          { ...note("a", 1), ...full, done: true, body: { nested: [1, null] } },
          { ...note("b", 2), ...full },
          note("c", -3, "y"),
        ])
        assert.deepStrictEqual(yield* views.query(view, other), [theirs.row])
      }),
    )

    it.effect("refuses patches that are mistaken or set what cannot be stored, and all that comes with them", () =>
      Effect.gen(function* () {
        const { store, views, live, note, put, view } = yield* fresh
        const build = yield* put(live, 1, [mine(note("a", 1))])
        for (const mistaken of [
          patch({ n: 1 }, { id: "b" }),
          patch({ n: 1 }, { text: "\u0000" }),
          patch({ n: 1 }, { n: 0.5 }),
          patch({ n: 1 }, { text: "x".repeat(1_501) }),
          patch({ body: "by what it holds" }, undefined),
          patch(Object.fromEntries([["unheard_of", 1]]), undefined),
          patch({ n: 1 }, Object.fromEntries([["unheard_of", 1]])),
        ]) {
          const batch = { ...nothing, upserts: [mine(note("b", 1))], patches: [patch({ n: 1 }, { n: 2 }), mistaken] }
          const refused = yield* Effect.flip(store.commit(view, build, Position.make(2n), batch))
          assert.strictEqual(refused._tag, "RowsRefused", JSON.stringify(mistaken).slice(0, 80))
        }
        assert.deepStrictEqual(yield* views.query(view, tenant), [note("a", 1)])
      }),
    )

    it.effect("loads the rows with the keys asked for, of those that are there", () =>
      Effect.gen(function* () {
        const { store, live, note, put, view } = yield* fresh
        const build = yield* put(live, 1, [mine(note("a", 1)), { tenantId: other, row: note("b", 2) }])
        const keys = [mine({ id: "a" }), mine({ id: "b" }), mine({ id: "a" }), mine({ id: "nowhere" })]
        assert.deepStrictEqual(yield* store.load(view, build, keys), [mine(note("a", 1))])
        assert.deepStrictEqual(yield* store.load(view, build, []), [])
      }),
    )

    it.effect("writes rows, checkpoint and dead letters together or not at all", () =>
      Effect.gen(function* () {
        const { store, views, live, note, put, view } = yield* fresh
        for (const row of [
          note("a", 1.5),
          note("a\u0000", 1),
          { ...note("a", 1), body: "\u0000" },
          { ...note("a", 1), uid: "no uuid" },
          { ...note("a", 1), ratio: Number.NaN },
        ]) {
          const refused = yield* Effect.flip(
            store.commit(view, live, Position.make(3n), {
              ...nothing,
              upserts: [mine(note("fine", 1)), mine(row)],
              deadLetters: [letter(live, 2)],
            }),
          )
          assert.strictEqual(refused._tag, "RowsRefused")
        }
        assert.deepStrictEqual(yield* store.open(view), live)
        assert.deepStrictEqual(yield* views.query(view, tenant), [])
        assert.deepStrictEqual(yield* store.deadLetters(view.name), [])

        yield* put(live, 3, [mine(note("fine", 1))])
        assert.strictEqual((yield* store.open(view)).position, 3n)
      }),
    )

    it.effect("lets one of several runners that stand at the same position commit", () =>
      Effect.gen(function* () {
        const { store, views, live, note, put, view } = yield* fresh
        const outcomes = yield* Effect.all(
          [1, 2, 3, 4].map((n) => Effect.result(put(live, 1, [mine(note("a", n))]))),
          { concurrency: "unbounded" },
        )
        const failures = outcomes.flatMap((outcome) => (outcome._tag === "Failure" ? [outcome.failure._tag] : []))
        assert.deepStrictEqual(failures, ["CheckpointMoved", "CheckpointMoved", "CheckpointMoved"])
        const winner = 1 + outcomes.findIndex(({ _tag }) => _tag === "Success")
        assert.deepStrictEqual(yield* views.query(view, tenant), [note("a", winner)])
        assert.strictEqual((yield* store.open(view)).position, 1n)
      }),
    )

    it.effect("fences whoever began before a commit that left the checkpoint where it was", () =>
      Effect.gen(function* () {
        const { live, note, put } = yield* fresh
        const build = yield* put(live, 5, [])
        yield* put(build, 5, [mine(note("late", 1))])
        assert.strictEqual((yield* Effect.flip(put(build, 6, [])))._tag, "CheckpointMoved")
      }),
    )

    it.effect("stops a build and lets it go on, and fences who did not notice", () =>
      Effect.gen(function* () {
        const { store, live, put, view } = yield* fresh
        const paused = yield* store.pause(live, "an operator", letter(live, 1, "paused"))
        assert.strictEqual((yield* store.open(view)).paused, "an operator")
        assert.deepStrictEqual(yield* store.deadLetters(view.name), [letter(live, 1, "paused")])
        assert.strictEqual((yield* Effect.flip(put(live, 1, [])))._tag, "CheckpointMoved")

        yield* store.unpause(view.name)
        assert.strictEqual((yield* Effect.flip(put(paused, 1, [])))._tag, "CheckpointMoved")
        assert.strictEqual((yield* store.open(view)).paused, undefined)
        assert.strictEqual((yield* Effect.flip(store.unpause(view.name)))._tag, "BuildNotReady")
        yield* put(yield* store.open(view), 1, [])
      }),
    )

    it.effect("keeps one dead letter for a position, until it is resolved", () =>
      Effect.gen(function* () {
        const { store, live, view } = yield* fresh
        const [first, again, second] = [letter(live, 1), { ...letter(live, 1), attempts: 2 }, letter(live, 2)]
        const one = yield* store.commit(view, live, Position.make(2n), { ...nothing, deadLetters: [second, first] })
        assert.deepStrictEqual(yield* store.deadLetters(view.name), [first, second])
        const two = yield* store.commit(view, one, Position.make(3n), { ...nothing, deadLetters: [again] })
        assert.deepStrictEqual(yield* store.deadLetters(view.name), [again, second])
        yield* store.commit(view, two, Position.make(4n), { ...nothing, resolved: [first.position] })
        assert.deepStrictEqual(yield* store.deadLetters(view.name), [second])
      }),
    )

    it.effect("builds beside the live build and swaps while others read", () =>
      Effect.gen(function* () {
        const { store, views, live, note, put, view } = yield* fresh
        const old = yield* put(live, 5, [mine(note("old", 1))])
        const next = { ...view, version: 2 }
        const building = yield* store.beginBuild(next)
        assert.deepStrictEqual([building.state, building.position, building.version], ["building", beginning, 2])

        const seen = new Set<string>()
        const reader = yield* Effect.forkChild(
          Effect.forever(
            Effect.andThen(views.query(next, tenant), (rows) =>
              Effect.sync(() => seen.add(rows.map(({ id }) => id).join())),
            ),
          ),
        )
        const rows = Stream.fromIterable([mine(note("new", 1)), mine(note("newer", 2))])
        const deadLetters = [letter(building, 3)]
        const { fill } = store
        const filled = yield* fill(next, building, Position.make(4n), rows, deadLetters)
        assert.strictEqual(filled.position, 4n)

        const behind = yield* Effect.flip(store.swap(filled))
        assert.deepInclude(behind, { _tag: "BuildNotReady", problem: "behind-the-live-build" })
        const caughtUp = yield* store.commit(next, filled, Position.make(5n), {
          ...nothing,
          deletes: [mine({ id: "newer" })],
        })
        const swapped = yield* store.swap(caughtUp)
        assert.strictEqual(swapped.state, "live")
        assert.deepStrictEqual(yield* views.query(next, tenant), [note("new", 1)])
        yield* Fiber.interrupt(reader)
        assert.isTrue(
          [...seen].every((ids) => ids === "old" || ids === "new"),
          [...seen].join("; "),
        )

        assert.strictEqual((yield* Effect.flip(put(old, 6, [])))._tag, "CheckpointMoved")
        assert.deepStrictEqual(yield* store.open(next), swapped)
        assert.deepInclude(yield* Effect.flip(store.open(view)), { _tag: "OutdatedProjection", live: 2, mine: 1 })
        assert.deepStrictEqual(yield* store.deadLetters(view.name), [letter(building, 3)])
      }),
    )

    it.effect("takes a swap back, and takes the taking back back", () =>
      Effect.gen(function* () {
        const { store, views, live, note, put, view } = yield* fresh
        yield* put(live, 5, [mine(note("old", 1))])
        assert.deepInclude(yield* Effect.flip(store.rollback(view.name)), { problem: "nothing-retired" })
        const building = yield* store.beginBuild(view)
        const filled = yield* store.fill(view, building, Position.make(5n), Stream.make(mine(note("new", 1))))
        const swapped = yield* store.swap(filled)

        const back = yield* store.rollback(view.name)
        assert.deepStrictEqual([back.number, back.state, back.position], [live.number, "live", Position.make(5n)])
        assert.deepStrictEqual(yield* views.query(view, tenant), [note("old", 1)])
        assert.strictEqual((yield* Effect.flip(put(swapped, 6, [])))._tag, "CheckpointMoved")
        yield* put(back, 6, [mine(note("older", 1))])

        assert.strictEqual((yield* store.rollback(view.name)).number, building.number)
        assert.deepStrictEqual(yield* views.query(view, tenant), [note("new", 1)])
      }),
    )

    it.effect("hands a build that was begun to whoever asks last, unless its version is another", () =>
      Effect.gen(function* () {
        const { store, note, view } = yield* fresh
        const begun = yield* store.beginBuild(view)
        const taken = yield* store.beginBuild(view)
        assert.strictEqual(taken.number, begun.number)
        const rows = () => Stream.make(mine(note("a", 1)))
        assert.strictEqual(
          (yield* Effect.flip(store.fill(view, begun, Position.make(1n), rows())))._tag,
          "CheckpointMoved",
        )
        const filled = yield* store.fill(view, taken, Position.make(1n), rows())
        assert.strictEqual((yield* Effect.flip(store.swap(taken)))._tag, "CheckpointMoved")

        const resumed = yield* store.beginBuild(view)
        assert.deepStrictEqual([resumed.number, resumed.position], [filled.number, filled.position])
        const newer = yield* store.beginBuild({ ...view, version: 2 })
        assert.deepStrictEqual([newer.number > filled.number, newer.position], [true, beginning])
        assert.strictEqual((yield* Effect.flip(store.swap(resumed)))._tag, "CheckpointMoved")
      }),
    )

    it.effect("leaves a build empty when filling it fails or is refused", () =>
      Effect.gen(function* () {
        const { store, note, view } = yield* fresh
        const build = yield* store.beginBuild(view)
        const failing = Stream.concat(Stream.make(mine(note("a", 1))), Stream.fail("broken" as const))
        assert.strictEqual(yield* Effect.flip(store.fill(view, build, Position.make(1n), failing)), "broken")
        const unfit = Stream.make(mine(note("a", 1)), mine(note("b", 0.5)))
        const refused = yield* Effect.flip(store.fill(view, build, Position.make(1n), unfit))
        assert.deepInclude(refused, { _tag: "RowsRefused" })
        yield* store.fill(view, build, Position.make(1n), Stream.make(mine(note("c", 1))))
        const rows = yield* Stream.runCollect(store.rows(view, build))
        assert.deepStrictEqual(rows, [mine(note("c", 1))])
      }),
    )

    it.effect("drops what is not live, and with it its dead letters", () =>
      Effect.gen(function* () {
        const { store, live, view } = yield* fresh
        const build = yield* store.beginBuild(view)
        yield* store.commit(view, build, Position.make(1n), { ...nothing, deadLetters: [letter(build, 1)] })
        yield* store.drop(build)
        yield* store.drop(build)
        assert.deepStrictEqual(yield* store.deadLetters(view.name), [])
        assert.deepInclude(yield* Effect.flip(store.drop(live)), { problem: "live" })
        const mineOnly = (yield* store.builds).filter((build) => build.view === view.name)
        assert.deepStrictEqual(mineOnly, [live])
      }),
    )

    it.effect("says when a view contains a position", () =>
      Effect.gen(function* () {
        const { views, live, put, view } = yield* fresh
        assert.isFalse(yield* views.awaitPosition(view, Position.make(1n), 0))
        const waiting = yield* Effect.forkChild(views.awaitPosition(view, Position.make(7n), "30 seconds"))
        const build = yield* put(live, 5, [])
        yield* put(build, 8, [])
        assert.isTrue(yield* Fiber.join(waiting))
        assert.isTrue(yield* views.awaitPosition(view, Position.make(8n), 0))
        assert.isFalse(yield* views.awaitPosition(view, Position.make(9n), "5 millis"))
      }),
    )
  })

type Note = {
  readonly id: string
  readonly n: number
  readonly text: string | null
  readonly ratio: number | null
  readonly done: boolean | null
  readonly at: string | null
  readonly day: string | null
  readonly uid: string | null
  readonly body: null | string | { readonly nested: ReadonlyArray<null | string | number | { readonly deep: boolean }> }
}

const byText = ([one]: readonly [unknown, number], [other]: readonly [unknown, number]) =>
  String(one) < String(other) ? -1 : 1

const columns: Columns<Note> = {
  id: "text",
  n: "bigint",
  text: "text",
  ratio: "double precision",
  done: "boolean",
  at: "timestamptz",
  day: "date",
  uid: "uuid",
  body: "jsonb",
}

const tenant = TenantId.make("contract")
const other = TenantId.make("contract's neighbour")

const nothing = { patches: [], deletes: [], upserts: [] } satisfies Batch<Note>

const mine = <R>(row: R): Owned<R> => ({ tenantId: tenant, row })

const patch = (where: Partial<Note>, set: Partial<Note> | undefined): OwnedPatch<Note> => ({
  tenantId: tenant,
  where,
  set,
})

const letter = (build: Build, position: number, state: DeadLetter["state"] = "skipped"): DeadLetter => ({
  view: build.view,
  build: build.number,
  position: Position.make(BigInt(position)),
  tenantId: tenant,
  streamId: StreamId.make("connection-1"),
  type: "connected",
  state,
  problem: "TypeError",
  attempts: 1,
})

/** A view that no other test knows, and its first build. */
const fresh = Effect.gen(function* () {
  const store = yield* ViewStore
  const views = yield* Views
  const taken = new Set((yield* store.builds).map(({ view }) => view))
  let number = 1
  while (taken.has(`contract_${number}`)) number += 1
  const view: View<Note> = { name: `contract_${number}`, version: 1, columns, key: ["id"], indexes: [["n", "text"]] }
  const live = yield* store.open(view)
  return {
    store,
    views,
    view,
    live,
    note: (id: string, n: number, text: string | null = "text"): Note => ({
      id,
      n,
      text,
      ratio: null,
      done: null,
      at: null,
      day: null,
      uid: null,
      body: null,
    }),
    put: (build: Build, to: number, upserts: ReadonlyArray<Owned<Note>>) =>
      store.commit(view, build, Position.make(BigInt(to)), { ...nothing, upserts }),
  }
})
