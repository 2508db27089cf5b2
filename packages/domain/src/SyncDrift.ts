/**
 * Whether what a provider counts and what is known agree: a loss that no listing shows is seen here.
 *
 * One difference proves nothing, because something may have come or gone between two answers. The second one in a row
 * is met by comparing everything that is listed. What then remains is said once and from there on expected, so that a
 * count which never agrees does not have everything listed with every look.
 *
 * A count that agrees proves nothing either: one item may have been lost and another one have gone unnoticed, and one
 * that was lost looks like one in a bin that may be counted or not. So everything that is listed is compared once a
 * week, whatever is counted: what was lost and is listed is found by the second look at the count, or within that week.
 */
import { Context, DateTime, Duration } from "effect"

import type * as Connection from "./Connection.ts"

/** How long a count is believed before everything that is listed is compared all the same. Default a week. */
export const CompareAfter = Context.Reference("@holdfast/domain/SyncDrift/CompareAfter", {
  defaultValue: () => Duration.days(7),
})

/**
 * Whether it is time to do something again, by when it was done last; it is where nobody knows when. A clock that was
 * put back behind the last time says nothing about how long ago it was.
 */
export const isDue = (last: DateTime.Utc | undefined, now: DateTime.Utc, interval: Duration.Duration): boolean =>
  last === undefined ||
  DateTime.isLessThan(now, last) ||
  DateTime.isGreaterThanOrEqualTo(now, DateTime.addDuration(last, interval))

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
    /** Whether it was compared too long ago: {@link isDue}. */
    readonly isDue: boolean
  },
): Judgement => {
  const { away, binned, items } = now
  const explains = (difference: number) => items === difference || items === difference + binned
  const expected = last?.expected ?? 0
  if (now.isCompared) {
    const isExplained = explains(0) || (items > 0 && items <= binned + away)
    return say(last, { items: explains(0) ? 0 : items, verdict: isExplained ? "none" : "unexplained" })
  }
  if (now.isDue) return { drift: undefined, isToCompare: true }
  if (explains(0)) return say(last, { items: 0, verdict: "none" })
  if (explains(expected)) {
    return last?.verdict === "suspected" ? say(last, { items: expected, verdict: "none" }) : unchanged
  }
  return last?.verdict === "suspected"
    ? { drift: undefined, isToCompare: true }
    : { drift: { items, verdict: "suspected" }, isToCompare: false }
}

export const unchanged: Judgement = { drift: undefined, isToCompare: false }

/** Unless it was the last word already. */
const say = (last: Connection.Drift | undefined, drift: NonNullable<Judgement["drift"]>): Judgement =>
  drift.verdict === (last?.verdict ?? "none") && drift.items === (last?.expected ?? 0)
    ? unchanged
    : { drift, isToCompare: false }
