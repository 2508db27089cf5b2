import { createHash } from "node:crypto"

import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Schema } from "effect"

import * as Attachments from "../src/Attachments.ts"
import * as Base64 from "../src/Base64.ts"
import * as Parts from "../src/Parts.ts"

/** What mails are made of, and what looks like it. */
const Piece = Schema.Literals([
  "--a",
  "--b",
  "--a--",
  "--b--",
  "--ab",
  "--",
  "-",
  "\r\n",
  "\r\n",
  "\n",
  "\r",
  "\r\n\r\n",
  "Content-Type: multipart/mixed; boundary=a\r\n\r\n",
  'Content-Type: multipart/mixed;\r\n boundary="b"\r\n\r\n',
  "Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n",
  "Content-Type: application/pdf; name=x.pdf\r\n\r\n",
  "!!\u0001\u0002\n",
  "QUJDREVG",
  "QUJD\r\nRA==",
  "text and more text",
])

const Mail = Schema.Struct({
  isMultipart: Schema.Boolean,
  pieces: Schema.Array(Piece).check(Schema.isMaxLength(40)),
  limit: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 120 })),
  most: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 600 })),
  length: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 40 })),
})

const mails = Effect.map(Arbitrary.sampleEffect(Arbitrary.schema(Mail), { count: 1_000 }), (all) =>
  all.map(({ isMultipart, length, limit, most, pieces }) => {
    const head = isMultipart ? "Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n" : ""
    return { mail: Buffer.from(head + pieces.join(""), "latin1"), length, limit, most }
  }),
)

const piecesOf = (mail: Buffer, length: number) =>
  Array.from({ length: Math.ceil(mail.length / length) }, (_, n) => mail.subarray(n * length, (n + 1) * length))

const limitsOf = (attachmentBytes: number, mailBytes = Infinity) => ({ attachmentBytes, mailBytes })

const arrived = (mail: Buffer, limits: Attachments.Limits, length: number, expected?: number) => {
  const arriving = Attachments.arriving(limits, expected)
  // Whoever lends a piece uses its bytes for something else afterwards.
  const lent = Buffer.alloc(length)
  for (const piece of piecesOf(mail, length)) {
    piece.copy(lent)
    arriving.write(lent.subarray(0, piece.length))
    lent.fill(0)
  }
  return arriving.end()
}

const contentOf = ({ isBase64 }: Pick<Parts.Part, "isBase64">, body: Buffer) =>
  isBase64 ? Buffer.from(body.toString("latin1").replace(/[^A-Za-z0-9+/]/g, ""), "base64") : body

/** The mail without what was left out. */
const piecesLeft = (mail: Buffer, omitted: ReadonlyArray<Attachments.Omitted>) => {
  const pieces: Array<Buffer> = []
  let from = 0
  let missing = 0
  for (const { at, length } of omitted) {
    pieces.push(mail.subarray(from, at + missing))
    missing += length
    from = at + missing
  }
  return [...pieces, mail.subarray(from)]
}

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex")

