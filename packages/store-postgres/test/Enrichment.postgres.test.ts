import { enrichmentContract } from "@holdfast/domain/testing"

import { postgres } from "./Store.layers.ts"

enrichmentContract("enrichment on PostgreSQL", postgres, { runs: 2 })
