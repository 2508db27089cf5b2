/**
 * Cases of reconciliation in a file: rows held, rows delivered and, where somebody wrote them down, the decisions
 * expected. People try a policy on their own data with it, and the rules are tested by it.
 */
import { Schema } from "effect"

import * as CaseFile from "./CaseFile.ts"
import { current, type TransactionPolicy } from "./TransactionPolicy.ts"
import * as Transactions from "./Transactions.ts"

const Text = Schema.NullOr(Schema.String)

const Day = Schema.String.check(
  Schema.isPattern(/^\d{4}-\d{2}-\d{2}$/u, { expected: "a day, YYYY-MM-DD" }),
  Schema.makeFilter((text) => Number.isFinite(Date.parse(`${text}T00:00:00Z`)), { expected: "a day of the calendar" }),
)

const Row = {
  id: Schema.String,
  date: Day,
  /** The day of the purchase. */
  auth: Schema.optionalKey(Schema.NullOr(Day)),
  /** Minor units; positive is money out. */
  amt: Schema.Int,
  cur: Schema.String,
  desc: Schema.String,
  merchant: Schema.optionalKey(Text),
  pending: Schema.optionalKey(Schema.Boolean),
  pendingId: Schema.optionalKey(Text),
  /** The counterparty. */
  cp: Schema.optionalKey(Text),
  check: Schema.optionalKey(Text),
  /** The provider's name of the row: its id, unless the file says that references are unstable or gives a `txid`. */
  ref: Schema.optionalKey(Text),
  txid: Schema.optionalKey(Text),
  owner: Schema.optionalKey(Text),
  status: Schema.optionalKey(Text),
}

const HeldRow = {
  ...Row,
  edited: Schema.optionalKey(Schema.Boolean),
  deleted: Schema.optionalKey(Schema.Boolean),
  aliases: Schema.optionalKey(Schema.Array(Schema.String)),
  /** What the provider called it, where `desc` is a person's words. */
  origDesc: Schema.optionalKey(Text),
}

const Interval = Schema.Tuple([Day, Day])

const Balance = Schema.Struct({ date: Day, amt: Schema.Int })

const Case = Schema.Struct({
  id: Schema.String,
  /** Title, sources and reason: for people. */
  t: Schema.optionalKey(Schema.Unknown),
  src: Schema.optionalKey(Schema.Unknown),
  why: Schema.optionalKey(Schema.Unknown),
  /** What the old generation fully covered. */
  cov: Schema.optionalKey(Schema.NullOr(Interval)),
  /** What the new fetch fully covers, where that is known. */
  fetched: Schema.optionalKey(Schema.NullOr(Interval)),
  balances: Schema.optionalKey(
    Schema.NullOr(Schema.Struct({ cur: Schema.String, opening: Balance, closing: Balance })),
  ),
  sameGen: Schema.optionalKey(Schema.Boolean),
  unstableRefs: Schema.optionalKey(Schema.Boolean),
  ex: Schema.Array(Schema.Struct(HeldRow)),
  inc: Schema.Array(Schema.Struct(Row)),
  /** Delivered row to held row, or to any of several: `"a|b"`. */
  merge: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
  insert: Schema.optionalKey(Schema.Array(Schema.String)),
  review: Schema.optionalKey(Schema.Array(Schema.Tuple([Schema.String, Schema.String]))),
  ignore: Schema.optionalKey(Schema.Array(Schema.String)),
  expire: Schema.optionalKey(Schema.Array(Schema.String)),
  /** Held rows that are there afterwards, as alive as before. */
  keep: Schema.optionalKey(Schema.Array(Schema.String)),
  /** Held rows that say afterwards what they said before. */
  keepEdits: Schema.optionalKey(Schema.Array(Schema.String)),
  flag: Schema.optionalKey(Text),
  /** Instead of `merge` and `insert`, where the choice among equal rows is free. */
  mergeCount: Schema.optionalKey(Schema.Natural),
  insertCount: Schema.optionalKey(Schema.Natural),
})
type Case = typeof Case.Type

