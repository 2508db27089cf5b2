/**
 * A population of tenants whose connections to banks break and are made again, with the truth: which of the accounts that a
 * new connection delivers is which of those held.
 *
 * It exists to measure a policy: how often it links wrongly by itself, what it finds, what it asks. Everything is drawn
 * from a seed with whole numbers only, so that a seed gives the same population on every machine; a tenant depends on the
 * seed and its own number alone, so that any part of a population can be had without the rest, and none is kept in memory.
 *
 * ```ts
 * for (const reconnection of Population.reconnections(Population.defaults, { seed: 31, tenants: 1000 })) {
 *   // reconnection.held, reconnection.incoming → your decisions, against reconnection.truth
 * }
 * ```
 */
import * as Canonical from "../matching/Canonical.ts"
import { type Description } from "../matching/Profile.ts"
import { changedAccounts, institutionToday, openedAccounts } from "./population/Changes.ts"
import { describe, misspelt, type View } from "./population/Descriptions.ts"
import { type Institution, type Institutions, institutionsOf } from "./population/Institutions.ts"
import { type Happening, type Parameters } from "./population/Parameters.ts"
import * as Random from "./population/Random.ts"
import * as Tenants from "./population/Tenants.ts"

export {
  conservative,
  defaults,
  euOnly,
  type Happening,
  noNumbers,
  noOverlap,
  type Parameters,
  propertyManagers,
  stress,
  usOnly,
} from "./population/Parameters.ts"
export { type Hazard } from "./population/Tenants.ts"

/** One new or renewed connection of one tenant. */
export interface Reconnection {
  readonly tenantId: string
  readonly happening: Happening
  readonly connectionId: string
  /** The connection that the user asked to reconnect. None: the user added an account. */
  readonly intent: { readonly reconnect: string } | undefined
  readonly held: ReadonlyArray<Held>
  readonly incoming: ReadonlyArray<Incoming>
  /** For every incoming account that is held, the held accounts that it is: two where the store has it twice. */
  readonly truth: ReadonlyMap<string, ReadonlyArray<string>>
  /**
   * The same with the evidence that a provider gives when it is asked: numbers, holders and all the history that the
   * bank has. What was held stays as it was recorded.
   */
  readonly fetched: () => Pick<Reconnection, "held" | "incoming">
}

export interface Held {
  readonly accountId: string
  readonly connectionId: string
  readonly ownerId: string
  readonly provider: string
  /** Its connection works. */
  readonly isLive: boolean
  /** Days since it was last seen. */
  readonly dormantDays: number
  readonly description: Description
  readonly hazards: ReadonlyArray<Tenants.Hazard>
}

export interface Incoming {
  readonly source: string
  readonly connectionId: string
  readonly ownerId: string
  readonly provider: string
  readonly description: Description
  readonly hazards: ReadonlyArray<Tenants.Hazard>
}

export interface Extent {
  readonly seed: number
  readonly tenants: number
  /** Number of the first tenant: parts of one population do not meet. */
  readonly from?: number | undefined
}

/** One reconnection of every tenant. */
export function* reconnections(parameters: Parameters, { from = 0, seed, tenants }: Extent): Generator<Reconnection> {
  const institutions = institutionsOf(parameters)
  for (let tenant = from; tenant < from + tenants; tenant++)
    yield reconnectionOf(parameters, institutions, seed, tenant)
}

/** How often two accounts of one login at an institution show the same value: of so many pairs, so many were equal. */
export interface SharedValues {
  readonly iban: Shared
  readonly number: Shared
  readonly mask: Shared
}

export interface Shared {
  readonly pairs: number
  readonly equal: number
}

