import { assert, describe, it } from "@effect/vitest"
import { Ids, Sync, SyncScheduler } from "@holdfast/domain"
import { DateTime, Effect, Fiber, type Layer } from "effect"

import { GmailProvider } from "../src/index.ts"
import { GmailSimulator, type InProcess, Mails } from "../src/testing/index.ts"
import * as VirtualTime from "../src/testing/VirtualTime.ts"
import { connected, label, world } from "./mailbox.ts"
import { ada } from "./support.ts"

const bob = "bob@example.com"
const labelled = { labels: [label] }

const scenario = <E>(
  name: string,
  story: Effect.Effect<unknown, E, Layer.Success<ReturnType<typeof world>>>,
  options: InProcess.Options = {},
) => it.live(name, () => Effect.asVoid(story).pipe(Effect.provide(world(options)), VirtualTime.provide()))

describe("Mailboxes of which nothing is announced", () => {
  scenario(
    "S27 are looked at as often as each asks for, and what arrives is on the tape within that time",
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const often = yield* connected({ address: ada })
      const seldom = yield* connected({ address: bob, identity: Ids.IdentityHash.make("b".repeat(64)) })
      yield* seldom.told({
        _tag: "Configure",
        at: yield* DateTime.now,
        provider: GmailProvider.id,
        ownerId: (yield* seldom.state).ownerId ?? assert.fail("It is nobody's"),
        pollIntervalSeconds: 600,
        settings: (yield* seldom.state).settings ?? {},
      })
      const running = yield* Effect.forkChild(
        SyncScheduler.run({
          providers: [GmailProvider.id],
          sync: ({ connectionId, tenantId }) => Sync.run(often.provider, tenantId, connectionId),
        }),
      )
      const began = DateTime.toEpochMillis(yield* DateTime.now)
      yield* Effect.sleep("30 seconds")
      yield* simulator.forgetRequests
      const looks = (mailbox: string) =>
        Effect.map(
          simulator.requests,
          (all) => all.filter((request) => request.kind === "history.list" && request.mailbox === mailbox).length,
        )

      // At odd moments, so that no look happens to be at hand.
      for (const [index, seconds] of [7, 331, 1_010].entries()) {
        yield* Effect.sleep(`${seconds} seconds`)
        const arrived = []
        for (const address of [ada, bob]) {
          arrived.push(yield* simulator.deliver(address, Mails.numbered(index), labelled))
        }
        const [toAda = "", toBob = ""] = arrived
        yield* Effect.sleep("61 seconds")
        assert.include(yield* often.ids, toAda, `${seconds}`)
        yield* Effect.sleep("540 seconds")
        assert.include(yield* seldom.ids, toBob, `${seconds}`)
      }
      const minutes = (DateTime.toEpochMillis(yield* DateTime.now) - began) / 60_000
      assert.closeTo(yield* looks(ada), minutes, 2)
      assert.closeTo(yield* looks(bob), minutes / 10, 2)
      assert.strictEqual(yield* simulator.count("watch"), 0)
      yield* Fiber.interrupt(running)
    }),
    { mailboxes: [ada, bob] },
  )
})

describe("A count that agrees", () => {
  scenario(
    "S30 although a message was lost and another one went unnoticed hides the loss for a week at most",
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const [kept, ghost] = yield* simulator.deliverAll(ada, [Mails.numbered(1), Mails.numbered(2)], labelled)
      const gmail = yield* connected()
      yield* gmail.sync
      assert.deepStrictEqual((yield* gmail.ids).toSorted(), [kept, ghost].toSorted())
      yield* simulator.concealMessage(ada, ghost ?? "")
      yield* simulator.deleteMessage(ada, ghost ?? "")
      const lost = yield* simulator.deliver(ada, Mails.numbered(3), labelled)
      yield* simulator.concealMessage(ada, lost)
      // The cursor goes on behind what comes next.
      yield* simulator.deliver(ada, Mails.numbered(4), labelled)
      yield* gmail.sync
      yield* simulator.revealMessage(ada, lost)

      const before = yield* simulator.count("messages.list")
      for (let day = 0; day < 6; day++) {
        yield* Effect.sleep("1 day")
        yield* gmail.sync
        assert.notInclude(yield* gmail.ids, lost)
      }
      assert.strictEqual(yield* simulator.count("messages.list"), before)
      yield* Effect.sleep("1 day")
      yield* gmail.sync
      assert.include(yield* gmail.ids, lost)
      assert.strictEqual(yield* simulator.count("messages.list"), before + 1)
      yield* gmail.sync
      assert.strictEqual(yield* simulator.count("messages.list"), before + 1)
    }),
  )

  scenario(
    "is believed by whoever goes on from a connection that compared everything, and not for longer",
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      yield* simulator.deliver(ada, Mails.numbered(1), labelled)
      const first = yield* connected()
      yield* first.sync
      for (const listed of [0, 1]) {
        yield* Effect.sleep("4 days")
        yield* first.told({ _tag: "Disconnect", at: yield* DateTime.now, reason: "owner" })
        const next = yield* connected()
        yield* simulator.forgetRequests
        yield* next.sync
        assert.strictEqual(yield* simulator.count("messages.list"), listed)
        yield* next.told({ _tag: "Disconnect", at: yield* DateTime.now, reason: "owner" })
      }
    }),
  )
})
