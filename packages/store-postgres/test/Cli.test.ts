import { randomUUID } from "node:crypto"
import * as Fs from "node:fs/promises"
import * as Os from "node:os"
import * as Path from "node:path"

import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { ConnectionHistoryView, ConnectionsView, Vault } from "@holdfast/domain"
import { Effect, Redacted } from "effect"
import { inject } from "vitest"

import * as Progress from "../src/cli/Progress.ts"
import * as Store from "../src/Store.ts"
import { TestDatabase } from "../src/testing/index.ts"
import {
  acme,
  type Answer,
  holdfast,
  holdfastProcess,
  ids,
  masterKey,
  masterKeys,
  seeded,
  storeAt,
  umbrella,
} from "./Cli.store.ts"
import { freshUrl } from "./EventStore.layers.ts"

const temporary = Effect.acquireRelease(
  Effect.promise(() => Fs.mkdtemp(Path.join(Os.tmpdir(), "holdfast-cli-"))),
  (directory) => Effect.promise(() => Fs.rm(directory, { recursive: true })),
)

const documents = ({ out }: Answer): ReadonlyArray<unknown> =>
  out
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line))

const document = (answer: Answer) => {
  const all = documents(answer)
  assert.strictEqual(all.length, 1)
  return all[0]
}

/** A seeded store on the server, closed again; and the command on it. */
const served = Effect.gen(function* () {
  const url = yield* freshUrl()
  yield* Effect.provide(seeded, storeAt(url))
  const env = { DATABASE_URL: Redacted.value(url) }
  return { url, env, on: (...args: ReadonlyArray<string>) => holdfast(args, env) }
})

const asAdmin = (url: Redacted.Redacted, statement: string) =>
  Effect.provide(
    Effect.flatMap(PgClient.PgClient, (sql) => sql.unsafe(statement).unprepared),
    PgClient.layer({ url, maxConnections: 1 }),
  )

describe("the holdfast command in a process of its own", () => {
  it.live(
    "makes a store in a directory, looks it over, and answers 0, 1 or 2",
    () =>
      Effect.gen(function* () {
        const home = yield* temporary
        const dataDir = Path.join(home, "data")
        const at = (...args: ReadonlyArray<string>) => holdfastProcess([...args, "--data-dir", dataDir])

        const missing = yield* at("projections")
        assert.deepStrictEqual(missing, {
          code: 1,
          out: "",
          err: `There is no store in ${dataDir}. Run: holdfast migrate\n`,
        })
        assert.isFalse((yield* Effect.promise(() => Fs.readdir(home))).includes("data"), "nothing was made")

        const migrated = yield* at("migrate", "--json")
        assert.deepInclude(document(migrated), { store: dataDir })
        assert.strictEqual(migrated.code, 0)
        yield* Effect.provide(seeded, Store.layerPglite({ dataDir, masterKeys }))

        const healthy = yield* at("doctor")
        assert.deepStrictEqual([healthy.code, healthy.err], [0, ""])
        assert.include(healthy.out, `Nothing is wrong with the store in ${dataDir}.`)
        assert.isTrue(
          healthy.out.split("\n").every((line) => line.length <= 80 || line.includes(dataDir)),
          healthy.out,
        )

        const rebuilt = yield* at("rebuild", "connections", "--json")
        assert.deepStrictEqual(document(rebuilt), {
          view: "connections",
          build: 2,
          version: ConnectionsView.version,
          position: 4,
        })

        const file = Path.join(home, "log.jsonl")
        assert.strictEqual((yield* at("export", file)).code, 0)
        const server = { DATABASE_URL: Redacted.value(yield* freshUrl()) }
        assert.strictEqual((yield* holdfast(["import", file], server)).code, 0)
        assert.strictEqual((yield* holdfast(["rebuild", "connections"], server)).code, 0)
        const list = ["connections", "list", "--json"]
        assert.strictEqual((yield* holdfast(list, server)).out, (yield* holdfast([...list, "--data-dir", dataDir])).out)

        const misspelt = yield* at("rebuild")
        assert.strictEqual(misspelt.code, 2)
        assert.include(misspelt.err, "Missing required argument: view")
      }).pipe(Effect.scoped),
    120_000,
  )

  it.live(
    "explains itself, each of its commands, and completes in a shell",
    () =>
      Effect.gen(function* () {
        const help = yield* holdfastProcess(["--help"])
        assert.strictEqual(help.code, 0)
        for (const name of [
          "migrate",
          "doctor",
          "projections",
          "rebuild",
          "verify",
          "rollback",
          "retry",
          "history",
          "export",
          "import",
          "forget",
          "connections",
          "keys",
        ]) {
          assert.match(help.out, new RegExp(`^  ${name} +\\S`, "m"))
        }
        assert.isTrue(
          help.out.split("\n").every((line) => line.length <= 80),
          help.out,
        )
        const completions = yield* holdfastProcess(["--completions", "bash"])
        assert.strictEqual(completions.code, 0)
        assert.include(completions.out, "rebuild")
        assert.include(completions.out, "complete ")
      }),
    60_000,
  )
})

