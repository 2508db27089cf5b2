import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"

import * as Html from "../../src/extraction/Html.ts"
import * as Lines from "../../src/extraction/Lines.ts"
import * as Zones from "../../src/extraction/Zones.ts"

const zones = (...lines: ReadonlyArray<string>) => Zones.zonesOf(lines)

describe("A mail's lines", () => {
  it("are its own where it quotes nothing", () => {
    const lines = [
      "Reservation confirmed",
      "From: Dec 5",
      "To: Dec 8",
      "Guests: 4",
      "---",
      "Confirmation code:",
      "HMTEST0001",
    ]
    assert.deepStrictEqual(zones(...lines), { own: lines, quoted: [], forwarded: null })
  })

  it("that begin with > are another's, and so is the line that says whose", () => {
    assert.deepStrictEqual(
      zones(
        "HMTEST0001",
        "On Fri, 20 Nov 2026 at 10:00, Ada <ada@example.test>",
        "wrote:",
        "> HMTEST0002",
        "> > HMTEST0003",
        "Best",
      ),
      { own: ["HMTEST0001", "Best"], quoted: ["HMTEST0002", "HMTEST0003"], forwarded: null },
    )
  })

  for (const wrote of [
    "On Fri, Nov 20, 2026 at 10:00 AM Ada Testwell <ada@example.test> wrote:",
    "Le ven. 20 nov. 2026 à 10:00, Ada Testwell <ada@example.test> a écrit :",
    "Am Fr., 20. Nov. 2026 um 10:00 Uhr schrieb Ada Testwell <ada@example.test>:",
    "El vie, 20 nov 2026 a las 10:00, Ada Testwell (<ada@example.test>) escribió:",
    "Il giorno ven 20 nov 2026 alle ore 10:00 Ada Testwell <ada@example.test> ha scritto:",
    "Em sex., 20 de nov. de 2026 às 10:00, Ada Testwell <ada@example.test> escreveu:",
    "Op vr 20 nov 2026 om 10:00 schreef Ada Testwell <ada@example.test>:",
    "pt., 20 lis 2026 o 10:00 Ada Testwell <ada@example.test> napisał(a):",
    "pá 20. 11. 2026 v 10:00 odesílatel Ada Testwell <ada@example.test> napsal:",
    "Den fre 20 nov. 2026 kl 10:00 skrev Ada Testwell <ada@example.test>:",
    "pe 20. marrask. 2026 klo 10.00 Ada Testwell (ada@example.test) kirjoitti:",
    "Ada Testwell <ada@example.test> ezt írta (időpont: 2026. nov. 20., P, 10:00):",
    "În vin., 20 nov. 2026 la 10:00, Ada Testwell <ada@example.test> a scris:",
    "Στις Παρ 20 Νοε 2026 στις 10:00 π.μ., ο χρήστης Ada Testwell <ada@example.test> έγραψε:",
    "Ada Testwell <ada@example.test>, 20 Kas 2026 Cum, 10:00 tarihinde şunu yazdı:",
    "пт, 20 нояб. 2026 г. в 10:00, Ada Testwell <ada@example.test>:",
    "2026年11月20日(金) 10:00 Ada Testwell <ada@example.test>:",
    "2026년 11월 20일 (금) 오전 10:00, Ada Testwell <ada@example.test>님이 작성:",
    "Ada Testwell <ada@example.test> 于2026年11月20日周五 10:00写道:",
    "Vào Th 6, 20 thg 11, 2026 vào lúc 10:00 Ada Testwell <ada@example.test> đã viết:",
  ]) {
    it(`after “${wrote}” are another's`, () => {
      const apart = { own: ["mine"], quoted: ["hers"], forwarded: null }
      assert.deepStrictEqual(zones("mine", wrote, "> hers"), apart)
      // Some languages have no verb for it: there the marks alone tell.
      const hasVerb = !/^(?:пт|2026年)/u.test(wrote)
      assert.deepStrictEqual(
        zones("mine", wrote, "hers"),
        hasVerb ? apart : { ...apart, own: ["mine", wrote, "hers"], quoted: [] },
      )
    })
  }

  for (const [language, from, sent, to, subject] of [
    ["en", "From", "Sent", "To", "Subject"],
    ["fr", "De", "Envoyé", "À", "Objet"],
    ["de", "Von", "Gesendet", "An", "Betreff"],
    ["es", "De", "Enviado", "Para", "Asunto"],
    ["it", "Da", "Inviato", "A", "Oggetto"],
    ["nl", "Van", "Verzonden", "Aan", "Onderwerp"],
    ["pt", "De", "Enviada", "Para", "Assunto"],
    ["pl", "Od", "Wysłano", "Do", "Temat"],
    ["cs", "Od", "Odesláno", "Komu", "Předmět"],
    ["sv", "Från", "Skickat", "Till", "Ämne"],
    ["ja", "差出人", "送信日時", "宛先", "件名"],
    ["ko", "보낸 사람", "날짜", "받는 사람", "제목"],
    ["zh", "发件人", "日期", "收件人", "主题"],
    ["ru", "От", "Дата", "Кому", "Тема"],
  ] as const) {
    it(`after a block of headers in ${language} are another's, or all that the mail passes on`, () => {
      const block = [
        `${from}: Airbnb <automated@airbnb.com>`,
        `*${sent}:* 2026-11-20`,
        `${to}： host@example.test`,
        `${subject}:`,
        "Hello",
      ]
      assert.deepStrictEqual(zones("mine", ...block, "theirs").own, ["mine"])
      assert.deepStrictEqual(zones(...block, "theirs"), {
        own: [],
        quoted: [],
        forwarded: { subject: "Hello", from: "Airbnb <automated@airbnb.com>", lines: ["theirs"] },
      })
    })
  }

  for (const [mark, isForward] of [
    ["-----Original Message-----", false],
    ["-----Ursprüngliche Nachricht-----", false],
    ["-------- Message original --------", false],
    ["---------- Forwarded message ---------", true],
    ["---------- Weitergeleitete Nachricht ---------", false],
    ["-------- Weitergeleitete Nachricht --------", false],
    ["---------- Message transféré ---------", true],
    ["---------- Přeposlaná zpráva ---------", true],
    ["---------- 転送メッセージ ---------", true],
    ["Begin forwarded message:", true],
    ["Anfang der weitergeleiteten Nachricht:", true],
  ] as const) {
    it(`after “${mark}” are another's`, () => {
      const { forwarded, own, quoted } = zones("mine", mark, "theirs")
      assert.deepStrictEqual(own, ["mine"])
      assert.deepStrictEqual(forwarded?.lines ?? quoted, ["theirs"])
      if (isForward) assert.isNotNull(forwarded)
      assert.deepStrictEqual(zones(mark, "theirs").forwarded?.lines, ["theirs"])
    })
  }

  it("below the head of another mail are that one's, whatever stands above, where the subject says that it is passed on", () => {
    const head = ["From: Airbnb <automated@airbnb.com>", "Sent: 2026-11-20", "To: b@example.test", "Subject: Hello"]
    for (const above of [["mine"], ["mine", "____________________"], ["mine", "-----Original Message-----"]]) {
      const read = Zones.zonesOf([...above, ...head, "theirs"], true)
      assert.deepStrictEqual(read.own.slice(0, 1), ["mine"])
      assert.deepStrictEqual(read.forwarded, {
        subject: "Hello",
        from: "Airbnb <automated@airbnb.com>",
        lines: ["theirs"],
      })
      assert.isNull(Zones.zonesOf([...above, ...head, "theirs"], false).forwarded)
    }
    const wrote = "On Fri, Nov 20, 2026 at 10:00 AM Ada Testwell <ada@example.test> wrote:"
    assert.isNull(Zones.zonesOf(["mine", wrote, "theirs"], true).forwarded)
  })

  it("that are forwarded are an inner mail's, without what that one quotes", () => {
    const page = Html.read(
      '<div>FYI</div><div class="gmail_quote"><div>---------- Forwarded message ---------<br>From: <b>Airbnb</b> &lt;automated@airbnb.com&gt;<br>' +
        "Date: Fri, Nov 20, 2026<br>Subject: Reservation confirmed - Ada Testwell arrives Dec 5<br>To: &lt;host@example.test&gt;</div>" +
        "<table><tr><td>Check-in</td><td>Sat, Dec 5</td></tr></table><blockquote>On Nov 1, 2026, Bruno wrote:<br>HMTEST0002</blockquote></div>",
    )
    const { forwarded, own } = Zones.zonesOf(page.lines)
    assert.deepStrictEqual(own, ["FYI"])
    assert.strictEqual(forwarded?.subject, "Reservation confirmed - Ada Testwell arrives Dec 5")
    assert.strictEqual(forwarded?.from, "Airbnb <automated@airbnb.com>")
    assert.deepStrictEqual(forwarded?.lines.slice(0, 2), ["Check-in", "Sat, Dec 5"])
    assert.notInclude(forwarded?.lines ?? [], "HMTEST0002")
  })

  it("of a text part read like those of a page", () => {
    const text = "Your\u00a0guest\r\n\r\n  Zo\u0065\u0308 \u200bTestwell\u2028arrives\n\n> old\n"
    assert.deepStrictEqual(Lines.ofText(text), ["Your guest", "Zoë Testwell", "arrives", "> old"])
    assert.deepStrictEqual(Lines.ofText(`Ada\n${"x".repeat(3 * Lines.maxLength)}`)[1]?.length, Lines.maxLength - 4)
  })
})

