/**
 * What newly delivered items are in an account: decided on its ledger, and put into commands. Pure.
 */
import type * as Account from "./Account.ts"
import { type StreamId } from "./EventStore.ts"
import type * as Feed from "./Feed.ts"
import { type FeedId } from "./Ids.ts"
import {
  addressOf,
  apply,
  type Entry,
  type Ledger,
  pathOf,
  questionOf,
  type Received,
  sameAsOf,
  unrecorded,
} from "./LedgerRows.ts"
import { dateOf, dayOf, type Held, type Row as Transaction } from "./matching/TransactionRow.ts"
import * as Transactions from "./matching/Transactions.ts"
import { type Row } from "./TransactionsView.ts"

export type Reconcile = Extract<Account.Command, { readonly _tag: "Reconcile" }>

/** What a reconciliation says of items. */
export type Findings = Required<Pick<Reconcile, "asked" | "backfill" | "lapsed" | "same">>

export const nothing: Findings = { same: [], asked: [], lapsed: [], backfill: [] }

/** What a reconciliation says beside its findings. */
type Base = Omit<Reconcile, "_tag" | keyof Findings>

/**
 * What items of a feed are in the account. Within the feed ids decide; between feeds the transactions themselves do, by
 * count ({@link Transactions.reconcile}).
 */
export const reconcile = (
  ledger: Ledger,
  feedId: FeedId,
  received: Received,
  options: {
    /** The feeds to compare with: all others, if not said. */
    readonly against?: ReadonlyArray<FeedId> | undefined
    /** What the feed has covered whole, where it has delivered all there is for now. */
    readonly covered?: Account.Days | undefined
    /** What its items are by themselves was found before, and stands. */
    readonly isOrdered?: boolean | undefined
  } = {},
): Findings => {
  const { covered, isOrdered = false } = options
  const draft = drafted(ledger, feedId)
  if (!isOrdered) for (const item of received.recorded) linkPosted(draft, item)
  for (const item of received.corrected) {
    takeOver(draft, item)
    linkPosted(draft, item)
  }
  const against = new Set(options.against ?? ledger.feeds)
  against.delete(feedId)
  compare(draft, received.recorded, against, covered, isOrdered)
  for (const item of received.withdrawn) lapse(draft, item)
  const { asked, backfill, lapsed, same } = draft
  return { same: [...same.values()], asked, lapsed: [...lapsed.values()], backfill }
}

/** A reconciliation in the making. */
interface Draft {
  readonly ledger: Ledger
  readonly feedId: FeedId
  readonly same: Map<string, Findings["same"][number]>
  readonly asked: Array<Findings["asked"][number]>
  readonly lapsed: Map<string, Feed.ItemRef>
  readonly backfill: Array<Feed.ItemId>
  /** Items that stand for themselves now, whatever the ledger says. */
  readonly stands: Set<string>
  readonly address: (item: Feed.ItemRef) => string
  readonly row: (item: Feed.ItemRef) => Row | undefined
  /** What an item is directly, by its row and address. */
  readonly sameAs: (row: Row | undefined, address: string) => Feed.ItemRef | undefined
  readonly path: (item: Feed.ItemRef) => ReadonlyArray<Feed.ItemRef>
}

const drafted = (ledger: Ledger, feedId: FeedId): Draft => {
  const same: Draft["same"] = new Map()
  const stands: Draft["stands"] = new Set()
  const address = (item: Feed.ItemRef) => addressOf(ledger.tenantId, item)
  const sameAs = (row: Row | undefined, address: string) =>
    same.get(address)?.as ?? (stands.has(address) ? undefined : sameAsOf(row))
  return {
    ledger,
    feedId,
    same,
    asked: [],
    lapsed: new Map(),
    backfill: [],
    stands,
    address,
    row: (item) => ledger.rows.rows.get(address(item))?.row,
    sameAs,
    path: (item) => pathOf(ledger, item, sameAs),
  }
}

const link = ({ address, same, stands }: Draft, item: Feed.ItemRef, as: Feed.ItemRef, how: "same" | "posted") => {
  same.set(address(item), { ...item, as, how })
  if (!same.has(address(as))) stands.add(address(as))
}

/** The pending item that this one posts, by the id that the provider gives. */
const linkPosted = (draft: Draft, item: Feed.ItemId) => {
  const { address, feedId, ledger, path, row } = draft
  const posted = { feedId, item }
  const transaction = ledger.items.get(address(posted))?.transaction
  if (transaction === undefined || transaction.pending || transaction.pendingId === null) return
  const pending = { feedId, item: transaction.pendingId }
  const before = path(pending)
  const root = before.at(-1)
  if (root === undefined || row(pending) === undefined || before.some((one) => isSame(one, posted))) return
  if (row(root)?.pending === true) {
    link(draft, pending, posted, "posted")
    link(draft, root, posted, "posted")
  } else if (root.feedId !== feedId) {
    link(draft, pending, posted, "posted")
    if (path(posted).length === 1) link(draft, posted, root, "same")
  } else if (row(root)?.status !== "held") link(draft, pending, posted, "posted")
}

