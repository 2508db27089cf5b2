import { registrationContract } from "@holdfast/domain/testing"
import { Layer } from "effect"

import * as Database from "../src/Database.ts"
import { Wakeup } from "../src/Wakeup.ts"
import { services } from "./registrationStore.ts"

registrationContract(
  "registration on PGlite",
  services.pipe(Layer.provideMerge(Wakeup.layerLocal), Layer.provideMerge(Database.layerPglite())),
)
