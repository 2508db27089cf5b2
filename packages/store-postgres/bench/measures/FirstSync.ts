/**
 * A bank connected for the first time: a hundred thousand transactions from a simulated Plaid over HTTP, through Plaid's
 * client, onto the tapes of ten accounts, and into the views. The simulator and PostgreSQL have processes of their own,
 * and share the processors with us.
 */
import { PlaidAccounts, PlaidApi, PlaidConnect, PlaidProvider, PlaidSecret } from "@holdfast/adapters-plaid"
import { simulatedClient } from "@holdfast/adapters-plaid/testing"
import {
  AccountKeysView,
  AccountsView,
  ConnectionsView,
  EventStore,
  Ids,
  ProjectionRunner,
  Registration,
  ReviewsView,
  Sync,
  TransactionsView,
  ViewStore,
} from "@holdfast/domain"
import { Effect, Layer, Redacted, Schema } from "effect"

import * as Child from "../Child.ts"
import { spent } from "../Contest.ts"
import { tenantId } from "../Histories.ts"
import { type Measure } from "../Measure.ts"
import { type Finding } from "../Report.ts"
import * as Server from "../Server.ts"

const Transactions = TransactionsView.make({ [PlaidProvider.id]: PlaidAccounts.transactionOf })

/** The views that connecting and syncing need, and what keeps each up to the log. */
const views = [
  { view: ConnectionsView, run: ProjectionRunner.run(ConnectionsView) },
  { view: AccountsView, run: ProjectionRunner.run(AccountsView) },
  { view: AccountKeysView, run: ProjectionRunner.run(AccountKeysView) },
  { view: ReviewsView, run: ProjectionRunner.run(ReviewsView) },
  { view: Transactions, run: ProjectionRunner.run(Transactions) },
]

export const firstSync: Measure = {
  number: 12,
  title: "first sync of a bank",
  run: Effect.fn("FirstSync")(function* ({ admin, quick }) {
    const accounts = 10
    const each = quick ? 200 : 10_000
    const { context } = yield* Server.holdfast(admin)
    const url = yield* Child.serving("PlaidChild.ts")
    const plaid = Layer.merge(
      Registration.Providers.layer({ plaid: { slot: Registration.severalPerOwner } }),
      PlaidApi.PlaidApi.layer({
        clientId: simulatedClient.id,
        secret: Redacted.make(simulatedClient.secret),
        baseUrl: url,
        link: { clientName: "Holdfast", countryCodes: ["US"] },
        limits: {},
      }),
    )

    const runs = yield* Effect.gen(function* () {
      for (const { run } of views) yield* Effect.forkScoped(run)
      const provider = yield* PlaidProvider.make
      const log = yield* EventStore.EventLog
      const shown = Effect.gen(function* () {
        const head = yield* log.head
        const { awaitPosition } = yield* ViewStore.Views
        for (const { view } of views) yield* awaitPosition(view, head, "5 minutes")
      })
      return yield* Effect.forEach(Array.from({ length: quick ? 1 : 3 }).keys(), (repetition) =>
        Effect.gen(function* () {
          const login = yield* banking(url, `person-${repetition}`, accounts, each)
          const connectionId = yield* connected(url, login)
          yield* shown
          return yield* spent(
            Effect.gen(function* () {
              const { added } = yield* Sync.run(provider, tenantId, connectionId)
              yield* shown
              return added
            }),
          )
        }),
      )
    }).pipe(Effect.provide(plaid), Effect.provide(context))

    const size = (accounts * each).toLocaleString("en")
    return [
      {
        measure: 12,
        what: `first sync of ${size} transactions, into the views`,
        unit: "/s",
        samples: runs.map(({ millis, result }) => (result / millis) * 1_000),
        cpu: runs.map(({ cpu, result }) => (result / cpu) * 1_000),
        bar: { atLeast: 5_000 },
      },
    ] satisfies ReadonlyArray<Finding>
  }),
}

/** A person with accounts at a bank, two years old. */
const banking = (url: string, login: string, accounts: number, each: number) =>
  Effect.promise(async () => {
    const opened = await say(url, "/_control/logins", {
      institution: "ins_109508",
      id: login,
      accounts: Array.from({ length: accounts }, (_, index) => ({
        name: `Account of ${login} ${index}`,
        mask: `${1_000 + index}`,
      })),
    })
    for (const account of Schema.decodeUnknownSync(Opened)(opened).accounts) {
      await say(url, "/_control/transactions/seed", { account, count: each, days: 700 })
    }
    return login
  })

const Opened = Schema.Struct({ accounts: Schema.Array(Schema.String) })

/** The person consents, as in a browser. */
const connected = Effect.fnUntraced(function* (url: string, login: string) {
  const session = { tenantId, ownerId: Ids.OwnerId.make(login), id: "browser" }
  const { connectionId, linkToken } = yield* PlaidConnect.begin({ session })
  const { metadata, public_token } = yield* Effect.promise(async () => {
    const response = await fetch(`${url}/hl/${Redacted.value(linkToken)}`, {
      method: "POST",
      headers: { accept: "application/json" },
      body: new URLSearchParams({ login }),
    })
    return Schema.decodeUnknownSync(Consented)(await response.json())
  })
  yield* PlaidConnect.complete({ session, connectionId, publicToken: Redacted.make(public_token), metadata })
  return connectionId
})

const Consented = Schema.Struct({ public_token: Schema.String, metadata: PlaidSecret.Metadata })

const say = async (url: string, path: string, body: object): Promise<unknown> => {
  const response = await fetch(`${url}${path}`, { method: "POST", body: JSON.stringify(body) })
  if (!response.ok) throw new Error(`${path}: ${response.status}`)
  return await response.json()
}
