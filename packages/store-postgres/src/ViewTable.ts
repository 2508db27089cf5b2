/**
 * A view as a table: its definition, the statements on its rows, and its rows as PostgreSQL gives and takes them.
 */
import { type Ids, type Projection, Storable, type ViewStore } from "@holdfast/domain"

/** A projection as far as the database is concerned. */
export interface Shape {
  readonly name: string
  readonly version: number
  readonly columns: Readonly<Record<string, Projection.ColumnType>>
  readonly key: ReadonlyArray<string>
  readonly indexes: ReadonlyArray<ReadonlyArray<string>>
}

const types: Readonly<Record<Projection.ColumnType, true>> = {
  text: true,
  uuid: true,
  bigint: true,
  "double precision": true,
  boolean: true,
  timestamptz: true,
  date: true,
  jsonb: true,
}

/** A definition that cannot be a table is a mistake in the program: it throws, and the fiber dies of it. */
export const shapeOf = <R extends Projection.Row>(view: Projection.View<R>): Shape => {
  const { indexes = [], key, name, version } = view
  const columns: Readonly<Record<string, Projection.ColumnType>> = view.columns
  const shape: Shape = { name, version, columns, key, indexes }
  if (!/^[a-z][a-z0-9_]{0,39}$/.test(name)) throw mistaken(name, "the name is not a lower-case identifier")
  for (const [column, type] of Object.entries(columns)) {
    if (!/^[a-z][a-z0-9_]{0,59}$/.test(column) || column === "tenant_id")
      throw mistaken(name, `no column can be ${column}`)
    if (!Object.hasOwn(types, type)) throw mistaken(name, `${column} has no known type`)
  }
  for (const column of [key, ...indexes].flat()) {
    if (!Object.hasOwn(columns, column)) throw mistaken(name, `${column} is no column of it`)
  }
  if (key.length === 0) throw mistaken(name, "it has no key")
  return shape
}

export const mistaken = (view: string, problem: string) =>
  new Error(`The view ${JSON.stringify(view)} cannot be stored: ${problem}`)

export const columnsOf = ({ columns }: Shape) => Object.keys(columns)

export const typeOf = ({ columns, name }: Shape, column: string): Projection.ColumnType => {
  const type = Object.hasOwn(columns, column) ? columns[column] : undefined
  if (type === undefined) throw new Error(`The view ${name} has no column ${JSON.stringify(column)}`)
  return type
}

/** What is recorded of a view with each of its builds. */
export interface Definition {
  readonly columns: ReadonlyArray<readonly [column: string, type: string]>
  readonly key: ReadonlyArray<string>
  readonly indexes: ReadonlyArray<ReadonlyArray<string>>
}

export const definitionOf = ({ columns, indexes, key }: Shape): Definition => ({
  columns: Object.entries(columns),
  key,
  indexes,
})

/** Indexes and the order of columns may change within a version: they change no row. */
export const sameRows = (a: Definition, b: Definition) => {
  const essence = ({ columns, key }: Definition) =>
    JSON.stringify([columns.map((column) => column.join(" ")).toSorted(), key.toSorted()])
  return essence(a) === essence(b)
}

/** A row as the driver returns it: its `tenant_id`, where asked for, and the columns of the shape. */
export type StoredRow = Readonly<Record<string, unknown>> & { readonly tenant_id: Ids.TenantId }

export const rowOf = <R extends Projection.Row>({ columns }: Shape, stored: StoredRow): R => {
  const row: Record<string, unknown> = {}
  for (const column in columns) row[column] = valueOf(stored[column])
  return row as R
}

/** A value of a row as the driver returns it. */
export const valueOf = <A>(stored: unknown): A =>
  (stored instanceof Date ? stored.toISOString() : typeof stored === "bigint" ? Number(stored) : (stored ?? null)) as A

export const ownedOf = <R extends Projection.Row>(shape: Shape, stored: StoredRow): Projection.Owned<R> => ({
  tenantId: stored.tenant_id,
  row: rowOf<R>(shape, stored),
})

/** As records of JSON, in which a row is a parameter's part and not one of thousands of parameters. */
export const flat = ({ row, tenantId }: Projection.Owned<object>) => ({ ...row, tenant_id: tenantId })

export type Changes = Projection.RowChanges<Projection.Row> | Projection.RowChanges<never>

export const quote = (identifier: string) => `"${identifier.replaceAll('"', '""')}"`

export const tableOf = ({ number, view }: ViewStore.Build) => `holdfast_views.${quote(`${view}_${number}`)}`

const columnList = (shape: Shape, from = "") =>
  columnsOf(shape)
    .map((column) => from + quote(column))
    .join(", ")

export const insertColumns = (shape: Shape) => `tenant_id, ${columnList(shape)}`

export const recordset = (shape: Shape, columns: ReadonlyArray<string>, parameter = 1) =>
  `json_to_recordset($${parameter}::text::json) AS given (tenant_id text${columns
    .map((column) => `, ${quote(column)} ${typeOf(shape, column)}`)
    .join("")})`

const matching = (columns: ReadonlyArray<string>) =>
  ["tenant_id", ...columns].map((column) => `stored.${quote(column)} = given.${quote(column)}`).join(" AND ")

type Conditions = ReturnType<typeof Storable.conditionsOf>

