import { viewStoreContract } from "@holdfast/domain/testing"

import { pglite, postgres } from "./Views.layers.ts"

viewStoreContract("PostgresViews on PGlite", pglite)

viewStoreContract("PostgresViews on PostgreSQL", postgres)
