/**
 * Files of cases that people write by hand: an array of them, each with an `id`. Every case that can be read is; what is
 * malformed stops only its own case, and what is not known stops nothing. Both are told by name and place: a misspelt
 * field silently decides something else.
 */
import { Result, Schema, type SchemaIssue } from "effect"

/** A case that cannot be read: what is wrong, and where. */
export interface Refused {
  /** The `id` of the case, or its place in the file. */
  readonly id: string
  readonly problem: string
}

/** A field that was not considered. */
export interface Unknown {
  readonly id: string
  /** Its place in the case: `inc[0].pendig`. */
  readonly field: string
}

export interface Cases<Case> {
  readonly cases: ReadonlyArray<Case>
  readonly refused: ReadonlyArray<Refused>
  readonly unknown: ReadonlyArray<Unknown>
}

interface Identified {
  readonly id: string
  readonly ex: ReadonlyArray<{ readonly id: string }>
  readonly inc: ReadonlyArray<{ readonly id: string }>
}

/** Reads the parsed JSON of a file. */
export const read = <Case extends Identified>(
  schema: Schema.ConstraintDecoder<unknown> & { readonly Type: Case },
  json: unknown,
): Cases<Case> => {
  if (!Array.isArray(json))
    return { cases: [], refused: [{ id: "", problem: "Expected an array of cases" }], unknown: [] }
  const decode = Schema.decodeUnknownResult(schema, { errors: "all" })
  const decodeExactly = Schema.decodeUnknownResult(schema, { errors: "all", onExcessProperty: "error" })
  const cases: Array<Case> = []
  const refused: Array<Refused> = []
  const unknown: Array<Unknown> = []
  const seen = new Set<string>()
  for (const [place, one] of json.entries()) {
    const id = nameOf(one, place)
    const decoded = Result.flatMap(
      Result.mapError(decode(one), ({ message }) => message),
      distinct,
    )
    if (Result.isFailure(decoded)) refused.push({ id, problem: decoded.failure })
    else if (seen.has(id)) refused.push({ id, problem: "Expected an id of its own" })
    else {
      cases.push(decoded.success)
      const exact = decodeExactly(one)
      if (Result.isFailure(exact)) unknown.push(...fieldsIn(exact.failure.issue, []).map((field) => ({ id, field })))
    }
    seen.add(id)
  }
  return { cases, refused, unknown }
}

const nameOf = (json: unknown, place: number): string =>
  typeof json === "object" && json !== null && "id" in json && typeof json.id === "string" ? json.id : `[${place}]`

/** Within one side of a case, an id names one row. */
const distinct = <Case extends Identified>(one: Case): Result.Result<Case, string> => {
  const twice = [...repeated("ex", one.ex), ...repeated("inc", one.inc)]
  return twice.length === 0 ? Result.succeed(one) : Result.fail(twice.join("\n"))
}

const repeated = (side: string, rows: ReadonlyArray<{ readonly id: string }>) => {
  const seen = new Set<string>()
  return rows.flatMap(({ id }, place) => {
    const isRepeated = seen.has(id)
    seen.add(id)
    return isRepeated ? [`Expected an id of its own\n  at ["${side}"][${place}]["id"]`] : []
  })
}

/** Where a decoder came upon fields that its schema has not. */
const fieldsIn = (issue: SchemaIssue.Issue, path: ReadonlyArray<PropertyKey>): ReadonlyArray<string> => {
  switch (issue._tag) {
    case "Pointer":
      return fieldsIn(issue.issue, [...path, ...issue.path])
    case "Composite":
      return issue.issues.flatMap((inner) => fieldsIn(inner, path))
    case "Filter":
    case "Encoding":
      return fieldsIn(issue.issue, path)
    case "AnyOf":
      return issue.issues.flatMap((inner) => fieldsIn(inner, path))
    case "UnexpectedKey":
      return [placeOf(path)]
    default:
      return []
  }
}

const placeOf = (path: ReadonlyArray<PropertyKey>) =>
  path.map((key, depth) => (typeof key === "number" ? `[${key}]` : `${depth === 0 ? "" : "."}${String(key)}`)).join("")
