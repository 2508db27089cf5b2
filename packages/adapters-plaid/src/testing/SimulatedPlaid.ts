/** The simulated world: banks, what is connected to them, and the webhooks that follow. */
import { Result, Schema } from "effect"

import {
  Bank,
  type Changes,
  type Login,
  type NewAccount,
  Outline as BankOutline,
  type RealTransaction,
} from "./Bank.ts"
import { dayMillis, dayOf, daysBefore, isoOf } from "./Day.ts"
import { history } from "./History.ts"
import { Ids, Outline as IdsOutline } from "./Ids.ts"
import { type Institution, institutions as knownInstitutions, isEuropean } from "./Institutions.ts"
import { Outbox, Outline as OutboxOutline } from "./Outbox.ts"
import { errorBody } from "./PlaidReply.ts"
import { type Limits, Quotas } from "./Quotas.ts"
import { LinkedAccount, linkedAccount } from "./Resources.ts"
import { CustomUser, customAccount, customTransaction, userGood } from "./SandboxUsers.ts"
import { SigningKey, SigningKeys } from "./SigningKeys.ts"
import { Outline as ItemOutline, type Readiness, type Said, SimulatedItem } from "./SimulatedItem.ts"

/** A host's registration. */
export interface Client {
  readonly id: string
  readonly secret: string
}

/** The registration that a simulator knows by default. */
export const simulatedClient: Client = { id: "simulated-client", secret: "simulated-secret" }

export interface WorldOptions {
  /** `simulatedClient` if absent. */
  readonly client?: Client
  /** Beside Plaid's test banks and those whose habits are documented. */
  readonly institutions?: ReadonlyArray<Institution>
  /** All ids follow from it. */
  readonly seed?: string
  /** `productionLimits`, `sandboxLimits` or others; none if absent. */
  readonly limits?: Limits
  /** Milliseconds until transactions are there after they were first wanted; at once if absent. */
  readonly readiness?: Readiness
  /** Whether Items learn at once what happens at the bank; if not, when they are polled or refreshed. They do if absent. */
  readonly automaticUpdates?: boolean
  /** Whether an account that Plaid takes for another one takes its old rows along, as `removed`. It does if absent. */
  readonly removesChurned?: boolean
}

const Text = Schema.NullOr(Schema.String)

const KeptLinkToken = Schema.Struct({
  token: Schema.String,
  createdAt: Schema.Finite,
  expiresAt: Schema.Finite,
  clientName: Schema.String,
  clientUserId: Text,
  products: Schema.Array(Schema.String),
  countries: Schema.Array(Schema.String),
  language: Schema.String,
  webhook: Text,
  redirectUri: Text,
  /** Link runs on a page of Plaid's, and the webhook tells its outcome. */
  isHosted: Schema.Boolean,
  completionRedirectUri: Text,
  daysRequested: Schema.Int,
  /** The id of the Item to be mended. */
  updates: Text,
  selectsAccounts: Schema.Boolean,
  institutionId: Text,
})

/** What a host asks Link for. */
export interface LinkToken extends Omit<typeof KeptLinkToken.Type, "updates"> {
  /** The Item to be mended. */
  readonly updates: SimulatedItem | null
}

const LinkSuccess = Schema.Struct({
  publicToken: Schema.String,
  metadata: Schema.Struct({
    institution: Schema.Struct({ institution_id: Schema.String, name: Schema.String }),
    accounts: Schema.Array(LinkedAccount),
    link_session_id: Schema.String,
    transfer_status: Schema.Null,
  }),
})
/** What `onSuccess` gets. */
export type LinkSuccess = typeof LinkSuccess.Type

const LinkSession = Schema.Struct({
  id: Schema.String,
  linkToken: Schema.String,
  at: Schema.Finite,
  success: Schema.NullOr(LinkSuccess),
})
export type LinkSession = typeof LinkSession.Type

interface PublicToken {
  readonly token: string
  readonly item: SimulatedItem
  readonly expiresAt: number
}

/** The world but for what only grows: what happened in accounts, and what Items said of it. Faults and counts of requests are no part of it. */
export const Outline = Schema.Struct({
  /** How often a process began with it, so that no two of them name their requests alike. */
  starts: Schema.Natural,
  automaticUpdates: Schema.Boolean,
  ids: IdsOutline,
  bank: BankOutline,
  items: Schema.Array(ItemOutline),
  linkTokens: Schema.Array(KeptLinkToken),
  publicTokens: Schema.Array(Schema.Struct({ token: Schema.String, itemId: Schema.String, expiresAt: Schema.Finite })),
  sessions: Schema.Array(LinkSession),
  keys: Schema.NonEmptyArray(SigningKey),
  outbox: OutboxOutline,
})
export type Outline = typeof Outline.Type

