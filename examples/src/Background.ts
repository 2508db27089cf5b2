/** What a host runs beside answering requests. */
import { GmailConnect, GmailConsents, GmailMessagesView } from "@holdfast/adapters-gmail"
import { PlaidAccounts, PlaidConnect, PlaidProvider, PlaidWebhook } from "@holdfast/adapters-plaid"
import {
  AccountKeysView,
  AccountsView,
  ConnectionHistoryView,
  ConnectionsView,
  EnrichmentReviewsView,
  EnrichmentsView,
  Inbox,
  Nango,
  ProjectionRunner,
  ReviewsView,
  Sync,
  SyncScheduler,
  TransactionsView,
} from "@holdfast/domain"
import { Effect, Layer, Schedule, Stream } from "effect"

import * as Mailboxes from "./Mailboxes.ts"
import { Offer } from "./Offer.ts"

/** The transactions of all banks. */
export const Transactions = TransactionsView.make({ [PlaidProvider.id]: PlaidAccounts.transactionOf })

/** The views that this host reads. */
export const projections = Layer.effectDiscard(
  Effect.gen(function* () {
    yield* Effect.forkScoped(ProjectionRunner.run(ConnectionsView))
    yield* Effect.forkScoped(ProjectionRunner.run(ConnectionHistoryView))
    yield* Effect.forkScoped(ProjectionRunner.run(AccountsView))
    yield* Effect.forkScoped(ProjectionRunner.run(AccountKeysView))
    yield* Effect.forkScoped(ProjectionRunner.run(ReviewsView))
    yield* Effect.forkScoped(ProjectionRunner.run(Transactions))
    yield* Effect.forkScoped(ProjectionRunner.run(GmailMessagesView))
    yield* Effect.forkScoped(ProjectionRunner.run(Mailboxes.Facts))
    yield* Effect.forkScoped(ProjectionRunner.run(EnrichmentsView))
    yield* Effect.forkScoped(ProjectionRunner.run(EnrichmentReviewsView))
  }),
)

/**
 * Looks at every connection as often as it asks for. Beside that it finishes the consents that a process which died had
 * taken, and ends those at Google that nobody finishes. A renewed token that the log does not know of yet is recorded by
 * the first look.
 */
export const sync = Layer.effectDiscard(
  Effect.gen(function* () {
    const { gmail, plaid } = yield* Offer
    const mailboxes = SyncScheduler.run({
      providers: [gmail.id],
      sync: ({ connectionId, tenantId }) => Mailboxes.look(gmail, tenantId, connectionId),
    })
    const banks = SyncScheduler.run({
      providers: [plaid.id],
      sync: ({ connectionId, tenantId }) => Sync.run(plaid, tenantId, connectionId),
    })
    const finish = Effect.retry(GmailConnect.recover(), Schedule.spaced("10 seconds"))
    const lapse = trying("end consents that nobody finishes", GmailConsents.lapse())
    // What can be finished still is finished before anything lapses.
    const consents = Effect.andThen(finish, Effect.repeat(lapse, upkeepEvery))
    yield* Effect.forkScoped(consents)
    yield* Effect.forkScoped(mailboxes)
    yield* Effect.forkScoped(banks)
  }),
)

/**
 * Makes up for what went wrong unnoticed: consents that were not finished and Items that nobody needs any more, reports
 * that came before their connection, and those that nobody ever came for. At the start, and every ten minutes.
 */
export const upkeep = Layer.effectDiscard(
  Effect.gen(function* () {
    const { nango } = yield* Offer
    const inbox = yield* Inbox.Inbox
    const chores = Effect.all([
      trying("finish consents and remove Items", PlaidConnect.recover()),
      trying("apply what banks reported", PlaidWebhook.collectAll()),
      // This host has no key to Nango's own list, so what is found is what waits.
      trying("apply what the broker reported", Nango.reconcile(nango, Stream.empty)),
      trying("let reports expire", inbox.expire("7 days")),
    ])
    yield* Effect.forkScoped(Effect.repeat(chores, upkeepEvery))
  }),
)

const upkeepEvery = Schedule.spaced("10 minutes")

/** What cannot be done now is done the next time, whatever was in its way. */
const trying = <A, E extends { readonly _tag: string }, R>(what: string, chore: Effect.Effect<A, E, R>) =>
  Effect.asVoid(chore).pipe(
    Effect.catch(({ _tag }) => Effect.logWarning(`Not done now (${_tag}): ${what}`)),
    Effect.catchDefect(() => Effect.logError(`Not done now (a defect): ${what}`)),
  )
