/**
 * An Item: one generation of a login. Connecting the same login again makes another one, with other ids for everything.
 *
 * What it knows of transactions is what it pulled from the bank when it could; what happened at the bank while it was
 * broken comes with the first pull after it was mended.
 */
import { Schema } from "effect"

import type { Bank, BankChange, Login, RealAccount, RealTransaction } from "./Bank.ts"
import { daysBefore } from "./Day.ts"
import type { Ids } from "./Ids.ts"
import { Institution } from "./Institutions.ts"
import { type Delivered, SyncLog } from "./SyncLog.ts"

/** An account as the Item shows it. */
export interface SharedAccount {
  readonly accountId: string
  readonly persistentAccountId: string | undefined
  readonly real: RealAccount
}

const Grant = Schema.Struct({
  /** How often the person has shared it: a second time makes a new account of it. */
  times: Schema.Natural,
  isShared: Schema.Boolean,
  churns: Schema.Natural,
  /** How much of the account's history at the bank was pulled. */
  seen: Schema.Natural,
})
type Grant = typeof Grant.Type

const UpdateStatus = Schema.Literals(["NOT_READY", "INITIAL_UPDATE_COMPLETE", "HISTORICAL_UPDATE_COMPLETE"])
export type UpdateStatus = typeof UpdateStatus.Type

const Time = Schema.NullOr(Schema.Finite)

/** All but what it said of transactions, which only grows: `said` tells how much there is of it. Times in milliseconds. */
export const Outline = Schema.Struct({
  id: Schema.String,
  loginId: Schema.String,
  institution: Institution,
  createdAt: Schema.Finite,
  accessToken: Schema.String,
  webhook: Schema.NullOr(Schema.String),
  products: Schema.Array(Schema.String),
  error: Schema.NullOr(Schema.Struct({ code: Schema.String, reason: Schema.NullOr(Schema.String) })),
  /** `removed` by the application, `revoked` by the person at Plaid. */
  ended: Schema.NullOr(Schema.Literals(["removed", "revoked"])),
  consentExpiresAt: Time,
  /** When the bank cuts it off for good, once that is known. */
  disconnectsAt: Time,
  expiryWasAnnounced: Schema.Boolean,
  hasSynced: Schema.Boolean,
  lastUpdateAt: Time,
  lastFailureAt: Time,
  lastWebhook: Schema.NullOr(Schema.Struct({ code: Schema.String, at: Schema.Finite })),
  status: UpdateStatus,
  wanted: Schema.NullOr(Schema.Struct({ at: Schema.Finite, since: Schema.String })),
  grants: Schema.Array(Schema.Struct({ account: Schema.String, ...Grant.fields })),
  hiddenAccounts: Schema.Array(Schema.String),
  cursorAge: Schema.optionalKey(Schema.Natural),
  said: Schema.Natural,
})
export type Outline = typeof Outline.Type

/** What an Item said of transactions: each entry names an account of the list, and a change in that account's history. */
export const Said = Schema.Struct({
  accounts: Schema.Array(Schema.Struct({ accountId: Schema.String, account: Schema.String })),
  entries: Schema.Array(
    Schema.Tuple([Schema.Literals(["added", "modified", "removed"]), Schema.Natural, Schema.Natural]),
  ),
})
export type Said = typeof Said.Type

/** How long Plaid takes to pull the last 30 days, and the rest, in milliseconds after transactions were first wanted. */
export interface Readiness {
  readonly initial: number
  readonly historical: number
}

export class SimulatedItem {
  readonly id: string
  readonly loginId: string
  readonly institution: Institution
  readonly createdAt: number
  readonly log: SyncLog
  accessToken: string
  webhook: string | null
  products: ReadonlySet<string>
  error: Outline["error"]
  ended: Outline["ended"]
  consentExpiresAt: number | null
  disconnectsAt: number | null
  expiryWasAnnounced: boolean
  hasSynced: boolean
  lastUpdateAt: number | null
  lastFailureAt: number | null
  lastWebhook: Outline["lastWebhook"]
  status: UpdateStatus
  private readonly ids: Ids
  private readonly grants: Map<string, Grant>
  private wanted: Outline["wanted"]

  private constructor(ids: Ids, outline: Outline) {
    this.ids = ids
    this.id = outline.id
    this.loginId = outline.loginId
    this.institution = outline.institution
    this.createdAt = outline.createdAt
    this.accessToken = outline.accessToken
    this.webhook = outline.webhook
    this.products = new Set(outline.products)
    this.error = outline.error
    this.ended = outline.ended
    this.consentExpiresAt = outline.consentExpiresAt
    this.disconnectsAt = outline.disconnectsAt
    this.expiryWasAnnounced = outline.expiryWasAnnounced
    this.hasSynced = outline.hasSynced
    this.lastUpdateAt = outline.lastUpdateAt
    this.lastFailureAt = outline.lastFailureAt
    this.lastWebhook = outline.lastWebhook
    this.status = outline.status
    this.wanted = outline.wanted
    this.grants = new Map(outline.grants.map(({ account, ...grant }) => [account, grant]))
    this.log = new SyncLog(this.id, outline.cursorAge)
  }

