import { assert, describe, it } from "@effect/vitest"
import { EventStore, Ids } from "@holdfast/domain"

import * as Page from "../src/Page.ts"

const row = (text: number, sealed: number): Page.Row => ({
  position: EventStore.Position.make(1n),
  tenant_id: Ids.TenantId.make("acme"),
  stream_id: EventStore.StreamId.make("account-1"),
  version: 1,
  event_id: Ids.EventId.make("00000000-0000-4000-8000-000000000001"),
  type: "happened",
  schema_version: 1,
  data: { text: "x".repeat(text) },
  metadata: JSON.stringify({ actor: Ids.system }),
  recorded_at: new Date(0),
  sealed: new Uint8Array(sealed),
})

const rows = (length: number, of: (index: number) => Page.Row) => Array.from({ length }, (_, index) => of(index))

describe("a page of events", () => {
  it("shares what events have in common with the one before, and nothing else", () => {
    const moments = [1, 1, 2, 1, 1]
    const actors = ["a", "a", "a", "a", "b"].map((id): Ids.Actor => ({ kind: "operator", id }))
    const events = Page.recorded(
      rows(5, (index) => ({
        ...row(0, 0),
        metadata: JSON.stringify({ actor: actors[index] }),
        recorded_at: new Date(moments[index] ?? 0),
      })),
    )
    assert.deepStrictEqual(
      events.map(({ metadata, recordedAt }) => [recordedAt.epochMilliseconds, metadata]),
      actors.map((actor, index) => [moments[index], { actor }]),
    )
    const shared = (key: "metadata" | "recordedAt") =>
      events.map((event, index) => event[key] === events[index - 1]?.[key])
    assert.deepStrictEqual(shared("metadata"), [false, true, true, true, false])
    assert.deepStrictEqual(shared("recordedAt"), [false, true, false, false, true])
  })
})

describe("the next page of events", () => {
  it("grows step by step while events are small", () => {
    const small = rows(64, () => row(100, 100))
    assert.strictEqual(Page.next(small, 64), 256)
    assert.strictEqual(Page.next(small, 1_024), 1_000)
  })

  it("holds a few megabytes, whether it is the sealed part that is big or the clear one", () => {
    const megabyte = 1024 * 1024
    for (const [text, sealed] of [
      [megabyte, 0],
      [0, megabyte],
      [megabyte / 2, megabyte / 2],
    ] as const) {
      const big = row(text, sealed)
      const size = Page.next(
        rows(16, () => big),
        16,
      )
      assert.isAtLeast(size, 2)
      assert.isAtMost(size, 4)
    }
    assert.strictEqual(Page.next([row(40 * megabyte, 0)], 1), 1)
  })

  it("is not deceived by big events that come at regular intervals", () => {
    const [big, small] = [row(300_000, 0), row(10, 0)]
    for (const interval of [2, 3, 4, 5, 7, 8, 16]) {
      const size = Page.next(
        rows(256, (index) => (index % interval === 0 ? big : small)),
        256,
      )
      const [least, likely] = [(4 * interval) / 0.3 / 4, (4 * interval) / 0.3]
      assert.isAtLeast(size, Math.floor(least))
      assert.isAtMost(size, Math.ceil(likely * 4))
    }
  })
})
