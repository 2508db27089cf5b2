/** Reads one mail with an attachment of so many megabytes, and prints the most memory that it had, in megabytes. */
import { DateTime, Effect } from "effect"

import { archived, extractor } from "./Host.ts"

const size = Number(process.argv[2]) * 1_000_000
const head = Buffer.from(
  [
    "From: Airbnb <automated@airbnb.com>",
    "Subject: Reservation confirmed - Ada Testwell arrives Dec 5",
    "MIME-Version: 1.0",
    'Content-Type: multipart/mixed; boundary="=_mix"',
    "",
    "--=_mix",
    "Content-Type: text/plain; charset=utf-8",
    "",
    "Check-in: Sat, Dec 5",
    "--=_mix",
    "Content-Type: application/pdf",
    "Content-Disposition: attachment; filename=scan.pdf",
    "Content-Transfer-Encoding: base64",
    "",
    "",
  ].join("\r\n"),
)
const line = Buffer.from(`${"QUJD".repeat(19)}\r\n`)
const raw = new Uint8Array(head.length + size)
raw.set(head)
for (let at = head.length; at + line.length <= raw.length; at += line.length) raw.set(line, at)

extractor.extract(await Effect.runPromise(archived({ raw, receivedAt: DateTime.makeUnsafe("2026-11-20T10:00:00Z") })))
console.log(process.resourceUsage().maxRSS / 1_000)
