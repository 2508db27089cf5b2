import { Layer } from "effect"

import * as EventStoreMemory from "../src/EventStoreMemory.ts"
import { Sealer } from "../src/Sealer.ts"
import { projectionContract } from "../src/testing/projectionContract.ts"
import { viewStoreContract } from "../src/testing/viewStoreContract.ts"
import * as ViewStoreMemory from "../src/ViewStoreMemory.ts"

const memory = Layer.mergeAll(EventStoreMemory.layer, ViewStoreMemory.layer, Sealer.layerMemory)

viewStoreContract("views in memory", ViewStoreMemory.layer)
projectionContract("projections in memory", memory, { runs: 50 })
