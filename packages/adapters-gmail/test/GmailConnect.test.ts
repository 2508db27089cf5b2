import { inspect } from "node:util"

import { assert, layer } from "@effect/vitest"
import {
  Aggregate,
  Connection,
  Credentials,
  EventStore,
  Forgetting,
  Ids,
  Memory,
  ProjectionRunner,
  Registration,
  Sync,
  Vault,
  ViewStore,
} from "@holdfast/domain"
import { Cause, DateTime, Duration, Effect, Layer, Logger, Redacted, Stream } from "effect"

import { GmailConnect, GmailMessagesView, GmailProvider, GmailSecret, type Labels } from "../src/index.ts"
import { GmailSimulator, Mails, simulatedClient } from "../src/testing/index.ts"
import { ada, simulated } from "./support.ts"

const world = Layer.mergeAll(
  Memory.layer,
  Layer.fresh(simulated({ mailboxes: [ada, "bob@example.com"] })),
  Registration.Providers.layer({ gmail: {} }),
  Layer.succeed(Credentials.ConfirmAfter, Duration.millis(5)),
)

layer(world, { excludeTestServices: true })("a consent", (it) => {
  for (const [what, changed, reason] of [
    ["another browser session", { id: "browser-2" }, "another-session"],
    ["another person in the same browser", { ownerId: Ids.OwnerId.make("bob") }, "another-session"],
    ["another tenant", { tenantId: Ids.TenantId.make("elsewhere") }, "unknown"],
  ] as const) {
    it.effect(
      `L10 is refused for ${what}, before anything is exchanged, and still works for whom it was asked of`,
      () =>
        Effect.gen(function* () {
          const simulator = yield* GmailSimulator
          const exchanges = yield* simulator.count("token.exchange")
          const { query, session } = yield* answered()
          const refused = yield* Effect.flip(GmailConnect.complete({ query, session: { ...session, ...changed } }))
          assert.deepInclude(refused, { _tag: "ConsentRefused", reason })
          assert.strictEqual(yield* simulator.count("token.exchange"), exchanges)
          assert.strictEqual((yield* GmailConnect.complete({ query, session })).outcome, "created")
        }),
    )
  }

  it.effect("L10 is refused with a state that is tampered with, missing, or of another consent", () =>
    Effect.gen(function* () {
      const { query, session } = yield* answered()
      const other = yield* answered({ ...session })
      const [connection = "", nonce = ""] = (query.get("state") ?? "").split(".")
      const [, otherNonce = ""] = (other.query.get("state") ?? "").split(".")
      for (const state of [
        `${connection}.${otherNonce}`,
        `${connection}.`,
        connection,
        nonce,
        "",
        "x.y",
        `${connection}.${nonce}x`,
      ]) {
        const tampered = new URLSearchParams({ code: query.get("code") ?? "", state })
        const refused = yield* Effect.flip(GmailConnect.complete({ query: tampered, session }))
        assert.deepInclude(refused, { _tag: "ConsentRefused", reason: "unknown" }, state)
      }
    }),
  )

  it.effect("gives the same answer when the person comes back again, also once credentials were renewed", () =>
    Effect.gen(function* () {
      const { query, session } = yield* answered()
      const first = yield* GmailConnect.complete({ query, session })
      const vault = yield* Vault.Vault
      const { secret, version } = yield* vault.get(session.tenantId, first.connectionId)
      yield* vault.put(session.tenantId, first.connectionId, secret, { replaces: version })
      const again = yield* GmailConnect.complete({ query, session })
      assert.deepStrictEqual([again.connectionId, again.outcome], [first.connectionId, "already-registered"])
    }),
  )

  it.effect("that was superseded does not take its slot back when its page is loaded again", () =>
    Effect.gen(function* () {
      const { query, session } = yield* answered()
      const old = yield* GmailConnect.complete({ query, session })
      const vault = yield* Vault.Vault
      const { secret, version } = yield* vault.get(session.tenantId, old.connectionId)
      const newer = yield* answered(session)
      yield* GmailConnect.complete(newer)
      // A renewal that was on its way when the newer consent came.
      yield* vault.put(session.tenantId, old.connectionId, secret, { replaces: version })
      const again = yield* GmailConnect.complete({ query, session })
      assert.deepInclude(again, { outcome: "already-registered", status: "superseded" })
    }),
  )

  it.effect("L11 whose code was spent by a process that died cannot be used again", () =>
    Effect.gen(function* () {
      const { connectionId, query, session } = yield* answered()
      const vault = yield* Vault.Vault
      const { secret, version } = yield* vault.get(session.tenantId, connectionId)
      const asked = GmailSecret.read(secret)
      yield* vault.put(
        session.tenantId,
        connectionId,
        GmailSecret.write({ _tag: "Exchanging", state: asked.state, session: asked.session }),
        { replaces: version },
      )
      assert.deepInclude(yield* Effect.flip(GmailConnect.complete({ query, session })), { reason: "used" })
    }),
  )

  it.effect("R18 L12 without the scope that is needed connects nothing", () =>
    Effect.gen(function* () {
      const { connectionId, query, session } = yield* answered(undefined, {
        scopes: ["openid", "https://www.googleapis.com/auth/userinfo.email"],
      })
      const refused = yield* Effect.flip(GmailConnect.complete({ query, session }))
      assert.strictEqual(refused._tag === "GoogleError" && refused.reason._tag, "MissingScope")
      yield* assertNothingStored(session, connectionId)
    }),
  )

  it.effect("that is denied connects nothing, and can be given after all", () =>
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const session = newSession()
      const { connectionId, url } = yield* GmailConnect.begin({ session, settings })
      const denied = (yield* simulator.consent(url, "deny")).searchParams
      const refused = yield* Effect.flip(GmailConnect.complete({ query: denied, session }))
      assert.strictEqual(refused._tag === "GoogleError" && refused.reason._tag, "Denied")
      assert.strictEqual((yield* stateOf(session, connectionId)).status, "pending")
      const query = (yield* simulator.consent(url, { mailbox: ada })).searchParams
      assert.strictEqual((yield* GmailConnect.complete({ query, session })).outcome, "created")
    }),
  )

  it.effect("R04 L14 by another account than the one to be mended is refused, and both are named in the history", () =>
    Effect.gen(function* () {
      const first = yield* answered()
      const { connectionId } = yield* GmailConnect.complete(first)
      const mending = { reconnects: connectionId }
      const other = yield* answered(first.session, { ...mending, mailbox: "bob@example.com" })
      for (const _ of ["the first time", "when the page is loaded again"]) {
        const refused = yield* Effect.flip(GmailConnect.complete(other))
        assert.deepInclude(refused, {
          _tag: "MailboxMismatch",
          reconnects: connectionId,
          connectionId: other.connectionId,
        })
      }
      const state = yield* stateOf(first.session, connectionId)
      assert.deepStrictEqual([state.status, state.identity === state.refusedIdentity], ["active", false])
      assert.deepStrictEqual((yield* typesOf(first.session, connectionId)).slice(1), [
        "connected",
        "authorization_failed",
      ])
      assert.deepStrictEqual(yield* GmailConnect.recover(), [])
      assert.strictEqual((yield* stateOf(first.session, other.connectionId)).status, "pending")

      const same = yield* GmailConnect.complete(yield* answered(first.session, mending))
      assert.strictEqual(same.superseded, connectionId)
    }),
  )

  it.effect("L14 by another account can be added as a new connection without asking again, by the same browser", () =>
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const first = yield* answered()
      const { connectionId } = yield* GmailConnect.complete(first)
      const other = yield* answered(first.session, { reconnects: connectionId, mailbox: "bob@example.com" })
      yield* Effect.flip(GmailConnect.complete(other))
      const exchanges = yield* simulator.count("token.exchange")

      const elsewhere = { ...first.session, id: "browser-2" }
      const refused = yield* Effect.flip(GmailConnect.connectAsNew(elsewhere, other.connectionId))
      assert.deepInclude(refused, { _tag: "ConsentRefused", reason: "another-session" })
      const added = yield* GmailConnect.connectAsNew(first.session, other.connectionId)
      assert.deepInclude(added, { connectionId: other.connectionId, outcome: "created", status: "active" })
      assert.strictEqual(
        (yield* GmailConnect.connectAsNew(first.session, other.connectionId)).outcome,
        "already-registered",
      )
      assert.strictEqual(yield* simulator.count("token.exchange"), exchanges)

      const [old, fresh] = [
        yield* stateOf(first.session, connectionId),
        yield* stateOf(first.session, added.connectionId),
      ]
      assert.deepStrictEqual([old.status, fresh.status, fresh.previous], ["active", "active", undefined])
      assert.notStrictEqual(old.identity, fresh.identity)
    }),
  )

  it.effect("L14 by another account is thrown away when nobody says in time what is meant", () =>
    Effect.gen(function* () {
      const first = yield* answered()
      const { connectionId } = yield* GmailConnect.complete(first)
      const vault = yield* Vault.Vault
      for (const late of [GmailConnect.connectAsNew, undefined]) {
        const other = yield* answered(first.session, { reconnects: connectionId, mailbox: "bob@example.com" })
        yield* Effect.flip(GmailConnect.complete(other))
        yield* rewrite(first.session, other.connectionId, (secret) => ({ ...secret, until: yesterday }))
        if (late === undefined) yield* GmailConnect.recover()
        else {
          const refused = yield* Effect.flip(late(first.session, other.connectionId))
          assert.deepInclude(refused, { _tag: "ConsentRefused", reason: "expired" })
        }
        const gone = yield* Effect.flip(vault.get(first.session.tenantId, other.connectionId))
        assert.strictEqual(gone._tag, "CredentialsNotFound")
      }
    }),
  )

  it.effect("L14 by another account is one new connection, however often and at once that is said", () =>
    Effect.gen(function* () {
      const first = yield* answered()
      const { connectionId } = yield* GmailConnect.complete(first)
      const other = yield* answered(first.session, { reconnects: connectionId, mailbox: "bob@example.com" })
      yield* Effect.flip(GmailConnect.complete(other))
      const said = yield* Effect.all(
        Array.from({ length: 4 }, () => GmailConnect.connectAsNew(first.session, other.connectionId)),
        { concurrency: "unbounded" },
      )
      assert.deepStrictEqual(
        said.map((registered) => registered.connectionId),
        Array(4).fill(other.connectionId),
      )
      const connected = (yield* typesOf(first.session, other.connectionId)).filter((type) => type === "connected")
      assert.strictEqual(connected.length, 1)
    }),
  )

  it.effect("L14 by another account that was accepted is not thrown away by who had looked at it before", () =>
    Effect.gen(function* () {
      const first = yield* answered()
      const { connectionId } = yield* GmailConnect.complete(first)
      const other = yield* answered(first.session, { reconnects: connectionId, mailbox: "bob@example.com" })
      yield* Effect.flip(GmailConnect.complete(other))
      const vault = yield* Vault.Vault
      const seen = yield* vault.get(first.session.tenantId, other.connectionId)
      const consent = GmailSecret.read(seen.secret)
      yield* GmailConnect.connectAsNew(first.session, other.connectionId)
      if (consent._tag !== "Offered") return assert.fail("Nothing was offered")
      const stale = { ...seen, secret: GmailSecret.write({ ...consent, until: yesterday }) }
      const late = GmailConnect.connectAsNew(first.session, other.connectionId).pipe(
        Effect.provideService(Vault.Vault, { ...vault, get: () => Effect.succeed(stale) }),
      )
      assert.deepInclude(yield* Effect.flip(late), { _tag: "ConsentRefused", reason: "expired" })
      const held = yield* vault.get(first.session.tenantId, other.connectionId)
      assert.strictEqual(GmailSecret.read(held.secret)._tag, "Granted")
    }),
  )

  it.effect("by another account that mends nothing is a connection beside the other one", () =>
    Effect.gen(function* () {
      const first = yield* answered()
      const old = yield* GmailConnect.complete(first)
      const next = yield* GmailConnect.complete(yield* answered(first.session, { mailbox: "bob@example.com" }))
      assert.isUndefined(next.superseded)
      for (const { connectionId } of [old, next]) {
        assert.strictEqual((yield* stateOf(first.session, connectionId)).status, "active")
      }
    }),
  )

  it.effect("that mends a connection ends it, also when another label is chosen with it", () =>
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      yield* simulator.label(ada, "Elsewhere")
      const first = yield* answered()
      const { connectionId } = yield* GmailConnect.complete(first)
      const mending = yield* answered(first.session, { reconnects: connectionId, settings: { label: "Elsewhere" } })
      const next = yield* GmailConnect.complete(mending)
      assert.deepInclude(yield* stateOf(first.session, connectionId), {
        status: "superseded",
        supersededBy: next.connectionId,
      })
      assert.strictEqual((yield* stateOf(first.session, next.connectionId)).previous, connectionId)
    }),
  )

  it.effect("L10 is refused when it comes back too late, and when its code was used", () =>
    Effect.gen(function* () {
      const late = yield* answered()
      yield* rewrite(late.session, late.connectionId, (secret) => ({ ...secret, expiresAt: yesterday }))
      assert.deepInclude(yield* Effect.flip(GmailConnect.complete(late)), { _tag: "ConsentRefused", reason: "expired" })

      const used = yield* answered()
      yield* rewrite(used.session, used.connectionId, (secret) => ({ ...secret, verifier: "another".repeat(8) }))
      const simulator = yield* GmailSimulator
      const exchanges = yield* simulator.count("token.exchange")
      yield* Effect.flip(GmailConnect.complete(used))
      assert.deepInclude(yield* Effect.flip(GmailConnect.complete(used)), { reason: "used" })
      assert.strictEqual(yield* simulator.count("token.exchange"), exchanges + 1)
    }),
  )

  it.effect("L11 with a verifier that is not the code's says so, and stores nothing", () =>
    Effect.gen(function* () {
      const { connectionId, query, session } = yield* answered()
      yield* rewrite(session, connectionId, (secret) => ({ ...secret, verifier: "another".repeat(8) }))
      const refused = yield* Effect.flip(GmailConnect.complete({ query, session }))
      assert.strictEqual(refused._tag === "GoogleError" && refused.reason._tag, "InvalidGrant")
      yield* assertNothingStored(session, connectionId)
    }),
  )

  it.effect("L13 that brings no refresh token has to be given again, and connects nothing", () =>
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const session = newSession()
      const { connectionId, url } = yield* GmailConnect.begin({ session, settings })
      assert.deepInclude(Object.fromEntries(new URL(url).searchParams), { access_type: "offline", prompt: "consent" })
      const online = url.replace("access_type=offline", "access_type=online")
      const query = (yield* simulator.consent(online, { mailbox: ada })).searchParams
      const refused = yield* Effect.flip(GmailConnect.complete({ query, session }))
      assert.deepInclude(refused, { _tag: "ConsentRefused", reason: "no-refresh-token" })
      yield* assertNothingStored(session, connectionId)
      assert.strictEqual((yield* GmailConnect.complete(yield* answered(session))).outcome, "created")
    }),
  )

  it.effect(
    "whose process died before it was registered is finished at the next start, once, whatever else cannot be",
    () =>
      Effect.gen(function* () {
        const broken = yield* answered()
        const whole = yield* answered()
        for (const consent of [broken, whole]) {
          const store = yield* EventStore.EventStore
          const dying = EventStore.EventStore.of({ ...store, append: () => Effect.die("the process died") })
          yield* Effect.exit(Effect.provideService(GmailConnect.complete(consent), EventStore.EventStore, dying))
        }
        const { session } = broken
        yield* handle(
          session.tenantId,
          broken.connectionId,
          { _tag: "Disconnect", at: yield* DateTime.now, reason: "owner" },
          { metadata: { actor: Ids.system } },
        )
        const finished = yield* GmailConnect.recover()
        assert.deepStrictEqual(
          finished.map(({ connectionId }) => connectionId),
          [whole.connectionId],
        )
        assert.deepStrictEqual(yield* GmailConnect.recover(), [])
      }),
  )
})

