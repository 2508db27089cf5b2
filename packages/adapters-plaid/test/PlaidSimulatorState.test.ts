/** The simulated world outlives its process. */
import { spawn } from "node:child_process"
import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, DateTime, Effect, Layer, Schema } from "effect"
import { decodeProtectedHeader, importJWK, jwtVerify } from "jose"
import { CountryCode, Products } from "plaid"

import { institution, PlaidSimulator } from "../src/testing/index.ts"
import { asking, call, clientOf, codeOf, receiver, syncAll } from "./PlaidSimulator.support.ts"

const startAt = DateTime.makeUnsafe("2026-03-02T09:00:00Z")

/** Runs in a world that begins, or goes on, with this file. */
const inWorld =
  (stateFile: string, options: Parameters<typeof PlaidSimulator.layer>[0] = {}) =>
  <A, E, R>(life: Effect.Effect<A, E, R>) =>
    Effect.provide(life, PlaidSimulator.layer({ startAt, ...options, stateFile }), { local: true })

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "plaid-simulator-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true })),
)
const newFile = Effect.map(folder, (path) => join(path, "world.json"))

/** What a process would find that starts now, after the one that runs was killed. */
const killed = Effect.fnUntraced(function* (file: string) {
  yield* (yield* PlaidSimulator).saved
  const copy = `${file}.killed`
  copyFileSync(file, copy)
  return copy
})

const linkRequest = {
  client_name: "Holdfast",
  language: "en",
  country_codes: [CountryCode.Us],
  user: { client_user_id: "user-1" },
  products: [Products.Transactions],
}

const ada = Effect.gen(function* () {
  const simulator = yield* PlaidSimulator
  const { accounts, login } = yield* simulator.addLogin({
    institutionId: "ins_13",
    accounts: [
      { name: "Everyday Checking", mask: "0042" },
      { name: "Rainy Day Savings", subtype: "savings" },
    ],
  })
  const [checking = "", savings = ""] = accounts
  yield* simulator.seedHistory(checking, { count: 12, days: 60 })
  yield* simulator.seedHistory(savings, { count: 6, days: 60 })
  return { login, accounts, checking, savings }
})

