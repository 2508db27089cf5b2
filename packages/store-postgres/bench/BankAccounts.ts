/**
 * Invented bank accounts of one tenant who has many, and connections that deliver some of them again.
 *
 * Ten accounts to a login. Half of the logins are at twenty large banks, the others at five hundred small ones: of
 * 100,000 accounts a large bank has 2,500, a small one 100.
 */
import { type AccountMatching, Profile } from "@holdfast/domain"
import { Effect } from "effect"

/** Makes the token of a canonical form, as {@link Profile.make} wants it. */
export type Hash<E = never, R = never> = (kind: string, canonical: string) => Effect.Effect<string, E, R>

const perLogin = 10

/** Where the logins with these numbers are. */
const bankOf = (login: number): number => (login % 2 === 0 ? (login / 2) % 20 : 20 + (((login - 1) / 2) % 500))

/** An account as its provider describes it under a connection. */
export const descriptionOf = (account: number, connection: string): Profile.Description => {
  const login = Math.floor(account / perLogin)
  const bank = bankOf(login)
  const [name, type, subtype] = kinds[account % kinds.length] ?? kinds[0]
  const number = scattered(account, 10_000_000_000)
  return {
    externalId: `${connection}.${scattered(account + connection.length, 1_000_000_007)}`,
    institution: { id: `ins_${bank}`, name: `Bank Number ${bank}` },
    number: { value: `${`${21_000_000 + bank}`.padStart(9, "0")}:${`${number}`.padStart(10, "0")}`, tokenized: false },
    mask: `${number % 10_000}`.padStart(4, "0"),
    name,
    type,
    subtype,
    currency: "USD",
  }
}

const kinds = [
  ["Everyday Checking", "depository", "checking"],
  ["Holiday Savings", "depository", "savings"],
  ["Business Checking", "depository", "checking"],
  ["Cash Rewards Card", "credit", "credit card"],
  ["Payroll Account", "depository", "checking"],
  ["Tax Reserve", "depository", "savings"],
  ["Platinum Card", "credit", "credit card"],
  ["Money Market", "depository", "money market"],
] as const satisfies ReadonlyArray<readonly [name: string, type: string, subtype: string]>

export const ownerOf = (login: number): string => `owner-${login % 50}`

/** A held account, in memory. */
export const held = Effect.fnUntraced(function* <E, R>(account: number, hash: Hash<E, R>) {
  const login = Math.floor(account / perLogin)
  const connectionId = connectionOf(login)
  return {
    accountId: accountOf(account),
    connectionId,
    ownerId: ownerOf(login),
    provider: "plaid",
    profile: yield* Profile.make(descriptionOf(account, connectionId), hash),
    isLive: true,
  } satisfies AccountMatching.Held
})

/** The accounts of a login, as a new connection delivers them. */
export const incoming = Effect.fnUntraced(function* <E, R>(login: number, hash: Hash<E, R>) {
  return yield* Effect.forEach(accountsOf(login), (account) =>
    Effect.map(Profile.make(descriptionOf(account, renewed), hash), (profile): AccountMatching.Incoming => ({
      source: `source-${account}`,
      connectionId: renewed,
      ownerId: ownerOf(login),
      provider: "plaid",
      profile,
    })),
  )
})

export const accountsOf = (login: number): ReadonlyArray<number> =>
  Array.from({ length: perLogin }, (_, index) => login * perLogin + index)

/** The connection that delivers accounts again. */
export const renewed = uuid("ffffffff", 0)

export const connectionOf = (login: number): string => uuid("c0000000", login)
export const accountOf = (account: number): string => uuid("a0000000", account)
export const feedOf = (account: number): string => uuid("f0000000", account)

/** An id by its number; ids of different things have different beginnings. */
export function uuid(beginning: string, number: number): string {
  return `${beginning}-0000-4000-8000-${number.toString(16).padStart(12, "0")}`
}

/** A number that looks drawn, the same for the same index. */
export const scattered = (index: number, below: number): number => {
  let mixed = Math.imul(index + 0x6d2b79f5, 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  const high = (mixed ^ (mixed >>> 16)) >>> 0
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x27d4eb2f)
  const low = (mixed ^ (mixed >>> 14)) >>> 0
  return (high * 2_097_152 + (low >>> 11)) % below
}

/** Nobody real is in here: the canonical form can stand for its keyed hash. As long as one. */
export const plainly: Hash = (kind, canonical) => Effect.succeed(`${kind} ${canonical}`.padEnd(64, "."))
