import { spawn } from "node:child_process"
import { randomUUID } from "node:crypto"
import { createInterface } from "node:readline"

import { assert, it } from "@effect/vitest"
import { Connection, EventCodec, EventStore, Ids, Inbox } from "@holdfast/domain"
import { Effect, Redacted, Stream } from "effect"

import { freshUrl } from "./EventStore.layers.ts"
import { storeAt } from "./registrationStore.ts"

it.live(
  "a hundred registrations of one authorization from two processes are one connection",
  () =>
    Effect.gen(function* () {
      const url = yield* freshUrl()
      const tenantId = Ids.TenantId.make(randomUUID())
      const racers = yield* Effect.all([racer(url, tenantId), racer(url, tenantId)], { concurrency: 2 })
      for (const { go } of racers) go()
      const answers = (yield* Effect.forEach(racers, ({ answers }) => answers, { concurrency: 2 })).flat()

      assert.strictEqual(answers.length, 100)
      assert.strictEqual(new Set(answers.map(({ connectionId }) => connectionId)).size, 1)
      assert.deepStrictEqual([...new Set(answers.map(({ status }) => status))], ["active"])
      assert.strictEqual(answers.filter(({ outcome }) => outcome === "created").length, 1)

      yield* Effect.gen(function* () {
        const log = yield* EventStore.EventLog
        const inbox = yield* Inbox.Inbox
        const events = yield* log
          .read(EventStore.beginning, { tenantId })
          .pipe(Stream.mapEffect(EventCodec.decode(Connection)), Stream.runCollect)
        assert.deepStrictEqual(
          events.map(({ event }) => event._tag),
          ["connected"],
        )
        assert.deepStrictEqual(
          (yield* inbox.attempts(tenantId)).map(({ connectionId, count }) => [connectionId, count]),
          [[answers[0]?.connectionId, 100]],
        )
      }).pipe(Effect.provide(storeAt(url)))
    }).pipe(Effect.scoped),
  120_000,
)

interface Answer {
  readonly connectionId: string
  readonly outcome: string
  readonly status: string
}

/** A process that is ready to register, and does when it is told to. */
const racer = Effect.fnUntraced(function* (url: Redacted.Redacted, tenantId: Ids.TenantId) {
  const task = {
    url: Redacted.value(url),
    calls: 50,
    request: {
      tenantId,
      ownerId: "ada",
      provider: "gmail",
      authorization: "consent",
      door: "webhook",
      actor: { kind: "broker" },
    },
  }
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(
        process.execPath,
        [
          "--conditions=@holdfast/source",
          new URL("registrationRace.child.ts", import.meta.url).pathname,
          JSON.stringify(task),
        ],
        { stdio: ["pipe", "pipe", "inherit"] },
      ),
    ),
    (child) => Effect.sync(() => child.kill("SIGKILL")),
  )
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const line = Effect.promise(async (): Promise<string> => {
    const { done, value } = await lines.next()
    if (done === true) throw new Error("The racer ended without an answer")
    return value
  })
  assert.strictEqual(yield* line, "ready")
  return {
    go: () => void child.stdin.write("go\n"),
    answers: Effect.map(line, (text): ReadonlyArray<Answer> => JSON.parse(text)),
  }
})
