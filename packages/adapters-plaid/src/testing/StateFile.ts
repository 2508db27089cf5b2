/**
 * Where a world is kept between processes: one JSON file, written soon after each change and whole or not at all.
 *
 * A process may be killed at any moment; a file of a world that was is there then. It is not made to survive the machine.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs"

import { Effect, Schema } from "effect"

import { BankChange } from "./Bank.ts"
import { Said } from "./SimulatedItem.ts"
import { Outline } from "./SimulatedPlaid.ts"

/** The file is there and was not understood. It was left as it is, and nothing was served. */
export class StateFileRefused extends Schema.TaggedError<StateFileRefused>()("StateFileRefused", {
  file: Schema.String,
  reason: Schema.Literals(["malformed", "of another version"]),
}) {
  override get message() {
    return `The state file ${this.file} is ${this.reason}: move it away to begin a new world`
  }
}

const version = 1

const Kept = Schema.Struct({
  version: Schema.Literal(version),
  /** Milliseconds between the program's clock and the world's time. */
  clockOffset: Schema.Finite,
  /** All that is small, by which a world that changed is told from one that did not. */
  outline: Outline,
  /** What happened in each account of a bank. */
  changes: Schema.Record(Schema.String, Schema.Array(BankChange)),
  /** What each Item said of it. */
  said: Schema.Record(Schema.String, Said),
})
export type Kept = typeof Kept.Type

/** The world of a file; none if there is no file. */
export const read = (file: string): Effect.Effect<Kept | undefined, StateFileRefused> =>
  Effect.gen(function* () {
    if (!existsSync(file)) return undefined
    const text = yield* Effect.sync(() => readFileSync(file, "utf8"))
    const { version: found } = yield* Schema.decodeEffect(Versioned)(text)
    if (found !== version) return yield* new StateFileRefused({ file, reason: "of another version" })
    return yield* Schema.decodeEffect(KeptText)(text)
  }).pipe(Effect.catchTag("SchemaError", () => Effect.fail(new StateFileRefused({ file, reason: "malformed" }))))

const Versioned = Schema.fromJsonString(Schema.Struct({ version: Schema.Unknown }))
const KeptText = Schema.fromJsonString(Kept)

/** What there is to keep: its outline is asked for often, the rest only when that has changed. */
export interface Source {
  readonly outline: () => Pick<Kept, "clockOffset" | "outline">
  readonly rest: () => Pick<Kept, "changes" | "said">
}

export class Keeper {
  private readonly file: string
  private readonly source: Source
  private kept = ""
  private lasted = 0
  private timer: NodeJS.Timeout | undefined
  private waiting: ReadonlyArray<() => void> = []

  constructor(file: string, source: Source) {
    this.file = file
    this.source = source
  }

  /** Something may have changed. A burst is written once, and a large world spends most of its time on other things. */
  soon() {
    this.timer ??= setTimeout(() => this.flush(), Math.max(20, 4 * this.lasted))
  }

  /** Until all that happened is in the file; at once where it is already. */
  readonly saved: Effect.Effect<void> = Effect.suspend(() =>
    this.outline() === this.kept
      ? Effect.void
      : Effect.callback<void>((resume) => {
          if (this.waiting.length === 0) setImmediate(() => this.flush())
          this.waiting = [...this.waiting, () => resume(Effect.void)]
        }),
  )

  /** Renamed into its place, so that no reader ever meets half of it. What cannot be written ends the program. */
  flush() {
    clearTimeout(this.timer)
    this.timer = undefined
    const outline = this.outline()
    if (outline !== this.kept) {
      const began = performance.now()
      const { changes, said } = this.source.rest()
      const next = `${this.file}.next`
      writeFileSync(
        next,
        `${outline.slice(0, -1)},"changes":${JSON.stringify(changes)},"said":${JSON.stringify(said)}}`,
        {
          mode: 0o600,
        },
      )
      renameSync(next, this.file)
      this.kept = outline
      this.lasted = performance.now() - began
    }
    const done = this.waiting
    this.waiting = []
    for (const resume of done) resume()
  }

  private outline() {
    return JSON.stringify({ version, ...this.source.outline() })
  }
}
