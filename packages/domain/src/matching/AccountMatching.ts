/**
 * Which of the accounts held is the one that comes in: an answer where the
 * evidence all but proves it, otherwise a question.
 *
 * ```text
 * observe ──▶ grounds ──▶ weigh every pair ──▶ assign one to one ──▶ level ──▶ action
 *                         vetoes, caps         all at once, with     what is   what is done
 *                         sum = score          each one's margin     known     about it
 * ```
 *
 * - What was linked before is looked up, never guessed.
 * - Missing evidence says nothing. Evidence of one sort counts once.
 * - An account is linked by itself only where the best explanation without that link is far behind (the margin), nothing
 *   contradicts, and two independent sorts of evidence agree; or where an identifier says so that nobody else carries.
 * - Who it is (the level) and what is done (the action) are two questions.
 */
import * as Assignment from "./Assignment.ts"
import type * as Decision from "./Decision.ts"
import type { Grounds, Label, Pair } from "./Evidence.ts"
import type { Policy } from "./Policy.ts"
import * as Weighing from "./Weighing.ts"

export {
  type Binding,
  blockingKeys,
  Grounds,
  type Held,
  type Incoming,
  lookupKeys,
  type Question,
  type SharedValues,
} from "./Evidence.ts"
export { observe } from "./Observing.ts"

/** Decides every incoming account. The same grounds and policy give the same decisions, to the byte. */
export const decide = (policy: Policy, grounds: Grounds): ReadonlyArray<Decision.Decision> => {
  const table = tableOf(policy, grounds)
  const linked = new Map<number, Linked>()
  for (const [row, { known }] of grounds.incoming.entries()) {
    const link = known === undefined ? proven(policy, table, row) : recorded(table, row, known)
    if (link !== undefined) linked.set(row, link)
  }
  const inConflict = conflictingConnections(policy, table)
  for (const [row, { isFact }] of linked) {
    if (!isFact && inConflict.has(grounds.incoming[row]?.connectionId ?? "")) linked.delete(row)
  }
  const taken = new Set([...linked.values()].map(({ group }) => group))
  const decisions = grounds.incoming.map((fresh, row) => {
    const link = linked.get(row)
    return link === undefined
      ? asked(policy, table, row, taken, inConflict.has(fresh.connectionId))
      : linkedBy(policy, table, fresh, link)
  })
  return refuseMismatch(table, decisions)
}

/** What becomes of every connection that the decisions are about. */
export const outcomes = (
  grounds: Grounds,
  decisions: ReadonlyArray<Decision.Decision>,
): ReadonlyArray<Decision.Outcome> => {
  const connections = [...new Set(decisions.map(({ connectionId }) => connectionId))]
  return connections.map((connectionId) => {
    const own = decisions.filter((decision) => decision.connectionId === connectionId)
    const previous = (action: Decision.Action) =>
      unique(
        own
          .filter((decision) => decision.action === action)
          .map(({ target }) => grounds.accounts.find(({ accountId }) => accountId === target)?.connectionId)
          .filter((id) => id !== undefined),
      )
    const linked = previous("auto")
    const beside = previous("shared")
    const supersedes = linked.filter((id) => id !== connectionId)
    return {
      connectionId,
      becomes: own.some(({ action }) => action === "reject")
        ? "rejected"
        : linked.includes(connectionId)
          ? "reauthorized"
          : supersedes.length > 0
            ? "reconnected"
            : beside.length > 0
              ? "shared"
              : "parallel",
      isPending: own.some(({ action }) => action === "review"),
      supersedes,
      beside,
    }
  })
}

type Fresh = Grounds["incoming"][number]
type Account = Grounds["accounts"][number]

type Weighed = Weighing.Weighed

/** A permanent account: its newest generation, and who has it live. */
interface Group {
  readonly newest: Account
  readonly generations: ReadonlyArray<Account>
}

interface Table {
  readonly grounds: Grounds
  readonly scale: Weighing.Scale
  readonly groups: ReadonlyArray<Group>
  /** Best first, without those that are vetoed; of the generations of one account, the one that fits best. */
  readonly byRow: ReadonlyArray<ReadonlyArray<Weighed>>
  readonly byGroup: ReadonlyMap<number, ReadonlyArray<Weighed>>
  readonly vetoed: ReadonlyArray<Weighed>
  readonly assigned: ReadonlyMap<number, Assignment.Chosen>
}

