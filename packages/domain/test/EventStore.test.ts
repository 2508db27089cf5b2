import * as EventStoreMemory from "../src/EventStoreMemory.ts"
import { eventStoreContract } from "../src/testing/index.ts"

eventStoreContract("EventStoreMemory", EventStoreMemory.layer)
