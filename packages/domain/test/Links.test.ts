import * as Memory from "../src/Memory.ts"
import { linksContract } from "../src/testing/linksContract.ts"

linksContract("links in memory", Memory.layer)
