/** What a test, or a person with `curl`, does to the simulated world. */
import { DateTime, Duration, Effect, Schema } from "effect"

import type { Login, NewAccount, NewTransaction, Posting, RealAccount, RealTransaction } from "./Bank.ts"
import { dayMillis, dayOf, daysBefore } from "./Day.ts"
import type { Fault, Request } from "./Faults.ts"
import * as History from "./History.ts"
import type { Institution } from "./Institutions.ts"
import type { Mishap, Webhook } from "./Outbox.ts"
import type { World } from "./PlaidRoutes.ts"
import type { Limits } from "./Quotas.ts"
import type { Forgery } from "./SigningKeys.ts"
import type { SharedAccount, SimulatedItem, UpdateStatus } from "./SimulatedItem.ts"
import type { Client, LinkSuccess } from "./SimulatedPlaid.ts"

/** The simulated world has no such thing. Nothing was changed. */
export class NotSimulated extends Schema.TaggedError<NotSimulated>()("NotSimulated", {
  what: Schema.String,
}) {
  override get message() {
    return `The simulator has no ${this.what}`
  }
}

/** An Item as the world sees it. */
export interface ItemView {
  readonly itemId: string
  readonly accessToken: string
  readonly login: string
  readonly institutionId: string
  /** Each account of the bank under this Item's own id. */
  readonly accounts: ReadonlyArray<{
    readonly account: string
    readonly accountId: string
    readonly persistentAccountId: string | undefined
    readonly name: string
    readonly mask: string | null
  }>
  readonly error: { readonly code: string; readonly reason: string | null } | null
  readonly ended: "removed" | "revoked" | null
  readonly status: UpdateStatus
  readonly webhook: string | null
  readonly consentExpiresAt: DateTime.Utc | null
}

export interface NewLogin {
  readonly institutionId: string
  /** `login-1`, `login-2` … if absent. */
  readonly id?: string
  readonly accounts: ReadonlyArray<NewAccount>
}

export interface NewItem {
  readonly login: string
  /** Ids of the bank's accounts; all if absent. */
  readonly accounts?: ReadonlyArray<string>
  /** `transactions` if absent. */
  readonly products?: ReadonlyArray<string>
  readonly webhook?: string
  /** 90 if absent. */
  readonly daysRequested?: number
}

/** Accounts, logins and transactions are named by ids of the bank, never by Plaid's. */
export interface Control {
  /** Where it listens, without a slash at the end: the Plaid client's `basePath`. */
  readonly url: string
  readonly client: Client

  /** The world's time: the program's clock and what was added to it. */
  readonly now: Effect.Effect<DateTime.Utc>
  /** Waits until all that happened is in the state file; at once where there is none. What HTTP answers is there before. */
  readonly saved: Effect.Effect<void>
  /** Moves the world's time on; what is due by then happens. */
  advance(by: Duration.Input): Effect.Effect<void>

  // ---- at the bank

  addInstitution(institution: Institution): Effect.Effect<void>
  readonly institutions: Effect.Effect<ReadonlyArray<Institution>>
  /** A person's login at a bank, with accounts. */
  addLogin(
    login: NewLogin,
  ): Effect.Effect<{ readonly login: string; readonly accounts: ReadonlyArray<string> }, NotSimulated>
  readonly logins: Effect.Effect<ReadonlyArray<Login>>
  account(account: string): Effect.Effect<RealAccount, NotSimulated>
  /** A further account; Items of the login are told that there is one. */
  openAccount(login: string, account: NewAccount): Effect.Effect<string, NotSimulated>
  /** The same account in a further login, as of a joint owner. */
  shareAccount(account: string, login: string): Effect.Effect<void, NotSimulated>
  closeAccount(account: string): Effect.Effect<void, NotSimulated>
  /**
   * The bank says something else about an account. Plaid takes it for another one, with another `account_id` in every
   * Item, if the mask changes or no word of the name stays, unless `churns` says otherwise.
   */
  changeAccount(account: string, change: Partial<NewAccount>, churns?: boolean): Effect.Effect<void, NotSimulated>
  /** The card is replaced: the old account closes, and a new one with another mask has all its rows. Its id. */
  replaceCard(account: string, mask: string): Effect.Effect<string, NotSimulated>
  /** A login moves to another institution: its Items are cut off after the days of notice, 7 if not said. */
  migrateLogin(login: string, institutionId: string, noticeDays?: number): Effect.Effect<void, NotSimulated>