layer(world, { excludeTestServices: true })("a mailbox", (it) => {
  it.effect("S07 passes over what was deleted, and what lost its label, between the list and the reading", () =>
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const { items, sync } = yield* mailbox
      const [gone = "", unlabelled = "", kept = ""] = yield* deliver(3)
      yield* sync
      assert.deepStrictEqual((yield* items).toSorted(), [gone, unlabelled, kept].toSorted())
      const [late = "", taken = "", stays = ""] = yield* deliver(3)
      yield* simulator.removeLabel(ada, taken, settings.label)
      yield* simulator.deleteMessage(ada, late)
      yield* sync
      assert.include(yield* items, stays)
      assert.notInclude(yield* items, taken)
      yield* simulator.addLabel(ada, taken, settings.label)
      yield* sync
      assert.include(yield* items, taken)
      assert.include(yield* items, gone)
    }),
  )

  it.effect("that is forgotten goes from its view, and comes back whole when it is connected again", () =>
    Effect.gen(function* () {
      const { connectionId, session, sync } = yield* mailbox
      yield* deliver(3)
      const { added } = yield* sync
      assert.isAtLeast(added, 3)
      const rows = Effect.gen(function* () {
        yield* ProjectionRunner.catchUp(GmailMessagesView)
        return yield* (yield* ViewStore.Views).query(GmailMessagesView, session.tenantId)
      })
      assert.strictEqual((yield* rows).length, added)
      yield* Forgetting.forget(session.tenantId, connectionId, { actor: Ids.system })
      assert.deepStrictEqual(yield* rows, [])
      const next = yield* GmailConnect.complete(yield* answered(session))
      yield* Sync.run(yield* GmailProvider.make, session.tenantId, next.connectionId)
      assert.strictEqual((yield* rows).length, added)
    }),
  )

  it.effect("S18 loses nothing and fetches nothing twice when Google refuses some of a page", () =>
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const { items, sync } = yield* mailbox
      const ids = yield* deliver(30)
      yield* simulator.forgetRequests
      // Fewer than are fetched at once: the others of the page arrive.
      yield* simulator.fail({ kind: "messages.get", failure: "rateLimitExceeded", times: 2 })
      yield* simulator.fail({ kind: "messages.get", failure: "internalError" })
      yield* sync
      assert.includeMembers([...(yield* items)], [...ids])
      assert.deepStrictEqual(
        [...(yield* simulator.rawFetches).values()].filter((times) => times > 1),
        [],
      )
    }),
  )

  it.effect("S13 lists anew when its place in the list is lost", () =>
    Effect.gen(function* () {
      const { items, session, sync, connectionId } = yield* mailbox
      const ids = yield* deliver(5)
      yield* sync
      const state = yield* stateOf(session, connectionId)
      const [feed = "", cursor = ""] = Object.entries(state.cursors)[0] ?? []
      const historyId = JSON.parse(cursor).history.start
      yield* handle(
        session.tenantId,
        connectionId,
        {
          _tag: "RecordPage",
          at: yield* DateTime.now,
          feedId: Ids.FeedId.make(feed),
          run: "run",
          cursorBefore: cursor,
          cursorAfter: JSON.stringify({ list: { historyId, pageToken: "lost" } }),
          items: 0,
          complete: false,
        },
        { metadata: { actor: Ids.system } },
      )
      yield* sync
      assert.strictEqual(new Set(yield* items).size, (yield* items).length)
      assert.includeMembers([...(yield* items)], [...ids])
    }),
  )
})

