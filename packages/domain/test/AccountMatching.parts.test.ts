import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Schema } from "effect"

import * as AccountCases from "../src/matching/AccountCases.ts"
import * as Assignment from "../src/matching/Assignment.ts"
import * as Canonical from "../src/matching/Canonical.ts"
import { explain } from "../src/matching/Explanation.ts"
import * as Overlap from "../src/matching/Overlap.ts"
import * as Policy from "../src/matching/Policy.ts"
import * as Profile from "../src/matching/Profile.ts"
import { decide, questionOf, secretly, world } from "./AccountMatching.worlds.ts"
import cases from "./cases/accounts.json" with { type: "json" }

const { recon1 } = Policy

describe("the assignment", () => {
  const matrix = Arbitrary.schema(
    Schema.Array(
      Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: -3, maximum: 6 }))).check(
        Schema.isMinLength(4),
        Schema.isMaxLength(4),
      ),
    ).check(Schema.isMaxLength(4)),
  )

  it.prop(
    "is the best there is, and knows what each pair is worth",
    [matrix],
    ([matrix]) => {
      const edges = matrix.flatMap((line, row) => line.map((weight, column) => ({ row, column, weight })))
      const chosen = Assignment.assign(edges)
      const weightOf = (row: number, column: number) => matrix[row]?.[column] ?? 0
      const total = [...chosen].reduce((sum, [row, { column }]) => sum + weightOf(row, column), 0)
      assert.strictEqual(total, best(matrix))
      assert.strictEqual(new Set([...chosen.values()].map(({ column }) => column)).size, chosen.size)
      for (const [row, { column, margin }] of chosen) {
        const without = matrix.map((line, at) => (at === row ? line.with(column, 0) : line))
        assert.strictEqual(margin, total - best(without))
      }
    },
    { arbitrary: { runs: 500 } },
  )

  it("of sixty and sixty is one to one, whoever comes first", () => {
    const edges = Array.from({ length: 3600 }, (_, at) => {
      const [row, column] = [Math.floor(at / 60), at % 60]
      return { row, column, weight: ((row * 7919 + column * 104_729) % 9973) + (row === column ? 20_000 : 0) }
    })
    const chosen = Assignment.assign(edges)
    assert.deepStrictEqual(Assignment.assign(edges.toReversed()), chosen)
    for (const [row, { column, margin }] of chosen) {
      assert.strictEqual(row, column)
      assert.isAbove(margin, 10_000)
    }
  })

  /** Every way there is, one after the other. */
  const best = (matrix: ReadonlyArray<ReadonlyArray<number>>, row = 0, taken: ReadonlyArray<number> = []): number => {
    const line = matrix[row]
    if (line === undefined) return 0
    return line.reduce(
      (most, weight, column) =>
        taken.includes(column) ? most : Math.max(most, weight + best(matrix, row + 1, [...taken, column])),
      best(matrix, row + 1, taken),
    )
  }
})

