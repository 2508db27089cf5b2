/** Views on databases of their own, and a view with a column of every type. */
import { PgClient } from "@effect/sql-pg"
import { EventStore, Ids, type Projection, ViewStore } from "@holdfast/domain"
import { Arbitrary, Effect, Layer, Schema, Stream } from "effect"

import * as Migrations from "../src/Migrations.ts"
import * as Pglite from "../src/Pglite.ts"
import * as PostgresViews from "../src/PostgresViews.ts"
import * as PostgresViewStore from "../src/PostgresViewStore.ts"
import { RunnerSql } from "../src/RunnerSql.ts"
import { clientOf, freshUrl } from "./EventStore.layers.ts"

const services = Layer.merge(PostgresViews.layer, PostgresViewStore.layer)

export const pglite = services.pipe(
  Layer.provideMerge(Layer.merge(RunnerSql.layerSame, Layer.effectDiscard(Migrations.migrate()))),
  Layer.provideMerge(Pglite.layer()),
)

export const postgres = Layer.unwrap(
  Effect.map(freshUrl(), (url) =>
    services.pipe(Layer.provideMerge(Layer.merge(clientOf(url), RunnerSql.layer({ url })))),
  ),
)

export type Row = {
  readonly shelf: string
  readonly place: number
  readonly label: string | null
  readonly book: string | null
  readonly weight: number | null
  readonly lent: boolean | null
  readonly lent_at: string | null
  readonly printed_on: string | null
  readonly notes: Schema.Json
}

export const view: Projection.View<Row> = {
  name: "shelves",
  version: 1,
  columns: {
    shelf: "text",
    place: "bigint",
    label: "text",
    book: "uuid",
    weight: "double precision",
    lent: "boolean",
    lent_at: "timestamptz",
    printed_on: "date",
    notes: "jsonb",
  },
  key: ["shelf", "place"],
  indexes: [["label"]],
}

export const acme = Ids.TenantId.make("acme")
export const globex = Ids.TenantId.make("globex")

export const at = (position: number) => EventStore.Position.make(BigInt(position))

const nullable = <S extends Schema.Top>(schema: S) => Schema.NullOr(schema)

/** Few keys, so that histories meet themselves; any text but NUL and halves of characters. */
const text = Schema.String.check(Schema.isPattern(/^[^\0\p{Cs}]*$/u))
const milliseconds = Schema.Int.check(Schema.isBetween({ minimum: -30_000_000_000_000, maximum: 250_000_000_000_000 }))

const few = {
  label: nullable(Schema.Literals(["x", "y"])),
  lent: nullable(Schema.Boolean),
  book: nullable(Schema.Literals(["0b0e9f3a-0000-4000-8000-00000000000a", "ffffffff-ffff-4fff-bfff-ffffffffffff"])),
}

/** Few columns and values, so that one patch changes what the next one asks for. */
export const Patch = Schema.Struct({
  asks: Schema.Literals(["lent", "lent", "label", "label lent", "book"]),
  where: Schema.Struct(few),
  gives: Schema.Literals(["lent", "lent", "label", "label lent", "book label", "go"]),
  set: Schema.Struct(few),
})

export const Step = Arbitrary.schema(
  Schema.Struct({
    step: Schema.Literals(["upsert", "upsert", "delete", "patch"]),
    patches: Schema.Array(Patch),
    tenantId: Schema.Literals([acme, globex]),
    shelf: Schema.Literals(["", "a", "ä", "\u{1f4d6}", "\uff5e", 'b "c" \\ \n'] as const),
    place: Schema.Literals([0, -1, Number.MAX_SAFE_INTEGER] as const),
    label: Schema.Union([few.label, few.label, text]),
    book: few.book,
    weight: nullable(Schema.Finite),
    lent: few.lent,
    lent_at: nullable(milliseconds),
    printed_on: nullable(milliseconds),
    notes: Schema.Union([Schema.Null, text, Schema.Int, Schema.Array(text), Schema.Record(text, nullable(text))]),
  }),
).pipe(
  Arbitrary.map(({ lent_at, patches, printed_on, step, tenantId, weight, ...rest }): Step => [
    step,
    owned(tenantId, {
      ...rest,
      // PostgreSQL reads the zero of JSON without its sign.
      weight: weight === null ? null : weight + 0,
      lent_at: lent_at === null ? null : isoOf(lent_at),
      printed_on: printed_on === null ? null : isoOf(Math.abs(printed_on)).slice(0, 10),
    }),
    patches.map(patchOf(tenantId)),
  ]),
)

/** What is done, with which row or with which patches. */
export type Step = readonly [
  kind: "upsert" | "delete" | "patch",
  row: Projection.Owned<Row>,
  patches: ReadonlyArray<Projection.OwnedPatch<Row>>,
]

export const patchOf =
  (tenantId: Ids.TenantId) =>
  ({ asks, gives, set, where }: typeof Patch.Type): Projection.OwnedPatch<Row> => ({
    tenantId,
    where: pick(where, asks),
    set: gives === "go" ? undefined : pick(set, gives),
  })

const pick = (values: Partial<Row>, columns: string): Partial<Row> =>
  Object.fromEntries(Object.entries(values).filter(([column]) => columns.split(" ").includes(column)))

const isoOf = (milliseconds: number) => new Date(milliseconds).toISOString()

export const empty = { patches: [], deletes: [], upserts: [] } as const

export const row = (shelf: string, place: number, label: string | null = null): Row => ({
  shelf,
  place,
  label,
  book: null,
  weight: null,
  lent: null,
  lent_at: null,
  printed_on: null,
  notes: null,
})

export const owned = (tenantId: Ids.TenantId, row: Row): Projection.Owned<Row> => ({ tenantId, row })

/** All rows of a build, in one order for all stores. */
export const rowsOf = Effect.fn(function* (build: ViewStore.Build) {
  const store = yield* ViewStore.ViewStore
  const rows = yield* Stream.runCollect(store.rows(view, build))
  const address = ({ row, tenantId }: Projection.Owned<Row>) => JSON.stringify([tenantId, row.shelf, row.place])
  return rows.toSorted((a, b) => (address(a) < address(b) ? -1 : 1))
})

export const asApp = <A, E, R>(tenantId: Ids.TenantId, effect: Effect.Effect<A, E, R>) =>
  Effect.flatMap(PgClient.PgClient, (sql) =>
    sql.withTransaction(Effect.andThen(sql`SELECT set_config('holdfast.tenant', ${tenantId}, true)`, effect)),
  )