  addTransaction(account: string, transaction: NewTransaction): Effect.Effect<string, NotSimulated>
  /** Many at once, in order. */
  addTransactions(
    account: string,
    transactions: Iterable<NewTransaction>,
  ): Effect.Effect<ReadonlyArray<string>, NotSimulated>
  /** Years of invented banking that end today; the same for the same seed. */
  seedHistory(
    account: string,
    options: { readonly count: number; readonly days: number; readonly seed?: string },
  ): Effect.Effect<ReadonlyArray<string>, NotSimulated>
  transaction(transaction: string): Effect.Effect<RealTransaction, NotSimulated>
  /** The pending transaction goes and a posted one comes, of today if not said. Its id. */
  postTransaction(transaction: string, posting?: Posting): Effect.Effect<string, NotSimulated>
  modifyTransaction(transaction: string, change: Partial<NewTransaction>): Effect.Effect<void, NotSimulated>
  removeTransaction(transaction: string): Effect.Effect<void, NotSimulated>
  /** Whether Items learn at once what happens at the bank, or when they are polled or refreshed. */
  setAutomaticUpdates(automatic: boolean): Effect.Effect<void>
  /** Plaid looks at the bank for this Item. */
  poll(itemId: string): Effect.Effect<void, NotSimulated>
  /** Plaid knows no cursor of `/transactions/sync` from before any more. */
  forgetCursors(itemId: string): Effect.Effect<void, NotSimulated>

  // ---- connecting

  /** What a person does in Link: what `onSuccess` gets. Fails where Link shows an error. */
  link(
    linkToken: string,
    answer: { readonly login: string; readonly accounts?: ReadonlyArray<string> },
  ): Effect.Effect<LinkSuccess, NotSimulated>
  exitLink(linkToken: string): Effect.Effect<void, NotSimulated>
  /** An Item without Link, for tests that begin after it. */
  connect(item: NewItem): Effect.Effect<ItemView, NotSimulated>
  readonly items: Effect.Effect<ReadonlyArray<ItemView>>
  item(itemId: string): Effect.Effect<ItemView, NotSimulated>

  // ---- an Item's life

  /** The Item answers this error until it is mended; the host is told. */
  breakItem(itemId: string, code: string, reason?: string): Effect.Effect<void, NotSimulated>
  /** The person logged in again through another application. */
  repairElsewhere(itemId: string): Effect.Effect<void, NotSimulated>
  /** Consent ends now. */
  expireConsent(itemId: string): Effect.Effect<void, NotSimulated>
  /** Consent will end then; the notice seven days before follows from it. */
  setConsentExpiry(itemId: string, at: DateTime.Utc): Effect.Effect<void, NotSimulated>
  /** The person withdraws access: at Plaid the Item ends; at the bank it needs a new login. */
  revoke(itemId: string, where: "at Plaid" | "at the bank"): Effect.Effect<void, NotSimulated>
  /** The person withdraws one account at the bank, which few banks tell; shared again later, it is another account. */
  revokeAccount(itemId: string, account: string): Effect.Effect<void, NotSimulated>
  /** Says now that the bank will cut the Item off. */
  announceDisconnect(
    itemId: string,
    reason: "INSTITUTION_MIGRATION" | "INSTITUTION_TOKEN_EXPIRATION",
    at: DateTime.Utc,
  ): Effect.Effect<void, NotSimulated>

  // ---- webhooks

  /** All that were made, as far as they got. */
  readonly webhooks: Effect.Effect<ReadonlyArray<Webhook>>
  /** They wait from now on. */
  readonly holdWebhooks: Effect.Effect<void>
  /** They are sent, these first and in this order. */
  releaseWebhooks(order?: ReadonlyArray<string>): Effect.Effect<void>
  /** Waits until nothing is due any more. */
  readonly webhooksSettled: Effect.Effect<void>
  /** Sends one again, with the same bytes. */
  repeatWebhook(id: string): Effect.Effect<void, NotSimulated>
  spoilWebhooks(mishap: Mishap): Effect.Effect<void>
  /** The `Plaid-Verification` header of a body, right or wrong. */
  signWebhook(body: string, forgery?: Forgery): Effect.Effect<string>
  /** A new key signs from now on. Its `kid`. */
  readonly rotateWebhookKey: Effect.Effect<string>
  readonly webhookKeys: Effect.Effect<ReadonlyArray<string>>
  expireWebhookKey(kid: string): Effect.Effect<void, NotSimulated>

  // ---- bad luck, and what came