describe("The attachments of a mail", () => {
  it.effect("that are left out are the same in whatever pieces it arrives", () =>
    Effect.gen(function* () {
      for (const { length, limit, mail, most } of yield* mails) {
        for (const limits of [limitsOf(limit), limitsOf(limit, most), limitsOf(Infinity, most)]) {
          const { omission, raw } = Attachments.omitLargest(mail, limits)
          for (const expected of [undefined, 0, mail.length, 10_000]) {
            const kept = arrived(mail, limits, length, expected)
            assert.deepStrictEqual(Buffer.from(kept.raw), Buffer.from(raw))
            assert.deepStrictEqual(kept.omission, omission)
          }
        }
      }
    }),
  )

  it.effect("are the largest, as many as it takes, each by the digest of its content and where it stood", () =>
    Effect.gen(function* () {
      let withSome = 0
      for (const { length, limit, mail } of yield* mails) {
        const { omission, raw } = arrived(mail, limitsOf(limit), length)
        const parts = Parts.partsOf(mail).map((part) => {
          const content = contentOf(part, mail.subarray(part.start, part.end))
          const isRead = part.contentType.startsWith("text/") && content.length <= limit
          return { part, content, weight: isRead ? 0 : content.length }
        })
        const bySize = parts.toSorted((a, b) => b.weight - a.weight)
        let total = parts.reduce((sum, { weight }) => sum + weight, 0)
        const gone = new Set<Parts.Part>()
        for (const { part, weight } of mail.length > limit ? bySize : []) {
          if (total <= limit) break
          gone.add(part)
          total -= weight
        }
        const expected = parts.filter(({ part }) => gone.has(part))
        const { omitted = [] } = omission ?? {}
        assert.deepStrictEqual(
          omitted.map(({ contentType, sha256, size }) => ({ contentType, sha256, size })),
          expected.map(({ content, part: { contentType } }) => ({
            contentType,
            sha256: sha256(content),
            size: content.length,
          })),
        )
        // With each in its place it is the mail again.
        let whole = Buffer.alloc(0)
        let from = 0
        let missing = 0
        for (const [index, { at, length }] of omitted.entries()) {
          const { start = 0, end = 0 } = expected[index]?.part ?? {}
          assert.deepStrictEqual([at, length], [start - missing, end - start])
          missing += length
          whole = Buffer.concat([whole, raw.subarray(from, at), mail.subarray(start, end)])
          from = at
        }
        assert.deepStrictEqual(Buffer.concat([whole, raw.subarray(from)]), mail)
        assert.strictEqual(omission?.sha256 ?? sha256(raw), sha256(mail))
        assert.strictEqual(omission?.size ?? raw.length, mail.length)
        if (omitted.length > 0) withSome++
      }
      assert.isAbove(withSome, 100)
    }),
  )

  it.effect("and everything else go until the rest fits, whatever it is, but for what the mail says of itself", () =>
    Effect.gen(function* () {
      let [withSome, asMuchAsFits] = [0, 0]
      for (const { length, limit, mail, most } of yield* mails) {
        const { omission, raw } = arrived(mail, limitsOf(limit, most), length)
        const head = mail.subarray(0, Parts.partsOf(mail)[0]?.start ?? mail.length)
        const isWhole = omission === undefined
        assert.strictEqual(
          Attachments.bytesOnTape(raw),
          Buffer.byteLength(JSON.stringify(Buffer.from(raw).toString("latin1"))) - 2,
        )
        if (Attachments.bytesOnTape(raw) > most) {
          assert.isAbove(Attachments.bytesOnTape(head), most)
          assert.isAtMost(raw.length, head.length)
        } else asMuchAsFits++
        if (isWhole) assert.deepStrictEqual(raw, mail)
        else withSome++
        // Each stands where it says, and is what it says by its digest.
        const { omitted = [] } = omission ?? {}
        let from = 0
        let at = 0
        for (const { at: place, length, sha256: digest, size } of omitted) {
          at += place - from
          from = place
          const content = mail.subarray(at, at + length)
          at += length
          const decoded = contentOf({ isBase64: true }, content)
          const isAsSent = digest === sha256(content) && size === length
          assert.isTrue(isAsSent || (digest === sha256(decoded) && size === decoded.length))
        }
        assert.deepStrictEqual(raw, Buffer.concat(piecesLeft(mail, omitted)))
      }
      assert.isAbove(withSome, 300)
      assert.isAbove(asMuchAsFits, 300)
    }),
  )

  it("go from the first on where they are as large as each other", () => {
    const part = (name: string) => `--a\r\nContent-Type: image/gif; name=${name}\r\n\r\n${name.repeat(100)}\r\n`
    const mail = Buffer.from(
      `Content-Type: multipart/mixed; boundary=a\r\n\r\n${["x", "y", "z"].map(part).join("")}--a--\r\n`,
    )
    const names = (limit: number) => arrived(mail, limitsOf(limit), 7).omission?.omitted.map(({ filename }) => filename)
    assert.deepStrictEqual([names(300), names(200), names(100)], [undefined, ["x"], ["x", "y"]])
  })

  it("are told apart up to a number, however many there are", () => {
    const many = Buffer.from(
      `Content-Type: multipart/mixed; boundary=a\r\n\r\n${"--a\r\nContent-Type: image/gif\r\n\r\nx\r\n".repeat(30_000)}`,
    )
    const parts = Parts.partsOf(many)
    assert.isAtMost(parts.length, 10_000)
    assert.strictEqual(parts.at(-1)?.end, many.length)
  })
})

describe("Base64", () => {
  it.effect("is decoded as Buffer decodes it, in pieces of any length", () =>
    Effect.gen(function* () {
      const all = yield* Arbitrary.sampleEffect(Arbitrary.schema(Schema.Uint8Array), { count: 300 })
      for (const [index, bytes] of all.entries()) {
        const text = Buffer.from(bytes)
          .toString(index % 2 === 0 ? "base64" : "base64url")
          .replaceAll("=", "")
        const broken = text.replace(/(.{7})/g, "$1\r\n")
        for (const length of [1, 2, 3, 5, 64]) {
          const decoder = Base64.decoder(Base64.ofAnswers)
          const target = Buffer.alloc(64)
          const decoded = piecesOf(Buffer.from(broken), length).map((piece) =>
            Buffer.from(target.subarray(0, decoder.decode(piece, target))),
          )
          decoded.push(Buffer.from(target.subarray(0, decoder.end(target))))
          assert.deepStrictEqual(Buffer.concat(decoded), Buffer.from(bytes))
          assert.strictEqual(decoder.foreign(), broken.length - text.length)
        }
      }
    }),
  )
})
