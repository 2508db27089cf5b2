/**
 * What syncing a mailbox costs, in Google's units and in time.
 *
 *     node --conditions=@holdfast/source packages/adapters-gmail/bench/sync.ts
 */
import { execFileSync } from "node:child_process"
import { fileURLToPath } from "node:url"

import { Clock, Effect } from "effect"

import { GmailProvider, Mail, QuotaBucket } from "../src/index.ts"
import { costs2026, GmailSimulator, Mails } from "../src/testing/index.ts"
import * as VirtualTime from "../src/testing/VirtualTime.ts"
import { connected, label, world } from "../test/mailbox.ts"
import { ada } from "../test/support.ts"
import * as Retrieval from "./memory/Retrieval.ts"

interface Finding {
  readonly what: string
  readonly value: number
  readonly unit: string
  readonly bar: { readonly atLeast: number } | { readonly atMost: number }
}

/** An hour's backlog against a meter that refuses what is too much, in a time of its own. */
const quota = Effect.gen(function* () {
  const simulator = yield* GmailSimulator
  const count = 18_000
  yield* simulator.deliverAll(
    ada,
    Array.from({ length: count }, (_, n) => Mails.numbered(n)),
    { labels: [label] },
  )
  const gmail = yield* connected()
  const began = yield* Clock.currentTimeMillis
  yield* gmail.sync
  const minutes = ((yield* Clock.currentTimeMillis) - began) / 60_000
  const { peak, refused, units } = yield* simulator.spending(ada)
  yield* gmail.sync
  const idle = (yield* simulator.spending(ada)).units - units
  return [
    {
      what: "quota used while there is a backlog",
      value: (100 * units) / (minutes * 6_000),
      unit: "%",
      bar: { atLeast: 97 },
    },
    { what: "units in the fullest minute", value: peak, unit: "", bar: { atMost: 6_000 } },
    { what: "requests that were throttled", value: refused, unit: "", bar: { atMost: 0 } },
    { what: "units for each archived mail", value: units / count, unit: "", bar: { atMost: 20.1 } },
    { what: "units for a look that finds nothing", value: idle, unit: "", bar: { atMost: 3 } },
  ] satisfies ReadonlyArray<Finding>
}).pipe(
  Effect.provide(
    world({ adapter: QuotaBucket.quota2026, quota: { costs: costs2026, perMailbox: 6_000, perProject: 1_200_000 } }),
  ),
  VirtualTime.provide(),
)

/** Without quota and without HTTP: what the adapter and the tape take of one core. */
const speed = Effect.gen(function* () {
  const simulator = yield* GmailSimulator
  const count = 4_000
  yield* simulator.deliverAll(
    ada,
    Array.from({ length: count }, (_, n) => Mails.numbered(n)),
    { labels: [label] },
  )
  const gmail = yield* connected({ provider: yield* GmailProvider.make })
  const began = performance.now()
  yield* gmail.sync
  const seconds = (performance.now() - began) / 1_000
  return [
    { what: "messages archived, in process", value: count / seconds, unit: "/s", bar: { atLeast: 400 } },
  ] satisfies ReadonlyArray<Finding>
}).pipe(Effect.provide(world()))

const parsing = Effect.gen(function* () {
  const row = '<tr><td style="padding:0 8px">Check-in</td><td>Sat, Dec 5 &ndash; 3:00 PM</td></tr>\r\n'
  const html = `<html><body><table>${row.repeat(Math.ceil(100_000 / row.length))}</table></body></html>`
  const kinds = {
    "quoted-printable": quotedPrintable(html),
    base64: Buffer.from(html)
      .toString("base64")
      .replace(/(.{76})/g, "$1\r\n"),
  }
  const findings: Array<Finding> = []
  for (const [encoding, body] of Object.entries(kinds)) {
    const raw = new Uint8Array(
      Buffer.from(
        `From: a@example.com\r\nSubject: x\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n${body}`,
      ),
    )
    // Of the processor: what else the machine does is not the parser's.
    for (let n = 0; n < 100; n++) yield* Mail.parse(raw)
    const before = process.cpuUsage()
    for (let n = 0; n < 500; n++) yield* Mail.parse(raw)
    const { system, user } = process.cpuUsage(before)
    const each = (system + user) / 500 / 1_000
    findings.push({
      what: `a mail of 100 KB of HTML in ${encoding}, read`,
      value: each,
      unit: "ms",
      bar: { atMost: 1.8 },
    })
  }
  return findings
})

const quotedPrintable = (text: string) => text.replaceAll("=", "=3D").replace(/([^\r\n]{72})(?=[^\r\n])/g, "$1=\r\n")

/** In processes of their own: importing the adapter beside what a host has anyway. */
const processes = Effect.sync(() => {
  const importing = (module: string) =>
    Number(
      execFileSync(process.execPath, ["--input-type=module", "-e", timed(module)], {
        cwd: fileURLToPath(new URL("..", import.meta.url)),
        encoding: "utf8",
      }),
    )
  const times = Array.from({ length: 5 }, () => importing("@holdfast/adapters-gmail")).toSorted((a, b) => a - b)
  return [
    {
      what: "import of the built adapter beside effect and domain, of the processor",
      value: times[2] ?? Infinity,
      unit: "ms",
      bar: { atMost: 80 },
    },
  ] satisfies ReadonlyArray<Finding>
})

const timed = (module: string) =>
  `await import("effect"); await import("effect/crypto"); await import("@holdfast/domain")
   const before = process.cpuUsage(); await import("${module}")
   const { system, user } = process.cpuUsage(before); console.log((system + user) / 1_000)`

/** Of large mails, in a process that has all else that a sync takes. */
const memory = Effect.promise(async () => {
  const one = { mails: 1, size: 50_000_000 }
  const whole = await Retrieval.peak(one)
  const empty = await Retrieval.peak({ mails: 1, size: 10_000 })
  return [
    {
      what: `memory that syncing a mail of 50 MB takes (of ${whole.toFixed(0)} MB)`,
      value: whole - empty,
      unit: "MB",
      bar: { atMost: 100 },
    },
    {
      what: "memory of a process that syncs a mail of 50 MB, with a young generation of 8 MB",
      value: await Retrieval.peak(one, ["--max-semi-space-size=8"]),
      unit: "MB",
      bar: { atMost: 200 },
    },
    {
      what: "memory of a process that syncs 24 mails of 25 MB",
      value: await Retrieval.peak({ mails: 24, size: 25_000_000 }),
      unit: "MB",
      bar: { atMost: 300 },
    },
  ] satisfies ReadonlyArray<Finding>
})

const isHeld = ({ bar, value }: Finding) => ("atLeast" in bar ? value >= bar.atLeast : value <= bar.atMost)

const only = process.argv[2]
const measures: Readonly<Record<string, Effect.Effect<ReadonlyArray<Finding>, unknown>>> = {
  quota,
  speed,
  parsing,
  processes,
  memory,
}
for (const [name, measure] of Object.entries(measures)) {
  if (only !== undefined && only !== name) continue
  for (const finding of await Effect.runPromise(measure)) {
    const { bar, unit, value, what } = finding
    const wanted = "atLeast" in bar ? `at least ${bar.atLeast}` : `at most ${bar.atMost}`
    process.stdout.write(`${isHeld(finding) ? "held  " : "MISSED"} ${what}: ${value.toFixed(2)} ${unit} (${wanted})\n`)
  }
}
