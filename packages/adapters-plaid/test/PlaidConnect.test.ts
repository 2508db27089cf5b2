import { assert, layer } from "@effect/vitest"
import { Connection, EventStore, Ids, Sync, Vault } from "@holdfast/domain"
import { later } from "@holdfast/domain/testing/later"
import { DateTime, Effect, Exit, Fiber, Layer, Redacted, Stream } from "effect"

import { PlaidApi, PlaidConnect, PlaidProvider, PlaidSecret, PlaidStatus } from "../src/index.ts"
import { PlaidSimulator } from "../src/testing/index.ts"
import { answered, bank, connected, handle, login, newSession, stateOf, viewed, world } from "./support.ts"

const exchange = "/item/public_token/exchange"
const remove = "/item/remove"

layer(world(), { excludeTestServices: true })("A login at a bank", (it) => {
  it.effect("becomes a connection that syncs", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const { accounts, connectionId, outcome, session } = yield* connected()
      assert.strictEqual(outcome, "created")
      const state = yield* stateOf(session, connectionId)
      assert.deepInclude(state, { status: "active", credentialVersion: 3 })
      yield* simulator.seedHistory(accounts[0] ?? "", { count: 12, days: 40 })
      const report = yield* Sync.run(yield* PlaidProvider.make, session.tenantId, connectionId)
      assert.strictEqual(report.added, 12)
    }),
  )

  it.effect("says when its consent ends, where it does", () =>
    Effect.gen(function* () {
      const known = yield* login("ins_117650")
      const { connectionId, session } = yield* connected(newSession(), known.login)
      const { expiresAt } = yield* stateOf(session, connectionId)
      assert.isTrue(expiresAt !== undefined && DateTime.isGreaterThan(expiresAt, yield* DateTime.now))
    }),
  )

  it.effect("is nobody's but the browser's that was asked", () =>
    Effect.gen(function* () {
      const { login: id } = yield* login()
      const consent = yield* answered(newSession(), id)
      const simulator = yield* PlaidSimulator
      const before = yield* simulator.count(exchange)
      for (const [changed, reason] of [
        [{ id: "browser-2" }, "another-session"],
        [{ ownerId: Ids.OwnerId.make("bob") }, "another-session"],
        [{ tenantId: Ids.TenantId.make("elsewhere") }, "unknown"],
      ] as const) {
        const session = { ...consent.session, ...changed }
        assert.deepInclude(yield* Effect.flip(PlaidConnect.complete({ ...consent, session })), { reason })
      }
      assert.strictEqual(yield* simulator.count(exchange), before)
      assert.strictEqual((yield* PlaidConnect.complete(consent)).outcome, "created")
    }),
  )

  it.effect("R15 whose public token is posted twice, also at once, is exchanged once and answered alike", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const { login: id } = yield* login()
      const consent = yield* answered(newSession(), id)
      const before = yield* simulator.count(exchange)
      const answers = yield* Effect.forEach([1, 2, 3], () => PlaidConnect.complete(consent), { concurrency: 3 })
      const late = yield* PlaidConnect.complete(consent)
      assert.deepStrictEqual(new Set([...answers, late].map(({ connectionId }) => connectionId)).size, 1)
      assert.deepStrictEqual([...answers, late].map(({ outcome }) => outcome).toSorted(), [
        "already-registered",
        "already-registered",
        "already-registered",
        "created",
      ])
      assert.strictEqual((yield* simulator.count(exchange)) - before, 1)
    }),
  )

  it.effect("is not used up by a public token that is not good", () =>
    Effect.gen(function* () {
      const { login: id } = yield* login()
      const consent = yield* answered(newSession(), id)
      const forged = { ...consent, publicToken: Redacted.make("public-sandbox-forged") }
      assert.deepInclude(yield* Effect.flip(PlaidConnect.complete(forged)), { reason: "invalid-token" })
      assert.strictEqual((yield* PlaidConnect.complete(consent)).outcome, "created")
      assert.deepInclude(yield* Effect.flip(PlaidConnect.complete(forged)), { reason: "used" })
    }),
  )

  it.effect("is finished by the same call when Plaid could not be asked about it in time", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const { login: id } = yield* login()
      const consent = yield* answered(newSession(), id)
      yield* simulator.fail({ failure: "internalError", endpoint: "/accounts/get" })
      const failure = yield* Effect.flip(PlaidConnect.complete(consent))
      assert.isTrue(failure._tag === "PlaidError" && failure.retryable)
      assert.strictEqual((yield* PlaidConnect.complete(consent)).outcome, "created")
    }),
  )

  it.effect("that is given up while it is exchanged leaves no Item behind", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const vault = yield* Vault.Vault
      const { login: id } = yield* login()
      const consent = yield* answered(newSession(), id)
      yield* simulator.before(exchange, Effect.orDie(vault.remove(consent.session.tenantId, consent.connectionId)))
      assert.strictEqual((yield* Effect.flip(PlaidConnect.complete(consent)))._tag, "CredentialsConflict")
      const items = (yield* simulator.items).filter((item) => item.login === id)
      assert.deepStrictEqual(
        items.map(({ ended }) => ended),
        ["removed"],
      )
    }),
  )

  it.effect("is exchanged at last when Plaid is down for a moment", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const { login: id } = yield* login()
      const consent = yield* answered(newSession(), id)
      yield* simulator.fail({ failure: "dropBeforeWork", endpoint: exchange, times: 2 })
      assert.strictEqual((yield* PlaidConnect.complete(consent)).outcome, "created")
    }),
  )
})