describe("bookings in common", () => {
  const Row = Schema.Struct({
    day: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 28 })),
    amount: Schema.Literals([5, 1_234, 9_900]),
  })
  const rows = Arbitrary.schema(Schema.Array(Row).check(Schema.isMaxLength(8)))
  const tapeOf = (rows: ReadonlyArray<typeof Row.Type>): Profile.Bookings => ({
    from: "2026-02-01",
    to: "2026-02-28",
    rows: rows.map(({ amount, day }) => ({ amount, on: `2026-02-${String(day).padStart(2, "0")}` })),
  })
  const turned = <A>([one, other]: readonly [A, A]): readonly [A, A] => [other, one]
  const overlapOf = (one: Profile.Bookings, other: Profile.Bookings) => Overlap.between([one], [other]).of(0, 0)

  it.prop("are the same from either side", [rows, rows], ([one, other]) => {
    const [forth, back] = [overlapOf(tapeOf(one), tapeOf(other)), overlapOf(tapeOf(other), tapeOf(one))]
    assert.deepStrictEqual(forth?.amounts, back?.amounts)
    assert.deepStrictEqual(forth?.rows, back && turned(back.rows))
    assert.deepStrictEqual(forth?.unmatched, back && turned(back.unmatched))
  })

  it.prop(
    "are as many as can be matched",
    [rows, rows],
    ([one, other]) => {
      const wide = (rows: ReadonlyArray<typeof Row.Type>) => ({ ...tapeOf(rows), from: "2025-12-01", to: "2026-04-30" })
      const overlap = overlapOf(wide(one), wide(other))
      const matched = one.length - (overlap?.unmatched[0] ?? one.length)
      assert.strictEqual(matched, maximum(one, other))
      assert.strictEqual(other.length - (overlap?.unmatched[1] ?? other.length), matched)
    },
    { arbitrary: { runs: 400 } },
  )

  it("are rarer the fewer others have them", () => {
    const tape = tapeOf([{ day: 10, amount: 1_234 }])
    const overlaps = Overlap.between([tape], [tape, tape])
    assert.deepStrictEqual(overlaps.of(0, 0)?.amounts, [{ kind: "odd", others: 1, count: 1 }])
  })

  it("are added up between two days only where those days are covered", () => {
    const tape = tapeOf([
      { day: 10, amount: 1_234 },
      { day: 12, amount: 5 },
    ])
    assert.strictEqual(Overlap.sumBetween(tape, "2026-02-10", "2026-02-28"), 5)
    assert.strictEqual(Overlap.sumBetween(tape, "2026-01-31", "2026-02-11"), 1_234)
    assert.isUndefined(Overlap.sumBetween(tape, "2026-01-30", "2026-02-11"))
    assert.isUndefined(Overlap.sumBetween(tape, "2026-02-10", "2026-03-01"))
  })

  /** Kuhn's algorithm. */
  const maximum = (one: ReadonlyArray<typeof Row.Type>, other: ReadonlyArray<typeof Row.Type>) => {
    const partners = new Map<number, number>()
    const seat = (row: number, tried: Set<number>): boolean =>
      other.some((candidate, at) => {
        const mine = one[row]
        const fits = mine?.amount === candidate.amount && Math.abs(mine.day - candidate.day) <= Overlap.tolerance
        if (!fits || tried.has(at)) return false
        tried.add(at)
        const partner = partners.get(at)
        if (partner !== undefined && !seat(partner, tried)) return false
        partners.set(at, row)
        return true
      })
    return one.filter((_, row) => seat(row, new Set())).length
  }
})

describe("the canonical form", () => {
  const forms = { ...Canonical, accountNumber: (text: string) => Canonical.accountNumber(text)?.text }
  for (const [name, form] of Object.entries(forms)) {
    it.prop(
      `of any text is its own: ${name}`,
      [Schema.String],
      ([text]) => {
        const canonical = form(text)
        if (canonical !== undefined) assert.strictEqual(form(canonical), canonical)
      },
      { arbitrary: { runs: 500 } },
    )
  }

  it("of an IBAN is that of its electronic format, and of none where it is not valid", () => {
    for (const written of [
      "de89 3704 0044 0532 0130 00",
      "IBAN: DE89\u200B370400440532013000\u00A0",
      "DE89-3704-0044-0532-0130-00",
    ]) {
      assert.strictEqual(Canonical.iban(written), "DE89370400440532013000")
    }
    for (const written of ["DE88370400440532013000", "DE8937040044053201300", "XX89370400440532013000", "DE", ""]) {
      assert.isUndefined(Canonical.iban(written))
    }
  })

  it("of a number keeps its routing apart and its padding away", () => {
    assert.deepStrictEqual(Canonical.accountNumber("0260-09593: 000123456789"), {
      text: "026009593:123456789",
      hasRouting: true,
    })
    assert.deepStrictEqual(Canonical.accountNumber("123456789"), { text: "123456789", hasRouting: false })
    assert.isUndefined(Canonical.accountNumber("021000021:00"))
  })

  it("of a mask is what it shows", () => {
    for (const [written, shown] of [
      ["••1234", "1234"],
      ["x-77", "X77"],
      ["0", undefined],
      ["XXXX", undefined],
      ["****", undefined],
      ["None", undefined],
      ["98765", "8765"],
    ] as const) {
      assert.strictEqual(Canonical.mask(written), shown)
    }
  })

  it("of a name has neither case nor marks, of a bank no legal form", () => {
    assert.strictEqual(Canonical.name(" CAFÉ® Straße™ "), "cafe strasse")
    assert.strictEqual(Canonical.brand("Example Bank, N.V. AG"), "example bank n v")
    assert.strictEqual(Canonical.brand("Co"), "co")
  })

  it("of an address ignores dots and tags at consumer Gmail only", () => {
    assert.strictEqual(Canonical.email("Ada.L+bank@googlemail.com"), "adal@gmail.com")
    assert.strictEqual(Canonical.email("Ada.L+bank@Example.com"), "ada.l+bank@example.com")
    assert.isUndefined(Canonical.email("+tag@gmail.com"))
    assert.isUndefined(Canonical.email("nobody"))
  })
})

