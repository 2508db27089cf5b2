/** A host's bookings in memory: the port, and what the host itself does with them. */
import { Context, Effect, Layer } from "effect"

import { type ConnectionId, type TenantId } from "../Ids.ts"
import { type Booking, type BookingId, Bookings, type Calendar, isOn, type Values } from "../reservations/Bookings.ts"

/** What a host does with its own bookings, beside the port: by what the contract of the port tries it out. */
export class BookingDesk extends Context.Service<
  BookingDesk,
  {
    /** The calendars have these, as if imported: new, or in the place of those with the same ids. */
    import(tenantId: TenantId, bookings: ReadonlyArray<Booking>): Effect.Effect<void>
    /** A person writes these values by hand. */
    edit(tenantId: TenantId, id: BookingId, values: Values): Effect.Effect<void>
    /** All of a tenant, whatever their status. */
    all(tenantId: TenantId): Effect.Effect<ReadonlyArray<Booking>>
    /** Which calendars the mail of a connection is about; all of the tenant's, where nothing was said. */
    assign(tenantId: TenantId, connectionId: ConnectionId, calendars: ReadonlyArray<Calendar>): Effect.Effect<void>
  }
>()("@holdfast/domain/testing/BookingDesk") {}

/** It yields before every step, so that races show. */
export const layerMemory: Layer.Layer<Bookings | BookingDesk> = Layer.effectContext(
  Effect.sync(() => {
    const tenants = new Map<TenantId, Map<BookingId, Booking>>()
    const assigned = new Map<string, ReadonlyArray<Calendar>>()
    const of = (tenantId: TenantId) => {
      const known = tenants.get(tenantId) ?? new Map<BookingId, Booking>()
      tenants.set(tenantId, known)
      return known
    }
    const connectionOf = (tenantId: TenantId, connectionId: ConnectionId) => `${tenantId}\n${connectionId}`

    const port = Bookings.of({
      find: Effect.fn("BookingsMemory.find")(function* (tenantId, query) {
        yield* Effect.yieldNow
        return [...of(tenantId).values()].filter((booking) => {
          if (query.by === "ids") return query.ids.includes(booking.id)
          if (booking.platform !== query.platform) return false
          if (query.by === "arrival") return query.days.includes(booking.checkIn)
          return booking.code !== null && query.codes.includes(booking.code)
        })
      }),
      update: Effect.fn("BookingsMemory.update")(function* (tenantId, id, { expects, set }) {
        yield* Effect.yieldNow
        const booking = of(tenantId).get(id)
        if (booking === undefined) return { outcome: "gone" }
        if (!isOn(booking, expects)) return { outcome: "changed", booking }
        of(tenantId).set(id, { ...booking, ...set })
        return { outcome: "updated" }
      }),
      calendarsOf: Effect.fn("BookingsMemory.calendarsOf")(function* (tenantId, connectionId) {
        yield* Effect.yieldNow
        const own = assigned.get(connectionOf(tenantId, connectionId))
        if (own !== undefined) return own
        const calendars = new Map<string, Calendar>()
        for (const { feed, listing, platform } of of(tenantId).values()) {
          calendars.set(feed, { feed, listing, platform })
        }
        return [...calendars.values()]
      }),
    })

    const desk = BookingDesk.of({
      import: (tenantId, bookings) =>
        Effect.sync(() => {
          for (const booking of bookings) of(tenantId).set(booking.id, booking)
        }),
      edit: (tenantId, id, values) =>
        Effect.sync(() => {
          const booking = of(tenantId).get(id)
          if (booking === undefined) return
          const edited = (["guestName", "guestCount", "code"] as const).filter((field) => values[field] !== undefined)
          const editedByPerson = [...new Set([...booking.editedByPerson, ...edited])]
          of(tenantId).set(id, { ...booking, ...values, editedByPerson })
        }),
      all: (tenantId) => Effect.sync(() => [...of(tenantId).values()]),
      assign: (tenantId, connectionId, calendars) =>
        Effect.sync(() => void assigned.set(connectionOf(tenantId, connectionId), calendars)),
    })
    return Context.make(Bookings, port).pipe(Context.add(BookingDesk, desk))
  }),
)