layer(world(), { excludeTestServices: true })("An Item that is held already", (it) => {
  it.effect("R17 is found before anything is exchanged, and the person is sent to mend it instead", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const { connectionId, login: id, session } = yield* connected()
      const again = yield* answered(session, id)
      const before = yield* simulator.count(exchange)
      const refused = yield* Effect.flip(PlaidConnect.complete(again))
      assert.deepInclude(refused, { _tag: "AlreadyConnected", connectionId })
      assert.strictEqual(yield* simulator.count(exchange), before)
      assert.strictEqual((yield* stateOf(session, again.connectionId)).status, "pending")

      const { linkToken } = yield* PlaidConnect.repair({ session, connectionId, accountSelection: true })
      yield* simulator.link(Redacted.value(linkToken), { login: id })
      assert.deepInclude(yield* PlaidConnect.repaired({ session, connectionId }), { connectionId, outcome: "renewed" })
      assert.strictEqual(yield* simulator.count(exchange), before)
    }),
  )

  it.effect("does not keep an owner from insisting, nor another owner from connecting the joint account", () =>
    Effect.gen(function* () {
      const { login: id, session } = yield* connected()
      const insisted = yield* PlaidConnect.complete({ ...(yield* answered(session, id)), asNew: true })
      assert.strictEqual(insisted.outcome, "created")
      const spouse = { ...session, ownerId: Ids.OwnerId.make("bob") }
      assert.strictEqual((yield* PlaidConnect.complete(yield* answered(spouse, id))).outcome, "created")
    }),
  )

  it.effect("is not taken for a second login at the same bank that shares one account with it", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const { accounts, session } = yield* connected()
      const second = yield* simulator.addLogin({ institutionId: bank, accounts: [{ name: "Business", mask: "0033" }] })
      yield* simulator.shareAccount(accounts[0] ?? "", second.login)
      const consent = yield* answered(session, second.login)
      const found = yield* PlaidConnect.detectDuplicate(session, consent.metadata)
      assert.strictEqual(found?.accounts, "overlapping")
      assert.strictEqual((yield* PlaidConnect.complete(consent)).outcome, "created")
    }),
  )

  it.effect("and is broken does not keep the person from connecting anew", () =>
    Effect.gen(function* () {
      const { connectionId, login: id, session } = yield* connected()
      yield* handle(
        session.tenantId,
        connectionId,
        { _tag: "ReportAuthorizationFailure", at: yield* DateTime.now, reason: "expired" },
        { metadata: { actor: Ids.system } },
      )
      yield* viewed
      assert.strictEqual((yield* PlaidConnect.complete(yield* answered(session, id))).outcome, "created")
    }),
  )
})

layer(world(), { excludeTestServices: true })("Recovery that is run now and then", (it) => {
  it.effect("reads what was recorded since, and of what is over nothing", () =>
    Effect.gen(function* () {
      const provider = yield* PlaidProvider.make
      const [kept, over] = [yield* connected(), yield* connected()]
      for (const { connectionId, session } of [kept, over]) yield* Sync.run(provider, session.tenantId, connectionId)
      yield* configure(kept)
      yield* disconnect(over)
      const { counts, reading } = yield* countingReads
      assert.deepStrictEqual((yield* reading(PlaidConnect.recover())).removed, [over.connectionId])
      assert.isAbove(counts.log, 0)
      counts.log = 0
      counts.streams = 0
      for (const _ of Array(3)) yield* reading(PlaidConnect.recover())
      assert.deepStrictEqual(counts, { log: 0, streams: 0 })
      const consent = yield* answered(newSession(), kept.login)
      yield* noteExchange(consent)
      assert.strictEqual((yield* reading(PlaidConnect.recover())).finished.length, 1)
      // That what was read last is still there, and that it was begun. What became of it, the next look reads.
      assert.strictEqual(counts.log, 2)
    }),
  )
})