/** The last word about a transaction stands for it. */
const takeOver = (draft: Draft, item: Feed.ItemId) => {
  const corrected = { feedId: draft.feedId, item }
  const [, ...earlier] = draft.path(corrected)
  const root = earlier.at(-1)
  if (root !== undefined && earlier.every(({ feedId }) => feedId !== draft.feedId)) link(draft, root, corrected, "same")
}

/** What the feed takes back is not in the account any more, under whatever item it was known; unless it became another. */
const lapse = ({ address, feedId, lapsed, path, row }: Draft, item: Feed.ItemId) => {
  const [, next, ...rest] = path({ feedId, item })
  if (next === undefined || next.feedId === feedId) return
  const root = rest.at(-1) ?? next
  if (root.feedId !== feedId && row(root)?.status === "held") lapsed.set(address(root), root)
}

/** Days around what is delivered in which the items are looked for that it may be. */
const reach = 30

const compare = (
  draft: Draft,
  items: ReadonlyArray<Feed.ItemId>,
  against: ReadonlySet<FeedId>,
  covered: Account.Days | undefined,
  isOrdered: boolean,
) => {
  const { address, asked, backfill, feedId, lapsed, path, row } = draft
  const delivered = new Map<string, { readonly item: Feed.ItemRef; readonly transaction: Transaction }>()
  for (const item of items) {
    const one = { feedId, item }
    const transaction = draft.ledger.items.get(address(one))?.transaction
    if (transaction === undefined || row(one)?.status !== "held" || path(one).length > 1) continue
    delivered.set(address(one), { item: one, transaction: { ...transaction, id: address(one) } })
  }
  if (against.size === 0 || (delivered.size === 0 && covered === undefined)) return
  const held = candidates(draft, delivered, against, covered !== undefined)
  const { decisions, expire } = Transactions.reconcile({
    held: Array.from(held.values(), ({ transaction }) => transaction),
    delivered: Array.from(delivered.values(), ({ transaction }) => transaction),
    coverage: {
      held: spanOf(draft.ledger, against),
      ...(covered !== undefined && { delivered: covered }),
    },
    sameGeneration: false,
    unstableReferences: false,
  })
  for (const decision of decisions) {
    const one = delivered.get(decision.row)
    if (one === undefined) continue
    switch (decision.action) {
      case "merge": {
        const into = held.get(decision.into)
        if (into === undefined) break
        const isPosted = into.transaction.pending && !one.transaction.pending
        // What stands for a transaction is what is held of it.
        if (isPosted || into.transaction.lapsed) link(draft, into.item, one.item, isPosted ? "posted" : "same")
        else link(draft, one.item, into.item, "same")
        break
      }
      case "collapse": {
        const into = delivered.get(decision.into)
        if (into !== undefined && !isOrdered) link(draft, one.item, into.item, "same")
        break
      }
      case "review":
        // One question at a time.
        if (row(one.item)?.may_be_feed !== null) break
        asked.push({
          item: one.item.item,
          candidates: decision.candidates.flatMap((id) => held.get(id)?.item ?? []),
          reason: decision.doubt,
        })
        break
      case "insert":
        if (decision.backfill && !isOrdered) backfill.push(one.item.item)
        break
      case "ignore":
        break
    }
  }
  for (const { held: id, why } of expire) {
    const pending = held.get(id)?.item
    // That nothing posted it is known only when everything was delivered.
    if (pending !== undefined && (why !== "never_posted" || covered !== undefined)) lapsed.set(id, pending)
  }
}

/** What the other feeds hold near the delivered days, of which this feed has not delivered its own. */
const candidates = (
  { address, feedId, ledger, path, sameAs }: Draft,
  delivered: ReadonlyMap<string, { readonly transaction: Transaction }>,
  against: ReadonlySet<FeedId>,
  withPendings: boolean,
): ReadonlyMap<string, { readonly item: Feed.ItemRef; readonly transaction: Held }> => {
  const found = new Map<string, { readonly item: Feed.ItemRef; readonly transaction: Held }>()
  const taken = new Set<string>()
  for (const { address: near, item, transaction } of nearby(ledger, delivered, withPendings)) {
    const row = ledger.rows.rows.get(near)?.row
    if (row === undefined || transaction === undefined) continue
    const isItself = sameAs(row, near) === undefined
    if (item.feedId === feedId) {
      if (row.status === "held" && !isItself) for (const one of path(item)) taken.add(address(one))
      continue
    }
    if (!against.has(item.feedId) || (!isItself && path(item).length > 1)) continue
    const lapsed = row.status === "lapsed" && transaction.pending
    if (row.status !== "held" && !lapsed) continue
    found.set(near, {
      item,
      transaction: { ...transaction, id: near, aliases: [], edited: false, deleted: false, lapsed },
    })
  }
  for (const one of taken) found.delete(one)
  return found
}