  static connect(
    ids: Ids,
    options: {
      readonly login: Login
      readonly institution: Institution
      readonly webhook: string | null
      readonly products: ReadonlyArray<string>
      readonly now: number
      readonly consentExpiresAt: number | null
    },
  ) {
    return new SimulatedItem(ids, {
      id: ids.next("item"),
      accessToken: `access-sandbox-${ids.nextUuid("access_token")}`,
      loginId: options.login.id,
      institution: options.institution,
      webhook: options.webhook,
      products: options.products,
      createdAt: options.now,
      consentExpiresAt: options.consentExpiresAt,
      error: null,
      ended: null,
      disconnectsAt: null,
      expiryWasAnnounced: false,
      hasSynced: false,
      lastUpdateAt: null,
      lastFailureAt: null,
      lastWebhook: null,
      status: "NOT_READY",
      wanted: null,
      grants: [],
      hiddenAccounts: [],
      said: 0,
    })
  }

  /** As it was, saying again all that it had said; throws where the parts do not fit. */
  static restore(ids: Ids, outline: Outline, said: Said | undefined, bank: Bank) {
    const item = new SimulatedItem(ids, outline)
    for (const [kind, place, change] of said?.entries ?? []) {
      const { account = "", accountId = "" } = said?.accounts[place] ?? {}
      const real = bank.history(account)[change]?.transaction
      if (real === undefined) throw new Error("an Item spoke of a transaction that no account has")
      item.log.say(kind, item.delivered(accountId, real))
    }
    for (const accountId of outline.hiddenAccounts) item.log.hide(accountId)
    if (item.log.length !== outline.said) throw new Error("what an Item said is missing, or there is too much of it")
    return item
  }

  get outline(): Outline {
    return {
      id: this.id,
      loginId: this.loginId,
      institution: this.institution,
      createdAt: this.createdAt,
      accessToken: this.accessToken,
      webhook: this.webhook,
      products: [...this.products],
      error: this.error,
      ended: this.ended,
      consentExpiresAt: this.consentExpiresAt,
      disconnectsAt: this.disconnectsAt,
      expiryWasAnnounced: this.expiryWasAnnounced,
      hasSynced: this.hasSynced,
      lastUpdateAt: this.lastUpdateAt,
      lastFailureAt: this.lastFailureAt,
      lastWebhook: this.lastWebhook,
      status: this.status,
      wanted: this.wanted,
      grants: Array.from(this.grants, ([account, grant]) => ({ account, ...grant })),
      hiddenAccounts: this.log.hiddenAccounts,
      cursorAge: this.log.cursorAge,
      said: this.log.length,
    }
  }

  /** `placeOf` finds a transaction in its account's history. */
  said(placeOf: (transaction: RealTransaction) => number): Said {
    const places = new Map<string, { readonly place: number; readonly account: string }>()
    const entries = this.log.said.map(({ delivered: { accountId, real }, kind }) => {
      const { place } = places.get(accountId) ?? { place: places.size }
      if (place === places.size) places.set(accountId, { place, account: real.account })
      return [kind, place, placeOf(real)] as const
    })
    return { accounts: [...places].map(([accountId, { account }]) => ({ accountId, account })), entries }
  }

  get isHealthy() {
    return this.error === null && this.ended === null
  }

  /** The earliest day it tells of, once that is settled. */
  get since() {
    return this.wanted?.since
  }

  /** Which accounts the person shares from now on. */
  share(accounts: ReadonlyArray<string>) {
    for (const [account, grant] of this.grants) {
      if (!grant.isShared || accounts.includes(account)) continue
      this.grants.set(account, { ...grant, isShared: false })
      this.log.hide(this.accountIdOf(account, grant))
    }
    for (const account of accounts) {
      const grant = this.grants.get(account)
      if (grant?.isShared === true) continue
      this.grants.set(account, { times: (grant?.times ?? 0) + 1, isShared: true, churns: 0, seen: 0 })
    }
  }

  get sharedAccounts(): ReadonlyArray<string> {
    return [...this.grants].filter(([, grant]) => grant.isShared).map(([account]) => account)
  }

  accounts(bank: Bank): ReadonlyArray<SharedAccount> {
    return this.sharedAccounts.flatMap((id) => {
      const real = bank.account(id)
      return real?.isOpen === true ? [this.shared(real)] : []
    })
  }

