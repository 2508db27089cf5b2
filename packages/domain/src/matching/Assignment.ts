/**
 * One-to-one assignment of the greatest total weight, where everybody may stay
 * alone, and what it would cost to do without each pair of it.
 *
 * Weights are whole numbers, so that sums are exact and a tie is a tie. The
 * method is Kuhn's with potentials (shortest augmenting paths): O(rows² · columns).
 */

/** A possible pair. At most one edge for a row and a column. */
export interface Edge {
  readonly row: number
  readonly column: number
  /** Staying alone weighs 0: what weighs less is never chosen. */
  readonly weight: number
}

export interface Chosen {
  readonly column: number
  /** What the best assignment without this pair weighs less: 0 where there is another as good. */
  readonly margin: number
}

/** The chosen column of every row that is not left alone. Of several best assignments it is always the same one. */
export const assign = (edges: ReadonlyArray<Edge>): ReadonlyMap<number, Chosen> => {
  const chosen = new Map<number, Chosen>()
  for (const component of componentsOf(edges.filter(({ weight }) => weight > 0))) {
    for (const [row, choice] of assignConnected(component)) chosen.set(row, choice)
  }
  return chosen
}

/** Edges that have to do with one another, by way of rows and columns. */
const componentsOf = (edges: ReadonlyArray<Edge>): ReadonlyArray<ReadonlyArray<Edge>> => {
  const parents = new Map<number, number>()
  const rootOf = (node: number): number => {
    let root = node
    for (let parent = parents.get(root); parent !== undefined; parent = parents.get(root)) root = parent
    if (root !== node) parents.set(node, root)
    return root
  }
  // Rows are the even nodes, columns the odd ones.
  for (const { column, row } of edges) {
    const [one, other] = [rootOf(2 * row), rootOf(2 * column + 1)]
    if (one !== other) parents.set(one, other)
  }
  const components = new Map<number, Array<Edge>>()
  for (const edge of edges) {
    const root = rootOf(2 * edge.row)
    const component = components.get(root)
    if (component === undefined) components.set(root, [edge])
    else component.push(edge)
  }
  return [...components.values()]
}

const assignConnected = (edges: ReadonlyArray<Edge>): ReadonlyArray<readonly [number, Chosen]> => {
  const [only, ...others] = edges
  if (only !== undefined && others.length === 0) return [[only.row, { column: only.column, margin: only.weight }]]

  const rows = [...new Set(edges.map(({ row }) => row))].toSorted(ascending)
  const columns = [...new Set(edges.map(({ column }) => column))].toSorted(ascending)
  const [rowAt, columnAt] = [indexOf(rows), indexOf(columns)]
  // Behind the real columns every row has one of its own, in which it is alone. Costs are negated weights.
  const width = columns.length + rows.length
  const costs = rows.map((_, row) => {
    const line = new Float64Array(width).fill(forbidden)
    line[columns.length + row] = 0
    return line
  })
  for (const { column, row, weight } of edges) {
    const line = costs[rowAt.get(row) ?? 0]
    if (line !== undefined) line[columnAt.get(column) ?? 0] = -weight
  }

  const seating: Seating = {
    rowOf: new Int32Array(width).fill(none),
    rowPrice: new Float64Array(rows.length),
    columnPrice: new Float64Array(width),
  }
  for (let row = 0; row < rows.length; row++) seat(seating, row, shortestPath(costs, seating, row))

  const chosen: Array<readonly [number, Chosen]> = []
  for (const [column, row] of seating.rowOf.subarray(0, columns.length).entries()) {
    if (row === none) continue
    chosen.push([rows[row] ?? 0, { column: columns[column] ?? 0, margin: marginOf(costs, seating, row, column) }])
  }
  return chosen
}

/** Prices are such that no pair costs less than those of its row and column together, and a seated one exactly that. */
interface Seating {
  /** Who sits in a column. */
  readonly rowOf: Int32Array
  readonly rowPrice: Float64Array
  /** 0 of a free column, never more. */
  readonly columnPrice: Float64Array
}

interface Path {
  /** The free column where it ends. */
  readonly end: number
  readonly length: number
  readonly distance: Float64Array
  readonly cameFrom: Int32Array
}

