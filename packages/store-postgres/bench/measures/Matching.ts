/**
 * One new connection matched with the accounts of a tenant who has a hundred thousand, found by their keys in PostgreSQL.
 */
import {
  AccountKeysView,
  AccountsView,
  Connection,
  Ids,
  InstitutionCounts,
  KeyedHash,
  Account,
  Personal,
  Profile,
  Rebuild,
  ConnectionsView,
  Reconnection,
} from "@holdfast/domain"
import { DateTime, Effect, Schema } from "effect"

import * as BankAccounts from "../BankAccounts.ts"
import { quantile, timed } from "../Contest.ts"
import { type Line, tenantId } from "../Histories.ts"
import { type Measure } from "../Measure.ts"
import { type Finding } from "../Report.ts"
import * as Seed from "../Seed.ts"
import * as Server from "../Server.ts"

export const matching: Measure = {
  number: 10,
  title: "matching with many accounts",
  run: Effect.fn("Matching")(function* ({ admin, quick }) {
    const logins = quick ? 500 : 10_000
    const repetitions = quick ? 20 : 60
    const { context, url } = yield* Server.holdfast(admin)
    yield* Effect.provide(fill(url, logins, repetitions), context)
    const pool = yield* Server.pool(url)
    yield* Effect.promise(() => pool.query("VACUUM ANALYZE"))

    // As a host has them that has run for an hour.
    const counts = yield* Effect.provide(InstitutionCounts.read, context)
    const look = (login: number) =>
      Reconnection.preview(
        supplier,
        {
          tenantId,
          ownerId: Ids.OwnerId.make(BankAccounts.ownerOf(login)),
          connectionId: Ids.ConnectionId.make(BankAccounts.renewed),
          reconnects: undefined,
        },
        BankAccounts.accountsOf(login).map((account) => ({
          key: `source-${account}`,
          account: BankAccounts.descriptionOf(account, BankAccounts.renewed),
        })),
      ).pipe(
        Effect.provideService(InstitutionCounts.InstitutionCounts, Effect.succeed(counts)),
        Effect.provide(context),
      )

    const findings: Array<Finding> = []
    for (const { first, size } of loginsFrom) {
      let linked = 0
      const runs: Array<{ readonly millis: number; readonly cpu: number }> = []
      for (const [at, login] of loginsOf(first, logins, repetitions).entries()) {
        const { cpu, millis, result } = yield* timed(look(login))
        if (at < warmUp) continue
        runs.push({ millis, cpu })
        linked += result.filter(({ action }) => action === "auto").length
      }
      const taken = runs.map(({ millis }) => millis)
      findings.push({
        measure: 10,
        what: `10 accounts against a tenant's ${(logins * 10).toLocaleString("en")}, at a ${size} bank, p50`,
        unit: "ms",
        samples: [quantile(taken, 0.5)],
        cpu: [
          quantile(
            runs.map(({ cpu }) => cpu),
            0.5,
          ),
        ],
        bar: { atMost: 50 },
        note: `fastest ${Math.min(...taken).toFixed(0)} ms, p95 ${quantile(taken, 0.95).toFixed(0)} ms; ${linked} of ${repetitions * 10} linked`,
      })
    }
    return findings
  }),
}

/** The log and the views of it. Nothing of it stays in memory, where it would slow down what is measured. */
const fill = Effect.fnUntraced(function* (url: string, logins: number, repetitions: number) {
  const looked = new Set(loginsFrom.flatMap(({ first }) => loginsOf(first, logins, repetitions)))
  yield* Seed.fill(url, yield* historyOf(logins, looked))
  yield* Rebuild.rebuild(ConnectionsView)
  yield* Rebuild.rebuild(AccountsView)
  yield* Rebuild.rebuild(AccountKeysView)
})

/** Logins with even numbers are at large banks, the others at small ones. */
const loginsFrom = [
  { size: "large", first: 0 },
  { size: "small", first: 1 },
] as const

const warmUp = 5

/** The logins that are looked up, one for each repetition; the first do not count. */
const loginsOf = (first: number, logins: number, repetitions: number): ReadonlyArray<number> =>
  Array.from({ length: warmUp + repetitions }, (_, at) => first + 2 * (at % (logins / 2)))

const supplier = { id: Ids.ProviderId.make("plaid"), itemsPerCall: 500 }

/**
 * Connections, and the accounts that they were matched to, as they are recorded. Named to nobody: nothing is sealed. What
 * no other account has is hashed for those only that are looked up: whatever else it is, nothing is equal to it.
 */
const historyOf = Effect.fnUntraced(function* (logins: number, looked: ReadonlySet<number>) {
  const hashes = yield* KeyedHash.KeyedHash
  const tokens = new Map<string, string>()
  const hash = (kind: string, canonical: string) => {
    const key = `${kind} ${canonical}`
    const token = tokens.get(key)
    return token === undefined
      ? Effect.tap(hashes.hash(tenantId, kind, canonical), (made) => Effect.sync(() => tokens.set(key, made)))
      : Effect.succeed(token)
  }
  const lines: Array<Line> = []
  for (let login = 0; login < logins; login++) {
    const connectionId = BankAccounts.connectionOf(login)
    const ownerId = Ids.OwnerId.make(BankAccounts.ownerOf(login))
    lines.push(
      lineOf(
        `connection-${connectionId}`,
        1,
        encodeConnection({
          _tag: "connected",
          at,
          provider: supplier.id,
          ownerId,
          pollIntervalSeconds: 3_600,
          settings: {},
          authorization: Ids.AuthorizationRef.make(connectionId),
          door: "callback",
          scopes: [],
          credentialVersion: 1,
          personal: Personal.withheld,
        }),
      ),
    )
    for (const account of BankAccounts.accountsOf(login)) {
      const streamId = `account-${BankAccounts.accountOf(account)}`
      lines.push(
        lineOf(streamId, 1, encodeAccount({ _tag: "account_opened", at, provider: supplier.id })),
        lineOf(
          streamId,
          2,
          encodeAccount({
            _tag: "account_linked",
            at,
            feedId: Ids.FeedId.make(BankAccounts.feedOf(account)),
            connectionId: Ids.ConnectionId.make(connectionId),
            source: `source-${account}`,
            confidence: "exact",
            evidence: ["new account"],
            ownerId,
            profile: yield* Profile.make(BankAccounts.descriptionOf(account, connectionId), (kind, canonical) =>
              unique.has(kind) && !looked.has(login) ? BankAccounts.plainly(kind, canonical) : hash(kind, canonical),
            ),
            personal: Personal.withheld,
          }),
        ),
      )
    }
  }
  return lines
})

const unique: ReadonlySet<string> = new Set(["account.externalId", "account.number"])

const at = DateTime.makeUnsafe("2026-01-01T12:00:00Z")

const encodeConnection = Schema.encodeSync(Connection.Event)
const encodeAccount = Schema.encodeSync(Account.Event)

let events = 0
const lineOf = (
  streamId: string,
  version: number,
  { _tag: type, personal: _personal, ...data }: { readonly _tag: string; readonly personal?: unknown } & Line["data"],
): Line => ({ streamId, version, eventId: BankAccounts.uuid("e0000000", events++), type, data })
