import { createServer } from "node:http"
import { inspect } from "node:util"

import { assert, describe, it, layer } from "@effect/vitest"
import {
  Aggregate,
  Connection,
  Controls,
  Credentials,
  EventStore,
  Ids,
  KeyedHash,
  Leases,
  Memory,
  Registration,
  Sync,
  Vault,
} from "@holdfast/domain"
import { Clock, Context, DateTime, Deferred, Duration, Effect, Fiber, Layer, Logger, Queue, Stream } from "effect"
import { TestClock } from "effect/testing"

import {
  GmailApi,
  GmailConnect,
  GmailMailboxes,
  GmailProvider,
  GmailPush,
  GmailSecret,
  GmailWatch,
  GoogleError,
} from "../src/index.ts"
import { GmailSimulator, InProcess, Mails, type SignedPush, type Subscription } from "../src/testing/index.ts"
import { ada, simulated } from "./support.ts"

const subscription: Subscription = {
  audience: "https://host.example/api/webhooks/gmail",
  serviceAccount: "pushes@simulated.iam.example",
}

/** Every look that a push causes, as it begins; it ends at once. */
const looks: Array<GmailPush.Due> = []
const began = Effect.runSync(Queue.unbounded<GmailPush.Due>())

const world = Layer.unwrap(
  Effect.map(GmailSimulator, ({ certificatesUrl }) =>
    GmailPush.GmailPush.layer({ ...subscription, certificatesUrl }, (due) =>
      Effect.gen(function* () {
        yield* Sync.run(yield* GmailProvider.make, due.tenantId, due.connectionId)
        looks.push(due)
        yield* Queue.offer(began, due)
      }),
    ),
  ),
).pipe(
  Layer.provideMerge(GmailMailboxes.GmailMailboxes.layer),
  Layer.provideMerge(
    Layer.mergeAll(
      Memory.layer,
      Layer.fresh(simulated({ mailboxes: [ada, "bob@example.com"] })),
      Registration.Providers.layer({ gmail: {} }),
      Layer.succeed(Credentials.ConfirmAfter, Duration.millis(5)),
    ),
  ),
)

