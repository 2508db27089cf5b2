/**
 * The view `connections` from nothing: what it costs to change one's mind about a view.
 */
import { pongoSingleStreamProjection, rebuildPostgreSQLProjections } from "@event-driven-io/emmett-postgresql"
import { Effect, Schema } from "effect"

import * as Child from "../Child.ts"
import { pace } from "../Contest.ts"
import * as Emmett from "../Emmett.ts"
import { histories } from "../Histories.ts"
import { type Measure } from "../Measure.ts"
import { type Finding, versus } from "../Report.ts"
import * as Seed from "../Seed.ts"
import * as Server from "../Server.ts"

export const rebuild: Measure = {
  number: 5,
  title: "rebuild of connections",
  run: Effect.fn("Rebuild")(function* ({ admin, quick }) {
    const size = quick ? 20_000 : 1_000_000
    const repetitions = quick ? 1 : 3
    const { url } = yield* Server.holdfast(admin)
    yield* Seed.fill(url, histories(size))

    const theirSize = quick ? 1_000 : 10_000
    const runs: Array<{ readonly rate: number; readonly megabytes: number; readonly emmett: number }> = []
    for (let repetition = 0; repetition < repetitions; repetition++) {
      const { megabytes, seconds } = yield* inChild(url)
      // A database of its own each time: the peer's second rebuild begins at the checkpoint of the first and does nothing.
      const theirs = yield* Server.database(admin)
      yield* fillEmmett(theirs, theirSize)
      runs.push({ rate: size / seconds, megabytes, emmett: yield* rebuildEmmett(theirs, theirSize) })
    }
    const rates = runs.map(({ rate }) => rate)
    const what = `rebuild of connections from ${size.toLocaleString("en")} events`
    return [
      { measure: 5, what, unit: "/s", samples: rates, bar: { atLeast: 50_000 } },
      {
        measure: 5,
        what: `${what}, peak memory`,
        unit: "MB",
        samples: runs.map(({ megabytes }) => megabytes),
        bar: { atMost: 300 },
      },
      versus(
        { measure: 5, what: `${what}, against Emmett`, note: `Emmett rebuilt ${theirSize.toLocaleString("en")}` },
        rates,
        runs.map(({ emmett }) => emmett),
        20,
      ),
    ] satisfies ReadonlyArray<Finding>
  }),
}

const Answer = Schema.fromJsonString(Schema.Struct({ seconds: Schema.Number, megabytes: Schema.Number }))

/** What a host in a small container gives to Node; without a limit, V8 takes what the machine has before it collects. */
const limits = ["--max-old-space-size=160", "--max-semi-space-size=8"]

const inChild = (url: string) =>
  Effect.map(Child.answer("RebuildChild.ts", [url], limits), Schema.decodeUnknownSync(Answer))

interface Document {
  readonly [column: string]: unknown
  readonly status: string
  readonly items: number
}

/** The same fold as far as these events go. */
const connections = pongoSingleStreamProjection<Document, Emmett.Event>({
  collectionName: "connections",
  canHandle: ["connected", "synced", "token_refreshed", "authorization_failed", "disconnected"],
  evolve: (document: Document | null, { data, type }: Emmett.Event) => {
    const { items, status } = document ?? { items: 0, status: "pending" }
    switch (type) {
      case "connected":
        return { ...document, ...data, status: "active", items }
      case "synced":
        return { ...document, status, items: items + Number(data["items"]), lastSyncedAt: data["at"] }
      case "token_refreshed":
        return { ...document, status, items, credentialVersion: data["credentialVersion"] }
      case "authorization_failed":
        return { ...document, status: "needs_reauth", items, failure: data["reason"] }
      default:
        return { ...document, status: "disconnected", items }
    }
  },
})

const fillEmmett = (url: string, size: number) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { store } = yield* Emmett.open(url)
      const streams = Map.groupBy(histories(size), ({ streamId }) => streamId)
      yield* Effect.promise(async () => {
        for (const [streamId, lines] of streams) await store.appendToStream(streamId, lines.map(Emmett.eventOf))
      })
    }),
  )

/** Events per second of those that it was given, however many it applied. */
const rebuildEmmett = (url: string, size: number) =>
  pace(
    Effect.promise(async () => {
      const consumer = rebuildPostgreSQLProjections({ connectionString: url, projections: [connections] })
      try {
        await consumer.start()
      } finally {
        await consumer.close()
      }
      return size
    }),
  )
