import { assert, describe, it } from "@effect/vitest"
import { Forgetting, Ids, Leases, ProjectionRunner, Sync, Verify } from "@holdfast/domain"
import { Clock, DateTime, Deferred, Effect, Fiber, type Layer, Logger, References } from "effect"

import { GmailMessagesView, GmailProvider, QuotaBucket, Tape } from "../src/index.ts"
import { GmailSimulator, type InProcess, Mails } from "../src/testing/index.ts"
import * as VirtualTime from "../src/testing/VirtualTime.ts"
import { play } from "../stress/Schedule.ts"
import * as LargeMails from "./largeMails.ts"
import { connected, label, world } from "./mailbox.ts"
import { ada } from "./support.ts"

const mails = (count: number, from = 0) => Array.from({ length: count }, (_, n) => Mails.numbered(from + n))
const labelled = { labels: [label] }

/** Scenarios run in a time of their own, against a Google of their own. */
const scenario = <E>(
  name: string,
  story: Effect.Effect<unknown, E, Layer.Success<ReturnType<typeof world>>>,
  options: InProcess.Options = {},
) => it.live(name, () => Effect.asVoid(story).pipe(Effect.provide(world(options)), VirtualTime.provide()))

describe("The first look at a label", () => {
  scenario(
    "S01 that is empty succeeds and sets its cursor",
    Effect.gen(function* () {
      const gmail = yield* connected()
      assert.deepInclude(yield* gmail.sync, { added: 0, scanned: 0, deferred: 0 })
      assert.strictEqual(Object.keys((yield* gmail.state).cursors).length, 1)
      assert.strictEqual((yield* (yield* GmailSimulator).spending(ada)).units, 8)
    }),
  )

  scenario(
    "S02 lists 1,234 messages in three pages and gets each once",
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      yield* simulator.deliverAll(ada, mails(1_234), labelled)
      const gmail = yield* connected()
      const report = yield* Effect.provideService(gmail.sync, GmailProvider.PageSize, 500)
      assert.deepInclude(report, { added: 1_234, scanned: 1_234 })
      assert.deepStrictEqual(
        [yield* simulator.count("messages.list"), yield* simulator.count("messages.get")],
        [3, 1_234],
      )
      const { units } = yield* simulator.spending(ada)
      assert.strictEqual(report.units, units)
      assert.isAtMost(Math.abs(units - 24_695) / 24_695, 0.01)
      assert.isAtMost(units / 1_234, 20.1)
    }),
  )

  scenario(
    "S12 S11 misses nothing that arrives while it lists, nor between the pages of its history",
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      yield* simulator.deliverAll(ada, mails(30), labelled)
      const gmail = yield* connected()
      const small = Effect.provideService(gmail.sync, GmailProvider.PageSize, 7)
      const run = yield* Effect.forkChild(small)
      yield* simulator.met("messages.list", 2)
      yield* simulator.deliverAll(ada, mails(20, 30), labelled)
      yield* simulator.met("history.list", 2)
      yield* simulator.deliverAll(ada, mails(5, 50), labelled)
      yield* Fiber.join(run)
      yield* small
      yield* holdsAllOnce(gmail, 55)
    }),
  )

  scenario(
    "of large mails delivers pages that one of them overfills at most, and asks for few of them twice",
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const large = mails(24).map((mail) => new Uint8Array(Buffer.concat([mail, Buffer.alloc(60_000, "line\r\n")])))
      yield* simulator.deliverAll(ada, large, labelled)
      const provider = yield* Effect.provideService(GmailProvider.make, GmailProvider.BytesInFlight, 70_000)
      const gmail = yield* connected({ provider })
      yield* Effect.provideService(gmail.sync, GmailProvider.PageBytes, 100_000)
      yield* holdsAllOnce(gmail, 24)
      const pages = (yield* gmail.feed).flatMap((event) =>
        event._tag === "items_recorded" ? [event.itemIds.length] : [],
      )
      assert.isAtMost(Math.max(...pages), 2)
      // Only of the first page it was not known how large they are.
      assert.isAtMost(yield* simulator.count("messages.get"), 24 + 7)
    }),
  )

  scenario(
    "S13 whose page token goes bad begins again, without asking for a message twice",
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      yield* simulator.deliverAll(ada, mails(35), labelled)
      const gmail = yield* connected()
      const run = yield* Effect.forkChild(Effect.provideService(gmail.sync, GmailProvider.PageSize, 10))
      yield* simulator.met("messages.list", 2)
      yield* simulator.forgetPages(ada)
      yield* Fiber.join(run)
      yield* holdsAllOnce(gmail, 35)
      assert.isAbove(yield* simulator.count("messages.list"), 4)
      assert.isTrue([...(yield* simulator.rawFetches).values()].every((times) => times === 1))
    }),
  )

  scenario(
    "S35 of a mailbox that is archived already gets nothing, and costs three units beside its pages",
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      yield* simulator.deliverAll(ada, mails(250), labelled)
      const first = yield* connected()
      yield* first.sync
      yield* first.told({ _tag: "Disconnect", at: yield* DateTime.now, reason: "owner" })

      const spentOn = Effect.fnUntraced(function* <A, E, R>(look: Effect.Effect<A, E, R>) {
        const before = yield* simulator.spending(ada)
        yield* simulator.forgetRequests
        yield* look
        assert.strictEqual(yield* simulator.count("messages.get"), 0)
        return (yield* simulator.spending(ada)).units - before.units
      })
      const second = yield* connected()
      assert.strictEqual(yield* spentOn(second.sync), 3)
      assert.deepStrictEqual(yield* second.ids, [])

      // All that is listed is held: three pages of five units, and what the history refused.
      yield* simulator.forgetHistory(ada)
      assert.strictEqual(yield* spentOn(second.sync), 2 + 3 + 3 * 5)
      assert.strictEqual(yield* spentOn(second.sync), 3)
    }),
  )
})

