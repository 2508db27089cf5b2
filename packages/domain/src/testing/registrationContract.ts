/**
 * What registration must do on every store: the cases by their names, and what
 * holds whatever the order.
 */
import { assert, layer } from "@effect/vitest"
import { Array, DateTime, Duration, Effect, Layer, Metric, Redacted, Result, Schema, Stream } from "effect"
import { Mac, SecureRandom } from "effect/crypto"
import { Hex } from "effect/encoding"

import * as Aggregate from "../Aggregate.ts"
import * as Connection from "../Connection.ts"
import { replay } from "../Decider.ts"
import * as EventCodec from "../EventCodec.ts"
import { beginning, EventLog, EventStore, type Recorded } from "../EventStore.ts"
import { AuthorizationRef, ConnectionId, IdentityHash, OwnerId, ProviderId, system, TenantId } from "../Ids.ts"
import { Inbox } from "../Inbox.ts"
import * as Nango from "../Nango.ts"
import * as Registration from "../Registration.ts"
import { type Sealer } from "../Sealer.ts"
import * as Utf8 from "../Utf8.ts"
import * as Webhooks from "../Webhooks.ts"

type Services = EventLog | EventStore | Inbox | Sealer

/** Registers the cases as a suite. The store may hold events of earlier runs. */
export const registrationContract = <E>(name: string, store: Layer.Layer<Services, E>) =>
  layer(Layer.mergeAll(store, offered, Mac.layerWebCrypto).pipe(Layer.provideMerge(SecureRandom.layerWebCrypto)), {
    timeout: Duration.seconds(120),
    excludeTestServices: true,
  })(name, (it) => {
    for (const doors of permutations<PushDoor>(["callback", "post", "webhook"])) {
      it.effect(`R01 three doors, one connection: ${doors.join(", ")}`, () =>
        Effect.gen(function* () {
          const tenant = yield* freshTenant
          const answers = yield* Effect.forEach(doors, (door) => throughDoor(door, tenant))
          yield* assertOneConnection(tenant, answers)
        }),
      )
    }

    it.effect("R01 three doors at once, each of them many times", () =>
      Effect.gen(function* () {
        const tenant = yield* freshTenant
        const calls = Array.makeBy(8, () => ["callback", "post", "webhook"] as const).flat()
        const answers = yield* Effect.forEach(calls, (door) => throughDoor(door, tenant), { concurrency: "unbounded" })
        yield* assertOneConnection(tenant, answers)
      }),
    )

    it.effect("R02 a repeated delivery changes nothing, whatever happened in between", () =>
      Effect.gen(function* () {
        const tenant = yield* freshTenant
        const creation = yield* signed(report(tenant))
        const first = yield* Nango.receive(broker(), creation)
        const second = yield* Nango.receive(broker(), creation)
        assert.strictEqual(idOf(second), idOf(first))
        assert.deepStrictEqual(typesOf(yield* eventsOf(tenant)), ["connected"])

        const newer = yield* Registration.register(request(tenant, { authorization: ref("newer") }))
        const third = yield* Nango.receive(broker(), creation)
        assert.strictEqual(idOf(third), idOf(first))
        assert.deepStrictEqual(typesOf(yield* eventsOf(tenant)), ["connected", "connected", "superseded"])
        assert.strictEqual(yield* slotHolder(tenant), newer.connectionId)
      }),
    )

    it.effect("R03 a consent that no report told of is found by looking, once", () =>
      Effect.gen(function* () {
        const tenant = yield* freshTenant
        const known = yield* Nango.receive(broker(), yield* signed(report(tenant)))
        const missed = { ...listed(tenant, "missed", 1), endUser: { organizationId: tenant, endUserId: "grace" } }
        const list = Stream.make(listed(tenant, "consent", 2), missed, foreign(tenant), unowned(tenant))

        const found = yield* Nango.reconcile(broker(), list)
        assert.deepStrictEqual(
          { ...found, registered: found.registered.length },
          { listed: 4, registered: 1, unowned: 1, ignored: 1, failed: 0 },
        )
        assert.notInclude(found.registered, idOf(known))
        const connected = (yield* eventsOf(tenant)).find(({ streamId }) =>
          streamId.endsWith(String(found.registered[0])),
        )
        assert.strictEqual(connected?.event._tag === "connected" && connected.event.door, "reconciliation")

        const again = yield* Nango.reconcile(broker(), list)
        assert.deepStrictEqual(again.registered, [])
        assert.strictEqual((yield* eventsOf(tenant)).length, 2)
      }),
    )

    it.effect("R03 one connection that cannot be asked about does not keep the others waiting", () =>
      Effect.gen(function* () {
        const tenant = yield* freshTenant
        const flaky: Nango.Settings = {
          ...broker(),
          identify: ({ connectionId }) =>
            connectionId === "broken" ? Effect.fail(new Nango.BrokerUnavailable({})) : Effect.succeed(identity("ada")),
        }
        const list = Stream.make(listed(tenant, "broken", 1), listed(tenant, "whole", 2))
        const found = yield* Nango.reconcile(flaky, list)
        assert.deepStrictEqual([found.failed, found.registered.length], [1, 1])
      }),
    )

    it.effect("R03 a missed consent that is older than the one in use does not displace it", () =>
      Effect.gen(function* () {
        const tenant = yield* freshTenant
        const current = yield* Nango.receive(broker(), yield* signed(report(tenant)))
        const { registered } = yield* Nango.reconcile(broker(), Stream.make(listed(tenant, "older", 1)))

        assert.strictEqual(yield* slotHolder(tenant), idOf(current))
        const older = yield* Registration.register(request(tenant, { authorization: ref("older") }))
        assert.strictEqual(older.connectionId, registered[0])
        assert.strictEqual(older.status, "superseded")
        assert.strictEqual(older.supersededBy, idOf(current))
      }),
    )

    it.effect("R04 an override by another account is quarantined, and the old credentials stay in use", () =>
      Effect.gen(function* () {
        const tenant = yield* freshTenant
        const ada = broker({ identity: identity("ada") })
        const connectionId = idOf(yield* Nango.receive(ada, yield* signed(report(tenant))))
        const override = yield* signed(report(tenant, { operation: "override" }))

        for (const _ of [1, 2]) {
          const receipt = yield* Nango.receive(broker({ identity: identity("eve") }), override)
          assert.deepStrictEqual(receipt, { _tag: "Quarantined", connectionId })
        }
        const events = yield* eventsOf(tenant)
        assert.deepStrictEqual(typesOf(events), ["connected", "authorization_failed"])
        const refused = events[1]?.event
        assert.deepStrictEqual(refused?._tag === "authorization_failed" && [refused.reason, refused.identities], [
          "identity_mismatch",
          { expected: identity("ada"), offered: identity("eve") },
        ])
        const { state } = yield* Aggregate.load(Connection)(tenant, connectionId)
        assert.deepStrictEqual([state.status, state.identity, state.credentialVersion], ["active", identity("ada"), 0])

        yield* Nango.receive(ada, override)
        const healed = yield* Aggregate.load(Connection)(tenant, connectionId)
        assert.isUndefined(healed.state.refusedIdentity)
      }),
    )

    it.effect("R05 a refresh that fails and recovers asks for the owner once, and withdraws it once", () =>
      Effect.gen(function* () {
        const tenant = yield* freshTenant
        const connectionId = idOf(yield* Nango.receive(broker(), yield* signed(report(tenant))))
        const failed = yield* signed(report(tenant, { operation: "refresh", success: false }))
        const recovered = yield* signed(report(tenant, { operation: "refresh", success: true }))
        const status = Effect.map(Aggregate.load(Connection)(tenant, connectionId), ({ state }) => state.status)

        yield* Nango.receive(broker(), failed)
        yield* Nango.receive(broker(), failed)
        assert.strictEqual(yield* status, "needs_reauth")
        yield* Nango.receive(broker(), recovered)
        yield* Nango.receive(broker(), recovered)
        assert.strictEqual(yield* status, "active")
        assert.deepStrictEqual(typesOf(yield* eventsOf(tenant)), [
          "connected",
          "authorization_failed",
          "token_refreshed",
        ])
      }),
    )

    it.effect("R06 a delivery without the right signature is refused, and only counted", () =>
      Effect.gen(function* () {
        const tenant = yield* freshTenant
        const body = Utf8.encode(JSON.stringify(report(tenant)))
        const byApiKey = yield* signed(report(tenant), { id: "api", key: Redacted.make("the API key") })
        const forgeries = [
          [{ body, headers: { "x-nango-signature": "0".repeat(64) } }, "legacy-signature"],
          [{ body, headers: {} }, "unsigned"],
          [{ body, headers: { "x-nango-hmac-sha256": "not hexadecimal" } }, "wrong-signature"],
          [{ body, headers: { "x-nango-hmac-sha256": "" } }, "wrong-signature"],
          [byApiKey, "wrong-signature"],
        ] as const
        for (const [delivery, reason] of forgeries) {
          const counted = countOf(Webhooks.refused, reason)
          const before = yield* counted
          const error = yield* Effect.flip(Nango.receive(broker(), delivery))
          assert.deepStrictEqual([error._tag, "reason" in error && error.reason], ["DeliveryRefused", reason])
          assert.strictEqual((yield* counted) - before, 1)
        }
        assert.deepStrictEqual(yield* eventsOf(tenant), [])
        assert.deepStrictEqual(yield* attemptsOf(tenant), [])
      }),
    )

    it.effect("R07 while keys are rotated both are accepted, and the audit names the one that signed", () =>
      Effect.gen(function* () {
        for (const key of keys) {
          const tenant = yield* freshTenant
          yield* Nango.receive(broker(), yield* signed(report(tenant), key))
          const [connected] = yield* eventsOf(tenant)
          assert.deepStrictEqual(connected?.metadata.actor, { kind: "broker", id: `nango:${key.id}` })
        }
      }),
    )

    it.effect("R08 a body that was parsed and written anew is refused", () =>
      Effect.gen(function* () {
        const tenant = yield* freshTenant
        const original = yield* signed(report(tenant))
        const parsed: Readonly<Record<string, unknown>> = JSON.parse(Utf8.decode(original.body))
        const reordered = Object.fromEntries(Object.entries(parsed).toReversed())
        for (const rewritten of [JSON.stringify(parsed, null, 2), JSON.stringify(reordered)]) {
          const error = yield* Effect.flip(Nango.receive(broker(), { ...original, body: Utf8.encode(rewritten) }))
          assert.strictEqual(error._tag, "DeliveryRefused")
        }
        assert.deepStrictEqual(yield* eventsOf(tenant), [])
      }),
    )

    it.effect("R09 what did not exist when this was written is accepted, ignored and counted", () =>
      Effect.gen(function* () {
        const tenant = yield* freshTenant
        const bodies = [
          { ...report(tenant), type: "something_new" },
          { ...report(tenant), operation: "something_new" },
          { type: "auth" },
          "not an object",
        ]
        for (const body of bodies) {
          const counted = countOf(Webhooks.ignored, "unknown")
          const before = yield* counted
          assert.deepStrictEqual(yield* Nango.receive(broker(), yield* signed(body)), {
            _tag: "Ignored",
            reason: "unknown",
          })
          assert.strictEqual((yield* counted) - before, 1)
        }
        assert.deepStrictEqual(yield* eventsOf(tenant), [])
      }),
    )

    it.effect("R12 a report that comes before anybody knows whose it is waits for the POST", () =>
      Effect.gen(function* () {
        const tenant = yield* freshTenant
        const authorization = ref(`consent-of-${tenant}`)
        const early = { connectionId: authorization, endUser: null }
        const creation = yield* signed(report(tenant, early))
        const failed = yield* signed(report(tenant, { ...early, operation: "refresh", success: false }))
        for (const delivery of [creation, creation, failed]) {
          assert.deepStrictEqual(yield* Nango.receive(broker(), delivery), { _tag: "Parked" })
        }
        assert.deepStrictEqual(yield* eventsOf(tenant), [])

        const { connectionId } = yield* Nango.claim(broker(), request(tenant, { authorization, door: "post" }))
        assert.deepStrictEqual(typesOf(yield* eventsOf(tenant)), ["connected", "authorization_failed"])
        const again = yield* Nango.claim(broker(), request(tenant, { authorization, door: "post" }))
        assert.strictEqual(again.connectionId, connectionId)
        assert.strictEqual(again.status, "needs_reauth")
        assert.strictEqual((yield* eventsOf(tenant)).length, 2)
      }),
    )

    it.effect("R12 a report that comes before anybody knows whose it is waits for the reconciliation", () =>
      Effect.gen(function* () {
        const tenant = yield* freshTenant
        const authorization = ref(`consent-of-${tenant}`)
        const failed = report(tenant, {
          connectionId: authorization,
          endUser: null,
          operation: "refresh",
          success: false,
        })
        assert.deepStrictEqual(yield* Nango.receive(broker(), yield* signed(failed)), { _tag: "Parked" })

        const { registered } = yield* Nango.reconcile(broker(), Stream.make(listed(tenant, authorization, 1)))
        assert.strictEqual(registered.length, 1)
        assert.deepStrictEqual(typesOf(yield* eventsOf(tenant)), ["connected", "authorization_failed"])
      }),
    )

    it.effect("R12 a report that nobody comes for expires, and that is recorded", () =>
      Effect.gen(function* () {
        const tenant = yield* freshTenant
        const inbox = yield* Inbox
        const authorization = ref(`consent-of-${tenant}`)
        yield* Nango.receive(broker(), yield* signed(report(tenant, { connectionId: authorization, endUser: null })))

        const outcomes = Effect.map(inbox.settled(gmail, authorization), (settled) =>
          settled.map(({ outcome }) => outcome),
        )
        assert.deepStrictEqual(yield* outcomes, [])
        yield* inbox.expire(Duration.zero)
        assert.deepStrictEqual(yield* outcomes, ["expired"])

        yield* Nango.claim(broker(), request(tenant, { authorization, door: "post" }))
        assert.deepStrictEqual(yield* outcomes, ["expired"])
        assert.deepStrictEqual(typesOf(yield* eventsOf(tenant)), ["connected"])
      }),
    )

    it.effect("R12 what was parked for nobody is not handed to a second tenant", () =>
      Effect.gen(function* () {
        const tenant = yield* freshTenant
        const authorization = ref(`consent-of-${tenant}`)
        const failed = yield* signed(
          report(tenant, { connectionId: authorization, operation: "refresh", success: false }),
        )
        assert.deepStrictEqual(yield* Nango.receive(broker(), failed), { _tag: "Parked" })

        const other = yield* freshTenant
        const { status } = yield* Nango.claim(broker(), request(other, { authorization, door: "post" }))
        assert.strictEqual(status, "active")
        assert.deepStrictEqual(typesOf(yield* eventsOf(other)), ["connected"])
      }),
    )

    it.effect(
      "R12 a report that was parked after its consent was registered is applied once it can be told whose it is",
      () =>
        Effect.gen(function* () {
          const tenant = yield* freshTenant
          const authorization = ref(`consent-of-${tenant}`)
          yield* Nango.claim(broker(), request(tenant, { authorization, door: "post" }))
          const failed = report(tenant, {
            connectionId: authorization,
            endUser: null,
            operation: "refresh",
            success: false,
          })
          assert.deepStrictEqual(yield* Nango.receive(broker(), yield* signed(failed)), { _tag: "Parked" })

          const known = { ...broker(), principal: () => Effect.succeed({ tenantId: tenant, ownerId: ada }) }
          yield* Nango.reconcile(known, Stream.empty)
          assert.deepStrictEqual(typesOf(yield* eventsOf(tenant)), ["connected", "authorization_failed"])
        }),
    )

    it.effect("R12 what waited is applied before what comes after it", () =>
      Effect.gen(function* () {
        const tenant = yield* freshTenant
        const authorization = ref(`consent-of-${tenant}`)
        const refresh = { connectionId: authorization, operation: "refresh" } as const
        yield* Nango.receive(broker(), yield* signed(report(tenant, { connectionId: authorization })))
        const failed = yield* signed(report(tenant, { ...refresh, endUser: null, success: false }))
        assert.deepStrictEqual(yield* Nango.receive(broker(), failed), { _tag: "Parked" })

        yield* Nango.receive(broker(), yield* signed(report(tenant, refresh)))
        const types = typesOf(yield* eventsOf(tenant))
        assert.deepStrictEqual(types, ["connected", "authorization_failed", "token_refreshed"])
      }),
    )

    it.effect("R12 news of a refresh waits for the consent that it is about", () =>
      Effect.gen(function* () {
        const tenant = yield* freshTenant
        const failed = yield* signed(report(tenant, { operation: "refresh", success: false }))
        assert.deepStrictEqual(yield* Nango.receive(broker(), failed), { _tag: "Parked" })
        yield* Nango.receive(broker(), yield* signed(report(tenant)))
        assert.deepStrictEqual(typesOf(yield* eventsOf(tenant)), ["connected", "authorization_failed"])
      }),
    )

    it.effect("a consent that was not given registers nothing and leaves what is in use alone", () =>
      Effect.gen(function* () {
        const tenant = yield* freshTenant
        const failed = { success: false, error: { type: "auth_error", description: "denied" } }
        yield* Nango.receive(broker(), yield* signed({ ...report(tenant), ...failed }))
        assert.deepStrictEqual(yield* eventsOf(tenant), [])

        yield* Nango.receive(broker(), yield* signed(report(tenant)))
        yield* Nango.receive(broker(), yield* signed({ ...report(tenant, { operation: "override" }), ...failed }))
        assert.deepStrictEqual(typesOf(yield* eventsOf(tenant)), ["connected"])
      }),
    )

    it.effect("a new consent takes the slot in one append, and goes on where the same account ended", () =>
      Effect.gen(function* () {
        const tenant = yield* freshTenant
        const old = yield* Registration.register(request(tenant, { identity: identity("ada") }))
        yield* Aggregate.handle(Connection)(
          tenant,
          old.connectionId,
          { _tag: "ReportAuthorizationFailure", at: yield* DateTime.now, reason: "revoked" },
          { metadata: { actor: system } },
        )
        const fresh = yield* Registration.register(
          request(tenant, { authorization: ref("second"), identity: identity("ada") }),
        )

        assert.deepStrictEqual([fresh.outcome, fresh.status, fresh.superseded], ["created", "active", old.connectionId])
        const events = (yield* eventsOf(tenant)).slice(2)
        assert.deepStrictEqual(typesOf(events), ["connected", "reconnected", "superseded"])
        const reconnected = events.find(({ event }) => event._tag === "reconnected")?.event
        assert.deepStrictEqual(
          reconnected?._tag === "reconnected" && [reconnected.previous, reconnected.confidence, reconnected.evidence],
          [old.connectionId, "exact", ["identity"]],
        )
        const { state } = yield* Aggregate.load(Connection)(tenant, fresh.connectionId)
        assert.isUndefined(state.failure)
        yield* assertClaimsFollow(tenant)
      }),
    )

    for (const [who, first, second] of [
      ["nobody knows the account", undefined, undefined],
      ["it is another account", identity("ada"), identity("grace")],
      ["only the new account is known", undefined, identity("ada")],
    ] as const) {
      it.effect(`a new consent supersedes without claiming to go on when ${who}`, () =>
        Effect.gen(function* () {
          const tenant = yield* freshTenant
          yield* Registration.register(request(tenant, first && { identity: first }))
          yield* Registration.register(
            request(tenant, { authorization: ref("second"), ...(second && { identity: second }) }),
          )
          assert.deepStrictEqual(typesOf(yield* eventsOf(tenant)).toSorted(), ["connected", "connected", "superseded"])
        }),
      )
    }

    it.effect("several connections live side by side where the provider has no slot", () =>
      Effect.gen(function* () {
        const tenant = yield* freshTenant
        yield* Registration.register(request(tenant, { provider: bank }))
        yield* Registration.register(request(tenant, { provider: bank, authorization: ref("second") }))
        const states = yield* statesOf(tenant)
        assert.deepStrictEqual(
          states.map(({ status }) => status),
          ["active", "active"],
        )
      }),
    )

    it.effect("a slot, an authorization and a connection of another owner are refused", () =>
      Effect.gen(function* () {
        const tenant = yield* freshTenant
        const { connectionId } = yield* Registration.register(request(tenant, { slot: "mailbox:1:inbox" }))
        const eve = OwnerId.make("eve")
        const attempts = [
          [{ authorization: ref("hers"), slot: "mailbox:1:inbox" }, "slot"],
          [{}, "authorization"],
          [{ authorization: ref("hers"), connectionId }, "connection"],
        ] as const
        for (const [over, what] of attempts) {
          const error = yield* Effect.flip(Registration.register(request(tenant, { ...over, ownerId: eve })))
          assert.deepStrictEqual([error._tag, "what" in error && error.what], ["HeldByAnotherOwner", what])
        }
        assert.deepStrictEqual(typesOf(yield* eventsOf(tenant)), ["connected"])
      }),
    )

    it.effect(
      "a change of what is asked takes the slot that goes with it, from its owner only, and keeps the rest",
      () =>
        Effect.gen(function* () {
          const tenant = yield* freshTenant
          const register = (name: string, over: Partial<Registration.Request>) =>
            Registration.register(request(tenant, { authorization: ref(name), ...over }))
          const first = yield* register("first", { slot: "label:1", settings: { label: "A" }, pollIntervalSeconds: 42 })
          const second = yield* register("second", { slot: "label:2" })
          const hers = yield* register("hers", { slot: "label:3", ownerId: OwnerId.make("eve") })
          const change = (changes: Registration.Change) =>
            Registration.change(tenant, first.connectionId, changes, { actor: system })

          const refused = yield* Effect.flip(change({ slot: "label:3", settings: { label: "C" } }))
          assert.deepStrictEqual([refused._tag, "what" in refused && refused.what], ["HeldByAnotherOwner", "slot"])
          const free = yield* change({ slot: "label:4", settings: { label: "D" } })
          const plan = { slot: "label:4", settings: { label: "D" }, pollIntervalSeconds: 42, status: "active" }
          assert.deepInclude<object>(free, plan)
          yield* change({ slot: "label:2" })
          assert.deepStrictEqual(typesOf(yield* eventsOf(tenant)), [
            "connected",
            "connected",
            "connected",
            "configured",
            "configured",
            "superseded",
          ])
          const status = (connectionId: ConnectionId) =>
            Effect.map(Aggregate.load(Connection)(tenant, connectionId), ({ state }) => state.status)
          assert.strictEqual(yield* status(second.connectionId), "superseded")
          assert.strictEqual(yield* status(hers.connectionId), "active")
          yield* assertClaimsFollow(tenant)

          yield* change({ slot: "label:2" })
          assert.strictEqual((yield* eventsOf(tenant)).length, 6)
          const nobody = ConnectionId.make(yield* freshUuid)
          const absent = yield* Effect.flip(Registration.change(tenant, nobody, {}, { actor: system }))
          assert.strictEqual(absent._tag, "ConnectionNotReady")
        }),
    )

    it.effect("a slot that two connections change to at once is one's, and the other is superseded", () =>
      Effect.gen(function* () {
        const tenant = yield* freshTenant
        const connections = yield* Effect.forEach(["a", "b", "c", "d"], (name) =>
          Registration.register(request(tenant, { authorization: ref(name), slot: `label:${name}` })),
        )
        yield* Effect.forEach(
          connections,
          ({ connectionId }) => Registration.change(tenant, connectionId, { slot: "label:one" }, { actor: system }),
          { concurrency: "unbounded" },
        )
        assert.strictEqual((yield* statesOf(tenant)).filter(Connection.isLive).length, 1)
        yield* assertClaimsFollow(tenant)
      }),
    )

    it.effect("the interval that is given is the one that is used, through whichever door it comes", () =>
      Effect.gen(function* () {
        const tenant = yield* freshTenant
        const { connectionId } = yield* Registration.register(request(tenant))
        const interval = Effect.map(
          Aggregate.load(Connection)(tenant, connectionId),
          ({ state }) => state.pollIntervalSeconds,
        )
        assert.strictEqual(yield* interval, 300)
        yield* Registration.register(request(tenant, { door: "post", pollIntervalSeconds: 42 }))
        yield* Registration.register(request(tenant, { door: "post", pollIntervalSeconds: 42 }))
        yield* Registration.register(request(tenant, { door: "webhook" }))
        assert.strictEqual(yield* interval, 42)
        assert.deepStrictEqual(typesOf(yield* eventsOf(tenant)), ["connected", "configured"])
      }),
    )

    it.effect("what cannot be meant is refused by name, and nothing is written", () =>
      Effect.gen(function* () {
        const tenant = yield* freshTenant
        const refusals = [
          [{ pollInterval: 60 }, "pollInterval"],
          [{ pollIntervalSeconds: 4 }, "pollIntervalSeconds"],
          [{ pollIntervalSeconds: 86_401 }, "pollIntervalSeconds"],
          [{ settings: { label: { name: "Bookings" } } }, "settings.label"],
          [{ settings: Object.fromEntries(Array.makeBy(65, (n) => [`label ${n}`, n])) }, "settings"],
          [{ provider: "gmial" }, "provider"],
          [{ ownerId: "" }, "ownerId"],
          [{ door: "window" }, "door"],
        ] as const
        for (const [over, at] of refusals) {
          const misspelt: unknown = { ...request(tenant), ...over }
          const error = yield* Effect.flip(Registration.register(misspelt as Registration.Request))
          assert.deepStrictEqual([error._tag, "at" in error && error.at], ["InvalidRegistration", at])
        }
        assert.deepStrictEqual(yield* eventsOf(tenant), [])
      }),
    )

    it.effect("a configured connection is the one that is registered, unless another door was first", () =>
      Effect.gen(function* () {
        const tenant = yield* freshTenant
        const connectionId = yield* configured(tenant)
        const registered = yield* Registration.register(request(tenant, { connectionId }))
        assert.deepStrictEqual([registered.connectionId, registered.outcome], [connectionId, "created"])

        const unused = yield* configured(tenant)
        const again = yield* Registration.register(request(tenant, { connectionId: unused }))
        assert.deepStrictEqual([again.connectionId, again.outcome], [connectionId, "already-registered"])
        const { state } = yield* Aggregate.load(Connection)(tenant, unused)
        assert.deepStrictEqual([state.status, state.supersededBy], ["superseded", connectionId])
        yield* assertClaimsFollow(tenant)
      }),
    )

    it.effect("a configured connection lapses or is registered, whichever is first, and never both", () =>
      Effect.gen(function* () {
        const tenant = yield* freshTenant
        for (let round = 0; round < 10; round++) {
          const connectionId = yield* configured(tenant)
          const register = Registration.register(request(tenant, { connectionId, authorization: ref(`${round}`) }))
          const lapse = Registration.lapse(tenant, connectionId, { actor: system })
          const [registered, isOver] = yield* Effect.all([Effect.result(register), lapse], { concurrency: 2 })
          const { state } = yield* Aggregate.load(Connection)(tenant, connectionId)
          assert.strictEqual(isOver, Result.isFailure(registered))
          assert.strictEqual(state.status, isOver ? "disconnected" : "active")
          if (Result.isFailure(registered)) assert.strictEqual(registered.failure._tag, "ConnectionNotReady")
          assert.strictEqual(yield* lapse, isOver)
        }
        yield* assertClaimsFollow(tenant)
      }),
    )

    it.effect("a person may put a superseded connection back to work", () =>
      Effect.gen(function* () {
        const tenant = yield* freshTenant
        const old = yield* Registration.register(request(tenant))
        const fresh = yield* Registration.register(request(tenant, { authorization: ref("second") }))
        const repaired = yield* Registration.activate(tenant, old.connectionId, {
          actor: { kind: "operator", id: "ada" },
        })
        assert.strictEqual(repaired.superseded, fresh.connectionId)
        assert.strictEqual(yield* slotHolder(tenant), old.connectionId)
        yield* assertClaimsFollow(tenant)
      }),
    )

    it.effect("a consent whose time nobody knows comes last, and a clock that is ahead gains nothing", () =>
      Effect.gen(function* () {
        const tenant = yield* freshTenant
        const now = yield* DateTime.now
        const consent = (name: string, authorizedAt?: DateTime.Utc) =>
          Registration.register(request(tenant, { authorization: ref(name), ...(authorizedAt && { authorizedAt }) }))

        yield* consent("an hour ago", DateTime.subtract(now, { hours: 1 }))
        const unknown = yield* consent("at a time nobody knows")
        assert.strictEqual(yield* slotHolder(tenant), unknown.connectionId)
        const late = yield* consent("half an hour ago", DateTime.subtract(now, { minutes: 30 }))
        assert.deepStrictEqual([late.outcome, late.supersededBy], ["created", unknown.connectionId])
        assert.strictEqual(yield* slotHolder(tenant), unknown.connectionId)

        const ahead = yield* consent("next year", DateTime.add(now, { years: 1 }))
        assert.strictEqual(yield* slotHolder(tenant), ahead.connectionId)
        const next = yield* consent("now", DateTime.add(now, { minutes: 1 }))
        assert.strictEqual(yield* slotHolder(tenant), next.connectionId)
      }),
    )

    it.effect("the same authorization, given again later, goes back to work", () =>
      Effect.gen(function* () {
        const tenant = yield* freshTenant
        const old = yield* Registration.register(consentRequest(tenant, 1))
        const other = yield* Registration.register(consentRequest(tenant, 2))
        const again = yield* Registration.register({
          ...consentRequest(tenant, 1),
          authorizedAt: DateTime.makeUnsafe(3_000),
        })
        assert.deepStrictEqual(
          [again.connectionId, again.outcome, again.superseded],
          [old.connectionId, "renewed", other.connectionId],
        )
        assert.strictEqual(yield* slotHolder(tenant), old.connectionId)
        yield* assertClaimsFollow(tenant)
      }),
    )

    it.effect.prop(
      "whatever happens at once: never two live connections in a slot, and the claims are those of the events",
      [several(several(Schema.Struct({ verb: Schema.Literals(verbs), consent: consents })))],
      ([batches]) =>
        Effect.gen(function* () {
          const tenant = yield* freshTenant
          yield* Effect.forEach(batches, (batch) =>
            Effect.forEach(batch, ({ consent, verb }) => act[verb](tenant, consent), { concurrency: "unbounded" }),
          )
          const states = yield* statesOf(tenant)
          assert.isAtMost(states.filter(Connection.isLive).length, 1)
          const authorizations = states.map(({ authorization }) => authorization)
          assert.strictEqual(new Set(authorizations).size, authorizations.length)
          yield* assertClaimsFollow(tenant)
        }),
      { arbitrary: { runs: 25 } },
    )

    it.effect.prop(
      "whatever the order and however many at once: one live connection, the last consent's, and nothing is lost",
      [interleavings],
      ([batches]) =>
        Effect.gen(function* () {
          const tenant = yield* freshTenant
          yield* Effect.forEach(batches, (batch) =>
            Effect.forEach(batch, (consent) => Registration.register(consentRequest(tenant, consent)), {
              concurrency: "unbounded",
            }),
          )
          const consents = batches.flat()
          const last = Math.max(...consents)
          const states = yield* statesOf(tenant)
          const live = states.filter(Connection.isLive)
          assert.deepStrictEqual(
            live.map(({ authorization }) => authorization),
            [consentRequest(tenant, last).authorization],
          )
          assert.strictEqual(states.length, new Set(consents).size)
          assert.strictEqual(
            (yield* eventsOf(tenant)).filter(({ event }) => event._tag === "connected").length,
            new Set(consents).size,
          )
          assert.strictEqual(sum((yield* attemptsOf(tenant)).map(({ count }) => count)), consents.length)
          yield* assertClaimsFollow(tenant)
        }),
      { arbitrary: { runs: 25 } },
    )
  })

