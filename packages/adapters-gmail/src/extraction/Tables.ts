/**
 * Tables, in which what stands above a value says what it is: where a line stands in one, and what stands below each
 * heading.
 */

/** Where in a table a line stands. */
export interface Cell {
  readonly table: Table
  readonly row: number
  /** The first of those that it spans. */
  readonly column: number
  /** It is marked as a heading. */
  readonly isHead: boolean
}

export interface Table {
  /** The cell of another table in which it stands. */
  readonly within: Cell | null
  /** An empty cell leaves nothing there, and those after it stand one column too far to the front. */
  readonly isText: boolean
  rows: number
  /** Of the row that is being read. */
  columns: number
  cells: number
  /** Some cell spans rows: which columns those below it are in is not known. */
  isUneven: boolean
}

export const tableWithin = (within: Cell | null, isText = false): Table => ({
  within,
  isText,
  rows: 0,
  columns: 0,
  cells: 0,
  isUneven: false,
})

export const nextRow = (table: Table): void => {
  table.rows++
  table.columns = 0
}

export const nextCell = (table: Table, { isHead = false, span = 1 } = {}): Cell => {
  const cell = { table, row: table.rows, column: table.columns, isHead }
  table.columns += span
  table.cells++
  return cell
}

/** The cell that says something of a line: a table of one cell is no more than a frame. */
export const tellingCell = (cell: Cell | null): Cell | null => {
  let telling = cell
  while (telling !== null && telling.table.cells === 1) telling = telling.table.within
  return telling === null || telling.table.isUneven ? null : telling
}

/** The cells of a row that are not empty, as the lines in them: from the first up to the one after the last. */
export interface Row {
  readonly table: Table
  readonly cells: ReadonlyArray<Lines>
  readonly end: number
}

export interface Lines {
  readonly column: number
  readonly isHead: boolean
  readonly start: number
  readonly end: number
}

/** The row that begins with this line; null if none does. */
export const rowAt = (cells: ReadonlyArray<Cell | null>, start: number): Row | null => {
  const first = cells[start] ?? null
  if (first === null || isSameRow(first, cells[start - 1])) return null
  const row: Array<Lines> = []
  let end = start
  while (isSameRow(first, cells[end])) {
    const from = end
    const { column, isHead } = cells[from] ?? first
    while (isSameRow(first, cells[end]) && cells[end]?.column === column) end++
    row.push({ column, isHead, start: from, end })
  }
  return { table: first.table, cells: row, end }
}

/** Whether they stand in one row of one table. */
export const isSameRow = (one: Cell, other: Cell | null | undefined): boolean =>
  other != null && other.table === one.table && other.row === one.row

interface Laid {
  readonly lines: ReadonlyArray<string>
  readonly cells: ReadonlyArray<Cell | null>
}

/**
 * Lines in which bars or dashes part the cells of rows, with lines of their own for the cells. Where a line below such
 * headings has other than as many cells, nobody knows what is whose, and none of them is left.
 */
export const withoutBars = (
  { cells, lines }: Laid,
  isHeading: (text: string) => boolean,
  isFigured: (text: string) => boolean,
): Laid => {
  const told: Array<string> = []
  const places: Array<Cell | null> = []
  let isChanged = false
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index] ?? ""
    const bar = bars.find((one) => one.test(line))
    const heads = bar === undefined ? [] : partsOf(line, bar)
    const isHeaded =
      heads.length > 1 && heads.filter((head) => isHeading(head)).length > 1 && !heads.some((head) => isFigured(head))
    const block =
      isHeaded && bar !== undefined ? rowsBelow(lines, index, bar, heads.length, isHeading, isFigured) : null
    if (block === null) {
      told.push(line)
      places.push(cells[index] ?? null)
      continue
    }
    isChanged = true
    index = block.end - 1
    const table = tableWithin(cells[index] ?? null)
    for (const [row, parts] of block.isUneven ? [] : [heads, ...block.rows].entries()) {
      nextRow(table)
      for (const part of parts) {
        const cell = nextCell(table, { isHead: row === 0 })
        if (part === "") continue
        told.push(part)
        places.push(cell)
      }
    }
  }
  return isChanged ? { lines: told, cells: places } : { lines, cells }
}

/** The rows below a line of headings, up to the first line that is none; null if there are none. */
const rowsBelow = (
  lines: ReadonlyArray<string>,
  head: number,
  bar: RegExp,
  width: number,
  isHeading: (text: string) => boolean,
  isFigured: (text: string) => boolean,
) => {
  const rows: Array<ReadonlyArray<string>> = []
  let uneven = 0
  let end = head + 1
  for (; end < lines.length; end++) {
    const line = lines[end] ?? ""
    if (ruled.test(line)) continue
    const parts = partsOf(line, bar)
    if (parts.length < 2 || isHeading(parts[0] ?? "")) break
    if (parts.length === width) rows.push(parts)
    else if (isFigured(line)) uneven++
    else break
  }
  const isUneven = uneven > 1 || (uneven > 0 && rows.length > 0)
  return rows.length > 0 || isUneven ? { rows, end, isUneven } : null
}

const partsOf = (line: string, bar: RegExp): ReadonlyArray<string> =>
  line.length > 400
    ? []
    : (line.startsWith("|") && line.endsWith("|") ? line.slice(1, -1).trim() : line)
        .split(bar)
        .map((part) => part.trim())

/** What parts the cells of a line. */
const bars = [/[|│¦]/, /(?<=\s)[·•](?=\s)/, /(?<=\s)[-–—](?=\s)/]

/** A rule between rows. */
const ruled = /^[-=+:|│┼ ]+$/

/** For each cell of a row of headings what stands below it; null if the rows do not belong together. */
export const below = (headings: Row, row: Row): ReadonlyArray<Lines | undefined> | null => {
  if (row.table !== headings.table) return null
  const inColumns = headings.cells.map(({ column }) => row.cells.find((cell) => cell.column === column))
  const isAligned = !row.table.isText && row.cells.every((cell) => inColumns.includes(cell))
  if (isAligned) return inColumns
  return row.cells.length === headings.cells.length ? row.cells : null
}
