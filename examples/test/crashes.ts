/** Processes that die where a test says, and are started again. */
import { EventStore, Vault } from "@holdfast/domain"
import { Cause, Effect, Exit, Layer } from "effect"

class Crash {
  readonly _tag = "Crash"
}

/** At its nth step: before it gets there, or after, before anybody learns of it. */
export interface CrashPoint {
  readonly step: number
  readonly moment: "before" | "after"
}

/** Steps are counted, and one of them is the last. Every write to the store and the vault is one, and what is made one. */
export const crashing = (point: CrashPoint | undefined) => {
  const count = { steps: 0 }
  const step = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.suspend(() => {
      count.steps += 1
      if (count.steps !== point?.step) return effect
      const crash = Effect.die(new Crash())
      return point.moment === "before" ? crash : Effect.andThen(Effect.exit(effect), crash)
    })
  const store = Layer.effect(
    EventStore.EventStore,
    Effect.map(EventStore.EventStore, (store) =>
      EventStore.EventStore.of({ ...store, append: (request) => step(store.append(request)) }),
    ),
  )
  const vault = Layer.effect(
    Vault.Vault,
    Effect.map(Vault.Vault, (vault) =>
      Vault.Vault.of({
        ...vault,
        put: (...request) => step(vault.put(...request)),
        remove: (...request) => step(vault.remove(...request)),
      }),
    ),
  )
  return { count, step, layer: Layer.merge(store, vault) }
}

/** What a process does until it is through: when it dies, it is started again, recovers, and is asked again. */
export const untilThrough =
  <B, E2, R2>(recover: Effect.Effect<B, E2, R2>) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.gen(function* () {
      for (;;) {
        const exit = yield* Effect.exit(effect)
        if (Exit.isSuccess(exit)) return exit.value
        if (!(Cause.squash(exit.cause) instanceof Crash)) return yield* exit
        while (Exit.isFailure(yield* Effect.exit(recover))) {
          // It died again; it is started again.
        }
      }
    })
