/**
 * One mailbox as Gmail keeps it: messages under labels, and a history of what happened to them.
 *
 * History ids stand beyond 2^53 and have gaps, so that code which counts with them or reads them as numbers shows.
 */
import { Schema } from "effect"

import { invalidArgument, notFound, ok, type Reply } from "./GoogleReply.ts"

const Label = Schema.Struct({ id: Schema.String, name: Schema.String, type: Schema.Literals(["system", "user"]) })
type Label = typeof Label.Type

const Message = Schema.Struct({
  id: Schema.String,
  threadId: Schema.String,
  labelIds: Schema.Array(Schema.String),
  historyId: Schema.BigInt,
  /** Epoch milliseconds. */
  internalDate: Schema.Natural,
  sequence: Schema.Natural,
  raw: Schema.Uint8Array,
})
type Message = typeof Message.Type

const Change = Schema.Struct({
  id: Schema.BigInt,
  type: Schema.Literals(["messageAdded", "messageDeleted", "labelAdded", "labelRemoved"]),
  messageId: Schema.String,
  threadId: Schema.String,
  /** The labels of the message after the change. */
  labelIds: Schema.Array(Schema.String),
  /** The labels that were put on or taken off. */
  changed: Schema.Array(Schema.String),
})
type Change = typeof Change.Type

export const Snapshot = Schema.Struct({
  address: Schema.String,
  /** Google's `sub`. */
  subject: Schema.String,
  sequence: Schema.Natural,
  historyId: Schema.BigInt,
  /** Cursors before this one are answered with 404. */
  oldestHistoryId: Schema.BigInt,
  labels: Schema.Array(Label),
  messages: Schema.Array(Message),
  history: Schema.Array(Change),
})
export type Snapshot = typeof Snapshot.Type

export class SimulatedMailbox {
  readonly address: string
  readonly subject: string
  private sequence: number
  private historyId: bigint
  private oldestHistoryId: bigint
  private readonly labels: Map<string, Label>
  private readonly messages: Map<string, Message>
  private readonly history: Array<Change>
  /** Every request about it is refused for good. */
  isUnlicensed = false
  /** Left out of every listing, though they are there. */
  private readonly concealed = new Set<string>()
  /** When messages that are announced already can be read, in epoch milliseconds. */
  private readonly readableFrom = new Map<string, number>()
  /** Which page tokens are good. */
  private pagesSince = 0
  /** Newest first; none after a message came or went. */
  private inOrder: ReadonlyArray<string> | undefined

  constructor(snapshot: Snapshot) {
    this.address = snapshot.address
    this.subject = snapshot.subject
    this.sequence = snapshot.sequence
    this.historyId = snapshot.historyId
    this.oldestHistoryId = snapshot.oldestHistoryId
    this.labels = new Map(snapshot.labels.map((label) => [label.id, label]))
    this.messages = new Map(snapshot.messages.map((message) => [message.id, message]))
    this.history = [...snapshot.history]
  }

  static empty(address: string, subject: string) {
    return new SimulatedMailbox({
      address,
      subject,
      sequence: 0,
      historyId: firstHistoryId,
      oldestHistoryId: firstHistoryId,
      labels: systemLabels.map((id) => ({ id, name: id, type: "system" })),
      messages: [],
      history: [],
    })
  }

  get currentHistoryId(): string {
    return String(this.historyId)
  }

  get snapshot(): Snapshot {
    return {
      address: this.address,
      subject: this.subject,
      sequence: this.sequence,
      historyId: this.historyId,
      oldestHistoryId: this.oldestHistoryId,
      labels: [...this.labels.values()],
      messages: [...this.messages.values()],
      history: this.history,
    }
  }

  // What people and mail servers do

  /** The id of the label of this name, which is made if it does not exist. */
  labelNamed(name: string): string {
    for (const label of this.labels.values()) {
      if (label.name.toLowerCase() === name.toLowerCase()) return label.id
    }
    const id = `Label_${++this.sequence}`
    this.labels.set(id, { id, name, type: "user" })
    return id
  }

  renameLabel(id: string, name: string): boolean {
    const label = this.labels.get(id)
    if (label !== undefined) this.labels.set(id, { ...label, name })
    return label !== undefined
  }

  /** Takes the label off every message; the messages stay. */
  deleteLabel(id: string): boolean {
    for (const message of this.messages.values()) {
      if (message.labelIds.includes(id)) this.unlabel(message.id, id)
    }
    return this.labels.delete(id)
  }

  /** A mail arrives, with the labels that filters put on it: they show in no `labelAdded`. */
  deliver(raw: Uint8Array, labelIds: ReadonlyArray<string>, receivedAt: number, threadId?: string): string {
    const sequence = ++this.sequence
    const id = (firstMessageId + BigInt(sequence) * 0x1f3n).toString(16)
    this.record("messageAdded", [], {
      id,
      threadId: threadId ?? id,
      labelIds: [...new Set(labelIds)],
      internalDate: receivedAt,
      sequence,
      raw,
    })
    return id
  }

