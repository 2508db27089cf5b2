import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"

import * as Days from "../../src/extraction/Days.ts"
import * as LocalDates from "../../src/extraction/LocalDates.ts"

/** A Friday. */
const received = "2026-11-20"

const resolved = (text: string, ...languages: ReadonlyArray<string>) => {
  const [found, ...more] = LocalDates.find(text, languages)
  assert.isDefined(found, `nothing found in ${text}`)
  assert.deepStrictEqual(more, [], text)
  return found._tag === "Date"
    ? LocalDates.resolve(found, { received, languages })
    : LocalDates.resolveStay(found.from, found.to, { received, languages })
}
const day = (text: string, ...languages: ReadonlyArray<string>) => {
  const one = resolved(text, ...languages)
  return "day" in one && one.day !== undefined ? one.day : (one.problem ?? "a stay")
}
const stay = (text: string, ...languages: ReadonlyArray<string>) => {
  const both = resolved(text, ...languages)
  return "checkIn" in both && both.checkIn !== undefined
    ? `${both.checkIn}..${both.checkOut}`
    : (both.problem ?? "a day")
}
const only = (text: string, ...languages: ReadonlyArray<string>) => {
  const [found] = LocalDates.dates(LocalDates.find(text, languages))
  assert.isDefined(found, text)
  return found
}

const locales = [
  "ar",
  "ar-EG",
  "bg",
  "ca",
  "cs",
  "da",
  "de",
  "de-AT",
  "el",
  "en-US",
  "en-GB",
  "en-AU",
  "en-CA",
  "es",
  "es-MX",
  "et",
  "fi",
  "fr",
  "fr-CA",
  "he",
  "hr",
  "hu",
  "id",
  "is",
  "it",
  "ja",
  "ko",
  "lt",
  "lv",
  "ms",
  "nb",
  "nl",
  "pl",
  "pt-PT",
  "pt-BR",
  "ro",
  "ru",
  "sk",
  "sl",
  "sr-Latn",
  "sr-Cyrl",
  "sv",
  "th",
  "tr",
  "uk",
  "vi",
  "zh-CN",
  "zh-TW",
]

const forms: ReadonlyArray<Intl.DateTimeFormatOptions> = [
  { dateStyle: "full" },
  { dateStyle: "long" },
  { dateStyle: "medium" },
  { weekday: "long", day: "numeric", month: "long" },
  { weekday: "short", day: "numeric", month: "short", year: "numeric" },
  { day: "numeric", month: "long" },
]

const formats = new Map<string, Intl.DateTimeFormat>()
const formatted = (locale: string, form: Intl.DateTimeFormatOptions) => {
  const key = JSON.stringify([locale, form])
  const format = formats.get(key) ?? new Intl.DateTimeFormat(locale, { ...form, timeZone: "UTC" })
  formats.set(key, format)
  return format
}
const utc = (day: Days.Day) => new Date(`${day}T00:00:00Z`)

const anyLocale = Schema.Literals(locales)
const anyForm = Schema.Literals(forms.map((_, index) => index))
const upTo = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))

describe("A civil day", () => {
  it.prop("is the day of its number, and the calendar's", [upTo(300_000)], ([number]) => {
    const one = Days.ofNumber(number - 100_000)
    assert.strictEqual(Days.dayNumber(one), number - 100_000)
    const date = new Date((number - 100_000) * 86_400_000)
    assert.strictEqual(one, date.toISOString().slice(0, 10))
    assert.strictEqual(Days.weekday(one), date.getUTCDay() === 0 ? 7 : date.getUTCDay())
  })

  it("is none where the calendar has none", () => {
    assert.strictEqual(Days.of(2028, 2, 29), "2028-02-29")
    for (const [year, month, of] of [
      [2027, 2, 29],
      [2100, 2, 29],
      [2026, 4, 31],
      [2026, 13, 1],
      [2026, 0, 1],
      [2026, 1, 0],
      [0, 1, 1],
    ] as const) {
      assert.isNull(Days.of(year, month, of))
    }
  })
})