const gmail = ProviderId.make("gmail")
const bank = ProviderId.make("bank")

const offered = Registration.Providers.layer({
  [gmail]: {},
  [bank]: { slot: Registration.severalPerOwner },
})

const ada = OwnerId.make("ada")

const ref = (name: string) => AuthorizationRef.make(name)

const identity = (name: string) => IdentityHash.make(Hex.encode(Utf8.encode(name)).padEnd(64, "0"))

const freshUuid = Effect.flatMap(SecureRandom.SecureRandom, (random) => random.uuidV7())

/** Tenants share nothing, so each test has the store to itself. */
const freshTenant = Effect.map(freshUuid, (id) => TenantId.make(id))

const request = (tenantId: TenantId, over: Partial<Registration.Request> = {}): Registration.Request => ({
  tenantId,
  ownerId: ada,
  provider: gmail,
  authorization: ref("consent"),
  door: "callback",
  actor: { kind: "owner", id: ada },
  ...over,
})

const [oldKey, newKey] = [
  { id: "2026-03", key: Redacted.make("the key that goes") },
  { id: "2026-08", key: Redacted.make("the key that comes") },
]
const keys = [oldKey, newKey]

const broker = (over: { readonly identity?: IdentityHash } = {}): Nango.Settings => ({
  keys,
  integrations: { [gmail]: "google-mail-ynxw" },
  identify: () => Effect.succeed(over.identity),
})