/** Counts the values that held accounts of one connection share, per institution: what a host would count over its tenants. */
export const sharedValues = (reconnections: Iterable<Reconnection>): ReadonlyMap<string, SharedValues> => {
  const counts = new Map<string, SharedValues>()
  for (const { held } of reconnections) {
    for (const [index, one] of held.entries()) {
      for (const other of held.slice(index + 1)) {
        const institution = Canonical.institutionId(one.description.institution?.id ?? "")
        if (one.connectionId !== other.connectionId || institution === undefined) continue
        counts.set(institution, plus(counts.get(institution) ?? nothing, one.description, other.description))
      }
    }
  }
  return counts
}

const nothing: SharedValues = {
  iban: { pairs: 0, equal: 0 },
  number: { pairs: 0, equal: 0 },
  mask: { pairs: 0, equal: 0 },
}

const plus = (counts: SharedValues, one: Description, other: Description): SharedValues => ({
  iban: one.currency === other.currency ? counted(counts.iban, one.iban, other.iban) : counts.iban,
  number: counted(counts.number, untokenized(one), untokenized(other)),
  mask: counted(counts.mask, one.mask, other.mask),
})

const counted = (shared: Shared, one: string | undefined, other: string | undefined): Shared =>
  one === undefined || other === undefined
    ? shared
    : { pairs: shared.pairs + 1, equal: shared.equal + (one === other ? 1 : 0) }

const untokenized = ({ number }: Description): string | undefined =>
  number === undefined || number.tokenized ? undefined : number.value

const reconnectionOf = (
  parameters: Parameters,
  institutions: Institutions,
  seed: number,
  tenant: number,
): Reconnection => {
  const chance = Random.make(seed, tenant)
  const bank = Tenants.bankOf(parameters, institutions, [seed, tenant], chance)
  const owners = Tenants.openOwners(bank)
  const logins = Tenants.openLogins(bank, owners)
  const happening = Random.weighted(chance, parameters.happenings)
  const login = Random.pick(chance, logins)
  const target =
    happening === "spouse"
      ? Tenants.openPartnerLogin(bank, login, owners[1])
      : happening === "fresh"
        ? Tenants.openFreshLogin(bank, owners[0], login)
        : login

  const consents = logins.map((one, index) =>
    consentTo(bank, one, `connection-${index}`, isReconnected(happening) && one === login),
  )
  const before = consents.find((consent) => consent.login === login)?.view
  const connectionId = (happening === "update" ? before?.connectionId : undefined) ?? "connection-new"
  const intent = before !== undefined && isAskedFor(happening, chance) ? { reconnect: before.connectionId } : undefined
  const stands = heldAccounts(bank, consents)
  const present = presentAccounts(bank, happening, target, before?.to ?? 0, stands)
  const view = viewOf(bank, target.institution, happening, connectionId)
  const isOther = isReconnected(happening) && Random.chance(chance, parameters.changes.otherOwner)
  const delivery: Delivery = {
    parameters,
    happening,
    owner: isOther ? owners[1] : target.owner,
    isOther: isOther && owners[1].id !== target.owner.id,
    present,
    seed: [seed, tenant, chance()],
  }
  const longest: View = {
    ...view,
    from: -target.institution.longestHistory,
    numbers: parameters.identifiers.numbers > 0,
    ibans: parameters.identifiers.ibans > 0,
    holders: true,
  }
  return {
    tenantId: `tenant-${tenant}`,
    happening,
    connectionId,
    intent,
    held: heldBeside(view, delivery, stands),
    incoming: incomingIn(view, delivery),
    truth: truthOf(present, stands.accounts),
    fetched: () => ({ held: heldBeside(longest, delivery, stands), incoming: incomingIn(longest, delivery) }),
  }
}

/** What the new connection has to deliver, and to whom. */
interface Delivery {
  readonly parameters: Parameters
  readonly happening: Happening
  readonly owner: Tenants.Owner
  /** The owner is not the one who connected the login before. */
  readonly isOther: boolean
  readonly present: ReadonlyArray<Tenants.OutsideAccount>
  readonly seed: readonly [number, number, number]
}