describe("What comes to a label", () => {
  scenario(
    "S03 S04 S05 S14 by a filter, by hand or both is fetched once, and a reply without the label is not",
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const gmail = yield* connected()
      yield* gmail.sync
      const filtered = yield* simulator.deliver(ada, Mails.numbered(1), { ...labelled, threadId: "t1" })
      const old = yield* simulator.deliver(ada, Mails.numbered(2))
      const reply = yield* simulator.deliver(ada, Mails.numbered(3), { threadId: "t1" })
      yield* simulator.addLabel(ada, old, label)
      yield* simulator.removeLabel(ada, filtered, label)
      yield* simulator.addLabel(ada, filtered, label)
      yield* gmail.sync
      assert.sameMembers([...(yield* gmail.ids)], [filtered, old])
      assert.notInclude(yield* gmail.ids, reply)
      // The list says it again.
      yield* simulator.forgetHistory(ada)
      assert.deepInclude(yield* gmail.sync, { added: 0, known: 2 })
    }),
  )

  scenario(
    "S10 shows behind pages of the history that are empty",
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const gmail = yield* connected()
      yield* gmail.sync
      yield* simulator.deliverAll(ada, mails(20))
      yield* simulator.deliverAll(ada, mails(2, 20), labelled)
      assert.deepInclude(yield* Effect.provideService(gmail.sync, GmailProvider.PageSize, 3), { added: 2 })
      yield* holdsAllOnce(gmail, 2)
    }),
  )

  scenario(
    "S09 after the history was forgotten is found by comparing the list, and only what is missing is fetched",
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      yield* simulator.deliverAll(ada, mails(12), labelled)
      const gmail = yield* connected()
      yield* gmail.sync
      yield* simulator.deliverAll(ada, mails(3, 12), labelled)
      yield* simulator.forgetHistory(ada)
      yield* simulator.forgetRequests
      assert.deepInclude(yield* gmail.sync, { added: 3, known: 12 })
      assert.strictEqual(yield* simulator.count("messages.get"), 3)
    }),
  )

  scenario(
    "from the trash or from spam, where no listing showed it, is fetched",
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const ids = yield* simulator.deliverAll(ada, mails(4), labelled)
      const [trashed = "", spam = "", ...others] = ids
      const bins = [
        [trashed, "TRASH"],
        [spam, "SPAM"],
      ] as const
      for (const [id, bin] of bins) yield* simulator.addLabel(ada, id, bin)
      const gmail = yield* connected()
      yield* gmail.sync
      assert.sameMembers([...(yield* gmail.ids)], others)
      for (const [id, bin] of bins) yield* simulator.removeLabel(ada, id, bin)
      assert.deepInclude(yield* gmail.sync, { added: 2 })
      assert.sameMembers([...(yield* gmail.ids)], [...ids])
    }),
  )

  scenario(
    "S25 is followed beyond what a number can count",
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const gmail = yield* connected()
      for (let n = 0; n < 5; n++) {
        yield* simulator.deliver(ada, Mails.numbered(n), labelled)
        assert.deepInclude(yield* gmail.sync, { added: 1 })
        const [cursor = ""] = Object.values((yield* gmail.state).cursors)
        const [historyId = ""] = /\d{16,20}/.exec(cursor) ?? []
        assert.isTrue(BigInt(historyId) > BigInt(Number.MAX_SAFE_INTEGER))
      }
    }),
  )
})

