import { assert, layer } from "@effect/vitest"
import { Ids, Inbox, Vault } from "@holdfast/domain"
import { DateTime, Effect, Metric } from "effect"

import { PlaidConnect, PlaidSecret, PlaidStatus, PlaidWebhook } from "../src/index.ts"
import { type Forgery, PlaidSimulator } from "../src/testing/index.ts"
import { answered, connected, handle, login, newSession, stateOf, world } from "./support.ts"

const keyGet = "/webhook_verification_key/get"
const itemGet = "/item/get"

layer(world(), { excludeTestServices: true })("A delivery", (it) => {
  const forgeries: ReadonlyArray<
    readonly [string, Forgery | "unsigned" | "garbage", PlaidWebhook.DeliveryRefused["reason"]]
  > = [
    ["that is not signed", "unsigned", "unsigned"],
    ["that is signed with something else than a token", "garbage", "wrong-signature"],
    ["whose token says that it needs no signature", { alg: "none" }, "wrong-algorithm"],
    ["whose token is signed with the public key as a secret", { alg: "HS256" }, "wrong-algorithm"],
    ["signed for another body", { signedBody: "{}" }, "wrong-body"],
    ["signed with a key that Plaid never had", { kid: "6c5516e1-92dc-479e-a8ff-5a51992e0001" }, "unknown-key"],
  ]
  for (const [what, forgery, reason] of forgeries) {
    it.effect(`R10 ${what} is refused and counted`, () =>
      Effect.gen(function* () {
        const before = yield* refusals(reason)
        const delivery = yield* delivered(aBody, forgery)
        const refused = yield* Effect.flip(PlaidWebhook.receive(newSession().tenantId, delivery))
        assert.deepInclude(refused, { _tag: "DeliveryRefused", reason })
        assert.strictEqual((yield* refusals(reason)) - before, 1)
      }),
    )
  }

  it.effect("R10 whose claims are those of another token is refused", () =>
    Effect.gen(function* () {
      const [header = "", , signature = ""] = (yield* tokenOf(aBody)).split(".")
      const [, claims = ""] = (yield* tokenOf("{}")).split(".")
      const headers = { "plaid-verification": `${header}.${claims}.${signature}` }
      const refused = yield* Effect.flip(PlaidWebhook.verify({ headers, body: bytes("{}") }))
      assert.deepInclude(refused, { reason: "wrong-signature" })
    }),
  )

  it.effect("R10 is good for five minutes, and not before it is signed", () =>
    Effect.gen(function* () {
      const now = Math.floor(DateTime.toEpochMillis(yield* DateTime.now) / 1_000)
      const outcome = (issuedAt: number) =>
        Effect.flatMap(delivered(aBody, { issuedAt }), (delivery) =>
          PlaidWebhook.verify(delivery).pipe(
            Effect.as("good"),
            Effect.catchTag("DeliveryRefused", ({ reason }) => Effect.succeed(reason)),
          ),
        )
      assert.strictEqual(yield* outcome(now - 301), "too-old")
      assert.strictEqual(yield* outcome(now - 290), "good")
      assert.strictEqual(yield* outcome(now + 30), "from-the-future")
    }),
  )

  it.effect("R10 with a key that nobody knows makes one fetch, however often it comes, also at once", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const delivery = yield* delivered(aBody, { kid: "6c5516e1-92dc-479e-a8ff-5a51992e0002" })
      const before = yield* simulator.count(keyGet)
      yield* Effect.forEach([1, 2, 3, 4], () => Effect.flip(PlaidWebhook.verify(delivery)), { concurrency: 4 })
      yield* Effect.flip(PlaidWebhook.verify(delivery))
      assert.strictEqual((yield* simulator.count(keyGet)) - before, 1)
    }),
  )

  it.effect("asks its sender to come again when the key cannot be fetched, and is good then", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      yield* simulator.rotateWebhookKey
      const delivery = yield* delivered(aBody)
      yield* simulator.fail({ failure: "internalError", endpoint: keyGet })
      assert.strictEqual((yield* Effect.flip(PlaidWebhook.verify(delivery)))._tag, "PlaidError")
      yield* PlaidWebhook.verify(delivery)
    }),
  )

  it.effect("R11 is verified with the key it names, not with one that was fetched before", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      yield* PlaidWebhook.verify(yield* delivered(aBody))
      const old = yield* delivered(aBody)
      yield* simulator.rotateWebhookKey
      const before = yield* simulator.count(keyGet)
      yield* PlaidWebhook.verify(yield* delivered(aBody))
      yield* PlaidWebhook.verify(yield* delivered(aBody))
      yield* PlaidWebhook.verify(old)
      assert.strictEqual((yield* simulator.count(keyGet)) - before, 1)
    }),
  )

  it.effect("R10 signed with a key that has expired is refused", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const kid = yield* simulator.rotateWebhookKey
      const delivery = yield* delivered(aBody)
      yield* simulator.rotateWebhookKey
      yield* simulator.expireWebhookKey(kid)
      assert.deepInclude(yield* Effect.flip(PlaidWebhook.verify(delivery)), { reason: "expired-key" })
    }),
  )

  it.effect("R10 that was written anew, with other spaces, is refused", () =>
    Effect.gen(function* () {
      const { headers } = yield* delivered(aBody)
      const rewritten = { headers, body: bytes(JSON.stringify(JSON.parse(aBody), null, 4)) }
      assert.deepInclude(yield* Effect.flip(PlaidWebhook.verify(rewritten)), { reason: "wrong-body" })
    }),
  )

  it.effect("R09 of a kind that did not exist when this was written is ignored, and counted", () =>
    Effect.gen(function* () {
      const { tenantId } = newSession()
      for (const body of [
        report("item", "SOMETHING_NEW"),
        JSON.stringify({ webhook_type: "AUTH", webhook_code: "AUTOMATICALLY_VERIFIED", item_id: "item" }),
        JSON.stringify({ webhook_type: "ITEM", webhook_code: "ERROR" }),
        "[]",
        "not JSON",
      ]) {
        const receipt = yield* PlaidWebhook.receive(tenantId, yield* delivered(body))
        assert.deepStrictEqual(receipt, { _tag: "Ignored", reason: "unknown" }, body)
      }
    }),
  )
})