/** An earlier connection, as it was last seen. */
interface Consent {
  readonly login: Tenants.Login
  readonly ownerId: string
  readonly isLive: boolean
  readonly view: View
}

interface Stands {
  readonly accounts: ReadonlyArray<{
    readonly accountId: string
    readonly account: Tenants.OutsideAccount
    readonly consent: Consent
    readonly hazards: ReadonlyArray<Tenants.Hazard>
  }>
  /** Accounts of the login that will not come this time. */
  readonly unseen: ReadonlySet<number>
}

const isReconnected = (happening: Happening): boolean =>
  happening === "relink" || happening === "update" || happening === "providerChange"

/** Did the user ask to reconnect a connection that is held? One of ten spouses does, with credentials of their own. */
const isAskedFor = (happening: Happening, chance: Random.Random): boolean =>
  happening === "update" ||
  (happening === "relink" && Random.chance(chance, 0.5)) ||
  (happening === "spouse" && Random.chance(chance, 0.1))

const consentTo = (
  { parameters, random }: Tenants.Bank,
  login: Tenants.Login,
  connectionId: string,
  isBroken: boolean,
): Consent => {
  const isLive = isBroken ? Random.chance(random, 0.3) : Random.chance(random, 0.75)
  const to = isBroken || !isLive ? -Random.days(random, parameters.gapDays) - 1 : -Random.below(random, 2)
  const { holders, ibans, numbers } = parameters.identifiers
  return {
    login,
    ownerId: login.owner.id,
    isLive,
    view: {
      connectionId,
      provider: "plaid",
      institution: { id: login.institution.id, name: login.institution.name },
      numbers: Random.chance(random, numbers),
      ibans: Random.chance(random, ibans),
      holders: Random.chance(random, holders),
      from: to - Random.pick(random, parameters.historyDays) - Random.days(random, 150),
      to,
    },
  }
}

/** What the store has: every account once, joint ones under the login that came first, and some twice by mistake. */
const heldAccounts = (bank: Tenants.Bank, consents: ReadonlyArray<Consent>): Stands => {
  const { parameters, random } = bank
  const unseen = new Set<number>()
  const accounts: Array<Stands["accounts"][number]> = []
  const known = new Set<number>()
  for (const consent of consents) {
    for (const account of consent.login.accounts) {
      if (known.has(account.key)) continue
      known.add(account.key)
      const accountId = `account-${account.key}`
      accounts.push({ accountId, account, consent, hazards: account.hazards })
      if (Random.chance(random, parameters.changes.unselected + parameters.changes.closed)) unseen.add(account.key)
      if (!Random.chance(random, parameters.store.duplicated)) continue
      const to = consent.view.to - Random.days(random, 90) - 1
      const earlier = {
        ...consent,
        isLive: false,
        view: { ...consent.view, connectionId: `${consent.view.connectionId}-old`, from: to - 200, to },
      }
      const hazards = [...account.hazards, "duplicated" as const]
      accounts.push({ accountId: `${accountId}-again`, account, consent: earlier, hazards })
    }
  }
  return { accounts, unseen }
}

/** The accounts that the login has today and shows. */
const presentAccounts = (
  bank: Tenants.Bank,
  happening: Happening,
  target: Tenants.Login,
  lastSeen: number,
  { unseen }: Stands,
): ReadonlyArray<Tenants.OutsideAccount> => {
  const { parameters, random } = bank
  const kept = isReconnected(happening) ? changedAccounts(bank, target, -lastSeen) : target.accounts
  const opened = Random.chance(random, parameters.changes.opened) ? openedAccounts(bank, kept, lastSeen) : []
  const present = [...kept, ...opened].filter(({ key }) => !unseen.has(key))
  return Random.chance(random, parameters.changes.reordered) ? Random.shuffled(random, present) : present
}

