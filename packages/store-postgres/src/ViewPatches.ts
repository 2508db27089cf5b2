/**
 * Patches as statements: as few as there can be, without changing what they come to.
 */
import { type Projection, Storable } from "@holdfast/domain"

import { quote, type Shape, typeOf } from "./ViewTable.ts"

/** Patches that name the same columns, as one condition that an index can answer. */
interface Group {
  /** Columns that must have a value, that must have none, and that get one; undefined where rows go. */
  readonly values: ReadonlyArray<string>
  readonly nulls: ReadonlyArray<string>
  readonly sets: ReadonlyArray<string> | undefined
  /** The records, one for each condition: of two patches of the same rows the later one has the last word. */
  readonly rows: Map<string, object>
}

/** In an order that gives what the patches give one after the other. One that no row can meet is left out. */
export const grouped = (
  shape: Shape,
  patches: ReadonlyArray<Projection.OwnedPatch<Projection.Row> | Projection.OwnedPatch<never>>,
): ReadonlyArray<Group> => {
  const groups: Array<Group> = []
  for (const { set, tenantId, where } of patches) {
    if (!Storable.canHold<Projection.Row>(shape, where)) continue
    const conditions = Object.entries<unknown>(where)
    const next: Group = {
      values: conditions.flatMap(([column, value]) => (value === null ? [] : [column])),
      nulls: conditions.flatMap(([column, value]) => (value === null ? [column] : [])),
      sets: set && Object.keys(set),
      rows: new Map(),
    }
    if (next.sets?.length === 0) continue
    const group = groupFor(groups, next)
    const wanted = Object.fromEntries(group.values.map((column, index) => [`if_${index}`, where[column]]))
    const given = Object.fromEntries((group.sets ?? []).map((column, index) => [`then_${index}`, set?.[column]]))
    const record = { tenant_id: tenantId, ...wanted }
    group.rows.set(JSON.stringify(record), { ...record, ...given })
  }
  return groups
}

export const statement = (shape: Shape, table: string, { nulls, sets, values }: Group) => {
  const given = [
    ...values.map((column, index) => `if_${index} ${typeOf(shape, column)}`),
    ...(sets ?? []).map((column, index) => `then_${index} ${typeOf(shape, column)}`),
  ]
  const records = `json_to_recordset($1::text::json) AS given (${["tenant_id text", ...given].join(", ")})`
  const condition = [
    "stored.tenant_id = given.tenant_id",
    ...values.map((column, index) => `stored.${quote(column)} = given.if_${index}`),
    ...nulls.map((column) => `stored.${quote(column)} IS NULL`),
  ].join(" AND ")
  if (sets === undefined) return `DELETE FROM ${table} AS stored USING ${records} WHERE ${condition}`
  const changes = sets.map((column, index) => `${quote(column)} = given.then_${index}`)
  return `UPDATE ${table} AS stored SET ${changes.join(", ")} FROM ${records} WHERE ${condition}`
}

/** The group that a patch can join: an equal one, if all that were begun since do not mind that it comes first. */
const groupFor = (groups: Array<Group>, next: Group): Group => {
  const found = changesCondition(next, next) ? -1 : groups.findLastIndex((group) => isAlike(group, next))
  const group = groups[found]
  if (group !== undefined && groups.slice(found + 1).every((later) => commute(later, next))) return group
  groups.push(next)
  return next
}

const isAlike = (a: Group, b: Group) =>
  JSON.stringify([a.values, a.nulls, a.sets ?? null]) === JSON.stringify([b.values, b.nulls, b.sets ?? null])

/** Neither changes which rows the other finds, nor what the other sets. */
const commute = (a: Group, b: Group) =>
  !changesCondition(a, b) && !changesCondition(b, a) && !a.sets?.some((column) => b.sets?.includes(column))

const changesCondition = ({ sets = [] }: Group, { nulls, values }: Group) =>
  sets.some((column) => values.includes(column) || nulls.includes(column))