describe("A message that is archived", () => {
  scenario(
    "S06 stays, whatever becomes of it: that is observed",
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const [unlabelled = "", trashed = "", spam = "", deleted = "", back = "", still = ""] =
        yield* simulator.deliverAll(ada, mails(6), labelled)
      const gmail = yield* connected()
      yield* gmail.sync
      yield* simulator.removeLabel(ada, unlabelled, label)
      yield* simulator.addLabel(ada, trashed, "TRASH")
      yield* simulator.addLabel(ada, spam, "SPAM")
      yield* simulator.deleteMessage(ada, deleted)
      yield* simulator.removeLabel(ada, back, label)
      yield* gmail.sync
      assert.deepStrictEqual(yield* gmail.observed, {
        [unlabelled]: "removed",
        [trashed]: "trashed",
        [spam]: "spam",
        [deleted]: "deleted",
        [back]: "removed",
      })
      yield* simulator.addLabel(ada, back, label)
      yield* simulator.removeLabel(ada, trashed, "TRASH")
      yield* gmail.sync
      assert.deepInclude(yield* gmail.observed, { [back]: "returned", [trashed]: "returned" })
      assert.sameMembers([...(yield* gmail.ids)], [unlabelled, trashed, spam, deleted, back, still])
      assert.strictEqual((yield* gmail.tape).length, 6)
      // Nothing of this is a loss.
      yield* gmail.sync
      assert.isUndefined(yield* gmail.drift)
    }),
  )

  scenario(
    "S06 and vanished while the history was lost is observed when the list is compared",
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const [deleted = "", unlabelled = ""] = yield* simulator.deliverAll(ada, mails(4), labelled)
      const gmail = yield* connected()
      yield* gmail.sync
      yield* simulator.deleteMessage(ada, deleted)
      yield* simulator.removeLabel(ada, unlabelled, label)
      yield* simulator.forgetHistory(ada)
      yield* gmail.sync
      assert.deepStrictEqual(yield* gmail.observed, { [deleted]: "removed", [unlabelled]: "removed" })
      yield* simulator.addLabel(ada, unlabelled, label)
      yield* simulator.forgetHistory(ada)
      yield* gmail.sync
      assert.deepInclude(yield* gmail.observed, { [unlabelled]: "returned" })
      assert.isUndefined(yield* gmail.drift)
    }),
  )
})

describe("A message that cannot be had", () => {
  scenario(
    "S07 because it was deleted meanwhile is looked for again and then known as gone; the cursor goes on",
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const [, lost = ""] = yield* simulator.deliverAll(ada, mails(10), labelled)
      const gmail = yield* connected()
      const run = yield* Effect.forkChild(gmail.sync)
      yield* simulator.met("messages.list")
      yield* simulator.deleteMessage(ada, lost)
      assert.deepInclude(yield* Fiber.join(run), { added: 9 })
      assert.deepInclude((yield* gmail.deferred)[lost], { reason: "not found", attempts: 1 })
      const gets = yield* simulator.count("messages.get")
      assert.strictEqual(gets, 9 + 3)

      assert.deepInclude(yield* gmail.sync, { gone: 1 })
      assert.deepStrictEqual(yield* gmail.gone, [{ item: lost, reason: "deleted" }])
      assert.deepStrictEqual(yield* gmail.deferred, {})
      const asked = yield* simulator.count("messages.get")
      yield* gmail.sync
      assert.strictEqual(yield* simulator.count("messages.get"), asked)
      yield* holdsAllOnce(gmail, 9)
    }),
  )

  scenario(
    "S07 or lost its label, before anybody looked, is not asked for at all",
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const gmail = yield* connected()
      yield* gmail.sync
      const [deleted = "", moved = "", kept = ""] = yield* simulator.deliverAll(ada, mails(3), labelled)
      yield* simulator.deleteMessage(ada, deleted)
      yield* simulator.removeLabel(ada, moved, label)
      yield* simulator.forgetRequests
      assert.deepInclude(yield* gmail.sync, { added: 1, gone: 2 })
      assert.deepStrictEqual([...(yield* simulator.rawFetches).keys()], [kept])
      assert.sameDeepMembers(
        [...(yield* gmail.gone)],
        [
          { item: deleted, reason: "deleted" },
          { item: moved, reason: "moved" },
        ],
      )
    }),
  )

  scenario(
    "S08 for three seconds after it was announced is waited for",
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const gmail = yield* connected()
      yield* gmail.sync
      yield* simulator.deliverAll(ada, mails(3), { ...labelled, readableAfter: "3 seconds" })
      assert.deepInclude(yield* gmail.sync, { added: 3, deferred: 0, gone: 0 })
    }),
  )

  scenario(
    "S08 for longer than anybody waits is had by the next run",
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const gmail = yield* connected()
      yield* gmail.sync
      yield* simulator.deliverAll(ada, mails(3), { ...labelled, readableAfter: "50 seconds" })
      assert.deepInclude(yield* gmail.sync, { added: 0, deferred: 3 })
      yield* Effect.sleep("1 minute")
      assert.deepInclude(yield* gmail.sync, { added: 3, deferred: 0, gone: 0 })
      yield* holdsAllOnce(gmail, 3)
    }),
  )

  scenario(
    "S24 for good is deferred with its attempts; the cursor goes on, and it is asked for more and more seldom",
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const [poison = ""] = yield* simulator.deliverAll(ada, mails(20), labelled)
      yield* simulator.fail({ kind: "messages.get", failure: "internalError", id: poison, times: 1_000 })
      const gmail = yield* connected()
      assert.deepInclude(yield* gmail.sync, { added: 19, deferred: 1 })
      assert.deepInclude((yield* gmail.deferred)[poison], { reason: "server error", attempts: 1 })
      yield* simulator.deliver(ada, Mails.numbered(20), labelled)
      assert.deepInclude(yield* gmail.sync, { added: 1, deferred: 1 })

      let asked = 0
      for (let minute = 0; minute < 120; minute++) {
        yield* Effect.sleep("1 minute")
        asked += (yield* gmail.sync).deferred
      }
      assert.isAtLeast(asked, 5)
      assert.isAtMost(asked, 8)
      assert.strictEqual((yield* gmail.deferred)[poison]?.attempts, asked + 2)
      assert.isUndefined(yield* gmail.drift)

      yield* simulator.clearFaults
      yield* Effect.sleep("6 hours")
      assert.deepInclude(yield* gmail.sync, { added: 1, deferred: 0 })
      yield* holdsAllOnce(gmail, 21)
    }),
  )

  scenario(
    "S24 is asked for by the connection that follows",
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const [poison = ""] = yield* simulator.deliverAll(ada, mails(5), labelled)
      yield* simulator.fail({ kind: "messages.get", failure: "internalError", id: poison, times: 1_000 })
      const first = yield* connected()
      yield* first.sync
      yield* first.told({ _tag: "Disconnect", at: yield* DateTime.now, reason: "owner" })
      yield* simulator.clearFaults
      const second = yield* connected()
      assert.deepInclude(yield* second.sync, { added: 1, deferred: 0 })
      assert.deepStrictEqual(yield* second.ids, [poison])
      yield* simulator.forgetRequests
      yield* second.sync
      assert.strictEqual(yield* simulator.count("messages.get"), 0)
    }),
  )

  scenario(
    "S23 because it defies its parser is on the tape with all its bytes, and keeps nothing else",
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const poison = new TextEncoder().encode(`X: ${"x".repeat(2_000_000)}\r\n\r\n`)
      yield* simulator.deliverAll(ada, [Mails.numbered(1), poison, Mails.numbered(2)], labelled)
      const gmail = yield* connected()
      assert.deepInclude(yield* gmail.sync, { added: 3 })
      const unreadable = (yield* gmail.tape).filter(({ mail }) => mail === null)
      assert.deepStrictEqual(
        unreadable.map((message) => Buffer.from(Tape.bytes(message))),
        [Buffer.from(poison)],
      )
    }),
  )
})

