/**
 * The bookings of this host, in tables of its own: calendars make them, move them and cancel them, a person may correct
 * them, and Holdfast may only find and update them.
 *
 * Every feed shows the stays to come, all of them, each time. What it shows no more was cancelled, unless it is over.
 */
import { randomUUID } from "node:crypto"

import { Bookings, type Ids, ReservationFacts } from "@holdfast/domain"
import { Context, DateTime, Effect, Layer, Schema } from "effect"
import { SqlClient, SqlError } from "effect/sql"

import * as Calendar from "./Calendar.ts"

/** A calendar feed, by the host's own name. */
export interface Feed extends Bookings.Calendar {
  /** Where the property is. */
  readonly zone: DateTime.TimeZone
}

/** What an import did. Nothing else happened to any booking. */
export const Imported = Schema.Struct({
  /** New stays. */
  added: Schema.Natural,
  /** Stays that have other days now. */
  moved: Schema.Natural,
  /** Stays that the feed shows no more. */
  cancelled: Schema.Natural,
  /** Stays that had gone from the feed, and are there again. */
  restored: Schema.Natural,
  unchanged: Schema.Natural,
})
export type Imported = typeof Imported.Type

/**
 * The feed shows hardly anything of what it showed before, which is what a broken feed looks like. Nothing was changed.
 * A person who knows better says so.
 */
export class CalendarEmptied extends Schema.TaggedError<CalendarEmptied>()("CalendarEmptied", {
  cancelled: Schema.Natural,
  upcoming: Schema.Natural,
}) {}

/** A booking as the table has it. */
export const Row = Schema.Struct({
  id: Bookings.BookingId,
  platform: ReservationFacts.Platform,
  listing: Schema.NullOr(Schema.String),
  source_feed_id: Schema.String,
  check_in: Schema.String,
  check_out: Schema.String,
  status: Schema.Literals(["live", "cancelled", "blocked"]),
  confirmation_code: Schema.NullOr(Schema.String),
  guest_name: Schema.NullOr(Schema.String),
  guest_count: Schema.NullOr(Schema.Number),
  /** What a person wrote by hand. */
  edited: Schema.Array(Bookings.Field),
  /** As the calendar has it, and why its values are what they are. */
  raw_data: Schema.Struct({
    uid: Schema.String,
    summary: Schema.String,
    enrichment_reason: Schema.NullOr(Schema.String),
  }),
  /** When the calendar first showed it. */
  since: Schema.String,
})
export type Row = typeof Row.Type

/** What a person may correct. Null: nobody knows. */
export const Correction = Schema.Struct({
  guest_name: Schema.optionalKey(Schema.NullOr(Schema.String.check(Schema.isBetweenLength(1, 200)))),
  guest_count: Schema.optionalKey(Schema.NullOr(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000 })))),
})

/** There is no such booking in this tenant. Nothing was changed. */
export class BookingNotFound extends Schema.TaggedError<BookingNotFound>()("BookingNotFound", {}) {}

export class HostBookings extends Context.Service<
  HostBookings,
  {
    list(tenantId: Ids.TenantId): Effect.Effect<ReadonlyArray<Row>, Bookings.BookingsUnavailable>
    /** Makes the bookings of a feed what the feed says, all of it or nothing, and says which were not so before. */
    importFeed(
      tenantId: Ids.TenantId,
      feed: Feed,
      text: string,
      options?: { readonly evenIfEmptied?: boolean },
    ): Effect.Effect<
      Imported & { readonly changed: ReadonlyArray<Bookings.BookingId> },
      Calendar.CalendarUnreadable | CalendarEmptied | Bookings.BookingsUnavailable
    >
    correct(
      tenantId: Ids.TenantId,
      id: Bookings.BookingId,
      correction: typeof Correction.Type,
    ): Effect.Effect<Row, BookingNotFound | Bookings.BookingsUnavailable>
  }
>()("@holdfast/examples/HostBookings") {
  static readonly layer: Layer.Layer<HostBookings | Bookings.Bookings, SqlError.SqlError, SqlClient.SqlClient> =
    Layer.effectContext(
      Effect.gen(function* () {
        const sql = (yield* SqlClient.SqlClient).withoutTransforms()
        yield* sql.withTransaction(tables(sql))
        return Context.make(HostBookings, ownOf(sql)).pipe(Context.add(Bookings.Bookings, portOf(sql)))
      }),
    )
}

