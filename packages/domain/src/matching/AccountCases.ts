/**
 * Files of cases: accounts held and accounts that come in, with or without what
 * should be decided, to try a policy on.
 */
import { Effect, Schema } from "effect"

import * as AccountMatching from "./AccountMatching.ts"
import * as CaseFile from "./CaseFile.ts"
import * as Decision from "./Decision.ts"
import * as Explanation from "./Explanation.ts"
import type { Policy } from "./Policy.ts"
import { type Bookings, type Description, profileOf } from "./Profile.ts"

const maybe = <S extends Schema.Top>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

const account = {
  id: Schema.String,
  tenant: Schema.String,
  owner: Schema.String,
  provider: Schema.String,
  /** Connection. */
  conn: Schema.String,
  /** Institution: id and name. */
  inst: maybe(Schema.String),
  instName: maybe(Schema.String),
  /** The provider's ids of the account, in this connection and across connections. */
  ext: maybe(Schema.String),
  pid: maybe(Schema.String),
  iban: maybe(Schema.String),
  /** `routing:account`, and whether it is tokenized. */
  num: maybe(Schema.String),
  numTok: maybe(Schema.Boolean),
  mask: maybe(Schema.String),
  name: maybe(Schema.String),
  official: maybe(Schema.String),
  type: maybe(Schema.String),
  sub: maybe(Schema.String),
  cur: maybe(Schema.String),
  status: maybe(Schema.Literals(["open", "closed"])),
  dormantDays: maybe(Schema.Natural),
  /** Booked balance in minor units. */
  balance: maybe(Schema.Finite),
  /** Bookings in the days that both sides cover: equal texts are one booking seen from both sides. */
  tx: Schema.optionalKey(Schema.Array(Schema.String)),
  /** The permanent account that several generations belong to. */
  fa: maybe(Schema.String),
}

const Held = Schema.Struct({ ...account, connStatus: maybe(Schema.String) })
const Incoming = Schema.Struct(account)
type Account = typeof Held.Type | typeof Incoming.Type

const Expected = Schema.Struct({
  action: Decision.Action,
  to: maybe(Schema.Union([Schema.String, Schema.Array(Schema.String)])),
  level: Decision.Level,
})

export const Case = Schema.Struct({
  id: Schema.String,
  /** Title, sources, what becomes of the connection, and why: for people. */
  t: Schema.optionalKey(Schema.String),
  src: Schema.optionalKey(Schema.Array(Schema.String)),
  conn: Schema.optionalKey(Schema.String),
  why: Schema.optionalKey(Schema.String),
  /** `reconnect:` and the connection that the owner asked to reconnect. */
  intent: maybe(Schema.TemplateLiteral(["reconnect:", Schema.String])),
  ex: Schema.Array(Held),
  inc: Schema.Array(Incoming),
  exp: Schema.optionalKey(Schema.Record(Schema.String, Expected)),
})
export type Case = typeof Case.Type

/** Reads a file's content. What is not known in it is refused by name and place. */
export const decode = Schema.decodeUnknownEffect(Schema.Array(Case), { errors: "all", onExcessProperty: "error" })

/** One decision in the words of the file. */
export interface Answer {
  readonly action: Decision.Action
  /** An account; for a review all candidates, best first; for a new account nothing. */
  readonly to: string | ReadonlyArray<string> | null
  readonly level: Decision.Level
}

export interface Decided {
  readonly id: string
  readonly decisions: Readonly<Record<string, Answer>>
  readonly explanations: Readonly<Record<string, ReadonlyArray<string>>>
  readonly outcomes: ReadonlyArray<Decision.Outcome>
  /** By incoming account, whether it is as expected. Empty where nothing is expected. */
  readonly isRight: Readonly<Record<string, boolean>>
}

/** Decides every incoming account of a case. */
export const decide = (policy: Policy, one: Case): Decided => {
  const tenants = [...new Set(one.inc.map(({ tenant }) => tenant))].map((tenantId) => {
    const grounds = AccountMatching.observe(questionOf(one, tenantId))
    const decisions = AccountMatching.decide(policy, grounds)
    return { decisions, outcomes: AccountMatching.outcomes(grounds, decisions) }
  })
  const decisions = tenants.flatMap(({ decisions }) => decisions)
  const byId = one.inc.flatMap(({ id }) => decisions.filter(({ source }) => source === id))
  return {
    id: one.id,
    decisions: Object.fromEntries(byId.map((decision) => [decision.source, answerOf(decision)])),
    explanations: Object.fromEntries(byId.map((decision) => [decision.source, Explanation.explain(decision)])),
    outcomes: tenants.flatMap(({ outcomes }) => outcomes),
    isRight: Object.fromEntries(
      Object.entries(one.exp ?? {}).map(([id, expected]) => {
        const decision = byId.find(({ source }) => source === id)
        return [id, decision !== undefined && isAsExpected(answerOf(decision), expected)]
      }),
    ),
  }
}

