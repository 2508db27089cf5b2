import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import PostalMime from "postal-mime"

import * as Bodies from "../src/Bodies.ts"
import { Mail } from "../src/index.ts"

const encoded = {
  base64: (body: Buffer) => body.toString("base64").replace(/(.{76})/g, "$1\r\n"),
  "quoted-printable": (body: Buffer) =>
    body
      .toString("latin1")
      .replace(/[^ -<>-~\n]/g, (char) => `=${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`)
      .replace(/(.{60}[^=]{2})/g, "$1=\r\n")
      .replace(/([^\r])\n/g, "$1\r\n"),
  "8bit": (body: Buffer) => body.toString("latin1"),
}

const part = (type: string, charset: string, encoding: keyof typeof encoded, body: string) => {
  const bytes = Buffer.from(body, charset === "utf-8" ? "utf8" : "latin1")
  return `Content-Type: ${type}; charset=${charset}\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n${encoded[encoding](bytes)}`
}

const lines = Schema.Literals([
  "Grüße, 3 = 2 + 1 ",
  "<p style=3D>x</p>",
  "\n",
  "\r\n",
  "\r",
  "\r\r\n",
  "=\r\n",
  "--",
  "\n-->",
  "\n--b--",
  "=4",
  "=C3=A4",
  "\0",
  "$&",
])

const mails = Schema.Struct({
  html: Schema.NonEmptyArray(lines),
  text: Schema.NonEmptyArray(lines),
  encoding: Schema.Literals(["base64", "quoted-printable", "8bit"]),
  charset: Schema.Literals(["utf-8", "windows-1252"]),
  kind: Schema.Literals(["alternative", "mixed", "html"]),
  ending: Schema.Literals(["", "\r\n", "\n", "=", "\r"]),
})

const mailOf = ({ charset, ending, encoding, html, kind, text }: typeof mails.Type): Buffer => {
  const long = (pieces: ReadonlyArray<string>) => pieces.join("").repeat(Math.ceil(5_000 / pieces.join("").length))
  const page = part("text/html", charset, encoding, long(html))
  const mail =
    kind === "html"
      ? `MIME-Version: 1.0\r\n${page}${ending}`
      : `Content-Type: multipart/${kind}; boundary=b\r\n\r\n--b\r\n${part("text/plain", charset, encoding, long(text))}${ending}\r\n--b\r\n${page}\r\n--b--\r\n`
  return Buffer.from(mail, "latin1")
}

describe("The bodies of a mail", () => {
  it.effect.prop(
    "are read as the parser of mails reads them",
    [mails],
    ([sort]) =>
      Effect.gen(function* () {
        const raw = mailOf(sort)
        const { fullHtml, fullText } = yield* Mail.parse(raw)
        const parsed = yield* Effect.promise(() => PostalMime.parse(raw))
        assert.strictEqual(fullHtml, (parsed.html ?? "").replaceAll("\0", "\uFFFD"))
        assert.strictEqual(fullText, (parsed.text ?? "").replaceAll("\0", "\uFFFD"))
      }),
    { arbitrary: { runs: 200 } },
  )

  it("are set aside, attachments among them", () => {
    const page = part("text/html", "utf-8", "base64", "<p>Köln</p>\n".repeat(1_000))
    const attachment = `Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n${"QUJD".repeat(50_000)}`
    const raw = `Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n${page}\r\n--b\r\n${attachment}\r\n--b--`
    const { bodies, mail } = Bodies.setAside(Buffer.from(raw, "latin1"), "0".repeat(64), () => raw)
    assert.deepStrictEqual(
      bodies.map(({ as }) => as),
      ["html", null],
    )
    assert.isBelow(mail.length, 500)
  })

  it("are put back only where the parser has understood them alike", () => {
    const raw = part("text/html", "utf-8", "8bit", "<p>x</p>\n".repeat(1_000))
    const aside = Bodies.setAside(Buffer.from(raw, "latin1"), "0".repeat(64), () => raw)
    const mark = aside.bodies[0]?.mark ?? ""
    assert.include(Bodies.putBack(aside, { text: "", html: `a ${mark} b` })?.html, "a <p>x</p>\n")
    for (const read of [
      { text: "", html: "" },
      { text: mark, html: "" },
      { text: mark, html: mark },
      { text: "", html: mark + mark },
    ]) {
      assert.isNull(Bodies.putBack(aside, read))
    }
  })

  it("are put back in the order that the parser has read them in, each once", () => {
    const texts = ["one", "two"].map((word) => part("text/plain", "utf-8", "base64", `${word}\n`.repeat(2_000)))
    const raw = `Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n${texts.join("\r\n--b\r\n")}\r\n--b--`
    const aside = Bodies.setAside(Buffer.from(raw, "latin1"), "0".repeat(64), () => raw)
    const [one = "", two = ""] = aside.bodies.map(({ mark }) => `${mark}\n`)
    assert.strictEqual(
      Bodies.putBack(aside, { text: `${two}and ${one}`, html: "" })?.text,
      `${"two\n".repeat(2_000)}and ${"one\n".repeat(2_000)}`,
    )
    assert.isNull(Bodies.putBack(aside, { text: one + one, html: "" }))
    assert.isNull(Bodies.putBack(aside, { text: one + two + two, html: "" }))
  })
})
