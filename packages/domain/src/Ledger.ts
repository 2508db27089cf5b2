/**
 * The ledger of an account: what the tapes of its feeds and its own stream make of
 * it, held in memory to decide what newly delivered items are.
 *
 * It is the fold behind the view `transactions`, over one account, beside the
 * transactions as they are compared. Which item stands for others follows from
 * three rules: the older feed's stands for the later one's; what a pending item
 * became stands for the pending one; and where a feed corrects the day or the
 * amount of what another one delivered before, the last word stands.
 */
import { DateTime, Effect, Pull, Stream } from "effect"

import * as Account from "./Account.ts"
import type * as Aggregate from "./Aggregate.ts"
import * as EventCodec from "./EventCodec.ts"
import { EventStore, type Recorded } from "./EventStore.ts"
import * as Feed from "./Feed.ts"
import { type AccountId, type FeedId, type TenantId } from "./Ids.ts"
import { doubted } from "./LedgerBalances.ts"
import { applyFindings, commandsOf, first, last, nothing, type Reconcile, reconcile } from "./LedgerFindings.ts"
import { apply, empty, type Ledger, size, unrecorded } from "./LedgerRows.ts"
import { type Provider } from "./Provider.ts"
import * as TransactionsView from "./TransactionsView.ts"
import { type Told } from "./TransactionsView.ts"

export { doubted } from "./LedgerBalances.ts"
export { answered, applyFindings, commandsOf, type Findings, nothing, reconcile } from "./LedgerFindings.ts"
export {
  apply,
  empty,
  knownAs,
  type Ledger,
  questionOf,
  receive,
  type Received,
  rootOf,
  size,
  unrecorded,
} from "./LedgerRows.ts"

/** How a provider's items are read. */
export const readingOf = ({ id, transaction }: Pick<Provider, "id" | "transaction">) =>
  TransactionsView.reading(transaction === undefined ? {} : { [id]: transaction })

/**
 * Reads an account as it stands: the tapes of the feeds that are linked to it, its own stream, and those of accounts
 * that it was ever merged with, where decisions about its feeds may stand. What is decided about the account and not
 * recorded yet counts.
 */
export const load = Effect.fn("Ledger.load")(function* (
  tenantId: TenantId,
  account: Aggregate.Loaded<Account.State> & { readonly events?: ReadonlyArray<Account.Event> },
  tell: ReturnType<typeof readingOf>,
) {
  const { events = [], state, streamId } = account
  const feeds = state.feeds.map(({ feedId }) => feedId)
  const store = yield* EventStore
  const decisions = yield* decisionsOn(tenantId, Account.idOf(streamId), events)
  const tapes = feeds.map((feedId) => tapeOf(store, tenantId, feedId, tell))
  const ledger = empty(tenantId, feeds)
  yield* inOrder([Stream.fromIterable(decisions), ...tapes], (recorded) => apply(ledger, recorded))
  for (const event of events) {
    // Whatever it was elsewhere until now.
    if (event._tag === "account_linked") {
      const { at, feedId } = event
      apply(ledger, unrecorded(tenantId, streamId, { _tag: "account_unlinked" as const, at, feedId }))
    }
    apply(ledger, unrecorded(tenantId, streamId, tell({ event, streamId })))
  }
  return ledger
})

/** The events of an account, and of those that it was ever merged with. */
const decisionsOn = Effect.fnUntraced(function* (
  tenantId: TenantId,
  accountId: AccountId,
  pending: ReadonlyArray<Account.Event>,
) {
  const store = yield* EventStore
  const told: Array<Recorded<Told>> = []
  const related = new Set([accountId])
  const relate = (event: Account.Event) => {
    if (event._tag === "accounts_merged" || event._tag === "accounts_unmerged") related.add(event.other)
  }
  for (const event of pending) relate(event)
  for (const id of related) {
    const events = decodeAccount(store.readStream(tenantId, Account.streamId(id), { sealed: false }))
    yield* Stream.runForEach(events, (recorded) =>
      Effect.sync(() => {
        relate(recorded.event)
        told.push({ ...recorded, event: decisionOf(recorded) })
      }),
    )
  }
  return told.toSorted((a, b) => Number(a.position - b.position))
})

