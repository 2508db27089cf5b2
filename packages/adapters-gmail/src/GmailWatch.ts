/**
 * Keeps Google announcing what happens in the mailboxes (`users.watch`), where a topic is there to announce it at.
 *
 * Google announces for seven days, one watch for each mailbox, whoever asked. So every connection asks for the labels of
 * all connections of its mailbox, once a day; and only the last one that leaves has it stopped. None of it is recorded:
 * what is not announced is found by polling.
 *
 * @see https://developers.google.com/workspace/gmail/api/reference/rest/v1/users/watch
 */
import { Controls, Credentials, type EventStore, type Ids } from "@holdfast/domain"
import { Clock, DateTime, Duration, Effect, Redacted, Result, Schedule } from "effect"

import { GmailApi, type LabelId, type Mailbox } from "./GmailApi.ts"
import { GmailMailboxes, type Watcher } from "./GmailMailboxes.ts"
import * as GmailProvider from "./GmailProvider.ts"
import * as GmailSecret from "./GmailSecret.ts"
import { type GoogleError } from "./GoogleError.ts"

export interface Settings {
  /** Where Google announces: `projects/<project>/topics/<topic>`. */
  readonly topic: string
}

/** How often a mailbox is watched anew: Google advises daily. */
const rearmAfter = Duration.days(1)

/** What ends sooner than this is told: asking again has failed for days. */
const warnBefore = Duration.hours(48)

/** How often it is looked whether there is something to do, and how long what failed is left alone. */
const lookEvery = Duration.minutes(5)
const retryAfter = Duration.hours(1)

/**
 * Has the mailbox of a connection watched, for all its connections. Returns when Google stops by itself. Fails with
 * `SyncDisabled` where an operator's switch is off.
 */
export const arm = Effect.fn("GmailWatch.arm")(function* (
  { topic }: Settings,
  { connectionId, tenantId }: Pick<Watcher, "connectionId" | "tenantId">,
) {
  const mailboxes = yield* GmailMailboxes
  yield* Controls.ensureEnabled(tenantId, { provider: GmailProvider.id, connectionId })
  return yield* ask(tenantId, connectionId, (mailbox, address) =>
    Effect.flatMap(mailboxes.of(address), (watchers) => mailbox.watch({ topic, labelIds: labelsOf(watchers) })),
  )
})

/**
 * Has the mailbox of a connection not watched any more, if no other connection needs it. To be called when one is
 * disconnected, before its credentials are removed.
 */
export const disarm = Effect.fn("GmailWatch.disarm")(function* (
  tenantId: Ids.TenantId,
  connectionId: Ids.ConnectionId,
) {
  const mailboxes = yield* GmailMailboxes
  yield* ask(tenantId, connectionId, (mailbox, address) =>
    Effect.flatMap(mailboxes.of(address), (watchers) =>
      watchers.some((watcher) => watcher.connectionId !== connectionId) ? Effect.void : mailbox.stop,
    ),
  )
})

/**
 * Runs until it is interrupted: watches the mailbox of every connection at work, anew every day, and within five minutes
 * where one came or chose another label; until then it is polled like any other. What fails is tried again an hour later.
 * A watch that ends within 48 hours, or that ended, is logged as `gmail_watch_expiring`, once a day.
 */
export const run = Effect.fn("GmailWatch.run")(function* (settings: Settings) {
  const mailboxes = yield* GmailMailboxes
  const watches = new Map<string, Watched>()

  const tend = Effect.fnUntraced(function* (watcher: Watcher) {
    const key = keyOf(watcher)
    const { connectionId, labelId } = watcher
    const now = yield* Clock.currentTimeMillis
    const before = watches.get(key)
    if (before !== undefined && before.labelId === labelId && now < before.dueAt) return
    const armed = yield* Effect.result(arm(settings, watcher))
    if (Result.isSuccess(armed)) {
      watches.set(key, { labelId, dueAt: now + millis(rearmAfter), until: DateTime.toEpochMillis(armed.success) })
      return
    }
    const failed = { ...before, labelId, dueAt: now + millis(retryAfter) }
    watches.set(key, failed)
    const { _tag: problem } = armed.failure
    yield* Effect.annotateLogs(Effect.logWarning(`A mailbox is not watched: ${problem}`), { connectionId })
    if (failed.until === undefined || failed.until - now >= millis(warnBefore) || now < (failed.warnAt ?? 0)) return
    watches.set(key, { ...failed, warnAt: now + millis(rearmAfter) })
    yield* Effect.annotateLogs(Effect.logWarning("gmail_watch_expiring"), {
      event: "gmail_watch_expiring",
      connectionId,
      hoursLeft: Math.max(0, Math.floor((failed.until - now) / millis("1 hour"))),
    })
  })

  const look = Effect.gen(function* () {
    const watchers = yield* mailboxes.all
    const present = new Set(watchers.map(keyOf))
    for (const key of watches.keys()) if (!present.has(key)) watches.delete(key)
    yield* Effect.forEach(watchers, tend, { concurrency: 8, discard: true })
  }).pipe(Effect.catch(({ _tag }) => Effect.logWarning(`The mailboxes cannot be looked up: ${_tag}`)))

  return yield* Effect.repeat(look, Schedule.spaced(lookEvery))
})

/** What was asked of Google. Times are epoch milliseconds. */
interface Watched {
  readonly labelId: LabelId | undefined
  /** When to ask again. */
  readonly dueAt: number
  /** When Google stops by itself; none where it never was asked successfully. */
  readonly until?: number
  /** When its end may be told again. */
  readonly warnAt?: number
}

const millis = (duration: Duration.Input) => Duration.toMillis(duration)

const keyOf = ({ connectionId, tenantId }: Watcher) => JSON.stringify([tenantId, connectionId])

const labelsOf = (watchers: ReadonlyArray<Watcher>) => [
  ...new Set(watchers.flatMap(({ labelId }) => (labelId === undefined ? [] : [labelId]))),
]

/** Asks the mailbox of a connection that has credentials. */
const ask = Effect.fnUntraced(function* <A>(
  tenantId: Ids.TenantId,
  connectionId: Ids.ConnectionId,
  request: (mailbox: Mailbox, address: string) => Effect.Effect<A, GoogleError | EventStore.EventStoreUnavailable>,
) {
  const api = yield* GmailApi
  const provider = yield* GmailProvider.make
  const { secret } = yield* Credentials.fresh(provider, tenantId, connectionId)
  const { accessToken, address, identity } = GmailSecret.granted(secret)
  return yield* request(api.mailbox(Redacted.make(accessToken), identity), address)
})
