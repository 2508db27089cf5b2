import { assert } from "@effect/vitest"
import {
  AccountKeysView,
  AccountsView,
  Aggregate,
  Connection,
  ConnectionsView,
  EventStore,
  type Feed,
  Ids,
  Memory,
  ProjectionRunner,
  type Provider,
  Registration,
  ReviewsView,
  ViewStore,
} from "@holdfast/domain"
import { type Duration, Effect, Layer, Redacted, type Schema } from "effect"

import { PlaidApi, PlaidConnect, type PlaidLimits, PlaidProvider, PlaidWebhook } from "../src/index.ts"
import { type Options, PlaidSimulator, simulatedClient } from "../src/testing/index.ts"

interface Adapted {
  readonly timeout?: Duration.Input
  readonly limits?: PlaidLimits.Limits
  readonly patience?: Duration.Input
  readonly optionalProducts?: ReadonlyArray<"auth" | "identity">
  readonly secret?: string
}

/** The adapter's Plaid side, turned to a simulator. */
export const simulated = (options: Options = {}, adapted: Adapted = {}) =>
  Layer.unwrap(
    Effect.map(PlaidSimulator, ({ url }) => {
      const { optionalProducts = [], secret = simulatedClient.secret, ...settings } = adapted
      return PlaidApi.PlaidApi.layer({
        clientId: simulatedClient.id,
        secret: Redacted.make(secret),
        baseUrl: url,
        link: {
          clientName: "Holdfast",
          countryCodes: ["US", "GB"],
          optionalProducts,
          webhook: (tenantId) => `http://127.0.0.1:9/plaid/${encodeURIComponent(tenantId)}`,
        },
        limits: {},
        ...settings,
      })
    }),
  ).pipe(Layer.provideMerge(PlaidSimulator.layer(options)))

/** The views that connecting looks into, kept up to date. */
const views = Layer.effectDiscard(
  Effect.all([
    Effect.forkScoped(ProjectionRunner.run(ConnectionsView)),
    Effect.forkScoped(ProjectionRunner.run(AccountsView)),
    Effect.forkScoped(ProjectionRunner.run(AccountKeysView)),
    Effect.forkScoped(ProjectionRunner.run(ReviewsView)),
  ]),
)

/** Everything that connecting needs. */
export const world = (options: Options = {}, adapted: Adapted = {}) =>
  Layer.mergeAll(
    Layer.fresh(Layer.provideMerge(PlaidWebhook.Keys.layer, simulated(options, adapted))),
    Registration.Providers.layer({ plaid: { slot: Registration.severalPerOwner } }),
    views,
  ).pipe(Layer.provideMerge(Memory.layer))

let tenants = 0

/** A person of their own tenant at a browser. */
export const newSession = (): PlaidConnect.Session => ({
  tenantId: Ids.TenantId.make(`tenant ${tenants++}`),
  ownerId: Ids.OwnerId.make("ada"),
  id: "browser-1",
})

export const bank = "ins_109508"

/** A login at a bank with a checking and a savings account. */
export const login = Effect.fnUntraced(function* (institutionId = bank) {
  const simulator = yield* PlaidSimulator
  return yield* simulator.addLogin({
    institutionId,
    accounts: [
      { name: "Everyday Checking", mask: "0011", balance: { current: 100 } },
      { name: "Rainy Day", mask: "0022", subtype: "savings" },
    ],
  })
})

/** A consent that was asked for and given: the person is on the way back from Link. */
export const answered = Effect.fnUntraced(function* (
  session: PlaidConnect.Session,
  login: string,
  options: { readonly accounts?: ReadonlyArray<string>; readonly reconnects?: Ids.ConnectionId } = {},
) {
  const simulator = yield* PlaidSimulator
  const { accounts, reconnects } = options
  const { connectionId, linkToken } = yield* PlaidConnect.begin({ session, reconnects })
  const { metadata, publicToken } = yield* simulator.link(Redacted.value(linkToken), {
    login,
    ...(accounts !== undefined && { accounts }),
  })
  return { session, connectionId, publicToken: Redacted.make(publicToken), metadata } satisfies PlaidConnect.Complete
})

/** A connected bank. */
export const connected = Effect.fnUntraced(function* (session = newSession(), at?: string) {
  const known = at === undefined ? yield* login() : { login: at, accounts: [] }
  const consent = yield* answered(session, known.login)
  const registered = yield* PlaidConnect.complete(consent)
  yield* viewed
  return { ...known, consent, session, ...registered }
})

/** Until the view of connections shows what is recorded. */
export const viewed = Effect.gen(function* () {
  const head = yield* (yield* EventStore.EventLog).head
  yield* (yield* ViewStore.Views).awaitPosition(ConnectionsView, head, "10 seconds")
})

export const stateOf = ({ tenantId }: PlaidConnect.Session, connectionId: Ids.ConnectionId) =>
  Effect.map(Aggregate.load(Connection)(tenantId, connectionId), ({ state }) => state)

export const handle = Aggregate.handle(Connection)

/** Why it failed, which it must. */
export const tagOf = <A, E extends { readonly reason: { readonly _tag: string } }, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(effect), ({ reason }) => reason._tag)

/** A feed as the engine keeps it: rows by id, with the content that was told last; the cursor only with them. */
export const feedOf = (provider: Provider.Provider, secret: Provider.Secret, key: string, resumeFrom?: string) => {
  const rows = new Map<Feed.ItemId, Schema.Json>()
  let cursor: string | null = null
  let repeated = 0
  /** What a listing of all there is has shown, from its beginning. */
  let listed: Set<Feed.ItemId> | undefined
  const pages: Array<Provider.Page> = []
  const page = Effect.gen(function* () {
    const isHeld = (id: Feed.ItemId) => rows.has(id)
    if (cursor === null) listed = new Set()
    return yield* provider.page(secret, { key }, cursor, isHeld, cursor === null ? resumeFrom : undefined)
  })
  const record = (page: Provider.Page) => {
    for (const { content, id } of page.items) {
      if (rows.has(id)) repeated += 1
      rows.set(id, content)
    }
    for (const { content, id } of page.revised ?? []) {
      assert.isTrue(rows.has(id), "only what is held is revised")
      rows.set(id, content)
    }
    for (const { content, id } of page.present ?? []) {
      assert.isTrue(rows.has(id), "only what is held is there already")
      rows.set(id, content)
    }
    for (const id of page.listing?.ids ?? []) listed?.add(id)
    if (page.listing?.isLast === true && listed !== undefined) {
      for (const id of rows.keys()) if (!listed.has(id)) rows.delete(id)
    }
    for (const id of page.withdrawn ?? []) assert.isTrue(rows.delete(id), "only what is held is withdrawn")
    cursor = page.cursor
    pages.push(page)
    return page
  }
  const next = Effect.map(page, record)
  const all = Effect.gen(function* () {
    while (!(yield* next).complete);
  })
  return {
    rows,
    pages,
    page,
    next,
    all,
    beginAnew: () => {
      cursor = null
    },
    get repeated() {
      return repeated
    },
    amounts: () =>
      [...rows.values()]
        .map((row) => (row as { readonly amount: number }).amount)
        .toSorted((one, other) => one - other),
  }
}

/** Rows in an answer, and in a part. */
export const pages = (count: number, part = 10_000) =>
  Layer.mergeAll(Layer.succeed(PlaidProvider.PageSize, count), Layer.succeed(PlaidProvider.PartSize, part))
