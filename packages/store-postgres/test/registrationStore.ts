/** What registration needs of a store: for tests, and for the processes that they start. */
import { PgClient } from "@effect/sql-pg"
import { DataKeys, MasterKeys, Sealer } from "@holdfast/domain"
import { Layer, Redacted } from "effect"

import * as NodeSealing from "../src/NodeSealing.ts"
import * as PostgresEventLog from "../src/PostgresEventLog.ts"
import * as PostgresEventStore from "../src/PostgresEventStore.ts"
import * as PostgresInbox from "../src/PostgresInbox.ts"
import * as PostgresSubjectKeys from "../src/PostgresSubjectKeys.ts"
import { RunnerSql } from "../src/RunnerSql.ts"
import { Wakeup } from "../src/Wakeup.ts"

const sealer = Sealer.Sealer.layer.pipe(
  Layer.provide(DataKeys.DataKeys.layer),
  Layer.provide(PostgresSubjectKeys.layer),
  // The same in every process of a test.
  Layer.provide(
    MasterKeys.MasterKeys.layer({ current: "test", keys: { test: Redacted.make(new Uint8Array(32).fill(7)) } }),
  ),
  Layer.provide(NodeSealing.layer),
)

export const services = Layer.mergeAll(PostgresEventStore.layer, PostgresEventLog.layer, PostgresInbox.layer, sealer)

/** A migrated database at an address. */
export const storeAt = (url: Redacted.Redacted) =>
  services.pipe(
    Layer.provideMerge(Wakeup.layerListen),
    Layer.provideMerge(
      Layer.mergeAll(PgClient.layer({ url, startupParameters: { role: "holdfast_app" } }), RunnerSql.layer({ url })),
    ),
  )
