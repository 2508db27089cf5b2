/** Shows on a terminal's stderr how far long work has come, how fast it goes and how long it takes. */
import { Clock, Effect, Stdio } from "effect"

import { Json } from "./Settings.ts"

export interface Step {
  /** What is being done: `folding`. */
  readonly phase: string
  /** How far, and of how much, in whatever unit tells best; none where the end is not known. */
  readonly done?: number | undefined
  readonly of?: number | undefined
  /** How many things were done, and what they are. */
  readonly count: number
  readonly unit: string
}

/** Does something long, which tells of its steps, where there is somebody to tell. The line is gone when it ends. */
export const shown = Effect.fnUntraced(function* <A, E, R>(
  work: (tell: (step: Step) => Effect.Effect<void>) => Effect.Effect<A, E, R>,
) {
  const stdio = yield* Stdio.Stdio
  const isWatched = (yield* stdio.stderrIsTerminal) && !(yield* Json)
  if (!isWatched) return yield* work(() => Effect.void)

  let phase = ""
  let began = 0
  let from = 0
  let drawn = 0
  const draw = (text: string) => Effect.sync(() => void process.stderr.write(`\r\u001B[2K${text}`))
  const tell = (step: Step) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      if (step.phase !== phase) {
        phase = step.phase
        began = now
        from = step.done ?? 0
        drawn = 0
      }
      if (now - drawn < redraw) return Effect.void
      drawn = now
      return draw(line(step, { milliseconds: now - began, from }).slice(0, (process.stderr.columns ?? 80) - 1))
    })
  return yield* Effect.ensuring(work(tell), draw(""))
})

/** One line: phase, bar, share, count, rate and the time left. */
export const line = (step: Step, since: { readonly milliseconds: number; readonly from: number }): string => {
  const seconds = since.milliseconds / 1000
  const parts = [step.phase.padEnd(11)]
  const share = step.of === undefined || step.done === undefined ? undefined : step.of === 0 ? 1 : step.done / step.of
  if (share !== undefined) {
    const filled = Math.round(Math.min(1, share) * barLength)
    parts.push(
      `${"█".repeat(filled)}${"░".repeat(barLength - filled)} ${String(Math.floor(Math.min(1, share) * 100)).padStart(3)} %`,
    )
  }
  parts.push(`${step.count.toLocaleString("en-US")} ${step.unit}`)
  if (seconds > 0.5) {
    parts.push(`${Math.round(step.count / seconds).toLocaleString("en-US")}/s`)
    const advanced = (step.done ?? 0) - since.from
    if (share !== undefined && advanced > 0) {
      parts.push(`${left((((step.of ?? 0) - (step.done ?? 0)) / advanced) * seconds)} left`)
    }
  }
  return parts.join("  ")
}

const left = (seconds: number) =>
  seconds < 90
    ? `${Math.max(0, Math.ceil(seconds))} s`
    : seconds < 5_400
      ? `${Math.round(seconds / 60)} min`
      : `${Math.round(seconds / 3_600)} h`

const barLength = 20

/** Milliseconds. */
const redraw = 100
