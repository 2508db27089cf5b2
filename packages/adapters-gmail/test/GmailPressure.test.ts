/** Mailboxes that share little room for mail on its way, while Google fails and runs are stopped: all of it passes. */
import { assert, describe, it } from "@effect/vitest"
import { Ids } from "@holdfast/domain"
import { Arbitrary, Effect, Fiber, Schema } from "effect"

import { GmailProvider } from "../src/index.ts"
import { GmailSimulator, Mails } from "../src/testing/index.ts"
import * as VirtualTime from "../src/testing/VirtualTime.ts"
import { connected, world } from "./mailbox.ts"
import { ada } from "./support.ts"

const bob = "bob@example.com"
const upTo = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const Story = Schema.Struct({
  /** Bytes of each mail beside its words, and the labels that it bears. */
  mails: Schema.Array(
    Schema.Struct({ size: upTo(0, 90_000), labels: Schema.Literals(["One", "Other", "both"]), isBobs: Schema.Boolean }),
  ).check(Schema.isMinLength(1), Schema.isMaxLength(16)),
  bytesInFlight: upTo(1, 120_000),
  pageBytes: upTo(1, 120_000),
  concurrency: upTo(1, 4),
  pageSize: upTo(1, 8),
  failures: Schema.Array(
    Schema.Struct({
      failure: Schema.Literals(["truncatedBody", "unavailable", "dropAfterWork", "rateLimitExceeded", "hang"]),
      after: upTo(0, 20),
      times: upTo(1, 3),
    }),
  ).check(Schema.isMaxLength(3)),
  /** After how many messages were asked for the first run is stopped, if at all. */
  stop: Schema.NullOr(upTo(1, 20)),
})
type Story = typeof Story.Type

const told = Effect.fnUntraced(function* (story: Story) {
  const simulator = yield* GmailSimulator
  for (const [n, { isBobs, labels, size }] of story.mails.entries()) {
    const raw = new Uint8Array(Buffer.concat([Mails.numbered(n), Buffer.alloc(size, "line\r\n")]))
    const borne = labels === "both" ? ["One", "Other"] : [labels]
    yield* simulator.deliver(isBobs ? bob : ada, raw, { labels: borne })
  }
  const provider = yield* Effect.provideService(
    GmailProvider.make,
    GmailProvider.BytesInFlight,
    story.bytesInFlight,
  ).pipe(Effect.provideService(GmailProvider.Concurrency, story.concurrency))
  const identity = Ids.IdentityHash.make("b".repeat(64))
  const all = [
    yield* connected({ provider, watches: "One" }),
    yield* connected({ provider, watches: "Other" }),
    yield* connected({ provider, watches: "One", address: bob, identity }),
    yield* connected({ provider, watches: "Other", address: bob, identity }),
  ]
  const syncs = all.map(({ sync }) =>
    Effect.ignore(sync).pipe(
      Effect.provideService(GmailProvider.PageBytes, story.pageBytes),
      Effect.provideService(GmailProvider.Concurrency, story.concurrency),
      Effect.provideService(GmailProvider.PageSize, story.pageSize),
    ),
  )
  for (const failure of story.failures) yield* simulator.fail({ kind: "messages.get", ...failure })
  const runs = yield* Effect.forEach(syncs, (sync) => Effect.forkChild(sync))
  const first = runs[0]
  if (story.stop !== null && first !== undefined) {
    yield* Effect.raceFirst(
      simulator.met("messages.get", story.stop),
      Effect.forEach(runs, Fiber.await, { discard: true }),
    )
    yield* Fiber.interrupt(first)
  }
  yield* Effect.forEach(runs, Fiber.await)
  // What could not be had is due again hours later at most.
  for (let look = 0; look < 3; look++) {
    yield* Effect.sleep("1 hour")
    yield* Effect.all(syncs, { concurrency: "unbounded" })
  }
  for (const [whose, isBobs] of [
    [all.slice(0, 2), false],
    [all.slice(2), true],
  ] as const) {
    const held = (yield* Effect.forEach(whose, ({ ids }) => ids)).flat()
    assert.strictEqual(new Set(held).size, held.length)
    assert.strictEqual(held.length, story.mails.filter((mail) => mail.isBobs === isBobs).length)
  }
})

describe("Mail that hardly fits", () => {
  it.live("passes, each once, whatever fails and whoever is stopped", () =>
    Effect.gen(function* () {
      for (const story of yield* Arbitrary.sampleEffect(Arbitrary.schema(Story), { count: 5 })) {
        yield* told(story).pipe(
          Effect.provide(world({ mailboxes: [ada, bob] }), { local: true }),
          VirtualTime.provide(),
        )
      }
    }),
  )
})
