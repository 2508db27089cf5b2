/**
 * What several places of a mail say of one thing, weighed: places of different sorts that say the same are believed more
 * than one, and places that contradict each other are not believed at all.
 */
import { type Provenance } from "@holdfast/domain/reservations/ReservationFacts"

/** One place of the mail says this. */
export interface Witness<A> {
  readonly value: A
  readonly source: Provenance
  /** What it is worth at most, where it had to be guessed in part; in hundredths. */
  readonly atMost?: number
}

export interface Weighed<A> {
  readonly value: A
  /** From 0 to 1, in hundredths. */
  readonly confidence: number
  readonly sources: ReadonlyArray<Provenance>
}

/** All that a value can be worth: few numbers, so that whoever sees one knows where it comes from. */
export const worth = {
  /** A place where only the platform writes says it. Never more: what nobody has thought of is one in a hundred. */
  sure: 0.99,
  /** Structured data says it, and nobody else. */
  unseen: 0.95,
  /** Most such values are right, and none is applied before a person was asked: the most that is below the threshold. */
  question: 0.89,
  /** As likely wrong as right. */
  even: 0.5,
} as const

/** The weighed value, as the first of those who agree says it; null if nobody says anything, `"conflict"` if they contradict each other. */
export const weigh = <A>(
  witnesses: ReadonlyArray<Witness<A>>,
  same: (one: A, other: A) => boolean = Object.is,
): Weighed<A> | "conflict" | null => {
  // Prose tells of many things: it may agree with what is said elsewhere, but it contradicts nobody.
  const firm = witnesses.filter(({ source }) => source !== "prose")
  const [first, ...others] = firm.length > 0 ? firm : witnesses
  if (first === undefined) return null
  if (others.some(({ value }) => !same(value, first.value))) return "conflict"
  const agreeing = witnesses.filter(({ value }) => same(value, first.value))
  const sources = strength.flatMap(([source]) => (agreeing.some((one) => one.source === source) ? [source] : []))
  const sure = agreeing.filter(({ atMost }) => atMost === undefined)
  const best = Math.max(...agreeing.map(({ atMost, source }) => Math.min(alone[source], atMost ?? 1)))
  const together = new Set(sure.map(({ source }) => source)).size
  return { value: agreeing[0]?.value ?? first.value, confidence: together >= 2 ? worth.sure : best, sources }
}

/** What a place of this sort is worth when it is the only one. */
const alone: Readonly<Record<Provenance, number>> = {
  link: worth.sure,
  header: worth.sure,
  subject: worth.sure,
  label: worth.sure,
  structured_data: worth.unseen,
  prose: worth.question,
}

const strength: ReadonlyArray<readonly [Provenance, number]> = [
  ["header", alone.header],
  ["link", alone.link],
  ["subject", alone.subject],
  ["label", alone.label],
  ["structured_data", alone.structured_data],
  ["prose", alone.prose],
]
