import { inspect } from "node:util"

import { assert, describe, it } from "@effect/vitest"
import { Redacted, Result, Schema } from "effect"

import { GmailApi, Labels } from "../src/index.ts"

describe("A label", () => {
  it("L01 is not looked for where none was chosen", () => {
    for (const settings of [{}, { label: "" }, { label: "  " }, { label: 7 }, { labelId: "" }]) {
      assert.strictEqual(problemOf(Labels.resolve(mailbox, Labels.wantedOf(settings)))?._tag, "LabelNotConfigured")
    }
  })

  it("L02 that is not there is answered with the names that it may have meant, the likeliest first", () => {
    const cases: ReadonlyArray<readonly [wanted: string, near: ReadonlyArray<string>]> = [
      ["Airbnb", ["Bookings/Airbnb", "Old/Airbnb"]],
      ["Boking", ["Booking"]],
      ["Bookings/Vrbbo", ["Bookings/Vrbo"]],
      ["bookings / airbnb", ["Bookings/Airbnb", "Old/Airbnb"]],
      ["Réservation", ["Réservations"]],
      ["inbx", ["INBOX"]],
      ["Something else", []],
    ]
    for (const [wanted, near] of cases) assert.deepStrictEqual(nearOf(wanted), near, wanted)
  })

  it("L02 shows the names of the others nowhere but in their field", () => {
    const problem = problemOf(Labels.resolve(mailbox, { name: "Airbnb" }))
    assert.instanceOf(problem, Labels.LabelNotFound)
    for (const text of [
      String(problem),
      inspect(problem, { depth: Infinity, showHidden: true }),
      JSON.stringify(problem),
    ]) {
      assert.notInclude(text, "Airbnb")
    }
  })

  it.prop(
    "L02 is suggested five times at most, and never one that cannot be watched",
    [Schema.String, Schema.Array(Schema.String)],
    ([wanted, names]) => {
      const labels = [...mailbox, ...names.map((name, index) => label(`Label_9${index}`, name))]
      const problem = problemOf(Labels.resolve(labels, { name: wanted }))
      const near = problem?._tag === "LabelNotFound" ? Redacted.value(problem.near) : []
      assert.isAtMost(near.length, 5)
      for (const name of near) assert.notInclude(refused, name.toUpperCase())
    },
    { arbitrary: { runs: 200 } },
  )

  it.prop(
    "L02 is near where at most a third of its letters, and three, were inserted, left out or mistaken",
    [Schema.Literals(["Reservations", "Gäste", "VIP", "a/b/Holiday homes"]), Schema.Array(edit)],
    ([name, edits]) => {
      const wanted = edits
        .slice(0, Math.floor(name.length / 4))
        .slice(0, 3)
        .reduce(edited, name)
      const problem = problemOf(Labels.resolve([label("Label_1", name)], { name: wanted }))
      if (problem === undefined) return
      assert.deepStrictEqual(problem._tag === "LabelNotFound" && Redacted.value(problem.near), [name])
    },
    { arbitrary: { runs: 300 } },
  )

  it("L02 is looked for among long names without taking long", () => {
    const long = Array.from({ length: 5_000 }, (_, index) => label(`Label_${index}`, `${"x".repeat(220)}${index}`))
    const problem = problemOf(Labels.resolve(long, { name: `${"x".repeat(219)}y` }))
    assert.strictEqual(problem?._tag, "LabelNotFound")
  })

  it("L03 is found by its whole path, whether its parent exists or not", () => {
    assert.strictEqual(idOf({ name: "Bookings/Airbnb" }), "Label_1")
    assert.strictEqual(idOf({ name: "Airbnb" }), undefined)
    assert.strictEqual(idOf({ name: "Bookings" }), undefined)
  })

  it("L04 is found whatever the case, and brings its own name", () => {
    for (const name of ["bookings/airbnb", "BOOKINGS/AIRBNB", "Bookings/Airbnb"]) {
      const found = Result.getOrThrow(Labels.resolve(mailbox, { name }))
      assert.deepInclude<object>(found, { id: "Label_1", name: "Bookings/Airbnb", renamed: false })
    }
  })

  it("L04 is not guessed where two names differ in composition only, unless one is meant to the letter", () => {
    const twins = [label("Label_1", "Caf\u00e9"), label("Label_2", "Cafe\u0301")]
    assert.strictEqual(problemOf(Labels.resolve(twins, { name: "CAF\u00c9" }))?._tag, "LabelNotFound")
    assert.strictEqual(Result.getOrThrow(Labels.resolve(twins, { name: "Cafe\u0301" })).id, "Label_2")
  })

  it.prop(
    "L04 L09 is found among any others by any casing of its name",
    [Schema.Array(Schema.NonEmptyString), Schema.Boolean],
    ([others, upper]) => {
      const name = "Reservations/Gäste 2027"
      const labels = [
        ...others
          .filter((other) => !Labels.isSameName(other, name))
          .map((other, index) => label(`Other_${index}`, other)),
        label("Label_1", name),
      ]
      const found = Labels.resolve(labels, { name: upper ? name.toUpperCase() : name.toLowerCase() })
      assert.strictEqual(Result.getOrThrow(found).id, "Label_1")
    },
    { arbitrary: { runs: 200 } },
  )

  it("L05 is followed by its id whatever it is called now, even when another one has its old name", () => {
    const renamed = [label("Label_1", "Stays"), label("Label_2", "Bookings/Airbnb")]
    const found = Result.getOrThrow(
      Labels.resolve(renamed, { name: "Bookings/Airbnb", id: GmailApi.LabelId.make("Label_1") }),
    )
    assert.deepInclude<object>(found, { id: "Label_1", name: "Stays", renamed: true })
  })

  it("L06 that was made anew under its name is a conflict, and not there where it was not", () => {
    const id = GmailApi.LabelId.make("Label_0")
    const problem = problemOf(Labels.resolve(mailbox, { name: "bookings/airbnb", id }))
    assert.deepInclude<object>(problem ?? {}, { _tag: "LabelConflict", conflict: "recreated", found: "Label_1" })
    assert.strictEqual(problemOf(Labels.resolve(mailbox, { name: "Gone", id }))?._tag, "LabelNotFound")
    assert.strictEqual(problemOf(Labels.resolve(mailbox, { id }))?._tag, "LabelNotFound")
  })

  it("L07 of Google's own can be watched, except those that hold what was not received or not kept", () => {
    for (const name of ["INBOX", "inbox", "CATEGORY_UPDATES", "STARRED", "IMPORTANT"]) {
      assert.strictEqual(idOf({ name }), name.toUpperCase())
    }
    for (const name of refused) {
      for (const wanted of [{ name }, { name: name.toLowerCase() }, { id: GmailApi.LabelId.make(name) }]) {
        assert.deepInclude<object>(problemOf(Labels.resolve(mailbox, wanted)) ?? {}, { _tag: "LabelRefused", name })
      }
    }
    const choices = Labels.choices(mailbox).map(({ name }) => name)
    assert.include(choices, "INBOX")
    for (const name of refused) assert.notInclude(choices, name)
  })
})

