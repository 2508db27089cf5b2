/**
 * What leases must do on every store, as tests its package can run.
 */
import { assert, layer } from "@effect/vitest"
import { DateTime, Deferred, Duration, Effect, Exit, Fiber, Layer, Ref, Result, Schedule } from "effect"
import { SecureRandom } from "effect/crypto"

import { type TenantId } from "../Ids.ts"
import { Current, type Lease, Leases } from "../Leases.ts"
import { freshTenant } from "./keyring.ts"

/** Registers the contract as a suite. The store may hold leases of earlier runs. Real time passes. */
export const leasesContract = <E>(name: string, leases: Layer.Layer<Leases, E>) =>
  layer(Layer.merge(leases, SecureRandom.layerWebCrypto), {
    timeout: Duration.seconds(60),
    excludeTestServices: true,
  })(name, (it) => {
    it.effect("gives a lease to one of many who ask at once, and tells the others who has it and until when", () =>
      Effect.gen(function* () {
        const { acquire } = yield* Leases
        const tenantId = yield* freshTenant
        const answers = yield* Effect.all(
          Array.from({ length: 20 }, () => Effect.result(acquire(tenantId, "sync", long))),
          { concurrency: "unbounded" },
        )
        const held = answers.flatMap((answer) => (Result.isSuccess(answer) ? [answer.success] : []))
        assert.deepStrictEqual(
          held.map(({ epoch }) => epoch),
          [1],
        )
        for (const answer of answers) {
          if (Result.isSuccess(answer)) continue
          const { _tag, holder, until } = answer.failure as unknown as {
            _tag: string
            holder: string
            until: DateTime.Utc
          }
          assert.deepStrictEqual([_tag, holder, until], ["LeaseHeld", held[0]?.holder, held[0]?.until])
        }
      }),
    )

    it.effect("is given for no time without an end, and for none that is over at once", () =>
      Effect.gen(function* () {
        const { acquire, renew } = yield* Leases
        const tenantId = yield* freshTenant
        const times = [Duration.infinity, Duration.millis(1e300), Duration.days(2), Duration.zero, Duration.millis(-1)]
        for (const ttl of times) assert.isTrue(Exit.hasDies(yield* Effect.exit(acquire(tenantId, "sync", ttl))))
        const lease = yield* acquire(tenantId, "sync", long)
        for (const ttl of times) assert.isTrue(Exit.hasDies(yield* Effect.exit(renew(lease, ttl))))
        assert.strictEqual(lease.epoch, 1)
      }),
    )

    it.effect("keeps names and tenants apart", () =>
      Effect.gen(function* () {
        const { acquire } = yield* Leases
        const tenantId = yield* freshTenant
        yield* acquire(tenantId, "sync", long)
        yield* acquire(tenantId, "refresh", long)
        yield* acquire(yield* freshTenant, "sync", long)
      }),
    )

    it.effect("frees what is released, under a greater epoch for ever", () =>
      Effect.gen(function* () {
        const { acquire, release } = yield* Leases
        const tenantId = yield* freshTenant
        for (let epoch = 1; epoch <= 5; epoch++) {
          const lease = yield* acquire(tenantId, "sync", long)
          assert.strictEqual(lease.epoch, epoch)
          yield* release(lease)
          yield* release(lease)
        }
      }),
    )

    it.effect("frees what nobody renews, and fences whoever held it", () =>
      Effect.gen(function* () {
        const { acquire, check, release, renew } = yield* Leases
        const tenantId = yield* freshTenant
        const dead = yield* acquire(tenantId, "sync", Duration.millis(50))
        const next = yield* acquireWhenFree(tenantId, "sync")
        assert.isAbove(next.epoch, dead.epoch)

        assert.strictEqual((yield* Effect.flip(check(dead)))._tag, "LeaseLost")
        assert.strictEqual((yield* Effect.flip(renew(dead, long)))._tag, "LeaseLost")
        yield* release(dead)
        yield* check(next)
        assert.strictEqual((yield* Effect.flip(acquire(tenantId, "sync", long)))._tag, "LeaseHeld")
      }),
    )

    it.effect("does not renew what ran out, even if nobody took it", () =>
      Effect.gen(function* () {
        const { acquire, check, renew } = yield* Leases
        const lease = yield* acquire(yield* freshTenant, "sync", Duration.millis(20))
        const lost = yield* Effect.flip(Effect.repeat(check(lease), Schedule.spaced("5 millis")))
        assert.strictEqual(lost._tag, "LeaseLost")
        assert.strictEqual((yield* Effect.flip(renew(lease, long)))._tag, "LeaseLost")
      }),
    )

    it.effect("holds a lease for as long as the work goes on, and no longer", () =>
      Effect.gen(function* () {
        const { acquire, check, using } = yield* Leases
        const tenantId = yield* freshTenant
        const ttl = Duration.seconds(1.5)
        const lease = yield* using(
          tenantId,
          "sync",
          ttl,
        )(
          Effect.gen(function* () {
            const current = yield* currentLease
            const end = DateTime.addDuration(current.until, ttl)
            yield* Effect.repeat(
              Effect.gen(function* () {
                yield* check(current)
                const refused = yield* Effect.flip(acquire(tenantId, "sync", long))
                assert(refused._tag === "LeaseHeld")
                return DateTime.isGreaterThan(refused.until, end)
              }),
              { until: (isRenewed) => isRenewed, schedule: Schedule.spaced("50 millis") },
            )
            return current
          }),
        )
        const next = yield* acquire(tenantId, "sync", long)
        assert.strictEqual(next.epoch, lease.epoch + 1)
      }),
    )

    it.effect("interrupts the work when the lease is lost", () =>
      Effect.gen(function* () {
        const { release, using } = yield* Leases
        const tenantId = yield* freshTenant
        const wasInterrupted = yield* Ref.make(false)
        const work = Effect.gen(function* () {
          yield* release(yield* currentLease)
          return yield* Effect.never
        }).pipe(Effect.onInterrupt(() => Ref.set(wasInterrupted, true)))
        const lost = yield* Effect.flip(using(tenantId, "sync", Duration.millis(300))(work))
        assert.strictEqual(lost._tag, "LeaseLost")
        assert.isTrue(yield* Ref.get(wasInterrupted))
      }),
    )

    it.effect("frees the lease when the work fails, dies or is interrupted", () =>
      Effect.gen(function* () {
        const { acquire, release, using } = yield* Leases
        const tenantId = yield* freshTenant
        const started = yield* Deferred.make<void>()
        const endings = [
          Effect.exit(using(tenantId, "sync", long)(Effect.fail("failed"))),
          Effect.exit(using(tenantId, "sync", long)(Effect.die("died"))),
          Effect.gen(function* () {
            const work = Effect.andThen(Deferred.succeed(started, undefined), Effect.never)
            const fiber = yield* Effect.forkChild(using(tenantId, "sync", long)(work))
            yield* Deferred.await(started)
            yield* Fiber.interrupt(fiber)
            return yield* Fiber.await(fiber)
          }),
        ]
        for (const ending of endings) {
          assert.isTrue(Exit.isFailure(yield* ending))
          yield* release(yield* acquire(tenantId, "sync", long))
        }
      }),
    )
  })

const long = Duration.minutes(5)

const currentLease = Effect.flatMap(Current, (lease) =>
  lease === undefined ? Effect.die("no lease") : Effect.succeed<Lease>(lease),
)

const acquireWhenFree = (tenantId: TenantId, name: string) =>
  Leases.use(({ acquire }) =>
    Effect.retry(acquire(tenantId, name, long), {
      while: ({ _tag }) => _tag === "LeaseHeld",
      schedule: Schedule.spaced("5 millis"),
    }),
  )
