import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"

import { Ids, Links, Memory } from "../src/index.ts"
import { bank, consent, item, link, newAccount, newTenant, on, statement, transaction } from "./support/Bank.ts"

const reader: Links.Reader = { id: bank, transaction }
const coffee = (id: string) => item(id, "2026-08-03", 450, "STARBUCKS 123")

layer(Memory.layer, { excludeTestServices: true })("links with transactions", (it) => {
  it.effect("a merge that is taken back leaves no transaction twice, whatever was linked meanwhile", () =>
    Effect.gen(function* () {
      const tenantId = newTenant()
      const by: Links.By = { tenantId, actor: Ids.system }
      const [kept, absorbed] = [yield* newAccount(), yield* newAccount()]
      const deliver = Effect.fnUntraced(function* (source: string, accountId: Ids.AccountId, bought = coffee(source)) {
        const login = yield* consent(tenantId)
        login.bank.says(source, { items: [bought], coversFrom: "2026-07-01" })
        yield* link(login, source, accountId)
        yield* login.sync.pipe(on("2026-08-05"))
      })
      yield* deliver("a", absorbed)
      const once = yield* statement(tenantId, absorbed)
      yield* deliver("k", kept, item("k", "2026-07-20", 9_900, "CITY POWER"))
      yield* Links.merge(reader, { kept, absorbed }, by)
      const merged = yield* statement(tenantId, kept)
      // Two logins have the same from the account that goes: then they have it from each other.
      yield* deliver("one", kept)
      yield* deliver("other", kept)
      assert.deepStrictEqual(yield* statement(tenantId, kept), merged)
      yield* Links.unmerge(reader, { kept, absorbed }, by)
      assert.deepStrictEqual(yield* statement(tenantId, kept), merged)
      assert.deepStrictEqual(yield* statement(tenantId, absorbed), once)
    }),
  )

  it.effect("a link that is undone takes its transactions along, and leaves the others their own", () =>
    Effect.gen(function* () {
      const tenantId = newTenant()
      const by: Links.By = { tenantId, actor: Ids.system }
      const accountId = yield* newAccount()
      const logins = [yield* consent(tenantId), yield* consent(tenantId), yield* consent(tenantId)]
      const feeds: Array<Ids.FeedId> = []
      for (const [n, login] of logins.entries()) {
        login.bank.says(`s${n}`, { items: [coffee(`c${n}`)], coversFrom: "2026-07-01" })
        feeds.push(yield* link(login, `s${n}`, accountId))
        yield* login.sync.pipe(on("2026-08-05"))
      }
      const once = yield* statement(tenantId, accountId)
      assert.strictEqual(once.length, 1)
      for (const feedId of feeds.slice(0, 2)) {
        const own = yield* Links.undo(reader, { accountId, feedId }, by)
        assert.deepStrictEqual(yield* statement(tenantId, accountId), once)
        assert.deepStrictEqual(yield* statement(tenantId, own.accountId), once)
      }
    }),
  )
})