describe("A message that is as large as Gmail lets it be", () => {
  for (const [name, mail] of Object.entries(LargeMails.hostile).slice(0, 3)) {
    scenario(
      `and has ${name} is on the tape, and so is what comes with it and after it`,
      Effect.gen(function* () {
        const simulator = yield* GmailSimulator
        const gmail = yield* connected()
        yield* simulator.deliverAll(ada, [Mails.numbered(1), mail(), Mails.numbered(2)], labelled)
        assert.deepInclude(yield* gmail.sync, { added: 3, deferred: 0 })
        yield* simulator.deliver(ada, Mails.numbered(3), labelled)
        assert.deepInclude(yield* gmail.sync, { added: 1, deferred: 0 })
        yield* ProjectionRunner.catchUp(GmailMessagesView)
        assert.deepInclude(yield* Verify.verify(GmailMessagesView), { equal: 4, missing: [], extra: [], different: [] })
      }),
    )
  }
})

describe("A count that does not agree", () => {
  scenario(
    "S30 because every listing drops a message is suspected once, compared at the second look, and then known",
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      yield* simulator.deliverAll(ada, mails(10), labelled)
      const gmail = yield* connected()
      yield* gmail.sync
      const hidden = yield* simulator.deliver(ada, Mails.numbered(10), labelled)
      yield* simulator.concealMessage(ada, hidden)
      yield* gmail.sync
      assert.deepInclude(yield* gmail.drift, { items: 1, verdict: "suspected" })
      yield* simulator.forgetRequests
      yield* gmail.sync
      assert.deepInclude(yield* gmail.drift, { items: 1, verdict: "unexplained" })
      assert.strictEqual(yield* simulator.count("messages.list"), 1)
      // It is not compared again and again.
      const before = (yield* gmail.feed).length
      yield* gmail.sync
      yield* gmail.sync
      assert.strictEqual(yield* simulator.count("messages.list"), 1)
      assert.strictEqual((yield* gmail.feed).length, before)
    }),
  )

  scenario(
    "S30 because a message was lost is mended by comparing the list",
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const gmail = yield* connected()
      yield* gmail.sync
      const lost = yield* simulator.deliver(ada, Mails.numbered(1), labelled)
      yield* simulator.concealMessage(ada, lost)
      yield* gmail.sync
      assert.deepInclude(yield* gmail.drift, { verdict: "suspected" })
      yield* simulator.revealMessage(ada, lost)
      yield* gmail.sync
      assert.deepStrictEqual(yield* gmail.ids, [lost])
      assert.deepInclude(yield* gmail.drift, { items: 0, verdict: "none" })
    }),
  )
})