describe("a profile", () => {
  const description: Profile.Description = {
    externalId: "Abc",
    iban: "DE89370400440532013000",
    number: { value: "021000021:1111", tokenized: true },
    mask: "4321",
    name: "Jane's fund",
    holders: ["Ada Example", "ADA EXAMPLE"],
  }

  it.effect("is the same, however its hashes are made", () =>
    Effect.gen(function* () {
      const made = yield* Profile.make(description, (kind, canonical) => Effect.succeed(secretly(kind, canonical)))
      assert.deepStrictEqual(made, Profile.profileOf(description, secretly))
      assert.deepStrictEqual(Schema.decodeUnknownSync(Profile.Profile)(made), made)
    }),
  )

  it("keeps nothing of a tokenized number, and everything else as a token", () => {
    const profile = Profile.profileOf(description, (kind) => kind)
    assert.notMatch(JSON.stringify(profile), /1111|4321|ane|Example|DE89/)
    assert.isUndefined(profile.number)
    assert.isTrue(profile.isTokenized)
    assert.lengthOf(profile.holders ?? [], 1)
    assert.lengthOf(profile.mask ?? [], 3)
  })

  it("is alike under the id of another connection, and not with another mask", () => {
    const profile = Profile.profileOf(description, secretly)
    assert.isTrue(Profile.isAlike(profile, { ...profile, externalId: "other" }))
    assert.isFalse(Profile.isAlike(profile, { ...profile, externalId: "other", mask: ["m"] }))
  })
})

describe("the policy", () => {
  it("weighs everything as its probabilities say", () => {
    for (const [label, { m, milliBits, reason, u }] of Object.entries(recon1.weights)) {
      if (u > 0) assert.closeTo(milliBits, 1000 * Math.log2(m / u), 1.5, label)
      assert.isAbove(reason.length, 5)
    }
  })

  it.prop(
    "takes logarithms of whole numbers without a float",
    [
      Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 2 ** 30 })),
      Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 2 ** 30 })),
    ],
    ([one, other]) => {
      assert.closeTo(Policy.log2Ratio(one, other), 1000 * Math.log2(one / other), 1.5)
      assert.isTrue(Number.isSafeInteger(Policy.log2Ratio(one, other)))
    },
  )

  it.effect("is read from a file, and refused by the name of what is wrong in it", () =>
    Effect.gen(function* () {
      const file: unknown = JSON.parse(JSON.stringify(recon1))
      assert.deepStrictEqual(yield* Policy.decode(file), recon1)
      const { "iban.same": _, ...others } = recon1.weights
      const missing = yield* Effect.flip(Policy.decode({ ...recon1, weights: others }))
      assert.include(missing.message, "iban.same")
      const misspelt = yield* Effect.flip(Policy.decode({ ...recon1, treshold: {} }))
      assert.include(misspelt.message, "treshold")
    }),
  )
})

