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
   * What the event does to rows of the tenant wherever they are, whatever their keys: what is forgotten goes, what
   * was pending is posted. Applied before `evolve`, in this order. Where there are many rows, let an index of the view
   * begin with the columns that are named.
   */
  patches?(recorded: Recorded<Event>): ReadonlyArray<Patch<R>>
}

/** All rows of a tenant with some column values get others, or go. */
export interface Patch<R extends Row> {
  /** Columns that have these values; null where there is none. Not by `jsonb`. */
  readonly where: Partial<R>
  /** What these columns become; none of the key. Undefined: the rows go. */
  readonly set: Partial<R> | undefined
}

export interface OwnedPatch<R extends Row> extends Patch<R> {
  readonly tenantId: TenantId
}

/** What a projection can read: a union of tagged events. */
export interface Tagged {
  readonly _tag: string
}

/** A row, or what identifies it, and whose it is. */
export interface Owned<out R> {
  readonly tenantId: TenantId
  readonly row: R
}

/** What events do to the rows. Applied in this order; no key is both deleted and upserted, and each appears once. */
export interface RowChanges<R extends Row> {
  /** Applied one after the other: one may change what the next one finds. */
  readonly patches: ReadonlyArray<OwnedPatch<R>>
  /** The rows with these keys go, where they are there. */
  readonly deletes: ReadonlyArray<Owned<Partial<R>>>
  readonly upserts: ReadonlyArray<Owned<R>>
}

/**
 * A row's address among all tenants' rows, by its key.
 *
 * Text that can be stored has no U+0000, so rows that can be stored have addresses of their own.
 */
export const rowKey = <R extends Row>({ key }: Pick<View<R>, "key">, tenantId: TenantId, row: Partial<R>): string => {
  let address: string = tenantId
  for (const column of key) {
    const value = row[column]
    address += typeof value === "string" ? `\u0000${value}` : `\u0000\u0000${JSON.stringify(value ?? null)}`
  }
  return address
}

/** What identifies a row: its tenant and the columns of the key. */
export const keyOf = <R extends Row>(
  { key }: Pick<View<R>, "key">,
  { row, tenantId }: Owned<Partial<R>>,
): Owned<Partial<R>> => {
  const picked: Partial<R> = {}
  for (const column of key) picked[column] = row[column]
  return { tenantId, row: picked }
}

/** Whether a row has these column values. */
export const matches = <R extends Row>(row: R, values: Partial<R>): boolean => {
  for (const column in values) if (row[column] !== values[column]) return false
  return true
}