const report = (tenantId: TenantId, over: Partial<Nango.AuthReport> = {}) => ({
  from: "nango",
  type: "auth",
  connectionId: "consent",
  authMode: "OAUTH2",
  providerConfigKey: "google-mail-ynxw",
  provider: "google-mail",
  environment: "PROD",
  operation: "creation",
  success: true,
  endUser: { endUserId: ada, endUserEmail: "ada@example.com", organizationId: tenantId, tags: {} },
  ...over,
})

const listed = (tenantId: TenantId, connectionId: string, created: number): Nango.Listed => ({
  connectionId: ref(connectionId),
  providerConfigKey: "google-mail-ynxw",
  endUser: { endUserId: ada, organizationId: tenantId },
  created: DateTime.makeUnsafe(created),
})

const foreign = (tenantId: TenantId) => ({ ...listed(tenantId, "foreign", 3), providerConfigKey: "notion" })

const unowned = (tenantId: TenantId): Nango.Listed => ({ ...listed(tenantId, "unowned", 4), endUser: null })

const signed = Effect.fnUntraced(function* (body: unknown, { key }: Nango.SigningKey = newKey) {
  const bytes = Utf8.encode(JSON.stringify(body))
  const mac = yield* Mac.Mac
  const tag = yield* mac.sign(yield* Mac.key(Mac.hmacSha256, Utf8.encode(Redacted.value(key))), bytes)
  return { body: bytes, headers: { "x-nango-hmac-sha256": Hex.encode(tag) } } satisfies Nango.Delivery
})