describe("A Google that throttles", () => {
  scenario(
    "S18 a third of the gets with 403 has everything in the end, and nothing is held against a message",
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      yield* simulator.deliverAll(ada, mails(150), labelled)
      yield* simulator.fail({ kind: "messages.get", failure: "rateLimitExceeded", ratio: 0.3, seed: 7 })
      const gmail = yield* connected()
      assert.deepInclude(yield* untilDone(gmail), { deferred: 0 })
      yield* holdsAllOnce(gmail, 150)
      assert.deepStrictEqual(
        (yield* gmail.feed).filter(({ _tag }) => _tag === "items_deferred"),
        [],
      )
    }),
  )

  scenario(
    "S19 concurrent requests has fewer of them at once, and more again when it lets us",
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      yield* simulator.deliverAll(ada, mails(100), labelled)
      yield* simulator.fail({ kind: "messages.get", failure: "tooManyRequests", times: 12 })
      const gmail = yield* connected()
      assert.deepInclude(yield* untilDone(gmail), { deferred: 0 })
      yield* holdsAllOnce(gmail, 100)
    }),
  )

  for (const [how, fault] of [
    ["its header", { retryAfterSeconds: 120 }],
    ["its message", { retryAt: DateTime.makeUnsafe("2026-11-20T10:02:00Z") }],
  ] as const) {
    scenario(
      `S20 until a time that ${how} names is asked nothing before, by no run`,
      Effect.gen(function* () {
        const simulator = yield* GmailSimulator
        yield* simulator.deliverAll(ada, mails(40), labelled)
        yield* simulator.fail({ kind: "messages.get", failure: "tooManyRequests", ...fault })
        const gmail = yield* connected()
        const failed = yield* Effect.flip(gmail.sync)
        assert.deepInclude(failed, { _tag: "SyncFailed", reason: "RateLimited", retryable: true })
        const requests = (yield* simulator.requests).length
        yield* Effect.sleep("100 seconds")
        assert.deepInclude(yield* Effect.flip(gmail.sync), { _tag: "SyncFailed", reason: "RateLimited" })
        // Another process knows it from the log.
        const elsewhere = Sync.run(yield* GmailProvider.make, gmail.tenantId, gmail.id)
        assert.deepInclude(yield* Effect.flip(elsewhere), { _tag: "SyncFailed", reason: "RateLimited" })
        assert.strictEqual((yield* simulator.requests).length, requests)
        yield* Effect.sleep("30 seconds")
        yield* gmail.sync
        yield* holdsAllOnce(gmail, 40)
      }),
    )
  }

  scenario(
    "S20 for years is asked after a day whether it means that",
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      yield* simulator.deliverAll(ada, mails(5), labelled)
      yield* simulator.fail({ kind: "messages.get", failure: "tooManyRequests", retryAfterSeconds: 999_999_999 })
      const gmail = yield* connected()
      yield* Effect.flip(gmail.sync)
      yield* Effect.sleep("24 hours")
      assert.deepInclude(yield* Effect.flip(gmail.sync), { _tag: "SyncFailed", reason: "RateLimited" })
      yield* Effect.sleep("2 hours")
      yield* gmail.sync
      yield* holdsAllOnce(gmail, 5)
    }),
  )

  scenario(
    "S34 is waited for as long as it says, also when the clock is put back meanwhile",
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      yield* simulator.deliverAll(ada, mails(5), labelled)
      yield* simulator.fail({ kind: "messages.get", failure: "tooManyRequests", retryAfterSeconds: 20 })
      const gmail = yield* connected()
      const clock = yield* Clock.clockWith((clock) => Effect.succeed(clock))
      let back = 0
      const run = yield* gmail.sync.pipe(
        Effect.provideService(Clock.Clock, {
          ...clock,
          currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe() - back,
          currentTimeMillis: Effect.map(clock.currentTimeMillis, (now) => now - back),
        }),
        Effect.forkChild,
      )
      yield* simulator.met("messages.get", 1)
      const began = yield* Clock.currentTimeMillis
      back = 3_600_000
      assert.deepInclude(yield* Fiber.join(run), { added: 5 })
      assert.isBelow((yield* Clock.currentTimeMillis) - began, 60_000)
    }),
  )

  scenario(
    "S32 one mailbox leaves the others at their speed",
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const bruno = "bruno@example.com"
      yield* simulator.addMailbox(bruno)
      for (const address of [ada, bruno]) yield* simulator.deliverAll(address, mails(60), labelled)
      const provider = yield* GmailProvider.make
      const throttled = yield* connected({ provider })
      const free = yield* connected({ provider, address: bruno, identity: Ids.IdentityHash.make("b".repeat(64)) })
      yield* simulator.fail({ kind: "messages.get", failure: "tooManyRequests", retryAfterSeconds: 25 })
      const slow = yield* Effect.forkChild(throttled.sync)
      yield* simulator.met("messages.get", 1)
      const began = yield* Clock.currentTimeMillis
      yield* free.sync
      // Sixty times twenty units at ninety-eight units a second.
      assert.isBelow((yield* Clock.currentTimeMillis) - began, 14_000)
      yield* Fiber.join(slow)
      assert.isAbove((yield* Clock.currentTimeMillis) - began, 24_000)
      yield* holdsAllOnce(throttled, 60)
      yield* holdsAllOnce(free, 60)
    }),
    { adapter: QuotaBucket.quota2026 },
  )

  scenario(
    "S33 is waited for no longer when the run is stopped, and the lease is free at once",
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      yield* simulator.deliverAll(ada, mails(5), labelled)
      yield* simulator.fail({ kind: "messages.get", failure: "tooManyRequests", retryAfterSeconds: 25 })
      const gmail = yield* connected()
      const run = yield* Effect.forkChild(gmail.sync)
      yield* simulator.met("messages.get", 1)
      yield* Effect.sleep("1 second")
      const stoppedAt = yield* Clock.currentTimeMillis
      yield* Fiber.interrupt(run)
      assert.strictEqual(yield* Clock.currentTimeMillis, stoppedAt)
      const leases = yield* Leases.Leases
      yield* leases.acquire(gmail.tenantId, `sync:${gmail.id}`, "1 minute")
    }),
  )
})

