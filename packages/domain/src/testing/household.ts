/**
 * A household with accounts at a bank: a tenant of its own, with what its members
 * can do and what can be seen of it.
 */
import { DateTime, Duration, Effect, Layer, Stream } from "effect"
import { Digest, SecureRandom } from "effect/crypto"

import * as Account from "../Account.ts"
import * as AccountKeysView from "../AccountKeysView.ts"
import * as AccountsView from "../AccountsView.ts"
import * as Aggregate from "../Aggregate.ts"
import * as Connection from "../Connection.ts"
import * as ConnectionsView from "../ConnectionsView.ts"
import { type DataKeys } from "../DataKeys.ts"
import * as EventCodec from "../EventCodec.ts"
import * as EventStore from "../EventStore.ts"
import * as Feed from "../Feed.ts"
import * as Ids from "../Ids.ts"
import { type Inbox } from "../Inbox.ts"
import { type KeyedHash } from "../KeyedHash.ts"
import { type Leases } from "../Leases.ts"
import * as Links from "../Links.ts"
import type * as Profile from "../matching/Profile.ts"
import * as Personal from "../Personal.ts"
import * as ProjectionRunner from "../ProjectionRunner.ts"
import { type Source } from "../Provider.ts"
import * as Reconnection from "../Reconnection.ts"
import * as Registration from "../Registration.ts"
import * as ReviewsView from "../ReviewsView.ts"
import { type Sealer } from "../Sealer.ts"
import { type Vault } from "../Vault.ts"
import * as ViewStore from "../ViewStore.ts"

/** What a store gives. */
export type Services =
  | DataKeys
  | EventStore.EventLog
  | EventStore.EventStore
  | Inbox
  | KeyedHash
  | Leases
  | Sealer
  | Vault
  | ViewStore.Views
  | ViewStore.ViewStore

export const bank = { id: Ids.ProviderId.make("bank"), itemsPerCall: 100 }

/** A bank of which each owner has one login at a time. */
export const club = { id: Ids.ProviderId.make("club"), itemsPerCall: 100 }

const views = [ConnectionsView, AccountsView, AccountKeysView, ReviewsView] as const

/** Every view kept up to the log while the tests run. */
const running = Layer.effectDiscard(
  Effect.all([
    Effect.forkScoped(ProjectionRunner.run(ConnectionsView)),
    Effect.forkScoped(ProjectionRunner.run(AccountsView)),
    Effect.forkScoped(ProjectionRunner.run(AccountKeysView)),
    Effect.forkScoped(ProjectionRunner.run(ReviewsView)),
  ]),
)

const offered = Registration.Providers.layer({ [bank.id]: { slot: Registration.severalPerOwner }, [club.id]: {} })

/** A store with its views running, for households. */
export const inhabited = <E>(store: Layer.Layer<Services, E>) =>
  Layer.merge(running, offered).pipe(
    Layer.provideMerge(store),
    Layer.provideMerge(Layer.merge(SecureRandom.layerWebCrypto, Digest.layerWebCrypto)),
  )

/** How the suites of households run. */
export const inReal = { timeout: Duration.seconds(120), excludeTestServices: true } as const

export type Described = Omit<Profile.Description, "externalId">

const account: Described = {
  institution: { id: "ins_4", name: "Wells Fargo" },
  type: "depository",
  currency: "USD",
}

export const checking = (mask: string): Described => ({
  ...account,
  mask,
  name: "Everyday Checking",
  subtype: "checking",
})

export const savings = (mask: string): Described => ({ ...account, mask, name: "Holiday Savings", subtype: "savings" })

export const numbered = (mask: string, value: string): Described => ({
  ...checking(mask),
  number: { value, tokenized: false },
})

/** What is known only when the provider is asked for it. */
export const renamed = (mask: string, name: string, value: string): Described => ({
  ...savings(mask),
  name,
  number: { value, tokenized: false },
})