/** A slip of the finger: where, which letter, and of which kind. */
const edit = Schema.Struct({
  at: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 40 })),
  letter: Schema.Literals(["x", "é", "z"]),
  kind: Schema.Literals(["insert", "omit", "mistake"]),
})

const edited = (name: string, { at, kind, letter }: typeof edit.Type) => {
  const place = at % name.length
  const rest = name.slice(kind === "insert" ? place : place + 1)
  return `${name.slice(0, place)}${kind === "omit" ? "" : letter}${rest}`
}

const label = (id: string, name: string, type: GmailApi.Label["type"] = "user"): GmailApi.Label => ({
  id: GmailApi.LabelId.make(id),
  name,
  type,
})

const refused = ["SPAM", "TRASH", "DRAFT", "SENT", "CHAT"]

const mailbox: ReadonlyArray<GmailApi.Label> = [
  ...[...refused, "INBOX", "STARRED", "IMPORTANT", "CATEGORY_UPDATES"].map((name) => label(name, name, "system")),
  label("Label_1", "Bookings/Airbnb"),
  label("Label_2", "Bookings/Vrbo"),
  label("Label_3", "Old/Airbnb"),
  label("Label_4", "Booking"),
  label("Label_5", "Réservations"),
]

const problemOf = <A, E>(result: Result.Result<A, E>): E | undefined =>
  Result.isFailure(result) ? result.failure : undefined

const nearOf = (name: string) => {
  const problem = problemOf(Labels.resolve(mailbox, { name }))
  return problem?._tag === "LabelNotFound" ? Redacted.value(problem.near) : undefined
}

const idOf = (wanted: Labels.Wanted) => {
  const found = Labels.resolve(mailbox, wanted)
  return Result.isSuccess(found) ? found.success.id : undefined
}