/** A link that is made without asking. */
interface Linked {
  readonly group: number
  readonly target: Group | undefined
  readonly accountId: string
  readonly level: "exact" | "high"
  readonly margin: number
  /** Recorded before, or one connection's own id: no conflict elsewhere touches it. */
  readonly isFact: boolean
  readonly weighed: Weighed | undefined
}

const tableOf = (policy: Policy, grounds: Grounds): Table => {
  const generations = new Map<string, Array<Account>>()
  for (const account of grounds.accounts) push(generations, account.group, account)
  const names = [...generations.keys()].toSorted()
  const groupAt = new Map(names.map((name, at) => [name, at]))
  const groups = names.map((name) => groupOf(generations.get(name) ?? []))

  const scale = Weighing.scaleOf(policy)
  const best = new Map<number, Weighed>()
  const vetoed: Array<Weighed> = []
  for (const pair of grounds.pairs) {
    const group = groupAt.get(grounds.accounts[pair.account]?.group ?? "")
    if (group === undefined) continue
    const weighed = scale.weigh(pair, group)
    const key = pair.incoming * groups.length + group
    const other = best.get(key)
    if (weighed.isVetoed) vetoed.push(weighed)
    else if (other === undefined || weighed.score > other.score) best.set(key, weighed)
  }
  const byRow = grounds.incoming.map(() => new Array<Weighed>())
  const byGroup = new Map<number, Array<Weighed>>()
  for (const weighed of [...best.values()].toSorted(byScore)) {
    byRow[weighed.row]?.push(weighed)
    push(byGroup, weighed.group, weighed)
  }

  const bound = new Set(grounds.incoming.map(({ known }) => known))
  const isBound = ({ generations }: Group) => generations.some(({ accountId }) => bound.has(accountId))
  const free = groups.map((group) => !isBound(group))
  const isOpen = ({ group, row }: Weighed) => free[group] === true && grounds.incoming[row]?.known === undefined
  const assigned = assign(scale, [...best.values()].filter(isOpen))
  return { grounds, scale, groups, byRow, byGroup, vetoed, assigned }
}

/**
 * Who is assigned to whom, by what is known; and by what margin, where every rival is given all that it could claim. What
 * a value says gets less with everybody who is found to carry it: were a rival's claim to get less with them, too, a link
 * would become more certain by an account that has nothing to do with it.
 */
const assign = (scale: Weighing.Scale, open: ReadonlyArray<Weighed>): ReadonlyMap<number, Assignment.Chosen> => {
  const edgeOf = ({ group, row }: Weighed, weight: number): Assignment.Edge => ({ row, column: group, weight })
  const known = Assignment.assign(open.map((weighed) => edgeOf(weighed, weighed.score)))
  const [byRow, byGroup] = [new Map<number, Weighed>(), new Map<number, Weighed>()]
  for (const weighed of open) {
    if (known.get(weighed.row)?.column !== weighed.group) continue
    byRow.set(weighed.row, weighed)
    byGroup.set(weighed.group, weighed)
  }
  const claims: Array<Assignment.Edge> = []
  let isContested = false
  for (const weighed of open) {
    const link = byRow.get(weighed.row) ?? byGroup.get(weighed.group)
    if (link === undefined) continue
    const claim = weighed === link ? weighed.score : scale.claimOf(weighed, link)
    if (claim > 0 && claim > weighed.score) isContested = true
    claims.push(edgeOf(weighed, claim))
  }
  if (!isContested) return known
  const contested = Assignment.assign(claims)
  const marginOf = (row: number, { column, margin }: Assignment.Chosen) => {
    const other = contested.get(row)
    return other?.column === column ? Math.min(margin, other.margin) : 0
  }
  return new Map([...known].map(([row, chosen]) => [row, { ...chosen, margin: marginOf(row, chosen) }]))
}

