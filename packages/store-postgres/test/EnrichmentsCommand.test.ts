import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Controls, EnrichmentsView, ProjectionRunner } from "@holdfast/domain"
import { bookingsMemory, Hosting } from "@holdfast/domain/testing"
import { ConfigProvider, Console, Effect, Layer, Logger, Redacted } from "effect"
import { Digest, SecureRandom } from "effect/crypto"

import * as Cli from "../src/Cli.ts"
import { masterKey, storeAt } from "./Cli.store.ts"
import { freshUrl } from "./EventStore.layers.ts"

const { factsView, hosting, mail, stay } = Hosting

const facts = (version: number) => factsView(version, (facts) => ({ ...facts, guestCount: null }))

/** The command of a host that reads its mail by this version of an extractor. */
const holdfast = (env: Readonly<Record<string, string>>, version: number, ...args: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const said = { out: "", err: "" }
    const console: Console.Console = Object.assign(Object.create(globalThis.console), {
      log: (text: string) => (said.out += `${text}\n`),
      error: (text: string) => (said.err += `${text}\n`),
    })
    const projections = [...Cli.projections, EnrichmentsView, version === 1 ? factsView() : facts(version)]
    const code = yield* Cli.main({ projections }, args).pipe(
      Effect.provideService(Console.Console, console),
      Effect.provide(Layer.merge(NodeServices.layer, ConfigProvider.layer(ConfigProvider.fromUnknown(env)))),
    )
    return { code, ...said }
  })

const json = ({ out }: { readonly out: string }): ReadonlyArray<Record<string, unknown>> =>
  out
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line))

describe("the holdfast command", () => {
  it.live(
    "compares facts before they are switched, takes back what mails told, and turns enrichment off",
    () =>
      Effect.gen(function* () {
        const url = yield* freshUrl()
        const env = {
          DATABASE_URL: Redacted.value(url),
          HOLDFAST_MASTER_KEYS: `test:${masterKey.toString("base64")}`,
        }
        yield* Effect.gen(function* () {
          const { booking, connectionId, deliver, have, run, tenantId } = yield* hosting
          yield* have(stay("b1", { checkIn: "2030-01-01", checkOut: "2030-01-04" }))
          yield* deliver(mail("m1", { checkIn: "2030-01-01", checkOut: "2030-01-04" }))
          yield* run
          assert.strictEqual((yield* booking("b1")).guestName, "Ada Testwell")

          const compared = yield* holdfast(env, 2, "compare", "reservation_facts")
          assert.strictEqual(compared.code, 0, compared.err)
          assert.match(compared.out, /live in version 1001; this program has version 1002/)
          assert.match(compared.out, /guest_count +0 +0 +1/)
          assert.notInclude(compared.out, "Ada")
          const shown = yield* holdfast(env, 2, "compare", "reservation_facts", "--show", "--json")
          assert.deepInclude(json(shown)[0], { live: 1001, version: 1002, equal: 0, differing: 1 })
          assert.include(shown.out, "Ada Testwell")

          const undo = ["enrichments", "undo", "--since", "2020-01-01T00:00:00Z"] as const
          const other = yield* holdfast(env, 1, ...undo, "--extractor", "2", "--dry-run")
          assert.match(other.out, /^Nothing is found that was told then/)
          const dry = yield* holdfast(env, 1, ...undo, "--connection", connectionId, "--dry-run", "--json")
          assert.deepInclude(json(dry)[0], { tenant: tenantId, booking: "b1", extractor: 1, dryRun: true })
          assert.notInclude(dry.out, "Ada")
          const done = yield* holdfast(env, 1, ...undo, "--actor", "support-7")
          assert.strictEqual(done.code, 0, done.err)
          assert.match(done.out, /1 enrichment of 1 booking is taken back/)
          yield* run
          assert.strictEqual((yield* booking("b1")).guestName, null)
          assert.strictEqual((yield* holdfast(env, 1, ...undo.slice(0, 3), "soon")).code, 2)

          const off = yield* holdfast(env, 1, "controls", "disable", "enrichment", "--actor", "support-7")
          assert.strictEqual(off.out, "enrichment is disabled now, for every tenant.\n")
          assert.strictEqual((yield* Effect.flip(run))._tag, "SyncDisabled")
          assert.include((yield* holdfast(env, 1, "controls", "list", "--tenant", tenantId)).out, "  enrichment")
          const on = yield* holdfast(env, 1, "controls", "enable", "enrichment", "--actor", "support-7", "--json")
          assert.deepInclude(json(on)[0], { what: "enrichment", tenant: null, disabled: false, changed: true })
          const mine = yield* holdfast(
            env,
            1,
            "controls",
            "disable",
            `connection:${connectionId}`,
            "--tenant",
            tenantId,
            "--actor",
            "support-7",
          )
          assert.strictEqual(mine.code, 0, mine.err)
          assert.deepStrictEqual((yield* Controls.standing(tenantId)).disabled, [
            { kind: "connection", id: connectionId },
          ])
          assert.strictEqual((yield* holdfast(env, 1, "controls", "disable", "everything", "--actor", "x")).code, 2)
          yield* run
          yield* ProjectionRunner.catchUp(EnrichmentsView)
        }).pipe(
          Effect.provide(
            Layer.mergeAll(bookingsMemory, SecureRandom.layerWebCrypto, Digest.layerWebCrypto, Logger.layer([])).pipe(
              Layer.provideMerge(storeAt(url)),
            ),
          ),
        )
      }),
    60_000,
  )
})
