import { eventStoreContract } from "@holdfast/domain/testing"

import { pglite, postgres } from "./EventStore.layers.ts"

eventStoreContract("PostgresEventStore on PGlite", pglite)

eventStoreContract("PostgresEventStore on PostgreSQL", postgres)