layer(world, { excludeTestServices: true })("A push", (it) => {
  it.effect(
    "S26 brings what arrived, once, however often, in whatever order and with whatever history id it comes",
    () =>
      Effect.gen(function* () {
        const simulator = yield* GmailSimulator
        const { connectionId, cursor, items, session } = yield* connected("Pushed")
        yield* handled(yield* simulator.pushOf(ada, subscription))
        yield* Queue.take(began)
        const first = yield* deliver(1, "Pushed")
        const early = yield* simulator.pushOf(ada, subscription)
        const second = yield* deliver(1, "Pushed")
        const late = yield* simulator.pushOf(ada, { ...subscription, historyId: "1" })
        const cursors = [yield* cursor]
        for (const push of [yield* simulator.pushOf(ada, subscription), early, early, late]) {
          assert.deepStrictEqual(yield* handled(push), { _tag: "SyncDue", connectionIds: [connectionId] })
          assert.deepStrictEqual(yield* Queue.take(began), { tenantId: session.tenantId, connectionId })
          cursors.push(yield* cursor)
        }
        assert.deepStrictEqual(
          cursors,
          cursors.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0)),
        )
        assert.isTrue(BigInt(cursors.at(-1) ?? 0) > BigInt(cursors[0] ?? 0))
        assert.deepStrictEqual(yield* items, [...first, ...second])
      }),
  )

  it.effect("is taken for the connections of its mailbox alone, in every tenant, while they are at work", () =>
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const bob = "bob@example.com"
      const one = yield* connected("Here", { mailbox: bob })
      const two = yield* connected("There", { mailbox: bob })
      const other = yield* connected("Other label", { mailbox: bob, session: one.session })
      const paused = yield* connected("Paused", { mailbox: bob })
      yield* told(paused, { _tag: "Pause", at: yield* DateTime.now })
      const receipt = yield* handled(yield* simulator.pushOf(bob, subscription))
      const expected = [one, two, other].map(({ connectionId }) => connectionId)
      assert.deepStrictEqual(receipt._tag === "SyncDue" && receipt.connectionIds.toSorted(), expected.toSorted())
      const taken = yield* Effect.replicateEffect(Queue.take(began), 3)
      assert.deepStrictEqual(taken.map(({ connectionId }) => connectionId).toSorted(), expected.toSorted())

      yield* told(paused, { _tag: "Resume", at: yield* DateTime.now })
      yield* told(two, { _tag: "Disconnect", at: yield* DateTime.now, reason: "owner" })
      const shouted = encode({ emailAddress: "BOB@Example.com", historyId: 1 })
      const again = yield* handled(yield* simulator.pushOf(bob, { ...subscription, data: shouted }))
      const now = [one, other, paused].map(({ connectionId }) => connectionId)
      assert.deepStrictEqual(again._tag === "SyncDue" && again.connectionIds.toSorted(), now.toSorted())
      yield* Effect.replicateEffect(Queue.take(began), 3)
    }),
  )

  it.effect("comes over HTTP as often as it is sent, as Pub/Sub sends it", () =>
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const { connectionId } = yield* connected("Over HTTP", {
        mailbox: (yield* simulator.addMailbox("http@example.com")).address,
      })
      const arrived = yield* Queue.unbounded<GmailPush.Push>()
      const host = createServer((request, response) => {
        const parts: Array<Buffer> = []
        request.on("data", (part: Buffer) => parts.push(part))
        request.on("end", () => {
          Queue.offerUnsafe(arrived, { authorization: request.headers.authorization, body: Buffer.concat(parts) })
          response.writeHead(204).end()
        })
      })
      yield* Effect.acquireRelease(
        Effect.callback<void>((resume) => void host.listen(0, "127.0.0.1", () => resume(Effect.void))),
        () => Effect.sync(() => host.close()),
      )
      const address = host.address()
      const port = typeof address === "object" ? address?.port : undefined
      const { audience, serviceAccount } = subscription
      const to = `http://127.0.0.1:${port}/`
      const query = { mailbox: "http@example.com", to, times: "2", audience, serviceAccount }
      const answer = yield* Effect.promise(async () => {
        const response = await fetch(`${simulator.url}/simulator/push?${new URLSearchParams(query)}`, {
          method: "POST",
        })
        return response.json()
      })
      assert.deepStrictEqual(answer, { statuses: [204, 204] })
      for (const push of yield* Queue.takeAll(arrived)) {
        assert.deepStrictEqual(yield* handled(push), { _tag: "SyncDue", connectionIds: [connectionId] })
        yield* Queue.take(began)
      }
    }),
  )

  it.effect("S28 is refused unless Google signed it now, for this address, in this account's name", () =>
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      yield* connected("Signed")
      const before = looks.length
      const good = yield* simulator.pushOf(ada, subscription)
      const [scheme = "", token = ""] = good.authorization.split(" ")
      const [head = "", claims = "", signature = ""] = token.split(".")
      const none = Buffer.from(JSON.stringify({ alg: "none", kid: "simulated-key" })).toString("base64url")
      const hmac = Buffer.from(JSON.stringify({ alg: "HS256", kid: "simulated-key" })).toString("base64url")
      const forgedWith = (changed: Partial<Subscription>) =>
        Effect.map(simulator.pushOf(ada, { ...subscription, ...changed }), ({ authorization }) => authorization)
      const cases: ReadonlyArray<readonly [authorization: string | undefined, reason: string]> = [
        [undefined, "unsigned"],
        ["", "unsigned"],
        [token, "unsigned"],
        [`Basic ${token}`, "unsigned"],
        [`${scheme} ${head}.${claims}`, "unsigned"],
        [`${scheme} ${none}.${claims}.${signature}`, "invalid-token"],
        [`${scheme} ${hmac}.${claims}.${signature}`, "invalid-token"],
        [`${scheme} ${head}.${claims}.${signature.toUpperCase()}`, "invalid-token"],
        [yield* forgedWith({ isForged: true }), "invalid-token"],
        [yield* forgedWith({ audience: "https://elsewhere.example" }), "invalid-token"],
        [yield* forgedWith({ issuer: "https://accounts.example" }), "invalid-token"],
        [yield* forgedWith({ age: 2 * 3_600 }), "invalid-token"],
        [yield* forgedWith({ age: -2 * 3_600 }), "invalid-token"],
        [yield* forgedWith({ serviceAccount: "somebody@simulated.iam.example" }), "another-account"],
        [yield* forgedWith({ keyId: "another-key" }), "unknown-key"],
        [yield* forgedWith({ keyId: "__proto__" }), "unknown-key"],
      ]
      for (const [index, [authorization, reason]] of cases.entries()) {
        const refused = yield* Effect.flip(handled({ body: good.body, authorization }))
        assert.deepInclude<object>(refused, { _tag: "PushRefused", reason }, String(index))
        assert.notInclude(inspect(refused, { depth: Infinity }), signature)
      }
      assert.strictEqual(looks.length, before)
    }),
  )

  it.effect(
    "S28 that is signed and makes no sense is acknowledged, and so is one of a mailbox that nobody watches",
    () =>
      Effect.gen(function* () {
        const simulator = yield* GmailSimulator
        const { authorization } = yield* simulator.pushOf(ada, subscription)
        const bytes = (text: string) => new TextEncoder().encode(text)
        const message = (data: unknown) => bytes(JSON.stringify({ message: { data } }))
        for (const body of [
          new Uint8Array(),
          new Uint8Array([0xff, 0xfe]),
          bytes("no json"),
          bytes("null"),
          bytes("{}"),
          message(7),
          message("%%%"),
          message(Buffer.from("no json").toString("base64")),
          message(encode({ historyId: 1 })),
          message(encode({ emailAddress: "", historyId: 1 })),
          message(encode({ emailAddress: { $ne: null }, historyId: 1 })),
        ]) {
          assert.deepStrictEqual(yield* handled({ authorization, body }), { _tag: "Ignored", reason: "malformed" })
        }
        for (const emailAddress of ["nobody@example.com", "'; --", "__proto__", "a".repeat(100_000)]) {
          const body = message(encode({ emailAddress, historyId: 1 }))
          assert.deepStrictEqual(yield* handled({ authorization, body }), {
            _tag: "Ignored",
            reason: "unknown-mailbox",
          })
        }
      }),
  )
})

