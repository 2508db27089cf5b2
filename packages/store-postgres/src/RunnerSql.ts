/**
 * The client of those who work for all tenants: projections, exports, operators.
 *
 * Its sessions have the role `holdfast_runner`, which row-level security lets see
 * every tenant. Applications never get it; they use the `PgClient` of the context.
 */
import { PgClient } from "@effect/sql-pg"
import { Context, Layer } from "effect"
import { type SqlError } from "effect/sql"

export class RunnerSql extends Context.Service<RunnerSql, PgClient.PgClient>()("@holdfast/store-postgres/RunnerSql") {
  /** A pool of its own. The log is read under `READ COMMITTED`, whatever the database's default is. */
  static readonly layer = (config: PgClient.PgPoolConfig): Layer.Layer<RunnerSql, SqlError.SqlError> =>
    Layer.provide(
      this.layerSame,
      PgClient.layer({
        ...config,
        startupParameters: {
          default_transaction_isolation: "read committed",
          ...config.startupParameters,
          role: "holdfast_runner",
        },
      }),
    )

  /** Where there is only one session: the same client. */
  static readonly layerSame = Layer.effect(RunnerSql, PgClient.PgClient)
}
