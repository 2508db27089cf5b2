/**
 * Google's quota, spent evenly: every request takes its units from its mailbox and from the project before it is sent.
 *
 * A bucket is refilled a little more slowly than Google allows, and holds little. So no minute, wherever it begins, sees
 * more than Google allows, even when requests that left apart arrive together; and while there is work, next to nothing
 * of the quota is left. It lives in this process: processes that share a mailbox share its quota by being throttled.
 *
 * @see https://developers.google.com/workspace/gmail/api/reference/quota
 */
import { Effect } from "effect"

import { elapsed } from "./Elapsed.ts"

/** What Google charges, and how much it allows. */
export interface Quota {
  /** Units by method, as Google names it; 1 for a method that is not here. */
  readonly costs: Readonly<Record<string, number>>
  /** Units that one mailbox may spend in any 60 seconds. */
  readonly perMailbox: number
  /** Units that all mailboxes of the Cloud project may spend together in any 60 seconds. */
  readonly perProject: number
}

const reading = { getProfile: 1, "labels.list": 1, "labels.get": 1, "messages.list": 5, "history.list": 2 }
const watching = { watch: 100, stop: 50 }

/** For Cloud projects that used the Gmail API before 2026-05-01. */
export const quota2025: Quota = {
  costs: { ...reading, ...watching, "messages.get": 5 },
  perMailbox: 15_000,
  perProject: 1_200_000,
}

/** For Cloud projects that are newer. */
export const quota2026: Quota = {
  costs: { ...reading, ...watching, "messages.get": 20 },
  perMailbox: 6_000,
  perProject: 1_200_000,
}

/** For a Google that does not count, such as a simulator. */
export const unlimited: Quota = { costs: quota2026.costs, perMailbox: Infinity, perProject: Infinity }

export interface QuotaBucket {
  /** What a method costs. */
  readonly cost: (method: string) => number
  /** Waits until the mailbox and the project have this many units, and takes them; mailboxes wait for themselves only. */
  readonly take: (mailbox: string, units: number) => Effect.Effect<void>
}

/** Buckets for any number of mailboxes of one project, all of them full. */
export const make = ({ costs, perMailbox, perProject }: Quota): QuotaBucket => {
  const project: Level = { emptyUntil: 0 }
  const mailboxes = new Map<string, Level>()

  const levelOf = (mailbox: string, now: number) => {
    const known = mailboxes.get(mailbox)
    if (known !== undefined) return known
    // A bucket that is full again is like a new one.
    if (mailboxes.size >= keptAtMost) {
      for (const [name, { emptyUntil }] of mailboxes) if (emptyUntil <= now) mailboxes.delete(name)
    }
    const level = { emptyUntil: now }
    mailboxes.set(mailbox, level)
    return level
  }

  const takeFrom = (levelAt: (now: number) => Level, perMinute: number, units: number) =>
    Effect.flatMap(elapsed, (now) => {
      const wait = reserve(levelAt(now), perMinute, units, now)
      return wait > 0 ? Effect.sleep(wait) : Effect.void
    })

  return {
    cost: (method) => costs[method] ?? 1,
    take: (mailbox, units) =>
      Effect.andThen(
        takeFrom((now) => levelOf(mailbox, now), perMailbox, units),
        // Only then: what waits for its own mailbox keeps nothing of the project's from the others.
        takeFrom(() => project, perProject, units),
      ),
  }
}

/** A bucket, by the time at which it would be full if nothing more were taken. Milliseconds of {@link elapsed}. */
interface Level {
  emptyUntil: number
}

/** Of what Google allows in a minute: what is spent, and what of it may be spent at once. The rest is for latency. */
const spent = 0.98
const atOnce = 0.01

/** Takes units, and says for how long to wait before using them: in the order of asking. */
const reserve = (level: Level, perMinute: number, units: number, now: number): number => {
  if (perMinute === Infinity) return 0
  const perMilli = (perMinute * spent) / 60_000
  level.emptyUntil = Math.max(level.emptyUntil, now) + units / perMilli
  return level.emptyUntil - (perMinute * atOnce) / perMilli - now
}

const keptAtMost = 1_000