describe("A world with a state file", () => {
  const Which = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 40 }))
  const Deed = Schema.Struct({
    do: Schema.Literals([
      "book",
      "book pending",
      "post",
      "modify",
      "remove",
      "sync a page",
      "sync",
      "connect",
      "rename account",
      "withdraw account",
      "open account",
      "break",
      "repair",
      "rotate token",
      "wait a day",
      "wait a year",
      "look no more",
      "look again",
    ]),
    which: Which,
  })
  type Deed = typeof Deed.Type

  /** What the host and the test hold in their hands: ids, and the cursor of each Item. */
  interface Held {
    readonly login: string
    readonly accounts: ReadonlyArray<string>
    readonly transactions: ReadonlyArray<string>
    readonly cursors: Readonly<Record<string, string>>
  }

  const act = Effect.fnUntraced(function* (held: Held, deed: Deed) {
    const simulator = yield* PlaidSimulator
    const items = yield* simulator.items
    const pick = <A>(all: ReadonlyArray<A>) => all[deed.which % Math.max(1, all.length)]
    const account = pick(held.accounts) ?? ""
    const transaction = pick(held.transactions) ?? ""
    const item = pick(items)
    const itemId = item?.itemId ?? ""
    const booked = { amount: deed.which, date: "2026-02-20", name: `Payment ${deed.which}` }
    const added = (id: string) => ({ ...held, transactions: [...held.transactions, id] })
    const gone = { ...held, transactions: held.transactions.filter((id) => id !== transaction) }
    switch (deed.do) {
      case "book":
        return added(yield* simulator.addTransaction(account, booked))
      case "book pending":
        return added(yield* simulator.addTransaction(account, { ...booked, pending: true }))
      case "post": {
        if (transaction === "") return held
        const posted = yield* simulator.postTransaction(transaction, { amount: deed.which + 1 })
        return { ...gone, transactions: [...gone.transactions, posted] }
      }
      case "modify":
        if (transaction !== "") yield* simulator.modifyTransaction(transaction, { amount: deed.which })
        return held
      case "remove":
        if (transaction !== "") yield* simulator.removeTransaction(transaction)
        return gone
      case "sync":
      case "sync a page": {
        if (item === undefined) return held
        const cursor = held.cursors[itemId] ?? ""
        const request = { access_token: item.accessToken, cursor, count: deed.do === "sync" ? 500 : 3 }
        const page = yield* Effect.result(call((api) => api.transactionsSync(request)))
        if (page._tag === "Failure") return held
        return { ...held, cursors: { ...held.cursors, [itemId]: page.success.next_cursor } }
      }
      case "connect":
        yield* Effect.ignore(simulator.connect({ login: held.login, daysRequested: 30 + deed.which }))
        return held
      case "rename account":
        yield* simulator.changeAccount(account, { name: `Account ${deed.which}`, mask: String(deed.which) })
        return held
      case "withdraw account":
        if (item !== undefined) yield* simulator.revokeAccount(itemId, account)
        return held
      case "open account": {
        const opened = yield* simulator.openAccount(held.login, { name: `Account ${deed.which}` })
        return { ...held, accounts: [...held.accounts, opened] }
      }
      case "break":
        if (item !== undefined) yield* simulator.breakItem(itemId, "ITEM_LOGIN_REQUIRED")
        return held
      case "repair":
        if (item !== undefined) yield* simulator.repairElsewhere(itemId)
        return held
      case "rotate token":
        if (item?.ended === null)
          yield* call((api) => api.itemAccessTokenInvalidate({ access_token: item.accessToken }))
        return held
      case "wait a day":
      case "wait a year":
        yield* simulator.advance({ days: deed.do === "wait a day" ? 1 : 365 })
        return held
      case "look no more":
      case "look again":
        yield* simulator.setAutomaticUpdates(deed.do === "look again")
        return held
    }
  })

  /** All that can be seen of it from outside. */
  const seen = Effect.fnUntraced(function* (held: Held) {
    const simulator = yield* PlaidSimulator
    const items = yield* simulator.items
    const answers = yield* Effect.forEach(items, ({ accessToken: access_token, itemId }) =>
      Effect.all({
        held: Effect.result(syncAll(access_token, held.cursors[itemId] ?? "", 20)),
        whole: Effect.result(syncAll(access_token)),
        item: Effect.result(call((api) => api.itemGet({ access_token }))),
        accounts: Effect.result(call((api) => api.accountsGet({ access_token }))),
      }),
    )
    return {
      now: yield* simulator.now,
      items: yield* simulator.items,
      logins: yield* simulator.logins,
      answers: withoutRequestIds(answers),
    }
  })

  it.effect.prop(
    "goes on after a kill exactly as it would have gone on without",
    [
      Arbitrary.array(Arbitrary.schema(Deed), { minLength: 8, maxLength: 24 }),
      Arbitrary.array(Arbitrary.schema(Deed), { maxLength: 12 }),
    ],
    ([before, after]) =>
      Effect.gen(function* () {
        const file = yield* newFile
        const lived = Effect.fnUntraced(function* (held: Held, deeds: ReadonlyArray<Deed>) {
          let last = held
          for (const deed of deeds) last = yield* act(last, deed)
          return last
        })
        const { copy, former, held } = yield* Effect.gen(function* () {
          const { accounts, login } = yield* ada
          const simulator = yield* PlaidSimulator
          yield* simulator.connect({ login })
          const start: Held = { login, accounts, transactions: [], cursors: {} }
          const held = yield* lived(start, before)
          const copy = yield* killed(file)
          return { held, copy, former: yield* seen(yield* lived(held, after)) }
        }).pipe(inWorld(file))
        const restarted = yield* Effect.flatMap(lived(held, after), seen).pipe(
          inWorld(copy, { seed: "another", automaticUpdates: false, startAt: DateTime.makeUnsafe(0) }),
        )
        assert.deepStrictEqual(restarted, former)
      }).pipe(Effect.scoped),
    { arbitrary: { runs: 10 } },
  )

  it.effect("keeps what a host and a person have begun: Link, consent, tokens, each once", () =>
    Effect.gen(function* () {
      const file = yield* newFile
      const begun = yield* Effect.gen(function* () {
        const simulator = yield* PlaidSimulator
        yield* simulator.addInstitution(institution("ins_900", "Bank of the Test"))
        const { login } = yield* ada
        const { link_token } = yield* call((api) => api.linkTokenCreate(linkRequest))
        const { publicToken } = yield* simulator.link(link_token, { login })
        const spent = yield* simulator.link(link_token, { login })
        const { access_token, item_id } = yield* call((api) =>
          api.itemPublicTokenExchange({ public_token: spent.publicToken }),
        )
        yield* call((api) => api.sandboxItemResetLogin({ access_token }))
        const update = yield* call((api) => api.linkTokenCreate({ ...linkRequest, access_token }))
        const { request_id } = yield* call((api) => api.itemGet({ access_token }))
        return { login, link_token, publicToken, spent, access_token, item_id, request_id, update: update.link_token }
      }).pipe(inWorld(file))

      yield* Effect.gen(function* () {
        const simulator = yield* PlaidSimulator
        const exchange = (public_token: string) => call((api) => api.itemPublicTokenExchange({ public_token }))
        const first = yield* exchange(begun.publicToken)
        const again = yield* Effect.flip(exchange(begun.publicToken))
        const spent = yield* Effect.flip(exchange(begun.spent.publicToken))
        assert.deepStrictEqual([again.code, spent.code], ["INVALID_PUBLIC_TOKEN", "INVALID_PUBLIC_TOKEN"])
        assert.notStrictEqual(first.item_id, begun.item_id)

        const named: Array<string> = []
        const get = call((api) => api.linkTokenGet({ link_token: begun.link_token }))
        for (const _ of Array(8).keys()) named.push((yield* get).request_id)
        assert.notInclude(named, begun.request_id)
        const { link_sessions } = yield* get
        assert.strictEqual(link_sessions?.[1]?.on_success?.public_token, begun.spent.publicToken)
        const { access_token } = begun
        assert.strictEqual(yield* codeOf((api) => api.accountsGet({ access_token })), "ITEM_LOGIN_REQUIRED")
        const repaired = yield* simulator.link(begun.update, { login: begun.login })
        const { item_id } = yield* exchange(repaired.publicToken)
        assert.strictEqual(item_id, begun.item_id)
        yield* call((api) => api.accountsGet({ access_token }))

        const { item_id: next } = yield* exchange((yield* simulator.link(begun.link_token, begun)).publicToken)
        assert.notInclude([begun.item_id, first.item_id], next)
        yield* simulator.addLogin({ institutionId: "ins_900", accounts: [] })
      }).pipe(inWorld(file))
    }).pipe(Effect.scoped),
  )

  it.effect("still owes its webhooks, and knows the keys of those that it sent", () =>
    Effect.gen(function* () {
      const file = yield* newFile
      const host = yield* receiver()
      const { kid, token } = yield* Effect.gen(function* () {
        const simulator = yield* PlaidSimulator
        const { login } = yield* ada
        const { itemId } = yield* simulator.connect({ login, webhook: host.url })
        yield* simulator.holdWebhooks
        yield* simulator.breakItem(itemId, "ITEM_LOCKED")
        const [old = ""] = yield* simulator.webhookKeys
        const token = yield* simulator.signWebhook("{}")
        yield* simulator.rotateWebhookKey
        yield* simulator.expireWebhookKey(old)
        return { kid: yield* simulator.webhookKeys, token }
      }).pipe(inWorld(file))
      assert.deepStrictEqual(host.codes(), [])

      yield* Effect.gen(function* () {
        const simulator = yield* PlaidSimulator
        assert.deepStrictEqual(yield* simulator.webhookKeys, kid)
        yield* simulator.releaseWebhooks()
        yield* simulator.webhooksSettled
        const sent = String(host.received[0]?.headers["plaid-verification"])
        assert.deepStrictEqual(host.codes(), ["ERROR"])
        for (const [header, expired_at] of [
          [token, DateTime.toEpochMillis(startAt) / 1000],
          [sent, null],
        ] as const) {
          const { kid: key_id = "" } = decodeProtectedHeader(header)
          const { key } = yield* call((api) => api.webhookVerificationKeyGet({ key_id }))
          assert.strictEqual(key.expired_at, expired_at)
          yield* Effect.promise(async () => {
            const imported = await importJWK({ kty: key.kty, crv: key.crv, x: key.x, y: key.y }, "ES256")
            await jwtVerify(header, imported, { algorithms: ["ES256"], currentDate: DateTime.toDateUtc(startAt) })
          })
        }
      }).pipe(inWorld(file))
      assert.deepStrictEqual(host.codes(), [])
    }).pipe(Effect.scoped),
  )

  it.effect("has written what it answered, and writes nothing where nothing happened", () =>
    Effect.gen(function* () {
      const file = yield* newFile
      yield* Effect.gen(function* () {
        const simulator = yield* PlaidSimulator
        const { login } = yield* ada
        const { link_token } = yield* call((api) => api.linkTokenCreate(linkRequest))
        assert.include(readFileSync(file, "utf8"), link_token)
        const { publicToken: public_token } = yield* simulator.link(link_token, { login })
        yield* simulator.fail({ failure: "dropAfterWork", endpoint: "/item/public_token/exchange" })
        yield* Effect.flip(call((api) => api.itemPublicTokenExchange({ public_token })))
        const written = () => statSync(file, { bigint: true })
        assert.notInclude(readFileSync(file, "utf8"), `"token":"${public_token}"`)
        assert.strictEqual(written().mode & 0o777n, 0o600n)

        const [{ accessToken: access_token } = { accessToken: "" }] = yield* simulator.items
        yield* syncAll(access_token)
        yield* simulator.saved
        const before = written()
        yield* syncAll(access_token)
        yield* call((api) => api.itemGet({ access_token }))
        yield* simulator.saved
        assert.deepStrictEqual([written().ino, written().mtimeNs], [before.ino, before.mtimeNs])
      }).pipe(inWorld(file))
    }).pipe(Effect.scoped),
  )

  it.effect(
    "is refused by name where its file is torn, does not fit or is of another version, and stays as it is",
    () =>
      Effect.gen(function* () {
        const file = yield* newFile
        yield* Effect.gen(function* () {
          const simulator = yield* PlaidSimulator
          const { accessToken } = yield* simulator.connect({ login: (yield* ada).login })
          yield* syncAll(accessToken)
        }).pipe(inWorld(file))
        const whole = readFileSync(file, "utf8")
        const { changes, said, ...rest } = Schema.decodeSync(Parts)(whole)
        for (const [text, reason] of [
          ["", "malformed"],
          ["[]", "malformed"],
          [whole.slice(0, -20), "malformed"],
          [JSON.stringify({ ...rest, said }), "malformed"],
          [JSON.stringify({ ...rest, changes: {}, said }), "malformed"],
          [JSON.stringify({ ...rest, changes, said: {} }), "malformed"],
          [whole.replace('"version":1', '"version":2'), "of another version"],
          ['{"version":"0.9"}', "of another version"],
        ] as const) {
          writeFileSync(file, text)
          const layer = Layer.build(PlaidSimulator.layer({ stateFile: file }))
          const refused = yield* Effect.flip(Effect.scoped(layer))
          assert.deepInclude(refused, { _tag: "StateFileRefused", file, reason })
          assert.include(refused.message, file)
          assert.strictEqual(readFileSync(file, "utf8"), text)
        }
        writeFileSync(file, whole)
        yield* Effect.void.pipe(inWorld(file))
      }).pipe(Effect.scoped),
  )

  it.live("goes on after SIGKILL in the middle of a first sync, from the same cursor", () =>
    Effect.gen(function* () {
      const file = yield* newFile
      const child = yield* Effect.acquireRelease(
        Effect.sync(() =>
          spawn(process.execPath, [fileURLToPath(new URL("./PlaidSimulator.child.ts", import.meta.url)), file], {
            stdio: ["ignore", "pipe", "inherit"],
          }),
        ),
        (process) => Effect.sync(() => process.kill("SIGKILL")),
      )
      const url = yield* Effect.callback<string>((resume) => {
        child.stdout.once("data", (line: Buffer) => resume(Effect.succeed(line.toString().trim())))
      })
      const api = clientOf(url, { "PLAID-CLIENT-ID": "simulated-client", "PLAID-SECRET": "simulated-secret" })
      const { public_token } = yield* asking(api, (plaid) =>
        plaid.sandboxPublicTokenCreate({
          institution_id: "ins_109508",
          initial_products: [Products.Transactions],
          options: { transactions: { days_requested: 730 } },
        }),
      )
      const { access_token, item_id } = yield* asking(api, (plaid) => plaid.itemPublicTokenExchange({ public_token }))
      const first = yield* asking(api, (plaid) => plaid.transactionsSync({ access_token, count: 100 }))
      assert.isTrue(first.has_more)
      yield* Effect.callback<void>((resume) => {
        child.once("exit", () => resume(Effect.void))
        child.kill("SIGKILL")
      })

      yield* Effect.gen(function* () {
        const rest = yield* syncAll(access_token, first.next_cursor, 100)
        const whole = yield* syncAll(access_token)
        assert.isAbove(rest.added.length, 0)
        assert.deepStrictEqual([...first.added, ...rest.added], whole.added)
        const { item } = yield* call((plaid) => plaid.itemGet({ access_token }))
        assert.strictEqual(item.item_id, item_id)
      }).pipe((life) => Effect.provide(life, PlaidSimulator.layer({ stateFile: file })))
    }).pipe(Effect.scoped),
  )
})

const Parts = Schema.fromJsonString(
  Schema.StructWithRest(Schema.Struct({ changes: Schema.Unknown, said: Schema.Unknown }), [
    Schema.Record(Schema.String, Schema.Unknown),
  ]),
)

/** Of requests, not of the world: the one that was killed had counted more of them. */
const withoutRequestIds = (answers: unknown): unknown =>
  JSON.parse(JSON.stringify(answers, (key, value: unknown) => (key === "request_id" ? undefined : value)))
