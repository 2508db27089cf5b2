import { createHash } from "node:crypto"
import { Readable } from "node:stream"

import { assert, describe, it } from "@effect/vitest"
import { AppendRequest } from "@holdfast/domain"
import { Arbitrary, DateTime, Effect, Schema } from "effect"

import { GmailApi, Tape } from "../src/index.ts"
import * as RawAnswer from "../src/RawAnswer.ts"
import { Mails } from "../src/testing/index.ts"
import * as LargeMails from "./largeMails.ts"

const messageOf = (raw: Uint8Array): GmailApi.RawMessage => ({
  id: GmailApi.MessageId.make("m1"),
  threadId: "t1",
  labelIds: [],
  historyId: GmailApi.HistoryId.make("1"),
  internalDate: DateTime.makeUnsafe(0),
  raw,
})

const recorded = (raw: Uint8Array, limit?: number) =>
  Effect.map(
    limit === undefined
      ? Tape.record(messageOf(raw))
      : Effect.provideService(Tape.record(messageOf(raw)), Tape.AttachmentBytes, limit),
    ({ content }) => Tape.decode(content),
  )

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex")

const folded = (content: Uint8Array) =>
  Buffer.from(content)
    .toString("base64")
    .replace(/(.{76})/g, "$1\r\n")

/** A text and attachments, one inside another multipart. */
const mailWith = (...attachments: ReadonlyArray<readonly [name: string, content: Uint8Array]>) =>
  new Uint8Array(
    Buffer.from(
      [
        "From: Ada <ada@example.com>",
        "Subject: with attachments",
        'Content-Type: multipart/mixed; boundary="outer"',
        "",
        "--outer",
        "Content-Type: multipart/alternative; boundary=inner",
        "",
        "--inner",
        "Content-Type: text/plain; charset=utf-8",
        "",
        "See what is attached.",
        "--inner--",
        ...attachments.flatMap(([name, content]) => [
          "--outer",
          `Content-Type: application/pdf; name="${name}"`,
          "Content-Transfer-Encoding: base64",
          `Content-Disposition: attachment;\r\n filename="${name}"`,
          "",
          folded(content),
        ]),
        "--outer--",
        "",
      ].join("\r\n"),
      "latin1",
    ),
  )

const bytesOf = (length: number, seed: number) =>
  Uint8Array.from({ length }, (_, index) => (index * 31 + seed * 17) & 0xff)