layer(world(), { excludeTestServices: true })("A report about an Item", (it) => {
  it.effect("R12 that is not registered yet is parked, and applied when it is", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const inbox = yield* Inbox.Inbox
      const { login: id } = yield* login()
      const session = newSession()
      const consent = yield* answered(session, id)
      // The Item is there before its connection is.
      const itemId = (yield* simulator.items).at(-1)?.itemId ?? ""
      const news = yield* delivered(report(itemId, "SYNC_UPDATES_AVAILABLE", "TRANSACTIONS"))
      assert.deepStrictEqual(yield* PlaidWebhook.receive(session.tenantId, news), { _tag: "Parked" })
      assert.deepStrictEqual(yield* PlaidWebhook.receive(session.tenantId, news), { _tag: "Parked" })
      assert.strictEqual((yield* inbox.waiting).find(({ authorization }) => authorization === itemId)?.count, 1)
      yield* PlaidConnect.complete(consent)
      const settled = yield* inbox.settled(Ids.ProviderId.make("plaid"), Ids.AuthorizationRef.make(itemId))
      assert.deepStrictEqual(
        settled.map(({ kind, outcome }) => [kind, outcome]),
        [["SYNC_UPDATES_AVAILABLE", "applied"]],
      )
    }),
  )

  it.effect("R12 of another tenant changes nothing here", () =>
    Effect.gen(function* () {
      const { connectionId, itemId, session } = yield* connectedItem
      const simulator = yield* PlaidSimulator
      yield* simulator.revoke(itemId, "at the bank")
      const elsewhere = newSession().tenantId
      const receipt = yield* PlaidWebhook.receive(elsewhere, yield* delivered(report(itemId, "ERROR")))
      assert.strictEqual(receipt._tag, "Parked")
      assert.strictEqual((yield* stateOf(session, connectionId)).status, "active")
    }),
  )

  it.effect("that waits although it is registered by now is applied by the schedule", () =>
    Effect.gen(function* () {
      const simulator = yield* PlaidSimulator
      const { login: id } = yield* login()
      const session = newSession()
      const consent = yield* answered(session, id)
      const itemId = (yield* simulator.items).at(-1)?.itemId ?? ""
      yield* PlaidWebhook.receive(session.tenantId, yield* delivered(report(itemId, "ERROR")))
      yield* simulator.fail({ failure: "internalError", endpoint: itemGet, after: 1, times: 2 })
      const { connectionId } = yield* PlaidConnect.complete(consent)
      assert.deepStrictEqual(yield* PlaidWebhook.collectAll(), [])
      assert.deepStrictEqual(yield* PlaidWebhook.collectAll(), [{ _tag: "Applied", connectionId, status: "active" }])
      assert.deepStrictEqual(yield* PlaidWebhook.collectAll(), [])
    }),
  )

  it.effect("that failed ends its authorization until it works again, whoever mended it", () =>
    Effect.gen(function* () {
      const { connectionId, itemId, session } = yield* connectedItem
      const simulator = yield* PlaidSimulator
      yield* simulator.breakItem(itemId, "ITEM_LOGIN_REQUIRED")
      const told = yield* delivered(report(itemId, "ERROR"))
      const applied = { _tag: "Applied", connectionId, status: "needs_reauth" } as const
      assert.deepStrictEqual(yield* PlaidWebhook.receive(session.tenantId, told), applied)
      assert.deepStrictEqual(yield* PlaidWebhook.receive(session.tenantId, told), applied)
      yield* simulator.repairElsewhere(itemId)
      yield* PlaidWebhook.receive(session.tenantId, yield* delivered(report(itemId, "LOGIN_REPAIRED")))
      assert.strictEqual((yield* stateOf(session, connectionId)).status, "active")
    }),
  )

  it.effect("R13 that comes after newer news changes nothing: Plaid is asked what is true", () =>
    Effect.gen(function* () {
      const { connectionId, itemId, session } = yield* connectedItem
      const simulator = yield* PlaidSimulator
      yield* simulator.breakItem(itemId, "ITEM_LOGIN_REQUIRED")
      yield* simulator.repairElsewhere(itemId)
      yield* PlaidWebhook.receive(session.tenantId, yield* delivered(report(itemId, "LOGIN_REPAIRED")))
      yield* PlaidWebhook.receive(session.tenantId, yield* delivered(report(itemId, "ERROR")))
      assert.strictEqual((yield* stateOf(session, connectionId)).status, "active")
    }),
  )

  it.effect("R14 is made up for by a look, if it never comes", () =>
    Effect.gen(function* () {
      const { connectionId, itemId, session } = yield* connectedItem
      const simulator = yield* PlaidSimulator
      yield* simulator.breakItem(itemId, "ITEM_LOCKED")
      assert.strictEqual(yield* PlaidStatus.look(session.tenantId, connectionId), "needs_reauth")
      yield* simulator.repairElsewhere(itemId)
      assert.strictEqual(yield* PlaidStatus.look(session.tenantId, connectionId), "active")
    }),
  )

  it.effect("whose bank is down does not end the authorization", () =>
    Effect.gen(function* () {
      const { connectionId, itemId, session } = yield* connectedItem
      const simulator = yield* PlaidSimulator
      yield* simulator.breakItem(itemId, "INSTITUTION_DOWN")
      yield* PlaidWebhook.receive(session.tenantId, yield* delivered(report(itemId, "ERROR")))
      assert.strictEqual((yield* stateOf(session, connectionId)).status, "active")
    }),
  )

  it.effect("asks its sender to come again when Plaid cannot be asked", () =>
    Effect.gen(function* () {
      const { itemId, session } = yield* connectedItem
      const simulator = yield* PlaidSimulator
      yield* simulator.fail({ failure: "internalError", endpoint: itemGet })
      const failure = yield* Effect.flip(
        PlaidWebhook.receive(session.tenantId, yield* delivered(report(itemId, "ERROR"))),
      )
      assert.strictEqual(failure._tag, "PlaidError")
    }),
  )

  it.effect("that is revoked ends the authorization", () =>
    Effect.gen(function* () {
      const { connectionId, itemId, session } = yield* connectedItem
      const simulator = yield* PlaidSimulator
      yield* simulator.revoke(itemId, "at Plaid")
      yield* PlaidWebhook.receive(session.tenantId, yield* delivered(report(itemId, "USER_PERMISSION_REVOKED")))
      assert.deepInclude(yield* stateOf(session, connectionId), { status: "needs_reauth", failure: "revoked" })
    }),
  )

  it.effect("that will be cut off, or whose consent runs out, says when", () =>
    Effect.gen(function* () {
      const { connectionId, itemId, session } = yield* connectedItem
      const simulator = yield* PlaidSimulator
      const noticed = Effect.map(stateOf(session, connectionId), ({ expiresAt }) => expiresAt)
      const cutOff = DateTime.makeUnsafe("2031-01-08T00:00:00Z")
      const disconnect = { disconnect_time: DateTime.formatIso(cutOff), reason: "INSTITUTION_MIGRATION" }
      yield* PlaidWebhook.receive(
        session.tenantId,
        yield* delivered(report(itemId, "PENDING_DISCONNECT", "ITEM", disconnect)),
      )
      assert.deepStrictEqual(yield* noticed, cutOff)
      const consentEnds = DateTime.makeUnsafe("2031-02-03T00:00:00Z")
      yield* simulator.setConsentExpiry(itemId, consentEnds)
      yield* PlaidWebhook.receive(session.tenantId, yield* delivered(report(itemId, "PENDING_EXPIRATION")))
      assert.deepStrictEqual(yield* noticed, consentEnds)
    }),
  )

  it.effect("that has news says that a sync is due", () =>
    Effect.gen(function* () {
      const { connectionId, itemId, session } = yield* connectedItem
      for (const [type, code] of [
        ["TRANSACTIONS", "SYNC_UPDATES_AVAILABLE"],
        ["ITEM", "NEW_ACCOUNTS_AVAILABLE"],
        ["ITEM", "USER_ACCOUNT_REVOKED"],
      ] as const) {
        const receipt = yield* PlaidWebhook.receive(session.tenantId, yield* delivered(report(itemId, code, type)))
        assert.deepStrictEqual(receipt, { _tag: "SyncDue", connectionId })
      }
    }),
  )

  it.effect("R31 whose connection was superseded changes nothing, and nobody asks Plaid", () =>
    Effect.gen(function* () {
      const { connectionId, itemId, session } = yield* connectedItem
      const simulator = yield* PlaidSimulator
      const by = Ids.ConnectionId.make("00000000-0000-4000-8000-000000000000")
      yield* handle(
        session.tenantId,
        connectionId,
        { _tag: "Supersede", at: yield* DateTime.now, by },
        { metadata: { actor: Ids.system } },
      )
      yield* simulator.breakItem(itemId, "ITEM_LOGIN_REQUIRED")
      const before = yield* simulator.count(itemGet)
      for (const code of ["ERROR", "USER_PERMISSION_REVOKED", "LOGIN_REPAIRED", "NEW_ACCOUNTS_AVAILABLE"]) {
        const receipt = yield* PlaidWebhook.receive(session.tenantId, yield* delivered(report(itemId, code)))
        assert.deepStrictEqual(receipt, { _tag: "Ignored", reason: "over" })
      }
      assert.strictEqual((yield* stateOf(session, connectionId)).status, "superseded")
      assert.strictEqual(yield* simulator.count(itemGet), before)
    }),
  )

  it.effect("is understood as the simulator tells it, bytes and all", () =>
    Effect.gen(function* () {
      const { connectionId, itemId, session } = yield* connectedItem
      const simulator = yield* PlaidSimulator
      yield* simulator.breakItem(itemId, "ITEM_LOGIN_REQUIRED", "OAUTH_INVALID_TOKEN")
      const webhook = (yield* simulator.webhooks).findLast((one) => one.itemId === itemId)
      assert.strictEqual(webhook?.url, `http://127.0.0.1:9/plaid/${encodeURIComponent(session.tenantId)}`)
      const receipt = yield* PlaidWebhook.receive(session.tenantId, yield* delivered(webhook?.body ?? ""))
      assert.deepStrictEqual(receipt, { _tag: "Applied", connectionId, status: "needs_reauth" })
    }),
  )
})

