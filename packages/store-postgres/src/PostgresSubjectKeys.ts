/** The wrapped data keys of subjects, in PostgreSQL. */
import { PgClient } from "@effect/sql-pg"
import { EventStore, type Ids, type MasterKeys, SubjectKeys } from "@holdfast/domain"
import { Effect, Layer, Option } from "effect"

import { RunnerSql } from "./RunnerSql.ts"
import { ported } from "./Unavailable.ts"

export const layer: Layer.Layer<SubjectKeys.SubjectKeys, never, PgClient.PgClient | RunnerSql> = Layer.effect(
  SubjectKeys.SubjectKeys,
  Effect.gen(function* () {
    const sql = (yield* PgClient.PgClient).withoutTransforms()
    const runner = (yield* RunnerSql).withoutTransforms()

    /** What is seen inside a transaction may be rolled back with it. */
    const isLasting = Effect.map(Effect.serviceOption(sql.transactionService), Option.isNone)

    return SubjectKeys.SubjectKeys.of({
      find: Effect.fn("PostgresSubjectKeys.find")(function* (tenantId, subject) {
        const [row] = yield* sql<Row>`SELECT * FROM holdfast.subject_key(${tenantId}::text, ${subject}::text)`
        return row && found(row, yield* isLasting)
      }, ported),

      keep: Effect.fn("PostgresSubjectKeys.keep")(function* (tenantId, subject, { bytes, masterKeyId }) {
        const [row] = yield* sql<Row>`
          SELECT * FROM holdfast.keep_subject_key(
            ${tenantId}::text, ${subject}::text, ${masterKeyId}::text, ${bytes}::bytea)`
        // A host's transaction with a snapshot from before the key was made cannot see it.
        if (row === undefined) {
          return yield* new EventStore.EventStoreUnavailable({ reason: "snapshot", outcome: "nothing-written" })
        }
        return found(row, yield* isLasting)
      }, ported),

      wrappedOtherwise: Effect.fn("PostgresSubjectKeys.wrappedOtherwise")(function* (masterKeyId, after) {
        const rows = yield* runner<Row & { readonly master_key_id: string; readonly wrapped: Uint8Array }>`
          SELECT * FROM holdfast.subject_keys
          WHERE master_key_id <> ${masterKeyId} AND (tenant_id, subject) > (${after?.tenantId ?? ""}, ${after?.subject ?? ""})
          ORDER BY tenant_id, subject LIMIT 500`
        return rows.map(({ master_key_id, subject, tenant_id, wrapped }) => ({
          tenantId: tenant_id,
          subject,
          wrapped: { masterKeyId: master_key_id, bytes: wrapped },
        }))
      }, ported),

      rewrap: Effect.fn("PostgresSubjectKeys.rewrap")(function* ({ subject, tenantId, wrapped: before }, wrapped) {
        const rows = yield* runner`
          UPDATE holdfast.subject_keys SET master_key_id = ${wrapped.masterKeyId}, wrapped = ${wrapped.bytes}::bytea
          WHERE tenant_id = ${tenantId} AND subject = ${subject} AND wrapped = ${before.bytes}::bytea RETURNING 1 AS done`
        return rows.length > 0
      }, ported),
    })
  }),
)

interface Row {
  readonly tenant_id: Ids.TenantId
  readonly subject: string
  readonly master_key_id: string | null
  readonly wrapped: Uint8Array | null
}

const found = ({ master_key_id, wrapped }: Row, lasting: boolean): SubjectKeys.Found =>
  master_key_id === null || wrapped === null
    ? { _tag: "Destroyed", lasting }
    : { _tag: "Held", wrapped: { masterKeyId: master_key_id, bytes: wrapped } satisfies MasterKeys.Wrapped, lasting }
