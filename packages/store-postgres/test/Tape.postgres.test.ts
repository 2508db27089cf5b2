import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { GmailApi, GmailMessagesView, GmailProvider, Tape } from "@holdfast/adapters-gmail"
import { Mails } from "@holdfast/adapters-gmail/testing"
import { Aggregate, Feed, Ids, Personal, ProjectionRunner, ViewStore } from "@holdfast/domain"
import { DateTime, Effect, Layer, Redacted } from "effect"
import { inject } from "vitest"

import * as Store from "../src/Store.ts"
import * as Tenant from "../src/Tenant.ts"
import { TestDatabase } from "../src/testing/index.ts"
import { masterKeys } from "./Store.layers.ts"

/** The host's application, and somebody whom the host lets in as a role of its own. */
const world = Layer.unwrap(
  Effect.gen(function* () {
    const url = yield* TestDatabase.freshDatabase(Redacted.make(inject("adminUrl")))
    const asAdmin = (statement: string) =>
      Effect.flatMap(PgClient.PgClient, (sql) => sql.unsafe(statement)).pipe(
        Effect.provide(PgClient.layer({ url, maxConnections: 1 }), { local: true }),
      )
    const lettingIn = Effect.acquireRelease(asAdmin(`CREATE ROLE ${reader} IN ROLE holdfast_app`), () =>
      Effect.orDie(asAdmin(`DROP ROLE ${reader}`)),
    )
    return Layer.provideMerge(
      Layer.effectDiscard(Effect.andThen(PgClient.PgClient, lettingIn)),
      Store.layerPostgres({ url, masterKeys }),
    )
  }),
)

layer(world, { timeout: "60 seconds", excludeTestServices: true })("The tape", (it) => {
  it.effect("S37 cannot be changed by who may read it, not where it is recorded and not where it is shown", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const { content } = yield* Tape.record({
        id: GmailApi.MessageId.make("m1"),
        threadId: "t1",
        labelIds: [GmailApi.LabelId.make("Label_1")],
        historyId: GmailApi.HistoryId.make("1"),
        internalDate: at,
        raw: Mails.numbered(1),
      })
      yield* Aggregate.handle(Feed)(
        tenantId,
        Ids.FeedId.make("00000000-0000-8000-a000-000000000003"),
        {
          _tag: "RecordItems",
          at,
          connectionId: Ids.ConnectionId.make("00000000-0000-4000-8000-000000000001"),
          provider: GmailProvider.id,
          accountId: Ids.AccountId.make("00000000-0000-8000-a000-000000000004"),
          source: "Label_1",
          run: "run-1",
          itemIds: ["m1"],
          personal: Personal.reveal({ items: [content] }),
        },
        { metadata: { actor: Ids.system } },
      )
      yield* ProjectionRunner.catchUp(GmailMessagesView)
      const rows = (yield* ViewStore.Views).query<GmailMessagesView.Row>(GmailMessagesView, tenantId, {})
      const before = yield* rows
      assert.deepStrictEqual(
        before.map(({ message_id }) => message_id),
        ["m1"],
      )

      const [build] = yield* Tenant.scoped(tenantId)(
        sql<{ table: string }>`SELECT 'holdfast_views.gmail_messages_' || number AS table FROM holdfast.builds`,
      )
      const shown = ["holdfast.gmail_messages", build?.table ?? ""]
      const attempts = [
        ...shown.flatMap((table) => [
          `UPDATE ${table} SET full_text = ''`,
          `DELETE FROM ${table}`,
          `INSERT INTO ${table} SELECT * FROM ${table}`,
        ]),
        `TRUNCATE ${shown[1]}`,
        "UPDATE holdfast.events SET data = '{}'",
        "DELETE FROM holdfast.events",
        "TRUNCATE holdfast.events",
      ]
      const asReader = (statement: string) =>
        Effect.andThen(sql.unsafe(`SET LOCAL ROLE ${reader}`), sql.unsafe<{ message_id: string }>(statement))
      for (const as of [sql.unsafe.bind(sql), asReader]) {
        const tags = yield* Effect.forEach(attempts, (attempt) =>
          Effect.map(Effect.flip(Tenant.scoped(tenantId)(as(attempt))), ({ reason }) => reason._tag),
        )
        assert.deepStrictEqual(tags, Array(attempts.length).fill("AuthorizationError"))
      }
      const seen = yield* Tenant.scoped(tenantId)(asReader("SELECT message_id FROM holdfast.gmail_messages"))
      assert.deepStrictEqual(seen, [{ message_id: "m1" }])
      assert.deepStrictEqual(yield* rows, before)
    }),
  )
})

const tenantId = Ids.TenantId.make("harbour")
const at = DateTime.makeUnsafe("2026-11-20T10:00:00Z")
const reader = "a_hosts_reader"
