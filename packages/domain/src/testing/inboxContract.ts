/**
 * What an inbox must do on every store, as tests its package can run.
 */
import { assert, layer } from "@effect/vitest"
import { DateTime, Duration, Effect, Layer } from "effect"
import { SecureRandom } from "effect/crypto"

import { AuthorizationRef, ConnectionId, ProviderId } from "../Ids.ts"
import { type Delivery, Inbox } from "../Inbox.ts"
import { freshId, freshTenant } from "./keyring.ts"

/** Registers the contract as a suite. The store may hold deliveries of earlier runs; nobody else may expire any meanwhile. */
export const inboxContract = <E>(name: string, inbox: Layer.Layer<Inbox, E>) =>
  layer(Layer.merge(inbox, SecureRandom.layerWebCrypto), {
    timeout: Duration.seconds(60),
    excludeTestServices: true,
  })(name, (it) => {
    it.effect("delivers what was parked, in order of arrival, until it is settled (R12)", () =>
      Effect.gen(function* () {
        const { claim, park, settle, settled } = yield* Inbox
        const tenantId = yield* freshTenant
        const delivery = yield* webhook
        const { authorization } = delivery
        const keys = ["c", "a", "b"]
        for (const dedupeKey of keys) {
          assert.deepStrictEqual(yield* park({ ...delivery, dedupeKey, body: { dedupeKey } }), { repeated: false })
        }

        const first = yield* claim(tenantId, bank, authorization)
        assert.deepStrictEqual(
          first.map(({ body, dedupeKey, door, kind, receivedAt }) => ({ body, dedupeKey, door, kind, receivedAt })),
          keys.map((dedupeKey) => ({
            body: { dedupeKey },
            dedupeKey,
            door: delivery.door,
            kind: delivery.kind,
            receivedAt: delivery.receivedAt,
          })),
        )
        const [one, two, three] = first
        assert(one !== undefined && two !== undefined && three !== undefined)
        assert.isTrue(yield* settle(one.id, "applied"))

        // A crash here: what was not settled is delivered again.
        const second = yield* claim(tenantId, bank, authorization)
        assert.deepStrictEqual(
          second.map(({ claims, id }) => [id, claims]),
          [
            [two.id, 2],
            [three.id, 2],
          ],
        )
        yield* settle(two.id, "refused")
        yield* settle(three.id, "applied")
        assert.isFalse(yield* settle(two.id, "applied"))
        assert.deepStrictEqual(yield* claim(tenantId, bank, authorization), [])
        assert.deepStrictEqual(
          (yield* settled(bank, authorization)).map(({ dedupeKey, outcome }) => [dedupeKey, outcome]),
          [
            ["c", "applied"],
            ["a", "refused"],
            ["b", "applied"],
          ],
        )
      }),
    )

    it.effect("keeps a repeated delivery once, however late it is repeated and however many come at once (R02)", () =>
      Effect.gen(function* () {
        const { claim, park, settle } = yield* Inbox
        const tenantId = yield* freshTenant
        const delivery = yield* webhook
        const answers = yield* Effect.all(
          Array.from({ length: 10 }, () => park(delivery)),
          { concurrency: "unbounded" },
        )
        assert.lengthOf(
          answers.filter(({ repeated }) => !repeated),
          1,
        )
        const [parked] = yield* claim(tenantId, bank, delivery.authorization)
        yield* settle(parked?.id ?? 0, "applied")
        assert.deepStrictEqual(yield* park(delivery), { repeated: true })
        assert.deepStrictEqual(yield* claim(tenantId, bank, delivery.authorization), [])
      }),
    )

    it.effect("gives what was sent to a tenant to no other, and knows authorizations by their exact name", () =>
      Effect.gen(function* () {
        const { claim, park } = yield* Inbox
        const [ours, theirs] = [yield* freshTenant, yield* freshTenant]
        const delivery = { ...(yield* webhook), tenantId: ours }
        yield* park(delivery)
        assert.deepStrictEqual(yield* claim(theirs, bank, delivery.authorization), [])
        const shouted = AuthorizationRef.make(delivery.authorization.toUpperCase())
        assert.deepStrictEqual(yield* claim(ours, bank, shouted), [])
        assert.deepStrictEqual(yield* claim(ours, ProviderId.make("other"), delivery.authorization), [])
        assert.lengthOf(yield* claim(ours, bank, delivery.authorization), 1)
      }),
    )

    it.effect("settles what nobody came for, with a record of it (R12)", () =>
      Effect.gen(function* () {
        const { claim, expire, park, settle, settled, waiting } = yield* Inbox
        const delivery = yield* webhook
        yield* park(delivery)
        const isOurs = ({ authorization }: Pick<Delivery, "authorization">) => authorization === delivery.authorization
        const waits = (yield* waiting).find(isOurs)
        assert.deepStrictEqual([waits?.count, waits?.since], [1, delivery.receivedAt])

        assert.deepStrictEqual((yield* expire(Duration.days(1))).filter(isOurs), [])
        const expired = (yield* expire(0)).find(isOurs)
        assert(expired !== undefined)
        assert.strictEqual(expired.outcome, "expired")
        assert.notProperty(expired, "body")
        assert.deepStrictEqual(yield* settled(bank, delivery.authorization), [expired])
        assert.deepStrictEqual((yield* waiting).filter(isOurs), [])
        assert.deepStrictEqual(yield* claim(yield* freshTenant, bank, delivery.authorization), [])
        assert.isFalse(yield* settle(expired.id, "applied"))
      }),
    )

    it.effect(
      "counts every attempt by authorization and door, with the first, the last and what came of it (R01, R03)",
      () =>
        Effect.gen(function* () {
          const { attempts, record } = yield* Inbox
          const [tenantId, other] = [yield* freshTenant, yield* freshTenant]
          const { authorization } = yield* webhook
          const connectionId = ConnectionId.make(yield* freshId)
          const attempt = { tenantId, provider: bank, authorization, outcome: "already-registered" }
          yield* record({ ...attempt, door: "callback", outcome: "created", connectionId })
          yield* record({ ...attempt, door: "post" })
          yield* Effect.all(
            Array.from({ length: 10 }, () => record({ ...attempt, door: "webhook" })),
            { concurrency: "unbounded" },
          )
          yield* record({ ...attempt, door: "callback" })
          yield* record({ ...attempt, authorization: AuthorizationRef.make("another"), door: "reconciliation" })
          yield* record({ ...attempt, tenantId: other, door: "post" })

          const made = yield* attempts(tenantId, { provider: bank, authorization })
          assert.deepStrictEqual(
            made.map(({ connectionId, count, door, outcome }) => ({ connectionId, count, door, outcome })),
            [
              { door: "callback", count: 2, outcome: "already-registered", connectionId },
              { door: "post", count: 1, outcome: "already-registered", connectionId: undefined },
              { door: "webhook", count: 10, outcome: "already-registered", connectionId: undefined },
            ],
          )
          assert.isTrue(made.every(({ firstAt, lastAt }) => DateTime.isLessThanOrEqualTo(firstAt, lastAt)))
          assert.lengthOf(yield* attempts(tenantId), 4)
          assert.lengthOf(yield* attempts(other), 1)
        }),
    )
  })

const bank = ProviderId.make("bank")

const webhook = Effect.gen(function* () {
  const id = yield* freshId
  return {
    provider: bank,
    authorization: AuthorizationRef.make(`item-${id}`),
    door: "webhook",
    dedupeKey: id,
    kind: "sync",
    body: { updates: [1, null, "two"] },
    receivedAt: DateTime.makeUnsafe("2026-03-01T12:00:00.123Z"),
  } satisfies Delivery
})
