/**
 * The view `accounts`: every outside account that the tenant holds, one row each.
 *
 * It holds personal data in the clear (how the bank and its customer call the
 * account), for those whom the host lets read it. The profile, which matching
 * compares, identifies nobody.
 */
import { DateTime, Effect, Option, Schema } from "effect"

import * as Account from "./Account.ts"
import * as AccountKeysView from "./AccountKeysView.ts"
import { type Appearance, type Confidence } from "./Connection.ts"
import { type Recorded } from "./EventStore.ts"
import { type AccountId, type ConnectionId, type FeedId, type OwnerId, type ProviderId, type TenantId } from "./Ids.ts"
import { Profile } from "./matching/Profile.ts"
import * as Personal from "./Personal.ts"
import { type Columns } from "./Projection.ts"
import { type Query, Views } from "./ViewStore.ts"

export type Row = {
  readonly account_id: AccountId
  readonly provider: ProviderId
  /** What people recognise it by. Personal data. */
  readonly institution: string | null
  readonly name: string | null
  readonly official_name: string | null
  readonly mask: string | null
  readonly status: "open" | "merged"
  /** The account that it was merged into. */
  readonly merged_into: AccountId | null
  /** A keyed hash, where the provider has an id of the account for good. */
  readonly identity: string | null
  /** The newest link: whose consent delivers the account, and how sure that is. */
  readonly connection_id: ConnectionId | null
  readonly owner_id: OwnerId | null
  readonly confidence: Confidence | null
  /** All links, oldest first, each with the profile that it was made on. */
  readonly feeds: ReadonlyArray<Link>
  /** What each feed has brought: it goes with the link. */
  readonly brought: { readonly [feedId: string]: Brought }
  /** The profiles of feeds that were linked to it by mistake. */
  readonly denied: ReadonlyArray<Schema.Json>
  /** How often links were made, ended or moved. */
  readonly links: number
  /** The newest profile, in the form in which accounts are compared. */
  readonly profile: Schema.Json
  /** First and last day that is held without a hole, as far as is known. */
  readonly covered_from: string | null
  readonly covered_to: string | null
  /** Days that nothing covers, newest last. */
  readonly gaps: ReadonlyArray<Days>
  /** Items of all feeds, each counted once. */
  readonly items: number
  /** Items about which a person is asked. */
  readonly items_asked: number
  readonly opened_at: string
  /** When the last of its events happened, by the clock of whoever reported it. */
  readonly changed_at: string
  /** Of the last of its events. */
  readonly position: number
}

export type Link = {
  readonly feedId: FeedId
  readonly connectionId: ConnectionId
  readonly source: string
  readonly confidence: Confidence
  readonly evidence: ReadonlyArray<string>
  readonly ownerId: OwnerId | null
  readonly profile: Schema.Json
}

type Days = { readonly from: string; readonly to: string }

type Brought = {
  readonly seen: Appearance
  readonly covered: Days | null
  readonly gaps: ReadonlyArray<Days>
  readonly items: number
  readonly asked: number
}

export const name = "accounts"
export const version = 2
export const personal = true

export const columns: Columns<Row> = {
  account_id: "uuid",
  provider: "text",
  institution: "text",
  name: "text",
  official_name: "text",
  mask: "text",
  status: "text",
  merged_into: "uuid",
  identity: "text",
  connection_id: "uuid",
  owner_id: "text",
  confidence: "text",
  feeds: "jsonb",
  brought: "jsonb",
  denied: "jsonb",
  links: "bigint",
  profile: "jsonb",
  covered_from: "date",
  covered_to: "date",
  gaps: "jsonb",
  items: "bigint",
  items_asked: "bigint",
  opened_at: "timestamptz",
  changed_at: "timestamptz",
  position: "bigint",
}

export const key = ["account_id"] as const

/** By status, so that how many are open is counted without reading them. */
export const indexes = [["connection_id"], ["owner_id"], ["status"]] as const

export const codecs = { [Account.name]: Account }

export const touches = ({ streamId }: Recorded<Account.Event>): ReadonlyArray<Partial<Row>> => [
  { account_id: Account.idOf(streamId) },
]