export interface File {
  readonly decided: ReadonlyArray<Decided>
  /** Cases that cannot be read. They stop no other. */
  readonly refused: ReadonlyArray<CaseFile.Refused>
  /** Fields that are not known, and were not considered. */
  readonly unknown: ReadonlyArray<CaseFile.Unknown>
}

/** Decides every case that can be read. Takes the parsed JSON of a file, an array of cases. */
export const decideFile = (json: unknown, policy: Policy): File => {
  const { cases, refused, unknown } = CaseFile.read(Case, json)
  return { decided: cases.map((one) => decide(policy, one)), refused, unknown }
}

/** What is printed for machines: nothing but the decisions. */
export const toJson = (decided: ReadonlyArray<Decided>) => decided.map(({ decisions, id }) => ({ id, decisions }))

/** Reads, decides and scores a file's content. */
export const run = Effect.fn("AccountCases.run")(function* (policy: Policy, content: unknown) {
  const decided = (yield* decode(content)).map((one) => decide(policy, one))
  const right = decided.flatMap(({ isRight }) => Object.values(isRight))
  return { decided, expected: right.length, right: right.filter(Boolean).length }
})

const questionOf = ({ ex, inc, intent }: Case, tenantId: string): AccountMatching.Question => {
  const amounts = new Map<string, number>()
  return {
    tenantId,
    ...(typeof intent === "string" && { reconnecting: intent.slice("reconnect:".length) }),
    held: ex.map((account) => heldOf(account, amounts)),
    incoming: inc.filter(({ tenant }) => tenant === tenantId).map((account) => incomingOf(account, amounts)),
  }
}

const heldOf = (account: typeof Held.Type, amounts: Map<string, number>): AccountMatching.Held => ({
  ...sideOf(account, amounts),
  accountId: account.id,
  tenantId: account.tenant,
  isLive: account.connStatus === "active",
  closed: account.status === "closed",
  generation: generations[account.connStatus ?? ""] ?? 1,
  accountGroup: account.fa ?? undefined,
  dormantDays: account.dormantDays ?? undefined,
})

const incomingOf = (account: typeof Incoming.Type, amounts: Map<string, number>): AccountMatching.Incoming => ({
  ...sideOf(account, amounts),
  source: account.id,
})

/** The newest link of a lineage is the one whose connection is nearest to working. */
const generations: Readonly<Record<string, number>> = { active: 2, superseded: 0 }

const sideOf = (account: Account, amounts: Map<string, number>) => ({
  connectionId: account.conn,
  ownerId: account.owner,
  provider: account.provider,
  profile: profileOf(descriptionOf(account), (kind, canonical) => `${kind} ${canonical}`),
  ...(account.tx !== undefined && account.tx.length > 0 && { bookings: bookingsOf(account.tx, amounts) }),
  ...(typeof account.balance === "number" && { balance: { amount: account.balance, on: day } }),
})

const descriptionOf = (account: Account): Description => {
  const isMailbox = account.type === "mailbox"
  return {
    externalId: account.ext ?? account.id,
    // The id of a mailbox is its owner's at the provider: it is the same in every connection.
    persistentId: account.pid ?? (isMailbox ? (account.ext ?? undefined) : undefined),
    institution: { id: account.inst ?? undefined, name: account.instName ?? undefined },
    iban: account.iban ?? undefined,
    number: typeof account.num === "string" ? { value: account.num, tokenized: account.numTok === true } : undefined,
    mask: account.mask ?? undefined,
    name: isMailbox ? undefined : (account.name ?? undefined),
    email: isMailbox ? (account.name ?? undefined) : undefined,
    officialName: account.official ?? undefined,
    type: account.type ?? undefined,
    subtype: account.sub ?? undefined,
    currency: account.cur ?? undefined,
  }
}

const day = "2026-01-15"

/** Every text stands for an amount of its own, and every repetition of it for another: shared as often as both have it. */
const bookingsOf = (tx: ReadonlyArray<string>, amounts: Map<string, number>): Bookings => {
  const times = new Map<string, number>()
  const rows = tx.map((text) => {
    const time = (times.get(text) ?? 0) + 1
    times.set(text, time)
    const key = JSON.stringify([text, time])
    const amount = amounts.get(key) ?? amounts.size * 100 + 1231
    amounts.set(key, amount)
    return { on: day, amount }
  })
  return { from: "2026-01-01", to: "2026-01-31", rows }
}

const answerOf = ({ action, candidates, level, target }: Decision.Decision): Answer => ({
  action,
  to: action === "review" ? candidates.map(({ accountId }) => accountId) : (target ?? null),
  level,
})

const isAsExpected = (answer: Answer, { action, level, to }: typeof Expected.Type) => {
  const idsOf = (to: Answer["to"] | undefined) => [to ?? []].flat().toSorted().join("\n")
  return answer.action === action && answer.level === level && idsOf(answer.to) === idsOf(to)
}