/** A world as it was. */
interface Former {
  readonly outline: Outline
  readonly changes: Changes
  readonly said: Readonly<Record<string, Said>>
}

export class SimulatedPlaid {
  readonly bank: Bank
  readonly client: Client
  readonly ids: Ids
  readonly keys: SigningKeys
  readonly outbox: Outbox
  readonly quotas: Quotas
  automaticUpdates: boolean
  private readonly readiness: Readiness
  private readonly removesChurned: boolean
  private readonly starts: number
  private requests = 0
  private items: ReadonlyArray<SimulatedItem>
  private readonly byAccessToken: Map<string, SimulatedItem>
  private readonly linkTokens: Map<string, LinkToken>
  private publicTokens: ReadonlyArray<PublicToken>
  private allSessions: ReadonlyArray<LinkSession>

  /** A new world, or the former one goes on; throws where the parts of the former one do not fit. */
  constructor(options: WorldOptions, now: number, former?: Former) {
    const institutions = [...knownInstitutions, ...(options.institutions ?? [])]
    const outline = former?.outline
    this.bank =
      former === undefined ? new Bank(institutions) : Bank.restore(former.outline.bank, former.changes, institutions)
    this.client = options.client ?? simulatedClient
    this.ids = new Ids(outline?.ids ?? { seed: options.seed ?? "simulator", made: {} })
    this.keys = new SigningKeys(this.ids, now, outline?.keys)
    this.outbox = new Outbox(outline?.outbox)
    this.quotas = new Quotas(options.limits ?? {})
    this.readiness = options.readiness ?? { initial: 0, historical: 0 }
    this.automaticUpdates = outline?.automaticUpdates ?? options.automaticUpdates ?? true
    this.removesChurned = options.removesChurned ?? true
    this.starts = (outline?.starts ?? 0) + 1
    this.items = (outline?.items ?? []).map((item) =>
      SimulatedItem.restore(this.ids, item, former?.said[item.id], this.bank),
    )
    this.byAccessToken = new Map(this.items.map((item) => [item.accessToken, item]))
    this.linkTokens = new Map(
      outline?.linkTokens.map((token) => [
        token.token,
        { ...token, updates: token.updates === null ? null : this.known(token.updates) },
      ]),
    )
    this.publicTokens = (outline?.publicTokens ?? []).map(({ expiresAt, itemId, token }) => ({
      token,
      item: this.known(itemId),
      expiresAt,
    }))
    this.allSessions = outline?.sessions ?? []
  }

  get outline(): Outline {
    const [key, ...keys] = this.keys.all
    if (key === undefined) throw new Error("There is no key to sign with")
    return {
      starts: this.starts,
      automaticUpdates: this.automaticUpdates,
      ids: this.ids.outline,
      bank: this.bank.outline,
      items: this.items.map(({ outline }) => outline),
      linkTokens: Array.from(this.linkTokens.values(), (token) => ({ ...token, updates: token.updates?.id ?? null })),
      publicTokens: this.publicTokens.map(({ expiresAt, item, token }) => ({ token, itemId: item.id, expiresAt })),
      sessions: this.allSessions,
      keys: [key, ...keys],
      outbox: this.outbox.outline,
    }
  }

  /** What only grows. */
  get growth(): Omit<Former, "outline"> {
    const changes = this.bank.allChanges
    const places = new Map<RealTransaction, number>()
    for (const history of Object.values(changes)) {
      for (const [place, { transaction }] of history.entries()) places.set(transaction, place)
    }
    const placeOf = (transaction: RealTransaction) => places.get(transaction) ?? 0
    return { changes, said: Object.fromEntries(this.items.map((item) => [item.id, item.said(placeOf)])) }
  }

  nextRequestId() {
    this.requests += 1
    return this.ids.of("request", String(this.starts), String(this.requests)).slice(0, 15)
  }

  get allItems() {
    return this.items
  }

  item(id: string) {
    return this.items.find((item) => item.id === id)
  }

  private known(id: string) {
    const item = this.item(id)
    if (item === undefined) throw new Error("a token belongs to no Item")
    return item
  }

  itemOf(accessToken: string) {
    return this.byAccessToken.get(accessToken)
  }

  linkToken(token: string) {
    return this.linkTokens.get(token)
  }