layer(world, { excludeTestServices: true })("the label of a connection", (it) => {
  it.effect("L01 is asked for where none was chosen, without a call, and then the consent is finished with it", () =>
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const { connectionId, query, session } = yield* answered(undefined, { settings: {} })
      yield* simulator.forgetRequests
      const missing = yield* problemOf(GmailConnect.complete({ query, session }))
      assert.strictEqual(missing._tag, "LabelNotConfigured")
      assert.deepStrictEqual(
        (yield* simulator.requests).map(({ kind }) => kind),
        ["token.exchange"],
      )
      assert.strictEqual((yield* stateOf(session, connectionId)).status, "pending")

      const names = (yield* GmailConnect.labels(session, connectionId)).map(({ name }) => name)
      assert.include(names, settings.label)
      yield* GmailConnect.chooseLabel(session, connectionId, settings.label)
      assert.strictEqual((yield* stateOf(session, connectionId)).status, "active")
      assert.strictEqual(yield* simulator.count("token.exchange"), 1)
      assert.strictEqual((yield* GmailConnect.complete({ query, session })).outcome, "already-registered")
    }),
  )

  it.effect("L02 that is not there is told at once with near names, fetches nothing, and shows no name elsewhere", () =>
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      yield* simulator.label(ada, "Guests/Nearby")
      const consent = yield* answered(undefined, { settings: { label: "Nearby" } })
      yield* simulator.forgetRequests
      const error = yield* Effect.flip(GmailConnect.complete(consent))
      assert.deepInclude(error, { _tag: "LabelNotSettled", connectionId: consent.connectionId })
      const problem = error._tag === "LabelNotSettled" ? error.reason : undefined
      const near = problem?._tag === "LabelNotFound" ? Redacted.value(problem.near) : []
      assert.deepStrictEqual(near, ["Guests/Nearby"])
      assert.notInclude(inspect(error, { depth: Infinity, showHidden: true }), "Nearby")
      assert.strictEqual(yield* simulator.count("messages.list"), 0)
      assert.strictEqual((yield* stateOf(consent.session, consent.connectionId)).status, "pending")
      assert.deepStrictEqual(yield* heardFrom(GmailConnect.recover()), [], "what waits for its owner is no failure")

      yield* simulator.label(ada, "Nearby")
      assert.strictEqual((yield* GmailConnect.complete(consent)).outcome, "created")
    }),
  )

  it.effect("L03 L04 is found by its whole path in any case, and pinned with its own name and id", () =>
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const labelId = yield* simulator.label(ada, "Bookings/Airbnb")
      const consent = yield* answered(undefined, { settings: { label: "bookings/AIRBNB", other: 1 } })
      const { connectionId } = yield* GmailConnect.complete(consent)
      assert.deepInclude((yield* stateOf(consent.session, connectionId)).settings, {
        label: "Bookings/Airbnb",
        labelId,
        other: 1,
      })
    }),
  )

  it.effect("L05 is followed when it is renamed, by a sync and on demand, and its new name is recorded once", () =>
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      for (const how of ["sync", "verify"] as const) {
        const { connectionId, items, labelId, session, sync } = yield* mailboxWith(`Before ${how}`)
        const [first = ""] = yield* deliver(1, `Before ${how}`)
        yield* sync
        yield* simulator.renameLabel(ada, labelId, `After ${how}`)
        const [second = ""] = yield* deliver(1, `After ${how}`)
        const heard = yield* heardFrom(
          Effect.gen(function* () {
            if (how === "verify") {
              assert.isTrue((yield* GmailConnect.verifyLabel(session, connectionId)).renamed)
              assert.isFalse((yield* GmailConnect.verifyLabel(session, connectionId)).renamed)
            }
            yield* sync
            yield* sync
          }),
        )
        assert.strictEqual(heard.filter(({ message }) => message === "label_renamed").length, 1)
        assert.notInclude(inspect(heard, { depth: 6 }), `After ${how}`)
        assert.deepStrictEqual(yield* items, [first, second])
        assert.deepInclude((yield* stateOf(session, connectionId)).settings, { label: `After ${how}`, labelId })
        const configured = (yield* typesOf(session, connectionId)).filter((type) => type === "configured")
        assert.strictEqual(configured.length, 2)
      }
    }),
  )

  it.effect(
    "L06 that was deleted and made anew has to be confirmed, and is then compared whole without duplicates",
    () =>
      Effect.gen(function* () {
        const simulator = yield* GmailSimulator
        const { connectionId, items, labelId, session, sync } = yield* mailboxWith("Anew")
        const ids = yield* deliver(3, "Anew")
        yield* sync
        yield* simulator.deleteLabel(ada, labelId)
        assert.strictEqual((yield* problemOf(GmailConnect.verifyLabel(session, connectionId)))._tag, "LabelNotFound")
        const newId = yield* simulator.label(ada, "Anew")
        for (const id of ids) yield* simulator.addLabel(ada, id, "Anew")
        const [fresh = ""] = yield* deliver(1, "Anew")

        assert.deepInclude(yield* Effect.flip(sync), { _tag: "SyncFailed", reason: "SourceReplaced", retryable: false })
        const conflict = yield* problemOf(GmailConnect.verifyLabel(session, connectionId))
        assert.deepInclude<object>(conflict, { _tag: "LabelConflict", conflict: "recreated", found: newId })
        assert.strictEqual((yield* stateOf(session, connectionId)).settings?.["labelId"], labelId)

        yield* simulator.forgetRequests
        yield* GmailConnect.confirmLabel(session, connectionId)
        yield* sync
        assert.deepStrictEqual((yield* items).toSorted(), [...ids, fresh].toSorted())
        assert.deepStrictEqual([...(yield* simulator.rawFetches).keys()], [fresh])
      }),
  )

  it.effect("L06 that was made anew is not taken over by mending the connection either", () =>
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const { connectionId, items, labelId, session, sync } = yield* mailboxWith("Mended")
      const ids = yield* deliver(2, "Mended")
      yield* sync
      yield* simulator.deleteLabel(ada, labelId)
      yield* simulator.label(ada, "Mended")
      for (const id of ids) yield* simulator.addLabel(ada, id, "Mended")
      const consent = yield* answered(session, { settings: { label: "mended" }, reconnects: connectionId })
      assert.deepInclude(yield* problemOf(GmailConnect.complete(consent)), { conflict: "recreated" })
      yield* GmailConnect.confirmLabel(session, consent.connectionId)
      assert.strictEqual((yield* stateOf(session, connectionId)).status, "superseded")
      yield* Sync.run(yield* GmailProvider.make, session.tenantId, consent.connectionId)
      assert.deepStrictEqual((yield* items).toSorted(), ids.toSorted())
    }),
  )

  it.effect("L07 can be one of Google's own, but none that holds what was not received or not kept", () =>
    Effect.gen(function* () {
      const session = newSession()
      for (const label of ["SPAM", "Trash", "draft", "SENT", "Chat"]) {
        assert.strictEqual(
          (yield* problemOf(GmailConnect.begin({ session, settings: { label } })))._tag,
          "LabelRefused",
        )
      }
      for (const label of ["inbox", "CATEGORY_UPDATES"]) {
        const { connectionId } = yield* GmailConnect.complete(yield* answered(session, { settings: { label } }))
        assert.strictEqual((yield* stateOf(session, connectionId)).settings?.["labelId"], label.toUpperCase())
        const refused = yield* problemOf(GmailConnect.chooseLabel(session, connectionId, "Spam"))
        assert.strictEqual(refused._tag, "LabelRefused")
      }
    }),
  )

  it.effect("L08 is one owner's in a tenant: another owner is refused, and the operators are told", () =>
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const labelId = yield* simulator.label(ada, "Shared")
      yield* simulator.label(ada, "Not shared")
      const session = newSession()
      const mine = yield* GmailConnect.complete(yield* answered(session, { settings: { label: "Shared" } }))
      const other = { ...session, ownerId: Ids.OwnerId.make("bob") }
      const consent = yield* answered(other, { settings: { label: "SHARED" } })
      const heard = yield* heardFrom(
        Effect.gen(function* () {
          const refused = yield* problemOf(GmailConnect.complete(consent))
          assert.deepInclude<object>(refused, { _tag: "LabelConflict", conflict: "held", found: labelId })
        }),
      )
      assert.deepInclude(
        heard.find(({ message }) => message === "label_isolation_violation"),
        { annotations: { event: "label_isolation_violation", connectionId: consent.connectionId, labelId } },
      )
      assert.strictEqual((yield* stateOf(session, mine.connectionId)).status, "active")

      yield* GmailConnect.chooseLabel(other, consent.connectionId, "Not shared")
      assert.strictEqual((yield* stateOf(other, consent.connectionId)).status, "active")
      const again = yield* problemOf(GmailConnect.chooseLabel(other, consent.connectionId, "Shared"))
      assert.deepInclude(again, { conflict: "held" })
      assert.strictEqual((yield* stateOf(other, consent.connectionId)).settings?.["label"], "Not shared")
    }),
  )

  it.effect("L08 that two owners claim at once is one owner's, and the other one is told", () =>
    Effect.gen(function* () {
      const session = newSession()
      const others = { ...session, ownerId: Ids.OwnerId.make("bruno"), id: "browser-2" }
      const consents = [yield* answered(session), yield* answered(others)]
      const results = yield* Effect.forEach(consents, (consent) => Effect.result(GmailConnect.complete(consent)), {
        concurrency: 2,
      })
      const [lost, ...more] = results.flatMap((result) => (result._tag === "Failure" ? [result.failure] : []))
      assert.deepStrictEqual(more, [])
      assert.deepInclude(lost instanceof GmailConnect.LabelNotSettled && lost.reason, { conflict: "held" })
      const statuses = yield* Effect.forEach(consents, ({ connectionId, session }) => stateOf(session, connectionId))
      assert.deepStrictEqual(statuses.map(({ status }) => status).toSorted(), ["active", "pending"])
    }),
  )

  it.effect("L08 is taken over by the same owner's newer consent, while other labels of the mailbox stay live", () =>
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      for (const label of ["One", "Two"]) yield* simulator.label(ada, label)
      const session = newSession()
      const one = yield* GmailConnect.complete(yield* answered(session, { settings: { label: "One" } }))
      const two = yield* GmailConnect.complete(yield* answered(session, { settings: { label: "Two" } }))
      const newer = yield* GmailConnect.complete(yield* answered(session, { settings: { label: "one" } }))
      assert.strictEqual(newer.superseded, one.connectionId)
      assert.strictEqual((yield* stateOf(session, two.connectionId)).status, "active")
    }),
  )

  it.effect("S36 is nobody else's business in another tenant: two tapes, and no trace of each other", () =>
    Effect.gen(function* () {
      const one = yield* mailboxWith("Both tenants")
      const other = yield* mailboxWith("Both tenants")
      const ids = yield* deliver(2, "Both tenants")
      yield* one.sync
      yield* other.sync
      for (const { connectionId, items, session } of [one, other]) {
        assert.deepStrictEqual((yield* items).toSorted(), ids.toSorted())
        assert.strictEqual((yield* stateOf(session, connectionId)).status, "active")
      }
      const [here, there] = [
        yield* stateOf(one.session, one.connectionId),
        yield* stateOf(other.session, other.connectionId),
      ]
      assert.notStrictEqual(here.identity, there.identity)
      assert.notStrictEqual(here.settings?.["mailbox"], there.settings?.["mailbox"])
    }),
  )

  it.effect("L09 is found among more than a thousand", () =>
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const address = (yield* simulator.addMailbox("many@example.com")).address
      yield* Effect.forEach(
        Array.from({ length: 1_200 }, (_, index) => `Label ${index}`),
        (name) => simulator.label(address, name),
      )
      const consent = yield* answered(undefined, { mailbox: address, settings: { label: "label 1199" } })
      const { connectionId } = yield* GmailConnect.complete(consent)
      assert.strictEqual((yield* stateOf(consent.session, connectionId)).settings?.["label"], "Label 1199")
    }),
  )

  it.effect("cannot be looked for before there is consent, nor with what was offered of another mailbox", () =>
    Effect.gen(function* () {
      const { connectionId, session } = yield* mailboxWith("Before consent")
      const asked = yield* answered(session, { reconnects: connectionId, mailbox: "bob@example.com" })
      for (const _ of ["asked for", "offered"]) {
        const none = yield* Effect.flip(GmailConnect.chooseLabel(session, asked.connectionId, settings.label))
        assert.strictEqual(none._tag, "CredentialsNotFound")
        yield* Effect.flip(GmailConnect.complete(asked))
      }
    }),
  )

  it.effect("is changed and looked at by nobody but its owner", () =>
    Effect.gen(function* () {
      const { connectionId, session } = yield* mailboxWith("Mine")
      const other = { ...session, ownerId: Ids.OwnerId.make("bob") }
      for (const attempt of [
        Effect.asVoid(GmailConnect.verifyLabel(other, connectionId)),
        Effect.asVoid(GmailConnect.labels(other, connectionId)),
        Effect.asVoid(GmailConnect.chooseLabel(other, connectionId, "INBOX")),
        Effect.asVoid(GmailConnect.confirmLabel(other, connectionId)),
      ]) {
        const refused = yield* Effect.flip<void, { readonly _tag: string }, Effect.Services<typeof attempt>>(attempt)
        assert.deepInclude<object>(refused, { _tag: "HeldByAnotherOwner", what: "connection" })
      }
    }),
  )

  it.effect("is looked for again when Google is away for a moment, and with new credentials when those are stale", () =>
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const consent = yield* answered()
      yield* simulator.fail({ kind: "labels.list", failure: "unavailable" })
      const { connectionId } = yield* GmailConnect.complete(consent)
      yield* simulator.expireAccessTokens(ada)
      yield* GmailConnect.verifyLabel(consent.session, connectionId)

      const away = yield* answered()
      yield* simulator.fail({ kind: "labels.list", failure: "rateLimitExceeded" })
      const failed = yield* Effect.flip(GmailConnect.complete(away))
      assert.strictEqual(failed._tag === "GoogleError" && failed.reason._tag, "RateLimited")
      assert.strictEqual((yield* GmailConnect.complete(away)).outcome, "created")
    }),
  )
})

