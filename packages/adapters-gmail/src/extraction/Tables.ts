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

/** For each cell of a row of headings what stands below it; null if the rows do not belong together. */
export const below = (headings: Row, row: Row): ReadonlyArray<Lines | undefined> | null => {
  if (row.table !== headings.table) return null
  const inColumns = headings.cells.map(({ column }) => row.cells.find((cell) => cell.column === column))
  const isAligned = !row.table.isText && row.cells.every((cell) => inColumns.includes(cell))
  if (isAligned) return inColumns
  return row.cells.length === headings.cells.length ? row.cells : null
}
