/** The whole log out of one store and into another. */
import { EventStore } from "@holdfast/domain"
import { Effect, FileSystem, Stdio, Stream } from "effect"
import { Argument, Command, Flag } from "effect/cli"

import * as PostgresEventLog from "../PostgresEventLog.ts"
import * as Transfer from "../Transfer.ts"
import { Wakeup } from "../Wakeup.ts"
import * as Inputs from "./Inputs.ts"
import * as Opened from "./Opened.ts"
import * as Output from "./Output.ts"
import * as Progress from "./Progress.ts"
import { Projections, Usage } from "./Settings.ts"

const outFile = Argument.String("file").pipe(
  Argument.withDescription("Where to; standard output if it is left out or -"),
  Argument.withSchema(Inputs.fileName),
  Argument.withDefault("-"),
)

const force = Flag.Boolean("force").pipe(
  Flag.withDescription("Replace the file if it is there"),
  Flag.withDefault(false),
  Flag.withoutNegation,
)

export const exportLog = Command.make("export", { file: outFile, force }, ({ file, force }) =>
  Effect.gen(function* () {
    const log = yield* EventStore.EventLog
    const head = Number(yield* log.head)
    const seen = { lines: 0, events: 0 }
    const bytes = (tell: (step: Progress.Step) => Effect.Effect<void>) =>
      Transfer.exportLog.pipe(
        // A chunk at a time: single lines would cost more than they say.
        Stream.chunks,
        Stream.tap((lines) => {
          seen.lines += lines.length
          const position = lines.map(positionOf).findLast((position) => position !== undefined)
          seen.events += lines.filter((line) => positionOf(line) !== undefined).length
          return tell({
            phase: "exporting",
            count: seen.lines,
            unit: "lines",
            ...(position !== undefined && { done: position, of: head }),
          })
        }),
        Stream.map((lines) => `${lines.join("\n")}\n`),
      )

    if (file === "-") {
      const { stdout } = yield* Stdio.Stdio
      return yield* Progress.shown((tell) => Stream.run(bytes(tell), stdout({ endOnDone: false })))
    }
    const fs = yield* FileSystem.FileSystem
    if (!force && (yield* fs.exists(file))) {
      return yield* new Usage({ problem: `${file} is there already: say --force to replace it. Nothing was done.` })
    }
    // It holds wrapped keys, and is whole or not there.
    const unfinished = `${file}.unfinished`
    yield* fs.remove(unfinished, { force: true })
    yield* Progress.shown((tell) =>
      Stream.run(Stream.encodeText(bytes(tell)), fs.sink(unfinished, { mode: 0o600 })),
    ).pipe(
      Effect.andThen(fs.rename(unfinished, file)),
      Effect.onError(() => Effect.ignore(fs.remove(unfinished, { force: true }))),
    )
    yield* Output.print(
      `${Output.plural(seen.events, "event")} exported to ${file}. Personal data in it stays sealed: whoever imports it needs the same master keys.`,
      { file, events: seen.events, lines: seen.lines },
    )
  }).pipe(
    Effect.scoped,
    Effect.provide(PostgresEventLog.layer),
    Effect.provide(Wakeup.layerLocal),
    Effect.provide(Opened.database),
  ),
).pipe(
  Command.withShortDescription("Write the whole log, as JSON lines"),
  Command.withDescription(
    "Writes the whole log as JSON lines: events, claims, remembered commands and wrapped keys, as they are when it begins. Appends go on meanwhile. Not credentials: connections that are imported are authorized anew. JSON (with a file): file, events, lines",
  ),
)

const inFile = Argument.String("file").pipe(
  Argument.withDescription("What `export` wrote; - is standard input"),
  Argument.withSchema(Inputs.fileName),
)

export const importLog = Command.make("import", { file: inFile }, ({ file }) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const stdio = yield* Stdio.Stdio
    const size = file === "-" ? undefined : Number((yield* fs.stat(file)).size)
    const seen = { bytes: 0, lines: 0 }
    const lines = (tell: (step: Progress.Step) => Effect.Effect<void>) =>
      (file === "-" ? stdio.stdin : fs.stream(file, { chunkSize: 1 << 20 })).pipe(
        Stream.tap((bytes) => {
          seen.bytes += bytes.length
          return tell({
            phase: "importing",
            count: seen.lines,
            unit: "lines",
            ...(size !== undefined && { done: seen.bytes, of: size }),
          })
        }),
        Stream.decodeText(),
        Stream.splitLines,
        Stream.chunks,
        Stream.tap((lines) => {
          seen.lines += lines.length
          return Effect.void
        }),
        Stream.flattenIterable,
        // The last line ends with a line feed.
        Stream.filter((line) => line !== ""),
      )
    const { events, from, position } = yield* Progress.shown((tell) => Transfer.importLog(lines(tell)))
    const names = (yield* Projections).map(({ name }) => name)
    yield* Output.print(
      [
        `${Output.plural(events, "event")} of store ${from} imported, up to position ${Output.numeral(position)}.`,
        `Views follow when a host runs, or with: ${names.map((name) => `holdfast rebuild ${name}`).join(", ")}`,
      ].join("\n"),
      { from, events, position },
    )
  }).pipe(Effect.scoped, Effect.provide(Opened.database)),
).pipe(
  Command.withShortDescription("Read a log that was exported, into a new store"),
  Command.withDescription(
    "Reads what `export` wrote into a store that has no events yet, all or nothing; positions, versions and times are kept. Nobody can append meanwhile. JSON: from, events, position",
  ),
)

/** Of a line that is an event. */
const positionOf = (line: string): number | undefined => {
  const match = /^\{"kind":"event","position":"(\d+)"/.exec(line.slice(0, 60))
  return match === null ? undefined : Number(match[1])
}
