/**
 * Work that one worker at a time should do.
 *
 * A lease is held for a time and renewed while the work goes on. A holder that
 * dies frees it by saying nothing: no lease stays taken for ever. Only the store's
 * clock counts.
 *
 * A lease cannot stop a worker that has lost it without noticing. Its epoch can:
 * it grows with every new holder of the name, for ever, and {@link Leases.check}
 * compares it where the work is written.
 */
import { Clock, Context, DateTime, Duration, Effect, Layer, Option, Schedule, Schema } from "effect"
import { SecureRandom } from "effect/crypto"

import { type EventStoreUnavailable } from "./EventStore.ts"
import { type TenantId } from "./Ids.ts"

/** What a holder was given. */
export interface Lease {
  readonly tenantId: TenantId
  readonly name: string
  /** Grows with every new holder of the name; never used again. */
  readonly epoch: number
  /** Whoever holds it, for operators. */
  readonly holder: string
  /** By the store's clock. */
  readonly until: DateTime.Utc
}

/** Somebody else holds it. Nothing was changed. Asking again helps after `until`, or sooner if they finish. */
export class LeaseHeld extends Schema.TaggedError<LeaseHeld>()("LeaseHeld", {
  name: Schema.String,
  holder: Schema.String,
  until: Schema.DateTimeUtc,
}) {}

/** The lease ran out, was released or has another holder. Nothing was changed; what was done under it must not be written. */
export class LeaseLost extends Schema.TaggedError<LeaseLost>()("LeaseLost", {
  name: Schema.String,
  epoch: Schema.Natural,
}) {}

/** The lease under which the running effect works, inside {@link Leases.using}. */
export const Current = Context.Reference<Lease | undefined>("@holdfast/domain/Leases/Current", {
  defaultValue: () => undefined,
})

export class Leases extends Context.Service<
  Leases,
  {
    /** The holder's own lease is no exception: it is held until it is released or runs out. */
    acquire(
      tenantId: TenantId,
      name: string,
      ttl: Duration.Input,
    ): Effect.Effect<Lease, LeaseHeld | EventStoreUnavailable>

    /** Holds it for `ttl` from now. What has run out cannot be renewed. */
    renew(lease: Lease, ttl: Duration.Input): Effect.Effect<Lease, LeaseLost | EventStoreUnavailable>

    /** Frees it, if it still is this holder's. */
    release(lease: Lease): Effect.Effect<void, EventStoreUnavailable>

    /**
     * Makes sure that the lease is held. Inside a transaction it stays so until the transaction ends: nobody else can
     * take it meanwhile, so what is written with it is not a zombie's.
     */
    check(lease: Lease): Effect.Effect<void, LeaseLost | EventStoreUnavailable>

    /**
     * Runs an effect under a lease: renews it while the effect runs, interrupts the effect when the lease is lost, and
     * releases it at the end. Not for use inside a transaction.
     */
    using(
      tenantId: TenantId,
      name: string,
      ttl: Duration.Input,
    ): <A, E, R>(
      effect: Effect.Effect<A, E, R>,
    ) => Effect.Effect<A, E | LeaseHeld | LeaseLost | EventStoreUnavailable, R>
  }
