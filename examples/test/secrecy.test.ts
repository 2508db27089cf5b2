/** What must stand nowhere but where it belongs: tokens in the vault, mail in the sealed log and in its view. */
import { inspect } from "node:util"

import { assert, layer } from "@effect/vitest"
import { GmailSecret } from "@holdfast/adapters-gmail"
import { GmailSimulator, Mails } from "@holdfast/adapters-gmail/testing"
import { type MasterKeys, Vault } from "@holdfast/domain"
import { RunnerSql, Store } from "@holdfast/store-postgres"
import { TestDatabase } from "@holdfast/store-postgres/testing"
import { Cause, Effect, Exit, Layer, Logger, Redacted, Tracer } from "effect"
import { inject } from "vitest"

import { complete, connect, google, mailbox, sync, tenantId, told } from "./slice.ts"

const body = "planted: the key is under the pot"
const sender = "planted-guest@example.org"

const masterKeys: MasterKeys.Options = { current: "test", keys: { test: Redacted.make(new Uint8Array(32).fill(1)) } }

const postgres = Layer.unwrap(
  Effect.map(TestDatabase.freshDatabase(Redacted.make(inject("adminUrl"))), (url) =>
    Store.layerPostgres({ url, masterKeys }),
  ),
)

layer(Layer.provideMerge(google, postgres), { excludeTestServices: true, timeout: "2 minutes" })("secrets", (it) => {
  it.effect("stand in no log, span, error or table, whatever goes wrong; mail stands only where it belongs", () =>
    Effect.gen(function* () {
      const heard: Array<string> = []
      const secrets = new Set<string>()
      const listening = Layer.mergeAll(
        Layer.succeed(Tracer.Tracer, tracerInto(heard)),
        Logger.layer([Logger.make((options) => heard.push(inspect(options, { depth: 12, showHidden: true })))]),
      )
      const attempt = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
        Effect.gen(function* () {
          const exit = yield* Effect.exit(Effect.provide(effect, listening))
          if (Exit.isFailure(exit)) heard.push(inspect(exit, { depth: 20 }), Cause.pretty(exit.cause))
          return exit
        })
      const remember = Effect.fnUntraced(function* () {
        const sql = yield* RunnerSql.RunnerSql
        const rows = yield* sql<{ readonly id: string }>`SELECT connection_id::text AS id FROM holdfast.credentials`
        for (const { id } of rows) {
          const held = yield* Effect.option((yield* Vault.Vault).get(tenantId, id as never))
          if (held._tag === "None") continue
          const secret = GmailSecret.read(held.value.secret)
          if (secret._tag === "Asked") secrets.add(secret.verifier)
          if (secret._tag === "Granted") secrets.add(secret.accessToken).add(secret.refreshToken).add(secret.address)
        }
      })

      const simulator = yield* GmailSimulator
      const text = Mails.mailOf({ from: sender, subject: "planted subject", text: body, date: new Date(0) })
      yield* simulator.deliver(mailbox, text, { labels: ["Reservations"] })

      const { query } = yield* yield* attempt(connect())
      secrets.add(query.get("code") ?? "")
      yield* remember()
      yield* simulator.fail({ kind: "token.exchange", failure: "truncatedBody" })
      yield* attempt(complete(query))
      const again = yield* yield* attempt(connect())
      yield* remember()
      const { connectionId } = yield* yield* attempt(complete(again.query))
      yield* remember()
      for (const kind of ["token.refresh", "labels.list", "messages.list", "messages.get", "history.list"] as const) {
        for (const failure of [
          "truncatedBody",
          "notFound",
          "emptyBody",
          "dropAfterWork",
          "failedPrecondition",
        ] as const) {
          yield* simulator.expireAccessTokens(mailbox)
          yield* simulator.fail({ kind, failure })
          yield* attempt(sync(connectionId))
          yield* simulator.clearFaults
        }
      }
      yield* attempt(sync(connectionId))
      yield* remember()
      yield* simulator.revoke(mailbox)
      yield* attempt(sync(connectionId))
      const { messages } = yield* told

      assert.strictEqual(messages[0]?.full_text?.trim(), body)
      assert.isAtLeast(secrets.size, 6)
      assert.isAbove(heard.length, 200)
      const said = heard.join("\n")
      for (const secret of [...secrets, body, sender, "planted subject"]) {
        assert.isFalse(said.includes(secret), "heard in a log, a span or an error")
      }

      const found = yield* tablesWith([...secrets, body, sender])
      const addresses = new Set([mailbox])
      for (const { table, text } of found) {
        assert.isTrue(
          table.includes("gmail_messages") || (addresses.has(text) && table.includes("connections")),
          `in ${table}`,
        )
      }
      assert.isTrue(found.some(({ table, text }) => table.includes("gmail_messages") && text === body))
    }),
  )
})