/** What was linked before is linked. */
const recorded = (table: Table, row: number, accountId: string): Linked => {
  const at = table.groups.findIndex(({ generations }) => generations.some((account) => account.accountId === accountId))
  const weighed = table.byRow[row]?.find(({ group }) => group === at)
  return { group: at, target: table.groups[at], accountId, level: "exact", margin: certain, isFact: true, weighed }
}

const proven = (policy: Policy, table: Table, row: number): Linked | undefined => {
  const choice = table.assigned.get(row)
  const weighed = table.byRow[row]?.find(({ group }) => group === choice?.column)
  const target = weighed === undefined ? undefined : table.groups[weighed.group]
  if (choice === undefined || weighed === undefined || target === undefined || weighed.caps.length > 0) return undefined
  const { margin } = choice
  const level = levelOf(policy, weighed, margin)
  const isFact = weighed.pair.observed.some(({ label }) => label === "externalId.same")
  return level === undefined
    ? undefined
    : { group: weighed.group, target, accountId: target.newest.accountId, level, margin, isFact, weighed }
}

const levelOf = ({ thresholds }: Policy, { isCorroborated, isIdentified, score }: Weighed, margin: number) => {
  if (isIdentified && margin >= thresholds.exact.margin) return "exact"
  const { high } = thresholds
  return isCorroborated && score >= high.score && margin >= high.margin ? "high" : undefined
}

/**
 * Connections that say two things at once: an account that all but proves to be one held, and belongs to somebody
 * else; or two accounts with the one id that the provider gives to one. Nothing of them is linked without asking.
 */
const conflictingConnections = ({ thresholds }: Policy, { assigned, byRow, grounds }: Table): ReadonlySet<string> => {
  const conflicting = new Set<string>()
  const wanted = new Set<string>()
  for (const [row, { connectionId }] of grounds.incoming.entries()) {
    for (const { caps, group, pair, score } of byRow[row] ?? []) {
      const isDisjoint = caps.includes("holders.disjoint") && score >= thresholds.medium.score
      if (isDisjoint && assigned.get(row)?.column === group) conflicting.add(connectionId)
      if (!isHeldTwice(pair)) continue
      const claim = `${group} ${connectionId}`
      if (wanted.has(claim)) conflicting.add(connectionId)
      wanted.add(claim)
    }
  }
  return conflicting
}

const isHeldTwice = ({ observed }: Pair) =>
  observed.some(({ carriers = 1, label }) => label === "persistentId.same" && carriers > 1)

const linkedBy = (
  policy: Policy,
  { scale }: Table,
  { connectionId, ownerId, source }: Fresh,
  link: Linked,
): Decision.Decision => {
  const { accountId, level, margin, target, weighed } = link
  const isAnothers = target?.generations.some(
    (account) => account.isLive && account.ownerId !== ownerId && account.connectionId !== connectionId,
  )
  return {
    source,
    connectionId,
    action: isAnothers === true ? "shared" : "auto",
    level,
    target: accountId,
    candidates: weighed === undefined || target === undefined ? [] : [candidateOf(scale, weighed, target, [])],
    score: weighed?.score ?? 0,
    margin,
    missing: [],
    wouldBeHighIf: [],
    policy: policy.version,
  }
}

/** Not proven: a question where there is anybody to ask about, a new account where there is not. */
const asked = (
  policy: Policy,
  table: Table,
  row: number,
  taken: ReadonlySet<number>,
  isConnectionInConflict: boolean,
): Decision.Decision => {
  const { connectionId = "", source = "" } = table.grounds.incoming[row] ?? {}
  const chosen = table.assigned.get(row)
  const plausible = (table.byRow[row] ?? []).filter(({ score }) => score >= policy.thresholds.low.score)
  const free = plausible.filter(({ group }) => !taken.has(group))
  const replaced = (table.byRow[row] ?? []).filter(
    (weighed) => taken.has(weighed.group) && isReplacement(policy, table, weighed),
  )
  const ranked = chosenFirst(free.length > 0 ? free : replaced, chosen?.column)
  const [first] = ranked
  if (first === undefined) {
    return { ...nothing, source, connectionId, action: "create", level: "none", policy: policy.version }
  }
  const margin = chosen?.column === first.group ? chosen.margin : 0
  const shown = ranked.filter((weighed) => weighed === first || weighed.score >= first.score - policy.thresholds.rivals)
  return {
    source,
    connectionId,
    action: "review",
    level: free.length > 0 && isLikely(policy, table, first, free, taken) ? "medium" : "low",
    candidates: shown.flatMap((weighed) => {
      const group = table.groups[weighed.group]
      const obstacles = obstaclesOf(policy, weighed, weighed === first ? margin : 0, taken, isConnectionInConflict)
      return group === undefined ? [] : [candidateOf(table.scale, weighed, group, obstacles)]
    }),
    score: first.score,
    margin,
    missing: first.pair.missing,
    wouldBeHighIf: liftsOf(policy, table, first, margin, isConnectionInConflict),
    policy: policy.version,
  }
}