layer(world, { excludeTestServices: true })("The connections of a mailbox", (it) => {
  it.effect("are found again as soon as the keys of their tenant can be had again", () =>
    Effect.gen(function* () {
      const { connectionId } = yield* connected("Locked")
      const hashes = yield* KeyedHash.KeyedHash
      let isLocked = true
      const away = new EventStore.EventStoreUnavailable({ reason: "away", outcome: "nothing-written" })
      const mailboxes = yield* mailboxesWith((...asked) => (isLocked ? Effect.fail(away) : hashes.hash(...asked)))
      assert.deepStrictEqual(yield* mailboxes.of(ada), [])
      isLocked = false
      assert.include(idsOf(yield* mailboxes.of(ada)), connectionId)
    }),
  )

  it.effect("say since when each watches its label: since it came to work, or chose it", () =>
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const mailboxes = yield* GmailMailboxes.GmailMailboxes
      const connection = yield* connected("Before")
      yield* simulator.label(ada, "After")
      const { connectionId, session } = connection
      const since = Effect.map(
        mailboxes.all,
        (all) => all.find((watcher) => watcher.connectionId === connectionId)?.since,
      )
      const first = yield* since
      const { state } = yield* Aggregate.load(Connection)(session.tenantId, connectionId)
      const { ownerId = nobodys, settings = {} } = state
      const plan = { provider: GmailProvider.id, ownerId, settings, pollIntervalSeconds: 999 }
      yield* told(connection, { _tag: "Configure", at: yield* DateTime.now, ...plan })
      assert.strictEqual(yield* since, first)

      yield* GmailConnect.chooseLabel(session, connectionId, "After")
      const second = yield* since
      assert.notStrictEqual(second, first)
      yield* GmailConnect.chooseLabel(session, connectionId, "Before")
      const third = yield* since
      yield* told(connection, { _tag: "Pause", at: yield* DateTime.now })
      assert.isUndefined(yield* since)
      yield* told(connection, { _tag: "Resume", at: yield* DateTime.now })
      assert.strictEqual(new Set([first, second, third, yield* since]).size, 4)
    }),
  )

  it.effect("are complete for whoever asks after a new one, also while an earlier search goes on", () =>
    Effect.gen(function* () {
      const { connectionId: first } = yield* connected("Searched")
      const hashes = yield* KeyedHash.KeyedHash
      const [reached, open] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const mailboxes = yield* mailboxesWith((...asked) =>
        Deferred.succeed(reached, undefined).pipe(
          Effect.andThen(Deferred.await(open)),
          Effect.andThen(hashes.hash(...asked)),
        ),
      )
      const early = yield* Effect.forkChild(mailboxes.of(ada))
      yield* Deferred.await(reached)
      const { connectionId: second } = yield* connected("New meanwhile")
      // Whoever asks for all has read the log up to here.
      yield* mailboxes.all
      yield* Deferred.succeed(open, undefined)
      assert.include(idsOf(yield* Fiber.join(early)), first)
      assert.includeMembers(idsOf(yield* mailboxes.of(ada)), [first, second])
    }),
  )
})