describe("A date in a mail", () => {
  it.prop(
    "is read back from what any of 38 languages makes of it",
    [anyLocale, anyForm, upTo(360)],
    ([locale, form, ahead]) => {
      const expected = Days.add(received, ahead)
      const text = formatted(locale, forms[form] ?? {}).format(utc(expected))
      assert.strictEqual(day(text, locale), expected, `${locale}: ${text}`)
    },
    { arbitrary: { runs: 1500 } },
  )

  it.prop(
    "stands where it stands, whatever is around it",
    [anyLocale, anyForm, upTo(360)],
    ([locale, form, ahead]) => {
      const text = formatted(locale, forms[form] ?? {}).format(utc(Days.add(received, ahead)))
      const around = `€ 12,50 | ${text} | HMTEST0001`
      const found = only(around, locale)
      const [alone] = LocalDates.find(text, [locale])
      assert.strictEqual(
        around.slice(found.start, found.end),
        text.slice(alone?.start, alone?.end),
        `${locale}: ${around}`,
      )
    },
    { arbitrary: { runs: 300 } },
  )

  it.prop(
    "with the day of its week and no year is the one day of two years on which both are right",
    [upTo(725), Schema.Literals(["en-US", "fr", "de", "es", "it", "ja", "ko", "cs", "vi"])],
    ([ahead, locale]) => {
      const expected = Days.add(received, ahead - 2)
      const form = formatted(locale, { weekday: "short", day: "numeric", month: "short" })
      const one = resolved(form.format(utc(expected)), locale)
      assert.deepStrictEqual(one, { day: expected, inferred: false, weekday: true })
    },
    { arbitrary: { runs: 400 } },
  )

  it.prop(
    "is never a day that the mail contradicts",
    [upTo(1500), Schema.Literals(["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]), Schema.Boolean],
    ([ahead, weekday, hasYear]) => {
      const said = Days.add(received, ahead - 400)
      const month = formatted("en", { month: "short" }).format(utc(said))
      const text = `${weekday}, ${month} ${Number(said.slice(8))}${hasYear ? `, ${said.slice(0, 4)}` : ""}`
      const one = day(text)
      if (!one.startsWith("2")) return
      assert.strictEqual(one.slice(4), said.slice(4), text)
      assert.strictEqual(formatted("en", { weekday: "short" }).format(utc(one)), weekday, text)
      assert.isTrue(Days.nights(received, one) >= -2 && Days.nights(received, one) <= 730, text)
      if (hasYear) assert.strictEqual(one, said)
    },
    { arbitrary: { runs: 600 } },
  )

  it("takes its year from the time of the mail and the day of the week", () => {
    for (const [text, expected] of [
      ["Sat, Dec 5", "2026-12-05"],
      ["Tue, Dec 8", "2026-12-08"],
      ["Sat, Jan 2", "2027-01-02"],
      ["Tue, Feb 29", "2028-02-29"],
      ["Mon, Dec 5", "WEEKDAY_MISMATCH"],
      ["Sat, Dec 5, 2027", "WEEKDAY_MISMATCH"],
      ["Dec 5, 2031", "OUT_OF_WINDOW"],
      ["Nov 1, 2026", "OUT_OF_WINDOW"],
      ["Feb 29, 2027", "NO_SUCH_DAY"],
      ["31 Nov", "NO_SUCH_DAY"],
    ] as const) {
      assert.strictEqual(day(text), expected, text)
    }
  })

  it("says when its year is only the nearest", () => {
    assert.deepStrictEqual(resolved("arrives Jan 3"), { day: "2027-01-03", inferred: true, weekday: false })
    assert.deepStrictEqual(resolved("arrives Nov 19"), { day: "2026-11-19", inferred: true, weekday: false })
    assert.deepStrictEqual(resolved("arrives Nov 17"), { day: "2027-11-17", inferred: true, weekday: false })
    assert.deepStrictEqual(resolved("arrives Jan 3, 2027"), { day: "2027-01-03", inferred: false, weekday: false })
    assert.deepStrictEqual(resolved("Sun, Jan 3"), { day: "2027-01-03", inferred: false, weekday: true })
  })

  it("whose month has two meanings needs a language or the day of the week", () => {
    assert.strictEqual(day("20. srp 2027", "cs"), "2027-08-20")
    assert.strictEqual(day("20. srp 2027.", "hr"), "2027-07-20")
    assert.strictEqual(day("20. srp 2027"), "AMBIGUOUS_DATE")
    assert.strictEqual(day("20. srp 2027", "de"), "AMBIGUOUS_DATE")
    assert.strictEqual(day("pá 20. srp 2027"), "2027-08-20")
    assert.strictEqual(day("uto 20. srp 2027."), "2027-07-20")
    assert.strictEqual(day("5 listopada 2027", "pl"), "2027-11-05")
    assert.strictEqual(day("5. listopada 2027.", "hr"), "2027-10-05")
    assert.strictEqual(day("5. listopada 2027."), "AMBIGUOUS_DATE")
  })

  it("in figures alone is known by its order, its language or the day of its week", () => {
    for (const [text, expected, ...languages] of [
      ["2026-12-05", "2026-12-05"],
      ["03/04/2027", "AMBIGUOUS_DATE"],
      ["03/04/2027", "AMBIGUOUS_DATE", "en"],
      ["03/04/2027", "2027-03-04", "en-US"],
      ["03/04/2027", "2027-04-03", "en-GB"],
      ["03/04/2027", "2027-04-03", "fr"],
      ["Sat 03/04/2027", "2027-04-03"],
      ["Thu 03/04/2027", "2027-03-04"],
      ["Fri 03/04/2027", "WEEKDAY_MISMATCH"],
      ["23/04/2027", "2027-04-23"],
      ["04/23/2027", "2027-04-23"],
      ["04/04/2027", "2027-04-04"],
      ["5.12.2026", "2026-12-05"],
      ["05. 12. 2026", "2026-12-05"],
      ["2026. 12. 5.", "2026-12-05"],
      ["2026/12/05", "2026-12-05"],
      ["05-12-2027", "AMBIGUOUS_DATE"],
      ["05-12-2026", "2026-12-05", "nl"],
      ["26.12.5", "2026-12-05", "ko"],
      ["5.12.26", "2026-12-05", "de"],
      ["5/12/2569", "2026-12-05", "th"],
      ["12/5(土)", "2026-12-05"],
      ["Sa., 05.12.", "2026-12-05"],
      ["20. 11.", "2026-11-20", "cs"],
    ] as const) {
      assert.strictEqual(day(text, ...languages), expected, `${text} in ${languages.join()}`)
    }
    assert.deepStrictEqual(resolved("5.12.26", "de"), { day: "2026-12-05", inferred: true, weekday: false })
    assert.deepStrictEqual(resolved("Sa., 5.12.26", "de"), { day: "2026-12-05", inferred: false, weekday: true })
    assert.deepStrictEqual(resolved("5.12.26"), { day: "2026-12-05", inferred: true, weekday: false })
  })

  it("may count its years from another beginning", () => {
    assert.strictEqual(day("5 ธันวาคม 2569"), "2026-12-05")
    assert.strictEqual(day("วันเสาร์ที่ 5 ธันวาคม พุทธศักราช 2569"), "2026-12-05")
    assert.strictEqual(day("5 ธ.ค. 69"), "2026-12-05")
    assert.strictEqual(day("令和8年12月5日（土）"), "2026-12-05")
    assert.strictEqual(day("民國115年12月5日"), "2026-12-05")
    assert.strictEqual(day("令和9年12月5日（土）"), "WEEKDAY_MISMATCH")
  })

  it("reads as hosts get it", () => {
    for (const [text, expected] of [
      ["Reservation confirmed - Ada Testwell arrives Dec 5", "2026-12-05"],
      ["Arrivée sam. 5 déc.", "2026-12-05"],
      ["予約確定 - 例子 山田さんが12月5日ご到着です", "2026-12-05"],
      ["Booking.com - New booking! (5550000001, Wednesday, 2 June 2027)", "2027-06-02"],
      ["Booking.com - New booking! (5550000001, Wednesday, June 2, 2027)", "2027-06-02"],
      ["Nová rezervace! (5550000001, středa 2. června 2027)", "2027-06-02"],
      ["Đặt phòng mới! (5550000001, 2 tháng 6, 2027)", "2027-06-02"],
      ["Neue Buchung! (5550000001, Mittwoch, 2. Juni 2027)", "2027-06-02"],
      ["Nuova prenotazione! (5550000001, mercoledì 2 giugno 2027)", "2027-06-02"],
      ["新規予約 (5550000001, 2027年6月2日(水))", "2027-06-02"],
      ["Saturday the 5th of December", "2026-12-05"],
      ["5 d’abril de 2027", "2027-04-05"],
      ["CN, 6 thg 12", "2026-12-06"],
      ["в субботу, 5 декабря 2026 г.", "2026-12-05"],
      ["v sobotu 5. prosince 2026", "2026-12-05"],
      ["2026 m. gruodžio 5 d., šeštadienis", "2026-12-05"],
      ["5-Dec-2026", "2026-12-05"],
    ] as const) {
      assert.strictEqual(day(text), expected, text)
    }
  })

  it("is no price, time, count, telephone number, version or code", () => {
    for (const text of [
      "$952.00 USD",
      "1\u202f250,00 €",
      "12,50 €",
      "Total 20 € Dec",
      "Dec 5.00",
      "10:45",
      "May 2 guests",
      "Mai 2 Erwachsene",
      "+1 555 0100",
      "555-12-05-2026",
      "10.12.2026.4",
      "v1.2.3",
      "1/2",
      "4/5",
      "HMTESTDEC5",
      "#12 Dec",
      "CLSF-00000001",
      "9007199254740993001",
      "20261205",
      "5 Dec 20266",
      "Dec 5, 20266",
      "5 de diciembre de 202612",
    ]) {
      assert.deepStrictEqual(LocalDates.find(text), [], text)
    }
  })

  it("has no day of the week in a word of the mail's own language", () => {
    assert.strictEqual(stay("per 9–23 mar 2027", "it"), "2027-03-09..2027-03-23")
    assert.strictEqual(stay("2 nights min, 9–13 Feb", "en"), "2027-02-09..2027-02-13")
    assert.strictEqual(stay("2 nuits min, 9–13 févr.", "fr"), "2027-02-09..2027-02-13")
    assert.strictEqual(day("Per, 10 Ara 2026", "tr"), "2026-12-10")
    assert.strictEqual(day("Min, 6 Des 2026", "id"), "2026-12-06")
    assert.strictEqual(day("Min, 7 Des 2026", "id"), "WEEKDAY_MISMATCH")
  })

  it("is no word of the mail's own language", () => {
    assert.deepStrictEqual(LocalDates.find("2 des 3 chambres", ["fr"]), [])
    assert.deepStrictEqual(LocalDates.find("4 out of 5", ["en-US"]), [])
    assert.strictEqual(day("2 des. 2026", "fr"), "2026-12-02")
    assert.strictEqual(day("2. des.", "nb"), "2026-12-02")
  })

  it("gives its day of the week to itself alone", () => {
    const both = LocalDates.dates(LocalDates.find("Check-in Checkout Sat, Dec 5 Tue, Dec 8"))
    assert.deepStrictEqual(
      both.map((one) => LocalDates.resolve(one, { received })),
      [
        { day: "2026-12-05", inferred: false, weekday: true },
        { day: "2026-12-08", inferred: false, weekday: true },
      ],
    )
  })

  it("takes no small word for the day of its week", () => {
    assert.strictEqual(day("do 8. prosince 2026", "cs"), "2026-12-08")
    assert.strictEqual(day("vrij do 8. dec 2026", "sl"), "2026-12-08")
    assert.strictEqual(day("Do, 8. Dez"), "WEEKDAY_MISMATCH")
    assert.strictEqual(day("Do, 10. Dez"), "2026-12-10")
  })
})

describe("A stay in a mail", () => {
  it.prop(
    "is read back from what any of 38 languages makes of it",
    [anyLocale, Schema.Literals(["full", "long", "medium"]), upTo(360), upTo(40)],
    ([locale, dateStyle, ahead, more]) => {
      const from = Days.add(received, ahead)
      const to = Days.add(from, more + 1)
      const text = formatted(locale, { dateStyle }).formatRange(utc(from), utc(to))
      // Latvian writes the year once, before both days.
      if (locale === "lv" && from.slice(0, 7) === to.slice(0, 7)) return
      assert.strictEqual(stay(text, locale), `${from}..${to}`, `${locale}: ${text}`)
    },
    { arbitrary: { runs: 800 } },
  )

  it.prop(
    "without any year lies where its days of the week are, over New Year too",
    [upTo(700), upTo(60), Schema.Literals(["en-US", "en-GB", "fr", "de", "es", "it", "nl", "sv", "ja"])],
    ([ahead, more, locale]) => {
      const [from, to] = [Days.add(received, ahead), Days.add(received, ahead + more + 1)]
      const form = formatted(locale, { weekday: "short", day: "numeric", month: "short" })
      const [checkIn, checkOut] = [only(form.format(utc(from)), locale), only(form.format(utc(to)), locale)]
      const nights = more + 1
      assert.deepStrictEqual(LocalDates.resolveStay(checkIn, checkOut, { received, languages: [locale], nights }), {
        checkIn: from,
        checkOut: to,
        inferred: false,
        weekday: true,
      })
    },
    { arbitrary: { runs: 300 } },
  )

  it.prop(
    "has at least a night, at most a year of them, and as many as are said",
    [upTo(800), upTo(800), Schema.NullOr(upTo(400)), Schema.Boolean],
    ([first, second, nights, hasYears]) => {
      const text = (ahead: number) =>
        formatted("en", { day: "numeric", month: "short", ...(hasYears ? { year: "numeric" } : {}) }).format(
          utc(Days.add(received, ahead)),
        )
      const both = LocalDates.resolveStay(only(text(first)), only(text(second)), {
        received,
        nights: nights ?? undefined,
      })
      if (both.checkIn === undefined) return
      const between = Days.nights(both.checkIn, both.checkOut)
      assert.isTrue(between >= 1 && between <= LocalDates.maxNights)
      if (nights !== null) assert.strictEqual(between, nights)
      if (hasYears) assert.strictEqual(both.checkIn, Days.add(received, first))
    },
    { arbitrary: { runs: 500 } },
  )

  it("leaves out on one side what the other says", () => {
    for (const [text, expected] of [
      ["Canceled: Reservation HMTEST0001 for Aug 20 - 22, 2027", "2027-08-20..2027-08-22"],
      ["2027年8月20日～22日", "2027-08-20..2027-08-22"],
      ["キャンセルのお知らせ：2026年12月30日〜1月2日のご予約（HMTEST0001）", "2026-12-30..2027-01-02"],
      ["15–18 Oct", "2027-10-15..2027-10-18"],
      ["15\u2009–\u200918 Oct", "2027-10-15..2027-10-18"],
      ["Instant Booking from Ada: Apr 10 - Apr 17, 2027 - Vrbo #1234567", "2027-04-10..2027-04-17"],
      ["27. Dez. 2027 - 3. Jan. 2028 - FeWo-direkt.de #1234567", "2027-12-27..2028-01-03"],
      ["Dec 30 - Jan 2, 2027", "2026-12-30..2027-01-02"],
      ["Dec 30, 2026 - Jan 2", "2026-12-30..2027-01-02"],
      ["du 5 au 8 décembre 2026", "2026-12-05..2026-12-08"],
      ["del 5 al 8 dic 2026", "2026-12-05..2026-12-08"],
      ["od 5. dec do 8. dec 2026", "2026-12-05..2026-12-08"],
      ["zo 6 dec. t/m wo 9 dec. 2026", "2026-12-06..2026-12-09"],
      ["5.-8.12.2026", "2026-12-05..2026-12-08"],
      ["05.12. - 08.12.2026", "2026-12-05..2026-12-08"],
      ["12월 5일 (토) ~ 8일", "2026-12-05..2026-12-08"],
      ["20 - 22 thg 8, 2027", "2027-08-20..2027-08-22"],
      ["Sat, Dec 5 – Tue, Dec 8", "2026-12-05..2026-12-08"],
      ["Sat, Dec 5 – Wed, Dec 8", "WEEKDAY_MISMATCH"],
    ] as const) {
      assert.strictEqual(stay(text), expected, text)
    }
    assert.strictEqual(stay("01/01～01/08", "ja"), "2027-01-01..2027-01-08")
    assert.strictEqual(stay("20/11 – 21/11", "pt"), "2026-11-20..2026-11-21")
    assert.deepStrictEqual(LocalDates.find("20/11 – 21/11"), [])
  })

  it("that cannot be says why", () => {
    const problem = (from: string, to: string, nights?: number) =>
      LocalDates.resolveStay(only(from), only(to), { received, nights }).problem
    assert.strictEqual(problem("8 Dec 2026", "5 Dec 2026"), "NO_NIGHTS")
    assert.strictEqual(problem("8 Dec 2026", "8 Dec 2026"), "NO_NIGHTS")
    assert.strictEqual(problem("5 Dec 2026", "9 Jan 2028"), "TOO_MANY_NIGHTS")
    assert.strictEqual(problem("5 Dec 2026", "8 Dec 2026", 4), "NIGHTS_MISMATCH")
    assert.isUndefined(problem("5 Dec 2026", "8 Dec 2026", 3))
    assert.strictEqual(problem("5 Dec 2016", "8 Dec 2016"), "OUT_OF_WINDOW")
    assert.strictEqual(problem("03/04/2027", "06/04/2027"), "AMBIGUOUS_DATE")
    assert.isUndefined(problem("03/04/2027", "06/04/2027", 3))
    assert.strictEqual(problem("30 Feb 2027", "3 Mar 2027"), "NO_SUCH_DAY")
  })

  it("whose month has two meanings is decided by its nights, or not at all", () => {
    const [from, to] = [only("30. srp 2027"), only("2. kol 2027")]
    assert.deepStrictEqual(LocalDates.resolveStay(from, to, { received }), {
      checkIn: "2027-07-30",
      checkOut: "2027-08-02",
      inferred: false,
      weekday: false,
    })
    const twice = LocalDates.resolveStay(only("20. srp 2027"), only("22. srp 2027"), { received, nights: 2 })
    assert.strictEqual(twice.problem, "AMBIGUOUS_DATE")
  })
})

describe("Any text", () => {
  const pieces = Schema.Literals([
    "5",
    "31",
    "2027",
    "12",
    "Dec",
    "dez",
    "mar",
    "Sat",
    ",",
    ".",
    " - ",
    "–",
    "/",
    " ",
    "年",
    "月",
    "日",
    "土",
    "tháng",

    "4",
    "令和",
    "05.12.2026",
    "2026-12-05",
    "$",
    "€",
    "ธ.ค.",
    "\n",
    "(",
    ")",
    "do",
    "to",
    "ב",
    "'",
    "T",
    "thứ",
    "\ud800",
  ])
  const anyText = Schema.Array(Schema.Union([pieces, Schema.String]))

  it.prop(
    "is read without a throw, in order and without overlaps",
    [anyText, Schema.Array(anyLocale)],
    ([parts, languages]) => {
      const text = parts.join("")
      let end = 0
      for (const found of LocalDates.find(text, languages)) {
        assert.isTrue(found.start >= end && found.end > found.start && found.end <= text.length)
        end = found.end
        for (const one of LocalDates.dates([found])) {
          assert.isNotEmpty(one.readings)
          LocalDates.resolve(one, { received, languages })
        }
        if (found._tag === "Range") LocalDates.resolveStay(found.from, found.to, { received, languages })
      }
    },
    { arbitrary: { runs: 1000, size: 40 } },
  )

  // Work that grew with the square of the length would not end within the time of a test.
  it("of any length is read in time", () => {
    for (const piece of [
      " ",
      "1",
      "a",
      "年",
      "1 ",
      "1.",
      "1-",
      "1/1/",
      "Dec ",
      "Dec 5 - ",
      "5 - ",
      "5, ",
      "mar. ",
      "12月",
      "(土)",
      "th ",
      "t1",
      "ธ.ค.",
      "令和",
      "1 tháng ",
      "п'",
      "$",
      "Sat, ",
      "2026-",
      "\ud800",
      "\u200b",
    ]) {
      assert.isArray(LocalDates.find(`1 ${piece.repeat(Math.ceil(50_000 / piece.length))}`))
    }
  })
})
