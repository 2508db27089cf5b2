/** A bank outside, by a script: what it says next of each account, in order, the same again when asked again. */
import { Clock, DateTime, Effect, Redacted, Result, Schema, Stream } from "effect"
import { SecureRandom } from "effect/crypto"

import {
  Account,
  Aggregate,
  Connection,
  EventStore,
  Feed,
  Ids,
  Ledger,
  Personal,
  ProjectionRunner,
  Provider,
  Sync,
  TransactionsView,
  Vault,
  ViewStore,
} from "../../src/index.ts"

const Content = Schema.Struct({
  date: Schema.String,
  amount: Schema.Finite,
  text: Schema.String,
  pending: Schema.optionalKey(Schema.Boolean),
  posts: Schema.optionalKey(Schema.String),
  status: Schema.optionalKey(Schema.String),
})
type Content = typeof Content.Type

const decode = Schema.decodeUnknownResult(Content)

/** Tells an unreadable item by its shape only. */
export const transaction: TransactionsView.Reader = (content) =>
  Result.mapBoth(decode(content), {
    onFailure: () => "not a transaction",
    onSuccess: ({ amount, date, pending = false, posts, status, text }) => ({
      id: "",
      date,
      authorized: null,
      amount,
      currency: "USD",
      description: text,
      merchant: null,
      pending,
      transactionId: null,
      pendingId: posts ?? null,
      counterparty: null,
      check: null,
      references: [],
      owner: null,
      status: status ?? null,
    }),
  })

export const bank = Ids.ProviderId.make("bank")

/** An item as it is delivered. */
export const item = (id: string, date: string, amount: number, text: string, more: Partial<Content> = {}) => ({
  id,
  content: { date, amount, text, ...more },
})

export class Bank {
  readonly asked: Array<{
    readonly source: string
    readonly cursor: string | null
    readonly resumeFrom: string | null
  }> = []
  accounts: ReadonlyArray<string> = []
  private readonly pages = new Map<string, Array<Partial<Provider.Page>>>()
  private readonly balances = new Map<string, { readonly on: string; readonly amount: number }>()
  private failures: ReadonlyArray<Provider.ProviderError["reason"] | undefined> = []

  /** The next page of an account. */
  says(source: string, page: Partial<Provider.Page>) {
    if (!this.accounts.includes(source)) this.accounts = [...this.accounts, source]
    this.pages.set(source, [...(this.pages.get(source) ?? []), page])
  }

  /** What it says next of an account it says first. */
  forgets(source: string) {
    this.pages.delete(source)
  }

  /** What it says from now on is in an account, and of which day that is. */
  shows(source: string, on: string, amount: number) {
    this.balances.set(source, { on, amount })
  }

  /** The next pages, one after the other; those of which nothing is said are delivered. */
  fails(...reasons: ReadonlyArray<Provider.ProviderError["reason"] | undefined>) {
    this.failures = reasons
  }

  readonly provider: Provider.Provider = {
    id: bank,
    expiresAt: () => undefined,
    refresh: () => Effect.succeed(Redacted.make("renewed")),
    sources: () =>
      Effect.sync(() =>
        this.accounts.map((key) => ({ key, account: { externalId: key, balance: this.balances.get(key) } })),
      ),
    page: (_, { key }, cursor, __, resumeFrom) =>
      Effect.suspend(() => {
        this.asked.push({ source: key, cursor, resumeFrom: resumeFrom ?? null })
        const [reason, ...later] = this.failures
        this.failures = later
        if (reason !== undefined) return Effect.fail(new Provider.ProviderError({ provider: bank, reason }))
        const pages = this.pages.get(key) ?? []
        const at = Number(cursor ?? 0)
        return Effect.succeed({
          items: [],
          known: 0,
          cursor: String(Math.min(at + 1, pages.length)),
          complete: at + 1 >= pages.length,
          ...pages[at],
        })
      }),
    transaction,
  }
}

/** Runs something on a day, by the clock. */
export const on =
  (day: string) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.flatMap(Clock.Clock, (clock) => {
      const millis = DateTime.toEpochMillis(DateTime.makeUnsafe(`${day}T12:00:00Z`))
      const still: Clock.Clock = Object.assign(Object.create(clock), {
        currentTimeMillisUnsafe: () => millis,
        currentTimeMillis: Effect.succeed(millis),
      })
      return Effect.provideService(effect, Clock.Clock, still)
    })

const metadata = { actor: Ids.system }
const told = Aggregate.handle(Connection)

