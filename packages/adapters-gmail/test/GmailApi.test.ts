import { inspect } from "node:util"

import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Cause, DateTime, Duration, Effect, Exit, Fiber, Option, Redacted, Schema, Tracer } from "effect"
import { TestClock } from "effect/testing"

import { GmailApi } from "../src/index.ts"
import { type Failure, GmailSimulator, Mails } from "../src/testing/index.ts"
import { ada, granted, mailbox, simulated, tagOf } from "./support.ts"

const reservations = Effect.gen(function* () {
  return GmailApi.LabelId.make(yield* (yield* GmailSimulator).label(ada, "Reservations"))
})

/** All pages of a label. */
const listed = Effect.fnUntraced(function* (mailbox: GmailApi.Mailbox, labelId: GmailApi.LabelId, maxResults: number) {
  const ids: Array<string> = []
  let pageToken = Option.none<string>()
  do {
    const page: GmailApi.MessagePage = yield* mailbox.listMessages({
      labelId,
      maxResults,
      ...(Option.isSome(pageToken) ? { pageToken: pageToken.value } : {}),
    })
    ids.push(...page.messages.map(({ id }) => id))
    pageToken = page.nextPageToken
  } while (Option.isSome(pageToken))
  return ids
})

/** All pages of a history, with the number of those that were empty and not the last. */
const caughtUp = Effect.fnUntraced(function* (
  mailbox: GmailApi.Mailbox,
  query: {
    readonly startHistoryId: GmailApi.HistoryId
    readonly labelId: GmailApi.LabelId
    readonly maxResults?: number
  },
) {
  const ids: Array<string> = []
  let empty = 0
  let page = yield* mailbox.history(query)
  const { historyId } = page
  while (true) {
    ids.push(...page.messages.map(({ id }) => id))
    if (Option.isNone(page.nextPageToken)) return { ids, empty, historyId }
    if (page.messages.length === 0) empty++
    page = yield* mailbox.history({ ...query, pageToken: page.nextPageToken.value })
  }
})

describe("A message", () => {
  it.effect("arrives byte for byte, with its labels and the time Google accepted it", () =>
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const gmail = yield* mailbox
      const receivedAt = DateTime.makeUnsafe("2026-11-20T09:12:45.678Z")
      for (const raw of Mails.samples.values()) {
        const id = yield* simulator.deliver(ada, raw, { labels: ["Reservations"], receivedAt, threadId: "t-1" })
        const message = yield* gmail.rawMessage(GmailApi.MessageId.make(id))
        assert.deepStrictEqual(message.raw, raw)
        assert.deepStrictEqual(message.internalDate, receivedAt)
        assert.deepStrictEqual([...message.labelIds].map(String), ["INBOX", "UNREAD", yield* reservations])
        assert.strictEqual(message.threadId, "t-1")
      }
    }).pipe(Effect.provide(simulated())),
  )

  it.effect("of any bytes arrives as it is", () =>
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const gmail = yield* mailbox
      const bytes = yield* Arbitrary.sampleEffect(Arbitrary.schema(Schema.Uint8Array), { count: 50 })
      for (const raw of bytes) {
        const id = yield* simulator.deliver(ada, raw)
        assert.deepStrictEqual((yield* gmail.rawMessage(GmailApi.MessageId.make(id))).raw, raw)
      }
    }).pipe(Effect.provide(simulated())),
  )

  it.effect("waits where it is until it is admitted, and stays there if it is not", () =>
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const gmail = yield* mailbox
      const head = "Subject: large\r\n\r\n"
      const raw = new Uint8Array(Buffer.from(head + "A".repeat(3_000_000)))
      const id = GmailApi.MessageId.make(yield* simulator.deliver(ada, raw))
      const sizes: Array<number> = []
      const admit = (size: number) => Effect.sync(() => void sizes.push(size))
      const message = yield* gmail.rawMessage(id, { admit })
      assert.deepStrictEqual(Buffer.from(message.raw), Buffer.from(raw))
      assert.strictEqual(yield* Effect.flip(gmail.rawMessage(id, { admit: () => Effect.fail("no room") })), "no room")
      const waiting = yield* Effect.forkChild(gmail.rawMessage(id, { admit: () => Effect.never }))
      yield* simulator.met("messages.get", 3)
      yield* Fiber.interrupt(waiting)
      yield* gmail.rawMessage(id, { admit })
      for (const size of sizes) assert.closeTo(size, raw.length, raw.length / 100)
      assert.lengthOf(sizes, 2)

      const { omission, raw: kept } = yield* gmail.rawMessage(id, {
        limits: { attachmentBytes: 1_000, mailBytes: Infinity },
      })
      assert.strictEqual(omission?.size, raw.length)
      assert.strictEqual(Buffer.from(kept).toString(), head)
    }).pipe(Effect.provide(simulated())),
  )

  it.effect("that was deleted is not found", () =>
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const gmail = yield* mailbox
      const id = yield* simulator.deliver(ada, Mails.numbered(1))
      yield* simulator.deleteMessage(ada, id)
      assert.strictEqual(yield* tagOf(gmail.rawMessage(GmailApi.MessageId.make(id))), "NotFound")
    }).pipe(Effect.provide(simulated())),
  )
})

