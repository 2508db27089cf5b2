/**
 * The other ways to pair the runs of a batch: what the balance gate chooses from when the likeliest pairing does not
 * add up, and what it asks about when two errors could hide each other.
 */
import { type Alternative } from "./BalanceGate.ts"
import { type Description } from "./Descriptions.ts"
import * as RunMatching from "./RunMatching.ts"
import { type Context, isAlike, type Judged, weigh } from "./TransactionLikelihood.ts"
import { type Row } from "./TransactionRow.ts"
import { type Pairing } from "./TransactionRuns.ts"

export interface Alternatives {
  readonly all: ReadonlyArray<Alternative>
  /** The held rows that a delivered one can be, whatever became of them, likeliest first. */
  readonly partnersOf: (row: string) => ReadonlyArray<string>
}

export const alternativesOf = (context: Context, pairings: ReadonlyArray<Pairing>): Alternatives => {
  const weight = weighing(context)
  const places = new Map<string, { readonly pairing: Pairing; readonly kind: number }>()
  for (const pairing of pairings) {
    for (const [kind, { rows }] of pairing.delivered.entries())
      for (const { id } of rows) places.set(id, { pairing, kind })
  }
  return {
    all: pairings.flatMap((pairing) => alternativesIn(context, pairing, weight)),
    partnersOf: (row) => {
      const place = places.get(row)
      if (place === undefined) return []
      const { candidates, held } = place.pairing
      return candidates
        .filter(({ from }) => from === place.kind)
        .flatMap(({ judged, to }) => {
          const kind = held[to]
          return kind === undefined ? [] : [{ kind, weight: weight(place.pairing, { judged, from: place.kind, to }) }]
        })
        .filter(({ weight }) => weight > -Infinity)
        .toSorted((a, b) => b.weight - a.weight)
        .flatMap(({ kind }) => kind.rows.map(({ id }) => id))
    },
  }
}

/** With a row fewer, with a row more, with another row. */
const alternativesIn = (context: Context, pairing: Pairing, weightOf: Weighing): ReadonlyArray<Alternative> => {
  const { candidates, delivered, flow, graph, held, pairs } = pairing
  const { rewired } = context.policy.limits
  // A pending row is not in the books: left over, or found, it makes no difference to them.
  const mayEnd = (kind: number) => held[kind]?.one.pending === false
  const losses = RunMatching.lossesOfFewer(graph, flow, mayEnd, rewired)
  const fewer = pairs.flatMap((onEdge, id) =>
    onEdge.map(({ delivered, held }): Alternative => ({
      change: "fewer",
      weight: losses[id] ?? Infinity,
      rows: [{ row: delivered.id, candidates: [held.id] }],
    })),
  )
  const isPaired = new Set(pairs.flatMap((onEdge) => onEdge.map(({ delivered }) => delivered)))
  const more = RunMatching.rewirings(graph, flow, { ends: "more", mayEnd, steps: rewired })
  const instead = RunMatching.rewirings(graph, flow, { ends: "instead", mayEnd, steps: rewired })
  const isDirect = (from: number, end: number) =>
    candidates.some((candidate) => candidate.from === from && candidate.to === end)
  const idsOf = (kind: number) => held[kind]?.rows.map(({ id }) => id) ?? []
  const others = candidates.flatMap((candidate) => {
    const { from, judged, to } = candidate
    const alone = (delivered[from]?.rows ?? []).filter((row) => !isPaired.has(row))
    if (alone.length === 0) return []
    const edge = { from, to, weight: weightOf(pairing, candidate) }
    // Rows of one text that take each other's places leave the same books behind.
    const ways = [
      { change: "more" as const, way: more(edge) },
      { change: "instead" as const, way: judged.doubt === null ? undefined : instead(edge) },
    ]
    return ways.flatMap(({ change, way }) => {
      if (way === undefined) return []
      const end = way.held.at(-1) ?? to
      const moved = way.leaves.flatMap((id) => (pairs[id] ?? []).map(({ delivered }) => delivered))
      // Who takes whose place on the way is no matter where the first row can be the last one held.
      const asked = !isDirect(from, end) ? moved : change === "instead" ? moved.slice(-1) : []
      const held = asked.length === 0 ? idsOf(end) : way.held.flatMap(idsOf)
      return alone.map((row): Alternative => ({
        change,
        weight: way.loss,
        rows: [row, ...asked].map(({ id }) => ({ row: id, candidates: held })),
      }))
    })
  })
  return [...fewer, ...others]
}

type Weighing = (
  pairing: Pick<Pairing, "delivered" | "held" | "moved">,
  candidate: { readonly from: number; readonly to: number; readonly judged: Judged },
) => number

/** A merchant that both generations know is not another one under a new name. */
const weighing = (context: Context): Weighing => {
  const { delivered, held } = context.request
  const isKnown = { delivered: knownAmong(context, delivered), held: knownAmong(context, held) }
  return ({ delivered, held, moved }, { from, judged, to }) => {
    const [one, other] = [delivered[from]?.one, held[to]?.one]
    const areKnown =
      judged.doubt !== null && one !== undefined && other !== undefined && isKnown.held(one) && isKnown.delivered(other)
    return weigh(context, judged, moved) - (areKnown ? context.policy.bits.bothKnown : 0)
  }
}

/** Whether a row of that merchant is among others. Texts are found by how they begin, so that few are compared. */
const knownAmong = ({ compare, describe }: Context, rows: ReadonlyArray<Row>) => {
  const known = new Map<Description, boolean>()
  let beginning: Map<string, Set<Description>> | undefined
  const startOf = ({ skeleton }: Description) => skeleton.slice(0, 5)
  const textsOf = (row: Row) => {
    const { description, merchant } = describe(row)
    return merchant === null ? [description] : [description, merchant]
  }
  const index = () => {
    const texts = new Map<string, Set<Description>>()
    for (const row of rows) {
      for (const text of textsOf(row)) {
        const alike = texts.get(startOf(text))
        if (alike === undefined) texts.set(startOf(text), new Set([text]))
        else alike.add(text)
      }
    }
    return texts
  }
  const isKnown = (text: Description) => {
    beginning ??= index()
    for (const other of beginning.get(startOf(text)) ?? []) if (isAlike(compare(text, other))) return true
    return false
  }
  return (row: Row) =>
    textsOf(row).some((text) => {
      const found = known.get(text) ?? isKnown(text)
      known.set(text, found)
      return found
    })
}