type Sql = SqlClient.SqlClient

const tables = Effect.fnUntraced(function* (sql: Sql) {
  // Two servers that start at once would both find nothing.
  yield* sql`SELECT pg_advisory_xact_lock(hashtext('holdfast_example'))`
  yield* sql`CREATE SCHEMA IF NOT EXISTS holdfast_example`
  yield* sql`CREATE TABLE IF NOT EXISTS holdfast_example.calendars (
    tenant_id text, id text, platform text NOT NULL, listing text, imported_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id))`
  yield* sql`CREATE TABLE IF NOT EXISTS holdfast_example.bookings (
    tenant_id text, id text, source_feed_id text NOT NULL, platform text NOT NULL, listing text,
    check_in date NOT NULL, check_out date NOT NULL, status text NOT NULL,
    confirmation_code text, guest_name text, guest_count integer, edited jsonb NOT NULL, raw_data jsonb NOT NULL,
    since timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id))`
  yield* sql`CREATE INDEX IF NOT EXISTS bookings_by_arrival
    ON holdfast_example.bookings (tenant_id, platform, check_in)`
  yield* sql`CREATE INDEX IF NOT EXISTS bookings_by_code
    ON holdfast_example.bookings (tenant_id, confirmation_code)`
  yield* sql`CREATE INDEX IF NOT EXISTS bookings_by_feed
    ON holdfast_example.bookings (tenant_id, source_feed_id)`
})

const columns = `id, platform, listing, source_feed_id, check_in::text, check_out::text, status, confirmation_code,
  guest_name, guest_count, edited, raw_data, to_char(since AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS since`

const decodeRows = Schema.decodeUnknownSync(Schema.Array(Row))

/** What a mail may do: find, and update what is as expected. */
const portOf = (sql: Sql): Bookings.Bookings["Service"] => ({
  find: (tenantId, query) => {
    const condition =
      query.by === "ids"
        ? sql.in("id", query.ids)
        : query.by === "codes"
          ? sql.and([sql`platform = ${query.platform}`, sql.in("confirmation_code", query.codes)])
          : sql.and([
              sql`platform = ${query.platform}`,
              sql`check_in = ANY(string_to_array(${query.days.join()}::text, ',')::date[])`,
            ])
    const asked = query.by === "ids" ? query.ids : query.by === "codes" ? query.codes : query.days
    if (asked.length === 0) return Effect.succeed([])
    return sql`SELECT ${sql.literal(columns)} FROM holdfast_example.bookings
      WHERE tenant_id = ${tenantId} AND ${condition}`.pipe(
      Effect.map((rows) => decodeRows(rows).map(bookingOf)),
      reachable,
    )
  },

  update: (tenantId, id, { expects, reason, set }) =>
    Effect.gen(function* () {
      const [row] = decodeRows(
        yield* sql`SELECT ${sql.literal(columns)} FROM holdfast_example.bookings
          WHERE tenant_id = ${tenantId} AND id = ${id} FOR UPDATE`,
      )
      if (row === undefined) return { outcome: "gone" } as const
      const booking = bookingOf(row)
      if (!Bookings.isOn(booking, expects)) return { outcome: "changed", booking } as const
      yield* write(sql, tenantId, {
        ...row,
        ...(set.guestName !== undefined && { guest_name: set.guestName }),
        ...(set.guestCount !== undefined && { guest_count: set.guestCount }),
        ...(set.code !== undefined && { confirmation_code: set.code }),
        raw_data: { ...row.raw_data, enrichment_reason: reason },
      })
      return { outcome: "updated" } as const
    }).pipe(sql.withTransaction, reachable),

  calendarsOf: (tenantId) =>
    sql`SELECT id AS feed, platform, listing FROM holdfast_example.calendars WHERE tenant_id = ${tenantId}`.pipe(
      Effect.map(decodeCalendars),
      reachable,
    ),
})

const decodeCalendars = Schema.decodeUnknownSync(
  Schema.Array(
    Schema.Struct({ feed: Schema.String, platform: ReservationFacts.Platform, listing: Schema.NullOr(Schema.String) }),
  ),
)

