/**
 * The whole log, for readers of all tenants.
 *
 * The head is the low-water fence (see the first migration): the positions up to it
 * are final. A page is one statement of its own, so its snapshot is later than the
 * look at the fence, and nothing stays open between two pages.
 */
import { EventStore } from "@holdfast/domain"
import { type Duration, Effect, Layer, Option, Stream } from "effect"

import * as Page from "./Page.ts"
import { RunnerSql } from "./RunnerSql.ts"
import { unavailable } from "./Unavailable.ts"
import { Wakeup } from "./Wakeup.ts"

export const layer: Layer.Layer<EventStore.EventLog, never, RunnerSql | Wakeup> = Layer.effect(
  EventStore.EventLog,
  Effect.gen(function* () {
    const sql = (yield* RunnerSql).withoutTransforms()
    const wakeup = yield* Wakeup

    /** The head that was seen last: up to it nobody has to look again. It only goes back where the log itself did. */
    let seen = EventStore.beginning

    const look = Effect.map(
      sql<{ head: EventStore.Position; last: EventStore.Position }>`SELECT head, last FROM holdfast.head()`,
      ([row]) => {
        const fence = row ?? { head: EventStore.beginning, last: EventStore.beginning }
        seen = fence.head
        return fence
      },
    )

    const safe = (position: EventStore.Position | undefined) =>
      position !== undefined && position <= seen
        ? Effect.succeed(position)
        : Effect.map(look, ({ head }) => (position !== undefined && position < head ? position : head))

    const page = (
      { after, until }: { readonly after: EventStore.Position; readonly until: EventStore.Position },
      direction: "ASC" | "DESC",
      size: number,
      { categories, sealed = true, tenantId, types }: EventStore.LogFilter,
    ) => {
      const columns = sql.literal(sealed ? `${Page.columns}, sealed` : Page.columns)
      const range = sql`position > ${after} AND position <= ${until}`
      const order = sql.literal(`ORDER BY position ${direction}`)
      const conditions = [
        ...(categories === undefined ? [] : [sql`category = ANY(${categories}::text[])`]),
        ...(types === undefined ? [] : [sql`type = ANY(${types}::text[])`]),
        ...(tenantId === undefined ? [] : [sql`tenant_id = ${tenantId}`]),
      ]
      // What is filtered out is passed over in the index of positions, without its row being touched.
      return conditions.length === 0
        ? sql<Page.Row>`SELECT ${columns} FROM holdfast.events WHERE ${range} ${order} LIMIT ${size}`
        : sql<Page.Row>`
            WITH wanted AS MATERIALIZED (
              SELECT position FROM holdfast.events WHERE ${sql.and([range, ...conditions])} ${order} LIMIT ${size})
            SELECT ${columns} FROM wanted JOIN holdfast.events USING (position) ${order}`
    }

    const pages = (
      range: { readonly after: EventStore.Position; readonly until: EventStore.Position },
      direction: "ASC" | "DESC",
      filter: EventStore.LogFilter,
    ) =>
      Stream.paginate({ ...range, size: Page.first }, ({ size, ...range }) =>
        range.after >= range.until
          ? Effect.succeed([[], Option.none()] as const)
          : Effect.map(page(range, direction, size, filter), (rows) => {
              const last = rows.at(-1)
              const rest = last && (direction === "ASC" ? { after: last.position } : { until: before(last.position) })
              const more =
                rows.length < size || rest === undefined
                  ? Option.none()
                  : Option.some({ ...range, ...rest, size: Page.next(rows, size) })
              return [rows.map((row) => Page.recorded(row)), more] as const
            }),
      )

    const read: EventStore.EventLog["Service"]["read"] = (after, { until, ...filter } = {}) =>
      Stream.unwrap(Effect.map(safe(until), (end) => pages({ after, until: end }, "ASC", filter))).pipe(
        Stream.mapError(unavailable),
      )

    const awaitBeyond = Effect.fn("PostgresEventLog.awaitBeyond")(function* (position: EventStore.Position) {
      let delay = poll.least
      let failing = false
      while (true) {
        const heard = yield* wakeup.heard
        const fence = yield* Effect.result(look)
        if (fence._tag === "Success") {
          if (fence.success.head > position) return fence.success.head
          // Somebody is still writing. If it is rolled back, nobody rings.
          if (fence.success.last > fence.success.head) delay = poll.least
          failing = false
        } else if (!failing) {
          failing = true
          yield* Effect.logWarning(
            "The log cannot be read; trying again until it can",
            unavailable(fence.failure).reason,
          )
        }
        const rung = yield* Effect.timeoutOption(wakeup.after(heard), `${delay} millis` satisfies Duration.Input)
        delay = Option.isSome(rung) && !failing ? poll.least : Math.min(delay * 1.5, poll.most)
      }
    })

    return EventStore.EventLog.of({
      head: Effect.mapError(
        Effect.map(look, ({ head }) => head),
        unavailable,
      ),
      read,
      readBackwards: (from, filter = {}) =>
        Stream.unwrap(
          Effect.map(safe(from === undefined ? undefined : before(from)), (until) =>
            pages({ after: EventStore.beginning, until }, "DESC", filter),
          ),
        ).pipe(Stream.mapError(unavailable)),
      awaitBeyond,
      follow: EventStore.following({ awaitBeyond, read }),
    })
  }),
)

/** Milliseconds between two looks of a waiting reader: from soon after something happened to when nothing does. */
const poll = { least: 25, most: 1_000 }

const before = (position: EventStore.Position) => EventStore.Position.make(position - 1n)
