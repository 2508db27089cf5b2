import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Redacted, Result, Schema } from "effect"
import { TestClock } from "effect/testing"

import { GmailApi, GoogleOAuth } from "../src/index.ts"
import { costs2026, GmailSimulator, Mails } from "../src/testing/index.ts"
import { ada, consented, granted, mailbox, simulated, tagOf } from "./support.ts"

const stateFile = Effect.acquireRelease(
  Effect.sync(() => join(mkdtempSync(join(tmpdir(), "gmail-simulator-")), "google.json")),
  (file) => Effect.sync(() => rmSync(join(file, ".."), { recursive: true })),
)

const post = Effect.fnUntraced(function* (path: string, body?: Uint8Array<ArrayBuffer>) {
  const { url } = yield* GmailSimulator
  const response = yield* Effect.promise(() => fetch(url + path, { method: "POST", body: body ?? null }))
  return { status: response.status, body: yield* Effect.promise(() => response.json() as Promise<unknown>) }
})

describe("The simulator", () => {
  it.effect("is the same world after its process ended", () =>
    Effect.gen(function* () {
      const options = { stateFile: yield* stateFile }
      const before = yield* Effect.gen(function* () {
        const simulator = yield* GmailSimulator
        const gmail = yield* mailbox
        const { accessToken, refreshToken, subject } = yield* granted()
        const id = yield* simulator.deliver(ada, Mails.numbered(1), { labels: ["Reservations"] })
        const pending = yield* consented()
        return {
          accessToken,
          refreshToken,
          subject,
          id,
          pending,
          profile: yield* gmail.profile,
          labels: yield* gmail.labels,
        }
      }).pipe(Effect.provide(simulated(options), { local: true }))

      yield* Effect.gen(function* () {
        const simulator = yield* GmailSimulator
        const oauth = yield* GoogleOAuth.GoogleOAuth
        const gmail = (yield* GmailApi.GmailApi).mailbox(before.accessToken)
        assert.deepStrictEqual((yield* gmail.rawMessage(GmailApi.MessageId.make(before.id))).raw, Mails.numbered(1))
        assert.deepStrictEqual((yield* gmail.profile).historyId, before.profile.historyId)
        assert.deepStrictEqual(yield* gmail.labels, before.labels)
        yield* oauth.refresh(before.refreshToken)
        const { code, verifier } = before.pending
        assert.strictEqual((yield* oauth.exchange(code, verifier)).subject, before.subject)

        const next = yield* simulator.deliver(ada, Mails.numbered(2))
        assert.notStrictEqual(next, before.id)
        const labelId = GmailApi.LabelId.make(yield* simulator.label(ada, "Reservations"))
        const { historyId: startHistoryId } = before.profile
        yield* simulator.addLabel(ada, next, "Reservations")
        const { messages } = yield* gmail.history({ startHistoryId, labelId })
        assert.deepStrictEqual(
          messages.map(({ id }) => String(id)),
          [next],
        )
      }).pipe(Effect.provide(simulated(options), { local: true }))
    }),
  )

  it.effect("has written what it answered: a code that was spent stays spent", () =>
    Effect.gen(function* () {
      const file = yield* stateFile
      yield* Effect.gen(function* () {
        const oauth = yield* GoogleOAuth.GoogleOAuth
        const simulator = yield* GmailSimulator
        const { code, verifier } = yield* consented()
        assert.include(readFileSync(file, "utf8"), Redacted.value(code))

        yield* simulator.fail({ kind: "token.exchange", failure: "dropAfterWork" })
        assert.strictEqual(yield* tagOf(oauth.exchange(code, verifier)), "Unavailable")
        assert.notInclude(readFileSync(file, "utf8"), Redacted.value(code))
        assert.strictEqual(yield* tagOf(oauth.exchange(code, verifier)), "InvalidGrant")
      }).pipe(Effect.provide(simulated({ stateFile: file })))
    }),
  )

  it.effect("knows how often each message was given out whole", () =>
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const gmail = yield* mailbox
      const [once = "", twice = ""] = yield* simulator.deliverAll(ada, [Mails.numbered(1), Mails.numbered(2)])
      yield* simulator.fail({ kind: "messages.get", failure: "truncatedBody" })
      yield* Effect.flip(gmail.rawMessage(GmailApi.MessageId.make(once)))
      for (const id of [once, twice, twice]) yield* gmail.rawMessage(GmailApi.MessageId.make(id))
      assert.deepStrictEqual(
        [...(yield* simulator.rawFetches)],
        [
          [once, 1],
          [twice, 2],
        ],
      )
      assert.strictEqual(yield* simulator.count("messages.get"), 4)
    }).pipe(Effect.provide(simulated())),
  )

  it.effect("is driven by curl as by code", () =>
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const gmail = yield* mailbox
      const delivered = yield* post(
        `/simulator/deliver?mailbox=${ada}&label=Reservations`,
        Buffer.from("Subject: by curl\r\n\r\nbody"),
      )
      const { id } = Schema.decodeUnknownSync(Schema.Struct({ id: GmailApi.MessageId }))(delivered.body)
      assert.strictEqual(Buffer.from((yield* gmail.rawMessage(id)).raw).toString(), "Subject: by curl\r\n\r\nbody")

      yield* post(`/simulator/deliver?mailbox=${ada}&sample=airbnb-confirmation`)
      assert.strictEqual((yield* gmail.profile).messagesTotal, 2)
      assert.strictEqual((yield* post(`/simulator/delete?mailbox=${ada}&message=${id}`)).status, 200)
      assert.strictEqual(yield* tagOf(gmail.rawMessage(id)), "NotFound")

      yield* post("/simulator/fail?failure=rateLimitExceeded&kind=profile&times=2")
      assert.strictEqual(yield* tagOf(gmail.profile), "RateLimited")
      assert.strictEqual(yield* tagOf(gmail.profile), "RateLimited")
      yield* gmail.profile

      yield* post("/simulator/expire")
      assert.strictEqual(yield* tagOf(gmail.profile), "Unauthorized")
      const { refreshToken } = yield* granted()
      yield* post(`/simulator/revoke?mailbox=${ada}`)
      assert.strictEqual(yield* tagOf((yield* GoogleOAuth.GoogleOAuth).refresh(refreshToken)), "InvalidGrant")

      const { url } = simulator
      const overview = yield* Effect.promise(() => fetch(`${url}/simulator`).then((response) => response.json()))
      assert.deepInclude(overview, { mailboxes: [{ address: ada, messages: 1, labels: ["Reservations"] }] })
    }).pipe(Effect.provide(simulated())),
  )

  it.effect("refuses by name what it is not asked for properly", () =>
    Effect.gen(function* () {
      const misspelt = yield* post(`/simulator/revoke?mailbox=${ada}&malbox=x`)
      assert.strictEqual(misspelt.status, 400)
      assert.include(JSON.stringify(misspelt.body), "malbox")
      assert.strictEqual((yield* post("/simulator/revoke?mailbox=nobody@example.com")).status, 404)
      assert.strictEqual((yield* post(`/simulator/label?mailbox=${ada}&message=none&label=x`)).status, 404)
    }).pipe(Effect.provide(simulated())),
  )

  it.effect("meters what is spent as Google does, and refuses what is too much", () =>
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const gmail = yield* mailbox
      const [first = "", second = ""] = yield* simulator.deliverAll(ada, [Mails.numbered(1), Mails.numbered(2)])
      yield* gmail.rawMessage(GmailApi.MessageId.make(first))
      yield* gmail.profile
      assert.deepStrictEqual(yield* simulator.spending(ada), { units: 21, peak: 21, refused: 0 })
      assert.strictEqual(yield* tagOf(gmail.rawMessage(GmailApi.MessageId.make(second))), "RateLimited")
      assert.deepInclude(yield* simulator.spending(ada), { units: 21, refused: 1 })
      // The project counts what all its mailboxes spend.
      assert.deepInclude(yield* simulator.spending(), { units: 21, refused: 1 })
      yield* TestClock.adjust("1 minute")
      yield* gmail.rawMessage(GmailApi.MessageId.make(second))
      assert.deepInclude(yield* simulator.spending(ada), { units: 41, peak: 21 })
      assert.strictEqual(yield* gmail.spent, 20 + 1 + 20 + 20)
    }).pipe(Effect.provide(simulated({ quota: { costs: costs2026, perMailbox: 40 } }))),
  )

  it.effect("plays a message that cannot be read yet, one that no listing names, and a mailbox without a licence", () =>
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const gmail = yield* mailbox
      const labelId = GmailApi.LabelId.make(yield* simulator.label(ada, "Reservations"))
      const labels = ["Reservations"]
      const early = yield* simulator.deliver(ada, Mails.numbered(1), { labels, readableAfter: "3 seconds" })
      assert.strictEqual(yield* tagOf(gmail.rawMessage(GmailApi.MessageId.make(early))), "NotFound")
      yield* TestClock.adjust("3 seconds")
      yield* gmail.rawMessage(GmailApi.MessageId.make(early))

      const hidden = yield* simulator.deliver(ada, Mails.numbered(2), { labels })
      yield* simulator.concealMessage(ada, hidden)
      const { messages } = yield* gmail.listMessages({ labelId })
      assert.deepStrictEqual(
        messages.map(({ id }) => String(id)),
        [early],
      )
      assert.strictEqual((yield* gmail.label(labelId)).messagesTotal, 2)

      yield* simulator.fail({ kind: "messages.get", failure: "internalError", ratio: 0.3, seed: 5 })
      const outcomes = yield* Effect.forEach(Array.from({ length: 100 }), () =>
        Effect.result(gmail.rawMessage(GmailApi.MessageId.make(early))),
      )
      const failed = outcomes.filter(Result.isFailure).length
      assert.isTrue(failed > 15 && failed < 45)
      yield* simulator.clearFaults

      yield* simulator.unlicense(ada)
      assert.strictEqual(yield* tagOf(gmail.profile), "Unavailable")
    }).pipe(Effect.provide(simulated())),
  )

  it.effect("listens where it is told", () =>
    Effect.gen(function* () {
      const port = yield* Effect.map(GmailSimulator, ({ url }) => Number(new URL(url).port)).pipe(
        Effect.provide(GmailSimulator.layer(), { local: true }),
      )
      const { url } = yield* Effect.provide(GmailSimulator, GmailSimulator.layer({ port }), { local: true })
      assert.strictEqual(url, `http://127.0.0.1:${port}`)
    }),
  )

  it.effect("leaves a state file alone that it does not understand, and names it", () =>
    Effect.gen(function* () {
      const file = yield* stateFile
      writeFileSync(file, "{}")
      const opened = Effect.provide(GmailSimulator, GmailSimulator.layer({ stateFile: file }), { local: true })
      assert.include(Cause.pretty(yield* Effect.flip(Effect.sandbox(opened))), `The state file ${file} is malformed`)
      assert.strictEqual(readFileSync(file, "utf8"), "{}")
    }),
  )

  it.effect("leaves the terminal of its process alone, however many there are", () =>
    Effect.gen(function* () {
      const listening = process.stdin.listenerCount("end")
      yield* Effect.gen(function* () {
        yield* GmailSimulator
        assert.strictEqual(process.stdin.listenerCount("end"), listening)
      }).pipe(Effect.provide(GmailSimulator.layer(), { local: true }))
    }),
  )
})