/** What was decided, in the words of the file. */
export interface Decided {
  readonly id: string
  readonly merge: { readonly [row: string]: string }
  readonly insert: ReadonlyArray<string>
  readonly review: ReadonlyArray<readonly [row: string, held: string]>
  readonly ignore: ReadonlyArray<string>
  readonly expire: ReadonlyArray<string>
  /** `backfill`, `gap <from>..<to>`, both, or none. */
  readonly flag: string | null
}

export interface File {
  readonly decided: ReadonlyArray<Decided>
  /** Cases that cannot be read. They stop no other. */
  readonly refused: ReadonlyArray<CaseFile.Refused>
  /** Fields that are not known, and were not considered. */
  readonly unknown: ReadonlyArray<CaseFile.Unknown>
}

/** Decides every case that can be read. Takes the parsed JSON of a file, an array of cases. */
export const decideFile = (json: unknown, policy: TransactionPolicy = current): File => {
  const { cases, refused, unknown } = CaseFile.read(Case, json)
  const decided = cases.map((one) => decidedOf(one, Transactions.reconcile(requestOf(one, policy))))
  return { decided, refused, unknown }
}

/** A case whose decision is not the one expected. */
export interface Failure {
  readonly id: string
  readonly differences: ReadonlyArray<string>
}

export interface Score {
  /** Cases that say what is expected. */
  readonly scored: number
  readonly right: number
  readonly failures: ReadonlyArray<Failure>
}

/** Compares the decisions with those that the file expects. */
export const score = (json: unknown, policy: TransactionPolicy = current): Score => {
  const { cases } = CaseFile.read(Case, json)
  const scored = cases.filter((one) => expectations.some((field) => one[field] !== undefined))
  const failures = scored.flatMap((one) => {
    const differences = differencesOf(one, policy)
    return differences.length === 0 ? [] : [{ id: one.id, differences }]
  })
  return { scored: scored.length, right: scored.length - failures.length, failures }
}

/** A case that has one of these is scored. */
const expectations = ["merge", "mergeCount", "insert", "review", "ignore", "expire"] as const

const requestOf = (one: Case, policy: TransactionPolicy): Transactions.Request => {
  const isUnstable = one.unstableRefs ?? false
  const row = (row: Case["inc"][number]): Transactions.Row => {
    const ref = row.ref ?? null
    return {
      id: row.id,
      date: row.date,
      authorized: row.auth ?? null,
      amount: row.amt,
      currency: row.cur,
      description: row.desc,
      merchant: row.merchant ?? null,
      pending: row.pending ?? false,
      transactionId: row.txid === undefined ? (isUnstable ? null : ref) : row.txid,
      pendingId: row.pendingId ?? null,
      counterparty: row.cp ?? null,
      check: row.check ?? null,
      references: ref !== null && (isUnstable || row.txid !== undefined) && ref !== row.txid ? [ref] : [],
      owner: row.owner ?? null,
      status: row.status ?? null,
    }
  }
  return {
    held: one.ex.map((held) => ({
      ...row(held),
      description: held.origDesc ?? held.desc,
      aliases: held.aliases ?? [],
      edited: held.edited ?? false,
      deleted: held.deleted ?? false,
      lapsed: false,
    })),
    delivered: one.inc.map(row),
    coverage: { held: intervalOf(one.cov), ...(one.fetched && { delivered: toInterval(one.fetched) }) },
    sameGeneration: one.sameGen ?? false,
    unstableReferences: isUnstable,
    ...(one.balances && { balances: balancesOf(one.balances) }),
    policy,
  }
}

const intervalOf = (days: Case["cov"]) => (days ? toInterval(days) : null)

const toInterval = ([from, to]: typeof Interval.Type): Transactions.Interval => ({ from, to })

