import { reconnectionContract } from "@holdfast/domain/testing"

import { postgres } from "./Store.layers.ts"

reconnectionContract("reconnection on PostgreSQL", postgres)