/** The cheapest way to a free column, each step of which moves whoever sits there. Dijkstra's over reduced costs. */
const shortestPath = (costs: Costs, { columnPrice, rowOf, rowPrice }: Seating, start: number): Path => {
  const width = rowOf.length
  const distance = new Float64Array(width).fill(Number.MAX_SAFE_INTEGER)
  const cameFrom = new Int32Array(width).fill(none)
  const isDone = new Uint8Array(width)
  let best = { end: none, length: Number.MAX_SAFE_INTEGER }
  let [row, column, reached] = [start, none, 0]
  for (;;) {
    const line = costs[row]
    const paid = reached - (rowPrice[row] ?? 0)
    let nearest = none
    for (let next = 0; next < width; next++) {
      if (isDone[next] === 1) continue
      const length = paid + (line?.[next] ?? 0) - (columnPrice[next] ?? 0)
      if (length < (distance[next] ?? 0)) {
        distance[next] = length
        cameFrom[next] = column
        if (rowOf[next] === none && length < best.length) best = { end: next, length }
      }
      const isSeated = rowOf[next] !== none
      if (isSeated && (nearest === none || (distance[next] ?? 0) < (distance[nearest] ?? 0))) nearest = next
    }
    reached = nearest === none ? Number.MAX_SAFE_INTEGER : (distance[nearest] ?? 0)
    if (reached >= best.length) return { ...best, distance, cameFrom }
    column = nearest
    isDone[column] = 1
    row = rowOf[column] ?? none
  }
}

const seat = ({ columnPrice, rowOf, rowPrice }: Seating, start: number, { cameFrom, distance, end, length }: Path) => {
  rowPrice[start] = (rowPrice[start] ?? 0) + length
  for (const [column, seated] of rowOf.entries()) {
    const gain = length - (distance[column] ?? 0)
    if (seated === none || gain <= 0) continue
    columnPrice[column] = (columnPrice[column] ?? 0) - gain
    rowPrice[seated] = (rowPrice[seated] ?? 0) + gain
  }
  for (let column = end; column !== none;) {
    const before = cameFrom[column] ?? none
    rowOf[column] = before === none ? start : (rowOf[before] ?? none)
    column = before
  }
}

/**
 * What it costs to part a pair: the cheapest chain of moves that starts with its row, which has to go elsewhere, and ends
 * with whoever takes its column, or with nobody. On the way, where somebody moves to a free column or stays alone,
 * anybody else may leave theirs: that, too, is one move of the chain.
 */
const marginOf = (costs: Costs, { columnPrice, rowOf, rowPrice }: Seating, start: number, parted: number): number => {
  const width = rowOf.length
  const distance = new Float64Array(width).fill(Number.MAX_SAFE_INTEGER)
  const isDone = new Uint8Array(width)
  const reach = (column: number, length: number) => {
    if (length < (distance[column] ?? 0)) distance[column] = length
  }
  const moveFrom = (row: number, reached: number) => {
    const paid = reached - (rowPrice[row] ?? 0)
    const line = costs[row]
    for (let column = 0; column < width; column++) {
      if (row !== start || column !== parted) reach(column, paid + (line?.[column] ?? 0) - (columnPrice[column] ?? 0))
    }
  }
  let isFreeReached = false
  moveFrom(start, 0)
  for (;;) {
    let nearest = parted
    for (let column = 0; column < width; column++) {
      if (isDone[column] === 0 && (distance[column] ?? 0) < (distance[nearest] ?? 0)) nearest = column
    }
    const reached = distance[nearest] ?? 0
    if (nearest === parted) return reached
    isDone[nearest] = 1
    const seated = rowOf[nearest] ?? none
    if (seated !== none) moveFrom(seated, reached)
    else if (!isFreeReached) {
      isFreeReached = true
      for (let column = 0; column < width; column++) reach(column, reached - (columnPrice[column] ?? 0))
    }
  }
}

type Costs = ReadonlyArray<Float64Array>

const none = -1

/** More than any weight, and still exact when added up. */
const forbidden = 1_000_000_000_000

const indexOf = (values: ReadonlyArray<number>) => new Map(values.map((value, index) => [value, index]))

const ascending = (one: number, other: number) => one - other
