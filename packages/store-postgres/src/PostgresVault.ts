/** The encrypted credentials, in PostgreSQL. */
import { PgClient } from "@effect/sql-pg"
import { type Ids, Vault } from "@holdfast/domain"
import { DateTime, Effect, Layer } from "effect"

import { RunnerSql } from "./RunnerSql.ts"
import { ported } from "./Unavailable.ts"

/** The rows under the vault; `Vault.layer` stands on them. */
export const layer: Layer.Layer<Vault.CredentialRows, never, PgClient.PgClient | RunnerSql> = Layer.effect(
  Vault.CredentialRows,
  Effect.gen(function* () {
    const sql = (yield* PgClient.PgClient).withoutTransforms()
    const runner = (yield* RunnerSql).withoutTransforms()

    return Vault.CredentialRows.of({
      find: Effect.fn("PostgresVault.find")(function* (tenantId, connectionId) {
        const [row] = yield* sql<Row>`SELECT * FROM holdfast.credentials_of(${tenantId}::text, ${connectionId}::uuid)`
        return (
          row && { version: row.version, wrapped: wrappedOf(row), updatedAt: DateTime.fromDateUnsafe(row.updated_at) }
        )
      }, ported),

      write: Effect.fn("PostgresVault.write")(function* (tenantId, connectionId, last, { bytes, masterKeyId }) {
        const [row] = yield* sql<{ written: boolean }>`
          SELECT holdfast.put_credentials(
            ${tenantId}::text, ${connectionId}::uuid, ${last}::int, ${masterKeyId}::text, ${bytes}::bytea) AS written`
        return row?.written === true
      }, ported),

      remove: Effect.fn("PostgresVault.remove")(function* (tenantId, connectionId) {
        yield* sql`SELECT holdfast.remove_credentials(${tenantId}::text, ${connectionId}::uuid)`
      }, ported),

      wrappedOtherwise: Effect.fn("PostgresVault.wrappedOtherwise")(function* (masterKeyId, after) {
        const rows = yield* runner<Row>`
          SELECT * FROM holdfast.credentials
          WHERE master_key_id <> ${masterKeyId}
            AND (tenant_id, connection_id) > (${after?.tenantId ?? ""}, ${after?.connectionId ?? nil}::uuid)
          ORDER BY tenant_id, connection_id LIMIT 500`
        return rows.flatMap((row) => {
          const wrapped = wrappedOf(row)
          const { connection_id: connectionId, tenant_id: tenantId, version } = row
          return wrapped === undefined ? [] : [{ tenantId, connectionId, version, wrapped }]
        })
      }, ported),

      rewrap: Effect.fn("PostgresVault.rewrap")(function* ({ connectionId, tenantId, wrapped: before }, wrapped) {
        const rows = yield* runner`
          UPDATE holdfast.credentials SET master_key_id = ${wrapped.masterKeyId}, wrapped = ${wrapped.bytes}::bytea
          WHERE tenant_id = ${tenantId} AND connection_id = ${connectionId}::uuid AND wrapped = ${before.bytes}::bytea
          RETURNING 1 AS done`
        return rows.length > 0
      }, ported),
    })
  }),
)

interface Row {
  readonly tenant_id: Ids.TenantId
  readonly connection_id: Ids.ConnectionId
  readonly version: number
  readonly master_key_id: string | null
  readonly wrapped: Uint8Array | null
  readonly updated_at: Date
}

const nil = "00000000-0000-0000-0000-000000000000"

const wrappedOf = ({ master_key_id, wrapped }: Row) =>
  master_key_id === null || wrapped === null ? undefined : { masterKeyId: master_key_id, bytes: wrapped }
