import { projectionContract } from "@holdfast/domain/testing"

import * as StoreLayers from "./Store.layers.ts"

projectionContract("projections on PGlite", StoreLayers.pglite, { runs: 5 })
projectionContract("projections on PostgreSQL", StoreLayers.postgres, { runs: 10 })
