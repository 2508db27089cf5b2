/**
 * Everything that a host needs of a database, in one layer.
 *
 * ```text
 * Database ── the log ── sealing and the vault ── views ── leases and the inbox
 * ```
 */
import { type PgClient } from "@effect/sql-pg"
import { DataKeys, KeyedHash, MasterKeys, Sealer, Vault } from "@holdfast/domain"
import { Layer } from "effect"

import * as Database from "./Database.ts"
import * as NodeSealing from "./NodeSealing.ts"
import * as PostgresEventLog from "./PostgresEventLog.ts"
import * as PostgresEventStore from "./PostgresEventStore.ts"
import * as PostgresInbox from "./PostgresInbox.ts"
import * as PostgresLeases from "./PostgresLeases.ts"
import * as PostgresSubjectKeys from "./PostgresSubjectKeys.ts"
import * as PostgresVault from "./PostgresVault.ts"
import * as PostgresViews from "./PostgresViews.ts"
import * as PostgresViewStore from "./PostgresViewStore.ts"
import { type RunnerSql } from "./RunnerSql.ts"
import { Wakeup } from "./Wakeup.ts"

/** The ports on a database that is given: a host's own client, say. */
export const layerOn = <E>(database: Layer.Layer<PgClient.PgClient | RunnerSql, E>, options: Options) =>
  Layer.mergeAll(
    PostgresEventStore.layer,
    PostgresEventLog.layer,
    PostgresViews.layer,
    PostgresViewStore.layer,
    PostgresLeases.layer,
    PostgresInbox.layer,
    Layer.provide(Vault.Vault.layer, PostgresVault.layer),
    Layer.provideMerge(Layer.merge(Sealer.Sealer.layer, KeyedHash.KeyedHash.layer), DataKeys.DataKeys.layer),
  ).pipe(
    Layer.provideMerge(PostgresSubjectKeys.layer),
    Layer.provideMerge(MasterKeys.MasterKeys.layer(options.masterKeys)),
    Layer.provideMerge(options.wakeup === "local" ? Wakeup.layerLocal : Wakeup.layerListen),
    Layer.provideMerge(NodeSealing.layer),
    Layer.provideMerge(database),
  )

interface Options {
  readonly masterKeys: MasterKeys.Options
  /** Whether other processes write to the same log. */
  readonly wakeup: "local" | "listen"
}

/** On a PostgreSQL server. */
export const layerPostgres = ({ masterKeys, ...options }: Database.PostgresOptions & Pick<Options, "masterKeys">) =>
  layerOn(Database.layerPostgres(options), { masterKeys, wakeup: "listen" })

/** In this process: in a directory, or in memory where none is named. */
export const layerPglite = ({ masterKeys, ...options }: Database.PgliteOptions & Pick<Options, "masterKeys">) =>
  layerOn(Database.layerPglite(options), { masterKeys, wakeup: "local" })
