/** A mailbox that is synced into PostgreSQL, by several at once and while sessions end. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { GmailMessagesView, GmailProvider } from "@holdfast/adapters-gmail"
import { GmailSimulator, InProcess, Mails } from "@holdfast/adapters-gmail/testing"
import { Forgetting, Ids, ProjectionRunner, Verify } from "@holdfast/domain"
import { Context, Effect, Fiber, Layer, Logger, Redacted } from "effect"
import { inject } from "vitest"

import { connected, label } from "../../adapters-gmail/test/mailbox.ts"
import { ada } from "../../adapters-gmail/test/support.ts"
import * as Store from "../src/Store.ts"
import { TestDatabase } from "../src/testing/index.ts"
import { masterKeys } from "./Store.layers.ts"

/** Who may do anything to the database. */
class Operator extends Context.Service<Operator, PgClient.PgClient>()("Operator") {}

const world = Layer.unwrap(
  Effect.map(TestDatabase.freshDatabase(Redacted.make(inject("adminUrl"))), (url) =>
    Layer.mergeAll(
      Store.layerPostgres({ url, masterKeys }),
      Layer.effect(Operator, PgClient.PgClient).pipe(Layer.provide(Layer.fresh(PgClient.layer({ url })))),
      InProcess.layer({ mailboxes: [ada] }),
      Logger.layer([]),
    ),
  ),
)

layer(world, { timeout: "60 seconds", excludeTestServices: true })("A mailbox", (it) => {
  it.effect("of which two labels are synced at once holds each message once, whichever label is forgotten then", () =>
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const tenantId = Ids.TenantId.make("two labels")
      const labels = [label, "Other"]
      for (const [n, names] of [labels, [label], labels, ["Other"], labels].entries()) {
        yield* simulator.deliverAll(ada, mails(12, 12 * n), { labels: names })
      }
      const [one, other] = [yield* connected({ tenantId }), yield* connected({ tenantId, watches: "Other" })]
      const syncs = [one, other].map(({ sync }) => Effect.provideService(sync, GmailProvider.PageSize, 5))
      const reports = yield* Effect.all(syncs, { concurrency: 2 })
      assert.strictEqual(
        reports.reduce((sum, { added }) => sum + added, 0),
        60,
      )
      const held = [...(yield* one.ids), ...(yield* other.ids)]
      assert.strictEqual(new Set(held).size, 60)
      yield* viewIsAsTheLogSays(60)
      yield* Forgetting.forget(tenantId, one.id, { actor: Ids.system })
      yield* viewIsAsTheLogSays((yield* other.ids).length)
      yield* other.sync
      yield* other.sync
      assert.strictEqual((yield* other.ids).length, 48)
      yield* viewIsAsTheLogSays(48)
      yield* Forgetting.forget(tenantId, other.id, { actor: Ids.system })
      yield* viewIsAsTheLogSays(0)
    }),
  )

  it.effect("is synced whole, each message once, however often the server ends all sessions on the way", () =>
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const operator = yield* Operator
      const tenantId = Ids.TenantId.make("outages")
      const watches = "Rough"
      yield* simulator.deliverAll(ada, mails(60, 100), { labels: [watches] })
      const gmail = yield* connected({ tenantId, watches })
      const run = gmail.sync.pipe(
        Effect.provideService(GmailProvider.PageSize, 4),
        Effect.catchTag("EventStoreUnavailable", () => Effect.undefined),
      )
      const before = yield* simulator.count("messages.get")
      let stopped = 0
      for (const after of [1, 7, 13, 22, 34, 47]) {
        const running = yield* Effect.forkChild(run)
        yield* Effect.raceFirst(simulator.met("messages.get", before + after), Fiber.await(running))
        yield* operator`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE datname = current_database() AND pid <> pg_backend_pid()`
        if ((yield* Fiber.join(running)) === undefined) stopped++
        // What could not be released would run out.
        yield* operator`UPDATE holdfast.leases SET held_until = clock_timestamp()`
      }
      assert.isAtLeast(stopped, 4)
      assert.isDefined(yield* run)
      const held = yield* gmail.ids
      assert.strictEqual(held.length, 60)
      assert.strictEqual(new Set(held).size, 60)
      yield* viewIsAsTheLogSays(60)
    }),
  )
})

const mails = (count: number, from: number) => Array.from({ length: count }, (_, n) => Mails.numbered(from + n))

const viewIsAsTheLogSays = Effect.fnUntraced(function* (rows: number) {
  yield* ProjectionRunner.catchUp(GmailMessagesView)
  const found = yield* Verify.verify(GmailMessagesView)
  assert.deepInclude(found, { equal: rows, missing: [], extra: [], different: [] })
})
