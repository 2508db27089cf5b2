/**
 * The first slice, whole: mails from a simulated Gmail over HTTP, through
 * Google's client, onto the tape, and into the view. The simulator runs in this
 * process too, so it takes its share of the two cores.
 */
import { GmailConnect, GmailMessagesView, GmailProvider } from "@holdfast/adapters-gmail"
import { GmailSimulator, Mails } from "@holdfast/adapters-gmail/testing"
import { Ids, ProjectionRunner, Registration, Sync } from "@holdfast/domain"
import { Effect, Layer } from "effect"

import { pace } from "../Contest.ts"
import { tenantId } from "../Histories.ts"
import { type Measure } from "../Measure.ts"
import { type Finding } from "../Report.ts"
import * as Server from "../Server.ts"

const label = "Reservations"

export const slice: Measure = {
  number: 7,
  title: "the slice: mails from simulator to view",
  run: Effect.fn("Slice")(function* ({ admin, quick }) {
    const { context } = yield* Server.holdfast(admin)
    const mails = Array.from({ length: quick ? 200 : 2_000 }, (_, index) => Mails.numbered(index))

    const samples = yield* Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const gmail = yield* GmailProvider.make
      return yield* Effect.forEach(Array.from({ length: quick ? 2 : 5 }).keys(), (repetition) =>
        Effect.gen(function* () {
          const mailbox = `reader${repetition}@example.com`
          yield* simulator.addMailbox(mailbox)
          yield* simulator.deliverAll(mailbox, mails, { labels: [label] })
          const session = { tenantId, ownerId: Ids.OwnerId.make(`reader${repetition}`), id: "browser" }
          const { url } = yield* GmailConnect.begin({ session, settings: { label } })
          const back = yield* simulator.consent(url, { mailbox })
          const { connectionId } = yield* GmailConnect.complete({ query: back.searchParams, session })
          return yield* pace(
            Effect.gen(function* () {
              const { added } = yield* Sync.run(gmail, tenantId, connectionId)
              yield* ProjectionRunner.catchUp(GmailMessagesView)
              return added
            }),
          )
        }),
      )
    }).pipe(Effect.provide(google), Effect.provide(context))
    const what = "the slice: mails from simulator to view, no quota"
    return [{ measure: 7, what, unit: "/s", samples, bar: { atLeast: 300 } }] satisfies ReadonlyArray<Finding>
  }),
}

const google = GmailSimulator.adapter().pipe(
  Layer.provideMerge(GmailSimulator.layer()),
  Layer.merge(Registration.Providers.layer({ gmail: {} })),
)
