/**
 * What a measure found, as a table for people and as JSON lines for machines.
 */
import { appendFileSync, writeFileSync } from "node:fs"

import { median, ratios, type Samples } from "./Contest.ts"

/** One figure and the bar it has to clear. */
export interface Finding {
  readonly measure: number
  readonly what: string
  /** `1.23×`, `50,000 /s`, … */
  readonly unit: "×" | "/s" | "s" | "ms" | "MB"
  readonly samples: Samples
  /** The same in time of the processors that this process used, whoever else wanted them: tells a slow machine from slow code. */
  readonly cpu?: Samples | undefined
  /** None: for information only. */
  readonly bar?: { readonly atLeast: number } | { readonly atMost: number } | undefined
  /** The rates behind a ratio. */
  readonly rates?: { readonly ours: Samples; readonly theirs: Samples } | undefined
  readonly note?: string | undefined
}

/** Our rate through another's. */
export const versus = (
  finding: Pick<Finding, "measure" | "what" | "note">,
  ours: Samples,
  theirs: Samples,
  atLeast?: number,
): Finding => ({
  ...finding,
  unit: "×",
  samples: ratios(ours, theirs),
  rates: { ours, theirs },
  ...(atLeast !== undefined && { bar: { atLeast } }),
})

const passes = ({ bar, samples }: Finding): boolean => {
  if (bar === undefined) return true
  return "atLeast" in bar ? median(samples) >= bar.atLeast : median(samples) <= bar.atMost
}

/** A line of the table; the columns are as wide as {@link heading}'s. */
export const line = (finding: Finding): string => {
  const { bar, cpu, measure, note, rates, samples, unit, what } = finding
  const spread = samples.length > 1 ? `${figure(Math.min(...samples))}–${figure(Math.max(...samples))}` : ""
  const required = bar === undefined ? "" : "atLeast" in bar ? `≥ ${figure(bar.atLeast)}` : `≤ ${figure(bar.atMost)}`
  const verdict = bar === undefined ? "" : passes(finding) ? "pass" : "BELOW"
  const behind = rates === undefined ? "" : `${figure(median(rates.ours))} against ${figure(median(rates.theirs))} /s`
  const processors = cpu === undefined ? "" : `${figure(median(cpu))} ${unit} of CPU`
  return columns([
    `${measure}`,
    what,
    `${figure(median(samples))} ${unit}`,
    spread,
    required,
    verdict,
    [behind, processors, note].filter(Boolean).join("; "),
  ])
}

export const heading = (): string => columns(["", "measure", "median", "min–max", "bar", "", "rates"])

/** Starts the file anew; each finding becomes a line of it. */
export const jsonLines = (path: string) => {
  writeFileSync(path, "")
  return (finding: Finding): void => {
    const { bar, samples } = finding
    const record = { ...finding, median: median(samples), ...(bar !== undefined && { pass: passes(finding) }) }
    appendFileSync(path, `${JSON.stringify(record)}\n`)
  }
}

const widths = [2, 64, 12, 17, 9, 6]

const columns = (cells: ReadonlyArray<string>) =>
  cells
    .map((cell, index) => cell.padEnd(widths[index] ?? 0))
    .join(" ")
    .trimEnd()

const figure = (value: number): string =>
  value.toLocaleString("en", { maximumFractionDigits: value >= 100 ? 0 : value >= 10 ? 1 : 2 })