describe("a file of cases", () => {
  it.effect("is printed for machines as its decisions and nothing else", () =>
    Effect.gen(function* () {
      const { decided, expected, right } = yield* AccountCases.run(recon1, cases)
      assert.deepStrictEqual(AccountCases.toJson(decided)[0], {
        id: "A01",
        decisions: { x: { action: "auto", to: "a", level: "exact" } },
      })
      assert.strictEqual(right, expected)
    }),
  )

  it.effect("is decided as well where nothing is expected", () =>
    Effect.gen(function* () {
      const bare = cases.map(({ ex, id, inc }) => ({ id, ex, inc }))
      const { decided, expected } = yield* AccountCases.run(recon1, bare)
      assert.strictEqual(expected, 0)
      assert.lengthOf(decided, cases.length)
    }),
  )

  it.effect("is refused by name and place where it is misspelt", () =>
    Effect.gen(function* () {
      const [one] = cases
      assert.isDefined(one)
      const error = yield* Effect.flip(AccountCases.decode([{ ...one, inc: [{ ...one.inc[0], ibna: "" }] }]))
      assert.match(error.message, /\[0\]\["inc"\]\[0\]\["ibna"\]/)
    }),
  )

  it.effect("counts a wrong answer as wrong", () =>
    Effect.gen(function* () {
      const [one] = cases
      assert.isDefined(one)
      const exp = { x: { action: "create", to: null, level: "none" } }
      assert.deepInclude(yield* AccountCases.run(recon1, [{ ...one, exp }]), { expected: 1, right: 0 })
    }),
  )

  it.effect("links by bookings in common what the rest leaves open", () =>
    Effect.gen(function* () {
      const renamed = cases.find(({ id }) => id === "A29")
      assert.isDefined(renamed)
      const withBookings = (tx: ReadonlyArray<string>, other = tx) => ({
        ...renamed,
        ex: [{ ...renamed.ex[0], tx }],
        inc: [{ ...renamed.inc[0], tx: other }],
        exp: undefined,
      })
      const levelOf = (one: object) =>
        Effect.map(AccountCases.run(recon1, [{ ...one, exp: {} }]), ({ decided }) => decided[0]?.decisions["x"]?.level)
      assert.strictEqual(yield* levelOf(withBookings(["one", "two", "three"])), "high")
      assert.strictEqual(yield* levelOf(withBookings(["coffee", "coffee", "coffee"])), "high")
      const eight = Array.from({ length: 8 }, (_, at) => `old ${at}`)
      const others = eight.map((text) => text.replace("old", "new"))
      assert.include(["medium", "low"], yield* levelOf(withBookings(eight, others)))
    }),
  )
})

describe("an explanation", () => {
  it.prop("has a headline, and bars that say what they add", [world], ([world]) => {
    for (const decision of decide(questionOf(world))) {
      const lines = explain(decision)
      assert.include(lines[0], recon1.version)
      const said = (decision.candidates[0]?.evidence ?? []).filter(({ milliBits }) => milliBits !== 0)
      assert.lengthOf(
        lines.filter((line) => line.startsWith("  ")),
        said.length + (decision.candidates.length > 0 ? 1 : 0),
      )
      assert.isTrue(lines.every((line) => !line.includes("undefined") && !/[a-z]\.[a-z]/i.test(line)))
    }
  })

  it.effect("says what would have settled it", () =>
    Effect.gen(function* () {
      const found = yield* AccountCases.decode(cases.filter(({ id }) => id === "A29"))
      const [decided] = found.map((one) => AccountCases.decide(recon1, one))
      const lines = decided?.explanations["x"]?.join("\n") ?? ""
      assert.match(lines, /the last four digits are the same/)
      assert.match(lines, /certain enough with bookings that both have/)
    }),
  )
})
