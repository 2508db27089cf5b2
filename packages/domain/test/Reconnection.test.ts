import * as Memory from "../src/Memory.ts"
import { reconnectionContract } from "../src/testing/reconnectionContract.ts"

reconnectionContract("reconnection in memory", Memory.layer)
