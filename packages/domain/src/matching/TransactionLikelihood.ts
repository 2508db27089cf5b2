/**
 * How likely two rows are one: what their texts, days and sides of a generation say.
 *
 * Weights are milli-bits by which being one is likelier than being two ({@link TransactionPolicy}).
 */
import * as Descriptions from "./Descriptions.ts"
import { type TransactionPolicy } from "./TransactionPolicy.ts"
import { dayOf, type Doubt, type Held, type Interval, isPending, type Request, type Row } from "./TransactionRow.ts"

export interface Context {
  readonly request: Request
  readonly policy: TransactionPolicy
  readonly describe: (row: Row) => Described
  readonly compare: typeof Descriptions.compare
}

export const contextOf = (request: Request, policy: TransactionPolicy): Context => ({
  request,
  policy,
  describe: describer(),
  compare: comparer(),
})

interface Described {
  readonly description: Descriptions.Description
  readonly merchant: Descriptions.Description | null
}

/** Reads the same text once, and so the texts of a row. */
const describer = () => {
  const known = new Map<string, Descriptions.Description>()
  const byRow = new Map<Row, Described>()
  const read = (text: string, date: string) => {
    const key = /\d[./-]\d/u.test(text) ? `${date} ${text}` : text
    const found = known.get(key) ?? Descriptions.read(text, dayOf(date))
    known.set(key, found)
    return found
  }
  return (row: Row): Described => {
    const before = byRow.get(row)
    if (before !== undefined) return before
    const described = {
      description: read(row.description, row.date),
      merchant: row.merchant === null || row.merchant.trim() === "" ? null : read(row.merchant, row.date),
    }
    byRow.set(row, described)
    return described
  }
}

/** Compares the same two texts once. */
const comparer = (): typeof Descriptions.compare => {
  const known = new Map<Descriptions.Description, Map<Descriptions.Description, Descriptions.Likeness>>()
  return (a, b) => {
    const ofA = known.get(a) ?? new Map<Descriptions.Description, Descriptions.Likeness>()
    known.set(a, ofA)
    const likeness = ofA.get(b) ?? Descriptions.compare(a, b)
    ofA.set(b, likeness)
    return likeness
  }
}

/** What descriptions, merchants and counterparties together say of two rows. */
export const likenessOf = ({ compare, describe }: Context, a: Row, b: Row): Descriptions.Likeness => {
  const x = describe(a)
  const y = describe(b)
  const said = compare(x.description, y.description)
  if (said === "other_instalment" || said === "same" || said === "equal" || said === "alike") return said
  if (a.counterparty !== null && a.counterparty === b.counterparty) return "alike"
  if (said === "renumbered" || said === "rereferenced") return said
  const sides = [
    [x.merchant, y.merchant],
    [x.merchant, y.description],
    [x.description, y.merchant],
  ] as const
  const others = sides.flatMap(([a, b]) => (a === null || b === null ? [] : [compare(a, b)]))
  if (others.some((likeness) => likeness === "same" || likeness === "equal" || likeness === "alike")) return "alike"
  return others.includes("different") ? "different" : said
}

/** Two payments, whatever else agrees. */
export const areApart = (a: Row, b: Row) =>
  differ(a.owner, b.owner) || differ(a.counterparty, b.counterparty) || differ(a.check, b.check)

export const differ = (a: string | null, b: string | null) => a !== null && b !== null && a !== b

/** A person typed it, or imported it from where rows have no names. */
export const isTyped = ({ aliases, references, transactionId }: Held) =>
  transactionId === null && aliases.length === 0 && references.length === 0

export const namesOf = (row: Held) => (row.transactionId === null ? row.aliases : [row.transactionId, ...row.aliases])

export const inOrder = (a: Row, b: Row) => compareText(a.date, b.date) || compareText(a.id, b.id)

export const compareText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

export const reachOf = ({ bits, days }: TransactionPolicy) =>
  Math.max(bits.shift.length - 1, bits.posting.length - 1 - days.postsEarly)

export const spanOf = ({ policy }: Context, row: Row) => {
  const posted = dayOf(row.date)
  const authorized = authorizedDay(policy, row) ?? posted
  return { from: Math.min(posted, authorized), to: Math.max(posted, authorized) }
}

const authorizedDay = (policy: TransactionPolicy, row: Row) => {
  if (row.authorized === null) return undefined
  const day = dayOf(row.authorized)
  return Math.abs(dayOf(row.date) - day) <= policy.days.authorization ? day : undefined
}

/** From the held row to the delivered one: by the day of the purchase where both tell it, otherwise by their dates. */
const daysBetween = (policy: TransactionPolicy, delivered: Row, held: Row): number => {
  const a = authorizedDay(policy, delivered)
  const b = authorizedDay(policy, held)
  return a !== undefined && b !== undefined ? a - b : dayOf(delivered.date) - dayOf(held.date)
}