  sessions(linkToken: string) {
    return this.allSessions.filter((session) => session.linkToken === linkToken)
  }

  addLinkToken(
    request: Omit<LinkToken, "createdAt" | "expiresAt" | "token"> & { readonly lifetime?: number },
    now: number,
  ): LinkToken {
    const { lifetime = (request.updates === null ? 240 : 30) * 60_000, ...rest } = request
    const token = `link-sandbox-${this.ids.nextUuid("link_token")}`
    const made = { ...rest, token, createdAt: now, expiresAt: now + lifetime }
    this.linkTokens.set(token, made)
    return made
  }

  /** The person logs in and consents, to all accounts if none are named: what `onSuccess` gets, or an error's code. */
  link(token: LinkToken, login: Login, accounts: ReadonlyArray<string> | undefined, now: number): LinkSuccess | string {
    if (token.expiresAt <= now) return "INVALID_LINK_TOKEN"
    const open = login.accounts.filter((id) => this.bank.account(id)?.isOpen === true)
    const chosen = open.filter((id) => accounts === undefined || accounts.includes(id))
    if (chosen.length === 0) return "NO_ACCOUNTS"
    const item =
      token.updates === null
        ? this.addItem(login, { ...token, accounts: chosen }, now)
        : this.mendInLink(token, token.updates, login, accounts === undefined ? undefined : chosen, now)
    if (typeof item === "string") return item
    const sessionId = this.ids.nextUuid("link_session")
    const publicToken = this.addPublicToken(item, now)
    const success: LinkSuccess = {
      publicToken,
      metadata: {
        institution: { institution_id: item.institution.id, name: item.institution.name },
        accounts: item.accounts(this.bank).map(linkedAccount),
        link_session_id: sessionId,
        transfer_status: null,
      },
    }
    this.allSessions = [...this.allSessions, { id: sessionId, linkToken: token.token, at: now, success }]
    if (token.webhook !== null && token.isHosted) {
      const session = { link_session_id: sessionId, link_token: token.token }
      this.post(token.webhook, null, "LINK", "ITEM_ADD_RESULT", { ...session, public_token: publicToken }, now)
      const finished = { ...session, status: "SUCCESS", public_token: publicToken, public_tokens: [publicToken] }
      this.post(token.webhook, null, "LINK", "SESSION_FINISHED", finished, now)
    }
    return success
  }

  /** The person closes Link. */
  exit(token: LinkToken, now: number) {
    const id = this.ids.nextUuid("link_session")
    this.allSessions = [...this.allSessions, { id, linkToken: token.token, at: now, success: null }]
    if (token.webhook !== null && token.isHosted) {
      const finished = { status: "EXITED", link_session_id: id, link_token: token.token, public_tokens: [] }
      this.post(token.webhook, null, "LINK", "SESSION_FINISHED", finished, now)
    }
  }

  /** A new generation of the login. At some banks the one before it ends. */
  addItem(
    login: Login,
    options: {
      readonly accounts: ReadonlyArray<string>
      readonly products: ReadonlyArray<string>
      readonly webhook: string | null
      readonly daysRequested: number
    },
    now: number,
  ): SimulatedItem | string {
    const institution = this.bank.institution(login.institutionId)
    if (institution === undefined) return "INVALID_INSTITUTION"
    const consentExpiresAt = institution.consentDays === null ? null : now + institution.consentDays * dayMillis
    const item = SimulatedItem.connect(this.ids, { ...options, login, institution, now, consentExpiresAt })
    item.share(options.accounts)
    for (const other of this.items) {
      if (other.loginId === login.id && other.isHealthy && endsTheFirst(institution, other, item)) {
        this.fail(other, "ITEM_LOGIN_REQUIRED", null, now)
      }
    }
    this.items = [...this.items, item]
    this.byAccessToken.set(item.accessToken, item)
    if (options.products.includes("transactions")) item.wantTransactions(now, options.daysRequested)
    this.pull(item, now)
    return item
  }

  addPublicToken(item: SimulatedItem, now: number) {
    const token = `public-sandbox-${this.ids.nextUuid("public_token")}`
    this.publicTokens = [...this.publicTokens, { token, item, expiresAt: now + 30 * 60_000 }]
    return token
  }

  /** Once, and within half an hour. */
  exchange(token: string, now: number): SimulatedItem | undefined {
    const found = this.publicTokens.find((candidate) => candidate.token === token)
    this.publicTokens = this.publicTokens.filter((other) => other !== found)
    return found !== undefined && found.expiresAt > now ? found.item : undefined
  }