type PushDoor = Exclude<Connection.Door, "reconciliation">

const throughDoor = Effect.fnUntraced(function* (door: PushDoor, tenant: TenantId) {
  if (door === "webhook") return idOf(yield* Nango.receive(broker(), yield* signed(report(tenant))))
  const wishes = door === "post" ? { pollIntervalSeconds: 60 } : {}
  const { connectionId } = yield* Nango.claim(broker(), request(tenant, { door, ...wishes }))
  return connectionId
})

const assertOneConnection = Effect.fnUntraced(function* (tenant: TenantId, answers: ReadonlyArray<ConnectionId>) {
  assert.strictEqual(new Set(answers).size, 1)
  const events = yield* eventsOf(tenant)
  assert.strictEqual(events.filter(({ event }) => event._tag === "connected").length, 1)
  const [state, ...others] = yield* statesOf(tenant)
  assert.strictEqual(others.length, 0)
  assert.deepStrictEqual([state?.status, state?.pollIntervalSeconds], ["active", 60])
  const attempts = yield* attemptsOf(tenant)
  assert.deepStrictEqual(attempts.map(({ door }) => door).toSorted(), ["callback", "post", "webhook"])
  assert.deepStrictEqual(
    attempts.map(({ connectionId, count }) => [connectionId, count]),
    attempts.map(() => [answers[0], answers.length / 3]),
  )
  yield* assertClaimsFollow(tenant)
})

