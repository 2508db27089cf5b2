/** What only a person can tell: equal amounts about one day with unlike texts, and pending rows that post changed. */
import { areApart, type Context, inOrder, isAlike, judge, likenessOf, weigh } from "./TransactionLikelihood.ts"
import { type TransactionPolicy } from "./TransactionPolicy.ts"
import { dayOf, type Doubt, type Held, isPending, type Row } from "./TransactionRow.ts"
import { type Bucket, range } from "./TransactionRuns.ts"

interface Question {
  readonly delivered: Row
  readonly candidates: ReadonlyArray<Held>
}

/** What the runs left alone on both sides, and only a person can tell: equal amounts about one day, unlike texts. */
export const questionsOf = (
  context: Context,
  leftover: ReadonlyArray<Bucket>,
): ReadonlyArray<Question & { readonly doubt: Doubt }> =>
  leftover.flatMap(({ delivered, held, isSole }) => {
    if (delivered.length * held.length > context.policy.limits.pairsPerRun) return []
    return delivered.flatMap((row) => {
      const likely = held
        .flatMap((held) => {
          const judged = judge(context, row, held, isSole)
          const weight = judged === undefined ? 0 : weigh(context, judged, 0)
          return judged?.doubt && weight > 0 ? [{ held, weight, doubt: judged.doubt }] : []
        })
        .toSorted((a, b) => b.weight - a.weight || inOrder(a.held, b.held))
      const [best] = likely
      if (best === undefined) return []
      const rivals = likely.filter(({ weight }) => best.weight - weight <= context.policy.bits.rivals)
      return [{ delivered: row, candidates: rivals.map(({ held }) => held), doubt: best.doubt }]
    })
  })

/**
 * Pending rows of the same merchant that a new row may have posted with another amount: a tip or a rate is a question;
 * an amount further off replaced a hold, which lapses.
 */
export const changedPostings = (
  context: Context,
  rows: ReadonlyArray<Row>,
  claimed: ReadonlySet<string>,
  asked: ReadonlySet<string>,
) => {
  const { policy, request } = context
  const isOpen = (held: Held) =>
    held.pending && !held.deleted && !held.lapsed && !claimed.has(held.id) && !asked.has(held.id)
  const dayKey = (row: Row, day: number) => `${row.currency} ${Math.sign(row.amount)} ${day}`
  const byDay = Map.groupBy(request.held.filter(isOpen).toSorted(inOrder), (held) => dayKey(held, dayOf(held.date)))
  const questions: Array<Question> = []
  const replaced: Array<{ readonly delivered: Row; readonly held: Held }> = []
  if (byDay.size === 0) return { questions, replaced: [] }

  let compared = 0
  for (const row of rows) {
    if (isPending(row) || (request.sameGeneration && row.pendingId !== null)) continue
    const near = range(dayOf(row.date) - policy.tip.days, dayOf(row.date) + policy.days.postsEarly + 1)
      .toReversed()
      .flatMap((day) => byDay.get(dayKey(row, day)) ?? [])
    compared += near.length
    if (compared > policy.limits.pairsPerRun) break
    const ofMerchant = near.filter(
      (held) => held.amount !== row.amount && !areApart(row, held) && isAlike(likenessOf(context, row, held)),
    )
    const candidates = ofMerchant.filter((held) => isTip(policy, row, held))
    const [nearest] = ofMerchant
    if (candidates.length > 0) questions.push({ delivered: row, candidates })
    else if (nearest !== undefined) replaced.push({ delivered: row, held: nearest })
  }
  return { questions, replaced: replaced.map(({ held }) => held) }
}

const isTip = ({ tip }: TransactionPolicy, row: Row, held: Held) => {
  const [posted, pending] = [BigInt(Math.abs(row.amount)), BigInt(Math.abs(held.amount))]
  const change = (posted - pending) * 1_000n
  return change <= pending * BigInt(tip.abovePermille) && -change <= pending * BigInt(tip.belowPermille)
}