describe("A label", () => {
  it.effect("is found by name, counted, and followed when it is renamed", () =>
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const gmail = yield* mailbox
      const labelId = yield* reservations
      yield* simulator.deliverAll(ada, [1, 2, 3].map(Mails.numbered), { labels: ["reservations"] })
      assert.deepInclude(yield* gmail.labels, { id: labelId, name: "Reservations", type: "user" })
      assert.strictEqual((yield* gmail.label(labelId)).messagesTotal, 3)

      yield* simulator.renameLabel(ada, labelId, "Bookings/Guests")
      assert.strictEqual((yield* gmail.label(labelId)).name, "Bookings/Guests")

      yield* simulator.deleteLabel(ada, labelId)
      assert.strictEqual(yield* tagOf(gmail.label(labelId)), "NotFound")
      assert.strictEqual(yield* tagOf(gmail.listMessages({ labelId })), "NotFound")
      assert.strictEqual(Redacted.value((yield* gmail.profile).email), ada)
      assert.strictEqual((yield* gmail.profile).messagesTotal, 3)
    }).pipe(Effect.provide(simulated())),
  )

  it.effect("is listed whole and newest first in pages of any size, while mail arrives", () =>
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const gmail = yield* mailbox
      const labelId = yield* reservations
      const ids = yield* simulator.deliverAll(
        ada,
        Array.from({ length: 23 }, (_, index) => Mails.numbered(index)),
        {
          labels: ["Reservations"],
        },
      )
      yield* simulator.deliver(ada, Mails.numbered(99))
      for (const size of [1, 7, 23, 500]) {
        assert.deepStrictEqual(yield* listed(gmail, labelId, size), ids.toReversed())
      }

      const first = yield* gmail.listMessages({ labelId, maxResults: 10 })
      yield* simulator.deliver(ada, Mails.numbered(24), { labels: ["Reservations"] })
      const second = yield* gmail.listMessages({
        labelId,
        maxResults: 500,
        pageToken: Option.getOrElse(first.nextPageToken, () => ""),
      })
      assert.deepStrictEqual(
        [...first.messages, ...second.messages].map(({ id }) => id),
        ids.toReversed(),
      )
    }).pipe(Effect.provide(simulated())),
  )
})