  label(messageId: string, labelId: string): boolean {
    const message = this.messages.get(messageId)
    if (message === undefined) return false
    if (!message.labelIds.includes(labelId)) {
      this.record("labelAdded", [labelId], { ...message, labelIds: [...message.labelIds, labelId] })
    }
    return true
  }

  unlabel(messageId: string, labelId: string): boolean {
    const message = this.messages.get(messageId)
    if (message === undefined) return false
    if (message.labelIds.includes(labelId)) {
      const labelIds = message.labelIds.filter((id) => id !== labelId)
      this.record("labelRemoved", [labelId], { ...message, labelIds })
    }
    return true
  }

  /** For ever: not into the trash. */
  delete(messageId: string): boolean {
    const message = this.messages.get(messageId)
    if (message === undefined) return false
    this.record("messageDeleted", [], message)
    this.inOrder = undefined
    return this.messages.delete(messageId)
  }

  /** From now on no list and no history names the message. It is counted, and given to whoever knows its id. */
  conceal(messageId: string): boolean {
    this.concealed.add(messageId)
    return this.messages.has(messageId)
  }

  reveal(messageId: string): boolean {
    return this.concealed.delete(messageId)
  }

  /** The message is announced, and not readable before. */
  delay(messageId: string, until: number) {
    this.readableFrom.set(messageId, until)
  }

  /** From now on every page token from before is a bad argument. */
  forgetPages() {
    this.pagesSince++
  }

  /** What Gmail does after a week: no cursor from before now is good any more. */
  forgetHistory() {
    this.oldestHistoryId = this.nextHistoryId()
    this.history.length = 0
  }

  // What the API answers

  profile(): Reply {
    return ok({
      emailAddress: this.address,
      messagesTotal: this.messages.size,
      threadsTotal: this.threadsOf([...this.messages.values()]),
      historyId: String(this.historyId),
    })
  }

  listLabels(): Reply {
    return ok({ labels: [...this.labels.values()].map(labelResource) })
  }

  getLabel(id: string): Reply {
    const label = this.labels.get(id)
    if (label === undefined) return notFound
    const messages = [...this.messages.values()].filter((message) => message.labelIds.includes(id))
    const unread = messages.filter((message) => message.labelIds.includes("UNREAD"))
    return ok({
      ...labelResource(label),
      messagesTotal: messages.length,
      messagesUnread: unread.length,
      threadsTotal: this.threadsOf(messages),
      threadsUnread: this.threadsOf(unread),
    })
  }

  /** Newest first; a page goes on after the last message of the page before, whatever arrived in between. */
  listMessages(query: URLSearchParams): Reply {
    const labelIds = query.getAll("labelIds")
    const unknown = labelIds.find((id) => !this.labels.has(id))
    if (unknown !== undefined) return invalidArgument(`Invalid label: ${unknown}`)
    if (query.has("q")) return invalidArgument("The simulator does not search")
    const hidden =
      query.get("includeSpamTrash") === "true" ? [] : ["SPAM", "TRASH"].filter((id) => !labelIds.includes(id))

    this.inOrder ??= [...this.messages.values()].toSorted(newestFirst).map(({ id }) => id)
    const all = this.inOrder.flatMap((id) => {
      const message = this.messages.get(id)
      return message !== undefined &&
        !this.concealed.has(id) &&
        labelIds.every((label) => message.labelIds.includes(label)) &&
        !hidden.some((label) => message.labelIds.includes(label))
        ? [message]
        : []
    })
    const token = query.get("pageToken")
    const after = positionOf(this.goodToken(token))
    if (token !== null && after === undefined) return invalidArgument("Invalid pageToken")
    const rest = after === undefined ? all : all.filter((message) => newestFirst(after, message) < 0)
    const page = rest.slice(0, maxResults(query))
    const last = page.at(-1)
    return ok({
      ...(page.length === 0 ? {} : { messages: page.map(({ id, threadId }) => ({ id, threadId })) }),
      ...(last === undefined || rest.length === page.length
        ? {}
        : { nextPageToken: `${this.pagesSince}-${tokenOf(last)}` }),
      resultSizeEstimate: all.length,
    })
  }

  getMessage(id: string, query: URLSearchParams, now = Infinity): Reply {
    const message = this.messages.get(id)
    if (message === undefined || now < (this.readableFrom.get(id) ?? 0)) return notFound
    const resource = {
      id,
      threadId: message.threadId,
      labelIds: message.labelIds,
      snippet: "",
      historyId: String(message.historyId),
      internalDate: String(message.internalDate),
      sizeEstimate: message.raw.length,
    }
    switch (query.get("format")?.toLowerCase() ?? "full") {
      case "minimal":
        return ok(resource)
      case "raw":
        return ok({ ...resource, raw: Buffer.from(message.raw).toString("base64url") })
      case "metadata": {
        const names = query.getAll("metadataHeaders").map((name) => name.toLowerCase())
        const headers = headersOf(message.raw).filter(
          ({ name }) => names.length === 0 || names.includes(name.toLowerCase()),
        )
        return ok({ ...resource, payload: { headers } })
      }
      default:
        return invalidArgument("The simulator speaks the formats minimal, metadata and raw")
    }
  }