  /** Whose logins Link offers: those that are there, and the sandbox's `user_good` at every bank. */
  loginsInLink({ countries, institutionId, updates }: LinkToken): ReadonlyArray<string> {
    const wanted = updates?.institution.id ?? institutionId
    const banks = this.bank.institutions.filter(({ country, id }) =>
      wanted === null ? countries.includes(country) : id === wanted,
    )
    const known = this.bank.allLogins.filter(({ institutionId: at }) => banks.some(({ id }) => id === at))
    const strangers = banks.map(({ id }) => `${id}/user_good`).filter((id) => this.bank.login(id) === undefined)
    return [...known.map(({ id }) => id), ...strangers]
  }

  loginInLink(id: string, now: number): Login | undefined {
    const known = this.bank.login(id)
    const institution = this.bank.institution(/^(.+)\/user_good$/.exec(id)?.[1] ?? "")
    if (known !== undefined || institution === undefined) return known
    const made = this.sandboxLogin(institution, "user_good", "", now)
    return typeof made === "string" ? undefined : made
  }

  /** The sandbox's person of this name at this bank; a login's id is understood too. */
  sandboxLogin(institution: Institution, username: string, password: string, now: number): Login | string {
    const known = this.bank.login(username)
    if (known !== undefined) return known.institutionId === institution.id ? known : "INVALID_CREDENTIALS"
    const custom = Schema.decodeUnknownResult(CustomUser)(username === "user_custom" ? password : "{}")
    if (Result.isFailure(custom)) return "INVALID_CREDENTIALS"
    const id = `${institution.id}/${username}${username === "user_custom" ? `/${this.ids.of("user_custom", password)}` : ""}`
    const existing = this.bank.login(id)
    if (existing !== undefined) return existing
    const login = this.bank.addLogin(id, institution.id)
    const overrides = custom.success.override_accounts
    if (overrides === undefined) this.openWithHistory(login, userGood, now)
    for (const override of overrides ?? []) {
      const account = this.bank.open(login, customAccount(override))
      for (const transaction of override.transactions ?? []) {
        this.bank.add(account, customTransaction(transaction, dayOf(now)))
      }
    }
    return this.bank.login(id) ?? login
  }

  /** Pulls what an Item does not know yet; a host that has synced once is told. */
  pull(item: SimulatedItem, now: number) {
    const { length } = item.log
    const { status } = item
    item.pull(this.bank, now, this.readiness, this.removesChurned)
    if (item.hasSynced && (item.log.length > length || item.status !== status)) this.announceUpdates(item, now)
  }

  announceUpdates(item: SimulatedItem, now: number) {
    const flags = {
      initial_update_complete: item.status !== "NOT_READY",
      historical_update_complete: item.status === "HISTORICAL_UPDATE_COMPLETE",
    }
    this.announce(item, "TRANSACTIONS", "SYNC_UPDATES_AVAILABLE", flags, now)
  }

  /** Something happened at a bank. */
  bankChanged(now: number) {
    if (!this.automaticUpdates) return
    for (const item of this.items) this.pull(item, now)
  }

  /** The Item can no longer be served, and the host is told. */
  fail(item: SimulatedItem, code: string, reason: string | null, now: number) {
    item.error = { code, reason }
    item.lastFailureAt = now
    const error = { ...errorBody(code, undefined, reason), status: 400 }
    this.announce(item, "ITEM", "ERROR", { error }, now)
  }

  /** Access ends for good: by the application, or by the person at Plaid, who has the host told. */
  end(item: SimulatedItem, by: "application" | "person", now: number) {
    if (by === "person") {
      const error = { ...errorBody("USER_PERMISSION_REVOKED"), status: 400 }
      this.announce(item, "ITEM", "USER_PERMISSION_REVOKED", { error }, now)
    }
    item.ended = by === "person" ? "revoked" : "removed"
  }

  /** The Item works again; only what was mended outside of this host's Link is announced. */
  mend(item: SimulatedItem, where: "here" | "elsewhere", now: number) {
    const wasBroken = item.error !== null
    item.error = null
    item.disconnectsAt = null
    item.expiryWasAnnounced = false
    const { consentDays } = item.institution
    item.consentExpiresAt = consentDays === null ? null : now + consentDays * dayMillis
    if (wasBroken && where === "elsewhere") this.announce(item, "ITEM", "LOGIN_REPAIRED", {}, now)
    this.pull(item, now)
  }

