/**
 * Banks through everything, as scenarios that run on any store: the real Plaid
 * client against a simulated Plaid over HTTP, and every port in between.
 */
import { PlaidAccounts, PlaidApi, PlaidConnect, PlaidProvider, PlaidWebhook } from "@holdfast/adapters-plaid"
import { History, type NewAccount, PlaidSimulator, simulatedClient } from "@holdfast/adapters-plaid/testing"
import {
  AccountKeysView,
  AccountsView,
  Aggregate,
  Connection,
  ConnectionsView,
  EventStore,
  Ids,
  ProjectionRunner,
  Registration,
  ReviewsView,
  Sync,
  TransactionsView,
  ViewStore,
} from "@holdfast/domain"
import { Clock, Context, DateTime, Duration, Effect, Layer, Redacted } from "effect"

export const platypus = "ins_109508"
/** A bank whose accounts have an id that outlives every Item. */
export const chase = "ins_56"

/** Plaid, and the adapter that speaks to it. */
export const plaid = Layer.unwrap(
  Effect.map(PlaidSimulator, ({ url }) =>
    Layer.provideMerge(
      PlaidWebhook.Keys.layer,
      PlaidApi.PlaidApi.layer({
        clientId: simulatedClient.id,
        secret: Redacted.make(simulatedClient.secret),
        baseUrl: url,
        limits: {},
        link: { clientName: "Holdfast", countryCodes: ["US", "GB"] },
      }),
    ),
  ),
).pipe(
  Layer.provideMerge(PlaidSimulator.layer()),
  Layer.merge(Registration.Providers.layer({ plaid: { slot: Registration.severalPerOwner } })),
)

const Transactions = TransactionsView.make({ [PlaidProvider.id]: PlaidAccounts.transactionOf })

/** The views that connecting looks into, and people. */
export const views = Layer.effectDiscard(
  Effect.all([
    Effect.forkScoped(ProjectionRunner.run(ConnectionsView)),
    Effect.forkScoped(ProjectionRunner.run(AccountsView)),
    Effect.forkScoped(ProjectionRunner.run(AccountKeysView)),
    Effect.forkScoped(ProjectionRunner.run(ReviewsView)),
    Effect.forkScoped(ProjectionRunner.run(Transactions)),
  ]),
)

export const settled = Effect.gen(function* () {
  const head = yield* (yield* EventStore.EventLog).head
  const { awaitPosition } = yield* ViewStore.Views
  for (const view of [ConnectionsView, AccountsView, AccountKeysView, ReviewsView, Transactions]) {
    yield* awaitPosition(view, head, "30 seconds")
  }
})

/** A person of a tenant at a browser. */
export class Person extends Context.Service<Person, PlaidConnect.Session>()("@holdfast/examples/test/Person") {}

let tenants = 0

/** Somebody of a tenant of their own. */
export const somebody = (owner = "ada"): PlaidConnect.Session => ({
  tenantId: Ids.TenantId.make(`household ${tenants++}`),
  ownerId: Ids.OwnerId.make(owner),
  id: "browser-1",
})

export const account = (name: string, mask: string, more: Partial<NewAccount> = {}): NewAccount => ({
  name,
  mask,
  type: "depository",
  subtype: "checking",
  balance: { current: 100 },
  ...more,
})

export const household = [
  account("Everyday Checking", "1111"),
  account("Rainy Day Savings", "2222", { subtype: "savings" }),
  account("Platypus Card", "3333", { type: "credit", subtype: "credit card" }),
]

/** A login, with so many transactions in each account over the days until now. */
export const bankingFor = Effect.fn("banks.bankingFor")(function* (
  accounts: ReadonlyArray<NewAccount>,
  counts: ReadonlyArray<number>,
  { days = 300, institution = platypus }: { readonly days?: number; readonly institution?: string } = {},
) {
  const simulator = yield* PlaidSimulator
  const opened = yield* simulator.addLogin({ institutionId: institution, accounts })
  for (const [index, id] of opened.accounts.entries()) {
    yield* simulator.seedHistory(id, { count: counts[index] ?? 0, days, seed: `${index}` })
  }
  return opened
})

/** More of it, on the days until today. */
export const banking = Effect.fn("banks.banking")(function* (
  accountId: string,
  { count, days }: { readonly count: number; readonly days: number },
) {
  const simulator = yield* PlaidSimulator
  const to = yield* simulator.now
  const from = DateTime.formatIsoDateUtc(DateTime.subtract(to, { days: days - 1 }))
  const seed = `${accountId} later`
  yield* simulator.addTransactions(accountId, History.history({ count, from, to: DateTime.formatIsoDateUtc(to), seed }))
})