>()("@holdfast/domain/Leases") {
  static readonly layerMemory = Layer.effect(
    Leases,
    Effect.gen(function* () {
      const holder = yield* holderName
      const all = new Map<string, Lease>()
      const keyOf = ({ name, tenantId }: Pick<Lease, "name" | "tenantId">) => `${tenantId}\n${name}`
      const isHeld = (lease: Lease, now: DateTime.Utc) => {
        const held = all.get(keyOf(lease))
        return held !== undefined && held.epoch === lease.epoch && DateTime.isGreaterThan(held.until, now)
      }
      const lost = ({ epoch, name }: Lease) => new LeaseLost({ name, epoch })

      return make({
        acquire: Effect.fn("LeasesMemory.acquire")(function* (tenantId, name, ttl) {
          yield* Effect.yieldNow
          const now = yield* DateTime.now
          const held = all.get(keyOf({ tenantId, name }))
          if (held !== undefined && DateTime.isGreaterThan(held.until, now)) return yield* new LeaseHeld(held)
          const until = DateTime.addDuration(now, ttl)
          const lease = { tenantId, name, epoch: (held?.epoch ?? 0) + 1, holder, until }
          all.set(keyOf(lease), lease)
          return lease
        }),
        renew: Effect.fn("LeasesMemory.renew")(function* (lease, ttl) {
          yield* Effect.yieldNow
          const now = yield* DateTime.now
          if (!isHeld(lease, now)) return yield* lost(lease)
          const renewed = { ...lease, until: DateTime.addDuration(now, ttl) }
          all.set(keyOf(lease), renewed)
          return renewed
        }),
        release: Effect.fn("LeasesMemory.release")(function* (lease) {
          yield* Effect.yieldNow
          const now = yield* DateTime.now
          if (isHeld(lease, now)) all.set(keyOf(lease), { ...lease, until: now })
        }),
        check: Effect.fn("LeasesMemory.check")(function* (lease) {
          yield* Effect.yieldNow
          if (!isHeld(lease, yield* DateTime.now)) return yield* lost(lease)
        }),
      })
    }),
  )
}

/** The longest time for which a lease is given. */
export const longest = Duration.days(1)

/** The whole service from what a store can do. A time without an end is a mistake in the program: the fiber dies of it. */
export const make = ({ acquire, renew, ...store }: Omit<Leases["Service"], "using">): Leases["Service"] => {
  const limited = {
    ...store,
    acquire: (...[tenantId, name, ttl]: Parameters<typeof acquire>) =>
      Effect.flatMap(limitedTime(ttl), (limited) => acquire(tenantId, name, limited)),
    renew: (...[lease, ttl]: Parameters<typeof renew>) =>
      Effect.flatMap(limitedTime(ttl), (limited) => renew(lease, limited)),
  }
  return Leases.of({
    ...limited,
    using: (tenantId, name, ttl) => (effect) =>
      Effect.acquireUseRelease(
        Effect.all([elapsed, limited.acquire(tenantId, name, ttl)]),
        ([asked, lease]) =>
          Effect.raceFirst(
            Effect.provideService(effect, Current, lease),
            keepAlive(limited, lease, Duration.fromInputUnsafe(ttl), asked),
          ),
        // What cannot be released runs out.
        ([, lease]) => Effect.ignore(limited.release(lease)),
      ).pipe(Effect.withSpan("Leases.using", { attributes: { name } })),
  })
}

const limitedTime = (ttl: Duration.Input) => {
  const time = Duration.fromInputUnsafe(ttl)
  return Duration.isGreaterThan(time, Duration.zero) && Duration.isLessThanOrEqualTo(time, longest)
    ? Effect.succeed(time)
    : Effect.die(new RangeError("A lease is held for more than no time, and for a day at most"))
}

/** A name for this process among the holders of leases; random, because hosts' names may tell too much. */
export const holderName = Effect.flatMap(SecureRandom.SecureRandom, (random) => random.uuidV4())

/** Milliseconds by a clock that nobody sets: the time of day may be put back while a lease runs out. */
const elapsed = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / 1e6)

/**
 * Renews at every third of the time, and patiently while the store is away. It gives up, by this process's own clock,
 * before the store would let anyone else have it.
 */
const keepAlive = Effect.fnUntraced(function* (
  { renew }: Pick<Leases["Service"], "renew">,
  lease: Lease,
  ttl: Duration.Duration,
  asked: number,
) {
  const third = Duration.times(ttl, 1 / 3)
  const lost = new LeaseLost({ name: lease.name, epoch: lease.epoch })
  let end = asked + Duration.toMillis(ttl)
  for (;;) {
    yield* Effect.sleep(third)
    const now = yield* elapsed
    const renewed = yield* renew(lease, ttl).pipe(
      Effect.retry({
        while: ({ _tag }) => _tag === "EventStoreUnavailable",
        schedule: Schedule.spaced(Duration.times(ttl, 1 / 20)),
      }),
      Effect.catchTag("EventStoreUnavailable", () => Effect.fail(lost)),
      Effect.timeoutOption(Duration.millis(Math.max(end - now, 0))),
    )
    if (Option.isNone(renewed)) return yield* lost
    end = now + Duration.toMillis(ttl)
  }
})