const nothing = { candidates: [], score: 0, margin: 0, missing: [], wouldBeHighIf: [] }

/** A card that went quiet, and another that looks like it: perhaps its successor, though the old one is still there. */
const isReplacement = ({ dormantDays }: Policy, { groups }: Table, { group, pair }: Weighed) =>
  pair.observed.some(({ label }) => label === "mask.differsOnCard") &&
  pair.observed.some(({ label }) => label === "name.same") &&
  (groups[group]?.newest.dormantDays ?? 0) >= dormantDays

/** More than a guess: the score says so, or a number or the name does, or nobody else is left on either side. */
const isLikely = (
  { thresholds }: Policy,
  { byGroup, byRow, scale }: Table,
  { group, pair, row, score }: Weighed,
  free: ReadonlyArray<Weighed>,
  taken: ReadonlySet<number>,
) => {
  const evidence = scale.evidenceOf(pair)
  const has = (...labels: ReadonlyArray<string>) => evidence.some(({ label }) => labels.includes(label))
  const isAtHome = !pair.observed.some(({ label }) => label === "institution.differs")
  const isNumbered = has("iban.shared", "iban.unproven", "number.shared", "number.unproven", "persistentId.shared")
  if (score >= thresholds.medium.score || isNumbered || (isAtHome && has("name.same"))) return true
  const isWantedElsewhere = (byGroup.get(group) ?? []).some(
    (other) =>
      other.row !== row &&
      other.score >= thresholds.low.score &&
      !(byRow[other.row] ?? []).some((better) => taken.has(better.group) && better.score > other.score),
  )
  return has("name.similar") && free.length === 1 && !isWantedElsewhere
}

const obstaclesOf = (
  { thresholds: { high } }: Policy,
  { caps, group, isCorroborated, score }: Weighed,
  margin: number,
  taken: ReadonlySet<number>,
  isConnectionInConflict: boolean,
): ReadonlyArray<Decision.Obstacle> => [
  ...caps,
  ...(taken.has(group) ? (["taken"] as const) : []),
  ...(score < high.score ? (["weak"] as const) : []),
  ...(score >= high.score && margin < high.margin ? (["rival"] as const) : []),
  ...(isCorroborated ? [] : (["uncorroborated"] as const)),
  ...(isConnectionInConflict ? (["connection"] as const) : []),
]

/** Each of the things that alone would have made it high. Where something contradicts, none would. */
const liftsOf = (
  policy: Policy,
  { scale }: Table,
  weighed: Weighed,
  margin: number,
  isConnectionInConflict: boolean,
): ReadonlyArray<Decision.Lift> => {
  const { amounts, corroboration, thresholds, weights } = policy
  if (weighed.caps.length > 0 || isConnectionInConflict) return []
  const known = scale.evidenceOf(weighed.pair)
  const sumOf = (family: Decision.Family) =>
    known.reduce((sum, bar) => (bar.family === family ? sum + bar.milliBits : sum), 0)
  const possible: ReadonlyArray<readonly [Decision.Lift, Decision.Evidence, number]> = [
    ["balance", bar("balance", "balance.rolls", weights["balance.rolls"].milliBits), sumOf("balance")],
    ["history", bar("bookings", "bookings", amounts.mostTogether), sumOf("bookings")],
    ["name", bar("name", "name.same", weights["name.same"].milliBits), sumOf("name")],
    ["numbers", bar("number", "number.same", weights["number.same"].milliBits), sumOf("number")],
  ]
  const lead = Math.min(margin, weighed.score)
  return possible
    .filter(([lift, bar, now]) => {
      const gain = bar.milliBits - now
      const evidence = [...known.filter(({ family }) => family !== bar.family), bar]
      const isEnough = lift === "numbers" || Weighing.agreesEnough(policy, evidence, corroboration.amounts)
      return (
        gain > 0 && isEnough && weighed.score + gain >= thresholds.high.score && lead + gain >= thresholds.high.margin
      )
    })
    .map(([lift]) => lift)
}

