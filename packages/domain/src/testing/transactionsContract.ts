/**
 * What the view `transactions` must come to on every store: the rows of the fold, whatever links, merges, their ends
 * and forgetting did in between, in batches of any size and rebuilt.
 */
import { assert, layer } from "@effect/vitest"
import { Arbitrary, DateTime, Duration, Effect, type Layer, Result, Schema, Stream } from "effect"
import { SecureRandom } from "effect/crypto"

import * as Account from "../Account.ts"
import * as Aggregate from "../Aggregate.ts"
import { DataKeys } from "../DataKeys.ts"
import * as EventCodec from "../EventCodec.ts"
import { beginning, categoryOf, EventLog, EventStore, type Recorded, type StreamId } from "../EventStore.ts"
import * as Feed from "../Feed.ts"
import { AccountId, ConnectionId, EventId, FeedId, ProviderId, system, TenantId } from "../Ids.ts"
import * as Links from "../Links.ts"
import * as Personal from "../Personal.ts"
import * as Projection from "../Projection.ts"
import * as ProjectionRunner from "../ProjectionRunner.ts"
import * as Rebuild from "../Rebuild.ts"
import { type Sealer } from "../Sealer.ts"
import * as TransactionsView from "../TransactionsView.ts"
import * as Verify from "../Verify.ts"
import { type Views, ViewStore } from "../ViewStore.ts"

type Stores = EventStore | EventLog | Views | ViewStore | Sealer | DataKeys | SecureRandom.SecureRandom

/** Registers the properties as a suite. */
export const transactionsContract = <E>(
  name: string,
  stores: Layer.Layer<Stores, E>,
  options: { readonly runs?: number } = {},
) =>
  layer(stores, { timeout: Duration.seconds(60), excludeTestServices: true })(name, (it) => {
    const property = { timeout: 120_000, arbitrary: { runs: options.runs ?? 40, size: 40, maxShrinks: 60 } }

    it.effect.prop(
      "a run in batches of any size, and a rebuild, give the rows of the fold",
      [history, Schema.Literals([1, 2, 3, 7, 1000]), Schema.Literals([1, 5_000, 96_000_000])],
      ([history, batchSize, memory]) =>
        Effect.gen(function* () {
          const half = Math.floor(history.length / 2)
          const tenantId = yield* record(yield* newTenant, history.slice(0, half))
          yield* ProjectionRunner.catchUp(view, { batchSize })
          yield* record(tenantId, history.slice(half))
          yield* ProjectionRunner.catchUp(view, { batchSize })
          const rows = yield* stored
          assert.deepStrictEqual(rows, yield* folded)
          yield* Rebuild.rebuild(view, { memory, batchSize: 10 })
          assert.deepStrictEqual(yield* stored, rows)
          assert.deepInclude(yield* Verify.verify(view), { missing: [], extra: [], different: [], deadLetters: [] })
        }),
      property,
    )

    it.effect("an answer about an item is given once, and shows", () =>
      Effect.gen(function* () {
        const tenantId = yield* newTenant
        yield* record(tenantId, question)
        const [older, newer] = [feedId(1), feedId(0)]
        const held = { feedId: older, item: "item 0" }
        const asked = { accountId: accountId(0), item: { feedId: newer, item: "item 0" } }
        const by = { tenantId, actor: system }
        const reader = { id: provider, transaction: read }
        const stale = yield* Effect.flip(
          Links.answerItem(reader, { ...asked, item: { feedId: newer, item: "item 1" } }, held, by),
        )
        assert.strictEqual(stale._tag, "ItemNotAsked")
        yield* Links.answerItem(reader, asked, held, by)
        yield* Links.answerItem(reader, asked, held, by)
        const other = yield* Effect.flip(Links.answerItem(reader, asked, "another", by))
        assert.strictEqual(other._tag, "ItemNotAsked")
        yield* ProjectionRunner.catchUp(view)
        assert.deepStrictEqual(yield* TransactionsView.asked(tenantId, accountId(0)), [])
        const [row] = yield* TransactionsView.ofFeed(tenantId, newer)
        assert.deepInclude(row, { same_as_feed: older, same_as_item: "item 0", how: "same", may_be_feed: null })
        const account = yield* loadAccount(tenantId, accountId(0))
        assert.strictEqual(account.version, question.filter(({ kind }) => kind !== "deliver").length + 1)
      }),
    )
  })

const loadAccount = Aggregate.load(Account)

