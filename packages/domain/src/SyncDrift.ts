/**
 * Whether what a provider counts and what is known agree: a loss that no listing shows is seen here.
 *
 * One difference proves nothing, because something may have come or gone between two answers. The second one in a row
 * is met by comparing everything that is listed. What then remains is said once and from there on expected, so that a
 * count which never agrees does not have everything listed with every look.
 */
import type * as Connection from "./Connection.ts"

export interface Judgement {
  /** What is to be recorded; nothing where the log says it already. */
  readonly drift: Pick<Connection.Drift, "items" | "verdict"> | undefined
  /** Everything is to be listed and compared. */
  readonly isToCompare: boolean
}

export const judge = (
  last: Connection.Drift | undefined,
  now: {
    /** How many more the provider counts than are known to be there. */
    readonly items: number
    /** Of those that are held, how many are in the trash or among spam: providers differ in whether they count them. */
    readonly binned: number
    /** Of those that are held, how many are not listed any more: they may be there too. */
    readonly away: number
    /** Whether everything that is listed was just compared. */
    readonly isCompared: boolean
  },
): Judgement => {
  const { away, binned, isCompared, items } = now
  const explains = (difference: number) => items === difference || items === difference + binned
  const expected = last?.expected ?? 0
  if (isCompared) {
    const isExplained = explains(0) || (items > 0 && items <= binned + away)
    return say(last, { items: explains(0) ? 0 : items, verdict: isExplained ? "none" : "unexplained" })
  }
  if (explains(0)) return say(last, { items: 0, verdict: "none" })
  if (explains(expected)) {
    return last?.verdict === "suspected" ? say(last, { items: expected, verdict: "none" }) : unchanged
  }
  return last?.verdict === "suspected"
    ? { drift: undefined, isToCompare: true }
    : { drift: { items, verdict: "suspected" }, isToCompare: false }
}

const unchanged: Judgement = { drift: undefined, isToCompare: false }

/** Unless it was the last word already. */
const say = (last: Connection.Drift | undefined, drift: NonNullable<Judgement["drift"]>): Judgement =>
  drift.verdict === (last?.verdict ?? "none") && drift.items === (last?.expected ?? 0)
    ? unchanged
    : { drift, isToCompare: false }
