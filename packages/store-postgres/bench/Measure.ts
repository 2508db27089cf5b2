import { type Effect, type Redacted, type Scope } from "effect"

import { type Finding } from "./Report.ts"

/** A row of the table, or a few that come from one contest. */
export interface Measure {
  readonly number: number
  readonly title: string
  /** What fails here fails the bench. */
  readonly run: (setting: Setting) => Effect.Effect<ReadonlyArray<Finding>, unknown, Scope.Scope>
}

interface Setting {
  readonly admin: Redacted.Redacted
  /** Less of everything: shows that the bench works, not how fast anything is. */
  readonly quick: boolean
}
