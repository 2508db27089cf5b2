import { linksContract } from "@holdfast/domain/testing"

import { postgres } from "./Store.layers.ts"

linksContract("links on PostgreSQL", postgres, { runs: 5 })