const report = (item_id: string, webhook_code: string, webhook_type = "ITEM", more: object = {}) =>
  JSON.stringify({ webhook_type, webhook_code, item_id, environment: "sandbox", ...more }, null, 2)

const aBody = report("item", "LOGIN_REPAIRED")

const bytes = (text: string) => new TextEncoder().encode(text)

const delivered = Effect.fnUntraced(function* (body: string, forgery?: Forgery | "unsigned" | "garbage") {
  const simulator = yield* PlaidSimulator
  if (forgery === "unsigned") return { headers: {}, body: bytes(body) }
  const token = forgery === "garbage" ? "garbage" : yield* simulator.signWebhook(body, forgery)
  return { headers: { "plaid-verification": token }, body: bytes(body) } satisfies PlaidWebhook.Delivery
})

const tokenOf = (body: string) => Effect.map(delivered(body), ({ headers }) => headers["plaid-verification"] ?? "")

const connectedItem = Effect.gen(function* () {
  const { connectionId, session } = yield* connected()
  const { secret } = yield* (yield* Vault.Vault).get(session.tenantId, connectionId)
  return { connectionId, session, itemId: PlaidSecret.granted(secret).itemId }
})

const refusals = (reason: PlaidWebhook.DeliveryRefused["reason"]) =>
  Effect.map(Metric.snapshot, (metrics) =>
    metrics
      .filter(({ id }) => id === "holdfast_deliveries_refused")
      .filter(({ attributes }) => attributes?.["broker"] === "plaid" && attributes["reason"] === reason)
      .reduce((sum, metric) => sum + (metric.type === "Counter" ? Number(metric.state.count) : 0), 0),
  )
