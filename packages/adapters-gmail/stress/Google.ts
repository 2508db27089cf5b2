/** A simulator of a story's own, and Google's client that asks it over real HTTP. */
import { Effect, Layer, Redacted } from "effect"

import { GmailApi, GoogleOAuth } from "../src/index.ts"
import { GmailSimulator, simulatedClient } from "../src/testing/index.ts"
import { ada } from "../test/support.ts"

export const google = Layer.unwrap(
  Effect.map(GmailSimulator, ({ endpoints, url }) =>
    Layer.merge(
      GmailApi.GmailApi.layer({ rootUrl: url }),
      GoogleOAuth.GoogleOAuth.layer({
        clientId: simulatedClient.id,
        clientSecret: Redacted.make(simulatedClient.secret),
        // Where `InProcess.consented` has people sent back to.
        redirectUri: "http://127.0.0.1/callback",
        endpoints,
      }),
    ),
  ),
).pipe(Layer.provideMerge(GmailSimulator.layer({ mailboxes: [ada] })))
