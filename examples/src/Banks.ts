/** Plaid as this host uses it: Plaid itself, or a simulated one with people who have banked for a while. */
import { PlaidApi, PlaidLimits, PlaidWebhook } from "@holdfast/adapters-plaid"
import { type NewAccount, PlaidSimulator, simulatedClient } from "@holdfast/adapters-plaid/testing"
import { Context, Effect, Layer, Redacted } from "effect"

/** The host's registration at Plaid. */
export interface Registration {
  readonly clientId: string
  readonly secret: Redacted.Redacted
  readonly environment: "production" | "sandbox"
  /** The address of `/api/webhooks/plaid` as Plaid can reach it. Without it nothing is reported, only looked for. */
  readonly webhookUrl?: string | undefined
}

export interface Simulated {
  /** 0: a free one. */
  readonly port: number
  /** Keeps the world between starts. */
  readonly stateFile?: string
}

/** The logins of the simulated people, and what is in them. */
export const people = {
  "ada-platypus": {
    bank: "ins_109508",
    accounts: [
      [account("Everyday Checking", "1111", 2_150), 280],
      [{ ...account("Rainy Day Savings", "2222", 9_400), subtype: "savings" }, 20],
      [{ ...account("Platypus Card", "3333", 312), type: "credit", subtype: "credit card" }, 150],
    ],
  },
  "grace-gingham": {
    bank: "ins_109509",
    accounts: [
      [account("Gingham Checking", "4444", 870), 300],
      [{ ...account("Gingham Savings", "5555", 15_020), subtype: "savings" }, 30],
      [{ ...account("Gingham Card", "6666", 98), type: "credit", subtype: "credit card" }, 120],
    ],
  },
  /** Two accounts that nobody can tell apart: equal names, equal digits, nothing booked. */
  "ada-twins": {
    bank: "ins_109509",
    accounts: [
      [{ ...account("Holiday Savings", "0001", 100), subtype: "savings", numbers: {} }, 0],
      [{ ...account("Holiday Savings", "0001", 100), subtype: "savings", numbers: {} }, 0],
    ],
  },
} satisfies Record<
  string,
  { readonly bank: string; readonly accounts: ReadonlyArray<readonly [NewAccount, transactions: number]> }
>

/** Plaid itself. */
export const plaid = ({ clientId, environment, secret, webhookUrl }: Registration) =>
  Layer.provideMerge(
    PlaidWebhook.Keys.layer,
    PlaidApi.PlaidApi.layer({
      clientId,
      secret,
      baseUrl: `https://${environment}.plaid.com`,
      limits: environment === "production" ? PlaidLimits.production : PlaidLimits.sandbox,
      link: { ...link, ...(webhookUrl !== undefined && { webhook: addressFor(webhookUrl) }) },
    }),
  )

/** A simulated Plaid, which reports to the host at this origin. */
export const simulated = (origin: string, simulator: Simulated) =>
  Layer.merge(
    Layer.unwrap(
      Effect.map(PlaidSimulator, ({ url }) =>
        Layer.provideMerge(
          PlaidWebhook.Keys.layer,
          PlaidApi.PlaidApi.layer({
            clientId: simulatedClient.id,
            secret: Redacted.make(simulatedClient.secret),
            baseUrl: url,
            limits: {},
            link: { ...link, webhook: addressFor(`${origin}/api/webhooks/plaid`) },
          }),
        ),
      ),
    ),
    furnished,
  ).pipe(Layer.provideMerge(alone(simulator)))

/** Layers that are built together share their router; the simulator needs one that knows no routes but its own. */
const alone = (simulator: Simulated) =>
  Layer.effect(
    PlaidSimulator,
    Effect.gen(function* () {
      const memoMap = yield* Layer.makeMemoMap
      const built = yield* Layer.buildWithMemoMap(PlaidSimulator.layer(simulator), memoMap, yield* Effect.scope)
      return Context.get(built, PlaidSimulator)
    }),
  )

const link = { clientName: "Holdfast", countryCodes: ["US", "CA", "GB"] } as const

/** A webhook names an Item and nobody else: each tenant has an address of its own. */
const addressFor = (url: string) => (tenantId: string) => {
  const address = new URL(url)
  address.searchParams.set("tenant", tenantId)
  return address.href
}

/** People who bank, in a world that is new. */
const furnished = Layer.effectDiscard(
  Effect.gen(function* () {
    const simulator = yield* PlaidSimulator
    if ((yield* simulator.logins).length > 0) return
    for (const [id, { accounts, bank }] of Object.entries(people)) {
      const opened = yield* simulator.addLogin({ id, institutionId: bank, accounts: accounts.map(([one]) => one) })
      for (const [index, [, count]] of accounts.entries()) {
        yield* simulator.seedHistory(opened.accounts[index] ?? "", { count, days: 300 })
      }
    }
  }),
)

function account(name: string, mask: string, current: number): NewAccount {
  return { name, mask, type: "depository", subtype: "checking", balance: { current } }
}