const idOf = (receipt: Nango.Receipt) => {
  assert(receipt._tag === "Registered" || receipt._tag === "Applied", `nothing was registered: ${receipt._tag}`)
  return receipt.connectionId
}

const configured = Effect.fnUntraced(function* (tenant: TenantId) {
  const plan = { ownerId: ada, provider: gmail, pollIntervalSeconds: 300, settings: {} }
  const connectionId = ConnectionId.make(yield* freshUuid)
  yield* Aggregate.handle(Connection)(
    tenant,
    connectionId,
    { _tag: "Configure", at: yield* DateTime.now, ...plan },
    { metadata: { actor: system } },
  )
  return connectionId
})

const eventsOf = Effect.fnUntraced(function* (tenantId: TenantId) {
  const log = yield* EventLog
  return yield* log
    .read(beginning, { tenantId })
    .pipe(Stream.mapEffect(EventCodec.decode(Connection)), Stream.runCollect)
})

const attemptsOf = Effect.fnUntraced(function* (tenantId: TenantId) {
  const inbox = yield* Inbox
  return yield* inbox.attempts(tenantId)
})

const typesOf = (events: ReadonlyArray<Recorded<Connection.Event>>) => events.map(({ event }) => event._tag)

const statesOf = (tenantId: TenantId) =>
  Effect.map(eventsOf(tenantId), (events) =>
    [...Map.groupBy(events, ({ streamId }) => streamId).values()].map((history) =>
      replay(
        Connection,
        history.map(({ event }) => event),
      ),
    ),
  )