layer(world, { excludeTestServices: true })("a grant", (it) => {
  it.effect("L15 that ended is told once and asked about no more; after a new consent nothing is missing", () =>
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const { connectionId, items, session, sync } = yield* mailboxWith("Ended")
      const before = yield* deliver(2, "Ended")
      yield* sync
      const { cursors } = yield* stateOf(session, connectionId)
      yield* simulator.revoke(ada)
      const meanwhile = yield* deliver(2, "Ended")
      yield* simulator.forgetRequests
      const heard = yield* heardFrom(
        Effect.gen(function* () {
          assert.deepInclude(yield* Effect.flip(sync), { _tag: "SyncFailed", reason: "AuthorizationEnded" })
          assert.strictEqual((yield* Effect.flip(sync))._tag, "NotSyncable")
        }),
      )
      assert.strictEqual(yield* simulator.count("token.refresh"), 2)
      assert.deepStrictEqual(
        heard.filter(({ message }) => message === "connection_health").map(({ annotations }) => annotations),
        [
          {
            event: "connection_health",
            connectionId,
            provider: "gmail",
            from: "active",
            to: "needs_reauth",
            because: "authorization_failed",
            reason: "revoked",
          },
        ],
      )
      const ended = yield* stateOf(session, connectionId)
      assert.deepInclude(ended, { status: "needs_reauth", failure: "revoked" })
      assert.deepStrictEqual(ended.cursors, cursors)

      const consent = yield* answered(session, { settings: { label: "Ended" }, reconnects: connectionId })
      const next = yield* GmailConnect.complete(consent)
      assert.strictEqual(next.superseded, connectionId)
      yield* simulator.forgetRequests
      yield* Sync.run(yield* GmailProvider.make, session.tenantId, next.connectionId)
      assert.deepStrictEqual((yield* items).toSorted(), [...before, ...meanwhile].toSorted())
      assert.deepStrictEqual([...(yield* simulator.rawFetches).keys()].toSorted(), meanwhile.toSorted())
    }),
  )

  it.effect("L16 is not lost over a token endpoint that fails three times", () =>
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const { connectionId, session, sync } = yield* mailboxWith("Patient")
      yield* simulator.expireAccessTokens(ada)
      yield* simulator.forgetRequests
      yield* simulator.fail({ kind: "token.refresh", failure: "internalError", times: 3 })
      yield* sync
      assert.strictEqual(yield* simulator.count("token.refresh"), 4)
      assert.notInclude(yield* typesOf(session, connectionId), "authorization_failed")
      assert.strictEqual((yield* stateOf(session, connectionId)).status, "active")
    }),
  )

  it.effect(
    "L19 shows no token, secret, code or address in what is logged, recorded or failed with, whatever happens",
    () =>
      Effect.gen(function* () {
        const simulator = yield* GmailSimulator
        const { connectionId, session, sync } = yield* mailboxWith("Silent")
        yield* deliver(1, "Silent")
        yield* sync
        const vault = yield* Vault.Vault
        const secretOf = Effect.map(vault.get(session.tenantId, connectionId), ({ secret }) =>
          GmailSecret.granted(secret),
        )
        const codes: Array<string> = []
        const failures: Array<unknown> = []
        const failing = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
          Effect.map(Effect.exit(effect), (exit) => {
            assert.strictEqual(exit._tag, "Failure")
            if (exit._tag === "Failure") failures.push(exit, Cause.pretty(exit.cause), JSON.stringify(exit))
          })
        const consent = Effect.fnUntraced(function* (answer: Parameters<typeof answered>[1] = {}) {
          const given = yield* answered(session, { settings: { label: "Silent" }, ...answer })
          codes.push(given.query.get("code") ?? "")
          return given
        })
        const first = yield* secretOf
        const heard = yield* heardFrom(
          Effect.gen(function* () {
            for (const failure of ["internalError", "truncatedBody", "emptyBody", "dropAfterWork"] as const) {
              yield* simulator.fail({ kind: "token.exchange", failure })
              yield* failing(GmailConnect.complete(yield* consent()))
            }
            yield* failing(GmailConnect.complete(yield* consent({ settings: { label: "Not there" } })))
            yield* failing(
              GmailConnect.complete(yield* consent({ reconnects: connectionId, mailbox: "bob@example.com" })),
            )
            yield* failing(GmailConnect.complete(yield* consent({ scopes: ["openid"] })))
            yield* simulator.revoke(ada)
            yield* failing(sync)
          }),
        )
        const last = yield* secretOf
        const log = yield* EventStore.EventLog
        const events = yield* Stream.runCollect(
          log.read(EventStore.beginning, { tenantId: session.tenantId, sealed: false }),
        )
        const told = inspect([failures, heard, events], { depth: Infinity, showHidden: true, maxStringLength: null })
        const secrets = [first, last].flatMap(({ accessToken, refreshToken }) => [accessToken, refreshToken])
        for (const secret of [...secrets, ...codes, simulatedClient.secret, ada, "bob@example.com"]) {
          assert.isAbove(secret.length, 0)
          assert.notInclude(told, secret)
        }
      }),
  )
})