/** What a tenant asks for, in the order asked for and then by the key. */
export const selection = <R extends Projection.Row>(
  shape: Shape,
  tenantId: Ids.TenantId,
  where: Conditions,
  query: Pick<ViewStore.Query<R>, "orderBy" | "limit">,
) => {
  const { found, parameters } = findings(shape, tenantId, where)
  const order = (query.orderBy ?? []).map(([column, direction]) => {
    typeOf(shape, column)
    return `${quote(column)} ${direction === "desc" ? "DESC" : "ASC"}`
  })
  const limit = query.limit === undefined ? "" : `LIMIT ${limitOf(query.limit)}`
  return {
    statement: `SELECT ${columnList(shape)} ${found}
      ORDER BY ${[...order, ...shape.key.map(quote)].join(", ")} ${limit}`,
    parameters,
  }
}

/** How much there is of what a tenant asks for, counted no further than `atMost`. */
export const counting = (shape: Shape, tenantId: Ids.TenantId, where: Conditions, atMost?: number) => {
  const { found, parameters } = findings(shape, tenantId, where)
  const counted = atMost === undefined ? found : `FROM (SELECT ${found} LIMIT ${limitOf(atMost)}) AS some_of_it`
  return { statement: `SELECT count(*)::int AS count ${counted}`, parameters }
}

/** How much there is of it with each value of a column. */
export const countingBy = (shape: Shape, tenantId: Ids.TenantId, column: string, where: Conditions) => {
  typeOf(shape, column)
  const { found, parameters } = findings(shape, tenantId, where)
  return { statement: `SELECT ${quote(column)} AS value, count(*)::int AS count ${found} GROUP BY 1`, parameters }
}

const findings = (shape: Shape, tenantId: Ids.TenantId, where: Conditions) => {
  const parameters: Array<unknown> = [tenantId]
  const conditions = where.map(([column, oneOf]) => {
    const type = typeOf(shape, column)
    const [value, ...others] = oneOf.filter((value) => value !== null).map((value) => asText(value, type))
    const isNull = oneOf.includes(null) ? [`${quote(column)} IS NULL`] : []
    if (value === undefined) return isNull.join("")
    const wanted =
      others.length === 0
        ? `= $${parameters.push(value)}::text::${type}`
        : `= ANY ($${parameters.push([value, ...others])}::text[]::${type}[])`
    return `(${[`${quote(column)} ${wanted}`, ...isNull].join(" OR ")})`
  })
  return {
    found: `FROM holdfast.${quote(shape.name)} WHERE ${["tenant_id = $1", ...conditions].join(" AND ")}`,
    parameters,
  }
}

const limitOf = (limit: number) => Math.min(Math.max(0, Math.trunc(limit) || 0), Number.MAX_SAFE_INTEGER)

export const rowsPerPage = 2_000

export const loadStatement = (shape: Shape, table: string) =>
  `SELECT stored.tenant_id, ${columnList(shape, "stored.")}
  FROM (SELECT DISTINCT * FROM ${recordset(shape, shape.key)}) AS given
  JOIN ${table} AS stored ON ${matching(shape.key)}`

/** Deletes the rows with the keys that the parameter lists, if a condition holds. */
export const deleteStatement = (shape: Shape, table: string, parameter = 1, condition = "true") =>
  `DELETE FROM ${table} AS stored USING ${recordset(shape, shape.key, parameter)}
    WHERE ${condition} AND ${matching(shape.key)}`

/** Writes the rows that the parameter lists, if a condition holds. */
export const upsertStatement = (shape: Shape, table: string, parameter = 1, condition = "true") => {
  const rest = columnsOf(shape).filter((column) => !shape.key.includes(column))
  const update = rest.map((column) => `${quote(column)} = excluded.${quote(column)}`).join(", ")
  return `INSERT INTO ${table} (${insertColumns(shape)})
    SELECT ${insertColumns(shape)} FROM ${recordset(shape, columnsOf(shape), parameter)} WHERE ${condition}
    ON CONFLICT (tenant_id, ${shape.key.map(quote).join(", ")}) DO ${rest.length === 0 ? "NOTHING" : `UPDATE SET ${update}`}`
}

export const pageStatement = (shape: Shape, table: string, further: boolean) => {
  const address = `tenant_id, ${shape.key.map(quote).join(", ")}`
  const after = shape.key.map((column, index) => `$${index + 2}::text::${typeOf(shape, column)}`).join(", ")
  return `SELECT ${insertColumns(shape)} FROM ${table}
    ${further ? `WHERE (${address}) > ($1::text, ${after})` : ""}
    ORDER BY ${address} LIMIT ${rowsPerPage}`
}

export const addressOf = (shape: Shape, { row, tenantId }: Projection.Owned<Projection.Row>) => [
  tenantId,
  ...shape.key.map((column) => asText(row[column] ?? null, typeOf(shape, column))),
]

/** A value as text that PostgreSQL reads as the column's type. */
const asText = (value: unknown, type: Projection.ColumnType) =>
  type === "jsonb" ? JSON.stringify(value) : String(value)

/** A key that no row can have is nothing to ask PostgreSQL for: it would fail to read it. */
export const isPossible =
  (shape: Shape) =>
  ({ row }: Projection.Owned<Projection.Row | Partial<Projection.Row>>) =>
    Storable.canHold(shape, row)