  private shared(real: RealAccount): SharedAccount {
    const times = this.grants.get(real.id)?.times ?? 1
    const persists = this.institution.tokenizesNumbers && real.type === "depository"
    return {
      accountId: this.accountIdOf(real.id, { times, churns: real.churns }),
      persistentAccountId: persists ? this.ids.of("persistent", real.id) : undefined,
      real,
    }
  }

  private accountIdOf(account: string, { churns, times }: Pick<Grant, "churns" | "times">) {
    return this.ids.of("account", this.id, account, String(times), String(churns))
  }

  /** Transactions are wanted from now on: how far back is settled once and for all. */
  wantTransactions(now: number, daysRequested: number) {
    this.products = new Set([...this.products, "transactions"])
    this.wanted ??= { at: now, since: daysBefore(now, daysRequested) }
  }

  /** When the next pull that was promised is due. */
  nextPullAt({ historical, initial }: Readiness) {
    if (this.wanted === null || !this.isHealthy || this.status === "HISTORICAL_UPDATE_COMPLETE") return null
    return this.wanted.at + (this.status === "NOT_READY" ? initial : historical)
  }

  /** Learns what happened at the bank. */
  pull(bank: Bank, now: number, readiness: Readiness, removesChurned: boolean) {
    if (this.wanted === null || !this.isHealthy) return
    const before = this.status
    const age = now - this.wanted.at
    if (before !== "HISTORICAL_UPDATE_COMPLETE" && age >= readiness.initial) {
      this.status = age >= readiness.historical ? "HISTORICAL_UPDATE_COMPLETE" : "INITIAL_UPDATE_COMPLETE"
    }
    if (this.status === "NOT_READY") return
    this.lastUpdateAt = now
    for (const account of this.sharedAccounts) {
      const real = bank.account(account)
      if (real !== undefined && hasTransactions(real)) this.pullAccount(bank, real, before, now, removesChurned)
    }
  }

  private pullAccount(bank: Bank, real: RealAccount, before: UpdateStatus, now: number, removesChurned: boolean) {
    const grant = this.grants.get(real.id)
    if (grant === undefined) return
    const { accountId } = this.shared(real)
    const history = bank.history(real.id)
    const earliest = this.status === "HISTORICAL_UPDATE_COMPLETE" ? (this.since ?? "") : this.initialSince(now)
    const isVisible = ({ date, pending }: RealTransaction) =>
      date >= earliest && (!pending || this.institution.givesPending)

    const churned = grant.churns !== real.churns
    if (churned && removesChurned) {
      for (const old of this.log.current.filter((row) => row.real.account === real.id)) this.log.say("removed", old)
    }
    const isNew = grant.seen === 0 || churned || before !== this.status
    const changes = latest(isNew ? history : history.slice(grant.seen))
    for (const { kind, transaction } of isNew ? changes.toSorted(byDate) : changes) {
      const row = this.delivered(accountId, transaction)
      const told = this.log.told(row)
      if (kind === "removed" || !isVisible(transaction)) {
        if (told !== "never") this.log.say("removed", row)
      } else if (told !== "so") {
        this.log.say(told === "never" ? "added" : "modified", row)
      }
    }
    this.grants.set(real.id, { ...grant, churns: real.churns, seen: history.length })
  }

  private initialSince(now: number) {
    const month = daysBefore(now, 30)
    return this.since !== undefined && this.since > month ? this.since : month
  }

  private delivered(accountId: string, real: RealTransaction): Delivered {
    const pending = real.posts === null ? undefined : this.ids.of("transaction", accountId, real.posts)
    return {
      transactionId: this.ids.of("transaction", accountId, real.id),
      accountId,
      pendingTransactionId: pending !== undefined && this.log.toldPending(pending) ? pending : null,
      real,
    }
  }
}

/** Others are told of elsewhere: investments, most loans. */
const hasTransactions = ({ subtype, type }: RealAccount) =>
  type === "depository" || type === "credit" || (type === "loan" && subtype === "student")

/** The last change of each transaction, in the order of these last changes. */
const latest = (changes: ReadonlyArray<BankChange>) => {
  // No transaction is added twice.
  if (changes.every(({ kind }) => kind === "added")) return changes
  const seen = new Set<string>()
  const last: Array<BankChange> = []
  for (const change of changes.toReversed()) {
    if (!seen.has(change.transaction.id)) last.push(change)
    seen.add(change.transaction.id)
  }
  return last.toReversed()
}

const byDate = (a: BankChange, b: BankChange) =>
  a.transaction.date < b.transaction.date ? -1 : a.transaction.date > b.transaction.date ? 1 : 0