  /** Requests fail. Faults wait in order; each request meets one at most. */
  fail(fault: Fault): Effect.Effect<void>
  /** Something happens just before a request to an endpoint is served, the next one if not said: a race on demand. */
  before(endpoint: string, act: Effect.Effect<void>, after?: number): Effect.Effect<void>
  readonly clearFaults: Effect.Effect<void>
  setLimits(limits: Limits): Effect.Effect<void>
  /** Every request since the start, in order of their ends. */
  readonly requests: Effect.Effect<ReadonlyArray<Request>>
  /** How many requests to an endpoint came, however they ended; of one Item if named. */
  count(endpoint: string, itemId?: string): Effect.Effect<number>
  /** Waits until that many requests to an endpoint have been met, hanging ones included; one if not said. */
  met(endpoint: string, times?: number): Effect.Effect<void>
  readonly forgetRequests: Effect.Effect<void>
}

/** Drives a world that is served at an address. */
export const controlOf = (world: World & { readonly addTime: (millis: number) => void }, url: string): Control => {
  const { faults, interludes, journal, plaid } = world
  const { bank, outbox } = plaid

  /** Something happens in the world, at its time. */
  const happen = <A>(act: (now: number) => A): Effect.Effect<A> =>
    Effect.map(world.now, (now) => {
      plaid.settle(now)
      const result = act(now)
      world.wake()
      return result
    })

  /** Something happens to what is there. */
  const to = <Thing, A>(what: string, found: () => Thing | undefined, act: (thing: Thing, now: number) => A) =>
    Effect.flatMap(
      happen((now) => {
        const thing = found()
        return thing === undefined ? undefined : { result: act(thing, now) }
      }),
      (done) => (done === undefined ? Effect.fail(new NotSimulated({ what })) : Effect.succeed(done.result)),
    )
  const toItem = <A>(id: string, act: (item: SimulatedItem, now: number) => A) =>
    to("such Item", () => plaid.item(id), act)
  const toLogin = <A>(id: string, act: (login: Login, now: number) => A) => to("such login", () => bank.login(id), act)

  /** The same at the bank: every Item that looks at it follows. */
  const toAccount = <A>(id: string, act: (account: RealAccount, now: number) => A) =>
    to("such account", () => bank.account(id), following(act))
  const toTransaction = <A>(id: string, act: (transaction: RealTransaction, now: number) => A) =>
    to("such transaction", () => bank.transaction(id), following(act))
  const following =
    <Thing, A>(act: (thing: Thing, now: number) => A) =>
    (thing: Thing, now: number) => {
      const result = act(thing, now)
      plaid.bankChanged(now)
      return result
    }

  const itemsOf = (login: string) => plaid.allItems.filter((item) => item.loginId === login && item.isHealthy)

  const addTransactions = (account: string, transactions: Iterable<NewTransaction>) =>
    toAccount(account, (real) => Array.from(transactions, (transaction) => bank.add(real, transaction).id))

  const viewOf = (item: SimulatedItem): ItemView => ({
    itemId: item.id,
    accessToken: item.accessToken,
    login: item.loginId,
    institutionId: item.institution.id,
    accounts: item.accounts(bank).map(accountView),
    error: item.error,
    ended: item.ended,
    status: item.status,
    webhook: item.webhook,
    consentExpiresAt: item.consentExpiresAt === null ? null : DateTime.makeUnsafe(item.consentExpiresAt),
  })

  return {
    url,
    client: plaid.client,

    now: Effect.map(world.now, DateTime.makeUnsafe),
    saved: world.saved,
    advance: (by) =>
      Effect.andThen(
        Effect.sync(() => world.addTime(Duration.toMillis(by))),
        happen(() => {}),
      ),

    addInstitution: (institution) => happen(() => bank.addInstitution(institution)),
    institutions: Effect.sync(() => bank.institutions),
    addLogin: ({ accounts, id, institutionId }) =>
      to(
        "such institution",
        () => bank.institution(institutionId),
        () => {
          const login = bank.addLogin(id ?? `login-${bank.allLogins.length + 1}`, institutionId)
          return { login: login.id, accounts: accounts.map((account) => bank.open(login, account).id) }
        },
      ),
    logins: Effect.sync(() => bank.allLogins),
    account: (account) =>
      to(
        "such account",
        () => bank.account(account),
        (real) => real,
      ),
    openAccount: (login, account) =>
      toLogin(login, (found, now) => {
        const { id } = bank.open(found, account)
        for (const item of itemsOf(login)) plaid.announce(item, "ITEM", "NEW_ACCOUNTS_AVAILABLE", { error: null }, now)
        return id
      }),
    shareAccount: (account, login) =>
      Effect.flatten(toAccount(account, (real) => toLogin(login, (found) => bank.share(found, real)))),
    closeAccount: (account) => Effect.asVoid(toAccount(account, (real) => bank.change(real, { isOpen: false }))),
    changeAccount: (account, { balance, ...change }, churns) =>
      Effect.asVoid(
        toAccount(account, (real) =>
          bank.change(real, {
            ...change,
            ...(balance === undefined ? {} : { balance: { ...real.balance, ...balance } }),
            churns: real.churns + ((churns ?? looksLikeAnother(real, change)) ? 1 : 0),
          }),
        ),
      ),
    replaceCard: (account, mask) =>
      toAccount(account, (real) => {
        const login = bank.allLogins.find(({ accounts }) => accounts.includes(account))
        if (login === undefined) return account
        const replacement = bank.open(login, { ...real, mask })
        for (const transaction of currentOf(bank.history(account))) bank.add(replacement, transaction)
        bank.change(real, { isOpen: false })
        for (const item of itemsOf(login.id)) {
          if (item.sharedAccounts.includes(account)) item.share([...item.sharedAccounts, replacement.id])
        }
        return replacement.id
      }),
    migrateLogin: (login, institutionId, noticeDays = 7) =>
      Effect.flatten(
        toLogin(login, (found, now) =>
          to(
            "such institution",
            () => bank.institution(institutionId),
            () => {
              bank.moveLogin(found, institutionId)
              const at = now + noticeDays * dayMillis
              for (const item of itemsOf(login)) plaid.announceDisconnect(item, "INSTITUTION_MIGRATION", at, now)
              plaid.settle(now)
            },
          ),
        ),
      ),

    addTransaction: (account, transaction) => Effect.map(addTransactions(account, [transaction]), ([id = ""]) => id),
    addTransactions,
    seedHistory: (account, { count, days, seed = account }) =>
      Effect.flatMap(world.now, (now) =>
        addTransactions(account, History.history({ count, seed, from: daysBefore(now, days - 1), to: dayOf(now) })),
      ),
    transaction: (id) =>
      to(
        "such transaction",
        () => bank.transaction(id),
        (transaction) => transaction,
      ),
    postTransaction: (id, posting = {}) =>
      toTransaction(id, (transaction, now) => bank.post(transaction, posting, dayOf(now))?.id ?? id),
    modifyTransaction: (id, change) =>
      Effect.asVoid(toTransaction(id, (transaction) => bank.modify(transaction, change))),
    removeTransaction: (id) => toTransaction(id, (transaction) => bank.remove(transaction)),
    setAutomaticUpdates: (automatic) =>
      happen((now) => {
        plaid.automaticUpdates = automatic
        plaid.bankChanged(now)
      }),
    poll: (itemId) => toItem(itemId, (item, now) => plaid.pull(item, now)),
    forgetCursors: (itemId) => toItem(itemId, (item) => item.log.forgetCursors()),

    link: (linkToken, { accounts, login }) =>
      Effect.gen(function* () {
        const now = yield* world.now
        const token = plaid.linkToken(linkToken)
        const person = plaid.loginInLink(login, now)
        if (token === undefined) return yield* new NotSimulated({ what: "such link token" })
        if (person === undefined) return yield* new NotSimulated({ what: "such login" })
        const success = yield* happen(() => plaid.link(token, person, accounts, now))
        if (typeof success === "string") return yield* new NotSimulated({ what: `way to link this: ${success}` })
        return success
      }),
    exitLink: (linkToken) =>
      to(
        "such link token",
        () => plaid.linkToken(linkToken),
        (token, now) => plaid.exit(token, now),
      ),
    connect: ({ accounts, daysRequested = 90, login, products = ["transactions"], webhook = null }) =>
      Effect.flatMap(
        toLogin(login, (found, now) => {
          const open = found.accounts.filter((id) => bank.account(id)?.isOpen === true)
          return plaid.addItem(found, { accounts: accounts ?? open, products, webhook, daysRequested }, now)
        }),
        (item) =>
          typeof item === "string"
            ? Effect.fail(new NotSimulated({ what: `way to connect this: ${item}` }))
            : Effect.succeed(viewOf(item)),
      ),
    items: Effect.sync(() => plaid.allItems.map(viewOf)),
    item: (itemId) => toItem(itemId, viewOf),

    breakItem: (itemId, code, reason) => toItem(itemId, (item, now) => plaid.fail(item, code, reason ?? null, now)),
    repairElsewhere: (itemId) => toItem(itemId, (item, now) => plaid.mend(item, "elsewhere", now)),
    expireConsent: (itemId) =>
      toItem(itemId, (item, now) => {
        item.consentExpiresAt = now
        plaid.fail(item, "ITEM_LOGIN_REQUIRED", "OAUTH_CONSENT_EXPIRED", now)
      }),
    setConsentExpiry: (itemId, at) =>
      toItem(itemId, (item, now) => {
        item.consentExpiresAt = DateTime.toEpochMillis(at)
        item.expiryWasAnnounced = false
        plaid.settle(now)
      }),
    revoke: (itemId, where) =>
      toItem(itemId, (item, now) =>
        where === "at Plaid"
          ? plaid.end(item, "person", now)
          : plaid.fail(item, "ITEM_LOGIN_REQUIRED", "OAUTH_USER_REVOKED", now),
      ),
    revokeAccount: (itemId, account) =>
      toItem(itemId, (item, now) => {
        const revoked = item.accounts(bank).find(({ real }) => real.id === account)
        item.share(item.sharedAccounts.filter((id) => id !== account))
        if (revoked === undefined || !item.institution.tellsRevokedAccounts) return
        plaid.announce(item, "ITEM", "USER_ACCOUNT_REVOKED", { account_id: revoked.accountId }, now)
      }),
    announceDisconnect: (itemId, reason, at) =>
      toItem(itemId, (item, now) => plaid.announceDisconnect(item, reason, DateTime.toEpochMillis(at), now)),

    webhooks: Effect.sync(() => outbox.webhooks),
    holdWebhooks: happen(() => outbox.hold()),
    releaseWebhooks: (order) => Effect.sync(() => outbox.release(order)),
    webhooksSettled: Effect.callback((resume) => {
      outbox.whenSettled(() => resume(Effect.void))
      world.wake()
    }),
    repeatWebhook: (id) =>
      to(
        "such webhook",
        () => outbox.webhooks.find((webhook) => webhook.id === id),
        (webhook, now) => outbox.repeat(webhook, now),
      ),
    spoilWebhooks: (mishap) => Effect.sync(() => outbox.spoil(mishap)),
    signWebhook: (body, forgery) =>
      Effect.flatMap(world.now, (now) => Effect.promise(() => plaid.keys.sign(body, now, forgery))),
    rotateWebhookKey: happen((now) => plaid.keys.rotate(now)),
    webhookKeys: Effect.sync(() => plaid.keys.kids),
    expireWebhookKey: (kid) =>
      to(
        "such key",
        () => plaid.keys.jwk(kid),
        (_, now) => void plaid.keys.expire(kid, now),
      ),

    fail: (fault) => Effect.sync(() => faults.add(fault, fault)),
    before: (endpoint, act, after = 0) => Effect.sync(() => interludes.add(act, { endpoint, after })),
    clearFaults: Effect.sync(() => {
      faults.clear()
      interludes.clear()
    }),
    setLimits: (limits) =>
      Effect.sync(() => {
        plaid.quotas.limits = limits
      }),
    requests: Effect.sync(() => journal.requests),
    count: (endpoint, itemId) => Effect.sync(() => journal.count(endpoint, itemId)),
    met: (endpoint, times = 1) =>
      Effect.callback((resume) => journal.whenMet(endpoint, times, () => resume(Effect.void))),
    forgetRequests: Effect.sync(() => journal.clear()),
  }
}

const accountView = ({ accountId, persistentAccountId, real }: SharedAccount) => ({
  account: real.id,
  accountId,
  persistentAccountId,
  name: real.name,
  mask: real.mask,
})

const looksLikeAnother = ({ mask, name }: RealAccount, change: Partial<NewAccount>) => {
  const words = (text: string) => text.toLowerCase().split(/\W+/)
  const keepsAWord = words(change.name ?? name).some((word) => words(name).includes(word))
  return !keepsAWord || (change.mask !== undefined && change.mask !== mask)
}

const currentOf = (changes: ReadonlyArray<{ readonly kind: string; readonly transaction: RealTransaction }>) => {
  const byId = new Map(changes.map(({ kind, transaction }) => [transaction.id, { kind, transaction }]))
  return [...byId.values()].filter(({ kind }) => kind !== "removed").map(({ transaction }) => transaction)
}