const decisionOf = TransactionsView.reading({})

/** Events of a tape that are decrypted together: each may hold some megabytes. */
const decryptedAtOnce = 8

/** A tape, with its items read and their content let go. */
const tapeOf = (store: EventStore["Service"], tenantId: TenantId, feedId: FeedId, tell: ReturnType<typeof readingOf>) =>
  store.readStream(tenantId, Feed.streamId(feedId)).pipe(
    Stream.rechunk(decryptedAtOnce),
    decodeFeed,
    Stream.map((recorded): Recorded<Told> => ({ ...recorded, event: tell(recorded) })),
  )

/** Goes through several streams in the order in which their events were recorded, and holds no more than a part of each. */
const inOrder = <A, E, R>(
  streams: ReadonlyArray<Stream.Stream<Recorded<A>, E, R>>,
  use: (recorded: Recorded<A>) => void,
) =>
  Effect.gen(function* () {
    const parts: Array<{
      readonly next: Effect.Effect<ReadonlyArray<Recorded<A>>, E, R>
      events: ReadonlyArray<Recorded<A>>
      at: number
    }> = []
    for (const stream of streams) {
      const pull = yield* Stream.toPull(stream)
      const next = Pull.catchDone(pull, () => Effect.succeed<ReadonlyArray<Recorded<A>>>([]))
      parts.push({ next, events: yield* next, at: 0 })
    }
    for (;;) {
      let first: (typeof parts)[number] | undefined
      let recorded: Recorded<A> | undefined
      for (const part of parts) {
        const head = part.events[part.at]
        if (head === undefined || (recorded !== undefined && recorded.position < head.position)) continue
        first = part
        recorded = head
      }
      if (first === undefined || recorded === undefined) return
      use(recorded)
      first.at++
      if (first.at < first.events.length) continue
      first.events = yield* first.next
      first.at = 0
    }
  }).pipe(Effect.scoped)

/** Whether nothing was ever delivered into a feed. */
const isBlank = Effect.fnUntraced(function* (tenantId: TenantId, feedId: FeedId) {
  const store = yield* EventStore
  const events = yield* Stream.runCollect(
    store.readStream(tenantId, Feed.streamId(feedId), { limit: 1, sealed: false }),
  )
  return events.length === 0
})

const decodeAccount = EventCodec.decodeStream(Account)
const decodeFeed = EventCodec.decodeStream(Feed)

/**
 * What whole feeds are in the account that they were linked to with items in them: once a person has answered, with a
 * merge, or when a link is undone. The commands go into the append that links them. Each is compared with the feeds
 * that are not named, one after the other.
 */
export const reconcileFeeds = Effect.fn("Ledger.reconcileFeeds")(function* (
  provider: Pick<Provider, "id" | "transaction">,
  /** As it will be: linked, merged or parted. */
  account: Aggregate.Loaded<Account.State> & { readonly events?: ReadonlyArray<Account.Event> },
  feedIds: ReadonlyArray<FeedId>,
) {
  const isEmpty = yield* Effect.forEach(feedIds, (feedId) => isBlank(account.tenantId, feedId))
  if (isEmpty.every(Boolean)) return []
  const ledger = yield* load(account.tenantId, account, readingOf(provider))
  const against = ledger.feeds.filter((feedId) => !feedIds.includes(feedId))
  const isLinkedNow = (feedId: FeedId) =>
    account.events?.some((event) => event._tag === "account_linked" && event.feedId === feedId) ?? false
  return yield* reconcileOneByOne(ledger, account, feedIds, {
    againstOf: () => against,
    isOrdered: (feedId) => !isLinkedNow(feedId),
  })
})

