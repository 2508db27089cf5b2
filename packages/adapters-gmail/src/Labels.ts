/**
 * Which label of a mailbox a connection watches.
 *
 * A person names it, Google knows it by an id that never changes. So the name is looked up once, and the id is pinned
 * beside it: from then on a rename is followed, and a label of the same name that was made anew is noticed, because it
 * is another label. Nothing is guessed: a name that is not there is answered with the names that it may have meant.
 *
 * The names of labels are personal data. Here they stand in fields of their own, redacted, and in no message.
 */
import { type Connection, type Provider } from "@holdfast/domain"
import { Redacted, Result, Schema } from "effect"

import { type Label, LabelId } from "./GmailApi.ts"

/** The setting that names the label to watch, as the person sees it, with its path. */
export const nameSetting = "label"

/** The setting that pins the label, once it was found. Whoever sets another name must leave it out. */
export const idSetting = "labelId"

/** What a connection watches, or is to watch. */
export interface Wanted {
  readonly name?: string | undefined
  readonly id?: LabelId | undefined
}

/** A label that is there. */
export interface Resolved extends Label {
  /** It is the pinned one, and is not called any more what the settings say: its name is the one to go on with. */
  readonly renamed: boolean
}

/** No label was chosen yet. Asking again helps once there is one. */
export class LabelNotConfigured extends Schema.TaggedError<LabelNotConfigured>()("LabelNotConfigured", {}) {}

/** It is one of Google's own labels that hold no mail which a mailbox received and kept. Choose another one. */
export class LabelRefused extends Schema.TaggedError<LabelRefused>()("LabelRefused", {
  name: Schema.Literals(["SPAM", "TRASH", "DRAFT", "SENT", "CHAT"]),
}) {}

/** The mailbox has no label of this name. Asking again helps once it was made there, or another one was chosen. */
export class LabelNotFound extends Schema.TaggedError<LabelNotFound>()("LabelNotFound", {
  /** Names that it may have meant, the likeliest first, five at most. Personal data. */
  near: Schema.Redacted(Schema.Array(Schema.String)),
}) {
  override get message() {
    return "The mailbox has no label of this name"
  }
}

/**
 * The label is not free to be watched. Nothing was changed.
 *
 * - `held`: another owner's live connection of the tenant watches it. It is free again once that one is over.
 * - `recreated`: the pinned label is gone, and its name belongs to a new one. A person has to say that this is meant.
 */
export class LabelConflict extends Schema.TaggedError<LabelConflict>()("LabelConflict", {
  conflict: Schema.Literals(["held", "recreated"]),
  /** The label that has the name now. */
  found: LabelId,
}) {
  override get message() {
    return this.conflict === "held"
      ? "Another owner's connection watches this label"
      : "The label was deleted, and another one has its name"
  }
}

export type Problem = LabelNotConfigured | LabelRefused | LabelNotFound | LabelConflict

/** What the settings of a connection want. */
export const wantedOf = (settings: Connection.Settings): Wanted => {
  const { [idSetting]: id, [nameSetting]: name } = settings
  return {
    ...(typeof name === "string" && name.trim() !== "" && { name }),
    ...(typeof id === "string" && id !== "" && { id: LabelId.make(id) }),
  }
}

/** The settings of a connection that watches this label from now on. */
export const pinned = (settings: Connection.Settings, { id, name }: Label): Connection.Settings => ({
  ...settings,
  [nameSetting]: name,
  [idSetting]: id,
})

/** Fails where no mailbox needs to be asked to know that this cannot be watched. */
export const check = (wanted: Wanted): Result.Result<Wanted, LabelNotConfigured | LabelRefused> => {
  if (wanted.name === undefined && wanted.id === undefined) return Result.fail(new LabelNotConfigured())
  const refused = refusedNames.find((name) => name === wanted.id || name === fold(wanted.name ?? "").toUpperCase())
  return refused === undefined ? Result.succeed(wanted) : Result.fail(new LabelRefused({ name: refused }))
}

/**
 * Finds the label among those of the mailbox: the pinned one whatever it is called, otherwise the one of this name.
 * Names are compared with their whole path and without regard to case, since Google keeps them apart no further.
 */
