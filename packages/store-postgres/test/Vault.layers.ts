/** Keys, credentials, leases and the inbox on databases of their own, as tests use them. */
import { Layer } from "effect"

import * as NodeSealing from "../src/NodeSealing.ts"
import * as PostgresInbox from "../src/PostgresInbox.ts"
import * as PostgresLeases from "../src/PostgresLeases.ts"
import * as PostgresSubjectKeys from "../src/PostgresSubjectKeys.ts"
import * as PostgresVault from "../src/PostgresVault.ts"
import * as EventStoreLayers from "./EventStore.layers.ts"

const services = Layer.mergeAll(
  PostgresSubjectKeys.layer,
  PostgresVault.layer,
  PostgresLeases.layer,
  PostgresInbox.layer,
).pipe(Layer.provideMerge(NodeSealing.layer))

export const pglite = Layer.provideMerge(services, EventStoreLayers.pglite)

export const postgres = Layer.provideMerge(services, EventStoreLayers.postgres)