describe("A Google that fails", () => {
  scenario(
    "to say how many there are takes nothing of what was fetched",
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      yield* simulator.deliverAll(ada, mails(5), labelled)
      const gmail = yield* connected()
      const run = yield* Effect.forkChild(gmail.sync)
      yield* simulator.met("messages.get", 1)
      yield* simulator.fail({ kind: "labels.get", failure: "internalError", times: 1_000 })
      assert.deepInclude(yield* Fiber.join(run), { added: 5 })
      yield* simulator.clearFaults
      assert.deepInclude(yield* gmail.sync, { added: 0 })
      assert.strictEqual(yield* simulator.count("messages.get"), 5)
    }),
  )

  scenario(
    "S21 one request in fifty with a precondition is asked again",
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      yield* simulator.deliverAll(ada, mails(150), labelled)
      yield* simulator.fail({ failure: "failedPrecondition", ratio: 0.02, seed: 3 })
      const gmail = yield* connected()
      assert.deepInclude(yield* untilDone(gmail), { deferred: 0 })
      yield* holdsAllOnce(gmail, 150)
    }),
  )

  scenario(
    "S21 every request, as of a mailbox without a licence, is asked ten times and then left with a reason",
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      yield* simulator.deliverAll(ada, mails(5), labelled)
      const gmail = yield* connected()
      yield* simulator.unlicense(ada)
      assert.deepInclude(yield* Effect.flip(gmail.sync), { _tag: "SyncFailed", retryable: false })
      assert.strictEqual((yield* simulator.requests).length, 10)
      assert.deepInclude((yield* gmail.state).syncFailure, { reason: "UnexpectedAnswer: refused: failedPrecondition" })
      yield* Effect.flip(gmail.sync)
      assert.strictEqual((yield* simulator.requests).length, 11)
      yield* simulator.unlicense(ada, false)
      assert.deepInclude(yield* gmail.sync, { added: 5 })
      assert.isUndefined((yield* gmail.state).syncFailure)
    }),
  )

  for (const failure of [
    "internalError",
    "unavailable",
    "truncatedBody",
    "emptyBody",
    "dropBeforeWork",
    "dropAfterWork",
  ] as const) {
    scenario(
      `S22 with ${failure} for a fifth of the gets has everything in the end`,
      Effect.gen(function* () {
        const simulator = yield* GmailSimulator
        yield* simulator.deliverAll(ada, mails(60), labelled)
        yield* simulator.fail({ kind: "messages.get", failure, ratio: 0.2, seed: 11 })
        const gmail = yield* connected()
        yield* untilDone(gmail)
        yield* holdsAllOnce(gmail, 60)
      }),
    )
  }

  scenario(
    "for every get until it recovers has ten messages at most held against it, and all of them in the end",
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      yield* simulator.deliverAll(ada, mails(200), labelled)
      yield* simulator.fail({ kind: "messages.get", failure: "unavailable", ratio: 1 })
      const gmail = yield* connected()
      assert.deepInclude(yield* Effect.flip(gmail.sync), { _tag: "SyncFailed", reason: "Unavailable" })
      yield* Effect.flip(gmail.sync)
      assert.isAtMost(Object.keys(yield* gmail.deferred).length, 20)
      yield* simulator.clearFaults
      yield* Effect.sleep("1 hour")
      yield* untilDone(gmail)
      yield* holdsAllOnce(gmail, 200)
    }),
  )

  scenario(
    "401 for renewed credentials needs the owner",
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      yield* simulator.deliverAll(ada, mails(5), labelled)
      const gmail = yield* connected()
      yield* gmail.sync
      yield* simulator.expireAccessTokens(ada)
      assert.deepInclude(yield* gmail.sync, { added: 0 })
      assert.strictEqual((yield* gmail.state).credentialVersion, 2)
      yield* simulator.revoke(ada)
      yield* Effect.flip(gmail.sync)
      assert.strictEqual((yield* gmail.state).status, "needs_reauth")
    }),
  )
})

