/**
 * Keeps Google announcing what happens in the mailboxes (`users.watch`), where a topic is there to announce it at.
 *
 * Google announces for seven days, one watch for each mailbox, whoever asked. So every connection asks for the labels of
 * all connections of its mailbox, once a day; and only the last one that leaves has it stopped.
 *
 * That it was asked is held as a lease, until it is to be asked again: so a process that starts asks for nothing that is
 * asked for already, and of several processes one asks. No event says so, because nothing depends on it: what is not
 * announced is found by polling.
 *
 * @see https://developers.google.com/workspace/gmail/api/reference/rest/v1/users/watch
 */
import { Connection, Controls, Credentials, EventStore, type Ids, Leases } from "@holdfast/domain"
import { Clock, DateTime, Duration, Effect, Redacted, Result, Schedule, Stream } from "effect"

import { GmailApi, type Mailbox } from "./GmailApi.ts"
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

/** How long Google announces. What it says itself is believed, where this process heard it. */
const announcedFor = Duration.days(7)

/** How long asking may keep other processes from asking. */
const asking = Duration.minutes(1)

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
 * Runs until it is interrupted: watches the mailbox of every connection at work, anew every day, and at once where one
 * came or chose another label. What fails is tried again an hour later; until then it is polled like any other. A watch
 * that ends within 48 hours, or that ended, is logged as `gmail_watch_expiring`, once a day.
 */
export const run = Effect.fn("GmailWatch.run")(function* (settings: Settings) {
  const log = yield* EventStore.EventLog
  const mailboxes = yield* GmailMailboxes
  const leases = yield* Leases.Leases
  const watches = new Map<string, Watched>()

  const tend = Effect.fnUntraced(function* (watcher: Watcher) {
    const key = keyOf(watcher)
    const { connectionId, since, tenantId } = watcher
    const now = yield* Clock.currentTimeMillis
    const before = watches.get(key)
    if (before !== undefined && before.since === since && isAhead(before.dueAt, now)) return
    const turn = yield* Effect.result(leases.acquire(tenantId, `gmail-watch:${connectionId}:${since}`, asking))
    if (Result.isFailure(turn)) {
      if (turn.failure._tag !== "LeaseHeld") return yield* turn.failure
      watches.set(key, { ...before, since, ...asHeld(DateTime.toEpochMillis(turn.failure.until), now) })
      return
    }
    const armed = yield* Effect.result(arm(settings, watcher))
    if (Result.isSuccess(armed)) {
      // Where that is not heard of, it is asked once more than needed.
      yield* Effect.ignore(leases.renew(turn.success, rearmAfter))
      watches.set(key, { since, dueAt: now + millis(rearmAfter), until: DateTime.toEpochMillis(armed.success) })
      return
    }
    yield* Effect.ignore(leases.release(turn.success))
    const failed = { ...before, since, dueAt: now + millis(retryAfter) }
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

  const head = yield* Effect.retry(log.head, Schedule.spaced("1 second"))
  return yield* Stream.tick(lookEvery).pipe(
    Stream.merge(log.follow(head, arrivals)),
    // However many came meanwhile, one look sees them all.
    Stream.buffer({ capacity: 1, strategy: "sliding" }),
    Stream.runForEach(() => look),
  )
})

/** The events with which a connection may have come, or have chosen another label. */
const arrivals = {
  categories: [Connection.name],
  types: ["configured", "connected", "resumed"],
  sealed: false,
} satisfies EventStore.LogFilter

/** What was asked of Google. Times are epoch milliseconds. */
interface Watched {
  /** Of the connection that it was asked for. */
  readonly since: number
  /** When to ask again. */
  readonly dueAt: number
  /** When Google stops by itself; none where nobody is known to have asked successfully. */
  readonly until?: number
  /** When its end may be told again. */
  readonly warnAt?: number
}

/** Nothing is due later than a day from now: where it seems to be, the clock was put back meanwhile. */
const isAhead = (dueAt: number, now: number) => now < dueAt && dueAt - now <= millis(rearmAfter)

/** Somebody asked, or is asking: a lease that lasts longer than asking does is that of who was heard. */
const asHeld = (dueAt: number, now: number): Pick<Watched, "dueAt" | "until"> =>
  dueAt - now <= millis(asking) ? { dueAt } : { dueAt, until: dueAt + millis(announcedFor) - millis(rearmAfter) }

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
