/** Google's side of the quota: what each mailbox spent in the last 60 seconds, to the millisecond. */
import type { RequestKind } from "./Faults.ts"
import { quotaExceeded, type Reply } from "./GoogleReply.ts"

export interface MeteredQuota {
  /** Units by method; what is not named costs nothing. */
  readonly costs: Partial<Record<RequestKind, number>>
  /** Units in any 60 seconds; no limit if absent. */
  readonly perMailbox?: number
  readonly perProject?: number
}

/** What projects that are newer than 2026-05-01 are charged. */
export const costs2026: MeteredQuota["costs"] = {
  profile: 1,
  "labels.list": 1,
  "labels.get": 1,
  "messages.list": 5,
  "messages.get": 20,
  "history.list": 2,
  watch: 100,
  stop: 50,
}

/** What older ones are. */
export const costs2025: MeteredQuota["costs"] = { ...costs2026, "messages.get": 5 }

/** What was spent by one mailbox, or by all of them. */
export interface Spending {
  /** Units since the start. */
  readonly units: number
  /** The most units that any 60 seconds saw. */
  readonly peak: number
  /** Requests that were refused because there were no units left. They cost nothing. */
  readonly refused: number
}

export class QuotaMeter {
  private readonly quota: MeteredQuota
  private readonly accounts = new Map<string, Account>()
  private readonly project = new Account()

  constructor(quota: MeteredQuota) {
    this.quota = quota
  }

  /** Charges a request, or says why it is refused. */
  charge(kind: RequestKind, mailbox: string, now: number): Reply | undefined {
    const { costs, perMailbox = Infinity, perProject = Infinity } = this.quota
    const units = costs[kind] ?? 0
    const account = this.accountOf(mailbox)
    const isOver = account.within(now) + units > perMailbox || this.project.within(now) + units > perProject
    for (const charged of [account, this.project]) {
      if (isOver) charged.refused++
      else charged.spend(units, now)
    }
    return isOver ? quotaExceeded : undefined
  }

  spending(mailbox?: string): Spending {
    const { peak, refused, units } = mailbox === undefined ? this.project : this.accountOf(mailbox)
    return { units, peak, refused }
  }

  private accountOf(mailbox: string) {
    const account = this.accounts.get(mailbox) ?? new Account()
    this.accounts.set(mailbox, account)
    return account
  }
}

class Account {
  units = 0
  peak = 0
  refused = 0
  private last: Array<{ readonly at: number; readonly units: number }> = []
  private oldest = 0
  private sum = 0

  /** Units in the 60 seconds before. */
  within(now: number) {
    for (let entry = this.last[this.oldest]; entry !== undefined && entry.at <= now - 60_000;) {
      this.sum -= entry.units
      entry = this.last[++this.oldest]
    }
    if (this.oldest > 10_000) {
      this.last = this.last.slice(this.oldest)
      this.oldest = 0
    }
    return this.sum
  }

  spend(units: number, now: number) {
    this.within(now)
    this.last.push({ at: now, units })
    this.units += units
    this.sum += units
    this.peak = Math.max(this.peak, this.sum)
  }
}
