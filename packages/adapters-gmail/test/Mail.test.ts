import { createHash } from "node:crypto"

import { assert, describe, it, vi } from "@effect/vitest"
import { Arbitrary, DateTime, Effect, Option, Result, Schema } from "effect"
import PostalMime from "postal-mime"

import { Mail } from "../src/index.ts"
import { Mails } from "../src/testing/index.ts"

const sample = (name: string) => Mails.samples.get(name) ?? new Uint8Array()
const bytes = (...lines: ReadonlyArray<string>) => new Uint8Array(Buffer.from(lines.join("\r\n"), "latin1"))

describe("A mail", () => {
  it.effect("reads as its sender wrote it, in the charsets that hosts get", () =>
    Effect.gen(function* () {
      const vrbo = yield* Mail.parse(sample("vrbo-confirmation-windows-1252"))
      assert.deepStrictEqual(vrbo.subject, Option.some("Instant Booking from Zoë Müller–Okafor: 12 Dec 2026"))
      assert.include(vrbo.fullText, "Zoë Müller–Okafor has booked “The Boathouse”.")
      assert.include(vrbo.fullText, "€1,240.00")
      assert.deepStrictEqual(vrbo.headers.get("x-inquiry-arrival-date"), ["2026-12-12"])

      const german = yield* Mail.parse(sample("booking-new-reservation-german-latin1"))
      assert.include(german.fullText, "für Ihre Unterkunft «Seehäuschen»")
      assert.include(german.fullText, "booking.html?res_id=4127730985")

      const japanese = yield* Mail.parse(sample("airbnb-japanese-iso-2022-jp"))
      assert.deepStrictEqual(japanese.subject, Option.some("予約確定 - 田中 花子 様"))
      assert.include(japanese.fullText, "チェックイン: 2026年12月5日")

      const french = yield* Mail.parse(sample("booking-modified-french"))
      assert.deepStrictEqual(
        french.subject,
        Option.some("Booking.com - Réservation modifiée (4127730985, samedi 5 décembre 2026)"),
      )
    }),
  )

  it.effect("names its sender, its receivers, its time and itself", () =>
    Effect.gen(function* () {
      const mail = yield* Mail.parse(sample("airbnb-confirmation"))
      assert.deepStrictEqual(mail.messageIdHeader, Option.some("<a1.confirmation@mail.example.com>"))
      assert.deepStrictEqual(mail.from, Option.some({ name: "Airbnb", address: "automated@airbnb.com" }))
      assert.deepStrictEqual(mail.to, [{ name: "", address: "host@example.com" }])
      assert.deepStrictEqual(mail.date, Option.some(DateTime.makeUnsafe("2026-11-20T09:12:44Z")))
      assert.include(mail.fullText, "HMA7K2X9QF")
      assert.include(mail.fullHtml, "<td>Check-in<br>Sat, Dec 5</td>")
    }),
  )

  it.effect("has the digest of all its bytes", () =>
    Effect.gen(function* () {
      for (const raw of Mails.samples.values()) {
        assert.strictEqual((yield* Mail.parse(raw)).sha256, createHash("sha256").update(raw).digest("hex"))
      }
    }),
  )

  it.effect("keeps repeated headers, and those with an object's names are only headers", () =>
    Effect.gen(function* () {
      const { headers } = yield* Mail.parse(
        bytes("Received: one", "Received: two", "__proto__: polluted", "constructor: x", "toString: y", "", "body"),
      )
      assert.deepStrictEqual(headers.get("received"), ["one", "two"])
      assert.deepStrictEqual(headers.get("__proto__"), ["polluted"])
      assert.deepStrictEqual(headers.get("constructor"), ["x"])
      assert.isUndefined(headers.get("hasownproperty"))
      assert.isUndefined(({} as Record<string, unknown>)["polluted"])
    }),
  )

  it.effect("has no time where its date names no zone", () =>
    Effect.gen(function* () {
      const dateOf = (date: string) => Effect.map(Mail.parse(bytes(`Date: ${date}`, "", "")), (mail) => mail.date)
      for (const date of ["Fri, 20 Nov 2026 09:12:44", "yesterday", "Fri, 20 Nov 2026 09:12:44 PM", ""]) {
        assert.deepStrictEqual(yield* dateOf(date), Option.none(), date)
      }
      const noon = Option.some(DateTime.makeUnsafe("2026-11-20T12:00:00Z"))
      for (const date of [
        "Fri, 20 Nov 2026 07:00:00 -0500 (EST)",
        "Fri, 20 Nov 2026 12:00:00 GMT",
        "20 Nov 2026 13:00:00 +0100",
      ]) {
        assert.deepStrictEqual(yield* dateOf(date), noon, date)
      }
    }),
  )

  it.effect("has text that PostgreSQL keeps, whatever it was sent with", () =>
    Effect.gen(function* () {
      const mail = yield* Mail.parse(
        bytes("Subject: a\0b", "Content-Type: text/plain; charset=utf-16le", "", "x\0\0\xd8y\0\0\0z\0"),
      )
      for (const text of [mail.fullText, Option.getOrElse(mail.subject, () => "")]) {
        assert.isTrue(text.isWellFormed())
        assert.notInclude(text, "\0")
      }
    }),
  )

  it.effect("may be hostile: it reads, or is unreadable, and never breaks", () =>
    Effect.gen(function* () {
      const nested = (depth: number) =>
        bytes(
          ...Array.from({ length: depth }, (_, level) => [
            `Content-Type: multipart/mixed; boundary=b${level}`,
            "",
            `--b${level}`,
          ]).flat(),
          "",
          "deep",
        )
      const tooDeep = yield* Effect.result(Mail.parse(nested(500)))
      assert.isTrue(Result.isFailure(tooDeep) && tooDeep.failure._tag === "Unreadable")
      assert.include((yield* Mail.parse(nested(20))).fullText, "deep")

      const tooLong = yield* Effect.result(Mail.parse(bytes(`X: ${"x".repeat(2_000_000)}`, "", "")))
      assert.isTrue(Result.isFailure(tooLong))

      const empty = yield* Mail.parse(new Uint8Array())
      assert.strictEqual(empty.fullText, "")
      assert.isTrue(Option.isNone(empty.from))
      yield* Mail.parse(
        bytes("Content-Type: text/plain; charset=klingon", "Content-Transfer-Encoding: base64", "", "%%%"),
      )
    }),
  )

  const mixed = "Subject: bomb\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
  const text = "--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n"
  const page = (html: string) => `${mixed}${text}--b\r\nContent-Type: text/html\r\n\r\n${html}\r\n--b--\r\n`
  const attached = (mail: string) => `${mixed}${text}--b\r\nContent-Type: message/rfc822\r\n\r\n${mail}\r\n--b--\r\n`

  const unreadable: Readonly<Record<string, string>> = {
    "many empty parts": mixed + "--b\r\n\r\n".repeat(50_000),
    "many mails attached side by side":
      mixed + "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\nx\r\n".repeat(10_000),
    "a digest of many": mixed.replace("mixed", "digest") + "--b\r\n\r\nSubject: x\r\n\r\nx\r\n".repeat(10_000),
    "groups of receivers within groups": `From: ${"x:".repeat(200_000)}\r\n\r\nx`,
    "many multiparts one after the other":
      mixed + "--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\n--c--\r\n".repeat(10_000),
    "charsets that nobody has heard of": mixed + "--b\r\nContent-Type: text/html; charset=k\r\n".repeat(50_000),
  }
  for (const [name, mail] of Object.entries(unreadable)) {
    it.effect(`is unreadable with ${name}: its parser is not asked`, () =>
      Effect.gen(function* () {
        const parse = vi.spyOn(PostalMime, "parse")
        const read = yield* Effect.result(Mail.parse(Buffer.from(mail, "latin1")))
        assert.isTrue(Result.isFailure(read) && read.failure._tag === "Unreadable")
        assert.strictEqual(parse.mock.calls.length, 0)
        parse.mockRestore()
      }),
    )
  }

  const readable: Readonly<Record<string, string>> = {
    "a long link in a page whose head has a comment": page(`<a href=${"x".repeat(1_000_000)}`).replace(
      "text/html",
      "text/html; x=(",
    ),
    "a link without an end": page(`<a href=${"x".repeat(1_000_000)}`),
    "links without an end, after which the page ends": page(`<a ${"href=x ".repeat(100_000)}</body></html>`),
    "links without an end, within comments and breaks": page(`<a ${"href=x <!-- --> <br>".repeat(50_000)}`),
    "links without an end before a script": page(`<a ${"href=x ".repeat(100_000)}<script></script`),
    "a page of many lines in an attached mail": attached(`Content-Type: text/html\r\n\r\n${"<p>x\n".repeat(200_000)}`),
    "an attached mail of many lines": attached(`Subject: x\r\n\r\n${"\n".repeat(1_000_000)}`),
    "an attached mail with many parts": attached(
      `Content-Type: multipart/mixed; boundary=c\r\n\r\n${"--c\r\n\r\n".repeat(20_000)}`,
    ),
    "an attached mail of parts in Base64": attached(
      Buffer.from("Content-Type: multipart/mixed; boundary=c\n\n" + "--c\n\n".repeat(50_000)).toString("base64"),
    ).replace("rfc822\r\n", "rfc822\r\nContent-Transfer-Encoding: base64\r\n"),
    "lines that go on": page("x")
      .replace("text/plain", "text/plain; format=flowed")
      .replace("hello", "hello \n".repeat(90_000)),
    "lines that look like boundaries": page("--\n".repeat(40_000)),
    "many attachments": page("x").replace(
      "--b--",
      "--b\r\nContent-Type: image/gif\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
        "QUJD\r\n".repeat(20_000) +
        "--b--",
    ),
  }
  for (const [name, mail] of Object.entries(readable)) {
    it.effect(`reads with ${name}: its parser is given little at a time but pages that end`, () =>
      Effect.gen(function* () {
        const parse = vi.spyOn(PostalMime, "parse")
        const read = yield* Mail.parse(Buffer.from(mail, "latin1"))
        assert.deepStrictEqual(read.subject, Option.some("bomb"))
        assert.include(read.fullText, "hello")
        for (const [given] of parse.mock.calls) {
          if (Buffer.isBuffer(given)) assert.isBelow(given.length, 17_000)
          else {
            const [page = ""] = String(given).split("\n\n").slice(-1)
            assert.match(Buffer.from(page.replace("\n--b--", ""), "base64").toString(), /<u><br>(?:<u>)+\.$/)
          }
        }
        parse.mockRestore()
      }),
    )
  }

  const row = "<p>Zoë and Ada</p>\r\n"
  const rows = row.repeat(3_000)
  const based = (html: string) => Buffer.from(html).toString("base64").replace(/.{76}/g, "$&\r\n")
  const asHtml = (...head: ReadonlyArray<string>) => page(rows).replace("Content-Type: text/html", head.join("\r\n"))
  const file = (number: number) =>
    `--b\r\nContent-Type: image/gif; name="${number}.gif"\r\nContent-Disposition: attachment\r\n\r\n${"GIF".repeat(100)}\r\n`
  const spacer = "--b\r\nContent-Type: image/gif\r\nContent-Transfer-Encoding: base64\r\n\r\nR0lGODlhAQABAAAAACw=\r\n"
  const odd: Readonly<Record<string, string>> = {
    "a comment in a head": asHtml("Content-Type: text/html; charset=utf-8 (Unicode)"),
    "an encoding that nobody has heard of": asHtml("Content-Type: text/html", "Content-Transfer-Encoding: 8-bit"),
    "spaces around a parameter's sign": asHtml("Content-Type: text/html; charset = utf-8"),
    "no charset where there should be one": asHtml("Content-Type: text/html; charset="),
    "a charset that nobody has heard of": asHtml("Content-Type: text/html; charset=x-nobody"),
    "parameters in pieces": asHtml("Content-Type: text/html; charset=utf-8; name*=utf-8''a%20b.html"),
    "headers that are not in ASCII": asHtml("X-Größe: ü", "Content-Type: text/html"),
    "a line among its headers that is none": asHtml("this is no header", "Content-Type: text/html"),
    "a line that begins as the boundary does": page(`${rows}\r\n--bar\r\n`),
    "Base64 in two pieces": page(`${based(rows.slice(0, 40_001))}\r\n${based(rows.slice(40_001))}`).replace(
      "text/html",
      "text/html\r\nContent-Transfer-Encoding: base64",
    ),
    "several carriage returns in each line's end": asHtml("Content-Type: text/html").replaceAll("\r\n", "\r\r\n"),
    "a boundary in pieces": page(rows).replace("boundary=b", "boundary*0=b"),
    "a long text before its parts": page(rows).replace("--b", `${"Not for you.\r\n".repeat(3_000)}--b`),
    "spacers by the hundred": page(rows).replace("--b--", `${spacer.repeat(400)}--b--`),
    "an encoding in quotes": asHtml("Content-Type: text/html", 'Content-Transfer-Encoding: "8bit"'),
    "a long report of what was not delivered": page(rows).replace(
      "--b--",
      `--b\r\nContent-Type: message/delivery-status\r\n\r\n${"Final-Recipient: rfc822; ada@example.com\r\n\r\n".repeat(700)}--b--`,
    ),
    "a mail attached in Base64": attached(
      based(page(rows).replaceAll("--b", "--c").replace("boundary=b", "boundary=c")),
    ).replace("rfc822\r\n", "rfc822\r\nContent-Transfer-Encoding: base64\r\n"),
    "three hundred files": page(rows).replace(
      "--b--",
      `${Array.from({ length: 300 }, (_, at) => file(at)).join("")}--b--`,
    ),
  }
  for (const [name, mail] of Object.entries(odd)) {
    it.effect(`with ${name} is read as it is meant`, () =>
      Effect.gen(function* () {
        const { fullHtml } = yield* Mail.parse(Buffer.from(mail, "utf8"))
        assert.strictEqual(fullHtml.match(/<p>Zoë and Ada<\/p>/g)?.length, 3_000)
      }),
    )
  }

  it.effect("of hundreds of parts and a score of attached mails is read whole", () =>
    Effect.gen(function* () {
      const letter = (number: number) =>
        `--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: letter ${number}\r\nReceived: ${"x".repeat(5_000)}\r\n\r\n${`said ${number}\r\n`.repeat(500)}`
      const letters = Array.from({ length: 20 }, (_, number) => letter(number)).join("\r\n")
      const files = "--b\r\nContent-Type: image/gif\r\n\r\nGIF\r\n".repeat(150)
      const { fullText } = yield* Mail.parse(Buffer.from(`${mixed}${text}${letters}\r\n${files}--b--\r\n`, "latin1"))
      for (let number = 0; number < 20; number++) {
        assert.include(fullText, `letter ${number}\n`)
        assert.include(fullText, `said ${number}\n`)
      }
    }),
  )

  it.effect("of any bytes gives a value that JSON can carry", () =>
    Effect.gen(function* () {
      const codec = Schema.toCodecJson(Mail.Mail)
      const pieces = Arbitrary.schema(
        Schema.Array(
          Schema.Union([
            Schema.Literals([
              "From: ",
              "To: ",
              "Date: ",
              "Content-Type: ",
              "multipart/mixed; boundary=b",
              "--b",
              "\r\n",
              "\0",
              "=?",
              "?=",
            ]),
            Schema.String,
          ]),
        ),
      )
      for (const parts of yield* Arbitrary.sampleEffect(pieces, { count: 300 })) {
        const mail = yield* Mail.parse(new TextEncoder().encode(parts.join("")))
        const carried = JSON.parse(JSON.stringify(Schema.encodeSync(codec)(mail))) as unknown
        assert.deepStrictEqual(Schema.decodeUnknownSync(codec)(carried), mail)
      }
    }),
  )
  it.effect("reads words that are split in the middle of a character", () =>
    Effect.gen(function* () {
      const utf8 = Buffer.from("Zoë Muster-Exemple 例子", "utf8")
      const base64 = (from: number, to: number) => `=?utf-8?B?${utf8.subarray(from, to).toString("base64")}?=`
      for (let split = 1; split < utf8.length; split++) {
        const { subject } = yield* Mail.parse(
          bytes(`Subject: ${base64(0, split)}`, ` ${base64(split, utf8.length)}`, "", ""),
        )
        assert.deepStrictEqual(subject, Option.some("Zoë Muster-Exemple 例子"))
      }
      const quoted = yield* Mail.parse(bytes("Subject: =?utf-8?Q?Zo=C3?= =?UTF-8?q?=AB_Exemple?=", "", ""))
      assert.deepStrictEqual(quoted.subject, Option.some("Zoë Exemple"))
      // Whole words in a charset with states stay as they are.
      const japanese = yield* Mail.parse(
        bytes("Subject: =?ISO-2022-JP?B?GyRCTT1MczNORGobKEI=?= =?ISO-2022-JP?B?GyRCRURDZhsoQg==?=", "", ""),
      )
      assert.deepStrictEqual(japanese.subject, Option.some("予約確定田中"))
    }),
  )

  it.effect("reads charsets in single quotes, and lines that end as they did long ago", () =>
    Effect.gen(function* () {
      const quoted = yield* Mail.parse(
        bytes("Content-Type: text/plain; charset='utf8'", "", Buffer.from("Zoë", "utf8").toString("latin1")),
      )
      assert.include(quoted.fullText, "Zoë")
      const long = "Zoë aus Köln\n".repeat(1_000)
      const unheard = yield* Mail.parse(
        bytes(
          "Content-Type: text/plain; charset=nobody-has-heard-of-this",
          "Content-Transfer-Encoding: base64",
          "",
          Buffer.from(long, "utf8").toString("base64"),
        ),
      )
      assert.strictEqual(unheard.fullText, long)
      const old = yield* Mail.parse(Buffer.from("From: a@example.com\rSubject: old\r\rtext\r", "latin1"))
      assert.deepStrictEqual(old.subject, Option.some("old"))
      assert.include(old.fullText, "text")
    }),
  )

  it.effect("says the same in Base64 whatever the length of its lines", () =>
    Effect.gen(function* () {
      const html = `<p>${"Grüße aus Köln, 例子. ".repeat(2_000)}</p>`
      const base64 = Buffer.from(html, "utf8").toString("base64")
      for (const width of [4, 75, 76, 1_000, base64.length]) {
        const { fullHtml } = yield* Mail.parse(
          bytes(
            "Content-Type: multipart/mixed; boundary=b",
            "",
            "--b",
            "Content-Type: text/html; charset=utf-8",
            "Content-Transfer-Encoding: base64",
            "",
            base64.replace(new RegExp(`(.{${width}})`, "g"), "$1\r\n"),
            "--b--",
          ),
        )
        assert.strictEqual(fullHtml.trim(), html)
      }
    }),
  )

  it.effect("is read on a runtime that knows windows-1252", () => Mail.ensureDecoder)
})