layer(world, { excludeTestServices: true })("Google's keys", (it) => {
  it.effect("are fetched once, whoever knocks; while they cannot be had a push is to come again", () =>
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      yield* simulator.addMailbox("nobody@example.com")
      const good = yield* simulator.pushOf("nobody@example.com", subscription)
      yield* simulator.fail({ kind: "certs", failure: "unavailable" })
      const away = yield* Effect.flip(handled(good))
      assert.strictEqual(away._tag === "GoogleError" && away.reason._tag, "Unavailable")

      const strange = yield* simulator.pushOf("nobody@example.com", { ...subscription, keyId: "made-up" })
      yield* Effect.all(
        Array.from({ length: 20 }, () => handled(good)),
        { concurrency: "unbounded" },
      )
      for (const _ of [1, 2, 3]) yield* Effect.flip(handled(strange))
      yield* handled(good)
      assert.strictEqual(yield* simulator.count("certs"), 2)
    }),
  )
})

layer(world, { excludeTestServices: true })("A look that a push causes", (it) => {
  it.effect("is taken one at a time, and once more for any number that came meanwhile, and fails alone", () =>
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const address = (yield* simulator.addMailbox("slow@example.com")).address
      yield* connected("Slow", { mailbox: address })
      const gate = yield* Deferred.make<void>()
      const started = yield* Queue.unbounded<number>()
      let running = 0
      const sync = () =>
        Effect.gen(function* () {
          yield* Queue.offer(started, ++running)
          yield* Deferred.await(gate)
          running--
          return yield* new Sync.SyncFailed({ connectionId: nobody, reason: "Unavailable", retryable: true })
        })
      const { certificatesUrl } = simulator
      const pushes = Layer.fresh(GmailPush.GmailPush.layer({ ...subscription, certificatesUrl }, sync))
      yield* Effect.gen(function* () {
        const push = yield* simulator.pushOf(address, subscription)
        for (let times = 0; times < 10; times++) yield* handled(push)
        assert.strictEqual(yield* Queue.take(started), 1)
        assert.strictEqual(yield* Queue.size(started), 0)
        yield* Deferred.succeed(gate, undefined)
        assert.strictEqual(yield* Queue.take(started), 1)
        for (let turn = 0; turn < 50; turn++) yield* Effect.yieldNow
        assert.strictEqual(yield* Queue.size(started), 0)
        yield* handled(push)
        assert.strictEqual(yield* Queue.take(started), 1)
      }).pipe(Effect.provide(pushes))
    }),
  )
})

