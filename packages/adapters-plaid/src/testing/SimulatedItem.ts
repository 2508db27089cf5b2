/**
 * An Item: one generation of a login. Connecting the same login again makes another one, with other ids for everything.
 *
 * What it knows of transactions is what it pulled from the bank when it could; what happened at the bank while it was
 * broken comes with the first pull after it was mended.
 */
import type { Bank, BankChange, Login, RealAccount, RealTransaction } from "./Bank.ts"
import { daysBefore } from "./Day.ts"
import type { Ids } from "./Ids.ts"
import type { Institution } from "./Institutions.ts"
import { type Delivered, SyncLog } from "./SyncLog.ts"

export interface ItemError {
  readonly code: string
  readonly reason: string | null
}

/** An account as the Item shows it. */
export interface SharedAccount {
  readonly accountId: string
  readonly persistentAccountId: string | undefined
  readonly real: RealAccount
}

interface Grant {
  /** How often the person has shared it: a second time makes a new account of it. */
  readonly times: number
  readonly isShared: boolean
  readonly churns: number
  /** How much of the account's history at the bank was pulled. */
  readonly seen: number
}

export type UpdateStatus = "NOT_READY" | "INITIAL_UPDATE_COMPLETE" | "HISTORICAL_UPDATE_COMPLETE"

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
  error: ItemError | null = null
  /** `removed` by the application, `revoked` by the person at Plaid. */
  ended: "removed" | "revoked" | null = null
  consentExpiresAt: number | null
  /** When the bank cuts it off for good, once that is known. */
  disconnectsAt: number | null = null
  expiryWasAnnounced = false
  hasSynced = false
  lastUpdateAt: number | null = null
  lastFailureAt: number | null = null
  lastWebhook: { readonly code: string; readonly at: number } | null = null
  status: UpdateStatus = "NOT_READY"
  private readonly ids: Ids
  private readonly grants = new Map<string, Grant>()
  private wanted: { readonly at: number; readonly since: string } | undefined

  constructor(
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
    this.ids = ids
    this.id = ids.next("item")
    this.accessToken = `access-sandbox-${ids.nextUuid("access_token")}`
    this.loginId = options.login.id
    this.institution = options.institution
    this.webhook = options.webhook
    this.products = new Set(options.products)
    this.createdAt = options.now
    this.consentExpiresAt = options.consentExpiresAt
    this.log = new SyncLog(this.id)
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
    if (this.wanted === undefined || !this.isHealthy || this.status === "HISTORICAL_UPDATE_COMPLETE") return null
    return this.wanted.at + (this.status === "NOT_READY" ? initial : historical)
  }

  /** Learns what happened at the bank. */
  pull(bank: Bank, now: number, readiness: Readiness, removesChurned: boolean) {
    if (this.wanted === undefined || !this.isHealthy) return
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
  const byId = new Map<string, BankChange>()
  for (const change of changes) {
    byId.delete(change.transaction.id)
    byId.set(change.transaction.id, change)
  }
  return [...byId.values()]
}

const byDate = (a: BankChange, b: BankChange) =>
  a.transaction.date < b.transaction.date ? -1 : a.transaction.date > b.transaction.date ? 1 : 0
