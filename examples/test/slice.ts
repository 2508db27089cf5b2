/**
 * A first slice through everything, as a scenario that runs on any store: real
 * Google clients against a simulated Google over HTTP, and every port in between.
 */
import { GmailConnect, GmailMessagesView, GmailProvider } from "@holdfast/adapters-gmail"
import { GmailSimulator, Mails } from "@holdfast/adapters-gmail/testing"
import {
  ConnectionHistoryView,
  ConnectionsView,
  Credentials,
  EventStore,
  Ids,
  ProjectionRunner,
  Registration,
  Sync,
  ViewStore,
} from "@holdfast/domain"
import { Duration, Effect, Layer, Stream } from "effect"

export const tenantId = Ids.TenantId.make("t1")
export const ownerId = Ids.OwnerId.make("ada")
export const mailbox = "ada@example.com"
const label = "Reservations"

const session: GmailConnect.Session = { tenantId, ownerId, id: "browser-1" }

/** Google, and the adapter that speaks to it. */
export const google = GmailSimulator.adapter().pipe(
  Layer.provideMerge(GmailSimulator.layer({ mailboxes: [mailbox] })),
  Layer.merge(Registration.Providers.layer({ gmail: {} })),
  // That consent was withdrawn is as certain at once.
  Layer.merge(Layer.succeed(Credentials.ConfirmAfter, Duration.millis(1))),
)

/** A person connects the mailbox: from the button to the answer of the callback. */
export const connect = Effect.fn("slice.connect")(function* (answer: { readonly mailbox: string } = { mailbox }) {
  const simulator = yield* GmailSimulator
  const { url } = yield* GmailConnect.begin({ session, settings: { label } })
  const back = yield* simulator.consent(url, answer)
  return { query: back.searchParams }
})

export const complete = (query: URLSearchParams) => GmailConnect.complete({ query, session })

export const deliver = Effect.fn("slice.deliver")(function* (from: number, count: number) {
  const simulator = yield* GmailSimulator
  const mails = Array.from({ length: count }, (_, index) => Mails.numbered(from + index))
  yield* simulator.deliverAll(mailbox, mails, { labels: [label] })
})

export const sync = Effect.fn("slice.sync")(function* (connectionId: Ids.ConnectionId) {
  return yield* Sync.run(yield* GmailProvider.make, tenantId, connectionId)
})

/** What can be told of the whole history: the rows of all three views and the types of all events. */
export const told = Effect.gen(function* () {
  const log = yield* EventStore.EventLog
  const head = yield* log.head
  yield* ProjectionRunner.catchUp(ConnectionsView, { until: head })
  yield* ProjectionRunner.catchUp(ConnectionHistoryView, { until: head })
  yield* ProjectionRunner.catchUp(GmailMessagesView, { until: head })
  const views = yield* ViewStore.Views
  const events = yield* Stream.runCollect(log.read(EventStore.beginning, { tenantId, sealed: false }))
  return {
    events,
    connections: yield* views.query(ConnectionsView, tenantId, { orderBy: [["connected_at", "asc"]] }),
    history: yield* views.query(ConnectionHistoryView, tenantId),
    messages: yield* views.query(GmailMessagesView, tenantId),
  }
})