layer(world, { excludeTestServices: true })("A watch", (it) => {
  it.effect("is for all labels of the mailbox, in all tenants, and stopped with the last connection only", () =>
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const one = yield* connected("Watched")
      const two = yield* connected("Also watched")
      const until = yield* GmailWatch.arm({ topic }, { ...one, ...one.session })
      const [watch] = yield* simulator.watches
      assert.deepStrictEqual(watch?.labelIds.toSorted(), [one.labelId, two.labelId].toSorted())
      assert.deepInclude(watch, { mailbox: ada, topic, expiresAt: DateTime.toEpochMillis(until) })

      for (const [connection, left] of [
        [one, 1],
        [two, 0],
      ] as const) {
        yield* told(connection, { _tag: "Disconnect", at: yield* DateTime.now, reason: "owner" })
        yield* GmailWatch.disarm(connection.session.tenantId, connection.connectionId)
        assert.strictEqual((yield* simulator.watches).length, left)
      }
    }),
  )
})

describe("The watching of mailboxes", () => {
  it.effect("S27 is renewed daily, begins with the connection, and tells for 48 hours that it ends", () =>
    Effect.gen(function* () {
      const asked: Array<ReadonlyArray<string>> = []
      const google = { isAway: false }
      const watchers: Array<GmailMailboxes.Watcher> = []
      const heard: Array<{ readonly message: unknown; readonly annotations: Record<string, unknown> }> = []
      yield* Effect.gen(function* () {
        const running = yield* Effect.forkChild(GmailWatch.run({ topic }))
        const first = watcher(1)
        watchers.push(first)
        yield* pass("5 minutes")
        assert.deepStrictEqual(asked, [["Label_1"]])
        watchers.push(watcher(2))
        yield* pass("5 minutes")
        assert.deepStrictEqual(asked.slice(1), [["Label_1", "Label_2"]])

        asked.length = 0
        yield* pass("2 days")
        assert.strictEqual(asked.length, 4)

        google.isAway = true
        yield* pass("4 days")
        assert.deepStrictEqual(expiring(heard), [])
        yield* pass("4 days")
        const told = expiring(heard).filter(({ annotations }) => annotations["connectionId"] === first.connectionId)
        assert.deepStrictEqual(
          told.map(({ annotations }) => annotations["hoursLeft"]),
          [47, 23, 0],
        )
        assert.isAtMost(asked.length, 4 + 2 * 24 * 8)

        google.isAway = false
        yield* switched("Disable")
        asked.length = 0
        yield* pass("1 days")
        assert.deepStrictEqual(asked, [])
        yield* switched("Enable")
        heard.length = 0
        yield* pass("3 days")
        assert.deepStrictEqual(expiring(heard), [])
        yield* Fiber.interrupt(running)
      }).pipe(
        Effect.provide(watching(asked, google, watchers)),
        Effect.provide(Logger.layer([Logger.map(Logger.formatStructured, (line) => void heard.push(line))])),
      )
    }),
  )
})

