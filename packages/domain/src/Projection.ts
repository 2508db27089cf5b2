/**
 * Read models: what the log says, kept as rows that can be queried.
 *
 * A projection is a pure fold by key: `(row or none, event) → row or none`. It
 * performs no effects and has none to perform, so replaying it is harmless. The
 * same definition runs in memory and in PostgreSQL and must give the same rows.
 */
import { Schema } from "effect"

import { type EventCodec } from "./EventCodec.ts"
import { type Recorded } from "./EventStore.ts"
import { type TenantId } from "./Ids.ts"

/** How a column is stored: the PostgreSQL type, and the value of the row that goes with it. */
export type ColumnType =
  /** A string. */
  | "text"
  | "uuid"
  /** An integer of at most 53 bits. */
  | "bigint"
  | "double precision"
  | "boolean"
  /** A string: ISO 8601 in UTC with milliseconds. */
  | "timestamptz"
  /** A string: `YYYY-MM-DD`. */
  | "date"
  /** Any JSON. */
  | "jsonb"

/** A row as it is stored: one value for each column, null where there is none. */
export type Row = Readonly<Record<string, Schema.Json>>

/** A column of a row whose type allows null is nullable. */
export type Columns<R extends Row> = { readonly [Column in keyof R & string]: ColumnType }

/**
 * A view, and the fold that fills it.
 *
 * `version` belongs to the definition: change it whenever the same history gives
 * other rows or other columns. The store then builds the new version beside the
 * live one.
 */
export interface Projection<R extends Row = Row, Event extends { readonly _tag: string } = { readonly _tag: string }> {
  /** The name of the view: `connections`. */
  readonly name: string
  readonly version: number
  /** The events it reads, by the category of their streams. Types that the codec does not know are skipped. */
  readonly codecs: Readonly<Record<string, EventCodec<Event>>>
  /** Whether it reads personal data. Where it does not, the sealed part is not even loaded. */
  readonly personal: boolean
  readonly columns: Columns<R>
  /** The columns that, with the tenant, identify a row. */
  readonly key: ReadonlyArray<keyof R & string>
  /** Further lookups that hosts make, each a list of columns. */
  readonly indexes?: ReadonlyArray<ReadonlyArray<keyof R & string>> | undefined
  /** The keys of the rows that an event touches; none when it does not concern the view. */
  readonly touches: (recorded: Recorded<Event>) => ReadonlyArray<Partial<R>>
  /** What becomes of one touched row: none when it is to be there no more. Total. */
  readonly evolve: (row: R | undefined, recorded: Recorded<Event>, key: Partial<R>) => R | undefined
  /**
   * Rows that an event removes wherever they are, by the value of their columns: what is forgotten.
   * Applied before `evolve`.
   */
  readonly removes?: ((recorded: Recorded<Event>) => Partial<R> | undefined) | undefined
}

/** A row's address among all tenants' rows. */
export const rowKey = <R extends Row>(
  projection: Pick<Projection<R>, "key">,
  tenantId: TenantId,
  row: Partial<R>,
): string => JSON.stringify([tenantId, ...projection.key.map((column) => row[column] ?? null)])
