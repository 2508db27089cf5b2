/**
 * The view `account_keys`: by what an account can be found among many. Whatever
 * could be linked to it is looked up by one of its keys; a key is made of tokens and
 * says nothing to whoever reads it.
 */
import { DateTime, Effect } from "effect"

import * as Account from "./Account.ts"
import { type Recorded } from "./EventStore.ts"
import { type AccountId, type TenantId } from "./Ids.ts"
import { blockingKeys, type lookupKeys } from "./matching/Evidence.ts"
import { type Columns } from "./Projection.ts"
import { Views } from "./ViewStore.ts"

export type Row = {
  readonly key: string
  readonly account_id: AccountId
  /** When the account was first seen with it. */
  readonly since: string
}

export const name = "account_keys"
export const version = 3
export const personal = false

export const columns: Columns<Row> = { key: "text", account_id: "uuid", since: "timestamptz" }

export const key = ["key", "account_id"] as const

export const indexes = [["account_id"]] as const

export const codecs = { [Account.name]: Account }

export const types = ["account_linked", "accounts_merged", "forgotten"] as const

/** What an account was once seen with stays: it may be seen so again. */
export const touches = ({ event, streamId }: Recorded<Account.Event>): ReadonlyArray<Partial<Row>> => {
  const linked = event._tag === "account_linked" ? [event] : event._tag === "accounts_merged" ? event.feeds : []
  const keys = linked.flatMap(({ profile }) => (profile === undefined ? [] : blockingKeys(profile)))
  return [...new Set(keys)].map((key) => ({ key, account_id: Account.idOf(streamId) }))
}

export const evolve = (
  row: Row | undefined,
  { event, streamId }: Recorded<Account.Event>,
  { key = "" }: Partial<Row>,
): Row | undefined => row ?? { key, account_id: Account.idOf(streamId), since: DateTime.formatIso(event.at) }

export const patches = ({ event, streamId }: Recorded<Account.Event>) =>
  event._tag === "forgotten" ? [{ where: { account_id: Account.idOf(streamId) }, set: undefined }] : []

/**
 * The accounts that have any of these keys, each once. A broad key of more than a few is not followed: among so many it
 * tells nothing apart. How many they are is told instead.
 */
export const lookup = Effect.fn("AccountKeysView.lookup")(function* (
  tenantId: TenantId,
  keys: ReturnType<typeof lookupKeys>,
) {
  const views = yield* Views
  const counted = yield* views.countBy<Row, "key">(self, tenantId, "key", { key: [...new Set(keys.broad)] })
  const crowds = new Map([...counted].filter(([, count]) => count > aFew))
  const few = [...counted.keys()].filter((key) => !crowds.has(key))
  const followed = [...new Set([...keys.narrow, ...few])]
  const rows = yield* views.query<Row>(self, tenantId, { where: { key: followed } })
  return { accountIds: [...new Set(rows.map(({ account_id }) => account_id))], crowds }
})

const aFew = 50

const self = { name, version, columns, key, indexes }
