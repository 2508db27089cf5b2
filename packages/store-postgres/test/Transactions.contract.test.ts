import { transactionsContract } from "@holdfast/domain/testing"

import * as StoreLayers from "./Store.layers.ts"

transactionsContract("transactions on PGlite", StoreLayers.pglite, { runs: 5 })
transactionsContract("transactions on PostgreSQL", StoreLayers.postgres, { runs: 10 })