describe("Any lines", () => {
  const line = Schema.Union([
    Schema.String,
    Schema.Literals([
      "> x",
      "From: a",
      "To: b",
      "Subject: c",
      "Date: d",
      "On 1 Dec, a@b.test wrote:",
      ":",
      "-----x-----",
      ">",
      "",
    ]),
    Schema.Literals([
      "-----Original Message-----",
      "---------- Forwarded message ---------",
      "Begin forwarded message:",
      "le 1",
    ]),
  ])

  it.prop(
    "are each in one zone at most, in their order, and nothing is made up",
    [Schema.Array(line), Schema.Boolean],
    ([lines, passesOn]) => {
      const { forwarded, own, quoted } = Zones.zonesOf(lines, passesOn)
      assert.isAtMost(own.length + quoted.length + (forwarded?.lines.length ?? 0), lines.length)
      let at = 0
      for (const one of own) {
        at = lines.indexOf(one, at) + 1
        assert.isAbove(at, 0)
      }
      for (const one of [...quoted, ...(forwarded?.lines ?? [])])
        assert.isTrue(lines.some((whole) => whole.endsWith(one)))
    },
    { arbitrary: { runs: 500, size: 30 } },
  )

  // Work that grew with the square of the length would not end within the time of a test.
  it("are told apart in time", () => {
    for (const one of [
      "x",
      "> x",
      "From: a",
      "on 1 a@b",
      "On 1:",
      "-".repeat(300),
      "> ".repeat(100),
      "schrieb ".repeat(30),
    ]) {
      Zones.zonesOf(Array.from({ length: 40_000 }, () => one))
    }
    for (const one of ["x", ">", "-", "on ", "schrieb ", ":", " "]) Zones.zonesOf([one.repeat(300_000)])
  })
})
