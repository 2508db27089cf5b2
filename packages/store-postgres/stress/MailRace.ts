/**
 * One mailbox, two of whose labels are watched, and processes that sync both at the same time, are killed and started
 * again while mail comes and labels move. In the end every message that bears one of the labels has to be on the tapes,
 * once, byte for byte; every page has to go on where the one before it ended; and the view has to be what the log says,
 * whichever of the two is then forgotten.
 */
import { PgClient } from "@effect/sql-pg"
import { GmailMessagesView, GmailProvider } from "@holdfast/adapters-gmail"
import { GmailSimulator, Mails } from "@holdfast/adapters-gmail/testing"
import { Connection, EventCodec, EventStore, Forgetting, Ids, ProjectionRunner, Verify } from "@holdfast/domain"
import { Context, Duration, Effect, Layer, Redacted, Schedule, Stream } from "effect"

import { problemOf } from "../../adapters-gmail/stress/Schedule.ts"
import { connected, label } from "../../adapters-gmail/test/mailbox.ts"
import { ada } from "../../adapters-gmail/test/support.ts"
import * as Random from "./Random.ts"
import { start } from "./Workers.ts"

interface Options {
  readonly seed: string
  /** The database of the store that the race is played on, for whoever may do anything there. */
  readonly url: Redacted.Redacted
  readonly kills: number
  readonly workers: number
  /** Crashes the server and brings it back. */
  readonly crash?: { readonly times: number; readonly server: Effect.Effect<void> } | undefined
}

/** What came of it. Nothing is wrong where there are no `violations`. */
interface Outcome {
  readonly messages: number
  readonly pages: number
  /** Messages that were given out more than once: two have fetched them, and one has recorded them. */
  readonly fetchedAgain: number
  readonly violations: ReadonlyArray<string>
}