const heldBeside = ({ from }: View, { parameters, seed }: Delivery, { accounts }: Stands): ReadonlyArray<Held> =>
  accounts.map(({ account, accountId, consent: { isLive, ownerId, view }, hazards }) => ({
    accountId,
    connectionId: view.connectionId,
    ownerId,
    provider: view.provider,
    isLive,
    dormantDays: -view.to,
    description: describe(
      parameters,
      account,
      `${view.connectionId}.${account.key}`,
      // A host keeps all it ever saw; of that, only the days that the new connection delivers too can be compared.
      { ...view, from: Math.min(view.to, Math.max(view.from, from)) },
      Random.make(...seed, hashOf(accountId)),
    ),
    hazards,
  }))

const incomingIn = (
  view: View,
  { happening, isOther, owner, parameters, present, seed }: Delivery,
): ReadonlyArray<Incoming> =>
  present.map((account, index) => {
    const chance = Random.make(...seed, index)
    const isChurned = happening === "update" && Random.chance(chance, parameters.changes.churned)
    const seen = seenThrough(view, happening, account, parameters, chance)
    const { connectionId, provider } = view
    return {
      source: `incoming-${index}`,
      connectionId,
      ownerId: owner.id,
      provider,
      description: describe(parameters, seen, `${connectionId}.${account.key}${isChurned ? "b" : ""}`, view, chance),
      hazards: [
        ...seen.hazards,
        ...(isChurned ? (["churned"] as const) : []),
        ...(isOther ? (["otherOwner"] as const) : []),
      ],
    }
  })

const viewOf = (bank: Tenants.Bank, institution: Institution, happening: Happening, connectionId: string): View => {
  const { parameters, random } = bank
  const { holders, ibans, numbers } = parameters.identifiers
  const isOther = happening === "providerChange"
  return {
    connectionId,
    provider: isOther ? "enablebanking" : "plaid",
    institution: isOther
      ? { id: `${institution.name.replaceAll(" ", "-")}-${institution.region}`, name: institution.name }
      : isReconnected(happening) && happening !== "update"
        ? institutionToday(bank, institution)
        : { id: institution.id, name: institution.name },
    numbers: Random.chance(random, numbers),
    ibans: Random.chance(random, ibans),
    holders: Random.chance(random, holders),
    from: -Math.min(Random.pick(random, parameters.historyDays), institution.longestHistory),
    to: 0,
  }
}

/** What the new connection makes of an account: another provider writes names and subtypes its own way. */
const seenThrough = (
  view: View,
  happening: Happening,
  account: Tenants.OutsideAccount,
  { bookings }: Parameters,
  chance: Random.Random,
): Tenants.OutsideAccount => {
  const pending = Random.chance(chance, bookings.rollsForward) ? 0 : Random.between(chance, -40_000, 40_000)
  const { id, name } = account.institution
  const hazards: ReadonlyArray<Tenants.Hazard> =
    happening === "providerChange" || (view.institution.id === id && view.institution.name === name)
      ? []
      : view.institution.id === id
        ? ["institutionRenamed"]
        : view.institution.name === name
          ? ["institutionMigrated"]
          : ["institutionMerged"]
  const seen = Tenants.marked({ ...account, balance: account.balance + pending }, ...hazards)
  if (happening !== "providerChange") return seen
  return {
    ...seen,
    persistentId: undefined,
    officialName: undefined,
    name: Random.chance(chance, 0.5) ? misspelt(account, chance) : account.name,
    subtype: Random.chance(chance, 0.2) ? "other" : account.subtype,
  }
}

const truthOf = (present: ReadonlyArray<Tenants.OutsideAccount>, held: Stands["accounts"]): Reconnection["truth"] =>
  new Map(
    present.flatMap(({ key }, index) => {
      const accountIds = held.filter(({ account }) => account.key === key).map(({ accountId }) => accountId)
      return accountIds.length === 0 ? [] : [[`incoming-${index}`, accountIds] as const]
    }),
  )

/** FNV-1a (Fowler, Noll, Vo; public domain). */
const hashOf = (text: string): number => {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return hash
}
