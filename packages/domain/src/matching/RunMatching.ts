/**
 * The likeliest one-to-one pairing of a run of equal amounts: maximum-weight matching in a sparse graph whose
 * nodes are kinds of interchangeable rows, each with a count, so that a thousand equal rows are one node.
 *
 * Rows are entered kind by kind, and each entry is followed by the best chain of re-pairings that it allows: the
 * pairing is optimal after every entry. A chain is given up as soon as no continuation can beat the best one found,
 * and since every step of it costs a moved date, it stays within days of where it began.
 */

/** A graph: `from` kinds of delivered rows, `to` kinds of held ones. A pair of weight 0 or less is never chosen. */
export interface Graph {
  /** How many rows there are of each kind. */
  readonly delivered: ReadonlyArray<number>
  readonly held: ReadonlyArray<number>
  readonly edges: ReadonlyArray<Edge>
}

export interface Edge {
  readonly from: number
  readonly to: number
  /** Integer. */
  readonly weight: number
}

/** How many rows are paired along each edge, in the order of `edges`: of the greatest total weight there is. */
export const match = (graph: Graph): ReadonlyArray<number> => {
  const { edges } = graph
  const [only] = edges
  if (only === undefined) return []
  if (edges.length === 1)
    return [only.weight > 0 ? Math.min(at(graph.delivered, only.from), at(graph.held, only.to)) : 0]
  const flow = edges.map(() => 0)
  const free = [...graph.held]
  const waiting = [...graph.delivered]
  const edgesFrom = grouped(graph.delivered.length, edges, (edge) => edge.from)
  const edgesTo = grouped(graph.held.length, edges, (edge) => edge.to)
  const heaviest = edgesFrom.map((ids) => ids.reduce((most, id) => Math.max(most, weightOf(id)), 0))

  for (let kind = 0; kind < waiting.length; kind++) {
    while (at(waiting, kind) > 0) {
      const chain = bestChain(kind)
      if (chain === undefined) break
      const { gives, takes } = chain
      const room = chain.end === undefined ? Infinity : at(free, chain.end)
      const count = takes.reduce((least, id) => Math.min(least, at(flow, id)), Math.min(at(waiting, kind), room))
      for (const id of gives) flow[id] = at(flow, id) + count
      for (const id of takes) flow[id] = at(flow, id) - count
      if (chain.end !== undefined) free[chain.end] = room - count
      waiting[kind] = at(waiting, kind) - count
    }
  }
  return flow

  function weightOf(id: number) {
    return edges[id]?.weight ?? 0
  }

  /** The chain that gains most from one more row of a kind: it ends at a free row, or leaves another one unpaired. */
  function bestChain(start: number): Chain | undefined {
    const most = at(heaviest, start)
    if (most === 0) return undefined
    // No chain gains more than the heaviest pair of its first row: the pairing was optimal without it.
    const pair = edgesFrom[start]?.find((id) => weightOf(id) === most && at(free, edges[id]?.to ?? -1) > 0)
    if (pair !== undefined) return { gives: [pair], takes: [], end: edges[pair]?.to }
    const gainAtDelivered = new Map([[start, 0]])
    const gainAtHeld = new Map<number, number>()
    const reachedHeldBy = new Map<number, number>()
    const reachedDeliveredBy = new Map<number, number>()
    const queue = [start]
    let best = 0
    let end: { readonly held: number } | { readonly delivered: number } | undefined

    for (let next = 0; next < queue.length; next++) {
      const kind = at(queue, next)
      const before = gainAtDelivered.get(kind) ?? 0
      if (before + at(heaviest, kind) <= best) continue
      for (const id of edgesFrom[kind] ?? []) {
        const gain = before + weightOf(id)
        const held = edges[id]?.to ?? -1
        if (weightOf(id) <= 0 || gain <= (gainAtHeld.get(held) ?? 0)) continue
        gainAtHeld.set(held, gain)
        reachedHeldBy.set(held, id)
        if (at(free, held) > 0 && gain > best) {
          best = gain
          end = { held }
        }
        for (const back of edgesTo[held] ?? []) {
          if (at(flow, back) === 0) continue
          const other = edges[back]?.from ?? -1
          const left = gain - weightOf(back)
          if (other === start || left <= (gainAtDelivered.get(other) ?? -Infinity)) continue
          if (left > best || left + at(heaviest, other) > best) {
            gainAtDelivered.set(other, left)
            reachedDeliveredBy.set(other, back)
            if (left > best) {
              best = left
              end = { delivered: other }
            }
            queue.push(other)
          }
        }
      }
    }

    if (end === undefined) return undefined
    const gives: Array<number> = []
    const takes: Array<number> = []
    let kind = start
    if ("delivered" in end) kind = end.delivered
    let held = "held" in end ? end.held : undefined
    for (;;) {
      if (held !== undefined) {
        const id = reachedHeldBy.get(held) ?? -1
        gives.push(id)
        kind = edges[id]?.from ?? start
      }
      if (kind === start) return { gives, takes, end: "held" in end ? end.held : undefined }
      const back = reachedDeliveredBy.get(kind) ?? -1
      takes.push(back)
      held = edges[back]?.to
    }
  }
}

