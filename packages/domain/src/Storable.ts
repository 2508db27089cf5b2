/**
 * What a column takes.
 *
 * The rules are the same for every store of views because they are these functions:
 * what one of them keeps, all of them keep, and read back as it was.
 */
import { Effect, type Schema } from "effect"

import { valueProblem } from "./AppendRequest.ts"
import { type ColumnType, type Owned, type Patch, patchProblem, type Row, type View } from "./Projection.ts"
import * as Utf8 from "./Utf8.ts"
import { RowsRefused, type Where } from "./ViewStore.ts"

/** Refuses rows of which one cannot be stored. */
export const check = Effect.fnUntraced(function* <R extends Row>(view: View<R>, rows: ReadonlyArray<Owned<R>>) {
  const columns = Object.entries<ColumnType>(view.columns)
  for (const { row } of rows) {
    const problem = rowProblem(view, columns, row)
    if (problem !== undefined) return yield* new RowsRefused({ view: view.name, problem })
  }
})

/** Refuses patches of which one is mistaken, or sets what cannot be stored. */
export const checkPatches = Effect.fnUntraced(function* <R extends Row>(
  view: View<R>,
  patches: ReadonlyArray<Patch<R>>,
) {
  for (const patch of patches) {
    const problem = patchProblem(view, patch) ?? setProblem(view, patch.set ?? {})
    if (problem !== undefined) return yield* new RowsRefused({ view: view.name, problem })
  }
})

/**
 * What is asked of each column that is named: one of these values. Those that it cannot hold are left out, for no row
 * has them.
 */
export const conditionsOf = <R extends Row>(
  { columns }: Pick<View<R>, "columns">,
  where: Where<R>,
): ReadonlyArray<readonly [column: keyof R & string, oneOf: ReadonlyArray<Schema.Json>]> => {
  const conditions: Array<readonly [column: keyof R & string, oneOf: ReadonlyArray<Schema.Json>]> = []
  for (const column in where) {
    const given = where[column]
    if (given === undefined) continue
    const oneOf: ReadonlyArray<Schema.Json> = Array.isArray(given) ? given : [given]
    conditions.push([column, oneOf.filter((value) => value === null || fits[columns[column]](value))])
  }
  return conditions
}

/** Whether there can be a row with these values at all. Nulls, and columns that are not named, are no obstacle. */
export const canHold = <R extends Row>({ columns }: Pick<View<R>, "columns">, values: Partial<R>): boolean => {
  for (const [column, type] of Object.entries<ColumnType>(columns)) {
    const value = values[column]
    if (value !== undefined && value !== null && !fits[type](value)) return false
  }
  return true
}

const rowProblem = <R extends Row>(
  view: View<R>,
  columns: ReadonlyArray<readonly [column: string, ColumnType]>,
  row: R,
): string | undefined => {
  for (const [column, type] of columns) {
    const value = row[column]
    if (value === undefined) return `${column} is missing`
    if (value === null ? view.key.includes(column) : !fits[type](value)) {
      return `${column} does not take its value`
    }
  }
  for (const index of [view.key, ...(view.indexes ?? [])]) {
    if (!isIndexable(index.map((column) => row[column]))) return `${index.join(", ")}: more than ${indexed} bytes`
  }
  return undefined
}

const setProblem = <R extends Row>(view: View<R>, set: Partial<R>): string | undefined => {
  for (const column in set) {
    const value = set[column]
    if (value !== null && !fits[view.columns[column]](value)) return `${column} does not take its value`
  }
  for (const index of view.indexes ?? []) {
    if (!isIndexable(index.map((column) => set[column]))) return `${index.join(", ")}: more than ${indexed} bytes`
  }
  return undefined
}

const fits: Record<ColumnType, (value: unknown) => boolean> = {
  text: (value) => typeof value === "string" && valueProblem(value) === undefined,
  uuid: (value) => typeof value === "string" && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value),
  bigint: Number.isSafeInteger,
  "double precision": Number.isFinite,
  boolean: (value) => typeof value === "boolean",
  timestamptz: (value) => isMoment(value) && new Date(value).toISOString() === value,
  date: (value) => isMoment(value) && new Date(value).toISOString().slice(0, 10) === value,
  jsonb: (value) => valueProblem(value) === undefined,
}

/** Of the years 1 to 9999: others are written differently in each place. */
const isMoment = (value: unknown): value is string =>
  typeof value === "string" && /^\d{4}-/.test(value) && !value.startsWith("0000") && !Number.isNaN(Date.parse(value))

/** Bytes of the text of one key or index; PostgreSQL's indexes take 2,700 with the tenant. */
const indexed = 1_500

const isIndexable = (values: ReadonlyArray<unknown>) => {
  const text = values.filter((value) => typeof value === "string").join("")
  return text.length <= indexed / 3 || Utf8.encode(text).length <= indexed
}