layer(Layer.provideMerge(google, Layer.fresh(postgres)), { excludeTestServices: true, timeout: "3 minutes" })(
  "big mail",
  (it) => {
    it.effect("of 25 MB, twice, comes through to its view byte for byte, and is fetched once", () =>
      Effect.gen(function* () {
        const simulator = yield* GmailSimulator
        const bytes = (seed: number) =>
          Uint8Array.from({ length: 18_000_000 }, (_, n) => Math.imul(n + seed, 0x9e3779b1) >>> 24)
        const mails = [1, 2].map((seed) =>
          new TextEncoder().encode(
            [
              "From: a@example.com",
              "Subject: big",
              "Content-Type: application/octet-stream",
              "Content-Transfer-Encoding: base64",
              "",
              Buffer.from(bytes(seed)).toString("base64"),
            ].join("\r\n"),
          ),
        )
        yield* simulator.deliverAll(mailbox, mails, { labels: ["Reservations"] })
        const { connectionId } = yield* complete((yield* connect()).query)
        assert.strictEqual((yield* sync(connectionId)).added, 2)
        const { messages } = yield* told
        const digest = (mail: Uint8Array) =>
          Effect.promise(async () =>
            Buffer.from(await crypto.subtle.digest("SHA-256", new Uint8Array(mail))).toString("hex"),
          )
        assert.deepStrictEqual(
          messages.map(({ sha256 }) => sha256).toSorted(),
          (yield* Effect.forEach(mails, digest)).toSorted(),
        )
        assert.deepStrictEqual(
          messages.map(({ size }) => size),
          mails.map(({ length }) => length),
        )
        assert.deepStrictEqual([...(yield* simulator.rawFetches).values()], [1, 1])
      }),
    )
  },
)

/** Keeps everything that is said of every span. */
const tracerInto = (heard: Array<string>) =>
  Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      const { attribute, end, event } = span
      heard.push(options.name)
      span.attribute = (key, value) => (
        heard.push(`${key} ${inspect(value, { depth: 12 })}`),
        attribute.call(span, key, value)
      )
      span.event = (name, at, attributes) => (
        heard.push(`${name} ${inspect(attributes, { depth: 12 })}`),
        event.call(span, name, at, attributes)
      )
      span.end = (at, exit) => {
        if (Exit.isFailure(exit)) heard.push(inspect(exit, { depth: 20 }), Cause.pretty(exit.cause))
        end.call(span, at, exit)
      }
      return span
    },
  })

/** The tables in which a text stands, as it is or in Base64 or hexadecimal digits. */
const tablesWith = Effect.fnUntraced(function* (texts: ReadonlyArray<string>) {
  const sql = yield* RunnerSql.RunnerSql
  const tables = yield* sql<{ readonly name: string }>`
    SELECT c.oid::regclass::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname !~ '^(pg_|information_schema)' AND c.relkind = 'r'`
  assert.isAbove(tables.length, 5)
  const found: Array<{ readonly table: string; readonly text: string }> = []
  for (const { name } of tables) {
    const rows = yield* sql<{ readonly row: string }>`SELECT t::text AS row FROM ${sql.literal(name)} t`
    const all = rows.map(({ row }) => row).join("\n")
    for (const text of texts) {
      const bytes = Buffer.from(text)
      const forms = [
        text,
        bytes.toString("hex"),
        bytes.toString("base64").slice(0, -4),
        bytes.toString("base64url").slice(0, -4),
      ]
      if (forms.some((form) => all.includes(form))) found.push({ table: name, text })
    }
  }
  return found
})