const bar = (family: Decision.Family, label: Decision.Evidence["label"], milliBits: number): Decision.Evidence => ({
  family,
  label,
  milliBits,
})

/**
 * Refuses a connection that was to be a reconnection and is another identity: nothing of it goes together with what
 * the old one had, and identifiers that both have differ.
 */
const refuseMismatch = (
  table: Table,
  decisions: ReadonlyArray<Decision.Decision>,
): ReadonlyArray<Decision.Decision> => {
  const { byRow, grounds, groups, scale, vetoed } = table
  if (grounds.reconnecting === undefined) return decisions
  const own = new Set(
    [...groups.entries()]
      .filter(([, { generations }]) => generations.some(({ connectionId }) => connectionId === grounds.reconnecting))
      .map(([at]) => at),
  )
  const ownIds = new Set([...own].flatMap((at) => groups[at]?.generations.map(({ accountId }) => accountId) ?? []))
  const isFollowed = decisions.some(
    ({ candidates, target }) =>
      (target !== undefined && ownIds.has(target)) || candidates.some(({ accountId }) => ownIds.has(accountId)),
  )
  const pairs = [...byRow.flat(), ...vetoed].filter(({ group }) => own.has(group)).toSorted(byScore)
  const isContradicted = pairs.some(({ pair }) => pair.observed.some(({ label }) => contradictions.has(label)))
  if (isFollowed || !isContradicted) return decisions
  return decisions.map((decision, row) => {
    const nearest = pairs.find((pair) => pair.row === row) ?? pairs[0]
    const group = nearest === undefined ? undefined : groups[nearest.group]
    if (nearest === undefined || group === undefined) return decision
    return {
      ...decision,
      ...nothing,
      action: "reject",
      level: "none",
      target: group.newest.accountId,
      candidates: [candidateOf(scale, nearest, group, [...nearest.caps, "mismatch"])],
      score: nearest.score,
    }
  })
}

const contradictions: ReadonlySet<string> = new Set<Label>(["iban.differs", "number.differs", "persistentId.differs"])

const candidateOf = (
  scale: Weighing.Scale,
  { pair, score }: Weighed,
  { newest }: Group,
  obstacles: ReadonlyArray<Decision.Obstacle>,
): Decision.Candidate => ({
  accountId: newest.accountId,
  connectionId: newest.connectionId,
  score,
  evidence: scale.evidenceOf(pair),
  obstacles,
})

const groupOf = (generations: ReadonlyArray<Account>): Group => {
  const [first, ...rest] = generations
  if (first === undefined) throw new Error("A group has at least one account")
  return { generations, newest: rest.reduce((newest, account) => (isNewer(account, newest) ? account : newest), first) }
}

const isNewer = (one: Account, other: Account) => {
  if (one.isLive !== other.isLive) return one.isLive
  return one.generation === other.generation ? one.accountId > other.accountId : one.generation > other.generation
}

const chosenFirst = (ranked: ReadonlyArray<Weighed>, column: number | undefined) => {
  const chosen = ranked.filter(({ group }) => group === column)
  return [...chosen, ...ranked.filter(({ group }) => group !== column)]
}

const byScore = (one: Weighed, other: Weighed) =>
  other.score - one.score || one.row - other.row || one.group - other.group

/** More than any evidence adds up to. */
const certain = 100_000

const push = <K, A>(lists: Map<K, Array<A>>, key: K, value: A) => {
  const list = lists.get(key)
  if (list === undefined) lists.set(key, [value])
  else list.push(value)
}

const unique = <A>(values: ReadonlyArray<A>): ReadonlyArray<A> => [...new Set(values)]
