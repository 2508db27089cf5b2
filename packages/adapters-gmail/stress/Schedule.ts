/**
 * Stories of mail that comes, moves and goes while Google fails and runs are stopped, drawn by a seed, and what has to
 * hold in the end: every message that bears a label that is watched is on the tapes, once, byte for byte, and nothing
 * else is. In some of them two labels of the mailbox are watched, and synced at once.
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
  const provider = yield* GmailProvider.make
  const labels = dice() < 0.4 ? ([label, "Other"] as const) : ([label] as const)
  const watched = yield* Effect.forEach(labels, (watches) => connected({ address, tenantId, provider, watches }))
  const known: Array<string> = []
  /** Which messages ever bore a label, by its name. */
  const everLabelled = new Set<string>()
  const bore = (id: string, name: string) => everLabelled.add(`${name}/${id}`)
  const raws = new Map<string, Uint8Array>()
  let runs = 0

  const run = Effect.forEach(
    watched,
    (gmail) =>
      Effect.suspend(() => {
        runs++
        return Sync.run(gmail.provider, gmail.tenantId, gmail.id).pipe(
          Effect.provideService(GmailProvider.PageSize, 1 + below(12)),
          Effect.provideService(GmailProvider.Concurrency, 1 + below(8)),
          Effect.exit,
        )
      }),
    { concurrency: "unbounded", discard: true },
  )

  const deliver = Effect.gen(function* () {
    const borne = dice() < 0.7 ? (dice() < 0.5 ? labels : [oneOf(labels)]) : []
    const mails = Array.from({ length: 1 + below(10) }, (_, index) => Mails.numbered(raws.size + index))
    const ids = yield* simulator.deliverAll(address, mails, {
      ...(borne.length > 0 && { labels: borne }),
      ...(dice() < 0.15 && { readableAfter: `${1 + below(40)} seconds` as const }),
    })
    for (const [index, id] of ids.entries()) {
      known.push(id)
      raws.set(id, mails[index] ?? new Uint8Array())
      for (const name of borne) bore(id, name)
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
      some((id) => {
        const name = oneOf(labels)
        return Effect.andThen(
          simulator.addLabel(address, id, name),
          Effect.sync(() => bore(id, name)),
        )
      }),
      some((id) => simulator.removeLabel(address, id, oneOf(labels))),
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
    const fiber = yield* Effect.forkChild(run)
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
    for (const gmail of watched) {
      if ((yield* gmail.state).status === "needs_reauth") yield* gmail.told({ _tag: "Resume", at: yield* DateTime.now })
    }
    yield* run
  }

  const problem = yield* problemOf(address, watched, { bore: (id, name) => everLabelled.has(`${name}/${id}`), raws })
  if (problem !== undefined) return yield* new Broken({ seed, what: problem })
  const held = (yield* Effect.forEach(watched, ({ ids }) => ids)).flat()
  const told: Told = { messages: held.length, runs, requests: (yield* simulator.requests).length }
  return told
})

/** What does not hold of the tapes of a mailbox, once all is quiet. */
export const problemOf = Effect.fnUntraced(function* (
  address: string,
  watched: ReadonlyArray<Effect.Success<ReturnType<typeof connected>>>,
  truth: {
    /** Whether a message ever bore a label. */
    readonly bore: (id: string, label: string) => boolean
    readonly raws: ReadonlyMap<string, Uint8Array>
  },
) {
  const mailbox = (yield* (yield* GmailSimulator).mailboxes).find((one) => one.address === address)
  const messages = mailbox?.snapshot.messages ?? []
  const held = (yield* Effect.forEach(watched, ({ ids }) => ids)).flat()
  const ids = new Set(held)
  if (ids.size !== held.length) return "a message stands on the tapes twice"
  for (const gmail of watched) {
    if (Object.keys(yield* gmail.deferred).length > 0) return "a message is still to be had"
    const bearing = messages.filter(({ labelIds }) => labelIds.includes(gmail.labelId))
    const binned = bearing.filter(({ labelIds }) => labelIds.includes("TRASH") || labelIds.includes("SPAM"))
    if (bearing.some((message) => !binned.includes(message) && !ids.has(message.id))) return "a message is lost"
    for (const message of yield* gmail.tape) {
      if (!truth.bore(message.id, gmail.watches)) return "a message never bore the label"
      if (!Buffer.from(Tape.bytes(message)).equals(truth.raws.get(message.id) ?? new Uint8Array())) {
        return "a message is not what it was"
      }
    }
    // What is in the trash or among spam is not listed, and is counted.
    const drift = yield* gmail.drift
    if (drift?.verdict === "unexplained" && drift.items > binned.length) {
      return `a count does not agree by ${drift.items}`
    }
  }
  return undefined
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