layer(world(), { excludeTestServices: true })("A process that dies", (it) => {
  it.effect("R16 before the exchange leaves a consent that the next start exchanges and registers", () =>
    Effect.gen(function* () {
      const { login: id } = yield* login()
      const consent = yield* answered(newSession(), id)
      yield* noteExchange(consent)
      const { finished } = yield* PlaidConnect.recover()
      assert.deepStrictEqual(
        finished.map(({ connectionId }) => connectionId),
        [consent.connectionId],
      )
      assert.strictEqual((yield* stateOf(consent.session, consent.connectionId)).status, "active")
    }),
  )

  it.effect("R16 between the exchange and the registration leaves an Item that the next start registers, once", () =>
    Effect.gen(function* () {
      const { login: id } = yield* login()
      const consent = yield* answered(newSession(), id)
      yield* Effect.exit(dying(PlaidConnect.complete(consent)))
      assert.strictEqual((yield* stateOf(consent.session, consent.connectionId)).status, "pending")
      const { finished } = yield* PlaidConnect.recover()
      assert.deepStrictEqual(
        finished.map(({ outcome }) => outcome),
        ["created"],
      )
      assert.deepStrictEqual((yield* PlaidConnect.recover()).finished, [])
      assert.strictEqual((yield* PlaidConnect.complete(consent)).outcome, "already-registered")
    }),
  )

  it.effect("R16 with an Item that cannot be registered any more has it removed at the next start", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const { login: id } = yield* login()
      const consent = yield* answered(newSession(), id)
      yield* Effect.exit(dying(PlaidConnect.complete(consent)))
      yield* disconnect(consent)
      const itemId = yield* itemIdOf(consent)
      const { removed } = yield* PlaidConnect.recover()
      assert.deepStrictEqual(removed, [consent.connectionId])
      assert.strictEqual((yield* simulator.item(itemId)).ended, "removed")
      assert.strictEqual((yield* Effect.flip(keyOf(consent)))._tag, "CredentialsNotFound")
      assert.deepStrictEqual(yield* PlaidConnect.recover(), { finished: [], removed: [], left: [] })
    }),
  )

  it.effect("R16 after the exchange, with its answer, leaves a note of an Item that nobody has the key to", () =>
    Effect.gen(function* () {
      const { login: id } = yield* login()
      const consent = yield* answered(newSession(), id)
      const simulator = yield* PlaidSimulator
      yield* simulator.fail({ failure: "dropAfterWork", endpoint: exchange })
      const lost = yield* Effect.flip(PlaidConnect.complete(consent))
      assert.deepInclude(lost, { _tag: "ExchangeLost", connectionId: consent.connectionId })
      const noted = PlaidSecret.read((yield* keyOf(consent)).secret)
      assert.strictEqual(noted._tag === "Lost" && noted.metadata.link_session_id, consent.metadata.link_session_id)
      assert.strictEqual((yield* Effect.flip(PlaidConnect.complete(consent)))._tag, "ExchangeLost")
      assert.deepStrictEqual(yield* PlaidConnect.recover(), { finished: [], removed: [], left: [] })
      const again = yield* answered(consent.session, id)
      assert.strictEqual((yield* PlaidConnect.complete(again)).outcome, "created")
    }),
  )

  it.effect("between the end of a connection and the removal of its Item has it removed at the next start", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const { connectionId, session } = yield* connected()
      const itemId = yield* itemIdOf({ session, connectionId })
      yield* PlaidConnect.release(session.tenantId, connectionId)
      assert.isNull((yield* simulator.item(itemId)).ended)
      yield* disconnect({ session, connectionId })
      yield* simulator.fail({ failure: "internalError", endpoint: remove })
      assert.deepStrictEqual((yield* PlaidConnect.recover()).left, [connectionId])
      yield* simulator.fail({ failure: "dropAfterWork", endpoint: remove })
      assert.deepStrictEqual((yield* PlaidConnect.recover()).left, [connectionId])
      // What was removed without our hearing of it is removed.
      assert.deepStrictEqual((yield* PlaidConnect.recover()).removed, [connectionId])
      assert.strictEqual((yield* simulator.item(itemId)).ended, "removed")
    }),
  )

  it.effect("or whose caller is interrupted during the exchange keeps the key all the same", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const { login: id } = yield* login()
      const consent = yield* answered(newSession(), id)
      yield* simulator.forgetRequests
      yield* simulator.fail({ failure: "slow", endpoint: exchange, delayMillis: 300 })
      const completing = yield* Effect.forkChild(PlaidConnect.complete(consent))
      yield* simulator.met(exchange)
      yield* Fiber.interrupt(completing)
      assert.strictEqual(PlaidSecret.read((yield* keyOf(consent)).secret)._tag, "Granted")
      assert.strictEqual((yield* PlaidConnect.complete(consent)).outcome, "created")
    }),
  )
})