  /** The bank will cut the Item off, and the host is told. */
  announceDisconnect(item: SimulatedItem, reason: string, at: number, now: number) {
    item.disconnectsAt = at
    this.announce(item, "ITEM", "PENDING_DISCONNECT", { reason, disconnect_time: isoOf(at) }, now)
  }

  rotateAccessToken(item: SimulatedItem) {
    this.byAccessToken.delete(item.accessToken)
    item.accessToken = `access-sandbox-${this.ids.nextUuid("access_token")}`
    this.byAccessToken.set(item.accessToken, item)
    return item.accessToken
  }

  announce(item: SimulatedItem, type: string, code: string, content: object, now: number) {
    if (item.webhook === null || item.ended !== null) return false
    item.lastWebhook = { code, at: now }
    this.post(item.webhook, item.id, type, code, { item_id: item.id, ...content }, now)
    return true
  }

  /** Lets happen what time brings: consents end, pulls come. */
  settle(now: number) {
    for (const item of this.items) {
      const pullAt = item.nextPullAt(this.readiness)
      if (pullAt !== null && pullAt <= now) this.pull(item, now)
      if (item.isHealthy) this.settleConsent(item, now)
    }
  }

  /** When time will next bring something. */
  nextAt(): number | null {
    const times = this.items.flatMap((item) => {
      if (!item.isHealthy) return []
      const { consentExpiresAt, disconnectsAt } = item
      const notice = consentExpiresAt === null || item.expiryWasAnnounced ? null : consentExpiresAt - 7 * dayMillis
      return [item.nextPullAt(this.readiness), notice, consentExpiresAt, disconnectsAt].filter((at) => at !== null)
    })
    return times.length === 0 ? null : Math.min(...times)
  }

  private settleConsent(item: SimulatedItem, now: number) {
    const { consentExpiresAt: expiresAt, disconnectsAt } = item
    if (expiresAt !== null && expiresAt - 7 * dayMillis <= now && !item.expiryWasAnnounced) {
      item.expiryWasAnnounced = true
      if (isEuropean(item.institution)) {
        const content = { consent_expiration_time: isoOf(expiresAt) }
        this.announce(item, "ITEM", "PENDING_EXPIRATION", content, now)
      } else {
        this.announceDisconnect(item, "INSTITUTION_TOKEN_EXPIRATION", expiresAt, now)
      }
    }
    if (expiresAt !== null && expiresAt <= now) this.fail(item, "ITEM_LOGIN_REQUIRED", "OAUTH_CONSENT_EXPIRED", now)
    else if (disconnectsAt !== null && disconnectsAt <= now) {
      this.fail(item, "ITEM_LOGIN_REQUIRED", "OAUTH_INVALID_TOKEN", now)
    }
  }

  private mendInLink(
    token: LinkToken,
    item: SimulatedItem,
    login: Login,
    accounts: ReadonlyArray<string> | undefined,
    now: number,
  ): SimulatedItem | string {
    if (item.ended !== null) return "ITEM_NOT_FOUND"
    if (login.id !== item.loginId) return "INVALID_UPDATED_USERNAME"
    if (token.selectsAccounts && accounts !== undefined) {
      const held = item.sharedAccounts
      item.share(isEuropean(item.institution) ? accounts.filter((id) => held.includes(id)) : accounts)
    }
    this.mend(item, "here", now)
    return item
  }

  private openWithHistory(login: Login, accounts: ReadonlyArray<NewAccount>, now: number) {
    for (const account of accounts) {
      const opened = this.bank.open(login, account)
      if (opened.subtype !== "checking" && opened.type !== "credit") continue
      const options = { count: 240, from: daysBefore(now, 729), to: dayOf(now), seed: `${login.id}/${opened.name}` }
      for (const transaction of history(options)) this.bank.add(opened, transaction)
    }
  }

  /** Indented by two: what is signed are the bytes, not the meaning. */
  private post(url: string, itemId: string | null, type: string, code: string, content: object, now: number) {
    const body = { webhook_type: type, webhook_code: code, ...content, environment: "sandbox" }
    this.outbox.add({ itemId, url, type, code, body: JSON.stringify(body, null, 2) }, now)
  }
}

const endsTheFirst = ({ secondItem }: Institution, first: SimulatedItem, second: SimulatedItem) => {
  if (secondItem !== "ends the first if other accounts are shared") return secondItem === "ends the first"
  const [a, b] = [first.sharedAccounts, second.sharedAccounts]
  return a.length !== b.length || a.some((account) => !b.includes(account))
}
