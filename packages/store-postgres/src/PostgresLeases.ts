/** Leases in PostgreSQL, by its clock alone. */
import { PgClient } from "@effect/sql-pg"
import { EventStore, Leases } from "@holdfast/domain"
import { DateTime, Duration, Effect, Layer } from "effect"
import { type SecureRandom } from "effect/crypto"

import { ported } from "./Unavailable.ts"

export const layer: Layer.Layer<Leases.Leases, never, PgClient.PgClient | SecureRandom.SecureRandom> = Layer.effect(
  Leases.Leases,
  Effect.gen(function* () {
    const sql = (yield* PgClient.PgClient).withoutTransforms()
    const holder = yield* Leases.holderName

    return Leases.make({
      acquire: Effect.fn("PostgresLeases.acquire")(function* (tenantId, name, ttl) {
        const [row] = yield* sql<Acquired>`
          SELECT acquired, epoch, holder, held_until FROM holdfast.acquire_lease(
            ${tenantId}::text, ${name}::text, ${holder}::text, ${toMillis(ttl)}::double precision)`
        // It changed hands twice while this was looking: as good as held.
        if (row === undefined) {
          return yield* new EventStore.EventStoreUnavailable({ reason: "contention", outcome: "nothing-written" })
        }
        const until = DateTime.fromDateUnsafe(row.held_until)
        if (!row.acquired) return yield* new Leases.LeaseHeld({ name, holder: row.holder, until })
        return { tenantId, name, epoch: Number(row.epoch), holder, until }
      }, ported),

      renew: Effect.fn("PostgresLeases.renew")(function* (lease, ttl) {
        const { epoch, name, tenantId } = lease
        const [row] = yield* sql<{ held_until: Date }>`
          SELECT held_until FROM holdfast.renew_lease(
            ${tenantId}::text, ${name}::text, ${epoch}::bigint, ${toMillis(ttl)}::double precision)`
        if (row === undefined) return yield* new Leases.LeaseLost({ name, epoch })
        return { ...lease, until: DateTime.fromDateUnsafe(row.held_until) }
      }, ported),

      release: Effect.fn("PostgresLeases.release")(function* ({ epoch, name, tenantId }) {
        yield* sql`SELECT holdfast.release_lease(${tenantId}::text, ${name}::text, ${epoch}::bigint)`
      }, ported),

      check: Effect.fn("PostgresLeases.check")(function* ({ epoch, name, tenantId }) {
        const [row] = yield* sql<{ held: boolean }>`
          SELECT holdfast.is_lease_held(${tenantId}::text, ${name}::text, ${epoch}::bigint) AS held`
        if (row?.held !== true) return yield* new Leases.LeaseLost({ name, epoch })
      }, ported),
    })
  }),
)

interface Acquired {
  readonly acquired: boolean
  readonly epoch: bigint
  readonly holder: string
  readonly held_until: Date
}

const toMillis = (ttl: Duration.Input) => Duration.toMillis(Duration.fromInputUnsafe(ttl))