/** What the host does with its own. */
const ownOf = (sql: Sql): HostBookings["Service"] => ({
  list: (tenantId) =>
    sql`SELECT ${sql.literal(columns)} FROM holdfast_example.bookings
      WHERE tenant_id = ${tenantId} ORDER BY check_in, source_feed_id, id`.pipe(Effect.map(decodeRows), reachable),

  importFeed: Effect.fn("HostBookings.importFeed")(function* (tenantId, feed, text, options = {}) {
    const stays = yield* Effect.fromResult(Calendar.read(text, feed.platform, feed.zone))
    const now = yield* DateTime.now
    return yield* Effect.gen(function* () {
      // Two imports of one feed, one after the other.
      yield* sql`INSERT INTO holdfast_example.calendars (tenant_id, id, platform, listing, imported_at)
        VALUES (${tenantId}, ${feed.feed}, ${feed.platform}, ${feed.listing}, ${DateTime.formatIso(now)})
        ON CONFLICT (tenant_id, id) DO UPDATE
        SET platform = excluded.platform, listing = excluded.listing, imported_at = excluded.imported_at`
      const held = decodeRows(
        yield* sql`SELECT ${sql.literal(columns)} FROM holdfast_example.bookings
          WHERE tenant_id = ${tenantId} AND source_feed_id = ${feed.feed} ORDER BY since, id FOR UPDATE`,
      )
      const today = DateTime.formatIsoDate(DateTime.setZone(now, feed.zone))
      const changes = compare(held, stays, feed, { today, now: DateTime.formatIso(now) })
      const upcoming = held.filter((row) => isUpcoming(row, today)).length
      if (isSuspicious(changes.cancelled.length, upcoming) && options.evenIfEmptied !== true) {
        return yield* new CalendarEmptied({ cancelled: changes.cancelled.length, upcoming })
      }
      const written = [...changes.added, ...changes.moved, ...changes.cancelled, ...changes.restored]
      yield* Effect.forEach(written, (row) => write(sql, tenantId, row), { discard: true })
      return {
        added: changes.added.length,
        moved: changes.moved.length,
        cancelled: changes.cancelled.length,
        restored: changes.restored.length,
        unchanged: changes.unchanged,
        changed: written.map(({ id }) => id),
      }
    }).pipe(sql.withTransaction, reachable)
  }),

  correct: (tenantId, id, correction) =>
    Effect.gen(function* () {
      const [row] = decodeRows(
        yield* sql`SELECT ${sql.literal(columns)} FROM holdfast_example.bookings
          WHERE tenant_id = ${tenantId} AND id = ${id} FOR UPDATE`,
      )
      if (row === undefined) return yield* new BookingNotFound()
      const edited = new Set(row.edited)
      if (correction.guest_name !== undefined) edited.add("guestName")
      if (correction.guest_count !== undefined) edited.add("guestCount")
      const corrected = { ...row, ...correction, edited: [...edited] }
      yield* write(sql, tenantId, corrected)
      return corrected
    }).pipe(sql.withTransaction, reachable),
})

/** What the feed changes about the bookings that it made before. Stays are taken one for one: a feed may have twins. */
const compare = (
  held: ReadonlyArray<Row>,
  stays: ReadonlyArray<Calendar.Stay>,
  feed: Feed,
  { now, today }: { readonly now: string; readonly today: string },
) => {
  const left = new Set(held)
  const take = (rows: ReadonlyArray<Row>) => {
    const [row] = rows
    if (row !== undefined) left.delete(row)
    return row
  }
  const leftThat = (isSo: (row: Row) => boolean) => [...left].filter(isSo)
  // A name that is used again for another reservation names another stay.
  const isOf = (stay: Calendar.Stay) => (row: Row) =>
    row.raw_data.uid === stay.uid &&
    (stay.code === null || row.confirmation_code === null || row.confirmation_code === stay.code)
  const isOn = (stay: Calendar.Stay) => (row: Row) => row.check_in === stay.checkIn && row.check_out === stay.checkOut

  let unchanged = 0
  const [added, moved, restored]: [Array<Row>, Array<Row>, Array<Row>] = [[], [], []]
  const renew = (row: Row, stay: Calendar.Stay, into: Array<Row>) => {
    const next = renewed(row, stay)
    if (JSON.stringify(next) === JSON.stringify(row)) unchanged += 1
    else into.push(next)
  }
  // A name and its days are the same stay, also one that had gone; a name alone only where it is one stay's.
  const unmet = stays.filter((stay) => {
    const row = take(leftThat((row) => row.status !== "cancelled" && isOf(stay)(row) && isOn(stay)(row)))
    if (row !== undefined) renew(row, stay, moved)
    return row === undefined
  })
  for (const stay of unmet) {
    const gone = take(leftThat((row) => row.status === "cancelled" && isOf(stay)(row) && isOn(stay)(row)))
    const before = leftThat((row) => row.status !== "cancelled" && isOf(stay)(row))
    const isOne = before.length === 1 && unmet.filter(({ uid }) => uid === stay.uid).length === 1
    const same = gone ?? (isOne ? take(before) : undefined)
    if (same === undefined) added.push(newRow(stay, feed, now))
    else renew(same, stay, gone === undefined ? moved : restored)
  }
  const cancelled = Array.from(
    leftThat((row) => isUpcoming(row, today)),
    (row): Row => ({ ...row, status: "cancelled" }),
  )
  return { added, moved, restored, cancelled, unchanged }
}