describe("A clock that was put back", () => {
  it.effect("keeps no mailbox from being watched anew every day", () =>
    Effect.gen(function* () {
      const asked: Array<ReadonlyArray<string>> = []
      yield* Effect.gen(function* () {
        const right = yield* Clock.Clock
        let ahead = Duration.toMillis("10 days")
        const wrong: Clock.Clock = {
          currentTimeMillisUnsafe: () => right.currentTimeMillisUnsafe() + ahead,
          currentTimeMillis: Effect.map(right.currentTimeMillis, (now) => now + ahead),
          currentTimeNanosUnsafe: () => right.currentTimeNanosUnsafe(),
          currentTimeNanos: right.currentTimeNanos,
          monotonicTimeNanosUnsafe: () => right.monotonicTimeNanosUnsafe(),
          monotonicTimeNanos: right.monotonicTimeNanos,
          sleep: (duration) => right.sleep(duration),
        }
        // Leases go by the store's clock.
        const leases = yield* Leases.Leases
        const store = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.provideService(effect, Clock.Clock, right)
        const held = Leases.Leases.of({
          ...leases,
          acquire: (...lease) => store(leases.acquire(...lease)),
          renew: (...lease) => store(leases.renew(...lease)),
          release: (...lease) => store(leases.release(...lease)),
        })
        const running = yield* GmailWatch.run({ topic }).pipe(
          Effect.provideService(Clock.Clock, wrong),
          Effect.provideService(Leases.Leases, held),
          Effect.forkChild,
        )
        yield* pass("10 minutes")
        assert.strictEqual(asked.length, 1)
        ahead = 0
        yield* pass("3 days")
        assert.strictEqual(asked.length, 4)
        yield* Fiber.interrupt(running)
      }).pipe(Effect.provide(watching(asked, { isAway: false }, [watcher(1)])))
    }),
  )
})

describe("Of several processes that watch mailboxes", () => {
  it.effect("one asks, once a day; and one that is started asks for nothing that was asked for", () =>
    Effect.gen(function* () {
      const asked: Array<ReadonlyArray<string>> = []
      yield* Effect.gen(function* () {
        const first = yield* Effect.forkChild(GmailWatch.run({ topic }))
        const second = yield* Effect.forkChild(GmailWatch.run({ topic }))
        yield* settle
        assert.deepStrictEqual(asked, [["Label_1"]])
        yield* pass("20 hours")
        yield* Fiber.interrupt(first)
        const third = yield* Effect.forkChild(GmailWatch.run({ topic }))
        yield* settle
        assert.strictEqual(asked.length, 1)
        yield* pass("2 days")
        assert.strictEqual(asked.length, 3)
        yield* Fiber.interruptAll([second, third])
      }).pipe(Effect.provide(watching(asked, { isAway: false }, [watcher(1)])))
    }),
  )

  it.effect(
    "another asks within minutes of one that died over it, and is not kept from it by one that was refused",
    () =>
      Effect.gen(function* () {
        const asked: Array<ReadonlyArray<string>> = []
        const google = { isAway: true }
        yield* Effect.gen(function* () {
          const leases = yield* Leases.Leases
          const { connectionId, since, tenantId } = watcher(1)
          yield* leases.acquire(tenantId, `gmail-watch:${connectionId}:${since}`, "1 minute")
          const running = yield* Effect.forkChild(GmailWatch.run({ topic }))
          yield* settle
          assert.deepStrictEqual(asked, [])
          yield* pass("5 minutes")
          assert.strictEqual(asked.length, 1)
          google.isAway = false
          const other = yield* Effect.forkChild(GmailWatch.run({ topic }))
          yield* settle
          assert.strictEqual(asked.length, 2)
          yield* pass("20 hours")
          assert.strictEqual(asked.length, 2)
          yield* Fiber.interruptAll([running, other])
        }).pipe(Effect.provide(watching(asked, google, [watcher(1)])))
      }),
  )

  it.effect("one that never heard of the watch knows when it ends", () =>
    Effect.gen(function* () {
      const asked: Array<ReadonlyArray<string>> = []
      const google = { isAway: false }
      const heard: Array<{ readonly message: unknown; readonly annotations: Record<string, unknown> }> = []
      yield* Effect.gen(function* () {
        const first = yield* Effect.forkChild(GmailWatch.run({ topic }))
        yield* settle
        const second = yield* Effect.forkChild(GmailWatch.run({ topic }))
        yield* settle
        yield* Fiber.interrupt(first)
        google.isAway = true
        yield* pass("5 days")
        assert.deepStrictEqual(expiring(heard), [])
        yield* pass("1 hours")
        assert.deepStrictEqual(
          expiring(heard).map(({ annotations }) => annotations["hoursLeft"]),
          [47],
        )
        yield* Fiber.interrupt(second)
      }).pipe(
        Effect.provide(watching(asked, google, [watcher(1)])),
        Effect.provide(Logger.layer([Logger.map(Logger.formatStructured, (line) => void heard.push(line))])),
      )
    }),
  )
})

