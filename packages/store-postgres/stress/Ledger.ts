/**
 * What a writer knows of its appends, in a file that outlives it: a line is written before every try and after it.
 */
import { appendFileSync, closeSync, existsSync, openSync, readFileSync, writeSync } from "node:fs"

import { type EventStore } from "@holdfast/domain"
import { Option, Schema } from "effect"

import { Plan } from "./Plan.ts"

/** How a try ended, as the store said. */
export const Outcome = Schema.TaggedUnion({
  Acknowledged: { position: Schema.BigIntFromString, versions: Schema.Array(Schema.Natural), repeated: Schema.Boolean },
  /** A conflict: nothing was written. */
  Refused: { problem: Schema.String },
  /** The host's own transaction was rolled back. */
  RolledBack: {},
  /** Unavailable, and sure that nothing was written. */
  NothingWritten: { reason: Schema.String },
  /** Unavailable, and not sure. */
  Unknown: { reason: Schema.String },
  /** What the store must not answer. */
  Impossible: { problem: Schema.String },
})
export type Outcome = typeof Outcome.Type

const Note = Schema.TaggedUnion({
  Tried: { attempt: Schema.Int, plan: Plan },
  Ended: { key: Schema.String, attempt: Schema.Int, outcome: Outcome },
})
type Note = typeof Note.Type

/** A plan and the tries of it; a try without an outcome was cut short by a kill. */
export interface Account {
  readonly plan: Plan
  readonly tries: ReadonlyMap<number, Outcome | undefined>
}

/** Whether it is known for good that the append happened, or that it did not. */
export const isSettled = ({ plan, tries }: Account): boolean => {
  const outcomes = [...tries.values()]
  if (outcomes.some((outcome) => outcome?._tag === "Acknowledged" || outcome?._tag === "Refused")) return true
  return !plan.keyed || outcomes.every((outcome) => outcome !== undefined && outcome._tag !== "Unknown")
}

/** All accounts in the files, by key. */
export const read = (paths: ReadonlyArray<string>): ReadonlyMap<string, Account> => {
  const accounts = new Map<string, { readonly plan: Plan; readonly tries: Map<number, Outcome | undefined> }>()
  for (const line of paths.flatMap((path) => (existsSync(path) ? readFileSync(path, "utf8").split("\n") : []))) {
    // A kill may have cut a line off: what it was about to say was not yet done, or is not known.
    const note = Option.getOrUndefined(decode(line))
    if (note === undefined) continue
    if (note._tag === "Tried") {
      const account = accounts.get(note.plan.key) ?? { plan: note.plan, tries: new Map() }
      accounts.set(note.plan.key, account)
      account.tries.set(note.attempt, undefined)
    } else {
      accounts.get(note.key)?.tries.set(note.attempt, note.outcome)
    }
  }
  return accounts
}

export const open = (path: string) => {
  // After a line that was cut off.
  appendFileSync(path, "\n")
  const file = openSync(path, "a")
  const write = (note: Note) => {
    writeSync(file, `${JSON.stringify(encode(note))}\n`)
  }
  return {
    tried: (plan: Plan, attempt: number) => write({ _tag: "Tried", attempt, plan }),
    ended: (plan: Plan, attempt: number, outcome: Outcome) => write({ _tag: "Ended", key: plan.key, attempt, outcome }),
    close: () => closeSync(file),
  }
}

/** What the answer of the store means. */
export const outcomeOf = (
  answer:
    | { readonly _tag: "Success"; readonly success: EventStore.Appended }
    | { readonly _tag: "Failure"; readonly failure: EventStore.AppendError },
): Outcome => {
  if (answer._tag === "Success") return { _tag: "Acknowledged", ...answer.success }
  const { failure } = answer
  switch (failure._tag) {
    case "VersionConflict":
    case "ClaimConflict":
      return { _tag: "Refused", problem: failure._tag }
    case "EventStoreUnavailable":
      return { _tag: failure.outcome === "unknown" ? "Unknown" : "NothingWritten", reason: failure.reason }
    default:
      return { _tag: "Impossible", problem: failure._tag }
  }
}

const NoteLine = Schema.fromJsonString(Note)

const decode = Schema.decodeUnknownOption(NoteLine)

const encode = Schema.encodeSync(Note)
