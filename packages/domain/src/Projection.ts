/**
 * Read models: what the log says, kept as rows that can be queried.
 *
 * A projection is a pure fold by key: `(row or none, event) → row or none`. It
 * performs no effects and has none to perform, so replaying it is harmless. The
 * same definition runs in memory and in PostgreSQL and must give the same rows.
 */
import { type Schema } from "effect"

import { type EventCodec } from "./EventCodec.ts"
import { type Recorded } from "./EventStore.ts"
import { type TenantId } from "./Ids.ts"

/** How a column is stored: the PostgreSQL type, and the value of the row that goes with it. */
export type ColumnType =
  /** A string without the character U+0000. */
  | "text"
  /** A lower-case string. */
  | "uuid"
  /** An integer of at most 53 bits. */
  | "bigint"
  | "double precision"
  | "boolean"
  /** A string: ISO 8601 in UTC with milliseconds. */
  | "timestamptz"
  /** A string: `YYYY-MM-DD`. */
  | "date"
  /** Any JSON without the character U+0000. */
  | "jsonb"

/** A row as it is stored: one value for each column, null where there is none. */
export type Row = Readonly<Record<string, Schema.Json>>

/** A column of a row whose type allows null is nullable. */
export type Columns<R extends Row> = { readonly [Column in keyof R & string]: ColumnType }

/** What a store has to know of a view to keep its rows. */
export interface View<R extends Row = Row> {
  /** The name of the view: `connections`. */
  readonly name: string
  /**
   * Belongs to the definition: raise it whenever the same history gives other rows or other columns. The new
   * version is then built beside the live one.
   */
  readonly version: number
  readonly columns: Columns<R>
  /** The columns that, with the tenant, identify a row. Never null. */
  readonly key: ReadonlyArray<keyof R & string>
  /** Further lookups that hosts make, each a list of columns. */
  readonly indexes?: ReadonlyArray<ReadonlyArray<keyof R & string>> | undefined
}

/**
 * A view, and the fold that fills it. A module that exports these names is one.
 *
 * It may read streams of several categories: `Event` is then the union of their
 * events, and the stream says which of them a type that both have belongs to.
 */
export interface Projection<R extends Row = Row, Event extends Tagged = Tagged> extends View<R> {
  /** The events it reads, by the category of their streams. Types that the codec does not know are passed over. */
  readonly codecs: Readonly<Record<string, EventCodec<Event>>>
  /** The types it reads, where that is not all that the codecs know. The others are not even loaded. */
  readonly types?: ReadonlyArray<Event["_tag"]> | undefined
  /** Whether it reads personal data. Where it does not, the sealed part is not loaded. */
  readonly personal: boolean
  /** The keys of the rows that an event touches; none when it does not concern the view. */
  touches(recorded: Recorded<Event>): ReadonlyArray<Partial<R>>
  /** What becomes of one touched row: none when it is to be there no more. Total. */
  evolve(row: R | undefined, recorded: Recorded<Event>, key: Partial<R>): R | undefined
  /**
   * Rows of the tenant that an event removes wherever they are, by the value of their columns: what is forgotten.
   * Applied before `evolve`.
   */
  removes?(recorded: Recorded<Event>): Partial<R> | undefined
}

interface Tagged {
  readonly _tag: string
}

/** A row, or what identifies it, and whose it is. */
export interface Owned<out R> {
  readonly tenantId: TenantId
  readonly row: R
}

/** What events do to the rows. Applied in this order; no key is both deleted and upserted, and each appears once. */
export interface RowChanges<R extends Row> {
  /** All rows with these column values go. */
  readonly removes: ReadonlyArray<Owned<Partial<R>>>
  /** The rows with these keys go, where they are there. */
  readonly deletes: ReadonlyArray<Owned<Partial<R>>>
  readonly upserts: ReadonlyArray<Owned<R>>
}