layer(world({}, { timeout: "300 millis" }), { excludeTestServices: true })("An exchange that takes too long", (it) => {
  it.effect("R16 is tried again, and is lost only if it was made", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const { login: id } = yield* login()
      const unmade = yield* answered(newSession(), id)
      yield* simulator.fail({ failure: "hangBeforeWork", endpoint: exchange })
      assert.strictEqual((yield* PlaidConnect.complete(unmade)).outcome, "created")
      const made = yield* answered(newSession(), id)
      yield* simulator.fail({ failure: "hangAfterWork", endpoint: exchange })
      assert.strictEqual((yield* Effect.flip(PlaidConnect.complete(made)))._tag, "ExchangeLost")
    }),
  )
})

layer(world(), { excludeTestServices: true })("A connection that is repaired", (it) => {
  it.effect("stays the same connection, with the same key, Item and history", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const { accounts, connectionId, login: id, session } = yield* connected()
      yield* simulator.seedHistory(accounts[0] ?? "", { count: 30, days: 60 })
      const provider = yield* PlaidProvider.make
      yield* Sync.run(provider, session.tenantId, connectionId)
      const itemId = yield* itemIdOf({ session, connectionId })
      yield* simulator.breakItem(itemId, "ITEM_LOGIN_REQUIRED")
      yield* Effect.flip(Sync.run(provider, session.tenantId, connectionId))
      assert.strictEqual((yield* stateOf(session, connectionId)).status, "needs_reauth")
      assert.deepInclude(yield* Effect.flip(PlaidConnect.repaired({ session, connectionId })), {
        reason: "not-repaired",
      })

      const before = yield* simulator.count(exchange)
      const { linkToken } = yield* PlaidConnect.repair({ session, connectionId })
      yield* simulator.link(Redacted.value(linkToken), { login: id })
      yield* simulator.addTransaction(accounts[0] ?? "", { amount: 3, date: "2026-01-02", name: "Missed" })
      assert.deepInclude(yield* PlaidConnect.repaired({ session, connectionId }), { connectionId, status: "active" })
      assert.strictEqual(yield* itemIdOf({ session, connectionId }), itemId)
      assert.strictEqual(yield* simulator.count(exchange), before)
      assert.strictEqual((yield* Sync.run(provider, session.tenantId, connectionId)).added, 1)
    }),
  )

  it.effect("is its owner's to repair, and nobody else's", () =>
    Effect.gen(function* () {
      const { connectionId, session } = yield* connected()
      const bob = { ...session, ownerId: Ids.OwnerId.make("bob") }
      assert.deepInclude(yield* Effect.flip(PlaidConnect.repair({ session: bob, connectionId })), { reason: "unknown" })
      assert.deepInclude(yield* Effect.flip(PlaidConnect.repaired({ session: bob, connectionId })), {
        reason: "unknown",
      })
    }),
  )
})