const slotHolder = Effect.fnUntraced(function* (tenantId: TenantId) {
  const store = yield* EventStore
  const holder = yield* store.holderOf(tenantId, Connection.slotClaim(`${gmail}:${ada}`))
  return holder && Connection.idOf(holder)
})

/** The claims in the store are those that the events make. */
const assertClaimsFollow = Effect.fnUntraced(function* (tenantId: TenantId) {
  const store = yield* EventStore
  const histories = Map.groupBy(yield* eventsOf(tenantId), ({ streamId }) => streamId)
  const claims = [...histories].flatMap(([holder, history]) =>
    Connection.claims(
      replay(
        Connection,
        history.map(({ event }) => event),
      ),
    ).map((key) => [key, holder] as const),
  )
  const recomputed = new Map(claims)
  assert.strictEqual(recomputed.size, claims.length, "two streams claim one key")
  const keys = new Set([...recomputed.keys(), Connection.slotClaim(`${gmail}:${ada}`)])
  yield* Effect.forEach(keys, (key) =>
    Effect.map(store.holderOf(tenantId, key), (holder) => assert.strictEqual(holder, recomputed.get(key), key)),
  )
})

/** Consents to one slot, by the second in which they were given; the batches one after another, each all at once. */
const consents = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 6 }))
const several = <S extends Schema.Top>(item: S) =>
  Schema.Array(item).check(Schema.isMinLength(1), Schema.isMaxLength(5))
