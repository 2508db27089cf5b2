/**
 * Messages a second on one core: parsed, written down and read, each with 100 KB of HTML. In processor time of the thread,
 * so that what else the machine does is not counted. Systems count that in ticks of some milliseconds: sums are right, and
 * a single mail is rounded to ticks. The process is warm, as that of a host is.
 */
import { Effect } from "effect"

import { ReservationMails } from "../../src/testing/index.ts"
import { archived, extractor } from "./Host.ts"
import { type Bar } from "./Tally.ts"

export interface Figures {
  readonly perSecond: number
  /** Milliseconds. */
  readonly mean: number
  readonly p99: number
}

export const measure = async (): Promise<Figures> => {
  const mails = Array.from({ length: 300 }, (_, seed) =>
    ReservationMails.generate(9_000_000 + seed, { boilerplate: 100_000 }),
  )
  await timed(mails)
  const runs = [...(await timed(mails)), ...(await timed(mails))].toSorted((a, b) => a - b)
  const at = (share: number) => runs[Math.floor(runs.length * share)] ?? Number.NaN
  const total = runs.reduce((sum, run) => sum + run, 0)
  return { perSecond: (1_000 * runs.length) / total, mean: total / runs.length, p99: at(0.99) }
}

export const bars = ({ mean, p99, perSecond }: Figures): ReadonlyArray<Bar> => [
  {
    name: "messages a second of a core at 100 KB of HTML ≥ 350",
    value: `${Math.round(perSecond)} (${mean.toFixed(2)} ms each)`,
    holds: perSecond >= 350,
  },
  { name: "99th percentile < 15 ms", value: `${p99.toFixed(2)} ms`, holds: p99 < 15 },
]

const timed = async (mails: ReadonlyArray<ReservationMails.Generated>): Promise<ReadonlyArray<number>> => {
  const times: Array<number> = []
  for (const mail of mails) {
    const started = process.threadCpuUsage()
    extractor.extract(await Effect.runPromise(archived(mail)))
    const { system, user } = process.threadCpuUsage(started)
    times.push((user + system) / 1_000)
  }
  return times
}