const Step = Schema.Struct({
  kind: Schema.Literals([
    "deliver",
    "deliver",
    "deliver",
    "revise",
    "withdraw",
    "reconcile",
    "reconcile",
    "reconcile",
    "link",
    "unlink",
    "merge",
    "unmerge",
    "forget",
    "open",
    "balance",
  ]),
  feed: Schema.Literals([0, 1, 2]),
  other: Schema.Literals([0, 1, 2]),
  account: Schema.Literals([0, 1]),
  items: Schema.Array(Schema.Literals([0, 1, 2, 3])).check(Schema.isMinLength(1), Schema.isMaxLength(4)),
  how: Schema.Literals([0, 1, 2, 3, 4]),
})
type Step = typeof Step.Type

/** One item each, of which a person is asked whether they are one. */
const question: ReadonlyArray<Step> = [
  { kind: "open", feed: 0, other: 0, account: 0, items: [0], how: 1 },
  { kind: "link", feed: 1, other: 0, account: 0, items: [0], how: 1 },
  { kind: "link", feed: 0, other: 0, account: 0, items: [0], how: 1 },
  { kind: "deliver", feed: 1, other: 0, account: 0, items: [0], how: 1 },
  { kind: "deliver", feed: 0, other: 0, account: 0, items: [0], how: 1 },
  { kind: "reconcile", feed: 0, other: 0, account: 0, items: [0], how: 2 },
]

/** Whatever the aggregates would refuse is in it too: the fold is total. */
const history = Arbitrary.array(Arbitrary.schema(Step), { maxLength: 40 })

const provider = ProviderId.make("bank")

const read: TransactionsView.Reader = (content) =>
  typeof content === "number"
    ? Result.succeed({
        id: "",
        date: `2026-08-0${1 + (content % 9)}`,
        authorized: content % 2 === 0 ? null : "2026-08-01",
        amount: content * 100 - 150,
        currency: "EUR",
        description: `a text with \0 and ${"\ud800"}: ${content}`,
        merchant: content % 3 === 0 ? null : "CAFÉ ÜBER",
        pending: content % 2 === 0,
        transactionId: null,
        pendingId: null,
        counterparty: null,
        check: null,
        references: [],
        owner: null,
        status: content === 3 ? "SCHD" : null,
      })
    : Result.fail("no number")

const view = TransactionsView.make({ [provider]: read })

const feedId = (n: number) => FeedId.make(`0b9d8c1e-3f60-4f0b-8a4c-00000000000${n}`)
const accountId = (n: number) => AccountId.make(`7f1c2f6e-5a0e-4a5a-9b1e-00000000000${n}`)
const connectionId = (n: number) => ConnectionId.make(`5b1c2f6e-5a0e-4a5a-9b1e-00000000000${n}`)

interface Told {
  readonly streamId: StreamId
  readonly event: TransactionsView.Event
}

const toldBy = ({ account, feed, how, items, kind, other }: Step, index: number): Told => {
  const at = DateTime.makeUnsafe(1_767_225_600_000 + index * 61_001)
  const ofFeed = { streamId: Feed.streamId(feedId(feed)) }
  const ofAccount = { streamId: Account.streamId(accountId(account)) }
  const itemIds = [...new Set(items)].map((n) => `item ${n}`)
  const delivery = {
    at,
    connectionId: connectionId(feed),
    provider,
    ...(how > 0 && { accountId: accountId(account) }),
    source: "checking",
    run: "run",
  }
  const personal = Personal.reveal({
    items: itemIds.map((_, n): Schema.Json => ((n + how) % 4 === 0 ? "unreadable" : n + how)),
  })
  const link = {
    feedId: feedId(feed),
    connectionId: connectionId(feed),
    source: "checking",
    confidence: "high",
    evidence: [],
  } as const
  const merger = {
    at,
    role: how === 3 ? "absorbed" : "kept",
    other: accountId(1 - account),
    feeds: [link],
    beside: [feedId((feed + 1) % 3), ...(how === 0 ? [] : [feedId((feed + 2) % 3)])],
  } as const
  const refOf = (item: string, n: number) => ({ feedId: feedId((n + other) % 3), item })
  switch (kind) {
    case "deliver":
      return { ...ofFeed, event: { _tag: "items_recorded", ...delivery, itemIds, personal } }
    case "revise":
      return { ...ofFeed, event: { _tag: "items_revised", ...delivery, itemIds, personal } }
    case "withdraw":
      return { ...ofFeed, event: { _tag: "items_withdrawn", ...delivery, itemIds } }
    case "balance":
      return {
        ...ofFeed,
        event: { _tag: "balance_recorded", ...delivery, on: "2026-08-01", personal: Personal.reveal({ amount: how }) },
      }
    case "open":
      return { ...ofAccount, event: { _tag: "account_opened", at, provider } }
    case "link":
      return { ...ofAccount, event: { _tag: "account_linked", at, ...link, personal: Personal.withheld } }
    case "unlink":
      return { ...ofAccount, event: { _tag: "account_unlinked", at, feedId: feedId(feed), reason: "undone" } }
    case "merge":
      return { ...ofAccount, event: { _tag: "accounts_merged", ...merger } }
    case "unmerge":
      return { ...ofAccount, event: { _tag: "accounts_unmerged", ...merger } }
    case "forget":
      return { ...ofFeed, event: { _tag: "forgotten", at } }
    case "reconcile":
      return {
        ...ofAccount,
        event: {
          _tag: "items_reconciled",
          at,
          feedId: feedId(feed),
          run: "run",
          added: 0,
          known: 0,
          ...(how === 0 && { backfill: itemIds }),
          ...(how === 1 && { lapsed: itemIds.map(refOf) }),
          ...(how === 2 && {
            asked: itemIds.map((item, n) => ({
              item,
              candidates: [refOf(`item ${n}`, n + 1)],
              reason: "other_merchant",
            })),
          }),
          ...(how === 4 && {
            answered: itemIds.map((item, n) => (n % 2 === 0 ? { item } : { item, as: refOf("item 0", n) })),
          }),
          ...(how === 3 && {
            same: itemIds.map((item, n) => ({
              feedId: feedId(feed),
              item,
              as: refOf(`item ${(n + other) % 4}`, n),
              how: n % 2 === 0 ? ("same" as const) : ("posted" as const),
            })),
          }),
        },
      }
  }
}