layer(world(), { excludeTestServices: true })("A bank that is connected anew", (it) => {
  it.effect("goes on where the broken connection stopped: what is held is not fetched again, and its Item goes", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const provider = yield* PlaidProvider.make
      const { accounts, connectionId: old, login: id, session } = yield* connected()
      yield* simulator.seedHistory(accounts[0] ?? "", { count: 500, days: 400 })
      assert.strictEqual((yield* Sync.run(provider, session.tenantId, old)).added, 500)
      const oldItem = yield* itemIdOf({ session, connectionId: old })
      yield* simulator.breakItem(oldItem, "ITEM_LOGIN_REQUIRED")
      yield* Effect.flip(Sync.run(provider, session.tenantId, old))
      yield* viewed
      const today = DateTime.formatIsoDateUtc(yield* DateTime.now)
      yield* simulator.addTransaction(accounts[0] ?? "", { amount: 12.5, date: today, name: "Missed meanwhile" })

      const consent = yield* answered(session, id, { reconnects: old })
      const { connectionId } = yield* PlaidConnect.complete(consent)
      assert.strictEqual((yield* stateOf(session, connectionId)).previous, old)
      assert.strictEqual((yield* stateOf(session, old)).status, "superseded")
      assert.strictEqual((yield* simulator.item(oldItem)).ended, "removed")
      assert.strictEqual((yield* Effect.flip(keyOf({ session, connectionId: old })))._tag, "CredentialsNotFound")

      yield* simulator.forgetRequests
      const report = yield* Sync.run(provider, session.tenantId, connectionId)
      assert.strictEqual(report.added, 1)
      assert.isBelow(report.known, 40)
      const calls = (yield* simulator.requests).map(({ endpoint }) => endpoint)
      assert.deepStrictEqual(calls.filter((endpoint) => endpoint === "/transactions/get").length, accounts.length)
      assert.isAtMost(calls.length, 1 + 3 * accounts.length)
    }),
  )
})

layer(world({}, { optionalProducts: ["auth"] }), { excludeTestServices: true })(
  "A login that is not the one to be mended",
  (it) => {
    it.effect("is refused, and added as new if the person insists", () =>
      Effect.gen(function* () {
        const simulator = yield* PlaidSimulator
        const first = yield* simulator.addLogin({ institutionId: bank, accounts: [{ name: "Checking", mask: "0000" }] })
        const { connectionId: old, session } = yield* connected(newSession(), first.login)
        const other = yield* simulator.addLogin({ institutionId: bank, accounts: [{ name: "Checking", mask: "7710" }] })
        const consent = yield* answered(session, other.login, { reconnects: old })
        assert.strictEqual((yield* Effect.flip(PlaidConnect.complete(consent)))._tag, "AnotherLogin")
        assert.strictEqual((yield* stateOf(session, old)).status, "active")
        assert.deepStrictEqual((yield* PlaidConnect.recover()).left, [consent.connectionId])
        const added = yield* PlaidConnect.complete({ ...consent, asNew: true })
        assert.deepInclude(added, { outcome: "created", status: "active" })
      }),
    )

    it.effect("is ended at Plaid, once nobody can insist on it any more", () =>
      Effect.gen(function* () {
        const simulator = yield* PlaidSimulator
        const vault = yield* Vault.Vault
        const first = yield* simulator.addLogin({ institutionId: bank, accounts: [{ name: "Checking", mask: "0000" }] })
        const { connectionId: old, session } = yield* connected(newSession(), first.login)
        const other = yield* simulator.addLogin({ institutionId: bank, accounts: [{ name: "Checking", mask: "7710" }] })
        const consent = yield* answered(session, other.login, { reconnects: old })
        yield* Effect.flip(PlaidConnect.complete(consent))
        const itemId = yield* itemIdOf(consent)
        const { secret, version } = yield* keyOf(consent)
        const lapsed = { ...PlaidSecret.granted(secret), expiresAt: DateTime.makeUnsafe(0) }
        yield* vault.put(session.tenantId, consent.connectionId, PlaidSecret.write(lapsed), { replaces: version })
        assert.deepStrictEqual((yield* PlaidConnect.recover()).removed, [consent.connectionId])
        assert.strictEqual((yield* simulator.item(itemId)).ended, "removed")
      }),
    )
  },
)

