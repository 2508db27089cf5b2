/**
 * A cache of the connections in use, in another process than the server's, that
 * is never wrong for longer than a change takes to arrive.
 *
 * What is cached, and the position up to which changes were heard, are one file:
 * after a restart, whatever changed meanwhile is dropped before it is believed.
 * Run it beside `npm start`, and watch it drop entries.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs"

import { NodeRuntime } from "@effect/platform-node"
import { ChangeFeed, EventStore, Ids } from "@holdfast/domain"
import { Console, Effect, Option, Schedule, Schema, Stream } from "effect"
import { FetchHttpClient, HttpClient, HttpClientResponse } from "effect/http"

export interface Options {
  readonly server: string
  readonly file: string
  /** Whose connections are cached. */
  readonly tenantId: string
  readonly onDrop?: ((change: ChangeFeed.Change) => Effect.Effect<void>) | undefined
}

export interface Cache {
  /** The connection that an owner uses at a provider; none when there is none. Asks the server only once. */
  readonly active: (who: Who) => Effect.Effect<Ids.ConnectionId | undefined, unknown, HttpClient.HttpClient>
  /** Hears of changes and drops what they are about, for ever, through every outage. */
  readonly follow: Effect.Effect<void, never, HttpClient.HttpClient>
}

export interface Who {
  readonly ownerId: string
  readonly provider: string
}

export const open = (options: Options): Cache => {
  let { entries, position } = read(options.file)
  let drops = 0

  const write = () => {
    writeFileSync(`${options.file}.new`, encode({ entries, position }))
    renameSync(`${options.file}.new`, options.file)
  }

  const drop = (change: ChangeFeed.Change) =>
    Effect.gen(function* () {
      const gone = Object.keys(entries).filter((key) => entries[key] === change.connectionId)
      entries = Object.fromEntries(Object.entries(entries).filter(([key]) => !gone.includes(key)))
      position = EventStore.Position.make(change.position)
      drops += 1
      write()
      if (gone.length > 0) yield* options.onDrop?.(change) ?? Effect.void
    })

  const active = Effect.fn("cacheInvalidator.active")(function* (who: Who) {
    const key = JSON.stringify([who.ownerId, who.provider])
    const held = entries[key]
    if (held !== undefined) return held
    const dropsBefore = drops
    const answer = yield* HttpClient.get(`${options.server}/api/connections/active`, {
      urlParams: { provider: who.provider },
      headers: { "x-tenant-id": options.tenantId, "x-user-id": who.ownerId },
    })
    if (answer.status === 404) return undefined
    const { connection_id } = yield* toActive(answer)
    // What changed while it was asked for may be about this very answer: then it is used, and not kept.
    if (drops === dropsBefore) {
      entries = { ...entries, [key]: connection_id }
      write()
    }
    return connection_id
  })

  const follow = Effect.suspend(() =>
    HttpClient.get(`${options.server}/api/changes`, {
      urlParams: { after: position },
      headers: { "x-tenant-id": options.tenantId },
    }),
  ).pipe(
    Effect.flatMap(HttpClientResponse.filterStatusOk),
    Effect.flatMap(({ stream }) =>
      stream.pipe(
        Stream.decodeText(),
        Stream.splitLines,
        Stream.filter((line) => line.startsWith("data: ")),
        Stream.mapEffect((line) => decodeChange(line.slice("data: ".length))),
        Stream.runForEach(drop),
      ),
    ),
    Effect.ignore,
    Effect.repeat(Schedule.spaced("1 second")),
    Effect.asVoid,
  )

  return { active, follow }
}

const Kept = Schema.fromJsonString(
  Schema.Struct({
    position: Schema.BigIntFromString.pipe(Schema.decodeTo(EventStore.Position)),
    entries: Schema.Record(Schema.String, Ids.ConnectionId),
  }),
)
const encode = Schema.encodeSync(Kept)

const read = (file: string): typeof Kept.Type =>
  existsSync(file)
    ? Schema.decodeSync(Kept)(readFileSync(file, "utf8"))
    : { position: EventStore.beginning, entries: {} }

const decodeChange = Schema.decodeEffect(Schema.fromJsonString(ChangeFeed.Change))

const toActive = HttpClientResponse.schemaBodyJson(Schema.Struct({ connection_id: Ids.ConnectionId }))

if (import.meta.main) {
  const cache = open({
    server: process.env["HOLDFAST_URL"] ?? "http://localhost:3000",
    file: ".holdfast/cache.json",
    tenantId: "demo",
    onDrop: ({ change, connectionId }) => Console.log(`dropped ${connectionId}: ${change}`),
  })
  const asking = Effect.gen(function* () {
    const active = yield* Effect.option(cache.active({ ownerId: "ada", provider: "gmail" }))
    yield* Console.log(`Ada uses ${Option.getOrUndefined(active) ?? "no mailbox"}`)
  })
  NodeRuntime.runMain(
    Effect.all([cache.follow, Effect.repeat(asking, Schedule.spaced("5 seconds"))], { concurrency: "unbounded" }).pipe(
      Effect.provide(FetchHttpClient.layer),
    ),
  )
}
