/**
 * Cases of reconciliation in a file: rows held, rows delivered and, where somebody wrote them down, the decisions
 * expected. People try a policy on their own data with it, and the rules are tested by it.
 *
 * A field that is not known is refused by name and place: a misspelt `pendig` would silently decide something else.
 */
import { Result, Schema } from "effect"

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
  t: Schema.optionalKey(Schema.String),
  src: Schema.optionalKey(Schema.Array(Schema.String)),
  why: Schema.optionalKey(Schema.String),
  /** What the old generation fully covered. */
  cov: Schema.optionalKey(Schema.NullOr(Interval)),
  /** What the new fetch fully covers, where that is known. */
  fetched: Schema.optionalKey(Interval),
  balances: Schema.optionalKey(Schema.Struct({ cur: Schema.String, opening: Balance, closing: Balance })),
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
  flag: Schema.optionalKey(Schema.String),
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

/** A case that could not be read: what is wrong, and where. Never a value. */
export interface Refused {
  /** The `id` of the case, or its place in the file. */
  readonly id: string
  readonly problem: string
}

export interface File {
  readonly decided: ReadonlyArray<Decided>
  readonly refused: ReadonlyArray<Refused>
}

/** Decides every case that can be read. Takes the parsed JSON of a file, an array of cases. */
export const decideFile = (json: unknown, policy: TransactionPolicy = current): File => {
  const { cases, refused } = read(json)
  return { decided: cases.map((one) => decidedOf(one, Transactions.reconcile(requestOf(one, policy)))), refused }
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
  readonly refused: ReadonlyArray<Refused>
}

/** Compares the decisions with those that the file expects. */
export const score = (json: unknown, policy: TransactionPolicy = current): Score => {
  const { cases, refused } = read(json)
  const scored = cases.filter((one) => one.merge !== undefined || one.mergeCount !== undefined)
  const failures = scored.flatMap((one) => {
    const differences = differencesOf(one, policy)
    return differences.length === 0 ? [] : [{ id: one.id, differences }]
  })
  return { scored: scored.length, right: scored.length - failures.length, failures, refused }
}

const read = (json: unknown): { readonly cases: ReadonlyArray<Case>; readonly refused: ReadonlyArray<Refused> } => {
  if (!Array.isArray(json)) return { cases: [], refused: [{ id: "", problem: "Expected an array of cases" }] }
  const results = json.map((one: unknown, place) => ({ id: nameOf(one, place), result: readCase(one) }))
  const seen = new Set<string>()
  const cases: Array<Case> = []
  const refused: Array<Refused> = []
  for (const { id, result } of results) {
    if (Result.isFailure(result)) refused.push({ id, problem: result.failure })
    else if (seen.has(id)) refused.push({ id, problem: "Expected an id of its own" })
    else cases.push(result.success)
    seen.add(id)
  }
  return { cases, refused }
}

const decode = Schema.decodeUnknownResult(Case, { onExcessProperty: "error", errors: "all" })

const readCase = (json: unknown): Result.Result<Case, string> => {
  const decoded = Result.mapError(decode(json), ({ message }) => message)
  return Result.flatMap(decoded, (one) => {
    const twice = [...repeated("ex", one.ex), ...repeated("inc", one.inc)]
    return twice.length === 0 ? Result.succeed(one) : Result.fail(twice.join("\n"))
  })
}

const repeated = (side: string, rows: ReadonlyArray<{ readonly id: string }>) => {
  const seen = new Set<string>()
  return rows.flatMap(({ id }, place) => {
    const isRepeated = seen.has(id)
    seen.add(id)
    return isRepeated ? [`Expected an id of its own\n  at ["${side}"][${place}]["id"]`] : []
  })
}

const nameOf = (json: unknown, place: number): string =>
  typeof json === "object" && json !== null && "id" in json && typeof json.id === "string" ? json.id : `[${place}]`

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
