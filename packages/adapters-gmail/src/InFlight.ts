/**
 * How much mail is on its way at once, in bytes: what is fetched and read, for all mailboxes together.
 *
 * A mail waits with its beginning read and the rest still at Google, for nobody says before how large it is. Mails get
 * their bytes in the order of asking, so that a large one does not wait for ever among small ones; whoever has its bytes
 * needs nothing else that another one holds. A mail that is larger than everything passes alone.
 */
import { Effect, Exit, Scope, Semaphore } from "effect"

/** What one mail holds. */
export interface Share {
  /** Waits until there are so many bytes, and takes them instead of those that it held. A defect where it is no number of bytes. */
  readonly take: (bytes: number) => Effect.Effect<void>
  readonly giveBack: Effect.Effect<void>
}

export interface InFlight {
  /** Runs with a share, which is given back at the end, however that comes. */
  readonly using: <A, E, R>(use: (share: Share) => Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

/** So many bytes for all; `Infinity` for as many as there are. */
export const make = (bytes: number): InFlight => {
  if (!(bytes > 0)) throw new RangeError("What is on its way at once has to be more than no bytes")
  const free = Semaphore.makeUnsafe(bytes)
  const turns = Semaphore.makeUnsafe(1)
  return {
    using: (use) =>
      Effect.suspend(() => {
        let held = Scope.makeUnsafe()
        const giveBack = Effect.suspend(() => Scope.close(held, Exit.void))
        const take = (wanted: number) =>
          Effect.gen(function* () {
            if (!Number.isFinite(wanted) || wanted < 0) return yield* notBytes
            yield* giveBack
            held = Scope.makeUnsafe()
            yield* turns.withPermit(Scope.provide(free.takeScoped(Math.min(wanted, bytes)), held))
          })
        return Effect.ensuring(use({ take, giveBack }), giveBack)
      }),
  }
}

/** It would wait for ever, or give others what is not there. */
const notBytes = Effect.die(new RangeError("What is taken has to be a number of bytes"))