export const play = Effect.fnUntraced(function* ({ crash, kills, seed, url, workers: count }: Options) {
  const random = Random.make(seed)
  const simulator = yield* GmailSimulator
  const tenantId = Ids.TenantId.make(`race ${seed}`)
  const provider = yield* GmailProvider.make
  const watched = yield* Effect.forEach(labels, (watches) => connected({ tenantId, provider, watches }))
  const connections = watched.map(({ id }) => id)
  const raws = new Map<string, Uint8Array>()
  const borne = new Set<string>()
  const bore = (id: string, name: string) => borne.add(`${name}/${id}`)

  const workers = yield* Effect.acquireRelease(
    Effect.sync(() =>
      Array.from({ length: count }, (_, index) =>
        start({
          _tag: "Syncer",
          url: Redacted.value(url),
          seed,
          name: `syncer ${index + 1}`,
          incarnation: 1,
          google: { url: simulator.url, token: simulator.endpoints.token },
          tenantId,
          connections,
          // Whoever lost a lease without noticing goes on as if it were held.
          leased: index % 2 === 0,
        }),
      ),
    ),
    (workers) => Effect.promise(() => Promise.all(workers.map((worker) => worker.kill()))),
  )
  const operator = Context.get(
    yield* Layer.build(Layer.fresh(PgClient.layer({ url, maxConnections: 1 }))),
    PgClient.PgClient,
  )
  /** The dead hold theirs for up to a minute. */
  const freeLeases = operator`UPDATE holdfast.leases SET held_until = clock_timestamp()`.pipe(
    Effect.retry(Schedule.spaced("50 millis")),
  )

  /** Mail for one of the labels, both or none; how many of them have to be fetched. */
  const deliver = Effect.gen(function* () {
    const names = random.pick([labels, labels, ...labels.map((name) => [name]), []])
    const mails = Array.from({ length: random.between(1, 20) }, (_, n) => Mails.numbered(raws.size + n))
    const ids = yield* simulator.deliverAll(ada, mails, { labels: names })
    for (const [n, id] of ids.entries()) {
      raws.set(id, mails[n] ?? new Uint8Array())
      for (const name of names) bore(id, name)
    }
    return names.length === 0 ? 0 : ids.length
  })
  const moved = Effect.suspend(() => {
    const id = [...raws.keys()][random.between(0, raws.size - 1)] ?? ""
    const name = random.pick(labels)
    if (random.chance(0.4)) return simulator.removeLabel(ada, id, name)
    bore(id, name)
    return simulator.addLabel(ada, id, name)
  })

  let crashes = 0
  for (let kill = 0; kill < kills; kill++) {
    const seen = yield* simulator.count("messages.get")
    let news = 0
    while (news === 0) news = yield* deliver
    if (random.chance(0.5)) yield* moved
    // In the middle of it.
    const isMet = yield* Effect.timeoutOption(simulator.met("messages.get", seen + random.between(1, news)), patience)
    if (isMet._tag === "None") return { ...nothing, violations: ["nothing was fetched any more"] }
    if (crash !== undefined && kill >= ((crashes + 1) * kills) / (crash.times + 1)) {
      crashes += 1
      yield* crash.server
    }
    const victims = random.chance(0.2) ? workers : [random.pick([workers[0], ...workers])]
    yield* Effect.promise(() => Promise.all(victims.map((worker) => worker?.kill())))
    yield* freeLeases
    for (const victim of victims) victim?.revive()
  }
  yield* Effect.promise(() => Promise.all(workers.map((worker) => worker.kill())))
  yield* freeLeases

  const quiet = Effect.forEach([1, 2, 3], () => Effect.forEach(watched, ({ sync }) => sync), { discard: true })
  yield* quiet
  const violations = workers.flatMap(({ failures }) => failures)
  const found = (what: string | undefined) => void (what !== undefined && violations.push(what))
  found(yield* problemOf(ada, watched, { bore: (id, name) => borne.has(`${name}/${id}`), raws }))
  const messages = (yield* Effect.forEach(watched, ({ ids }) => ids)).flat().length
  const pages = yield* Effect.forEach(watched, pagesOf)
  for (const { isWhole } of pages) if (!isWhole) found("a page does not go on where the one before it ended")

  const compared = Effect.fnUntraced(function* (when: string, rows?: number) {
    yield* ProjectionRunner.catchUp(GmailMessagesView)
    const { different, equal, extra, missing } = yield* Verify.verify(GmailMessagesView)
    if (different.length + extra.length + missing.length > 0) found(`the view is not what the log says ${when}`)
    if (rows !== undefined && equal !== rows) found(`the view has ${equal} of ${rows} messages ${when}`)
  })
  yield* compared("after the race", messages)
  const [gone, left] = random.chance(0.5) ? watched : watched.toReversed()
  if (gone !== undefined && left !== undefined) {
    yield* Forgetting.forget(tenantId, gone.id, { actor: Ids.system })
    yield* compared("after one was forgotten")
    yield* Effect.forEach([1, 2], () => left.sync)
    found(yield* problemOf(ada, [left], { bore: (id, name) => borne.has(`${name}/${id}`), raws }))
    yield* compared("after the other one fetched what was forgotten", (yield* left.ids).length)
  }
  const fetched = yield* simulator.rawFetches
  return {
    messages,
    pages: pages.reduce((sum, { count }) => sum + count, 0),
    fetchedAgain: [...fetched.values()].filter((times) => times > 1).length,
    violations,
  } satisfies Outcome
}, Effect.scoped)

const labels = [label, "Other"] as const
const patience = Duration.minutes(2)
const nothing: Outcome = { messages: 0, pages: 0, fetchedAgain: 0, violations: [] }

/** The pages of a connection, and whether each begins where the one before it ended. */
const pagesOf = Effect.fnUntraced(function* ({ id, tenantId }: Effect.Success<ReturnType<typeof connected>>) {
  const store = yield* EventStore.EventStore
  const events = yield* store
    .readStream(tenantId, Connection.streamId(id))
    .pipe(Stream.mapEffect(EventCodec.decode(Connection)), Stream.runCollect)
  const pages = events.flatMap(({ event }) => (event._tag === "synced" ? [event] : []))
  const isWhole = pages.every(({ cursorBefore }, index) => cursorBefore === (pages[index - 1]?.cursorAfter ?? null))
  return { count: pages.length, isWhole }
})
