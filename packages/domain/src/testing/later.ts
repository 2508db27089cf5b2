import { Clock, Duration, Effect } from "effect"

/** Runs as if it happened so much later, by the time of day; what is waited for goes on as it does. */
export const later = <A, E, R>(time: Duration.Input, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Clock.clockWith((clock) =>
    Effect.provideService(effect, Clock.Clock, {
      currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe() + Duration.toMillis(time),
      currentTimeMillis: Effect.map(clock.currentTimeMillis, (now) => now + Duration.toMillis(time)),
      currentTimeNanosUnsafe: () => clock.currentTimeNanosUnsafe(),
      currentTimeNanos: clock.currentTimeNanos,
      monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
      monotonicTimeNanos: clock.monotonicTimeNanos,
      sleep: (duration) => clock.sleep(duration),
    }),
  )