layer(world(), { excludeTestServices: true })("A reconnection", (it) => {
  it.effect("ends the same wherever its process dies: connected, followed, and no Item that nobody knows of", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      let deaths = 0
      let lost = 0
      for (let step = 1, isThrough = false; !isThrough; step++) {
        const { connectionId: old, login: id, session } = yield* connected()
        const oldItem = yield* itemIdOf({ session, connectionId: old })
        yield* simulator.breakItem(oldItem, "ITEM_LOGIN_REQUIRED")
        yield* PlaidStatus.look(session.tenantId, old)
        yield* viewed
        let consent = yield* answered(session, id, { reconnects: old })
        isThrough = Exit.isSuccess(yield* Effect.exit(dyingAfter(step)(PlaidConnect.complete(consent))))

        yield* PlaidConnect.recover()
        let back = yield* Effect.exit(PlaidConnect.complete(consent))
        if (Exit.isFailure(back)) {
          // The key died with the process: that is noted, and the person logs in again.
          assert.strictEqual(PlaidSecret.read((yield* keyOf(consent)).secret)._tag, "Lost")
          lost += 1
          consent = yield* answered(session, id, { reconnects: old })
          back = yield* Effect.exit(PlaidConnect.complete(consent))
        }
        yield* PlaidConnect.recover()
        const { connectionId } = yield* back
        assert.deepInclude(yield* stateOf(session, connectionId), { status: "active", previous: old })
        assert.deepInclude(yield* stateOf(session, old), { status: "superseded", supersededBy: connectionId })
        const items = (yield* simulator.items).filter(({ login }) => login === id)
        assert.strictEqual(items.find(({ itemId }) => itemId === oldItem)?.ended, "removed")
        const alive = items.filter(({ ended }) => ended === null).map(({ itemId }) => itemId)
        const known = yield* itemIdOf({ session, connectionId })
        assert.include(alive, known)
        assert.strictEqual(alive.length, items.length - 1)
        if (!isThrough) deaths += 1
      }
      assert.isAbove(deaths, 6)
      assert.strictEqual(lost, 1)
    }),
  )
})

layer(world(), { excludeTestServices: true })("A login that nobody came back from", (it) => {
  it.effect("lapses when its time is over and not before, once, and has to be begun anew", () =>
    Effect.gen(function* () {
      const { login: id } = yield* login()
      const consent = yield* answered(newSession(), id)
      yield* PlaidConnect.recover()
      assert.strictEqual((yield* stateOf(consent.session, consent.connectionId)).status, "pending")

      yield* runOut(consent)
      for (const _ of ["the first time", "again"]) yield* PlaidConnect.recover()
      assert.deepStrictEqual(yield* told(consent), ["configured", "disconnected lapsed"])
      assert.strictEqual((yield* Effect.flip(keyOf(consent)))._tag, "CredentialsNotFound")
      const refused = yield* Effect.flip(PlaidConnect.complete(consent))
      assert.deepInclude(refused, { _tag: "ConsentRefused", reason: "expired" })
      const anew = yield* answered(consent.session, id)
      assert.strictEqual((yield* PlaidConnect.complete(anew)).outcome, "created")
    }),
  )

  it.effect("is over also where its process died between saying so and destroying what was asked", () =>
    Effect.gen(function* () {
      const { login: id } = yield* login()
      const consent = yield* answered(newSession(), id)
      yield* runOut(consent)
      yield* Effect.exit(dyingAfter(1)(PlaidConnect.recover()))
      assert.deepStrictEqual(yield* told(consent), ["configured", "disconnected lapsed"])
      assert.strictEqual(PlaidSecret.read((yield* keyOf(consent)).secret)._tag, "Asked")
      yield* PlaidConnect.recover()
      assert.strictEqual((yield* Effect.flip(keyOf(consent)))._tag, "CredentialsNotFound")
    }),
  )

  it.effect("leaves its note where the exchange was lost, and is over", () =>
    Effect.gen(function* () {
      const { login: id } = yield* login()
      const consent = yield* answered(newSession(), id)
      const simulator = yield* PlaidSimulator
      yield* simulator.fail({ failure: "dropAfterWork", endpoint: exchange })
      yield* Effect.flip(PlaidConnect.complete(consent))
      yield* runOut(consent)
      yield* PlaidConnect.recover()
      assert.deepStrictEqual(yield* told(consent), ["configured", "disconnected lapsed"])
      assert.strictEqual(PlaidSecret.read((yield* keyOf(consent)).secret)._tag, "Lost")
    }),
  )

  it.effect("is nobody's business while its key is exchanged", () =>
    Effect.gen(function* () {
      const { login: id } = yield* login()
      const consent = yield* answered(newSession(), id)
      yield* runOut(consent)
      yield* noteExchange(consent)
      yield* PlaidConnect.recover()
      assert.strictEqual((yield* stateOf(consent.session, consent.connectionId)).status, "active")
    }),
  )
})