/**
 * What it costs to pair one row fewer: for each edge along which rows are paired, how much less the total weight can be
 * if one of them is left alone and the others are paired anew. Infinite where no chain of at most `steps` ends well.
 *
 * @param mayEnd whether a held row of this kind may be what is left over on the other side
 */
export const lossesOfFewer = (
  { delivered, edges, held }: Graph,
  flow: ReadonlyArray<number>,
  mayEnd: (held: number) => boolean,
  steps: number,
): ReadonlyArray<number> => {
  const gains = held.map((_, kind) => (mayEnd(kind) ? 0 : -Infinity))
  for (let step = 0; step < steps; step++) {
    const leaving = delivered.map(() => -Infinity)
    edges.forEach(({ from, to, weight }, id) => {
      if (at(flow, id) > 0) leaving[from] = Math.max(at(leaving, from), at(gains, to) - weight)
    })
    let isBetter = false
    for (const { from, to, weight } of edges) {
      const gain = at(leaving, from) + weight
      if (gain <= at(gains, to)) continue
      gains[to] = gain
      isBetter = true
    }
    if (!isBetter) break
  }
  return edges.map(({ to, weight }) => weight - at(gains, to))
}

/** Another pairing, reached by one more row that takes the place of the next, and so on. */
export interface Rewiring {
  /** How much less the total weight is. */
  readonly loss: number
  /** The kinds of held rows that change hands, in this order. */
  readonly held: ReadonlyArray<number>
  /** The edges that rows leave, in this order. */
  readonly leaves: ReadonlyArray<number>
}

/**
 * The best pairing with one more row, along an edge that need not be in the graph: it ends at a free held row (`more`),
 * or leaves another delivered one alone (`instead`). Chains have at most `steps` further rows.
 *
 * @param mayEnd whether a free row of this kind may be where it ends
 */
export const rewirings = (
  { delivered, edges, held }: Graph,
  flow: ReadonlyArray<number>,
  {
    ends,
    mayEnd,
    steps,
  }: {
    readonly ends: "more" | "instead"
    readonly mayEnd: (held: number) => boolean
    readonly steps: number
  },
): ((edge: Edge) => Rewiring | undefined) => {
  const used = held.map(() => 0)
  edges.forEach(({ to }, id) => (used[to] = at(used, to) + at(flow, id)))
  const isFree = (kind: number) => at(held, kind) > at(used, kind) && mayEnd(kind)
  /** What a newcomer to a held kind gains or loses the rest, and how: the edge that is left, and the one gone to. */
  const gains = held.map((_, kind) => (ends === "more" && isFree(kind) ? 0 : -Infinity))
  const ways = new Map<number, { readonly leaves: number; readonly goes: number | undefined }>()
  for (let step = 0; step < steps; step++) {
    const onward = delivered.map(() => ({ gain: ends === "instead" ? 0 : -Infinity, edge: -1 }))
    edges.forEach(({ from, to, weight }, id) => {
      const best = onward[from]
      if (best !== undefined && weight + at(gains, to) > best.gain) {
        best.gain = weight + at(gains, to)
        best.edge = id
      }
    })
    let isBetter = false
    edges.forEach(({ from, to, weight }, id) => {
      const next = onward[from]
      if (at(flow, id) === 0 || next === undefined || next.gain - weight <= at(gains, to)) return
      gains[to] = next.gain - weight
      ways.set(to, { leaves: id, goes: next.edge === -1 ? undefined : next.edge })
      isBetter = true
    })
    if (!isBetter) break
  }
  return ({ to, weight }) => {
    const gain = weight + at(gains, to)
    if (gain === -Infinity) return undefined
    const changed = [to]
    const leaves: Array<number> = []
    for (let kind: number | undefined = to; kind !== undefined && leaves.length <= steps;) {
      const way = ways.get(kind)
      if (way === undefined) break
      leaves.push(way.leaves)
      kind = way.goes === undefined ? undefined : edges[way.goes]?.to
      if (kind !== undefined) changed.push(kind)
    }
    return { loss: -gain, held: changed, leaves }
  }
}

interface Chain {
  readonly gives: ReadonlyArray<number>
  readonly takes: ReadonlyArray<number>
  /** The free row that it ends at; none when it ends by leaving a delivered one unpaired. */
  readonly end: number | undefined
}

const at = (numbers: ReadonlyArray<number>, index: number) => numbers[index] ?? 0

const grouped = (count: number, edges: ReadonlyArray<Edge>, by: (edge: Edge) => number) => {
  const groups = Array.from({ length: count }, (): Array<number> => [])
  edges.forEach((edge, id) => groups[by(edge)]?.push(id))
  return groups
}