export const resolve = (labels: ReadonlyArray<Label>, wanted: Wanted): Result.Result<Resolved, Problem> => {
  const checked = check(wanted)
  if (Result.isFailure(checked)) return Result.fail(checked.failure)
  const { id, name } = wanted
  const held = id === undefined ? undefined : labels.find((label) => label.id === id)
  if (held !== undefined) return Result.succeed({ ...held, renamed: name !== undefined && name !== held.name })

  const named = name === undefined ? undefined : byName(labels, name)
  if (named === undefined) return Result.fail(new LabelNotFound({ near: Redacted.make(near(labels, name ?? "")) }))
  if (id !== undefined) return Result.fail(new LabelConflict({ conflict: "recreated", found: named.id }))
  return Result.succeed({ ...named, renamed: false })
}

/** Google keeps no two labels apart by case. */
export const isSameName = (one: string, other: string): boolean => fold(one) === fold(other)

/** A label as the feed that a connection delivers. What it is called now goes into the settings. */
export const sourceOf = (settings: Connection.Settings, label: Label): Provider.Source => ({
  key: label.id,
  // A message has one id in its mailbox, whatever labels it bears.
  sharesIds: true,
  settings: pinned(settings, label),
})

/** Those that can be watched. */
export const choices = (labels: ReadonlyArray<Label>): ReadonlyArray<Label> =>
  labels.filter(({ id, name }) => Result.isSuccess(check({ id, name })))

const refusedNames = LabelRefused.fields.name.literals

/** Two labels whose names differ in nothing but case do not exist, unless by composed and decomposed letters. */
const byName = (labels: ReadonlyArray<Label>, name: string) => {
  const exact = labels.find((label) => label.name === name)
  if (exact !== undefined) return exact
  const folded = labels.filter((label) => fold(label.name) === fold(name))
  return folded.length === 1 ? folded[0] : undefined
}

const fold = (name: string) => name.normalize("NFC").toLowerCase()

/** A suggestion that is further away is none. */
const nearAtMost = 5

/** Names like this one: the same leaf under another parent, or a few letters off, as a whole or at the leaf. */
const near = (labels: ReadonlyArray<Label>, wanted: string): ReadonlyArray<string> => {
  const name = fold(wanted).slice(0, longest)
  if (name === "") return []
  const reach = Math.min(3, Math.max(1, Math.floor(name.length / 3)))
  return choices(labels)
    .flatMap((label) => {
      const other = fold(label.name).slice(0, longest)
      const whole = distance(name, other, reach)
      const leaf = distance(leafOf(name), leafOf(other), Math.min(reach, whole))
      const apart = Math.min(whole, leaf)
      return apart > reach ? [] : [{ name: label.name, apart }]
    })
    .toSorted((a, b) => a.apart - b.apart || (a.name < b.name ? -1 : 1))
    .slice(0, nearAtMost)
    .map(({ name }) => name)
}

/** Characters: Google allows 225. */
const longest = 225

const leafOf = (name: string) => name.slice(name.lastIndexOf("/") + 1)

/** Letters to insert, delete or replace (Levenshtein); `reach + 1` for anything beyond reach. */
const distance = (a: string, b: string, reach: number): number => {
  if (Math.abs(a.length - b.length) > reach) return reach + 1
  let above = Array.from({ length: b.length + 2 }, (_, column) => column)
  let line = above.slice()
  for (let row = 1; row <= a.length; row++) {
    // Nothing that strays further from the diagonal comes back within reach.
    const from = Math.max(1, row - reach)
    const to = Math.min(b.length, row + reach)
    line[from - 1] = from === 1 ? row : beyond
    line[to + 1] = beyond
    for (let column = from; column <= to; column++) {
      const replaced = (above[column - 1] ?? beyond) + (a[row - 1] === b[column - 1] ? 0 : 1)
      line[column] = Math.min(replaced, (above[column] ?? beyond) + 1, (line[column - 1] ?? beyond) + 1)
    }
    ;[above, line] = [line, above]
  }
  return Math.min(above[b.length] ?? beyond, reach + 1)
}

const beyond = 1_000