let tenants = 0
export const newTenant = () => Ids.TenantId.make(`bank tenant ${tenants++}`)

const newId = Effect.flatMap(SecureRandom.SecureRandom, (random) => random.uuidV4())

/** A consent at a bank. Its accounts are matched by {@link link} or {@link ask}. */
export const consent = Effect.fnUntraced(function* (tenantId: Ids.TenantId, bankOfIt = new Bank()) {
  const id = Ids.ConnectionId.make(yield* newId)
  yield* (yield* Vault.Vault).put(tenantId, id, Redacted.make("granted"), { replaces: 0 })
  const tell = (command: Connection.Command) => told(tenantId, id, command, { metadata })
  yield* tell({
    _tag: "Connect",
    at: yield* DateTime.now,
    provider: bank,
    ownerId: Ids.OwnerId.make("ada"),
    pollIntervalSeconds: 60,
    settings: {},
    authorization: Ids.AuthorizationRef.make(id),
    door: "callback",
    scopes: [],
    credentialVersion: 1,
    personal: Personal.withheld,
  })
  return {
    id,
    tenantId,
    bank: bankOfIt,
    tell,
    state: Effect.map(
      Effect.suspend(() => loadConnection(tenantId, id)),
      ({ state }) => state,
    ),
    sync: Sync.run(bankOfIt.provider, tenantId, id),
  }
})

export type Consent = Effect.Success<ReturnType<typeof consent>>

const loadConnection = Aggregate.load(Connection)
const loadAccount = Aggregate.load(Account)
const decideAccount = Aggregate.decide(Account)

export const newAccount = Effect.fnUntraced(function* () {
  return Ids.AccountId.make(yield* newId)
})

/** As matching does for what it is sure of: the account is opened where there is none. */
export const link = Effect.fnUntraced(function* (
  { id: connectionId, tenantId }: Consent,
  source: string,
  accountId: Ids.AccountId,
  resumeFrom?: string,
) {
  const feedId = Ids.FeedId.make(yield* newId)
  yield* matched(tenantId, connectionId, { source, feedId, accountId, action: "auto", level: "exact" }, resumeFrom)
  yield* relink(tenantId, connectionId, source, feedId, accountId)
  return feedId
})

/** As matching does where a person has to be asked: nothing is linked. */
export const ask = Effect.fnUntraced(function* ({ id: connectionId, tenantId }: Consent, source: string) {
  const feedId = Ids.FeedId.make(yield* newId)
  yield* matched(tenantId, connectionId, { source, feedId, action: "review", level: "medium" })
  return feedId
})

const matched = Effect.fnUntraced(function* (
  tenantId: Ids.TenantId,
  connectionId: Ids.ConnectionId,
  decision: Extract<Connection.Command, { readonly _tag: "RecordMatching" }>["decisions"][number],
  resumeFrom?: string,
) {
  yield* told(
    tenantId,
    connectionId,
    {
      _tag: "RecordMatching",
      at: yield* DateTime.now,
      policy: "scripted",
      grounds: { form: 1, population: 0, incoming: [], accounts: [], pairs: [] },
      decisions: [{ ...decision, ...(resumeFrom !== undefined && { resumeFrom }) }],
      notShared: [],
    },
    { metadata },
  )
})

/** Links a feed, with whatever items it has, and says in the same append what they are. */
export const relink = Effect.fnUntraced(function* (
  tenantId: Ids.TenantId,
  connectionId: Ids.ConnectionId,
  source: string,
  feedId: Ids.FeedId,
  accountId: Ids.AccountId,
) {
  const at = yield* DateTime.now
  const loaded = yield* loadAccount(tenantId, accountId)
  const commands: ReadonlyArray<Account.Command> = [
    { _tag: "Open", at, provider: bank },
    {
      _tag: "Link",
      at,
      feedId,
      connectionId,
      source,
      confidence: "exact",
      evidence: [],
      personal: Personal.withheld,
    },
  ]
  const linked = yield* Effect.fromResult(decideAccount(loaded, ...commands))
  const reconciled = yield* Ledger.reconcileFeeds({ id: bank, transaction }, linked, [feedId])
  yield* Aggregate.append([yield* Effect.fromResult(decideAccount(loaded, ...commands, ...reconciled))], { metadata })
})

