/**
 * Stories of mail that comes, moves and goes while Google fails and runs are stopped, drawn by a seed, and what has to
 * hold in the end: every message that bears the label is on the tape, once, byte for byte, and nothing else is.
 */
import { Ids, Sync } from "@holdfast/domain"
import { DateTime, Effect, Fiber, Schema } from "effect"

import { GmailProvider, Tape } from "../src/index.ts"
import { type Failure, GmailSimulator, Mails } from "../src/testing/index.ts"
import { connected, label } from "../test/mailbox.ts"

/** What did not hold, and the seed that shows it again. */
export class Broken extends Schema.TaggedError<Broken>()("Broken", { seed: Schema.Natural, what: Schema.String }) {}

export interface Told {
  /** Messages that were to be archived. */
  readonly messages: number
  readonly runs: number
  readonly requests: number
}

/** Plays one story for a mailbox. */
export const play = Effect.fnUntraced(function* (seed: number, address: string) {
  const dice = diceOf(seed)
  const below = (limit: number) => Math.floor(dice() * limit)
  const oneOf = <A>(all: readonly [A, ...ReadonlyArray<A>]): A => all[below(all.length)] ?? all[0]
  const simulator = yield* GmailSimulator
  const tenantId = Ids.TenantId.make(`story ${seed}`)
  const gmail = yield* connected({ address, tenantId, provider: yield* GmailProvider.make })
  const known: Array<string> = []
  const everLabelled = new Set<string>()
  const raws = new Map<string, Uint8Array>()
  let runs = 0

  const run = Effect.suspend(() => {
    runs++
    return Sync.run(gmail.provider, gmail.tenantId, gmail.id).pipe(
      Effect.provideService(GmailProvider.PageSize, 1 + below(12)),
      Effect.provideService(GmailProvider.Concurrency, 1 + below(8)),
    )
  })

  const deliver = Effect.gen(function* () {
    const isLabelled = dice() < 0.7
    const mails = Array.from({ length: 1 + below(10) }, (_, index) => Mails.numbered(raws.size + index))
    const ids = yield* simulator.deliverAll(address, mails, {
      ...(isLabelled && { labels: [label] }),
      ...(dice() < 0.15 && { readableAfter: `${1 + below(40)} seconds` as const }),
    })
    for (const [index, id] of ids.entries()) {
      known.push(id)
      raws.set(id, mails[index] ?? new Uint8Array())
      if (isLabelled) everLabelled.add(id)
    }
  })
  const some = (change: (id: string) => Effect.Effect<unknown, { readonly _tag: "NotSimulated" }>) =>
    Effect.suspend(() => {
      const id = known[below(known.length)]
      return id === undefined ? Effect.void : Effect.ignore(change(id))
    })
  const change = () =>
    oneOf<Effect.Effect<unknown, { readonly _tag: "NotSimulated" }>>([
      deliver,
      deliver,
      deliver,
      some((id) =>
        Effect.andThen(
          simulator.addLabel(address, id, label),
          Effect.sync(() => everLabelled.add(id)),
        ),
      ),
      some((id) => simulator.removeLabel(address, id, label)),
      some((id) => simulator.addLabel(address, id, oneOf(["TRASH", "SPAM", "UNREAD"]))),
      some((id) => simulator.removeLabel(address, id, oneOf(["TRASH", "SPAM", "UNREAD"]))),
      some((id) => simulator.deleteMessage(address, id)),
      simulator.forgetPages(address),
      dice() < 0.3 ? simulator.forgetHistory(address) : Effect.void,
      simulator.expireAccessTokens(address),
    ])
  const fail = () =>
    simulator.fail({
      failure: oneOf(failures),
      ...(dice() < 0.6 && { kind: oneOf(["messages.get", "messages.get", "messages.list", "history.list"] as const) }),
      ...(dice() < 0.2 && known.length > 0 && { id: known[below(known.length)] ?? "" }),
      ...(dice() < 0.3 ? { ratio: dice() * 0.5, seed: below(1_000) } : { times: 1 + below(12) }),
      ...(dice() < 0.1 && { retryAfterSeconds: below(100) }),
    })

  /** A run that changes and faults meet on its way, and that may be stopped anywhere. */
  const troubled = Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(Effect.exit(run))
    for (let meeting = below(4); meeting > 0; meeting--) {
      const seen = yield* simulator.count("messages.get")
      yield* Effect.raceFirst(simulator.met("messages.get", seen + 1 + below(6)), Fiber.await(fiber))
      yield* change()
    }
    if (dice() < 0.3) yield* Fiber.interrupt(fiber)
    else yield* Fiber.await(fiber)
  })

  for (let step = 2 + below(8); step > 0; step--) {
    yield* change()
    if (dice() < 0.4) yield* fail()
    if (dice() < 0.2) yield* simulator.clearFaults
    yield* troubled
    yield* Effect.sleep(`${below(90)} seconds`)
  }

  yield* simulator.clearFaults
  for (let calm = 0; calm < 6; calm++) {
    yield* Effect.sleep("7 hours")
    // Tokens that expired twice within one request look like an authorization that ended: the owner mends it.
    if ((yield* gmail.state).status === "needs_reauth") yield* gmail.told({ _tag: "Resume", at: yield* DateTime.now })
    yield* Effect.ignore(run)
  }

  const broken = (what: string) => new Broken({ seed, what })
  const mailbox = (yield* simulator.mailboxes).find((one) => one.address === address)
  const held = yield* gmail.ids
  const tape = yield* gmail.tape
  if (new Set(held).size !== held.length) return yield* broken("a message stands on the tape twice")
  if (Object.keys(yield* gmail.deferred).length > 0) return yield* broken("a message is still to be had")
  for (const { id, labelIds } of mailbox?.snapshot.messages ?? []) {
    const isListed = labelIds.includes(gmail.labelId) && !labelIds.includes("TRASH") && !labelIds.includes("SPAM")
    if (isListed && !held.includes(id)) return yield* broken("a message is lost")
  }
  for (const message of tape) {
    if (!everLabelled.has(message.id)) return yield* broken("a message never bore the label")
    if (!Buffer.from(Tape.bytes(message)).equals(raws.get(message.id) ?? new Uint8Array())) {
      return yield* broken("a message is not what it was")
    }
  }
  // What is in the trash or among spam is not listed, and is counted.
  const unlisted = (mailbox?.snapshot.messages ?? []).filter(
    ({ labelIds }) => labelIds.includes(gmail.labelId) && ["TRASH", "SPAM"].some((bin) => labelIds.includes(bin)),
  )
  const drift = yield* gmail.drift
  if (drift?.verdict === "unexplained" && drift.items > unlisted.length) {
    return yield* broken(`a count does not agree by ${drift.items}`)
  }
  const told: Told = { messages: tape.length, runs, requests: (yield* simulator.requests).length }
  return told
})

const failures: readonly [Failure, ...ReadonlyArray<Failure>] = [
  "tooManyRequests",
  "rateLimitExceeded",
  "failedPrecondition",
  "internalError",
  "unavailable",
  "notFound",
  "truncatedBody",
  "emptyBody",
  "dropBeforeWork",
  "dropAfterWork",
]

/** Numbers between 0 and 1, the same for the same seed (mulberry32). */
const diceOf = (seed: number) => {
  let state = Math.imul(seed + 1, 0x9e3779b1)
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