layer(world(), { excludeTestServices: true })("A key that cannot be read for now", (it) => {
  it.effect("is kept where its connection is over, for without it nobody can end the Item", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const { connectionId, session } = yield* connected()
      const itemId = yield* itemIdOf({ session, connectionId })
      yield* disconnect({ session, connectionId })
      const refused = yield* Effect.flip(withoutKey(connectionId)(PlaidConnect.release(session.tenantId, connectionId)))
      assert.strictEqual(refused._tag, "CredentialsUnreadable")
      assert.deepStrictEqual((yield* withoutKey(connectionId)(PlaidConnect.recover())).left, [connectionId])
      yield* PlaidConnect.release(session.tenantId, connectionId)
      assert.strictEqual((yield* simulator.item(itemId)).ended, "removed")
    }),
  )

  it.effect("is of a login that does not lapse for that", () =>
    Effect.gen(function* () {
      const { login: id } = yield* login()
      const consent = yield* answered(newSession(), id)
      yield* Effect.exit(dying(PlaidConnect.complete(consent)))
      yield* later("1 hour", withoutKey(consent.connectionId)(PlaidConnect.recover()))
      assert.strictEqual((yield* stateOf(consent.session, consent.connectionId)).status, "pending")
      const { finished } = yield* PlaidConnect.recover()
      assert.deepStrictEqual(
        finished.map(({ connectionId }) => connectionId),
        [consent.connectionId],
      )
    }),
  )

  it.effect("keeps no other login waiting, also where another version of this software wrote it", () =>
    Effect.gen(function* () {
      const vault = yield* Vault.Vault
      const [strange, whole] = [
        yield* answered(newSession(), (yield* login()).login),
        yield* answered(newSession(), (yield* login()).login),
      ]
      for (const consent of [strange, whole]) yield* Effect.exit(dying(PlaidConnect.complete(consent)))
      const { secret, version } = yield* keyOf(strange)
      const { session } = strange
      const newer = Redacted.make('{"_tag":"Sold","accessToken":"access-1"}')
      const at = yield* vault.put(session.tenantId, strange.connectionId, newer, { replaces: version })
      const { finished, left } = yield* PlaidConnect.recover()
      assert.deepStrictEqual(
        finished.map(({ connectionId }) => connectionId),
        [whole.connectionId],
      )
      assert.deepStrictEqual(left, [strange.connectionId])
      yield* vault.put(session.tenantId, strange.connectionId, secret, { replaces: at })
      assert.strictEqual((yield* PlaidConnect.recover()).finished.length, 1)
    }),
  )
})

layer(world(), { excludeTestServices: true })("A login that is ended while its key is exchanged", (it) => {
  it.effect("by a process that died has its Item removed, not its note", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const { login: id } = yield* login()
      const consent = yield* answered(newSession(), id)
      yield* noteExchange(consent)
      yield* disconnect(consent)
      yield* PlaidConnect.release(consent.session.tenantId, consent.connectionId)
      const items = (yield* simulator.items).filter((item) => item.login === id)
      assert.deepStrictEqual(
        items.map(({ ended }) => ended),
        ["removed"],
      )
      assert.strictEqual((yield* Effect.flip(keyOf(consent)))._tag, "CredentialsNotFound")
    }),
  )

  it.effect("whose answer was lost leaves the note of its Item", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const { login: id } = yield* login()
      const consent = yield* answered(newSession(), id)
      yield* simulator.fail({ failure: "dropAfterWork", endpoint: exchange })
      yield* Effect.flip(PlaidConnect.complete(consent))
      yield* disconnect(consent)
      yield* PlaidConnect.release(consent.session.tenantId, consent.connectionId)
      assert.strictEqual(PlaidSecret.read((yield* keyOf(consent)).secret)._tag, "Lost")
    }),
  )
})

type Consent = Pick<PlaidConnect.Complete, "connectionId" | "session">

/** As in a process that was not given the master key of these credentials. */
const withoutKey =
  (connectionId: Ids.ConnectionId) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.flatMap(Vault.Vault, (vault) =>
      Effect.provideService(
        effect,
        Vault.Vault,
        Vault.Vault.of({
          ...vault,
          get: (tenantId, id) =>
            id === connectionId
              ? Effect.fail(new Vault.CredentialsUnreadable({ connectionId, reason: "unknown-master-key" }))
              : vault.get(tenantId, id),
        }),
      ),
    )

/** What its stream says, with the reasons. */
const told = Effect.fnUntraced(function* ({ connectionId, session }: Consent) {
  const store = yield* EventStore.EventStore
  const events = yield* Stream.runCollect(store.readStream(session.tenantId, Connection.streamId(connectionId)))
  return events.map(({ event }) => [event.type, event.data["reason"] ?? []].flat().join(" "))
})

/** The time that a person has for a consent is over. */
const runOut = Effect.fnUntraced(function* (consent: Consent) {
  const { connectionId, session } = consent
  const vault = yield* Vault.Vault
  const { secret, version } = yield* keyOf(consent)
  const late = { ...PlaidSecret.read(secret), expiresAt: DateTime.makeUnsafe(0) }
  yield* vault.put(session.tenantId, connectionId, PlaidSecret.write(late), { replaces: version })
})

