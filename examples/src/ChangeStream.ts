/** The feed of changes as server-sent events. */
import { ChangeFeed } from "@holdfast/domain"
import { Schema, Stream } from "effect"

/**
 * One event for each change, under its position: a browser that comes back says the last one it saw, and nothing is
 * missed. A comment now and then keeps what is between from closing a connection that is silent.
 */
export const serverSentEvents = <E, R>(changes: Stream.Stream<ChangeFeed.Change, E, R>) =>
  changes.pipe(
    Stream.map((change) => `id: ${change.position}\nevent: ${change.change}\ndata: ${encode(change)}\n\n`),
    Stream.merge(Stream.map(Stream.tick("15 seconds"), () => ":\n\n")),
    Stream.encodeText,
  )

const encode = Schema.encodeSync(Schema.fromJsonString(ChangeFeed.Change))