describe("holdfast match", () => {
  const account = { tenant: "acme", owner: "ada", provider: "plaid", inst: "ins_1", instName: "Example Bank" }
  const iban = "DE89370400440532013000"
  const ex = [{ ...account, id: "a", conn: "c1", connStatus: "active", ext: "old", iban }]
  const inc = [{ ...account, id: "x", conn: "c1", ext: "old", iban }]
  const coffee = { date: "2026-08-01", amt: 450, cur: "EUR", desc: "COFFEE" }
  const relinked = { id: "T1", ex: [{ ...coffee, id: "h", ref: "1" }], inc: [{ ...coffee, id: "n", ref: "1" }] }

  const matching = (content: string, ...flags: ReadonlyArray<string>) =>
    Effect.gen(function* () {
      const file = Path.join(yield* temporary, "cases.json")
      yield* Effect.promise(() => Fs.writeFile(file, content))
      return yield* holdfast(["match", ...flags, file])
    })

  it.live("decides the accounts of a file with reasons, without a store", () =>
    Effect.gen(function* () {
      const cases = JSON.stringify([{ id: "A1", ex, inc }])
      const told = yield* matching(cases)
      assert.deepStrictEqual([told.code, told.err], [0, ""])
      assert.match(told.out, /^A1 x\n {2}\S/)
      assert.notInclude(told.out, "as expected")
      assert.notInclude(told.out, iban)
      const printed = document(yield* matching(cases, "--json"))
      assert.deepStrictEqual(printed, [{ id: "A1", decisions: { x: { action: "auto", to: "a", level: "exact" } } }])
    }).pipe(Effect.scoped),
  )

  it.live("scores what is expected, and answers 1 where it is decided otherwise", () =>
    Effect.gen(function* () {
      const expecting = (action: string, to: string | null, level: string) =>
        matching(JSON.stringify([{ id: "A1", ex, inc, exp: { x: { action, to, level } } }]))
      const right = yield* expecting("auto", "a", "exact")
      assert.strictEqual(right.code, 0)
      assert.include(right.out, "1 of 1 as expected")
      const wrong = yield* expecting("create", null, "none")
      assert.strictEqual(wrong.code, 1)
      assert.include(wrong.out, "A1 x  NOT AS EXPECTED")
      assert.include(wrong.out, "0 of 1 as expected")
    }).pipe(Effect.scoped),
  )

  it.live("decides transactions that were delivered again", () =>
    Effect.gen(function* () {
      const decided = { id: "T1", merge: { n: "h" }, insert: [], review: [], ignore: [], expire: [], flag: null }
      const bare = yield* matching(JSON.stringify([relinked]), "--transactions", "--json")
      assert.deepStrictEqual([bare.code, document(bare)], [0, [decided]])
      const scored = yield* matching(JSON.stringify([{ ...relinked, merge: { n: "h" } }]), "--transactions")
      assert.deepStrictEqual([scored.code, scored.err], [0, ""])
      assert.include(scored.out, "n is h")
      assert.include(scored.out, "1 of 1 as expected")
      const wrong = yield* matching(JSON.stringify([{ ...relinked, merge: {}, insert: ["n"] }]), "--transactions")
      assert.strictEqual(wrong.code, 1)
      assert.include(wrong.out, "T1  NOT AS EXPECTED")
    }).pipe(Effect.scoped),
  )

  it.live("decides what it can read, and tells the rest by name and place", () =>
    Effect.gen(function* () {
      const odd = { ...relinked, note: 1 }
      const known = yield* matching(JSON.stringify([odd]), "--transactions", "--json")
      assert.strictEqual(known.code, 0)
      assert.include(known.err, "T1 has a field that is not known, and that was not considered: note")
      const broken = { ...relinked, id: "T2", inc: [{ ...coffee, id: "n", amt: "450" }] }
      const partly = yield* matching(JSON.stringify([broken, relinked]), "--transactions", "--json")
      assert.strictEqual(partly.code, 1)
      assert.include(partly.err, "T2 cannot be read")
      assert.match(partly.out, /^\[\{"id":"T1"/)
      const accounts = yield* matching(JSON.stringify([{ id: "A1", ex, inc: [{ ...inc[0], tenant: 1 }] }]))
      assert.strictEqual(accounts.code, 1)
      assert.include(accounts.err, "A1 cannot be read")
    }).pipe(Effect.scoped),
  )

  it.live("tries another policy, which starts as a copy of the one in use", () =>
    Effect.gen(function* () {
      const printed = yield* holdfast(["policy"])
      assert.strictEqual(printed.code, 0)
      const policy = Path.join(yield* temporary, "policy.json")
      const cases = JSON.stringify([{ id: "A1", ex, inc }])
      yield* Effect.promise(() => Fs.writeFile(policy, printed.out))
      const [own, copied] = [yield* matching(cases, "--json"), yield* matching(cases, "--json", "--policy", policy)]
      assert.deepStrictEqual(copied, own)
      const misplaced = yield* matching(JSON.stringify([relinked]), "--transactions", "--policy", policy)
      assert.deepStrictEqual([misplaced.code, misplaced.out], [2, ""])
      yield* Effect.promise(() => Fs.writeFile(policy, "{}"))
      const refused = yield* matching(cases, "--policy", policy)
      assert.strictEqual(refused.code, 2)
      assert.include(refused.err, "is not a policy")
    }).pipe(Effect.scoped),
  )

  it.live("answers 2 for a file that is not JSON, and says which is missing", () =>
    Effect.gen(function* () {
      const bad = yield* matching("[{")
      assert.deepStrictEqual([bad.code, bad.out], [2, ""])
      assert.include(bad.err, "is not JSON")
      const missing = yield* holdfast(["match", "no-such-file.json"])
      assert.notStrictEqual(missing.code, 0)
      assert.strictEqual(missing.out, "")
    }).pipe(Effect.scoped),
  )
})

describe("the holdfast command", () => {
  it.live("says of every command that prints which fields its JSON has", () =>
    Effect.gen(function* () {
      for (const command of [
        "migrate",
        "doctor",
        "export",
        "import",
        "keys rotate",
        "projections",
        "rebuild",
        "verify",
        "rollback",
        "retry",
        "connections list",
        "connections activate",
        "history",
        "forget",
      ]) {
        const help = yield* holdfast([...command.split(" "), "--help"])
        assert.include(help.out, "JSON", command)
      }
    }),
  )

  it.live("tells what went wrong in a sentence, without the password and without a stack", () =>
    Effect.gen(function* () {
      const secret = "hunter2"
      const nowhere = yield* holdfast(["doctor"], { DATABASE_URL: `postgres://ada:${secret}@127.0.0.1:1/none` })
      const malformed = yield* holdfast(["doctor", "--database", `ada:${secret}`])
      const unknown = yield* holdfast(["doctor", "--json"], {
        DATABASE_URL: Redacted.value(Redacted.make(inject("adminUrl"))).replace(/\/[^/]*$/, "/no_such_database"),
      })
      for (const { err, out } of [nowhere, malformed, unknown]) {
        assert.strictEqual(out, "")
        assert.notInclude(err, secret)
        assert.notMatch(err, /\bat .*:\d+/)
      }
      assert.deepStrictEqual([nowhere.code, malformed.code, unknown.code], [1, 2, 1])
      assert.include(nowhere.err, "PostgreSQL cannot be reached")
      assert.deepStrictEqual(JSON.parse(unknown.err), {
        error: "DatabaseUnavailable",
        message: "PostgreSQL has no database of that name. Nothing was written.",
      })
    }),
  )

  it.live("refuses by its name what cannot be meant, says what is wanted, and does nothing", () =>
    Effect.gen(function* () {
      const { on, url } = yield* served
      const { ada } = ids
      const me = ["--actor", "me"] as const
      const undo = ["enrichments", "undo", "--since", "2026-01-01T00:00:00Z"] as const
      const refusals: ReadonlyArray<readonly [number, ReadonlyArray<string>, string]> = [
        [2, ["doctor", "--data-dir", ""], "--data-dir is empty"],
        [2, ["doctor", "--data-dir", "a", "--data-dir", "b"], '--data-dir: "2 occurrences"'],
        [2, ["connections", "list", "--tenant", ""], "--tenant. Expected 1 to 200 printable characters"],
        [2, ["connections", "list", "--owner", ""], "--owner. Expected 1 to 200 printable characters"],
        [2, ["connections", "list", "--provider", ""], "--provider. Expected "],
        [2, ["connections", "list", "--status", "activ"], '--status: "activ". Expected: "pending"'],
        [2, ["connections", "activate", "ada", ...me], "<connection> is to be the id of a connection."],
        [2, ["connections", "activate", ada, "--actor", " "], '--actor: " ". Expected 1 to 200 printable'],
        [2, ["connections", "activate", ada, ...me, "--reason", ""], "--reason. Expected 1 to 1000 characters"],
        [2, ["connections", "activate", ada, ...me, "--tenant", ""], "--tenant. Expected 1 to 200"],
        [1, ["connections", "activate", ada, ...me, "--tenant", umbrella], `of tenant ${umbrella} in this store`],
        [2, ["history", ""], "<connection> is to be the id of a connection"],
        [2, ["forget", "", ...me, "--yes"], "<subject> is to be the id of a connection, or the name of a stream."],
        [2, ["forget", ada, "--actor", "", "--yes"], "--actor. Expected 1 to 200 printable"],
        [1, ["forget", ada, ...me, "--yes", "--tenant", umbrella], `of tenant ${umbrella} in this store`],
        [2, ["controls", "disable", "", ...me], "<what> is to be all, enrichment, provider:<id> or connection:<id>."],
        [2, ["controls", "disable", "all:mailboxes", ...me], "<what> is to be all"],
        [2, ["controls", "disable", "provider:", ...me], "<what> is to be all"],
        [2, ["controls", "disable", "all", ...me, "--reason", "x".repeat(1_001)], "Expected 1 to 1000 characters"],
        [2, ["enrichments", "undo", "--since", "soon"], '--since: "soon". Expected a valid UTC DateTime string'],
        [2, [...undo, "--extractor", "0"], '--extractor: "0". Expected a value greater than or equal to 1'],
        [2, [...undo, "--connection", "ada"], '--connection: "ada". Expected a lower-case UUID'],
        [2, [...undo, "--tenant", ""], "--tenant. Expected 1 to 200"],
        [2, ["match", ""], '<file>: "". Expected the name of a file'],
        [1, ["match", "no-such-file.json"], "no-such-file.json cannot be read or written."],
        [2, ["match", "cases.json", "--policy", ""], "--policy. Expected the name of a file"],
        [1, ["backtest", "--policy", "no-such-policy.json"], "no-such-policy.json cannot be read or written."],
        [2, ["rebuild", ""], "<view>: this program does not define one of that name. It has: account_keys"],
        [2, ["retry", "connections", "0"], '<position>: "0". Expected a value greater than or equal to 1'],
        [2, ["export", ""], '<file>: "". Expected the name of a file'],
        [
          1,
          ["export", "/no-such-directory/log.jsonl"],
          "/no-such-directory/log.jsonl.unfinished cannot be read or written",
        ],
        [2, ["import", ""], '<file>: "". Expected the name of a file'],
        [1, ["import", "no-such-log.jsonl"], "no-such-log.jsonl cannot be read or written."],
      ]
      const before = yield* asAdmin(url, "SELECT count(*) FROM holdfast.events")
      for (const [code, args, said] of refusals) {
        const { err, ...refused } = yield* on(...args)
        assert.deepStrictEqual(refused, { code, out: "" }, args.join(" "))
        assert.include(err, said, args.join(" "))
        assert.notInclude(err, "Schema")
      }
      assert.deepStrictEqual(yield* asAdmin(url, "SELECT count(*) FROM holdfast.events"), before)
      const nowhere = yield* holdfast(["doctor", "--database", ""])
      assert.deepStrictEqual([nowhere.code, nowhere.out], [2, ""])
      assert.include(nowhere.err, "--database is empty: give one like postgres://")
      const taken = yield* holdfast(["migrate", "--data-dir", "/proc/holdfast"])
      assert.deepStrictEqual([taken.code, taken.out], [1, ""])
      assert.include(taken.err, "/proc/holdfast cannot be opened: --data-dir, or HOLDFAST_DIR")

      const nothing = yield* on(...undo, "--connection", ada)
      assert.strictEqual(nothing.out, "Nothing is found that was told then. Nothing was changed.\n")
    }).pipe(Effect.scoped),
  )

  it.live("turns off what it does not know as well, and says that it may be mistyped", () =>
    Effect.gen(function* () {
      const { on } = yield* served
      const off = (...args: ReadonlyArray<string>) => on("controls", "disable", ...args, "--actor", "me")
      const nobody = "connection:00000000-0000-4000-8000-0000000000ff"
      for (const args of [[nobody], [`connection:${ids.ada}`, "--tenant", umbrella], ["all", "--tenant", "acne"]]) {
        const doubted = yield* off(...args)
        assert.strictEqual(doubted.code, 0)
        assert.include(doubted.out, "is disabled now")
        assert.include(doubted.err, "see that it is not mistyped")
      }
      for (const args of [[`connection:${ids.ada}`], ["enrichment", "--tenant", acme], ["provider:gmail"], ["all"]]) {
        assert.deepInclude(yield* off(...args), { code: 0, err: "" }, args.join(" "))
      }
    }).pipe(Effect.scoped),
  )

  it.live("refuses a database that is not migrated, but for migrate and doctor", () =>
    Effect.gen(function* () {
      const url = yield* TestDatabase.freshDatabase(Redacted.make(inject("adminUrl")))
      const env = { DATABASE_URL: Redacted.value(url) }
      for (const args of [
        ["projections"],
        ["connections", "list"],
        ["export"],
        ["rebuild", "connections"],
        ["verify", "connections"],
      ]) {
        const refused = yield* holdfast(args, env)
        assert.strictEqual(refused.code, 1)
        assert.match(refused.err, /^There is no store in .*\. Run: holdfast migrate\n$/)
      }
      const doctor = yield* holdfast(["doctor"], env)
      assert.strictEqual(doctor.code, 1)
      assert.include(doctor.out, "schema.pending")
      assert.deepStrictEqual(yield* asAdmin(url, "SELECT FROM pg_namespace WHERE nspname = 'holdfast'"), [])

      const first = yield* holdfast(["migrate"], env)
      assert.include(first.out, "applied  0  roles_and_schema")
      const again = yield* holdfast(["migrate"], env)
      assert.match(again.out, /^Nothing to do: \d+ migrations applied/)
      assert.strictEqual((yield* holdfast(["doctor"], env)).code, 0, "a store without events is healthy")
    }).pipe(Effect.scoped),
  )

  it.live("rebuilds, verifies and rolls back a view, and lists what there is", () =>
    Effect.gen(function* () {
      const { on, url } = yield* served
      yield* asAdmin(
        url,
        `UPDATE holdfast_views.connections_1 SET status = 'paused' WHERE connection_id = '${ids.grace}'`,
      )
      const wrong = yield* on("verify", "connections", "--json")
      assert.strictEqual(wrong.code, 1)
      assert.deepInclude(document(wrong), {
        equal: 2,
        missing: [],
        extra: [],
        different: [{ tenant: umbrella, key: { connection_id: ids.grace } }],
      })
      assert.strictEqual((yield* on("doctor")).code, 1)

      assert.deepStrictEqual((yield* on("rebuild", "connections")).code, 0)
      const right = yield* on("verify", "connections")
      assert.deepStrictEqual(
        [right.code, right.out],
        [0, "3 rows of connections are as the log says, at position 4.\n"],
      )
      assert.strictEqual((yield* on("doctor")).code, 0)

      const builds = documents(yield* on("projections", "--json"))
      const { version } = ConnectionsView
      assert.deepStrictEqual(
        builds
          .map((build) => Object.values(build ?? {}).slice(0, 4))
          .filter(([view]) => view === "connection_history" || view === "connections"),
        [
          ["connection_history", 1, ConnectionHistoryView.version, "live"],
          ["connections", 2, version, "live"],
          ["connections", 1, version, "retired"],
        ],
      )
      assert.deepInclude(document(yield* on("rollback", "connections", "--json")), { view: "connections", build: 1 })
      assert.strictEqual((yield* on("verify", "connections")).code, 1)
      const unknown = yield* on("rebuild", "gmail_messages")
      assert.strictEqual(unknown.code, 2)
      assert.include(unknown.err, "connection_history, connections")
    }).pipe(Effect.scoped),
  )

  it.live("tries again what a view passed over", () =>
    Effect.gen(function* () {
      const { on, url } = yield* served
      assert.strictEqual((yield* on("retry", "connections")).out, "Nothing of connections was passed over.\n")
      yield* asAdmin(
        url,
        `INSERT INTO holdfast.dead_letters VALUES ('connections', 1, 4, 'umbrella', 'connection-${ids.grace}', 'connected', 'parked', 'TypeError', 1)`,
      )
      yield* asAdmin(url, `DELETE FROM holdfast_views.connections_1 WHERE connection_id = '${ids.grace}'`)
      const retried = yield* on("retry", "connections", "--json")
      assert.deepStrictEqual(
        [retried.code, document(retried)],
        [0, { view: "connections", position: 4, outcome: "applied" }],
      )
      assert.strictEqual((yield* on("doctor")).code, 0)
      assert.strictEqual((yield* on("retry", "connections", "7")).code, 1)
    }).pipe(Effect.scoped),
  )

  it.live("lists connections, tells the history of one, and repairs one with the name of who did it", () =>
    Effect.gen(function* () {
      const { on } = yield* served
      const all = documents(yield* on("connections", "list", "--json"))
      assert.deepStrictEqual(
        all.map((row) => [Reflect.get(row ?? {}, "tenant"), Reflect.get(row ?? {}, "status")]),
        [
          [acme, "active"],
          [acme, "superseded"],
          [umbrella, "active"],
        ],
      )
      assert.strictEqual(documents(yield* on("connections", "list", "--json", "--status", "superseded")).length, 1)

      const anonymous = yield* on("connections", "activate", ids.adaOld)
      assert.strictEqual(anonymous.code, 2)
      const repaired = yield* on(
        "connections",
        "activate",
        ids.adaOld,
        "--actor",
        "support-7",
        "--reason",
        "ticket 4711",
        "--json",
      )
      assert.deepStrictEqual(document(repaired), {
        tenant: acme,
        connection: ids.adaOld,
        before: "superseded",
        status: "active",
        superseded: ids.ada,
      })
      const history = yield* on("history", `connection-${ids.adaOld}`)
      assert.match(history.out, /3 {2}\S+ \S+ {2}resumed +operator support-7\n +reason ticket 4711/)
      assert.isTrue(
        history.out.split("\n").every((line) => line.length <= 80),
        history.out,
      )
      const nobody = yield* on("history", "00000000-0000-4000-8000-0000000000ff")
      assert.deepStrictEqual([nobody.code, nobody.out], [1, ""])
    }).pipe(Effect.scoped),
  )

  it.live("forgets a connection: its data is unreadable, its credentials are gone, its row goes", () =>
    Effect.gen(function* () {
      const { on, url } = yield* served
      const unsure = yield* on("forget", ids.grace, "--actor", "dpo")
      assert.deepStrictEqual([unsure.code, unsure.out], [2, ""])
      const forgotten = yield* on("forget", ids.grace, "--actor", "dpo", "--yes", "--json")
      assert.deepStrictEqual(document(forgotten), { tenant: umbrella, forgotten: [`connection-${ids.grace}`] })
      assert.deepStrictEqual(
        yield* asAdmin(url, `SELECT wrapped FROM holdfast.subject_keys WHERE subject = 'connection-${ids.grace}'`),
        [{ wrapped: null }],
      )
      yield* on("rebuild", "connections")
      yield* Effect.gen(function* () {
        assert.isUndefined(yield* ConnectionsView.get(umbrella, ids.grace))
        const vault = yield* Vault.Vault
        assert.strictEqual((yield* Effect.flip(vault.get(umbrella, ids.grace)))._tag, "CredentialsNotFound")
      }).pipe(Effect.provide(storeAt(url)))
      assert.strictEqual((yield* on("doctor")).code, 0)
      assert.strictEqual((yield* on("forget", ids.grace, "--actor", "dpo", "--yes")).code, 0, "again")
    }).pipe(Effect.scoped),
  )

  it.live("brings a log to a new store, where it gives the same views", () =>
    Effect.gen(function* () {
      const old = yield* served
      const file = Path.join(yield* temporary, "log.jsonl")
      const exported = yield* old.on("export", file, "--json")
      assert.deepStrictEqual(document(exported), { file, events: 4, lines: 1 + 4 + 5 + 3 + 1 })
      assert.strictEqual((yield* Effect.promise(() => Fs.stat(file))).mode & 0o777, 0o600)
      assert.strictEqual((yield* old.on("export", file)).code, 2, "it is not written over")

      const url = yield* freshUrl()
      const on = (...args: ReadonlyArray<string>) => holdfast(args, { DATABASE_URL: Redacted.value(url) })
      const imported = yield* on("import", file, "--json")
      assert.deepInclude(document(imported), { events: 4, position: 4 })
      yield* on("rebuild", "connections")
      yield* on("rebuild", "connection_history")
      for (const view of ["connections", "connection_history"]) {
        assert.strictEqual((yield* on("verify", view)).code, 0)
        const rows = `SELECT * FROM holdfast.${view} ORDER BY tenant_id, connection_id, position`
        assert.deepStrictEqual(yield* asAdmin(url, rows), yield* asAdmin(old.url, rows))
      }
      const again = yield* on("import", file)
      assert.deepStrictEqual([again.code, again.out], [1, ""])
      assert.include(again.err, "The store is not new")
    }).pipe(Effect.scoped),
  )

  it.live("exports to standard output what it exports to a file", () =>
    Effect.gen(function* () {
      const { env } = yield* served
      const { code, out } = yield* holdfastProcess(["export"], env)
      assert.strictEqual(code, 0)
      assert.deepStrictEqual(
        out
          .trimEnd()
          .split("\n")
          .map((line) => JSON.parse(line).kind),
        ["header", ...Array.from({ length: 4 }, () => "event"), ...Array.from({ length: 8 }, () => "row"), "footer"],
      )
    }).pipe(Effect.scoped),
  )

  it.live("wraps keys anew under a new master key, and asks nobody else for keys", () =>
    Effect.gen(function* () {
      const { env, on } = yield* served
      const home = yield* temporary
      const without = yield* holdfast(["keys", "rotate"], { ...env, HOLDFAST_DIR: home })
      assert.deepStrictEqual([without.code, without.out], [1, ""])
      assert.include(without.err, Path.join(home, "master-key"))

      const old = `test:${masterKey.toString("base64")}`
      const next = `next:${Buffer.alloc(32, 8).toString("base64")}`
      const rotated = yield* holdfast(["keys", "rotate", "--json"], { ...env, HOLDFAST_MASTER_KEYS: `${next},${old}` })
      assert.deepStrictEqual(document(rotated), { subjectKeys: 3, credentials: 3, unreadable: 0 })
      // A file, as the host of the examples has it.
      yield* Effect.promise(() => Fs.writeFile(Path.join(home, "master-key"), `${old}\n`))
      const lost = yield* holdfast(["keys", "rotate", "--json"], { ...env, HOLDFAST_DIR: home })
      assert.deepStrictEqual([lost.code, document(lost)], [1, { subjectKeys: 0, credentials: 0, unreadable: 6 }])
      for (const { err, out } of [without, rotated, lost]) {
        assert.notInclude(out + err, masterKey.toString("base64"))
      }
      assert.strictEqual((yield* on("doctor")).code, 0)
    }).pipe(Effect.scoped),
  )

  it.live("works for a login that is no superuser, and tells one without rights what it lacks", () =>
    Effect.gen(function* () {
      const { url } = yield* served
      const name = `holdfast_ops_${randomUUID().replaceAll("-", "")}`
      yield* Effect.acquireRelease(asAdmin(url, `CREATE ROLE ${name} LOGIN PASSWORD 'ops'`), () =>
        Effect.orDie(asAdmin(url, `DROP ROLE ${name}`)),
      )
      const login = new URL(Redacted.value(url))
      login.username = name
      login.password = "ops"
      const on = (...args: ReadonlyArray<string>) => holdfast(args, { DATABASE_URL: login.href })
      const refused = yield* on("projections")
      assert.deepStrictEqual([refused.code, refused.out], [1, ""])
      assert.include(refused.err, "Let an administrator GRANT")
      yield* asAdmin(url, `GRANT holdfast_owner, holdfast_app, holdfast_runner TO ${name}`)
      yield* asAdmin(url, `DELETE FROM holdfast.claims WHERE key = 'slot:gmail:grace'`)
      assert.strictEqual((yield* on("doctor", "--fix")).code, 0)
      assert.strictEqual((yield* on("rebuild", "connections")).code, 0)
    }).pipe(Effect.scoped),
  )

  it.live("mends claims when the doctor is told to", () =>
    Effect.gen(function* () {
      const { on, url } = yield* served
      yield* asAdmin(url, `DELETE FROM holdfast.claims WHERE key = 'slot:gmail:grace'`)
      assert.strictEqual((yield* on("doctor")).code, 1)
      const fixed = yield* on("doctor", "--fix", "--json")
      assert.strictEqual(fixed.code, 0)
      assert.deepInclude(document(fixed), { worst: "ok", repaired: { added: 1, moved: 0, removed: 0 } })
    }).pipe(Effect.scoped),
  )

  it("draws progress with a bar, a rate and the time left, or without an end if none is known", () => {
    const since = { milliseconds: 2_000, from: 0 }
    assert.strictEqual(
      Progress.line({ phase: "folding", done: 250, of: 1_000, count: 1_000, unit: "events" }, since),
      "folding      █████░░░░░░░░░░░░░░░  25 %  1,000 events  500/s  6 s left",
    )
    assert.strictEqual(
      Progress.line({ phase: "reading", count: 1_234_567, unit: "events" }, since),
      "reading      1,234,567 events  617,284/s",
    )
  })
})
