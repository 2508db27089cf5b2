import { Connection, Feed, type Provider } from "@holdfast/domain"
import { providerContract, type ProviderWorld } from "@holdfast/domain/testing"
import { DateTime, Effect } from "effect"

import { PlaidProvider, PlaidSecret } from "../src/index.ts"
import { Ids } from "../src/testing/Ids.ts"
import { type Failure, PlaidSimulator, simulatedClient } from "../src/testing/index.ts"
import { simulated } from "./support.ts"

const seed = "contract"

const failures = {
  "rate-limited": "tooManyRequests",
  unavailable: "unavailable",
  dropped: "dropBeforeWork",
  unanswered: "dropAfterWork",
  truncated: "truncatedBody",
  hanging: "hangBeforeWork",
} as const satisfies Record<ProviderWorld.Mishap["kind"], Failure>

let transactions = 0

/** An Item with two accounts, of somebody with a login of their own. */
const open = Effect.gen(function* () {
  const simulator = yield* PlaidSimulator
  const bank = yield* simulator.addLogin({
    institutionId: "ins_109508",
    accounts: [
      { name: "Checking", mask: "0011" },
      { name: "Savings", mask: "0022", subtype: "savings" },
    ],
  })
  const [account = ""] = bank.accounts
  const { accessToken, accounts, itemId } = yield* simulator.connect({ login: bank.login })
  const accountId = accounts.find((one) => one.account === account)?.accountId ?? ""
  const ids = new Ids({ seed, made: {} })
  const today = yield* simulator.now
  const atBank = new Map<Feed.ItemId, string>()
  const transactionOf = (id: Feed.ItemId) => atBank.get(id) ?? ""
  return {
    provider: yield* PlaidProvider.make,
    secret: PlaidSecret.write({
      _tag: "Granted",
      session: "browser",
      answer: "",
      expiresAt: today,
      metadata: { accounts: [] },
      accessToken,
      itemId,
      historyFrom: Connection.Day.make(DateTime.formatIsoDateUtc(DateTime.subtract(today, { days: 90 }))),
    }),
    settings: {},
    confidential: (secret: Provider.Secret) => [
      PlaidSecret.granted(secret).accessToken,
      simulatedClient.secret,
      "Tea House",
    ],

    deliver: (count: number) =>
      Effect.orDie(
        Effect.gen(function* () {
          const added = yield* simulator.addTransactions(
            account,
            Array.from({ length: count }, () => ({
              amount: ++transactions,
              date: DateTime.formatIsoDateUtc(today),
              name: `Tea House ${transactions}`,
            })),
          )
          return added.map((transaction) => {
            const id = Feed.ItemId.make(ids.of("transaction", accountId, transaction))
            atBank.set(id, transaction)
            return id
          })
        }),
      ),
    paged:
      (size: number) =>
      <A, E, R>(effect: Effect.Effect<A, E, R>) =>
        effect.pipe(
          Effect.provideService(PlaidProvider.PageSize, size),
          Effect.provideService(PlaidProvider.PartSize, size),
        ),

    befall: ({ after = 0, kind, retryAfter, times = 1 }: ProviderWorld.Mishap) =>
      simulator.fail({
        failure: failures[kind],
        after,
        times,
        ...(retryAfter !== undefined && { retryAfterSeconds: retryAfter }),
      }),
    recover: simulator.clearFaults,
    requests: Effect.map(simulator.requests, (requests) => ({
      all: requests.length,
      hanging: requests.filter(({ outcome }) => outcome === "hangBeforeWork").length,
    })),

    revoke: Effect.orDie(simulator.revoke(itemId, "at Plaid")),
    forgetCursors: Effect.orDie(simulator.forgetCursors(itemId)),
    revise: (id: Feed.ItemId) =>
      Effect.orDie(simulator.modifyTransaction(transactionOf(id), { amount: ++transactions })),
    withdraw: (id: Feed.ItemId) => Effect.orDie(simulator.removeTransaction(transactionOf(id))),
  }
})

providerContract(
  "Plaid as a provider",
  simulated({ seed }),
  open,
  // An access token does not expire, and no setting says what is delivered: the person chose the accounts at Plaid.
  ["expiry", "rotation", "settings"],
)