const settings = { label: "Reservations" }

let browsers = 0

/** A person of their own tenant at a browser. */
const newSession = (): GmailConnect.Session => ({
  tenantId: Ids.TenantId.make(`tenant ${browsers++}`),
  ownerId: Ids.OwnerId.make("ada"),
  id: "browser-1",
})

/** A consent that was asked for and given: the person is on the way back from Google. */
const answered = Effect.fnUntraced(function* (
  session: GmailConnect.Session = newSession(),
  answer: {
    readonly mailbox?: string
    readonly scopes?: ReadonlyArray<string>
    readonly reconnects?: Ids.ConnectionId
    readonly settings?: Connection.Settings
  } = {},
) {
  const simulator = yield* GmailSimulator
  const { mailbox = ada, reconnects, scopes } = answer
  yield* simulator.label(mailbox, settings.label)
  const { connectionId, url } = yield* GmailConnect.begin({
    session,
    settings: answer.settings ?? settings,
    reconnects,
  })
  const back = yield* simulator.consent(url, { mailbox, ...(scopes !== undefined && { scopes }) })
  return { connectionId, query: back.searchParams, session }
})

const stateOf = ({ tenantId }: GmailConnect.Session, connectionId: Ids.ConnectionId) =>
  Effect.map(Aggregate.load(Connection)(tenantId, connectionId), ({ state }) => state)

