/**
 * Follows the log and notes every position it was given, in a file that is also its checkpoint.
 */
import { existsSync, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs"

import { EventStore } from "@holdfast/domain"
import { Effect, Stream } from "effect"

import { RunnerSql } from "../src/RunnerSql.ts"
import { type Random } from "./Random.ts"

export interface Options {
  readonly notes: string
  readonly categories?: ReadonlyArray<string> | undefined
  /** Whether it dawdles between pages. */
  readonly slow: boolean
  readonly random: Random
}

export const run = Effect.fn("Reader.run")(function* ({ categories, notes: path, random, slow }: Options) {
  const log = yield* EventStore.EventLog
  const notes = open(path)
  yield* Stream.runForEachArray(log.follow(notes.checkpoint, { categories }), (page) => {
    notes.add(page.map(({ position }) => position))
    return slow ? Effect.sleep(`${random.between(0, 200)} millis`) : Effect.void
  })
})

/** What many do: ask for what is beyond the checkpoint. It loses what commits late, and shows what the fence is for. */
export const runNaively = Effect.fn("Reader.runNaively")(function* ({ notes: path }: Options) {
  const sql = yield* RunnerSql
  const notes = open(path)
  let { checkpoint } = notes
  while (true) {
    const rows = yield* Effect.orElseSucceed(
      sql<{ position: EventStore.Position }>`
        SELECT position FROM holdfast.events WHERE position > ${checkpoint} ORDER BY position LIMIT 1000`,
      () => [],
    )
    notes.add(rows.map(({ position }) => position))
    checkpoint = rows.at(-1)?.position ?? checkpoint
    if (rows.length === 0) yield* Effect.sleep("5 millis")
  }
})

/** The positions in a file, in the order in which they were delivered. */
export const read = (path: string): BigInt64Array => {
  const bytes = existsSync(path) ? readFileSync(path) : Buffer.alloc(0)
  const positions = new BigInt64Array(Math.floor(bytes.length / size))
  for (let index = 0; index < positions.length; index++) positions[index] = bytes.readBigInt64LE(index * size)
  return positions
}

const size = 8

const open = (path: string) => {
  const before = read(path)
  const file = openSync(path, "a")
  // A kill may have cut the last note short; what it was about is delivered again.
  ftruncateSync(file, before.length * size)
  return {
    checkpoint: EventStore.Position.make(before.at(-1) ?? 0n),
    add: (positions: ReadonlyArray<bigint>) => {
      const bytes = Buffer.alloc(positions.length * size)
      for (const [index, position] of positions.entries()) bytes.writeBigInt64LE(position, index * size)
      writeSync(file, bytes)
    },
  }
}