/** Undoes a link. */
export const unlink = Effect.fnUntraced(function* (
  tenantId: Ids.TenantId,
  accountId: Ids.AccountId,
  feedId: Ids.FeedId,
) {
  const command = { _tag: "Unlink", at: yield* DateTime.now, feedId, reason: "undone" } as const
  const loaded = yield* loadAccount(tenantId, accountId)
  const unlinked = yield* Effect.fromResult(decideAccount(loaded, command))
  const rest = yield* Ledger.reconcileRest({ id: bank, transaction }, loaded, unlinked)
  yield* Aggregate.append([yield* Effect.fromResult(decideAccount(loaded, command, ...rest))], { metadata })
})

/** Merges an account into another one. */
export const merge = Effect.fnUntraced(function* (
  tenantId: Ids.TenantId,
  kept: Ids.AccountId,
  absorbed: Ids.AccountId,
) {
  const at = yield* DateTime.now
  const [into, from] = [yield* loadAccount(tenantId, kept), yield* loadAccount(tenantId, absorbed)]
  const { feeds } = from.state
  const merger = { at, feeds, beside: into.state.feeds.map(({ feedId }) => feedId) }
  const command = { _tag: "Merge", ...merger, role: "kept", other: absorbed } as const
  const merged = yield* Effect.fromResult(decideAccount(into, command))
  const moved = feeds.map(({ feedId }) => feedId)
  const reconciled = yield* Ledger.reconcileFeeds({ id: bank, transaction }, merged, moved)
  const gone = yield* Effect.fromResult(
    decideAccount(from, { _tag: "Merge", ...merger, role: "absorbed", other: kept }),
  )
  yield* Aggregate.append([yield* Effect.fromResult(decideAccount(into, command, ...reconciled)), gone], { metadata })
})

/** Takes a merge back. */
export const unmerge = Effect.fnUntraced(function* (
  tenantId: Ids.TenantId,
  kept: Ids.AccountId,
  absorbed: Ids.AccountId,
) {
  const at = yield* DateTime.now
  const [into, from] = [yield* loadAccount(tenantId, kept), yield* loadAccount(tenantId, absorbed)]
  const command = { _tag: "Unmerge", at, role: "kept", other: absorbed, feeds: [], beside: [] } as const
  const parted = yield* Effect.fromResult(decideAccount(into, command))
  const feeds = parted.events.flatMap((event) => (event._tag === "accounts_unmerged" ? event.feeds : []))
  const back = yield* Effect.fromResult(
    decideAccount(from, { _tag: "Unmerge", at, role: "absorbed", other: kept, feeds, beside: [] }),
  )
  yield* Aggregate.append([parted, back], { metadata })
})

const view = TransactionsView.make({ [bank]: transaction })

/** All rows of a tenant in the view, in the order of their keys. */
export const rows = Effect.fnUntraced(function* (tenantId: Ids.TenantId) {
  yield* ProjectionRunner.catchUp(view)
  return yield* (yield* ViewStore.Views).query<TransactionsView.Row>(view, tenantId, {
    orderBy: [
      ["feed_id", "asc"],
      ["item_id", "asc"],
    ],
  })
})

/** The transactions of an account: day, amount and wording of each, in order. */
export const statement = Effect.fnUntraced(function* (tenantId: Ids.TenantId, accountId: Ids.AccountId) {
  yield* ProjectionRunner.catchUp(view)
  const held = yield* TransactionsView.ofAccount(tenantId, accountId)
  return held.map(({ amount, date, description }) => `${date} ${amount} ${description}`).toSorted()
})

/** What a row says of an item. */
export const rowOf = Effect.fnUntraced(function* (tenantId: Ids.TenantId, feedId: Ids.FeedId, itemId: string) {
  return (yield* rows(tenantId)).find((row) => row.feed_id === feedId && row.item_id === itemId)
})

export const eventsOf = Effect.fnUntraced(function* (tenantId: Ids.TenantId, streamId: EventStore.StreamId) {
  const events = yield* Stream.runCollect((yield* EventStore.EventStore).readStream(tenantId, streamId))
  return events.map(({ event }) => event)
})

export const tapeOf = (tenantId: Ids.TenantId, feedId: Ids.FeedId) => eventsOf(tenantId, Feed.streamId(feedId))

/** What was said of the items of an account, oldest first. */
export const reconciliations = Effect.fnUntraced(function* (tenantId: Ids.TenantId, accountId: Ids.AccountId) {
  const events = yield* eventsOf(tenantId, Account.streamId(accountId))
  return events.filter(({ type }) => type === "items_reconciled").map(({ data }) => data)
})