describe("A mailbox that is watched", () => {
  it.effect("is watched the moment that it is connected, and anew the moment that another label is chosen", () =>
    Effect.gen(function* () {
      const asked: Array<ReadonlyArray<string>> = []
      const watchers: Array<GmailMailboxes.Watcher> = []
      yield* Effect.gen(function* () {
        const running = yield* Effect.forkChild(GmailWatch.run({ topic }))
        yield* settle
        const first = watcher(1)
        for (const [label, since] of [
          ["Label_1", 1],
          ["Label_2", 2],
        ] as const) {
          const next = { ...first, labelId: GmailApi.LabelId.make(label), since }
          watchers.splice(0, 1, next)
          yield* Aggregate.handle(Connection)(
            next.tenantId,
            next.connectionId,
            {
              _tag: "Configure",
              at: yield* DateTime.now,
              provider: GmailProvider.id,
              ownerId: Ids.OwnerId.make("ada"),
              pollIntervalSeconds: 60 + next.since,
              settings: {},
            },
            { metadata: { actor: Ids.system } },
          )
          yield* settle
          assert.deepStrictEqual(asked.at(-1), [label])
        }
        assert.strictEqual(asked.length, 2)
        yield* Fiber.interrupt(running)
      }).pipe(Effect.provide(watching(asked, { isAway: false }, watchers)))
    }),
  )
})

/** Everybody does what there is to do now. */
const settle = Effect.repeat(Effect.yieldNow, { times: 60 })

/** Time passes in steps of five minutes, and in each of them everybody does what there is to do. */
const pass = (time: Duration.Input) =>
  Effect.repeat(Effect.andThen(TestClock.adjust("5 minutes"), Effect.repeat(Effect.yieldNow, { times: 15 })), {
    times: Duration.toMillis(time) / 300_000 - 1,
  })

const switched = Effect.fnUntraced(function* (_tag: "Disable" | "Enable") {
  const change = { _tag, at: yield* DateTime.now, scope: { kind: "provider", id: GmailProvider.id } } as const
  yield* Controls.turn(Controls.everywhere, change, { actor: Ids.system })
})

const topic = "projects/simulated/topics/gmail"

const expiring = <A extends { readonly message: unknown }>(heard: ReadonlyArray<A>) =>
  heard.filter(({ message }) => message === "gmail_watch_expiring")

const nobodys = Ids.OwnerId.make("nobody")
const nobody = Ids.ConnectionId.make("00000000-0000-4000-8000-000000000000")

const handled = Effect.fnUntraced(function* (push: GmailPush.Push | SignedPush) {
  return yield* (yield* GmailPush.GmailPush).handle(push)
})

const encode = (data: unknown) => Buffer.from(JSON.stringify(data)).toString("base64")

let tenants = 0

const newSession = (): GmailConnect.Session => ({
  tenantId: Ids.TenantId.make(`tenant ${tenants++}`),
  ownerId: Ids.OwnerId.make("ada"),
  id: "browser-1",
})

/** The connections of mailboxes, looked up by hashes of another make. */
const mailboxesWith = Effect.fnUntraced(function* (hash: KeyedHash.KeyedHash["Service"]["hash"]) {
  const mailboxes = yield* Layer.build(
    Layer.provide(Layer.fresh(GmailMailboxes.GmailMailboxes.layer), Layer.succeed(KeyedHash.KeyedHash, { hash })),
  )
  return Context.get(mailboxes, GmailMailboxes.GmailMailboxes)
})

const idsOf = (watchers: ReadonlyArray<GmailMailboxes.Watcher>) => watchers.map(({ connectionId }) => connectionId)

