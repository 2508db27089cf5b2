import { registrationContract } from "@holdfast/domain/testing"
import { Effect, Layer } from "effect"

import { freshUrl } from "./EventStore.layers.ts"
import { storeAt } from "./registrationStore.ts"

registrationContract("registration on PostgreSQL", Layer.unwrap(Effect.map(freshUrl(), storeAt)))