describe("Runs", () => {
  scenario(
    "S26 never move the cursor back",
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const gmail = yield* connected()
      let last = 0n
      for (let n = 0; n < 10; n++) {
        yield* simulator.deliver(ada, Mails.numbered(n), labelled)
        yield* Effect.all([Effect.ignore(gmail.sync), Effect.ignore(gmail.sync)], { concurrency: 2 })
        const [cursor = ""] = Object.values((yield* gmail.state).cursors)
        const stands = BigInt(/\d{16,20}/.exec(cursor)?.[0] ?? "0")
        assert.isTrue(stands >= last)
        last = stands
      }
      yield* holdsAllOnce(gmail, 10)
    }),
  )

  scenario(
    "S29 that are stopped twenty times go on from the page they came to, and fetch next to nothing twice",
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      yield* simulator.deliverAll(ada, mails(1_000), labelled)
      const gmail = yield* connected()
      const small = gmail.sync.pipe(
        Effect.provideService(GmailProvider.PageSize, 25),
        Effect.provideService(GmailProvider.Concurrency, 4),
      )
      for (let stop = 1; stop <= 20; stop++) {
        const run = yield* Effect.forkChild(small)
        yield* simulator.met("messages.get", stop * 45)
        yield* Fiber.interrupt(run)
      }
      yield* small
      yield* holdsAllOnce(gmail, 1_000)
      // What is fetched again is at most the page in whose middle it was stopped.
      assert.isAtMost(yield* simulator.count("messages.get"), 1_000 + 20 * 25)
    }),
  )

  scenario(
    "S34 whose clock jumps by an hour, forth and back, lose nothing",
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const gmail = yield* connected()
      const later = yield* Clock.clockWith((clock) => Effect.succeed(clock))
      const shifted = (hours: number) => ({
        ...later,
        currentTimeMillisUnsafe: () => later.currentTimeMillisUnsafe() + hours * 3_600_000,
        currentTimeMillis: Effect.map(later.currentTimeMillis, (now) => now + hours * 3_600_000),
      })
      const leases = yield* Leases.Leases
      const byStore = <A, E>(effect: Effect.Effect<A, E>) => Effect.provideService(effect, Clock.Clock, later)
      const storeLeases = Leases.make({
        acquire: (...lease) => byStore(leases.acquire(...lease)),
        renew: (...lease) => byStore(leases.renew(...lease)),
        release: (lease) => byStore(leases.release(lease)),
        check: (lease) => byStore(leases.check(lease)),
      })
      let count = 0
      for (const hours of [0, 1, -1, 1, 0, -1]) {
        yield* simulator.deliverAll(ada, mails(5, count), labelled)
        count += 5
        yield* gmail.sync.pipe(
          Effect.provideService(Clock.Clock, shifted(hours)),
          // The store's clock is another one.
          Effect.provideService(Leases.Leases, storeLeases),
        )
      }
      yield* holdsAllOnce(gmail, 30)
    }),
  )

  scenario(
    "S36 of two tenants that connected one mailbox keep two tapes",
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      yield* simulator.deliverAll(ada, mails(4), labelled)
      const here = yield* connected()
      const there = yield* connected({ tenantId: Ids.TenantId.make("another") })
      yield* here.sync
      yield* there.sync
      yield* holdsAllOnce(here, 4)
      yield* holdsAllOnce(there, 4)
      assert.strictEqual(yield* simulator.count("messages.get"), 8)
    }),
  )

  scenario(
    "of two labels fetch a message that bears both once, and again when what one of them held was forgotten",
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      yield* simulator.deliverAll(ada, mails(3), { labels: [label, "Other"] })
      const one = yield* connected()
      const other = yield* connected({ watches: "Other" })
      yield* one.sync
      assert.deepInclude(yield* other.sync, { added: 0, known: 3 })
      assert.strictEqual(yield* simulator.count("messages.get"), 3)
      yield* ProjectionRunner.catchUp(GmailMessagesView)

      yield* Forgetting.forget(one.tenantId, one.id, { actor: Ids.system })
      yield* ProjectionRunner.catchUp(GmailMessagesView)
      assert.deepInclude(yield* Verify.verify(GmailMessagesView), { equal: 0, missing: [], extra: [], different: [] })
      yield* other.sync
      yield* other.sync
      yield* holdsAllOnce(other, 3)
      yield* ProjectionRunner.catchUp(GmailMessagesView)
      assert.deepInclude(yield* Verify.verify(GmailMessagesView), { equal: 3, missing: [], extra: [], different: [] })
    }),
  )

  scenario(
    "of two labels at the very same moment record a message that bears both once, whichever is forgotten then",
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const provider = yield* GmailProvider.make
      const tenants = [Ids.TenantId.make("one is forgotten"), Ids.TenantId.make("the other is")] as const
      yield* simulator.deliverAll(ada, mails(3), { labels: [label, "Other"] })
      for (const [forgotten, tenantId] of tenants.entries()) {
        const fetched = [yield* Deferred.make<void>(), yield* Deferred.make<void>()] as const
        /** Records nothing before both have fetched. */
        const meeting = (mine: 0 | 1): typeof provider => ({
          ...provider,
          page: (...asked) =>
            Effect.tap(provider.page(...asked), () =>
              Effect.andThen(Deferred.succeed(fetched[mine], undefined), Deferred.await(fetched[mine === 0 ? 1 : 0])),
            ),
        })
        const both = [
          yield* connected({ tenantId, provider: meeting(0) }),
          yield* connected({ tenantId, provider: meeting(1), watches: "Other" }),
        ]
        const reports = yield* Effect.forEach(both, ({ sync }) => sync, { concurrency: 2 })
        assert.deepStrictEqual(reports.map(({ added, known }) => [added, known]).toSorted(), [
          [0, 3],
          [3, 0],
        ])
        yield* ProjectionRunner.catchUp(GmailMessagesView)
        const [gone, left] = forgotten === 0 ? both : both.toReversed()
        assert(gone !== undefined && left !== undefined)
        yield* Forgetting.forget(tenantId, gone.id, { actor: Ids.system })
        yield* ProjectionRunner.catchUp(GmailMessagesView)
        assert.deepInclude(yield* Verify.verify(GmailMessagesView), { missing: [], extra: [], different: [] })
        yield* left.sync
        yield* left.sync
        yield* holdsAllOnce(left, 3)
        yield* ProjectionRunner.catchUp(GmailMessagesView)
        const equal = 3 * (forgotten + 1)
        assert.deepInclude(yield* Verify.verify(GmailMessagesView), { equal, missing: [], extra: [], different: [] })
      }
    }),
  )

  scenario(
    "of two labels wait no more for what one of them could not have and the other one has",
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const [poison = ""] = yield* simulator.deliverAll(ada, mails(3), { labels: [label, "Other"] })
      yield* simulator.fail({ kind: "messages.get", failure: "internalError", id: poison, times: 100 })
      const one = yield* connected()
      const other = yield* connected({ watches: "Other" })
      assert.deepInclude(yield* one.sync, { added: 2, deferred: 1 })
      yield* simulator.clearFaults
      assert.deepInclude(yield* other.sync, { added: 1, known: 2 })
      const gets = yield* simulator.count("messages.get")
      yield* one.sync
      assert.deepStrictEqual(yield* one.deferred, {})
      assert.strictEqual(yield* simulator.count("messages.get"), gets)
      assert.isUndefined(yield* one.drift)
    }),
  )

  scenario(
    "of two labels list nothing anew for mail that comes to both",
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const one = yield* connected()
      const other = yield* connected({ watches: "Other" })
      for (const { sync } of [one, other]) yield* sync
      const lists = yield* simulator.count("messages.list")
      yield* simulator.deliverAll(ada, mails(3), { labels: [label, "Other"] })
      for (const { sync } of [one, other, one, other, one, other]) yield* sync
      yield* holdsAllOnce(one, 3)
      yield* holdsAllOnce(other, 0)
      assert.isUndefined(yield* other.drift)
      assert.strictEqual(yield* simulator.count("messages.list"), lists)
    }),
  )

  scenario(
    "say what they did, in counts and without anything personal",
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const [poison = ""] = yield* simulator.deliverAll(ada, mails(3), labelled)
      yield* simulator.fail({ kind: "messages.get", failure: "internalError", id: poison, times: 100 })
      const gmail = yield* connected()
      const lines: Array<Readonly<Record<string, unknown>>> = []
      const listening = Logger.make(({ fiber }) => {
        lines.push(fiber.getRef(References.CurrentLogAnnotations))
      })
      yield* Effect.provide(gmail.sync, Logger.layer([listening]))
      const named = (event: string) => lines.filter((line) => line["event"] === event)
      const counts = { scanned: 3, added: 2, known: 0, deferred: 1, gone: 0, outcome: "success" }
      assert.strictEqual(named("gmail_ingest_run").length, 1)
      assert.deepInclude(named("gmail_ingest_run")[0], counts)
      assert.deepInclude(named("sync_run_end")[0], { ...counts, provider: "gmail" })
      assert.deepInclude(named("sync_items_deferred")[0], { items: 1, attempts: 1, reasons: ["server error"] })
      assert.notInclude(JSON.stringify(lines), ada)
      assert.notInclude(JSON.stringify(lines), "Guest")
    }),
  )
})

describe("Whatever fails and whenever a run is stopped", () => {
  for (const part of [0, 1, 2, 3]) {
    it.live(`nothing is lost and nothing is doubled, in stories ${part * 30} to ${part * 30 + 29}`, () =>
      Effect.forEach(
        Array.from({ length: 30 }, (_, n) => part * 30 + n),
        (seed) => play(seed, ada).pipe(Effect.provide(world(), { local: true }), VirtualTime.provide()),
        { discard: true },
      ),
    )
  }
})

/** Runs until one succeeds, a minute apart, as the scheduler would. */
const untilDone = Effect.fnUntraced(function* (gmail: Connected) {
  for (let run = 0; run < 60; run++) {
    const report = yield* Effect.result(gmail.sync)
    if (report._tag === "Success" && Object.keys(yield* gmail.deferred).length === 0) return report.success
    yield* Effect.sleep("1 minute")
  }
  return assert.fail("An hour was not enough")
})

const holdsAllOnce = Effect.fnUntraced(function* (gmail: Connected, count: number) {
  const held = yield* gmail.ids
  assert.strictEqual(held.length, count)
  assert.strictEqual(new Set(held).size, count)
})

type Connected = Effect.Success<ReturnType<typeof connected>>