const handle = Aggregate.handle(Connection)

const typesOf = Effect.fnUntraced(function* ({ tenantId }: GmailConnect.Session, connectionId: Ids.ConnectionId) {
  const store = yield* EventStore.EventStore
  const events = yield* Stream.runCollect(store.readStream(tenantId, Connection.streamId(connectionId)))
  return events.map(({ event }) => event.type)
})

const yesterday = DateTime.makeUnsafe(Date.now() - 86_400_000)

/** Puts other words into what the vault keeps of a consent. */
const rewrite = Effect.fnUntraced(function* (
  { tenantId }: GmailConnect.Session,
  connectionId: Ids.ConnectionId,
  change: (secret: GmailSecret.Secret) => GmailSecret.Secret,
) {
  const vault = yield* Vault.Vault
  const { secret, version } = yield* vault.get(tenantId, connectionId)
  yield* vault.put(tenantId, connectionId, GmailSecret.write(change(GmailSecret.read(secret))), { replaces: version })
})

const assertNothingStored = Effect.fnUntraced(function* (
  session: GmailConnect.Session,
  connectionId: Ids.ConnectionId,
) {
  const { secret } = yield* (yield* Vault.Vault).get(session.tenantId, connectionId)
  assert.notProperty(GmailSecret.read(secret), "refreshToken")
  assert.notProperty(GmailSecret.read(secret), "accessToken")
  assert.strictEqual((yield* stateOf(session, connectionId)).status, "pending")
})