const interleavings = several(several(consents))

const consentRequest = (tenant: TenantId, second: number) =>
  request(tenant, { authorization: ref(`consent-${second}`), authorizedAt: DateTime.makeUnsafe(second * 1_000) })

const verbs = ["register", "register", "disconnect", "fail", "pause", "activate"] as const

/** What may happen to the connection of a consent, if there is one. */
const act: Record<
  (typeof verbs)[number],
  (tenant: TenantId, consent: number) => Effect.Effect<unknown, unknown, Acting>
> = {
  register: (tenant, consent) => Registration.register(consentRequest(tenant, consent)),
  disconnect: command((at) => ({ _tag: "Disconnect", at, reason: "owner" })),
  fail: command((at) => ({ _tag: "ReportAuthorizationFailure", at, reason: "revoked" })),
  pause: command((at) => ({ _tag: "Pause", at })),
  activate: (tenant, consent) =>
    withConnection(tenant, consent, (id) => Registration.activate(tenant, id, { actor: system })),
}

type Acting = Registration.Providers | SecureRandom.SecureRandom | Services

function command(make: (at: DateTime.Utc) => Connection.Command) {
  return (tenant: TenantId, consent: number) =>
    withConnection(tenant, consent, (id) =>
      Effect.flatMap(DateTime.now, (at) =>
        Aggregate.handle(Connection)(tenant, id, make(at), { metadata: { actor: system } }),
      ),
    )
}

function withConnection<A, E extends { readonly _tag: string }, R>(
  tenant: TenantId,
  consent: number,
  act: (id: ConnectionId) => Effect.Effect<A, E, R>,
) {
  return Effect.gen(function* () {
    const store = yield* EventStore
    const { authorization } = consentRequest(tenant, consent)
    const holder = yield* store.holderOf(tenant, Connection.authorizationClaim(gmail, authorization))
    // What a connection in this state refuses to do changes nothing.
    if (holder !== undefined) {
      yield* Effect.catch(act(Connection.idOf(holder)), (error) =>
        error._tag === "ConnectionNotReady" ? Effect.void : Effect.fail(error),
      )
    }
  })
}

const permutations = <A>(items: ReadonlyArray<A>): ReadonlyArray<ReadonlyArray<A>> =>
  items.length < 2
    ? [items]
    : items.flatMap((first) => permutations(items.filter((item) => item !== first)).map(Array.prepend(first)))

const sum = (counts: ReadonlyArray<number>) => counts.reduce((total, count) => total + count, 0)

const countOf = (counter: Metric.Metric<number, Metric.CounterState<number>>, reason: string) =>
  Effect.map(Metric.value(Metric.withAttributes(counter, { broker: "nango", reason })), ({ count }) => count)