/** A person connects: from the button to the answer of the callback. */
export const consent = Effect.fn("banks.consent")(function* (
  login: string,
  options: { readonly reconnects?: Ids.ConnectionId; readonly accounts?: ReadonlyArray<string> } = {},
) {
  const session = yield* Person
  const simulator = yield* PlaidSimulator
  const { connectionId, linkToken } = yield* hosted(PlaidConnect.begin({ session, reconnects: options.reconnects }))
  const { metadata, publicToken } = yield* simulator.link(Redacted.value(linkToken), {
    login,
    ...(options.accounts !== undefined && { accounts: options.accounts }),
  })
  return { session, connectionId, metadata, publicToken: Redacted.make(publicToken) } satisfies PlaidConnect.Complete
})

export const connect = Effect.fn("banks.connect")(function* (
  login: string,
  options: {
    readonly reconnects?: Ids.ConnectionId
    readonly accounts?: ReadonlyArray<string>
    readonly asNew?: boolean
  } = {},
) {
  const given = yield* consent(login, options)
  const registered = yield* hosted(PlaidConnect.complete({ ...given, asNew: options.asNew }))
  yield* settled
  return registered
})

export const sync = Effect.fn("banks.sync")(function* (connectionId: Ids.ConnectionId) {
  const { tenantId } = yield* Person
  const report = yield* hosted(Sync.run(yield* PlaidProvider.make, tenantId, connectionId))
  yield* settled
  return report
})

export const disconnect = Effect.fn("banks.disconnect")(function* (connectionId: Ids.ConnectionId) {
  const { ownerId, tenantId } = yield* Person
  yield* Aggregate.handle(Connection)(
    tenantId,
    connectionId,
    { _tag: "Disconnect", at: yield* DateTime.now, reason: "owner" },
    { metadata: { actor: { kind: "owner", id: ownerId } } },
  )
  yield* PlaidConnect.release(tenantId, connectionId)
  yield* settled
})

/** The Item of the login that is newest. */
export const itemOf = Effect.fn("banks.itemOf")(function* (login: string) {
  const simulator = yield* PlaidSimulator
  const item = (yield* simulator.items).findLast((item) => item.login === login)
  return item ?? (yield* Effect.die("no Item"))
})

/** Consent ends, and the host learns of it when it looks. */
export const expire = Effect.fn("banks.expire")(function* (login: string, connectionId: Ids.ConnectionId) {
  const simulator = yield* PlaidSimulator
  yield* simulator.expireConsent((yield* itemOf(login)).itemId)
  yield* Effect.exit(sync(connectionId))
  yield* settled
})

/** What a person sees. */
export const seen = Effect.gen(function* () {
  const { tenantId } = yield* Person
  yield* settled
  const accounts = (yield* AccountsView.list(tenantId)).toSorted((a, b) => key(a).localeCompare(key(b)))
  const transactions = yield* Effect.forEach(accounts, ({ account_id }) =>
    TransactionsView.ofAccount(tenantId, account_id),
  )
  return {
    connections: (yield* ConnectionsView.list(tenantId)).filter(({ status }) => status !== "pending"),
    accounts,
    /** Of each account, in the order of the accounts. */
    transactions,
    reviews: yield* ReviewsView.open(tenantId),
  }
})

const key = ({ mask, name, opened_at }: AccountsView.Row) => `${mask} ${name} ${opened_at}`

export const connectionOf = Effect.fn("banks.connectionOf")(function* (connectionId: Ids.ConnectionId) {
  const { tenantId } = yield* Person
  yield* settled
  return (yield* ConnectionsView.get(tenantId, connectionId)) ?? (yield* Effect.die("no such connection"))
})

/** By what calendar the host goes. The banks have their own, which the simulator keeps. */
export const Calendar = Context.Reference<Clock.Clock>("@holdfast/examples/test/Calendar", { defaultValue: () => live })

const hosted = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.flatMap(Calendar, (clock) => Effect.provideService(effect, Clock.Clock, clock))

/** A calendar that is turned by hand, here and at the banks. */
export const calendar = () => {
  let added = 0
  const clock: Clock.Clock = {
    currentTimeMillisUnsafe: () => live.currentTimeMillisUnsafe() + added,
    currentTimeMillis: Effect.suspend(() => Effect.map(live.currentTimeMillis, (now) => now + added)),
    currentTimeNanosUnsafe: () => live.currentTimeNanosUnsafe() + BigInt(added) * 1_000_000n,
    currentTimeNanos: Effect.suspend(() =>
      Effect.map(live.currentTimeNanos, (now) => now + BigInt(added) * 1_000_000n),
    ),
    monotonicTimeNanosUnsafe: () => live.monotonicTimeNanosUnsafe(),
    monotonicTimeNanos: live.monotonicTimeNanos,
    sleep: (duration) => live.sleep(duration),
  }
  const pass = Effect.fn("banks.pass")(function* (duration: Duration.Input) {
    yield* (yield* PlaidSimulator).advance(duration)
    added += Duration.toMillis(duration)
  })
  return { clock, pass }
}

const live = Context.get(Context.empty(), Clock.Clock)