/** Why a label cannot be watched, which it must not. */
const problemOf = <A, E extends { readonly _tag: string }, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.flatMap(Effect.flip(effect), (error) =>
    error instanceof GmailConnect.LabelNotSettled
      ? Effect.succeed<Labels.Problem>(error.reason)
      : Effect.die(`Another failure: ${error._tag}`),
  )

/** The log lines of an effect. */
const heardFrom = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
  const heard: Array<{ readonly message: unknown; readonly annotations: Record<string, unknown> }> = []
  const logger = Logger.map(Logger.formatStructured, (line) => void heard.push(line))
  yield* Effect.provide(effect, Logger.layer([logger]))
  return heard
})

/** A connected mailbox with its label, what its tenant's feeds hold, and a look at it. */
const mailboxWith = Effect.fnUntraced(function* (label: string) {
  const simulator = yield* GmailSimulator
  const labelId = yield* simulator.label(ada, label)
  const consent = yield* answered(undefined, { settings: { label } })
  const { connectionId } = yield* GmailConnect.complete(consent)
  const { session } = consent
  const provider = yield* GmailProvider.make
  const items = Effect.gen(function* () {
    const log = yield* EventStore.EventLog
    const filter = { categories: ["feed"], tenantId: session.tenantId, sealed: false }
    const events = yield* Stream.runCollect(log.read(EventStore.beginning, filter))
    return events.flatMap(({ event }) =>
      event.type === "items_recorded" ? (event.data["itemIds"] as ReadonlyArray<string>) : [],
    )
  })
  return { connectionId, session, items, labelId, sync: Sync.run(provider, session.tenantId, connectionId) }
})

const mailbox = Effect.suspend(() => mailboxWith(settings.label))

const deliver = Effect.fnUntraced(function* (count: number, label = settings.label) {
  const simulator = yield* GmailSimulator
  const mails = Array.from({ length: count }, (_, index) => Mails.numbered(index))
  return yield* simulator.deliverAll(ada, mails, { labels: [label] })
})