/** A mailbox that is connected, and what can be seen of it. */
const connected = Effect.fnUntraced(function* (
  label: string,
  {
    mailbox = ada,
    session = newSession(),
  }: { readonly mailbox?: string; readonly session?: GmailConnect.Session } = {},
) {
  const simulator = yield* GmailSimulator
  const { tenantId } = session
  const labelId = yield* simulator.label(mailbox, label)
  const { connectionId, url } = yield* GmailConnect.begin({ session, settings: { label } })
  const query = (yield* simulator.consent(url, { mailbox })).searchParams
  yield* GmailConnect.complete({ query, session })
  const cursor = Effect.map(Aggregate.load(Connection)(tenantId, connectionId), ({ state }) => {
    const [cursor = "{}"] = Object.values(state.cursors)
    return String(JSON.parse(cursor).history?.start)
  })
  const items = Effect.gen(function* () {
    const log = yield* EventStore.EventLog
    const filter = { categories: ["feed"], types: ["items_recorded"], tenantId, sealed: false }
    const events = yield* Stream.runCollect(log.read(EventStore.beginning, filter))
    return events.flatMap(({ event }) => event.data["itemIds"] as ReadonlyArray<string>)
  })
  return { connectionId, session, labelId, cursor, items }
})

const told = (
  { connectionId, session }: { readonly connectionId: Ids.ConnectionId; readonly session: GmailConnect.Session },
  command: Connection.Command,
) => Aggregate.handle(Connection)(session.tenantId, connectionId, command, { metadata: { actor: Ids.system } })

const deliver = Effect.fnUntraced(function* (count: number, label: string) {
  const simulator = yield* GmailSimulator
  const mails = Array.from({ length: count }, (_, index) => Mails.numbered(index))
  return yield* simulator.deliverAll(ada, mails, { labels: [label] })
})

/** A Google that counts what it is asked to watch, and connections of Ada's mailbox, on a clock that is moved by hand. */
const watching = (
  asked: Array<ReadonlyArray<string>>,
  google: { readonly isAway: boolean },
  watchers: ReadonlyArray<GmailMailboxes.Watcher>,
) =>
  Layer.effect(
    GmailApi.GmailApi,
    Effect.map(GmailApi.GmailApi, (api) =>
      GmailApi.GmailApi.of({
        mailbox: (...opened) => ({
          ...api.mailbox(...opened),
          watch: ({ labelIds }) =>
            Effect.gen(function* () {
              asked.push(labelIds)
              if (!google.isAway) return DateTime.addDuration(yield* DateTime.now, "7 days")
              const reason = new GoogleError.Unavailable({ problem: "server error" })
              return yield* new GoogleError.GoogleError({ method: "watch", reason })
            }),
        }),
      }),
    ),
  ).pipe(
    Layer.provideMerge(
      Layer.mergeAll(
        InProcess.layer({ mailboxes: [ada] }),
        Memory.layer,
        Layer.mock(Vault.Vault, {
          get: () => Effect.succeed({ version: 1, secret, updatedAt: DateTime.makeUnsafe(0) }),
        }),
        Layer.mock(GmailMailboxes.GmailMailboxes, {
          all: Effect.sync(() => [...watchers]),
          of: () => Effect.sync(() => [...watchers]),
        }),
      ),
    ),
  )

const secret = GmailSecret.write({
  _tag: "Granted",
  state: "state",
  session: "browser",
  accessToken: "access",
  refreshToken: "refresh",
  expiresAt: DateTime.makeUnsafe("2100-01-01T00:00:00Z"),
  scopes: [],
  identity: Ids.IdentityHash.make("a".repeat(64)),
  address: ada,
})

const watcher = (number: number): GmailMailboxes.Watcher => ({
  tenantId: Ids.TenantId.make("harbour"),
  connectionId: Ids.ConnectionId.make(`00000000-0000-4000-8000-00000000000${number}`),
  labelId: GmailApi.LabelId.make(`Label_${number}`),
  since: 1,
})