/** The same by the day of the purchase that only one of them tells, and the date of the other. */
const mixedDaysBetween = (policy: TransactionPolicy, delivered: Row, held: Row): number | null => {
  const a = authorizedDay(policy, delivered)
  const b = authorizedDay(policy, held)
  if ((a === undefined) === (b === undefined)) return null
  return (a ?? dayOf(delivered.date)) - (b ?? dayOf(held.date))
}

export const daysApart = ({ policy }: Context, delivered: Row, held: Row): number => {
  const days = daysBetween(policy, delivered, held)
  return Math.min(Math.abs(days), Math.abs(mixedDaysBetween(policy, delivered, held) ?? days))
}

/** What speaks for two rows being one, but for the days between them. */
export interface Judged {
  readonly tier: "content" | "posting"
  /** Days from the held row to the delivered one. */
  readonly days: number
  readonly mixedDays: number | null
  readonly weight: number
  /** Only a person can say. */
  readonly doubt: Doubt | null
}

export const judge = (context: Context, row: Row, held: Held, isSole: boolean): Judged | undefined => {
  const { policy, request } = context
  const isPosting = held.pending && !isPending(row)
  const isReversed = isPending(row) && !held.pending
  const tier = isPosting || isReversed ? "posting" : "content"
  const later = isReversed ? held : row
  const earlier = isReversed ? row : held
  const days = daysBetween(policy, later, earlier)
  const mixedDays = mixedDaysBetween(policy, later, earlier)
  if (!isReachable(policy, tier, days, mixedDays)) return undefined
  const haveIds = row.transactionId !== null && held.transactionId !== null
  if (request.sameGeneration && haveIds && !(isPosting && row.pendingId === null)) return undefined
  if (areApart(row, held)) return undefined
  const likeness = likenessOf(context, row, held)
  if (likeness === "other_instalment") return undefined
  const isUnlike = likeness === "different" || likeness === "renumbered"
  const doubt = !isUnlike
    ? null
    : isTyped(held)
      ? "typed"
      : likeness === "different"
        ? "other_merchant"
        : "other_number"
  const bonus = row.counterparty !== null && row.counterparty === held.counterparty ? policy.bits.counterparty : 0
  return {
    tier,
    days,
    mixedDays,
    weight:
      surprise(context, row, held) +
      bonus +
      (isSole && doubt === null ? policy.bits.sole : 0) -
      (doubt === "typed" ? 0 : policy.bits.likeness[likeness]) -
      (held.deleted ? policy.bits.tombstone : 0),
    doubt,
  }
}

/** Whether two rows can be one at all, by their days. */
const isReachable = (
  { bits, days: { postsEarly } }: TransactionPolicy,
  tier: Judged["tier"],
  days: number,
  mixedDays: number | null,
) =>
  (tier === "posting" ? bits.posting[days + postsEarly] !== undefined : Math.abs(days) < bits.shift.length) ||
  (mixedDays !== null && Math.abs(mixedDays) < bits.shift.length)

/** How unlikely it is that neither generation had the other one's row, if they are two. */
const surprise = ({ policy: { bits }, request: { coverage } }: Context, row: Row, held: Held) => {
  const isMissedByOld = isWithin(coverage.held, row)
  const isMissedByNew = coverage.delivered === undefined || isWithin(coverage.delivered, held)
  const missedByNew = isTyped(held) ? bits.typedMissing : held.pending ? bits.pendingGone : bits.missedByNew
  return (isMissedByOld ? bits.missedByOld : 0) + (isMissedByNew ? missedByNew : 0)
}

export const isWithin = (interval: Interval | null, { date }: Row) =>
  interval !== null && interval.from <= date && date <= interval.to

/** The whole weight, if the run moved by so many days; endlessly unlikely when the rows are too far apart. */
export const weigh = (
  {
    policy: {
      bits,
      days: { postsEarly },
    },
  }: Context,
  { days, mixedDays, tier, weight }: Judged,
  moved: number,
): number => {
  const shifted = (by: number) => (Math.abs(by) < bits.shift.length ? (bits.shift[Math.abs(by - moved)] ?? far) : far)
  const isPosting = tier === "posting"
  const direct = isPosting ? (bits.posting[days + postsEarly] ?? far) : shifted(days)
  const mixed = mixedDays === null ? far : shifted(mixedDays) + (isPosting ? 0 : bits.mixedDates)
  return weight - Math.min(direct, mixed)
}

const far = Infinity

export const isAlike = (likeness: Descriptions.Likeness) =>
  likeness === "same" || likeness === "equal" || likeness === "alike" || likeness === "rereferenced"