/**
 * What the items are that an account knew as items of a feed, now that this one goes: later feeds that both had the
 * same from it have it from each other. The commands go into the append that ends the link. None where the feed was the
 * last one linked, so that undoing a link leaves no trace.
 */
export const reconcileRest = Effect.fn("Ledger.reconcileRest")(function* (
  provider: Pick<Provider, "id" | "transaction">,
  account: Aggregate.Loaded<Account.State>,
  /** What is decided about it. */
  unlinked: Aggregate.Change<Account.State, Account.Event>,
) {
  const linked = account.state.feeds.map(({ feedId }) => feedId)
  const feeds = unlinked.state.feeds.map(({ feedId }) => feedId)
  const gone = new Set(linked.filter((feedId) => !feeds.includes(feedId)))
  const tell = readingOf(provider)
  const before = yield* load(account.tenantId, account, tell)
  const freed = new Map<FeedId, Array<Feed.ItemId>>()
  for (const { row } of before.rows.rows.values()) {
    const { feed_id, item_id, same_as_feed } = row
    if (same_as_feed === null || !gone.has(same_as_feed) || gone.has(feed_id)) continue
    if (linked.indexOf(feed_id) < linked.indexOf(same_as_feed)) continue
    freed.set(feed_id, [...(freed.get(feed_id) ?? []), item_id])
  }
  if (freed.size === 0) return []
  const ledger = { ...before, feeds }
  for (const event of unlinked.events) {
    apply(ledger, unrecorded(account.tenantId, account.streamId, tell({ event, streamId: account.streamId })))
  }
  return yield* reconcileOneByOne(
    ledger,
    unlinked,
    feeds.filter((feedId) => freed.has(feedId)),
    {
      againstOf: (feedId) => feeds.slice(0, feeds.indexOf(feedId)),
      isOrdered: () => true,
      itemsOf: (feedId) => freed.get(feedId) ?? [],
    },
  )
})

const reconcileOneByOne = Effect.fnUntraced(function* (
  ledger: Ledger,
  { streamId }: Aggregate.Loaded<Account.State>,
  feedIds: ReadonlyArray<FeedId>,
  {
    againstOf,
    isOrdered,
    itemsOf = (feedId) => (ledger.byFeed.get(feedId) ?? []).map(({ item }) => item.item),
  }: {
    readonly againstOf: (feedId: FeedId) => ReadonlyArray<FeedId>
    readonly isOrdered: (feedId: FeedId) => boolean
    readonly itemsOf?: (feedId: FeedId) => ReadonlyArray<Feed.ItemId>
  },
) {
  const at = yield* DateTime.now
  const commands: Array<Reconcile> = []
  for (const feedId of feedIds) {
    const items = itemsOf(feedId)
    if (items.length === 0) continue
    const known = ledger.covered.get(feedId)
    const covered = known ?? daysIn(ledger, feedId)
    const received = { recorded: items, corrected: [], withdrawn: [] }
    const options = { against: againstOf(feedId), covered, isOrdered: isOrdered(feedId) }
    const findings = reconcile(ledger, feedId, received, options)
    const isSilent = Object.values(findings).every((found) => found.length === 0)
    if (isSilent && known !== undefined) continue
    const base = { at, feedId, run: "link", added: 0, known: 0, ...(covered !== undefined && { covered }) }
    applyFindings(ledger, streamId, base, findings)
    const asked = doubted(ledger, feedId)
    applyFindings(ledger, streamId, base, { ...nothing, asked })
    const all = { ...findings, asked: [...findings.asked, ...asked] }
    commands.push(...commandsOf({ ...base, items: size(ledger) }, all))
  }
  return commands
})

/** From the first to the last day that a feed has delivered something of. */
const daysIn = ({ byFeed }: Ledger, feedId: FeedId): Account.Days | undefined => {
  let days: Account.Days | undefined
  for (const { transaction } of byFeed.get(feedId) ?? []) {
    const date = transaction?.date
    if (date !== undefined) days = { from: first(days?.from ?? date, date), to: last(days?.to ?? date, date) }
  }
  return days
}
