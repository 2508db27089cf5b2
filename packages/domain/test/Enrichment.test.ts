import * as Memory from "../src/Memory.ts"
import { bookingsContract } from "../src/testing/bookingsContract.ts"
import { layerMemory } from "../src/testing/bookingsMemory.ts"
import { enrichmentContract } from "../src/testing/enrichmentContract.ts"

bookingsContract("bookings in memory", layerMemory)

enrichmentContract("enrichment in memory", Memory.layer, { runs: 30 })