describe("The history of a label", () => {
  it.effect("tells what a filter labelled at delivery and what was labelled later, once each", () =>
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const gmail = yield* mailbox
      const labelId = yield* reservations
      const before = yield* simulator.deliver(ada, Mails.numbered(0), { labels: ["Reservations"] })
      const { historyId: startHistoryId } = yield* gmail.profile

      const byFilter = yield* simulator.deliver(ada, Mails.numbered(1), { labels: ["Reservations"] })
      const later = yield* simulator.deliver(ada, Mails.numbered(2))
      const never = yield* simulator.deliver(ada, Mails.numbered(3))
      yield* simulator.addLabel(ada, later, "Reservations")
      yield* simulator.addLabel(ada, before, "Starred by hand")
      yield* simulator.removeLabel(ada, byFilter, "Reservations")
      yield* simulator.addLabel(ada, byFilter, "Reservations")

      const { messages } = yield* gmail.history({ startHistoryId, labelId })
      const ids = messages.map(({ id }) => String(id))
      assert.deepStrictEqual(ids, [byFilter, later])
      assert.notInclude(ids, never)
    }).pipe(Effect.provide(simulated())),
  )

  it.effect("is complete over pages of any size, of which some are empty", () =>
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const gmail = yield* mailbox
      const labelId = yield* reservations
      const { historyId: startHistoryId } = yield* gmail.profile
      const expected: Array<string> = []
      for (let index = 0; index < 20; index++) {
        const wanted = index % 9 === 4
        const id = yield* simulator.deliver(ada, Mails.numbered(index), wanted ? { labels: ["Reservations"] } : {})
        if (wanted) expected.push(id)
      }
      for (const maxResults of [1, 3, 500]) {
        const { empty, historyId, ids } = yield* caughtUp(gmail, { startHistoryId, labelId, maxResults })
        assert.deepStrictEqual(ids, expected)
        assert.strictEqual(historyId, (yield* gmail.profile).historyId)
        assert.strictEqual(empty > 0, maxResults < 10)
      }
    }).pipe(Effect.provide(simulated())),
  )

  it.effect("goes on from where it ended, beyond what a number can count", () =>
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const gmail = yield* mailbox
      const labelId = yield* reservations
      let cursor = (yield* gmail.profile).historyId
      for (let index = 0; index < 10; index++) {
        assert.isTrue(BigInt(cursor) > BigInt(Number.MAX_SAFE_INTEGER))
        const id = yield* simulator.deliver(ada, Mails.numbered(index), { labels: ["Reservations"] })
        const { historyId, ids } = yield* caughtUp(gmail, { startHistoryId: cursor, labelId })
        assert.deepStrictEqual(ids, [id])
        cursor = historyId
      }
    }).pipe(Effect.provide(simulated())),
  )

  it.effect("tells where messages came to be at last", () =>
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const gmail = yield* mailbox
      const labelId = yield* reservations
      const labels = ["Reservations"]
      const [unlabelled = "", trashed = "", spam = "", deleted = "", back = "", still = ""] =
        yield* simulator.deliverAll(ada, [1, 2, 3, 4, 5, 6].map(Mails.numbered), { labels })
      const { historyId: startHistoryId } = yield* gmail.profile
      yield* simulator.removeLabel(ada, unlabelled, "Reservations")
      yield* simulator.addLabel(ada, trashed, "TRASH")
      yield* simulator.addLabel(ada, spam, "SPAM")
      yield* simulator.addLabel(ada, deleted, "TRASH")
      yield* simulator.deleteMessage(ada, deleted)
      yield* simulator.addLabel(ada, back, "TRASH")
      yield* simulator.removeLabel(ada, back, "TRASH")
      yield* simulator.removeLabel(ada, still, "UNREAD")
      const { places } = yield* gmail.history({ startHistoryId, labelId })
      assert.deepStrictEqual(Object.fromEntries(places), {
        [unlabelled]: "unlabelled",
        [trashed]: "trashed",
        [spam]: "spam",
        [deleted]: "deleted",
        [back]: "back",
      })
    }).pipe(Effect.provide(simulated())),
  )

  it.effect("expires", () =>
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const gmail = yield* mailbox
      const labelId = yield* reservations
      const { historyId: startHistoryId } = yield* gmail.profile
      yield* simulator.deliver(ada, Mails.numbered(1))
      yield* simulator.forgetHistory(ada)
      assert.strictEqual(yield* tagOf(gmail.history({ startHistoryId, labelId })), "HistoryExpired")
      yield* gmail.history({ startHistoryId: (yield* gmail.profile).historyId, labelId })
    }).pipe(Effect.provide(simulated())),
  )
})