  /** Pages are cut first and filtered then, as Gmail's are: one may be empty and still name a next. */
  listHistory(query: URLSearchParams): Reply {
    const start = query.get("startHistoryId") ?? ""
    if (start === "") return invalidArgument("startHistoryId is required.")
    if (!/^\d{1,20}$/.test(start) || BigInt(start) < this.oldestHistoryId) return notFound

    const token = query.get("pageToken")
    const good = this.goodToken(token)
    if (token !== null && good === null) return invalidArgument("Invalid pageToken")
    const after = BigInt(good ?? start)
    const types = query.getAll("historyTypes")
    const labelId = query.get("labelId")
    const rest = this.history.filter((change) => change.id > after)
    const page = rest.slice(0, maxResults(query))
    const last = page.at(-1)
    const history = page.filter(
      (change) =>
        !this.concealed.has(change.messageId) &&
        (types.length === 0 || types.includes(change.type)) &&
        (labelId === null || change.labelIds.includes(labelId) || change.changed.includes(labelId)),
    )
    return ok({
      ...(history.length === 0 ? {} : { history: history.map(changeResource) }),
      ...(last === undefined || rest.length === page.length ? {} : { nextPageToken: `${this.pagesSince}-${last.id}` }),
      historyId: String(this.historyId),
    })
  }

  private goodToken(token: string | null): string | null {
    const [, since, rest = ""] = /^(\d+)-(\d+)$/.exec(token ?? "") ?? []
    return since === String(this.pagesSince) ? rest : null
  }

  private record(type: Change["type"], changed: ReadonlyArray<string>, message: Omit<Message, "historyId">) {
    const historyId = this.nextHistoryId()
    const { id: messageId, labelIds, threadId } = message
    if (!this.messages.has(messageId)) this.inOrder = undefined
    this.messages.set(messageId, { ...message, historyId })
    this.history.push({ id: historyId, type, messageId, threadId, labelIds, changed })
  }

  private nextHistoryId() {
    this.historyId += 1n + ((this.historyId * 7n) % 17n)
    return this.historyId
  }

  private threadsOf(messages: ReadonlyArray<Message>) {
    return new Set(messages.map((message) => message.threadId)).size
  }
}

const firstHistoryId = 9_007_199_254_740_993n // the first integer that a number cannot hold
const firstMessageId = 0x19a0_0000_0000_0000n

const systemLabels = [
  "INBOX",
  "SENT",
  "DRAFT",
  "UNREAD",
  "STARRED",
  "IMPORTANT",
  "SPAM",
  "TRASH",
  "CHAT",
  "CATEGORY_PERSONAL",
  "CATEGORY_SOCIAL",
  "CATEGORY_PROMOTIONS",
  "CATEGORY_UPDATES",
  "CATEGORY_FORUMS",
]

const labelResource = (label: Label) => ({
  ...label,
  ...(label.type === "user" ? { messageListVisibility: "show", labelListVisibility: "labelShow" } : {}),
})

const changeResource = ({ changed, id, labelIds, messageId, threadId, type }: Change) => {
  const reference = { id: messageId, threadId }
  const message = { ...reference, labelIds }
  const entry = { message, ...(changed.length === 0 ? {} : { labelIds: changed }) }
  const list = {
    messageAdded: "messagesAdded",
    messageDeleted: "messagesDeleted",
    labelAdded: "labelsAdded",
    labelRemoved: "labelsRemoved",
  }
  return { id: String(id), messages: [reference], [list[type]]: [entry] }
}

type Place = Pick<Message, "internalDate" | "sequence">

const newestFirst = (a: Place, b: Place) => b.internalDate - a.internalDate || b.sequence - a.sequence

const tokenOf = ({ internalDate, sequence }: Place) => `${sequence}0${String(internalDate).padStart(15, "0")}`

const positionOf = (token: string | null): Place | undefined => {
  const [, sequence, internalDate] = /^(\d+)0(\d{15})$/.exec(token ?? "") ?? []
  return sequence === undefined ? undefined : { sequence: Number(sequence), internalDate: Number(internalDate) }
}

const maxResults = (query: URLSearchParams) =>
  Math.min(500, Math.max(1, Number(query.get("maxResults") ?? "100") || 100))

const headersOf = (raw: Uint8Array) => {
  const text = Buffer.from(raw).toString("utf8")
  const head = text.slice(0, /\r?\n\r?\n/.exec(text)?.index ?? text.length)
  return head
    .replace(/\r?\n[ \t]+/g, " ")
    .split(/\r?\n/)
    .map((line) => ({ name: line.slice(0, line.indexOf(":")), value: line.slice(line.indexOf(":") + 1).trim() }))
    .filter(({ name }) => name !== "")
}
