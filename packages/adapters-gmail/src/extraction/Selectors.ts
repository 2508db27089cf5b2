/**
 * Selectors that say within what a thing stands, such as `.outer .inner` and `td > .inner`, told while the page is read
 * and without a tree: of each open element it is known which of their steps it takes, and which those around it take.
 */

/** What a selector asks for. */
export interface Named {
  readonly name: string
  readonly classes: ReadonlyArray<string>
  readonly attributes: Readonly<Record<string, string | undefined>>
}

/** The steps that an element takes and those that the ones around it take, each a bit. */
export interface Standing {
  readonly own: number
  readonly around: number
}

export const nowhere: Standing = { own: 0, around: 0 }

interface Step {
  readonly bit: number
  readonly name: string
  readonly classes: ReadonlyArray<string>
  readonly id: string | undefined
  /** The bit of the step before it; 0 where it is the first. */
  readonly after: number
  readonly isChild: boolean
}

/** Rules by such selectors. Beyond {@link maxSteps} steps, and of other sorts than these, none is known. */
export class Selectors<Rule> {
  private readonly steps: Array<Step> = []
  private readonly rules: Array<{ readonly bit: number; readonly rule: Rule }> = []
  private lasts = 0

  add(selector: string, rule: Rule): void {
    const compounds = compoundsOf(selector)
    if (compounds === null || this.steps.length + compounds.length > maxSteps) return
    let after = 0
    for (const compound of compounds) {
      const bit = 1 << this.steps.length
      this.steps.push({ ...compound, bit, after })
      after = bit
    }
    this.rules.push({ bit: after, rule })
    this.lasts |= after
  }

  get isEmpty(): boolean {
    return this.rules.length === 0
  }

  standing(element: Named, above: Standing): Standing {
    if (this.steps.length === 0) return nowhere
    const around = above.own | above.around
    let own = 0
    for (const step of this.steps) {
      const isReached = step.after === 0 || ((step.isChild ? above.own : around) & step.after) !== 0
      if (isReached && takes(element, step)) own |= step.bit
    }
    return { own, around }
  }

  /** What is said of whatever stands so, in the order in which it was added. */
  rulesAt({ own }: Standing): ReadonlyArray<Rule> {
    return (own & this.lasts) === 0 ? [] : this.rules.flatMap(({ bit, rule }) => ((own & bit) === 0 ? [] : [rule]))
  }
}

/** As many as a number has bits that are its own. */
const maxSteps = 30

const maxLength = 200

const takes = ({ attributes, classes, name }: Named, step: Step): boolean =>
  (step.name === "" || step.name === name) &&
  step.classes.every((one) => classes.includes(one)) &&
  (step.id === undefined || step.id === attributes["id"]?.toLowerCase())

/** Null for what asks for more than names: neighbours, attributes, states. */
const compoundsOf = (selector: string): ReadonlyArray<Omit<Step, "bit" | "after">> | null => {
  if (selector.length > maxLength) return null
  const written = selector
    .replace(/\s*>\s*/g, " >")
    .trim()
    .split(/\s+/)
  // Everything stands within these, whether they are written or not.
  while (written.length > 1 && (written[0] === "html" || written[0] === "body") && !written[1]?.startsWith(">")) {
    written.shift()
  }
  const compounds = written.map((text) => {
    const [, child = "", name = "", rest = ""] = compound.exec(text) ?? []
    if (name === "" && rest === "") return null
    const parts = rest.match(/[.#][^.#]+/g) ?? []
    return {
      name: name === "*" ? "" : name,
      classes: parts.flatMap((part) => (part.startsWith(".") ? [part.slice(1)] : [])),
      id: parts.find((part) => part.startsWith("#"))?.slice(1),
      isChild: child !== "",
    }
  })
  const known = compounds.flatMap((one) => one ?? [])
  return known.length < compounds.length || known[0]?.isChild === true ? null : known
}

const compound = /^(>?)([a-z][a-z\d]*|\*)?((?:[.#][\w-]+)*)$/
