import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

import * as AccountKeysView from "../src/AccountKeysView.ts"
import * as AccountsView from "../src/AccountsView.ts"
import { Position } from "../src/EventStore.ts"
import { AccountId, ConnectionId, OwnerId, ProviderId, TenantId } from "../src/Ids.ts"
import { ViewStore } from "../src/ViewStore.ts"
import * as ViewStoreMemory from "../src/ViewStoreMemory.ts"

const tenantId = TenantId.make("here")

const uuid = (beginning: string, number: number) => `${beginning}-0000-4000-8000-${`${number}`.padStart(12, "0")}`
const accountOf = (number: number) => AccountId.make(uuid("a0000000", number))
const connectionOf = (number: number) => ConnectionId.make(uuid("c0000000", number))

interface Holding {
  readonly number: number
  readonly owner: string
  readonly connection: number
  readonly keys: ReadonlyArray<string>
  readonly isMerged?: boolean
}

const rowOf = ({ connection, isMerged, number, owner }: Holding): AccountsView.Row => ({
  account_id: accountOf(number),
  provider: ProviderId.make("bank"),
  institution: null,
  name: null,
  official_name: null,
  mask: null,
  status: isMerged === true ? "merged" : "open",
  merged_into: isMerged === true ? accountOf(0) : null,
  identity: null,
  connection_id: connectionOf(connection),
  owner_id: OwnerId.make(owner),
  confidence: "exact",
  feeds: [],
  brought: {},
  denied: [],
  links: 1,
  profile: null,
  covered_from: null,
  covered_to: null,
  gaps: [],
  items: 0,
  items_asked: 0,
  opened_at: "2026-01-01T00:00:00.000Z",
  changed_at: "2026-01-01T00:00:00.000Z",
  position: 1,
})

/** A crowd of one owner at one bank, a few accounts beside it, and one that was merged. */
const crowd = Array.from({ length: 300 }, (_, number) => ({ number, owner: "crowd", connection: 1, keys: ["type"] }))
const held: ReadonlyArray<Holding> = [
  ...crowd,
  { number: 1000, owner: "ada", connection: 2, keys: ["type"] },
  { number: 1001, owner: "bob", connection: 3, keys: ["type"] },
  { number: 1002, owner: "bob", connection: 4, keys: ["type", "number 1"] },
  { number: 1003, owner: "bob", connection: 5, keys: ["type", "name"] },
  { number: 1004, owner: "ada", connection: 2, keys: ["number 1"], isMerged: true },
]
const open = held.length - 1

interface Asked {
  readonly ownerId?: string
  readonly connections?: ReadonlyArray<number>
  readonly narrow?: ReadonlyArray<string>
  readonly broad?: ReadonlyArray<string>
  readonly wholeUpTo?: number
  readonly countedLately?: number
}

const candidates = Effect.fnUntraced(function* ({
  broad = [],
  connections = [],
  countedLately,
  narrow = [],
  ownerId = "eve",
  wholeUpTo = 100,
}: Asked) {
  const store = yield* ViewStore
  const to = Position.make(1n)
  const changes = { patches: [], deletes: [] }
  const accounts = held.map((one) => ({ tenantId, row: rowOf(one) }))
  const keys = held.flatMap(({ keys, number }) =>
    keys.map((key) => ({ tenantId, row: { key, account_id: accountOf(number), since: "2026-01-01T00:00:00.000Z" } })),
  )
  yield* store.commit(AccountsView, yield* store.open(AccountsView), to, { ...changes, upserts: accounts })
  yield* store.commit(AccountKeysView, yield* store.open(AccountKeysView), to, { ...changes, upserts: keys })
  const { crowds, population, rows } = yield* AccountsView.candidates(
    tenantId,
    { keys: { narrow, broad }, ownerId: OwnerId.make(ownerId), connectionIds: connections.map(connectionOf) },
    { wholeUpTo, countedLately },
  )
  const numbers = rows.map(({ account_id }) => held.find(({ number }) => accountOf(number) === account_id)?.number)
  return { numbers: numbers.toSorted((one = 0, other = 0) => one - other), population, crowds: [...crowds] }
}, Effect.provide(ViewStoreMemory.layer))

describe("of a tenant's accounts, what one that comes in could be", () => {
  it.effect("are all that are open, where they are not too many", () =>
    Effect.gen(function* () {
      const { crowds, numbers, population } = yield* candidates({ wholeUpTo: open })
      assert.strictEqual(numbers.length, open)
      assert.notInclude(numbers, 1004)
      assert.strictEqual(population, open)
      assert.deepStrictEqual(crowds, [])
    }),
  )

  it.effect("are those with a key that a few have, of many; a crowd is counted", () =>
    Effect.gen(function* () {
      const found = yield* candidates({ wholeUpTo: open - 1, narrow: ["number 1"], broad: ["type", "name"] })
      assert.deepStrictEqual(found, { numbers: [1002, 1003], population: open, crowds: [["type", 304]] })
    }),
  )

  it.effect("are those of the connection that is to be mended, though they share nothing but a crowd's key", () =>
    Effect.gen(function* () {
      const { numbers } = yield* candidates({ connections: [3, 9], broad: ["type"] })
      assert.deepStrictEqual(numbers, [1001])
    }),
  )

  it.effect("are the owner's own, though they share nothing but a crowd's key", () =>
    Effect.gen(function* () {
      const { numbers } = yield* candidates({ ownerId: "ada", broad: ["type"] })
      assert.deepStrictEqual(numbers, [1000])
    }),
  )

  it.effect("are not all of an owner who has very many", () =>
    Effect.gen(function* () {
      const { numbers } = yield* candidates({ ownerId: "crowd", broad: ["type"] })
      assert.deepStrictEqual(numbers, [])
    }),
  )

  it.effect("are each told once, however they are found", () =>
    Effect.gen(function* () {
      const { numbers } = yield* candidates({ ownerId: "bob", connections: [4], narrow: ["number 1"], broad: ["name"] })
      assert.deepStrictEqual(numbers, [1001, 1002, 1003])
    }),
  )

  it.effect("are counted as lately, but never fewer than there are seen to be", () =>
    Effect.gen(function* () {
      const populationAt = (countedLately: number) =>
        Effect.map(candidates({ countedLately }), ({ population }) => population)
      assert.deepStrictEqual(yield* Effect.forEach([250, 7], populationAt), [250, 101])
    }),
  )
})
