import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Schema } from "effect"
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

const leaf = Schema.Struct({
  body: Schema.Literals(["<p>Grüße</p>\n", "<a href=https://x.example/a>b</a> <br>\n", "-- \n", "so it goes \n on\n"]),
  end: Schema.Literals(["", "</div></body></html>\n", "</body>\n<p>after</p>\n\n", "-- \nAda\n"]),
  type: Schema.Literals([
    "text/html",
    "text/plain",
    "text/plain; format=flowed",
    "text/plain; format=flowed; delsp=yes",
  ]),
  charset: Schema.Literals(["utf-8", "windows-1252", "koi8-r", "utf-16le", "iso-2022-jp"]),
  encoding: Schema.Literals(["base64", "quoted-printable", "8bit"]),
  isLong: Schema.Boolean,
})

const leafOf = ({ body, charset, encoding, end, isLong, type }: typeof leaf.Type): string => {
  const text = `${body.repeat(isLong ? 600 : 3)}${end}`
  const bytes = Buffer.from(text, charset === "utf-16le" ? "utf16le" : charset === "utf-8" ? "utf8" : "latin1")
  return `Content-Type: ${type}; charset=${charset}\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n${encoded[encoding](bytes)}`
}

const structures = Schema.Struct({
  kind: Schema.Literals(["mixed", "alternative", "digest"]),
  leaves: Schema.NonEmptyArray(leaf),
  attached: Schema.Array(Schema.Struct({ leaf, named: Schema.Boolean })),
})

/** Texts between texts of the other sort, a page among them as a file, and mails that are attached. */
const structureOf = ({ attached, kind, leaves }: typeof structures.Type): Buffer => {
  const file = `Content-Type: text/html; name="a (1).html"\r\nContent-Disposition: attachment\r\n\r\n${"<p>x".repeat(2_000)}`
  const parts = [
    ...leaves.slice(0, 3).map(leafOf),
    file,
    ...attached.slice(0, 2).map(({ leaf, named }) => {
      const head = named || kind !== "digest" ? "Content-Type: message/rfc822\r\n" : ""
      return `${head}\r\nReceived: x\r\nSubject: attached\r\nFrom: A <a@x.example>\r\n${leafOf(leaf)}`
    }),
  ]
  const body = parts.map((part) => `--b\r\n${part}\r\n`).join("")
  return Buffer.from(`Subject: x\r\nContent-Type: multipart/${kind}; boundary=b\r\n\r\n${body}--b--\r\n`, "latin1")
}

describe("The bodies of a mail", () => {
  it.effect.prop(
    "are read as the parser of mails reads them",
    [mails],
    ([sort]) =>
      Effect.gen(function* () {
        const raw = mailOf(sort)
        const read = yield* Effect.result(Mail.parse(raw))
        // A text that has the boundary of its own mail in it, over and over again.
        if (Result.isFailure(read)) return assert.include([...sort.html, ...sort.text], "\n--b--")
        const { fullHtml, fullText } = read.success
        const parsed = yield* Effect.promise(() => PostalMime.parse(raw))
        assert.strictEqual(fullHtml, (parsed.html ?? "").replaceAll("\0", "\uFFFD"))
        assert.strictEqual(fullText, (parsed.text ?? "").replaceAll("\0", "\uFFFD"))
      }),
    { arbitrary: { runs: 200 } },
  )

  it.effect.prop(
    "are read as its parser reads them in whatever form, between texts of the other sort and in attached mails",
    [structures],
    ([sort]) =>
      Effect.gen(function* () {
        const raw = structureOf(sort)
        const { fullHtml, fullText } = yield* Mail.parse(raw)
        const parsed = yield* Effect.promise(() => PostalMime.parse(raw))
        assert.strictEqual(fullHtml, (parsed.html ?? "").replaceAll("\0", "\uFFFD"))
        assert.strictEqual(fullText, (parsed.text ?? "").replaceAll("\0", "\uFFFD"))
      }),
    { arbitrary: { runs: 200 } },
  )

  it("are left where they are if a line is nearly a boundary, after which the parser reads on", () => {
    for (const line of ["--b--=0D", "--b-x", "--b x"]) {
      const rows = "<p>x</p>\r\n".repeat(1_000)
      const page = `Content-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n${rows}${line}\r\n${rows}`
      const mail = Buffer.from(`Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n${page}\r\n--b--\r\n`, "latin1")
      for (const heads of ["plain", "any"] as const) {
        const manner = { long: 100, attachedMails: "read", heads } as const
        const { bodies } = Bodies.setAside(mail, "d".repeat(64), () => mail.toString("latin1"), manner)
        assert.deepStrictEqual(bodies, [], line)
      }
    }
  })

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

  it("are put back only where the parser has understood them alike", async () => {
    const raw = part("text/html", "utf-8", "8bit", "<p>x</p>\n".repeat(1_000))
    const aside = Bodies.setAside(Buffer.from(raw, "latin1"), "0".repeat(64), () => raw)
    const mark = aside.bodies[0]?.mark ?? ""
    assert.include((await Bodies.putBack(aside, { text: "", html: `a ${mark} b` }))?.html, "a <p>x</p>\n")
    for (const read of [
      { text: "", html: "" },
      { text: mark, html: "" },
      { text: mark + mark, html: mark },
      { text: "", html: mark + mark },
    ]) {
      assert.isNull(await Bodies.putBack(aside, read))
    }
  })

  it("are put back in the order that the parser has read them in, each once", async () => {
    const texts = ["one", "two"].map((word) => part("text/plain", "utf-8", "base64", `${word}\n`.repeat(2_000)))
    const raw = `Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n${texts.join("\r\n--b\r\n")}\r\n--b--`
    const aside = Bodies.setAside(Buffer.from(raw, "latin1"), "0".repeat(64), () => raw)
    const [one = "", two = ""] = aside.bodies.map(({ mark }) => `${mark}\n`)
    assert.strictEqual(
      (await Bodies.putBack(aside, { text: `${two}and ${one}`, html: "" }))?.text,
      `${"two\n".repeat(2_000)}and ${"one\n".repeat(2_000)}`,
    )
    assert.isNull(await Bodies.putBack(aside, { text: one + one, html: "" }))
    assert.isNull(await Bodies.putBack(aside, { text: one + two + two, html: "" }))
  })
})
