/**
 * The whole log, for readers of all tenants.
 *
 * The head is the low-water fence (see the first migration): the positions up to it
 * are final. A page has a snapshot of its own, later than the look at the fence: it is
 * another statement, or a function that is called after it. Nothing stays open between
 * two pages.
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
      sql<Pick<Fence, "head">>`SELECT head FROM holdfast.head()`,
      ([{ head } = nothing]) => (seen = head),
    )

    const safe = (position: EventStore.Position | undefined) =>
      position !== undefined && position <= seen
        ? Effect.succeed(position)
        : Effect.map(look, (head) => (position !== undefined && position < head ? position : head))

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
              return [Page.recorded(rows), more] as const
            }),
      )

    const read: EventStore.EventLog["Service"]["read"] = (after, { until, ...filter } = {}) =>
      Stream.unwrap(Effect.map(safe(until), (end) => pages({ after, until: end }, "ASC", filter))).pipe(
        Stream.mapError(unavailable),
      )

    /** The fence, and the page that begins behind a position: both in one round trip. */
    const lookBeyond = (
      after: EventStore.Position,
      size: number,
      { categories, sealed = true, tenantId, types }: EventStore.LogFilter,
    ) =>
      Effect.map(
        sql<Fence & Page.Row>`
          SELECT head, last, ${sql.literal(sealed ? `${Page.columns}, sealed` : Page.columns)}
          FROM holdfast.head() LEFT JOIN LATERAL holdfast.events_between(
            ${after}, head, ${size}::int, ${categories ?? null}::text[], ${types ?? null}::text[], ${tenantId ?? null}::text
          ) ON true ORDER BY position`,
        (found) => {
          const [{ head, last } = nothing] = found
          seen = head
          const rows = found.filter(({ position }) => position !== null)
          const to = rows.length < size ? head : (rows.at(-1)?.position ?? head)
          return { head, last, rows, to }
        },
      )

    const nextOf = Effect.fn("PostgresEventLog.next")(function* (
      after: EventStore.Position,
      filter: EventStore.LogFilter,
      size: number,
    ) {
      let delay = poll.least
      let failing = false
      while (true) {
        const heard = yield* wakeup.heard
        const looked = yield* Effect.result(lookBeyond(after, size, filter))
        if (looked._tag === "Success") {
          const { head, last, rows, to } = looked.success
          if (head > after) return { head, to, rows }
          // Somebody is still writing. If it is rolled back, nobody rings.
          if (last > head) delay = poll.least
          failing = false
        } else if (!failing) {
          failing = true
          yield* Effect.logWarning(
            "The log cannot be read; trying again until it can",
            unavailable(looked.failure).reason,
          )
        }
        const rung = yield* Effect.timeoutOption(wakeup.after(heard), `${delay} millis` satisfies Duration.Input)
        delay = Option.isSome(rung) && !failing ? poll.least : Math.min(delay * 1.5, poll.most)
      }
    })

    const next: EventStore.EventLog["Service"]["next"] = (after, filter = {}) =>
      Effect.map(nextOf(after, filter, Page.first), ({ head, rows, to }) => ({
        events: Page.recorded(rows),
        to,
        head,
      }))

    const follow: EventStore.EventLog["Service"]["follow"] = (after, filter = {}) =>
      Stream.paginate({ after, size: Page.first }, ({ after, size }) =>
        Effect.map(nextOf(after, filter, size), ({ head, rows, to }) => {
          const further = to === head ? Page.first : Page.next(rows, size)
          return [Page.recorded(rows), Option.some({ after: to, size: further })] as const
        }),
      )

    return EventStore.EventLog.of({
      head: Effect.mapError(look, unavailable),
      read,
      readBackwards: (from, filter = {}) =>
        Stream.unwrap(
          Effect.map(safe(from === undefined ? undefined : before(from)), (until) =>
            pages({ after: EventStore.beginning, until }, "DESC", filter),
          ),
        ).pipe(Stream.mapError(unavailable)),
      next,
      follow,
    })
  }),
)

/** How far reading is safe, and how far the log will be when those who are writing are done. */
interface Fence {
  readonly head: EventStore.Position
  readonly last: EventStore.Position
}

const nothing: Fence = { head: EventStore.beginning, last: EventStore.beginning }

/** Milliseconds between two looks of a waiting reader: from soon after something happened to when nothing does. */
const poll = { least: 25, most: 1_000 }

const before = (position: EventStore.Position) => EventStore.Position.make(position - 1n)
