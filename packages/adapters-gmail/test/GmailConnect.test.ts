import { assert, layer } from "@effect/vitest"
import {
  Aggregate,
  Connection,
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
import { DateTime, Effect, Layer, Stream } from "effect"

import { GmailConnect, GmailMessagesView, GmailProvider, GmailSecret } from "../src/index.ts"
import { GmailSimulator, Mails } from "../src/testing/index.ts"
import { ada, simulated } from "./support.ts"

const world = Layer.mergeAll(
  Memory.layer,
  Layer.fresh(simulated({ mailboxes: [ada, "bob@example.com"] })),
  Registration.Providers.layer({ gmail: {} }),
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
      assert.strictEqual((yield* stateOf(session, connectionId)).status, "pending")
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
      const refused = yield* Effect.flip(GmailConnect.complete(other))
      assert.strictEqual(refused._tag, "IdentityMismatch")
      const state = yield* stateOf(first.session, connectionId)
      assert.deepStrictEqual([state.status, state.identity === state.refusedIdentity], ["active", false])
      assert.strictEqual((yield* Effect.flip(GmailConnect.complete(other)))._tag, "ConsentRefused")
      assert.deepStrictEqual(yield* GmailConnect.recover(), [])

      const same = yield* GmailConnect.complete(yield* answered(first.session, mending))
      assert.strictEqual(same.superseded, connectionId)
    }),
  )

  it.effect("by another account that mends nothing takes the slot, and leaves the old account's history alone", () =>
    Effect.gen(function* () {
      const first = yield* answered()
      const old = yield* GmailConnect.complete(first)
      const next = yield* GmailConnect.complete(yield* answered(first.session, { mailbox: "bob@example.com" }))
      assert.strictEqual(next.superseded, old.connectionId)
      assert.isUndefined((yield* stateOf(first.session, next.connectionId)).previous)
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
  } = {},
) {
  const simulator = yield* GmailSimulator
  const { mailbox = ada, reconnects, scopes } = answer
  const { connectionId, url } = yield* GmailConnect.begin({ session, settings, reconnects })
  const back = yield* simulator.consent(url, { mailbox, ...(scopes !== undefined && { scopes }) })
  return { connectionId, query: back.searchParams, session }
})

const stateOf = ({ tenantId }: GmailConnect.Session, connectionId: Ids.ConnectionId) =>
  Effect.map(Aggregate.load(Connection)(tenantId, connectionId), ({ state }) => state)

const handle = Aggregate.handle(Connection)

/** A connected mailbox with its label, what its feed holds, and a look at it. */
const mailbox = Effect.gen(function* () {
  const simulator = yield* GmailSimulator
  yield* simulator.label(ada, settings.label)
  const consent = yield* answered()
  const { connectionId } = yield* GmailConnect.complete(consent)
  const { session } = consent
  const provider = yield* GmailProvider.make
  const items = Effect.gen(function* () {
    const log = yield* EventStore.EventLog
    const filter = { categories: ["feed"], tenantId: session.tenantId, sealed: false }
    const events = yield* Stream.runCollect(log.read(EventStore.beginning, filter))
    return events.flatMap(({ event }) => event.data["itemIds"] as ReadonlyArray<string>)
  })
  return { connectionId, session, items, sync: Sync.run(provider, session.tenantId, connectionId) }
})

const deliver = Effect.fnUntraced(function* (count: number) {
  const simulator = yield* GmailSimulator
  const mails = Array.from({ length: count }, (_, index) => Mails.numbered(index))
  return yield* simulator.deliverAll(ada, mails, { labels: [settings.label] })
})
