/** Time for those who wait: a clock that is put back would keep them waiting. */
import { Clock, Effect } from "effect"

/** Milliseconds by a clock that nobody sets, from whenever it began. */
export const elapsed = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / 1e6)
