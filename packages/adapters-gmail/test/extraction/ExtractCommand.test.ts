import * as Fs from "node:fs/promises"
import * as Os from "node:os"
import * as Path from "node:path"

import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Console, Effect, Exit } from "effect"
import { Command } from "effect/cli"

import * as Extract from "../../src/ExtractCommand.ts"
import { Mails } from "../../src/testing/index.ts"
import { confirmedHeader, passed } from "./cases/Case.ts"

const confirmation = Mails.mailOf({
  from: "Airbnb <automated@airbnb.com>",
  subject: "Reservation confirmed - Ada Testwell arrives Dec 5",
  text: ["Check-in", "Sat, Dec 5", "Checkout", "Tue, Dec 8", "Confirmation code", "HMTEST0001"].join("\r\n"),
  date: new Date("2026-11-20T10:00:00Z"),
  headers: { "Authentication-Results": passed("airbnb.com"), ...confirmedHeader },
})

const withoutDate = new TextEncoder().encode("From: Ada <ada@example.test>\r\nSubject: Hello\r\n\r\nHello")

/** The command on these files in a directory of their own. */
const extract = (files: Readonly<Record<string, Uint8Array>>, json: boolean, ...args: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const directory = yield* Effect.acquireRelease(
      Effect.promise(() => Fs.mkdtemp(Path.join(Os.tmpdir(), "holdfast-extract-"))),
      (directory) => Effect.promise(() => Fs.rm(directory, { recursive: true })),
    )
    for (const [name, bytes] of Object.entries(files)) {
      yield* Effect.promise(() => Fs.writeFile(Path.join(directory, name), bytes))
    }
    const said = { out: "", err: "" }
    const capturing: Console.Console = Object.assign(Object.create(globalThis.console), {
      log: (text: string) => (said.out += `${text}\n`),
      error: (text: string) => (said.err += `${text}\n`),
    })
    const exit = yield* Command.runWith(Extract.command(Effect.succeed(json)), { version: "0" })(
      args.map((arg) => (arg.endsWith(".eml") ? Path.join(directory, arg) : arg)),
    ).pipe(Effect.provideService(Console.Console, capturing), Effect.provide(NodeServices.layer), Effect.exit)
    const failure = Exit.isFailure(exit) ? exit.cause.reasons.find(Cause.isFailReason)?.error : undefined
    return {
      out: said.out.replaceAll(`${directory}/`, ""),
      err: said.err.replaceAll(`${directory}/`, ""),
      failed: failure === undefined ? undefined : failure._tag,
    }
  })

describe("holdfast extract", () => {
  it.effect("prints the facts of a file, as of when it was received", () =>
    Effect.gen(function* () {
      const read = yield* extract({ "a.eml": confirmation }, true, "a.eml")
      assert.deepStrictEqual(JSON.parse(read.out), {
        file: "a.eml",
        platform: "airbnb",
        kind: "confirmed",
        guest_name: "Ada Testwell",
        check_in: "2026-12-05",
        check_out: "2026-12-08",
        confirmation_code: "HMTEST0001",
        guest_count: null,
        confidence: 0.99,
        confidences: { guest_name: 0.99, check_in: 0.99, check_out: 0.99, confirmation_code: 0.99 },
        decision: "auto",
        reasons: [],
      })
      assert.deepStrictEqual([read.err, read.failed], ["", undefined])
      const later = yield* extract({ "a.eml": confirmation }, true, "a.eml", "--received", "2036-11-20T10:00:00Z")
      assert.include(later.out, '"check_in":"2037-12-05"')
    }),
  )

  it.effect("prints text for people", () =>
    Effect.gen(function* () {
      const { out } = yield* extract({ "a.eml": confirmation }, false, "a.eml")
      assert.strictEqual(
        out,
        "a.eml: airbnb, confirmed: auto (0.99)\n  guest: Ada Testwell\n  stay: 2026-12-05 to 2026-12-08\n  code: HMTEST0001\n",
      )
    }),
  )

  it.effect("reads when a mail arrived from the topmost Received header, before its Date", () =>
    Effect.gen(function* () {
      const head = "Received: by mx.example.test; Wed, 19 Nov 2036 10:00:00 -0800 (PST)\r\n"
      const bytes = new Uint8Array(Buffer.concat([Buffer.from(head), confirmation]))
      assert.include((yield* extract({ "a.eml": bytes }, true, "a.eml")).out, '"check_in":"2037-12-05"')
    }),
  )

  it.effect("names the files that it cannot read, and prints the others", () =>
    Effect.gen(function* () {
      const files = { "a.eml": confirmation, "b.eml": new Uint8Array(), "c.eml": withoutDate }
      const read = yield* extract(files, true, "b.eml", "a.eml", "c.eml", "d.eml")
      assert.include(read.out, '"file":"a.eml"')
      assert.strictEqual(
        read.err,
        "b.eml is no mail.\nc.eml does not say when it arrived. Say it with --received.\nd.eml cannot be read. See that it is there, that it is a file, and that it is this user's.\n",
      )
      assert.strictEqual(read.failed, "Failed")
    }),
  )

  it.effect("prints a line for each file to programs, and nothing for one that cannot be read", () =>
    Effect.gen(function* () {
      const read = yield* extract({ "a.eml": confirmation, "b.eml": confirmation }, true, "a.eml", "d.eml", "b.eml")
      const files = read.out
        .trimEnd()
        .split("\n")
        .map((line) => /^\{"file":"([^"]+)"/.exec(line)?.[1])
      assert.deepStrictEqual(files, ["a.eml", "b.eml"])
      assert.strictEqual(read.failed, "Failed")
      assert.strictEqual((yield* extract({}, true, "d.eml")).out, "")
    }),
  )

  it.effect("refuses what is no domain, no instant and no name of a file", () =>
    Effect.gen(function* () {
      const trusting = (...domains: ReadonlyArray<string>) =>
        extract({ "a.eml": confirmation }, true, "a.eml", ...domains.flatMap((domain) => ["--trust", domain]))
      for (const domain of ["", " ", "com", ".com", "a@b.example", "https://b.example/", "b.example ", "*.b.example"]) {
        const refused = yield* trusting("a.example", domain)
        assert.strictEqual(refused.failed, "ShowHelp", domain)
        assert.include(refused.err, "--trust")
        assert.notInclude(refused.out, "a.eml")
      }
      assert.strictEqual((yield* trusting("a.example", "A.example", "bücher.example")).failed, undefined)
      const timeless = yield* extract({ "a.eml": confirmation }, true, "a.eml", "--received", "soon")
      assert.strictEqual(timeless.failed, "ShowHelp")
      const nameless = yield* extract({ "a.eml": confirmation }, true, "a.eml", "")
      assert.strictEqual(nameless.failed, "ShowHelp")
    }),
  )
})
