import { reconnectionContract } from "@holdfast/domain/testing"

import { pglite } from "./Store.layers.ts"

reconnectionContract("reconnection on PGlite", pglite)
