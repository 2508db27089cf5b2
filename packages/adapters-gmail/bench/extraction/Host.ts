/** A host who gets these mails: how they stand on its tape, and the extractor as it is set up there. */
import { Effect, type Schema } from "effect"

import * as ReservationMail from "../../src/extraction/ReservationMail.ts"
import * as GmailApi from "../../src/GmailApi.ts"
import * as Tape from "../../src/Tape.ts"
import { type ReservationMails } from "../../src/testing/index.ts"

export const archived = ({
  raw,
  receivedAt,
}: Pick<ReservationMails.Generated, "raw" | "receivedAt">): Effect.Effect<Schema.Json> =>
  Effect.map(
    Tape.record({
      id: GmailApi.MessageId.make("18c0ffee00000001"),
      threadId: "18c0ffee00000001",
      labelIds: [],
      historyId: GmailApi.HistoryId.make("1"),
      internalDate: receivedAt,
      raw,
    }),
    ({ content }) => content,
  )

/** Its property manager sends through Lodgify. */
export const extractor = ReservationMail.make({ trusted: ["lodgify.com"] })
