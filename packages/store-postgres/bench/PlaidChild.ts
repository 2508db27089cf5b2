/** A simulated Plaid in a process of its own. Prints where it listens, and serves until it is killed. */
import { PlaidSimulator } from "@holdfast/adapters-plaid/testing"
import { Effect } from "effect"

await Effect.runPromise(
  Effect.gen(function* () {
    console.log((yield* PlaidSimulator).url)
    return yield* Effect.never
  }).pipe(Effect.provide(PlaidSimulator.layer())),
)