/** Appends a history, each step alone. Of a feed that was forgotten there is nothing more to tell. */
const record = Effect.fnUntraced(function* (tenantId: TenantId, history: ReadonlyArray<Step>) {
  const store = yield* EventStore
  const random = yield* SecureRandom.SecureRandom
  const keys = yield* DataKeys
  for (const [index, step] of history.entries()) {
    const { event, streamId } = toldBy(step, index)
    const forgotten = yield* Stream.runCollect(store.readStream(tenantId, streamId, { sealed: false })).pipe(
      Effect.map((events) => events.some(({ event: { type } }) => type === "forgotten")),
    )
    if (forgotten) continue
    const codec = categoryOf(streamId) === Feed.name ? encodeFeed : encodeAccount
    const encoded = yield* codec(tenantId, streamId, EventId.make(yield* random.uuidV7()), event)
    yield* store.append({
      tenantId,
      streams: [{ streamId, expected: "any", events: [encoded] }],
      metadata: { actor: system },
      ...(event._tag === "forgotten" && { forget: [streamId] }),
    })
    if (event._tag === "forgotten") yield* keys.evict(tenantId, [streamId])
  }
  return tenantId
})

const either: Readonly<Record<string, EventCodec.EventCodec<TransactionsView.Event>>> = TransactionsView.codecs
const feedCodec = either[Feed.name] ?? Feed
const encodeFeed = EventCodec.encode<TransactionsView.Event>(feedCodec)
const encodeAccount = EventCodec.encode<TransactionsView.Event>(either[Account.name] ?? Account)
const decodeFeed = EventCodec.decode<TransactionsView.Event>(feedCodec)
const decodeAccount = EventCodec.decode<TransactionsView.Event>(either[Account.name] ?? Account)

const stored = Effect.gen(function* () {
  const store = yield* ViewStore
  return sorted(yield* Stream.runCollect(store.rows(view, yield* store.open(view))))
})

/** The rows as the definition alone says, in one go. */
const folded = Effect.gen(function* () {
  const log = yield* EventLog
  const encoded = yield* Stream.runCollect(log.read(beginning, { categories: [Feed.name, Account.name] }))
  const events: Array<Recorded<TransactionsView.Event>> = []
  for (const recorded of encoded) {
    events.push(yield* categoryOf(recorded.streamId) === Feed.name ? decodeFeed(recorded) : decodeAccount(recorded))
  }
  return sorted(Projection.fold(view, [], events).upserts)
})

const sorted = (rows: ReadonlyArray<Projection.Owned<TransactionsView.Row>>) =>
  rows
    .map(({ row, tenantId }) => [Projection.rowKey(view, tenantId, row), row] as const)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))

const newTenant = Effect.flatMap(SecureRandom.SecureRandom, (random) =>
  Effect.map(random.uuidV4(), (id) => TenantId.make(`tenant ${id}`)),
)