/** Feeds show what is to come: what is over was there until it was over. */
const isUpcoming = ({ check_out, status }: Row, today: string) => status !== "cancelled" && check_out > today

/** Guests cancel one by one. */
const isSuspicious = (cancelled: number, upcoming: number) => cancelled >= 5 && cancelled * 2 > upcoming

/** The days, the code and what the calendar calls it are the feed's; a name that it has not, it does not take away. */
const renewed = (row: Row, stay: Calendar.Stay): Row => ({
  ...row,
  check_in: stay.checkIn,
  check_out: stay.checkOut,
  status: stay.status,
  confirmation_code: stay.code ?? row.confirmation_code,
  guest_name: row.edited.includes("guestName") ? row.guest_name : (stay.guestName ?? row.guest_name),
  raw_data: { ...row.raw_data, uid: stay.uid, summary: stay.summary },
})

const newRow = (stay: Calendar.Stay, { feed, listing, platform }: Feed, now: string): Row => ({
  id: Bookings.BookingId.make(randomUUID()),
  platform,
  listing,
  source_feed_id: feed,
  check_in: stay.checkIn,
  check_out: stay.checkOut,
  status: stay.status,
  confirmation_code: stay.code,
  guest_name: stay.guestName,
  guest_count: null,
  edited: [],
  raw_data: { uid: stay.uid, summary: stay.summary, enrichment_reason: null },
  since: now,
})

const write = (sql: Sql, tenantId: Ids.TenantId, row: Row) =>
  sql`INSERT INTO holdfast_example.bookings (tenant_id, id, source_feed_id, platform, listing, check_in, check_out, status,
      confirmation_code, guest_name, guest_count, edited, raw_data, since)
    VALUES (${tenantId}, ${row.id}, ${row.source_feed_id}, ${row.platform}, ${row.listing}, ${row.check_in}::text::date,
      ${row.check_out}::text::date, ${row.status}, ${row.confirmation_code}, ${row.guest_name}, ${row.guest_count},
      ${JSON.stringify(row.edited)}::text::jsonb, ${JSON.stringify(row.raw_data)}::text::jsonb, ${row.since}::text::timestamptz)
    ON CONFLICT (tenant_id, id) DO UPDATE SET check_in = excluded.check_in, check_out = excluded.check_out,
      status = excluded.status, confirmation_code = excluded.confirmation_code, guest_name = excluded.guest_name,
      guest_count = excluded.guest_count, edited = excluded.edited, raw_data = excluded.raw_data`

const bookingOf = (row: Row): Bookings.Booking => ({
  id: row.id,
  platform: row.platform,
  listing: row.listing,
  feed: row.source_feed_id,
  code: row.confirmation_code,
  checkIn: row.check_in,
  checkOut: row.check_out,
  status: row.status,
  guestName: row.guest_name,
  guestCount: row.guest_count,
  editedByPerson: row.edited,
  since: DateTime.makeUnsafe(row.since),
})

/** PostgreSQL quotes rows in its errors: only the class of failure passes. */
const reachable = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.mapError(effect, (error) =>
    SqlError.isSqlError(error) ? new Bookings.BookingsUnavailable({ reason: error.reason._tag }) : error,
  ) as Effect.Effect<A, Exclude<E, SqlError.SqlError> | Bookings.BookingsUnavailable, R>
