/** A simulator of a story's own, and Google's client that asks it over real HTTP. */
import { Layer } from "effect"

import { GmailSimulator } from "../src/testing/index.ts"
import { ada } from "../test/support.ts"

export const google = Layer.provideMerge(GmailSimulator.adapter(), GmailSimulator.layer({ mailboxes: [ada] }))