describe("A request to Gmail that goes wrong", () => {
  it.effect("says in which way, is sent once, and says neither token nor address nor message", () =>
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const { accessToken } = yield* granted()
      const gmail = (yield* GmailApi.GmailApi).mailbox(accessToken)
      const id = yield* simulator.deliver(ada, Mails.numbered(1))
      const expected: ReadonlyArray<readonly [Failure, string, boolean]> = [
        ["tooManyRequests", "RateLimited", true],
        ["rateLimitExceeded", "RateLimited", true],
        ["failedPrecondition", "Unavailable", true],
        ["internalError", "Unavailable", true],
        ["unavailable", "Unavailable", true],
        ["notFound", "NotFound", false],
        ["truncatedBody", "Unavailable", true],
        ["emptyBody", "Unavailable", true],
        ["dropBeforeWork", "Unavailable", true],
        ["dropAfterWork", "Unavailable", true],
      ]
      for (const [failure, reason, retryable] of expected) {
        yield* simulator.forgetRequests
        yield* simulator.fail({ kind: "messages.get", failure })
        const exit = yield* Effect.exit(gmail.rawMessage(GmailApi.MessageId.make(id)))
        assert.strictEqual(yield* simulator.count("messages.get"), 1, failure)
        if (Exit.isSuccess(exit)) return assert.fail(failure)
        const error = yield* Effect.flip(exit)
        assert.strictEqual(error.reason._tag, reason, failure)
        assert.strictEqual(error.retryable, retryable, failure)
        for (const text of [inspect(exit, { depth: Infinity, showHidden: true }), Cause.pretty(exit.cause)]) {
          assert.notInclude(text, Redacted.value(accessToken))
          assert.notInclude(text, ada)
          assert.notInclude(text, id)
        }
      }
      yield* gmail.rawMessage(GmailApi.MessageId.make(id))
    }).pipe(Effect.provide(simulated())),
  )

  it.effect("says how long Google asks to wait, by its header or by its message", () =>
    Effect.gen(function* () {
      const gmail = yield* mailbox
      const simulator = yield* GmailSimulator
      const wait = Effect.map(Effect.flip(gmail.profile), ({ reason }) =>
        reason._tag === "RateLimited" && reason.retryAfter ? Duration.toSeconds(reason.retryAfter) : undefined,
      )
      yield* simulator.fail({ failure: "tooManyRequests", retryAfterSeconds: 7 })
      assert.strictEqual(yield* wait, 7)
      yield* TestClock.adjust("1 minute")
      yield* simulator.fail({ failure: "tooManyRequests", retryAt: DateTime.makeUnsafe(90_000) })
      assert.strictEqual(yield* wait, 30)
      yield* simulator.fail({ failure: "tooManyRequests" })
      assert.isUndefined(yield* wait)
    }).pipe(Effect.provide(simulated())),
  )

  it.effect("is given up after its timeout, and when nobody waits for it any more", () =>
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const gmail = yield* mailbox
      yield* simulator.fail({ kind: "profile", failure: "hang", times: 2 })
      const attempt = yield* Effect.forkChild(Effect.flip(gmail.profile))
      yield* simulator.met("profile")
      yield* TestClock.adjust("30 seconds")
      const { reason } = yield* Fiber.join(attempt)
      assert.isTrue(reason._tag === "Unavailable" && reason.problem === "timeout")

      const abandoned = yield* Effect.forkChild(gmail.profile)
      yield* simulator.met("profile", 2)
      yield* Fiber.interrupt(abandoned)
      yield* gmail.profile
    }).pipe(Effect.provide(simulated())),
  )

  it.effect("finds nobody behind a token that Google does not know", () =>
    Effect.gen(function* () {
      const gmail = (yield* GmailApi.GmailApi).mailbox(Redacted.make("ya29.of-nobody"))
      assert.strictEqual(yield* tagOf(gmail.profile), "Unauthorized")
    }).pipe(Effect.provide(simulated())),
  )

  it.effect("leaves no token, address, query or id in a span", () => {
    const spans: Array<Tracer.Span> = []
    const recording = Tracer.make({
      span: (options) => {
        const span = new Tracer.NativeSpan(options)
        spans.push(span)
        return span
      },
    })
    return Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const { accessToken } = yield* granted()
      const gmail = (yield* GmailApi.GmailApi).mailbox(accessToken)
      const id = yield* simulator.deliver(ada, Mails.numbered(1), { labels: ["Reservations"] })
      const labelId = yield* reservations
      yield* gmail.rawMessage(GmailApi.MessageId.make(id))
      yield* gmail.history({ startHistoryId: (yield* gmail.profile).historyId, labelId })
      yield* gmail.listMessages({ labelId })
      yield* simulator.fail({ kind: "messages.get", failure: "dropAfterWork" })
      yield* Effect.flip(gmail.rawMessage(GmailApi.MessageId.make(id)))
      assert.include(
        spans.map(({ name }) => name),
        "GmailApi.messages.get",
      )
      const text = inspect(
        spans.map(({ attributes, name, status }) => ({
          name,
          attributes,
          failure: status._tag === "Ended" && Exit.isFailure(status.exit) ? status.exit.cause : undefined,
        })),
        { depth: Infinity },
      )
      for (const secret of [Redacted.value(accessToken), ada, id, labelId, "startHistoryId", "127.0.0.1"]) {
        assert.notInclude(text, secret)
      }
    }).pipe(Effect.provide(simulated()), Effect.withTracer(recording))
  })
})