const keyOf = ({ connectionId, session }: Consent) =>
  Effect.flatMap(Vault.Vault, (vault) => vault.get(session.tenantId, connectionId))

const itemIdOf = (consent: Consent) => Effect.map(keyOf(consent), ({ secret }) => PlaidSecret.granted(secret).itemId)

/** The host asks a connection for something else. */
const configure = Effect.fnUntraced(function* ({
  connectionId,
  session,
}: {
  readonly connectionId: Ids.ConnectionId
  readonly session: PlaidConnect.Session
}) {
  const plan = { provider: PlaidProvider.id, ownerId: session.ownerId, pollIntervalSeconds: 999, settings: {} }
  const command = { _tag: "Configure", at: yield* DateTime.now, ...plan } as const
  yield* handle(session.tenantId, connectionId, command, { metadata: { actor: Ids.system } })
})

/** Counts the events that are read, of the log and of streams. */
const countingReads = Effect.gen(function* () {
  const [log, store] = [yield* EventStore.EventLog, yield* EventStore.EventStore]
  const counts = { log: 0, streams: 0 }
  const count = <A, E, R>(events: Stream.Stream<A, E, R>, of: keyof typeof counts) =>
    Stream.tap(events, () => Effect.sync(() => counts[of]++))
  const watched = Layer.mergeAll(
    Layer.succeed(EventStore.EventLog, { ...log, read: (...asked) => count(log.read(...asked), "log") }),
    Layer.succeed(EventStore.EventStore, {
      ...store,
      readStream: (...asked) => count(store.readStream(...asked), "streams"),
    }),
  )
  const services = yield* Layer.build(watched)
  return { counts, reading: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.provide(effect, services) }
})

const disconnect = ({ connectionId, session }: Consent) =>
  Effect.flatMap(DateTime.now, (at) =>
    handle(
      session.tenantId,
      connectionId,
      { _tag: "Disconnect", at, reason: "owner" },
      { metadata: { actor: Ids.system } },
    ),
  )

/** The process dies when it is about to record that the connection is registered. */
const dying = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.flatMap(EventStore.EventStore, (store) =>
    Effect.provideService(
      effect,
      EventStore.EventStore,
      EventStore.EventStore.of({ ...store, append: () => Effect.die("the process died") }),
    ),
  )

/** The process dies when it has done so many things that last: written, or asked of Plaid. */
const dyingAfter =
  (last: number) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.gen(function* () {
      let done = 0
      const death = Effect.die("the process died")
      const step = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
        Effect.suspend(() =>
          done >= last ? death : Effect.flatMap(effect, (result) => (++done === last ? death : Effect.succeed(result))),
        )
      const vault = yield* Vault.Vault
      const store = yield* EventStore.EventStore
      const api = yield* PlaidApi.PlaidApi
      return yield* effect.pipe(
        Effect.provideService(
          Vault.Vault,
          Vault.Vault.of({
            ...vault,
            put: (...written) => step(vault.put(...written)),
            remove: (...removed) => step(vault.remove(...removed)),
          }),
        ),
        Effect.provideService(
          EventStore.EventStore,
          EventStore.EventStore.of({ ...store, append: (request) => step(store.append(request)) }),
        ),
        Effect.provideService(
          PlaidApi.PlaidApi,
          PlaidApi.PlaidApi.of({
            ...api,
            exchange: (token) => step(api.exchange(token)),
            item: (access) => {
              const item = api.item(access)
              return { ...item, get: step(item.get), accounts: step(item.accounts), remove: step(item.remove) }
            },
          }),
        ),
      )
    })

/** What a process leaves that died when it had noted the exchange. */
const noteExchange = Effect.fnUntraced(function* ({
  connectionId,
  metadata,
  publicToken,
  session,
}: PlaidConnect.Complete) {
  const vault = yield* Vault.Vault
  const { secret, version } = yield* vault.get(session.tenantId, connectionId)
  const asked = PlaidSecret.read(secret)
  const noted = PlaidSecret.write({
    _tag: "Exchanging",
    session: asked.session,
    expiresAt: asked.expiresAt,
    metadata,
    answer: "",
    publicToken: Redacted.value(publicToken),
  })
  yield* vault.put(session.tenantId, connectionId, noted, { replaces: version })
})