/** Items on the days around those that are delivered, and everything pending. */
const nearby = (
  { byDay, pending }: Ledger,
  delivered: ReadonlyMap<string, { readonly transaction: Transaction }>,
  withPendings: boolean,
): ReadonlySet<Entry> => {
  const days = new Set<number>()
  for (const date of new Set(Array.from(delivered.values(), ({ transaction }) => transaction.date))) {
    for (let around = dayOf(date) - reach; around <= dayOf(date) + reach; around++) days.add(around)
  }
  const near = new Set<Entry>(withPendings ? pending : [])
  for (const day of days) for (const entry of byDay.get(dateOf(day)) ?? []) near.add(entry)
  return near
}

/** From the first to the last day that feeds have covered. */
const spanOf = ({ covered }: Ledger, feeds: ReadonlySet<FeedId>): Account.Days | null => {
  const days = Array.from(feeds).flatMap((feedId) => covered.get(feedId) ?? [])
  return days.length === 0 ? null : days.reduce((a, b) => ({ from: first(a.from, b.from), to: last(a.to, b.to) }))
}

export const first = (a: string, b: string) => (a < b ? a : b)
export const last = (a: string, b: string) => (a > b ? a : b)

const isSame = (a: Feed.ItemRef, b: Feed.ItemRef) => a.feedId === b.feedId && a.item === b.item

/**
 * What follows from a person's answer: that an item is the transaction that it was asked about with, or another one.
 * Nothing where that was answered before; undefined where it is not asked, or not any more.
 */
export const answered = (
  ledger: Ledger,
  { feedId, item }: Feed.ItemRef,
  as: Feed.ItemRef | undefined,
): (Pick<Findings, "same"> & { readonly isNew: boolean }) | undefined => {
  const draft = drafted(ledger, feedId)
  const { path, row, same } = draft
  const one = { feedId, item }
  const question = questionOf(ledger, one)
  if (question?.answer !== undefined) {
    const before = question.answer.as
    const isAgain = before === undefined || as === undefined ? before === as : isSame(before, as)
    return isAgain ? { same: [], isNew: false } : undefined
  }
  const isOpen = row(one)?.may_be_feed !== null && path(one).length === 1
  if (question === undefined || !isOpen) return undefined
  if (as === undefined) return { same: [], isNew: true }
  const root = path(as).at(-1) ?? as
  const isCandidate = question.candidates.some((candidate) => isSame(candidate, as))
  if (!isCandidate || row(root)?.status !== "held") return undefined
  if (isSame(root, one)) return { same: [], isNew: true }
  if (row(root)?.pending === true && row(one)?.pending === false) link(draft, root, one, "posted")
  else link(draft, one, root, "same")
  return { same: [...same.values()], isNew: true }
}

/** Applies what was found, in one. */
export const applyFindings = (ledger: Ledger, streamId: StreamId, base: Base, findings: Findings): void =>
  apply(ledger, unrecorded(ledger.tenantId, streamId, { ...base, ...findings, _tag: "items_reconciled" as const }))

/** Characters of findings that one event takes: what a store allows is more. */
const findingsSize = 500_000

/** The commands that record findings: one, unless there are too many for one event. */
export const commandsOf = (base: Base, findings: Findings): ReadonlyArray<Reconcile> => {
  const commands: Array<Reconcile> = []
  const { covered, gap, items, ...counted } = base
  let part = none()
  let size = 0
  const close = (isLast: boolean) => {
    commands.push({
      _tag: "Reconcile",
      ...counted,
      ...(commands.length > 0 && { added: 0, known: 0 }),
      ...(part.same.length > 0 && { same: part.same }),
      ...(part.asked.length > 0 && { asked: part.asked }),
      ...(part.lapsed.length > 0 && { lapsed: part.lapsed }),
      ...(part.backfill.length > 0 && { backfill: part.backfill }),
      ...(isLast && covered !== undefined && { covered }),
      ...(isLast && gap !== undefined && { gap }),
      ...(isLast && items !== undefined && { items }),
    })
    part = none()
    size = 0
  }
  const makeRoomFor = (finding: unknown) => {
    const length = JSON.stringify(finding).length
    if (size > 0 && size + length > findingsSize) close(false)
    size += length
  }
  for (const one of findings.same) {
    makeRoomFor(one)
    part.same.push(one)
  }
  for (const one of findings.asked) {
    makeRoomFor(one)
    part.asked.push(one)
  }
  for (const one of findings.lapsed) {
    makeRoomFor(one)
    part.lapsed.push(one)
  }
  for (const one of findings.backfill) {
    makeRoomFor(one)
    part.backfill.push(one)
  }
  close(true)
  return commands
}

const none = (): { [Kind in keyof Findings]: Array<Findings[Kind][number]> } => ({
  same: [],
  asked: [],
  lapsed: [],
  backfill: [],
})