export const evolve = (
  row: Row | undefined,
  { event, position, streamId }: Recorded<Account.Event>,
): Row | undefined => {
  const last = { changed_at: DateTime.formatIso(event.at), position: Number(position) }
  if (event._tag === "forgotten") return undefined
  if (event._tag === "account_opened") {
    const { identity, provider } = event
    return {
      ...unlinked,
      account_id: Account.idOf(streamId),
      provider,
      identity: identity ?? null,
      opened_at: last.changed_at,
      ...last,
    }
  }
  if (row === undefined) return undefined
  switch (event._tag) {
    case "account_linked": {
      const { _tag: _, at: __, personal, ...link } = event
      const seen = Option.getOrElse(Personal.value(personal), (): Appearance => ({}))
      const brought = { ...row.brought, [link.feedId]: { ...broughtBy(row, link.feedId), seen } }
      const feeds = [...without(row.feeds, [link.feedId]), stored(link)]
      return { ...row, ...linkedTo(feeds, brought), links: row.links + 1, ...last }
    }
    case "account_unlinked": {
      const undone = event.reason === "undone" ? row.feeds.find(({ feedId }) => feedId === event.feedId) : undefined
      return {
        ...row,
        ...linkedTo(without(row.feeds, [event.feedId]), broughtWithout(row, [event.feedId])),
        denied: undone === undefined || undone.profile === null ? row.denied : [...row.denied, undone.profile],
        links: row.links + 1,
        ...last,
      }
    }
    case "accounts_merged": {
      const links = row.links + 1
      return event.role === "absorbed"
        ? { ...row, ...newestOf([]), links, status: "merged", merged_into: event.other, ...last }
        : { ...row, ...linkedTo([...row.feeds, ...event.feeds.map(stored)], row.brought), links, ...last }
    }
    case "accounts_unmerged": {
      const links = row.links + 1
      const moved = event.feeds.map(({ feedId }) => feedId)
      return event.role === "absorbed"
        ? {
            ...row,
            ...linkedTo(event.feeds.map(stored), row.brought),
            links,
            status: "open",
            merged_into: null,
            ...last,
          }
        : { ...row, ...linkedTo(without(row.feeds, moved), broughtWithout(row, moved)), links, ...last }
    }
    case "items_reconciled": {
      const { added, answered = [], asked = [], covered, feedId, gap, items } = event
      const before = broughtBy(row, feedId)
      const ofOthers = row.items - (row.feeds.some((feed) => feed.feedId === feedId) ? before.items : 0)
      const now: Brought = {
        ...before,
        covered: covered ?? before.covered,
        gaps: gap === undefined ? before.gaps : [...before.gaps, gap],
        items: items === undefined ? before.items + added : items - ofOthers,
        asked: before.asked + asked.length - answered.length,
      }
      return { ...row, ...linkedTo(row.feeds, { ...row.brought, [feedId]: now }), ...last }
    }
  }
}

/** One account. */
export const get = Effect.fn("AccountsView.get")(function* (tenantId: TenantId, accountId: AccountId) {
  return (yield* select(tenantId, { where: { account_id: accountId }, limit: 1 }))[0]
})

/** A tenant's accounts: all, or those of one owner, connection or provider. */
export const list = Effect.fn("AccountsView.list")(function* (
  tenantId: TenantId,
  where: Partial<Pick<Row, "connection_id" | "owner_id" | "provider" | "status">> = {},
) {
  return yield* select(tenantId, { where, orderBy: [["account_id", "asc"]] })
})

/** What accounts that come in could be among those held. */
export interface Sought {
  readonly keys: Parameters<typeof AccountKeysView.lookup>[1]
  /** Whose consent delivers them. */
  readonly ownerId: OwnerId
  /** What delivers them, and what that is to mend. */
  readonly connectionIds: ReadonlyArray<ConnectionId>
}

/**
 * The accounts that those sought could be: all, where there are not more than `wholeUpTo`; of many, those that are found
 * by a key ({@link AccountKeysView.lookup}), those of the connections, and the owner's, unless the owner has very many.
 * Those that were merged into others are left out. `population` is how many there are, `crowds` how many have a key that
 * was not followed. Many are counted only where nobody has lately: to count them takes longer than all else.
 */
