import * as Memory from "../src/Memory.ts"
import { transactionsContract } from "../src/testing/transactionsContract.ts"

transactionsContract("transactions in memory", Memory.layer, { runs: 60 })
