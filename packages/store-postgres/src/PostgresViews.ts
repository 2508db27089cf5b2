/**
 * What hosts read of views: an SQL view over the live build of each.
 */
import { PgClient } from "@effect/sql-pg"
import { type Ids, type Projection, Storable, ViewStore } from "@holdfast/domain"
import { Duration, Effect, Layer, Option, Schedule } from "effect"

import * as Tenant from "./Tenant.ts"
import { ported, sqlState } from "./Unavailable.ts"
import * as ViewTable from "./ViewTable.ts"

/** Through the client of the context: the statements join the host's own transaction. */
export const layer: Layer.Layer<ViewStore.Views, never, PgClient.PgClient> = Layer.effect(
  ViewStore.Views,
  Effect.gen(function* () {
    const client = yield* PgClient.PgClient
    const sql = client.withoutTransforms()

    /** Nothing where no build of the view was ever opened. */
    const ask = <Row extends object>(
      tenantId: Ids.TenantId,
      { parameters, statement }: ReturnType<typeof ViewTable.counting>,
    ) =>
      sql.unsafe<Row>(statement, parameters).pipe(
        Tenant.scoped(tenantId),
        Effect.provideService(PgClient.PgClient, client),
        Effect.catchIf(
          (error) => sqlState(error) === undefinedTable,
          () => Effect.succeed([]),
        ),
        ported,
      )

    return ViewStore.Views.of({
      query: Effect.fn("PostgresViews.query")(function* <R extends Projection.Row>(
        view: Projection.View<R>,
        tenantId: Ids.TenantId,
        query: ViewStore.Query<R> = {},
      ) {
        const shape = ViewTable.shapeOf(view)
        const conditions = Storable.conditionsOf<Projection.Row>(shape, query.where ?? {})
        if (conditions.some(([, oneOf]) => oneOf.length === 0)) return []
        const selection = ViewTable.selection(shape, tenantId, conditions, query)
        const rows = yield* ask<ViewTable.StoredRow>(tenantId, selection)
        return rows.map((row) => ViewTable.rowOf<R>(shape, row))
      }),

      count: Effect.fn("PostgresViews.count")(function* <R extends Projection.Row>(
        view: Projection.View<R>,
        tenantId: Ids.TenantId,
        where: ViewStore.Where<R> = {},
        atMost?: number,
      ) {
        const shape = ViewTable.shapeOf(view)
        const conditions = Storable.conditionsOf<Projection.Row>(shape, where)
        if (conditions.some(([, oneOf]) => oneOf.length === 0)) return 0
        const [row] = yield* ask<{ count: number }>(tenantId, ViewTable.counting(shape, tenantId, conditions, atMost))
        return row?.count ?? 0
      }),

      countBy: Effect.fn("PostgresViews.countBy")(function* <R extends Projection.Row, Column extends keyof R & string>(
        view: Projection.View<R>,
        tenantId: Ids.TenantId,
        column: Column,
        where: ViewStore.Where<R> = {},
      ) {
        const shape = ViewTable.shapeOf(view)
        const conditions = Storable.conditionsOf<Projection.Row>(shape, where)
        if (conditions.some(([, oneOf]) => oneOf.length === 0)) return new Map<R[Column], number>()
        const counting = ViewTable.countingBy(shape, tenantId, column, conditions)
        const counts = yield* ask<{ value: unknown; count: number }>(tenantId, counting)
        return new Map(counts.map(({ count, value }) => [ViewTable.valueOf<R[Column]>(value), count]))
      }),

      awaitPosition: Effect.fn("PostgresViews.awaitPosition")(function* (view, position, within) {
        const reached = Effect.map(
          sql<{ reached: boolean }>`
            SELECT position >= ${position} AS reached FROM holdfast.builds
            WHERE view = ${view.name} AND state = 'live'`,
          ([row]) => row?.reached ?? false,
        )
        const look = ported(reached)
        if (Duration.isZero(Duration.fromInputUnsafe(within))) return yield* look
        return yield* look.pipe(
          Effect.repeat({ until: (is) => is, schedule: patience }),
          Effect.timeoutOption(within),
          Effect.map(Option.getOrElse(() => false)),
        )
      }),
    })
  }),
)

const patience = Schedule.min([Schedule.exponential("1 millis", 1.5), Schedule.spaced("100 millis")])

const undefinedTable = "42P01"