/** What is wrong with a patch, whatever its values: a mistake in the projection. */
export const patchProblem = <R extends Row>(
  { columns, key }: Pick<View<R>, "columns" | "key">,
  { set = {}, where }: Patch<R>,
): string | undefined => {
  for (const [column, value] of Object.entries({ ...where, ...set })) {
    if (!Object.hasOwn(columns, column)) return `${column} is no column`
    if (value === undefined) return `${column} has no value`
  }
  for (const column in where) if (columns[column] === "jsonb") return `${column} is jsonb: no row is found by it`
  for (const column of key) if (Object.hasOwn(set, column)) return `${column} is of the key`
  return undefined
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

/** Rows held in memory while events are applied to them. Changed in place. */
export interface Held<R extends Row> {
  readonly rows: Map<string, Owned<R>>
  /** What became of them; not kept where the rows are all there are. */
  readonly changes: Changes<R> | undefined
  /** The rows by columns that patches have named, by the names of these columns. */
  readonly lookups: Map<string, Lookup<R>>
}

interface Changes<R extends Row> {
  readonly upserted: Set<string>
  readonly deleted: Map<string, Owned<Partial<R>>>
  readonly patches: Array<OwnedPatch<R>>
}

interface Lookup<R extends Row> {
  readonly key: ReadonlyArray<keyof R & string>
  readonly addresses: Map<string, Set<string>>
}

/** Some of the rows that a store has. */
export const hold = <R extends Row>(view: Pick<View<R>, "key">, rows: Iterable<Owned<R>>): Held<R> => {
  const changes: Changes<R> = { upserted: new Set(), deleted: new Map(), patches: [] }
  const held: Held<R> = { rows: new Map(), changes, lookups: new Map() }
  for (const owned of rows) held.rows.set(rowKey(view, owned.tenantId, owned.row), owned)
  return held
}

/** All rows, from none on: nothing else has to be told what became of them. */
export const holdAll = <R extends Row>(): Held<R> => ({ rows: new Map(), changes: undefined, lookups: new Map() })

/** Applies one event. All of it, or nothing when the projection throws, which is a bug of the projection. */
export const apply = <R extends Row, Event extends Tagged>(
  projection: Projection<R, Event>,
  held: Held<R>,
  recorded: Recorded<Event>,
  keys: ReadonlyArray<Partial<R>> = projection.touches(recorded),
): void => {
  const { tenantId } = recorded
  const patches = patchesOf(projection, recorded)
  const [only] = keys
  if (only !== undefined && keys.length === 1 && patches.length === 0) {
    const address = rowKey(projection, tenantId, only)
    settle(held, address, tenantId, only, evolved(projection, held.rows.get(address)?.row, recorded, only))
    return
  }

  const after = new Map<string, readonly [key: Partial<R>, row: R | undefined]>()
  for (const key of keys) {
    const address = rowKey(projection, tenantId, key)
    const touched = after.get(address)
    const before = touched === undefined ? patches.reduce(patched<R>, held.rows.get(address)?.row) : touched[1]
    after.set(address, [key, evolved(projection, before, recorded, key)])
  }
  for (const { set, where } of patches) patch(projection, held, { tenantId, where, set })
  for (const [address, [key, row]] of after) settle(held, address, tenantId, key, row)
}

const evolved = <R extends Row, Event extends Tagged>(
  projection: Projection<R, Event>,
  before: R | undefined,
  recorded: Recorded<Event>,
  key: Partial<R>,
): R | undefined => {
  const row = projection.evolve(before, recorded, key)
  if (row === undefined) return undefined
  for (const column of projection.key) {
    if (row[column] !== key[column]) {
      throw new ForeignRow(`${projection.name}: evolve returned a row with another key`)
    }
  }
  return row
}

const settle = <R extends Row>(
  held: Held<R>,
  address: string,
  tenantId: TenantId,
  key: Partial<R>,
  row: R | undefined,
) => {
  if (row === undefined) drop(held, address, { tenantId, row: key })
  else put(held, address, { tenantId, row })
}

/** What the event does to rows wherever they are. Throws when the projection is mistaken. */
export const patchesOf = <R extends Row, Event extends Tagged>(
  projection: Projection<R, Event>,
  recorded: Recorded<Event>,
): ReadonlyArray<Patch<R>> => {
  const patches = projection.patches?.(recorded) ?? none
  for (const patch of patches) {
    const problem = patchProblem(projection, patch)
    if (problem !== undefined) throw new MistakenPatch(`${projection.name}: ${problem}`)
  }
  return patches
}

const none: ReadonlyArray<never> = []

/** Applies a patch: to the rows held now, and later to those that are not. */
export const patch = <R extends Row>(view: Pick<View<R>, "key">, held: Held<R>, patch: OwnedPatch<R>): void => {
  held.changes?.patches.push(patch)
  // Copied: what is patched may leave the set that it was found in.
  for (const address of Array.from(addressesOf(held, patch))) {
    const owned = held.rows.get(address)
    if (owned === undefined || owned.tenantId !== patch.tenantId) continue
    const row = patched(owned.row, patch)
    if (row === undefined) drop(held, address, keyOf(view, owned))
    else if (row !== owned.row) put(held, address, { tenantId: owned.tenantId, row })
  }
}

export const changesOf = <R extends Row>({ changes, rows }: Held<R>): RowChanges<R> => ({
  patches: changes?.patches ?? [],
  deletes: [...(changes?.deleted.values() ?? [])],
  upserts: Array.from(changes?.upserted ?? []).flatMap((address) => rows.get(address) ?? []),
})

/** What a patch makes of a row: the row itself where it is not meant. */
const patched = <R extends Row>(row: R | undefined, { set, where }: Patch<R>): R | undefined => {
  if (row === undefined || !matches(row, where)) return row
  return set === undefined ? undefined : { ...row, ...set }
}

const put = <R extends Row>(held: Held<R>, address: string, owned: Owned<R>) => {
  if (held.lookups.size > 0) lookUpAs(held, address, owned)
  held.rows.set(address, owned)
  held.changes?.upserted.add(address)
  held.changes?.deleted.delete(address)
}

const drop = <R extends Row>(held: Held<R>, address: string, key: Owned<Partial<R>>) => {
  if (held.lookups.size > 0) lookUpAs(held, address, undefined)
  held.rows.delete(address)
  held.changes?.upserted.delete(address)
  held.changes?.deleted.set(address, key)
}

/** Rows that a patch may be meant for. The columns that it names are looked up by from then on. */
const addressesOf = <R extends Row>(held: Held<R>, { tenantId, where }: OwnedPatch<R>): Iterable<string> => {
  const key = Object.keys(where)
  if (key.length === 0) return held.rows.keys()
  const name = key.join()
  let lookup = held.lookups.get(name)
  if (lookup === undefined) {
    lookup = { key, addresses: new Map() }
    held.lookups.set(name, lookup)
    for (const [address, owned] of held.rows) enter(lookup, address, owned)
  }
  return lookup.addresses.get(rowKey(lookup, tenantId, where)) ?? []
}

/** Keeps the lookups right before a row changes. */
const lookUpAs = <R extends Row>(held: Held<R>, address: string, next: Owned<R> | undefined) => {
  const before = held.rows.get(address)
  for (const lookup of held.lookups.values()) {
    if (before !== undefined) leave(lookup, address, before)
    if (next !== undefined) enter(lookup, address, next)
  }
}

const enter = <R extends Row>(lookup: Lookup<R>, address: string, { row, tenantId }: Owned<R>) => {
  const value = rowKey(lookup, tenantId, row)
  const addresses = lookup.addresses.get(value)
  if (addresses === undefined) lookup.addresses.set(value, new Set([address]))
  else addresses.add(address)
}

const leave = <R extends Row>(lookup: Lookup<R>, address: string, { row, tenantId }: Owned<R>) => {
  const value = rowKey(lookup, tenantId, row)
  const addresses = lookup.addresses.get(value)
  addresses?.delete(address)
  if (addresses?.size === 0) lookup.addresses.delete(value)
}

class ForeignRow extends Error {
  override readonly name = "ForeignRow"
}

class MistakenPatch extends Error {
  override readonly name = "MistakenPatch"
}
