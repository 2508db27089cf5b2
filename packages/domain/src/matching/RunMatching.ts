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
