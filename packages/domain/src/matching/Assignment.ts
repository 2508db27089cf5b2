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
  const parents = new Map<string, string>()
  const rootOf = (node: string): string => {
    let root = node
    for (let parent = parents.get(root); parent !== undefined; parent = parents.get(root)) root = parent
    if (root !== node) parents.set(node, root)
    return root
  }
  for (const { column, row } of edges) {
    const [one, other] = [rootOf(`row ${row}`), rootOf(`column ${column}`)]
    if (one !== other) parents.set(one, other)
  }
  const components = new Map<string, Array<Edge>>()
  for (const edge of edges) {
    const root = rootOf(`row ${edge.row}`)
    const component = components.get(root)
    if (component === undefined) components.set(root, [edge])
    else component.push(edge)
  }
  return [...components.values()]
}

const assignConnected = (edges: ReadonlyArray<Edge>): ReadonlyArray<readonly [number, Chosen]> => {
  const rows = [...new Set(edges.map(({ row }) => row))].toSorted(ascending)
  const columns = [...new Set(edges.map(({ column }) => column))].toSorted(ascending)
  const [rowAt, columnAt] = [indexOf(rows), indexOf(columns)]
  // Behind the real columns every row has one of its own, in which it is alone. Costs are negated weights.
  const width = columns.length + rows.length
  const costs = rows.map((_, row) =>
    filled<number>(width, forbidden).fill(0, columns.length + row, columns.length + row + 1),
  )
  for (const { column, row, weight } of edges) {
    const line = costs[rowAt.get(row) ?? 0]
    if (line !== undefined) line[columnAt.get(column) ?? 0] = -weight
  }

  const seating: Seating = {
    rowOf: filled<number>(width, none),
    rowPrice: filled<number>(rows.length, 0),
    columnPrice: filled<number>(width, 0),
  }
  for (let row = 0; row < rows.length; row++) seat(seating, row, shortestPath(costs, seating, row))

  const chosen: Array<readonly [number, Chosen]> = []
  for (const [column, row] of seating.rowOf.slice(0, columns.length).entries()) {
    if (row === none) continue
    chosen.push([rows[row] ?? 0, { column: columns[column] ?? 0, margin: marginOf(costs, seating, row, column) }])
  }
  return chosen
}

/** Prices are such that no pair costs less than those of its row and column together, and a seated one exactly that. */
interface Seating {
  /** Who sits in a column. */
  readonly rowOf: Array<number>
  readonly rowPrice: Array<number>
  /** 0 of a free column, never more. */
  readonly columnPrice: Array<number>
}

interface Path {
  /** The free column where it ends. */
  readonly end: number
  readonly length: number
  readonly distance: ReadonlyArray<number>
  readonly cameFrom: ReadonlyArray<number>
}

/** The cheapest way to a free column, each step of which moves whoever sits there. Dijkstra's over reduced costs. */
const shortestPath = (costs: Costs, { columnPrice, rowOf, rowPrice }: Seating, start: number): Path => {
  const width = rowOf.length
  const distance = filled<number>(width, Number.MAX_SAFE_INTEGER)
  const cameFrom = filled<number>(width, none)
  const isDone = filled<boolean>(width, false)
  let best = { end: none, length: Number.MAX_SAFE_INTEGER }
  let [row, column, reached] = [start, none, 0]
  for (;;) {
    const line = costs[row] ?? []
    const paid = reached - (rowPrice[row] ?? 0)
    let nearest = none
    for (let next = 0; next < width; next++) {
      if (isDone[next] === true) continue
      const length = paid + (line[next] ?? 0) - (columnPrice[next] ?? 0)
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
    isDone[column] = true
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
  const distance = filled<number>(width, Number.MAX_SAFE_INTEGER)
  const isDone = filled<boolean>(width, false)
  const reach = (column: number, length: number) => {
    if (length < (distance[column] ?? 0)) distance[column] = length
  }
  const moveFrom = (row: number, reached: number) => {
    const paid = reached - (rowPrice[row] ?? 0)
    for (const [column, cost] of (costs[row] ?? []).entries()) {
      if (row !== start || column !== parted) reach(column, paid + cost - (columnPrice[column] ?? 0))
    }
  }
  let isFreeReached = false
  moveFrom(start, 0)
  for (;;) {
    let nearest = parted
    for (let column = 0; column < width; column++) {
      if (isDone[column] !== true && (distance[column] ?? 0) < (distance[nearest] ?? 0)) nearest = column
    }
    const reached = distance[nearest] ?? 0
    if (nearest === parted) return reached
    isDone[nearest] = true
    const seated = rowOf[nearest] ?? none
    if (seated !== none) moveFrom(seated, reached)
    else if (!isFreeReached) {
      isFreeReached = true
      for (let column = 0; column < width; column++) reach(column, reached - (columnPrice[column] ?? 0))
    }
  }
}

type Costs = ReadonlyArray<ReadonlyArray<number>>

const none = -1

/** More than any weight, and still exact when added up. */
const forbidden = 1_000_000_000_000

const filled = <A>(length: number, value: A): Array<A> => Array.from({ length }, () => value)

const indexOf = (values: ReadonlyArray<number>) => new Map(values.map((value, index) => [value, index]))

const ascending = (one: number, other: number) => one - other