describe("The tape", () => {
  it.effect("S38 has the bytes of any mail as they arrived, and their digest", () =>
    Effect.gen(function* () {
      const any = yield* Arbitrary.sampleEffect(Arbitrary.schema(Schema.Uint8Array), { count: 200 })
      for (const raw of [...Mails.samples.values(), ...any]) {
        const message = yield* recorded(raw)
        assert.deepStrictEqual(Buffer.from(Tape.bytes(message)), Buffer.from(raw))
        assert.strictEqual(message.sha256, sha256(raw))
        assert.isUndefined(message.omitted)
      }
    }),
  )

  it.effect("keeps attachments up to the limit whole, and those beyond it by digest and size", () =>
    Effect.gen(function* () {
      const [small, large] = [bytesOf(1_000, 1), bytesOf(50_001, 2)]
      const raw = mailWith(["small.pdf", small], ["large.pdf", large])
      assert.deepStrictEqual(Buffer.from(Tape.bytes(yield* recorded(raw, 51_001))), Buffer.from(raw))

      const message = yield* recorded(raw, 50_000)
      const [omitted, ...others] = message.omitted ?? []
      assert.deepStrictEqual(others, [])
      assert.deepInclude(omitted, {
        sha256: sha256(large),
        size: large.length,
        contentType: "application/pdf",
        filename: "large.pdf",
      })
      assert.strictEqual(message.sha256, sha256(raw))
      assert.strictEqual(message.size, raw.length)
      assert.strictEqual(message.mail?.subject, "with attachments")
      assert.include(message.mail?.fullText, "See what is attached.")
      assert.include(message.raw, folded(small))

      // With the attachment in its place it is the mail again.
      const { at = 0, length = 0 } = omitted ?? {}
      const restored = message.raw.slice(0, at) + folded(large) + message.raw.slice(at)
      assert.strictEqual(folded(large).length, length)
      assert.strictEqual(sha256(Buffer.from(restored, "latin1")), message.sha256)
    }),
  )

  it.effect("leaves out the largest first, and as few as it takes", () =>
    Effect.gen(function* () {
      const raw = mailWith(["a", bytesOf(20_000, 1)], ["b", bytesOf(40_000, 2)], ["c", bytesOf(30_000, 3)])
      const names = (limit: number) =>
        Effect.map(recorded(raw, limit), ({ omitted = [] }) => omitted.map(({ filename }) => filename))
      assert.deepStrictEqual(yield* names(60_000), ["b"])
      assert.deepStrictEqual(yield* names(30_000), ["b", "c"])
      assert.deepStrictEqual(yield* names(1_000), ["a", "b", "c"])
      assert.deepStrictEqual(yield* names(Infinity), [])
    }),
  )

  it.effect("keeps what cannot be told apart by its digest too, and gives it back otherwise", () =>
    Effect.gen(function* () {
      const any = yield* Arbitrary.sampleEffect(Arbitrary.schema(Schema.Uint8Array), { count: 200 })
      for (const noise of any) {
        const raw = new Uint8Array(Buffer.concat([mailWith(["a", bytesOf(500, 1)]), noise]))
        const message = yield* recorded(raw, 100)
        assert.strictEqual(message.sha256, sha256(raw))
        const { omitted = [] } = message
        const cut = omitted.reduce((sum, { length }) => sum + length, 0)
        assert.strictEqual(message.raw.length + cut, raw.length)
      }
    }),
  )

  for (const [name, mail] of Object.entries(LargeMails.hostile)) {
    it.effect(`takes what the log takes of a mail with ${name}, and knows the rest by its digest`, () =>
      Effect.gen(function* () {
        const raw = mail()
        const attachmentBytes = name.includes("attachments") ? 0 : Infinity
        const { content } = yield* Tape.record(messageOf(raw)).pipe(
          Effect.provideService(Tape.AttachmentBytes, attachmentBytes),
          Effect.provideService(Tape.MailBytes, Infinity),
        )
        assert.isAtMost(Buffer.byteLength(JSON.stringify(content)), AppendRequest.limits.sealed)
        const message = Tape.decode(content)
        const { omitted = [] } = message
        assert.strictEqual(message.sha256, sha256(raw))
        assert.strictEqual(message.raw.length + omitted.reduce((sum, { length }) => sum + length, 0), raw.length)
        assert.include(message.raw, LargeMails.subject)
        if (message.mail !== null) assert.strictEqual(message.mail.subject, LargeMails.subject)
      }),
    )
  }

  it.effect("reads an answer in pieces of any size as the same bytes, and tells what is no such answer", () =>
    Effect.gen(function* () {
      const any = yield* Arbitrary.sampleEffect(Arbitrary.schema(Schema.Uint8Array), { count: 100 })
      const read = (text: string, size: number, length?: number) => {
        const bytes = Buffer.from(text)
        const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
          bytes.subarray(index * size, (index + 1) * size),
        )
        return Effect.promise(async () => {
          const begun = await RawAnswer.begin(Readable.from(pieces, { objectMode: true }), length)
          return begun instanceof RawAnswer.Begun
            ? begun.rest({ attachmentBytes: Infinity, mailBytes: Infinity })
            : begun
        })
      }
      for (const [index, raw] of any.entries()) {
        const base64 = Buffer.from(raw).toString("base64url") + ["", "=", "=="][(3 - (raw.length % 3)) % 3]
        const answer = { id: "m1", snippet: 'says \\"raw\\": "no"', raw: base64, threadId: "t1" }
        for (const size of [1, 3, 64, 100_000]) {
          const whole = JSON.stringify(answer, null, index % 2)
          assert.deepStrictEqual(yield* read(whole, size, index % 3 === 0 ? whole.length : undefined), {
            ...answer,
            raw: Buffer.from(raw),
          })
          const escaped = whole.replaceAll("=", "\\u003d")
          assert.deepStrictEqual(yield* read(escaped, size), { ...answer, raw: Buffer.from(raw) })
          assert.isString(yield* read(whole.slice(0, -8), size))
        }
      }
      assert.deepStrictEqual(yield* read('{"raw":"ab!d"}', 3), { raw: undefined })
      assert.deepStrictEqual(yield* read('{"raw":"abcde"}', 3), { raw: undefined })
      assert.deepStrictEqual(yield* read('{"error":{"message":"no"}}', 4), { error: { message: "no" } })
      assert.strictEqual(yield* read("<html>", 4), "<html>")
      assert.strictEqual(yield* read("", 4), "")
    }),
  )
})