const balancesOf = ({ closing, cur, opening }: NonNullable<Case["balances"]>) => ({
  currency: cur,
  opening: { date: opening.date, amount: opening.amt },
  closing: { date: closing.date, amount: closing.amt },
})

const decidedOf = ({ id }: Case, { decisions, expire, gap }: Transactions.Reconciliation): Decided => {
  const rows = (action: Transactions.Decision["action"]) =>
    decisions.flatMap((decision) => (decision.action === action ? [decision.row] : []))
  const isBackfill = decisions.some((decision) => decision.action === "insert" && decision.backfill)
  const unless = gap?.declared ? "" : " unless the new fetch proves it covers it"
  const flags = [isBackfill ? "backfill" : [], gap === null ? [] : `gap ${gap.from}..${gap.to}${unless}`].flat()
  return {
    id,
    merge: Object.fromEntries(
      decisions.flatMap((decision) => (decision.action === "merge" ? [[decision.row, decision.into]] : [])),
    ),
    insert: rows("insert"),
    review: decisions.flatMap((decision) =>
      decision.action === "review" ? decision.candidates.map((held) => [decision.row, held] as const) : [],
    ),
    ignore: rows("ignore"),
    expire: expire.map(({ held }) => held),
    flag: flags.length === 0 ? null : flags.join(", "),
  }
}

const differencesOf = (one: Case, policy: TransactionPolicy): ReadonlyArray<string> => {
  const request = requestOf(one, policy)
  const reconciliation = Transactions.reconcile(request)
  const decided = decidedOf(one, reconciliation)
  const after = new Map(
    Transactions.apply(request, reconciliation, (row) => `new ${row.id}`).map((row) => [row.id, row]),
  )
  const before = new Map(request.held.map((row) => [row.id, row]))
  const merged = Object.values(decided.merge)
  const same = (what: string, actual: ReadonlyArray<string>, expected: ReadonlyArray<string>) =>
    sorted(actual) === sorted(expected) ? [] : [`${what}: [${sorted(actual)}] instead of [${sorted(expected)}]`]

  const merges =
    one.mergeCount === undefined
      ? [
          ...same("merge", Object.keys(decided.merge), Object.keys(one.merge ?? {})),
          ...Object.entries(one.merge ?? {}).flatMap(([row, expected]) => {
            const into = decided.merge[row]
            const isRight = into === undefined || expected.split("|").includes(into)
            return isRight ? [] : [`merge: ${row} into ${into} instead of ${expected}`]
          }),
          ...same("insert", decided.insert, one.insert ?? []),
        ]
      : [
          ...same("merges", [`${merged.length}`], [`${one.mergeCount}`]),
          ...same("inserts", [`${decided.insert.length}`], [`${one.insertCount ?? 0}`]),
        ]
  const twice = one.sameGen || new Set(merged).size === merged.length ? [] : ["merge: two rows into one held row"]
  return [
    ...merges,
    ...twice,
    ...same("review", decided.review.map(String), (one.review ?? []).map(String)),
    ...same("ignore", decided.ignore, one.ignore ?? []),
    ...same("expire", decided.expire, one.expire ?? []),
    ...same("flag", [decided.flag ?? []].flat(), [one.flag ?? []].flat()),
    ...(one.keep ?? []).flatMap((id) =>
      after.get(id)?.deleted === before.get(id)?.deleted ? [] : [`keep: ${id} is gone`],
    ),
    ...(one.keepEdits ?? []).flatMap((id) =>
      wordsOf(after.get(id)) === wordsOf(before.get(id)) ? [] : [`keepEdits: ${id} was overwritten`],
    ),
  ]
}

const sorted = (texts: ReadonlyArray<string>) => texts.toSorted().join("; ")

const wordsOf = (row: Transactions.Held | undefined) =>
  row && JSON.stringify([row.date, row.authorized, row.amount, row.description, row.merchant, row.edited])
