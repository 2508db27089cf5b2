/** Reads one mail with an attachment of so many megabytes, and says of what kind it is. */
import { GmailApi, Tape } from "@holdfast/adapters-gmail"
import * as ReservationMail from "@holdfast/adapters-gmail/extraction/ReservationMail"
import { DateTime, Effect } from "effect"

const size = Number(process.argv.at(-1)) * 1_000_000
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

const message = {
  id: GmailApi.MessageId.make("18c0ffee00000001"),
  threadId: "18c0ffee00000001",
  labelIds: [],
  historyId: GmailApi.HistoryId.make("1"),
  internalDate: DateTime.makeUnsafe("2026-11-20T10:00:00Z"),
  raw,
}
const { content } = await Effect.runPromise(Tape.record(message))
console.log(ReservationMail.extractor.extract(content).kind)
