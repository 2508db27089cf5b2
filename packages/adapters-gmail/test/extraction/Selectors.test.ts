import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"

import * as Selectors from "../../src/extraction/Selectors.ts"

const Named = Schema.Struct({
  name: Schema.Literals(["p", "td"]),
  classes: Schema.Array(Schema.Literals(["a", "b"])),
  id: Schema.Literals(["", "x"]),
})
type Named = typeof Named.Type

const Compound = Schema.Struct({
  text: Schema.Literals(["p", "td", "*", ".a", ".b", "p.a", ".a.b", "#x", "td#x.b"]),
  isChild: Schema.Boolean,
})
type Compound = typeof Compound.Type

const elementOf = ({ classes, id, name }: Named): Selectors.Named => ({
  name,
  classes,
  attributes: id === "" ? {} : { id: "X" },
})

const textOf = (path: ReadonlyArray<Compound>) =>
  path.map(({ isChild, text }, index) => (index === 0 ? text : `${isChild ? " > " : " "}${text}`)).join("")

/** As it is defined: by trying. */
const isAt = (path: ReadonlyArray<Compound>, around: ReadonlyArray<Named>): boolean => {
  const [last, element] = [path.at(-1), around.at(-1)]
  if (last === undefined) return true
  if (element === undefined || !isOne(element, last.text)) return false
  const [rest, outer] = [path.slice(0, -1), around.slice(0, -1)]
  if (rest.length === 0 || last.isChild) return isAt(rest, outer)
  return outer.some((_, index) => isAt(rest, outer.slice(0, index + 1)))
}

const isOne = ({ classes, id, name }: Named, text: string): boolean =>
  (text.match(/[.#]?[^.#]+/g) ?? []).every((part) => {
    if (part.startsWith(".")) return classes.some((one) => `.${one}` === part)
    return part.startsWith("#") ? `#${id}` === part : part === "*" || part === name
  })

const within = (selectors: Selectors.Selectors<string>, around: ReadonlyArray<Named>) =>
  selectors.rulesAt(
    around.map(elementOf).reduce((above, element) => selectors.standing(element, above), Selectors.nowhere),
  )

describe("A selector", () => {
  it.prop(
    "fits what it says, as trying out all that is around it does",
    [Schema.NonEmptyArray(Compound), Schema.NonEmptyArray(Compound), Schema.NonEmptyArray(Named)],
    ([one, other, around]) => {
      const paths = [one.slice(0, 4), other.slice(0, 4)]
      const selectors = new Selectors.Selectors<string>()
      for (const [index, path] of paths.entries()) selectors.add(textOf(path), `${index}`)
      assert.deepStrictEqual(
        within(selectors, around),
        paths.flatMap((path, index) => (isAt(path, around) ? [`${index}`] : [])),
      )
    },
    { arbitrary: { runs: 500 } },
  )

  for (const selector of [
    "u + .a",
    ".a ~ .a",
    ".a[x]",
    ".a:hover",
    "> .a",
    ".a >",
    ".a >> .a",
    "p.",
    "",
    `${".b ".repeat(80)}.a`,
  ]) {
    it(`that asks for more than names, or is bait, is not known: ${selector.slice(0, 20)}`, () => {
      const selectors = new Selectors.Selectors<string>()
      selectors.add(selector, "rule")
      assert.isTrue(selectors.isEmpty)
    })
  }

  it("of too many steps is not known, and those before it are", () => {
    const selectors = new Selectors.Selectors<number>()
    for (let index = 0; index < 100; index++) selectors.add(".a .b", index)
    const standing = [["a"], ["b"]].reduce(
      (above, classes) => selectors.standing({ name: "p", classes, attributes: {} }, above),
      Selectors.nowhere,
    )
    assert.deepStrictEqual(selectors.rulesAt(standing), [...Array(15).keys()])
  })
})
