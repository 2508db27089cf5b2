/** Which days of an account were delivered whole: what decides between news and history, and shows what is missing. */
import { type Days } from "./Account.ts"
import { type Day } from "./Connection.ts"
import { dateOf, dayOf } from "./matching/TransactionRow.ts"

/** What a feed covers once it has delivered everything up to a day, and the days before that nothing covers. */
export interface Extended {
  readonly covered?: Days
  readonly gap?: Days
}

export const extend = ({
  from,
  others,
  own,
  to,
}: {
  /** What the feed had covered before. */
  readonly own: Days | undefined
  /** What other feeds of the account have covered. */
  readonly others: ReadonlyArray<Days>
  /** The first day that was delivered whole now, where it is told. */
  readonly from: Day | undefined
  readonly to: Day
}): Extended => {
  const start = from ?? own?.from
  if (start === undefined || start > to) return {}
  if (own !== undefined && touches(own, start)) {
    return { covered: { from: start < own.from ? start : own.from, to: own.to > to ? own.to : to } }
  }
  const gap = gapBefore([...others, ...(own === undefined ? [] : [own])], start)
  return { covered: { from: start, to }, ...(gap !== undefined && { gap }) }
}

/** Whether what begins on a day goes on where the other ended, or before. */
const touches = ({ to }: Days, start: Day) => dayOf(start) <= dayOf(to) + 1

/** From the last day that was covered before, to the day before the next one that is. */
const gapBefore = (covered: ReadonlyArray<Days>, start: Day): Days | undefined => {
  const earlier = covered.filter(({ from }) => from < start).map(({ to }) => to)
  const reached = earlier.reduce((a, b) => (a > b ? a : b), "")
  if (reached === "" || dayOf(start) <= dayOf(reached) + 1) return undefined
  return { from: dateOf(dayOf(reached) + 1), to: dateOf(dayOf(start) - 1) }
}
