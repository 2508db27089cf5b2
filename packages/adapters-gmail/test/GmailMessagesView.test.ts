import { assert, describe, it } from "@effect/vitest"
import { EventStore, Feed, Ids, Personal } from "@holdfast/domain"
import { DateTime, Effect } from "effect"

import { GmailApi, GmailMessagesView, GmailProvider, Tape } from "../src/index.ts"
import { Mails } from "../src/testing/index.ts"

const accountId = Ids.AccountId.make("00000000-0000-8000-a000-000000000004")
const delivery = {
  at: DateTime.makeUnsafe("2026-11-20T10:00:00Z"),
  connectionId: Ids.ConnectionId.make("00000000-0000-4000-8000-000000000001"),
  provider: GmailProvider.id,
  accountId,
  source: "Label_1",
  run: "run-1",
}

/** The rows after these events, by message. */
const rowsAfter = (events: ReadonlyArray<Feed.Event>) => {
  const rows = new Map<string, GmailMessagesView.Row>()
  for (const [index, event] of events.entries()) {
    const recorded = {
      event,
      tenantId: Ids.TenantId.make("harbour"),
      streamId: EventStore.StreamId.make("feed-00000000-0000-8000-a000-000000000003"),
      version: index + 1,
      position: EventStore.beginning,
      metadata: { actor: Ids.system },
      recordedAt: delivery.at,
      id: Ids.EventId.make("00000000-0000-4000-8000-000000000009"),
    }
    for (const key of GmailMessagesView.touches(recorded)) {
      const id = key.message_id ?? ""
      const row = GmailMessagesView.evolve(rows.get(id), recorded, key)
      if (row !== undefined) rows.set(id, row)
    }
  }
  return rows
}

const recorded = (id: string, raw: Uint8Array, limit = 10_000_000) =>
  Tape.record({
    id: GmailApi.MessageId.make(id),
    threadId: "t1",
    labelIds: [GmailApi.LabelId.make("Label_1")],
    historyId: GmailApi.HistoryId.make("1"),
    internalDate: delivery.at,
    raw,
  }).pipe(
    Effect.provideService(Tape.AttachmentBytes, limit),
    Effect.map(({ content }): Feed.Event =>
      Feed.Event.cases.items_recorded.make({
        ...delivery,
        itemIds: [id],
        personal: Personal.reveal({ items: [content] }),
      }),
    ),
  )

const observed = (item: string, as: Feed.Observation["as"], source = delivery.source): Feed.Event =>
  Feed.Event.cases.items_observed.make({ ...delivery, source, observed: [{ item, as }] })

describe("A row of gmail_messages", () => {
  it.effect("stays as it was recorded, and says where the message was seen last", () =>
    Effect.gen(function* () {
      const first = yield* recorded("m1", Mails.numbered(1))
      const again = yield* recorded("m1", Mails.numbered(2))
      const before = rowsAfter([first]).get("m1")
      if (before === undefined) return assert.fail("there is no row")
      assert.strictEqual(before.standing, "there")
      for (const as of ["trashed", "spam", "deleted"] as const) {
        assert.deepStrictEqual(rowsAfter([first, again, observed("m1", as)]).get("m1"), { ...before, standing: as })
      }
      assert.deepStrictEqual(rowsAfter([first, again, observed("m1", "removed")]).get("m1"), {
        ...before,
        seen_under: [],
        standing: "removed",
      })
      assert.deepStrictEqual(
        rowsAfter([first, observed("m1", "trashed"), observed("m1", "returned")]).get("m1"),
        before,
      )
      // Of a message that is not on the tape nothing is said.
      assert.strictEqual(rowsAfter([observed("m2", "trashed")]).size, 0)
    }),
  )

  it.effect("is there for as long as it is under any of the labels that are watched", () =>
    Effect.gen(function* () {
      const first = yield* recorded("m1", Mails.numbered(1))
      const other = (as: Feed.Observation["as"]) => observed("m1", as, "Label_2")
      const after = (...events: ReadonlyArray<Feed.Event>) => {
        const { seen_under, standing } = rowsAfter([first, ...events]).get("m1") ?? assert.fail("there is no row")
        return [standing, ...seen_under]
      }
      // Another label tells only of itself.
      assert.deepStrictEqual(after(other("removed")), ["there", "Label_1"])
      assert.deepStrictEqual(after(other("returned"), other("removed")), ["there", "Label_1"])
      assert.deepStrictEqual(after(other("returned"), observed("m1", "removed")), ["there", "Label_2"])
      assert.deepStrictEqual(after(other("returned"), observed("m1", "removed"), other("removed")), ["removed"])
      // The trash is the same under all of them.
      assert.deepStrictEqual(after(other("returned"), other("trashed")), ["trashed", "Label_1", "Label_2"])
      assert.deepStrictEqual(after(other("returned"), other("trashed"), observed("m1", "returned")), [
        "there",
        "Label_1",
        "Label_2",
      ])
    }),
  )

  it.effect("says what of the mail is not on the tape, and how large the mail was", () =>
    Effect.gen(function* () {
      const raw = new TextEncoder().encode(
        `Subject: a film\r\nContent-Type: video/mp4; name=film.mp4\r\n\r\n${"x".repeat(5_000)}`,
      )
      const row = rowsAfter([yield* recorded("m1", raw, 1_000)]).get("m1")
      assert.deepInclude(row, { size: raw.length, readable: true, subject: "a film" })
      const [omitted] = row?.omitted ?? []
      assert.deepInclude(omitted, { size: 5_000, contentType: "video/mp4", filename: "film.mp4" })
      assert.deepInclude(rowsAfter([yield* recorded("m1", raw)]).get("m1"), { size: raw.length, omitted: [] })
    }),
  )

  it.effect("is never of what another provider delivered", () =>
    Effect.sync(() => {
      const transaction = Feed.Event.cases.items_recorded.make({
        ...delivery,
        provider: Ids.ProviderId.make("village-bank"),
        itemIds: ["b-1"],
        personal: Personal.reveal({ items: [{ id: "b-1", day: "2026-11-02", cents: 450 }] }),
      })
      assert.strictEqual(rowsAfter([transaction]).size, 0)
    }),
  )

  it.effect("of a mail that defies its parser says so", () =>
    Effect.gen(function* () {
      const raw = new TextEncoder().encode(`X: ${"x".repeat(2_000_000)}\r\n\r\n`)
      const row = rowsAfter([yield* recorded("m1", raw)]).get("m1")
      assert.deepInclude(row, { readable: false, size: raw.length, full_text: null })
    }),
  )
})
