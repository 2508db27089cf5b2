import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"

import * as PartySize from "../../src/extraction/PartySize.ts"

type Counts = readonly [adults: number | null, children: number | null, infants: number | null, guests: number | null]

const countsOf = (text: string): Counts | null => {
  const party = PartySize.find(text)
  return party === null ? null : [party.adults, party.children, party.infants, party.guests]
}

const upTo = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))

/** With 2, 3 and 4 in the places of adults, children and infants. */
const sentences: ReadonlyArray<readonly [language: string, text: string]> = [
  ["en", "2 adults, 3 children, 4 infants"],
  ["fr", "2 adultes, 3 enfants, 4 bébés"],
  ["de", "2 Erwachsene, 3 Kinder, 4 Kleinkinder"],
  ["es", "2 adultos, 3 niños, 4 bebés"],
  ["it", "2 adulti, 3 bambini, 4 neonati"],
  ["pt", "2 adultos, 3 crianças, 4 bebês"],
  ["nl", "2 volwassenen, 3 kinderen, 4 baby's"],
  ["pl", "2 dorosłych, 3 dzieci, 4 niemowląt"],
  ["cs", "2 dospělí, 3 děti, 4 kojenci"],
  ["sk", "2 dospelí, 3 deti, 4 dojčatá"],
  ["hr", "2 odraslih, 3 djece, 4 dojenčadi"],
  ["sl", "2 odrasla, 3 otroci, 4 dojenčki"],
  ["sr", "2 odraslih, 3 dece, 4 beba"],
  ["sv", "2 vuxna, 3 barn, 4 spädbarn"],
  ["da", "2 voksne, 3 børn, 4 spædbørn"],
  ["nb", "2 voksne, 3 barn, 4 spedbarn"],
  ["fi", "2 aikuista, 3 lasta, 4 vauvaa"],
  ["hu", "2 felnőtt, 3 gyermek, 4 csecsemő"],
  ["ro", "2 adulți, 3 copii, 4 bebeluși"],
  ["el", "2 ενήλικες, 3 παιδιά, 4 βρέφη"],
  ["tr", "2 yetişkin, 3 çocuk, 4 bebek"],
  ["ru", "2 взрослых, 3 ребёнка, 4 младенца"],
  ["uk", "2 дорослих, 3 дітей, 4 немовлят"],
  ["bg", "2 възрастни, 3 деца, 4 бебета"],
  ["ja", "大人2名、子ども3名、乳幼児4名"],
  ["ko", "성인 2명, 어린이 3명, 유아 4명"],
  ["zh", "2位成人、3名儿童、4名婴儿"],
  ["zh-TW", "2 位成人，3 名兒童，4 名嬰兒"],
  ["th", "ผู้ใหญ่ 2 คน เด็ก 3 คน ทารก 4 คน"],
  ["vi", "2 người lớn, 3 trẻ em, 4 em bé"],
  ["id", "2 dewasa, 3 anak, 4 bayi"],
  ["ms", "2 orang dewasa, 3 kanak-kanak, 4 bayi"],
  ["he", "2 מבוגרים, 3 ילדים, 4 תינוקות"],
  ["ar", "2 بالغين، 3 أطفال، 4 رضع"],
]

describe("A party", () => {
  for (const [language, text] of sentences) {
    it(`is counted in ${language}`, () => {
      assert.deepStrictEqual(countsOf(text), [2, 3, 4, null], text)
    })
  }

  it.prop(
    "is as many as are said, in every language",
    [Schema.Literals(sentences.map(([, text]) => text)), upTo(16), upTo(16), upTo(5)],
    ([text, adults, children, infants]) => {
      const numbers: Readonly<Record<string, number>> = { "2": adults, "3": children, "4": infants }
      const said = text.replace(/[234]/gu, (figure) => String(numbers[figure]))
      assert.deepStrictEqual(countsOf(said), [adults, children, infants, null], said)
    },
    { arbitrary: { runs: 300 } },
  )

  it("is counted before or after its words, with and without a label", () => {
    for (const [text, expected] of [
      ["GUESTS 4 adults", [4, null, null, null]],
      ["Gäste 2 Erwachsene, 1 Kind, 1 Kleinkind", [2, 1, 1, null]],
      ["Adults: 2, Children: 1", [2, 1, null, null]],
      ["Adults 2 Children 1", [2, 1, null, null]],
      ["2 Adults / 1 Children / 0 Infants", [2, 1, 0, null]],
      ["2 adults - 1 child", [2, 1, null, null]],
      ["Adults / Children: 2 / 1", null],
      ["Adults - 2 Guests - 3", null],
      ["Adults (18+): 2", null],
      ["Guests: 4", [null, null, null, 4]],
      ["6 guests", [null, null, null, 6]],
      ["ゲスト4人", [null, null, null, 4]],
      ["4名", [null, null, null, 4]],
      ["大人2名子供1名", [2, 1, null, null]],
      ["房客 2名成人, 1名儿童", [2, 1, null, null]],
      ["٤ بالغين", [4, null, null, null]],
      ["5 guests (4 adults, 1 infant)", [4, null, 1, 5]],
      ["2 adults, 1 child\n2 adults", [2, 1, null, null]],
    ] as const) {
      assert.deepStrictEqual(countsOf(text), expected, text)
    }
  })

  it("is nobody where the text says nothing, or two things", () => {
    for (const text of [
      "",
      "Dec 5",
      "$952.00",
      "2 bedrooms",
      "3 nights",
      "up to 6 guests",
      "bis zu 6 Gäste",
      "jusqu'à 6 voyageurs",
      "sleeps 8 guests",
      "16+ guests",
      "4.5 guests",
      "1-4 guests",
      "9007199254740993001 guests",
      "2 adults or 3 adults",
      "adults and children",
    ]) {
      assert.isNull(countsOf(text), text)
    }
  })

  it("counts adults and children; infants are kept apart", () => {
    const count = (text: string) => {
      const party = PartySize.find(text)
      return party === null ? null : PartySize.count(party)
    }
    assert.strictEqual(count("4 adultes, 2 enfants"), 6)
    assert.strictEqual(count("2 Erwachsene, 1 Kind, 1 Kleinkind"), 3)
    assert.strictEqual(count("5 guests (4 adults, 1 infant)"), 4)
    assert.strictEqual(count("5 guests"), 5)
    assert.isNull(count("7 guests (4 adults, 1 infant)"))
    assert.isNull(count("1 infant"))
  })

  it.prop(
    "of any text is a small number of people, and never a throw",
    [
      Schema.Array(
        Schema.Union([
          Schema.String,
          Schema.Literals(["2", " ", "adults", "大人", "名", ":", "guests", "-", "người", "lớn", "คน"]),
        ]),
      ),
    ],
    ([parts]) => {
      for (const count of countsOf(parts.join("")) ?? []) assert.isTrue(count === null || (count >= 0 && count <= 50))
    },
    { arbitrary: { runs: 400 } },
  )

  // Work that grew with the square of the length would not end within the time of a test.
  it("is looked for in time", () => {
    for (const piece of ["1", "1 ", "大人", "2 adults ", "คน", "người ", "a", " ", "1名", ":"]) {
      PartySize.find(piece.repeat(Math.ceil(300_000 / piece.length)))
    }
  })
})
