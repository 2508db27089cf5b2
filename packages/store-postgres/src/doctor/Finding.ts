/** What a check of the doctor says, and how it says it. */
export type Severity = "ok" | "warning" | "error"

/** What one check found: good or bad. */
export interface Finding {
  /** Stable: `claims.missing`. What is before the dot is the check. */
  readonly code: string
  readonly severity: Severity
  /** A sentence or two for people. No personal data. */
  readonly what: string
  readonly numbers: Readonly<Record<string, number>>
  /** Some of the things that it is about, by their ids. */
  readonly samples: ReadonlyArray<Readonly<Record<string, string | number | null>>>
  /** What to do about it. */
  readonly advice?: string | undefined
}

export const worst = (findings: ReadonlyArray<Finding>): Severity =>
  findings.some(({ severity }) => severity === "error")
    ? "error"
    : findings.some(({ severity }) => severity === "warning")
      ? "warning"
      : "ok"

/** When time makes something worth a warning. */
export const patience = {
  /** Seconds that a transaction may hold back the head. */
  holdingBack: 10,
  /** Seconds that a view may be behind the log. */
  lag: 60,
  /** Seconds that a rebuild may stand still. */
  rebuild: 3_600,
  /** Seconds that a lease may be held for. Some say for a day that something was done. */
  lease: 2 * 86_400,
  /** Seconds that a delivery may wait for its connection. */
  parked: 86_400,
  /** Seconds that credentials may wait for their connection. */
  credentials: 3_600,
  /** Seconds that a connection may wait for its consent. */
  pending: 7 * 86_400,
} as const

/** How many examples a finding has. */
export const sampled = 20

export const finding = (
  code: string,
  severity: Severity,
  what: string,
  more: Partial<Pick<Finding, "advice" | "numbers" | "samples">> = {},
): Finding => ({ code, severity, what, numbers: {}, ...more, samples: (more.samples ?? []).slice(0, sampled) })

export const numeral = (n: number) => n.toLocaleString("en-US")

export const count = (n: number, noun: string) =>
  `${numeral(n)} ${n === 1 ? noun : noun.endsWith("y") && !noun.endsWith("ey") ? `${noun.slice(0, -1)}ies` : `${noun}s`}`

export const duration = (seconds: number) => {
  const [unit, size] = units.find(([, size]) => seconds >= size) ?? (["second", 1] as const)
  return count(Math.round(seconds / size), unit)
}

const units = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
] as const
