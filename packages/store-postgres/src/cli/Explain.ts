/**
 * Says what went wrong in a sentence or two: what is known now, and what to do. Never a stack, never a row, never a
 * secret: errors whose text is not ours are told by their class.
 */
import { EventStore } from "@holdfast/domain"
import { Cause, PlatformError, Predicate } from "effect"
import { SqlError } from "effect/sql"

import { MigrationFailed } from "../Migrations.ts"
import { unavailable } from "../Unavailable.ts"

export interface Explained {
  /** Stable: the name of the error. */
  readonly error: string
  readonly message: string
}

export const explain = (cause: Cause.Cause<unknown>): Explained => {
  const failure = cause.reasons.find(Cause.isFailReason)
  if (failure === undefined) {
    return {
      error: "Defect",
      message: `This is a mistake in the program (${classOf(Cause.squash(cause))}). What was being done may be half done; asking holdfast doctor tells.`,
    }
  }
  const { error } = failure
  if (SqlError.isSqlError(error)) {
    return { error: "DatabaseUnavailable", message: databaseMessage(unavailable(error)) }
  }
  if (error instanceof EventStore.EventStoreUnavailable) {
    return { error: "DatabaseUnavailable", message: databaseMessage(error) }
  }
  if (error instanceof MigrationFailed && error.number === undefined) {
    return {
      error: "DatabaseUnavailable",
      message: databaseMessage({ reason: error.reason, outcome: "nothing-written" }),
    }
  }
  if (!Predicate.hasProperty(error, "_tag") || typeof error._tag !== "string") {
    return { error: "Failed", message: `It failed (${classOf(error)}). Run holdfast doctor to see how things are.` }
  }
  return { error: error._tag, message: messageOf(error._tag, error) }
}

const messageOf = (tag: string, error: object): string => {
  const field = (name: string) => (Predicate.hasProperty(error, name) ? String(error[name]) : "?")
  switch (tag) {
    case "BuildNotReady":
      return `${field("view")}: ${buildProblems[field("problem")] ?? field("problem")}. Nothing was changed.`
    case "RebuildNeeded":
      return `${field("view")} is live in version ${field("live")}, and this program has version ${field("mine")}. Run: holdfast rebuild ${field("view")}`
    case "OutdatedProjection":
      return `${field("view")} is live in version ${field("live")}, newer than version ${field("mine")} of this program. Run the newer program. Nothing was written.`
    case "ProjectionChanged":
      return `${field("view")} has other columns than its version ${field("version")} in this program. Give the definition a new version. Nothing was written.`
    case "ProjectionPaused":
      return `${field("view")} waits at position ${field("position")}: ${field("reason")}. Mend the projection and run: holdfast retry ${field("view")}`
    case "PoisonEvent":
      return `${field("view")} cannot apply the ${field("type")} at position ${field("position")}: ${field("problem")}. What is live stays as it was; mend the projection and ask again.`
    case "RebuildTakenOver":
      return `Another rebuild of ${field("view")} took over, and goes on. Nothing is lost.`
    case "CheckpointMoved":
      return `${field("view")} was advanced by another runner meanwhile. Nothing was written; ask again.`
    case "RowsRefused":
      return `A row of ${field("view")} cannot be stored: ${field("problem")}. Nothing was written.`
    case "NoDeadLetter":
      return `${field("view")} passed nothing over at position ${field("position")}. See: holdfast doctor`
    case "ConnectionNotReady":
      return `The connection is ${field("status")}, so this cannot be done to it. Nothing was written.`
    case "ClaimConflict":
      return `What the connection needs is held by ${field("holder")}. Nothing was written.`
    case "VersionConflict":
      return "Others were faster ten times in a row. Nothing was written; ask again."
    case "SealingError":
      return sealingProblems[field("reason")] ?? "Personal data cannot be read."
    case "UnreadableEvent":
      return `Version ${field("version")} of ${field("streamId")} (${field("type")}) cannot be read: ${field("problem")}. A newer program may.`
    case "InvalidMasterKeys":
      return `The master keys cannot be used. ${field("problem")}. Nothing was read or written.`
    case "CannotOpen":
      return `The embedded database in ${field("dataDir")} cannot be opened: --data-dir, or HOLDFAST_DIR without it, has to name a directory of this user's, on a disk that is not full. What was committed is untouched.`
    case "ConfigError":
      return "A setting of the environment cannot be read. Nothing was done."
    case "PlatformError":
      return `${pathIn(error) ?? "The file"} cannot be read or written. See that it is there, that it is a file, and that it is this user's.`
  }
  // The rest are our own errors, which say it themselves.
  const said = error instanceof Error ? error.message : ""
  return said === "" || said === tag ? `It failed (${tag}). Run holdfast doctor to see how things are.` : said
}

/** Which file it was about: whoever asked has named it. */
const pathIn = (error: object) =>
  error instanceof PlatformError.PlatformError && error.reason._tag !== "BadArgument"
    ? error.reason.pathOrDescriptor
    : undefined

const sealingProblems: Readonly<Record<string, string>> = {
  "unknown-master-key":
    "Personal data cannot be read: it was sealed under a master key that is not given. Give that one, too.",
  damaged:
    "Personal data cannot be read: it is damaged, or stands elsewhere than it was sealed for. Restore it from a backup.",
  forgotten: "Nothing more can be recorded of what was forgotten. Nothing was written.",
}

const buildProblems: Readonly<Record<string, string>> = {
  "no-live-build": "no build of it is live. Start a host that runs it, or rebuild it",
  "not-building": "no build of it is being made",
  "behind-the-live-build": "the build is behind the live one",
  "nothing-retired": "there is no build to go back to",
  live: "the build is live",
  "not-paused": "it is not paused",
}

const databaseMessage = ({ outcome, reason }: Pick<EventStore.EventStoreUnavailable, "outcome" | "reason">) => {
  const [kind = "", state] = reason.split(" ")
  return explainDatabase(kind, state, outcome === "nothing-written")
}

/** What the database's class of failure and SQLSTATE say, and what became of what was being done. */
const explainDatabase = (kind: string, state: string | undefined, isUndone: boolean): string => {
  const outcome = isUndone
    ? "Nothing was written."
    : "What was asked may have happened all the same; look before you ask again."
  switch (state) {
    case "28P01":
    case "28000":
      return `PostgreSQL does not let this login in: see the user and the password. ${outcome}`
    case "3D000":
      return `PostgreSQL has no database of that name. ${outcome}`
    case "42501":
    case "22023":
      return `The login has not the rights of holdfast_app and holdfast_runner. Let an administrator GRANT them to it. ${outcome}`
    case undefined:
      return isUndone
        ? `PostgreSQL cannot be reached: see the address, and that the server runs. ${outcome}`
        : `PostgreSQL did not answer (${kind}). ${outcome}`
    default:
      return `PostgreSQL refused (${kind} ${state}). ${outcome}`
  }
}

const classOf = (value: unknown) => (value instanceof Error ? value.constructor.name : typeof value)
