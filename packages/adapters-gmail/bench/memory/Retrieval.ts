/** What syncing a mailbox of large mails takes of memory: the built code in a process of its own, and a Google in this one. */
import { randomBytes } from "node:crypto"
import { createServer } from "node:http"
import { gzipSync } from "node:zlib"

import * as Child from "./Child.ts"

export interface Mailbox {
  readonly mails: number
  /** Bytes of each. */
  readonly size: number
}

/** The most megabytes that the process had until it had recorded all mails. */
export const peak = async (mailbox: Mailbox, flags: ReadonlyArray<string> = []): Promise<number> => {
  const answers = answersOf(mailbox)
  const server = createServer(({ url = "" }, response) => {
    response.setHeader("content-type", "application/json").setHeader("content-encoding", "gzip")
    response.end(answers.find(([path]) => path.test(url))?.[1])
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  try {
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    const program = new URL("SyncChild.ts", import.meta.url)
    const { megabytes, said } = await Child.run(program, `http://127.0.0.1:${port}`, flags)
    if (Number(said) !== mailbox.mails) throw new Error(`${said} of ${mailbox.mails} mails were recorded`)
    return megabytes
  } finally {
    server.close()
  }
}

/** By what the path has in it, compressed as Google's are. */
const answersOf = ({ mails, size }: Mailbox): ReadonlyArray<readonly [path: RegExp, answer: Buffer]> => {
  const raw = mailOf(size).toString("base64url")
  const ids = Array.from({ length: mails }, (_, n) => `m${n}`)
  const messages = ids.map((id) => ({ id, threadId: id }))
  const whole = (id: string) => ({
    id,
    threadId: id,
    labelIds: ["Label_1"],
    snippet: "Hello",
    sizeEstimate: Math.floor((raw.length * 3) / 4),
    historyId: "1",
    internalDate: "1760000000000",
    raw,
  })
  const compressed = (answer: object) => gzipSync(JSON.stringify(answer), { level: 1 })
  return [
    [/\/profile/, compressed({ emailAddress: "ada@example.com", messagesTotal: mails, historyId: "1" })],
    [/\/labels\//, compressed({ id: "Label_1", name: "Reservations", type: "user", messagesTotal: mails })],
    [/\/history/, compressed({ historyId: "1" })],
    [/\/messages\?/, compressed({ messages })],
    ...ids.map((id) => [new RegExp(`/messages/${id}\\?`), compressed(whole(id))] as const),
  ]
}

/** A text and an attachment that does not compress. */
const mailOf = (size: number) => {
  const attachment = randomBytes(Math.floor((size * 57) / 78))
    .toString("base64")
    .replace(/(.{76})/g, "$1\r\n")
  return Buffer.from(
    [
      "From: a@example.com",
      "Subject: A film",
      "Content-Type: multipart/mixed; boundary=x",
      "",
      "--x",
      "Content-Type: text/plain",
      "",
      "Hello",
      "--x",
      "Content-Type: video/mp4",
      "Content-Transfer-Encoding: base64",
      "",
      attachment,
      "--x--",
      "",
    ].join("\r\n"),
    "latin1",
  )
}