/** A tenant of its own, with what its members can do. */
export const household = Effect.gen(function* () {
  const random = yield* SecureRandom.SecureRandom
  const tenantId = Ids.TenantId.make(yield* random.uuidV7())
  const uuid = random.uuidV4()
  const by: Links.By = { tenantId, actor: { kind: "owner", id: "ada" } }
  let last: Reconnection.Consent | undefined

  /** Connects accounts under ids that are all new, as banks do. */
  const connect = Effect.fnUntraced(function* (
    [owner, reconnects, asked]: readonly [
      owner: string,
      reconnects?: Ids.ConnectionId | undefined,
      asked?: Array<ReadonlyArray<string>>,
    ],
    ...accounts: ReadonlyArray<Described>
  ) {
    const sources = yield* Effect.forEach(accounts, (account) =>
      Effect.map(uuid, (key) => ({ key, account: { ...account, externalId: key } })),
    )
    const isAsked = asked !== undefined
    const consent: Reconnection.Consent = {
      request: {
        tenantId,
        ownerId: Ids.OwnerId.make(owner),
        provider: bank.id,
        authorization: Ids.AuthorizationRef.make(yield* uuid),
        connectionId: Ids.ConnectionId.make(yield* uuid),
        door: "callback",
        actor: { kind: "owner", id: owner },
      },
      sources: isAsked
        ? sources.map(({ account, key }) => ({ key, account: { ...account, number: undefined } }))
        : sources,
      reconnects,
      ...(isAsked && {
        acquire: (missing) => {
          asked.push(missing)
          return Effect.succeed(sources)
        },
      }),
    }
    last = consent
    return yield* Reconnection.connect(bank, consent)
  })

  /** Connects what is described, on other terms than those of {@link connect}. */
  const consent = Effect.fnUntraced(function* (
    owner: string,
    sources: ReadonlyArray<Source>,
    terms: Partial<Registration.Request> = {},
  ) {
    return yield* Reconnection.connect(terms.provider === club.id ? club : bank, {
      request: {
        tenantId,
        ownerId: Ids.OwnerId.make(owner),
        provider: bank.id,
        authorization: Ids.AuthorizationRef.make(yield* uuid),
        door: "callback",
        actor: { kind: "owner", id: owner },
        ...terms,
      },
      sources,
    })
  })

  /** An account under an id that is new. */
  const source = (account: Described) =>
    Effect.map(uuid, (key): Source => ({ key, account: { ...account, externalId: key } }))

  const tell = (connectionId: Ids.ConnectionId, command: Connection.Command) =>
    handleConnection(tenantId, connectionId, command, { metadata: { actor: Ids.system } })

  /** The only page of a feed that is linked, as the sync engine records it: so many items, in these days. */
  const deliver = Effect.fnUntraced(function* (
    { connectionId, feedId, source }: Account.LinkedFeed,
    covered: Account.Days,
    count: number,
  ) {
    const at = yield* DateTime.now
    const store = yield* EventStore.EventStore
    const holder = yield* store.holderOf(tenantId, Account.feedClaim(feedId))
    if (holder === undefined) return yield* Effect.die("a feed that is not linked")
    const accountId = Account.idOf(holder)
    const itemIds = Array.from({ length: count }, (_, n) => Feed.ItemId.make(`${feedId} ${n}`))
    const run = yield* uuid
    const feed = yield* Effect.fromResult(
      decideFeed(yield* loadFeed(tenantId, feedId), {
        _tag: "RecordItems",
        at,
        connectionId,
        provider: bank.id,
        accountId,
        source,
        run,
        itemIds,
        personal: Personal.reveal({ items: itemIds.map(() => ({})) }),
      }),
    )
    const connection = yield* Effect.fromResult(
      decideConnection(yield* loadConnection(tenantId, connectionId), {
        _tag: "RecordPage",
        at,
        feedId,
        run,
        cursorBefore: null,
        cursorAfter: "end",
        items: count,
        complete: true,
      }),
    )
    const account = yield* Effect.fromResult(
      decideAccount(yield* loadAccount(tenantId, accountId), {
        _tag: "Reconcile",
        at,
        feedId,
        run,
        added: count,
        known: 0,
        covered,
      }),
    )
    yield* Aggregate.append([feed, account, connection], { metadata: { actor: Ids.system } })
  })

  const rows = Effect.gen(function* () {
    yield* settled
    return (yield* AccountsView.list(tenantId)).toSorted((a, b) => ((a.mask ?? "") < (b.mask ?? "") ? -1 : 1))
  })
  /** The two that `rows` has first. */
  const twoAccounts = Effect.flatMap(rows, ([one, other]) =>
    one === undefined || other === undefined
      ? Effect.die("fewer than two accounts")
      : Effect.succeed([one.account_id, other.account_id] as const),
  )
  const reviews = Effect.andThen(
    settled,
    Effect.flatMap(ReviewsView.open(tenantId), (open) => (open.length > 0 ? Effect.succeed(open) : answered(tenantId))),
  )
  const connection = ({ connectionId }: { readonly connectionId: Ids.ConnectionId }) =>
    Effect.map(loadConnection(tenantId, connectionId), ({ state }) => state)

  /** Two twins held, one delivered: a question. */
  const ask = Effect.gen(function* () {
    const first = yield* connect(["ada"], checking("0001"), checking("0001"))
    const second = yield* connect(["ada"], checking("0001"))
    const [review] = yield* reviews
    const candidate = Ids.AccountId.make(String(review?.candidates[0]?.["accountId"]))
    const question = {
      connectionId: second.connectionId,
      reviewId: review?.review_id ?? Ids.ReviewId.make("00000000-0000-4000-8000-000000000000"),
    }
    return { first, second, question, candidate }
  })

  return {
    tenantId,
    by,
    connect,
    consent,
    source,
    tell,
    deliver,
    account: (accountId: Ids.AccountId) => Effect.map(loadAccount(tenantId, accountId), ({ state }) => state),
    again: Effect.suspend(() => (last === undefined ? Effect.die("nothing yet") : Reconnection.connect(bank, last))),
    rows,
    twoAccounts,
    reviews,
    ask,
    connection,
    resolve: (question: Links.Question, answer: Ids.AccountId | "another") => Links.resolve(bank, question, answer, by),
    linksOf: (accountId: Ids.AccountId) => Effect.map(loadAccount(tenantId, accountId), ({ state }) => state.feeds),
    version: ({ connectionId }: { readonly connectionId: Ids.ConnectionId }) =>
      Effect.map(loadConnection(tenantId, connectionId), ({ version }) => version),
    events: ({ connectionId }: { readonly connectionId: Ids.ConnectionId }) => eventsOf(tenantId, connectionId),
  }
})