/** A row's address among all tenants' rows. */
export const rowKey = <R extends Row>({ key }: Pick<View<R>, "key">, tenantId: TenantId, row: Partial<R>): string => {
  let address = JSON.stringify(tenantId)
  for (const column of key) address += `,${JSON.stringify(row[column] ?? null)}`
  return address
}

/** What becomes of rows when events are applied to them in order. */
export const fold = <R extends Row, Event extends Tagged>(
  projection: Projection<R, Event>,
  rows: Iterable<Owned<R>>,
  events: Iterable<Recorded<Event>>,
): RowChanges<R> => {
  const held = hold(projection, rows)
  for (const recorded of events) apply(projection, held, recorded)
  return changesOf(held)
}

/** Rows held in memory while events are applied to them, with what became of them. Changed in place. */
export interface Held<R extends Row> {
  readonly rows: Map<string, Owned<R>>
  readonly changed: Set<string>
  readonly gone: Map<string, Owned<Partial<R>>>
  readonly removes: Array<Owned<Partial<R>>>
}

export const hold = <R extends Row>(view: Pick<View<R>, "key">, rows: Iterable<Owned<R>>): Held<R> => {
  const held: Held<R> = { rows: new Map(), changed: new Set(), gone: new Map(), removes: [] }
  for (const owned of rows) held.rows.set(rowKey(view, owned.tenantId, owned.row), owned)
  return held
}

/** Applies one event. All of it, or nothing when the projection throws, which is a bug of the projection. */
export const apply = <R extends Row, Event extends Tagged>(
  projection: Projection<R, Event>,
  held: Held<R>,
  recorded: Recorded<Event>,
  keys: ReadonlyArray<Partial<R>> = projection.touches(recorded),
): void => {
  const { tenantId } = recorded
  const removed = projection.removes?.(recorded)
  const after: Array<readonly [address: string, key: Partial<R>, row: R | undefined]> = []
  const touchedBefore = keys.length > 1 ? new Map<string, R | undefined>() : undefined
  for (const key of keys) {
    const address = rowKey(projection, tenantId, key)
    const before = held.rows.get(address)?.row
    const standing = before !== undefined && removed !== undefined && matches(before, removed) ? undefined : before
    const row = projection.evolve(touchedBefore?.has(address) ? touchedBefore.get(address) : standing, recorded, key)
    if (row !== undefined && projection.key.some((column) => row[column] !== key[column])) {
      throw new ForeignRow(`${projection.name}: evolve returned a row with another key`)
    }
    touchedBefore?.set(address, row)
    after.push([address, key, row])
  }

  if (removed !== undefined) remove(held, { tenantId, row: removed })
  for (const [address, key, row] of after) {
    if (row === undefined) {
      held.rows.delete(address)
      held.changed.delete(address)
      held.gone.set(address, { tenantId, row: key })
    } else {
      held.rows.set(address, { tenantId, row })
      held.changed.add(address)
      held.gone.delete(address)
    }
  }
}

/** Removes the rows with these column values: of those held now, and later of those that are not. */
export const remove = <R extends Row>(held: Held<R>, removed: Owned<Partial<R>>): void => {
  held.removes.push(removed)
  for (const [address, owned] of held.rows) {
    if (owned.tenantId !== removed.tenantId || !matches(owned.row, removed.row)) continue
    held.rows.delete(address)
    held.changed.delete(address)
    held.gone.set(address, owned)
  }
}

export const changesOf = <R extends Row>({ changed, gone, removes, rows }: Held<R>): RowChanges<R> => ({
  removes,
  deletes: [...gone.values()],
  upserts: [...changed].flatMap((address) => rows.get(address) ?? []),
})

/** Whether a row has these column values. */
export const matches = <R extends Row>(row: R, values: Partial<R>): boolean =>
  Object.keys(values).every((column) => row[column] === values[column])

class ForeignRow extends Error {
  override readonly name = "ForeignRow"
}
