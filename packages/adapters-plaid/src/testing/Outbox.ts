/**
 * Webhooks that Plaid owes, and what becomes of them.
 *
 * Delivery is at least once and in no order that can be relied on: tests hold webhooks back, lose, double, delay and
 * reorder them. A receiver that does not answer 200 within ten seconds is tried again after 30 seconds, then after four
 * times as long each time, for a day; not at all once more than nine in ten deliveries of a day were refused.
 *
 * @see https://plaid.com/docs/api/webhooks/
 */
import { Schema } from "effect"

import { dayMillis } from "./Day.ts"

export const Webhook = Schema.Struct({
  id: Schema.String,
  itemId: Schema.NullOr(Schema.String),
  url: Schema.String,
  type: Schema.String,
  code: Schema.String,
  /** The bytes that are sent and signed. */
  body: Schema.String,
  madeAt: Schema.Finite,
  state: Schema.Literals(["waiting", "delivered", "lost", "given up"]),
  /** The next attempt, in the world's time. */
  dueAt: Schema.Finite,
  /** The statuses that were answered; 0 where there was no answer. */
  attempts: Schema.Array(Schema.Struct({ at: Schema.Finite, status: Schema.Int })),
})
export type Webhook = typeof Webhook.Type

/** What is still to be sent; what became of the others is forgotten. */
export const Outline = Schema.Struct({
  made: Schema.Natural,
  held: Schema.Boolean,
  queue: Schema.Array(Webhook),
  /** To be sent after the next one. */
  overtaken: Schema.Array(Webhook),
})
export type Outline = typeof Outline.Type

/** What happens to the next webhooks. */
export const Mishap = Schema.Struct({
  how: Schema.Literals([
    /** Never sent. */
    "lost",
    /** Sent twice, with the same bytes. */
    "doubled",
    /** Sent `delayMillis` later than it should be. */
    "delayed",
    /** Sent after the one that follows it. */
    "overtaken",
  ]),
  /** Of this code only. */
  code: Schema.optionalKey(Schema.NonEmptyString),
  /** Once if absent. */
  times: Schema.optionalKey(Schema.Natural),
  /** A minute if absent. */
  delayMillis: Schema.optionalKey(Schema.Natural),
})
export type Mishap = typeof Mishap.Type

export class Outbox {
  /** Called whenever something may have become due. */
  onChange: () => void = () => {}
  private held: boolean
  private made: number
  private queue: Array<Webhook>
  private overtaken: Array<Webhook>
  private mishaps: ReadonlyArray<{ readonly mishap: Mishap; readonly left: number }> = []
  private readonly waiting: Array<() => void> = []

  constructor({ held, made, overtaken, queue }: Outline = { made: 0, held: false, queue: [], overtaken: [] }) {
    this.held = held
    this.made = made
    this.queue = [...queue]
    this.overtaken = [...overtaken]
  }

  get outline(): Outline {
    const queue = this.queue.filter(({ state }) => state === "waiting")
    return { made: this.made, held: this.held, queue, overtaken: this.overtaken }
  }

  get webhooks(): ReadonlyArray<Webhook> {
    return [...this.queue, ...this.overtaken]
  }

  get isHeld() {
    return this.held
  }

  hold() {
    this.held = true
  }

  /** What waits is sent, in this order if one is given; what is not named keeps its place behind. */
  release(order: ReadonlyArray<string> = []) {
    const named = order.flatMap((id) => this.queue.find((webhook) => webhook.id === id) ?? [])
    this.queue = [...named, ...this.queue.filter((webhook) => !named.includes(webhook))]
    this.held = false
    this.onChange()
  }

  spoil(mishap: Mishap) {
    this.mishaps = [...this.mishaps, { mishap, left: mishap.times ?? 1 }]
  }

  add(webhook: Pick<Webhook, "body" | "code" | "itemId" | "type" | "url">, now: number) {
    const mishap = this.takeMishap(webhook.code)
    const made: Omit<Webhook, "id"> = {
      ...webhook,
      madeAt: now,
      state: mishap?.how === "lost" ? "lost" : "waiting",
      dueAt: now + (mishap?.how === "delayed" ? (mishap.delayMillis ?? 60_000) : 0),
      attempts: [],
    }
    if (mishap?.how === "overtaken") {
      this.overtaken.push(this.named(made))
    } else {
      this.queue.push(this.named(made))
      if (mishap?.how === "doubled") this.queue.push(this.named(made))
      this.queue.push(...this.overtaken.splice(0))
    }
    this.onChange()
  }

  /** Sends one that is there already again. */
  repeat(webhook: Webhook, now: number) {
    this.queue.push(this.named({ ...webhook, state: "waiting", dueAt: now, attempts: [] }))
    this.onChange()
  }

  /** The next to be sent, if any is due; `answered` must follow. */
  take(now: number): Webhook | undefined {
    const found = this.isHeld ? undefined : this.queue.find((webhook) => isDue(webhook, now))
    if (found === undefined) for (const callback of this.waiting.splice(0)) callback()
    return found
  }

  answered({ attempts, id, madeAt }: Webhook, status: number, now: number) {
    const tried = [...attempts, { at: now, status }]
    const dueAt = now + 30_000 * 4 ** attempts.length
    this.change(id, { attempts: tried, dueAt })
    const isTooLate = dueAt > madeAt + dayMillis || this.isRefusedByHabit(now)
    this.change(id, { state: status === 200 ? "delivered" : isTooLate ? "given up" : "waiting" })
  }

  /** When the next attempt is due; none while they are held. */
  get nextAt(): number | null {
    const waiting = this.isHeld ? [] : this.queue.filter(({ state }) => state === "waiting")
    return waiting.length === 0 ? null : Math.min(...waiting.map(({ dueAt }) => dueAt))
  }

  /** Calls back when next there is nothing to be sent. */
  whenSettled(callback: () => void) {
    this.waiting.push(callback)
  }

  private named(webhook: Omit<Webhook, "id">): Webhook {
    this.made += 1
    return { ...webhook, id: `webhook-${this.made}` }
  }

  private change(id: string, change: Partial<Webhook>) {
    this.queue = this.queue.map((webhook) => (webhook.id === id ? { ...webhook, ...change } : webhook))
  }

  private isRefusedByHabit(now: number) {
    const attempts = this.queue.flatMap((webhook) => webhook.attempts.filter(({ at }) => at > now - dayMillis))
    const refused = attempts.filter(({ status }) => status !== 200).length
    return attempts.length >= 10 && refused > attempts.length * 0.9
  }

  private takeMishap(code: string) {
    const found = this.mishaps.find(({ mishap }) => mishap.code === undefined || mishap.code === code)
    this.mishaps = this.mishaps
      .map((entry) => (entry === found ? { ...entry, left: entry.left - 1 } : entry))
      .filter(({ left }) => left > 0)
    return found?.mishap
  }
}

const isDue = ({ dueAt, state }: Webhook, now: number) => state === "waiting" && dueAt <= now