/** Every view contains what was appended. */
const settled = Effect.gen(function* () {
  const head = yield* (yield* EventStore.EventLog).head
  const { awaitPosition } = yield* ViewStore.Views
  yield* Effect.forEach(views, (view) => awaitPosition(view, head, "10 seconds"))
})

const answered = Effect.fnUntraced(function* (tenantId: Ids.TenantId) {
  const connections = yield* ConnectionsView.list(tenantId)
  const reviews = yield* Effect.forEach(connections, ({ connection_id }) => eventsOf(tenantId, connection_id))
  const ids = reviews.flat().flatMap((event) => (event._tag === "review_opened" ? [event.reviewId] : []))
  return (yield* Effect.forEach(ids, (id) => ReviewsView.get(tenantId, id))).flatMap((row) => row ?? [])
})

const eventsOf = Effect.fnUntraced(function* (tenantId: Ids.TenantId, connectionId: Ids.ConnectionId) {
  const store = yield* EventStore.EventStore
  const stream = store.readStream(tenantId, Connection.streamId(connectionId))
  return (yield* Stream.runCollect(decode(stream))).map(({ event }) => event)
})

const loadConnection = Aggregate.load(Connection)
const loadAccount = Aggregate.load(Account)
const loadFeed = Aggregate.load(Feed)
const decideConnection = Aggregate.decide(Connection)
const decideAccount = Aggregate.decide(Account)
const decideFeed = Aggregate.decide(Feed)
const handleConnection = Aggregate.handle(Connection)
const decode = EventCodec.decodeStream(Connection)
