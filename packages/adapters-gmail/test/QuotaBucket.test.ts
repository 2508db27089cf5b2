import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Clock, Effect, Fiber, Schema } from "effect"

import { QuotaBucket } from "../src/index.ts"
import { QuotaMeter } from "../src/testing/QuotaMeter.ts"
import * as VirtualTime from "../src/testing/VirtualTime.ts"

const { quota2025, quota2026 } = QuotaBucket

/** What a meter at Google's says of requests that wait for their share. */
const metered = (quota: QuotaBucket.Quota) => {
  const bucket = QuotaBucket.make(quota)
  const meter = new QuotaMeter({ costs: { "messages.get": 1 }, perMailbox: quota.perMailbox })
  const send = Effect.fnUntraced(function* (units: number, latency = 0) {
    yield* bucket.take("ada", units)
    yield* Effect.sleep(latency)
    const now = yield* Clock.currentTimeMillis
    for (let unit = 0; unit < units; unit++) meter.charge("messages.get", "ada", now)
  })
  return { send, spending: () => meter.spending("ada"), bucket }
}

const Story = Schema.Array(
  Schema.Struct({
    pause: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 90_000 })),
    requests: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 40 })),
    latency: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 500 })),
    method: Schema.Literals(["messages.get", "messages.list", "history.list", "labels.get"]),
  }),
)

describe("The quota of a mailbox", () => {
  for (const [name, quota] of [
    ["of 2025", quota2025],
    ["of 2026", quota2026],
  ] as const) {
    it.live(`${name} is never exceeded in any minute, whatever is asked and however late it arrives`, () =>
      Effect.gen(function* () {
        const stories = yield* Arbitrary.sampleEffect(Arbitrary.schema(Story), { count: 60 })
        for (const story of stories) {
          const { bucket, send, spending } = metered(quota)
          for (const { latency, method, pause, requests } of story) {
            yield* Effect.sleep(pause)
            yield* Effect.forEach(Array.from({ length: requests }), () => send(bucket.cost(method), latency), {
              concurrency: 8,
            })
          }
          assert.strictEqual(spending().refused, 0)
          assert.isAtMost(spending().peak, quota.perMailbox)
        }
      }).pipe(VirtualTime.provide()),
    )
  }

  it.live("S31 is used to ninety-seven parts in a hundred as long as there is a backlog", () =>
    Effect.gen(function* () {
      const { send, spending } = metered(quota2026)
      const began = yield* Clock.currentTimeMillis
      yield* Effect.forEach(Array.from({ length: 3_000 }), () => send(20), { concurrency: 8 })
      const minutes = ((yield* Clock.currentTimeMillis) - began) / 60_000
      assert.isAtLeast(spending().units / (minutes * quota2026.perMailbox), 0.97)
      assert.isAtMost(spending().peak, quota2026.perMailbox)
    }).pipe(VirtualTime.provide()),
  )

  it.live("is its own: another mailbox waits for the project at most", () =>
    Effect.gen(function* () {
      const bucket = QuotaBucket.make(quota2026)
      const busy = yield* Effect.forkChild(
        Effect.forEach(Array.from({ length: 500 }), () => bucket.take("ada", 20), { concurrency: 500 }),
      )
      yield* Effect.sleep(10)
      const began = yield* Clock.currentTimeMillis
      yield* bucket.take("bruno", 20)
      assert.strictEqual(yield* Clock.currentTimeMillis, began)
      yield* Fiber.interrupt(busy)
    }).pipe(VirtualTime.provide()),
  )

  it.live("is shared by all mailboxes of a project that is small", () =>
    Effect.gen(function* () {
      const bucket = QuotaBucket.make({ ...quota2026, perProject: 6_000 })
      const began = yield* Clock.currentTimeMillis
      yield* Effect.forEach(Array.from({ length: 300 }).keys(), (n) => bucket.take(`mailbox ${n}`, 20), {
        concurrency: 300,
      })
      assert.isAtLeast((yield* Clock.currentTimeMillis) - began, 59_000)
    }).pipe(VirtualTime.provide()),
  )

  it("is known by two tables, of which the newer one holds", () => {
    assert.deepStrictEqual(
      [quota2025, quota2026].map(({ costs, perMailbox }) => [costs["messages.get"], perMailbox]),
      [
        [5, 15_000],
        [20, 6_000],
      ],
    )
  })
})