export const candidates = Effect.fn("AccountsView.candidates")(function* (
  tenantId: TenantId,
  { connectionIds, keys, ownerId }: Sought,
  { countedLately, wholeUpTo }: { readonly wholeUpTo: number; readonly countedLately: number | undefined },
) {
  const views = yield* Views
  const isOpen = { status: "open" } as const
  const some = yield* views.count<Row>(self, tenantId, isOpen, wholeUpTo + 1)
  if (some <= wholeUpTo) {
    return { rows: yield* select(tenantId, { where: isOpen }), population: some, crowds: new Map<string, number>() }
  }
  const found = Effect.gen(function* () {
    const { accountIds, crowds } = yield* AccountKeysView.lookup(tenantId, keys)
    return { crowds, rows: yield* select(tenantId, { where: { account_id: accountIds, ...isOpen } }) }
  })
  const ofConnections = select(tenantId, { where: { connection_id: connectionIds, ...isOpen } })
  const ofOwner = Effect.gen(function* () {
    const where = { owner_id: ownerId, ...isOpen }
    const isFew = (yield* views.count<Row>(self, tenantId, where, ofOneOwner + 1)) <= ofOneOwner
    return isFew ? yield* select(tenantId, { where }) : []
  })
  const [{ crowds, rows }, ...more] = yield* Effect.all([found, ofConnections, ofOwner], { concurrency: 3 })
  const counted = countedLately ?? (yield* views.count<Row>(self, tenantId, isOpen))
  const each = new Map([...rows, ...more.flat()].map((row) => [row.account_id, row]))
  return { rows: [...each.values()], population: Math.max(some, counted), crowds }
})

/** So many accounts of one owner are compared, whatever they are. */
const ofOneOwner = 200

/** The profile of a row, as it was recorded. */
export const profileOf = ({ profile }: Row): Profile | undefined => (profile === null ? undefined : profileIn(profile))

export const profileIn = Schema.decodeUnknownSync(Profile)

const self = { name, version, columns, key, indexes }

const select = (tenantId: TenantId, query: Query<Row>) =>
  Effect.flatMap(Views, (views) => views.query<Row>(self, tenantId, query))

type Feeds = Row["feeds"]

const stored = ({
  connectionId,
  confidence,
  evidence,
  feedId,
  ownerId,
  profile,
  source,
}: Account.LinkedFeed): Link => ({
  feedId,
  connectionId,
  source,
  confidence,
  evidence,
  ownerId: ownerId ?? null,
  profile: profile ?? null,
})

const without = (feeds: Feeds, gone: ReadonlyArray<string>): Feeds =>
  feeds.filter(({ feedId }) => !gone.some((id) => id === feedId))

const broughtBy = ({ brought }: Pick<Row, "brought">, feedId: FeedId): Brought =>
  brought[feedId] ?? { seen: {}, covered: null, gaps: [], items: 0, asked: 0 }

const broughtWithout = ({ brought }: Row, gone: ReadonlyArray<string>): Row["brought"] =>
  Object.fromEntries(Object.entries(brought).filter(([feedId]) => !gone.includes(feedId)))

/** What follows from the links, and from what came by them. */
const linkedTo = (feeds: Feeds, brought: Row["brought"]) => {
  const all = feeds.map(({ feedId }) => broughtBy({ brought }, feedId))
  const covered = all.flatMap(({ covered }) => covered ?? [])
  const seen = (of: (seen: Appearance) => string | undefined) =>
    all.reduce<string | null>((last, { seen }) => of(seen) ?? last, null)
  return {
    ...newestOf(feeds),
    brought,
    institution: seen(({ institution }) => institution),
    name: seen(({ name }) => name),
    official_name: seen(({ officialName }) => officialName),
    mask: seen(({ mask }) => mask),
    covered_from: covered.reduce<string | null>(
      (first, { from }) => (first !== null && first < from ? first : from),
      null,
    ),
    covered_to: covered.reduce<string | null>((last, { to }) => (last !== null && last > to ? last : to), null),
    gaps: all.flatMap(({ gaps }) => gaps),
    items: all.reduce((sum, { items }) => sum + items, 0),
    items_asked: all.reduce((sum, { asked }) => sum + asked, 0),
  }
}

const newestOf = (feeds: Feeds) => {
  const newest = feeds.at(-1)
  return {
    feeds,
    connection_id: newest?.connectionId ?? null,
    owner_id: newest?.ownerId ?? null,
    confidence: newest?.confidence ?? null,
    profile: feeds.findLast(({ profile }) => profile !== null)?.profile ?? null,
  }
}

const unlinked = {
  institution: null,
  name: null,
  official_name: null,
  mask: null,
  status: "open",
  merged_into: null,
  connection_id: null,
  owner_id: null,
  confidence: null,
  feeds: [],
  brought: {},
  denied: [],
  links: 0,
  profile: null,
  covered_from: null,
  covered_to: null,
  gaps: [],
  items: 0,
  items_asked: 0,
} as const
